"""Probabilities of tokens in the forms in which servers send them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from drover.domain.endpoint import BUILT_IN
from drover.domain.probabilities import TokenChoice
from drover.domain.stream import TextDelta, TokensScored
from drover.wire.logprobs import scored_tokens
from drover.wire.reply import ReplyDecoder


def content(*entries: Any) -> tuple[TokenChoice, ...]:
    return scored_tokens({"delta": {}, "logprobs": {"content": list(entries)}})


def entry(
    token: str, logprob: object, raw: object = None, *top: dict[str, Any], **more: Any
) -> dict[str, Any]:
    return {"token": token, "logprob": logprob, "bytes": raw, "top_logprobs": list(top), **more}


def test_the_form_of_openai() -> None:
    (token,) = content(entry("H", -0.11, [72], entry("H", -0.11, [72]), entry("J", -2.5, [74])))
    assert (token.text, token.token_bytes, token.logprob) == ("H", b"H", -0.11)
    assert [(each.text, each.logprob) for each in token.alternatives] == [("H", -0.11), ("J", -2.5)]
    assert not token.is_reasoning
    assert not token.is_joined


def test_halves_of_a_character_keep_their_bytes() -> None:
    first, second = content(entry("\\xc3", -1.2, [195]), entry("\\xa9", -0.1, [169]))
    assert (first.token_bytes + second.token_bytes).decode() == "é"


def test_without_bytes_the_text_of_the_token_stands_for_them() -> None:
    (token,) = content(entry("é", -1.2, None))
    assert token.token_bytes == "é".encode()


def test_tokens_that_the_server_joined_to_a_character_get_whole_alternatives() -> None:
    top = (entry("\ufffd", -0.1, [138], id=228), entry("\ufffd", -2.4, [139], id=229))
    (token,) = content(entry(" 🦊", -0.1, [32, 240, 159, 166, 138], *top, id=228))
    assert token.is_joined
    assert [each.text for each in token.alternatives] == [" 🦊", " 🦋"]


def test_alternatives_to_an_unknown_part_of_a_character_are_left_out() -> None:
    top = (entry("\ufffd", -0.1, [139], id=229), entry("x", -2.4, [120], id=90))
    (token,) = content(entry("🦊", -3.1, [240, 159, 166, 138], *top, id=228))
    assert token.is_joined
    assert token.alternatives == ()


def test_a_special_token_has_no_text() -> None:
    (token,) = content(entry("a", -0.1, [97], entry("", -3.2, [], id=2)))
    assert [each.text for each in token.alternatives] == [""]


@pytest.mark.parametrize(
    "choice",
    [
        {"logprobs": {"reasoning_content": [entry("a", -1.0, [97])], "content": [entry("b", -2.0, [98])]}},
        {"logprobs": {"reasoning": [entry("a", -1.0)], "content": [entry("b", -2.0)]}},
        {"reasoning_logprobs": {"content": [entry("a", -1.0)]}, "logprobs": {"content": [entry("b", -2.0)]}},
    ],
)
def test_thinking_that_is_listed_apart_is_marked(choice: dict[str, Any]) -> None:
    assert [(token.text, token.is_reasoning) for token in scored_tokens(choice)] == [
        ("a", True),
        ("b", False),
    ]


@pytest.mark.parametrize(
    "logprobs",
    [
        None, [], "x", 7, {}, {"content": None}, {"content": {}}, {"content": [None, 3, "a", {}]},
        {"content": [{"token": "a", "logprob": None}, {"token": "a", "logprob": True}]},
        {"content": [{"token": "a", "logprob": float("nan")}]},
        {"tokens": ["a"], "token_logprobs": [-0.1]},
    ],
)  # fmt: skip
def test_what_is_no_list_of_tokens_says_nothing(logprobs: object) -> None:
    assert scored_tokens({"logprobs": logprobs}) == ()


def test_odd_bytes_and_alternatives_do_no_harm() -> None:
    (token,) = content(
        {"token": "a", "logprob": -1, "bytes": [97, 300], "top_logprobs": [None, {"token": 3}]}
    )
    assert (token.token_bytes, token.alternatives) == (b"a", ())


def stream(*choices: dict[str, Any]) -> bytes:
    events = [f"data: {json.dumps({'choices': [choice]})}\n\n" for choice in choices]
    return "".join([*events, "data: [DONE]\n\n"]).encode()


def test_only_a_decoder_that_was_asked_tells_of_tokens() -> None:
    raw = stream({"delta": {"content": "Hi"}, "logprobs": {"content": [entry("Hi", -0.3, [72, 105])]}})
    asked = ReplyDecoder(BUILT_IN, reads_tokens=True).feed(raw)
    (scored,) = [event for event in asked if isinstance(event, TokensScored)]
    assert scored.tokens[0].text == "Hi"
    plain = ReplyDecoder(BUILT_IN).feed(raw)
    assert [event for event in asked if event is not scored] == plain


def test_a_whole_completion_has_tokens_too() -> None:
    choice = {"message": {"content": "Hi"}, "logprobs": {"content": [entry("Hi", -0.3)]}}
    decoder = ReplyDecoder(BUILT_IN, reads_tokens=True)
    events = decoder.feed(json.dumps({"choices": [choice]}).encode()) + decoder.finish()
    assert [event.tokens[0].text for event in events if isinstance(event, TokensScored)] == ["Hi"]


def test_a_reply_goes_on_with_the_beginning_that_it_was_given() -> None:
    decoder = ReplyDecoder(BUILT_IN)
    begun = decoder.begin("<think>\nTwo")
    events = decoder.feed(
        stream({"delta": {"content": " and two.\n</think>\n\nFo"}}, {"delta": {"content": "ur"}})
    )
    told = [(type(event).__name__, getattr(event, "text", "")) for event in (*begun, *events)]
    assert told[:4] == [
        ("ReasoningDelta", "Two"), ("ReasoningDelta", " and two.\n"),
        ("TextDelta", "Fo"), ("TextDelta", "ur"),
    ]  # fmt: skip
    assert [event.text for event in events if isinstance(event, TextDelta)] == ["Fo", "ur"]
