"""Presets: those that come with Drover, names, differences, and the file."""

from __future__ import annotations

import dataclasses
import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drover.domain.conversation import Draft
from drover.domain.parameters import UNSET, Json, Preset, SamplingParameters
from drover.domain.presets import (
    SHIPPED,
    ComparedLine,
    ComparedParameter,
    ReadPresets,
    clean_name,
    compared,
    compared_lines,
    free_name,
    holds,
    named,
    presets_text,
    read_presets,
    with_preset,
    with_shipped,
)
from drover.errors import ConfigurationError
from drover.log import register_secret

ADDRESSES = {"built-in": "built-in", "own": "https://host.example/v1"}
CAREFUL = Preset(
    id="careful", name="Careful", parameters=SamplingParameters(temperature=0.2), system_prompt="Be careful."
)


def read(text: str, *taken: str) -> ReadPresets:
    numbers = itertools.count(1)
    return read_presets(text, addresses=ADDRESSES, taken=taken, new_id=lambda: f"new{next(numbers)}")


def file(*entries: object, **head: object) -> str:
    return json.dumps({"drover": "presets", "version": 1, "presets": entries} | head)


def one(**entry: object) -> Preset:
    (preset,) = read(file({"name": "Mine"} | entry)).presets
    return preset


def test_the_request_forms_of_oxen_and_the_recommendation_for_gpt_oss_come_with_drover() -> None:
    bodies = {shipped.preset.name: shipped.preset.parameters.as_dict() for shipped in SHIPPED.values()}
    assert list(bodies) == ["Minimal", "Basic", "All", "gpt-oss recommended"]
    assert bodies["Minimal"] == {}
    assert set(bodies["Basic"]) == {"max_tokens", "temperature"}
    assert set(bodies["All"]) == {
        "temperature", "max_tokens", "top_p", "frequency_penalty", "presence_penalty",
    }  # fmt: skip
    assert bodies["gpt-oss recommended"] == {"temperature": 1.0, "top_p": 1.0}
    for shipped in SHIPPED.values():
        assert shipped.about.endswith(".")
        assert (shipped.preset.system_prompt, shipped.preset.endpoint_id) == ("", "")


def test_own_presets_are_offered_first() -> None:
    assert [preset.name for preset in with_shipped([CAREFUL])][:2] == ["Careful", "Minimal"]


def test_a_preset_holds_while_nothing_it_sets_has_changed() -> None:
    now = Draft(parameters=CAREFUL.parameters, system_prompt="Be careful.", endpoint_id="own", model_id="m")
    there = dataclasses.replace(CAREFUL, endpoint_id="own", model_id="m")
    assert holds(CAREFUL, now)
    assert holds(there, now)
    assert not holds(there, dataclasses.replace(now, model_id="n"))
    assert not holds(there, dataclasses.replace(now, endpoint_id="built-in"))
    assert not holds(CAREFUL, dataclasses.replace(now, system_prompt=""))
    assert not holds(CAREFUL, dataclasses.replace(now, parameters=UNSET))


def test_a_chosen_preset_takes_over_what_it_sets_and_nothing_else() -> None:
    before = Draft(text="Why?", endpoint_id="built-in", model_id="m", system_prompt="Old.")
    chosen = with_preset(before, CAREFUL)
    assert (chosen.text, chosen.endpoint_id, chosen.model_id) == ("Why?", "built-in", "m")
    assert (chosen.preset_id, chosen.system_prompt) == ("careful", "Be careful.")
    assert holds(CAREFUL, chosen)
    there = with_preset(before, dataclasses.replace(CAREFUL, endpoint_id="own"))
    assert (there.endpoint_id, there.model_id) == ("own", "")


@pytest.mark.parametrize(
    ("wanted", "taken", "name"),
    [
        ("Exact", [], "Exact"),
        ("Exact", ["exact"], "Exact (2)"),
        ("Exact", ["Exact", "Exact (2)"], "Exact (3)"),
        ("Exact (2)", ["Exact (2)"], "Exact (3)"),
        ("Exact (7)", ["Exact"], "Exact (7)"),
        ("(2)", ["(2)"], "(2) (2)"),
        ("f (x)", ["f (x)"], "f (x) (2)"),
        ("a" * 100, ["a" * 100], "a" * 92 + " (2)"),
    ],
)
def test_a_taken_name_gets_a_number(wanted: str, taken: list[str], name: str) -> None:
    assert free_name(wanted, taken) == name


def test_a_name_is_one_line_and_neither_blank_nor_endless() -> None:
    assert clean_name("  two\n words ") == "two words"
    for wrong in ("", " \n", "a" * 101):
        with pytest.raises(ConfigurationError):
            clean_name(wrong)


