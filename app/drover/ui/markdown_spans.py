"""Writes inline content into a text document: emphasis, code, links, formulas."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from PySide6.QtCore import QCoreApplication, QObject, QRect, QRectF, QSizeF, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFont,
    QFontInfo,
    QFontMetrics,
    QFontMetricsF,
    QPainter,
    QPyTextObject,
    QTextCharFormat,
    QTextCursor,
    QTextDocument,
    QTextFormat,
)

from drover.markdown_blocks import DATA_SO_FAR
from drover.ui import formats
from drover.ui.formula import Formula, formula, formula_question, known_formula
from drover.ui.markdown_inline import Span, SpanKind, Style, is_picture, safe_link
from drover.ui.markdown_look import BREAK_HERE, TextLook, breakable_text, clean_code, clean_text, scale_font
from drover.ui.theme import theme
from drover.ui.typesetting import Question, typesetting

MATH_OBJECT = QTextFormat.ObjectTypes.UserObject + 1
TEX = QTextFormat.Property.UserProperty + 1
"""The source that an object, or text in the place of one, stands for."""
IS_DISPLAY = QTextFormat.Property.UserProperty + 2
_IS_KNOWN = QTextFormat.Property.UserProperty + 3
"""Of an object: its formula is there, and it is aligned by it."""
_OBJECT_SELECTION = 0x822
"""Qt's `ObjectSelectionBrush`, which the binding does not name: of an object that is drawn as selected."""
_SO_FAR = re.compile(rf";{DATA_SO_FAR}=(\d{{1,12}}),")
_LONGEST_WORD, _SPAN_WEIGHT = 400, 10  # breaking takes a time quadratic in the letters and spans of a word
IMAGE_SCHEME = "image"
FOOTNOTE_SCHEME = "footnote"
OBJECT_CHARACTER = "\ufffc"
_LINE_SEPARATOR = "\u2028"
_LINE_ENDS = {0x0A: _LINE_SEPARATOR, 0x0D: _LINE_SEPARATOR}
_INLINE_SIZE, _DISPLAY_SIZE = 1.08, 1.27
_CODE_SIZE, _LINE_HEIGHT = 13 / 15, 22 / 15
_LONGEST_SHOWN = 400


class FormulaObject(QPyTextObject):
    """Draws the formulas inside a document, and their source until they are typeset.

    Signals:
        formulas_came(): some that were only source are known now; see `place_formulas`
    """

    formulas_came = Signal()

    def __init__(self, leading: float, parent: QObject | None = None) -> None:
        """`leading` is the room above the letters of a line that its formulas leave free too."""
        super().__init__(parent)
        self._leading = leading + 1  # a line with an object may begin a pixel above its block
        self._known: dict[Question, Formula] = {}
        self._awaited: set[Question] = set()
        self._selected: list[tuple[QRectF, _Box, QTextCharFormat]] = []

    def intrinsicSize(self, document: QTextDocument, position: int, char_format: QTextFormat) -> QSizeF:
        """The room a formula takes; its baseline lies on that of the line."""
        text_format = char_format.toCharFormat()
        box = self._box(text_format, document)
        match text_format.verticalAlignment():
            case QTextCharFormat.VerticalAlignment.AlignNormal:
                return QSizeF(box.width, self._leading + box.ascent + box.descent)
            case QTextCharFormat.VerticalAlignment.AlignMiddle:
                lift = _middle_lift(text_format)
                above, below = self._leading + box.ascent - lift, box.descent + lift
                return QSizeF(box.width, 2 * max(above, below))
            case _:
                return QSizeF(box.width, self._leading + box.ascent + _font_descent(text_format))

    def drawObject(
        self,
        painter: QPainter,
        rect: QRectF | QRect,
        document: QTextDocument,
        position: int,
        char_format: QTextFormat,
    ) -> None:
        """Draws it with its baseline on that of the line."""
        text_format, rect = char_format.toCharFormat(), QRectF(rect)
        box = self._box(text_format, document)
        match text_format.verticalAlignment():
            case QTextCharFormat.VerticalAlignment.AlignNormal:
                baseline = rect.top() + self._leading + box.ascent
            case QTextCharFormat.VerticalAlignment.AlignMiddle:
                baseline = rect.center().y() + _middle_lift(text_format)
            case _:
                baseline = rect.bottom() - _font_descent(text_format)
        target = QRectF(rect.x(), baseline - box.ascent, box.width, box.ascent + box.descent)
        if text_format.hasProperty(_OBJECT_SELECTION):
            self._selected.append((target, box, text_format))
        else:
            _draw(painter, target, box, text_format)

    def draw_selected(self, painter: QPainter) -> None:
        """Draws the selected formulas, after all else: Qt fills its colour of selection over objects."""
        for target, box, text_format in self._selected:
            _draw(painter, target, box, text_format)
        self._selected.clear()

    @property
    def has_selected(self) -> bool:
        """Whether there is anything for `draw_selected`."""
        return bool(self._selected)

    def formula_of(self, text_format: QTextCharFormat) -> Formula | None:
        """The formula of an object in the document; None while it is being typeset."""
        question = _question(text_format)
        found = self._known.get(question)
        if found is None and question not in self._awaited:
            found = formula(question, self)
            if found is not None:
                self._known[question] = found
            else:
                if not self._awaited:
                    typesetting().answered.connect(self._take)
                self._awaited.add(question)
        return found

    def _take(self, answered: list[Question]) -> None:
        came = self._awaited.intersection(answered)
        if not came:
            return
        for question in came:
            found = known_formula(question)
            if found is not None:
                self._known[question] = found
        self._awaited -= came
        if not self._awaited:
            typesetting().answered.disconnect(self._take)
        self.formulas_came.emit()

    def _box(self, text_format: QTextCharFormat, document: QTextDocument) -> _Box:
        """How large an object is, in logical pixels, within the width of its document."""
        shape, size = self.formula_of(text_format), _pixel_size(text_format.font())
        room = document.textWidth()
        if shape is None or not shape.is_typeset:
            return _source_box(text_format, room)
        scale = size * (_DISPLAY_SIZE if text_format.property(IS_DISPLAY) else _INLINE_SIZE)
        if room > 0:
            scale = min(scale, room / shape.width)
        return _Box(shape.width * scale, shape.ascent * scale, shape.descent * scale, shape)


