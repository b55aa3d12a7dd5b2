"""A session with the real llama.cpp server: a schema, too long a prompt, a thousand answers broken off."""

from __future__ import annotations

import asyncio
import json
import random
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.bench._machine import machine

from drover.domain.conversation import Draft, Message
from drover.domain.json_schema import problems_of_value
from drover.domain.parameters import Json, SamplingParameters
from drover.domain.run import Run, RunStatus
from drover.engine.workbench import Workbench
from drover.paths import Profile

CYCLES = 1000
_LONGEST_WAIT_S = 0.06
_CLOSED_WITHIN_S = 10.0
_LOOK_S = 0.1
_SCHEMA = {
    "type": "object",
    "properties": {"color": {"enum": ["red", "blue"]}, "count": {"type": "integer"}},
    "required": ["color", "count"],
    "additionalProperties": False,
}


def measure() -> dict[str, object]:
    """Each part of the session with what came of it; needs the built-in model."""
    with tempfile.TemporaryDirectory() as directory:
        return {"machine": machine(), **asyncio.run(_session(Profile.at(Path(directory))))}


async def _session(profile: Profile) -> dict[str, object]:
    workbench = Workbench.open(profile, lambda _event: None)
    if workbench.gguf is None:
        await workbench.close()
        raise SystemExit("The weights of the built-in model are not installed.")
    try:
        return {
            "schema": await _schema(workbench),
            "overflow": await _overflow(workbench),
            "broken_off": await broken_off(workbench, CYCLES),
        }
    finally:
        await workbench.close()


async def _schema(workbench: Workbench) -> dict[str, object]:
    form = {"type": "json_schema", "json_schema": {"name": "answer", "schema": _SCHEMA}}
    parameters = SamplingParameters(response_format=Json.of(form), max_tokens=60, seed=1)
    _, message = await _asked(workbench, Draft(text="Say a color and a count.", parameters=parameters))
    return {"answer": message.text, "problems": problems_of_value(_SCHEMA, json.loads(message.text))}


async def _overflow(workbench: Workbench) -> dict[str, object]:
    run, _ = await _asked(workbench, Draft(text="one two three " * 20_000))
    assert run.failure is not None
    return {"kind": run.failure.kind.value, "message": run.failure.message, "hint": run.failure.hint}


async def broken_off(workbench: Workbench, cycles: int) -> dict[str, object]:
    """Starts so many answers and stops each after a moment, then asks for a whole one.

    The moments reach from before the connection to the middle of the text. Whatever is left open of them
    would be in the figures: sockets and tasks of this process, and whether the server has a free place.
    """
    draft = Draft(text="Count.", parameters=SamplingParameters(max_tokens=400, seed=1))
    first, _ = await _asked(workbench, replace(draft, parameters=SamplingParameters(max_tokens=1)))
    question = await _message(workbench, first.parent_id)
    moments, ended, stop_ms = random.Random(1), dict[str, int](), []
    started_s, sockets = time.monotonic(), _sockets()
    for _ in range(cycles):
        run = await workbench.regenerate(question, draft)
        await asyncio.sleep(moments.random() * _LONGEST_WAIT_S)
        asked_s = time.monotonic()
        await workbench.stop(run.id)
        stop_ms.append((time.monotonic() - asked_s) * 1000)
        status = (await _run(workbench, run.id)).status.value
        ended[status] = ended.get(status, 0) + 1
    took_s = time.monotonic() - started_s
    for _ in range(round(_CLOSED_WITHIN_S / _LOOK_S)):
        if _sockets() <= sockets:
            break
        await asyncio.sleep(_LOOK_S)
    sockets_after, tasks_after = _sockets(), len(asyncio.all_tasks())
    whole, message = await _asked(workbench, replace(draft, parameters=SamplingParameters(max_tokens=20)))
    assert whole.status in (RunStatus.CUT, RunStatus.COMPLETE), whole.failure
    return {
        "cycles": cycles,
        "took_s": round(took_s, 1),
        "ended": ended,
        "stop_ms_median": round(sorted(stop_ms)[len(stop_ms) // 2], 1),
        "stop_ms_worst": round(max(stop_ms), 1),
        "sockets_before": sockets,
        "sockets_after": sockets_after,
        "tasks_after": tasks_after,
        "answer_afterwards": bool(message.text),
        "holds": sockets_after <= sockets and tasks_after == 1 and max(stop_ms) <= 200.0,
    }


async def _asked(workbench: Workbench, draft: Draft) -> tuple[Run, Message]:
    run = await workbench.send(None, draft)
    await workbench.wait(run.id)
    settled = await _run(workbench, run.id)
    return settled, await _message(workbench, settled.message_id)


async def _run(workbench: Workbench, run_id: str) -> Run:
    run: Run | None = await asyncio.to_thread(_read, workbench, "run", run_id)
    assert run is not None
    return run


async def _message(workbench: Workbench, message_id: str) -> Message:
    message: Message | None = await asyncio.to_thread(_read, workbench, "message", message_id)
    assert message is not None
    return message


def _read(workbench: Workbench, kind: str, value_id: str) -> Any:
    reader = workbench.open_reader()
    try:
        return getattr(reader, kind)(value_id)
    finally:
        reader.close()


def _sockets() -> int:
    """Open sockets of this process; Linux only."""
    places = Path("/proc/self/fd").iterdir()
    return sum(1 for place in places if _target(place).startswith("socket:"))


def _target(place: Path) -> str:
    try:
        return str(place.readlink())
    except FileNotFoundError:  # the listing's own descriptor
        return ""
