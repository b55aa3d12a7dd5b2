"""Inline Markdown: spans, links that may be offered, and input meant to hurt."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drover.ui.markdown_inline import Span, SpanKind, Style, parse_inline, pictures_in, plain_text, safe_link

BOLD, ITALIC, STRIKE = Style.BOLD, Style.ITALIC, Style.STRIKE


def test_emphasis_nests_and_keeps_to_words() -> None:
    assert parse_inline("a **b *c*** ~~d~~ snake_case 2 * 3") == [
        Span("a "),
        Span("b ", style=BOLD),
        Span("c", style=BOLD | ITALIC),
        Span(" "),
        Span("d", style=STRIKE),
        Span(" snake_case 2 * 3"),
    ]


def test_bold_may_end_in_punctuation_before_a_letter() -> None:
    assert parse_inline("**Note:**text **“引用”**文字")[:1] == [Span("Note:", style=BOLD)]
    assert Span("“引用”", style=BOLD) in parse_inline("**“引用”**文字")


def test_code_is_literal() -> None:
    assert parse_inline("`*a*` and `` b`c ``") == [
        Span("*a*", SpanKind.CODE),
        Span(" and "),
        Span("b`c", SpanKind.CODE),
    ]


@pytest.mark.parametrize(
    ("text", "formulas"),
    [
        ("$5 and $6", []),
        ("it costs $5, so $x^2$ is", ["x^2"]),
        ("\\(a\\) and $b$", ["a", "b"]),
        ("`$a` costs $b", []),
        ("$ a $", []),
        ("\\$a$", []),
        ("so $$c$$ is", ["c"]),
    ],
)
def test_formulas_follow_the_rule_of_pandoc(text: str, formulas: list[str]) -> None:
    maths = (SpanKind.MATH, SpanKind.DISPLAY_MATH)
    assert [span.text for span in parse_inline(text) if span.kind in maths] == formulas


def test_links_of_all_kinds() -> None:
    text = '[a](https://e.org/x "t") <https://e.org> www.e.org, https://e.org/a_(b). <me@e.org>'
    assert [(span.text, span.link) for span in parse_inline(text) if span.link] == [
        ("a", "https://e.org/x"),
        ("https://e.org", "https://e.org"),
        ("www.e.org", "http://www.e.org"),
        ("https://e.org/a_(b)", "https://e.org/a_(b)"),
        ("me@e.org", "mailto:me@e.org"),
    ]


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "file:///etc/passwd",
        "data:text/html,x",
        "JaVaScRiPt:x",
        "vbscript:x",
        "a.md",
        "",
    ],
)
def test_other_schemes_are_never_links(url: str) -> None:
    assert safe_link(url) == ""
    assert all(not span.link for span in parse_inline(f"[click]({url}) and <{url}>"))


def test_an_image_is_words_and_an_address() -> None:
    assert parse_inline("![a *cat*](https://e.org/c.png)")[0].kind is SpanKind.IMAGE


def test_html_is_text_and_entities_are_characters() -> None:
    assert parse_inline("<b>x</b> &lt;&amp;&nonsense;") == [Span("<b>x</b> <&&nonsense;")]
    assert parse_inline("a<br>b", breaks_at_tags=True) == [Span("a"), Span("\n", SpanKind.BREAK), Span("b")]


def test_a_line_break_is_kept() -> None:
    assert plain_text(parse_inline("a  \nb\\\nc\nd")) == "a\nb\nc\nd"


def test_an_open_text_shows_bold_and_code_that_have_only_begun() -> None:
    assert parse_inline("**bo `co", is_open=True) == [
        Span("bo ", style=BOLD),
        Span("co", SpanKind.CODE, BOLD),
    ]


PIECES = ["*", "**", "_", "~~", "`", "``", "[", "](", "](https://e.org)", ")", "![", "$", "$$", "\\(", "\\)",
          "<", ">",
          "&amp;", "\\", " ", "a", "é", "\n", "https://e.org", "[^1]", '"']  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=40).map("".join))
def test_any_text_gives_spans_that_invent_nothing(text: str) -> None:
    spans = parse_inline(text)
    assert all(not span.link or span.kind is SpanKind.IMAGE or safe_link(span.link) for span in spans)
    assert len(plain_text(spans)) <= len(text) + text.count("&amp;")


HOSTILE_TEXTS = [
    "[" * 100_000, "[a](" * 25_000, "[](" * 30_000, "*" * 100_000, "**a " * 25_000, "_a" * 50_000,
    "`a``b" * 20_000,
    "<" * 100_000, "$a " * 30_000, "\\(" * 50_000, "![" * 50_000, "*_~[`$" * 16_000,
    "https://a.b/" + ")" * 100_000,
    "](a '" * 20_000, "~~a " * 25_000, "&" * 100_000, "![](data:image/" * 70_000]  # fmt: skip
"""Each would take time quadratic in its length if it were read carelessly."""


@pytest.mark.parametrize("text", HOSTILE_TEXTS, ids=range(len(HOSTILE_TEXTS)))
def test_hostile_text_is_read_to_its_end(text: str) -> None:
    assert parse_inline(text)


def test_a_backtick_behind_an_escaped_one_is_text() -> None:
    assert "".join(span.text for span in parse_inline("\\``")) == "``"


DATA = "data:image/png;base64," + "iVBORw0KGgo+/" * 20_000 + "=="


def test_the_data_of_an_image_may_be_of_any_length() -> None:
    (span, rest) = parse_inline(f'![a cat]({DATA} "tip"), see')
    assert (span.kind, span.text, span.link) == (SpanKind.IMAGE, "a cat", DATA)
    assert rest.text == ", see"


@pytest.mark.parametrize("is_open", [True, False])
def test_data_without_an_end_are_an_image_on_its_way_and_never_text(is_open: bool) -> None:
    before, span = parse_inline(f"See ![a cat]({DATA}", is_open=is_open)
    assert before.text == "See "
    assert (span.kind, span.text, span.link) == (SpanKind.PARTIAL_IMAGE, "a cat", DATA)


def test_images_alone_in_a_paragraph_are_pictures() -> None:
    text = "![](https://e.org/a.png) ![b](http://e.org/b.png)\n![c](data:image/png;base64,AA==)"
    assert [span.text for span in pictures_in(text)] == ["", "b", "c"]
    for other in ("![a](https://e.org/a.png) is", "is ![a](https://e.org/a.png)", "![a](file:///a.png)", "",
                  "![a](a.png)", "![a](javascript:x)", "![a](data:image/png;base64,AA", "![a]"):  # fmt: skip
        assert pictures_in(other) == []


@pytest.mark.parametrize(
    "url",
    [
        "https://e.org\\@evil.example/",
        "https://e.org/\u202egpj.exe",
        "https://e\u200b.org",
        "https://e.org/\u2066x",
        "https://e.org/\x7f",
        "https://",
    ],
)
def test_an_address_that_is_not_what_it_seems_is_no_link(url: str) -> None:
    assert safe_link(url) == ""


def test_an_address_of_mail_is_a_link_wherever_it_stands() -> None:
    text = "Ask me@e.org, a.b+c@d-e.co.uk. Not x@y, a_me@e.org, git@e.org:a/b or https://u@e.org/x"
    links = [span.link for span in parse_inline(text) if span.link]
    assert links == ["mailto:me@e.org", "mailto:a.b+c@d-e.co.uk", "https://u@e.org/x"]
    assert plain_text(parse_inline(text)) == text


def test_an_escaped_link_is_no_formula() -> None:
    assert parse_inline("\\[x\\](y) and \\[z\\]") == [Span("[x](y) and "), Span("z", SpanKind.DISPLAY_MATH)]
