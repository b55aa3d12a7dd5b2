from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.wire.replies import pieces

from drover.errors import ProtocolError
from drover.wire.sse import ServerEvent, SSEDecoder

_TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), max_size=12)
_CUTS = st.lists(st.integers(0, 400), max_size=12)


def events(*chunks: bytes) -> list[ServerEvent]:
    decoder = SSEDecoder()
    found = [event for chunk in chunks for event in decoder.feed(chunk)]
    return found + decoder.finish()


@st.composite
def streams(draw: st.DrawFn) -> tuple[bytes, list[ServerEvent]]:
    """A stream in one of the allowed notations, and what it must say."""
    expected: list[ServerEvent] = []
    lines: list[str] = []
    for _ in range(draw(st.integers(1, 5))):
        name = draw(st.sampled_from(["", "error", "ping"]))
        data = draw(st.lists(_TEXT, min_size=1, max_size=3))
        if name:
            lines.append(f"event:{draw(st.sampled_from(['', ' ']))}{name}")
        lines += [f":{comment}" for comment in draw(st.lists(_TEXT, max_size=1))]
        lines += [
            f"data: {text}" if draw(st.booleans()) or text[:1] == " " else f"data:{text}" for text in data
        ]
        lines += draw(st.sampled_from([[], ["id: 7"], ["retry: 10"], ["data-x: no"]]))
        lines += [""] * draw(st.integers(1, 2))
        expected.append(ServerEvent(name or "message", "\n".join(data)))
    ends = draw(st.lists(st.sampled_from(["\n", "\r", "\r\n"]), min_size=1, max_size=3))
    # A CR right before an LF would be one line end, so mixed notations never put them side by side.
    safe = ends if ends.count("\n") == 0 or ends.count("\r") == 0 else ["\r\n"]
    text = "".join(line + safe[index % len(safe)] for index, line in enumerate(lines))
    return (b"\xef\xbb\xbf" if draw(st.booleans()) else b"") + text.encode(), expected


@given(streams(), _CUTS)
def test_any_cut_and_any_notation_give_the_same_events(
    stream: tuple[bytes, list[ServerEvent]], cuts: list[int]
) -> None:
    body, expected = stream

    assert events(*pieces(body, cuts)) == expected
    assert events(*(body[i : i + 1] for i in range(len(body)))) == expected


@given(st.binary(max_size=200).map(lambda noise: b"data: a\n\n" + noise + b"\n\ndata: b\n\n"), _CUTS)
def test_bytes_that_mean_nothing_never_raise_and_do_not_depend_on_the_cut(
    body: bytes, cuts: list[int]
) -> None:
    assert events(*pieces(body, cuts)) == events(body)


def test_a_cr_at_the_end_of_a_chunk_dispatches_at_once_and_its_lf_is_swallowed() -> None:
    decoder = SSEDecoder()

    assert decoder.feed(b"data: a\r\n\r") == [ServerEvent("message", "a")]
    assert decoder.feed(b"\ndata: b\r\r") == [ServerEvent("message", "b")]
    assert decoder.feed(b"\n\n") == []


def test_a_cut_inside_a_multibyte_character_is_joined() -> None:
    body = "data: Grüße 🙂\n\n".encode()

    for cut in range(len(body)):
        assert events(body[:cut], body[cut:]) == [ServerEvent("message", "Grüße 🙂")]


def test_invalid_utf8_becomes_the_replacement_character() -> None:
    assert events(b"data: a\xff\xe2\x82b\n\n") == [ServerEvent("message", "a\ufffd\ufffdb")]


def test_separators_that_are_legal_inside_json_do_not_end_a_line() -> None:
    text = "a\u2028b\u2029c\x85d\x0be\x0cf\x1cg"

    assert events(f"data: {text}\n\n".encode()) == [ServerEvent("message", text)]


@pytest.mark.parametrize(
    ("body", "data"),
    [
        (b'data: {"a":1}', ['{"a":1}']),
        (b'data: {"a":1}\n', ['{"a":1}']),
        (b"data: [DONE]", ["[DONE]"]),
        (b"data: [DONE]\r", ["[DONE]"]),
        (b'data: {"a":', []),
        (b"data: half a word", []),
        (b'data: x\n\n{"error":"boom"}\n', ["x", '{"error":"boom"}']),
        (b'data: x\n\n{\n "error": "boom"\n}\n\n', ["x", '{\n "error": "boom"\n}']),
    ],
)
def test_the_last_event_counts_without_its_blank_line_only_if_it_is_whole(
    body: bytes, data: list[str]
) -> None:
    assert [event.data for event in events(body)] == data


def test_comments_and_fields_without_data_dispatch_nothing() -> None:
    assert events(b": ping\n\nevent: x\n\nid: 1\n\nretry: 5\n\n\n\n") == []


def test_a_bare_data_line_is_an_event_without_text() -> None:
    assert events(b"data\n\ndata:\n\n") == [ServerEvent("message", ""), ServerEvent("message", "")]


def test_an_event_of_many_megabytes_arrives_whole() -> None:
    image = json.dumps({"url": "A" * (8 * 1024 * 1024)})
    body = f"data: {image}\n\n".encode()

    found = events(*(body[i : i + 65536] for i in range(0, len(body), 65536)))

    assert [len(event.data) for event in found] == [len(image)]


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_an_event_beyond_the_limit_is_refused_however_it_is_cut(size: int) -> None:
    decoder = SSEDecoder(max_event_bytes=100)
    body = b"data: ok\n\ndata: " + b"x" * 200 + b"\n\n"

    with pytest.raises(ProtocolError, match="longer than"):
        [decoder.feed(body[i : i + size]) for i in range(0, len(body), size)]
