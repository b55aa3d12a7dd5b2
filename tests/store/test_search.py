"""What is typed into the search field finds what a person expects, and nothing typed breaks it."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.store import values

from drover.domain.conversation import Message, ReasoningPart, Role, TextPart
from drover.store.library import Library
from drover.store.search import SearchHit


def tell(
    library: Library, name: str, text: str, *, title: str = "", reasoning: str = "", at: float = 0
) -> None:
    """Adds a conversation of one message."""
    message = Message(
        id=f"{name}-m", conversation_id=name, parent_id=None, role=Role.ASSISTANT,
        parts=(ReasoningPart(text=reasoning, source="reasoning"), TextPart(text=text)),
        created_at=values.minutes(at),
    )  # fmt: skip
    library.add_turn(conversation=values.conversation(name, title=title, at=at), message=message)


def found(library: Library, query: str) -> list[str]:
    return [hit.conversation_id for hit in library.search(query)]


def marked(hit: SearchHit) -> list[str]:
    return [hit.snippet[start:end] for start, end in hit.spans]


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("Why is the sky blue?", "sky"),
        ("Why is the sky blue?", "SK"),
        ("Why is the sky blue?", "blue why"),
        ("Why is the sky blue?", "blue?"),
        ("Why is the sky blue?", '"sky blue"'),
        ("Why is the sky blue?", '"the sk'),
        ("Café au lait", "cafe"),
        ("Cafe\u0301 au lait", "café"),
        ("ПРИВЕТ, мир", "привет"),
        ("the well-known fact", "well-known"),
        ("don't do it", "don't"),
        ("call read_file now", "read_file"),
        ("I write C++ and C#", "c++"),
        ("a -> b", "->"),
        ("Größe_x", "größe_X"),
        ("天空为什么是蓝色的？", "为什么"),
        ("これはPython入門です", "PYTHON入"),
        ("대한민국의 수도", "민국"),
        ("がんばって", "がん"),
        ("豈有此理", "豈"),
        ("สวัสดีชาวโลก", "ชาว"),
        ("tears of joy 😂 today", "😂"),
        ("before\0after nul", "after"),
        ("天空\0蓝色的", "蓝色"),
        ("it costs 100% more", "100%"),
    ],
)
def test_a_message_is_found_and_the_hit_is_marked(library: Library, text: str, query: str) -> None:
    tell(library, "hit", text)
    tell(library, "miss", "Nothing of the kind is written here")
    (hit,) = library.search(query)
    assert (hit.conversation_id, hit.where, hit.message_id) == ("hit", "message", "hit-m")
    assert hit.spans


@pytest.mark.parametrize(
    "query",
    [
        '"blue sky"',
        "ky",
        "sky green",
        "c++",
        "blu$",
        "天",
        "sky AND NOT blue",
        "かん",
        "text:sky",
        "NEAR(sky blue)",
    ],
)
def test_what_does_not_occur_is_not_found(library: Library, query: str) -> None:
    tell(library, "miss", "Why is the sky blue? C is a language. がんばって")
    assert library.search(query) == []


@pytest.mark.parametrize("query", ["", " ", '"', '""', "\0", "\t\n"])
def test_a_blank_query_finds_nothing(library: Library, query: str) -> None:
    tell(library, "c", "Why is the sky blue?", title="Sky")
    assert library.search(query) == []


def test_titles_come_first_and_are_found_inside_words_too(library: Library) -> None:
    tell(library, "named", "nothing", title="Hardware prices", at=1)
    tell(library, "told", "ware is what it is", at=2)
    first, second = library.search("ware")
    assert (first.conversation_id, first.where, first.snippet, first.message_id) == (
        "named", "title", "Hardware prices", None,
    )  # fmt: skip
    assert marked(first) == ["ware"]
    assert (second.conversation_id, second.where) == ("told", "message")


def test_reasoning_is_searched_and_named_as_such(library: Library) -> None:
    tell(library, "c", "The answer.", reasoning="First recall Rayleigh scattering.")
    (hit,) = library.search("rayleigh")
    assert (hit.where, hit.snippet, marked(hit)) == (
        "reasoning", "First recall Rayleigh scattering.", ["Rayleigh"],
    )  # fmt: skip


def test_one_conversation_is_one_hit_at_its_newest_message(library: Library) -> None:
    library.add_turn(conversation=values.conversation(), message=values.question("1", "sky one"))
    library.add_message(values.question("2", "sky two", after="1"))
    library.add_message(values.question("3", "no more", after="2"))
    (hit,) = library.search("sky")
    assert (hit.message_id, hit.snippet) == ("2", "sky two")


def test_hits_are_ordered_by_the_newest_change_and_limited(library: Library) -> None:
    for number in range(5):
        tell(library, str(number), "sky", at=number)
    assert found(library, "sky") == ["4", "3", "2", "1", "0"]
    assert [hit.conversation_id for hit in library.search("sky", limit=2)] == ["4", "3"]


def test_the_snippet_is_one_short_line_around_the_hit(library: Library) -> None:
    tell(library, "c", "first line\n\n" + "word " * 500 + "Needle\n\tin\0here " + "word " * 500)
    (hit,) = library.search("needle")
    assert len(hit.snippet) < 170
    assert hit.snippet.startswith("…word word")
    assert "Needle in here word" in hit.snippet
    assert hit.snippet.endswith("…")
    assert marked(hit) == ["Needle"]


def test_all_terms_are_marked_where_they_stand(library: Library) -> None:
    tell(library, "c", "Blue is the colour of the sky, blue as the sea.")
    (hit,) = library.search("blue sky")
    assert marked(hit) == ["Blue", "sky", "blue"]


def test_deleted_conversations_are_not_found(library: Library) -> None:
    tell(library, "c", "sky", title="sky")
    library.delete_conversation("c")
    assert library.search("sky") == []
    library.restore_conversation("c")
    assert found(library, "sky") == ["c"]


def test_a_new_name_is_found_at_once_and_the_old_one_no_more(library: Library) -> None:
    tell(library, "c", "text", title="Before")
    library.rename("c", "After")
    assert (found(library, "before"), found(library, "after")) == ([], ["c"])


QUERY_SYNTAX = [*'"*^:()-+\\%_\0', "AND", "OR", "NOT", "NEAR", "a", "é", "日", "text", " ", "\ud800"]


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    query=st.one_of(
        st.text(st.characters(exclude_categories=()), max_size=400),
        st.lists(st.sampled_from(QUERY_SYNTAX)).map("".join),
    )
)
def test_any_text_is_a_query(shared_library: Library, query: str) -> None:
    for hit in shared_library.search(query):
        assert all(0 <= start < end <= len(hit.snippet) for start, end in hit.spans)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(text=st.text(st.characters(categories=["Ll", "Lu", "Lo", "Nd"]), min_size=1, max_size=12))
def test_every_word_finds_the_message_that_begins_with_it(shared_library: Library, text: str) -> None:
    name = values.new_id()
    tell(shared_library, name, f"{text} and more", at=1)
    hits = shared_library.search(f"{text} more", limit=10_000)
    assert name in {hit.conversation_id for hit in hits}
