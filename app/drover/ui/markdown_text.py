"""A read-only text widget for settled and growing Markdown blocks, sized to its contents.

It never loads anything: pictures are words, links are reported and not followed.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from PySide6.QtCore import QCoreApplication, QMimeData, QPointF, QRect, QRectF, QSizeF, Qt, QUrl, Signal
from PySide6.QtGui import (
    QContextMenuEvent,
    QCursor,
    QFont,
    QFontInfo,
    QFontMetricsF,
    QKeyEvent,
    QPainter,
    QPaintEvent,
    QPyTextObject,
    QTextBlock,
    QTextBlockFormat,
    QTextCharFormat,
    QTextCursor,
    QTextDocument,
    QTextFormat,
    QTextFrameFormat,
    QTextLength,
    QTextLine,
    QTextOption,
    QTextTable,
    QTextTableCellFormat,
    QTextTableFormat,
    QWheelEvent,
)
from PySide6.QtWidgets import QFrame, QPlainTextEdit, QTextBrowser, QTextEdit, QToolTip, QWidget

from drover.markdown_blocks import Block, Heading, Item, MathBlock, Paragraph, Quote, Rule, Table
from drover.ui.formula import Formula, formula
from drover.ui.markdown_inline import Span, SpanKind, Style, parse_inline, plain_text, safe_link
from drover.ui.theme import aligned, draw_frame, draw_icon, theme

_MATH_OBJECT = QTextFormat.ObjectTypes.UserObject + 1
_TEX = QTextFormat.Property.UserProperty + 1
_IS_DISPLAY = QTextFormat.Property.UserProperty + 2
_OBJECT_CHARACTER = "\ufffc"
_LINE_SEPARATOR = "\u2028"
# A text document takes these for structure: paragraph ends, frame marks, embedded objects.
_UNSAFE = {
    0x2029: " ",
    0xFFFC: "\ufffd",
    0xFDD0: "\ufffd",
    0xFDD1: "\ufffd",
    0x0085: " ",
    0x000C: " ",
    0x000B: " ",
}

_ITEM_INDENT = 24
_QUOTE_INDENT = 17
_QUOTE_RULE = 2
_CELL_GAP = 24
_NARROWEST_COLUMN = 48
_HEADING_SIZES = {1: 18, 2: 17, 3: 16}


@dataclass(frozen=True, slots=True)
class TextLook:
    """How a body of text is set."""

    role: str = "body"
    """Role of the running text in the theme."""
    token: str = "text"
    """Colour of the running text."""
    paragraph_gap: int = 12
    base_size: int = 15
    """Size of the role at 100 %, to which headings and code relate."""


ANSWER = TextLook()
REASONING = TextLook(role="column", token="text-2", paragraph_gap=8, base_size=14)


def gap_between(before: Block | None, block: Block, look: TextLook) -> int:
    """Logical pixels at 100 % between two neighbouring blocks."""
    if before is None:
        return 0
    paragraph = look.paragraph_gap
    if isinstance(block.content, Heading):
        return paragraph + (8 if block.content.level <= 2 else 4)
    if isinstance(before.content, Heading):
        return min(8, paragraph)
    in_list = any(isinstance(entry, Item) for entry in block.containers)
    was_in_list = any(isinstance(entry, Item) for entry in before.containers)
    follows_text = isinstance(before.content, Paragraph) and isinstance(block.content, Paragraph)
    if block.opened and in_list and not block.is_spaced and follows_text:
        return 4 if was_in_list else min(8, paragraph)
    if in_list and was_in_list and follows_text:
        return min(8, paragraph)
    return paragraph


def indent_of(block: Block) -> int:
    """Logical pixels at 100 % by which quotes and lists move a block in."""
    return sum(_ITEM_INDENT if isinstance(entry, Item) else _QUOTE_INDENT for entry in block.containers)


def quote_offsets(block: Block) -> tuple[int, ...]:
    """Where the rules of the quotes around a block stand, from its left edge before any indent."""
    offsets, x = [], 0
    for entry in block.containers:
        if isinstance(entry, Quote):
            offsets.append(x)
            x += _QUOTE_INDENT
        else:
            x += _ITEM_INDENT
    return tuple(offsets)


def is_right_to_left(text: str) -> bool:
    """Whether the first letter with a direction runs to the left."""
    for character in text[:200]:
        direction = unicodedata.bidirectional(character)
        if direction in ("R", "AL"):
            return True
        if direction == "L":
            return False
    return False


def clean_text(text: str) -> str:
    """The text without characters that a text document takes for structure."""
    return text if text.isascii() and "\x0b" not in text and "\x0c" not in text else text.translate(_UNSAFE)


class _FormulaObject(QPyTextObject):
    """Draws the formulas inside a document."""

    def intrinsicSize(self, document: QTextDocument, position: int, char_format: QTextFormat) -> QSizeF:
        """The room a formula takes; its baseline lies on that of the line."""
        shape = _formula_of(char_format)
        if shape is None:
            return QSizeF(0, 0)
        scale = _fit(shape, document)
        alignment = char_format.toCharFormat().verticalAlignment()
        if alignment == QTextCharFormat.VerticalAlignment.AlignNormal:
            return QSizeF(shape.width * scale, shape.height * scale)
        if alignment == QTextCharFormat.VerticalAlignment.AlignMiddle:
            return QSizeF(shape.width * scale, 2 * max(shape.ascent, shape.descent) * scale)
        return QSizeF(shape.width * scale, (shape.ascent + _font_descent(char_format)) * scale)

    def drawObject(
        self,
        painter: QPainter,
        rect: QRectF | QRect,
        document: QTextDocument,
        position: int,
        char_format: QTextFormat,
    ) -> None:
        """Draws it with its baseline on that of the line."""
        shape = _formula_of(char_format)
        if shape is None:
            return
        rect, scale = QRectF(rect), _fit(shape, document)
        alignment = char_format.toCharFormat().verticalAlignment()
        if alignment == QTextCharFormat.VerticalAlignment.AlignNormal:
            baseline = rect.top() + shape.ascent * scale
        elif alignment == QTextCharFormat.VerticalAlignment.AlignMiddle:
            baseline = rect.center().y()
        else:
            baseline = rect.bottom() - _font_descent(char_format)
        top = baseline - shape.ascent * scale
        shape.draw(painter, QRectF(rect.x(), top, shape.width * scale, shape.height * scale))


def _formula_of(char_format: QTextFormat) -> Formula | None:
    text_format = char_format.toCharFormat()
    is_display = bool(char_format.property(_IS_DISPLAY))
    size = _pixel_size(text_format.font()) * (1.2 if is_display else 1.08)
    rgba = text_format.foreground().color().rgba()
    return formula(str(char_format.property(_TEX)), round(size, 2), rgba, is_display=is_display)


def _fit(shape: Formula, document: QTextDocument) -> float:
    width = document.textWidth()
    return min(1.0, width / shape.width) if width > 0 else 1.0


def _font_descent(char_format: QTextFormat) -> float:
    return QFontMetricsF(char_format.toCharFormat().font()).descent()


def _pixel_size(font: QFont) -> float:
    return float(font.pixelSize()) if font.pixelSize() > 0 else QFontInfo(font).pointSizeF() * 96 / 72


@dataclass(slots=True)
class _Decoration:
    """Something painted beside or instead of the text of one block of the document."""

    number: int
    offsets: tuple[int, ...] = ()
    is_rule: bool = False
    item: Item | None = None
    """The item whose marker stands before the block."""
    indent: int = 0
    """Of the text, from its leading side."""
    is_right_to_left: bool = False


class BlockText(QTextBrowser):
    """Shows prose, lists, quotes and displayed formulas, or one table.

    Signals:
        link_activated(str): a link of scheme http, https or mailto
    """

    link_activated = Signal(str)

    def __init__(self, look: TextLook, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._look = look
        self._written = 0
        self._tail: list[Block] = []
        self._tail_start = 0
        self._last: Block | None = None
        self._decorations: list[_Decoration] = []
        self._settled_decorations = 0
        self._code_spans: list[tuple[int, int]] = []
        self._settled_code_spans = 0
        self._table: QTextTable | None = None
        self._table_widths: list[float] = []
        self._laid_out: tuple[int, int] | None = None
        self._height = 0
        self._make_plain()

    def _make_plain(self) -> None:
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setOpenLinks(False)
        self.setOpenExternalLinks(False)
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.setUndoRedoEnabled(False)
        # Otherwise the editor takes the width back to that of its viewport whenever the contents grow.
        self.setLineWrapMode(QTextEdit.LineWrapMode.FixedPixelWidth)
        self.setWordWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
        self.viewport().setAutoFillBackground(False)
        document = self.document()
        document.setDocumentMargin(0)
        document.setIndentWidth(1)
        document.setDefaultFont(theme().font(self._look.role))
        self._formulas = _FormulaObject(self)
        document.documentLayout().registerHandler(_MATH_OBJECT, self._formulas)
        self.anchorClicked.connect(self._activate)
        self.highlighted.connect(self._show_target)

    # Contents

    def update_blocks(self, settled: Sequence[Block], tail: Sequence[Block] = ()) -> bool:
        """Shows these blocks. `settled` only ever grows; what is new of it is laid out once, the tail each time.

        Returns whether anything changed.
        """
        if self._written == len(settled) and self._tail == list(tail):
            return False
        cursor = QTextCursor(self.document())
        cursor.beginEditBlock()
        if self._tail:
            cursor.setPosition(self._tail_start)
            cursor.movePosition(QTextCursor.MoveOperation.End, QTextCursor.MoveMode.KeepAnchor)
            cursor.removeSelectedText()
            del self._decorations[self._settled_decorations :]
            del self._code_spans[self._settled_code_spans :]
        cursor.movePosition(QTextCursor.MoveOperation.End)
        last = self._last
        for block in settled[self._written :]:
            self._write(cursor, last, block, is_tail=False)
            last = block
        self._written, self._last = len(settled), last
        self._tail, self._tail_start = list(tail), cursor.position()
        self._settled_decorations = len(self._decorations)
        self._settled_code_spans = len(self._code_spans)
        for block in tail:
            self._write(cursor, last, block, is_tail=True)
            last = block
        cursor.endEditBlock()
        rest_cursor(self)
        self._laid_out = None
        return True

    def show_table(self, table: Table, widths_of: Table | None = None) -> None:
        """Shows one table. `widths_of` is the table that this one goes on with."""
        document = self.document()
        document.clear()
        writer = _TableWriter(self._look, table)
        self._table = writer.write(QTextCursor(document), has_header=not table.is_continued)
        self._table_widths = writer.natural_widths(widths_of or table)
        self._code_spans = writer.code_spans
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAsNeeded)
        rest_cursor(self)
        self._laid_out = None

    def lay_out(self, width: int) -> int:
        """The height it takes at this width."""
        if self._laid_out is not None and self._laid_out[0] == width:
            return self._height
        document = self.document()
        extra, needed = 0, float(width)
        if self._table is not None:
            widths = fitted_widths(self._table_widths, width, theme().px(_NARROWEST_COLUMN))
            table_format = self._table.format().toTableFormat()
            table_format.setColumnWidthConstraints(
                [QTextLength(QTextLength.Type.FixedLength, column) for column in widths]
            )
            self._table.setFormat(table_format)
            needed = max(float(width), sum(widths))
            extra = 12 if needed > width + 1 else 0
        self.setLineWrapColumnOrWidth(int(needed))
        self._height = int(document.size().height() + 0.999) + extra
        self._laid_out = (width, document.revision())
        return self._height

    def _write(self, cursor: QTextCursor, before: Block | None, block: Block, *, is_tail: bool) -> None:
        scale = theme().px
        text = getattr(block.content, "text", "")
        is_rtl = is_right_to_left(text)
        block_format = QTextBlockFormat()
        indent = scale(indent_of(block))
        (block_format.setRightMargin if is_rtl else block_format.setLeftMargin)(indent)
        block_format.setTopMargin(scale(gap_between(before, block, self._look)))
        line = theme().line_height(self._look.role)
        block_format.setLineHeight(line, QTextBlockFormat.LineHeightTypes.MinimumHeight.value)
        base = self._char_format()
        content = block.content
        if isinstance(content, Heading):
            block_format.setHeadingLevel(content.level)
            base = self._heading_format(content.level)
        elif isinstance(content, MathBlock):
            block_format.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        elif isinstance(content, Rule):
            font = base.font()
            _scale_font(font, 0.2)
            base.setFont(font)
            block_format.setLineHeight(1, QTextBlockFormat.LineHeightTypes.FixedHeight.value)
        container = block.containers[-1] if block.containers and block.opened else None
        item = container if isinstance(container, Item) else None
        if before is None:
            cursor.setBlockFormat(block_format)
            cursor.setBlockCharFormat(base)
        else:
            cursor.insertBlock(block_format, base)
        offsets = quote_offsets(block)
        if offsets or item is not None or isinstance(content, Rule):
            number = cursor.block().blockNumber()
            self._decorations.append(
                _Decoration(number, offsets, isinstance(content, Rule), item, indent, is_rtl)
            )
        self._write_content(cursor, block, base, is_tail=is_tail)

    def _write_content(
        self, cursor: QTextCursor, block: Block, base: QTextCharFormat, *, is_tail: bool
    ) -> None:
        content = block.content
        if isinstance(content, MathBlock):
            write_formula(
                cursor, content.tex, base, self._look, is_display=True, is_alone=True, is_tail=is_tail
            )
        elif isinstance(content, Paragraph | Heading):
            self._write_spans(cursor, parse_inline(content.text, is_open=is_tail), base)

    def _write_spans(self, cursor: QTextCursor, spans: Sequence[Span], base: QTextCharFormat) -> None:
        self._code_spans += write_spans(cursor, spans, base, self._look)
        if any(span.link for span in spans):
            self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def _char_format(self) -> QTextCharFormat:
        return char_format(self._look)

    def _heading_format(self, level: int) -> QTextCharFormat:
        base = self._char_format()
        font = theme().font(self._look.role, 600)
        size = min(_HEADING_SIZES.get(level, 15), 18) * self._look.base_size / 15
        _scale_font(font, size / self._look.base_size)
        base.setFont(font)
        base.setForeground(theme().color("text"))
        return base

    # Behaviour

    def loadResource(self, type_: int, name: QUrl | str) -> Any:
        """Nothing a document names is ever loaded."""
        return None

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Scrolling belongs to the transcript, except sideways over a wide table."""
        bar = self.horizontalScrollBar()
        if bar.maximum() and abs(event.angleDelta().x()) > abs(event.angleDelta().y()):
            super().wheelEvent(event)
            return
        event.ignore()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Keys that scroll go to the transcript."""
        scrolls = (Qt.Key.Key_PageUp, Qt.Key.Key_PageDown, Qt.Key.Key_Home, Qt.Key.Key_End)
        arrows = (Qt.Key.Key_Up, Qt.Key.Key_Down)
        if event.key() in scrolls or (
            event.key() in arrows and not event.modifiers() & Qt.KeyboardModifier.ShiftModifier
        ):
            event.ignore()
            return
        super().keyPressEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Copy and Select all, without stopping anything that streams."""
        menu = self.createStandardContextMenu(event.pos())
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.popup(event.globalPos())

    def createMimeDataFromSelection(self) -> QMimeData:
        """The selection as text and rich text, with formulas as TeX."""
        data = super().createMimeDataFromSelection()
        data.setText(self._selected_text())
        return data

    def _selected_text(self) -> str:
        cursor = self.textCursor()
        text = cursor.selection().toPlainText()
        if _OBJECT_CHARACTER not in text:
            return text
        pieces = iter(self._formulas_between(cursor.selectionStart(), cursor.selectionEnd()))
        return "".join(
            next(pieces, "") if character == _OBJECT_CHARACTER else character for character in text
        )

    def _formulas_between(self, start: int, end: int) -> list[str]:
        found = []
        cursor = QTextCursor(self.document())
        for position in range(start + 1, end + 1):
            cursor.setPosition(position)
            tex = cursor.charFormat().property(_TEX)
            if tex:
                mark = "$$" if cursor.charFormat().property(_IS_DISPLAY) else "$"
                found.append(f"{mark}{tex}{mark}")
        return found

    def paintEvent(self, event: QPaintEvent) -> None:
        """The text, with the rules of quotes beside it."""
        if self._decorations or self._code_spans:
            painter = QPainter(self.viewport())
            painter.translate(-self.horizontalScrollBar().value(), 0)
            self._paint_code(painter)
            self._paint_decorations(painter)
            painter.end()
        super().paintEvent(event)

    def _paint_decorations(self, painter: QPainter) -> None:
        layout, document = self.document().documentLayout(), self.document()
        color = theme().color("line")
        below: dict[int, float] = {}
        for decoration in self._decorations:
            block: QTextBlock = document.findBlockByNumber(decoration.number)
            if not block.isValid():
                continue
            rect = layout.blockBoundingRect(block)
            if decoration.is_rule:
                left = theme().px(decoration.offsets[-1] + _QUOTE_INDENT) if decoration.offsets else 0
                middle = rect.center().y()
                painter.fillRect(aligned(painter, QRectF(left, middle, self.width() - left, 1)), color)
            if decoration.item is not None and block.layout().lineCount():
                self._paint_marker(painter, decoration, decoration.item, block)
            paint_quote_rules(painter, decoration.offsets, rect.top(), rect.bottom(), below)

    def _paint_marker(
        self, painter: QPainter, decoration: _Decoration, item: Item, block: QTextBlock
    ) -> None:
        """Bullet, number or box, on the first line and clear of the text."""
        line = block.layout().lineAt(0)
        top = self.document().documentLayout().blockBoundingRect(block).top()
        baseline = top + line.y() + line.ascent()
        gap, is_rtl = theme().px(8), decoration.is_right_to_left
        edge = self.width() - decoration.indent + gap if is_rtl else decoration.indent - gap
        font = theme().font(self._look.role)
        if item.is_checked is not None:
            side = theme().px(14)
            x = edge - 1 if is_rtl else edge - side + 1
            _paint_box(
                painter, QRectF(x, baseline - side + theme().px(2), side, side), is_checked=item.is_checked
            )
        elif item.number is None and not item.label:
            radius = theme().px(5) / 2
            middle = baseline - QFontMetricsF(font).xHeight() / 2 - 0.5
            x = edge + theme().px(4) if is_rtl else edge - theme().px(4)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme().color("text-2"))
            painter.drawEllipse(QPointF(x, middle), radius, radius)
        else:
            number = f"{item.label or item.number}."
            painter.setFont(font)
            painter.setPen(theme().color("text-2"))
            before = 0.0 if is_rtl else QFontMetricsF(font).horizontalAdvance(number)
            painter.drawText(QPointF(edge + 2 - before, baseline), number)

    def _paint_code(self, painter: QPainter) -> None:
        """The fill behind code: as high as its letters, whatever the height of the line."""
        document, layout = self.document(), self.document().documentLayout()
        font = theme().font("code")
        _scale_font(font, self._look.base_size / 15)
        metrics = QFontMetricsF(font)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme().color("hover"))
        for start, end in self._code_spans:
            block = document.findBlock(start)
            shape = block.layout()
            rect = layout.blockBoundingRect(block)
            origin = QPointF(rect.left() - shape.boundingRect().left(), rect.top())
            first, last = start - block.position(), end - block.position()
            for index in range(shape.lineCount()):
                line = shape.lineAt(index)
                left, right = max(first, line.textStart()), min(last, line.textStart() + line.textLength())
                if left >= right:
                    continue
                x1, x2 = sorted((_cursor_x(line, left), _cursor_x(line, right)))
                top = origin.y() + line.y() + line.ascent() - metrics.ascent() * 0.95
                height = (metrics.ascent() + metrics.descent()) * 0.98
                painter.drawRoundedRect(QRectF(origin.x() + x1 - 2, top, x2 - x1 + 4, height), 3, 3)

    def _activate(self, url: QUrl) -> None:
        target = safe_link(url.toString())
        if target:
            self.link_activated.emit(target)

    def _show_target(self, url: QUrl) -> None:
        if url.isEmpty():
            QToolTip.hideText()
        else:
            QToolTip.showText(QCursor.pos(), _tooltip_text(url.toDisplayString()), self.viewport())


