"""What hostile texts cost: the parsers, and their growth when a text doubles; the window that shows them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.bench._machine import machine, screen
from tests.test_markdown_blocks import HOSTILE_TEXTS as HOSTILE_BLOCKS
from tests.ui.test_markdown_inline import HOSTILE_TEXTS as HOSTILE_SPANS

from drover.markdown_blocks import parse
from drover.ui.markdown_inline import parse_inline

_ROOT = Path(__file__).parents[2]
_SLOWEST = 10


def measure() -> dict[str, object]:
    """Seconds for the worst text of each parser, and the largest growth; 2 is linear, 4 quadratic.

    Of the answers in the window those that took longest, in milliseconds: until drawn as an answer or as a
    question, the longest of some jumps in it and of two widths, the longest turn while it streams, its end.
    """
    return {
        "machine": machine(),
        "blocks": _measured(parse, HOSTILE_BLOCKS),
        "spans": _measured(parse_inline, HOSTILE_SPANS),
        "window": _shown(),
    }


def _shown() -> dict[str, object]:
    with screen() as environment:
        paths = os.pathsep.join((str(_ROOT / "app"), str(_ROOT)))
        printed = subprocess.run(
            [sys.executable, "-m", "tests.bench._hostile_window"],
            env={**environment, "PYTHONPATH": paths}, stdout=subprocess.PIPE, check=True, text=True,
        ).stdout  # fmt: skip
    rows = [json.loads(line) for line in printed.splitlines()]
    rows.sort(key=_worst_ms, reverse=True)
    return {"answers": len(rows), "over_a_second": sum(_worst_ms(row) > 1000 for row in rows),
            "slowest": rows[:_SLOWEST]}  # fmt: skip


def _worst_ms(row: dict[str, float]) -> float:
    return max(value for name, value in row.items() if name.endswith("_ms"))


def _measured(parser: Callable[[str], object], texts: Sequence[str]) -> dict[str, object]:
    rows = [(_cpu_s(parser, text[: len(text) // 2]), _cpu_s(parser, text), text) for text in texts]
    half_s, whole_s, worst = max(rows, key=lambda row: row[1])
    growing = [row for row in rows if row[1] > 0.02]
    return {
        "worst_s": round(whole_s, 3),
        "worst_text": f"{worst[:20]!r}, {len(worst)} characters",
        "largest_growth": round(max((whole / half for half, whole, _ in growing), default=0.0), 2),
        "growth_of_worst": round(whole_s / half_s, 2),
    }


def _cpu_s(parser: Callable[[str], object], text: str) -> float:
    started_s = time.process_time()
    parser(text)
    return time.process_time() - started_s
