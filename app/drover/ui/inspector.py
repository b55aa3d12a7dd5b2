"""The tabs beside the parameters: what a reply thought, what was sent for it, and what it cost in tokens."""

from __future__ import annotations

import json
from collections.abc import Sequence

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import (
    QBrush,
    QGuiApplication,
    QPainter,
    QPaintEvent,
    QPalette,
    QTextBlockFormat,
    QTextCursor,
)
from PySide6.QtWidgets import (
    QGridLayout,
    QHBoxLayout,
    QPlainTextEdit,
    QSizePolicy,
    QStackedWidget,
    QTextEdit,
    QVBoxLayout,
    QWidget,
)

from drover.domain.conversation import Message
from drover.domain.parameters import SPECS
from drover.domain.run import Exchange, LiveRun, Run, Timing
from drover.ui import formats
from drover.ui.controls import QUIET_PADDING, ElidedLabel, Label, QuietButton, SearchField, Segments
from drover.ui.inspector_page import Page
from drover.ui.labels import Paragraph
from drover.ui.message_measures import status_words
from drover.ui.theme import draw_frame, theme
from drover.ui.token_page import MOST_RUNS, Grid, TokensPage, count

_CARD = 13


class _Prose(QTextEdit):
    """Read-only running text, set as reasoning is in the transcript; only ever appended to or replaced."""

    def __init__(self, name: str, parent: QWidget) -> None:
        super().__init__(parent)
        self.setReadOnly(True)
        self.setAcceptRichText(False)
        self.setTabChangesFocus(True)
        self.setAccessibleName(name)
        self.setProperty("bare", True)
        self.setFrameShape(QTextEdit.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setMinimumHeight(160)
        self.document().setDocumentMargin(0)
        theme().changed.connect(self._restyle)
        self._restyle()

    def append_text(self, text: str) -> None:
        """Adds at the end; the view stays where it is."""
        cursor = QTextCursor(self.document())
        cursor.movePosition(QTextCursor.MoveOperation.End)
        cursor.insertText(text)

    def set_text(self, text: str) -> None:
        """Replaces the text, unless it is the same."""
        if self.toPlainText() != text:
            self.setPlainText(text)
            self._space_lines()

    def _restyle(self) -> None:
        self.setFont(theme().font("column"))
        palette = self.palette()
        palette.setColor(QPalette.ColorRole.Text, theme().color("text-2"))
        self.setPalette(palette)
        self._space_lines()

    def _space_lines(self) -> None:
        line = QTextBlockFormat()
        kind = QTextBlockFormat.LineHeightTypes.MinimumHeight.value
        line.setLineHeight(theme().line_height("column"), kind)
        cursor = QTextCursor(self.document())
        cursor.select(QTextCursor.SelectionType.Document)
        cursor.mergeBlockFormat(line)


class _Bytes(QPlainTextEdit):
    """Read-only text in monospace on the surface of code."""

    def __init__(self, name: str, parent: QWidget) -> None:
        super().__init__(parent)
        self.setReadOnly(True)
        self.setTabChangesFocus(True)
        self.setAccessibleName(name)
        self.setProperty("surface", "code")
        self.setMinimumHeight(160)
        theme().changed.connect(self._restyle)
        self._restyle()

    def _restyle(self) -> None:
        self.setFont(theme().font("wire"))


class PhaseBar(QWidget):
    """A bar of the time of a run: waiting hatched, thinking and answering filled, with an axis below."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._timing = Timing()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def display(self, timing: Timing) -> None:
        """Shows the phases of a run; does nothing visible without a first token."""
        self._timing = timing
        self.setAccessibleName(self.tr("Time of the run"))
        self.setAccessibleDescription(
            ", ".join(f"{words} {formats.duration(end - start)}" for _, start, end, words in self._phases())
        )
        self.setVisible(bool(self._phases()))
        self.update()

    def sizeHint(self) -> QSize:
        """The bar, its axis, and the card around them."""
        return QSize(200, theme().px(22 + 20) + 2 * _CARD)

    def _phases(self) -> list[tuple[str, float, float, str]]:
        timing = self._timing
        first, last = timing.first_token_ms, timing.last_token_ms
        if first is None or last is None:
            return []
        answer_from = first
        phases = [("waiting", 0.0, first / 1000, self.tr("Waiting"))]
        if timing.reasoning_started_ms is not None:
            answer_from = timing.reasoning_ended_ms or last
            start = timing.reasoning_started_ms / 1000
            phases.append(("thinking", start, answer_from / 1000, self.tr("Thinking")))
        if last > answer_from:
            phases.append(("answering", answer_from / 1000, last / 1000, self.tr("Answering")))
        return phases

    def paintEvent(self, event: QPaintEvent) -> None:
        """A card with the phases, and the seconds at both ends below."""
        phases = self._phases()
        if not phases:
            return
        painter = QPainter(self)
        colors = theme()
        draw_frame(painter, QRectF(self.rect()), 6, fill=colors.color("page"), edge=colors.color("line"))
        painter.setFont(colors.font("small"))
        room = QRectF(self.rect()).adjusted(_CARD, _CARD, -_CARD, 4 - _CARD)
        total = phases[-1][2] or 1.0
        for token, start, end, words in phases:
            left = round(room.left() + room.width() * start / total)
            right = round(room.left() + room.width() * end / total)
            area = QRectF(left, room.top(), max(2, right - left), colors.px(22))
            self._paint_phase(painter, area, token, f"{words} {formats.duration(end - start)}")
        painter.setPen(colors.color("text-3"))
        bottom = Qt.AlignmentFlag.AlignBottom
        painter.drawText(room, int(Qt.AlignmentFlag.AlignLeft | bottom), self.tr("0 s"))
        painter.drawText(room, int(Qt.AlignmentFlag.AlignRight | bottom), formats.duration(total))
        painter.end()

    def _paint_phase(self, painter: QPainter, area: QRectF, token: str, words: str) -> None:
        if token == "waiting":
            painter.fillRect(area, QBrush(theme().color("strong"), Qt.BrushStyle.BDiagPattern))
            return
        painter.fillRect(area, theme().color(token))
        if theme().measured("small", words) + 16 < area.width():
            painter.setPen(theme().color("text"))
            painter.drawText(area.adjusted(8, 0, 0, 0), int(Qt.AlignmentFlag.AlignVCenter), words)


class ReasoningPage(Page):
    """The chain of thought of one reply, with its times; searchable."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(
            "Reasoning page",
            _tr("The reasoning of a reply appears here. Ask a model that thinks, or tick reasoning_effort."),
            parent,
        )
        self._summary = Label(weight=600)
        self._measures = ElidedLabel("", token="text-2")
        self._bar = PhaseBar()
        words = self.tr("Find in the reasoning")
        self._find = SearchField(words, words, "")
        self._find.returnPressed.connect(self._find_next)
        self._text = _Prose(self.tr("Whole reasoning"), self.content)
        head = QHBoxLayout()
        head.setSpacing(8)
        head.addWidget(self._summary)
        head.addWidget(self._measures, 1)
        self.rows.addLayout(head)
        self.rows.addWidget(self._bar)
        self.rows.addWidget(self._find)
        self.rows.addWidget(self._text, 1)
        self._live: LiveRun | None = None
        self._cursor = 0

    def display(self, run: Run | None, message: Message | None) -> None:
        """Shows a stored reply; None where there is none."""
        self._live = None
        reasoning = message.reasoning if message else ""
        self.show_content(bool(reasoning))
        if run is None or not reasoning:
            return
        tokens, thought_ms = run.reasoning_tokens, run.timing.reasoning_ms
        is_reported = bool(run.usage and run.usage.reasoning_tokens)
        self._summary.setText(
            self.tr("Thought for {0}").format(formats.duration(thought_ms / 1000))
            if thought_ms
            else self.tr("Thought")
        )
        words = []
        if tokens:
            words.append(
                self.tr("{0} tokens, {1}").format(
                    formats.whole(tokens), self.tr("reported") if is_reported else self.tr("estimated")
                )
            )
        self._measures.setText(" · ".join(words))
        self._bar.display(run.timing)
        self._text.set_text(reasoning)

    def display_live(self, live: LiveRun) -> None:
        """Follows a reply while it thinks."""
        if self._live is not live:
            self._live, self._cursor = live, 0
            self._text.set_text("")
            self._bar.display(Timing())
        self.advance()

    def advance(self) -> None:
        """Takes what is new from the live reply."""
        if self._live is None:
            return
        builder = self._live.builder
        self.show_content(builder.has_reasoning)
        news, self._cursor = builder.read_reasoning(self._cursor)
        if news:
            self._text.append_text(news)
        self._summary.setText(self.tr("Thinking") if builder.is_thinking else self.tr("Answering"))
        self._measures.setText(
            self.tr("about {0} tokens").format(formats.whole(builder.reasoning_delta_count))
        )

    def _find_next(self) -> None:
        words = self._find.text()
        if words and not self._text.find(words):
            self._text.moveCursor(self._text.textCursor().MoveOperation.Start)
            self._text.find(words)


