"""Streams and error bodies to begin with, and mutations that know of events and of JSON."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable
from typing import Any

from tests.wire import recordings
from tests.wire.replies import delta, sse

_LONGEST_SEED = 6 * 1024
_NESTED: Any = None
for _ in range(400):
    _NESTED = [{"text": _NESTED}]

_VALUES: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 7.5, 1e308, float("nan"), float("inf"), 2**53, 2**64, 10**400, "", " ", "\n",
    "a", "0", "error", "stop", "length", "error: bad api_key: sk-0123456789abcdef", "\ud83d", "\ude00",
    "\ufffd",
    "\u2028", "\0", "[DONE]", "<think>", "</think>", "<thi", "nk>", "</a>", "<|channel|>analysis<|message|>",
    "<|start|>assistant to=functions.now<|message|>", "<|end|>", "analysisassistantfinal",
    "assistantcommentary",
    '{"a":', '{"a":1}', '"}', "\\",
    "x" * 300, [], {}, [[]], [None], [{}], {"text": "a"}, {"type": "thinking"},
    [{"type": "text", "text": "a"}], {"content": "a"}, {"message": "a", "code": 400}, _NESTED,
)  # fmt: skip
_KEYS = (
    "choices", "delta", "message", "content", "reasoning", "reasoning_content", "reasoning_details", "text",
    "thinking", "thinking_blocks", "type", "summary", "signature", "refusal", "tool_calls", "function_call",
    "function", "custom", "name", "arguments", "input", "index", "id", "usage", "prompt_tokens", "cost",
    "model",
    "completion_tokens", "completion_tokens_details", "reasoning_tokens", "system_fingerprint", "error",
    "code",
    "detail", "loc", "msg", "status", "metadata", "raw", "failed_generation", "param", "x_groq", "logprobs",
    "top_logprobs", "token", "logprob", "bytes", "finish_reason", "finishReason", "object", "audio",
    "transcript", "annotations", "citations", "extra_content",
)  # fmt: skip
_NOISE = (
    b"\n", b"\r", b"\r\n", b"\n\n", b"data:", b"data: ", b"data", b"event: error\n", b"event:", b"id: 1\n",
    b":", b": x\n", b"retry: 1\n", b"\xef\xbb\xbf", b"\xe2\x82", b"\xff", b"\xed\xa0\x80", b"\xf0\x9f",
    b"\0", b"[DONE]", b"{", b"}",
    b"[", b"]", b'"', b"\\", b"\\ud83d", b"\\u0000", b"NaN", b"1e999", b"<html>", b"<!---->", b"<title>",
    b"\xe2\x80\xa8",
)  # fmt: skip

_SHAPES: tuple[dict[str, Any], ...] = (
    delta(role="assistant", content=""),
    delta(reasoning_content="Add", content=None),
    delta(reasoning="Add", channel="analysis"),
    delta(content="", reasoning="A", reasoning_details=[{"type": "reasoning.text", "text": "A", "index": 0}]),
    delta(content=[{"type": "thinking", "thinking": [{"type": "text", "text": "Add"}]}]),
    delta(reasoning_details=[{"type": "reasoning.encrypted", "data": "QUJD", "id": "c", "index": 0}]),
    delta(reasoning_content="x", thinking_blocks=[{"type": "thinking", "thinking": "x", "signature": None}]),
    delta(content="<think>Hm"), delta(content=".</think>\n\nYes"),
    delta(content="<|start|>assistant<|channel|>"),
    delta(content="final<|message|>4"), delta(content="Grüße 🙂 \u2028"), delta(refusal="No."),
    delta(tool_calls=[{"index": 0, "id": "a", "function": {"name": "now", "arguments": ""}}]),
    delta(tool_calls=[{"index": 0, "id": "", "function": {"name": "", "arguments": '{"tz":'}}]),
    delta(tool_calls=[{"id": "b", "function": {"name": "now", "arguments": {"tz": "UTC"}}}]),
    delta(function_call={"name": "now", "arguments": "{}"}),
    delta(content="b", index=1), delta(index=1, finish="stop"), delta(finish="length"), delta(finish="error"),
    delta(audio={"id": "a", "transcript": "Hi", "data": "UklG"}),
    {"choices": [{"index": 0, "delta": {"content": "H"}, "logprobs": {"content": [
        {"token": "H", "logprob": -0.1, "bytes": [72], "top_logprobs": [{"token": "I", "logprob": -1}]}]}}]},
    {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens_details": {"reasoning_tokens": 2}}},
    {"choices": [], "x_groq": {"usage": {"total_tokens": 5, "cost": 0.1}}},
    {"model": "gpt-oss-20b", "system_fingerprint": "fp", "choices": None},
    {"error": {"message": "boom", "type": "server_error", "param": "temperature", "code": 500}},
    {"error": "boom"}, {"object": "error", "message": "boom", "code": 500},
    {"detail": [{"loc": ["body", "x"], "msg": "no"}]},
    {"choices": [{"index": 0, "delta": {"content": ""},
    "finish_reason": "error"}], "error": {"code": 502, "message": "gone"}},
    {"choices": [{"message": {"content": "whole", "reasoning": "r"}, "finish_reason": "stop"}]},
)  # fmt: skip
_ERROR_BODIES = (
    b'{"error":{"message":"Incorrect API key provided: sk-0123456789abcdef","type":"invalid_request_error"}}',
    b'{"error":{"title":"Not found","detail":"No such model"},"status_message":"resource_not_found"}',
    b'{"object":"error","message":{"detail":[{"type":"extra_forbidden","loc":["body","x"],"msg":"no","input":1}]}}',
    b'{"message":"Unauthorized","request_id":"r"}', b'{"error":"text","error_type":"validation"}',
    b'event: error\ndata: {"error":{"message":"Tool call failed","failed_generation":"x"}}\n\n',
    b"<!doctype html><!-- a --><html><head><title>502 Bad Gateway</title></head><h1>x</h1></html>",
    b"request (5000 tokens) exceeds the available context size (4096 tokens)", b"upstream connect error", b"",
)  # fmt: skip

MODELS = json.dumps({"object": "list", "data": [
    {"id": "a", "object": "model", "name": "A", "type": "chat", "context_length": 4096, "max_model_len": 100,
     "pricing": {"prompt": "0.1", "completion": 0.2}, "description": "d", "summary": "s",
     "architecture": {"input_modalities": ["text"], "output_modalities": ["text"]},
     "capabilities": {"output": ["text"], "input": ["image"], "completion_chat": True},
     "model_type": "custom", "deployments": [{"status": "off"}], "endpoint": "/chat/completions",
     "request_schema": {"properties": {}}, "top_provider": {"max_completion_tokens": 5}},
    "b", {"model": "c"},
]}).encode()  # fmt: skip
"""A list of models, as several servers write it."""


def seeds() -> list[bytes]:
    """Streams, whole completions and error bodies, none of them long."""
    short = [recordings.body(name) for name in recordings.names()]
    cut = [body if len(body) <= _LONGEST_SEED else body[:2048] + body[-2048:] for body in short]
    wholes = [json.dumps(shape).encode() for shape in _SHAPES[-6:]]
    lines = b"\n".join(json.dumps(shape).encode() for shape in _SHAPES)
    return [sse(*_SHAPES), *(sse(shape) for shape in _SHAPES), lines, *wholes, *_ERROR_BODIES, *cut]


def mutated(data: bytes, chance: random.Random) -> bytes:
    """The data after some mutations, each of one of the kinds below."""
    for _ in range(chance.randrange(1, 5)):
        data = chance.choice(_KINDS)(data, chance)
    return data


def _json_changed(data: bytes, chance: random.Random) -> bytes:
    """One value somewhere in one of its JSON documents is another one."""
    lines = data.split(b"\n")
    at = chance.randrange(len(lines))
    start, brace, rest = lines[at].partition(b"{")
    try:
        value = json.loads(brace + rest)
    except (ValueError, RecursionError):
        return data + sse(chance.choice(_SHAPES), done=False)
    _change(value, chance)
    lines[at] = start + json.dumps(value, ensure_ascii=chance.random() < 0.5).encode("utf-8", "surrogatepass")
    return b"\n".join(lines)


def _change(value: Any, chance: random.Random) -> None:
    """Changes one thing inside an object or an array, at any depth."""
    while True:
        keys = list(value) if isinstance(value, dict) else range(len(value))
        if not keys:
            break
        key = chance.choice(keys)
        if isinstance(value[key], dict | list) and chance.random() < 0.75:
            value = value[key]
            continue
        match chance.randrange(4):
            case 0:
                del value[key]
            case 1 if isinstance(value, dict):
                value[chance.choice(_KEYS)] = value.pop(key)
            case 2 if isinstance(value, list):
                value.insert(key, chance.choice([value[key], *_VALUES]))
            case _:
                value[key] = chance.choice(_VALUES)
        return
    if isinstance(value, dict):
        value[chance.choice(_KEYS)] = chance.choice(_VALUES)
    else:
        value.append(chance.choice(_VALUES))


def _events_changed(data: bytes, chance: random.Random) -> bytes:
    """One event is doubled, dropped, moved, or a new one comes in."""
    blocks = data.split(b"\n\n")
    at, to = chance.randrange(len(blocks)), chance.randrange(len(blocks))
    match chance.randrange(4):
        case 0:
            blocks.insert(to, blocks[at])
        case 1:
            del blocks[at]
        case 2:
            blocks[at], blocks[to] = blocks[to], blocks[at]
        case _:
            blocks.insert(to, sse(chance.choice(_SHAPES), done=False).rstrip())
    return b"\n\n".join(blocks)


def _bytes_changed(data: bytes, chance: random.Random) -> bytes:
    """Noise comes in, a stretch is cut out, or a byte is another one."""
    at = chance.randrange(len(data) + 1)
    match chance.randrange(3):
        case 0:
            return data[:at] + chance.choice(_NOISE) * chance.choice((1, 1, 1, 2, 9)) + data[at:]
        case 1:
            return data[:at] + data[at + chance.randrange(20) :]
        case _:
            return data[:at] + bytes([chance.randrange(256)]) + data[at + 1 :]


def _rewritten(data: bytes, chance: random.Random) -> bytes:
    """In another notation, perhaps cut off."""
    match chance.randrange(4):
        case 0:
            return data.replace(b"\n", chance.choice(recordings.LINE_ENDS))
        case 1:
            return data.replace(
                b"data: ", chance.choice((b"data:", b"data:  ", b"", b"event: error\ndata: "))
            )
        case 2:
            return re.sub(rb"[,{]", rb"\g<0>\ndata: ", data, count=chance.randrange(1, 9))
        case _:
            return data[: chance.randrange(len(data) + 1)]


_KINDS: tuple[Callable[[bytes, random.Random], bytes], ...] = (
    _json_changed, _json_changed, _json_changed, _events_changed, _bytes_changed, _rewritten,
)  # fmt: skip
