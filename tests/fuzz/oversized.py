"""Replies of absurd size, as iterators of network chunks; `CASES` names them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from itertools import repeat

CHUNK_BYTES = 64 * 1024
_MIB = 2**20


def _delta(**fields: object) -> bytes:
    return _event({"choices": [{"index": 0, "delta": fields}]})


def _event(value: object) -> bytes:
    return b"data: " + json.dumps(value, ensure_ascii=False).encode() + b"\n\n"


def _call(**fields: object) -> bytes:
    return _delta(tool_calls=[fields])


def _in_chunks(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The pieces in chunks of some size, without ever holding them all."""
    held: list[bytes] = []
    size = 0
    for piece in pieces:
        held.append(piece)
        size += len(piece)
        if size >= CHUNK_BYTES:
            yield b"".join(held)
            held, size = [], 0
    yield b"".join(held)


def _one_event(start: bytes, filler: bytes, end: bytes, size: int) -> Iterator[bytes]:
    yield start
    yield from repeat(filler * (CHUNK_BYTES // len(filler)), size // CHUNK_BYTES)
    yield end + b"\n\n"


def _content(size: int) -> Iterator[bytes]:
    return _one_event(b'data: {"choices":[{"delta":{"content":"', b"x", b'"}}]}', size)


def _entries(count: int) -> Iterator[bytes]:
    """One event whose only delta holds so many calls."""
    yield b'data: {"choices":[{"delta":{"tool_calls":['
    for number in range(count):
        text = f'{{"index":{number},"id":"c{number}","function":{{"name":"now","arguments":"{{}}"}}}}'
        yield (b"," if number else b"") + text.encode()
    yield b"]}}]}\n\n"


def _calls(count: int) -> Iterator[bytes]:
    for number in range(count):
        yield _call(index=number, id=f"c{number}", function={"name": "now", "arguments": "{}"})


def _choices(count: int) -> Iterator[bytes]:
    for _ in range(20):
        yield _event({"choices": [{"index": each, "delta": {"content": "x"}} for each in range(count)]})


def _blocks(count: int) -> Iterator[bytes]:
    for number in range(count):
        yield _delta(reasoning_details=[{"type": "reasoning.text", "text": "x", "index": number}])


def _alternating(count: int) -> Iterator[bytes]:
    return repeat(_delta(reasoning="a", content="b"), count)


def _changing(count: int) -> Iterator[bytes]:
    for number in range(count):
        yield _event({"model": f"m{number}", "choices": []})


CASES: dict[str, tuple[int, Callable[[int], Iterable[bytes]]]] = {
    "an event of N MiB": (63, lambda n: _content(n * _MIB)),
    "an event over the limit, N MiB": (80, lambda n: _content(n * _MIB)),
    "an event without an end, N MiB": (60, lambda n: repeat(b"x" * CHUNK_BYTES, n * 16)),
    "one whole completion of N MiB": (
        60,
        lambda n: _one_event(b'{"choices":[{"message":{"content":"', b"x", b'"}}]}', n * _MIB),
    ),
    "a web page of N MiB": (60, lambda n: _one_event(b"<html><title>x", b"<title>", b"", n * _MIB)),
    "N MiB of comments of comments": (60, lambda n: _one_event(b"", b"<!---->", b"<", n * _MIB)),
    "a comment of N MiB": (10, lambda n: _one_event(b":", b"x", b"", n * _MIB)),
    "N comments": (1_000_000, lambda n: repeat(b": keep-alive\n\n", n)),
    "N blank lines": (1_000_000, lambda n: repeat(b"\n", n)),
    "N blank lines, one by one": (200_000, lambda n: repeat(b"\n", n)),
    "N blank lines before a completion, one by one": (
        200_000,
        lambda n: [*repeat(b"\n", n), b'{"choices":[{"message":{"content":"a"}}]}'],
    ),
    "N bytes of an event, one by one": (2_000_000, lambda n: repeat(b"x", n)),
    "N empty events": (1_000_000, lambda n: repeat(b"data:\n\n", n)),
    "N events {}": (1_000_000, lambda n: repeat(b"data: {}\n\n", n)),
    "N lines of data in one event": (1_000_000, lambda n: [*repeat(b"data: {}\n", n), b"\n"]),
    "N lines of JSON": (200_000, lambda n: repeat(b'{"choices":[{"delta":{"content":"a"}}]}\n', n)),
    "N tool calls": (100_000, _calls),
    "N tool calls in one delta": (100_000, _entries),
    "N tool calls without an index": (
        100_000,
        lambda n: repeat(_call(function={"name": "now", "arguments": "{}"}), n),
    ),
    "N fragments of one call": (
        100_000, lambda n: repeat(_call(index=0, function={"arguments": "ab"}), n),
    ),
    "N fragments that repeat id and name": (
        100_000,
        lambda n: [
            _call(index=0, id="a", function={"name": "now", "arguments": '{"x":"'}),
            *repeat(_call(index=0, id="a", function={"name": "now", "arguments": "{}}"}), n),
        ],
    ),
    "N blank fragments that repeat id and name": (
        100_000,
        lambda n: repeat(_call(index=0, id="a", function={"name": "now", "arguments": " "}), n),
    ),
    "N choices": (1_000, _choices),
    "N finish reasons": (
        1_000_000,
        lambda n: repeat(_event({"choices": [{"delta": {}, "finish_reason": "stop"}]}), n),
    ),
    "N usages": (100_000, lambda n: repeat(_event({"choices": [], "usage": {"prompt_tokens": 1}}), n)),
    "N errors": (100_000, lambda n: repeat(_event({"error": {"message": "no api_key: sk-abc"}}), n)),
    "N models": (100_000, _changing),
    "N deltas of white space": (200_000, lambda n: repeat(_delta(content=" \n"), n)),
    "N deltas of white space inside thinking": (
        200_000, lambda n: [_delta(content="<think>"), *repeat(_delta(content=" \n"), n)],
    ),
    "N deltas of white space behind thinking": (
        200_000, lambda n: [_delta(content="<think>a</think>"), *repeat(_delta(content=" \n"), n)],
    ),
    "N openings of a tag": (200_000, lambda n: repeat(_delta(content="<think>"), n)),
    "N tags in one delta": (200_000, lambda n: [_delta(content="<think>a</think>" * n)]),
    "N unknown keys of one call": (
        100_000, lambda n: (_call(index=0, **{f"k{number}": "v"}) for number in range(n)),
    ),
    "N times the beginning of a tag": (
        200_000, lambda n: [_delta(content="<think>a"), *repeat(_delta(content="</thin"), n)],
    ),
    "N times < in one delta": (_MIB, lambda n: [_delta(content="<think>" + "<" * n)]),
    "N times thinking and answer": (100_000, _alternating),
    "N blocks of reasoning": (100_000, _blocks),
    "N fragments of one block of reasoning": (
        100_000,
        lambda n: repeat(_delta(reasoning_details=[{"type": "reasoning.text", "text": "x"}]), n),
    ),
    "N halves of characters": (
        200_000, lambda n: repeat(b'data: {"choices":[{"delta":{"content":"\\ud83d"}}]}\n\n', n),
    ),
    "N brackets": (100_000, lambda n: [b"data: " + b"[" * n + b"\n\n"]),
    "N brackets of a whole completion": (100_000, lambda n: [b"[" * n]),
    "an integer of N digits": (_MIB, lambda n: [b"data: " + b"9" * n + b"\n\n"]),
    "N keys in one chunk": (
        200_000, lambda n: [_event({f"k{number}": number for number in range(n)})],
    ),
    "N parts of content": (
        200_000, lambda n: [_delta(content=[{"type": "text", "text": "x"}] * n)],
    ),
    "N markers of gpt-oss": (
        100_000, lambda n: repeat(_delta(content="<|channel|>analysis<|message|>a<|end|>"), n),
    ),
    "N headers of gpt-oss that are none": (
        100_000,
        lambda n: [_delta(content="<|channel|>a<|message|>"), *repeat(_delta(content="<|start|>"), n)],
    ),
}  # fmt: skip
"""The size that N stands for, and the chunks for a size. Those that say "one by one" are fed as they are, the
others joined to chunks as a network would."""


def chunks(name: str, size: int) -> Iterator[bytes]:
    """The chunks of a case."""
    made = CASES[name][1](size)
    return iter(made) if "one by one" in name else _in_chunks(made)
