"""Folding events into parts."""

from __future__ import annotations

from drover.domain.conversation import ReasoningPart, TextPart, ToolCallPart
from drover.domain.run import Usage
from drover.domain.stream import (
    Finished,
    ReasoningDelta,
    ResponseBuilder,
    StreamEvent,
    TextDelta,
    ToolCallDelta,
    UsageReported,
)


def test_neighbouring_pieces_of_one_kind_are_one_part() -> None:
    builder = ResponseBuilder()
    events: list[StreamEvent] = [
        ReasoningDelta(text="I ", source="reasoning"),
        ReasoningDelta(text="think", source="reasoning"),
        TextDelta(text="4"),
        TextDelta(text="2"),
    ]
    for number, event in enumerate(events):
        builder.feed(event, number / 10)
    assert builder.parts == (ReasoningPart(text="I think", source="reasoning"), TextPart(text="42"))
    assert (builder.reasoning_started_s, builder.reasoning_ended_s) == (0.0, 0.2)
    assert (builder.first_token_s, builder.last_token_s) == (0.0, 0.3)
    assert (builder.delta_count, builder.reasoning_delta_count) == (4, 2)


def test_a_reader_gets_only_what_is_new() -> None:
    builder = ResponseBuilder()
    builder.feed(TextDelta(text="ab"), 0)
    news, cursor = builder.read_answer(0)
    assert news == "ab"
    assert builder.read_answer(cursor) == ("", cursor)
    builder.feed(TextDelta(text="c"), 0)
    assert builder.read_answer(cursor) == ("c", cursor + 1)


def test_other_choices_are_left_alone() -> None:
    builder = ResponseBuilder()
    builder.feed(TextDelta(text="mine"), 0)
    builder.feed(TextDelta(text="other", choice=1), 0)
    builder.feed(Finished(reason="stop", choice=1), 0)
    assert builder.answer == "mine"
    assert builder.finish_reason is None


def test_the_first_finish_reason_and_the_last_usage_count() -> None:
    builder = ResponseBuilder()
    builder.feed(Finished(reason="stop"), 0)
    builder.feed(Finished(reason="length"), 0)
    builder.feed(UsageReported(usage=Usage(completion_tokens=1)), 0)
    builder.feed(UsageReported(usage=Usage(completion_tokens=2)), 0)
    assert builder.finish_reason == "stop"
    assert builder.usage == Usage(completion_tokens=2)


def test_fragments_of_a_tool_call_are_joined_and_empty_ones_overwrite_nothing() -> None:
    builder = ResponseBuilder()
    builder.feed(ToolCallDelta(index=0, call_id="c1", name="now", arguments='{"tz":'), 0)
    builder.feed(ToolCallDelta(index=0, arguments='"UTC"}'), 0)
    assert builder.tool_calls == (ToolCallPart(call_id="c1", name="now", arguments='{"tz":"UTC"}'),)


def test_white_space_alone_is_no_answer() -> None:
    builder = ResponseBuilder()
    builder.feed(TextDelta(text="\n "), 0)
    assert not builder.has_answer
    builder.feed(TextDelta(text="x"), 0)
    assert builder.has_answer
