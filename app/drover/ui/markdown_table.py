"""A table of Markdown: hairlines, no verticals, figures at the right; a very wide one scrolls sideways."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

from PySide6.QtCore import Qt
from PySide6.QtGui import (
    QFontMetricsF,
    QTextBlockFormat,
    QTextCursor,
    QTextFrameFormat,
    QTextLength,
    QTextTable,
    QTextTableCellFormat,
    QTextTableFormat,
)
from PySide6.QtWidgets import QWidget

from drover.markdown_blocks import Table
from drover.ui.find_marks import positions_at
from drover.ui.markdown_inline import SpanKind, parse_inline, plain_text
from drover.ui.markdown_look import TextLook, half_leading
from drover.ui.markdown_places import Place, Range, cell_rectangle, offset_at, position_at
from drover.ui.markdown_spans import char_format, write_spans
from drover.ui.markdown_text import MarkdownText, rest_cursor, select_positions
from drover.ui.theme import theme

_CELL_GAP, _CELL_PADDING, _NARROWEST_COLUMN, _BAR = 24, 5, 48, 12
_ROLE, _BASE_SIZE = "column", 14
_LONGEST_MEASURED = 400
_LONGEST_WORD = 18
"""Of a longer word so many characters stay together."""
_WORD = re.compile(r"[^\s\-\u2e80-\U0010ffff]+")
"""What is not broken: words of alphabets, but neither at hyphens nor in Chinese and the like."""


class TableText(MarkdownText):
    """Shows one table that may still grow by rows."""

    def __init__(self, look: TextLook, parent: QWidget | None = None) -> None:
        super().__init__(look, parent)
        self._text_look = TextLook(role=_ROLE, token=look.token, base_size=_BASE_SIZE)
        self._shown: Table | None = None
        self._alignments: list[str] = []
        self._target: QTextTable | None = None
        self._needs: list[Need] = []
        self._height = 0
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAsNeeded)

    def show_table(self, table: Table, widths_of: Table | None = None) -> None:
        """Shows the table; rows already shown are kept. `widths_of` is the table this one goes on with."""
        alignments = _alignments(table)
        shown = self._shown
        grows = (
            shown is not None
            and shown.header == table.header
            and alignments == self._alignments
            and len(shown.rows) <= len(table.rows)
        )
        self.document().setLayoutEnabled(False)  # else it is laid out once more, with other widths
        cursor = QTextCursor(self.document())
        cursor.beginEditBlock()
        if grows and shown is not None and self._target is not None:
            first = max(0, len(shown.rows) - 1)
            if shown.rows[:first] != table.rows[:first]:
                first = 0
            self._grow(table, first)
            self._needs = _widened(self._needs, table, first)
        else:
            self._rebuild(cursor, table, alignments)
            self._needs = _widened(_header_needs(widths_of or table), widths_of or table, 0)
        cursor.endEditBlock()
        rest_cursor(self)
        self._shown = table
        self._laid_out_width = -1

    def lay_out(self, width: int) -> int:
        """The height it takes at this width."""
        if self._laid_out_width == width or self._target is None:
            return self._height
        if self._laid_out_width < 0:
            self.setLineWrapColumnOrWidth(0)  # so that the width set below counts as another one
        widths = fitted_widths(self._needs, width)
        table_format = self._target.format().toTableFormat()
        constraints = [QTextLength(QTextLength.Type.FixedLength, column) for column in widths]
        if table_format.columnWidthConstraints() != constraints:
            table_format.setColumnWidthConstraints(constraints)
            self._target.setFormat(table_format)
        needed = max(width, int(sum(widths)))
        self.document().setLayoutEnabled(True)
        self.setLineWrapColumnOrWidth(needed)
        self._height = int(self.document().size().height() + 0.999) + (_BAR if needed > width + 1 else 0)
        self._laid_out_width = width
        return self._height

    def place_of(self, position: int) -> Place:
        """The place at a position of the document: its cells are paragraphs, one after another."""
        return Place(0, offset_at(self._cells(), max(0, position - 1)))

    def position_of(self, place: Place) -> int:
        """The position in the document of a place."""
        return 1 + position_at(self._cells(), place.offset)

    def _ranges_of(self, hits: Sequence[tuple[Place, Place]]) -> list[tuple[int, int]]:
        found = positions_at(self._cells(), [place.offset for hit in hits for place in hit])
        return [(1 + start, 1 + end) for start, end in zip(found[::2], found[1::2], strict=True)]

    def select(self, selection: Range | None) -> None:
        """Within a cell the text; between two cells, the rectangle; whole rows where it goes on outside."""
        table = self._target
        if selection is None or table is None or not table.rows():
            super().select(None)
            return
        ends = [None if place is None else table.cellAt(self.position_of(place)) for place in selection]
        first, last = (None if cell is None else (cell.row(), cell.column()) for cell in ends)
        if first is not None and first == last:
            super().select(selection)
            return
        rows, columns = cell_rectangle(first, last, table.rows(), table.columns())
        start, end = table.cellAt(rows[0], columns[0]), table.cellAt(rows[-1], columns[-1])
        select_positions(self, start.firstPosition(), end.lastPosition())

    def _cells(self) -> str:
        """The text of all cells, with one character between two of them."""
        return self.document().toRawText()[1:-1]

    def _rebuild(self, cursor: QTextCursor, table: Table, alignments: list[str]) -> None:
        cursor.select(QTextCursor.SelectionType.Document)
        cursor.removeSelectedText()
        self._code_spans, self._alignments = [], alignments
        first = 0 if table.is_continued else 1
        table_format = QTextTableFormat()
        table_format.setBorder(0)
        table_format.setBorderStyle(QTextFrameFormat.BorderStyle.BorderStyle_None)
        table_format.setBorderCollapse(True)
        table_format.setCellSpacing(0)
        table_format.setCellPadding(0)
        table_format.setHeaderRowCount(first)
        self._target = cursor.insertTable(max(1, len(table.rows) + first), len(table.header), table_format)
        if not table.is_continued:
            self._write_row(0, table.header, is_header=True, is_last=not table.rows)
        self._write_rows(table, 0)
        nothing = QTextBlockFormat()
        nothing.setLineHeight(0, QTextBlockFormat.LineHeightTypes.FixedHeight.value)
        cursor.movePosition(QTextCursor.MoveOperation.End)
        cursor.setBlockFormat(nothing)

    def _grow(self, table: Table, first: int) -> None:
        assert self._target is not None
        needed = len(table.rows) + (0 if table.is_continued else 1)
        if needed > self._target.rows():
            self._target.appendRows(needed - self._target.rows())
        position = self._target.cellAt(first + (0 if table.is_continued else 1), 0).firstPosition()
        self._code_spans = [span for span in self._code_spans if span[0] < position]
        self._write_rows(table, first)

    def _write_rows(self, table: Table, first: int) -> None:
        offset = 0 if table.is_continued else 1
        for index in range(first, len(table.rows)):
            is_last = index == len(table.rows) - 1
            self._write_row(index + offset, table.rows[index], is_header=False, is_last=is_last)

    def _write_row(self, row: int, cells: Sequence[str], *, is_header: bool, is_last: bool) -> None:
        assert self._target is not None
        base = char_format(self._text_look)
        if is_header:
            base.setFont(theme().font(_ROLE, 600))
            base.setForeground(theme().color("text"))
        block_format = QTextBlockFormat()
        block_format.setLineHeight(
            theme().line_height(_ROLE), QTextBlockFormat.LineHeightTypes.MinimumHeight.value
        )
        gap, padding, last = theme().px(_CELL_GAP), theme().px(_CELL_PADDING), len(cells) - 1
        lift = half_leading(_ROLE)
        for column, text in enumerate(cells):
            cell = self._target.cellAt(row, column)
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
            block_format.setAlignment(_QT_ALIGNMENTS[self._alignments[column]])
            cursor = cell.firstCursorPosition()
            cursor.setPosition(cell.lastPosition(), QTextCursor.MoveMode.KeepAnchor)
            cursor.removeSelectedText()
            cursor.setBlockFormat(block_format)
            spans = parse_inline(text, breaks_at_tags=True)
            self._code_spans += write_spans(cursor, spans, base, self._text_look)
            if any(span.link or span.kind is SpanKind.FOOTNOTE for span in spans):
                self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)


class Need(NamedTuple):
    """How wide a column would like to be, and must be, in pixels, the gap after it included."""

    natural: float
    """So that nothing wraps."""
    least: float
    """So that no word is broken, unless it is very long."""


def fitted_widths(needs: Sequence[Need], available: float) -> list[float]:
    """Column widths that fill the room: narrow columns keep their own width, wide ones share what is left.

    The last column takes what remains over. No column gets narrower than the least it needs; the sum may
    then exceed the room.
    """
    if not needs:
        return []
    widths = [need.natural for need in needs]
    if sum(widths) > available:
        shares = range(int(available) + 1)
        share = bisect_right(shares, available, key=partial(_total, needs)) - 1
        widths = [float(int(width)) for width in _shared(needs, max(0, share))]
    widths[-1] += max(0.0, available - sum(widths))
    return widths


def _shared(needs: Sequence[Need], share: float) -> list[float]:
    """The widths if each column may have so much."""
    return [max(need.least, min(need.natural, share)) for need in needs]


def _total(needs: Sequence[Need], share: float) -> float:
    return sum(_shared(needs, share))


def _header_needs(table: Table) -> list[Need]:
    """What the titles of the columns need."""
    strong, last = QFontMetricsF(theme().font(_ROLE, 600)), len(table.header) - 1
    return [_need(cell, strong, column < last) for column, cell in enumerate(table.header)]


def _widened(needs: Sequence[Need], table: Table, first: int) -> list[Need]:
    """The needs of the columns together with those of the rows from `first` on."""
    plain, strong = QFontMetricsF(theme().font(_ROLE)), QFontMetricsF(theme().font(_ROLE, 600))
    result, last = list(needs), len(needs) - 1
    for row in table.rows[first:]:
        for column, cell in enumerate(row):
            need = _need(cell, strong if "**" in cell else plain, column < last)
            result[column] = Need(*map(max, result[column], need))
    return result


def _need(cell: str, metrics: QFontMetricsF, has_gap: bool) -> Need:
    """What the longest line and the longest word of a cell take."""
    text = plain_text(parse_inline(cell, breaks_at_tags=True))
    around = 2 + (theme().px(_CELL_GAP) if has_gap else 0)
    natural = metrics.horizontalAdvance(max(text.split("\n"), key=len)[:_LONGEST_MEASURED])
    word = max(_WORD.findall(text), key=len, default="")[:_LONGEST_WORD]
    least = max(metrics.horizontalAdvance(word), min(natural, theme().px(_NARROWEST_COLUMN)))
    return Need(natural + around, least + around)


def _alignments(table: Table) -> list[str]:
    """Per column as declared; figures stand at the right where nothing is."""
    return [
        alignment or ("right" if _is_numeric(table, column) else "")
        for column, alignment in enumerate(table.alignments)
    ]


_QT_ALIGNMENTS = {
    "": Qt.AlignmentFlag.AlignLeading,
    # Absolute: else Qt takes left and right for the beginning and the end of text that runs to the left.
    "left": Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignAbsolute,
    "center": Qt.AlignmentFlag.AlignHCenter,
    "right": Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignAbsolute,
}


def _is_numeric(table: Table, column: int) -> bool:
    """Whether the cells of a column are figures, save perhaps a word such as "Total" among them."""
    filled = [row[column].strip("*_ ") for row in table.rows[:20] if row[column].strip()]
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
