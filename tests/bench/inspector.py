"""A run of 50,000 events in the Request tab of the real window, and what it costs to keep one.

Opening is timed from the click on the tab to the end of the turn of the event loop in which the table of
events was painted, reading the library included; each time in another conversation, so that nothing of it is
known. The first time builds the page too.

Storing is everything that is done only for the exchange: noting chunks, joining and masking them,
compressing, and the transaction. It is held against the processor time of the whole run without a
window, which is the least that a run costs.
"""

from __future__ import annotations

import asyncio
import json
import random
import sqlite3
import statistics
import string
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.bench._figures import held, spread
from tests.bench._machine import machine
from tests.bench._process import Child
from tests.bench._profile import fill, keep, record
from tests.bench._server import MODEL, Order, events_of
from tests.bench._stage import Stage, note, order_text, stage

from drover.domain.conversation import Draft
from drover.domain.run import Exchange
from drover.engine.runner import Address, _Recording
from drover.engine.transport import HttpRequest
from drover.engine.workbench import Workbench
from drover.paths import Profile
from drover.store import rows
from drover.store.migrations import MIGRATIONS, statements

_EVENTS = 50_000
_ROUNDS = 7
_LONG = [f"Fifty thousand, {round_}" for round_ in range(_ROUNDS)]
_CONVERSATIONS = dict.fromkeys(_LONG, (2, 20_000))
_OPEN_MS, _FRAME_MS, _CPU_SHARE, _DISK_SHARE = 200.0, 33.0, 0.10, 0.25
_FIRST = Order(reasoning=0, answer=400)
_RUN = Order(reasoning=8_000, answer=24_000, tokens_per_s=800.0)


def measure() -> dict[str, Any]:
    """All figures; with `--quick` fewer rounds and shorter holds."""
    is_quick = "--quick" in sys.argv
    figures: dict[str, Any] = {"machine": machine()}
    note("storing ...")
    figures["storing"] = asyncio.run(_storing())
    figures["disk"] = {name: _on_disk(shape) for name, shape in _SHAPES.items()}
    with stage(_CONVERSATIONS, _record) as scene:
        note("opening ...")
        figures["open"] = _opening(scene, 3 if is_quick else _ROUNDS)
        figures |= _scrolling(scene, 1.0 if is_quick else 5.0)
    return figures


def _record(directory: Path) -> None:
    order = Order(reasoning=2 * _EVENTS, answer=3 * _EVENTS)
    events = events_of(order)
    for round_, title in enumerate(_LONG):
        record(directory, title, events[: _EVENTS + round_], every_ms=20.0)


def _opening(scene: Stage, rounds: int) -> dict[str, Any]:
    clicks, reading_s = [], []
    for round_, title in enumerate(_LONG[:rounds]):
        scene.window.ask("turn_to", page="Parameters")
        scene.window.ask("open", title=title, last_id=f"M-{title}-000001")
        time.sleep(0.5)
        clicks.append(scene.window.ask("turn_to", page="Request", events=_EVENTS + round_))
        reading_s.append(scene.window.ask("read_all")["seconds"])
    painted = [1000 * (click["painted_s"] - click["clicked_s"]) for click in clicks]
    return {
        "first_time_ms": round(painted[0], 1),
        "first_paint": held(statistics.median(painted), _OPEN_MS, unit="ms"),
        "all_ms": [round(value, 1) for value in painted],
        "all_events_read_s": round(statistics.median(reading_s), 2),
    }


def _scrolling(scene: Stage, hold_s: float) -> dict[str, Any]:
    figures: dict[str, Any] = {}
    for key in ("PageDown", "Down", "End", "PageUp", "Home"):
        note(f"{key} ...")
        frames = spread(scene.window.ask("hold", key=key, seconds=hold_s, events=True))
        figures[key] = {**frames, **held(frames.get("p99", 0.0), _FRAME_MS, unit="p99")}
    return figures


async def _storing() -> dict[str, Any]:
    """One run from a server at its own pace, a chunk or so an event; then what was done for its exchange."""
    with tempfile.TemporaryDirectory() as directory, Child("tests.bench._server") as server:
        fill(Path(directory), server.hear(), {})
        workbench = Workbench.open(Profile(Path(directory), Path(directory)), lambda event: None)
        draft = Draft(text=order_text(_RUN), endpoint_id="bench", model_id=MODEL)
        first = await workbench.send(None, replace(draft, text=order_text(_FIRST)))
        await workbench.wait(first.id)  # what the first run of a process imports is not of its costs
        began_s = time.process_time()
        run = await workbench.send(None, draft)
        await workbench.wait(run.id)
        run_s = time.process_time() - began_s
        reader = workbench.open_reader()
        exchange = reader.exchange(run.id)
        reader.close()
        await workbench.close()
        assert exchange is not None
        keeping_s, disk_bytes = _kept(exchange, Path(directory))
    return {
        "events": exchange.raw_stream.count(b"\n\n"),
        "chunks": len(exchange.chunk_marks),
        "run_cpu_s": round(run_s, 3),
        "storing_cpu_s": round(keeping_s, 4),
        "cpu": held(keeping_s / run_s, _CPU_SHARE, unit="of_run"),
        "disk": held(disk_bytes / len(exchange.raw_stream), _DISK_SHARE, unit="of_raw_bytes"),
    }


