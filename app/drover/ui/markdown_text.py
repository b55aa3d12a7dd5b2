"""Read-only text widgets for Markdown, sized to their contents.

They never load anything: pictures are words, links are reported and not followed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from PySide6.QtCore import QMimeData, QPoint, QPointF, QRect, QRectF, QSizeF, Qt, QUrl, Signal
from PySide6.QtGui import (
    QContextMenuEvent,
    QCursor,
    QFontMetricsF,
    QKeyEvent,
    QKeySequence,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QTextBlock,
    QTextBlockFormat,
    QTextCharFormat,
    QTextCursor,
    QTextLine,
    QTextOption,
    QWheelEvent,
)
from PySide6.QtWidgets import QApplication, QFrame, QPlainTextEdit, QTextBrowser, QTextEdit, QToolTip, QWidget

from drover.markdown_blocks import Block, Heading, Item, MathBlock, Paragraph, Rule, Source
from drover.ui.find_marks import HitRange, WidgetHits, paint_hits, positions_at
from drover.ui.markdown_inline import Span, SpanKind, parse_inline, safe_link
from drover.ui.markdown_look import (
    BREAK_HERE,
    QUOTE_INDENT,
    TextLook,
    clean_code,
    gap_between,
    half_leading,
    indent_of,
    is_right_to_left,
    quote_offsets,
    scale_font,
)
from drover.ui.markdown_places import Place, Range, offset_at, position_at
from drover.ui.markdown_spans import (
    FOOTNOTE_SCHEME,
    IMAGE_SCHEME,
    IS_DISPLAY,
    MATH_OBJECT,
    OBJECT_CHARACTER,
    TEX,
    FormulaObject,
    char_format,
    code_format,
    one_paragraph,
    place_formulas,
    tooltip_text,
    write_formula,
    write_spans,
)
from drover.ui.theme import aligned, draw_frame, draw_icon, theme

MARKER_GAP = 8
_KEYS = QKeySequence.StandardKey
SELECTING_KEYS = (
    _KEYS.SelectNextChar, _KEYS.SelectPreviousChar, _KEYS.SelectNextWord, _KEYS.SelectPreviousWord,
    _KEYS.SelectNextLine, _KEYS.SelectPreviousLine, _KEYS.SelectNextPage, _KEYS.SelectPreviousPage,
    _KEYS.SelectStartOfLine, _KEYS.SelectEndOfLine, _KEYS.SelectStartOfDocument, _KEYS.SelectEndOfDocument,
    _KEYS.SelectAll, _KEYS.Copy, _KEYS.Cancel,
)  # fmt: skip
_QUOTE_RULE = 2
_MOST_FILLS = 2000
_HEADING_SIZES = {1: 18, 2: 17, 3: 16}


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


class OwnerSelects:
    """A part of a read-only editor: leaves the mouse, and keys that select and copy, to whoever holds it."""

    leaves_selecting = False

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Goes on to the owner."""
        if self.leaves_selecting:
            event.ignore()
        else:
            super().mousePressEvent(event)  # type: ignore[misc]

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Goes on to the owner."""
        if self.leaves_selecting:
            event.ignore()
        else:
            super().mouseDoubleClickEvent(event)  # type: ignore[misc]

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Goes on to the owner."""
        if self.leaves_selecting:
            event.ignore()
        else:
            super().mouseReleaseEvent(event)  # type: ignore[misc]

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Without a button, the links are looked for here; a drag goes on to the owner."""
        if self.leaves_selecting and event.buttons() != Qt.MouseButton.NoButton:
            event.ignore()
        else:
            super().mouseMoveEvent(event)  # type: ignore[misc]

    def wheelEvent(self, event: QWheelEvent) -> None:
        """With Ctrl it is about the size of all text: Qt would zoom this one alone, since it is read-only."""
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            event.ignore()
        else:
            super().wheelEvent(event)  # type: ignore[misc]

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Goes on to the owner; else the standard menu, without stopping anything that streams."""
        if self.leaves_selecting:
            event.ignore()
            return
        menu = self.createStandardContextMenu()  # type: ignore[attr-defined]
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.popup(event.globalPos())


