"""Tools in the body of a request, and the parameters that are about them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.wire.replies import SERVER
from tests.wire.test_history import message

from drover.domain.conversation import Message, Role, ToolCallPart, ToolResultPart
from drover.domain.endpoint import FactOutcome, ParameterFact
from drover.domain.parameters import UNSET, Json, SamplingParameters
from drover.domain.run import RunRequest
from drover.domain.tools import ToolDefinition
from drover.errors import ConfigurationError
from drover.wire.chat import encode

NOW = ToolDefinition(
    name="now",
    description="The time of day.",
    parameters_schema='{"type": "object", "properties": {"tz": {"type": "string"}}, "required": ["tz"]}',
    command=("date",),
)
QUESTION = message(Role.USER, "When?")
LOOP = (
    QUESTION,
    message(Role.ASSISTANT, ToolCallPart(call_id="a", name="now", arguments="{}")),
    message(Role.TOOL, ToolResultPart(call_id="a", name="now", text="12:00")),
)


def encoded(
    parameters: SamplingParameters = UNSET, *tools: ToolDefinition, branch: tuple[Message, ...] = (QUESTION,),
    rejected: tuple[ParameterFact, ...] = (),
) -> tuple[dict[str, Any], list[str]]:  # fmt: skip
    asked = RunRequest(
        endpoint=SERVER, model_id="m", branch=branch, parameters=parameters, tools=tools, rejected=rejected
    )
    request = encode(asked)
    return json.loads(request.body), [f"{a.name} {a.action} {a.reason}" for a in request.adjustments]


def test_definitions_stand_in_the_body_without_what_only_drover_knows() -> None:
    strict = ToolDefinition(name="age", is_strict=True)
    body, _ = encoded(UNSET, NOW, strict)
    schema = {"type": "object", "properties": {"tz": {"type": "string"}}, "required": ["tz"]}
    assert body["tools"] == [
        {
            "type": "function",
            "function": {"name": "now", "description": "The time of day.", "parameters": schema},
        },
        {
            "type": "function",
            "function": {"name": "age", "parameters": {"type": "object", "properties": {}}, "strict": True},
        },
    ]


@pytest.mark.parametrize("word", ["auto", "none", "required"])
def test_a_choice_is_sent_as_it_is(word: str) -> None:
    body, adjustments = encoded(SamplingParameters(tool_choice=word, parallel_tool_calls=False), NOW)
    assert (body["tool_choice"], body["parallel_tool_calls"]) == (word, False)
    assert adjustments == ["stream_options added so that usage is reported"]


def test_the_name_of_a_tool_becomes_an_object() -> None:
    body, _ = encoded(SamplingParameters(tool_choice="now"), NOW)
    assert body["tool_choice"] == {"type": "function", "function": {"name": "now"}}


def test_what_is_about_tools_is_dropped_where_there_are_none() -> None:
    body, adjustments = encoded(SamplingParameters(tool_choice="required", parallel_tool_calls=True))
    assert not {"tools", "tool_choice", "parallel_tool_calls"} & set(body)
    assert adjustments[:2] == [
        "tool_choice dropped no tools are offered",
        "parallel_tool_calls dropped no tools are offered",
    ]
    body, adjustments = encoded(SamplingParameters(tool_choice="other"), NOW)
    assert "tool_choice" not in body
    assert adjustments[0] == "tool_choice dropped no tool named other is offered"


@pytest.mark.parametrize("choice", ["required", "now"])
def test_a_forced_call_is_forced_once(choice: str) -> None:
    body, adjustments = encoded(SamplingParameters(tool_choice=choice), NOW, branch=LOOP)
    assert body["tool_choice"] == "auto"
    assert "tool_choice translated to auto, since the call was made, and would else be made for ever" in (
        adjustments
    )


def test_tools_of_the_servers_own_come_from_extra_json() -> None:
    extra = Json('{"tools":[{"type":"web_search"}],"user":"me"}')
    body, _ = encoded(SamplingParameters(extra=extra, tool_choice="required"), NOW)
    assert [entry["type"] for entry in body["tools"]] == ["function", "web_search"]
    assert (body["user"], body["tool_choice"]) == ("me", "required")


def test_a_model_that_refused_tools_gets_none() -> None:
    fact = ParameterFact(
        endpoint_id="e", model_id="m", name="tools", outcome=FactOutcome.REJECTED, words="No tools here.",
        noted_at=datetime(2026, 1, 2, 12, tzinfo=UTC),
    )  # fmt: skip
    body, adjustments = encoded(SamplingParameters(tool_choice="auto"), NOW, rejected=(fact,))
    assert not {"tools", "tool_choice"} & set(body)
    assert adjustments[:2] == [
        "tools dropped rejected by this model on 2 Jan 2026",
        "tool_choice dropped no tools are offered",
    ]


def test_a_schema_that_is_no_json_is_refused_in_words() -> None:
    with pytest.raises(ConfigurationError, match=r"^The schema of the tool now: This is not JSON: "):
        encoded(UNSET, ToolDefinition(name="now", parameters_schema="{"))
