"""The list of all commands."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QCursor
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLineEdit, QListWidget, QWidget
from pytestqt.qtbot import QtBot

from drover.ui.actions import Actions, Condition
from drover.ui.palette import CommandPalette
from drover.ui.theme import theme


class Handlers:
    """Notes which commands were carried out."""

    def __init__(self) -> None:
        self.carried_out: list[str] = []

    def __getattr__(self, name: str) -> Callable[[], None]:
        def note() -> None:
            self.carried_out.append(name)

        return note


@pytest.fixture
def window(qtbot: QtBot) -> QWidget:
    theme()
    window = QWidget()
    qtbot.addWidget(window)
    window.resize(900, 700)
    window.show()
    return window


def opened(window: QWidget, handlers: Handlers) -> CommandPalette:
    actions = Actions(handlers, window)
    actions.enable_for(Condition.IDLE)
    palette = CommandPalette(actions, window)
    palette.show_over(window)
    return palette


def rows(palette: CommandPalette) -> list[str]:
    commands = palette.findChildren(QListWidget)[0]
    return [commands.item(row).text() for row in range(commands.count())]


def test_words_narrow_the_list_down_and_return_carries_out_the_first(window: QWidget) -> None:
    handlers = Handlers()
    palette = opened(window, handlers)
    field = palette.findChildren(QLineEdit)[0]
    assert len(rows(palette)) > 5
    QTest.keyClicks(field, "larger")
    assert rows(palette) == ["Larger text"]
    QTest.keyClick(field, Qt.Key.Key_Return)
    assert handlers.carried_out == ["zoom_in"]


def test_what_cannot_be_done_now_is_not_offered(window: QWidget) -> None:
    assert "Stop the answer" not in rows(opened(window, Handlers()))


def test_rows_that_pass_under_a_resting_mouse_do_not_take_the_choice(window: QWidget) -> None:
    palette = opened(window, Handlers())
    field, commands = palette.findChildren(QLineEdit)[0], palette.findChildren(QListWidget)[0]
    shown = commands.viewport()
    QCursor.setPos(shown.mapToGlobal(QPoint(20, shown.height() // 2)))
    for row in range(1, commands.count()):
        QTest.keyClick(field, Qt.Key.Key_Down)
        assert commands.currentRow() == row


def test_the_arrow_keys_move_the_choice_and_stop_at_the_ends(window: QWidget) -> None:
    palette = opened(window, Handlers())
    field, commands = palette.findChildren(QLineEdit)[0], palette.findChildren(QListWidget)[0]
    QTest.keyClick(field, Qt.Key.Key_Up)
    assert commands.currentRow() == 0
    for _ in range(100):
        QTest.keyClick(field, Qt.Key.Key_Down)
    assert commands.currentRow() == commands.count() - 1
