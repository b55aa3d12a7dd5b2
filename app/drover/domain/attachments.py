"""What can be attached to a message, told from its bytes alone, and how much of it is read for that."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Collection, Iterable, Sequence
from enum import StrEnum
from itertools import count
from typing import Any

from drover.domain.conversation import Attachment, FilePart, ImagePart
from drover.domain.pictures import picture_format
from drover.domain.run import Failure
from drover.errors import ConfigurationError

MOST_BYTES = 24_000_000
"""Of one picture or PDF; no server that is known takes more in a request."""
MOST_TEXT_BYTES = 4_000_000
"""Of one text file: about a million tokens, which is more than almost any context holds."""
_MOST_NAME_CHARS = 120
_LEAST_DATA_CHARS = 200
_BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="
_PDF_STARTS_WITHIN = 1024
_TEXT_CONTROLS = b"\t\n\r\f\x1b"
"""What a text file may hold of the control characters."""

_OTHERS: tuple[tuple[int, bytes, str], ...] = (
    (0, b"BM", "a BMP picture; save it as PNG"),
    (0, b"II*\0", "a TIFF picture; save it as PNG or JPEG"),
    (0, b"MM\0*", "a TIFF picture; save it as PNG or JPEG"),
    (4, b"ftypheic", "a HEIC picture; save it as JPEG"),
    (4, b"ftypheix", "a HEIC picture; save it as JPEG"),
    (4, b"ftypmif1", "a HEIF picture; save it as JPEG"),
    (4, b"ftypavif", "an AVIF picture; save it as PNG or JPEG"),
    (4, b"ftyp", "a video or a recording of sound"),
    (0, b"ID3", "a recording of sound"),
    (0, b"OggS", "a recording of sound"),
    (0, b"RIFF", "a recording of sound or a video"),
    (0, b"\x1aE\xdf\xa3", "a video"),
    (0, b"PK\x03\x04", "an archive or an office document; save its pages as PDF or its text as a text file"),
    (0, b"\xd0\xcf\x11\xe0", "an office document; save it as PDF"),
    (0, b"\x1f\x8b", "a compressed archive"),
    (0, b"\x7fELF", "a program"),
    (0, b"MZ", "a program"),
    (0, b"SQLite format 3\0", "a database"),
)
"""Where in the file what stands, and what it is then: the more special one first."""


class AttachmentKind(StrEnum):
    """How an attachment is sent, and what a model must be able to take for it."""

    IMAGE = "image"
    PDF = "pdf"
    TEXT = "text"
    """Becomes part of the text, which every model takes."""

    @property
    def fact_name(self) -> str:
        """The type of the content part, under which is kept whether a model takes it; empty for text."""
        return {"image": "image_url", "pdf": "file"}.get(self.value, "")

    @property
    def refusal_hint(self) -> str:
        """What to do where a model took none of these."""
        what = "pictures" if self is AttachmentKind.IMAGE else "PDF files"
        return f"This model is sent no {what} from now on. Choose another model for them."


_SUBJECTS = {
    AttachmentKind.IMAGE: re.compile(r"image|vision|multi-?modal|mmproj|content", re.IGNORECASE),
    AttachmentKind.PDF: re.compile(r"\bfiles?\b|pdf|document|content", re.IGNORECASE),
}
_DENIALS = re.compile(
    r"support|mmproj|unknown variant|no endpoints|text.only|only text|not multi-?modal|not (?:allowed|accept)"
    r"|valid string|be a string|expected.{0,20}string|(?:unknown|unexpected|invalid).{0,30}\btype",
    re.IGNORECASE,
)
_ABOUT_THE_FILE = re.compile(
    r"format|decode|corrupt|damaged|too large|too many|size|uploaded|mime|media type", re.IGNORECASE
)
"""What is said of one file, not of all of its kind."""
_OTHER_STATUSES = (401, 402, 403, 408, 413, 429)


def sent_kinds(body: bytes) -> frozenset[AttachmentKind]:
    """Which kinds of parts a body of ours holds, beside text."""
    kinds = (AttachmentKind.IMAGE, AttachmentKind.PDF)
    marks = {kind: f'{{"type":"{kind.fact_name}","{kind.fact_name}":'.encode() for kind in kinds}
    outline = shortened_data(body)
    return frozenset(kind for kind, mark in marks.items() if mark in outline)


def refused_kind(failure: Failure, sent: Collection[AttachmentKind]) -> AttachmentKind | None:
    """Which of the kinds sent the model does not take, by the server's own words; None where they speak of
    something else."""
    said = failure.said
    if failure.status in _OTHER_STATUSES or not _DENIALS.search(said) or _ABOUT_THE_FILE.search(said):
        return None
    return next((kind for kind in sorted(sent) if _SUBJECTS[kind].search(said)), None)


def kind_of(part: Attachment) -> AttachmentKind:
    """How this one is sent."""
    if isinstance(part, ImagePart):
        return AttachmentKind.IMAGE
    return AttachmentKind.PDF if part.media_type == "application/pdf" else AttachmentKind.TEXT


def attachment_of(name: str, raw: bytes) -> Attachment:
    """What a file is by its bytes, whatever its name says. No picture is decoded for that.

    Raises ConfigurationError in words for what cannot be sent.
    """
    name = clean_name(name)
    if not raw:
        raise ConfigurationError(f"{name} is empty.")
    digest = hashlib.sha256(raw).hexdigest()
    image_format = picture_format(raw)
    if image_format:
        check_size(name, len(raw), AttachmentKind.IMAGE)
        width_px, height_px = image_size(raw)
        if not width_px or not height_px:
            raise ConfigurationError(f"{name} is a broken {_spoken(image_format)} picture.")
        return ImagePart(
            hash=digest, media_type=f"image/{image_format}", name=name, size_bytes=len(raw),
            width_px=width_px, height_px=height_px,
        )  # fmt: skip
    if b"%PDF-" in raw[:_PDF_STARTS_WITHIN]:
        check_size(name, len(raw), AttachmentKind.PDF)
        return FilePart(hash=digest, media_type="application/pdf", name=name, size_bytes=len(raw))
    _refuse_others(name, raw)
    encoding = _encoding_of(raw)
    if encoding is None:
        raise _not_sendable(name, "neither text nor a picture nor a PDF")
    check_size(name, len(raw), AttachmentKind.TEXT)
    charset = "" if encoding == "utf-8" else f"; charset={encoding}"
    return FilePart(hash=digest, media_type=f"text/plain{charset}", name=name, size_bytes=len(raw))


def check_size(name: str, size_bytes: int, kind: AttachmentKind | None = None) -> None:
    """Raises ConfigurationError in words for a file that is too large, of any kind or of this one."""
    most = MOST_TEXT_BYTES if kind is AttachmentKind.TEXT else MOST_BYTES
    if size_bytes > most:
        what = "Text files" if kind is AttachmentKind.TEXT else "Files"
        hint = "Paste the passages that matter." if kind is AttachmentKind.TEXT else "Make it smaller first."
        raise ConfigurationError(
            f"{name} is {size_words(size_bytes)} large. {what} up to {size_words(most)} can be attached.",
            hint=hint,
        )


def size_words(size_bytes: int) -> str:
    """Such as "1.2 MB", in units of a thousand; never rounded down to a limit that it exceeds."""
    if size_bytes < 1000:
        return f"{size_bytes} bytes"
    if size_bytes < 999_500:
        return f"{size_bytes / 1000:.0f} KB"
    tenths = -(-size_bytes // 100_000)
    return f"{tenths // 10} MB" if tenths % 10 == 0 or tenths >= 1000 else f"{tenths / 10:.1f} MB"


def text_of(part: FilePart, raw: bytes) -> str:
    """The text of a text file, in the encoding that was found when it was attached; line ends as newlines."""
    _, _, charset = part.media_type.partition("charset=")
    text = raw.decode(charset or "utf-8", "replace").removeprefix("\ufeff")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def fenced(part: FilePart, raw: bytes) -> str:
    """A text file as it is sent: a fenced block that bears its name."""
    text = text_of(part, raw)
    fence = next(fence for length in count(3) if (fence := "`" * length) not in text)
    return f"{fence}{part.name.replace('`', '_')}\n{text.rstrip(chr(10))}\n{fence}"


def outlined(parts: Sequence[Attachment], text: str) -> str | list[dict[str, Any]]:
    """The content of a message for reading: as it is sent, but with the size of all data in their place."""
    items: list[dict[str, Any]] = []
    texts: list[str] = []
    for part in parts:
        data = f"data:{part.media_type};base64,… ({size_words(part.size_bytes)})"
        match kind_of(part):
            case AttachmentKind.IMAGE:
                items.append({"type": "image_url", "image_url": {"url": data}})
            case AttachmentKind.PDF:
                items.append({"type": "file", "file": {"filename": part.name, "file_data": data}})
            case AttachmentKind.TEXT:
                texts.append(f"```{part.name} … ({size_words(part.size_bytes)}) ```")
    whole = "\n\n".join([*texts, *([text] if text.strip() else [])])
    if not items:
        return whole
    return [*items, {"type": "text", "text": whole}] if whole else items


def clean_name(name: str) -> str:
    """The name of a file without its folder and without characters that do not show."""
    last = name.replace("\\", "/").rstrip("/").rpartition("/")[2]
    shown = "".join(letter for letter in last if unicodedata.category(letter)[0] != "C").strip()
    if len(shown) > _MOST_NAME_CHARS:
        stem, dot, ending = shown.rpartition(".")
        ending = dot + ending if stem and len(ending) <= 10 else ""
        shown = shown[: _MOST_NAME_CHARS - len(ending) - 1] + "…" + ending
    return shown or "file"


def image_size(raw: bytes) -> tuple[int, int]:
    """Width and height in pixels as the header of a picture tells, not turned; (0, 0) if it tells none."""
    try:
        match picture_format(raw):
            case "png":
                return int.from_bytes(raw[16:20]), int.from_bytes(raw[20:24])
            case "gif":
                return int.from_bytes(raw[6:8], "little"), int.from_bytes(raw[8:10], "little")
            case "jpeg":
                return _size_of_jpeg(raw)
            case "webp":
                return _size_of_webp(raw)
    except IndexError:
        pass
    return 0, 0


def names_in_words(parts: Iterable[Attachment]) -> str:
    """The names, separated by commas."""
    return ", ".join(part.name for part in parts)


def shortened_data(body: bytes) -> bytes:
    """A request body for reading: base64 of some length is told by its size. Still JSON, if it was."""
    shown: list[bytes] = []
    at = 0
    while (start := body.find(b";base64,", at)) >= 0:
        start += len(b";base64,")
        end = body.find(b'"', start)
        length = end - start
        # Looked at where it begins and ends: what holds no quotation mark, and no escape before it, is whole.
        ends = (
            body[start : start + _LEAST_DATA_CHARS] + body[max(start, end - _LEAST_DATA_CHARS) : max(end, 0)]
        )
        is_data = length >= _LEAST_DATA_CHARS and not ends.translate(None, _BASE64)
        size = size_words(length * 3 // 4)
        shown += [body[at:start], f"… ({size})".encode() if is_data else b""]
        at = end if is_data else start
    return b"".join([*shown, body[at:]])


def _size_of_jpeg(raw: bytes) -> tuple[int, int]:
    """From the first start of a frame: T.81, B.2.2."""
    at = 2
    while at + 9 < len(raw):
        if raw[at] != 0xFF:
            return 0, 0
        marker = raw[at + 1]
        if marker == 0xFF:
            at += 1
        elif 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            return int.from_bytes(raw[at + 7 : at + 9]), int.from_bytes(raw[at + 5 : at + 7])
        else:
            at += 2 + max(2, int.from_bytes(raw[at + 2 : at + 4]))
    return 0, 0


def _size_of_webp(raw: bytes) -> tuple[int, int]:
    """RFC 9649: the extended, the lossless and the lossy form."""
    if len(raw) < 30:
        return 0, 0
    if raw[12:16] == b"VP8X":
        return 1 + int.from_bytes(raw[24:27], "little"), 1 + int.from_bytes(raw[27:30], "little")
    if raw[12:16] == b"VP8L":
        bits = int.from_bytes(raw[21:25], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if raw[12:16] == b"VP8 " and raw[23:26] == b"\x9d\x01\x2a":
        sides = int.from_bytes(raw[26:28], "little"), int.from_bytes(raw[28:30], "little")
        return sides[0] & 0x3FFF, sides[1] & 0x3FFF
    return 0, 0


def _refuse_others(name: str, raw: bytes) -> None:
    for at, start, words in _OTHERS:
        if raw.startswith(start, at):
            raise _not_sendable(name, words)
    head = raw[:1000].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if head.startswith(b"<svg") or (
        head.startswith((b"<?xml", b"<!--", b"<!doctype svg")) and b"<svg" in head
    ):
        raise _not_sendable(name, "an SVG drawing, which models do not take; save it as PNG")


def _encoding_of(raw: bytes) -> str | None:
    """The encoding of a text: UTF-8, UTF-16 by its mark, else Windows-1252 if nothing in it speaks against
    text; None for what is no text."""
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16" if _decodes(raw, "utf-16") else None
    if b"\0" in raw:
        return None
    if len(raw.translate(None, _NO_TEXT)) != len(raw):
        return None
    if _decodes(raw, "utf-8"):
        return "utf-8"
    return "windows-1252" if _decodes(raw, "windows-1252") else None


_NO_TEXT = bytes(code for code in [*range(32), 127] if code not in _TEXT_CONTROLS)


def _decodes(raw: bytes, encoding: str) -> bool:
    try:
        raw.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _spoken(image_format: str) -> str:
    return {"webp": "WebP"}.get(image_format, image_format.upper())


def _not_sendable(name: str, words: str) -> ConfigurationError:
    what, _, instead = words.partition("; ")
    hint = f"{instead[0].upper()}{instead[1:]}." if instead else ""
    possible = "PNG, JPEG, WebP and GIF pictures, PDF and text files can be attached."
    return ConfigurationError(f"{name} is {what}.", hint=f"{hint} {possible}".strip())
