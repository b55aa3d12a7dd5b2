"""The time of a run as a picture: its speed as a curve, its phases as a bar, seconds below."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QCoreApplication, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QBrush, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from drover.domain.timeline import PhaseKind, Timeline
from drover.ui import formats
from drover.ui.theme import aligned, draw_frame, draw_hairline, theme

_PADDING: Final = 15
_CURVE: Final = 44
_LABELS: Final = 16
_BAR: Final = 22
_TICK: Final = 4
_AXIS: Final = 20
_GAP: Final = 6
_TICK_DISTANCE: Final = 88
_STEPS_S: Final = (
    0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 4, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200,
)  # fmt: skip
_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
_CENTER = Qt.AlignmentFlag.AlignCenter


class RunTimeline(QWidget):
    """A card with the phases of a run on an axis, and its tokens a second above them where they are known.

    The same in words is its accessible description. Nothing is shown of a run without measured times.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._timeline = Timeline()
        self._position_ms: float | None = None
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(self.tr("Time of the run"))
        theme().changed.connect(self.updateGeometry)
        self.hide()

    def display(self, timeline: Timeline) -> None:
        """Shows the time of a run."""
        if timeline == self._timeline:
            return
        had_curve = bool(self._timeline.rates)
        self._timeline = timeline
        self.setAccessibleDescription(in_words(timeline))
        self.setVisible(bool(timeline.phases))
        if had_curve != bool(timeline.rates):
            self.updateGeometry()
        self.update()

    def show_position(self, at_ms: float | None) -> None:
        """Draws a line where a replay is; None takes it away."""
        if at_ms != self._position_ms:
            self._position_ms = at_ms
            self.update()

    def sizeHint(self) -> QSize:
        """The curve if there is one, the bar, its axis, and the card around them."""
        curve = theme().px(_CURVE) + _GAP if self._timeline.rates else _PADDING - 8
        return QSize(200, 8 + curve + theme().px(_BAR) + theme().px(_AXIS) + 6)

    def minimumSizeHint(self) -> QSize:
        """As high, and as narrow as a column may be."""
        return QSize(120, self.sizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:
        """The card and all that is in it."""
        if not self._timeline.phases:
            return
        painter = QPainter(self)
        colors = theme()
        draw_frame(painter, QRectF(self.rect()), 6, fill=colors.color("page"), edge=colors.color("line"))
        painter.setFont(colors.font("small"))
        room = QRectF(self.rect()).adjusted(_PADDING, 8, -_PADDING, 0)
        if self._timeline.rates:
            self._paint_curve(painter, QRectF(room.left(), room.top(), room.width(), colors.px(_CURVE)))
            room.setTop(room.top() + colors.px(_CURVE) + _GAP)
        else:
            room.setTop(room.top() + _PADDING - 8)
        bar = QRectF(room.left(), room.top(), room.width(), colors.px(_BAR))
        self._paint_phases(painter, bar)
        self._paint_axis(painter, bar)
        if self._position_ms is not None:
            at = QPointF(self._x(bar, min(self._position_ms, self._timeline.end_ms)), 8)
            draw_hairline(painter, at, bar.bottom() - 8, colors.color("accent"), is_vertical=True)
        painter.end()

    def _x(self, room: QRectF, at_ms: float) -> float:
        span = max(self._timeline.end_ms - self._timeline.start_ms, 1e-6)
        return room.left() + room.width() * (at_ms - self._timeline.start_ms) / span

    def _paint_phases(self, painter: QPainter, bar: QRectF) -> None:
        for phase in self._timeline.phases:
            left, right = round(self._x(bar, phase.start_ms)), round(self._x(bar, phase.end_ms))
            if right - left < 1 and phase.kind not in (PhaseKind.REASONING, PhaseKind.ANSWERING):
                continue
            area = aligned(painter, QRectF(left, bar.top(), max(2, right - left), bar.height()))
            _fill(painter, area, phase.kind)
            words = f"{phase_words(phase.kind)} {formats.duration(phase.length_ms / 1000)}"
            width = theme().measured("small", words)
            if width + 14 < area.width():
                place = QRectF(area.left() + 8, area.top(), width + 1, area.height())
                if phase.kind not in _FILLS:
                    painter.fillRect(place.adjusted(-4, 2, 4, -2), theme().color("page"))
                painter.setPen(theme().color("text" if phase.kind in _FILLS else "text-2"))
                painter.drawText(place, int(_LEFT), words)

    def _paint_axis(self, painter: QPainter, bar: QRectF) -> None:
        colors, line = theme(), self._timeline
        painter.setPen(colors.color("text-3"))
        step_s = _step_s((line.end_ms - line.start_ms) / 1000, bar.width())
        height = colors.line_height("small")
        index = -int(-line.start_ms / 1000 / step_s)
        while index * step_s * 1000 <= line.end_ms:
            seconds = index * step_s
            x = self._x(bar, seconds * 1000)
            color = colors.color("strong")
            draw_hairline(painter, QPointF(x, bar.bottom()), _TICK, color, is_vertical=True)
            words = _tick_words(seconds, step_s)
            width = colors.measured("small", words)
            # The outermost stand within the card; "0 s" begins at its tick.
            left = min(max(bar.left(), x - width / 2), bar.right() - width)
            place = QRectF(left, bar.bottom() + _TICK, width + 1, height)
            painter.drawText(place, int(_LEFT), words)
            index += 1

    def _paint_curve(self, painter: QPainter, room: QRectF) -> None:
        colors, line = theme(), self._timeline
        mean = line.mean_tokens_per_s or 0.0
        top = max([rate for _, rate in line.rates] + [mean]) * 1.05 or 1.0
        area = room.adjusted(0, colors.px(_LABELS), 0, -2)

        def y(rate: float) -> float:
            return area.bottom() - area.height() * rate / top

        if mean:
            start = QPointF(self._x(room, line.rates[0][0]), y(mean))
            length = self._x(room, line.rates[-1][0]) - start.x()
            draw_hairline(painter, start, length, colors.color("border"))
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(colors.color("text-2"), 1.25))
        painter.drawPolyline(QPolygonF([QPointF(self._x(room, at), y(rate)) for at, rate in line.rates]))
        painter.restore()
        self._name_curve(painter, room)

    def _name_curve(self, painter: QPainter, room: QRectF) -> None:
        """The mean at the right, and the stalls over their dips: the longest first, while there is room."""
        colors, line = theme(), self._timeline
        row = QRectF(room.left(), room.top(), room.width(), colors.px(_LABELS))
        painter.setPen(colors.color("text-2"))
        taken: list[tuple[float, float]] = []
        if line.mean_tokens_per_s:
            words = formats.rate(line.mean_tokens_per_s)
            painter.drawText(row, int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter), words)
            taken.append((row.right() - colors.measured("small", words), row.right()))
        painter.setPen(colors.color("text-3"))
        for stall in sorted(line.stalls, key=lambda each: each.length_ms, reverse=True):
            words = _tr("stall {0}").format(formats.duration(stall.length_ms / 1000))
            width = colors.measured("small", words)
            middle = self._x(room, (stall.start_ms + stall.end_ms) / 2)
            left = min(max(row.left(), middle - width / 2), row.right() - width)
            if all(left > end + 8 or left + width < start - 8 for start, end in taken):
                taken.append((left, left + width))
                painter.drawText(QRectF(left, row.top(), width + 1, row.height()), int(_LEFT), words)


