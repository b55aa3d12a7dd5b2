"""Heights of things above one another: where each begins, and which one stands at a height."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate

_BLOCK = 128


class StackedHeights:
    """Heights in pixels with a gap between them. A change or a question costs the same among ten as among
    ten thousand, since sums are kept of blocks of them."""

    def __init__(self, gap: int) -> None:
        self._gap = gap
        self._heights: list[int] = []
        self._sums: list[int] = []
        """Of each block, gaps included."""

    def __len__(self) -> int:
        return len(self._heights)

    def __getitem__(self, index: int) -> int:
        return self._heights[index]

    def __setitem__(self, index: int, height: int) -> None:
        self._sums[index // _BLOCK] += height - self._heights[index]
        self._heights[index] = height

    @property
    def total(self) -> int:
        """From the top of the first to the bottom of the last."""
        return sum(self._sums) - self._gap if self._heights else 0

    def replace_from(self, first: int, heights: Sequence[int]) -> None:
        """Puts these in the place of everything from `first` on."""
        self._heights[first:] = heights
        block = first // _BLOCK
        del self._sums[block:]
        for start in range(block * _BLOCK, len(self._heights), _BLOCK):
            part = self._heights[start : start + _BLOCK]
            self._sums.append(sum(part) + self._gap * len(part))

    def top(self, index: int) -> int:
        """Where this one begins; `index` may be one past the last."""
        block, rest = divmod(index, _BLOCK)
        start = block * _BLOCK
        return sum(self._sums[:block]) + sum(self._heights[start:index]) + self._gap * rest

    def index_at(self, y: int) -> int:
        """The last one that begins at this height or above it; 0 if there is none."""
        block = max(0, bisect_right(list(accumulate(self._sums, initial=0)), y) - 1)
        start = min(block, max(0, len(self._sums) - 1)) * _BLOCK
        part = (height + self._gap for height in self._heights[start : start + _BLOCK - 1])
        inside = bisect_right(list(accumulate(part, initial=0)), y - sum(self._sums[: start // _BLOCK]))
        return max(0, min(len(self._heights) - 1, start + max(0, inside - 1)))
