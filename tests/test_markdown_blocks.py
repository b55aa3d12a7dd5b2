"""The block splitter: what models write, at any cut."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drover import markdown_blocks
from drover.markdown_blocks import (
    MAX_DEPTH,
    MAX_PARAGRAPH_CHARS,
    MAX_TABLE_ROWS,
    Block,
    BlockSplitter,
    CodeBlock,
    Heading,
    Item,
    MathBlock,
    Paragraph,
    Quote,
    Rule,
    Table,
    parse,
)


def contents(text: str) -> list[object]:
    return [block.content for block in parse(text)]


def depths(text: str) -> list[tuple[str, int]]:
    return [(getattr(block.content, "text", ""), len(block.containers)) for block in parse(text)]


def numbers(text: str) -> list[int | None]:
    items = [block.containers[-1] for block in parse(text) if block.opened]
    return [item.number for item in items if isinstance(item, Item)]


def test_paragraphs_are_parted_by_blank_lines() -> None:
    assert contents("one\nstill one\n\ntwo") == [Paragraph("one\nstill one"), Paragraph("two")]


def test_a_line_that_is_an_image_stands_alone() -> None:
    text = "A cat:\n![a cat](c.png)\n![](d.png)  \nand\nmore\n\ninside ![x](e.png)\n![x](f.png) here"
    assert contents(text) == [
        Paragraph("A cat:"),
        Paragraph("![a cat](c.png)"),
        Paragraph("![](d.png)"),
        Paragraph("and\nmore"),
        Paragraph("inside ![x](e.png)\n![x](f.png) here"),
    ]
    item, image = parse("- see\n  ![a](b)")
    assert (item.opened, image.opened) == (1, 0)
    assert item.containers == image.containers


def test_headings_of_both_kinds() -> None:
    text = "# One #\n###### Six\nTwo\n---\nTop\n===\n#no"
    assert contents(text) == [
        Heading(1, "One"),
        Heading(6, "Six"),
        Heading(2, "Two"),
        Heading(1, "Top"),
        Paragraph("#no"),
    ]


def test_a_rule_needs_no_blank_line_unless_it_could_be_an_underline() -> None:
    assert contents("***\na\n* * *\n___") == [Rule(), Paragraph("a"), Rule(), Rule()]


@pytest.mark.parametrize("fence", ["```", "~~~", "````"])
def test_a_fence_ends_at_a_line_of_the_same_kind(fence: str) -> None:
    text = f"{fence}python title\nx\n``\n\ny\n{fence}\nafter"
    assert contents(text) == [CodeBlock("python", "x\n``\n\ny", True), Paragraph("after")]


def test_an_unclosed_fence_runs_to_the_end_and_says_so() -> None:
    assert contents("```sh\nls\n\n# no heading") == [CodeBlock("sh", "ls\n\n# no heading", False)]


def test_tabs_and_spaces_inside_code_are_kept() -> None:
    assert contents("```\n\tone\n  two  \n```") == [CodeBlock("", "\tone\n  two  ", True)]


def test_a_fence_in_a_list_loses_the_indentation_of_the_list_only() -> None:
    text = "1. Do:\n   ```py\n   if x:\n       y\n   ```\n   then"
    blocks = parse(text)
    assert [block.content for block in blocks] == [
        Paragraph("Do:"),
        CodeBlock("py", "if x:\n    y", True),
        Paragraph("then"),
    ]
    assert all(isinstance(block.containers[0], Item) for block in blocks)


def test_a_fence_in_a_list_survives_code_that_is_not_indented() -> None:
    text = "- Do:\n  ```py\ndef f():\n    pass\n  ```\n- next"
    assert contents(text) == [
        Paragraph("Do:"),
        CodeBlock("py", "def f():\n    pass", True),
        Paragraph("next"),
    ]


@pytest.mark.parametrize("indent", [2, 3, 4])
@pytest.mark.parametrize("marker", ["-", "1."])
def test_lists_nest_from_two_columns_on(indent: int, marker: str) -> None:
    text = f"{marker} a\n{' ' * indent}- b\n{' ' * 2 * indent}- c\n{marker} d"
    assert depths(text) == [("a", 1), ("b", 2), ("c", 3), ("d", 1)]


def test_a_list_may_follow_a_paragraph_line_directly() -> None:
    assert depths("Steps:\n- a\n- b\n\nend") == [("Steps:", 0), ("a", 1), ("b", 1), ("end", 0)]


def test_a_year_at_the_start_of_a_line_is_no_list() -> None:
    assert contents("It happened in\n1998. Really.") == [Paragraph("It happened in\n1998. Really.")]


def test_numbers_count_on_where_all_are_written_as_one() -> None:
    assert numbers("1. a\n1. b\n\n   more\n1. c") == [1, 2, 3]


def test_a_list_interrupted_by_code_goes_on_with_its_own_numbers() -> None:
    assert numbers("1. a\n```\nx\n```\n2. b") == [1, 2]


def test_task_items_carry_their_state() -> None:
    items = [block.containers[-1] for block in parse("- [x] a\n- [ ] b\n- c")]
    assert items == [Item(None, is_checked=True), Item(None, is_checked=False), Item(None)]


def test_an_empty_item_still_shows() -> None:
    blocks = parse("- a\n-\n- b")
    assert [block.content for block in blocks] == [Paragraph("a"), Paragraph(""), Paragraph("b")]
    assert [block.opened for block in blocks] == [1, 1, 1]


def test_quotes_nest_and_continue_lazily() -> None:
    blocks = parse("> a\nlazy\n>\n> > b\n\nc")
    assert [(block.content, block.containers) for block in blocks] == [
        (Paragraph("a\nlazy"), (Quote(),)),
        (Paragraph("b"), (Quote(), Quote())),
        (Paragraph("c"), ()),
    ]


def test_a_table_with_alignments_and_escaped_bars() -> None:
    text = "intro\n| a | b | c |\n|:--|:-:|--:|\n| 1 | x \\| y | `z` |\n| short |\n\nafter"
    assert contents(text) == [
        Paragraph("intro"),
        Table(
            ("a", "b", "c"),
            ("left", "center", "right"),
            (("1", "x | y", "`z`"), ("short", "", "")),
        ),
        Paragraph("after"),
    ]


def test_a_row_of_dashes_with_another_number_of_cells_makes_no_table() -> None:
    assert contents("a | b\n---|---|---") == [Paragraph("a | b\n---|---|---")]


def test_a_long_table_goes_on_in_further_blocks() -> None:
    rows = MAX_TABLE_ROWS + 3
    first, second = contents("|a|\n|-|\n" + "|1|\n" * rows)
    assert isinstance(first, Table)
    assert isinstance(second, Table)
    assert (len(first.rows), len(second.rows), second.is_continued) == (MAX_TABLE_ROWS, 3, True)


@pytest.mark.parametrize(
    ("text", "tex"),
    [
        ("$$x = 1$$", "x = 1"),
        ("$$\nx\n$$.", "x ."),
        ("\\[\n\\frac{a}{b}\n\\]", "\\frac{a}{b}"),
        ("\\begin{align}\na\n\\end{align}", "\\begin{align}\na\n\\end{align}"),
    ],
)
def test_displayed_formulas(text: str, tex: str) -> None:
    assert contents(f"so\n{text}\nthus") == [Paragraph("so"), MathBlock(tex), Paragraph("thus")]


def test_a_formula_that_never_closes_is_text_again() -> None:
    assert contents("$$\nx = 1\n\nafter") == [Paragraph("$$\nx = 1"), Paragraph("after")]


def test_html_is_text() -> None:
    assert contents("<script>alert(1)</script>\n<div>") == [Paragraph("<script>alert(1)</script>\n<div>")]


def test_footnotes_keep_their_label() -> None:
    (block,) = parse("[^note]: the text")
    assert (block.content, block.containers) == (Paragraph("the text"), (Item(None, label="note"),))


def test_what_no_view_can_hold_is_replaced() -> None:
    assert contents("a\0b \ud800 \ud83d\ude00\r\nc") == [Paragraph("a\ufffdb \ufffd 😀\nc")]


def test_the_tail_holds_back_what_the_next_character_decides() -> None:
    splitter = BlockSplitter()
    splitter.feed("text\n-")
    assert splitter.tail == [Block(Paragraph("text"))]
    splitter.feed(" item")
    assert [block.content for block in splitter.tail] == [Paragraph("text"), Paragraph("item")]


def test_the_tail_shows_code_that_is_being_written() -> None:
    splitter = BlockSplitter()
    splitter.feed("```py\nx = 1\ny")
    assert [block.content for block in splitter.tail] == [CodeBlock("py", "x = 1\ny", False)]
    splitter.feed("\n``")
    assert [block.content for block in splitter.tail] == [CodeBlock("py", "x = 1\ny", False)]
    splitter.feed("`")
    splitter.finish()
    assert splitter.tail == []
    assert [block.content for block in splitter.settled] == [CodeBlock("py", "x = 1\ny", True)]


def source_of(blocks: list[Block]) -> str:
    """The text of paragraphs, those that go on put together again."""
    text = ""
    for block in blocks:
        assert isinstance(block.content, Paragraph)
        text += ("\n\n" if block.content.joint is None else block.content.joint) + block.content.text
    return text.removeprefix("\n\n")


@pytest.mark.parametrize(
    "text",
    [
        "word " * 5000 + "end",
        "x" * 20_000,
        "\n".join(f"line {number}" for number in range(500)),
        "**a** " * 3000 + "end",
        "a" * 100 + "\n" + "😀 é " * 4000 + "x",
    ],
)
def test_a_long_paragraph_goes_on_in_further_blocks_and_loses_nothing(text: str) -> None:
    blocks = parse(text)
    assert len(blocks) > 1
    assert all(len(block.content.text) <= MAX_PARAGRAPH_CHARS for block in blocks)  # type: ignore[union-attr]
    assert source_of(blocks) == text


def test_the_paragraph_of_an_item_goes_on_inside_the_item() -> None:
    first, second = parse("- " + "word " * 2000 + "end")
    assert (first.opened, second.opened) == (1, 0)
    assert first.containers == second.containers == (Item(None),)


def test_an_endless_line_settles_while_it_arrives() -> None:
    splitter = BlockSplitter()
    for _ in range(3000):
        splitter.feed("word ")
    assert len(splitter.settled) == 1
    arrived = [*splitter.settled, *splitter.tail]
    splitter.finish()
    assert source_of(arrived).rstrip() == source_of(splitter.settled) == ("word " * 3000).rstrip()


def test_the_data_of_a_picture_are_not_divided() -> None:
    picture = "![a cat](data:image/png;base64," + "iVBORw0KGgo" * 2000 + " 'title')"
    assert contents(picture) == [Paragraph(picture)]
    before, rest = contents(picture + " and so on" * 2000)[:2]
    assert before == Paragraph(picture)
    assert isinstance(rest, Paragraph)
    assert rest.joint == " "


def test_data_of_a_picture_that_were_wrapped_are_one_line() -> None:
    opening, middle = "![a cat](data:image/png;base64," + "iVBORw0KGgo+" * 6, ["/QAB" * 19] * 2000
    picture, then = contents("\n".join([opening, *middle, "   ABCD==)", "Then."]))
    assert picture == Paragraph(opening + "".join(middle) + "ABCD==)")
    assert isinstance(then, Paragraph)
    assert then.text == "Then."


def test_words_below_data_that_never_end_are_words() -> None:
    (shown,) = contents("![a](data:image/png;base64,iVBO\nHello, world.\n\n")
    assert shown == Paragraph("![a](data:image/png;base64,iVBO\nHello, world.")


def test_the_rest_of_an_endless_row_is_text() -> None:
    table, rest, *_ = contents("|a|\n|-|\n|" + "b " * 6000)
    assert isinstance(table, Table)
    assert isinstance(rest, Paragraph)


FRAGMENTS = [
    "- ", "* ", "1. ", "2) ", "  ", "    ", "\t", "> ", ">", "# ", "===", "---", "***", "```", "```py", "~~~",
    "| a | b |", "|---|--:|", "|", "$$", "\\[", "\\]", "\\begin{align}", "\\end{align}", "text", "[x] ",
    "[^1]: ", "![a](b)", "![a](b) ",
    "\n", "\n", "\n", "\n\n", "\r\n", "\r", "\0", "é", "😀", "\ud800", "\udc00", "`", "\\", "a b c", " ",
    "![x](data:image/png;base64,AAAA", "BBBBBBBB", "BB==\n", ")\n", ") ", "**", "\\begin{align}x",
]  # fmt: skip
MARKDOWN = st.lists(st.sampled_from(FRAGMENTS), max_size=40).map("".join)


LIMITS = st.sampled_from([None, 2, 3, 7, 20])


@contextmanager
def small(limit: int | None) -> Iterator[None]:
    """Inside, paragraphs, formulas and tables are divided after so many characters, lines or rows."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("MAX_PARAGRAPH_CHARS", "MAX_PARAGRAPH_LINES", "MAX_PARAGRAPH_MARKS", "_FORMULA_LIMIT",
                     "_DATA_REST", "MAX_TABLE_ROWS"):  # fmt: skip
            if limit is not None:
                patch.setattr(markdown_blocks, name, limit)
        yield