class MarkdownText(OwnerSelects, QTextBrowser):
    """Text that is read, selected and copied; it scrolls with the transcript and not by itself.

    Signals:
        link_activated(str): a link of scheme http, https or mailto
        image_activated(str): the `image_reference` of an image
        footnote_activated(str): the label of a footnote
        formulas_placed(): formulas have come, so that the height may differ; lay out again
    """

    link_activated = Signal(str)
    image_activated = Signal(str)
    footnote_activated = Signal(str)
    formulas_placed = Signal()

    def __init__(self, look: TextLook, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._look = self._text_look = look
        self._code_spans: list[tuple[int, int]] = []
        self._hits: WidgetHits | None = None
        self._laid_out_width = -1
        """For which the height was found; -1 if the contents have changed since."""
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
        self._formulas = FormulaObject(half_leading(look.role), self)
        self._formulas.formulas_came.connect(self._place_formulas)
        document.documentLayout().registerHandler(MATH_OBJECT, self._formulas)
        self.anchorClicked.connect(self._activate)
        self.highlighted.connect(self._show_target)

    def loadResource(self, type_: int, name: QUrl | str) -> Any:
        """Nothing a document names is ever loaded."""
        return None

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Scrolling belongs to the transcript, except sideways over a wide table."""
        scroll_sideways(self, event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Keys that scroll go to the transcript; so may those that select."""
        if self.leaves_selecting and is_selecting_key(event):
            event.ignore()
            return
        keys = Qt.Key
        scrolls = (keys.Key_PageUp, keys.Key_PageDown, keys.Key_Home, keys.Key_End, keys.Key_Space)
        arrows = (Qt.Key.Key_Up, Qt.Key.Key_Down)
        if event.key() in scrolls or (
            event.key() in arrows and not event.modifiers() & Qt.KeyboardModifier.ShiftModifier
        ):
            event.ignore()
            return
        super().keyPressEvent(event)

    def createMimeDataFromSelection(self) -> QMimeData:
        """The selection as text and rich text, with formulas as TeX."""
        data = QMimeData()
        data.setHtml(self.textCursor().selection().toHtml().replace(BREAK_HERE, ""))
        data.setText(self._selected_text())
        return data

    def _selected_text(self) -> str:
        cursor = self.textCursor()
        text = cursor.selection().toPlainText().replace(BREAK_HERE, "")
        if OBJECT_CHARACTER not in text:
            return text
        pieces = iter(self._formulas_between(cursor.selectionStart(), cursor.selectionEnd()))
        return "".join(next(pieces, "") if character == OBJECT_CHARACTER else character for character in text)

    def _formulas_between(self, start: int, end: int) -> list[str]:
        found = []
        cursor = QTextCursor(self.document())
        for position in range(start + 1, end + 1):
            cursor.setPosition(position)
            text_format = cursor.charFormat()
            if text_format.objectType() == MATH_OBJECT:
                mark = "$$" if text_format.property(IS_DISPLAY) else "$"
                found.append(f"{mark}{text_format.property(TEX)}{mark}")
        return found

    def _place_formulas(self) -> None:
        for position, longer in reversed(place_formulas(self.document(), self._formulas, self._text_look)):
            self._shift(position, longer)
        rest_cursor(self)
        self._laid_out_width = -1
        self.formulas_placed.emit()

    def _shift(self, position: int, count: int) -> None:
        """The text from this position on has moved by so many characters."""
        self._code_spans = [
            (start + count, end + count) if start >= position else (start, end)
            for start, end in self._code_spans
        ]

    def paintEvent(self, event: QPaintEvent) -> None:
        """The fill behind code, what a kind of text paints beside itself, the text."""
        painter = QPainter(self.viewport())
        painter.translate(-self.horizontalScrollBar().value(), 0)
        if 0 < len(self._code_spans) <= _MOST_FILLS:
            self._paint_code(painter, event.rect())
        self._paint_beside(painter, event.rect())
        painter.end()
        hits = self.hits_in(event.rect())
        if hits:
            self._paint_hits(hits, is_behind=True)
        super().paintEvent(event)
        if self._formulas.has_selected:
            painter = QPainter(self.viewport())
            painter.translate(-self.horizontalScrollBar().value(), 0)
            self._formulas.draw_selected(painter)
            painter.end()
        if hits:
            self._paint_hits(hits, is_behind=False)

    # Places; `block` counts the blocks of this widget

    def place_at(self, point: QPoint) -> Place:
        """The place nearest to a point of the widget."""
        return self.place_of(self.cursorForPosition(self.viewport().mapFrom(self, point)).position())

    def rect_of(self, place: Place) -> QRect:
        """The line's height at a place, in the coordinates of the widget."""
        cursor = QTextCursor(self.document())
        cursor.setPosition(self.position_of(place))
        bring_sideways(self, cursor)
        return self.cursorRect(cursor).translated(self.viewport().pos())

    def place_of(self, position: int) -> Place:
        """The place at a position of the document."""
        block = self.document().findBlock(position)
        offset = offset_at(block.text(), position - block.position(), _formula_sources(block))
        return Place(block.blockNumber(), offset)

    def position_of(self, place: Place) -> int:
        """The position in the document of a place."""
        block = self.document().findBlockByNumber(place.block)
        if not block.isValid():
            return self.document().characterCount() - 1
        return block.position() + position_at(block.text(), place.offset, _formula_sources(block))

    def select(self, selection: Range | None) -> None:
        """Selects the text between two places, None of which stands for beyond the widget."""
        if selection is None:
            select_positions(self, 0, 0)
            return
        start, end = selection
        select_positions(
            self,
            0 if start is None else self.position_of(start),
            self.document().characterCount() - 1 if end is None else self.position_of(end),
        )

    # Hits

    def mark(self, hits: WidgetHits | None) -> None:
        """Colours these hits, also when the text has changed; None colours nothing."""
        if hits != self._hits:
            self._hits = hits
            self.viewport().update()

    def hits_in(self, rect: QRect) -> list[HitRange]:
        """The hits about a rectangle of the viewport."""
        if self._hits is None:
            return []
        reach = theme().line_height(self._look.role)
        first = self.cursorForPosition(QPoint(0, rect.top() - reach)).position()
        last = self.cursorForPosition(QPoint(self.viewport().width(), rect.bottom() + reach)).position()
        found = self._hits.near(self.place_of(first), self.place_of(last))
        ranges = self._ranges_of([(start, end) for start, end, _ in found])
        return [HitRange(*place, hit[2]) for place, hit in zip(ranges, found, strict=False)]

    def _ranges_of(self, hits: Sequence[tuple[Place, Place]]) -> list[tuple[int, int]]:
        """Where hits, in order, stand in the document; those beyond its end are left out."""
        ranges: list[tuple[int, int]] = []
        for number, group in groupby(hits, key=_block_of):
            block = self.document().findBlockByNumber(number)
            if not block.isValid():
                break
            offsets = [place.offset for hit in group for place in hit]
            start = block.position()
            found = positions_at(block.text(), offsets, _formula_sources(block))
            ranges += [(start + a, start + b) for a, b in zip(found[::2], found[1::2], strict=True)]
        return ranges

    def _paint_hits(self, hits: Sequence[HitRange], *, is_behind: bool) -> None:
        painter = QPainter(self.viewport())
        painter.translate(-self.horizontalScrollBar().value(), 0)
        paint_hits(painter, self.document(), hits, self._origin_of, is_behind=is_behind)
        painter.end()

    def _origin_of(self, block: QTextBlock) -> QPointF:
        return self.document().documentLayout().blockBoundingRect(block).topLeft()

    def _paint_beside(self, painter: QPainter, visible: QRect) -> None:
        """Nothing, here."""

    def _paint_code(self, painter: QPainter, visible: QRect) -> None:
        """The fill behind code: as high as its letters, whatever the height of the line."""
        document, layout = self.document(), self.document().documentLayout()
        font = theme().font("code")
        scale_font(font, self._look.base_size / 15)
        metrics = QFontMetricsF(font)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme().color("hover"))
        for start, end in self._code_spans:
            block = document.findBlock(start)
            shape = block.layout()
            rect = layout.blockBoundingRect(block)
            if rect.bottom() < visible.top() or rect.top() > visible.bottom():
                continue
            origin = rect.topLeft()
            first, last = start - block.position(), end - block.position()
            line = shape.lineForTextPosition(first)
            for index in range(line.lineNumber() if line.isValid() else 0, shape.lineCount()):
                line = shape.lineAt(index)
                if line.textStart() >= last:
                    break
                left, right = max(first, line.textStart()), min(last, line.textStart() + line.textLength())
                if left >= right:
                    continue
                x1, x2 = sorted((_cursor_x(line, left), _cursor_x(line, right)))
                top = origin.y() + line.y() + line.ascent() - metrics.ascent() * 0.95
                height = (metrics.ascent() + metrics.descent()) * 0.98
                painter.drawRoundedRect(QRectF(origin.x() + x1 - 2, top, x2 - x1 + 4, height), 3, 3)

    def _activate(self, url: QUrl) -> None:
        target = safe_link(encoded(url))
        if url.scheme() == IMAGE_SCHEME:
            self.image_activated.emit(url.toString())
        elif url.scheme() == FOOTNOTE_SCHEME:
            self.footnote_activated.emit(url.path(QUrl.ComponentFormattingOption.FullyDecoded))
        elif target:
            self.link_activated.emit(target)

    def activated_at(self) -> QPoint:
        """Where on the screen a link was just activated: under the pointer, or at the keyboard's place."""
        pointer = QCursor.pos()
        if self.rect().contains(self.mapFromGlobal(pointer)):
            return pointer
        return self.viewport().mapToGlobal(self.cursorRect().bottomLeft())

    def _show_target(self, url: QUrl) -> None:
        if url.isEmpty() or url.scheme() in (IMAGE_SCHEME, FOOTNOTE_SCHEME):
            QToolTip.hideText()
        else:
            QToolTip.showText(QCursor.pos(), tooltip_text(encoded(url)), self.viewport())


