"""The Parameters tab: preset, system prompt, a row for each parameter, and what is known of the model."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from PySide6.QtCore import QRectF, QSignalBlocker, QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QHBoxLayout,
    QInputDialog,
    QPushButton,
    QSizePolicy,
    QSpacerItem,
    QVBoxLayout,
    QWidget,
)

from drover.domain.endpoint import ModelCard, ParameterFact
from drover.domain.parameters import SPECS, UNSET, Preset, SamplingParameters
from drover.ui import formats
from drover.ui.controls import (
    QUIET_PADDING,
    Button,
    ComboBox,
    ElidedLabel,
    GrowingTextEdit,
    Hairline,
    IconButton,
    Label,
    Menu,
    OverlayScrollArea,
    Paragraph,
    QuietButton,
)
from drover.ui.made_row import made_row
from drover.ui.parameter_rows import ParameterRow
from drover.ui.theme import draw_frame, draw_icon, theme

_PADDING = 16
_LARGEST_UNKNOWN_REPLY = 131_072
"""Where the slider of max_tokens ends while the model's own limit is unknown."""


class ParameterPanel(QWidget):
    """Shows what would be sent and lets a person change it; changes nothing it was given.

    Signals:
        parameters_edited: the new SamplingParameters, once per change by a person.
        system_prompt_edited: the new text.
        preset_chosen: the id of a preset, or None for no preset.
        preset_save_requested: the name under which the current values should be kept.
        preset_delete_requested: the id of the preset.
        reset_requested: unset every parameter.
        forget_requested: the wire name of a parameter that should be sent again although it was rejected.
    """

    parameters_edited = Signal(object)
    system_prompt_edited = Signal(str)
    preset_chosen = Signal(object)
    preset_save_requested = Signal(str)
    preset_delete_requested = Signal(str)
    reset_requested = Signal()
    forget_requested = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._parameters = UNSET
        self._preset: Preset | None = None
        self._was_more_touched = False
        self._rows: dict[str, ParameterRow] = {}
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(0)
        outer.addWidget(self._made_scroll_area(), 1)
        self._card = _CardView(self)
        outer.addWidget(self._card)
        self._card.hide()
        self.display(UNSET, "", (), None)

    def display(
        self, parameters: SamplingParameters, system_prompt: str, presets: Sequence[Preset],
        preset_id: str | None,
    ) -> None:  # fmt: skip
        """Shows these values without a signal; an editor that already holds its value is left alone."""
        self._parameters = parameters
        self._preset = next((preset for preset in presets if preset.id == preset_id), None)
        self._preset_bar.display(presets, self._preset)
        self._prompt.set_text(system_prompt)
        self._show_parameters()

    def display_facts(self, facts: Sequence[ParameterFact]) -> None:
        """Shows what the chosen model did with parameters; those it rejected stay out of the request."""
        known = {fact.name: fact for fact in facts}
        for name, row in self._rows.items():
            row.display_fact(known.get(name))
        self._show_counts()

    def display_card(self, card: ModelCard | None) -> None:
        """Shows what is known of the chosen model; it also bounds the slider of max_tokens."""
        self._card.setVisible(card is not None)
        longest = None
        if card is not None:
            self._card.display(card)
            longest = card.max_output_tokens or card.context_tokens
        self._rows["max_tokens"].set_maximum(longest or _LARGEST_UNKNOWN_REPLY)

    def _made_scroll_area(self) -> OverlayScrollArea:
        content = QWidget()
        content.setObjectName("parameters")
        column = QVBoxLayout(content)
        column.setContentsMargins(_PADDING, 12, _PADDING - QUIET_PADDING, 8)
        column.setSpacing(0)
        self._preset_bar = _PresetBar(content)
        self._preset_bar.chosen.connect(self.preset_chosen)
        self._preset_bar.save_requested.connect(self.preset_save_requested)
        self._preset_bar.delete_requested.connect(self.preset_delete_requested)
        self._prompt = GrowingTextEdit(self.tr("System prompt"), parent=content)
        self._prompt.set_placeholder(self.tr("None is sent"))
        self._prompt.text_edited.connect(self._report_prompt)
        column.addLayout(_indented(self._preset_bar))
        column.addSpacing(12)
        column.addWidget(Label(self.tr("System prompt"), role="small", token="text-2", parent=content))
        column.addSpacing(4)
        column.addLayout(_indented(self._prompt))
        column.addSpacing(12)
        column.addLayout(self._made_header(content))
        column.addSpacing(4)
        self._add_rows(column, content)
        column.addStretch(1)
        self._legend = _Legend(content)
        column.addSpacing(12)
        column.addWidget(self._legend)
        self._scroll_area = OverlayScrollArea(self)
        self._scroll_area.setWidget(content)
        return self._scroll_area

    def _made_header(self, content: QWidget) -> QHBoxLayout:
        self._heading = ElidedLabel("", weight=600, parent=content)
        self._reset = _ResetButton(self.tr("Reset"), compact=True, parent=content)
        self._reset.setAccessibleName(self.tr("Reset parameters"))
        self._reset.setToolTip(self.tr("Take every parameter out of the request"))
        self._reset.clicked.connect(self.reset_requested)
        header = QHBoxLayout()
        header.setSpacing(8)
        header.addWidget(self._heading, 1)
        header.addWidget(self._reset)
        return header

    def _add_rows(self, column: QVBoxLayout, content: QWidget) -> None:
        self._explanation = Paragraph(
            self.tr(
                "The server’s own defaults apply. Tick a parameter to send it; "
                "untick it and its key is gone from the request."
            ),
            token="text-2",
            parent=content,
        )
        column.addLayout(_indented(self._explanation))
        self._column = column
        self._explanation_gap = QSpacerItem(0, 8)
        column.addItem(self._explanation_gap)
        self._more = _Disclosure(self.tr("More parameters"), content)
        self._more.clicked.connect(self._touch_more)
        for common in (True, False):
            if not common:
                column.addSpacing(4)
                column.addLayout(_indented(self._more))
            for name, spec in SPECS.items():
                if spec.is_common == common:
                    row = made_row(spec, content)
                    row.edited.connect(self._edit)
                    row.forget_requested.connect(self.forget_requested)
                    self._rows[name] = row
                    column.addLayout(_indented(row))

    def _show_parameters(self) -> None:
        parameters, preset = self._parameters, self._preset
        for name, row in self._rows.items():
            value = parameters.get(name)
            is_from_preset = preset is not None and value is not None and preset.parameters.get(name) == value
            row.display(value, is_from_preset=is_from_preset)
        self._show_counts()
        self._show_whether_changed()

    def _show_counts(self) -> None:
        count = self._count_sent(self._rows)
        self._heading.setText(
            self.tr("{count} of {all} parameters sent").format(count=count, all=len(self._rows))
            if count
            else self.tr("No parameters sent")
        )
        is_any_set = len(self._parameters) > 0
        self._reset.setEnabled(is_any_set)
        self._explanation.setVisible(not is_any_set)
        self._explanation_gap.changeSize(0, 0 if is_any_set else 8)
        self._column.invalidate()
        self._legend.setVisible(is_any_set)
        self._show_more()

    def _count_sent(self, names: Iterable[str]) -> int:
        return sum(
            self._parameters.get(name) is not None and not self._rows[name].is_rejected for name in names
        )

    def _show_more(self) -> None:
        names = [name for name, row in self._rows.items() if not row.spec.is_common]
        count = self._count_sent(names)
        self._more.set_detail(self.tr("{count} of {all} sent").format(count=count, all=len(names)))
        if count and not self._was_more_touched:
            self._more.setChecked(True)
        for name in names:
            self._rows[name].setVisible(self._more.isChecked())

    def _show_whether_changed(self) -> None:
        preset, prompt = self._preset, self._prompt.toPlainText()
        if preset is None:
            is_worth_saving = len(self._parameters) > 0 or bool(prompt.strip())
        else:
            is_worth_saving = preset.parameters != self._parameters or preset.system_prompt != prompt
        self._preset_bar.set_changed(is_worth_saving)

    def _touch_more(self) -> None:
        self._was_more_touched = True
        self._show_more()

    def _edit(self, name: str, value: object) -> None:
        edited = self._parameters.replaced(name, value)  # type: ignore[arg-type]
        if edited != self._parameters:
            self._parameters = edited
            self._show_parameters()
            self.parameters_edited.emit(edited)

    def _report_prompt(self, text: str) -> None:
        self._show_whether_changed()
        self.system_prompt_edited.emit(text)