def paint_quote_rules(
    painter: QPainter, offsets: Sequence[int], top: float, bottom: float, below: dict[int, float]
) -> None:
    """Paints the rule of each quote from the end of the block above, if that stood in it too.

    `below` maps an offset to where its rule ended; it is brought up to date.
    """
    for offset in offsets:
        start = below.get(offset, top)
        x = theme().px(offset)
        rect = aligned(painter, QRectF(QPointF(x, start), QSizeF(_QUOTE_RULE, bottom - start)))
        painter.fillRect(rect, theme().color("line"))
    kept = dict.fromkeys(offsets, bottom)
    below.clear()
    below.update(kept)


def _paint_box(painter: QPainter, rect: QRectF, *, is_checked: bool) -> None:
    """The box of a task: its state, not a control."""
    draw_frame(
        painter, rect, 3, fill=theme().color("text-2") if is_checked else None, edge=theme().color("strong")
    )
    if is_checked:
        draw_icon(painter, rect, "check", theme().color("page"))


def _cursor_x(line: QTextLine, position: int) -> float:
    """The x of a position in a line; the binding returns the position beside it."""
    found: Any = line.cursorToX(position)
    return float(found[0] if isinstance(found, tuple | list) else found)


def half_leading(role: str) -> int:
    """Half of what a line is higher than its letters: a text document puts all of it above them."""
    return max(0, int((theme().line_height(role) - QFontMetricsF(theme().font(role)).height()) / 2))


