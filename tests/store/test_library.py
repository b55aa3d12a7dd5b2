"""What each verb of the library does to conversations, messages, runs and the journal."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.store import values

from drover.domain.conversation import (
    Draft,
    Message,
    Node,
    Part,
    ReasoningPart,
    Role,
    TextPart,
    ToolCallPart,
    ToolResultPart,
)
from drover.domain.endpoint import Endpoint, FactOutcome, ModelCard, ParameterFact
from drover.domain.parameters import UNSET, Preset
from drover.domain.run import Adjustment, Exchange, Failure, FailureKind, RunStatus
from drover.errors import LibraryError
from drover.store.library import Changes, Library


@pytest.fixture
def asked(library: Library) -> Library:
    """A conversation "c" with the question "q" and a queued run "r"."""
    library.add_turn(conversation=values.conversation(), message=values.question(), run=values.run())
    return library


def head_of(library: Library, conversation_id: str = "c") -> str | None:
    conversation = library.conversation(conversation_id)
    assert conversation is not None
    return conversation.head_id


def status_of(library: Library, run_id: str = "r") -> str:
    run = library.run(run_id)
    assert run is not None
    return run.status.value


def journal_rows(library: Library) -> list[tuple[int, int, str]]:
    return library.connection.execute("SELECT slot, start, text FROM journal ORDER BY seq").fetchall()


class TestConversations:
    def test_pinned_ones_come_first_then_the_newest_change(self, library: Library) -> None:
        for name, at, is_pinned in [
            ("old", 0, False),
            ("new", 9, False),
            ("kept", 1, True),
            ("mid", 5, False),
        ]:
            library.add_turn(conversation=values.conversation(name, at=at, is_pinned=is_pinned))
        assert [c.id for c in library.conversations()] == ["kept", "new", "mid", "old"]
        assert [c.id for c in library.conversations(limit=2, offset=1)] == ["new", "mid"]

    def test_of_equal_age_the_one_added_last_comes_first(self, library: Library) -> None:
        for name in ("first", "second", "third"):
            library.add_turn(conversation=values.conversation(name))
        assert [c.id for c in library.conversations()] == ["third", "second", "first"]

    def test_messages_change_the_age_but_names_and_pins_do_not(self, asked: Library) -> None:
        asked.rename("c", "Named")
        asked.set_pinned("c", True)
        unchanged = asked.conversation("c")
        assert unchanged is not None
        assert (unchanged.title, unchanged.is_pinned, unchanged.updated_at) == ("Named", True, values.NOON)
        asked.add_message(values.question("q2", after="q", at=3))
        changed = asked.conversation("c")
        assert changed is not None
        assert changed.updated_at == values.minutes(3)
        asked.settle(values.ended(values.run(), at=5), values.reply(values.run(), at=4))
        settled = asked.conversation("c")
        assert settled is not None
        assert settled.updated_at == values.minutes(5)

    def test_a_deleted_one_is_hidden_and_comes_back_whole(self, asked: Library) -> None:
        asked.save_draft("c", Draft(text="unsent"))
        assert asked.delete_conversation("c") == Changes(conversations=frozenset({"c"}))
        assert asked.conversations() == []
        assert asked.conversation("c") is None
        asked.restore_conversation("c")
        assert [c.id for c in asked.conversations()] == ["c"]
        assert [m.id for m in asked.messages("c")] == ["q"]
        assert asked.draft("c") == Draft(text="unsent")

    def test_a_purge_leaves_nothing_of_the_deleted_and_all_of_the_rest(self, asked: Library) -> None:
        run = values.run()
        asked.start_run("r", request_body=b"{}", adjustments=())
        asked.settle(values.ended(run), values.reply(run), Exchange(run_id="r", request_line="POST /"))
        asked.save_draft("c", Draft(text="unsent"))
        asked.add_turn(conversation=values.conversation("other"), message=values.question("o", of="other"))
        asked.delete_conversation("c")
        assert asked.purge_deleted() == Changes(conversations=frozenset({"c"}))
        assert asked.messages("c") == []
        assert (asked.run("r"), asked.exchange("r"), asked.draft("c")) == (None, None, None)
        assert [m.id for m in asked.messages("other")] == ["o"]
        assert asked.search("why") != []
        asked.connection.execute("INSERT INTO message_words (message_words) VALUES ('integrity-check')")
        assert asked.purge_deleted() == Changes()

    def test_a_purge_spares_a_conversation_whose_run_is_live(self, asked: Library) -> None:
        asked.delete_conversation("c")
        assert not asked.purge_deleted()
        asked.settle(values.ended(values.run()), values.reply(values.run()))
        assert asked.purge_deleted()

    def test_changing_what_is_gone_is_refused_in_words(self, library: Library) -> None:
        changes: list[Callable[[], Changes]] = [
            lambda: library.rename("gone", "x"),
            lambda: library.set_pinned("gone", True),
            lambda: library.delete_conversation("gone"),
            lambda: library.restore_conversation("gone"),
            lambda: library.set_head("gone", None),
            lambda: library.delete_message("gone"),
            lambda: library.start_run("gone", request_body=b"", adjustments=()),
            lambda: library.journal("gone", (TextPart(text="x"),)),
            lambda: library.add_message(values.question(of="gone")),
        ]
        for change in changes:
            with pytest.raises(LibraryError):
                change()


class TestTurns:
    def test_a_first_turn_is_one_write(self, library: Library) -> None:
        changes = library.add_turn(
            conversation=values.conversation(title="T"), message=values.question(), run=values.run()
        )
        assert changes == Changes(
            conversations=frozenset({"c"}), messages=frozenset({"q"}), runs=frozenset({"r"})
        )
        assert head_of(library) == "q"
        assert library.runs("c") == {"r": values.run()}

    def test_a_turn_that_cannot_be_stored_whole_is_not_stored_at_all(self, asked: Library) -> None:
        with pytest.raises(LibraryError, match="does not fit"):
            asked.add_turn(
                conversation=values.conversation("d"), message=values.question("p", of="d"), run=values.run()
            )
        assert asked.conversation("d") is None
        assert asked.messages("d") == []

    def test_a_run_alone_moves_the_head_to_what_it_answers(self, asked: Library) -> None:
        run = values.run()
        asked.settle(values.ended(run), values.reply(run))
        assert head_of(asked) == "r-reply"
        asked.add_turn(run=values.run("r2"))
        assert head_of(asked) == "q"

    def test_settling_stores_the_outcome_and_moves_the_head(self, asked: Library) -> None:
        asked.start_run("r", request_body=b'{"a": 1}', adjustments=())
        assert status_of(asked) == "running"
        run = dataclasses.replace(
            values.ended(values.run(), RunStatus.FAILED),
            failure=Failure(kind=FailureKind.RATE, message="Too many requests.", retry_after_s=2.5),
        )
        changes = asked.settle(run, values.reply(run))
        assert changes == Changes(
            conversations=frozenset({"c"}), messages=frozenset({"r-reply"}), runs=frozenset({"r"})
        )
        assert asked.run("r") == dataclasses.replace(run, request_body=b'{"a": 1}')
        assert head_of(asked) == "r-reply"
        assert asked.exchange("r") is None

    def test_settling_leaves_a_head_that_was_moved_meanwhile(self, asked: Library) -> None:
        asked.add_message(values.question("edited", at=1))
        asked.settle(values.ended(values.run()), values.reply(values.run()))
        assert head_of(asked) == "edited"

    def test_of_two_replies_at_once_the_first_to_settle_is_shown(self, asked: Library) -> None:
        asked.add_turn(run=values.run("r2"))
        asked.settle(values.ended(values.run("r2")), values.reply(values.run("r2"), at=1))
        asked.settle(values.ended(values.run()), values.reply(values.run(), at=2))
        assert head_of(asked) == "r2-reply"
        assert [m.id for m in asked.messages("c")] == ["q", "r2-reply", "r-reply"]

    def test_a_run_settles_once(self, asked: Library) -> None:
        run = values.ended(values.run())
        asked.settle(run, values.reply(run))
        with pytest.raises(LibraryError, match="no longer"):
            asked.settle(run, values.reply(run, "Something else."))
        assert [m.text for m in asked.messages("c")] == ["Why?", "Because."]

    def test_adjustments_are_stored_before_sending(self, asked: Library) -> None:
        adjustment = Adjustment(name="top_k", action="dropped", reason="The server refuses it.")
        assert asked.start_run("r", request_body=b"{}", adjustments=[adjustment]) == Changes(
            runs=frozenset({"r"})
        )
        assert asked.runs("c")["r"].adjustments == (adjustment,)

    def test_several_writes_become_one_transaction(self, asked: Library) -> None:
        def writes_and_fails() -> None:
            with asked.one_transaction():
                asked.rename("c", "Half")
                asked.add_message(values.question("q2", after="q"))
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            writes_and_fails()
        assert [c.title for c in asked.conversations()] == [""]
        assert [m.id for m in asked.messages("c")] == ["q"]


class TestTree:
    def test_an_edited_message_becomes_a_sibling_and_the_head(self, asked: Library) -> None:
        changes = asked.add_message(values.question("edited", "Why not?"))
        assert changes == Changes(conversations=frozenset({"c"}), messages=frozenset({"edited"}))
        assert [(node.id, node.parent_id, node.role) for node in asked.nodes("c")] == [
            ("q", None, Role.USER),
            ("edited", None, Role.USER),
        ]
        assert head_of(asked) == "edited"

    def test_messages_are_listed_oldest_first(self, asked: Library) -> None:
        asked.add_message(values.question("later", after="q", at=9))
        asked.add_message(values.question("earlier", after="q", at=5))
        assert [m.id for m in asked.messages("c")] == ["q", "earlier", "later"]

    def test_the_head_goes_to_any_message_of_its_conversation_only(self, asked: Library) -> None:
        asked.add_turn(conversation=values.conversation("d"), message=values.question("p", of="d"))
        with pytest.raises(LibraryError):
            asked.set_head("c", "p")
        asked.set_head("c", None)
        assert head_of(asked) is None
        asked.set_head("c", "q")
        assert head_of(asked) == "q"

    def test_deleting_a_reply_deletes_its_run_and_shows_another_version(self, asked: Library) -> None:
        for name in ("r", "r2"):
            run = values.run(name)
            if name == "r2":
                asked.add_turn(run=run)
            asked.settle(values.ended(run), values.reply(run), Exchange(run_id=name, request_line="POST /"))
        asked.add_message(values.question("follow-up", after="r-reply", at=9))
        asked.set_head("c", "r2-reply")
        changes = asked.delete_message("r2-reply")
        assert changes == Changes(
            conversations=frozenset({"c"}), messages=frozenset({"r2-reply"}), runs=frozenset({"r2"})
        )
        assert (asked.run("r2"), asked.exchange("r2")) == (None, None)
        assert head_of(asked) == "follow-up"

    def test_deleting_an_only_reply_shows_its_question(self, asked: Library) -> None:
        asked.settle(values.ended(values.run()), values.reply(values.run()))
        asked.delete_message("r-reply")
        assert head_of(asked) == "q"
        asked.delete_message("q")
        assert head_of(asked) is None
        assert asked.messages("c") == []

    def test_of_a_reply_that_is_gone_another_reading_takes_the_place(self, asked: Library) -> None:
        asked.settle(values.ended(values.run()), values.reply(values.run()))
        asked.add_version(dataclasses.replace(values.reply(values.run()), id="reread", reading="[]"))

        asked.delete_message("r-reply")

        record = asked.record("c")
        assert record is not None
        assert [run.message_id for run in record.checked().runs] == ["reread"]
        asked.delete_message("reread")
        assert asked.run("r") is None

    def test_deleting_elsewhere_leaves_the_head(self, asked: Library) -> None:
        asked.settle(values.ended(values.run()), values.reply(values.run()))
        asked.add_message(values.question("other"))
        asked.delete_message("r-reply")
        assert head_of(asked) == "other"

    def test_a_message_that_others_follow_stays(self, asked: Library) -> None:
        asked.add_message(values.question("next", after="q"))
        with pytest.raises(LibraryError, match="follow"):
            asked.delete_message("q")

    def test_a_question_that_is_being_answered_stays(self, asked: Library) -> None:
        with pytest.raises(LibraryError, match="being written"):
            asked.delete_message("q")
        assert [m.id for m in asked.messages("c")] == ["q"]


class TestJournal:
    def test_only_what_is_new_is_written(self, asked: Library) -> None:
        asked.journal("r", (ReasoningPart(text="Hm", source="reasoning"),))
        asked.journal("r", (ReasoningPart(text="Hm, so", source="reasoning"),))
        asked.journal("r", (ReasoningPart(text="Hm, so", source="reasoning"), TextPart(text="Yes")))
        asked.journal("r", (ReasoningPart(text="Hm, so", source="reasoning"), TextPart(text="Yes")))
        assert journal_rows(asked) == [(0, 0, "Hm"), (0, 2, ", so"), (1, 0, "Yes")]

    def test_a_new_process_goes_on_where_the_journal_ended(self, asked: Library) -> None:
        asked.journal("r", (TextPart(text="One"),))
        Library(asked.connection).journal("r", (TextPart(text="One two"),))
        assert journal_rows(asked) == [(0, 0, "One"), (0, 3, " two")]

    def test_a_journal_that_was_rolled_back_is_written_again(self, asked: Library) -> None:
        asked.journal("r", (TextPart(text="One"),))

        def writes_and_fails() -> None:
            with asked.one_transaction():
                asked.journal("r", (TextPart(text="One two"),))
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            writes_and_fails()
        asked.journal("r", (TextPart(text="One two"),))
        assert journal_rows(asked) == [(0, 0, "One"), (0, 3, " two")]

    def test_settling_empties_it(self, asked: Library) -> None:
        asked.journal("r", (TextPart(text="Beca"),))
        asked.settle(values.ended(values.run()), values.reply(values.run()))
        assert journal_rows(asked) == []

    @settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(data=st.data())
    def test_an_interrupted_reply_is_the_reply_at_the_last_call(
        self, shared_library: Library, data: st.DataObject
    ) -> None:
        name = values.new_id()
        shared_library.add_turn(
            conversation=values.conversation(name),
            message=values.question(f"{name}-q", of=name),
            run=values.run(name, of=name, answers=f"{name}-q"),
        )
        stretches: list[Part] = []
        for part in data.draw(st.lists(values.of_reply_part(), max_size=6)):
            stretches.append(part)
            calls = [part for part in stretches if isinstance(part, ToolCallPart)]
            others = [part for part in stretches if not isinstance(part, ToolCallPart)]
            stretches = [*others, *calls]
            shared_library.journal(name, tuple(stretches))
        shared_library.interrupt_running()
        assert shared_library.messages(name)[-1].parts == tuple(stretches)


class TestInterruption:
    def test_runs_left_over_keep_their_journaled_text(self, asked: Library) -> None:
        parts = (
            ReasoningPart(text="Let me see", source="<think>"),
            TextPart(text="It is"),
            ToolCallPart(call_id="1", name="look", arguments='{"at"'),
        )
        asked.start_run("r", request_body=b"{}", adjustments=())
        asked.journal("r", parts)
        changes = asked.interrupt_running()
        assert changes == Changes(
            conversations=frozenset({"c"}), messages=frozenset({"r-reply"}), runs=frozenset({"r"})
        )
        reply = asked.messages("c")[-1]
        assert reply == Message(
            id="r-reply", conversation_id="c", parent_id="q", role=Role.ASSISTANT, parts=parts,
            created_at=reply.created_at, run_id="r",
        )  # fmt: skip
        run = asked.run("r")
        assert run is not None
        assert (run.status, run.settled_at, run.request_body) == ("interrupted", reply.created_at, b"{}")
        assert head_of(asked) == "r-reply"
        assert journal_rows(asked) == []

    def test_a_second_call_finds_nothing_to_do(self, asked: Library) -> None:
        asked.journal("r", (TextPart(text="It is"),))
        assert asked.interrupt_running()
        assert not asked.interrupt_running()
        assert [m.text for m in asked.messages("c")] == ["Why?", "It is"]

    def test_a_run_that_never_started_leaves_an_empty_reply(self, asked: Library) -> None:
        asked.interrupt_running()
        assert asked.messages("c")[-1].parts == ()
        assert status_of(asked) == "interrupted"

    def test_settled_runs_stay_as_they_are(self, asked: Library) -> None:
        asked.settle(values.ended(values.run()), values.reply(values.run()))
        assert not asked.interrupt_running()
        assert status_of(asked) == "complete"

    def test_a_head_that_was_moved_stays(self, asked: Library) -> None:
        asked.add_message(values.question("edited"))
        asked.interrupt_running()
        assert head_of(asked) == "edited"


class TestTheRest:
    def test_a_draft_is_replaced_and_removed(self, library: Library) -> None:
        assert library.draft("") is None
        library.save_draft("", Draft(text="one"))
        assert library.save_draft("", Draft(text="two")) == Changes(others=frozenset({"drafts"}))
        assert library.draft("") == Draft(text="two")
        library.save_draft("", None)
        assert library.draft("") is None

    def test_an_endpoint_is_replaced_in_its_place_and_deleted_with_its_models(self, library: Library) -> None:
        first, second = (Endpoint(id=name, name=name, base_url="http://x/v1") for name in ("1", "2"))
        library.save_endpoint(first)
        library.save_endpoint(second)
        renamed = dataclasses.replace(first, name="renamed")
        assert library.save_endpoint(renamed) == Changes(others=frozenset({"endpoints"}))
        assert library.endpoints() == [renamed, second]
        library.save_model_cards("1", [ModelCard(id="m")])
        assert library.delete_endpoint("1") == Changes(others=frozenset({"endpoints", "models"}))
        assert (library.endpoints(), library.model_cards("1")) == ([second], [])

    def test_presets_are_listed_by_name(self, library: Library) -> None:
        for name in ("beta", "Alpha", "gamma"):
            library.save_preset(Preset(id=name, name=name, parameters=UNSET))
        library.delete_preset("gamma")
        assert library.save_preset(Preset(id="beta", name="Zeta", parameters=UNSET)) == Changes(
            others=frozenset({"presets"})
        )
        assert [preset.name for preset in library.presets()] == ["Alpha", "Zeta"]

    def test_model_cards_are_replaced_as_a_whole(self, library: Library) -> None:
        library.save_model_cards("e", [ModelCard(id="one"), ModelCard(id="two")])
        library.save_model_cards("e", [ModelCard(id="three")])
        assert [card.id for card in library.model_cards("e")] == ["three"]
        assert library.model_cards("other") == []


def test_readings_go_with_their_endpoint(library: Library) -> None:
    for endpoint_id in ("e", "f"):
        library.save_reading(endpoint_id, "m", "as told")

    library.delete_endpoint("e")

    assert library.readings() == {("f", "m"): "as told"}


def test_facts_about_parameters_are_kept_for_each_model_and_forgotten(library: Library) -> None:
    def fact(model_id: str, name: str, outcome: FactOutcome = FactOutcome.REJECTED) -> ParameterFact:
        return ParameterFact(
            endpoint_id="lab",
            model_id=model_id,
            name=name,
            outcome=outcome,
            words="No.",
            noted_at=values.NOON,
        )

    library.save_parameter_facts([fact("m", "top_p"), fact("m", "seed"), fact("other", "top_p")])
    library.save_parameter_facts([fact("m", "top_p", FactOutcome.ACCEPTED)])
    assert library.parameter_facts() == [
        fact("m", "seed"),
        fact("m", "top_p", FactOutcome.ACCEPTED),
        fact("other", "top_p"),
    ]
    library.forget_parameter_fact("lab", "m", "seed")
    assert [known.name for known in library.parameter_facts()] == ["top_p", "top_p"]
    library.delete_endpoint("lab")
    assert library.parameter_facts() == []


def test_results_of_single_calls_are_kept_until_they_become_a_message(library: Library) -> None:
    run = values.run("r1")
    library.add_turn(conversation=values.conversation(), message=values.question("q"), run=run)
    reply = values.reply(values.ended(run, RunStatus.COMPLETE))
    library.settle(values.ended(run, RunStatus.COMPLETE), reply, None)
    first = ToolResultPart(call_id="1", name="now", text="12:00\ud800", ran="date", is_error=True)
    second = ToolResultPart(call_id="2", name="ask", text="yes")
    library.save_call_result(reply.id, 1, second)
    library.save_call_result(reply.id, 0, second)
    assert library.save_call_result(reply.id, 0, first).messages == {reply.id}
    kept = dataclasses.replace(first, text="12:00\ufffd")
    assert library.call_results(reply.id) == {0: kept, 1: second}
    assert library.call_results("other") == {}
    results = dataclasses.replace(values.question("t", after=reply.id), role=Role.TOOL, parts=(kept, second))
    library.add_turn(message=results)
    assert library.call_results(reply.id) == {}
    assert library.message("t") == results
    (node,) = [node for node in library.nodes("c") if node.id == "t"]
    assert node == Node.of(results)
