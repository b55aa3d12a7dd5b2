"""Selecting in the transcript by mouse and keyboard, and what is then copied."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QAccessible, QClipboard, QContextMenuEvent, QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMenu, QPlainTextEdit, QTextEdit, QWidget
from pytestqt.qtbot import QtBot
from tests.ui.test_transcript import answer, live_entry, question, reply, run_of, say

from drover.domain.conversation import ReasoningPart, TextPart
from drover.ui.markdown_places import Place
from drover.ui.selection import Spot, next_boundary, stretch_around, word_around
from drover.ui.theme import theme
from drover.ui.transcript import TranscriptEntry, TranscriptView

LEFT = Qt.MouseButton.LeftButton
SHIFT = Qt.KeyboardModifier.ShiftModifier
NONE = Qt.KeyboardModifier.NoModifier
CONTROL = Qt.KeyboardModifier.ControlModifier
ANSWER = (
    "First *words* here.\n\n```python\nx = 1\ny = 2\n```\n\n| a | b |\n|---|---|\n| c | d |\n| e | f |\n\n"
    "Last [link](https://example.org) words."
)


@pytest.fixture
def view(qtbot: QtBot) -> TranscriptView:
    made = TranscriptView()
    qtbot.addWidget(made)
    made.resize(800, 700)
    made.show()
    qtbot.waitExposed(made)
    return made


def point_of(view: TranscriptView, message_id: str, block: int, offset: int, part: str = "body") -> QPoint:
    """Where a place is shown."""
    rect = view.line_at(Spot(message_id, part, Place(block, offset)))
    return QPoint(rect.x(), rect.center().y())


def under(view: TranscriptView, point: QPoint) -> tuple[QWidget, QPoint]:
    target = view.viewport().childAt(point) or view.viewport()
    return target, target.mapFrom(view.viewport(), point)


def drags(view: TranscriptView, start: QPoint, end: QPoint, *, lets_go: bool = True) -> None:
    target, place = under(view, start)
    QTest.mousePress(target, LEFT, pos=place)
    for share in (0.3, 1.0):
        between = start + (end - start) * share
        QTest.mouseMove(target, target.mapFrom(view.viewport(), between))
    if lets_go:
        QTest.mouseRelease(target, LEFT, pos=target.mapFrom(view.viewport(), end))


def clicks(
    view: TranscriptView, point: QPoint, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier
) -> None:
    target, place = under(view, point)
    QTest.mouseClick(target, LEFT, modifier, place)


def presses(view: TranscriptView, key: Qt.Key, modifier: Qt.KeyboardModifier = SHIFT) -> None:
    QTest.keyClick(QApplication.focusWidget() or view, key, modifier)


def copied(view: TranscriptView) -> str:
    view.copy()
    return QGuiApplication.clipboard().text()


def highlighted(view: TranscriptView) -> list[str]:
    """What the text widgets show as selected, from top to bottom."""
    found: list[QTextEdit | QPlainTextEdit] = [
        *view.findChildren(QTextEdit),
        *view.findChildren(QPlainTextEdit),
    ]
    edits = [edit for edit in found if edit.textCursor().hasSelection() and edit.isVisible()]
    edits.sort(key=lambda edit: edit.mapTo(view, QPoint()).y())
    return [edit.textCursor().selection().toPlainText() for edit in edits]


class TestMouse:
    def test_a_drag_selects_across_code_and_two_messages(self, view: TranscriptView) -> None:
        view.display("c", [question("q", "One *two* three"), answer("a", ANSWER)])
        drags(view, point_of(view, "q", 0, 4), point_of(view, "a", 1, 5))
        assert highlighted(view) == ["two three", "First words here.", "x = 1"]
        assert copied(view) == (
            "**You:**\n\n*two* three\n\n**gpt-oss-20b:**\n\nFirst *words* here.\n\n```python\nx = 1\n```"
        )
        html = QGuiApplication.clipboard().mimeData().html()
        assert "<em>two</em> three" in html
        assert '<pre><code class="language-python">x = 1\n</code></pre>' in html

    def test_a_drag_upwards_selects_too(self, view: TranscriptView) -> None:
        view.display("c", [question("q", "One two"), answer("a", ANSWER)])
        drags(view, point_of(view, "a", 0, 5), point_of(view, "q", 0, 4))
        assert highlighted(view) == ["two", "First"]

    def test_code_alone_is_copied_as_it_is(self, view: TranscriptView) -> None:
        view.display("c", [question("q"), answer("a", ANSWER)])
        drags(view, point_of(view, "a", 1, 0), point_of(view, "a", 1, 11))
        assert copied(view) == "x = 1\ny = 2"

    def test_cells_are_selected_as_a_rectangle_and_paste_as_a_table(self, view: TranscriptView) -> None:
        view.display("c", [question("q"), answer("a", ANSWER)])
        drags(view, point_of(view, "a", 2, 6) + QPoint(3, 0), point_of(view, "a", 2, 11))
        assert copied(view) == "|  |\n| --- |\n| d |\n| f |"
        html = QGuiApplication.clipboard().mimeData().html()
        assert "<table><tbody><tr><td>d</td></tr><tr><td>f</td></tr></tbody></table>" in html

    def test_a_double_click_selects_a_word_and_a_third_click_the_paragraph(
        self, view: TranscriptView
    ) -> None:
        view.display("c", [question("q"), answer("a", ANSWER)])
        target, place = under(view, point_of(view, "a", 0, 8) + QPoint(2, 0))
        QTest.mouseClick(target, LEFT, pos=place)
        QTest.mouseDClick(target, LEFT, pos=place)
        assert highlighted(view) == ["words"]
        assert copied(view) == "*words*"
        QTest.mouseClick(target, LEFT, pos=place)
        assert highlighted(view) == ["First words here."]

    def test_shift_and_a_click_extend_and_a_click_clears(self, view: TranscriptView) -> None:
        view.display("c", [question("q", "One two three"), answer("a", ANSWER)])
        clicks(view, point_of(view, "q", 0, 4))
        assert highlighted(view) == []
        clicks(view, point_of(view, "a", 0, 5), SHIFT)
        assert highlighted(view) == ["two three", "First"]
        clicks(view, point_of(view, "q", 0, 7), SHIFT)
        assert highlighted(view) == ["two"]
        clicks(view, point_of(view, "a", 0, 1))
        assert highlighted(view) == []
        assert not view.has_selection

    def test_a_click_on_a_link_follows_it_and_a_drag_over_it_does_not(
        self, view: TranscriptView, qtbot: QtBot
    ) -> None:
        view.display("c", [question("q"), answer("a", ANSWER)])
        with qtbot.waitSignal(view.link_activated) as asked:
            clicks(view, point_of(view, "a", 3, 7))
        assert asked.args == ["https://example.org"]
        with qtbot.assertNotEmitted(view.link_activated):
            drags(view, point_of(view, "a", 3, 8), point_of(view, "a", 3, 6))

    def test_a_drag_beyond_the_edge_scrolls_and_goes_on(self, view: TranscriptView, qtbot: QtBot) -> None:
        long = "\n\n".join(f"Paragraph {number}." for number in range(80))
        view.display("c", [question("q"), answer("a", long)])
        view.verticalScrollBar().setValue(0)
        start = point_of(view, "a", 0, 4)
        drags(view, start, QPoint(start.x(), 760), lets_go=False)
        qtbot.waitUntil(lambda: view.verticalScrollBar().value() > 300)
        QTest.mouseRelease(view.viewport(), LEFT, pos=QPoint(start.x(), 600))
        assert not view._selection._scrolling.isActive()
        assert copied(view).startswith("graph 0.\n\nParagraph 1.\n\nParagraph 2.")

    def test_reasoning_is_selected_with_the_answer_if_it_is_open(self, view: TranscriptView) -> None:
        thought = reply(run_of("a"), ReasoningPart(text="Let me *see*."), TextPart(text="So."))
        view.display("c", [question("q"), thought])
        view.open_reasoning("a")
        drags(view, point_of(view, "a", 0, 4, "reasoning"), point_of(view, "a", 0, 2))
        assert highlighted(view) == ["me see.", "So"]
        assert copied(view) == "**gpt-oss-20b, reasoning:**\n\nme *see*.\n\n**gpt-oss-20b:**\n\nSo"

    def test_the_menu_copies_with_and_without_markup(self, view: TranscriptView) -> None:
        view.display("c", [question("q"), answer("a", ANSWER)])
        drags(view, point_of(view, "a", 0, 0), point_of(view, "a", 0, 11))
        for words, expected in (("Copy", "First *words*"), ("Copy as plain text", "First words")):
            target, place = under(view, point_of(view, "a", 0, 3))
            asked = QContextMenuEvent(QContextMenuEvent.Reason.Mouse, place, target.mapToGlobal(place))
            QApplication.sendEvent(target, asked)
            menu = next(menu for menu in view.findChildren(QMenu) if menu.isVisible())
            next(action for action in menu.actions() if action.text() == words).trigger()
            menu.close()
            assert QGuiApplication.clipboard().text() == expected


class TestKeyboard:
    def test_shift_and_arrows_go_on_through_segments_and_messages(self, view: TranscriptView) -> None:
        view.display("c", [question("q", "One two"), answer("a", ANSWER)])
        clicks(view, point_of(view, "q", 0, 4))
        for _ in range(3):
            presses(view, Qt.Key.Key_Right)
        assert highlighted(view) == ["two"]
        presses(view, Qt.Key.Key_Right)  # over the end of the message
        for _ in range(4):
            presses(view, Qt.Key.Key_Right)
        assert highlighted(view) == ["two", "Firs"]
        presses(view, Qt.Key.Key_Down)
        assert highlighted(view)[1:] == ["First words here.", "x "]
        presses(view, Qt.Key.Key_Down)
        assert highlighted(view)[2] == "x = 1\ny "
        presses(view, Qt.Key.Key_Home)
        assert highlighted(view)[2] == "x = 1\n"
        presses(view, Qt.Key.Key_Up)
        presses(view, Qt.Key.Key_Up)
        assert highlighted(view) == ["two", "Fi"]
        presses(view, Qt.Key.Key_Up)
        assert highlighted(view) == ["ne "]
        presses(view, Qt.Key.Key_Escape, NONE)
        assert highlighted(view) == []

    def test_words_lines_and_pages(self, view: TranscriptView) -> None:
        long = "\n\n".join(f"Paragraph {number} of many." for number in range(80))
        view.display("c", [question("q"), answer("a", long)])
        view.show_place("a", "body", Place(3, 0))
        clicks(view, point_of(view, "a", 3, 0))
        presses(view, Qt.Key.Key_Right, SHIFT | CONTROL)
        assert copied(view) == "Paragraph "
        presses(view, Qt.Key.Key_End)
        assert copied(view) == "Paragraph 3 of many."
        presses(view, Qt.Key.Key_PageDown)
        assert copied(view).count("\n\n") > 8
        presses(view, Qt.Key.Key_End, SHIFT | CONTROL)
        assert copied(view).endswith("Paragraph 79 of many.")
        presses(view, Qt.Key.Key_Up)
        assert copied(view).endswith("Paragraph 78 of many.")

    def test_select_all_takes_the_message_and_then_the_conversation(self, view: TranscriptView) -> None:
        entries: list[TranscriptEntry] = []
        for number in range(2000):
            entries += [
                question(f"q{number}", f"Question {number}"),
                answer(f"a{number}", f"Answer *{number}*"),
            ]
        view.display("c", entries)
        view.show_place("a1999", "body", Place(0, 3))
        clicks(view, point_of(view, "a1999", 0, 3))
        presses(view, Qt.Key.Key_A, CONTROL)
        assert copied(view) == "Answer *1999*"
        presses(view, Qt.Key.Key_A, CONTROL)
        assert len(list(view.views())) < 20
        text = copied(view)
        assert text.startswith("**You:**\n\nQuestion 0\n\n**gpt-oss-20b:**\n\nAnswer *0*\n\n**You:**")
        assert text.endswith("Answer *1999*")
        assert text.count("**You:**") == 2000
        assert highlighted(view)[-1] == "Answer 1999"

    def test_select_all_goes_by_the_message_where_the_keyboard_is(
        self, view: TranscriptView, qtbot: QtBot
    ) -> None:
        view.display("c", [question("q", "One two"), answer("a", ANSWER)])
        clicks(view, point_of(view, "q", 0, 4))
        view.activateWindow()
        view.view_at(1).setFocus()
        qtbot.waitUntil(view.view_at(1).hasFocus)
        presses(view, Qt.Key.Key_A, CONTROL)
        assert copied(view) == ANSWER


class TestItStays:
    def test_while_text_arrives_below_and_when_the_reply_is_stored(self, view: TranscriptView) -> None:
        entry, live = live_entry()
        view.display("c", [question("q", "One two"), entry])
        say(view, live, "Some **answer** that")
        drags(view, point_of(view, "q", 0, 4), point_of(view, "a", 0, 11))
        for _ in range(5):
            say(view, live, " goes on and on.\n\nAnd on")
        assert highlighted(view) == ["two", "Some answer"]
        stored = answer("a", live.builder.answer)
        view.display("c", [question("q", "One two"), stored])
        assert highlighted(view) == ["two", "Some answer"]
        assert copied(view) == "**You:**\n\ntwo\n\n**gpt-oss-20b:**\n\nSome **answer**"

    def test_through_another_size_and_out_of_sight(self, view: TranscriptView, qtbot: QtBot) -> None:
        long = "\n\n".join(f"Paragraph {number}." for number in range(300))
        view.display("c", [question("q", "One two"), answer("a", long), question("q2"), answer("a2", long)])
        view.verticalScrollBar().setValue(0)
        drags(view, point_of(view, "q", 0, 4), point_of(view, "a", 1, 9))
        view.follow()
        qtbot.waitUntil(lambda: highlighted(view) == [])
        theme().set_text_scale(1.5)
        view.verticalScrollBar().setValue(0)
        assert highlighted(view) == ["two", "Paragraph 0.\nParagraph"]
        theme().set_text_scale(1.0)
        assert highlighted(view) == ["two", "Paragraph 0.\nParagraph"]

    def test_until_its_message_is_gone(self, view: TranscriptView) -> None:
        view.display("c", [question("q", "One two"), answer("a", ANSWER)])
        drags(view, point_of(view, "q", 0, 4), point_of(view, "a", 0, 3))
        view.display("c", [question("q", "One two"), answer("b", ANSWER)])
        assert not view.has_selection
        assert highlighted(view) == []


def test_the_middle_button_pastes_what_is_selected_without_reading_it_before(view: TranscriptView) -> None:
    view.display("c", [question("q", "One *two*"), answer("a", ANSWER)])
    drags(view, point_of(view, "q", 0, 4), point_of(view, "q", 0, 7))
    clipboard = QGuiApplication.clipboard()
    assert clipboard.supportsSelection()
    assert clipboard.text(QClipboard.Mode.Selection) == "*two*"


def test_assistive_technology_is_told_text_and_selection(view: TranscriptView) -> None:
    view.display("c", [question("q", "One two three"), answer("a", ANSWER)])
    drags(view, point_of(view, "q", 0, 4), point_of(view, "q", 0, 7))
    edit = next(edit for edit in view.findChildren(QTextEdit) if edit.textCursor().hasSelection())
    text = QAccessible.queryAccessibleInterface(edit).textInterface()
    assert text.text(0, 13) == "One two three"
    assert text.selectionCount() == 1
    assert edit.textCursor().selectedText() == "two"


def test_the_conversation_is_copied_with_its_authors_and_without_reasoning(view: TranscriptView) -> None:
    thought = reply(run_of("a"), ReasoningPart(text="Hm."), TextPart(text="*So.*"))
    view.display("c", [question("q", "Why?"), thought])
    view.copy_conversation()
    assert QGuiApplication.clipboard().text() == "**You:**\n\nWhy?\n\n**gpt-oss-20b:**\n\n*So.*"


@pytest.mark.parametrize(
    ("text", "offset", "expected"),
    [
        ("two words", 5, "words"),
        ("two words", 9, "words"),
        ("a😀b c", 1, "😀"),
        ("don’t", 1, "don’t"),
        ("", 0, ""),
    ],
)
def test_the_word_at_an_offset(text: str, offset: int, expected: str) -> None:
    start, end = word_around(text, offset)
    assert text[start:end] == expected


def test_a_step_by_characters_and_by_words() -> None:
    text = "e\u0301 is 😀!"
    assert next_boundary(text, 0, by_word=False, is_forward=True) == 2
    assert next_boundary(text, 6, by_word=False, is_forward=True) == 7
    assert next_boundary(text, 0, by_word=True, is_forward=True) == 3
    assert next_boundary(text, len(text), by_word=True, is_forward=True) is None
    assert next_boundary(text, 3, by_word=True, is_forward=False) == 0


def test_the_stretch_between_separators() -> None:
    assert stretch_around("a\tbc\nd", 3, "\t\n") == (2, 4)
    assert stretch_around("abc", 1, "") == (0, 3)
