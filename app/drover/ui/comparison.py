"""The versions of one answer side by side: what differs in their settings, their measures, their text."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QPlainTextEdit, QScrollArea, QVBoxLayout, QWidget

from drover.domain.parameters import SPECS, ParameterValue
from drover.domain.run import Run
from drover.ui import formats
from drover.ui.controls import ElidedLabel, Hairline, Label
from drover.ui.theme import theme
from drover.ui.transcript import TranscriptEntry

_COLUMN_PX = 320


class ComparisonPage(QWidget):
    """The Experiments workspace. Columns scroll sideways when there are more than fit."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(self.tr("Versions side by side"))
        self._nothing = QWidget()
        empty = QVBoxLayout(self._nothing)
        empty.setContentsMargins(40, 88, 40, 0)
        empty.setSpacing(8)
        empty.addWidget(Label(self.tr("Nothing to compare yet"), role="display", weight=600))
        advice = Label(
            self.tr(
                "Ask something in a conversation, change a parameter and regenerate the answer. "
                "Its versions then stand here side by side."
            ),
            role="body",
            token="text-2",
        )
        advice.setWordWrap(True)
        empty.addWidget(advice)
        empty.addStretch()
        self._question = ElidedLabel("", role="ui", token="text-2")
        self._scroll = QScrollArea()
        self._scroll.setWidgetResizable(True)
        self._scroll.setFrameShape(QScrollArea.Shape.NoFrame)
        self._scroll.viewport().setAutoFillBackground(False)
        self._content = QWidget()
        content = QVBoxLayout(self._content)
        content.setContentsMargins(24, 16, 24, 16)
        content.setSpacing(12)
        content.addWidget(self._question)
        content.addWidget(self._scroll, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self._nothing)
        column.addWidget(self._content)
        self.display("", [])

    def display(self, question: str, versions: Sequence[TranscriptEntry]) -> None:
        """Shows stored replies to one question, oldest first."""
        self._nothing.setVisible(not versions)
        self._content.setVisible(bool(versions))
        self._question.setText(" ".join(question.split()))
        canvas = QWidget()
        canvas.setAutoFillBackground(False)
        row = QHBoxLayout(canvas)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        differing = _differing([entry.run for entry in versions if entry.run is not None])
        for number, entry in enumerate(versions):
            if number:
                row.addWidget(Hairline(is_vertical=True))
            row.addWidget(_Column(chr(ord("A") + number % 26), entry, differing), 1)
        self._scroll.setWidget(canvas)


class _Column(QWidget):
    def __init__(self, letter: str, entry: TranscriptEntry, differing: Sequence[str]) -> None:
        super().__init__()
        self.setMinimumWidth(theme().px(_COLUMN_PX))
        run = entry.run
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 0, 16, 0)
        column.setSpacing(8)
        head = QHBoxLayout()
        head.setSpacing(8)
        head.addWidget(Label(letter, weight=600))
        words = _settings_words(run, differing) if run else ""
        head.addWidget(ElidedLabel(words or entry.author, role="wire"), 1)
        column.addLayout(head)
        if run is not None:
            column.addLayout(_measures(run))
        column.addWidget(Hairline())
        text = QPlainTextEdit()
        text.setProperty("bare", True)
        text.setReadOnly(True)
        text.setTabChangesFocus(True)
        text.setFont(theme().font("column"))
        text.setAccessibleName(self.tr("Version {0}").format(letter))
        text.setPlainText(entry.message.text or (run.failure.message if run and run.failure else ""))
        column.addWidget(text, 1)


def _measures(run: Run) -> QGridLayout:
    grid = QGridLayout()
    grid.setHorizontalSpacing(12)
    grid.setVerticalSpacing(2)
    grid.setColumnStretch(1, 1)
    first = run.timing.first_token_ms
    rows = [
        (_tr("tokens"), "–" if run.completion_tokens is None else formats.whole(run.completion_tokens)),
        (_tr("tok/s"), "–" if run.tokens_per_s is None else formats.decimal(run.tokens_per_s, 0)),
        (_tr("first"), "–" if first is None else formats.duration(first / 1000)),
    ]
    for number, (name, value) in enumerate(rows):
        grid.addWidget(Label(name, role="small", token="text-3"), number, 0)
        figure = Label(value, role="small")
        figure.setAlignment(Qt.AlignmentFlag.AlignRight)
        grid.addWidget(figure, number, 1)
    return grid


def _differing(runs: Sequence[Run]) -> list[str]:
    """Names of the parameters in which the runs differ, in declared order."""
    return [name for name in SPECS if len({_key(run.parameters.get(name)) for run in runs}) > 1]


def _key(value: ParameterValue | None) -> str:
    return repr(value)


def _settings_words(run: Run, names: Sequence[str]) -> str:
    words = []
    for name in names:
        value = run.parameters.get(name)
        words.append(f"{name} {_tr('unset') if value is None else formats.parameter_value(name, value)}")
    return ", ".join(words)


def _tr(text: str) -> str:
    from PySide6.QtCore import QCoreApplication

    return QCoreApplication.translate("comparison", text)
