"""From calls to answers: by hand, by approved programs, over several rounds, and what survives a restart."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.engine.test_workbench import Session, session
from tests.provider import Provider

from drover.domain.conversation import Draft, Message, Role, ToolResultPart
from drover.domain.open_calls import CallState, OpenCall
from drover.domain.run import Run
from drover.domain.tools import ToolDefinition
from drover.engine import tool_loop
from drover.engine.workbench import CallsAdvanced, Notice
from drover.errors import ConfigurationError
from drover.paths import Profile

BY_HAND = ToolDefinition(name="ask", description="Asks a person.")


def program(name: str, code: str, **more: Any) -> ToolDefinition:
    return ToolDefinition(name=name, command=(sys.executable, "-c", code), **more)


DOUBLE = program("double", "import json,sys; print(json.load(sys.stdin)['n'] * 2, end='')")
ENDLESS = program("endless", "import time; time.sleep(60)")


def draft_with(*tools: ToolDefinition) -> Draft:
    return Draft(text="How much?", endpoint_id="scripted", tools=tools)


def reply_of(s: Session, run: Run) -> Message:
    return next(m for m in s.branch(run.conversation_id) if m.run_id == run.id)


def calls_of(s: Session, reply: Message, draft: Draft) -> tuple[OpenCall, ...]:
    with closing(s.workbench.open_reader()) as reader:
        return s.workbench.tools.open_calls(reply, draft.tools, reader.call_results(reply.id))


def ends(s: Session, conversation_id: str, text: str) -> Callable[[], bool]:
    """Whether the branch has come to this answer."""
    return lambda: not s.workbench.live and s.branch(conversation_id)[-1].text == text


def results_in(provider: Provider, index: int) -> list[tuple[str, str]]:
    messages = provider.requests[index].json["messages"]
    return [(m["tool_call_id"], m["content"]) for m in messages if m["role"] == "tool"]


async def test_a_call_answered_by_hand_leads_to_the_next_answer(profile: Profile, provider: Provider) -> None:
    provider.calls(("call_1", "ask", '{"what": "age"}'), text="Let me ask.")
    provider.answers("She is 41.")
    async with session(profile, provider) as s:
        draft = draft_with(BY_HAND)
        run = await s.ask(draft)
        reply = reply_of(s, run)
        (call,) = calls_of(s, reply, draft)
        assert (call.index, call.state, call.tool, call.can_run) == (0, CallState.WAITING, BY_HAND, False)
        await s.workbench.tools.answer(reply.id, 0, "41", draft)
        await s.until(ends(s, run.conversation_id, "She is 41."))
        branch = s.branch(run.conversation_id)
        assert [m.role for m in branch] == [Role.USER, Role.ASSISTANT, Role.TOOL, Role.ASSISTANT]
        assert branch[2].parts == (ToolResultPart(call_id="call_1", name="ask", text="41"),)
        sent = provider.requests[1].json["messages"]
        assert sent[1]["tool_calls"][0]["function"] == {"name": "ask", "arguments": '{"what": "age"}'}
        assert sent[2] == {"role": "tool", "tool_call_id": "call_1", "content": "41"}


async def test_a_program_runs_only_when_it_is_approved(profile: Profile, provider: Provider) -> None:
    provider.calls(("c", "double", '{"n": 21}'))
    provider.answers("It is 42.")
    async with session(profile, provider) as s:
        draft = draft_with(DOUBLE)
        run = await s.ask(draft)
        reply = reply_of(s, run)
        (call,) = calls_of(s, reply, draft)
        assert (call.state, call.can_run) == (CallState.WAITING, True)
        assert len(provider.requests) == 1
        await s.workbench.tools.approve(reply.id, 0, draft)
        assert s.workbench.tools.working_reply_in(run.conversation_id) == reply.id
        await s.until(ends(s, run.conversation_id, "It is 42."))
        (result,) = s.branch(run.conversation_id)[2].tool_results
        assert (result.text, result.is_error) == ("42", False)
        assert result.ran.startswith(sys.executable)
        assert results_in(provider, 1) == [("c", "42")]
        assert s.workbench.tools.working_reply_in(run.conversation_id) is None


async def test_parallel_calls_run_side_by_side_and_are_sent_together(
    profile: Profile, provider: Provider, tmp_path: Path
) -> None:
    # Each waits for the file of the other: one after the other they would never end.
    meet = program(
        "meet",
        "import json,pathlib,sys,time; g=json.load(sys.stdin); d=pathlib.Path(g['dir']);"
        "(d/g['me']).touch()\nwhile not (d/g['other']).exists(): time.sleep(0.01)\nprint(g['me'], end='')",
    )
    here = str(tmp_path)
    provider.calls(
        ("c1", "meet", json.dumps({"dir": here, "me": "a", "other": "b"})),
        ("c2", "meet", json.dumps({"dir": here, "me": "b", "other": "a"})),
        ("c3", "ask", "{}"),
    )
    provider.answers("Met.")
    async with session(profile, provider) as s:
        draft = draft_with(meet, BY_HAND)
        run = await s.ask(draft)
        reply = reply_of(s, run)
        await s.workbench.tools.approve(reply.id, 0, draft, for_conversation=True)
        await s.until(lambda: [c.state for c in calls_of(s, reply, draft)][:2] == [CallState.ANSWERED] * 2)
        assert len(provider.requests) == 1
        await s.workbench.tools.answer(reply.id, 2, "now", draft)
        await s.until(ends(s, run.conversation_id, "Met."))
        assert results_in(provider, 1) == [("c1", "a"), ("c2", "b"), ("c3", "now")]


async def test_an_approval_for_the_conversation_lets_the_loop_go_on_by_itself(
    profile: Profile, provider: Provider
) -> None:
    provider.calls(("c1", "double", '{"n": 1}'))
    provider.calls(("c2", "double", '{"n": 2}'))
    provider.calls(("c3", "double", '{"n": 4}'))
    provider.answers("Eight.")
    async with session(profile, provider) as s:
        draft = draft_with(DOUBLE)
        run = await s.ask(draft)
        await s.workbench.tools.approve(reply_of(s, run).id, 0, draft, for_conversation=True)
        await s.until(ends(s, run.conversation_id, "Eight."))
        assert results_in(provider, 3) == [("c1", "2"), ("c2", "4"), ("c3", "8")]
        assert s.workbench.tools.is_approved(run.conversation_id, DOUBLE)
        changed = replace(DOUBLE, command=("rm", "-r", "x"))
        assert not s.workbench.tools.is_approved(run.conversation_id, changed)
        assert not s.workbench.tools.is_approved("another", DOUBLE)


async def test_after_many_rounds_a_person_is_asked_again(
    profile: Profile, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tool_loop, "MOST_ROUNDS", 3)
    provider.calls(("c", "double", '{"n": 1}'))  # for ever
    async with session(profile, provider) as s:
        draft = draft_with(DOUBLE)
        run = await s.ask(draft)
        await s.workbench.tools.approve(reply_of(s, run).id, 0, draft, for_conversation=True)
        await s.until(lambda: any(isinstance(e, Notice) for e in s.events))
        assert len(provider.requests) == 5
        notice = next(e for e in s.events if isinstance(e, Notice))
        assert notice.text == "Programs have run for 3 replies in a row. Approve the next call to go on."
        last = s.branch(run.conversation_id)[-1]
        assert [c.state for c in calls_of(s, last, draft)] == [CallState.WAITING]


async def test_a_declined_call_is_told_to_the_model(profile: Profile, provider: Provider) -> None:
    provider.calls(("c", "double", '{"n": 1}'))
    provider.answers("Fine.")
    async with session(profile, provider) as s:
        draft = draft_with(DOUBLE)
        run = await s.ask(draft)
        await s.workbench.tools.decline(reply_of(s, run).id, 0, draft, "Not today.")
        await s.until(ends(s, run.conversation_id, "Fine."))
        assert results_in(provider, 1) == [("c", "The person declined this call. Not today.")]
        assert s.branch(run.conversation_id)[2].tool_results[0].is_error


async def test_stopping_a_program_leaves_its_call_waiting(profile: Profile, provider: Provider) -> None:
    provider.calls(("c", "endless", "{}"))
    async with session(profile, provider) as s:
        draft = draft_with(ENDLESS)
        run = await s.ask(draft)
        reply = reply_of(s, run)
        await s.workbench.tools.approve(reply.id, 0, draft)
        assert calls_of(s, reply, draft)[0].state is CallState.RUNNING
        with pytest.raises(ConfigurationError, match="at work"):
            await s.workbench.tools.answer(reply.id, 0, "mine", draft)
        await s.workbench.tools.stop(reply.id)
        (call,) = calls_of(s, reply, draft)
        assert call.state is CallState.WAITING
        assert call.program is not None
        assert call.program.note.startswith("It was stopped after 0.")
        assert any(isinstance(e, CallsAdvanced) and e.reply_id == reply.id for e in s.events)
        assert len(provider.requests) == 1


async def test_closing_ends_programs_and_their_calls_wait_in_the_next_session(
    profile: Profile, provider: Provider
) -> None:
    provider.calls(("c1", "ask", "{}"), ("c2", "endless", "{}"))
    provider.answers("Both.")
    draft = draft_with(BY_HAND, ENDLESS)
    async with session(profile, provider) as s:
        run = await s.ask(draft)
        reply = reply_of(s, run)
        await s.workbench.tools.answer(reply.id, 0, "typed before", draft)
        await s.workbench.tools.approve(reply.id, 1, draft, for_conversation=True)
    async with session(profile, provider) as s:
        first, second = calls_of(s, reply, draft)
        assert (first.state, second.state) == (CallState.ANSWERED, CallState.WAITING)
        assert first.result is not None
        assert first.result.text == "typed before"
        assert not s.workbench.tools.is_approved(run.conversation_id, ENDLESS)
        await s.workbench.tools.answer(reply.id, 1, "by hand then", draft)
        await s.until(ends(s, run.conversation_id, "Both."))
        assert results_in(provider, 1) == [("c1", "typed before"), ("c2", "by hand then")]
        with closing(s.workbench.open_reader()) as reader:
            assert reader.call_results(reply.id) == {}


async def test_a_program_that_cannot_be_started_leaves_its_call_waiting(
    profile: Profile, provider: Provider
) -> None:
    provider.calls(("c", "gone", "{}"))
    async with session(profile, provider) as s:
        draft = draft_with(ToolDefinition(name="gone", command=("/no/such/program",)))
        run = await s.ask(draft)
        reply = reply_of(s, run)
        await s.workbench.tools.approve(reply.id, 0, draft)
        await s.until(lambda: calls_of(s, reply, draft)[0].state is CallState.WAITING)
        state = calls_of(s, reply, draft)[0].program
        assert state is not None
        assert "cannot be started: No such file" in state.note


async def test_arguments_that_are_no_json_run_nothing_and_are_told(
    profile: Profile, provider: Provider
) -> None:
    provider.calls(("c", "double", '{"n": 2'))
    provider.answers("Sorry.")
    async with session(profile, provider) as s:
        draft = draft_with(DOUBLE)
        run = await s.ask(draft)
        await s.workbench.tools.approve(reply_of(s, run).id, 0, draft)
        await s.until(ends(s, run.conversation_id, "Sorry."))
        ((_, text),) = results_in(provider, 1)
        assert text.startswith("The arguments cannot be read. This is not JSON: ")
        assert text.endswith("Nothing was run.")


async def test_a_person_who_has_gone_on_is_not_led_back(
    profile: Profile, provider: Provider, tmp_path: Path
) -> None:
    go = tmp_path / "go"
    code = f"import os,time\nwhile not os.path.exists({str(go)!r}): time.sleep(0.01)\nprint('late')"
    wait = program("wait", code)
    provider.calls(("c", "wait", "{}"))
    provider.answers("Another matter.")
    async with session(profile, provider) as s:
        draft = draft_with(wait)
        run = await s.ask(draft)
        reply = reply_of(s, run)
        await s.workbench.tools.approve(reply.id, 0, draft)
        await s.ask(replace(draft, text="Never mind."), run.conversation_id)
        go.touch()
        await s.until(lambda: calls_of(s, reply, draft)[0].state is CallState.ANSWERED)
        assert s.branch(run.conversation_id)[-1].text == "Another matter."
        assert len(provider.requests) == 2


async def test_a_reply_to_results_can_be_asked_for_again(profile: Profile, provider: Provider) -> None:
    provider.calls(("c", "ask", "{}"))
    provider.answers("First.")
    provider.answers("Second.")
    async with session(profile, provider) as s:
        draft = draft_with(BY_HAND)
        run = await s.ask(draft)
        await s.workbench.tools.answer(reply_of(s, run).id, 0, "yes", draft)
        await s.until(ends(s, run.conversation_id, "First."))
        results = s.branch(run.conversation_id)[2]
        again = await s.workbench.regenerate(results, draft)
        await s.workbench.wait(again.id)
        assert s.branch(run.conversation_id)[-1].text == "Second."
        assert provider.requests[2].json["messages"] == provider.requests[1].json["messages"]


@pytest.mark.parametrize("index", [-1, 1])
async def test_a_call_that_is_not_there_is_refused(profile: Profile, provider: Provider, index: int) -> None:
    provider.calls(("c", "ask", "{}"))
    async with session(profile, provider) as s:
        draft = draft_with(BY_HAND)
        run = await s.ask(draft)
        with pytest.raises(ConfigurationError, match="no such call"):
            await s.workbench.tools.answer(reply_of(s, run).id, index, "x", draft)
        with pytest.raises(ConfigurationError, match="ask has no program"):
            await s.workbench.tools.approve(reply_of(s, run).id, 0, draft)


async def test_calls_without_ids_of_their_own_are_told_apart(profile: Profile, provider: Provider) -> None:
    provider.calls(("0", "ask", '{"n": 1}'), ("0", "ask", '{"n": 2}'), finish_reason="stop")
    provider.answers("Both.")
    async with session(profile, provider) as s:
        draft = draft_with(BY_HAND)
        run = await s.ask(draft)
        reply = reply_of(s, run)
        assert [call.arguments for call in reply.tool_calls] == ['{"n": 1}', '{"n": 2}']
        await s.workbench.tools.answer(reply.id, 1, "two", draft)
        await s.workbench.tools.answer(reply.id, 0, "one", draft)
        await s.until(ends(s, run.conversation_id, "Both."))
        assert results_in(provider, 1) == [("call_1", "one"), ("call_2", "two")]


async def test_a_deleted_conversation_runs_no_programs(profile: Profile, provider: Provider) -> None:
    provider.calls(("c", "endless", "{}"))
    async with session(profile, provider) as s:
        draft = draft_with(ENDLESS)
        run = await s.ask(draft)
        await s.workbench.tools.approve(reply_of(s, run).id, 0, draft)
        assert s.workbench.tools.working_reply_in(run.conversation_id) is not None
        await s.workbench.delete_conversation(run.conversation_id)
        assert s.workbench.tools.working_reply_in(run.conversation_id) is None
