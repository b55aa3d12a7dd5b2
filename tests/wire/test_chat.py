from __future__ import annotations

import dataclasses
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.wire.replies import SERVER

from drover.domain.conversation import Message, Part, ReasoningPart, Role, TextPart
from drover.domain.endpoint import BUILT_IN, OXEN, Endpoint, FactOutcome, ParameterFact
from drover.domain.parameters import UNSET, Json, SamplingParameters
from drover.domain.run import RunRequest
from drover.domain.thinking_grammar import thinking_grammar
from drover.wire.chat import encode

_ALL = SamplingParameters(
    temperature=0.7, max_tokens=64, top_p=0.95, frequency_penalty=0.0, presence_penalty=0.1,
    reasoning_effort="low", seed=2**62, stop=("END", "\n\n"), top_k=40, min_p=0.05, repeat_penalty=1.1,
)  # fmt: skip


def message(role: Role, *parts: Part | str) -> Message:
    return Message(
        id="m", conversation_id="c", parent_id=None, role=role, created_at=datetime(2026, 1, 1, tzinfo=UTC),
        parts=tuple(TextPart(text=part) if isinstance(part, str) else part for part in parts),
    )  # fmt: skip


def request(
    *branch: Message,
    endpoint: Endpoint = SERVER,
    model_id: str = "gpt-oss-20b",
    parameters: SamplingParameters = UNSET,
    system_prompt: str = "",
    rejected: tuple[ParameterFact, ...] = (),
) -> RunRequest:
    return RunRequest(
        endpoint=endpoint,
        model_id=model_id,
        branch=branch or (message(Role.USER, "Hi"),),
        parameters=parameters,
        system_prompt=system_prompt,
        rejected=rejected,
    )


def sent(asked: RunRequest) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(encode(asked).body)
    return body


def adjusted(asked: RunRequest) -> list[tuple[str, str]]:
    return [(adjustment.name, adjustment.action) for adjustment in encode(asked).adjustments]


def test_with_nothing_set_the_body_holds_nothing_more_than_needed() -> None:
    encoded = encode(request())

    assert encoded.body == (
        b'{"model":"gpt-oss-20b","messages":[{"role":"user","content":"Hi"}],'
        b'"stream":true,"stream_options":{"include_usage":true}}'
    )
    [adjustment] = encoded.adjustments
    assert (adjustment.name, adjustment.action, adjustment.reason) == (
        "stream_options", "added", "so that usage is reported",
    )  # fmt: skip


def test_set_parameters_are_sent_in_declared_order_with_their_own_types() -> None:
    body = sent(request(parameters=_ALL))

    assert list(body) == [
        "model", "messages", "temperature", "max_tokens", "top_p", "frequency_penalty", "presence_penalty",
        "reasoning_effort", "seed", "stop", "top_k", "min_p", "repeat_penalty", "stream", "stream_options",
    ]  # fmt: skip
    assert body["stop"] == ["END", "\n\n"]
    assert body["seed"] == 2**62
    assert body["frequency_penalty"] == 0.0


def test_the_system_prompt_comes_first_and_a_blank_one_is_left_out() -> None:
    assert sent(request(system_prompt="Be brief."))["messages"][0] == {
        "role": "system", "content": "Be brief.",
    }  # fmt: skip
    assert [entry["role"] for entry in sent(request(system_prompt=" \n"))["messages"]] == ["user"]


def test_earlier_thinking_is_left_out_and_so_are_replies_without_text() -> None:
    body = sent(
        request(
            message(Role.USER, "1"),
            message(Role.ASSISTANT, ReasoningPart(text="Hm."), "One."),
            message(Role.USER, "2"),
            message(Role.ASSISTANT, ReasoningPart(text="Hm.")),
            message(Role.USER, "3"),
        )
    )

    assert [(entry["role"], entry["content"]) for entry in body["messages"]] == [
        ("user", "1"), ("assistant", "One."), ("user", "2"), ("user", "3"),
    ]  # fmt: skip


def test_oxen_is_not_sent_what_its_list_does_not_hold() -> None:
    asked = request(endpoint=OXEN, parameters=_ALL)

    assert {"top_k", "min_p", "repeat_penalty"}.isdisjoint(sent(asked))
    assert sent(asked)["reasoning_effort"] == "low"
    assert adjusted(asked) == [
        ("top_k", "dropped"),
        ("min_p", "dropped"),
        ("repeat_penalty", "dropped"),
        ("stream_options", "added"),
    ]


def test_a_custom_endpoint_is_sent_everything_that_was_asked_for() -> None:
    assert adjusted(request(parameters=_ALL)) == [("stream_options", "added")]


@pytest.mark.parametrize("effort", ["low", "medium", "high"])
def test_the_built_in_model_gets_its_effort_as_a_grammar(effort: str) -> None:
    asked = request(
        endpoint=BUILT_IN,
        model_id=BUILT_IN.default_model_id,
        parameters=SamplingParameters(reasoning_effort=effort),
    )

    assert sent(asked)["grammar"] == thinking_grammar(effort)
    assert "reasoning_effort" not in sent(asked)
    assert adjusted(asked) == [("reasoning_effort", "translated"), ("stream_options", "added")]


