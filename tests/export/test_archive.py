"""Conversations as JSON: what comes back is what went."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.store import values

from drover.domain.conversation import Conversation, Message, Role
from drover.domain.record import ConversationRecord
from drover.domain.run import Exchange, Run, RunStatus
from drover.engine.workbench import Workbench, new_id
from drover.errors import ConfigurationError
from drover.export.archive import archive, read_archive
from drover.paths import Profile


def record() -> ConversationRecord:
    """Two versions of one answer, the older of them shown, and a question after it."""
    first, second = (values.ended(values.run(name, at=at), at=at + 1) for name, at in (("r1", 1), ("r2", 3)))
    messages = (
        values.question("q"),
        values.reply(first, "one", "hm", at=2),
        values.reply(second, "two", at=4),
        values.question("q2", "And?", after=first.message_id, at=5),
    )
    body = b'{"model":"m","messages":[]}'
    exchange = Exchange(
        run_id="r1", request_line="POST http://h/v1/chat/completions", response_status=200,
        raw_stream=b"\xff\x00broken", chunk_marks=((1.25, 3), (2.5, 8)),
    )  # fmt: skip
    return ConversationRecord(
        conversation=replace(values.conversation(title="Two answers"), head_id="q2"),
        messages=messages,
        runs=(replace(first, request_body=body), second),
        exchanges=(exchange, replace(exchange, run_id="r2", raw_stream="data: \u00e9\n\n".encode())),
    )


def decoded_alone(kind: Any, value: Any) -> Any:
    """One value through the text of a file."""
    from drover.export.archive import _decoded, _encoded

    return _decoded(kind, json.loads(json.dumps(_encoded(value))))


@given(values.of(Conversation))
def test_any_conversation_comes_back(value: Conversation) -> None:
    assert decoded_alone(Conversation, value) == value


@given(values.of(Message, parts=st.lists(values.of_part(), max_size=3).map(tuple)))
def test_any_message_comes_back(value: Message) -> None:
    assert decoded_alone(Message, value) == value


@given(values.of(Run))
def test_any_run_comes_back(value: Run) -> None:
    assert decoded_alone(Run, value) == value


@given(values.of(Exchange))
def test_any_exchange_comes_back(value: Exchange) -> None:
    assert decoded_alone(Exchange, value) == value


def test_a_file_holds_everything() -> None:
    assert read_archive(archive([record(), record()])) == [record(), record()]


def test_fields_of_a_later_version_are_passed_over() -> None:
    document = json.loads(archive([record()]))
    document["conversations"][0]["runs"][0]["mood"] = "good"
    assert read_archive(json.dumps(document).encode()) == [record()]


def _mangled(change: Callable[[dict[str, Any]], object]) -> bytes:
    document = json.loads(archive([record()]))
    change(document["conversations"][0])
    return json.dumps(document).encode()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "not a file of exported"),
        (b"\xff\xfe", "not a file of exported"),
        (b"[]", "not a file of exported"),
        (b"[" * 100_000, "not a file of exported"),
        (b'{"format": "drover conversations", "version": 2}', "newer version"),
        (b'{"format": "drover conversations", "version": 1}', "The file is damaged"),
        (_mangled(lambda c: c["messages"][0].pop("parts")), "The file is damaged"),
        (_mangled(lambda c: c["messages"][0].update(created_at="soon")), "The file is damaged"),
        (_mangled(lambda c: c["messages"][0].update(role="oracle")), "The file is damaged"),
        (_mangled(lambda c: c["messages"][0].update(parts=[{"kind": "smell"}])), "The file is damaged"),
        (_mangled(lambda c: c["runs"][0].update(delta_count="many")), "The file is damaged"),
        (_mangled(lambda c: c["runs"][0].update(parent_id="nobody")), "do not fit together"),
        (_mangled(lambda c: c["messages"].pop(0)), "do not fit together"),
        (_mangled(lambda c: c["messages"].append(c["messages"][0])), "do not fit together"),
        (_mangled(lambda c: c["messages"][0].update(parent_id="q2")), "do not fit together"),
        (_mangled(lambda c: c["runs"].append(c["runs"][0])), "do not fit together"),
        (_mangled(lambda c: c["exchanges"][0].update(run_id="r2")), "do not fit together"),
        (_mangled(lambda c: c["conversation"].update(head_id="nobody")), "do not fit together"),
        (_mangled(lambda c: c["conversation"].update(id="other")), "do not fit together"),
    ],
)
def test_any_other_file_is_refused_in_words(data: bytes, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        read_archive(data)


def test_messages_are_put_behind_those_that_they_follow_and_no_run_is_live() -> None:
    before = record()
    runs = tuple(replace(run, status=RunStatus.RUNNING) for run in before.runs)
    (after,) = read_archive(archive([replace(before, messages=before.messages[::-1], runs=runs)]))
    ids = [message.id for message in after.messages]
    assert all(m.parent_id is None or ids.index(m.parent_id) < ids.index(m.id) for m in after.messages)
    assert {run.status for run in after.runs} == {RunStatus.INTERRUPTED}


async def test_what_is_imported_twice_stands_there_twice(profile: Profile, tmp_path: Path) -> None:
    workbench = Workbench.open(profile, lambda _: None)
    try:
        data = archive([record()])
        first, second = [(await workbench.add_records(read_archive(data)))[0] for _ in range(2)]
        assert (first, second != first) == ("c", True)
        reader = workbench.open_reader()
        assert reader.record(first) == record()
        copy = reader.record(second)
        assert copy is not None
        assert [m.text for m in copy.branch] == ["Why?", "one", "And?"]
        assert [run.request_body for run in copy.runs] == [run.request_body for run in record().runs]
        assert [each.raw_stream for each in copy.exchanges] == [e.raw_stream for e in record().exchanges]
        assert copy.checked() == copy
        assert not copy.ids & record().ids
        assert [hit.conversation_id for hit in reader.search("And")] != []
        reader.close()
    finally:
        await workbench.close()


def test_fresh_ids_leave_no_old_one() -> None:
    renumbered = record().renumbered(new_id)
    text = archive([renumbered]).decode()
    assert not any(f'"{old}"' in text for old in record().ids)
    assert [m.role for m in renumbered.branch] == [Role.USER, Role.ASSISTANT, Role.USER]
