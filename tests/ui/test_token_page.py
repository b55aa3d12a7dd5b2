"""The Tokens tab: text, cursor, card, jumps, and what stands there where there is nothing to see."""

from __future__ import annotations

import math

import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QColor, QImage, QMouseEvent
from PySide6.QtTest import QSignalSpy, QTest
from PySide6.QtWidgets import QAbstractButton, QApplication, QLabel, QLineEdit, QListWidget, QMenu, QWidget
from pytestqt.qtbot import QtBot
from tests.ui.test_inspector import shown_run

from drover.domain.conversation import Part, ReasoningPart, TextPart
from drover.domain.probabilities import Alternative, TokenChoice, scored, summary
from drover.engine.inspected_tokens import InspectedTokens
from drover.ui.controls import Segments
from drover.ui.theme import DARK, LIGHT, theme
from drover.ui.token_card import percent, token_words
from drover.ui.token_page import TokensPage, TokenState
from drover.ui.token_text import TokenText, level


def token(text: str | bytes, share: float, **others: float) -> TokenChoice:
    raw = text if isinstance(text, bytes) else text.encode()
    alternatives = [Alternative(raw, math.log(share))]
    alternatives += [Alternative(name.replace("_", " ").encode(), math.log(p)) for name, p in others.items()]
    return TokenChoice(raw, math.log(share), tuple(sorted(alternatives, key=lambda each: -each.logprob)))


TOKENS = [
    token("<think>", 0.1), token("\n", 0.9), token("Hm", 0.6, Well=0.3), token(".\n", 0.9),
    token("</think>", 0.5), token("\n\n", 0.9), token("It", 0.95, That=0.03), token(" is", 0.4, _was=0.35),
    token(" 🦊", 0.02, _red=0.5), token(".", 0.12, _and=0.6),
]  # fmt: skip
PARTS: list[Part] = [ReasoningPart(text="Hm.\n", source="<think>"), TextPart(text="It is 🦊.")]


def found(
    parts: list[Part] = PARTS, tokens: list[TokenChoice] = TOKENS, *, no_fork_reason: str = ""
) -> InspectedTokens:
    scores = scored(parts, tokens)
    return InspectedTokens(
        run_id="R", scores=scores, reasoning=summary(scores.reasoning), answer=summary(scores.answer),
        no_fork_reason=no_fork_reason,
    )  # fmt: skip


@pytest.fixture
def page(qtbot: QtBot) -> TokensPage:
    page = TokensPage()
    qtbot.addWidget(page)
    page.resize(352, 800)
    page.show()
    page.display([])
    return page


def shows(page: TokensPage, tokens: InspectedTokens) -> TokenText:
    page.display_tokens(TokenState.READ, tokens)
    QApplication.processEvents()
    text = page.findChild(TokenText)
    assert text is not None
    return text


def labels(page: QWidget) -> list[str]:
    return [
        label.accessibleName() or label.text() for label in page.findChildren(QLabel) if label.isVisible()
    ]


def listed(page: TokensPage) -> list[str]:
    rows = page.findChild(QListWidget)
    assert rows is not None
    role = Qt.ItemDataRole.AccessibleTextRole
    return [rows.item(row).data(role) for row in range(rows.count())]


def button(page: TokensPage, name: str) -> QAbstractButton:
    return next(b for b in page.findChildren(QAbstractButton) if b.accessibleName().startswith(name))


def points_at(text: TokenText, point: QPoint) -> None:
    view, none = text.viewport(), Qt.MouseButton.NoButton
    place = QPointF(view.mapToGlobal(point))
    keys = Qt.KeyboardModifier.NoModifier
    move = QMouseEvent(QEvent.Type.MouseMove, QPointF(point), place, none, none, keys)
    QApplication.sendEvent(view, move)


def choose_part(page: TokensPage, part: str) -> None:
    segments = page.findChild(Segments)
    assert segments is not None
    segments.setCurrentIndex(segments.findData(part))


def test_the_answer_is_a_readable_text_with_its_measures(page: TokensPage) -> None:
    text = shows(page, found())
    assert text.toPlainText() == "It is 🦊."
    assert text.accessibleName() == "Tokens of the reply"
    assert text.isReadOnly()
    assert "4 tokens · perplexity 5.75 · mean probability 37 %" in labels(page)


