"""What lands on the clipboard beside the Markdown source."""

from __future__ import annotations

import pytest
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication

from drover.ui import rich_copy


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
    html = rich_copy.rich(source)
    assert "<script" not in html
    assert "<img" not in html
    assert "href" not in html


def test_code_is_escaped_once() -> None:
    assert "if a &lt; b" in rich_copy.rich("```\nif a < b\n```")


def test_what_would_take_long_is_copied_as_plain_text_alone(qapp: QApplication) -> None:
    source = "[" * 4000
    rich_copy.copy(source)
    assert QGuiApplication.clipboard().mimeData().text() == source
    assert not QGuiApplication.clipboard().mimeData().hasHtml()
