"""The recorded streams, what each must end in, and the notations that the protocol allows for them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import product
from pathlib import Path
from typing import Any

from drover.domain.stream import ResponseBuilder

LINE_ENDS = (b"\n", b"\r\n", b"\r")
BETWEEN = ("nothing", "comments", "event and id")
ENDS = ("blank line", "line end", "nothing")


def recordings_dir() -> Path | None:
    """The folder of recorded streams, if it is beside the project or above it."""
    for parent in Path(__file__).resolve().parents:
        for folder in (parent / "corpora" / "wire", parent / "shared" / "corpora" / "wire"):
            if any(folder.glob("*.sse")):
                return folder
    return None


@lru_cache(maxsize=1)
def _folder() -> Path:
    folder = recordings_dir()
    if folder is None:
        raise FileNotFoundError("the folder of recorded streams is not here")
    return folder


def names() -> list[str]:
    """Every recording; none where the folder is absent."""
    folder = recordings_dir()
    return sorted(path.stem for path in folder.glob("*.sse")) if folder else []


@cache
def body(name: str) -> bytes:
    """The bytes as they were recorded."""
    return (_folder() / f"{name}.sse").read_bytes()


@cache
def expected(name: str) -> Any:
    """What an independent reader made of the recording. To be read only."""
    return json.loads((_folder() / f"{name}.expected.json").read_text())


def outcome(name: str) -> dict[str, object]:
    """What a client must end up with. Thinking between tags, which the independent reader leaves in the
    content, is told apart without the tags and the white space next to them."""
    wanted = expected(name)
    texts = wanted["reasoning"], wanted["content"]
    if tagged := re.fullmatch(r"(?s)<think>\s*(.*)</think>\s*(.*)", wanted["content"]):
        texts = tagged[1], tagged[2]
    keys = ("tool_calls", "finish_reason", "usage", "error", "done")
    return {"reasoning": texts[0], "answer": texts[1], **{key: wanted[key] for key in keys}}


def outcome_of(builder: ResponseBuilder) -> dict[str, object]:
    """What a builder ended up with, to be compared with `outcome`."""
    calls = builder.tool_calls
    return {
        "reasoning": builder.reasoning,
        "answer": builder.answer,
        "tool_calls": [{"id": c.call_id, "name": c.name, "arguments": c.arguments} for c in calls],
        "finish_reason": builder.finish_reason,
        "usage": json.loads(builder.usage.raw_json) if builder.usage else None,
        "error": builder.error.message if builder.error else None,
        "done": builder.saw_done,
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Notation:
    """One way to write the same events."""

    line_end: bytes = b"\n"
    has_space: bool = True
    """After the colon of a field."""
    has_bom: bool = False
    between: str = "nothing"
    """One of BETWEEN: what stands before each event."""
    end: str = "blank line"
    """One of ENDS: what follows the last line."""

    def __str__(self) -> str:
        return (
            f"line end {self.line_end!r}, {'' if self.has_space else 'no '}space, "
            f"{'' if self.has_bom else 'no '}BOM, {self.between} between, {self.end} at the end"
        )

    def write(self, recorded: bytes) -> bytes:
        """The events of a stream whose lines end in LF, in this notation. What it has between them stays."""
        lines: list[bytes] = []
        for number, block in enumerate(recorded.rstrip(b"\n").split(b"\n\n")):
            if self.between != "nothing":
                lines += self._before(number, block)
            lines += [self._line(line) for line in block.split(b"\n")] + [b""]
        text = self.line_end.join(lines[:-1])
        ends = {"nothing": b"", "line end": self.line_end, "blank line": 2 * self.line_end}
        return (b"\xef\xbb\xbf" if self.has_bom else b"") + text + ends[self.end]

    def _before(self, number: int, block: bytes) -> list[bytes]:
        space = b" " if self.has_space else b""
        if self.between == "comments":
            return [b":" + space + b"keep-alive \xe2\x80\xa6", *([b""] if number % 2 else []), b":"]
        named = [] if b"event:" in block else [b"event:" + space + b"message"]
        return [*named, b"id:" + space + b"%d" % number, b"retry:" + space + b"3000"]

    def _line(self, line: bytes) -> bytes:
        if not line.startswith(b"data:"):
            return line
        return (b"data: " if self.has_space else b"data:") + line[5:].removeprefix(b" ")


def notations() -> Iterator[Notation]:
    """All of them, as recorded first."""
    for line_end, has_space, has_bom, between, end in product(
        LINE_ENDS, (True, False), (False, True), BETWEEN, ENDS
    ):
        yield Notation(line_end=line_end, has_space=has_space, has_bom=has_bom, between=between, end=end)
