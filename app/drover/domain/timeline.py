"""How a run spent its time: its phases, its stalls, and how fast the text came."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import Final

from drover.domain.run import Run, Timing

_SAMPLES: Final = 160
_LEAST_QUEUED_MS: Final = 20.0
_STALL_FACTOR: Final = 5.0
_LEAST_STALL_MS: Final = 250.0
_LEAST_GAPS: Final = 5
_LEAST_ARRIVALS: Final = 8
"""Fewer packets make spikes, not a curve."""


class PhaseKind(StrEnum):
    """What a run was waiting for, or getting."""

    QUEUED = "queued"
    """Not sent yet: looking up the key, starting the built-in server, a pause that the server asked for."""
    CONNECTING = "connecting"
    WAITING = "waiting"
    """Sent; nothing of the reply had come."""
    REASONING = "reasoning"
    ANSWERING = "answering"
    ENDING = "ending"
    """The reply was there, the stream had not ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """One stretch of a run; milliseconds since it was sent, negative before that."""

    kind: PhaseKind
    start_ms: float
    end_ms: float

    @property
    def length_ms(self) -> float:
        """How long it took."""
        return self.end_ms - self.start_ms


@dataclass(frozen=True, slots=True, kw_only=True)
class Stall:
    """A gap between two arrivals that is long for this run; milliseconds since it was sent."""

    start_ms: float
    end_ms: float

    @property
    def length_ms(self) -> float:
        """How long nothing came."""
        return self.end_ms - self.start_ms


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """The time of one run."""

    phases: tuple[Phase, ...] = ()
    """In order and without gaps; empty where nothing was measured."""
    stalls: tuple[Stall, ...] = ()
    """In order."""
    rates: tuple[tuple[float, float], ...] = ()
    """(milliseconds since sending, tokens a second) at even distances from the first token to the last."""
    mean_tokens_per_s: float | None = None

    @property
    def start_ms(self) -> float:
        """Where it begins: 0, or less where the run was queued."""
        return self.phases[0].start_ms if self.phases else 0.0

    @property
    def end_ms(self) -> float:
        """Where it ends."""
        return self.phases[-1].end_ms if self.phases else 0.0


def timeline(run: Run, arrivals_ms: Sequence[float] = ()) -> Timeline:
    """The time of a settled run. `arrivals_ms` is when each piece of the stream came, ascending.

    Pieces before the first and after the last token (heads, usage) do not count. A server may report more
    tokens than pieces came, so rates are scaled to the run's own count. What came in a few packets has no
    curve.
    """
    phases = phases_of(run.timing, queued_ms=_queued_ms(run))
    first, last = run.timing.first_token_ms, run.timing.last_token_ms
    if first is None or last is None:
        return Timeline(phases=phases)
    # Timing is kept to tenths of a millisecond, arrivals as they were measured.
    within = [at_ms for at_ms in arrivals_ms if first - 0.1 <= at_ms <= last + 0.1]
    tokens, mean = run.completion_tokens or len(within), run.tokens_per_s
    has_pace = mean is not None and len(set(within)) >= _LEAST_ARRIVALS
    return Timeline(
        phases=phases,
        stalls=stalls_in(within),
        rates=rates_of(within, tokens_each=tokens / len(within)) if has_pace else (),
        mean_tokens_per_s=mean,
    )


def phases_of(timing: Timing, *, queued_ms: float = 0.0, until_ms: float | None = None) -> tuple[Phase, ...]:
    """The phases that these times tell of, empty ones left out; `until_ms` is now, for a run in progress."""
    end = timing.total_ms if until_ms is None else until_ms
    last = timing.last_token_ms if until_ms is None else until_ms
    first = timing.first_token_ms
    connected = timing.connect_ms or 0.0
    marks: list[tuple[PhaseKind, float | None]] = [
        (PhaseKind.QUEUED, 0.0),
        (PhaseKind.CONNECTING, connected),
        (PhaseKind.WAITING, end if first is None else first),
    ]
    if first is not None:
        answer_from = first
        if timing.reasoning_started_ms is not None:
            answer_from = timing.reasoning_ended_ms or last or first
            marks.append((PhaseKind.REASONING, answer_from))
        marks.append((PhaseKind.ANSWERING, max(answer_from, last or first)))
        marks.append((PhaseKind.ENDING, end))
    phases, start = [], -queued_ms
    for kind, stop in marks:
        if stop is not None and stop > start:
            phases.append(Phase(kind=kind, start_ms=start, end_ms=stop))
            start = stop
    return tuple(phases)


def stalls_in(arrivals_ms: Sequence[float]) -> tuple[Stall, ...]:
    """The gaps that are at least five times the median gap between arrivals, and at least 0.25 s.

    Pieces that came in one packet have no gap between them and do not count towards the median. Fewer than
    five gaps say nothing about what is usual.
    """
    gaps = [after - before for before, after in pairwise(arrivals_ms) if after > before]
    if len(gaps) < _LEAST_GAPS:
        return ()
    least_ms = max(_LEAST_STALL_MS, _STALL_FACTOR * _median(gaps))
    return tuple(
        Stall(start_ms=before, end_ms=after)
        for before, after in pairwise(arrivals_ms)
        if after - before >= least_ms
    )


def rates_of(
    arrivals_ms: Sequence[float], *, tokens_each: float = 1.0, samples: int = _SAMPLES
) -> tuple[tuple[float, float], ...]:
    """Tokens a second at even distances from the first arrival to the last; empty for fewer than three.

    Each is the mean over a window of three samples, or of a few arrivals where those are further apart.
    Costs the number of samples, not of arrivals.
    """
    count = len(arrivals_ms)
    if count < 3 or arrivals_ms[-1] <= arrivals_ms[0]:
        return ()
    first, span = arrivals_ms[0], arrivals_ms[-1] - arrivals_ms[0]
    samples = min(samples, count)
    window = span * max(3 / samples, 4 / count)
    rates = []
    for index in range(samples):
        at_ms = first + span * index / (samples - 1)
        start = min(max(at_ms - window / 2, first), first + span - window)
        arrived = _count_at(arrivals_ms, start + window) - _count_at(arrivals_ms, start)
        rates.append((at_ms, arrived * tokens_each * 1000 / window))
    return tuple(rates)


def _count_at(arrivals_ms: Sequence[float], at_ms: float) -> float:
    """How many had arrived, a share of the next one included, so that an even stream makes an even line."""
    index = bisect_right(arrivals_ms, at_ms)
    if index == 0 or index == len(arrivals_ms):
        return float(index)
    before, after = arrivals_ms[index - 1], arrivals_ms[index]
    share = (at_ms - before) / (after - before)
    # After a pause nothing is on its way: the next piece comes within a usual gap of its arrival.
    usual = (arrivals_ms[-1] - arrivals_ms[0]) / (len(arrivals_ms) - 1)
    if after - before > _STALL_FACTOR * usual:
        share = max(0.0, 1 - (after - at_ms) / usual)
    return index + share


def _median(values: Sequence[float]) -> float:
    return sorted(values)[len(values) // 2]


def _queued_ms(run: Run) -> float:
    """From the making of a run to its sending, by the clock at its end; 0 where that is not known."""
    if run.settled_at is None or run.timing.total_ms is None:
        return 0.0
    whole_ms = (run.settled_at - run.created_at).total_seconds() * 1000
    queued_ms = whole_ms - run.timing.total_ms
    return queued_ms if queued_ms >= _LEAST_QUEUED_MS else 0.0
