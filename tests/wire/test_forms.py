"""Every form in which servers send a reply: the fields of one or a few deltas, and what they mean."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.wire.replies import built, decoded, delta, sse

from drover.domain.conversation import ReasoningPart, TextPart, ToolCallPart
from drover.domain.run import RunStatus
from drover.domain.stream import ErrorReported, ResponseBuilder
from drover.wire.chat import verdict


def said(*deltas: dict[str, Any]) -> tuple[str, str]:
    """(reasoning, answer) of a stream of these deltas."""
    builder = built([sse(*(delta(**fields) for fields in deltas))])
    return builder.reasoning, builder.answer


THINKING: dict[str, dict[str, Any]] = {
    "reasoning_content": {"reasoning_content": "Add", "content": None},
    "reasoning": {"reasoning": "Add", "channel": "analysis"},
    "details": {"reasoning_details": [{"type": "reasoning.text", "text": "Add", "index": 0}]},
    "summary": {"reasoning_details": [{"type": "reasoning.summary", "summary": "Add", "index": 0}]},
    "blocks": {"thinking_blocks": [{"type": "thinking", "thinking": "Add", "signature": None}]},
    "array": {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "Add"}]}]},
    "array of strings": {"content": [{"type": "thinking", "thinking": "Add"}]},
    "tags": {"content": "<think>Add</think>"},
    "a list in the field": {"reasoning": [{"text": "Add"}]},
}


@pytest.mark.parametrize("name", THINKING)
def test_thinking_is_told_from_the_answer(name: str) -> None:
    assert said({"role": "assistant", "content": ""}, THINKING[name], {"content": "4"}) == ("Add", "4")


@pytest.mark.parametrize("name", [name for name in THINKING if "array" not in name and name != "tags"])
def test_thinking_after_the_answer_has_begun_is_thinking_again(name: str) -> None:
    builder = built(
        [sse(*(delta(**fields) for fields in ({"content": "a"}, THINKING[name], {"content": "b"})))]
    )

    assert [type(part) for part in builder.parts] == [TextPart, ReasoningPart, TextPart]
    assert (builder.reasoning, builder.answer) == ("Add", "ab")


TWICE: dict[str, dict[str, Any]] = {
    "OpenRouter": {"content": "", "reasoning": "Add", "reasoning_details": [{"text": "Add"}]},
    "Avian": {"reasoning_content": "Add", "reasoning_details": [{"type": "reasoning.text", "text": "Add"}]},
    "mirrors": {"reasoning_content": "Add", "reasoning": "Add"},
    "LiteLLM": {"reasoning_content": "Add", "thinking_blocks": [{"type": "thinking", "thinking": "Add"}]},
    "empty first": {"reasoning_content": "", "reasoning": None, "reasoning_details": [{"text": "Add"}]},
}


@pytest.mark.parametrize("name", TWICE)
def test_thinking_that_one_delta_holds_twice_is_taken_once(name: str) -> None:
    assert said(TWICE[name]) == ("Add", "")


def test_each_delta_chooses_its_own_field() -> None:
    assert said({"reasoning": "a"}, {"reasoning_content": "b"}, {"reasoning_details": [{"text": "c"}]}) == (
        "abc",
        "",
    )


def test_thinking_and_calls_keep_their_order() -> None:
    call = {"index": 0, "id": "a", "function": {"name": "now", "arguments": "{}"}}
    builder = built(
        [
            sse(
                delta(reasoning="first"),
                delta(tool_calls=[call]),
                delta(reasoning="then"),
                delta(content="done"),
            )
        ]
    )

    assert builder.parts == (
        ReasoningPart(text="first", source="reasoning"),
        ToolCallPart(call_id="a", name="now", arguments="{}"),
        ReasoningPart(text="then", source="reasoning"),
        TextPart(text="done"),
    )


CONTENT: dict[str, dict[str, Any]] = {
    "absent": {"role": "assistant"},
    "null": {"content": None},
    "empty": {"content": ""},
    "no parts": {"content": []},
}


@pytest.mark.parametrize("name", CONTENT)
def test_content_that_is_not_there_says_nothing(name: str) -> None:
    assert said(CONTENT[name]) == ("", "")


def test_arrays_and_strings_mix_in_one_stream() -> None:
    parts = [
        {"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]},
        {"type": "text", "text": "4"},
    ]

    assert said(
        {"content": parts}, {"content": "2"}, {"content": [{"type": "output_text", "text": "!"}]}
    ) == (
        "Hm.",
        "42!",
    )


def test_parts_without_text_do_not_disturb_their_neighbors() -> None:
    parts = [
        {"type": "text", "text": "a"},
        {"type": "reference", "reference_ids": [1]},
        {"type": "image_url", "image_url": {"url": "https://e.example/a.png"}},
        {"type": "text", "text": "b"},
        None,
        7,
    ]

    assert said({"content": parts}) == ("", "ab")


def test_a_text_that_repeats_the_content_is_left_out() -> None:
    chunk = {"choices": [{"index": 0, "text": "a", "delta": {"content": "a"}}]}

    assert built([sse(chunk)]).answer == "a"


def test_a_message_beside_a_delta_is_left_out() -> None:
    chunk = {"choices": [{"index": 0, "delta": {"content": "b"}, "message": {"content": "ab"}}]}

    assert built([sse(delta(content="a"), chunk)]).answer == "ab"


@pytest.mark.parametrize("said", [{"refusal": "No."}, {"audio": {"transcript": "No."}}])
def test_a_message_that_repeats_a_refusal_or_a_spoken_answer_is_left_out(said: dict[str, Any]) -> None:
    whole = {"choices": [{"index": 0, "message": {"content": None, **said}, "finish_reason": "stop"}]}

    assert built([sse(delta(**said), whole)]).answer == "No."


def test_of_a_message_behind_streamed_thinking_the_answer_is_taken() -> None:
    message = {"content": "4", "reasoning": "Add"}
    whole = {"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}
    builder = built([sse(delta(reasoning="Add"), whole, whole)])

    assert (builder.reasoning, builder.answer) == ("Add", "4")


def test_a_call_in_the_new_form_and_the_old_one_is_one_call() -> None:
    function = {"name": "now", "arguments": "{}"}
    calls = [{"index": 0, "id": "a", "function": function}]
    chunk = delta(tool_calls=calls, function_call=function)

    assert [call.name for call in built([sse(chunk, chunk)]).tool_calls] == ["now"]


def test_a_message_that_only_a_role_came_before_is_the_answer() -> None:
    chunk = {"choices": [{"index": 0, "message": {"content": "ab"}, "finish_reason": "stop"}]}

    assert built([sse(delta(role="assistant", content=""), chunk)]).answer == "ab"


def test_the_words_of_a_spoken_answer_are_the_answer() -> None:
    assert said({"audio": {"id": "a", "transcript": "Hi"}}, {"audio": {"data": "UklG"}}) == ("", "Hi")


def test_a_refusal_is_the_answer_and_says_so() -> None:
    builder = built([sse(delta(refusal="I "), delta(refusal="will not."), delta(finish="stop"))])

    status, note = verdict(builder)

    assert builder.answer == "I will not."
    assert status is RunStatus.COMPLETE
    assert note is not None
    assert note.message == "The model refused to answer"
    assert not built([sse(delta(content="a", refusal=None), delta(refusal=""))]).is_refused


def calls(*deltas: list[dict[str, Any]]) -> list[tuple[str, str, str]]:
    builder = built([sse(*(delta(tool_calls=entries) for entries in deltas))])
    return [(call.call_id, call.name, call.arguments) for call in builder.tool_calls]


def call(name: str = "", arguments: object = "", **more: object) -> dict[str, Any]:
    return {**more, "type": "function", "function": {"name": name, "arguments": arguments}}


CALLS: dict[str, tuple[list[list[dict[str, Any]]], list[tuple[str, str, str]]]] = {
    "fragments": (
        [
            [call("now", "", index=0, id="a")],
            [call(arguments='{"tz":', index=0)],
            [call("", "1}", index=0, id="")],
        ],
        [("a", "now", '{"tz":1}')],
    ),
    "no index, whole": (
        [[call("now", '{"tz":1}', id="functions.now:0")]],
        [("functions.now:0", "now", '{"tz":1}')],
    ),
    "an object, from index 1": ([[call("now", {"tz": 1}, index=1, id="a")]], [("a", "now", '{"tz":1}')]),
    "no index, two ids": (
        [[call("now", "{}", id="a")], [call("then", "{", id="b")], [call(arguments="}")]],
        [("a", "now", "{}"), ("b", "then", "{}")],
    ),
    "neither index nor id, one delta": (
        [[call("now", "{}"), call("now", "{}"), call("then", "{}")]],
        [("", "now", "{}"), ("", "now", "{}"), ("", "then", "{}")],
    ),
    "neither index nor id, one each": (
        [[call("now", "{}")], [call("now", '{"a":1}')], [call("then", "{}")]],
        [("", "now", "{}"), ("", "now", '{"a":1}'), ("", "then", "{}")],
    ),
    "all id 0 and index 0, other names": (
        [[call("now", "{}", index=0, id="0")], [call("then", "{}", index=0, id="0")]],
        [("0", "now", "{}"), ("0", "then", "{}")],
    ),
    "all id 0 and index 0, one name": (
        [[call("now", {"a": 1}, index=0, id="0")], [call("now", {"a": 2}, index=0, id="0")]],
        [("0", "now", '{"a":1}'), ("0", "now", '{"a":2}')],
    ),
    "all id 0 and index 0, in one delta": (
        [[call("now", {}, index=0, id="0"), call("now", {}, index=0, id="0")]],
        [("0", "now", "{}"), ("0", "now", "{}")],
    ),
    "a whole call told twice": (
        [[call("now", "{}", index=0, id="a")], [call("now", "{}", index=0, id="a")]],
        [("a", "now", "{}")],
    ),
    "the name in every fragment": (
        [
            [call("now", "", index=0, id="a")],
            [call("now", '{"a"', index=0, id="a")],
            [call("now", ":1}", index=0, id="a")],
        ],
        [("a", "now", '{"a":1}')],
    ),
    "a polluted name": (
        [
            [call("now<|channel|>commentary", "{", index=0, id="a")],
            [call("now<|channel|>json", "}", index=0, id="a")],
        ],
        [("a", "now", "{}")],
    ),
    "not inside a function": ([[{"id": "a", "name": "now", "arguments": "{}"}]], [("a", "now", "{}")]),
    "a custom tool": (
        [[{"id": "a", "type": "custom", "custom": {"name": "sh", "input": "ls"}}]],
        [("a", "sh", "ls")],
    ),
    "cut for ever": ([[call("now", '{"tz', index=0, id="a")]], [("a", "now", '{"tz')]),
}


@pytest.mark.parametrize("name", CALLS)
def test_calls_are_told_apart(name: str) -> None:
    deltas, expected = CALLS[name]

    assert calls(*deltas) == expected


def test_a_whole_message_with_calls_is_read() -> None:
    message = {"content": None, "tool_calls": [call("now", "{}", id="0"), call("now", "{}", id="0")]}
    body = json.dumps({"choices": [{"message": message, "finish_reason": "stop"}]}).encode()

    builder = built([body])

    assert [part.name for part in builder.tool_calls] == ["now", "now"]
    assert verdict(builder) == (RunStatus.COMPLETE, None)


ENDS: dict[str, tuple[bytes, RunStatus]] = {
    "stop": (sse(delta(content="a"), delta(finish="stop")), RunStatus.COMPLETE),
    "stop, no sentinel": (sse(delta(content="a"), delta(finish="stop"), done=False), RunStatus.COMPLETE),
    "eos_token": (sse(delta(content="a", finish="eos_token")), RunStatus.COMPLETE),
    "an unknown word": (sse(delta(content="a", finish="fancy")), RunStatus.COMPLETE),
    "length": (sse(delta(content="a", finish="length")), RunStatus.CUT),
    "model_length": (sse(delta(content="a", finish="model_length")), RunStatus.CUT),
    "content_filter": (sse(delta(content="a", finish="content_filter")), RunStatus.FILTERED),
    "sensitive": (sse(delta(content="a", finish="sensitive")), RunStatus.FILTERED),
    "abort": (sse(delta(content="a", finish="abort")), RunStatus.INCOMPLETE),
    "error": (sse(delta(content="a", finish="error")), RunStatus.INCOMPLETE),
    "network_error": (sse(delta(content="a", finish="network_error")), RunStatus.INCOMPLETE),
    "load": (sse(delta(finish="load")), RunStatus.INCOMPLETE),
    "sentinel alone": (sse(delta(content="a")), RunStatus.COMPLETE),
    "an empty word": (sse(delta(content="a", finish="")), RunStatus.COMPLETE),
    "nothing": (sse(delta(content="a"), done=False), RunStatus.INCOMPLETE),
    "nothing at all": (b"", RunStatus.FAILED),
    "a role alone": (sse(delta(role="assistant", content="")), RunStatus.FAILED),
    "twice": (sse(delta(content="a", finish="length"), delta(finish="stop")), RunStatus.CUT),
    "camel case": (
        sse({"choices": [{"delta": {"content": "a"}, "finish_reason": None, "finishReason": "length"}]}),
        RunStatus.CUT,
    ),
    "in the last object": (
        sse(
            delta(content="a"),
            {
                "object": "chat.completion.done",
                "choices": [{"message": {"content": "a"}, "finish_reason": "length"}],
            },
        ),
        RunStatus.CUT,
    ),
    "a whole completion without a word": (
        json.dumps({"choices": [{"message": {"content": "a"}, "finish_reason": ""}]}).encode(),
        RunStatus.COMPLETE,
    ),
    "an error": (sse(delta(content="a"), {"error": "boom"}), RunStatus.FAILED),
    "an error and a finish": (sse(delta(content="a", finish="length"), {"error": "boom"}), RunStatus.CUT),
    "an error in the choice": (
        sse(
            {"choices": [{"delta": {}, "finish_reason": "error", "error": {"code": 502, "message": "gone"}}]}
        ),
        RunStatus.FAILED,
    ),
    "calls and no sentinel": (
        sse(delta(tool_calls=[call("now", "{", index=0)]), done=False),
        RunStatus.INCOMPLETE,
    ),
}


@pytest.mark.parametrize("name", ENDS)
def test_how_a_stream_ended_is_told(name: str) -> None:
    body, status = ENDS[name]

    assert verdict(built([body]))[0] is status


def test_text_that_comes_with_or_after_the_finish_is_kept() -> None:
    builder = built(
        [sse(delta(content="a", finish="stop"), delta(content="b"), delta(content="c", finish="stop"))]
    )

    assert (builder.answer, builder.finish_reason) == ("abc", "stop")


USAGE = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}


@pytest.mark.parametrize(
    "chunks",
    [
        [delta(content="a"), {"choices": [], "usage": USAGE}, {"choices": [], "moderation": {}}],
        [{**delta(content="a"), "usage": {"completion_tokens": 1}}, {**delta(finish="stop"), "usage": USAGE}],
        [
            {"choices": [{"delta": {}, "finish_reason": "stop", "usage": USAGE}]},
            {"choices": [], "usage": None},
        ],
        [{**delta(finish="stop"), "x_groq": {"usage": USAGE}}, {"choices": [], "usage": USAGE}],
        [{"choices": [], "usage": {"input_tokens": 3, "output_tokens": 2, "total_tokens": 5}}],
    ],
    ids=["last", "cumulative", "in the choice", "x_groq", "other names"],
)
def test_usage_is_found(chunks: list[dict[str, Any]]) -> None:
    usage = built([sse(*chunks)]).usage

    assert usage is not None
    assert (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens) == (3, 2, 5)


def test_absurd_numbers_in_usage_are_not_taken() -> None:
    body = (
        b'data: {"choices":[],"usage":{"cost":1'
        + b"0" * 400
        + b',"prompt_tokens":"many","completion_tokens":NaN}}\n\n'
    )

    usage = built([body]).usage

    assert usage is not None
    assert (usage.cost_usd, usage.prompt_tokens, usage.completion_tokens) == (None, None, None)


ERRORS: dict[str, tuple[bytes, ErrorReported]] = {
    "words after event: error": (
        b"event: error\ndata: upstream is gone\n\n",
        ErrorReported(message="upstream is gone"),
    ),
    "a bare object after event: error": (
        b'event: error\n{"error":"boom"}\n\n',
        ErrorReported(message="boom"),
    ),
    "msg": (
        b'data: {"code":1302,"msg":"too fast","success":false}\n\n',
        ErrorReported(message="too fast", code="1302"),
    ),
    "type error": (
        b'data: {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}\n\n',
        ErrorReported(message="Overloaded", code="overloaded_error"),
    ),
    "a line of its own": (
        b'data: {"choices":[]}\n\n{"error":{"message":"boom"}}',
        ErrorReported(message="boom"),
    ),
    "LiteLLM": (
        b'data: {"error":{"message":"slow down","type":"throttling_error","param":"None","code":"429"}}\n\n',
        ErrorReported(message="slow down", code="throttling_error", status=429),
    ),
}


@pytest.mark.parametrize("name", ERRORS)
def test_an_error_within_the_stream_is_read(name: str) -> None:
    body, error = ERRORS[name]

    assert [event for event in decoded([body]) if isinstance(event, ErrorReported)] == [error]


def test_choices_beside_the_first_are_not_mixed_into_it() -> None:
    chunks = [delta(role="assistant", index=index) for index in (0, 1)]
    chunks += [delta(content=text, index=index) for text, index in (("a", 0), ("x", 1), ("b", 0), ("y", 1))]
    chunks += [delta(finish="length", index=1), delta(finish="stop", index=0)]

    builder: ResponseBuilder = built([sse(*chunks)])

    assert (builder.answer, builder.finish_reason) == ("ab", "stop")
    status, note = verdict(builder)
    assert status is RunStatus.COMPLETE
    assert note is not None
    assert note.message == "The server sent 2 answers, of which the first is shown"


def test_further_keys_of_a_call_are_kept_to_be_sent_back() -> None:
    signed = {"extra_content": {"google": {"thought_signature": "ß=="}}, "novel": None}
    fragments = [[call("now", "{", index=0, id="a") | signed], [call(arguments="}", index=0)]]

    builder = built([sse(*(delta(tool_calls=entries) for entries in fragments))])

    (found,) = builder.tool_calls
    assert json.loads(found.extra) == {"extra_content": {"google": {"thought_signature": "ß=="}}}
    assert (found.arguments, builder.parts) == ("{}", (found,))


def cites(url: str, title: str) -> dict[str, Any]:
    return {"type": "url_citation", "url_citation": {"url": url, "title": title, "start_index": 0}}


SOURCES: dict[str, tuple[list[dict[str, Any]], tuple[tuple[str, str], ...]]] = {
    "one annotation in a delta": (
        [delta(content="", annotations=[cites("https://a.example", "A")])] * 2
        + [delta(content="x", annotations=[cites("https://b.example", "B")])],
        (("https://a.example", "A"), ("https://b.example", "B")),
    ),
    "the list again in every chunk": (
        [
            {**delta(content="a"), "citations": ["https://a.example"]},
            {
                **delta(content="b"),
                "citations": ["https://a.example", "https://b.example"],
                "search_results": [{"title": "B", "url": "https://b.example", "date": None}],
            },
            delta(finish="stop"),
        ],
        (("https://a.example", ""), ("https://b.example", "B")),
    ),
    "a shorter list in the place of a longer one": (
        [
            {**delta(content="a"), "citations": ["https://a.example", "https://b.example"]},
            {**delta(content="b"), "citations": ["https://b.example"]},
        ],
        (("https://b.example", ""),),
    ),
    "no page of the web": (
        [{**delta(content="a", annotations=[{}, 7]), "citations": ["file:///etc/passwd", None, {"url": 7}]}],
        (),
    ),
}


@pytest.mark.parametrize("name", SOURCES)
def test_pages_that_a_server_names_are_kept_beside_the_answer(name: str) -> None:
    chunks, expected = SOURCES[name]

    assert built([sse(*chunks)]).sources == expected


@pytest.mark.parametrize(
    "fields",
    [
        {"content": "", "images": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AA"}}]},
        {"content": [{"type": "image_url", "image_url": {"url": "https://e.example/a.png"}}]},
    ],
)
def test_a_picture_is_told_of_where_it_is_not_shown(fields: dict[str, Any]) -> None:
    builder = built([sse(delta(**fields), delta(finish="stop"))])

    status, note = verdict(builder)

    assert status is RunStatus.COMPLETE
    assert note is not None
    assert note.message == "The answer holds a picture, which is not shown"
