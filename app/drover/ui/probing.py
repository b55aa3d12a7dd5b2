"""Probing a model: asks by a dialog, runs the probe, and shows what comes of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

import shiboken6
from PySide6.QtCore import QObject
from PySide6.QtWidgets import QWidget

from drover.domain.endpoint import Endpoint, ModelCard
from drover.engine.workbench import Workbench
from drover.errors import DroverError
from drover.ui import formats

if TYPE_CHECKING:
    from drover.engine.parameter_probe import ProbePlan, ProbeProgress, Tally
    from drover.ui.probe_dialog import ProbeDialog


class Probing(QObject):
    """One dialog for one model at a time; closing it ends the probe. What was found out stays."""

    def __init__(
        self,
        workbench: Workbench,
        window: QWidget,
        spawn: Callable[[Coroutine[Any, Any, Any]], None],
    ) -> None:
        """`spawn` runs a coroutine and tells what it raises."""
        super().__init__(window)
        self._workbench = workbench
        self._window = window
        self._spawn = spawn
        self._dialog: ProbeDialog | None = None
        self._task: asyncio.Task[Any] | None = None

    def open(self, endpoint: Endpoint, model_id: str, card: ModelCard | None) -> None:
        """Shows what a probe of this model would do and cost, and what is known of it."""
        from drover.ui.probe_dialog import ProbeDialog

        self._endpoint, self._model_id, self._card = endpoint, model_id, card
        self._plan = plan = self._workbench.probe_plan(endpoint, model_id, card)
        name = (card.name if card is not None else "") or model_id or endpoint.name
        dialog = ProbeDialog(name, cost=self._cost_words(plan), prompt=plan.prompt, parent=self._window)
        dialog.start_requested.connect(self._start)
        dialog.stop_requested.connect(self._stop)
        dialog.forget_requested.connect(self._forget)
        dialog.finished.connect(self._close)
        self._dialog = dialog
        self.refresh()
        dialog.open()

    def refresh(self) -> None:
        """What is known of parameters has changed."""
        dialog = self._shown
        if dialog is not None:
            facts = self._workbench.facts(self._endpoint, self._model_id)
            dialog.display_facts(self._plan.names, self._plan.skipped, facts)

    @property
    def _shown(self) -> ProbeDialog | None:
        dialog = self._dialog
        return dialog if dialog is not None and shiboken6.isValid(dialog) else None

    def _start(self) -> None:
        if self._task is None:
            self._spawn(self._probe())

    def _stop(self) -> None:
        if self._task is not None:
            self._task.cancel()

    def _close(self) -> None:
        self._dialog = None
        self._stop()

    def _forget(self, name: str) -> None:
        self._spawn(self._workbench.forget_fact(self._endpoint, self._model_id, name))

    async def _probe(self) -> None:
        self._task = asyncio.current_task()
        self._last: ProbeProgress | None = None
        words, is_warning, is_good = self.tr("Stopped."), False, False
        if self._shown is not None:
            beginning = self.tr("Connecting to {0}").format(self._endpoint.name)
            if self._endpoint.is_built_in:
                beginning = self.tr("Starting the built-in model")
            self._shown.display_progress(0, len(self._plan.names), "", beginning)
        try:
            report = await self._workbench.probe_parameters(self._endpoint, self._model_id, self._hear)
            is_warning, is_good = bool(report.why_stopped), not report.why_stopped
            words = self.tr("Ended early. {0}").format(report.why_stopped) if is_warning else ""
        except DroverError as error:
            words, is_warning = error.words, True
        finally:
            self._task = None
            dialog = self._shown
            if dialog is not None:
                used = "" if self._last is None else self._tally_words(self._last.tally)
                sentences = " ".join(filter(None, (words, used)))
                dialog.display_end(sentences, is_warning=is_warning, is_good=is_good)

    def _hear(self, progress: ProbeProgress) -> None:
        self._last = progress
        dialog = self._shown
        if dialog is None:
            return
        if progress.pause_s:
            pause = formats.duration(progress.pause_s, tenths_below_s=0)
            words = self.tr("{name} asked for a pause of {pause}.").format(
                name=self._endpoint.name, pause=pause
            )
        elif not progress.name:
            words = self.tr("A request without any parameter, to compare with")
        else:
            words = self.tr("{done} of {total} parameters").format(done=progress.done, total=progress.total)
        dialog.display_progress(progress.done, progress.total, progress.name, words)

    def _cost_words(self, plan: ProbePlan) -> str:
        amount = self.tr("At most {requests} requests, each for a reply of at most {tokens}.").format(
            requests=formats.whole(plan.most_requests), tokens=formats.tokens(plan.most_tokens_each)
        )
        if self._endpoint.is_built_in:
            price = self.tr("The model runs on this computer and costs nothing.")
        elif plan.most_usd is None:
            price = self.tr("The price of this model is not known.")
        elif plan.most_usd == 0:
            price = self.tr("The price list says that they cost nothing.")
        else:
            price = self.tr("By the price list they cost about {0} at most.").format(
                formats.usd(plan.most_usd)
            )
        return f"{amount} {price}"

    def _tally_words(self, tally: Tally) -> str:
        """What was used, as the server reported it."""
        requests = (
            self.tr("1 request made")
            if tally.requests == 1
            else self.tr("{0} requests made").format(formats.whole(tally.requests))
        )
        parts = [requests]
        if tally.prompt_tokens or tally.completion_tokens:
            template = (
                self.tr("{given} in and {taken} out")
                if not tally.unreported
                else self.tr("at least {given} in and {taken} out")
            )
            parts.append(
                template.format(
                    given=formats.tokens(tally.prompt_tokens), taken=formats.tokens(tally.completion_tokens)
                )
            )
        card = self._card
        if card is not None and card.input_usd_per_token is not None and card.output_usd_per_token:
            spent = tally.prompt_tokens * card.input_usd_per_token
            spent += tally.completion_tokens * card.output_usd_per_token
            parts.append(self.tr("about {0}").format(formats.usd(spent)))
        return ", ".join(parts) + "."
