"""Columns and header of the window at all widths and sizes of text."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QComboBox, QLabel
from pytestqt.qtbot import QtBot

from drover.domain.endpoint import OXEN, ModelCard
from drover.store.settings import Settings
from drover.ui.main_window import MainWindow
from drover.ui.theme import theme


@pytest.fixture
def window(qtbot: QtBot) -> Iterator[MainWindow]:
    window = MainWindow()
    qtbot.addWidget(window)
    window.restore_layout(Settings(left_width=264, right_width=352))
    window.show()
    qtbot.waitExposed(window)
    yield window
    theme().set_text_scale(1.0)


def combo(window: MainWindow, name: str) -> QComboBox:
    return next(c for c in window.findChildren(QComboBox) if c.accessibleName() == name)


def test_widths_come_back_as_they_were_stored_at_any_text_size(window: MainWindow) -> None:
    for scale in (1.0, 1.5, 2.0, 1.0):
        theme().set_text_scale(scale)
        QApplication.processEvents()
        values = window.layout_values()
        assert (values["left_width"], values["right_width"]) == (264, 352)


def test_columns_grow_with_their_text(window: MainWindow) -> None:
    before = window.conversations.width()
    theme().set_text_scale(1.5)
    QApplication.processEvents()
    assert window.conversations.width() == pytest.approx(before * 1.5, abs=2)


def test_a_long_model_name_leaves_room_for_the_title_and_is_whole_in_its_tip(window: MainWindow) -> None:
    name = "organisation/a-model-with-a-name-that-goes-on-and-on-and-on-for-ever-2026-11-23"
    window.display_title("A title that is long enough to need some room of its own")
    window.display_endpoint([OXEN], OXEN.id, [ModelCard(id=name)], name)
    QApplication.processEvents()
    assert combo(window, "Model").width() <= 260
    assert combo(window, "Model").toolTip() == name


def test_in_a_very_narrow_column_the_endpoint_gives_way(window: MainWindow) -> None:
    window.display_endpoint([OXEN], OXEN.id, [ModelCard(id="model")], "model")
    window.resize(600, 600)
    QApplication.processEvents()
    assert combo(window, "Endpoint").isVisible()
    window.toggle_right()
    QApplication.processEvents()
    assert not combo(window, "Endpoint").isVisible()
    assert combo(window, "Model").isVisible()


def test_with_very_large_text_the_title_of_a_narrow_window_can_be_read(window: MainWindow) -> None:
    window.display_title("Three dice, at least one six")
    window.display_endpoint([OXEN], OXEN.id, [ModelCard(id="model-of-some-length")], "model-of-some-length")
    window.resize(480, 800)
    title = next(label for label in window.findChildren(QLabel) if label.text().startswith("Three dice"))
    theme().set_text_scale(3.0)
    QApplication.processEvents()
    shown = title.fontMetrics().elidedText(title.text(), Qt.TextElideMode.ElideRight, title.width())
    assert len(shown) >= 6
    assert combo(window, "Model").isVisible()
