"""The tries of a run before its last one, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication

from drover.errors import running_text
from drover.ui import formats

if TYPE_CHECKING:
    from drover.domain.attempts import FailedAttempt
    from drover.domain.run import Run


def _tr(text: str) -> str:
    return QCoreApplication.translate("attempts", text)


def attempts_words(run: Run) -> str:
    """A line for each try that failed: when it was, why, and how long it took; empty for none."""
    return "\n".join(_line(attempt) for attempt in run.failed_attempts)


def _line(attempt: FailedAttempt) -> str:
    at = attempt.started_at.astimezone()
    times = _tr("It took {0}, and the next one began {1} later.").format(
        formats.duration(attempt.took_ms / 1000), formats.duration(attempt.waited_ms / 1000)
    )
    return f"{at:%H:%M:%S} " + running_text(attempt.failure.message, times)
