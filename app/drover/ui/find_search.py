"""Looks for hits in a conversation piece by piece, so that nothing ever waits for it.

What is asked for is found first: the hit at or after a place. Then the rest of the shown branch is counted,
then the other versions. What has been found in a message is kept, whichever branch is shown.
"""

from __future__ import annotations

import time
from array import array
from bisect import bisect_left
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from drover.domain.matching import Matcher
from drover.markdown_blocks import Block, BlockSplitter, CodeBlock, Heading, MathBlock, Paragraph, Rule, Table
from drover.ui.markdown_inline import Span, SpanKind, parse_inline
from drover.ui.markdown_places import Place, shown_text

Part: TypeAlias = Literal["reasoning", "body"]
PARTS: Final[tuple[Part, Part]] = ("reasoning", "body")
"""The parts of a message that are searched, in reading order."""
_PIECE_CHARS = 2048
_OBJECT_CHARACTER = "\ufffc"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """Where what was looked for stands in a message."""

    message_id: str
    part: Part
    start: Place
    end: Place
    """In the same block."""


class HitList(Sequence[tuple[Place, Place]]):
    """The hits in one part of a message, in order. Grows at its end only, except for those in the tail."""

    def __init__(self) -> None:
        self._numbers = array("I")  # block, start, end of each: there may be a million
        self.revision = 0
        """Another number after each change."""

    def __len__(self) -> int:
        return len(self._numbers) // 3

    def __getitem__(self, index: int) -> tuple[Place, Place]:  # type: ignore[override]
        """The (start, end) of one hit; IndexError beyond the last."""
        if not 0 <= index < len(self):
            raise IndexError(index)
        block, start, end = self._numbers[3 * index : 3 * index + 3]
        return Place(block, start), Place(block, end)

    def first_from(self, place: Place) -> int:
        """The index of the first hit that starts at or after a place."""
        return bisect_left(self, place, key=_start_of)

    def near(self, first: Place, last: Place) -> Iterator[tuple[Place, Place]]:
        """The hits that start from `first` to `last`, and the one before them."""
        for index in range(max(0, self.first_from(first) - 1), len(self)):
            hit = self[index]
            if hit[0] > last:
                return
            yield hit

    def append(self, block: int, start: int, end: int) -> None:
        """Adds a hit after all others."""
        self._numbers.extend((block, start, end))
        self.revision += 1

    def cut(self, length: int) -> None:
        """Drops all but the first hits."""
        if length < len(self):
            del self._numbers[3 * length :]
            self.revision += 1


def _start_of(hit: tuple[Place, Place]) -> Place:
    return hit[0]


class _Body:
    """The hits in one body of Markdown, which may grow."""

    def __init__(self, matcher: Matcher) -> None:
        self._matcher = matcher
        self._splitter = BlockSplitter()
        self._searched = self._settled_hits = 0
        self.hits = HitList()

    def search(self, text: str, *, is_finished: bool) -> Iterator[None]:
        """Takes more of the text; each turn is a small piece of work."""
        for start in range(0, len(text), _PIECE_CHARS):
            self._splitter.feed(text[start : start + _PIECE_CHARS])
            yield from self._search_settled()
        if is_finished:
            self._splitter.finish()
            yield from self._search_settled()
        self.hits.cut(self._settled_hits)
        for number, block in enumerate(self._splitter.tail, self._searched):
            self._search_block(block, number, is_open=True)
            yield

    def _search_settled(self) -> Iterator[None]:
        settled = self._splitter.settled
        if self._searched < len(settled):
            self.hits.cut(self._settled_hits)
        while self._searched < len(settled):
            self._search_block(settled[self._searched], self._searched, is_open=False)
            self._searched += 1
            self._settled_hits = len(self.hits)
            yield

    def _search_block(self, block: Block, number: int, *, is_open: bool) -> None:
        for start, end in hits_in_block(self._matcher, block, is_open=is_open):
            self.hits.append(number, start, end)


def hits_in_block(matcher: Matcher, block: Block, *, is_open: bool = False) -> list[tuple[int, int]]:
    """The (start, end) of each hit in what a reader sees of a block. A formula is found by its source."""
    text = shown_text(block, is_open=is_open)
    found = matcher.find(text)
    if _OBJECT_CHARACTER in text:
        at = -1
        formulas = []
        for tex in _formulas(block, is_open=is_open):
            at = text.index(_OBJECT_CHARACTER, at + 1)
            if matcher.find(tex):
                formulas.append((at, at + 1))
        if formulas:
            covered = {at for at, _ in formulas}
            others = [(start, end) for start, end in found if covered.isdisjoint(range(start, end))]
            found = sorted([*others, *formulas])
    return found


