"""The bench's server and the real window on one profile, each in a process of its own."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.bench._machine import screen
from tests.bench._process import Child
from tests.bench._profile import fill
from tests.bench._server import Mark, Order

SETTLE_S = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """What a benchmark plays on."""

    server: Child
    window: Child
    address: str
    environment: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Playing:
    """A stream as it went: its marks, and the processor time of the window at each of them."""

    marks: tuple[Mark, ...]
    cpu_s: tuple[float, ...]
    children_cpu_s: tuple[float, ...]

    @property
    def lasted_s(self) -> float:
        """From the first delta to the last one."""
        return self.marks[-1].at_s - self.marks[0].at_s

    def cpu_between(self, first: int, last: int) -> float:
        """Processor time of window and children between two tenths."""
        own = self.cpu_s[last] - self.cpu_s[first]
        return own + self.children_cpu_s[last] - self.children_cpu_s[first]


@contextmanager
def stage(
    conversations: Mapping[str, tuple[int, int]], prepare: Callable[[Path], None] | None = None
) -> Iterator[Stage]:
    """Opens the window on a profile with these conversations, see `_profile.fill`, none of them shown.

    `prepare` may write into the folder of the profile before.
    """
    with (
        tempfile.TemporaryDirectory() as directory,
        screen() as environment,
        Child("tests.bench._server") as server,
    ):
        port = server.hear()
        fill(Path(directory), port, dict(conversations))
        if prepare is not None:
            prepare(Path(directory))
        with Child("tests.bench._driven", ["--profile", directory], environment) as window:
            if window.hear() != "ready":
                raise RuntimeError("the window did not open")
            time.sleep(SETTLE_S)
            address = f"http://127.0.0.1:{port}/v1"
            yield Stage(server=server, window=window, address=address, environment=environment)


def order_text(order: Order) -> str:
    """The message that asks for it."""
    return json.dumps(asdict(order))


def watch(server: Child, process: Child) -> Playing:
    """Follows a stream from its first mark to its last one, and what a process spends meanwhile."""
    marks: list[Mark] = []
    own: list[float] = []
    children: list[float] = []
    while not marks or marks[-1].tenth < 10:
        mark = Mark(**server.hear())
        marks.append(mark)
        own.append(process.cpu_s())
        children.append(process.children_cpu_s())
    return Playing(marks=tuple(marks), cpu_s=tuple(own), children_cpu_s=tuple(children))


def note(words: str) -> None:
    """Tells on standard error what is going on; standard output holds the figures alone."""
    print(words, file=sys.stderr, flush=True)
