"""What the rooms of the Workbench may do with its library and its listener."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from drover.store.library import Changes, Library


class LibraryDesk(Protocol):
    """The library, on the thread where it is written, and a voice."""

    async def read(self, work: Callable[[Library], Any]) -> Any:
        """What a query gives."""

    async def write(self, verb: Callable[[Library], Changes]) -> Changes:
        """One transaction, told to the listener."""

    def inform(self, words: str) -> None:
        """Tells the person what has happened."""

    def warn(self, words: str) -> None:
        """Tells the person what is not as it should be."""
