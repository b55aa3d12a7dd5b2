"""The selected part of a conversation as text that can be pasted elsewhere."""

from __future__ import annotations

import weakref
from typing import Any, Protocol

import shiboken6
from PySide6.QtCore import QMetaType, QMimeData

from drover.ui import rich_copy
from drover.ui.markdown_places import Range
from drover.ui.rich_copy import Excerpt
from drover.ui.selection import PARTS, Spot, ranges_between


class Source(Protocol):
    """What holds the messages."""

    def index_of(self, message_id: str) -> int | None:
        """Where the message stands; None if it is not shown."""

    def excerpt(self, index: int, part: str, selected: Range) -> Excerpt | None:
        """What of a part of a message lies between two places; None if that is nothing, or not shown."""


def excerpts(source: Source, ends: tuple[Spot, Spot]) -> list[Excerpt]:
    """What lies between two places, message by message. Reads all of them."""
    keys = []
    for spot in ends:
        index = source.index_of(spot.message_id)
        if index is None:
            return []
        keys.append((index, PARTS.index(spot.part), spot.place))
    found = []
    for index in range(keys[0][0], keys[1][0] + 1):
        for part, selected in ranges_between(keys[0], keys[1], index).items():
            excerpt = source.excerpt(index, part, selected)
            if excerpt is not None:
                found.append(excerpt)
    return found


class LazyExcerpt(QMimeData):
    """A selection whose text is made only when another program asks for it."""

    def __init__(self, source: Source, ends: tuple[Spot, Spot]) -> None:
        super().__init__()
        self._source = weakref.ref(source)
        self._ends = ends

    def formats(self) -> list[str]:
        """Plain text only."""
        return ["text/plain"]

    def hasFormat(self, mime_type: str) -> bool:
        """Plain text only."""
        return mime_type == "text/plain"

    def retrieveData(self, mime_type: str, kind: QMetaType | QMetaType.Type) -> Any:
        """The Markdown of what was selected, as far as it is still there."""
        source = self._source()
        if mime_type != "text/plain" or source is None or not shiboken6.isValid(source):
            return None
        return rich_copy.as_markdown(excerpts(source, self._ends))
