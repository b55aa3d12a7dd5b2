"""One attachment, looked at: the picture, the text, or what is known of a document; to be saved if wanted."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QSaveFile, QSize, Qt
from PySide6.QtGui import QImage, QPixmap
from PySide6.QtWidgets import QFileDialog, QLabel, QPlainTextEdit, QWidget

from drover.domain.attachments import AttachmentKind, kind_of, text_of
from drover.domain.conversation import Attachment, FilePart, ImagePart
from drover.ui.attachment_shelf import details_of
from drover.ui.code_view import make_plain
from drover.ui.controls import Button, QuietButton
from drover.ui.framed_dialog import FramedDialog, words_label
from drover.ui.pictures import Decoder
from drover.ui.theme import theme

_WIDTH_PX: Final = 720
_TEXT_PX: Final = 300
_MOST_TEXT_CHARS: Final = 200_000


class AttachmentDialog(FramedDialog):
    """Shows the bytes of an attachment without giving them to any other program."""

    def __init__(self, part: Attachment, raw: bytes, parent: QWidget) -> None:
        super().__init__(part.name, parent, width_px=_WIDTH_PX)
        self._part, self._raw = part, raw
        details = words_label(token="text-2")
        details.setText(details_of(part))
        self._picture = QLabel()
        self._most = QSize()
        if isinstance(part, ImagePart):
            self._show_picture(part)
        elif kind_of(part) is AttachmentKind.TEXT:
            self._show_text(part)
        self.body.addWidget(details)
        save, close = QuietButton(self.tr("Save as…")), Button(self.tr("Close"))
        save.clicked.connect(self._ask_where)
        close.clicked.connect(self.close)
        for button in (save, close):
            button.setAccessibleName(button.text())
        self.foot.addWidget(save)
        self.foot.addStretch(1)
        self.foot.addWidget(close)
        close.setFocus()

    def _show_picture(self, part: ImagePart) -> None:
        screen = self.screen().availableGeometry()
        most = QSize(min(theme().px(_WIDTH_PX) - 48, screen.width() // 2), screen.height() // 2)
        size = QSize(part.width_px, part.height_px)
        self._most = size if size.width() <= most.width() and size.height() <= most.height() else most
        shown = size.scaled(self._most, Qt.AspectRatioMode.KeepAspectRatio).expandedTo(QSize(1, 1))
        self._picture.setFixedSize(shown)
        self._picture.setAccessibleName(part.name)
        self._picture.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.body.addWidget(self._picture, 0, Qt.AlignmentFlag.AlignHCenter)
        decoder = Decoder(self)
        decoder.decoded.connect(self._take)
        decoder.decode_within(self._raw, shown * self.devicePixelRatioF())

    def _show_text(self, part: FilePart) -> None:
        view = _TextView()
        make_plain(view)
        view.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAsNeeded)
        view.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        view.setFont(theme().font("code"))
        view.setAccessibleName(part.name)
        text = text_of(part, self._raw)
        view.setPlainText(text[:_MOST_TEXT_CHARS].replace("\0", "\ufffd"))
        self.body.addWidget(view, 1)

    def _take(self, image: QImage) -> None:
        if image.isNull():
            self._picture.setText(self.tr("This picture is broken, or too large to be shown."))
            self._picture.setWordWrap(True)
            self._picture.setFixedSize(theme().px(_WIDTH_PX) - 48, theme().px(72))
            return
        ratio = self.devicePixelRatioF()
        shown = image.scaled(
            self._picture.size() * ratio,
            Qt.AspectRatioMode.KeepAspectRatio,
            Qt.TransformationMode.SmoothTransformation,
        )
        shown.setDevicePixelRatio(ratio)
        self._picture.setPixmap(QPixmap.fromImage(shown))

    def _ask_where(self) -> None:
        dialog = QFileDialog(self, self.tr("Save attachment"))
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.selectFile(self._part.name)
        dialog.fileSelected.connect(self._save)
        dialog.open()

    def _save(self, path: str) -> None:
        file = QSaveFile(path)
        is_open = file.open(QSaveFile.OpenModeFlag.WriteOnly)
        if not is_open or file.write(self._raw) < 0 or not file.commit():
            from PySide6.QtWidgets import QToolTip

            words = self.tr("The file was not saved: {0}.").format(file.errorString())
            QToolTip.showText(self.mapToGlobal(self.rect().center()), words, self)


class _TextView(QPlainTextEdit):
    """Some lines high; a fixed height would be undone by the style sheet."""

    def sizeHint(self) -> QSize:
        return QSize(theme().px(_WIDTH_PX), theme().px(_TEXT_PX))
