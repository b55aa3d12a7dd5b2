"""Fragments of tool calls: which call each belongs to, whatever servers do with indexes, ids and names."""

from __future__ import annotations

import json
import re
from typing import Any

from drover.domain.stream import StreamEvent, ToolCallDelta

_LEGACY = "function_call"
_MOST_EXTRA = 64
"""Fields of one call that are kept besides the known ones: all of them are told again with each new one."""
_JSON_MARKS = re.compile(r'\\.|\\\Z|["{}]', re.DOTALL)
"""What may end a text or an object; what is escaped counts for nothing."""
_KNOWN = frozenset({"index", "id", "type", "function", "custom", "name", "arguments", "input"})


class _Call:
    """What must be remembered of one call to tell whether a fragment goes on with it."""

    __slots__ = (
        "_arguments", "_chars", "_depth", "_is_escaped", "_is_in_text", "_is_object", "_seen",
        "call_id", "extra", "name", "slot",
    )  # fmt: skip

    def __init__(self, slot: int) -> None:
        self.slot = slot
        self.call_id = ""
        self.name = ""
        self.extra: dict[str, Any] = {}
        self._arguments: list[str] = []
        self._chars = 0
        # How far the arguments were looked at, and what was found.
        self._seen = self._depth = 0
        self._is_in_text = self._is_escaped = False
        self._is_object: bool | None = None

    def add(self, arguments: str) -> None:
        """Takes more arguments."""
        self._arguments.append(arguments)
        self._chars += len(arguments)

    def is_exactly(self, arguments: str) -> bool:
        """Whether the arguments so far are these."""
        return len(arguments) == self._chars and arguments == "".join(self._arguments)

    @property
    def is_whole(self) -> bool:
        """Whether the arguments so far are a whole JSON object. No character is looked at twice, however
        often this is asked."""
        for piece in self._arguments[self._seen :]:
            self._seen += 1
            if self._is_object is None:
                self._look_at(piece)
            elif piece.strip():
                self._is_object = False  # behind its end
        return bool(self._is_object)

    def _look_at(self, piece: str) -> None:
        """Follows the braces up to where they are closed: there alone the arguments may be whole."""
        start = 1 if self._is_escaped and piece else 0
        self._is_escaped = self._is_escaped and not piece
        for mark in _JSON_MARKS.finditer(piece, start):
            match mark.group():
                case '"':
                    self._is_in_text = not self._is_in_text
                case "{" if not self._is_in_text:
                    self._depth += 1
                case "}" if not self._is_in_text:
                    self._depth -= 1
                    if self._depth <= 0:
                        is_end = not piece[mark.end() :].strip()
                        self._is_object = is_end and _is_object("".join(self._arguments[: self._seen]))
                        return
                case "\\":
                    self._is_escaped = True
                case _:
                    pass


class CallReader:
    """The calls of one choice. A fragment goes on with a call where anything says so, and begins one else."""

    def __init__(self) -> None:
        self._by_index: dict[object, _Call] = {}
        self._last: _Call | None = None
        self._count = 0

    def read(self, delta: dict[str, Any], choice: int, out: list[StreamEvent]) -> None:
        """Appends the fragments in one delta, or in one whole message."""
        calls = delta.get("tool_calls")
        entries = list(calls) if isinstance(calls, list) else [calls] if calls else []
        # llama-cpp-python says each call in both forms.
        if not entries and isinstance(legacy := delta.get(_LEGACY), dict):
            entries.append({"index": _LEGACY, "function": legacy})
        told: set[int] = set()
        for entry in entries:
            if isinstance(entry, dict):
                self._read_entry(entry, choice, told, out)

    def begin(self, name: str, choice: int) -> ToolCallDelta:
        """A call that is written into the content."""
        call = self._begun(None)
        call.name = name
        return ToolCallDelta(index=call.slot, name=name, choice=choice)

    def go_on(self, arguments: str, choice: int) -> ToolCallDelta:
        """More arguments of the newest call."""
        call = self._last or self._begun(None)
        call.add(arguments)
        return ToolCallDelta(index=call.slot, arguments=arguments, choice=choice)

    def _read_entry(self, entry: dict[str, Any], choice: int, told: set[int], out: list[StreamEvent]) -> None:
        """`told` are the calls that earlier entries of the same delta were about."""
        inner = entry.get("function") or entry.get("custom")
        function: dict[str, Any] = inner if isinstance(inner, dict) else entry
        call_id, name = _string(entry.get("id")), tool_name(_string(function.get("name")))
        arguments = function.get("arguments")
        if arguments is None:
            arguments = function.get("input")
        if arguments is not None and not isinstance(arguments, str):
            arguments = _compact(arguments)
        call = self._call(entry.get("index"), call_id, name, arguments or "")
        if name and call.slot in told:
            call = self._begun(None)
        elif name and arguments and call.is_whole and call.is_exactly(arguments):
            return  # the whole call once more
        told.add(call.slot)
        call.call_id = call.call_id or call_id
        call.name = call.name or name
        if arguments:
            call.add(arguments)
        extra = {key: value for key, value in entry.items() if key not in _KNOWN and value is not None}
        if len(call.extra) > _MOST_EXTRA:
            extra = {}
        call.extra |= extra
        out.append(
            ToolCallDelta(
                index=call.slot,
                call_id=call_id,
                name=name,
                arguments=arguments or "",
                extra=_compact(call.extra) if extra else "",
                choice=choice,
            )
        )

    def _call(self, index: object, call_id: str, name: str, arguments: str) -> _Call:
        """The call that a fragment belongs to.

        Without an index, a new id begins a call and everything else continues the last one. Some servers give
        every call the index 0, some the id "0" as well: there a call begins with another id beside a name,
        with another name, or with arguments where those of the call are whole.
        """
        has_index = isinstance(index, int | float | str)
        known = self._by_index.get(index) if has_index else self._last
        if known is None:
            return self._begun(index if has_index else None)
        is_other_id = bool(call_id and known.call_id and call_id != known.call_id)
        is_begun = is_other_id and (bool(name) or not has_index)
        if name and known.name and not is_begun:
            is_other_name = name != known.name and (bool(call_id) or known.is_whole)
            is_begun = is_other_name or (
                arguments.lstrip().startswith("{")
                and known.is_whole
                and _is_object(arguments)
                and not known.is_exactly(arguments)
            )
        return self._begun(index if has_index else None) if is_begun else known

    def _begun(self, index: object) -> _Call:
        call = self._last = _Call(self._count)
        self._count += 1
        if index is not None:
            self._by_index[index] = call
        return call


def tool_name(raw: str) -> str:
    """The name without markers of the Harmony format that a server left in it."""
    return raw.partition("<|")[0].strip() if "<|" in raw else raw


def _compact(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text, strict=False), dict)
    except (ValueError, RecursionError):
        return False


def _string(value: object) -> str:
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else ""
