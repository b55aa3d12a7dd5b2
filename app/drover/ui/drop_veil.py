"""What lies over the conversation while files are held above the window."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from drover.ui.theme import aligned, draw_icon, theme

_MARGIN, _ICON, _GAP, _RADIUS = 16, 24, 12, 8


class DropVeil(QWidget):
    """Says that dropping attaches. Lets all events through."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setAccessibleName(self.tr("Drop to attach"))
        self.hide()

    def cover(self, area: QWidget) -> None:
        """Lies over this part of the window."""
        parent = self.parentWidget()
        assert parent is not None
        self.setGeometry(area.rect().translated(area.mapTo(parent, area.rect().topLeft())))
        self.raise_()
        self.show()

    def paintEvent(self, event: QPaintEvent) -> None:
        """The page shines through; a dashed frame, an icon and words in the middle."""
        painter = QPainter(self)
        veil = theme().color("page")
        veil.setAlphaF(0.9)
        painter.fillRect(self.rect(), veil)
        frame = aligned(painter, QRectF(self.rect()).adjusted(_MARGIN, _MARGIN, -_MARGIN, -_MARGIN))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(theme().color("accent"), 1.5, Qt.PenStyle.DashLine))
        painter.drawRoundedRect(frame, _RADIUS, _RADIUS)
        side, words = theme().px(_ICON), self.accessibleName()
        line = theme().line_height("title")
        top = (self.height() - side - _GAP - line) / 2
        place = QRectF((self.width() - side) / 2, top, side, side)
        draw_icon(painter, place, "attach", theme().color("accent"))
        painter.setFont(theme().font("title", 600))
        painter.setPen(theme().color("text"))
        room = QRectF(0, top + side + _GAP, self.width(), line)
        painter.drawText(room, int(Qt.AlignmentFlag.AlignCenter), words)
        painter.end()
