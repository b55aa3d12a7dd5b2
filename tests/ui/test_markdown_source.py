"""Parts of Markdown as text: what is whole is given as it came, what is cut means the same."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from drover.markdown_blocks import Block, CodeBlock, Heading, Paragraph, parse
from drover.ui.markdown_inline import Span, parse_inline
from drover.ui.markdown_source import inline_markdown, markdown, pieces_between, sliced

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
