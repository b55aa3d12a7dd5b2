"""Error documents: what a server says in any known shape of body, and the ProviderError made of it."""

from __future__ import annotations

import html
import json
import math
import re
import zlib
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any

from drover.domain.parameters import SPECS
from drover.errors import ProviderError
from drover.log import redact
from drover.wire.sse import SSEDecoder
from drover.wire.surrogates import mended

BODY_LIMIT_BYTES = 8 * 1024
"""How much of an error body is kept."""

_READ_LIMIT_BYTES = 256 * 1024
_WORDS_LIMIT = 2000

_REQUEST_ID_HEADERS = (
    "x-request-id", "request-id", "x-generation-id", "apim-request-id", "x-amzn-requestid", "cf-ray",
)  # fmt: skip
_OPTIONAL_NAMES = (
    *(name for name in SPECS if name != "extra"),  # no key of a body, but a word of many errors
    "max_completion_tokens",
    "stream_options",
)
_NAMES_PATTERN = re.compile(
    r"(?<![\w.])(" + "|".join(sorted(_OPTIONAL_NAMES, key=len, reverse=True)) + r")(?!\w)"
)
_EVERYDAY_WORDS = {"stop", "seed", "temperature"}
_CULPRIT_PATTERN = re.compile(
    r"(?i)param|argument|field|propert|keyword|unsupported|not supported|unknown|unrecogni|extra|"
    r"not permitted|not allowed|invalid|must be|range|deprecated"
)
_JSON_MARKS = re.compile(r'\\.|["{}\[\],]', re.DOTALL)
_STREAM_STARTS = ("data:", "event:", "id:", "retry:", ":")
_SPACE_PATTERN = re.compile(r"\s*")
_PAGE_PATTERN = re.compile(r"(?i)<(?:!doctype|html|head|body|title|h1|center)\b")
_HEADLINE_PATTERN = re.compile(r"(?i)<(title|h1)\b[^<>]*>")
_SAYING_KEYS = ("error", "errors", "title", "message", "detail", "description", "error_description")
_FALLBACK_KEYS = ("status_description", "status_message", "msg", "error_msg", "reason")
_LIMIT_HEADERS = re.compile(r"(?i)retry-after|x-should-retry|(?:\w+-)*ratelimit(?:-[\w-]+)?")
_MOST_LIMITS = 20
_OTHER_PHRASES = {
    498: "Flex Tier Capacity Exceeded",
    499: "Client Closed Request",
    520: "Web Server Returned an Unknown Error",
    521: "Web Server Is Down",
    522: "Connection Timed Out",
    523: "Origin Is Unreachable",
    524: "A Timeout Occurred",
    525: "SSL Handshake Failed",
    526: "Invalid SSL Certificate",
    529: "Site Is Overloaded",
}
"""Statuses of Groq, nginx, Cloudflare and Anthropic that no standard names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorDocument:
    """What an error document says; empty or None where it says nothing."""

    words: str = ""
    """The server's own words, free of credentials."""
    code: str = ""
    """The most telling of its codes and types."""
    parameter: str | None = None
    """The optional parameter named as the culprit."""
    status: int | None = None
    request_id: str = ""


def read_error(document: object) -> ErrorDocument:
    """Reads the JSON value of an error body or of an error event."""
    if isinstance(document, list):
        return read_error(document[0]) if document else ErrorDocument()
    if isinstance(document, str):
        return ErrorDocument(words=capped(redact(_words(document))))
    if not isinstance(document, dict):
        return ErrorDocument()
    inner = document.get("error")
    error: dict[str, Any] = inner if isinstance(inner, dict) else document
    words = capped(redact(_words(document)))
    codes = [
        *(error.get(key) for key in ("code", "type", "error_type")),
        *(document.get(key) for key in ("code", "error_type", "status_message")),
    ]
    texts = [code for code in codes if isinstance(code, str) and code and code != "error"]
    telling = next((text for text in texts if not text.lstrip("-").isdigit()), "")
    numbers = [*codes, error.get("status_code"), error.get("status"), document.get("status")]
    return ErrorDocument(
        words=words,
        code=telling or next((str(code) for code in codes if code and isinstance(code, int | str)), ""),
        parameter=named_parameter(error, words),
        status=next((status for number in numbers if (status := _status(number)) is not None), None),
        request_id=str(document.get("request_id") or error.get("request_id") or ""),
    )


