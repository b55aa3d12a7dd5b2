from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drover.wire.chat import provider_error

_NOW = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("body", "words", "code", "parameter"),
    [
        (
            {
                "error": {
                    "message": "m",
                    "type": "invalid_request_error",
                    "param": "top_p",
                    "code": "unsupported_value",
                }
            },
            "m",
            "unsupported_value",
            "top_p",
        ),
        (
            {"error": {"message": "m", "type": "invalid_request_error", "code": 400}},
            "m",
            "invalid_request_error",
            None,
        ),
        ({"error": {"message": "m", "type": None, "code": "429"}}, "m", "429", None),
        (
            {
                "error": {
                    "code": 400,
                    "message": "Provider returned error",
                    "metadata": {"provider_name": "X", "raw": '{"error":{"message":"top_k is unknown"}}'},
                },
                "user_id": "u",
            },
            "Provider returned error: top_k is unknown",
            "400",
            "top_k",
        ),
        (
            {
                "error": {"type": "invalid_params", "title": "Bad request.", "detail": "n must be > 0"},
                "status": "error",
                "status_message": "invalid_params",
                "status_description": "Bad request.",
            },
            "Bad request. n must be > 0",
            "invalid_params",
            None,
        ),
        (
            {"error": {"type": "upstream", "title": "The model provider returned an error."}, "status": 502},
            "The model provider returned an error.",
            "upstream",
            None,
        ),
        ({"error": {"message": "Model not found: nope"}}, "Model not found: nope", None, None),
        ({"error": "m"}, "m", None, None),
        ({"error": "m", "error_type": "validation"}, "m", "validation", None),
        ({"code": "c", "error": "m"}, "m", "c", None),
        ({"error": "Bad Request", "message": "m", "statusCode": 400}, "Bad Request: m", None, None),
        ({"detail": "Not Found"}, "Not Found", None, None),
        (
            {
                "detail": [
                    {"loc": ["body", "top_k"], "msg": "not permitted", "type": "extra", "input": 1},
                    {"loc": ["body", "messages", 0], "msg": "missing", "type": "missing"},
                ]
            },
            "top_k: not permitted\nmessages.0: missing",
            None,
            "top_k",
        ),
        (
            {
                "object": "error",
                "message": "m",
                "type": "t",
                "param": None,
                "code": "1300",
                "raw_status_code": 429,
            },
            "m",
            "t",
            None,
        ),
        (
            {
                "object": "error",
                "type": "invalid_request_error",
                "code": None,
                "message": {
                    "detail": [{"type": "extra_forbidden", "loc": ["body", "seed"], "msg": "Extra inputs"}]
                },
            },
            "seed: Extra inputs",
            "invalid_request_error",
            "seed",
        ),
        ({"message": "Unauthorized", "request_id": "r"}, "Unauthorized", None, None),
        (
            {"type": "error", "error": {"type": "overloaded_error", "message": "m"}},
            "m",
            "overloaded_error",
            None,
        ),
        (
            [{"error": {"code": 400, "message": "m", "status": "INVALID_ARGUMENT", "details": [{"x": 1}]}}],
            "m",
            "400",
            None,
        ),
        (
            {"error": {"message": "Failed.", "code": "tool_use_failed", "failed_generation": "<x>"}},
            "Failed. <x>",
            "tool_use_failed",
            None,
        ),
        ({"status": "error", "status_message": "odd", "status_description": "Odd."}, "Odd.", "odd", None),
        ({"error": {}}, "HTTP 400 Bad Request", None, None),
        ([], "HTTP 400 Bad Request", None, None),
        (
            {"success": False, "errors": [{"code": 7003, "message": "No route"}, {"message": "m"}]},
            "No route\nm",
            None,
            None,
        ),
        ({"error": "invalid_token", "error_description": "m"}, "invalid_token: m", None, None),
        (
            {
                "error": {
                    "code": 403,
                    "message": "Input was flagged",
                    "metadata": {"reasons": ["violence"], "flagged_input": "x", "provider_name": "P"},
                }
            },
            "Input was flagged: violence",
            "403",
            None,
        ),
        ({"odd": ["thing"]}, '{"odd": ["thing"]}', None, None),
    ],
)
def test_every_known_shape_of_body_is_read(
    body: object, words: str, code: str | None, parameter: str | None
) -> None:
    error = provider_error(400, {}, json.dumps(body).encode())

    assert (error.message, error.code, error.parameter) == (words, code, parameter)
    assert error.status == 400


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"<html><head><title>502 Bad Gateway</title></head></html>", "502 Bad Gateway"),
        (
            b"<!DOCTYPE html>\n<title>host | 524: A timeout\n occurred</title>",
            "host | 524: A timeout occurred",
        ),
        (b"<html><body><center><h1>413 Too Large</h1></center></body></html>", "413 Too Large"),
        (b"upstream connect error", "upstream connect error"),
        (b"", "HTTP 502 Bad Gateway"),
        (b'{"error": cut', '{"error": cut'),
        (b'event: error\ndata: {"error":{"message":"m"}}\n\n', "m"),
        (b'data: {"error":"m"}', "m"),
        (b'\xef\xbb\xbf\n{"error":"m"}', "m"),
        (gzip.compress(b'{"error":"m"}'), "m"),
        (b"data: no JSON at all\n\ndata: but two lines\n\n", "no JSON at all\nbut two lines"),
        (b'id: 1\nevent: error\ndata: {"detail":"m"}\n\n', "m"),
        (gzip.compress(b'{"error":"m"}')[:-9], "m"),
        (b"\x1f\x8b\x08\x00garbage", "HTTP 502 Bad Gateway"),
        (b"\xff\xfe\x00", "\ufffd\ufffd\x00"),
    ],
)
def test_a_body_that_is_no_json_is_read_too(body: bytes, words: str) -> None:
    assert provider_error(502, {}, body).message == words


