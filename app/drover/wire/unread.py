"""Which keys of a chunk nothing here reads: they are only kept, with its bytes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from drover.wire.sources import LISTS
from drover.wire.sse import SSEDecoder
from drover.wire.surrogates import without_lone_surrogates

_ENVELOPE = frozenset({"id", "object", "created"})
_CHUNK = _ENVELOPE | {"model", "choices", "usage", "system_fingerprint", "error", "detail", "message", "msg"}
_CHUNK |= frozenset(LISTS)
_CHUNK |= {"code", "type", "status"}  # of an error that is not in an object of its own
_CHOICE = frozenset(
    {"index", "delta", "message", "text", "finish_reason", "finishReason", "logprobs", "usage"}
)
_CHOICE |= {"error", "reasoning_logprobs"}
_MESSAGE = frozenset({"role", "content", "refusal", "tool_calls", "function_call", "audio"})
_MESSAGE |= {"annotations"}
_MESSAGE |= {"reasoning_content", "reasoning", "reasoning_details", "thinking_blocks"}
_PARTS = frozenset({"text", "output_text", "thinking", None})


def unread_keys(raw: bytes) -> list[str]:
    """The keys of one event that hold something and are not read, and parts of the content that are neither
    text nor thinking by their type; each once, in the order of the chunk.

    `raw` is the event as it came, in the notation of a stream or as JSON.
    """
    names = (without_lone_surrogates(name) for chunk in _chunks(raw) for name in _unread(chunk))
    return list(dict.fromkeys(names))


def _chunks(raw: bytes) -> Iterator[dict[str, Any]]:
    decoder = SSEDecoder()
    for event in [*decoder.feed(raw), *decoder.feed(b"\n\n")]:
        try:
            value = json.loads(event.data, strict=False)
        except (ValueError, RecursionError):
            continue
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, dict):
                yield item


def _unread(chunk: dict[str, Any]) -> Iterator[str]:
    for name, value in chunk.items():
        is_usage = name == "x_groq" and isinstance(value, dict) and value.keys() <= {"id", "usage"}
        if name not in _CHUNK and not is_usage and _says(value):
            yield name
    choices = chunk.get("choices")
    for choice in choices if isinstance(choices, list) else ():
        if not isinstance(choice, dict):
            continue
        yield from (name for name, value in choice.items() if name not in _CHOICE and _says(value))
        message = choice.get("delta") or choice.get("message")
        if isinstance(message, dict):
            yield from (name for name, value in message.items() if name not in _MESSAGE and _says(value))
            content = message.get("content")
            for part in content if isinstance(content, list) else ():
                kind = part.get("type") if isinstance(part, dict) else None
                if isinstance(kind, str) and kind not in _PARTS:
                    yield kind


def _says(value: object) -> bool:
    return value is not None and value not in ("", [], {})
