"""What people paste and type that no one expected."""

from __future__ import annotations

from PySide6.QtCore import Qt
from tests.provider import EVENT_STREAM, Head, Provider, Send, event
from tests.user import User

from drover.domain.endpoint import Endpoint

RTL = "\u202eright to left\u202c \u200f\u05d0\u05d1"
EMOJI = "\U0001f469\u200d\U0001f680 e\u0301"


def content(user: User) -> str:
    text: str = user.bodies()[-1]["messages"][-1]["content"]
    return text


def test_a_blank_message_cannot_be_sent(user: User, scripted: Endpoint) -> None:
    user.opens(scripted)
    assert not user.can("Send")
    user.types("   ").presses(Qt.Key.Key_Return, shift=True)
    assert not user.can("Send")
    user.sends().types("x")
    assert user.can("Send")
    assert user.runs() == []


def test_a_megabyte_is_pasted_and_sent_intact(user: User, provider: Provider, scripted: Endpoint) -> None:
    provider.answers("that was long")
    text = "".join(f"{number} is a number of which nobody thinks\n" for number in range(25_000))
    assert len(text) > 1_000_000
    user.opens(scripted).pastes(text).sends().sees("that was long").sees_end()
    assert content(user) == text
    assert provider.requests[-1].json["messages"][0]["content"] == text
    assert user.says("Message") == ""


def test_a_megabyte_without_a_space_is_pasted_and_sent_intact(
    user: User, provider: Provider, scripted: Endpoint
) -> None:
    provider.answers("that was long")
    user.opens(scripted).pastes("x" * 1_000_000).sends().sees("that was long").sees_end()
    assert content(user) == "x" * 1_000_000


def test_odd_characters_are_sent_and_shown(user: User, provider: Provider, scripted: Endpoint) -> None:
    provider.answers("echo " + RTL + EMOJI)
    user.opens(scripted).pastes(f"nul \0 {RTL} {EMOJI}").sends().sees(EMOJI).sees_end()
    assert content(user) == f"nul \ufffd {RTL} {EMOJI}"
    assert RTL in user.messages()[0]
    assert user.messages()[1].endswith(RTL + EMOJI)
    user.starts_again().sees(EMOJI)


def test_odd_characters_from_a_server_are_shown(user: User, provider: Provider, scripted: Endpoint) -> None:
    delta = '{"choices": [{"index": 0, "delta": {"content": "nul \\u0000 half \\ud83d of a pair"}}]}'
    provider.script(Head(headers={"Content-Type": EVENT_STREAM}), Send(event(delta)), Send(event("[DONE]")))
    user.opens(scripted).asks("hello?").sees("of a pair").sees_end()
    user.starts_again().sees("of a pair")


def test_return_during_a_composition_does_not_send(
    user: User, provider: Provider, scripted: Endpoint
) -> None:
    provider.answers("fine")
    user.opens(scripted).types("ni ").composes("hao").sends()
    assert user.runs() == []
    user.commits("\u597d").sends().sees("ni \u597d").sees_end()
    assert content(user) == "ni \u597d"


def test_shift_return_breaks_the_line(user: User, provider: Provider, scripted: Endpoint) -> None:
    provider.answers("fine")
    user.opens(scripted).types("one").presses(Qt.Key.Key_Return, shift=True).types("two")
    user.sends().sees("fine").sees_end()
    assert content(user) == "one\ntwo"


def test_a_number_out_of_range_is_clamped(user: User, provider: Provider, scripted: Endpoint) -> None:
    provider.answers("fine")
    user.opens(scripted).ticks("Send temperature").replaces("7", into="temperature")
    user.asks("hello?").sees("fine").sees_end()
    assert user.bodies()[-1]["temperature"] == 2.0
