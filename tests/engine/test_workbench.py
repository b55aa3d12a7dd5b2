"""The verbs of the application, against a real database and a server on a real socket."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from dataclasses import replace

import pytest
from tests.provider import CHAT_PATH, EVENT_STREAM, FOR_GOOD, Flag, Head, Provider, Reset, Send, event

from drover.domain.conversation import Draft, Message, ReasoningPart, Role, TextPart, Tree
from drover.domain.endpoint import Endpoint, FactOutcome
from drover.domain.parameters import Json, SamplingParameters
from drover.domain.run import FailureKind, LivePhase, Run, RunStatus
from drover.domain.stream import TextDelta
from drover.engine.workbench import (
    LibraryChanged,
    Notice,
    RunAdvanced,
    RunSettled,
    Workbench,
    WorkbenchEvent,
    default_draft,
)
from drover.errors import ConfigurationError, LibraryError
from drover.paths import Profile

CHUNK = {"object": "chat.completion.chunk", "choices": [{"index": 0, "delta": {"content": "Half an ans"}}]}


class Session:
    """An open Workbench with one scripted endpoint, and what it told its listener."""

    def __init__(self, profile: Profile, provider: Provider | str) -> None:
        """`provider` may be the base URL of another server."""
        self.events: list[WorkbenchEvent] = []
        self._news = asyncio.Event()
        self.workbench = Workbench.open(profile, self._hear)
        self.workbench.retry_base_s = 0.0
        self.endpoint = Endpoint(
            id="scripted",
            name="Scripted",
            needs_key=False,
            default_model_id="m",
            base_url=provider if isinstance(provider, str) else provider.base_url,
        )
        self.draft = Draft(text="Why?", endpoint_id="scripted")

    def _hear(self, event: WorkbenchEvent) -> None:
        self.events.append(event)
        self._news.set()

    async def until(self, holds: Callable[[], bool]) -> None:
        """Returns when it holds; looks again after each event."""
        async with asyncio.timeout(5):
            while not holds():
                self._news.clear()
                await self._news.wait()

    async def ask(self, draft: Draft | None = None, conversation_id: str | None = None) -> Run:
        """Sends and waits for the end; returns the settled run."""
        run = await self.workbench.send(conversation_id, draft or self.draft)
        await self.workbench.wait(run.id)
        return self.settled(run.id)

    def settled(self, run_id: str) -> Run:
        return next(e.run for e in self.events if isinstance(e, RunSettled) and e.run.id == run_id)

    def branch(self, conversation_id: str) -> list[Message]:
        reader = self.workbench.open_reader()
        try:
            conversation = reader.conversation(conversation_id)
            assert conversation is not None
            return Tree(reader.messages(conversation_id)).branch(conversation.head_id)
        finally:
            reader.close()

    def stored(self, run_id: str) -> Run:
        reader = self.workbench.open_reader()
        try:
            run = reader.run(run_id)
            assert run is not None
            return run
        finally:
            reader.close()


@asynccontextmanager
async def session(profile: Profile, provider: Provider) -> AsyncIterator[Session]:
    opened = Session(profile, provider)
    await opened.workbench.save_endpoint(opened.endpoint)
    try:
        yield opened
    finally:
        await opened.workbench.close()


async def test_a_question_and_its_answer_are_stored_with_all_that_explains_them(
    profile: Profile, provider: Provider
) -> None:
    provider.answers("Because of Rayleigh.", reasoning="Short light scatters.")
    async with session(profile, provider) as s:
        draft = Draft(
            text="Why?", endpoint_id="scripted", parameters=SamplingParameters(temperature=0.2, seed=7),
            system_prompt="Be brief.",
        )  # fmt: skip
        run = await s.ask(draft)
        question, answer = s.branch(run.conversation_id)
        stored = s.stored(run.id)
        assert (question.role, question.text) == (Role.USER, "Why?")
        assert answer.parts == (
            ReasoningPart(text="Short light scatters.", source="reasoning_content"),
            TextPart(text="Because of Rayleigh."),
        )
        assert stored == run
        assert run.status is RunStatus.COMPLETE
        assert run.usage is not None
        assert run.timing.first_token_ms is not None
        body = json.loads(run.request_body)
        assert body == provider.requests[0].json
        assert body["temperature"] == 0.2
        assert body["seed"] == 7
        assert "top_p" not in body
        assert body["messages"] == [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Why?"},
        ]


async def test_news_is_told_once_a_chunk_and_the_end_once(profile: Profile, provider: Provider) -> None:
    provider.answers("one two three four")
    async with session(profile, provider) as s:
        run = await s.ask()
        assert sum(isinstance(e, RunSettled) for e in s.events) == 1
        assert any(isinstance(e, RunAdvanced) and e.run_id == run.id for e in s.events)
        assert any(isinstance(e, LibraryChanged) for e in s.events)
        assert not s.workbench.live


async def test_stop_keeps_what_had_arrived_and_closes_the_connection(
    profile: Profile, provider: Provider
) -> None:
    provider.answers("Half an answer and the rest", pause_after=2)
    async with session(profile, provider) as s:
        run = await s.workbench.send(None, s.draft)
        live = s.workbench.live[run.id]
        await s.until(lambda: "Half" in live.builder.answer)
        await s.workbench.stop(run.id)
        settled = s.settled(run.id)
        assert settled.status is RunStatus.STOPPED
        assert s.branch(run.conversation_id)[-1].text.startswith("Half")
        await provider.requests[0].closed.reached()


async def test_stop_at_once_leaves_no_run_behind(profile: Profile, provider: Provider) -> None:
    provider.answers("never read", pause_after=0)
    async with session(profile, provider) as s:
        run = await s.workbench.send(None, s.draft)
        await s.workbench.stop(run.id)
        assert s.stored(run.id).status is RunStatus.STOPPED
        assert s.workbench.live == {}


async def test_regenerate_makes_a_sibling(profile: Profile, provider: Provider) -> None:
    provider.answers("first")
    provider.answers("second")
    async with session(profile, provider) as s:
        run = await s.ask()
        question = s.branch(run.conversation_id)[0]
        again = await s.workbench.regenerate(question, s.draft)
        await s.workbench.wait(again.id)
        branch = s.branch(run.conversation_id)
        assert [m.text for m in branch] == ["Why?", "second"]
        reader = s.workbench.open_reader()
        versions = Tree(reader.messages(run.conversation_id)).siblings(branch[-1].id)
        reader.close()
        assert [m.text for m in versions] == ["first", "second"]


async def test_an_edited_question_is_a_sibling_and_the_old_branch_stays(
    profile: Profile, provider: Provider
) -> None:
    provider.answers("first")
    provider.answers("second")
    async with session(profile, provider) as s:
        run = await s.ask()
        question, old_answer = s.branch(run.conversation_id)
        edited = Draft(text="Why not?", endpoint_id="scripted", replaces_id=question.id)
        await s.ask(edited, run.conversation_id)
        assert [m.text for m in s.branch(run.conversation_id)] == ["Why not?", "second"]
        await s.workbench.show_version(run.conversation_id, old_answer.id)
        assert [m.text for m in s.branch(run.conversation_id)] == ["Why?", "first"]


async def test_an_edit_can_be_saved_without_asking(profile: Profile, provider: Provider) -> None:
    provider.answers("first")
    async with session(profile, provider) as s:
        run = await s.ask()
        question = s.branch(run.conversation_id)[0]
        draft = Draft(text="Only noted", endpoint_id="scripted", replaces_id=question.id)
        await s.workbench.save_edit(run.conversation_id, draft)
        assert [m.text for m in s.branch(run.conversation_id)] == ["Only noted"]
        assert len(provider.requests) == 1


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (401, FailureKind.KEY),
        (402, FailureKind.CREDITS),
        (404, FailureKind.NOT_FOUND),
        (429, FailureKind.RATE),
        (500, FailureKind.SERVER),
    ],
)
async def test_a_refusal_is_a_failure_in_words_with_a_next_step(
    profile: Profile, provider: Provider, status: int, kind: FailureKind
) -> None:
    provider.fails(status, {"error": {"message": "No luck today"}})
    async with session(profile, provider) as s:
        run = await s.ask()
        assert run.status is RunStatus.FAILED
        assert run.failure is not None
        assert run.failure.kind is kind
        assert "Scripted" in run.failure.message
        assert "No luck today" in run.failure.message + run.failure.detail
        assert run.failure.hint


async def test_retry_after_an_empty_failure_leaves_no_version_behind(
    profile: Profile, provider: Provider
) -> None:
    provider.fails(500, times=FOR_GOOD)
    provider.answers("at last")
    async with session(profile, provider) as s:
        run = await s.ask()
        failed = s.branch(run.conversation_id)[-1]
        assert failed.parts == ()
        again = await s.workbench.retry(failed, s.draft)
        await s.workbench.wait(again.id)
        branch = s.branch(run.conversation_id)
        assert [m.text for m in branch] == ["Why?", "at last"]
        reader = s.workbench.open_reader()
        assert Tree(reader.messages(run.conversation_id)).position(branch[-1].id).count == 1
        reader.close()


async def test_partial_text_survives_a_server_that_goes_away(profile: Profile, provider: Provider) -> None:
    provider.script(Head(headers={"Content-Type": EVENT_STREAM}), Send(event(CHUNK)), Reset())
    async with session(profile, provider) as s:
        run = await s.ask()
        assert run.status is RunStatus.FAILED
        assert run.failure is not None
        assert run.failure.kind is FailureKind.CONNECTION
        assert s.branch(run.conversation_id)[-1].text == "Half an ans"


async def test_the_details_name_the_request_wherever_in_the_answer_it_failed(
    profile: Profile, provider: Provider
) -> None:
    fields = {"Content-Type": EVENT_STREAM, "X-Request-Id": "req_1"}
    broken = {"error": {"message": "Out of memory", "code": "oom"}}
    provider.script(Head(headers=fields), Send(event(CHUNK)), Send(event(broken)))
    provider.script(Head(headers=fields), Send(event(CHUNK)), Reset())
    provider.fails(400, {"error": "No"}, {"X-Request-Id": "req_1"})
    async with session(profile, provider) as s:
        for told in (
            "Out of memory\nCode: oom\nRequest id: req_1",
            "\nRequest id: req_1",
            "Request id: req_1\n",
        ):
            run = await s.ask()
            assert run.failure is not None
            assert told in run.failure.detail
            assert run.failure.detail.count("req_1") == 1


async def test_a_stream_that_just_ends_is_incomplete(profile: Profile, provider: Provider) -> None:
    provider.answers("cut short", finish_reason=None, has_usage=False, has_done=False)
    async with session(profile, provider) as s:
        run = await s.ask()
        assert run.status is RunStatus.INCOMPLETE
        assert s.branch(run.conversation_id)[-1].text == "cut short"


async def test_html_instead_of_json_is_said(profile: Profile, provider: Provider) -> None:
    provider.fails(200, "<html><head><title>Hotel WiFi login</title></head></html>")
    async with session(profile, provider) as s:
        run = await s.ask()
        assert run.status is RunStatus.FAILED
        assert run.failure is not None
        assert "Hotel WiFi login" in run.failure.message + run.failure.detail


async def test_a_server_that_asks_for_a_pause_is_asked_again(profile: Profile, provider: Provider) -> None:
    provider.fails(429, {"error": {"message": "Rate limit exceeded"}}, {"Retry-After": "60"})
    provider.answers("now it works")
    async with session(profile, provider) as s:
        run = await s.workbench.send(None, s.draft)
        live = s.workbench.live[run.id]
        await s.until(lambda: live.phase is LivePhase.PAUSED)
        assert live.next_attempt is not None
        assert live.next_attempt.failure.kind is FailureKind.RATE
        s.workbench.retry_now(run.id)
        await s.workbench.wait(run.id)
        assert s.settled(run.id).status is RunStatus.COMPLETE
        assert s.branch(run.conversation_id)[-1].text == "now it works"


async def test_without_a_key_nothing_is_sent(profile: Profile, provider: Provider) -> None:
    async with session(profile, provider) as s:
        run = await s.ask(Draft(text="Hi", endpoint_id="oxen", model_id="m"))
        assert run.failure is not None
        assert run.failure.kind in (FailureKind.KEY, FailureKind.CONFIGURATION)
        assert "OXEN_API_KEY" in run.failure.hint
        assert provider.requests == []


async def test_the_key_is_sent_and_stored_nowhere(
    profile: Profile, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DROVER_API_KEY_MINE", "canary-key-0123456789")
    provider.fails(401, {"error": {"message": "Incorrect key: canary-key-0123456789"}})
    async with session(profile, provider) as s:
        mine = Endpoint(id="mine", name="Mine", base_url=provider.base_url, default_model_id="m")
        await s.workbench.save_endpoint(mine)
        run = await s.ask(Draft(text="Hi", endpoint_id="mine"))
        assert provider.requests[0].bearer == "canary-key-0123456789"
        assert run.failure is not None
        assert "canary" not in repr(run)
    for path in profile.data_dir.rglob("*"):
        if path.is_file():
            assert b"canary-key" not in path.read_bytes(), path.name


async def test_what_a_killed_process_left_is_interrupted_with_its_text(
    profile: Profile, provider: Provider
) -> None:
    gate = provider.answers("Half an answer", pause_after=2)
    first = Session(profile, provider)
    await first.workbench.save_endpoint(first.endpoint)
    run = await first.workbench.send(None, first.draft)
    live = first.workbench.live[run.id]
    await first.until(lambda: "Half" in live.builder.answer)
    runner = first.workbench._runners[run.id]
    await runner._journal_news()
    # The process "dies": nothing settles, only the lock is given back as the system would.
    task = first.workbench._tasks[run.id]
    first.workbench._lock.release()
    second = Workbench.open(profile, first.events.append)
    try:
        reader = second.open_reader()
        kept = reader.run(run.id)
        messages = reader.messages(run.conversation_id)
        reader.close()
        assert kept is not None
        assert kept.status is RunStatus.INTERRUPTED
        assert [m.text for m in messages] == ["Why?", "Half an"] or messages[-1].text.startswith("Half")
    finally:
        await second.close()
        task.cancel()
        gate.set()
        await asyncio.gather(task, return_exceptions=True)
        first.workbench._lock = _Released()  # type: ignore[assignment]
        await first.workbench.close()


class _Released:
    def release(self) -> None:
        """The lock is someone else's by now."""


