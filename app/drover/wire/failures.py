"""Error documents of any known shape, and what they mean for a person."""

from __future__ import annotations

import html
import json
import math
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any

from drover.domain.parameters import SPECS
from drover.domain.run import Failure, FailureKind, RunStatus
from drover.domain.stream import ErrorReported, ResponseBuilder
from drover.errors import ConfigurationError, ConnectionFailed, DroverError, ProtocolError, ProviderError
from drover.log import redact
from drover.wire.sse import SSEDecoder

BODY_LIMIT_BYTES = 8 * 1024
"""How much of an error body is kept."""

_READ_LIMIT_BYTES = 256 * 1024
_WORDS_LIMIT = 2000
_QUOTE_LIMIT = 300

_REQUEST_ID_HEADERS = (
    "x-request-id", "request-id", "x-generation-id", "apim-request-id", "x-amzn-requestid", "cf-ray",
)  # fmt: skip
_OPTIONAL_NAMES = (*SPECS, "max_completion_tokens", "stream_options")
_NAMES_PATTERN = re.compile(
    r"(?<![\w.])(" + "|".join(sorted(_OPTIONAL_NAMES, key=len, reverse=True)) + r")(?!\w)"
)
_EVERYDAY_WORDS = {"stop", "seed", "temperature"}
_CULPRIT_PATTERN = re.compile(
    r"(?i)param|argument|field|property|propert|keyword|unsupported|not supported|unknown|unrecogni|extra|"
    r"not permitted|not allowed|invalid|must be|range|deprecated|[`'\"“]"
)
_HTML_PATTERN = re.compile(r"(?is)^\s*(?:<!--.*?-->\s*)*<(?:!doctype|html|head|body|title|h1|center)\b")
_TITLE_PATTERN = re.compile(r"(?is)<title[^>]*>(.*?)</title>|<h1[^>]*>(.*?)</h1>")

_CONTEXT_PATTERN = re.compile(
    r"(?i)context.{0,20}(?:length|window|size|limit)|exceed_context|maximum (?:input|prompt)|"
    r"(?:prompt|input|request|conversation|messages?) (?:is|are) too (?:long|large)|too many (?:input )?tokens"
)
_LIMIT_PATTERN = re.compile(
    r"(?i)(?:context (?:length|window|size)(?: limit)?|max_model_len|maximum(?: allowed)?|limit|n_ctx)"
    r"(?: of| is|:| =|=)? ?\(?(\d[\d,]{2,})"
)
_NEEDED_PATTERN = re.compile(
    r"(?i)(?:requested(?: about)?|resulted in|contains(?: at least)?|request has|prompt (?:has|is)(?: too long:)?|"
    r"is too long:|too large:|n_prompt_tokens[:=]) ?\(?(\d[\d,]{2,})|\((\d[\d,]{2,}) tokens\)"
)
_QUOTA_PATTERN = re.compile(
    r"(?i)insufficient_(?:quota|credits?|balance|funds)|insufficient (?:quota|credits?|balance|funds)|"
    r"exceeded_current_quota|exceeded your current quota|billing|payment required"
)
_KEY_PATTERN = re.compile(
    r"(?i)(?:invalid|incorrect|missing|expired|revoked|no) api[ _-]?key|api[ _-]?key (?:not valid|is invalid)|"
    r"invalid_api_key|unauthenticated|authentication"
)
_MODEL_PATTERN = re.compile(r"(?i)\bmodels?\b")
_NO_MODEL_PATTERN = re.compile(
    r"(?i)model[_ ]not[_ ]found|(?:unknown|invalid|no such) model\b|"
    r"model .{0,120}?(?:does not exist|not found|was not found|is not available)"
)
_BLOCKED_PATTERN = re.compile(r"(?i)moderat|flagged|region|country|territory|blocked|just a moment|cloudflare")


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
        return ErrorDocument(words=_capped(redact(_words(document))))
    if not isinstance(document, dict):
        return ErrorDocument()
    inner = document.get("error")
    error: dict[str, Any] = inner if isinstance(inner, dict) else document
    words = _capped(redact(_words(document)))
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
        parameter=_named_parameter(error, words),
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
    request_id = next((fields[name] for name in _REQUEST_ID_HEADERS if fields.get(name)), document.request_id)
    parameter = document.parameter if status in (400, 415, 422) else None
    location = fields.get("location") if 300 <= status < 400 else None
    return ProviderError(
        document.words or _fallback(status),
        status=status,
        code=document.code or None,
        parameter=parameter,
        body=redact(text[:_READ_LIMIT_BYTES]).encode("utf-8", "replace")[:BODY_LIMIT_BYTES],
        request_id=redact(request_id) or None,
        retry_after_s=_retry_after_s(fields, now),
        hint=f"It points to {redact(location)}; set the base URL to that server." if location else None,
    )


