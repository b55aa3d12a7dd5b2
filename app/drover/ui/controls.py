"""The controls of every screen, with all their states: buttons, boxes, sliders, chips, tabs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from PySide6.QtCore import QEvent, QPoint, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import (
    QAbstractSlider,
    QCheckBox,
    QMenu,
    QPushButton,
    QScrollArea,
    QScrollBar,
    QSizePolicy,
    QSlider,
    QTabBar,
    QWidget,
)

from drover.ui.combos import ComboBox, ModelCombo, QuietCombo, Segments
from drover.ui.labels import ElidedLabel, Hairline, HeaderBar, Label, Paragraph
from drover.ui.text_inputs import GrowingTextEdit, SearchField
from drover.ui.theme import RADIUS, draw_frame, draw_icon, rounded_region, theme

QUIET_PADDING: Final = 8
"""Between the edge of a quiet button and its text: what a layout subtracts to align it by its text."""

_ICON_GAP: Final = 6
_LEAST_TICKED: Final = 56
"""The width from which the ticks of a slider can be told apart."""

__all__ = [
    "QUIET_PADDING", "RADIUS", "Button", "CheckBox", "ComboBox", "ElidedLabel",
    "GrowingTextEdit", "Hairline", "HeaderBar", "IconButton", "Label", "Menu", "ModelCombo",
    "OverlayScrollArea", "Paragraph", "PillButton",
    "PrimaryButton", "QuietButton", "QuietCombo", "SearchField", "Segments", "Slider", "Tabs",
    "is_keyboard_focus",
]  # fmt: skip
"""Every control there is, so that a screen imports from one place."""


class Button(QPushButton):
    """A button with an edge, 28 high (24 if compact), with an icon before its text if one is named."""

    _padding = 12
    _weight = 400

    def __init__(
        self, text: str, *, icon: str = "", compact: bool = False, parent: QWidget | None = None
    ) -> None:
        super().__init__(text, parent)
        self._icon_name = icon
        self._compact = compact
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.setAutoDefault(False)
        theme().changed.connect(self._restyle)
        self._restyle()

    def sizeHint(self) -> QSize:
        """Text, icon and padding."""
        height = theme().px(24 if self._compact else 28)
        width = self._content_width() + 2 * self._padding
        return QSize(max(int(width + 0.999), height), height)

    def minimumSizeHint(self) -> QSize:
        """A control's label is never cut."""
        return self.sizeHint()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Fill, edge, icon and text by state."""
        painter = QPainter(self)
        fill, edge, ink = self._look()
        colors = theme()
        draw_frame(
            painter, QRectF(self.rect()), RADIUS,
            fill=colors.color(fill) if fill else None, edge=colors.color(edge) if edge else None,
        )  # fmt: skip
        self._paint_content(painter, ink)
        painter.end()

    def _look(self) -> tuple[str, str, str]:
        """Tokens of fill, edge and ink now; an empty one is not painted."""
        if not self.isEnabled():
            return "", "line", "disabled"
        if self.isDown():
            return "pressed", "border", "text"
        if self.isChecked():
            return "select", "border", "text"
        return ("hover" if self.underMouse() else "raised"), "border", "text"

    def _paint_content(self, painter: QPainter, ink: str) -> None:
        color = theme().color(ink)
        size = self._icon_size()
        left = (self.width() - self._content_width()) / 2
        if self._icon_name:
            draw_icon(painter, QRectF(left, (self.height() - size) / 2, size, size), self._icon_name, color)
            left += size + _ICON_GAP
        if self.text():
            painter.setFont(self.font())
            painter.setPen(color)
            flags = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft | Qt.TextFlag.TextShowMnemonic
            painter.drawText(QRectF(left, 0, self.width() - left, self.height()), int(flags), self.text())

    def _content_width(self) -> float:
        text = self.fontMetrics().size(int(Qt.TextFlag.TextShowMnemonic), self.text()).width()
        icon = self._icon_size() if self._icon_name else 0
        return text + icon + (_ICON_GAP if self._icon_name and self.text() else 0)

    def _icon_size(self) -> int:
        return theme().px(14 if self._compact else 16)

    def _restyle(self) -> None:
        self.setFont(theme().font("small" if self._compact else "ui", self._weight))
        self.updateGeometry()
        self.update()


class PrimaryButton(Button):
    """The one button of a window that does what the person came for."""

    _weight = 500

    def _look(self) -> tuple[str, str, str]:
        if not self.isEnabled():
            return "", "line", "disabled"
        if self.isDown():
            return "accent-pressed", "", "on-accent"
        return ("accent-hover" if self.underMouse() else "accent"), "", "on-accent"


class QuietButton(Button):
    """A button without an edge, for secondary actions; aligned by its text in a row."""

    _padding = QUIET_PADDING

    def _look(self) -> tuple[str, str, str]:
        if not self.isEnabled():
            return "", "", "disabled"
        if self.isDown():
            return "pressed", "", "text"
        if self.isChecked():
            return "select", "", "text"
        return ("hover", "", "text") if self.underMouse() else ("", "", "text-2")


class IconButton(QuietButton):
    """An icon in a square of 28 (24 if compact); its name is spoken and shown as a tip."""

    def __init__(
        self, icon: str, name: str, *, compact: bool = False, has_edge: bool = False,
        parent: QWidget | None = None,
    ) -> None:  # fmt: skip
        self._has_edge = has_edge
        super().__init__("", icon=icon, compact=compact, parent=parent)
        self.set_name(name)

    def set_name(self, name: str, tip: str = "") -> None:
        """What assistive technology calls it, and the tip if that should say more."""
        self.setAccessibleName(name)
        self.setToolTip(tip or name)

    def sizeHint(self) -> QSize:
        """A square."""
        side = theme().px(24 if self._compact else 28)
        return QSize(side, side)

    def _look(self) -> tuple[str, str, str]:
        return Button._look(self) if self._has_edge else super()._look()


class PillButton(Button):
    """A rounded button that floats over a page, with a quieter second text; 4 of page colour around it."""

    _margin = 4

    def __init__(self, text: str, *, icon: str = "", parent: QWidget | None = None) -> None:
        self._detail = ""
        super().__init__(text, icon=icon, parent=parent)

    def set_detail(self, detail: str) -> None:
        """The second text, such as how much is new."""
        if detail != self._detail:
            self._detail = detail
            self.setAccessibleDescription(detail)
            self.updateGeometry()
            self.update()

    def sizeHint(self) -> QSize:
        """The pill and its margin."""
        return super().sizeHint() + QSize(2 * self._margin, 2 * self._margin)

    def paintEvent(self, event: QPaintEvent) -> None:
        """The surrounding page, the pill, both texts."""
        painter = QPainter(self)
        colors, margin = theme(), self._margin
        outer = QRectF(self.rect())
        draw_frame(painter, outer, outer.height() / 2, fill=colors.color("page"))
        fill, edge, ink = self._look()
        inner = outer.adjusted(margin, margin, -margin, -margin)
        draw_frame(
            painter, inner, inner.height() / 2, fill=colors.color(fill or "raised"), edge=colors.color(edge)
        )
        self._paint_content(painter, ink)
        if self._detail:
            painter.setFont(colors.font("small"))
            painter.setPen(colors.color("text-3" if self.isEnabled() else "disabled"))
            room = QRectF(0, 0, (self.width() + self._content_width()) / 2, self.height())
            painter.drawText(room, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, self._detail)
        painter.end()

    def _icon_size(self) -> int:
        return theme().px(14)

    def _content_width(self) -> float:
        extra = theme().measured("small", self._detail) + 6 if self._detail else 0
        return super()._content_width() + extra


class CheckBox(QCheckBox):
    """A box of 16 with an optional text; ticked it is accent, or grey when a preset ticked it."""

    def __init__(self, text: str = "", parent: QWidget | None = None) -> None:
        super().__init__(text, parent)
        self._is_from_preset = False
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        if not text:
            self.setProperty("ringRadius", 3)
        theme().changed.connect(self._restyle)
        self._restyle()

    @property
    def is_from_preset(self) -> bool:
        """Whether a preset ticked it."""
        return self._is_from_preset

    def set_from_preset(self, is_from_preset: bool) -> None:
        """Whether the tick came with a preset rather than from the person."""
        if is_from_preset != self._is_from_preset:
            self._is_from_preset = is_from_preset
            self.update()

    def sizeHint(self) -> QSize:
        """The box, and the text 8 beside it."""
        side = theme().px(16)
        if not self.text():
            return QSize(side, side)
        width = self.fontMetrics().size(int(Qt.TextFlag.TextShowMnemonic), self.text()).width()
        return QSize(side + 8 + width, max(side, theme().line_height("ui")))

    def minimumSizeHint(self) -> QSize:
        """A control's label is never cut."""
        return self.sizeHint()

    def hitButton(self, pos: QPoint) -> bool:
        """The text counts as much as the box."""
        return self.rect().contains(pos)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Box, tick and text by state."""
        painter = QPainter(self)
        colors, side = theme(), theme().px(16)
        box = QRectF(0, (self.height() - side) / 2, side, side)
        if not self.isEnabled():
            fill, edge, tick = ("track" if self.isChecked() else ""), "border", "disabled"
        elif self.isChecked():
            fill, edge, tick = ("text-2" if self._is_from_preset else "accent"), "", "on-accent"
            if self._is_from_preset:
                tick = "raised"
        else:
            fill, edge, tick = ("hover" if self.underMouse() else "raised"), "strong", ""
        if self.isEnabled() and self.isDown():
            fill = "accent-pressed" if self.isChecked() and not self._is_from_preset else fill
            fill = "pressed" if not self.isChecked() else fill
        draw_frame(
            painter,
            box,
            3,
            fill=colors.color(fill) if fill else None,
            edge=colors.color(edge) if edge else None,
        )
        if self.isChecked():
            _draw_tick(painter, box, colors.color(tick))
        if self.text():
            painter.setFont(self.font())
            painter.setPen(colors.color("text" if self.isEnabled() else "disabled"))
            room = QRectF(side + 8, 0, self.width() - side - 8, self.height())
            flags = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft | Qt.TextFlag.TextShowMnemonic
            painter.drawText(room, int(flags), self.text())
        painter.end()

    def _restyle(self) -> None:
        self.setFont(theme().font("ui"))
        self.updateGeometry()
        self.update()


def _draw_tick(painter: QPainter, box: QRectF, color: QColor) -> None:
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    scale = box.width() / 16
    painter.setPen(
        QPen(color, 1.75 * scale, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin)
    )
    corner = box.topLeft()
    points = [corner + QPointF(x, y) * scale for x, y in ((4.75, 8.4), (7.0, 10.6), (11.25, 5.75))]
    painter.drawPolyline(points)
    painter.restore()


class Slider(QSlider):
    """A horizontal slider with a thin groove; disabled it shows the groove alone and keeps its size.

    Signals:
        reset_requested: a double click, which by convention takes the value away.
    """

    reset_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(Qt.Orientation.Horizontal, parent)
        self._ticks: tuple[int, ...] = ()
        self._mark: int | None = None
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        theme().changed.connect(self.update)

    def set_ticks(self, positions: Sequence[int], mark: int | None) -> None:
        """Places points under the groove, and a taller mark where the value usually is."""
        self._ticks, self._mark = tuple(positions), mark
        self.update()

    def sizeHint(self) -> QSize:
        """Room for the handle."""
        return QSize(88, 16)

    def minimumSizeHint(self) -> QSize:
        """The same: sliders of one column are equally long."""
        return self.sizeHint()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Ticks, groove, filled part, handle."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        colors = theme()
        middle = self.height() / 2
        groove = QRectF(0, middle - 1, self.width(), 2)
        if self.isEnabled():
            for tick in self._ticks if self.width() >= _LEAST_TICKED else ():
                painter.fillRect(QRectF(self._x_of(tick) - 0.5, middle + 5, 1, 2), colors.color("strong"))
            if self._mark is not None:
                painter.fillRect(
                    QRectF(self._x_of(self._mark) - 0.5, middle - 4, 1, 8), colors.color("strong")
                )
        draw_frame(painter, groove, 1, fill=colors.color("track" if self.isEnabled() else "line"))
        if self.isEnabled():
            x = self._x_of(self.value())
            draw_frame(painter, QRectF(0, middle - 1, x, 2), 1, fill=colors.color("text-2"))
            fill = "pressed" if self.isSliderDown() else "hover" if self.underMouse() else "raised"
            painter.setPen(QPen(colors.color("text-2"), 1.5))
            painter.setBrush(colors.color(fill))
            painter.drawEllipse(QPointF(x, middle), 5.25, 5.25)
        painter.end()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """The handle jumps under the pointer and follows it."""
        if event.button() == Qt.MouseButton.LeftButton:
            self.setSliderDown(True)
            self._move_to(event.position().x())
            event.accept()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Drags the handle."""
        if self.isSliderDown():
            self._move_to(event.position().x())

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Lets go of the handle."""
        self.setSliderDown(False)
        self.update()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Asks to take the value away."""
        self.setSliderDown(False)
        self.reset_requested.emit()

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Moves only when the slider has the focus, so that scrolling a panel changes nothing."""
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()

    def _x_of(self, position: int) -> float:
        span = max(1, self.maximum() - self.minimum())
        return 6 + (position - self.minimum()) / span * (self.width() - 12)

    def _move_to(self, x: float) -> None:
        share = min(max((x - 6) / max(1, self.width() - 12), 0.0), 1.0)
        self.setValue(self.minimum() + round(share * (self.maximum() - self.minimum())))
        self.triggerAction(QAbstractSlider.SliderAction.SliderNoAction)
        self.update()


class Tabs(QTabBar):
    """The tabs of a column, 48 high; belongs at the left of a HeaderBar, 8 from the edge."""

    _padding = 8
    _gap = 4

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setDrawBase(False)
        self.setExpanding(False)
        self.setElideMode(Qt.TextElideMode.ElideNone)
        self.setUsesScrollButtons(True)
        self.setProperty("ringRadius", 4)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setMouseTracking(True)
        theme().changed.connect(self._restyle)
        self._restyle()

    def tabSizeHint(self, index: int) -> QSize:
        """As wide as the text when chosen, so that choosing moves nothing."""
        width = theme().measured("ui", self.tabText(index), 600) + 2 * self._inset() + self._gap
        return QSize(int(width + 0.999), theme().px(48))

    def sizeHint(self) -> QSize:
        """All tabs with their whole padding."""
        texts = sum(theme().measured("ui", self.tabText(index), 600) for index in range(self.count()))
        width = texts + self.count() * (2 * self._padding + self._gap)
        return QSize(int(width + 0.999), theme().px(48))

    def minimumTabSizeHint(self, index: int) -> QSize:
        """Tabs are not squeezed."""
        return self.tabSizeHint(index)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Texts; the chosen one underlined, the focused one ringed."""
        painter = QPainter(self)
        colors = theme()
        pointer = self.mapFromGlobal(self.cursor().pos()) if self.underMouse() else QPoint(-1, -1)
        for index in range(self.count()):
            place = QRectF(self.tabRect(index)).adjusted(0, 0, -self._gap, 0)
            is_chosen = index == self.currentIndex()
            is_hovered = self.tabRect(index).contains(pointer)
            painter.setFont(colors.font("ui", 600 if is_chosen else 400))
            token = "text" if is_chosen or is_hovered else "text-2"
            painter.setPen(colors.color(token if self.isTabEnabled(index) else "disabled"))
            text_place = place.adjusted(self._inset(), 0, 0, 0)
            flags = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft
            painter.drawText(text_place, flags, self.tabText(index))
            if is_chosen:
                line = QRectF(place.left(), place.bottom() - 2, place.width(), 2)
                painter.fillRect(line, colors.color("accent"))
        painter.end()

    def _inset(self) -> float:
        """What stands beside a text: less in a column too narrow for all, before any tab is cut off."""
        count = max(1, self.count())
        spare = (self.sizeHint().width() + count - self.width()) / (2 * count)
        return min(float(self._padding), max(2.0, self._padding - spare))

    def _restyle(self) -> None:
        self.setFont(theme().font("ui"))
        self.updateGeometry()
        self.update()


