from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.wire.replies import SERVER, built, decoded, delta, pieces, sse

from drover.domain.endpoint import OXEN
from drover.domain.stream import (
    ErrorReported,
    Finished,
    Identified,
    ReasoningDelta,
    ReasoningKept,
    StreamEnded,
    StreamEvent,
    TextDelta,
    Unknown,
    UsageReported,
)
from drover.errors import ProtocolError
from drover.wire.chat import ReplyDecoder

_CUTS = st.lists(st.integers(0, 5000), max_size=12)

_MIXED = sse(
    {"model": "m", "system_fingerprint": "fp", **delta(role="assistant", content="")},
    delta(content="<thi"),
    delta(content="nk>Grüße 🙂"),
    delta(content=" fine</th"),
    delta(content="ink>\n\nAnswer"),
    delta(reasoning="more", index=1),
    delta(tool_calls=[{"index": 0, "id": "a", "function": {"name": "now", "arguments": "{"}}]),
    delta(tool_calls=[{"index": 0, "function": {"arguments": "}"}}]),
    delta(finish="stop"),
    {"choices": [], "usage": {"prompt_tokens": 3}},
)


@given(_CUTS)
def test_any_cut_of_a_stream_gives_the_same_events(cuts: list[int]) -> None:
    assert decoded(pieces(_MIXED, cuts)) == decoded([_MIXED])


@given(_CUTS, st.sampled_from([b"\xef\xbb\xbf", b"", b"\r\n \n", b": hi\n\n"]))
def test_any_cut_of_a_whole_completion_gives_the_same_events(cuts: list[int], start: bytes) -> None:
    completion = {"choices": [{"message": {"content": "<think>a</think>b"}, "finish_reason": "stop"}]}
    body = start + json.dumps(completion, indent=1).encode()

    events = decoded(pieces(body, cuts))

    assert events == decoded([body])
    assert TextDelta(text="b") in events
    assert ReasoningDelta(text="a", source="<think>") in events


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 400) | st.text(max_size=4) | st.floats(allow_nan=False),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "choices",
                    "delta",
                    "content",
                    "index",
                    "tool_calls",
                    "function",
                    "usage",
                    "error",
                    "message",
                    "reasoning",
                    "reasoning_details",
                    "id",
                    "model",
                    "finish_reason",
                    "arguments",
                    "loc",
                    "msg",
                    "prompt_tokens_details",
                    "x_groq",
                    "detail",
                    "metadata",
                    "type",
                    "thinking",
                    "text",
                    "thinking_blocks",
                    "signature",
                    "audio",
                    "transcript",
                    "custom",
                    "input",
                    "name",
                ]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=15,
)


@given(st.lists(_JSON, max_size=3))
def test_no_shape_of_json_raises(chunks: list[object]) -> None:
    for event in decoded([sse(*chunks)]):
        json.dumps(repr(event))


@pytest.mark.parametrize(
    ("fields", "event"),
    [
        ({"reasoning": "a"}, ReasoningDelta(text="a", source="reasoning")),
        ({"reasoning_content": "a", "content": None}, ReasoningDelta(text="a", source="reasoning_content")),
        (
            {"reasoning_content": "a", "reasoning": "a", "reasoning_details": [{"text": "a"}]},
            ReasoningDelta(text="a", source="reasoning_content"),
        ),
        (
            {"reasoning_content": "", "reasoning": None, "reasoning_details": [{"type": "t", "text": "a"}]},
            ReasoningDelta(text="a", source="reasoning_details"),
        ),
        (
            {"reasoning_details": [{"type": "reasoning.summary", "summary": "a"}]},
            ReasoningDelta(text="a", source="reasoning_details"),
        ),
        (
            {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "a"}]}]},
            ReasoningDelta(text="a", source="content"),
        ),
        ({"content": [{"type": "text", "text": "a"}]}, TextDelta(text="a")),
        ({"content": "a"}, TextDelta(text="a")),
    ],
)
def test_thinking_and_answer_are_found_wherever_they_are(fields: dict[str, Any], event: StreamEvent) -> None:
    events = decoded([sse(delta(**fields), done=False)])

    assert [each for each in events if not isinstance(each, ReasoningKept)] == [event]


def test_reasoning_comes_before_content_of_the_same_delta_and_may_start_again() -> None:
    builder = built([sse(delta(reasoning="a", content="b"), delta(reasoning="c"), delta(content="d"))])

    assert [(type(part).__name__, getattr(part, "text", "")) for part in builder.parts] == [
        ("ReasoningPart", "a"), ("TextPart", "b"), ("ReasoningPart", "c"), ("TextPart", "d"),
    ]  # fmt: skip


