"""Formulas from TeX to pictures, typeset by ziamath and kept for the next time."""

from __future__ import annotations

import functools
import math
import threading
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING
from xml.etree import ElementTree

from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QColor, QPainter, QPixmap

if TYPE_CHECKING:
    from PySide6.QtSvg import QSvgRenderer

_LONGEST_TEX = 2000
_FORMULAS_KEPT = 512


@dataclass(frozen=True, eq=False, slots=True)
class Formula:
    """A typeset formula. Lengths are logical pixels."""

    width: float
    ascent: float
    """Above the baseline."""
    descent: float
    """Below the baseline."""
    _renderer: QSvgRenderer
    _pixmaps: dict[tuple[float, float], QPixmap]

    @property
    def height(self) -> float:
        """Of the whole picture."""
        return self.ascent + self.descent

    def draw(self, painter: QPainter, rect: QRectF) -> None:
        """Fills the rectangle with the formula, sharp on the device of the painter."""
        transform = painter.deviceTransform()
        ratio = transform.m11() or 1.0
        key = (rect.width(), ratio)
        pixmap = self._pixmaps.get(key)
        if pixmap is None:
            pixmap = QPixmap(
                max(1, math.ceil(rect.width() * ratio)), max(1, math.ceil(rect.height() * ratio))
            )
            pixmap.fill(QColor(0, 0, 0, 0))
            pen = QPainter(pixmap)
            self._renderer.render(pen, QRectF(0, 0, rect.width() * ratio, rect.height() * ratio))
            pen.end()
            pixmap.setDevicePixelRatio(ratio)
            self._pixmaps.clear()
            self._pixmaps[key] = pixmap
        corner = transform.map(rect.topLeft())
        if transform.isInvertible():
            corner = transform.inverted()[0].map(QPointF(round(corner.x()), round(corner.y())))
        size = pixmap.deviceIndependentSize()
        painter.drawPixmap(QRectF(corner, size), pixmap, QRectF(pixmap.rect()))


@functools.cache
def warm_up() -> None:
    """Loads the typesetter beside other work, because a formula has begun that will be needed in a moment."""
    threading.Thread(target=_load, name="load the typesetter", daemon=True).start()


def _load() -> None:
    try:
        import ziamath.zmath  # noqa: F401
    except Exception:  # said again, where it matters, by the first formula
        pass


@functools.lru_cache(maxsize=_FORMULAS_KEPT)
def formula(tex: str, size_px: float, rgba: int, *, is_display: bool) -> Formula | None:
    """The typeset formula at this size of text and colour; None if it is not TeX that can be typeset."""
    if not tex.strip() or len(tex) > _LONGEST_TEX:
        return None
    try:
        svg, width, ascent, descent = _typeset(tex, size_px, QColor.fromRgba(rgba).name(), is_display)
    except Exception:  # the typesetter raises whatever its parsers raise; the source is shown instead
        return None
    from PySide6.QtSvg import QSvgRenderer  # not needed before the first formula

    renderer = QSvgRenderer(svg)
    if not renderer.isValid() or not (0 < width < 100_000 and 0 < ascent + descent < 100_000):
        return None
    return Formula(width, ascent, descent, renderer, {})


def _typeset(tex: str, size_px: float, color: str, is_display: bool) -> tuple[bytes, float, float, float]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        # Costs a quarter of a second, so not before the first formula.
        from ziamath.config import config
        from ziamath.zmath import Latex

        config.svg2 = False  # Qt's renderer knows SVG 1.1
        picture = Latex(tex, size=size_px, color=color, inline=not is_display, margin=1.0)
        box = picture.node.bbox
        svg = ElementTree.tostring(picture.svgxml())
    return svg, box.xmax - box.xmin + 2, box.ymax + 1, 1 - box.ymin
