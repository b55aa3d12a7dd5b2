"""Looks at an event loop of Qt from outside: when its turns and frames end, and what they cost."""

from __future__ import annotations

import time
from array import array

from PySide6.QtCore import QAbstractEventDispatcher, QEvent, QObject
from PySide6.QtWidgets import QWidget

_PAINTING = (QEvent.Type.UpdateRequest, QEvent.Type.Expose)


class Probe(QObject):
    """Notes the end of each turn of the event loop, and which turns have painted the window.

    A turn reaches from one return of the dispatcher to the next, so that the time between two of them holds
    what was waited for and all that was then done: no event waited longer. A frame is painted with the end of
    the turn in which the window was updated or exposed. Costs some microseconds a turn.
    """

    def __init__(self, window: QWidget) -> None:
        """The window must be on the screen."""
        super().__init__(window)
        self._is_painting = False
        self.clear()
        window.installEventFilter(self)
        window.windowHandle().installEventFilter(self)
        dispatcher = QAbstractEventDispatcher.instance()
        assert dispatcher is not None
        dispatcher.awake.connect(self._note_turn)

    def clear(self) -> None:
        """Forgets what was noted."""
        self.turns_s = array("d")
        """When each turn ended, on the clock of `time.monotonic`."""
        self.cpu_s = array("d")
        """Processor time of the thread at those times."""
        self.frames_s = array("d")
        """When each frame had been painted."""

    def report(self) -> dict[str, list[float]]:
        """All that was noted."""
        return {
            "turns_s": list(self.turns_s),
            "turn_cpu_s": list(self.cpu_s),
            "frames_s": list(self.frames_s),
        }

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Sees what makes the window paint; lets everything pass."""
        if event.type() in _PAINTING:
            self._is_painting = True
        return False

    def _note_turn(self) -> None:
        now_s = time.monotonic()
        self.turns_s.append(now_s)
        self.cpu_s.append(time.thread_time())
        if self._is_painting:
            self._is_painting = False
            self.frames_s.append(now_s)
