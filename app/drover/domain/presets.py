"""Presets: those that come with Drover, what two of them differ in, and their form as a file.

A file of presets is UTF-8 JSON:

    {"drover": "presets", "version": 1, "presets": [
      {"name": "Careful", "parameters": {"temperature": 0.2, "stop": ["END"], "extra": {"user": "me"}},
       "system_prompt": "Be careful.", "endpoint": "https://host/v1", "model": "some-model"}]}

Only the name is required. `parameters` has the wire names; `extra` holds further keys of the request body.
`endpoint` is a base URL, or `built-in`; without `endpoint` and `model` these stay as they are chosen.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from drover.domain.conversation import Draft
from drover.domain.parameters import (
    SPECS,
    UNSET,
    WRITTEN_BY_DROVER,
    ParameterValue,
    Preset,
    SamplingParameters,
    parsed_json,
)
from drover.errors import ConfigurationError
from drover.log import masked

_FORMAT: Final = "presets"
_VERSION: Final = 1
_LONGEST_NAME: Final = 100
_MOST_LINES: Final = 2000
"""Beyond this many changed lines texts are not aligned, which takes quadratic time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShippedPreset:
    """A preset that comes with Drover and cannot be changed."""

    preset: Preset
    about: str
    """What its values are and where they come from, in a sentence or two."""


_ALL = SamplingParameters(
    temperature=1.0, max_tokens=4096, top_p=1.0, frequency_penalty=0.0, presence_penalty=0.0
)

SHIPPED: Mapping[str, ShippedPreset] = {
    shipped.preset.id: shipped
    for shipped in (
        ShippedPreset(
            preset=Preset(id="shipped-minimal", name="Minimal", parameters=UNSET),
            about="Nothing but the model and the messages: the server’s own defaults apply.",
        ),
        ShippedPreset(
            preset=Preset(
                id="shipped-basic",
                name="Basic",
                parameters=SamplingParameters(temperature=0.7, max_tokens=4096),
            ),
            about="max_tokens and temperature. 0.7 is what Oxen.ai’s examples send, which is no"
            " recommendation; 4096 tokens leave room for thinking.",
        ),
        ShippedPreset(
            preset=Preset(id="shipped-all", name="All", parameters=_ALL),
            about="The sampling parameters of Oxen.ai’s reference, with values that limit the length to 4096"
            " tokens and are neutral otherwise. response_format is left out: it would turn answers into"
            " JSON. Some models refuse temperature and top_p together.",
        ),
        ShippedPreset(
            preset=Preset(
                id="shipped-gpt-oss",
                name="gpt-oss recommended",
                parameters=SamplingParameters(temperature=1.0, top_p=1.0),
            ),
            about="What the makers of gpt-oss recommend for both sizes.",
        ),
    )
}
"""By id, in the order in which they are offered."""


def with_shipped(own: Sequence[Preset]) -> list[Preset]:
    """All presets that can be chosen: the person's own first."""
    return [*own, *(shipped.preset for shipped in SHIPPED.values())]


def holds(preset: Preset, draft: Draft) -> bool:
    """Whether choosing the preset would change nothing of what the draft would send."""
    return (
        preset.parameters == draft.parameters
        and preset.system_prompt == draft.system_prompt
        and preset.endpoint_id in ("", draft.endpoint_id)
        and preset.model_id in ("", draft.model_id)
    )


def with_preset(draft: Draft, preset: Preset) -> Draft:
    """The draft with this preset chosen. With an endpoint that has no model kept goes that endpoint's own."""
    return dataclasses.replace(
        draft,
        preset_id=preset.id,
        parameters=preset.parameters,
        system_prompt=preset.system_prompt,
        endpoint_id=preset.endpoint_id or draft.endpoint_id,
        model_id=preset.model_id or ("" if preset.endpoint_id else draft.model_id),
    )


def named(presets: Iterable[Preset], name: str) -> Preset | None:
    """The preset with this name, which is written as it is or else in other capitals."""
    known = list(presets)
    exact = next((preset for preset in known if preset.name == name), None)
    return exact or next((preset for preset in known if preset.name.casefold() == name.casefold()), None)