def _formulas(block: Block, *, is_open: bool) -> Iterator[str]:
    """The source of each formula in a block."""
    match block.content:
        case MathBlock(tex=tex):
            yield tex
        case Paragraph(text=text) | Heading(text=text):
            yield from _formulas_in(parse_inline(text, is_open=is_open))
        case Table(header=header, rows=rows, is_continued=is_continued):
            for line in rows if is_continued else (header, *rows):
                for cell in line:
                    yield from _formulas_in(parse_inline(cell, breaks_at_tags=True))
        case CodeBlock() | Rule():
            pass


def _formulas_in(spans: Sequence[Span]) -> Iterator[str]:
    for span in spans:
        if span.kind in (SpanKind.MATH, SpanKind.DISPLAY_MATH) and span.text.strip():
            yield span.text


class _Message:
    """The search through one message."""

    def __init__(self, matcher: Matcher) -> None:
        self._matcher = matcher
        self._bodies: dict[str, _Body] = {}
        self._work: Iterator[None] = iter(())
        self.is_done = True

    def read(self, reasoning: str, text: str, *, is_finished: bool, is_live: bool = False) -> None:
        """Takes all of its text or, of a live one, what is new of it."""
        self._work = self._search(self._work, (reasoning, text), is_finished, is_live)
        self.is_done = False

    def step(self) -> None:
        """Does a small piece of work."""
        self.is_done = next(self._work, True) is not None

    def hits(self, part: str) -> HitList:
        """What has been found so far."""
        body = self._bodies.get(part)
        return body.hits if body is not None else HitList()

    @property
    def count(self) -> int:
        """How many hits have been found so far."""
        return sum(len(body.hits) for body in self._bodies.values())

    def _search(
        self, before: Iterator[None], texts: tuple[str, str], is_finished: bool, is_live: bool
    ) -> Iterator[None]:
        yield from before
        for part, text in zip(PARTS, texts, strict=True):
            body = self._bodies.get(part)
            if body is None:
                if not text or not (is_live or self._matcher.may_be_in(text)):
                    continue
                body = self._bodies[part] = _Body(self._matcher)
            yield from body.search(text, is_finished=is_finished)


@dataclass(slots=True)
class _Wish:
    """A hit that is looked for."""

    message_id: str
    part: str
    place: Place
    step: int
    """1: the first that starts at or after the place; -1: the last that starts before it."""
    passed: int = 0
    """How many messages have been looked through in vain."""


