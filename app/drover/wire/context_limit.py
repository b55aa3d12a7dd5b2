"""How many tokens a request needed and how many the model takes, from what a server says of it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from drover.wire.error_body import error_object

_OVERFLOW_PATTERN = re.compile(
    r"(?i)context.{0,20}(?:length|window|size|limit)|exceed_context|maximum (?:input|prompt|model length)|"
    r"max_model_len|(?:prompt|input|request|conversation|messages?) (?:is|are) too (?:long|large)|"
    r"too many (?:input )?tokens|`?inputs`? tokens|tokens? .{0,20}exceeds? the (?:maximum|configured)|"
    r"reduce the length of the (?:messages|input|prompt)|prompt contains .{0,40}too large"
)
_LIMITED_REPLY_PATTERN = re.compile(
    r"(?i)max_(?:completion_|output_)?tokens['\"`]?(?: or [^.:]{0,40})?"
    r"(?: \(\d+\))?:? (?:is too large|must be|should be|cannot be|exceeds|supports at most)"
)
"""The limit on the reply is at fault, and not the conversation."""

_N = r"(\d[\d,]{1,14})"
_NEED_THEN_LIMIT = (
    # llama.cpp: request (5000 tokens) exceeds the available context size (4096 tokens)
    rf"\({_N} tokens\) exceeds .{{0,40}}\({_N} tokens\)",
    # Anthropic: prompt is too long: 210000 tokens > 200000 maximum
    rf"too long: {_N} tokens? ?> ?{_N}",
    # vLLM: The decoder prompt (length 5000) is longer than the maximum model length of 4096
    rf"length {_N}\)? (?:is longer than|exceeds) .{{0,40}}?{_N}",
    # Gemini: The input token count (1200000) exceeds the maximum number of tokens allowed (1048575)
    rf"token count \(?{_N}\)? exceeds .{{0,60}}?\(?{_N}",
    # Mistral: Prompt contains 40000 tokens and 0 draft tokens, too large for model with 32768 maximum ...
    rf"contains {_N} tokens.{{0,40}}too large .{{0,20}}?{_N}",
    # Cerebras: Current length is 9000 while limit is 8192
    rf"length is {_N} while limit is {_N}",
    # LM Studio: keep the first 5000 tokens when context the overflows. ... context length of only 4096 tokens
    rf"first {_N} tokens when .{{0,80}}only {_N} tokens",
)
_LIMIT_THEN_NEED = (
    # OpenAI, DeepSeek, OpenRouter, vLLM: maximum context length is 4096 tokens. However, you requested
    # (about) 5000 tokens; ... your messages resulted in 5000 tokens; ... your request has 5001 input tokens
    rf"(?:context|prompt) length is (?:only )?{_N} (?:tokens)?.{{0,40}}?"
    rf"(?:requested(?: about)?|resulted in|contains(?: at least)?|request has|prompt has) {_N}",
    # OpenAI: exceed the configured limit of 272000 tokens. Your messages resulted in 300000 tokens
    rf"limit of {_N} tokens.{{0,60}}?resulted in {_N}",
    # Cohere: the number of tokens in the prompt cannot exceed 4081 - received 5000
    rf"cannot exceed {_N}.{{0,20}}?received {_N}",
    # Groq: tokens per minute (TPM): Limit 6000, Requested 7000
    rf"limit:? {_N},? requested:? {_N}",
    # Others: context window 8,192 exceeded: prompt has 9,000 tokens
    rf"context (?:window|size|limit)(?: of| is|:)? \(?{_N}\)?.{{0,40}}?"
    rf"(?:prompt|request|input) (?:has|is|of) {_N}",
)
_SUMS = (
    # Anthropic: `max_tokens` exceed context limit: 190000 + 20000 > 200000
    rf"limit: {_N} \+ {_N} > {_N}",
    # vLLM: You passed 4000 input tokens and requested 200 output tokens. However, the model's context
    # length is only 4096 tokens
    rf"passed {_N} input tokens and requested {_N} output tokens.{{0,60}}?{_N} tokens",
)
_LIMIT_AND_SUM = (
    # TGI, Together: `inputs` tokens + `max_new_tokens` must be <= 4096. Given: 4000 `inputs` tokens and 200
    rf"must be <= {_N}. given: {_N} `inputs` tokens and {_N}",
)


def is_overflow(words: str) -> bool:
    """Whether the words say that the conversation does not fit into the model."""
    return bool(_OVERFLOW_PATTERN.search(words)) and not _LIMITED_REPLY_PATTERN.search(words)


def overflow_numbers(words: str, body: bytes = b"") -> tuple[int, int] | None:
    """(tokens needed, tokens the model takes), if both are said and the first is the larger one."""
    error = error_object(body)
    pairs = [(error.get("n_prompt_tokens"), error.get("n_ctx")), *_said_pairs(" ".join(words.split()))]
    for needed, limit in pairs:
        # What llama.cpp asks for may just fill its context, and then there is no room for a reply.
        if type(needed) is int and type(limit) is int and needed >= limit > 0:
            return needed, limit
    return None


def _said_pairs(words: str) -> Iterator[tuple[int, int]]:
    for numbers in _found(_NEED_THEN_LIMIT, words):
        yield numbers[0], numbers[1]
    for numbers in _found(_LIMIT_THEN_NEED, words):
        yield numbers[1], numbers[0]
    for numbers in _found(_SUMS, words):
        yield numbers[0] + numbers[1], numbers[2]
    for numbers in _found(_LIMIT_AND_SUM, words):
        yield numbers[1] + numbers[2], numbers[0]


def _found(patterns: tuple[str, ...], words: str) -> Iterator[list[int]]:
    for pattern in patterns:
        match = re.search(pattern, words, re.IGNORECASE)
        if match:
            yield [int(number.replace(",", "")) for number in match.groups()]
