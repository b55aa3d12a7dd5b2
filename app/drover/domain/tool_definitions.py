"""Definitions of tools as a person writes them: what is wrong with one, commands as text, files of them."""

from __future__ import annotations

import json
import math
import re
import shlex
from collections.abc import Collection, Sequence
from typing import Any

from drover.domain.parameters import parsed_json
from drover.domain.tools import ToolDefinition
from drover.errors import ConfigurationError

MOST_TOOLS = 128
"""As many as the OpenAI reference allows in one request."""
LONGEST_TIMEOUT_S = 3600.0
LARGEST_OUTPUT_BYTES = 10_000_000
CHOICE_WORDS = ("auto", "none", "required")
"""What `tool_choice` says besides the name of a tool."""

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_BINDING = "drover"
"""The key beside `function` under which a file tells what only Drover knows."""


def name_problem(name: str, taken: Collection[str] = ()) -> str:
    """What is wrong with the name of a tool, in one sentence; empty where nothing is."""
    if not name:
        return "A tool needs a name."
    if len(name) > 64:
        return f"The name has {len(name)} characters; 64 are the most that servers take."
    if not _NAME.fullmatch(name):
        return "A name has letters from A to Z, digits, _ and - only."
    if name in CHOICE_WORDS:
        return f"{name} is a word of tool_choice and cannot be a name too."
    if name in taken:
        return f"There is already a tool named {name}."
    return ""


def schema_problems(text: str) -> list[str]:
    """What is wrong with a text as the schema of arguments: at most five sentences, each with its place.

    The first call loads the validator, which takes about 100 ms.
    """
    from drover.domain.json_schema import problems_of_schema

    problems = problems_of_schema(text)
    if problems:
        return problems
    schema = json.loads(text)
    if not isinstance(schema, dict) or schema.get("type", "object") != "object":
        return ['type: The arguments of a tool are an object, so the schema says {"type": "object"}.']
    return []


def command_words(text: str) -> tuple[str, ...]:
    """A command line cut into words as a shell does it, quotes and backslashes included, and nothing else.

    Variables, patterns, pipes and redirections stay letters: no shell sees them. Empty for blank text.
    Raises ConfigurationError for a quote without an end.
    """
    try:
        return tuple(shlex.split(text))
    except ValueError as error:
        end = "a backslash stands at the end" if "escape" in str(error) else "a quote has no end"
        raise ConfigurationError(f"This is no command: {end}.") from None


def command_text(words: Sequence[str]) -> str:
    """The inverse of `command_words`."""
    return shlex.join(words)


def tool_problems(tool: ToolDefinition, taken: Collection[str] = ()) -> list[str]:
    """All that is wrong with a definition, `taken` being the names of the others; see `schema_problems`."""
    problems = [name_problem(tool.name, taken), *schema_problems(tool.parameters_schema)]
    if not 0 < tool.timeout_s <= LONGEST_TIMEOUT_S:
        problems.append(f"The time limit must be more than 0 and at most {LONGEST_TIMEOUT_S:.0f} s.")
    if not 1 <= tool.output_limit_bytes <= LARGEST_OUTPUT_BYTES:
        problems.append(f"The limit of the output must be 1 to {LARGEST_OUTPUT_BYTES:,} bytes.")
    if tool.command and not tool.command[0].strip():
        problems.append("The command names no program.")
    if any("\0" in word for word in tool.command):
        problems.append("A command cannot hold the character NUL.")
    return [problem for problem in problems if problem]


def checked_tools(tools: Sequence[ToolDefinition]) -> tuple[ToolDefinition, ...]:
    """The same definitions. Raises ConfigurationError that says which is wrong, and how."""
    if len(tools) > MOST_TOOLS:
        raise ConfigurationError(f"These are {len(tools)} tools; {MOST_TOOLS} are the most that can be sent.")
    taken: set[str] = set()
    for tool in tools:
        if problems := tool_problems(tool, taken):
            name = tool.name or "A tool without a name"
            raise ConfigurationError(f"{name}: {' '.join(problems)}")
        taken.add(tool.name)
    return tuple(tools)


# Files


def tools_text(tools: Sequence[ToolDefinition]) -> str:
    """The definitions as JSON: the `tools` of a request, with the command of each under the key `drover`."""
    entries = [function_entry(tool) | _binding_entry(tool) for tool in tools]
    return json.dumps(entries, ensure_ascii=False, indent=2) + "\n"


