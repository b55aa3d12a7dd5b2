"""Dialogs about presets: the name of one, and what two of them differ in."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Final, NamedTuple

from PySide6.QtCore import QCoreApplication, QPointF, QSignalBlocker, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent, QTextCharFormat, QTextCursor
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLineEdit, QPlainTextEdit, QVBoxLayout, QWidget

from drover.domain.parameters import ParameterValue, Preset
from drover.domain.presets import SHIPPED, ComparedLine, clean_name, compared, compared_lines
from drover.errors import ConfigurationError
from drover.ui import formats
from drover.ui.controls import (
    Button,
    CheckBox,
    ComboBox,
    ElidedLabel,
    Label,
    OverlayScrollArea,
    PrimaryButton,
)
from drover.ui.framed_dialog import FramedDialog, Verdict
from drover.ui.theme import draw_hairline, theme

_ROW_PX: Final = 28
_MOST_ROWS: Final = 10
_MOST_LINES: Final = 12
_LONGEST_VALUE: Final = 300


class _NameDialog(FramedDialog):
    """A field for the name of a preset, and what can be said of the name in it."""

    def __init__(self, title: str, name: str, words: str, parent: QWidget | None) -> None:
        super().__init__(title, parent, width_px=420)
        self._name = QLineEdit(name)
        self._name.setAccessibleName(_t("Name of the preset"))
        self._verdict = Verdict()
        self._cancel = _button(Button, _t("Cancel"))
        self._accept = _button(PrimaryButton, words)
        self.body.addWidget(Label(title, role="title", weight=600))
        self.body.addWidget(self._name)
        self.body.addWidget(self._verdict)
        self.foot.addStretch(1)
        self.foot.addWidget(self._cancel)
        self.foot.addWidget(self._accept)
        self._name.textChanged.connect(self._judge)
        self._name.returnPressed.connect(self._submit)
        self._cancel.clicked.connect(self.reject)
        self._accept.clicked.connect(self._submit)
        self._name.selectAll()
        self._name.setFocus()

    def _judge(self) -> None:
        words, is_refused = "", False
        try:
            words, is_refused = self._words_about(clean_name(self._name.text()))
        except ConfigurationError as error:
            words, is_refused = (error.words if self._name.text().strip() else ""), True
        self._verdict.display(words, is_warning=is_refused)
        self._accept.setEnabled(not is_refused)
        self.make_room()

    def _words_about(self, name: str) -> tuple[str, bool]:
        """What a person should know about the name, and whether it cannot be taken."""
        raise NotImplementedError

    def _submit(self) -> None:
        if self._accept.isEnabled():
            self._tell(clean_name(self._name.text()))
            self.accept()

    def _tell(self, name: str) -> None:
        raise NotImplementedError


class SavePresetDialog(_NameDialog):
    """Asks under which name what is set now should be kept, and whether endpoint and model belong to it.

    Signals:
        save_requested(str, bool): the name, which may be that of an own preset to be replaced, and whether
            endpoint and model are kept too; the dialog closes by itself
    """

    save_requested = Signal(str, bool)

    def __init__(
        self,
        name: str,
        *,
        own_names: Collection[str],
        place: str,
        keeps_place: bool,
        parent: QWidget | None = None,
    ) -> None:
        """`place` names endpoint and model in words; empty where they cannot be kept."""
        super().__init__(_t("Save preset"), name, _t("Save"), parent)
        self._own_names = {known.casefold(): known for known in own_names}
        self._keep = CheckBox(_t("Keep endpoint and model too"))
        self._keep.setAccessibleName(self._keep.text())
        self._keep.setEnabled(bool(place))
        self._keep.setChecked(keeps_place and bool(place))
        what = place or _t("This endpoint is there for this session alone.")
        self._keep.setAccessibleDescription(what)
        line = QHBoxLayout()
        line.setContentsMargins(theme().px(16) + 8, 0, 0, 0)
        line.addWidget(ElidedLabel(what, role="small", token="text-3"))
        kept = QVBoxLayout()
        kept.setSpacing(2)
        kept.addWidget(self._keep)
        kept.addLayout(line)
        self.body.addLayout(kept)
        self.body.addStretch(1)
        self._judge()

    def _words_about(self, name: str) -> tuple[str, bool]:
        replaced = self._own_names.get(name.casefold())
        verb = _t("Replace") if replaced is not None else _t("Save")
        self._accept.setText(verb)
        self._accept.setAccessibleName(verb)
        if replaced is not None:
            return _t("“{0}” will be replaced.").format(replaced), False
        if name.casefold() in _shipped_names():
            return _t("“{0}” comes with Drover; choose another name.").format(name), True
        return "", False

    def _tell(self, name: str) -> None:
        self.save_requested.emit(name, self._keep.isChecked())


class RenamePresetDialog(_NameDialog):
    """Asks for another name.

    Signals:
        rename_requested(str): a name that no other preset has; the dialog closes by itself
    """

    rename_requested = Signal(str)

    def __init__(self, name: str, *, taken_names: Collection[str], parent: QWidget | None = None) -> None:
        """`taken_names` are those of the other presets."""
        super().__init__(_t("Rename preset"), name, _t("Rename"), parent)
        self._taken_names = {taken.casefold(): taken for taken in taken_names}
        self.body.addStretch(1)
        self._judge()

    def _words_about(self, name: str) -> tuple[str, bool]:
        taken = self._taken_names.get(name.casefold())
        words = _t("There is already a preset named “{0}”.").format(taken) if taken is not None else ""
        return words, taken is not None

    def _tell(self, name: str) -> None:
        self.rename_requested.emit(name)


class ComparePresetsDialog(FramedDialog):
    """Two presets side by side: their parameters, those that differ first, and their system prompts."""

    def __init__(
        self,
        presets: Sequence[Preset],
        *,
        one_id: str,
        other_id: str,
        endpoint_names: Mapping[str, str],
        parent: QWidget | None = None,
    ) -> None:
        """`presets` are those to choose from, what is set now among them with an empty id."""
        super().__init__(_t("Compare presets"), parent, width_px=640)
        self._presets = {preset.id: preset for preset in presets}
        self._endpoint_names = endpoint_names
        self._one = _preset_combo(_t("This preset"), presets, one_id)
        self._other = _preset_combo(_t("Other preset"), presets, other_id)
        self._summary = Label(token="text-2")
        self._grid = _Grid()
        self._grid.add_header(self._one, self._other)
        self._scroll_area = OverlayScrollArea(self)
        self._scroll_area.setWidget(self._grid)
        self._prompt_words = Label(role="small", token="text-2")
        self._prompts = _Lines()
        self.body.addWidget(Label(_t("Compare presets"), role="title", weight=600))
        self.body.addWidget(self._summary)
        self.body.addWidget(self._scroll_area)
        self.body.addWidget(self._prompt_words)
        self.body.addWidget(self._prompts)
        self.body.addStretch(1)
        close = _button(PrimaryButton, _t("Close"))
        close.clicked.connect(self.accept)
        self.foot.addStretch(1)
        self.foot.addWidget(close)
        self._one.activated.connect(self._display)
        self._other.activated.connect(self._display)
        self._display()
        self._other.setFocus()

    def _display(self) -> None:
        one, other = self._presets[self._one.currentData()], self._presets[self._other.currentData()]
        rows = self._place_rows(one, other)
        rows += [
            _Row(row.name, _words_of(row.name, row.one), _words_of(row.name, row.other))
            for row in compared(one.parameters, other.parameters)
        ]
        rows.sort(key=lambda row: not row.differs)
        self._grid.display(rows)
        height = self._grid.height_of(min(len(rows), _MOST_ROWS))
        self._scroll_area.setFixedHeight(height)
        is_same_prompt = one.system_prompt == other.system_prompt
        self._summary.setText(_summary(sum(row.differs for row in rows), is_same_prompt=is_same_prompt))
        words = _t("System prompt")
        if is_same_prompt:
            words = (
                _t("System prompt: the same") if one.system_prompt else _t("System prompt: none in either")
            )
        self._prompt_words.setText(words)
        self._prompts.display(compared_lines(one.system_prompt, other.system_prompt))
        self._prompts.setVisible(not is_same_prompt)
        self.make_room()

    def _place_rows(self, one: Preset, other: Preset) -> list[_Row]:
        """Endpoint and model, where one of the presets keeps them: what is set now always has them."""
        if not any(preset.id and (preset.endpoint_id or preset.model_id) for preset in (one, other)):
            return []
        names = [self._endpoint_names.get(preset.endpoint_id, preset.endpoint_id) for preset in (one, other)]
        return [
            _Row(_t("endpoint"), _kept(names[0]), _kept(names[1])),
            _Row(_t("model"), _kept(one.model_id), _kept(other.model_id)),
        ]


class _Cell(NamedTuple):
    """What stands in a table: a value, or words that stand for none."""

    words: str
    is_value: bool


class _Row(NamedTuple):
    """A line of the table."""

    name: str
    one: _Cell
    other: _Cell

    @property
    def differs(self) -> bool:
        """Whether the two cells say different things."""
        return self.one != self.other


class _Grid(QWidget):
    """Names, and the values of two presets: a header over a line, rows of 28 between hairlines."""

    def __init__(self) -> None:
        super().__init__()
        self._count = 0
        self._cells: list[ElidedLabel] = []
        self._layout = QGridLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setHorizontalSpacing(16)
        self._layout.setVerticalSpacing(0)
        for column, stretch in enumerate((9, 10, 10)):
            self._layout.setColumnStretch(column, stretch)

    def add_header(self, one: QWidget, other: QWidget) -> None:
        """What stands above the two columns of values."""
        self._layout.setRowMinimumHeight(0, self._header_height())
        self._layout.addWidget(Label(_t("Parameter"), role="small", token="text-3"), 0, 0)
        for column, widget in enumerate((one, other), 1):
            self._layout.addWidget(widget, 0, column)

    def display(self, rows: Sequence[_Row]) -> None:
        """Replaces the rows."""
        for cell in self._cells:
            self._layout.removeWidget(cell)
            cell.deleteLater()
            cell.hide()
        self._cells.clear()
        for number in range(1, max(self._count, len(rows)) + 1):
            self._layout.setRowMinimumHeight(number, theme().px(_ROW_PX) if number <= len(rows) else 0)
        for number, row in enumerate(rows, 1):
            token, weight = ("text", 500) if row.differs else ("text-3", 400)
            name = ElidedLabel(row.name, role="wire", token=token, weight=weight, parent=self)
            self._add(name, number, 0)
            for column, (words, is_value) in enumerate((row.one, row.other), 1):
                role, look = ("wire", token) if is_value else ("small", "text-3")
                self._add(ElidedLabel(words, role=role, token=look, parent=self), number, column)
        self._count = len(rows)
        self.setMinimumHeight(self.height_of(len(rows)))

    def height_of(self, row_count: int) -> int:
        """Pixels of the header and this many rows."""
        return self._header_height() + row_count * theme().px(_ROW_PX)

    def paintEvent(self, event: QPaintEvent) -> None:
        """The lines below the header and the rows."""
        painter = QPainter(self)
        for number in range(self._count + 1):
            token = "border" if number == 0 else "line"
            place = QPointF(0, self.height_of(number) - 1)
            draw_hairline(painter, place, self.width(), theme().color(token))
        painter.end()

    def _add(self, cell: ElidedLabel, row: int, column: int) -> None:
        self._layout.addWidget(cell, row, column)
        self._cells.append(cell)
        cell.show()

    def _header_height(self) -> int:
        return theme().px(_ROW_PX) + 8


class _Lines(QPlainTextEdit):
    """A comparison of two texts, line by line."""

    def __init__(self) -> None:
        super().__init__()
        self.setAccessibleName(_t("Differences of the system prompts"))
        self.setProperty("surface", "code")
        self.setReadOnly(True)
        self.setTabChangesFocus(True)
        self.setFont(theme().font("wire"))

    def display(self, lines: Sequence[ComparedLine]) -> None:
        """Shows lines with their signs; those that stand in both texts are quieter."""
        self.clear()
        cursor = QTextCursor(self.document())
        for number, line in enumerate(lines):
            look = QTextCharFormat()
            look.setForeground(theme().color("text-3" if line.sign == " " else "text"))
            cursor.insertText(("\n" if number else "") + f"{line.sign} {line.text}", look)
        shown = min(max(len(lines), 2), _MOST_LINES)
        self.setFixedHeight(shown * self.fontMetrics().lineSpacing() + 24)


def _summary(count: int, *, is_same_prompt: bool) -> str:
    if not count and is_same_prompt:
        return _t("They are the same.")
    words = {0: _t("The parameters are the same"), 1: _t("1 difference")}.get(
        count, _t("{0} differences").format(formats.whole(count))
    )
    return words + ("." if is_same_prompt else _t(", and another system prompt."))


def _words_of(name: str, value: ParameterValue | None) -> _Cell:
    if value is None:
        return _Cell(_t("not sent"), False)
    words = formats.parameter_value(name, value)
    return _Cell(words if len(words) <= _LONGEST_VALUE else words[:_LONGEST_VALUE] + "…", True)


def _kept(words: str) -> _Cell:
    return _Cell(words, True) if words else _Cell(_t("as it is chosen"), False)


def _preset_combo(name: str, presets: Sequence[Preset], chosen_id: str) -> ComboBox:
    combo = ComboBox(name)
    with QSignalBlocker(combo):
        for preset in presets:
            combo.addItem(preset.name, preset.id)
        combo.setCurrentIndex(max(0, combo.findData(chosen_id, Qt.ItemDataRole.UserRole)))
    return combo


def _shipped_names() -> set[str]:
    return {shipped.preset.name.casefold() for shipped in SHIPPED.values()}


def _button(kind: type[Button], text: str) -> Button:
    button = kind(text)
    button.setAccessibleName(text)
    return button


def _t(text: str) -> str:
    return QCoreApplication.translate("preset_dialogs", text)
