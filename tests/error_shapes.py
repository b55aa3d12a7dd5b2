"""Every shape of error body that servers are known to send, and what each status means to a person."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass
from typing import Any

from drover.domain.run import FailureKind

WORDS = "It went wrong"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """One form of an error body."""

    body: bytes
    content_type: str = "application/json"
    words: str = WORDS
    """What a person is told that the server said; empty where it says nothing."""


def _json(value: Any, words: str = WORDS) -> Shape:
    return Shape(body=json.dumps(value).encode(), words=words)


def shapes(words: str = WORDS) -> dict[str, Shape]:
    """Each shape by name, saying these words; they must hold no markup."""
    raw = json.dumps({"error": {"message": words, "type": "odd"}})
    oxen = {"type": "unknown_error", "title": "Bad.", "detail": words}
    located = [{"loc": ["body", 0, "n"], "msg": words, "type": "missing", "input": 1}]
    page = f"<!DOCTYPE html><html><head><title>{words}</title></head><body>nginx</body></html>".encode()
    return {
        "OpenAI": _json({"error": {"message": words, "type": "t", "param": None, "code": None}}, words),
        "code as a number": _json({"error": {"code": 7, "message": words, "type": "t"}}, words),
        "OpenRouter": _json(
            {"error": {"code": 7, "message": "Upstream", "metadata": {"provider_name": "X", "raw": raw}}},
            f"Upstream: {words}",
        ),
        "Oxen A": _json(
            {"error": oxen, "status": "error", "status_message": "t", "status_description": "Bad."},
            f"Bad. {words}",
        ),
        "Oxen A, number": _json({"error": {"type": "upstream", "title": words}, "status": 502}, words),
        "Oxen B": _json({"error": {"message": words}}, words),
        "text": _json({"error": words, "error_type": "validation"}, words),
        "xAI": _json({"code": "c", "error": words}, words),
        "FastAPI": _json({"detail": words}, words),
        "FastAPI places": _json({"detail": located}, f"0.n: {words}"),
        "Mistral": _json({"object": "error", "message": words, "type": "t", "code": "1300"}, words),
        "Mistral object": _json({"object": "error", "message": {"detail": located}}, f"0.n: {words}"),
        "gateway": _json({"message": words, "request_id": "r"}, words),
        "Anthropic": _json({"type": "error", "error": {"type": "overloaded", "message": words}}, words),
        "Gemini": _json([{"error": {"code": 7, "message": words, "status": "ODD", "details": []}}], words),
        "page": Shape(body=page, content_type="text/html", words=words),
        "plain": Shape(body=words.encode(), content_type="text/plain", words=words),
        "stream": Shape(
            body=f"event: error\ndata: {raw}\n\n".encode(), content_type="text/event-stream", words=words
        ),
        "cut off": Shape(body=raw.encode()[:-12], words=words),
        "gzip": Shape(body=gzip.compress(raw.encode()), words=words),
        "nothing": Shape(body=b"", content_type="text/plain", words=""),
    }


_KIND = FailureKind
STATUS_KINDS = {
    400: _KIND.REQUEST,
    401: _KIND.KEY,
    402: _KIND.CREDITS,
    403: _KIND.KEY,
    404: _KIND.NOT_FOUND,
    405: _KIND.NOT_FOUND,
    408: _KIND.SERVER,
    409: _KIND.SERVER,
    413: _KIND.CONTEXT,
    415: _KIND.REQUEST,
    422: _KIND.REQUEST,
    424: _KIND.SERVER,
    425: _KIND.SERVER,
    429: _KIND.RATE,
    498: _KIND.SERVER,
    499: _KIND.SERVER,
    **dict.fromkeys((500, 501, 502, 503, 504, 505), _KIND.SERVER),
    **dict.fromkeys((520, 521, 522, 523, 524, 525, 526, 529), _KIND.SERVER),
}
"""What each status is where the words say nothing more."""
