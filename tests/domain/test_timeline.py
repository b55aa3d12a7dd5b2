"""How a run spent its time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from drover.domain.parameters import SamplingParameters
from drover.domain.run import Run, RunStatus, Timing, Usage
from drover.domain.timeline import PhaseKind, phases_of, rates_of, stalls_in, timeline

AT = datetime(2026, 11, 12, 14, 2, tzinfo=UTC)


def run_with(timing: Timing, *, whole_s: float | None = None, tokens: int | None = None) -> Run:
    return Run(
        id="r", conversation_id="c", parent_id="q", message_id="m", endpoint_id="e", endpoint_name="E",
        base_url="", model_id="m", parameters=SamplingParameters(), system_prompt="",
        status=RunStatus.COMPLETE, created_at=AT, timing=timing,
        settled_at=AT + timedelta(seconds=whole_s) if whole_s is not None else None,
        usage=Usage(completion_tokens=tokens) if tokens is not None else None,
    )  # fmt: skip


def spans(timing: Timing, **more: float) -> list[tuple[str, float, float]]:
    return [(phase.kind.value, phase.start_ms, phase.end_ms) for phase in phases_of(timing, **more)]


def test_every_phase_of_a_run_that_thought_follows_the_one_before() -> None:
    timing = Timing(
        connect_ms=50, first_byte_ms=300, first_token_ms=400, reasoning_started_ms=400,
        reasoning_ended_ms=900, last_token_ms=1400, total_ms=1450,
    )  # fmt: skip
    assert spans(timing, queued_ms=200) == [
        ("queued", -200, 0), ("connecting", 0, 50), ("waiting", 50, 400), ("reasoning", 400, 900),
        ("answering", 900, 1400), ("ending", 1400, 1450),
    ]  # fmt: skip


def test_a_reused_connection_has_no_phase_of_its_own() -> None:
    assert spans(Timing(first_token_ms=400, last_token_ms=600))[0] == ("waiting", 0, 400)


def test_a_run_without_a_token_waited_to_its_end() -> None:
    assert spans(Timing(connect_ms=20, total_ms=600)) == [("connecting", 0, 20), ("waiting", 20, 600)]


def test_a_run_that_only_thought_has_no_answer() -> None:
    timing = Timing(first_token_ms=10, reasoning_started_ms=10, last_token_ms=90, total_ms=90)
    assert spans(timing) == [("waiting", 0, 10), ("reasoning", 10, 90)]


def test_a_run_in_progress_lasts_until_now() -> None:
    timing = Timing(first_token_ms=10, reasoning_started_ms=10, reasoning_ended_ms=50, last_token_ms=70)
    assert spans(timing, until_ms=80.0)[-1] == ("answering", 50, 80)


def test_the_time_before_the_sending_is_told_from_the_clock_at_the_end() -> None:
    shown = timeline(run_with(Timing(first_token_ms=100, last_token_ms=900, total_ms=1000), whole_s=3.5))
    assert shown.phases[0].kind is PhaseKind.QUEUED
    assert shown.start_ms == pytest.approx(-2500)
    assert shown.end_ms == 1000


def test_an_even_stream_makes_an_even_curve_at_its_mean() -> None:
    rates = rates_of([10.0 * index for index in range(1, 401)])
    assert {round(rate, 3) for _, rate in rates} == {100.0}


def test_pieces_of_one_packet_count_each() -> None:
    arrivals = [100.0 * (index // 4) for index in range(400)]
    mean = sum(rate for _, rate in rates_of(arrivals)) / len(rates_of(arrivals))
    assert mean == pytest.approx(40, rel=0.05)


def test_the_curve_falls_to_nothing_in_a_stall() -> None:
    arrivals = [20.0 * index for index in range(100)] + [4000 + 20.0 * index for index in range(100)]
    in_stall = [rate for at_ms, rate in rates_of(arrivals) if 2200 < at_ms < 3800]
    assert in_stall
    assert max(in_stall) == 0


def test_rates_count_tokens_where_a_piece_holds_several() -> None:
    arrivals = [100.0 + 10 * index for index in range(100)]
    timing = Timing(first_token_ms=100, last_token_ms=1090, total_ms=1100)
    shown = timeline(run_with(timing, tokens=200), [50.0, *arrivals, 1095.0])
    assert shown.rates[50][1] == pytest.approx(200)


def test_what_came_in_a_few_packets_has_no_curve() -> None:
    arrivals = [100.0] * 40 + [900.0] * 40
    timing = Timing(first_token_ms=100, last_token_ms=900, total_ms=1000)
    assert timeline(run_with(timing, tokens=80), arrivals).rates == ()


@pytest.mark.parametrize(("gap_ms", "is_stall"), [(200, False), (260, True)])
def test_a_stall_is_five_usual_gaps_and_a_quarter_of_a_second(gap_ms: float, is_stall: bool) -> None:
    arrivals = [30.0 * index for index in range(20)]
    arrivals.append(arrivals[-1] + gap_ms)
    found = stalls_in(arrivals)
    assert [stall.length_ms for stall in found] == ([gap_ms] if is_stall else [])


def test_a_slow_model_does_not_stall_at_every_token() -> None:
    assert stalls_in([400.0 * index for index in range(20)]) == ()


def test_few_arrivals_say_nothing_about_stalls() -> None:
    assert stalls_in([0.0, 10.0, 3000.0]) == ()