@settings(max_examples=300, deadline=None)
@given(text=MARKDOWN, limit=LIMITS, data=st.data())
def test_any_cut_gives_the_same_blocks_and_settled_ones_never_change(
    text: str, limit: int | None, data: st.DataObject
) -> None:
    with small(limit):
        check_cuts(text, data)


def check_cuts(text: str, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=12)))
    splitter = BlockSplitter()
    seen: list[Block] = []
    for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True):
        splitter.feed(text[start:end])
        before = list(splitter.settled)
        assert before[: len(seen)] == seen
        _ = splitter.tail
        assert splitter.settled == before
        seen = before
    splitter.finish()
    assert splitter.settled[: len(seen)] == seen
    assert splitter.settled == parse(text)
    assert splitter.tail == []


@settings(max_examples=200, deadline=None)
@given(text=MARKDOWN)
def test_the_tail_of_a_whole_text_is_what_settles(text: str) -> None:
    splitter = BlockSplitter()
    splitter.feed(text + "\n")
    shown = [*splitter.settled, *splitter.tail]
    splitter.finish()
    assert len(splitter.settled) >= len(shown) - 1


HOSTILE_TEXTS = [
    ">" * 100_000,
    "> " * 50_000 + "x",
    "- " * 50_000 + "x",
    "\n".join("> " * 1000 + "x" for _ in range(50)),
    "\n".join("  " * depth + "- x" for depth in range(1000)),
    "|a|b|\n|-|-|\n" + "|1|2|\n" * 10_000,
    "# " + " " * 100_000 + "x",
    "$$ x\n" * 10_000,
    "```\n" * 20_000,
    "|" * 50_000 + "\n" + "|-" * 50_000,
    "a\n" * 50_000,
    "- - - -" * 10_000 + "x",
]
"""Each would take time quadratic in its length if it were read carelessly."""