async def test_a_second_instance_is_refused_in_words(profile: Profile, provider: Provider) -> None:
    async with session(profile, provider):
        with pytest.raises(LibraryError) as refusal:
            Workbench.open(profile, list[WorkbenchEvent]().append)
        assert refusal.value.hint


async def test_blank_text_is_refused(profile: Profile, provider: Provider) -> None:
    async with session(profile, provider) as s:
        with pytest.raises(ConfigurationError):
            await s.workbench.send(None, Draft(text=" \n\t", endpoint_id="scripted"))


async def test_deleting_a_conversation_stops_its_run_and_can_be_undone(
    profile: Profile, provider: Provider
) -> None:
    provider.answers("long answer", pause_after=1)
    async with session(profile, provider) as s:
        run = await s.workbench.send(None, s.draft)
        await s.workbench.delete_conversation(run.conversation_id)
        assert s.workbench.live == {}
        reader = s.workbench.open_reader()
        assert reader.conversations() == []
        await s.workbench.restore_conversation(run.conversation_id)
        assert [c.id for c in reader.conversations()] == [run.conversation_id]
        reader.close()


async def test_a_key_is_tested_by_the_cheapest_chat(profile: Profile, provider: Provider) -> None:
    provider.answers("H")
    provider.fails(401, {"error": {"message": "Wrong key"}})
    async with session(profile, provider) as s:
        good = [step async for step in s.workbench.test_connection(s.endpoint, "some-key")]
        bad = [step async for step in s.workbench.test_connection(s.endpoint, "some-key")]
        assert [(step.name, step.is_good) for step in good][-2:] == [("Key", True), ("Model", True)]
        assert (bad[-1].name, bad[-1].is_good) == ("Key", False)
        assert "401" in bad[-1].words
        asked = next(request for request in provider.requests if request.path == CHAT_PATH)
        assert asked.json["max_tokens"] == 1
        assert all(not isinstance(e, Notice) for e in s.events)


