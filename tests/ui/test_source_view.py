"""A message shown as it was written."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication, QImage
from PySide6.QtWidgets import QAbstractButton, QMenu
from pytestqt.qtbot import QtBot
from tests.ui.test_transcript import answer, live_entry, question, say

from drover.markdown_blocks import Source
from drover.ui.markdown_text import BlockText
from drover.ui.message_view import MessageView
from drover.ui.source_splitter import MOST_CHARS, MOST_LINES, SourceSplitter
from drover.ui.transcript import TranscriptView
from drover.ui.typesetting import typesetting

TEXT = "# Title\n\nA **bold** word, $x^2$ and `code`.\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n```py\nx = 1\n```"


@pytest.fixture
def view(qtbot: QtBot) -> TranscriptView:
    made = TranscriptView()
    qtbot.addWidget(made)
    made.resize(800, 600)
    made.show()
    qtbot.waitExposed(made)
    return made


def message(view: TranscriptView, message_id: str) -> MessageView:
    return next(each for each in view.findChildren(MessageView) if each.entry.message.id == message_id)


def picks(view: TranscriptView, message_id: str, words: str) -> None:
    """Chooses from the menu behind More."""
    buttons = message(view, message_id).findChildren(QAbstractButton)
    next(button for button in buttons if button.accessibleName() == "More").click()
    menu = next(menu for menu in view.findChildren(QMenu) if menu.isVisible())
    action = next(action for action in menu.actions() if action.text() == words)
    menu.hide()
    action.trigger()
    menu.close()


def shown(view: TranscriptView, message_id: str) -> str:
    texts = sorted(message(view, message_id).findChildren(BlockText), key=BlockText.y)
    return "\n".join(text.toPlainText() for text in texts if not text.isHidden())


def settled(view: TranscriptView, qtbot: QtBot) -> QImage:
    """What is seen once formulas and code are done."""
    view.grab()
    qtbot.waitUntil(lambda: not typesetting().is_busy, timeout=20_000)
    return view.grab().toImage()


@pytest.mark.parametrize("which", ["q", "a"])
def test_any_message_is_shown_as_it_was_written_and_rendered_again(
    view: TranscriptView, which: str, qtbot: QtBot
) -> None:
    view.display("c", [question("q", TEXT), answer("a", TEXT)])
    rendered = settled(view, qtbot)
    picks(view, which, "Show source")
    assert shown(view, which) == TEXT
    assert message(view, which).accessibleName().endswith(TEXT)
    picks(view, which, "Show rendered")
    assert settled(view, qtbot) == rendered


def test_it_stays_so_while_the_reply_goes_on_and_ends(view: TranscriptView) -> None:
    entry, live = live_entry()
    view.display("c", [entry])
    say(view, live, "A **bo")
    picks(view, "a", "Show source")
    say(view, live, "ld** word")
    assert shown(view, "a") == "A **bold** word"
    view.display("c", [answer("a", "A **bold** word.")])
    assert shown(view, "a") == "A **bold** word."


def test_it_stays_so_when_the_message_comes_back_into_view(view: TranscriptView) -> None:
    many = [answer(f"a{number}", "word " * 400) for number in range(60)]
    view.display("c", [answer("a", "**b**"), *many])
    view.verticalScrollBar().setValue(0)
    picks(view, "a", "Show source")
    view.verticalScrollBar().setValue(view.verticalScrollBar().maximum())
    view.verticalScrollBar().setValue(0)
    assert shown(view, "a") == "**b**"


def test_what_stands_at_the_top_of_the_view_stays_near(view: TranscriptView) -> None:
    text = "\n\n".join(f"Paragraph **{number}** " + "with words " * 20 for number in range(300))
    view.display("c", [answer("a", text)])
    view.verticalScrollBar().setValue(view.verticalScrollBar().maximum() // 2)

    def number() -> int:
        _, place = message(view, "a").place_at(message(view, "a").mapFrom(view, view.rect().center()))
        return round(300 * place.block / len(message(view, "a").body.blocks()))

    before = number()
    picks(view, "a", "Show source")
    assert number() == pytest.approx(before, abs=15)


def test_the_source_is_selected_and_copied_as_it_is(view: TranscriptView, qtbot: QtBot) -> None:
    view.display("c", [answer("a", TEXT)])
    picks(view, "a", "Show source")
    view.select_all()
    view.copy()
    assert QGuiApplication.clipboard().text() == TEXT


def test_only_what_is_seen_of_a_long_source_is_laid_out(view: TranscriptView) -> None:
    view.display("c", [question("q", "line\n" * 25_000)])
    picks(view, "q", "Show source")
    assert 0 < len(message(view, "q").findChildren(BlockText)) < 20


def test_a_source_runs_from_left_to_right(view: TranscriptView) -> None:
    view.display("c", [answer("a", "שלום *עולם*")])
    picks(view, "a", "Show source")
    (text,) = message(view, "a").findChildren(BlockText)[-1:]
    assert text.document().lastBlock().textDirection() == Qt.LayoutDirection.LeftToRight


@settings(max_examples=200, deadline=None)
@given(
    text=st.lists(st.sampled_from(["\n", "\r\n", "a", "word ", "x" * 900, "😀", "\n" * 30])).map("".join),
    data=st.data(),
)
def test_runs_lose_nothing_wherever_the_text_was_cut(text: str, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=8)))
    pieces, whole = SourceSplitter(), SourceSplitter()
    for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True):
        pieces.feed(text[start:end])
    for splitter in (pieces, whole):
        if splitter is whole:
            splitter.feed(text)
        splitter.finish()
    assert pieces.settled == whole.settled
    runs = [block.content for block in whole.settled if isinstance(block.content, Source)]
    joined = "".join((run.joint or "") + run.text for run in runs)
    assert joined.rstrip("\n") == text.replace("\r\n", "\n").rstrip("\n")
    assert all(len(run.text) <= MOST_CHARS and run.text.count("\n") < MOST_LINES for run in runs)
