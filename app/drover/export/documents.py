"""The shown branch of a conversation, to be read: as Markdown, or as a page that needs nothing else."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape

from drover.domain.attachments import size_words
from drover.domain.conversation import (
    Attachment,
    ImagePart,
    Message,
    Role,
    ToolCallPart,
    ToolResultPart,
)
from drover.domain.parameters import ParameterValue, plain
from drover.domain.record import ConversationRecord
from drover.domain.run import Run, RunStatus
from drover.domain.source_list import sources_markdown
from drover.export.markdown_html import html_of

_MOST_INLINE_BYTES = 4_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    """One message with the words around it."""

    author: str
    is_person: bool
    system_prompt: str
    """What is said to the model from here on; empty if nothing new."""
    reasoning: str
    thought_words: str
    text: str
    attachments: tuple[Attachment, ...]
    calls: tuple[ToolCallPart, ...]
    results: tuple[ToolResultPart, ...]
    """Of the calls of the reply before."""
    sources: tuple[tuple[str, str], ...]
    """The pages that the server named, see `Message.sources`."""
    facts: str
    """Settings and figures of a reply, on one line."""
    trouble: str
    """What went wrong, or how it was cut."""


def markdown_document(records: Sequence[ConversationRecord]) -> str:
    """Every text verbatim. A thought is a quote; what was set and measured stands below each answer."""
    return "\n\n---\n\n".join("\n\n".join(_markdown_blocks(record)) for record in records) + "\n"


def html_document(records: Sequence[ConversationRecord]) -> str:
    """One page without scripts that loads nothing from anywhere."""
    titles = [escape(_title(record)) for record in records]
    sections = [
        "\n".join([f"<h1>{title}</h1>", *_articles(record)])
        for title, record in zip(titles, records, strict=True)
    ]
    title = titles[0] if len(titles) == 1 else "Conversations"
    return _PAGE.format(title=title, style=_STYLE, body="\n<hr>\n".join(sections))


def _title(record: ConversationRecord) -> str:
    return record.conversation.title or "Conversation"


def _markdown_blocks(record: ConversationRecord) -> Iterator[str]:
    yield f"# {_title(record)}"
    for entry in _entries(record):
        if entry.system_prompt:
            yield f"## System prompt\n\n{entry.system_prompt.strip()}"
        yield f"## {entry.author}"
        if entry.reasoning:
            yield _quoted(f"*{entry.thought_words}*\n\n{entry.reasoning.strip()}")
        if entry.attachments:
            yield "\n".join(f"- {_attachment_words(part)}" for part in entry.attachments)
        if entry.text.strip():
            yield entry.text.strip("\n")
        if entry.sources:
            yield sources_markdown(entry.sources)
        for call in entry.calls:
            yield _fenced(call.name, call.arguments, "json")
        for result in entry.results:
            yield _fenced(_result_words(result), result.text, "")
        yield from (f"*{words}*" for words in (entry.trouble, entry.facts) if words)


def _entries(record: ConversationRecord) -> Iterator[_Entry]:
    runs = {run.id: run for run in record.runs}
    system_prompt = ""
    branch = record.branch
    replies = [*branch[1:], None]
    for message, reply in zip(branch, replies, strict=True):
        run = runs.get(message.run_id or "")
        asking = runs.get(reply.run_id or "") if reply is not None else None
        told = asking.system_prompt if asking is not None else system_prompt
        yield _entry(message, run, told if told != system_prompt else "")
        system_prompt = told


def _entry(message: Message, run: Run | None, system_prompt: str) -> _Entry:
    is_person = message.role is Role.USER
    return _Entry(
        author=_author(message, run),
        is_person=is_person,
        system_prompt=system_prompt,
        reasoning=message.reasoning,
        thought_words=_thought_words(run),
        text=message.text,
        calls=message.tool_calls,
        results=message.tool_results,
        sources=message.sources,
        attachments=message.attachments,
        facts=_facts(run) if run is not None else "",
        trouble=_trouble(run) if run is not None else "",
    )


def _author(message: Message, run: Run | None) -> str:
    match message.role:
        case Role.USER:
            return "You"
        case Role.TOOL:
            return "Tools"
        case Role.ASSISTANT:
            return run.model_id if run is not None and run.model_id else "Assistant"


def _thought_words(run: Run | None) -> str:
    thought_ms = run.timing.reasoning_ms if run is not None else None
    return "Thinking" if thought_ms is None else f"Thought for {_seconds(thought_ms)}"


def _seconds(milliseconds: float) -> str:
    seconds = milliseconds / 1000
    return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"


def _facts(run: Run) -> str:
    facts = [f"{name} {_value_words(value)}" for name, value in run.parameters]
    if run.completion_tokens is not None:
        facts.append(f"{run.completion_tokens} tokens")
    if run.timing.total_ms is not None:
        facts.append(_seconds(run.timing.total_ms))
    return " · ".join([run.endpoint_name, *facts])


def _value_words(value: ParameterValue) -> str:
    return value if isinstance(value, str) else json.dumps(plain(value), ensure_ascii=False)


def _trouble(run: Run) -> str:
    if run.failure is not None:
        return run.failure.words
    return {
        RunStatus.CUT: "Cut by the limit of tokens.",
        RunStatus.STOPPED: "Stopped.",
        RunStatus.FILTERED: "Ended by the server's content filter.",
        RunStatus.INCOMPLETE: "The stream ended early.",
        RunStatus.INTERRUPTED: "Interrupted.",
    }.get(run.status, "")


def _quoted(text: str) -> str:
    return "\n".join(f"> {line}".rstrip() for line in text.split("\n"))


def _result_words(result: ToolResultPart) -> str:
    """The tool, and the program that answered for it."""
    return f"{result.name}, from {result.ran}" if result.ran else result.name


def _fenced(words: str, text: str, language: str) -> str:
    fence = _fence_for(text)
    end = "" if text.endswith("\n") else "\n"
    return f"{words}:\n\n{fence}{language}\n{text}{end}{fence}"


def _fence_for(text: str) -> str:
    fence = "```"
    while fence in text:
        fence += "`"
    return fence


def _attachment_words(part: Attachment) -> str:
    """Name and size; the name may hold anything that a file may be called."""
    return f"{part.name} ({size_words(part.size_bytes)})"


def _articles(record: ConversationRecord) -> Iterator[str]:
    contents = {file.hash: file.content for file in record.attached}
    for entry in _entries(record):
        yield _article(entry, contents)


def _figure(part: Attachment, content: bytes) -> str:
    """Pictures of a moderate size are part of the page; all others are named."""
    words = escape(_attachment_words(part))
    if not isinstance(part, ImagePart) or not 0 < len(content) <= _MOST_INLINE_BYTES:
        return f'<p class="facts">{words}</p>'
    data = base64.b64encode(content).decode()
    return (
        f'<figure><img src="data:{escape(part.media_type)};base64,{data}" alt="{escape(part.name)}">'
        f"<figcaption>{words}</figcaption></figure>"
    )


def _article(entry: _Entry, contents: Mapping[str, bytes]) -> str:
    pieces: list[str] = []
    if entry.system_prompt:
        pieces.append(
            f'<article class="system"><h2>System prompt</h2>\n{html_of(entry.system_prompt)}</article>'
        )
    kind = "person" if entry.is_person else "model"
    pieces.append(f'<article class="{kind}"><h2>{escape(entry.author)}</h2>')
    if entry.reasoning:
        summary = escape(entry.thought_words)
        pieces.append(f"<details><summary>{summary}</summary>\n{html_of(entry.reasoning)}</details>")
    pieces += [_figure(part, contents.get(part.hash, b"")) for part in entry.attachments]
    if entry.text:
        pieces.append(html_of(entry.text))
    if entry.sources:
        pieces.append(f"<ol>{''.join(map(_source, entry.sources))}</ol>")
    for call in entry.calls:
        pieces.append(
            f"<p>{escape(call.name)}:</p><pre><code>{escape(call.arguments, quote=False)}</code></pre>"
        )
    for result in entry.results:
        pieces.append(
            f"<p>{escape(_result_words(result))}:</p>"
            f"<pre><code>{escape(result.text, quote=False)}</code></pre>"
        )
    if entry.trouble:
        pieces.append(f'<p class="trouble">{escape(entry.trouble)}</p>')
    if entry.facts:
        pieces.append(f'<p class="facts">{escape(entry.facts)}</p>')
    return "\n".join(pieces) + "</article>"


def _source(page: tuple[str, str]) -> str:
    url, title = page
    words = escape(title or url)
    is_web = url.startswith(("https://", "http://"))
    return f'<li><a href="{escape(url)}">{words}</a></li>' if is_web else f"<li>{words}</li>"


_STYLE = """
:root { color-scheme: light dark; --soft: #f3f1ef; --line: #dcd8d4; --quiet: #6a6561; --trouble: #8a2b2b; }
@media (prefers-color-scheme: dark) {
  :root { --soft: #2a2826; --line: #45413d; --quiet: #a8a29c; --trouble: #d98080; }
}
body { font: 16px/1.5 system-ui, sans-serif; max-width: 760px; margin: 48px auto; padding: 0 24px;
       overflow-wrap: anywhere; }
h1 { font-size: 24px; } h2 { font-size: 14px; margin: 0 0 8px; }
article { margin: 0 0 32px; } article :is(h1, h3, h4, h5, h6) { font-size: 17px; }
.person, .system { background: var(--soft); border-radius: 8px; padding: 12px 16px; }
pre { background: var(--soft); padding: 12px; border-radius: 8px; overflow-x: auto; }
pre.source { white-space: pre-wrap; }
code, pre { font: 14px/1.45 ui-monospace, monospace; }
table { border-collapse: collapse; } th, td { border: 1px solid var(--line); padding: 4px 8px; }
details { color: var(--quiet); border-left: 2px solid var(--line); padding-left: 12px; margin: 0 0 12px; }
figure { margin: 0 0 12px; } figure img { max-width: 100%; max-height: 480px; }
figcaption { color: var(--quiet); font-size: 13px; }
summary { cursor: pointer; } blockquote { margin: 0; padding-left: 12px; border-left: 2px solid var(--line); }
.facts { color: var(--quiet); font-size: 13px; } .trouble { color: var(--trouble); }
"""

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy"
 content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
{body}
</body>
</html>
"""
