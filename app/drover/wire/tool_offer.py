"""What a request says about tools besides its messages: which there are, and whether one must be called."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from drover.domain.conversation import Role
from drover.domain.parameters import ParameterValue, plain
from drover.domain.run import Adjustment, RunRequest
from drover.domain.tool_definitions import CHOICE_WORDS, function_entry

TOOL_PARAMETERS = frozenset({"tools", "tool_choice", "parallel_tool_calls"})
"""Keys of the body that this module writes."""


def offered_tools(request: RunRequest, refusal: str, adjustments: list[Adjustment]) -> list[dict[str, Any]]:
    """The `tools` of the body; none, with an adjustment, where `refusal` says why this server takes none.

    Raises ConfigurationError for a definition whose schema is no JSON object.
    """
    if request.tools and refusal:
        adjustments.append(Adjustment(name="tools", action="dropped", reason=refusal))
        return []
    return [function_entry(tool) for tool in request.tools]


def tool_value(
    body: Mapping[str, Any],
    name: str,
    value: ParameterValue,
    request: RunRequest,
    adjustments: list[Adjustment],
) -> Any | None:
    """What one of `TOOL_PARAMETERS` that is set becomes in this body.

    None, with an adjustment, where there is no tool that it is about.
    """
    sent = plain(value)
    if name == "tools":  # a key of the extra JSON: tools of the server's own, which no definition can say
        known = body.get(name, [])
        return [*known, *sent] if isinstance(sent, list) else known or sent
    names = _names(body, request)
    is_named = name == "tool_choice" and sent not in CHOICE_WORDS
    if not names or (is_named and sent not in names):
        reason = f"no tool named {sent} is offered" if names else "no tools are offered"
        adjustments.append(Adjustment(name=name, action="dropped", reason=reason))
        return None
    if (is_named or sent == "required") and request.branch and request.branch[-1].role is Role.TOOL:
        reason = "to auto, since the call was made, and would else be made for ever"
        adjustments.append(Adjustment(name=name, action="translated", reason=reason))
        return "auto"
    return {"type": "function", "function": {"name": sent}} if is_named else sent


def _names(body: Mapping[str, Any], request: RunRequest) -> set[object]:
    """The names of what is offered, by definitions and by extra JSON."""
    listed = request.parameters.extra_keys.get("tools")
    entries = [*body.get("tools", []), *(listed if isinstance(listed, list) else [])]
    functions = [entry.get("function", entry) for entry in entries if isinstance(entry, dict)]
    return {each.get("name", each.get("type")) for each in functions if isinstance(each, dict)}


def choice_word(value: object) -> object:
    """A `tool_choice` of a body as the parameter has it: the name alone where it is an object."""
    function = value.get("function") if isinstance(value, dict) else None
    return function.get("name", value) if isinstance(function, dict) else value