def free_name(wanted: str, taken: Iterable[str]) -> str:
    """The name itself, or with the first number from 2 that makes it one of its own: "Exact (2)"."""
    known = {name.casefold() for name in taken}
    stem, _, number = wanted.rpartition(" (")
    if not (stem and number.endswith(")") and number[:-1].isdecimal()) or wanted.casefold() not in known:
        stem = wanted
    name, count = wanted, 1
    while name.casefold() in known:
        count += 1
        name = f"{stem[: _LONGEST_NAME - 8].rstrip()} ({count})"
    return name


def clean_name(raw: str) -> str:
    """A name in one line. Raises ConfigurationError for one that is blank or too long."""
    name = " ".join(raw.split())
    if not name:
        raise ConfigurationError("A preset needs a name.")
    if len(name) > _LONGEST_NAME:
        raise ConfigurationError(f"A name has at most {_LONGEST_NAME} letters.")
    return name


# Differences


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedParameter:
    """One key of the request body in two sets of parameters; None where it is not sent."""

    name: str
    one: ParameterValue | None
    other: ParameterValue | None

    @property
    def differs(self) -> bool:
        """Whether the two would send different things."""
        return self.one != self.other


def compared(one: SamplingParameters, other: SamplingParameters) -> list[ComparedParameter]:
    """Every key that either sets, those that differ first, else in declared order."""
    left, right = dict(one), dict(other)
    names = [*SPECS, *dict.fromkeys([*one.extra_keys, *other.extra_keys])]
    rows = [
        ComparedParameter(name=name, one=left.get(name), other=right.get(name))
        for name in names
        if name in left or name in right
    ]
    return sorted(rows, key=lambda row: not row.differs)


@dataclass(frozen=True, slots=True)
class ComparedLine:
    """A line of two texts."""

    sign: str
    """`-` stands in the one alone, `+` in the other alone, a space in both."""
    text: str


def compared_lines(one: str, other: str) -> list[ComparedLine]:
    """Both texts line by line, what was taken out before what came instead."""
    from difflib import SequenceMatcher  # not needed before two presets are compared

    left, right = one.splitlines(), other.splitlines()
    start = 0
    while start < min(len(left), len(right)) and left[start] == right[start]:
        start += 1
    end = 0
    while end < min(len(left), len(right)) - start and left[-1 - end] == right[-1 - end]:
        end += 1
    lines = [ComparedLine(" ", line) for line in left[:start]]
    old, new = left[start : len(left) - end], right[start : len(right) - end]
    blocks: Sequence[tuple[str, int, int, int, int]] = [("replace", 0, len(old), 0, len(new))]
    if len(old) + len(new) <= _MOST_LINES:
        blocks = SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    for tag, old_from, old_to, new_from, new_to in blocks:
        if tag == "equal":
            lines += [ComparedLine(" ", line) for line in old[old_from:old_to]]
        else:
            lines += [ComparedLine("-", line) for line in old[old_from:old_to]]
            lines += [ComparedLine("+", line) for line in new[new_from:new_to]]
    return lines + [ComparedLine(" ", line) for line in left[len(left) - end :]]


# Files


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadPresets:
    """What a file of presets held."""

    presets: tuple[Preset, ...]
    notes: tuple[str, ...]
    """What was read in another way than it was written, in sentences."""


def presets_text(presets: Iterable[Preset], addresses: Mapping[str, str]) -> str:
    """A file of presets, without known keys; `addresses` has the base URL of each endpoint by id."""
    entries: list[dict[str, Any]] = []
    for preset in presets:
        entry: dict[str, Any] = {"name": preset.name, "parameters": preset.parameters.as_dict()}
        address = addresses.get(preset.endpoint_id, "")
        # A model says nothing without the server that has it, unless it was kept alone.
        model_id = preset.model_id if address or not preset.endpoint_id else ""
        more = {"system_prompt": preset.system_prompt, "endpoint": address, "model": model_id}
        entries.append(entry | {name: value for name, value in more.items() if value})
    file = {"drover": _FORMAT, "version": _VERSION, "presets": _without_keys(entries)}
    return json.dumps(file, ensure_ascii=False, indent=2) + "\n"


def _without_keys(value: Any) -> Any:
    """The value with each known key in its texts overwritten."""
    match value:
        case str():
            return masked(value.encode(errors="replace")).decode()
        case list():
            return [_without_keys(item) for item in value]
        case dict():
            return {_without_keys(name): _without_keys(item) for name, item in value.items()}
        case _:
            return value