def test_a_tag_that_never_came_is_given_back_before_the_finish() -> None:
    events = decoded([sse(delta(content="<thi"), delta(finish="length"), done=False)])

    assert events == [TextDelta(text="<thi"), Finished(reason="length")]


def test_content_that_starts_inside_thinking_is_known_by_its_model() -> None:
    chunks = [delta(content="Hm."), delta(content="</think>Yes.")]

    known = built([sse(*({"model": "deepseek-ai/DeepSeek-R1", **chunk} for chunk in chunks))])
    other = built([sse(*({"model": "gpt-4o", **chunk} for chunk in chunks))])

    assert (known.reasoning, known.answer) == ("Hm.", "Yes.")
    assert (other.reasoning, other.answer) == ("", "Hm.</think>Yes.")


@pytest.mark.parametrize("fields", [{"reasoning_content": None}, {"reasoning": "Hm."}])
def test_a_server_that_splits_thinking_itself_is_believed(fields: dict[str, Any]) -> None:
    model = {"model": "deepseek-r1"}

    builder = built([sse({**model, **delta(**fields)}, {**model, **delta(content="Yes.")})])

    assert builder.answer == "Yes."


def test_oxen_answers_are_never_taken_for_thinking() -> None:
    builder = built([sse({"model": "deepseek-r1", **delta(content="Yes.")})], OXEN)

    assert builder.answer == "Yes."


def calls_of(*fragments: list[dict[str, object]]) -> list[tuple[str, str, str]]:
    builder = built([sse(*(delta(tool_calls=fragment) for fragment in fragments))])
    return [(call.call_id, call.name, call.arguments) for call in builder.tool_calls]


def test_fragments_of_a_call_are_merged_by_index() -> None:
    assert calls_of(
        [{"index": 0, "id": "a", "function": {"name": "now", "arguments": ""}}],
        [{"index": 1, "id": "b", "function": {"name": "then", "arguments": "["}}],
        [{"index": 0, "function": {"arguments": "{}"}}],
        [{"index": 1, "id": "", "function": {"name": "", "arguments": "]"}}],
    ) == [("a", "now", "{}"), ("b", "then", "[]")]


def test_a_name_repeated_in_full_is_not_doubled() -> None:
    assert calls_of(
        [{"index": 0, "id": "a", "function": {"name": "now", "arguments": "{"}}],
        [{"index": 0, "id": "a", "function": {"name": "now", "arguments": "}"}}],
    ) == [("a", "now", "{}")]


def test_without_an_index_a_new_id_begins_a_call_and_the_rest_continues_the_last() -> None:
    assert calls_of(
        [{"id": "a", "function": {"name": "now", "arguments": "{"}}],
        [{"function": {"arguments": "}"}}],
        [{"id": "b", "function": {"name": "now", "arguments": "{}"}}],
    ) == [("a", "now", "{}"), ("b", "now", "{}")]


def test_two_calls_that_share_the_index_0_stay_apart() -> None:
    assert calls_of(
        [{"index": 0, "id": "a", "function": {"name": "now", "arguments": "{}"}}],
        [{"index": 0, "id": "b", "function": {"name": "then", "arguments": "{}"}}],
    ) == [("a", "now", "{}"), ("b", "then", "{}")]


def test_arguments_given_as_an_object_become_json_and_a_first_index_of_1_is_fine() -> None:
    assert calls_of([{"index": 1, "id": "a", "function": {"name": "now", "arguments": {"tz": "UTC"}}}]) == [
        ("a", "now", '{"tz":"UTC"}')
    ]


def test_a_legacy_function_call_is_a_call() -> None:
    body = sse(
        delta(function_call={"name": "now", "arguments": "{"}), delta(function_call={"arguments": "}"})
    )

    assert [(call.name, call.arguments) for call in built([body]).tool_calls] == [("now", "{}")]


def test_choices_keep_their_number() -> None:
    events = decoded(
        [sse(delta(content="a"), delta(content="b", index=1), delta(index=1, finish="stop"), done=False)]
    )

    assert events == [
        TextDelta(text="a"), TextDelta(text="b", choice=1), Finished(reason="stop", choice=1)
    ]  # fmt: skip


@pytest.mark.parametrize(
    "chunk",
    [
        {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 2.0, "total_tokens": None}},
        {**delta(), "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": None}},
        {**delta(), "x_groq": {"usage": {"prompt_tokens": 3, "completion_tokens": 2}}},
        {"choices": [{"index": 0, "delta": {}, "usage": {"prompt_tokens": 3, "completion_tokens": 2}}]},
    ],
)
def test_usage_is_read_on_any_chunk(chunk: dict[str, object]) -> None:
    usage = built([sse(chunk)]).usage

    assert usage is not None
    assert (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens) == (3, 2, None)


