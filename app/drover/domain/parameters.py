"""Sampling parameters: one field is one parameter, and its spec is the only declaration of it.

The panel, the request body, `--set`, storage and export all follow from the fields of `SamplingParameters`.
"""

from __future__ import annotations

import dataclasses
import json
import math
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeAlias, TypeGuard, cast

from drover.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class Json:
    """A JSON value by its text, which is compact and keeps the order of keys; equal texts are equal."""

    text: str

    @staticmethod
    def of(value: object) -> Json:
        """The text of a value. Raises ValueError or TypeError for what JSON cannot say, such as NaN."""
        return Json(json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False))

    @property
    def value(self) -> Any:
        """The value, read anew each time."""
        return json.loads(self.text)


ParameterValue: TypeAlias = bool | float | int | str | tuple[str, ...] | Json


class ParameterKind(StrEnum):
    """How a value is written and edited."""

    NUMBER = "number"
    INTEGER = "integer"
    CHOICE = "choice"
    STRINGS = "strings"
    BOOLEAN = "boolean"
    TEXT = "text"
    JSON = "json"
    """Any JSON value."""
    KEYS = "keys"
    """A JSON object whose keys stand in the request body by themselves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ParameterSpec:
    """What can be said about one parameter without knowing the model."""

    name: str = ""
    """The wire name, as in the request body."""
    kind: ParameterKind
    minimum: float | None = None
    """Lowest accepted value, inclusive; None where the protocol sets none."""
    maximum: float | None = None
    """Highest accepted value, inclusive; None where only the model knows it. The most texts of STRINGS."""
    step: float = 1
    """Step of the slider and of the arrow keys."""
    initial: ParameterValue
    """What the editor shows when the parameter is first set."""
    choices: tuple[str, ...] = ()
    """Offered values of a CHOICE; servers know others, so any word is accepted."""
    options: tuple[Json, ...] = ()
    """The only values of a JSON, of whatever types; empty where any value will do."""
    schema: Json | None = None
    """The JSON Schema that the server gives for a JSON; it advises and refuses nothing."""
    is_nullable: bool = False
    """Whether null may be sent, which is another thing than sending nothing."""
    next_to: str = ""
    """The name of the parameter beside which this one belongs; empty for one that stands alone."""
    unit: str = ""
    help: str
    """One or two sentences for a person."""
    title: str = ""
    """What an editor calls it; empty for the wire name."""
    is_logarithmic: bool = False
    """Whether a slider moves by ratios instead of differences."""
    is_common: bool = True
    """False for parameters that only some (mostly local) servers know."""

    @property
    def decimals(self) -> int:
        """Digits after the point that the step calls for."""
        return 0 if self.kind is ParameterKind.INTEGER else max(0, -math.floor(math.log10(self.step)))

    @property
    def range_text(self) -> str:
        """The accepted range in words, such as "0 to 2" or "at least 1"."""
        if self.kind is ParameterKind.STRINGS:
            return "texts" if self.maximum is None else f"up to {_figure(self.maximum)} texts"
        if self.kind is ParameterKind.CHOICE:
            return "a word such as " + ", ".join(self.choices)
        if self.options:
            return "one of " + ", ".join(option.text for option in self.options)
        if self.kind in _WORDS_OF_KIND:
            return _WORDS_OF_KIND[self.kind]
        if self.minimum is not None and self.maximum is not None:
            return f"{_figure(self.minimum)} to {_figure(self.maximum)}"
        if self.minimum is not None:
            return f"at least {_figure(self.minimum)}"
        return "any whole number" if self.kind is ParameterKind.INTEGER else "any number"


_WORDS_OF_KIND = {
    ParameterKind.BOOLEAN: "true or false",
    ParameterKind.TEXT: "a text",
    ParameterKind.JSON: "a JSON value",
    ParameterKind.KEYS: "a JSON object",
}


def _figure(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:g}"


def _number(minimum: float | None, maximum: float | None, *, step: float, initial: float, **more: Any) -> Any:
    spec = ParameterSpec(
        kind=ParameterKind.NUMBER, minimum=minimum, maximum=maximum, step=step, initial=initial, **more
    )
    return dataclasses.field(default=None, metadata={"spec": spec})


def _integer(minimum: float | None, maximum: float | None, *, initial: int, **more: Any) -> Any:
    spec = ParameterSpec(
        kind=ParameterKind.INTEGER, minimum=minimum, maximum=maximum, initial=initial, **more
    )
    return dataclasses.field(default=None, metadata={"spec": spec})


def _other(kind: ParameterKind, *, initial: ParameterValue, **more: Any) -> Any:
    return dataclasses.field(
        default=None, metadata={"spec": ParameterSpec(kind=kind, initial=initial, **more)}
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplingParameters:
    """What the user asked for. None means that the key is absent from the request body.

    Ranges are those of the OpenAI reference; `top_k`, `min_p` and `repeat_penalty` those of llama.cpp.
    """

    temperature: float | None = _number(
        0.0, 2.0, step=0.01, initial=0.7,
        help="Randomness of sampling. 0 takes the likeliest token each time; above 1 the text grows erratic.",
    )  # fmt: skip
    max_tokens: int | None = _integer(
        1, None, initial=1024, unit="tokens", is_logarithmic=True,
        help="Upper bound on the reply. Thinking counts too, so a low limit can leave no room for an answer.",
    )  # fmt: skip
    top_p: float | None = _number(
        0.0, 1.0, step=0.01, initial=0.95,
        help="Samples only from the likeliest tokens that together reach this probability.",
    )  # fmt: skip
    frequency_penalty: float | None = _number(
        -2.0, 2.0, step=0.01, initial=0.0,
        help="Lowers the odds of a token in proportion to how often it has already occurred.",
    )  # fmt: skip
    presence_penalty: float | None = _number(
        -2.0, 2.0, step=0.01, initial=0.0,
        help="Lowers the odds of every token that has occurred at all, which nudges towards new subjects.",
    )  # fmt: skip
    reasoning_effort: str | None = _other(
        ParameterKind.CHOICE, initial="medium", choices=("low", "medium", "high"),
        help="How much a reasoning model thinks before it answers. More effort costs more tokens and time.",
    )  # fmt: skip
    seed: int | None = _integer(
        0, 2**63 - 1, initial=7,
        help="Asks for repeatable sampling. Most servers promise no more than their best effort.",
    )  # fmt: skip
    stop: tuple[str, ...] | None = _other(
        ParameterKind.STRINGS, initial=(), maximum=4,
        help="Texts at which the reply ends, at most four. The text itself is left out of the reply.",
    )  # fmt: skip
    top_k: int | None = _integer(
        0, 1000, initial=40, is_common=False,
        help="Samples only from this many of the likeliest tokens. 0 switches the limit off.",
    )  # fmt: skip
    min_p: float | None = _number(
        0.0, 1.0, step=0.01, initial=0.05, is_common=False,
        help="Drops tokens whose probability is below this share of the likeliest token's.",
    )  # fmt: skip
    repeat_penalty: float | None = _number(
        0.5, 2.0, step=0.01, initial=1.1, is_common=False,
        help="Divides the score of tokens seen recently. 1 does nothing.",
    )  # fmt: skip

    logprobs: bool | None = _other(
        ParameterKind.BOOLEAN, initial=True, is_common=False,
        help="Asks for the probability of each token of the reply, which the Tokens tab shows.",
    )  # fmt: skip
    top_logprobs: int | None = _integer(
        0, 20, initial=5, is_common=False,
        help="How many of the likeliest tokens to report at each place. Sends logprobs with it.",
    )  # fmt: skip
    response_format: Json | None = _other(  # noqa: RUF009
        ParameterKind.JSON, initial=Json('{"type":"json_object"}'), is_common=False,
        help="Makes the reply JSON, or JSON of a given schema, on servers that can.",
    )  # fmt: skip
    tool_choice: str | None = _other(
        ParameterKind.CHOICE, initial="auto", choices=("auto", "none", "required"), is_common=False,
        help="Whether the model may call a tool, must call one, or must call the one named here. Only with"
        " tools.",
    )  # fmt: skip
    parallel_tool_calls: bool | None = _other(
        ParameterKind.BOOLEAN, initial=False, is_common=False,
        help="Whether the model may ask for several calls at once. Only with tools.",
    )  # fmt: skip
    extra: Json | None = _other(  # noqa: RUF009
        ParameterKind.KEYS, initial=Json("{}"), is_common=False, title="extra JSON",
        help="Further keys for the request body, sent exactly as written.",
    )  # fmt: skip

    def __iter__(self) -> Iterator[tuple[str, ParameterValue]]:
        """What is set, as (key of the body, value): in declared order, then the keys of `extra`."""
        for name in SPECS:
            value = getattr(self, name)
            if value is not None and name != "extra":
                yield name, value
        yield from ((name, Json.of(value)) for name, value in self.extra_keys.items())

    def __len__(self) -> int:
        """How many parameters are set; `extra` counts as one."""
        return sum(getattr(self, name) is not None for name in SPECS)

    @property
    def extra_keys(self) -> dict[str, Any]:
        """The keys of `extra` with their values."""
        return {} if self.extra is None else cast("dict[str, Any]", self.extra.value)

    def __bool__(self) -> bool:
        """True also when nothing is set: an empty choice is still a choice."""
        return True

    def get(self, name: str) -> ParameterValue | None:
        """The value of the parameter with this wire name; None if unset."""
        return cast("ParameterValue | None", getattr(self, name))

    def replaced(self, name: str, value: ParameterValue | None) -> SamplingParameters:
        """A copy with one parameter set (clamped into its range) or unset (None)."""
        clean = None if value is None else clamped(SPECS[name], value)
        return dataclasses.replace(self, **cast("dict[str, Any]", {name: clean}))

    @property
    def idle_names(self) -> frozenset[str]:
        """What is set and yet adds nothing to a request: no stop texts, no extra keys."""
        is_idle = {"stop": self.stop == (), "extra": self.extra is not None and not self.extra_keys}
        return frozenset(name for name, holds in is_idle.items() if holds)

    def without(self, names: Collection[str]) -> SamplingParameters:
        """A copy without these keys of the body, whether they are parameters or keys of `extra`."""
        unset: dict[str, Any] = {name: None for name in names if name in SPECS}
        if not self.extra_keys.keys().isdisjoint(names):
            rest = {name: value for name, value in self.extra_keys.items() if name not in names}
            unset["extra"] = Json.of(rest) if rest else None
        return dataclasses.replace(self, **unset) if unset else self

    def as_dict(self) -> dict[str, Any]:
        """Only what is set, by field, with JSON's own types (`stop` as a list)."""
        values = ((name, getattr(self, name)) for name in SPECS)
        return {name: plain(value) for name, value in values if value is not None}

    @staticmethod
    def from_dict(values: Mapping[str, Any]) -> SamplingParameters:
        """The inverse of `as_dict`. Raises ConfigurationError for an unknown name or a refused value."""
        clean: dict[str, Any] = {}
        for name, value in values.items():
            if name not in SPECS:
                raise ConfigurationError(
                    f"There is no parameter named {name}.", hint="Known: " + ", ".join(SPECS) + "."
                )
            if value is not None:
                clean[name] = checked(SPECS[name], typed(SPECS[name], value))
        return SamplingParameters(**clean)


