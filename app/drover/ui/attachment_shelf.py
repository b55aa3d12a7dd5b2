"""Attachments as cards in rows: what they are, how large, and a button that takes each away."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Final

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFontMetricsF, QKeyEvent, QPainter, QPaintEvent, QPixmap, QResizeEvent
from PySide6.QtWidgets import QAbstractButton, QSizePolicy, QWidget

from drover.domain.attachments import AttachmentKind, kind_of, size_words
from drover.domain.conversation import Attachment, ImagePart
from drover.ui import formats
from drover.ui.controls import IconButton, OverlayScrollArea
from drover.ui.theme import draw_frame, draw_icon, rounded_path, theme
from drover.ui.thumbnails import SIDE_PX, Thumbnails

_CARD_PX: Final = 212
_MOST_CARD_PX: Final = 264
_CARD_HEIGHT_PX: Final = 48
_PAD: Final = 6
_GAP: Final = 8
_RADIUS: Final = 6
_MOST_ROWS: Final = 3


class AttachmentShelf(QWidget):
    """Cards in rows. Its owner gives it a width by `lay_out`.

    Signals:
        removed(int): the card at this index is not wanted
        opened(Attachment): one is to be looked at
    """

    removed = Signal(int)
    opened = Signal(object)

    def __init__(self, thumbnails: Thumbnails, *, is_edited: bool, parent: QWidget | None = None) -> None:
        """`is_edited` says whether attachments can be taken away."""
        super().__init__(parent)
        self._thumbnails = thumbnails
        self._is_edited = is_edited
        self._cards: list[AttachmentCard] = []
        self.setAccessibleName(self.tr("Attachments"))
        thumbnails.ready.connect(self._repaint)

    @property
    def parts(self) -> tuple[Attachment, ...]:
        """What is shown."""
        return tuple(card.part for card in self._cards)

    def display(self, parts: Sequence[Attachment]) -> None:
        """Shows these; cards that stay are not made anew."""
        kept: list[AttachmentCard] = []
        left = list(self._cards)
        for part in parts:
            card = next((card for card in left if card.part == part), None)
            if card is None:
                card = self._made(part)
            else:
                left.remove(card)
            kept.append(card)
        for card in left:
            card.hide()
            card.deleteLater()
        self._cards = kept
        for first, second in itertools.pairwise(kept):
            QWidget.setTabOrder(first.last_stop, second)

    def lay_out(self, width: int) -> int:
        """Places the cards at this width; the height that they take."""
        scale = theme().px
        columns = max(1, (width + _GAP) // (scale(_CARD_PX) + _GAP))
        card_width = min(scale(_MOST_CARD_PX), (width - (columns - 1) * _GAP) // columns)
        height = scale(_CARD_HEIGHT_PX)
        for index, card in enumerate(self._cards):
            row, column = divmod(index, columns)
            card.setGeometry(column * (card_width + _GAP), row * (height + _GAP), card_width, height)
            card.show()
        rows = -(-len(self._cards) // columns)
        return rows * (height + _GAP) - _GAP if rows else 0

    def _made(self, part: Attachment) -> AttachmentCard:
        card = AttachmentCard(part, self._thumbnails, is_edited=self._is_edited, parent=self)
        card.clicked.connect(self._tell_opened)
        card.remove_requested.connect(self._tell_removed)
        return card

    def _tell_opened(self) -> None:
        card = self.sender()
        if isinstance(card, AttachmentCard):
            self.opened.emit(card.part)

    def _tell_removed(self) -> None:
        card = self.sender()
        if isinstance(card, AttachmentCard) and card in self._cards:
            index = self._cards.index(card)
            others = self._cards[index + 1 :] or self._cards[:index][-1:]
            if others and self.isAncestorOf(self.window().focusWidget() or self):
                others[0].setFocus(Qt.FocusReason.OtherFocusReason)
            self.removed.emit(index)

    def _repaint(self, digest: str) -> None:
        for card in self._cards:
            if card.part.hash == digest:
                card.update()


class ScrolledShelf(OverlayScrollArea):
    """A shelf as wide as its place, of some rows at most, and then it scrolls."""

    def __init__(self, thumbnails: Thumbnails, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.shelf = AttachmentShelf(thumbnails, is_edited=True)
        self.setWidgetResizable(False)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setWidget(self.shelf)
        for surface in (self.viewport(), self.shelf):
            surface.setAutoFillBackground(False)
        theme().changed.connect(self._fit_height)

    def display(self, parts: Sequence[Attachment]) -> None:
        """Shows these, and hides where there are none. What was added last is in view."""
        is_more = len(parts) > len(self.shelf.parts)
        self.shelf.display(parts)
        self.setVisible(bool(parts))
        self._fit_height()
        if is_more:
            self.verticalScrollBar().setValue(self.verticalScrollBar().maximum())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Other cards find room in a row."""
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width():
            self._fit_height()

    def _fit_height(self) -> None:
        width = self.width()
        height = self.shelf.lay_out(width)
        self.shelf.resize(width, height)
        most = _MOST_ROWS * (theme().px(_CARD_HEIGHT_PX) + _GAP) - _GAP
        self.setFixedHeight(min(height, most))


