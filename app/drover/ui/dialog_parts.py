"""Parts that several dialogs are made of: named controls, forms of rows, a field for a key."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtGui import QAction, QIcon
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLineEdit,
    QScrollArea,
    QSizePolicy,
    QTextEdit,
    QVBoxLayout,
    QWidget,
)

from drover.ui.controls import Button, Label, Segments
from drover.ui.number_field import NumberField
from drover.ui.theme import theme

_LABEL_PX = 112
_MOST_MINUTES = 1440


def named_button(kind: type[Button], text: str, *, icon: str = "") -> Button:
    """A button that assistive technology calls by its text."""
    button = kind(text, icon=icon)
    button.setAccessibleName(text)
    return button


def hint(text: str) -> Label:
    """A small quiet label beside a control."""
    return Label(text, role="small", token="text-3")


def named_field(name: str, *, placeholder: str = "") -> QLineEdit:
    """A field of one line; `name` is for assistive technology."""
    field = QLineEdit()
    field.setAccessibleName(name)
    field.setPlaceholderText(placeholder)
    return field


def segments_of(name: str, values: Sequence[tuple[str, str]]) -> Segments:
    """A choice of one of a few (data, text) pairs."""
    segments = Segments(name)
    for value, text in values:
        segments.addItem(text, value)
    segments.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
    return segments


def minutes_field(name: str) -> NumberField:
    """A field for whole minutes."""
    field = NumberField(is_integer=True)
    field.setAccessibleName(name)
    field.set_range(1, _MOST_MINUTES)
    field.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
    return field


def holder_of(layout: QHBoxLayout) -> QWidget:
    """The layout as a widget, without margins."""
    holder = QWidget()
    layout.setContentsMargins(0, 0, 0, 0)
    holder.setLayout(layout)
    return holder


def row_of(*widgets: QWidget) -> QWidget:
    """The widgets beside one another, at the left."""
    row = QHBoxLayout()
    row.setSpacing(8)
    for widget in widgets:
        row.addWidget(widget)
    row.addStretch(1)
    return holder_of(row)


def section_of(title: str, content: QWidget | QVBoxLayout) -> QWidget:
    """A heading over what belongs to it."""
    section = QWidget()
    layout = QVBoxLayout(section)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(8)
    layout.addWidget(Label(title, weight=600))
    if isinstance(content, QWidget):
        layout.addWidget(content)
    else:
        layout.addLayout(content)
    return section


def scrolled(page: QWidget) -> QScrollArea:
    """The page in an area that scrolls up and down; Tab goes on to what stands in it."""
    scroll = QScrollArea()
    scroll.setWidget(page)
    scroll.setWidgetResizable(True)
    scroll.setFrameShape(QFrame.Shape.NoFrame)
    scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    return scroll


def two_columns(owner: QWidget, label_px: int) -> QGridLayout:
    """A grid without margins for labels at the left, of this width or wider, and what they name."""
    grid = QGridLayout(owner)
    grid.setContentsMargins(0, 0, 0, 0)
    grid.setHorizontalSpacing(16)
    grid.setVerticalSpacing(4)
    grid.setColumnMinimumWidth(0, theme().px(label_px))
    grid.setColumnStretch(1, 1)
    return grid


class Form(QWidget):
    """Labels at the left, controls at the right, each with an optional line below it."""

    def __init__(self) -> None:
        super().__init__()
        self._grid = two_columns(self, _LABEL_PX)

    def add(self, label: str, control: QWidget, below: QWidget | None = None) -> None:
        """The next row."""
        row = self._grid.rowCount()
        if row > 1:
            self._grid.setRowMinimumHeight(row, 4)
            row += 1
        if label:
            words = Label(label, token="text-2")
            side = Qt.AlignmentFlag(0)
            if isinstance(control, QTextEdit):  # beside its first line
                words.setContentsMargins(0, theme().px(4), 0, 0)
                side = Qt.AlignmentFlag.AlignTop
            self._grid.addWidget(words, row, 0, side)
        is_fixed = control.sizePolicy().horizontalPolicy() == QSizePolicy.Policy.Fixed
        alignment = Qt.AlignmentFlag.AlignLeft if is_fixed else Qt.AlignmentFlag(0)
        self._grid.addWidget(control, row, 1, alignment)
        if below is not None:
            self._grid.addWidget(below, row + 1, 1)


class KeyField(QLineEdit):
    """A field for a key: hidden unless a person asks to see it; hidden again when it is left."""

    def __init__(self) -> None:
        super().__init__()
        self.setAccessibleName(_t("API key"))
        self.setMaxLength(8192)
        self.setEchoMode(QLineEdit.EchoMode.Password)
        self.setInputMethodHints(
            Qt.InputMethodHint.ImhSensitiveData
            | Qt.InputMethodHint.ImhNoPredictiveText
            | Qt.InputMethodHint.ImhNoAutoUppercase
        )
        self._show = QAction(self)
        self._show.setCheckable(True)
        self._show.setText(_t("Show the key"))
        self._show.toggled.connect(self._set_shown)
        self.addAction(self._show, QLineEdit.ActionPosition.TrailingPosition)
        theme().changed.connect(self._restyle)
        self._restyle()

    def _set_shown(self, is_shown: bool) -> None:
        self.setEchoMode(QLineEdit.EchoMode.Normal if is_shown else QLineEdit.EchoMode.Password)
        self._show.setText(_t("Hide the key") if is_shown else _t("Show the key"))

    def _restyle(self) -> None:
        self._show.setIcon(QIcon(theme().icon("inspect")))


def _t(text: str) -> str:
    return QCoreApplication.translate("dialog_parts", text)
