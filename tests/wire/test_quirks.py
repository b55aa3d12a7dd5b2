"""Each row of quirks: its evidence, its address, and what it does to a body."""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.wire.recordings import recordings_dir

from drover.domain.conversation import (
    Message,
    Part,
    ReasoningPart,
    ReasoningReplay,
    Role,
    TextPart,
    ToolCallPart,
    ToolResultPart,
)
from drover.domain.endpoint import Endpoint
from drover.domain.parameters import UNSET, Json, SamplingParameters
from drover.domain.run import Origin, RunRequest
from drover.domain.tools import ToolDefinition
from drover.wire.chat import EncodedRequest, encode
from drover.wire.quirks import QUIRKS, quirks_for, recognized
from drover.wire.replay import model_family

Set = SamplingParameters
Sent = dict[str, Any]


def server(provider: str) -> Endpoint:
    return Endpoint(id="e", name="E", base_url="https://host.example/v1", provider=provider)


def encoded(provider: str, model_id: str, parameters: SamplingParameters = UNSET) -> EncodedRequest:
    hello = message("q", Role.USER, "Hi")
    return encode(
        RunRequest(
            endpoint=server(provider), model_id=model_id, branch=(hello,), parameters=parameters,
            system_prompt="Be brief.",
        )
    )  # fmt: skip


def settings(request: EncodedRequest) -> Sent:
    body: Sent = json.loads(request.body)
    return {name: body[name] for name in body if name not in ("model", "messages", "stream")}


def message(message_id: str, role: Role, *parts: Part | str) -> Message:
    return Message(
        id=message_id, conversation_id="c", parent_id=None, role=role,
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
        parts=tuple(TextPart(text=part) if isinstance(part, str) else part for part in parts),
    )  # fmt: skip


USAGE: Sent = {"stream_options": {"include_usage": True}}
LOCAL = Set(top_k=4, min_p=0.1, repeat_penalty=1.1)