@pytest.mark.parametrize("text", HOSTILE_TEXTS, ids=range(len(HOSTILE_TEXTS)))
def test_hostile_input_has_limited_depth(text: str) -> None:
    blocks = parse(text)
    assert max(len(block.containers) for block in blocks) <= MAX_DEPTH


def test_the_tail_holds_the_length_of_an_image_on_its_way_and_not_its_data() -> None:
    splitter = BlockSplitter()
    data = "data:image/png;base64," + "iVBOR" * 2000
    splitter.feed(f"See ![a cat]({data}")
    (block,) = splitter.tail
    assert block.content == Paragraph(f"See ![a cat](data:image/png;base64;so-far={len(data)},")
    splitter.feed(") here")
    assert splitter.settled + splitter.tail == parse(f"See ![a cat]({data}) here")


def test_code_that_names_an_image_is_shown_as_it_comes() -> None:
    line = "![a cat](data:image/png;base64," + "iVBOR" * 2000
    splitter = BlockSplitter()
    splitter.feed(f"```md\n{line}")
    assert [block.content for block in splitter.tail] == [CodeBlock("md", line, False)]


def test_a_row_with_too_many_cells_loses_nothing() -> None:
    (table,) = contents("|a|b|\n|-|-|\n| `x|y` | z |\n| 1 | 2 | 3 | 4 |")
    assert isinstance(table, Table)
    assert table.rows == (("`x|y`", "z"), ("1", "2 | 3 | 4"))
