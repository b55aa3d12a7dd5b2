"""The controls of every screen, with all their states: buttons, boxes, sliders, chips, tabs, labels."""

from __future__ import annotations

import html
from typing import Final

import shiboken6
from PySide6.QtCore import QEvent, QObject, QPoint, QPointF, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QAction,
    QColor,
    QFont,
    QFontMetrics,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPalette,
    QPen,
    QRegion,
    QResizeEvent,
    QTextBlockFormat,
    QTextCursor,
    QWheelEvent,
)
from PySide6.QtWidgets import (
    QAbstractItemView,
    QAbstractSlider,
    QApplication,
    QCheckBox,
    QComboBox,
    QFocusFrame,
    QLabel,
    QLineEdit,
    QMenu,
    QProxyStyle,
    QPushButton,
    QSizePolicy,
    QSlider,
    QStyle,
    QStyledItemDelegate,
    QStyleHintReturn,
    QStyleOption,
    QStyleOptionViewItem,
    QTabBar,
    QTextEdit,
    QWidget,
)

from drover.ui.theme import RADIUS, draw_frame, draw_hairline, draw_icon, rounded_path, theme

QUIET_PADDING: Final = 8
"""Between the edge of a quiet button and its text: what a layout subtracts to align it by its text."""

_ICON_GAP: Final = 6
_RING_GAP: Final = 1
_RING_WIDTH: Final = 2


def _elided(text: str, metrics: QFontMetrics, width: float, mode: Qt.TextElideMode) -> str:
    return metrics.elidedText(text, mode, int(width))


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

    def set_icon(self, name: str) -> None:
        """Shows another icon, or none."""
        self._icon_name = name
        self.updateGeometry()
        self.update()

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
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        theme().changed.connect(self.update)

    def sizeHint(self) -> QSize:
        """Room for the handle."""
        return QSize(88, 16)

    def minimumSizeHint(self) -> QSize:
        """The same: sliders of one column are equally long."""
        return self.sizeHint()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Groove, filled part, handle."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        colors = theme()
        middle = self.height() / 2
        groove = QRectF(0, middle - 1, self.width(), 2)
        draw_frame(painter, groove, 1, fill=colors.color("track" if self.isEnabled() else "line"))
        if self.isEnabled():
            x = self._handle_x()
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

    def _handle_x(self) -> float:
        span = max(1, self.maximum() - self.minimum())
        return 6 + (self.value() - self.minimum()) / span * (self.width() - 12)

    def _move_to(self, x: float) -> None:
        share = min(max((x - 6) / max(1, self.width() - 12), 0.0), 1.0)
        self.setValue(self.minimum() + round(share * (self.maximum() - self.minimum())))
        self.triggerAction(QAbstractSlider.SliderAction.SliderNoAction)
        self.update()


class _RowDelegate(QStyledItemDelegate):
    """Rows of a combo's list, 28 high."""

    def sizeHint(self, option: QStyleOptionViewItem, index: object) -> QSize:
        """The text's width and the row's height."""
        hint = super().sizeHint(option, index)  # type: ignore[arg-type]
        return QSize(hint.width() + 16, theme().px(28))


