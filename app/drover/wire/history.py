"""The messages of a request: what of a branch is sent, and in which form."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from drover.domain.conversation import Message, Role, ToolCallPart, ToolResultPart
from drover.domain.run import Adjustment, RunRequest
from drover.wire.attachments import AttachedContent
from drover.wire.quirks import Quirks

PREFILLED = "prefilled"
"""The action of the adjustment for a reply that is given its beginning."""

Json: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """The messages in the order in which they are sent, and how they differ from the branch."""

    messages: Sequence[Json]
    adjustments: tuple[Adjustment, ...] = ()
    content: AttachedContent
    """Fills the data of attachments into the body that is made of the messages."""


def history_of(request: RunRequest, quirks: Quirks) -> History:
    """What of the branch goes to this server.

    The system prompt comes first. Earlier thinking is left out, as are replies without text and calls of
    tools that were never answered. A beginning of the reply becomes a last message, by the assistant.
    """
    messages = [_system(request)] if request.system_prompt.strip() else []
    adjustments: list[Adjustment] = []
    content = AttachedContent(request.attached, quirks, request.rejected)
    branch = request.branch
    for index, message in enumerate(branch):
        match message.role:
            case Role.USER:
                messages.append({"role": "user", "content": content.of(message)})
            case Role.TOOL:
                messages += map(_result, _results(message))
            case Role.ASSISTANT:
                answered = _results(branch[index + 1]) if index + 1 < len(branch) else ()
                messages += _reply(message, {result.call_id for result in answered})
    if request.prefill:
        messages.append({"role": "assistant", "content": request.prefill})
        reason = f"with {len(request.prefill)} characters of an earlier reply, with which the model goes on"
        adjustments.append(Adjustment(name="messages", action=PREFILLED, reason=reason))
    adjustments += content.adjustments
    return History(messages=messages, adjustments=tuple(adjustments), content=content)


def _system(request: RunRequest) -> Json:
    return {"role": "system", "content": request.system_prompt}


def _reply(message: Message, answered_ids: set[str]) -> list[Json]:
    """An earlier reply; nothing where it holds neither text nor a call that was answered."""
    # A stopped reply may hold nothing but thinking, and a call may never have been answered: several servers
    # refuse an empty message of the assistant, and all of them a call without its result.
    calls = [call for call in message.tool_calls if call.call_id in answered_ids]
    if not message.text.strip() and not calls:
        return []
    reply: Json = {"role": "assistant", "content": message.text or None}
    if calls:
        reply["tool_calls"] = [_call(call) for call in calls]
    return [reply]


def _call(call: ToolCallPart) -> Json:
    """One call as it was asked for, with the further keys that the server gave it, such as signatures."""
    function = {"name": call.name, "arguments": call.arguments or "{}"}
    extra = json.loads(call.extra) if call.extra else {}
    return {"id": call.call_id, "type": "function", "function": function, **extra}


def _results(message: Message) -> Sequence[ToolResultPart]:
    return [part for part in message.parts if isinstance(part, ToolResultPart)]


def _result(result: ToolResultPart) -> Json:
    return {"role": "tool", "tool_call_id": result.call_id, "content": result.text}
