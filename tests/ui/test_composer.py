"""Writing, sending and stopping."""

from __future__ import annotations

from functools import partial, reduce
from typing import TypeVar

import pytest
from PySide6.QtCore import QMimeData, QRect, Qt, QUrl
from PySide6.QtGui import QFont, QImage, QInputMethodEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QApplication,
    QComboBox,
    QLabel,
    QPlainTextEdit,
    QPushButton,
    QTextEdit,
    QVBoxLayout,
    QWidget,
)
from pytestqt.qtbot import QtBot

from drover.domain.parameters import ParameterChange
from drover.domain.request_outline import LineSign, RequestLine
from drover.ui import formats
from drover.ui.composer import Composer

W = TypeVar("W", bound=QWidget)


class Desk:
    """The composer at the foot of a window, and what it has told so far."""

    def __init__(self, qtbot: QtBot) -> None:
        self.window = QWidget()
        qtbot.addWidget(self.window)
        layout = QVBoxLayout(self.window)
        layout.addStretch(1)
        self.composer = Composer()
        layout.addWidget(self.composer)
        self.told: list[tuple[object, ...]] = []
        for name in (
            "send_requested",
            "stop_requested",
            "text_edited",
            "save_requested",
            "edit_cancelled",
            "json_toggled",
            "json_copy_requested",
        ):
            getattr(self.composer, name).connect(partial(self._note, name))
        self.window.resize(760, 600)
        self.window.show()
        qtbot.waitExposed(self.window)
        self.message = self.named("Message", QTextEdit)
        self.send = self.named("Send", QPushButton)
        self.stop = self.named("Stop", QPushButton)

    def _note(self, name: str, *values: object) -> None:
        self.told.append((name, *values))

    def heard(self) -> list[tuple[object, ...]]:
        told, self.told = self.told, []
        return told

    def named(self, name: str, kind: type[W]) -> W:
        return next(w for w in self.composer.findChildren(kind) if w.accessibleName() == name)

    def strip(self) -> str:
        labels = [label for label in self.composer.findChildren(QLabel) if type(label).__name__ == "_Strip"]
        return labels[0].text()

    def paste(self, text: str) -> None:
        QApplication.clipboard().setText(text)
        self.message.paste()


@pytest.fixture
def desk(qtbot: QtBot) -> Desk:
    return Desk(qtbot)


def test_return_sends_and_shift_return_breaks_the_line(desk: Desk) -> None:
    QTest.keyClicks(desk.message, "one")
    QTest.keyClick(desk.message, Qt.Key.Key_Return, Qt.KeyboardModifier.ShiftModifier)
    QTest.keyClicks(desk.message, "two")
    assert desk.composer.text == "one\ntwo"
    assert desk.heard()[-1] == ("text_edited", "one\ntwo")
    QTest.keyClick(desk.message, Qt.Key.Key_Return)
    QTest.keyClick(desk.message, Qt.Key.Key_Enter, Qt.KeyboardModifier.KeypadModifier)
    assert desk.heard() == [("send_requested",), ("send_requested",)]
    assert desk.composer.text == "one\ntwo"


@pytest.mark.parametrize("text", ["", " ", "\n\n\t", "\u2003\u00a0"])
def test_blank_text_cannot_be_sent(desk: Desk, text: str) -> None:
    desk.composer.display_draft("x")
    assert desk.send.isEnabled()
    desk.composer.display_draft(text)
    assert not desk.send.isEnabled()
    QTest.keyClick(desk.message, Qt.Key.Key_Return)
    assert desk.heard() == []


def test_return_belongs_to_an_input_method_while_it_composes(desk: Desk) -> None:
    desk.composer.display_draft("x")
    QApplication.sendEvent(desk.message, QInputMethodEvent("にほ", []))
    QTest.keyClick(desk.message, Qt.Key.Key_Return)
    assert ("send_requested",) not in desk.heard()
    committed = QInputMethodEvent("", [])
    committed.setCommitString("日本")
    QApplication.sendEvent(desk.message, committed)
    assert desk.composer.text == "x日本"
    QTest.keyClick(desk.message, Qt.Key.Key_Return)
    assert desk.heard()[-1] == ("send_requested",)


