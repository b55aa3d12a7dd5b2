"""What lands on the clipboard beside the Markdown source."""

from __future__ import annotations

import pytest
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication

from drover.ui import rich_copy
from drover.ui.rich_copy import Excerpt


def rich(source: str) -> str:
    made = rich_copy.as_html([Excerpt(author="", source=source)])
    assert made is not None
    return made


def test_the_source_is_the_plain_text_and_a_table_is_a_table(qapp: QApplication) -> None:
    source = "**Sum**\n\n| a | b |\n|---|---|\n| 1 | 2 |\n"
    rich_copy.copy(source)
    data = QGuiApplication.clipboard().mimeData()
    assert data.text() == source
    assert "<strong>Sum</strong>" in data.html()
    assert "<td>1</td>" in data.html()


@pytest.mark.parametrize(
    "source",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "![pixel](https://tracker.example/p.png)",
        "[here](javascript:alert(1))",
        "[here](file:///etc/passwd)",
        "[here][1]\n\n[1]: data:text/html,x",
    ],
)
def test_nothing_that_a_model_writes_is_alive_in_the_rich_text(source: str) -> None:
    html = rich(source)
    assert "<script" not in html
    assert "<img" not in html
    assert "href" not in html


def test_code_is_escaped_once() -> None:
    assert "if a &lt; b" in rich("```\nif a < b\n```")


PROSE = "It **holds** that `a < b`, and so [as was shown](https://example.org) _nothing_ follows (1).\n\n"
HONEST = (
    "## Result\n\n"
    + PROSE * 60
    + "".join(f"- item {number}: **bold** and `code`\n" for number in range(60))
    + "\n| n | n*n |\n|---|---|\n"
    + "".join(f"| {number} | {number * number} |\n" for number in range(60))
    + "\n```python\n"
    + "values[0] = [x > 1 for x in range(3)]  # a comment\n" * 600
    + "```\n"
)


@pytest.mark.parametrize("indent", ["", "   "])
def test_fenced_code_is_code_with_its_language(indent: str) -> None:
    html = rich(f"Run\n{indent}```python\n*a*\n\n~~~\n{indent}````\nthen *stop*.")
    assert '<pre><code class="language-python">*a*\n\n~~~\n</code></pre>' in html
    assert html.startswith("<p>Run</p>")
    assert html.endswith("<p>then <em>stop</em>.</p>")


def test_code_without_an_end_is_code_up_to_the_end() -> None:
    assert rich('~~~ "x><\n```\n*a*') == (
        '<pre><code class="language-&quot;x&gt;&lt;">```\n*a*\n</code></pre>'
    )


def test_three_backticks_around_words_are_no_fence() -> None:
    assert rich("```a``` b") == "<p><code>a</code> b</p>"


def test_blanks_behind_a_fence_cost_no_time() -> None:
    assert rich("~~~" + " " * 40_000).endswith("</pre>")


def test_a_link_is_found_after_many_brackets_without_an_end() -> None:
    html = rich("[" * 50 + " a " * 1000 + "[b](https://c.example)")
    assert html.endswith('<a href="https://c.example">b</a></p>')


def test_a_long_answer_with_long_code_is_copied_as_rich_text_too(qapp: QApplication) -> None:
    assert len(HONEST) > 35_000
    rich_copy.copy(HONEST)
    data = QGuiApplication.clipboard().mimeData()
    assert data.text() == HONEST
    assert data.html().count("<li>") == data.html().count("<tr>") - 1 == 60
    assert "values[0] = [x &gt; 1" in data.html()


@pytest.mark.parametrize(
    "source",
    [
        pytest.param("[" * 4000, id="brackets"),
        pytest.param("\\``a" * 3000, id="escaped backticks"),
        pytest.param("+ > " * 1000, id="quotes in lists"),
        pytest.param((">" * 200 + "a\n\n") * 100, id="deep quotes"),
        pytest.param("*a" * 20_000, id="asterisks"),
        pytest.param("| a | b |\n|---|---|\n" + "|a|b|\n" * 8000, id="a long table"),
    ],
)
def test_what_is_made_to_be_slow_is_rich_text_all_the_same(source: str, qapp: QApplication) -> None:
    rich_copy.copy(source)
    data = QGuiApplication.clipboard().mimeData()
    assert data.text() == source
    assert data.html().count("<tr>") == source.count("|\n") - source.count("-|\n")


def test_what_is_very_long_is_copied_as_plain_text_alone(qapp: QApplication) -> None:
    source = "Words of prose. " * 20_000
    rich_copy.copy(source)
    data = QGuiApplication.clipboard().mimeData()
    assert data.text() == source
    assert not data.hasHtml()


def test_several_messages_are_introduced_by_their_authors(qapp: QApplication) -> None:
    rich_copy.copy_excerpts([Excerpt(author="You", source="Why?"), Excerpt(author="model", source="*So.*\n")])
    data = QGuiApplication.clipboard().mimeData()
    assert data.text() == "**You:**\n\nWhy?\n\n**model:**\n\n*So.*"
    assert "<strong>You:</strong>" in data.html()
    assert "<p><em>So.</em></p>" in data.html()
