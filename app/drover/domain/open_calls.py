"""The calls of a reply that are not answered yet: what each waits for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from drover.domain.conversation import Message, ToolCallPart, ToolResultPart
from drover.domain.tools import ToolDefinition


class CallState(StrEnum):
    """What a call waits for."""

    WAITING = "waiting"
    """For a person: to answer it, to approve its program, or to decline it."""
    RUNNING = "running"
    """For its program."""
    ANSWERED = "answered"
    """For the other calls of the reply: its result is kept, and sent together with theirs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramState:
    """A program at work for a call, or how its last try ended."""

    started_at_s: float
    """On the clock of `time.monotonic()`."""
    is_running: bool = True
    note: str = ""
    """Why there is no result although it ran: it was stopped, or could not be started."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenCall:
    """One call of a reply whose calls are not all answered."""

    index: int
    """Its place among the calls of the reply, from 0. Servers repeat or leave out ids, so this names it."""
    call: ToolCallPart
    tool: ToolDefinition | None
    """What is offered under its name now; None where nothing is."""
    state: CallState
    result: ToolResultPart | None = None
    """Where it is answered."""
    program: ProgramState | None = None
    """Where one was started in this session."""

    @property
    def can_run(self) -> bool:
        """Whether a program could be approved for it."""
        return self.tool is not None and bool(self.tool.command) and self.state is CallState.WAITING


def open_calls(
    reply: Message,
    tools: Sequence[ToolDefinition],
    answers: Mapping[int, ToolResultPart],
    programs: Mapping[int, ProgramState],
) -> tuple[OpenCall, ...]:
    """The calls of a reply in order; `answers` and `programs` are by the index of the call."""
    offered = {tool.name: tool for tool in tools}
    return tuple(
        OpenCall(
            index=index,
            call=call,
            tool=offered.get(call.name),
            state=_state(answers.get(index), programs.get(index)),
            result=answers.get(index),
            program=programs.get(index),
        )
        for index, call in enumerate(reply.tool_calls)
    )


def _state(answer: ToolResultPart | None, program: ProgramState | None) -> CallState:
    if program is not None and program.is_running:
        return CallState.RUNNING
    return CallState.WAITING if answer is None else CallState.ANSWERED
