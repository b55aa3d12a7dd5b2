"""Everything without a pointer: from part to part, from message to message, and what can be done with one."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMenu, QTextEdit, QWidget
from tests.provider import Provider
from tests.user import User

from drover.domain.endpoint import Endpoint
from drover.ui.message_view import MessageView

Key = Qt.Key
SHIFT = Qt.KeyboardModifier.ShiftModifier
ALT = Qt.KeyboardModifier.AltModifier
BUTTONS = ["Copy", "Regenerate", "Inspect", "More"]
PROSE = "\n\n".join("Some words of prose. " * 12 for _ in range(16))


def press(user: User, key: Qt.Key, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
    """One key where the keyboard is."""
    user._does(QTest.keyClick, focused(), key, modifier)


def focused() -> QWidget:
    widget = QApplication.activePopupWidget() or QApplication.focusWidget()
    assert widget is not None
    return widget


def name() -> str:
    return focused().accessibleName()


@pytest.fixture
def answered(user: User, scripted: Endpoint, provider: Provider) -> User:
    """Two questions with answers, the second of which is long, thought over and holds code."""
    provider.answers("Short.")
    provider.answers(f"Long.\n\n```python\nprint(1)\n```\n\n{PROSE}", reasoning="Hm.", chunks=3)
    user.opens(scripted).asks("first?").sees("Short.").sees_end()
    return user.asks("second?").sees("Long.").sees_end()


def test_f6_goes_around_the_window(answered: User) -> None:
    places = []
    for _ in range(4):
        answered.uses("F6")
        places.append(name()[:20])
    assert places[0] == ""  # the tabs of the right column
    assert places[1] == "Conversations"
    assert places[2].startswith("scripted-model: Long")
    assert places[3] == "Message"
    answered.uses("Shift+F6")
    assert name().startswith("scripted-model: Long")


def test_keys_go_from_message_to_message_and_escape_goes_back_to_writing(answered: User) -> None:
    answered.uses("Shift+F6")
    heard = []
    for key, modifier in ((Key.Key_K, None), (Key.Key_K, None), (Key.Key_Up, ALT), (Key.Key_K, None)):
        press(answered, key, modifier or Qt.KeyboardModifier.NoModifier)
        heard.append(name().split("\n")[0])
    assert heard == ["scripted-model: Long.", "You: second?", "scripted-model: Short.", "You: first?"]
    press(answered, Key.Key_J)
    press(answered, Key.Key_Down, ALT)
    assert name() == "You: second?"
    view = focused()
    assert isinstance(view, MessageView)
    assert 0 <= view.y() < answered.window.transcript.height()
    press(answered, Key.Key_Escape)
    assert name() == "Message"
    press(answered, Key.Key_J)
    press(answered, Key.Key_K)
    assert answered.says("Message") == "jk"


def test_pages_and_ends_from_wherever_the_keyboard_is_in_the_transcript(answered: User) -> None:
    bar = answered.window.transcript.verticalScrollBar()
    answered.uses("Shift+F6")
    press(answered, Key.Key_Home)
    assert bar.value() == 0
    press(answered, Key.Key_Space)
    below = bar.value()
    assert below > 200
    press(answered, Key.Key_Space, SHIFT)
    assert bar.value() == 0
    press(answered, Key.Key_PageDown)
    assert bar.value() == below
    code = next(text for text in answered.window.findChildren(QTextEdit) if "print" in text.toPlainText())
    code.setFocus()
    press(answered, Key.Key_End)
    assert bar.value() == bar.maximum()
    code.setFocus()
    press(answered, Key.Key_Space, SHIFT)
    assert bar.value() < bar.maximum()
    press(answered, Key.Key_K)
    assert isinstance(focused(), MessageView)


def test_return_on_a_message_opens_all_that_can_be_done_with_it(answered: User) -> None:
    answered.uses("Shift+F6")
    press(answered, Key.Key_Return)
    menu = focused()
    assert isinstance(menu, QMenu)
    words = [action.text() for action in menu.actions()]
    assert words[:4] == ["Copy", "Copy as plain text", "Show source", "Copy reasoning"]
    assert {"Regenerate", "Restore these settings", "Inspect"} <= set(words)
    for _ in range(3):
        press(answered, Key.Key_Down)
    press(answered, Key.Key_Return)
    assert QGuiApplication.clipboard().text() == "Hm."
    press(answered, Key.Key_K)
    press(answered, Key.Key_K)
    press(answered, Key.Key_Return)
    menu = focused()
    assert isinstance(menu, QMenu)
    assert {"Copy", "Edit"} <= {action.text() for action in menu.actions()}
    press(answered, Key.Key_Escape)
    press(answered, Key.Key_Escape)
    assert name() == "Message"


def test_tab_goes_around_the_window_and_through_one_message_of_many(answered: User) -> None:
    answered.window.composer.take_focus()
    heard: list[str] = []
    while len(heard) < 120:
        press(answered, Key.Key_Tab)
        heard.append(name())
        if name() == "Message":
            break
    first = next(index for index, said in enumerate(heard) if said.startswith("scripted-model: Long"))
    assert heard[first - 1] == "Fold or show the parameters"
    assert heard[first + 1 :] == ["Reasoning", "", "Copy code", *BUTTONS, "JSON", "Message"]
    assert not [said for said in heard if said.startswith("You: ")]
    press(answered, Key.Key_Backtab, SHIFT)
    press(answered, Key.Key_Backtab, SHIFT)
    assert name().startswith("scripted-model: Long")
    press(answered, Key.Key_Backtab, SHIFT)
    assert name() == "Fold or show the parameters"
