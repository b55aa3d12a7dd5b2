"""The next request as JSON, marked by how it differs from the one before; part of the composer."""

from __future__ import annotations

import re
from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtGui import QFontMetricsF, QTextCursor, QTextFormat
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QPlainTextEdit,
    QSizePolicy,
    QTextEdit,
    QVBoxLayout,
    QWidget,
)

from drover.domain.request_outline import LineSign, RequestLine, only_changes
from drover.ui.combos import Segments
from drover.ui.controls import Label, QuietButton
from drover.ui.theme import theme

_INSET_PX = 16
_MOST_PX = 208
_UNSHOWABLE = re.compile("[\0\ud800-\udfff\ufdd0\ufdd1\ufffc\u2028\u2029\x85]")
"""NUL, lone halves of characters, and what Qt's documents take for marks or line ends of their own."""


class RequestView(QWidget):
    """What will be sent, whole or only its changes, and what is adjusted to the server.

    Signals:
        copy_requested(): the exact body is wanted on the clipboard
    """

    copy_requested = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._lines: Sequence[RequestLine] = ()
        self._choice = Segments(self.tr("Show of the request"), compact=True)
        self._choice.addItems([self.tr("Whole"), self.tr("Changes")])
        self._copy = QuietButton(self.tr("Copy JSON"), icon="copy", compact=True)
        self._copy.setAccessibleName(self.tr("Copy JSON"))
        self._text = _Lines(self.tr("Request as JSON"))
        self._adjustments = Label(role="small", token="text-2")
        self._adjustments.setWordWrap(True)
        self._adjustments.setAccessibleName(self.tr("Adjustments"))
        self._adjustments.setContentsMargins(_INSET_PX, 0, _INSET_PX, 8)
        self._adjustments.hide()
        head = QHBoxLayout()
        head.setContentsMargins(_INSET_PX, 6, 8, 0)
        head.addWidget(self._choice)
        head.addStretch(1)
        head.addWidget(self._copy)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(head)
        layout.addWidget(self._text)
        layout.addWidget(self._adjustments)
        self._choice.currentIndexChanged.connect(self._show)
        self._copy.clicked.connect(self.copy_requested)

    def display(self, lines: Sequence[RequestLine], adjustments: Sequence[str]) -> None:
        """The lines of the whole body, and what differs from what was chosen, each in words."""
        self._adjustments.setText("\n".join(adjustments))
        self._adjustments.setVisible(bool(adjustments))
        if lines != self._lines:
            self._lines = lines
            self._show()

    def confirm_copy(self) -> None:
        """Says on the button that the body is on the clipboard, until the request changes."""
        self._copy.setText(self.tr("Copied"))

    def _show(self) -> None:
        self._copy.setText(self.tr("Copy JSON"))
        if self._choice.currentIndex() == 0:
            self._text.display(self._lines)
        elif shown := only_changes(self._lines):
            self._text.display(shown)
        else:
            words = self.tr("The same as the request before.")
            self._text.display([RequestLine(sign=LineSign.LEFT_OUT, text=words)])


class _Lines(QPlainTextEdit):
    """Read-only lines in monospace behind their signs, as high as they need up to a limit."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._lines: Sequence[RequestLine] = ()
        self.setAccessibleName(name)
        self.setReadOnly(True)
        self.setTabChangesFocus(True)
        self.setProperty("bare", True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.setCornerWidget(QWidget())  # Fusion draws an edge into an empty one
        self.setViewportMargins(_INSET_PX - 4, 4, 0, 4)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        theme().changed.connect(self._restyle)
        self._restyle()

    def display(self, lines: Sequence[RequestLine]) -> None:
        """Shows these lines; where the view stood, it stays."""
        self._lines = lines
        text = "\n".join(_UNSHOWABLE.sub("\ufffd", f"{line.sign} {line.text}".rstrip()) for line in lines)
        if text != self.toPlainText():
            across, down = self.horizontalScrollBar().value(), self.verticalScrollBar().value()
            self.setPlainText(text)
            self.horizontalScrollBar().setValue(across)
            self.verticalScrollBar().setValue(down)
        self._mark()
        self._fit()

    def _mark(self) -> None:
        """By ground and ink, which the sign repeats: neither red nor green says anything here."""
        looks = {LineSign.ADDED: ("pressed", "text"), LineSign.REMOVED: ("window", "text-3")}
        marks = []
        for index, line in enumerate(self._lines):
            if line.sign not in looks:
                continue
            ground, ink = looks[line.sign]
            mark = QTextEdit.ExtraSelection()
            mark.cursor = QTextCursor(self.document().findBlockByNumber(index))
            mark.format.setBackground(theme().color(ground))
            mark.format.setForeground(theme().color(ink))
            mark.format.setProperty(QTextFormat.Property.FullWidthSelection, True)
            marks.append(mark)
        self.setExtraSelections(marks)

    def _fit(self) -> None:
        lines = self.blockCount() * QFontMetricsF(self.font()).lineSpacing()
        self.setFixedHeight(min(round(lines) + 28, theme().px(_MOST_PX)))

    def _restyle(self) -> None:
        self.setFont(theme().font("wire"))
        self._mark()
        self._fit()