@pytest.mark.parametrize("size", [0, 1, 40, 4000])
def test_a_body_cut_off_in_what_it_repeats_of_the_request_is_read_up_to_there(size: int) -> None:
    said = {"loc": ["body", "top_k"], "msg": 'Field required, "not" {given', "input": "{"}
    whole = json.dumps({"detail": [said, {"msg": "Another", "input": {"messages": ["word " * 2000]}}]})
    cut = whole[: whole.index("word") + size].encode()

    error = provider_error(422, {}, cut)

    assert (error.message, error.parameter) == ('top_k: Field required, "not" {given\nAnother', "top_k")


@given(st.integers(0, 400))
def test_a_document_cut_anywhere_never_raises_and_never_says_nothing(size: int) -> None:
    body = json.dumps({"error": {"message": "m", "type": "t", "param": "top_p", "list": [{}, [1, 'a"']]}})

    assert provider_error(400, {}, body[:size].encode()).message


@given(st.binary(max_size=80), st.sampled_from([b"", b"{", b'{"error":', b"<html>", b"data: ", b"\x1f\x8b"]))
def test_no_body_raises(noise: bytes, start: bytes) -> None:
    assert provider_error(500, {}, start + noise).message


@pytest.mark.parametrize(
    ("message", "parameter"),
    [
        ("Unsupported parameter: 'max_tokens' is not supported with this model.", "max_tokens"),
        ("Use max_completion_tokens instead", "max_tokens"),
        ("`temperature` and `top_p` cannot both be specified", "temperature"),
        ("stream_options is not permitted", "stream_options"),
        ("Unknown field: stop", "stop"),
        ("'seed' is odd", "seed"),
        ("The server can't go on and had to stop for a while", None),
        ("max_tokens_to_sample is odd", None),
        ("Nothing is named here", None),
    ],
)
def test_the_parameter_is_found_in_the_words(message: str, parameter: str | None) -> None:
    body = json.dumps({"error": {"message": message}}).encode()

    assert provider_error(400, {}, body).parameter == parameter
    assert provider_error(500, {}, body).parameter is None


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "7"}, 7.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after": "-3"}, 0.0),
        ({"retry-after": "Mon, 23 Nov 2026 12:01:00 GMT"}, 60.0),
        ({"retry-after": "Mon, 23 Nov 2026 12:01:00 GMT", "date": "Mon, 23 Nov 2026 12:00:30 GMT"}, 30.0),
        ({"retry-after": "Mon, 23 Nov 2020 12:01:00 GMT"}, 0.0),
        ({"retry-after-ms": "250", "retry-after": "1"}, 0.25),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "Mon, 23 Nov 99999 12:01:00 GMT"}, None),
        ({"retry-after": "Mon, 23 Nov 2026 12:01:00 +9999999999"}, None),
        ({"retry-after": "Mon, 23 Nov 2026 12:01:00 GMT", "date": "yesterday"}, 60.0),
        ({"retry-after": "9" * 400}, None),
        ({}, None),
    ],
)
def test_the_wait_is_read_in_every_form(headers: dict[str, str], seconds: float | None) -> None:
    assert provider_error(429, headers, b"", now=_NOW).retry_after_s == seconds


@pytest.mark.parametrize(
    ("value", "should_repeat"), [("true", True), (" FALSE ", False), ("maybe", None), ("", None)]
)
def test_what_the_server_says_of_another_attempt_is_read(value: str, should_repeat: bool | None) -> None:
    assert provider_error(500, {"X-Should-Retry": value}, b"").should_repeat is should_repeat


def test_limits_are_kept_as_the_server_writes_them() -> None:
    headers = {
        "Content-Type": "application/json",
        "Retry-After": "7",
        "x-ratelimit-reset-tokens": "6m0s",
        "X-RateLimit-Reset": "1764000000000",
        "anthropic-ratelimit-requests-reset": "2026-11-23T12:00:00Z",
        "RateLimit-Reset": "30",
        "x-ratelimit-limit": "Bearer abcdefgh12345678",
    }

    limits = dict(provider_error(429, headers, b"").limits)

    assert list(limits) == list(headers)[1:]
    assert limits["x-ratelimit-reset-tokens"] == "6m0s"
    assert limits["x-ratelimit-limit"] == "Bearer [key removed]"


@pytest.mark.parametrize(
    ("headers", "body", "request_id"),
    [
        ({"X-Request-ID": "a", "cf-ray": "b"}, b"", "a"),
        ({"x-generation-id": "g"}, b"", "g"),
        ({"CF-Ray": "b"}, b"", "b"),
        ({}, b'{"message":"m","request_id":"r"}', "r"),
        ({}, b"", None),
    ],
)
def test_the_request_id_is_kept(headers: dict[str, str], body: bytes, request_id: str | None) -> None:
    assert provider_error(500, headers, body).request_id == request_id


def test_the_body_is_capped_and_holds_no_credentials() -> None:
    body = json.dumps({"error": {"message": "Bearer abcdefgh12345678"}, "pad": "x" * 20_000}).encode()

    error = provider_error(400, {}, body)

    assert len(error.body) == 8192
    assert b"abcdefgh" not in error.body
    assert "abcdefgh" not in error.message


def test_a_redirect_says_where_it_points() -> None:
    error = provider_error(308, {"Location": "https://host.example/v2"}, b"")

    assert error.hint == "It points to https://host.example/v2; set the base URL to that server."
