"""JSON Schema: whether a text is one, and whether a value keeps to it, in words with the place."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from drover.domain.parameters import parsed_json
from drover.errors import ConfigurationError

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError
    from jsonschema.protocols import Validator

MOST_PROBLEMS = 5
_LONGEST_WORDS = 200
_LONGEST_VALUE = 40
_TYPES = "array, boolean, integer, null, number, object, string"


def problems_of_schema(text: str) -> list[str]:
    """What is wrong with the text as a schema of the draft that it names, or of the newest: at most five.

    A problem begins with its place, such as "properties.age.type: ". The first call loads the validator,
    which takes about 100 ms.
    """
    try:
        schema = parsed_json(text).value
    except ConfigurationError as error:
        return [error.message]
    if not isinstance(schema, dict | bool):
        return ['A schema is an object such as {"type": "object"}.']
    kind = _validator_for(schema)
    return _problems(kind(kind.META_SCHEMA), schema)


def problems_of_value(schema: Mapping[str, Any] | bool, value: object) -> list[str]:
    """How a JSON value breaks a schema: at most five problems, each with its place in the value.

    References to other documents are never fetched. A schema that cannot be applied is a problem too.
    """
    from referencing import Registry

    return _problems(_validator_for(schema)(schema, registry=Registry()), value)


def _validator_for(schema: Mapping[str, Any] | bool) -> type[Validator]:
    from jsonschema import Draft202012Validator
    from jsonschema.validators import validator_for

    return validator_for(schema, default=Draft202012Validator)


def _problems(validator: Validator, value: object) -> list[str]:
    try:
        found = itertools.islice(_described(validator, value), MOST_PROBLEMS)
        return list(dict.fromkeys(found))
    except RecursionError:
        return ["It is nested too deeply to be checked."]
    except Exception as error:  # the validator raises whatever a wrong schema trips over
        return [_cut(f"The schema cannot be applied: {' '.join(str(error).split())}")]


def _described(validator: Validator, value: Any) -> Iterator[str]:
    for error in validator.iter_errors(value):
        place = _place(error)
        yield _cut(f"{place}: {_words(error)}" if place else _words(error))


def _place(error: ValidationError) -> str:
    """Such as "properties.tags[0]"; empty for the whole."""
    parts = (f"[{part}]" if isinstance(part, int) else f".{part}" for part in error.absolute_path)
    return "".join(parts).removeprefix(".")


def _words(error: ValidationError) -> str:
    wanted: Any = error.validator_value
    instance: Any = error.instance
    shown = _shown(instance)
    match error.validator:
        case "type":
            return f"{shown} is not of type {' or '.join([wanted] if isinstance(wanted, str) else wanted)}."
        case "enum":
            return f"{shown} is not one of {', '.join(map(_shown, wanted))}."
        case "required":
            missing = [name for name in wanted if name not in instance]
            return f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing."
        case "anyOf" if error.absolute_path and error.absolute_path[-1] == "type":
            return f"{shown} is no type; the types are {_TYPES}."
        case _:
            words = str(error.message)
            return words if words.endswith(".") else words + "."


def _shown(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST_VALUE else text[: _LONGEST_VALUE - 1] + "…"


def _cut(words: str) -> str:
    return words if len(words) <= _LONGEST_WORDS else words[: _LONGEST_WORDS - 1].rstrip() + "…"
