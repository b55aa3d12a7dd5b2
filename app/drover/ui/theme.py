"""The look of the program: colours, type, icons and the style sheet, all derived from one table of tokens."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Final, Literal

import shiboken6
from PySide6.QtCore import QObject, QPointF, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFont,
    QFontDatabase,
    QFontMetricsF,
    QIcon,
    QIconEngine,
    QPainter,
    QPainterPath,
    QPalette,
    QPen,
    QPixmap,
    QRegion,
)
from PySide6.QtWidgets import QApplication

from drover.paths import resource

ThemeMode = Literal["system", "light", "dark"]

RADIUS: Final = 4.0
"""Corner radius of controls and rows."""

SMALLEST_TEXT_SCALE: Final = 0.5
LARGEST_TEXT_SCALE: Final = 3.0

LIGHT: Final[Mapping[str, str]] = {
    "page": "#ffffff", "window": "#f5f5f4", "raised": "#ffffff", "code": "#f7f7f6", "user": "#f4f1f0",
    "hover": "#ebebe9", "pressed": "#dfdfdc", "select": "#f2e2e1",
    "line": "#e3e3e1", "border": "#c6c6c3", "strong": "#7f7f7c", "track": "#d6d6d3",
    "text": "#1d1d1c", "text-2": "#565654", "text-3": "#666663", "disabled": "#9c9c99",
    "accent": "#8a2b2b", "accent-hover": "#742323", "accent-pressed": "#5e1c1c", "on-accent": "#ffffff",
    "caution": "#7d5200", "caution-bg": "#fbf4e4", "caution-line": "#dfc88f",
    "hit": "#ffe9a8", "tip": "#2b2b2a", "tip-text": "#f2f2f0",
    "syntax-keyword": "#7a2e6b", "syntax-string": "#1d6a3b", "syntax-number": "#1f5f9a",
    "syntax-comment": "#666663", "syntax-name": "#7a4a00",
    "thinking": "#c3d8ec", "answering": "#bfe0d5",
    "doubt-1": "#fdf3d9", "doubt-2": "#fae3ab", "doubt-3": "#f5d083", "doubt-4": "#efba60",
    "c1": "#1c62b5", "c2": "#8f4208", "c3": "#149466", "c4": "#c660a0", "c5": "#917f08", "c6": "#4a4a48",
}  # fmt: skip
"""Every colour of the light appearance by token."""

DARK: Final[Mapping[str, str]] = {
    "page": "#1b1b1b", "window": "#232322", "raised": "#2c2c2b", "code": "#212120", "user": "#2a2726",
    "hover": "#2e2e2d", "pressed": "#3a3a38", "select": "#3e2b2b",
    "line": "#343432", "border": "#4c4c4a", "strong": "#8a8a87", "track": "#454543",
    "text": "#e7e7e5", "text-2": "#b4b4b1", "text-3": "#9d9d9a", "disabled": "#6c6c6a",
    "accent": "#d98080", "accent-hover": "#e39797", "accent-pressed": "#c46d6d", "on-accent": "#1f0f0f",
    "caution": "#e2b763", "caution-bg": "#2d281c", "caution-line": "#5d4f2c",
    "hit": "#5c4a12", "tip": "#e7e7e5", "tip-text": "#1d1d1c",
    "syntax-keyword": "#d79ac9", "syntax-string": "#8fce9f", "syntax-number": "#8fbfe8",
    "syntax-comment": "#9d9d9a", "syntax-name": "#e0b878",
    "thinking": "#284660", "answering": "#20493f",
    "doubt-1": "#2f2919", "doubt-2": "#463818", "doubt-3": "#604a15", "doubt-4": "#7a5a10",
    "c1": "#93caf5", "c2": "#f0af6a", "c3": "#2f9a70", "c4": "#c05fa6", "c5": "#8a7b2c", "c6": "#c4c4bf",
}  # fmt: skip
"""Every colour of the dark appearance by token."""

_ROLES: Final[Mapping[str, tuple[float, int]]] = {
    "display": (20, 28), "title": (15, 20), "body": (15, 22), "column": (14, 20), "ui": (13, 20),
    "small": (12, 16), "code": (13, 20), "wire": (12, 16),
}  # fmt: skip
"""Size and line height of each role of text, where the system's own size counts as 13."""

