"""The tabs beside the parameters."""

from __future__ import annotations

import json

import pytest
from PySide6.QtWidgets import QApplication, QLabel, QTextEdit, QWidget
from pytestqt.qtbot import QtBot
from tests.ui.test_transcript import reply, run_of

from drover.domain.conversation import ReasoningPart, TextPart
from drover.domain.parameters import SamplingParameters
from drover.domain.run import Run, Timing, Usage
from drover.ui.controls import Segments
from drover.ui.inspector import Inspector
from drover.ui.run_timeline import RunTimeline


def shown_run() -> Run:
    body = {"model": "gpt-oss-20b", "temperature": 0.2, "messages": []}
    return run_of(
        "a",
        parameters=SamplingParameters(temperature=0.2, top_p=0.9),
        request_body=json.dumps(body).encode(),
        finish_reason="stop",
        usage=Usage(prompt_tokens=118, completion_tokens=730, reasoning_tokens=412),
        timing=Timing(
            first_token_ms=400, reasoning_started_ms=400, reasoning_ended_ms=12_400, last_token_ms=21_800
        ),
    )


@pytest.fixture
def inspector(qtbot: QtBot) -> Inspector:
    inspector = Inspector()
    qtbot.addWidget(inspector)
    inspector.resize(352, 800)
    inspector.show()
    return inspector


def display(inspector: Inspector, page: str, run: Run) -> None:
    entry = reply(run, ReasoningPart(text="First.\n\nThen."), TextPart(text="Answer."))
    inspector.show_page(page)
    inspector.display(run, entry.message, [run])
    QApplication.processEvents()


def texts(widget: QWidget) -> list[str]:
    return [label.text() for label in widget.findChildren(QLabel) if label.isVisible()]


def test_the_reasoning_is_whole_with_its_time_and_tokens(inspector: Inspector) -> None:
    display(inspector, "Reasoning", shown_run())
    assert "Thought for 12 s" in texts(inspector)
    assert "412 tokens, reported" in texts(inspector)
    pane = next(w for w in inspector.findChildren(QTextEdit) if w.accessibleName() == "Whole reasoning")
    assert pane.toPlainText() == "First.\n\nThen."
    bar = next(bar for bar in inspector.findChildren(RunTimeline) if bar.isVisible())
    assert bar.accessibleDescription() == "Waiting 0.4 s, Thinking 12 s, Answering 9.4 s, 34 tok/s on average"


def test_tokens_stand_in_one_row_a_reply(inspector: Inspector) -> None:
    display(inspector, "Tokens", shown_run())
    segments = next(s for s in inspector.findChildren(Segments) if s.isVisible())
    segments.setCurrentIndex(segments.findText("Usage"))
    told = texts(inspector)
    at = told.index("118")
    assert told[at : at + 4] == ["118", "730", "412", "34"]
