"""What the footer of a message says about its run."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QCoreApplication

from drover.domain.run import Run, RunStatus
from drover.ui import formats

LEAST_EFFORT: Final = "low"


def raised_limit(run: Run) -> int:
    """The next token limit to try: four times what was too little."""
    return (run.parameters.max_tokens or run.completion_tokens or 1024) * 4


def thinks_more_than_it_must(run: Run) -> bool:
    """Whether less effort than was asked for can be asked for."""
    return run.parameters.reasoning_effort not in (None, LEAST_EFFORT)


def _tr(text: str) -> str:
    return QCoreApplication.translate("measures", text)


def status_words(status: RunStatus) -> str:
    """How a run ended, in words."""
    return {
        RunStatus.COMPLETE: _tr("Complete"),
        RunStatus.CUT: _tr("Cut off by the token limit"),
        RunStatus.STOPPED: _tr("Stopped"),
        RunStatus.FILTERED: _tr("Ended by the server's filter"),
        RunStatus.INCOMPLETE: _tr("Incomplete"),
        RunStatus.FAILED: _tr("Failed"),
        RunStatus.INTERRUPTED: _tr("Interrupted"),
    }.get(status, _tr("In progress"))


def measures(run: Run, reading: str = "") -> str:
    """Settings and measures of a run in one line, and how its reply was read; what is not known is left out.

    A token limit that was not reached changed nothing about the reply, so it is left out too.
    """
    short = {"temperature": "T", "reasoning_effort": _tr("effort")}
    parts = []
    if reading:
        from drover.ui.reading_menu import reading_words

        parts.append(reading_words(reading))
    parts += [
        formats.setting(short.get(name, name), value)
        for name, value in run.parameters_sent
        if name != "max_tokens" or run.status is RunStatus.CUT
    ]
    if run.tokens_per_s is not None:
        parts.append(formats.rate(run.tokens_per_s))
    if run.timing.first_token_ms is not None:
        parts.append(_tr("{0} to first").format(formats.duration(run.timing.first_token_ms / 1000)))
    if run.completion_tokens is not None:
        count = formats.tokens(run.completion_tokens)
        parts.append(count if run.has_reported_usage else _tr("about {0}").format(count))
    if run.usage is not None and run.usage.cost_usd:
        parts.append(formats.usd(run.usage.cost_usd))
    return " · ".join(parts)
