"""Reasoning in the blocks that a provider wants back unmodified, put together from their fragments.

`reasoning_details` of OpenRouter (openrouter.ai/docs, "Preserving reasoning blocks") and `thinking_blocks` of
LiteLLM: text with a signature, summaries, and data that only the provider can read.
"""

from __future__ import annotations

import json
from typing import Any

_GROWING = {"reasoning.text": "text", "reasoning.summary": "summary", "thinking": "thinking"}
"""The field in which the text of a block grows, by its type; a block of any other type comes whole."""


class _Block:
    """One block, whose text is kept in pieces while it grows."""

    __slots__ = ("field", "fields", "pieces")

    def __init__(self, fields: dict[str, Any]) -> None:
        self.fields = dict(fields)
        kind = fields.get("type")
        self.field = _GROWING.get(kind, "") if isinstance(kind, str) else ""
        first = fields.get(self.field)
        self.pieces = [first] if isinstance(first, str) else []

    def takes(self, fragment: dict[str, Any]) -> bool:
        """Whether the fragment goes on with this block; behind its signature new text begins another one."""
        fields = self.fields
        is_same = (
            bool(self.field)
            and fragment.get("type") == fields.get("type")
            and fragment.get("index") == fields.get("index")
            and (fragment.get("id") in (None, "", fields.get("id")) or not fields.get("id"))
        )
        return is_same and not (fields.get("signature") and fragment.get(self.field))

    def add(self, fragment: dict[str, Any]) -> None:
        for name, value in fragment.items():
            if name == self.field and isinstance(value, str):
                self.pieces.append(value)
            elif self.fields.get(name) in (None, ""):
                self.fields[name] = value

    def whole(self) -> dict[str, Any]:
        return {**self.fields, self.field: "".join(self.pieces)} if self.pieces else self.fields


class BlockCollector:
    """The blocks of one stretch of reasoning, in the order of their beginnings."""

    def __init__(self) -> None:
        self._blocks: list[_Block] = []
        self._open: dict[object, _Block] = {}
        """The newest block by type and index."""
        self._source: str | None = None

    def add(self, delta: dict[str, Any]) -> None:
        """Takes the fragments of one delta, or the blocks of a whole message."""
        source = self._source
        if source is None:
            source = self._source = (
                "reasoning_details" if delta.get("reasoning_details") else "thinking_blocks"
            )
        found = delta.get(source)
        for fragment in found if isinstance(found, list) else [found]:
            if not isinstance(fragment, dict):
                continue
            key = f"{fragment.get('type')} {fragment.get('index')}"
            block = self._open.get(key)
            if block is not None and block.takes(fragment):
                block.add(fragment)
            else:
                block = self._open[key] = _Block(fragment)
                self._blocks.append(block)

    def take(self) -> str:
        """The blocks so far as a JSON array, which are then forgotten; empty if there are none."""
        if not self._blocks:
            return ""
        blocks = [block.whole() for block in self._blocks]
        self._blocks.clear()
        self._open.clear()
        return json.dumps(blocks, ensure_ascii=False, separators=(",", ":"))
