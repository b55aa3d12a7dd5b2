"""The program as a person starts it, with a hand inside that does what it is told on standard input.

Each command is a line of JSON, [name, values], and is answered with one line. Between commands the hand does
nothing: it has no timer and waits for its pipe.
"""

from __future__ import annotations

import asyncio
import json
import math
import sys
import time
from typing import Any

from PySide6.QtCore import QEvent, QPoint, Qt
from PySide6.QtGui import QGuiApplication, QKeyEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractItemView, QApplication, QTabBar, QTableView, QTextEdit, QWidget
from tests.bench._probe import Probe

from drover.cli import run
from drover.domain.run import Run
from drover.ui import application

_KEY_REPEAT_S = 0.030
_STEP_S = 0.016
_FRAME_LIMIT_S = 5.0


class Hand:
    """Carries out commands; every method is one, and what it returns is the answer."""

    def __init__(self, program: application.Program) -> None:
        self._program = program
        self._window = program.window
        self._probe = Probe(program.window)
        self._settled: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        program._bridge.run_settled.connect(self._note_settled)

    async def ask(self, text: str) -> dict[str, float]:
        """Types a message, sends it, and waits until the reply is stored."""
        self._settled = asyncio.get_running_loop().create_future()
        field = self._named(QTextEdit, "Message")
        field.setFocus()
        field.setPlainText(text)
        asked_s = time.monotonic()
        QTest.keyClick(field, Qt.Key.Key_Return)
        return {"asked_s": asked_s, "settled_s": await self._settled}

    async def begin_conversation(self) -> None:
        """Turns to the conversation that has not begun."""
        self._program.controller.new_conversation()

    async def open(self, title: str, last_id: str) -> dict[str, float]:
        """Clicks the row with this title; `last_id` is the message that is then in view."""
        view = self._named(QAbstractItemView, "Conversations")
        model = view.model()
        rows = [model.index(row, 0) for row in range(model.rowCount())]
        index = next(index for index in rows if str(index.data()) == title)
        view.scrollTo(index)
        await asyncio.sleep(0.3)
        face = view.visualRect(index)
        clicked_s = time.monotonic()
        QTest.mouseClick(
            view.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(face.center().x(), face.bottom() - 4)
        )
        handled_s = time.monotonic()
        while not self._window.transcript.shows(last_id):
            await self._frame_after(time.monotonic())
        return {
            "clicked_s": clicked_s,
            "handled_s": handled_s,
            "painted_s": await self._frame_after(clicked_s),
        }

    async def turn_to(self, page: str, events: int = 0) -> dict[str, float]:
        """Clicks a tab of the right column; with `events`, painted is when a log of so many is seen."""
        bars = [bar for bar in self._window.findChildren(QTabBar) if bar.isVisible()]
        tabs, index = next(
            (bar, index) for bar in bars for index in range(bar.count()) if bar.tabText(index) == page
        )
        clicked_s = time.monotonic()
        QTest.mouseClick(tabs, Qt.MouseButton.LeftButton, pos=tabs.tabRect(index).center())
        handled_s = time.monotonic()
        painted_s = await self._frame_after(clicked_s)
        while events and self._shows_log_since(events) > painted_s:
            painted_s = await self._frame_after(painted_s)
        return {"clicked_s": clicked_s, "handled_s": handled_s, "painted_s": painted_s}

    async def read_all(self) -> dict[str, float]:
        """Waits until every event of the log in view is read; how long that took from now."""
        began_s = time.monotonic()
        model = self._named(QAbstractItemView, "Events").model()
        while not model.is_finished:  # noqa: ASYNC110 - looked at from outside
            await asyncio.sleep(0.005)
        return {"seconds": time.monotonic() - began_s}

    def _shows_log_since(self, events: int) -> float:
        """When a log of so many events came into the table in view; infinity if it has not."""
        for view in self._window.findChildren(QTableView):
            log = getattr(view.model(), "log", None)
            if view.isVisible() and log is not None and log.event_count == events:
                table: Any = view.parentWidget()
                return float(table._counted_s)
        return math.inf

    async def hold(self, key: str, seconds: float, events: bool = False) -> list[float]:
        """Holds a key in the transcript as a keyboard repeats it; milliseconds from each to its frame.

        What changes nothing on the screen paints nothing, and is not counted. With `events` the key is held
        in the table of events.
        """
        target = self._named(QAbstractItemView, "Events") if events else self._window.transcript
        target.setFocus()
        code = getattr(Qt.Key, f"Key_{key}")
        ends_s = time.monotonic() + seconds
        frames_ms: list[float] = []
        while (at_s := time.monotonic()) < ends_s:
            before = len(self._probe.frames_s)
            event = QKeyEvent(QEvent.Type.KeyPress, code, Qt.KeyboardModifier.NoModifier, "", at_s > 0)
            QApplication.sendEvent(target, event)
            handled_s = time.monotonic()
            await asyncio.sleep(max(0.0, at_s + _KEY_REPEAT_S - handled_s))
            if len(self._probe.frames_s) > before:
                frames_ms.append(1000 * (self._probe.frames_s[before] - at_s))
            elif handled_s - at_s > _STEP_S:
                frames_ms.append(1000 * (await self._frame_after(at_s) - at_s))
        return frames_ms

    async def drag_edge(self, steps: int, step_px: int) -> list[float]:
        """Makes the window narrower and wider again in steps; milliseconds from each to its frame."""
        size = self._window.size()
        widths = [size.width() - step_px * step for step in range(1, steps + 1)]
        frames_ms = []
        for width in [*widths, *reversed(widths[:-1])]:
            at_s = time.monotonic()
            self._window.resize(width, size.height())
            painted_s = await self._frame_after(at_s)
            frames_ms.append(1000 * (painted_s - at_s))
            await asyncio.sleep(max(0.0, at_s + _STEP_S - painted_s))
        return frames_ms

    async def look(self) -> dict[str, Any]:
        """What the probe has noted since the last look, and the end of the transcript's text."""
        noted = self._probe.report()
        self._probe.clear()
        texts = self._window.transcript.accessible_messages()
        return {**noted, "shown": texts[-1][-80:] if texts else ""}

    async def blink(self, is_on: bool) -> None:
        """Lets the text cursor blink or stand, so that the last frame of a stream can be told from it."""
        QGuiApplication.styleHints().setCursorFlashTime(1000 if is_on else 0)

    async def _frame_after(self, at_s: float) -> float:
        """When the first frame after this time was painted."""
        frames_s = self._probe.frames_s
        known = len(frames_s)
        while known and frames_s[known - 1] > at_s:
            known -= 1
        gives_up_s = time.monotonic() + _FRAME_LIMIT_S
        while len(frames_s) <= known:
            if time.monotonic() > gives_up_s:
                raise TimeoutError("nothing was painted")
            await asyncio.sleep(0.001)
        return frames_s[known]

    def _named(self, kind: type[Any], name: str) -> Any:
        found = [child for child in self._window.findChildren(QWidget) if child.accessibleName() == name]
        return next(child for child in found if isinstance(child, kind) and child.isVisible())

    def _note_settled(self, run: Run) -> None:
        if not self._settled.done():
            self._settled.set_result(time.monotonic())


class Driven(application.Program):
    """The program with a hand."""

    async def run(self) -> None:
        """Runs until it is killed."""
        asyncio.get_running_loop().call_later(0.5, self._listen)
        await super().run()

    def _listen(self) -> None:
        loop = asyncio.get_running_loop()
        self._hand = Hand(self)
        self._tasks: set[asyncio.Task[None]] = set()
        loop.add_reader(sys.stdin.fileno(), self._take_command)
        self._answer("ready")

    def _take_command(self) -> None:
        name, values = json.loads(sys.stdin.readline())
        task = asyncio.get_running_loop().create_task(self._carry_out(name, values))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _carry_out(self, name: str, values: dict[str, Any]) -> None:
        try:
            self._answer(await getattr(self._hand, name)(**values))
        except Exception as error:
            self._answer({"error": repr(error)})
            raise

    def _answer(self, value: object) -> None:
        print(json.dumps(value), flush=True)


if __name__ == "__main__":
    application.Program = Driven  # type: ignore[misc]
    sys.exit(run(sys.argv[1:]))
