"""Text and lines that follow the theme."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QSize, Qt
from PySide6.QtGui import (
    QPainter,
    QPaintEvent,
    QPalette,
    QResizeEvent,
)
from PySide6.QtWidgets import (
    QLabel,
    QSizePolicy,
    QWidget,
)

from drover.ui.theme import draw_hairline, theme


class Label(QLabel):
    """Text in one of the roles and colours of the theme."""

    def __init__(
        self, text: str = "", *, role: str = "ui", token: str = "text", weight: int = 400,
        parent: QWidget | None = None,
    ) -> None:  # fmt: skip
        super().__init__(text, parent)
        self._role, self._token, self._weight = role, token, weight
        self.setTextFormat(Qt.TextFormat.PlainText)
        theme().changed.connect(self._restyle)
        self._restyle()

    def setWordWrap(self, on: bool) -> None:
        """Text of several lines takes what it needs, text of one at least the height of a line."""
        super().setWordWrap(on)
        self._restyle()

    def set_look(self, *, token: str | None = None, weight: int | None = None) -> None:
        """Changes colour or weight."""
        self._token = token if token is not None else self._token
        self._weight = weight if weight is not None else self._weight
        self._restyle()

    def _restyle(self) -> None:
        self.setFont(theme().font(self._role, self._weight))
        palette = self.palette()
        palette.setColor(QPalette.ColorRole.WindowText, theme().color(self._token))
        self.setPalette(palette)
        self.setMinimumHeight(0 if self.wordWrap() else theme().line_height(self._role))


def escaped(text: str) -> str:
    """Plain text as HTML. `html` would bring a table of all entities with it, before the first frame."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


class Paragraph(Label):
    """Text that wraps, with the line height of its role."""

    def __init__(
        self, text: str = "", *, role: str = "ui", token: str = "text", parent: QWidget | None = None
    ) -> None:
        self._plain = text
        super().__init__("", role=role, token=token, parent=parent)
        self.setWordWrap(True)
        # A fixed line height puts all the extra room above the text; half of it belongs below.
        self.setContentsMargins(0, -2, 0, 2)
        self.setTextFormat(Qt.TextFormat.RichText)
        self.set_text(text)

    def set_text(self, text: str) -> None:
        """Shows another plain text."""
        self._plain = text
        height = theme().line_height(self._role)
        super().setText(f'<p style="margin:0; line-height:{height}px">{escaped(text)}</p>')
        self.setAccessibleName(text)

    def _restyle(self) -> None:
        super()._restyle()
        if self.textFormat() == Qt.TextFormat.RichText:
            self.set_text(self._plain)


class ElidedLabel(Label):
    """One line that is cut with an ellipsis where room is short; the whole text is then its tip."""

    def __init__(
        self, text: str = "", *, role: str = "ui", token: str = "text", weight: int = 400,
        mode: Qt.TextElideMode = Qt.TextElideMode.ElideRight, parent: QWidget | None = None,
    ) -> None:  # fmt: skip
        self._elide_mode = mode
        super().__init__(text, role=role, token=token, weight=weight, parent=parent)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)

    def setText(self, text: str) -> None:
        """Shows another text."""
        super().setText(text)
        self._update_tip()

    def minimumSizeHint(self) -> QSize:
        """Next to nothing: the text gives way."""
        return QSize(min(24, super().minimumSizeHint().width()), theme().line_height(self._role))

    def sizeHint(self) -> QSize:
        """The whole text on one line."""
        width = self.fontMetrics().horizontalAdvance(self.text())
        return QSize(width + 1, theme().line_height(self._role))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """The tip depends on whether the text fits."""
        super().resizeEvent(event)
        self._update_tip()

    def paintEvent(self, event: QPaintEvent) -> None:
        """The text, elided."""
        painter = QPainter(self)
        painter.setFont(self.font())
        painter.setPen(theme().color(self._token if self.isEnabled() else "disabled"))
        line = self.text().replace("\n", " ")
        text = self.fontMetrics().elidedText(line, self._elide_mode, self.width())
        painter.drawText(self.rect(), int(Qt.AlignmentFlag.AlignVCenter | self.alignment()), text)
        painter.end()

    def _update_tip(self) -> None:
        is_cut = self.fontMetrics().horizontalAdvance(self.text()) > self.width()
        self.setToolTip(self.text() if is_cut else "")


class Hairline(QWidget):
    """A line one logical pixel thick."""

    def __init__(
        self, *, is_vertical: bool = False, token: str = "line", parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._is_vertical = is_vertical
        self._token = token
        if is_vertical:
            self.setFixedWidth(1)
        else:
            self.setFixedHeight(1)
        theme().changed.connect(self.update)

    def paintEvent(self, event: QPaintEvent) -> None:
        """The line, on whole device pixels."""
        painter = QPainter(self)
        length = self.height() if self._is_vertical else self.width()
        color = theme().color(self._token)
        draw_hairline(painter, QPointF(0, 0), length, color, is_vertical=self._is_vertical)
        painter.end()


class HeaderBar(QWidget):
    """The strip of 48 at the top of a column: a surface and a hairline along its foot."""

    def __init__(self, *, token: str = "window", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._token = token
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        theme().changed.connect(self._restyle)
        self._restyle()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Surface and line."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme().color(self._token))
        draw_hairline(painter, QPointF(0, self.height() - 1), self.width(), theme().color("line"))
        painter.end()

    def _restyle(self) -> None:
        self.setFixedHeight(theme().px(48))
        self.update()
