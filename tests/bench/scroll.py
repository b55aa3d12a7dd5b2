"""Scrolling and resizing alone, in a conversation of 10,000 messages; see `history` for what is measured."""

from __future__ import annotations

import sys
from typing import Any

from tests.bench import history
from tests.bench._machine import machine
from tests.bench._stage import stage


def measure() -> dict[str, Any]:
    """Frames while keys are held and while the window is resized."""
    with stage(history.CONVERSATIONS) as scene:
        history.open_long(scene)
        hold_s = 1.0 if "--quick" in sys.argv else history.HOLD_S
        return {"machine": machine(), **history.scrolling(scene, hold_s)}