def failure_from(error: DroverError, endpoint_name: str) -> Failure:
    """The error as a value for the transcript: what happened, and what to do next."""
    match error:
        case ProviderError():
            return _provider_failure(error, endpoint_name)
        case ConnectionFailed():
            return _connection_failure(error, endpoint_name)
        case ProtocolError():
            offending = redact(error.offending.decode("utf-8", "replace"))
            detail = f"At byte {error.offset} of the response:\n{offending}" if offending else ""
            hint = error.hint or "Retry, or check the base URL of the endpoint."
            return Failure(
                kind=FailureKind.PROTOCOL, message=redact(error.message), hint=hint, detail=detail
            )
        case ConfigurationError():
            return Failure(
                kind=FailureKind.CONFIGURATION, message=redact(error.message), hint=error.hint or ""
            )
        case _:
            return Failure(kind=FailureKind.BUG, message=redact(error.message), hint=error.hint or "")


_CUT = {"length", "model_length", "max_tokens"}
_FILTERED = {"content_filter", "sensitive", "safety"}
_BROKEN_OFF = {"abort", "error", "insufficient_system_resource", "network_error", "load", "unload"}


def verdict(
    builder: ResponseBuilder, *, stopped: bool = False, endpoint_name: str = "The server"
) -> tuple[RunStatus, Failure | None]:
    """How a reply ended whose stream has ended without an exception.

    A Failure beside COMPLETE, CUT or FILTERED is a note: the server gave a finish reason and an error as well.
    """
    if stopped:
        return RunStatus.STOPPED, None
    failure = None if builder.error is None else _stream_failure(builder.error, endpoint_name)
    reason = (builder.finish_reason or "").lower()
    has_anything = builder.delta_count > 0 or bool(builder.tool_calls)
    if reason in _BROKEN_OFF:
        if failure is not None:
            return RunStatus.FAILED, failure
        return RunStatus.INCOMPLETE, Failure(
            kind=FailureKind.SERVER,
            message=f"{endpoint_name} broke off the answer and gave “{builder.finish_reason}” as the reason",
            hint="Retry to ask again." if not has_anything else "The text so far is kept. Retry to ask again.",
        )
    if reason:
        if reason in _CUT:
            return RunStatus.CUT, failure
        return (RunStatus.FILTERED if reason in _FILTERED else RunStatus.COMPLETE), failure
    if failure is not None:
        return RunStatus.FAILED, failure
    if not has_anything:
        return RunStatus.FAILED, Failure(
            kind=FailureKind.SERVER,
            message=f"{endpoint_name} sent an empty answer",
            hint="The conversation may be longer than the model can take. Retry, or start a shorter one.",
        )
    if builder.saw_done:
        return RunStatus.COMPLETE, None
    return RunStatus.INCOMPLETE, Failure(
        kind=FailureKind.CONNECTION,
        message=f"{endpoint_name} ended the stream before the answer was complete",
        hint="The text so far is kept. Retry to ask again.",
    )


