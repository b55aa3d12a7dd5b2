"""What went wrong and what to do, as sentences."""

from __future__ import annotations

import pytest

from drover.errors import ConfigurationError


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ("It broke", "It broke. Try again."),
        ("It broke.", "It broke. Try again."),
        ("The server said “no”", "The server said “no”. Try again."),
        ("The server said “No.”", "The server said “No.” Try again."),
    ],
)
def test_message_and_hint_are_two_sentences(message: str, words: str) -> None:
    assert ConfigurationError(message, hint="Try again.").words == words
