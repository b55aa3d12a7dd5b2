"""The versions of one answer side by side: what differs in their settings, their text, their measures."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QRectF, QSize, Qt, QTimer
from PySide6.QtGui import QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QScrollArea, QSizePolicy, QVBoxLayout, QWidget

from drover.domain.parameters import SPECS, ParameterValue
from drover.domain.run import Run
from drover.ui import formats
from drover.ui.controls import ElidedLabel, Hairline, HeaderBar, Label
from drover.ui.labels import Paragraph
from drover.ui.markdown_look import TextLook
from drover.ui.markdown_view import MarkdownView
from drover.ui.message_measures import status_words
from drover.ui.theme import RADIUS, draw_frame, theme
from drover.ui.transcript import TranscriptEntry

_COLUMN_PX = 320
_READING_PX = 760
_QUESTION_CHARS = 240
_LOOK = TextLook(role="column", base_size=14)
_ROW, _NAME, _BAR = 22, 96, 96


class ComparisonPage(QWidget):
    """The Experiments workspace. Columns scroll sideways when there are more than fit."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(self.tr("Versions side by side"))
        self._nothing = _NothingYet()
        self._question = _Question()
        self._differences = ElidedLabel("", token="text-2")
        head = HeaderBar(token="window")
        row = QHBoxLayout(head)
        row.setContentsMargins(24, 0, 24, 0)
        row.setSpacing(12)
        row.addWidget(Label(self.tr("Compare"), weight=600))
        row.addWidget(self._differences, 1)
        self._scroll = QScrollArea()
        self._scroll.setWidgetResizable(True)
        self._scroll.setFrameShape(QFrame.Shape.NoFrame)
        self._scroll.viewport().setAutoFillBackground(False)
        self._content = QWidget()
        content = QVBoxLayout(self._content)
        content.setContentsMargins(0, 0, 0, 0)
        content.setSpacing(0)
        for part in (self._question, Hairline(), head):
            content.addWidget(part)
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
        self._question.display(question)
        runs = [entry.run for entry in versions if entry.run is not None]
        differing = _differing(runs)
        self._differences.setText(_summary(len(versions), differing))
        canvas = QWidget()
        row = QHBoxLayout(canvas)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        most = _most(runs)
        for number, entry in enumerate(versions):
            if number:
                row.addWidget(Hairline(is_vertical=True))
            row.addWidget(_Column(chr(ord("A") + number % 26), entry, differing, most), 1)
        self._scroll.setWidget(canvas)
        canvas.setAutoFillBackground(False)  # which setWidget switches on


class _NothingYet(QWidget):
    """What the page is for, while there is nothing to compare."""

    def __init__(self) -> None:
        super().__init__()
        words = self.tr(
            "Ask something in a conversation, change a parameter and regenerate the answer. "
            "Its versions then stand here side by side."
        )
        reading = QWidget()
        reading.setMaximumWidth(_READING_PX)
        column = QVBoxLayout(reading)
        column.setContentsMargins(16, 88, 16, 0)
        column.setSpacing(8)
        column.addWidget(Label(self.tr("Nothing to compare yet"), role="display", weight=600))
        column.addWidget(Paragraph(words, role="body", token="text-2"))
        column.addStretch()
        row = QHBoxLayout(self)
        row.setContentsMargins(32, 0, 32, 0)
        row.addStretch(1)
        row.addWidget(reading, 1000)
        row.addStretch(1)


