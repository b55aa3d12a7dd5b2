"""What an error or an ending means for a person: one sentence, and what to do next."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import replace
from urllib.parse import urlsplit

from drover.domain.run import Failure, FailureKind, RunStatus
from drover.domain.stream import ErrorReported, ResponseBuilder
from drover.errors import (
    ConfigurationError,
    ConnectionFailed,
    DroverError,
    MissingKey,
    ProtocolError,
    ProviderError,
)
from drover.log import redact
from drover.wire.context_limit import is_overflow, overflow_numbers
from drover.wire.error_body import capped, named_parameter, request_id_of, status_line, status_phrase
from drover.wire.failure_words import SERVER_STATUSES, connection_sentences, names_model, sentences

UNREADABLE_EVENT = "unreadable_event"
"""The `ErrorReported.code` of an event of the stream that is cut off or damaged."""

_QUOTE_LIMIT = 300
_REFUSALS = frozenset({400, 415, 422})
_REQUIRED_KEYS = frozenset({"model", "messages", "stream"})
_QUOTED_NAME_PATTERN = re.compile(r"[`'\"“](\w+)[`'\"”]|(?:^|: |-> |\n)(\w+)(?=[:.]|$)", re.MULTILINE)
"""How a key of the body is named that may be any word: in quotes, or alone beside a colon."""
_INSTEAD_PATTERN = re.compile(
    r"(?i)(?:\buse|\bsend|\btry|\bmean|in favou?r of|replaced (?:by|with)) (?:the )?(?:parameter )?"
    r"[`'\"“]?(max_completion_tokens|max_tokens)\b"
)

_QUOTA_PATTERN = re.compile(
    r"(?i)insufficient_(?:quota|credits?|balance|funds)|insufficient (?:quota|credits?|balance|funds)|"
    r"exceeded_current_quota|exceeded your current quota|billing|payment required"
)
_KEY_PATTERN = re.compile(
    r"(?i)(?:invalid|incorrect|missing|expired|revoked|no) api[ _-]?key|"
    r"api[ _-]?key (?:not valid|is invalid)|invalid_api_key|unauthenticated|authentication"
)
_NO_MODEL_PATTERN = re.compile(
    r"(?i)model[_ ]not[_ ]found|(?:unknown|invalid|no such) model\b|"
    r"model .{0,120}?(?:does not exist|not found|was not found|is not available)"
)
_BLOCKED_PATTERN = re.compile(
    r"(?i)moderat|flagged|region|country|territory|blocked|just a moment|cloudflare"
)


def failure_from(
    error: DroverError, endpoint_name: str, *, sent: Collection[str] | None = None, base_url: str = ""
) -> Failure:
    """The error as a value for the transcript: what happened, and what to do next.

    `sent` are the keys of the request's body, of which only an optional one can be named as the culprit; None
    where they are not known. `base_url` is where the request went, for what is wrong with an address.
    """
    match error:
        case ProviderError():
            return _provider_failure(error, endpoint_name, sent, base_url)
        case ConnectionFailed():
            return _connection_failure(error, endpoint_name)
        case ProtocolError():
            offending = redact(error.offending.decode("utf-8", "replace"))
            detail = f"At byte {error.offset} of the response:\n{offending}" if offending else ""
            hint = error.hint or "Retry, or check the base URL of the endpoint."
            return Failure(
                kind=FailureKind.PROTOCOL, message=_headline(error.message), hint=hint, detail=detail
            )
        case ConfigurationError():
            kind = FailureKind.KEY if isinstance(error, MissingKey) else FailureKind.CONFIGURATION
            return Failure(kind=kind, message=_headline(error.message), hint=error.hint or "")
        case _:
            return Failure(kind=FailureKind.BUG, message=_headline(error.message), hint=error.hint or "")


def with_request_id(failure: Failure, headers: Mapping[str, str]) -> Failure:
    """The failure with the id of its response in the details, where the headers name one."""
    request_id = redact(request_id_of(headers))
    if not request_id or request_id in failure.detail:
        return failure
    lines = (failure.detail, f"Request id: {request_id}")
    return replace(failure, detail="\n".join(line for line in lines if line))


_LIMITS = {"max_tokens", "max_completion_tokens"}
"""The keys under which a limit on the reply may have been sent; a person knows it by the first."""
_CUT = {"length", "model_length", "max_tokens"}
_FILTERED = {"content_filter", "sensitive", "safety"}
_BROKEN_OFF = {"abort", "error", "insufficient_system_resource", "network_error", "load", "unload"}


def verdict(
    builder: ResponseBuilder,
    *,
    stopped: bool = False,
    endpoint_name: str = "The server",
    sent: Collection[str] | None = None,
) -> tuple[RunStatus, Failure | None]:
    """How a reply ended whose stream has ended without an exception.

    A Failure beside COMPLETE, CUT or FILTERED is a note: a finish reason came and an error as well, or the
    answer is a refusal. `sent` is as in `failure_from`.
    """
    if stopped:
        return RunStatus.STOPPED, None
    failure = None if builder.error is None else _stream_failure(builder.error, endpoint_name, sent)
    reason = (builder.finish_reason or "").lower()
    has_anything = builder.delta_count > 0 or bool(builder.tool_calls) or builder.picture_count > 0
    if reason in _BROKEN_OFF:
        if failure is not None:
            return RunStatus.FAILED, failure
        return RunStatus.INCOMPLETE, Failure(
            kind=FailureKind.SERVER,
            message=f"{endpoint_name} broke off the answer and gave “{builder.finish_reason}” as the reason",
            hint="Retry to ask again."
            if not has_anything
            else "The text so far is kept. Retry to ask again.",
        )
    if reason:
        if reason in _CUT:
            return RunStatus.CUT, failure
        return (RunStatus.FILTERED if reason in _FILTERED else RunStatus.COMPLETE), failure or _note(builder)
    if failure is not None:
        return RunStatus.FAILED, failure
    if not has_anything:
        return RunStatus.FAILED, Failure(
            kind=FailureKind.SERVER,
            message=f"{endpoint_name} sent an empty answer",
            hint="The conversation may be longer than the model can take. Retry, or start a shorter one.",
        )
    if builder.saw_done:
        return RunStatus.COMPLETE, _note(builder)
    return RunStatus.INCOMPLETE, Failure(
        kind=FailureKind.CONNECTION,
        message=f"{endpoint_name} ended the stream before the answer was complete",
        hint="The text so far is kept. Retry to ask again.",
    )


def _note(builder: ResponseBuilder) -> Failure | None:
    """What is to be said of an answer that is whole: it is a refusal, or one of several."""
    if builder.is_refused:
        return Failure(kind=FailureKind.REQUEST, message="The model refused to answer")
    if builder.picture_count:
        count = builder.picture_count
        words = f"{count} pictures, which are" if count > 1 else "a picture, which is"
        hint = "The log of events in the Request tab has the bytes."
        return Failure(kind=FailureKind.PROTOCOL, message=f"The answer holds {words} not shown", hint=hint)
    if builder.other_choices:
        count = len(builder.other_choices) + 1
        hint = "The log of events in the Request tab holds the others."
        words = f"The server sent {count} answers, of which the first is shown"
        return Failure(kind=FailureKind.PROTOCOL, message=words, hint=hint)
    return None


def _headline(message: str) -> str:
    """One sentence without its full stop, as the other headlines have none."""
    text = redact(message).strip()
    return text[:-1] if text.endswith(".") and ". " not in text else text


def _said(words: str, status: int | None) -> str:
    """The server's words in one line; nothing where they only repeat the status."""
    if status is not None:
        bare = re.sub(r"[\W\d_]+|http", "", words.lower())
        if words in ("", status_line(status)) or bare in (
            "",
            "error",
            re.sub(r"\W+", "", status_phrase(status).lower()),
        ):
            return ""
    return capped(" ".join(words.split()), _QUOTE_LIMIT)


