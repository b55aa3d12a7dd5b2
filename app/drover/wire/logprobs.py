"""The probabilities of tokens, as servers send them beside a piece of a reply."""

from __future__ import annotations

import math
from typing import Any

from drover.domain.probabilities import Alternative, TokenChoice


def scored_tokens(choice: dict[str, Any]) -> tuple[TokenChoice, ...]:
    """The tokens of one choice of one chunk, or of one whole completion; empty where it names none.

    Thinking that is listed apart comes first. `logprobs.content`, the form of OpenAI and llama.cpp, covers
    whatever was written, thinking included. Entries without a number are left out.
    """
    logprobs = choice.get("logprobs")
    lists = logprobs if isinstance(logprobs, dict) else {}
    thinking = (
        _entries(lists.get("reasoning_content"))
        or _entries(lists.get("reasoning"))
        or _entries(choice.get("reasoning_logprobs"))
    )
    written = _entries(lists.get("content")) + _entries(lists.get("refusal"))
    found = [token for entry in thinking if (token := _token(entry, is_reasoning=True))]
    found += [token for entry in written if (token := _token(entry, is_reasoning=False))]
    return tuple(found)


def _entries(value: object) -> list[Any]:
    if isinstance(value, dict):
        value = value.get("content")
    return value if isinstance(value, list) else []


def _token(entry: object, *, is_reasoning: bool) -> TokenChoice | None:
    if not isinstance(entry, dict) or (logprob := _number(entry.get("logprob"))) is None:
        return None
    raw = _bytes(entry)
    top = [each for each in _entries(entry.get("top_logprobs")) if isinstance(each, dict)]
    alternatives = [
        Alternative(_bytes(each), number)
        for each in top
        if (number := _number(each.get("logprob"))) is not None
    ]
    is_joined, lead = _joined(entry, raw, top) if len(raw) > 1 and not raw.isascii() else (False, b"")
    if is_joined:
        alternatives = [Alternative(lead + each.token_bytes, each.logprob) for each in alternatives if lead]
    alternatives.sort(key=_by_logprob)
    return TokenChoice(raw, logprob, tuple(alternatives), is_reasoning, is_joined)


def _joined(entry: dict[str, Any], raw: bytes, top: list[dict[str, Any]]) -> tuple[bool, bytes]:
    """Whether the entry stands for several tokens, and the bytes of all of them but the last.

    llama.cpp holds the tokens of a character back until it is whole, and then sends one entry with the bytes
    of them all, but with the number and the alternatives of the last one. Which bytes were before shows only
    where the last one itself is among the alternatives; else nothing is known of them.
    """
    token_id = entry.get("id")
    last = next((_bytes(each) for each in top if token_id is not None and each.get("id") == token_id), raw)
    if last != raw:
        is_end = bool(last) and raw.endswith(last)
        return True, raw[: -len(last)] if is_end else b""
    return any(_bytes(each)[:1] and 0x80 <= _bytes(each)[0] < 0xC0 for each in top) and raw[0] >= 0xC0, b""


def _by_logprob(alternative: Alternative) -> float:
    return -alternative.logprob


def _bytes(entry: dict[str, Any]) -> bytes:
    """What the token is; its text where there are no bytes."""
    raw = entry.get("bytes")
    if isinstance(raw, list):
        try:
            return bytes(raw)
        except (TypeError, ValueError):
            pass
    token = entry.get("token")
    return token.encode("utf-8", "replace") if isinstance(token, str) else b""


def _number(value: object) -> float | None:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    try:
        number = float(value)
    except OverflowError:  # an integer of hundreds of digits
        return None
    return None if math.isnan(number) else number
