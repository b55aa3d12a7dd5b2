"""Markdown on the clipboard: its source, and beside it rich text for programs that take that."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QMimeData
from PySide6.QtGui import QGuiApplication

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_MOST_CHARS = 50_000
# Python-Markdown takes time quadratic in the number of brackets; no honest answer comes near this many.
_MOST_BRACKETS = 500
_SAFE_LINKS = ("http://", "https://", "mailto:")


def copy(markdown_source: str) -> None:
    """Puts the source on the clipboard as plain text, and as HTML where that can be made quickly."""
    data = QMimeData()
    data.setText(markdown_source)
    if len(markdown_source) <= _MOST_CHARS and markdown_source.count("[") <= _MOST_BRACKETS:
        data.setHtml(rich(markdown_source))
    QGuiApplication.clipboard().setMimeData(data)


def rich(markdown_source: str) -> str:
    """The text as HTML. A model's own HTML is text in it, images are their words, links go to sites only."""
    from markdown import Markdown
    from markdown.treeprocessors import Treeprocessor

    class _OnlySafe(Treeprocessor):
        def run(self, root: Element) -> None:
            for element in root.iter():
                if element.tag == "img":
                    words = element.get("alt", "")
                    element.tag = "span"
                    element.attrib.clear()
                    element.text = words
                elif not element.get("href", "https://").lower().startswith(_SAFE_LINKS):
                    del element.attrib["href"]

    converter = Markdown(extensions=["tables", "fenced_code", "sane_lists"], output_format="html")
    converter.preprocessors.deregister("html_block")
    converter.inlinePatterns.deregister("html")
    converter.treeprocessors.register(_OnlySafe(converter), "only_safe", 1)
    return converter.convert(markdown_source)
