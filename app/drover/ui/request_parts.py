"""The body and the headers of a request as text: read-only, with a search."""

from __future__ import annotations

from PySide6.QtGui import QTextDocument
from PySide6.QtWidgets import QPlainTextEdit, QWidget

from drover.domain.run import Exchange
from drover.ui.theme import theme


class WireText(QPlainTextEdit):
    """Read-only text in monospace; set only when it is looked at."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setReadOnly(True)
        self.setUndoRedoEnabled(False)
        self.setTabChangesFocus(True)
        self.setAccessibleName(name)
        self.setProperty("surface", "code")
        self._shown = ""
        theme().changed.connect(self._restyle)
        self._restyle()

    def set_text(self, text: str) -> None:
        """Shows a text from its beginning, unless it is the same."""
        if text != self._shown:
            self._shown = text
            self.setPlainText(text)

    def find_next(self, words: str, *, is_backward: bool = False) -> bool:
        """Selects the next place where the words stand, from the other end when there is none further on."""
        if not words:
            return False
        flags = QTextDocument.FindFlag.FindBackward if is_backward else QTextDocument.FindFlag(0)
        if self.find(words, flags):
            return True
        before = self.textCursor()
        operations = before.MoveOperation
        self.moveCursor(operations.End if is_backward else operations.Start)
        if self.find(words, flags):
            return True
        self.setTextCursor(before)
        return False

    def _restyle(self) -> None:
        self.setFont(theme().font("wire"))


def headers_text(exchange: Exchange | None) -> str:
    """Both heads as they stood on the wire; a credential stands as the name of its variable."""
    if exchange is None:
        return ""
    lines = [exchange.request_line, *(f"{name}: {value}" for name, value in exchange.request_headers)]
    if exchange.response_status is not None:
        lines += ["", f"{exchange.http_version} {exchange.response_status}".strip()]
        lines += [f"{name}: {value}" for name, value in exchange.response_headers]
    return "\n".join(lines)
