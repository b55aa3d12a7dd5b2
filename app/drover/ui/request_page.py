"""The Request tab: what was asked and sent for a reply, when what came back, and what to do with it."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QGuiApplication, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import (
    QBoxLayout,
    QHBoxLayout,
    QSizePolicy,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from drover.domain.provenance import provenance
from drover.domain.run import LiveRun, Run, RunStatus, Timing
from drover.domain.timeline import Timeline, phases_of, rates_of
from drover.ui import formats
from drover.ui.attempt_words import attempts_words
from drover.ui.controls import (
    ElidedLabel,
    IconButton,
    Label,
    OverlayScrollArea,
    Paragraph,
    SearchField,
    Segments,
)
from drover.ui.event_table import EventTable
from drover.ui.message_measures import status_words
from drover.ui.parameter_table import ParameterTable
from drover.ui.replay_view import ReplayView
from drover.ui.request_facts import FactsGrid, facts_of
from drover.ui.request_foot import RequestFoot
from drover.ui.request_parts import WireText, headers_text
from drover.ui.run_timeline import RunTimeline
from drover.ui.theme import draw_frame, draw_icon, theme

if TYPE_CHECKING:
    from drover.engine.inspection import Inspection

_MARGIN: Final = 16
_LEAST_PARTS: Final = 220
"""How high the table of events stays; in a lower window the whole page scrolls."""
_ONE_ROW_FROM: Final = 600
_ID_CHARS: Final = 10
_ID_FROM: Final = 440
_LOOK_REST_MS: Final = 200
"""Between two looks at a run in progress; what comes meanwhile is seen at its end."""
_PARTS: Final = ("events", "body", "headers")


class RequestPage(QWidget):
    """One run, stored or in progress, with everything that is known of it.

    Signals:
        those of its `foot`, and replay_closed(): a replay is no longer looked at
    """

    replay_closed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName("Request page")
        self._inspection: Inspection | None = None
        self._live: LiveRun | None = None
        self._look_rest = QTimer(self, singleShot=True, interval=_LOOK_REST_MS)
        self._look_rest.timeout.connect(self._look)
        self.foot = RequestFoot()
        self._nothing = Paragraph(
            self.tr("What was sent for a reply, and what came back, appears here once a reply is stored."),
            token="text-2",
        )
        self._nothing.setContentsMargins(_MARGIN, _MARGIN, _MARGIN, _MARGIN)
        self._head = _Head()
        self._failure = _Remark(is_framed=True)
        self._attempts = _Remark()
        self._repeat = _Remark()
        self._facts = FactsGrid()
        self._timeline = RunTimeline()
        self._parameters = ParameterTable()
        self._replay: ReplayView | None = None
        self._lower = _Lower()
        self._lower.addWidget(self._build_parts())
        self._scroll = OverlayScrollArea()
        self._scroll.setWidget(self._build_canvas())
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self._nothing, 0, Qt.AlignmentFlag.AlignTop)
        column.addWidget(self._scroll, 1)
        column.addWidget(self.foot)
        theme().changed.connect(self._restyle)
        self._restyle()
        self._show_run(None)

    # Composition

    def _build_canvas(self) -> QWidget:
        canvas = QWidget()
        canvas.setAutoFillBackground(False)
        top = QVBoxLayout()
        top.setContentsMargins(_MARGIN, 14, _MARGIN, 0)
        top.setSpacing(12)
        for part in (
            self._head, self._failure, self._attempts, self._repeat, self._facts, self._timeline,
            self._parameters,
        ):  # fmt: skip
            top.addWidget(part)
        column = QVBoxLayout(canvas)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(12)
        column.addLayout(top)
        column.addWidget(self._lower, 1)
        return canvas

    def _build_parts(self) -> QWidget:
        parts = QWidget()
        self._choice = Segments(self.tr("Part of the exchange"), compact=True)
        for part, name in zip(_PARTS, (self.tr("Events"), self.tr("Body"), self.tr("Headers")), strict=True):
            self._choice.addItem(name, part)
        self._choice.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self._choice.currentIndexChanged.connect(self._show_part)
        self._events = EventTable()
        self._texts: dict[str, WireText] = {}
        self._places: dict[str, int] = {}
        self._no_events = Paragraph("", token="text-2")
        self._no_events.setContentsMargins(_MARGIN, 0, _MARGIN, 0)
        self._no_events.setAlignment(Qt.AlignmentFlag.AlignTop)
        self._stack = QStackedWidget()
        for page in (self._events, self._no_events):
            self._stack.addWidget(page)
        self._bar = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        self._bar.setContentsMargins(_MARGIN, 0, _MARGIN, 0)
        self._bar.setSpacing(8)
        self._bar.addWidget(self._choice)
        self._bar.addWidget(self._build_tools(), 1)
        column = QVBoxLayout(parts)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addLayout(self._bar)
        column.addWidget(self._stack, 1)
        return parts

    def _build_tools(self) -> QWidget:
        tools = QWidget()
        words = self.tr("Find in the body")
        self._find = SearchField(words, words, "")
        self._find.setProperty("compact", True)
        self._find.returnPressed.connect(self._find_next)
        self._find.textEdited.connect(self._find_from_start)
        self._found = Label("", role="small", token="text-3")
        self._copy_part = IconButton("copy", self.tr("Copy this part"), compact=True)
        self._copy_part.clicked.connect(self._copy_shown)
        row = QHBoxLayout(tools)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(self._events.filter_bar, 1)
        row.addWidget(self._found, 1)
        row.addWidget(self._find, 2)
        row.addWidget(self._copy_part)
        return tools

    # Display

    def display(self, inspection: Inspection | None) -> None:
        """Shows a stored run; None where there is none."""
        if inspection is self._inspection and self._live is None and inspection is not None:
            return
        is_other = _id(inspection) != _id(self._inspection)
        self._live, self._inspection = None, inspection
        if is_other:
            self._close_replay()
        self._show_run(inspection.run if inspection is not None else None)
        if inspection is None:
            return
        self._timeline.display(inspection.timeline)
        self._parameters.display(inspection.parameters, is_sent=bool(inspection.run.request_body))
        self._show_repeat(inspection)
        self._show_foot(inspection)
        self._show_part()

    def display_live(self, live: LiveRun, inspection: Inspection | None) -> None:
        """Follows a run in progress; `inspection` is what is stored of it so far."""
        if self._live is not live:
            self._close_replay()
        is_new = self._live is not live or inspection is not self._inspection
        self._live, self._inspection = live, inspection
        if is_new:
            self._repeat.display("")
            rows = inspection.parameters if inspection is not None else provenance(live.run, {})
            self._parameters.display(rows, is_sent=_has_body(inspection))
            self._show_foot(inspection)
            self._show_part()
        self._look()

    def advance(self) -> None:
        """Takes news of the run in progress, a few times a second."""
        if self._live is not None and not self._look_rest.isActive():
            self._look_rest.start()

    def _look(self) -> None:
        live, now_s = self._live, time.monotonic()
        if live is None:
            return
        run = _so_far(live)
        self._show_run(run)
        builder, until_ms = live.builder, (now_s - live.started_at_s) * 1000
        rates = rates_of(builder.arrivals_s) if run.tokens_per_s is not None else ()
        self._timeline.display(
            Timeline(
                phases=phases_of(run.timing, until_ms=until_ms),
                rates=tuple((at_s * 1000, tokens_per_ms / 1000) for at_s, tokens_per_ms in rates),
                mean_tokens_per_s=run.tokens_per_s,
            )
        )

    @property
    def shown(self) -> Inspection | None:
        """The stored run that is looked at; None while it is in progress."""
        return self._inspection if self._live is None else None

    def _show_run(self, run: Run | None) -> None:
        self._nothing.setVisible(run is None)
        self._scroll.setVisible(run is not None)
        self.foot.setVisible(run is not None)
        if run is None:
            return
        self._head.display(run)
        self._failure.display(run.failure.words if run.failure is not None else "", icon="warning")
        known = self._inspection
        self._attempts.display(attempts_words(run), icon="regenerate")
        told = (known.card, known.reading, known.unread) if known is not None else (None,)
        self._facts.display(facts_of(run, *told))

    def _show_repeat(self, inspection: Inspection) -> None:
        repeat = inspection.repeat
        if repeat is None:
            self._repeat.display("")
            return
        which = self.tr("the reply before") if inspection.is_repeat_earlier else self.tr("the later reply")
        if repeat.is_identical:
            words = self.tr("Identical to {0}, which was sent the same request.").format(which)
        elif repeat.part == "reasoning":
            words = self.tr(
                "Differs from {0} after {1} characters of the reasoning. It was sent the same request."
            )
            words = words.format(which, formats.whole(repeat.offset))
        else:
            words = self.tr("Differs from {0} after {1} characters. It was sent the same request.")
            words = words.format(which, formats.whole(repeat.offset))
        if repeat.has_other_server:
            words += " " + self.tr("The server gave another fingerprint.")
        self._repeat.display(words, icon="check" if repeat.is_identical else "info")

    def _show_foot(self, inspection: Inspection | None) -> None:
        exchange = inspection.exchange if inspection is not None else None
        self.foot.display(
            has_body=_has_body(inspection),
            is_settled=self._live is None,
            has_exchange=exchange is not None,
            has_stream=exchange is not None and bool(exchange.raw_stream),
            key_variable=inspection.key_variable if inspection is not None else "",
        )

    # Events, body, headers

    def show_body(self) -> None:
        """Turns to the body of the request."""
        self._choice.setCurrentIndex(self._choice.findData("body"))

    def _show_part(self) -> None:
        part, inspection = self._choice.currentData(), self._inspection
        has_log = inspection is not None and inspection.log is not None
        self._events.filter_bar.setVisible(part == "events" and has_log)
        self._find.setVisible(part == "body")
        self._found.setVisible(part != "events" or not has_log)
        self._copy_part.setVisible(part != "events")
        if inspection is None:
            self._show_nothing(self.tr("Nothing has been sent yet."))
        elif part == "events":
            self._show_events(inspection)
        elif part == "body":
            self._show_body(inspection)
        elif inspection.exchange is None:
            self._show_nothing(self._why_nothing(inspection.run))
        else:
            exchange = inspection.exchange
            counts = len(exchange.request_headers), len(exchange.response_headers)
            self._found.setText(self.tr("{0} sent, {1} received").format(*map(formats.whole, counts)))
            self._show_text(part, headers_text(exchange))

    def _show_events(self, inspection: Inspection) -> None:
        self._events.display(inspection.log)
        if inspection.log is None:
            self._show_nothing(self._why_nothing(inspection.run))
        else:
            self._stack.setCurrentWidget(self._events)

    def _show_body(self, inspection: Inspection) -> None:
        if not inspection.body_text:
            self._show_nothing(self.tr("Nothing was sent."))
            return
        size = formats.size(len(inspection.run.request_body))
        self._found.setText(self.tr("{0}, long texts cut").format(size) if inspection.is_body_cut else size)
        self._show_text("body", inspection.body_text)

    def _show_text(self, part: str, words: str) -> None:
        """Shows the body or the headers; most sittings look at neither."""
        text = self._texts.get(part)
        if text is None:
            text = WireText(self.tr("Request body") if part == "body" else self.tr("Headers"))
            self._texts[part] = text
            self._places[part] = self._stack.addWidget(_inset(text))
        text.set_text(words)
        self._stack.setCurrentIndex(self._places[part])

    def _show_nothing(self, words: str) -> None:
        self._found.setText("")
        self._no_events.set_text(words)
        self._stack.setCurrentWidget(self._no_events)

    def _why_nothing(self, run: Run) -> str:
        if self._live is not None or run.status.is_live:
            return self.tr("What comes back is listed here once the reply has ended.")
        if run.status is RunStatus.INTERRUPTED:
            return self.tr("What came back was not kept: the program ended before the reply did.")
        return self.tr("Nothing was sent, so nothing came back.")

    def _find_next(self) -> None:
        if "body" in self._texts:
            self._texts["body"].find_next(self._find.text())

    def _find_from_start(self, words: str) -> None:
        body = self._texts.get("body")
        if body is not None:
            body.moveCursor(body.textCursor().MoveOperation.Start)
            body.find_next(words)

    def _copy_shown(self) -> None:
        inspection = self._inspection
        if inspection is None:
            return
        if self._choice.currentData() == "headers":
            text = headers_text(inspection.exchange)
        elif inspection.is_body_cut:
            text = inspection.run.request_body.decode("utf-8", "replace")
        else:
            text = inspection.body_text
        QGuiApplication.clipboard().setText(text)

    # Replay

    def begin_replay(self, live: LiveRun, speed: float) -> None:
        """Shows a replay of the run in place of its events; `speed` 0 is at once."""
        if self._replay is None:
            self._replay = ReplayView()
            self._replay.close_requested.connect(self._close_replay)
            self._lower.addWidget(self._replay)
        self._replay.begin(live, speed)
        self._timeline.show_position(0.0)
        self._lower.setCurrentWidget(self._replay)

    def advance_replay(self, live: LiveRun) -> None:
        """Takes what is new from the replay."""
        if self._replay is not None:
            self._replay.advance()
        last_s = live.builder.last_token_s
        self._timeline.show_position(last_s * 1000 if last_s is not None else 0.0)

    def finish_replay(self, verdict: str, *, is_identical: bool) -> None:
        """Shows how the replay compares with what is stored."""
        if self._replay is not None:
            self._replay.finish(verdict, is_identical=is_identical)
        self._timeline.show_position(None)

    def _close_replay(self) -> None:
        self._timeline.show_position(None)
        if self._lower.currentIndex() > 0:
            self._lower.setCurrentIndex(0)
            self.replay_closed.emit()

    # Layout

    def resizeEvent(self, event: QResizeEvent) -> None:
        """The row of tools goes below the choice of the part where both have no room."""
        super().resizeEvent(event)
        self._fold()

    def _fold(self) -> None:
        is_wide = self.width() >= theme().px(_ONE_ROW_FROM)
        kinds = QBoxLayout.Direction
        direction = kinds.LeftToRight if is_wide else kinds.TopToBottom
        if direction != self._bar.direction():
            self._bar.setDirection(direction)

    def _restyle(self) -> None:
        self._lower.updateGeometry()
        self._fold()


class _Lower(QStackedWidget):
    """What takes the height that is left, and asks for no more than its least."""

    def sizeHint(self) -> QSize:
        """The least height; what is inside scrolls."""
        return QSize(200, theme().px(_LEAST_PARTS))

    def minimumSizeHint(self) -> QSize:
        """The same."""
        return self.sizeHint()


class _Head(QWidget):
    """How a run ended and when, and its identifier."""

    def __init__(self) -> None:
        super().__init__()
        self._run_id = ""
        self._icon = _Icon()
        self._status = Label(weight=600)
        self._when = ElidedLabel("", token="text-2")
        self._id = Label("", token="text-3")
        self._copy = IconButton("copy", self.tr("Copy the identifier of the run"), compact=True)
        self._copy.clicked.connect(self._copy_id)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, -5, 0)
        row.setSpacing(8)
        row.addWidget(self._icon)
        row.addWidget(self._status)
        row.addWidget(self._when, 1)
        row.addWidget(self._id)
        row.addWidget(self._copy)

    def display(self, run: Run) -> None:
        """Shows a run as it is now."""
        self._run_id = run.id
        self._icon.display(*_STATUS_ICONS.get(run.status, ("warning", "caution")))
        self._status.setText(status_words(run.status))
        finish = self.tr("finish_reason {0}").format(run.finish_reason) if run.finish_reason else ""
        if run.status is RunStatus.COMPLETE and not finish:
            finish = self.tr("no finish_reason given")
        at = run.created_at.astimezone()
        day = formats.day(at, now=datetime.now(UTC))
        self._when.setText(", ".join(filter(None, (finish, f"{day} {at:%H:%M:%S}"))))
        self._id.setText(self.tr("run {0}").format(run.id[:_ID_CHARS]))
        self._id.setToolTip(run.id)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """In a narrow column the identifier is only copied."""
        super().resizeEvent(event)
        self._id.setVisible(self.width() >= theme().px(_ID_FROM))

    def _copy_id(self) -> None:
        QGuiApplication.clipboard().setText(self._run_id)


_STATUS_ICONS: Final = {
    RunStatus.QUEUED: ("clock", "text-2"),
    RunStatus.RUNNING: ("clock", "text-2"),
    RunStatus.COMPLETE: ("check", "text"),
    RunStatus.STOPPED: ("stop", "text-2"),
}


class _Icon(QWidget):
    """A painted icon of 16."""

    def __init__(self) -> None:
        super().__init__()
        self._name, self._token = "", "text"
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        theme().changed.connect(self.updateGeometry)

    def display(self, name: str, token: str) -> None:
        """Shows another icon."""
        if (name, token) != (self._name, self._token):
            self._name, self._token = name, token
            self.update()

    def sizeHint(self) -> QSize:
        """A square."""
        return QSize(theme().px(16), theme().px(16))

    def paintEvent(self, event: QPaintEvent) -> None:
        """The icon."""
        if self._name:
            painter = QPainter(self)
            draw_icon(painter, QRectF(self.rect()), self._name, theme().color(self._token))
            painter.end()


class _Remark(QWidget):
    """A sentence behind an icon; framed it is a warning. Hidden while there is nothing to say."""

    def __init__(self, *, is_framed: bool = False) -> None:
        super().__init__()
        self._is_framed = is_framed
        self._icon = _Icon()
        self._label = Label("")
        self._label.setWordWrap(True)
        self._label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        row = QHBoxLayout(self)
        row.setContentsMargins(*((13, 10, 13, 10) if is_framed else (0, 0, 0, 0)))
        row.setSpacing(8)
        row.addWidget(self._icon, 0, Qt.AlignmentFlag.AlignTop)
        row.addWidget(self._label, 1)
        self.hide()

    def display(self, words: str, *, icon: str = "info") -> None:
        """Shows a sentence; an empty one hides it."""
        self._icon.display(icon, "caution" if icon == "warning" else "text-2")
        self._label.setText(words)
        self.setVisible(bool(words))

    def paintEvent(self, event: QPaintEvent) -> None:
        """The frame of a warning."""
        if self._is_framed:
            painter = QPainter(self)
            fill, edge = theme().color("caution-bg"), theme().color("caution-line")
            draw_frame(painter, QRectF(self.rect()), 6, fill=fill, edge=edge)
            painter.end()


def _inset(widget: QWidget) -> QWidget:
    """The widget between the margins of the page."""
    frame = QWidget()
    row = QHBoxLayout(frame)
    row.setContentsMargins(_MARGIN, 0, _MARGIN, _MARGIN // 2)
    row.addWidget(widget)
    return frame


def _id(inspection: Inspection | None) -> str:
    return inspection.run.id if inspection is not None else ""


def _has_body(inspection: Inspection | None) -> bool:
    return inspection is not None and bool(inspection.run.request_body)


def _so_far(live: LiveRun) -> Run:
    """A run in progress with what has been measured of it."""
    builder = live.builder
    return replace(
        live.run,
        timing=Timing(
            first_token_ms=_ms(builder.first_token_s),
            reasoning_started_ms=_ms(builder.reasoning_started_s),
            reasoning_ended_ms=_ms(builder.reasoning_ended_s),
            last_token_ms=_ms(builder.last_token_s),
        ),
        finish_reason=builder.finish_reason,
        usage=builder.usage,
        model_reported=builder.model_reported,
        fingerprint=builder.fingerprint,
        delta_count=builder.delta_count,
        reasoning_delta_count=builder.reasoning_delta_count,
        failure=live.next_attempt.failure if live.next_attempt is not None else None,
    )


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else seconds * 1000