class _Question(QWidget):
    """The message that all versions answer, on its tinted block in the reading column."""

    def __init__(self) -> None:
        super().__init__()
        self._words = Paragraph(role="body")
        self._column = QVBoxLayout(self)
        self._column.setSpacing(0)
        self._column.addWidget(self._words)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        theme().changed.connect(self.update)

    def display(self, text: str) -> None:
        """The beginning of a long question is enough to know it by."""
        line = " ".join(text[: 4 * _QUESTION_CHARS].split())
        is_cut = len(line) > _QUESTION_CHARS
        self._words.set_text(line[:_QUESTION_CHARS].rstrip() + formats.ELLIPSIS if is_cut else line)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keeps to the reading column."""
        super().resizeEvent(event)
        side = self._side()
        self._column.setContentsMargins(side + 16, 24, side + 16, 24)

    def paintEvent(self, event: QPaintEvent) -> None:
        """The block."""
        painter = QPainter(self)
        block = QRectF(self.rect()).adjusted(self._side(), 12, -self._side(), -12)
        draw_frame(painter, block, 6, fill=theme().color("user"))
        painter.end()

    def _side(self) -> int:
        return max(16, (self.width() - _READING_PX) // 2)


class _Column(QWidget):
    """One version: what it was asked with, its answer, its measures."""

    def __init__(
        self, letter: str, entry: TranscriptEntry, differing: Sequence[str], most: Sequence[float]
    ) -> None:
        super().__init__()
        self.setMinimumWidth(theme().px(_COLUMN_PX))
        run = entry.run
        words = _settings_words(run, differing) if run else ""
        head = HeaderBar(token="page")
        row = QHBoxLayout(head)
        row.setContentsMargins(16, 0, 16, 0)
        row.setSpacing(8)
        row.addWidget(_Letter(letter))
        row.addWidget(ElidedLabel(words or entry.author, role="wire" if words else "ui"), 1)
        row.addWidget(Label(status_words(run.status) if run else "", role="small", token="text-3"))
        text = _text_of(entry) or (run.failure.message if run and run.failure else "")
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(head)
        column.addWidget(_Answer(text, self.tr("Version {0}").format(letter)), 1)
        if run is not None:
            column.addWidget(Hairline())
            column.addWidget(_Measures(run, most))


class _Letter(QWidget):
    """The letter of a column in a small frame."""

    def __init__(self, letter: str) -> None:
        super().__init__()
        self._letter = letter
        self.setAccessibleName(letter)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        """A square."""
        return QSize(theme().px(20), theme().px(20))

    def paintEvent(self, event: QPaintEvent) -> None:
        """Frame and letter."""
        painter = QPainter(self)
        draw_frame(painter, QRectF(self.rect()), RADIUS, edge=theme().color("border"))
        painter.setFont(theme().font("small", 600))
        painter.setPen(theme().color("text"))
        painter.drawText(self.rect(), int(Qt.AlignmentFlag.AlignCenter), self._letter)
        painter.end()


class _Answer(QScrollArea):
    """An answer set as in the transcript; scrolls by itself."""

    def __init__(self, text: str, name: str) -> None:
        super().__init__()
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setAccessibleName(name)
        self.viewport().setAutoFillBackground(False)
        self._canvas = QWidget()
        self._body = MarkdownView(_LOOK, text_name=name, parent=self._canvas)
        self._body.feed(text)
        self._body.finish()
        self._body.height_changed.connect(self._lay_out)
        self._body.reflowed.connect(self._lay_out)
        self.setWidget(self._canvas)
        self._canvas.setAutoFillBackground(False)
        self._later = QTimer(self, singleShot=True, interval=0)
        self._later.timeout.connect(self._lay_out)
        self.verticalScrollBar().valueChanged.connect(self._later.start)
        theme().changed.connect(self._restyle)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """The text follows the width."""
        super().resizeEvent(event)
        self._lay_out()

    def _lay_out(self) -> None:
        width = self.viewport().width()
        for _ in range(3):
            height = self._body.lay_out(max(80, width - 32))
            self._body.setGeometry(16, 16, max(80, width - 32), height)
            self._canvas.resize(width, height + 32)
            top = self.verticalScrollBar().value() - 16
            if not self._body.reveal(top, top + self.viewport().height()):
                break

    def _restyle(self) -> None:
        self._body.restyle()
        self._lay_out()


class _Measures(QWidget):
    """Measures of a run in rows; the bars of all columns share their scales."""

    def __init__(self, run: Run, most: Sequence[float]) -> None:
        super().__init__()
        self._rows = [
            (name, words, value / limit if value is not None and limit else None)
            for (name, words, value), limit in zip(_measured(run), most, strict=True)
        ]
        self.setAccessibleName(", ".join(f"{name} {words}" for name, words, _ in self._rows))
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        theme().changed.connect(self._restyle)

    def sizeHint(self) -> QSize:
        """One line a measure."""
        return QSize(theme().px(_COLUMN_PX), len(self._rows) * theme().px(_ROW) + 20)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Name, value, bar."""
        painter = QPainter(self)
        colors, row, left = theme(), theme().px(_ROW), 16
        painter.setFont(colors.font("small"))
        middle = int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft)
        for number, (name, words, share) in enumerate(self._rows):
            place = QRectF(left, 10 + number * row, self.width() - 2 * left, row)
            painter.setPen(colors.color("text-3"))
            painter.drawText(place, middle, name)
            painter.setPen(colors.color("text"))
            painter.drawText(place.adjusted(colors.px(_NAME), 0, 0, 0), middle, words)
            if share is not None:
                bar = QRectF(place.right() - _BAR, place.center().y() - 2, _BAR, 4)
                draw_frame(painter, bar, 2, fill=colors.color("track"))
                bar.setWidth(max(4.0, _BAR * share))
                draw_frame(painter, bar, 2, fill=colors.color("text-2"))
        painter.end()

    def _restyle(self) -> None:
        self.updateGeometry()
        self.update()