def test_the_details_of_usage_are_shown_as_given() -> None:
    raw = {
        "prompt_tokens": 9, "completion_tokens": 7, "total_tokens": 20, "cost": 0.5,
        "prompt_tokens_details": {"cached_tokens": 4}, "completion_tokens_details": {"reasoning_tokens": 6},
    }  # fmt: skip

    usage = built([sse({"choices": [], "usage": raw})]).usage

    assert usage is not None
    assert (usage.reasoning_tokens, usage.cached_tokens, usage.cost_usd) == (6, 4, 0.5)
    assert json.loads(usage.raw_json) == raw


def test_the_server_is_identified_once() -> None:
    chunk = {"model": "m", "system_fingerprint": "fp", **delta(content="a")}

    events = decoded([sse(chunk, chunk, done=False)])

    assert events == [Identified(model="m", fingerprint="fp"), TextDelta(text="a"), TextDelta(text="a")]


def test_an_event_that_says_nothing_known_is_kept_raw() -> None:
    assert decoded([b'data: {"choices":[],"moderation":{"x":1}}\n\n']) == [
        Unknown(raw_json='{"choices":[],"moderation":{"x":1}}')
    ]
    assert decoded([b"data: heartbeat\n\n"]) == [Unknown(raw_json="heartbeat")]
    assert decoded([b"data:\n\n: ping\n\n"]) == []


@pytest.mark.parametrize(
    "end",
    [
        b"data: [DONE]\n\n",
        b"data:[DONE]\n\n",
        b"data: [DONE] \r\n\r\n",
        b"data: [DONE]",
        b"data: [DONE\n]\n\n",
    ],
)
def test_the_sentinel_is_known_in_any_spelling_and_ends_the_reply(end: bytes) -> None:
    decoder = ReplyDecoder(SERVER)

    events = decoder.feed(b'data: {"choices":[{"delta":{"content":"a"}}]}\n\n' + end)
    events += decoder.feed(b'\n\ndata: {"error":"late"}\n\n') if decoder.is_done else decoder.finish()

    assert events == [TextDelta(text="a"), StreamEnded()]
    assert decoder.is_done
    assert decoder.finish() == []


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b'data: {"error":"boom"}\n\n', ErrorReported(message="boom")),
        (
            b'data: {"error":{"message":"boom","type":"ServerError","param":null,"code":500}}\n\n',
            ErrorReported(message="boom", code="ServerError", status=500),
        ),
        (
            b'event: error\ndata: {"error":{"message":"bad","code":"tool_use_failed","status_code":400}}\n\n',
            ErrorReported(message="bad", code="tool_use_failed", status=400),
        ),
        (b'event: error\ndata: "boom"\n\n', ErrorReported(message="boom")),
        (
            b'data: {"object":"error","message":"boom","type":"t","code":429}\n\n',
            ErrorReported(message="boom", code="t", status=429),
        ),
        (b'data: {"choices":[]}\n\n{"error":{"message":"boom"}}\n', ErrorReported(message="boom")),
        (b'{"error":"Unexpected endpoint."}', ErrorReported(message="Unexpected endpoint.")),
        (b'{"error":"bad","error_type":"validation"}', ErrorReported(message="bad", code="validation")),
        (b'{"detail":"Not Found"}', ErrorReported(message="Not Found")),
        (
            b'data: {"choices":[{"delta":{"con\n\n',
            ErrorReported(
                message='An event could not be read: {"choices":[{"delta":{"con', code="unreadable_event"
            ),
        ),
    ],
)  # fmt: skip
def test_an_error_in_the_body_is_reported_in_words(body: bytes, error: ErrorReported) -> None:
    assert [event for event in decoded([body]) if isinstance(event, ErrorReported)] == [error]


def test_a_null_error_is_none_and_an_error_beside_choices_keeps_their_text() -> None:
    assert built([sse({"error": None, **delta(content="a")})]).error is None

    builder = built([sse({"error": {"code": 502, "message": "gone"}, **delta(content="a", finish="error")})])

    assert (builder.answer, builder.finish_reason) == ("a", "error")
    assert builder.error == ErrorReported(message="gone", code="502", status=502)


def test_an_error_holds_no_credentials() -> None:
    body = b'data: {"error":{"message":"bad Authorization: Bearer abcdefgh12345678"}}\n\n'

    assert "abcdefgh" not in repr(decoded([body]))


