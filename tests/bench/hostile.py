"""Processor time of the Markdown parsers for hostile texts, and how it grows when the text doubles."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from tests.bench._machine import machine
from tests.test_markdown_blocks import HOSTILE_TEXTS as HOSTILE_BLOCKS
from tests.ui.test_markdown_inline import HOSTILE_TEXTS as HOSTILE_SPANS

from drover.markdown_blocks import parse
from drover.ui.markdown_inline import parse_inline


def measure() -> dict[str, object]:
    """Seconds for the worst text of each parser, and the largest growth; 2 is linear, 4 quadratic."""
    return {
        "machine": machine(),
        "blocks": _measured(parse, HOSTILE_BLOCKS),
        "spans": _measured(parse_inline, HOSTILE_SPANS),
    }


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
