"""One row of the parameter panel for each kind of parameter: box, name, editor, always of the same height."""

from __future__ import annotations

import bisect
import math
import random
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Final

import shiboken6
from PySide6.QtCore import QRectF, QSignalBlocker, QSize, Qt, Signal
from PySide6.QtGui import QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QSizePolicy, QWidget

from drover.domain.endpoint import ParameterFact
from drover.domain.parameters import SPECS, Json, ParameterKind, ParameterSpec, ParameterValue
from drover.ui.controls import (
    CheckBox,
    ComboBox,
    ElidedLabel,
    IconButton,
    Label,
    QuietButton,
    Segments,
    Slider,
)
from drover.ui.formats import tip
from drover.ui.number_field import NumberField
from drover.ui.theme import draw_icon, theme

if TYPE_CHECKING:
    from drover.ui.rejected_mark import RejectedMark

NAME_WIDTH: Final = 135
"""Room for the longest wire name, the bookmark and the gap after it, at 100 % text size."""
SLIDER_WIDTH: Final = 88
FIELD_WIDTH: Final = 64
NULL: Final = Json("null")
"""The value null, which is another thing than no value."""

_STEPS_PER_OCTAVE: Final = 8
_MOST_LINEAR_STEPS: Final = 10_000
_LARGEST_RANDOM_SEED: Final = 999_999
_LAST_SLIDER_SEED: Final = 999
_MOST_SEGMENTS: Final = 4
_WITHOUT_NULL: Final = (ParameterKind.NUMBER, ParameterKind.INTEGER, ParameterKind.TEXT)


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
        is_number = isinstance(spec.initial, int | float)
        marked = _powers_of_16(maximum) if spec.is_logarithmic else _round_values(lowest, maximum)
        self.ticks = (
            [self.position(value) for value in marked if lowest <= value <= maximum],
            self.position(float(spec.initial)) if is_number else None,  # type: ignore[arg-type]
        )
        """Positions of some round values, and of the value from which the editor starts."""

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


def _round_values(lowest: float, highest: float) -> list[float]:
    """At most six values of which people think: 0, 0.5, 1 ... or 0, 250, 500 ..."""
    span = highest - lowest
    if span <= 0:
        return []
    magnitude = 10.0 ** math.floor(math.log10(span / 4))
    step = next(magnitude * factor for factor in (1, 2.5, 5, 10) if span / (magnitude * factor) <= 5)
    first = math.ceil(lowest / step)
    return [round(index * step, 10) for index in range(first, math.floor(highest / step) + 1)]


def _powers_of_16(highest: float) -> list[float]:
    return [16.0**power for power in range(math.floor(math.log(max(1.0, highest), 16)) + 1)]


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


