"""What real servers sent, whole and in any cut, must end in what an independent reader made of it."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path
from typing import Any

import pytest
from tests.wire.replies import built, pieces, recordings_dir

from drover.domain.stream import ResponseBuilder

_DIR = recordings_dir()
_NAMES = sorted(path.stem for path in _DIR.glob("*.sse")) if _DIR else []

pytestmark = pytest.mark.skipif(_DIR is None, reason="the folder of recorded streams is not here")


def _expected(name: str) -> Any:
    assert _DIR is not None
    return json.loads((_DIR / f"{name}.expected.json").read_text())


def _body(name: str) -> bytes:
    assert _DIR is not None
    return Path(_DIR / f"{name}.sse").read_bytes()


def _assert_as_expected(builder: ResponseBuilder, expected: Any) -> None:
    if expected["content"].startswith("<think>"):
        inside, after = re.fullmatch(r"(?s)<think>\s*(.*)</think>\s*(.*)", expected["content"]).groups()  # type: ignore[union-attr]
        assert (builder.reasoning, builder.answer) == (inside, after)
    else:
        assert (builder.reasoning, builder.answer) == (expected["reasoning"], expected["content"])
    calls = [{"id": c.call_id, "name": c.name, "arguments": c.arguments} for c in builder.tool_calls]
    assert calls == expected["tool_calls"]
    assert builder.finish_reason == expected["finish_reason"]
    assert (json.loads(builder.usage.raw_json) if builder.usage else None) == expected["usage"]
    assert (builder.error.message if builder.error else None) == expected["error"]
    assert builder.saw_done == expected["done"]


@pytest.mark.parametrize("name", _NAMES)
def test_a_recording_ends_as_expected(name: str) -> None:
    _assert_as_expected(built([_body(name)]), _expected(name))


@pytest.mark.parametrize("name", _NAMES)
def test_a_recording_in_any_cut_ends_as_expected(name: str) -> None:
    body, expected = _body(name), _expected(name)
    chance = random.Random(name)
    few = [chance.randrange(len(body)) for _ in range(12)]
    many = [chance.randrange(len(body)) for _ in range(len(body) // 40)]

    _assert_as_expected(built(pieces(body, few)), expected)
    _assert_as_expected(built(pieces(body, many)), expected)


@pytest.mark.parametrize("name", [name for name in _NAMES if "tool" in name or "mistral" in name])
def test_a_recording_with_other_line_ends_byte_by_byte_ends_as_expected(name: str) -> None:
    body = _body(name).replace(b"\n", b"\r\n")

    _assert_as_expected(built([body[i : i + 1] for i in range(len(body))]), _expected(name))