@dataclass(frozen=True, slots=True)
class _Box:
    width: float
    ascent: float
    descent: float
    formula: Formula | None


def _draw(painter: QPainter, rect: QRectF, box: _Box, text_format: QTextCharFormat) -> None:
    color = text_format.foreground().color()
    if box.formula is not None:
        box.formula.draw(painter, rect, color)
    else:
        _draw_source(painter, rect, text_format, color)


def _question(text_format: QTextFormat) -> Question:
    is_display = bool(text_format.property(IS_DISPLAY))
    return formula_question(str(text_format.property(TEX)), is_display=is_display)


def _source_lines(text_format: QTextCharFormat) -> list[str]:
    """The source as it stands in for a formula: line by line where that has its line to itself."""
    tex = str(text_format.property(TEX))
    is_alone = text_format.verticalAlignment() == QTextCharFormat.VerticalAlignment.AlignNormal
    return tex.strip().split("\n") if is_alone else [" ".join(tex.split())]


def _source_font(text_format: QTextCharFormat) -> QFont:
    font = theme().font("code")
    font.setPixelSize(max(1, round(_pixel_size(text_format.font()) * _CODE_SIZE)))
    return font


def _source_box(text_format: QTextCharFormat, room: float) -> _Box:
    metrics, lines = QFontMetricsF(_source_font(text_format)), _source_lines(text_format)
    width = max(metrics.horizontalAdvance(line[:_LONGEST_SHOWN]) for line in lines)
    width = min(width, room) if room > 0 else width
    if len(lines) == 1:
        return _Box(width, metrics.ascent(), metrics.descent(), None)
    return _Box(width, len(lines) * _pixel_size(text_format.font()) * _LINE_HEIGHT, 0.0, None)


def _draw_source(painter: QPainter, rect: QRectF, text_format: QTextCharFormat, color: QColor) -> None:
    font, lines = _source_font(text_format), _source_lines(text_format)
    metrics, height = QFontMetricsF(font), rect.height() / len(lines)
    painter.setFont(font)
    painter.setPen(color)
    for index, line in enumerate(lines):
        shown = metrics.elidedText(line[:_LONGEST_SHOWN], Qt.TextElideMode.ElideRight, rect.width() + 1)
        place = QRectF(rect.x(), rect.y() + index * height, rect.width() + 1, height)
        painter.drawText(place, Qt.AlignmentFlag.AlignCenter, shown)


def _font_descent(text_format: QTextCharFormat) -> float:
    return QFontMetricsF(text_format.font()).descent()


