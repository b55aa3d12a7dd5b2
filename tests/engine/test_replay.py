"""What was recorded, played again: the same message at any speed, with no server left to ask."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from tests.engine.test_event_log import a_run
from tests.engine.test_workbench import session
from tests.provider import EVENT_STREAM, Head, Provider, Reset, Send, Step, event
from tests.wire.recordings import body as recorded
from tests.wire.recordings import names
from tests.wire.replies import SERVER, built, delta, pieces, sse

from drover.domain.conversation import Message, Part, ReasoningPart, Role, TextPart, ToolCallPart
from drover.domain.run import Exchange, LivePhase, Run, RunStatus
from drover.engine.replay import Replay, ReplayCheck, checked
from drover.errors import ConfigurationError
from drover.paths import Profile


def nothing() -> None:
    """Hears of no news."""


def replay_of(body: bytes, parts: Sequence[Part], *marks: tuple[float, int], status: int = 200) -> Replay:
    """A recording of these chunks, and a stored message of these parts."""
    exchange = Exchange(
        run_id="R", request_line="POST https://host.example/v1/chat/completions", response_status=status,
        raw_stream=body, chunk_marks=marks or ((0.0, len(body)),),
    )  # fmt: skip
    stored = Message(
        id="M", conversation_id="C", parent_id="Q", role=Role.ASSISTANT, parts=tuple(parts),
        created_at=datetime(2026, 3, 1, tzinfo=UTC), run_id="R",
    )  # fmt: skip
    return Replay(a_run(), exchange, stored, SERVER)


async def test_a_stored_reply_is_told_again_after_its_server_is_gone(
    profile: Profile, provider: Provider
) -> None:
    provider.answers("Because of Rayleigh.", reasoning="Short light scatters.")
    async with session(profile, provider) as s:
        run = await s.ask()
        asked = len(provider.requests)
        replay = await s.workbench.replies.replay(run.id)
        assert replay.live.run.status is RunStatus.RUNNING
        check = await replay.play(advanced=nothing)
        assert check == ReplayCheck(is_identical=True)
        assert replay.live.builder.parts == s.branch(run.conversation_id)[-1].parts
        assert replay.live.run == run
        assert replay.live.builder.first_token_s == pytest.approx(
            (run.timing.first_token_ms or 0) / 1000, abs=1e-4
        )
        assert len(provider.requests) == asked


@pytest.mark.parametrize("ending", ["broken", "refused", "a page", "a whole completion"])
async def test_however_a_run_ended_its_replay_makes_the_same_message(
    ending: str, profile: Profile, provider: Provider
) -> None:
    stream = Head(headers={"Content-Type": EVENT_STREAM})
    whole = {"choices": [{"message": {"content": "All at once."}, "finish_reason": "stop"}]}
    scripts: dict[str, list[Step]] = {
        "broken": [stream, Send(event(delta(content="Half an <thi"))), Reset()],
        "refused": [Head(status=400), Send(b'{"choices":[{"message":{"content":"no answer"}}]}')],
        "a page": [Head(), Send(b"<html><title>Sign in</title></html>")],
        "a whole completion": [Head(), Send(json.dumps(whole).encode())],
    }
    provider.script(*scripts[ending])
    async with session(profile, provider) as s:
        run = await s.ask()
        replay = await s.workbench.replies.replay(run.id)
        assert await replay.play(advanced=nothing) == ReplayCheck(is_identical=True)
        assert replay.live.builder.parts == s.branch(run.conversation_id)[-1].parts


async def test_the_endpoint_may_have_been_removed_since(profile: Profile, provider: Provider) -> None:
    provider.answers("Still here.")
    async with session(profile, provider) as s:
        run = await s.ask()
        await s.workbench.delete_endpoint("scripted")
        endpoint = s.workbench.endpoint_of(run)
        assert (endpoint.id, endpoint.name, endpoint.base_url) == ("scripted", "Scripted", provider.base_url)
        replay = await s.workbench.replies.replay(run.id)
        assert (await replay.play(advanced=nothing)).is_identical


async def test_without_a_recording_there_is_nothing_to_play(profile: Profile, provider: Provider) -> None:
    async with session(profile, provider) as s:
        with pytest.raises(ConfigurationError, match="Nothing that came back"):
            await s.workbench.replies.replay("no such run")


async def test_a_speed_stretches_the_time_that_the_run_took() -> None:
    first, second = sse(delta(content="a"), done=False), sse(delta(content="b"))
    body = first + second
    loop = asyncio.get_running_loop()
    for speed, least_s in ((10.0, 0.04), (100.0, 0.004)):
        replay = replay_of(body, (TextPart(text="ab"),), (100.0, len(first)), (400.0, len(body)))
        seen: list[tuple[LivePhase, str, float]] = []

        def note(replay: Replay = replay, seen: list[tuple[LivePhase, str, float]] = seen) -> None:
            seen.append((replay.live.phase, replay.live.builder.answer, loop.time()))

        assert (await replay.play(speed=speed, advanced=note)).is_identical
        assert seen[0][:2] == (LivePhase.WAITING, "")
        assert seen[-1][:2] == (LivePhase.STREAMING, "ab")
        assert seen[-1][2] - seen[0][2] >= least_s
        assert list(replay.live.builder.arrivals_s) == [0.1, 0.4]


async def test_a_replay_can_be_ended_at_any_point() -> None:
    first = sse(delta(content="a"), done=False)
    body = first + sse(delta(content="b"))
    replay = replay_of(body, (TextPart(text="ab"),), (0.0, len(first)), (3_600_000.0, len(body)))
    heard = asyncio.Event()

    def note() -> None:
        if replay.live.builder.answer:
            heard.set()

    playing = asyncio.create_task(replay.play(speed=1.0, advanced=note))
    await heard.wait()
    playing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await playing
    assert replay.live.builder.answer == "a"


async def test_a_long_recording_at_once_lets_the_event_loop_turn() -> None:
    chunks = [sse(delta(content=f"word {number} "), done=False) for number in range(8_000)]
    marks, total = [], 0
    for number, chunk in enumerate(chunks):
        total += len(chunk)
        marks.append((float(number), total))
    text = "".join(f"word {number} " for number in range(8_000))
    replay = replay_of(b"".join(chunks), (TextPart(text=text),), *marks)
    grown: list[int] = []
    assert (await replay.play(advanced=lambda: grown.append(replay.live.builder.delta_count))).is_identical
    assert len(set(grown)) > 2


def test_where_a_replay_differs_is_told_in_words() -> None:
    text, thought = TextPart(text="The sky is blue."), ReasoningPart(text="hm", source="reasoning")
    call = ToolCallPart(call_id="c", name="dice", arguments="{}")
    assert checked((thought, text), (thought, text)) == ReplayCheck(is_identical=True)
    assert checked((text,), (TextPart(text="The sky was blue."),)).difference == (
        "Part 1: from character 9 on, stored is “is blue.”, replayed is “was blue.”."
    )
    assert checked((thought, text), (thought, call)).difference == (
        "Part 2: stored is text, replayed is a tool call."
    )
    assert checked((text,), (text, call)).difference == "The stored message has 1 part, the replay 2 parts."
    assert "around it" in checked((thought,), (replace(thought, source="<think>"),)).difference


def test_a_lone_surrogate_is_compared_as_the_library_keeps_it() -> None:
    assert checked((TextPart(text="a\ufffd"),), (TextPart(text="a\ud83d"),)).is_identical


@pytest.mark.skipif(not names(), reason="the folder of recorded streams is not here")
@pytest.mark.parametrize("name", names())
async def test_a_recording_makes_the_same_message_through_a_stored_run(
    name: str, profile: Profile, provider: Provider
) -> None:
    body = recorded(name)
    cuts = range(700, len(body), 700)
    provider.script(Head(headers={"Content-Type": EVENT_STREAM}), *map(Send, pieces(body, cuts)))
    async with session(profile, provider) as s:
        run: Run = await s.ask()
        replay = await s.workbench.replies.replay(run.id)
        assert await replay.play(advanced=nothing) == ReplayCheck(is_identical=True)
        assert replay.live.builder.parts == built([body]).parts == s.branch(run.conversation_id)[-1].parts