_UI_SIZE: Final = 13.0
_FIXED_ROLES: Final = ("code", "wire")
_TABULAR_ROLES: Final = ("ui", "small", "column")
_GENERIC_FAMILIES: Final = ("sans serif", "sans-serif", "sans", "monospace", "")
_SANS_PREFERENCE: Final = ("Inter", "Noto Sans", "Cantarell", "Sans Serif")
_FIXED_PREFERENCE: Final = ("JetBrains Mono", "Noto Sans Mono", "DejaVu Sans Mono", "monospace")


STYLED: Final = "isFusionStyled"
"""Property of an application that was started with `-style Fusion`, which is 5 ms quicker than `setStyle`."""


class Theme(QObject):
    """The one source of colours, fonts and icons; applies palette and style sheet to the application.

    Signals:
        changed: colours, text size or fonts differ; custom painters repaint, layouts measure again.
        applied: everything has heard `changed`; for those who place others by what these measure
    """

    changed = Signal()
    applied = Signal()

    def __init__(self, application: QApplication) -> None:
        super().__init__(application)
        self._application = application
        self._mode: ThemeMode = "system"
        self._text_scale = 1.0
        self._tokens: dict[str, QColor] = {}
        self._fonts: dict[tuple[str, int], QFont] = {}
        self._is_applying = False
        self._is_building = False
        self._general, self._fixed = _system_fonts()
        self._hints = application.styleHints()
        self._system_scheme = self._hints.colorScheme()
        if not application.property(STYLED):
            application.setStyle("Fusion")
        self._apply()
        self._hints.colorSchemeChanged.connect(self._follow_system)
        if hasattr(self._hints, "accessibility"):  # Qt 6.10 and later
            self._hints.accessibility().contrastPreferenceChanged.connect(self._refresh)

    @property
    def mode(self) -> ThemeMode:
        """What was asked for; "system" follows the desktop at once."""
        return self._mode

    @property
    def is_dark(self) -> bool:
        """Whether light text stands on dark surfaces."""
        if self._mode == "system":
            return self._system_scheme == Qt.ColorScheme.Dark
        return self._mode == "dark"

    @property
    def is_high_contrast(self) -> bool:
        """Whether the desktop asks for high contrast; then its own palette wins."""
        if not hasattr(self._hints, "accessibility"):
            return False
        preference = self._hints.accessibility().contrastPreference()
        return bool(preference == Qt.ContrastPreference.HighContrast)

    @property
    def text_scale(self) -> float:
        """The person's text size, 1.0 for the system's own."""
        return self._text_scale

    def set_mode(self, mode: ThemeMode) -> None:
        """Chooses light, dark or whatever the desktop says."""
        if mode == self._mode:
            return
        self._mode = mode
        # Title bars and file dialogs of the system follow the same choice.
        self._is_applying = True
        if mode == "system":
            self._hints.unsetColorScheme()
            self._system_scheme = self._hints.colorScheme()
        else:
            self._hints.setColorScheme(Qt.ColorScheme.Dark if mode == "dark" else Qt.ColorScheme.Light)
        self._is_applying = False
        self._refresh()

    def set_text_scale(self, text_scale: float) -> None:
        """Scales all text and what holds it; clamped to 0.5 .. 3."""
        clean = min(max(text_scale, SMALLEST_TEXT_SCALE), LARGEST_TEXT_SCALE)
        if clean != self._text_scale:
            self._text_scale = clean
            self._refresh()

    def color(self, token: str) -> QColor:
        """The colour of a token. Raises KeyError for an unknown one."""
        return QColor(self._tokens[token])

    def font(self, role: str, weight: int = 400) -> QFont:
        """A font of the system for a role of text: display, title, body, column, ui, small, code or wire.

        Weights are 400, 500 and 600. Figures are tabular in the roles of controls and lists,
        except in headings (600).
        """
        found = self._fonts.get((role, weight))
        if found is None:
            found = self._fonts[role, weight] = self._made_font(role, weight)
        return QFont(found)

    def line_height(self, role: str) -> int:
        """The distance of two lines of this role in logical pixels."""
        return self.px(_ROLES[role][1])

    def px(self, length: float) -> int:
        """Logical pixels at 100 % text size -> now: for heights that hold text."""
        return round(length * self._text_scale * self._system_ratio)

    def icon(self, name: str, token: str = "text-2") -> QIcon:
        """A line icon that takes its colour from the theme each time it is painted."""
        return QIcon(LineIconEngine(name, token))

    def pixmap(self, name: str, size: int, token: str = "text-2", *, ratio: float | None = None) -> QPixmap:
        """The icon as a square picture of `size` logical pixels for screens of this device pixel ratio."""
        return _drawn(name, self._tokens[token].rgba(), size, ratio or self._application.devicePixelRatio())

    def measured(self, role: str, text: str, weight: int = 400) -> float:
        """The width of a text in logical pixels."""
        return QFontMetricsF(self.font(role, weight)).horizontalAdvance(text)

    @property
    def _system_ratio(self) -> float:
        """More than 1 only where the system's own text is so large that it needs taller rows."""
        return max(1.0, _pixel_size(self._general) / 15.0)

    def _follow_system(self, scheme: Qt.ColorScheme) -> None:
        if not self._is_applying and self._mode == "system":
            self._system_scheme = scheme
            self._refresh()

    def _refresh(self) -> None:
        if not self._is_applying:
            self._apply()
            self.changed.emit()
            self.applied.emit()

    def _apply(self) -> None:
        self._is_applying = True
        self._fonts.clear()
        if self.is_high_contrast:
            self._application.setPalette(QPalette())
            self._tokens = _tokens_of(self._application.palette())
        else:
            table = DARK if self.is_dark else LIGHT
            self._tokens = {token: QColor(value) for token, value in table.items()}
        self._application.setPalette(self._palette())
        self._application.setFont(self.font("ui"))
        # WORKAROUND: replacing a style sheet by another also prepares widgets that were never shown and notes
        # their font; a font that they get later is lost at their first showing. From none to one does not.
        self._application.setStyleSheet("")
        if not self._is_building:
            self._application.setStyleSheet(self._style_sheet())
        self._is_applying = False

    @contextmanager
    def building(self) -> Iterator[None]:
        """While a large window is put together: the style sheet comes on once, at the end.

        Under a style sheet Qt looks at a whole subtree again each time it is put into a parent, which is two
        thirds of the cost of a deep window.
        """
        self._is_building = True
        self._application.setStyleSheet("")
        try:
            yield
        finally:
            self._is_building = False
            self._application.setStyleSheet(self._style_sheet())

    def _made_font(self, role: str, weight: int) -> QFont:
        font = QFont(self._fixed if role in _FIXED_ROLES else self._general)
        ratio = _ROLES[role][0] / _UI_SIZE * self._text_scale
        if self._general.pointSizeF() > 0:
            font.setPointSizeF(self._general.pointSizeF() * ratio)
        else:
            font.setPixelSize(max(1, round(self._general.pixelSize() * ratio)))
        font.setWeight(QFont.Weight(weight))
        # Said either way: a widget's font takes what it leaves open from the application's.
        font.setFeature(QFont.Tag("tnum"), int(role in _TABULAR_ROLES and weight < 600))
        return font

    def _palette(self) -> QPalette:
        role = QPalette.ColorRole
        by_role = {
            role.Window: "window", role.WindowText: "text", role.Base: "page", role.AlternateBase: "page",
            role.Text: "text", role.Button: "raised", role.ButtonText: "text", role.BrightText: "on-accent",
            role.Highlight: "select", role.HighlightedText: "text", role.Accent: "accent",
            role.Link: "accent", role.LinkVisited: "accent", role.PlaceholderText: "text-3",
            role.ToolTipBase: "tip", role.ToolTipText: "tip-text", role.Light: "raised",
            role.Midlight: "line", role.Mid: "border", role.Dark: "strong", role.Shadow: "strong",
        }  # fmt: skip
        palette = QPalette()
        for color_role, token in by_role.items():
            palette.setColor(color_role, self._tokens[token])
        for color_role in (role.WindowText, role.Text, role.ButtonText, role.HighlightedText):
            palette.setColor(QPalette.ColorGroup.Disabled, color_role, self._tokens["disabled"])
        palette.setColor(QPalette.ColorGroup.Disabled, role.Highlight, self._tokens["hover"])
        return palette

    def _style_sheet(self) -> str:
        values = {token: color.name() for token, color in self._tokens.items()}
        # On the raised surface of a dark menu, hover itself could not be seen.
        values["row"] = values["pressed" if self.is_dark else "hover"]
        sizes = {f"h{height}": f"{self.px(height)}px" for height in (20, 22, 26, 28)}
        sheet = _STYLE_SHEET
        for token in sorted(values | sizes, key=len, reverse=True):
            sheet = sheet.replace(f"@{token}", (values | sizes)[token])
        return sheet