def _middle_lift(text_format: QTextCharFormat) -> float:
    """How far above the baseline Qt puts the centre of an object that is aligned at the middle."""
    return QFontMetrics(text_format.font()).xHeight() / 4


def _pixel_size(font: QFont) -> float:
    return float(font.pixelSize()) if font.pixelSize() > 0 else QFontInfo(font).pointSizeF() * 96 / 72


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
    """Inserts a formula: one character, whether it is typeset by now or not.

    Its source in the code font if it is known that it cannot be typeset, or if it is not complete yet.
    `is_alone` says that it has its line to itself.
    """
    math_format = QTextCharFormat(base)
    math_format.setObjectType(MATH_OBJECT)
    math_format.setProperty(TEX, clean_text(tex))
    math_format.setProperty(IS_DISPLAY, is_display)
    is_incomplete = is_tail and is_display
    if is_incomplete:
        typesetting().warm_up()
    shape = None if is_incomplete else known_formula(_question(math_format))
    if is_incomplete or (shape is not None and not shape.is_typeset):
        _write_source(cursor, math_format, look)
        return
    if not is_alone:
        math_format.setVerticalAlignment(QTextCharFormat.VerticalAlignment.AlignBaseline)
    if shape is not None:
        _align(math_format, shape)
    cursor.insertText(OBJECT_CHARACTER, math_format)


def place_formulas(document: QTextDocument, formulas: FormulaObject, look: TextLook) -> list[tuple[int, int]]:
    """Gives the formulas that have come their place; one that cannot be typeset becomes its source.

    Returns the position after each of these, before they changed, and how many characters longer the
    document is for it.
    """
    grown: list[tuple[int, int]] = []
    edit, offset = QTextCursor(document), 0
    edit.beginEditBlock()
    found = document.find(OBJECT_CHARACTER, 0)
    while not found.isNull():
        end = found.position()
        text_format = found.charFormat()
        if text_format.objectType() == MATH_OBJECT and not text_format.property(_IS_KNOWN):
            shape = formulas.formula_of(text_format)
            if shape is not None and shape.is_typeset:
                _align(text_format, shape)
                found.setCharFormat(text_format)
            elif shape is not None:
                _write_source(found, text_format, look)
                longer = found.position() - end
                grown.append((end - offset, longer))
                offset += longer
        found = document.find(OBJECT_CHARACTER, found.position())
    edit.endEditBlock()
    return grown


def _align(text_format: QTextCharFormat, shape: Formula) -> None:
    """Marks an object as known; one that hangs low in its line of text stands around the middle of it."""
    text_format.setProperty(_IS_KNOWN, True)
    alignments = QTextCharFormat.VerticalAlignment
    if text_format.verticalAlignment() != alignments.AlignNormal:
        scale = _DISPLAY_SIZE if text_format.property(IS_DISPLAY) else _INLINE_SIZE
        descent = shape.descent * scale * _pixel_size(text_format.font())
        fits = descent <= _font_descent(text_format) + 0.5
        text_format.setVerticalAlignment(alignments.AlignBaseline if fits else alignments.AlignMiddle)


def _write_source(cursor: QTextCursor, math_format: QTextCharFormat, look: TextLook) -> None:
    source = code_format(math_format, look)
    source.setVerticalAlignment(QTextCharFormat.VerticalAlignment.AlignNormal)
    for unwanted in (QTextFormat.Property.ObjectType.value, _IS_KNOWN):
        source.clearProperty(unwanted)
    cursor.insertText(one_paragraph(str(math_format.property(TEX))), source)


def code_format(base: QTextCharFormat, look: TextLook) -> QTextCharFormat:
    """Code inside running text; the fill behind it is painted apart."""
    code = QTextCharFormat(base)
    font = theme().font("code")
    font.setBold(base.font().bold())
    scale_font(font, look.base_size / 15)
    code.setFont(font)
    return code