class ComboBox(QComboBox):
    """A choice among several values, with a list that opens below it."""

    _padding = 11

    def __init__(self, name: str, *, compact: bool = False, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._compact = compact
        self._suffix = ""
        self.setAccessibleName(name)
        self.setItemDelegate(_RowDelegate(self))
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        theme().changed.connect(self._restyle)
        self._restyle()

    def set_suffix(self, suffix: str) -> None:
        """A quieter text after the value, such as "(changed)"; not part of the value."""
        if suffix != self._suffix:
            self._suffix = suffix
            self.setAccessibleDescription(suffix)
            self.update()

    def sizeHint(self) -> QSize:
        """Wide enough for the current value."""
        width = self.fontMetrics().horizontalAdvance(self.currentText()) + 2 * self._padding + 16 + 6
        return QSize(width, theme().px(24 if self._compact else 28))

    def minimumSizeHint(self) -> QSize:
        """The value elides when room is short."""
        return QSize(48, self.sizeHint().height())

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Changes only when the combo has the focus, so that scrolling a panel changes nothing."""
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()

    def showPopup(self) -> None:
        """Opens the list with rounded corners, at least as wide as its longest row."""
        view = self.view()
        view.setMinimumWidth(min(view.sizeHintForColumn(0) + 2 * view.frameWidth() + 24, 480))
        super().showPopup()
        popup = view.window()
        popup.setMask(_rounded_region(popup.rect(), 6))

    def paintEvent(self, event: QPaintEvent) -> None:
        """Frame, value, suffix, chevron."""
        painter = QPainter(self)
        colors = theme()
        fill, edge, ink, mark = self._look()
        draw_frame(
            painter, QRectF(self.rect()), RADIUS,
            fill=colors.color(fill) if fill else None, edge=colors.color(edge) if edge else None,
        )  # fmt: skip
        painter.setFont(self.font())
        room = self.width() - self._padding - 7 - 14 - 3
        metrics = self.fontMetrics()
        suffix_width = metrics.horizontalAdvance(" " + self._suffix) if self._suffix else 0
        text = _elided(self.currentText(), metrics, room - suffix_width, Qt.TextElideMode.ElideRight)
        painter.setPen(colors.color(ink))
        area = QRectF(self._padding, 0, room, self.height())
        painter.drawText(area, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, text)
        text_width = metrics.horizontalAdvance(text)
        if self._suffix:
            painter.setPen(colors.color("text-3" if self.isEnabled() else "disabled"))
            area.setLeft(self._padding + text_width)
            painter.drawText(
                area, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, " " + self._suffix
            )
        self._paint_chevron(painter, text_width, colors.color(mark))
        painter.end()

    def _paint_chevron(self, painter: QPainter, text_width: int, color: QColor) -> None:
        size = 14
        place = QRectF(self.width() - 7 - size, (self.height() - size) / 2, size, size)
        draw_icon(painter, place, "chevron-down", color)

    def _look(self) -> tuple[str, str, str, str]:
        """Tokens of fill, edge, text and chevron now."""
        if not self.isEnabled():
            return "", "line", "disabled", "disabled"
        if self.view().isVisible():
            return "pressed", "border", "text", "text-2"
        return ("hover" if self.underMouse() else "raised"), "border", "text", "text-2"

    def _restyle(self) -> None:
        self.setFont(theme().font("small" if self._compact else "ui"))
        self.updateGeometry()
        self.update()


class QuietCombo(ComboBox):
    """A combo without an edge, its chevron close behind the value: for headers."""

    _padding = 8

    def __init__(self, name: str, *, compact: bool = False, parent: QWidget | None = None) -> None:
        super().__init__(name, compact=compact, parent=parent)
        self.currentIndexChanged.connect(self.updateGeometry)

    def sizeHint(self) -> QSize:
        """Exactly the value, the gap and the chevron."""
        width = self.fontMetrics().horizontalAdvance(self.currentText()) + 2 * self._padding + 7 + 14
        return QSize(width, theme().px(24 if self._compact else 28))

    def _paint_chevron(self, painter: QPainter, text_width: int, color: QColor) -> None:
        size = 14
        place = QRectF(self._padding + text_width + 7, (self.height() - size) / 2, size, size)
        draw_icon(painter, place, "chevron-down", color)

    def _look(self) -> tuple[str, str, str, str]:
        if not self.isEnabled():
            return "", "", "disabled", "disabled"
        if self.view().isVisible():
            return "pressed", "", "text", "text"
        return ("hover", "", "text", "text") if self.underMouse() else ("", "", "text", "text-2")


def quiet_combo(name: str, parent: QWidget | None = None) -> QuietCombo:
    """A combo for a header, with this accessible name."""
    return QuietCombo(name, parent=parent)


class Segments(QComboBox):
    """At most four short values side by side: to keyboard and screen reader a combo, without a list."""

    def __init__(self, name: str, *, compact: bool = False, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._compact = compact
        self._is_pressing = -1
        self.setAccessibleName(name)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        theme().changed.connect(self._restyle)
        self._restyle()

    def sizeHint(self) -> QSize:
        """Each value as chosen, with its padding."""
        return QSize(int(sum(self._natural_widths()) + 0.999), theme().px(24 if self._compact else 28))

    def minimumSizeHint(self) -> QSize:
        """Values are never cut by more than their padding."""
        spare = 2 * (self._padding() - 3) * self.count()
        return self.sizeHint() - QSize(spare, 0)

    def showPopup(self) -> None:
        """There is no list to open: all values are in sight."""

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Changes only with the focus."""
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Left and Right move like Up and Down."""
        step = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}.get(Qt.Key(event.key()))
        if step is None or event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier:
            super().keyPressEvent(event)
            return
        self._choose(self.currentIndex() + (step if self.isLeftToRight() else -step))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Chooses the value under the pointer."""
        if event.button() == Qt.MouseButton.LeftButton:
            self._choose(self._index_at(event.position().x()))
            event.accept()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Follows the hover."""
        self.update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Nothing is left to do: the press chose."""

    def paintEvent(self, event: QPaintEvent) -> None:
        """One frame, the chosen value tinted, hairlines between."""
        painter = QPainter(self)
        colors = theme()
        frame = QRectF(self.rect())
        is_enabled = self.isEnabled()
        draw_frame(painter, frame, RADIUS, fill=colors.color("raised") if is_enabled else None)
        hovered = self._hovered_index()
        painter.save()
        painter.setClipPath(rounded_path(frame, RADIUS))
        for index, (left, width) in enumerate(self._places()):
            self._paint_segment(painter, index, QRectF(left, 0, width, self.height()), index == hovered)
        painter.restore()
        draw_frame(painter, frame, RADIUS, edge=colors.color("border" if is_enabled else "line"))
        painter.end()

    def _paint_segment(self, painter: QPainter, index: int, place: QRectF, is_hovered: bool) -> None:
        colors = theme()
        is_chosen = index == self.currentIndex()
        if is_chosen:
            painter.fillRect(place, colors.color("select" if self.isEnabled() else "hover"))
        elif is_hovered:
            painter.fillRect(place, colors.color("hover"))
        if index > 0:
            draw_hairline(painter, place.topLeft(), place.height(), colors.color("line"), is_vertical=True)
        token = "text" if is_chosen else "text-2"
        if not self.isEnabled():
            token = "text-3" if is_chosen else "disabled"
        painter.setFont(self._font(is_chosen))
        painter.setPen(colors.color(token))
        painter.drawText(place, Qt.AlignmentFlag.AlignCenter, self.itemText(index))

    def _choose(self, index: int) -> None:
        if 0 <= index < self.count() and index != self.currentIndex():
            self.setCurrentIndex(index)
            self.activated.emit(index)
        self.update()

    def _padding(self) -> int:
        return 8 if self._compact else 12

    def _font(self, is_chosen: bool) -> QFont:
        return theme().font("small" if self._compact else "ui", 500 if is_chosen else 400)

    def _natural_widths(self) -> list[float]:
        role = "small" if self._compact else "ui"
        texts = [self.itemText(index) for index in range(self.count())]
        return [theme().measured(role, text, 500) + 2 * self._padding() + 1 for text in texts]

    def _places(self) -> list[tuple[float, float]]:
        """Left edge and width of each value: all equal where that cuts none, else by their texts."""
        natural = self._natural_widths()
        if not natural:
            return []
        share = self.width() / len(natural)
        is_even_enough = max(natural) - 2 * (self._padding() - 3) <= share
        if is_even_enough and abs(self.width() - sum(natural)) > 1:
            widths = [share] * len(natural)
        else:
            spare = (self.width() - sum(natural)) / len(natural)
            widths = [width + spare for width in natural]
        lefts = [round(sum(widths[:index])) for index in range(len(widths) + 1)]
        return [(lefts[index], lefts[index + 1] - lefts[index]) for index in range(len(widths))]

    def _index_at(self, x: float) -> int:
        places = enumerate(self._places())
        return next((index for index, (left, width) in places if left <= x < left + width), -1)

    def _hovered_index(self) -> int:
        if not self.isEnabled() or not self.underMouse():
            return -1
        return self._index_at(self.mapFromGlobal(self.cursor().pos()).x())

    def _restyle(self) -> None:
        self.setFont(theme().font("small" if self._compact else "ui"))
        self.updateGeometry()
        self.update()


class Label(QLabel):
    """Text in one of the roles and colours of the theme."""

    def __init__(
        self, text: str = "", *, role: str = "ui", token: str = "text", weight: int = 400,
        parent: QWidget | None = None,
    ) -> None:  # fmt: skip
        super().__init__(text, parent)
        self._role, self._token, self._weight = role, token, weight
        self.setTextFormat(Qt.TextFormat.PlainText)
        theme().changed.connect(self._restyle)
        self._restyle()

    def set_look(self, *, token: str | None = None, weight: int | None = None) -> None:
        """Changes colour or weight."""
        self._token = token if token is not None else self._token
        self._weight = weight if weight is not None else self._weight
        self._restyle()

    def _restyle(self) -> None:
        self.setFont(theme().font(self._role, self._weight))
        palette = self.palette()
        palette.setColor(QPalette.ColorRole.WindowText, theme().color(self._token))
        self.setPalette(palette)
        if not self.wordWrap():
            self.setMinimumHeight(theme().line_height(self._role))


class Paragraph(Label):
    """Text that wraps, with the line height of its role."""

    def __init__(
        self, text: str = "", *, role: str = "ui", token: str = "text", parent: QWidget | None = None
    ) -> None:
        self._plain = text
        super().__init__("", role=role, token=token, parent=parent)
        self.setWordWrap(True)
        self.setTextFormat(Qt.TextFormat.RichText)
        self.set_text(text)

    def set_text(self, text: str) -> None:
        """Shows another plain text."""
        self._plain = text
        height = theme().line_height(self._role)
        super().setText(f'<p style="margin:0; line-height:{height}px">{html.escape(text)}</p>')
        self.setAccessibleName(text)

    def _restyle(self) -> None:
        super()._restyle()
        if self.textFormat() == Qt.TextFormat.RichText:
            self.set_text(self._plain)


class ElidedLabel(Label):
    """One line that is cut with an ellipsis where room is short; the whole text is then its tip."""

    def __init__(
        self, text: str = "", *, role: str = "ui", token: str = "text", weight: int = 400,
        mode: Qt.TextElideMode = Qt.TextElideMode.ElideRight, parent: QWidget | None = None,
    ) -> None:  # fmt: skip
        self._elide_mode = mode
        self._tip = ""
        super().__init__(text, role=role, token=token, weight=weight, parent=parent)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)

    def set_tip(self, tip: str) -> None:
        """A tip shown also when the text fits."""
        self._tip = tip
        self._update_tip()

    def setText(self, text: str) -> None:
        """Shows another text."""
        super().setText(text)
        self._update_tip()

    def minimumSizeHint(self) -> QSize:
        """Next to nothing: the text gives way."""
        return QSize(min(24, super().minimumSizeHint().width()), theme().line_height(self._role))

    def sizeHint(self) -> QSize:
        """The whole text on one line."""
        width = self.fontMetrics().horizontalAdvance(self.text())
        return QSize(width + 1, theme().line_height(self._role))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """The tip depends on whether the text fits."""
        super().resizeEvent(event)
        self._update_tip()

    def paintEvent(self, event: QPaintEvent) -> None:
        """The text, elided."""
        painter = QPainter(self)
        painter.setFont(self.font())
        painter.setPen(theme().color(self._token if self.isEnabled() else "disabled"))
        line = self.text().replace("\n", " ")
        text = _elided(line, self.fontMetrics(), self.width(), self._elide_mode)
        painter.drawText(self.rect(), int(Qt.AlignmentFlag.AlignVCenter | self.alignment()), text)
        painter.end()

    def _update_tip(self) -> None:
        is_cut = self.fontMetrics().horizontalAdvance(self.text()) > self.width()
        self.setToolTip(self._tip or (self.text() if is_cut else ""))


