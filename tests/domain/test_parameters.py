"""What can be asked for, and in which words a wrong value is refused."""

from __future__ import annotations

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drover.domain.parameters import (
    SPECS,
    UNSET,
    Json,
    ParameterKind,
    ParameterSpec,
    SamplingParameters,
    changes,
    checked,
    clamped,
    parsed_json,
    parsed_setting,
)
from drover.errors import ConfigurationError


def test_nothing_is_set_at_first() -> None:
    assert list(UNSET) == []
    assert UNSET.as_dict() == {}


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
def test_each_parameter_can_be_set_stored_restored_and_unset(spec: ParameterSpec) -> None:
    value = ("a", "\n\n") if spec.kind is ParameterKind.STRINGS else spec.initial
    parameters = UNSET.replaced(spec.name, value)
    assert parameters.get(spec.name) == value
    assert len(parameters) == 1
    assert SamplingParameters.from_dict(parameters.as_dict()) == parameters
    assert parameters.replaced(spec.name, None) == UNSET


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
def test_each_parameter_explains_itself(spec: ParameterSpec) -> None:
    assert spec.help.endswith(".")
    assert spec.range_text
    assert checked(spec, spec.initial) == spec.initial


def test_an_editor_clamps_into_the_range() -> None:
    assert UNSET.replaced("temperature", 9).temperature == 2.0
    assert UNSET.replaced("temperature", -1).temperature == 0.0
    assert UNSET.replaced("max_tokens", 0).max_tokens == 1
    assert UNSET.replaced("seed", 2**63 - 1).seed == 2**63 - 1
    assert UNSET.replaced("seed", 2**64).seed == 2**63 - 1


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("temperature=3", "temperature must be 0 to 2, not 3."),
        ("temperature=hot", "temperature must be 0 to 2, not 'hot'."),
        ("temperature=nan", "temperature must be 0 to 2, not nan."),
        ("max_tokens=0", "max_tokens must be at least 1, not 0."),
        ("max_tokens=1.5", "max_tokens must be at least 1, not 1.5."),
        ("presence_penalty=-2.1", "presence_penalty must be -2 to 2, not -2.1."),
        ("top_q=1", "There is no parameter named top_q."),
        ("temperature", "'temperature' is not a setting."),
        ("stop=a|b|c|d|e", "stop must be up to 4 texts, not ('a', 'b', 'c', 'd', 'e')."),
    ],
)
def test_a_setting_that_cannot_be_is_refused_with_the_range(setting: str, words: str) -> None:
    with pytest.raises(ConfigurationError) as refusal:
        parsed_setting(setting)
    assert refusal.value.message == words


@pytest.mark.parametrize(
    ("setting", "name", "value"),
    [
        ("temperature=0.2", "temperature", 0.2),
        ("temperature=1", "temperature", 1.0),
        ("max_tokens= 64 ", "max_tokens", 64),
        ("seed=9223372036854775807", "seed", 2**63 - 1),
        ("reasoning_effort=xhigh", "reasoning_effort", "xhigh"),
        ("stop=\\n\\nQ:|END", "stop", ("\n\nQ:", "END")),
    ],
)
def test_a_setting_is_read_as_typed(setting: str, name: str, value: object) -> None:
    assert parsed_setting(setting) == (name, value)


def test_differences_are_listed_in_declared_order() -> None:
    before = SamplingParameters(temperature=0.7, top_p=0.9)
    after = SamplingParameters(temperature=0.2, seed=7)
    found = [(change.name, change.before, change.after) for change in changes(before, after)]
    assert found == [("temperature", 0.7, 0.2), ("top_p", 0.9, None), ("seed", None, 7)]


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_clamped_number_is_always_accepted(value: float) -> None:
    for spec in SPECS.values():
        if spec.kind in (ParameterKind.NUMBER, ParameterKind.INTEGER):
            clean = clamped(spec, value)
            assert checked(spec, clean) == clean


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, True])
def test_what_is_no_number_is_refused(value: float) -> None:
    with pytest.raises(ConfigurationError):
        clamped(SPECS["temperature"], value)


def test_the_keys_of_extra_json_stand_among_what_is_set() -> None:
    parameters = UNSET.replaced("temperature", 0.2).replaced("extra", Json.of({"user": "me", "n_probs": 3}))
    assert dict(parameters) == {"temperature": 0.2, "user": Json('"me"'), "n_probs": Json("3")}
    assert parameters.as_dict() == {"temperature": 0.2, "extra": {"user": "me", "n_probs": 3}}
    assert [change.name for change in changes(UNSET, parameters)] == ["temperature", "user", "n_probs"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[1]", "Extra JSON must be an object"),
        ('{"top_p": 1}', "top_p is a parameter of its own"),
        ('{"messages": []}', "messages is written by Drover itself"),
        ('{"a": NaN}', "NaN is not a JSON value"),
        ('{"a" 1}', "in line 1, column 6"),
    ],
)
def test_extra_json_that_cannot_be_sent_is_refused_in_words(text: str, words: str) -> None:
    with pytest.raises(ConfigurationError, match=re.escape(words)):
        parsed_setting(f"extra={text}")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (r'{"a": "\ud83d"}', r"\ud83d is half a character, which no request can carry."),
        (r'{"\udc00": 1}', r"\udc00 is half a character, which no request can carry."),
        ("[" * 100_000, "This JSON is nested too deeply to be read."),
        ("9" * 5000, "This is not JSON: a number has more digits than can be read."),
        ("1e999", "This is not JSON: a number is larger than any that JSON programs agree on."),
        ('{"a": NaN}', "This is not JSON: NaN is not a JSON value."),
    ],
)
def test_json_that_cannot_be_sent_is_refused_in_plain_words(text: str, words: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parsed_json(text)
    assert caught.value.message == words


def test_both_halves_of_a_character_are_one() -> None:
    assert parsed_json(r'{"a": "\ud83d\ude00"}').value == {"a": "\U0001f600"}


def test_what_adds_nothing_to_a_request_is_known() -> None:
    assert UNSET.idle_names == frozenset()
    nothing = UNSET.replaced("stop", ()).replaced("extra", Json("{}"))
    assert nothing.idle_names == {"stop", "extra"}
    assert nothing.replaced("stop", ("a",)).replaced("extra", Json('{"b":1}')).idle_names == frozenset()