def _indented(widget: QWidget) -> QHBoxLayout:
    """Keeps a widget off the strip at the right that only the padding of quiet buttons may enter."""
    line = QHBoxLayout()
    line.setContentsMargins(0, 0, QUIET_PADDING, 0)
    line.setSpacing(0)
    line.addWidget(widget)
    return line


class _PresetBar(QWidget):
    """Choice of a preset, Save, and what else can be done with it."""

    chosen = Signal(object)
    save_requested = Signal(str)
    delete_requested = Signal(str)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._preset: Preset | None = None
        self._combo = ComboBox(self.tr("Preset"), parent=self)
        self._combo.activated.connect(self._choose)
        self._save = Button(self.tr("Save"), parent=self)
        self._save.setAccessibleName(self.tr("Save preset"))
        self._save.clicked.connect(self._save_or_ask)
        self._more = IconButton("more", self.tr("More about presets"), parent=self)
        self._more.clicked.connect(self._open_menu)
        self._menu = Menu(self)
        self._save_as = self._menu.addAction(self.tr("Save as…"))
        self._save_as.triggered.connect(self._ask_name)
        self._delete = self._menu.addAction(self.tr("Delete preset"))
        self._delete.triggered.connect(self._request_deletion)
        line = QHBoxLayout(self)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(8)
        line.addWidget(self._combo, 1)
        line.addWidget(self._save)
        line.addWidget(self._more)

    def display(self, presets: Sequence[Preset], chosen: Preset | None) -> None:
        """Shows the names and which one is chosen."""
        self._preset = chosen
        wanted: list[tuple[str, str | None]] = [(self.tr("No preset"), None)]
        wanted += [(preset.name, preset.id) for preset in presets]
        shown = [(self._combo.itemText(i), self._combo.itemData(i)) for i in range(self._combo.count())]
        with QSignalBlocker(self._combo):
            if shown != wanted:
                self._combo.clear()
                for name, preset_id in wanted:
                    self._combo.addItem(name, preset_id)
            self._combo.set_token("text" if chosen else "text-2")
            self._combo.setCurrentIndex(max(0, self._combo.findData(chosen.id)) if chosen else 0)
        self._delete.setEnabled(chosen is not None)
        self._combo.update()

    def set_changed(self, is_changed: bool) -> None:
        """Whether there is something that saving would keep."""
        self._save.setEnabled(is_changed)
        self._combo.set_suffix(self.tr("(changed)") if is_changed and self._preset is not None else "")

    def _choose(self, index: int) -> None:
        self.chosen.emit(self._combo.itemData(index))

    def _save_or_ask(self) -> None:
        if self._preset is None:
            self._ask_name()
        else:
            self.save_requested.emit(self._preset.name)

    def _ask_name(self) -> None:
        dialog = QInputDialog(self)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setWindowTitle(self.tr("Save preset"))
        dialog.setLabelText(self.tr("Name of the preset"))
        dialog.resize(theme().px(360), 0)
        dialog.setOkButtonText(self.tr("Save"))
        dialog.textValueSelected.connect(self._save_under)
        dialog.open()

    def _save_under(self, name: str) -> None:
        if name.strip():
            self.save_requested.emit(name.strip())

    def _open_menu(self) -> None:
        place = self._more.mapToGlobal(self._more.rect().bottomRight())
        place.setX(place.x() - self._menu.sizeHint().width())
        place.setY(place.y() + 4)
        self._menu.popup(place)

    def _request_deletion(self) -> None:
        if self._preset is not None:
            self.delete_requested.emit(self._preset.id)


