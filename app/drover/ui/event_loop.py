"""asyncio on the event loop of Qt: what is due runs together, what is cancelled leaves no timer."""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import Callable
from contextvars import Context
from typing import Any

import qasync
from PySide6.QtCore import QObject, QSocketNotifier, QTimer, QTimerEvent
from PySide6.QtWidgets import QApplication

_TURN_S = 0.004
"""After so long of callbacks Qt's own events have their turn."""


class EventLoop(qasync.QEventLoop):  # type: ignore[misc]
    """The loop of the program.

    qasync starts a timer of Qt for each callback, keeps those of what was cancelled until they go off, and
    makes a notifier for each read. Here callbacks that are due share one timer and run one after the other,
    also those that they bring about; a cancelled timer is gone; a socket keeps its notifier. While the loop
    does not run, nothing of it does, even where somebody turns the loop of Qt.
    """

    def __init__(self, application: QApplication) -> None:
        self._due: deque[asyncio.Handle] = deque()
        self._delayed = _Delayed(self._make_due)
        self._turn = QTimer(self._delayed, singleShot=True, interval=0)
        self._turn.timeout.connect(self._run_due)
        self._readers: dict[int, tuple[QSocketNotifier, asyncio.Handle]] = {}
        self._unused: dict[int, QSocketNotifier] = {}
        super().__init__(application)  # reads from a socket of its own at once

    def call_soon(
        self, callback: Callable[..., object], *args: object, context: Context | None = None
    ) -> asyncio.Handle:
        """Runs it in the next turn, after what is already due."""
        handle = asyncio.Handle(callback, args, self, context)
        self._make_due(handle)
        return handle

    def call_later(
        self, delay: float, callback: Callable[..., object], *args: object, context: Context | None = None
    ) -> asyncio.Handle:
        """Runs it in `delay` seconds, never earlier."""
        if delay <= 0:
            return self.call_soon(callback, *args, context=context)
        handle = asyncio.TimerHandle(time.monotonic() + delay, callback, args, self, context)
        self._delayed.add(handle, delay)
        return handle

    def call_at(
        self, when: float, callback: Callable[..., object], *args: object, context: Context | None = None
    ) -> asyncio.Handle:
        """Runs it at this time of `time.monotonic()`."""
        return self.call_later(when - time.monotonic(), callback, *args, context=context)

    def run_forever(self) -> Any:
        """Runs until it is stopped; what became due before runs first."""
        if self._due:
            self._turn.start()
        return super().run_forever()

    def close(self) -> None:
        """Ends for good: what is due or delayed never runs."""
        if not self.is_closed():
            self._turn.stop()
            self._delayed.stop()
            self._due.clear()
            for notifier, _ in self._readers.values():
                notifier.setEnabled(False)
            self._readers.clear()
            self._unused.clear()
        super().close()

    def _make_due(self, handle: asyncio.Handle) -> None:
        self._due.append(handle)
        if not self._turn.isActive():
            self._turn.start()

    def _run_due(self) -> None:
        if not self.is_running():
            return  # a task would find no running loop
        ends_s = time.monotonic() + _TURN_S
        due = self._due
        try:
            while due:
                handle = due.popleft()
                if not handle.cancelled():
                    handle._run()
                if time.monotonic() > ends_s:
                    break
        finally:  # what a callback raises that asyncio does not catch loses nothing
            if not due:
                self._turn.stop()
            elif not self._turn.isActive():
                self._turn.start()

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """asyncio tells of each timer that is cancelled."""
        self._delayed.remove(handle)

    # Sockets; asyncio's transports read through these two

    def _add_reader(self, fd: Any, callback: Callable[..., object], *args: object) -> None:
        number = fd if isinstance(fd, int) else fd.fileno()
        handle = asyncio.Handle(callback, args, self, None)
        found = self._readers.get(number)
        notifier = found[0] if found is not None else self._unused.pop(number, None)
        if notifier is None:
            notifier = QSocketNotifier(number, QSocketNotifier.Type.Read, self._delayed)
            notifier.activated["int"].connect(self._read)  # type: ignore[index]
        self._readers[number] = (notifier, handle)
        notifier.setEnabled(True)

    def _remove_reader(self, fd: Any) -> bool:
        number = fd if isinstance(fd, int) else fd.fileno()
        found = self._readers.pop(number, None)
        if found is None:
            return False
        found[0].setEnabled(False)
        self._unused[number] = found[0]
        return True

    def _read(self, number: int) -> None:
        found = self._readers.get(number)
        if found is not None and self.is_running():
            found[1]._run()
            self._run_due()  # so that a packet is one turn, from the socket to the listener


class _Delayed(QObject):
    """A timer of Qt for each callback that has to wait."""

    def __init__(self, elapsed: Callable[[asyncio.TimerHandle], None]) -> None:
        super().__init__()
        self._elapsed = elapsed
        self._handles: dict[int, asyncio.TimerHandle] = {}
        self._ids: dict[int, int] = {}

    def add(self, handle: asyncio.TimerHandle, delay_s: float) -> None:
        """Starts the timer of a callback."""
        timer_id = self.startTimer(math.ceil(delay_s * 1000))
        self._handles[timer_id] = handle
        self._ids[id(handle)] = timer_id
        handle._scheduled = True  # type: ignore[attr-defined]

    def remove(self, handle: asyncio.TimerHandle) -> None:
        """Ends it; nothing happens if it has gone off."""
        timer_id = self._ids.pop(id(handle), None)
        if timer_id is not None:
            self.killTimer(timer_id)
            del self._handles[timer_id]

    def stop(self) -> None:
        """Ends all of them."""
        for handle in list(self._handles.values()):
            self.remove(handle)

    def timerEvent(self, event: QTimerEvent) -> None:
        """The time of one callback has come."""
        handle = self._handles.get(event.timerId())
        if handle is not None:
            self.remove(handle)
            self._elapsed(handle)
