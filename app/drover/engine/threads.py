"""Blocking calls on threads that can hold up neither the event loop nor the exit of the program."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


async def in_daemon_thread(function: Callable[[], T], *, name: str) -> T:
    """Runs `function` on a new daemon thread and returns or raises what it does.

    Cancelling the caller abandons the thread: it may finish whenever it likes and its outcome is dropped.
    The loop's own executor is no place for calls that may block for ever, since closing the loop joins it.
    """
    loop = asyncio.get_running_loop()
    outcome: asyncio.Future[T] = loop.create_future()

    def succeed(value: T) -> None:
        if not outcome.done():
            outcome.set_result(value)

    def fail(error: BaseException) -> None:
        if not outcome.done():
            outcome.set_exception(error)

    def work() -> None:
        try:
            value = function()
        except BaseException as error:
            _tell(loop, fail, error)
        else:
            _tell(loop, succeed, value)

    threading.Thread(target=work, name=name, daemon=True).start()
    return await outcome


def _tell(loop: asyncio.AbstractEventLoop, callback: Callable[[T], None], value: T) -> None:
    try:
        loop.call_soon_threadsafe(callback, value)
    except RuntimeError:
        pass  # the loop was closed meanwhile: nobody waits any more
