"""Pictures of answers: which have been fetched, in this session and by a click, and how they are decoded.

Nothing is ever fetched unasked, and nothing is kept on disk. What a picture may cost is limited before it is
decoded: by the length of its data and by the size that its header tells.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import (
    QBuffer,
    QByteArray,
    QCoreApplication,
    QIODevice,
    QLoggingCategory,
    QObject,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QImage, QImageIOHandler, QImageReader

from drover.domain.pictures import picture_format
from drover.ui import formats
from drover.ui.markdown_spans import image_host
from drover.ui.off_thread import OffThread

if TYPE_CHECKING:
    from drover.ui.thumbnails import Thumbnails

MOST_DATA_CHARS = 5_000_000
"""A picture inside an answer that is written with more characters is not shown."""
MOST_PIXELS = 50_000_000
"""Of four bytes each; what takes more memory to decode is not shown."""
_MOST_KEPT_BYTES = 64_000_000
_HEADER_CHARS = 64_000
_DATA = re.compile(r"data:image/([\w.+-]{1,40})((?:;[\w=.-]{1,80}){0,4}),", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """What is known of a picture. It can be shown once `size` is valid."""

    address: str = ""
    """What a click would fetch; empty where there is nothing to fetch."""
    is_fetching: bool = False
    trouble: str = ""
    """Why it is not shown, as a sentence."""
    raw: bytes | str = b""
    """The file, or its base64."""
    format: str = ""
    size: QSize = field(default_factory=QSize)
    """In pixels, upright."""

    @property
    def file(self) -> bytes:
        """The file as received; empty if its base64 is broken."""
        if isinstance(self.raw, bytes):
            return self.raw
        try:
            return base64.b64decode(self.raw + "=" * (-len(self.raw) % 4))
        except (binascii.Error, ValueError):
            return b""


class Pictures(QObject):
    """The pictures of this session by their address, the longest unused forgotten first.

    Signals:
        fetch_requested(str, str): (address as the answer names it, address to ask now), after a click
        changed(str): what is known of the picture with this address is another
        noticed(str): something went wrong that a person should be told
    """

    fetch_requested = Signal(str, str)
    changed = Signal(str)
    noticed = Signal(str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        quiet_decoders()
        self.thumbnails: Callable[[], Thumbnails] = partial(_own_thumbnails, self)
        """Gives those of the attachments."""
        self._known: OrderedDict[str, Picture] = OrderedDict()

    def picture(self, url: str) -> Picture:
        """What is known of the picture with this address."""
        if url[:5].lower() == "data:":
            return _held(url)
        if url not in self._known:
            return Picture(address=url)
        self._known.move_to_end(url)
        return self._known[url]

    def fetch(self, url: str) -> None:
        """Asks for the picture, because a person has clicked."""
        known = self.picture(url)
        if known.address and not known.is_fetching:
            self._note(url, replace(known, is_fetching=True, trouble=""))
            self.fetch_requested.emit(url, known.address)

    def receive(self, url: str, raw: bytes) -> None:
        """The file has come."""
        self._note(url, _examined(raw))

    def fail(self, url: str, sentence: str, address: str) -> None:
        """It has not; `address` is what another click would ask for, empty for nothing."""
        self._note(url, Picture(address=address, trouble=sentence))

    def redirect(self, url: str, address: str, location: str) -> None:
        """The host of `address` names another one, which only a further click asks."""
        host, other = image_host(address), image_host(location)
        if not location.lower().startswith(("http://", "https://")) or not other:
            self.fail(url, _tr("{0} redirects to what is no address of the web.").format(host), "")
        elif host == other:
            self.fail(url, _tr("{0} redirects to another of its addresses.").format(host), location)
        else:
            self.fail(url, _tr("{0} redirects to {1}.").format(host, other), location)

    def _note(self, url: str, picture: Picture) -> None:
        self._known[url] = picture
        self._known.move_to_end(url)
        kept_bytes = sum(len(known.raw) for known in self._known.values())
        for other in list(self._known):
            if kept_bytes <= _MOST_KEPT_BYTES:
                break
            if other != url and self._known[other].raw:
                kept_bytes -= len(self._known.pop(other).raw)
                self.changed.emit(other)
        self.changed.emit(url)


def _own_thumbnails(parent: QObject) -> Thumbnails:
    from drover.ui.thumbnails import Thumbnails

    return Thumbnails(parent)


def quiet_decoders() -> None:
    """What is wrong with a picture is said in its place; whoever made it is not to write into the log."""
    QLoggingCategory.setFilterRules("qt.gui.imageio*=false")


class Decoder(QObject):
    """Decodes one picture at a time on a thread of Qt's pool, for one view.

    Signals:
        decoded(QImage): null if the data are broken
    """

    decoded = Signal(object)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._work = OffThread(self)
        self._work.done.connect(self.decoded)

    def decode(self, picture: Picture, size: QSize) -> None:
        """Decodes at this size, no larger than the picture; an earlier request is dropped."""
        self._work.start(partial(decoded, picture, size))

    def decode_within(self, raw: bytes, most: QSize) -> None:
        """Decodes what `covering` gives for a file; an earlier request is dropped."""
        self._work.start(partial(covering, raw, most))


def covering(raw: bytes, least: QSize) -> QImage:
    """The first frame of a file, scaled down so that it just covers this size, no side longer than four times
    that; null for what cannot be shown."""
    picture = _examined(raw)
    if picture.size.isEmpty():
        return QImage()
    size = picture.size.scaled(least, Qt.AspectRatioMode.KeepAspectRatioByExpanding)
    size = size.boundedTo(least * 4).boundedTo(picture.size)
    return decoded(picture, size.expandedTo(QSize(1, 1)))


def decoded(picture: Picture, size: QSize) -> QImage:
    """The picture, upright, scaled to this size; null if it is broken."""
    buffer = QBuffer()
    reader = _reader(buffer, picture.file, picture.format)
    reader.setScaledSize(size.transposed() if _is_turned(reader) else size)
    return reader.read()


def _examined(raw: bytes | str) -> Picture:
    """What the header of a file tells."""
    picture = Picture(raw=raw)
    # Most headers are short, and decoding megabytes of base64 would be felt.
    starts = (raw[:_HEADER_CHARS], raw) if isinstance(raw, str) else (raw,)
    trouble = ""
    for start in starts:
        file = replace(picture, raw=start).file
        kind = picture_format(file)
        if not kind:
            return Picture(trouble=_tr("The data are no PNG, JPEG, WebP or GIF picture."))
        buffer = QBuffer()
        reader = _reader(buffer, file, kind)
        # Qt tells the size of a GIF's first frame, but makes an image of the whole screen.
        size = reader.size() if kind != "gif" else _screen_of_gif(file)
        trouble = _trouble_with(size, reader.imageFormat())
        if not size.isEmpty():
            size = size.transposed() if _is_turned(reader) else size
            break
    return Picture(trouble=trouble) if trouble else replace(picture, format=kind, size=size)


def _held(url: str) -> Picture:
    """A picture that the answer itself holds."""
    match = _DATA.match(url)
    kind = match.group(1).lower() if match else ""
    if kind.startswith("svg"):
        return Picture(trouble=_tr("A drawing in SVG, which may hold scripts, is not shown."))
    if match is None or ";base64" not in match.group(2).lower():
        return Picture(trouble=_tr("The data of the image cannot be read."))
    if len(url) > MOST_DATA_CHARS:
        size, most = formats.size(len(url)), formats.size(MOST_DATA_CHARS)
        return Picture(trouble=_tr("The image takes {0} of text; up to {1} are shown.").format(size, most))
    return _examined(url[match.end() :])


def _reader(buffer: QBuffer, file: bytes, kind: str) -> QImageReader:
    """Reads this format only, whatever the bytes pretend to be."""
    buffer.setData(QByteArray(file))
    buffer.open(QIODevice.OpenModeFlag.ReadOnly)
    reader = QImageReader(buffer, QByteArray(kind.encode()))
    reader.setAutoDetectImageFormat(False)
    reader.setAutoTransform(True)
    return reader


def _is_turned(reader: QImageReader) -> bool:
    return bool(reader.transformation() & QImageIOHandler.Transformation.TransformationRotate90)


def _screen_of_gif(file: bytes) -> QSize:
    return QSize(int.from_bytes(file[6:8], "little"), int.from_bytes(file[8:10], "little"))


def _trouble_with(size: QSize, image_format: QImage.Format) -> str:
    """Why a picture with such a header is not decoded; empty if it may be."""
    if size.isEmpty():
        return _tr("The picture is broken.")
    is_known = image_format != QImage.Format.Format_Invalid
    bytes_each = max(4, QImage.toPixelFormat(image_format).bitsPerPixel() // 8 if is_known else 0)
    if size.width() * size.height() * bytes_each > MOST_PIXELS * 4:
        words = _tr("The picture is too large to show: {0} × {1} pixels.")
        return words.format(formats.whole(size.width()), formats.whole(size.height()))
    return ""


def _tr(text: str) -> str:
    return QCoreApplication.translate("pictures", text)
