"""The schema of the library, as numbered steps. Migration N leads from schema N - 1 to schema N.

A step is SQL only, depends on no other code of Drover, and is never changed once released: new facts are a
new step at the end, together with a profile of the schema before it in `tests/corpora/profiles/`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

APPLICATION_ID = 0x44727672
"""`PRAGMA application_id` of a library of Drover."""

_M0001 = """
PRAGMA application_id = 1148352114;

-- All times are microseconds since 1970, UTC. All `*_json` columns and the bodies of values are compact JSON.
CREATE TABLE conversations (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    title TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    head_id TEXT,
    is_pinned INTEGER NOT NULL DEFAULT 0,
    deleted_at INTEGER
);
CREATE INDEX conversations_in_order ON conversations (is_pinned, updated_at) WHERE deleted_at IS NULL;

-- A message never changes. Parts are cut from `text` and `reasoning` as `shape` says; NULL is one text part.
CREATE TABLE messages (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    conversation_id TEXT NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    parent_id TEXT REFERENCES messages (id),
    role TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    run_id TEXT,
    shape TEXT,
    text TEXT NOT NULL,
    reasoning TEXT NOT NULL
);
CREATE INDEX messages_in_order ON messages (conversation_id, created_at);
CREATE INDEX messages_by_parent ON messages (parent_id);

CREATE VIRTUAL TABLE message_words USING fts5 (
    text, reasoning, content = 'messages', content_rowid = 'seq', tokenize = 'unicode61 remove_diacritics 2'
);
CREATE TRIGGER message_indexed AFTER INSERT ON messages BEGIN
    INSERT INTO message_words (rowid, text, reasoning) VALUES (new.seq, new.text, new.reasoning);
END;
CREATE TRIGGER message_forgotten AFTER DELETE ON messages BEGIN
    INSERT INTO message_words (message_words, rowid, text, reasoning)
    VALUES ('delete', old.seq, old.text, old.reasoning);
END;

CREATE TABLE runs (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    conversation_id TEXT NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    parent_id TEXT NOT NULL REFERENCES messages (id) ON DELETE CASCADE,
    message_id TEXT NOT NULL UNIQUE,
    status TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    settled_at INTEGER,
    endpoint_id TEXT NOT NULL,
    endpoint_name TEXT NOT NULL,
    base_url TEXT NOT NULL,
    model_id TEXT NOT NULL,
    parameters_json TEXT NOT NULL,
    adjustments_json TEXT NOT NULL,
    finish_reason TEXT,
    usage_json TEXT,
    timing_json TEXT NOT NULL,
    failure_json TEXT,
    model_reported TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    delta_count INTEGER NOT NULL,
    reasoning_delta_count INTEGER NOT NULL,
    system_prompt TEXT NOT NULL
);
CREATE INDEX runs_by_conversation ON runs (conversation_id);
CREATE INDEX runs_by_parent ON runs (parent_id);
CREATE INDEX runs_live ON runs (status) WHERE status IN ('queued', 'running');

-- zlib. Apart from the runs, so that settling a run does not write the body again.
CREATE TABLE request_bodies (
    run_id TEXT NOT NULL PRIMARY KEY REFERENCES runs (id) ON DELETE CASCADE,
    body BLOB NOT NULL
);

-- `raw_stream` is zlib; the marks are zlib over doubles, then as many 64-bit integers, all little-endian.
CREATE TABLE exchanges (
    run_id TEXT NOT NULL PRIMARY KEY REFERENCES runs (id) ON DELETE CASCADE,
    request_line TEXT NOT NULL,
    request_headers_json TEXT NOT NULL,
    response_status INTEGER,
    response_headers_json TEXT NOT NULL,
    http_version TEXT NOT NULL,
    chunk_marks BLOB NOT NULL,
    raw_stream BLOB NOT NULL
);

-- Append-only. Slot `slot` of the reply keeps its first `start` characters and continues with `text`.
CREATE TABLE journal (
    seq INTEGER PRIMARY KEY,
    run_id TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    written_at INTEGER NOT NULL,
    slot INTEGER NOT NULL,
    start INTEGER NOT NULL,
    kind TEXT NOT NULL,
    about_json TEXT NOT NULL,
    text TEXT NOT NULL
);
CREATE INDEX journal_by_run ON journal (run_id);

CREATE TABLE drafts (
    conversation_id TEXT NOT NULL PRIMARY KEY,
    text TEXT NOT NULL,
    value_json TEXT NOT NULL
);

CREATE TABLE endpoints (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    value_json TEXT NOT NULL
);

CREATE TABLE presets (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    value_json TEXT NOT NULL
);

CREATE TABLE model_cards (
    endpoint_id TEXT NOT NULL,
    position INTEGER NOT NULL,
    value_json TEXT NOT NULL,
    PRIMARY KEY (endpoint_id, position)
);

CREATE TABLE settings (
    name TEXT NOT NULL PRIMARY KEY,
    value_json TEXT NOT NULL
);
"""

_M0002 = """
CREATE TABLE parameter_facts (
    endpoint_id TEXT NOT NULL,
    model_id TEXT NOT NULL,
    name TEXT NOT NULL,
    value_json TEXT NOT NULL,
    PRIMARY KEY (endpoint_id, model_id, name)
);
"""

_M0003 = """
-- The bytes of attachments, once for each content; `hash` is SHA-256 in hexadecimal digits.
CREATE TABLE attachments (
    hash TEXT NOT NULL PRIMARY KEY,
    added_at INTEGER NOT NULL,
    bytes BLOB NOT NULL
);
-- Which messages hold which; what no message and no draft holds may be removed.
CREATE TABLE message_attachments (
    message_id TEXT NOT NULL REFERENCES messages (id) ON DELETE CASCADE,
    hash TEXT NOT NULL REFERENCES attachments (hash),
    PRIMARY KEY (message_id, hash)
) WITHOUT ROWID;
CREATE INDEX messages_by_attachment ON message_attachments (hash);

-- Tries that failed before the one that the run tells of; NULL where there were none.
ALTER TABLE runs ADD COLUMN attempts_json TEXT;

-- How the replies of a model are to be read, where a person said so.
CREATE TABLE readings (
    endpoint_id TEXT NOT NULL,
    model_id TEXT NOT NULL,
    value_json TEXT NOT NULL,
    PRIMARY KEY (endpoint_id, model_id)
);
"""

_M0004 = """
-- Results of single calls, as long as other calls of the same reply have none; then they become a message.
CREATE TABLE call_results (
    reply_id TEXT NOT NULL REFERENCES messages (id) ON DELETE CASCADE,
    call_index INTEGER NOT NULL,
    value_json TEXT NOT NULL,
    PRIMARY KEY (reply_id, call_index)
);
"""

MIGRATIONS: tuple[str, ...] = (_M0001, _M0002, _M0003, _M0004)
"""In order; the schema that this version of Drover reads and writes is the last."""


def statements(script: str) -> Iterator[str]:
    """The single statements of a script, triggers in one piece."""
    pending: list[str] = []
    for line in script.splitlines():
        if not pending and (not line.strip() or line.startswith("--")):
            continue
        pending.append(line)
        if line.rstrip().endswith(";") and sqlite3.complete_statement("\n".join(pending)):
            yield "\n".join(pending)
            pending.clear()
