"""The messages of a conversation above one another: how high each is, and the few that have widgets."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from drover.domain.conversation import Node, Role
from drover.ui.entries import Entries, ListedEntries
from drover.ui.message_view import TEXT_INSET, MessageView, TranscriptEntry
from drover.ui.stacked_heights import StackedHeights
from drover.ui.theme import theme

_MARGIN, _GAP = 16, 16
_CHAR_PX = 7.3
_MARKUP = 1.3
"""How much higher an answer is than its characters as one paragraph."""


@dataclass(slots=True, eq=False)
class _Slot:
    """A message that has a view."""

    view: MessageView
    height: int = 0
    width: int = -1
    """For which the height holds; -1 if it has to be laid out."""


class MessageStack:
    """Heights are exact where a message has been laid out, else estimated from its size; no question reads
    or walks all messages. Distances are from the top of the page, in pixels."""

    def __init__(
        self,
        make_view: Callable[[TranscriptEntry], MessageView],
        free_view: Callable[[MessageView], None],
    ) -> None:
        """`make_view` makes the widget of a message when it is needed, `free_view` deletes it."""
        self._make_view, self._free_view = make_view, free_view
        self._entries: Entries = ListedEntries()
        self._index: dict[str, int] = {}
        self._heights = StackedHeights(_GAP)
        self._slots: dict[int, _Slot] = {}
        self._width = -1
        self._is_estimate_old = False

    def __len__(self) -> int:
        return len(self._heights)

    @property
    def entries(self) -> Entries:
        """What it shows."""
        return self._entries

    @property
    def views(self) -> list[MessageView]:
        """The messages that have widgets, in order."""
        return [self._slots[index].view for index in sorted(self._slots)]

    @property
    def realized(self) -> Iterable[int]:
        """The indices of the messages that have widgets, in no order."""
        return self._slots.keys()

    @property
    def total(self) -> int:
        """The height of the page."""
        return self._heights.total + 2 * _MARGIN if len(self._heights) else 0

    def id_at(self, index: int) -> str:
        """The message at this index."""
        return self._entries.nodes[index].id

    def index_of(self, message_id: str) -> int | None:
        """Where a message stands; None for one that is not shown."""
        return self._index.get(message_id)

    def view_at(self, index: int) -> MessageView | None:
        """The widget of a message, if it has one."""
        slot = self._slots.get(index)
        return slot.view if slot is not None else None

    def height_of(self, index: int) -> int:
        """As far as it is known."""
        return self._heights[index]

    def top_of(self, index: int) -> int:
        """Where a message begins."""
        return _MARGIN + self._heights.top(index)

    def first_below(self, y: int) -> int:
        """The first message that reaches below this height; the length of the stack if none does."""
        if not len(self._heights):
            return 0
        index = self._heights.index_at(y - _MARGIN)
        return index + (self.top_of(index) + self._heights[index] < y)

    # Contents

    def take_over(self, entries: Entries) -> None:
        """Shows these messages. Those that stay in their place keep their widgets and heights."""
        before, nodes = self._entries.nodes, entries.nodes
        same = _common_length(before, nodes)
        stale = [i for i in self._slots if i >= same and (i >= len(nodes) or nodes[i].id != before[i].id)]
        gone = [self._slots.pop(index).view for index in stale]
        for node in before[same:]:
            self._index.pop(node.id, None)
        for index in range(same, len(nodes)):
            self._index[nodes[index].id] = index
        self._entries = entries
        self._heights.replace_from(same, self._estimates(nodes[same:]))
        for index, slot in self._slots.items():
            self._heights[index] = slot.height
            entry = entries[index]
            if entry != slot.view.entry:
                slot.view.display(entry)
                slot.width = -1
        for view in gone:  # last, since the keyboard may go from one of them to another message
            self._free_view(view)

    def clear(self) -> None:
        """Shows nothing, and forgets all widgets."""
        self.take_over(ListedEntries())

    def made(self, index: int) -> MessageView:
        """The message with its widget."""
        return self._made(index).view

    def release(self, index: int) -> None:
        """Frees the widget of a message; its height stays known."""
        self._free_view(self._slots.pop(index).view)

    # Layout

    def set_width(self, width: int) -> None:
        """How wide messages are. Heights that hold for another width become estimates."""
        if width == self._width and not self._is_estimate_old:
            return
        self._width, self._is_estimate_old = width, False
        self._heights.replace_from(0, self._estimates(self._entries.nodes))
        for index, slot in self._slots.items():
            self._heights[index] = slot.height

    def invalidate(self, index: int) -> None:
        """The message has to be laid out again before it is seen."""
        slot = self._slots.get(index)
        if slot is not None:
            slot.width = -1

    def invalidate_all(self) -> None:
        """So have all, and estimates do not hold either: `set_width` makes them anew."""
        self._is_estimate_old = True
        for slot in self._slots.values():
            slot.width = -1

    def is_ready(self, index: int, top: int, bottom: int) -> bool:
        """Whether what of a message lies between these heights could be painted as it is."""
        slot = self._slots.get(index)
        if slot is None or slot.width != self._width:
            return False
        y = self.top_of(index)
        return slot.view.is_revealed(top - y, bottom - y)

    def make_ready(self, index: int, top: int, bottom: int) -> None:
        """Makes and lays out what of a message lies between these heights."""
        slot = self._slots.get(index)
        if slot is None or slot.width != self._width:
            self.measure(index)
        y = self.top_of(index)
        if self._slots[index].view.reveal(top - y, bottom - y):
            self.measure(index)

    def measure(self, index: int) -> None:
        """Lays out a message, for which its widget is made if need be; its height is exact then."""
        slot = self._made(index)
        slot.width = self._width
        self._heights[index] = slot.height = slot.view.lay_out(self._width)

    def place(self, left: int, top: int) -> None:
        """Puts the widgets where they belong when the view begins at `top`, and shows them."""
        for index, slot in self._slots.items():
            geometry = (left, self.top_of(index) - top, self._width, slot.height)
            if slot.view.geometry().getRect() != geometry:
                slot.view.setGeometry(*geometry)
            if slot.view.isHidden():
                slot.view.show()

    def _made(self, index: int) -> _Slot:
        slot = self._slots.get(index)
        if slot is None:
            slot = _Slot(self._make_view(self._entries[index]))
            following = min((other for other in self._slots if other > index), default=None)
            if following is not None:  # reading order, also for assistive technology
                slot.view.stackUnder(self._slots[following].view)
            self._slots[index] = slot
        return slot

    def _estimates(self, nodes: Sequence[Node]) -> list[int]:
        line, scale = theme().line_height("body"), theme().px
        per_line = max(10.0, (self._width - 2 * TEXT_INSET) / (scale(100) / 100 * _CHAR_PX))
        own, other, thought = scale(46), scale(60), scale(96)
        heights = []
        for _, _, role, _, text_chars, reasoning_chars, _ in nodes:
            if role is Role.USER:
                heights.append(own + line * (1 + int(text_chars / per_line)))
            else:
                above = thought if reasoning_chars else other
                heights.append(above + line * (1 + int(_MARKUP * text_chars / per_line)))
        return heights


def _common_length(first: Sequence[Node], second: Sequence[Node]) -> int:
    """How many nodes at the beginning are the same."""
    count = min(len(first), len(second))
    if first[:count] == second[:count]:
        return count
    return next(index for index in range(count) if first[index] != second[index])
