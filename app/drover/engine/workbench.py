"""The verbs of the application, and its one event channel.

`Workbench` is the only way to change state. It knows neither Qt nor qasync: the window, the commands and the
tests drive the same object. Verbs are called on the thread of the running event loop, and so is the listener.
"""

from __future__ import annotations

import contextlib
import functools
import os
import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from drover.domain.conversation import (
    Attachment,
    Conversation,
    Draft,
    Message,
    Part,
    ReasoningPart,
    Role,
    TextPart,
    ToolCallPart,
    ToolResultPart,
    title_from,
)
from drover.domain.endpoint import (
    BUILT_IN,
    BUILT_IN_ID,
    OXEN,
    OXEN_ID,
    URL_ENDPOINT_ID,
    URL_KEY_VARIABLE,
    Endpoint,
    FactOutcome,
    ModelCard,
    ParameterFact,
    known_as,
    normalized_base_url,
    with_oxen,
)
from drover.domain.parameters import UNSET
from drover.domain.run import Adjustment, Exchange, LiveRun, Origin, Run, RunRequest, RunStatus
from drover.errors import ConfigurationError, LibraryError, MissingKey
from drover.log import logger, register_secret
from drover.paths import Profile
from drover.store.database import ProfileLock, open_database
from drover.store.library import Changes, Library
from drover.store.settings import Settings, load_settings, save_settings

if TYPE_CHECKING:
    import asyncio

    from drover.domain.attachments import AttachmentKind
    from drover.domain.earlier_thinking import ThinkingPlan
    from drover.domain.imported import ImportedRequest
    from drover.domain.known_server import KnownServer
    from drover.domain.network import NetworkSecrets
    from drover.domain.record import ConversationRecord
    from drover.domain.tools import ToolDefinition
    from drover.engine.connection_test import ConnectionStep
    from drover.engine.local_model import LocalModel
    from drover.engine.parameter_probe import ProbePlan, ProbeProgress, ProbeReport
    from drover.engine.preset_shelf import PresetShelf
    from drover.engine.probe_trials import Finding
    from drover.engine.runner import Address, Runner
    from drover.engine.secrets import FoundKey, KeyStatus, SaveResult, Secrets
    from drover.engine.stored_replies import StoredReplies
    from drover.engine.tool_loop import ToolLoop
    from drover.engine.transport import NetworkAccess, Transport
    from drover.wire.chat import EncodedRequest

# Opening a profile is on the way to the first frame. What is for a request (asyncio, network, keys, wire, the
# local server; some 60 ms together) is imported by the first verb that needs it.

_log = logger("engine")

_T = TypeVar("_T")
_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunAdvanced:
    """A live run has news, or is in another phase."""

    run_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSettled:
    """A run has ended and is stored."""

    run: Run


@dataclass(frozen=True, slots=True, kw_only=True)
class LibraryChanged:
    """A transaction was committed."""

    changes: Changes


@dataclass(frozen=True, slots=True, kw_only=True)
class CallsAdvanced:
    """A program for a call of this reply was started, has ended, or could not be started."""

    conversation_id: str
    reply_id: str


class NoticeKind(StrEnum):
    """How much a notice matters."""

    INFO = "info"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A sentence that the person should see, not tied to one reply."""

    text: str
    kind: NoticeKind = NoticeKind.INFO


WorkbenchEvent: TypeAlias = RunAdvanced | RunSettled | LibraryChanged | CallsAdvanced | Notice


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What a draft would send, before it is sent."""

    body: bytes
    adjustments: tuple[Adjustment, ...]

    @property
    def settings(self) -> dict[str, Any]:
        """The body with an empty list in the place of its messages."""
        from drover.domain.request_outline import sent_settings

        return sent_settings(self.body)


