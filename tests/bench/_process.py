"""What another process costs, read from outside (Linux), and a process that is asked line by line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

_ROOT = Path(__file__).parents[2]
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


class Child:
    """A Python module that runs in a process of its own and speaks JSON lines. A context: it ends with it."""

    def __init__(
        self, module: str, arguments: Sequence[str] = (), environment: Mapping[str, str] = os.environ
    ) -> None:
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the process
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            env={**environment, "PYTHONPATH": f"{_ROOT / 'app'}{os.pathsep}{_ROOT}"},
            cwd=_ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
        )

    def tell(self, value: object) -> None:
        """Sends one line."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(value) + "\n")
        self._process.stdin.flush()

    def hear(self) -> Any:
        """The next line, waited for. Raises RuntimeError with what the process said if it has ended."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            self._errors.seek(0)
            raise RuntimeError(f"the process has ended: {self._errors.read().decode()[-3000:]}")
        return json.loads(line)

    def ask(self, command: str, **values: object) -> Any:
        """Sends a command and returns the answer. Raises RuntimeError with what went wrong with it."""
        self.tell([command, values])
        answer = self.hear()
        if isinstance(answer, dict) and "error" in answer:
            raise RuntimeError(answer["error"])
        return answer

    def cpu_s(self) -> float:
        """Processor time used so far by the process itself, all threads; to 10 ms."""
        return _cpu_s(self._process.pid)

    def children_cpu_s(self) -> float:
        """The same of all living processes that it has started."""
        return sum(map(_cpu_s, _descendants(self._process.pid)))

    def resident_mb(self) -> float:
        """Resident memory of the process itself."""
        return _resident_mb(self._process.pid)

    def children_resident_mb(self) -> float:
        """Resident memory of all living processes that it has started."""
        return sum(map(_resident_mb, _descendants(self._process.pid)))

    def __enter__(self) -> Child:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        children = _descendants(self._process.pid)
        self._process.kill()
        self._process.communicate()
        for child in children:
            try:
                os.kill(child, 9)
            except ProcessLookupError:
                pass
        self._errors.close()


def _fields(process_id: int) -> list[str]:
    """Of /proc/ID/stat those after the name; empty if the process is gone."""
    try:
        return Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def _cpu_s(process_id: int) -> float:
    fields = _fields(process_id)
    return (int(fields[11]) + int(fields[12])) / _TICKS_PER_S if fields else 0.0


def _resident_mb(process_id: int) -> float:
    fields = _fields(process_id)
    return int(fields[21]) * os.sysconf("SC_PAGE_SIZE") / 2**20 if fields else 0.0


def _descendants(process_id: int) -> list[int]:
    parents = {
        int(path.name): int(fields[1])
        for path in Path("/proc").iterdir()
        if path.name.isdigit() and (fields := _fields(int(path.name)))
    }
    found, fresh = [], [process_id]
    while fresh:
        fresh = [child for child, parent in parents.items() if parent in fresh]
        found += fresh
    return found
