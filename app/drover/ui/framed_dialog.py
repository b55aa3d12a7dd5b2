"""What every dialog is made of: a body over a row of buttons, and a sentence that judges what was entered."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QDialog, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from drover.ui.controls import QUIET_PADDING, Hairline, Label
from drover.ui.theme import theme

MARGIN_PX: Final = 24


class FramedDialog(QDialog):
    """A body over a row of buttons, the choice that goes on at the right."""

    def __init__(self, title: str, parent: QWidget | None, *, width_px: int) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setMinimumWidth(min(theme().px(width_px), self.screen().availableGeometry().width() - 32))
        self.body = QVBoxLayout()
        self.body.setContentsMargins(MARGIN_PX, MARGIN_PX - 4, MARGIN_PX, 16)
        self.body.setSpacing(12)
        self.foot = QHBoxLayout()
        # Quiet buttons stand at the left, and are aligned by their text.
        self.foot.setContentsMargins(MARGIN_PX - QUIET_PADDING, 12, MARGIN_PX, 12)
        self.foot.setSpacing(8)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(self.body, 1)
        layout.addWidget(Hairline())
        layout.addLayout(self.foot)

    def sizeHint(self) -> QSize:
        """As high as the sentences need at this width; Qt would guess from the narrowest."""
        layout, width = self.layout(), self.minimumWidth()
        return QSize(width, layout.totalHeightForWidth(width)) if layout is not None else super().sizeHint()

    def make_room(self) -> None:
        """Grows for sentences that came after it was opened; never shrinks under the pointer."""
        layout = self.layout()
        needed = layout.totalHeightForWidth(self.width()) if layout is not None else 0
        if self.isVisible() and needed > self.height():
            self.resize(self.width(), needed)


def words_label(*, role: str = "ui", token: str = "text", weight: int = 400) -> Label:
    """A label of several lines that may be selected by assistive technology as one text."""
    label = Label(role=role, token=token, weight=weight)
    label.setWordWrap(True)
    return label


class Sign(QLabel):
    """An icon beside words; it says nothing by itself."""

    def __init__(self, icon: str, token: str, size_px: int) -> None:
        super().__init__()
        self._size_px = size_px
        self._icon_name, self._token = icon, token
        theme().changed.connect(self._restyle)
        self._restyle()

    def show_icon(self, icon: str, token: str) -> None:
        self._icon_name, self._token = icon, token
        self._restyle()

    def _restyle(self) -> None:
        self.setPixmap(theme().pixmap(self._icon_name, theme().px(self._size_px), self._token))


class Verdict(QWidget):
    """A sentence with its sign, or nothing at all."""

    def __init__(self) -> None:
        super().__init__()
        self._sign = Sign("info", "text-2", 16)
        self._label = words_label(token="text-2")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(self._sign, 0, Qt.AlignmentFlag.AlignTop)
        row.addWidget(self._label, 1)
        self.hide()

    def display(self, words: str, *, is_warning: bool = False, is_good: bool = False) -> None:
        """Empty words hide it."""
        self._label.setText(words)
        self._sign.setVisible(is_warning or is_good)
        self._sign.show_icon("warning" if is_warning else "check", "caution" if is_warning else "text-2")
        self.setVisible(bool(words))
