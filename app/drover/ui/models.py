"""The item models behind Drover's lists. They hold domain values and change by the smallest steps."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from enum import IntEnum
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from drover.domain.conversation import Conversation
from drover.ui import formats

if TYPE_CHECKING:
    from drover.store.search import SearchHit

_Index: TypeAlias = QModelIndex | QPersistentModelIndex
_ROOT = QModelIndex()
_PAGE_ROWS = 256
_ROW_FLAGS = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable | Qt.ItemFlag.ItemNeverHasChildren


class ListRole(IntEnum):
    """What a delegate may ask of a row of either list, beside Qt's own roles."""

    ID = Qt.ItemDataRole.UserRole + 1
    """The conversation's id."""
    GROUP = Qt.ItemDataRole.UserRole + 2
    """The name of the group that this row opens; empty for all other rows."""
    IS_LIVE = Qt.ItemDataRole.UserRole + 3
    IS_PINNED = Qt.ItemDataRole.UserRole + 4
    TIME = Qt.ItemDataRole.UserRole + 5
    """The time in the fewest characters."""
    SNIPPET = Qt.ItemDataRole.UserRole + 6
    """The surroundings of a search hit, one line; empty elsewhere, and for a hit in the title."""
    SPANS = Qt.ItemDataRole.UserRole + 7
    """Where the sought words stand, (start, end) in characters: in the snippet, or else in the title."""


class _Group(IntEnum):
    PINNED = 0
    TODAY = 1
    EARLIER = 2


class _Row(NamedTuple):
    conversation: Conversation
    group: _Group
    opens_group: bool
    is_live: bool


class _Listing:
    """All conversations in the order shown. Rows are made when asked for, so ten thousand cost little."""

    def __init__(
        self, conversations: Iterable[Conversation], live_ids: Collection[str], now: datetime
    ) -> None:
        midnight = now.astimezone().replace(hour=0, minute=0, second=0, microsecond=0)
        pinned: list[Conversation] = []
        today: list[Conversation] = []
        earlier: list[Conversation] = []
        for conversation in conversations:
            if conversation.is_pinned:
                pinned.append(conversation)
            elif conversation.updated_at >= midnight:
                today.append(conversation)
            else:
                earlier.append(conversation)
        self.conversations = [*pinned, *today, *earlier]
        self._live_ids = frozenset(live_ids)
        self._today_at = len(pinned)
        self._earlier_at = len(pinned) + len(today)

    def __len__(self) -> int:
        return len(self.conversations)

    def rows(self, first: int, end: int) -> list[_Row]:
        """The rows of this half-open range, as far as there are any."""
        return [self._row(number) for number in range(first, min(end, len(self)))]

    def _row(self, number: int) -> _Row:
        conversation = self.conversations[number]
        if number >= self._earlier_at:
            group, first = _Group.EARLIER, self._earlier_at
        elif number >= self._today_at:
            group, first = _Group.TODAY, self._today_at
        else:
            group, first = _Group.PINNED, 0
        return _Row(conversation, group, number == first, conversation.id in self._live_ids)


