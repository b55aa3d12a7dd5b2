"""The messages that a transcript shows, of which only those that are looked at are read."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING

from drover.domain.conversation import Node

if TYPE_CHECKING:
    from drover.domain.run import LiveRun
    from drover.ui.message_view import TranscriptEntry


class Entries(ABC):
    """A branch as it stands at one moment. Neither `len` nor `nodes` reads a message; an index may."""

    @property
    @abstractmethod
    def nodes(self) -> Sequence[Node]:
        """Ids, roles and sizes in order; that of a live reply is empty. Not changed by anyone."""

    @property
    @abstractmethod
    def live(self) -> LiveRun | None:
        """The run of the message that may still grow."""

    @abstractmethod
    def __getitem__(self, index: int) -> TranscriptEntry:
        """One message in full; what is near it is read along, in one query."""

    def __len__(self) -> int:
        return len(self.nodes)


class ListedEntries(Entries):
    """Messages that are all at hand."""

    def __init__(self, entries: Sequence[TranscriptEntry] = ()) -> None:
        self._entries = list(entries)
        self._nodes = [Node.of(entry.message) for entry in self._entries]
        self._live = next((entry.live for entry in self._entries if entry.live is not None), None)

    @property
    def nodes(self) -> Sequence[Node]:
        return self._nodes

    @property
    def live(self) -> LiveRun | None:
        return self._live

    def __getitem__(self, index: int) -> TranscriptEntry:
        return self._entries[index]