# --- reading -----------------------------------------------------------------------------------------------


def page_title(text: str) -> str | None:
    """The title of a web page, empty if it has none; None if the text is no web page."""
    if not _HTML_PATTERN.match(text):
        return None
    match = _TITLE_PATTERN.search(text)
    title = re.sub(r"<[^>]+>", " ", match.group(1) or match.group(2) or "") if match else ""
    return _capped(" ".join(html.unescape(title).split()))


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
    value = _json(stripped)
    if value is None and stripped.startswith(("data:", "event:", ":")):
        decoder = SSEDecoder()
        events = [*decoder.feed(text.encode("utf-8", "replace")), *decoder.finish()]
        value = next((found for event in events if (found := _json(event.data)) is not None), None)
    if value is not None:
        return read_error(value)
    words = _capped(redact(stripped[:500]))
    return ErrorDocument(words=words, parameter=_named_parameter({}, words))


def _json(text: str) -> Any:
    """The object, array or string that the text is; None for anything else."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict | list | str) else None


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
    error = value.get("error")
    pieces = [error] if error else []
    pieces += [value.get(key) for key in ("title", "message", "detail", "description")]
    metadata = value.get("metadata")
    if isinstance(metadata, dict):
        pieces.append(metadata.get("raw"))
    pieces.append(value.get("failed_generation"))
    if not any(pieces):
        pieces = [value.get("status_description") or value.get("status_message") or value.get("msg")]
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


def _capped(text: str, limit: int = _WORDS_LIMIT) -> str:
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def _status(value: object) -> int | None:
    if isinstance(value, str) and value.isdecimal() and len(value) == 3:
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and 300 <= value <= 599 else None


def _named_parameter(error: Mapping[str, Any], words: str) -> str | None:
    """The optional parameter that an error names as its culprit, by wire name."""
    for key in ("param", "parameter"):
        named = error.get(key)
        if isinstance(named, str) and (name := named.rsplit(".", 1)[-1]) in _OPTIONAL_NAMES:
            return _own_name(name)
    for match in _NAMES_PATTERN.finditer(words):
        name = match.group(1)
        # "temperature" alone may be part of a sentence about something else.
        around = words[max(0, match.start() - 60) : match.end() + 60]
        if name not in _EVERYDAY_WORDS or _CULPRIT_PATTERN.search(around):
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
    try:
        until = parsedate_to_datetime(raw)
    except ValueError:
        return math.nan
    try:
        start = parsedate_to_datetime(date) if date else now or datetime.now(UTC)
    except ValueError:
        start = now or datetime.now(UTC)
    return (_aware(until) - _aware(start)).total_seconds()


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


# --- words for a person ------------------------------------------------------------------------------------


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


def _fallback(status: int) -> str:
    phrase = _phrase(status)
    return f"HTTP {status} {phrase}" if phrase else f"HTTP {status}"


def _quote(words: str, status: int | None) -> str:
    """The server's words after a colon; nothing where they only repeat the status."""
    if status is not None:
        bare = re.sub(r"[\W\d_]+|http", "", words.lower())
        if not words or bare in ("", "error", re.sub(r"\W+", "", _phrase(status).lower())):
            return ""
    one_line = " ".join(words.split())
    return f": “{_capped(one_line, _QUOTE_LIMIT)}”" if one_line else ""


def _provider_failure(error: ProviderError, endpoint_name: str) -> Failure:
    lines = [_fallback(error.status)] if error.status is not None else []
    if error.code:
        lines.append(f"Code: {error.code}")
    if error.request_id:
        lines.append(f"Request id: {error.request_id}")
    if error.body:
        lines += ["", error.body.decode("utf-8", "replace")]
    return _failure(
        endpoint_name,
        words=error.message,
        status=error.status,
        code=error.code or "",
        parameter=error.parameter,
        retry_after_s=error.retry_after_s,
        body=error.body,
        hint=error.hint,
        detail="\n".join(lines),
    )


