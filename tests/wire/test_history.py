from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from tests.wire.replies import SERVER

from drover.domain.conversation import Message, Part, Role, TextPart, ToolCallPart, ToolResultPart
from drover.domain.parameters import UNSET
from drover.domain.run import Origin, RunRequest
from drover.wire.history import History, history_of
from drover.wire.quirks import quirks_for


def message(role: Role, *parts: Part | str) -> Message:
    return Message(
        id="m", conversation_id="c", parent_id=None, role=role, created_at=datetime(2026, 1, 1, tzinfo=UTC),
        parts=tuple(TextPart(text=part) if isinstance(part, str) else part for part in parts),
    )  # fmt: skip


def made(*branch: Message, author: str = SERVER.base_url) -> History:
    origins = {"m": Origin("server", author, "m")}
    asked = RunRequest(endpoint=SERVER, model_id="m", branch=branch, parameters=UNSET, origins=origins)
    return history_of(asked, quirks_for(SERVER))


def sent(*branch: Message) -> list[dict[str, Any]]:
    return list(made(*branch).messages)


def test_calls_go_back_with_their_results_and_their_further_keys() -> None:
    signature = '{"extra_content":{"google":{"thought_signature":"QUJD"}}}'
    now = ToolCallPart(call_id="a", name="now", arguments='{"tz":"UTC"}', extra=signature)
    day = ToolCallPart(call_id="b", name="day", arguments="")

    assert sent(
        message(Role.USER, "When?"),
        message(Role.ASSISTANT, "Let me look.", now, day),
        message(
            Role.TOOL,
            ToolResultPart(call_id="a", name="now", text="12:00"),
            ToolResultPart(call_id="b", name="day", text="Monday"),
        ),
    )[1:] == [
        {
            "role": "assistant",
            "content": "Let me look.",
            "tool_calls": [
                {
                    "id": "a",
                    "type": "function",
                    "function": {"name": "now", "arguments": '{"tz":"UTC"}'},
                    "extra_content": {"google": {"thought_signature": "QUJD"}},
                },
                {"id": "b", "type": "function", "function": {"name": "day", "arguments": "{}"}},
            ],
        },
        {"role": "tool", "tool_call_id": "a", "content": "12:00"},
        {"role": "tool", "tool_call_id": "b", "content": "Monday"},
    ]


def test_a_call_that_nobody_answered_has_a_result_that_says_so() -> None:
    call = ToolCallPart(call_id="a", name="now", arguments="{}")

    assert sent(
        message(Role.USER, "1"), message(Role.ASSISTANT, "Let me look.", call), message(Role.USER, "2")
    )[1:] == [
        {"role": "assistant", "content": "Let me look.", "tool_calls": [as_sent("a", "now", "{}")]},
        {"role": "tool", "tool_call_id": "a", "content": "This call was not answered."},
        {"role": "user", "content": "2"},
    ]


def as_sent(call_id: str, name: str, arguments: str) -> dict[str, Any]:
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}


def adjusted(*branch: Message) -> list[str]:
    asked = RunRequest(endpoint=SERVER, model_id="m", branch=branch, parameters=UNSET)
    return [f"{a.name} {a.action} {a.reason}" for a in history_of(asked, quirks_for(SERVER)).adjustments]


def test_what_differs_of_calls_and_results_is_said() -> None:
    branch = (
        message(Role.USER, "1"),
        message(
            Role.ASSISTANT,
            ToolCallPart(call_id="0", name="now", arguments='{"tz":'),
            ToolCallPart(call_id="0", name="day", arguments="[]"),
            ToolCallPart(call_id="", name="age", arguments="{}"),
            ToolCallPart(call_id="x", name="cut", arguments='{"a'),
        ),
        message(
            Role.TOOL,
            ToolResultPart(call_id="0", name="now", text="12:00"),
            ToolResultPart(call_id="0", name="day", text="Monday"),
            ToolResultPart(call_id="gone", name="gone", text="?"),
        ),
        message(Role.USER, "2"),
        message(Role.TOOL, ToolResultPart(call_id="lone", name="lone", text="?")),
    )
    calls = [as_sent("call_1", "now", "{}"), as_sent("call_2", "day", "{}"), as_sent("call_3", "age", "{}")]
    assert sent(*branch)[1:] == [
        {"role": "assistant", "content": None, "tool_calls": calls},
        {"role": "tool", "tool_call_id": "call_1", "content": "12:00"},
        {"role": "tool", "tool_call_id": "call_2", "content": "Monday"},
        {"role": "tool", "tool_call_id": "call_3", "content": "This call was not answered."},
        {"role": "user", "content": "2"},
    ]
    assert adjusted(*branch) == [
        'messages added with "This call was not answered." for a call',
        "messages dropped 2 results answer no call",
        "messages dropped a call was cut short and not answered",
        "messages translated 3 calls got ids of their own",
        "messages translated arguments of 2 calls that are no JSON objects became {}",
    ]


def test_the_further_keys_of_a_call_go_to_nobody_but_the_server_that_gave_them() -> None:
    call = ToolCallPart(call_id="a", name="now", arguments="{}", extra='{"extra_content":"signed"}')
    result = ToolResultPart(call_id="a", name="now", text="12:00")
    branch = [message(Role.USER, "1"), message(Role.ASSISTANT, call), message(Role.TOOL, result)]

    history = made(*branch, author="https://another.example/v1")

    assert history.messages[1]["tool_calls"] == [
        {"id": "a", "type": "function", "function": {"name": "now", "arguments": "{}"}}
    ]
    assert [adjustment.reason for adjustment in history.adjustments] == [
        "further keys of a call, which another server gave"
    ]
    assert "extra_content" in sent(*branch)[1]["tool_calls"][0]
