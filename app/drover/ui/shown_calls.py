"""The calls of a reply as the transcript shows them: what came of each, or who is waited for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from drover.domain.conversation import ToolCallPart, ToolResultPart
from drover.domain.open_calls import CallState, OpenCall

if TYPE_CHECKING:
    from drover.domain.tools import ToolDefinition


class CallStage(StrEnum):
    """How far a call is."""

    ARRIVING = "arriving"
    WAITING = "waiting"
    """A person answers it, or lets its program run."""
    RUNNING = "running"
    ANSWERED = "answered"
    FAILED = "failed"
    DECLINED = "declined"
    UNANSWERED = "unanswered"


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownCall:
    """One call and what is known of it."""

    call: ToolCallPart
    stage: CallStage
    tool: ToolDefinition | None = None
    """The tool that is called; None where the conversation does not offer it any more."""
    result: ToolResultPart | None = None
    started_at_s: float | None = None
    """While its program runs: since when, on the clock of `time.monotonic()`."""
    note: str = ""
    """Why there is no result although the program was started."""
    is_kept: bool = False
    """Whether the result waits to be sent with those of the other calls."""


def settled_calls(
    calls: Sequence[ToolCallPart], results: Iterable[ToolResultPart], tools: Iterable[ToolDefinition]
) -> tuple[ShownCall, ...]:
    """The calls of a stored reply with their results; those without one are not answered.

    Where ids stand twice, results belong to the calls in their order.
    """
    known = {tool.name: tool for tool in tools}
    left = list(results)
    shown = []
    for call in calls:
        result = next((each for each in left if each.call_id == call.call_id), None)
        if result is not None:
            left.remove(result)
        stage = CallStage.UNANSWERED if result is None else stage_of(result)
        shown.append(ShownCall(call=call, stage=stage, tool=known.get(call.name), result=result))
    return tuple(shown)


def shown_open(calls: Iterable[OpenCall]) -> tuple[ShownCall, ...]:
    """Calls that are not all answered yet."""
    return tuple(map(_shown_open, calls))


def _shown_open(call: OpenCall) -> ShownCall:
    stage, program = CallStage.WAITING, call.program
    if call.state is CallState.RUNNING:
        stage = CallStage.RUNNING
    elif call.result is not None:
        stage = stage_of(call.result)
    return ShownCall(
        call=call.call,
        stage=stage,
        tool=call.tool,
        result=call.result if stage is not CallStage.RUNNING else None,
        started_at_s=program.started_at_s if program is not None and program.is_running else None,
        note=program.note if program is not None and not program.is_running else "",
        is_kept=call.result is not None,
    )


def stage_of(result: ToolResultPart) -> CallStage:
    """What a result tells of its call."""
    if not result.is_error:
        return CallStage.ANSWERED
    return CallStage.FAILED if result.ran else CallStage.DECLINED


def calls_as_markdown(calls: Iterable[ShownCall]) -> str:
    """Calls and their results as they are copied with a conversation."""
    pieces = []
    for shown in calls:
        pieces.append(f"Tool call `{shown.call.name}`:\n\n{_fenced(shown.call.arguments, 'json')}")
        if shown.result is not None:
            pieces.append(f"Result:\n\n{_fenced(shown.result.text, '')}")
    return "\n\n".join(pieces)


def _fenced(text: str, language: str) -> str:
    fence = "```"
    while fence in text:
        fence += "`"
    return f"{fence}{language}\n{text}\n{fence}"