_STYLE_SHEET: Final = """
QToolTip { background: @tip; color: @tip-text; border: 1px solid @tip; padding: 4px 6px; }

QAbstractScrollArea { background: transparent; border: none; }

QLineEdit, QPlainTextEdit, QTextEdit, QSpinBox, QDoubleSpinBox {
  background: @raised; border: 1px solid @border; border-radius: 4px;
  selection-background-color: @select; selection-color: @text;
}
QLineEdit, QSpinBox, QDoubleSpinBox { padding: 0 7px; min-height: @h26; }
QLineEdit[compact="true"] { min-height: @h22; }
QPlainTextEdit, QTextEdit { padding: 2px 4px; }
QLineEdit:hover, QPlainTextEdit:hover, QTextEdit:hover, QSpinBox:hover, QDoubleSpinBox:hover {
  border-color: @strong;
}
QLineEdit:disabled, QPlainTextEdit:disabled, QTextEdit:disabled, QSpinBox:disabled, QDoubleSpinBox:disabled {
  background: transparent; border-color: @line; color: @disabled;
}
QPlainTextEdit[surface="code"], QPlainTextEdit[surface="code"]:hover {
  background: @code; border: 1px solid @line; border-radius: 6px; padding: 6px 8px;
}
QTextBrowser, QTextBrowser:hover, *[bare="true"], *[bare="true"]:hover, *[bare="true"]:disabled {
  background: transparent; border: none; border-radius: 0; padding: 0; min-height: 0;
}

.QPushButton {
  background: @raised; border: 1px solid @border; border-radius: 4px;
  padding: 0 11px; min-height: @h26; color: @text;
}
.QPushButton:hover { background: @hover; }
.QPushButton:pressed { background: @pressed; }
.QPushButton:disabled { background: transparent; border-color: @line; color: @disabled; }

QDialogButtonBox { dialogbuttonbox-buttons-have-icons: 0; }

QMenu { background: @raised; border: 1px solid @border; border-radius: 6px; padding: 4px; }
QMenu::item { height: @h28; padding: 0 12px 0 8px; border-radius: 4px; color: @text; }
QMenu::item:selected { background: @row; }
QMenu::item:disabled { color: @disabled; background: transparent; }
QMenu::separator { height: 1px; background: @line; margin: 4px 8px; }
QMenu::icon { padding-left: 8px; }
QMenu::right-arrow { width: 12px; height: 12px; }

QComboBox { combobox-popup: 0; }
QComboBox QAbstractItemView {
  background: @raised; border: 1px solid @border; border-radius: 6px; padding: 4px; outline: none;
}
QComboBox QAbstractItemView::item { height: @h28; padding: 0 8px; border-radius: 4px; color: @text; }
QComboBox QAbstractItemView::item:hover { background: @row; color: @text; }
QComboBox QAbstractItemView::item:selected { background: @select; color: @text; }

QScrollBar:vertical { background: transparent; width: 12px; margin: 0; border: none; }
QScrollBar:horizontal { background: transparent; height: 12px; margin: 0; border: none; }
QScrollBar::handle { background: @border; border-radius: 3px; margin: 3px; }
QScrollBar::handle:vertical { min-height: 32px; }
QScrollBar::handle:horizontal { min-width: 32px; }
QScrollBar::handle:hover, QScrollBar::handle:pressed { background: @strong; }
QScrollBar::add-line, QScrollBar::sub-line { width: 0; height: 0; border: none; background: none; }
QScrollBar::add-page, QScrollBar::sub-page { background: none; }

QTabBar QToolButton { background: @window; border: none; }
QSplitter::handle { background: @line; }
QProgressBar { background: @track; border: none; border-radius: 2px; max-height: 4px; min-height: 4px; }
QProgressBar::chunk { background: @accent; border-radius: 2px; }
QStatusBar::item { border: none; }
QGroupBox { border: 1px solid @line; border-radius: 6px; }
"""


