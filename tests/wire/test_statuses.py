"""Each status with each shape of body: what happened and what to do, in words, and no credentials."""

from __future__ import annotations

import pytest
from tests.error_shapes import STATUS_KINDS, shapes

from drover.domain.run import Failure
from drover.wire.chat import failure_from, provider_error

_ECHO = "refused: Authorization: Bearer canary0123456789 api_key=canary0123456789&x"


def told(status: int, body: bytes, headers: dict[str, str] | None = None) -> Failure:
    return failure_from(provider_error(status, headers or {}, body), "Lab", base_url="https://lab.example")


@pytest.mark.parametrize("status", STATUS_KINDS)
def test_each_status_is_told_with_what_the_server_said_in_any_shape(status: int) -> None:
    for name, shape in shapes().items():
        failure = told(status, shape.body)

        assert failure.kind is STATUS_KINDS[status], name
        assert failure.said == shape.words, name
        assert failure.message.startswith(("Lab", "The server behind Lab", "No secure connection")), name
        assert f"({status})" in failure.message, name
        assert failure.hint.endswith("."), name
        assert failure.detail.startswith(f"HTTP {status} "), name


@pytest.mark.parametrize("name", shapes())
def test_credentials_that_a_proxy_repeats_are_removed_in_any_shape(name: str) -> None:
    headers = {"x-request-id": "Bearer canary0123456789", "x-ratelimit-key": "api_key=canary0123456789"}

    failure = told(500, shapes(_ECHO)[name].body, headers)

    assert "canary" not in repr(failure)
    assert "refused" in failure.said or name == "nothing"


@pytest.mark.parametrize(
    ("status", "hint"),
    [
        (404, "Its base URL is https://lab.example; with most servers it ends in /v1."),
        (422, "It gave no reason. Most often it is a parameter that the model does not know."),
        (402, "Add credit to the account, then retry."),
        (524, "Retry, or ask for less: a lower effort or limit."),
        (526, "What stands in front of it refuses its certificate; only its operator can mend that."),
        (501, "Choose another model, or check the base URL."),
    ],
)
def test_each_hint_is_about_what_helps(status: int, hint: str) -> None:
    assert told(status, b"").hint == hint


def test_a_wrong_path_is_named_and_a_missing_model_is_not_taken_for_it() -> None:
    error = provider_error(404, {}, b'{"detail":"Not Found"}')
    model = provider_error(404, {}, b'{"error":{"message":"model x not found"}}')

    assert failure_from(error, "Lab", base_url="https://lab.example/api").hint == (
        "Nothing takes a chat at https://lab.example/api/chat/completions. Check the base URL."
    )
    assert failure_from(model, "Lab", base_url="https://lab.example").hint.startswith("Choose another model")


def test_the_details_hold_address_request_id_and_limits() -> None:
    headers = {"x-request-id": "r1", "retry-after": "7", "x-ratelimit-remaining-requests": "0"}

    assert told(429, b'{"error":"slow"}', headers).detail == (
        "HTTP 429 Too Many Requests\nAddress: https://lab.example/chat/completions\nRequest id: r1\n"
        'retry-after: 7\nx-ratelimit-remaining-requests: 0\n\n{"error":"slow"}'
    )