class Menu(QMenu):
    """A menu with rounded corners on every system, with or without a compositor."""

    def resizeEvent(self, event: QResizeEvent) -> None:
        """The corners follow the size."""
        super().resizeEvent(event)
        self.setMask(rounded_region(self.rect(), 6))


class OverlayScrollArea(QScrollArea):
    """Scrolls a column; its bar lies over the column's right padding, so that its coming moves nothing."""

    _width = 12

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWidgetResizable(True)
        self.setFrameShape(QScrollArea.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._bar = QScrollBar(Qt.Orientation.Vertical, self)
        self._bar.hide()
        source = self.verticalScrollBar()
        source.rangeChanged.connect(self._fit)
        source.valueChanged.connect(self._bar.setValue)
        self._bar.valueChanged.connect(source.setValue)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """The bar keeps to the right edge."""
        super().resizeEvent(event)
        self._bar.setGeometry(self.width() - self._width, 0, self._width, self.height())
        self._fit()

    def _fit(self) -> None:
        source = self.verticalScrollBar()
        self._bar.setRange(source.minimum(), source.maximum())
        self._bar.setPageStep(source.pageStep())
        self._bar.setSingleStep(source.singleStep())
        self._bar.setValue(source.value())
        self._bar.setVisible(source.maximum() > source.minimum())
        self._bar.raise_()


def is_keyboard_focus(event: QEvent) -> bool:
    """Whether a focus event came by Tab, Backtab or a shortcut: for widgets that paint their own focus."""
    reasons = (
        Qt.FocusReason.TabFocusReason,
        Qt.FocusReason.BacktabFocusReason,
        Qt.FocusReason.ShortcutFocusReason,
    )
    return getattr(event, "reason", lambda: None)() in reasons


def is_tab_stop(widget: QWidget) -> bool:
    """Whether Tab stops at a widget, as Qt sees it."""
    takes_tab = widget.focusPolicy().value & Qt.FocusPolicy.TabFocus.value
    return bool(takes_tab) and widget.isEnabled() and widget.isVisible() and widget.focusProxy() is None
