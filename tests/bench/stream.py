"""A long answer that streams into the real window, and beside it the same stream rendered anew each frame.

What is measured: 30 KB of reasoning, then 100 KB of Markdown, 3,000 tokens/s of 4 characters, from a server
in another process. A turn of the event loop is timed from one return of Qt's dispatcher to the next: it holds
the wait for the next chunk too, so it errs on the high side. The final paint is the last update of the window
(nothing in it blinks meanwhile) in the two seconds after the last delta: with the stored turn, all code
highlighted and all formulas typeset.
"""

from __future__ import annotations

import itertools
import sys
import time
from typing import Any

from tests.bench._figures import gaps_ms, held, spread
from tests.bench._machine import machine
from tests.bench._process import Child
from tests.bench._server import Order
from tests.bench._stage import Playing, Stage, note, order_text, stage, watch

_STREAM = Order(reasoning=30_000, answer=100_000)
_LONG = Order(reasoning=0, answer=1_000_000, seed=2)
_SHORT = Order(reasoning=0, answer=30_000, seed=3)
_IDLE_S = 30.0
_CALM_S = 2.0
_DEEP = {"Deep": (1998, 1_000_000)}


def measure() -> dict[str, Any]:
    """All figures of streaming; with `--quick` those of one stream alone."""
    is_quick = "--quick" in sys.argv
    with stage({}) as scene:
        note("the stream ...")
        figures = {"machine": machine(), "stream": _one_stream(scene, _STREAM)}
        if not is_quick:
            note("idle ...")
            figures["idle"] = _idle(scene)
        for way in ("qt", "html"):
            note(f"the naive way, {way} ...")
            figures[f"naive_{way}"] = _naive(scene, way, figures["stream"])
        if not is_quick:
            note("1 MB ...")
            figures["long_answer"] = _long(scene)
    if not is_quick:
        note("message 2,000 ...")
        figures["deep_conversation"] = _deep()
    return figures


def _play(scene: Stage, order: Order) -> tuple[Playing, dict[str, Any]]:
    """Asks for a stream; how it went, and what the window's probe saw."""
    window = scene.window
    window.ask("blink", is_on=False)
    window.ask("look")
    before_s, before_children_s = window.cpu_s(), window.children_cpu_s()
    window.tell(["ask", {"text": order_text(order)}])
    playing = watch(scene.server, window)
    times = window.hear()
    time.sleep(_CALM_S)
    spent = {
        "cpu_s": window.cpu_s() - before_s,
        "children_cpu_s": window.children_cpu_s() - before_children_s,
    }
    seen = {**window.ask("look"), **times, **spent}
    window.ask("blink", is_on=True)
    return playing, seen


def _one_stream(scene: Stage, order: Order) -> dict[str, Any]:
    playing, seen = _play(scene, order)
    start_s, end_s = playing.marks[0].at_s, playing.marks[-1].at_s
    final_s = max(at for at in seen["frames_s"])
    turns = gaps_ms(seen["turns_s"], start_s, final_s)
    lasted_s, cpu_s = playing.lasted_s, seen["cpu_s"] + seen["children_cpu_s"]
    return {
        "lasted_s": round(lasted_s, 2),
        "server_late_ms": round(1000 * max(mark.late_s for mark in playing.marks), 1),
        "turn_ms": spread(turns),
        "turn_p99": held(spread(turns)["p99"], 20.0, unit="ms"),
        "turn_max": held(spread(turns)["max"], 80.0, unit="ms"),
        "turn_cpu_ms": spread(_cpu_of_turns(seen, start_s, final_s)),
        "frame_gap_ms": spread(gaps_ms(seen["frames_s"], start_s, end_s)),
        "last_delta_to_settled_ms": round(1000 * (seen["settled_s"] - end_s), 1),
        "last_delta_to_final_paint": held(1000 * (final_s - end_s), 150.0, unit="ms"),
        "cpu": held(cpu_s / lasted_s, 0.6, unit="of_duration"),
        "cpu_own_s": round(seen["cpu_s"], 2),
        "cpu_children_s": round(seen["children_cpu_s"], 2),
        "cpu_by_tenth_s": [round(playing.cpu_between(n, n + 1), 2) for n in range(10)],
        "resident_mb": round(scene.window.resident_mb(), 1),
        "children_resident_mb": round(scene.window.children_resident_mb(), 1),
        "shown_to_the_end": seen["shown"],
    }


