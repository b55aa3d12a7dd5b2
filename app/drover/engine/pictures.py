"""Fetches a picture that an answer names: one request that tells its host nothing but the address."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from urllib.parse import urlsplit

from drover.domain.pictures import picture_format
from drover.engine.reach import PublicOnly
from drover.engine.transport import HttpRequest, HttpResponse, Transport
from drover.errors import ConfigurationError, ConnectionFailed, ProtocolError, ProviderError

MOST_BYTES = 20_000_000
_ACCEPT = "image/png, image/jpeg, image/webp, image/gif"
_CONNECT_S, _FIRST_BYTE_S, _IDLE_S, _TOTAL_S = 10.0, 20.0, 10.0, 60.0


async def fetch_picture(transport: Transport, url: str, reach: PublicOnly) -> bytes:
    """The bytes of a PNG, JPEG, WebP or GIF of at most `MOST_BYTES`.

    Raises Redirected for another address, ProviderError for a refusal, ProtocolError for what is no such
    picture, ConfigurationError for an address that is never asked, ConnectionFailed for the rest.
    """
    host = _checked_host(url)
    request = HttpRequest(
        method="GET",
        url=url,
        # A packed body could unpack to any size within one chunk.
        headers=(("Accept-Encoding", "identity"),),
        connect_timeout_s=_CONNECT_S,
        first_byte_timeout_s=_FIRST_BYTE_S,
        idle_timeout_s=_IDLE_S,
        reach=reach,
    )
    try:
        async with asyncio.timeout(_TOTAL_S), transport.stream(request, accept=_ACCEPT) as response:
            return await _read(response, host)
    except TimeoutError:
        raise ConnectionFailed(
            f"{host} did not send the whole picture within {_TOTAL_S:g} s.",
            phase="stream",
            elapsed_s=_TOTAL_S,
        ) from None


def _checked_host(url: str) -> str:
    """Host and port, for sentences; of what is no address nothing, as the transport says so in words."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    if "@" in parts.netloc:
        raise ConfigurationError(
            "The address holds a user name or a password, which is never sent for a picture."
        )
    return parts.netloc


async def _read(response: HttpResponse, host: str) -> bytes:
    if response.status != HTTPStatus.OK:
        raise ProviderError(f"{host} answered {_status_words(response.status)}.", status=response.status)
    if response.header("content-encoding", "identity").lower() not in ("identity", ""):
        raise ProtocolError(f"{host} sent the picture packed, although it was asked not to.")
    declared = response.header("content-length")
    is_over = declared.isascii() and declared.isdigit() and int(declared[:18]) > MOST_BYTES
    raw = b"" if is_over else await response.read(MOST_BYTES + 1)
    if is_over or len(raw) > MOST_BYTES:
        raise ProtocolError(f"The picture is larger than {MOST_BYTES // 1_000_000} MB.")
    if not picture_format(raw):
        raise ProtocolError(f"{host} sent {_kind_words(response.header('content-type'), raw)}.")
    return raw


def _status_words(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)


def _kind_words(content_type: str, raw: bytes) -> str:
    start = raw[:200].lstrip().lower()
    kind = content_type.partition(";")[0].strip().lower()[:60]
    if not raw:
        return "nothing"
    if "svg" in kind or start.startswith(b"<svg") or b"<svg" in start:
        return "an SVG drawing, which may hold scripts and is not shown"
    if kind == "text/html" or start.startswith((b"<!doctype html", b"<html")):
        return "a web page, not a picture"
    if kind.startswith("image/") and kind not in _ACCEPT:
        return f"a picture of the type {kind}, which is not shown"
    return "something that is no PNG, JPEG, WebP or GIF"
