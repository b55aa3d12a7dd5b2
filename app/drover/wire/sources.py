"""Pages that a server names beside its answer: annotations of a message, or lists beside the choices."""

from __future__ import annotations

from typing import Any

Pages = tuple[tuple[str, str], ...]
"""Addresses with their titles."""

LISTS = ("citations", "search_results")
"""The keys of a chunk that hold whole lists, as Perplexity and xAI send them."""


def annotated(annotations: object) -> Pages:
    """The pages in `annotations`, the form of OpenAI and OpenRouter."""
    found = annotations if isinstance(annotations, list) else []
    entries = [entry.get("url_citation") or entry for entry in found if isinstance(entry, dict)]
    return tuple(page for entry in entries if (page := _page(entry)) is not None)


def listed(chunk: dict[str, Any]) -> Pages:
    """The pages in the lists of a chunk; those of `citations` come first, since answers count by them."""
    results = chunk.get("search_results")
    pages = [_page(entry) for entry in results] if isinstance(results, list) else []
    titles = dict(page for page in pages if page is not None)
    cited = chunk.get("citations")
    named = [_page(entry) for entry in cited] if isinstance(cited, list) else []
    urls = dict.fromkeys(url for url, _ in filter(None, [*named, *pages]))
    own = dict(page for page in named if page is not None)
    return tuple((url, own.get(url) or titles.get(url, "")) for url in urls)


def _page(entry: object) -> tuple[str, str] | None:
    """Only pages of the web: anything else is not to be followed."""
    fields = entry if isinstance(entry, dict) else {"url": entry}
    url, title = fields.get("url"), fields.get("title")
    if not isinstance(url, str) or not url.startswith(("https://", "http://")):
        return None
    return url, title if isinstance(title, str) else ""
