"""The count of events, a chip for each of their kinds, and a field for words."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QEvent, QObject, QRect, QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QAbstractButton, QSizePolicy, QWidget

from drover.engine.event_log import EventKind
from drover.ui import formats
from drover.ui.event_model import kind_words
from drover.ui.labels import ElidedLabel
from drover.ui.text_inputs import SearchField
from drover.ui.theme import RADIUS, draw_frame, theme

_NAMED = (EventKind.REASONING, EventKind.CONTENT, EventKind.TOOL_CALL, EventKind.ERROR)
"""Those with a chip of their own where there are any; all others share one."""
_ALWAYS = (EventKind.REASONING, EventKind.CONTENT, EventKind.OTHER)
_REST = frozenset(EventKind) - frozenset(_NAMED)
_TYPING_MS = 150
_FIELD_PX = 144
_GAP_PX = 8


class EventFilter(QWidget):
    """What of a log is shown. With no chip chosen, every kind is.

    Signals:
        edited: a chip was clicked, or words were typed and a moment has passed since.
        left: Enter or Down in the field: on to the rows.
    """

    edited = Signal()
    left = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._words = ElidedLabel("", token="text-2", parent=self)
        self._chips = {kind: _KindChip(kind_words(kind), self) for kind in (*_NAMED, EventKind.OTHER)}
        name = self.tr("Filter")
        self._field = SearchField(self.tr("Filter events"), name, "", self)
        self._field.setProperty("compact", True)
        self._field.installEventFilter(self)
        self._pause = QTimer(self, singleShot=True, interval=_TYPING_MS)
        self._pause.timeout.connect(self.edited)
        self._field.textChanged.connect(self._note_typing)
        for chip in self._chips.values():
            chip.toggled.connect(self.edited)
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        theme().changed.connect(self._place)
        self.count(0, None, {})

    @property
    def words(self) -> str:
        """What was typed, without the white space around it."""
        return self._field.text().strip()

    @property
    def kinds(self) -> frozenset[EventKind]:
        """The kinds that are chosen; none if all are shown."""
        chosen = {kind for kind, chip in self._chips.items() if chip.isChecked()}
        return frozenset(chosen | _REST if EventKind.OTHER in chosen else chosen)

    def count(self, events: int, shown: int | None, counts: Mapping[EventKind, int]) -> None:
        """Tells how many events there are, how many of them are shown (None without a filter) and of what."""
        words = self.tr("1 event") if events == 1 else self.tr("{0} events").format(formats.whole(events))
        if shown is not None:
            words = self.tr("{0} of {1}").format(formats.whole(shown), words)
        self._words.setText(words)
        for kind, chip in self._chips.items():
            grouped = _REST if kind == EventKind.OTHER else (kind,)
            number = sum(counts.get(each, 0) for each in grouped)
            chip.set_count(number)
            chip.setVisible(kind in _ALWAYS or bool(number) or chip.isChecked())
        self._place()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Enter and Down lead from the field to the rows, Escape empties it."""
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Down):
                self._pause.stop()
                self.edited.emit()
                self.left.emit()
                return True
            if event.key() == Qt.Key.Key_Escape and self._field.text():
                self._field.clear()
                return True
        return False

    def sizeHint(self) -> QSize:
        """Room for all in one line."""
        return QSize(self._line_width(), theme().px(24))

    def minimumSizeHint(self) -> QSize:
        """As narrow as a panel may be: then the chips take several lines, and the field one of its own."""
        return QSize(theme().px(160), theme().px(24))

    def heightForWidth(self, width: int) -> int:
        """The lines that it takes."""
        return max(rect.bottom() + 1 for _, rect in self._places(width))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Everything takes its place."""
        super().resizeEvent(event)
        self._place()

    def _note_typing(self) -> None:
        self._pause.start()

    def _place(self) -> None:
        self.updateGeometry()
        for widget, rect in self._places(self.width()):
            widget.setGeometry(rect)

    def _places(self, width: int) -> list[tuple[QWidget, QRect]]:
        """One line with the words at the left and the rest at the right, or several from the left."""
        line, field = theme().px(24), theme().px(_FIELD_PX)
        if self._line_width() <= width:
            left = width - (self._line_width() - self._words_width())
            words = QRect(0, 0, left - _GAP_PX, line)
            chips = self._chip_places(left, 0, width)
            return [(self._words, words), *chips, (self._field, QRect(width - field, 0, field, line))]
        chips = self._chip_places(0, line + 4, width)
        below = chips[-1][1].bottom() + 1 + _GAP_PX
        words, last = QRect(0, 0, width, line), QRect(0, below, width, line)
        return [(self._words, words), *chips, (self._field, last)]

    def _chip_places(self, left: int, top: int, width: int) -> list[tuple[QWidget, QRect]]:
        """The chips from this point on, and on further lines from the left."""
        places: list[tuple[QWidget, QRect]] = []
        for chip in self._shown_chips():
            size = chip.sizeHint()
            if places and left + size.width() > width:
                left, top = 0, top + theme().px(24)
            places.append((chip, QRect(left, top + theme().px(2), size.width(), size.height())))
            left += size.width() + _GAP_PX
        return places

    def _shown_chips(self) -> list[_KindChip]:
        return [chip for chip in self._chips.values() if not chip.isHidden()]

    def _words_width(self) -> int:
        return self._words.sizeHint().width() + 2 * _GAP_PX

    def _line_width(self) -> int:
        chips = sum(chip.sizeHint().width() + _GAP_PX for chip in self._shown_chips())
        return self._words_width() + chips + theme().px(_FIELD_PX)


class _KindChip(QAbstractButton):
    """A kind and how many there are of it, to be switched on and off."""

    def __init__(self, text: str, parent: QWidget) -> None:
        super().__init__(parent)
        self.setText(text)
        self.setCheckable(True)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self._count = -1
        theme().changed.connect(self._restyle)

    def set_count(self, count: int) -> None:
        """How many events are of this kind."""
        if count != self._count:
            self._count = count
            self.setAccessibleName(f"{self.text()} {formats.whole(count)}")
            self._restyle()

    def sizeHint(self) -> QSize:
        """Text, count and padding 6; as wide when chosen as when not."""
        width = theme().measured("small", self.text(), 500) + theme().measured("small", self._figure) + 6 + 14
        return QSize(int(width + 0.999), theme().px(20))

    def paintEvent(self, event: QPaintEvent) -> None:
        """Frame, text, count."""
        painter = QPainter(self)
        colors = theme()
        fill = "select" if self.isChecked() else "hover" if self.underMouse() else ""
        draw_frame(
            painter, QRectF(self.rect()), RADIUS,
            fill=colors.color(fill) if fill else None, edge=colors.color("border" if fill else "line"),
        )  # fmt: skip
        room = QRectF(self.rect()).adjusted(7, 0, -7, 0)
        painter.setFont(colors.font("small", 500 if self.isChecked() else 400))
        painter.setPen(colors.color("text"))
        painter.drawText(room, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, self.text())
        painter.setFont(colors.font("small"))
        painter.setPen(colors.color("text-3"))
        painter.drawText(room, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, self._figure)
        painter.end()

    @property
    def _figure(self) -> str:
        return formats.whole(max(0, self._count))

    def _restyle(self) -> None:
        self.updateGeometry()
        self.update()
