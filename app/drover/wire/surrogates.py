"""Text that UTF-8 cannot carry: halves of characters (surrogates) that stand alone."""

from __future__ import annotations

from typing import Any


def without_lone_surrogates(text: str) -> str:
    """The same text; two halves that meet become their character, a lone half becomes U+FFFD."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


class SurrogateMender:
    r"""Mends the strings of parsed chunks.

    JSON may escape an emoji as two halves (`\ud83d\ude00`), and some servers send them in two deltas: the
    first half is kept until the next delta of the same field.
    """

    def __init__(self) -> None:
        self._halves: dict[tuple[int, str], str] = {}

    @property
    def waits(self) -> bool:
        """Whether a half is kept, so that the next chunk must be mended too."""
        return bool(self._halves)

    def mend(self, chunk: Any) -> Any:
        """The chunk with only whole characters, as far as they have arrived."""
        choices = chunk.get("choices") if isinstance(chunk, dict) else None
        for position, choice in enumerate(choices if isinstance(choices, list) else ()):
            delta = choice.get("delta") if isinstance(choice, dict) else None
            if isinstance(delta, dict):
                index = choice.get("index")
                self._join(index if isinstance(index, int) else position, delta)
        return mended(chunk)

    def _join(self, index: int, delta: dict[str, Any]) -> None:
        for field, text in delta.items():
            if isinstance(text, str) and text:
                text = self._halves.pop((index, field), "") + text
                if "\ud800" <= text[-1] <= "\udbff":
                    self._halves[index, field] = text[-1]
                    text = text[:-1]
                delta[field] = text


def mended(value: Any) -> Any:
    """The parsed JSON without lone halves. Raises RecursionError for what is nested too deeply."""
    if isinstance(value, str):
        return without_lone_surrogates(value)
    if isinstance(value, list):
        return [mended(item) for item in value]
    if isinstance(value, dict):
        return {without_lone_surrogates(key): mended(item) for key, item in value.items()}
    return value