class LineIconEngine(QIconEngine):
    """Paints one of the program's own SVG icons in a colour of the theme, sharp at every scale."""

    def __init__(self, name: str, token: str) -> None:
        super().__init__()
        self._name = name
        self._token = token

    def paint(self, painter: QPainter, rect: QRect, mode: QIcon.Mode, state: QIcon.State) -> None:
        """Draws the icon as the largest centred square."""
        draw_icon(painter, QRectF(rect), self._name, theme().color(self._token_in(mode)))

    def pixmap(self, size: QSize, mode: QIcon.Mode, state: QIcon.State) -> QPixmap:
        """The icon for a screen of ratio 1."""
        return self.scaledPixmap(size, mode, state, 1.0)

    def scaledPixmap(self, size: QSize, mode: QIcon.Mode, state: QIcon.State, scale: float) -> QPixmap:
        """The icon for a screen of this ratio; `size` counts logical pixels, as since Qt 6.8."""
        side = min(size.width(), size.height())
        return QPixmap(_drawn(self._name, theme().color(self._token_in(mode)).rgba(), side, scale))

    def clone(self) -> QIconEngine:
        """An independent copy."""
        copy = LineIconEngine(self._name, self._token)
        # WORKAROUND: the icon that asked owns the copy, but PySide frees it with its last Python reference.
        _cloned[:] = [engine for engine in _cloned if shiboken6.isValid(engine)]
        _cloned.append(copy)
        return copy

    def _token_in(self, mode: QIcon.Mode) -> str:
        if mode == QIcon.Mode.Disabled:
            return "disabled"
        if mode == QIcon.Mode.Active and self._token in ("text-2", "text-3"):
            return "text"
        return self._token