SPECS: Mapping[str, ParameterSpec] = {
    field.name: dataclasses.replace(field.metadata["spec"], name=field.name)
    for field in dataclasses.fields(SamplingParameters)
}
"""Each parameter's spec by wire name, in the order in which the panel shows them."""

UNSET = SamplingParameters()
"""Nothing set: the server's own defaults apply."""

WRITTEN_BY_DROVER = frozenset({"model", "messages", "stream", "n", "max_completion_tokens"})
"""Keys of the body that no parameter and no extra JSON may set."""


def plain(value: ParameterValue) -> Any:
    """The value in JSON's own types, as it stands in a request body."""
    if isinstance(value, Json):
        return value.value
    return list(value) if isinstance(value, tuple) else value


def typed(spec: ParameterSpec, value: Any) -> ParameterValue:
    """The inverse of `plain`; whether the value is in range is not looked at."""
    if spec.kind in (ParameterKind.JSON, ParameterKind.KEYS) and not isinstance(value, Json):
        return Json.of(value)
    return tuple(value) if isinstance(value, list) else cast("ParameterValue", value)


def parsed_json(text: str) -> Json:
    """The value that a person typed, compact. Raises ConfigurationError that says where it goes wrong."""
    try:
        hooks: dict[str, Any] = {"parse_constant": _refuse_constant, "object_pairs_hook": _without_twins}
        value = Json.of(json.loads(text, **hooks))
        value.text.encode()
    except json.JSONDecodeError as error:
        raise ConfigurationError(
            f"This is not JSON: {json_slip_in_words(error.msg)} in line {error.lineno}, column {error.colno}."
        ) from None
    except UnicodeEncodeError as error:
        half = ord(error.object[error.start])
        raise ConfigurationError(
            f"\\u{half:04x} is half a character, which no request can carry.",
            hint="Write its other half too.",
        ) from None
    except RecursionError:
        raise ConfigurationError("This JSON is nested too deeply to be read.") from None
    except ValueError as error:
        raise ConfigurationError(f"This is not JSON: {json_slip_in_words(str(error))}.") from None
    return value


