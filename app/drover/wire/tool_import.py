"""Tools, calls and results in a request that was made elsewhere, as Drover's own values."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from drover.domain.conversation import ToolCallPart, ToolResultPart
from drover.domain.tool_definitions import tool_from, tool_problems
from drover.domain.tools import ToolDefinition
from drover.errors import ConfigurationError

_KNOWN = frozenset({"id", "type", "index", "function"})


def read_offer(entries: object) -> tuple[list[ToolDefinition], list[Any]]:
    """The functions among the `tools` of a body, and what is left: tools of the server's own, and whatever is
    no sound definition or has the name of another."""
    tools: list[ToolDefinition] = []
    rest: list[Any] = []
    for entry in entries if isinstance(entries, list) else []:
        try:
            tool = tool_from(entry)
        except ConfigurationError:
            rest.append(entry)
            continue
        is_sound = not tool_problems(tool, {known.name for known in tools})
        # A file's binding to a program does not come in by pasting a request.
        is_plain = not tool.command and isinstance(entry.get("function"), dict)
        tools += [tool] if is_sound and is_plain else []
        rest += [] if is_sound and is_plain else [entry]
    return tools, rest


def read_calls(raw: Mapping[str, Any]) -> tuple[list[ToolCallPart], int]:
    """The calls in a message of the assistant, and how many entries are none."""
    entries = raw.get("tool_calls")
    entries = entries if isinstance(entries, list) else []
    calls = [call for entry in entries if (call := _call(entry)) is not None]
    return calls, len(entries) - len(calls)


def _call(entry: object) -> ToolCallPart | None:
    function = entry.get("function") if isinstance(entry, dict) else None
    if not isinstance(entry, dict) or not isinstance(function, dict):
        return None
    name, arguments = function.get("name"), function.get("arguments", "")
    if not isinstance(name, str):
        return None
    extra = {key: value for key, value in entry.items() if key not in _KNOWN}
    return ToolCallPart(
        call_id=str(entry.get("id") or ""),
        name=name,
        arguments=arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False),
        extra=json.dumps(extra, ensure_ascii=False, separators=(",", ":")) if extra else "",
    )


def read_result(raw: Mapping[str, Any], text: str, names: Mapping[str, str]) -> ToolResultPart:
    """A message with the role `tool`; `names` are those of the calls before, by id."""
    call_id = str(raw.get("tool_call_id") or "")
    return ToolResultPart(call_id=call_id, name=names.get(call_id, ""), text=text)
