"""From the calls of a reply to the next request: answers of persons and programs, and what is approved."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from drover.domain.conversation import Draft, Message, ToolCallPart, ToolResultPart
from drover.domain.open_calls import OpenCall, ProgramState, open_calls
from drover.domain.run import Run, RunStatus
from drover.domain.tool_definitions import arguments_object
from drover.domain.tools import ToolDefinition
from drover.engine.desk import LibraryDesk
from drover.engine.tool_programs import ToolProgram
from drover.errors import ConfigurationError, DroverError

MOST_ROUNDS = 25
"""So many replies in a row may have their calls run under an approval that was given before; then a person is
asked again, since a model that goes round in circles costs money and ends by nothing else."""
DECLINED = "The person declined this call."


class Desk(LibraryDesk, Protocol):
    """What the loop needs of the Workbench."""

    async def ask_with_results(
        self, reply: Message, results: tuple[ToolResultPart, ...], draft: Draft
    ) -> Run:
        """Stores the results as a message below the reply, and starts the run that they are for."""

    def is_answering(self, conversation_id: str) -> bool:
        """Whether a run is in progress there."""

    def calls_advanced(self, conversation_id: str, reply_id: str) -> None:
        """Tells the listener."""


class ToolLoop:
    """The calls that wait for answers, in all conversations of a profile.

    What a call waits for follows from what is stored: a reply whose calls have no results waits, after a
    restart too. Results are kept one by one and become one message when the last call of the reply has its
    result; the next request then starts by itself. Programs and approvals live in memory alone: one that is
    killed with Drover leaves its call waiting, and nothing that was stored, imported or copied to another
    computer ever runs a program without being approved there.

    Verbs take the index of a call in its reply, and the draft whose settings and tools the next request has.
    They raise ConfigurationError, in words, where what they ask for is not possible (any more).
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._programs: dict[str, dict[int, ProgramState]] = {}
        self._tasks: dict[tuple[str, int], asyncio.Task[None]] = {}
        self._conversations: dict[str, str] = {}
        """Of the replies in `_programs`."""
        self._approved: set[tuple[str, str, tuple[str, ...]]] = set()
        self._rounds: defaultdict[str, int] = defaultdict(int)
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._is_closed = False

    # What is to be seen

    def open_calls(
        self, reply: Message, tools: Sequence[ToolDefinition], answers: Mapping[int, ToolResultPart]
    ) -> tuple[OpenCall, ...]:
        """The calls of a reply with what each waits for; `answers` are `Library.call_results` of it."""
        return open_calls(reply, tools, answers, self._programs.get(reply.id, {}))

    def working_reply_in(self, conversation_id: str) -> str | None:
        """The reply in this conversation for whose calls a program is running."""
        for reply_id, programs in self._programs.items():
            is_running = any(program.is_running for program in programs.values())
            if is_running and self._conversations[reply_id] == conversation_id:
                return reply_id
        return None

    def is_approved(self, conversation_id: str, tool: ToolDefinition) -> bool:
        """Whether the program of a tool runs without being asked for in this conversation.

        Another command under the same name is another program.
        """
        return bool(tool.command) and (conversation_id, tool.name, tool.command) in self._approved

    # Verbs

    async def answer(self, reply_id: str, index: int, text: str, draft: Draft) -> None:
        """Answers a call by hand, in the place of an earlier answer as long as others are missing."""
        reply, call = await self._free_call(reply_id, index)
        self._rounds.pop(reply.conversation_id, None)
        await self._keep(reply, index, _result(call, text), draft, is_by_person=True)

    async def decline(self, reply_id: str, index: int, draft: Draft, words: str = "") -> None:
        """Tells the model that the person does not want this call, and why, if `words` say so."""
        reply, call = await self._free_call(reply_id, index)
        self._rounds.pop(reply.conversation_id, None)
        text = f"{DECLINED} {words.strip()}".strip()
        await self._keep(reply, index, _result(call, text, is_error=True), draft, is_by_person=True)

    async def approve(
        self, reply_id: str, index: int, draft: Draft, *, for_conversation: bool = False
    ) -> None:
        """Starts the program of a call; its result is kept when it ends.

        `for_conversation` starts it for the other calls of this tool too, and from now on without asking, as
        long as the conversation and the session last.
        """
        reply, call = await self._free_call(reply_id, index)
        tool = _offered(draft, call.name)
        if tool is None or not tool.command:
            raise ConfigurationError(
                f"{call.name} has no program.", hint="Answer the call by hand, or give the tool a command."
            )
        self._rounds.pop(reply.conversation_id, None)
        same = [index]
        if for_conversation:
            self.allow(reply.conversation_id, tool)
            opened = self.open_calls(reply, draft.tools, await self._answers(reply))
            same += [c.index for c in opened if c.can_run and c.call.name == call.name and c.index != index]
        for each in same:
            self._start_program(reply, each, tool, draft)

    def allow(self, conversation_id: str, tool: ToolDefinition) -> None:
        """From now on the program of this tool runs without asking in this conversation."""
        if tool.command:
            self._approved.add((conversation_id, tool.name, tool.command))

    def forbid(self, conversation_id: str, tool: ToolDefinition) -> None:
        """Its program is asked for again."""
        self._approved.discard((conversation_id, tool.name, tool.command))

    async def go_on(self, reply_id: str, draft: Draft) -> Run:
        """Sends the results of a reply whose calls are all answered, where that did not happen by itself."""
        reply = await self._reply(reply_id)
        async with self._locks[reply_id]:
            return await self._send_results(reply, await self._answers(reply), draft)

    async def wait(self, reply_id: str) -> None:
        """Returns when no program is at work for the calls of a reply, and what follows has begun."""
        while tasks := [task for (known, _), task in self._tasks.items() if known == reply_id]:
            await asyncio.wait(tasks)

    async def stop(self, reply_id: str) -> None:
        """Ends the programs for the calls of a reply and returns when they are gone; the calls wait again."""
        tasks = [
            self._tasks[reply_id, index]
            for index, program in self._programs.get(reply_id, {}).items()
            if program.is_running
        ]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def stop_in(self, conversation_id: str) -> None:
        """Ends every program in a conversation."""
        for reply_id in [r for r, known in self._conversations.items() if known == conversation_id]:
            await self.stop(reply_id)

    async def close(self) -> None:
        """Ends every program; nothing starts afterwards."""
        self._is_closed = True
        for reply_id in list(self._programs):
            await self.stop(reply_id)
        if self._tasks:
            await asyncio.wait(list(self._tasks.values()))

    # What happens by itself

    def begin_anew(self, conversation_id: str) -> None:
        """The person has said something: rounds are counted from here."""
        self._rounds.pop(conversation_id, None)

    def take_up(self, run: Run, reply: Message, draft: Draft) -> None:
        """Starts what is approved for the calls of a reply that has just come, whole."""
        if self._is_closed or run.status is not RunStatus.COMPLETE:
            return
        conversation_id = reply.conversation_id
        offered = [(index, _offered(draft, call.name)) for index, call in enumerate(reply.tool_calls)]
        approved = [(i, tool) for i, tool in offered if tool and self.is_approved(conversation_id, tool)]
        if not approved:
            return
        self._rounds[conversation_id] += 1
        if self._rounds[conversation_id] > MOST_ROUNDS:
            self._rounds.pop(conversation_id)
            self._desk.warn(
                f"Programs have run for {MOST_ROUNDS} replies in a row. Approve the next call to go on."
            )
            return
        for index, tool in approved:
            self._start_program(reply, index, tool, draft)

    def _start_program(self, reply: Message, index: int, tool: ToolDefinition, draft: Draft) -> None:
        if (reply.id, index) in self._tasks:
            return
        self._conversations[reply.id] = reply.conversation_id
        self._set_program(reply, index, ProgramState(started_at_s=time.monotonic()))
        work = self._see_through(reply, index, tool, draft)
        self._tasks[reply.id, index] = asyncio.create_task(work, name=f"tool {tool.name}")

    async def _see_through(self, reply: Message, index: int, tool: ToolDefinition, draft: Draft) -> None:
        try:
            result = await self._run_program(reply, index, tool)
            if result is not None:
                await self._keep(reply, index, result, draft, is_by_person=False)
        except DroverError as error:
            self._desk.warn(error.words)
        finally:
            self._tasks.pop((reply.id, index), None)

    async def _run_program(self, reply: Message, index: int, tool: ToolDefinition) -> ToolResultPart | None:
        """What came of it; None where the call waits again, which is noted beside it."""
        call = reply.tool_calls[index]
        state = self._programs[reply.id][index]
        try:
            program = ToolProgram(tool, arguments_object(call.arguments))
        except ConfigurationError as error:
            self._set_program(reply, index, None)
            return _result(call, f"{error.message} Nothing was run.", is_error=True)
        try:
            outcome = await program.run()
        except ConfigurationError as error:
            self._set_program(reply, index, replace(state, is_running=False, note=error.words))
            return None
        except asyncio.CancelledError:
            note = f"It was stopped after {time.monotonic() - state.started_at_s:.1f} s."
            self._set_program(reply, index, replace(state, is_running=False, note=note))
            raise
        result = _result(call, outcome.text, is_error=outcome.is_error)
        self._set_program(reply, index, None)
        return replace(result, ran=program.command_line)

    def _set_program(self, reply: Message, index: int, state: ProgramState | None) -> None:
        programs = self._programs.setdefault(reply.id, {})
        if state is None:
            programs.pop(index, None)
        else:
            programs[index] = state
        if not programs:
            del self._programs[reply.id]
            self._conversations.pop(reply.id, None)
        self._desk.calls_advanced(reply.conversation_id, reply.id)

    async def _keep(
        self, reply: Message, index: int, result: ToolResultPart, draft: Draft, *, is_by_person: bool
    ) -> None:
        async with self._locks[reply.id]:
            await self._desk.write(lambda library: library.save_call_result(reply.id, index, result))
            answers = await self._answers(reply)
            if len(answers) < len(reply.tool_calls) or self._is_closed:
                return
            # A person who has gone on elsewhere meanwhile is not led back by a program that ends.
            if is_by_person or await self._is_waited_for(reply):
                await self._send_results(reply, answers, draft)

    async def _is_waited_for(self, reply: Message) -> bool:
        conversation = await self._desk.read(lambda library: library.conversation(reply.conversation_id))
        is_head = conversation is not None and conversation.head_id == reply.id
        return is_head and not self._desk.is_answering(reply.conversation_id)

    async def _send_results(self, reply: Message, answers: Mapping[int, ToolResultPart], draft: Draft) -> Run:
        if len(answers) < len(reply.tool_calls):
            raise ConfigurationError("Not all calls of this reply are answered yet.")
        results = tuple(answers[index] for index in range(len(reply.tool_calls)))
        run = await self._desk.ask_with_results(reply, results, draft)
        self._programs.pop(reply.id, None)
        self._conversations.pop(reply.id, None)
        return run

    # Reading

    async def _free_call(self, reply_id: str, index: int) -> tuple[Message, ToolCallPart]:
        """A call at which no program is at work."""
        reply = await self._reply(reply_id)
        if not 0 <= index < len(reply.tool_calls):
            raise ConfigurationError("This reply has no such call.")
        program = self._programs.get(reply_id, {}).get(index)
        if program is not None and program.is_running:
            raise ConfigurationError(
                "The program of this call is at work.", hint="Stop it, or wait for its end."
            )
        return reply, reply.tool_calls[index]

    async def _reply(self, reply_id: str) -> Message:
        reply: Message | None = await self._desk.read(lambda library: library.message(reply_id))
        if reply is None:
            raise ConfigurationError("This reply no longer exists.")
        return reply

    async def _answers(self, reply: Message) -> dict[int, ToolResultPart]:
        found: dict[int, ToolResultPart] = await self._desk.read(
            lambda library: library.call_results(reply.id)
        )
        return {index: result for index, result in found.items() if index < len(reply.tool_calls)}


def _offered(draft: Draft, name: str) -> ToolDefinition | None:
    return next((tool for tool in draft.tools if tool.name == name), None)


def _result(call: ToolCallPart, text: str, *, is_error: bool = False) -> ToolResultPart:
    return ToolResultPart(call_id=call.call_id, name=call.name, text=text, is_error=is_error)
