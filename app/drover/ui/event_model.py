"""The rows of an event log for a table: read and filtered in slices, so that a long log opens at once."""

from __future__ import annotations

import time
from array import array
from bisect import bisect_left
from collections.abc import Collection, Sequence
from enum import IntEnum
from typing import Any

from PySide6.QtCore import (
    QAbstractTableModel,
    QCoreApplication,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    Qt,
)

from drover.engine.event_log import EventKind, EventLog, LoggedEvent
from drover.ui import formats

_Index = QModelIndex | QPersistentModelIndex
_STEP_ROWS = 64
_ROOT = QModelIndex()


class EventColumn(IntEnum):
    """From left to right."""

    NUMBER = 0
    AT = 1
    SINCE = 2
    KIND = 3
    TEXT = 4
    RAW = 5


def _tr(text: str) -> str:
    return QCoreApplication.translate("events", text)


def kind_words(kind: EventKind | None) -> str:
    """What a kind is called; an ellipsis for an event that is not read yet."""
    words = {
        EventKind.ERROR: _tr("error"),
        EventKind.TOOL_CALL: _tr("tool call"),
        EventKind.REASONING: _tr("reasoning"),
        EventKind.CONTENT: _tr("content"),
        EventKind.FINISH: _tr("finish"),
        EventKind.USAGE: _tr("usage"),
        EventKind.DONE: _tr("done"),
        EventKind.COMMENT: _tr("comment"),
        EventKind.OTHER: _tr("other"),
        EventKind.SENT: _tr("sent"),
        EventKind.CONNECTED: _tr("connected"),
        EventKind.HEAD: _tr("head"),
    }
    return formats.ELLIPSIS if kind is None else words[kind]


def unread_words(entry: LoggedEvent) -> str:
    """What an event holds that is only kept: "also: service_tier, obfuscation"; empty for nothing."""
    return _tr("also: {0}").format(", ".join(entry.unread)) if entry.unread else ""


def milliseconds(value: float | None) -> str:
    """ "12 402.9"; empty for None."""
    return "" if value is None else formats.decimal(value, 1)


class EventModel(QAbstractTableModel):
    """The lines of one log, or those of them that a filter lets through."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.log: EventLog | None = None
        self._words = ""
        self._kinds: frozenset[EventKind] = frozenset()
        self._found: array[int] | None = None
        """The rows of the log that are shown; None where all are."""
        self._sifted = 0
        """Up to which row of the log the filter has looked."""
        self._cached: tuple[int, LoggedEvent] | None = None

    def display(self, log: EventLog | None) -> None:
        """Shows another log; None for none. The filter stays."""
        self.beginResetModel()
        self.log, self._cached = log, None
        self._begin_to_sift()
        self.endResetModel()

    def set_filter(self, words: str, kinds: Collection[EventKind]) -> None:
        """Shows only what holds these words and is of one of these kinds; empty ones let all through."""
        if (words, frozenset(kinds)) != (self._words, self._kinds):
            self.beginResetModel()
            self._words, self._kinds = words, frozenset(kinds)
            self._begin_to_sift()
            self.endResetModel()

    @property
    def is_filtered(self) -> bool:
        """Whether a filter is set."""
        return self._found is not None

    @property
    def is_finished(self) -> bool:
        """Whether all is read, and all rows that the filter lets through are here."""
        if self.log is None:
            return True
        return self.log.is_read and (self._found is None or self._sifted == len(self.log))

    def work(self, until_s: float) -> None:
        """Reads and filters on until this time of `time.monotonic`, a little at least."""
        while self.log is not None and not self.is_finished:
            before = self.log.read_count
            self.log.read_to(before + _STEP_ROWS)
            if self._cached is not None and before <= self._cached[0]:
                self._cached = None
            if self._found is not None:
                self._sift(self.log, self._found)
            if time.monotonic() >= until_s:
                break

    def tell_read(self, first: int, last: int) -> None:
        """Tells views that these rows are read now. Not told for each slice, because few rows are in view."""
        self.dataChanged.emit(self.index(first, EventColumn.KIND), self.index(last, EventColumn.TEXT))

    def log_row(self, row: int) -> int:
        """The row of the log that a row shows."""
        return row if self._found is None else self._found[row]

    def row_of(self, log_row: int) -> int | None:
        """The row that shows this row of the log; None if the filter does not let it through."""
        if self._found is None:
            return log_row
        row = bisect_left(self._found, log_row)
        return row if row < len(self._found) and self._found[row] == log_row else None

    def entry(self, row: int) -> LoggedEvent:
        """What a row shows. The last one asked for is kept, since a row is asked for once a column."""
        assert self.log is not None
        log_row = self.log_row(row)
        if self._cached is None or self._cached[0] != log_row:
            self._cached = (log_row, self.log[log_row])
        return self._cached[1]

    def copied(self, rows: Sequence[int]) -> str:
        """Rows as lines with tabs between the columns, the bytes of each event whole but on one line."""
        return "\n".join("\t".join(self._cells(row)) for row in rows)

    def raw(self, rows: Sequence[int]) -> str:
        """The bytes of these rows as they came, events apart by blank lines."""
        log = self.log
        return "" if log is None else "\n\n".join(filter(None, (log.raw(self.log_row(row)) for row in rows)))

    def rowCount(self, parent: _Index = _ROOT) -> int:
        """Those that are shown."""
        if parent.isValid() or self.log is None:
            return 0
        return len(self.log) if self._found is None else len(self._found)

    def columnCount(self, parent: _Index = _ROOT) -> int:
        """See `EventColumn`."""
        return 0 if parent.isValid() else len(EventColumn)

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """The text of a cell; painting is the delegate's. What has no room there is a tip."""
        if role == Qt.ItemDataRole.ToolTipRole and index.isValid():
            return unread_words(self.entry(index.row())) or None
        if role != Qt.ItemDataRole.DisplayRole or not index.isValid():
            return None
        return _cell(self.entry(index.row()), index.column())

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """What a column holds."""
        if role != Qt.ItemDataRole.DisplayRole or orientation != Qt.Orientation.Horizontal:
            return None
        return ("#", _tr("ms"), _tr("+ ms"), _tr("kind"), _tr("text"), _tr("raw"))[section]

    def _begin_to_sift(self) -> None:
        self._found = array("l") if self._words or self._kinds else None
        self._sifted = 0

    def _sift(self, log: EventLog, found: array[int]) -> None:
        until = min(log.read_count, self._sifted + 4 * _STEP_ROWS)
        fresh = [row for row in range(self._sifted, until) if log.matches(row, self._words, self._kinds)]
        self._sifted = until
        if fresh:
            self.beginInsertRows(_ROOT, len(found), len(found) + len(fresh) - 1)
            found.extend(fresh)
            self.endInsertRows()

    def _cells(self, row: int) -> list[str]:
        assert self.log is not None
        entry = self.entry(row)
        whole = " ".join(self.log.raw(self.log_row(row)).splitlines())
        return [*(_cell(entry, column) for column in EventColumn if column != EventColumn.RAW), whole]


def _cell(entry: LoggedEvent, column: int) -> str:
    match column:
        case EventColumn.NUMBER:
            return "" if entry.number is None else str(entry.number)
        case EventColumn.AT:
            return milliseconds(entry.at_ms)
        case EventColumn.SINCE:
            return milliseconds(entry.since_ms)
        case EventColumn.KIND:
            return kind_words(entry.kind)
        case EventColumn.TEXT:
            words = formats.visible_breaks(entry.text)
            return "  ".join(filter(None, (words, unread_words(entry))))
        case _:
            return entry.raw
