"""The search through a conversation: what is found, in which order, and that it never takes long at once."""

from __future__ import annotations

import pytest

from drover.domain.matching import Matcher
from drover.markdown_blocks import parse
from drover.ui.find_search import ConversationSearch, Hit, hits_in_block
from drover.ui.markdown_places import Place, shown_text

START = Place(0, 0)


class Texts:
    """Stored messages, and which of them were read."""

    def __init__(self, **messages: str | tuple[str, str]) -> None:
        self.messages = {
            key: ("", value) if isinstance(value, str) else value for key, value in messages.items()
        }
        self.was_read: list[str] = []

    def read(self, message_id: str) -> tuple[str, str]:
        self.was_read.append(message_id)
        return self.messages[message_id]


def search_for(query: str, texts: Texts, branch: str, others: str = "") -> ConversationSearch:
    search = ConversationSearch(Matcher([query]), texts.read)
    search.display(branch.split(), others.split())
    return search


def whole(search: ConversationSearch) -> ConversationSearch:
    while search.is_busy:
        search.work(1.0)
    return search


def sought(
    search: ConversationSearch, message_id: str, place: Place = START, step: int = 1, part: str = "body"
) -> tuple[str, str, int, int] | None:
    search.seek(message_id, "reasoning" if part == "reasoning" else "body", place, step)
    for _ in range(10_000):
        hit = search.work(0.0)
        if hit is not None:
            return hit.message_id, hit.part, hit.start.block, hit.start.offset
        if not search.is_busy:
            break
    return None


def shown_hits(query: str, source: str) -> list[str]:
    return [
        shown_text(block)[start:end]
        for block in parse(source)
        for start, end in hits_in_block(Matcher([query]), block)
    ]


@pytest.mark.parametrize(
    ("query", "source", "hits"),
    [
        ("foo bar", "a foo **bar** and [foo](https://example.org) `bar`", ["foo bar", "foo bar"]),
        ("print", "text\n\n```python\nprint('print')\n```", ["print", "print"]),
        ("two", "| one | two |\n|--|--|\n| **two** | 3 |", ["two", "two"]),
        ("1.", "1. one\n2. two", []),
        ("foo\nbar", "foo\nbar", ["foo\nbar"]),
        ("alpha", "The $\\alpha$ and $\\beta$", ["\ufffc"]),
        ("alpha", "$$\n\\alpha\n$$", ["\ufffc"]),
        ("alpha", "| alpha |\n|--|\n| $\\alpha$ |", ["alpha", "\ufffc"]),
        ("😀", "a 😀 **😀**", ["😀", "😀"]),
    ],
)
def test_what_a_reader_sees_is_searched_and_a_formula_by_its_source(
    query: str, source: str, hits: list[str]
) -> None:
    assert shown_hits(query, source) == hits


def test_everything_is_counted_here_and_elsewhere() -> None:
    texts = Texts(a="x", b=("x x", "x"), c="none", d="**x** x")
    search = whole(search_for("x", texts, "a b c", "d"))
    assert (search.total, search.elsewhere) == (4, 2)
    assert [(start.offset, end.offset) for start, end in search.hits("b", "reasoning")] == [(0, 1), (2, 3)]
    assert search.first_elsewhere() == Hit(message_id="d", part="body", start=Place(0, 0), end=Place(0, 1))


def test_the_first_hit_from_the_place_being_read_is_found_before_the_rest_is_looked_at() -> None:
    texts = Texts(a="x", b="x", c="none", d="x", e="x")
    search = search_for("x", texts, "a b c d e")
    assert sought(search, "c") == ("d", "body", 0, 0)
    assert texts.was_read == ["c", "d"]
    assert search.is_counting
    whole(search)
    assert texts.was_read == ["c", "d", "e", "a", "b"]
    assert not search.is_counting


def test_next_and_previous_go_through_reasoning_and_text_and_around_the_end() -> None:
    texts = Texts(a=("x\n\nx", "x x"), b="none", c="x")
    search = search_for("x", texts, "a b c")
    steps: list[tuple[str, str, int, int]] = []
    place, part, message_id = Place(0, 0), "reasoning", "a"
    for _ in range(6):
        found = sought(search, message_id, place, 1, part)
        assert found is not None
        steps.append(found)
        message_id, part, place = found[0], found[1], Place(found[2], found[3] + 1)
    expected = [
        ("a", "reasoning", 0, 0), ("a", "reasoning", 1, 0), ("a", "body", 0, 0), ("a", "body", 0, 2),
        ("c", "body", 0, 0), ("a", "reasoning", 0, 0),
    ]  # fmt: skip
    assert steps == expected
    back = []
    for _ in range(5):
        found = sought(search, message_id, Place(place.block, place.offset - 1), -1, part)
        assert found is not None
        back.append(found)
        message_id, part, place = found[0], found[1], Place(found[2], found[3] + 1)
    assert back == expected[4::-1]


def test_one_hit_alone_is_next_and_previous_of_itself() -> None:
    search = search_for("x", Texts(a="none", b="a x"), "a b")
    assert sought(search, "b", Place(0, 3)) == ("b", "body", 0, 2)
    assert sought(search, "b", Place(0, 2), -1) == ("b", "body", 0, 2)


def test_no_hit_is_said_after_all_was_looked_at() -> None:
    search = search_for("x", Texts(a="none", b="none"), "a b")
    assert sought(search, "b") is None
    assert (search.total, search.is_counting) == (0, False)


def test_the_number_of_a_hit_counts_from_the_first_message() -> None:
    search = whole(search_for("x", Texts(a=("x", "x"), b="x x"), "a b"))
    place = Place(0, 2)
    assert search.ordinal(Hit(message_id="b", part="body", start=place, end=place)) == 4
    assert search.ordinal(Hit(message_id="a", part="body", start=Place(0, 0), end=place)) == 2


def test_another_branch_is_counted_without_reading_again() -> None:
    texts = Texts(a="x", b="x x", c="x x x")
    search = whole(search_for("x", texts, "a b", "c"))
    search.display(["a", "c"], ["b"])
    assert (search.total, search.elsewhere, search.is_busy) == (4, 2, False)
    assert texts.was_read == ["a", "b", "c"]


def test_a_reply_that_grows_is_searched_on_and_equals_the_stored_one() -> None:
    texts = Texts(a="x")
    search = ConversationSearch(Matcher(["x y"]), texts.read)
    search.display(["a", "live"], [])
    search.grow("live", "", "")
    pieces = ["one x", " y\n", "\ntwo **x** ", "y", "\n\n```\nx y", "\nx y\n```\n"]
    counts = []
    for piece in pieces:
        search.grow("live", "", piece)
        whole(search)
        counts.append(search.total)
    search.grow("live", "", "", is_finished=True)
    whole(search)
    stored = whole(search_for("x y", Texts(b="".join(pieces)), "b"))
    assert counts == [0, 1, 1, 2, 3, 4]
    assert list(search.hits("live", "body")) == list(stored.hits("b", "body"))
    assert search.total == stored.total == 4


def test_work_on_one_huge_message_stops_and_goes_on() -> None:
    texts = Texts(a="\n\n".join("needle in a paragraph" for _ in range(2000)))
    search = search_for("needle", texts, "a")
    turns = 0
    while search.is_busy:
        search.work(0.0)
        turns += 1
    assert turns > 2000
    assert search.total == 2000
