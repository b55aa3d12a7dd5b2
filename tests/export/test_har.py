"""A run as an HTTP Archive, against a schema of the format."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from tests.store import values

from drover.domain.run import Exchange, Failure, FailureKind, Run, RunStatus, Timing
from drover.export.har import har

SCHEMA = json.loads((Path(__file__).parents[1] / "corpora" / "har-1.2.schema.json").read_text())


def settled() -> Run:
    """A run that waited 250 ms for its key and then took 1.5 s."""
    run = values.ended(values.run())
    return replace(
        run,
        settled_at=run.created_at + timedelta(milliseconds=1750),
        request_body='{"model":"m","messages":[{"role":"user","content":"\u00e9\u2028 </script>"}]}'.encode(),
        timing=Timing(connect_ms=20.5, first_byte_ms=120.5, first_token_ms=130, total_ms=1500),
    )


def exchange(**more: Any) -> Exchange:
    """What went over the wire in three pieces."""
    return Exchange(
        **{
            "run_id": "r",
            "request_line": "POST https://host.example/v1/chat/completions?version=2&empty=",
            "request_headers": (("Accept", "text/event-stream"), ("Authorization", "Bearer $OXEN_API_KEY")),
            "response_status": 200,
            "response_headers": (("content-type", "text/event-stream"), ("x-request-id", "1")),
            "http_version": "HTTP/1.1",
            "raw_stream": "data: {}\n\ndata: \u00e9\n\n".encode(),
            "chunk_marks": ((120.53, 10), (130.04, 12), (1499.96, 20)),
            **more,
        }
    )


def read(run: Run, of: Exchange) -> dict[str, Any]:
    """The one entry, once the whole has been found valid."""
    document = json.loads(har(run, of))
    jsonschema.validate(document, SCHEMA, cls=jsonschema.Draft202012Validator)
    (entry,) = document["log"]["entries"]
    return dict(entry)


def test_an_entry_holds_the_request_the_response_and_the_times() -> None:
    run = settled()
    entry = read(run, exchange())
    assert entry["request"]["postData"]["text"].encode() == run.request_body
    assert entry["request"]["queryString"] == [
        {"name": "version", "value": "2"},
        {"name": "empty", "value": ""},
    ]
    assert {"name": "Authorization", "value": "Bearer $OXEN_API_KEY"} in entry["request"]["headers"]
    assert entry["response"]["content"] == {
        "size": 20,
        "mimeType": "text/event-stream",
        "text": "data: {}\n\ndata: \u00e9\n\n",
    }
    assert (entry["response"]["status"], entry["response"]["statusText"]) == (200, "OK")
    assert entry["timings"] == {
        "blocked": 250.0, "dns": -1, "connect": 20.5, "ssl": -1, "send": 0.0, "wait": 100.0, "receive": 1379.5
    }  # fmt: skip
    assert entry["time"] == 1750.0
    assert entry["_chunks"] == [
        {"time": 120.5, "size": 10},
        {"time": 130.0, "size": 2},
        {"time": 1500.0, "size": 8},
    ]


def test_bytes_that_are_no_text_are_kept_in_base64() -> None:
    raw = b"\xff\xfe\x00broken"
    content = read(settled(), exchange(raw_stream=raw))["response"]["content"]
    assert content["encoding"] == "base64"
    assert base64.b64decode(content["text"]) == raw


@pytest.mark.parametrize("has_times", [True, False])
def test_a_request_that_nobody_answered_is_valid_too(has_times: bool) -> None:
    failure = Failure(kind=FailureKind.CONNECTION, message="No connection to host.example.")
    run = replace(settled(), status=RunStatus.FAILED, failure=failure)
    run = run if has_times else replace(run, timing=Timing(), settled_at=None)
    nothing = exchange(
        response_status=None, response_headers=(), http_version="", raw_stream=b"", chunk_marks=()
    )
    entry = read(run, nothing)
    assert entry["response"]["status"] == 0
    assert entry["response"]["_error"] == "No connection to host.example."
    assert entry["_chunks"] == []


def test_a_status_without_a_name_and_a_redirect_are_told_as_they_came() -> None:
    headers = (("Location", "https://elsewhere.example/"),)
    response = read(settled(), exchange(response_status=529, response_headers=headers))["response"]
    assert (response["status"], response["statusText"]) == (529, "")
    assert response["redirectURL"] == "https://elsewhere.example/"


def test_the_schema_refuses_what_the_format_does_not_know() -> None:
    document = json.loads(har(settled(), exchange()))
    document["log"]["entries"][0]["chunks"] = []
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, SCHEMA, cls=jsonschema.Draft202012Validator)