def provider_error(
    status: int, headers: Mapping[str, str], body: bytes, *, now: datetime | None = None
) -> ProviderError:
    """The error for a response whose status is not 200. The body may be cut anywhere, or be no JSON at all.

    `now` is used for a Retry-After date if the response has no Date of its own; by default the present.
    """
    fields = {name.lower(): value for name, value in headers.items()}
    text = _text(body)
    document = _document(text)
    request_id = request_id_of(fields) or document.request_id
    parameter = document.parameter if status in (400, 415, 422) else None
    location = fields.get("location") if 300 <= status < 400 else None
    return ProviderError(
        document.words or status_line(status),
        status=status,
        code=document.code or None,
        parameter=parameter,
        body=redact(text[:_READ_LIMIT_BYTES]).encode("utf-8", "replace")[:BODY_LIMIT_BYTES],
        request_id=redact(request_id) or None,
        retry_after_s=_retry_after_s(fields, now),
        should_repeat=_YES_OR_NO.get(fields.get("x-should-retry", "").strip().lower()),
        limits=_limits(headers),
        hint=f"It points to {redact(location)}; set the base URL to that server." if location else None,
    )


_YES_OR_NO = {"true": True, "false": False}


def _limits(headers: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """What the headers say of limits and pauses; only for display, since each server has its own units."""
    found = [(name, redact(value)) for name, value in headers.items() if _LIMIT_HEADERS.match(name)]
    return tuple(found[:_MOST_LIMITS])


def request_id_of(headers: Mapping[str, str]) -> str:
    """What the server calls this exchange, for whoever runs it; empty where it names none."""
    fields = {name.lower(): value for name, value in headers.items()}
    return next((fields[name] for name in _REQUEST_ID_HEADERS if fields.get(name)), "")


def page_title(text: str) -> str | None:
    """The title of a web page, empty if it has none; None if the text is no web page."""
    text = text[:_READ_LIMIT_BYTES]
    start = _behind_comments(text)
    if not _PAGE_PATTERN.match(text, start):
        return None
    title = ""
    if found := _HEADLINE_PATTERN.search(text, start):
        end = re.compile(rf"(?i)</{found.group(1)}\s*>").search(text, found.end())
        title = re.sub(r"<[^<>]*>", " ", text[found.end() : end.start()]) if end else ""
    return capped(" ".join(html.unescape(title).split()))


def _behind_comments(text: str) -> int:
    """Where something else than white space and comments of HTML begins. Not by one pattern: of thousands of
    comments it would try every way to divide them."""
    at = 0
    while True:
        if space := _SPACE_PATTERN.match(text, at):
            at = space.end()
        end = text.find("-->", at) if text.startswith("<!--", at) else -1
        if end < 0:
            return at
        at = end + 3


def _text(body: bytes) -> str:
    if body.startswith(b"\x1f\x8b"):
        try:
            body = zlib.decompressobj(31).decompress(body, _READ_LIMIT_BYTES)
        except zlib.error:
            return ""
    return body.decode("utf-8-sig", "replace")


def _document(text: str) -> ErrorDocument:
    stripped = text.strip()
    if not stripped:
        return ErrorDocument()
    if (title := page_title(stripped)) is not None:
        return ErrorDocument(words=redact(title))
    if stripped.startswith(_STREAM_STARTS):
        decoder = SSEDecoder()
        events = [*decoder.feed(text.encode("utf-8", "replace")), *decoder.finish()]
        data = [event.data for event in events if event.data.strip()]
        stripped = next((piece for piece in data if _json(piece) is not None), "\n".join(data) or stripped)
    value = _json(stripped)
    if value is None and stripped[0] in "{[":
        value = _json_cut_off(stripped)
    document = read_error(value)
    if document.words or value in ([], {}) or (isinstance(value, dict) and "error" in value):
        return document
    words = capped(redact(stripped[:500]))
    return replace(document, words=words, parameter=named_parameter({}, words))


def _json(text: str) -> Any:
    """The object, array or string that the text is; None for anything else."""
    try:
        value = json.loads(text)
        if "\\u" in text:
            value = mended(value)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict | list | str) else None


def _json_cut_off(text: str) -> Any:
    """What the beginning of a JSON value holds; None if it is none.

    Servers that repeat the whole request in their error (FastAPI's `input`) make bodies longer than are read.
    """
    closers, is_text, commas = _left_open(text)
    tries = [text + ('"' if is_text else "") + closers]
    tries += [text[:comma] + _left_open(text[:comma])[0] for comma in commas]
    return next((value for attempt in tries if (value := _json(attempt)) is not None), None)


def _left_open(text: str) -> tuple[str, bool, list[int]]:
    """What closes the brackets that are open at the end of the text, whether a text is, and where its last
    three commas are, the last one first."""
    closers: list[str] = []
    is_text = False
    commas: deque[int] = deque(maxlen=3)
    for match in _JSON_MARKS.finditer(text):
        mark = match.group()
        if mark == '"':
            is_text = not is_text
        elif is_text or len(mark) > 1:
            continue
        elif mark in "{[":
            closers.append("}" if mark == "{" else "]")
        elif mark == ",":
            commas.appendleft(match.start())
        elif closers:
            closers.pop()
    return "".join(reversed(closers)), is_text, list(commas)