def new_id() -> str:
    """A fresh identifier of 26 letters and digits; identifiers sort by the time of their making (ULID)."""
    number = (time.time_ns() // 1_000_000 << 80) | int.from_bytes(os.urandom(10))
    return "".join(_CROCKFORD[number >> shift & 31] for shift in range(125, -1, -5))


class Workbench:
    """One open profile and everything that runs in it. `open` it, call verbs, `close` it."""

    def __init__(
        self, profile: Profile, lock: ProfileLock, writer: ThreadPoolExecutor, library: Library,
        settings: Settings, endpoints: Sequence[Endpoint], facts: Sequence[ParameterFact],
        readings: dict[tuple[str, str], str], listener: Callable[[WorkbenchEvent], None],
    ) -> None:  # fmt: skip
        """Use `Workbench.open`."""
        self.profile = profile
        self.settings = settings
        self.picture_networks: tuple[str, ...] = ()
        """Networks, as in "192.168.0.0/16", that pictures may come from although they are not public."""
        self.retry_base_s = 0.5
        """What the wait before a second try begins with, doubled for each one after it."""
        self._opened_secrets: Secrets | None = None
        self._open_transport: Transport | None = None
        self._lock = lock
        self._writer = writer
        self._library = library
        self._listener = listener
        self._live: dict[str, LiveRun] = {}
        self._runners: dict[str, Runner] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._starting: set[str] = set()
        self._unsaved: dict[str, tuple[Run, Message, Exchange | None]] = {}
        self._told_notices: set[str] = set()
        self._local: LocalModel | None = None
        self._opened_tools: ToolLoop | None = None
        self._opened_presets: PresetShelf | None = None
        self._opened_replies: StoredReplies | None = None
        self._endpoints: dict[str, Endpoint] = {}
        self._load_endpoints(endpoints)
        self._facts = {(fact.endpoint_id, fact.model_id, fact.name): fact for fact in facts}
        self._readings = readings

    @classmethod
    def open(cls, profile: Profile, listener: Callable[[WorkbenchEvent], None]) -> Workbench:
        """Opens a profile for this process alone; runs left over by a killed one become INTERRUPTED.

        Raises LibraryError in words: in use, corrupt, too new, unwritable. Nothing is overwritten.
        """
        profile.create()
        lock = ProfileLock(profile.lock)
        writer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="library")

        def start() -> tuple[
            Library, Settings, list[Endpoint], list[ParameterFact], dict[tuple[str, str], str]
        ]:
            library = Library(open_database(profile.database))
            library.interrupt_running()
            settings = load_settings(library.connection)
            facts, readings = library.parameter_facts(), library.readings()
            return library, settings, library.endpoints(), facts, readings

        try:
            library, settings, endpoints, facts, readings = writer.submit(start).result()
        except BaseException:
            writer.shutdown()
            lock.release()
            raise
        return cls(profile, lock, writer, library, settings, endpoints, facts, readings, listener)

    def purge(self) -> None:
        """Removes for good what was deleted before the profile was opened. To be called once, before anything
        else is asked for; nobody waits for its end but the next write."""
        self._writer.submit(self._library.purge_deleted).add_done_callback(_log_failed_purge)

    def open_reader(self) -> Library:
        """A library for reading only, for use on the calling thread; the caller closes it."""
        return Library(open_database(self.profile.database, read_only=True))

    async def close(self) -> None:
        """Stops every program and run, keeping its text, then the built-in server, the network and the
        database."""
        if self._opened_tools is not None:
            await self._opened_tools.close()
        for run_id in list(self._tasks):
            await self.stop(run_id)
        if self._unsaved:
            with contextlib.suppress(LibraryError):
                await self._save_unsaved()
        if self._local is not None:
            await self._local.stop()
        if self._open_transport is not None:
            await self._open_transport.aclose()
        await self._on_writer(self._library.close)
        self._writer.shutdown()
        self._lock.release()

    # Runs

    @property
    def live(self) -> Mapping[str, LiveRun]:
        """Runs in progress by id."""
        return self._live

    def live_in(self, conversation_id: str) -> LiveRun | None:
        """The run in progress in a conversation."""
        return next((x for x in self._live.values() if x.run.conversation_id == conversation_id), None)

    async def send(self, conversation_id: str | None, draft: Draft) -> Run:
        """Stores the draft's text as a message and starts the reply to it; returns the run, then QUEUED.

        None begins a new conversation. With `draft.replaces_id` the text becomes a sibling of that message.
        Raises ConfigurationError for blank text or an unknown endpoint.
        """
        self._check_attachments(draft)
        message, conversation = await self._message_of(conversation_id, draft)
        if self._opened_tools is not None:
            self._opened_tools.begin_anew(message.conversation_id)
        return await self._start(message, draft, conversation, is_new_message=True)

    async def save_edit(self, conversation_id: str, draft: Draft) -> str:
        """Stores the draft's text as a sibling of `draft.replaces_id` without asking for a reply."""
        message, _ = await self._message_of(conversation_id, draft)
        await self._write(lambda library: library.add_message(message))
        return message.id

    async def regenerate(self, message: Message, draft: Draft) -> Run:
        """Asks again for the reply to a message or to results, as a sibling of the replies that there are."""
        return await self._start(message, draft, None, is_new_message=False)

    async def retry(self, reply: Message, draft: Draft) -> Run:
        """Asks again after a failure. A reply in which nothing had arrived leaves no version behind."""
        question = await self._on_writer(lambda: self._library.message(reply.parent_id or ""))
        if question is None:
            raise ConfigurationError("The message that this answered no longer exists.")
        self._refuse_second_answer(reply.conversation_id)
        if not reply.parts:
            await self._write(lambda library: library.delete_message(reply.id))
        return await self._start(question, draft, None, is_new_message=False)

    async def retry_without(self, reply: Message, draft: Draft) -> Run:
        """Asks again without the parameter that the server refused, as requests to that model go from now on.

        Where the server asked for another name, it is sent under that. Raises ConfigurationError where the
        failure names no parameter.
        """
        run_id = reply.run_id or ""
        run = await self._on_writer(lambda: self._library.run(run_id))
        failure = run.failure if run is not None else None
        if run is None or failure is None or failure.parameter is None:
            raise ConfigurationError("The server named no parameter that could be left out.")
        fact = ParameterFact(
            endpoint_id=known_as(run.endpoint_id, run.base_url),
            model_id=run.model_id,
            name=failure.parameter,
            outcome=FactOutcome.REJECTED,
            words=failure.said,
            noted_at=datetime.now(UTC),
            renamed_to=failure.instead or "",
        )
        await self.note_facts([fact])
        return await self.retry(reply, draft)

    async def repeat_exactly(self, run_id: str) -> Run:
        """Sends the very bytes of a run to its endpoint once more, as a sibling of its reply.

        Raises ConfigurationError where there are none, or where the endpoint or the question is gone.
        """
        from drover.wire.chat import EncodedRequest

        earlier = await self._on_writer(lambda: self._library.run(run_id))
        if earlier is None or not earlier.request_body:
            raise ConfigurationError("Nothing was sent in this run, so there is nothing to repeat.")
        question_id = earlier.parent_id
        question = await self._on_writer(lambda: self._library.message(question_id))
        if question is None:
            raise ConfigurationError("The message that this answered no longer exists.")
        draft = Draft(
            endpoint_id=earlier.endpoint_id,
            model_id=earlier.model_id,
            parameters=earlier.parameters,
            system_prompt=earlier.system_prompt,
        )
        encoded = EncodedRequest(body=earlier.request_body, adjustments=earlier.adjustments)
        return await self._start(question, draft, None, is_new_message=False, encoded=encoded)

    async def fork(self, run_id: str, beginning: str) -> Run:
        """Asks once more for the reply of a run, with the settings of that run, and has it begin like this.

        `beginning` is what was written up to some point, tags of thinking included, with a change at its end
        (see `TokenScores.beginning`); the model goes on with it. The reply becomes a sibling of that of the
        run. Raises ConfigurationError where the server is not known to do that, in words.
        """
        from drover.engine.inspected_tokens import no_fork_reason

        run, exchange, stored = await self.replies.stored(run_id)
        question = await self._on_writer(lambda: self._library.message(run.parent_id))
        if question is None:
            raise ConfigurationError("The message that this answered no longer exists.")
        if reason := no_fork_reason(run, exchange, stored, self.endpoint_of(run)):
            raise ConfigurationError(reason)
        draft = Draft(
            endpoint_id=run.endpoint_id,
            model_id=run.model_id,
            parameters=run.parameters,
            system_prompt=run.system_prompt,
            tools=_tools_sent(run),
        )
        return await self._start(question, draft, None, is_new_message=False, prefill=beginning)

    async def snippet(self, run_id: str, form: str) -> str:
        """What a run sent, as text to be used elsewhere; the key is read from the environment there.

        `form` is `curl`, `httpx`, `openai` or `http`. Raises ConfigurationError where nothing was sent.
        """
        from drover.wire.snippets import SNIPPETS, sent_request

        run = await self._on_writer(lambda: self._library.run(run_id))
        exchange = await self._on_writer(lambda: self._library.exchange(run_id))
        if run is None:
            raise ConfigurationError("This run no longer exists.")
        endpoint = self._endpoints.get(run.endpoint_id)
        variable = _key_variable(endpoint) if endpoint is not None and endpoint.needs_key else ""
        return SNIPPETS[form](sent_request(run, exchange, key_variable=variable))

    def read_request(self, text: str) -> ImportedRequest:
        """What can be taken over of a cURL command or a JSON body. Raises ConfigurationError in words."""
        from drover.wire.curl_import import read_request

        return read_request(text)

    def endpoint_at(self, base_url: str) -> Endpoint | None:
        """The known endpoint with this normalised address."""
        return next((known for known in self._endpoints.values() if known.base_url == base_url), None)

    async def begin_imported(self, request: ImportedRequest, draft: Draft) -> str:
        """Begins a conversation with the earlier messages of a request; returns its id.

        Its draft holds the last message, the parameters and the system prompt. Endpoint and model are those
        of `draft` where the request names no address, or one that no endpoint has.
        """
        earlier, now = request.earlier_turns, datetime.now(UTC)
        words = next((turn.text for turn in request.turns if turn.role is Role.USER), "")
        conversation = Conversation(id=new_id(), title=title_from(words), created_at=now, updated_at=now)
        messages: list[Message] = []
        for turn in earlier:
            parent_id = messages[-1].id if messages else None
            message = _user_message(new_id(), parent_id, conversation.id, Draft())
            messages.append(replace(message, role=turn.role, parts=turn.parts))
        endpoint = self.endpoint_at(request.base_url) if request.base_url else None
        if endpoint is not None:
            draft = replace(draft, endpoint_id=endpoint.id, model_id=request.model_id)
        elif request.model_id and not request.base_url:
            draft = replace(draft, model_id=request.model_id)
        draft = replace(
            draft,
            text=request.open_text,
            parameters=request.parameters,
            system_prompt=request.system_prompt,
            tools=request.tools,
            preset_id=None,
            replaces_id=None,
            aside_text="",
            attachments=(),
            aside_attachments=(),
        )

        def begin(library: Library) -> Changes:
            with library.one_transaction():
                changes = library.add_turn(conversation=conversation)
                for message in messages:
                    changes |= library.add_message(message)
                return changes | library.save_draft(conversation.id, draft)

        await self._write(begin)
        return conversation.id

    async def stop(self, run_id: str) -> None:
        """Ends a run and returns when it is settled with what had arrived."""
        import asyncio

        task = self._tasks.get(run_id)
        if task is not None:
            task.cancel()
            await asyncio.wait({task})

    async def wait(self, run_id: str) -> None:
        """Returns when the run is settled."""
        import asyncio

        task = self._tasks.get(run_id)
        if task is not None:
            await asyncio.wait({task})

    def retry_now(self, run_id: str) -> None:
        """Ends the wait for the next try of a run."""
        runner = self._runners.get(run_id)
        if runner is not None:
            runner.retry_now()

    async def attach(self, source: Path | bytes, name: str = "") -> Attachment:
        """Keeps the bytes of a file, or these bytes under a name, to go with a draft; they outlive a crash.

        Raises ConfigurationError in words for what cannot be sent at all. However large it is, nothing waits
        for it but the caller.
        """
        from drover.engine.attaching import read_attachment
        from drover.engine.threads import in_daemon_thread

        read = functools.partial(read_attachment, source, name)
        attachment, content = await in_daemon_thread(read, name="attach")
        await self._on_writer(lambda: self._library.add_attachments({attachment.hash: content}))
        return attachment

    async def attachment_bytes(self, digest: str) -> bytes:
        """The bytes of an attachment by its hash. Raises ConfigurationError where they are gone."""
        kept = await self._on_writer(lambda: self._library.attachment_bytes([digest]))
        if digest not in kept:
            raise ConfigurationError("The file is no longer in the library.")
        return kept[digest]

    def preview(self, branch: Sequence[Message], draft: Draft) -> Preview:
        """The body that the draft would send after these messages. Raises ConfigurationError."""
        from drover.wire import chat

        messages = list(branch)
        if draft.text.strip() or draft.attachments:
            messages.append(_user_message("", None, "", draft))
        encoded = chat.encode(self._request(draft, tuple(messages)))
        return Preview(body=encoded.body, adjustments=encoded.adjustments)

    async def thinking_plan(self, message_id: str, draft: Draft) -> ThinkingPlan:
        """What becomes of the thinking of earlier replies if the draft is sent after this stored message.

        Raises ConfigurationError. However long the branch is, nothing waits for it but the caller.
        """
        from drover.wire.quirks import quirks_for
        from drover.wire.replay import thinking_plan

        without_messages = self._request(draft, ())
        question = _user_message("", None, "", Draft())

        def plan() -> ThinkingPlan:
            branch = (*self._library.branch(message_id), question)
            request = replace(without_messages, branch=branch)
            return thinking_plan(
                replace(request, origins=self._origins(branch)), quirks_for(request.endpoint)
            )

        return await self._on_writer(plan)

    async def body_after(self, message_id: str | None, draft: Draft) -> bytes:
        """The exact body that the draft would send after this stored message; None begins a conversation.

        Raises ConfigurationError. However long the branch is, nothing waits for it but the caller.
        """
        from drover.engine.runner import encoded_request

        branch = await self._on_writer(lambda: self._library.branch(message_id)) if message_id else []
        if draft.text.strip() or draft.attachments:
            branch.append(_user_message("", None, "", draft))
        request = await self._with_attached(await self._with_origins(self._request(draft, tuple(branch))))
        return (await encoded_request(request)).body

    async def sent_settings(self, run_id: str) -> dict[str, Any]:
        """The body that a run sent, with an empty list in the place of its messages; empty where none is."""
        from drover.domain.request_outline import sent_settings
        from drover.engine.threads import in_daemon_thread

        run = await self._on_writer(lambda: self._library.run(run_id))
        if run is None or not run.request_body:
            return {}
        body = run.request_body
        return await in_daemon_thread(lambda: sent_settings(body), name="outline")

    async def _message_of(
        self, conversation_id: str | None, draft: Draft
    ) -> tuple[Message, Conversation | None]:
        if not draft.text.strip() and not draft.attachments:
            raise ConfigurationError("There is nothing to send.", hint="Type a message first.")
        if conversation_id is None:
            now = datetime.now(UTC)
            words = draft.text if draft.text.strip() else draft.attachments[0].name
            conversation = Conversation(id=new_id(), title=title_from(words), created_at=now, updated_at=now)
            return _user_message(new_id(), None, conversation.id, draft), conversation
        known = await self._on_writer(lambda: self._library.conversation(conversation_id))
        if known is None:
            raise ConfigurationError("This conversation no longer exists.")
        parent_id = known.head_id
        if draft.replaces_id is not None:
            replaced_id = draft.replaces_id
            replaced = await self._on_writer(lambda: self._library.message(replaced_id))
            if replaced is None:
                raise ConfigurationError("The message that this replaces no longer exists.")
            parent_id = replaced.parent_id
        return _user_message(new_id(), parent_id, conversation_id, draft), None

    async def _start(
        self,
        message: Message,
        draft: Draft,
        conversation: Conversation | None,
        *,
        is_new_message: bool,
        encoded: EncodedRequest | None = None,
        prefill: str = "",
    ) -> Run:
        """`encoded` is sent instead of what the draft would give; with `prefill` the reply begins."""
        self._refuse_second_answer(message.conversation_id)
        self._starting.add(message.conversation_id)
        try:
            return await self._begin(
                message,
                draft,
                conversation,
                is_new_message=is_new_message,
                encoded=encoded,
                prefill=prefill,
            )
        finally:
            self._starting.discard(message.conversation_id)

    def _is_answering(self, conversation_id: str) -> bool:
        return conversation_id in self._starting or self.live_in(conversation_id) is not None

    def _refuse_second_answer(self, conversation_id: str) -> None:
        if self._is_answering(conversation_id):
            raise ConfigurationError(
                "An answer is already on its way in this conversation.", hint="Stop it, or wait for its end."
            )

    async def _begin(
        self,
        message: Message,
        draft: Draft,
        conversation: Conversation | None,
        *,
        is_new_message: bool,
        encoded: EncodedRequest | None,
        prefill: str,
    ) -> Run:
        import asyncio

        from drover.engine.retries import RetryPolicy
        from drover.engine.runner import Runner

        endpoint = self.endpoint(draft.endpoint_id)
        model_id = self._model_id(draft, endpoint) or await self._first_model_id(endpoint)
        run = Run(
            id=new_id(),
            conversation_id=message.conversation_id,
            parent_id=message.id,
            message_id=new_id(),
            endpoint_id=endpoint.id,
            endpoint_name=endpoint.name,
            base_url=endpoint.base_url,
            model_id=model_id,
            parameters=draft.parameters,
            system_prompt=draft.system_prompt,
            status=RunStatus.QUEUED,
            created_at=datetime.now(UTC),
        )
        await self._write(
            lambda library: library.add_turn(
                conversation=conversation, message=message if is_new_message else None, run=run
            )
        )
        branch = tuple(await self._on_writer(lambda: self._library.branch(message.id)))
        request = replace(self._request(replace(draft, model_id=model_id), branch), prefill=prefill)
        request = await self._with_attached(await self._with_origins(request))
        live = self._live[run.id] = LiveRun(run, time.monotonic())
        runner = self._runners[run.id] = Runner(
            live,
            request,
            transport=self._transport,
            journal=_LibraryJournal(self),
            locate=functools.partial(self._locate, endpoint),
            advanced=functools.partial(self._tell, RunAdvanced(run_id=run.id)),
            encoded=encoded,
            retries=RetryPolicy(most=2 if self.settings.is_retried else 0, base_s=self.retry_base_s),
        )
        work = self._see_through(runner, live, draft)
        self._tasks[run.id] = asyncio.create_task(work, name=f"run {run.id}")
        # A task cancelled before its first step never runs, and would leave the run QUEUED for ever.
        await asyncio.sleep(0)
        self._tell(RunAdvanced(run_id=run.id))
        return run

    async def _see_through(self, runner: Runner, live: LiveRun, draft: Draft) -> None:
        run_id = live.run.id
        try:
            await self._note_attachment_facts(await runner.execute())
        except LibraryError as error:
            if runner.outcome is not None:
                self._unsaved[run_id] = runner.outcome
            words = f"The answer is not saved yet; it will be with the next change. {error.words}"
            self._tell(Notice(text=words, kind=NoticeKind.WARNING))
        finally:
            for table in (self._live, self._runners, self._tasks):
                table.pop(run_id, None)
            self._tell(RunSettled(run=live.run))
            if draft.tools and runner.outcome is not None and run_id not in self._unsaved:
                self.tools.take_up(live.run, runner.outcome[1], draft)

    @property
    def tools(self) -> ToolLoop:
        """The calls of replies: who answers them, and which programs run for them."""
        if self._opened_tools is None:
            from drover.engine.tool_loop import ToolLoop

            self._opened_tools = ToolLoop(_Desk(self))
        return self._opened_tools

    async def _ask_with_results(
        self, reply: Message, results: tuple[ToolResultPart, ...], draft: Draft
    ) -> Run:
        message = Message(
            id=new_id(),
            conversation_id=reply.conversation_id,
            parent_id=reply.id,
            role=Role.TOOL,
            parts=results,
            created_at=datetime.now(UTC),
        )
        draft = replace(draft, text="", aside_text="", replaces_id=None, attachments=())
        return await self._start(message, draft, None, is_new_message=True)

    def unsaved_in(self, conversation_id: str) -> list[tuple[Run, Message]]:
        """Replies that have ended but could not be stored yet, oldest first."""
        return [
            (run, message)
            for run, message, _ in self._unsaved.values()
            if run.conversation_id == conversation_id
        ]

    async def _save_unsaved(self) -> None:
        for run_id, (run, message, exchange) in list(self._unsaved.items()):
            settle = functools.partial(self._library.settle, run, message, exchange)
            changes = await self._on_writer(settle)
            self._unsaved.pop(run_id, None)
            self._tell(LibraryChanged(changes=changes))

    @property
    def _secrets(self) -> Secrets:
        if self._opened_secrets is None:
            from drover.engine.secrets import Secrets

            self._opened_secrets = Secrets()
        return self._opened_secrets

    @property
    def _transport(self) -> Transport:
        if self._open_transport is None:
            from drover.engine.transport import Transport

            self._open_transport = Transport()
        return self._open_transport

    def _model_id(self, draft: Draft, endpoint: Endpoint) -> str:
        """The built-in endpoint serves one file, whatever the draft was made for."""
        return (
            endpoint.default_model_id if endpoint.is_built_in else draft.model_id or endpoint.default_model_id
        )

    def _request(self, draft: Draft, branch: tuple[Message, ...]) -> RunRequest:
        endpoint = self.endpoint(draft.endpoint_id)
        model_id = self._model_id(draft, endpoint)
        return RunRequest(
            endpoint=endpoint,
            model_id=model_id,
            branch=branch,
            parameters=draft.parameters,
            system_prompt=draft.system_prompt,
            tools=draft.tools,
            reading=self.replies.reading(endpoint, model_id),
            rejected=tuple(
                fact for fact in self.facts(endpoint, model_id) if fact.outcome is FactOutcome.REJECTED
            ),
            reasoning_replay=draft.reasoning_replay,
        )

    async def _with_origins(self, request: RunRequest) -> RunRequest:
        """The same with who wrote the replies that hold what is for their author alone."""
        return replace(request, origins=await self._on_writer(lambda: self._origins(request.branch)))

    def _origins(self, branch: Sequence[Message]) -> dict[str, Origin]:
        """Who wrote the replies that hold what is for their author alone. Call on the writer thread."""
        private = {
            message.id: message.run_id
            for message in branch
            if message.run_id and any(map(_is_for_its_author, message.parts))
        }
        runs = self._library.runs_by_id(list(private.values())) if private else {}
        return {
            message_id: Origin(run.endpoint_id, run.base_url, run.model_id)
            for message_id, run_id in private.items()
            if (run := runs.get(run_id)) is not None
        }

    async def _with_attached(self, request: RunRequest) -> RunRequest:
        """The same with the bytes of what its messages hold."""
        hashes = {part.hash for message in request.branch for part in message.attachments}
        if not hashes:
            return request
        return replace(
            request, attached=await self._on_writer(lambda: self._library.attachment_bytes(hashes))
        )

    def _check_attachments(self, draft: Draft) -> None:
        """Raises ConfigurationError where the server is known not to take what is attached."""
        if draft.attachments:
            from drover.wire.attachments import refusal
            from drover.wire.quirks import quirks_for

            endpoint = self.endpoint(draft.endpoint_id)
            if (error := refusal(draft.attachments, quirks_for(endpoint), endpoint.name)) is not None:
                raise error

    async def _locate(self, endpoint: Endpoint) -> Address:
        from drover.engine.runner import Address

        if endpoint.is_built_in:
            local = await self._local_model().ensure_started()
            return Address(base_url=local.base_url, key=local.api_key, key_variable="DROVER_LOCAL_KEY")
        found = await self.find_key(endpoint)
        if found.key is None and endpoint.needs_key:
            raise MissingKey(
                f"There is no key for {endpoint.name}.",
                hint=f"Set a key, or put it into the variable {endpoint.key_variable}.",
            )
        return Address(
            base_url=endpoint.base_url,
            key=found.key,
            key_variable=_key_variable(endpoint),
            network=await self._access(endpoint),
        )

    async def _access(self, endpoint: Endpoint, given: NetworkSecrets | None = None) -> NetworkAccess:
        from drover.engine.network_access import access_of

        return await access_of(self._secrets, endpoint, given)

    # What came back

    def endpoint_of(self, run: Run) -> Endpoint:
        """The endpoint that a run was sent to; one made from its address where that was removed since."""
        return self._endpoints.get(run.endpoint_id) or replace(
            endpoint_from_url(run.base_url), id=run.endpoint_id, name=run.endpoint_name
        )

    @property
    def replies(self) -> StoredReplies:
        """What came back, to be looked at and read again."""
        if self._opened_replies is None:
            from drover.engine.stored_replies import StoredReplies

            self._opened_replies = StoredReplies(
                _Desk(self), self._unsaved, self._readings, endpoint_of=self.endpoint_of, new_id=new_id
            )
        return self._opened_replies

    # Conversations

    async def rename(self, conversation_id: str, title: str) -> None:
        """Gives a conversation a title; a blank one is ignored."""
        if title.strip():
            await self._write(lambda library: library.rename(conversation_id, title.strip()))

    async def set_pinned(self, conversation_id: str, is_pinned: bool) -> None:
        """Moves a conversation to the pinned ones, or back."""
        await self._write(lambda library: library.set_pinned(conversation_id, is_pinned))

    async def delete_conversation(self, conversation_id: str) -> None:
        """Hides a conversation; it is gone for good only when the profile is next opened."""
        await self._write(lambda library: library.delete_conversation(conversation_id))
        if self._opened_tools is not None:
            await self._opened_tools.stop_in(conversation_id)
        while (live := self.live_in(conversation_id)) is not None:
            await self.stop(live.run.id)

    async def restore_conversation(self, conversation_id: str) -> None:
        """Undoes `delete_conversation`."""
        await self._write(lambda library: library.restore_conversation(conversation_id))

    async def add_records(self, records: Sequence[ConversationRecord]) -> list[str]:
        """Adds whole conversations, all or none; returns their ids.

        One of which any part is known already is added beside it, under new ids.
        """
        added: list[ConversationRecord] = []

        def add(library: Library) -> Changes:
            changes = Changes()
            with library.one_transaction():
                for record in records:
                    is_known = library.knows_any(record.ids)
                    added.append(record.renumbered(new_id) if is_known else record)
                    changes |= library.add_record(added[-1])
            return changes

        await self._write(add)
        return [record.conversation.id for record in added]

    async def show_version(self, conversation_id: str, head_id: str) -> None:
        """Makes another branch the shown one."""
        await self._write(lambda library: library.set_head(conversation_id, head_id))

    async def save_draft(self, conversation_id: str | None, draft: Draft | None) -> None:
        """Keeps unsent text and settings; None forgets them."""
        await self._write(lambda library: library.save_draft(conversation_id or "", draft))

    # Settings, presets, endpoints

    async def change_settings(self, **values: Any) -> None:
        """Sets fields of `Settings` by name and keeps them; they apply to runs started from now on."""
        settings = replace(self.settings, **values)
        gguf_changed = settings.gguf_path != self.settings.gguf_path
        self.settings = settings
        if gguf_changed and self._local is not None:
            local, self._local = self._local, None
            await local.stop()
        await self._write(lambda library: save_settings(library.connection, settings))

    @property
    def presets(self) -> PresetShelf:
        """Named sets of parameters."""
        if self._opened_presets is None:
            from drover.engine.preset_shelf import PresetShelf

            self._opened_presets = PresetShelf(_Desk(self), addresses=self._addresses, new_id=new_id)
        return self._opened_presets

    def _addresses(self) -> dict[str, str]:
        """How files name endpoints; one that is for this session alone has no name there."""
        known = (endpoint for endpoint in self._endpoints.values() if endpoint.id != URL_ENDPOINT_ID)
        return {endpoint.id: endpoint.base_url or endpoint.id for endpoint in known}

    @property
    def endpoints(self) -> Sequence[Endpoint]:
        """Built-in, Oxen.ai, then the person's own in the order of their names."""
        return list(self._endpoints.values())

    def endpoint(self, endpoint_id: str) -> Endpoint:
        """The endpoint with this id, with the limits from the settings. Raises ConfigurationError."""
        endpoint = self._endpoints.get(endpoint_id or BUILT_IN_ID)
        if endpoint is None:
            raise ConfigurationError(
                "The endpoint of this conversation was removed.", hint="Choose another one."
            )
        return replace(
            endpoint,
            default_model_id=self.built_in_model_id if endpoint.is_built_in else endpoint.default_model_id,
            first_byte_timeout_s=self.settings.first_byte_timeout_s,
            idle_timeout_s=self.settings.idle_timeout_s,
        )

    def find_endpoint(self, name: str) -> Endpoint:
        """The endpoint with this name, or a new one until the program ends for a base URL.

        Raises ConfigurationError for an unknown name.
        """
        for endpoint in self._endpoints.values():
            if name.casefold() in (endpoint.name.casefold(), endpoint.id):
                return endpoint
        if "/" in name or ":" in name or "." in name:
            endpoint = self._endpoints[URL_ENDPOINT_ID] = endpoint_from_url(normalized_base_url(name))
            return endpoint
        known = ", ".join(endpoint.name for endpoint in self._endpoints.values())
        raise ConfigurationError(
            f"There is no endpoint named {name}.", hint=f"Known: {known}. Or give a base URL."
        )

    def known_servers(self) -> Sequence[KnownServer]:
        """The servers that requests are put into the form of, the one for any other server last."""
        from drover.wire.quirks import known_servers

        return known_servers()

    async def save_endpoint(self, endpoint: Endpoint, secrets: NetworkSecrets | None = None) -> None:
        """Adds or replaces one of the person's own endpoints, with what was entered for its network.

        Of Oxen.ai all but its name, address and the form of its requests can be replaced.
        """
        earlier = self._endpoints.get(endpoint.id)
        if secrets is not None:
            from drover.engine.network_access import keep

            notice = await keep(self._secrets, endpoint, secrets)
            if notice:
                self._tell(Notice(text=notice, kind=NoticeKind.WARNING))
        self._forget_network_of(earlier)
        await self._write(lambda library: library.save_endpoint(endpoint))
        self._load_endpoints(await self._on_writer(self._library.endpoints))

    async def reset_endpoint(self, endpoint_id: str) -> None:
        """Puts Oxen.ai back to how it was before anything was set for it; its key and what is known of its
        models stay."""
        endpoint = self._endpoints[endpoint_id]
        await self._write(lambda library: library.reset_endpoint(endpoint_id))
        self._load_endpoints(await self._on_writer(self._library.endpoints))
        self._forget_network_of(endpoint)
        if endpoint.network is not None:
            from drover.engine.network_access import forget

            await forget(self._secrets, endpoint)

    def _forget_network_of(self, endpoint: Endpoint | None) -> None:
        """Connections that were made as an endpoint was set before are not used again."""
        if endpoint is not None and endpoint.network is not None and self._open_transport is not None:
            self._open_transport.forget(endpoint.network)

    async def delete_endpoint(self, endpoint_id: str) -> None:
        """Removes an endpoint and its key; conversations stay."""
        endpoint = self._endpoints[endpoint_id]
        await self._write(lambda library: library.delete_endpoint(endpoint_id))
        self._load_endpoints(await self._on_writer(self._library.endpoints))
        if endpoint.network is not None:
            from drover.engine.network_access import forget

            await forget(self._secrets, endpoint)
        await self._secrets.delete(endpoint)
        self._facts = {key: fact for key, fact in self._facts.items() if key[0] != endpoint_id}
        for key in [key for key in self._readings if key[0] == endpoint_id]:
            del self._readings[key]

    # What servers did with parameters

    def facts(self, endpoint: Endpoint, model_id: str) -> list[ParameterFact]:
        """What is known of the parameters of a model, by name."""
        about = (known_as(endpoint.id, endpoint.base_url), model_id)
        return sorted((f for key, f in self._facts.items() if key[:2] == about), key=lambda fact: fact.name)

    async def note_facts(self, facts: Sequence[ParameterFact]) -> None:
        """Keeps facts, each in the place of what was known of the same parameter."""
        changes = await self._on_writer(lambda: self._library.save_parameter_facts(facts))
        self._facts |= {(fact.endpoint_id, fact.model_id, fact.name): fact for fact in facts}
        self._tell(LibraryChanged(changes=changes))

    async def _note_attachment_facts(self, run: Run) -> None:
        """Keeps whether the model took the pictures or documents that it was sent, once that is known."""
        from drover.domain.attachments import refused_kind, sent_kinds

        kinds = sent_kinds(run.request_body)
        if not kinds:
            return
        facts_id = known_as(run.endpoint_id, run.base_url)
        now, refused = datetime.now(UTC), None
        if run.failure is not None:
            refused = refused_kind(run.failure, kinds)
            kinds = frozenset() if refused is None else frozenset({refused})
        elif run.status not in (RunStatus.COMPLETE, RunStatus.CUT):
            return
        outcome = FactOutcome.ACCEPTED if refused is None else FactOutcome.REJECTED
        facts = [
            ParameterFact(
                endpoint_id=facts_id,
                model_id=run.model_id,
                name=kind.fact_name,
                outcome=outcome,
                words=run.failure.said if run.failure is not None else "",
                noted_at=now,
            )
            for kind in kinds
        ]
        known = {key: fact.outcome for key, fact in self._facts.items()}
        news = [f for f in facts if known.get((f.endpoint_id, f.model_id, f.name)) is not f.outcome]
        if news:
            with contextlib.suppress(LibraryError):  # it is found out again by the next request
                await self.note_facts(news)

    async def note_attachment_refusal(self, endpoint: Endpoint, model_id: str, kind: AttachmentKind) -> None:
        """From now on requests to this model go without such attachments, until the fact is forgotten."""
        fact = ParameterFact(
            endpoint_id=known_as(endpoint.id, endpoint.base_url),
            model_id=model_id,
            name=kind.fact_name,
            outcome=FactOutcome.REJECTED,
            words="",
            noted_at=datetime.now(UTC),
        )
        await self.note_facts([fact])

    async def forget_fact(self, endpoint: Endpoint, model_id: str, name: str) -> None:
        """Forgets what is known of a parameter: it is sent again as it is set."""
        key = (known_as(endpoint.id, endpoint.base_url), model_id, name)
        changes = await self._on_writer(lambda: self._library.forget_parameter_fact(*key))
        self._facts.pop(key, None)
        self._tell(LibraryChanged(changes=changes))

    def probe_plan(self, endpoint: Endpoint, model_id: str, card: ModelCard | None) -> ProbePlan:
        """What `probe_parameters` would do and cost; asks nobody."""
        from drover.engine.parameter_probe import plan_probe

        return plan_probe(endpoint, model_id, card)

    async def probe_parameters(
        self, endpoint: Endpoint, model_id: str, heard: Callable[[ProbeProgress], None]
    ) -> ProbeReport:
        """Tries each parameter with cheap requests and keeps what comes of it, one fact after the other.

        The requests make no conversations and no runs. Cancelling the task ends it; what was found out stays.
        Raises DroverError where not even the first request can be made.
        """
        from drover.engine.parameter_probe import ParameterProbe

        address = await self._locate(endpoint)
        model_id = model_id or await self._first_model_id(endpoint)
        about = known_as(endpoint.id, endpoint.base_url), model_id

        async def keep(finding: Finding) -> None:
            known = self._facts.get((*about, finding.name))
            is_news = finding.outcome is not FactOutcome.UNKNOWN
            if is_news or known is None or known.outcome is FactOutcome.UNKNOWN:
                await self.note_facts([finding.fact(*about)])

        probe = ParameterProbe(self._transport, endpoint, address, model_id, found=keep, heard=heard)
        return await probe.execute()

    # Keys and models

    async def find_key(self, endpoint: Endpoint) -> FoundKey:
        """The key of an endpoint; each notice on the way is told to the listener once."""
        found = await self._secrets.find(endpoint)
        if found.notice and found.notice not in self._told_notices:
            self._told_notices.add(found.notice)
            self._tell(Notice(text=found.notice, kind=NoticeKind.WARNING))
        return found

    async def save_key(self, endpoint: Endpoint, key: str) -> SaveResult:
        """Puts a key into the keyring, else into memory with a notice. Raises ConfigurationError."""
        result = await self._secrets.save(endpoint, key)
        if result.notice:
            self._tell(Notice(text=result.notice, kind=NoticeKind.WARNING))
        self._tell(LibraryChanged(changes=Changes(others=frozenset({"keys"}))))
        return result

    async def delete_key(self, endpoint: Endpoint) -> None:
        """Removes a key from the keyring and from memory."""
        await self._secrets.delete(endpoint)
        self._tell(LibraryChanged(changes=Changes(others=frozenset({"keys"}))))

    async def key_status(self, endpoint: Endpoint) -> KeyStatus:
        """Where the key of an endpoint is, without the key."""
        return await self._secrets.status(endpoint)

    async def test_connection(
        self, endpoint: Endpoint, key: str | None, secrets: NetworkSecrets | None = None
    ) -> AsyncGenerator[ConnectionStep, None]:
        """Tries an endpoint as it was filled in, layer by layer; ends with the first that fails.

        The last layer is a question to the model with an answer of one token, which may cost a little.
        Without a key, the kept one is sent. Ending the iteration ends the request.
        """
        from drover.engine.connection_test import try_connection
        from drover.engine.secrets import clean_key

        clean = clean_key(key) if key else (await self.find_key(endpoint)).key
        if clean:
            register_secret(clean)
        access = await self._access(endpoint, secrets)
        steps = try_connection(endpoint, clean, access)
        async with contextlib.aclosing(steps):
            async for step in steps:
                yield step

    async def refresh_models(self, endpoint: Endpoint, key: str | None = None) -> list[ModelCard]:
        """Asks a server for its models and keeps the list. Raises DroverError."""
        from drover.engine.probe import list_models

        if endpoint.is_built_in:
            cards = [await self.built_in_card()]
        else:
            key = key or (await self.find_key(endpoint)).key
            cards = await list_models(self._transport, endpoint, key, await self._access(endpoint))
        if endpoint.id != URL_ENDPOINT_ID:
            await self._write(lambda library: library.save_model_cards(endpoint.id, cards))
        return cards

    async def _first_model_id(self, endpoint: Endpoint, key: str | None = None) -> str:
        from drover.engine.probe import list_models

        key = key or (await self.find_key(endpoint)).key
        cards = await list_models(self._transport, endpoint, key, await self._access(endpoint))
        if not cards:
            raise ConfigurationError(f"{endpoint.name} lists no models.", hint="Name the model yourself.")
        return cards[0].id

    # The built-in model

    @property
    def gguf(self) -> Path | None:
        """The model file that the built-in endpoint serves; None if there is none on this computer."""
        if self.settings.gguf_path:
            return Path(self.settings.gguf_path)
        from drover.engine.weights import find_weights

        return find_weights(self.profile.models_dir)

    @property
    def built_in_model_id(self) -> str:
        """The name under which the built-in endpoint serves its file."""
        gguf_path = self.settings.gguf_path
        return Path(gguf_path).stem if gguf_path else BUILT_IN.default_model_id

    async def built_in_card(self) -> ModelCard:
        """What the model file says about itself. Raises ConfigurationError if there is none."""
        path = self.gguf
        if path is None:
            raise _no_weights()
        from drover.engine.gguf import model_facts
        from drover.engine.threads import in_daemon_thread

        facts = await in_daemon_thread(functools.partial(model_facts, path), name="model facts")
        is_tiny = not self.settings.gguf_path
        return ModelCard(
            id=self.built_in_model_id,
            name=self.built_in_model_id if is_tiny else facts.name,
            context_tokens=facts.context_tokens,
            input_modalities=("text",),
            input_usd_per_token=0.0,
            output_usd_per_token=0.0,
            source="From the model file",
            notes=("A very small model for trying things out; its answers are not to be relied on.",)
            if is_tiny
            else (),
        )

    async def fetch_built_in(self, progress: Callable[[int, int | None], None]) -> None:
        """Downloads the weights of the tiny model into the profile. Raises DroverError."""
        from drover.engine.weights import fetch_weights

        await fetch_weights(self.profile.models_dir, progress)
        self._tell(LibraryChanged(changes=Changes(others=frozenset({"models"}))))

    async def fetch_image(self, url: str) -> bytes:
        """Fetches a picture once, sending nothing of the person's and keeping nothing. Only for a click.

        What comes is a PNG, JPEG, WebP or GIF by its first bytes, of at most 20 MB; nothing else about it is
        checked. Raises Redirected where another address is named, and DroverError for the rest.
        """
        from ipaddress import ip_network

        from drover.engine.pictures import fetch_picture
        from drover.engine.reach import PublicOnly

        return await fetch_picture(
            self._transport, url, PublicOnly(except_for=tuple(map(ip_network, self.picture_networks)))
        )

    def _local_model(self) -> LocalModel:
        if self._local is None:
            path = self.gguf
            if path is None:
                raise _no_weights()
            from drover.engine.local_model import LocalModel

            self._local = LocalModel(gguf=path, name=self.built_in_model_id, notify=self._tell_notice)
        return self._local

    # Writing

    async def _write(self, verb: Callable[[Library], Changes]) -> Changes:
        changes = await self._on_writer(lambda: verb(self._library))
        self._tell(LibraryChanged(changes=changes))
        if self._unsaved:
            await self._save_unsaved()
        return changes

    async def _on_writer(self, work: Callable[[], _T]) -> _T:
        import asyncio

        return await asyncio.get_running_loop().run_in_executor(self._writer, work)

    def _tell_notice(self, text: str) -> None:
        self._tell(Notice(text=text, kind=NoticeKind.WARNING))

    def _tell(self, event: WorkbenchEvent) -> None:
        try:
            self._listener(event)
        except Exception:
            _log.exception("The listener failed.")

    def _load_endpoints(self, own: Sequence[Endpoint]) -> None:
        temporary = self._endpoints.get(URL_ENDPOINT_ID)
        rows = [BUILT_IN, *with_oxen(own), *([temporary] if temporary else [])]
        self._endpoints = {endpoint.id: endpoint for endpoint in rows}


