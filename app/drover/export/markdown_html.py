"""A model's Markdown as HTML that is safe to open, and that is made in bounded time."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import escape
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    from markdown.inlinepatterns import InlineProcessor

# Python-Markdown takes a time that grows with the square of some inputs. These bounds, which hardly any
# honest answer comes near, keep it at about 0.1 s for the worst that a model can write.
_MOST_CHARS: Final = 50_000
_MOST_MARKS: Final = 6_000
_MOST_WORK: Final = 5_000_000
_MARKS: Final = re.compile(r"[\n*_`\[|<&\\]")
_MOST_BRACKETS: Final = 400
_FURTHEST_LINK_END: Final = 600
_SPAN_MARKS: Final = re.compile(r"[\n*_`]")
_TOO_DEEP: Final = re.compile(r"^(?:[ ]*(?:[>+*-]|\d{1,9}\.)(?=[ >])){20}", re.MULTILINE)
_FENCE: Final = re.compile(r" {0,3}(`{3,}(?=[^`]*$)|~{3,})(.*)")
_SAFE_LINKS: Final = ("http://", "https://", "mailto:")


class _TakesTooLong(Exception):
    """The text is made to be slow."""


def html_of(markdown_source: str) -> str:
    """The text as HTML, or its source as preformatted text where that would take long.

    HTML in the source is text in the result, pictures are their words, links go to sites and mail only.
    """
    try:
        return _converted(markdown_source)
    except (_TakesTooLong, RecursionError):
        return f'<pre class="source">{escape(markdown_source, quote=False)}</pre>'


def _converted(markdown_source: str) -> str:
    if len(markdown_source) > _MOST_CHARS:
        raise _TakesTooLong
    from markdown import Markdown
    from markdown.inlinepatterns import LinkInlineProcessor
    from markdown.preprocessors import Preprocessor
    from markdown.treeprocessors import Treeprocessor

    class _Fences(Preprocessor):
        def run(self, lines: list[str]) -> list[str]:
            return _without_fenced_code(lines, self.md.htmlStash.store)

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

    class _OnlyQuick(Preprocessor):
        def run(self, lines: list[str]) -> list[str]:
            _check_work("\n".join(lines))
            return lines

    converter = Markdown(extensions=["tables", "sane_lists"], output_format="html")
    converter.preprocessors.deregister("html_block")
    converter.inlinePatterns.deregister("html")
    converter.preprocessors.register(_Fences(converter), "fences", 2)
    # After the fences, so that it sees no code, which is quick and full of brackets.
    converter.preprocessors.register(_OnlyQuick(converter), "only_quick", 1)
    for pattern in converter.inlinePatterns:
        if isinstance(pattern, LinkInlineProcessor):
            _look_near(pattern)
    converter.treeprocessors.register(_OnlySafe(converter), "only_safe", 1)
    # Two control characters mark what is put in later; in a text they would be taken for marks.
    return converter.convert(markdown_source.replace("\x02", "\ufffd").replace("\x03", "\ufffd"))


def _look_near(pattern: InlineProcessor) -> None:
    """From now on it looks for the end of a link near its beginning, not up to the end of the paragraph."""
    look = pattern.handleMatch

    def look_near(m: re.Match[str], data: str) -> tuple[Element | str | None, int | None, int | None]:
        return look(m, data[: m.end() + _FURTHEST_LINK_END])

    pattern.handleMatch = look_near  # type: ignore[method-assign]


def _without_fenced_code(lines: list[str], store: Callable[[str], str]) -> list[str]:
    """The lines with each fenced block put into the store, and what that gives for it in its place.

    Python-Markdown's own extension takes a time that is cubic in the blanks behind a fence, and knows neither
    a block without an end nor one that is indented.
    """
    kept: list[str] = []
    code: list[str] = []
    fence = language = ""
    for line in [*"\n".join(lines).rstrip("\n").split("\n"), None]:
        found = _FENCE.fullmatch(line or "")
        if not fence and found:
            fence, language = found[1], found[2].strip().partition(" ")[0]
        elif fence and (line is None or (found and found[1].startswith(fence) and not found[2].strip())):
            name = f' class="language-{escape(language)}"' if language else ""
            text = "".join(f"{escape(each, quote=False)}\n" for each in code)
            kept += ["", store(f"<pre><code{name}>{text}</code></pre>"), ""]
            code, fence = [], ""
        elif line is not None:
            (code if fence else kept).append(line)
    return [*kept, "", ""]


def _check_work(text: str) -> None:
    """Raises _TakesTooLong by bounds that were measured with the worst inputs.

    Every mark costs about the same, and a bracket some times that. Beside that, each line of a block (what
    stands between blank lines) may make the rest of the block be copied, and each span of code or emphasis
    makes it be searched again. Lists and quotes in one another are a recursion.
    """
    blocks = text.split("\n\n")
    if (
        len(_MARKS.findall(text)) > _MOST_MARKS
        or text.count("[") > _MOST_BRACKETS
        or sum(len(block) * len(_SPAN_MARKS.findall(block)) for block in blocks) > _MOST_WORK
        or _TOO_DEEP.search(text)
    ):
        raise _TakesTooLong
