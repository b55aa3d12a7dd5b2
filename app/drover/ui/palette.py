"""All commands in one list with a filter, for the keyboard."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRectF, Qt
from PySide6.QtGui import QAction, QKeySequence, QPainter
from PySide6.QtWidgets import (
    QListWidgetItem,
    QStyle,
    QStyleOptionViewItem,
    QWidget,
)

from drover.ui.actions import Actions
from drover.ui.searched_popup import PADDING, PopupRow, SearchedPopup
from drover.ui.theme import RADIUS, draw_frame, theme

_WIDTH_PX = 480
_SHORTCUT = Qt.ItemDataRole.UserRole + 1


class CommandPalette(SearchedPopup):
    """Opens over the window; Return carries out the chosen command, Esc closes."""

    def __init__(self, actions: Actions, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("palette")
        self.setAccessibleName(self.tr("Commands"))
        self._actions = actions
        self.search.setPlaceholderText(self.tr("Type a command"))
        self.search.setAccessibleName(self.tr("Filter commands"))
        self.view.setAccessibleName(self.tr("Matching commands"))
        self.view.setItemDelegate(_CommandRow(self.view))
        self.column.setSpacing(PADDING)
        self.column.addWidget(self.search)
        self.column.addWidget(self.view)
        self.fill("")

    def show_over(self, window: QWidget) -> None:
        """Shows itself at the top of the window, ready to type."""
        width = min(theme().px(_WIDTH_PX), window.width() - 32)
        self.setFixedWidth(width)
        self.set_rows(self.view.count(), window.height() - 160)
        corner = window.mapToGlobal(window.rect().topLeft())
        self.move(corner.x() + (window.width() - width) // 2, corner.y() + 64)
        self.show()
        self.search.setFocus()

    def fill(self, words: str) -> None:
        """Lists the commands that can be carried out now and hold the words."""
        self.view.clear()
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
                self.view.addItem(item)
        self.view.setCurrentRow(0)

    def pick(self) -> None:
        """Carries the command out."""
        item = self.view.currentItem()
        if item is None:
            return
        action: QAction = self._actions[item.data(Qt.ItemDataRole.UserRole)]
        self.close()
        action.trigger()


class _CommandRow(PopupRow):
    """A command, with its shortcut at the right."""

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
        place = row.adjusted(PADDING, 0, -PADDING, 0)
        middle = Qt.AlignmentFlag.AlignVCenter
        painter.setFont(colors.font("ui"))
        painter.setPen(colors.color("text"))
        painter.drawText(place, int(middle | Qt.AlignmentFlag.AlignLeft), index.data())
        painter.setFont(colors.font("small"))
        painter.setPen(colors.color("text-3"))
        painter.drawText(place, int(middle | Qt.AlignmentFlag.AlignRight), index.data(_SHORTCUT))