class _Desk:
    """What the rooms of the Workbench may do, see `engine.desk` and `engine.tool_loop`."""

    def __init__(self, workbench: Workbench) -> None:
        self._workbench = workbench

    async def read(self, work: Callable[[Library], Any]) -> Any:
        return await self._workbench._on_writer(lambda: work(self._workbench._library))

    async def write(self, verb: Callable[[Library], Changes]) -> Changes:
        return await self._workbench._write(verb)

    async def ask_with_results(
        self, reply: Message, results: tuple[ToolResultPart, ...], draft: Draft
    ) -> Run:
        return await self._workbench._ask_with_results(reply, results, draft)

    def is_answering(self, conversation_id: str) -> bool:
        return self._workbench._is_answering(conversation_id)

    def calls_advanced(self, conversation_id: str, reply_id: str) -> None:
        self._workbench._tell(CallsAdvanced(conversation_id=conversation_id, reply_id=reply_id))

    def inform(self, words: str) -> None:
        self._workbench._tell(Notice(text=words))

    def warn(self, words: str) -> None:
        self._workbench._tell_notice(words)


class _LibraryJournal:
    """The writes of a run, on the writer thread."""

    def __init__(self, workbench: Workbench) -> None:
        self._workbench = workbench

    async def start(self, run_id: str, request_body: bytes, adjustments: tuple[Adjustment, ...]) -> None:
        await self._workbench._write(
            lambda library: library.start_run(run_id, request_body=request_body, adjustments=adjustments)
        )

    async def keep(self, run_id: str, parts: tuple[Part, ...]) -> None:
        await self._workbench._on_writer(lambda: self._workbench._library.journal(run_id, parts))

    async def settle(self, run: Run, message: Message, exchange: Exchange | None) -> None:
        await self._workbench._write(lambda library: library.settle(run, message, exchange))