class Hairline(QWidget):
    """A line one logical pixel thick."""

    def __init__(
        self, *, is_vertical: bool = False, token: str = "line", parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._is_vertical = is_vertical
        self._token = token
        if is_vertical:
            self.setFixedWidth(1)
        else:
            self.setFixedHeight(1)
        theme().changed.connect(self.update)

    def paintEvent(self, event: QPaintEvent) -> None:
        """The line, on whole device pixels."""
        painter = QPainter(self)
        length = self.height() if self._is_vertical else self.width()
        color = theme().color(self._token)
        draw_hairline(painter, QPointF(0, 0), length, color, is_vertical=self._is_vertical)
        painter.end()


class HeaderBar(QWidget):
    """The strip of 48 at the top of a column: a surface and a hairline along its foot."""

    def __init__(self, *, token: str = "window", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._token = token
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        theme().changed.connect(self._restyle)
        self._restyle()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Surface and line."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme().color(self._token))
        draw_hairline(painter, QPointF(0, self.height() - 1), self.width(), theme().color("line"))
        painter.end()

    def _restyle(self) -> None:
        self.setFixedHeight(theme().px(48))
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
        width = theme().measured("ui", self.tabText(index), 600) + 2 * self._padding + self._gap
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
            text_place = place.adjusted(self._padding, 0, 0, 0)
            flags = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft
            painter.drawText(text_place, flags, self.tabText(index))
            if is_chosen:
                line = QRectF(place.left(), place.bottom() - 2, place.width(), 2)
                painter.fillRect(line, colors.color("accent"))
        painter.end()

    def _restyle(self) -> None:
        self.setFont(theme().font("ui"))
        self.updateGeometry()
        self.update()


class Chip(QWidget):
    """A short text in a frame, 20 high, with an optional glyph in its own colour."""

    def __init__(
        self, text: str, *, glyph: str = "", glyph_token: str = "text-3", role: str = "small",
        detail: str = "", parent: QWidget | None = None,
    ) -> None:  # fmt: skip
        super().__init__(parent)
        self._text, self._detail = text, detail
        self._glyph, self._glyph_token, self._role = glyph, glyph_token, role
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(f"{text} {detail}".strip())
        theme().changed.connect(self._restyle)

    def sizeHint(self) -> QSize:
        """Glyph, text, detail and padding 6."""
        width = theme().measured(self._role, self._text) + 14
        width += 12 + 4 if self._glyph else 0
        width += theme().measured("small", self._detail) + 6 if self._detail else 0
        return QSize(int(width + 0.999), theme().px(20))

    def paintEvent(self, event: QPaintEvent) -> None:
        """Frame, glyph, text, detail."""
        painter = QPainter(self)
        colors = theme()
        draw_frame(painter, QRectF(self.rect()), RADIUS, edge=colors.color("line"))
        left = 7.0
        if self._glyph:
            place = QRectF(left, (self.height() - 12) / 2, 12, 12)
            draw_icon(painter, place, self._glyph, colors.color(self._glyph_token))
            left += 16
        painter.setFont(colors.font(self._role))
        painter.setPen(colors.color("text"))
        place = QRectF(left, 0, self.width() - left - 7, self.height())
        painter.drawText(place, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, self._text)
        if self._detail:
            painter.setFont(colors.font("small"))
            painter.setPen(colors.color("text-3"))
            painter.drawText(place, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, self._detail)
        painter.end()

    def _restyle(self) -> None:
        self.updateGeometry()
        self.update()


class SearchField(QLineEdit):
    """A field with a lens, and the shortcut that reaches it at its right end."""

    def __init__(self, name: str, placeholder: str, shortcut: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._shortcut = shortcut
        self.setAccessibleName(name)
        self.setPlaceholderText(placeholder)
        self._clear = QAction(self)
        self._clear.triggered.connect(self.clear)
        self._clear.setToolTip(self.tr("Clear"))
        self.addAction(self._clear, QLineEdit.ActionPosition.TrailingPosition)
        self._clear.setVisible(False)
        self.textChanged.connect(self._update_clear)
        theme().changed.connect(self._restyle)
        self._restyle()

    def paintEvent(self, event: QPaintEvent) -> None:
        """The field, the lens, and the hint while there is room for it."""
        super().paintEvent(event)
        painter = QPainter(self)
        colors = theme()
        size = theme().px(14)
        place = QRectF(9, (self.height() - size) / 2, size, size)
        draw_icon(painter, place, "search", colors.color("text-3" if self.isEnabled() else "disabled"))
        if not self.text():
            painter.setFont(colors.font("small"))
            painter.setPen(colors.color("text-3"))
            room = QRectF(self.rect()).adjusted(0, 0, -8, 0)
            painter.drawText(
                room, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, self._shortcut
            )
        painter.end()

    def _update_clear(self, text: str) -> None:
        self._clear.setVisible(bool(text))
        self.update()

    def _restyle(self) -> None:
        self.setFont(theme().font("ui"))
        self._clear.setIcon(theme().icon("close"))
        # The style sheet leaves 8 to the edge; the lens needs 31 in all.
        self.setTextMargins(theme().px(14) + 7, 0, 0, 0)
        self.update()


class GrowingTextEdit(QTextEdit):
    """Plain text of several lines that grows with what is written, up to a limit, and then scrolls.

    Signals:
        text_edited: a person changed the text.
    """

    text_edited = Signal(str)

    def __init__(
        self, name: str, *, least_lines: int = 2, most_lines: int = 12, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._least_lines, self._most_lines = least_lines, most_lines
        self.setAccessibleName(name)
        self.setAcceptRichText(False)
        self.setTabChangesFocus(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.document().setDocumentMargin(4)
        self.textChanged.connect(self._report)
        self.document().documentLayout().documentSizeChanged.connect(self._grow)
        theme().changed.connect(self._restyle)
        self._restyle()

    def set_text(self, text: str) -> None:
        """Shows a text without a signal; the same text leaves cursor and undo history alone."""
        if text == self.toPlainText():
            return
        self.blockSignals(True)
        self.setPlainText(text)
        self._space_lines()
        self.blockSignals(False)
        self._grow()

    def _report(self) -> None:
        self.text_edited.emit(self.toPlainText())

    def _restyle(self) -> None:
        self.setFont(theme().font("ui"))
        self.blockSignals(True)
        self._space_lines()
        self.blockSignals(False)
        self._grow()

    def _space_lines(self) -> None:
        """Even lines of the role's height; starts the undo history afresh."""
        line = QTextBlockFormat()
        line.setLineHeight(theme().line_height("ui"), QTextBlockFormat.LineHeightTypes.FixedHeight.value)
        cursor = QTextCursor(self.document())
        cursor.select(QTextCursor.SelectionType.Document)
        self.document().setUndoRedoEnabled(False)
        cursor.mergeBlockFormat(line)
        self.document().setUndoRedoEnabled(True)

    def _grow(self) -> None:
        line = theme().line_height("ui")
        lines = max(1, round((self.document().size().height() - 8) / line))
        height = min(max(lines, self._least_lines), self._most_lines) * line + 14
        if height != self.height() or self.minimumHeight() != height:
            self.setFixedHeight(height)


class Menu(QMenu):
    """A menu with rounded corners on every system, with or without a compositor."""

    def resizeEvent(self, event: QResizeEvent) -> None:
        """The corners follow the size."""
        super().resizeEvent(event)
        self.setMask(_rounded_region(self.rect(), 6))


def _rounded_region(rect: QRect, radius: float) -> QRegion:
    path = rounded_path(QRectF(rect), radius)
    return QRegion(path.toFillPolygon().toPolygon())


class _RingStyle(QProxyStyle):
    """Tells a QFocusFrame how far it reaches beyond its widget, and that it lies above."""

    def pixelMetric(
        self, metric: QStyle.PixelMetric, option: QStyleOption | None = None, widget: QWidget | None = None
    ) -> int:
        """The reach of the ring."""
        if metric in (QStyle.PixelMetric.PM_FocusFrameHMargin, QStyle.PixelMetric.PM_FocusFrameVMargin):
            return _RING_GAP + _RING_WIDTH
        return super().pixelMetric(metric, option, widget)

    def styleHint(
        self, hint: QStyle.StyleHint, option: QStyleOption | None = None, widget: QWidget | None = None,
        returnData: QStyleHintReturn | None = None,
    ) -> int:  # fmt: skip
        """Above the widget, not masked: the ring lets all events through anyway."""
        if hint == QStyle.StyleHint.SH_FocusFrame_AboveWidget:
            return 1
        if hint == QStyle.StyleHint.SH_FocusFrame_Mask:
            return 0
        return super().styleHint(hint, option, widget, returnData)


class _RingFrame(QFocusFrame):
    """The ring itself."""

    def __init__(self, style: QStyle) -> None:
        super().__init__()
        self.setStyle(style)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setAttribute(Qt.WidgetAttribute.WA_NoSystemBackground)

    def paintEvent(self, event: QPaintEvent) -> None:
        """2 px of accent, 1 px away from the control."""
        target = self.widget()
        if target is None:
            return
        painter = QPainter(self)
        given = target.property("ringRadius")
        radius = (float(given) if given is not None else RADIUS) + 2
        color = theme().color("accent")
        draw_frame(painter, QRectF(self.rect()), radius, edge=color, width=_RING_WIDTH)
        painter.end()


class FocusRing(QObject):
    """Shows where the keyboard is, in the whole application; one is enough.

    It appears for Tab, Backtab and shortcuts, not for a click. The property `ringRadius` of a widget bends
    it; a widget with `hasOwnRing` = True, and every item view, shows its focus itself.
    """

    def __init__(self, application: QApplication) -> None:
        super().__init__(application)
        self._style = _RingStyle("Fusion")
        self._style.setParent(self)
        self._frame: _RingFrame | None = None
        self._left_behind: QWidget | None = None
        application.focusChanged.connect(self._follow)
        theme().changed.connect(self._repaint)

    @property
    def target(self) -> QWidget | None:
        """The widget that wears the ring."""
        frame = self._frame
        return frame.widget() if frame is not None and shiboken6.isValid(frame) else None

    def _follow(self, old: QWidget | None, new: QWidget | None) -> None:
        if new is None:
            self._left_behind = self.target
            self._show_on(None)
            return
        window = new.window()
        # Qt sets the attribute for Tab, Backtab and shortcuts only, before it tells of the change.
        is_by_keyboard = window.testAttribute(Qt.WidgetAttribute.WA_KeyboardFocusChange)
        window.setAttribute(Qt.WidgetAttribute.WA_KeyboardFocusChange, False)
        is_back = self._left_behind is not None and new is self._left_behind
        self._left_behind = None
        is_wanted = (is_by_keyboard or is_back) and not _paints_own_focus(new)
        self._show_on(new if is_wanted else None)

    def _show_on(self, widget: QWidget | None) -> None:
        if self._frame is None or not shiboken6.isValid(self._frame):
            if widget is None:
                return
            self._frame = _RingFrame(self._style)
        self._frame.setWidget(widget)  # type: ignore[arg-type]

    def _repaint(self) -> None:
        if self._frame is not None and shiboken6.isValid(self._frame):
            self._frame.update()


def _paints_own_focus(widget: QWidget) -> bool:
    return bool(widget.property("hasOwnRing")) or isinstance(widget, QAbstractItemView | QMenu)


def is_keyboard_focus(event: QEvent) -> bool:
    """Whether a focus event came by Tab, Backtab or a shortcut: for widgets that paint their own focus."""
    reasons = (
        Qt.FocusReason.TabFocusReason,
        Qt.FocusReason.BacktabFocusReason,
        Qt.FocusReason.ShortcutFocusReason,
    )
    return getattr(event, "reason", lambda: None)() in reasons
