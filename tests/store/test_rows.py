"""Whatever a value holds comes back from the library as it went in."""

from __future__ import annotations

import dataclasses

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.store import values

from drover.domain.conversation import Conversation, Draft, Message, Node, Part, ReasoningPart, TextPart
from drover.domain.endpoint import Endpoint, ModelCard
from drover.domain.parameters import UNSET, Preset, SamplingParameters
from drover.domain.run import Adjustment, Exchange, Run
from drover.store import rows
from drover.store.database import storable
from drover.store.library import Library

few = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def asked(library: Library) -> Run:
    """A queued run on a question of its own, in the library."""
    name = values.new_id()
    run = values.run(name, of="c" + name, answers="q" + name)
    library.add_turn(
        conversation=values.conversation("c" + name),
        message=values.question("q" + name, of="c" + name),
        run=run,
    )
    return run


@few
@given(drawn=values.of(Conversation))
def test_a_conversation_comes_back_as_it_was(shared_library: Library, drawn: Conversation) -> None:
    conversation = dataclasses.replace(drawn, id=values.new_id())
    shared_library.add_turn(conversation=conversation)
    assert shared_library.conversation(conversation.id) == conversation


@few
@given(drawn=values.of(Message))
def test_a_message_comes_back_with_all_its_parts(shared_library: Library, drawn: Message) -> None:
    conversation = values.conversation(values.new_id())
    message = dataclasses.replace(drawn, id=values.new_id(), conversation_id=conversation.id, parent_id=None)
    shared_library.add_attachments({part.hash: b"" for part in message.attachments})
    shared_library.add_turn(conversation=conversation, message=message)
    assert shared_library.messages(conversation.id) == [message]
    (node,) = shared_library.nodes(conversation.id)
    of_message = Node.of(message)
    assert (node[:4], node.call_count) == (of_message[:4], of_message.call_count)


@few
@given(drawn=values.of(Run))
def test_a_settled_run_comes_back_with_all_its_fields(shared_library: Library, drawn: Run) -> None:
    queued = asked(shared_library)
    run = dataclasses.replace(
        drawn,
        id=queued.id,
        conversation_id=queued.conversation_id,
        parent_id=queued.parent_id,
        message_id=queued.message_id,
    )
    shared_library.settle(run, values.reply(run))
    assert shared_library.run(run.id) == run
    assert shared_library.runs(run.conversation_id) == {run.id: dataclasses.replace(run, request_body=b"")}


@few
@given(drawn=values.of(Exchange))
def test_an_exchange_comes_back_byte_for_byte(shared_library: Library, drawn: Exchange) -> None:
    run = values.ended(asked(shared_library))
    exchange = dataclasses.replace(drawn, run_id=run.id)
    shared_library.settle(run, values.reply(run), exchange)
    assert shared_library.exchange(run.id) == exchange


@few
@given(body=st.binary(), adjustments=st.lists(values.of(Adjustment), max_size=3))
def test_the_body_and_the_adjustments_are_kept_before_anything_is_sent(
    shared_library: Library, body: bytes, adjustments: list[Adjustment]
) -> None:
    run = asked(shared_library)
    shared_library.start_run(run.id, request_body=body, adjustments=adjustments)
    stored = shared_library.run(run.id)
    assert stored is not None
    assert (stored.status, stored.request_body, stored.adjustments) == ("running", body, tuple(adjustments))


@few
@given(draft=values.of(Draft), conversation_id=st.sampled_from(["", "c1"]))
def test_a_draft_comes_back_as_it_was(shared_library: Library, draft: Draft, conversation_id: str) -> None:
    shared_library.save_draft(conversation_id, draft)
    assert shared_library.draft(conversation_id) == draft


@few
@given(drawn=values.of(Endpoint))
def test_an_endpoint_comes_back_as_it_was(shared_library: Library, drawn: Endpoint) -> None:
    endpoint = dataclasses.replace(drawn, id=values.new_id())
    shared_library.save_endpoint(endpoint)
    assert shared_library.endpoints()[-1] == endpoint


@few
@given(drawn=values.of(Preset))
def test_a_preset_comes_back_as_it_was(shared_library: Library, drawn: Preset) -> None:
    preset = dataclasses.replace(drawn, id=values.new_id())
    shared_library.save_preset(preset)
    assert preset in shared_library.presets()


@few
@given(cards=st.lists(values.of(ModelCard), max_size=5))
def test_model_cards_come_back_in_their_order(shared_library: Library, cards: list[ModelCard]) -> None:
    shared_library.save_model_cards("e", cards)
    assert shared_library.model_cards("e") == cards


@few
@given(text=st.text(st.characters(exclude_categories=()), max_size=40))
def test_any_text_can_be_stored_and_only_lone_surrogates_change(shared_library: Library, text: str) -> None:
    conversation = values.conversation(values.new_id(), title=text)
    parts: tuple[Part, ...] = (
        ReasoningPart(text=text, source=text),
        TextPart(text=text),
        TextPart(text=text),
    )
    message = dataclasses.replace(values.question(values.new_id(), of=conversation.id), parts=parts)
    shared_library.add_turn(conversation=conversation, message=message)
    clean = storable(text)
    assert clean == text or "\ufffd" in clean or len(clean) < len(text)
    stored = shared_library.messages(conversation.id)[0]
    assert (stored.reasoning, stored.text) == (clean, clean + clean)
    found = shared_library.conversation(conversation.id)
    assert found is not None
    assert found.title == clean


def test_lone_surrogates_become_replacement_characters_and_nul_stays(library: Library) -> None:
    text = "a\ud800b\0c\udc00"
    library.add_turn(conversation=values.conversation(), message=values.question(text=text))
    assert library.messages("c")[0].text == "a\ufffdb\0c\ufffd"


def test_a_surrogate_pair_in_two_halves_is_joined() -> None:
    assert storable("x\ud83d\ude00y") == "x\U0001f600y"


def test_a_parameter_that_is_no_longer_known_is_ignored() -> None:
    assert rows.parameters_from('{"temperature":0.5,"retired":1}') == SamplingParameters(temperature=0.5)
    assert rows.parameters_from('{"retired":1}') == UNSET


def test_parameters_outside_todays_ranges_are_shown_as_they_were_asked() -> None:
    assert rows.parameters_from('{"temperature":9.5}').temperature == 9.5
