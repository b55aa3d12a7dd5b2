"""Signals of the operating system that end the program in order."""

from __future__ import annotations

import signal
import socket
import sys

from PySide6.QtCore import QObject, QSocketNotifier, QTimer
from PySide6.QtWidgets import QWidget


class SignalWatch(QObject):
    """Closes the window on SIGINT and SIGTERM.

    Python carries out a signal's handler only when it next runs, so a pair of sockets wakes Qt's loop. They
    live as long as this object: an end that was collected would keep the loop awake for ever.
    """

    def __init__(self, window: QWidget) -> None:
        super().__init__()
        self._window = window
        self._woken, self._waking = socket.socketpair()
        for end in (self._woken, self._waking):
            end.setblocking(False)
        self._before = {
            number: signal.signal(number, self._close) for number in (signal.SIGINT, signal.SIGTERM)
        }
        if sys.platform != "win32":
            signal.set_wakeup_fd(self._waking.fileno(), warn_on_full_buffer=False)
            self._notifier = QSocketNotifier(self._woken.fileno(), QSocketNotifier.Type.Read, self)
            self._notifier.activated.connect(self._drain)

    def end(self) -> None:
        """Stops watching: a signal then does what it did before."""
        if sys.platform != "win32":
            signal.set_wakeup_fd(-1)
            self._notifier.setEnabled(False)
        for number, handler in self._before.items():
            signal.signal(number, handler)
        for end in (self._woken, self._waking):
            end.close()

    def _close(self, _number: int, _frame: object) -> None:
        # Not at once: Python calls this anywhere in its code, also while the window is being painted.
        QTimer.singleShot(0, self._window, self._window.close)

    def _drain(self) -> None:
        self._woken.recv(64)
