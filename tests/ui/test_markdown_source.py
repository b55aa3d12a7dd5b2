"""Parts of Markdown as text: what is whole is given as it came, what is cut means the same."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from drover.markdown_blocks import Block, CodeBlock, Heading, Paragraph, parse
from drover.ui.markdown_html import html
from drover.ui.markdown_inline import Span, parse_inline
from drover.ui.markdown_places import Place, shown_text
from drover.ui.markdown_source import inline_markdown, markdown, pieces_between, plain, sliced

LINES = [
    "Some words", "with **bold** and `code`", "", "", "- item", "- other", "  - nested", "  more of it",
    "1. one", "1. two", "5. five", "1) other list", "> quoted", "> > deeper", ">", "# Title", "## Sub #",
    "```py", "x = 1", "```", "~~~", "~~~~", "    indented", "---", "***", "===", "| a | b |",
    "|---|:-:|", "| 1 | `x\\|y` |", "$$", "a^2 + b", "\\[x\\]", "- [ ] task", "- [x] done", "[^1]: note",
    "10. ten", "-", "* star", "\\begin{align}", "$5 and $6", "a \\", "<div>",
]  # fmt: skip
sources = st.lists(st.sampled_from(LINES), max_size=12).map("\n".join)
PARTS = [
    "word", " ", "*", "**", "_", "`", "``", "~~", "[", "](https://x.y/z)", "]", "(", ")", "$", "$$",
    "\\", "\\(x\\)", "<", "&amp;", "&lt;", "https://a.b/c", "www.x.y", "![alt](https://x.y)", "[^1]",
    "\n", "5", "!", "é", "_b_", "**c** d", "*e*f",
]  # fmt: skip
inlines = st.lists(st.sampled_from(PARTS), max_size=10).map("".join)


def known(block: Block) -> tuple[object, object]:
    content = block.content
    if isinstance(content, Paragraph | Heading):
        return (type(content), visible(parse_inline(content.text))), block.containers
    return (replace(content, is_closed=True) if isinstance(content, CodeBlock) else content), block.containers


def visible(spans: list[Span]) -> list[Span]:
    """Character by character; the look of white space is not seen."""
    return [
        Span(each) if each.isspace() else Span(each, span.kind, span.style, span.link)
        for span in spans
        for each in (span.text if span.kind.value == "text" else [span.text])
    ]


@settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
@given(sources)
def test_whole_blocks_written_anew_are_the_same_blocks(source: str) -> None:
    blocks = parse(source)
    written = markdown(pieces_between([*blocks, Block(Paragraph("."))], None, None))
    assert [known(block) for block in parse(written)][:-1] == [known(block) for block in blocks]


@settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
@given(inlines, st.integers(0, 30), st.integers(0, 30))
def test_running_text_that_is_cut_keeps_its_words_and_their_look(
    source: str, start: int, length: int
) -> None:
    spans = sliced(parse_inline(source.strip()), start, start + length)
    written = inline_markdown(spans)
    assert visible(parse_inline(written)) == visible(spans)


@settings(deadline=None, max_examples=200, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
@given(sources, st.integers(0, 8), st.integers(0, 12), st.integers(0, 4), st.integers(0, 20))
def test_any_part_of_any_text_keeps_its_words(
    source: str, block: int, offset: int, more: int, end: int
) -> None:
    blocks = parse(source)
    pieces = pieces_between(blocks, Place(block, offset), Place(block + more, end if more else offset + end))
    if len(pieces) < 2:
        html(pieces) if pieces else None
        return
    seen = [letters(plain([piece])) for piece in pieces]
    assert letters("".join(shown_text(found) for found in parse(markdown(pieces)))) == "".join(seen)
    assert "".join(seen) in letters(plain(pieces)) or any(piece.block.containers for piece in pieces)
    assert html(pieces).count("<li>") == html(pieces).count("</li>")


def letters(text: str) -> str:
    return "".join(filter(str.isalpha, text.replace("\ufffc", "")))


SOURCE = """# Title

1. one **two three**
2. four

   five

> six seven

| a | b |
|:--|--:|
| *c* | d |
| e | f |

```py
x = [1]
```
"""


def part(first: tuple[int, int], last: tuple[int, int]) -> tuple[str, str, str]:
    """Markdown, HTML and plain text."""
    pieces = pieces_between(parse(SOURCE), Place(*first), Place(*last))
    return markdown(pieces), html(pieces), plain(pieces)


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        ((0, 1), (0, 3), ("it", "it", "it")),
        ((1, 6), (1, 13), ("**o three**", "<strong>o three</strong>", "o three")),
        ((6, 0), (6, 3), ("x =", '<pre><code class="language-py">x =\n</code></pre>', "x =")),
        (
            (1, 4),
            (3, 2),
            (
                "1. **two three**\n2. four\n\n   fi",
                "<ol><li><strong>two three</strong></li><li>four<p>fi</p></li></ol>",
                "1. two three\n2. four\n\n   fi",
            ),
        ),
    ],
)
def test_a_part_of_a_text(
    first: tuple[int, int], last: tuple[int, int], expected: tuple[str, str, str]
) -> None:
    assert part(first, last) == expected


def test_what_stands_around_all_of_a_part_is_left_out() -> None:
    assert part((2, 0), (3, 4))[0] == "2. four\n\n   five"
    blocks = parse("> one\n>\n> two\n")
    assert markdown(pieces_between(blocks, Place(0, 1), Place(1, 3))) == "ne\n\ntwo"


def test_a_table_is_cut_by_rows_where_the_selection_goes_on() -> None:
    text, rich, seen = part((5, 8), (6, 1))
    assert text == "|  |  |\n| :--- | ---: |\n| e | f |\n\n```py\nx\n```"
    assert rich.startswith('<table><tbody><tr><td style="text-align:left">e</td>')
    assert seen == "e\tf\n\nx"


def test_cells_are_cut_as_a_rectangle_and_one_cell_by_its_characters() -> None:
    assert part((5, 2), (5, 7))[2] == "b\nd"
    assert part((5, 4), (5, 5))[0] == "*c*"


def test_a_long_paragraph_in_several_blocks_is_one_paragraph() -> None:
    source = ("Word **bold** more words. " * 1000).strip()
    blocks = parse(f"{source}\n\nend")
    assert len(blocks) > 3
    assert markdown(pieces_between(blocks, None, None)) == f"{source}\n\nend"
    assert html(pieces_between(blocks, None, None)).count("<p>") == 2
    assert markdown(pieces_between(blocks, Place(0, 5), Place(1, 4))).startswith("**bold** more words. Word")
    assert "\n" not in plain(pieces_between(blocks, Place(0, 5), Place(1, 4)))
