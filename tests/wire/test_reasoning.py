from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drover.wire.reasoning import TagSplitter


def split(*texts: str, starts_inside: bool = False) -> tuple[str, str]:
    """(reasoning, answer) of a content that arrives in these pieces."""
    splitter = TagSplitter(starts_inside=starts_inside)
    found = [piece for text in texts for piece in splitter.feed(text)] + splitter.flush()
    assert all(text for _, text in found)
    return (
        "".join(text for is_reasoning, text in found if is_reasoning),
        "".join(text for is_reasoning, text in found if not is_reasoning),
    )


def cut(text: str, places: list[int]) -> list[str]:
    marks = [0, *sorted({place % (len(text) + 1) for place in places}), len(text)]
    return [text[a:b] for a, b in pairwise(marks)]


_PIECES = st.lists(
    st.sampled_from(["<think>", "</think>", "<", "</", "th", "ink>", " ", "\n", "a", "ß", "<thought>", "🙂"]),
    max_size=14,
).map("".join)
_PLACES = st.lists(st.integers(0, 200), max_size=10)


@given(_PIECES, _PLACES, st.booleans())
def test_any_cut_gives_the_same_split(text: str, places: list[int], starts_inside: bool) -> None:
    whole = split(text, starts_inside=starts_inside)

    assert split(*cut(text, places), starts_inside=starts_inside) == whole
    assert split(*text, starts_inside=starts_inside) == whole


@given(st.text(max_size=40).filter(lambda text: not text.lstrip().startswith(("<", "◁"))), _PLACES)
def test_an_answer_without_tags_comes_out_unchanged(text: str, places: list[int]) -> None:
    assert split(*cut(text, places)) == ("", text)


@pytest.mark.parametrize(
    ("text", "reasoning", "answer"),
    [
        ("<think>Hm.</think>\n\nYes.", "Hm.", "Yes."),
        (" \n<think>\nHm.\n</think> Yes.", "Hm.\n", "Yes."),
        ("<think></think>Yes.", "", "Yes."),
        ("<think>\n\n</think>\n\nYes.", "", "Yes."),
        ("<think>a</think>\n<think>b</think>\nYes.", "ab", "Yes."),
        ("◁think▷Hm.◁/think▷Yes.", "Hm.", "Yes."),
        ("[THINK]Hm.[/THINK]Yes.", "Hm.", "Yes."),
        ("<|channel>thought\nHm.<channel|>Yes.", "Hm.", "Yes."),
        ("<think>never closed", "never closed", ""),
        ("<think>cut off </thi", "cut off </thi", ""),
        ("<think>1 < 2 and </b> here</think>ok", "1 < 2 and </b> here", "ok"),
        ("<thin", "", "<thin"),
        ("<thing>is text", "", "<thing>is text"),
        ("</think> without an opener stays", "", "</think> without an opener stays"),
        ("Write <think>x</think> like this", "", "Write <think>x</think> like this"),
        ("<think>a</think>Use `<think>` and </think>.", "a", "Use `<think>` and </think>."),
        ("  Yes.", "", "  Yes."),
        (" \n ", "", " \n "),
        ("<think>a</think> \n ", "a", ""),
    ],
)
def test_tags_count_only_where_they_can_be_meant(text: str, reasoning: str, answer: str) -> None:
    assert split(*text) == (reasoning, answer)
    assert split(text) == (reasoning, answer)


@pytest.mark.parametrize(
    ("text", "reasoning", "answer"),
    [
        ("Hm.</think>\n\nYes.", "Hm.", "Yes."),
        ("\n<think>Hm.</think>Yes.", "Hm.", "Yes."),
        ("</think>Yes.", "", "Yes."),
        ("never closed", "never closed", ""),
    ],
)
def test_a_prompt_that_opened_the_tag_needs_only_the_closing_one(
    text: str, reasoning: str, answer: str
) -> None:
    assert split(*text, starts_inside=True) == (reasoning, answer)


def test_text_is_held_back_no_longer_than_it_may_be_a_tag() -> None:
    splitter = TagSplitter()

    assert splitter.feed("<th") == []
    assert splitter.feed("ink>a</") == [(True, "a")]
    assert splitter.feed("b") == [(True, "</b")]
    assert splitter.feed("</think>") == []
    assert not splitter.is_in_answer
    assert splitter.feed("\nc") == [(False, "c")]
    assert splitter.is_in_answer