def rest_cursor(edit: QTextEdit | QPlainTextEdit) -> None:
    """Takes the cursor, which moves on as text is inserted before it, back to the start; spares a selection."""
    cursor = edit.textCursor()
    if cursor.position() and not cursor.hasSelection():
        cursor.setPosition(0)
        edit.setTextCursor(cursor)


def char_format(look: TextLook) -> QTextCharFormat:
    """The format of running text."""
    plain = QTextCharFormat()
    plain.setFont(theme().font(look.role))
    plain.setForeground(theme().color(look.token))
    return plain


def write_formula(
    cursor: QTextCursor, tex: str, base: QTextCharFormat, look: TextLook, *,
    is_display: bool, is_alone: bool = False, is_tail: bool = False,
) -> None:  # fmt: skip
    """Inserts a formula; its source in the code font if it cannot be typeset or is not complete yet.

    `is_alone` says that it has its line to itself.
    """
    math_format = QTextCharFormat(base)
    math_format.setObjectType(_MATH_OBJECT)
    math_format.setProperty(_TEX, clean_text(tex))
    math_format.setProperty(_IS_DISPLAY, is_display)
    shape = None if is_tail and is_display else _formula_of(math_format)
    if shape is None:
        cursor.insertText(clean_text(tex).replace("\n", _LINE_SEPARATOR), code_format(base, look))
        return
    alignments = QTextCharFormat.VerticalAlignment
    if not is_alone:
        fits = shape.descent <= _font_descent(math_format) + 0.5
        math_format.setVerticalAlignment(alignments.AlignBaseline if fits else alignments.AlignMiddle)
    cursor.insertText(_OBJECT_CHARACTER, math_format)


