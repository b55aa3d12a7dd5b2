"""What can be done with a stored request: the bar at the foot of the Request tab."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QPoint, QPointF, QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QWidget, QWidgetAction

from drover.ui.controls import Button, Menu, Paragraph, QuietButton
from drover.ui.theme import draw_hairline, draw_icon, theme

_HEIGHT: Final = 52
_MARGIN: Final = 16
_NOTE_WIDTH: Final = 200
_COPIED_MS: Final = 1500


class RequestFoot(QWidget):
    """Buttons in a row; where room is short some show their icon alone.

    Signals:
        repeat_requested(), edit_requested(), export_requested()
        replay_requested(float): at this speed, 1 being that of the recording; 0 is at once
        copy_requested(str): as `curl`, `httpx`, `openai` or `http`
    """

    repeat_requested = Signal()
    edit_requested = Signal()
    replay_requested = Signal(float)
    export_requested = Signal()
    copy_requested = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._key_variable = ""
        self._repeat = _FootButton(self.tr("Repeat exactly"), "regenerate")
        self._edit = _FootButton(self.tr("Edit and send…"), "edit")
        self._replay = _FootButton(self.tr("Replay"), "play", chevron="down")
        self._export = _FootButton(self.tr("Export HAR…"), "export", has_edge=False)
        self._copy = _FootButton(self.tr("Copy as"), "copy", chevron="up")
        self._repeat.setToolTip(self.tr("Sends the same bytes again"))
        self._edit.setToolTip(self.tr("Takes the message and its settings into the message field"))
        row = QHBoxLayout(self)
        row.setContentsMargins(_MARGIN, 1, _MARGIN, 0)
        row.setSpacing(8)
        for button in (self._repeat, self._edit, self._replay):
            row.addWidget(button)
        row.addStretch()
        row.addWidget(self._export)
        row.addWidget(self._copy)
        self._repeat.clicked.connect(self.repeat_requested)
        self._edit.clicked.connect(self.edit_requested)
        self._export.clicked.connect(self.export_requested)
        self._replay.clicked.connect(self._open_replay_menu)
        self._copy.clicked.connect(self._open_copy_menu)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self._copied = QTimer(self, singleShot=True, interval=_COPIED_MS)
        self._copied.timeout.connect(self._end_copied)
        theme().changed.connect(self._restyle)
        self._restyle()

    def display(
        self, *, has_body: bool, is_settled: bool, has_exchange: bool, has_stream: bool, key_variable: str
    ) -> None:
        """Enables what can be done. `key_variable` stands for the key in what is copied; empty for none."""
        self._key_variable = key_variable
        for button in (self._repeat, self._edit):
            button.setEnabled(has_body and is_settled)
        self._replay.setEnabled(has_stream and is_settled)
        self._export.setEnabled(has_exchange and is_settled)
        self._copy.setEnabled(has_body)

    def show_copied(self) -> None:
        """Tells for a moment that the copy is on the clipboard."""
        self._copy.set_icon("check")
        self._copied.start()

    def _end_copied(self) -> None:
        self._copy.set_icon("copy")

    def minimumSizeHint(self) -> QSize:
        """As narrow as a column may be."""
        return QSize(0, self.height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Words give way to icons one after the other, the least needed first."""
        super().resizeEvent(event)
        self._fit()

    def paintEvent(self, event: QPaintEvent) -> None:
        """The line above the bar."""
        painter = QPainter(self)
        draw_hairline(painter, QPointF(0, 0), self.width(), theme().color("line"))
        painter.end()

    def _fit(self) -> None:
        buttons = [self._export, self._edit, self._repeat, self._replay, self._copy]
        room = self.width() - 2 * _MARGIN - 8 * len(buttons)
        widths = [button.width_of(is_short=False) for button in buttons]
        for index, button in enumerate(buttons):
            is_short = sum(widths) > room
            if is_short:
                widths[index] = button.width_of(is_short=True)
            button.set_short(is_short)

    def _restyle(self) -> None:
        self.setFixedHeight(theme().px(_HEIGHT))
        self._fit()

    def _open_replay_menu(self) -> None:
        menu = Menu(self)
        for words, speed in ((self.tr("1×"), 1.0), (self.tr("10×"), 10.0), (self.tr("At once"), 0.0)):
            action = menu.addAction(words)
            action.setData(speed)
        menu.triggered.connect(self._tell_speed)
        _open_above(menu, self._replay, is_at_right=False)

    def _tell_speed(self, action: object) -> None:
        self.replay_requested.emit(action.data())  # type: ignore[attr-defined]

    def _open_copy_menu(self) -> None:
        menu = Menu(self)
        for words, form in (
            (self.tr("cURL"), "curl"),
            (self.tr("Python, httpx"), "httpx"),
            (self.tr("Python, openai"), "openai"),
            (self.tr("HTTP file"), "http"),
        ):
            action = menu.addAction(words)
            action.setData(form)
        if self._key_variable:
            words = self.tr("The key is written as ${0}, never in full.").format(self._key_variable)
            menu.addSeparator()
            menu.addAction(_note(words, menu))
        menu.triggered.connect(self._tell_form)
        _open_above(menu, self._copy, is_at_right=True)

    def _tell_form(self, action: object) -> None:
        form = action.data()  # type: ignore[attr-defined]
        if form:
            self.copy_requested.emit(form)


