"""Opening, scrolling and resizing a conversation of 10,000 messages (10 MB) in the real window.

A frame is timed from its cause (the click, the key, the step of the window's edge) to the end of the turn of
the event loop in which the window was painted. Keys repeat 33 times a second.
"""

from __future__ import annotations

import statistics
import sys
import time
from typing import Any

from tests.bench._figures import held, spread
from tests.bench._machine import machine
from tests.bench._stage import SETTLE_S, Stage, note, stage

_LONG, _SMALL = "Ten thousand", "Small"
CONVERSATIONS = {_LONG: (10_000, 10_000_000), _SMALL: (4, 4_000)}
_LAST = {_LONG: f"M-{_LONG}-009999", _SMALL: f"M-{_SMALL}-000003"}
_ROUNDS = 7
HOLD_S = 5.0
_FRAME_MS, _RESIZE_MS, _OPEN_MS, _MEMORY_MB = 33.0, 50.0, 150.0, 80.0


def measure() -> dict[str, Any]:
    """All figures of a long conversation; with `--quick` fewer rounds and shorter holds."""
    is_quick = "--quick" in sys.argv
    with stage(CONVERSATIONS) as scene:
        empty_mb = scene.window.resident_mb()
        figures: dict[str, Any] = {"machine": machine(), "empty_window_mb": round(empty_mb, 1)}
        note("opening ...")
        figures["open"] = _opening(scene, 3 if is_quick else _ROUNDS)
        figures["memory_opened"] = _memory(scene, empty_mb)
        figures |= scrolling(scene, 1.0 if is_quick else HOLD_S)
        figures["memory_scrolled"] = _memory(scene, empty_mb)
    return figures


def scrolling(scene: Stage, hold_s: float) -> dict[str, Any]:
    """Frames while keys are held and while the window's edge is dragged, in the conversation that is open."""
    figures: dict[str, Any] = {}
    for key in ("PageUp", "Home", "End", "PageUp", "PageDown"):
        note(f"{key} ...")
        name = key if key not in figures else f"{key}_again"
        figures[name] = _against(scene.window.ask("hold", key=key, seconds=hold_s), _FRAME_MS)
    note("resizing ...")
    figures["resize"] = _against(scene.window.ask("drag_edge", steps=60, step_px=5), _RESIZE_MS)
    return figures


def open_long(scene: Stage) -> dict[str, float]:
    """Opens the long conversation."""
    times: dict[str, float] = scene.window.ask("open", title=_LONG, last_id=_LAST[_LONG])
    return times


def _opening(scene: Stage, rounds: int) -> dict[str, Any]:
    """Milliseconds from the click to the first paint; between two of them the small conversation is shown."""
    clicks = []
    for _ in range(rounds):
        scene.window.ask("open", title=_SMALL, last_id=_LAST[_SMALL])
        clicks.append(open_long(scene))
    painted = [1000 * (click["painted_s"] - click["clicked_s"]) for click in clicks]
    return {
        "first_time_ms": round(painted[0], 1),
        "first_paint": held(statistics.median(painted), _OPEN_MS, unit="ms"),
        "all_ms": [round(value, 1) for value in painted],
    }


def _memory(scene: Stage, empty_mb: float) -> dict[str, object]:
    time.sleep(SETTLE_S)
    children_mb = scene.window.children_resident_mb()
    above = held(scene.window.resident_mb() - empty_mb, _MEMORY_MB, unit="mb_above_empty_window")
    return {**above, "children_mb": round(children_mb, 1)}


def _against(frames_ms: list[float], bar_ms: float) -> dict[str, object]:
    figures = spread(frames_ms)
    return {**figures, **held(figures.get("p99", 0.0), bar_ms, unit="p99")}
