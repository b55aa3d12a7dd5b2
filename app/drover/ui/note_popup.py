"""A small popup beside a control, with words and perhaps a button: what is too long for a tip."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QRectF, Qt
from PySide6.QtGui import QKeyEvent, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QFrame, QVBoxLayout, QWidget

from drover.ui.theme import draw_frame, rounded_region, theme

_RADIUS = 6
_GAP = 4


class NotePopup(QFrame):
    """Opens under its anchor with the keyboard in it; Escape or a click elsewhere closes and deletes it."""

    def __init__(self, name: str, parent: QWidget, *, width_px: int = 288) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setAccessibleName(name)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setFixedWidth(theme().px(width_px))
        self._first: QWidget = self
        self.column = QVBoxLayout(self)
        self.column.setContentsMargins(12, 10, 12, 12)
        self.column.setSpacing(8)

    def set_first(self, widget: QWidget) -> None:
        """What has the keyboard at first."""
        self._first = widget

    def open_beside(self, anchor: QWidget) -> None:
        """Opens with its right end at that of the anchor: below it, or above where the screen ends."""
        height = self.column.totalHeightForWidth(self.width())
        height = height if height > 0 else self.column.totalSizeHint().height()
        self.resize(self.width(), height)
        place = anchor.mapToGlobal(QPoint(anchor.width() - self.width(), anchor.height() + _GAP))
        screen = anchor.screen().availableGeometry()
        if place.y() + height > screen.bottom():
            place.setY(anchor.mapToGlobal(QPoint(0, -_GAP)).y() - height)
        place.setX(max(screen.left() + _GAP, place.x()))
        self.move(place)
        self.show()
        self._first.setFocus(Qt.FocusReason.PopupFocusReason)

    def paintEvent(self, event: QPaintEvent) -> None:
        """A raised surface with an edge."""
        painter = QPainter(self)
        frame = QRectF(self.rect())
        draw_frame(painter, frame, _RADIUS, fill=theme().color("raised"), edge=theme().color("border"))
        painter.end()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """The corners follow the size."""
        super().resizeEvent(event)
        self.setMask(rounded_region(self.rect(), _RADIUS))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Escape closes."""
        if event.key() == Qt.Key.Key_Escape:
            self.close()
        else:
            super().keyPressEvent(event)