def code_format(base: QTextCharFormat, look: TextLook) -> QTextCharFormat:
    """Code inside running text; the fill behind it is painted apart."""
    code = QTextCharFormat(base)
    font = theme().font("code")
    font.setBold(base.font().bold())
    _scale_font(font, look.base_size / 15)
    code.setFont(font)
    return code


def write_spans(
    cursor: QTextCursor, spans: Sequence[Span], base: QTextCharFormat, look: TextLook
) -> list[tuple[int, int]]:
    """Inserts inline content at the cursor; returns where in the document there is code."""
    code_spans = []
    for span in spans:
        text_format = _styled(base, span)
        match span.kind:
            case SpanKind.TEXT:
                cursor.insertText(clean_text(span.text), text_format)
            case SpanKind.BREAK:
                cursor.insertText(_LINE_SEPARATOR, base)
            case SpanKind.CODE:
                start = cursor.position()
                cursor.insertText(clean_text(span.text), code_format(text_format, look))
                code_spans.append((start, cursor.position()))
            case SpanKind.MATH:
                write_formula(cursor, span.text, text_format, look, is_display=False)
            case SpanKind.DISPLAY_MATH:
                write_formula(cursor, span.text, text_format, look, is_display=True)
            case SpanKind.FOOTNOTE:
                text_format.setVerticalAlignment(QTextCharFormat.VerticalAlignment.AlignSuperScript)
                text_format.setForeground(theme().color("text-3"))
                cursor.insertText(clean_text(span.text), text_format)
            case SpanKind.IMAGE:
                text_format.setForeground(theme().color("text-3"))
                _set_link(text_format, safe_link(span.link))
                cursor.insertText(clean_text(image_words(span)), text_format)
    return code_spans


