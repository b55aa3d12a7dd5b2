"""The page that teaches."""

from __future__ import annotations

from functools import partial
from typing import TypeVar

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel, QProgressBar, QPushButton, QWidget
from pytestqt.qtbot import QtBot

from drover.ui.first_run import FirstRunPage

W = TypeVar("W", bound=QWidget)


class Page:
    """The page as a person has it, and what it has told so far."""

    def __init__(self, qtbot: QtBot) -> None:
        self.widget = FirstRunPage()
        qtbot.addWidget(self.widget)
        self.told: list[tuple[object, ...]] = []
        for name in ("chosen", "key_requested", "endpoint_requested", "download_requested"):
            getattr(self.widget, name).connect(partial(self._note, name))
        self.widget.resize(824, 710)
        self.widget.show()
        qtbot.waitExposed(self.widget)

    def _note(self, name: str, *values: object) -> None:
        self.told.append((name, *values))

    def visible(self, name: str, kind: type[W]) -> W | None:
        found = [w for w in self.widget.findChildren(kind) if w.accessibleName() == name and w.isVisible()]
        return found[0] if found else None

    def button(self, name: str) -> QPushButton:
        found = self.visible(name, QPushButton)
        assert found is not None, name
        return found

    def sentences(self) -> str:
        return " ".join(
            label.accessibleName() or label.text()
            for label in self.widget.findChildren(QLabel)
            if label.isVisible()
        )


@pytest.fixture
def page(qtbot: QtBot) -> Page:
    return Page(qtbot)


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("Watch a model think", "think"),
        ("Turn one knob", "knob"),
        ("See exactly what was sent", "request"),
    ],
)
def test_each_row_acts_by_click_and_by_key(page: Page, name: str, what: str) -> None:
    QTest.mouseClick(page.button(name), Qt.MouseButton.LeftButton)
    QTest.keyClick(page.button(name), Qt.Key.Key_Space)
    assert page.told == [("chosen", what), ("chosen", what)]


def test_it_says_that_the_built_in_model_is_tiny(page: Page) -> None:
    assert "very small model that runs on this computer" in page.sentences()
    assert "not to be relied on" in page.sentences()


def test_the_offer_of_a_key_goes_when_there_is_one(page: Page) -> None:
    QTest.mouseClick(page.button("Add an Oxen.ai key…"), Qt.MouseButton.LeftButton)
    assert page.told == [("key_requested",)]
    page.widget.display_has_key(True)
    assert page.visible("Add an Oxen.ai key…", QPushButton) is None
    page.widget.display_has_key(False)
    assert page.visible("Add an Oxen.ai key…", QPushButton) is not None


def test_another_server_is_a_link(page: Page) -> None:
    line = page.visible("Add another server", QLabel)
    assert line is not None
    line.linkActivated.emit("server")
    assert page.told == [("endpoint_requested",)]


def test_absent_weights_are_said_and_fetched_on_a_click(page: Page) -> None:
    assert page.visible("Fetch the built-in model (98 MB)", QPushButton) is None
    page.widget.display_has_weights(False)
    assert "is not on this computer yet" in page.sentences()
    assert not page.button("Watch a model think").isEnabled()
    QTest.mouseClick(page.button("Fetch the built-in model (98 MB)"), Qt.MouseButton.LeftButton)
    assert page.told == [("download_requested",)]
    bar = page.visible("Fetching the built-in model", QProgressBar)
    assert bar is not None
    assert bar.maximum() == 0
    page.widget.display_download(49_000_000, 98_000_000, "49 of 98 MB")
    assert (bar.value(), bar.maximum()) == (500, 1000)
    assert "49 of 98 MB" in page.sentences()
    page.widget.display_has_weights(True)
    assert not bar.isVisible()
    assert page.button("Watch a model think").isEnabled()


def test_a_failed_download_says_why_and_offers_another_try(page: Page) -> None:
    page.widget.display_has_weights(False)
    page.widget.display_download(1, 0, "")
    page.widget.display_download_failed("The package index cannot be reached.")
    assert "The package index cannot be reached." in page.sentences()
    QTest.mouseClick(page.button("Try again"), Qt.MouseButton.LeftButton)
    assert page.told == [("download_requested",)]


def test_a_narrow_page_does_not_scroll_sideways(page: Page) -> None:
    page.widget.resize(420, 700)
    assert page.widget.horizontalScrollBar().maximum() == 0
    column = page.widget.widget()
    assert column is not None
    assert column.minimumSizeHint().width() <= 420