def write_spans(
    cursor: QTextCursor, spans: Sequence[Span], base: QTextCharFormat, look: TextLook
) -> list[tuple[int, int]]:
    """Inserts inline content at the cursor; returns where in the document there is code."""
    run = 0
    code_spans = []
    for span in spans:
        if not shown_characters(span):
            continue
        if run > _LONGEST_WORD:
            cursor.insertText(BREAK_HERE, base)
            run = 0
        space = max(span.text.rfind(" "), span.text.rfind("\n"))
        run = _SPAN_WEIGHT + (len(span.text) + run if space < 0 else len(span.text) - space)
        text_format = _styled(base, span)
        match span.kind:
            case SpanKind.TEXT:
                cursor.insertText(one_paragraph(span.text), text_format)
            case SpanKind.BREAK:
                cursor.insertText(_LINE_SEPARATOR, base)
            case SpanKind.CODE:
                start = cursor.position()
                cursor.insertText(one_paragraph(clean_code(span.text)), code_format(text_format, look))
                code_spans.append((start, cursor.position()))
            case SpanKind.MATH:
                write_formula(cursor, span.text, text_format, look, is_display=False)
            case SpanKind.DISPLAY_MATH:
                write_formula(cursor, span.text, text_format, look, is_display=True)
            case SpanKind.FOOTNOTE:
                text_format.setVerticalAlignment(QTextCharFormat.VerticalAlignment.AlignSuperScript)
                text_format.setAnchor(True)
                text_format.setAnchorHref(f"{FOOTNOTE_SCHEME}:{quote(span.text, safe='')}")
                text_format.setForeground(theme().color("accent"))
                cursor.insertText(one_paragraph(span.text), text_format)
            case SpanKind.IMAGE | SpanKind.PARTIAL_IMAGE:
                text_format.setForeground(theme().color("text-3"))
                _set_link(text_format, image_reference(span))
                cursor.insertText(one_paragraph(image_words(span)), text_format)
    return code_spans


def shown_characters(span: Span) -> str:
    """What a reader sees of a span; a formula is one character, and so is a line break."""
    match span.kind:
        case SpanKind.MATH | SpanKind.DISPLAY_MATH:
            return OBJECT_CHARACTER if span.text.strip() else ""
        case SpanKind.IMAGE | SpanKind.PARTIAL_IMAGE:
            words = image_words(span)
        case SpanKind.CODE:
            words = clean_code(span.text)
        case _:
            words = span.text
    words = clean_text(words)
    if words.isascii() and "\r" not in words:
        return words
    return words.replace(BREAK_HERE, "").replace("\r", "\n").replace(_LINE_SEPARATOR, "\n")


def one_paragraph(text: str) -> str:
    """Text that may be inserted without beginning a new paragraph of the document."""
    return breakable_text(text).translate(_LINE_ENDS)


def image_words(span: Span) -> str:
    """What stands for an image in running text: "[Image: a cat, upload.example.org]"."""
    parts = [span.text.strip(), image_host(span.link)]
    if span.kind is SpanKind.PARTIAL_IMAGE:
        told = _SO_FAR.search(span.link, 0, 300)
        parts.append(_tr("{0} so far").format(formats.size(int(told.group(1)) if told else len(span.link))))
    words = ", ".join(filter(None, parts))
    return _tr("[Image: {0}]").format(words) if words else _tr("[Image]")


def image_reference(span: Span) -> str:
    """What stands in a document for the address of an image, which may be megabytes long.

    Empty if a click has nothing to show.
    """
    is_offered = span.kind is SpanKind.IMAGE and is_picture(span.link)
    return f"{IMAGE_SCHEME}:{hash(span.link)}" if is_offered else ""


def image_host(url: str) -> str:
    """The host that an image would come from, in ASCII, so that no letter passes for another; or empty."""
    try:
        parts = urlsplit(url[:2000])
        host = parts.hostname or ""
        port = f":{parts.port}" if parts.port else ""
        return host + port if host.isascii() else host.encode("idna").decode() + port
    except ValueError:
        return ""


def _tr(text: str) -> str:
    return QCoreApplication.translate("markdown", text)


def _styled(base: QTextCharFormat, span: Span) -> QTextCharFormat:
    text_format = QTextCharFormat(base)
    if span.style & Style.BOLD:
        text_format.setFontWeight(QFont.Weight.DemiBold.value)
    if span.style & Style.ITALIC:
        text_format.setFontItalic(True)
    if span.style & Style.STRIKE:
        text_format.setFontStrikeOut(True)
    if span.link and span.kind not in (SpanKind.IMAGE, SpanKind.PARTIAL_IMAGE):
        _set_link(text_format, safe_link(span.link))
    return text_format


def _set_link(text_format: QTextCharFormat, url: str) -> None:
    if url:
        text_format.setAnchor(True)
        text_format.setAnchorHref(url)
        text_format.setForeground(theme().color("accent"))
        text_format.setFontUnderline(True)


def tooltip_text(url: str) -> str:
    """The address of a link for a tip, shortened in the middle."""
    shortened = url if len(url) <= 200 else url[:160] + "…" + url[-30:]
    return shortened.replace("&", "&amp;").replace("<", "&lt;")
