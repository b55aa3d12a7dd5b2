"""Fields for text: one line that searches, several lines that grow."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import (
    QAction,
    QPainter,
    QPaintEvent,
    QTextBlockFormat,
    QTextCursor,
)
from PySide6.QtWidgets import (
    QLineEdit,
    QSizePolicy,
    QTextEdit,
    QWidget,
)

from drover.ui.theme import draw_icon, theme


class SearchField(QLineEdit):
    """A field with a lens, and the shortcut that reaches it at its right end."""

    def __init__(self, name: str, placeholder: str, shortcut: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._shortcut = shortcut
        self.setAccessibleName(name)
        self.setPlaceholderText(placeholder)
        self._clear = QAction(self)
        self._clear.triggered.connect(self.clear)
        self._clear.setToolTip(self.tr("Clear"))
        self.addAction(self._clear, QLineEdit.ActionPosition.TrailingPosition)
        self._clear.setVisible(False)
        self.textChanged.connect(self._update_clear)
        theme().changed.connect(self._restyle)
        self._restyle()

    def paintEvent(self, event: QPaintEvent) -> None:
        """The field, the lens, and the hint while there is room for it."""
        super().paintEvent(event)
        painter = QPainter(self)
        colors = theme()
        size = theme().px(14)
        place = QRectF(9, (self.height() - size) / 2, size, size)
        draw_icon(painter, place, "search", colors.color("text-3" if self.isEnabled() else "disabled"))
        words = theme().measured("ui", self.placeholderText()) + theme().measured("small", self._shortcut)
        if not self.text() and size + words + 36 <= self.width():
            painter.setFont(colors.font("small"))
            painter.setPen(colors.color("text-3"))
            room = QRectF(self.rect()).adjusted(0, 0, -8, 0)
            painter.drawText(
                room, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, self._shortcut
            )
        painter.end()

    def _update_clear(self, text: str) -> None:
        self._clear.setVisible(bool(text))
        self.update()

    def _restyle(self) -> None:
        self.setFont(theme().font("ui"))
        self._clear.setIcon(theme().icon("close"))
        # The style sheet leaves 8 to the edge; the lens needs 31 in all.
        self.setTextMargins(theme().px(14) + 7, 0, 0, 0)
        self.update()


class GrowingTextEdit(QTextEdit):
    """Plain text of several lines that grows with what is written, up to a limit, and then scrolls.

    Signals:
        text_edited: a person changed the text.
    """

    text_edited = Signal(str)

    def __init__(
        self, name: str, *, least_lines: int = 2, most_lines: int = 12, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._least_lines, self._most_lines = least_lines, most_lines
        self.setAccessibleName(name)
        self.setAcceptRichText(False)
        self.setTabChangesFocus(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._placeholder = ""
        self.textChanged.connect(self._report)
        self.document().documentLayout().documentSizeChanged.connect(self._grow)
        theme().changed.connect(self._restyle)
        self._restyle()

    def set_placeholder(self, placeholder: str) -> None:
        """What is shown while there is no text."""
        self._placeholder = placeholder
        self.setAccessibleDescription(placeholder)
        self.viewport().update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """The text, or the placeholder on the line where the text would be."""
        super().paintEvent(event)
        if self._placeholder and self.document().isEmpty():
            painter = QPainter(self.viewport())
            painter.setFont(self.font())
            painter.setPen(theme().color("text-3" if self.isEnabled() else "disabled"))
            line = QRectF(4, 4, self.viewport().width() - 8, theme().line_height("ui"))
            painter.drawText(line, int(Qt.AlignmentFlag.AlignVCenter), self._placeholder)
            painter.end()

    def set_text(self, text: str) -> None:
        """Shows a text without a signal; the same text leaves cursor and undo history alone."""
        if text == self.toPlainText():
            return
        self.blockSignals(True)
        self.setPlainText(text)
        self._space_lines()
        self.blockSignals(False)
        self._grow()

    def _report(self) -> None:
        self.text_edited.emit(self.toPlainText())

    def _restyle(self) -> None:
        self.setFont(theme().font("ui"))
        self.blockSignals(True)
        self._space_lines()
        self.blockSignals(False)
        self._grow()

    def _space_lines(self) -> None:
        """Even lines of the role's height; starts the undo history afresh."""
        line = QTextBlockFormat()
        line.setLineHeight(theme().line_height("ui"), QTextBlockFormat.LineHeightTypes.FixedHeight.value)
        cursor = QTextCursor(self.document())
        cursor.select(QTextCursor.SelectionType.Document)
        self.document().setUndoRedoEnabled(False)
        cursor.mergeBlockFormat(line)
        frame = self.document().rootFrame().frameFormat()
        frame.setMargin(4)
        self.document().rootFrame().setFrameFormat(frame)
        self.document().setUndoRedoEnabled(True)

    def _grow(self) -> None:
        line = theme().line_height("ui")
        lines = max(1, round((self.document().size().height() - 8) / line))
        height = min(max(lines, self._least_lines), self._most_lines) * line + 14
        if height != self.height() or self.minimumHeight() != height:
            self.setFixedHeight(height)
