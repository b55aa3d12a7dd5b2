"""What an open window costs while nothing happens: processor time in a stretch of quiet."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.bench._machine import machine, screen

SETTLE_S = 5.0
QUIET_S = 20.0
_ROOT = Path(__file__).parents[2]


def measure() -> dict[str, object]:
    """Seconds of processor time over `QUIET_S` seconds; Linux only."""
    with tempfile.TemporaryDirectory() as directory, screen() as environment:
        process = subprocess.Popen(
            [sys.executable, "-m", "drover", "--profile", directory],
            env={**environment, "PYTHONPATH": str(_ROOT / "app")},
        )
        try:
            time.sleep(SETTLE_S)
            before_s = _cpu_s(process.pid)
            time.sleep(QUIET_S)
            used_s = _cpu_s(process.pid) - before_s
        finally:
            process.terminate()
            process.wait()
    return {"machine": machine(), "quiet_s": QUIET_S, "cpu_s": round(used_s, 2)}


def _cpu_s(process_id: int) -> float:
    fields = Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
