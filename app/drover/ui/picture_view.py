"""A picture in an answer: a placeholder that names its host until a click, then the picture itself."""

from __future__ import annotations

import sys
from bisect import bisect_right
from functools import partial
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

from PySide6.QtCore import QCoreApplication, QPoint, QRect, QRectF, QSaveFile, QSize, Qt, Signal
from PySide6.QtGui import (
    QContextMenuEvent,
    QGuiApplication,
    QImage,
    QKeyEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPixmap,
    QResizeEvent,
)
from PySide6.QtWidgets import QFileDialog, QFrame, QLabel, QWidget

from drover.ui.controls import Button, ElidedLabel, Menu
from drover.ui.find_marks import WidgetHits
from drover.ui.labels import Label
from drover.ui.markdown_inline import Span, SpanKind, parse_inline, safe_link
from drover.ui.markdown_places import Place, Range
from drover.ui.markdown_spans import image_host, image_words, shown_characters, tooltip_text
from drover.ui.pictures import Decoder, Picture, Pictures
from drover.ui.theme import aligned, draw_frame, draw_icon, rounded_region, theme

PLACEHOLDER_PX = 40
"""Height of what stands for a picture, unless its words need more."""
_INSET, _PAD, _GAP, _RADIUS, _ICON = 12, 10, 8, 6, 14
_MOST_TIMES_WIDTH = 2
"""A picture is shown at most so many times as high as the column is wide."""
_TINT = 0.25
_POPUP_PX = 480
_ENDINGS = {"jpeg": ".jpg"}


def shown_size(natural: QSize, width: int) -> QSize:
    """The size at which a picture is shown: as it is, or smaller where the column is narrow."""
    room = QSize(width, _MOST_TIMES_WIDTH * width)
    if natural.width() <= room.width() and natural.height() <= room.height():
        return natural
    return natural.scaled(room, Qt.AspectRatioMode.KeepAspectRatio).expandedTo(QSize(1, 1))


class PictureStack(QWidget):
    """The pictures of one paragraph, below one another. For places each counts as the words for it.

    Signals:
        link_activated(str): open this address
        height_changed(): lay out again
    """

    link_activated = Signal(str)
    height_changed = Signal()

    def __init__(self, text: str, pictures: Pictures, parent: QWidget | None = None) -> None:
        """`text` is a paragraph that holds nothing but images."""
        super().__init__(parent)
        self._views: list[PictureView] = []
        self._starts: list[int] = []
        offset = 0
        for span in parse_inline(text):
            if span.kind is SpanKind.IMAGE:
                view = PictureView(span, pictures, self)
                view.link_activated.connect(self.link_activated)
                view.height_changed.connect(self.height_changed)
                self._views.append(view)
                self._starts.append(offset)
            offset += len(shown_characters(span))
        self._end = offset

    def lay_out(self, width: int) -> int:
        """The height it takes at this width."""
        y = 0
        for view in self._views:
            height = view.lay_out(width)
            view.setGeometry(0, y, width, height)
            y += height + theme().px(_GAP)
        return y - theme().px(_GAP)

    def place_at(self, point: QPoint) -> Place:
        """The place nearest to a point of the widget: before or behind a picture."""
        for view, start in zip(self._views, self._starts, strict=True):
            if point.y() < view.geometry().center().y():
                return Place(0, start)
        return Place(0, self._end)

    def rect_of(self, place: Place) -> QRect:
        """The picture at a place, or as much of a tall one as a placeholder takes."""
        rect = self._views[self._index_of(place)].geometry()
        rect.setHeight(min(rect.height(), theme().px(PLACEHOLDER_PX)))
        return rect

    def select(self, selection: Range | None) -> None:
        """Shows the pictures between two places as selected; a place that is None lies beyond them."""
        for view, first in zip(self._views, self._starts, strict=True):
            is_selected = selection is not None
            if selection is not None:
                start, end = selection
                is_selected = (start is None or start.offset <= first) and (end is None or first < end.offset)
            view.set_selected(is_selected)

    def mark(self, hits: WidgetHits | None) -> None:
        """Frames the pictures in whose words are hits, one of them stronger; None frames nothing."""
        found = hits.near(Place(0, 0), Place(0, sys.maxsize)) if hits is not None else []
        marks = {self._index_of(start): "hit" for start, _, _ in found}
        marks |= {self._index_of(start): "accent" for start, _, is_current in found if is_current}
        for index, view in enumerate(self._views):
            view.set_mark(marks.get(index, ""))

    def _index_of(self, place: Place) -> int:
        return max(0, bisect_right(self._starts, place.offset) - 1)

    def sizeHint(self) -> QSize:
        """Its present size; the owner lays it out."""
        return self.size()


