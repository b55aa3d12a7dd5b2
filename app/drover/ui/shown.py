"""The conversation on the screen, as read from the library and from the live run in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication

from drover.domain.conversation import Conversation, Message, Position, Role, Tree
from drover.domain.run import LiveRun, Run
from drover.engine.workbench import Workbench
from drover.store.library import Library

if TYPE_CHECKING:
    from drover.ui.message_view import TranscriptEntry


class ShownConversation:
    """What is shown of one conversation; `id` None stands for the conversation that has not begun.

    Holds what `reload` last read. Asks the library and the Workbench, changes neither.
    """

    def __init__(self, reader: Library, workbench: Workbench) -> None:
        self._reader = reader
        self._workbench = workbench
        self.id: str | None = None
        self._conversation: Conversation | None = None
        self._tree = Tree(())
        self._runs: dict[str, Run] = {}

    def open(self, conversation_id: str | None) -> None:
        """Reads another conversation."""
        self.id = conversation_id or None
        self.reload()

    def reload(self) -> None:
        """Reads it again."""
        self._conversation = self._reader.conversation(self.id) if self.id else None
        messages = self._reader.messages(self.id) if self.id else []
        self._runs = self._reader.runs(self.id) if self.id else {}
        for run, message in self._workbench.unsaved_in(self.id) if self.id else ():
            messages.append(message)
            self._runs[run.id] = run
            if self._conversation is not None and self._conversation.head_id == run.parent_id:
                self._conversation = replace(self._conversation, head_id=message.id)
        self._tree = Tree(messages)

    @property
    def title(self) -> str:
        """Its title; empty if it has not begun."""
        return self._conversation.title if self._conversation else ""

    @property
    def head_id(self) -> str | None:
        """The message at which the shown branch ends."""
        return self._conversation.head_id if self._conversation else None

    @property
    def messages(self) -> Mapping[str, Message]:
        """All stored messages by id, of all branches."""
        return self._tree.messages

    @property
    def live(self) -> LiveRun | None:
        """The run in progress in it."""
        return self._workbench.live_in(self.id) if self.id else None

    @property
    def branch(self) -> list[Message]:
        """The stored messages of the shown branch, oldest first."""
        return self._tree.branch(self.head_id)

    @property
    def branch_ids(self) -> list[str]:
        """The ids of the stored messages of the shown branch, oldest first."""
        return [message.id for message in self.branch]

    @property
    def other_ids(self) -> list[str]:
        """The ids of all its other stored messages, oldest first."""
        shown = set(self.branch_ids)
        return [message_id for message_id in self._tree.messages if message_id not in shown]

    def texts(self, message_id: str) -> tuple[str, str]:
        """Reasoning and text of one of its stored messages; both empty for an unknown one."""
        message = self._tree.messages.get(message_id)
        return (message.reasoning, message.text) if message is not None else ("", "")

    def branch_to(self, message_id: str | None) -> list[Message]:
        """The messages from the first one to this one."""
        return self._tree.branch(message_id)

    @property
    def last_reply(self) -> Message | None:
        """The newest stored reply on the shown branch."""
        return next((m for m in reversed(self.branch) if m.role is Role.ASSISTANT), None)

    @property
    def unanswered(self) -> Message | None:
        """The message of a person at which the shown branch ends."""
        branch = self.branch
        return branch[-1] if branch and branch[-1].role is Role.USER else None

    @property
    def last_run(self) -> Run | None:
        """The run of that reply."""
        reply = self.last_reply
        return self.run_of(reply) if reply is not None else None

    def run_of(self, message: Message) -> Run | None:
        """The run that produced a message; None for one that a person typed."""
        return self._runs.get(message.run_id) if message.run_id else None

    def question_of(self, reply_id: str) -> Message | None:
        """The message that a stored reply answers."""
        reply = self.messages.get(reply_id)
        return self.messages.get(reply.parent_id or "") if reply is not None else None

    def entries(self) -> list[TranscriptEntry]:
        """The shown branch with its live reply, as the transcript takes it."""
        live = self.live
        entries = [self.entry(message) for message in self.branch]
        if live is not None and live.run.parent_id == self.head_id:
            count = len(self._tree.children(live.run.parent_id)) + 1
            entries.append(
                _entry(_unfinished(live.run), live.run, Position(index=count - 1, count=count), live)
            )
        return entries

    def entry(self, message: Message) -> TranscriptEntry:
        """One stored message as the transcript takes it."""
        position, live = self._tree.position(message.id), self.live
        if live is not None and live.run.parent_id == message.parent_id:
            position = replace(position, count=position.count + 1)
        return _entry(message, self.run_of(message), position)

    def versions_to_compare(self) -> list[TranscriptEntry]:
        """The versions of the newest answer that has several on the shown branch, else the last answer."""
        replies = [message for message in self.branch if message.role is Role.ASSISTANT]
        for message in reversed(replies):
            siblings = self._tree.siblings(message.id)
            if len(siblings) > 1:
                return [self.entry(sibling) for sibling in siblings]
        return [self.entry(message) for message in replies[-1:]]

    def head_showing(self, message_id: str) -> str:
        """The head of a branch on which this message stands: the shown one if it does."""
        if any(message.id == message_id for message in self.branch):
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
        elif message_id in self.messages:
            parent_id = self.messages[message_id].parent_id
        else:
            return None
        versions = [message.id for message in self._tree.children(parent_id)]
        if live is not None and live.run.parent_id == parent_id:
            versions.append(live.run.message_id)
        target = versions.index(message_id) + step
        if not 0 <= target < len(versions):
            return None
        if live is not None and versions[target] == live.run.message_id:
            return live.run.parent_id
        return self._tree.newest_leaf(versions[target])


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