class ConversationSearch:
    """What is found in a conversation. Work is done only by `work`."""

    def __init__(self, matcher: Matcher, read: Callable[[str], tuple[str, str]]) -> None:
        """`read` gives reasoning and text of a stored message."""
        self._matcher = matcher
        self._read = read
        self._messages: dict[str, _Message] = {}
        self._growing: set[str] = set()
        self._branch: list[str] = []
        self._index: dict[str, int] = {}
        self._others: list[str] = []
        self._wish: _Wish | None = None
        # What is left to count, the next one last.
        self._left: list[str] = []
        self._left_elsewhere: list[str] = []
        self.total = 0
        """Hits found on the shown branch so far."""
        self.elsewhere = 0
        """Hits found in other versions so far."""

    # What is searched

    def display(self, branch: Sequence[str], others: Sequence[str]) -> None:
        """The messages of the shown branch in order, and all others. A live one is known by `grow`."""
        self._branch, self._others = list(branch), list(others)
        self._index = {message_id: index for index, message_id in enumerate(self._branch)}
        known = {*self._branch, *self._others}
        self._messages = {key: value for key, value in self._messages.items() if key in known}
        self._growing &= known
        self.total = sum(map(self._count, self._branch))
        self.elsewhere = sum(map(self._count, self._others))
        if self._wish is not None and self._wish.message_id not in self._index:
            self._wish = None
        self._plan(0)

    def grow(self, message_id: str, reasoning: str, text: str, *, is_finished: bool = False) -> None:
        """Takes what is new of a live reply; `is_finished` says that no more will follow."""
        if message_id not in self._messages:
            self._messages[message_id] = _Message(self._matcher)
        self._messages[message_id].read(reasoning, text, is_finished=is_finished, is_live=True)
        self._growing.add(message_id)

    def forget(self, message_id: str) -> None:
        """Its text has become another one: it is read when `display` names it the next time."""
        self._messages.pop(message_id, None)
        self._growing.discard(message_id)

    # What is found

    @property
    def is_counting(self) -> bool:
        """Whether there may be more on the shown branch."""
        return bool(self._left)

    @property
    def is_busy(self) -> bool:
        """Whether `work` has something to do."""
        return bool(self._wish is not None or self._growing or self._left or self._left_elsewhere)

    def hits(self, message_id: str, part: str) -> HitList:
        """What has been found so far in one part of a message."""
        message = self._messages.get(message_id)
        return message.hits(part) if message is not None else HitList()

    def ordinal(self, hit: Hit) -> int:
        """Which hit of the shown branch it is, from 1; exact once nothing before it is left to count."""
        before = sum(map(self._count, self._branch[: self._index.get(hit.message_id, 0)]))
        for part in PARTS:
            hits = self.hits(hit.message_id, part)
            if part == hit.part:
                return before + hits.first_from(hit.start) + 1
            before += len(hits)
        return before

    def seek(self, message_id: str, part: str, place: Place, step: int = 1) -> None:
        """Asks for the first hit at or after a place of the shown branch, or (-1) for the last one before it.

        The search goes on at the other end of the conversation. `work` returns the hit.
        """
        if message_id in self._index:
            self._wish = _Wish(message_id, part, place, step)
            if len(self._left) == len(self._branch):
                self._plan(self._index[message_id])

    def first_elsewhere(self, besides: Collection[str] = ()) -> Hit | None:
        """The first hit found in another version: in messages that are not among these, if there is one."""
        for message_id in sorted(self._others, key=besides.__contains__):
            for part in PARTS:
                for start, end in self.hits(message_id, part):
                    return Hit(message_id=message_id, part=part, start=start, end=end)
        return None

    # Work

    def work(self, budget_s: float) -> Hit | None:
        """Searches for about so long; returns what was sought, once it is found."""
        deadline = time.monotonic() + budget_s
        while self.is_busy:
            if self._wish is None:
                self._count_on()
            elif (found := self._pursue(self._wish)) is not None:
                return found
            if time.monotonic() >= deadline:
                break
        return None

    def _plan(self, first: int) -> None:
        """Counts from here to the end, then from the beginning, then elsewhere."""
        order = self._branch[first:] + self._branch[:first]
        self._left = [message_id for message_id in reversed(order) if not self._is_searched(message_id)]
        self._left_elsewhere = [key for key in reversed(self._others) if not self._is_searched(key)]

    def _pursue(self, wish: _Wish) -> Hit | None:
        """Looks through the next message on the way to what is wished for."""
        count = len(self._branch)
        message_id = self._branch[(self._index[wish.message_id] + wish.step * wish.passed) % count]
        if not self._advance(message_id):
            return None
        hit = self._wished_in(message_id, wish)
        if hit is not None or wish.passed >= count:
            self._wish = None
            return hit
        wish.passed += 1
        return None

    def _wished_in(self, message_id: str, wish: _Wish) -> Hit | None:
        is_forward = wish.step > 0
        for part in PARTS if is_forward else reversed(PARTS):
            hits = self.hits(message_id, part)
            low, high = 0, len(hits)
            if wish.passed == 0:  # the rest of this message comes last, after all others
                if part == wish.part:
                    cut = hits.first_from(wish.place)
                    low, high = (cut, high) if is_forward else (0, cut)
                elif (part == "body") != is_forward:
                    high = 0
            if low < high:
                start, end = hits[low if is_forward else high - 1]
                return Hit(message_id=message_id, part=part, start=start, end=end)
        return None

    def _count_on(self) -> None:
        """Does a piece of work on what is left to count."""
        if self._growing:
            message_id = next(iter(self._growing))
            if self._advance(message_id):
                self._growing.discard(message_id)
            return
        left = self._left or self._left_elsewhere
        if self._advance(left[-1]):
            left.pop()

    def _advance(self, message_id: str) -> bool:
        """Does a piece of work on a message; whether it has been searched to its end."""
        message = self._messages.get(message_id)
        if message is None:
            message = self._messages[message_id] = _Message(self._matcher)
            message.read(*self._read(message_id), is_finished=True)
        if not message.is_done:
            before = message.count
            message.step()
            if message_id in self._index:
                self.total += message.count - before
            else:
                self.elsewhere += message.count - before
        return message.is_done

    def _is_searched(self, message_id: str) -> bool:
        message = self._messages.get(message_id)
        return message is not None and message.is_done

    def _count(self, message_id: str) -> int:
        message = self._messages.get(message_id)
        return message.count if message is not None else 0
