"""What the Request tab shows is read here, beside the window, and what its foot offers is carried out."""

from __future__ import annotations

import asyncio
import functools
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from PySide6.QtCore import QObject
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFileDialog

from drover.domain.run import LiveRun, Run
from drover.engine.threads import in_daemon_thread
from drover.engine.workbench import Workbench
from drover.errors import ConfigurationError
from drover.ui.request_page import RequestPage

if TYPE_CHECKING:
    from drover.engine.inspection import Inspection
    from drover.engine.replay import Replay, ReplayCheck

_FRAME_S: Final = 0.016


class Inspecting(QObject):
    """Serves one RequestPage. Reading takes a moment; until then the page keeps what it shows."""

    def __init__(
        self, page: RequestPage, workbench: Workbench, spawn: Callable[[Coroutine[Any, Any, Any]], None],
        ask: Callable[[Coroutine[Any, Any, Run]], None], edit: Callable[[Run], None], parent: QObject,
    ) -> None:  # fmt: skip
        """`ask` starts another answer in the shown conversation; `edit` takes a request into the composer."""
        super().__init__(parent)
        self._page = page
        self._workbench = workbench
        self._spawn = spawn
        self._ask = ask
        self._edit = edit
        self._wanted_id: str | None = None
        self._message_id = ""
        self._reading: tuple[str, str, bool] | None = None
        self._inspection: Inspection | None = None
        self._live: LiveRun | None = None
        self._playing: asyncio.Task[ReplayCheck] | None = None
        self._advanced_s = 0.0
        foot = page.foot
        foot.repeat_requested.connect(self._repeat)
        foot.edit_requested.connect(self._take_for_editing)
        foot.replay_requested.connect(self._replay)
        foot.export_requested.connect(self._choose_file)
        foot.copy_requested.connect(self._copy)
        page.replay_closed.connect(self._end_replay)

    def show(self, run_id: str | None, message_id: str = "") -> None:
        """Shows a stored run, its bytes read as for one of its messages; None for nothing."""
        self._wanted_id, self._message_id, self._live = run_id, message_id, None
        known = self._inspection
        if run_id is None:
            self._page.display(None)
        elif known is not None and _shows(known, run_id, message_id):
            self._page.display(known)
        else:
            self._read_soon(run_id)

    def follow(self, live: LiveRun) -> None:
        """Shows a run in progress, and soon what was sent for it."""
        self._wanted_id, self._message_id, self._live = live.run.id, "", live
        known = self._inspection if self._inspection and self._inspection.run.id == live.run.id else None
        self._page.display_live(live, known)
        if live.run.request_body and (known is None or not known.run.request_body):
            self._read_soon(live.run.id)

    def advance(self, run_id: str) -> None:
        """Takes news of a run in progress, if it is the one that is followed."""
        if self._live is not None and self._live.run.id == run_id:
            self.follow(self._live) if self._inspection is None else self._page.advance()

    def forget(self) -> None:
        """What was read may be out of date: it is read again when it is shown next."""
        self._inspection = None

    def _read_soon(self, run_id: str) -> None:
        wanted = (run_id, self._message_id, self._live is not None)
        if self._reading != wanted:
            self._reading = wanted
            self._spawn(self._read(run_id))

    async def _read(self, run_id: str) -> None:
        reading, message_id = self._reading, self._message_id
        try:
            inspection = await self._workbench.replies.inspect(run_id, message_id)
        finally:
            if self._reading == reading:
                self._reading = None
        is_wanted = (self._wanted_id, self._message_id) == (run_id, message_id)
        if not is_wanted or (inspection is not None and self._is_outdated(inspection)):
            return
        self._inspection = inspection
        if self._live is not None:
            self._page.display_live(self._live, inspection)
        else:
            self._page.display(inspection)

    def _is_outdated(self, inspection: Inspection) -> bool:
        """Whether the run has ended while it was read."""
        return self._live is None and inspection.run.status.is_live

    # What the foot offers

    def _repeat(self) -> None:
        shown = self._page.shown
        if shown is not None:
            self._ask(self._workbench.repeat_exactly(shown.run.id))

    def _take_for_editing(self) -> None:
        shown = self._page.shown
        if shown is not None:
            self._edit(shown.run)

    def _copy(self, form: str) -> None:
        if self._wanted_id is not None:
            self._spawn(self._put_on_clipboard(self._wanted_id, form))

    async def _put_on_clipboard(self, run_id: str, form: str) -> None:
        QGuiApplication.clipboard().setText(await self._workbench.snippet(run_id, form))
        self._page.foot.show_copied()

    def _choose_file(self) -> None:
        inspection = self._page.shown
        if inspection is None or inspection.exchange is None:
            return
        dialog = QFileDialog(self._page.window(), self.tr("Export the request"))
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setFileMode(QFileDialog.FileMode.AnyFile)
        dialog.setNameFilter(self.tr("HTTP Archive (*.har)"))
        dialog.setDefaultSuffix("har")
        dialog.selectFile(f"drover-{inspection.run.id}.har")
        dialog.fileSelected.connect(functools.partial(self._export, inspection))
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def _export(self, inspection: Inspection, path: str) -> None:
        self._spawn(self._write(inspection, Path(path)))

    async def _write(self, inspection: Inspection, path: Path) -> None:
        write = functools.partial(_write_har, inspection, path)
        try:
            await in_daemon_thread(write, name="export")
        except OSError as error:
            raise ConfigurationError(
                f"The file could not be written: {error.strerror or error}.", hint="Choose another place."
            ) from None

    # Replay

    def _replay(self, speed: float) -> None:
        shown = self._page.shown
        if shown is not None:
            self._end_replay()
            self._spawn(self._play(shown.run.id, shown.message_id, speed))

    async def _play(self, run_id: str, message_id: str, speed: float) -> None:
        replay = await self._workbench.replies.replay(run_id, message_id)
        if self._wanted_id != run_id or self._live is not None:
            return
        self._page.begin_replay(replay.live, speed)
        advanced = functools.partial(self._advance_replay, replay)
        task = asyncio.create_task(replay.play(advanced=advanced, speed=speed or None), name="replay")
        self._playing = task
        try:
            await asyncio.wait({task})
        finally:
            task.cancel()
            if self._playing is task:
                self._playing = None
        if not task.cancelled():
            self._tell_verdict(task.result())

    def _advance_replay(self, replay: Replay) -> None:
        now_s = time.monotonic()
        if now_s - self._advanced_s >= _FRAME_S:
            self._advanced_s = now_s
            self._page.advance_replay(replay.live)

    def _tell_verdict(self, check: ReplayCheck) -> None:
        words = self.tr("Identical with what is stored.")
        if not check.is_identical:
            words = self.tr("Not what is stored. {0}").format(check.difference)
        self._page.finish_replay(words, is_identical=check.is_identical)

    def _end_replay(self) -> None:
        if self._playing is not None:
            self._playing.cancel()


def _shows(known: Inspection, run_id: str, message_id: str) -> bool:
    """Whether this is what is wanted, and will not change."""
    is_same = known.run.id == run_id and message_id in ("", known.message_id)
    return is_same and not known.run.status.is_live


def _write_har(inspection: Inspection, path: Path) -> None:
    from drover.export.har import har

    assert inspection.exchange is not None
    path.write_bytes(har(inspection.run, inspection.exchange))
