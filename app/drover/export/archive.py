"""Whole conversations as JSON, and back: with every version, run, request and recorded stream."""

from __future__ import annotations

import base64
import dataclasses
import json
import types
from collections.abc import Sequence
from datetime import UTC, datetime
from enum import Enum
from functools import lru_cache
from typing import Any, Union, get_args, get_origin, get_type_hints

from drover import __version__
from drover.domain.attempts import FailedAttempt
from drover.domain.conversation import (
    FilePart,
    ImagePart,
    ReasoningPart,
    TextPart,
    ToolCallPart,
    ToolResultPart,
)
from drover.domain.parameters import Json
from drover.domain.record import ConversationRecord
from drover.errors import ConfigurationError

_FORMAT = "drover conversations"
_VERSION = 1

_KINDS: dict[str, type] = {
    "text": TextPart,
    "reasoning": ReasoningPart,
    "tool call": ToolCallPart,
    "tool result": ToolResultPart,
    "image": ImagePart,
    "file": FilePart,
}
"""What tells the parts of a message apart."""
_NAMES = {kind: name for name, kind in _KINDS.items()}


def archive(records: Sequence[ConversationRecord]) -> bytes:
    """The conversations as JSON in UTF-8, to be read by `read_archive` in any later version."""
    document = {
        "format": _FORMAT,
        "version": _VERSION,
        "written_by": f"Drover {__version__}",
        "conversations": [_encoded(record) for record in records],
    }
    text = json.dumps(document, ensure_ascii=False, indent=1)
    return text.encode("utf-8", "replace")


def read_archive(data: bytes) -> list[ConversationRecord]:
    """The conversations in a file. Raises ConfigurationError, in words, for any other file."""
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict) or document.get("format") != _FORMAT:
        raise ConfigurationError(
            "This is not a file of exported conversations.", hint="Export them as JSON to move them."
        )
    if document.get("version") != _VERSION:
        raise ConfigurationError(
            "This file was written by a newer version of Drover.", hint="Update Drover, then import it."
        )
    try:
        decoded = _decoded(tuple[ConversationRecord, ...], document["conversations"])
    except (TypeError, ValueError, KeyError, OverflowError) as error:
        raise ConfigurationError(f"The file is damaged: {error}.") from None
    return [record.checked() for record in decoded]


def _encoded(value: Any) -> Any:
    match value:
        case Json():
            return value.value
        case Enum():
            return value.value
        case datetime():
            return value.isoformat()
        case bytes():
            return _encoded_bytes(value)
        case tuple():
            return [_encoded(item) for item in value]
        case _ if dataclasses.is_dataclass(value):
            return _encoded_fields(value)
        case _:
            return value


def _encoded_fields(value: Any) -> dict[str, Any]:
    kind: type = type(value)
    encoded = {"kind": _NAMES[kind]} if kind in _NAMES else {}
    for field in dataclasses.fields(value):
        content = getattr(value, field.name)
        if content is not None or field.default is not None:
            encoded[field.name] = _encoded(content)
    return encoded


def _encoded_bytes(value: bytes) -> Any:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(value).decode()}


@lru_cache(maxsize=64)
def _hints(kind: Any) -> dict[str, Any]:
    hints = get_type_hints(kind, localns={"FailedAttempt": FailedAttempt})
    return {field.name: hints[field.name] for field in dataclasses.fields(kind)}


def _decoded(hint: Any, value: Any) -> Any:
    """The value of this type. Raises TypeError, ValueError or KeyError where it is none."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return _decoded_choice(arguments, value)
    if origin is tuple:
        items = _expected(list, value)
        if arguments[-1] is Ellipsis:
            return tuple(_decoded(arguments[0], item) for item in items)
        return tuple(_decoded(each, item) for each, item in zip(arguments, items, strict=True))
    if hint is Json:
        return Json.of(value)
    if hint is bytes:
        return _decoded_bytes(value)
    if hint is datetime:
        return datetime.fromisoformat(_expected(str, value)).astimezone(UTC)
    if hint is float:
        return float(_expected((int, float), value))
    if issubclass(hint, Enum):
        return hint(value)
    if dataclasses.is_dataclass(hint):
        return _decoded_fields(hint, _expected(dict, value))
    return _expected(hint, value)


def _decoded_choice(arguments: tuple[Any, ...], value: Any) -> Any:
    if value is None and types.NoneType in arguments:
        return None
    options = [argument for argument in arguments if argument is not types.NoneType]
    if len(options) == 1:
        return _decoded(options[0], value)
    kind = _KINDS[_expected(dict, value)["kind"]]
    return _decoded_fields(kind, value)


def _decoded_fields(kind: Any, value: dict[str, Any]) -> Any:
    """Fields that this version does not know are left out; those that are missing get their defaults."""
    hints = _hints(kind)
    return kind(**{name: _decoded(hints[name], value[name]) for name in hints if name in value})


def _decoded_bytes(value: Any) -> bytes:
    if isinstance(value, str):
        return value.encode("utf-8", "replace")
    return base64.b64decode(_expected(dict, value)["base64"], validate=True)


def _expected(kind: Any, value: Any) -> Any:
    kinds = kind if isinstance(kind, tuple) else (kind,)
    if not isinstance(value, kind) or (isinstance(value, bool) and bool not in kinds):
        names = " or ".join(each.__name__ for each in kinds)
        raise TypeError(f"{names} expected, {type(value).__name__} found")
    return value
