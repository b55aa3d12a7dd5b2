"""Hits in the text on the screen: coloured where they stand, gone to where they are far away."""

from __future__ import annotations

import time
from collections import Counter
from datetime import UTC, datetime

import pytest
from PySide6.QtCore import QPoint, QRect, QSize
from PySide6.QtWidgets import QPlainTextEdit, QWidget
from pytestqt.qtbot import QtBot
from tests.hits import colored, edits, hits_in, place_of_hit

from drover.domain.conversation import Message, Part, Position, ReasoningPart, Role, TextPart
from drover.domain.matching import Matcher
from drover.domain.parameters import SamplingParameters
from drover.domain.run import LiveRun, Run, RunStatus
from drover.domain.stream import TextDelta
from drover.ui.code_view import MAX_LINES
from drover.ui.find_search import ConversationSearch, HitList
from drover.ui.markdown_places import Place
from drover.ui.message_reasoning import ReasoningToggle
from drover.ui.theme import theme
from drover.ui.transcript import TranscriptEntry, TranscriptView

AT = datetime(2026, 11, 23, 14, 1, tzinfo=UTC)


def entry(message_id: str, text: str, reasoning: str = "", live: LiveRun | None = None) -> TranscriptEntry:
    parts: tuple[Part, ...] = (TextPart(text=text),) if text else ()
    if reasoning:
        parts = (ReasoningPart(text=reasoning), *parts)
    message = Message(
        id=message_id, conversation_id="c", parent_id=None, role=Role.ASSISTANT, parts=parts, created_at=AT
    )
    position = Position(index=0, count=1)
    run = live.run if live is not None else None
    return TranscriptEntry(message=message, run=run, position=position, live=live, author="model")


def live_run() -> LiveRun:
    run = Run(
        id="r", conversation_id="c", parent_id="q", message_id="a", endpoint_id="e", endpoint_name="E",
        base_url="", model_id="model", system_prompt="", status=RunStatus.RUNNING, created_at=AT,
        parameters=SamplingParameters(),
    )  # fmt: skip
    return LiveRun(run, time.monotonic())


class Found:
    """What a query finds in messages, as the transcript is told."""

    def __init__(self, query: str, *entries: TranscriptEntry) -> None:
        texts = {one.message.id: (one.message.reasoning, one.message.text) for one in entries}
        self._search = ConversationSearch(Matcher([query]), texts.__getitem__)
        self._search.display(list(texts), [])
        while self._search.is_busy:
            self._search.work(1.0)
        self.current: tuple[str, str, int] | None = None

    def hits(self, message_id: str, part: str) -> HitList:
        return self._search.hits(message_id, part)

    def current_in(self, message_id: str, part: str) -> tuple[Place, Place] | None:
        if self.current is None or self.current[:2] != (message_id, part):
            return None
        return self.hits(message_id, part)[self.current[2]]

    def goes_to(self, view: TranscriptView, message_id: str, part: str, index: int) -> None:
        self.current = (message_id, part, index)
        view.mark(self)
        start, end = self.hits(message_id, part)[index]
        view.show_place(message_id, part, start, hit_end=end)


@pytest.fixture
def view(qtbot: QtBot) -> TranscriptView:
    made = TranscriptView()
    qtbot.addWidget(made)
    made.resize(800, 600)
    made.show()
    qtbot.waitExposed(made)
    return made


def colors_of_hits(view: TranscriptView) -> dict[bool, set[str]]:
    """The two colours most seen in the hit gone to (True), and in all others (False)."""
    picture = view.grab().toImage()
    seen: dict[bool, Counter[str]] = {True: Counter(), False: Counter()}
    for edit in edits(view):
        for start, end, is_current in hits_in(edit, edit.viewport().rect()):
            cursor = edit.textCursor()
            cursor.setPosition(start)
            rect = edit.cursorRect(cursor)
            cursor.setPosition(end)
            rect = rect.united(edit.cursorRect(cursor)).adjusted(3, 5, -3, -5)
            corner = edit.viewport().mapTo(view, rect.topLeft())
            for x in range(corner.x(), corner.x() + rect.width()):
                for y in range(corner.y(), corner.y() + rect.height()):
                    seen[is_current][picture.pixelColor(x, y).name()] += 1
    return {key: {name for name, _ in counter.most_common(2)} for key, counter in seen.items()}


def toggles(view: QWidget) -> list[ReasoningToggle]:
    return [toggle for toggle in view.findChildren(ReasoningToggle) if toggle.isVisible()]


def test_hits_are_colored_beyond_wide_characters_breaks_and_formulas(view: TranscriptView) -> None:
    long_word = "x" * 900
    text = f"😀 {long_word} needle $\\alpha$ 😀 **nee**dle\n\n| 😀 needle | b |\n|--|--|\n| c | needle |"
    shown = entry("a", text + "\n\n```\n😀 needle\n```")
    view.display("c", [shown])
    view.mark(Found("needle", shown))
    assert colored(view) == ["needle"] * 5
    view.mark(Found("alpha", shown))
    assert len(colored(view)) == 1
    view.mark(None)
    assert colored(view) == []


