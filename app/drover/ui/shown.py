"""The conversation on the screen, as read from the library and from the live run in it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import accumulate
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication

from drover.domain.conversation import (
    Attachment,
    Conversation,
    Message,
    Node,
    Position,
    Role,
    ToolResultPart,
    Tree,
)
from drover.domain.run import LiveRun, Run, RunStatus
from drover.engine.workbench import Workbench
from drover.store.library import Changes, Library
from drover.ui.entries import Entries
from drover.ui.message_cache import MessageCache

if TYPE_CHECKING:
    from drover.domain.tools import ToolDefinition
    from drover.ui.message_view import TranscriptEntry
    from drover.ui.shown_calls import ShownCall


class ShownConversation:
    """What is shown of one conversation; `id` None stands for the conversation that has not begun.

    Holds the shape of the tree and the messages that were looked at last. Asks the library and the
    Workbench, changes neither.
    """

    def __init__(self, reader: Library, workbench: Workbench) -> None:
        self._reader = reader
        self._workbench = workbench
        self.id: str | None = None
        self._conversation: Conversation | None = None
        self._cache = MessageCache(reader)
        self._tree: Tree[Node] = Tree()
        self._branch = _Branch()
        self._unsaved: dict[str, tuple[Message, Run]] = {}
        self.tools_offered: Callable[[], Sequence[ToolDefinition]] = tuple
        """Tells what the model may call now."""
        self._stale: set[str] = set()
        self._attached: dict[str, tuple[Attachment, ...]] | None = None

    def open(self, conversation_id: str | None) -> None:
        """Reads another conversation, or the same one anew."""
        self.id = conversation_id or None
        self._cache.clear()
        self._stale.clear()
        self._tree = Tree(self._reader.nodes(self.id) if self.id else ())
        self._branch = _Branch()
        self.reload()

    def note(self, changed: Changes) -> None:
        """What these touched is read again: its place by `reload`, its text when it is asked for."""
        self._cache.forget(changed.messages, changed.runs)
        if self.id in changed.conversations:
            self._stale |= changed.messages

    def note_settled(self, run: Run) -> None:
        """The reply of this run is stored, or will be."""
        self._cache.forget([run.message_id])
        if run.conversation_id == self.id:
            self._stale.add(run.message_id)

    def reload(self) -> None:
        """Reads again what was noted as changed, and which branch is shown."""
        self._attached = None
        self._conversation = self._reader.conversation(self.id) if self.id else None
        if self._stale:
            stored = self._reader.messages_by_id(self._stale)
            for message_id in self._stale - stored.keys():
                self._tree.remove(message_id)
            for message in stored.values():
                if message.conversation_id == self.id:
                    self._tree.add(Node.of(message))
            self._stale.clear()
        self._unsaved.clear()
        for run, message in self._workbench.unsaved_in(self.id) if self.id else ():
            self._unsaved[message.id] = (message, run)
            self._tree.add(Node.of(message))
            if self._conversation is not None and self._conversation.head_id == run.parent_id:
                self._conversation = replace(self._conversation, head_id=message.id)
        self._branch.follow(self._tree, self.head_id)

    @property
    def title(self) -> str:
        """Its title; empty if it has not begun."""
        return self._conversation.title if self._conversation else ""

    @property
    def head_id(self) -> str | None:
        """The message at which the shown branch ends."""
        return self._conversation.head_id if self._conversation else None

    @property
    def has_messages(self) -> bool:
        """Whether anything is stored in it, on any branch."""
        return bool(self._tree.nodes)

    @property
    def live(self) -> LiveRun | None:
        """The run in progress in it."""
        return self._workbench.live_in(self.id) if self.id else None

    def knows(self, message_id: str) -> bool:
        """Whether this is one of its stored messages, on any branch."""
        return message_id in self._tree.nodes

    def has_on_branch(self, message_id: str | None) -> bool:
        """Whether this stored message stands on the shown branch."""
        return message_id is not None and self._branch.holds(message_id)

    def message(self, message_id: str | None) -> Message | None:
        """One of its stored messages, of any branch; None for an unknown one."""
        return self._read(message_id)[0] if message_id in self._tree.nodes and message_id else None

    def run_of(self, message_id: str) -> Run | None:
        """The run that produced a message, without its request body; None for one that a person typed."""
        return self._read(message_id)[1] if message_id in self._tree.nodes else None

    @property
    def branch_ids(self) -> list[str]:
        """The ids of the stored messages of the shown branch, oldest first."""
        return [node.id for node in self._branch.nodes]

    @property
    def other_ids(self) -> list[str]:
        """The ids of all its other stored messages, oldest first."""
        return [node_id for node_id in self._tree.nodes if not self._branch.holds(node_id)]

    def texts(self, message_id: str) -> tuple[str, str]:
        """Reasoning and text of one of its stored messages; both empty for an unknown one. On the shown
        branch its neighbors are read along, since they will be asked for next."""
        place = self._branch.place_of(message_id)
        if place is not None and message_id not in self._unsaved:
            found = self._cache.get_near(self._branch.nodes, place)
            message = found[0] if found is not None else None
        else:
            message = self.message(message_id)
        return (message.reasoning, message.text) if message is not None else ("", "")

    def sent_nodes(self, message_id: str | None) -> list[Node]:
        """The messages with something in them from the first one to this one, without their text."""
        place = self._branch.place_of(message_id or "")
        nodes = self._tree.branch(message_id) if place is None else self._branch.nodes[: place + 1]
        return [node for node in nodes if node.role is Role.TOOL or _sent_count(node)]

    def attached_to(self, message_id: str | None) -> list[Attachment]:
        """What the messages from the first one to this one hold, itself included."""
        if self._attached is None:
            holders = self._reader.messages_with_attachments(self.id) if self.id else []
            self._attached = {holder.id: holder.attachments for holder in holders}
        if not self._attached:
            return []
        nodes = self.sent_nodes(message_id)
        return [part for node in nodes for part in self._attached.get(node.id, ())]

    def attachments_of(self, message_id: str) -> tuple[Attachment, ...]:
        """What one message holds."""
        message = self.message(message_id)
        return message.attachments if message is not None else ()

    def chars_to(self, message_id: str | None) -> int:
        """How much text leads up to this message, its own included, thinking not."""
        if message_id is None or self._branch.holds(message_id):
            return self._branch.chars_to(message_id)
        return sum(node.text_chars for node in self._tree.branch(message_id))

    def chars_of(self, message_id: str) -> int:
        """How much a message holds, thinking included; 0 for an unknown one."""
        node = self._tree.nodes.get(message_id)
        return node.text_chars + node.reasoning_chars if node is not None else 0

    def count_to(self, message_id: str | None) -> int:
        """How many messages a request that goes on from this one holds, without the next question."""
        if message_id is None or self._branch.holds(message_id):
            return self._branch.count_to(message_id)
        return sum(map(_sent_count, self._tree.branch(message_id)))

    def shown_with(self, message_id: str) -> str:
        """The message at which this one is shown: results stand with the reply that called for them."""
        node = self._tree.nodes.get(message_id)
        is_result = node is not None and node.role is Role.TOOL
        return (node.parent_id if is_result and node is not None else None) or message_id

    def parent_of(self, message_id: str) -> str | None:
        """The message that this one follows."""
        node = self._tree.nodes.get(message_id)
        return node.parent_id if node is not None else None

    @property
    def last_reply_id(self) -> str | None:
        """The newest stored reply on the shown branch."""
        nodes = self._branch.nodes
        return next((node.id for node in reversed(nodes) if node.role is Role.ASSISTANT), None)

    @property
    def unanswered(self) -> Message | None:
        """The message of a person, or with the results of tools, at which the shown branch ends."""
        nodes = self._branch.nodes
        return self.message(nodes[-1].id) if nodes and nodes[-1].role is not Role.ASSISTANT else None

    @property
    def last_run(self) -> Run | None:
        """The run of the newest stored reply."""
        reply_id = self.last_reply_id
        return self.run_of(reply_id) if reply_id is not None else None

    def newest_runs(self, limit: int) -> list[Run]:
        """The runs of the newest stored replies of the shown branch, oldest first, without request bodies."""
        replies = [node for node in reversed(self._branch.nodes) if node.run_id is not None][:limit]
        found = (self._read(node.id)[1] for node in reversed(replies))
        return [run for run in found if run is not None]

    def question_of(self, reply_id: str) -> Message | None:
        """The message that a stored reply answers: of a person, or with the results of tools."""
        return self.message(self.parent_of(reply_id))

    def asked_before(self, message_id: str) -> Message | None:
        """The nearest message of a person above this one."""
        node = self._tree.nodes.get(message_id)
        while node is not None and node.role is not Role.USER:
            node = self._tree.nodes.get(node.parent_id or "")
        return self.message(node.id) if node is not None else None

    def entries(self) -> Entries:
        """The shown branch with its live reply, as the transcript takes it."""
        live = self.live
        if live is not None and live.run.parent_id != self.head_id:
            live = None
        return _BranchEntries(self, self._branch.shown_nodes(), live)

    def entry(self, message_id: str) -> TranscriptEntry:
        """One stored message as the transcript takes it."""
        return self._entry(*self._read(message_id))

    def entry_near(self, nodes: Sequence[Node], index: int) -> TranscriptEntry:
        """The stored message of one of these nodes; the others may be asked for next."""
        node = nodes[index]
        found = self._unsaved.get(node.id) or self._cache.get_near(nodes, index)
        return self._entry(*(found or (_gone(node), None)))

    def live_entry(self, live: LiveRun) -> TranscriptEntry:
        """The live reply as the transcript takes it."""
        count = len(self._tree.children(live.run.parent_id)) + 1
        return _entry(_unfinished(live.run), live.run, Position(index=count - 1, count=count), live)

    def versions_to_compare(self) -> list[TranscriptEntry]:
        """The versions of the newest answer that has several on the shown branch, else the last answer."""
        replies = (node for node in reversed(self._branch.nodes) if node.role is Role.ASSISTANT)
        for node in replies:
            siblings = self._tree.siblings(node.id)
            if len(siblings) > 1:
                return [self.entry(sibling.id) for sibling in siblings]
        last_id = self.last_reply_id
        return [self.entry(last_id)] if last_id is not None else []

    def head_showing(self, message_id: str) -> str:
        """The head of a branch on which this message stands: the shown one if it does."""
        if self._branch.holds(message_id):
            return self.head_id or message_id
        return self._tree.newest_leaf(message_id)

    def head_of_version(self, message_id: str, step: int) -> str | None:
        """The head that shows the version `step` further than this one; None if there is none.

        A live reply is the newest version of what it answers; the head that shows it is its question.
        """
        live = self.live
        is_live = live is not None and message_id == live.run.message_id
        if live is not None and is_live:
            parent_id: str | None = live.run.parent_id
        elif self.knows(message_id):
            parent_id = self.parent_of(message_id)
        else:
            return None
        versions = [node.id for node in self._tree.children(parent_id)]
        if live is not None and live.run.parent_id == parent_id:
            versions.append(live.run.message_id)
        target = versions.index(message_id) + step
        if not 0 <= target < len(versions):
            return None
        if live is not None and versions[target] == live.run.message_id:
            return live.run.parent_id
        return self._tree.newest_leaf(versions[target])

    def _read(self, message_id: str) -> tuple[Message, Run | None]:
        found = self._unsaved.get(message_id) or self._cache.get(message_id)
        return found or (_gone(self._tree.nodes[message_id]), None)

    def _entry(self, message: Message, run: Run | None) -> TranscriptEntry:
        position, live = self._tree.position(message.id), self.live
        if live is not None and live.run.parent_id == message.parent_id:
            position = replace(position, count=position.count + 1)
        entry = _entry(message, run, position)
        return replace(entry, calls=self._calls_of(message)) if message.tool_calls else entry

    @property
    def open_calls(self) -> tuple[ShownCall, ...]:
        """The calls of the reply at which the branch ends; empty unless some wait or run."""
        head_id = self.head_id
        if head_id is None or not self._waits(head_id):
            return ()
        message = self._read(head_id)[0]
        return self._calls_of(message) if message.tool_calls else ()

    def _waits(self, message_id: str) -> bool:
        """Whether calls in this message may be answered now."""
        if message_id != self.head_id or self.live is not None or message_id not in self._tree.nodes:
            return False
        run = self._read(message_id)[1]
        return run is not None and run.status in (RunStatus.COMPLETE, RunStatus.INCOMPLETE)

    def _calls_of(self, message: Message) -> tuple[ShownCall, ...]:
        """The calls of a stored reply: with their results, or as far as they are."""
        from drover.ui.shown_calls import settled_calls, shown_open  # most conversations have no calls

        if self._waits(message.id):
            tools = self._workbench.tools
            found = tools.open_calls(message, self.tools_offered(), self._reader.call_results(message.id))
            return shown_open(found)
        following = self._branch.after(message.id)
        if following is None and not self._branch.holds(message.id):
            following = next(iter(self._tree.children(message.id)), None)
        results: tuple[ToolResultPart, ...] = ()
        if following is not None and following.role is Role.TOOL:
            results = tuple(p for p in self._read(following.id)[0].parts if isinstance(p, ToolResultPart))
        return settled_calls(message.tool_calls, results, self.tools_offered())


class _Branch:
    """The shown branch, kept up to date by its end: what stays is not walked again."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self._places: dict[str, int] = {}
        self._counts: list[int] = []
        self._chars: list[int] = []

    def follow(self, tree: Tree[Node], head_id: str | None) -> None:
        """Becomes the branch that ends at this head."""
        new: list[Node] = []
        places, find = self._places, tree.nodes.get
        node = find(head_id or "")
        while node is not None and ((place := places.get(node.id)) is None or self.nodes[place] != node):
            new.append(node)
            node = find(node.parent_id or "")
        new.reverse()
        kept = places[node.id] + 1 if node is not None else 0
        for gone in self.nodes[kept:]:
            del places[gone.id]
        self.nodes[kept:] = new
        places.update(zip((node.id for node in new), range(kept, kept + len(new)), strict=True))
        before = self._counts[kept - 1] if kept else 0
        self._counts[kept:] = list(accumulate(map(_sent_count, new), initial=before))[1:]
        chars = self._chars[kept - 1] if kept else 0
        self._chars[kept:] = list(accumulate((node.text_chars for node in new), initial=chars))[1:]

    def holds(self, message_id: str) -> bool:
        """Whether the message stands on it."""
        return message_id in self._places

    def shown_nodes(self) -> list[Node]:
        """A list of its own, without the results of tools: these are shown with the calls."""
        return [node for node in self.nodes if node.role is not Role.TOOL]

    def after(self, message_id: str) -> Node | None:
        """What follows a message on it."""
        place = self._places.get(message_id)
        return self.nodes[place + 1] if place is not None and place + 1 < len(self.nodes) else None

    def place_of(self, message_id: str) -> int | None:
        """Where the message stands on it, from 0; None if it does not."""
        return self._places.get(message_id)

    def count_to(self, message_id: str | None) -> int:
        """How many messages are sent up to this one, itself included; 0 if it is not on the branch."""
        place = self._places.get(message_id or "")
        return 0 if place is None else self._counts[place]

    def chars_to(self, message_id: str | None) -> int:
        """How many characters of text the messages up to this one hold; 0 if it is not on the branch."""
        place = self._places.get(message_id or "")
        return 0 if place is None else self._chars[place]


