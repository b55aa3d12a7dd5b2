"""A field for one number of any size, without arrows; Up, Down and the wheel step it."""

from __future__ import annotations

import math
import re
import unicodedata
from typing import Final

from PySide6.QtCore import Property, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent, QPalette, QValidator, QWheelEvent
from PySide6.QtWidgets import QAbstractSpinBox, QWidget

from drover.ui import formats
from drover.ui.theme import draw_frame, theme

_MINUS_SIGNS: Final = "\u2212\u2012\u2013\ufe63\uff0d"
_GROUPING: Final = "'\u2019_\u066c"
_MORE_DIGITS: Final = 6
"""Digits after the point that are kept visible when a value has more than its step asks for."""


def parsed_number(text: str, *, is_integer: bool) -> float | int | None:
    """The number a person means, in whichever locale it was written; None if it is none.

    Takes spaces of any width and apostrophes between thousands, a point or a comma before the decimals, the
    real minus, digits of any script and exponents. In a whole number one mark before three digits groups.
    """
    clean = "".join(_plain(character) for character in text)
    if is_integer and re.fullmatch(r"[+-]?\d{1,3}([.,]\d{3})+", clean):
        clean = clean.replace(".", "").replace(",", "")
    point, comma = clean.rfind("."), clean.rfind(",")
    if point >= 0 and comma >= 0:
        clean = clean.replace("," if point > comma else ".", "")
    if clean.count(",") > 1 or clean.count(".") > 1:
        clean = clean.replace(",", "").replace(".", "")
    clean = clean.replace(",", ".")
    if re.fullmatch(r"[+-]?\d+", clean):
        return int(clean) if is_integer else float(clean)
    if not re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d{1,3})?", clean, re.IGNORECASE):
        return None
    number = float(clean)
    if not math.isfinite(number):
        return None
    return round(number) if is_integer else number


def _plain(character: str) -> str:
    if character.isspace() or character in _GROUPING:
        return ""
    if character in _MINUS_SIGNS:
        return "-"
    if character == "\u066b":
        return "."
    digit = unicodedata.decimal(character, None)
    return character if digit is None else str(digit)


