"""What becomes of the thinking of earlier replies: a row of the Parameters tab that tells and lets choose."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from PySide6.QtCore import QCoreApplication, QObject, Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from drover.domain.conversation import Draft, ReasoningReplay
from drover.domain.earlier_thinking import ThinkingPlan
from drover.domain.endpoint import Endpoint
from drover.domain.token_estimate import in_round_figures
from drover.engine.workbench import Workbench
from drover.errors import DroverError
from drover.ui import formats
from drover.ui.combos import QuietCombo
from drover.ui.controls import QUIET_PADDING, Label, Paragraph
from drover.ui.main_window import MainWindow
from drover.ui.shown import ShownConversation


class ThinkingRow(QWidget):
    """The choice, and what it comes to in this conversation.

    Signals:
        chosen(object): a ReasoningReplay, by a person.
    """

    chosen = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._choice = QuietCombo(_t("Thinking of earlier replies"), compact=True, parent=self)
        for policy, words in (
            (ReasoningReplay.AS_REQUIRED, _t("As the server requires")),
            (ReasoningReplay.NEVER, _t("Never sent")),
            (ReasoningReplay.ALWAYS, _t("Sent wherever possible")),
        ):
            self._choice.addItem(words, policy.value)
        self._words = Paragraph("", role="small", token="text-3", parent=self)
        line = QHBoxLayout()
        line.setContentsMargins(0, 0, 0, 0)
        line.addWidget(Label(_t("Thinking of earlier replies"), role="small", token="text-2", parent=self))
        line.addStretch(1)
        line.addWidget(self._choice)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addLayout(line)
        text = QHBoxLayout()
        text.setContentsMargins(0, 0, QUIET_PADDING, 0)
        text.addWidget(self._words)
        column.addLayout(text)
        self._choice.activated.connect(self._choose)

    def display(self, policy: ReasoningReplay, plan: ThinkingPlan) -> None:
        """Shows the choice without a signal, and what is sent or left out because of it."""
        self._choice.setCurrentIndex(self._choice.findData(policy.value))
        words = _amount(plan.replies, plan.tokens)
        form = _t("Sent: {0}; {1}.") if plan.replies else _t("Left out: {0}; {1}.")
        if not plan.replies:
            words = _amount(plan.left_out_replies, plan.left_out_tokens)
        self._words.set_text(form.format(words, plan.reason))
        self.setAccessibleDescription(self._words.text())

    def _choose(self) -> None:
        self.chosen.emit(ReasoningReplay(self._choice.currentData()))


class ThinkingChoice(QObject):
    """Keeps the row true to the draft. Reads the branch only where endpoint, model or choice have changed.

    Signals:
        chosen(object): a ReasoningReplay, by a person.
    """

    chosen = Signal(object)

    def __init__(
        self,
        workbench: Workbench,
        window: MainWindow,
        shown: ShownConversation,
        spawn: Callable[[Coroutine[Any, Any, Any]], None],
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._workbench = workbench
        self._window = window
        self._shown = shown
        self._spawn = spawn
        self._row: ThinkingRow | None = None
        self._key: tuple[object, ...] = ()

    def display(self, draft: Draft, endpoint: Endpoint, model_id: str, after_id: str | None) -> None:
        """Shows what becomes of the thinking up to this message if the draft is sent to this model."""
        key = (after_id, endpoint, model_id, draft.reasoning_replay)
        if key == self._key:
            return
        self._key = key
        has_thinking = any(node.reasoning_chars for node in self._shown.sent_nodes(after_id))
        if after_id is None or not has_thinking:
            self._show(draft.reasoning_replay, ThinkingPlan())
        else:
            self._spawn(self._look(key, after_id, draft))

    async def _look(self, key: tuple[object, ...], after_id: str, draft: Draft) -> None:
        try:
            plan = await self._workbench.thinking_plan(after_id, draft)
        except DroverError:
            plan = ThinkingPlan()
        if key == self._key:
            self._show(draft.reasoning_replay, plan)

    def _show(self, policy: ReasoningReplay, plan: ThinkingPlan) -> None:
        is_needed = bool(plan.replies or plan.left_out_replies)
        if self._row is None and is_needed:
            self._row = ThinkingRow()
            self._row.chosen.connect(self.chosen)
            self._window.parameters.add_row(self._row)
        if self._row is not None:
            self._row.setVisible(is_needed)
            if is_needed:
                self._row.display(policy, plan)


def _amount(replies: int, tokens: int) -> str:
    whose = _t("1 reply") if replies == 1 else _t("{0} replies").format(formats.whole(replies))
    return _t("{0}, about {1}").format(whose, formats.tokens(in_round_figures(tokens)))


def _t(text: str) -> str:
    return QCoreApplication.translate("thinking_row", text)
