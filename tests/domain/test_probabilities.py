"""Tokens find their places in the text by their bytes."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drover.domain.conversation import Part, ReasoningPart, TextPart
from drover.domain.probabilities import (
    Alternative,
    ScoredText,
    TokenChoice,
    entropy_bits,
    scored,
    summary,
)

TEXTS = st.text(alphabet=st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)
PROSE = st.text(alphabet="ab é漢🦊.\n", min_size=1, max_size=40)


def tokens_of(*pieces: str | bytes, is_reasoning: bool = False) -> list[TokenChoice]:
    raws = [piece.encode() if isinstance(piece, str) else piece for piece in pieces]
    return [TokenChoice(raw, -0.5, is_reasoning=is_reasoning) for raw in raws]


def cut(raw: bytes, draw: st.DataObject) -> list[TokenChoice]:
    """The bytes as tokens of one to five bytes, whatever character that cuts."""
    found, start = [], 0
    while start < len(raw):
        end = start + draw.draw(st.integers(1, 5))
        found.append(TokenChoice(raw[start:end], -0.5))
        start = end
    return found


def words(text: ScoredText) -> list[str]:
    return [text.text[start:end] for start, end in zip(text.starts, text.ends, strict=True)]


@given(TEXTS, st.data())
def test_any_cut_of_the_bytes_covers_the_text_in_order(text: str, data: st.DataObject) -> None:
    tokens = cut(text.encode(), data)
    answer = scored([TextPart(text=text)], tokens).answer
    assert answer.is_exact
    assert list(answer.tokens) == tokens
    assert answer.bare_chars == 0
    assert answer.starts[0] == 0
    assert answer.ends[-1] == len(text)
    for index, token in enumerate(tokens):
        assert token.token_bytes in text[answer.starts[index] : answer.ends[index]].encode()
        # The next token begins where this one ended, or with the character of which this one was a part.
        if index:
            assert answer.ends[index - 1] - answer.starts[index] in (0, 1)


@given(PROSE, PROSE, st.sampled_from(["<think>\n", "<think>", ""]), st.data())
def test_tags_between_thinking_and_answer_stand_in_neither(
    thought: str, text: str, opening: str, data: st.DataObject
) -> None:
    closing = "</think>\n\n" if opening else ""
    tokens = cut((opening + thought + closing + text).encode(), data)
    parts: list[Part] = [ReasoningPart(text=thought, source="<think>"), TextPart(text=text)]
    scores = scored(parts, tokens)
    assert (scores.reasoning.text, scores.answer.text) == (thought, text)
    assert (scores.reasoning.bare_chars, scores.answer.bare_chars) == (0, 0)
    assert scores.reasoning.is_exact
    assert scores.answer.is_exact


@given(PROSE, PROSE, st.data())
def test_the_beginning_that_a_reply_was_given_has_no_tokens(
    beginning: str, rest: str, data: st.DataObject
) -> None:
    scores = scored([TextPart(text=beginning + rest)], cut(rest.encode(), data), beginning)
    assert scores.answer.bare_chars == len(beginning)
    assert scores.answer.starts[0] == len(beginning)
    assert scores.answer.ends[-1] == len(beginning) + len(rest)


@given(TEXTS, TEXTS, st.data())
def test_whatever_the_tokens_are_their_places_lie_within_the_text(
    text: str, other: str, data: st.DataObject
) -> None:
    answer = scored([TextPart(text=text)], cut(other.encode(), data)).answer
    spans = list(zip(answer.starts, answer.ends, strict=True))
    assert all(0 <= start < end <= len(text) for start, end in spans)
    assert spans == sorted(spans)


def test_halves_of_a_character_have_the_place_of_the_whole() -> None:
    tokens = tokens_of("a", b"\xf0\x9f", b"\xa6", b"\x8a", "b")
    answer = scored([TextPart(text="a🦊b")], tokens).answer
    assert words(answer) == ["a", "🦊", "🦊", "🦊", "b"]


def test_a_thought_that_a_tag_holds_too_is_found_outside_of_it() -> None:
    tokens = tokens_of("<", "think", ">", "think", "</", "think", ">", "\n", "So")
    scores = scored([ReasoningPart(text="think", source="<think>"), TextPart(text="So")], tokens)
    assert list(scores.reasoning.numbers) == [3]
    assert list(scores.answer.numbers) == [8]


def test_a_token_across_a_tag_counts_with_what_it_has_of_the_text() -> None:
    tokens = tokens_of("<think>", "Four", ".</", "think>", "\n\nIt", " is")
    scores = scored([ReasoningPart(text="Four.", source="<think>"), TextPart(text="It is")], tokens)
    assert words(scores.reasoning) == ["Four", "."]
    assert words(scores.answer) == ["It", " is"]


def test_thinking_that_is_not_covered_stays_bare() -> None:
    parts: list[Part] = [
        ReasoningPart(text="Two and two.", source="reasoning_content"),
        TextPart(text="Two."),
    ]
    scores = scored(parts, tokens_of("Two", "."))
    assert words(scores.answer) == ["Two", "."]
    assert len(scores.reasoning.tokens) == 0
    assert not scores.reasoning.is_exact


def test_thinking_that_is_listed_apart_is_found_in_the_thinking() -> None:
    tokens = [*tokens_of("Two", ".", is_reasoning=True), *tokens_of("Two", ".")]
    parts: list[Part] = [ReasoningPart(text="Two.", source="reasoning"), TextPart(text="Two.")]
    scores = scored(parts, tokens)
    assert list(scores.reasoning.numbers) == [0, 1]
    assert list(scores.answer.numbers) == [2, 3]


def test_a_text_with_a_gap_keeps_the_tokens_around_it() -> None:
    answer = scored([TextPart(text="one two three four")], tokens_of("one", " two", " four")).answer
    assert words(answer) == ["one", " two", " four"]
    assert answer.bare_chars == len(" three")
    assert not answer.is_exact


def test_special_tokens_after_the_answer_stand_in_no_text() -> None:
    answer = scored([TextPart(text="Yes.")], tokens_of("Yes", ".", "<|im_end|>")).answer
    assert words(answer) == ["Yes", "."]


def test_the_beginning_up_to_a_token_holds_the_tags_and_what_takes_its_place() -> None:
    tokens = tokens_of("<think>", "\n", "Four", ".", "\n", "</think>", "\n\n", "It", " is", " 4")
    scores = scored([ReasoningPart(text="Four.\n", source="<think>"), TextPart(text="It is 4")], tokens)
    assert scores.beginning(scores.answer, 1, b" was") == "<think>\nFour.\n</think>\n\nIt was"
    assert scores.beginning(scores.reasoning, 0, b"Five") == "<think>\nFive"
    assert scores.beginning(scores.answer, 1, b"") is None
    assert scores.beginning(scores.answer, 1, b"\xf0\x9f") is None


def test_a_beginning_goes_on_from_the_one_that_the_reply_was_given() -> None:
    scores = scored([TextPart(text="It is 4")], tokens_of(" is", " 4"), "It")
    assert scores.beginning(scores.answer, 1, b" 5") == "It is 5"


def test_no_beginning_is_made_up_where_the_tokens_are_not_the_text() -> None:
    scores = scored([TextPart(text="one two three")], tokens_of("one", " three"))
    assert scores.beginning(scores.answer, 1, b" four") is None


def test_entropy_is_a_lower_bound_and_says_how_much_is_not_shown() -> None:
    half = math.log(0.5)
    whole = TokenChoice(b"a", half, (Alternative(b"a", half), Alternative(b"b", half)))
    assert entropy_bits(whole) == pytest.approx((1.0, 0.0))
    partly = TokenChoice(b"c", math.log(0.25), (Alternative(b"a", half),))
    assert entropy_bits(partly) == pytest.approx((1.0, 0.25))
    certain = TokenChoice(b"a", 0.0, (Alternative(b"a", 0.0), Alternative(b"b", -9999.0)))
    assert entropy_bits(certain) == pytest.approx((0.0, 0.0))


def test_the_written_token_is_shown_though_it_was_not_among_the_likeliest() -> None:
    choice = TokenChoice(b"c", -3.0, (Alternative(b"a", -0.1), Alternative(b"b", -4.0)))
    assert [each.text for each in choice.shown] == ["a", "c", "b"]


def test_perplexity_leaves_impossible_tokens_out() -> None:
    tokens = [TokenChoice(b"a", math.log(0.5)), TokenChoice(b"b", -9999.0), TokenChoice(b"c", math.log(0.5))]
    answer = scored([TextPart(text="abc")], tokens).answer
    assert answer.perplexity == pytest.approx(2.0)
    assert answer.mean_probability == pytest.approx(1 / 3)
    assert scored([TextPart(text="abc")], []).answer.perplexity is None


def test_a_summary_names_the_least_probable_and_the_most_uncertain_places() -> None:
    half = math.log(0.5)
    tokens = [
        TokenChoice(b"a", -0.1),
        TokenChoice(b"b", -4.0, (Alternative(b"x", -0.02),)),
        TokenChoice(b"c", half, (Alternative(b"c", half), Alternative(b"y", half))),
    ]
    found = summary(scored([TextPart(text="abc")], tokens).answer, most=2)
    assert found.least_probable == (1, 2)
    assert found.most_uncertain[0] == 2
    assert found.bare_chars == 0


def test_the_token_at_a_character() -> None:
    answer = scored([TextPart(text="ab cd")], tokens_of("ab", " cd")).answer
    assert [answer.token_at(at) for at in range(6)] == [0, 0, 1, 1, 1, None]
