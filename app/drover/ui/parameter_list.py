"""The rows of the parameters that a model takes: the common ones, and more behind a disclosure."""

from __future__ import annotations

import dataclasses
from collections import deque
from collections.abc import Iterable, Mapping, Sequence

from PySide6.QtCore import QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QBoxLayout, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from drover.domain.endpoint import ParameterFact
from drover.domain.parameters import (
    SPECS,
    UNSET,
    WRITTEN_BY_DROVER,
    Json,
    ParameterSpec,
    ParameterValue,
    SamplingParameters,
    checked,
    narrowed,
    plain,
    typed,
)
from drover.errors import ConfigurationError
from drover.ui.made_row import made_row
from drover.ui.parameter_rows import ParameterRow
from drover.ui.theme import draw_icon, theme

_PAIR_GAP = 16
_PAIRED_ROW_PX = 280
"""The least width of a row that shares its line with another."""


class ParameterList(QWidget):
    """Shows what would be sent of each parameter; tells what a person changes.

    Signals:
        parameters_edited: the SamplingParameters that a person wants, to be displayed by whoever hears it.
        forget_requested: the wire name whose rejection should be forgotten.
    """

    parameters_edited = Signal(object)
    forget_requested = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._parameters = UNSET
        self._preset: SamplingParameters | None = None
        self._own: dict[str, ParameterValue] = {}
        self._of_preset: dict[str, ParameterValue] = {}
        self._facts: Mapping[str, ParameterFact] = {}
        self._longest_reply = 0
        self._was_more_touched = False
        self._wanted: tuple[ParameterSpec, ...] | None = None
        self._specs: dict[str, ParameterSpec] = {}
        self._listed: frozenset[str] = frozenset()
        self._strays: set[str] = set()
        self._rows: dict[str, ParameterRow] = {}
        self._spare: dict[str, ParameterRow] = {}
        self._missing: deque[ParameterSpec] = deque()
        self._last_stop: QWidget = self
        self._last_row: ParameterRow | None = None
        self._pairs: list[QBoxLayout] = []
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(0)
        self._more = Disclosure(self.tr("More parameters"), self)
        self._more.clicked.connect(self._touch_more)
        self.display_specs(())

    @property
    def count(self) -> int:
        """How many parameters can be set."""
        return len(self._listed) + len(self._strays)

    @property
    def count_sent(self) -> int:
        """How many are set, not known to be rejected, and add something to the request."""
        return self._count_sent(self._specs)

    def display(self, parameters: SamplingParameters, preset: SamplingParameters | None) -> None:
        """Shows these values without a signal; `preset` is what the chosen preset would set."""
        self._parameters, self._preset = parameters, preset
        self._display_values()

    def display_facts(self, facts: Sequence[ParameterFact]) -> None:
        """Shows what the model did with parameters."""
        self._facts = {fact.name: fact for fact in facts}
        for name, row in self._rows.items():
            row.display_fact(self._facts.get(name))
        self._show_more()

    def set_longest_reply(self, tokens: int) -> None:
        """Where the slider of max_tokens ends."""
        self._longest_reply = tokens
        if "max_tokens" in self._rows:
            self._rows["max_tokens"].set_maximum(tokens)

    def display_specs(self, specs: Sequence[ParameterSpec]) -> None:
        """Shows these parameters in this order; without any, the whole catalogue.

        What is folded away is made a little later, a row in each turn of the event loop.
        """
        if self._wanted == tuple(specs):
            return
        self._wanted = tuple(specs)
        shown = listed_specs(specs) if specs else list(SPECS.values())
        self._listed, self._strays = frozenset(spec.name for spec in shown), set()
        strays = [
            dataclasses.replace(spec, is_common=False)
            for name, spec in SPECS.items() if name not in self._listed
        ]  # fmt: skip
        self._specs = {spec.name: spec for spec in (*shown, *strays)}
        self._place_rows()
        self._display_values()

    # Rows

    def _place_rows(self) -> None:
        """Puts the rows of common parameters in order; those behind the disclosure follow one by one."""
        self._spare = {**self._spare, **self._rows}
        self._rows = {}
        while self._column.count():
            self._column.takeAt(0)
        for pair in self._pairs:
            pair.deleteLater()
        self._pairs = []
        self._last_stop, self._last_row = self, None
        for spec in self._specs.values():
            if spec.is_common:
                self._place_row(spec)
                self._rows[spec.name].show()
        self._last_row = None
        self._column.addSpacing(4 if self._rows else 0)
        self._column.addWidget(self._more)
        self._add_to_keyboard(self._more)
        is_waiting = bool(self._missing)
        self._missing = deque(spec for spec in self._specs.values() if not spec.is_common)
        for row in self._spare.values():
            row.hide()
        if not is_waiting:
            QTimer.singleShot(0, self, self._place_next)

    def _place_next(self) -> None:
        if self._missing:
            self._place_row(self._missing.popleft())
            self._show_more()
            QTimer.singleShot(0, self, self._place_next)
        else:
            self._drop_spare_rows()

    def _place_missing(self) -> None:
        while self._missing:
            self._place_row(self._missing.popleft())
        self._drop_spare_rows()

    def _place_row(self, spec: ParameterSpec) -> None:
        """Takes the row from before, if it suits, or makes one; it is shown by whoever knows whether to."""
        row = self._spare.get(spec.name)
        if row is not None and row.spec == spec:
            del self._spare[spec.name]
        else:
            row = made_row(spec, self)
            row.edited.connect(self._edit)
            row.forget_requested.connect(self.forget_requested)
        row.set_neighbours(self._listed)
        row.display_fact(self._facts.get(spec.name))
        if spec.name == "max_tokens" and self._longest_reply:
            row.set_maximum(self._longest_reply)
        self._rows[spec.name] = row
        self._add_to_column(spec, row)
        self._add_to_keyboard(row)
        self._display_value(spec.name)

    def _add_to_column(self, spec: ParameterSpec, row: ParameterRow) -> None:
        """Puts a row below the last, or beside it if the two belong together and there is room."""
        neighbour = self._rows.get(spec.next_to)
        if neighbour is None or self._last_row is not neighbour:
            self._column.addWidget(row)
        else:
            pair = QBoxLayout(self._pair_direction())
            pair.setSpacing(_PAIR_GAP if self._is_wide() else 0)
            self._column.takeAt(self._column.count() - 1)
            self._column.addLayout(pair)
            pair.addWidget(neighbour, 1)
            pair.addWidget(row, 1)
            self._pairs.append(pair)
        self._last_row = row

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Rows that belong together stand side by side where both have room."""
        super().resizeEvent(event)
        for pair in self._pairs:
            pair.setDirection(self._pair_direction())
            pair.setSpacing(_PAIR_GAP if self._is_wide() else 0)

    def _is_wide(self) -> bool:
        return self.width() >= 2 * theme().px(_PAIRED_ROW_PX)

    def _pair_direction(self) -> QBoxLayout.Direction:
        return QBoxLayout.Direction.LeftToRight if self._is_wide() else QBoxLayout.Direction.TopToBottom

    def _drop_spare_rows(self) -> None:
        for row in self._spare.values():
            row.setParent(None)
            row.deleteLater()
        self._spare = {}

    def _add_to_keyboard(self, part: QWidget) -> None:
        """Tab goes through the parts from top to bottom, whenever they were made."""
        for widget in (part, *part.findChildren(QWidget)):
            takes_tab = bool(widget.focusPolicy() & Qt.FocusPolicy.TabFocus)
            if takes_tab and widget.focusProxy() is None and widget.window() == self.window():
                QWidget.setTabOrder(self._last_stop, widget)
                self._last_stop = widget

    # Values

    def _display_values(self) -> None:
        self._own = self._own_values(self._parameters)
        self._of_preset = {} if self._preset is None else self._own_values(self._preset)
        self._strays |= self._own.keys() - self._listed
        for name in self._rows:
            self._display_value(name)
        self._show_more()

    def _display_value(self, name: str) -> None:
        value = self._own.get(name)
        is_from_preset = value is not None and self._of_preset.get(name) == value
        self._rows[name].display(value, is_from_preset=is_from_preset)

    def _own_values(self, parameters: SamplingParameters) -> dict[str, ParameterValue]:
        """What each row shows: a key of `extra` belongs to the row of its name, if it suits that row."""
        values = {name: value for name in SPECS if (value := parameters.get(name)) is not None}
        if parameters.extra is None:
            return values
        rest: dict[str, object] = {}
        for name, raw in parameters.extra_keys.items():
            spec = self._specs.get(name)
            value = None if spec is None else _fitting(spec, raw)
            if value is None:
                rest[name] = raw
            else:
                values[name] = value
        if rest or len(parameters.extra_keys) == 0:
            values["extra"] = Json.of(rest)
        else:
            del values["extra"]
        return values

    def _edit(self, name: str, value: ParameterValue | None) -> None:
        if name in SPECS and name != "extra":
            edited = self._parameters.replaced(name, value)
        else:
            edited = self._parameters.replaced("extra", self._edited_extra(name, value))
        if edited != self._parameters:
            self.parameters_edited.emit(edited)

    def _edited_extra(self, name: str, value: ParameterValue | None) -> Json | None:
        """All of `extra` after one of its rows has changed."""
        keys = {key: plain(own) for key, own in self._own.items() if key not in SPECS}
        rest = self._own.get("extra")
        if name == "extra":
            rest = value
        elif value is None:
            keys.pop(name, None)
        else:
            keys[name] = plain(value)
        if rest is None and not keys:
            return None
        return Json.of({**keys, **(plain(rest) if rest is not None else {})})

    def _count_sent(self, names: Iterable[str]) -> int:
        left_out = {name for name, fact in self._facts.items() if fact.is_left_out}
        left_out |= self._parameters.idle_names
        return sum(name in self._own and name not in left_out for name in names)

    def _show_more(self) -> None:
        folded = [name for name, spec in self._specs.items() if not spec.is_common]
        names = [name for name in folded if name in self._listed or name in self._strays]
        count = self._count_sent(names)
        self._more.set_detail(self.tr("{count} of {all} sent").format(count=count, all=len(names)))
        self._more.setVisible(bool(names))
        if not self._was_more_touched and any(name in self._own for name in names):
            self._more.setChecked(True)
        is_open = self._more.isChecked()
        if is_open:
            self._place_missing()
        for name in folded:
            if name in self._rows:
                self._rows[name].setVisible(is_open and name in names)

    def _touch_more(self) -> None:
        self._was_more_touched = True
        self._show_more()


def listed_specs(specs: Sequence[ParameterSpec]) -> list[ParameterSpec]:
    """What a model takes, each after its neighbour; the catalogue's own terms where that knows a name."""
    has_common = any(spec.is_common for spec in specs)
    wanted: dict[str, ParameterSpec] = {}
    for spec in specs:
        name = "max_tokens" if spec.name == "max_completion_tokens" else spec.name
        if name not in WRITTEN_BY_DROVER and name != "extra" and name not in wanted:
            is_common = spec.is_common or not has_common
            known = SPECS.get(name)
            own = dataclasses.replace(spec, name=name, is_common=is_common)
            wanted[name] = own if known is None else narrowed(known, own)
    placed: dict[str, ParameterSpec] = {}
    for spec in wanted.values():
        if spec.next_to not in wanted:
            _place_with_neighbours(spec, wanted, placed)
    for spec in wanted.values():  # those that stand beside each other in a circle
        _place_with_neighbours(spec, wanted, placed)
    return [*placed.values(), SPECS["extra"]]


