"""Hypothesis strategies for domain values, and short makers of single ones."""

from __future__ import annotations

import dataclasses
import types
import uuid
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from hypothesis import strategies as st

from drover.domain.attempts import FailedAttempt
from drover.domain.conversation import (
    Conversation,
    FilePart,
    ImagePart,
    Message,
    Part,
    ReasoningPart,
    Role,
    TextPart,
    ToolCallPart,
    ToolResultPart,
)
from drover.domain.network import NetworkSettings
from drover.domain.parameters import Json, SamplingParameters
from drover.domain.run import Run, RunStatus
from drover.domain.tools import ToolDefinition

_Value = TypeVar("_Value")

NOON = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)

_PLAIN: dict[Any, st.SearchStrategy[Any]] = {
    str: st.text(max_size=40),
    int: st.integers(-(2**63), 2**63 - 1),
    float: st.floats(allow_nan=False),
    bool: st.booleans(),
    bytes: st.binary(max_size=200),
    datetime: st.datetimes(timezones=st.just(UTC)),
    type(None): st.none(),
    Json: st.dictionaries(st.text(max_size=5), st.none() | st.integers() | st.text(max_size=5)).map(Json.of),
}


def of(kind: type[_Value], **given: st.SearchStrategy[Any]) -> st.SearchStrategy[_Value]:
    """Values of a dataclass with every field drawn by its type, so that a new field is covered at once."""
    # Named here where a module knows them for the type checker alone.
    named = (ToolDefinition, FailedAttempt, NetworkSettings)
    hints = get_type_hints(kind, localns={each.__name__: each for each in named})
    drawn = {
        f.name: given[f.name] if f.name in given else _of_hint(hints[f.name])
        for f in dataclasses.fields(kind)  # type: ignore[arg-type]
    }
    return st.builds(kind, **drawn)


def _of_hint(hint: Any) -> st.SearchStrategy[Any]:
    if hint in _PLAIN:
        return _PLAIN[hint]
    arguments = get_args(hint)
    if get_origin(hint) in (Union, types.UnionType):
        return st.one_of([_of_hint(argument) for argument in arguments])
    if get_origin(hint) is tuple:
        if arguments[-1] is Ellipsis:
            return st.lists(_of_hint(arguments[0]), max_size=4).map(tuple)
        return st.tuples(*[_of_hint(argument) for argument in arguments])
    if issubclass(hint, Enum):
        return st.sampled_from(hint)
    return of(hint)


def new_id() -> str:
    return uuid.uuid4().hex


def minutes(number: float) -> datetime:
    """A moment so many minutes after noon."""
    return NOON + timedelta(minutes=number)


def conversation(name: str = "c", *, title: str = "", at: float = 0, is_pinned: bool = False) -> Conversation:
    return Conversation(
        id=name, title=title, created_at=minutes(at), updated_at=minutes(at), is_pinned=is_pinned
    )


def question(
    name: str = "q", text: str = "Why?", *, of: str = "c", after: str | None = None, at: float = 0
) -> Message:
    return Message(
        id=name,
        conversation_id=of,
        parent_id=after,
        role=Role.USER,
        parts=(TextPart(text=text),),
        created_at=minutes(at),
    )


def run(name: str = "r", *, of: str = "c", answers: str = "q", at: float = 0) -> Run:
    return Run(
        id=name,
        conversation_id=of,
        parent_id=answers,
        message_id=f"{name}-reply",
        endpoint_id="e",
        endpoint_name="Example",
        base_url="http://127.0.0.1:1/v1",
        model_id="m",
        parameters=SamplingParameters(temperature=0.5),
        system_prompt="",
        status=RunStatus.QUEUED,
        created_at=minutes(at),
    )


def reply(to: Run, text: str = "Because.", reasoning: str = "", *, at: float = 1) -> Message:
    parts: tuple[Part, ...] = (TextPart(text=text),)
    if reasoning:
        parts = (ReasoningPart(text=reasoning, source="reasoning"), *parts)
    return Message(
        id=to.message_id,
        conversation_id=to.conversation_id,
        parent_id=to.parent_id,
        role=Role.ASSISTANT,
        parts=parts,
        created_at=minutes(at),
        run_id=to.id,
    )


def ended(of: Run, status: RunStatus = RunStatus.COMPLETE, *, at: float = 1) -> Run:
    return dataclasses.replace(of, status=status, settled_at=minutes(at))


def of_reply_part() -> st.SearchStrategy[Part]:
    """Parts of every kind that a reply arrives with."""
    return st.one_of(of(TextPart), of(ReasoningPart), of(ToolCallPart))


def of_part() -> st.SearchStrategy[Part]:
    """Parts of every kind."""
    return st.one_of(of_reply_part(), of(ToolResultPart), of(ImagePart), of(FilePart))
