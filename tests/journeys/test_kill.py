"""A process killed at any moment of a stream loses at most the last second of it, and nothing else."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.provider import EVENT_STREAM, Flag, Head, Provider, Send, Stall, Step, Wait, event

from drover.domain.run import RunStatus
from drover.engine.workbench import Workbench, WorkbenchEvent
from drover.paths import Profile
from drover.store.database import open_database, problems
from drover.store.library import Library

MOMENTS = 20
AT_ONCE = 5
WORDS = 150
PACE_S = 0.02
LONGEST_LOSS_S = 1.0
APP = Path(__file__).parents[2] / "app"


@dataclass(frozen=True)
class Victim:
    """One killed process: how much had been sent to it a second before its end, and in all."""

    profile: Profile
    surely: str
    at_most: str


def word(number: int) -> str:
    return f"w{number:03} "


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is not a signal on Windows")
def test_a_process_killed_at_any_moment_of_a_stream_keeps_its_text(tmp_path: Path) -> None:
    randomness = random.Random(20261103)
    moments = [randomness.uniform(0.05, WORDS * PACE_S) for _ in range(MOMENTS)]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        victims = list(pool.map(stream_and_kill, [tmp_path / str(n) for n in range(MOMENTS)], moments))
    for victim in victims:
        check(victim)


def stream_and_kill(directory: Path, moment_s: float) -> Victim:
    """Streams words at an even pace to `drover chat`, kills it that long after the first one."""
    flags = [Flag(word(number)) for number in range(WORDS)]
    steps: list[Step] = [Head(headers={"Content-Type": EVENT_STREAM})]
    for number, flag in enumerate(flags):
        delta = {"content": word(number)}
        steps += [Wait(flag), Send(event({"choices": [{"index": 0, "delta": delta}]}))]
    with Provider() as provider:
        provider.script(*steps, Stall())
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "drover", "chat", "Go on."),
                *("--profile", str(directory), "--endpoint", provider.base_url, "--model", "m"),
            ],
            env={**os.environ, "PYTHONPATH": str(APP)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        while not provider.requests:
            threading.Event().wait(0.005)
        first_at = time.monotonic()
        sent_at: list[float] = []
        for number, flag in enumerate(flags):
            pause_s = first_at + min(number * PACE_S, moment_s) - time.monotonic()
            threading.Event().wait(max(0.0, pause_s))
            if time.monotonic() - first_at >= moment_s:
                break
            flag.set()
            sent_at.append(time.monotonic())
        process.send_signal(signal.SIGKILL)
        killed_at = time.monotonic()
        process.wait()
    surely = [word(n) for n, at in enumerate(sent_at) if at <= killed_at - LONGEST_LOSS_S]
    at_most = [word(n) for n in range(len(sent_at))]
    return Victim(Profile.at(directory), "".join(surely), "".join(at_most))


def check(victim: Victim) -> None:
    asyncio.run(Workbench.open(victim.profile, list[WorkbenchEvent]().append).close())
    connection = open_database(victim.profile.database, read_only=True)
    assert problems(connection) == []
    library = Library(connection)
    (conversation,) = library.conversations()
    (run,) = library.runs(conversation.id).values()
    question, *answers = library.messages(conversation.id)
    library.close()
    assert question.text == "Go on."
    assert run.status is RunStatus.INTERRUPTED
    text = "".join(answer.text for answer in answers)
    assert len(answers) <= 1
    assert victim.at_most.startswith(text)
    assert text.startswith(victim.surely)
