"""The rows of an event log on the screen: one line each, painted by hand, copied and walked by keys."""

from __future__ import annotations

from PySide6.QtCore import (
    QModelIndex,
    QPersistentModelIndex,
    QPoint,
    QRect,
    QRectF,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import (
    QContextMenuEvent,
    QFocusEvent,
    QGuiApplication,
    QKeyEvent,
    QKeySequence,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
)
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QHeaderView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QWidget,
)

from drover.engine.event_log import EventKind, EventLog, LoggedEvent
from drover.ui import formats
from drover.ui.controls import Menu, is_keyboard_focus
from drover.ui.event_model import EventColumn, EventModel, kind_words, milliseconds, unread_words
from drover.ui.theme import draw_frame, draw_hairline, theme

_ROW_PX, _HEADER_PX = 24, 28
_NARROW_PX = 440
"""Below this width the bytes have no column; they stand in the details."""
_GAP_PX, _INSET_PX = 8, 16
_LONGEST_TEXT = 400
_LEAST_UNREAD_PX = 56
_TOKENS = {
    EventKind.REASONING: "c1", EventKind.CONTENT: "c3", EventKind.TOOL_CALL: "c4", EventKind.ERROR: "caution",
}  # fmt: skip
_ENDS_RIGHT = (EventColumn.NUMBER, EventColumn.AT, EventColumn.SINCE)
_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


