"""Tools that a conversation offers to the model."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolDefinition:
    """A function that the model may ask for; a person answers, or a program of theirs does."""

    name: str
    """Letters, digits, `_` and `-`, at most 64."""
    description: str = ""
    """For the model: what it does and when to call it."""
    parameters_schema: str = '{"type":"object","properties":{}}'
    """JSON Schema of the arguments, as text."""
    command: tuple[str, ...] = ()
    """The program and its arguments, run without a shell; it reads the arguments of the call as JSON from its
    standard input. A word that begins with `~/` begins with the home folder. Empty where a person
    answers."""
    timeout_s: float = 30.0
    """The program is ended after so long, and what it had written is the result."""
    output_limit_bytes: int = 65_536
    """What the program writes beyond this to either of its outputs is left out, and the result says so."""
    is_strict: bool = False
    """Whether the server is asked to hold the model to the schema. Sent only if set."""
