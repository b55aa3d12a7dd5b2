"""How a reply is read: which of its text is thinking, where a server does not say that in a known way."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum


class ReadingKind(StrEnum):
    """Where the thinking is looked for."""

    SERVED = "served"
    """Wherever the server puts it, by the rules for all servers."""
    UNTIL_CLOSED = "until_closed"
    """The content is thinking up to a closing tag, without an opening one."""
    TAGS = "tags"
    """Between two tags of the person's own, besides those that are known."""
    HARMONY = "harmony"
    """The content is in the format of gpt-oss, with its markers."""
    STRIPPED_HARMONY = "stripped_harmony"
    """The content is in the format of gpt-oss, without its markers: `analysis...assistantfinal...`."""
    ANSWER = "answer"
    """Nowhere: everything is the answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One way to read a reply."""

    kind: ReadingKind = ReadingKind.SERVED
    opening: str = ""
    """The tag before the thinking; only with TAGS, and not empty there."""
    closing: str = ""
    """The tag behind it; with UNTIL_CLOSED one besides those that are known."""

    @property
    def as_text(self) -> str:
        """The same as JSON, to be stored; empty for the default."""
        if self.kind is ReadingKind.SERVED:
            return ""
        return json.dumps([self.kind.value, self.opening, self.closing], ensure_ascii=False)

    @classmethod
    def of(cls, text: str) -> Reading:
        """The inverse of `as_text`; the default for what this version does not know."""
        if not text:
            return AS_SERVED
        try:
            kind, opening, closing = json.loads(text)
            return cls(kind=ReadingKind(kind), opening=str(opening), closing=str(closing))
        except (ValueError, TypeError):
            return AS_SERVED


AS_SERVED = Reading()
"""The default."""


def reading_by_tags(opening: str, closing: str) -> Reading:
    """The reading for a pair of tags of which the opening one may be missing; the default for none at all."""
    if not closing:
        return AS_SERVED
    kind = ReadingKind.TAGS if opening else ReadingKind.UNTIL_CLOSED
    return Reading(kind=kind, opening=opening, closing=closing)
