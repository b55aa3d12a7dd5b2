"""The keyboard in the transcript: what a key asks for, and where Tab goes inside a message."""

from __future__ import annotations

from bisect import bisect_left
from enum import Enum, auto

from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QWidget

from drover.ui.controls import is_tab_stop


class Move(Enum):
    """What a key in the transcript asks for."""

    LINE_UP = auto()
    LINE_DOWN = auto()
    PAGE_UP = auto()
    PAGE_DOWN = auto()
    START = auto()
    END = auto()
    PREVIOUS_MESSAGE = auto()
    NEXT_MESSAGE = auto()
    LEAVE = auto()


_Key, _Modifier = Qt.Key, Qt.KeyboardModifier
_MOVES = {
    (_Key.Key_Up, _Modifier.NoModifier): Move.LINE_UP,
    (_Key.Key_Down, _Modifier.NoModifier): Move.LINE_DOWN,
    (_Key.Key_PageUp, _Modifier.NoModifier): Move.PAGE_UP,
    (_Key.Key_Space, _Modifier.ShiftModifier): Move.PAGE_UP,
    (_Key.Key_PageDown, _Modifier.NoModifier): Move.PAGE_DOWN,
    (_Key.Key_Space, _Modifier.NoModifier): Move.PAGE_DOWN,
    (_Key.Key_Home, _Modifier.NoModifier): Move.START,
    (_Key.Key_Home, _Modifier.ControlModifier): Move.START,
    (_Key.Key_End, _Modifier.NoModifier): Move.END,
    (_Key.Key_End, _Modifier.ControlModifier): Move.END,
    (_Key.Key_Up, _Modifier.AltModifier): Move.PREVIOUS_MESSAGE,
    (_Key.Key_K, _Modifier.NoModifier): Move.PREVIOUS_MESSAGE,
    (_Key.Key_Down, _Modifier.AltModifier): Move.NEXT_MESSAGE,
    (_Key.Key_J, _Modifier.NoModifier): Move.NEXT_MESSAGE,
    (_Key.Key_Escape, _Modifier.NoModifier): Move.LEAVE,
}


def asked_move(event: QKeyEvent) -> Move | None:
    """What the key asks for; None for a key that means nothing here."""
    return _MOVES.get((Qt.Key(event.key()), event.modifiers() & ~_Modifier.KeypadModifier))


def tab_stop_beside(message: QWidget, focused: QWidget, step: int) -> QWidget | None:
    """Where Tab (1) or Shift+Tab (-1) goes from a widget of a message: the message itself, then its controls
    as they stand below one another. None beyond the ends: the keyboard leaves the message."""
    stops = sorted((_place(child, message), child) for child in _stops_in(message))
    if focused is message:
        return stops[0][1] if step > 0 and stops else None
    places = [place for place, _ in stops]
    index = bisect_left(places, _place(focused, message))
    is_stop = index < len(stops) and stops[index][1] is focused
    target = index + step if is_stop or step < 0 else index
    if target < 0:
        return message
    return stops[target][1] if target < len(stops) else None


def _stops_in(message: QWidget) -> list[QWidget]:
    return [child for child in message.findChildren(QWidget) if is_tab_stop(child)]


def _place(widget: QWidget, message: QWidget) -> tuple[int, int, int]:
    corner = widget.mapTo(message, QPoint())
    return corner.y(), corner.x(), id(widget)