class RequestPage(Page):
    """What was asked, adjusted and sent for one reply, and the bytes that came back."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(
            "Request page",
            _tr("What was sent for a reply, and what came back, appears here once a reply is stored."),
            parent,
        )
        self._status = Label(weight=600)
        self._finish = ElidedLabel("", token="text-2")
        self._bar = PhaseBar()
        self._facts = _Facts(self.content)
        self._parameters = _ParameterTable(self.content)
        self._choice = Segments(self.tr("Part of the exchange"), compact=True)
        for part, name in (
            ("body", self.tr("Body")),
            ("headers", self.tr("Headers")),
            ("stream", self.tr("Stream")),
        ):
            self._choice.addItem(name, part)
        self._choice.currentIndexChanged.connect(self._show_part)
        self._text = _Bytes(self.tr("Exchange"), self.content)
        self._parts: dict[str, str] = {}
        head = QHBoxLayout()
        head.setSpacing(8)
        head.addWidget(self._status)
        head.addWidget(self._finish, 1)
        self.rows.addLayout(head)
        for widget in (self._facts, self._bar, self._parameters):
            self.rows.addWidget(widget)
        copy = QuietButton(self.tr("Copy"), icon="copy", compact=True)
        copy.setAccessibleName(self.tr("Copy this part"))
        copy.clicked.connect(self._copy_part)
        row = QHBoxLayout()
        row.addWidget(self._choice)
        row.addStretch()
        row.addWidget(copy)
        row.setContentsMargins(0, 0, -QUIET_PADDING, 0)
        self.rows.addLayout(row)
        self.rows.addWidget(self._text, 1)

    def display(self, run: Run | None, exchange: Exchange | None) -> None:
        """Shows a stored run; None where there is none."""
        self.show_content(run is not None)
        if run is None:
            return
        finish = self.tr("finish_reason {0}").format(run.finish_reason) if run.finish_reason else ""
        self._status.setText(status_words(run.status))
        self._finish.setText(", ".join(filter(None, (finish, formats.clock(run.created_at)))))
        self._bar.display(run.timing)
        self._facts.display(_facts(run, exchange))
        self._parameters.display(run)
        self._parts = {
            "body": formats.indented_json(run.request_body),
            "headers": _headers_text(exchange),
            "stream": exchange.raw_stream.decode("utf-8", "replace") if exchange else "",
        }
        self._show_part()

    def _copy_part(self) -> None:
        QGuiApplication.clipboard().setText(self._text.toPlainText())

    def _show_part(self) -> None:
        text = self._parts.get(self._choice.currentData(), "") or self.tr("Nothing was received.")
        if self._text.toPlainText() != text:
            self._text.setPlainText(text)


class Inspector(QStackedWidget):
    """The three pages; each shows the reply that is inspected. A page is built when it is first looked at."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._pages: dict[str, Page] = {}
        self._reply: tuple[Run | None, Message | None, Exchange | None] = (None, None, None)
        self._runs: Sequence[Run] = ()
        self._live: LiveRun | None = None

    def show_page(self, name: str) -> None:
        """Brings `Reasoning`, `Request` or `Tokens` to the front."""
        if name not in self._pages:
            kinds: dict[str, type[Page]] = {
                "Reasoning": ReasoningPage, "Request": RequestPage, "Tokens": TokensPage,
            }  # fmt: skip
            self._pages[name] = kinds[name](parent=self)
            self.addWidget(self._pages[name])
        self.setCurrentWidget(self._pages[name])
        self._display_page()

    @property
    def needs_exchange(self) -> bool:
        """Whether the page in front shows the bytes of a run, which are read only for it."""
        return isinstance(self.currentWidget(), RequestPage) and self.isVisible()

    @property
    def needs_runs(self) -> bool:
        """Whether the page in front lists the replies of the shown branch."""
        return isinstance(self.currentWidget(), TokensPage) and self.isVisible()

    @property
    def most_runs(self) -> int:
        """How many of them, the newest, it has room for."""
        return MOST_RUNS

    def display(
        self, run: Run | None, message: Message | None, exchange: Exchange | None, runs: Sequence[Run]
    ) -> None:
        """Shows a stored reply, or nothing; `runs` are the newest of the shown branch, oldest first."""
        self._live = None
        self._reply = (run, message, exchange)
        self._runs = [known for known in runs if not known.status.is_live]
        self._display_page()

    def display_live(self, live: LiveRun, runs: Sequence[Run]) -> None:
        """Follows a reply in progress; `runs` are the newest of the shown branch, oldest first."""
        self._live = live
        self._reply = (None, None, None)
        self._runs = [known for known in runs if not known.status.is_live]
        self._display_page()

    def advance(self, run_id: str) -> None:
        """Takes news of the followed reply, if it is that run and its page is seen."""
        page = self.currentWidget()
        is_followed = self._live is not None and self._live.run.id == run_id
        if is_followed and isinstance(page, ReasoningPage) and page.isVisible():
            page.advance()

    def _display_page(self) -> None:
        page = self.currentWidget()
        run, message, exchange = self._reply
        if isinstance(page, ReasoningPage):
            if self._live is not None:
                page.display_live(self._live)
            else:
                page.display(run, message)
        elif isinstance(page, RequestPage):
            page.display(run, exchange)
        elif isinstance(page, TokensPage):
            page.display(self._runs)


