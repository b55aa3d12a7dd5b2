"""Picture files made by hand, so that they can also be broken, huge or lying."""

from __future__ import annotations

import base64
import struct
import zlib

from tests.provider import Close, Head, Provider, Send

PNG_START = b"\x89PNG\r\n\x1a\n"


def png(width: int = 4, height: int = 3, rgb: tuple[int, int, int] = (138, 43, 43)) -> bytes:
    """A picture of one colour."""
    return _png(width, height, 8, 2, (b"\0" + bytes(rgb) * width) * height)


def png_bomb(side: int = 20_000) -> bytes:
    """A few KB that unpack to hundreds of megapixels of black."""
    packer = zlib.compressobj(9)
    row = b"\0" * (1 + (side + 7) // 8)
    body = b"".join(packer.compress(row * 100) for _ in range(side // 100)) + packer.flush()
    return PNG_START + _header(side, side, 1, 0) + _chunk(b"IDAT", body) + _chunk(b"IEND", b"")


def deep_png(width: int, height: int) -> bytes:
    """A header that promises eight bytes for each pixel."""
    return _png(width, height, 16, 6, b"")


def gif(width: int = 4, height: int = 3) -> bytes:
    """One frame; the size is what its header says, whatever follows."""
    head = b"GIF89a" + struct.pack("<HH", width, height) + b"\x80\0\0" + b"\x8a\x2b\x2b\xff\xff\xff"
    frame = b"," + struct.pack("<HHHH", 0, 0, 1, 1) + b"\0" + b"\x02\x02\x44\x01\0"
    return head + frame + b";"


def data_url(raw: bytes, kind: str = "image/png") -> str:
    """The picture as an address that holds it."""
    return f"data:{kind};base64,{base64.b64encode(raw).decode()}"


def serves(provider: Provider, path: str, raw: bytes, kind: str = "image/png") -> str:
    """Lets the server answer for this path; returns the whole address."""
    head = Head(headers={"Content-Type": kind, "Content-Length": str(len(raw))})
    provider.script(head, Send(raw), path=path)
    return provider.url(path)


def breaks_off(provider: Provider, path: str, raw: bytes, promised: int) -> str:
    """Like `serves`, but the connection ends before all that was promised has come."""
    head = Head(headers={"Content-Type": "image/png", "Content-Length": str(promised)})
    provider.script(head, Send(raw), Close(), path=path)
    return provider.url(path)


def _png(width: int, height: int, depth: int, color: int, rows: bytes) -> bytes:
    return (
        PNG_START + _header(width, height, depth, color)
        + _chunk(b"IDAT", zlib.compress(rows)) + _chunk(b"IEND", b"")
    )  # fmt: skip


def _header(width: int, height: int, depth: int, color: int) -> bytes:
    return _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, 0))


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
