"""Formulas from TeX to pictures. They are typeset by a child process; until then there is none."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass, field
from typing import Final

from PySide6.QtCore import QObject, QPointF, QRectF
from PySide6.QtGui import QColor, QPainter, QPixmap

from drover.ui.typesetter import DISPLAY, FORMULA
from drover.ui.typesetting import Answer, Question, typesetting

_LONGEST_TEX: Final = 2000
_PICTURES_KEPT: Final = 1024
_SIZES_KEPT: Final = 3
"""Of one picture: beside its own colour, that of a selection and of a hit."""


@dataclass(frozen=True, eq=False, slots=True)
class Formula:
    """A typeset formula, or one that cannot be typeset. Lengths are in sizes of the text around it."""

    width: float
    """Of the whole picture; 0 if there is none."""
    ascent: float
    """Above the baseline."""
    descent: float
    """Below the baseline."""
    _svg: bytes
    _pixmaps: dict[tuple[float, float, int], QPixmap] = field(default_factory=dict)

    @property
    def is_typeset(self) -> bool:
        """Whether there is a picture; else its source stands for it."""
        return self.width > 0

    def draw(self, painter: QPainter, rect: QRectF, color: QColor) -> None:
        """Fills the rectangle with the formula, sharp on the device of the painter."""
        transform = painter.deviceTransform()
        ratio = transform.m11() or 1.0
        key = (rect.width(), ratio, color.rgba())
        pixmap = self._pixmaps.get(key)
        if pixmap is None:
            if len(self._pixmaps) >= _SIZES_KEPT:
                self._pixmaps.clear()
            pixmap = self._pixmaps[key] = self._drawn(rect, ratio, color)
        corner = transform.map(rect.topLeft())
        if transform.isInvertible():
            corner = transform.inverted()[0].map(QPointF(round(corner.x()), round(corner.y())))
        size = pixmap.deviceIndependentSize()
        painter.drawPixmap(QRectF(corner, size), pixmap, QRectF(pixmap.rect()))

    def _drawn(self, rect: QRectF, ratio: float, color: QColor) -> QPixmap:
        from PySide6.QtSvg import QSvgRenderer  # not needed before the first formula

        width, height = rect.width() * ratio, rect.height() * ratio
        pixmap = QPixmap(max(1, math.ceil(width)), max(1, math.ceil(height)))
        pixmap.fill(QColor(0, 0, 0, 0))
        pen = QPainter(pixmap)
        svg = self._svg.replace(b"currentColor", color.name().encode("ascii"))
        QSvgRenderer(svg).render(pen, QRectF(0, 0, width, height))
        pen.end()
        pixmap.setDevicePixelRatio(ratio)
        return pixmap


_UNTYPESET: Final = Formula(0.0, 0.0, 0.0, b"")


def formula_question(tex: str, *, is_display: bool) -> Question:
    """What is asked for a formula."""
    return Question(FORMULA, tex, DISPLAY if is_display else "")


def known_formula(question: Question) -> Formula | None:
    """The formula, if it is known by now whether it can be typeset. Nothing is asked."""
    if _is_hopeless(question.text):
        return _UNTYPESET
    answer = typesetting().kept(question)
    return _formula_in(answer) if answer is not None else None


def formula(question: Question, asker: QObject) -> Formula | None:
    """The formula; None until it is known, which `typesetting().answered` tells if the asker still exists."""
    if _is_hopeless(question.text):
        return _UNTYPESET
    answer = typesetting().answer(question, asker)
    return _formula_in(answer) if answer is not None else None


def _is_hopeless(tex: str) -> bool:
    return not tex.strip() or len(tex) > _LONGEST_TEX


@functools.lru_cache(maxsize=_PICTURES_KEPT)
def _formula_in(answer: Answer) -> Formula:
    if answer.is_failure:
        return _UNTYPESET
    facts = answer.facts
    return Formula(facts["width"], facts["ascent"], facts["descent"], answer.payload)
