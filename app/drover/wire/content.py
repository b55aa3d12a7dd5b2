"""The content of one choice told apart while it streams: by tags, by the format of gpt-oss, or not at all."""

from __future__ import annotations

from collections.abc import Sequence

from drover.domain.reading import Reading, ReadingKind
from drover.wire.harmony import (
    MARKED_STARTS,
    HarmonySplitter,
    Piece,
    StrippedSplitter,
    begins_stripped,
)
from drover.wire.reasoning import TagSplitter

_Splitter = TagSplitter | HarmonySplitter | StrippedSplitter


class ContentSplitter:
    """Finds out from the first characters which form the content has, and splits it accordingly."""

    def __init__(
        self, tags: Sequence[tuple[str, str]], reading: Reading, *, starts_inside: bool, knows_harmony: bool
    ) -> None:
        """`starts_inside` is as for `TagSplitter`; `knows_harmony` says that the model writes the format of
        gpt-oss, so that it is recognized without its markers at the start, and anywhere with them."""
        self._tags = tuple(tags)
        self._starts_inside = starts_inside
        self._knows_harmony = knows_harmony
        self._blank: list[str] = []
        """The white space that the content begins with, as long as nothing else has come."""
        self._is_blank = True
        self._held = ""
        self._splitter: _Splitter | None = None
        match reading.kind:
            case ReadingKind.TAGS:
                self._splitter = TagSplitter(((reading.opening, reading.closing), *self._tags))
                self._knows_harmony = False
            case ReadingKind.UNTIL_CLOSED:
                own = ((reading.closing, reading.closing),) if reading.closing else ()
                self._splitter = TagSplitter((*own, *self._tags), starts_inside=True)
                self._knows_harmony = False
            case ReadingKind.HARMONY:
                self._splitter = HarmonySplitter()
            case ReadingKind.STRIPPED_HARMONY:
                self._splitter = StrippedSplitter()
            case _:
                pass

    @property
    def is_in_answer(self) -> bool:
        """Whether all further text belongs to the answer, so that `feed` need not be called for it."""
        splitter = self._splitter
        is_watched = self._knows_harmony and isinstance(splitter, TagSplitter)
        return splitter is not None and splitter.is_in_answer and not is_watched

    @property
    def source(self) -> str:
        """Where thinking was found, see `ReasoningPart.source`."""
        return "harmony" if isinstance(self._splitter, HarmonySplitter | StrippedSplitter) else "<think>"

    def feed(self, text: str) -> Sequence[tuple[int, str]]:
        """Stretches of (piece, text), none of them empty."""
        if self._is_blank:
            # Given on in one piece: to look through all of it again for each piece would take for ever.
            self._blank.append(text)
            if text.isspace():
                return []
            text, self._is_blank = "".join(self._blank), False
            self._blank.clear()
        splitter = self._splitter
        if splitter is None:
            text, self._held = self._held + text, ""
            splitter = self._splitter = self._chosen(text)
            if splitter is None:
                self._held = text
                return []
        pieces = splitter.feed(text)
        if self._knows_harmony and splitter.is_in_answer and isinstance(splitter, TagSplitter):
            self._splitter = watching = HarmonySplitter()
            return [
                piece
                for is_thinking, stretch in pieces
                for piece in ([(Piece.THINKING, stretch)] if is_thinking else watching.feed(stretch))
            ]
        return pieces

    def flush(self) -> Sequence[tuple[int, str]]:
        """What was held back for a tag that did not come. Call at the end of the content."""
        held, self._held = "".join(self._blank) + self._held, ""
        self._blank.clear()
        splitter = self._splitter
        if splitter is None:
            splitter = self._splitter = TagSplitter(self._tags, starts_inside=self._starts_inside)
        return [*splitter.feed(held), *splitter.flush()]

    def _chosen(self, text: str) -> _Splitter | None:
        """None as long as there is too little to tell."""
        body = text.lstrip()
        if body.startswith(MARKED_STARTS):
            return HarmonySplitter()
        if any(start.startswith(body) for start in MARKED_STARTS):
            return None
        is_stripped = begins_stripped(body) if self._knows_harmony else False
        if is_stripped is None:
            return None
        if is_stripped:
            return StrippedSplitter()
        return TagSplitter(self._tags, starts_inside=self._starts_inside)