def _measured(run: Run) -> list[tuple[str, str, float | None]]:
    """(name, words, number) of each measure; the number is None where nothing is known."""
    none = _tr("unknown")
    thought, tokens = run.reasoning_tokens, run.completion_tokens
    first, rate = run.timing.first_token_ms, run.tokens_per_s
    return [
        (_tr("Thinking"), formats.tokens(thought) if thought else _tr("none"), float(thought or 0)),
        (_tr("In all"), none if tokens is None else formats.tokens(tokens), tokens),
        (_tr("First token"), none if first is None else formats.duration(first / 1000), first),
        (_tr("Speed"), none if rate is None else formats.rate(rate), rate),
    ]


def _most(runs: Sequence[Run]) -> list[float]:
    """The largest of each measure over all runs; 0 where nothing is known."""
    by_run = [[value or 0.0 for _, _, value in _measured(run)] for run in runs]
    return [max(values) for values in zip(*by_run, strict=True)]


def _summary(count: int, differing: Sequence[str]) -> str:
    versions = _tr("1 version") if count == 1 else _tr("{0} versions").format(count)
    if count < 2:
        return versions
    if not differing:
        return _tr("{0} with the same settings").format(versions)
    return _tr("{0}, differing in {1}").format(versions, ", ".join(differing))


def _differing(runs: Sequence[Run]) -> list[str]:
    """Names of the parameters in which the runs differ, in declared order."""
    return [name for name in SPECS if len({_key(run.parameters_sent.get(name)) for run in runs}) > 1]


def _key(value: ParameterValue | None) -> str:
    return repr(value)


def _text_of(entry: TranscriptEntry) -> str:
    """The text of a version, and the calls that it asks for."""
    if not entry.calls:
        return entry.message.text
    from drover.ui.shown_calls import calls_as_markdown

    return "\n\n".join(filter(None, (entry.message.text, calls_as_markdown(entry.calls))))


def _settings_words(run: Run, names: Sequence[str]) -> str:
    words = []
    for name in names:
        value = run.parameters_sent.get(name)
        words.append(f"{name} {_tr('unset') if value is None else formats.parameter_value(name, value)}")
    return ", ".join(words)


def _tr(text: str) -> str:
    from PySide6.QtCore import QCoreApplication

    return QCoreApplication.translate("comparison", text)