def phase_words(kind: PhaseKind) -> str:
    """What a phase is called."""
    return {
        PhaseKind.QUEUED: _tr("Queued"),
        PhaseKind.CONNECTING: _tr("Connecting"),
        PhaseKind.WAITING: _tr("Waiting"),
        PhaseKind.REASONING: _tr("Thinking"),
        PhaseKind.ANSWERING: _tr("Answering"),
        PhaseKind.ENDING: _tr("Ending"),
    }[kind]


def in_words(timeline: Timeline) -> str:
    """A timeline as one sentence for those who do not see it."""
    parts = [
        f"{phase_words(phase.kind)} {formats.duration(phase.length_ms / 1000)}" for phase in timeline.phases
    ]
    if timeline.mean_tokens_per_s:
        parts.append(_tr("{0} on average").format(formats.rate(timeline.mean_tokens_per_s)))
    parts += [
        _tr("stall of {0} after {1}").format(
            formats.duration(stall.length_ms / 1000), formats.duration(stall.start_ms / 1000)
        )
        for stall in timeline.stalls
    ]
    return ", ".join(parts)


_FILLS = {PhaseKind.REASONING: "thinking", PhaseKind.ANSWERING: "answering"}


def _fill(painter: QPainter, area: QRectF, kind: PhaseKind) -> None:
    """Text phases have a colour of their own; what is waited for is hatched, the rest only framed."""
    colors = theme()
    if kind in _FILLS:
        painter.fillRect(area, colors.color(_FILLS[kind]))
    elif kind is PhaseKind.CONNECTING:
        painter.fillRect(area, colors.color("track"))
    elif kind is PhaseKind.WAITING:
        painter.fillRect(area, QBrush(colors.color("strong"), Qt.BrushStyle.BDiagPattern))
    else:
        draw_frame(painter, area, 0, edge=colors.color("border"))


def _step_s(span_s: float, width: float) -> float:
    """The distance of two ticks: the smallest round one at which their names do not touch."""
    most = max(1.0, width / theme().px(_TICK_DISTANCE))
    return next((step for step in _STEPS_S if span_s / step <= most), span_s / most)


def _tick_words(seconds: float, step_s: float) -> str:
    if step_s >= 60:
        minutes = round(seconds / 60)
        return _tr("{0} min").format(minutes) if minutes else _tr("0 s")
    if round(seconds, 6) == 0:
        return _tr("0 s")
    places = 0 if step_s >= 1 else 1 if step_s >= 0.1 else 2
    return formats.decimal(seconds, places)


def _tr(text: str) -> str:
    return QCoreApplication.translate("timeline", text)
