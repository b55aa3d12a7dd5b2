"""A conversation with everything that is stored of it, to be carried from one profile to another."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from itertools import chain

from drover.domain.conversation import Conversation, Message, Role, Tree
from drover.domain.run import Exchange, Run, RunStatus
from drover.errors import ConfigurationError


@dataclass(frozen=True, slots=True, kw_only=True)
class AttachedFile:
    """The bytes of an attachment, whichever messages hold it."""

    hash: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationRecord:
    """One conversation as a whole."""

    conversation: Conversation
    messages: tuple[Message, ...]
    """All versions, oldest first."""
    runs: tuple[Run, ...] = ()
    """Settled ones with their request bodies, oldest first."""
    exchanges: tuple[Exchange, ...] = ()
    attached: tuple[AttachedFile, ...] = ()
    """Each once."""

    @property
    def ids(self) -> frozenset[str]:
        """Of the conversation, its messages and its runs."""
        return frozenset(
            chain(
                [self.conversation.id],
                (message.id for message in self.messages),
                (run.id for run in self.runs),
            )
        )

    @property
    def branch(self) -> list[Message]:
        """The messages that are shown."""
        return Tree(self.messages).branch(self.conversation.head_id)

    def renumbered(self, new_id: Callable[[], str]) -> ConversationRecord:
        """The same with fresh identifiers throughout."""
        fresh = {old: new_id() for old in self._ids_in_order()}
        conversation_id = fresh[self.conversation.id]
        return ConversationRecord(
            conversation=replace(
                self.conversation, id=conversation_id, head_id=_renamed(self.conversation.head_id, fresh)
            ),
            messages=tuple(
                replace(
                    message,
                    id=fresh[message.id],
                    conversation_id=conversation_id,
                    parent_id=_renamed(message.parent_id, fresh),
                    run_id=_renamed(message.run_id, fresh),
                )
                for message in self.messages
            ),
            runs=tuple(
                replace(
                    run,
                    id=fresh[run.id],
                    conversation_id=conversation_id,
                    parent_id=fresh[run.parent_id],
                    message_id=fresh[run.message_id],
                )
                for run in self.runs
            ),
            exchanges=tuple(replace(each, run_id=fresh[each.run_id]) for each in self.exchanges),
            attached=self.attached,
        )

    def _ids_in_order(self) -> Collection[str]:
        ids = [self.conversation.id, *(m.id for m in self.messages), *(r.id for r in self.runs)]
        return dict.fromkeys(ids)

    def checked(self) -> ConversationRecord:
        """The same with every message behind the one that it follows, and no run live.

        Raises ConfigurationError where something refers to what is not there.
        """
        conversation_id = self.conversation.id
        messages = self._messages_in_order()
        by_id = {message.id: message for message in messages}
        runs = {run.id: run for run in self.runs}
        replies = {run.message_id for run in self.runs}
        is_sound = (
            len(by_id) == len(self.messages)
            and len(runs) == len(self.runs) == len(replies)
            and len(self.ids) == 1 + len(by_id) + len(runs)
            and (self.conversation.head_id is None or self.conversation.head_id in by_id)
            and all(message.conversation_id == conversation_id for message in messages)
            and all(run.conversation_id == conversation_id for run in self.runs)
            and all(_is_reply(run, by_id) for run in self.runs)
            and all(message.run_id is None or message.run_id in runs for message in messages)
            and len({each.run_id for each in self.exchanges} & runs.keys()) == len(self.exchanges)
            and self._has_sound_attachments()
        )
        if not is_sound:
            raise ConfigurationError(
                "The conversation in the file is damaged: its parts do not fit together."
            )
        settled = tuple(
            replace(run, status=RunStatus.INTERRUPTED) if run.status.is_live else run for run in self.runs
        )
        return replace(self, messages=tuple(messages), runs=settled)

    def _has_sound_attachments(self) -> bool:
        held = {part.hash for message in self.messages for part in message.attachments}
        contents = {file.hash: file.content for file in self.attached}
        return contents.keys() == held and all(
            sha256(content).hexdigest() == digest for digest, content in contents.items()
        )

    def _messages_in_order(self) -> list[Message]:
        children: dict[str | None, list[Message]] = {}
        for message in self.messages:
            children.setdefault(message.parent_id, []).append(message)
        ordered = children.get(None, [])[:]
        for message in ordered:  # which grows meanwhile
            ordered += children.get(message.id, ())
            if len(ordered) > len(self.messages):
                break
        return ordered


def _renamed(old_id: str | None, fresh: Mapping[str, str]) -> str | None:
    return None if old_id is None else fresh[old_id]


def _is_reply(run: Run, messages: Mapping[str, Message]) -> bool:
    """Whether the run stands between its question and its reply."""
    question, reply = messages.get(run.parent_id), messages.get(run.message_id)
    return (
        question is not None
        and reply is not None
        and (reply.parent_id, reply.run_id, reply.role) == (run.parent_id, run.id, Role.ASSISTANT)
    )
