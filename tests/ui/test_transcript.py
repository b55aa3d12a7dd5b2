"""The transcript: what it shows, what it follows, what it never moves."""

from __future__ import annotations

import dataclasses
import re
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt, QTimer
from PySide6.QtGui import QAccessible, QEnterEvent, QGuiApplication, QTextCursor, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QApplication, QLabel, QPlainTextEdit, QTextEdit, QWidget
from pytestqt.qtbot import QtBot

from drover.domain.attempts import NextAttempt
from drover.domain.conversation import Message, Part, Position, ReasoningPart, Role, TextPart
from drover.domain.parameters import UNSET, Json, SamplingParameters
from drover.domain.run import Failure, FailureKind, LiveRun, Run, RunStatus, Timing, Usage
from drover.domain.stream import ReasoningDelta, TextDelta
from drover.ui.markdown_places import Place
from drover.ui.markdown_text import BlockText
from drover.ui.message_failure import FailureCard
from drover.ui.message_measures import measures
from drover.ui.message_view import MessageView
from drover.ui.sight import is_on_screen
from drover.ui.theme import theme
from drover.ui.transcript import TranscriptEntry, TranscriptView

AT = datetime(2026, 11, 23, 14, 1, tzinfo=UTC)
LONG = "\n\n".join(f"Paragraph {number}. " + "Some words of prose. " * 12 for number in range(40))


def question(message_id: str, text: str = "Why?") -> TranscriptEntry:
    message = Message(
        id=message_id, conversation_id="c", parent_id=None, role=Role.USER, parts=(TextPart(text=text),),
        created_at=AT,
    )  # fmt: skip
    return TranscriptEntry(message=message, run=None, position=Position(index=0, count=1), author="You")


def run_of(message_id: str, status: RunStatus = RunStatus.COMPLETE, **facts: Any) -> Run:
    return Run(
        id=f"run-{message_id}", conversation_id="c", parent_id="q", message_id=message_id, endpoint_id="oxen",
        endpoint_name="Oxen.ai", base_url="", model_id="gpt-oss-20b", system_prompt="",
        status=status,
        created_at=AT,
        **{"parameters": SamplingParameters(), **facts},
    )  # fmt: skip


def reply(
    run: Run, *parts: Part, live: LiveRun | None = None, position: Position | None = None
) -> TranscriptEntry:
    message = Message(
        id=run.message_id, conversation_id="c", parent_id="q", role=Role.ASSISTANT, parts=parts,
        created_at=AT,
        run_id=run.id,
    )  # fmt: skip
    position = position or Position(index=0, count=1)
    return TranscriptEntry(
        message=message, run=run, position=position, live=live, author="gpt-oss-20b", endpoint_name="Oxen.ai"
    )


def answer(message_id: str, text: str = "Because.", **facts: Any) -> TranscriptEntry:
    return reply(run_of(message_id, **facts), TextPart(text=text))


def live_entry(message_id: str = "a") -> tuple[TranscriptEntry, LiveRun]:
    live = LiveRun(run_of(message_id, RunStatus.RUNNING), time.monotonic())
    return reply(live.run, live=live), live


def say(view: TranscriptView, live: LiveRun, text: str, *, at_s: float = 1.0) -> None:
    live.builder.feed(TextDelta(text=text), at_s)
    view.advance(live.run.id)


def think(view: TranscriptView, live: LiveRun, text: str, *, at_s: float = 0.5) -> None:
    live.builder.feed(ReasoningDelta(text=text, source="reasoning"), at_s)
    view.advance(live.run.id)


def named(widget: QWidget, name: str) -> list[QWidget]:
    return [
        child
        for child in widget.findChildren(QWidget)
        if child.accessibleName() == name and not child.isHidden()
    ]


def button(widget: QWidget, name: str) -> QAbstractButton:
    found = [
        child
        for child in widget.findChildren(QAbstractButton)
        if name in (child.accessibleName(), child.text()) and not child.isHidden()
    ]
    assert found, f"no button {name}"
    return found[0]


def words(widget: QWidget) -> str:
    return " ".join(label.text() for label in widget.findChildren(QLabel) if not label.isHidden())


