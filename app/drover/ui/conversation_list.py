"""The left column: search, the list of conversations or of search hits, undo of a deletion, settings."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from PySide6.QtCore import (
    QAbstractItemModel,
    QModelIndex,
    QPersistentModelIndex,
    QPoint,
    QPointF,
    QRect,
    QRectF,
    QSize,
    Qt,
    QTimer,
    Signal,
)
from PySide6.QtGui import (
    QContextMenuEvent,
    QFocusEvent,
    QFont,
    QFontMetricsF,
    QHideEvent,
    QKeyEvent,
    QKeySequence,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QTextCharFormat,
    QTextLayout,
    QTextOption,
)
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QHBoxLayout,
    QLineEdit,
    QListView,
    QPushButton,
    QSizePolicy,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from drover.domain.conversation import Conversation
from drover.ui.controls import (
    RADIUS,
    ElidedLabel,
    Hairline,
    IconButton,
    Menu,
    QuietButton,
    SearchField,
    is_keyboard_focus,
)
from drover.ui.formats import ELLIPSIS
from drover.ui.models import ConversationListModel, ListRole, SearchHitModel
from drover.ui.theme import draw_frame, draw_icon, theme

if TYPE_CHECKING:
    from drover.store.search import SearchHit

_UNDO_MS = 10_000
_SEARCH_DELAY_MS = 120
_MARGIN_PX = 8
_TEXT_INSET_PX = 16
_ROW_PX = 32
_GROUP_PX = 28
_HIT_PX = 48
_DOT_PX = 8
_State = QStyle.StateFlag


class ConversationList(QWidget):
    """Shows what it is given and says what the person wants; it changes no conversation itself.

    Signals:
        conversation_chosen(str): a row was chosen by click or key, never by `select` or `display`
        new_requested(), settings_requested(), undo_requested()
        rename_requested(str, str): id and new title, neither blank nor the old one
        delete_requested(str)
        pin_requested(str, bool)
        search_edited(str): a moment after the last key; at once when the field is emptied
    """

    conversation_chosen = Signal(str)
    new_requested = Signal()
    rename_requested = Signal(str, str)
    delete_requested = Signal(str)
    pin_requested = Signal(str, bool)
    search_edited = Signal(str)
    settings_requested = Signal()
    undo_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._chosen_id: str | None = None
        self._is_displaying = False
        self._conversations: tuple[Conversation, ...] = ()
        self._live_ids: frozenset[str] = frozenset()
        self._model = ConversationListModel(self)
        self._hits = SearchHitModel(self)
        shortcut = QKeySequence("Ctrl+K").toString(QKeySequence.SequenceFormat.NativeText)
        self._search = _ListSearchField(self.tr("Search conversations"), self.tr("Search"), shortcut)
        self._search_timer = QTimer(self, singleShot=True, interval=_SEARCH_DELAY_MS)
        self._search_timer.timeout.connect(self._tell_search)
        self._midnight_timer = QTimer(self, singleShot=True)
        self._midnight_timer.timeout.connect(self._redisplay)
        self._new = IconButton("plus", self.tr("New conversation"), has_edge=True)
        self._view = _RowView()
        self._view.setAccessibleName(self.tr("Conversations"))
        self._undo = _UndoBar()
        self._undo.hide()
        self._settings = _FootRow(self.tr("Settings"), "settings")
        self._lay_out()
        self._show_model(self._model)
        self._connect()

    def _lay_out(self) -> None:
        self._head = QHBoxLayout()
        self._head.setContentsMargins(_MARGIN_PX, 10, _MARGIN_PX, 6)
        self._head.setSpacing(8)
        self._head.addWidget(self._search, 1)
        self._head.addWidget(self._new)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(self._head)
        layout.addWidget(self._view, 1)
        layout.addWidget(self._undo)
        layout.addWidget(Hairline())
        layout.addWidget(self._settings)

    def _connect(self) -> None:
        self._search.textChanged.connect(self._schedule_search)
        self._search.list_asked.connect(self._enter_list)
        self._search.left.connect(self._view.setFocus)
        self._new.clicked.connect(self._request_new)
        self._view.delete_pressed.connect(self._request_delete)
        self._view.menu_asked.connect(self._open_menu)
        self._view.title_edited.connect(self._request_rename)
        self._undo.undo_requested.connect(self._request_undo)
        self._settings.clicked.connect(self.settings_requested)

    def display(self, conversations: Sequence[Conversation], live_ids: Collection[str]) -> None:
        """Shows these conversations; rows that stay keep their place, the chosen row stays chosen."""
        self._conversations = tuple(conversations)
        self._live_ids = frozenset(live_ids)
        self._redisplay()

    def show_hits(self, hits: Sequence[SearchHit] | None, query: str = "") -> None:
        """Shows the hits of a search instead of the conversations; None goes back to these."""
        self._is_displaying = True
        if hits is None:
            self._show_model(self._model)
        else:
            self._hits.display(hits, now=datetime.now().astimezone())
            nothing = self.tr("Nothing found for “{0}”.").format(query.strip())
            self._show_model(self._hits, empty_text=nothing)
        self._is_displaying = False
        self._mark_chosen()

    def select(self, conversation_id: str | None) -> None:
        """Marks the conversation that is shown elsewhere; None for none. Emits nothing."""
        self._chosen_id = conversation_id
        self._mark_chosen(is_scrolled_to=True)

    def take_search_focus(self) -> None:
        """Moves to the search field and selects what it holds."""
        self._search.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self._search.selectAll()

    def take_list_focus(self) -> None:
        """Moves to the rows."""
        self._view.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def begin_rename(self, conversation_id: str) -> None:
        """Opens the editor in the row of this conversation."""
        if self._search.text():
            self._search.clear()
        self.show_hits(None)
        row = self._model.row_of(conversation_id)
        if row >= 0:
            index = self._model.index(row)
            self._view.scrollTo(index)
            self._view.edit(index)

    def show_undo(self, title: str) -> None:
        """Offers to undo the deletion of a conversation, until the next change or for ten seconds."""
        self._undo.offer(title or self.tr("New conversation"))

    def _redisplay(self) -> None:
        now = datetime.now().astimezone()
        self._is_displaying = True
        self._model.display(self._conversations, self._live_ids, now=now)
        self._is_displaying = False
        self._mark_chosen()
        midnight = (now + timedelta(days=1)).replace(hour=0, minute=0, second=1, microsecond=0)
        self._midnight_timer.start(int((midnight - now).total_seconds() * 1000))

    def _show_model(self, model: ConversationListModel | SearchHitModel, *, empty_text: str = "") -> None:
        self._view.set_empty_text(empty_text or self.tr("Conversations appear here."))
        if self._view.model() is model:
            self._view.viewport().update()
            return
        old = self._view.selectionModel()
        self._view.setModel(model)
        if old is not None:
            old.deleteLater()
        self._view.selectionModel().currentChanged.connect(self._choose)

    def _mark_chosen(self, *, is_scrolled_to: bool = False) -> None:
        model = self._view.model()
        index = QModelIndex()
        if self._chosen_id is not None:
            if model is self._model:
                index = self._model.index(self._model.row_of(self._chosen_id))
            else:
                index = self._hits.index(self._hits.row_of(self._chosen_id))
        if index == self._view.currentIndex() and self._view.selectionModel().isSelected(index):
            return
        self._is_displaying = True
        if index.isValid():
            self._view.setCurrentIndex(index)
            if is_scrolled_to:
                self._view.scrollTo(index)
        else:
            self._view.selectionModel().clear()
        self._is_displaying = False

    def _choose(self, current: QModelIndex) -> None:
        if self._is_displaying or not current.isValid():
            return
        self._chosen_id = str(current.data(ListRole.ID))
        self.conversation_chosen.emit(self._chosen_id)

    def _schedule_search(self, text: str) -> None:
        if text.strip():
            self._search_timer.start()
        else:
            self._tell_search()

    def _tell_search(self) -> None:
        self._search_timer.stop()
        self.search_edited.emit(self._search.text())

    def _enter_list(self) -> None:
        if self._search_timer.isActive():
            self._tell_search()
        self._view.setFocus(Qt.FocusReason.TabFocusReason)
        if not self._view.currentIndex().isValid() and self._view.model().rowCount():
            self._view.setCurrentIndex(self._view.model().index(0, 0))

    def _request_new(self) -> None:
        self._undo.hide()
        self.new_requested.emit()

    def _request_undo(self) -> None:
        self._undo.hide()
        self.undo_requested.emit()

    def _request_delete(self, conversation_id: str) -> None:
        self._undo.hide()
        self.delete_requested.emit(conversation_id)

    def _request_rename(self, conversation_id: str, title: str) -> None:
        self._undo.hide()
        self.rename_requested.emit(conversation_id, title)

    def _open_menu(self, index: QModelIndex, at: QPoint) -> None:
        conversation_id = str(index.data(ListRole.ID))
        menu = _RowMenu(conversation_id, self._view)
        if self._view.model() is self._model:
            menu.add_editing(is_pinned=bool(index.data(ListRole.IS_PINNED)))
        menu.add_deletion()
        menu.rename_chosen.connect(self.begin_rename)
        menu.pin_chosen.connect(self._request_pin)
        menu.delete_chosen.connect(self._request_delete)
        menu.popup(at)

    def _request_pin(self, conversation_id: str, is_pinned: bool) -> None:
        self._undo.hide()
        self.pin_requested.emit(conversation_id, is_pinned)


class _RowMenu(Menu):
    """What can be done with one conversation. Deletes itself when closed."""

    rename_chosen = Signal(str)
    pin_chosen = Signal(str, bool)
    delete_chosen = Signal(str)

    def __init__(self, conversation_id: str, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._conversation_id = conversation_id
        self._will_pin = False

    def add_editing(self, *, is_pinned: bool) -> None:
        self._will_pin = not is_pinned
        self.addAction(self.tr("Rename")).triggered.connect(self._choose_rename)
        pin = self.addAction(self.tr("Unpin") if is_pinned else self.tr("Pin"))
        pin.triggered.connect(self._choose_pin)
        self.addSeparator()

    def add_deletion(self) -> None:
        delete = self.addAction(self.tr("Delete"))
        delete.setShortcut(QKeySequence.StandardKey.Delete)
        delete.triggered.connect(self._choose_delete)

    def _choose_rename(self) -> None:
        self.rename_chosen.emit(self._conversation_id)

    def _choose_pin(self) -> None:
        self.pin_chosen.emit(self._conversation_id, self._will_pin)

    def _choose_delete(self) -> None:
        self.delete_chosen.emit(self._conversation_id)


class _RowView(QListView):
    """The list itself. Names of groups are painted above the first row of each, and are no part of a row."""

    delete_pressed = Signal(str)
    menu_asked = Signal(QModelIndex, QPoint)
    title_edited = Signal(str, str)

    def __init__(self) -> None:
        super().__init__()
        self._empty_text = ""
        self.shows_ring = False
        delegate = _RowDelegate(self)
        delegate.title_edited.connect(self.title_edited)
        self.setItemDelegate(delegate)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setMouseTracking(True)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.EditKeyPressed)
        self.setResizeMode(QListView.ResizeMode.Adjust)
        theme().changed.connect(self._restyle)
        self._restyle()

    def set_empty_text(self, text: str) -> None:
        """What stands here while there are no rows."""
        self._empty_text = text
        self.setAccessibleDescription("" if self.model() and self.model().rowCount() else text)

    def setModel(self, model: QAbstractItemModel | None) -> None:
        super().setModel(model)
        self.setAccessibleDescription("" if model and model.rowCount() else self._empty_text)

    def indexAt(self, point: QPoint) -> QModelIndex:
        """The row at a point; none where the name of a group stands."""
        index = super().indexAt(point)
        if not index.isValid() or not index.data(ListRole.GROUP):
            return index
        is_on_row = point.y() >= self.visualRect(index).top() + theme().px(_GROUP_PX)
        return index if is_on_row else QModelIndex()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        self.shows_ring = True
        index = self.currentIndex()
        if event.matches(QKeySequence.StandardKey.Delete) and index.isValid():
            self.delete_pressed.emit(str(index.data(ListRole.ID)))
            return
        super().keyPressEvent(event)
        self.viewport().update()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.shows_ring = False
        if event.button() == Qt.MouseButton.LeftButton:
            super().mousePressEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        self.shows_ring = is_keyboard_focus(event)
        super().focusInEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        is_mouse = event.reason() == QContextMenuEvent.Reason.Mouse
        index = self.indexAt(event.pos()) if is_mouse else self.currentIndex()
        if index.isValid():
            at = event.globalPos()
            if not is_mouse:
                at = self.viewport().mapToGlobal(
                    self.visualRect(index).bottomLeft() + QPoint(_TEXT_INSET_PX, 0)
                )
            self.menu_asked.emit(index, at)

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if self._empty_text and self.model().rowCount() == 0:
            painter = QPainter(self.viewport())
            painter.setFont(theme().font("ui"))
            painter.setPen(theme().color("text-3"))
            area = self.viewport().rect().adjusted(_TEXT_INSET_PX, theme().px(14), -_TEXT_INSET_PX, 0)
            flags = Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft | Qt.TextFlag.TextWordWrap
            painter.drawText(area, flags, self._empty_text)

    def _restyle(self) -> None:
        self.verticalScrollBar().setSingleStep(theme().px(_ROW_PX))
        self.scheduleDelayedItemsLayout()


class _RowDelegate(QStyledItemDelegate):
    """Paints one row of either list, and edits a title in place."""

    title_edited = Signal(str, str)

    def __init__(self, view: _RowView) -> None:
        super().__init__(view)
        self._view = view

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        height = _HIT_PX if index.data(ListRole.SNIPPET) else _ROW_PX
        if index.data(ListRole.GROUP):
            height += _GROUP_PX
        return QSize(0, theme().px(height))

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        painter.save()
        group = index.data(ListRole.GROUP)
        if group:
            self._paint_group(painter, _rect(option), group)
        row = self._row_rect(option, index)
        is_selected = self._paint_ground(painter, row, option)
        line = QRect(row.left() + 8, row.top(), row.width() - 16, theme().px(_ROW_PX))
        snippet = index.data(ListRole.SNIPPET)
        if snippet:
            line.setHeight(theme().px(28))
        self._paint_title(painter, line, index, is_selected)
        if snippet:
            below = QRect(line.left(), line.bottom() - theme().px(3), line.width(), theme().px(16))
            font = theme().font("small")
            spans = index.data(ListRole.SPANS)
            text, spans = _with_hit_in_sight(snippet, spans, QFontMetricsF(font), below.width())
            self._paint_line(painter, below, text, spans, font, "text-3")
        painter.restore()

    def _row_rect(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QRect:
        row = _rect(option).adjusted(_MARGIN_PX, 0, -_MARGIN_PX, 0)
        if index.data(ListRole.GROUP):
            row.setTop(row.top() + theme().px(_GROUP_PX))
        return row

    def _paint_group(self, painter: QPainter, rect: QRect, name: str) -> None:
        top = rect.top() + theme().px(4)
        line = QRect(rect.left() + _TEXT_INSET_PX, top, rect.width(), theme().px(_GROUP_PX - 4))
        painter.setFont(theme().font("small", 500))
        painter.setPen(theme().color("text-3"))
        painter.drawText(line, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, name)

    def _paint_ground(self, painter: QPainter, row: QRect, option: QStyleOptionViewItem) -> bool:
        state = _state(option)
        is_selected = bool(state & _State.State_Selected)
        token = "select" if is_selected else "hover" if state & _State.State_MouseOver else ""
        if token:
            draw_frame(painter, QRectF(row), RADIUS, fill=theme().color(token))
        if state & _State.State_HasFocus and self._view.shows_ring:
            draw_frame(painter, QRectF(row), RADIUS, edge=theme().color("accent"), width=2)
        return is_selected

    def _paint_title(
        self,
        painter: QPainter,
        line: QRect,
        index: QModelIndex | QPersistentModelIndex,
        is_selected: bool,
    ) -> None:
        if index.data(ListRole.IS_LIVE):
            right = self._paint_dot(painter, line)
        else:
            time = str(index.data(ListRole.TIME))
            painter.setFont(theme().font("small"))
            painter.setPen(theme().color("text-3"))
            painter.drawText(line, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, time)
            right = round(line.right() + 1 - theme().measured("small", time))
        font = theme().font("ui", 500 if is_selected else 400)
        line = QRect(line)
        line.setRight(right - 9)
        spans = () if index.data(ListRole.SNIPPET) else index.data(ListRole.SPANS) or ()
        self._paint_line(painter, line, str(index.data()), spans, font, "text")

    def _paint_dot(self, painter: QPainter, line: QRect) -> int:
        left = line.right() + 1 - 8 - _DOT_PX
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme().color("accent"))
        painter.drawEllipse(QRectF(left, line.top() + (line.height() - _DOT_PX) / 2, _DOT_PX, _DOT_PX))
        return left

    def _paint_line(
        self,
        painter: QPainter,
        line: QRect,
        text: str,
        spans: Sequence[tuple[int, int]],
        font: QFont,
        token: str,
    ) -> None:
        """One elided line, the spans marked as hits."""
        metrics = QFontMetricsF(font)
        shown = metrics.elidedText(text, Qt.TextElideMode.ElideRight, line.width())
        painter.setFont(font)
        painter.setPen(theme().color(token))
        if not spans:
            painter.drawText(line, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, shown)
            return
        layout = QTextLayout(shown, font)
        layout.setTextOption(_one_line())
        layout.setFormats([_hit_format(start, end) for start, end in spans if start < len(shown)])
        layout.beginLayout()
        layout.createLine().setLineWidth(line.width())
        layout.endLayout()
        top = line.top() + round((line.height() - metrics.height()) / 2)
        layout.draw(painter, QPointF(line.left(), top))

    def createEditor(
        self,
        parent: QWidget,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> QWidget:
        editor = QLineEdit(parent)
        editor.setAccessibleName(self.tr("Title"))
        editor.setMaxLength(200)
        return editor

    def setEditorData(self, editor: QWidget, index: QModelIndex | QPersistentModelIndex) -> None:
        assert isinstance(editor, QLineEdit)
        editor.setText(str(index.data(Qt.ItemDataRole.EditRole)))
        editor.selectAll()

    def setModelData(
        self, editor: QWidget, model: QAbstractItemModel, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        assert isinstance(editor, QLineEdit)
        title = " ".join(editor.text().split())
        if title and title != index.data(Qt.ItemDataRole.EditRole):
            self.title_edited.emit(str(index.data(ListRole.ID)), title)

    def updateEditorGeometry(
        self,
        editor: QWidget,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> None:
        row = self._row_rect(option, index)
        height = theme().px(28)
        editor.setGeometry(row.left(), row.top() + (row.height() - height) // 2, row.width(), height)


def _rect(option: QStyleOptionViewItem) -> QRect:
    return QRect(option.rect)


def _state(option: QStyleOptionViewItem) -> QStyle.StateFlag:
    return option.state


def _one_line() -> QTextOption:
    option = QTextOption()
    option.setWrapMode(QTextOption.WrapMode.NoWrap)
    return option


def _hit_format(start: int, end: int) -> QTextLayout.FormatRange:
    shown = QTextLayout.FormatRange()
    shown.start = start
    shown.length = end - start
    shown.format = QTextCharFormat()
    shown.format.setBackground(theme().color("hit"))
    shown.format.setForeground(theme().color("text"))
    return shown


def _with_hit_in_sight(
    text: str, spans: Sequence[tuple[int, int]], metrics: QFontMetricsF, width: float
) -> tuple[str, list[tuple[int, int]]]:
    """The text without as much of its beginning as would hide the first hit, and the spans in it."""
    if not spans or metrics.horizontalAdvance(text[: spans[0][1]]) < width * 0.8:
        return text, list(spans)
    first, end = spans[0]
    start = first
    while start > 0 and metrics.horizontalAdvance(text[start - 1 : end]) < width * 0.5:
        start -= 1
    space = text.find(" ", start, first)
    start = space + 1 if space >= 0 else start
    shift = len(ELLIPSIS) - start
    return ELLIPSIS + text[start:], [(a + shift, b + shift) for a, b in spans]


class _ListSearchField(SearchField):
    """The search field, with the keys that lead from it into the list.

    Signals:
        list_asked: Down or Return; left: Escape in an empty field
    """

    list_asked = Signal()
    left = Signal()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Escape empties the field first."""
        if event.key() == Qt.Key.Key_Escape:
            if self.text():
                self.clear()
            else:
                self.left.emit()
        elif event.key() in (Qt.Key.Key_Down, Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.list_asked.emit()
        else:
            super().keyPressEvent(event)


class _UndoBar(QWidget):
    """One sentence about what was deleted, and the way back, for ten seconds."""

    undo_requested = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._words = ElidedLabel(token="text-2")
        self._button = QuietButton(self.tr("Undo"))
        self._button.setAccessibleName(self._button.text())
        self._button.clicked.connect(self.undo_requested)
        self._timer = QTimer(self, singleShot=True, interval=_UNDO_MS)
        self._timer.timeout.connect(self.hide)
        row = QHBoxLayout()
        row.setContentsMargins(_TEXT_INSET_PX, 4, _MARGIN_PX, 4)
        row.setSpacing(8)
        row.addWidget(self._words, 1)
        row.addWidget(self._button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(Hairline())
        layout.addLayout(row)

    def offer(self, title: str) -> None:
        """Shows itself for ten seconds from now."""
        self._words.setText(self.tr("Deleted “{0}”.").format(title))
        self.show()
        self._timer.start()

    def hideEvent(self, event: QHideEvent) -> None:
        self._timer.stop()
        super().hideEvent(event)


class _FootRow(QPushButton):
    """A row of the column that acts as a button: icon, then text, at the left."""

    def __init__(self, text: str, icon: str) -> None:
        super().__init__(text)
        self.setAccessibleName(text)
        self._icon_name = icon
        self._shows_ring = False
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setProperty("hasOwnRing", True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme().changed.connect(self.updateGeometry)

    def sizeHint(self) -> QSize:
        """40 high."""
        return QSize(120, theme().px(40))

    def minimumSizeHint(self) -> QSize:
        """The same height at any width."""
        return QSize(64, theme().px(40))

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Remembers whether a ring is called for."""
        self._shows_ring = is_keyboard_focus(event)
        super().focusInEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        """A row like those of the list."""
        painter = QPainter(self)
        row = QRectF(self.rect()).adjusted(_MARGIN_PX, 4, -_MARGIN_PX, -4)
        token = "pressed" if self.isDown() else "hover" if self.underMouse() else ""
        if token:
            draw_frame(painter, row, RADIUS, fill=theme().color(token))
        if self.hasFocus() and self._shows_ring:
            draw_frame(painter, row, RADIUS, edge=theme().color("accent"), width=2)
        size = theme().px(16)
        ink = theme().color("text" if token else "text-2")
        draw_icon(
            painter, QRectF(_TEXT_INSET_PX, (self.height() - size) / 2, size, size), self._icon_name, ink
        )
        painter.setFont(theme().font("ui"))
        painter.setPen(ink)
        room = QRectF(_TEXT_INSET_PX + size + 8, 0, self.width(), self.height())
        painter.drawText(room, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, self.text())
        painter.end()