def encoded(url: QUrl) -> str:
    """A whole address in ASCII, so that no letter passes for another and nothing of it is left out."""
    return bytes(url.toEncoded().data()).decode("ascii", "replace")


def is_selecting_key(event: QKeyEvent) -> bool:
    """Whether a key selects, copies or clears a selection."""
    return any(map(event.matches, SELECTING_KEYS))


_LONG_RUN = re.compile(r"\S{2000}")


def has_long_run(block: QTextBlock) -> bool:
    """Whether a word from here on is so long that Qt, which is quadratic here, would break it for seconds."""
    while block.isValid():
        if block.length() > 2000 and _LONG_RUN.search(block.text()):
            return True
        block = block.next()
    return False


class BlockText(MarkdownText):
    """Shows prose, lists, quotes and displayed formulas that may still grow."""

    def __init__(self, look: TextLook, parent: QWidget | None = None) -> None:
        super().__init__(look, parent)
        self._written = 0
        self._tail: list[Block] = []
        self._tail_start = 0
        self._last: Block | None = None
        self._decorations: list[_Decoration] = []
        self._settled_decorations = self._settled_code_spans = 0
        self._height = 0
        self._wrapped_width = -1

    def update_blocks(self, settled: Sequence[Block], tail: Sequence[Block] = ()) -> bool:
        """Shows these blocks. `settled` only ever grows: what is new is laid out once, the tail each time.

        Returns whether anything changed.
        """
        if self._written == len(settled) and self._tail == list(tail):
            return False
        cursor = QTextCursor(self.document())
        cursor.beginEditBlock()
        if self._tail:
            cursor.setPosition(self._tail_start)
            block_format, text_format = cursor.blockFormat(), cursor.blockCharFormat()
            cursor.movePosition(QTextCursor.MoveOperation.End, QTextCursor.MoveMode.KeepAnchor)
            cursor.removeSelectedText()
            # An empty block, such as that of a rule, has taken the format of what was removed behind it.
            cursor.setBlockFormat(block_format)
            cursor.setBlockCharFormat(text_format)
            del self._decorations[self._settled_decorations :]
            del self._code_spans[self._settled_code_spans :]
        cursor.movePosition(QTextCursor.MoveOperation.End)
        start = cursor.position()
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
        if has_long_run(self.document().findBlock(start)):
            self.setWordWrapMode(QTextOption.WrapMode.WrapAnywhere)
        cursor.endEditBlock()
        rest_cursor(self)
        self._laid_out_width = -1
        return True

    def lay_out(self, width: int) -> int:
        """The height it takes at this width."""
        if self._laid_out_width != width:
            if self._wrapped_width != width:  # Qt lays out everything again, also for the same width
                self._wrapped_width = width
                self.setLineWrapColumnOrWidth(width)
            self._height = int(self.document().size().height() + 0.999)
            self._laid_out_width = width
        return self._height

    def _shift(self, position: int, count: int) -> None:
        """So has the place where the tail begins."""
        super()._shift(position, count)
        if self._tail_start >= position:
            self._tail_start += count

    def _write(self, cursor: QTextCursor, before: Block | None, block: Block, *, is_tail: bool) -> None:
        scale = theme().px
        text = getattr(block.content, "text", "")
        is_rtl = is_right_to_left(text)
        block_format = QTextBlockFormat()
        indent = scale(indent_of(block))
        (block_format.setRightMargin if is_rtl else block_format.setLeftMargin)(indent)
        block_format.setTopMargin(scale(gap_between(before, block, self._look)))
        is_source = isinstance(block.content, Source)
        line = theme().line_height("code" if is_source else self._look.role)
        block_format.setLineHeight(line, QTextBlockFormat.LineHeightTypes.MinimumHeight.value)
        base = char_format(self._look)
        content = block.content
        if isinstance(content, Heading):
            block_format.setHeadingLevel(content.level)
            base = self._heading_format(content.level)
        elif isinstance(content, MathBlock):
            block_format.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        elif isinstance(content, Rule):
            font = base.font()
            scale_font(font, 0.2)
            base.setFont(font)
            block_format.setLineHeight(scale(5), QTextBlockFormat.LineHeightTypes.MinimumHeight.value)
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
        if isinstance(content, MathBlock) and content.tex.strip():
            write_formula(
                cursor, content.tex, base, self._look, is_display=True, is_alone=True, is_tail=is_tail
            )
        elif isinstance(content, Source):
            block_format = QTextBlockFormat()
            block_format.setLayoutDirection(Qt.LayoutDirection.LeftToRight)
            cursor.mergeBlockFormat(block_format)
            cursor.insertText(one_paragraph(clean_code(content.text)), code_format(base, self._look))
        elif isinstance(content, Paragraph | Heading):
            self._write_spans(cursor, parse_inline(content.text, is_open=is_tail), base)

    def _write_spans(self, cursor: QTextCursor, spans: Sequence[Span], base: QTextCharFormat) -> None:
        self._code_spans += write_spans(cursor, spans, base, self._look)
        if any(span.link or span.kind is SpanKind.FOOTNOTE for span in spans):
            self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def _heading_format(self, level: int) -> QTextCharFormat:
        base = char_format(self._look)
        font = theme().font(self._look.role, 600)
        size = min(_HEADING_SIZES.get(level, 15), 18) * self._look.base_size / 15
        scale_font(font, size / self._look.base_size)
        base.setFont(font)
        base.setForeground(theme().color("text"))
        return base

    def _paint_beside(self, painter: QPainter, visible: QRect) -> None:
        """Markers of items, rules of quotes, horizontal rules."""
        layout, document = self.document().documentLayout(), self.document()
        color = theme().color("line")
        below: dict[int, float] = {}
        for decoration in self._decorations:
            block: QTextBlock = document.findBlockByNumber(decoration.number)
            if not block.isValid():
                continue
            rect = layout.blockBoundingRect(block)
            if rect.top() > visible.bottom() + 1:
                break
            if rect.bottom() < visible.top() - 1 and not decoration.offsets:
                continue  # a rule beside a quote goes on from where that of the block above ended
            if decoration.is_rule:
                left = theme().px(decoration.offsets[-1] + QUOTE_INDENT) if decoration.offsets else 0
                middle = rect.center().y()
                painter.fillRect(aligned(painter, QRectF(left, middle, self.width() - left, 1)), color)
            if decoration.item is not None and block.layout().lineCount():
                self._paint_marker(painter, decoration, decoration.item, block)
            mirror = self.width() if decoration.is_right_to_left else None
            paint_quote_rules(painter, decoration.offsets, rect.top(), rect.bottom(), below, mirror)

    def _paint_marker(
        self, painter: QPainter, decoration: _Decoration, item: Item, block: QTextBlock
    ) -> None:
        """On the first line and clear of the text."""
        line = block.layout().lineAt(0)
        top = self.document().documentLayout().blockBoundingRect(block).top()
        gap, is_rtl = theme().px(MARKER_GAP), decoration.is_right_to_left
        edge = self.width() - decoration.indent + gap if is_rtl else decoration.indent - gap
        baseline = top + line.y() + line.ascent()
        paint_marker(painter, item, self._look, edge=edge, baseline=baseline, is_rtl=is_rtl)


