"""The pages that a server named beside its answer, as Markdown."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final
from urllib.parse import quote

_MOST: Final = 50
_TITLE_CHARS: Final = 120
_MARKS: Final = re.compile(r"([\\`*_{}\[\]<>()#+!|~$&-])")
_SAFE: Final = "%/:?#[]@!$&'()*+,;=~-._"


def sources_markdown(sources: Sequence[tuple[str, str]]) -> str:
    """A numbered list of links, in the order in which an answer counts them; at most fifty."""
    lines = (f"{number}. {_link(*source)}" for number, source in enumerate(sources[:_MOST], 1))
    return "\n".join(lines)


def _link(url: str, title: str) -> str:
    address = url.partition("://")[2]
    words = " ".join(title.split())[:_TITLE_CHARS]
    shown = f"{words}, {address.partition('/')[0]}" if words else address[:_TITLE_CHARS]
    return f"[{_MARKS.sub(_escaped, shown)}](<{quote(url, safe=_SAFE)}>)"


def _escaped(mark: re.Match[str]) -> str:
    return "\\" + mark[1]
