"""The parameters that a model's own JSON Schema of its request body describes, in the order to show them.

What the schema says in terms that an editor knows becomes that editor; anything else a field for JSON.
"""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from drover.domain.parameters import (
    SPECS,
    WRITTEN_BY_DROVER,
    Json,
    ParameterKind,
    ParameterSpec,
    ParameterValue,
    checked,
    plain,
    typed,
)
from drover.errors import ConfigurationError

_Schema: TypeAlias = Mapping[str, Any]

_NOT_ROWS = WRITTEN_BY_DROVER - {"max_completion_tokens"}  # which is another name of a parameter
_LARGEST_WHOLE = 2.0**64
_LARGEST_NUMBER = 1e15
_LONGEST_DEFAULT = 80
_LONGEST_WORDS = 400
_UNREADABLE = frozenset(
    {"$ref", "$dynamicRef", "oneOf", "anyOf", "allOf", "not", "if", "then", "else", "dependentSchemas"}
)
"""Keywords that may forbid values that the plain keywords beside them allow."""
_COSTLY = ('"pattern', '"$ref"', '"$dynamicRef"')
"""Keywords by which a server's schema could keep a validator busy without end, as they stand in its text."""
_SCALARS = {
    "string": ParameterKind.TEXT,
    "integer": ParameterKind.INTEGER,
    "number": ParameterKind.NUMBER,
    "boolean": ParameterKind.BOOLEAN,
}
_ADDRESS_OF = {"image-url": "an image", "video-url": "a video", "audio-url": "a sound"}
_FIRST_OF_TYPE: Mapping[str, Json] = {"object": Json("{}"), "array": Json("[]")}


