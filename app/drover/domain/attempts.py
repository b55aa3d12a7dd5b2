"""Tries of a run that failed before anything of an answer came, and the next one that follows by itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from drover.domain.run import Failure


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedAttempt:
    """A try of a run that was followed by another one, or by the wait for it."""

    started_at: datetime
    took_ms: float
    failure: Failure
    waited_ms: float
    """How long it was waited for the next one, until its time, a click or a stop."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NextAttempt:
    """What a run in progress does about a failure."""

    failure: Failure
    """Why there is another try."""
    number: int
    """Counted from 1, the first try not included."""
    most: int
    """The last such number."""
    wait_s: float
    due_s: float | None
    """When it starts, on the clock of `time.monotonic()`; None once it is under way."""
