"""How a hand moves the transcript, and what stays where it is whatever happens elsewhere."""

from __future__ import annotations

import dataclasses

import pytest
from PySide6.QtCore import QEvent, QObject, QPoint, QPointF, QSignalBlocker, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QPlainTextEdit, QScrollBar, QStyle, QStyleOptionSlider
from pytestqt.qtbot import QtBot
from tests.ui.test_transcript import (
    LONG,
    answer,
    button,
    live_entry,
    messages,
    question,
    reply,
    run_of,
    say,
    think,
    view,
    wheel,
)

from drover.domain.conversation import ReasoningPart, TextPart
from drover.domain.parameters import SamplingParameters
from drover.domain.run import Failure, FailureKind, RunStatus
from drover.ui.controls import PillButton
from drover.ui.markdown_text import BlockText
from drover.ui.theme import theme
from drover.ui.transcript import TranscriptView
from drover.ui.transcript_scroll import PageBar
from drover.ui.typesetting import typesetting

__all__ = ["view"]


def turn(
    view: TranscriptView, *, angle: int = 0, pixels: int = 0, at: int | None = None, has_ctrl: bool = False
) -> None:
    """A wheel or a touchpad; up is positive."""
    place = QPointF(view.viewport().rect().center())
    if at is not None:
        place.setY(at)
    modifier = Qt.KeyboardModifier.ControlModifier if has_ctrl else Qt.KeyboardModifier.NoModifier
    event = QWheelEvent(
        place, view.viewport().mapToGlobal(place), QPoint(0, pixels), QPoint(0, angle or 2 * pixels),
        Qt.MouseButton.NoButton, modifier, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(view.viewport(), event)


def line_at(view: TranscriptView, y: int) -> tuple[str, int]:
    """The words of the line of prose at this height of the view, and where exactly its top is."""
    for text in view.findChildren(BlockText):
        place = text.mapFrom(view, QPoint(text.mapTo(view, QPoint()).x() + 2, y))
        if text.isVisible() and 0 <= place.y() < text.height():
            cursor = text.cursorForPosition(place)
            cursor.movePosition(cursor.MoveOperation.StartOfLine)
            top = text.cursorRect(cursor).top()
            cursor.movePosition(cursor.MoveOperation.EndOfLine, cursor.MoveMode.KeepAnchor)
            return cursor.selectedText()[:30], text.mapTo(view, QPoint(0, top)).y()
    raise AssertionError(f"no prose at {y}")


def has_prose(view: TranscriptView, y: int) -> bool:
    """Whether there is a line of prose at this height."""
    texts = [text for text in view.findChildren(BlockText) if text.isVisible()]
    return any(0 <= y - text.mapTo(view, QPoint()).y() < text.height() for text in texts)


def halfway(view: TranscriptView) -> TranscriptView:
    view.display("c", [question("q"), answer("a", LONG)])
    view.verticalScrollBar().setValue(view.verticalScrollBar().maximum() // 2)
    return view


class TestWheel:
    def test_a_touchpad_moves_the_text_by_its_own_pixels(self, view: TranscriptView) -> None:
        bar = halfway(view).verticalScrollBar()
        before = bar.value()
        turn(view, pixels=7)
        assert bar.value() == before - 7
        turn(view, pixels=-7)
        assert bar.value() == before

    def test_a_fine_wheel_goes_as_far_as_a_coarse_one(self, view: TranscriptView) -> None:
        bar = halfway(view).verticalScrollBar()
        before = bar.value()
        turn(view, angle=120)
        notch = before - bar.value()
        assert notch == QApplication.wheelScrollLines() * theme().px(44)
        bar.setValue(before)
        for _ in range(8):
            turn(view, angle=15)
        assert bar.value() == before - notch

    def test_a_finger_that_trembles_at_the_end_still_follows(self, view: TranscriptView) -> None:
        entry, live = live_entry()
        view.display("c", [question("q"), entry])
        say(view, live, LONG)
        turn(view, angle=1)
        assert not view.is_following
        turn(view, pixels=-3)
        assert view.is_following

    def test_turning_while_a_reply_streams_moves_by_what_was_turned_and_no_more(
        self, view: TranscriptView
    ) -> None:
        entry, live = live_entry()
        view.display("c", [question("q"), entry])
        say(view, live, LONG)
        wheel(view, 480)
        for step in range(20):
            words, before = line_at(view, 300)
            say(view, live, "\n\nMore words. " * 3)
            turn(view, pixels=5)
            found = {line_at(view, y) for y in range(290, 330)}
            assert (words, before + 5) in found, step

    def test_the_handle_stays_under_the_pointer_while_text_arrives(self, view: TranscriptView) -> None:
        entry, live = live_entry()
        view.display("c", [question("q"), entry])
        say(view, live, LONG)
        bar = next(bar for bar in view.findChildren(QScrollBar) if bar.isVisible())
        option = QStyleOptionSlider()
        bar.initStyleOption(option)
        part = QStyle.SubControl.SC_ScrollBarSlider
        handle = bar.style().subControlRect(QStyle.ComplexControl.CC_ScrollBar, option, part, bar).center()
        QTest.mousePress(bar, Qt.MouseButton.LeftButton, pos=handle)
        QTest.mouseMove(bar, handle - QPoint(0, 100))
        assert not view.is_following
        value = view.verticalScrollBar().value()
        say(view, live, LONG)
        QTest.mouseMove(bar, handle - QPoint(0, 100))
        assert view.verticalScrollBar().value() == value
        QTest.mouseMove(bar, handle + QPoint(0, 300))
        assert view.is_following
        QTest.mouseRelease(bar, Qt.MouseButton.LeftButton, pos=handle)
        assert bar.value() == bar.maximum() == view.verticalScrollBar().maximum()


class TestHeldText:
    def test_a_line_stays_where_it_is_when_lines_above_it_in_the_same_text_get_longer(
        self, view: TranscriptView
    ) -> None:
        halfway(view)
        before = line_at(view, 1)
        view.resize(560, 600)
        assert line_at(view, 1)[0].split()[0] in before[0] or before[0].split()[0] in line_at(view, 1)[0]
        view.resize(800, 600)
        assert line_at(view, 1) == before

    def test_reasoning_above_may_open_and_close(self, view: TranscriptView) -> None:
        thought = ReasoningPart(text=LONG)
        view.display("c", [question("q"), reply(run_of("a"), thought, TextPart(text=LONG))])
        before = line_at(view, 100)
        for is_open in (True, False):
            view.verticalScrollBar().setValue(view.verticalScrollBar().value() - 1)
            view.verticalScrollBar().setValue(view.verticalScrollBar().value() + 1)
            block = messages(view)[-1].reasoning
            assert block is not None
            block.restore(is_open)
            block.height_changed.emit()
            assert line_at(view, 100) == before

    def test_reasoning_out_of_sight_closes_when_the_answer_begins(self, view: TranscriptView) -> None:
        entry, live = live_entry("z")
        view.display("c", [question("q"), answer("a", LONG * 3), question("q2"), entry])
        think(view, live, "Let me see.")
        for _ in range(4):
            wheel(view, 480)
        before = line_at(view, 100)
        say(view, live, "So.")
        assert line_at(view, 100) == before
        view.follow()
        assert not button(view, "Reasoning").isChecked()

    @pytest.mark.parametrize("at", [5, 300, 560])
    def test_the_text_under_the_pointer_stays_while_the_text_size_changes(
        self, view: TranscriptView, at: int
    ) -> None:
        view.zoom_requested.connect(zoom)
        halfway(view)
        words, y = line_at(view, at)
        try:
            turn(view, angle=120, at=at, has_ctrl=True)
            assert theme().text_scale == 1.5
            assert any(set(words.split()[:3]) <= set(line_at(view, y + d)[0].split()) for d in range(-30, 30))
            turn(view, angle=-60, at=at, has_ctrl=True)
            turn(view, angle=-60, at=at, has_ctrl=True)
            assert theme().text_scale == 1.0
            assert abs(line_at(view, at)[1] - y) <= 22
        finally:
            theme().set_text_scale(1.0)

    def test_the_line_at_the_top_or_the_end_stays_while_the_text_size_changes(
        self, view: TranscriptView
    ) -> None:
        halfway(view)
        words = set(line_at(view, 1)[0].split()[:3])
        try:
            for scale in (1.5, 3.0, 0.5, 1.0):
                theme().set_text_scale(scale)
                near = [line_at(view, y)[0] for y in range(0, 80, 4) if has_prose(view, y)]
                assert any(words <= set(line.split()) for line in near), scale
            view.follow()
            theme().set_text_scale(2.0)
            assert view.is_following
            assert view.verticalScrollBar().value() == view.verticalScrollBar().maximum()
        finally:
            theme().set_text_scale(1.0)

    def test_ctrl_and_the_wheel_over_very_long_code_are_about_all_text(
        self, view: TranscriptView, qtbot: QtBot
    ) -> None:
        view.display("c", [question("q"), answer("a", "```\n" + "x = 1\n" * 6000 + "```")])
        code = next(text for text in view.findChildren(QPlainTextEdit) if text.isVisible())
        size = code.font().pointSizeF()
        place = QPointF(code.mapTo(view, code.rect().center()))
        with qtbot.waitSignal(view.zoom_requested) as zoomed:
            control = Qt.KeyboardModifier.ControlModifier
            QTest.wheelEvent(view.windowHandle(), place, QPoint(0, 120), QPoint(), control)
        assert zoomed.args == [1]
        assert code.font().pointSizeF() == size

    def test_what_a_person_did_to_reasoning_holds_after_another_conversation(
        self, view: TranscriptView
    ) -> None:
        thoughtful = [question("q"), reply(run_of("a"), ReasoningPart(text="hm"), TextPart(text="x"))]
        view.display("c", thoughtful)
        button(view, "Reasoning").click()
        view.display("d", [question("x")])
        view.display("c", thoughtful)
        assert button(view, "Reasoning").isChecked()

    def test_formulas_that_come_later_move_nothing_that_is_read(
        self, view: TranscriptView, qtbot: QtBot
    ) -> None:
        formulas = "\n\n".join(f"$$\\frac{{7{n}1}}{{\\sqrt{{x_{n}}}}}$$" for n in range(5))
        view.display("c", [question("q"), answer("a", f"{formulas}\n\n{LONG}")])
        view.verticalScrollBar().setValue(0)
        for y in range(200, 500):
            if top_of_prose(view, "Paragraph 0.") <= 0:
                break
            view.verticalScrollBar().setValue(y)
        before = line_at(view, 40)
        height, frames = messages(view)[-1].height(), Frames(view)
        qtbot.waitUntil(lambda: messages(view)[-1].height() > height + 20, timeout=20_000)
        qtbot.waitUntil(lambda: not typesetting().is_busy, timeout=20_000)
        QApplication.processEvents()
        view.removeEventFilter(frames)
        assert line_at(view, 40) == before
        assert set(frames.seen) == {before}

    @pytest.mark.parametrize("scale", [0.5, 3.0])
    def test_another_text_size_gives_the_heights_of_a_fresh_view(
        self, view: TranscriptView, qtbot: QtBot, scale: float
    ) -> None:
        cut = run_of("a", RunStatus.CUT, parameters=SamplingParameters(max_tokens=9))
        failed = run_of("b", RunStatus.FAILED, failure=Failure(kind=FailureKind.SERVER, message="It is down"))
        entries = [question("q"), reply(cut, ReasoningPart(text="hm")), question("r"), reply(failed)]
        view.display("c", entries)
        try:
            theme().set_text_scale(scale)
            fresh = TranscriptView()
            qtbot.addWidget(fresh)
            fresh.resize(view.size())
            fresh.show()
            fresh.display("c", entries)
            for place in (view, fresh):
                place.verticalScrollBar().setValue(0)
            heights = [[message.height() for message in messages(place)] for place in (view, fresh)]
            assert heights[0] == heights[1]
        finally:
            theme().set_text_scale(1.0)


class Frames(QObject):
    """Notes what stands at a height of the view each time that a frame is about to be painted."""

    def __init__(self, view: TranscriptView) -> None:
        super().__init__(view)
        self._view = view
        self.seen: list[tuple[str, int]] = []
        view.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.UpdateRequest:
            self.seen.append(line_at(self._view, 40))
        return False


def top_of_prose(view: TranscriptView, words: str) -> int:
    """Where in the view the line with these words stands."""
    for text in view.findChildren(BlockText):
        found = text.document().find(words)
        if not found.isNull():
            return text.mapTo(view, QPoint(0, text.cursorRect(found).top())).y()
    raise AssertionError(f"{words!r} is not there")


def zoom(step: int) -> None:
    theme().set_text_scale(1.5 if step > 0 else 1.0)


class TestRaisedQuestion:
    def test_it_stands_at_the_top_and_the_answer_grows_below_it(self, view: TranscriptView) -> None:
        entry, live = live_entry("a2")
        view.display("c", [question("q"), answer("a", LONG), question("q2"), entry])
        view.raise_message("q2")
        asked = messages(view)[-2]
        assert (asked.entry.message.id, asked.y()) == ("q2", 16)
        (pill,) = view.findChildren(PillButton)
        assert not pill.isVisible()
        think(view, live, LONG[:2000])
        say(view, live, "So. ", at_s=2.0)
        assert not button(messages(view)[-1], "Reasoning").isChecked()
        say(view, live, LONG)
        assert asked.y() == 16
        assert pill.isVisible()
        settled = dataclasses.replace(live.run, status=RunStatus.COMPLETE)
        view.display(
            "c", [question("q"), answer("a", LONG), question("q2"), reply(settled, *live.builder.parts)]
        )
        assert asked.y() == 16
        pill.click()
        assert view.verticalScrollBar().value() == view.verticalScrollBar().maximum()

    def test_a_short_answer_leaves_the_room_below_blank(self, view: TranscriptView) -> None:
        view.display("c", [question("q"), answer("a", LONG), question("q2"), answer("a2")])
        view.raise_message("q2")
        asked = messages(view)[-2]
        assert asked.y() == 16
        view.resize(800, 500)
        assert asked.y() == 16
        wheel(view, -120)
        assert asked.y() == 16
        wheel(view, 120)
        assert asked.y() > 16

    def test_of_a_long_question_the_end_is_seen_above_the_answer(self, view: TranscriptView) -> None:
        view.display("c", [question("q"), answer("a"), question("q2", LONG), answer("a2", LONG)])
        view.raise_message("q2")
        replied = messages(view)[-1]
        assert replied.y() == 600 * 0.4 + 16

    def test_once_a_person_scrolls_the_end_is_followed_again(self, view: TranscriptView) -> None:
        entry, live = live_entry("a2")
        view.display("c", [question("q"), answer("a", LONG), question("q2"), entry])
        view.raise_message("q2")
        say(view, live, LONG)
        for _ in range(60):
            wheel(view, -480)
        assert view.is_following
        say(view, live, LONG)
        assert view.verticalScrollBar().value() == view.verticalScrollBar().maximum()


class TestFormulas:
    FORMULAS = "\n\n".join(
        f"Before $\\frac{{\\frac{{1}}{{{number}}}}}{{x}}$ and after.\n\n$$\n\\sum_{{k={number}}}^n k^2\n$$"
        for number in range(40)
    )
    """Each makes its text higher as it comes."""

    @pytest.fixture
    def cold(self) -> None:
        """Nothing is typeset yet."""
        typesetting().forget()

    def test_the_line_under_the_eye_stays_while_formulas_above_it_come(
        self, view: TranscriptView, qtbot: QtBot, cold: None
    ) -> None:
        words = f"{self.FORMULAS}\n\nThe line that is read.\n\n{LONG}"
        view.display("c", [question("q"), answer("a", words)])
        bar = view.verticalScrollBar()
        for text in view.findChildren(BlockText):
            found = text.document().find("The line that is read.")
            if not found.isNull():
                bar.setValue(bar.value() + text.mapTo(view, text.cursorRect(found).topLeft()).y() - 8)
        read = line_at(view, 16)
        assert read[0] == "The line that is read."
        height = bar.maximum()
        qtbot.waitUntil(lambda: bar.maximum() > height + 20, timeout=20_000)
        qtbot.waitUntil(lambda: not typesetting().is_busy, timeout=20_000)
        assert line_at(view, 16) == read

    def test_the_end_stays_in_view_while_formulas_come(
        self, view: TranscriptView, qtbot: QtBot, cold: None
    ) -> None:
        view.display("c", [question("q"), answer("a", self.FORMULAS)])
        height = view.verticalScrollBar().maximum()
        qtbot.waitUntil(lambda: not typesetting().is_busy, timeout=20_000)
        bar = view.verticalScrollBar()
        assert view.is_following
        assert bar.value() == bar.maximum() > height


def test_a_range_that_has_become_shorter_moves_nothing(view: TranscriptView) -> None:
    source = QScrollBar(view)
    bar = PageBar(source, view)
    source.setRange(0, 1000)
    source.setValue(1000)
    bar.follow_source()
    with QSignalBlocker(source):
        source.setRange(0, 900)
        source.setValue(400)
    bar.follow_source()
    assert (source.value(), bar.value(), bar.maximum()) == (400, 400, 900)