async def test_models_are_listed_and_kept(profile: Profile, provider: Provider) -> None:
    provider.models(["alpha", "beta"])
    async with session(profile, provider) as s:
        mine = Endpoint(id="mine", name="Mine", base_url=provider.base_url, needs_key=False)
        await s.workbench.save_endpoint(mine)
        cards = await s.workbench.refresh_models(mine)
        reader = s.workbench.open_reader()
        assert [card.id for card in cards] == ["alpha", "beta"]
        assert [card.id for card in reader.model_cards("mine")] == ["alpha", "beta"]
        reader.close()


async def test_two_replies_can_arrive_at_once(profile: Profile, provider: Provider) -> None:
    gate = Flag("both")
    provider.answers("slow one", pause_after=1, gate=gate)
    provider.answers("slow two", pause_after=1, gate=gate)
    async with session(profile, provider) as s:
        first = await s.workbench.send(None, s.draft)
        second = await s.workbench.send(None, s.draft)
        await provider.request(1)
        gate.set()
        await s.workbench.wait(first.id)
        await s.workbench.wait(second.id)
        answers = {s.branch(run.conversation_id)[-1].text for run in (first, second)}
        assert answers == {"slow one", "slow two"}


async def test_lone_surrogates_and_nul_are_sent_and_stored_without_a_crash(
    profile: Profile, provider: Provider
) -> None:
    provider.answers("fine")
    async with session(profile, provider) as s:
        run = await s.ask(Draft(text="a\ud800b\x00c \u202eevil \U0001f600", endpoint_id="scripted"))
        assert run.status is RunStatus.COMPLETE
        sent = provider.requests[0].json["messages"][-1]["content"]
        assert sent == "a\ufffdb\x00c \u202eevil \U0001f600"


