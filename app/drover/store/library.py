"""Every query of the application. Writers commit one transaction and return what they touched."""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from drover.domain.conversation import Conversation, Draft, Message, Node, Part, Role, ToolResultPart
from drover.domain.endpoint import Endpoint, ModelCard, ParameterFact
from drover.domain.parameters import Preset
from drover.domain.run import Adjustment, Exchange, Run
from drover.errors import LibraryError
from drover.store import rows
from drover.store.database import execute, in_words, transaction

if TYPE_CHECKING:
    from drover.domain.record import ConversationRecord
    from drover.store.search import SearchHit


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What a write touched, by kind."""

    conversations: frozenset[str] = frozenset()
    messages: frozenset[str] = frozenset()
    runs: frozenset[str] = frozenset()
    others: frozenset[str] = frozenset()
    """Any of `drafts`, `endpoints`, `facts`, `models`, `presets`, `readings`, `settings`."""

    def __or__(self, other: Changes) -> Changes:
        return Changes(**{f.name: getattr(self, f.name) | getattr(other, f.name) for f in fields(Changes)})

    def __bool__(self) -> bool:
        return any(getattr(self, f.name) for f in fields(Changes))


def _changed(
    *,
    conversations: Sequence[str] = (),
    messages: Sequence[str] = (),
    runs: Sequence[str] = (),
    others: str = "",
) -> Changes:
    return Changes(
        conversations=frozenset(conversations),
        messages=frozenset(messages),
        runs=frozenset(runs),
        others=frozenset([others] if others else []),
    )


class Library:
    """Conversations, runs and what belongs to them, on one connection.

    On a read-only connection the reads work and every write raises LibraryError. Every method raises
    LibraryError in words when SQLite cannot do its part; a write then has changed nothing. Writers also raise
    it when what they should change is no longer there. One thread at a time.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        """The connection comes from `open_database`."""
        self._connection = connection
        self._can_search = False
        self._journaled: dict[str, list[rows.JournalSlot]] = {}

    @property
    def connection(self) -> sqlite3.Connection:
        """For `load_settings` and `save_settings`."""
        return self._connection

    def close(self) -> None:
        """Closes the connection; no method may be called afterwards."""
        self._connection.close()

    # Conversations and messages

    def conversations(self, *, limit: int | None = None, offset: int = 0) -> list[Conversation]:
        """Pinned ones first, then by the newest change; deleted ones are left out."""
        found = self._all(
            f"SELECT {rows.CONVERSATION_COLUMNS} FROM conversations WHERE deleted_at IS NULL"
            " ORDER BY is_pinned DESC, updated_at DESC, seq DESC LIMIT ? OFFSET ?",
            (-1 if limit is None else limit, offset),
        )
        return [rows.conversation_from(row) for row in found]

    def conversation(self, conversation_id: str) -> Conversation | None:
        """None for an unknown or deleted one."""
        row = self._one(
            f"SELECT {rows.CONVERSATION_COLUMNS} FROM conversations WHERE id = ? AND deleted_at IS NULL",
            (conversation_id,),
        )
        return None if row is None else rows.conversation_from(row)

    def conversations_by_id(self, conversation_ids: Collection[str]) -> dict[str, Conversation]:
        """Those of these conversations that there are and that are not deleted, in one query."""
        found = self._all(
            f"SELECT {rows.CONVERSATION_COLUMNS} FROM conversations WHERE deleted_at IS NULL"
            f" AND id IN ({rows.as_many(conversation_ids)})",
            list(conversation_ids),
        )
        return {row[0]: rows.conversation_from(row) for row in found}

    def search(self, query: str, *, limit: int = 200) -> list[SearchHit]:
        """Conversations in whose title or in one of whose messages every term occurs. Any text will do."""
        from drover.store import search

        with in_words(self._connection):
            if not self._can_search:
                search.prepare(self._connection)
                self._can_search = True
            return search.find(self._connection, query, limit)

    def messages(self, conversation_id: str) -> list[Message]:
        """All messages of the tree, oldest first."""
        found = self._all(
            f"SELECT {rows.MESSAGE_COLUMNS} FROM messages WHERE conversation_id = ? ORDER BY created_at, seq",
            (conversation_id,),
        )
        with in_words(self._connection):
            return [rows.message_from(row) for row in found]

    def message(self, message_id: str) -> Message | None:
        """None for an unknown one."""
        return self.messages_by_id([message_id]).get(message_id)

    def messages_by_id(self, message_ids: Collection[str]) -> dict[str, Message]:
        """Those of these messages that there are, in one query. At most some thousand ids."""
        found = self._all(
            f"SELECT {rows.MESSAGE_COLUMNS} FROM messages WHERE id IN ({rows.as_many(message_ids)})",
            list(message_ids),
        )
        with in_words(self._connection):
            return {row[0]: rows.message_from(row) for row in found}

    def messages_of_run(self, run_id: str) -> list[Message]:
        """What was made of the bytes of one run: its reply, and versions that were read another way."""
        found = self._all(
            f"SELECT {rows.MESSAGE_COLUMNS} FROM messages WHERE parent_id ="
            " (SELECT parent_id FROM runs WHERE id = ?1) AND run_id = ?1 ORDER BY seq",
            (run_id,),
        )
        return [rows.message_from(row) for row in found]

    def branch(self, head_id: str) -> list[Message]:
        """The messages from the first one to this one; empty for an unknown one."""
        found = self._all(
            "WITH RECURSIVE up (id, depth) AS (VALUES (?, 0) UNION ALL"
            " SELECT messages.parent_id, depth + 1 FROM up JOIN messages ON messages.id = up.id)"
            f" SELECT {rows.MESSAGE_COLUMNS} FROM up JOIN messages USING (id) ORDER BY depth DESC",
            (head_id,),
        )
        with in_words(self._connection):
            return [rows.message_from(row) for row in found]

    def nodes(self, conversation_id: str) -> list[Node]:
        """The shape of the tree without its text, oldest first: some 2 ms for each thousand messages."""
        found = self._all(
            f"SELECT id, parent_id, role, run_id, length(text), length(reasoning), {rows.CALL_COUNT}"
            " FROM messages WHERE conversation_id = ? ORDER BY created_at, seq",
            (conversation_id,),
        )
        return rows.nodes_from(found)

    # Runs

    def runs(self, conversation_id: str) -> dict[str, Run]:
        """The runs of a conversation by id, oldest first, without their request bodies."""
        found = self._all(
            f"SELECT {rows.RUN_COLUMNS} FROM runs WHERE conversation_id = ? ORDER BY seq", (conversation_id,)
        )
        with in_words(self._connection):
            return {row[0]: rows.run_from(row) for row in found}

    def runs_by_id(self, run_ids: Collection[str]) -> dict[str, Run]:
        """Those of these runs that there are, in one query, without their request bodies."""
        found = self._all(
            f"SELECT {rows.RUN_COLUMNS} FROM runs WHERE id IN ({rows.as_many(run_ids)})", list(run_ids)
        )
        with in_words(self._connection):
            return {row[0]: rows.run_from(row) for row in found}

    def run(self, run_id: str) -> Run | None:
        """One run with its request body."""
        row = self._one(f"SELECT {rows.RUN_COLUMNS} FROM runs WHERE id = ?", (run_id,))
        body = self._one("SELECT body FROM request_bodies WHERE run_id = ?", (run_id,))
        with in_words(self._connection):
            return None if row is None else rows.run_from(row, self._whole_body(body[0]) if body else b"")

    def exchange(self, run_id: str) -> Exchange | None:
        """The bytes of a run; None while it is live and where none were kept."""
        row = self._one(f"SELECT {rows.EXCHANGE_COLUMNS} FROM exchanges WHERE run_id = ?", (run_id,))
        with in_words(self._connection):
            return None if row is None else rows.exchange_from(row)

    def same_requests(self, run_id: str) -> list[str]:
        """The other runs that sent the very bytes of this one to its endpoint, to answer the same message.

        Oldest first; live ones are left out.
        """
        found = self._all(
            "SELECT r.id, b.body FROM runs o JOIN runs r"
            " ON r.parent_id = o.parent_id AND r.endpoint_id = o.endpoint_id"
            " JOIN request_bodies b ON b.run_id = r.id"
            " WHERE o.id = ? AND r.status NOT IN ('queued', 'running') ORDER BY r.seq",
            (run_id,),
        )
        with in_words(self._connection):
            # Unpacked, since two versions of zlib may pack the same bytes differently.
            bodies = {other_id: zlib.decompress(body) for other_id, body in found}
        body = bodies.pop(run_id, None)
        return [other_id for other_id in bodies if body is not None and bodies[other_id] == body]

    def attachment_bytes(self, hashes: Collection[str]) -> dict[str, bytes]:
        """The bytes of those of these attachments that are kept, by hash."""
        from drover.store import attachments

        with in_words(self._connection):
            return attachments.read(self._connection, hashes)

    def messages_with_attachments(self, conversation_id: str) -> list[Message]:
        """Those messages of a conversation that hold any, oldest first."""
        # What holds attachments is looked through first: there is little of that, and much else.
        found = self._all(
            "SELECT DISTINCT l.message_id FROM message_attachments l CROSS JOIN messages m"
            " ON m.id = l.message_id WHERE m.conversation_id = ? ORDER BY m.created_at, m.seq",
            (conversation_id,),
        )
        by_id = self.messages_by_id([row[0] for row in found]) if found else {}
        return [by_id[row[0]] for row in found]

    def record(self, conversation_id: str) -> ConversationRecord | None:
        """A conversation with everything that belongs to it, but for runs in progress and drafts."""
        from drover.domain.record import AttachedFile, ConversationRecord

        conversation = self.conversation(conversation_id)
        if conversation is None:
            return None
        settled = [run for run in self.runs(conversation_id).values() if not run.status.is_live]
        whole = [run for known in settled if (run := self.run(known.id)) is not None]
        exchanges = [each for run in whole if (each := self.exchange(run.id)) is not None]
        messages = self.messages(conversation_id)
        files = self.attachment_bytes({part.hash for message in messages for part in message.attachments})
        return ConversationRecord(
            conversation=conversation,
            messages=tuple(messages),
            runs=tuple(whole),
            exchanges=tuple(exchanges),
            attached=tuple(AttachedFile(hash=digest, content=files[digest]) for digest in sorted(files)),
        )

    def knows_any(self, ids: Collection[str]) -> bool:
        """Whether a conversation, a message or a run, deleted or not, has one of these ids."""
        wanted = rows.to_json(list(ids))
        tables = ("conversations", "messages", "runs")
        found = " UNION ALL ".join(
            f"SELECT 1 FROM {table} WHERE id IN (SELECT value FROM json_each(?1))" for table in tables
        )
        replies = "SELECT 1 FROM runs WHERE message_id IN (SELECT value FROM json_each(?1))"
        return self._one(f"{found} UNION ALL {replies} LIMIT 1", (wanted,)) is not None

    def call_results(self, reply_id: str) -> dict[int, ToolResultPart]:
        """What came of single calls of a reply whose calls are not all answered, by their index."""
        found = self._all(
            "SELECT call_index, value_json FROM call_results WHERE reply_id = ? ORDER BY call_index",
            (reply_id,),
        )
        return {index: rows.result_from(value) for index, value in found}

    # Drafts, endpoints, presets, models

    def draft(self, conversation_id: str) -> Draft | None:
        """The draft of a conversation; that of the conversation not yet begun for an empty id."""
        row = self._one("SELECT text, value_json FROM drafts WHERE conversation_id = ?", (conversation_id,))
        with in_words(self._connection):
            return None if row is None else rows.draft_from(*row)

    def endpoints(self) -> list[Endpoint]:
        """The custom endpoints, in the order in which they were added."""
        found = self._values("SELECT value_json FROM endpoints ORDER BY seq")
        return [rows.endpoint_from(value) for value in found]

    def presets(self) -> list[Preset]:
        """By name."""
        found = self._values("SELECT value_json FROM presets ORDER BY name COLLATE NOCASE, id")
        return [rows.preset_from(value) for value in found]

    def model_cards(self, endpoint_id: str) -> list[ModelCard]:
        """In the order in which they were saved."""
        found = self._values(
            "SELECT value_json FROM model_cards WHERE endpoint_id = ? ORDER BY position", (endpoint_id,)
        )
        return [rows.model_card_from(value) for value in found]

    def parameter_facts(self) -> list[ParameterFact]:
        """What servers did with parameters: by endpoint, model and name."""
        found = self._values("SELECT value_json FROM parameter_facts ORDER BY endpoint_id, model_id, name")
        return [rows.parameter_fact_from(value) for value in found]

    def readings(self) -> dict[tuple[str, str], str]:
        """How replies are read by the person's decision (see `Message.reading`), by endpoint and model."""
        found = self._all("SELECT endpoint_id, model_id, value_json FROM readings")
        return {(endpoint_id, model_id): reading for endpoint_id, model_id, reading in found}

    # Writing: a turn and its run

    @contextmanager
    def one_transaction(self) -> Iterator[None]:
        """All writes inside become one transaction: all of them happen or none."""
        with self._writing():
            yield

    def add_turn(
        self,
        *,
        conversation: Conversation | None = None,
        message: Message | None = None,
        run: Run | None = None,
    ) -> Changes:
        """Adds whichever are given: a new conversation, a message with a question or with results, a run.

        The head moves to the message that the run answers; without a run, to the message. Results take the
        place of those that were kept for single calls.
        """
        touched = _changed(
            conversations=[conversation.id] if conversation is not None else [],
            messages=[message.id] if message is not None else [],
            runs=[run.id] if run is not None else [],
        )
        with self._writing():
            if conversation is not None:
                self._insert("conversations", rows.CONVERSATION_COLUMNS, rows.conversation_row(conversation))
            if message is not None:
                self._insert_message(message)
                touched |= self._move_head(message.conversation_id, message.id)
                if message.role is Role.TOOL:
                    self._execute("DELETE FROM call_results WHERE reply_id = ?", (message.parent_id,))
            if run is not None:
                self._insert("runs", rows.RUN_COLUMNS, rows.run_row(run))
                if run.request_body:
                    self._save_body(run.id, run.request_body)
                touched |= self._move_head(run.conversation_id, run.parent_id)
        return touched

    def save_call_result(self, reply_id: str, index: int, result: ToolResultPart) -> Changes:
        """Keeps what came of one call, in the place of what was kept of it before."""
        with self._writing():
            self._execute(
                "INSERT OR REPLACE INTO call_results (reply_id, call_index, value_json) VALUES (?, ?, ?)",
                (reply_id, index, rows.result_json(result)),
            )
        return _changed(messages=[reply_id])

    def add_record(self, record: ConversationRecord) -> Changes:
        """Adds a whole conversation as it is; the record is checked, and none of its ids is known."""
        conversation = record.conversation
        with self._writing():
            self._insert("conversations", rows.CONVERSATION_COLUMNS, rows.conversation_row(conversation))
            self.add_attachments({file.hash: file.content for file in record.attached})
            for message in record.messages:
                self._insert("messages", rows.MESSAGE_COLUMNS, rows.message_row(message))
                self._link_attachments(message)
            for run in record.runs:
                self._insert("runs", rows.RUN_COLUMNS, rows.run_row(run))
                if run.request_body:
                    self._save_body(run.id, run.request_body)
            for exchange in record.exchanges:
                self._insert("exchanges", rows.EXCHANGE_COLUMNS, rows.exchange_row(exchange))
        return _changed(
            conversations=[conversation.id],
            messages=[message.id for message in record.messages],
            runs=[run.id for run in record.runs],
        )

    def start_run(self, run_id: str, *, request_body: bytes, adjustments: Sequence[Adjustment]) -> Changes:
        """Notes what is about to be sent; the run is RUNNING from here on."""
        with self._writing():
            self._change(
                "UPDATE runs SET status = 'running', adjustments_json = ?"
                " WHERE id = ? AND status IN ('queued', 'running')",
                (rows.adjustments_json(adjustments), run_id),
            )
            self._save_body(run_id, request_body)
        return _changed(runs=[run_id])

    def journal(self, run_id: str, parts: tuple[Part, ...]) -> Changes:
        """Keeps the reply so far, in case the program dies; only what is new since the last call is written.

        Safe once it returns when the process is killed; not forced to the disk.
        """
        known = self._journaled.get(run_id)
        if known is None:
            known = self._read_journal(run_id)
        slots = [rows.journal_slot(part) for part in parts]
        now = rows.microseconds(datetime.now(UTC))
        with self._writing(is_durable=False):
            for index, (kind, about, text) in enumerate(slots):
                start = 0
                if index < len(known):
                    known_kind, known_about, known_text = known[index]
                    if kind == known_kind and text.startswith(known_text):
                        if about == known_about and len(text) == len(known_text):
                            continue
                        start = len(known_text)
                self._insert(
                    "journal", rows.JOURNAL_COLUMNS, (run_id, now, index, start, kind, about, text[start:])
                )
        self._journaled[run_id] = slots
        return _changed(runs=[run_id])

    def settle(self, run: Run, message: Message, exchange: Exchange | None = None) -> Changes:
        """Stores how a live run ended, its message and its bytes, and empties its journal.

        The head moves to the message if it still stands at what the run answers. An empty request body in
        `run` leaves the stored one as it is.
        """
        with self._writing():
            columns = ", ".join(f"{name.strip()} = ?" for name in rows.RUN_COLUMNS.split(","))
            self._change(
                f"UPDATE runs SET {columns} WHERE id = ? AND status IN ('queued', 'running')",
                (*rows.run_row(run), run.id),
            )
            if run.request_body:
                self._save_body(run.id, run.request_body)
            if exchange is not None:
                self._insert("exchanges", rows.EXCHANGE_COLUMNS, rows.exchange_row(exchange))
            self._answer(run, message)
        self._journaled.pop(run.id, None)
        return _changed(conversations=[run.conversation_id], messages=[message.id], runs=[run.id])

    def interrupt_running(self) -> Changes:
        """Ends every run that is still live in the library, with its journaled text as the message.

        To be called once at start, under the profile's lock, when no run can really be live.
        """
        changes = Changes()
        with self._writing():
            live = self._all(f"SELECT {rows.RUN_COLUMNS} FROM runs WHERE status IN ('queued', 'running')")
            for row in live:
                changes |= self._interrupt(rows.run_from(row))
        self._journaled.clear()
        return changes

    # Writing: the tree

    def add_attachments(self, files: Mapping[str, bytes]) -> Changes:
        """Keeps bytes under their hashes, until a `purge_deleted` when nothing holds them."""
        from drover.store import attachments

        now = rows.microseconds(datetime.now(UTC))
        with self._writing(), in_words(self._connection):
            attachments.add(self._connection, files, now)
        return Changes()

    def add_message(self, message: Message) -> Changes:
        """Adds a message without asking a model; the head moves to it."""
        with self._writing():
            self._insert_message(message)
            touched = self._move_head(message.conversation_id, message.id)
        return touched | _changed(messages=[message.id])

    def add_version(self, message: Message) -> Changes:
        """Adds another version of a message; the head stays where it is."""
        with self._writing():
            self._insert_message(message)
        return _changed(conversations=[message.conversation_id], messages=[message.id])

    def set_head(self, conversation_id: str, message_id: str | None) -> Changes:
        """Shows another branch: the one that ends at this message of the conversation."""
        with self._writing():
            self._change(
                "UPDATE conversations SET head_id = ?1 WHERE id = ?2 AND (?1 IS NULL OR"
                " EXISTS (SELECT 1 FROM messages WHERE id = ?1 AND conversation_id = ?2))",
                (message_id, conversation_id),
            )
        return _changed(conversations=[conversation_id])

    def delete_message(self, message_id: str) -> Changes:
        """Deletes a message that ends a branch, with its run unless that was read another way too.

        A head that stood there moves to the end of its newest sibling's branch, else to the parent. Raises
        LibraryError for a message that others follow, or that a live run answers.
        """
        with self._writing():
            row = self._one(
                "SELECT m.conversation_id, m.parent_id, m.run_id, c.head_id = m.id FROM messages m"
                " JOIN conversations c ON c.id = m.conversation_id WHERE m.id = ?",
                (message_id,),
            )
            if row is None:
                raise _gone()
            conversation_id, parent_id, run_id, is_head = row
            if self._one("SELECT 1 FROM messages WHERE parent_id = ?", (message_id,)):
                raise LibraryError("Other messages follow this one.", hint="Delete the last message first.")
            live = "SELECT 1 FROM runs WHERE parent_id = ? AND status IN ('queued', 'running')"
            if self._one(live, (message_id,)):
                raise LibraryError("A reply to this message is being written.", hint="Stop it first.")
            self._execute("DELETE FROM messages WHERE id = ?", (message_id,))
            self._leave_to_other_reading(run_id, parent_id, message_id)
            if is_head:
                self._move_head(conversation_id, self._head_beside(conversation_id, parent_id))
        return _changed(
            conversations=[conversation_id], messages=[message_id], runs=[run_id] if run_id else []
        )

    # Writing: conversations

    def rename(self, conversation_id: str, title: str) -> Changes:
        """Does not count as a change of the conversation's content."""
        return self._set_in_conversation(conversation_id, "title", title)

    def set_pinned(self, conversation_id: str, is_pinned: bool) -> Changes:
        """Does not count as a change of the conversation's content."""
        return self._set_in_conversation(conversation_id, "is_pinned", is_pinned)

    def delete_conversation(self, conversation_id: str) -> Changes:
        """Hides it; `restore_conversation` brings it back until `purge_deleted`."""
        now = rows.microseconds(datetime.now(UTC))
        return self._set_in_conversation(conversation_id, "deleted_at", now)

    def restore_conversation(self, conversation_id: str) -> Changes:
        """Takes a deletion back."""
        return self._set_in_conversation(conversation_id, "deleted_at", None)

    def purge_deleted(self) -> Changes:
        """Removes deleted conversations for good, with all that is theirs, except where a run is live; then
        the attachments that nothing holds any more.

        Not to be called while an attachment may be on its way into a draft.
        """
        with self._writing():
            found = self._all(
                "SELECT id FROM conversations WHERE deleted_at IS NOT NULL AND id NOT IN"
                " (SELECT conversation_id FROM runs WHERE status IN ('queued', 'running'))"
            )
            for (conversation_id,) in found:
                self._execute("DELETE FROM drafts WHERE conversation_id = ?", (conversation_id,))
                self._execute("DELETE FROM conversations WHERE id = ?", (conversation_id,))
            self._execute(_PURGE_ATTACHMENTS)
        return _changed(conversations=[row[0] for row in found])

    # Writing: drafts, endpoints, presets, models

    def save_draft(self, conversation_id: str, draft: Draft | None) -> Changes:
        """Replaces the draft of a conversation ("" = the one not yet begun); None removes it."""
        with self._writing(is_durable=False):
            self._execute("DELETE FROM drafts WHERE conversation_id = ?", (conversation_id,))
            if draft is not None:
                value = (conversation_id, draft.text, rows.draft_json(draft))
                self._insert("drafts", "conversation_id, text, value_json", value)
        return _changed(others="drafts")

    def save_endpoint(self, endpoint: Endpoint) -> Changes:
        """Adds an endpoint or replaces the one with the same id."""
        with self._writing():
            self._execute(
                "INSERT INTO endpoints (id, value_json) VALUES (?, ?)"
                " ON CONFLICT (id) DO UPDATE SET value_json = excluded.value_json",
                (endpoint.id, rows.endpoint_json(endpoint)),
            )
        return _changed(others="endpoints")

    def delete_endpoint(self, endpoint_id: str) -> Changes:
        """Removes an endpoint and its model cards; its runs stay."""
        with self._writing():
            self._execute("DELETE FROM endpoints WHERE id = ?", (endpoint_id,))
            self._execute("DELETE FROM model_cards WHERE endpoint_id = ?", (endpoint_id,))
            self._execute("DELETE FROM parameter_facts WHERE endpoint_id = ?", (endpoint_id,))
            self._execute("DELETE FROM readings WHERE endpoint_id = ?", (endpoint_id,))
        return _changed(others="endpoints") | _changed(others="models")

    def reset_endpoint(self, endpoint_id: str) -> Changes:
        """Forgets what was set for an endpoint that is part of Drover; all else about it stays."""
        with self._writing():
            self._execute("DELETE FROM endpoints WHERE id = ?", (endpoint_id,))
        return _changed(others="endpoints")

    def save_preset(self, preset: Preset) -> Changes:
        """Adds a preset or replaces the one with the same id."""
        with self._writing():
            self._execute(
                "INSERT OR REPLACE INTO presets (id, name, value_json) VALUES (?, ?, ?)",
                (preset.id, preset.name, rows.preset_json(preset)),
            )
        return _changed(others="presets")

    def delete_preset(self, preset_id: str) -> Changes:
        """Removes a preset; nothing happens if there is none."""
        with self._writing():
            self._execute("DELETE FROM presets WHERE id = ?", (preset_id,))
        return _changed(others="presets")

    def save_model_cards(self, endpoint_id: str, cards: Sequence[ModelCard]) -> Changes:
        """Replaces all cards of an endpoint."""
        with self._writing(is_durable=False):
            self._execute("DELETE FROM model_cards WHERE endpoint_id = ?", (endpoint_id,))
            for position, card in enumerate(cards):
                value = (endpoint_id, position, rows.model_card_json(card))
                self._insert("model_cards", "endpoint_id, position, value_json", value)
        return _changed(others="models")

    def save_parameter_facts(self, facts: Sequence[ParameterFact]) -> Changes:
        """Notes facts, each in the place of what was known of the same parameter."""
        with self._writing():
            for fact in facts:
                self._execute(
                    "INSERT OR REPLACE INTO parameter_facts (endpoint_id, model_id, name, value_json)"
                    " VALUES (?, ?, ?, ?)",
                    (fact.endpoint_id, fact.model_id, fact.name, rows.parameter_fact_json(fact)),
                )
        return _changed(others="facts")

    def forget_parameter_fact(self, endpoint_id: str, model_id: str, name: str) -> Changes:
        """Removes what is known of one parameter."""
        with self._writing():
            self._execute(
                "DELETE FROM parameter_facts WHERE endpoint_id = ? AND model_id = ? AND name = ?",
                (endpoint_id, model_id, name),
            )
        return _changed(others="facts")

    def save_reading(self, endpoint_id: str, model_id: str, reading: str) -> Changes:
        """Remembers how the replies of a model are read; forgets it for an empty one."""
        with self._writing():
            about = (endpoint_id, model_id)
            self._execute("DELETE FROM readings WHERE endpoint_id = ? AND model_id = ?", about)
            if reading:
                self._insert("readings", "endpoint_id, model_id, value_json", (*about, reading))
        return _changed(others="readings")

    # Below: the pieces

    def _all(self, sql: str, values: Sequence[Any] = ()) -> list[Any]:
        with in_words(self._connection):
            return execute(self._connection, sql, values).fetchall()

    def _one(self, sql: str, values: Sequence[Any] = ()) -> Any:
        found = self._all(sql, values)
        return found[0] if found else None

    def _values(self, sql: str, values: Sequence[Any] = ()) -> list[str]:
        return [row[0] for row in self._all(sql, values)]

    @contextmanager
    def _writing(self, *, is_durable: bool = True) -> Iterator[None]:
        try:
            with transaction(self._connection, is_durable=is_durable):
                yield
        except BaseException:
            self._journaled.clear()  # what was thought to be journaled may have been rolled back
            raise

    def _execute(self, sql: str, values: Sequence[Any] = ()) -> int:
        with in_words(self._connection):
            return execute(self._connection, sql, values).rowcount

    def _change(self, sql: str, values: Sequence[Any]) -> None:
        """An update that has to find something to update."""
        if self._execute(sql, values) == 0:
            raise _gone()

    def _insert(self, table: str, columns: str, row: rows.Row) -> None:
        self._execute(f"INSERT INTO {table} ({columns}) VALUES ({rows.marks(columns)})", row)

    def _insert_message(self, message: Message) -> None:
        """Adds a message; its conversation has changed then."""
        self._insert("messages", rows.MESSAGE_COLUMNS, rows.message_row(message))
        self._link_attachments(message)
        self._note_change(message.conversation_id, message.created_at)

    def _link_attachments(self, message: Message) -> None:
        for digest in {part.hash for part in message.attachments}:
            self._insert("message_attachments", "message_id, hash", (message.id, digest))

    def _move_head(self, conversation_id: str, message_id: str | None) -> Changes:
        self._change("UPDATE conversations SET head_id = ? WHERE id = ?", (message_id, conversation_id))
        return _changed(conversations=[conversation_id])

    def _note_change(self, conversation_id: str, at: datetime) -> None:
        self._execute(
            "UPDATE conversations SET updated_at = max(updated_at, ?) WHERE id = ?",
            (rows.microseconds(at), conversation_id),
        )

    def _answer(self, run: Run, message: Message) -> None:
        """Adds the message of a run that has just ended, in place of its journal."""
        self._insert_message(message)
        self._execute("DELETE FROM journal WHERE run_id = ?", (run.id,))
        self._execute(
            "UPDATE conversations SET head_id = ? WHERE id = ? AND head_id = ?",
            (message.id, run.conversation_id, run.parent_id),
        )
        if run.settled_at is not None:
            self._note_change(run.conversation_id, run.settled_at)

    def _leave_to_other_reading(self, run_id: str | None, parent_id: str | None, message_id: str) -> None:
        """The run of a reply that is no more: that of another reading of it, or of none, and then it goes."""
        row = self._one(
            "SELECT id FROM messages WHERE parent_id = ? AND run_id = ? ORDER BY seq LIMIT 1",
            (parent_id, run_id),
        )
        if row is None:
            self._execute("DELETE FROM runs WHERE id = ?", (run_id,))
        else:
            mark = "UPDATE runs SET message_id = ? WHERE id = ? AND message_id = ?"
            self._execute(mark, (row[0], run_id, message_id))

    def _save_body(self, run_id: str, request_body: bytes) -> None:
        from drover.store import attachments

        with in_words(self._connection):
            folded = attachments.folded(self._connection, run_id, request_body)
        self._execute(
            "INSERT OR REPLACE INTO request_bodies (run_id, body) VALUES (?, ?)",
            (run_id, zlib.compress(folded)),
        )

    def _whole_body(self, stored: bytes) -> bytes:
        from drover.store import attachments

        return attachments.unfolded(self._connection, zlib.decompress(stored))

    def _set_in_conversation(self, conversation_id: str, column: str, value: str | int | None) -> Changes:
        with self._writing():
            self._change(f"UPDATE conversations SET {column} = ? WHERE id = ?", (value, conversation_id))
        return _changed(conversations=[conversation_id])

    def _read_journal(self, run_id: str) -> list[rows.JournalSlot]:
        found = self._all(
            "SELECT slot, start, kind, about_json, text FROM journal WHERE run_id = ? ORDER BY seq", (run_id,)
        )
        return rows.replayed(found)

    def _interrupt(self, run: Run) -> Changes:
        last = self._one("SELECT max(written_at) FROM journal WHERE run_id = ?", (run.id,))[0]
        settled_at = run.created_at if last is None else rows.moment(last)
        message = Message(
            id=run.message_id,
            conversation_id=run.conversation_id,
            parent_id=run.parent_id,
            role=Role.ASSISTANT,
            parts=tuple(rows.part_from(slot) for slot in self._read_journal(run.id)),
            created_at=settled_at,
            run_id=run.id,
        )
        self._answer(run, message)
        self._execute(
            "UPDATE runs SET status = 'interrupted', settled_at = ? WHERE id = ?",
            (rows.microseconds(settled_at), run.id),
        )
        return _changed(conversations=[run.conversation_id], messages=[message.id], runs=[run.id])

    def _head_beside(self, conversation_id: str, parent_id: str | None) -> str | None:
        """Where the head goes when the message under this parent at which it stood is no more."""
        children: dict[str | None, list[str]] = {}
        for node in self.nodes(conversation_id):
            children.setdefault(node.parent_id, []).append(node.id)
        head_id = parent_id
        while below := children.get(head_id):
            head_id = below[-1]
        return head_id


# A draft names its attachments as lists that begin with a kind and a hash, see `rows.draft_json`.
_PURGE_ATTACHMENTS = """
DELETE FROM attachments WHERE hash NOT IN (SELECT hash FROM message_attachments) AND hash NOT IN (
    SELECT json_extract(part.value, '$[1]') FROM drafts, json_each(drafts.value_json) AS field,
        json_each(field.value) AS part WHERE field.key IN ('attachments', 'aside_attachments'))
"""


def _gone() -> LibraryError:
    return LibraryError(
        "What should be changed is no longer in the library.", hint="It was deleted or has already ended."
    )
