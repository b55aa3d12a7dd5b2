"""What a connection reads, told by SQLite itself."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from drover.store.rows import MESSAGE_COLUMNS


class Reads:
    """The statements that ran, and which messages they read in full."""

    def __init__(self) -> None:
        self.statements: list[str] = []

    @property
    def messages(self) -> list[str]:
        """The ids, in order; whole conversations count as "all"."""
        found: list[str] = []
        for sql in self.statements:
            if f"SELECT {MESSAGE_COLUMNS} FROM messages" in sql:
                by_id = re.search(r" WHERE id IN \((.*)\)", sql)
                found += re.findall(r"'([^']*)'", by_id[1]) if by_id else ["all"]
        return found

    @property
    def queries(self) -> int:
        """For messages in full."""
        return sum(f"SELECT {MESSAGE_COLUMNS} FROM messages" in sql for sql in self.statements)

    @property
    def shapes(self) -> int:
        """How often the shape of a whole conversation was read."""
        return sum("length(text)" in sql for sql in self.statements)


@contextmanager
def reads_of(connection: sqlite3.Connection) -> Iterator[Reads]:
    """Notes what the connection reads inside."""
    reads = Reads()
    connection.set_trace_callback(reads.statements.append)
    try:
        yield reads
    finally:
        connection.set_trace_callback(None)