async def test_stopping_twice_still_keeps_the_text(profile: Profile, provider: Provider) -> None:
    provider.answers("Half an answer and the rest", pause_after=2)
    async with session(profile, provider) as s:
        run = await s.workbench.send(None, s.draft)
        live = s.workbench.live[run.id]
        await s.until(lambda: "Half" in live.builder.answer)
        await asyncio.gather(*(s.workbench.stop(run.id) for _ in range(3)))
        assert s.stored(run.id).status is RunStatus.STOPPED
        assert s.branch(run.conversation_id)[-1].text.startswith("Half")


async def test_a_second_answer_in_one_conversation_is_refused(profile: Profile, provider: Provider) -> None:
    provider.answers("first", pause_after=0)
    async with session(profile, provider) as s:
        run = await s.workbench.send(None, s.draft)
        question = s.branch(run.conversation_id)[0]
        with pytest.raises(ConfigurationError, match="already on its way"):
            await s.workbench.regenerate(question, s.draft)
        await s.workbench.stop(run.id)


async def test_an_answer_that_could_not_be_saved_is_kept_and_saved_with_the_next_change(
    profile: Profile, provider: Provider
) -> None:
    gate = provider.answers("precious words", pause_after=2)
    async with session(profile, provider) as s:
        run = await s.workbench.send(None, s.draft)
        live = s.workbench.live[run.id]
        await s.until(lambda: live.builder.delta_count >= 1)
        connection = s.workbench._library.connection
        full = await s.workbench._on_writer(lambda: connection.execute("PRAGMA page_count").fetchone()[0])
        await s.workbench._on_writer(lambda: connection.execute(f"PRAGMA max_page_count={full}"))
        live.builder.feed(TextDelta(text="x" * 500_000), 1.0)
        gate.set()
        await s.workbench.wait(run.id)
        (unsaved,) = s.workbench.unsaved_in(run.conversation_id)
        assert "precious" in unsaved[1].text
        assert any(isinstance(e, Notice) and "not saved yet" in e.text for e in s.events)
        await s.workbench._on_writer(lambda: connection.execute("PRAGMA max_page_count=1000000"))
        await s.workbench.rename(run.conversation_id, "Room again")
        assert s.workbench.unsaved_in(run.conversation_id) == []
        assert "precious" in s.branch(run.conversation_id)[-1].text


