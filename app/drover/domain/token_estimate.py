"""How many tokens a request will take, before any tokenizer has seen it."""

from __future__ import annotations

from dataclasses import dataclass

CHARS_PER_TOKEN = 4.0
"""Of English prose, for most tokenizers."""
_FEWEST_CHARS = 400
"""Less text says little: the words around messages count for more than the messages."""
_FEWEST_PER_TOKEN, _MOST_PER_TOKEN = 0.5, 8.0
_NEAR = 0.9


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredText:
    """Text of known length that a server has counted: a request and its reply, thinking included."""

    prompt_chars: int
    prompt_tokens: int | None
    reply_chars: int = 0
    reply_tokens: int | None = None

    @property
    def chars_per_token(self) -> float:
        """As measured; the usual figure where there is too little text, or a count that cannot be true."""
        chars = tokens = 0
        for length, count in (
            (self.prompt_chars, self.prompt_tokens),
            (self.reply_chars, self.reply_tokens),
        ):
            if count and length:
                chars, tokens = chars + length, tokens + count
        if chars < _FEWEST_CHARS:
            return CHARS_PER_TOKEN
        ratio = chars / tokens
        return ratio if _FEWEST_PER_TOKEN <= ratio <= _MOST_PER_TOKEN else CHARS_PER_TOKEN


def estimated_tokens(chars: int, measured: MeasuredText | None = None) -> int:
    """About how many tokens a request with so many characters of text takes.

    What was measured is the last request of the same conversation: a longer one takes what that took, and
    for the rest as many as its text did for each character.
    """
    if measured is None:
        return round(chars / CHARS_PER_TOKEN)
    rest = chars - measured.prompt_chars
    if measured.prompt_tokens is not None and rest >= 0:
        return measured.prompt_tokens + round(rest / measured.chars_per_token)
    return round(chars / measured.chars_per_token)


def is_near_limit(tokens: int, limit: int | None) -> bool:
    """Whether so many tokens leave less than a tenth of a context of this size, or do not fit into it."""
    return limit is not None and limit > 0 and tokens >= _NEAR * limit


def in_round_figures(tokens: int) -> int:
    """An estimate with no more digits than it deserves: two, and tens at the least from 100 on."""
    step = 1
    while tokens >= 100 * step:
        step *= 10
    return (tokens + step // 2) // step * step
