"""What is wrong with a schema or with a value, in words with the place."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drover.domain.json_schema import MOST_PROBLEMS, problems_of_schema, problems_of_value

PERSON: dict[str, Any] = {
    "type": "object", "required": ["name", "age"], "additionalProperties": False,
    "properties": {
        "name": {"type": "string", "minLength": 2}, "age": {"type": ["integer", "null"]},
        "tags": {"type": "array", "items": {"enum": ["a", "b"]}},
    },
}  # fmt: skip


@pytest.mark.parametrize(
    "schema", [PERSON, {}, True, {"$schema": "http://json-schema.org/draft-07/schema#", "type": "object"}]
)
def test_a_schema_has_no_problems(schema: object) -> None:
    assert problems_of_schema(json.dumps(schema)) == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"type": "object",}', "This is not JSON: "),
        ("[]", 'A schema is an object such as {"type": "object"}.'),
        ('{"type": "text"}', 'type: "text" is no type; the types are array, boolean, integer, null, '),
        ('{"properties": {"age": {"minimum": "x"}}}', 'properties.age.minimum: "x" is not of type number.'),
        ('{"required": "name"}', 'required: "name" is not of type array.'),
        ('{"prefixItems": [{"required": [7]}]}', "prefixItems[0].required[0]: 7 is not of type string."),
    ],
)
def test_a_slip_in_a_schema_is_named_with_its_place(text: str, words: str) -> None:
    [problem] = problems_of_schema(text)

    assert problem.startswith(words)


@pytest.mark.parametrize(
    ("value", "problems"),
    [
        ({"name": "Ada", "age": None}, []),
        ({"name": "Ada"}, ["age is missing."]),
        ({}, ["name, age are missing."]),
        ({"name": "Ada", "age": 1.5}, ["age: 1.5 is not of type integer or null."]),
        ({"name": "Ada", "age": 1, "tags": ["a", "c"]}, ['tags[1]: "c" is not one of "a", "b".']),
        ({"name": "A", "age": 1}, ["name: 'A' is too short."]),
        (["x" * 90], [f'["{"x" * 37}… is not of type object.']),
    ],
)
def test_a_value_that_breaks_a_schema_is_told_why_and_where(value: object, problems: list[str]) -> None:
    assert problems_of_value(PERSON, value) == problems


def test_only_the_first_problems_are_told() -> None:
    assert len(problems_of_value({"items": {"type": "string"}}, list(range(100)))) == MOST_PROBLEMS


@pytest.mark.parametrize(
    "schema",
    [{"$ref": "http://127.0.0.1:1/other"}, {"$ref": "#/nowhere"}, {"pattern": "("}, {"type": "text"}],
)
def test_a_schema_that_cannot_be_applied_is_a_problem_and_nothing_is_fetched(schema: dict[str, Any]) -> None:
    [problem] = problems_of_value(schema, "a")

    assert problem.startswith("The schema cannot be applied: ")


def test_what_is_nested_too_deeply_is_a_problem() -> None:
    schema: dict[str, Any] = {}
    for _ in range(600):
        schema = {"not": schema}

    assert problems_of_schema(json.dumps(schema)) == ["It is nested too deeply to be checked."]


_KEYWORDS = st.sampled_from(["type", "items", "$ref", "enum", "required"])
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(_KEYWORDS, inner),
)


@given(schema=st.dictionaries(_KEYWORDS, _JSON), value=_JSON)
def test_no_schema_and_no_value_raises(schema: dict[str, Any], value: object) -> None:
    for problem in (*problems_of_schema(json.dumps(schema)), *problems_of_value(schema, value)):
        assert problem
        assert "\n" not in problem
