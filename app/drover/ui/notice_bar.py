"""One sentence above the conversation that is not about a single reply."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QAccessible, QAccessibleAnnouncementEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QWidget

from drover.ui.controls import IconButton, QuietButton
from drover.ui.theme import draw_icon, theme

_INSET, _INSET_Y, _ICON, _BUTTON = 24, 8, 16, 28


class NoticeBar(QWidget):
    """Hidden until there is a notice; a newer one replaces an older one."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._is_warning = False
        self._undo: Callable[[], None] | None = None
        self._words = QLabel()
        self._words.setTextFormat(Qt.TextFormat.PlainText)
        self._words.setWordWrap(True)
        self._words.setAccessibleName(self.tr("Notice"))
        self._words.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._undo_button: QuietButton | None = None
        dismiss = IconButton("close", self.tr("Dismiss"))
        dismiss.clicked.connect(self.hide)
        self._row = row = QHBoxLayout(self)
        row.setSpacing(8)
        row.addWidget(self._words, 1)
        row.addWidget(dismiss, 0, Qt.AlignmentFlag.AlignTop)
        theme().changed.connect(self._restyle)
        self._restyle()
        self.hide()

    def display(self, text: str, *, is_warning: bool, undo: Callable[[], None] | None = None) -> None:
        """Shows and announces the sentence; `undo` is called at most once, if the person takes it back."""
        self._is_warning, self._undo = is_warning, undo
        self._offer_undo(undo is not None)
        self._words.setText(text)
        self._restyle()
        self.show()
        if QAccessible.isActive():
            QAccessible.updateAccessibility(QAccessibleAnnouncementEvent(self, text))

    def _offer_undo(self, is_possible: bool) -> None:
        if self._undo_button is None and is_possible:
            self._undo_button = QuietButton(self.tr("Undo"))
            self._undo_button.clicked.connect(self._call_undo)
            self._row.insertWidget(1, self._undo_button, 0, Qt.AlignmentFlag.AlignTop)
        if self._undo_button is not None:
            self._undo_button.setVisible(is_possible)

    def _call_undo(self) -> None:
        undo, self._undo = self._undo, None
        self.hide()
        if undo is not None:
            undo()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        token = "caution-bg" if self._is_warning else "code"
        painter.fillRect(self.rect(), theme().color(token))
        line = theme().color("caution-line" if self._is_warning else "line")
        painter.fillRect(0, self.height() - 1, self.width(), 1, line)
        icon = "warning" if self._is_warning else "info"
        side, middle = theme().px(_ICON), _INSET_Y + theme().px(_BUTTON) / 2
        area = QRectF(_INSET, middle - side / 2, side, side)
        draw_icon(painter, area, icon, theme().color("caution" if self._is_warning else "text-2"))
        painter.end()

    def _restyle(self) -> None:
        self._words.setFont(theme().font("ui"))
        self._words.setMinimumHeight(theme().px(_BUTTON))  # one line stands beside the middle of the button
        layout = self.layout()
        if layout is not None:
            layout.setContentsMargins(_INSET + theme().px(_ICON) + 8, _INSET_Y, 8, _INSET_Y)
        self.update()
