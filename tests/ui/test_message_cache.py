"""Messages are read a batch at a time, kept while there is room, and read again when they have changed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests.reads import reads_of
from tests.store import values

from drover.domain.run import RunStatus
from drover.store.database import open_database
from drover.store.library import Library
from drover.ui.message_cache import MessageCache

TURNS = 200


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    """A conversation of questions q0, q1 ... with replies r0-reply, r1-reply ... of a thousand characters."""
    with closing(Library(open_database(tmp_path / "library.sqlite3"))) as library:
        library.add_turn(conversation=values.conversation())
        after = None
        with library.one_transaction():
            for turn in range(TURNS):
                run = values.run(f"r{turn}", answers=f"q{turn}")
                library.add_turn(message=values.question(f"q{turn}", after=after, at=turn), run=run)
                library.settle(values.ended(run), values.reply(run, "x" * 1000, at=turn + 0.5))
                after = run.message_id
        yield library


def test_neighbors_come_along_in_one_query(library: Library) -> None:
    cache, nodes = MessageCache(library), library.nodes("c")
    with reads_of(library.connection) as reads:
        texts = [cache.get_near(nodes, index) for index in range(190, 210)]
    assert [found[0].id for found in texts if found is not None] == [node.id for node in nodes[190:210]]
    assert reads.queries == 1
    assert 20 <= len(reads.messages) <= 60


def test_a_reply_comes_with_its_run(library: Library) -> None:
    cache = MessageCache(library)
    found = cache.get("r7-reply")
    assert found is not None
    assert found[1] is not None
    assert (found[1].id, found[1].status) == ("r7", RunStatus.COMPLETE)
    asked = cache.get("q7")
    assert asked is not None
    assert asked[1] is None
    assert cache.get("gone") is None


def test_what_is_at_hand_is_not_read_again(library: Library) -> None:
    cache = MessageCache(library)
    cache.get("q3")
    with reads_of(library.connection) as reads:
        cache.get("q3")
    assert reads.statements == []


def test_what_has_changed_is_read_again(library: Library) -> None:
    cache = MessageCache(library)
    cache.get("r3-reply")
    cache.get("r4-reply")
    cache.forget(["r3-reply"], ["r4"])
    with reads_of(library.connection) as reads:
        cache.get("r3-reply")
        cache.get("r4-reply")
    assert reads.messages == ["r3-reply", "r4-reply"]


def test_what_was_not_asked_for_longest_makes_room(library: Library) -> None:
    cache, nodes = MessageCache(library, most_chars=60_000), library.nodes("c")
    cache.get("q0")
    for index in range(100, 300):
        cache.get_near(nodes, index)
    cache.get(nodes[299].id)
    with reads_of(library.connection) as reads:
        cache.get("q0")
        cache.get(nodes[299].id)
    assert reads.messages == ["q0"]


def test_a_batch_of_long_messages_is_a_small_one(library: Library) -> None:
    run = values.run("long", answers="q0")
    library.add_turn(run=run)
    library.settle(values.ended(run), values.reply(run, "y" * 200_000, at=1000))
    cache, nodes = MessageCache(library), library.nodes("c")
    with reads_of(library.connection) as reads:
        cache.get_near(nodes, len(nodes) - 1)
    assert len(reads.messages) <= 2