class _BranchEntries(Entries):
    """The shown branch at one moment, its live reply last."""

    def __init__(self, shown: ShownConversation, nodes: list[Node], live: LiveRun | None) -> None:
        self._shown = shown
        self._nodes = nodes
        self._live = live
        if live is not None:
            nodes.append(Node.of(_unfinished(live.run)))

    @property
    def nodes(self) -> Sequence[Node]:
        return self._nodes

    @property
    def live(self) -> LiveRun | None:
        return self._live

    def __getitem__(self, index: int) -> TranscriptEntry:
        if self._live is not None and index % len(self._nodes) == len(self._nodes) - 1:
            return self._shown.live_entry(self._live)
        return self._shown.entry_near(self._nodes, index)


def _sent_count(node: Node) -> int:
    """A reply is sent with an answer for each of its calls, whether there is a result of it or not."""
    if node.role is Role.TOOL:
        return 0
    is_sent = node.role is Role.USER or node.text_chars > 0 or node.call_count > 0
    return is_sent + node.call_count


def _unfinished(run: Run) -> Message:
    return Message(
        id=run.message_id,
        conversation_id=run.conversation_id,
        parent_id=run.parent_id,
        role=Role.ASSISTANT,
        parts=(),
        created_at=run.created_at,
        run_id=run.id,
    )


def _gone(node: Node) -> Message:
    """Stands for a message that was deleted since its node was read; the change is about to be told."""
    return Message(
        id=node.id,
        conversation_id="",
        parent_id=node.parent_id,
        role=node.role,
        parts=(),
        created_at=datetime.now(UTC),
    )


def _entry(
    message: Message, run: Run | None, position: Position, live: LiveRun | None = None
) -> TranscriptEntry:
    from drover.ui.message_view import TranscriptEntry

    is_question = message.role is Role.USER
    return TranscriptEntry(
        message=message,
        run=run,
        position=position,
        live=live,
        author=QCoreApplication.translate("shown", "You") if is_question else _model_name(run),
        endpoint_name=run.endpoint_name if run else "",
    )


def _model_name(run: Run | None) -> str:
    if run is None:
        return QCoreApplication.translate("shown", "Model")
    return run.model_id.rsplit("/", 1)[-1].removeprefix("openai-")