def image_words(span: Span) -> str:
    """What stands for a picture that is not fetched: "[Image: a cat, upload.example.org]"."""
    try:
        host = urlsplit(span.link).hostname or ""
    except ValueError:
        host = ""
    words = ", ".join(part for part in (span.text.strip(), host) if part)
    return QCoreApplication.translate("markdown", "[Image: {0}]").format(words) if words else "[Image]"


def _styled(base: QTextCharFormat, span: Span) -> QTextCharFormat:
    text_format = QTextCharFormat(base)
    if span.style & Style.BOLD:
        text_format.setFontWeight(QFont.Weight.DemiBold.value)
    if span.style & Style.ITALIC:
        text_format.setFontItalic(True)
    if span.style & Style.STRIKE:
        text_format.setFontStrikeOut(True)
    if span.link and span.kind is not SpanKind.IMAGE:
        _set_link(text_format, safe_link(span.link))
    return text_format


def _set_link(text_format: QTextCharFormat, url: str) -> None:
    if url:
        text_format.setAnchor(True)
        text_format.setAnchorHref(url)
        text_format.setForeground(theme().color("accent"))
        text_format.setFontUnderline(True)


def _scale_font(font: QFont, ratio: float) -> None:
    if font.pointSizeF() > 0:
        font.setPointSizeF(font.pointSizeF() * ratio)
    else:
        font.setPixelSize(max(1, round(font.pixelSize() * ratio)))