class AttachmentCard(QAbstractButton):
    """One attachment: a thumbnail or a sign, its name, what it is. A click looks at it.

    Signals:
        remove_requested(): by its button, or by Delete
    """

    remove_requested = Signal()

    def __init__(
        self, part: Attachment, thumbnails: Thumbnails, *, is_edited: bool, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.part = part
        self._thumbnails = thumbnails
        self._details = details_of(part)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setProperty("ringRadius", _RADIUS)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(f"{part.name}, {self._details}")
        self.setToolTip(f"{part.name}\n{self._details}")
        self._remove: IconButton | None = None
        if is_edited:
            self._remove = IconButton(
                "close", self.tr("Remove {0}").format(part.name), compact=True, parent=self
            )
            self._remove.clicked.connect(self.remove_requested)

    @property
    def last_stop(self) -> QWidget:
        """Where the keyboard leaves it."""
        return self._remove or self

    def sizeHint(self) -> QSize:
        """A card in the present text size."""
        return QSize(theme().px(_CARD_PX), theme().px(_CARD_HEIGHT_PX))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """The button keeps to the right."""
        super().resizeEvent(event)
        if self._remove is not None:
            side = self._remove.sizeHint()
            self._remove.setGeometry(
                self.width() - side.width() - 4, (self.height() - side.height()) // 2,
                side.width(), side.height(),
            )  # fmt: skip

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Return looks at it, Delete takes it away."""
        is_delete = event.key() in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace)
        if is_delete and self._remove is not None:
            self.remove_requested.emit()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.click()
        else:
            super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        """The card."""
        painter = QPainter(self)
        fill = "hover" if self.underMouse() or self.isDown() else "raised"
        frame = QRectF(self.rect())
        draw_frame(painter, frame, _RADIUS, fill=theme().color(fill), edge=theme().color("line"))
        side = theme().px(SIDE_PX)
        self._paint_sign(painter, QRectF(_PAD, (self.height() - side) / 2, side, side))
        left = _PAD + side + 8
        right = self._remove.x() - 4 if self._remove is not None else self.width() - _PAD - 2
        name_height, detail_height = theme().line_height("ui"), theme().line_height("small")
        top = (self.height() - name_height - detail_height) / 2
        room = QRectF(left, top, right - left, name_height)
        self._paint_line(painter, room, "ui", "text", self.part.name, Qt.TextElideMode.ElideMiddle)
        room = QRectF(left, top + name_height, right - left, detail_height)
        self._paint_line(painter, room, "small", "text-3", self._details, Qt.TextElideMode.ElideRight)
        painter.end()

    def _paint_line(
        self, painter: QPainter, room: QRectF, role: str, token: str, words: str, elided: Qt.TextElideMode
    ) -> None:
        font = theme().font(role)
        painter.setFont(font)
        painter.setPen(theme().color(token))
        shown = QFontMetricsF(font).elidedText(words, elided, room.width())
        painter.drawText(room, int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft), shown)

    def _paint_sign(self, painter: QPainter, place: QRectF) -> None:
        part = self.part
        pixmap = self._thumbnails.pixmap(part) if isinstance(part, ImagePart) else None
        if pixmap is not None and not pixmap.isNull():
            _paint_covering(painter, place, pixmap)
            return
        draw_frame(painter, place, 4, fill=theme().color("code"))
        if isinstance(part, ImagePart):
            if pixmap is not None:  # known not to be shown
                inner = place.adjusted(10, 10, -10, -10)
                draw_icon(painter, inner, "warning", theme().color("text-3"))
            return
        painter.setFont(theme().font("wire"))
        painter.setPen(theme().color("text-2"))
        painter.drawText(place, int(Qt.AlignmentFlag.AlignCenter), _sign_of(part))


def details_of(part: Attachment) -> str:
    """Kind and size in words: "PNG, 1.2 MB, 640 × 480"."""
    size = size_words(part.size_bytes)
    if isinstance(part, ImagePart):
        kind = part.media_type.removeprefix("image/").upper()
        return f"{kind}, {size}, {formats.whole(part.width_px)} × {formats.whole(part.height_px)}"
    if kind_of(part) is AttachmentKind.PDF:
        return f"PDF, {size}"
    charset = part.media_type.partition("charset=")[2]
    encoding = {"utf-16": "UTF-16", "windows-1252": "Windows-1252"}.get(charset, charset)
    return f"{encoding}, {size}" if encoding else f"text, {size}"


def _sign_of(part: Attachment) -> str:
    ending = part.name.rpartition(".")[2] if "." in part.name else ""
    short = ending.upper() if 0 < len(ending) <= 4 and ending.isascii() else ""
    return "PDF" if kind_of(part) is AttachmentKind.PDF else short or "TXT"


def _paint_covering(painter: QPainter, place: QRectF, pixmap: QPixmap) -> None:
    """The middle of the picture, as large as fills the place."""
    side = min(pixmap.width(), pixmap.height())
    source = QRectF((pixmap.width() - side) / 2, (pixmap.height() - side) / 2, side, side)
    painter.save()
    painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
    painter.setClipPath(rounded_path(place, 4))
    painter.fillRect(place, theme().color("code"))
    painter.drawPixmap(place, pixmap, source)
    painter.restore()
