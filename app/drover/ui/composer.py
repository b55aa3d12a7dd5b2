"""Where a message is written: what will be sent, the text, and Send or Stop."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QMimeData, QPointF, QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import (
    QDragEnterEvent,
    QFocusEvent,
    QFontMetricsF,
    QInputMethodEvent,
    QKeyEvent,
    QKeySequence,
    QPainter,
    QPaintEvent,
    QTextBlockFormat,
    QTextCursor,
    QTextOption,
)
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QSizePolicy,
    QTextEdit,
    QVBoxLayout,
    QWidget,
)

from drover.ui import formats
from drover.ui.controls import RADIUS, Button, IconButton, Label, PrimaryButton, QuietButton
from drover.ui.theme import draw_frame, draw_hairline, draw_icon, theme

if TYPE_CHECKING:
    from drover.domain.conversation import Attachment
    from drover.domain.request_outline import RequestLine
    from drover.ui.attachment_shelf import ScrolledShelf
    from drover.ui.composer_question import ComposerQuestion
    from drover.ui.request_view import RequestView
    from drover.ui.thumbnails import Thumbnails

_INSET_PX = 16
_ICON_INSET_PX = 6
"""From the edge of the attach button to its icon, which stands below the text."""
_FRAME_RADIUS = 6
_SHELF_TOP_PX = 10
_TEXT_TOP_PX = 8
_TEXT_BOTTOM_PX = 6
_LEAST_TEXT_PX = 36
_LARGE_CHARS = 20_000
_LONG_RUN = re.compile(r"\S{2000}")
"""Qt breaks a line at words in quadratic time: a megabyte without a space takes half a minute."""
_UNSHOWABLE = re.compile("[\0\ud800-\udfff\ufdd0\ufdd1\ufffc]")
"""NUL, halves of surrogate pairs, and the characters that Qt's documents use as marks of their own."""


