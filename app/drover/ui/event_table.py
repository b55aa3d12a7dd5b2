"""The events of a run as a table: when each came, what it says, and its bytes; with a filter and details."""

from __future__ import annotations

import time

from PySide6.QtCore import (
    QEvent,
    QModelIndex,
    Qt,
    QTimer,
    Signal,
)
from PySide6.QtGui import (
    QHideEvent,
    QKeyEvent,
    QShowEvent,
)
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QPlainTextEdit,
    QVBoxLayout,
    QWidget,
)

from drover.engine.event_log import EventLog, LoggedEvent
from drover.ui import formats
from drover.ui.controls import IconButton
from drover.ui.event_filter import EventFilter
from drover.ui.event_model import EventColumn, EventModel, kind_words, milliseconds, unread_words
from drover.ui.event_view import EventView
from drover.ui.labels import ElidedLabel
from drover.ui.theme import theme

_SLICE_S = 0.006
"""How long the log is read in one turn of the event loop."""
_RECOUNT_S = 0.15


class EventTable(QWidget):
    """All that came over the wire for one run.

    `display(log)` shows a log, from `Workbench.event_log`, or nothing for None. It is read in slices of some
    milliseconds between other events, while the table is seen. `filter_bar` holds the count, the chips of the
    kinds and the field for words; it stands above the table unless a page takes it into a row of its own.
    The rows reach from edge to edge, their contents are inset by 16.
    A click or Enter on a row opens its bytes below, with JSON indented; Escape closes them.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model = EventModel(self)
        self.filter_bar = EventFilter(self)
        self.filter_bar.edited.connect(self._sift)
        self.filter_bar.left.connect(self._enter)
        self._view = EventView(self._model, self)
        self._view.row_opened.connect(self._open_detail)
        self._view.closed.connect(self._close_detail)
        self._detail = _Detail(self)
        self._detail.closed.connect(self._close_detail)
        self._detail.hide()
        self._view.selectionModel().currentRowChanged.connect(self._follow)
        self._work = QTimer(self, singleShot=True, interval=0)
        self._work.timeout.connect(self._read_on)
        self._counted_s = 0.0
        column = self._column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(self.filter_bar)
        column.addWidget(self._view, 3)
        column.addWidget(self._detail, 2)
        self.setFocusProxy(self._view)

    def display(self, log: EventLog | None) -> None:
        """Shows a log from its first line; the same one again changes nothing."""
        if log is self._model.log and log is not None:
            return
        self._close_detail()
        self._model.display(log)
        self._view.fit(log)
        self._read_on(0.002)
        self._count()

    def _sift(self) -> None:
        current = self._view.currentIndex()
        log_row = self._model.log_row(current.row()) if current.isValid() else None
        self._model.set_filter(self.filter_bar.words, self.filter_bar.kinds)
        self._view.span_lines()
        self._read_on(2 * _SLICE_S)
        self._count()
        row = None if log_row is None else self._model.row_of(log_row)
        if row is not None and row < self._model.rowCount():
            self._view.setCurrentIndex(self._model.index(row, EventColumn.NUMBER))
            self._view.scrollTo(self._view.currentIndex(), QAbstractItemView.ScrollHint.PositionAtCenter)
        else:
            self._close_detail()

    def _read_on(self, for_s: float = _SLICE_S) -> None:
        log, model = self._model.log, self._model
        if log is None or model.is_finished:
            return
        before = log.read_count
        model.work(time.monotonic() + for_s)
        first, last = self._view.rows_in_view()
        if not model.is_filtered and first < log.read_count and before <= last:
            model.tell_read(max(first, before), min(last, log.read_count - 1))
        if model.is_finished or time.monotonic() - self._counted_s > _RECOUNT_S:
            self._count()
        if not model.is_finished and self.isVisible():
            self._work.start()

    def _count(self) -> None:
        log = self._model.log
        self._counted_s = time.monotonic()
        shown = self._model.rowCount() if self._model.is_filtered else None
        self.filter_bar.count(log.event_count if log else 0, shown, log.counts if log else {})
        self._view.set_empty_text(
            self.tr("No event is like that.") if log and len(log) else self.tr("Nothing was received.")
        )

    def showEvent(self, event: QShowEvent) -> None:
        """Reading goes on."""
        super().showEvent(event)
        if not self._model.is_finished:
            self._work.start()

    def hideEvent(self, event: QHideEvent) -> None:
        """Nothing is read for a table that is not seen."""
        self._work.stop()
        super().hideEvent(event)

    def _enter(self) -> None:
        if not self._view.currentIndex().isValid() and self._model.rowCount():
            self._view.setCurrentIndex(self._model.index(0, EventColumn.NUMBER))
        self._view.setFocus(Qt.FocusReason.OtherFocusReason)

    def _open_detail(self, row: int) -> None:
        self._detail.display(self._model.entry(row), self._spelled_out(row))
        if self._detail.isHidden():
            self._detail.show()
            self._column.activate()
        self._view.scrollTo(self._model.index(row, EventColumn.NUMBER))

    def _follow(self, index: QModelIndex) -> None:
        if index.isValid() and not self._detail.isHidden():
            self._open_detail(index.row())

    def _close_detail(self) -> None:
        if not self._detail.isHidden():
            had_focus = self._detail.isAncestorOf(self.focusWidget() or self)
            self._detail.hide()
            if had_focus:
                self._view.setFocus(Qt.FocusReason.OtherFocusReason)

    def _spelled_out(self, row: int) -> str:
        log = self._model.log
        return log.spelled_out(self._model.log_row(row)) if log is not None else ""


class _Detail(QWidget):
    """The bytes of one event, broken into lines."""

    closed = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._title = ElidedLabel("", role="small", token="text-2")
        close = IconButton("close", self.tr("Close the event"), compact=True)
        close.clicked.connect(self.closed)
        self._text = QPlainTextEdit(self)
        self._text.setReadOnly(True)
        self._text.setTabChangesFocus(True)
        self._text.setAccessibleName(self.tr("Event"))
        self._text.setProperty("surface", "code")
        self._text.installEventFilter(self)
        head = QHBoxLayout()
        head.addWidget(self._title, 1)
        head.addWidget(close)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 0, 16, 8)
        column.setSpacing(4)
        column.addLayout(head)
        column.addWidget(self._text, 1)
        theme().changed.connect(self._restyle)
        self._restyle()

    def display(self, entry: LoggedEvent, spelled_out: str) -> None:
        """Shows an event, or a line about the connection by its words."""
        name = kind_words(entry.kind)
        if entry.number is not None:
            name = self.tr("Event {0}, {1}").format(formats.whole(entry.number), name)
        at = "" if entry.at_ms is None else self.tr("{0} ms").format(milliseconds(entry.at_ms))
        title = ", ".join(filter(None, (name, at)))
        self._title.setText("; ".join(filter(None, (title, unread_words(entry)))))
        self._text.setPlainText(spelled_out or entry.text)

    def eventFilter(self, watched: object, event: QEvent) -> bool:
        """Escape closes from the text too."""
        if event.type() != QEvent.Type.KeyPress or not isinstance(event, QKeyEvent):
            return False
        if event.key() != Qt.Key.Key_Escape:
            return False
        self.closed.emit()
        return True

    def _restyle(self) -> None:
        self._text.setFont(theme().font("wire"))
        self.setMinimumHeight(theme().px(120))
