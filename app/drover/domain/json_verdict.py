"""Whether a text is the JSON that was asked for, in words."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from drover.domain.json_schema import MOST_PROBLEMS, problems_of_value
from drover.domain.parameters import json_slip_in_words


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class JsonVerdict:
    """What was found about a text."""

    value: Any = None
    """As parsed; None also where it is no JSON."""
    is_json: bool = False
    cut_at: tuple[int, int] | None = None
    """(line, column), from 1, at which a text that began as JSON ends too early."""
    slip: str = ""
    """What is wrong with a text that is no JSON, where that is not its early end."""
    has_schema: bool = False
    """Whether the value was compared with a schema."""
    problems: tuple[str, ...] = ()
    """How the value breaks the schema, at most `MOST_PROBLEMS`."""

    @property
    def is_good(self) -> bool:
        """Whether it is JSON, and keeps to the schema where there is one."""
        return self.is_json and not self.problems

    @property
    def has_more_problems(self) -> bool:
        """Whether there may be problems beyond those that are told."""
        return len(self.problems) >= MOST_PROBLEMS


def judged(text: str, schema: Mapping[str, Any] | bool | None = None) -> JsonVerdict:
    """Parses a text and compares it with a schema. Takes long for long texts, and 100 ms the first time."""
    stripped = text.strip()
    try:
        value = json.loads(stripped)
    except json.JSONDecodeError as error:
        if stripped and _is_cut(error):
            lead = text[: len(text) - len(text.lstrip())]
            line = text.rstrip().count("\n") + 1
            last = (lead + stripped).rsplit("\n", 1)[-1]
            return JsonVerdict(cut_at=(line, len(last)))
        words = json_slip_in_words(error.msg)
        return JsonVerdict(slip=f"{words} in line {error.lineno}, column {error.colno}.")
    except RecursionError:
        return JsonVerdict(slip="It is nested too deeply to be read.")
    except ValueError as error:
        return JsonVerdict(slip=f"{json_slip_in_words(str(error))}.")
    if schema is None:
        return JsonVerdict(value=value, is_json=True)
    problems = tuple(problems_of_value(schema, value))
    return JsonVerdict(value=value, is_json=True, has_schema=True, problems=problems)


def _is_cut(error: json.JSONDecodeError) -> bool:
    """Whether nothing is wrong but that the text ends."""
    return error.pos >= len(error.doc) or error.msg.startswith("Unterminated string")


def schema_asked_for(response_format: object) -> Mapping[str, Any] | bool | None:
    """The schema in a `response_format`; None where it asks for no schema."""
    asked = response_format if isinstance(response_format, dict) else {}
    described = asked.get("json_schema")
    schema = described.get("schema") if isinstance(described, dict) else None
    return schema if isinstance(schema, dict | bool) else None


def asks_for_json(response_format: object) -> bool:
    """Whether a `response_format` asks for a reply that is JSON."""
    kind = response_format.get("type") if isinstance(response_format, dict) else None
    return kind in ("json_object", "json_schema")
