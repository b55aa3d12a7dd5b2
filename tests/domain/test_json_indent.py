"""JSON is laid out while it arrives, wherever its pieces end."""

from __future__ import annotations

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drover.domain.json_indent import JsonIndenter, indented
from drover.domain.json_verdict import judged

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(max_size=4), VALUES, max_size=3), st.lists(st.integers(0, 200)))
def test_any_cut_gives_the_lines_of_the_whole(value: dict[str, object], cuts: list[int]) -> None:
    text = json.dumps(value)
    indenter, pieces = JsonIndenter(), []
    ends = sorted({0, len(text), *(cut for cut in cuts if cut < len(text))})
    for start, end in itertools.pairwise(ends):
        pieces.append(indenter.feed(text[start:end]))
    assert "".join(pieces) == json.dumps(value, indent=2)


@pytest.mark.parametrize("text", ["plain words  with spaces", '"a string"', "12 "])
def test_what_is_no_object_or_array_stays_as_it_is(text: str) -> None:
    assert indented(text) == text


def test_numbers_and_escapes_stay_as_they_were_written() -> None:
    assert indented(r'{"a":1.50,"b":"\u00e9"}') == '{\n  "a": 1.50,\n  "b": "\\u00e9"\n}'


@pytest.mark.parametrize(
    ("text", "place"), [('{"a": [1, 2', (1, 11)), ('{"a": "wor', (1, 10)), ('{\n  "a":', (2, 6))]
)
def test_json_that_ends_too_early_is_told_with_the_place(text: str, place: tuple[int, int]) -> None:
    verdict = judged(text)
    assert verdict.cut_at == place
    assert not verdict.is_json


def test_a_slip_is_no_cut() -> None:
    verdict = judged('{"a": 1,, "b": 2}')
    assert verdict.cut_at is None
    assert "line 1, column 9" in verdict.slip


def test_problems_name_their_place() -> None:
    schema = {"properties": {"items": {"items": {"properties": {"price": {"type": "number"}}}}}}
    verdict = judged('{"items": [{"price": 1}, {"price": "cheap"}]}', schema)
    assert verdict.problems == ('items[1].price: "cheap" is not of type number.',)
    assert not verdict.is_good