def paint_marker(
    painter: QPainter, item: Item, look: TextLook, *, edge: float, baseline: float, is_rtl: bool = False
) -> None:
    """Bullet, number or box of an item; `edge` is the side of it that faces the text."""
    font = theme().font(look.role)
    if item.is_checked is not None:
        side = theme().px(14)
        x = edge - 1 if is_rtl else edge - side + 1
        rect = QRectF(x, baseline - side + theme().px(2), side, side)
        _paint_box(painter, rect, is_checked=item.is_checked)
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
        room = theme().px(80)
        left = edge - 2 if is_rtl else edge + 2 - room
        ascent = QFontMetricsF(font).ascent()
        side_of = Qt.AlignmentFlag.AlignLeft if is_rtl else Qt.AlignmentFlag.AlignRight
        painter.drawText(QRectF(left, baseline - ascent, room, 2 * ascent), side_of, number)


def paint_quote_rules(
    painter: QPainter,
    offsets: Sequence[int],
    top: float,
    bottom: float,
    below: dict[int, float],
    mirror_px: int | None = None,
) -> None:
    """Paints the rule of each quote from the end of the block above, if that stood in it too.

    `mirror_px` is the width of text that runs to the left: its rules stand at the right. `below` maps an
    offset to where its rule ended; it is brought up to date.
    """
    for offset in offsets:
        start = below.get(offset, top)
        x = theme().px(offset) if mirror_px is None else mirror_px - theme().px(offset) - _QUOTE_RULE
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