class NumberField(QAbstractSpinBox):
    """Shows and edits one number, or a word such as "unset" while there is none.

    Whole numbers are Python integers throughout, so seeds beyond 2**53 survive. While a person types, every
    number within the range counts at once; when they leave the field, it is clamped and written out properly.

    Signals:
        value_edited: a person changed the value (float or int), by whatever means.
    """

    value_edited = Signal(object)

    def __init__(
        self, *, is_integer: bool, step: float = 1, decimals: int = 0, compact: bool = False,
        parent: QWidget | None = None,
    ) -> None:  # fmt: skip
        super().__init__(parent)
        self._is_integer = is_integer
        self._step = step
        self._decimals = decimals
        self._compact = compact
        self._minimum: float | int | None = None
        self._maximum: float | int | None = None
        self._value: float | int | None = None
        self._empty_text = ""
        self._is_writing = False
        self.setButtonSymbols(QAbstractSpinBox.ButtonSymbols.NoButtons)
        self.setAlignment(Qt.AlignmentFlag.AlignRight)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setFrame(False)
        self.lineEdit().setTextMargins(6, 0, 3, 0)  # with QLineEdit's own 2, and the cursor's at the right: 8
        self.lineEdit().textEdited.connect(self._read_typed)
        self.editingFinished.connect(self._commit)
        theme().changed.connect(self._restyle)
        self._restyle()

    @property
    def number(self) -> float | int | None:
        """The value; None while the field shows its word instead."""
        return self._value

    def set_range(self, minimum: float | None, maximum: float | None) -> None:
        """Inclusive bounds; None where there is none."""
        self._minimum, self._maximum = minimum, maximum

    def set_number(self, value: float | None) -> None:
        """Shows a value, or the word for none, without a signal; text being typed for it is left alone."""
        if value == self._value and value is not None:
            return
        self._value = value
        self._write()

    def set_empty_text(self, text: str) -> None:
        """The word shown while there is no value."""
        self._empty_text = text
        if self._value is None:
            self._write()

    def text_of(self, value: float) -> str:
        """How a value is written: grouped, with at least the decimals of the step."""
        if self._is_integer:
            return formats.whole(int(value))
        is_short = round(value, self._decimals) == value
        return (
            formats.decimal(value, self._decimals)
            if is_short
            else formats.decimal(round(value, _MORE_DIGITS))
        )

    def stepBy(self, steps: int) -> None:
        """Moves by whole steps within the range."""
        if self._value is None:
            return
        if self._is_integer:
            moved: float | int = int(self._value) + steps * int(self._step)
        else:
            moved = round(float(self._value) + steps * self._step, 10)
        self._change(self._bounded(moved), writes=True)
        self.selectAll()

    def stepEnabled(self) -> QAbstractSpinBox.StepEnabledFlag:
        """Which of the arrow keys do something."""
        flags = QAbstractSpinBox.StepEnabledFlag.StepNone
        if self._value is not None and (self._maximum is None or self._value < self._maximum):
            flags |= QAbstractSpinBox.StepEnabledFlag.StepUpEnabled
        if self._value is not None and (self._minimum is None or self._value > self._minimum):
            flags |= QAbstractSpinBox.StepEnabledFlag.StepDownEnabled
        return flags

    def validate(self, text: str, pos: int) -> tuple[QValidator.State, str, int]:
        """Anything may be typed; what is no number is put right on leaving the field."""
        return QValidator.State.Acceptable, text, pos

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Steps only when the field has the focus, so that scrolling a panel changes nothing."""
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()

    def sizeHint(self) -> QSize:
        """Wide enough for six characters."""
        return QSize(64, theme().px(24 if self._compact else 28))

    def minimumSizeHint(self) -> QSize:
        """The same as the hint: a number is never cut by a layout."""
        return self.sizeHint()

    def paintEvent(self, event: QPaintEvent) -> None:
        """The frame; the text is painted by the line inside."""
        if self._value is None:
            return
        colors = theme()
        painter = QPainter(self)
        if not self.isEnabled():
            fill, edge = None, colors.color("line")
        else:
            edge = colors.color("strong" if self.underMouse() else "border")
            fill = colors.color("raised")
        draw_frame(painter, QRectF(self.rect()), 4, fill=fill, edge=edge)
        painter.end()

    def _read_typed(self, text: str) -> None:
        number = parsed_number(text, is_integer=self._is_integer)
        if number is not None and number == self._bounded(number):
            self._change(number, writes=False)

    def _commit(self) -> None:
        if self._value is None or self._is_writing:
            return
        number = parsed_number(self.lineEdit().text(), is_integer=self._is_integer)
        self._change(self._value if number is None else self._bounded(number), writes=True)

    def _change(self, value: float | int, *, writes: bool) -> None:
        is_new = value != self._value
        self._value = value
        if writes:
            self._write()
        if is_new:
            self.value_edited.emit(value)

    def _bounded(self, value: float | int) -> float | int:
        if self._maximum is not None:
            value = min(value, self._maximum)
        if self._minimum is not None:
            value = max(value, self._minimum)
        return int(value) if self._is_integer else float(value)

    def _write(self) -> None:
        text = self._empty_text if self._value is None else self.text_of(self._value)
        if self.lineEdit().text() != text:
            self._is_writing = True
            self.lineEdit().setText(text)
            self.lineEdit().setCursorPosition(0)
            self._is_writing = False
        self._restyle()

    def _restyle(self) -> None:
        colors = theme()
        is_empty = self._value is None
        font = colors.font("small" if is_empty else "ui")
        # Under a style sheet the line inside keeps the font it was first shown with.
        for widget in (self, self.lineEdit()):
            widget.setFont(font)
        palette = self.palette()
        token = "text-3" if is_empty else "disabled"
        palette.setColor(QPalette.ColorGroup.Disabled, QPalette.ColorRole.Text, colors.color(token))
        # The frame and its fill are painted here; the line inside would cover them.
        palette.setColor(QPalette.ColorRole.Base, Qt.GlobalColor.transparent)
        self.setPalette(palette)
        self.updateGeometry()
        self.update()

    def _get_value(self) -> object:
        return self._value

    def _set_value(self, value: object) -> None:
        if isinstance(value, int | float) and self._value is not None and math.isfinite(value):
            self._change(self._bounded(round(value) if self._is_integer else value), writes=True)

    def _get_minimum(self) -> object:
        return self._minimum

    def _get_maximum(self) -> object:
        return self._maximum

    def _get_step(self) -> object:
        return self._step

    # Read and written by assistive technology through Qt's accessible interface for spin boxes. Qt hands over
    # a QVariant, which the stubs do not know as a type of property.
    value = Property("QVariant", _get_value, _set_value)  # type: ignore[arg-type]
    minimum = Property("QVariant", _get_minimum)  # type: ignore[arg-type]
    maximum = Property("QVariant", _get_maximum)  # type: ignore[arg-type]
    singleStep = Property("QVariant", _get_step)  # type: ignore[arg-type]
