"""Conversations: a tree of immutable messages, of which one branch is shown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Generic, NamedTuple, Protocol, TypeAlias, TypeVar

from drover.domain.parameters import UNSET, SamplingParameters

if TYPE_CHECKING:
    from drover.domain.tools import ToolDefinition


class Role(StrEnum):
    """Who speaks."""

    USER = "user"
    ASSISTANT = "assistant"
    TOOL = "tool"
    """What came of the calls of the reply before: one message for all of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TextPart:
    """Markdown source, exactly as typed or received."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReasoningPart:
    """A stretch of the chain of thought, exactly as received."""

    text: str
    source: str = ""
    """Where it was found: `reasoning`, `reasoning_content`, `reasoning_details`, `thinking_blocks`; inside
    the content as parts of an array (`content`), between tags (`<think>`, whatever they were), or by the
    format of gpt-oss (`harmony`)."""
    raw: str = ""
    """What the server wants back unmodified, where it gave such a thing: the JSON array of its
    `reasoning_details`, the types of which begin with `reasoning.`, or of its `thinking_blocks`. With an
    empty text the thought is hidden."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCallPart:
    """A call that the model asks for."""

    call_id: str
    name: str
    arguments: str
    """JSON text as received; may be cut or invalid."""
    extra: str = ""
    """JSON object of the further keys of the call, sent back unmodified; empty where there were none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolResultPart:
    """What came of one call, written by a person or by a program."""

    call_id: str
    name: str
    """Of the tool that was called."""
    text: str
    ran: str = ""
    """The command line of the program that wrote it; empty where a person did."""
    is_error: bool = False
    """Whether it tells of a failure: a refusal, an exit status, a time limit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImagePart:
    """An attached picture; its bytes are kept apart, by their hash."""

    hash: str
    """SHA-256 of the bytes in 64 hexadecimal digits."""
    media_type: str
    """Such as `image/png`."""
    name: str
    """The name of the file, without its folder."""
    size_bytes: int
    width_px: int
    height_px: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FilePart:
    """An attached text file or PDF; its bytes are kept apart, by their hash."""

    hash: str
    """As in `ImagePart`."""
    media_type: str
    """`application/pdf`, or `text/plain` for whatever is text, with its charset where that is not UTF-8."""
    name: str
    size_bytes: int


Attachment: TypeAlias = ImagePart | FilePart
Part: TypeAlias = TextPart | ReasoningPart | ToolCallPart | ToolResultPart | ImagePart | FilePart


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
    reading: str = ""
    """How a person had the reply read, see `Reading.as_text`; empty where nobody decided about that."""
    sources: tuple[tuple[str, str], ...] = ()
    """Pages that a server named beside its reply: (address, title), the title perhaps empty."""

    @property
    def text(self) -> str:
        """The text parts joined: Markdown source of a question or an answer."""
        return "".join(part.text for part in self.parts if isinstance(part, TextPart))

    @property
    def reasoning(self) -> str:
        """The reasoning parts joined."""
        return "".join(part.text for part in self.parts if isinstance(part, ReasoningPart))

    @property
    def is_thought_hidden(self) -> bool:
        """Whether there is thinking that only the provider can read, and none besides."""
        thoughts = [part for part in self.parts if isinstance(part, ReasoningPart)]
        return any(part.raw for part in thoughts) and not any(part.text.strip() for part in thoughts)

    @property
    def tool_calls(self) -> tuple[ToolCallPart, ...]:
        """The calls that a reply asks for, in order."""
        return tuple(part for part in self.parts if isinstance(part, ToolCallPart))

    @property
    def tool_results(self) -> tuple[ToolResultPart, ...]:
        """What came of the calls of the reply before, in order."""
        return tuple(part for part in self.parts if isinstance(part, ToolResultPart))

    @property
    def attachments(self) -> tuple[Attachment, ...]:
        """What is attached, in order."""
        return tuple(part for part in self.parts if isinstance(part, ImagePart | FilePart))


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


