"""A stored reply read another way: from its bytes, beside what was there, and remembered for its model."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.engine.test_workbench import Session, session
from tests.provider import Provider

from drover.domain.conversation import Message, ReasoningPart, TextPart
from drover.domain.reading import AS_SERVED, Reading, ReadingKind, reading_by_tags
from drover.domain.run import Run
from drover.engine.replay import ReplayCheck
from drover.engine.workbench import Notice, Workbench
from drover.errors import ConfigurationError
from drover.paths import Profile

UNTIL_CLOSED = Reading(kind=ReadingKind.UNTIL_CLOSED)


def nothing() -> None:
    """Hears of no news."""


async def asked(s: Session, *, again: Run | None = None) -> tuple[Run, Message]:
    """A run and its reply."""
    run = await s.ask(conversation_id=again.conversation_id if again is not None else None)
    return run, s.branch(run.conversation_id)[-1]


def versions(workbench: Workbench, message: Message) -> list[Message]:
    reader = workbench.open_reader()
    try:
        found = reader.messages(message.conversation_id)
    finally:
        reader.close()
    return [each for each in found if each.parent_id == message.parent_id]


async def test_a_reply_is_read_another_way_beside_what_was_there(
    profile: Profile, provider: Provider
) -> None:
    provider.answers("I add.</think>It is 4.")
    async with session(profile, provider) as s:
        run, before = await asked(s)
        requests = len(provider.requests)

        shown_id = await s.workbench.replies.treat_as(before.id, UNTIL_CLOSED)

        after = s.branch(run.conversation_id)[-1]
        assert after.id == shown_id != before.id
        assert (after.run_id, after.reading) == (run.id, UNTIL_CLOSED.as_text)
        assert after.parts == (ReasoningPart(text="I add.", source="<think>"), TextPart(text="It is 4."))
        assert versions(s.workbench, before) == [before, after]
        assert len(provider.requests) == requests


async def test_the_way_is_remembered_for_the_model_until_it_is_undone(
    profile: Profile, provider: Provider
) -> None:
    provider.answers("I add.</think>It is 4.")
    async with session(profile, provider) as s:
        run, before = await asked(s)
        await s.workbench.replies.treat_as(before.id, UNTIL_CLOSED)
    async with session(profile, provider) as s:
        assert s.workbench.replies.reading(s.endpoint, "m") == UNTIL_CLOSED.as_text
        assert s.workbench.replies.reading(s.endpoint, "another") == ""
        later, reply = await asked(s, again=run)
        assert (reply.reasoning, reply.text, reply.reading) == ("I add.", "It is 4.", UNTIL_CLOSED.as_text)

        await s.workbench.replies.treat_as(reply.id, AS_SERVED)

        undone = s.branch(run.conversation_id)[-1]
        assert (undone.text, undone.reading) == ("I add.</think>It is 4.", "")
        assert s.workbench.replies.reading(s.endpoint, "m") == ""
        assert (await s.workbench.replies.replay(later.id)).live.run.id == later.id


async def test_a_way_that_was_tried_before_is_shown_again_and_none_is_made_twice(
    profile: Profile, provider: Provider
) -> None:
    provider.answers("I add.</think>It is 4.")
    async with session(profile, provider) as s:
        run, before = await asked(s)
        first_id = await s.workbench.replies.treat_as(before.id, UNTIL_CLOSED)

        assert await s.workbench.replies.treat_as(first_id, AS_SERVED) == before.id
        assert s.branch(run.conversation_id)[-1] == before
        assert await s.workbench.replies.treat_as(before.id, UNTIL_CLOSED) == first_id
        assert s.branch(run.conversation_id)[-1].id == first_id
        assert len(versions(s.workbench, before)) == 2


async def test_a_reply_that_is_the_same_either_way_gets_no_version(
    profile: Profile, provider: Provider
) -> None:
    provider.answers("Just an answer.")
    async with session(profile, provider) as s:
        _, before = await asked(s)

        assert await s.workbench.replies.treat_as(before.id, Reading(kind=ReadingKind.HARMONY)) == before.id
        assert versions(s.workbench, before) == [before]
        assert any(isinstance(event, Notice) and "the same" in event.text for event in s.events)


@pytest.mark.parametrize(
    ("sent", "reading", "parts"),
    [
        ("[hm]a[/hm]b", reading_by_tags("[hm]", "[/hm]"), ("a", "b")),
        ("a[/hm]b", reading_by_tags("", "[/hm]"), ("a", "b")),
        (
            "<|channel|>analysis<|message|>a<|end|><|start|>assistant<|channel|>final<|message|>b",
            Reading(kind=ReadingKind.ANSWER),
            ("", "<|channel|>analysis<|message|>a<|end|><|start|>assistant<|channel|>final<|message|>b"),
        ),
        ("analysisaassistantfinalb", Reading(kind=ReadingKind.STRIPPED_HARMONY), ("a", "b")),
    ],
)
async def test_each_way_splits_what_was_sent(
    sent: str, reading: Reading, parts: tuple[str, str], profile: Profile, provider: Provider
) -> None:
    provider.answers(sent)
    async with session(profile, provider) as s:
        run, before = await asked(s)
        await s.workbench.replies.treat_as(before.id, reading, remember=False)
        after = s.branch(run.conversation_id)[-1]

        assert (after.reasoning, after.text) == parts
        assert s.workbench.replies.reading(s.endpoint, "m") == ""
        replay = await s.workbench.replies.replay(run.id, after.id)
        assert await replay.play(advanced=nothing) == ReplayCheck(is_identical=True)


async def test_an_answer_in_the_field_for_reasoning_can_be_read_as_the_answer(
    profile: Profile, provider: Provider
) -> None:
    provider.answers("", reasoning="It is 4.")
    async with session(profile, provider) as s:
        run, before = await asked(s)
        await s.workbench.replies.treat_as(before.id, Reading(kind=ReadingKind.ANSWER))

        assert s.branch(run.conversation_id)[-1].parts == (TextPart(text="It is 4."),)


async def test_the_head_stays_where_it_is_if_it_is_elsewhere(profile: Profile, provider: Provider) -> None:
    provider.answers("I add.</think>It is 4.")
    async with session(profile, provider) as s:
        run, first = await asked(s)
        _, second = await asked(s, again=run)

        await s.workbench.replies.treat_as(first.id, UNTIL_CLOSED)

        assert s.branch(run.conversation_id)[-1] == second
        assert len(versions(s.workbench, first)) == 2
        assert any(isinstance(event, Notice) and "another version" in event.text for event in s.events)


async def test_tags_of_an_endpoint_apply_to_its_replies(profile: Profile, provider: Provider) -> None:
    provider.answers("[hm]I add.[/hm]It is 4.")
    async with session(profile, provider) as s:
        tagged = replace(s.endpoint, think_opening="[hm]", think_closing="[/hm]")
        await s.workbench.save_endpoint(tagged)
        _, reply = await asked(s)

        assert (reply.reasoning, reply.text) == ("I add.", "It is 4.")
        assert Reading.of(reply.reading) == reading_by_tags("[hm]", "[/hm]")


async def test_what_has_no_bytes_cannot_be_read_again(profile: Profile, provider: Provider) -> None:
    provider.answers("a")
    async with session(profile, provider) as s:
        run, _ = await asked(s)
        question = s.branch(run.conversation_id)[0]

        with pytest.raises(ConfigurationError, match="Nothing that came back"):
            await s.workbench.replies.treat_as(question.id, UNTIL_CLOSED)