def _culprit(named: str | None, words: str, sent: Collection[str] | None) -> str | None:
    """The parameter at fault: the one that was named, if it was sent, else a sent one that is quoted."""
    if sent is None:
        return named
    names = {"max_tokens" if name == "max_completion_tokens" else name for name in sent} - _REQUIRED_KEYS
    if named in names:
        return named
    for match in _QUOTED_NAME_PATTERN.finditer(words):
        name = match.group(1) or match.group(2)
        if name in names:
            return name
    return None


def _instead(parameter: str | None, words: str, sent: Collection[str] | None) -> str | None:
    """The other name of the limit on the reply, where the server asks for that."""
    match = _INSTEAD_PATTERN.search(words) if parameter == "max_tokens" else None
    name = None if match is None else match.group(1).lower()
    return name if name not in (sent or ("max_tokens",)) else None


def _provider_failure(
    error: ProviderError, endpoint_name: str, sent: Collection[str] | None, base_url: str
) -> Failure:
    lines = [status_line(error.status)] if error.status is not None else []
    if base_url:
        lines.append(f"Address: {redact(base_url)}/chat/completions")
    if error.code:
        lines.append(f"Code: {error.code}")
    if error.request_id:
        lines.append(f"Request id: {error.request_id}")
    lines += [f"{name}: {value}" for name, value in error.limits]
    if error.body:
        lines += ["", error.body.decode("utf-8", "replace")]
    return _failure(
        endpoint_name,
        words=error.message,
        status=error.status,
        code=error.code or "",
        parameter=_culprit(error.parameter, error.message, sent) if error.status in _REFUSALS else None,
        sent=sent,
        retry_after_s=error.retry_after_s,
        body=error.body,
        hint=error.hint or _address_hint(error.status, error.message, base_url),
        detail="\n".join(lines),
    )


