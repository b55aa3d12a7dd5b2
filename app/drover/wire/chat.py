"""Chat completions: the request body. Together with the imported names, the face of this package."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from drover.domain.conversation import Role
from drover.domain.endpoint import ParameterFact
from drover.domain.parameters import ParameterValue, plain
from drover.domain.run import Adjustment, RunRequest
from drover.domain.thinking_grammar import THINKING_LINES, thinking_grammar
from drover.wire.error_body import provider_error
from drover.wire.failures import failure_from, verdict
from drover.wire.history import PREFILLED, History, history_of
from drover.wire.quirks import Quirks, quirks_for
from drover.wire.reply import ReplyDecoder
from drover.wire.surrogates import without_lone_surrogates

__all__ = [
    "EncodedRequest",
    "ReplyDecoder",
    "encode",
    "failure_from",
    "prefill_of",
    "provider_error",
    "verdict",
]

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodedRequest:
    """What to send, and how it differs from what was asked."""

    body: bytes
    """Compact JSON in UTF-8: `model`, `messages`, the parameters in declared order, `stream`, options."""
    adjustments: tuple[Adjustment, ...]


def encode(request: RunRequest) -> EncodedRequest:
    """The request body, with only those parameters that are set.

    The messages are those of `history_of`. What cannot be UTF-8 (lone surrogates) is replaced by U+FFFD. What
    this model rejected before is left out, or renamed where the server asked for another name, and noted.
    """
    quirks = quirks_for(request.endpoint)
    rejected = {fact.name: fact for fact in request.rejected}
    adjustments: list[Adjustment] = []
    body: dict[str, Any] = {}
    for name, value in request.parameters:
        fact = rejected.get(name)
        reason = quirks.unsupported.get(name) if fact is None or fact.renamed_to else _rejection(fact)
        if reason is None and value == ():
            reason = "an empty list of texts stops nothing"
        if reason is not None:
            adjustments.append(Adjustment(name=name, action="dropped", reason=reason))
        elif fact is not None:
            reason = f"to {fact.renamed_to}, as this model asked on {_day(fact.noted_at)}"
            adjustments.append(Adjustment(name=name, action="renamed", reason=reason))
            body[fact.renamed_to] = plain(value)
        else:
            _add_parameter(body, name, value, request, quirks, adjustments)
    _add_logprobs(body, rejected.get("logprobs"), adjustments)
    history = history_of(request, quirks)
    adjustments += history.adjustments
    body["stream"] = True
    _add_stream_options(body, quirks, rejected.get("stream_options"), adjustments)
    text = _body_text(request.model_id, history, body)
    sendable = without_lone_surrogates(text)
    if sendable != text:
        reason = "characters that cannot be sent were replaced by U+FFFD"
        adjustments.append(Adjustment(name="messages", action="translated", reason=reason))
    return EncodedRequest(body=history.content.filled(sendable.encode()), adjustments=tuple(adjustments))


def _body_text(model_id: str, history: History, settings: dict[str, Any]) -> str:
    """Message by message: in one go, megabytes of them would hold up all other threads."""
    messages = ",".join(map(_compact, history.messages))
    return f'{{"model":{_compact(model_id)},"messages":[{messages}],{_compact(settings)[1:]}'


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def _rejection(fact: ParameterFact) -> str:
    return f"rejected by this model on {_day(fact.noted_at)}"


def _day(moment: datetime) -> str:
    """The local day, with its year: what is sent is read again much later."""
    local = moment.astimezone()
    return f"{local.day} {_MONTHS[local.month - 1]} {local.year}"


def _add_logprobs(
    body: dict[str, Any], rejected: ParameterFact | None, adjustments: list[Adjustment]
) -> None:
    """Alternatives are reported only beside the probability of the token itself."""
    if "top_logprobs" not in body or body.get("logprobs"):
        return
    if rejected is None:
        body["logprobs"] = True
        reason = "because top_logprobs needs it"
        adjustments.append(Adjustment(name="logprobs", action="added", reason=reason))
    else:
        del body["top_logprobs"]
        reason = f"it needs logprobs, {_rejection(rejected)}"
        adjustments.append(Adjustment(name="top_logprobs", action="dropped", reason=reason))


def _add_stream_options(
    body: dict[str, Any], quirks: Quirks, rejected: ParameterFact | None, adjustments: list[Adjustment]
) -> None:
    if not quirks.sends_stream_options or "stream_options" in body:
        return
    if rejected is None:
        body["stream_options"] = {"include_usage": True}
        reason = "so that usage is reported"
        adjustments.append(Adjustment(name="stream_options", action="added", reason=reason))
    elif not any(adjustment.name == "stream_options" for adjustment in adjustments):
        reason = f"{_rejection(rejected)}, so usage may not be reported"
        adjustments.append(Adjustment(name="stream_options", action="dropped", reason=reason))


def prefill_of(body: bytes, adjustments: Sequence[Adjustment]) -> str:
    """The beginning that was sent for the reply, see `RunRequest.prefill`; empty where there was none."""
    if not any(adjustment.action == PREFILLED for adjustment in adjustments):
        return ""
    messages = json.loads(body).get("messages") or [{}]
    return str(messages[-1].get("content", "")) if messages[-1].get("role") == Role.ASSISTANT else ""


def _add_parameter(
    body: dict[str, Any],
    name: str,
    value: ParameterValue,
    request: RunRequest,
    quirks: Quirks,
    adjustments: list[Adjustment],
) -> None:
    """Writes one set parameter as this server wants it."""
    if name == "reasoning_effort" and quirks.effort_is_grammar(request.model_id):
        if value not in THINKING_LINES:
            known = ", ".join(THINKING_LINES)
            reason = f"this model knows only the efforts {known}"
            adjustments.append(Adjustment(name=name, action="dropped", reason=reason))
            return
        body["grammar"] = thinking_grammar(str(value), begun=request.prefill)
        fewest, most = THINKING_LINES[str(value)]
        reason = f"to a grammar that makes the model write {fewest} to {most} lines of thinking first"
        adjustments.append(Adjustment(name=name, action="translated", reason=reason))
        return
    if name == "max_tokens" and quirks.max_tokens_name != name:
        reason = f"to {quirks.max_tokens_name}, the name that this server knows"
        adjustments.append(Adjustment(name=name, action="renamed", reason=reason))
        name = quirks.max_tokens_name
    body[name] = plain(value)