_JSON_SLIPS = {
    "Expecting property name": "a key in double quotes is expected",
    "Expecting ',' delimiter": "a comma or a closing bracket is expected",
    "Expecting ':' delimiter": "a colon after the key is expected",
    "Expecting value": "a value is expected",
    "Extra data": "something follows the end of the value",
    "Unterminated string": "no quote ends the text that begins",
    "Invalid control character": "a line end or another control character must be written as \\n or \\u....",
    "Invalid \\": "a backslash begins no known escape",
    "Illegal trailing comma": "a comma stands before the end",
    "Exceeds the limit": "a number has more digits than can be read",
    "Out of range float": "a number is larger than any that JSON programs agree on",
}
"""What Python's decoder says, by how it begins, and what it means."""


def json_slip_in_words(message: str) -> str:
    """What Python's decoder of JSON says, for a person."""
    found = (words for start, words in _JSON_SLIPS.items() if message.startswith(start))
    return next(found, message)


def _without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The object, if no key stands twice: one of the two would be lost without a word."""
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twin = next(name for name in names if names.count(name) > 1)
        raise ConfigurationError(f"The key {json.dumps(twin, ensure_ascii=False)} stands twice.")
    return found


def _refuse_constant(word: str) -> Any:
    raise ValueError(f"{word} is not a JSON value")


def _checked_keys(value: Json) -> Json:
    """The object, if none of its keys has another place."""
    keys = value.value
    if not isinstance(keys, dict):
        raise ConfigurationError('Extra JSON must be an object such as {"user": "me"}.')
    for name in keys:
        if name in SPECS:
            raise ConfigurationError(f"{name} is a parameter of its own.", hint="Set it in its own row.")
        if name in WRITTEN_BY_DROVER:
            raise ConfigurationError(
                f"{name} is written by Drover itself.", hint="Take it out of the extra JSON."
            )
    return value


def checked(spec: ParameterSpec, value: ParameterValue) -> ParameterValue:
    """The value in the spec's own type, or ConfigurationError that names the range."""
    refusal = ConfigurationError(f"{spec.name} must be {spec.range_text}, not {value!r}.")
    if spec.kind is ParameterKind.CHOICE:
        is_word = isinstance(value, str) and re.fullmatch(r"[A-Za-z0-9_.-]{1,64}", value) is not None
        if not isinstance(value, str) or not (is_word or value in spec.choices):
            raise refusal
        return value
    if spec.kind is ParameterKind.STRINGS:
        texts = (value,) if isinstance(value, str) else value
        if (
            not isinstance(texts, tuple)
            or (spec.maximum is not None and len(texts) > spec.maximum)
            or not all(isinstance(t, str) for t in texts)
        ):
            raise refusal
        return texts
    if spec.kind in (ParameterKind.JSON, ParameterKind.KEYS):
        if not isinstance(value, Json) or (spec.options and value not in spec.options):
            raise refusal
        return _checked_keys(value) if spec.kind is ParameterKind.KEYS else value
    if spec.kind is ParameterKind.BOOLEAN:
        if not isinstance(value, bool):
            raise refusal
        return value
    if spec.kind is ParameterKind.TEXT:
        if not isinstance(value, str):
            raise refusal
        return value
    if not _is_finite_number(value):
        raise refusal
    if spec.kind is ParameterKind.INTEGER:
        if value != int(value):
            raise refusal
        value = int(value)
    else:
        value = float(value)
    if (spec.minimum is not None and value < spec.minimum) or (
        spec.maximum is not None and value > spec.maximum
    ):
        raise refusal
    return value


