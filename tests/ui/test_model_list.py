"""The list of models: searched by typing, with what each holds and costs."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAccessible
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QHBoxLayout, QLabel, QLineEdit, QPushButton, QWidget
from pytestqt.qtbot import QtBot

from drover.domain.endpoint import ModelCard
from drover.ui.controls import ModelCombo
from drover.ui.model_list import ModelList, detail_of, in_words

SMALL = ModelCard(
    id="openai-gpt-oss-20b", context_tokens=131_000, input_usd_per_token=5e-8, output_usd_per_token=2e-7,
    input_modalities=("text",),
)  # fmt: skip
LARGE = ModelCard(id="openai-gpt-oss-120b", context_tokens=131_000)
OTHER = ModelCard(id="qwen-3-8b", name="Qwen 3", input_usd_per_token=0.0, output_usd_per_token=0.0)


class Desk:
    """The combo in a window, and what it has told."""

    def __init__(self, window: QWidget, combo: ModelCombo) -> None:
        self.window, self.combo = window, combo
        self.chosen: list[str] = []
        self.named: list[str] = []
        combo.activated.connect(self._note)
        combo.model_named.connect(self.named.append)

    def _note(self, index: int) -> None:
        self.chosen.append(self.combo.itemData(index))

    @property
    def popup(self) -> ModelList:
        found = QApplication.activePopupWidget()
        assert isinstance(found, ModelList)
        return found

    @property
    def search(self) -> QLineEdit:
        found = self.popup.findChild(QLineEdit)
        assert isinstance(found, QLineEdit)
        return found

    def rows(self) -> list[str]:
        view = self.popup.view
        return [view.item(row).text() for row in range(view.count())]


@pytest.fixture
def desk(qtbot: QtBot) -> Desk:
    window = QWidget()
    qtbot.addWidget(window)
    combo = ModelCombo("Model", parent=window)
    QHBoxLayout(window).addWidget(combo)
    window.resize(500, 60)
    window.show()
    qtbot.waitExposed(window)
    combo.display([SMALL, LARGE, OTHER], LARGE.id)
    return Desk(window, combo)


def test_the_list_opens_at_the_chosen_model_with_the_keyboard_in_its_search(desk: Desk) -> None:
    desk.combo.showPopup()

    assert desk.rows() == [SMALL.id, LARGE.id, OTHER.id]
    assert desk.popup.view.currentItem().text() == LARGE.id
    assert desk.popup.focusWidget() is desk.search
    state = QAccessible.queryAccessibleInterface(desk.combo).state()
    assert state.expanded
    desk.combo.hidePopup()
    assert QApplication.activePopupWidget() is None
    assert desk.chosen == []


def test_typing_filters_and_return_chooses(desk: Desk) -> None:
    desk.combo.showPopup()
    QTest.keyClicks(desk.search, "gpt oss-20")
    assert desk.rows() == [SMALL.id]
    QTest.keyClick(desk.search, Qt.Key.Key_Return)

    assert desk.chosen == [SMALL.id]
    assert desk.combo.currentText() == SMALL.id
    assert QApplication.activePopupWidget() is None


def test_arrow_keys_move_while_the_search_has_the_keyboard(desk: Desk) -> None:
    desk.combo.showPopup()
    QTest.keyClick(desk.search, Qt.Key.Key_Down)
    QTest.keyClick(desk.search, Qt.Key.Key_Down)
    QTest.keyClick(desk.search, Qt.Key.Key_Return)

    assert desk.chosen == [OTHER.id]


def test_a_name_counts_as_much_as_an_id(desk: Desk) -> None:
    desk.combo.showPopup()
    QTest.keyClicks(desk.search, "QWEN 3")

    assert desk.rows() == [OTHER.id]


def test_a_model_that_is_not_listed_can_be_named(desk: Desk) -> None:
    desk.combo.showPopup()
    QTest.keyClicks(desk.search, "my/finetune")
    assert desk.rows() == ["Use “my/finetune”"]
    QTest.keyClick(desk.search, Qt.Key.Key_Return)

    assert (desk.chosen, desk.named) == ([], ["my/finetune"])


def test_a_list_that_comes_while_it_is_open_keeps_what_is_searched_for(desk: Desk) -> None:
    desk.combo.showPopup()
    QTest.keyClicks(desk.search, "oss")
    desk.combo.display([LARGE, SMALL, ModelCard(id="gpt-oss-next"), OTHER], LARGE.id)

    assert desk.search.text() == "oss"
    assert desk.rows() == [LARGE.id, SMALL.id, "gpt-oss-next"]
    assert desk.chosen == []


def test_the_foot_says_how_old_the_list_is_and_asks_anew(desk: Desk, qtbot: QtBot) -> None:
    desk.combo.display_state("From Oxen.ai, 2 hours ago", is_busy=False)
    with qtbot.waitSignal(desk.combo.list_opened):
        desk.combo.showPopup()
    assert "From Oxen.ai, 2 hours ago" in [label.text() for label in desk.popup.findChildren(QLabel)]
    refresh = desk.popup.findChild(QPushButton)
    assert isinstance(refresh, QPushButton)
    with qtbot.waitSignal(desk.combo.refresh_requested):
        refresh.click()
    desk.combo.display_state("Asking Oxen.ai…", is_busy=True)

    assert not refresh.isEnabled()


def test_what_is_unknown_is_left_out() -> None:
    assert detail_of(SMALL).replace("\u202f", " ") == "131 000 · $0.05 / $0.20"
    assert detail_of(LARGE).replace("\u202f", " ") == "131 000"
    assert detail_of(OTHER) == "no cost"
    assert detail_of(ModelCard(id="x")) == in_words(ModelCard(id="x")) == ""
    words = "131 000 tokens of context · $0.05 in, $0.20 out per million tokens · text"
    assert in_words(SMALL).replace("\u202f", " ") == words
