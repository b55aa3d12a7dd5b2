"""What the pages of the inspector have in common: a column that scrolls, and a sentence while it is empty."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QScrollArea, QVBoxLayout, QWidget

from drover.ui.labels import Paragraph

_MARGIN = 16


class Page(QScrollArea):
    """A column of blocks that scrolls as a whole, with a sentence while there is nothing to show."""

    def __init__(self, name: str = "", nothing: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        self.setWidgetResizable(True)
        self.setFrameShape(QScrollArea.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.viewport().setAutoFillBackground(False)
        canvas = QWidget()
        canvas.setAutoFillBackground(False)
        self.column = QVBoxLayout(canvas)
        self.column.setContentsMargins(_MARGIN, _MARGIN, _MARGIN, _MARGIN)
        self.column.setSpacing(12)
        self.nothing = Paragraph(nothing, token="text-2")
        self.content = QWidget()
        self.rows = QVBoxLayout(self.content)
        self.rows.setContentsMargins(0, 0, 0, 0)
        self.rows.setSpacing(12)
        self.column.addWidget(self.nothing)
        self.column.addWidget(self.content, 1)
        self.column.addStretch()
        self.setWidget(canvas)
        self.show_content(False)

    def show_content(self, is_shown: bool) -> None:
        """Switches between the blocks and the sentence."""
        self.content.setVisible(is_shown)
        self.nothing.setVisible(not is_shown)
