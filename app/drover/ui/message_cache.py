"""Messages and their runs, read when they are needed and kept while there is room."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from drover.domain.conversation import Message, Node
from drover.domain.run import Run
from drover.store.library import Library

_MOST_CHARS = 1_000_000
_BATCH = 48
_BATCH_CHARS = 100_000
_OVERHEAD_CHARS = 1000
"""What a message costs beside its text, most of it for its run."""


class MessageCache:
    """Reads in batches of neighbors. What was not asked for longest is forgotten first."""

    def __init__(self, reader: Library, *, most_chars: int = _MOST_CHARS) -> None:
        self._reader = reader
        self._most_chars = most_chars
        self._read: dict[str, tuple[Message, Run | None]] = {}
        self._chars = 0

    def get(self, message_id: str) -> tuple[Message, Run | None] | None:
        """A stored message and the run that made it; None for an unknown one."""
        found = self._read.pop(message_id, None)
        if found is not None:
            self._read[message_id] = found  # now the one asked for last
        else:
            found = self._load([message_id]).get(message_id)
        return found

    def get_near(self, nodes: Sequence[Node], index: int) -> tuple[Message, Run | None] | None:
        """The message at this index; if it has to be read, those around it come along."""
        message_id = nodes[index].id
        if message_id not in self._read:
            found = self._load([node.id for node in _around(nodes, index) if node.id not in self._read])
            return found.get(message_id)
        return self.get(message_id)

    def forget(self, message_ids: Iterable[str], run_ids: Collection[str] = ()) -> None:
        """What is stored of these has changed."""
        gone = set(message_ids)
        if run_ids:
            gone.update(message.id for message, _ in self._read.values() if message.run_id in run_ids)
        for message_id in gone:
            self._drop(message_id)

    def clear(self) -> None:
        """Forgets everything."""
        self._read.clear()
        self._chars = 0

    def _load(self, message_ids: Collection[str]) -> dict[str, tuple[Message, Run | None]]:
        messages = self._reader.messages_by_id(message_ids)
        runs = self._reader.runs_by_id([m.run_id for m in messages.values() if m.run_id is not None])
        found = {m.id: (m, runs.get(m.run_id or "")) for m in messages.values()}
        self._read |= found
        self._chars += sum(_size(message) for message in messages.values())
        oldest = iter(list(self._read))
        while self._chars > self._most_chars and len(self._read) > len(found):
            self._drop(next(oldest))
        return found

    def _drop(self, message_id: str) -> None:
        found = self._read.pop(message_id, None)
        if found is not None:
            self._chars -= _size(found[0])


def _size(message: Message) -> int:
    return len(message.text) + len(message.reasoning) + _OVERHEAD_CHARS


def _around(nodes: Sequence[Node], index: int) -> list[Node]:
    """The nodes around this one, itself included, as many as make a batch."""
    first = end = index
    chars = 0
    while chars < _BATCH_CHARS and end - first < _BATCH and (first > 0 or end < len(nodes)):
        if end < len(nodes):
            chars += nodes[end].text_chars + nodes[end].reasoning_chars
            end += 1
        if first > 0:
            first -= 1
            chars += nodes[first].text_chars + nodes[first].reasoning_chars
    return list(nodes[first:end])
