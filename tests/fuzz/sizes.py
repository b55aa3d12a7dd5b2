"""What replies of absurd size cost: time, growth of the time when the size doubles, and memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.fuzz.oversized import CASES

_ROOT = Path(__file__).parents[2]
_LIMIT_S = 60.0
_MOST_GROWTH = 3.0
"""From one size to the double: 2 is linear, 4 quadratic."""
_NOTICEABLE_S = 0.2
"""Less is noise, and tells nothing of a growth."""
_MOST_MB = 900.0
"""Beyond the bytes themselves: the largest event that is taken has 64 MiB, and is text, JSON and values."""


def measure(names: list[str]) -> dict[str, Any]:
    """The figures of the named cases, or of all, and whether all of them hold."""
    rows = {name: _row(name, CASES[name][0]) for name in names or CASES}
    return {"cases": rows, "holds": all(row["holds"] for row in rows.values())}


def _row(name: str, size: int) -> dict[str, Any]:
    half, whole = _run(name, size // 2), _run(name, size)
    grew = whole["cpu_s"] / max(half["cpu_s"], 0.001) if whole["cpu_s"] > _NOTICEABLE_S else 0.0
    is_fine = grew <= _MOST_GROWTH and whole["cpu_s"] < _LIMIT_S and whole["peak_mb"] <= _MOST_MB
    row = {"n": size, **whole, "growth": round(grew, 2), "holds": is_fine}
    print(f"{name}: {row}", file=sys.stderr, flush=True)
    return row


def _run(name: str, size: int) -> dict[str, Any]:
    paths = os.pathsep.join((str(_ROOT / "app"), str(_ROOT)))
    try:
        done = subprocess.run(
            [sys.executable, "-m", "tests.fuzz._case", name, str(size)],
            env={**os.environ, "PYTHONPATH": paths}, cwd=_ROOT, capture_output=True, text=True,
            timeout=_LIMIT_S,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return {"cpu_s": _LIMIT_S, "peak_mb": 0.0, "ended": f"nothing after {_LIMIT_S:g} s"}
    if done.returncode:
        return {"cpu_s": _LIMIT_S, "peak_mb": 0.0, "ended": done.stderr[-300:]}
    return dict(json.loads(done.stdout))
