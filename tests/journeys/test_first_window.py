"""What a person meets who has never opened Drover before, with the built-in model that comes with it."""

from __future__ import annotations

from tests.user import User

from drover.domain.run import RunStatus
from drover.ui.message_reasoning import ReasoningToggle


def test_a_new_profile_offers_three_things_to_try(user: User) -> None:
    user.opens().reads("Ask something, or try one of these")
    assert user.has("Watch a model think")
    assert user.has("Turn one knob")
    assert user.has("See exactly what was sent")
    assert user.titles() == []
    assert not user.can("Send")


def test_watching_a_model_think_ends_with_reasoning_open_above_an_answer(user: User) -> None:
    user.opens().clicks("Watch a model think")
    user.sees("Why is the sky blue?").sees_end()
    user.waits(lambda: user.has("Reasoning text"), "the open reasoning")
    toggle = user.finds("Reasoning", ReasoningToggle)
    assert toggle.isChecked()
    assert toggle.accessibleDescription().startswith("Thought for ")
    assert user.says("Reasoning text").strip()
    assert user.is_in("Message")
    (run,) = user.runs()
    assert run.status is RunStatus.COMPLETE
    question, answer = user.messages()
    assert question == "You: Why is the sky blue?"
    assert answer.startswith("SmolLM2-135M-Instruct: ")
    assert len(answer) > len("SmolLM2-135M-Instruct: ")
    user.sees_titles("Why is the sky blue?")


def test_turning_one_knob_ends_with_two_versions_side_by_side(user: User) -> None:
    user.opens().clicks("Turn one knob")
    user.waits(lambda: user.has("Version B"), "the second column")
    low, high = user.runs()
    assert (low.parameters.temperature, high.parameters.temperature) == (0.2, 1.2)
    assert low.parent_id == high.parent_id
    user.reads("temperature 0.2").reads("temperature 1.2")
    assert user.says("Version A").strip()
    assert user.says("Version B").strip()
    user.uses("Ctrl+1").reads("2/2")
    assert user.is_in("Message")


def test_seeing_what_was_sent_ends_at_the_body_of_the_request(user: User) -> None:
    user.opens().clicks("See exactly what was sent")
    user.waits(lambda: user.has("Request body"), "the Request tab").sees_end()
    user.waits(lambda: "Name three colors." in user.says("Request body"), "the body")
    (body,) = user.bodies()
    assert body["messages"] == [{"role": "user", "content": "Name three colors."}]
    user.reads("Complete")