async def test_removing_the_preferred_endpoint_leaves_new_conversations_with_another(
    profile: Profile, provider: Provider
) -> None:
    async with session(profile, provider) as s:
        await s.workbench.change_settings(endpoint_id="scripted")
        assert default_draft(s.workbench).endpoint_id == "scripted"
        await s.workbench.delete_endpoint("scripted")
        assert default_draft(s.workbench).endpoint_id == "built-in"


async def test_an_answer_that_is_no_chat_completion_does_not_pass_for_one(
    profile: Profile, provider: Provider
) -> None:
    provider.fails(200, {"ok": True})
    async with session(profile, provider) as s:
        *_, last = [step async for step in s.workbench.test_connection(s.endpoint, None)]
        assert (last.name, last.is_good) == ("Model", False)


async def test_another_model_file_is_recorded_under_its_own_name(
    profile: Profile, provider: Provider
) -> None:
    async with session(profile, provider) as s:
        await s.workbench.change_settings(gguf_path="/models/gpt-oss-20b.gguf")
        low = SamplingParameters(reasoning_effort="low")
        draft = Draft(text="Hi", endpoint_id="built-in", model_id="SmolLM2-135M-Instruct", parameters=low)
        preview = s.workbench.preview([], draft)
        body = json.loads(preview.body)
        assert body["model"] == "gpt-oss-20b"
        assert body["reasoning_effort"] == "low"
        assert "grammar" not in body


