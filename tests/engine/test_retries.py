"""What is asked for again by itself, after how long, and how often."""

from __future__ import annotations

import math

import pytest
from tests.error_shapes import STATUS_KINDS

from drover.engine.retries import RetryPolicy
from drover.errors import ConnectionFailed, DroverError, ProtocolError, ProviderError
from drover.wire.chat import failure_from, provider_error

PASSING = {408, 409, 425, 429, 498, 500, 502, 503, 504, 520, 521, 522, 523, 524, 525, 526, 529}


def policy(chance: float = 0.0, most: int = 2) -> RetryPolicy:
    return RetryPolicy(most=most, chance=lambda: chance)


def wait(error: DroverError, made: int = 0, *, chance: float = 0.0, most: int = 2) -> float | None:
    return policy(chance, most).wait_s(error, failure_from(error, "Lab"), made)


def refusal(status: int, body: bytes = b"", headers: dict[str, str] | None = None) -> ProviderError:
    return provider_error(status, headers or {}, body)


@pytest.mark.parametrize("status", STATUS_KINDS)
def test_each_status_is_asked_again_only_where_it_may_pass(status: int) -> None:
    most = 0 if status not in PASSING else 1 if status == 524 else 2

    waits = [wait(refusal(status), made) for made in range(3)]

    assert waits == [0.5, 1.0, None][:most] + [None] * (3 - most)


@pytest.mark.parametrize(
    ("made", "chance", "seconds"),
    [(0, 0.0, 0.5), (0, 1.0, 0.375), (1, 0.5, 0.875), (4, 0.0, 8.0), (9, 0.0, 8.0)],
)
def test_the_wait_doubles_up_to_eight_seconds_less_some_chance(
    made: int, chance: float, seconds: float
) -> None:
    assert wait(refusal(500), made, chance=chance, most=99) == seconds


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after-ms": "250"}, 0.25),
        ({"retry-after": "120"}, 120.0),
        ({"retry-after": "121"}, None),
        ({"retry-after": "121", "x-should-retry": "true"}, None),
        ({"retry-after": "0"}, 0.5),
        ({"retry-after": "-4"}, 0.5),
        ({"retry-after": "Mon, 23 Nov 2020 12:01:00 GMT"}, 0.5),
        ({"retry-after": "soon"}, 0.5),
        ({"x-should-retry": "false"}, None),
        ({"x-should-retry": "false", "retry-after": "1"}, None),
    ],
)
def test_the_wait_of_the_server_is_obeyed_up_to_two_minutes(
    headers: dict[str, str], seconds: float | None
) -> None:
    assert wait(refusal(429, headers=headers)) == seconds


def test_a_server_may_ask_to_be_asked_again_after_any_status() -> None:
    assert wait(refusal(400, headers={"x-should-retry": "true"})) == 0.5


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (429, b'{"error":{"message":"You exceeded your current quota","code":"insufficient_quota"}}'),
        (429, b'{"error":{"type":"exceeded_current_quota_error"}}'),
        (429, b'{"error":{"code":"billing_hard_limit_reached"}}'),
        (500, b'{"error":{"message":"the request exceeds the available context size"}}'),
    ],
)
def test_what_does_not_pass_by_itself_is_told_at_once_whatever_the_status(status: int, body: bytes) -> None:
    assert wait(refusal(status, body)) is None


def test_a_budget_that_is_free_again_soon_is_waited_for_and_an_empty_account_is_not() -> None:
    assert wait(refusal(402, headers={"retry-after": "3"})) == 3.0
    assert wait(refusal(402)) is None


@pytest.mark.parametrize(
    ("error", "is_repeated"),
    [
        (ConnectionFailed("No.", phase="name"), True),
        (ConnectionFailed("No.", phase="tcp", is_passing=True), True),
        (ConnectionFailed("No.", phase="first_byte"), False),
        (ConnectionFailed("No.", phase="idle"), False),
        (ConnectionFailed("No.", phase="stream"), False),
        (ProtocolError("No."), False),
    ],
)
def test_a_connection_is_tried_again_only_where_the_server_cannot_be_at_work(
    error: DroverError, is_repeated: bool
) -> None:
    assert (wait(error) is not None) is is_repeated


def test_where_it_is_switched_off_nothing_is_repeated() -> None:
    assert wait(refusal(503, headers={"retry-after": "1"}), most=0) is None


def test_many_clients_do_not_come_back_in_one_moment() -> None:
    error = refusal(503)
    waits = {RetryPolicy().wait_s(error, failure_from(error, "Lab"), 0) or math.nan for _ in range(20)}

    assert len(waits) > 1
    assert all(0.375 <= seconds <= 0.5 for seconds in waits)