def _place_with_neighbours(
    spec: ParameterSpec, wanted: Mapping[str, ParameterSpec], placed: dict[str, ParameterSpec]
) -> None:
    if spec.name in placed:
        return
    placed[spec.name] = spec
    for other in wanted.values():
        if other.next_to == spec.name:
            _place_with_neighbours(dataclasses.replace(other, is_common=spec.is_common), wanted, placed)


def _fitting(spec: ParameterSpec, raw: object) -> ParameterValue | None:
    """The value of a key of the body in the terms of its spec; None if it is of another kind."""
    if raw is None and spec.is_nullable:
        return Json("null")
    try:
        return checked(spec, typed(spec, raw))
    except (ConfigurationError, TypeError, ValueError):
        return None


class Disclosure(QPushButton):
    """A row that opens and closes what is below it, with a quiet text at its right end."""

    def __init__(self, text: str, parent: QWidget) -> None:
        super().__init__(text, parent)
        self._detail = ""
        self.setCheckable(True)
        self.setAutoDefault(False)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme().changed.connect(self._restyle)
        self._restyle()

    def set_detail(self, detail: str) -> None:
        """The text at the right end."""
        self._detail = detail
        self.setAccessibleDescription(detail)
        self.update()

    def sizeHint(self) -> QSize:
        """As high as a parameter row."""
        return QSize(200, theme().px(32))

    def minimumSizeHint(self) -> QSize:
        """As high as a parameter row."""
        return QSize(120, theme().px(32))

    def paintEvent(self, event: QPaintEvent) -> None:
        """Chevron, text, detail."""
        painter = QPainter(self)
        colors = theme()
        size = colors.px(12)
        chevron = "chevron-down" if self.isChecked() else "chevron-right"
        place = QRectF(-1, (self.height() - size) / 2, size, size)
        draw_icon(painter, place, chevron, colors.color("text"))
        place = QRectF(self.rect()).adjusted(size + 4, 0, 0, 0)
        painter.setPen(colors.color("text"))
        painter.setFont(colors.font("ui", 500))
        painter.drawText(place, int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft), self.text())
        painter.setPen(colors.color("text-3"))
        painter.setFont(colors.font("small"))
        painter.drawText(
            place, int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight), self._detail
        )
        painter.end()

    def _restyle(self) -> None:
        self.updateGeometry()
        self.update()
