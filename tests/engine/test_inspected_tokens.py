"""Probabilities read again from a stored reply, and replies that go on from another token."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest
from tests.engine.test_local_model import needs_model
from tests.engine.test_workbench import Session, session
from tests.provider import EVENT_STREAM, Head, Provider, Send, Step, event

from drover.domain.conversation import Draft, Message, ReasoningPart
from drover.domain.parameters import SamplingParameters
from drover.domain.reading import Reading, ReadingKind
from drover.domain.run import Adjustment, Run, RunStatus
from drover.engine.event_log import EventKind
from drover.engine.inspected_tokens import InspectedTokens
from drover.engine.workbench import Workbench
from drover.errors import ConfigurationError
from drover.paths import Profile

LLAMA = {"Server": "llama.cpp"}


def steps(
    *tokens: Sequence[tuple[str, float]], headers: Mapping[str, str] = LLAMA, field: str = "content"
) -> list[Step]:
    """A stream of one event a token; each is given with those that were possible after it."""
    chunks: list[dict[str, Any]] = []
    for (text, logprob), *others in tokens:
        entries = [
            {"token": t, "logprob": n, "bytes": list(t.encode())} for t, n in [(text, logprob), *others]
        ]
        scored = entries[0] | {"top_logprobs": entries}
        chunks.append({"index": 0, "delta": {field: text}, "logprobs": {"content": [scored]}})
    chunks.append({"index": 0, "delta": {}, "finish_reason": "stop"})
    sent = [Send(event({"choices": [chunk]})) for chunk in chunks]
    return [Head(headers={"Content-Type": EVENT_STREAM, **headers}), *sent, Send(event("[DONE]"))]


def plain(*texts: str) -> list[Step]:
    """The same without probabilities."""
    chunks: list[dict[str, Any]] = [{"choices": [{"index": 0, "delta": {"content": text}}]} for text in texts]
    chunks.append({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    return [Head(headers={"Content-Type": EVENT_STREAM} | LLAMA), *(Send(event(chunk)) for chunk in chunks)]


YES = [("Yes", -0.4), ("No", -1.3)]
STOP = [(".", -0.1), ("!", -2.0)]


async def tokens_of(s: Session, run: Run) -> InspectedTokens:
    found = await s.workbench.replies.token_choices(run.id)
    assert found is not None
    return found


async def test_the_tokens_of_a_stored_reply_are_read_again(profile: Profile, provider: Provider) -> None:
    provider.script(*steps(YES, STOP))
    async with session(profile, provider) as s:
        run = await s.ask()
        found = await tokens_of(s, run)
        assert found.run_id == run.id
        assert [token.text for token in found.scores.answer.tokens] == ["Yes", "."]
        assert [each.text for each in found.scores.answer.tokens[0].alternatives] == ["Yes", "No"]
        assert found.scores.answer.is_exact


async def test_a_reply_without_probabilities_has_no_tokens(profile: Profile, provider: Provider) -> None:
    provider.answers("Yes.")
    async with session(profile, provider) as s:
        run = await s.ask()
        assert await s.workbench.replies.token_choices(run.id) is None
        with pytest.raises(ConfigurationError, match="kept"):
            await s.workbench.replies.token_choices("unknown")


async def test_a_fork_is_a_sibling_that_begins_as_was_asked(profile: Profile, provider: Provider) -> None:
    provider.script(*steps(YES, STOP))
    provider.script(*plain(" way", "."))
    async with session(profile, provider) as s:
        draft = replace(s.draft, system_prompt="Be.", parameters=SamplingParameters(seed=7))
        first = await s.ask(draft)
        scores = (await tokens_of(s, first)).scores
        beginning = scores.beginning(scores.answer, 0, b"No")
        assert beginning == "No"
        fork = await s.workbench.fork(first.id, beginning)
        await s.workbench.wait(fork.id)
        run, (*_, reply) = s.stored(fork.id), s.branch(fork.conversation_id)
        assert (reply.text, reply.run_id) == ("No way.", fork.id)
        assert (run.status, run.parent_id) == (RunStatus.COMPLETE, first.parent_id)
        assert (run.parameters.seed, run.system_prompt) == (7, "Be.")
        assert run.delta_count == 2  # what it was given counts nowhere
        assert provider.requests[1].json["messages"] == [
            {"role": "system", "content": "Be."},
            {"role": "user", "content": "Why?"},
            {"role": "assistant", "content": "No"},
        ]
        reason = "with 2 characters of an earlier reply, with which the model goes on"
        assert Adjustment(name="messages", action="prefilled", reason=reason) in run.adjustments


async def test_a_forked_reply_is_replayed_logged_and_repeated_with_its_beginning(
    profile: Profile, provider: Provider
) -> None:
    provider.script(*steps(YES, STOP))
    for _ in range(2):
        provider.script(*plain("k it over.\n</think>\n\n", "No."))
    async with session(profile, provider) as s:
        first = await s.ask()
        fork = await s.workbench.fork(first.id, "<think>\nThin")
        await s.workbench.wait(fork.id)
        reply = s.branch(fork.conversation_id)[-1]
        assert (reply.reasoning, reply.text) == ("Think it over.\n", "No.")
        assert isinstance(reply.parts[0], ReasoningPart)
        replay = await s.workbench.replies.replay(fork.id)
        assert (await replay.play(advanced=lambda: None)).is_identical
        again = await s.workbench.repeat_exactly(fork.id)
        await s.workbench.wait(again.id)
        repeated = s.branch(fork.conversation_id)[-1]
        assert repeated.run_id == again.id
        assert repeated.parts == reply.parts
        with closing(s.workbench.open_reader()) as reader:
            run, exchange = reader.run(fork.id), reader.exchange(fork.id)
        assert run is not None
        assert exchange is not None
        log = s.workbench.replies.event_log(run, exchange)
        log.read_to(len(log))
        kinds = [log[row].kind for row in range(log.line_count, len(log))]
        assert kinds[:2] == [EventKind.REASONING, EventKind.CONTENT]
        assert "Thin" not in log[log.line_count].text


async def test_a_fork_that_fails_before_anything_came_leaves_no_version(
    profile: Profile, provider: Provider
) -> None:
    provider.script(*steps(YES, STOP))
    provider.fails(500, {"error": {"message": "Out of memory"}})
    async with session(profile, provider) as s:
        first = await s.ask()
        fork = await s.workbench.fork(first.id, "No")
        await s.workbench.wait(fork.id)
        assert s.settled(fork.id).status is RunStatus.FAILED
        failed = s.branch(fork.conversation_id)[-1]
        assert failed.parts == ()
        replay = await s.workbench.replies.replay(fork.id)
        assert (await replay.play(advanced=lambda: None)).is_identical
        assert await s.workbench.replies.treat_as(failed.id, Reading(kind=ReadingKind.ANSWER)) == failed.id


async def test_a_fork_that_ends_at_once_is_its_beginning(profile: Profile, provider: Provider) -> None:
    provider.script(*steps(YES, STOP))
    provider.script(*plain())
    async with session(profile, provider) as s:
        first = await s.ask()
        fork = await s.workbench.fork(first.id, "No")
        await s.workbench.wait(fork.id)
        assert s.settled(fork.id).status is RunStatus.COMPLETE
        assert s.branch(fork.conversation_id)[-1].text == "No"


async def test_servers_that_would_not_go_on_are_not_asked(profile: Profile, provider: Provider) -> None:
    provider.script(*steps(YES, STOP, headers={}))
    provider.script(*steps(YES, STOP, field="reasoning_content"))
    async with session(profile, provider) as s:
        first, second = await s.ask(), await s.ask()
        assert "is not known to go on" in (await tokens_of(s, first)).no_fork_reason
        assert "keeps the thinking apart" in (await tokens_of(s, second)).no_fork_reason
        for run in (first, second):
            with pytest.raises(ConfigurationError, match="Scripted"):
                await s.workbench.fork(run.id, "No")
        assert len(provider.requests) == 2


async def replies_of(workbench: Workbench, *drafts: Draft) -> list[tuple[Run, Message]]:
    found: list[tuple[Run, Message]] = []
    for draft in drafts:
        run = await workbench.send(None, draft)
        await workbench.wait(run.id)
        found.append(stored_reply(workbench, run))
    return found


def stored_reply(workbench: Workbench, run: Run) -> tuple[Run, Message]:
    with closing(workbench.open_reader()) as reader:
        stored, message = reader.run(run.id), reader.message(run.message_id)
    assert stored is not None
    assert message is not None
    return stored, message


@needs_model
async def test_the_built_in_model_goes_on_from_another_token_of_its_answer_and_of_its_thinking(
    profile: Profile,
) -> None:
    asked = SamplingParameters(
        temperature=0.0, seed=7, max_tokens=160, reasoning_effort="low", logprobs=True, top_logprobs=5
    )
    workbench = Workbench.open(profile, lambda _: None)
    try:
        ((run, message),) = await replies_of(workbench, Draft(text="What is 2+2?", parameters=asked))
        found = await workbench.replies.token_choices(run.id)
        assert found is not None
        assert found.no_fork_reason == ""
        scores = found.scores
        assert (scores.reasoning.text, scores.answer.text) == (message.reasoning, message.text)
        for text in (scores.reasoning, scores.answer):
            assert text.is_exact
            assert text.bare_chars == 0
            index = next(i for i, token in enumerate(text.tokens) if i > 2 and token.text.isascii())
            written = text.tokens[index].token_bytes
            other = next(each for each in text.tokens[index].shown if each.token_bytes not in (written, b""))
            beginning = scores.beginning(text, index, other.token_bytes)
            assert beginning is not None
            fork = await workbench.fork(run.id, beginning)
            await workbench.wait(fork.id)
            forked, reply = stored_reply(workbench, fork)
            assert forked.status in (RunStatus.COMPLETE, RunStatus.CUT)
            now = reply.reasoning if text is scores.reasoning else reply.text
            assert now.startswith(text.text[: text.starts[index]] + other.text)
            assert reply.reasoning.startswith(message.reasoning[:8])
            assert "<think>" not in reply.text
            assert len(now) > text.starts[index] + len(other.text)
            again = await workbench.replies.token_choices(fork.id)
            assert again is not None
            assert again.scores.prefill == beginning
            assert again.scores.answer.is_exact
            chance = [token.logprob for token in again.scores.answer.tokens]
            assert all(math.isfinite(number) for number in chance)
            assert json.loads(forked.request_body)["messages"][-1]["content"] == beginning
    finally:
        await workbench.close()
