"""The process that reads mutated bytes; see `tests.fuzz.decode`."""

from __future__ import annotations

import importlib
import json
import os
import random
import sys
import tempfile
import time
import traceback
import zlib
from pathlib import Path
from typing import Any

_SLOWEST_S = 5.0
"""More for one input is a hang."""
_INPUT_BYTES = 32 * 1024
_STATUSES = (400, 401, 404, 413, 422, 429, 500, 503)


class _Target:
    """Counts and checks the inputs, and ends the process when there were enough."""

    def __init__(self, size_bytes: int, summary: Path) -> None:
        self._size_bytes = size_bytes
        self._summary = summary
        self._started_s = time.monotonic()
        self._inputs = self._bytes = 0
        self._slowest_s = self._slowest_bytes = 0.0

    def take(self, data: bytes) -> None:
        """Checks one input as a reply and as the body of an error. Raises what it finds."""
        from tests.fuzz.properties import check_error, check_reply

        started_s = time.process_time()
        chance = random.Random(zlib.crc32(data))
        check_reply(data, chance)
        check_error(chance.choice(_STATUSES), {"retry-after": data[:40].decode("latin-1")}, data)
        spent_s = time.process_time() - started_s
        if spent_s > self._slowest_s:
            self._slowest_s, self._slowest_bytes = spent_s, len(data)
        if spent_s > _SLOWEST_S:
            raise TimeoutError(f"{len(data)} bytes took {spent_s:.1f} s")
        self._inputs += 1
        self._bytes += len(data)
        if self._bytes >= self._size_bytes:
            self._write()
            os._exit(0)  # atheris knows no other end

    def _write(self) -> None:
        figures = {
            "inputs": self._inputs, "bytes": self._bytes,
            "slowest_s": round(self._slowest_s, 3), "slowest_bytes": self._slowest_bytes,
            "total_s": round(time.monotonic() - self._started_s, 1),
        }  # fmt: skip
        self._summary.write_text(json.dumps(figures))


def _steered(target: _Target, corpus: str, seed: int) -> None:
    """By atheris, whose mutations take turns with our own."""
    atheris: Any = importlib.import_module("atheris")
    with atheris.instrument_imports(include=["drover.wire", "drover.domain"]):
        importlib.import_module("tests.fuzz.properties")
    mutations = importlib.import_module("tests.fuzz.mutations")

    def mutate(data: bytes, max_size: int, step: int) -> bytes:
        chance = random.Random(step)
        if chance.random() < 0.3:
            return bytes(atheris.Mutate(data, max_size))
        return bytes(mutations.mutated(data, chance)[:max_size])

    options = [f"-seed={seed}", f"-max_len={_INPUT_BYTES}", "-timeout=20", "-rss_limit_mb=2048"]
    options.append(f"-artifact_prefix={tempfile.gettempdir()}/drover-")
    atheris.Setup([sys.argv[0], *options, corpus], target.take, custom_mutator=mutate)
    atheris.Fuzz()


def _at_random(target: _Target, corpus: str, seed: int) -> None:
    from tests.fuzz.mutations import mutated

    chance = random.Random(seed)
    bodies = [path.read_bytes() for path in sorted(Path(corpus).glob("seed-*"))]
    while True:
        data = mutated(chance.choice(bodies), chance)[:_INPUT_BYTES]
        try:
            target.take(data)
        except Exception:
            traceback.print_exc()
            finding = Path(tempfile.gettempdir()) / f"drover-finding-{zlib.crc32(data):08x}"
            finding.write_bytes(data)
            print(f"found with the input in {finding}", file=sys.stderr)
            sys.exit(1)


def main() -> None:
    """Takes the way, the number of bytes, the seed, the folder of the corpus and the file for the figures."""
    way, size_bytes, seed, corpus, summary = sys.argv[1:]
    target = _Target(int(size_bytes), Path(summary))
    (_steered if way == "atheris" else _at_random)(target, corpus, int(seed))


if __name__ == "__main__":
    main()
