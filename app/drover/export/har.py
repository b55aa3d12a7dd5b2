"""One run as an HTTP Archive 1.2, which browsers and proxies read: http://www.softwareishard.com/blog/har-12-spec/."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import timedelta
from http.client import responses
from itertools import pairwise
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from drover import __version__
from drover.domain.run import Exchange, Run

_UNKNOWN = -1
"""What the format wants for a size or a time that is not known."""


def har(run: Run, exchange: Exchange) -> bytes:
    """The exchange of a settled run, as JSON in UTF-8; `run` needs its request body.

    In the place of the key stands the name of its variable. Beside what the format knows, `_chunks` of the
    entry holds when each piece of the stream arrived (milliseconds since sending) and its size in bytes.
    """
    timings = _timings(run)
    entry: dict[str, Any] = {
        "startedDateTime": run.created_at.isoformat(timespec="milliseconds"),
        "time": round(sum(value for value in timings.values() if value != _UNKNOWN), 1),
        "request": _request(run, exchange),
        "response": _response(exchange),
        "cache": {},
        "timings": timings,
        "comment": f"{run.endpoint_name}, {run.model_id}: {run.status.value}",
        "_chunks": _chunks(exchange),
    }
    if run.failure is not None:
        entry["response"]["_error"] = run.failure.message
    log = {
        "version": "1.2",
        "creator": {"name": "Drover", "version": __version__},
        "entries": [entry],
    }
    return json.dumps({"log": log}, ensure_ascii=False, indent=1).encode("utf-8", "replace")


def _request(run: Run, exchange: Exchange) -> dict[str, Any]:
    method, _, url = exchange.request_line.partition(" ")
    return {
        "method": method,
        "url": url,
        "httpVersion": exchange.http_version,
        "cookies": [],
        "headers": _headers(exchange.request_headers),
        "queryString": [
            {"name": name, "value": value}
            for name, value in parse_qsl(urlsplit(url).query, keep_blank_values=True)
        ],
        "postData": {
            "mimeType": "application/json",
            "params": [],
            "text": run.request_body.decode("utf-8", "replace"),
        },
        "headersSize": _UNKNOWN,
        "bodySize": len(run.request_body),
    }


def _response(exchange: Exchange) -> dict[str, Any]:
    status = exchange.response_status or 0
    return {
        "status": status,
        "statusText": responses.get(status, ""),
        "httpVersion": exchange.http_version,
        "cookies": [],
        "headers": _headers(exchange.response_headers),
        "content": _content(exchange),
        "redirectURL": _header(exchange.response_headers, "location"),
        "headersSize": _UNKNOWN,
        "bodySize": len(exchange.raw_stream) if exchange.response_status is not None else _UNKNOWN,
    }


def _content(exchange: Exchange) -> dict[str, Any]:
    content: dict[str, Any] = {
        "size": len(exchange.raw_stream),
        "mimeType": _header(exchange.response_headers, "content-type"),
    }
    try:
        content["text"] = exchange.raw_stream.decode()
    except UnicodeDecodeError:
        import base64

        content |= {"text": base64.b64encode(exchange.raw_stream).decode(), "encoding": "base64"}
    return content


def _timings(run: Run) -> dict[str, float]:
    """Milliseconds. What came before sending (looking up the key, starting a server) counts as blocked."""
    timing = run.timing
    total = timing.total_ms or 0.0
    blocked = float(_UNKNOWN)
    if run.settled_at is not None:
        waited = (run.settled_at - run.created_at) / timedelta(milliseconds=1)
        blocked = max(0.0, waited - total)
    connect = timing.connect_ms
    first_byte = timing.first_byte_ms if timing.first_byte_ms is not None else total
    return {
        "blocked": round(blocked, 1),
        "dns": _UNKNOWN,
        "connect": _UNKNOWN if connect is None else connect,
        "ssl": _UNKNOWN,
        "send": 0.0,
        "wait": round(max(0.0, first_byte - (connect or 0.0)), 1),
        "receive": round(max(0.0, total - first_byte), 1),
    }


def _headers(headers: Iterable[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in headers]


def _header(headers: Iterable[tuple[str, str]], wanted: str) -> str:
    return next((value for name, value in headers if name.lower() == wanted), "")


def _chunks(exchange: Exchange) -> list[dict[str, float]]:
    marks = [(0.0, 0), *exchange.chunk_marks]
    return [
        {"time": round(at_ms, 1), "size": received - before}
        for (_, before), (at_ms, received) in pairwise(marks)
    ]
