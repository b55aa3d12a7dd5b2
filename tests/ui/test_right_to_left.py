"""Text that runs to the left stands at the right, paragraph by paragraph; code never does."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QTextCursor
from PySide6.QtWidgets import QTextEdit
from pytestqt.qtbot import QtBot

from drover.ui.markdown_text import BlockText
from drover.ui.markdown_view import MarkdownView
from drover.ui.theme import theme

TEXT = """שלום לכם

And English

> ציטוט

```python
# הערה
x = 1  # שלום
```

| א | ב |
|---|---|
| מלה | 12 |
| מלים | 340 |
"""
WIDTH = 600


@pytest.fixture
def shown(qtbot: QtBot) -> MarkdownView:
    made = MarkdownView()
    qtbot.addWidget(made)
    made.display(TEXT)
    made.resize(WIDTH, made.lay_out(WIDTH))
    made.reveal(0, 2000)
    made.resize(WIDTH, made.lay_out(WIDTH))
    made.show()
    return made


def x_of(edit: QTextEdit, words: str) -> int:
    """Where the first of these letters stands."""
    found = edit.document().find(words)
    assert not found.isNull(), words
    cursor = QTextCursor(edit.document())
    cursor.setPosition(found.selectionStart())
    return edit.cursorRect(cursor).x()


def text_with(view: MarkdownView, words: str) -> QTextEdit:
    return next(edit for edit in view.findChildren(QTextEdit) if words in edit.toPlainText())


def test_each_paragraph_begins_at_its_own_side(shown: MarkdownView) -> None:
    prose = text_with(shown, "English")
    assert x_of(prose, "שלום") > WIDTH - 10
    assert x_of(prose, "And") < 10


def test_a_quote_has_its_rule_where_its_lines_begin(shown: MarkdownView) -> None:
    prose = text_with(shown, "ציטוט")
    assert isinstance(prose, BlockText)
    y = prose.cursorRect(prose.document().find("ציטוט")).center().y()
    picture, line = prose.grab().toImage(), theme().color("line")

    def is_rule(x: int) -> bool:
        return QColor(picture.pixelColor(x, y)).rgb() == line.rgb()

    assert any(map(is_rule, range(WIDTH - 8, WIDTH)))
    assert not any(map(is_rule, range(8)))


def test_code_runs_to_the_right(shown: MarkdownView) -> None:
    code = text_with(shown, "x = 1")
    assert x_of(code, "#") < 10
    assert code.document().defaultTextOption().textDirection() == Qt.LayoutDirection.LeftToRight


def test_the_title_of_a_column_of_figures_stands_over_them(shown: MarkdownView) -> None:
    table = text_with(shown, "340")
    assert x_of(table, "ב") > WIDTH - 40
    assert x_of(table, "340") > WIDTH - 60