class Composer(QWidget):
    """A frame with three parts: the strip, the text, the foot. It sends nothing itself.

    Signals:
        send_requested(): Return or the button, never for blank text
        stop_requested(): Escape or the button while busy
        text_edited(str): by a person, not by `display_draft`
        save_requested(), edit_cancelled(): in edit mode
        copy_requested(): the key that copies, while nothing is selected here
        attach_requested(): files are to be chosen
        pasted(QMimeData): what is pasted is no text, but files or a picture
        attachment_removed(int), attachment_opened(Attachment): of those shown
        answered(str): the choice for the question of `ask`, by its id
        json_toggled(bool): the view of the request was unfolded or folded
        json_copy_requested(): its body is wanted on the clipboard
    """

    send_requested = Signal()
    stop_requested = Signal()
    text_edited = Signal(str)
    save_requested = Signal()
    edit_cancelled = Signal()
    copy_requested = Signal()
    attach_requested = Signal()
    pasted = Signal(object)
    attachment_removed = Signal(int)
    attachment_opened = Signal(object)
    answered = Signal(str)
    json_toggled = Signal(bool)
    json_copy_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._is_busy = False
        self._is_editing = False
        self._plan: list[_Piece] = [_Piece(self.tr("Will be sent"))]
        self._progress: list[_Piece] = []
        self._waiting = ""
        self._strip = _Strip()
        self._json_toggle = _Disclosure(self.tr("JSON"))
        self._json: RequestView | None = None
        self._json_line = QWidget()
        self._shelf: ScrolledShelf | None = None
        self._question: ComposerQuestion | None = None
        self._has_attachments = False
        self._reading_count = 0
        self._edit = _MessageEdit()
        self._edit.setAccessibleName(self.tr("Message"))
        self._attach = IconButton("attach", self.tr("Attach files"))
        self._hint = Label(role="small", token="text-3")
        self._cancel = QuietButton(self.tr("Cancel"))
        self._save = Button(self.tr("Save"))
        self._send = PrimaryButton(self.tr("Send"), icon="send")
        self._stop = _StopButton(self.tr("Stop"), icon="stop")
        for button in (self._cancel, self._save, self._send, self._stop):
            button.setAccessibleName(button.text())
        self._lay_out()
        self._connect()
        self._update()

    def _lay_out(self) -> None:
        self._strip_row = QWidget()
        strip = QHBoxLayout(self._strip_row)
        strip.setContentsMargins(_INSET_PX, 0, 8, 0)
        strip.setSpacing(8)
        strip.addWidget(self._strip, 1)
        strip.addWidget(self._json_toggle)
        foot = QHBoxLayout()
        foot.setContentsMargins(_INSET_PX - _ICON_INSET_PX, 4, 8, 8)
        foot.setSpacing(8)
        foot.addWidget(self._attach)
        foot.addStretch(1)
        foot.addWidget(self._hint)
        foot.addSpacing(4)
        for button in (self._cancel, self._save, self._send, self._stop):
            foot.addWidget(button)
        self._strip_line = QWidget()
        for line in (self._strip_line, self._json_line):
            line.setFixedHeight(1)
        self._json_line.hide()
        layout = self._rows = QVBoxLayout(self)
        layout.setContentsMargins(1, 1, 1, 1)
        layout.setSpacing(0)
        layout.addWidget(self._strip_row)
        layout.addWidget(self._strip_line)
        layout.addWidget(self._json_line)
        layout.addWidget(self._edit)
        layout.addLayout(foot)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        self.setFocusProxy(self._edit)

    def _connect(self) -> None:
        self._edit.textChanged.connect(self._take_text)
        self._edit.return_pressed.connect(self._request_send)
        self._edit.escape_pressed.connect(self._escape)
        self._edit.copy_pressed.connect(self.copy_requested)
        self._edit.look_changed.connect(self.update)
        self._edit.others_pasted.connect(self.pasted)
        self._attach.clicked.connect(self.attach_requested)
        self._send.clicked.connect(self._request_send)
        self._stop.clicked.connect(self.stop_requested)
        self._save.clicked.connect(self.save_requested)
        self._cancel.clicked.connect(self.edit_cancelled)
        self._json_toggle.toggled.connect(self._show_json)
        theme().changed.connect(self._restyle)
        self._restyle()

    @property
    def text(self) -> str:
        """What is written, with line ends as newlines and without what cannot be shown."""
        return self._edit.plain_text

    @property
    def is_json_shown(self) -> bool:
        """Whether the view of the request is unfolded and wants `display_request`."""
        return self._json_toggle.isChecked()

    def take_focus(self) -> None:
        """Moves to the text."""
        self._edit.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def setMaximumTextHeight(self, height_px: int) -> None:
        """How far the text may grow before it scrolls."""
        self._edit.set_most_height(height_px)

    def set_placeholder(self, text: str) -> None:
        """What an empty field says, which names the model. A question about another one has no sense then."""
        if text != self._edit.placeholder:
            self.ask("", [])
            self._edit.set_placeholder(text)

    def set_edit_mode(self, is_editing: bool) -> None:
        """Whether the text replaces an earlier message: then it may be saved without sending."""
        self._is_editing = is_editing
        self._update()

    def display_draft(self, text: str) -> None:
        """Shows a text; the same text leaves cursor and undo history alone."""
        self._edit.set_text(text)
        self._update()

    def display_attachments(self, parts: Sequence[Attachment], thumbnails: Thumbnails) -> None:
        """Shows what goes with the text."""
        if self._shelf is None:
            from drover.ui.attachment_shelf import ScrolledShelf

            self._shelf = ScrolledShelf(thumbnails)
            self._shelf.shelf.removed.connect(self.attachment_removed)
            self._shelf.shelf.opened.connect(self.attachment_opened)
            self._shelf_row = QWidget()
            row = QHBoxLayout(self._shelf_row)
            row.setContentsMargins(_INSET_PX, _SHELF_TOP_PX, _INSET_PX, 0)
            row.addWidget(self._shelf)
            self._rows.insertWidget(self._rows.indexOf(self._edit), self._shelf_row)
        self.ask("", [])
        self._shelf.display(parts)
        self._shelf_row.setVisible(bool(parts))
        self._has_attachments = bool(parts)
        self._update()

    def display_reading(self, count: int) -> None:
        """How many files are being read; nothing is sent meanwhile."""
        self._reading_count = count
        self._update()

    def ask(self, words: str, choices: Sequence[tuple[str, str]]) -> None:
        """Asks something before sending: (id, words) of each choice, of which the first has the keyboard.

        Without choices the question goes.
        """
        if self._question is None:
            if not choices:
                return
            from drover.ui.composer_question import ComposerQuestion

            self._question = ComposerQuestion()
            self._question.answered.connect(self.answered)
            self._rows.insertWidget(self._rows.indexOf(self._edit) + 1, self._question)
        self._question.display(words, choices)

    def display_busy(self, is_busy: bool, words: str = "", measures: str = "") -> None:
        """Whether a reply is arriving: what happens in words, and how far it is."""
        self._is_busy = is_busy
        self._progress = [_Piece(words, token="text-2", has_dot=True), _Piece(measures)]
        self._update()

    def display_waiting(self, words: str) -> None:
        """What of the last reply is waited for; a message may be written instead."""
        if words != self._waiting:
            self._waiting = words
            self._update()

    def display_changes(
        self,
        changes: Sequence[str],
        words: str,
        *,
        is_first: bool = False,
        summary: str = "",
        caution: str = "",
    ) -> None:
        """How the next request differs from the last one, as `formats.change` words it, and how large it is.

        Without changes the summary stands in their place; by default it says that the message goes alone
        (`is_first`) or that the settings are as before. What to beware of stands before everything else.
        """
        self._plan = [_Piece(self.tr("Will be sent")), _Piece(caution, token="caution")]
        if changes:
            self._plan += map(_chip, changes)
        else:
            same = self.tr("the message alone") if is_first else self.tr("same settings")
            self._plan.append(_Piece(summary or same, token="text-2"))
        self._plan.append(_Piece(words))
        self._update()

    def display_request(self, lines: Sequence[RequestLine], adjustments: Sequence[str]) -> None:
        """The body of the request and how it is adjusted to the server, for the unfolded view."""
        if self._json is not None:
            self._json.display(lines, adjustments)

    def confirm_json_copied(self) -> None:
        """The body is on the clipboard."""
        if self._json is not None:
            self._json.confirm_copy()

    def paintEvent(self, event: QPaintEvent) -> None:
        """The frame; its edge, which lies over the hairlines, says whether the text has the focus."""
        painter = QPainter(self)
        edge = "accent" if self._edit.hasFocus() else "border"
        colors = theme()
        frame = QRectF(self.rect())
        draw_frame(painter, frame, _FRAME_RADIUS, fill=colors.color("raised"))
        for line in (self._strip_line, self._json_line):
            if line.isVisible():
                draw_hairline(painter, QPointF(line.pos()), line.width(), colors.color("line"))
        draw_frame(painter, frame, _FRAME_RADIUS, edge=colors.color(edge))
        self._paint_placeholder(painter)
        painter.end()

    def _paint_placeholder(self, painter: QPainter) -> None:
        words, font = self._edit.shown_placeholder, self._edit.font()
        if words:
            metrics = QFontMetricsF(font)
            base = max(float(theme().line_height("body")), metrics.height()) - metrics.descent()
            room = self._edit.width() - 2 * _INSET_PX
            elided = metrics.elidedText(words, Qt.TextElideMode.ElideRight, room)
            painter.setFont(font)
            painter.setPen(theme().color("text-3"))
            first_line = QPointF(self._edit.pos()) + QPointF(_INSET_PX, _TEXT_TOP_PX)
            painter.drawText(first_line + QPointF(0, round(base)), elided)

    def _take_text(self) -> None:
        self._update()
        self.text_edited.emit(self.text)

    def _request_send(self) -> None:
        if self._send.isEnabled():
            self.send_requested.emit()

    def _escape(self) -> None:
        if self._is_busy:
            self.stop_requested.emit()
        elif self._is_editing:
            self.edit_cancelled.emit()

    def _show_json(self, is_shown: bool) -> None:
        if self._json is None:
            from drover.ui.request_view import RequestView

            self._json = RequestView()
            self._json.copy_requested.connect(self.json_copy_requested)
            self._rows.insertWidget(self._rows.indexOf(self._json_line), self._json)
        self._json.setVisible(is_shown)
        self._json_line.setVisible(is_shown)
        self.json_toggled.emit(is_shown)

    def _update(self) -> None:
        has_words = self._edit.has_words
        is_whole = (has_words or self._has_attachments) and not self._reading_count
        self._send.setEnabled(is_whole and not self._is_busy)
        self._save.setEnabled(is_whole)
        self._stop.setEnabled(self._is_busy)
        self._save.setVisible(self._is_editing)
        self._cancel.setVisible(self._is_editing)
        if self._stop.isHidden() == self._is_busy:
            had_focus = self._send.hasFocus() or self._stop.hasFocus()
            self._send.setHidden(self._is_busy)
            self._stop.setVisible(self._is_busy)
            if had_focus:
                self._edit.setFocus()
        self.update()
        self._json_toggle.setText(self.tr("JSON sent") if self._is_busy else self.tr("JSON"))
        self._hint.setText(self._hint_words(has_words))
        if self._is_busy:
            self._strip.display(self._progress)
        elif self._is_editing:
            words = self.tr("Editing an earlier message; sending makes a new version")
            self._strip.display([_Piece(words, token="text-2")])
        elif self._waiting:
            self._strip.display([_Piece(self._waiting, token="text-2", has_dot=True)])
        else:
            self._strip.display(self._plan)

    def _restyle(self) -> None:
        self._strip_row.setFixedHeight(theme().px(32) - 1)
        self.update()

    def _hint_words(self, has_words: bool) -> str:
        if self._reading_count:
            if self._reading_count == 1:
                return self.tr("Reading 1 file…")
            return self.tr("Reading {0} files…").format(formats.whole(self._reading_count))
        if self._is_busy:
            return self.tr("Esc stops")
        if self._is_editing:
            return self.tr("Esc cancels")
        return self.tr("Shift+Return for a new line") if has_words else ""