def _words(value: object, depth: int = 0) -> str:
    """What the server says, from an error document or any piece of one; empty if it says nothing."""
    if depth > 6:
        return ""
    if isinstance(value, str):
        inner = _json(value) if value.lstrip().startswith(("{", "[")) else None
        return (_words(inner, depth + 1) if inner is not None else "") or value.strip()
    if isinstance(value, list):
        return "\n".join(filter(None, (_words(item, depth + 1) for item in value[:10])))
    if not isinstance(value, dict):
        return ""
    if isinstance(value.get("loc"), list) and value.get("msg"):
        where = ".".join(str(step) for step in value["loc"] if step != "body")
        return f"{where}: {value['msg']}" if where else str(value["msg"])
    pieces = [value.get(key) for key in _SAYING_KEYS]
    metadata = value.get("metadata")
    if isinstance(metadata, dict):
        pieces += [metadata.get("raw"), metadata.get("reasons")]
    pieces.append(value.get("failed_generation"))
    if not any(pieces):
        pieces = [next((value[key] for key in _FALLBACK_KEYS if value.get(key)), None)]
    return _joined([_words(piece, depth + 1) for piece in pieces])


def _joined(pieces: list[str]) -> str:
    """The pieces in one text, without those that another one contains."""
    distinct: list[str] = []
    for piece in filter(None, pieces):
        if not any(piece.rstrip(".") in known for known in distinct):
            distinct = [known for known in distinct if known.rstrip(".") not in piece] + [piece]
    text = ""
    for piece in distinct:
        text += piece if not text else (" " if text[-1] in ".!?:;" else ": ") + piece
    return text


def capped(text: str, limit: int = _WORDS_LIMIT) -> str:
    """The text, or its start with an ellipsis."""
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def _status(value: object) -> int | None:
    if isinstance(value, str) and value.isdecimal() and len(value) == 3:
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and 300 <= value <= 599 else None


def error_object(body: bytes) -> Mapping[str, Any]:
    """The `error` object of a JSON body; empty if there is none."""
    value = _json(body.decode("utf-8", "replace"))
    error = value.get("error") if isinstance(value, dict) else None
    return error if isinstance(error, dict) else {}


def named_parameter(error: Mapping[str, Any], words: str) -> str | None:
    """The optional parameter that an error names as its culprit, by wire name."""
    for key in ("param", "parameter"):
        named = error.get(key)
        if isinstance(named, str) and (name := named.rsplit(".", 1)[-1]) in _OPTIONAL_NAMES:
            return _own_name(name)
    for match in _NAMES_PATTERN.finditer(words):
        name = match.group(1)
        # "temperature" alone may be part of a sentence about something else.
        around = words[max(0, match.start() - 60) : match.end() + 60]
        is_quoted = words[max(0, match.start() - 1) : match.start()] in ("`", "'", '"', "“")
        if name not in _EVERYDAY_WORDS or is_quoted or _CULPRIT_PATTERN.search(around):
            return _own_name(name)
    return None


def _own_name(name: str) -> str:
    return "max_tokens" if name == "max_completion_tokens" else name


def _retry_after_s(fields: Mapping[str, str], now: datetime | None) -> float | None:
    """Seconds to wait as the server asks, never negative; None if it does not ask or cannot be understood."""
    for name, factor in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        raw = fields.get(name, "").strip()
        if not raw:
            continue
        try:
            seconds = float(raw) * factor
        except ValueError:
            seconds = _seconds_until(raw, fields.get("date"), now)
        if math.isfinite(seconds):
            return max(0.0, seconds)
    return None


def _seconds_until(raw: str, date: str | None, now: datetime | None) -> float:
    until = _moment(raw)
    if until is None:
        return math.nan
    return (until - (_moment(date or "") or now or datetime.now(UTC))).total_seconds()


def _moment(raw: str) -> datetime | None:
    """A date as HTTP writes it, with or without a zone."""
    try:
        moment = parsedate_to_datetime(raw)
    except (ValueError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def status_phrase(status: int) -> str:
    """Such as "Not Found"; empty for a status without a registered phrase."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return _OTHER_PHRASES.get(status, "")


def status_line(status: int) -> str:
    """Such as "HTTP 404 Not Found"."""
    phrase = status_phrase(status)
    return f"HTTP {status} {phrase}" if phrase else f"HTTP {status}"