async def test_a_run_repeated_exactly_sends_the_same_bytes_and_its_reply_is_a_sibling(
    profile: Profile, provider: Provider
) -> None:
    provider.answers("one")
    async with session(profile, provider) as s:
        draft = replace(s.draft, parameters=SamplingParameters(temperature=0.0, seed=7), system_prompt="Be.")
        first = await s.ask(draft)
        body = first.request_body.replace(
            b'"temperature":0.0', b'"temperature": 0'
        )  # none that encode writes
        await s.workbench._on_writer(
            lambda: s.workbench._library._save_body(first.id, body)  # as an older version may have written
        )
        again = await s.workbench.repeat_exactly(first.id)
        await s.workbench.wait(again.id)
        repeated = s.stored(again.id)
        assert [request.body for request in provider.requests] == [first.request_body, body]
        assert repeated.request_body == body
        assert repeated.adjustments == first.adjustments
        assert (repeated.parent_id, repeated.parameters) == (first.parent_id, first.parameters)
        assert repeated.system_prompt == "Be."
        assert s.branch(first.conversation_id)[-1].run_id == again.id
        reader = s.workbench.open_reader()
        assert reader.same_requests(again.id) == [first.id]
        assert reader.same_requests(first.id) == [again.id]
        reader.close()


async def test_another_request_to_the_same_message_is_no_repeat(profile: Profile, provider: Provider) -> None:
    provider.answers("one")
    async with session(profile, provider) as s:
        first = await s.ask()
        question = s.branch(first.conversation_id)[0]
        other = await s.workbench.regenerate(
            question, replace(s.draft, parameters=SamplingParameters(seed=1))
        )
        await s.workbench.wait(other.id)
        reader = s.workbench.open_reader()
        assert reader.same_requests(first.id) == []
        reader.close()


async def test_what_cannot_be_repeated_or_shown_is_said(profile: Profile, provider: Provider) -> None:
    provider.answers("one")
    async with session(profile, provider) as s:
        run = await s.ask()
        with pytest.raises(ConfigurationError, match="nothing to repeat"):
            await s.workbench.repeat_exactly("unknown")
        with pytest.raises(ConfigurationError, match="no longer exists"):
            await s.workbench.snippet("unknown", "curl")
        await s.workbench.delete_endpoint("scripted")
        with pytest.raises(ConfigurationError, match="was removed"):
            await s.workbench.repeat_exactly(run.id)
        assert provider.base_url in await s.workbench.snippet(run.id, "curl")


