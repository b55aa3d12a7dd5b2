"""The bytes of attachments: kept once for each content, and taken out of the bodies that repeat them."""

from __future__ import annotations

import base64
import re
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Mapping

from drover.store import rows
from drover.store.database import execute

_LEAST_BYTES = 1200
"""Smaller ones stay in the bodies as they are."""
_PREFIX_BYTES = 48
_PIECE_BYTES = 600_000
_MARK = b"\0"
"""JSON escapes this byte, so that no body holds it, but for one that was imported and is no JSON."""
_MARKED = re.compile(rb"\0([0-9a-f]{64})\0")


def add(connection: sqlite3.Connection, files: Mapping[str, bytes], now: int) -> None:
    """Keeps these bytes under their hashes; those that are kept already count as added now."""
    for digest, content in files.items():
        execute(
            connection,
            "INSERT INTO attachments (hash, added_at, bytes) VALUES (?, ?, ?)"
            " ON CONFLICT (hash) DO UPDATE SET added_at = excluded.added_at",
            (digest, now, content),
        )


def read(connection: sqlite3.Connection, hashes: Collection[str]) -> dict[str, bytes]:
    """The bytes of those of these that there are."""
    found = execute(
        connection,
        f"SELECT hash, bytes FROM attachments WHERE hash IN ({rows.as_many(hashes)})",
        list(hashes),
    )
    return dict(found.fetchall())


def folded(connection: sqlite3.Connection, run_id: str, body: bytes) -> bytes:
    """The body with marks in the place of what is kept of the conversation's attachments anyway."""
    for digest, prefix in _of_conversation(connection, run_id):
        content = b""
        pieces: list[bytes] = []
        at = 0
        while (start := body.find(prefix, at)) >= 0:
            content = content or read(connection, [digest])[digest]
            end = _end_of(content, body, start)
            pieces += [body[at:start], _MARK + digest.encode() + _MARK] if end else [body[at : start + 1]]
            at = end or start + 1
        body = b"".join([*pieces, body[at:]]) if pieces else body
    return body


def _end_of(content: bytes, body: bytes, start: int) -> int:
    """Where the base64 of this content ends that begins there; 0 where it is not all there."""
    for piece in _base64_pieces(content):
        if body[start : start + len(piece)] != piece:
            return 0
        start += len(piece)
    return start


def unfolded(connection: sqlite3.Connection, stored: bytes) -> bytes:
    """The inverse of `folded`."""
    if _MARK not in stored:
        return stored
    pieces = _MARKED.split(stored)
    contents = read(connection, {piece.decode() for piece in pieces[1::2]})
    whole: list[bytes] = []
    for index, piece in enumerate(pieces):
        if index % 2 == 0:
            whole.append(piece)
        elif (digest := piece.decode()) in contents:
            whole += _base64_pieces(contents[digest])
        else:
            whole += [_MARK, piece, _MARK]
    return b"".join(whole)


def _of_conversation(connection: sqlite3.Connection, run_id: str) -> Iterable[tuple[str, bytes]]:
    """Hash and beginning, as base64, of each larger attachment in the conversation of a run."""
    found = execute(
        connection,
        "SELECT DISTINCT a.hash, substr(a.bytes, 1, ?) FROM runs r"
        " JOIN messages m ON m.conversation_id = r.conversation_id"
        " JOIN message_attachments l ON l.message_id = m.id JOIN attachments a ON a.hash = l.hash"
        " WHERE r.id = ? AND length(a.bytes) >= ?",
        (_PREFIX_BYTES, run_id, _LEAST_BYTES),
    )
    return [(digest, base64.b64encode(start)) for digest, start in found.fetchall()]


def _base64_pieces(content: bytes) -> Iterator[bytes]:
    """In pieces, between which other threads have their turn."""
    for start in range(0, len(content), _PIECE_BYTES):
        yield base64.b64encode(content[start : start + _PIECE_BYTES])
