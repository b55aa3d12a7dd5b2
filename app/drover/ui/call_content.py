"""The arguments or the result of a call: its text, folded to its first lines, or its tree."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QCoreApplication, QSize, Signal
from PySide6.QtWidgets import QWidget

from drover.ui.call_text import CallText
from drover.ui.controls import QuietButton
from drover.ui.json_tree import JsonTree
from drover.ui.theme import theme


class CallContent(QWidget):
    """Shows a text, and what it means where it is JSON. Its owner lays it out.

    Signals:
        height_changed(): lay out again
    """

    height_changed = Signal()

    def __init__(self, name: str, parent: QWidget) -> None:
        super().__init__(parent)
        self._name = name
        self.text = CallText(name, self)
        self._more = QuietButton("", compact=True, parent=self)
        self._more.clicked.connect(self._fold)
        self._more.hide()
        self._value: Any = None
        self._tree: JsonTree | None = None
        self.tree_button = QuietButton(_tr("Tree"), compact=True, parent=parent)
        """For the header of the owner; seen only where there is something to unfold."""
        self.tree_button.setAccessibleName(_tr("{0} as a tree").format(name))
        self.tree_button.setCheckable(True)
        self.tree_button.toggled.connect(self._turn)
        self.tree_button.hide()

    def take_value(self, value: Any) -> None:
        """The whole text has turned out to be this JSON."""
        self.text.color("json")
        self._value = value
        can_turn = isinstance(value, dict | list) and bool(value)
        if can_turn == self.tree_button.isHidden():
            self.tree_button.setVisible(can_turn)
            self.height_changed.emit()

    def restyle(self) -> None:
        """Colours or text size have changed."""
        self.text.restyle()
        if self._tree is not None:
            self._tree.restyle()

    def _fold(self) -> None:
        self.text.set_open(not self.text.is_open)
        self.height_changed.emit()

    def _turn(self, is_tree: bool) -> None:
        if is_tree and self._tree is None:
            self._tree = JsonTree(self._value, _tr("{0}, tree").format(self._name), self)
            self._tree.height_changed.connect(self.height_changed)
        if self._tree is not None:
            self._tree.setVisible(is_tree)
        self.height_changed.emit()

    def lay_out(self, width: int) -> int:
        """The height it takes at this width."""
        is_tree = self._tree is not None and self.tree_button.isChecked()
        self.text.setVisible(not is_tree)
        if is_tree and self._tree is not None:
            self._more.hide()
            height = self._tree.lay_out(width)
            self._tree.setGeometry(0, 0, width, height)
            return height
        height = self.text.lay_out(width)
        self.text.setGeometry(0, 0, width, height)
        is_offered = self.text.has_more or self.text.is_open
        self._more.setVisible(is_offered)
        if is_offered:
            self._more.setText(_tr("Show less") if self.text.is_open else _tr("Show all"))
            size = self._more.sizeHint()
            top = height + theme().px(2)
            self._more.setGeometry(-theme().px(8), top, size.width(), size.height())
            return top + size.height()
        return height

    def sizeHint(self) -> QSize:
        """Its present size; the owner lays it out."""
        return self.size()


def _tr(text: str) -> str:
    return QCoreApplication.translate("call_content", text)
