"""A conversation to be read elsewhere."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from tests.export.test_archive import record
from tests.pictures import data_url, png
from tests.store import values

from drover.domain.attachments import attachment_of
from drover.domain.conversation import Role, TextPart, ToolCallPart, ToolResultPart
from drover.domain.parameters import SamplingParameters
from drover.domain.record import AttachedFile, ConversationRecord
from drover.domain.run import Failure, FailureKind, RunStatus, Timing
from drover.errors import ConfigurationError
from drover.export.archive import archive, read_archive
from drover.export.documents import html_document, markdown_document
from drover.export.markdown_html import html_of


def whole() -> ConversationRecord:
    """A question, a thoughtful answer, and a failure."""
    parameters = SamplingParameters(temperature=0.2, stop=("END",), reasoning_effort="low")
    first = replace(
        values.ended(values.run("r1"), RunStatus.CUT), system_prompt="Be brief.\n", parameters=parameters,
        timing=Timing(reasoning_started_ms=100, reasoning_ended_ms=4200, total_ms=12_300), delta_count=42,
    )  # fmt: skip
    failure = Failure(kind=FailureKind.KEY, message="No <key>.", hint="Set one.")
    second = replace(
        values.ended(values.run("r2", answers="q2"), RunStatus.FAILED), failure=failure,
        parameters=SamplingParameters(), system_prompt="Be brief.\n",
    )  # fmt: skip
    call = ToolCallPart(call_id="1", name="look_up", arguments='{"a": "```"}')
    answer = values.reply(first, "It is **so**.\n", "Hm.\n\nWell.", at=2)
    return ConversationRecord(
        conversation=replace(values.conversation(title="Why <so>?"), head_id=second.message_id),
        messages=(
            values.question("q", "Why *this*?"),
            replace(answer, parts=(*answer.parts, call)),
            values.question("q2", "And?", after=answer.id, at=3),
            replace(values.reply(second, at=4), parts=(TextPart(text=""),)),
        ),
        runs=(first, second),
    )


def test_markdown_holds_every_text_verbatim() -> None:
    assert markdown_document([whole()]) == (
        "# Why <so>?\n\n## System prompt\n\nBe brief.\n\n## You\n\nWhy *this*?\n\n## m\n\n"
        "> *Thought for 4.1 s*\n>\n> Hm.\n>\n> Well.\n\nIt is **so**.\n\n"
        'look_up:\n\n````json\n{"a": "```"}\n````\n\n*Cut by the limit of tokens.*\n\n'
        '*Example · temperature 0.2 · reasoning_effort low · stop ["END"] · 42 tokens · 12 s*\n\n'
        "## You\n\nAnd?\n\n## m\n\n*No <key>. Set one.*\n\n*Example*\n"
    )


def test_pages_that_a_server_named_are_links_below_its_answer() -> None:
    known = whole()
    sources = (("https://a.example/b", "A <b>"), ("https://c.example/", ""), ("javascript:x", "No"))
    messages = [replace(m, sources=sources) if m.run_id == "r1" else m for m in known.messages]
    record = replace(known, messages=tuple(messages))

    links = "1. [A \\<b\\>, a.example](<https://a.example/b>)\n2. [c.example/](<https://c.example/>)"
    assert f"It is **so**.\n\n{links}\n3. " in markdown_document([record])
    page = html_document([record])
    assert '<li><a href="https://a.example/b">A &lt;b&gt;</a></li>' in page
    assert "<li>No</li>" in page


def test_results_of_tools_stand_where_they_were_given() -> None:
    run = values.ended(values.run("r1"), RunStatus.COMPLETE)
    reply = values.reply(run, "", "", at=2)
    results = replace(
        values.question("t", after=reply.id, at=3),
        role=Role.TOOL,
        parts=(
            ToolResultPart(call_id="1", name="now", text="12:00 <UTC>\n", ran="date -u"),
            ToolResultPart(call_id="2", name="ask", text="a ``` b"),
        ),
    )
    record = ConversationRecord(
        conversation=replace(values.conversation(title="When?"), head_id="t"),
        messages=(values.question("q", "When?"), reply, results),
        runs=(run,),
    )
    text = markdown_document([record])
    assert text.endswith(
        "## Tools\n\nnow, from date -u:\n\n```\n12:00 <UTC>\n```\n\nask:\n\n````\na ``` b\n````\n"
    )
    page = html_document([record])
    assert "<h2>Tools</h2>" in page
    assert "<p>now, from date -u:</p><pre><code>12:00 &lt;UTC&gt;\n</code></pre>" in page
    assert read_archive(archive([record])) == [record]


def test_a_page_is_whole_and_loads_nothing() -> None:
    page = html_document([whole()])
    assert "<title>Why &lt;so&gt;?</title>" in page
    assert "<summary>Thought for 4.1 s</summary>" in page
    assert "<p>It is <strong>so</strong>.</p>" in page
    assert '<p class="trouble">No &lt;key&gt;. Set one.</p>' in page
    assert not re.search(r"<script|<img|<link|<iframe|\ssrc=|url\(|@import", page)
    assert page.count("<article") == page.count("</article>") == 5


def test_only_the_shown_branch_is_to_be_read() -> None:
    text = markdown_document([record(), whole()])
    assert "two" not in text
    assert text.startswith("# Two answers\n\n## You\n\nWhy?\n\n## m\n\n> *Thinking*\n>\n> hm\n\none\n\n")
    assert "\n\n---\n\n# Why <so>?" in text
    assert "<hr>\n<h1>Why &lt;so&gt;?</h1>" in html_document([record(), whole()])


@pytest.mark.parametrize(
    "source",
    [
        "<script>alert(1)</script>",
        "a <img src=x onerror=alert(1)> b",
        "![pixel](https://tracker.example/p.png)",
        "![pixel][1]\n\n[1]: https://tracker.example/p.png",
        "[here](javascript:alert(1))",
        "[here](JaVaScRiPt:alert(1))",
        "[here](&#106;avascript:alert(1))",
        "[here](file:///etc/passwd)",
        "[here][1]\n\n[1]: data:text/html,x",
        "<javascript:alert(1)>",
        "`</code><script>alert(1)</script>`",
        "```<script>\n</code></pre><script>alert(1)</script>\n```",
        "\x02wzxhzdk:0\x03 \x02klzzwxh:0000\x03 <b>",
        "| <script>a</script> |\n|---|\n| <img src=x> |",
    ],
)
def test_nothing_that_a_model_writes_is_alive_on_a_page(source: str) -> None:
    html = html_of(source)
    assert "<script" not in html
    assert "<img" not in html
    assert "href" not in html
    assert not re.search(r"<[^>]*\son\w+=", html)


def test_markdown_of_all_kinds_is_set() -> None:
    source = "# A\n\n- b\n- c\n\n| d | e |\n|---|---|\n| 1 | 2 |\n\n```python\nif a < b:\n```\n\n"
    html = html_of(source + "[f](https://g.example)")
    for piece in (
        "<h1>A</h1>", "<li>b</li>", "<td>1</td>",
        '<pre><code class="language-python">if a &lt; b:\n</code></pre>',
        '<a href="https://g.example">f</a>',
    ):  # fmt: skip
        assert piece in html


@pytest.mark.parametrize(
    "source",
    [
        pytest.param("[" * 4000, id="brackets"),
        pytest.param("[" * 450 + "a" * 40_000, id="few brackets before a long paragraph"),
        pytest.param("\\``a" * 3000, id="escaped backticks"),
        pytest.param("*" * 5000, id="asterisks alone"),
        pytest.param("+ > " * 1000, id="quotes in lists"),
        pytest.param((">" * 200 + "a\n\n") * 100, id="deep quotes"),
        pytest.param("| a | b |\n|---|---|\n" + "|a|b|\n" * 8000, id="a long table"),
        pytest.param("a" * 60_000, id="length alone"),
    ],
)
def test_what_would_take_long_is_shown_as_it_was_written(source: str) -> None:
    assert html_of(source) == f'<pre class="source">{source.replace(">", "&gt;")}</pre>'


def with_attachments() -> ConversationRecord:
    """The record of the archive's tests, with a picture and a text on its first question."""
    whole = record()
    picture, notes = attachment_of('a"b.png', png()), attachment_of("notes.txt", b"hello")
    first, *rest = whole.messages
    attached = tuple(
        AttachedFile(hash=part.hash, content=raw) for part, raw in ((picture, png()), (notes, b"hello"))
    )
    return replace(
        whole, messages=(replace(first, parts=(picture, notes, *first.parts)), *rest), attached=attached
    )


def test_attachments_are_named_and_pictures_are_part_of_a_page() -> None:
    size = f"{len(png())} bytes"
    assert f'- a"b.png ({size})\n- notes.txt (5 bytes)' in markdown_document([with_attachments()])
    page = html_document([with_attachments()])
    assert f'<img src="{data_url(png())}" alt="a&quot;b.png">' in page
    assert "notes.txt (5 bytes)" in page


def test_an_archive_carries_the_bytes_and_notices_when_they_are_others() -> None:
    whole = with_attachments()
    (read,) = read_archive(archive([whole]))
    assert {file.hash: file.content for file in read.attached} == {
        file.hash: file.content for file in whole.attached
    }
    damaged = archive([whole]).replace(b'"hello"', b'"hullo"')
    with pytest.raises(ConfigurationError, match="damaged"):
        read_archive(damaged)
