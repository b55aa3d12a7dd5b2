"""A list that opens over the window with a search above it: the keyboard stays in the search."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QEvent, QModelIndex, QObject, QPersistentModelIndex, QRectF, QSize, Qt
from PySide6.QtGui import QCursor, QKeyEvent, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import (
    QFrame,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from drover.ui.theme import draw_frame, rounded_region, theme

PADDING = 8
MOST_ROWS = 12
_ROW_PX = 28
_CORNER = 6


class SearchedPopup(QFrame):
    """Search, list, and the surface of a menu. Who inherits fills `column` and the list, and opens it."""

    steps: Mapping[Qt.Key, int] = {Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1}
    """Rows by which a key moves in the list while the search has the keyboard."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.search = QLineEdit()
        self.search.setProperty("hasOwnRing", True)
        self.search.textChanged.connect(self.fill)
        self.search.returnPressed.connect(self.pick)
        self.search.installEventFilter(self)
        self.view = QListWidget()
        self.view.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.view.setMouseTracking(True)
        self.view.setUniformItemSizes(True)
        self.view.itemEntered.connect(self._follow_mouse)
        self._resting_at = QCursor.pos()
        self.view.itemClicked.connect(self.pick)
        self.view.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.column = QVBoxLayout(self)
        self.column.setContentsMargins(PADDING, PADDING, PADDING, PADDING)

    def fill(self, words: str) -> None:
        """Lists what matches these words."""
        raise NotImplementedError

    def pick(self) -> None:
        """Takes the row at hand."""
        raise NotImplementedError

    def set_rows(self, wanted: int, room_px: int) -> None:
        """Makes the list as high as so many rows, within the room there is; never under three."""
        row = theme().px(_ROW_PX)
        self.view.setFixedHeight(row * max(3, min(MOST_ROWS, wanted, room_px // row)))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Some keys move in the list while the search has the keyboard."""
        if event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
            step = self.steps.get(Qt.Key(event.key()))
            if step is not None:
                self._step(step)
                return True
        return super().eventFilter(watched, event)

    def _step(self, rows: int) -> None:
        self._resting_at = QCursor.pos()
        self.view.setCurrentRow(max(0, min(self.view.count() - 1, self.view.currentRow() + rows)))

    def _follow_mouse(self, item: QListWidgetItem) -> None:
        # A list that opens or scrolls under a resting mouse has its rows entered too.
        if QCursor.pos() != self._resting_at:
            self.view.setCurrentItem(item)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """The corners follow the size."""
        super().resizeEvent(event)
        self.setMask(rounded_region(self.rect(), _CORNER))

    def paintEvent(self, event: QPaintEvent) -> None:
        """The surface and edge of a menu."""
        painter = QPainter(self)
        fill, edge = theme().color("raised"), theme().color("border")
        draw_frame(painter, QRectF(self.rect()), _CORNER, fill=fill, edge=edge)
        painter.end()


class PopupRow(QStyledItemDelegate):
    """A row as high as that of a menu."""

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        """As high as a row of a menu."""
        return QSize(120, theme().px(_ROW_PX))