def test_a_preset_is_found_by_name_in_any_capitals_and_exactly_first() -> None:
    other = dataclasses.replace(CAREFUL, id="other", name="CAREFUL")
    assert named([CAREFUL, other], "CAREFUL") == other
    assert named([CAREFUL, other], "careful") == CAREFUL
    assert named([CAREFUL], "wild") is None


# Differences


def test_what_differs_comes_first_and_names_keep_their_order() -> None:
    left = SamplingParameters(temperature=0.2, top_p=0.9, seed=7, extra=Json('{"user":"me","x":1}'))
    right = SamplingParameters(temperature=0.2, max_tokens=9, seed=8, extra=Json('{"user":"me","x":1.0}'))
    rows = compared(left, right)
    assert [(row.name, row.differs) for row in rows] == [
        ("max_tokens", True), ("top_p", True), ("seed", True), ("x", True),
        ("temperature", False), ("user", False),
    ]  # fmt: skip
    assert rows[0] == ComparedParameter(name="max_tokens", one=None, other=9)
    assert compared(UNSET, UNSET) == []


def test_lines_show_what_was_taken_out_before_what_came() -> None:
    lines = compared_lines("Be brief.\nBe kind.\nEnd.", "Be brief.\nBe exact.\nEnd.\n")
    assert [(line.sign, line.text) for line in lines] == [
        (" ", "Be brief."), ("-", "Be kind."), ("+", "Be exact."), (" ", "End."),
    ]  # fmt: skip
    assert compared_lines("", "") == []
    assert compared_lines("", "a") == [ComparedLine("+", "a")]


@given(
    st.lists(st.sampled_from("abc"), max_size=12).map("\n".join),
    st.lists(st.sampled_from("abc"), max_size=12).map("\n".join),
)
def test_both_texts_can_be_read_from_their_comparison(left: str, right: str) -> None:
    lines = compared_lines(left, right)
    assert [line.text for line in lines if line.sign in " -"] == left.splitlines()
    assert [line.text for line in lines if line.sign in " +"] == right.splitlines()


def test_long_texts_without_a_common_line_are_compared_as_a_whole() -> None:
    left, right = "\n".join(f"a{n}" for n in range(5000)), "\n".join(f"b{n}" for n in range(5000))
    lines = compared_lines(left, right)
    assert [line.sign for line in lines] == ["-"] * 5000 + ["+"] * 5000


# Files


@given(
    st.sampled_from(
        [UNSET, CAREFUL.parameters, *(shipped.preset.parameters for shipped in SHIPPED.values())]
    ),
    st.text(),
    st.sampled_from(["", "own", "built-in"]),
    st.text(),
)
def test_what_was_exported_is_read_as_it_was(
    parameters: SamplingParameters, prompt: str, endpoint_id: str, model_id: str
) -> None:
    preset = Preset(
        id="new1", name="Mine", parameters=parameters, system_prompt=prompt, endpoint_id=endpoint_id,
        model_id=model_id,
    )  # fmt: skip
    assert read(presets_text([preset], ADDRESSES)) == ReadPresets(presets=(preset,), notes=())


def test_the_file_is_as_documented() -> None:
    preset = dataclasses.replace(
        CAREFUL, parameters=SamplingParameters(temperature=0.2, stop=("END",), extra=Json('{"user":"me"}')),
        endpoint_id="own", model_id="some-model",
    )  # fmt: skip
    assert json.loads(presets_text([preset], ADDRESSES)) == {
        "drover": "presets",
        "version": 1,
        "presets": [
            {
                "name": "Careful",
                "parameters": {"temperature": 0.2, "stop": ["END"], "extra": {"user": "me"}},
                "system_prompt": "Be careful.",
                "endpoint": "https://host.example/v1",
                "model": "some-model",
            }
        ],
    }
    plain = presets_text([Preset(id="a", name="A", parameters=UNSET)], ADDRESSES)
    assert json.loads(plain)["presets"] == [{"name": "A", "parameters": {}}]


def test_an_endpoint_of_one_session_is_not_exported_nor_its_model() -> None:
    preset = dataclasses.replace(CAREFUL, endpoint_id="url", model_id="m")
    (entry,) = json.loads(presets_text([preset], ADDRESSES))["presets"]
    assert set(entry) == {"name", "parameters", "system_prompt"}


def test_a_known_key_is_not_exported() -> None:
    register_secret('canary"key\\of presets')
    preset = dataclasses.replace(
        CAREFUL, system_prompt='Use canary"key\\of presets, bearer of news.',
        parameters=SamplingParameters(extra=Json.of({"auth": ['canary"key\\of presets']})),
    )  # fmt: skip
    text = presets_text([preset], ADDRESSES)
    assert "canary" not in text
    assert read(text).presets[0].system_prompt.endswith("bearer of news.")


