"""The version switch and the buttons of one message."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QObject, QPoint, Qt, QTimer, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QApplication, QGraphicsOpacityEffect, QWidget

from drover.domain.conversation import Position
from drover.ui.controls import IconButton, Label, Menu
from drover.ui.theme import theme

_ACTION, _ROW = 24, 28


@dataclass(frozen=True, slots=True)
class _Row:
    """One line of the menu."""

    words: str
    act: Callable[[], None]
    is_offered: bool = True
    has_button: bool = False
    """Whether a button beside the menu does the same."""
    is_readings: bool = False
    """Whether it opens the ways to read the reply."""


class MessageActions(QWidget):
    """Version switch and buttons of one message. They are always there, for the keyboard and for assistive
    technology, but seen only while the message is under the pointer or has the keyboard.

    Signals:
        copy_requested(), plain_copy_requested(), reasoning_copy_requested(), edit_requested(),
        regenerate_requested(), inspect_requested(), restore_requested(), source_requested(),
        version_requested(int)
        reading_requested(str): read the reply like this, see `Message.reading`
        tags_requested(): ask between which tags its thinking stands
    """

    copy_requested = Signal()
    plain_copy_requested = Signal()
    reasoning_copy_requested = Signal()
    edit_requested = Signal()
    regenerate_requested = Signal()
    inspect_requested = Signal()
    restore_requested = Signal()
    source_requested = Signal()
    version_requested = Signal(int)
    reading_requested = Signal(str)
    tags_requested = Signal()

    def __init__(self, *, is_own: bool, parent: QWidget) -> None:
        super().__init__(parent)
        self._is_own = is_own
        self._is_hovered = self._is_focused = False
        self._has_reasoning = self._is_live = False
        self.shows_source = False
        """Whether the message is shown as it was written: what the menu offers is the other way."""
        self._reading = ""
        self._position = Position(index=0, count=1)
        self._previous = self._button("chevron-left", self.tr("Previous version"))
        self._which = Label("", role="small", token="text-2", parent=self)
        self._which.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._next = self._button("chevron-right", self.tr("Next version"))
        self._box = QWidget(self)
        self._copy = self._button("copy", self.tr("Copy"), self._box)
        self._buttons = [self._copy]
        if is_own:
            self._edit = self._button("edit", self.tr("Edit"), self._box)
            self._edit.clicked.connect(self.edit_requested)
            self._buttons.append(self._edit)
        else:
            self._regenerate = self._button("regenerate", self.tr("Regenerate"), self._box)
            self._inspect = self._button("inspect", self.tr("Inspect"), self._box)
            self._regenerate.clicked.connect(self.regenerate_requested)
            self._inspect.clicked.connect(self.inspect_requested)
            self._buttons += [self._regenerate, self._inspect]
        self._more = self._button("more", self.tr("More"), self._box)
        self._more.clicked.connect(self._open_more)
        self._buttons.append(self._more)
        self._copy.clicked.connect(self.copy_requested)
        self._previous.clicked.connect(self._step_back)
        self._next.clicked.connect(self._step_forward)
        self._veil = QGraphicsOpacityEffect(self._box)
        self._veil.setOpacity(0.0)
        self._box.setGraphicsEffect(self._veil)
        for button in self._buttons:
            button.installEventFilter(self)

    def display(self, position: Position, *, has_reasoning: bool, is_live: bool, reading: str = "") -> None:
        """Shows which version it is and what can be done with it."""
        self._position, self._is_live, self._reading = position, is_live, reading
        has_versions = position.count > 1
        for widget in (self._previous, self._which, self._next):
            widget.setVisible(has_versions)
        self._which.setText(f"{position.index + 1}/{position.count}")
        self._previous.setEnabled(position.index > 0)
        self._next.setEnabled(position.index < position.count - 1)
        self._has_reasoning = has_reasoning
        if not self._is_own:
            self._regenerate.setEnabled(not is_live)

    def lay_out(self) -> int:
        """Places everything at the right end; the width it takes there."""
        side, width, height = theme().px(_ACTION), self.width(), self.height()
        row = min(height, theme().px(_ROW))
        top = height - row + (row - side) // 2
        gap = theme().px(4) if not self._is_own else 0
        box_width = len(self._buttons) * side + (len(self._buttons) - 1) * gap
        self._box.setGeometry(width - box_width, top, box_width, side)
        for index, button in enumerate(self._buttons):
            button.setGeometry(index * (side + gap), 0, side, side)
        used = box_width
        if not self._which.isHidden():
            which = max(theme().px(20), int(theme().measured("small", self._which.text())) + 4)
            x = width - box_width - theme().px(4) - 2 * side - which
            self._previous.setGeometry(x, top, side, side)
            self._which.setGeometry(x + side, top, which, side)
            self._next.setGeometry(x + side + which, top, side, side)
            used += theme().px(4) + 2 * side + which
        return used

    def resizeEvent(self, event: object) -> None:
        """Everything stands at the right end."""
        self.lay_out()

    def set_hovered(self, is_hovered: bool) -> None:
        """Whether the pointer is over the message."""
        self._is_hovered = is_hovered
        self._unveil()

    def set_focused(self, is_focused: bool) -> None:
        """Whether the message has the keyboard."""
        self._is_focused = is_focused
        self._unveil()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Focus on any of the buttons shows them all."""
        if event.type() in (QEvent.Type.FocusIn, QEvent.Type.FocusOut):
            QTimer.singleShot(0, self, self._unveil)
        return False

    def _unveil(self) -> None:
        focused = QApplication.focusWidget()
        is_shown = self._is_hovered or self._is_focused or focused in self._buttons
        # Without the effect the buttons are painted directly, which is sharper and cheaper.
        self._veil.setEnabled(not is_shown)
        self._box.update()

    def _button(self, icon: str, name: str, parent: QWidget | None = None) -> IconButton:
        return IconButton(icon, name, compact=True, parent=parent or self)

    def _step_back(self) -> None:
        self.version_requested.emit(-1)

    def _step_forward(self) -> None:
        self.version_requested.emit(1)

    def open_menu(self, at: QPoint, *, is_by_key: bool) -> None:
        """Opens a menu of all that can be done with the message; by a key it begins at its first row."""
        menu = self._pop_up(self._rows(), at)
        if is_by_key:
            menu.setActiveAction(menu.actions()[0])

    def _open_more(self) -> None:
        """Opens a menu of what has no button."""
        rows = [row for row in self._rows() if not row.has_button]
        self._pop_up(rows, self._more.mapToGlobal(self._more.rect().bottomLeft()))

    def _rows(self) -> list[_Row]:
        tr, is_reply = self.tr, not self._is_own
        has_earlier, has_later = self._position.index > 0, self._position.index < self._position.count - 1
        rows = [
            _Row(tr("Copy"), self.copy_requested.emit, has_button=True),
            _Row(tr("Copy as plain text"), self.plain_copy_requested.emit),
            _Row(tr("Show rendered") if self.shows_source else tr("Show source"), self.source_requested.emit),
        ]
        if is_reply:
            rows += [
                _Row(tr("Copy reasoning"), self.reasoning_copy_requested.emit, self._has_reasoning),
                _Row(tr("Regenerate"), self.regenerate_requested.emit, not self._is_live, has_button=True),
                _Row(tr("Restore these settings"), self.restore_requested.emit),
                _Row(tr("Treat as"), self._open_more, not self._is_live, is_readings=True),
                _Row(tr("Inspect"), self.inspect_requested.emit, has_button=True),
            ]
        else:
            rows.append(_Row(tr("Edit"), self.edit_requested.emit, has_button=True))
        if self._position.count > 1:
            rows += [
                _Row(tr("Previous version"), self._step_back, has_earlier, has_button=True),
                _Row(tr("Next version"), self._step_forward, has_later, has_button=True),
            ]
        return rows

    def _add_readings(self, menu: Menu, row: _Row) -> None:
        from drover.ui.reading_menu import ReadingMenu

        readings = ReadingMenu(row.words, self._reading, menu)
        readings.setEnabled(row.is_offered)
        readings.reading_chosen.connect(self.reading_requested)
        readings.tags_requested.connect(self.tags_requested)
        menu.addMenu(readings)

    def _pop_up(self, rows: Sequence[_Row], at: QPoint) -> Menu:
        menu = Menu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for row in rows:
            if row.is_readings:
                self._add_readings(menu, row)
                continue
            action = QAction(row.words, menu)
            action.setEnabled(row.is_offered)
            action.triggered.connect(row.act)
            menu.addAction(action)
        menu.popup(at)
        return menu