class _ResetButton(QuietButton):
    """Keeps its place and its name while there is nothing to reset, but is not painted."""

    def paintEvent(self, event: QPaintEvent) -> None:
        """Nothing while disabled."""
        if self.isEnabled():
            super().paintEvent(event)


class _Disclosure(QPushButton):
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


class _Legend(QWidget):
    """What the three looks of a check box mean."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._entries = (
            (self.tr("set here"), "accent", "", False),
            (self.tr("from the preset"), "text-2", "", True),
            (self.tr("not sent"), "raised", "strong", False),
        )
        self.setAccessibleName(
            self.tr("Coloured box: set here. Grey box: from the preset. Empty box: not sent.")
        )
        theme().changed.connect(self._restyle)
        self._restyle()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Small boxes with their words."""
        painter = QPainter(self)
        colors = theme()
        painter.setFont(colors.font("small"))
        side, x, height = colors.px(12), 0.0, self.height()
        for words, fill, edge, has_bookmark in self._entries:
            box = QRectF(x, (height - side) / 2, side, side)
            draw_frame(painter, box, 2, fill=colors.color(fill), edge=colors.color(edge) if edge else None)
            x += side + 4
            if has_bookmark:
                draw_icon(painter, QRectF(x, (height - 12) / 2, 12, 12), "bookmark", colors.color("text-2"))
                x += 12 + 3
            painter.setPen(colors.color("text-3"))
            width = colors.measured("small", words)
            painter.drawText(QRectF(x, 0, width + 2, height), int(Qt.AlignmentFlag.AlignVCenter), words)
            x += width + 16
        painter.end()

    def _restyle(self) -> None:
        self.setFixedHeight(theme().px(20))
        self.update()


