"""Which picture files are shown at all, told by their first bytes."""

from __future__ import annotations


def picture_format(raw: bytes) -> str:
    """png, jpeg, webp or gif; empty for anything else, whatever its name or its sender says."""
    if raw.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if raw.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if raw[:4] == b"RIFF" and raw[8:12] == b"WEBP":
        return "webp"
    return "gif" if raw.startswith((b"GIF87a", b"GIF89a")) else ""
