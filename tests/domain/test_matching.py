"""Finding what was typed in text as it is read."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drover.domain.matching import Matcher


def found(query: str, text: str, *, matches_case: bool = False) -> list[str]:
    return [text[start:end] for start, end in Matcher([query], matches_case=matches_case).find(text)]


@pytest.mark.parametrize(
    ("query", "text", "hits"),
    [
        ("sky", "The SKY is a sky.", ["SKY", "sky"]),
        ("STRASSE", "Die Straße, die Strasse", ["Straße", "Strasse"]),
        ("straße", "STRASSE", ["STRASSE"]),
        ("istanbul", "İstanbul", ["İstanbul"]),
        ("resume", "a résumé and a re\u0301sume\u0301", ["résumé", "re\u0301sume\u0301"]),
        ("résumé", "resume", ["resume"]),
        ("σοφος", "ΣΟΦΟΣ", ["ΣΟΦΟΣ"]),
        ("find", "ﬁnd it", ["ﬁnd"]),
        ("s", "ß", ["ß"]),
        ("👍", "yes 👍🏽 and 👍", ["👍", "👍"]),
        ("❤", "a ❤\ufe0f", ["❤\ufe0f"]),
        ("don't", "I don’t", ["don’t"]),
        ("gpt-oss", "gpt\u2011oss", ["gpt\u2011oss"]),
        ("か", "が か", ["か"]),
        ("が", "か\u3099", ["か\u3099"]),
        ("foo bar", "foo\nbar, foo\u00a0 bar", ["foo\nbar", "foo\u00a0 bar"]),
        ("a.c", "abc a.c", ["a.c"]),
        ("->", "a -> b", ["->"]),
        ("soft", "so\u00adft", ["so\u00adft"]),
    ],
)
def test_hits_are_told_in_characters_of_the_text(query: str, text: str, hits: list[str]) -> None:
    assert found(query, text) == hits


def test_places_after_characters_that_fold_to_more_or_fewer_are_right() -> None:
    text = "ßßß e\u0301 needle ﬀ needle"
    assert Matcher(["needle"]).find(text) == [(7, 13), (16, 22)]


def test_case_and_accents_count_when_asked_for() -> None:
    assert found("Sky", "sky Sky SKY", matches_case=True) == ["Sky"]
    assert found("resume", "résumé resume", matches_case=True) == ["resume"]
    assert found("é", "e\u0301 é e", matches_case=True) == ["e\u0301", "é"]


def test_a_query_of_nothing_finds_nothing() -> None:
    for query in ("", "  ", "\n"):
        assert Matcher([query]).is_empty
        assert Matcher([query]).find("a  b") == []
        assert not Matcher([query]).may_be_in("a  b")


def test_of_several_words_each_is_found_where_a_word_begins() -> None:
    matcher = Matcher(["sky", "blue"], begins_words=True)
    text = "Blue skylight, whisky"
    assert [text[start:end] for start, end in matcher.find(text)] == ["Blue", "sky"]
    assert Matcher(["界"], begins_words=True).find("世界") == [(1, 2)]


@pytest.mark.parametrize(
    ("query", "source"),
    [
        ("foo bar", "foo **bar**"),
        ("foobar", "foo**bar**"),
        ("foobar", "[foo](https://example.org/a_(b))bar"),
        ("a & b", "a &amp; b"),
        ("foo", "&#102;oo"),
        ("word1", "a word[^1]"),
        ("image", "![a cat](https://example.org)"),
        ("foo bar", "> foo\n> bar"),
        ("a_b", "a\\_b"),
        ("->", "-\\>"),
        ("strasse", "die **Stra**ße"),
    ],
)
def test_no_source_is_passed_over_that_shows_the_words(query: str, source: str) -> None:
    assert Matcher([query]).may_be_in(source)


def test_a_source_without_the_words_is_passed_over() -> None:
    assert not Matcher(["needle"]).may_be_in("A **haystack** with `code` and [links](https://example.org).")
    assert not Matcher(["Needle"], matches_case=True).may_be_in("a needle")


@given(st.text(max_size=40), st.integers(0, 39), st.integers(1, 10), st.booleans())
def test_any_piece_of_a_text_is_found_in_it(text: str, start: int, length: int, matches_case: bool) -> None:
    piece = text[start : start + length]
    matcher = Matcher([piece], matches_case=matches_case)
    spans = matcher.find(text)
    for (_, end), (begin, _) in pairwise(spans):
        assert end <= begin
    assert all(0 <= begin < end <= len(text) for begin, end in spans)
    if piece.isascii() and piece.strip() and text.isascii():
        assert spans


def test_what_folds_to_nothing_is_nothing_to_look_for() -> None:
    matcher = Matcher(["\u00ad"])
    assert matcher.is_empty
    assert matcher.find("0\u00ad") == []
