"""No credential passes the log, and with it no error, export or report."""

from __future__ import annotations

import pytest

from drover.log import redact, register_secret


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Bearer canary-key-123",
        '{"authorization": "Bearer canary-key-123"}',
        "api_key=canary-key-123&x=1",
        '"x-api-key": "canary-key-123"',
        "invalid key sk-canary-key-123 given",
    ],
)
def test_what_looks_like_a_key_is_removed(text: str) -> None:
    assert "canary-key-123" not in redact(text)


def test_a_known_key_is_removed_wherever_it_stands() -> None:
    register_secret("quite+ordinary")
    assert redact("you sent quite+ordinary, twice: quite+ordinary") == (
        "you sent [key removed], twice: [key removed]"
    )


def test_ordinary_words_stay() -> None:
    text = "The bearer of this letter may keep the authorization in his pocket."
    assert redact("Rate limit exceeded for model gpt-oss-20b") == "Rate limit exceeded for model gpt-oss-20b"
    assert "letter" in redact(text)
