"""Bytes of attachments: once each, as long as anything holds them, and only there."""

from __future__ import annotations

import base64
import random
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from tests.pictures import png
from tests.store import values

from drover.domain.attachments import attachment_of
from drover.domain.conversation import Attachment, Draft, TextPart
from drover.domain.run import Exchange
from drover.errors import LibraryError
from drover.store.database import open_database
from drover.store.library import Library

NOISE = random.Random(7).randbytes(200_000)
PHOTO = png() + NOISE
PART = attachment_of("photo.png", PHOTO)
OTHER = attachment_of("other.png", png(9, 9))


def kept(library: Library) -> set[str]:
    return set(library.attachment_bytes({PART.hash, OTHER.hash}))


def ask(library: Library, *parts: Attachment, conversation_id: str = "c") -> None:
    question = values.question(f"q of {conversation_id}", of=conversation_id)
    library.add_turn(
        conversation=values.conversation(conversation_id),
        message=replace(question, parts=(*parts, TextPart(text="Look."))),
    )


def test_the_same_bytes_are_kept_once_whoever_holds_them(library: Library) -> None:
    for conversation_id in ("a", "b"):
        library.add_attachments({PART.hash: PHOTO})
        ask(library, PART, PART, conversation_id=conversation_id)
    assert library.connection.execute("SELECT count(*) FROM attachments").fetchone() == (1,)
    assert library.attachment_bytes([PART.hash, "unknown"]) == {PART.hash: PHOTO}
    assert library.messages("a")[0].attachments == (PART, PART)


def test_a_message_whose_bytes_are_missing_is_not_stored(library: Library) -> None:
    with pytest.raises(LibraryError):
        ask(library, PART)
    assert library.conversations() == []


def test_a_purge_removes_what_neither_a_message_nor_a_draft_holds(library: Library) -> None:
    library.add_attachments({PART.hash: PHOTO, OTHER.hash: png(9, 9)})
    library.save_draft("", Draft(attachments=(PART,)))
    library.purge_deleted()
    assert kept(library) == {PART.hash}
    library.save_draft("", Draft(aside_attachments=(PART,)))
    library.purge_deleted()
    assert kept(library) == {PART.hash}
    library.save_draft("", Draft(text=f'["f","{PART.hash}"]'))
    library.purge_deleted()
    assert kept(library) == set()


def test_what_a_deleted_conversation_holds_goes_with_its_purge_and_not_before(library: Library) -> None:
    library.add_attachments({PART.hash: PHOTO, OTHER.hash: png(9, 9)})
    ask(library, PART, OTHER)
    ask(library, OTHER, conversation_id="d")
    library.delete_conversation("c")
    assert kept(library) == {PART.hash, OTHER.hash}
    library.restore_conversation("c")
    library.purge_deleted()
    assert kept(library) == {PART.hash, OTHER.hash}
    library.delete_conversation("c")
    library.purge_deleted()
    assert kept(library) == {OTHER.hash}


def test_a_body_that_repeats_an_attachment_is_stored_without_it_and_read_whole(
    library: Library, path: Path
) -> None:
    library.add_attachments({PART.hash: PHOTO})
    ask(library, PART)
    encoded = base64.b64encode(PHOTO)
    body = (
        b'{"messages":["data:image/png;base64,'
        + encoded
        + b'","again '
        + encoded
        + b'","cut '
        + encoded[:99]
        + b'"]}'
    )
    run = values.run(answers="q of c")
    library.add_turn(run=run)
    library.start_run("r", request_body=body, adjustments=())
    (stored,) = library.connection.execute("SELECT length(body) FROM request_bodies").fetchone()
    assert stored < 1000
    library.settle(
        replace(values.ended(run), request_body=body),
        values.reply(run),
        Exchange(run_id="r", request_line="POST /"),
    )
    with closing(Library(open_database(path, read_only=True))) as reader:
        read = reader.run("r")
        assert read is not None
        assert read.request_body == body
        record = reader.record("c")
    assert record is not None
    assert [(file.hash, file.content) for file in record.attached] == [(PART.hash, PHOTO)]


def test_a_record_brings_its_attachments_along(library: Library, tmp_path: Path) -> None:
    library.add_attachments({PART.hash: PHOTO})
    ask(library, PART)
    record = library.record("c")
    assert record is not None
    with closing(Library(open_database(tmp_path / "other.sqlite3"))) as other:
        other.add_record(record.checked())
        other.purge_deleted()
        assert other.record("c") == record
