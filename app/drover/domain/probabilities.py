"""What a model gave to each token of a reply, and to the tokens that it could have written instead."""

from __future__ import annotations

import heapq
import math
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate

from drover.domain.conversation import Part, ReasoningPart, TextPart

_IMPOSSIBLE = -9000.0
"""Below this a number stands for "unlikely beyond measure"; OpenAI sends -9999."""
_LONGEST_GAP = 256
"""Bytes that may have no token before the search for the place of one is given up."""
_TAG_BEGINNINGS = (b"<", b"</", "◁".encode(), "◁/".encode())


@dataclass(frozen=True, slots=True)
class Alternative:
    """A token that could have stood in a place."""

    token_bytes: bytes
    """UTF-8, but a token may be a part of a character. Empty for one without text, such as the end."""
    logprob: float
    """Natural logarithm of its probability."""

    @property
    def text(self) -> str:
        """Its bytes as text; U+FFFD for what is no whole character."""
        return self.token_bytes.decode("utf-8", "replace")


@dataclass(frozen=True, slots=True)
class TokenChoice:
    """One token as it was written, with the likeliest tokens for its place."""

    token_bytes: bytes
    """UTF-8, but a token may be a part of a character."""
    logprob: float
    alternatives: tuple[Alternative, ...] = ()
    """The likeliest ones, best first, as many as were asked for; as a rule the written one is among them."""
    is_reasoning: bool = False
    """The server said that it belongs to the thinking. Where it said nothing, its place in the text tells."""
    is_joined: bool = False
    """The server joined several tokens to a whole character, and said only what the last one had."""

    @property
    def text(self) -> str:
        """Its bytes as text; U+FFFD for what is no whole character."""
        return self.token_bytes.decode("utf-8", "replace")

    @property
    def probability(self) -> float:
        """From 0 to 1."""
        return probability(self.logprob)

    @property
    def shown(self) -> tuple[Alternative, ...]:
        """The alternatives together with the written token, best first."""
        if any(each.token_bytes == self.token_bytes for each in self.alternatives):
            return self.alternatives
        written = Alternative(self.token_bytes, self.logprob)
        return tuple(sorted((*self.alternatives, written), key=lambda each: -each.logprob))


def probability(logprob: float) -> float:
    """From 0 to 1, whatever the server sent."""
    return math.exp(min(0.0, logprob)) if logprob > _IMPOSSIBLE else 0.0


