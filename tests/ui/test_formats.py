"""How numbers and times read."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from drover.domain.parameters import ParameterChange
from drover.ui import formats

NOW = datetime(2026, 11, 19, 15, 30).astimezone()  # a Thursday, local time


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (730, "730"),
        (4096, "4\u202f096"),
        (131000, "131\u202f000"),
        (-1234567, "−1\u202f234\u202f567"),
    ],
)
def test_whole_numbers_have_their_thousands_apart(value: int, text: str) -> None:
    assert formats.whole(value) == text


@pytest.mark.parametrize(
    ("value", "places", "text"),
    [
        (0.7, None, "0.7"),
        (1.0, None, "1"),
        (0.2, 2, "0.20"),
        (-1.5, None, "−1.5"),
        (-0.001, 2, "0.00"),
        (4096, None, "4\u202f096"),
        (1234.5, None, "1\u202f234.5"),
    ],
)
def test_decimals_have_a_real_minus_and_no_needless_places(
    value: float, places: int | None, text: str
) -> None:
    assert formats.decimal(value, places) == text


@pytest.mark.parametrize(
    ("difference", "text"),
    [
        (ParameterChange(name="seed", before=None, after=7), "+ seed 7"),
        (ParameterChange(name="seed", before=None, after=123456), "+ seed 123456"),
        (ParameterChange(name="top_p", before=0.9, after=None), "− top_p"),
        (ParameterChange(name="temperature", before=0.7, after=0.2), "temperature 0.7 → 0.2"),
        (ParameterChange(name="stop", before=None, after=("\n\nQ:",)), "+ stop"),
        (ParameterChange(name="stop", before=("a",), after=("\n",)), "stop → “\\n”"),
        (ParameterChange(name="reasoning_effort", before=None, after="low"), "+ reasoning_effort low"),
    ],
)
def test_a_change_of_a_parameter_reads_as_a_difference(difference: ParameterChange, text: str) -> None:
    assert formats.change(difference) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0001, "1 ms"),
        (0.0234, "23 ms"),
        (0.0994, "99 ms"),
        (0.0996, "0.1 s"),
        (0.42, "0.4 s"),
        (9.94, "9.9 s"),
        (12.3, "12 s"),
        (59.7, "1 min"),
        (65, "1 min 5 s"),
        (3599.6, "1 h"),
        (7380, "2 h 3 min"),
        (-1, "0.0 s"),
    ],
)
def test_durations(seconds: float, text: str) -> None:
    assert formats.duration(seconds) == text


def test_a_duration_in_whole_seconds_keeps_tenths_only_below_one() -> None:
    assert formats.duration(8.4, tenths_below_s=1) == "8 s"
    assert formats.duration(0.4, tenths_below_s=1) == "0.4 s"
    assert formats.duration(0.04, tenths_below_s=1) == "40 ms"
    assert formats.duration(0.04, tenths_below_s=0) == "0 s"


def test_measures() -> None:
    assert formats.tokens(1) == "1 token"
    assert formats.tokens(1024) == "1\u202f024 tokens"
    assert formats.rate(42.4) == "42 tok/s"
    assert formats.rate(7.25) == "7.2 tok/s"


def test_money() -> None:
    assert formats.usd(0.0002) == "$0.0002"
    assert formats.usd(1.4) == "$1.40"
    assert formats.usd(0) == "$0.00"
    assert formats.usd_per_million(0.05e-6) == "$0.05"


@pytest.mark.parametrize(
    ("age", "text"),
    [
        (timedelta(hours=1, minutes=28), "14:02"),
        (timedelta(days=1), "Wed"),
        (timedelta(days=6), "Fri"),
        (timedelta(days=7), "12 Nov"),
        (timedelta(days=400), "15 Oct 2025"),
        (timedelta(days=-1), "20 Nov"),
    ],
)
def test_a_list_time_is_as_short_as_its_age_allows(age: timedelta, text: str) -> None:
    assert formats.list_time(NOW - age, now=NOW) == text


@pytest.mark.parametrize(
    ("age", "text"),
    [
        (timedelta(seconds=5), "just now"),
        (timedelta(minutes=1), "1 minute ago"),
        (timedelta(hours=2), "2 hours ago"),
        (timedelta(days=3), "3 days ago"),
        (timedelta(days=10), "on 9 Nov"),
    ],
)
def test_ago(age: timedelta, text: str) -> None:
    assert formats.ago(NOW - age, now=NOW) == text


def test_a_moment_names_the_day_only_when_it_is_not_today() -> None:
    assert formats.moment(NOW, now=NOW) == "15:30"
    assert formats.moment(NOW - timedelta(days=2), now=NOW) == "17 Nov, 15:30"


def test_a_tip_is_never_read_as_html() -> None:
    assert formats.tip("0 to 1\nof a > b & c") == "0 to 1\nof a > b & c"
    assert formats.tip("a <b>\n&") == "<span>a &lt;b&gt;<br>&amp;</span>"
    assert formats.tip("word " * 50) == f"<span>{'word ' * 50}</span>"