class EventView(QTableView):
    """The rows of an `EventModel`.

    Signals:
        row_opened: a row was clicked, or Enter was pressed on it.
        closed: Escape was pressed.
    """

    row_opened = Signal(int)
    closed = Signal()

    def __init__(self, model: EventModel, parent: QWidget) -> None:
        super().__init__(parent)
        self._model = model
        self._empty_text = ""
        self._shows_ring = False
        self._widths: dict[int, int] = {}
        self.setAccessibleName(self.tr("Events"))
        self.setModel(model)
        self.setItemDelegate(_Cell(self, model))
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        self.setCornerButtonEnabled(False)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        header = _Header(self)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        self.setHorizontalHeader(header)
        self.verticalHeader().hide()
        self.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        theme().changed.connect(self._restyle)
        self._restyle()

    def set_empty_text(self, text: str) -> None:
        """What stands here while there are no rows."""
        if text != self._empty_text:
            self._empty_text = text
            self.viewport().update()

    def fit(self, log: EventLog | None) -> None:
        """Makes the columns as wide as the largest figures of a log, and goes to its beginning."""
        last = log[len(log) - 1] if log is not None and len(log) else None
        number = str(last.number or 0) if last else "0"
        at = milliseconds(last.at_ms if last else 0.0)
        kinds = max(theme().measured("small", kind_words(kind)) for kind in EventKind)
        measured = theme().measured
        self._widths = {
            EventColumn.NUMBER: _INSET_PX + round(max(measured("small", number), theme().px(24))) + _GAP_PX,
            EventColumn.AT: round(max(measured("small", at), measured("small", "12 345.6"))) + 2 * _GAP_PX,
            EventColumn.SINCE: round(measured("small", "1 234.5")) + _GAP_PX,
            EventColumn.KIND: round(kinds) + theme().px(14) + 2 * _GAP_PX,
        }
        self._lay_out()
        self.span_lines()
        self.scrollToTop()

    def span_lines(self) -> None:
        """What is said about the connection has no bytes, and takes their room."""
        self.clearSpans()
        log = self._model.log
        if log is None or self.isColumnHidden(EventColumn.RAW):
            return
        for row in range(min(log.line_count, self._model.rowCount())):
            if self._model.log_row(row) < log.line_count:
                self.setSpan(row, EventColumn.TEXT, 1, 2)

    def rows_in_view(self) -> tuple[int, int]:
        """The first and the last row that can be seen."""
        height = self.verticalHeader().defaultSectionSize()
        first = self.verticalScrollBar().value() // height
        return first, first + self.height() // height + 1

    def selected_rows(self) -> list[int]:
        """From top to bottom."""
        return sorted(index.row() for index in self.selectionModel().selectedRows())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._lay_out()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        self._shows_ring = True
        row, ends = (
            self.currentIndex().row(),
            {Qt.Key.Key_Home: 0, Qt.Key.Key_End: self._model.rowCount() - 1},
        )
        if event.matches(QKeySequence.StandardKey.Copy):
            self.copy_rows()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and row >= 0:
            self.row_opened.emit(row)
        elif event.key() == Qt.Key.Key_Escape:
            self.closed.emit()
        elif event.key() in ends and not event.modifiers():
            self.setCurrentIndex(self._model.index(ends[Qt.Key(event.key())], EventColumn.NUMBER))
        else:
            super().keyPressEvent(event)
        self.viewport().update()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._shows_ring = False
        super().mousePressEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        super().mouseReleaseEvent(event)
        index = self.indexAt(event.position().toPoint())
        is_plain = event.button() == Qt.MouseButton.LeftButton and not event.modifiers()
        if is_plain and index.isValid() and len(self.selected_rows()) == 1:
            self.row_opened.emit(index.row())

    def focusInEvent(self, event: QFocusEvent) -> None:
        self._shows_ring = is_keyboard_focus(event)
        super().focusInEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        is_mouse = event.reason() == QContextMenuEvent.Reason.Mouse
        index = self.indexAt(event.pos()) if is_mouse else self.currentIndex()
        if not index.isValid():
            return
        menu = Menu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addAction(self.tr("Copy rows"), QKeySequence.StandardKey.Copy).triggered.connect(self.copy_rows)
        menu.addAction(self.tr("Copy bytes")).triggered.connect(self.copy_raw)
        place = self.visualRect(index).bottomLeft() + QPoint(_GAP_PX, 0)
        menu.popup(event.globalPos() if is_mouse else self.viewport().mapToGlobal(place))

    def copy_rows(self) -> None:
        """Puts the selected rows on the clipboard, tabs between the columns."""
        if rows := self.selected_rows():
            QGuiApplication.clipboard().setText(self._model.copied(rows))

    def copy_raw(self) -> None:
        """Puts the bytes of the selected rows on the clipboard."""
        if rows := self.selected_rows():
            QGuiApplication.clipboard().setText(self._model.raw(rows))

    def paintEvent(self, event: QPaintEvent) -> None:
        """The surface of tables below the rows, a sentence where there are none, the ring above."""
        painter = QPainter(self.viewport())
        painter.fillRect(event.rect(), theme().color("page"))
        painter.end()
        super().paintEvent(event)
        painter = QPainter(self.viewport())
        index = self.currentIndex()
        if not self._model.rowCount() and self._empty_text:
            painter.setFont(theme().font("small"))
            painter.setPen(theme().color("text-3"))
            room = self.viewport().rect().adjusted(0, _GAP_PX, 0, 0)
            painter.drawText(room, int(Qt.AlignmentFlag.AlignHCenter), self._empty_text)
        elif index.isValid() and self._shows_ring and self.hasFocus():
            top = self.rowViewportPosition(index.row())
            row = QRectF(0, top, self.viewport().width(), self.rowHeight(index.row()))
            draw_frame(painter, row, 4, edge=theme().color("accent"), width=2)
        painter.end()

    def _lay_out(self) -> None:
        if not self._widths:
            return
        room = self.viewport().width()
        is_narrow = room < theme().px(_NARROW_PX)
        if is_narrow != self.isColumnHidden(EventColumn.RAW):
            self.setColumnHidden(EventColumn.RAW, is_narrow)
            self.span_lines()
        for column, width in self._widths.items():
            self.setColumnWidth(column, width)
            room -= width
        text = room if is_narrow else min(max(room // 4, theme().px(72)), theme().px(200))
        self.setColumnWidth(EventColumn.TEXT, max(0, text))
        self.setColumnWidth(EventColumn.RAW, max(0, room - text))

    def _restyle(self) -> None:
        header = self.verticalHeader()
        header.setMinimumSectionSize(theme().px(_ROW_PX))
        header.setDefaultSectionSize(theme().px(_ROW_PX))
        self.setMinimumHeight(theme().px(_HEADER_PX + 4 * _ROW_PX))
        if self._widths:
            self.fit(self._model.log)


class _Header(QHeaderView):
    """Names of the columns over a line."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(Qt.Orientation.Horizontal, parent)
        self.setMinimumSectionSize(0)
        self.setHighlightSections(False)
        self.setSectionsClickable(False)

    def sizeHint(self) -> QSize:
        """28 high."""
        return QSize(super().sizeHint().width(), theme().px(_HEADER_PX))

    def paintSection(self, painter: QPainter, rect: QRect, section: int) -> None:
        painter.setFont(theme().font("small"))
        painter.setPen(theme().color("text-3"))
        words = str(self.model().headerData(section, Qt.Orientation.Horizontal))
        side = _RIGHT if section in _ENDS_RIGHT else _LEFT
        painter.drawText(rect.adjusted(0, 0, -_GAP_PX, 0), int(side), words)

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        painter = QPainter(self.viewport())
        place = self.viewport().rect().bottomLeft()
        draw_hairline(painter, place.toPointF(), self.viewport().width(), theme().color("border"))
        painter.end()


class _Cell(QStyledItemDelegate):
    """Paints one cell."""

    def __init__(self, view: QTableView, model: EventModel) -> None:
        super().__init__(view)
        self._model = model

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        rect: QRect = option.rect
        state: QStyle.StateFlag = option.state
        if state & QStyle.StateFlag.State_Selected:
            painter.fillRect(rect, theme().color("select"))
        entry, column = self._model.entry(index.row()), index.column()
        room = rect.adjusted(0, 0, -_GAP_PX, 0)
        if column == EventColumn.KIND:
            self._paint_kind(painter, room, entry)
        elif column == EventColumn.TEXT:
            self._paint_text(painter, room, entry)
        elif column == EventColumn.RAW:
            _draw(painter, room, entry.raw, "wire", "text-3")
        else:
            token = "text" if column == EventColumn.AT else "text-3"
            painter.setFont(theme().font("small"))
            painter.setPen(theme().color(token))
            painter.drawText(room, int(_RIGHT), str(self._model.data(index)))

    def _paint_kind(self, painter: QPainter, room: QRect, entry: LoggedEvent) -> None:
        side = theme().px(7)
        token = _TOKENS.get(entry.kind, "strong") if entry.kind is not None else "line"
        square = QRectF(room.left(), room.top() + (room.height() - side) // 2, side, side)
        painter.fillRect(square, theme().color(token))
        room = room.adjusted(theme().px(14), 0, 0, 0)
        _draw(painter, room, kind_words(entry.kind), "small", "text" if entry.kind else "text-3")

    def _paint_text(self, painter: QPainter, room: QRect, entry: LoggedEvent) -> None:
        if entry.kind not in (EventKind.REASONING, EventKind.CONTENT, EventKind.TOOL_CALL):
            words = formats.visible_breaks(entry.text)
            _draw(painter, room, words, "small", "text-2")
            _draw_unread(painter, room, entry, "small", words)
            return
        # A token often begins with a space, which is part of it.
        words = entry.text.lstrip(" ")
        dots = "·" * min(len(entry.text) - len(words), 40)
        if dots:
            _draw(painter, room, dots, "wire", "text-3")
            room = room.adjusted(round(theme().measured("wire", dots)), 0, 0, 0)
        words = formats.visible_breaks(words[:_LONGEST_TEXT])
        _draw(painter, room, words, "wire", "text")
        _draw_unread(painter, room, entry, "wire", words)


def _draw_unread(painter: QPainter, room: QRect, entry: LoggedEvent, role: str, words: str) -> None:
    """Behind the words what else the event holds, where there is room for some of it."""
    if entry.unread and len(words) < _LONGEST_TEXT:
        gap = theme().px(_GAP_PX) if words else 0
        left = room.adjusted(round(theme().measured(role, words)) + gap, 0, 0, 0)
        if left.width() >= theme().px(_LEAST_UNREAD_PX) or not words:
            _draw(painter, left, unread_words(entry), "small", "text-3")


def _draw(painter: QPainter, room: QRect, text: str, role: str, token: str) -> None:
    """One line of text, elided at the right."""
    painter.setFont(theme().font(role))
    painter.setPen(theme().color(token))
    metrics = painter.fontMetrics()
    # No character is narrower than a quarter of a figure; what cannot come into view is not measured.
    most = 4 * max(0, room.width()) // max(1, metrics.horizontalAdvance("0")) + 1
    text = metrics.elidedText(text[:most], Qt.TextElideMode.ElideRight, max(0, room.width()))
    painter.drawText(room, int(_LEFT), text)
