"""A person at the real window: finds controls by their accessible names, types, clicks, looks and waits."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QApplication, QComboBox, QTextEdit, QWidget

from drover.engine.workbench import Workbench
from drover.paths import Profile
from drover.ui.application import Program
from drover.ui.main_window import MainWindow

W = TypeVar("W", bound=QWidget)
_PATIENCE_S = 30.0


class User:
    """Drives one window. What is waited for is looked at between turns of the event loop."""

    def __init__(self, profile: Profile, loop: asyncio.AbstractEventLoop) -> None:
        self._profile = profile
        self._loop = loop
        self._program: Program | None = None

    @property
    def workbench(self) -> Workbench:
        """For what a person cannot see."""
        assert self._program is not None
        return self._program.workbench

    @property
    def window(self) -> MainWindow:
        """The open window."""
        assert self._program is not None
        return self._program.window

    # Beginning and end

    def opens(self, **settings: object) -> User:
        """Starts the program on the profile, with these settings changed first."""
        self._program = Program(self._profile)
        if settings:
            self._loop.run_until_complete(self.workbench.change_settings(**settings))
        self._program.show()
        self._running = self._loop.create_task(self._program.run())
        self.waits(lambda: self.window.isVisible(), "the window")
        return self

    def closes(self) -> User:
        """Closes the window and waits until everything behind it has ended."""
        program, self._program = self._program, None
        assert program is not None
        program.window.close()
        self._loop.run_until_complete(asyncio.wait_for(self._running, _PATIENCE_S))
        QApplication.sendPostedEvents(None, 0)
        QApplication.processEvents()
        return self

    # Hands

    def types(self, text: str, into: str = "Message") -> User:
        """Types text where the name says."""
        field: QWidget = self.finds(into)
        field.setFocus()
        QTest.keyClicks(field, text)
        return self

    def pastes(self, text: str, into: str = "Message") -> User:
        """Puts text on the clipboard and pastes it."""
        QApplication.clipboard().setText(text)
        field = self.finds(into, QTextEdit)
        field.setFocus()
        field.paste()
        return self

    def presses(self, key: Qt.Key, *, into: str = "Message", shift: bool = False) -> User:
        """One key."""
        modifier = Qt.KeyboardModifier.ShiftModifier if shift else Qt.KeyboardModifier.NoModifier
        QTest.keyClick(self.finds(into), key, modifier)
        return self

    def sends(self) -> User:
        """Return, in the message field."""
        return self.presses(Qt.Key.Key_Return)

    def clicks(self, name: str, *, nth: int = -1) -> User:
        """Clicks a control; of several with the name the last, or the nth."""
        found = self._all(name, QWidget)
        assert found, f"nothing visible is named {name!r}"
        target = found[nth]
        if isinstance(target, QAbstractButton):
            assert target.isEnabled(), f"{name!r} is disabled"
        QTest.mouseClick(
            target, Qt.MouseButton.LeftButton, pos=QPoint(target.width() // 2, target.height() // 2)
        )
        return self

    def ticks(self, name: str) -> User:
        """Toggles a check box."""
        self.finds(name, QAbstractButton).click()
        return self

    def chooses(self, name: str, value: str) -> User:
        """Picks a value of a combo by its text."""
        combo = self.finds(name, QComboBox)
        index = combo.findText(value)
        assert index >= 0, f"{name!r} offers {[combo.itemText(i) for i in range(combo.count())]}"
        combo.setCurrentIndex(index)
        combo.activated.emit(index)
        return self

    # Eyes

    def finds(self, name: str, kind: type[W] = QWidget) -> W:  # type: ignore[assignment]
        """The visible control with this accessible name; the last of several."""
        found = self._all(name, kind)
        assert found, f"nothing visible is named {name!r}"
        return found[-1]

    def has(self, name: str) -> bool:
        """Whether a visible control has this accessible name."""
        return bool(self._all(name, QWidget))

    def messages(self) -> list[str]:
        """The accessible texts of the messages in view, in order."""
        return [text for text in self.window.transcript.accessible_messages() if text]

    def sees(self, words: str) -> User:
        """Waits until some message contains the words."""
        self.waits(lambda: any(words in text for text in self.messages()), f"{words!r} in the transcript")
        return self

    def sees_end(self) -> User:
        """Waits until no reply is live."""
        self.waits(lambda: not self.workbench.live, "the end of the reply")
        return self

    def waits(self, holds: Callable[[], bool], what: str) -> User:
        """Turns the event loop until it holds; AssertionError with the name of the thing if it never does."""
        self._loop.run_until_complete(self._until(holds, what))
        return self

    async def _until(self, holds: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + _PATIENCE_S
        while not holds():
            assert time.monotonic() < deadline, f"never seen: {what}; messages: {self.messages()}"
            await asyncio.sleep(0.01)

    def _all(self, name: str, kind: type[W]) -> list[W]:
        widgets = [w for top in QApplication.topLevelWidgets() for w in (top, *top.findChildren(QWidget))]
        return [w for w in widgets if w.isVisible() and w.accessibleName() == name and isinstance(w, kind)]
