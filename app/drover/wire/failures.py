"""What an error or an ending means for a person: one sentence, and what to do next."""

from __future__ import annotations

import math
import re
from collections.abc import Collection

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
from drover.wire.error_body import capped, error_object, named_parameter, status_line, status_phrase

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

_CONTEXT_PATTERN = re.compile(
    r"(?i)context.{0,20}(?:length|window|size|limit)|exceed_context|maximum (?:input|prompt)|"
    r"(?:prompt|input|request|conversation|messages?) (?:is|are) too (?:long|large)|"
    r"too many (?:input )?tokens"
)
_LIMIT_PATTERN = re.compile(
    r"(?i)(?:context (?:length|window|size)(?: limit)?|max_model_len|maximum(?: allowed)?|limit|n_ctx)"
    r"(?: of| is|:| =|=)? ?\(?(\d[\d,]{2,})"
)
_NEEDED_PATTERN = re.compile(
    r"(?i)(?:requested(?: about)?|resulted in|contains(?: at least)?|request has|"
    r"prompt (?:has|is)(?: too long:)?|is too long:|too large:|n_prompt_tokens[:=]) ?"
    r"\(?(\d[\d,]{2,})|\((\d[\d,]{2,}) tokens\)"
)
_QUOTA_PATTERN = re.compile(
    r"(?i)insufficient_(?:quota|credits?|balance|funds)|insufficient (?:quota|credits?|balance|funds)|"
    r"exceeded_current_quota|exceeded your current quota|billing|payment required"
)
_KEY_PATTERN = re.compile(
    r"(?i)(?:invalid|incorrect|missing|expired|revoked|no) api[ _-]?key|"
    r"api[ _-]?key (?:not valid|is invalid)|invalid_api_key|unauthenticated|authentication"
)
_MODEL_PATTERN = re.compile(r"(?i)\bmodels?\b")
_NO_MODEL_PATTERN = re.compile(
    r"(?i)model[_ ]not[_ ]found|(?:unknown|invalid|no such) model\b|"
    r"model .{0,120}?(?:does not exist|not found|was not found|is not available)"
)
_BLOCKED_PATTERN = re.compile(
    r"(?i)moderat|flagged|region|country|territory|blocked|just a moment|cloudflare"
)


def failure_from(error: DroverError, endpoint_name: str, *, sent: Collection[str] | None = None) -> Failure:
    """The error as a value for the transcript: what happened, and what to do next.

    `sent` are the keys of the request's body, of which only an optional one can be named as the culprit; None
    where they are not known.
    """
    match error:
        case ProviderError():
            return _provider_failure(error, endpoint_name, sent)
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
    has_anything = builder.delta_count > 0 or bool(builder.tool_calls)
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
        return (RunStatus.FILTERED if reason in _FILTERED else RunStatus.COMPLETE), failure or _refusal(
            builder
        )
    if failure is not None:
        return RunStatus.FAILED, failure
    if not has_anything:
        return RunStatus.FAILED, Failure(
            kind=FailureKind.SERVER,
            message=f"{endpoint_name} sent an empty answer",
            hint="The conversation may be longer than the model can take. Retry, or start a shorter one.",
        )
    if builder.saw_done:
        return RunStatus.COMPLETE, _refusal(builder)
    return RunStatus.INCOMPLETE, Failure(
        kind=FailureKind.CONNECTION,
        message=f"{endpoint_name} ended the stream before the answer was complete",
        hint="The text so far is kept. Retry to ask again.",
    )


def _refusal(builder: ResponseBuilder) -> Failure | None:
    """The note beside an answer that the server marked as a refusal."""
    if not builder.is_refused:
        return None
    return Failure(kind=FailureKind.REQUEST, message="The model refused to answer")


def _headline(message: str) -> str:
    """One sentence without its full stop, as the other headlines have none."""
    text = redact(message).strip()
    return text[:-1] if text.endswith(".") and ". " not in text else text


def _said(words: str, status: int | None) -> str:
    """The server's words in one line; nothing where they only repeat the status."""
    if status is not None:
        bare = re.sub(r"[\W\d_]+|http", "", words.lower())
        if not words or bare in ("", "error", re.sub(r"\W+", "", status_phrase(status).lower())):
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


def _provider_failure(error: ProviderError, endpoint_name: str, sent: Collection[str] | None) -> Failure:
    lines = [status_line(error.status)] if error.status is not None else []
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
        parameter=_culprit(error.parameter, error.message, sent) if error.status in _REFUSALS else None,
        sent=sent,
        retry_after_s=error.retry_after_s,
        body=error.body,
        hint=error.hint,
        detail="\n".join(lines),
    )


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
    what, next_step = _sentences(kind, endpoint_name, status, words, parameter, retry_after_s)
    if kind is not FailureKind.REQUEST:
        parameter = None
    instead = _instead(parameter, words, sent)
    if instead is not None:
        next_step = f"Send it as {instead}."
    number = f" ({status})" if status is not None else ""
    said = _said(words, status)
    quote = f": “{said}”" if said else ""
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
            return (
                "The conversation is too long for the model",
                "Shorten it, or choose a model with more context.",
            )
        case FailureKind.NOT_FOUND if _MODEL_PATTERN.search(words):
            return (
                f"{name} does not offer this model",
                "Choose another model, or check how its name is written.",
            )
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
    error = error_object(body)
    if error:
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