def test_stop_stands_where_send_stood_and_only_while_busy(desk: Desk) -> None:
    desk.composer.display_draft("next")
    assert desk.send.isVisible()
    assert not desk.stop.isVisible()
    assert not desk.stop.isEnabled()
    right = desk.send.geometry().right()
    desk.composer.display_busy(True, "Streaming from Oxen.ai", "341 tokens, 42 tok/s")
    QApplication.processEvents()
    assert desk.strip() == "Streaming from Oxen.ai, 341 tokens, 42 tok/s"
    assert not desk.send.isVisible()
    assert desk.stop.isEnabled()
    assert desk.stop.geometry().right() == right
    QTest.keyClick(desk.message, Qt.Key.Key_Return)
    QTest.keyClick(desk.message, Qt.Key.Key_Escape)
    QTest.mouseClick(desk.stop, Qt.MouseButton.LeftButton)
    assert desk.heard() == [("stop_requested",), ("stop_requested",)]
    desk.composer.display_busy(False)
    assert desk.send.isEnabled()
    assert not desk.stop.isEnabled()
    QTest.keyClick(desk.message, Qt.Key.Key_Escape)
    assert desk.heard() == []


def test_a_draft_is_shown_without_a_signal_and_the_same_one_leaves_the_cursor(desk: Desk) -> None:
    desk.composer.display_draft("a draft")
    cursor = desk.message.textCursor()
    assert cursor.position() == 7
    cursor.setPosition(2)
    desk.message.setTextCursor(cursor)
    desk.composer.display_draft("a draft")
    assert desk.message.textCursor().position() == 2
    assert desk.heard() == []


def test_the_text_grows_to_its_limit_and_then_scrolls(desk: Desk, qtbot: QtBot) -> None:
    least = desk.message.height()
    desk.composer.setMaximumTextHeight(200)
    desk.composer.display_draft("\n".join("abc"))
    assert desk.message.height() > least
    desk.composer.display_draft("\n".join("abc" * 20))
    assert desk.message.height() == 200
    assert desk.message.verticalScrollBar().maximum() > 0
    desk.composer.display_draft("")
    assert desk.message.height() == least


def test_lines_have_the_height_of_the_body_text(desk: Desk) -> None:
    desk.composer.display_draft("one\ntwo")
    block = desk.message.document().lastBlock()
    assert block.blockFormat().lineHeight() >= 22
    QTest.keyClick(desk.message, Qt.Key.Key_Return, Qt.KeyboardModifier.ShiftModifier)
    assert desk.message.document().lastBlock().blockFormat().lineHeight() >= 22


@pytest.mark.parametrize(
    "text",
    [
        "The quick brown fox jumps over the lazy dog.\n" * 23_000,
        "word " * 200_000,
        "x" * 1_000_000,
    ],
    ids=["lines", "one line", "one word"],
)
def test_a_megabyte_is_pasted_while_the_window_stays_alive(desk: Desk, text: str) -> None:
    desk.paste(text)
    QApplication.processEvents()
    assert len(desk.composer.text) == len(text)
    assert desk.send.isEnabled()


def test_words_are_kept_whole_again_after_a_paste_without_spaces(desk: Desk) -> None:
    usual = desk.message.wordWrapMode()
    desk.paste("x" * 100_000)
    assert desk.message.wordWrapMode() != usual
    desk.composer.display_draft("short")
    assert desk.message.wordWrapMode() == usual


@pytest.mark.parametrize(
    ("pasted", "shown"),
    [
        ("a\0b", "a\ufffdb"),
        ("one\r\ntwo\rthree", "one\ntwo\nthree"),
        ("\u202eabc\u202c שלום", "\u202eabc\u202c שלום"),
        ("👩‍👩‍👧 ok", "👩‍👩‍👧 ok"),
        ("12\u00a0s 1\u202f024", "12\u00a0s 1\u202f024"),
        ("a\ufffcb\ufdd0c", "a\ufffdb\ufffdc"),
    ],
)
def test_unusual_characters_are_kept_or_replaced(desk: Desk, pasted: str, shown: str) -> None:
    desk.paste(pasted)
    assert desk.composer.text == shown


def test_half_a_surrogate_pair_in_a_draft_is_replaced(desk: Desk) -> None:
    desk.composer.display_draft("a\ud83d b")
    assert desk.composer.text == "a\ufffd b"


def test_only_plain_text_comes_in_and_files_are_for_the_owner(desk: Desk) -> None:
    rich = QMimeData()
    rich.setHtml("<b>bold</b>")
    rich.setText("bold")
    desk.message.insertFromMimeData(rich)
    assert desk.composer.text == "bold"
    assert desk.message.textCursor().charFormat().fontWeight() in (0, QFont.Weight.Normal)
    file = QMimeData()
    file.setUrls([QUrl.fromLocalFile("/etc/hostname")])
    file.setText("/etc/hostname")
    handed_on: list[QMimeData] = []
    desk.composer.pasted.connect(handed_on.append)
    desk.message.insertFromMimeData(file)
    assert desk.composer.text == "bold"
    assert [data.urls() for data in handed_on] == [file.urls()]


