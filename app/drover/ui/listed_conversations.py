"""All conversations in the order of the list, of which only those that a change touches are read again."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Sequence
from datetime import UTC, datetime

from drover.domain.conversation import Conversation
from drover.store.library import Library

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class ListedConversations:
    """Pinned ones first, then by the newest change."""

    def __init__(self, reader: Library) -> None:
        self._reader = reader
        self._listed: list[Conversation] = []
        self._known: dict[str, Conversation] = {}
        self._is_read = False

    @property
    def all(self) -> Sequence[Conversation]:
        """As last read; not changed by anyone."""
        return self._listed

    def update(self, changed_ids: Collection[str]) -> None:
        """Reads these again, if all have been read before, else all."""
        if not self._is_read:
            self._listed, self._is_read = self._reader.conversations(), True
            self._known = {conversation.id: conversation for conversation in self._listed}
            return
        found = self._reader.conversations_by_id(changed_ids)
        for conversation_id in changed_ids:
            before, now = self._known.pop(conversation_id, None), found.get(conversation_id)
            if before is not None:
                place = bisect_left(self._listed, _order(before), key=_order)
                del self._listed[self._listed.index(before, place)]
            if now is not None:
                self._known[conversation_id] = now
                self._listed.insert(bisect_left(self._listed, _order(now), key=_order), now)

    def neighbor_of(self, conversation_id: str) -> str | None:
        """The one below this, else the one above; None if there is no other."""
        ids = [conversation.id for conversation in self._listed]
        if conversation_id not in ids:
            return ids[0] if ids else None
        index = ids.index(conversation_id)
        rest = ids[index + 1 :] or ids[:index][::-1]
        return rest[0] if rest else None


def _order(conversation: Conversation) -> tuple[bool, float]:
    return not conversation.is_pinned, -(conversation.updated_at - _EPOCH).total_seconds()
