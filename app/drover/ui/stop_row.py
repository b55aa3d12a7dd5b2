"""The row of `stop` and other lists of texts: a few chips, with their line ends visible."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QEnterEvent, QKeyEvent, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QSizePolicy, QWidget

from drover.domain.parameters import ParameterValue
from drover.ui.controls import Button, IconButton, Label
from drover.ui.parameter_rows import HidableIconButton, ParameterRow
from drover.ui.theme import RADIUS, draw_frame, theme


def escaped(text: str) -> str:
    r"""One line for a text: backslash, line end and tab as `\\`, `\n` and `\t`."""
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace("\t", "\\t").replace("\r", "\\r")


def unescaped(text: str) -> str:
    """The inverse of `escaped`; other backslashes stand for themselves."""
    meanings = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\"}
    pieces: list[str] = []
    index = 0
    while index < len(text):
        if text[index] == "\\" and text[index + 1 : index + 2] in meanings:
            pieces.append(meanings[text[index + 1]])
            index += 2
        else:
            pieces.append(text[index])
            index += 1
    return "".join(pieces)


class _StopChip(QWidget):
    """One text of a list with its line ends visible; a click edits it, the cross takes it away."""

    edit_requested = Signal(int)
    removal_requested = Signal(int)

    def __init__(self, name: str, index: int, text: str, parent: QWidget) -> None:
        super().__init__(parent)
        self._index = index
        shown = escaped(text)
        self._edit = _BareTextButton(shown, self)
        self._edit.setAccessibleName(self.tr("Edit {name} text {text}").format(name=name, text=shown))
        self._edit.setToolTip(shown)
        self._edit.clicked.connect(self._request_edit)
        self._remove = _BareIconButton(
            self.tr("Remove {name} text {text}").format(name=name, text=shown), self
        )
        self._remove.clicked.connect(self._request_removal)
        line = QHBoxLayout(self)
        line.setContentsMargins(1, 0, 1, 0)
        line.setSpacing(0)
        line.addWidget(self._edit, 1)
        line.addWidget(self._remove)
        self.setFixedHeight(theme().px(24))

    @property
    def buttons(self) -> tuple[QWidget, QWidget]:
        """What takes the keyboard, in order."""
        return self._edit, self._remove

    def paintEvent(self, event: QPaintEvent) -> None:
        """The frame around both."""
        painter = QPainter(self)
        colors = theme()
        edge = colors.color("strong" if self.underMouse() else "border")
        draw_frame(painter, QRectF(self.rect()), RADIUS, fill=colors.color("raised"), edge=edge)
        painter.end()

    def _request_edit(self) -> None:
        self.edit_requested.emit(self._index)

    def _request_removal(self) -> None:
        self.removal_requested.emit(self._index)

    def enterEvent(self, event: QEnterEvent) -> None:
        """Shows the hover."""
        self.update()

    def leaveEvent(self, event: QEvent) -> None:
        """Ends the hover."""
        self.update()


class _BareTextButton(Button):
    """The text of a chip, in the wire font, elided where room is short."""

    def __init__(self, text: str, parent: QWidget) -> None:
        super().__init__(text, compact=True, parent=parent)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        """The text and 6 before it."""
        return QSize(int(theme().measured("wire", self.text()) + 8), theme().px(24))

    def minimumSizeHint(self) -> QSize:
        """A letter or two."""
        return QSize(24, theme().px(24))

    def paintEvent(self, event: QPaintEvent) -> None:
        """The text alone."""
        painter = QPainter(self)
        painter.setFont(self.font())
        painter.setPen(theme().color("text"))
        room = self.rect().adjusted(6, 0, 0, 0)
        text = self.fontMetrics().elidedText(self.text(), Qt.TextElideMode.ElideMiddle, room.width())
        painter.drawText(room, int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft), text)
        painter.end()

    def _restyle(self) -> None:
        super()._restyle()
        self.setFont(theme().font("wire"))


class _BareIconButton(IconButton):
    """The cross of a chip."""

    def __init__(self, name: str, parent: QWidget) -> None:
        super().__init__("close", name, compact=True, parent=parent)

    def sizeHint(self) -> QSize:
        """Narrower than other icon buttons."""
        return QSize(theme().px(21), theme().px(24))

    def _look(self) -> tuple[str, str, str]:
        return "", "", "accent" if self.underMouse() else "text"


class StopRow(ParameterRow):
    """A few texts as chips; the one being written is a field in their place."""

    def _build_editor(self) -> None:
        self._chips: list[_StopChip] = []
        self._chip_texts: tuple[str, ...] = ()
        self._edited_index = -1
        self._unset_label = Label(self.tr("unset"), role="small", token="text-3", parent=self)
        self._add = HidableIconButton(
            "plus",
            self.tr("Add {name} text").format(name=self._spec.name),
            compact=True,
            has_edge=True,
            parent=self,
        )
        self._add.clicked.connect(self._write_new)
        self._field = QLineEdit(self)
        self._field.setProperty("compact", True)
        self._describe(self._field, self._spec.name)
        self._field.setPlaceholderText(self.tr("\\n is a line end"))
        self._field.editingFinished.connect(self._finish)
        self._field.installEventFilter(self)
        self._field.hide()
        self._line.addStretch(1)  # everything right of the name is placed by hand

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Escape gives up what is being written."""
        is_escape = isinstance(event, QKeyEvent) and event.key() == Qt.Key.Key_Escape
        if watched is self._field and is_escape and event.type() == QEvent.Type.KeyPress:
            self._close_field()
            return True
        return super().eventFilter(watched, event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Chips are laid out by hand, from the right, in as many lines as they need."""
        super().resizeEvent(event)
        self._arrange()

    def _display_editor(self, value: ParameterValue | None) -> None:
        texts = value if isinstance(value, tuple) else ()
        if texts != self._chip_texts:
            self._make_chips(texts)
        self._unset_label.setVisible(value is None)
        self._add.setEnabled(value is not None and self._has_room(texts))
        if value is None:
            self._close_field()
        self._arrange()

    def _make_chips(self, texts: tuple[str, ...]) -> None:
        for chip in self._chips:
            chip.hide()
            chip.deleteLater()
        self._chips, self._chip_texts = [], texts
        for index, text in enumerate(texts):
            chip = _StopChip(self._spec.name, index, text, self)
            chip.edit_requested.connect(self._edit_chip)
            chip.removal_requested.connect(self._remove_chip)
            chip.show()
            self._chips.append(chip)
        self._order_keyboard()

    def _order_keyboard(self) -> None:
        """Tab goes through the chips after the box, whenever they were made."""
        last: QWidget = self._box
        for chip in self._chips:
            for button in chip.buttons:
                self.setTabOrder(last, button)
                last = button

    def _toggle(self, is_checked: bool) -> None:
        super()._toggle(is_checked)
        if is_checked and not self._texts():
            self._write_new()

    def _texts(self) -> tuple[str, ...]:
        return self._value if isinstance(self._value, tuple) else ()

    def _has_room(self, texts: tuple[str, ...]) -> bool:
        return self._spec.maximum is None or len(texts) < self._spec.maximum

    def _write_new(self) -> None:
        self._open_field(-1, "")

    def _edit_chip(self, index: int) -> None:
        self._open_field(index, escaped(self._texts()[index]))

    def _remove_chip(self, index: int) -> None:
        texts = self._texts()
        self._add.setFocus(Qt.FocusReason.OtherFocusReason)
        self._set(texts[:index] + texts[index + 1 :])

    def _open_field(self, index: int, text: str) -> None:
        self._edited_index = index
        self._field.setText(text)
        self._field.show()
        self._arrange()
        self._field.setFocus(Qt.FocusReason.OtherFocusReason)
        self._field.selectAll()

    def _finish(self) -> None:
        if not self._field.isVisible():
            return
        text, texts, index = unescaped(self._field.text()), self._texts(), self._edited_index
        self._close_field()
        if 0 <= index < len(texts):
            self._set(tuple(t for t in (*texts[:index], text, *texts[index + 1 :]) if t))
        elif text and self._has_room(texts):
            self._set((*texts, text))

    def _close_field(self) -> None:
        had_focus = self._field.hasFocus()
        self._field.hide()
        if had_focus and self._add.isEnabled():
            self._add.setFocus(Qt.FocusReason.OtherFocusReason)
        self._arrange()

    def _arrange(self) -> None:
        """Places field, chips and button; each line of chips beyond the first makes the row higher."""
        unit, side, gap = theme().px(32), theme().px(24), 4
        left = theme().px(16) + 8 + int(theme().measured("wire", self._spec.name)) + 12
        top = (unit - side) // 2
        label_size = self._unset_label.sizeHint()
        self._unset_label.setGeometry(
            self.width() - label_size.width() - 7, (unit - label_size.height()) // 2,
            label_size.width(), label_size.height(),
        )  # fmt: skip
        right = self.width() - side
        self._add.setGeometry(right, top, side, side)
        right -= gap
        lines = 1
        is_writing = self._field.isVisibleTo(self)
        if is_writing:
            self._field.setGeometry(left, top, max(40, right - left), side)
            if len(self._chips) > (self._edited_index >= 0):
                lines, right = 2, self.width()
        for index, chip in reversed(list(enumerate(self._chips))):
            is_edited = is_writing and index == self._edited_index
            chip.setVisible(not is_edited)
            if is_edited:
                continue
            width = min(chip.sizeHint().width(), self.width() - side - gap - left)
            if right - width < left:
                lines, right = lines + 1, self.width()
            right -= width
            chip.setGeometry(right, top + (lines - 1) * (side + gap), width, side)
            right -= gap
        self.setFixedHeight(unit + (lines - 1) * (side + gap))
        self._line.setContentsMargins(0, 0, 0, (lines - 1) * (side + gap))

    def _restyle(self) -> None:
        self._arrange()