def read_presets(
    text: str, *, addresses: Mapping[str, str], taken: Collection[str], new_id: Callable[[], str]
) -> ReadPresets:
    """The inverse of `presets_text`. A name that is taken gets a number.

    Raises ConfigurationError in words for what is no such file, or holds a value that cannot be sent: then
    nothing of it is to be used.
    """
    file = parsed_json(text).value
    _check_head(file)
    endpoint_ids = {address: endpoint_id for endpoint_id, address in addresses.items()}
    names, notes = set(taken), []
    presets: list[Preset] = []
    for number, raw in enumerate(file["presets"], 1):
        entry = _Entry(raw, number)
        name = free_name(entry.name, names)
        names.add(name)
        presets.append(dataclasses.replace(entry.preset(endpoint_ids), id=new_id(), name=name))
        notes += [f"“{name}”: {note}" for note in entry.notes]
    return ReadPresets(presets=tuple(presets), notes=tuple(notes))


def _check_head(file: object) -> None:
    if not isinstance(file, dict) or file.get("drover") != _FORMAT:
        raise ConfigurationError(
            "This is no file of presets.", hint='It would begin with {"drover": "presets", "version": 1.'
        )
    version = file.get("version")
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise ConfigurationError("This file of presets does not say its version.")
    if version > _VERSION:
        raise ConfigurationError(
            f"This file was written by a newer Drover (version {version}).", hint="Update Drover to read it."
        )
    if not isinstance(file.get("presets"), list):
        raise ConfigurationError("This file of presets has no list of presets.")
    if not file["presets"]:
        raise ConfigurationError("There is no preset in this file.")


class _Entry:
    """One preset as it stands in a file."""

    def __init__(self, raw: object, number: int) -> None:
        """Raises ConfigurationError for what has no name."""
        if not isinstance(raw, dict):
            raise ConfigurationError(f"Preset {number} of this file is not an object.")
        self._values: dict[str, Any] = raw
        self.notes: list[str] = []
        try:
            self.name = clean_name(raw["name"] if isinstance(raw.get("name"), str) else "")
        except ConfigurationError as error:
            raise ConfigurationError(f"Preset {number} of this file: {error.message}") from None

    def preset(self, endpoint_ids: Mapping[str, str]) -> Preset:
        """The preset, without an id. Raises ConfigurationError."""
        try:
            address, model_id = self._text("endpoint"), self._text("model")
            endpoint_id = endpoint_ids.get(address.rstrip("/"), "") if address else ""
            if address and not endpoint_id:
                self.notes.append(f"no endpoint has the address {address}; the one chosen stays.")
                model_id = ""
            known = {"name", "parameters", "system_prompt", "endpoint", "model"}
            self.notes += [f"{name} was left out: Drover knows no such thing."
                           for name in self._values if name not in known]  # fmt: skip
            return Preset(
                id="", name=self.name, parameters=self._parameters(),
                system_prompt=self._text("system_prompt"), endpoint_id=endpoint_id, model_id=model_id,
            )  # fmt: skip
        except ConfigurationError as error:
            raise ConfigurationError(f"“{self.name}”: {error.message}", hint=error.hint) from None

    def _text(self, name: str) -> str:
        value = self._values.get(name)
        if value is not None and not isinstance(value, str):
            raise ConfigurationError(f"{name} is not a text.")
        return value or ""

    def _parameters(self) -> SamplingParameters:
        raw = self._values.get("parameters")
        if raw is not None and not isinstance(raw, dict):
            raise ConfigurationError("parameters is not an object.")
        values = dict(cast("dict[str, Any]", raw or {}))
        others = [name for name in values if name not in SPECS]
        extra = values.get("extra")
        keys = dict(extra) if isinstance(extra, dict) else {}
        for name in others:
            value = values.pop(name)
            if name == "max_completion_tokens" and "max_tokens" not in values:
                values["max_tokens"] = value
                self.notes.append("max_completion_tokens was read as max_tokens.")
            elif name in WRITTEN_BY_DROVER:
                self.notes.append(f"{name} was left out: Drover writes it itself.")
            else:
                keys[name] = value
                self.notes.append(f"{name} went into the extra JSON.")
        if keys and isinstance(extra, dict | None):
            values["extra"] = keys
        return SamplingParameters.from_dict(values)
