"""What is selected, what is drafted, and the handler of every action. The only place that starts tasks."""

from __future__ import annotations

import functools
from collections.abc import Coroutine
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QCoreApplication, QObject, QTimer, QUrl
from PySide6.QtGui import QDesktopServices, QGuiApplication

from drover.domain.conversation import Draft, Message, Position, Role, Tree
from drover.domain.endpoint import BUILT_IN_ID, OXEN, Endpoint
from drover.domain.parameters import UNSET, SamplingParameters, changes
from drover.domain.run import LivePhase, LiveRun, Run
from drover.engine.workbench import Notice, Workbench, default_draft
from drover.errors import DroverError
from drover.log import logger
from drover.store.library import Changes, Library
from drover.store.settings import Settings
from drover.ui import formats
from drover.ui.actions import Actions, Condition
from drover.ui.bridge import Bridge
from drover.ui.main_window import MainWindow
from drover.ui.theme import theme

if TYPE_CHECKING:
    import asyncio

    from drover.ui.message_view import TranscriptEntry
    from drover.ui.setup import Setup

_log = logger("ui")
_DRAFT_DELAY_MS = 400
_FIRST_ROWS = 100
_ZOOM_STEPS = (0.5, 0.67, 0.75, 0.8, 0.9, 1.0, 1.1, 1.25, 1.5, 1.75, 2.0, 2.5, 3.0)