class _CardView(QWidget):
    """What is known of the model: never a zero where nothing is known."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._name = ElidedLabel("", weight=600, mode=Qt.TextElideMode.ElideMiddle, parent=self)
        self._info = IconButton("info", self.tr("About this model"), compact=True, parent=self)
        self._info.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self._lines = [
            ElidedLabel("", role="small", token=token, parent=self)
            for token in ("text-2", "text-2", "text-3")
        ]
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 12)
        column.setSpacing(0)
        column.addWidget(Hairline(parent=self))
        column.addSpacing(12)
        head = QHBoxLayout()
        head.setContentsMargins(_PADDING, 0, _PADDING, 0)
        head.setSpacing(8)
        head.addWidget(self._name, 1)
        head.addWidget(self._info)
        column.addLayout(head)
        for line in self._lines:
            row = QHBoxLayout()
            row.setContentsMargins(_PADDING, 1, _PADDING, 1)
            row.addWidget(line)
            column.addLayout(row)

    def display(self, card: ModelCard) -> None:
        """Shows the facts that are there."""
        self._name.setText(card.name or card.id)
        texts = (self._capacity(card), self._price(card), self._source(card))
        for line, text in zip(self._lines, texts, strict=True):
            line.setText(text)
            line.setVisible(bool(text))
        facts = [card.id, *card.notes]
        self._info.set_name(self.tr("About this model"), "\n".join(facts))
        self._info.setAccessibleDescription(" ".join(facts))

    def _capacity(self, card: ModelCard) -> str:
        parts = []
        if card.context_tokens is not None:
            parts.append(
                self.tr("{count} tokens of context").format(count=formats.whole(card.context_tokens))
            )
        if card.input_modalities:
            parts.append(", ".join(card.input_modalities))
        return " · ".join(parts)

    def _price(self, card: ModelCard) -> str:
        given, taken = card.input_usd_per_token, card.output_usd_per_token
        if given is None or taken is None:
            return ""
        if given == 0 and taken == 0:
            # A price list is fetched; facts that were never fetched come from a file on this computer.
            is_local = card.fetched_at is None
            return self.tr("Runs on this computer, no cost") if is_local else self.tr("No cost")
        return self.tr("{input} in, {output} out per million tokens").format(
            input=formats.usd_per_million(given), output=formats.usd_per_million(taken)
        )

    def _source(self, card: ModelCard) -> str:
        if not card.source or card.fetched_at is None:
            return card.source
        return f"{card.source}, {formats.ago(card.fetched_at, now=datetime.now(UTC))}"
