"""How a reply is read, as a value that is stored."""

from __future__ import annotations

import pytest

from drover.domain.reading import AS_SERVED, Reading, ReadingKind, reading_by_tags


@pytest.mark.parametrize("kind", ReadingKind)
def test_a_reading_comes_back_from_its_text(kind: ReadingKind) -> None:
    tags = ("<a>", "</ß>") if kind in (ReadingKind.TAGS, ReadingKind.UNTIL_CLOSED) else ("", "")
    reading = Reading(kind=kind, opening=tags[0], closing=tags[1])

    assert Reading.of(reading.as_text) == reading


def test_the_default_is_no_text() -> None:
    assert AS_SERVED.as_text == ""
    assert Reading.of("") == AS_SERVED


@pytest.mark.parametrize("text", ["{}", "[1]", "no JSON", '["of a later version","",""]', "null"])
def test_what_is_not_known_is_the_default(text: str) -> None:
    assert Reading.of(text) == AS_SERVED


def test_tags_make_a_reading_of_which_the_opening_one_may_be_missing() -> None:
    assert reading_by_tags("<a>", "</a>") == Reading(kind=ReadingKind.TAGS, opening="<a>", closing="</a>")
    assert reading_by_tags("", "</a>") == Reading(kind=ReadingKind.UNTIL_CLOSED, closing="</a>")
    assert reading_by_tags("", "") == AS_SERVED
