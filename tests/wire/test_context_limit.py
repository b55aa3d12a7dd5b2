from __future__ import annotations

import json

import pytest

from drover.domain.run import FailureKind
from drover.wire.chat import failure_from, provider_error
from drover.wire.context_limit import is_overflow, overflow_numbers

SAID = {
    "llama.cpp": (
        "request (5000 tokens) exceeds the available context size (4096 tokens), try increasing it",
        (5000, 4096),
    ),
    "OpenAI": (
        "This model's maximum context length is 4097 tokens, however you requested 4200 tokens (104 in your "
        "prompt; 4096 for the completion). Please reduce your prompt; or completion length.",
        (4200, 4097),
    ),
    "OpenAI messages": (
        "This model's maximum context length is 128000 tokens. However, your messages resulted in 130001 "
        "tokens. Please reduce the length of the messages.",
        (130001, 128000),
    ),
    "OpenAI configured": (
        "Input tokens exceed the configured limit of 272000 tokens. Your messages resulted in 300000 tokens. "
        "Please reduce the length of the messages.",
        (300000, 272000),
    ),
    "OpenAI without numbers": (
        "Your input exceeds the context window of this model. Please adjust your input and try again.",
        None,
    ),
    "OpenRouter": (
        "This endpoint's maximum context length is 4096 tokens. However, you requested about 5000 tokens "
        "(4900 of text input, 100 in the output). Please reduce the length of either one.",
        (5000, 4096),
    ),
    "vLLM": (
        "This model's maximum context length is 4096 tokens. However, your request has 5001 input tokens. "
        "Please reduce the length of the input messages.",
        (5001, 4096),
    ),
    "vLLM prompt": (
        "The decoder prompt (length 5000) is longer than the maximum model length of 4096. Make sure that "
        "`max_model_len` is no smaller than the number of text tokens.",
        (5000, 4096),
    ),
    "vLLM engine": (
        "The engine prompt length 5000 exceeds the max_model_len 4096. Please reduce prompt.",
        (5000, 4096),
    ),
    "vLLM sum": (
        "You passed 4000 input tokens and requested 200 output tokens. However, the model's context length "
        "is only 4096 tokens, resulting in a maximum input length of 3896 tokens.",
        (4200, 4096),
    ),
    "Anthropic": ("prompt is too long: 210000 tokens > 200000 maximum", (210000, 200000)),
    "Anthropic sum": (
        "input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000, decrease input length",
        (210000, 200000),
    ),
    "Gemini": (
        "The input token count (1200000) exceeds the maximum number of tokens allowed (1048575).",
        (1200000, 1048575),
    ),
    "Mistral": (
        "Prompt contains 40000 tokens and 0 draft tokens, too large for model with 32768 maximum context "
        "length",
        (40000, 32768),
    ),
    "xAI": (
        "This model's maximum prompt length is 131072 but the request contains 140000 tokens.",
        (140000, 131072),
    ),
    "TGI": (
        "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096. Given: 4000 `inputs` "
        "tokens and 200 `max_new_tokens`",
        (4200, 4096),
    ),
    "Cerebras": (
        "Please reduce the length of the messages or completion. Current length is 9000 while limit is 8192",
        (9000, 8192),
    ),
    "Cohere": (
        "too many tokens: total number of tokens in the prompt cannot exceed 4081 - received 5,000. Try a "
        "shorter prompt.",
        (5000, 4081),
    ),
    "LM Studio": (
        "Trying to keep the first 5000 tokens when context the overflows. However, the model is loaded with "
        "context length of only 4096 tokens",
        (5000, 4096),
    ),
    "an unlikely pair": ("Context window 9,000 exceeded: prompt has 8,192 tokens", None),
}


@pytest.mark.parametrize(("words", "numbers"), SAID.values(), ids=SAID)
def test_an_overflow_is_known_by_its_words_and_so_are_its_numbers(
    words: str, numbers: tuple[int, int] | None
) -> None:
    assert is_overflow(words)
    assert overflow_numbers(words) == numbers


def test_numbers_beside_the_words_are_taken_first() -> None:
    body = {"error": {"message": "context size", "n_prompt_tokens": 4096, "n_ctx": 4096}}

    assert overflow_numbers("context size", json.dumps(body).encode()) == (4096, 4096)


@pytest.mark.parametrize(
    "words",
    [
        "'max_tokens' or 'max_completion_tokens' is too large: 32000. This model's maximum context length is "
        "4096 tokens and your request has 50 input tokens (32000 > 4096 - 50).",
        "max_tokens is too large: 100000. This model supports at most 16384 completion tokens.",
    ],
)
def test_a_limit_on_the_reply_that_is_too_large_is_not_the_conversation(words: str) -> None:
    body = json.dumps({"error": {"message": words}}).encode()

    failure = failure_from(provider_error(400, {}, body), "Lab", sent=["model", "messages", "max_tokens"])

    assert (failure.kind, failure.parameter) == (FailureKind.REQUEST, "max_tokens")


@pytest.mark.parametrize(
    "words", ["Rate limit of 60 requests", "The model `context-1` does not exist", "Too many requests"]
)
def test_other_words_are_no_overflow(words: str) -> None:
    assert not is_overflow(words)


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
def test_where_a_reply_was_limited_the_limit_can_be_lowered(name: str) -> None:
    body = json.dumps({"error": {"message": SAID["OpenAI"][0]}}).encode()

    failure = failure_from(provider_error(400, {}, body), "Lab", sent=[name])

    assert failure.message == "The conversation needs 4\u202f200 tokens and the model takes 4\u202f097 (400)"
    assert failure.hint == "Shorten it, lower max_tokens, or choose a model with more context."
