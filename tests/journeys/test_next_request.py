"""What will be sent, seen before it is."""

from __future__ import annotations

import json

from PySide6.QtWidgets import QApplication, QLabel, QPlainTextEdit
from tests.journeys.conftest import endpoint_at
from tests.provider import Provider
from tests.user import User

from drover.domain.endpoint import Endpoint
from drover.domain.tools import ToolDefinition
from drover.ui.tools_dialog import ToolsDialog


def strip(user: User) -> str:
    labels = user.window.composer.findChildren(QLabel)
    return next(label.text() for label in labels if type(label).__name__ == "_Strip")


def sees_in_strip(user: User, words: str) -> User:
    return user.waits(lambda: words in strip(user), f"{words!r} in the strip")


def request_view(user: User) -> QPlainTextEdit:
    return user.finds("Request as JSON", QPlainTextEdit)


def changed(user: User) -> list[str]:
    return [line for line in request_view(user).toPlainText().splitlines() if line[0] in "+−"]


def test_the_strip_follows_every_setting_and_after_sending_says_that_they_are_the_same(
    user: User, provider: Provider, scripted: Endpoint
) -> None:
    provider.answers("Yes. " * 100)
    provider.answers("No.")
    user.opens(scripted).asks("word").sees_end()
    user.ticks("Send stop")  # without a text, which stops nothing
    sees_in_strip(user, "same settings, 3 messages, about 120 tokens")
    user.types("x" * 400)
    sees_in_strip(user, "3 messages, about 210 tokens")
    user.ticks("Send temperature").replaces("0.2", into="temperature").ticks("Send seed")
    sees_in_strip(user, "+ temperature 0.2, + seed 7, 3 messages")
    user.types("Be brief.", into="System prompt")
    sees_in_strip(user, "+ seed 7, + system prompt, 3 messages")
    user.sends().sees("No.").sees_end()
    sees_in_strip(user, "Will be sent, same settings, 5 messages")
    user.ticks("Send seed").replaces("0.7", into="temperature")
    sees_in_strip(user, "temperature 0.2 → 0.7, − seed")
    user.replaces("Be long.", into="System prompt")
    sees_in_strip(user, "system prompt changed")


def test_calls_of_tools_and_their_results_count_as_the_messages_that_they_are(
    user: User, provider: Provider, scripted: Endpoint
) -> None:
    provider.calls(("c1", "get_time", "{}"), ("c2", "get_date", "{}"))
    provider.answers("Noon.")
    user.opens(scripted).asks("What time is it?").sees_end()
    user.asks("Go on without").sees("Noon.").sees_end()
    sees_in_strip(user, "7 messages")
    user.starts_again()
    sees_in_strip(user, "7 messages")
    assert len(user.bodies()[-1]["messages"]) == 5


def test_a_request_that_fills_the_context_is_told_before_it_is_sent(user: User, provider: Provider) -> None:
    provider.models([{"id": "scripted-model", "context_length": 1_000}])
    user.opens(endpoint_at(provider.base_url)).reads("1 000 tokens of context".replace(" ", "\u202f", 1))
    user.types("x" * 2_800)
    sees_in_strip(user, "about 700 tokens")
    assert "context" not in strip(user)
    user.types("x" * 1_000)
    sees_in_strip(user, "Will be sent, about 950 tokens, the context holds 1\u202f000, the message alone")


def test_the_unfolded_request_is_a_difference_and_is_copied_exactly_as_it_is_sent(
    user: User, provider: Provider, scripted: Endpoint
) -> None:
    provider.answers("one")
    provider.answers("two")
    user.opens(scripted).ticks("Send temperature").asks("first").sees_end()
    user.ticks("Send temperature").ticks("Send seed").types("second").clicks("JSON")
    user.chooses("Show of the request", "Changes")
    wanted = [
        '+     {"role": "assistant", "content": "one"},',
        '+     {"role": "user", "content": "second"}',
        '−   "temperature": 0.7,',
        '+   "seed": 7,',
    ]
    user.waits(lambda: changed(user) == wanted, "the changes")
    assert user.finds("Adjustments", QLabel).text() == "stream_options added so that usage is reported"
    user.clicks("Copy JSON").waits(lambda: "second" in QApplication.clipboard().text(), "the copy")
    copied = QApplication.clipboard().text()
    user.sends().sees("two").sees_end()
    assert provider.requests[-1].body.decode() == copied
    assert json.loads(copied)["seed"] == 7
    user.waits(lambda: "same as the request" not in request_view(user).toPlainText(), "the next difference")


def test_an_edited_question_takes_back_what_followed_it_and_another_model_is_told(
    user: User, provider: Provider, scripted: Endpoint
) -> None:
    provider.answers("one")
    provider.answers("two")
    user.opens(scripted).asks("first").sees_end().asks("second").sees("two").sees_end()
    user._does(user.window.model_chosen.emit, "other-model")
    sees_in_strip(user, "model scripted-model → other-model, 5 messages")
    user.clicks("JSON").chooses("Show of the request", "Changes")
    user.clicks("Edit")
    model = ['−   "model": "scripted-model",', '+   "model": "other-model",']
    user.waits(lambda: changed(user) == model, "the same messages")
    user.types("!")
    edited = ['−     {"role": "user", "content": "second"},', '+     {"role": "user", "content": "second!"}']
    user.waits(lambda: changed(user) == model + edited, "the edit")


def test_while_a_reply_arrives_the_unfolded_request_is_the_one_that_it_answers(
    user: User, provider: Provider, scripted: Endpoint
) -> None:
    gate = provider.answers("one two", pause_after=1)
    user.opens(scripted).clicks("JSON").types("first").sends().sees("one")
    user.waits(lambda: '"content": "first"' in request_view(user).toPlainText(), "what was sent")
    user.types("meanwhile")
    user.clicks("Copy JSON").waits(lambda: "first" in QApplication.clipboard().text(), "the copy")
    assert "meanwhile" not in request_view(user).toPlainText()
    assert provider.requests[-1].body.decode() == QApplication.clipboard().text()
    gate.set()
    user.sees_end()
    user.waits(lambda: "meanwhile" in request_view(user).toPlainText(), "what is next")


def test_tools_that_a_model_is_not_offered_are_told_before_sending(user: User) -> None:
    user.opens()
    user._does(user.window.parameters.tools_requested.emit)
    user.waits(lambda: user.has("Done"), "the list of tools")
    dialog = next(found for found in user.window.findChildren(ToolsDialog))
    user._does(dialog.tools_edited.emit, (ToolDefinition(name="get_weather"),), ())
    user.clicks("Done").reads("tools are not sent: the chat template of SmolLM2 has no place for tools")
