"""Living in a conversation of ten thousand messages: only what is looked at is read."""

from __future__ import annotations

import asyncio
from contextlib import closing

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QPlainTextEdit
from tests.provider import Provider
from tests.reads import reads_of
from tests.store import values
from tests.user import User

from drover.domain.conversation import Message, TextPart
from drover.domain.endpoint import Endpoint
from drover.domain.stream import TextDelta
from drover.paths import Profile
from drover.store.database import open_database
from drover.store.library import Library
from drover.ui.message_view import MessageView

TURNS = 5_000
A_SCREENFUL = 200
"""Far more messages than are read for one, and far fewer than there are."""


@pytest.fixture
def long(profile: Profile) -> None:
    """A conversation of 5,000 questions and answers, the first answer in two versions, and a short one."""
    with closing(Library(open_database(profile.database))) as library, library.one_transaction():
        library.add_turn(conversation=values.conversation("short", title="The short one"))
        library.add_message(values.question("s", "Short?", of="short"))
        library.add_turn(conversation=values.conversation("long", title="The long one"))
        after = None
        for turn in range(TURNS):
            run = values.run(f"r{turn}", of="long", answers=f"q{turn}")
            asked = values.question(f"q{turn}", f"Question {turn}?", of="long", after=after, at=turn)
            library.add_turn(message=asked, run=run)
            words = f"Answer {turn}. " + "Some words of prose. " * (turn % 60)
            library.settle(values.ended(run), values.reply(run, words, "Hm. " * (turn % 7), at=turn + 0.5))
            if turn == 0:
                first = run.message_id
                other = values.run("other", of="long", answers="q0")
                library.add_turn(run=other)
                library.settle(values.ended(other), values.reply(other, "Another answer.", at=0.6))
            after = first if turn == 0 else run.message_id
        library.set_head("long", after)


def reader_of(user: User) -> Library:
    assert user._program is not None
    return user._program.controller._reader


def comes_to_rest(user: User) -> User:
    """What is made ahead has been made."""
    transcript = user.window.transcript
    user.waits(lambda: transcript._next_step() is None, "the transcript at rest")
    return user


def views(user: User) -> list[MessageView]:
    return user.window.transcript.findChildren(MessageView)


def presses_in_transcript(user: User, key: Qt.Key) -> User:
    return user.presses(key, into="Transcript")


def top_of(user: User, words: str) -> int:
    """Where a message stands in the view."""
    return next(view for view in views(user) if words in view.accessibleName() and view.isVisible()).y()


def opened(user: User, scripted: Endpoint) -> User:
    user.opens(scripted).opens_conversation("The short one").sees("Short?")
    return user.opens_conversation("The long one").sees(f"Answer {TURNS - 1}.")


def test_opening_it_reads_a_screenful_and_its_shape_once(user: User, long: None, scripted: Endpoint) -> None:
    user.opens(scripted).opens_conversation("The short one").sees("Short?")
    with reads_of(reader_of(user).connection) as reads:
        user.opens_conversation("The long one").sees(f"Answer {TURNS - 1}.")
        comes_to_rest(user)
    assert "all" not in reads.messages
    assert len(reads.messages) <= A_SCREENFUL
    assert reads.queries <= 6
    assert reads.shapes == 1
    assert len(views(user)) <= 30


def test_its_ends_are_a_key_away_and_far_messages_have_no_widgets(
    user: User, long: None, scripted: Endpoint
) -> None:
    opened(user, scripted)
    bar = user.window.transcript.verticalScrollBar()
    with reads_of(reader_of(user).connection) as reads:
        presses_in_transcript(user, Qt.Key.Key_Home).sees("Question 0?")
        assert bar.value() == 0
        assert top_of(user, "Question 0?") == 16
        comes_to_rest(user)
        presses_in_transcript(user, Qt.Key.Key_End).sees(f"Answer {TURNS - 1}.")
        assert bar.value() == bar.maximum()
        comes_to_rest(user)
    assert len(reads.messages) <= A_SCREENFUL
    assert reads.shapes == 0
    QApplication.sendPostedEvents(None, 0)
    assert len(views(user)) <= 30


def test_a_page_up_leaves_nothing_out_where_heights_are_not_known(
    user: User, long: None, scripted: Endpoint
) -> None:
    opened(user, scripted)
    transcript = user.window.transcript
    page = transcript.viewport().height() - 44
    for _ in range(60):
        read = next(view for view in views(user) if view.isVisible() and view.y() + view.height() > 0)
        before = read.y() + read.height()
        presses_in_transcript(user, Qt.Key.Key_PageUp)
        assert read.y() + read.height() == before + page
    assert len(views(user)) <= 60