@dataclass(frozen=True, slots=True)
class _Piece:
    """One piece of the strip: words in a colour, with a dot before them, or in a frame with a sign."""

    text: str
    token: str = "text-3"
    has_dot: bool = False
    is_chip: bool = False
    sign: str = ""


def _chip(text: str) -> _Piece:
    sign = text[0] if text[0] in ("+", formats.MINUS) else ""
    return _Piece(text[2:] if sign else text, token="text", is_chip=True, sign=sign)


class _Strip(Label):
    """Pieces in one line. Chips that find no room are counted at the end; words give way before chips do."""

    _gap = 6
    _dot = 6
    _chip_padding = 7

    def __init__(self) -> None:
        super().__init__(role="small", token="text-3")
        self._pieces: list[_Piece] = []
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Ignored)

    def display(self, pieces: Sequence[_Piece]) -> None:
        shown = [piece for piece in pieces if piece.text]
        if shown != self._pieces:
            self._pieces = shown
            self.setText(", ".join(f"{piece.sign} {piece.text}".strip() for piece in shown))
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        chips = [piece for piece in self._pieces if piece.is_chip]
        left = 0.0
        painted = 0
        for piece in self._pieces:
            if not piece.is_chip:
                left = self._paint_words(painter, piece, left)
                continue
            more = f"+{len(chips) - painted}" if painted + 1 < len(chips) else ""
            reserve = theme().measured("small", more) + self._gap if more else 0
            if painted < 0 or left + self._chip_width(piece) + reserve > self.width():
                if painted >= 0:
                    left = self._paint_words(painter, _Piece(f"+{len(chips) - painted}"), left)
                painted = -1
            else:
                left = self._paint_chip(painter, piece, left)
                painted += 1
        self.setToolTip(self.text() if left > self.width() or painted < 0 else "")
        painter.end()

    def _paint_words(self, painter: QPainter, piece: _Piece, left: float) -> float:
        if piece.has_dot:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme().color("accent"))
            painter.drawEllipse(
                QPointF(left + self._dot / 2, self.height() / 2), self._dot / 2, self._dot / 2
            )
            left += self._dot + 6
        room = self.width() - left
        if room < min(theme().px(32), theme().measured("small", piece.text)):
            return left + theme().measured("small", piece.text) + self._gap
        text = QFontMetricsF(theme().font("small")).elidedText(piece.text, Qt.TextElideMode.ElideRight, room)
        painter.setFont(theme().font("small"))
        painter.setPen(theme().color(piece.token))
        flags = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft
        painter.drawText(QRectF(left, 0, max(0.0, room), self.height()), int(flags), text)
        return left + theme().measured("small", piece.text) + self._gap

    def _chip_width(self, piece: _Piece) -> float:
        sign = self._sign_width(piece)
        return round(theme().measured("wire", piece.text) + sign + 2 * self._chip_padding)

    def _sign_width(self, piece: _Piece) -> float:
        return theme().measured("small", piece.sign) + 4 if piece.sign else 0.0

    def _paint_chip(self, painter: QPainter, piece: _Piece, left: float) -> float:
        height = theme().px(20)
        left = round(left)
        frame = QRectF(left, (self.height() - height) // 2, self._chip_width(piece), height)
        draw_frame(painter, frame, RADIUS, edge=theme().color("track"))
        line = frame.adjusted(self._chip_padding, 0, 0, 0)
        flags = int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft)
        if piece.sign:
            painter.setFont(theme().font("small"))
            painter.setPen(theme().color("text-2"))
            painter.drawText(line, flags, piece.sign)
            line.setLeft(line.left() + self._sign_width(piece))
        painter.setFont(theme().font("wire"))
        painter.setPen(theme().color(piece.token))
        painter.drawText(line, flags, piece.text)
        return frame.right() + self._gap


