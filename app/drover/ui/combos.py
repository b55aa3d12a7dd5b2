"""Choices among several values: a combo with a list, one for headers, and values side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QPointF, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFont,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QSizePolicy,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from drover.ui.combo_names import name_combos
from drover.ui.theme import RADIUS, draw_frame, draw_hairline, draw_icon, rounded_path, rounded_region, theme

if TYPE_CHECKING:
    from drover.domain.endpoint import ModelCard
    from drover.ui.model_list import ModelList

_POPUP_GAP: Final = 4


class _RowDelegate(QStyledItemDelegate):
    """Rows of a combo's list, 28 high, and lines between groups of them."""

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        """A row, or a hairline."""
        if not _is_separator(index):
            super().paint(painter, option, index)
            return
        area: QRect = option.rect
        place = QPointF(area.left() + 8, area.center().y())
        draw_hairline(painter, place, area.width() - 16, theme().color("line"))

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        """The text's width and the row's height."""
        if _is_separator(index):
            return QSize(0, 9)
        hint = super().sizeHint(option, index)
        return QSize(hint.width() + 16, theme().px(28))


def _is_separator(index: QModelIndex | QPersistentModelIndex) -> bool:
    """Whether Qt put this row between two groups; it marks such rows in no other way."""
    return bool(index.data(Qt.ItemDataRole.AccessibleDescriptionRole) == "separator")


class ComboBox(QComboBox):
    """A choice among several values, with a list that opens below it."""

    _padding = 11

    def __init__(self, name: str, *, compact: bool = False, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._compact = compact
        self._is_open = False  # asking the list itself would make one for every combo that is painted
        self._suffix = ""
        self._token = "text"
        name_combos()
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

    def set_token(self, token: str) -> None:
        """The colour of the value: text-2 where it stands for none."""
        if token != self._token:
            self._token = token
            self.update()

    def sizeHint(self) -> QSize:
        """Wide enough for the current value."""
        width = self.fontMetrics().horizontalAdvance(self.currentText()) + 2 * self._padding + 8
        width += theme().px(14)
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
        self._is_open = True
        view = self.view()
        view.setMinimumWidth(min(view.sizeHintForColumn(0) + 2 * view.frameWidth() + 24, 480))
        super().showPopup()
        popup = view.window()
        is_below = popup.y() >= self.mapToGlobal(self.rect().center()).y()
        popup.move(popup.x(), popup.y() + (_POPUP_GAP if is_below else -_POPUP_GAP))
        popup.setMask(rounded_region(popup.rect(), 6))

    def hidePopup(self) -> None:
        """Closes the list."""
        self._is_open = False
        super().hidePopup()

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
        room = self.width() - self._padding - 7 - theme().px(14) - 3
        metrics = self.fontMetrics()
        suffix_width = metrics.horizontalAdvance(" " + self._suffix) if self._suffix else 0
        has_suffix = 0 < suffix_width < room / 2
        suffix_width = suffix_width if has_suffix else 0
        text = metrics.elidedText(self.currentText(), Qt.TextElideMode.ElideRight, int(room - suffix_width))
        painter.setPen(colors.color(ink))
        area = QRectF(self._padding, 0, room, self.height())
        painter.drawText(area, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, text)
        text_width = metrics.horizontalAdvance(text)
        if has_suffix:
            painter.setPen(colors.color("text-3" if self.isEnabled() else "disabled"))
            area.setLeft(self._padding + text_width)
            painter.drawText(
                area, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, " " + self._suffix
            )
        self._paint_chevron(painter, text_width, colors.color(mark))
        painter.end()

    def _paint_chevron(self, painter: QPainter, text_width: int, color: QColor) -> None:
        size = theme().px(14)
        place = QRectF(self.width() - 7 - size, (self.height() - size) / 2, size, size)
        draw_icon(painter, place, "chevron-down", color)

    def _look(self) -> tuple[str, str, str, str]:
        """Tokens of fill, edge, text and chevron now."""
        if not self.isEnabled():
            return "", "line", "disabled", "disabled"
        if self._is_open:
            return "pressed", "border", self._token, "text-2"
        return ("hover" if self.underMouse() else "raised"), "border", self._token, "text-2"

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
        width = self.fontMetrics().horizontalAdvance(self.currentText()) + 2 * self._padding + 7
        width += theme().px(14)
        return QSize(width, theme().px(24 if self._compact else 28))

    def _paint_chevron(self, painter: QPainter, text_width: int, color: QColor) -> None:
        size = theme().px(14)
        place = QRectF(self._padding + text_width + 7, (self.height() - size) / 2, size, size)
        draw_icon(painter, place, "chevron-down", color)

    def _look(self) -> tuple[str, str, str, str]:
        if not self.isEnabled():
            return "", "", "disabled", "disabled"
        if self._is_open:
            return "pressed", "", "text", "text"
        return ("hover", "", "text", "text") if self.underMouse() else ("", "", "text", "text-2")


class ModelCombo(QuietCombo):
    """The chosen model in a header; its list can be searched and says what each model holds and costs.

    Signals:
        model_named: a person typed the id of a model that is not in the list.
        list_opened: the list has come up, so that it should be up to date.
        refresh_requested: a person wants the server to be asked for its models.
    """

    model_named = Signal(str)
    list_opened = Signal()
    refresh_requested = Signal()

    def __init__(self, name: str, *, parent: QWidget | None = None) -> None:
        super().__init__(name, parent=parent)
        self._cards: tuple[ModelCard, ...] = ()
        self._list: ModelList | None = None
        self._state, self._is_busy = "", False

    def display(self, cards: Sequence[ModelCard], model_id: str) -> None:
        """Shows these models and which is chosen, without a signal."""
        if tuple(cards) != self._cards:
            self._cards = tuple(cards)
            self.clear()
            for card in cards:
                self.addItem(card.id, card.id)
        self.setCurrentIndex(self.findData(model_id))
        if self._list is not None:
            self._list.display(self._cards, model_id)

    def display_state(self, words: str, *, is_busy: bool) -> None:
        """What the foot of the list says: where it is from and how old it is."""
        self._state, self._is_busy = words, is_busy
        if self._list is not None:
            self._list.display_state(words, is_busy=is_busy)

    def showPopup(self) -> None:
        """Opens the list with the keyboard in its search."""
        if self._list is not None:
            return
        from drover.ui.model_list import ModelList  # nobody needs it to see a window

        self._list = ModelList(self.window())
        self._list.model_picked.connect(self._pick)
        self._list.refresh_requested.connect(self.refresh_requested)
        self._list.closed.connect(self._forget_list)
        self._list.display(self._cards, self.currentData() or "")
        self._list.display_state(self._state, is_busy=self._is_busy)
        self._is_open = True
        self._list.open_below(self)
        self.update()
        self.list_opened.emit()

    def hidePopup(self) -> None:
        """Closes the list."""
        if self._list is not None:
            self._list.close()

    def view(self) -> QAbstractItemView:
        """What assistive technology finds below the combo: the list that is open."""
        return super().view() if self._list is None else self._list.view

    def _forget_list(self) -> None:
        self._list, self._is_open = None, False
        self.update()

    def _pick(self, model_id: str) -> None:
        index = self.findData(model_id)
        if index < 0:
            self.model_named.emit(model_id)
        else:
            self.setCurrentIndex(index)
            self.activated.emit(index)


class Segments(QComboBox):
    """At most four short values side by side: to keyboard and screen reader a combo, without a list."""

    def __init__(self, name: str, *, compact: bool = False, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._compact = compact
        name_combos()
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
