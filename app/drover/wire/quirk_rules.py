"""The words in which a row of quirks says how a server differs.

A rule with `models` is for those models alone in whose lower-case id the regular expression is found;
without, it is for every model. Where several rules of a kind fit, the first one counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any, Protocol, TypeVar

from drover.domain.known_server import KnownServer
from drover.wire.reasoning import DEFAULT_TAGS

_OPENED_BY_TEMPLATE = ("deepseek-r1", "qwq-32b", "thinking-2507")
"""Models that always think and whose chat template writes the opening tag into the prompt."""
_HARMONY = ("gpt-oss", "gpt_oss", "gptoss")
"""Models that write the format of github.com/openai/harmony."""
VALUE = "$value"
"""Stands in the keys of an `Effort` for what the person set."""


class Need(Enum):
    """Whether a server wants the thinking of an earlier reply back."""

    REFUSED = auto()
    """A request that holds it fails, or there is no place for it."""
    ON_REQUEST = auto()
    """It is taken, or nobody knows: it is sent if the person wants it sent always."""
    REQUIRED = auto()
    """Without it the request fails, or the model loses its thread between the calls of tools."""


class ReplayForm(Enum):
    """Where the thinking of an earlier reply stands in its message."""

    AS_RECEIVED = auto()
    """Where it came: blocks unmodified, else text under its own key."""
    KEY = auto()
    """All of it as text under `Replay.key`."""
    TAGS = auto()
    """Before the answer, between `<think>` and `</think>`."""
    CHUNKS = auto()
    """The content becomes an array, in which a chunk of thinking comes first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """How the thinking of earlier replies goes back."""

    models: str = ""
    form: ReplayForm = ReplayForm.AS_RECEIVED
    key: str = "reasoning_content"
    """For what has no key of its own."""
    plain: Need = Need.ON_REQUEST
    """For a reply of an earlier turn in which no tool was called."""
    in_loop: Need = Need.ON_REQUEST
    """For the replies since the last question, while tools are being called."""
    after_loop: Need = Need.ON_REQUEST
    """For the replies of an earlier turn in which tools were called."""
    reason: str = ""
    """Why it is required or refused, a clause for a person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsupported:
    """Parameters that are left out."""

    names: tuple[str, ...]
    reason: str
    models: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clamp:
    """The range of a number that is narrower than elsewhere; both ends belong to it."""

    name: str
    least: float = float("-inf")
    most: float = float("inf")
    reason: str
    models: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exclusive:
    """Parameters of which a request may hold one: the first of them that is set stays."""

    names: tuple[str, ...]
    reason: str
    models: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Renamed:
    """A parameter that has another key here."""

    name: str
    to: str
    models: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """How `reasoning_effort` is asked for. A value that no table holds is sent as it is."""

    models: str = ""
    nearest: Mapping[str, str] = field(default_factory=dict)
    """The value that comes nearest, for those that are not taken."""
    keys: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """The keys of the body that say the same, by value; `*` is for any other value, `VALUE` stands for it."""
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemRole:
    """The role in which the system prompt is sent."""

    role: str
    reason: str
    models: str = ""


class _Rule(Protocol):
    @property
    def models(self) -> str: ...


_R = TypeVar("_R", bound=_Rule)


def fitting(rules: Iterable[_R], model_id: str) -> list[_R]:
    """The rules that are for this model, in their order."""
    return [rule for rule in rules if not rule.models or re.search(rule.models, model_id.lower())]


@dataclass(frozen=True, slots=True, kw_only=True)
class Quirks:
    """One server's ways. The defaults are those of the OpenAI reference."""

    name: str
    """The `Endpoint.provider` that this row is for."""
    label: str
    """The server's name for people."""
    evidence: tuple[str, ...]
    """Where these facts come from: documents, source files, issues, or recorded traffic."""
    hosts: tuple[str, ...] = ()
    """Addresses at which it is recognized, see `KnownServer.hosts`."""
    key_variables: tuple[str, ...] = ()
    """Environment variables in which people have a key for it."""

    replay: tuple[Replay, ...] = ()
    """How the thinking of earlier replies goes back; without a rule, where it came and only on request."""
    system_role: tuple[SystemRole, ...] = ()
    merges_same_role: bool = False
    """Whether questions in a row have to be one, since question and answer must take turns."""

    renamed: tuple[Renamed, ...] = ()
    unsupported: tuple[Unsupported, ...] = ()
    exclusive: tuple[Exclusive, ...] = ()
    clamps: tuple[Clamp, ...] = ()
    effort: tuple[Effort, ...] = ()
    effort_by_grammar_models: tuple[str, ...] = ()
    """Models (parts of their ids, lower case) without thinking of their own, whose `reasoning_effort` becomes
    a grammar that makes them write some."""
    sends_stream_options: bool = True
    """Whether usage is asked for with `stream_options`."""
    takes_named_tool_choice: bool = True
    """Whether `tool_choice` may name one function."""
    takes_json_schema: bool = True
    """Whether `response_format` may hold a JSON Schema; if not, it asks for any JSON object."""

    think_tags: tuple[tuple[str, str], ...] = DEFAULT_TAGS
    """Opening and closing tags of thinking inside the content; empty where the content is never split."""
    implied_opening_models: tuple[str, ...] = _OPENED_BY_TEMPLATE
    """Models (parts of their ids, lower case) whose content may begin inside the thinking, without an opening
    tag. Not applied where the server has a field for reasoning, because it then splits by itself."""
    harmony_models: tuple[str, ...] = _HARMONY
    """Models (parts of their ids, lower case) that write the format of gpt-oss."""

    refused_attachments: Mapping[str, str] = field(default_factory=dict)
    """Kinds of attachments (`image`, `pdf`) that no model here takes, with the reason for a person."""
    most_attachment_bytes: Mapping[str, int] = field(default_factory=lambda: {"image": 20_000_000})
    """The largest attachment by kind."""
    most_attached_bytes: int = 50_000_000
    """Of all attachments of one request together."""

    @property
    def known_server(self) -> KnownServer:
        """What tells this server."""
        return KnownServer(
            name=self.name, label=self.label, hosts=self.hosts, key_variables=self.key_variables
        )

    def replay_for(self, model_id: str) -> Replay:
        """How this model's thinking goes back."""
        return next(iter(fitting(self.replay, model_id)), Replay())

    def effort_is_grammar(self, model_id: str) -> bool:
        """Whether `reasoning_effort` becomes a grammar for this model."""
        return any(part in model_id.lower() for part in self.effort_by_grammar_models)

    def writes_harmony(self, model_id: str) -> bool:
        """Whether this model writes the format of gpt-oss, which servers may leave in the content."""
        return any(part in model_id.lower() for part in self.harmony_models)

    def opening_is_implied(self, model_id: str) -> bool:
        """Whether this model's content may begin inside the thinking."""
        return any(part in model_id.lower() for part in self.implied_opening_models)