class ReasoningReplay(StrEnum):
    """Whether the thinking of earlier replies is sent again."""

    AS_REQUIRED = "as required"
    """Where the server asks for it, see `wire.quirks`."""
    NEVER = "never"
    ALWAYS = "always"
    """Wherever the server can take it."""


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
    attachments: tuple[Attachment, ...] = ()
    """What goes with the text, in order."""
    aside_attachments: tuple[Attachment, ...] = ()
    """What goes with `aside_text`."""
    tools: tuple[ToolDefinition, ...] = ()
    """What the model may call."""
    resting_tools: tuple[ToolDefinition, ...] = ()
    """Tools that are kept for the conversation, and not offered at present."""
    reasoning_replay: ReasoningReplay = ReasoningReplay.AS_REQUIRED
    results: tuple[tuple[str, int, str], ...] = ()
    """Results of calls that were written and not sent: the reply, the index of the call, the text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """Where a message stands among its siblings."""

    index: int
    """0 for the oldest sibling."""
    count: int


class Node(NamedTuple):
    """A message without its text: its place in the tree and its size."""

    # Named tuples: ten thousand of them are made when a conversation is opened.

    id: str
    parent_id: str | None
    role: Role
    run_id: str | None
    text_chars: int
    reasoning_chars: int
    call_count: int
    """How many calls of tools it asks for."""

    @classmethod
    def of(cls, message: Message) -> Node:
        """The node of a message at hand."""
        return cls(
            message.id, message.parent_id, message.role, message.run_id,
            sum(len(part.text) for part in message.parts if isinstance(part, TextPart | ToolResultPart)),
            len(message.reasoning),
            len(message.tool_calls),
        )  # fmt: skip


class _Linked(Protocol):
    @property
    def id(self) -> str: ...
    @property
    def parent_id(self) -> str | None: ...


_N = TypeVar("_N", bound=_Linked)


class Tree(Generic[_N]):
    """Questions about the messages of one conversation, or about their nodes, added oldest first."""

    def __init__(self, nodes: Iterable[_N] = ()) -> None:
        self._nodes: dict[str, _N] = {}
        self._first_child: dict[str | None, str] = {}
        self._versions: dict[str | None, list[str]] = {}
        """All children of those that have several."""
        for node in nodes:
            self.add(node)

    @property
    def nodes(self) -> Mapping[str, _N]:
        """All nodes by id."""
        return self._nodes

    def add(self, node: _N) -> None:
        """Adds the newest node, or puts it in the place of the one with its id."""
        if node.id not in self._nodes:
            first_id = self._first_child.setdefault(node.parent_id, node.id)
            if first_id != node.id:
                self._versions.setdefault(node.parent_id, [first_id]).append(node.id)
        self._nodes[node.id] = node

    def remove(self, node_id: str) -> None:
        """Takes a node out that no other follows; nothing happens for an unknown one."""
        node = self._nodes.pop(node_id, None)
        if node is None:
            return
        left = [child_id for child_id in self._children(node.parent_id) if child_id != node_id]
        self._first_child.pop(node.parent_id)
        self._versions.pop(node.parent_id, None)
        if left:
            self._first_child[node.parent_id] = left[0]
        if len(left) > 1:
            self._versions[node.parent_id] = left

    def branch(self, head_id: str | None) -> list[_N]:
        """The path from the root to the head, inclusive; empty for None or an unknown head."""
        path: list[_N] = []
        current = self._nodes.get(head_id) if head_id else None
        while current is not None:
            path.append(current)
            current = self._nodes.get(current.parent_id) if current.parent_id else None
        path.reverse()
        return path

    def siblings(self, node_id: str) -> list[_N]:
        """The versions of a message, itself included, oldest first."""
        return self.children(self._nodes[node_id].parent_id)

    def children(self, parent_id: str | None) -> list[_N]:
        """What follows a message, or begins the conversation (None): the versions of it, oldest first."""
        return [self._nodes[child_id] for child_id in self._children(parent_id)]

    def position(self, node_id: str) -> Position:
        """Where the message stands among its versions."""
        ids = self._children(self._nodes[node_id].parent_id)
        return Position(index=ids.index(node_id), count=len(ids))

    def newest_leaf(self, node_id: str) -> str:
        """The leaf reached by always taking the newest child: the head to show for a chosen version."""
        while children := self._children(node_id):
            node_id = children[-1]
        return node_id

    def _children(self, parent_id: str | None) -> list[str]:
        first_id = self._first_child.get(parent_id)
        return [] if first_id is None else self._versions.get(parent_id) or [first_id]


def title_from(text: str, *, limit: int = 60) -> str:
    """A one-line title from the first words of a message, cut at a word and never empty."""
    line = next((line.strip(" #>*-`\t") for line in text.splitlines() if line.strip(" #>*-`\t")), "")
    if not line:
        return "New conversation"
    if len(line) <= limit:
        return line
    head = line[:limit].rsplit(" ", 1)[0] if " " in line[:limit] else line[:limit]
    return head.rstrip(" ,;:.") + "…"