def _kept(exchange: Exchange, directory: Path) -> tuple[float, int]:
    """Processor time for recording and storing it once more, and by how much a database grows."""
    start, chunks = 0, []
    for at_ms, end in exchange.chunk_marks:
        chunks.append((at_ms, exchange.raw_stream[start:end]))
        start = end
    path = directory / "scratch.sqlite3"
    connection = sqlite3.connect(path)
    table = next(sql for sql in statements(MIGRATIONS[0]) if sql.startswith("CREATE TABLE exchanges"))
    connection.execute(table)
    connection.commit()
    before = path.stat().st_size
    request = HttpRequest(
        url="http://127.0.0.1/v1", headers=(), body=b"", connect_timeout_s=1.0, first_byte_timeout_s=1.0,
        idle_timeout_s=1.0,
    )  # fmt: skip
    began_s = time.process_time()
    recording = _Recording(request, Address(base_url="", key=None, key_variable=""))
    for at_ms, chunk in chunks:
        recording.take_chunk(at_ms, chunk)
    keep(connection, recording.exchange(exchange.run_id))
    spent_s = time.process_time() - began_s
    connection.close()
    return spent_s, path.stat().st_size - before


def _on_disk(shape: Callable[[str, random.Random], dict[str, Any]]) -> dict[str, object]:
    """What a long run takes whose events have this shape, a chunk each, as a share of its raw bytes."""
    chance = random.Random(1)
    words = ["".join(chance.choices(string.ascii_lowercase, k=chance.randint(1, 6))) for _ in range(8_000)]
    tokens = chance.choices(
        [f" {word}" for word in words], [1 / (rank + 2) for rank in range(8_000)], k=10_000
    )
    at_ms, marks, events = 0.0, [], []
    total = 0
    for token in tokens:
        events.append(b"data: " + json.dumps(shape(token, chance), separators=(",", ":")).encode() + b"\n\n")
        at_ms += chance.gauss(28.0, 6.0)
        total += len(events[-1])
        marks.append((at_ms, total))
    exchange = Exchange(run_id="R", request_line="", raw_stream=b"".join(events), chunk_marks=tuple(marks))
    stored = sum(len(value) for value in rows.exchange_row(exchange) if isinstance(value, bytes))
    return {"bytes_per_event": total // len(tokens), **held(stored / total, _DISK_SHARE, unit="of_raw_bytes")}


def _chunk(token: str, **more: object) -> dict[str, Any]:
    return {
        "id": "chatcmpl-5e9f7c3a-1111-4b32-9bb1-07ab4b9aa2a1", "object": "chat.completion.chunk",
        "created": 1_790_000_000, "model": "gpt-oss-20b",
        "choices": [{"index": 0, "delta": {"content": token}, "finish_reason": None, **more}],
    }  # fmt: skip


def _oxen(token: str, chance: random.Random) -> dict[str, Any]:
    return _chunk(token)


def _vllm(token: str, chance: random.Random) -> dict[str, Any]:
    return _chunk(token, logprobs=None, stop_reason=None, token_ids=None)


def _bare(token: str, chance: random.Random) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": {"content": token}}]}


def _openai(token: str, chance: random.Random) -> dict[str, Any]:
    noise = "".join(chance.choices(string.ascii_letters + string.digits, k=chance.randint(4, 14)))
    return {**_chunk(token, logprobs=None), "service_tier": "default", "obfuscation": noise}


def _with_logprobs(token: str, chance: random.Random) -> dict[str, Any]:
    def one(text: str) -> dict[str, Any]:
        return {"token": text, "logprob": -chance.expovariate(1.0), "bytes": list(text.encode())}

    others = ["".join(chance.choices(string.ascii_lowercase, k=4)) for _ in range(4)]
    return _chunk(
        token, logprobs={"content": [one(token) | {"top_logprobs": [*map(one, others), one(token)]}]}
    )


_SHAPES = {
    "oxen": _oxen, "vllm": _vllm, "bare": _bare, "openai": _openai, "five_logprobs": _with_logprobs,
}  # fmt: skip
"""What the events of known servers are made of; the least of them is the hardest for the marks."""
