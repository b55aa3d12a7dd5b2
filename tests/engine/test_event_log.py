"""A stored exchange read as a log of events: order, times, kinds, words, and bytes."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.wire.recordings import body as recorded
from tests.wire.recordings import names
from tests.wire.replies import SERVER, decoded, delta, sse

from drover.domain.parameters import UNSET
from drover.domain.run import Exchange, Run, RunStatus, Timing
from drover.domain.stream import ReasoningDelta, StreamEnded, TextDelta
from drover.engine.event_log import EventKind, EventLog

_NO_TIMES = Timing()


def a_run(*, body: bytes = b"", timing: Timing = _NO_TIMES) -> Run:
    return Run(
        id="R", conversation_id="C", parent_id="Q", message_id="M", endpoint_id="server",
        endpoint_name="Server", base_url=SERVER.base_url, model_id="m", parameters=UNSET, system_prompt="",
        status=RunStatus.COMPLETE, created_at=datetime(2026, 3, 1, tzinfo=UTC), request_body=body,
        timing=timing,
    )  # fmt: skip


def log_of(body: bytes, *marks: tuple[float, int], run: Run | None = None, **fields: object) -> EventLog:
    """The log of a body that came in these chunks, in one chunk after 100 ms if none are told."""
    values = {
        "response_status": 200, "http_version": "HTTP/1.1", "response_headers": (),
        "chunk_marks": marks or ((100.0, len(body)),),
    } | fields  # fmt: skip
    line = "POST https://host.example/v1/chat/completions"
    exchange = Exchange(run_id="R", request_line=line, raw_stream=body, **values)  # type: ignore[arg-type]
    return EventLog(run or a_run(), exchange, SERVER)


def read(log: EventLog) -> list[tuple[str, str]]:
    """Kind and words of every event."""
    log.read_to(len(log))
    assert log.is_read
    rows = [log[row] for row in range(log.line_count, len(log))]
    return [(row.kind.value if row.kind else "unread", row.text) for row in rows]


def test_the_lines_about_the_connection_come_first() -> None:
    timing = Timing(connect_ms=48.2, first_byte_ms=371.6, tls="TLSv1.3, TLS_AES_256_GCM_SHA384")
    log = log_of(
        sse(delta(content="We")), (402.9, 60),
        run=a_run(body=b"x" * 1142, timing=timing), http_version="HTTP/2",
        response_headers=(("Content-Type", "text/event-stream; charset=utf-8"),),
    )  # fmt: skip
    told = [
        (row.number, row.at_ms, row.since_ms, row.kind, row.text) for row in map(log.__getitem__, range(3))
    ]
    assert told == [
        (None, 0.0, None, EventKind.SENT, "POST /v1/chat/completions, 1\u202f142 bytes"),
        (None, 48.2, 48.2, EventKind.CONNECTED, "TLSv1.3, TLS_AES_256_GCM_SHA384, HTTP/2"),
        (None, 371.6, 323.4, EventKind.HEAD, "200, text/event-stream"),
    ]
    assert (log[3].number, log[3].at_ms, log[3].since_ms) == (1, 402.9, 31.3)


def test_a_connection_used_again_and_one_that_never_stood_are_told_apart() -> None:
    assert "was open" in log_of(sse(delta(content="a")))[1].text
    silent = log_of(b"", response_status=None, http_version="", chunk_marks=())
    assert [silent[row].kind for row in range(len(silent))] == [EventKind.SENT]
    assert silent.event_count == 0
    assert silent.is_read


def test_every_kind_of_event_is_told_with_its_words() -> None:
    usage = {
        "prompt_tokens": 1212, "completion_tokens": 730,
        "completion_tokens_details": {"reasoning_tokens": 412},
    }  # fmt: skip
    call = [{"index": 0, "id": "c1", "function": {"name": "dice", "arguments": '{"n"'}}]
    body = b": keep-alive\n\n" + sse(
        {"model": "gpt-oss-20b", **delta(role="assistant", content="")},
        delta(reasoning_content="We"),
        delta(reasoning=" need"),
        delta(content="The"),
        delta(content=" end", finish="stop"),
        delta(tool_calls=call),
        delta(finish="tool_calls"),
        {"choices": [], "usage": usage},
        {"error": {"message": "Too busy."}},
        {"choices": [], "novel": 1},
    )
    assert read(log_of(body)) == [
        ("comment", ""),
        ("other", "gpt-oss-20b"),
        ("reasoning", "We"),
        ("reasoning", " need"),
        ("content", "The"),
        ("content", " end"),
        ("tool call", 'dice {"n"'),
        ("finish", "tool_calls"),
        ("usage", "1\u202f212 in, 730 out, 412 reasoning"),
        ("error", "Too busy."),
        ("other", ""),
        ("done", ""),
    ]


def test_an_event_arrives_with_the_chunk_that_makes_it_whole() -> None:
    first, second = sse(delta(content="a"), done=False), sse(delta(content="b"), done=False)
    log = log_of(
        first + second,
        (10.04, 5),
        (20.0, len(first) - 1),
        (30.06, len(first) + 3),
        (40.0, len(first + second)),
    )
    assert [log[row].at_ms for row in range(log.line_count, len(log))] == [30.1, 40.0]
    assert log[len(log) - 1].since_ms == 9.9


def test_what_stands_between_think_tags_is_reasoning() -> None:
    body = sse(delta(content="<think>"), delta(content="hm"), delta(content="</think>"), delta(content="yes"))
    assert [kind for kind, _ in read(log_of(body))] == ["other", "reasoning", "other", "content", "done"]


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r"])
def test_each_way_to_end_lines_gives_the_same_events(line_end: bytes) -> None:
    body = b"\n: hello\n\nevent: x\n" + sse(delta(content="a"), delta(content="b"))
    log = log_of(body.replace(b"\n", line_end))
    assert read(log) == [("comment", ""), ("content", "a"), ("content", "b"), ("done", "")]
    assert log[log.line_count + 1].raw.startswith("event: x data: {")


def test_events_without_blank_lines_between_them_are_told_one_by_one() -> None:
    body = sse(delta(content="a"), delta(content="b")).replace(b"\n\n", b"\n")
    assert read(log_of(body)) == [("content", "a"), ("content", "b"), ("done", "")]


def test_an_event_that_is_cut_off_is_a_line_too() -> None:
    whole, cut = read(log_of(sse(delta(content="a"), done=False) + b'data: {"choices":[{"del'))
    assert (whole, cut) == (("content", "a"), ("other", ""))


@pytest.mark.parametrize(
    ("status", "body", "told"),
    [
        (200, json.dumps({"choices": [{"message": {"content": "All at once."}}]}, indent=1).encode(),
         [("content", "All at once.")]),
        (404, b'{"error": {"message": "No such model."}}', [("error", "No such model.")]),
        (200, b'{"choices":[{"delta":{"content":"a"}}]}\n{"choices":[{"delta":{"content":"b"}}]}\n',
         [("content", "a"), ("content", "b")]),
        (502, b"Bad gateway", [("error", None)]),
        (502, b"<html><title>502 Bad Gateway</title></html>", [("error", None)]),
        (200, b"", []),
    ],
)  # fmt: skip
def test_a_body_that_is_no_stream_is_told_too(
    status: int, body: bytes, told: list[tuple[str, str | None]]
) -> None:
    found = read(log_of(body, response_status=status))
    assert [
        (kind, None if words is None else text) for (kind, text), (_, words) in zip(found, told, strict=True)
    ] == told


def test_what_is_not_known_stays_in_the_bytes_and_is_spelled_out_to_the_last_character() -> None:
    raw = r'{"choices":[],"novel":{"n":1.50,"n":[],"words":"a\"b \u2265 {,"},"empty":{}}'
    log = log_of(f"event: odd\ndata: {raw}\n\n".encode())
    row = log.line_count
    assert log.raw(row) == f"event: odd\ndata: {raw}"
    assert log[row].raw == f"event: odd data: {raw}"
    assert log.spelled_out(row) == (
        "event: odd\n"
        "data:\n"
        "{\n"
        '  "choices": [],\n'
        '  "novel": {\n'
        '    "n": 1.50,\n'
        '    "n": [],\n'
        r'    "words": "a\"b \u2265 {,"'
        "\n"
        "  },\n"
        '  "empty": {}\n'
        "}"
    )


def test_reading_goes_on_from_where_it_stood_and_counts_as_it_goes() -> None:
    log = log_of(sse(*(delta(reasoning="a"), delta(content="b")) * 3))
    assert (log[log.line_count].kind, log.counts) == (None, {})
    log.read_to(log.line_count + 3)
    assert log.counts == {EventKind.REASONING: 2, EventKind.CONTENT: 1}
    assert (log.read_count, log.is_read) == (log.line_count + 3, False)
    log.read_to(2)
    log.read_to(10_000)
    assert log.counts == {EventKind.REASONING: 3, EventKind.CONTENT: 3, EventKind.DONE: 1}


def test_words_are_found_in_what_an_event_says_and_in_its_bytes_whatever_their_case() -> None:
    log = log_of(sse(delta(content="Größe ≥ 3"), delta(content="so"), {"choices": [], "Novel": 1}))
    log.read_to(len(log))

    def found(words: str, *kinds: EventKind) -> list[int]:
        rows = range(log.line_count, len(log))
        return [row - log.line_count for row in rows if log.matches(row, words, kinds)]

    assert found("GRÖSSE") == [0]
    assert found("novel") == [2]
    assert found("delta") == [0, 1]
    assert found("", EventKind.CONTENT) == [0, 1]
    assert found("so", EventKind.DONE) == []
    assert log.matches(0, "post", ())
    assert not log.matches(0, "", (EventKind.CONTENT,))


@given(st.lists(st.integers(1, 400), max_size=6))
def test_events_cover_the_body_and_arrive_in_order_in_any_cut(cuts: list[int]) -> None:
    body = b": hi\r\n\r\n" + sse(delta(reasoning="a"), delta(content="b"), delta(finish="stop"))
    ends = sorted({min(cut, len(body)) for cut in cuts} | {len(body)})
    log = log_of(body, *((10.0 * number, end) for number, end in enumerate(ends)))
    rows = range(log.line_count, len(log))
    assert b"".join(log._body[slice(*log._span(row - log.line_count))] for row in rows) == body
    times = [log[row].at_ms or 0.0 for row in rows]
    assert all(a <= b for a, b in pairwise(times))
    assert [kind for kind, _ in read(log)] == ["comment", "reasoning", "content", "finish", "done"]


@pytest.mark.skipif(not names(), reason="the folder of recorded streams is not here")
@pytest.mark.parametrize("name", names())
def test_a_recording_says_in_its_log_what_it_says_as_a_reply(name: str) -> None:
    body = recorded(name)
    events = decoded([body])
    told = read(log_of(body))
    said = "".join(event.text for event in events if isinstance(event, TextDelta | ReasoningDelta))
    assert "".join(text for kind, text in told if kind in ("reasoning", "content")) == said
    assert (("done", "") in told) == (StreamEnded() in events)
    assert len(told) == len([block for block in body.replace(b"\r\n", b"\n").split(b"\n\n") if block.strip()])


def test_keys_that_are_not_read_are_named_beside_what_is() -> None:
    chunk = {
        "id": "a", "object": "o", "model": "m", "provider": "",
        "service_tier": "default", "obfuscation": "xY",
        "choices": [
            {"index": 0, "native_finish_reason": "STOP", "finish_reason": None,
             "delta": {"content": "Hi", "channel": "final", "images": [{"type": "image_url"}]}}
        ],
    }  # fmt: skip
    log = log_of(
        sse({**chunk, "usage": None}, {"choices": [], "moderation": {"flagged": False}}, delta(content="a"))
    )

    before = log[log.line_count]
    log.read_to(len(log))
    first, second, third, done = [log[row] for row in range(log.line_count, len(log))]

    assert (before.text, before.unread) == ("", ())
    assert first.text == "Hi"
    assert first.unread == ("service_tier", "obfuscation", "native_finish_reason", "channel", "images")
    assert (second.kind, second.text, second.unread) == (EventKind.OTHER, "", ("moderation",))
    assert third.unread == done.unread == ()


def test_parts_that_are_not_text_are_named() -> None:
    parts = [{"type": "text", "text": "a"}, {"type": "image_url", "image_url": {"url": "data:,"}}]
    log = log_of(sse(delta(content=parts)))
    log.read_to(len(log))

    assert log[log.line_count].unread == ("image_url",)


def test_a_huge_event_is_not_searched_for_keys() -> None:
    log = log_of(sse({"filler": "x" * 100_000, **delta(content="a")}))
    log.read_to(len(log))

    assert (log[log.line_count].text, log[log.line_count].unread) == ("a", ())


def test_what_another_choice_says_is_marked_with_its_number() -> None:
    log = log_of(sse(delta(content="a"), delta(content="b", index=1), delta(finish="length", index=2)))

    assert read(log)[:3] == [("content", "a"), ("content", "[1] b"), ("finish", "[2] length")]


def test_the_keys_of_a_whole_log_are_named_from_its_ends() -> None:
    chunks = [delta(content="a")] * 200
    chunks[0] = {**chunks[0], "service_tier": "default"}
    chunks[100] = {**chunks[100], "far_inside": 1}
    chunks[199] = {**chunks[199], "moderation": {"flagged": False}, "service_tier": "default"}

    assert log_of(sse(*chunks)).unread_names() == ("service_tier", "moderation")
    assert log_of(b"").unread_names() == ()
