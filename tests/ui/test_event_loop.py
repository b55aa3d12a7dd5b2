"""asyncio on Qt's loop: order, fairness, and what is left of a timer that was cancelled."""

from __future__ import annotations

import asyncio
import sys
import time

import pytest
from PySide6.QtCore import QAbstractEventDispatcher, QTimer
from PySide6.QtWidgets import QApplication

from drover.domain.tools import ToolDefinition
from drover.engine.tool_programs import ToolProgram
from drover.ui.event_loop import EventLoop


async def test_callbacks_run_in_the_order_in_which_they_became_due(qt_loop: EventLoop) -> None:
    ran: list[str] = []

    def first() -> None:
        ran.append("first")
        qt_loop.call_soon(ran.append, "brought about by the first")

    qt_loop.call_soon(first)
    cancelled = qt_loop.call_soon(ran.append, "cancelled")
    qt_loop.call_soon(ran.append, "second")
    cancelled.cancel()
    await asyncio.sleep(0.001)
    assert ran == ["first", "second", "brought about by the first"]


def test_while_it_does_not_run_no_task_goes_on_even_where_qt_is_turned(qt_loop: EventLoop) -> None:
    found: list[asyncio.AbstractEventLoop] = []

    async def look() -> None:
        found.append(asyncio.get_running_loop())

    task = qt_loop.create_task(look())
    QApplication.processEvents()
    assert not task.done()
    qt_loop.run_until_complete(task)
    assert found == [qt_loop]


async def test_callbacks_without_end_leave_qt_its_turns(qt_loop: EventLoop) -> None:
    turns = 0

    def count() -> None:
        nonlocal turns
        turns += 1

    timer = QTimer()
    timer.timeout.connect(count)
    timer.start(0)
    while turns < 3:  # noqa: ASYNC110 - a task that never waits for anything is the point
        await asyncio.sleep(0)
    timer.stop()


async def test_a_timer_that_was_cancelled_is_gone(qt_loop: EventLoop) -> None:
    dispatcher = QAbstractEventDispatcher.instance()
    assert dispatcher is not None
    before = len(dispatcher.registeredTimers(qt_loop._delayed))
    for _ in range(50):
        async with asyncio.timeout(300):
            await asyncio.sleep(0)
    assert len(dispatcher.registeredTimers(qt_loop._delayed)) == before


async def test_what_has_to_wait_never_runs_early(qt_loop: EventLoop) -> None:
    started_s = time.monotonic()
    await asyncio.sleep(0.0125)
    assert time.monotonic() - started_s >= 0.0125


async def test_a_failing_callback_is_reported_and_the_next_one_runs(qt_loop: EventLoop) -> None:
    reported: list[object] = []
    qt_loop.set_exception_handler(lambda _loop, context: reported.append(context.get("exception")))
    error = ValueError("of the first")
    done = asyncio.Event()

    def fail() -> None:
        raise error

    qt_loop.call_soon(fail)
    qt_loop.call_soon(done.set)
    await done.wait()
    qt_loop.set_exception_handler(None)
    assert reported == [error]


async def test_a_socket_is_read_whole_whatever_pauses_its_reader_makes(qt_loop: EventLoop) -> None:
    sent = bytes(range(256)) * 4096

    async def send(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(sent)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(send, "127.0.0.1", 0)
    async with server:
        for _ in range(2):  # the second connection may get the number of the first one's socket
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname(), limit=1024)
            received = b""
            while piece := await reader.read(5000):  # far more is there: the transport pauses and resumes
                received += piece
            writer.close()
            await writer.wait_closed()
            assert received == sent


async def test_programs_run_and_are_ended_beside_qt(qt_loop: EventLoop) -> None:
    def program(code: str) -> ToolProgram:
        return ToolProgram(ToolDefinition(name="trial", command=(sys.executable, "-c", code)), '{"n": 2}')

    doubled = "import json,sys; print(json.load(sys.stdin)['n'] * 2, end='')"
    results = await asyncio.gather(*(program(doubled).run() for _ in range(3)))
    assert [result.text for result in results] == ["4", "4", "4"]
    endless = asyncio.create_task(program("import time; time.sleep(60)").run())
    await asyncio.sleep(0)
    endless.cancel()
    with pytest.raises(asyncio.CancelledError):
        await endless