def test_a_whole_completion_is_read_although_a_stream_was_asked_for() -> None:
    message = {"role": "assistant", "content": "Hi.", "reasoning": "Hm.", "tool_calls": None}
    body = {
        "model": "m",
        "choices": [{"message": message, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 1},
    }

    events = decoded([json.dumps(body, indent=2).encode()])

    assert events[:4] == [
        Identified(model="m"),
        ReasoningDelta(text="Hm.", source="reasoning"),
        TextDelta(text="Hi."),
        Finished(reason="stop"),
    ]
    assert isinstance(events[4], UsageReported)


def test_chunks_without_the_data_field_are_read_a_line_each() -> None:
    lines = [delta(content="a"), delta(content="b", finish="stop")]
    body = "\n".join(json.dumps(line) for line in lines).encode()

    assert built([body]).answer == "ab"


def test_events_without_a_blank_line_between_them_are_told_apart() -> None:
    body = sse(delta(content="a"), delta(content="b")).replace(b"\n\n", b"\n")

    builder = built([body])

    assert (builder.answer, builder.saw_done) == ("ab", True)


@pytest.mark.parametrize("field", [b"", b"data: "])
def test_of_chunks_a_line_each_all_before_a_broken_one_are_kept(field: bytes) -> None:
    lines = [json.dumps(delta(content=text)).encode() for text in ("a", "b", "c")]
    body = b"\n".join(field + line for line in [*lines[:2], lines[2][:-9]])

    assert built([body]).answer == "ab"
    assert built(pieces(body, range(0, len(body), 3))).answer == "ab"


@pytest.mark.parametrize(
    "body",
    [
        b'data:  {\ndata:  "choices":[{"delta":{"content":"ab"}}]}\n\n',
        b'data: {"choices":[{"delta":{"content":"a"}}]}\n'
        b'data:\ndata: {"choices":[{"delta":{"content":"b"}}]}\n\n',
    ],
)
def test_white_space_and_empty_lines_in_the_data_of_an_event_do_no_harm(body: bytes) -> None:
    assert built([body]).answer == "ab"
    assert built([body]).error is None


def test_a_message_repeated_at_the_end_of_a_stream_is_not_doubled() -> None:
    last = {"choices": [{"index": 0, "message": {"content": "ab"}, "finish_reason": "stop"}]}

    assert built([sse(delta(content="a"), delta(content="b"), last)]).answer == "ab"


def test_a_web_page_is_named_by_its_title() -> None:
    page = b"<!doctype html><html><head><title>Sign in &amp; surf</title></head><body>...</body></html>"

    with pytest.raises(ProtocolError, match="web page titled “Sign in & surf” instead of an answer"):
        decoded(pieces(page, [1, 9, 40]))


@pytest.mark.parametrize(
    "body", [b"upstream connect error", b"\x1f\x8b\x08\x00rubbish", b'{"choices":[{"mess']
)
def test_a_body_that_is_no_answer_in_any_form_is_a_protocol_error(body: bytes) -> None:
    with pytest.raises(ProtocolError, match="Server sent"):
        decoded([body])


@pytest.mark.parametrize("body", [b"", b" \r\n\n", b": ping\n\n: ping\n\n", b"data:\n\n"])
def test_an_empty_body_says_nothing(body: bytes) -> None:
    assert decoded([body]) == []


def test_a_character_whose_halves_come_in_two_deltas_is_joined() -> None:
    body = rb'data: {"choices":[{"delta":{"content":"a\ud83d"}}]}' + b"\n\n"
    body += rb'data: {"choices":[{"delta":{"content":"\ude42b"}}]}' + b"\n\n"

    assert built([body]).answer == "a🙂b"


def test_half_a_character_alone_is_replaced() -> None:
    body = rb'data: {"choices":[{"delta":{"content":"a\ude42b\ud83d"}}]}' + b"\n\n"
    body += rb'data: {"model":"\ud83d","choices":[{"delta":{"content":"c"}}]}' + b"\n\n"

    builder = built([body])

    assert (builder.answer, builder.model_reported) == ("a\ufffdb\ufffdc", "\ufffd")


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["a", "", " ", "<think>", "</think>", "<|channel|>final<|message|>"])
            | st.text(max_size=3),
            st.sampled_from([None, None, None, "stop"]),
            st.sampled_from([{}, {}, {"index": 1}, {"delta": {"reasoning_details": [{"type": "x"}]}}]),
        )
    ),
    st.sampled_from(["gpt-4o", "gpt-oss-20b", "deepseek-r1"]),
)
def test_a_delta_with_nothing_but_content_is_read_like_any_other(
    said: list[tuple[str, str | None, dict[str, Any]]], model: str
) -> None:
    def chunks(**others: Any) -> list[dict[str, Any]]:
        choices = (
            {**delta(content=text, finish=finish, **others)["choices"][0], **changes}
            for text, finish, changes in said
        )
        return [{"model": model, "choices": [choice]} for choice in choices]

    alone, beside = decoded([sse(*chunks())]), decoded([sse(*chunks(role=None, tool_calls=None))])

    assert [event for event in alone if not isinstance(event, Unknown)] == [
        event for event in beside if not isinstance(event, Unknown)
    ]
    assert len(alone) == len(beside)
