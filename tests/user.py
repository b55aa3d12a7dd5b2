"""A person at the real window: finds controls by their accessible names, types, clicks, looks and waits."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, TypeVar

from PySide6.QtCore import QModelIndex, QPoint, QRect, Qt
from PySide6.QtGui import QContextMenuEvent, QInputMethodEvent, QKeySequence
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSpinBox,
    QApplication,
    QCheckBox,
    QComboBox,
    QLabel,
    QLineEdit,
    QMenu,
    QPlainTextEdit,
    QTabBar,
    QTextEdit,
    QWidget,
)

from drover.domain.endpoint import Endpoint
from drover.domain.run import Run
from drover.engine.workbench import Workbench
from drover.paths import Profile
from drover.ui.application import Program
from drover.ui.main_window import MainWindow

T = TypeVar("T")
W = TypeVar("W", bound=QWidget)
_PATIENCE_S = 20.0
_TURN_S = 0.005


class User:
    """Drives one window. What is waited for is looked at between turns of the event loop.

    Hands work inside the running loop but outside any task, as Qt's own events do: a click may turn the loop
    of Qt, and with it whatever tasks are due.
    """

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

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The loop that all windows of a test share."""
        return self._loop

    @property
    def is_at_work(self) -> bool:
        """Whether a window is open."""
        return self._program is not None

    # Beginning and end

    def opens(self, endpoint: Endpoint | None = None, **settings: object) -> User:
        """Starts the program on the profile; first the endpoint is added and chosen, and settings changed."""
        self._program = Program(self._profile)
        self.workbench.retry_base_s = 0.0  # nobody waits here
        if endpoint is not None:
            self._sees_through(self.workbench.save_endpoint(endpoint))
            settings |= {"endpoint_id": endpoint.id, "model_id": endpoint.default_model_id}
        if settings:
            self._sees_through(self.workbench.change_settings(**settings))
        self._does(self._program.show)
        self._running = self._loop.create_task(self._program.run())
        self.waits(lambda: self.window.isVisible(), "the window")
        self.window.activateWindow()
        self.waits(self.window.isActiveWindow, "the window in front")
        return self

    def closes(self) -> User:
        """Closes the window and waits until everything behind it has ended, which leaves no task."""
        program = self._program
        assert program is not None
        self._does(program.window.close)
        self._sees_through(asyncio.wait_for(self._running, _PATIENCE_S))
        self._program = None
        left = [task for task in asyncio.all_tasks(self._loop) if not task.done()]
        assert not left, f"tasks left behind: {left}"
        QApplication.sendPostedEvents(None, 0)
        return self

    def starts_again(self) -> User:
        """Closes the window and opens it on the same profile."""
        return self.closes().opens()

    # Hands

    def types(self, text: str, into: str = "Message") -> User:
        """Types text where the name says."""
        field: QWidget = self.finds(into)
        field.setFocus()
        self._does(QTest.keyClicks, field, text)
        return self

    def replaces(self, text: str, into: str = "Message") -> User:
        """Types text in the place of all that is there."""
        field: QWidget = self.finds(into)
        field.setFocus()
        if isinstance(field, QAbstractSpinBox | QLineEdit | QTextEdit | QPlainTextEdit):
            field.selectAll()
        self._does(QTest.keyClicks, field, text)
        return self

    def pastes(self, text: str, into: str = "Message") -> User:
        """Puts text on the clipboard and pastes it."""
        QApplication.clipboard().setText(text)
        field = self.finds(into, QTextEdit)
        field.setFocus()
        self._does(field.paste)
        return self

    def composes(self, text: str, *, into: str = "Message") -> User:
        """Begins a word with an input method, which is not part of the text yet."""
        self._does(QApplication.sendEvent, self.finds(into), QInputMethodEvent(text, []))
        return self

    def commits(self, text: str, *, into: str = "Message") -> User:
        """Ends the composition with this word."""
        ended = QInputMethodEvent("", [])
        ended.setCommitString(text)
        self._does(QApplication.sendEvent, self.finds(into), ended)
        return self

    def presses(self, key: Qt.Key, *, into: str = "Message", shift: bool = False) -> User:
        """One key."""
        modifier = Qt.KeyboardModifier.ShiftModifier if shift else Qt.KeyboardModifier.NoModifier
        self._does(QTest.keyClick, self.finds(into), key, modifier)
        return self

    def uses(self, shortcut: str) -> User:
        """A shortcut of the window, such as Ctrl+N."""
        self.window.activateWindow()
        self.waits(self.window.isActiveWindow, "the window in front")
        self._does(QTest.keySequence, self.window, QKeySequence(shortcut))
        return self

    def sends(self) -> User:
        """Return, in the message field."""
        return self.presses(Qt.Key.Key_Return)

    def asks(self, text: str) -> User:
        """Types a message, sends it, and waits until it stands in the transcript."""
        self.types(text).sends()
        self.waits(lambda: any(text in message for message in self.messages()), f"{text!r} on its way")
        return self

    def clicks(self, name: str, *, nth: int = -1) -> User:
        """Clicks a control as soon as it can be; of several with the name the last, or the nth.

        What is stored is heard of before the window shows it, so a control may be a moment behind.
        """
        self.waits(lambda: self._is_enabled(name, nth), f"{name!r}, enabled")
        target = self._all(name, QWidget)[nth]
        self._click(target, target.rect())
        return self

    def _is_enabled(self, name: str, nth: int) -> bool:
        found = self._all(name, QWidget)
        return -len(found) <= nth < len(found) and found[nth].isEnabled()

    def ticks(self, name: str) -> User:
        """Toggles a check box."""
        self._does(self.finds(name, QAbstractButton).click)
        return self

    def chooses(self, name: str, value: str) -> User:
        """Picks a value of a combo by its text, as soon as it is offered."""
        combo = self.finds(name, QComboBox)
        self.waits(lambda: combo.findText(value) >= 0, f"{value!r} among {self.offers(name)}")
        index = combo.findText(value)
        self._does(combo.setCurrentIndex, index)
        self._does(combo.activated.emit, index)
        return self

    def turns_to(self, tab: str) -> User:
        """Clicks a tab of the right column."""
        for bar in self._shown(QTabBar):
            for index in range(bar.count()):
                if bar.tabText(index) == tab:
                    self._click(bar, bar.tabRect(index))
                    return self
        raise AssertionError(f"no tab {tab!r}")

    def opens_conversation(self, title: str) -> User:
        """Clicks a row of the list, as soon as it is there."""
        view, index = self._row(title)
        self._click(view.viewport(), _face(view, index))
        return self

    def picks(self, words: str, *, of: str | None = None) -> User:
        """Chooses from the open menu, or from the menu of a conversation."""
        if of is not None:
            view, index = self._row(of)
            place = _face(view, index).center()
            at = view.viewport().mapToGlobal(place)
            asked = QContextMenuEvent(QContextMenuEvent.Reason.Mouse, place, at)
            self._does(QApplication.sendEvent, view.viewport(), asked)
        menu = next(iter(self._shown(QMenu)), None)
        assert menu is not None, "no menu is open"
        action = next((action for action in menu.actions() if action.text() == words), None)
        assert action is not None, f"the menu offers {[action.text() for action in menu.actions()]}"
        assert action.isEnabled(), f"{words!r} is disabled"
        self._click(menu, menu.actionGeometry(action))
        return self

    def _does(self, action: Callable[..., object], *values: Any) -> None:
        done = self._loop.create_future()

        def act() -> None:
            try:
                action(*values)
            except BaseException as error:
                done.set_exception(error)
            else:
                done.set_result(None)

        self._loop.call_soon(act)
        self._sees_through(done)

    def _sees_through(self, work: Awaitable[T]) -> T:
        # Not `run_until_complete`: that of qasync turns Qt's loop once more when asyncio's has ended, and
        # tasks that are due then find no running loop.
        future = asyncio.ensure_future(work, loop=self._loop)
        future.add_done_callback(self._stop)
        while not future.done():  # on a busy machine Qt's loop was once seen to end before
            self._loop.run_forever()
        return future.result()

    def _stop(self, _future: asyncio.Future[Any]) -> None:
        self._loop.stop()

    def _click(self, widget: QWidget, area: QRect) -> None:
        place = QPoint(area.center().x(), area.center().y())
        self._does(partial(QTest.mouseClick, widget, Qt.MouseButton.LeftButton, pos=place))

    def saves_preset(self, name: str, *, keeps_place: bool = False) -> User:
        """Keeps the parameters under a new name, with endpoint and model if wanted."""
        self.clicks("More about presets").picks("Save as…")
        self.replaces(name, into="Name of the preset")
        if keeps_place:
            self.ticks("Keep endpoint and model too")
        return self.clicks("Save")

    # Eyes

    def finds(self, name: str, kind: type[W] = QWidget) -> W:  # type: ignore[assignment]
        """The visible control with this accessible name; the last of several."""
        found = self._all(name, kind)
        assert found, f"nothing visible is named {name!r}"
        return found[-1]

    def has(self, name: str) -> bool:
        """Whether a visible control has this accessible name."""
        return bool(self._all(name, QWidget))

    def can(self, name: str) -> bool:
        """Whether a visible control has this accessible name and is enabled."""
        return any(found.isEnabled() for found in self._all(name, QWidget))

    def is_in(self, name: str) -> bool:
        """Whether the keyboard is in the control with this accessible name."""
        focused = QApplication.focusWidget()
        return focused is not None and _name_of(focused) == name

    def says(self, name: str) -> str:
        """The text in a control."""
        return _text_of(self.finds(name))

    def offers(self, name: str) -> list[str]:
        """The values of a combo, without the lines between them."""
        combo = self.finds(name, QComboBox)
        return [words for index in range(combo.count()) if (words := combo.itemText(index))]

    def titles(self) -> list[str]:
        """The rows of the left column: conversations, or the hits of a search."""
        model = self.finds("Conversations", QAbstractItemView).model()
        return [str(model.index(row, 0).data()) for row in range(model.rowCount())]

    def messages(self) -> list[str]:
        """The accessible texts of the messages in view, in order."""
        return [text for text in self.window.transcript.accessible_messages() if text]

    def runs(self) -> list[Run]:
        """Every stored run, oldest first."""
        reader = self.workbench.open_reader()
        try:
            ids = sorted(run_id for known in reader.conversations() for run_id in reader.runs(known.id))
            return [run for run_id in ids if (run := reader.run(run_id)) is not None]
        finally:
            reader.close()

    def bodies(self) -> list[dict[str, Any]]:
        """What was sent for each of the runs."""
        return [json.loads(run.request_body) for run in self.runs()]

    def sees(self, words: str) -> User:
        """Waits until some message contains the words."""
        self.waits(lambda: any(words in text for text in self.messages()), f"{words!r} in the transcript")
        return self

    def reads(self, words: str) -> User:
        """Waits until the words stand anywhere on the screen."""
        self.waits(lambda: self.is_told(words), f"{words!r} on the screen")
        return self

    def is_told(self, words: str) -> bool:
        """Whether the words stand anywhere on the screen."""
        return any(words in _all_words_of(widget) for widget in self._shown(QWidget))

    def sees_titles(self, *titles: str) -> User:
        """Waits until exactly these rows are listed."""
        self.waits(lambda: self.titles() == list(titles), f"the list {titles}; it is {self.titles()}")
        return self

    def page_lightness(self) -> int:
        """How light the middle column is, from 0 to 255."""
        foot = self.window.composer.parentWidget()
        assert foot is not None
        return foot.grab().toImage().pixelColor(4, 4).lightness()

    def sees_end(self) -> User:
        """Waits until no reply is live, nor about to be: a question is seen before its run is."""
        bench = self.workbench
        self.waits(lambda: not bench.live and not bench._starting, "the end of the reply")
        return self

    def waits(self, holds: Callable[[], bool], what: str) -> User:
        """Turns the event loop until it holds; AssertionError with the name of the thing if it never does."""
        self._sees_through(self._until(holds, what))
        return self

    async def _until(self, holds: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + _PATIENCE_S
        while not holds():
            assert time.monotonic() < deadline, f"never seen: {what}; on the screen: {self._screen()}"
            await asyncio.sleep(_TURN_S)

    def _screen(self) -> str:
        words = dict.fromkeys(_text_of(widget) or _name_of(widget) for widget in self._shown(QWidget))
        return " | ".join(filter(None, words))

    def _row(self, title: str) -> tuple[QAbstractItemView, QModelIndex]:
        self.waits(lambda: title in self.titles(), f"{title!r} in the list")
        view = self.finds("Conversations", QAbstractItemView)
        return view, view.model().index(self.titles().index(title), 0)

    def _shown(self, kind: type[W]) -> list[W]:
        tops = QApplication.topLevelWidgets()
        widgets = [widget for top in tops for widget in (top, *top.findChildren(QWidget))]
        return [widget for widget in widgets if isinstance(widget, kind) and widget.isVisible()]

    def _all(self, name: str, kind: type[W]) -> list[W]:
        return [widget for widget in self._shown(kind) if _name_of(widget) == name]


def _face(view: QAbstractItemView, index: QModelIndex) -> QRect:
    """The lower end of a row: above it may stand the name of a group."""
    face = view.visualRect(index)
    face.setTop(face.bottom() - 8)
    return face


def _name_of(widget: QWidget) -> str:
    name = widget.accessibleName()
    return widget.text().replace("&", "") if not name and isinstance(widget, QAbstractButton) else name


def _text_of(widget: QWidget) -> str:
    match widget:
        case QTextEdit() | QPlainTextEdit():
            return widget.toPlainText()
        case QComboBox():
            return widget.currentText()
        case QLabel() | QLineEdit() | QAbstractSpinBox() | QAbstractButton():
            return widget.text()
        case _:
            return ""


def _all_words_of(widget: QWidget) -> str:
    words = (_name_of(widget), widget.accessibleDescription(), _text_of(widget))
    return "\n".join(words) if not isinstance(widget, QCheckBox) else ""
