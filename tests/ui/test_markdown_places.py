"""Places: the same text, counted the same way, in values and in the widgets that show them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PySide6.QtCore import QPoint
from PySide6.QtWidgets import QApplication, QTextEdit, QWidget
from pytestqt.qtbot import QtBot

from drover.ui.code_view import MAX_LINES, CodeView
from drover.ui.markdown_look import BREAK_HERE
from drover.ui.markdown_places import Place, offset_at, position_at, shown_text
from drover.ui.markdown_spans import TEX
from drover.ui.markdown_text import BlockText, MarkdownText
from drover.ui.markdown_view import MarkdownView
from drover.ui.typesetting import typesetting

PIECES = [
    "word", " ", "\n", "\n\n", "**", "*", "_", "`", "$", "x^2", "\\(a\\)", "\\[b\\]", "$$c$$\n", "😀", "日本",
    "שלום", "| a | b |\n|---|---|\n", "| 1 | 2<br>3 |\n", "- ", "1. ", "> ", "# ", "```\n", "~~",
    "[t](https://x.y)",
    "![a\nb](https://x.y/z.png)", "&#10;", "&#13;", "&amp;", "&#x2028;", "\u200b", "\u2028",
    "\u2029", "\ufffc",
    "w" * 900, "é" * 450, "[^1]", "---\n", "\\begin{align}", "$\\nonsense{$", "\x0b", "<b>", "\t",
]  # fmt: skip
texts = st.lists(st.sampled_from(PIECES), max_size=14).map("".join)


@pytest.fixture(autouse=True)
def rested(qtbot: QtBot) -> Iterator[None]:
    """Leaves no formula on its way."""
    yield
    qtbot.waitUntil(lambda: not typesetting().is_busy, timeout=20_000)


def laid_out(view: MarkdownView, text: str) -> MarkdownView:
    view.display(text)
    height = view.lay_out(600)
    while view.reveal(-1, height + 100_000):
        height = view.lay_out(600)
    view.resize(600, height)
    return view


def widgets(view: MarkdownView) -> list[MarkdownText | CodeView]:
    found: list[MarkdownText | CodeView] = []
    for child in view.children():
        if isinstance(child, MarkdownText | CodeView) and not child.isHidden():
            found.append(child)
    return sorted(found, key=QWidget.y)


def seen_in(view: MarkdownView) -> str:
    """What the documents of the widgets hold, with each formula as one character and without break marks."""
    parts = []
    for widget in widgets(view):
        if isinstance(widget, CodeView):
            parts.append(widget.code.translate({0x2029: " ", 0x0B: " ", 0xFFFC: "\ufffd"}))
            continue
        block = widget.document().firstBlock()
        while block.isValid():
            text, units = "", block.text().encode("utf-16-le")
            for piece in block.textFormats():
                words = units[2 * piece.start : 2 * (piece.start + piece.length)].decode("utf-16-le")
                is_formula = bool(piece.format.property(TEX))
                text += "\ufffc" if is_formula else words.replace(BREAK_HERE, "").replace("\u2028", "\n")
            parts.append(text)
            block = block.next()
    return "\n".join(parts)


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
@given(texts)
def test_the_shown_text_of_any_blocks_is_what_their_widgets_hold(qapp: QApplication, text: str) -> None:
    view = laid_out(MarkdownView(), text)
    shown = [shown_text(block).replace("\t", "\n") for block in view.blocks()]
    assert list(filter(None, "\n".join(shown).split("\n"))) == list(filter(None, seen_in(view).split("\n")))
    view.deleteLater()


@settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
@given(texts)
def test_every_place_is_found_again_from_its_position(qapp: QApplication, text: str) -> None:
    view = laid_out(MarkdownView(), text)
    first = 0
    for widget in widgets(view):
        blocks = view.blocks()[first : first + _block_count(widget)]
        first += len(blocks)
        for index, block in enumerate(blocks):
            for offset in range(min(60, len(shown_text(block)) + 1)):
                place = Place(index, offset)
                if isinstance(widget, MarkdownText):
                    assert widget.place_of(widget.position_of(place)) == place
                else:
                    assert widget.position_of(place) == len(widget.code[:offset].encode("utf-16-le")) // 2
    view.deleteLater()


def _block_count(widget: MarkdownText | CodeView) -> int:
    return widget.document().blockCount() if isinstance(widget, BlockText) else 1


def test_break_marks_and_wide_characters_do_not_count() -> None:
    text = "a" * 400 + BREAK_HERE + "😀b"
    assert offset_at(text, 401) == 400
    assert offset_at(text, 403) == 401
    assert position_at(text, 400) == 400
    assert position_at(text, 401) == 403
    assert position_at(text, 999) == 404


def test_a_formula_shown_by_its_source_counts_as_one() -> None:
    text, sources = "a$x$b", [(1, 4)]
    assert [offset_at(text, position, sources) for position in range(6)] == [0, 1, 1, 2, 2, 3]
    assert [position_at(text, offset, sources) for offset in range(4)] == [0, 1, 4, 5]


TEXT = "One *two* three.\n\n- item\n\n```py\nx = '😀'\ny = 2\n```\n\n| a | b |\n|---|---|\n| c | d |\n\nend"


@pytest.mark.parametrize(
    ("place", "word"),
    [
        (Place(0, 4), "two"),
        (Place(1, 0), "item"),
        (Place(2, 8), "y ="),
        (Place(3, 4), "c"),
        (Place(4, 0), "end"),
    ],
)
def test_a_place_is_found_at_the_point_where_it_is_shown(qtbot: QtBot, place: Place, word: str) -> None:
    view = MarkdownView()
    qtbot.addWidget(view)
    view.show()
    laid_out(view, TEXT)
    assert shown_text(view.blocks()[place.block])[place.offset :].startswith(word)
    rect = view.rect_of(place)
    assert view.place_at(QPoint(rect.left(), rect.center().y())) == place


def test_a_place_in_text_that_is_not_laid_out_is_laid_out(qtbot: QtBot) -> None:
    view = MarkdownView()
    qtbot.addWidget(view)
    view.display("".join(f"Paragraph {number}\n\n```\ncode {number}\n```\n\n" for number in range(100)))
    view.lay_out(600)
    place = Place(len(view.blocks()) - 1, 5)
    rect = view.rect_of(place)
    assert view.place_at(QPoint(rect.left(), rect.center().y())) == place
    assert len(widgets(view)) < 5


def test_very_long_code_scrolls_to_a_place(qtbot: QtBot) -> None:
    view = MarkdownView()
    qtbot.addWidget(view)
    view.show()
    laid_out(view, "```\n" + "line\n" * (MAX_LINES + 10) + "```")
    rect = view.rect_of(Place(0, 5 * MAX_LINES))
    assert 0 < rect.top() < view.height()
    assert view.place_at(QPoint(rect.left(), rect.center().y())) == Place(0, 5 * MAX_LINES)


def test_a_selection_is_shown_in_text_laid_out_later_and_in_text_that_arrives(qtbot: QtBot) -> None:
    view = MarkdownView()
    qtbot.addWidget(view)
    view.feed("One two.\n\n```\nx = 1\n```\n\nth")
    view.select((Place(0, 4), Place(2, 3)))
    height = view.lay_out(600)
    view.reveal(0, height)
    view.feed("ree four")
    view.lay_out(600)
    code = view.findChildren(CodeView)[0].findChildren(QTextEdit)[0]
    first, last = view.findChildren(BlockText)
    assert [edit.textCursor().selectedText() for edit in (first, code, last)] == ["two.", "x = 1", "thr"]
    view.select(None)
    assert not any(edit.textCursor().hasSelection() for edit in (first, code, last))
