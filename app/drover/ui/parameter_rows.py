"""One row of the parameter panel for each kind of parameter: box, name, editor, always of the same height."""

from __future__ import annotations

import bisect
import math
import random
from collections.abc import Sequence
from typing import Final

from PySide6.QtCore import QEvent, QObject, QRectF, QSignalBlocker, QSize, Qt, Signal
from PySide6.QtGui import QEnterEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QSizePolicy, QWidget

from drover.domain.parameters import ParameterKind, ParameterSpec, ParameterValue
from drover.ui.controls import Button, CheckBox, ElidedLabel, IconButton, Label, Segments, Slider
from drover.ui.number_field import NumberField
from drover.ui.theme import RADIUS, draw_frame, draw_icon, theme

NAME_WIDTH: Final = 135
"""Room for the longest wire name, the bookmark and the gap after it, at 100 % text size."""
SLIDER_WIDTH: Final = 88
FIELD_WIDTH: Final = 64

_STEPS_PER_OCTAVE: Final = 8
_MOST_LINEAR_STEPS: Final = 10_000
_LARGEST_RANDOM_SEED: Final = 999_999
_MOST_STOPS: Final = 4
_LAST_SLIDER_SEED: Final = 999


class SliderScale:
    """The values that a slider can reach, in rising order; a position is an index among them."""

    def __init__(self, spec: ParameterSpec, maximum: float) -> None:
        lowest = spec.minimum if spec.minimum is not None else 0.0
        if spec.is_logarithmic:
            self._values: Sequence[float] = _by_octaves(int(lowest), int(maximum))
        else:
            count = round((maximum - lowest) / spec.step)
            self._values = [round(lowest + index * spec.step, 10) for index in range(count + 1)]
        self.page_step = _STEPS_PER_OCTAVE if spec.is_logarithmic else max(1, len(self._values) // 20)

    @property
    def last(self) -> int:
        """The highest position; the lowest is 0."""
        return len(self._values) - 1

    def position(self, value: float) -> int:
        """The position nearest to a value."""
        right = bisect.bisect_left(self._values, value)
        if right == 0:
            return 0
        if right > self.last:
            return self.last
        is_left_nearer = value - self._values[right - 1] <= self._values[right] - value
        return right - 1 if is_left_nearer else right

    def value(self, position: int) -> float:
        """The value at a position."""
        return self._values[min(max(position, 0), self.last)]


def _by_octaves(lowest: int, highest: int) -> list[float]:
    """Eight even steps between each power of two and the next: 1024, 1152, 1280 ... 2048, 2304 ..."""
    values = {lowest, highest}
    for octave in range(int(math.log2(max(1, highest))) + 1):
        for step in range(_STEPS_PER_OCTAVE):
            value = 2**octave * (_STEPS_PER_OCTAVE + step) // _STEPS_PER_OCTAVE
            if lowest <= value <= highest:
                values.add(value)
    return [float(value) for value in sorted(values)]


def spans_a_slider(spec: ParameterSpec) -> bool:
    """Whether a slider can reach all values: not those of a seed, which are too many."""
    if spec.kind not in (ParameterKind.NUMBER, ParameterKind.INTEGER):
        return False
    if spec.is_logarithmic:
        return True
    if spec.minimum is None or spec.maximum is None:
        return False
    return (spec.maximum - spec.minimum) / spec.step <= _MOST_LINEAR_STEPS


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


class _ParameterName(ElidedLabel):
    """The wire name, with a bookmark while a preset gave the value; a click works like one on the box."""

    clicked = Signal()

    def __init__(self, name: str, parent: QWidget) -> None:
        super().__init__(name, role="wire", token="text-2", parent=parent)
        self._has_bookmark = False
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)

    def set_bookmark(self, has_bookmark: bool) -> None:
        """Whether the bookmark follows the name."""
        if has_bookmark != self._has_bookmark:
            self._has_bookmark = has_bookmark
            self.update()

    def sizeHint(self) -> QSize:
        """The column's width, whatever the name."""
        return QSize(theme().px(NAME_WIDTH), theme().line_height("ui"))

    def minimumSizeHint(self) -> QSize:
        """Names elide in a narrow panel."""
        return QSize(56, self.sizeHint().height())

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Reports a click."""
        if event.button() == Qt.MouseButton.LeftButton and self.rect().contains(event.position().toPoint()):
            self.clicked.emit()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Name and bookmark."""
        painter = QPainter(self)
        colors, metrics = theme(), self.fontMetrics()
        room = self.width() - (14 if self._has_bookmark else 8)
        text = metrics.elidedText(self.text(), Qt.TextElideMode.ElideRight, room)
        painter.setFont(self.font())
        painter.setPen(colors.color(self._token))
        painter.drawText(QRectF(0, 0, room + 8, self.height()), int(Qt.AlignmentFlag.AlignVCenter), text)
        if self._has_bookmark:
            left = min(metrics.horizontalAdvance(text) + 4, self.width() - 13)
            place = QRectF(left, (self.height() - 12) / 2, 12, 12)
            draw_icon(painter, place, "bookmark", colors.color("text-2"))
        painter.end()

    def _update_tip(self) -> None:
        """The tip belongs to the whole row."""


