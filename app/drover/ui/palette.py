"""All commands in one list with a filter, for the keyboard."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QModelIndex, QObject, QPersistentModelIndex, QRectF, QSize, Qt
from PySide6.QtGui import QAction, QKeyEvent, QKeySequence, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import (
    QFrame,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from drover.ui.actions import Actions
from drover.ui.theme import RADIUS, draw_frame, rounded_region, theme

_WIDTH_PX = 480
_ROWS = 12
_ROW_PX = 28
_PADDING = 8
_CORNER = 6
_SHORTCUT = Qt.ItemDataRole.UserRole + 1


class CommandPalette(QFrame):
    """Opens over the window; Return carries out the chosen command, Esc closes."""

    def __init__(self, actions: Actions, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setObjectName("palette")
        self.setAccessibleName(self.tr("Commands"))
        self._actions = actions
        self._filter = QLineEdit()
        self._filter.setPlaceholderText(self.tr("Type a command"))
        self._filter.setAccessibleName(self.tr("Filter commands"))
        self._filter.setProperty("hasOwnRing", True)
        self._filter.textChanged.connect(self._fill)
        self._filter.returnPressed.connect(self._carry_out)
        self._filter.installEventFilter(self)
        self._list = QListWidget()
        self._list.setAccessibleName(self.tr("Matching commands"))
        self._list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._list.setMouseTracking(True)
        self._list.setUniformItemSizes(True)
        self._list.setItemDelegate(_CommandRow(self._list))
        self._list.itemEntered.connect(self._list.setCurrentItem)
        self._list.itemClicked.connect(self._carry_out)
        self._list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        column = QVBoxLayout(self)
        column.setContentsMargins(_PADDING, _PADDING, _PADDING, _PADDING)
        column.setSpacing(_PADDING)
        column.addWidget(self._filter)
        column.addWidget(self._list)
        self._fill("")

    def show_over(self, window: QWidget) -> None:
        """Shows itself at the top of the window, ready to type."""
        width = min(theme().px(_WIDTH_PX), window.width() - 32)
        room = (window.height() - 160) // theme().px(_ROW_PX)
        self.setFixedWidth(width)
        self._list.setFixedHeight(theme().px(_ROW_PX) * max(3, min(_ROWS, self._list.count(), room)))
        corner = window.mapToGlobal(window.rect().topLeft())
        self.move(corner.x() + (window.width() - width) // 2, corner.y() + 64)
        self.show()
        self._filter.setFocus()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """The arrow keys move in the list while the filter has the keyboard."""
        if event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
            step = {Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1}.get(Qt.Key(event.key()))
            if step is not None:
                row = max(0, min(self._list.count() - 1, self._list.currentRow() + step))
                self._list.setCurrentRow(row)
                return True
        return super().eventFilter(watched, event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """The corners follow the size."""
        super().resizeEvent(event)
        self.setMask(rounded_region(self.rect(), _CORNER))

    def paintEvent(self, event: QPaintEvent) -> None:
        """The surface and edge of a menu."""
        painter = QPainter(self)
        fill, edge = theme().color("raised"), theme().color("border")
        draw_frame(painter, QRectF(self.rect()), _CORNER, fill=fill, edge=edge)
        painter.end()

    def _fill(self, words: str) -> None:
        self._list.clear()
        wanted = words.casefold().split()
        for spec in self._actions.specs:
            action = self._actions[spec.id]
            if spec.id == "open_palette" or not action.isEnabled():
                continue
            if all(word in spec.text.casefold() for word in wanted):
                item = QListWidgetItem(spec.text)
                item.setData(Qt.ItemDataRole.UserRole, spec.id)
                keys = action.shortcut() if spec.shortcut else QKeySequence(spec.keys)
                shortcut = keys.toString(QKeySequence.SequenceFormat.NativeText)
                item.setData(_SHORTCUT, shortcut)
                self._list.addItem(item)
        self._list.setCurrentRow(0)

    def _carry_out(self) -> None:
        item = self._list.currentItem()
        if item is None:
            return
        action: QAction = self._actions[item.data(Qt.ItemDataRole.UserRole)]
        self.close()
        action.trigger()


class _CommandRow(QStyledItemDelegate):
    """A command, with its shortcut at the right."""

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        """As high as a row of a menu."""
        return QSize(120, theme().px(_ROW_PX))

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> None:
        """Fill of the chosen row, words, shortcut."""
        colors = theme()
        is_chosen = bool(option.state & QStyle.StateFlag.State_Selected)
        row = QRectF(option.rect)
        if is_chosen:
            draw_frame(painter, row, RADIUS, fill=colors.color("select"))
        place = row.adjusted(_PADDING, 0, -_PADDING, 0)
        middle = Qt.AlignmentFlag.AlignVCenter
        painter.setFont(colors.font("ui"))
        painter.setPen(colors.color("text"))
        painter.drawText(place, int(middle | Qt.AlignmentFlag.AlignLeft), index.data())
        painter.setFont(colors.font("small"))
        painter.setPen(colors.color("text-3"))
        painter.drawText(place, int(middle | Qt.AlignmentFlag.AlignRight), index.data(_SHORTCUT))
