"""Several conversations, and what is left of them when the window is closed and opened again."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractButton
from tests.provider import Provider
from tests.store import values
from tests.user import User

from drover.domain.conversation import Role, TextPart, ToolCallPart, ToolResultPart
from drover.domain.endpoint import Endpoint
from drover.domain.record import ConversationRecord
from drover.domain.run import RunStatus
from drover.paths import Profile
from drover.store.database import open_database
from drover.store.library import Library


def test_everything_is_there_after_a_restart(user: User, provider: Provider, scripted: Endpoint) -> None:
    provider.answers("an **answer**", reasoning="some thoughts")
    user.opens(scripted).ticks("Send temperature").replaces("0.5", into="temperature")
    user.types("Be brief.", into="System prompt")
    user.asks("a question").sees("answer").sees_end().types("not sent yet")

    user.starts_again().sees_titles("a question").sees("an answer")
    assert user.messages() == ["You: a question", "scripted-model: an answer"]
    assert user.says("Message") == "not sent yet"
    user.waits(lambda: user.has("temperature"), "the panel")
    assert user.finds("Send temperature", QAbstractButton).isChecked()
    assert user.says("temperature") == "0.50"
    assert user.says("System prompt") == "Be brief."
    assert user.says("Endpoint") == "Scripted"
    assert user.says("Model") == "scripted-model"
    user.clicks("Reasoning")
    assert user.says("Reasoning text") == "some thoughts"

    user.sends().sees("not sent yet").sees_end()
    last = user.bodies()[-1]
    assert last["temperature"] == 0.5
    assert [message["content"] for message in last["messages"]] == [
        "Be brief.",
        "a question",
        "an **answer**",
        "not sent yet",
    ]


def test_a_window_closed_in_mid_answer_keeps_the_text_so_far(
    user: User, provider: Provider, scripted: Endpoint
) -> None:
    provider.answers("one two three four", pause_after=2)
    provider.answers("a whole answer")
    user.opens(scripted).asks("count").sees("one two").types("a draft")
    user.starts_again().sees("one two").reads("Stopped.")
    assert [run.status for run in user.runs()] == [RunStatus.STOPPED]
    assert user.says("Message") == "a draft"
    user.clicks("Retry").sees("a whole answer").sees_end()


def test_size_columns_and_tab_are_remembered(user: User, scripted: Endpoint) -> None:
    user.opens(scripted).turns_to("Tokens").uses("Ctrl+B")
    user.window.resize(1200, 700)
    user.waits(lambda: user.window.width() == 1200, "the new size")
    assert not user.has("Conversations")

    user.starts_again()
    assert (user.window.width(), user.window.height()) == (1200, 700)
    assert not user.has("Conversations")
    assert user.has("Tokens page")
    user.uses("Ctrl+Shift+B").starts_again()
    assert not user.has("Tokens page")
    user.uses("Ctrl+B")
    assert user.has("Conversations")


def test_each_conversation_keeps_its_own_draft(user: User, provider: Provider, scripted: Endpoint) -> None:
    provider.answers("fine")
    user.opens(scripted).asks("first").sees_end().types("more for the first")
    user.clicks("New conversation")
    assert user.says("Message") == ""
    user.asks("second").sees_end().types("more for the second")
    user.clicks("New conversation").types("for a third")
    user.opens_conversation("first")
    user.waits(lambda: user.says("Message") == "more for the first", "the first draft")
    user.opens_conversation("second")
    user.waits(lambda: user.says("Message") == "more for the second", "the second draft")
    user.clicks("New conversation")
    user.waits(lambda: user.says("Message") == "for a third", "the third draft")
    user.starts_again()
    assert user.says("Message") == "for a third"


def test_a_reply_goes_on_while_another_conversation_is_shown(
    user: User, provider: Provider, scripted: Endpoint
) -> None:
    provider.answers("fine")
    gate = provider.answers("one two three four", pause_after=2)
    user.opens(scripted).asks("first").sees_end()
    user.clicks("New conversation").asks("second").sees("one two")
    user.opens_conversation("first").sees("fine")
    assert user.has("Send")
    assert not user.has("Stop")
    user.opens_conversation("second").sees("one two")
    assert user.can("Stop")
    user.opens_conversation("first").sees("fine")
    gate.set()
    user.sees_end().opens_conversation("second").sees("one two three four")
    assert user.has("Send")


def test_two_replies_can_be_live_at_once(user: User, provider: Provider, scripted: Endpoint) -> None:
    first = provider.answers("one two three", pause_after=1)
    second = provider.answers("a b c", pause_after=1)
    user.opens(scripted).asks("first").sees("one")
    user.clicks("New conversation").asks("second").sees("a")
    assert len(user.workbench.live) == 2
    second.set()
    user.sees("a b c").opens_conversation("first")
    first.set()
    user.sees("one two three").sees_end()


def test_a_deletion_can_be_undone(user: User, provider: Provider, scripted: Endpoint) -> None:
    provider.answers("fine")
    user.opens(scripted).asks("first").sees_end().clicks("New conversation").asks("second").sees_end()
    user.picks("Delete", of="second").sees_titles("first").sees("first")
    user.clicks("Undo").sees_titles("second", "first").sees("second")
    user.picks("Delete", of="first").sees_titles("second").sees("second").starts_again()
    user.sees_titles("second")


def test_a_conversation_deleted_while_it_answers_stops(
    user: User, provider: Provider, scripted: Endpoint
) -> None:
    provider.answers("one two three", pause_after=1)
    user.opens(scripted).asks("first").sees("one").picks("Delete", of="first")
    user.sees_end().sees_titles().reads("Ask something, or try one of these")
    user.clicks("Undo").sees_titles("first").sees("one").reads("Stopped.")


def test_renamed_and_pinned_conversations_stay_so(user: User, provider: Provider, scripted: Endpoint) -> None:
    provider.answers("fine")
    user.opens(scripted).asks("first").sees_end().clicks("New conversation").asks("second").sees_end()
    user.picks("Rename", of="first")
    user.waits(lambda: user.has("Title"), "the editor in the row")
    user.replaces("Renamed", into="Title").presses(Qt.Key.Key_Return, into="Title")
    user.sees_titles("second", "Renamed")
    user.picks("Pin", of="Renamed").sees_titles("Renamed", "second")
    user.starts_again().sees_titles("Renamed", "second")
    user.picks("Unpin", of="Renamed").sees_titles("second", "Renamed")


def test_search_finds_titles_messages_and_reasoning(
    user: User, provider: Provider, scripted: Endpoint
) -> None:
    provider.answers("a giraffe", reasoning="maybe a zebra")
    provider.answers("nothing")
    user.opens(scripted).asks("first animal").sees_end()
    user.clicks("New conversation").asks("second").sees_end()
    user.types("animal", into="Search conversations").sees_titles("first animal")
    user.replaces("giraffe", into="Search conversations").sees_titles("first animal")
    user.replaces("second", into="Search conversations").sees_titles("second")
    user.replaces("zebra", into="Search conversations").sees_titles("first animal")
    user.opens_conversation("first animal").sees("a giraffe")
    user.waits(lambda: user.has("Reasoning text"), "the reasoning, opened by the hit")
    assert user.says("Reasoning text") == "maybe a zebra"
    user.replaces("unheard of", into="Search conversations").sees_titles()
    user.presses(Qt.Key.Key_Escape, into="Search conversations").sees_titles("second", "first animal")


def test_a_hit_in_another_version_brings_that_version_up(
    user: User, provider: Provider, scripted: Endpoint
) -> None:
    provider.answers("a giraffe")
    provider.answers("a lion")
    user.opens(scripted).asks("which animal?").sees("a giraffe").sees_end()
    user.clicks("Regenerate").sees("a lion").sees_end().clicks("New conversation").asks("other").sees_end()
    user.types("giraffe", into="Search conversations").sees_titles("which animal?")
    user.opens_conversation("which animal?").sees("a giraffe").reads("1/2")


def test_a_hit_in_the_result_of_a_tool_leads_to_its_reply(
    user: User, profile: Profile, scripted: Endpoint
) -> None:
    question = values.question("q", "Which animal?", of="zoo")
    run = replace(values.ended(values.run("r1"), RunStatus.COMPLETE), conversation_id="zoo")
    call = ToolCallPart(call_id="1", name="look", arguments="{}")
    reply = replace(values.reply(run), parts=(TextPart(text="Let me look."), call))
    result = ToolResultPart(call_id="1", name="look", text="an okapi")
    results = replace(values.question("t", of="zoo", after=reply.id), role=Role.TOOL, parts=(result,))
    last = values.question("end", "More.\n\n" * 200, of="zoo", after="t")
    with closing(Library(open_database(profile.database))) as library:
        conversation = replace(values.conversation("zoo"), title="zoo", head_id="end")
        library.add_record(
            ConversationRecord(
                conversation=conversation, messages=(question, reply, results, last), runs=(run,)
            )
        )
    user.opens(scripted).types("unheard of", into="Search conversations").sees_titles()
    user.replaces("okapi", into="Search conversations").sees_titles("zoo")
    user.opens_conversation("zoo").sees("Let me look.").reads("an okapi")
