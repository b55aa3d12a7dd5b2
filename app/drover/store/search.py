"""Full-text search: what a person types becomes a safe query, and each hit a snippet that shows it.

Words are found by their beginning through the FTS5 index, without regard to case and accents. What that index
cannot serve is found by reading the text itself: scripts written without spaces, where a word stands in
the middle of a run of letters, and signs such as `->` or `C++`. Quotation marks make a phrase.
"""

from __future__ import annotations

import re
import sqlite3
import unicodedata
from dataclasses import dataclass
from datetime import datetime
from functools import cache

from drover.store.database import execute
from drover.store.rows import moment

_MAX_QUERY_CHARS = 300
_MAX_TERMS = 12
_SNIPPET_BEFORE_CHARS = 40
_SNIPPET_CHARS = 160

_TERM = re.compile(r'"([^"]*)"?|([^\s"]+)')
_UNSPACED_SCRIPTS = (
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u2fff\u3040-\u30ff\u3100-\u4dbf\u4e00-\u9fff"
    "\uac00-\ud7af\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff]"
)
"""Thai, Lao, Myanmar, Khmer, and the scripts of Chinese, Japanese and Korean."""


@cache
def _unspaced() -> re.Pattern[str]:
    """One character of a script without spaces; made when a search needs it, since it is slow to make."""
    return re.compile(_UNSPACED_SCRIPTS)


_TELLING_SIGN = re.compile(r"[+#$@&%=<>/\\*^~|_`]")
"""Signs that are part of what is looked for (`C++`, `a_b`, `</think>`), unlike full stops and brackets."""


