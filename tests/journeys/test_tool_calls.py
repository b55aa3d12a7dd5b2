"""Calls of tools in the window: how they arrive, who answers them, and what comes of it."""

from __future__ import annotations

from typing import Any

from tests.provider import EVENT_STREAM, Flag, Head, Provider, Send, Step, Wait, event
from tests.user import User

from drover.domain.endpoint import Endpoint


def piece(index: int, arguments: str, *, name: str = "") -> dict[str, Any]:
    """A fragment of a call, the first one with its name."""
    call: dict[str, Any] = {"index": index, "function": {"arguments": arguments}}
    if name:
        call |= {"id": f"call_{index}", "type": "function"}
        call["function"]["name"] = name
    return {"tool_calls": [call]}


def calls(
    provider: Provider, *deltas: dict[str, Any], gate_before: int | None = None, finish: str = "tool_calls"
) -> Flag:
    """A reply of these deltas; before one of them it may wait for the returned flag."""
    gate = Flag("the gate of the calls")
    steps: list[Step] = [Head(headers={"Content-Type": EVENT_STREAM})]
    for number, delta in enumerate(deltas):
        if number == gate_before:
            steps.append(Wait(gate))
        steps.append(Send(event({"choices": [{"index": 0, "delta": delta}]})))
    steps.append(Send(event({"choices": [{"index": 0, "delta": {}, "finish_reason": finish}]})))
    provider.script(*steps, Send(event("[DONE]")))
    return gate


def test_arguments_are_read_while_they_arrive(user: User, scripted: Endpoint, provider: Provider) -> None:
    gate = calls(
        provider,
        {"content": "Let me see."},
        piece(0, '{"city":"Par', name="get_weather"),
        piece(0, 'is","days":3}'),
        gate_before=2,
    )
    user.opens(scripted).asks("How is the weather?")
    user.waits(lambda: user.has("Tool call get_weather"), "the card of the call")
    user.waits(lambda: user.says("Arguments") == '{\n  "city": "Par', "what has come of the arguments")
    gate.set()
    user.sees_end()
    user.waits(
        lambda: user.says("Arguments") == '{\n  "city": "Paris",\n  "days": 3\n}', "all of the arguments"
    )
    user.sees('Tool call get_weather: {"city":"Paris","days":3}')


def test_arguments_that_are_cut_off_are_shown_as_they_are(
    user: User, scripted: Endpoint, provider: Provider
) -> None:
    calls(provider, piece(0, '{"city": "Lyo', name="get_weather"), finish="length")
    user.opens(scripted).asks("How is the weather?").sees_end()
    user.reads("The JSON is cut off in line 1, column 13.")
    assert user.says("Arguments") == '{\n  "city": "Lyo'
