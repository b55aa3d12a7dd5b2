"""A block of code: its language, Wrap and Copy on a quiet header, highlighted once it is complete."""

from __future__ import annotations

import math

from PySide6.QtCore import QPoint, QPointF, QRect, QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import (
    QFontMetricsF,
    QGuiApplication,
    QKeyEvent,
    QPainter,
    QPaintEvent,
    QTextBlock,
    QTextBlockFormat,
    QTextCharFormat,
    QTextCursor,
    QTextDocument,
    QTextOption,
    QWheelEvent,
)
from PySide6.QtWidgets import QFrame, QPlainTextEdit, QTextEdit, QWidget

from drover.ui.controls import ElidedLabel, QuietButton
from drover.ui.find_marks import HitRange, HitsIn, WidgetHits, paint_hits, positions_at
from drover.ui.highlighting import Highlighter, code_question, language_name, language_question
from drover.ui.markdown_look import clean_code
from drover.ui.markdown_places import Place, Range, utf16_length, utf16_prefix
from drover.ui.markdown_text import (
    OwnerSelects,
    bring_sideways,
    is_selecting_key,
    rest_cursor,
    scroll_sideways,
    select_positions,
)
from drover.ui.theme import aligned, draw_frame, theme
from drover.ui.typesetter import CODE
from drover.ui.typesetting import Question, typesetting

MAX_LINES = 5000
"""Longer code is neither highlighted nor laid out whole: it scrolls inside a fixed height."""
_MAX_LINE = 5000
_MAX_HIGHLIGHTED = 400_000
_TALLEST = 600
_HEADER, _INSET_X, _INSET_Y, _BAR, _RADIUS = 32, 12, 10, 12, 6
_COPIED_MS = 1500


class _PaintsHits(OwnerSelects):
    """A part of an editor of code that colours hits over its text."""

    hits_in: HitsIn | None = None
    """Tells which hits to colour, if there may be any."""

    def paintEvent(self, event: QPaintEvent) -> None:
        """The code, and the hits in it."""
        super().paintEvent(event)  # type: ignore[misc]
        if self.hits_in is not None:
            painter = QPainter(self.viewport())  # type: ignore[attr-defined]
            hits, document = self.hits_in(event.rect()), self.document()  # type: ignore[attr-defined]
            paint_hits(painter, document, hits, self._origin_of, is_behind=False)
            painter.end()

    def _origin_of(self, block: QTextBlock) -> QPointF:
        """The top left corner of a line, in the viewport."""
        raise NotImplementedError