_ASCII_CAPITAL = re.compile("[A-Z]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchHit:
    """One conversation in which every term of the query occurs."""

    conversation_id: str
    title: str
    updated_at: datetime
    snippet: str
    """One line around the first occurrence; the title itself for a hit in the title."""
    where: str
    """`title`, `message` or `reasoning`."""
    message_id: str | None = None
    """The newest message that holds all terms; None for a hit in the title."""
    spans: tuple[tuple[int, int], ...] = ()
    """Where the terms stand in the snippet: (start, end) in characters, in order, not overlapping."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Term:
    text: str
    """Folded."""
    literal: str
    """As typed, but without ASCII capitals."""
    pattern: re.Pattern[str]
    """Finds the term in folded text."""
    uses_index: bool
    needs_reading: bool
    """Whether the term has to occur literally, which only the text itself can tell."""


def prepare(connection: sqlite3.Connection) -> None:
    """To be called once for a connection on which `find` is used."""
    connection.create_function("folded", 1, _composed_and_folded, deterministic=True)


def find(connection: sqlite3.Connection, query: str, limit: int) -> list[SearchHit]:
    """At most one hit a conversation: those in titles first, each group by the newest change."""
    terms = _terms(query)
    if not terms:
        return []
    hits = _hits_in_titles(connection, terms, limit)
    in_titles = {hit.conversation_id for hit in hits}
    for hit in _hits_in_messages(connection, terms, limit):
        if hit.conversation_id not in in_titles and len(hits) < limit:
            hits.append(hit)
    return hits


def words_of(query: str) -> list[str]:
    """What `find` looks for: the words of a query, and its phrases without quotation marks."""
    return [term.literal for term in _terms(query)]


class _Folding(dict[int, str]):
    """One character to one character, so that places in folded text are places in the text."""

    def __missing__(self, codepoint: int) -> str:
        character = chr(codepoint)
        apart = unicodedata.normalize("NFD", character)
        # Some marks are no ornament: Japanese sounds differ by them, and Korean syllables fall apart.
        is_ornament = all(map(unicodedata.combining, apart[1:])) and not _unspaced().match(character)
        folded = (apart[0] if is_ornament else character).lower()
        self[codepoint] = folded if len(folded) == 1 else character
        return self[codepoint]


_FOLDING = _Folding()


def folded(text: str) -> str:
    """The text in lower case and without accents, of the same length; composed text (NFC) is expected."""
    return text.lower() if text.isascii() else text.translate(_FOLDING)


def _composed_and_folded(text: str) -> str:
    return folded(unicodedata.normalize("NFC", text))


def _terms(query: str) -> list[_Term]:
    terms: dict[str, _Term] = {}
    for match in _TERM.finditer(query[:_MAX_QUERY_CHARS].replace("\0", " ")):
        typed = (match[1] or match[2] or "").strip()
        if typed and len(terms) < _MAX_TERMS:
            terms[typed] = _term(typed)
    return list(terms.values())


def _term(typed: str) -> _Term:
    text = _composed_and_folded(typed)
    words = re.findall(r"[^\W_]+", text)
    is_unspaced = _unspaced().search(text) is not None
    needs_reading = is_unspaced or not words or _TELLING_SIGN.search(text) is not None
    if needs_reading:
        pattern = re.escape(text)
    else:
        pattern = r"(?<![^\W_])" + r"[\W_]+".join(words)
    return _Term(
        text=text,
        literal=_ASCII_CAPITAL.sub(_lowered, typed),
        pattern=re.compile(pattern),
        uses_index=bool(words) and not is_unspaced,
        needs_reading=needs_reading,
    )


def _lowered(match: re.Match[str]) -> str:
    return match[0].lower()


def _hits_in_titles(connection: sqlite3.Connection, terms: list[_Term], limit: int) -> list[SearchHit]:
    """Read one by one: titles are few and short, and here a hit inside a word is welcome."""
    rows = connection.execute(
        "SELECT id, title, updated_at FROM conversations WHERE deleted_at IS NULL AND title <> ''"
        " ORDER BY updated_at DESC, seq DESC"
    )
    inside = [re.compile(re.escape(term.text)) for term in terms]
    hits: list[SearchHit] = []
    for conversation_id, title, updated_at in rows.fetchall():
        snippet = unicodedata.normalize("NFC", title)
        text = folded(snippet)
        if all(term.text in text or term.pattern.search(text) for term in terms):
            hits.append(
                SearchHit(
                    conversation_id=conversation_id,
                    title=title,
                    updated_at=moment(updated_at),
                    snippet=snippet,
                    where="title",
                    spans=_spans(text, [*inside, *(term.pattern for term in terms)]),
                )
            )
            if len(hits) == limit:
                break
    return hits


def _hits_in_messages(connection: sqlite3.Connection, terms: list[_Term], limit: int) -> list[SearchHit]:
    conditions = ["c.deleted_at IS NULL"]
    values: list[str | int] = []
    index = ""
    words = [term for term in terms if term.uses_index]
    if words:
        index = "JOIN message_words w ON w.rowid = m.seq"
        conditions.append("message_words MATCH ?")
        values.append(" ".join(f'"{term.literal}" *' for term in words))  # no term holds a quotation mark
    for term in terms:
        if term.needs_reading:
            # `lower` knows only ASCII but costs a tenth; it is all that scripts without cases need.
            fold, wanted = ("folded", term.text) if term.uses_index else ("lower", term.literal)
            conditions.append(f"(instr({fold}(m.text), ?) OR instr({fold}(m.reasoning), ?))")
            values += [wanted, wanted]
    rows = execute(
        connection,
        "SELECT c.id, c.title, c.updated_at, max(m.seq) FROM messages m"
        f" {index} JOIN conversations c ON c.id = m.conversation_id WHERE {' AND '.join(conditions)}"
        " GROUP BY c.id ORDER BY c.updated_at DESC, c.seq DESC LIMIT ?",
        [*values, limit],
    )
    return [_message_hit(connection, row, terms) for row in rows.fetchall()]


def _message_hit(
    connection: sqlite3.Connection, row: tuple[str, str, int, int], terms: list[_Term]
) -> SearchHit:
    conversation_id, title, updated_at, seq = row
    message_id, text, reasoning = connection.execute(
        "SELECT id, text, reasoning FROM messages WHERE seq = ?", (seq,)
    ).fetchone()
    patterns = [term.pattern for term in terms]
    where, snippet, spans = "message", *_snippet(text, patterns)
    if not spans:
        in_reasoning, reasoning_spans = _snippet(reasoning, patterns)
        if reasoning_spans or not text:
            where, snippet, spans = "reasoning", in_reasoning, reasoning_spans
    return SearchHit(
        conversation_id=conversation_id,
        title=title,
        updated_at=moment(updated_at),
        snippet=snippet,
        where=where,
        message_id=message_id,
        spans=spans,
    )


def _snippet(text: str, patterns: list[re.Pattern[str]]) -> tuple[str, tuple[tuple[int, int], ...]]:
    """One line around the first occurrence of any pattern, and the occurrences in it."""
    composed = unicodedata.normalize("NFC", text)
    search_in = folded(composed)
    places = [match.start() for pattern in patterns if (match := pattern.search(search_in))]
    first = min(places, default=0)
    start = max(0, first - _SNIPPET_BEFORE_CHARS)
    if start > 0:
        # Begin at a word if one begins soon; text without spaces begins anywhere.
        space = composed.find(" ", start, first)
        start = space + 1 if space >= 0 else start
    end = min(len(composed), start + _SNIPPET_CHARS)
    line = re.sub(r"[\s\0-\x1f\x7f]+", " ", composed[start:end]).strip()
    line = ("…" if start > 0 else "") + line + ("…" if end < len(composed) else "")
    return line, _spans(folded(line), patterns) if places else ()


def _spans(text: str, patterns: list[re.Pattern[str]]) -> tuple[tuple[int, int], ...]:
    """Where the patterns occur; what overlaps is joined."""
    found = sorted(match.span() for pattern in patterns for match in pattern.finditer(text))
    joined: list[tuple[int, int]] = []
    for start, end in found:
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return tuple(joined)
