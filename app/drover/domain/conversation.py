"""Conversations: a tree of immutable messages, of which one branch is shown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias

from drover.domain.parameters import UNSET, SamplingParameters


class Role(StrEnum):
    """Who speaks."""

    USER = "user"
    ASSISTANT = "assistant"


@dataclass(frozen=True, slots=True, kw_only=True)
class TextPart:
    """Markdown source, exactly as typed or received."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReasoningPart:
    """A stretch of the chain of thought, exactly as received."""

    text: str
    source: str = ""
    """Where it was found: `reasoning`, `reasoning_content`, `reasoning_details`, `content` or `<think>`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCallPart:
    """A call that the model asks for."""

    call_id: str
    name: str
    arguments: str
    """JSON text as received; may be cut or invalid."""


Part: TypeAlias = TextPart | ReasoningPart | ToolCallPart


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One node of the tree. Never changed once stored."""

    id: str
    conversation_id: str
    parent_id: str | None
    role: Role
    parts: tuple[Part, ...]
    created_at: datetime
    run_id: str | None = None
    """The Run that produced it; None for a message typed by a person."""

    @property
    def text(self) -> str:
        """The text parts joined: Markdown source of a question or an answer."""
        return "".join(part.text for part in self.parts if isinstance(part, TextPart))

    @property
    def reasoning(self) -> str:
        """The reasoning parts joined."""
        return "".join(part.text for part in self.parts if isinstance(part, ReasoningPart))


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """A titled tree of messages."""

    id: str
    title: str
    """Empty until a person names it or the first message does."""
    created_at: datetime
    updated_at: datetime
    head_id: str | None = None
    """The message at which the shown branch ends."""
    is_pinned: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What would be sent next: unsent text and the settings chosen for it. Survives a crash."""

    text: str = ""
    endpoint_id: str = ""
    model_id: str = ""
    parameters: SamplingParameters = UNSET
    system_prompt: str = ""
    preset_id: str | None = None
    replaces_id: str | None = None
    """The user message that this text will become a sibling of; None for a new turn."""
    aside_text: str = ""
    """Unsent text of a new turn, put aside while an earlier message is edited."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """Where a message stands among its siblings."""

    index: int
    """0 for the oldest sibling."""
    count: int


class Tree:
    """Read-only questions about the messages of one conversation, oldest first."""

    def __init__(self, messages: Iterable[Message]) -> None:
        self._messages: dict[str, Message] = {}
        self._children: dict[str | None, list[str]] = {}
        for message in messages:
            self._messages[message.id] = message
            self._children.setdefault(message.parent_id, []).append(message.id)

    @property
    def messages(self) -> Mapping[str, Message]:
        """All messages by id."""
        return self._messages

    def branch(self, head_id: str | None) -> list[Message]:
        """The path from the root to the head, inclusive; empty for None or an unknown head."""
        path: list[Message] = []
        current = self._messages.get(head_id) if head_id else None
        while current is not None:
            path.append(current)
            current = self._messages.get(current.parent_id) if current.parent_id else None
        path.reverse()
        return path

    def siblings(self, message_id: str) -> list[Message]:
        """The versions of a message, itself included, oldest first."""
        return self.children(self._messages[message_id].parent_id)

    def children(self, parent_id: str | None) -> list[Message]:
        """What follows a message, or begins the conversation (None): the versions of it, oldest first."""
        return [self._messages[child_id] for child_id in self._children.get(parent_id, [])]

    def position(self, message_id: str) -> Position:
        """Where the message stands among its versions."""
        ids = self._children.get(self._messages[message_id].parent_id, [])
        return Position(index=ids.index(message_id), count=len(ids))

    def newest_leaf(self, message_id: str) -> str:
        """The leaf reached by always taking the newest child: the head to show for a chosen version."""
        while children := self._children.get(message_id):
            message_id = children[-1]
        return message_id


def title_from(text: str, *, limit: int = 60) -> str:
    """A one-line title from the first words of a message, cut at a word and never empty."""
    line = next((line.strip(" #>*-`\t") for line in text.splitlines() if line.strip(" #>*-`\t")), "")
    if not line:
        return "New conversation"
    if len(line) <= limit:
        return line
    head = line[:limit].rsplit(" ", 1)[0] if " " in line[:limit] else line[:limit]
    return head.rstrip(" ,;:.") + "…"
