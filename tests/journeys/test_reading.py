"""Reading while replies arrive: what is looked at stays where it is, what was opened stays open."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QPointF, QRect, Qt
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QApplication, QWidget
from tests.provider import EVENT_STREAM, Flag, Head, Provider, Send, Step, Wait, event
from tests.user import User

from drover.domain.endpoint import Endpoint
from drover.ui.message_view import MessageView
from drover.ui.theme import theme

PROSE = "\n\n".join(f"Paragraph {number}. " + "Some words of prose. " * 12 for number in range(24))
FORMULAS = "\n\nWith $x^2$ and\n\n$$\\int_0^1 x\\,dx = \\frac{1}{2}$$\n\n```python\nprint('code')\n```\n\n"


def scripted_stream(provider: Provider, *pieces: tuple[str, str]) -> list[Flag]:
    """A reply of these (field, text) deltas; before each but the first it waits for the next of the flags."""
    flags = [Flag(f"piece {number}") for number in range(1, len(pieces))]
    steps: list[Step] = [Head(headers={"Content-Type": EVENT_STREAM})]
    for number, (field, text) in enumerate(pieces):
        if number:
            steps.append(Wait(flags[number - 1]))
        steps.append(Send(event({"choices": [{"index": 0, "delta": {field: text}}]})))
    steps.append(Send(event({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})))
    provider.script(*steps, Send(event("[DONE]")))
    return flags


def turns_wheel(user: User, angle: int) -> None:
    """Over the middle of the transcript, as the window system sends it."""
    transcript = user.window.transcript
    place = transcript.mapTo(user.window, transcript.rect().center())
    user._does(QTest.wheelEvent, user.window.windowHandle(), QPointF(place), QPoint(0, angle))


def page_of(user: User) -> QImage:
    """What is painted of the text, without the scroll bar and the room of the pill."""
    pane = user.window.transcript.viewport()
    return pane.grab(QRect(0, 0, pane.width() - 16, pane.height() - 60)).toImage()


def arrived(user: User) -> int:
    """How much of the live reply is there."""
    return sum(live.builder.delta_count for live in user.workbench.live.values())


def lets_in(user: User, flag: Flag) -> None:
    """The next piece comes and has been shown."""
    before = arrived(user)
    flag.set()
    user.waits(lambda: arrived(user) > before or not user.workbench.live, "the next piece")
    user._does(QApplication.processEvents)


def test_not_a_pixel_moves_while_a_person_reads_and_a_reply_streams(
    user: User, scripted: Endpoint, provider: Provider
) -> None:
    thought = "reasoning_content"
    provider.answers(PROSE + FORMULAS + PROSE, chunks=3)
    flags = scripted_stream(
        provider, (thought, PROSE), (thought, "More."), ("content", "So. "), ("content", FORMULAS),
        ("content", PROSE), ("content", "\n\n| a | b |\n|---|---|\n| 1 | 2 |\n"), ("content", PROSE),
    )  # fmt: skip
    user.opens(scripted).asks("first?").sees_end()
    user.asks("second?").waits(lambda: arrived(user) == 1, "the first piece")
    for _ in range(3):
        turns_wheel(user, 120)
    assert not user.window.transcript.is_following
    user._does(QApplication.processEvents)
    before = page_of(user)
    for number, flag in enumerate(flags):
        lets_in(user, flag)
        assert page_of(user) == before, number
    user.sees_end().waits(lambda: not user.is_told("Streaming"), "the reply at rest")
    assert page_of(user) == before
    user.clicks("Jump to latest")
    user.waits(lambda: user.window.transcript.is_following, "the end")
    bar = user.window.transcript.verticalScrollBar()
    assert bar.value() == bar.maximum()


def test_a_click_on_the_reasoning_survives_stream_settling_and_another_conversation(
    user: User, scripted: Endpoint, provider: Provider
) -> None:
    thought = "reasoning_content"
    flags = scripted_stream(provider, (thought, "One. "), (thought, "Two. "), ("content", "So."))
    provider.answers("else")
    user.opens(scripted).asks("why?").waits(lambda: user.has("Reasoning"), "the reasoning")
    toggle = user.finds("Reasoning", QAbstractButton)
    assert toggle.isChecked()
    user.clicks("Reasoning")
    lets_in(user, flags[0])
    assert not toggle.isChecked()
    user.clicks("Reasoning")
    lets_in(user, flags[1])
    user.sees_end().sees("So.")
    assert user.finds("Reasoning", QAbstractButton).isChecked()
    user.clicks("New conversation").asks("other?").sees("else").sees_end()
    user.opens_conversation("why?").sees("So.")
    assert user.finds("Reasoning", QAbstractButton).isChecked()
    assert user.says("Reasoning text") == "One. Two."


def message_at(user: User, index: int) -> QWidget:
    children = user.window.transcript.viewport().children()
    return [child for child in children if isinstance(child, MessageView) and child.isVisible()][index]


def test_what_was_sent_can_be_put_at_the_top_with_its_answer_growing_below(
    user: User, scripted: Endpoint, provider: Provider
) -> None:
    provider.answers(PROSE)
    gate = provider.answers(PROSE, chunks=4, pause_after=2)
    user.opens(scripted).uses("Ctrl+,").waits(lambda: user.has("After sending"), "the settings")
    user.chooses("After sending", "Question at the top").clicks("Close")
    user.asks("first?").sees_end()
    user.presses(Qt.Key.Key_End, into=message_at(user, -1).accessibleName())
    steps: list[int] = []
    bar = user.window.transcript.verticalScrollBar()
    bar.valueChanged.connect(steps.append)
    user.asks("second?")
    user.waits(lambda: arrived(user) == 2, "half of the answer")
    top = theme().px(0) + 16
    assert message_at(user, -2).accessibleName() == "You: second?"
    assert message_at(user, -2).y() == top
    assert set(steps) == {bar.value()}  # in one step, without a look at the end
    gate.set()
    user.sees_end()
    assert message_at(user, -2).y() == top
    assert user.has("Jump to latest")


def test_ctrl_and_the_wheel_change_the_text_size_and_it_is_remembered(
    user: User, scripted: Endpoint, provider: Provider
) -> None:
    provider.answers(PROSE)
    user.opens(scripted).asks("why?").sees_end()
    transcript = user.window.transcript
    place = transcript.mapTo(user.window, transcript.rect().center())
    handle = user.window.windowHandle()
    control = Qt.KeyboardModifier.ControlModifier
    user._does(QTest.wheelEvent, handle, QPointF(place), QPoint(0, 120), QPoint(), control)
    assert theme().text_scale == 1.1
    user.starts_again()
    assert theme().text_scale == 1.1