def _block_of(hit: tuple[Place, Place]) -> int:
    return hit[0].block


def _formula_sources(block: QTextBlock) -> list[tuple[int, int]]:
    """Where in a block of the document formulas are shown by their source."""
    found: list[tuple[int, int]] = []
    formats = block.textFormats() if block.isValid() else []
    for piece in formats:
        if piece.format.property(TEX) and piece.format.objectType() != MATH_OBJECT:
            found.append((piece.start, piece.start + piece.length))
    return found


def select_positions(edit: QTextEdit | QPlainTextEdit, start: int, end: int) -> None:
    """Selects what lies between two positions, without scrolling sideways."""
    cursor = edit.textCursor()
    if (cursor.anchor(), cursor.position()) == (start, end) or (start == end and not cursor.hasSelection()):
        return
    bar = edit.horizontalScrollBar()
    scrolled = bar.value()
    cursor.setPosition(start)
    cursor.setPosition(end, QTextCursor.MoveMode.KeepAnchor)
    edit.setTextCursor(cursor)
    bar.setValue(scrolled)


def bring_sideways(edit: QTextEdit | QPlainTextEdit, cursor: QTextCursor) -> None:
    """Scrolls sideways, if it must, so that a position can be seen."""
    bar = edit.horizontalScrollBar()
    if not bar.maximum():
        return
    x, width = edit.cursorRect(cursor).x(), edit.viewport().width()
    if not 0 <= x < width:
        bar.setValue(bar.value() + x - width // 2)


def scroll_sideways(edit: QTextEdit, event: QWheelEvent) -> None:
    """Takes the wheel where it scrolls sideways, by itself or with Shift; the rest is for the transcript."""
    bar, angle, exact = edit.horizontalScrollBar(), event.angleDelta(), event.pixelDelta()
    is_turned = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier) and not angle.x()
    if not bar.maximum() or not (is_turned or abs(angle.x()) > abs(angle.y())):
        event.ignore()
        return
    pixels = exact.y() if is_turned else exact.x()
    if exact.isNull():
        clicks = (angle.y() if is_turned else angle.x()) / 120
        pixels = round(clicks * QApplication.wheelScrollLines() * theme().line_height("code"))
    bar.setValue(bar.value() - pixels)
    event.accept()


def rest_cursor(edit: QTextEdit | QPlainTextEdit) -> None:
    """Takes the cursor, which text inserted before it moves on, back to the start; spares a selection."""
    cursor = edit.textCursor()
    if cursor.position() and not cursor.hasSelection():
        cursor.setPosition(0)
        edit.setTextCursor(cursor)