class _ParameterName(ElidedLabel):
    """The wire name, with a bookmark while a preset gave the value.

    Signals:
        clicked: a click, which works like one on the box.
        double_clicked: the second of two clicks, which is not told as a click as well.
    """

    clicked = Signal()
    double_clicked = Signal()

    def __init__(self, name: str, parent: QWidget) -> None:
        super().__init__(name, role="wire", token="text-2", parent=parent)
        self._has_bookmark = False
        self._is_second_click = False
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
        is_inside = self.rect().contains(event.position().toPoint())
        if event.button() == Qt.MouseButton.LeftButton and is_inside and not self._is_second_click:
            self.clicked.emit()
        self._is_second_click = False

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Reports a double click, and none for the release that ends it."""
        self._is_second_click = True
        self.double_clicked.emit()

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
        forget_requested: the wire name, whose rejection by the server should be forgotten.
    """

    edited = Signal(str, object)
    forget_requested = Signal(str)

    def __init__(self, spec: ParameterSpec, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._spec = spec
        self._value: ParameterValue | None = None
        self._remembered: ParameterValue = spec.initial
        self._value_when_pressed: ParameterValue | None = None
        self._fact: ParameterFact | None = None
        self._mark: RejectedMark | None = None
        self._covered: list[QWidget] = []
        self._box = CheckBox(parent=self)
        self._box.setAccessibleName(self.tr("Send {name}").format(name=spec.name))
        self._box.setAccessibleDescription(spec.help)
        self._box.clicked.connect(self._toggle)
        self._name = _ParameterName(spec.title or spec.name, self)
        self._name.clicked.connect(self._box.click)
        self._name.double_clicked.connect(self._unset)
        self._line = QHBoxLayout(self)
        self._line.setContentsMargins(0, 0, 0, 0)
        self._line.setSpacing(0)
        self._line.addWidget(self._box)
        self._line.addSpacing(8)
        self._line.addWidget(self._name)
        self._null = self._made_null_button()
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.setToolTip(tip(self._tip()))
        self.setFocusProxy(self._box)
        theme().changed.connect(self._restyle)
        self._build_editor()
        self._restyle()

    @property
    def spec(self) -> ParameterSpec:
        """What the row edits."""
        return self._spec

    @property
    def is_rejected(self) -> bool:
        """Whether the server has refused the parameter, so that it is left out whatever its value."""
        return self._fact is not None and self._fact.is_left_out

    def display(self, value: ParameterValue | None, *, is_from_preset: bool) -> None:
        """Shows a value, or that none is sent, without a signal."""
        with QSignalBlocker(self):
            if value is not None:
                self._remembered = value
            self._value = value
            self._uncover()
            self._box.setChecked(value is not None)
            self._box.set_from_preset(is_from_preset)
            self._name.set_bookmark(is_from_preset and value is not None)
            is_null = value == NULL
            if self._null is not None:
                self._null.setChecked(is_null)
                self._null.setVisible(value is not None)
                self._name_absence("" if is_null else self.tr("unset"))
            self._display_editor(None if is_null and self._null is not None else value)
            self._show_fact()

    def display_fact(self, fact: ParameterFact | None) -> None:
        """Shows what the server did with the parameter; a rejection takes the editor's place."""
        if fact != self._fact:
            self._fact = fact
            self._uncover()
            self._show_fact()
            self.setToolTip(tip(self._tip()))

    def _show_fact(self) -> None:
        is_rejected = self.is_rejected
        self._box.setEnabled(not is_rejected)
        self._name.setEnabled(not is_rejected)
        self._name.set_look(token="text-3" if is_rejected else "text-2" if self._value is None else "text")
        self._box.setAccessibleDescription(self._spec.help)
        if is_rejected and self._fact is not None:
            self._cover(self._fact)

    def _cover(self, fact: ParameterFact) -> None:
        if self._mark is None:
            from drover.ui.rejected_mark import RejectedMark  # rare

            self._mark = RejectedMark(self._spec.name, self)
            self._mark.forget_requested.connect(self._request_forgetting)
            self._line.addWidget(self._mark, 100)
            self.setTabOrder(self._box, self._mark.button)
        kept = (self._box, self._name, self._mark)
        children = self.findChildren(QWidget, options=Qt.FindChildOption.FindDirectChildrenOnly)
        self._covered = [child for child in children if child not in kept and not child.isHidden()]
        for child in self._covered:
            child.hide()
        self._mark.display(fact)
        self._box.setAccessibleDescription(self._mark.words)
        self._mark.show()

    def _uncover(self) -> None:
        if self._mark is not None:
            self._mark.hide()
        for child in self._covered:
            if shiboken6.isValid(child):
                child.show()
        self._covered = []

    def _request_forgetting(self) -> None:
        self.forget_requested.emit(self._spec.name)

    def set_neighbours(self, names: Collection[str]) -> None:
        """The wire names of all rows; concerns those whose value may hold other names."""

    def set_maximum(self, maximum: float) -> None:
        """The highest value that makes sense for the model at hand; concerns sliders without a fixed end."""

    def _made_null_button(self) -> QuietButton | None:
        """The way to null for an editor that cannot show it; the catalogue knows no null."""
        spec = self._spec
        if not spec.is_nullable or spec.name in SPECS or spec.kind not in _WITHOUT_NULL:
            return None
        button = QuietButton("null", compact=True, parent=self)
        button.setCheckable(True)
        button.setAccessibleName(self.tr("Send null as {name}").format(name=spec.name))
        button.setToolTip(button.accessibleName())
        button.clicked.connect(self._toggle_null)
        self._line.addWidget(button)
        self._line.addSpacing(4)
        return button

    def _toggle_null(self, is_null: bool) -> None:
        self._set(NULL if is_null else self._spec.initial)

    def _name_absence(self, word: str) -> None:
        """What an editor says that has no value to show."""

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

    def _note_value(self) -> None:
        self._value_when_pressed = self._value

    def _reset(self) -> None:
        """Takes the value away; the first of the two clicks has moved it, which is not remembered."""
        if self._value_when_pressed is not None:
            self.display(self._value_when_pressed, is_from_preset=False)
        self._unset()

    def _describe(self, widget: QWidget, name: str) -> None:
        widget.setAccessibleName(name)
        widget.setAccessibleDescription(self._spec.help)

    def _tip(self) -> str:
        words = self.tr("{help}\nRange: {range}.").format(help=self._spec.help, range=self._spec.range_text)
        if self._fact is None:
            return words.strip()
        from drover.ui.rejected_mark import fact_in_words  # rare

        return f"{words}\n{fact_in_words(self._fact)}".strip()

    def _restyle(self) -> None:
        self.setFixedHeight(theme().px(32))


class UnsetLabel(Label):
    """The word at the right end of a row whose key is not sent."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent.tr("unset"), role="small", token="text-3", parent=parent)
        self.setContentsMargins(0, 0, 7, 0)


class NumberRow(ParameterRow):
    """A number with a slider."""

    def _build_editor(self) -> None:
        spec = self._spec
        self._slider = Slider(self)
        self._slider.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._slider.setMinimumWidth(40)
        self._describe(self._slider, f"{spec.name} slider")
        self._slider.reset_requested.connect(self._reset)
        self._slider.sliderPressed.connect(self._note_value)
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
            self._slider.set_ticks(*self._scale.ticks)
            self._show_position()

    def _name_absence(self, word: str) -> None:
        self._field.set_empty_text(word)

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


class HidableIconButton(IconButton):
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
        self._slider.reset_requested.connect(self._reset)
        self._slider.sliderPressed.connect(self._note_value)
        self._slider.valueChanged.connect(self._set)
        self._draw = HidableIconButton("regenerate", self.tr("New random seed"), compact=True, parent=self)
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


class TextRow(ParameterRow):
    """One line of any text."""

    def _build_editor(self) -> None:
        self._field = QLineEdit(self)
        self._field.setProperty("compact", True)
        self._describe(self._field, self._spec.name)
        self._field.textEdited.connect(self._set)
        self._unset_label = UnsetLabel(self)
        self._line.addWidget(self._field, 1)
        self._line.addWidget(self._unset_label, 1, Qt.AlignmentFlag.AlignRight)

    def _display_editor(self, value: ParameterValue | None) -> None:
        if isinstance(value, str) and value != self._field.text():
            self._field.setText(value)
        self._field.setVisible(value is not None)
        self._unset_label.setVisible(value is None)

    def _name_absence(self, word: str) -> None:
        self._unset_label.setText(word)


class FieldRow(ParameterRow):
    """A number without a slider: one that knows no bounds, or too many values."""

    def _build_editor(self) -> None:
        spec = self._spec
        self._field = NumberField(
            is_integer=spec.kind is ParameterKind.INTEGER, step=spec.step, decimals=spec.decimals,
            compact=True, parent=self,
        )  # fmt: skip
        self._field.set_range(spec.minimum, spec.maximum)
        self._field.set_empty_text(self.tr("unset"))
        self._describe(self._field, spec.name)
        self._field.value_edited.connect(self._set)
        self._line.addStretch(1)
        self._line.addWidget(self._field)

    def _name_absence(self, word: str) -> None:
        self._field.set_empty_text(word)

    def _display_editor(self, value: ParameterValue | None) -> None:
        self._field.setEnabled(value is not None)
        self._field.set_number(value if isinstance(value, int | float) else None)

    def _restyle(self) -> None:
        super()._restyle()
        self._field.setFixedWidth(theme().px(FIELD_WIDTH + 24))


class OptionsRow(ParameterRow):
    """A few values side by side, or in a list where they need more room; unknown ones are shown too."""

    def _build_editor(self) -> None:
        self._values: list[ParameterValue] = list(self._first_values())
        texts = [value_in_words(value, self._values) for value in self._values]
        width = sum(theme().measured("small", text, 500) + 8 for text in texts)
        self._are_in_sight = len(texts) <= _MOST_SEGMENTS and width <= theme().px(SLIDER_WIDTH + FIELD_WIDTH)
        make = Segments if self._are_in_sight else ComboBox
        self._choice = make(self._spec.name, compact=True, parent=self)
        self._describe(self._choice, self._spec.name)
        self._choice.addItems(texts)
        self._choice.setCurrentIndex(-1)
        self._choice.currentIndexChanged.connect(self._choose)
        self._unset_label = UnsetLabel(self)
        is_narrow = len(texts) <= 2 and self._are_in_sight
        policy = QSizePolicy.Policy.Fixed if is_narrow else QSizePolicy.Policy.Expanding
        self._choice.setSizePolicy(policy, QSizePolicy.Policy.Fixed)
        if is_narrow:
            self._line.addStretch(1)
        self._line.addWidget(self._choice, 0 if is_narrow else 1)
        self._line.addWidget(self._unset_label, 0 if is_narrow else 1, Qt.AlignmentFlag.AlignRight)

    def _first_values(self) -> Sequence[ParameterValue]:
        null = [Json("null")] if self._spec.is_nullable else []
        if self._spec.kind is ParameterKind.BOOLEAN:
            return [True, False, *null]
        offered: Sequence[ParameterValue] = self._spec.choices or self._spec.options
        return [*offered, *(value for value in null if value not in offered)]

    def _display_editor(self, value: ParameterValue | None) -> None:
        if value is not None and value not in self._values:
            self._values.append(value)
            self._choice.addItem(value_in_words(value, self._values))
        self._choice.setCurrentIndex(self._values.index(value) if value is not None else -1)
        is_quiet = value is None and not (self._are_in_sight and self._spec.kind is ParameterKind.CHOICE)
        self._choice.setEnabled(value is not None)
        self._choice.setVisible(not is_quiet)
        self._unset_label.setVisible(is_quiet)

    def _choose(self, index: int) -> None:
        if index >= 0:
            self._set(self._values[index])


def value_in_words(value: ParameterValue, others: Sequence[ParameterValue]) -> str:
    """A value as one of several: a text without quotes, unless another value would look the same."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Json):
        content = value.value
        is_clear = isinstance(content, str) and not any(
            isinstance(other, Json) and other.text == content for other in others
        )
        return content if is_clear else value.text
    return str(value)