def function_entry(tool: ToolDefinition) -> dict[str, Any]:
    """A definition as it stands in a request. Raises ConfigurationError if its schema is no JSON object."""
    try:
        schema = parsed_json(tool.parameters_schema).value
    except ConfigurationError as error:
        raise ConfigurationError(f"The schema of the tool {tool.name}: {error.message}") from None
    if not isinstance(schema, dict):
        raise ConfigurationError(f"The schema of the tool {tool.name} is no JSON object.")
    function: dict[str, Any] = {"name": tool.name}
    if tool.description:
        function["description"] = tool.description
    function["parameters"] = schema
    if tool.is_strict:
        function["strict"] = True
    return {"type": "function", "function": function}


def _binding_entry(tool: ToolDefinition) -> dict[str, Any]:
    if not tool.command:
        return {}
    limits = {"timeout_s": tool.timeout_s, "output_limit_bytes": tool.output_limit_bytes}
    return {_BINDING: {"command": list(tool.command), **limits}}


def read_tools(text: str) -> tuple[ToolDefinition, ...]:
    """The definitions in a file: a list as in the `tools` of a request, one of them alone, or a body with
    `tools`. Bare functions and the older key `functions` are understood too.

    Raises ConfigurationError in words for anything else, also for one that is wrong in itself.
    """
    value = parsed_json(text).value
    if isinstance(value, dict):
        listed = next((value[key] for key in ("tools", "functions") if key in value), None)
        value = [value] if listed is None else listed
    if not isinstance(value, list) or not value:
        raise ConfigurationError(
            "There are no tools in this file.", hint="It should hold a list such as the tools of a request."
        )
    return checked_tools([tool_from(entry) for entry in value])


def tool_from(entry: object) -> ToolDefinition:
    """One entry of such a list; only its types are looked at. Raises ConfigurationError."""
    function = entry.get("function", entry) if isinstance(entry, dict) else None
    if not isinstance(entry, dict) or not isinstance(function, dict) or entry.get("type") not in (
        None, "function",
    ):  # fmt: skip
        kind = entry.get("type") if isinstance(entry, dict) else None
        what = f"of the type {kind}" if isinstance(kind, str) else "that is no object"
        raise ConfigurationError(f"There is a tool {what}; only functions can be offered.")
    name, description = function.get("name"), function.get("description") or ""
    if not isinstance(name, str) or not isinstance(description, str):
        raise ConfigurationError("There is a tool whose name or description is no text.")
    schema = function.get("parameters")
    schema = {"type": "object", "properties": {}} if schema is None else schema
    return ToolDefinition(
        name=name,
        description=description,
        parameters_schema=json.dumps(schema, ensure_ascii=False, indent=2),
        is_strict=function.get("strict") is True,
        **_binding_of(entry, name),
    )


def _binding_of(entry: dict[str, Any], name: str) -> dict[str, Any]:
    binding = entry.get(_BINDING)
    if binding is None:
        return {}
    command = binding.get("command", []) if isinstance(binding, dict) else None
    if isinstance(command, str):
        command = list(command_words(command))
    if not isinstance(command, list) or not all(isinstance(word, str) for word in command):
        raise ConfigurationError(f"{name}: The command must be a list of texts.")
    found: dict[str, Any] = {"command": tuple(command)}
    for key, kind in (("timeout_s", float), ("output_limit_bytes", int)):
        if key in binding:
            number = binding[key]
            if isinstance(number, bool) or not isinstance(number, int | float) or not math.isfinite(number):
                raise ConfigurationError(f"{name}: {key} must be a number.")
            found[key] = kind(number)
    return found


# Calls


def arguments_object(arguments: str) -> str:
    """The arguments of a call as the JSON object that a program reads; `{}` where the model gave none.

    Raises ConfigurationError in words for a model's text that is no JSON object.
    """
    if arguments.strip() in ("", "null"):
        return "{}"
    try:
        value = parsed_json(arguments).value
    except ConfigurationError as error:
        raise ConfigurationError(f"The arguments cannot be read. {error.message}") from None
    if not isinstance(value, dict):
        raise ConfigurationError("The arguments are JSON, but no object.")
    return arguments


def argument_problems(tool: ToolDefinition, arguments: str) -> list[str]:
    """How the arguments of a call break the schema of its tool: at most five notes; see `schema_problems`."""
    from drover.domain.json_schema import problems_of_value

    try:
        value = json.loads(arguments_object(arguments))
    except ConfigurationError as error:
        return [error.message]
    try:
        schema = parsed_json(tool.parameters_schema).value
    except ConfigurationError:
        return []  # which the editor of the definition tells
    return problems_of_value(schema, value) if isinstance(schema, dict | bool) else []