def wheel(view: TranscriptView, up: int) -> None:
    centre = QPointF(view.viewport().rect().center())
    event = QWheelEvent(
        centre, view.viewport().mapToGlobal(centre), QPoint(), QPoint(0, up), Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(view.viewport(), event)


@pytest.fixture
def view(qtbot: QtBot) -> TranscriptView:
    made = TranscriptView()
    qtbot.addWidget(made)
    made.resize(800, 600)
    made.show()
    qtbot.waitExposed(made)
    return made


def messages(view: TranscriptView) -> list[MessageView]:
    return [
        child
        for child in view.viewport().children()
        if isinstance(child, MessageView) and not child.isHidden()
    ]


def top_text(view: TranscriptView) -> tuple[str, int]:
    """The first text in view and where it stands: what must not move under the eye."""
    for text in sorted(view.findChildren(BlockText), key=lambda t: t.mapTo(view, QPoint()).y()):
        y = text.mapTo(view, QPoint()).y()
        if not text.isHidden() and y + text.height() > 0:
            return text.toPlainText()[:40], y
    raise AssertionError("nothing in view")


class TestNames:
    def test_messages_are_the_children_in_order_and_carry_author_and_text(self, view: TranscriptView) -> None:
        view.display("c", [question("q"), answer("a", "It is **so**.\n\n```py\nx = 1\n```")])
        (pane,) = named(view, "Transcript")
        interface = QAccessible.queryAccessibleInterface(pane)
        names = [
            interface.child(index).text(QAccessible.Text.Name) for index in range(interface.childCount())
        ]
        assert names == ["You: Why?", "gpt-oss-20b: It is so.\nx = 1"]

    def test_messages_made_later_stand_in_order(self, view: TranscriptView) -> None:
        entries = [entry for n in range(30) for entry in (question(f"q{n}"), answer(f"a{n}", LONG[:3000]))]
        view.display("c", entries)
        view.verticalScrollBar().setValue(view.verticalScrollBar().maximum() // 2)
        order = [entry.message.id for entry in entries]
        shown = [order.index(message.entry.message.id) for message in messages(view)]
        assert shown == sorted(shown)
        assert len(shown) >= 2

    def test_every_answer_has_its_buttons_also_when_they_are_not_seen(self, view: TranscriptView) -> None:
        view.display(
            "c", [question("q"), reply(run_of("a"), TextPart(text="x"), position=Position(index=1, count=3))]
        )
        own, other = messages(view)
        for name in ("Copy", "Edit"):
            assert button(own, name).isVisibleTo(own)
        for name in ("Copy", "Regenerate", "Inspect", "Previous version", "Next version"):
            assert button(other, name).isVisibleTo(other)
        assert "2/3" in words(other)

    def test_buttons_emit_the_message(self, view: TranscriptView, qtbot: QtBot) -> None:
        view.display(
            "c", [question("q"), reply(run_of("a"), TextPart(text="x"), position=Position(index=1, count=3))]
        )
        own, other = messages(view)
        with qtbot.waitSignal(view.edit_requested) as edited:
            button(own, "Edit").click()
        with qtbot.waitSignal(view.regenerate_requested) as regenerated:
            button(other, "Regenerate").click()
        with qtbot.waitSignal(view.version_requested) as stepped:
            button(other, "Previous version").click()
        assert (edited.args, regenerated.args, stepped.args) == (["q"], ["a"], ["a", -1])

    def test_copy_gives_the_markdown_source(self, view: TranscriptView) -> None:
        view.display("c", [question("q"), answer("a", "It is **so**.")])
        button(messages(view)[1], "Copy").click()
        assert QGuiApplication.clipboard().text() == "It is **so**."


class TestScrolling:
    def test_a_conversation_opens_at_its_end(self, view: TranscriptView) -> None:
        view.display("c", [question("q"), answer("a", LONG)])
        bar = view.verticalScrollBar()
        assert bar.value() == bar.maximum() > 0

    def test_the_end_is_followed_until_the_wheel_turns_up(self, view: TranscriptView) -> None:
        entry, live = live_entry()
        view.display("c", [question("q"), entry])
        say(view, live, LONG)
        bar = view.verticalScrollBar()
        assert bar.value() == bar.maximum()
        wheel(view, 120)
        assert not view.is_following
        before = top_text(view)
        for _ in range(10):
            say(view, live, "\n\nAnd more. " * 5)
        assert top_text(view) == before
        assert bar.value() < bar.maximum() - 100

    def test_the_pill_counts_what_is_new_and_leads_back(self, view: TranscriptView) -> None:
        entry, live = live_entry()
        view.display("c", [question("q"), entry])
        say(view, live, LONG)
        wheel(view, 480)
        for _ in range(3):
            say(view, live, "more\n\n")
        pill = button(view, "Jump to latest")
        assert pill.accessibleDescription() == "3 new tokens"
        pill.click()
        assert view.is_following
        assert view.verticalScrollBar().value() == view.verticalScrollBar().maximum()
        assert not pill.isVisible()

    def test_text_under_the_eye_stays_when_what_is_above_is_measured(self, view: TranscriptView) -> None:
        entries = [
            entry for n in range(60) for entry in (question(f"q{n}"), answer(f"a{n}", LONG[: 300 * (n % 9)]))
        ]
        view.display("c", entries)
        for _ in range(40):
            read = next(message for message in messages(view) if message.y() + message.height() > 0)
            before = read.y() + read.height()
            view.verticalScrollBar().setValue(view.verticalScrollBar().value() - 50)
            assert read.y() + read.height() == before + 50

    def test_text_under_the_eye_stays_when_the_window_gets_narrower_and_wider_again(
        self, view: TranscriptView
    ) -> None:
        view.display("c", [entry for n in range(10) for entry in (question(f"q{n}"), answer(f"a{n}", LONG))])
        view.verticalScrollBar().setValue(view.verticalScrollBar().maximum() // 2)
        before = top_text(view)[0]
        view.resize(600, 600)
        assert top_text(view)[0] == before
        view.resize(800, 600)
        assert top_text(view)[0] == before

    def test_only_messages_near_the_view_have_widgets(self, view: TranscriptView) -> None:
        entries = [entry for n in range(1000) for entry in (question(f"q{n}"), answer(f"a{n}", LONG[:1000]))]
        view.display("c", entries)
        QTest.keyClick(view, Qt.Key.Key_Home)
        QTest.keyClick(view, Qt.Key.Key_End)
        assert len(view.findChildren(MessageView)) < 40

    def test_keys_go_to_the_ends_and_from_message_to_message(self, view: TranscriptView) -> None:
        view.display("c", [question("q"), answer("a", LONG), question("q2"), answer("a2", LONG)])
        bar = view.verticalScrollBar()
        QTest.keyClick(view, Qt.Key.Key_Home)
        assert bar.value() == 0
        QTest.keyClick(view, Qt.Key.Key_Down, Qt.KeyboardModifier.AltModifier)
        focused = view.window().focusWidget()
        assert isinstance(focused, MessageView)
        assert focused.entry.message.id == "a"
        QTest.keyClick(focused, Qt.Key.Key_Down, Qt.KeyboardModifier.AltModifier)
        following = view.window().focusWidget()
        assert isinstance(following, MessageView)
        assert following.entry.message.id == "q2"
        assert following.y() == 16
        QTest.keyClick(following, Qt.Key.Key_End)
        assert bar.value() == bar.maximum()

    def test_another_conversation_replaces_everything(self, view: TranscriptView) -> None:
        view.display("c", [question("q"), answer("a", LONG)])
        view.display("d", [question("x")])
        assert [message.entry.message.id for message in messages(view)] == ["x"]
        assert view.shows("x")
        assert not view.shows("a")


class TestLive:
    def test_a_reply_turns_from_live_to_stored_without_moving(self, view: TranscriptView) -> None:
        entry, live = live_entry()
        view.display("c", [question("q"), entry])
        think(view, live, "Let me see.")
        say(view, live, LONG + "\n\n- one\n- two")
        text, place = view.findChildren(BlockText)[-1], top_text(view)
        value = view.verticalScrollBar().value()
        settled = dataclasses.replace(live.run, status=RunStatus.COMPLETE, usage=Usage(completion_tokens=9))
        view.display("c", [question("q"), reply(settled, *live.builder.parts)])
        assert view.findChildren(BlockText)[-1] is text
        assert (top_text(view), view.verticalScrollBar().value()) == (place, value)
        assert messages(view)[-1].accessibleName().startswith("gpt-oss-20b: Paragraph 0.")
        assert "9 tokens" in words(messages(view)[-1])

    def test_a_live_message_has_no_name_for_each_token(self, view: TranscriptView) -> None:
        entry, live = live_entry()
        view.display("c", [question("q"), entry])
        say(view, live, "Because")
        assert messages(view)[1].accessibleName() == "gpt-oss-20b: is answering"
        assert view.accessible_messages() == ["You: Why?", "gpt-oss-20b: Because"]

    def test_what_arrived_while_hidden_is_there_when_it_is_shown_again(self, view: TranscriptView) -> None:
        entry, live = live_entry()
        view.display("c", [question("q"), entry])
        view.hide()
        say(view, live, "Because.")
        assert view.accessible_messages()[-1] == "gpt-oss-20b: "
        view.show()
        assert view.accessible_messages()[-1] == "gpt-oss-20b: Because."

    def test_nothing_runs_when_nothing_happens(self, view: TranscriptView, qtbot: QtBot) -> None:
        view.display("c", [question("q"), answer("a", LONG)])
        qtbot.waitUntil(lambda: not any(timer.isActive() for timer in view.findChildren(QTimer)))
        before = [(message, message.geometry()) for message in messages(view)]
        QApplication.processEvents()
        assert not [timer for timer in view.findChildren(QTimer) if timer.isActive()]
        assert [(message, message.geometry()) for message in messages(view)] == before


class TestReasoning:
    def test_it_opens_while_thinking_and_closes_when_the_answer_begins(self, view: TranscriptView) -> None:
        entry, live = live_entry()
        view.display("c", [question("q"), entry])
        think(view, live, "Let me see.")
        toggle = button(view, "Reasoning")
        assert toggle.isChecked()
        assert toggle.accessibleDescription().startswith("Thinking for")
        (text,) = named(view, "Reasoning text")
        assert isinstance(text, BlockText)
        assert text.toPlainText() == "Let me see."
        say(view, live, "So.", at_s=12.5)
        assert not toggle.isChecked()
        assert toggle.accessibleDescription() == "Thought for 12 s"
        assert named(view, "Reasoning text") == [] or not named(view, "Reasoning text")[0].isVisible()

    def test_once_clicked_it_is_the_persons(self, view: TranscriptView) -> None:
        entry, live = live_entry()
        view.display("c", [question("q"), entry])
        think(view, live, "Let me see.")
        button(view, "Reasoning").click()
        think(view, live, " More.")
        assert not button(view, "Reasoning").isChecked()
        button(view, "Reasoning").click()
        say(view, live, "So.")
        settled = dataclasses.replace(live.run, status=RunStatus.COMPLETE)
        view.display("c", [question("q"), reply(settled, *live.builder.parts)])
        assert button(view, "Reasoning").isChecked()

    @pytest.mark.parametrize(("mode", "is_open"), [("open", True), ("auto", False), ("closed", False)])
    def test_the_setting_decides_for_stored_messages(
        self, view: TranscriptView, mode: str, is_open: bool
    ) -> None:
        view.set_reasoning_display(mode)
        view.display("c", [question("q"), reply(run_of("a"), ReasoningPart(text="hm"), TextPart(text="x"))])
        assert button(view, "Reasoning").isChecked() is is_open

    def test_a_model_that_does_not_think_shows_no_block(self, view: TranscriptView) -> None:
        view.display("c", [question("q"), answer("a")])
        assert named(view, "Reasoning") == []

    def test_opening_it_does_not_move_the_toggle(self, view: TranscriptView) -> None:
        thought = ReasoningPart(text=LONG)
        view.display("c", [question("q", LONG), reply(run_of("a"), thought, TextPart(text="x"))])
        toggle = button(view, "Reasoning")
        before = toggle.mapTo(view, QPoint())
        toggle.click()
        assert toggle.mapTo(view, QPoint()) == before
        toggle.click()
        assert toggle.mapTo(view, QPoint()) == before

    def test_it_does_not_close_over_text_that_is_being_read(self, view: TranscriptView) -> None:
        entry, live = live_entry()
        view.display("c", [question("q"), entry])
        think(view, live, LONG)
        wheel(view, 240)
        before = top_text(view)
        say(view, live, "So.")
        assert top_text(view) == before

    def test_thinking_that_took_all_tokens_says_so_and_offers_more(
        self, view: TranscriptView, qtbot: QtBot
    ) -> None:
        run = run_of(
            "a",
            RunStatus.CUT,
            parameters=SamplingParameters(max_tokens=1024),
            usage=Usage(completion_tokens=1024),
        )
        view.display("c", [question("q"), reply(run, ReasoningPart(text="and so on"))])
        assert button(view, "Reasoning").isChecked()
        assert "All 1\u202f024 tokens went to thinking; there is no answer." in words(view)
        with qtbot.waitSignal(view.failure_action_requested) as acted:
            button(view, "Retry with 4\u202f096").click()
        assert acted.args == ["a", "raise_limit"]


class TestOutcome:
    @pytest.mark.parametrize(
        ("failure", "first", "action"),
        [
            (
                Failure(kind=FailureKind.KEY, message="Oxen.ai did not accept the key (401)"),
                "Set key…",
                "set_key",
            ),
            (Failure(kind=FailureKind.CONNECTION, message="No connection"), "Retry", "retry"),
            (Failure(kind=FailureKind.NOT_FOUND, message="Not there"), "Edit endpoint…", "edit_endpoint"),
            (
                Failure(kind=FailureKind.REQUEST, message="Refused", parameter="top_p"),
                "Send without top_p",
                "send_without",
            ),
        ],
    )
    def test_a_failure_offers_first_what_helps_most(
        self, view: TranscriptView, qtbot: QtBot, failure: Failure, first: str, action: str
    ) -> None:
        view.display("c", [question("q"), reply(run_of("a", RunStatus.FAILED, failure=failure))])
        (card,) = view.findChildren(FailureCard)
        assert failure.message in words(card)
        shown = [b for b in card.findChildren(QAbstractButton) if b.isVisible()]
        assert min(shown, key=lambda b: b.x()).text() == first
        with qtbot.waitSignal(view.failure_action_requested) as acted:
            button(card, first).click()
        assert acted.args == ["a", action]

    def test_the_servers_words_are_quoted_and_the_details_unfold(self, view: TranscriptView) -> None:
        failure = Failure(
            kind=FailureKind.RATE,
            message="Oxen.ai asked for a pause (429): “Slow down”",
            hint="Wait.",
            detail="HTTP 429",
        )
        view.display("c", [question("q"), reply(run_of("a", RunStatus.FAILED, failure=failure))])
        (card,) = view.findChildren(FailureCard)
        assert "Oxen.ai asked for a pause (429) The server said “Slow down”. Wait." in words(card)
        height = card.height()
        button(card, "Details").click()
        assert card.height() > height
        assert named(card, "Details of the failure")[0].isVisible()

    @pytest.mark.parametrize("scale", [1.0, 1.25, 1.5])
    def test_details_are_wrapped_and_all_of_them_is_seen(
        self, view: TranscriptView, request: pytest.FixtureRequest, scale: float
    ) -> None:
        theme().set_text_scale(scale)
        request.addfinalizer(partial(theme().set_text_scale, 1.0))
        failure = Failure(kind=FailureKind.SERVER, message="Broken", hint="", detail="word " * 60)
        view.display("c", [question("q"), reply(run_of("a", RunStatus.FAILED, failure=failure))])
        view.resize(400, 600)
        (card,) = messages(view)[1].findChildren(FailureCard)
        button(card, "Details").click()
        (detail,) = card.findChildren(QPlainTextEdit)
        assert detail.verticalScrollBar().maximum() == 0
        assert card.rect().contains(detail.geometry())

    @pytest.mark.parametrize(
        ("since_s", "words_of_it"),
        [
            (10.5, "Retry in 4 min "),
            (400, "The pause that it asked for is over."),
            (-90_000, "It asked for a pause until 20"),
        ],
    )
    def test_a_pause_too_long_to_be_waited_for_is_told_with_its_end(
        self, view: TranscriptView, since_s: float, words_of_it: str
    ) -> None:
        failure = Failure(kind=FailureKind.RATE, message="Wait (429)", hint="Later.", retry_after_s=300)
        settled_at = datetime.now(UTC) - timedelta(seconds=since_s)
        run = run_of("a", RunStatus.FAILED, failure=failure, settled_at=settled_at)
        view.display("c", [question("q"), reply(run)])
        assert words_of_it in words(view)

    def test_a_pause_counts_down_and_can_be_cut_short(self, view: TranscriptView, qtbot: QtBot) -> None:
        entry, live = live_entry()
        failure = Failure(
            kind=FailureKind.RATE, message="Oxen.ai asked for a pause (429): “Slow”", retry_after_s=20
        )
        live.next_attempt = NextAttempt(
            failure=failure, number=1, most=2, wait_s=20, due_s=time.monotonic() + 9
        )
        view.display("c", [question("q"), entry])
        assert "Trying again in 9 s (1 of 2): Oxen.ai asked for a pause (429)" in words(view)
        assert "The server said “Slow”. It asked for a pause of 20 s." in words(view)
        for name, action in (("Try now", "retry_now"), ("Stop", "stop_retry")):
            with qtbot.waitSignal(view.failure_action_requested) as acted:
                button(view, name).click()
            assert acted.args == ["a", action]
        live.next_attempt = replace(live.next_attempt, due_s=None)
        view.advance(live.run.id)
        assert "Trying again (1 of 2): Oxen.ai asked for a pause (429)" in words(view)
        live.next_attempt = None
        say(view, live, "Here it is.")
        assert not [card for card in view.findChildren(FailureCard) if not card.isHidden()]

    @pytest.mark.parametrize(
        ("status", "sentence"),
        [
            (RunStatus.STOPPED, "Stopped."),
            (RunStatus.INTERRUPTED, "Interrupted: the program ended while this was written."),
            (RunStatus.INCOMPLETE, "The server closed the connection before it was done."),
        ],
    )
    def test_partial_text_is_kept_with_a_quiet_line(
        self, view: TranscriptView, status: RunStatus, sentence: str
    ) -> None:
        view.display("c", [question("q"), reply(run_of("a", status), TextPart(text="Half a sent"))])
        message = messages(view)[1]
        assert sentence in words(message)
        assert "Half a sent" in message.accessibleName()
        assert button(message, "Retry").isVisible()

    def test_an_answer_cut_by_the_limit_offers_a_higher_one(self, view: TranscriptView) -> None:
        run = run_of("a", RunStatus.CUT, parameters=SamplingParameters(max_tokens=1024))
        view.display("c", [question("q"), reply(run, TextPart(text="Half"))])
        assert "Cut off at max_tokens (1\u202f024)." in words(view)
        assert button(view, "Retry with 4\u202f096").isVisible()

    def test_an_empty_answer_is_said(self, view: TranscriptView) -> None:
        view.display("c", [question("q"), reply(run_of("a"))])
        assert "The answer is empty." in words(view)


CODE = "```py\n" + "x = 'a long line of code that goes beyond the edge of the column' " * 3 + "\n```"


def test_code_that_was_wrapped_stays_so_when_it_is_made_anew(view: TranscriptView) -> None:
    view.display("c", [question("q"), answer("a", "First.\n\n" + CODE)])
    button(messages(view)[1], "Wrap").click()
    heights = [message.height() for message in messages(view)]
    theme().set_text_scale(1.5)
    assert button(messages(view)[1], "Wrap").isChecked()
    theme().set_text_scale(1.0)
    assert [message.height() for message in messages(view)] == heights
    view.display("d", [question("p")])
    view.display("c", [question("q"), answer("a", "First.\n\n" + CODE)])
    assert [message.height() for message in messages(view)] == heights
    button(messages(view)[1], "Wrap").click()
    assert messages(view)[1].height() < heights[1]


def test_an_endless_line_that_arrives_in_wrapped_code_is_not_wrapped(view: TranscriptView) -> None:
    entry, live = live_entry()
    view.display("c", [question("q"), entry])
    say(view, live, CODE[:-4])
    button(view, "Wrap").click()
    say(view, live, "x" * 6000)
    assert not button(view, "Wrap").isChecked()
    assert not button(view, "Wrap").isEnabled()


class TestFooter:
    def test_it_tells_settings_and_measures(self) -> None:
        run = run_of(
            "a",
            parameters=SamplingParameters(temperature=0.7, top_p=0.95, reasoning_effort="medium"),
            timing=Timing(first_token_ms=400, last_token_ms=21_850),
            usage=Usage(completion_tokens=730, cost_usd=0.0002),
        )
        assert (
            measures(run)
            == "T 0.7 · top_p 0.95 · effort medium · 34 tok/s · 0.4 s to first · 730 tokens · $0.0002"
        )

    def test_a_schema_does_not_crowd_out_the_measures(self) -> None:
        schema = Json.of({"type": "json_schema", "json_schema": {"name": "answer", "schema": {}}})
        parameters = UNSET.replaced("response_format", schema)
        assert measures(run_of("a", parameters=parameters, delta_count=12)) == (
            "response_format · about 12 tokens"
        )

    def test_estimates_are_marked_and_the_unknown_is_left_out(self) -> None:
        assert measures(run_of("a", delta_count=12)) == "about 12 tokens"
        assert measures(run_of("a")) == ""

    def test_no_pace_is_told_of_what_came_all_at_once(self) -> None:
        timing = Timing(first_token_ms=400, last_token_ms=401)
        run = run_of("a", timing=timing, usage=Usage(completion_tokens=516))
        assert measures(run) == "0.4 s to first · 516 tokens"


@pytest.mark.parametrize("scale", [0.5, 1.5, 3.0])
def test_any_text_size_and_a_narrow_window_keep_everything_inside(view: TranscriptView, scale: float) -> None:
    theme().set_text_scale(scale)
    try:
        view.resize(480, 500)
        table = "| a | b |\n|---|---|\n| " + "word " * 30 + "| 1 |"
        view.display(
            "c", [question("q", LONG), answer("a", f"{table}\n\n```py\n{'x' * 300}\n```\n\n- שלום\n\n{LONG}")]
        )
        view.verticalScrollBar().setValue(view.verticalScrollBar().maximum() // 2)
        for message in messages(view):
            assert message.x() >= 0
            assert message.x() + message.width() <= view.viewport().width()
    finally:
        theme().set_text_scale(1.0)


def test_the_wheel_over_text_and_keys_inside_it_scroll_the_transcript(view: TranscriptView) -> None:
    view.display("c", [question("q"), answer("a", f"{LONG}\n\n```\n{'x' * 500}\n```")])
    bar = view.verticalScrollBar()
    text = next(text for text in view.findChildren(BlockText) if not text.visibleRegion().isEmpty())
    before = bar.value()
    # As the window system sends it: only such an event goes from widget to widget.
    place = text.mapTo(view, text.visibleRegion().boundingRect().center())
    QTest.wheelEvent(view.windowHandle(), QPointF(place), QPoint(0, 120))
    assert bar.value() < before
    QTest.keyClick(text, Qt.Key.Key_Home)
    assert bar.value() == 0


@pytest.mark.parametrize(
    "text", [f"```\n{'x' * 500}\n```", "|a" * 40 + "|\n" + "|-" * 40 + "|\n" + "|word" * 40]
)
def test_the_wheel_with_shift_scrolls_what_is_wide_and_the_wheel_alone_the_transcript(
    view: TranscriptView, text: str
) -> None:
    view.display("c", [question("q"), answer("a", f"{LONG}\n\n{text}")])
    (wide,) = (edit for edit in view.findChildren(QTextEdit) if edit.horizontalScrollBar().maximum())
    place = QPointF(wide.mapTo(view, wide.rect().center()))
    before = wide.mapTo(view, QPoint())
    QTest.wheelEvent(view.windowHandle(), place, QPoint(0, -120), QPoint(), Qt.KeyboardModifier.ShiftModifier)
    assert (wide.mapTo(view, QPoint()), wide.horizontalScrollBar().value() > 0) == (before, True)
    QTest.wheelEvent(view.windowHandle(), place, QPoint(120, 0))
    assert (wide.mapTo(view, QPoint()), wide.horizontalScrollBar().value()) == (before, 0)
    QTest.wheelEvent(view.windowHandle(), place, QPoint(0, 120))
    assert wide.mapTo(view, QPoint()).y() > before.y()


def test_actions_are_seen_only_under_the_pointer_or_with_the_keyboard(view: TranscriptView) -> None:
    view.display("c", [question("q"), answer("a")])
    message = messages(view)[1]
    hidden = message.grab().toImage()
    QApplication.sendEvent(message, QEnterEvent(QPointF(5, 5), QPointF(5, 5), QPointF(5, 5)))
    seen = message.grab().toImage()
    QApplication.sendEvent(message, QEvent(QEvent.Type.Leave))
    assert hidden.size() == seen.size()
    assert hidden != seen
    assert message.grab().toImage() == hidden


def test_another_theme_is_taken_up_at_once_and_moves_nothing(view: TranscriptView) -> None:
    view.display("c", [question("q"), answer("a", f"{LONG}\n\n```py\nx = 1\n```\n\n| a |\n|---|\n| 1 |")])
    wheel(view, 240)
    before = top_text(view)
    theme().set_mode("dark")
    try:
        assert top_text(view) == before
        corner = view.grab().toImage().pixelColor(2, 2)
        assert corner == theme().color("page")
        assert corner.lightness() < 60
    finally:
        theme().set_mode("light")


def test_a_place_far_away_is_brought_into_view_and_reasoning_is_opened_for_it(view: TranscriptView) -> None:
    thought = reply(run_of("a"), ReasoningPart(text=LONG), TextPart(text=LONG))
    view.display("c", [question("q"), thought, question("q2"), answer("a2", LONG)])
    view.show_place("a", "body", Place(20, 3))
    rect = view.viewport().rect()
    shown = next(message for message in messages(view) if message.entry.message.id == "a")
    assert rect.contains(shown.rect_of("body", Place(20, 3)).translated(shown.pos()))
    view.show_place("a", "reasoning", Place(39, 3))
    assert shown.reasoning is not None
    assert shown.reasoning.is_open
    assert rect.contains(shown.rect_of("reasoning", Place(39, 3)).translated(shown.pos()))
    before = view.verticalScrollBar().value()
    view.show_place("a", "reasoning", Place(39, 5))
    assert view.verticalScrollBar().value() == before
    assert not view.is_following


def test_a_footnote_is_gone_to_by_its_number(view: TranscriptView) -> None:
    text = "A claim[^a b] and another[^1].\n\n" + LONG + "\n\n[^1]: Because of this.\n"
    view.display("c", [answer("a", text)])
    view.verticalScrollBar().setValue(0)
    (shown,) = view.findChildren(MessageView)
    first = next(each for each in shown.findChildren(BlockText) if "another1" in each.toPlainText())
    cursor = QTextCursor(first.document())
    cursor.setPosition(first.toPlainText().index("another1") + len("another1"))
    place = first.viewport().mapTo(view.viewport(), first.cursorRect(cursor).center() - QPoint(2, 0))
    QTest.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=place)
    note = next(each for each in shown.findChildren(BlockText) if "Because of this" in each.toPlainText())
    y = note.mapTo(view.viewport(), note.rect().bottomLeft()).y()
    assert 0 < y <= view.viewport().height()


def test_a_long_silence_is_counted_with_stop_beside_it_until_something_comes(
    view: TranscriptView, qtbot: QtBot
) -> None:
    qtbot.waitUntil(lambda: is_on_screen(view))  # nothing counts for nobody
    entry, live = live_entry()
    view.display("c", [question("q"), entry])
    assert "Still waiting" not in words(view)
    live.started_at_s -= 42.0
    first = waits_for(qtbot, view, r"Still waiting for Oxen\.ai, 4\d s")
    qtbot.waitUntil(lambda: first not in words(view))  # it goes on counting
    assert "Still waiting for Oxen.ai" in words(view)
    with qtbot.waitSignal(view.failure_action_requested) as asked:
        button(view, "Stop").click()
    assert asked.args == ["a", "stop_retry"]
    say(view, live, "Because", at_s=time.monotonic() - live.started_at_s)
    qtbot.waitUntil(lambda: "Still waiting" not in words(view))
    live.started_at_s -= 15.0
    waits_for(qtbot, view, r"Nothing from Oxen\.ai for 1\d s")


def waits_for(qtbot: QtBot, view: TranscriptView, pattern: str) -> str:
    """What the view says, once it says it."""
    qtbot.waitUntil(lambda: re.search(pattern, words(view)) is not None)
    found = re.search(pattern, words(view))
    assert found is not None
    return found[0]