def test_arrows_walk_over_the_tokens_and_the_card_follows(page: TokensPage) -> None:
    text = shows(page, found())
    assert "“It”" in labels(page)
    QTest.keyClick(text, Qt.Key.Key_Right)
    assert (text.chosen, text.textCursor().position()) == (1, 2)
    assert listed(page) == [
        "“ is”, 40 %, logprob −0.92, written",
        "“ was”, 35 %, logprob −1.05",
    ]
    assert "logprob −0.92 · token 2 of 4" in labels(page)
    assert "Entropy at least 1.06 bits; 25 % of the probability went to tokens not shown." in labels(page)
    QTest.keyClick(text, Qt.Key.Key_Right)
    QTest.keyClick(text, Qt.Key.Key_Right)
    assert (text.chosen, text.textCursor().position()) == (3, 8)  # the fox takes two places of Qt's
    QTest.keyClick(text, Qt.Key.Key_Right)
    assert text.chosen == 3
    QTest.keyClick(text, Qt.Key.Key_Home)
    assert text.chosen == 0


def test_the_pointer_shows_a_token_and_leaving_goes_back(page: TokensPage) -> None:
    text = shows(page, found())
    cursor = text.textCursor()
    cursor.setPosition(4)
    points_at(text, text.cursorRect(cursor).center() + QPoint(-2, 0))
    assert "“ is”" in labels(page)
    assert text.chosen == 0
    points_at(text, QPoint(200, text.viewport().height() - 4))
    assert "“It”" in labels(page)


def test_a_click_chooses_the_token_below_it(page: TokensPage) -> None:
    text = shows(page, found())
    cursor = text.textCursor()
    cursor.setPosition(4)
    QTest.mouseClick(text.viewport(), Qt.MouseButton.LeftButton, pos=text.cursorRect(cursor).center())
    assert text.chosen == 1


def test_going_on_with_another_token_tells_how_the_reply_is_to_begin(page: TokensPage) -> None:
    text = shows(page, found())
    spy = QSignalSpy(page.fork_requested)
    QTest.keyClick(text, Qt.Key.Key_Right)
    QTest.keyClick(text, Qt.Key.Key_Return)
    rows = page.findChild(QListWidget)
    assert rows is not None
    assert page.focusWidget() is rows
    assert rows.currentRow() == 1  # the best one that was not written
    fork = button(page, "Continue from here")
    assert fork.accessibleName() == "Continue from here with “ was”"
    QTest.mouseClick(fork, Qt.MouseButton.LeftButton)
    assert [spy.at(0)[0], spy.at(0)[1]] == ["R", "<think>\nHm.\n</think>\n\nIt was"]
    QTest.keyClick(rows, Qt.Key.Key_Up)
    assert not fork.isEnabled()
    assert fork.toolTip() == "Choose another token of the list."
    QTest.keyClick(rows, Qt.Key.Key_Escape)
    assert page.focusWidget() is text


def test_thinking_has_a_segment_of_its_own_and_can_be_continued_too(page: TokensPage) -> None:
    text = shows(page, found())
    choose_part(page, "reasoning")
    assert text.toPlainText() == "Hm.\n"
    spy = QSignalSpy(page.fork_requested)
    QTest.mouseClick(button(page, "Continue from here with “Well”"), Qt.MouseButton.LeftButton)
    assert spy.at(0)[1] == "<think>\nWell"


def test_where_a_server_would_not_go_on_the_reason_is_told(page: TokensPage) -> None:
    shows(page, found(no_fork_reason="Oxen.ai is not known to go on."))
    fork = button(page, "Continue from here")
    assert not fork.isEnabled()
    assert fork.accessibleDescription() == "Oxen.ai is not known to go on."
    assert "Oxen.ai is not known to go on." in labels(page)


def test_tokens_that_are_not_the_text_leave_no_beginning_to_go_on_from(page: TokensPage) -> None:
    text = shows(
        page, found([TextPart(text="one two three")], [token("one", 0.5), token(" three", 0.5, _x=0.3)])
    )
    assert text.toPlainText() == "one two three"
    assert "2 tokens · perplexity 2.00 · mean probability 50 % · 4 characters without a token" in labels(page)
    assert not button(page, "Continue from here").isEnabled()


def test_words_are_found_from_token_to_token(page: TokensPage) -> None:
    tokens = [token(piece, 0.5) for piece in ("one", " two", " one")]
    text = shows(page, found([TextPart(text="one two one")], tokens))
    field = next(f for f in page.findChildren(QLineEdit) if f.accessibleName() == "Find in the tokens")
    field.setText("ONE")
    for expected in (2, 0, 2):
        QTest.keyClick(field, Qt.Key.Key_Return)
        assert text.chosen == expected