class ConversationListModel(QAbstractListModel):
    """All conversations in groups: pinned, of today, earlier. One row is one conversation.

    Rows are loaded a page at a time as the view asks for them: ten thousand cost no more than a screenful.
    `display` moves, inserts and removes single rows, so selection, current row and scroll position survive.
    """

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._rows: list[_Row] = []
        self._now = datetime.now().astimezone()
        self._listing = _Listing((), (), self._now)

    def display(
        self, conversations: Sequence[Conversation], live_ids: Collection[str], *, now: datetime
    ) -> None:
        """Shows these conversations in the given order within each group; `now` decides what is of today."""
        listing = _Listing(conversations, live_ids, now)
        growth = min(len(listing) - len(self._listing), _PAGE_ROWS) if self._rows else 0
        loaded = max(_PAGE_ROWS, len(self._rows) + growth)
        is_same_day = formats.is_today(self._now, now=now)
        self._now = now
        # A view may ask for more rows between two steps: there are none until the last one is done.
        self._listing = _Listing((), (), now)
        self._change_into(listing.rows(0, loaded))
        self._listing = listing
        if self._rows and not is_same_day:
            self.dataChanged.emit(self.index(0), self.index(len(self._rows) - 1))

    def _change_into(self, target: list[_Row]) -> None:
        if not self._rows or not target:
            self.beginResetModel()
            self._rows = target
            self.endResetModel()
            return
        self._remove_all_but({row.conversation.id for row in target})
        self._move_into_order(target)
        self._insert_missing(target)
        self._replace_changed(target)

    def row_of(self, conversation_id: str) -> int:
        """The row of a conversation, loading as far as it takes; -1 if there is none of this id."""
        for number, conversation in enumerate(self._listing.conversations):
            if conversation.id == conversation_id:
                self._load(number + 1)
                return number
        return -1

    def rowCount(self, parent: _Index = _ROOT) -> int:
        return 0 if parent.isValid() else len(self._rows)

    def canFetchMore(self, parent: _Index) -> bool:
        return not parent.isValid() and len(self._rows) < len(self._listing)

    def fetchMore(self, parent: _Index) -> None:
        if not parent.isValid():
            self._load(len(self._rows) + _PAGE_ROWS)

    def flags(self, index: _Index) -> Qt.ItemFlag:
        return _ROW_FLAGS | Qt.ItemFlag.ItemIsEditable if index.isValid() else Qt.ItemFlag.NoItemFlags

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        row = self._rows[index.row()]
        match role:
            case (
                Qt.ItemDataRole.DisplayRole
                | Qt.ItemDataRole.EditRole
                | Qt.ItemDataRole.ToolTipRole
                | Qt.ItemDataRole.AccessibleTextRole
            ):
                return row.conversation.title or self.tr("New conversation")
            case Qt.ItemDataRole.AccessibleDescriptionRole:
                return f"{self._group_name(row.group)}, {self._time_in_words(row)}"
            case ListRole.ID:
                return row.conversation.id
            case ListRole.GROUP:
                return self._group_name(row.group) if row.opens_group else ""
            case ListRole.IS_LIVE:
                return row.is_live
            case ListRole.IS_PINNED:
                return row.conversation.is_pinned
            case ListRole.TIME:
                return formats.list_time(row.conversation.updated_at, now=self._now)
            case ListRole.SNIPPET:
                return ""
        return None

    def _group_name(self, group: _Group) -> str:
        match group:
            case _Group.PINNED:
                return self.tr("Pinned")
            case _Group.TODAY:
                return self.tr("Today")
            case _Group.EARLIER:
                return self.tr("Earlier")

    def _time_in_words(self, row: _Row) -> str:
        if row.is_live:
            return self.tr("replying now")
        return formats.moment(row.conversation.updated_at, now=self._now)

    def _load(self, count: int) -> None:
        more = self._listing.rows(len(self._rows), count)
        if more:
            self.beginInsertRows(_ROOT, len(self._rows), len(self._rows) + len(more) - 1)
            self._rows.extend(more)
            self.endInsertRows()

    def _remove_all_but(self, ids: set[str]) -> None:
        last = len(self._rows) - 1
        while last >= 0:
            if self._rows[last].conversation.id in ids:
                last -= 1
                continue
            first = last
            while first > 0 and self._rows[first - 1].conversation.id not in ids:
                first -= 1
            self.beginRemoveRows(_ROOT, first, last)
            del self._rows[first : last + 1]
            self.endRemoveRows()
            last = first - 1

    def _move_into_order(self, target: list[_Row]) -> None:
        """Brings the rows that stay into the order of the target, with as few moves as that takes."""
        current = [row.conversation.id for row in self._rows]
        present = set(current)
        order = [row.conversation.id for row in target if row.conversation.id in present]
        if order == current:
            return
        rank = {row_id: number for number, row_id in enumerate(order)}
        fixed = _longest_rising([rank[row_id] for row_id in current])
        predecessor = ""
        for number, row_id in enumerate(order):
            if number not in fixed:
                self._move(current, row_id, predecessor)
            predecessor = row_id

    def _move(self, current: list[str], row_id: str, predecessor: str) -> None:
        source = current.index(row_id)
        destination = current.index(predecessor) + 1 if predecessor else 0
        if destination in (source, source + 1):
            return
        self.beginMoveRows(_ROOT, source, source, _ROOT, destination)
        place = destination - 1 if destination > source else destination
        self._rows.insert(place, self._rows.pop(source))
        current.insert(place, current.pop(source))
        self.endMoveRows()

    def _insert_missing(self, target: list[_Row]) -> None:
        first = 0
        while first < len(target):
            next_id = self._rows[first].conversation.id if first < len(self._rows) else ""
            end = first
            while end < len(target) and target[end].conversation.id != next_id:
                end += 1
            if end > first:
                self.beginInsertRows(_ROOT, first, end - 1)
                self._rows[first:first] = target[first:end]
                self.endInsertRows()
            first = end + 1

    def _replace_changed(self, target: list[_Row]) -> None:
        for number, (old, new) in enumerate(zip(self._rows, target, strict=True)):
            if old != new:
                self._rows[number] = new
                index = self.index(number)
                self.dataChanged.emit(index, index)


