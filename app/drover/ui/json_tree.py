"""JSON as a tree of which only what is looked at is made."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final

from PySide6.QtCore import (
    QAbstractItemModel,
    QCoreApplication,
    QModelIndex,
    QPersistentModelIndex,
    QRect,
    QRectF,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import (
    QAction,
    QContextMenuEvent,
    QGuiApplication,
    QKeyEvent,
    QKeySequence,
    QPainter,
    QWheelEvent,
)
from PySide6.QtWidgets import QAbstractItemView, QFrame, QHeaderView, QTreeView, QWidget

from drover.ui import formats
from drover.ui.controls import Menu
from drover.ui.theme import draw_icon, theme

_BATCH: Final = 200
_ROW, _MOST_ROWS, _OPEN_ROWS = 24, 18, 12
_INDENT = 20
_MOST_VALUE: Final = 2000
"""Characters of a string that a row shows; it is copied whole."""

Index = QModelIndex | QPersistentModelIndex


class _Node:
    """A value and its place. Its children are made in batches, when they are first looked at."""

    __slots__ = ("children", "key", "parent", "row", "value")

    def __init__(self, parent: _Node | None, row: int, key: str | int, value: Any) -> None:
        self.parent, self.row, self.key, self.value = parent, row, key, value
        self.children: list[_Node] = []

    @property
    def count(self) -> int:
        """How many children it will have."""
        return len(self.value) if isinstance(self.value, dict | list) else 0

    def make_more(self, most: int) -> None:
        """Makes the next children."""
        start, end = len(self.children), min(self.count, len(self.children) + most)
        value = self.value
        keys: Sequence[Any] = list(value)[start:end] if isinstance(value, dict) else range(start, end)
        for row, key in enumerate(keys, start):
            self.children.append(_Node(self, row, key, value[key]))

    @property
    def path(self) -> str:
        """Such as "items[2].price"; empty for the whole."""
        steps: list[str] = []
        node: _Node | None = self
        while node is not None and node.parent is not None:
            steps.append(_step(node.key))
            node = node.parent
        return "".join(reversed(steps)).removeprefix(".")


def _step(key: str | int) -> str:
    if isinstance(key, int):
        return f"[{key}]"
    return f".{key}" if key.isidentifier() else f"[{json.dumps(key, ensure_ascii=False)}]"


class JsonModel(QAbstractItemModel):
    """Keys in the first column, values in the second."""

    def __init__(self, value: Any, parent: QWidget) -> None:
        super().__init__(parent)
        self._root = _Node(None, 0, "", value)
        if not isinstance(value, dict | list):
            self._root = _Node(None, 0, "", [value])
        self._root.make_more(_BATCH)

    def node(self, index: Index) -> _Node:
        """What stands at an index; the whole for an invalid one."""
        found = index.internalPointer() if index.isValid() else None
        return found if isinstance(found, _Node) else self._root

    def index(self, row: int, column: int, parent: Index = QModelIndex()) -> QModelIndex:  # noqa: B008
        """Of a child that has been made."""
        children = self.node(parent).children
        if not (0 <= row < len(children) and 0 <= column < 2):
            return QModelIndex()
        return self.createIndex(row, column, children[row])

    def parent(self, index: Index) -> QModelIndex:  # type: ignore[override]
        """The container of a value."""
        above = self.node(index).parent
        return (
            QModelIndex() if above is None or above is self._root else self.createIndex(above.row, 0, above)
        )

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        """Children that have been made."""
        return len(self.node(parent).children) if parent.column() <= 0 else 0

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        """Key and value."""
        return 2

    def hasChildren(self, parent: Index = QModelIndex()) -> bool:  # noqa: B008
        """Whether there is anything in it."""
        return parent.column() <= 0 and self.node(parent).count > 0

    def canFetchMore(self, parent: Index) -> bool:
        """Whether some of its children have not been made."""
        node = self.node(parent)
        return len(node.children) < node.count

    def fetchMore(self, parent: Index) -> None:
        """Makes the next batch."""
        node = self.node(parent)
        first = len(node.children)
        self.beginInsertRows(parent, first, min(node.count, first + _BATCH) - 1)
        node.make_more(_BATCH)
        self.endInsertRows()

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Words, colours, and the row as assistive technology is told of it."""
        if not index.isValid():
            return None
        node, is_key = self.node(index), index.column() == 0
        roles = Qt.ItemDataRole
        if role == roles.DisplayRole:
            return str(node.key) if is_key else _words(node.value)
        if role == roles.ForegroundRole:
            return theme().color("text" if is_key else _token(node.value))
        if role == roles.SizeHintRole:
            return QSize(0, theme().px(_ROW))
        if role == roles.AccessibleTextRole:
            return f"{node.key}: {_words(node.value)}"
        return None


