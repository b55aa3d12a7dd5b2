"""Requests that others recorded after a call of a tool: ours from the same history has the same messages."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.wire.recordings import recordings_dir

from drover.domain.conversation import (
    Message,
    Part,
    ReasoningPart,
    ReasoningReplay,
    Role,
    TextPart,
    ToolCallPart,
    ToolResultPart,
)
from drover.domain.endpoint import Endpoint
from drover.domain.parameters import UNSET
from drover.domain.run import Origin, RunRequest
from drover.wire.chat import encode

FOLDER = recordings_dir()
RECORDED = [
    ("fantasy-testopenaicommon-openai-gpt-4o-tool-streaming-1", "openai.com"),
    ("fantasy-testopenaicompatiblecommon-groq-kimi-k2-tool-streaming-1", "groq"),
    ("fantasy-testopenaicompatiblecommon-huggingface-kimi-k2-tool-streaming-1", "huggingface"),
    ("fantasy-testopenaicompatiblethinking-xai-grok-3-mini-thinking-streaming-1", "xai"),
    ("fantasy-testopenaicompatiblethinking-zai-glm-4-7-flash-thinking-streaming-1", "zai"),
    ("pydantic-ai-test-openai-test-run-stream-sync-streams-real-model-1", "openai.com"),
]


def branch_of(messages: list[dict[str, Any]]) -> list[Message]:
    """The history that a recorded request tells of."""
    branch: list[Message] = []
    for number, sent in enumerate(messages):
        parts: list[Part] = []
        if thought := sent.get("reasoning_content"):
            parts.append(ReasoningPart(text=thought, source="reasoning_content"))
        if sent["role"] == "tool":
            parts.append(ToolResultPart(call_id=sent["tool_call_id"], name="any", text=sent["content"]))
        elif sent.get("content"):
            parts.append(TextPart(text=sent["content"]))
        parts += [
            ToolCallPart(call_id=c["id"], name=c["function"]["name"], arguments=c["function"]["arguments"])
            for c in sent.get("tool_calls", ())
        ]
        branch.append(
            Message(
                id=f"m{number}", conversation_id="c", parent_id=None, role=Role(sent["role"]),
                parts=tuple(parts), created_at=datetime(2026, 1, 1, tzinfo=UTC),
            )
        )  # fmt: skip
    return branch


@pytest.mark.skipif(FOLDER is None, reason="the recordings are not here")
@pytest.mark.parametrize(("name", "provider"), RECORDED)
def test_a_recorded_loop_of_tools_is_sent_alike(name: str, provider: str) -> None:
    assert FOLDER is not None
    recorded = json.loads((FOLDER / f"{name}.request.json").read_text())
    messages = recorded["messages"]
    system = messages[0]["content"] if messages[0]["role"] == "system" else ""
    endpoint = Endpoint(id="e", name="E", base_url="https://host.example/v1", provider=provider)
    branch = branch_of(messages[1:] if system else messages)
    # xAI takes thinking without asking for it: there the recorded client sent it by its own choice.
    replay = ReasoningReplay.ALWAYS if provider == "xai" else ReasoningReplay.AS_REQUIRED
    ours = json.loads(
        encode(
            RunRequest(
                endpoint=endpoint, model_id=recorded["model"], branch=tuple(branch), parameters=UNSET,
                system_prompt=system, reasoning_replay=replay,
                origins={m.id: Origin("e", endpoint.base_url, recorded["model"]) for m in branch},
            )
        ).body
    )  # fmt: skip

    # The one allowed difference: a content of null may be left out beside calls.
    for sent in messages:
        sent.setdefault("content", None)
    assert ours["messages"] == messages
    assert ours["model"] == recorded["model"]
    assert ours["stream_options"] == recorded["stream_options"]