# (row, model, what is set, the body besides model and messages, what was noted besides usage)
CASES: list[tuple[str, str, SamplingParameters, Sent, list[tuple[str, str]]]] = [
    ("openai.com", "gpt-4o", Set(max_tokens=9, temperature=1, top_k=4, reasoning_effort="low"),
     {"temperature": 1, "max_completion_tokens": 9, **USAGE},
     [("max_tokens", "renamed"), ("reasoning_effort", "dropped"), ("top_k", "dropped")]),
    ("openai.com", "o4-mini", Set(max_tokens=9, temperature=1, stop=("x",), reasoning_effort="low"),
     {"max_completion_tokens": 9, "reasoning_effort": "low", **USAGE},
     [("temperature", "dropped"), ("max_tokens", "renamed"), ("stop", "dropped")]),
    ("openai.com", "gpt-5-mini-2025-08-07", Set(top_p=0.5), USAGE, [("top_p", "dropped")]),
    ("openai.com", "gpt-5.2", Set(top_p=0.5), {"top_p": 0.5, **USAGE}, []),
    ("openai.com", "gpt-5-chat-latest", Set(top_p=0.5), {"top_p": 0.5, **USAGE}, []),
    ("azure", "gpt-5-mini", Set(max_tokens=9), {"max_completion_tokens": 9, **USAGE},
     [("max_tokens", "renamed")]),
    ("azure", "mine", Set(max_tokens=9), {"max_tokens": 9, **USAGE}, []),
    ("oxen", "gpt-oss-120b", LOCAL, USAGE,
     [("top_k", "dropped"), ("min_p", "dropped"), ("repeat_penalty", "dropped")]),
    ("oxen", "claude-sonnet-4-5", Set(temperature=0.5, top_p=0.5, presence_penalty=1),
     {"temperature": 0.5, **USAGE}, [("top_p", "dropped"), ("presence_penalty", "dropped")]),
    ("openrouter", "openai/gpt-5.2", Set(reasoning_effort="high", repeat_penalty=1.1),
     {"reasoning": {"effort": "high"}, "repetition_penalty": 1.1, **USAGE},
     [("reasoning_effort", "translated"), ("repeat_penalty", "renamed")]),
    ("openrouter", "z/y", Set(reasoning_effort="high", extra=Json('{"reasoning":{"max_tokens":9}}')),
     {"reasoning": {"max_tokens": 9}, **USAGE}, [("reasoning_effort", "dropped")]),
    ("deepseek", "deepseek-v4", Set(reasoning_effort="none", temperature=1),
     {"temperature": 1, "thinking": {"type": "disabled"}, **USAGE}, [("reasoning_effort", "translated")]),
    ("deepseek", "deepseek-reasoner", Set(temperature=1, reasoning_effort="high"),
     {"reasoning_effort": "high", **USAGE}, [("temperature", "dropped")]),
    ("deepseek", "deepseek-chat", Set(response_format=Json('{"type":"json_schema","json_schema":{}}')),
     {"response_format": {"type": "json_object"}, **USAGE}, [("response_format", "translated")]),
    ("groq", "openai/gpt-oss-20b", Set(max_tokens=9, reasoning_effort="minimal", top_logprobs=2, top_k=1),
     {"max_completion_tokens": 9, "reasoning_effort": "low", **USAGE},
     [("max_tokens", "renamed"), ("reasoning_effort", "clamped"), ("top_k", "dropped"),
      ("top_logprobs", "dropped")]),
    ("groq", "qwen/qwen3-32b",
     Set(reasoning_effort="high", extra=Json('{"reasoning_format":"parsed","include_reasoning":true}')),
     {"reasoning_effort": "default", "reasoning_format": "parsed", **USAGE},
     [("reasoning_effort", "clamped"), ("include_reasoning", "dropped")]),
    ("together", "any", LOCAL, {"top_k": 4, "min_p": 0.1, "repetition_penalty": 1.1, **USAGE},
     [("repeat_penalty", "renamed")]),
    ("fireworks", "gpt-oss-20b", Set(top_logprobs=20, reasoning_effort="xhigh"),
     {"reasoning_effort": "high", "top_logprobs": 5, "logprobs": True, **USAGE},
     [("reasoning_effort", "clamped"), ("top_logprobs", "clamped"), ("logprobs", "added")]),
    ("cerebras", "zai-glm-4.7", Set(frequency_penalty=1, reasoning_effort="none", max_tokens=9),
     {"max_completion_tokens": 9, "disable_reasoning": True, **USAGE},
     [("max_tokens", "renamed"), ("frequency_penalty", "dropped"), ("reasoning_effort", "translated")]),
    ("mistral", "mistral-small", Set(seed=3, temperature=1.2, reasoning_effort="low", logprobs=True, top_k=4),
     {"temperature": 1.2, "reasoning_effort": "high", "random_seed": 3},
     [("reasoning_effort", "clamped"), ("seed", "renamed"), ("top_k", "dropped"),
      ("logprobs", "dropped")]),
    ("mistral", "magistral-medium", Set(reasoning_effort="high"), {}, [("reasoning_effort", "dropped")]),
    ("gemini", "gemini-3-pro", Set(reasoning_effort="low", top_k=4), {"reasoning_effort": "low", **USAGE},
     [("top_k", "dropped")]),
    ("anthropic", "claude-opus-4-1-20250805", Set(temperature=1.5, top_p=0.5, seed=1),
     {"temperature": 1.0, **USAGE}, [("temperature", "clamped"), ("top_p", "dropped"), ("seed", "dropped")]),
    ("anthropic", "claude-opus-4-20250514", Set(temperature=0.5, top_p=0.5),
     {"temperature": 0.5, "top_p": 0.5, **USAGE}, []),
    ("xai", "grok-4-fast-reasoning",
     Set(presence_penalty=1, stop=("x",), reasoning_effort="low", top_logprobs=9),
     {"top_logprobs": 8, "logprobs": True, **USAGE},
     [("presence_penalty", "dropped"), ("reasoning_effort", "dropped"), ("stop", "dropped"),
      ("top_logprobs", "clamped"), ("logprobs", "added")]),
    ("xai", "grok-3-mini", Set(reasoning_effort="low"), {"reasoning_effort": "low", **USAGE}, []),
    ("xai", "grok-4.20-0309-non-reasoning", Set(stop=("x",)), {"stop": ["x"], **USAGE}, []),
    ("perplexity", "sonar", Set(max_tokens=9), {"max_tokens": 9}, []),
    ("huggingface", "a/b:groq", Set(max_tokens=9, top_k=4), {"max_tokens": 9, "top_k": 4, **USAGE}, []),
    ("zai", "glm-4.7", Set(temperature=1.2, reasoning_effort="none"),
     {"temperature": 1.0, "thinking": {"type": "disabled"}, **USAGE},
     [("temperature", "clamped"), ("reasoning_effort", "translated")]),
    ("moonshot", "kimi-k3", Set(temperature=2, reasoning_effort="low"),
     {"temperature": 1.0, "reasoning_effort": "max", **USAGE},
     [("temperature", "clamped"), ("reasoning_effort", "clamped")]),
    ("alibaba", "qwen3-max", Set(reasoning_effort="high"), {"enable_thinking": True, **USAGE},
     [("reasoning_effort", "translated")]),
    ("built-in", "smollm2", Set(top_k=4), {"top_k": 4, **USAGE}, []),
    ("llama.cpp", "any", LOCAL, {"top_k": 4, "min_p": 0.1, "repeat_penalty": 1.1, **USAGE}, []),
    ("ollama", "any", Set(reasoning_effort="none"), {"reasoning_effort": "none", **USAGE}, []),
    ("lm-studio", "any", LOCAL, {"top_k": 4, "min_p": 0.1, "repeat_penalty": 1.1, **USAGE}, []),
    ("vllm", "any", Set(repeat_penalty=1.1), {"repetition_penalty": 1.1, **USAGE},
     [("repeat_penalty", "renamed")]),
    ("sglang", "any", Set(repeat_penalty=1.1), {"repetition_penalty": 1.1, **USAGE},
     [("repeat_penalty", "renamed")]),
    ("tgi", "any", Set(top_p=1.0), {"top_p": 0.999, **USAGE}, [("top_p", "clamped")]),
    ("litellm", "any", LOCAL, {"top_k": 4, "min_p": 0.1, "repeat_penalty": 1.1, **USAGE}, []),
    ("openai", "o4-mini", Set(max_tokens=9, temperature=2, reasoning_effort="high"),
     {"temperature": 2, "max_tokens": 9, "reasoning_effort": "high", **USAGE}, []),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]} {case[1]}")
