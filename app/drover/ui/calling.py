"""Calls of tools: what a person decides about them, and what the composer says while they are waited for."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from PySide6.QtCore import QCoreApplication, QObject

from drover.domain.tools import ToolDefinition
from drover.engine.workbench import Workbench
from drover.ui.drafting import Drafting
from drover.ui.main_window import MainWindow
from drover.ui.shown import ShownConversation
from drover.ui.shown_calls import CallStage


class Calling(QObject):
    """Carries out what the cards of calls ask for, with what is set now in the draft."""

    def __init__(
        self,
        workbench: Workbench,
        window: MainWindow,
        shown: ShownConversation,
        drafting: Drafting,
        spawn: Callable[[Coroutine[Any, Any, Any]], None],
    ) -> None:
        super().__init__(window)
        self._workbench = workbench
        self._window = window
        self._shown = shown
        self._drafting = drafting
        self._spawn = spawn

    def decide(self, reply_id: str, index: int, decision: str) -> None:
        """Lets the program of a call run, declines the call, or stops what runs."""
        tools, draft = self._workbench.tools, self._drafting.draft
        if decision == "stop":
            self._spawn(tools.stop(reply_id))
        elif decision == "decline":
            self._spawn(tools.decline(reply_id, index, draft))
        elif decision in ("run", "run_always"):
            is_for_all = decision == "run_always"
            self._spawn(tools.approve(reply_id, index, draft, for_conversation=is_for_all))

    def give(self, reply_id: str, results: Mapping[int, str]) -> None:
        """Answers calls by hand; without any, sends the results that are all there."""
        self._spawn(self._see_given(reply_id, dict(results)))

    async def _see_given(self, reply_id: str, results: Mapping[int, str]) -> None:
        tools, draft = self._workbench.tools, self._drafting.draft
        try:
            if not results:
                await tools.go_on(reply_id, draft)
            for index, text in results.items():
                await tools.answer(reply_id, index, text, draft)
            self._drafting.keep_results(reply_id, {})
        except BaseException:
            self._window.transcript.take_back_results(reply_id)
            raise

    @property
    def approved(self) -> tuple[ToolDefinition, ...]:
        """The tools whose programs run in the shown conversation without being asked for."""
        shown_id, tools = self._shown.id, self._workbench.tools
        offered = self._drafting.draft.tools if shown_id is not None else ()
        return tuple(tool for tool in offered if tools.is_approved(shown_id or "", tool))

    def withdraw(self, tool: ToolDefinition) -> None:
        """Has a program asked for again."""
        if self._shown.id is not None:
            self._workbench.tools.forbid(self._shown.id, tool)

    def stop(self) -> bool:
        """Ends the programs that run in the shown conversation; whether there are any."""
        if not self.is_running:
            return False
        if self._shown.head_id is not None:
            self._spawn(self._workbench.tools.stop(self._shown.head_id))
        return True

    @property
    def is_running(self) -> bool:
        """Whether a program runs for a call of the shown conversation."""
        return any(call.stage is CallStage.RUNNING for call in self._shown.open_calls)

    def display(self) -> None:
        """Has the composer say what is waited for."""
        calls = self._shown.open_calls
        running = [call.call.name for call in calls if call.stage is CallStage.RUNNING]
        waiting = [call for call in calls if call.stage is CallStage.WAITING]
        composer = self._window.composer
        if running:
            one, many = _tr("Running {0}"), _tr("Running {0} programs")
            words = one.format(running[0]) if len(running) == 1 else many.format(len(running))
            composer.display_busy(True, words)
        words = ""
        if len(waiting) == 1:
            words = _tr("{0} waits for you; a message leaves it unanswered").format(waiting[0].call.name)
        elif waiting:
            words = _tr("{0} calls wait for you; a message leaves them unanswered").format(len(waiting))
        composer.display_waiting(words)


def _tr(text: str) -> str:
    return QCoreApplication.translate("calling", text)
