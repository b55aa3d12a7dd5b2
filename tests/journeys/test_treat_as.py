"""A reply that was read wrongly is put right by the person, for it and for later ones."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QMenu
from tests.provider import EVENT_STREAM, Head, Provider, Send, event
from tests.user import User

from drover.domain.endpoint import Endpoint
from drover.ui.reading_menu import ReadingMenu


def treats_as(user: User, words: str) -> None:
    """Opens the menu of the last message and chooses a way to read it."""
    user.clicks("More")
    above = user._shown(QMenu)[0]
    row = next(action for action in above.actions() if action.text() == "Treat as")
    user._does(above.setActiveAction, row)
    user._does(QTest.keyClick, above, Qt.Key.Key_Right)
    user.waits(lambda: bool(user._shown(ReadingMenu)), "the ways to read it")
    menu = user._shown(ReadingMenu)[0]
    action = next(action for action in menu.actions() if action.text() == words)
    user._click(menu, menu.actionGeometry(action))


def test_thinking_without_an_opening_tag_is_put_right_for_this_reply_and_the_next(
    user: User, scripted: Endpoint, provider: Provider
) -> None:
    provider.answers("I add two and two.</think>It is 4.")
    user.opens(scripted).asks("2 + 2?").sees("I add two and two.</think>It is 4.")

    user.reads("What stands before </think> may be thinking.").clicks("Treat as thinking")

    user.sees("It is 4.").reads("read as thinking up to </think>")
    user.clicks("Reasoning").reads("I add two and two.")
    user.asks("again?").sees_end()
    answer = "scripted-model: It is 4."
    user.waits(lambda: user.messages().count(answer) == 2, "a second reply that is read alike")


def test_the_way_is_undone_in_the_menu_of_the_message(
    user: User, scripted: Endpoint, provider: Provider
) -> None:
    provider.answers("analysisI add.assistantfinalIt is 4.")
    user.opens(scripted).asks("2 + 2?").sees_end().sees("analysisI add.assistantfinalIt is 4.")

    treats_as(user, "Harmony without its markers")
    user.reads("read as Harmony without markers").sees("It is 4.")

    treats_as(user, "As the server says")
    user.sees("analysisI add.assistantfinalIt is 4.")


def test_an_answer_that_came_as_thinking_is_shown_as_the_answer(
    user: User, scripted: Endpoint, provider: Provider
) -> None:
    provider.answers("", reasoning="It is 4.")
    user.opens(scripted).asks("2 + 2?").reads("There is thinking, and no answer.")

    user.clicks("Treat as the answer")

    user.sees("It is 4.").reads("read as all answer")
    user.turns_to("Request").reads("Reply").reads("read as all answer")


def test_thinking_that_only_the_provider_can_read_is_named_and_takes_no_room(
    user: User, scripted: Endpoint, provider: Provider
) -> None:
    hidden = {"type": "reasoning.encrypted", "data": "QUJD", "index": 0}
    chunks = [
        {"choices": [{"index": 0, "delta": {"reasoning_details": [hidden]}}]},
        {"choices": [{"index": 0, "delta": {"content": "It is 4."}, "finish_reason": "stop"}]},
    ]
    steps = [Send(event(chunk)) for chunk in [*chunks, "[DONE]"]]
    provider.script(Head(headers={"Content-Type": EVENT_STREAM}), *steps)
    user.opens(scripted).asks("2 + 2?").sees("It is 4.").reads("Thought hidden by the provider")

    assert not user.can("Reasoning")
    user.turns_to("Reasoning").waits(lambda: "QUJD" in user.says("Whole reasoning"), "what is kept of it")
    user.starts_again().sees("It is 4.").reads("Thought hidden by the provider")


def test_tags_of_a_server_are_named_once_in_its_dialog(
    user: User, scripted: Endpoint, provider: Provider
) -> None:
    provider.answers("[hm]I add.[/hm]It is 4.")
    user.opens(scripted).clicks("Settings").clicks("Edit Scripted")
    user.types("[hm]", into="Opening tag of thinking").types("[/hm]", into="Closing tag of thinking")
    user.clicks("Save").clicks("Close")

    user.asks("2 + 2?").waits(lambda: "scripted-model: It is 4." in user.messages(), "the answer alone")
