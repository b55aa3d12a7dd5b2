"""Small pictures of attachments: read one after the other, decoded on another thread, kept while they fit."""

from __future__ import annotations

from collections import OrderedDict, deque
from typing import Final

from PySide6.QtCore import QObject, QSize, Signal
from PySide6.QtGui import QImage, QPixmap

from drover.domain.conversation import ImagePart
from drover.ui.pictures import Decoder, quiet_decoders
from drover.ui.theme import theme

SIDE_PX: Final = 36
_MOST_KEPT: Final = 300
_MOST_RATIO: Final = 2.0
"""Of device pixels to logical ones: more would not be seen at this size."""


class Thumbnails(QObject):
    """Thumbnails by the hash of the picture, the longest unused forgotten first.

    Signals:
        wanted(str): the bytes with this hash are to be given to `receive`, or `fail` told; one at a time
        ready(str): `pixmap` knows the picture with this hash, or that it cannot be shown
    """

    wanted = Signal(str)
    ready = Signal(str)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        quiet_decoders()
        self._known: OrderedDict[str, QPixmap] = OrderedDict()
        self._waiting: deque[str] = deque()
        self._current = ""
        self._decoder = Decoder(self)
        self._decoder.decoded.connect(self._take)

    def pixmap(self, part: ImagePart) -> QPixmap | None:
        """The thumbnail, null where there can be none; None as long as it is not there, which asks for it."""
        if part.hash in self._known:
            self._known.move_to_end(part.hash)
            return self._known[part.hash]
        if part.hash != self._current and part.hash not in self._waiting:
            self._waiting.append(part.hash)
            self._go_on()
        return None

    def receive(self, digest: str, raw: bytes) -> None:
        """The bytes of the picture that was wanted."""
        if digest == self._current:
            side = round(theme().px(SIDE_PX) * _MOST_RATIO)
            self._decoder.decode_within(raw, QSize(side, side))

    def fail(self, digest: str) -> None:
        """They are gone."""
        if digest == self._current:
            self._take(QImage())

    def _go_on(self) -> None:
        if not self._current and self._waiting:
            self._current = self._waiting.popleft()
            self.wanted.emit(self._current)

    def _take(self, image: QImage) -> None:
        digest, self._current = self._current, ""
        self._known[digest] = QPixmap.fromImage(image)
        while len(self._known) > _MOST_KEPT:
            self._known.popitem(last=False)
        self.ready.emit(digest)
        self._go_on()