def _tooltip_text(url: str) -> str:
    shortened = url if len(url) <= 200 else url[:160] + "…" + url[-30:]
    return shortened.replace("&", "&amp;").replace("<", "&lt;")


def fitted_widths(natural: Sequence[float], available: float, narrowest: float) -> list[float]:
    """Column widths that fill the room: narrow columns keep their own width, wide ones share what is left.

    The last column takes what remains over. No column gets narrower than `narrowest`, unless it needs less;
    the sum may then exceed the room.
    """
    if not natural:
        return []
    total = sum(natural)
    if total <= available:
        return [*natural[:-1], natural[-1] + available - total]
    widths = list(natural)
    open_columns = set(range(len(widths)))
    room = available
    while open_columns:
        share = room / len(open_columns)
        fitting = {index for index in open_columns if natural[index] <= max(share, narrowest)}
        if not fitting:
            for index in open_columns:
                widths[index] = share
            break
        room -= sum(natural[index] for index in fitting)
        open_columns -= fitting
        if room <= narrowest * len(open_columns):
            for index in open_columns:
                widths[index] = narrowest
            break
    return [float(int(width)) for width in widths]


class _TableWriter:
    """Writes one table into an empty document."""

    def __init__(self, look: TextLook, table: Table) -> None:
        self._look = look
        self._table = table
        self._role = "column"
        self.code_spans: list[tuple[int, int]] = []
        self._alignments = [
            alignment or ("right" if _is_numeric(table, column) else "")
            for column, alignment in enumerate(table.alignments)
        ]

    def natural_widths(self, table: Table) -> list[float]:
        """What each column would take without wrapping, gaps included."""
        fonts = QFontMetricsF(theme().font(self._role)), QFontMetricsF(theme().font(self._role, 600))
        widths = [fonts[1].horizontalAdvance(plain_text(parse_inline(cell))) for cell in table.header]
        for row in table.rows:
            for column, cell in enumerate(row):
                plain = cell if len(cell) < 3 else plain_text(parse_inline(cell, breaks_at_tags=True))
                longest = max(plain.split("\n"), key=len) if "\n" in plain else plain
                metrics = fonts[1] if "**" in cell else fonts[0]
                widths[column] = max(widths[column], metrics.horizontalAdvance(longest[:400]))
        gap = theme().px(_CELL_GAP)
        last = len(widths) - 1
        return [width + 2 + (gap if column < last else 0) for column, width in enumerate(widths)]

    def write(self, cursor: QTextCursor, *, has_header: bool) -> QTextTable:
        """Inserts the table."""
        table, first = self._table, 1 if has_header else 0
        table_format = QTextTableFormat()
        table_format.setBorder(0)
        table_format.setBorderStyle(QTextFrameFormat.BorderStyle.BorderStyle_None)
        table_format.setBorderCollapse(True)
        table_format.setCellSpacing(0)
        table_format.setCellPadding(0)
        table_format.setHeaderRowCount(first)
        target = cursor.insertTable(len(table.rows) + first, len(table.header), table_format)
        if has_header:
            self._write_row(target, 0, table.header, is_header=True, is_last=not table.rows)
        for index, row in enumerate(table.rows):
            self._write_row(target, index + first, row, is_header=False, is_last=index == len(table.rows) - 1)
        tail = QTextCursor(target.document())
        tail.movePosition(QTextCursor.MoveOperation.End)
        nothing = QTextBlockFormat()
        nothing.setLineHeight(0, QTextBlockFormat.LineHeightTypes.FixedHeight.value)
        tail.setBlockFormat(nothing)
        return target

    def _write_row(
        self, target: QTextTable, row: int, cells: Sequence[str], *, is_header: bool, is_last: bool
    ) -> None:
        base = char_format(TextLook(role=self._role, token=self._look.token, base_size=14))
        if is_header:
            base.setFont(theme().font(self._role, 600))
            base.setForeground(theme().color("text"))
        block_format = QTextBlockFormat()
        block_format.setLineHeight(
            theme().line_height(self._role), QTextBlockFormat.LineHeightTypes.MinimumHeight.value
        )
        gap, padding, last = theme().px(_CELL_GAP), theme().px(5), len(cells) - 1
        lift = half_leading(self._role)
        look = TextLook(role=self._role, token=self._look.token, base_size=14)
        for column, text in enumerate(cells):
            cell = target.cellAt(row, column)
            cell_format = QTextTableCellFormat()
            cell_format.merge(base)
            cell_format.setTopPadding(padding - lift)
            cell_format.setBottomPadding(padding + lift)
            cell_format.setRightPadding(gap if column < last else 0)
            if is_header or not is_last:
                cell_format.setBottomBorder(1)
                cell_format.setBottomBorderStyle(QTextFrameFormat.BorderStyle.BorderStyle_Solid)
                cell_format.setBottomBorderBrush(theme().color("border" if is_header else "line"))
            cell.setFormat(cell_format)
            alignment = self._alignments[column]
            block_format.setAlignment(_ALIGNMENTS.get(alignment, Qt.AlignmentFlag.AlignLeading))
            cursor = cell.firstCursorPosition()
            cursor.setBlockFormat(block_format)
            self.code_spans += write_spans(cursor, parse_inline(text, breaks_at_tags=True), base, look)


_ALIGNMENTS = {
    "left": Qt.AlignmentFlag.AlignLeft,
    "center": Qt.AlignmentFlag.AlignHCenter,
    "right": Qt.AlignmentFlag.AlignRight,
}


def _is_numeric(table: Table, column: int) -> bool:
    """Whether the cells of a column are figures, save perhaps a word such as "Total" among them."""
    filled = [row[column].strip("*_ ") for row in table.rows[:50] if row[column].strip()]
    figures = sum(map(_looks_like_figure, filled))
    return bool(filled) and figures >= 0.75 * len(filled)


def _looks_like_figure(text: str) -> bool:
    core = (
        text.strip("%$€£ \u202f\u00a0+-−~≈")
        .replace(",", "")
        .replace(".", "")
        .replace("\u202f", "")
        .replace(" ", "")
    )
    return core.isdigit() and len(text) <= 24