def test_a_server_is_sent_what_it_takes_and_each_change_is_noted(
    case: tuple[str, str, SamplingParameters, Sent, list[tuple[str, str]]],
) -> None:
    provider, model_id, parameters, body, noted = case
    request = encoded(provider, model_id, parameters)

    assert settings(request) == body
    of_parameters = [
        (adjustment.name, adjustment.action)
        for adjustment in request.adjustments
        if adjustment.name not in ("stream_options", "system prompt")
    ]
    assert of_parameters == noted
    assert all(adjustment.reason for adjustment in request.adjustments)


@pytest.mark.parametrize("name", QUIRKS)
def test_each_row_has_evidence_and_a_body_that_shows_it(name: str) -> None:
    row = QUIRKS[name]

    assert row.name == name
    assert row.label
    assert name in {case[0] for case in CASES}
    assert row.evidence
    for source in row.evidence:
        kind, _, recording = source.partition("recorded: ")
        assert kind == "" or "://" in kind or "github.com/" in kind or kind == "all recorded streams", source
        if recording and (folder := recordings_dir()) is not None:
            assert (folder / f"{recording}.sse").exists(), recording


@pytest.mark.parametrize(
    ("base_url", "name"),
    [
        ("https://api.openai.com/v1", "openai.com"), ("https://mine.openai.azure.com/openai/v1", "azure"),
        ("https://hub.oxen.ai/api/ai", "oxen"), ("https://openrouter.ai/api/v1", "openrouter"),
        ("https://api.groq.com/openai/v1", "groq"), ("http://localhost:11434/v1", "ollama"),
        ("http://192.168.1.7:1234/v1", "lm-studio"), ("https://router.huggingface.co/v1", "huggingface"),
    ],
)  # fmt: skip
def test_a_server_is_recognized_by_its_address(base_url: str, name: str) -> None:
    found = recognized(base_url)

    assert found is not None
    assert found.name == name
    assert quirks_for(Endpoint(id="e", name="E", base_url=base_url)).name == name
    # What was kept before servers were told apart is not changed by its address.
    assert quirks_for(Endpoint(id="e", name="E", base_url=base_url, provider="openai")).name == "openai"