def test_a_name_that_is_taken_gets_a_number_also_within_the_file() -> None:
    found = read(file({"name": "Mine"}, {"name": "mine"}, {"name": "Yours"}), "MINE")
    assert [preset.name for preset in found.presets] == ["Mine (2)", "mine (3)", "Yours"]
    assert [preset.id for preset in found.presets] == ["new1", "new2", "new3"]


def test_unknown_parameters_go_into_the_extra_json_and_that_is_said() -> None:
    found = read(file({"name": "Mine", "parameters": {"mirostat": 2, "extra": {"user": "me"}}}))
    assert found.presets[0].parameters.as_dict() == {"extra": {"user": "me", "mirostat": 2}}
    assert found.notes == ("“Mine”: mirostat went into the extra JSON.",)


def test_what_drover_writes_itself_is_left_out_and_the_other_name_of_max_tokens_is_known() -> None:
    found = read(file({"name": "Mine", "parameters": {"max_completion_tokens": 9, "stream": False}}))
    assert found.presets[0].parameters == SamplingParameters(max_tokens=9)
    assert found.notes == (
        "“Mine”: max_completion_tokens was read as max_tokens.",
        "“Mine”: stream was left out: Drover writes it itself.",
    )


def test_null_is_not_sent_and_unknown_things_beside_the_parameters_are_named() -> None:
    found = read(file({"name": "Mine", "parameters": {"seed": None}, "system_prompt": None, "color": "red"}))
    assert found.presets == (Preset(id="new1", name="Mine", parameters=UNSET),)
    assert found.notes == ("“Mine”: color was left out: Drover knows no such thing.",)


def test_an_endpoint_is_known_by_its_address_and_an_unknown_one_is_named() -> None:
    assert one(endpoint="https://host.example/v1/", model="m").endpoint_id == "own"
    assert one(model="m").model_id == "m"
    found = read(file({"name": "Mine", "endpoint": "https://else.example/v1", "model": "m"}))
    assert (found.presets[0].endpoint_id, found.presets[0].model_id) == ("", "")
    assert found.notes == (
        "“Mine”: no endpoint has the address https://else.example/v1; the one chosen stays.",
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "This is not JSON: a value is expected in line 1, column 1."),
        ("[]", "This is no file of presets."),
        (json.dumps({"drover": "conversations", "version": 1}), "This is no file of presets."),
        (file(version="1"), "This file of presets does not say its version."),
        (file(version=2), "This file was written by a newer Drover (version 2)."),
        (file(presets={}), "This file of presets has no list of presets."),
        (file(), "There is no preset in this file."),
        (file(7), "Preset 1 of this file is not an object."),
        (file({"name": "A"}, {"name": " "}), "Preset 2 of this file: A preset needs a name."),
        (file({"name": 5}), "Preset 1 of this file: A preset needs a name."),
        (file({"name": "A", "system_prompt": 5}), "“A”: system_prompt is not a text."),
        (file({"name": "A", "parameters": [1]}), "“A”: parameters is not an object."),
        (file({"name": "A", "parameters": {"temperature": 7}}), "“A”: temperature must be 0 to 2, not 7."),
        (file({"name": "A", "parameters": {"stop": [1]}}), "“A”: stop must be up to 4 texts, not (1,)."),
        (file({"name": "A", "parameters": {"extra": 5}}), "“A”: Extra JSON must be an object"),
        (file({"name": "A", "parameters": {"extra": 5, "mirostat": 2}}), "“A”: Extra JSON must be an object"),
        (file({"name": "A", "parameters": {"extra": {"seed": 5}}}), "“A”: seed is a parameter of its own."),
        (file({"name": "A", "parameters": {"max_tokens": 10**400}}), "“A”: max_tokens must be at least 1"),
        (file({"name": "\ud800"}), "\\ud800 is half a character, which no request can carry."),
        ("[" * 100_000, "This JSON is nested too deeply to be read."),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_refused_in_words(text: str, words: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        read(text)
    assert refused.value.message.startswith(words)


_KEYS = st.sampled_from(["name", "parameters", "extra", "stop", "seed", "endpoint", "logprobs", "x"])
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=4),
    max_leaves=12,
)


@given(_VALUES)
def test_whatever_an_entry_holds_it_is_read_or_refused_in_words(entry: object) -> None:
    try:
        found = read(file(entry))
    except ConfigurationError as refused:
        words = refused.message
    else:
        words = found.presets[0].name
    assert words
