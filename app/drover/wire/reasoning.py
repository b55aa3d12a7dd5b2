"""Thinking written into the answer between tags, told apart while it streams, at any cut."""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import Enum, auto

DEFAULT_TAGS: tuple[tuple[str, str], ...] = (
    ("<think>", "</think>"),
    ("<thought>", "</thought>"),
    ("◁think▷", "◁/think▷"),
    ("[THINK]", "[/THINK]"),
    ("<|channel>thought", "<channel|>"),
)
"""Opening and closing tags: most open models, Gemini's compatible endpoint, Kimi, Magistral, Gemma 4
(lmstudio-ai/lmstudio-bug-tracker#2013)."""

_SPACE = re.compile(r"\s*")


class _State(Enum):
    START = auto()  # nothing but white space so far
    OPENED = auto()  # inside, nothing but white space so far
    INSIDE = auto()
    CLOSED = auto()  # after a closing tag, nothing but white space so far
    ANSWER = auto()


class TagSplitter:
    """Splits the content of one choice into thinking and answer.

    Tags count only where they can be meant: the opening one at the very start (white space may come before)
    or directly after a closing one, the closing one inside. An answer that quotes tags later is left alone.
    White space after an opening tag and between a closing tag and the answer is dropped; all other text comes
    out exactly once and in order. At most one tag's length of text, or white space, is held back.
    """

    def __init__(
        self, tags: Sequence[tuple[str, str]] = DEFAULT_TAGS, *, starts_inside: bool = False
    ) -> None:
        """`starts_inside`: the prompt has already opened the tag, so only the closing one will come."""
        self._tags = tuple(tags)
        self._longest = max(len(opening) for opening, _ in self._tags)
        self._starts_inside = starts_inside
        self._closes = tuple(dict.fromkeys(closing for _, closing in self._tags))
        """What may end the thinking: any of them, until an opening tag has said which."""
        self._held = ""
        self._state = _State.START

    @property
    def is_in_answer(self) -> bool:
        """Whether all further text belongs to the answer, so that `feed` need not be called for it."""
        return self._state is _State.ANSWER

    def feed(self, text: str) -> list[tuple[bool, str]]:
        """Stretches of (is reasoning, text), none of them empty."""
        out: list[tuple[bool, str]] = []
        text, self._held = self._held + text, ""
        at = 0
        while at < len(text):
            if self._state is _State.ANSWER:
                out.append((False, text[at:] if at else text))
                break
            at = self._inside(text, at, out) if self._state is _State.INSIDE else self._between(text, at)
        return out

    def flush(self) -> list[tuple[bool, str]]:
        """What was held back for a tag that did not come. Call at the end of the content."""
        held, self._held = self._held, ""
        is_reasoning = self._state is _State.INSIDE
        if held and not is_reasoning:
            self._state = _State.ANSWER
        return [(is_reasoning, held)] if held else []

    # Both take the text from a place on, and return from where it goes on: copying the rest each time would
    # take quadratic time where there are many tags.

    def _between(self, text: str, start: int) -> int:
        """Decides what begins here."""
        at = _SPACE.match(text, start).end()  # type: ignore[union-attr]
        if self._state is _State.OPENED:
            if at < len(text):
                self._state = _State.INSIDE
            return at
        for opening, closing in self._tags:
            if text.startswith(opening, at):
                self._state, self._closes = _State.OPENED, (closing,)
                return at + len(opening)
        rest = text[at : at + self._longest]
        if len(rest) < self._longest and any(opening.startswith(rest) for opening, _ in self._tags):
            # White space behind thinking is dropped anyway.
            self._held = text[at if self._state is _State.CLOSED else start :]
            return len(text)
        if self._state is _State.START and self._starts_inside:
            self._state = _State.INSIDE
            return at
        was_closed = self._state is _State.CLOSED
        self._state = _State.ANSWER
        return at if was_closed else start

    def _inside(self, text: str, start: int, out: list[tuple[bool, str]]) -> int:
        """Emits the thinking up to the closing tag, or up to what may become one."""
        found = [(end, close) for close in self._closes if (end := text.find(close, start)) >= 0]
        if found:
            end, close = min(found)
            if end > start:
                out.append((True, text[start:end]))
            self._state = _State.CLOSED
            return end + len(close)
        cut = max(start, min(_possible_start(text, close) for close in self._closes))
        if cut > start:
            out.append((True, text[start:cut]))
        self._held = text[cut:]
        return len(text)


def _possible_start(text: str, tag: str) -> int:
    """Where what may become the tag begins at the end of the text; its length if nothing may."""
    cut = text.find(tag[0], max(0, len(text) - len(tag) + 1))
    while cut >= 0:
        if tag.startswith(text[cut:]):
            return cut
        cut = text.find(tag[0], cut + 1)
    return len(text)