@pytest.mark.parametrize(
    "base_url", ["https://host.example/v1", "https://api.groq.com.example/v1", "http://[/", ""]
)
def test_an_unknown_address_belongs_to_no_server(base_url: str) -> None:
    assert recognized(base_url) is None
    assert quirks_for(Endpoint(id="e", name="E", base_url=base_url)).name == "openai"


def test_no_two_rows_share_an_address_or_a_variable() -> None:
    rows = QUIRKS.values()
    for told in ([x for row in rows for x in row.hosts], [x for row in rows for x in row.key_variables]):
        assert len(told) == len(set(told))


@pytest.mark.parametrize(
    ("provider", "model_id", "role"),
    [
        ("openai.com", "gpt-4o", "system"), ("openai.com", "gpt-5.2", "developer"),
        ("openai.com", "o3", "developer"), ("openai.com", "o1-mini", "user"), ("oxen", "o3", "system"),
    ],
)  # fmt: skip
def test_the_system_prompt_has_the_role_that_the_model_wants(provider: str, model_id: str, role: str) -> None:
    request = encoded(provider, model_id)

    assert json.loads(request.body)["messages"][0] == {"role": role, "content": "Be brief."}
    assert (role != "system") is any(a.name == "system prompt" for a in request.adjustments)


@pytest.mark.parametrize(
    ("provider", "is_named"), [("llama.cpp", False), ("lm-studio", False), ("vllm", True)]
)
def test_a_choice_of_one_tool_is_a_choice_of_any_where_none_can_be_named(
    provider: str, is_named: bool
) -> None:
    request = RunRequest(
        endpoint=server(provider), model_id="m", branch=(message("q", Role.USER, "Hi"),),
        parameters=Set(tool_choice="now"), tools=(ToolDefinition(name="now"),),
    )  # fmt: skip
    named = {"type": "function", "function": {"name": "now"}}

    assert settings(encode(request))["tool_choice"] == (named if is_named else "required")
    noted = [a for a in encode(request).adjustments if a.name == "tool_choice"]
    assert [a.action for a in noted] == ([] if is_named else ["translated"])


def test_a_model_whose_template_has_no_place_for_tools_is_offered_none() -> None:
    request = encode(
        RunRequest(
            endpoint=server("built-in"), model_id="SmolLM2-135M-Instruct",
            branch=(message("q", Role.USER, "Hi"),), parameters=Set(tool_choice="auto"),
            tools=(ToolDefinition(name="weather"),),
        )
    )  # fmt: skip
    assert settings(request) == USAGE
    noted = [(a.name, a.action) for a in request.adjustments]
    assert noted[:2] == [("tools", "dropped"), ("tool_choice", "dropped")]
    assert "SmolLM2" in request.adjustments[0].reason


def test_questions_in_a_row_are_one_where_turns_must_be_taken() -> None:
    branch = (
        message("1", Role.USER, "a"), message("2", Role.ASSISTANT, ReasoningPart(text="Hm.")),
        message("3", Role.USER, "b"), message("4", Role.ASSISTANT, "c"), message("5", Role.USER, "d"),
    )  # fmt: skip
    request = RunRequest(endpoint=server("perplexity"), model_id="sonar", branch=branch, parameters=UNSET)

    assert json.loads(encode(request).body)["messages"] == [
        {"role": "user", "content": "a\n\nb"},
        {"role": "assistant", "content": "c"},
        {"role": "user", "content": "d"},
    ]
    assert [(a.name, a.action) for a in encode(request).adjustments] == [("questions in a row", "merged")]