@functools.lru_cache(maxsize=32)
def specs_of_schema(text: str) -> tuple[ParameterSpec, ...]:
    """What the schema offers to set; empty for a text that is no schema with properties.

    Required and basic properties come first, within that those with the lowest `x-order`; those without one
    are last, and ties keep the schema's own order. Hidden ones are left out, and those that Drover writes.
    Every spec accepts its own initial value. Ranges are the schema's own, also of names that the catalogue
    knows; `narrowed` brings the two together.
    """
    try:
        schema = json.loads(text)
    except (ValueError, RecursionError):
        return ()
    if not isinstance(schema, dict) or not isinstance(properties := schema.get("properties"), dict):
        return ()
    required, basic = _names(schema.get("required")), _names(schema.get("basic"))
    shown = {
        name: described
        for name, described in properties.items()
        if name
        and name not in _NOT_ROWS
        and not (isinstance(described, dict) and described.get("x-hidden") is True)
    }
    ordered = sorted(shown, key=lambda name: (name not in required | basic, _order(shown[name])))
    return tuple(
        replace(
            _Property(name=name, described=shown[name], is_required=name in required).spec(),
            is_common=not basic or name in required | basic,
        )
        for name in ordered
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Property:
    """One property of the schema."""

    name: str
    described: Any
    """Its own schema, of whatever form."""
    is_required: bool

    @property
    def _schema(self) -> _Schema:
        return self.described if isinstance(self.described, dict) else {}

    @property
    def _known(self) -> ParameterSpec | None:
        """The same parameter in the catalogue."""
        return SPECS.get("max_tokens" if self.name == "max_completion_tokens" else self.name)

    def spec(self) -> ParameterSpec:
        """The kind of editor, with everything around it."""
        bare = self._bare_spec()
        next_to = self._schema.get("x-next-to")
        whole = replace(
            bare, name=self.name, is_nullable=self._is_nullable, help=self._help(bare),
            next_to=next_to if isinstance(next_to, str) and next_to != self.name else "",
        )  # fmt: skip
        return replace(whole, initial=self._initial(whole), schema=self._advice(whole))

    def _bare_spec(self) -> ParameterSpec:
        schema, types = self._schema, self._types
        if not _UNREADABLE.isdisjoint(schema):
            return _json_spec(types)
        offered = self._offered
        if offered:
            return _choice(offered)
        if types == {"integer", "number"}:
            return _number(schema)
        if len(types) != 1:
            return _json_spec(types)
        kind = _SCALARS.get(next(iter(types)))
        if kind is ParameterKind.NUMBER:
            return _number(schema)
        if kind is ParameterKind.INTEGER:
            return _integer(schema)
        if kind is not None:
            return ParameterSpec(kind=kind, initial=True if kind is ParameterKind.BOOLEAN else "", help="")
        return _strings(schema) if types == {"array"} and _holds_texts(schema) else _json_spec(types)

    @property
    def _types(self) -> set[str]:
        """The types besides null; empty where it says none."""
        given = self._schema.get("type")
        return _names(given if isinstance(given, list) else [given]) - {"null"}

    @property
    def _offered(self) -> list[Any]:
        """The only values besides null, each once."""
        schema = self._schema
        given = schema["enum"] if isinstance(schema.get("enum"), list) else []
        if not given and "const" in schema:
            given = [schema["const"]]
        distinct = {written.text: value for value in given if (written := _as_json(value)) is not None}
        return [value for value in distinct.values() if value is not None]

    @property
    def _is_nullable(self) -> bool:
        schema = self._schema
        given, offered = schema.get("type"), schema.get("enum")
        return (
            schema.get("nullable") is True
            or (isinstance(given, list) and "null" in given)
            or (isinstance(offered, list) and None in offered)
        )

    def _initial(self, spec: ParameterSpec) -> ParameterValue:
        """The value proposed for a person, else the server's default, else the first that will do."""
        known = self._known
        candidates = [self._schema.get("x-workbench-default"), self._schema.get("default")]
        candidates.append(None if known is None else plain(known.initial))
        for raw in candidates:
            if raw is None or (raw == "" and self.is_required):
                continue
            try:
                return checked(spec, typed(spec, raw))
            except (ConfigurationError, TypeError, ValueError, OverflowError, RecursionError):
                continue
        return spec.initial

    def _advice(self, spec: ParameterSpec) -> Json | None:
        """The schema of a field for JSON, unless checking it could take for ever or needs the whole."""
        if spec.kind is not ParameterKind.JSON or spec.options or not self._schema:
            return None
        written = _as_json(self._schema)
        is_harmless = written is not None and not any(word in written.text for word in _COSTLY)
        return written if is_harmless else None

    def _help(self, spec: ParameterSpec) -> str:
        """The schema's own words, what no editor shows of its terms, and the server's default."""
        schema, known = self._schema, self._known
        title, words = _text(schema.get("title")), _text(schema.get("description"))
        says_more = title.casefold() not in (self.name.replace("_", " ").casefold(), self.name.casefold())
        parts = [title if says_more and title not in words else "", words or (known.help if known else "")]
        parts.append("Required." if self.is_required else "")
        parts.append(_terms(schema, spec.kind))
        default = _as_json(schema.get("default"))
        is_meant = "default" in schema and not (schema["default"] == "" and self.is_required)
        if is_meant and default is not None and len(default.text) <= _LONGEST_DEFAULT:
            parts.append(f"The server's default is {default.text}.")
        return " ".join(_sentence(part) for part in parts if part)


def _choice(offered: Sequence[Any]) -> ParameterSpec:
    if all(isinstance(value, str) for value in offered):
        return ParameterSpec(kind=ParameterKind.CHOICE, choices=tuple(offered), initial=offered[0], help="")
    options = tuple(Json.of(value) for value in offered)
    return ParameterSpec(kind=ParameterKind.JSON, options=options, initial=options[0], help="")


def _json_spec(types: set[str]) -> ParameterSpec:
    first = _FIRST_OF_TYPE.get(next(iter(types)), Json("null")) if len(types) == 1 else Json("null")
    return ParameterSpec(kind=ParameterKind.JSON, initial=first, help="")


def _strings(schema: _Schema) -> ParameterSpec:
    most = _bound(schema.get("maxItems"), _LARGEST_WHOLE)
    return ParameterSpec(
        kind=ParameterKind.STRINGS, initial=(), help="",
        maximum=None if most is None or most < 0 else math.floor(most),
    )  # fmt: skip


def _holds_texts(schema: _Schema) -> bool:
    items = schema.get("items")
    return isinstance(items, dict) and items.get("type") == "string" and _UNREADABLE.isdisjoint(items)


def _integer(schema: _Schema) -> ParameterSpec:
    minimum, maximum = _bounds(schema, _LARGEST_WHOLE)
    lowest = None if minimum is None else math.ceil(minimum)
    highest = None if maximum is None else math.floor(maximum)
    if lowest is not None and lowest == schema.get("exclusiveMinimum"):
        lowest += 1
    if highest is not None and highest == schema.get("exclusiveMaximum"):
        highest -= 1
    if lowest is not None and highest is not None and lowest > highest:
        lowest = highest = None
    step = _bound(schema.get("multipleOf"), _LARGEST_WHOLE)
    return ParameterSpec(
        kind=ParameterKind.INTEGER, minimum=lowest, maximum=highest, initial=int(_nearest_0(lowest, highest)),
        step=int(step) if step is not None and step >= 1 and step == int(step) else 1, help="",
    )  # fmt: skip


def _number(schema: _Schema) -> ParameterSpec:
    lowest, highest = _bounds(schema, _LARGEST_NUMBER)
    if lowest is not None and highest is not None and lowest > highest:
        lowest = highest = None
    return ParameterSpec(
        kind=ParameterKind.NUMBER, minimum=lowest, maximum=highest, help="",
        initial=float(_nearest_0(lowest, highest)), step=_step(schema, lowest, highest),
    )  # fmt: skip


def _nearest_0(lowest: float | None, highest: float | None) -> float:
    return min(max(0, 0 if lowest is None else lowest), math.inf if highest is None else highest)


def _step(schema: _Schema, minimum: float | None, maximum: float | None) -> float:
    """The schema's own, else about a hundredth of the range, as a power of ten."""
    own = _bound(schema.get("multipleOf"), _LARGEST_NUMBER)
    if own is not None and own >= 1e-6:
        return own
    span = 1.0 if minimum is None or maximum is None else maximum - minimum
    return 10.0 ** max(-6, math.floor(math.log10(span / 100))) if span > 1e-9 else 0.01


def _bounds(schema: _Schema, largest: float) -> tuple[float | None, float | None]:
    """The narrowest bounds that it states; an exclusive one counts as the bound itself."""
    lower = [_bound(schema.get(key), largest) for key in ("minimum", "exclusiveMinimum")]
    upper = [_bound(schema.get(key), largest) for key in ("maximum", "exclusiveMaximum")]
    return (
        max((bound for bound in lower if bound is not None), default=None),
        min((bound for bound in upper if bound is not None), default=None),
    )


def _terms(schema: _Schema, kind: ParameterKind) -> str:
    """What a text must keep to and no editor checks."""
    if kind not in (ParameterKind.TEXT, ParameterKind.STRINGS):
        return ""
    items = schema.get("items")
    described = [schema, items] if isinstance(items, dict) else [schema]
    contents = [_text(each.get("renderType")) for each in described]
    content = next((_ADDRESS_OF[each] for each in contents if each in _ADDRESS_OF), "")
    longest = _bound(schema.get("maxLength"), _LARGEST_WHOLE)
    limit = "" if longest is None or kind is not ParameterKind.TEXT else f"At most {longest:.0f} characters."
    address = ""
    if content or any(each.get("format") == "uri" for each in described):
        address = f"The address of {content}." if content else "An address."
    return " ".join(filter(None, (limit, address)))


def _bound(value: object, largest: float) -> float | None:
    """A finite number of sensible size, whole ones as they are; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not -largest <= value <= largest:
        return None
    return value if math.isfinite(value) else None


def _order(described: object) -> float:
    order = described.get("x-order") if isinstance(described, dict) else None
    bound = _bound(order, _LARGEST_NUMBER)
    return math.inf if bound is None else bound


def _names(value: object) -> set[str]:
    return {name for name in value if isinstance(name, str)} if isinstance(value, list) else set()


def _text(value: object) -> str:
    """A text on one line, cut where it is very long."""
    words = " ".join(value.split()) if isinstance(value, str) else ""
    return words if len(words) <= _LONGEST_WORDS else words[: _LONGEST_WORDS - 1].rstrip() + "…"


def _sentence(words: str) -> str:
    return words if words[-1] in ".!?…:" else words + "."


def _as_json(value: object) -> Json | None:
    try:
        return Json.of(value)
    except (ValueError, TypeError, RecursionError):
        return None