async def test_a_snippet_names_the_variable_of_the_key_and_never_the_key(
    profile: Profile, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider.answers("one")
    monkeypatch.setenv("DROVER_API_KEY_SCRIPTED", "sk-canary-0123456789")
    async with session(profile, provider) as s:
        run = await s.ask()
        assert provider.requests[0].bearer == "sk-canary-0123456789"
        for form in ("curl", "httpx", "openai", "http"):
            text = await s.workbench.snippet(run.id, form)
            assert "DROVER_API_KEY_SCRIPTED" in text
            assert "canary" not in text


async def test_a_request_that_had_no_key_to_be_sent_with_can_be_copied(
    profile: Profile, provider: Provider
) -> None:
    async with session(profile, provider) as s:
        await s.workbench.save_endpoint(replace(s.endpoint, needs_key=True))
        run = await s.ask()
        assert run.failure is not None
        assert provider.requests == []
        text = await s.workbench.snippet(run.id, "curl")
        assert f"{provider.base_url}/chat/completions" in text
        assert "Bearer $DROVER_API_KEY_SCRIPTED" in text


async def test_an_imported_request_goes_on_where_it_stopped(profile: Profile, provider: Provider) -> None:
    provider.answers("four")
    async with session(profile, provider) as s:
        messages = [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "One and one?"},
            {"role": "assistant", "content": "two", "reasoning_content": "Count."},
            {"role": "user", "content": "Two and two?"},
        ]
        body = {"model": "large", "messages": messages, "temperature": 0.5, "user": "me"}
        request = s.workbench.read_request(
            f"curl {provider.base_url}/chat/completions -H 'Authorization: Bearer k' -d '{json.dumps(body)}'"
        )
        assert request.notes == ("The key in it was not taken over.",)
        conversation_id = await s.workbench.begin_imported(
            request, Draft(text="unsent", endpoint_id="built-in")
        )
        with closing(s.workbench.open_reader()) as reader:
            draft = reader.draft(conversation_id)
            conversation = reader.conversation(conversation_id)
        assert conversation is not None
        assert conversation.title == "One and one?"
        assert draft == Draft(
            text="Two and two?", endpoint_id="scripted", model_id="large", system_prompt="Be brief.",
            parameters=SamplingParameters(temperature=0.5, extra=Json('{"user":"me"}')),
        )  # fmt: skip
        assert [message.text for message in s.branch(conversation_id)] == ["One and one?", "two"]
        run = await s.ask(draft, conversation_id)
        sent = provider.requests[0].json
        del messages[2]["reasoning_content"]
        assert sent == {
            **body,
            "messages": messages,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        assert s.branch(conversation_id)[-1].run_id == run.id


async def test_an_imported_request_to_an_unknown_address_keeps_the_chosen_endpoint_and_model(
    profile: Profile, provider: Provider
) -> None:
    async with session(profile, provider) as s:
        body = json.dumps({"model": "large", "messages": [{"role": "user", "content": "hi"}]})
        elsewhere = s.workbench.read_request(f"curl https://h.example/v1/chat/completions -d '{body}'")
        alone = s.workbench.read_request(body)
        chosen = Draft(endpoint_id="scripted", model_id="small")
        found = []
        for request in (elsewhere, alone):
            conversation_id = await s.workbench.begin_imported(request, chosen)
            with closing(s.workbench.open_reader()) as reader:
                draft = reader.draft(conversation_id)
                assert reader.messages(conversation_id) == []
            assert draft is not None
            found.append((draft.endpoint_id, draft.model_id, draft.text))
        assert found == [("scripted", "small", "hi"), ("scripted", "large", "hi")]


async def refused(s: Session, provider: Provider, name: str, words: str, **parameters: object) -> Run:
    provider.fails(400, {"error": {"message": words, "param": name}})
    chosen = SamplingParameters.from_dict(parameters)
    return await s.ask(replace(s.draft, parameters=chosen))


async def test_a_refusal_is_a_fact_of_one_model_and_outlives_the_program(
    profile: Profile, provider: Provider
) -> None:
    async with session(profile, provider) as s:
        run = await refused(s, provider, "top_p", "Unsupported: top_p, key sk-abcdefgh12345678", top_p=0.5)
        provider.answers("fine")
        draft = replace(s.draft, parameters=run.parameters)
        again = await s.workbench.retry_without(s.branch(run.conversation_id)[-1], draft)
        await s.workbench.wait(again.id)
    async with session(profile, provider) as s:
        (fact,) = s.workbench.facts(s.endpoint, "m")
        assert (fact.name, fact.outcome, fact.is_probed) == ("top_p", FactOutcome.REJECTED, False)
        assert fact.words.startswith("Unsupported: top_p")
        assert "sk-abcdefgh12345678" not in fact.words
        assert s.workbench.facts(s.endpoint, "other") == []
        assert "top_p" not in json.loads(s.workbench.preview([], draft).body)
        other = replace(draft, model_id="other")
        assert json.loads(s.workbench.preview([], other).body)["top_p"] == 0.5
        await s.workbench.forget_fact(s.endpoint, "m", "top_p")
        settled = await s.ask(draft)
        assert json.loads(settled.request_body)["top_p"] == 0.5
        assert s.workbench.facts(s.endpoint, "m") == []


async def test_usage_is_not_asked_for_where_that_was_refused(profile: Profile, provider: Provider) -> None:
    async with session(profile, provider) as s:
        run = await refused(s, provider, "stream_options", "Unknown field: stream_options")
        provider.answers("fine")
        again = await s.workbench.retry_without(s.branch(run.conversation_id)[-1], s.draft)
        await s.workbench.wait(again.id)
        assert "stream_options" not in provider.requests[-1].json
        (adjustment,) = s.settled(again.id).adjustments
        assert (adjustment.name, adjustment.action) == ("stream_options", "dropped")


async def test_what_was_not_sent_is_not_offered_to_be_left_out(profile: Profile, provider: Provider) -> None:
    async with session(profile, provider) as s:
        run = await refused(s, provider, "max_tokens", "max_tokens is required")
        assert run.failure is not None
        assert (run.failure.kind, run.failure.parameter) == (FailureKind.REQUEST, None)
        with pytest.raises(ConfigurationError, match="named no parameter"):
            await s.workbench.retry_without(s.branch(run.conversation_id)[-1], s.draft)


async def test_facts_about_an_address_do_not_pass_to_another_one(
    profile: Profile, provider: Provider
) -> None:
    async with session(profile, provider) as s:
        endpoint = s.workbench.find_endpoint(provider.base_url)
        s.draft = Draft(text="Why?", endpoint_id=endpoint.id, model_id="m")
        run = await refused(s, provider, "seed", "Unknown field: seed", seed=1)
        provider.answers("fine")
        again = await s.workbench.retry_without(s.branch(run.conversation_id)[-1], s.draft)
        await s.workbench.wait(again.id)
        assert [fact.name for fact in s.workbench.facts(endpoint, "m")] == ["seed"]
        elsewhere = s.workbench.find_endpoint("http://127.0.0.1:9/v1")
        assert s.workbench.facts(elsewhere, "m") == []


async def test_a_key_that_comes_back_in_pieces_is_not_stored(
    profile: Profile, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = "sk-canary-0123456789"
    monkeypatch.setenv("DROVER_API_KEY_SCRIPTED", key)
    provider.answers(f"it is {key}", reasoning=f"so it is {key}", chunks=5)
    async with session(profile, provider) as s:
        run = await s.ask()
        answer = s.branch(run.conversation_id)[-1]
        assert (answer.text, answer.reasoning) == (f"it is {'*' * len(key)}", f"so it is {'*' * len(key)}")


async def test_the_body_that_would_be_sent_is_the_one_that_is_sent_then(
    profile: Profile, provider: Provider
) -> None:
    provider.answers("one")
    provider.answers("two")
    async with session(profile, provider) as s:
        first = await s.ask(replace(s.draft, text="word " * 120_000))
        draft = replace(
            s.draft, text="And \ud800 then?", parameters=SamplingParameters(seed=7), system_prompt="Be brief."
        )
        body = await s.workbench.body_after(first.message_id, draft)
        run = await s.workbench.send(first.conversation_id, draft)
        await s.workbench.wait(run.id)
        settings = await s.workbench.sent_settings(run.id)
        assert await s.workbench.sent_settings("unknown") == {}
    assert provider.requests[-1].body == body
    assert settings == json.loads(body) | {"messages": []}
    assert list(settings) == list(json.loads(body))
    assert [message["role"] for message in json.loads(body)["messages"]] == [
        "system", "user", "assistant", "user"
    ]  # fmt: skip