def test_one_menu_leads_to_the_least_probable_and_to_the_most_uncertain(page: TokensPage) -> None:
    text = shows(page, found())
    QTest.mouseClick(button(page, "Go to a token"), Qt.MouseButton.LeftButton)
    menu = next(m for m in page.findChildren(QMenu) if m.isVisible())
    words = [action.text() for action in menu.actions() if not action.isSeparator()]
    assert words[:3] == ["Lowest probability", "“ 🦊”  2.0 %", "“.”  12 %"]
    assert words[5:7] == ["Highest entropy", "“ is”  1.06 bits"]
    menu.actions()[2].trigger()
    menu.close()
    assert text.chosen == 3


def test_without_probabilities_it_says_how_to_get_them(page: TokensPage) -> None:
    page.display_tokens(TokenState.MISSING)
    assert any("no probabilities with this reply" in words for words in labels(page))
    spy = QSignalSpy(page.logprobs_requested)
    ask = next(
        b for b in page.findChildren(QAbstractButton) if b.text() == "Send logprobs with the next request"
    )
    QTest.mouseClick(ask, Qt.MouseButton.LeftButton)
    assert spy.count() == 1
    page.display_tokens(TokenState.MISSING, is_asked_for=True)
    assert not ask.isEnabled()
    assert any("The next request will ask for them." in words for words in labels(page))


def test_the_usage_of_all_replies_stays_at_hand(page: TokensPage) -> None:
    page.display_tokens(TokenState.READ, found())
    page.display([shown_run()])
    choose_part(page, "usage")
    assert "As reported by the server." in labels(page)
    assert "730" in labels(page)
    assert not button(page, "Go to a token").isVisible()


def test_a_segment_that_is_not_there_any_more_gives_way_to_the_answer(page: TokensPage) -> None:
    text = shows(page, found())
    choose_part(page, "reasoning")
    shows(page, found([TextPart(text="Yes")], [token("Yes", 0.5)]))
    assert text.toPlainText() == "Yes"


def test_a_text_of_odd_line_ends_keeps_its_tokens_in_place(page: TokensPage) -> None:
    tokens = [token(piece, 0.5) for piece in ("a", "\r\n", "b", "\r", "c")]
    text = shows(page, found([TextPart(text="a\r\nb\rc")], tokens))
    for index, character in ((0, "a"), (2, "b"), (4, "c")):
        text.choose(index)
        assert text.document().characterAt(text.textCursor().position()) == character


def test_unlikely_tokens_are_filled_and_underlined(page: TokensPage) -> None:
    likely, unlikely = [token("likely", 0.99)], [token("likely", 0.01)]
    pictures: list[QImage] = []
    for tokens in (likely, unlikely):
        text = shows(page, found([TextPart(text="likely")], tokens))
        text.clearFocus()
        QApplication.processEvents()
        pictures.append(text.viewport().grab().toImage())
    fill, line = theme().color("doubt-4"), theme().color("caution")
    colors = [
        {QColor(p.pixelColor(x, y)).name() for x in range(p.width()) for y in range(40)} for p in pictures
    ]
    assert fill.name() not in colors[0]
    assert {fill.name(), line.name()} <= colors[1]


def test_strengths_begin_below_their_bounds() -> None:
    assert [level(token("a", share)) for share in (1.0, 0.9, 0.89, 0.5, 0.49, 0.2, 0.19, 0.05, 0.04)] == [
        0, 0, 1, 1, 2, 2, 3, 3, 4,
    ]  # fmt: skip


def luminance(color: str) -> float:
    parts = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("colors", [LIGHT, DARK])
def test_text_can_be_read_on_every_strength(colors: dict[str, str]) -> None:
    for strength in range(1, 5):
        light, dark = sorted(
            (luminance(colors["text"]), luminance(colors[f"doubt-{strength}"])), reverse=True
        )
        assert (light + 0.05) / (dark + 0.05) >= 4.5


def test_tokens_and_shares_in_words() -> None:
    assert token_words(b" a\n") == "“ a\\n”"
    assert token_words(b"\xf0\x9f") == "bytes F0 9F"
    assert token_words(b"") == "no text (a special token)"
    assert [percent(share) for share in (1, 0.4812, 0.0411, 0.0023, 0.00001, 0)] == [
        "100 %", "48 %", "4.1 %", "0.23 %", "< 0.01 %", "0 %",
    ]  # fmt: skip
