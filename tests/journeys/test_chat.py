"""Asking, reading, stopping, asking again."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractButton, QSlider
from tests.provider import Provider
from tests.user import User

from drover.domain.endpoint import Endpoint
from drover.domain.run import RunStatus
from drover.ui.message_reasoning import ReasoningToggle


def test_the_built_in_model_streams_an_answer_and_thinks_only_when_asked_to(user: User) -> None:
    user.opens().ticks("Send max_tokens").replaces("60", into="max_tokens")
    user.types("Say hello.").sends().sees("Say hello.")
    user.waits(lambda: user.can("Stop"), "Stop").sees_end()
    (run,) = user.runs()
    assert run.status in (RunStatus.COMPLETE, RunStatus.CUT)
    assert not user.has("Reasoning")
    user.sees_titles("Say hello.").reads("tok/s")
    assert user.says("Message") == ""

    user.replaces("400", into="max_tokens")
    user.ticks("Send reasoning_effort").chooses("reasoning_effort", "low")
    user.asks("What is two and two?").sees_end()
    toggle = user.finds("Reasoning", ReasoningToggle)
    user.waits(lambda: toggle.accessibleDescription().startswith("Thought for "), "the end of the thinking")
    if not toggle.isChecked():
        user.clicks("Reasoning")
    assert user.says("Reasoning text").strip()


def test_a_parameter_is_sent_while_it_is_ticked_and_absent_when_not(
    user: User, provider: Provider, scripted: Endpoint
) -> None:
    provider.answers("Yes.")
    user.opens(scripted).asks("one").sees_end()
    user.ticks("Send temperature").replaces("0.35", into="temperature").asks("two").sees_end()
    slider = user.finds("temperature slider", QSlider)
    slider.setFocus()
    user.presses(Qt.Key.Key_Right, into="temperature slider").asks("three").sees_end()
    user.ticks("Send temperature").asks("four").sees_end()
    sent = [body.get("temperature", "absent") for body in user.bodies()]
    assert sent == ["absent", 0.35, 0.36, "absent"]
    assert [body.get("temperature", "absent") for body in _received(provider)] == sent


def _received(provider: Provider) -> list[dict[str, object]]:
    return [request.json for request in provider.requests if request.method == "POST"]


@pytest.mark.parametrize("way", ["Esc", "Stop"])
def test_an_answer_that_is_stopped_keeps_its_text_and_can_be_asked_for_again(
    user: User, provider: Provider, scripted: Endpoint, way: str
) -> None:
    provider.answers("one two three four", pause_after=2)
    provider.answers("a whole answer")
    user.opens(scripted).asks("count").sees("one two")
    if way == "Esc":
        user.presses(Qt.Key.Key_Escape)
    else:
        user.clicks("Stop")
    user.sees_end().reads("Stopped.")
    assert [run.status for run in user.runs()] == [RunStatus.STOPPED]
    assert user.messages()[-1] == "scripted-model: one two"
    user.waits(lambda: user.has("Send"), "Send")
    user.clicks("Retry").sees("a whole answer").sees_end()
    assert [run.status for run in user.runs()] == [RunStatus.STOPPED, RunStatus.COMPLETE]
    user.reads("2/2").clicks("Previous version").sees("one two")


def test_regenerating_makes_versions_that_can_be_leafed_through(
    user: User, provider: Provider, scripted: Endpoint
) -> None:
    provider.answers("the first")
    provider.answers("the second")
    user.opens(scripted).asks("which?").sees("the first").sees_end()
    user.clicks("Regenerate").sees("the second").sees_end().reads("2/2")
    assert not user.can("Next version")
    user.clicks("Previous version").sees("the first").reads("1/2")
    assert not user.can("Previous version")
    user.clicks("Next version").sees("the second").reads("2/2")
    assert user.messages() == ["You: which?", "scripted-model: the second"]


def test_an_edited_message_becomes_a_sibling_with_or_without_a_request(
    user: User, provider: Provider, scripted: Endpoint
) -> None:
    provider.answers("the first answer")
    provider.answers("the second answer")
    user.opens(scripted).asks("a question").sees("the first answer").sees_end()
    user.types("unsent").clicks("Edit")
    assert user.says("Message") == "a question"
    user.replaces("a saved question").clicks("Save")
    user.sees("a saved question").reads("2/2")
    user.waits(lambda: user.says("Message") == "unsent", "the text put aside")
    assert len(user.runs()) == 1
    assert user.messages() == ["You: a saved question"]

    user.clicks("Edit").replaces("a sent question").clicks("Send")
    user.sees("the second answer").sees_end().reads("3/3")
    assert user.messages() == ["You: a sent question", "scripted-model: the second answer"]
    user.waits(lambda: user.says("Message") == "unsent", "the text put aside")
    user.clicks("Previous version").reads("2/3").clicks("Previous version").sees("the first answer")


def test_escape_gives_an_edit_up(user: User, provider: Provider, scripted: Endpoint) -> None:
    provider.answers("an answer")
    user.opens(scripted).asks("a question").sees("an answer").sees_end()
    user.types("unsent").clicks("Edit").presses(Qt.Key.Key_Escape)
    assert user.says("Message") == "unsent"
    assert not user.has("Save")


def test_a_reply_arrives_while_the_window_is_minimised(
    user: User, provider: Provider, scripted: Endpoint
) -> None:
    gate = provider.answers("one two three four", pause_after=2)
    user.opens(scripted).asks("count").sees("one two")
    user.window.showMinimized()
    gate.set()
    user.sees_end()
    user.window.showNormal()
    user.sees("one two three four")
    assert user.finds("Send", QAbstractButton).isVisible()