def _cpu_of_turns(seen: dict[str, Any], start_s: float, end_s: float) -> list[float]:
    """Milliseconds of the thread's processor time in each turn, whatever else the machine does."""
    noted = zip(seen["turns_s"], seen["turn_cpu_s"], strict=True)
    inside = [cpu_s for at_s, cpu_s in noted if start_s <= at_s <= end_s]
    return [1000 * (later - earlier) for earlier, later in itertools.pairwise(inside)]


def _idle(scene: Stage) -> dict[str, object]:
    before_s = scene.window.cpu_s() + scene.window.children_cpu_s()
    time.sleep(_IDLE_S)
    used_s = scene.window.cpu_s() + scene.window.children_cpu_s() - before_s
    return {"quiet_s": _IDLE_S, **held(used_s, 0.05, unit="cpu_s")}


def _naive(scene: Stage, way: str, ours: dict[str, Any]) -> dict[str, Any]:
    """The same stream through `_naive`, and how many times better it is here.

    It cannot keep up with 60 frames/s, and then renders as often as it can; what 60 would take is therefore
    told too.
    """
    arguments = [scene.address, order_text(_STREAM), way]
    with Child("tests.bench._naive", arguments, scene.environment) as naive:
        playing = watch(scene.server, naive)
        seen = naive.hear()
        cpu_s = naive.cpu_s()
    start_s, end_s, final_s = playing.marks[0].at_s, playing.marks[-1].at_s, max(seen["frames_s"])
    turns, renderings = spread(gaps_ms(seen["turns_s"], start_s, final_s)), seen["renderings_ms"]
    at_60_per_s = sum(renderings) / len(renderings) / 1000 * 60 * playing.lasted_s
    ours_s = ours["cpu_own_s"] + ours["cpu_children_s"]
    return {
        "turn_ms": turns,
        "last_delta_to_final_paint_ms": round(1000 * (final_s - end_s), 1),
        "cpu_s": round(cpu_s, 2),
        "rendering_cpu_ms": spread(renderings),
        "frames_per_s": round(len(renderings) / playing.lasted_s, 1),
        "cpu_at_60_frames_per_s_s": round(at_60_per_s, 1),
        "ratios": {
            "turn_p99": round(turns["p99"] / ours["turn_ms"]["p99"], 1),
            "turn_max": round(turns["max"] / ours["turn_ms"]["max"], 1),
            "cpu": round(cpu_s / ours_s, 1),
            "cpu_at_60_frames_per_s": round(at_60_per_s / ours_s, 1),
            "expected": 10.0,
        },
    }


def _long(scene: Stage) -> dict[str, Any]:
    """Processor time of each tenth of a 1 MB answer: all tenths have as many deltas."""
    playing, seen = _play(scene, _LONG)
    tenths = [playing.cpu_between(n, n + 1) for n in range(10)]
    final_ms = 1000 * (max(seen["frames_s"]) - playing.marks[-1].at_s)
    return {
        "cpu_by_tenth_s": [round(cpu_s, 2) for cpu_s in tenths],
        "last_to_first_tenth": held(tenths[-1] / tenths[0], 1.5, unit="ratio"),
        "turn_ms": spread(gaps_ms(seen["turns_s"], playing.marks[0].at_s, playing.marks[-1].at_s)),
        "last_delta_to_final_paint_ms": round(final_ms, 1),
        "resident_mb": round(scene.window.resident_mb(), 1),
    }


def _deep() -> dict[str, Any]:
    """The same reply as message 2 and as message 2,000 of a conversation: processor time while it streams."""
    with stage(_DEEP) as scene:
        _play(scene, _SHORT)  # what the first reply of a process builds and imports is not of its place
        scene.window.ask("begin_conversation")
        second, _ = _play(scene, _SHORT)
        scene.window.ask("open", title="Deep", last_id="M-Deep-001997")
        last, _ = _play(scene, _SHORT)
    second_s, last_s = second.cpu_between(0, 10), last.cpu_between(0, 10)
    return {
        "message_2_cpu_s": round(second_s, 2),
        "message_2000_cpu_s": round(last_s, 2),
        "message_2000_to_message_2": held(last_s / second_s, 1.5, unit="ratio"),
    }
