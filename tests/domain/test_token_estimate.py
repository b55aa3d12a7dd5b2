from __future__ import annotations

import pytest

from drover.domain.token_estimate import (
    CHARS_PER_TOKEN,
    MeasuredText,
    estimated_tokens,
    in_round_figures,
    is_near_limit,
)


def test_without_a_measured_request_four_characters_count_as_a_token() -> None:
    assert estimated_tokens(0) == 0
    assert estimated_tokens(4_000) == 1_000


def test_a_longer_request_takes_what_the_last_one_took_and_its_rest_at_the_measured_rate() -> None:
    last = MeasuredText(prompt_chars=3_000, prompt_tokens=1_000, reply_chars=600, reply_tokens=200)
    assert last.chars_per_token == 3.0
    assert estimated_tokens(3_000, last) == 1_000
    assert estimated_tokens(3_000 + 600 + 300, last) == 1_300


def test_a_shorter_request_is_estimated_by_its_own_length() -> None:
    last = MeasuredText(prompt_chars=3_000, prompt_tokens=1_000)
    assert estimated_tokens(300, last) == 100


def test_the_reply_alone_measures_the_text_where_the_prompt_was_not_counted() -> None:
    last = MeasuredText(prompt_chars=9_000, prompt_tokens=None, reply_chars=1_000, reply_tokens=500)
    assert last.chars_per_token == 2.0
    assert estimated_tokens(10_000, last) == 5_000


@pytest.mark.parametrize(
    "last",
    [
        MeasuredText(prompt_chars=2, prompt_tokens=35),
        MeasuredText(prompt_chars=100_000, prompt_tokens=5),
        MeasuredText(prompt_chars=1_000, prompt_tokens=90_000),
        MeasuredText(prompt_chars=1_000, prompt_tokens=None),
        MeasuredText(prompt_chars=1_000, prompt_tokens=0),
    ],
)
def test_counts_that_say_nothing_of_the_text_do_not_measure_it(last: MeasuredText) -> None:
    assert last.chars_per_token == CHARS_PER_TOKEN


def test_the_limit_is_near_from_nine_tenths_on() -> None:
    assert not is_near_limit(7_300, 8_192)
    assert is_near_limit(7_400, 8_192)
    assert is_near_limit(9_000, 8_192)
    assert not is_near_limit(9_000, None)


@pytest.mark.parametrize(
    ("tokens", "shown"), [(0, 0), (7, 7), (87, 87), (123, 120), (943, 940), (1_349, 1_300), (99_900, 100_000)]
)
def test_an_estimate_has_two_digits(tokens: int, shown: int) -> None:
    assert in_round_figures(tokens) == shown