class _FootButton(QuietButton):
    """A button that can do without its words, and tells of a menu with a chevron."""

    def __init__(self, words: str, icon: str, *, chevron: str = "", has_edge: bool = True) -> None:
        self._words = words
        self._chevron = chevron
        self._has_edge = has_edge
        self._padding = 12 if has_edge else 8
        super().__init__(words, icon=icon)
        self.setAccessibleName(words)

    def set_short(self, is_short: bool) -> None:
        """Shows the icon alone, the words as a tip."""
        words = "" if is_short else self._words
        if words != self.text():
            self.setText(words)
            self.updateGeometry()
            if not self.toolTip() or self.toolTip() == self._words:
                self.setToolTip(self._words if is_short else "")

    def set_icon(self, icon: str) -> None:
        """Shows another icon."""
        self._icon_name = icon
        self.update()

    def width_of(self, *, is_short: bool) -> int:
        """How wide it is in either form; closer around an icon alone."""
        words = 0 if is_short else theme().measured("ui", self._words) + 6
        chevron = theme().px(14) + 6 if self._chevron else 0
        content = self._icon_size() + words + chevron
        height = theme().px(28)
        return max(int(content + 2 * (6 if is_short else self._padding) + 0.999), height)

    def sizeHint(self) -> QSize:
        """As `width_of` says for its present form."""
        return QSize(self.width_of(is_short=not self.text()), theme().px(28))

    def _look(self) -> tuple[str, str, str]:
        return Button._look(self) if self._has_edge else super()._look()

    def _content_width(self) -> float:
        return super()._content_width() + (theme().px(14) + 6 if self._chevron else 0)

    def _paint_content(self, painter: QPainter, ink: str) -> None:
        super()._paint_content(painter, ink)
        if self._chevron:
            side = theme().px(14)
            right = (self.width() + self._content_width()) / 2
            place = QRectF(right - side, (self.height() - side) / 2, side, side)
            draw_icon(painter, place, f"chevron-{self._chevron}", theme().color(ink))


def _note(words: str, menu: Menu) -> QWidgetAction:
    """A sentence at the end of a menu."""
    label = Paragraph(words, role="small", token="text-3")
    label.setFixedWidth(theme().px(_NOTE_WIDTH))
    label.setContentsMargins(8, 2, 8, 4)
    label.setFixedHeight(label.heightForWidth(theme().px(_NOTE_WIDTH)) + 2)
    action = QWidgetAction(menu)
    action.setDefaultWidget(label)
    action.setEnabled(False)
    return action


def _open_above(menu: Menu, button: QWidget, *, is_at_right: bool) -> None:
    menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    size = menu.sizeHint()
    left = button.width() - size.width() if is_at_right else 0
    menu.popup(button.mapToGlobal(QPoint(left, -size.height() - 4)))