def test_an_effort_without_a_grammar_is_dropped_and_no_effort_means_no_grammar() -> None:
    asked = request(endpoint=BUILT_IN, model_id=BUILT_IN.default_model_id)
    other = dataclasses.replace(asked, parameters=SamplingParameters(reasoning_effort="max"))

    assert "grammar" not in sent(asked)
    assert {"grammar", "reasoning_effort"}.isdisjoint(sent(other))
    assert adjusted(other)[0] == ("reasoning_effort", "dropped")


def test_another_local_model_gets_its_effort_as_it_is() -> None:
    asked = request(endpoint=BUILT_IN, parameters=SamplingParameters(reasoning_effort="high"))

    assert sent(asked)["reasoning_effort"] == "high"
    assert "grammar" not in sent(asked)


def test_an_empty_list_of_stop_texts_is_dropped() -> None:
    asked = request(parameters=SamplingParameters(stop=()))

    assert "stop" not in sent(asked)
    assert adjusted(asked)[0] == ("stop", "dropped")


def rejected(name: str, *, renamed_to: str = "") -> ParameterFact:
    return ParameterFact(
        endpoint_id="e", model_id="m", name=name, outcome=FactOutcome.REJECTED, renamed_to=renamed_to,
        noted_at=datetime(2026, 11, 3, 12, tzinfo=UTC),
    )  # fmt: skip


def test_what_a_model_is_known_to_reject_is_left_out_with_the_reason() -> None:
    asked = request(
        parameters=SamplingParameters(top_p=0.5, seed=1, extra=Json('{"user":"me"}')),
        rejected=(rejected("top_p"), rejected("user"), rejected("stream_options"), rejected("min_p")),
    )

    encoded = encode(asked)

    assert json.loads(encoded.body).keys() == {"model", "messages", "seed", "stream"}
    assert [(a.name, a.action, a.reason) for a in encoded.adjustments] == [
        ("top_p", "dropped", "rejected by this model on 3 Nov 2026"),
        ("user", "dropped", "rejected by this model on 3 Nov 2026"),
        ("stream_options", "dropped",
         "rejected by this model on 3 Nov 2026, so usage may not be reported"),
    ]  # fmt: skip


def test_stream_options_of_the_extra_json_are_left_out_once() -> None:
    extra = Json('{"stream_options":{"include_usage":false}}')
    asked = request(parameters=SamplingParameters(extra=extra), rejected=(rejected("stream_options"),))

    assert "stream_options" not in sent(asked)
    assert adjusted(asked) == [("stream_options", "dropped")]


@pytest.mark.parametrize("name", ["max_completion_tokens", "max_tokens"])
def test_a_limit_is_sent_under_the_name_that_the_model_asked_for(name: str) -> None:
    asked = request(
        parameters=SamplingParameters(max_tokens=9), rejected=(rejected("max_tokens", renamed_to=name),)
    )

    assert {key: value for key, value in sent(asked).items() if key.startswith("max_")} == {name: 9}
    (adjustment, _) = encode(asked).adjustments
    assert (adjustment.name, adjustment.action) == ("max_tokens", "renamed")
    assert adjustment.reason == f"to {name}, as this model asked on 3 Nov 2026"


def test_alternatives_go_with_the_probabilities_that_a_model_rejected() -> None:
    asked = request(parameters=SamplingParameters(top_logprobs=2), rejected=(rejected("logprobs"),))

    assert not {"logprobs", "top_logprobs"} & sent(asked).keys()
    assert adjusted(asked)[0] == ("top_logprobs", "dropped")


def test_odd_characters_are_sent_intact_and_lone_surrogates_replaced() -> None:
    encoded = encode(request(message(Role.USER, "a\x00b\u200fc🙂\ud83dd\ud83d\ude42")))

    assert b"a\\u0000b" in encoded.body
    assert json.loads(encoded.body)["messages"][0]["content"] == "a\x00b\u200fc🙂\ufffdd🙂"
    assert ("messages", "translated") in [(a.name, a.action) for a in encoded.adjustments]


@given(st.text(st.characters(), max_size=60))
def test_any_text_can_be_sent(text: str) -> None:
    body = encode(request(message(Role.USER, text), system_prompt=text)).body

    assert json.loads(body.decode("utf-8"))["messages"][-1]["content"].replace("\ufffd", "") == "".join(
        character for character in _joined(text) if character != "\ufffd"
    )


def _joined(text: str) -> str:
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "ignore")


def test_extra_json_goes_into_the_body_as_written() -> None:
    extra = Json('{"user":"me","stream_options":{"include_usage":false}}')
    encoded = encode(request(parameters=UNSET.replaced("extra", extra)))
    body = json.loads(encoded.body)
    assert (body["user"], body["stream_options"]) == ("me", {"include_usage": False})
    assert "extra" not in body


def test_alternatives_bring_the_probabilities_that_they_need() -> None:
    encoded = encode(request(parameters=UNSET.replaced("top_logprobs", 2)))
    body = json.loads(encoded.body)
    assert (body["logprobs"], body["top_logprobs"]) == (True, 2)
    assert ("logprobs", "added") in [(a.name, a.action) for a in encoded.adjustments]