_cloned: list[LineIconEngine] = []


@cache
def _source(name: str) -> bytes:
    return resource(f"icons/{name}.svg").read_bytes()


@cache
def _drawn(name: str, rgba: int, size: float, ratio: float) -> QPixmap:
    """A picture of the icon; the cache stays small because there are few names, colours and sizes."""
    from PySide6.QtSvg import QSvgRenderer  # not needed before the first icon is painted

    color = QColor.fromRgba(rgba)
    side = max(1, round(size * ratio))
    pixmap = QPixmap(side, side)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    QSvgRenderer(_source(name).replace(b"currentColor", color.name().encode())).render(painter)
    painter.end()
    pixmap.setDevicePixelRatio(ratio)
    return pixmap


def draw_icon(painter: QPainter, rect: QRectF, name: str, color: QColor) -> None:
    """Draws an icon as the largest centred square of `rect`, moved to whole device pixels."""
    transform = painter.deviceTransform()
    ratio = transform.m11()
    side = min(rect.width(), rect.height())
    square = QRectF(0, 0, side, side)
    square.moveCenter(rect.center())
    corner = transform.map(square.topLeft())
    if transform.isInvertible():
        corner = transform.inverted()[0].map(QPointF(round(corner.x()), round(corner.y())))
        painter.drawPixmap(corner, _drawn(name, color.rgba(), side, ratio))


def draw_hairline(
    painter: QPainter, start: QPointF, length: float, color: QColor, *, is_vertical: bool = False
) -> None:
    """A line one logical pixel thick, rounded to whole device pixels, that starts at `start`."""
    size = (1.0, length) if is_vertical else (length, 1.0)
    painter.fillRect(aligned(painter, QRectF(start.x(), start.y(), *size)), color)


def aligned(painter: QPainter, rect: QRectF) -> QRectF:
    """The rectangle with every edge on a device pixel, never thinner than one."""
    transform = painter.deviceTransform()
    if not transform.isInvertible():
        return rect
    device = transform.mapRect(rect)
    left, top = _nearest(device.left()), _nearest(device.top())
    width = _nearest(device.right()) - left if rect.width() > 1 else _nearest(device.width())
    height = _nearest(device.bottom()) - top if rect.height() > 1 else _nearest(device.height())
    return transform.inverted()[0].mapRect(QRectF(left, top, max(1, width), max(1, height)))


