from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from tests.wire.replies import SERVER

from drover.domain.conversation import Message, Part, Role, TextPart, ToolCallPart, ToolResultPart
from drover.domain.parameters import UNSET
from drover.domain.run import RunRequest
from drover.wire.history import history_of
from drover.wire.quirks import quirks_for


def message(role: Role, *parts: Part | str) -> Message:
    return Message(
        id="m", conversation_id="c", parent_id=None, role=role, created_at=datetime(2026, 1, 1, tzinfo=UTC),
        parts=tuple(TextPart(text=part) if isinstance(part, str) else part for part in parts),
    )  # fmt: skip


def sent(*branch: Message) -> list[dict[str, Any]]:
    asked = RunRequest(endpoint=SERVER, model_id="m", branch=branch, parameters=UNSET)
    return list(history_of(asked, quirks_for(SERVER)).messages)


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


def test_calls_that_nobody_answered_are_left_out() -> None:
    call = ToolCallPart(call_id="a", name="now", arguments="{}")

    assert sent(
        message(Role.USER, "1"), message(Role.ASSISTANT, "Let me look.", call), message(Role.USER, "2")
    ) == [
        {"role": "user", "content": "1"},
        {"role": "assistant", "content": "Let me look."},
        {"role": "user", "content": "2"},
    ]
