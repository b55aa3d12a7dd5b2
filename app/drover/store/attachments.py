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
        start = body.find(prefix)
        if start < 0:
            continue
        encoded = b"".join(_base64_pieces(read(connection, [digest])[digest]))
        body = body.replace(encoded, _MARK + digest.encode() + _MARK)
    return body


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
