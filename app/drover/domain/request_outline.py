"""The body of a request as lines for reading, beside those of the request before it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby
from typing import Any, TypeAlias

FOLDED_CHARS = 72
"""A longer message is shown by its first words and its length."""
_ENDS_SHOWN = 6
"""Messages shown at either end of a long run of them that are alike in what became of them."""
_MOST_COMPARED_LINES = 300


class LineSign(StrEnum):
    """What became of a line since the request before."""

    SAME = " "
    ADDED = "+"
    REMOVED = "\u2212"
    LEFT_OUT = "\u2026"
    """Not a line of the body: stands for some that are not shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestLine:
    """One line of a pretty-printed body."""

    sign: LineSign
    text: str


Content: TypeAlias = str | list[dict[str, Any]]
"""A text, or parts of which those of the type `text` hold one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageRun:
    """Messages in a row that share what became of them. Each is read only if it is shown."""

    sign: LineSign
    count: int
    read: Callable[[int], tuple[str, Content]]
    """Role and content of the message at an index from 0."""


def request_lines(
    before: Mapping[str, Any] | None,
    after: Mapping[str, Any],
    messages: Sequence[MessageRun],
    *,
    left_out: Callable[[int], str],
    length: Callable[[int], str],
) -> list[RequestLine]:
    """The whole body, one key after the other as it is sent; keys that are gone stand where they stood.

    `before` and `after` hold the body without its messages; without `before` nothing counts as changed.
    `left_out` says how many messages are not shown, `length` how long one is. Reads only messages shown.
    """
    lines = [RequestLine(sign=LineSign.SAME, text="{")]
    before_known = after if before is None else before
    for name in _merged(list(before_known), list(after)):
        if name == "messages":
            lines += _message_lines(messages, left_out, length)
        elif name not in before_known:
            lines += _signed(LineSign.ADDED, _pretty(name, after[name]))
        elif name not in after:
            lines += _signed(LineSign.REMOVED, _pretty(name, before_known[name]))
        else:
            lines += _compared(_pretty(name, before_known[name]), _pretty(name, after[name]))
    lines.append(RequestLine(sign=LineSign.SAME, text="}"))
    return _without_last_comma(lines)


def only_changes(lines: Sequence[RequestLine]) -> list[RequestLine]:
    """The lines that were added or removed; what lies between them is left out."""
    shown: list[RequestLine] = []
    for is_changed, group in groupby(lines, key=lambda line: line.sign in _CHANGED):
        if is_changed:
            shown += group
        else:
            shown.append(RequestLine(sign=LineSign.LEFT_OUT, text=""))
    return shown if any(line.sign in _CHANGED for line in shown) else []


_CHANGED = (LineSign.ADDED, LineSign.REMOVED)


def sent_settings(body: bytes) -> dict[str, Any]:
    """A stored body with an empty list in the place of its messages.

    Takes the messages one by one, so that other threads have their turn while a large body is read. Raises
    ValueError for what is no JSON object.
    """
    text = body.decode()
    scan = json.JSONDecoder().raw_decode
    found: dict[str, Any] = {}
    at = _after_space(text, 0)
    if text[at : at + 1] != "{":
        raise ValueError("not an object")
    at = _after_space(text, at + 1)
    while text[at : at + 1] != "}":
        name, at = scan(text, at)
        at = _after_space(text, at)
        if text[at : at + 1] != ":":
            raise ValueError("no colon after a key")
        at = _after_space(text, at + 1)
        if name == "messages" and text[at : at + 1] == "[":
            found[name], at = [], _after_items(text, at, scan)
        else:
            found[name], at = scan(text, at)
        at = _after_space(text, at)
        if text[at : at + 1] == ",":
            at = _after_space(text, at + 1)
        elif text[at : at + 1] != "}":
            raise ValueError("no end of the object")
    return found


def _after_items(text: str, at: int, scan: Callable[[str, int], tuple[Any, int]]) -> int:
    at = _after_space(text, at + 1)
    while text[at : at + 1] != "]":
        _, at = scan(text, at)
        at = _after_space(text, at)
        if text[at : at + 1] == ",":
            at = _after_space(text, at + 1)
        elif text[at : at + 1] != "]":
            raise ValueError("no end of the messages")
    return at + 1


def _after_space(text: str, at: int) -> int:
    while text[at : at + 1] in (" ", "\n", "\r", "\t"):
        at += 1
    return at


def _merged(old: Sequence[str], new: Sequence[str]) -> list[str]:
    """All names in the order of the new ones, those that are gone behind what they followed."""
    merged = list(new)
    for index, name in enumerate(old):
        if name not in merged:
            merged.insert(merged.index(old[index - 1]) + 1 if index else 0, name)
    return merged


def _pretty(name: str, value: Any) -> list[str]:
    text = json.dumps({name: value}, ensure_ascii=False, indent=2)
    lines = text.split("\n")[1:-1]
    return [*lines[:-1], lines[-1] + ","]


def _compared(old: Sequence[str], new: Sequence[str]) -> list[RequestLine]:
    if old == new:
        return _signed(LineSign.SAME, new)
    if len(old) + len(new) > _MOST_COMPARED_LINES:
        return [*_signed(LineSign.REMOVED, old), *_signed(LineSign.ADDED, new)]
    from difflib import SequenceMatcher

    lines: list[RequestLine] = []
    for what, i, i_end, j, j_end in SequenceMatcher(a=old, b=new, autojunk=False).get_opcodes():
        if what == "equal":
            lines += _signed(LineSign.SAME, new[j:j_end])
        else:
            lines += [*_signed(LineSign.REMOVED, old[i:i_end]), *_signed(LineSign.ADDED, new[j:j_end])]
    return lines


def _signed(sign: LineSign, texts: Iterable[str]) -> list[RequestLine]:
    return [RequestLine(sign=sign, text=text) for text in texts]


def _message_lines(
    messages: Sequence[MessageRun], left_out: Callable[[int], str], length: Callable[[int], str]
) -> list[RequestLine]:
    runs = [run for run in messages if run.count]
    if not runs:
        return _signed(LineSign.SAME, ['  "messages": [],'])
    lines = _signed(LineSign.SAME, ['  "messages": ['])
    sent = [run for run in runs if run.sign is not LineSign.REMOVED]
    for run in runs:
        last = run.count - 1 if sent and run is sent[-1] else -1
        hidden = run.count - 2 * _ENDS_SHOWN
        ends = [*range(_ENDS_SHOWN), *range(run.count - _ENDS_SHOWN, run.count)]
        texts = [
            _message_line(*run.read(index), length, is_last=index == last)
            for index in (ends if hidden > 1 else range(run.count))
        ]
        if hidden > 1:
            texts.insert(_ENDS_SHOWN, f"    {LineSign.LEFT_OUT} {left_out(hidden)}")
        lines += _signed(run.sign, texts)
    return [*lines, RequestLine(sign=LineSign.SAME, text="  ],")]


def _message_line(role: str, content: Content, length: Callable[[int], str], *, is_last: bool) -> str:
    lengths: list[str] = []

    def folded(text: str) -> str:
        if len(text) <= FOLDED_CHARS:
            return text
        lengths.append(length(len(text)))
        return text[:FOLDED_CHARS].rstrip() + LineSign.LEFT_OUT

    shown: Content
    if isinstance(content, str):
        shown = folded(content)
    else:
        shown = [part | {"text": folded(part["text"])} if "text" in part else part for part in content]
    comma = "" if is_last else ","
    line = f'    {{"role": "{role}", "content": {json.dumps(shown, ensure_ascii=False)}}}{comma}'
    return "  ".join([line, *lengths])


def _without_last_comma(lines: list[RequestLine]) -> list[RequestLine]:
    """JSON has none behind the last key."""
    sent = (index for index in range(len(lines) - 2, 0, -1) if lines[index].sign is not LineSign.REMOVED)
    index = next(sent, 0)
    if index:
        lines[index] = RequestLine(sign=lines[index].sign, text=lines[index].text.removesuffix(","))
    return lines