class _Facts(QWidget):
    """Pairs of a quiet name and a value."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._layout = QGridLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setHorizontalSpacing(16)
        self._layout.setVerticalSpacing(4)
        self._layout.setColumnStretch(1, 1)

    def display(self, facts: Sequence[tuple[str, str]]) -> None:
        """Replaces the pairs."""
        while (item := self._layout.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.deleteLater()
        for row, (name, value) in enumerate(facts):
            self._layout.addWidget(Label(name, token="text-3", parent=self), row, 0)
            label = ElidedLabel(value)
            label.setToolTip(value)
            self._layout.addWidget(label, row, 1)


class _ParameterTable(QWidget):
    """Each parameter as asked, adjusted and sent."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        self._grid = Grid(self, role="wire")
        self._reasons = Paragraph("", role="small", token="text-2")
        layout.addWidget(self._grid)
        layout.addWidget(self._reasons)

    def display(self, run: Run) -> None:
        """Shows what was asked and what the stored body holds."""
        body = json.loads(run.request_body) if run.request_body else {}
        adjusted = {adjustment.name: adjustment for adjustment in run.adjustments}
        names = [name for name, _ in run.parameters]
        names += [adjustment.name for adjustment in run.adjustments if adjustment.name not in names]
        rows = []
        for name in names:
            asked = run.parameters.get(name) if name in SPECS else None
            rows.append(
                [
                    name,
                    _tr("unset") if asked is None else _as_sent(asked),
                    adjusted[name].action if name in adjusted else "",
                    _as_sent(body[name]) if name in body else _tr("absent"),
                ]
            )
        header = [self.tr("Parameter"), self.tr("Asked"), self.tr("Adjusted"), self.tr("Sent")]
        if not adjusted:
            header.pop(2)
            rows = [[name, asked, sent] for name, asked, _, sent in rows]
        self._grid.display(header, rows, figures_from=9)
        reasons = [f"{adjustment.name}: {adjustment.reason}" for adjustment in run.adjustments]
        self._reasons.set_text(" ".join(reasons) if rows else self.tr("No parameter was asked for."))
        self._reasons.setVisible(bool(reasons) or not rows)