class ParameterRow(QWidget):
    """Box, name and editor of one parameter.

    Signals:
        edited: the wire name, and the value that a person set, or None where they took it away.
    """

    edited = Signal(str, object)

    def __init__(self, spec: ParameterSpec, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._spec = spec
        self._value: ParameterValue | None = None
        self._remembered: ParameterValue = spec.initial
        self._box = CheckBox(parent=self)
        self._box.setAccessibleName(self.tr("Send {name}").format(name=spec.name))
        self._box.setAccessibleDescription(spec.help)
        self._box.clicked.connect(self._toggle)
        self._name = _ParameterName(spec.name, self)
        self._name.clicked.connect(self._box.click)
        self._line = QHBoxLayout(self)
        self._line.setContentsMargins(0, 0, 0, 0)
        self._line.setSpacing(0)
        self._line.addWidget(self._box)
        self._line.addSpacing(8)
        self._line.addWidget(self._name)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.setToolTip(self._tip())
        self.setFocusProxy(self._box)
        theme().changed.connect(self._restyle)
        self._build_editor()
        self._restyle()

    def display(self, value: ParameterValue | None, *, is_from_preset: bool) -> None:
        """Shows a value, or that none is sent, without a signal."""
        with QSignalBlocker(self):
            if value is not None:
                self._remembered = value
            self._value = value
            self._box.setChecked(value is not None)
            self._box.set_from_preset(is_from_preset)
            self._name.set_bookmark(is_from_preset and value is not None)
            self._name.set_look(token="text-2" if value is None else "text")
            self._display_editor(value)

    def set_maximum(self, maximum: float) -> None:
        """The highest value that makes sense for the model at hand; concerns sliders without a fixed end."""

    def _build_editor(self) -> None:
        """Adds the editor's widgets to the line."""
        raise NotImplementedError

    def _display_editor(self, value: ParameterValue | None) -> None:
        """Shows a value in the editor."""
        raise NotImplementedError

    def _set(self, value: ParameterValue | None) -> None:
        if value != self._value:
            self.edited.emit(self._spec.name, value)

    def _toggle(self, is_checked: bool) -> None:
        self._set(self._remembered if is_checked else None)

    def _unset(self) -> None:
        self._set(None)

    def _describe(self, widget: QWidget, name: str) -> None:
        widget.setAccessibleName(name)
        widget.setAccessibleDescription(self._spec.help)

    def _tip(self) -> str:
        return self.tr("{help}\nRange: {range}.").format(help=self._spec.help, range=self._spec.range_text)

    def _restyle(self) -> None:
        self.setFixedHeight(theme().px(32))


class NumberRow(ParameterRow):
    """A number with a slider."""

    def _build_editor(self) -> None:
        spec = self._spec
        self._slider = Slider(self)
        self._slider.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._slider.setMinimumWidth(40)
        self._describe(self._slider, f"{spec.name} slider")
        self._slider.reset_requested.connect(self._unset)
        self._slider.valueChanged.connect(self._slide)
        self._field = NumberField(
            is_integer=spec.kind is ParameterKind.INTEGER, step=spec.step, decimals=spec.decimals,
            compact=True, parent=self,
        )  # fmt: skip
        self._field.set_range(spec.minimum, spec.maximum)
        self._field.set_empty_text(self.tr("unset"))
        self._describe(self._field, spec.name)
        self._field.value_edited.connect(self._set)
        self._line.addWidget(self._slider, 1)
        self._line.addSpacing(8)
        self._line.addWidget(self._field)
        self.set_maximum(spec.maximum if spec.maximum is not None else 131_072)

    def set_maximum(self, maximum: float) -> None:
        """Rebuilds the slider's scale; a fixed end in the spec wins."""
        highest = self._spec.maximum if self._spec.maximum is not None else maximum
        self._scale = SliderScale(self._spec, highest)
        with QSignalBlocker(self):
            self._slider.setRange(0, self._scale.last)
            self._slider.setPageStep(self._scale.page_step)
            self._show_position()

    def _display_editor(self, value: ParameterValue | None) -> None:
        self._slider.setEnabled(value is not None)
        self._show_position()
        self._field.setEnabled(value is not None)
        self._field.set_number(value if isinstance(value, int | float) else None)

    def _show_position(self) -> None:
        shown = self._value if self._value is not None else self._remembered
        if isinstance(shown, int | float):
            self._slider.setValue(self._scale.position(shown))

    def _slide(self, position: int) -> None:
        value = self._scale.value(position)
        self._set(int(value) if self._spec.kind is ParameterKind.INTEGER else value)

    def _tip(self) -> str:
        return super()._tip() + "\n" + self.tr("A double click on the slider takes it out of the request.")

    def _restyle(self) -> None:
        super()._restyle()
        self._field.setFixedWidth(theme().px(FIELD_WIDTH))


class _HidableIconButton(IconButton):
    """An icon button that is not painted while disabled, yet keeps its place and its name."""

    def paintEvent(self, event: QPaintEvent) -> None:
        """Nothing while there is nothing to act on."""
        if self.isEnabled():
            super().paintEvent(event)


class SeedRow(ParameterRow):
    """A whole number of any size. Its slider goes through the first seeds; a button draws another one."""

    def _build_editor(self) -> None:
        spec = self._spec
        self._slider = Slider(self)
        self._slider.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._slider.setMinimumWidth(24)
        self._slider.setRange(0, _LAST_SLIDER_SEED)
        self._describe(self._slider, f"{spec.name} slider")
        self._slider.reset_requested.connect(self._unset)
        self._slider.valueChanged.connect(self._set)
        self._draw = _HidableIconButton("regenerate", self.tr("New random seed"), compact=True, parent=self)
        self._draw.clicked.connect(self._draw_seed)
        self._field = NumberField(is_integer=True, step=spec.step, compact=True, parent=self)
        self._field.set_range(spec.minimum, spec.maximum)
        self._field.set_empty_text(self.tr("unset"))
        self._describe(self._field, spec.name)
        self._field.value_edited.connect(self._set)
        self._line.addWidget(self._slider, 1)
        self._line.addSpacing(4)
        self._line.addWidget(self._draw)
        self._line.addSpacing(4)
        self._line.addWidget(self._field)

    def _display_editor(self, value: ParameterValue | None) -> None:
        self._slider.setEnabled(value is not None)
        shown = value if value is not None else self._remembered
        if isinstance(shown, int):
            with QSignalBlocker(self._slider):
                self._slider.setValue(min(shown, _LAST_SLIDER_SEED))
        self._draw.setEnabled(value is not None)
        self._field.setEnabled(value is not None)
        self._field.set_number(value if isinstance(value, int | float) else None)
        self._fit_field()

    def _draw_seed(self) -> None:
        self._set(random.randint(0, _LARGEST_RANDOM_SEED))

    def _fit_field(self) -> None:
        """A long seed widens the field and narrows the slider, which has nothing to say about it."""
        text = "" if self._field.number is None else self._field.text_of(self._field.number)
        wanted = theme().measured("ui", text) + 20
        least, most = theme().px(FIELD_WIDTH), theme().px(FIELD_WIDTH + SLIDER_WIDTH)
        self._field.setFixedWidth(int(min(max(wanted, least), most)))

    def _restyle(self) -> None:
        super()._restyle()
        self._fit_field()


class ChoiceRow(ParameterRow):
    """A few words side by side; a word that a server invented is shown too."""

    def _build_editor(self) -> None:
        self._segments = Segments(self._spec.name, compact=True, parent=self)
        self._describe(self._segments, self._spec.name)
        self._segments.addItems(list(self._spec.choices))
        self._segments.setCurrentIndex(-1)
        self._segments.currentTextChanged.connect(self._choose)
        self._segments.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._line.addWidget(self._segments, 1)

    def _display_editor(self, value: ParameterValue | None) -> None:
        if isinstance(value, str) and self._segments.findText(value) < 0:
            self._segments.addItem(value)
        self._segments.setCurrentIndex(self._segments.findText(value) if isinstance(value, str) else -1)
        self._segments.setEnabled(value is not None)

    def _choose(self, text: str) -> None:
        if text:
            self._set(text)


class _StopChip(QWidget):
    """One text of `stop` with its line ends visible; a click edits it, the cross takes it away."""

    edit_requested = Signal(int)
    removal_requested = Signal(int)

    def __init__(self, index: int, text: str, parent: QWidget) -> None:
        super().__init__(parent)
        self._index = index
        shown = escaped(text)
        self._edit = _BareTextButton(shown, self)
        self._edit.setAccessibleName(self.tr("Edit stop text {text}").format(text=shown))
        self._edit.setToolTip(shown)
        self._edit.clicked.connect(self._request_edit)
        self._remove = _BareIconButton(self.tr("Remove stop text {text}").format(text=shown), self)
        self._remove.clicked.connect(self._request_removal)
        line = QHBoxLayout(self)
        line.setContentsMargins(1, 0, 1, 0)
        line.setSpacing(0)
        line.addWidget(self._edit, 1)
        line.addWidget(self._remove)
        self.setFixedHeight(theme().px(24))

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
    """Up to four texts as chips; the one being written is a field in their place."""

    def _build_editor(self) -> None:
        self._chips: list[_StopChip] = []
        self._edited_index = -1
        self._unset_label = Label(self.tr("unset"), role="small", token="text-3", parent=self)
        self._add = _HidableIconButton(
            "plus", self.tr("Add stop text"), compact=True, has_edge=True, parent=self
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
        for chip in self._chips:
            chip.hide()
            chip.deleteLater()
        self._chips = []
        for index, text in enumerate(texts):
            chip = _StopChip(index, text, self)
            chip.edit_requested.connect(self._edit_chip)
            chip.removal_requested.connect(self._remove_chip)
            chip.show()
            self._chips.append(chip)
        self._unset_label.setVisible(value is None)
        self._add.setEnabled(value is not None and len(texts) < _MOST_STOPS)
        if value is None:
            self._close_field()
        self._arrange()

    def _toggle(self, is_checked: bool) -> None:
        super()._toggle(is_checked)
        if is_checked and not self._texts():
            self._write_new()

    def _texts(self) -> tuple[str, ...]:
        return self._value if isinstance(self._value, tuple) else ()

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
        elif text and len(texts) < _MOST_STOPS:
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
            self.width() - label_size.width() - 6, (unit - label_size.height()) // 2,
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


def made_row(spec: ParameterSpec, parent: QWidget | None = None) -> ParameterRow:
    """The row that suits a parameter."""
    if spec.kind is ParameterKind.CHOICE:
        return ChoiceRow(spec, parent)
    if spec.kind is ParameterKind.STRINGS:
        return StopRow(spec, parent)
    return NumberRow(spec, parent) if spans_a_slider(spec) else SeedRow(spec, parent)