class _CodeText(_PaintsHits, QTextEdit):
    """The code itself: read-only, sideways scrolling."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        make_plain(self)
        self.setLineWrapMode(QTextEdit.LineWrapMode.FixedPixelWidth)
        self.document().setDocumentMargin(0)

    def _origin_of(self, block: QTextBlock) -> QPointF:
        corner = self.document().documentLayout().blockBoundingRect(block).topLeft()
        return corner - QPointF(self.horizontalScrollBar().value(), 0)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Up and down belong to the transcript."""
        scroll_sideways(self, event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Keys that scroll the transcript are left to it."""
        if event.key() in _TRANSCRIPT_KEYS or (self.leaves_selecting and is_selecting_key(event)):
            event.ignore()
        else:
            super().keyPressEvent(event)


class _LongCodeText(_PaintsHits, QPlainTextEdit):
    """Very long code: lines are laid out as they come into view; scrolls inside."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        make_plain(self)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAsNeeded)
        self.document().setDocumentMargin(0)

    def _origin_of(self, block: QTextBlock) -> QPointF:
        return self.blockBoundingGeometry(block).translated(self.contentOffset()).topLeft()

    def bring_into_view(self, cursor: QTextCursor) -> None:
        """Scrolls, if it must, so that the line of the cursor is in the middle."""
        bar, line = self.verticalScrollBar(), cursor.block().firstLineNumber()
        if not bar.value() <= line < bar.value() + bar.pageStep():
            bar.setValue(line - bar.pageStep() // 2)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Scrolls inside; keys that select may be for the owner."""
        if self.leaves_selecting and is_selecting_key(event):
            event.ignore()
        else:
            super().keyPressEvent(event)


_TRANSCRIPT_KEYS = (
    Qt.Key.Key_PageUp, Qt.Key.Key_PageDown, Qt.Key.Key_Home, Qt.Key.Key_End, Qt.Key.Key_Up, Qt.Key.Key_Down,
    Qt.Key.Key_Space,
)  # fmt: skip


def line_height(editor: QPlainTextEdit) -> int:
    """How high a line of it is laid out, in pixels: Qt rounds up, but the spacing of its whole metrics to the
    nearest."""
    return math.ceil(QFontMetricsF(editor.font()).lineSpacing())


def make_plain(edit: QTextEdit | QPlainTextEdit) -> None:
    """Read-only, frameless, in the code font, without wrapping."""
    edit.setProperty("bare", True)
    edit.setFrameShape(QFrame.Shape.NoFrame)
    edit.setReadOnly(True)
    edit.setUndoRedoEnabled(False)
    edit.setTabChangesFocus(True)
    edit.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
    edit.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    edit.setWordWrapMode(QTextOption.WrapMode.NoWrap)
    flags = Qt.TextInteractionFlag
    edit.setTextInteractionFlags(flags.TextSelectableByMouse | flags.TextSelectableByKeyboard)
    edit.viewport().setAutoFillBackground(False)
    edit.setLayoutDirection(Qt.LayoutDirection.LeftToRight)
    option = edit.document().defaultTextOption()
    option.setTextDirection(Qt.LayoutDirection.LeftToRight)
    edit.document().setDefaultTextOption(option)


def make_wrapped(edit: QPlainTextEdit) -> None:
    """As `make_plain`, but with lines that wrap, and no margin: its owner lays it out."""
    make_plain(edit)
    edit.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    edit.setLineWrapMode(QPlainTextEdit.LineWrapMode.WidgetWidth)
    edit.setWordWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
    edit.document().setDocumentMargin(0)


def height_of(edit: QPlainTextEdit, lines: int) -> int:
    """What so many lines of a wrapped text take: with less than a pixel to spare Qt cuts the last one."""
    return lines * line_height(edit) + 1


class CodeView(QWidget):
    """One block of code that may still grow.

    Signals:
        wrap_switched(bool): long lines are wrapped from now on, or not; lay out again
    """

    wrap_switched = Signal(bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._language = ""
        self._code = ""
        self._is_settled = False
        self._is_long = False
        self._hits: WidgetHits | None = None
        self._awaited: set[Question] = set()
        self._highlighter: Highlighter | None = None
        self._label = ElidedLabel("", role="small", token="text-2", parent=self)
        self._wrap = QuietButton(self.tr("Wrap"), icon="wrap", compact=True, parent=self)
        self._wrap.setCheckable(True)
        self._wrap.toggled.connect(self._set_wrapped)
        self._wrap.clicked.connect(self.wrap_switched)
        self._copy = QuietButton(self.tr("Copy"), icon="copy", compact=True, parent=self)
        self._copy.setAccessibleName(self.tr("Copy code"))
        self._copy.clicked.connect(self.copy)
        self._copied_timer = QTimer(self, singleShot=True, interval=_COPIED_MS)
        self._copied_timer.timeout.connect(self._show_copy)
        self._text: _CodeText | _LongCodeText = _CodeText(self)
        self._apply_theme()

    @property
    def code(self) -> str:
        """The code as received, without a final line break."""
        return self._code

    @property
    def document(self) -> QTextDocument | None:
        """The text as laid out; None for very long code, which scrolls inside."""
        return None if self._is_long else self._text.document()

    @property
    def text_top(self) -> int:
        """Where the text begins below the top of the block."""
        return self._text.y()

    def update_code(self, language: str, code: str, *, is_settled: bool) -> None:
        """Shows the code; what is already shown stays, so growth costs only what is new."""
        if language != self._language or not self._label.text():
            self._language = language
            self._ask_language()
            self._show_language()
        if code != self._code:
            self._show(code)
            # Breaking an endless line takes quadratic time.
            can_wrap = self._is_long or _longest_line(code) <= _MAX_LINE
            self._wrap.setEnabled(can_wrap)
            self._wrap.setChecked(can_wrap and self._wrap.isChecked())
        if is_settled and not self._is_settled:
            self._is_settled = True
            self._highlight()

    def wrap(self) -> None:
        """Wraps long lines, as if the person had asked for it."""
        self._wrap.setChecked(True)

    def lay_out(self, width: int) -> int:
        """The height it takes at this width."""
        scale = theme().px
        inner = max(40, width - 2 * scale(_INSET_X) - 2)
        text_height = self._text_height(inner)
        header = scale(_HEADER)
        self._place_header(width, header)
        top = header + 1 + scale(_INSET_Y)
        bar = _BAR if self._is_scrolling(inner) else 0
        # The bar lies in the lower inset, so that nothing moves when a long line arrives.
        self._text.setGeometry(scale(_INSET_X) + 1, top, inner, text_height + bar)
        return top + text_height + scale(_INSET_Y) + 2 + max(0, bar - scale(_INSET_Y) + 2)

    def place_at(self, point: QPoint) -> Place:
        """The place nearest to a point of the widget."""
        text = self._text
        inside = text.viewport().mapFrom(self, point)
        return self._place_of(text.cursorForPosition(inside).position())

    def rect_of(self, place: Place) -> QRect:
        """The line's height at a place, in the coordinates of the widget, which is scrolled to it inside."""
        cursor = QTextCursor(self._text.document())
        cursor.setPosition(self.position_of(place))
        if isinstance(self._text, _LongCodeText):
            self._text.bring_into_view(cursor)
        bring_sideways(self._text, cursor)
        return self._text.cursorRect(cursor).translated(self._text.viewport().mapTo(self, QPoint()))

    def position_of(self, place: Place) -> int:
        """The position in the document of a place."""
        return utf16_length(self._code[: place.offset])

    def select(self, selection: Range | None) -> None:
        """Selects the text between two places, None of which stands for beyond the code."""
        if selection is None:
            select_positions(self._text, 0, 0)
            return
        start, end = selection
        select_positions(
            self._text,
            0 if start is None else self.position_of(start),
            utf16_length(self._code) if end is None else self.position_of(end),
        )

    def leave_selecting(self, is_left: bool) -> None:
        """Whether the mouse and the keys that select are for the owner."""
        self._text.leaves_selecting = is_left

    def mark(self, hits: WidgetHits | None) -> None:
        """Colours these hits, also when the code has grown; None colours nothing."""
        if hits != self._hits:
            self._hits = hits
            self._text.hits_in = self.hits_in if hits is not None else None
            self._text.viewport().update()

    def hits_in(self, rect: QRect) -> list[HitRange]:
        """The hits about a rectangle of the text."""
        if self._hits is None:
            return []
        text, reach = self._text, theme().line_height("code")
        first = text.cursorForPosition(QPoint(0, rect.top() - reach)).position()
        last = text.cursorForPosition(QPoint(text.viewport().width(), rect.bottom() + reach)).position()
        found = self._hits.near(self._place_of(first), self._place_of(last))
        if not found:
            return []
        begin = found[0][0].offset
        start = self.position_of(found[0][0])
        offsets = [place.offset - begin for hit in found for place in hit[:2]]
        positions = positions_at(self._code[begin : found[-1][1].offset], offsets)
        ends = zip(positions[::2], positions[1::2], found, strict=True)
        return [HitRange(start + low, start + high, hit[2]) for low, high, hit in ends]

    def _place_of(self, position: int) -> Place:
        return Place(0, len(utf16_prefix(self._code, position)))

    def copy(self) -> None:
        """Puts the code, exactly as received, on the clipboard."""
        QGuiApplication.clipboard().setText(self._code)
        self._copy.setText(self.tr("Copied"))
        self._copied_timer.start()

    def _show_copy(self) -> None:
        self._copy.setText(self.tr("Copy"))

    def _place_header(self, width: int, header: int) -> None:
        scale = theme().px
        height = scale(24)
        right = width - 4
        for button in (self._copy, self._wrap):
            button_width = button.sizeHint().width()
            button.setGeometry(right - button_width, (header - height) // 2 + 1, button_width, height)
            right -= button_width
        self._label.setGeometry(scale(_INSET_X) + 1, 1, max(20, right - scale(_INSET_X) - 1), header)

    def _text_height(self, inner: int) -> int:
        line = theme().line_height("code")
        if isinstance(self._text, _LongCodeText):
            return min(theme().px(_TALLEST), (self._text.blockCount()) * line)
        self._text.setLineWrapColumnOrWidth(inner)
        if self._wrap.isChecked():
            return int(self._text.document().size().height() + 0.999)
        return self._text.document().blockCount() * line

    def _is_scrolling(self, inner: int) -> bool:
        if self._wrap.isChecked():
            return False
        longest = (
            max(map(len, self._code.split("\n")), default=0)
            if len(self._code) < _MAX_HIGHLIGHTED
            else _MAX_LINE
        )
        if longest < 20:
            return False
        advance = QFontMetricsF(theme().font("code")).horizontalAdvance("m")
        return (
            longest * advance > inner if self._code.isascii() else self._text.document().idealWidth() > inner
        )

    def _show(self, code: str) -> None:
        shown = self._code
        self._code = code
        if not self._is_long and code.count("\n") >= MAX_LINES:
            self._is_long = True
            self._text.deleteLater()
            leaves_selecting, self._text = self._text.leaves_selecting, _LongCodeText(self)
            self._text.leaves_selecting = leaves_selecting
            self._text.setAccessibleName(self.tr("Code, {0}").format(self._label.text()))
            self._text.show()
            self._text.hits_in = self.hits_in if self._hits is not None else None
            self._apply_theme()
            self._set_wrapped(self._wrap.isChecked())
            shown = ""
        cursor = QTextCursor(self._text.document())
        cursor.beginEditBlock()
        if shown and code.startswith(shown):
            cursor.movePosition(QTextCursor.MoveOperation.End)
            cursor.insertText(clean_code(code[len(shown) :]))
        else:
            cursor.select(QTextCursor.SelectionType.Document)
            cursor.removeSelectedText()
            cursor.setBlockFormat(_line_format())
            cursor.setBlockCharFormat(self._char_format())
            cursor.insertText(clean_code(code), self._char_format())
        cursor.endEditBlock()
        rest_cursor(self._text)

    def _highlight(self) -> None:
        if not self._language or self._is_long or not _is_highlightable(self._code):
            return
        question = code_question(self._code, self._language)
        answer = typesetting().answer(question, self)
        if answer is None:
            self._await(question)
        elif not answer.is_failure:
            self._highlighter = Highlighter(self._text.document(), answer, self)

    def _await(self, question: Question) -> None:
        if not self._awaited:
            typesetting().answered.connect(self._take)
        self._awaited.add(question)

    def _take(self, answered: list[Question]) -> None:
        came = self._awaited.intersection(answered)
        if not came:
            return
        self._awaited -= came
        if not self._awaited:
            typesetting().answered.disconnect(self._take)
        kinds = {question.kind for question in came}
        if CODE in kinds:
            self._highlight()
        if kinds - {CODE}:
            self._show_language()

    def _ask_language(self) -> None:
        if not self._language:
            return
        typesetting().warm_up()
        question = language_question(self._language)
        if question is not None and typesetting().answer(question, self) is None:
            self._await(question)

    def _show_language(self) -> None:
        name = language_name(self._language) if self._language else self.tr("Code")
        self._label.setText(name)
        self._text.setAccessibleName(self.tr("Code, {0}").format(name))

    def _set_wrapped(self, is_wrapped: bool) -> None:
        modes = QTextOption.WrapMode
        self._text.setWordWrapMode(modes.WrapAtWordBoundaryOrAnywhere if is_wrapped else modes.NoWrap)
        self.updateGeometry()

    def _char_format(self) -> QTextCharFormat:
        plain = QTextCharFormat()
        plain.setFont(theme().font("code"))
        plain.setForeground(theme().color("text"))
        return plain

    def _apply_theme(self) -> None:
        font = theme().font("code")
        self._text.setFont(font)
        self._text.document().setDefaultFont(font)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Frame, fill and the line under the header."""
        painter = QPainter(self)
        rect = QRectF(self.rect())
        draw_frame(painter, rect, _RADIUS, fill=theme().color("code"), edge=theme().color("line"))
        y = theme().px(_HEADER) + 1
        painter.fillRect(aligned(painter, QRectF(0, y, rect.width(), 1)), theme().color("line"))
        painter.end()

    def sizeHint(self) -> QSize:
        """Its present size; the owner lays it out."""
        return self.size()


def _is_highlightable(code: str) -> bool:
    return len(code) <= _MAX_HIGHLIGHTED and code.count("\n") < MAX_LINES and _longest_line(code) <= _MAX_LINE


def _longest_line(code: str) -> int:
    return max(map(len, code.split("\n")))


def _line_format() -> QTextBlockFormat:
    line = QTextBlockFormat()
    line.setLineHeight(theme().line_height("code"), QTextBlockFormat.LineHeightTypes.FixedHeight.value)
    return line


def estimated_height(code: str) -> int:
    """What `lay_out` will most likely say, without a widget."""
    scale = theme().px
    lines = min(code.count("\n") + 1, MAX_LINES)
    text = lines * theme().line_height("code")
    if code.count("\n") >= MAX_LINES:
        text = scale(_TALLEST)
    return scale(_HEADER) + 2 + 2 * scale(_INSET_Y) + text + 1
