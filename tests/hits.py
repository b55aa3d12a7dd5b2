"""The hits that the text on the screen shows."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QRect
from PySide6.QtGui import QTextCursor
from PySide6.QtWidgets import QPlainTextEdit, QTextEdit, QWidget

from drover.ui.find_marks import HitRange, HitsIn


def hits_on_screen(view: QWidget) -> list[tuple[str, bool]]:
    """The text of each coloured hit in or near the view, and whether it is the one gone to."""
    return [(cursor.selectedText(), is_current) for _, cursor, is_current in _hits(view)]


def colored(view: QWidget) -> list[str]:
    """The text of each coloured hit."""
    return [text for text, _ in hits_on_screen(view)]


def gone_to(view: QWidget) -> list[str]:
    """The text of the hit gone to, if there is one."""
    return [text for text, is_current in hits_on_screen(view) if is_current]


def place_of_hit(view: QWidget) -> tuple[str, QPoint]:
    """The text around the hit gone to, and where in the view it begins; it must be in sight."""
    for edit, cursor, is_current in _hits(view):
        if is_current:
            begin = QTextCursor(edit.document())
            begin.setPosition(cursor.selectionStart())
            center = edit.cursorRect(begin).center()
            assert edit.viewport().rect().contains(center)
            place = edit.viewport().mapTo(view, center)
            assert view.rect().contains(place)
            return edit.toPlainText(), place
    raise AssertionError("no hit is gone to")


def edits(view: QWidget) -> list[QTextEdit | QPlainTextEdit]:
    """The visible text widgets."""
    found: list[QTextEdit | QPlainTextEdit] = [*view.findChildren(QTextEdit)]
    return [edit for edit in [*found, *view.findChildren(QPlainTextEdit)] if edit.isVisible()]


def hits_in(edit: QWidget, rect: QRect) -> list[HitRange]:
    """What a text widget colours about a rectangle of its viewport."""
    told: HitsIn | None = getattr(edit, "hits_in", None)
    return told(rect) if told is not None else []


def _hits(view: QWidget) -> list[tuple[QTextEdit | QPlainTextEdit, QTextCursor, bool]]:
    found = []
    for edit in edits(view):
        for start, end, is_current in hits_in(edit, edit.viewport().rect()):
            cursor = QTextCursor(edit.document())
            cursor.setPosition(start)
            cursor.setPosition(end, QTextCursor.MoveMode.KeepAnchor)
            found.append((edit, cursor, is_current))
    return found
