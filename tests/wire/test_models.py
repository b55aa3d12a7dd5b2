from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drover.domain.endpoint import ModelCard
from drover.errors import ProtocolError
from drover.wire.models import decode_models


def cards(*entries: object) -> list[ModelCard]:
    return decode_models(json.dumps({"object": "list", "data": entries}).encode(), source="From X")


def test_a_model_of_oxen_gives_all_its_facts() -> None:
    entry = {
        "id": "gpt-oss-120b", "object": "model", "owned_by": "oxen", "display_name": "OpenAI/GPT-OSS-120B",
        "summary": "Large and\nopen.", "model_type": "base", "endpoint": "/chat/completions",
        "capabilities": {"input": ["text", "image"], "output": ["text"]}, "context_length": 128000,
        "max_output_tokens": None, "deployments": [], "request_schema": None,
        "pricing": {"method": "token", "input_cost_per_token": 1.5e-7, "output_cost_per_token": 6e-7},
    }  # fmt: skip

    assert cards(entry) == [
        ModelCard(
            id="gpt-oss-120b", name="OpenAI/GPT-OSS-120B", context_tokens=128000, max_output_tokens=None,
            input_modalities=("text", "image"), input_usd_per_token=1.5e-7, output_usd_per_token=6e-7,
            source="From X", notes=("Large and open.",),
            places=(
                ("context_tokens", "context_length"), ("input_modalities", "capabilities.input"),
                ("input_usd_per_token", "pricing.input_cost_per_token"),
                ("output_usd_per_token", "pricing.output_cost_per_token"),
            ),
        )
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("entry", "context"),
    [
        ({"id": "m", "max_model_len": 4096}, 4096),
        ({"id": "m", "context_window": 4096.0}, 4096),
        ({"id": "m", "max_context_length": 4096}, 4096),
        ({"id": "m", "meta": {"n_ctx_train": 4096}}, 4096),
        ({"id": "m", "top_provider": {"context_length": 4096}}, 4096),
        ({"id": "m", "context_length": None}, None),
        ({"id": "m", "context_length": 0}, None),
        ({"id": "m", "context_length": "4k"}, None),
        ({"id": "m"}, None),
    ],
)
def test_the_context_is_found_under_every_name_and_unknown_stays_unknown(
    entry: object, context: int | None
) -> None:
    [card] = cards(entry)

    assert card.context_tokens == context


@pytest.mark.parametrize(
    "entry",
    [
        {"id": "m", "endpoint": "/images/generate"},
        {"id": "m", "capabilities": {"input": ["text"], "output": ["video"]}},
        {"id": "m", "type": "embeddings"},
        {"id": "m", "capabilities": {"completion_chat": False}},
        {"id": ""},
        {"object": "model"},
        7,
        None,
    ],
)
def test_what_cannot_chat_is_left_out(entry: object) -> None:
    assert cards(entry, {"id": "chat"}) == cards({"id": "chat"})


def test_each_fact_knows_where_the_server_stated_it() -> None:
    [card] = cards({
        "id": "m", "context_length": "many", "top_provider": {"context_length": 4096},
        "pricing": {"prompt": "0"}, "json_request_schema": {"type": "object"},
    })  # fmt: skip

    assert card.place_of("context_tokens") == "top_provider.context_length"
    assert card.place_of("input_usd_per_token") == "pricing.prompt"
    assert card.place_of("request_schema") == "json_request_schema"
    assert card.place_of("max_output_tokens") == ""


@pytest.mark.parametrize(
    ("entry", "schema"),
    [
        ({"request_schema": {"type": "object", "title": "E\u00e9"}}, '{"type":"object","title":"Eé"}'),
        ({"request_schema": None, "json_request_schema": {"b": 1, "a": 2}}, '{"b":1,"a":2}'),
        ({"request_schema": '{"a": 1}'}, '{"a":1}'),
        ({"request_schema": {"a": "\ud800"}}, '{"a":"\ufffd"}'),
        ({"request_schema": {"a": float("nan")}}, ""),
        ({"request_schema": "see the documentation"}, ""),
        ({"request_schema": [1]}, ""),
        ({"request_schema": {}}, ""),
        ({}, ""),
    ],
)
def test_the_schema_of_the_request_is_kept_under_either_name(entry: dict[str, object], schema: str) -> None:
    [card] = cards({"id": "m", **entry})

    assert card.request_schema == schema


def test_prices_written_as_text_are_read_and_odd_ones_are_unknown() -> None:
    [card] = cards({"id": "m", "pricing": {"prompt": "0.0000015", "completion": "-1"}})

    assert (card.input_usd_per_token, card.output_usd_per_token) == (1.5e-6, None)


def test_a_deployment_that_is_not_active_is_noted() -> None:
    [card] = cards({"id": "me/m", "model_type": "custom", "deployments": [{"status": "inactive"}]})

    assert card.notes == ("Its deployment is inactive, so it may not answer.",)


@pytest.mark.parametrize(
    "body",
    [
        b'{"data":[{"id":"a"},{"id":"b"},{"id":"a"}]}',
        b'[{"id":"a"},{"id":"b"}]',
        b'{"models":[{"name":"a"},{"model":"b"}]}',
        b'{"data":["a","b"]}',
        b'\xef\xbb\xbf {"data":[{"id":"a"},{"id":"b"}]}',
    ],
)
def test_every_shape_of_list_keeps_its_order_and_names_each_model_once(body: bytes) -> None:
    assert [card.id for card in decode_models(body, source="")] == ["a", "b"]


def test_an_empty_list_is_a_list() -> None:
    assert decode_models(b'{"data":[]}', source="") == []


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"<html><title>Welcome</title></html>", "A web page titled “Welcome” came back"),
        (b'{"error":{"message":"boom"}}', "not a list of models: “boom”"),
        (b'{"data":null}', "not a list of models"),
        (b"", "not a list of models"),
        (b'{"data":[', "not a list of models"),
    ],
)
def test_a_body_that_is_no_model_list_is_a_protocol_error(body: bytes, words: str) -> None:
    with pytest.raises(ProtocolError, match=words):
        decode_models(body, source="")


@given(
    st.dictionaries(
        st.sampled_from(
            ["id", "name", "pricing", "capabilities", "endpoint", "deployments", "model_type", "meta"]
        ),
        st.one_of(
            st.none(),
            st.text(max_size=3),
            st.integers(),
            st.lists(st.none(), max_size=2),
            st.dictionaries(st.sampled_from(["input", "output", "prompt"]), st.integers() | st.none()),
        ),
    )
)
def test_no_shape_of_entry_raises(entry: dict[str, object]) -> None:
    for card in cards(entry):
        assert card.id == entry.get("id") or card.id == entry.get("name")