def _is_finite_number(value: ParameterValue) -> TypeGuard[int | float]:
    try:
        return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    except OverflowError:  # hundreds of digits
        return False


def clamped(spec: ParameterSpec, value: ParameterValue) -> ParameterValue:
    """Like `checked`, but a finite number outside the range becomes the nearest bound."""
    if _is_finite_number(value):
        if spec.maximum is not None:
            value = min(value, int(spec.maximum) if spec.kind is ParameterKind.INTEGER else spec.maximum)
        if spec.minimum is not None:
            value = max(value, int(spec.minimum) if spec.kind is ParameterKind.INTEGER else spec.minimum)
        if spec.kind is ParameterKind.INTEGER:
            value = round(value)
    return checked(spec, value)


def narrowed(spec: ParameterSpec, wanted: ParameterSpec) -> ParameterSpec:
    """A parameter of the catalogue as one model takes it: its own range and choices where these are narrower.

    Where the model wants another kind of value than the catalogue can hold, the catalogue's spec stays.
    """
    numbers = (ParameterKind.NUMBER, ParameterKind.INTEGER)
    if spec.kind is not wanted.kind and not (spec.kind in numbers and wanted.kind in numbers):
        return dataclasses.replace(spec, is_common=wanted.is_common, next_to=wanted.next_to)
    lowest = [bound for bound in (spec.minimum, wanted.minimum) if bound is not None]
    highest = [bound for bound in (spec.maximum, wanted.maximum) if bound is not None]
    bounded = dataclasses.replace(
        spec, minimum=max(lowest, default=None), maximum=min(highest, default=None),
        choices=wanted.choices or spec.choices, is_common=wanted.is_common, next_to=wanted.next_to,
        help=wanted.help or spec.help,
    )  # fmt: skip
    if bounded.minimum is not None and bounded.maximum is not None and bounded.minimum > bounded.maximum:
        return spec
    try:
        initial = clamped(bounded, wanted.initial)
    except ConfigurationError:
        initial = clamped(bounded, spec.initial)
    return dataclasses.replace(bounded, initial=initial)


