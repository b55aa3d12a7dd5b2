"""The stack of segments: what is laid out, what stays, what may never happen."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby, product
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PySide6.QtCore import QEvent, QPointF, Qt, QUrl
from PySide6.QtGui import QGuiApplication, QTextBlock, QTextDocument
from PySide6.QtWidgets import QAbstractButton, QApplication, QLabel, QTextEdit, QWidget
from pytestqt.qtbot import QtBot
from tests.test_markdown_blocks import LIMITS, MARKDOWN, small

from drover.markdown_blocks import MAX_PARAGRAPH_LINES, parse
from drover.ui.code_view import MAX_LINES, CodeView
from drover.ui.markdown_look import BREAK_HERE, clean_text
from drover.ui.markdown_table import Need, TableText, fitted_widths
from drover.ui.markdown_text import BlockText, MarkdownText
from drover.ui.markdown_view import MarkdownView
from drover.ui.theme import theme
from drover.ui.typesetter import CODE
from drover.ui.typesetting import Question, typesetting

WIDTH = 700


def lay_out(view: MarkdownView, width: int = WIDTH) -> int:
    """Lays out the whole view with widgets for everything."""
    height = view.lay_out(width)
    while view.reveal(-1, height + 100_000):
        height = view.lay_out(width)
    view.resize(width, height)
    return height


def typeset(view: MarkdownView, qtbot: QtBot) -> int:
    """Waits until all formulas and code have come, as the owner of the view does; returns its height."""
    lay_out(view)
    qtbot.waitUntil(lambda: not typesetting().is_busy, timeout=20_000)
    return lay_out(view)


@pytest.fixture
def view(qtbot: QtBot) -> MarkdownView:
    made = MarkdownView()
    qtbot.addWidget(made)
    made.show()
    return made


def texts(view: MarkdownView) -> list[str]:
    return [text.toPlainText() for text in view.findChildren(MarkdownText) if not text.isHidden()]


def test_prose_shares_a_segment_and_code_and_tables_have_their_own(view: MarkdownView) -> None:
    view.display("a\n\n- b\n\n> c\n\n```py\nx = 1\n```\n\n| h |\n|---|\n| 1 |\n\nend")
    lay_out(view)
    assert [text.toPlainText() for text in view.findChildren(BlockText)] == ["a\nb\nc", "end"]
    assert [code.code for code in view.findChildren(CodeView)] == ["x = 1"]
    assert len(view.findChildren(TableText)) == 1


def test_the_plain_text_has_no_markup(view: MarkdownView) -> None:
    view.display("# T\n\n1. **b** `c`\n\n```\nx\n```\n\n| h |\n|---|\n| *i* |")
    assert view.text() == "T\n1. b c\nx\nh\ni"


def test_settled_segments_are_not_touched_while_text_arrives(view: MarkdownView) -> None:
    for number in range(60):
        view.feed(f"Paragraph {number}.\n\n")
    lay_out(view)
    first = view.findChildren(BlockText)[0]
    revision = first.document().revision()
    for _ in range(20):
        view.feed("more and more ")
        lay_out(view)
    assert first.document().revision() == revision
    assert view.findChildren(BlockText)[0] is first


def test_streamed_and_whole_give_the_same_picture(view: MarkdownView, qtbot: QtBot) -> None:
    text = "# T\n\nA *b*\n\n- one\n- two\n\n```py\nx = 1\ny = 2\n```\n\n"
    text += "| a | b |\n|---|--:|\n| 1 | 2 |\n| 3 | 4 |\n\n> q"
    for start in range(0, len(text), 3):
        view.feed(text[start : start + 3])
        lay_out(view)
    view.finish()
    streamed = lay_out(view)
    whole = MarkdownView()
    qtbot.addWidget(whole)
    whole.display(text)
    assert lay_out(whole) == streamed
    whole.show()
    assert texts(whole) == texts(view)
    for each in (whole, view):
        each.grab()
    qtbot.waitUntil(lambda: not typesetting().is_busy, timeout=20_000)
    assert whole.grab().toImage() == view.grab().toImage()


def test_code_grows_without_being_written_again(view: MarkdownView) -> None:
    view.feed("```py\nx = 1\n")
    lay_out(view)
    (code,) = view.findChildren(CodeView)
    view.feed("y = 2\n```\n")
    lay_out(view)
    assert view.findChildren(CodeView) == [code]
    assert code.code == "x = 1\ny = 2"


def test_copy_gives_the_code_and_nothing_else(view: MarkdownView) -> None:
    view.display("```py\nx = 1\n\n    y = 2\n```")
    lay_out(view)
    (code,) = view.findChildren(CodeView)
    button = next(b for b in code.findChildren(QAbstractButton) if b.accessibleName() == "Copy code")
    button.click()
    assert QGuiApplication.clipboard().text() == "x = 1\n\n    y = 2"


def test_a_long_line_of_code_does_not_widen_the_view(view: MarkdownView) -> None:
    view.display("```\n" + "x" * 5000 + "\n```")
    lay_out(view)
    (code,) = view.findChildren(CodeView)
    assert code.width() == WIDTH


def test_wrapping_code_makes_it_taller(view: MarkdownView, qtbot: QtBot) -> None:
    view.display("```\n" + "word " * 200 + "\n```")
    before = lay_out(view)
    wrap = next(b for b in view.findChildren(QAbstractButton) if b.text() == "Wrap")
    with qtbot.waitSignal(view.height_changed):
        wrap.click()
    assert lay_out(view) > before + 40


def colors_of(code: CodeView) -> list[list[tuple[int, int, str]]]:
    """Per line the (start, length, colour) of what is not plain."""
    found = []
    assert code.document is not None
    block = code.document.firstBlock()
    while block.isValid():
        ranges = block.layout().formats()
        found.append([(one.start, one.length, one.format.foreground().color().name()) for one in ranges])
        block = block.next()
    return found


def test_code_is_colored_once_it_is_complete_and_keeps_its_height(view: MarkdownView, qtbot: QtBot) -> None:
    view.feed("```py\nfrom x import y\n# é 😀 z\n")
    before = typeset(view, qtbot)
    (code,) = view.findChildren(CodeView)
    assert colors_of(code) == [[], []]
    view.feed("```\n\nend")
    typeset(view, qtbot)
    keyword, comment = (theme().color(token).name() for token in ("syntax-keyword", "syntax-comment"))
    assert colors_of(code) == [[(0, 4, keyword), (7, 6, keyword)], [(0, 8, comment)]]  # in UTF-16 units
    assert view.findChildren(CodeView) == [code]
    assert code.height() == before


def test_a_comment_at_the_end_of_code_is_colored_too(view: MarkdownView, qtbot: QtBot) -> None:
    view.display("```bash\necho x  # why\n```")
    typeset(view, qtbot)
    (code,) = view.findChildren(CodeView)
    assert colors_of(code)[0][-1] == (8, 5, theme().color("syntax-comment").name())


def test_long_code_is_colored_in_slices(view: MarkdownView, qtbot: QtBot) -> None:
    lines = "\n".join(f"value_{number} = 'text' + str({number})" for number in range(MAX_LINES - 10))
    view.display(f"```py\n{lines}\n```")
    typeset(view, qtbot)
    (code,) = view.findChildren(CodeView)
    assert colors_of(code)[-1] == []
    qtbot.waitUntil(lambda: colors_of(code)[-1] != [], timeout=20_000)
    assert all(len(ranges) >= 3 for ranges in colors_of(code))


@pytest.mark.parametrize("code", ["x" * 5001, "x\n" * (MAX_LINES + 1), "x = 1\n" * 70_000], ids=len)
def test_code_beyond_the_limits_stays_plain(view: MarkdownView, qtbot: QtBot, code: str) -> None:
    view.display(f"```py\n{code}\n```")
    typeset(view, qtbot)
    (shown,) = view.findChildren(CodeView)
    assert typesetting().kept(Question(CODE, shown.code, "py")) is None


def test_a_language_has_its_name_also_if_it_must_be_asked_for(view: MarkdownView, qtbot: QtBot) -> None:
    view.display("```py\nx\n```\n\n```hs\nx\n```\n\n```no-such\nx\n```\n\n```\nx\n```")
    lay_out(view)
    names = [code.findChildren(QLabel)[0].text() for code in view.findChildren(CodeView)]
    assert names == ["Python", "Hs", "No-such", "Code"]
    typeset(view, qtbot)
    names = [code.findChildren(QLabel)[0].text() for code in view.findChildren(CodeView)]
    assert names == ["Python", "Haskell", "No-such", "Code"]
    edits = [code.findChildren(QTextEdit)[0] for code in view.findChildren(CodeView)]
    assert [edit.accessibleName() for edit in edits][1] == "Code, Haskell"


def test_a_name_that_comes_together_with_the_colors_is_shown(view: MarkdownView, qtbot: QtBot) -> None:
    view.display("```scm\n(define x 1)\n```")
    typeset(view, qtbot)
    typesetting().forget()
    view.display("```scm\n(define x 1)\n```")
    typeset(view, qtbot)
    code = view.findChildren(CodeView)[-1]
    assert code.findChildren(QLabel)[0].text() == "Scheme"
    assert colors_of(code) != [[]]


def test_the_first_line_leaves_room_for_a_formula_that_is_higher_than_its_words(
    view: MarkdownView, qtbot: QtBot
) -> None:
    view.display("$\\frac{A^2}{b}$ x\n\n$\\frac{A^2}{b}$ x")
    typeset(view, qtbot)
    picture = view.grab().toImage()
    blank = picture.pixel(WIDTH - 1, 0)
    inked = [any(picture.pixel(x, y) != blank for x in range(14)) for y in range(picture.height())]
    heights = [len(list(rows)) for has_ink, rows in groupby(inked) if has_ink]
    assert len(heights) == 4  # above and below the stroke, twice
    assert heights[:2] == heights[2:]


def test_very_long_code_scrolls_inside(view: MarkdownView) -> None:
    view.display("```py\n" + "x = 1\n" * (MAX_LINES + 10) + "```")
    assert lay_out(view) < 800


def test_segments_out_of_sight_have_no_widgets(view: MarkdownView) -> None:
    view.display("\n\n".join(f"Paragraph {number} " + "word " * 80 for number in range(400)))
    view.lay_out(WIDTH)
    while view.reveal(0, 600):
        view.lay_out(WIDTH)
    assert 0 < len(view.findChildren(BlockText)) <= 4


def test_a_formula_is_typeset_and_one_that_does_not_parse_is_shown_as_source(
    view: MarkdownView, qtbot: QtBot
) -> None:
    view.display("$x^2$ and $\\frac{$ and `code` $y$\n\n| a |\n|---|\n| $\\frac{$ `b` |")
    lay_out(view)
    assert texts(view)[0] == "\ufffc and \ufffc and code \ufffc"
    with qtbot.waitSignal(view.reflowed):
        typeset(view, qtbot)
    assert texts(view)[0] == "\ufffc and \\frac{ and code \ufffc"
    for text in view.findChildren(MarkdownText):
        raw = text.document().toRawText()
        assert [raw[start:end] for start, end in text._code_spans] in (["code"], ["b"])


def test_a_known_formula_is_there_at_once_in_any_size_and_color(view: MarkdownView, qtbot: QtBot) -> None:
    view.display("$$\n\\frac{a}{b}\n$$")
    height = typeset(view, qtbot)
    light = view.grab().toImage()
    theme().set_mode("dark")
    theme().set_text_scale(1.5)
    try:
        view.restyle()
        assert not typesetting().is_busy
        assert lay_out(view) == pytest.approx(1.5 * height, abs=2)
        assert not typesetting().is_busy
        assert view.grab().toImage() != light
    finally:
        theme().set_mode("system")
        theme().set_text_scale(1.0)


def test_a_selected_formula_is_as_dark_as_selected_words(view: MarkdownView, qtbot: QtBot) -> None:
    view.display("$$\n\\blacksquare\n$$")
    typeset(view, qtbot)
    view.select((None, None))
    picture = view.grab().toImage()
    places = product(range(picture.width()), range(picture.height()))
    colors = {picture.pixelColor(x, y).name() for x, y in places}
    assert theme().color("select").name() in colors
    assert theme().color("text").name() in colors


def test_a_formula_that_comes_changes_no_character_of_the_document(view: MarkdownView, qtbot: QtBot) -> None:
    view.display("a $\\sum_{k=1}^{7} k$ b\n\n$$\n\\frac{\\frac{1}{7}}{2}\n$$\n\nc")
    before = lay_out(view)
    (text,) = view.findChildren(BlockText)
    text.selectAll()
    written = text.toPlainText()
    after = typeset(view, qtbot)
    assert text.toPlainText() == written == "a \ufffc b\n\ufffc\nc"
    assert text.textCursor().selectedText().replace("\u2029", "\n") == written
    assert after > before


def test_a_formula_in_the_tail_is_its_source_until_it_is_complete(view: MarkdownView, qtbot: QtBot) -> None:
    view.feed("a\n\n$$\nx^2 +")
    lay_out(view)
    assert texts(view) == ["a\nx^2 +"]
    view.feed(" y\n$$\n\nb $\\bad{$ c $z$")
    typeset(view, qtbot)
    assert texts(view) == ["a\n\ufffc\nb \\bad{ c \ufffc"]
    view.feed(" d")
    typeset(view, qtbot)
    assert texts(view) == ["a\n\ufffc\nb \\bad{ c \ufffc d"]


def test_a_copied_selection_holds_formulas_as_tex(view: MarkdownView) -> None:
    view.display("so $x^2$ is")
    lay_out(view)
    (text,) = view.findChildren(BlockText)
    text.selectAll()
    text.copy()
    assert QGuiApplication.clipboard().text() == "so $x^2$ is"


def test_only_safe_links_are_reported_and_none_is_followed(view: MarkdownView, qtbot: QtBot) -> None:
    view.display("[a](https://e.org/x) [b](javascript:x) [c](file:///etc/passwd)")
    lay_out(view)
    (text,) = view.findChildren(BlockText)
    reported: list[str] = []
    view.link_activated.connect(reported.append)
    for url in ("https://e.org/x", "javascript:x", "file:///etc/passwd"):
        text.anchorClicked.emit(QUrl(url))
    assert reported == ["https://e.org/x"]
    assert text.anchorAt(text.cursorRect().center() + QPointF(4, 0).toPoint()) == "https://e.org/x"
    assert "javascript" not in text.toHtml().split("href=")[1].split(">")[0]


def test_no_document_ever_loads_anything(view: MarkdownView, tmp_path: Path) -> None:
    picture = tmp_path / "x.png"
    picture.write_bytes(b"not a picture")
    view.display(f"![x]({picture.as_uri()}) <img src='{picture}'> ![y](https://e.org/y.png)")
    lay_out(view)
    (text,) = view.findChildren(BlockText)
    kind = QTextDocument.ResourceType.ImageResource
    assert text.loadResource(kind.value, QUrl(picture.as_uri())) is None
    assert texts(view) == [f"[Image: x] <img src='{picture}'> [Image: y, e.org]"]


def blocks_of(document: QTextDocument) -> Iterator[QTextBlock]:
    block = document.firstBlock()
    while block.isValid():
        yield block
        block = block.next()


def test_columns_that_need_little_keep_it_and_wide_ones_share_the_rest() -> None:
    assert fitted_widths([Need(50, 48), Need(100, 48)], 400) == [50, 350]
    assert fitted_widths([Need(50, 48), Need(1000, 48), Need(1000, 48)], 450) == [50, 200, 200]
    assert fitted_widths([Need(50, 48), Need(1000, 300), Need(1000, 48)], 450) == [50, 300, 100]
    assert sum(fitted_widths([Need(100, 48)] * 7, 450)) == 450
    assert sum(fitted_widths([Need(100, 48)] * 20, 450)) == 20 * 48


def test_no_word_of_a_wide_table_is_broken_before_it_scrolls_sideways(view: MarkdownView) -> None:
    cells = ["another long cell", "internationally", "https://example.org/" + "x" * 80, "\u4e2d" * 60]
    view.display(f"| {' | '.join(cells)} |\n|{'---|' * 4}\n| {' | '.join(cells)} |")
    lay_out(view, 300)
    (table,) = view.findChildren(TableText)
    lines = [
        block.text()[line.textStart() : line.textStart() + line.textLength()].strip()
        for block in blocks_of(table.document())
        for line in (block.layout().lineAt(index) for index in range(block.layout().lineCount()))
    ]
    assert {"another", "long", "cell", "internationally"} <= set(lines)
    assert table.horizontalScrollBar().maximum() > 0
    assert (
        table.horizontalScrollBar().maximum() < 200
    )  # neither the address nor Chinese takes a line of its own


def test_a_table_grows_by_rows(view: MarkdownView) -> None:
    view.feed("| a | b |\n|---|---|\n| 1 | x |\n")
    first = lay_out(view)
    (table,) = view.findChildren(TableText)
    for number in range(10):
        view.feed(f"| {number} | y |\n")
        lay_out(view)
    assert view.findChildren(TableText) == [table]
    view.finish()
    assert lay_out(view) - first == pytest.approx(10 * 31, abs=12)


HOSTILE_ANSWERS = [
    "x" * 100_000,
    "word " * 20_000,
    "> " * 1000 + "x",
    "- " * 1000 + "x",
    "|a|b|\n|-|-|\n" + "|1|2|\n" * 10_000,
    "```py\n" + "(" * 50_000 + "\n```",
    "```\n" + "x\n" * 100_000 + "```",
    "$" + "{" * 1900 + "$",
    "\u202eevil\u2066 \ufdd0\ufdd1\ufffc\u2029\u2028 \x0b\x0c\x85 \ud800 \0",
    "<iframe src=//e.org><style>*{display:none}</style><img onerror=x src=x>",
    "x" * 500_000,
]


@pytest.mark.parametrize("text", HOSTILE_ANSWERS, ids=range(len(HOSTILE_ANSWERS)))
def test_a_hostile_answer_comes_on_the_screen_and_stays_in_its_column(view: MarkdownView, text: str) -> None:
    view.display(text)
    height = view.lay_out(WIDTH)
    while view.reveal(0, 800):
        height = view.lay_out(WIDTH)
    view.resize(WIDTH, min(height, 800))
    view.grab()
    assert all(child.width() <= WIDTH for child in view.findChildren(MarkdownText))


def test_right_to_left_paragraphs_stand_at_the_right_and_code_does_not(view: MarkdownView) -> None:
    view.display("שלום\n\nhello\n\n```\nשלום = 1\n```")
    lay_out(view)
    (text,) = view.findChildren(BlockText)
    block = text.document().firstBlock()
    assert block.textDirection() == Qt.LayoutDirection.RightToLeft
    assert block.next().textDirection() == Qt.LayoutDirection.LeftToRight


def documents(view: MarkdownView) -> list[str]:
    """Everything that is shown: of each segment its document, of a table or code the contents."""
    lay_out(view)
    shown = []
    for widget in sorted(view.findChildren(QWidget), key=QWidget.y):
        if isinstance(widget, BlockText | TableText) and not widget.isHidden():
            shown.append(widget.document().toHtml())
        elif isinstance(widget, CodeView) and not widget.isHidden():
            shown.append(widget.code)
    return shown


@settings(max_examples=40, deadline=None)
@given(text=MARKDOWN, limit=LIMITS, data=st.data())
def test_any_cut_ends_in_the_same_documents(
    qapp: QApplication, text: str, limit: int | None, data: st.DataObject
) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=8)))
    with small(limit):
        streamed, whole = MarkdownView(), MarkdownView()
        try:
            for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True):
                streamed.feed(text[start:end])
                lay_out(streamed)
            streamed.finish()
            whole.display(text)
            assert documents(streamed) == documents(whole)
            assert streamed.text() == whole.text()
        finally:
            for view in (streamed, whole):
                view.deleteLater()
            QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def test_a_long_paragraph_is_laid_out_only_where_it_is_seen(view: MarkdownView) -> None:
    view.display("word " * 100_000)
    view.lay_out(WIDTH)
    while view.reveal(0, 600):
        view.lay_out(WIDTH)
    assert 0 < len(view.findChildren(BlockText)) <= 3
    assert view.text() == ("word " * 100_000).rstrip()


def test_a_paragraph_that_goes_on_leaves_no_gap(view: MarkdownView) -> None:
    view.display("\n".join(["line"] * (MAX_PARAGRAPH_LINES + 1)))
    one = lay_out(view)
    view.display("\n".join(["line"] * (MAX_PARAGRAPH_LINES)))
    assert one - lay_out(view) == pytest.approx(theme().line_height("body"), abs=1)


def test_a_rule_keeps_its_height_when_text_follows(view: MarkdownView) -> None:
    view.feed("a\n\n---\n\nb")
    lay_out(view)
    view.feed("c")
    streamed = lay_out(view)
    view.display("a\n\n---\n\nbc")
    assert lay_out(view) == streamed


def test_what_turns_text_around_is_nothing_in_prose_and_seen_in_code(view: MarkdownView) -> None:
    view.display("a \u202etxt.exe `b\u2066c` &#8238;d\n\n```\nx \u202e y\u2028z\n```")
    lay_out(view)
    assert texts(view) == ["a \u2060txt.exe b\ufffdc \u2060d"]
    (code,) = view.findChildren(CodeView)
    assert code.findChildren(QTextEdit)[0].toPlainText() == "x \ufffd y\u2424z"
    assert code.code == "x \u202e y\u2028z"


def test_control_characters_are_seen(view: MarkdownView) -> None:
    view.display("\x1b[31mred\x07 \x7f\x9b")
    lay_out(view)
    assert texts(view) == ["␛[31mred␇ ␡\ufffd"]


def test_marks_above_one_another_do_not_reach_without_end(view: MarkdownView) -> None:
    view.display("a" + "\u0301" * 300 + "b")
    lay_out(view)
    assert texts(view) == ["a" + "\u0301" * 20 + "\u2060" * 280 + "b"]


def test_a_table_of_hundreds_of_columns_is_text(view: MarkdownView) -> None:
    view.display("|h" * 500 + "|\n" + "|-" * 500 + "|\n")
    lay_out(view)
    assert not view.findChildren(TableText)


def test_a_word_of_many_spans_may_break(view: MarkdownView) -> None:
    view.display("".join(f"[^{number}]" for number in range(200)))
    lay_out(view)
    (shown,) = view.findChildren(BlockText)
    assert shown.document().firstBlock().text().count(BREAK_HERE) >= 4
    assert view.blocks()[0] == parse(view.source)[0]


def test_a_long_run_without_width_is_seen_and_the_spelling_of_a_word_or_a_flag_is_not() -> None:
    flag = "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f"
    assert clean_text(f"a\u200db {flag}") == f"a\u200db {flag}"
    assert clean_text("a" + "\u200b\u2060" * 20 + "b") == "a" + "\ufffd" * 40 + "b"
