"""Chat completions: the request body. Together with the imported names, the face of this package."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from drover.domain.conversation import Role
from drover.domain.run import Adjustment, RunRequest
from drover.wire.error_body import provider_error
from drover.wire.failures import failure_from, verdict, with_request_id
from drover.wire.history import PREFILLED, History, history_of
from drover.wire.parameters import EncodedParameters
from drover.wire.quirks import quirks_for
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
    "with_request_id",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodedRequest:
    """What to send, and how it differs from what was asked."""

    body: bytes
    """Compact JSON in UTF-8: `model`, `messages`, the parameters in declared order, `stream`, options."""
    adjustments: tuple[Adjustment, ...]


def encode(request: RunRequest) -> EncodedRequest:
    """The request body, with only those parameters that are set.

    The messages are those of `history_of`, the parameters those of `EncodedParameters`. What cannot be UTF-8
    (lone surrogates) is replaced by U+FFFD.
    """
    quirks = quirks_for(request.endpoint)
    parameters = EncodedParameters(request, quirks)
    history = history_of(request, quirks)
    body = parameters.body
    body["stream"] = True
    parameters.add_stream_options()
    adjustments = [*parameters.adjustments, *history.adjustments]
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


def prefill_of(body: bytes, adjustments: Sequence[Adjustment]) -> str:
    """The beginning that was sent for the reply, see `RunRequest.prefill`; empty where there was none."""
    if not any(adjustment.action == PREFILLED for adjustment in adjustments):
        return ""
    messages = json.loads(body).get("messages") or [{}]
    return str(messages[-1].get("content", "")) if messages[-1].get("role") == Role.ASSISTANT else ""
