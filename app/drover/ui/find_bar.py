"""The bar that finds text in the shown conversation: a field, the number of hits, the way to each."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QEvent, QObject, QRect, QRectF, Qt, Signal
from PySide6.QtGui import QKeyEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from drover.ui import formats
from drover.ui.announcer import announce
from drover.ui.controls import IconButton, Label, QuietButton, SearchField
from drover.ui.theme import draw_frame, theme

_MARGIN, _PADDING, _INSET, _RADIUS = 4, 4, 16, 6
_WIDTH, _NARROWEST_FIELD = 408, 120


@dataclass(frozen=True, slots=True, kw_only=True)
class FindState:
    """What is known of the hits."""

    has_query: bool = False
    ordinal: int | None = None
    """Which hit of the shown branch is gone to, from 1; None if none is or it is not known yet."""
    total: int = 0
    """Hits on the shown branch so far."""
    is_counting: bool = False
    """Whether there may be more of them."""
    elsewhere: int = 0
    """Hits in other versions so far."""
    has_way_back: bool = False
    """Whether another version is shown than that in which the search began."""


class _Field(SearchField):
    """Enter goes on and Shift+Enter back; keys that scroll go to the transcript.

    Signals:
        stepped(int): to the next (1) or previous (-1) hit
    """

    stepped = Signal(int)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            is_back = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
            self.stepped.emit(-1 if is_back else 1)
        elif event.key() in (Qt.Key.Key_PageUp, Qt.Key.Key_PageDown, Qt.Key.Key_Up, Qt.Key.Key_Down):
            event.ignore()
        else:
            super().keyPressEvent(event)


class FindBar(QWidget):
    """Lies over the top right of the view in which it finds; hidden until `open`.

    Signals:
        query_edited(): text or case switch have changed
        stepped(int): to the next (1) or previous (-1) hit
        elsewhere_requested(): to the hits in other versions
        back_requested(): to the version in which the search began
        closed(): by the person
    """

    query_edited = Signal()
    stepped = Signal(int)
    elsewhere_requested = Signal()
    back_requested = Signal()
    closed = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._view = parent
        self._state = FindState()
        self._below: int | None = None
        self._field = _Field(self.tr("Find in conversation"), self.tr("Find in conversation"), "")
        self._field.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._field.textChanged.connect(self._tell_edited)
        self._field.stepped.connect(self.stepped)
        self._count = Label("", role="small", token="text-2")
        self._count.setSizePolicy(QSizePolicy.Policy.Minimum, QSizePolicy.Policy.Fixed)
        self._case = QuietButton("Aa")
        self._case.setCheckable(True)
        self._case.setAccessibleName(self.tr("Match case"))
        self._case.setToolTip(self.tr("Match case and accents"))
        self._case.toggled.connect(self._tell_edited)
        self._previous = IconButton("chevron-up", self.tr("Previous match"))
        self._previous.set_name(self.tr("Previous match"), self.tr("Previous match (Shift+F3)"))
        self._previous.clicked.connect(self._step_back)
        self._next = IconButton("chevron-down", self.tr("Next match"))
        self._next.set_name(self.tr("Next match"), self.tr("Next match (F3)"))
        self._next.clicked.connect(self._step_on)
        close = IconButton("close", self.tr("Close find"))
        close.set_name(self.tr("Close find"), self.tr("Close (Esc)"))
        close.clicked.connect(self.closed)
        self._elsewhere = QuietButton("")
        self._elsewhere.clicked.connect(self.elsewhere_requested)
        self._back = QuietButton(self.tr("Back to where you were"), icon="chevron-left")
        self._back.clicked.connect(self.back_requested)
        for button in (self._elsewhere, self._back):
            button.hide()
        self.setAttribute(Qt.WidgetAttribute.WA_NoMousePropagation)
        self._put_together(close)
        parent.installEventFilter(self)
        theme().changed.connect(self._place)
        self.hide()

    def _put_together(self, close: QWidget) -> None:
        edge = _MARGIN + _PADDING
        rows = QVBoxLayout(self)
        rows.setContentsMargins(edge, edge, edge, edge)
        rows.setSpacing(4)
        row = QHBoxLayout()
        row.setSpacing(0)
        row.addWidget(self._field, 1)
        row.addSpacing(8)
        row.addWidget(self._count)
        row.addSpacing(8)
        for button in (self._case, self._previous, self._next, close):
            row.addWidget(button)
        rows.addLayout(row)
        second = QHBoxLayout()
        second.setSpacing(0)
        second.addWidget(self._back)
        second.addStretch(1)
        second.addWidget(self._elsewhere)
        rows.addLayout(second)

    # What is looked for

    @property
    def query(self) -> str:
        """The text to find."""
        return self._field.text()

    @property
    def matches_case(self) -> bool:
        """Whether case and accents count."""
        return self._case.isChecked()

    def open(self, query: str = "") -> None:
        """Comes up with the keyboard in its field; a query takes the place of the one before."""
        self._below = None
        self._place()
        self.show()
        self.raise_()
        self._field.setFocus(Qt.FocusReason.ShortcutFocusReason)
        if query:
            self._field.setText(query)
        self._field.selectAll()

    def make_room(self, line: QRect) -> None:
        """Comes to lie below a line of the view that it would cover, else in its corner."""
        self._below = None
        self._place()
        if self.geometry().intersects(line):
            self._below = line.bottom()
            self._place()

    def display(self, state: FindState) -> None:
        """Shows and announces what has been found."""
        if state == self._state:
            return
        self._state = state
        words = self._words(state)
        if words != self._count.text():
            self._count.setText(words)
            if not state.is_counting:
                announce(self, words)
        for button in (self._previous, self._next):
            button.setEnabled(state.total > 0)
        self._elsewhere.setText(self._elsewhere_words(state))
        self._show_button(self._elsewhere, state.elsewhere > 0)
        self._show_button(self._back, state.has_way_back)
        self._place()

    def _show_button(self, button: QWidget, is_shown: bool) -> None:
        if not is_shown and button.hasFocus():
            self._field.setFocus(Qt.FocusReason.OtherFocusReason)
        button.setVisible(is_shown)

    def _words(self, state: FindState) -> str:
        total = formats.whole(state.total)
        if not state.has_query:
            return ""
        if state.is_counting:
            return self.tr("{0}+").format(total) if state.total else self.tr("Searching")
        if not state.total:
            return self.tr("None in this version") if state.elsewhere else self.tr("No matches")
        if state.ordinal is None:
            return total
        return self.tr("{0} of {1}").format(formats.whole(state.ordinal), total)

    def _elsewhere_words(self, state: FindState) -> str:
        count = formats.whole(state.elsewhere)
        if not state.total:
            return self.tr("{0} in other versions").format(count)
        return self.tr("{0} more in other versions").format(count)

    # Hands

    def _tell_edited(self) -> None:
        self.query_edited.emit()

    def _step_on(self) -> None:
        self.stepped.emit(1)

    def _step_back(self) -> None:
        self.stepped.emit(-1)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Escape closes it; what it has no use for goes to the view below."""
        if event.key() == Qt.Key.Key_Escape:
            self.closed.emit()
        else:
            event.ignore()

    # Place

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Keeps to the corner of the view."""
        if event.type() == QEvent.Type.Resize and watched is self._view:
            self._place()
        return False

    def _place(self) -> None:
        view, scale = self._view, theme().px
        room = view.width() - 2 * (_INSET - _MARGIN)
        self._field.setMinimumWidth(scale(_NARROWEST_FIELD))
        width = min(room, max(scale(_WIDTH), self.minimumSizeHint().width()))
        height = self.sizeHint().height()
        top = _INSET // 2 - _MARGIN if self._below is None else self._below + _MARGIN
        self.setGeometry(view.width() - width - _INSET + _MARGIN, top, width, height)

    def paintEvent(self, event: QPaintEvent) -> None:
        """The surrounding page, then the bar."""
        painter = QPainter(self)
        outer = QRectF(self.rect())
        draw_frame(painter, outer, _RADIUS + _MARGIN, fill=theme().color("page"))
        inner = outer.adjusted(_MARGIN, _MARGIN, -_MARGIN, -_MARGIN)
        draw_frame(painter, inner, _RADIUS, fill=theme().color("raised"), edge=theme().color("border"))
        painter.end()