def test_a_reply_that_settles_reads_itself_and_nothing_else(
    user: User, long: None, scripted: Endpoint, provider: Provider
) -> None:
    provider.answers("The newest answer.")
    comes_to_rest(opened(user, scripted))
    with reads_of(reader_of(user).connection) as reads:
        user.types("One more?").sends().sees("The newest answer.").sees_end()
        comes_to_rest(user)
        user.clicks("Send temperature")
    assert set(reads.messages) <= {message.id for message in newest(user, 2)}
    assert reads.shapes == 0
    assert not [sql for sql in reads.statements if "FROM runs WHERE conversation_id" in sql]
    assert len(provider.requests[-1].json["messages"]) == 2 * TURNS + 1


def newest(user: User, count: int) -> list[Message]:
    head_id = next(c.head_id for c in reader_of(user).conversations() if c.id == "long")
    return reader_of(user).branch(head_id or "")[-count:]


def test_another_version_of_the_first_answer_is_shown_and_the_whole_branch_again(
    user: User, long: None, scripted: Endpoint
) -> None:
    opened(user, scripted)
    presses_in_transcript(user, Qt.Key.Key_Home).sees("Question 0?")
    comes_to_rest(user)
    with reads_of(reader_of(user).connection) as reads:
        user.clicks("Next version", nth=0).sees("Another answer.")
        assert user.messages() == ["You: Question 0?", "m: Another answer."]
        user.clicks("Previous version", nth=0).sees("Answer 0.")
        presses_in_transcript(user, Qt.Key.Key_End).sees(f"Answer {TURNS - 1}.")
        comes_to_rest(user)
    assert len(reads.messages) <= A_SCREENFUL
    assert reads.shapes == 0


def test_deleted_and_brought_back_it_is_as_it_was(user: User, long: None, scripted: Endpoint) -> None:
    opened(user, scripted)
    user.picks("Delete", of="The long one").sees("Short?")
    user.clicks("Undo").sees(f"Answer {TURNS - 1}.")
    presses_in_transcript(user, Qt.Key.Key_Home).sees("Question 0?")


def test_an_answer_that_could_not_be_stored_stays_in_view_and_is_stored_later(
    user: User, long: None, scripted: Endpoint, provider: Provider
) -> None:
    gate = provider.answers("precious words", pause_after=1)
    opened(user, scripted).types("One more?").sends().sees("precious")
    library = user.workbench._library
    (live,) = user.workbench.live.values()
    limit_pages(user, library, library.connection.execute("PRAGMA page_count").fetchone()[0])
    live.builder.feed(TextDelta(text="x" * 500_000), 1.0)
    gate.set()
    user.sees_end().sees("precious")
    user.reads("The answer is not saved yet")
    user.opens_conversation("The short one").sees("Short?")
    user.opens_conversation("The long one").sees("precious")
    limit_pages(user, library, 1_000_000)
    user.picks("Pin", of="The long one").waits(
        lambda: not user.workbench.unsaved_in("long"), "the answer in the library"
    )
    (stored,) = newest(user, 1)
    assert any(isinstance(part, TextPart) and "precious" in part.text for part in stored.parts)
    presses_in_transcript(user, Qt.Key.Key_PageUp).sees("precious")


def limit_pages(user: User, library: Library, pages: int) -> None:
    work = user.workbench._on_writer(lambda: library.connection.execute(f"PRAGMA max_page_count={pages}"))
    user._sees_through(asyncio.ensure_future(work, loop=user.loop))


def test_what_would_be_sent_after_ten_thousand_messages_is_shown_by_reading_a_few(
    user: User, long: None, scripted: Endpoint
) -> None:
    comes_to_rest(opened(user, scripted))
    with reads_of(reader_of(user).connection) as reads:
        user.clicks("JSON").types("And?")
        view = user.finds("Request as JSON", QPlainTextEdit)
        user.waits(lambda: "And?" in view.toPlainText(), "the draft in the request")
    assert "Question 0?" in view.toPlainText()
    assert "messages" in view.toPlainText()
    assert "all" not in reads.messages
    assert len(reads.messages) <= A_SCREENFUL
    assert reads.shapes == 0
