"""Mutated replies and error bodies, until enough bytes of them have been read.

With atheris installed (the extra `fuzz`, Linux only) it steers the mutations by what they reach; without it
they are made at random. A finding ends the run, with its input in a file.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.fuzz.mutations import seeds

_ROOT = Path(__file__).parents[2]


def measure(size_bytes: int, seed: int = 1) -> dict[str, Any]:
    """Reads that many mutated bytes; the figures, and whether nothing was found."""
    has_atheris = importlib.util.find_spec("atheris") is not None
    with tempfile.TemporaryDirectory() as corpus:
        for number, body in enumerate(seeds()):
            (Path(corpus) / f"seed-{number}").write_bytes(body)
        summary = Path(corpus) / "summary.json"
        paths = os.pathsep.join((str(_ROOT / "app"), str(_ROOT), os.environ.get("PYTHONPATH", "")))
        command = [sys.executable, "-m", "tests.fuzz._target", "atheris" if has_atheris else "random"]
        done = subprocess.run(
            [*command, str(size_bytes), str(seed), corpus, str(summary)],
            env={**os.environ, "PYTHONPATH": paths}, cwd=_ROOT, stdout=sys.stderr,
        )  # fmt: skip
        figures = json.loads(summary.read_text()) if summary.exists() else {}
    return {
        "by": command[-1],
        **figures,
        "exit_status": done.returncode,
        "holds": done.returncode == 0 and figures.get("bytes", 0) >= size_bytes,
    }
