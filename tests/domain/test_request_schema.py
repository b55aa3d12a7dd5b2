"""What a model's schema of its request body becomes: which parameters, in which order, of which kind."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from drover.domain.parameters import SPECS, Json, ParameterKind, ParameterSpec, checked
from drover.domain.request_schema import specs_of_schema


def specs(properties: object, **more: Any) -> dict[str, ParameterSpec]:
    text = json.dumps({"type": "object", "properties": properties, **more})
    return {spec.name: spec for spec in specs_of_schema(text)}


def spec_of(described: object, *, name: str = "p", **more: Any) -> ParameterSpec:
    return specs({name: described}, **more)[name]


def test_required_and_basic_come_first_then_the_order_of_the_schema() -> None:
    found = specs(
        {
            "strength": {"type": "number", "minimum": 0, "maximum": 1, "default": 0.5, "x-order": 2},
            "seed": {"type": "integer", "nullable": True, "x-order": 9},
            "prompt": {"type": "string", "default": "", "x-order": 0},
            "length": {"type": ["integer", "string"], "enum": ["auto", 5, 10], "x-order": 3},
            "mask": {"type": "string", "format": "uri", "x-next-to": "image", "x-order": 5},
            "trace": {"type": "boolean", "default": False, "x-hidden": True},
            "last": {"type": "boolean"},
            "even_later": {"type": "boolean", "x-order": "soon"},
        },
        required=["prompt"],
        basic=["prompt", "strength"],
    )

    assert list(found) == ["prompt", "strength", "length", "mask", "seed", "last", "even_later"]
    assert [name for name, spec in found.items() if spec.is_common] == ["prompt", "strength"]


def test_without_basic_ones_all_are_in_sight() -> None:
    assert all(spec.is_common for spec in specs({"a": {}, "b": {}}, required=["a"]).values())


def test_what_drover_writes_itself_is_no_parameter() -> None:
    chat = {name: {"type": "string"} for name in ("model", "messages", "stream", "n", "user")}

    assert list(specs({**chat, "max_completion_tokens": {"type": "integer"}})) == [
        "user", "max_completion_tokens",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("described", "kind", "initial"),
    [
        ({"type": "string"}, ParameterKind.TEXT, ""),
        ({"type": "string", "default": "a"}, ParameterKind.TEXT, "a"),
        ({"type": "string", "default": "a", "x-workbench-default": "b"}, ParameterKind.TEXT, "b"),
        ({"type": "boolean"}, ParameterKind.BOOLEAN, True),
        ({"type": "boolean", "default": False}, ParameterKind.BOOLEAN, False),
        ({"type": "integer", "minimum": 3}, ParameterKind.INTEGER, 3),
        ({"type": "integer", "maximum": -3}, ParameterKind.INTEGER, -3),
        ({"type": "integer", "default": 4.0}, ParameterKind.INTEGER, 4),
        ({"type": "integer", "default": "four", "minimum": 1}, ParameterKind.INTEGER, 1),
        ({"type": "number", "default": 2, "maximum": 1}, ParameterKind.NUMBER, 0.0),
        ({"type": ["integer", "number"]}, ParameterKind.NUMBER, 0.0),
        ({"type": "string", "enum": ["a", "b"], "default": "b"}, ParameterKind.CHOICE, "b"),
        ({"enum": ["16:9", "1:1"]}, ParameterKind.CHOICE, "16:9"),
        ({"const": "only"}, ParameterKind.CHOICE, "only"),
        ({"type": "integer", "enum": [4, 8], "default": 8}, ParameterKind.JSON, Json("8")),
        ({"enum": ["auto", 4], "default": 5}, ParameterKind.JSON, Json('"auto"')),
        ({"type": "array", "items": {"type": "string"}}, ParameterKind.STRINGS, ()),
        ({"type": "array", "items": {"type": "string"}, "default": ["a"]}, ParameterKind.STRINGS, ("a",)),
        ({"type": "array"}, ParameterKind.JSON, Json("[]")),
        ({"type": "array", "items": {"type": "object"}}, ParameterKind.JSON, Json("[]")),
        ({"type": "array", "items": [{"type": "string"}]}, ParameterKind.JSON, Json("[]")),
        ({"type": "object"}, ParameterKind.JSON, Json("{}")),
        ({"type": "object", "default": {"x": 1}}, ParameterKind.JSON, Json('{"x":1}')),
        ({"type": ["integer", "string"]}, ParameterKind.JSON, Json("null")),
        ({"type": "string", "oneOf": [{}]}, ParameterKind.JSON, Json("null")),
        ({"$ref": "#/definitions/x", "default": 1}, ParameterKind.JSON, Json("1")),
        ({"type": "date"}, ParameterKind.JSON, Json("null")),
        ({}, ParameterKind.JSON, Json("null")),
        (True, ParameterKind.JSON, Json("null")),
        (None, ParameterKind.JSON, Json("null")),
    ],
)
def test_each_construct_has_its_kind_and_the_value_to_start_from(
    described: object, kind: ParameterKind, initial: object
) -> None:
    spec = spec_of(described)

    assert (spec.kind, spec.initial) == (kind, initial)


def test_an_empty_default_of_a_required_text_is_no_default() -> None:
    described = {"type": "string", "default": "", "title": "P"}

    assert spec_of(described, required=["p"]).help == "Required."
    assert spec_of(described).help == 'The server\'s default is "".'


@pytest.mark.parametrize(
    ("described", "minimum", "maximum", "step"),
    [
        ({"type": "number", "minimum": 0, "maximum": 1}, 0, 1, 0.01),
        ({"type": "number", "minimum": 1, "maximum": 20}, 1, 20, 0.1),
        ({"type": "number", "minimum": 0, "maximum": 2, "multipleOf": 0.5}, 0, 2, 0.5),
        ({"type": "number", "minimum": 2, "maximum": 1}, None, None, 0.01),
        ({"type": "number", "minimum": True, "maximum": "1"}, None, None, 0.01),
        ({"type": "integer", "minimum": 256, "maximum": 2048, "multipleOf": 64}, 256, 2048, 64),
        ({"type": "integer", "minimum": 0.5, "maximum": 9.5}, 1, 9, 1),
        ({"type": "integer", "exclusiveMinimum": 0, "exclusiveMaximum": 10}, 1, 9, 1),
        ({"type": "integer", "minimum": 10**400}, None, None, 1),
    ],
)
def test_ranges_and_steps_are_the_schemas_own(
    described: object, minimum: float | None, maximum: float | None, step: float
) -> None:
    spec = spec_of(described)

    assert (spec.minimum, spec.maximum, spec.step) == (minimum, maximum, step)


@pytest.mark.parametrize(
    "described",
    [
        {"type": "integer", "nullable": True},
        {"type": ["integer", "null"]},
        {"type": "string", "enum": ["a", None]},
    ],
)
def test_null_may_be_sent_where_the_schema_allows_it(described: object) -> None:
    assert spec_of(described).is_nullable
    assert not spec_of({"type": "integer"}).is_nullable


def test_words_are_plain_text_with_what_an_editor_does_not_show() -> None:
    described = {
        "type": "string", "title": "Start <image>", "description": "First\n frame | {x}", "maxLength": 2000,
        "format": "uri", "renderType": "image-url", "default": "https://a",
    }  # fmt: skip

    assert spec_of(described).help == (
        "Start <image>. First frame | {x}. At most 2000 characters. The address of an image. "
        'The server\'s default is "https://a".'
    )
    images = {"type": "array", "items": {"type": "string", "renderType": "audio-url"}}
    assert spec_of(images).help == "The address of a sound."
    assert spec_of({"type": "string", "title": "Top K"}, name="top_k").help == SPECS["top_k"].help


def test_a_field_for_json_knows_its_schema_unless_checking_it_could_take_for_ever() -> None:
    assert spec_of({"type": "object"}).schema == Json('{"type":"object"}')
    assert spec_of({"type": "object", "properties": {"a": {"pattern": "(a+)+$"}}}).schema is None
    assert spec_of({"$ref": "#/$defs/a"}).schema is None
    assert spec_of({"enum": [1, 2]}).schema is None
    assert spec_of({"type": "integer"}).schema is None
    assert spec_of({}).schema is None


@pytest.mark.parametrize("text", ["", "{", "[]", "7", "null", '{"properties": []}', "[" * 100_000])
def test_what_is_no_schema_with_properties_gives_no_parameters(text: str) -> None:
    assert specs_of_schema(text) == ()


_KEYWORDS = st.sampled_from(
    ["type", "enum", "const", "default", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum",
     "multipleOf", "maxLength", "maxItems", "items", "nullable", "format", "renderType", "title",
     "description", "x-order", "x-hidden", "x-next-to", "x-workbench-default", "oneOf", "$ref", "properties"]
)  # fmt: skip
_TYPES = st.sampled_from(["string", "integer", "number", "boolean", "array", "object", "null", "uri"])
_SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | _TYPES
_ANY_JSON = st.recursive(
    _SCALARS, lambda inner: st.lists(inner) | st.dictionaries(_KEYWORDS | st.text(), inner), max_leaves=12
)
_NAMES = st.sampled_from(["p", "temperature", "seed", "stop", "model"]) | st.text()


@given(
    properties=st.dictionaries(_NAMES, st.dictionaries(_KEYWORDS, _ANY_JSON) | _ANY_JSON),
    more=st.dictionaries(st.sampled_from(["required", "basic"]), _ANY_JSON),
)
@example(properties={"p": {"type": "number", "minimum": 0, "maximum": 5e-324}}, more={})
@example(properties={"p": {"type": "integer", "default": 10**400}}, more={"basic": [["p"]]})
def test_any_json_gives_parameters_that_accept_their_own_first_value(
    properties: dict[str, Any], more: dict[str, Any]
) -> None:
    found = specs(properties, **more)

    assert found.keys() <= properties.keys()
    for spec in found.values():
        assert checked(spec, spec.initial) == spec.initial
        assert spec.range_text
        assert spec.decimals >= 0