def _tr(text: str) -> str:
    from PySide6.QtCore import QCoreApplication

    return QCoreApplication.translate("inspector", text)


def _facts(run: Run, exchange: Exchange | None) -> list[tuple[str, str]]:
    timing, usage = run.timing, run.usage
    facts = [
        (_tr("Run"), run.id),
        (_tr("Endpoint"), f"{run.endpoint_name} {run.base_url}"),
        (_tr("Model asked"), run.model_id),
        (_tr("Reported"), run.model_reported or _tr("nothing")),
    ]
    if exchange is not None:
        answer = (
            f"{exchange.response_status} {exchange.http_version}" if exchange.response_status else _tr("none")
        )
        facts += [(_tr("Request"), exchange.request_line), (_tr("Response"), answer)]
    if timing.first_token_ms is not None:
        facts.append((_tr("First token"), _tr("{0} ms").format(formats.decimal(timing.first_token_ms, 1))))
    if timing.total_ms is not None:
        facts.append((_tr("In all"), formats.duration(timing.total_ms / 1000)))
    if usage is not None:
        facts.append(
            (
                _tr("Usage"),
                _tr("{0} in, {1} out").format(count(usage.prompt_tokens), count(usage.completion_tokens)),
            )
        )
    return facts


def _as_sent(value: object) -> str:
    """A value as it stands in the body, a word without its quotes."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 40 else text[:39] + formats.ELLIPSIS


def _headers_text(exchange: Exchange | None) -> str:
    if exchange is None:
        return ""
    lines = [exchange.request_line, *(f"{name}: {value}" for name, value in exchange.request_headers)]
    if exchange.response_status is not None:
        lines += ["", f"{exchange.http_version} {exchange.response_status}"]
        lines += [f"{name}: {value}" for name, value in exchange.response_headers]
    return "\n".join(lines)
