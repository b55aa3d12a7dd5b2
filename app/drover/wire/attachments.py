"""Attachments as parts of the content of a message; their data are put in when the body is whole."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from drover.domain.attachments import AttachmentKind, fenced, kind_of, names_in_words, size_words
from drover.domain.conversation import Attachment, FilePart, ImagePart, Message
from drover.domain.endpoint import ParameterFact
from drover.domain.run import Adjustment
from drover.errors import ConfigurationError
from drover.wire.quirk_rules import Quirks

_PIECE_BYTES = 600_000
_HASH_CHARS = 64
_PLURALS = {"image": "pictures", "pdf": "PDF files", "text": "text files"}


class AttachedContent:
    """The contents of the messages of one request, and what was left out of them.

    A message without attachments keeps its text as a plain string, and so does one with text files alone:
    they stand in it as fenced blocks under their names. Pictures and documents make it a list of parts, in
    which they come before the text.
    """

    def __init__(
        self, attached: Mapping[str, bytes], quirks: Quirks, rejected: Collection[ParameterFact] = ()
    ) -> None:
        """`attached` holds the bytes by hash; `rejected` is what the model is known to refuse."""
        self._attached = attached
        self._refused = dict(quirks.refused_attachments)
        refused_names = {fact.name for fact in rejected}
        for kind in (AttachmentKind.IMAGE, AttachmentKind.PDF):
            if kind.fact_name in refused_names:
                self._refused.setdefault(kind.value, f"this model takes no {_PLURALS[kind.value]}")
        self._left_out: dict[str, list[Attachment]] = {}
        self._mark = f"data-{secrets.token_hex(8)}-"

    @property
    def adjustments(self) -> list[Adjustment]:
        """What was left out so far, and why."""
        return [
            Adjustment(name=names_in_words(parts), action="dropped", reason=self._refused[kind])
            for kind, parts in self._left_out.items()
        ]

    def of(self, message: Message) -> str | list[dict[str, Any]]:
        """The `content` of a message. Raises ConfigurationError where the bytes of an attachment are gone."""
        if not message.attachments:
            return message.text
        parts: list[dict[str, Any]] = []
        texts: list[str] = []
        for attachment in message.attachments:
            kind = kind_of(attachment)
            if kind.value in self._refused:
                self._left_out.setdefault(kind.value, []).append(attachment)
                texts.append(f"[{attachment.name} was attached here.]")
            elif isinstance(attachment, FilePart) and kind is AttachmentKind.TEXT:
                texts.append(fenced(attachment, self._bytes_of(attachment)))
            else:
                self._bytes_of(attachment)
                parts.append(self._part(attachment))
        text = "\n\n".join([*texts, *([message.text] if message.text.strip() else [])])
        if not parts:
            return text
        return [*parts, {"type": "text", "text": text}] if text else parts

    def filled(self, body: bytes) -> bytes:
        """The body with the data of each attachment where `of` left a mark."""
        first, *rest = body.split(self._mark.encode())
        pieces = [first]
        for piece in rest:
            pieces += _base64_pieces(self._attached[piece[:_HASH_CHARS].decode()])
            pieces.append(piece[_HASH_CHARS:])
        return b"".join(pieces) if rest else body

    def _part(self, attachment: Attachment) -> dict[str, Any]:
        data = f"data:{attachment.media_type};base64,{self._mark}{attachment.hash}"
        if isinstance(attachment, ImagePart):
            return {"type": "image_url", "image_url": {"url": data}}
        return {"type": "file", "file": {"filename": attachment.name, "file_data": data}}

    def _bytes_of(self, attachment: Attachment) -> bytes:
        content = self._attached.get(attachment.hash)
        if content is None:
            raise ConfigurationError(
                f"{attachment.name} is no longer in the library.", hint="Remove it from the message."
            )
        return content


def refusal(parts: Sequence[Attachment], quirks: Quirks, endpoint_name: str) -> ConfigurationError | None:
    """Why this server cannot be sent these attachments, in words; None where nothing speaks against it."""
    total_bytes = 0
    for part in parts:
        kind = kind_of(part).value
        if kind in quirks.refused_attachments:
            return ConfigurationError(
                f"{part.name} cannot be sent to {endpoint_name}: {quirks.refused_attachments[kind]}.",
                hint=f"Remove the {_PLURALS[kind]}, or choose another endpoint.",
            )
        most = quirks.most_attachment_bytes.get(kind)
        if most is not None and part.size_bytes > most:
            return ConfigurationError(
                f"{part.name} is {size_words(part.size_bytes)} large, and {endpoint_name} takes"
                f" {_PLURALS[kind]} up to {size_words(most)}.",
                hint="Remove it, or attach a smaller one.",
            )
        total_bytes += part.size_bytes
    if total_bytes > quirks.most_attached_bytes:
        return ConfigurationError(
            f"The attachments are {size_words(total_bytes)} together, and {endpoint_name} takes"
            f" {size_words(quirks.most_attached_bytes)} in one request.",
            hint="Remove some of them.",
        )
    return None


def _base64_pieces(content: bytes) -> Iterator[bytes]:
    """In pieces, between which other threads have their turn."""
    for start in range(0, len(content), _PIECE_BYTES):
        yield base64.b64encode(content[start : start + _PIECE_BYTES])