def parsed_setting(text: str) -> tuple[str, ParameterValue]:
    r"""Reads `name=value` as typed on a command line; `stop` takes `\n` escapes and splits at `|`.

    Raises ConfigurationError for an unknown name or a value outside the range.
    """
    name, separator, raw = text.partition("=")
    name = name.strip()
    if not separator:
        raise ConfigurationError(f"{text!r} is not a setting.", hint="Write it as name=value.")
    if name not in SPECS:
        raise ConfigurationError(
            f"There is no parameter named {name}.", hint="Known: " + ", ".join(SPECS) + "."
        )
    spec = SPECS[name]
    if spec.kind is ParameterKind.STRINGS:
        pieces = raw.replace("\\n", "\n").replace("\\t", "\t").split("|")
        return name, checked(spec, tuple(piece for piece in pieces if piece))
    if spec.kind in (ParameterKind.CHOICE, ParameterKind.TEXT):
        return name, checked(spec, raw.strip())
    if spec.kind in (ParameterKind.JSON, ParameterKind.KEYS):
        return name, checked(spec, parsed_json(raw))
    if spec.kind is ParameterKind.BOOLEAN:
        words = {"true": True, "false": False}
        return name, checked(spec, words.get(raw.strip().lower(), raw))
    try:
        number: ParameterValue = int(raw) if re.fullmatch(r"\s*[+-]?\d+\s*", raw) else float(raw)
    except ValueError:
        raise ConfigurationError(f"{name} must be {spec.range_text}, not {raw!r}.") from None
    return name, checked(spec, number)


@dataclass(frozen=True, slots=True, kw_only=True)
class ParameterChange:
    """One difference between two sets of parameters."""

    name: str
    before: ParameterValue | None
    after: ParameterValue | None


def changes(before: SamplingParameters, after: SamplingParameters) -> list[ParameterChange]:
    """What differs, in declared order, then the keys of `extra`."""
    old, new = dict(before), dict(after)
    names = [*SPECS, *dict.fromkeys([*before.extra_keys, *after.extra_keys])]
    return [
        ParameterChange(name=name, before=old.get(name), after=new.get(name))
        for name in names
        if old.get(name) != new.get(name)
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """A named set of parameters and a system prompt."""

    id: str
    name: str
    parameters: SamplingParameters
    system_prompt: str = ""
    endpoint_id: str = ""
    """Where to send with it; empty leaves the endpoint as it is chosen."""
    model_id: str = ""
    """Which model to ask; empty leaves it as it is chosen."""
