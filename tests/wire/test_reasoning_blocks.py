"""Reasoning that a provider wants back: put together from its fragments, otherwise as it came."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.wire.replies import built, decoded, delta, pieces, sse

from drover.domain.conversation import ReasoningPart
from drover.domain.stream import ReasoningKept

TEXT, SUMMARY, HIDDEN = "reasoning.text", "reasoning.summary", "reasoning.encrypted"


def kept(*deltas: dict[str, Any]) -> list[list[Any]]:
    """The blocks that each reasoning part keeps."""
    parts = built([sse(*(delta(**fields) for fields in deltas), delta(finish="stop"))]).parts
    return [json.loads(part.raw) for part in parts if isinstance(part, ReasoningPart) and part.raw]


def details(*blocks: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"reasoning_details": list(blocks), **more}


def thinking(*blocks: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"thinking_blocks": list(blocks), **more}


BLOCKS: dict[str, tuple[list[dict[str, Any]], list[list[Any]]]] = {
    "text and its signature, in pieces": (
        [
            details(
                {"type": TEXT, "text": "Ad", "format": "anthropic-claude-v1", "index": 0}, reasoning="Ad"
            ),
            details({"type": TEXT, "text": "d", "format": "anthropic-claude-v1", "index": 0}, reasoning="d"),
            details({"type": TEXT, "signature": "U0lH", "format": "anthropic-claude-v1", "index": 0}),
            {"content": "4"},
        ],
        [[{"type": TEXT, "text": "Add", "format": "anthropic-claude-v1", "index": 0, "signature": "U0lH"}]],
    ),
    "an empty signature in each piece": (
        [
            details({"type": TEXT, "text": "a", "signature": "", "index": 0}),
            details({"type": TEXT, "text": "b", "signature": "S", "index": 0}),
        ],
        [[{"type": TEXT, "text": "ab", "signature": "S", "index": 0}]],
    ),
    "several blocks, in their order": (
        [
            details({"type": SUMMARY, "summary": "Ad", "index": 0}),
            details({"type": TEXT, "text": "x", "index": 1}),
            details({"type": SUMMARY, "summary": "ds", "index": 0}),
            details({"type": HIDDEN, "data": "QUJD", "id": None, "index": 2}),
        ],
        [
            [
                {"type": SUMMARY, "summary": "Adds", "index": 0},
                {"type": TEXT, "text": "x", "index": 1},
                {"type": HIDDEN, "data": "QUJD", "id": None, "index": 2},
            ]
        ],
    ),
    "one kind with one index is not another": (
        [
            details(
                {"type": SUMMARY, "summary": "Adds", "index": 0},
                {"type": TEXT, "signature": "U0lH", "index": 0},
            )
        ],
        [[{"type": SUMMARY, "summary": "Adds", "index": 0}, {"type": TEXT, "signature": "U0lH", "index": 0}]],
    ),
    "data that only the provider reads is never joined": (
        [
            details({"type": HIDDEN, "data": "QQ", "index": 0}),
            details({"type": HIDDEN, "data": "Qg", "index": 0}),
        ],
        [[{"type": HIDDEN, "data": "QQ", "index": 0}, {"type": HIDDEN, "data": "Qg", "index": 0}]],
    ),
    "new text behind a signature is a new block": (
        [
            thinking({"type": "thinking", "thinking": "a", "signature": None}, reasoning_content="a"),
            thinking({"type": "thinking", "thinking": "", "signature": "S1"}),
            thinking({"type": "thinking", "thinking": "b", "signature": None}, reasoning_content="b"),
            thinking({"type": "redacted_thinking", "data": "QQ"}),
        ],
        [
            [
                {"type": "thinking", "thinking": "a", "signature": "S1"},
                {"type": "thinking", "thinking": "b", "signature": None},
                {"type": "redacted_thinking", "data": "QQ"},
            ]
        ],
    ),
    "blocks before and behind the answer": (
        [
            details({"type": TEXT, "text": "a", "index": 0}),
            {"content": "4"},
            details({"type": HIDDEN, "data": "QQ", "id": "call_9", "format": "google-gemini-v1", "index": 0}),
        ],
        [
            [{"type": TEXT, "text": "a", "index": 0}],
            [{"type": HIDDEN, "data": "QQ", "id": "call_9", "format": "google-gemini-v1", "index": 0}],
        ],
    ),
    "fields that nobody knows": (
        [details({"type": "reasoning.novel", "x": {"y": [1, "ß"]}, "index": 0})],
        [[{"type": "reasoning.novel", "x": {"y": [1, "ß"]}, "index": 0}]],
    ),
}


@pytest.mark.parametrize("name", BLOCKS)
def test_blocks_are_what_the_provider_must_get_back(name: str) -> None:
    deltas, expected = BLOCKS[name]

    assert kept(*deltas) == expected


def test_the_blocks_of_a_whole_message_are_kept_as_they_are() -> None:
    blocks = [{"type": SUMMARY, "summary": "Adds"}, {"type": HIDDEN, "data": "QUJD"}]
    message = {"content": "4", "reasoning": "Adds", "reasoning_details": blocks}
    body = json.dumps({"choices": [{"message": message, "finish_reason": "stop"}]}).encode()

    (thought, _) = built([body]).parts

    assert isinstance(thought, ReasoningPart)
    assert (thought.text, json.loads(thought.raw)) == ("Adds", blocks)


def test_thinking_without_a_word_is_hidden_and_kept() -> None:
    builder = built([sse(delta(**details({"type": HIDDEN, "data": "QUJD", "index": 0})), delta(content="4"))])

    assert builder.is_thought_hidden
    assert builder.parts[0] == ReasoningPart(
        text="", source="reasoning_details", raw='[{"type":"reasoning.encrypted","data":"QUJD","index":0}]'
    )
    assert not built(
        [sse(delta(**details({"type": TEXT, "text": "a"})), delta(content="4"))]
    ).is_thought_hidden


def test_what_was_kept_is_told_before_the_answer_goes_on() -> None:
    block = {"type": TEXT, "text": "a", "index": 0}
    events = decoded([sse(delta(**details(block)), delta(content="4"), done=False)])

    assert [type(event).__name__ for event in events] == ["ReasoningDelta", "ReasoningKept", "TextDelta"]


@given(st.lists(st.integers(0, 3000), max_size=12))
def test_any_cut_keeps_the_same_blocks(cuts: list[int]) -> None:
    deltas, _ = BLOCKS["several blocks, in their order"]
    body = sse(*(delta(**fields) for fields in deltas), delta(content="4"))

    found = [event for event in decoded(pieces(body, cuts)) if isinstance(event, ReasoningKept)]

    assert found == [event for event in decoded([body]) if isinstance(event, ReasoningKept)]
    assert len(found) == 1
