"""Writes inline content into a text document: emphasis, code, links, formulas."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

from PySide6.QtCore import QCoreApplication, QRect, QRectF, QSizeF
from PySide6.QtGui import (
    QFont,
    QFontInfo,
    QFontMetricsF,
    QPainter,
    QPyTextObject,
    QTextCharFormat,
    QTextCursor,
    QTextDocument,
    QTextFormat,
)

from drover.ui.formula import Formula, formula
from drover.ui.markdown_inline import Span, SpanKind, Style, safe_link
from drover.ui.markdown_look import BREAK_HERE, TextLook, breakable_text, clean_text, scale_font
from drover.ui.theme import theme

MATH_OBJECT = QTextFormat.ObjectTypes.UserObject + 1
TEX = QTextFormat.Property.UserProperty + 1
IS_DISPLAY = QTextFormat.Property.UserProperty + 2
OBJECT_CHARACTER = "\ufffc"
_LINE_SEPARATOR = "\u2028"
_LINE_ENDS = {0x0A: _LINE_SEPARATOR, 0x0D: _LINE_SEPARATOR}


class FormulaObject(QPyTextObject):
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
    is_display = bool(char_format.property(IS_DISPLAY))
    size = _pixel_size(text_format.font()) * (1.27 if is_display else 1.08)
    rgba = text_format.foreground().color().rgba()
    return formula(str(char_format.property(TEX)), round(size, 2), rgba, is_display=is_display)


def _fit(shape: Formula, document: QTextDocument) -> float:
    width = document.textWidth()
    return min(1.0, width / shape.width) if width > 0 else 1.0


def _font_descent(char_format: QTextFormat) -> float:
    return QFontMetricsF(char_format.toCharFormat().font()).descent()


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
    """Inserts a formula; its source in the code font if it cannot be typeset or is not complete yet.

    `is_alone` says that it has its line to itself.
    """
    math_format = QTextCharFormat(base)
    math_format.setObjectType(MATH_OBJECT)
    math_format.setProperty(TEX, clean_text(tex))
    math_format.setProperty(IS_DISPLAY, is_display)
    shape = None if is_tail and is_display else _formula_of(math_format)
    if shape is None:
        source_format = code_format(base, look)
        source_format.setProperty(TEX, clean_text(tex))
        source_format.setProperty(IS_DISPLAY, is_display)
        cursor.insertText(_one_paragraph(tex), source_format)
        return
    alignments = QTextCharFormat.VerticalAlignment
    if not is_alone:
        fits = shape.descent <= _font_descent(math_format) + 0.5
        math_format.setVerticalAlignment(alignments.AlignBaseline if fits else alignments.AlignMiddle)
    cursor.insertText(OBJECT_CHARACTER, math_format)


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
    code_spans = []
    for span in spans:
        if not shown_characters(span):
            continue
        text_format = _styled(base, span)
        match span.kind:
            case SpanKind.TEXT:
                cursor.insertText(_one_paragraph(span.text), text_format)
            case SpanKind.BREAK:
                cursor.insertText(_LINE_SEPARATOR, base)
            case SpanKind.CODE:
                start = cursor.position()
                cursor.insertText(_one_paragraph(span.text), code_format(text_format, look))
                code_spans.append((start, cursor.position()))
            case SpanKind.MATH:
                write_formula(cursor, span.text, text_format, look, is_display=False)
            case SpanKind.DISPLAY_MATH:
                write_formula(cursor, span.text, text_format, look, is_display=True)
            case SpanKind.FOOTNOTE:
                text_format.setVerticalAlignment(QTextCharFormat.VerticalAlignment.AlignSuperScript)
                text_format.setForeground(theme().color("text-3"))
                cursor.insertText(_one_paragraph(span.text), text_format)
            case SpanKind.IMAGE:
                text_format.setForeground(theme().color("text-3"))
                _set_link(text_format, safe_link(span.link))
                cursor.insertText(_one_paragraph(image_words(span)), text_format)
    return code_spans


def shown_characters(span: Span) -> str:
    """What a reader sees of a span; a formula is one character, and so is a line break."""
    match span.kind:
        case SpanKind.MATH | SpanKind.DISPLAY_MATH:
            return OBJECT_CHARACTER if span.text.strip() else ""
        case SpanKind.IMAGE:
            words = image_words(span)
        case _:
            words = span.text
    words = clean_text(words)
    if words.isascii() and "\r" not in words:
        return words
    return words.replace(BREAK_HERE, "").replace("\r", "\n").replace(_LINE_SEPARATOR, "\n")


def _one_paragraph(text: str) -> str:
    """Text that may be inserted without beginning a new paragraph of the document."""
    return breakable_text(text).translate(_LINE_ENDS)


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


def tooltip_text(url: str) -> str:
    """The address of a link for a tip, shortened in the middle."""
    shortened = url if len(url) <= 200 else url[:160] + "…" + url[-30:]
    return shortened.replace("&", "&amp;").replace("<", "&lt;")