def test_text_on_a_hit_can_be_read_in_either_appearance(view: TranscriptView) -> None:
    shown = entry("a", "[█ █](https://example.org)\n\n- - -\n\n```\n# █ █\n```", "█ █")
    view.set_reasoning_display("open")
    view.display("c", [shown])
    found = Found("█ █", shown)
    for mode in ("light", "dark"):
        theme().set_mode("light" if mode == "light" else "dark")
        for part, index in (("reasoning", 0), ("body", 0), ("body", 1)):
            found.goes_to(view, "a", part, index)
            assert colors_of_hits(view) == {
                True: {theme().color("accent").name(), theme().color("on-accent").name()},
                False: {theme().color("hit").name(), theme().color("text").name()},
            }
    theme().set_mode("system")


def test_a_far_hit_comes_to_stand_at_a_third_of_the_view_and_is_not_followed_away(
    view: TranscriptView,
) -> None:
    shown = [
        entry(f"m{n}", "Some prose.\n\n" * 30 + f"The needle {n}.\n\n" + "More.\n\n" * 30) for n in range(9)
    ]
    view.display("c", shown)
    found = Found("needle", *shown)
    for number in (4, 0, 8):
        found.goes_to(view, f"m{number}", "body", 0)
        assert abs(place_of_hit(view)[1].y() - 200) < 30
        assert not view.is_following
    place = view.verticalScrollBar().value()
    found.goes_to(view, "m8", "body", 0)
    assert view.verticalScrollBar().value() == place


def test_wide_tables_and_long_lines_of_code_scroll_sideways_to_a_hit(view: TranscriptView) -> None:
    cells = [f"some longer words {n}" for n in range(30)]
    table = "| " + " | ".join(cells) + " |\n" + "|--" * 30 + "|\n| " + " | ".join(cells) + " |\n"
    shown = entry("a", table + "\n```\n" + "words " * 200 + "needle\n```")
    view.display("c", [shown])
    Found("words 29", shown).goes_to(view, "a", "body", 0)
    assert 0 < place_of_hit(view)[1].x() < 800
    Found("needle", shown).goes_to(view, "a", "body", 0)
    assert 0 < place_of_hit(view)[1].x() < 800


def test_very_long_code_is_colored_as_far_as_it_is_looked_at(view: TranscriptView) -> None:
    shown = entry("a", "```\n" + "\n".join(f"line {n}" for n in range(MAX_LINES + 100)) + "\n```")
    view.display("c", [shown])
    found = Found("line", shown)
    found.goes_to(view, "a", "body", 4000)
    place_of_hit(view)
    assert 20 < len(colored(view)) < 500
    (code,) = view.findChildren(QPlainTextEdit)
    code.verticalScrollBar().setValue(1000)
    assert 20 < len(colored(view)) < 500
    view.show_place("a", "body", Place(0, 0))


def test_of_a_great_many_hits_only_those_in_view_are_looked_at(view: TranscriptView) -> None:
    shown = entry("a", "e e e e e e e e e e " * 1500)
    view.display("c", [shown])
    found = Found("e", shown)
    for index in (0, 14_999, 7_000):
        found.goes_to(view, "a", "body", index)
        place_of_hit(view)
        shown_px = 0
        for edit in edits(view):
            strip = QRect(edit.viewport().mapFrom(view, QPoint(0, 300)), QSize(700, 20))
            strip &= edit.viewport().rect()
            shown_px += strip.height()
            assert len(hits_in(edit, strip)) < 400
        assert shown_px == 20


def test_a_hit_opens_reasoning_without_taking_it_from_the_person(view: TranscriptView, qtbot: QtBot) -> None:
    shown = [entry("a", "An answer.", "A needle."), entry("b", "Prose.\n\n" * 400)]
    view.display("c", shown)
    found = Found("needle", *shown)
    found.goes_to(view, "a", "reasoning", 0)
    assert [toggle.isChecked() for toggle in toggles(view)] == [True]
    place_of_hit(view)
    view.follow()
    qtbot.waitUntil(lambda: toggles(view) == [])
    view.show_message("a")
    assert [toggle.isChecked() for toggle in toggles(view)] == [True]
    view.set_reasoning_display("closed")
    assert [toggle.isChecked() for toggle in toggles(view)] == [False]


def test_hits_stay_colored_while_the_text_around_them_grows(view: TranscriptView) -> None:
    live = live_run()
    view.display("c", [entry("a", "", live=live)])
    for piece in ("a needle ", "and ", "more"):
        live.builder.feed(TextDelta(text=piece), 1.0)
        view.advance("r")
        view.mark(Found("needle", entry("a", live.builder.answer)))
        live.builder.feed(TextDelta(text=" still."), 1.0)
        view.advance("r")
        assert colored(view) == ["needle"]


def test_a_hit_in_view_is_not_carried_away_by_a_reply_that_is_followed(view: TranscriptView) -> None:
    live = live_run()
    view.display("c", [entry("q", "Prose.\n\n" * 50), entry("a", "", live=live)])
    live.builder.feed(TextDelta(text="a needle\n\n"), 1.0)
    view.advance("r")
    assert view.is_following
    found = Found("needle", entry("a", live.builder.answer))
    found.goes_to(view, "a", "body", 0)
    place = place_of_hit(view)[1]
    for _ in range(20):
        live.builder.feed(TextDelta(text="More.\n\n"), 1.0)
        view.advance("r")
    assert place_of_hit(view)[1] == place
