"""The versions of an answer side by side."""

from __future__ import annotations

from PySide6.QtWidgets import QLabel, QScrollArea, QWidget
from pytestqt.qtbot import QtBot
from tests.ui.test_transcript import AT

from drover.domain.conversation import Message, Position, Role, TextPart
from drover.domain.parameters import SamplingParameters
from drover.domain.run import Run, RunStatus, Timing, Usage
from drover.ui.comparison import ComparisonPage
from drover.ui.transcript import TranscriptEntry


def version(number: int, text: str, temperature: float, tokens: int) -> TranscriptEntry:
    run = Run(
        id=f"r{number}", conversation_id="c", parent_id="q", message_id=f"a{number}", endpoint_id="e",
        endpoint_name="Server", base_url="", model_id="model", system_prompt="", status=RunStatus.COMPLETE,
        created_at=AT, parameters=SamplingParameters(temperature=temperature, seed=7),
        usage=Usage(completion_tokens=tokens), timing=Timing(first_token_ms=400, last_token_ms=1400),
    )  # fmt: skip
    message = Message(
        id=run.message_id, conversation_id="c", parent_id="q", role=Role.ASSISTANT,
        parts=(TextPart(text=text),), created_at=AT, run_id=run.id,
    )  # fmt: skip
    return TranscriptEntry(message=message, run=run, position=Position(index=number, count=2), author="model")


def page_of(qtbot: QtBot, *versions: TranscriptEntry) -> ComparisonPage:
    page = ComparisonPage()
    qtbot.addWidget(page)
    page.resize(900, 600)
    page.display("Why?", versions)
    page.show()
    qtbot.waitExposed(page)
    return page


def texts(page: ComparisonPage) -> list[str]:
    return [label.text() for label in page.findChildren(QLabel) if label.isVisible()]


def test_columns_are_named_by_what_differs_and_by_nothing_else(qtbot: QtBot) -> None:
    page = page_of(qtbot, version(0, "One", 0.2, 10), version(1, "Two", 1.2, 20))
    assert "2 versions, differing in temperature" in texts(page)
    assert [text for text in texts(page) if text.startswith("temperature")] == [
        "temperature 0.2", "temperature 1.2",
    ]  # fmt: skip
    assert not any("seed" in text for text in texts(page))


def test_measures_of_all_columns_are_told(qtbot: QtBot) -> None:
    page = page_of(qtbot, version(0, "One", 0.2, 11), version(1, "Two", 1.2, 21))
    names = [widget.accessibleName() for widget in page.findChildren(QWidget)]
    told = [name for name in names if "Speed" in name]
    assert told == [
        "Thinking none, In all 11 tokens, First token 0.4 s, Speed 10 tok/s",
        "Thinking none, In all 21 tokens, First token 0.4 s, Speed 20 tok/s",
    ]


def test_answers_are_set_as_markdown_and_keep_to_their_column(qtbot: QtBot) -> None:
    page = page_of(qtbot, version(0, "**Bold** " * 200, 0.2, 11), version(1, "Two", 1.2, 21))
    answers = [area for area in page.findChildren(QScrollArea) if area.accessibleName().startswith("Version")]
    assert [area.accessibleName() for area in answers] == ["Version A", "Version B"]
    first = answers[0]
    canvas = first.widget()
    assert canvas is not None
    assert canvas.width() == first.viewport().width()
    assert canvas.height() > first.viewport().height()


def test_without_versions_it_says_what_it_is_for(qtbot: QtBot) -> None:
    assert "Nothing to compare yet" in texts(page_of(qtbot))