class PictureView(QWidget):
    """One picture.

    Signals:
        link_activated(str): open this address
        height_changed(): lay out again
    """

    link_activated = Signal(str)
    height_changed = Signal()

    def __init__(
        self, span: Span, pictures: Pictures, parent: QWidget | None = None, *, has_frame: bool = True
    ) -> None:
        """Without a frame of its own it stands in one."""
        super().__init__(parent)
        self._span = span
        self._pictures = pictures
        self._has_frame = has_frame
        self._picture = pictures.picture(span.link)
        self._canvas: _Canvas | None = None
        self._is_selected, self._mark = False, ""
        self._words = ElidedLabel("", token="text-2", parent=self)
        self._alternative = ElidedLabel(" ".join(span.text.split()), token="text-3", parent=self)
        self._trouble = Label("", token="text-2", parent=self)
        self._trouble.setWordWrap(True)
        self._button = Button("", compact=True, parent=self)
        self._button.clicked.connect(self._fetch)
        self._decoder: Decoder | None = None
        pictures.changed.connect(self._take)
        self._show_state()

    @property
    def picture(self) -> Picture:
        """What is known of it."""
        return self._picture

    @property
    def is_shown(self) -> bool:
        """Whether the picture itself stands here, and not words about it."""
        return self._canvas is not None

    def lay_out(self, width: int) -> int:
        """The height it takes at this width; known before anything is decoded."""
        if self._canvas is not None:
            size = shown_size(self._picture.size, width)
            self._canvas.setGeometry(0, 0, size.width(), size.height())
            self._canvas.want(size)
            return size.height()
        return self._place_words(width)

    def sizeHint(self) -> QSize:
        """Its present size; the owner lays it out."""
        return self.size()

    def set_selected(self, is_selected: bool) -> None:
        """Shows it as part of a selection."""
        self._is_selected = is_selected
        self._show_tint()

    def set_mark(self, token: str) -> None:
        """Frames it in a colour of the theme; empty for none."""
        self._mark = token
        self._show_tint()

    def _show_tint(self) -> None:
        if self._canvas is not None:
            self._canvas.set_tint(is_selected=self._is_selected, mark=self._mark)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """The dashed frame of what is not shown."""
        if self._canvas is not None:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        pen = QPen(theme().color(self._mark or "border"), 2 if self._mark else 1)
        pen.setDashPattern([3, 3])
        painter.setPen(pen)
        if self._is_selected:
            painter.setBrush(theme().color("select"))
        half = pen.widthF() / 2
        frame = aligned(painter, QRectF(self.rect())).adjusted(half, half, -half, -half)
        if self._has_frame:
            painter.drawRoundedRect(frame, _RADIUS, _RADIUS)
        if self._picture.trouble:
            side = theme().px(_ICON)
            top = self._trouble.y() + (theme().line_height("ui") - side) / 2
            icon = QRectF(theme().px(_INSET), top, side, side)
            draw_icon(painter, icon, "warning", theme().color("caution"))
        painter.end()

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """What can be done with it, without stopping anything that streams."""
        menu = Menu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        if self._canvas is not None:
            menu.addAction(self.tr("Save as…")).triggered.connect(self._save_as)
            menu.addAction(self.tr("Copy image")).triggered.connect(self._copy)
        if safe_link(self._span.link):
            menu.addAction(self.tr("Open link")).triggered.connect(self._open_link)
        if menu.actions():
            menu.popup(event.globalPos())
        else:
            menu.deleteLater()

    # What is known

    def _take(self, url: str) -> None:
        if url == self._span.link:
            self._picture = self._pictures.picture(url)
            self._show_state()
            self.height_changed.emit()

    def _show_state(self) -> None:
        picture = self._picture
        if picture.size.isValid() and not picture.trouble:
            self._show_canvas()
            return
        if self._canvas is not None:
            self._canvas.hide()
            self._canvas.deleteLater()
            self._canvas = None
        host = image_host(self._span.link)
        words = self.tr("Fetching the image from {0}…") if picture.is_fetching else self.tr("Image from {0}")
        self._words.setText(words.format(host))
        self._words.setVisible(not picture.trouble)
        self._alternative.setVisible(not picture.trouble and bool(self._alternative.text()))
        self._trouble.setText(picture.trouble)
        self._trouble.setVisible(bool(picture.trouble))
        self._button.setText(self._button_words())
        self._button.setVisible(bool(picture.address) and not picture.is_fetching)
        self._button.setAccessibleDescription(image_words(self._span))
        told = picture.trouble or self._words.text()
        self.setAccessibleName(", ".join(filter(None, (self._span.text.strip(), told))))
        address = self._span.link if safe_link(self._span.link) else ""
        self.setToolTip(tooltip_text(address))
        self.update()

    def _button_words(self) -> str:
        picture = self._picture
        if not picture.trouble:
            return self.tr("Fetch once")
        if picture.address == self._span.link:
            return self.tr("Retry")
        host = image_host(picture.address)
        is_elsewhere = host != image_host(self._span.link)
        return self.tr("Fetch from {0}").format(host) if is_elsewhere else self.tr("Fetch from there")

    def _show_canvas(self) -> None:
        for part in (self._words, self._alternative, self._trouble, self._button):
            part.hide()
        if self._canvas is None:
            self._canvas = _Canvas(self._picture, self)
            self._canvas.failed.connect(self._give_up)
            self._show_tint()
            self._canvas.show()
        name = self._span.text.strip() or self.tr("Image")
        self._canvas.setAccessibleName(name)
        self.setAccessibleName("")
        self.setToolTip(tooltip_text(self._span.text.strip()))
        if self.window().focusWidget() is self:
            self._canvas.setFocus(Qt.FocusReason.OtherFocusReason)

    def _give_up(self) -> None:
        self._picture = Picture(trouble=self.tr("The picture is broken."))
        self._show_state()
        self.height_changed.emit()

    def _place_words(self, width: int) -> int:
        scale, button = theme().px, self._button.sizeHint()
        has_button = bool(self._picture.address) and not self._picture.is_fetching
        right = width - (scale(PLACEHOLDER_PX) - button.height()) // 2
        left, least = scale(_INSET), scale(PLACEHOLDER_PX)
        room = (right - button.width() - _PAD if has_button else width - left) - left
        height = least
        if self._picture.trouble:
            left += scale(_ICON + _GAP)
            room = max(40, room - scale(_ICON + _GAP))
            text = max(theme().line_height("ui"), self._trouble.heightForWidth(room))
            height = max(least, text + 2 * scale(_PAD))
            self._trouble.setGeometry(left, (height - text) // 2, room, text)
        else:
            words = min(room, self._words.sizeHint().width())
            self._words.setGeometry(left, 0, max(0, words), height)
            self._alternative.setGeometry(left + words + _GAP, 0, max(0, room - words - _GAP), height)
        self._button.setGeometry(
            right - button.width(), (height - button.height()) // 2, button.width(), button.height()
        )
        return height

    # What a person does

    def _fetch(self) -> None:
        self.setFocus(Qt.FocusReason.OtherFocusReason)  # the button goes; the next one must not be hit
        self._pictures.fetch(self._span.link)

    def _open_link(self) -> None:
        self.link_activated.emit(self._span.link)

    def _save_as(self) -> None:
        home = self.window()
        # A popup goes as soon as the dialog comes.
        owner = home.parentWidget() if isinstance(home, PicturePopup) else home
        dialog = QFileDialog(owner, self.tr("Save the image"))
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setFileMode(QFileDialog.FileMode.AnyFile)
        dialog.selectFile(file_name(self._span.link, self._picture.format))
        dialog.fileSelected.connect(partial(_save, self._picture, self._pictures))
        dialog.open()

    def _copy(self) -> None:
        self._decoder = Decoder(self)
        self._decoder.decoded.connect(self._put_on_clipboard)
        self._decoder.decode(self._picture, self._picture.size)

    def _put_on_clipboard(self, image: QImage) -> None:
        if not image.isNull():
            QGuiApplication.clipboard().setImage(image)


class PicturePopup(QFrame):
    """Offers an image of running text in a card beside it; Esc and a click elsewhere close it.

    Signals:
        link_activated(str): open this address
    """

    link_activated = Signal(str)

    def __init__(self, span: Span, pictures: Pictures, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setAccessibleName(image_words(span))
        self._place = QPoint()
        self._view = PictureView(span, pictures, self, has_frame=False)
        self._view.link_activated.connect(self._open_link)
        self._view.height_changed.connect(self._lay_out)

    def show_at(self, place: QPoint) -> None:
        """Opens below a place of the screen, or above it where there is no room."""
        self._place = place
        self._lay_out()
        self.show()
        self.setFocus(Qt.FocusReason.PopupFocusReason)
        self.focusNextChild()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """The corners follow the size."""
        super().resizeEvent(event)
        self.setMask(rounded_region(self.rect(), _RADIUS))

    def paintEvent(self, event: QPaintEvent) -> None:
        """The surface and edge of a menu."""
        painter = QPainter(self)
        fill, edge = theme().color("raised"), theme().color("border")
        draw_frame(painter, QRectF(self.rect()), _RADIUS, fill=fill, edge=edge)
        painter.end()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Esc closes."""
        if event.key() == Qt.Key.Key_Escape:
            self.close()
        else:
            super().keyPressEvent(event)

    def _lay_out(self) -> None:
        screen = self.screen().availableGeometry()
        width = min(theme().px(_POPUP_PX), screen.width() // 2)
        if self._view.is_shown:
            most = min(width, screen.height() // (_MOST_TIMES_WIDTH + 1))
            width = shown_size(self._view.picture.size, most).width()
        height = self._view.lay_out(width)
        pad = _GAP if self._view.is_shown else 0
        self._view.setGeometry(pad, pad, width, height)
        self.resize(width + 2 * pad, height + 2 * pad)
        x = min(self._place.x(), screen.right() - self.width())
        y = self._place.y() + _GAP
        if y + self.height() > screen.bottom():
            y = max(screen.top(), self._place.y() - _GAP - self.height())
        self.move(max(screen.left(), x), y)

    def _open_link(self, url: str) -> None:
        self.close()
        self.link_activated.emit(url)


class _Canvas(QLabel):
    """The picture itself: an image for assistive technology, decoded when it is first laid out.

    Signals:
        failed(): the data are broken
    """

    failed = Signal()

    def __init__(self, picture: Picture, parent: QWidget) -> None:
        super().__init__(parent)
        self._picture = picture
        self._decoder = Decoder(self)
        self._decoder.decoded.connect(self._take)
        self._wanted = QSize()
        self._is_selected, self._mark = False, ""
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def set_tint(self, *, is_selected: bool, mark: str) -> None:
        """How it stands out: selected, framed in a colour of the theme, neither, or both."""
        self._is_selected, self._mark = is_selected, mark
        self.update()

    def want(self, size: QSize) -> None:
        """Decodes an image of this size in logical pixels, or as large as there is, if none is there yet."""
        exact = (size * self.devicePixelRatioF()).boundedTo(self._picture.size)
        if exact.width() > self._wanted.width() or exact.height() > self._wanted.height():
            self._wanted = exact
            self._decoder.decode(self._picture, exact)

    def paintEvent(self, event: QPaintEvent) -> None:
        """The picture; until it is decoded the room for it."""
        painter = QPainter(self)
        pixmap = self.pixmap()
        if pixmap.isNull():
            draw_frame(painter, QRectF(self.rect()), _RADIUS, fill=theme().color("code"))
        else:
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            painter.drawPixmap(self.rect(), pixmap)
        if self._is_selected:
            tint = theme().color("accent")
            tint.setAlphaF(_TINT)
            painter.fillRect(self.rect(), tint)
        if self._mark:
            draw_frame(painter, QRectF(self.rect()), 0, edge=theme().color(self._mark), width=3)
        painter.end()

    def _take(self, image: QImage) -> None:
        if image.isNull():
            self.failed.emit()
        else:
            self.setPixmap(QPixmap.fromImage(image))


def _save(picture: Picture, pictures: Pictures, path: str) -> None:
    """Writes the file as it was received; tells where that fails."""
    file = QSaveFile(path)
    is_open = file.open(QSaveFile.OpenModeFlag.WriteOnly)
    if not is_open or file.write(picture.file) < 0 or not file.commit():
        words = QCoreApplication.translate("pictures", "The image was not saved: {0}.")
        pictures.noticed.emit(words.format(file.errorString()))


def file_name(url: str, kind: str) -> str:
    """What to call a saved picture: the last part of its address, with the ending of what it really is."""
    path = "" if url[:5].lower() == "data:" else unquote(urlsplit(url).path)
    stem = PurePosixPath(path).stem
    name = "".join(letter if letter.isalnum() or letter in "-_ ." else "_" for letter in stem).strip(" .")
    return (name[:80] or "image") + _ENDINGS.get(kind, f".{kind}")
