"""Definitions of tools: what is wrong with one, commands as text, files, and arguments of calls."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from drover.domain.tool_definitions import (
    argument_problems,
    arguments_object,
    checked_tools,
    command_text,
    command_words,
    name_problem,
    read_tools,
    schema_problems,
    tools_text,
)
from drover.domain.tools import ToolDefinition
from drover.errors import ConfigurationError

NOW = ToolDefinition(
    name="now",
    description="The time of day.",
    parameters_schema=json.dumps({"type": "object", "properties": {"tz": {"type": "string"}}}, indent=2),
    command=("date", "-u", "+%H:%M"),
    timeout_s=5.0,
    output_limit_bytes=100,
    is_strict=True,
)


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("now", ""),
        ("get_the-time2", ""),
        ("", "A tool needs a name."),
        ("get time", "A name has letters from A to Z, digits, _ and - only."),
        ("zeit.jetzt", "A name has letters from A to Z, digits, _ and - only."),
        ("größe", "A name has letters from A to Z, digits, _ and - only."),
        ("x" * 65, "The name has 65 characters; 64 are the most that servers take."),
        ("none", "none is a word of tool_choice and cannot be a name too."),
        ("day", "There is already a tool named day."),
    ],
)
def test_a_name_is_judged_in_words(name: str, problem: str) -> None:
    assert name_problem(name, {"day"}) == problem


@pytest.mark.parametrize(
    ("text", "begins"),
    [
        ('{"type": "object"}', None),
        ('{"properties": {}}', None),
        ("{", "This is not JSON: "),
        ("[]", "A schema is an object"),
        ('{"type": "array"}', "type: The arguments of a tool are an object"),
        ('{"type": "object", "properties": {"a": {"type": "text"}}}', "properties.a.type: "),
    ],
)
def test_a_schema_is_judged_with_its_place(text: str, begins: str | None) -> None:
    problems = schema_problems(text)
    assert bool(problems) == (begins is not None)
    assert begins is None or problems[0].startswith(begins)


def test_a_command_line_is_cut_into_words_and_put_together_again() -> None:
    words = command_words("""python3 'my tool.py' "--name=a b" \\$HOME | cat""")
    assert words == ("python3", "my tool.py", "--name=a b", "$HOME", "|", "cat")
    assert command_words(command_text(words)) == words
    assert command_words("  ") == ()
    with pytest.raises(ConfigurationError, match="a quote has no end"):
        command_words("say 'hello")


def test_definitions_survive_a_file() -> None:
    other = ToolDefinition(name="ask", parameters_schema='{\n  "type": "object"\n}')
    text = tools_text([NOW, other])
    assert read_tools(text) == (NOW, other)
    first, second = json.loads(text)
    assert list(first["function"]) == ["name", "description", "parameters", "strict"]
    assert first["drover"]["command"] == ["date", "-u", "+%H:%M"]
    assert list(second) == ["type", "function"]


@pytest.mark.parametrize(
    "text",
    [
        '[{"type": "function", "function": {"name": "now"}}]',
        '{"type": "function", "function": {"name": "now"}}',
        '{"model": "m", "tools": [{"type": "function", "function": {"name": "now"}}]}',
        '{"functions": [{"name": "now", "parameters": null}]}',
        '[{"name": "now"}]',
    ],
)
def test_definitions_are_read_in_every_usual_form(text: str) -> None:
    (tool,) = read_tools(text)
    assert (tool.name, tool.command) == ("now", ())
    assert json.loads(tool.parameters_schema) == {"type": "object", "properties": {}}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[", "This is not JSON"),
        ("[]", "There are no tools in this file."),
        ('{"a": 1}', "whose name or description is no text"),
        (
            '[{"type": "web_search"}]',
            "There is a tool of the type web_search; only functions can be offered.",
        ),
        ("[7]", "There is a tool that is no object"),
        ('[{"name": "a b"}]', "a b: A name has letters"),
        ('[{"name": "a"}, {"name": "a"}]', "a: There is already a tool named a."),
        ('[{"name": "a", "parameters": {"type": "text"}}]', "a: type: "),
        ('[{"name": "a", "drover": {"command": [1]}}]', "a: The command must be a list of texts."),
        ('[{"name": "a", "drover": {"command": ["x"], "timeout_s": "5"}}]', "a: timeout_s must be a number."),
        ('[{"name": "a", "drover": {"command": ["x"], "timeout_s": -1}}]', "a: The time limit must be more"),
    ],
)
def test_a_wrong_file_is_refused_in_words(text: str, words: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        read_tools(text)
    assert words in raised.value.message


def test_more_tools_than_can_be_sent_are_refused() -> None:
    many = [replace(NOW, name=f"tool_{index}") for index in range(129)]
    with pytest.raises(ConfigurationError, match="These are 129 tools; 128 are the most"):
        checked_tools(many)


@pytest.mark.parametrize(("arguments", "read"), [("", "{}"), ("null", "{}"), (' {"a": 1} ', ' {"a": 1} ')])
def test_arguments_are_read_as_a_program_reads_them(arguments: str, read: str) -> None:
    assert arguments_object(arguments) == read


@pytest.mark.parametrize(
    ("arguments", "words"), [('{"a', "cannot be read. This is not JSON"), ("[1]", "JSON, but no object")]
)
def test_arguments_that_are_no_object_are_refused(arguments: str, words: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        arguments_object(arguments)
    assert words in raised.value.message


def test_arguments_are_held_against_the_schema() -> None:
    assert argument_problems(NOW, '{"tz": "UTC"}') == []
    assert argument_problems(NOW, '{"tz": 7}') == ["tz: 7 is not of type string."]
    assert argument_problems(NOW, "[]") == ["The arguments are JSON, but no object."]