class _Disclosure(QuietButton):
    """A word and a chevron that says whether what it opens is open."""

    def __init__(self, text: str) -> None:
        super().__init__(text, compact=True)
        self.setCheckable(True)
        self.setAccessibleName(text)

    def sizeHint(self) -> QSize:
        width = self.fontMetrics().horizontalAdvance(self.text()) + 8 + 6 + 7 + theme().px(12)
        # One more than other compact controls: as the strip is, odd, so that both texts share a base line.
        return QSize(width, theme().px(24) + 1)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        is_touched = self.underMouse() or self.isDown()
        if is_touched:
            token = "pressed" if self.isDown() else "hover"
            draw_frame(painter, QRectF(self.rect()), RADIUS, fill=theme().color(token))
        ink = theme().color("text" if is_touched else "text-2")
        painter.setFont(self.font())
        painter.setPen(ink)
        flags = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft
        painter.drawText(self.rect().adjusted(8, 0, -8, 0), flags, self.text())
        side = theme().px(12)
        place = QRectF(self.width() - 7 - side, (self.height() - side) / 2, side, side)
        draw_icon(painter, place, "chevron-up" if self.isChecked() else "chevron-down", ink)
        painter.end()


class _StopButton(Button):
    """Stands where Send stood; the edge is accent because it is the one thing to do."""

    def _look(self) -> tuple[str, str, str]:
        fill, edge, ink = super()._look()
        return fill, "accent" if self.isEnabled() else edge, ink


