"""One sentence above the conversation that is not about a single reply."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QAccessible, QAccessibleAnnouncementEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QWidget

from drover.ui.controls import IconButton
from drover.ui.theme import draw_icon, theme


class NoticeBar(QWidget):
    """Hidden until there is a notice; a newer one replaces an older one."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._is_warning = False
        self._words = QLabel()
        self._words.setTextFormat(Qt.TextFormat.PlainText)
        self._words.setWordWrap(True)
        self._words.setAccessibleName(self.tr("Notice"))
        self._words.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        dismiss = IconButton("close", self.tr("Dismiss"))
        dismiss.clicked.connect(self.hide)
        row = QHBoxLayout(self)
        row.setContentsMargins(48, 8, 8, 8)
        row.setSpacing(8)
        row.addWidget(self._words, 1)
        row.addWidget(dismiss, 0, Qt.AlignmentFlag.AlignTop)
        theme().changed.connect(self._restyle)
        self._restyle()
        self.hide()

    def display(self, text: str, *, is_warning: bool) -> None:
        """Shows and announces the sentence."""
        self._is_warning = is_warning
        self._words.setText(text)
        self._restyle()
        self.show()
        if QAccessible.isActive():
            QAccessible.updateAccessibility(QAccessibleAnnouncementEvent(self, text))

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        token = "caution-bg" if self._is_warning else "code"
        painter.fillRect(self.rect(), theme().color(token))
        line = theme().color("caution-line" if self._is_warning else "line")
        painter.fillRect(0, self.height() - 1, self.width(), 1, line)
        icon = "warning" if self._is_warning else "info"
        area = self.rect().adjusted(24, 14, 0, 0)
        area.setSize(area.size().boundedTo(area.size().__class__(16, 16)))
        draw_icon(painter, area.toRectF(), icon, theme().color("caution" if self._is_warning else "text-2"))
        painter.end()

    def _restyle(self) -> None:
        self._words.setFont(theme().font("ui"))
        self.update()