def _stream_failure(error: ErrorReported, endpoint_name: str) -> Failure:
    parameter = _named_parameter({}, error.message) if error.status in (400, 415, 422) else None
    detail = error.message if not error.code else f"{error.message}\nCode: {error.code}"
    return _failure(
        endpoint_name,
        words=error.message,
        status=error.status,
        code=error.code,
        parameter=parameter,
        detail=detail,
    )


def _failure(
    endpoint_name: str,
    *,
    words: str,
    status: int | None,
    code: str,
    parameter: str | None,
    retry_after_s: float | None = None,
    body: bytes = b"",
    hint: str | None = None,
    detail: str = "",
) -> Failure:
    kind = _kind(status, code, words, parameter)
    what, next_step = _sentences(kind, endpoint_name, status, words, parameter, retry_after_s)
    number = f" ({status})" if status is not None else ""
    quote = _quote(words, status)
    if kind is FailureKind.CONTEXT and (numbers := _context_numbers(words, body)) is not None:
        needed, limit = numbers
        what = f"The conversation needs {_grouped(needed)} tokens and the model takes {_grouped(limit)}"
        quote = ""
    return Failure(
        kind=kind,
        message=f"{what}{number}{quote}",
        hint=hint or next_step,
        detail=detail,
        status=status,
        retry_after_s=retry_after_s,
        parameter=parameter if kind is FailureKind.REQUEST else None,
    )


def _kind(status: int | None, code: str, words: str, parameter: str | None) -> FailureKind:
    """What would help, from the status first and the words second."""
    said = f"{code} {words}"
    if status in (402,) or (status in (None, 403, 429) and _QUOTA_PATTERN.search(said)):
        return FailureKind.CREDITS
    if status == 401 or (status in (None, 400, 403) and _KEY_PATTERN.search(said)):
        return FailureKind.KEY
    if status == 429 or (status is None and re.search(r"(?i)rate.?limit", said)):
        return FailureKind.RATE
    if status is not None and 300 <= status < 400:
        return FailureKind.CONFIGURATION
    if status == 413:
        return FailureKind.CONTEXT
    if status in (None, 400, 415, 422, 424, 500) and _CONTEXT_PATTERN.search(said):
        return FailureKind.CONTEXT
    if status in (404, 405, 410) or (status in (None, 400, 422) and _NO_MODEL_PATTERN.search(said)):
        return FailureKind.NOT_FOUND
    if status == 403:
        return FailureKind.REQUEST if _BLOCKED_PATTERN.search(said) else FailureKind.KEY
    if status in (408, 409, 425, 498, 499):
        return FailureKind.SERVER
    if parameter is not None or (status is not None and 400 <= status < 500):
        return FailureKind.REQUEST
    return FailureKind.SERVER


def _sentences(
    kind: FailureKind,
    name: str,
    status: int | None,
    words: str,
    parameter: str | None,
    retry_after_s: float | None,
) -> tuple[str, str]:
    """What happened and what to do next, for one kind of failure."""
    match kind:
        case FailureKind.KEY if status == 403:
            return f"{name} refused this request", "The key may not be allowed to use this model."
        case FailureKind.KEY:
            return f"{name} did not accept the key", "It may have been replaced or pasted incompletely."
        case FailureKind.CREDITS:
            return f"{name} reports that no credit is left", "Add credit to the account, then retry."
        case FailureKind.RATE:
            return f"{name} asks to wait: too many requests", _wait_hint(retry_after_s)
        case FailureKind.CONFIGURATION:
            return f"{name} sends requests on to another address", "Check the base URL of the endpoint."
        case FailureKind.CONTEXT if status == 413:
            return f"{name} finds the request too large", "Shorten the message or leave out attachments."
        case FailureKind.CONTEXT:
            return "The conversation is too long for the model", "Shorten it, or choose a model with more context."
        case FailureKind.NOT_FOUND if _MODEL_PATTERN.search(words):
            return f"{name} does not offer this model", "Choose another model, or check how its name is written."
        case FailureKind.NOT_FOUND:
            return f"{name} has no chat at this address", "Check the base URL; it often ends in /v1."
        case FailureKind.REQUEST if parameter is not None:
            return f"{name} did not accept {parameter}", f"Send without {parameter}, or choose another value."
        case FailureKind.REQUEST:
            return f"{name} did not accept the request", "Change what it names, then retry."
        case _:
            return _server_sentences(name, status, words, retry_after_s)


