"""Cuts a text into runs of lines while it arrives, to be shown as it was written."""

from __future__ import annotations

from typing import Final

from drover.markdown_blocks import Block, Source, clean_line

MOST_LINES: Final = 50
MOST_CHARS: Final = 4000
"""No run is longer, so that only what is seen of a long text is laid out."""


class SourceSplitter:
    """Takes the place of a BlockSplitter: the runs do not depend on where the pieces were cut."""

    def __init__(self) -> None:
        self.settled: list[Block] = []
        """Runs that will never change. Only ever appended to."""
        self._rest = ""
        self._joint: str | None = None

    @property
    def tail(self) -> list[Block]:
        """What follows them for now: one run."""
        return [self._block(self._rest)] if self._rest else []

    def feed(self, text: str) -> None:
        """Takes the next piece."""
        rest, start = self._rest + text, 0
        while (end := _end_of_run(rest, start)) is not None:
            is_line_end = rest[end] == "\n"
            self.settled.append(self._block(rest[start:end]))
            self._joint = "\n" if is_line_end else ""
            start = end + 1 if is_line_end else end
        self._rest = rest[start:]

    def finish(self) -> None:
        """Says that nothing follows."""
        self.settled += self.tail
        self._rest = ""

    def _block(self, text: str) -> Block:
        return Block(
            Source("\n".join(clean_line(line.rstrip("\r")) for line in text.split("\n")), self._joint)
        )


def _end_of_run(text: str, start: int) -> int | None:
    """Where the run that begins here ends; None while it cannot be told yet."""
    furthest, end = start + MOST_CHARS, start - 1
    for _ in range(MOST_LINES):
        following = text.find("\n", end + 1, furthest + 1)
        if following < 0:
            break
        end = following
    else:
        return end
    if len(text) <= furthest + 1:
        return None
    if end > start:
        return end
    return furthest - 1 if "\ud800" <= text[furthest - 1] <= "\udbff" else furthest