def test_the_strip_shows_the_next_request_as_a_difference(desk: Desk) -> None:
    changes = [
        ParameterChange(name="temperature", before=0.7, after=0.2),
        ParameterChange(name="seed", before=None, after=7),
        ParameterChange(name="top_p", before=0.9, after=None),
    ]
    desk.composer.display_changes([formats.change(each) for each in changes], "3 messages")
    assert desk.strip() == "Will be sent, temperature 0.7 → 0.2, + seed 7, − top_p, 3 messages"
    desk.composer.display_changes([], "no parameters, no system prompt", is_first=True)
    assert desk.strip() == "Will be sent, the message alone, no parameters, no system prompt"
    desk.composer.display_changes([], "2 messages")
    assert desk.strip() == "Will be sent, same settings, 2 messages"
    desk.composer.display_changes([], "2 messages", caution="about 9 000 tokens, the context holds 8 192")
    assert desk.strip().startswith("Will be sent, about 9 000 tokens, the context holds 8 192, same")


def test_the_request_unfolds_on_demand(desk: Desk) -> None:
    toggle = desk.named("JSON", QPushButton)
    assert not desk.composer.is_json_shown
    QTest.mouseClick(toggle, Qt.MouseButton.LeftButton)
    assert desk.heard() == [("json_toggled", True)]
    assert desk.composer.is_json_shown
    view = desk.named("Request as JSON", QPlainTextEdit)
    same, added, removed = LineSign.SAME, LineSign.ADDED, LineSign.REMOVED
    lines = [(same, "{"), (removed, '  "seed": 7,'), (added, '  "stream": true'), (same, "}")]
    adjustments = ["top_p dropped: rejected by this model on 3 Nov 2026"]
    desk.composer.display_request([RequestLine(sign=s, text=t) for s, t in lines], adjustments)
    assert view.isVisible()
    assert view.isReadOnly()
    assert view.toPlainText() == '  {\n−   "seed": 7,\n+   "stream": true\n  }'
    assert len(view.extraSelections()) == 2
    assert desk.named("Adjustments", QLabel).text() == adjustments[0]
    choice = desk.named("Show of the request", QComboBox)
    choice.setCurrentText("Changes")
    assert view.toPlainText() == '…\n−   "seed": 7,\n+   "stream": true\n…'
    desk.composer.display_request([RequestLine(sign=same, text="{}")], [])
    assert view.toPlainText() == "… The same as the request before."
    assert not desk.named("Adjustments", QLabel).isVisible()
    copy = desk.named("Copy JSON", QPushButton)
    QTest.mouseClick(copy, Qt.MouseButton.LeftButton)
    assert desk.heard() == [("json_copy_requested",)]
    desk.composer.confirm_json_copied()
    assert copy.text() == "Copied"
    QTest.mouseClick(toggle, Qt.MouseButton.LeftButton)
    assert desk.heard() == [("json_toggled", False)]
    assert not view.isVisible()


def test_an_edited_message_is_saved_sent_or_left_alone(desk: Desk) -> None:
    save, cancel = desk.named("Save", QPushButton), desk.named("Cancel", QPushButton)
    assert not save.isVisible()
    desk.composer.set_edit_mode(True)
    desk.composer.display_draft("better words")
    assert desk.strip() == "Editing an earlier message; sending makes a new version"
    QTest.mouseClick(save, Qt.MouseButton.LeftButton)
    QTest.mouseClick(cancel, Qt.MouseButton.LeftButton)
    QTest.keyClick(desk.message, Qt.Key.Key_Escape)
    QTest.mouseClick(desk.send, Qt.MouseButton.LeftButton)
    assert desk.heard() == [
        ("save_requested",),
        ("edit_cancelled",),
        ("edit_cancelled",),
        ("send_requested",),
    ]
    desk.composer.display_draft("")
    assert not save.isEnabled()
    desk.composer.set_edit_mode(False)
    assert not cancel.isVisible()


def test_the_placeholder_is_spoken(desk: Desk) -> None:
    desk.composer.set_placeholder("Message the built-in model")
    assert desk.message.accessibleDescription() == "Message the built-in model"


def test_the_placeholder_stands_where_the_text_will(desk: Desk) -> None:
    def inked(picture: QImage) -> QRect:
        """The box of what is written, found by what differs from the fill."""
        place = desk.message.geometry()
        fill = picture.pixelColor(place.right() - 4, place.center().y()).rgb()
        spots = [
            QRect(x, y, 1, 1)
            for x in range(place.left() + 2, place.left() + 60)
            for y in range(place.top(), place.bottom())
            if picture.pixelColor(x, y).rgb() != fill
        ]
        return reduce(QRect.united, spots)

    desk.message.clearFocus()
    desk.composer.set_placeholder("HHHH")
    placeholder = inked(desk.composer.grab().toImage())
    desk.composer.display_draft("HHHH")
    assert inked(desk.composer.grab().toImage()) == placeholder
