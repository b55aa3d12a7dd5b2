"""The colours of code and the names of languages, as the child process tells them."""

from __future__ import annotations

import time
from array import array
from collections.abc import Mapping
from typing import Final

from PySide6.QtCore import QObject, QTimer
from PySide6.QtGui import QTextCharFormat, QTextDocument, QTextLayout

from drover.ui.markdown_look import clean_text
from drover.ui.theme import theme
from drover.ui.typesetter import CODE, LANGUAGE
from drover.ui.typesetting import Answer, Question, typesetting

_SLICE_S: Final = 0.0015
"""Setting formats; the layout that follows takes about as long again."""
_LONGEST_NAME: Final = 40

_NAMES: Final[Mapping[str, str]] = {
    "bash": "Bash", "c": "C", "c++": "C++", "cpp": "C++", "cs": "C#", "csharp": "C#", "css": "CSS",
    "diff": "Diff", "go": "Go", "html": "HTML", "java": "Java", "javascript": "JavaScript",
    "js": "JavaScript", "json": "JSON", "kotlin": "Kotlin", "lua": "Lua", "markdown": "Markdown",
    "md": "Markdown", "php": "PHP", "py": "Python", "python": "Python", "r": "R", "rb": "Ruby",
    "rs": "Rust", "ruby": "Ruby", "rust": "Rust", "sh": "Bash", "shell": "Bash", "sql": "SQL",
    "swift": "Swift", "toml": "TOML", "ts": "TypeScript", "typescript": "TypeScript", "xml": "XML",
    "yaml": "YAML", "yml": "YAML",
}  # fmt: skip
"""What is written most: a header that is right at once."""


def language_question(word: str) -> Question | None:
    """What is asked for the name of a language; None where it is known anyway."""
    return None if word.lower() in _NAMES else Question(LANGUAGE, word)


def language_name(word: str) -> str:
    """What to call a language on screen, as far as is known by now: "Python" for `py`."""
    question = language_question(word)
    if question is None:
        return _NAMES[word.lower()]
    answer = typesetting().kept(question)
    name = str(answer.facts.get("name") or "") if answer is not None else ""
    return name or clean_text(word[:1].upper() + word[1:])[:_LONGEST_NAME]


def code_question(code: str, language: str) -> Question:
    """What is asked for the colours of code."""
    return Question(CODE, code, language)


class Highlighter(QObject):
    """Colours the lines of a document piece by piece. Text, layout and height stay as they are."""

    def __init__(self, document: QTextDocument, answer: Answer, parent: QObject) -> None:
        """`answer` is that to the `code_question` of the document's text."""
        super().__init__(parent)
        self._document = document
        self._spans = array("i", answer.payload)
        self._formats = [_format(token) for token in answer.facts.get("tokens", ())]
        self._next = 0
        self._timer = QTimer(self, singleShot=True, interval=0)
        self._timer.timeout.connect(self._go_on)
        self._go_on()

    @property
    def is_done(self) -> bool:
        """Whether everything has its colour."""
        return self._next >= len(self._spans)

    def _go_on(self) -> None:
        if self.is_done:
            return
        deadline_s = time.perf_counter() + _SLICE_S
        block = self._document.findBlockByNumber(self._spans[self._next])
        start = end = block.position()
        while not self.is_done and block.isValid():
            line = self._spans[self._next]
            for _ in range(line - block.blockNumber()):
                block = block.next()
            block.layout().setFormats(self._ranges(line))
            end = block.position() + block.length()
            if time.perf_counter() > deadline_s:
                break
        self._document.markContentsDirty(start, end - start)
        if not self.is_done:
            self._timer.start()

    def _ranges(self, line: int) -> list[QTextLayout.FormatRange]:
        """What is to be coloured in the next line."""
        spans, ranges, at = self._spans, [], self._next
        while at < len(spans) and spans[at] == line:
            piece = QTextLayout.FormatRange()
            piece.start, piece.length, piece.format = (
                spans[at + 1],
                spans[at + 2],
                self._formats[spans[at + 3]],
            )
            ranges.append(piece)
            at += 4
        self._next = at
        return ranges


def _format(token: str) -> QTextCharFormat:
    colored = QTextCharFormat()
    colored.setForeground(theme().color(token))
    return colored
