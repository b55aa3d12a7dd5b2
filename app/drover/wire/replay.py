"""The thinking of earlier replies in the messages of a request: what goes back, where, and what it costs."""

from __future__ import annotations

import json
import re
from typing import Any

from drover.domain.conversation import Message, ReasoningPart, ReasoningReplay, Role
from drover.domain.earlier_thinking import ThinkingPlan
from drover.domain.run import Adjustment, Origin, RunRequest
from drover.domain.token_estimate import estimated_tokens, in_round_figures
from drover.wire.quirk_rules import Need, Quirks, ReplayForm

NAME = "earlier thinking"
"""Of the adjustments."""
_NOT_OF_THE_FAMILY = re.compile(r"(a?\d+(\.\d+)?[bm]|\d+x\d+b|\d{4,8}|latest|preview)")
"""Sizes, dates and stages in the name of a model."""


class EarlierThinking:
    """Decides reply by reply, and sums up what was decided."""

    def __init__(self, request: RunRequest, quirks: Quirks) -> None:
        self._request = request
        self._label = quirks.label
        self._rule = quirks.replay_for(request.model_id)
        self._needs = self._needs_by_index()
        self._sent: dict[str, list[int]] = {}
        """Replies and characters, by the reason."""
        self._left_out: dict[str, list[int]] = {}

    def add_to(self, reply: dict[str, Any], index: int) -> None:
        """Puts the thinking of the message at this index of the branch into its encoded form, or counts it as
        left out."""
        message = self._request.branch[index]
        parts = [part for part in message.parts if isinstance(part, ReasoningPart)]
        chars = sum(len(part.text) or len(part.raw) for part in parts)
        if not chars:
            return
        need = self._needs[index]
        against = self._reason_against(message, need)
        reason = against or (self._rule.reason if need is Need.REQUIRED else "as chosen")
        counted = (self._left_out if against else self._sent).setdefault(reason, [0, 0])
        counted[0] += 1
        counted[1] += chars
        if not against:
            self._put(reply, parts)

    @property
    def plan(self) -> ThinkingPlan:
        """What was decided."""
        replies, chars = _sum(self._sent)
        left_out_replies, left_out_chars = _sum(self._left_out)
        return ThinkingPlan(
            replies=replies,
            tokens=estimated_tokens(chars),
            left_out_replies=left_out_replies,
            left_out_tokens=estimated_tokens(left_out_chars),
            reason=next(iter({**self._sent, **self._left_out}), ""),
        )

    @property
    def adjustments(self) -> list[Adjustment]:
        """What was decided, as it is told in the request."""
        return [
            _adjustment(action, replies, chars, reason)
            for action, counted in (("added", self._sent), ("dropped", self._left_out))
            for reason, (replies, chars) in counted.items()
        ]

    def _needs_by_index(self) -> list[Need]:
        """For each message of the branch, by whether tools were called in its turn."""
        branch, needs = self._request.branch, []
        called: list[bool] = []
        turn = 0
        turns = [turn := turn + (message.role is Role.USER) for message in branch]
        called = [False] * (turn + 1)
        for at, message in zip(turns, branch, strict=True):
            called[at] = called[at] or bool(message.tool_calls)
        is_in_loop = bool(branch) and branch[-1].role is Role.TOOL
        for at in turns:
            if at == turn and is_in_loop:
                needs.append(self._rule.in_loop)
            else:
                needs.append(self._rule.after_loop if called[at] else self._rule.plain)
        return needs

    def _reason_against(self, message: Message, need: Need) -> str:
        """Why the thinking of this message is left out; empty where it goes back."""
        policy = self._request.reasoning_replay
        origin = self._request.origins.get(message.id)
        if policy is ReasoningReplay.NEVER:
            return "never sent, as chosen"
        if need is Need.REFUSED:
            return self._rule.reason or f"{self._label} takes none back"
        if need is Need.ON_REQUEST and policy is ReasoningReplay.AS_REQUIRED:
            return f"{self._label} does not ask for it"
        if origin is None or not _is_same_author(origin, self._request):
            return "another server or model wrote it"
        return ""

    def _put(self, reply: dict[str, Any], parts: list[ReasoningPart]) -> None:
        form = self._rule.form
        text = "".join(part.text for part in parts)
        blocks = [block for part in parts for block in _blocks(part.raw)]
        if form is ReplayForm.AS_RECEIVED and blocks:
            key = "reasoning_details" if _is_detail(blocks[0]) else "thinking_blocks"
            reply[key] = blocks
            return
        if form is ReplayForm.AS_RECEIVED:
            source = parts[0].source
            form = {"<think>": ReplayForm.TAGS, "content": ReplayForm.CHUNKS}.get(source, ReplayForm.KEY)
            key = source if source in ("reasoning", "reasoning_content") else self._rule.key
        else:
            key = self._rule.key
        answer = reply.get("content") or ""
        match form:
            case ReplayForm.TAGS:
                reply["content"] = f"<think>{text}</think>\n\n{answer}"
            case ReplayForm.CHUNKS:
                thought = {"type": "thinking", "thinking": [{"type": "text", "text": text}]}
                reply["content"] = [thought, *([{"type": "text", "text": answer}] if answer else [])]
            case _:
                reply[key] = text


def thinking_plan(request: RunRequest, quirks: Quirks) -> ThinkingPlan:
    """What would become of the thinking in the branch of this request."""
    thinking = EarlierThinking(request, quirks)
    for index, message in enumerate(request.branch):
        if message.role is Role.ASSISTANT and (message.text.strip() or message.tool_calls):
            thinking.add_to({}, index)
    return thinking.plan


def model_family(model_id: str) -> str:
    """The name of a model without vendor, variant, size, date and stage: what is left names those that read
    each other's thinking."""
    name = model_id.lower().rpartition("/")[2].partition(":")[0]
    return "-".join(word for word in name.split("-") if not _NOT_OF_THE_FAMILY.fullmatch(word))


def is_of_this_server(origin: Origin, request: RunRequest) -> bool:
    """Whether the server that the request goes to wrote this."""
    endpoint = request.endpoint
    if endpoint.is_built_in:
        return origin.endpoint_id == endpoint.id
    return origin.base_url == endpoint.base_url


def _is_same_author(origin: Origin, request: RunRequest) -> bool:
    return is_of_this_server(origin, request) and model_family(origin.model_id) == model_family(
        request.model_id
    )


def _blocks(raw: str) -> list[dict[str, Any]]:
    """The blocks of a part. What came with a file may be anything."""
    try:
        blocks = json.loads(raw) if raw else []
    except ValueError:
        return []
    return [block for block in blocks if isinstance(block, dict)] if isinstance(blocks, list) else []


def _sum(counted: dict[str, list[int]]) -> tuple[int, int]:
    return sum(replies for replies, _ in counted.values()), sum(chars for _, chars in counted.values())


def _is_detail(block: dict[str, Any]) -> bool:
    return str(block.get("type", "")).startswith("reasoning.")


def _adjustment(action: str, replies: int, chars: int, reason: str) -> Adjustment:
    tokens = f"{in_round_figures(estimated_tokens(chars)):,}"
    whose = "1 reply" if replies == 1 else f"{replies} replies"
    return Adjustment(name=NAME, action=action, reason=f"of {whose}, about {tokens} tokens: {reason}")