class _MessageEdit(QTextEdit):
    """Plain text in lines of the body's height. Grows with what is written up to a limit, then scrolls."""

    return_pressed = Signal()
    escape_pressed = Signal()
    copy_pressed = Signal()
    look_changed = Signal()
    others_pasted = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self._most_px = 240
        self._is_composing = False
        self._placeholder = ""
        self.setAcceptRichText(False)
        self.setTabChangesFocus(True)
        self.setProperty("bare", True)
        self.setProperty("hasOwnRing", True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.document().setDocumentMargin(0)
        self._fit_timer = QTimer(self, singleShot=True, interval=0)
        self._fit_timer.timeout.connect(self._fit)
        self.document().documentLayout().documentSizeChanged.connect(self._fit_timer.start)
        theme().changed.connect(self._restyle)
        self._restyle()

    @property
    def plain_text(self) -> str:
        """The text with its no-break spaces, which `toPlainText` would turn into plain ones."""
        return self.document().toRawText().replace("\u2029", "\n").replace("\u2028", "\n")

    @property
    def has_words(self) -> bool:
        """Whether there is anything but white space; looks no further than the first word."""
        block = self.document().begin()
        while block.isValid():
            if block.text().strip():
                return True
            block = block.next()
        return False

    def set_text(self, text: str) -> None:
        """Shows a text without a signal, the cursor behind it; the same text changes nothing."""
        clean = _clean(text)
        if clean == self.plain_text:
            return
        was_blocked = self.blockSignals(True)
        self.document().setUndoRedoEnabled(False)
        self.selectAll()
        self._insert(clean)
        self.document().setUndoRedoEnabled(True)
        self.blockSignals(was_blocked)
        self.moveCursor(QTextCursor.MoveOperation.End)
        self._fit()

    @property
    def placeholder(self) -> str:
        """What stands here while nothing is written."""
        return self._placeholder

    def set_placeholder(self, text: str) -> None:
        """Replaces that."""
        self._placeholder = text
        self.setAccessibleDescription(text)
        self.look_changed.emit()

    def set_most_height(self, height_px: int) -> None:
        """Limit of growth."""
        if height_px != self._most_px:
            self._most_px = height_px
            self._fit()

    def canInsertFromMimeData(self, source: QMimeData) -> bool:
        """Text, or what the owner attaches. Files that are dropped are left to the window."""
        return source.hasText() or source.hasImage() or bool(source.urls())

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Takes text alone."""
        if _is_text(event.mimeData()):
            super().dragEnterEvent(event)
        else:
            event.ignore()

    def insertFromMimeData(self, source: QMimeData) -> None:
        """Inserts the plain text, however long; files and pictures are for the owner."""
        if not _is_text(source):
            self.others_pasted.emit(source)
        else:
            self._insert(_clean(source.text()))
            self.ensureCursorVisible()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Return asks to send, with Shift it breaks the line; not while an input method is composing."""
        is_return = event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
        if is_return and self._is_composing:
            event.accept()
        elif is_return and event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            self.textCursor().insertBlock()
            self.ensureCursorVisible()
        elif is_return:
            self.return_pressed.emit()
        elif event.key() == Qt.Key.Key_Escape:
            self.escape_pressed.emit()
        elif event.matches(QKeySequence.StandardKey.Copy) and not self.textCursor().hasSelection():
            self.copy_pressed.emit()
        else:
            super().keyPressEvent(event)

    def inputMethodEvent(self, event: QInputMethodEvent) -> None:
        """Keeps track of whether a composition is under way."""
        self._is_composing = bool(event.preeditString())
        super().inputMethodEvent(event)
        self.look_changed.emit()

    def focusInEvent(self, event: QFocusEvent) -> None:
        """The frame shows it."""
        super().focusInEvent(event)
        self.look_changed.emit()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """A composition does not survive the loss of focus."""
        self._is_composing = False
        super().focusOutEvent(event)
        self.look_changed.emit()

    @property
    def shown_placeholder(self) -> str:
        """What stands in an empty field; painted by the owner, since Qt's own misses the base line."""
        return self._placeholder if not self._is_composing and self.document().isEmpty() else ""

    def _insert(self, text: str) -> None:
        """Replaces the selection. Long texts are laid out once, at the end."""
        document = self.document()
        is_large = len(text) > _LARGE_CHARS
        if is_large:
            has_long_run = _LONG_RUN.search(text) is not None
            if has_long_run:
                self.setWordWrapMode(QTextOption.WrapMode.WrapAnywhere)
            document.setLayoutEnabled(False)
        self.textCursor().insertText(text)
        if is_large:
            document.setLayoutEnabled(True)

    def _fit(self) -> None:
        is_large = self.document().characterCount() > _LARGE_CHARS
        if not is_large and self.wordWrapMode() == QTextOption.WrapMode.WrapAnywhere:
            self.setWordWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
        # Asking a long document for its size would lay out all of it.
        text_px = self._most_px if is_large else round(self.document().size().height())
        least = theme().px(_LEAST_TEXT_PX)
        height = max(least, min(text_px + _TEXT_TOP_PX + _TEXT_BOTTOM_PX, self._most_px))
        if height != self.height() or height != self.minimumHeight():
            self.setFixedHeight(height)

    def _restyle(self) -> None:
        self.setFont(theme().font("body"))
        self.setViewportMargins(_INSET_PX, _TEXT_TOP_PX, _INSET_PX - 4, _TEXT_BOTTOM_PX)
        line = QTextBlockFormat()
        kind = QTextBlockFormat.LineHeightTypes.MinimumHeight.value
        line.setLineHeight(theme().line_height("body"), kind)
        was_blocked = self.blockSignals(True)
        cursor = QTextCursor(self.document())
        cursor.select(QTextCursor.SelectionType.Document)
        self.document().setUndoRedoEnabled(False)
        cursor.mergeBlockFormat(line)
        self.document().setUndoRedoEnabled(True)
        self.blockSignals(was_blocked)
        self._fit()


def _is_text(source: QMimeData) -> bool:
    """Whether text is meant: a table may come with a picture of itself, a file with its address as text."""
    return source.hasText() and not any(url.isLocalFile() for url in source.urls())


def _clean(text: str) -> str:
    return _UNSHOWABLE.sub("\ufffd", text.replace("\r\n", "\n").replace("\r", "\n"))
