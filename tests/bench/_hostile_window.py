"""Shows each hostile answer in the window and prints as JSON what it cost. Run on a display of its own."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from tests.corpora.hostile_answers import answers

from drover.domain.conversation import Message, Part, Position, Role, TextPart
from drover.domain.parameters import SamplingParameters
from drover.domain.run import LiveRun, Run, RunStatus
from drover.domain.stream import TextDelta
from drover.paths import Profile
from drover.ui.application import Program
from drover.ui.transcript import TranscriptEntry, TranscriptView

STREAMED_PIECES = 60
STREAMED_CHARS = 200_000
_AT = datetime(2026, 11, 23, 14, 1, tzinfo=UTC)


def run(names: list[str]) -> Iterator[dict[str, object]]:
    """One row for each answer: milliseconds until it is drawn, and the longest hold-up on the way."""
    with tempfile.TemporaryDirectory() as directory:
        QApplication([])
        profile = Profile.at(Path(directory))
        profile.create()
        program = Program(profile)
        program.show()
        program.window.resize(1440, 860)
        program.window.show_first_run(False)
        _settle()
        transcript = program.window.transcript
        _shown(transcript, "nothing", "A first answer.", Role.ASSISTANT)
        for name, text in answers("127.0.0.1:9", f"{directory}/canary").items():
            if not names or name in names:
                yield {
                    "name": name,
                    "chars": len(text),
                    "answer_ms": _shown(transcript, name, text, Role.ASSISTANT),
                    "scroll_ms": _scrolled(transcript),
                    "resize_ms": _resized(program, transcript),
                    "question_ms": _shown(transcript, f"own {name}", text, Role.USER),
                    **_streamed(transcript, f"live {name}", text),
                }
        transcript.display("", [])


def _shown(transcript: TranscriptView, name: str, text: str, role: Role) -> float:
    entry = _entry(name, (TextPart(text=text),), role)
    return _took_ms(lambda: transcript.display(name, [entry]))


def _scrolled(transcript: TranscriptView) -> float:
    """The longest of: to the beginning, some pages down, to the end."""
    keys = [Qt.Key.Key_Home, *[Qt.Key.Key_PageDown] * 5, Qt.Key.Key_End]
    return max(_took_ms(lambda key=key: QTest.keyClick(transcript, key)) for key in keys)  # type: ignore[misc]


def _resized(program: Program, transcript: TranscriptView) -> float:
    narrower = _took_ms(lambda: program.window.resize(1100, 860))
    return max(narrower, _took_ms(lambda: program.window.resize(1440, 860)))


def _streamed(transcript: TranscriptView, name: str, text: str) -> dict[str, object]:
    """The longest turn while the beginning of it streams, and what its end takes."""
    run = _run(name)
    live = LiveRun(run, time.monotonic())
    transcript.display(name, [_entry(name, (), Role.ASSISTANT, live)])
    _settle()
    text = text[:STREAMED_CHARS]
    size = len(text) // STREAMED_PIECES + 1
    longest = 0.0
    for start in range(0, len(text), size):
        live.builder.feed(TextDelta(text=text[start : start + size]), 1.0)
        longest = max(longest, _took_ms(lambda: transcript.advance(run.id)))
    ended = _entry(name, (TextPart(text=text),), Role.ASSISTANT)
    end_ms = _took_ms(lambda: transcript.display(name, [ended]))
    return {"streamed_turn_ms": longest, "streamed_end_ms": end_ms}


def _run(name: str) -> Run:
    return Run(
        id=f"run {name}", conversation_id="c", parent_id="q", message_id=name, endpoint_id="e",
        endpoint_name="E", base_url="", model_id="model", system_prompt="", status=RunStatus.COMPLETE,
        created_at=_AT, parameters=SamplingParameters(),
    )  # fmt: skip


def _entry(name: str, parts: tuple[Part, ...], role: Role, live: LiveRun | None = None) -> TranscriptEntry:
    message = Message(
        id=name, conversation_id="c", parent_id="q", role=role, parts=parts, created_at=_AT, run_id=None
    )
    run = live.run if live is not None else None
    return TranscriptEntry(
        message=message, run=run, position=Position(index=0, count=1), author="model", live=live
    )


def _took_ms(action: Callable[[], object]) -> float:
    """Until what it leads to is painted."""
    started_s = time.monotonic()
    action()
    _settle()
    return round(1000 * (time.monotonic() - started_s), 1)


def _settle() -> None:
    for _ in range(3):
        QApplication.sendPostedEvents()
        QApplication.processEvents()


if __name__ == "__main__":
    for row in run(sys.argv[1:]):
        print(json.dumps(row), flush=True)