def draw_frame(
    painter: QPainter, rect: QRectF, radius: float, *, fill: QColor | None = None, edge: QColor | None = None,
    width: float = 1.0,
) -> None:  # fmt: skip
    """A rounded rectangle whose edge lies inside `rect`, sharp on the device's pixels."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    outer = aligned(painter, rect)
    painter.setPen(Qt.PenStyle.NoPen)
    if edge is None:
        if fill is not None:
            painter.setBrush(fill)
            painter.drawRoundedRect(outer, radius, radius)
    else:
        ratio = painter.deviceTransform().m11() or 1.0
        thickness = max(1, round(width * ratio)) / ratio
        half = thickness / 2
        if fill is not None:
            painter.setBrush(fill)
            painter.drawRoundedRect(
                outer.adjusted(half, half, -half, -half), max(0.0, radius - half), max(0.0, radius - half)
            )
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(edge, thickness))
        corner = max(0.0, radius - half)
        painter.drawRoundedRect(outer.adjusted(half, half, -half, -half), corner, corner)
    painter.restore()


def _nearest(position: float) -> int:
    """The nearest whole number, halves upwards as Qt rounds: else the clip cuts an edge off at 125 %."""
    return math.floor(position + 0.5)


def rounded_path(rect: QRectF, radius: float) -> QPainterPath:
    """The outline of a rounded rectangle."""
    path = QPainterPath()
    path.addRoundedRect(rect, radius, radius)
    return path


def rounded_region(rect: QRect, radius: float) -> QRegion:
    """The mask that gives a popup round corners where there may be no compositor."""
    # Row by row: a region made from a polygon loses its first row and column.
    region = QRegion(rect)
    for row in range(math.ceil(radius)):
        inset = round(radius - math.sqrt(max(0.0, radius**2 - (radius - row - 0.5) ** 2)))
        for y in (rect.top() + row, rect.bottom() - row):
            region -= QRegion(rect.left(), y, inset, 1)
            region -= QRegion(rect.right() - inset + 1, y, inset, 1)
    return region


def contrast(first: QColor, second: QColor) -> float:
    """The contrast ratio of two opaque colours, 1 to 21, as WCAG 2 defines it."""
    bright, dim = sorted((_luminance(first), _luminance(second)), reverse=True)
    return (bright + 0.05) / (dim + 0.05)


def theme() -> Theme:
    """The theme of the running application; made, and applied to it, on first use."""
    global _theme
    application = QApplication.instance()
    if not isinstance(application, QApplication):
        raise RuntimeError("The theme needs a QApplication.")
    if _theme is None or not shiboken6.isValid(_theme) or _theme.parent() is not application:
        _theme = Theme(application)
    return _theme


_theme: Theme | None = None


def _luminance(color: QColor) -> float:
    def linear(channel: float) -> float:
        return channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4

    return 0.2126 * linear(color.redF()) + 0.7152 * linear(color.greenF()) + 0.0722 * linear(color.blueF())


def _pixel_size(font: QFont) -> float:
    if font.pixelSize() > 0:
        return float(font.pixelSize())
    screen = QApplication.primaryScreen()
    dots_per_inch = screen.logicalDotsPerInchY() if screen is not None else 96.0
    return font.pointSizeF() * dots_per_inch / 72.0


def _system_fonts() -> tuple[QFont, QFont]:
    """The desktop's general and fixed font; where it names none, a good installed family at 13 px."""
    general = QFontDatabase.systemFont(QFontDatabase.SystemFont.GeneralFont)
    fixed = QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont)
    if general.family().lower() in _GENERIC_FAMILIES:
        size = general.pointSizeF() * _UI_SIZE / max(1.0, _pixel_size(general))
        general = QFont(list(_SANS_PREFERENCE))
        general.setPointSizeF(size)
    if fixed.family().lower() in _GENERIC_FAMILIES:
        fixed = QFont(list(_FIXED_PREFERENCE))
        fixed.setStyleHint(QFont.StyleHint.Monospace)
        fixed.setFixedPitch(True)
    return general, fixed


def _tokens_of(system: QPalette) -> dict[str, QColor]:
    """High contrast: each token from the desktop's palette, and every line as strong as text."""
    role = QPalette.ColorRole
    text, window, base = system.color(role.WindowText), system.color(role.Window), system.color(role.Base)
    chosen, on_chosen = system.color(role.Highlight), system.color(role.HighlightedText)
    tokens = dict.fromkeys(LIGHT, text)
    tokens |= dict.fromkeys(("page", "raised", "code", "user", "caution-bg"), base)
    tokens |= dict.fromkeys(("doubt-1", "doubt-2", "doubt-3", "doubt-4"), base)
    tokens |= dict.fromkeys(("window", "hover", "pressed", "select", "hit", "thinking", "answering"), window)
    tokens |= dict.fromkeys(("accent", "accent-hover", "accent-pressed"), chosen)
    tokens["on-accent"] = on_chosen
    tokens["disabled"] = system.color(QPalette.ColorGroup.Disabled, role.WindowText)
    tokens["tip"], tokens["tip-text"] = system.color(role.ToolTipBase), system.color(role.ToolTipText)
    return tokens
