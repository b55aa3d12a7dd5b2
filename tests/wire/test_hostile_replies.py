"""What no server should send: it is read, or refused in words, at any cut, and nothing else happens.

`python -m tests.fuzz` does the same with many more bytes and at full size.
"""

from __future__ import annotations

import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.fuzz.mutations import MODELS, mutated, seeds
from tests.fuzz.oversized import CASES, chunks
from tests.fuzz.properties import check_error, check_models, check_reply, read
from tests.wire.replies import SERVER, built, delta, sse

from drover.domain.run import RunStatus
from drover.domain.stream import ErrorReported, ResponseBuilder
from drover.wire.chat import ReplyDecoder, failure_from, provider_error, verdict
from drover.wire.error_body import page_title
from drover.wire.models import decode_models
from drover.wire.unread import unread_keys

_SEEDS = seeds()
_STATUS = st.sampled_from([400, 401, 404, 413, 422, 429, 500, 503])


@given(st.sampled_from(_SEEDS), st.integers(0, 2**32))
def test_a_mutated_reply_is_read_alike_at_any_cut_and_can_be_stored(body: bytes, seed: int) -> None:
    chance = random.Random(seed)

    check_reply(mutated(body, chance), chance)


@given(st.binary(max_size=400), st.integers(0, 2**32))
def test_any_bytes_are_read_alike_at_any_cut_and_can_be_stored(body: bytes, seed: int) -> None:
    check_reply(body, random.Random(seed))


@given(st.sampled_from(_SEEDS), st.integers(0, 2**32), _STATUS, st.text(max_size=30))
def test_a_mutated_error_body_is_put_into_words(body: bytes, seed: int, status: int, after: str) -> None:
    check_error(status, {"Retry-After": after, "Date": after}, mutated(body, random.Random(seed)))


@given(st.integers(0, 2**32))
def test_a_mutated_list_of_models_is_read_or_refused(seed: int) -> None:
    check_models(mutated(MODELS, random.Random(seed)))


def test_halves_of_characters_in_the_name_of_a_model_can_be_stored() -> None:
    card = decode_models(rb'{"data":[{"id":"a\ud83d"}]}', source="S")[0]

    assert card.id == "a\ufffd"


@pytest.mark.parametrize("name", CASES)
def test_what_is_absurdly_large_is_read_alike_at_any_cut(name: str) -> None:
    body = b"".join(chunks(name, min(300, CASES[name][0] // 50)))[:200_000]

    check_reply(body, random.Random(name))


def test_a_hundred_thousand_tool_calls_are_all_kept() -> None:
    builder = built(list(chunks("N tool calls in one delta", 100_000)))

    assert [call.call_id for call in builder.tool_calls] == [f"c{number}" for number in range(100_000)]


@pytest.mark.parametrize("depth", [100, 300, 450, 900, 5000, 100_000])
@pytest.mark.parametrize("field", ["content", "reasoning_details", "tool_calls", "usage", "error", "model"])
def test_json_of_any_depth_is_read_or_reported(field: str, depth: int) -> None:
    nested = '[{"text":' * depth + '"a"' + "}]" * depth
    chunk = f'{{"choices":[{{"delta":{{"{field}":{nested},"content":"b\\ud83d"}}}}],"{field}":{nested}}}'
    body = f"data: {chunk}\n\n".encode() + sse(delta(content="c"))

    check_reply(body, random.Random(depth))
    builder = built([body])

    assert builder.answer.endswith("c")
    assert builder.saw_done


def test_numbers_that_no_counter_holds_are_not_counted() -> None:
    usage = {"prompt_tokens": 10**400, "completion_tokens": 1e308, "total_tokens": 7, "cost": 10**400}

    found = built([sse({"choices": [], "usage": usage})]).usage

    assert found is not None
    assert (found.prompt_tokens, found.completion_tokens, found.total_tokens) == (None, None, 7)
    assert found.cost_usd is None


def test_a_probability_of_hundreds_of_digits_is_left_out() -> None:
    tokens = [{"token": "a", "logprob": 10**400}, {"token": "b", "logprob": -1}]
    choice = {**delta(content="ab")["choices"][0], "logprobs": {"content": tokens}}
    decoder = ReplyDecoder(SERVER, reads_tokens=True)

    found = decoder.feed(sse({"choices": [choice]}))

    assert [len(getattr(event, "tokens", "")) for event in found] == [0, 1, 0]


def test_lines_of_json_are_cut_at_line_ends_alone() -> None:
    lines = (json.dumps(delta(content=text), ensure_ascii=False) for text in ("a\u2028b", "\x85c"))

    assert built(["\r\n".join(lines).encode()]).answer == "a\u2028b\x85c"


def test_nothing_but_heartbeats_is_an_empty_answer() -> None:
    builder = ResponseBuilder()
    for event in read([b"data: \n\n" * 5000]):
        assert not isinstance(event, str)
        builder.feed(event, 0.0)

    assert verdict(builder)[0] is RunStatus.FAILED


@pytest.mark.parametrize("start", [b"\n\n\r\n", b" \xef\xbb\xbf\n", b"\xef\xbb\xbf \n"])
@pytest.mark.parametrize("body", [b'{"error":"boom"}', b'data: {"error":"boom"}\n\n'])
def test_blank_lines_before_an_answer_change_nothing_at_any_cut(start: bytes, body: bytes) -> None:
    whole = start + body

    assert read([whole]) == [ErrorReported(message="boom")]
    assert read([whole[at : at + 1] for at in range(len(whole))]) == [ErrorReported(message="boom")]


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("<!---->" * 1000 + "x", None),
        ("<!-- a -->\n<!-- b --><html><title>Sign in</title>", "Sign in"),
        ("<html>" + "<title>" * 1000, ""),
        ("<html><h1>Bad <b>Gateway</b></h1>", "Bad Gateway"),
        ("<html><title" * 1000, ""),
    ],
)
def test_a_page_of_any_form_has_its_title_found_at_once(text: str, title: str | None) -> None:
    assert page_title(text) == title


def test_halves_of_characters_in_an_error_can_be_stored() -> None:
    body = rb'{"code":"\ud83d","error":{"message":"a\ude00","param":"\ud83d"}}'

    check_error(400, {}, body)

    assert failure_from(provider_error(400, {}, body), "Server").message.startswith("Server")
    assert unread_keys(rb'data: {"\ud83d":1}') == ["\ufffd"]


def test_fragments_that_repeat_everything_still_make_one_call() -> None:
    fragments = ['{"a"', ':"}', '\\"', '"', "}", " "]
    body = sse(
        *(
            delta(tool_calls=[{"index": 0, "id": "x", "function": {"name": "now", "arguments": piece}}])
            for piece in fragments
        )
    )

    assert [call.arguments for call in built([body]).tool_calls] == ["".join(fragments)]


def test_white_space_that_begins_an_answer_is_kept_and_before_thinking_is_not() -> None:
    blank = [delta(content=" \n") for _ in range(3)]

    answer = built([sse(*blank, delta(content="a"))])
    thinking = built([sse(*blank, delta(content="<think>"), *blank, delta(content="a</think>"), *blank)])

    assert (answer.reasoning, answer.answer) == ("", " \n \n \na")
    assert (thinking.reasoning, thinking.answer) == ("a", "")