# The thinking of earlier replies

THOUGHT = ReasoningPart(text="I think. " * 40, source="reasoning_content")
CALL = ToolCallPart(call_id="a", name="now", arguments="{}")
RESULT = message("r", Role.TOOL, ToolResultPart(call_id="a", name="now", text="12:00"))
PLAIN_TURN = (message("q1", Role.USER, "1"), message("a1", Role.ASSISTANT, THOUGHT, "One."))
CALLED = (message("q2", Role.USER, "When?"), message("a2", Role.ASSISTANT, THOUGHT, CALL), RESULT)
AFTER = (message("a3", Role.ASSISTANT, THOUGHT, "At noon."), message("q3", Role.USER, "And then?"))


def asked_again(
    provider: str,
    *branch: Message,
    model_id: str = "m-1b",
    writer: str = "m-1b",
    replay: ReasoningReplay = ReasoningReplay.AS_REQUIRED,
) -> RunRequest:
    endpoint = server(provider)
    origin = Origin(endpoint.id, endpoint.base_url, writer)
    return RunRequest(
        endpoint=endpoint, model_id=model_id, branch=branch, parameters=UNSET, reasoning_replay=replay,
        origins={each.id: origin for each in branch if each.role is Role.ASSISTANT},
    )  # fmt: skip


def thinking(request: RunRequest) -> list[str]:
    """Where the thinking of each reply stands that holds any."""
    places = []
    for sent in json.loads(encode(request).body)["messages"]:
        keys = [key for key in sent if key.startswith(("reasoning", "thinking"))]
        content = sent.get("content")
        if isinstance(content, list):
            keys.append("chunk")
        elif sent["role"] == "assistant" and "<think>" in (content or ""):
            keys.append("tags")
        places += keys
    return places


@pytest.mark.parametrize(
    ("provider", "model_id", "plain", "in_loop", "after_loop"),
    [
        ("openai.com", "m-1b", [], [], []),
        ("oxen", "m-1b", [], [], []),
        ("openai", "m-1b", [], [], []),
        ("deepseek", "m-1b", [], ["reasoning_content"], ["reasoning_content"] * 2),
        ("openrouter", "m-1b", [], ["reasoning_content"], []),
        ("groq", "m-1b", [], [], []),
        ("mistral", "m-1b", [], [], []),
        ("cerebras", "gpt-oss", [], ["reasoning"], []),
        ("moonshot", "m-1b", [], ["reasoning_content"], ["reasoning_content"] * 2),
        ("zai", "m-1b", [], ["reasoning_content"], []),
        ("alibaba", "m-1b", [], ["reasoning_content"], []),
        ("vllm", "gpt-oss", [], ["reasoning_content"], []),
        ("vllm", "m-1b", [], [], []),
        ("ollama", "gpt-oss", [], ["reasoning"], []),
        ("llama.cpp", "gpt-oss", [], ["reasoning_content"], []),
        ("xai", "m-1b", [], [], []),
    ],
)
def test_thinking_goes_back_where_the_server_asks_for_it(
    provider: str, model_id: str, plain: list[str], in_loop: list[str], after_loop: list[str]
) -> None:
    def places(*branch: Message) -> list[str]:
        return thinking(asked_again(provider, *branch, model_id=model_id, writer=model_id))

    assert places(*PLAIN_TURN, message("q", Role.USER, "2")) == plain
    assert places(*PLAIN_TURN, *CALLED) == in_loop
    assert places(*CALLED, *AFTER) == after_loop


