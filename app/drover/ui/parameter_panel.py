"""The Parameters tab: preset, system prompt, a row for each parameter, and what is known of the model."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QHBoxLayout,
    QSpacerItem,
    QVBoxLayout,
    QWidget,
)

from drover.domain.conversation import Draft
from drover.domain.endpoint import ModelCard, ParameterFact
from drover.domain.parameters import UNSET, ParameterSpec, Preset, SamplingParameters
from drover.domain.presets import holds
from drover.ui.controls import (
    QUIET_PADDING,
    ElidedLabel,
    GrowingTextEdit,
    Label,
    OverlayScrollArea,
    Paragraph,
    QuietButton,
)
from drover.ui.model_card_view import ModelCardView
from drover.ui.parameter_list import ParameterList
from drover.ui.preset_bar import PresetBar
from drover.ui.theme import draw_frame, draw_icon, theme

_PADDING = 16
_LARGEST_UNKNOWN_REPLY = 131_072
"""Where the slider of max_tokens ends while the model's own limit is unknown."""


class ParameterPanel(QWidget):
    """Shows what would be sent and lets a person change it; changes nothing it was given.

    Signals:
        parameters_edited: the new SamplingParameters, once per change by a person.
        system_prompt_edited: the new text.
        reset_requested: unset every parameter.
        forget_requested: the wire name of a parameter that should be sent again although it was rejected.
        probe_requested: find out which parameters the chosen model takes.
        tools_requested: show the tools of the conversation.
    """

    parameters_edited = Signal(object)
    system_prompt_edited = Signal(str)
    reset_requested = Signal()
    forget_requested = Signal(str)
    probe_requested = Signal()
    tools_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._parameters = UNSET
        self._preset: Preset | None = None
        self._place = ("", "")
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(0)
        outer.addWidget(self._made_scroll_area(), 1)
        self._card = ModelCardView(self)
        outer.addWidget(self._card)
        self._card.probe_requested.connect(self.probe_requested)
        self._card.hide()
        self.display(UNSET, "", (), None)

    def display(
        self, parameters: SamplingParameters, system_prompt: str, presets: Sequence[Preset],
        preset_id: str | None,
    ) -> None:  # fmt: skip
        """Shows these values without a signal; an editor that already holds its value is left alone."""
        self._parameters = parameters
        self._preset = next((preset for preset in presets if preset.id == preset_id), None)
        self.preset_bar.display(presets, self._preset)
        self._prompt.set_text(system_prompt)
        self._show_parameters()

    def display_tools(self, offered: int, kept: int) -> None:
        """How many tools the model may call, and how many there are."""
        tr = self.tr
        if not kept:
            words = tr("Add tools…")
        elif offered < kept:
            words = tr("{0} of {1} offered").format(offered, kept)
        else:
            words = tr("1 tool") if offered == 1 else tr("{0} tools").format(offered)
        self._tools.setText(words)

    def add_row(self, row: QWidget) -> None:
        """Puts something else that belongs to the request below the parameters."""
        self._below.addSpacing(12)
        self._below.addWidget(row)

    def display_place(self, endpoint_id: str, model_id: str) -> None:
        """Where it would be sent, which some presets keep too."""
        self._place = (endpoint_id, model_id)
        self._show_whether_changed()

    def display_facts(self, facts: Sequence[ParameterFact]) -> None:
        """Shows what the chosen model did with parameters; those it rejected stay out of the request."""
        self._list.display_facts(facts)
        self._card.display_probed(max((fact.noted_at for fact in facts if fact.is_probed), default=None))
        self._show_counts()

    def display_specs(self, specs: Sequence[ParameterSpec]) -> None:
        """Shows the parameters that the chosen model takes, in this order; without any, the catalogue.

        Names outside the catalogue are keys of `extra`. What is set and not among them stays in sight.
        """
        self._list.display_specs(specs)
        self._show_counts()

    def display_card(self, card: ModelCard | None) -> None:
        """Shows what is known of the chosen model; it also bounds the slider of max_tokens."""
        self._card.setVisible(card is not None)
        longest = None
        if card is not None:
            self._card.display(card)
            longest = card.max_output_tokens or card.context_tokens
        self._list.set_longest_reply(longest or _LARGEST_UNKNOWN_REPLY)

    def _made_scroll_area(self) -> OverlayScrollArea:
        content = QWidget()
        content.setObjectName("parameters")
        column = QVBoxLayout(content)
        column.setContentsMargins(_PADDING, 12, _PADDING - QUIET_PADDING, 8)
        column.setSpacing(0)
        self.preset_bar = PresetBar(content)
        self._prompt = GrowingTextEdit(self.tr("System prompt"), parent=content)
        self._prompt.set_placeholder(self.tr("None is sent"))
        self._prompt.text_edited.connect(self._report_prompt)
        column.addLayout(_indented(self.preset_bar))
        column.addSpacing(12)
        column.addWidget(Label(self.tr("System prompt"), role="small", token="text-2", parent=content))
        column.addSpacing(4)
        column.addLayout(_indented(self._prompt))
        column.addSpacing(8)
        column.addLayout(self._made_tools(content))
        column.addSpacing(8)
        column.addLayout(self._made_header(content))
        column.addSpacing(4)
        self._explanation = Paragraph(
            self.tr(
                "The server’s own defaults apply. Tick a parameter to send it; "
                "untick it and its key is gone from the request."
            ),
            token="text-2",
            parent=content,
        )
        self._explanation_gap = QSpacerItem(0, 8)
        self._list = ParameterList(content)
        self._list.parameters_edited.connect(self._edit)
        self._list.forget_requested.connect(self.forget_requested)
        column.addLayout(_indented(self._explanation))
        column.addItem(self._explanation_gap)
        column.addLayout(_indented(self._list))
        self._below = QVBoxLayout()
        self._below.setSpacing(0)
        column.addLayout(self._below)
        column.addStretch(1)
        self._column = column
        self._legend = _Legend(content)
        column.addSpacing(12)
        column.addWidget(self._legend)
        self._scroll_area = OverlayScrollArea(self)
        self._scroll_area.setWidget(content)
        return self._scroll_area

    def _made_tools(self, content: QWidget) -> QHBoxLayout:
        self._tools = QuietButton(self.tr("Add tools…"), icon="tool", compact=True, parent=content)
        self._tools.setAccessibleName(self.tr("Tools"))
        self._tools.setToolTip(self.tr("What the model may call in this conversation"))
        self._tools.clicked.connect(self.tools_requested)
        line = QHBoxLayout()
        line.addWidget(Label(self.tr("Tools"), role="small", token="text-2", parent=content))
        line.addStretch(1)
        line.addWidget(self._tools)
        return line

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

    def _show_parameters(self) -> None:
        self._list.display(self._parameters, self._preset.parameters if self._preset else None)
        self._show_counts()
        self._show_whether_changed()

    def _show_counts(self) -> None:
        sent = self._list.count_sent
        self._heading.setText(
            self.tr("{count} of {all} parameters sent").format(count=sent, all=self._list.count)
            if sent
            else self.tr("No parameters sent")
        )
        is_any_set = len(self._parameters) > 0
        self._reset.setEnabled(is_any_set)
        self._explanation.setVisible(not is_any_set)
        self._explanation_gap.changeSize(0, 0 if is_any_set else 8)
        self._column.invalidate()
        self._legend.setVisible(is_any_set)

    def _show_whether_changed(self) -> None:
        preset, prompt = self._preset, self._prompt.toPlainText()
        if preset is None:
            is_worth_saving = len(self._parameters) > 0 or bool(prompt.strip())
        else:
            endpoint_id, model_id = self._place
            now = Draft(
                parameters=self._parameters, system_prompt=prompt, endpoint_id=endpoint_id, model_id=model_id
            )
            is_worth_saving = not holds(preset, now)
        self.preset_bar.set_changed(is_worth_saving)

    def _edit(self, edited: SamplingParameters) -> None:
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


class _ResetButton(QuietButton):
    """Keeps its place and its name while there is nothing to reset, but is not painted."""

    def paintEvent(self, event: QPaintEvent) -> None:
        """Nothing while disabled."""
        if self.isEnabled():
            super().paintEvent(event)


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