def _server_sentences(
    name: str, status: int | None, words: str, retry_after_s: float | None
) -> tuple[str, str]:
    if re.search(r"(?i)loading (?:the )?model|model is (?:still )?loading", words):
        return f"{name} is still loading the model", "Retry in a moment."
    if status in (503, 529):
        return f"{name} is overloaded or not available", _wait_hint(retry_after_s)
    if status in (408, 504, 524):
        return f"{name} took too long to answer", "Retry, or ask for less: a lower effort or limit."
    if status == 502:
        return f"{name} got no good answer from the model's server", "Retry in a moment."
    return f"{name} failed", _wait_hint(retry_after_s) if retry_after_s else "Retry in a moment."


def _wait_hint(retry_after_s: float | None) -> str:
    if not retry_after_s:
        return "Wait a little, then retry."
    if retry_after_s < 120:
        return f"Retry in {math.ceil(retry_after_s)} s."
    return f"Retry in {math.ceil(retry_after_s / 60)} min."


def _context_numbers(words: str, body: bytes) -> tuple[int, int] | None:
    """(tokens needed, tokens the model takes), if both are said and make sense."""
    value = _json(body.decode("utf-8", "replace"))
    error = value.get("error") if isinstance(value, dict) else None
    if isinstance(error, dict):
        needed, limit = error.get("n_prompt_tokens"), error.get("n_ctx")
        if isinstance(needed, int) and isinstance(limit, int) and needed >= limit > 0:
            return needed, limit
    limits, needs = _LIMIT_PATTERN.search(words), _NEEDED_PATTERN.search(words)
    if limits is None or needs is None:
        return None
    limit = int(limits.group(1).replace(",", ""))
    needed = int((needs.group(1) or needs.group(2)).replace(",", ""))
    return (needed, limit) if needed > limit else None


def _grouped(number: int) -> str:
    return f"{number:,}".replace(",", "\u202f")


def _connection_failure(error: ConnectionFailed, name: str) -> Failure:
    waited = f" for {error.elapsed_s:.0f} s" if error.elapsed_s >= 1 else ""
    sentences = {
        "name": (
            f"The address of {name} could not be found",
            "Check the network connection, and the host in the base URL.",
        ),
        "tcp": (f"{name} could not be reached", "Check that the server runs and that the address is right."),
        "tls": (
            f"No secure connection to {name} could be made",
            "Its certificate is not trusted here, or something on the way interferes.",
        ),
        "proxy": (f"The proxy on the way to {name} failed", "Check the proxy settings of this computer."),
        "send": (f"The connection to {name} broke before all was sent", "Retry to send it again."),
        "first_byte": (
            f"{name} did not answer" + waited,
            "The model may still be loading. Retry, or allow more time in Settings.",
        ),
        "idle": (
            f"{name} fell silent" + waited,
            "The text so far is kept. Retry, or allow more time in Settings.",
        ),
        "stream": (
            f"The connection to {name} broke before the answer was complete",
            "The text so far is kept. Retry to ask again.",
        ),
    }
    message, hint = sentences.get(error.phase, (redact(error.message), "Retry in a moment."))
    return Failure(
        kind=FailureKind.CONNECTION, message=message, hint=error.hint or hint, detail=redact(error.message)
    )
