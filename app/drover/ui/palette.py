"""All commands in one list with a filter, for the keyboard."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QAction, QKeyEvent
from PySide6.QtWidgets import QFrame, QLineEdit, QListWidget, QListWidgetItem, QVBoxLayout, QWidget

from drover.ui.actions import Actions
from drover.ui.theme import theme

_WIDTH_PX = 480
_ROWS = 10


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
        self._filter.textChanged.connect(self._fill)
        self._filter.returnPressed.connect(self._carry_out)
        self._filter.installEventFilter(self)
        self._list = QListWidget()
        self._list.setAccessibleName(self.tr("Matching commands"))
        self._list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._list.itemClicked.connect(self._carry_out)
        self._list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 8, 8, 8)
        column.setSpacing(8)
        column.addWidget(self._filter)
        column.addWidget(self._list)
        self._fill("")

    def show_over(self, window: QWidget) -> None:
        """Shows itself at the top of the window, ready to type."""
        width = min(theme().px(_WIDTH_PX), window.width() - 32)
        self.setFixedWidth(width)
        self._list.setFixedHeight(theme().px(30) * _ROWS)
        corner = window.mapToGlobal(window.rect().topLeft())
        self.move(corner.x() + (window.width() - width) // 2, corner.y() + 64)
        self.show()
        self._filter.setFocus()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
            step = {Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1}.get(Qt.Key(event.key()))
            if step is not None:
                row = max(0, min(self._list.count() - 1, self._list.currentRow() + step))
                self._list.setCurrentRow(row)
                return True
        return super().eventFilter(watched, event)

    def _fill(self, words: str) -> None:
        self._list.clear()
        wanted = words.casefold().split()
        for spec in self._actions.specs:
            action = self._actions[spec.id]
            if spec.id == "open_palette" or not action.isEnabled():
                continue
            if all(word in spec.text.casefold() for word in wanted):
                shortcut = action.shortcut().toString()
                item = QListWidgetItem(spec.text.rstrip("…") + (f"    {shortcut}" if shortcut else ""))
                item.setData(Qt.ItemDataRole.UserRole, spec.id)
                self._list.addItem(item)
        self._list.setCurrentRow(0)

    def _carry_out(self) -> None:
        item = self._list.currentItem()
        if item is None:
            return
        action: QAction = self._actions[item.data(Qt.ItemDataRole.UserRole)]
        self.close()
        action.trigger()