class SearchHitModel(QAbstractListModel):
    """The hits of one search, best first. Same roles as the list of conversations, plus the snippet."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._hits: list[SearchHit] = []
        self._now = datetime.now().astimezone()

    def display(self, hits: Sequence[SearchHit], *, now: datetime) -> None:
        """Replaces the hits: each search is a list of its own."""
        self.beginResetModel()
        self._hits = list(hits)
        self._now = now
        self.endResetModel()

    def row_of(self, conversation_id: str) -> int:
        """The row of a conversation; -1 if it is no hit."""
        ids = [hit.conversation_id for hit in self._hits]
        return ids.index(conversation_id) if conversation_id in ids else -1

    def rowCount(self, parent: _Index = _ROOT) -> int:
        return 0 if parent.isValid() else len(self._hits)

    def flags(self, index: _Index) -> Qt.ItemFlag:
        return _ROW_FLAGS if index.isValid() else Qt.ItemFlag.NoItemFlags

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        hit = self._hits[index.row()]
        match role:
            case Qt.ItemDataRole.DisplayRole | Qt.ItemDataRole.AccessibleTextRole:
                return hit.title or self.tr("New conversation")
            case Qt.ItemDataRole.ToolTipRole:
                return self._snippet(hit) or hit.title
            case Qt.ItemDataRole.AccessibleDescriptionRole | ListRole.SNIPPET:
                return self._snippet(hit)
            case ListRole.SPANS:
                shift = len(self._prefix(hit))
                return tuple((start + shift, end + shift) for start, end in hit.spans)
            case ListRole.ID:
                return hit.conversation_id
            case ListRole.GROUP:
                return ""
            case ListRole.IS_LIVE | ListRole.IS_PINNED:
                return False
            case ListRole.TIME:
                return formats.list_time(hit.updated_at, now=self._now)
        return None

    def _snippet(self, hit: SearchHit) -> str:
        return "" if hit.where == "title" else self._prefix(hit) + hit.snippet

    def _prefix(self, hit: SearchHit) -> str:
        return self.tr("Reasoning: ") if hit.where == "reasoning" else ""


def _longest_rising(numbers: Sequence[int]) -> set[int]:
    """The members of a longest rising subsequence (patience sorting, n log n)."""
    tails: list[int] = []
    places: list[int] = []
    previous: list[int] = []
    for place, number in enumerate(numbers):
        length = bisect_left(tails, number)
        previous.append(places[length - 1] if length else -1)
        if length == len(tails):
            tails.append(number)
            places.append(place)
        else:
            tails[length] = number
            places[length] = place
    chosen: set[int] = set()
    place = places[-1] if places else -1
    while place >= 0:
        chosen.add(numbers[place])
        place = previous[place]
    return chosen
