"""Finds what a person typed in text as it is read: without regard to case, accents and kinds of quotes.

Folding may change the length of a text ("ß" becomes "ss", an accent of its own disappears), so each place
found is told in characters of the text that was given. A character that matches in part matches as a whole.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

_MAX_QUERY_CHARS = 500
_UNSPACED = re.compile("[\u1100-\u11ff\u3040-\u30ff\u3130-\u318f\uac00-\ud7af\uff66-\uff9f]")
"""Japanese and Korean: their marks tell words apart and are no ornament."""
_KANA_MARKS = "\u3099\u309a"
_TYPED_AS = {
    "‘": "'", "’": "'", "ʼ": "'", "“": '"', "”": '"', "„": '"',
    "\u2010": "-", "\u2011": "-", "\u2212": "-",
}  # fmt: skip
"""What a keyboard gives for signs that writers prefer to it."""
_UNSEEN = frozenset("\u00ad\u200b\u200c\u2060\ufe0e\ufe0f\ufeff")
_MARKUP = str.maketrans("", "", "*_~`\\")
_UNTELLING = re.compile(r"&#?\w|!\[|\[\^|\]\([^\n]*?\)\w")
"""Markup that may stand inside a word, or that shows words which are not in the source."""
_REQUIRED = re.compile(r"[^\W_]+|[^\x00-\x7f\s]+")


class _Folds(dict[int, str]):
    """What each character counts as: mostly one other, now and then none or several."""

    def __init__(self, *, keeps_case: bool) -> None:
        super().__init__()
        self._keeps_case = keeps_case

    def __missing__(self, codepoint: int) -> str:
        folded = self[codepoint] = self._fold(chr(codepoint))
        return folded

    def _fold(self, character: str) -> str:
        if character in _UNSEEN:
            return ""
        character = _TYPED_AS.get(character, character)
        if self._keeps_case:
            return character
        if unicodedata.combining(character):
            return character if character in _KANA_MARKS else ""
        apart = unicodedata.normalize("NFD", character)
        if all(map(unicodedata.combining, apart[1:])) and not _UNSPACED.match(character):
            character = apart[0]
        return character.casefold()


_LOOSE, _EXACT = _Folds(keeps_case=False), _Folds(keeps_case=True)


class Matcher:
    """Finds one phrase, or any of several words."""

    def __init__(
        self, texts: Sequence[str], *, matches_case: bool = False, begins_words: bool = False
    ) -> None:
        """Any of the `texts` is found. White space in one stands for any white space.

        `matches_case` heeds case and accents. `begins_words` finds a text only where a word begins, except
        in scripts without spaces.
        """
        self._folds = _EXACT if matches_case else _LOOSE
        folded = (self._fold(text[:_MAX_QUERY_CHARS]) for text in texts)
        wanted = [text for text in folded if text.strip()]  # a soft hyphen alone folds to nothing
        self._alternatives = [_REQUIRED.findall(text) for text in wanted]
        patterns = [_pattern(text, begins_words=begins_words) for text in wanted]
        self._pattern = re.compile("|".join(sorted(patterns, key=len, reverse=True))) if patterns else None

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to look for."""
        return self._pattern is None

    def find(self, text: str) -> list[tuple[int, int]]:
        """The (start, end) of each hit in characters of `text`, in order, not overlapping."""
        if self._pattern is None:
            return []
        if self._is_one_to_one(text):
            return [match.span() for match in self._pattern.finditer(self._fold(text))]
        folded, starts, ends = self._folded_with_places(text)
        found: list[tuple[int, int]] = []
        for match in self._pattern.finditer(folded):
            start, end = starts[match.start()], ends[match.end() - 1]
            if not found or start >= found[-1][1]:
                found.append((start, end))
        return found

    def may_be_in(self, source: str) -> bool:
        """Whether text written as this Markdown source may hold a hit. Quick; never wrong when it says no."""
        if self._pattern is None:
            return False
        folded = self._fold(source.translate(_MARKUP))
        for words in self._alternatives:
            if all(word in folded for word in words):
                return True
        return _UNTELLING.search(source) is not None

    def _fold(self, text: str) -> str:
        if text.isascii():
            return text if self._folds is _EXACT else text.lower()
        return unicodedata.normalize("NFC", text).translate(self._folds)

    def _is_one_to_one(self, text: str) -> bool:
        """Whether places in the folded text are places in the text."""
        if text.isascii():
            return True
        if not unicodedata.is_normalized("NFC", text):
            return False
        return all(len(self._folds[ord(character)]) == 1 for character in set(text))

    def _folded_with_places(self, text: str) -> tuple[str, list[int], list[int]]:
        """The folded text, and for each of its characters where what it stands for starts and ends."""
        pieces: list[str] = []
        starts: list[int] = []
        ends: list[int] = []
        start = 0
        while start < len(text):
            end = start + 1
            while end < len(text) and _goes_with_the_one_before(text[end]):
                end += 1
            folded = self._fold(text[start:end])
            pieces.append(folded)
            starts += [start] * len(folded)
            ends += [end] * len(folded)
            start = end
        return "".join(pieces), starts, ends


def _goes_with_the_one_before(character: str) -> bool:
    return bool(unicodedata.combining(character)) or character in "\ufe0e\ufe0f"


def _pattern(text: str, *, begins_words: bool) -> str:
    pattern = r"\s+".join(map(re.escape, re.split(r"\s+", text)))
    is_spaced = text[:1].isalnum() and text[:1] < "\u0e00"
    return r"(?<![^\W_])" + pattern if begins_words and is_spaced else pattern
