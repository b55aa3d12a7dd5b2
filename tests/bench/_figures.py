"""Figures of many measurements, and the bar that each is held against."""

from __future__ import annotations

import itertools
from collections.abc import Sequence


def spread(values_ms: Sequence[float]) -> dict[str, float]:
    """Median, 99th percentile and maximum."""
    ordered = sorted(values_ms)
    if not ordered:
        return {}
    return {
        "p50": round(ordered[len(ordered) // 2], 2),
        "p99": round(ordered[min(len(ordered) - 1, int(0.99 * len(ordered)))], 2),
        "max": round(ordered[-1], 2),
        "count": len(ordered),
    }


def gaps_ms(times_s: Sequence[float], start_s: float, end_s: float) -> list[float]:
    """Milliseconds between neighbours of these times, for those between start and end."""
    inside = [at for at in times_s if start_s <= at <= end_s]
    return [1000 * (later - earlier) for earlier, later in itertools.pairwise(inside)]


def held(value: float, bar: float, *, unit: str) -> dict[str, object]:
    """A figure beside the most that it may be."""
    return {unit: round(value, 3), "bar": bar, "holds": value <= bar}