def endpoint_from_url(base_url: str) -> Endpoint:
    """An endpoint for one command, for a normalised address; its key may be in DROVER_API_KEY."""
    from urllib.parse import urlsplit

    host = urlsplit(base_url).netloc
    return Endpoint(id=URL_ENDPOINT_ID, name=host, base_url=base_url, needs_key=False)


def default_draft(workbench: Workbench) -> Draft:
    """The draft of a conversation that has none: nothing set, the endpoint used last, else the built-in."""
    settings = workbench.settings
    is_known = any(endpoint.id == settings.endpoint_id for endpoint in workbench.endpoints)
    if is_known:
        return Draft(endpoint_id=settings.endpoint_id, model_id=settings.model_id, parameters=UNSET)
    has_only_key = bool(os.environ.get(OXEN.key_variable)) and workbench.gguf is None
    return Draft(endpoint_id=OXEN_ID if has_only_key else BUILT_IN_ID, parameters=UNSET)


def _key_variable(endpoint: Endpoint) -> str:
    return URL_KEY_VARIABLE if endpoint.id == URL_ENDPOINT_ID else endpoint.key_variable


def _user_message(message_id: str, parent_id: str | None, conversation_id: str, draft: Draft) -> Message:
    return Message(
        id=message_id,
        conversation_id=conversation_id,
        parent_id=parent_id,
        role=Role.USER,
        parts=(*draft.attachments, TextPart(text=draft.text)),
        created_at=datetime.now(UTC),
    )


def _tools_sent(run: Run) -> tuple[ToolDefinition, ...]:
    """What the model could call, without the programs, which no request tells."""
    from drover.domain.attachments import shortened_data
    from drover.domain.request_outline import sent_settings
    from drover.wire.tool_import import read_offer

    settings = sent_settings(shortened_data(run.request_body)) if run.request_body else {}
    return tuple(read_offer(settings.get("tools"))[0])


def _is_for_its_author(part: Part) -> bool:
    return isinstance(part, ReasoningPart) or (isinstance(part, ToolCallPart) and bool(part.extra))


def _log_failed_purge(purge: Future[Changes]) -> None:
    if (error := purge.exception()) is not None:
        _log.warning("What was deleted could not be removed yet: %s", error)


def _no_weights() -> ConfigurationError:
    return ConfigurationError(
        "The built-in model is not on this computer yet.",
        hint="Fetch it from the page of a new conversation.",
    )