def _address_hint(status: int | None, words: str, base_url: str) -> str | None:
    """What may be wrong with the base URL where nothing is at the address."""
    if status not in (404, 405) or not base_url or names_model(words):
        return None
    path = urlsplit(base_url).path.strip("/")
    if not path:
        return f"Its base URL is {redact(base_url)}; with most servers it ends in /v1."
    return f"Nothing takes a chat at {redact(base_url)}/chat/completions. Check the base URL."


def _stream_failure(error: ErrorReported, endpoint_name: str, sent: Collection[str] | None) -> Failure:
    if error.code == UNREADABLE_EVENT:
        return Failure(
            kind=FailureKind.PROTOCOL,
            message=f"{endpoint_name} sent a piece of the answer that cannot be read",
            hint="Some text may be missing. Retry to ask again.",
            detail=error.message,
        )
    parameter = None
    if error.status in _REFUSALS:
        parameter = _culprit(named_parameter({}, error.message), error.message, sent)
    detail = error.message if not error.code else f"{error.message}\nCode: {error.code}"
    return _failure(
        endpoint_name,
        words=error.message,
        status=error.status,
        code=error.code,
        parameter=parameter,
        sent=sent,
        detail=detail,
    )


def _failure(
    endpoint_name: str,
    *,
    words: str,
    status: int | None,
    code: str,
    parameter: str | None,
    sent: Collection[str] | None,
    retry_after_s: float | None = None,
    body: bytes = b"",
    hint: str | None = None,
    detail: str = "",
) -> Failure:
    kind = _kind(status, code, words, parameter)
    said = _said(words, status)
    what, next_step = sentences(kind, endpoint_name, status, said, parameter, retry_after_s)
    if kind is FailureKind.CONTEXT and _LIMITS.intersection(sent or ()):
        next_step = "Shorten it, lower max_tokens, or choose a model with more context."
    if kind is not FailureKind.REQUEST:
        parameter = None
    instead = _instead(parameter, words, sent)
    if instead is not None:
        next_step = f"Send it as {instead}."
    number = f" ({status})" if status is not None else ""
    quote = f": “{said}”" if said else ""
    if kind is FailureKind.CONTEXT and (numbers := overflow_numbers(words, body)) is not None:
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
        parameter=parameter,
        instead=instead,
        said=said,
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
    if status in (None, 400, 415, 422, 424, 500) and is_overflow(said):
        return FailureKind.CONTEXT
    if status in (404, 405, 410) or (status in (None, 400, 422) and _NO_MODEL_PATTERN.search(said)):
        return FailureKind.NOT_FOUND
    if status == 403:
        return FailureKind.REQUEST if _BLOCKED_PATTERN.search(said) else FailureKind.KEY
    if status in SERVER_STATUSES:
        return FailureKind.SERVER
    if parameter is not None or (status is not None and 400 <= status < 500):
        return FailureKind.REQUEST
    return FailureKind.SERVER


def _grouped(number: int) -> str:
    return f"{number:,}".replace(",", "\u202f")


def _connection_failure(error: ConnectionFailed, name: str) -> Failure:
    message, hint = connection_sentences(error.phase, name, error.elapsed_s)
    return Failure(
        kind=FailureKind.CONNECTION,
        message=message or redact(error.message),
        hint=error.hint or hint,
        detail=redact(error.message),
    )
