"""Selecting in the conversation with the mouse and the keyboard, and pasting elsewhere."""

from __future__ import annotations

from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from tests.provider import Provider
from tests.user import User

from drover.domain.endpoint import Endpoint
from drover.ui.markdown_places import Place
from drover.ui.selection import Spot

ANSWER = "Take **this**:\n\n```python\nx = 1\ny = 2\n```\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\nDone."


def place(user: User, which: int, block: int, offset: int) -> QPoint:
    """Where in the window a place of a message is shown."""
    transcript = user.window.transcript
    line = transcript.line_at(Spot(transcript.id_at(which), "body", Place(block, offset)))
    return transcript.viewport().mapTo(user.window, QPoint(line.x(), line.center().y()))


def drags(user: User, start: QPoint, end: QPoint) -> None:
    """As the window system sends it."""
    window, button = user.window.windowHandle(), Qt.MouseButton.LeftButton
    user._does(lambda: QTest.mousePress(window, button, pos=start))
    for share in (0.2, 0.6, 1.0):
        user._does(lambda at=start + (end - start) * share: QTest.mouseMove(window, at))
    user._does(lambda: QTest.mouseRelease(window, button, pos=end))


def copies(user: User) -> None:
    """Ctrl+C, wherever the keyboard is."""
    window = user.window.windowHandle()
    user._does(lambda: QTest.keyClick(window, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier))


def test_a_selection_across_code_and_two_messages_is_pasted_into_the_message(
    user: User, provider: Provider, scripted: Endpoint
) -> None:
    provider.answers(ANSWER)
    user.opens(scripted).types("Show me *some* code").sends().sees("Show me some code").sees_end()
    drags(user, place(user, 0, 0, 8), place(user, 1, 1, 5))
    copies(user)
    user.clicks("Message")
    user._does(user.finds("Message").paste)
    assert user.says("Message") == (
        "**You:**\n\n*some* code\n\n**scripted-model:**\n\nTake **this**:\n\n```python\nx = 1\n```"
    )


def test_code_and_tables_paste_clean(user: User, provider: Provider, scripted: Endpoint) -> None:
    provider.answers(ANSWER)
    user.opens(scripted).asks("Show me").sees_end()
    clipboard = QGuiApplication.clipboard()
    drags(user, place(user, 1, 1, 0), place(user, 1, 1, 11))
    copies(user)
    assert clipboard.text() == "x = 1\ny = 2"
    drags(user, place(user, 1, 2, 0), place(user, 1, 3, 5))
    copies(user)
    assert "<tr><th>a</th><th>b</th></tr></thead><tbody><tr>" in clipboard.mimeData().html()
    assert ">1</td>" in clipboard.mimeData().html()
    assert clipboard.text() == "| a | b |\n| --- | --- |\n| 1 | 2 |\n\nDone."


def test_the_message_field_copies_what_is_selected_in_the_conversation(
    user: User, provider: Provider, scripted: Endpoint
) -> None:
    provider.answers(ANSWER)
    user.opens(scripted).asks("Show me").sees_end()
    drags(user, place(user, 1, 3, 0), place(user, 1, 3, 4))
    user.clicks("Message")
    copies(user)
    assert QGuiApplication.clipboard().text() == "Done"
    user._does(user.window.transcript.copy_conversation)
    assert QGuiApplication.clipboard().text() == f"**You:**\n\nShow me\n\n**scripted-model:**\n\n{ANSWER}"