class Controller(QObject):
    """Turns what the person does into verbs of the Workbench, and news from it into views."""

    def __init__(
        self, workbench: Workbench, bridge: Bridge, reader: Library, window: MainWindow, parent: QObject
    ) -> None:
        super().__init__(parent)
        self._workbench = workbench
        self._reader = reader
        self._window = window
        self._tasks: set[asyncio.Task[Any]] = set()
        self._conversation_id: str | None = None
        self._draft = Draft()
        self._tree = Tree(())
        self._runs: dict[str, Run] = {}
        self._inspected_id: str | None = None
        self._is_sending = False
        self._is_complete = False
        self._is_awake = False
        self._postponed: list[Coroutine[Any, Any, Any]] = []
        self._knob_question_id: str | None = None
        self._deleted_id: str | None = None
        self._asked_for_models: set[str] = set()
        self._draft_timer = QTimer(self, singleShot=True, interval=_DRAFT_DELAY_MS)
        self._draft_timer.timeout.connect(self._save_draft)
        self.actions = Actions(self, window)
        self._opened_setup: Setup | None = None
        self._connect(bridge)
        window.install_actions(self.actions)

    def start(self, endpoint_name: str | None, model_id: str | None) -> None:
        """Shows the profile: the list, and the conversation that was open last."""
        self._apply_settings(self._workbench.settings)
        self._window.conversations.display(self._reader.conversations(limit=_FIRST_ROWS), set())
        last = self._workbench.settings.last_conversation_id
        known = self._reader.conversation(last) if last else None
        self._open(known.id if known else None)
        if endpoint_name or model_id:
            self._choose_named_endpoint(endpoint_name, model_id)
        self._window.composer.take_focus()

    def complete(self) -> None:
        """Shows what the first frame did not have to wait for."""
        self._is_complete = True
        self._display_parameters()
        self._display_endpoint()
        self._refresh_list()

    def wake(self) -> None:
        """Begins to carry out commands; from now on an event loop of asyncio is there."""
        if not self._is_complete:
            self.complete()
        self._is_awake = True
        postponed, self._postponed = self._postponed, []
        for work in postponed:
            self.spawn(work)
        self._display_endpoint()
        if not self._entries():
            self._display_first_run()

    def spawn(self, work: Coroutine[Any, Any, Any]) -> None:
        """Runs a coroutine to its end; what it raises is shown to the person. Waits for `wake`."""
        if not self._is_awake:
            self._postponed.append(work)
            return
        import asyncio

        task = asyncio.get_event_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._finish_task)

    async def close(self) -> None:
        """Keeps the draft, then ends whatever was started here."""
        import asyncio

        if self._draft_timer.isActive():
            self._draft_timer.stop()
            await self._workbench.save_draft(self._conversation_id, self._draft)
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _finish_task(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if task.cancelled():
            return
        error = task.exception()
        if isinstance(error, DroverError):
            self._window.show_notice(" ".join(filter(None, (error.message, error.hint))), is_warning=True)
        elif error is not None:
            _log.error("A command failed in an unforeseen way.", exc_info=error)
            self._window.show_notice(
                self.tr("Drover met a fault of its own: {0}. The log has the details.").format(
                    type(error).__name__
                ),
                is_warning=True,
            )

    def _connect(self, bridge: Bridge) -> None:
        bridge.runs_advanced.connect(self._show_progress)
        bridge.run_settled.connect(self._show_settled)
        bridge.library_changed.connect(self._show_changes)
        bridge.noticed.connect(self._show_notice)
        window = self._window
        column = window.conversations
        column.conversation_chosen.connect(self._open)
        column.new_requested.connect(self.new_conversation)
        column.rename_requested.connect(self._rename)
        column.delete_requested.connect(self._delete)
        column.undo_requested.connect(self._undo_delete)
        column.pin_requested.connect(self._pin)
        column.search_edited.connect(self._search)
        column.settings_requested.connect(self.open_settings)
        composer = window.composer
        composer.text_edited.connect(self._edit_text)
        composer.send_requested.connect(self._send)
        composer.stop_requested.connect(self.stop)
        composer.save_requested.connect(self._save_edit)
        composer.edit_cancelled.connect(self._cancel_edit)
        composer.json_toggled.connect(self._show_plan)
        window.parameters_built.connect(self._connect_parameters)
        window.transcript_built.connect(self._connect_transcript)
        window.first_run.chosen.connect(self._try)
        window.first_run.key_requested.connect(self._set_oxen_key)
        window.first_run.endpoint_requested.connect(self.add_endpoint)
        window.first_run.download_requested.connect(self._download)
        window.endpoint_chosen.connect(self._choose_endpoint)
        window.model_chosen.connect(self._choose_model)
        window.workspace_chosen.connect(self._show_workspace)
        window.tab_chosen.connect(self._display_inspected)

    def _connect_parameters(self) -> None:
        panel = self._window.parameters
        panel.parameters_edited.connect(self._edit_parameters)
        panel.system_prompt_edited.connect(self._edit_system_prompt)
        panel.preset_chosen.connect(self._choose_preset)
        panel.preset_save_requested.connect(self._save_preset)
        panel.preset_delete_requested.connect(self._delete_preset)
        panel.reset_requested.connect(self._reset_parameters)

    def _connect_transcript(self) -> None:
        transcript = self._window.transcript
        transcript.regenerate_requested.connect(self._regenerate)
        transcript.edit_requested.connect(self._begin_edit)
        transcript.version_requested.connect(self._step_version)
        transcript.inspect_requested.connect(self._inspect)
        transcript.failure_action_requested.connect(self._act_on_failure)
        transcript.link_activated.connect(self._open_link)
        transcript.restore_settings_requested.connect(self._restore_settings)
        transcript.set_reasoning_display(self._workbench.settings.reasoning_display)

    # Actions; each name is the id of a row in `actions`

    def new_conversation(self) -> None:
        """Shows the conversation that has not begun."""
        self.show_chat()
        self._open(None)
        self._window.composer.take_focus()

    def search_conversations(self) -> None:
        """Moves to the search field."""
        self._window.unfold_left()
        self._window.conversations.take_search_focus()

    def rename_conversation(self) -> None:
        """Edits the title in the list."""
        if self._conversation_id is not None:
            self._window.unfold_left()
            self._window.conversations.begin_rename(self._conversation_id)

    def delete_conversation(self) -> None:
        """Deletes the shown conversation, with an undo."""
        if self._conversation_id is not None:
            self._delete(self._conversation_id)

    def regenerate_last(self) -> None:
        """Asks again for the last answer, with the settings of the panel."""
        reply = self._last_reply()
        if reply is not None:
            self._regenerate(reply.id)

    def copy_last(self) -> None:
        """Copies the Markdown of the last answer."""
        reply = self._last_reply()
        if reply is not None:
            QGuiApplication.clipboard().setText(reply.text)

    def stop(self) -> None:
        """Ends the live run of the shown conversation."""
        live = self._live()
        if live is not None:
            self.spawn(self._workbench.stop(live.run.id))

    def focus_message(self) -> None:
        """Moves to the composer."""
        self._window.composer.take_focus()

    def show_chat(self) -> None:
        """Shows the chat workspace."""
        self._window.show_workspace("chat")

    def show_experiments(self) -> None:
        """Shows the versions of an answer side by side."""
        self._show_workspace("experiments")

    def toggle_left(self) -> None:
        """Folds or shows the list."""
        self._window.toggle_left()

    def toggle_right(self) -> None:
        """Folds or shows the panel."""
        self._window.toggle_right()

    def zoom_in(self) -> None:
        """Next larger text size."""
        self._zoom(next((step for step in _ZOOM_STEPS if step > theme().text_scale + 0.01), _ZOOM_STEPS[-1]))

    def zoom_out(self) -> None:
        """Next smaller text size."""
        smaller = [step for step in _ZOOM_STEPS if step < theme().text_scale - 0.01]
        self._zoom(smaller[-1] if smaller else _ZOOM_STEPS[0])

    def zoom_reset(self) -> None:
        """The system's own text size."""
        self._zoom(1.0)

    def open_palette(self) -> None:
        """Shows all commands with a filter."""
        self._window.open_palette()

    def set_key(self) -> None:
        """Asks for the key of the chosen endpoint."""
        self._setup.ask_key(self._endpoint())

    def add_endpoint(self) -> None:
        """Asks for a new server."""
        self._setup.ask_endpoint(None, self._choose_endpoint)

    def open_settings(self) -> None:
        """Shows the settings."""
        self._setup.show_settings()

    def quit(self) -> None:
        """Closes the window, and with it the program."""
        self._window.close()

    @property
    def _setup(self) -> Setup:
        if self._opened_setup is None:
            from drover.ui.setup import Setup

            self._opened_setup = Setup(self._workbench, self._window, self.spawn, self._apply_settings)
        return self._opened_setup

    # Showing

    def _open(self, conversation_id: str | None) -> None:
        if self._draft_timer.isActive():
            self._save_draft()
        self._conversation_id = conversation_id or None
        self._inspected_id = None
        stored = self._reader.draft(self._conversation_id or "")
        self._reload()
        self._draft = stored or self._derived_draft()
        self._window.conversations.select(self._conversation_id)
        self._window.composer.set_edit_mode(self._draft.replaces_id is not None)
        self._display_draft()
        self._display_conversation()
        settings = self._workbench.settings
        last = self._conversation_id or ""
        if settings.last_conversation_id != last:
            self.spawn(self._workbench.change_settings(last_conversation_id=last))

    def _derived_draft(self) -> Draft:
        reply = self._last_reply()
        run = self._runs.get(reply.run_id) if reply and reply.run_id else None
        if run is None:
            return default_draft(self._workbench)
        return Draft(
            endpoint_id=run.endpoint_id,
            model_id=run.model_id,
            parameters=run.parameters,
            system_prompt=run.system_prompt,
        )

    def _reload(self) -> None:
        if self._conversation_id is None:
            self._tree, self._runs = Tree(()), {}
        else:
            self._tree = Tree(self._reader.messages(self._conversation_id))
            self._runs = self._reader.runs(self._conversation_id)

    def _display_conversation(self) -> None:
        conversation = self._reader.conversation(self._conversation_id) if self._conversation_id else None
        self._window.display_title(conversation.title if conversation else self.tr("New conversation"))
        entries = self._entries()
        self._window.show_first_run(not entries)
        if entries:
            self._window.transcript.display(self._conversation_id or "", entries)
        else:
            self._display_first_run()
        self._display_state()
        self._display_inspected()

    def _entries(self) -> list[TranscriptEntry]:
        conversation = self._reader.conversation(self._conversation_id) if self._conversation_id else None
        if conversation is None:
            return []
        live = self._live()
        entries = [self._entry(message) for message in self._tree.branch(conversation.head_id)]
        if live is not None and live.run.parent_id == conversation.head_id:
            entries.append(self._live_entry(live))
        return entries

    def _entry(self, message: Message) -> TranscriptEntry:
        run = self._runs.get(message.run_id) if message.run_id else None
        position = self._tree.position(message.id)
        live = self._live()
        if live is not None and live.run.parent_id == message.parent_id:
            position = replace(position, count=position.count + 1)
        return _transcript_entry(message, run, position)

    def _live_entry(self, live: LiveRun) -> TranscriptEntry:
        run = live.run
        versions = len([m for m in self._tree.messages.values() if m.parent_id == run.parent_id])
        message = Message(
            id=run.message_id,
            conversation_id=run.conversation_id,
            parent_id=run.parent_id,
            role=Role.ASSISTANT,
            parts=(),
            created_at=run.created_at,
            run_id=run.id,
        )
        return _transcript_entry(message, run, Position(index=versions, count=versions + 1), live)

    def _display_draft(self) -> None:
        draft = self._draft
        self._window.composer.display_draft(draft.text)
        self._display_parameters()
        self._display_endpoint()
        self._show_plan()

    def _display_parameters(self) -> None:
        if not self._is_complete:
            return
        self._window.parameters.display(
            self._draft.parameters, self._draft.system_prompt, self._reader.presets(), self._draft.preset_id
        )

    def _display_endpoint(self) -> None:
        endpoint = self._endpoint()
        cards = self._reader.model_cards(endpoint.id)
        model_id = self._draft.model_id or endpoint.default_model_id
        ids = list(dict.fromkeys([*([model_id] if model_id else []), *(card.id for card in cards)]))
        self._window.display_endpoint(self._workbench.endpoints, endpoint.id, ids, model_id)
        card = next((card for card in cards if card.id == model_id), None)
        if self._is_complete:
            self._window.parameters.display_card(card)
        name = self.tr("the built-in model") if endpoint.is_built_in else model_id or endpoint.name
        self._window.composer.set_placeholder(self.tr("Message {0}").format(name))
        if (
            self._is_awake
            and not cards
            and (endpoint.is_built_in or endpoint.id not in self._asked_for_models)
        ):
            self._asked_for_models.add(endpoint.id)
            if not endpoint.is_built_in or self._workbench.gguf is not None:
                self.spawn(self._refresh_models(endpoint))

    async def _refresh_models(self, endpoint: Endpoint) -> None:
        try:
            await self._workbench.refresh_models(endpoint)
        except DroverError as error:
            _log.info("No list of models from %s: %s", endpoint.name, error)

    def _display_state(self) -> None:
        live = self._live()
        composer = self._window.composer
        if live is None:
            composer.display_busy(False, "", "")
        else:
            composer.display_busy(True, *self._progress_words(live))
        holds = Condition.IDLE if live is None else Condition.LIVE
        if self._conversation_id is not None:
            holds |= Condition.CONVERSATION
        if self._last_reply() is not None:
            holds |= Condition.REPLY
        self.actions.enable_for(holds)

    def _progress_words(self, live: LiveRun) -> tuple[str, str]:
        name = live.run.endpoint_name
        tokens = live.builder.delta_count
        match live.phase:
            case LivePhase.PREPARING:
                if live.run.endpoint_id == BUILT_IN_ID:
                    return self.tr("Starting the built-in model"), ""
                return self.tr("Connecting to {0}").format(name), ""
            case LivePhase.WAITING:
                return self.tr("Waiting for {0}").format(name), ""
            case LivePhase.PAUSED:
                return self.tr("{0} asked for a pause").format(name), ""
            case _:
                pass
        first, last = live.builder.first_token_s, live.builder.last_token_s
        words = formats.tokens(tokens)
        if first is not None and last is not None and last - first > 0.2:
            words += ", " + formats.rate((tokens - 1) / (last - first))
        return self.tr("Streaming from {0}").format(name), words

    def _show_plan(self) -> None:
        """The strip of the composer: how this request differs from the last, and its JSON when unfolded."""
        reply = self._last_reply()
        run = self._runs.get(reply.run_id) if reply and reply.run_id else None
        before = run.parameters if run else UNSET
        branch = self._branch_before_draft()
        count = len(branch) + 1
        if count == 1 and not len(self._draft.parameters) and not self._draft.system_prompt:
            words = self.tr("no parameters, no system prompt")
        else:
            words = (
                self.tr("1 message") if count == 1 else self.tr("{0} messages").format(formats.whole(count))
            )
        changed = changes(before, self._draft.parameters)
        self._window.composer.display_changes(changed, words, is_first=run is None)
        if self._window.composer.is_json_shown:
            try:
                body = self._workbench.preview(branch, self._draft).body
                self._window.composer.display_json(_pretty(body))
            except DroverError as error:
                self._window.composer.display_json(error.message)

    def _branch_before_draft(self) -> list[Message]:
        conversation = self._reader.conversation(self._conversation_id) if self._conversation_id else None
        if conversation is None:
            return []
        head_id = conversation.head_id
        if self._draft.replaces_id in self._tree.messages:
            head_id = self._tree.messages[str(self._draft.replaces_id)].parent_id
        return self._tree.branch(head_id)

    def _display_inspected(self) -> None:
        entries = self._entries()
        replies = [entry for entry in entries if entry.run is not None]
        chosen = next(
            (e for e in replies if e.message.id == self._inspected_id), replies[-1] if replies else None
        )
        if chosen is None or chosen.run is None:
            self._window.inspector.display(None, None, None, [])
        elif chosen.live is not None:
            self._window.inspector.display_live(chosen.live)
        else:
            is_needed = self._window.inspector.needs_exchange
            run = self._reader.run(chosen.run.id)
            exchange = self._reader.exchange(chosen.run.id) if is_needed else None
            runs = [entry.run for entry in replies if entry.run is not None]
            self._window.inspector.display(run, chosen.message, exchange, runs)

    def _display_first_run(self) -> None:
        if self._is_awake:
            self._window.first_run.display_has_weights(self._workbench.gguf is not None)
            self.spawn(self._display_key_state())

    async def _display_key_state(self) -> None:
        status = await self._workbench.key_status(OXEN)
        self._window.first_run.display_has_key(status.source.value != "none")

    # News from the Workbench

    def _show_progress(self, run_ids: set[str]) -> None:
        live = self._live()
        if live is None or live.run.id not in run_ids:
            return
        if not self._window.transcript.shows(live.run.message_id):
            self._reload()
            self._display_conversation()
        self._window.transcript.advance(live.run.id)
        self._window.composer.display_busy(True, *self._progress_words(live))
        self._window.inspector.advance(live.run.id)

    def _show_settled(self, run: Run) -> None:
        self._refresh_list()
        if run.conversation_id == self._conversation_id:
            self._reload()
            self._display_conversation()
            self._show_plan()
        if run.parent_id == self._knob_question_id:
            self._turn_knob(run)

    def _show_changes(self, changed: Changes) -> None:
        if changed.conversations:
            self._refresh_list()
        if self._conversation_id in changed.conversations and changed.messages | changed.conversations:
            self._reload()
            self._display_conversation()
        if changed.others & {"endpoints", "models", "keys"}:
            self._display_endpoint()
            if self._opened_setup is not None:
                self._opened_setup.refresh()
            if not self._entries():
                self._display_first_run()
        if "presets" in changed.others:
            self._display_parameters()

    def _show_notice(self, notice: Notice) -> None:
        self._window.show_notice(notice.text, is_warning=notice.kind.value == "warning")

    def _refresh_list(self) -> None:
        live = {live.run.conversation_id for live in self._workbench.live.values()}
        self._window.conversations.display(self._reader.conversations(), live)

    # Conversations

    def _rename(self, conversation_id: str, title: str) -> None:
        self.spawn(self._workbench.rename(conversation_id, title))

    def _pin(self, conversation_id: str, is_pinned: bool) -> None:
        self.spawn(self._workbench.set_pinned(conversation_id, is_pinned))

    def _delete(self, conversation_id: str) -> None:
        conversation = self._reader.conversation(conversation_id)
        if conversation is None:
            return
        self._deleted_id = conversation_id
        if conversation_id == self._conversation_id:
            self._open(self._neighbour_of(conversation_id))
        self.spawn(self._workbench.delete_conversation(conversation_id))
        self._window.conversations.show_undo(conversation.title)

    def _neighbour_of(self, conversation_id: str) -> str | None:
        ids = [conversation.id for conversation in self._reader.conversations()]
        index = ids.index(conversation_id)
        rest = ids[index + 1 :] or ids[:index][::-1]
        return rest[0] if rest else None

    def _undo_delete(self) -> None:
        if self._deleted_id is not None:
            self.spawn(self._restore(self._deleted_id))
            self._deleted_id = None

    async def _restore(self, conversation_id: str) -> None:
        await self._workbench.restore_conversation(conversation_id)
        self._open(conversation_id)

    def _search(self, query: str) -> None:
        self._window.conversations.show_hits(self._reader.search(query) if query.strip() else None, query)

    # The draft

    def _edit_text(self, text: str) -> None:
        self._draft = replace(self._draft, text=text)
        self._touch_draft()

    def _edit_parameters(self, parameters: SamplingParameters) -> None:
        self._draft = replace(self._draft, parameters=parameters)
        self._display_parameters()
        self._touch_draft()

    def _edit_system_prompt(self, text: str) -> None:
        self._draft = replace(self._draft, system_prompt=text)
        self._touch_draft()

    def _touch_draft(self) -> None:
        self._draft_timer.start()
        self._show_plan()

    def _save_draft(self) -> None:
        self._draft_timer.stop()
        self.spawn(self._workbench.save_draft(self._conversation_id, self._draft))

    def _send(self) -> None:
        if not self._is_sending and self._draft.text.strip() and self._live() is None:
            self._is_sending = True
            self.spawn(self._send_draft())

    async def _send_draft(self) -> None:
        draft, origin = self._draft, self._conversation_id
        try:
            run = await self._workbench.send(origin, draft)
            sent = replace(draft, text="", replaces_id=None)
            await self._workbench.save_draft(run.conversation_id, sent)
            if origin is None:
                await self._workbench.save_draft(None, sent)
        finally:
            self._is_sending = False
        self._draft_timer.stop()
        if self._conversation_id == origin:
            self._open(run.conversation_id)
            self._window.transcript.follow()
        self._refresh_list()

    def _save_edit(self) -> None:
        if self._conversation_id is not None:
            self.spawn(self._save_edited(self._conversation_id))

    async def _save_edited(self, conversation_id: str) -> None:
        await self._workbench.save_edit(conversation_id, self._draft)
        self._cancel_edit()

    def _begin_edit(self, message_id: str) -> None:
        message = self._tree.messages[message_id]
        self._draft = replace(self._draft, text=message.text, replaces_id=message_id)
        self._window.composer.set_edit_mode(True)
        self._display_draft()
        self._window.composer.take_focus()
        self._draft_timer.start()

    def _cancel_edit(self) -> None:
        self._draft = replace(self._draft, text="", replaces_id=None)
        self._window.composer.set_edit_mode(False)
        self._display_draft()
        self._draft_timer.start()

    def _choose_endpoint(self, endpoint_id: str) -> None:
        endpoint = self._workbench.endpoint(endpoint_id)
        self._draft = replace(self._draft, endpoint_id=endpoint_id, model_id=endpoint.default_model_id)
        self._remember_endpoint()

    def _choose_model(self, model_id: str) -> None:
        self._draft = replace(self._draft, model_id=model_id)
        self._remember_endpoint()

    def _remember_endpoint(self) -> None:
        self._display_endpoint()
        self._touch_draft()
        self.spawn(
            self._workbench.change_settings(
                endpoint_id=self._draft.endpoint_id, model_id=self._draft.model_id
            )
        )

    def _choose_named_endpoint(self, endpoint_name: str | None, model_id: str | None) -> None:
        named = (endpoint_name or "").casefold()
        known = [e for e in self._workbench.endpoints if named in (e.name.casefold(), e.id)]
        if known:
            self._choose_endpoint(known[0].id)
        if model_id:
            self._choose_model(model_id)

    def _endpoint(self) -> Endpoint:
        try:
            return self._workbench.endpoint(self._draft.endpoint_id)
        except DroverError:
            return self._workbench.endpoint(BUILT_IN_ID)

    # Presets

    def _choose_preset(self, preset_id: str | None) -> None:
        preset = next((p for p in self._reader.presets() if p.id == preset_id), None)
        if preset is None:
            self._draft = replace(self._draft, preset_id=None)
        else:
            self._draft = replace(
                self._draft,
                preset_id=preset.id,
                parameters=preset.parameters,
                system_prompt=preset.system_prompt,
            )
        self._display_parameters()
        self._touch_draft()

    def _save_preset(self, name: str) -> None:
        self.spawn(self._keep_preset(name))

    async def _keep_preset(self, name: str) -> None:
        preset = await self._workbench.save_preset(name, self._draft)
        self._draft = replace(self._draft, preset_id=preset.id)
        self._display_parameters()

    def _delete_preset(self, preset_id: str) -> None:
        self._draft = replace(self._draft, preset_id=None)
        self.spawn(self._workbench.delete_preset(preset_id))

    def _reset_parameters(self) -> None:
        self._edit_parameters(UNSET)

    def _restore_settings(self, message_id: str) -> None:
        message = self._tree.messages[message_id]
        run = self._runs.get(message.run_id or "")
        if run is not None:
            self._draft = replace(
                self._draft,
                parameters=run.parameters,
                system_prompt=run.system_prompt,
                endpoint_id=run.endpoint_id,
                model_id=run.model_id,
            )
            self._display_draft()
            self._draft_timer.start()

    # Replies

    def _regenerate(self, message_id: str) -> None:
        message = self._tree.messages.get(message_id)
        question = self._tree.messages.get(message.parent_id or "") if message else None
        if question is not None and self._live() is None:
            self.spawn(self._ask_again(self._workbench.regenerate(question, self._draft)))

    async def _ask_again(self, asking: Coroutine[Any, Any, Run]) -> None:
        await asking
        self._reload()
        self._display_conversation()
        self._refresh_list()

    def _step_version(self, message_id: str, step: int) -> None:
        live = self._live()
        siblings = (
            [m.id for m in self._tree.siblings(message_id)] if message_id in self._tree.messages else []
        )
        if live is not None and message_id == live.run.message_id:
            siblings = [m.id for m in self._tree.messages.values() if m.parent_id == live.run.parent_id]
        if live is not None and (
            message_id == live.run.message_id
            or self._tree.messages[message_id].parent_id == live.run.parent_id
        ):
            siblings.append(live.run.message_id)
        target = siblings.index(message_id) + step
        if not 0 <= target < len(siblings) or self._conversation_id is None:
            return
        chosen = siblings[target]
        if live is not None and chosen == live.run.message_id:
            head = live.run.parent_id
        else:
            head = self._tree.newest_leaf(chosen)
        self.spawn(self._workbench.show_version(self._conversation_id, head))

    def _inspect(self, message_id: str) -> None:
        self._inspected_id = message_id
        self._window.show_tab("Request")
        self._display_inspected()

    def _act_on_failure(self, message_id: str, action: str) -> None:
        live = self._live()
        message = self._tree.messages.get(message_id)
        run = self._runs.get(message.run_id or "") if message else (live.run if live else None)
        match action:
            case "retry" if message is not None:
                self._retry(message, self._draft)
            case "retry_now" if live is not None:
                self._workbench.retry_now(live.run.id)
            case "stop_retry":
                self.stop()
            case "set_key":
                self._setup.ask_key(
                    self._workbench.endpoint(run.endpoint_id if run else self._draft.endpoint_id)
                )
            case "settings":
                self.open_settings()
            case "raise_limit" if message is not None and run is not None:
                limit = run.parameters.max_tokens or run.completion_tokens or 1024
                self._set_and_retry(message, self._draft.parameters.replaced("max_tokens", limit * 4))
            case "send_without" if message is not None and run is not None and run.failure is not None:
                if run.failure.parameter:
                    self._set_and_retry(message, self._draft.parameters.replaced(run.failure.parameter, None))
            case _:
                pass

    def _set_and_retry(self, message: Message, parameters: SamplingParameters) -> None:
        self._edit_parameters(parameters)
        self._retry(message, self._draft)

    def _retry(self, message: Message, draft: Draft) -> None:
        if self._live() is None:
            self.spawn(self._ask_again(self._workbench.retry(message, draft)))

    def _open_link(self, url: str) -> None:
        target = QUrl(url, QUrl.ParsingMode.StrictMode)
        if target.scheme() not in ("http", "https", "mailto"):
            return
        settings = self._workbench.settings
        if target.host() and target.host() in settings.confirmed_hosts:
            QDesktopServices.openUrl(target)
            return
        self._window.ask_link(url, functools.partial(self._open_confirmed, target))

    def _open_confirmed(self, target: QUrl, is_remembered: bool) -> None:
        QDesktopServices.openUrl(target)
        if is_remembered and target.host():
            settings = self._workbench.settings
            hosts = (*settings.confirmed_hosts, target.host())
            self.spawn(self._workbench.change_settings(confirmed_hosts=hosts))

    # The first window

    def _try(self, experiment: str) -> None:
        self._draft = replace(self._draft, endpoint_id=BUILT_IN_ID, model_id="")
        match experiment:
            case "think":
                self._draft = replace(
                    self._draft,
                    text=self.tr("Why is the sky blue?"),
                    parameters=self._draft.parameters.replaced("reasoning_effort", "medium"),
                )
            case "knob":
                self._draft = replace(
                    self._draft,
                    text=self.tr("Write the first sentence of a story about a lighthouse."),
                    parameters=self._draft.parameters.replaced("temperature", 0.2),
                )
            case _:
                self._draft = replace(self._draft, text=self.tr("Name three colors."))
        self._display_draft()
        self.spawn(self._try_draft(experiment))

    async def _try_draft(self, experiment: str) -> None:
        await self._send_draft()
        live = self._live()
        if live is None:
            return
        if experiment == "think":
            self._window.transcript.open_reasoning(live.run.message_id)
        elif experiment == "knob":
            self._knob_question_id = live.run.parent_id
        else:
            self._window.show_tab("Request")

    def _turn_knob(self, run: Run) -> None:
        if run.parameters.temperature == 0.2 and run.failure is None:
            self._edit_parameters(self._draft.parameters.replaced("temperature", 1.2))
            self.spawn(
                self._ask_again(self._workbench.regenerate(self._tree.messages[run.parent_id], self._draft))
            )
        else:
            self._knob_question_id = None
            self.show_experiments()

    def _set_oxen_key(self) -> None:
        self._setup.ask_key(OXEN)

    def _download(self) -> None:
        self.spawn(self._fetch_built_in())

    async def _fetch_built_in(self) -> None:
        page = self._window.first_run
        try:
            await self._workbench.fetch_built_in(self._show_download)
        except DroverError as error:
            page.display_download_failed(" ".join(filter(None, (error.message, error.hint))))
            return
        page.display_has_weights(True)
        self._display_endpoint()

    def _show_download(self, done_bytes: int, total_bytes: int | None) -> None:
        self._window.first_run.display_download(
            done_bytes, total_bytes or 0, self.tr("Fetching the built-in model")
        )

    # Small things

    def _apply_settings(self, settings: Settings) -> None:
        if self._entries():
            self._window.transcript.set_reasoning_display(settings.reasoning_display)
        self._display_endpoint()

    def _show_workspace(self, name: str) -> None:
        if name == "experiments":
            versions = self._versions_to_compare()
            question = self._tree.messages.get(versions[0].message.parent_id or "") if versions else None
            self._window.comparison.display(question.text if question else "", versions)
        self._window.show_workspace(name)

    def _versions_to_compare(self) -> list[TranscriptEntry]:
        """The versions of the newest answer that has several on the shown branch, else the last answer."""
        replies = [e.message for e in self._entries() if e.message.role is Role.ASSISTANT and e.live is None]
        for message in reversed(replies):
            siblings = self._tree.siblings(message.id)
            if len(siblings) > 1:
                return [self._entry(sibling) for sibling in siblings]
        return [self._entry(message) for message in replies[-1:]]

    def _live(self) -> LiveRun | None:
        return self._workbench.live_in(self._conversation_id) if self._conversation_id else None

    def _last_reply(self) -> Message | None:
        conversation = self._reader.conversation(self._conversation_id) if self._conversation_id else None
        branch = self._tree.branch(conversation.head_id) if conversation else []
        return next((message for message in reversed(branch) if message.role is Role.ASSISTANT), None)

    def _zoom(self, scale: float) -> None:
        theme().set_text_scale(scale)
        self.spawn(self._workbench.change_settings(text_scale=scale))


def _transcript_entry(
    message: Message, run: Run | None, position: Position, live: LiveRun | None = None
) -> TranscriptEntry:
    from drover.ui.message_view import TranscriptEntry

    is_question = message.role is Role.USER
    return TranscriptEntry(
        message=message,
        run=run,
        position=position,
        live=live,
        author=QCoreApplication.translate("controller", "You") if is_question else _model_name(run),
        endpoint_name=run.endpoint_name if run else "",
    )


def _model_name(run: Run | None) -> str:
    if run is None:
        return QCoreApplication.translate("controller", "Model")
    return run.model_id.rsplit("/", 1)[-1].removeprefix("openai-")


def _pretty(body: bytes) -> str:
    import json

    return json.dumps(json.loads(body), ensure_ascii=False, indent=2)
