"""The messages of a request: what of a branch is sent, and in which form."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from drover.domain.conversation import Message, Role
from drover.domain.run import Adjustment, RunRequest
from drover.wire.attachments import AttachedContent
from drover.wire.quirk_rules import Quirks, fitting
from drover.wire.replay import EarlierThinking
from drover.wire.tool_history import ToolHistory

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
    thinking: EarlierThinking
    """What was decided about the thinking of earlier replies."""


def history_of(request: RunRequest, quirks: Quirks) -> History:
    """What of the branch goes to this server.

    The system prompt comes first. Replies with neither text nor calls are left out; earlier thinking is,
    unless `EarlierThinking` keeps it. Each call has one result, see `ToolHistory`. A beginning of the reply
    becomes a last message, by the assistant.
    """
    adjustments: list[Adjustment] = []
    messages = _system(request, quirks, adjustments) if request.system_prompt.strip() else []
    thinking = EarlierThinking(request, quirks)
    content = AttachedContent(request.attached, quirks, request.rejected)
    tools = ToolHistory(request)
    branch = request.branch
    for index, message in enumerate(branch):
        following = branch[index + 1] if index + 1 < len(branch) else None
        match message.role:
            case Role.USER:
                messages.append({"role": "user", "content": content.of(message)})
            case Role.TOOL:
                if index == 0 or branch[index - 1].role is not Role.ASSISTANT:
                    tools.lone_results(message)
            case Role.ASSISTANT:
                calls, results = tools.exchange(message, following)
                for reply in _reply(message, calls):
                    thinking.add_to(reply, index)
                    messages.append(reply)
                messages += results
    if quirks.merges_same_role:
        messages = _merged(messages, quirks.label, adjustments)
    if request.prefill:
        messages.append({"role": "assistant", "content": request.prefill})
        reason = f"with {len(request.prefill)} characters of an earlier reply, with which the model goes on"
        adjustments.append(Adjustment(name="messages", action=PREFILLED, reason=reason))
    adjustments += [*thinking.adjustments, *content.adjustments, *tools.adjustments]
    return History(messages=messages, adjustments=tuple(adjustments), content=content, thinking=thinking)


def _system(request: RunRequest, quirks: Quirks, adjustments: list[Adjustment]) -> list[Json]:
    role = "system"
    if rule := next(iter(fitting(quirks.system_role, request.model_id)), None):
        role = rule.role
        reason = f"to the role {role}: {rule.reason}"
        adjustments.append(Adjustment(name="system prompt", action="translated", reason=reason))
    return [{"role": role, "content": request.system_prompt}]


def _merged(messages: Sequence[Json], label: str, adjustments: list[Adjustment]) -> list[Json]:
    """Questions in a row as one, which are there where a reply held nothing."""
    merged: list[Json] = []
    count = 0
    for message in messages:
        if merged and message["role"] == merged[-1]["role"] == "user":
            count += 1
            merged[-1] = {"role": "user", "content": _joined(merged[-1]["content"], message["content"])}
        else:
            merged.append(message)
    if count:
        reason = f"{count + 1} into fewer, since question and answer must take turns at {label}"
        adjustments.append(Adjustment(name="questions in a row", action="merged", reason=reason))
    return merged


def _joined(first: str | list[Json], second: str | list[Json]) -> str | list[Json]:
    if isinstance(first, str) and isinstance(second, str):
        return f"{first}\n\n{second}"
    both = [[{"type": "text", "text": each}] if isinstance(each, str) else each for each in (first, second)]
    return [*both[0], *both[1]]


def _reply(message: Message, calls: Sequence[Json]) -> list[Json]:
    """An earlier reply; nothing where it holds neither text nor calls."""
    # A stopped reply may hold nothing but thinking; several servers refuse an empty message.
    if not message.text.strip() and not calls:
        return []
    reply: Json = {"role": "assistant", "content": message.text or None}
    if calls:
        reply["tool_calls"] = calls
    return [reply]
