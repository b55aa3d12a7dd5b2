"""Workbench events as Qt signals, and the one frame clock of the window."""

from __future__ import annotations

from typing import assert_never

from PySide6.QtCore import QObject, Qt, QTimer, Signal

from drover.engine.workbench import (
    CallsAdvanced,
    LibraryChanged,
    Notice,
    RunAdvanced,
    RunSettled,
    WorkbenchEvent,
)

FRAME_MS = 20
"""Views are told of news at most once in this time, however many chunks arrive: text that grows by 50 steps a
second looks no less fluid than by 60, and costs a sixth less."""


class Bridge(QObject):
    """Listens to a Workbench on the GUI thread.

    Signals:
        runs_advanced(set): ids of runs with news since the last frame; while nothing advances no timer runs
        run_settled(object): the stored Run; everything about it has been announced before
        library_changed(object): Changes of one transaction
        calls_advanced(str, str): conversation and reply; a program for one of its calls has begun or ended
        noticed(object): a Notice
    """

    runs_advanced = Signal(set)
    run_settled = Signal(object)
    library_changed = Signal(object)
    calls_advanced = Signal(str, str)
    noticed = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._advanced: set[str] = set()
        self._frame = QTimer(self, singleShot=True, interval=FRAME_MS)
        self._frame.setTimerType(Qt.TimerType.PreciseTimer)
        self._frame.timeout.connect(self._flush)

    def __call__(self, event: WorkbenchEvent) -> None:
        """The listener to give to `Workbench.open`."""
        match event:
            case RunAdvanced(run_id=run_id):
                self._advanced.add(run_id)
                if not self._frame.isActive():
                    self._frame.start()
            case RunSettled(run=run):
                self._flush()
                self.run_settled.emit(run)
            case LibraryChanged(changes=changes):
                self.library_changed.emit(changes)
            case CallsAdvanced(conversation_id=conversation_id, reply_id=reply_id):
                self.calls_advanced.emit(conversation_id, reply_id)
            case Notice():
                self.noticed.emit(event)
            case _:
                assert_never(event)

    def _flush(self) -> None:
        self._frame.stop()
        if self._advanced:
            advanced, self._advanced = self._advanced, set()
            self.runs_advanced.emit(advanced)
