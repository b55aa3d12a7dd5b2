"""The tree of messages, and titles made from them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from drover.domain.conversation import Message, Position, ReasoningPart, Role, TextPart, Tree, title_from


def message(message_id: str, parent_id: str | None) -> Message:
    return Message(
        id=message_id, conversation_id="c", parent_id=parent_id, role=Role.USER,
        parts=(ReasoningPart(text="why"), TextPart(text="be"), TextPart(text="cause")),
        created_at=datetime(2026, 11, 3, tzinfo=UTC),
    )  # fmt: skip


TREE = Tree(
    [message("q", None), message("a1", "q"), message("a2", "q"), message("q2", "a1"), message("a3", "q2")]
)


def test_a_branch_is_the_path_from_the_root_to_the_head() -> None:
    assert [m.id for m in TREE.branch("a3")] == ["q", "a1", "q2", "a3"]
    assert [m.id for m in TREE.branch("a2")] == ["q", "a2"]
    assert TREE.branch(None) == []
    assert TREE.branch("gone") == []


def test_versions_are_siblings_oldest_first() -> None:
    assert [m.id for m in TREE.siblings("a2")] == ["a1", "a2"]
    assert TREE.position("a2") == Position(index=1, count=2)
    assert TREE.position("q") == Position(index=0, count=1)


def test_choosing_a_version_shows_its_newest_leaf() -> None:
    assert TREE.newest_leaf("a1") == "a3"
    assert TREE.newest_leaf("a2") == "a2"


def test_text_and_reasoning_are_apart() -> None:
    assert message("m", None).text == "because"
    assert message("m", None).reasoning == "why"


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("Why is the sky blue?", "Why is the sky blue?"),
        ("\n\n## Plan\nmore", "Plan"),
        ("   ", "New conversation"),
        ("word " * 30, "word word word word word word word word word word word word…"),
        ("x" * 100, "x" * 60 + "…"),
    ],
)
def test_a_title_is_one_line_from_the_first_words(text: str, title: str) -> None:
    assert title_from(text) == title