class JsonTree(QTreeView):
    """Shows a JSON value; its owner lays it out.

    Signals:
        height_changed(): rows were opened or closed; lay out again
    """

    height_changed = Signal()

    def __init__(self, value: Any, name: str, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        self._model = JsonModel(value, self)
        self.setModel(self._model)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setProperty("bare", True)
        self.setHeaderHidden(True)
        self.setUniformRowHeights(True)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAnimated(False)
        self.viewport().setAutoFillBackground(False)
        self.header().setStretchLastSection(True)
        self.header().setSectionResizeMode(0, QHeaderView.ResizeMode.Fixed)
        self.header().setMinimumSectionSize(40)
        self._open_first()
        self.expanded.connect(self._report)
        self.collapsed.connect(self._report)
        self.restyle()

    def lay_out(self, width: int) -> int:
        """The height it takes at this width: that of its rows, if they are not too many."""
        rows = self._count_rows(_MOST_ROWS)
        self.header().resizeSection(0, min(width // 2, self._key_width()))
        return max(1, rows) * theme().px(_ROW)

    def restyle(self) -> None:
        """Colours or text size have changed."""
        self.setFont(theme().font("wire"))
        self.setIndentation(theme().px(_INDENT))
        self.scheduleDelayedItemsLayout()

    def _open_first(self) -> None:
        """Opens what lies in the whole as long as that stays short."""
        rows = self._model.rowCount()
        for row in range(self._model.rowCount()):
            index = self._model.index(row, 0)
            count = self._model.node(index).count
            if count and rows + count <= _OPEN_ROWS:
                rows += count
                self.expand(index)

    def _report(self) -> None:
        self.height_changed.emit()

    def _count_rows(self, most: int) -> int:
        count, index = 0, self._model.index(0, 0)
        while index.isValid() and count < most:
            count += 1
            index = self.indexBelow(index)
        return count

    def _key_width(self) -> int:
        """What the keys in view take."""
        metrics, widest, index = self.fontMetrics(), 0, self._model.index(0, 0)
        for _ in range(_MOST_ROWS):
            if not index.isValid():
                break
            depth, above = 1, index.parent()
            while above.isValid():
                depth, above = depth + 1, above.parent()
            words = str(index.data())[:80]
            widest = max(widest, depth * self.indentation() + metrics.horizontalAdvance(words))
            index = self.indexBelow(index)
        return widest + theme().px(24)

    def drawBranches(self, painter: QPainter, rect: QRect, index: Index) -> None:
        """A chevron before what can be opened."""
        if self._model.hasChildren(index):
            side, indent = theme().px(14), self.indentation()
            place = QRectF(
                rect.right() + 1 - indent + (indent - side) / 2 - 2, rect.top(), side, rect.height()
            )
            is_open = self.isExpanded(index)
            icon = "chevron-down" if is_open else "chevron-right"
            draw_icon(painter, place, icon, theme().color("text-2"))

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Belongs to the transcript until a person has gone into the tree."""
        if self.hasFocus() and self.verticalScrollBar().maximum() > 0:
            super().wheelEvent(event)
        else:
            event.ignore()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """The key that copies takes the value."""
        if event.matches(QKeySequence.StandardKey.Copy) and self.currentIndex().isValid():
            _copy(_plain(self._model.node(self.currentIndex()).value))
        else:
            super().keyPressEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """What can be copied of a row."""
        index = self.indexAt(event.pos())
        if not index.isValid():
            event.ignore()
            return
        node = self._model.node(index)
        menu = Menu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for words, text in (
            (_tr("Copy value"), partial(_plain, node.value)),
            (_tr("Copy path"), partial(_path_of, node)),
            (_tr("Copy as JSON"), partial(_as_json, node.value)),
        ):
            action = QAction(words, menu)
            action.triggered.connect(partial(_copy_of, text))
            menu.addAction(action)
        menu.popup(event.globalPos())


def _copy_of(text: Any, _checked: bool = False) -> None:
    _copy(text())


def _copy(text: str) -> None:
    QGuiApplication.clipboard().setText(text)


def _path_of(node: _Node) -> str:
    return node.path


def _plain(value: Any) -> str:
    """A string as it is, anything else as JSON."""
    return value if isinstance(value, str) else _as_json(value)


def _as_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)


def _words(value: Any) -> str:
    if isinstance(value, Mapping):
        count = len(value)
        if not count:
            return "{}"
        return _tr("1 key") if count == 1 else _tr("{0} keys").format(formats.whole(count))
    if isinstance(value, list):
        count = len(value)
        if not count:
            return "[]"
        return _tr("1 item") if count == 1 else _tr("{0} items").format(formats.whole(count))
    if isinstance(value, str):
        shown = value if len(value) <= _MOST_VALUE else value[:_MOST_VALUE] + "…"
        return json.dumps(shown, ensure_ascii=False)
    return json.dumps(value)


def _token(value: Any) -> str:
    if isinstance(value, str):
        return "syntax-string"
    if value is None or isinstance(value, bool):
        return "syntax-keyword"
    return "syntax-number" if isinstance(value, int | float) else "text-3"


def _tr(text: str) -> str:
    return QCoreApplication.translate("json_tree", text)