def entropy_bits(choice: TokenChoice) -> tuple[float, float]:
    """What is known of the entropy of a place, in bits, and how much probability lies outside of that.

    The first is a lower bound, exact where the second is 0.
    """
    shares = [probability(each.logprob) for each in choice.shown]
    bits = -sum(share * math.log2(share) for share in shares if share > 0)
    return max(0.0, bits), max(0.0, 1.0 - sum(shares))


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoredText:
    """A text and the tokens that it was written with. All sequences run over the tokens, in order."""

    text: str
    tokens: Sequence[TokenChoice] = ()
    starts: array[int] = field(default_factory=lambda: array("q"))
    """The first character of each; tokens that are parts of one character have the place of the whole one."""
    ends: array[int] = field(default_factory=lambda: array("q"))
    numbers: array[int] = field(default_factory=lambda: array("q"))
    """Which token of the reply each is, see `TokenScores.tokens`."""
    is_exact: bool = False
    """Whether the tokens are the text, byte by byte, with nothing missing or added."""

    @property
    def bare_chars(self) -> int:
        """How many characters belong to no token."""
        covered, last = 0, 0
        for start, end in zip(self.starts, self.ends, strict=True):
            covered += max(0, end - max(start, last))
            last = max(last, end)
        return len(self.text) - covered

    @property
    def perplexity(self) -> float | None:
        """e to the mean of the negative logarithms; None without tokens. Impossible ones are left out."""
        known = [token.logprob for token in self.tokens if token.logprob > _IMPOSSIBLE]
        return math.exp(-math.fsum(known) / len(known)) if known else None

    @property
    def mean_probability(self) -> float | None:
        """From 0 to 1; None without tokens."""
        if not self.tokens:
            return None
        return math.fsum(token.probability for token in self.tokens) / len(self.tokens)

    def token_at(self, character: int) -> int | None:
        """The first token that holds a character, or the next one after it; None behind the last."""
        at = bisect_right(self.ends, character)
        return at if at < len(self.ends) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What can be said of all tokens of a text together; some 10 us a token to find out."""

    perplexity: float | None
    mean_probability: float | None
    bare_chars: int
    least_probable: tuple[int, ...]
    """The places that had the least probability, from the lowest on; impossible tokens come first."""
    most_uncertain: tuple[int, ...]
    """The places with the highest entropy, as far as it is known, from the highest on."""


def summary(scored: ScoredText, *, most: int = 8) -> Summary:
    """Of a text with its tokens; at most this many places of each kind."""
    places, tokens = range(len(scored.tokens)), scored.tokens
    entropies = [entropy_bits(token)[0] for token in tokens]
    return Summary(
        perplexity=scored.perplexity,
        mean_probability=scored.mean_probability,
        bare_chars=scored.bare_chars,
        least_probable=tuple(heapq.nsmallest(most, places, key=lambda place: tokens[place].logprob)),
        most_uncertain=tuple(heapq.nlargest(most, places, key=entropies.__getitem__)),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenScores:
    """The tokens of one reply, in the order of writing, and where they stand in its thinking and its answer.

    Tags between the two, and tokens without text, stand in neither.
    """

    tokens: Sequence[TokenChoice]
    reasoning: ScoredText
    answer: ScoredText
    prefill: str = ""
    """The beginning that the reply was given; it has no tokens."""

    def beginning(self, scored: ScoredText, index: int, token_bytes: bytes) -> str | None:
        """What had been written up to a token of `scored`, with other bytes in its place.

        None where that is unknown, or would end within a character.
        """
        if not token_bytes or not self.knows_beginning(scored):
            return None
        written = b"".join(token.token_bytes for token in self.tokens[: scored.numbers[index]])
        try:
            return self.prefill + (written + token_bytes).decode("utf-8")
        except UnicodeDecodeError:
            return None

    def knows_beginning(self, scored: ScoredText) -> bool:
        """Whether the tokens of this text and all before them are known to be what was written."""
        is_whole = self.reasoning.is_exact or not self.reasoning.text
        return scored.is_exact and is_whole and not (self.tokens and self.tokens[0].is_reasoning)


def scored(parts: Sequence[Part], tokens: Sequence[TokenChoice], prefill: str = "") -> TokenScores:
    """Finds the tokens in the text of a reply, by their bytes.

    What is not in the text (tags, special tokens) gets no place; where text and tokens differ, the tokens
    around the difference are placed and the rest of the text stays bare.
    """
    reasoning, answer = _Placed(), _Placed()
    own = [number for number, token in enumerate(tokens) if token.is_reasoning]
    texts = [part for part in parts if isinstance(part, TextPart | ReasoningPart) and part.text]
    if own:
        others = [number for number, token in enumerate(tokens) if not token.is_reasoning]
        thoughts = [part for part in texts if isinstance(part, ReasoningPart)]
        answers = [part for part in texts if isinstance(part, TextPart)]
        _place(thoughts, _Written(tokens, own, b""), reasoning, answer)
        _place(answers, _Written(tokens, others, prefill.encode("utf-8", "replace")), reasoning, answer)
    else:
        written = _Written(tokens, range(len(tokens)), prefill.encode("utf-8", "replace"))
        _place(texts, written, reasoning, answer)
    return TokenScores(
        tokens=tokens,
        reasoning=reasoning.scored(tokens),
        answer=answer.scored(tokens),
        prefill=prefill,
    )


class _Written:
    """The bytes of some tokens in a row, after bytes that have none."""

    def __init__(self, tokens: Sequence[TokenChoice], numbers: Sequence[int], prefill: bytes) -> None:
        self.numbers = numbers
        self.raw = prefill + b"".join(tokens[number].token_bytes for number in numbers)
        lengths = (len(tokens[number].token_bytes) for number in numbers)
        self.bounds = list(accumulate(lengths, initial=len(prefill)))
        """Where each token starts, and where the last one ends."""


class _Placed:
    """One text as its parts come, with the places of its tokens."""

    def __init__(self) -> None:
        self.pieces: list[str] = []
        self.length = 0
        self.starts, self.ends, self.numbers = array("q"), array("q"), array("q")
        self.is_exact = True

    def scored(self, tokens: Sequence[TokenChoice]) -> ScoredText:
        return ScoredText(
            text="".join(self.pieces),
            tokens=[tokens[number] for number in self.numbers],
            starts=self.starts,
            ends=self.ends,
            numbers=self.numbers,
            is_exact=self.is_exact and self.length > 0,
        )


def _place(
    parts: Sequence[TextPart | ReasoningPart], written: _Written, reasoning: _Placed, answer: _Placed
) -> None:
    """Places the tokens of some parts, in order."""
    found = _anchors(parts, written.raw)
    cursor = 0
    for index, (part, at) in enumerate(zip(parts, found, strict=True)):
        placed = reasoning if isinstance(part, ReasoningPart) else answer
        if at is None:
            following = (start for start in found[index + 1 :] if start is not None)
            _place_loosely(part.text, written, cursor, next(following, len(written.raw)), placed)
        else:
            cursor = _place_exactly(part.text, written, at, placed)
        placed.pieces.append(part.text)
        placed.length += len(part.text)


def _anchors(parts: Sequence[TextPart | ReasoningPart], raw: bytes) -> list[int | None]:
    """Where each part stands among the bytes, None where it does not; found from the end on.

    From the end, because nothing but special tokens follows the answer; a short thought may occur again.
    """
    found: list[int | None] = []
    end = len(raw)
    for part in reversed(parts):
        text = part.text.encode("utf-8", "replace")
        at = raw.rfind(text, 0, end)
        while at > 0 and isinstance(part, ReasoningPart) and not _may_begin_thinking(raw, at):
            at = raw.rfind(text, 0, at + len(text) - 1)
        found.append(at if at >= 0 else None)
        end = at if at >= 0 else end
    return found[::-1]


def _may_begin_thinking(raw: bytes, at: int) -> bool:
    """Whether these bytes are not inside a tag, which may hold the very word."""
    return not raw[max(0, at - 8) : at].endswith(_TAG_BEGINNINGS)


def _place_exactly(text: str, written: _Written, at: int, placed: _Placed) -> int:
    """The bytes from `at` on are the text. Returns where they end."""
    raw, bounds = written.raw, written.bounds
    end = at + len(text.encode("utf-8", "replace"))
    chars = placed.length  # characters that begin before the byte at hand
    position = at
    for index in range(max(0, bisect_right(bounds, at) - 1), len(written.numbers)):
        start, stop = max(at, bounds[index]), min(end, bounds[index + 1])
        if bounds[index] >= end:
            break
        if start >= stop:
            continue
        chars += _begun(raw, position, start)
        first = chars - (raw[start] & 0xC0 == 0x80)
        chars += _begun(raw, start, stop)
        position = stop
        placed.starts.append(first)
        placed.ends.append(chars)
        placed.numbers.append(written.numbers[index])
    return end


def _begun(raw: bytes, start: int, stop: int) -> int:
    """How many characters begin within these bytes."""
    piece = raw[start:stop]
    return len(piece) if piece.isascii() else sum(byte & 0xC0 != 0x80 for byte in piece)


def _place_loosely(text: str, written: _Written, low: int, high: int, placed: _Placed) -> None:
    """Places what can be found of the tokens between two places of the bytes."""
    placed.is_exact = False
    raw = text.encode("utf-8", "replace")
    cursor, counted, chars = 0, 0, placed.length
    for index in range(bisect_left(written.bounds, low), len(written.numbers)):
        start, stop = written.bounds[index], written.bounds[index + 1]
        if stop > high or cursor >= len(raw):
            break
        piece = written.raw[start:stop]
        at = raw.find(piece, cursor, cursor + len(piece) + _LONGEST_GAP) if piece else -1
        if at < 0:
            continue
        chars += _begun(raw, counted, at)
        first = chars - (raw[at] & 0xC0 == 0x80)
        chars += _begun(raw, at, at + len(piece))
        cursor = counted = at + len(piece)
        placed.starts.append(first)
        placed.ends.append(chars)
        placed.numbers.append(written.numbers[index])