@pytest.mark.parametrize(
    ("provider", "places"),
    [
        ("openai.com", []), ("groq", []), ("anthropic", []), ("tgi", []), ("gemini", []),
        ("mistral", ["chunk"]), ("openai", ["reasoning_content"]), ("oxen", ["reasoning_content"]),
        ("ollama", ["reasoning"]), ("xai", ["reasoning_content"]),
    ],
)  # fmt: skip
def test_always_means_wherever_the_server_can_take_it(provider: str, places: list[str]) -> None:
    branch = (*PLAIN_TURN, message("q", Role.USER, "2"))

    assert thinking(asked_again(provider, *branch, replay=ReasoningReplay.ALWAYS)) == places


def test_what_was_chosen_and_what_it_costs_is_noted() -> None:
    asked = asked_again("deepseek", *PLAIN_TURN, *CALLED)
    (sent, left_out) = encode(asked).adjustments[-2:]

    assert (sent.name, sent.action) == ("earlier thinking", "added")
    assert sent.reason == (
        "of 1 reply, about 90 tokens: DeepSeek refuses requests without it where tools were called"
    )
    assert (left_out.action, left_out.reason) == (
        "dropped", "of 1 reply, about 90 tokens: DeepSeek does not ask for it",
    )  # fmt: skip
    never = dataclasses.replace(asked, reasoning_replay=ReasoningReplay.NEVER)
    assert thinking(never) == []
    assert encode(never).adjustments[-1].reason == "of 2 replies, about 180 tokens: never sent, as chosen"


def test_thinking_goes_back_to_nobody_but_the_model_that_wrote_it() -> None:
    other_model = asked_again("deepseek", *CALLED, writer="n-1b")
    other_server = dataclasses.replace(
        asked_again("deepseek", *CALLED), origins={"a2": Origin("e", "https://other.example/v1", "m-1b")}
    )
    unknown = dataclasses.replace(asked_again("deepseek", *CALLED), origins={})

    for asked in (other_model, other_server, unknown):
        assert thinking(asked) == []
        assert encode(asked).adjustments[-1].reason.endswith("another server or model wrote it")


def test_blocks_go_back_unmodified_and_alone() -> None:
    raw = '[{"type":"reasoning.text","text":"I think.","signature":"U0lH","format":"x","index":0}]'
    part = ReasoningPart(text="I think.", source="reasoning_details", raw=raw)
    hidden = ReasoningPart(
        text="", raw='[{"type":"reasoning.encrypted","data":"QUJD","id":"a"}]', source="reasoning_details"
    )
    branch = (message("q2", Role.USER, "When?"), message("a2", Role.ASSISTANT, part, hidden, CALL), RESULT)
    (_, reply, _) = json.loads(encode(asked_again("openrouter", *branch)).body)["messages"]

    assert reply["reasoning_details"] == [*json.loads(raw), *json.loads(hidden.raw)]
    assert "reasoning" not in reply


def test_tags_and_chunks_stand_in_the_content() -> None:
    branch = (*PLAIN_TURN, message("q", Role.USER, "2"))
    glm = asked_again("cerebras", *branch, model_id="glm", writer="glm", replay=ReasoningReplay.ALWAYS)
    chunks = asked_again("mistral", *branch, replay=ReasoningReplay.ALWAYS)

    assert json.loads(encode(glm).body)["messages"][1]["content"] == f"<think>{THOUGHT.text}</think>\n\nOne."
    assert json.loads(encode(chunks).body)["messages"][1]["content"] == [
        {"type": "thinking", "thinking": [{"type": "text", "text": THOUGHT.text}]},
        {"type": "text", "text": "One."},
    ]


@pytest.mark.parametrize(
    ("first", "second", "is_same"),
    [
        ("openai/gpt-oss-120b", "gpt-oss-20b:free", True),
        ("claude-sonnet-4-5-20250929", "anthropic/claude-sonnet-4-5", True),
        ("qwen3-30b-a3b", "qwen3-8b", True),
        ("gpt-oss-20b", "gpt-5", False),
        ("deepseek-v4-pro", "deepseek-v3.2", False),
    ],
)
def test_models_of_one_family_differ_in_size_date_and_vendor(first: str, second: str, is_same: bool) -> None:
    assert (model_family(first) == model_family(second)) is is_same
