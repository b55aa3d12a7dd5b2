from __future__ import annotations

import json
from typing import Any

import pytest

from drover.domain.request_outline import (
    LineSign,
    MessageRun,
    RequestLine,
    only_changes,
    request_lines,
    sent_settings,
)


def listed(text: str, sign: LineSign = LineSign.SAME, role: str = "user") -> MessageRun:
    return MessageRun(sign=sign, count=1, read=lambda _: (role, text))


def outline(before: dict[str, Any] | None, after: dict[str, Any], *messages: MessageRun) -> list[RequestLine]:
    return request_lines(
        before, after, messages, left_out=lambda n: f"{n} more", length=lambda n: f"{n} characters"
    )


def shown(lines: list[RequestLine]) -> list[str]:
    return [f"{line.sign} {line.text}" for line in lines]


def test_changed_added_and_removed_keys_stand_in_the_order_of_the_body() -> None:
    before = {"model": "m", "messages": [], "temperature": 0.7, "top_p": 0.9, "stream": True}
    after = {"model": "m", "messages": [], "temperature": 0.2, "seed": 7, "stream": True}
    hi, new = listed("Hi"), listed("And?", LineSign.ADDED)
    assert shown(outline(before, after, hi, new)) == [
        "  {",
        '    "model": "m",',
        '    "messages": [',
        '      {"role": "user", "content": "Hi"},',
        '+     {"role": "user", "content": "And?"}',
        "    ],",
        '−   "temperature": 0.7,',
        '+   "temperature": 0.2,',
        '−   "top_p": 0.9,',
        '+   "seed": 7,',
        '    "stream": true',
        "  }",
    ]


def test_only_the_changed_lines_of_a_long_value_are_marked() -> None:
    before = {"stop": ["a", "b"], "stream": True}
    after = {"stop": ["a", "c"], "stream": True}
    assert shown(only_changes(outline(before, after))) == ["… ", '−     "b"', '+     "c"', "… "]
    assert only_changes(outline(after, after)) == []


def test_what_is_sent_is_json_when_all_messages_are_shown_in_full() -> None:
    after = {"model": "m", "messages": [], "stop": ["},  ", "]"], "stream": True}
    before = {"zero": 1, "stream": True, "gone": {"a": [1, 2]}}
    removed = listed("old", LineSign.REMOVED)
    lines = outline(before, after, listed('a "b"\n'), listed("c", role="assistant"), removed)
    body = json.loads("\n".join(line.text for line in lines if line.sign is not LineSign.REMOVED))
    assert body == after | {
        "messages": [{"role": "user", "content": 'a "b"\n'}, {"role": "assistant", "content": "c"}]
    }
    assert list(body) == list(after)


def test_the_first_request_has_nothing_to_differ_from() -> None:
    assert {line.sign for line in outline(None, {"model": "m", "stream": True})} == {LineSign.SAME}


def test_of_ten_thousand_messages_a_dozen_are_read_and_long_ones_are_folded() -> None:
    reads: list[int] = []

    def read(index: int) -> tuple[str, str]:
        reads.append(index)
        return "user", "word " * 100

    lines = outline(None, {"messages": []}, MessageRun(sign=LineSign.SAME, count=10_000, read=read))
    assert reads == [*range(6), *range(9_994, 10_000)]
    assert lines[8].text == "    … 9988 more"
    assert lines[2].text.endswith('wo…"},  500 characters')
    assert lines[-3].text.endswith('wo…"}  500 characters')


def test_the_settings_of_a_stored_body_are_read_without_its_messages() -> None:
    body = {"model": "m", "messages": [{"role": "user", "content": "]},{"}] * 3, "stop": ["]"], "n": {"a": 1}}
    for text in (json.dumps(body), json.dumps(body, indent=2), json.dumps(body, separators=(",", ":"))):
        assert sent_settings(text.encode()) == body | {"messages": []}
    assert sent_settings(b"{}") == {}
    assert sent_settings(b' {"messages": [ ] } ') == {"messages": []}


@pytest.mark.parametrize(
    "body", [b"", b"[]", b'{"a": 1', b'{"a" 1}', b'{"messages": [1 2]}', b'{"a": 1 "b"}']
)
def test_what_is_no_object_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        sent_settings(body)
