"""What is selected, and the handler of every action. The only place that starts tasks."""

from __future__ import annotations

import functools
from collections.abc import Collection, Coroutine
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QMimeData, QObject, QTimer, QUrl
from PySide6.QtGui import QDesktopServices

from drover.domain.conversation import Draft, Message
from drover.domain.endpoint import BUILT_IN_ID, OXEN
from drover.domain.parameters import UNSET, SamplingParameters
from drover.domain.run import LivePhase, LiveRun, Run, RunStatus
from drover.engine.workbench import Notice, Workbench
from drover.errors import DroverError, Redirected
from drover.log import logger
from drover.store.library import Changes, Library
from drover.store.settings import Settings
from drover.ui import formats
from drover.ui.actions import Actions, Condition
from drover.ui.bridge import Bridge
from drover.ui.drafting import Drafting
from drover.ui.listed_conversations import ListedConversations
from drover.ui.main_window import MainWindow
from drover.ui.message_measures import LEAST_EFFORT, raised_limit
from drover.ui.shown import ShownConversation
from drover.ui.theme import theme

if TYPE_CHECKING:
    import asyncio

    from drover.domain.attachments import AttachmentKind
    from drover.domain.conversation import Attachment
    from drover.domain.tools import ToolDefinition
    from drover.store.search import SearchHit
    from drover.ui.attaching import Attaching
    from drover.ui.calling import Calling
    from drover.ui.finding import Finding
    from drover.ui.inspecting import Inspecting
    from drover.ui.probing import Probing
    from drover.ui.setup import Setup
    from drover.ui.token_inspecting import TokenInspecting
    from drover.ui.transfer import Transfer

_log = logger("ui")
_FIRST_ROWS = 100
_WORDS_REST_MS = 100
"""Between two counts of tokens below a stream: nobody reads faster, and each lays out the composer again."""
_KNOB_FROM, _KNOB_TO = 0.2, 1.2
_TRY_TOKENS = 400
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
        self._shown = ShownConversation(reader, workbench)
        self._listed = ListedConversations(reader)
        self._unlisted: set[str] = set()
        self._listing = QTimer(self, singleShot=True, interval=0)
        self._listing.timeout.connect(self._display_list)
        self._tasks: set[asyncio.Task[Any]] = set()
        self._postponed: list[Coroutine[Any, Any, Any]] = []
        self._inspected_id: str | None = None
        self._asking: set[str | None] = set()
        self._is_complete = False
        self._is_awake = False
        self._knob_question_id: str | None = None
        self._deleted_id: str | None = None
        self._hits: dict[str, SearchHit] = {}
        self._hit_words: list[str] = []
        self._opened_finding: Finding | None = None
        self._opened_setup: Setup | None = None
        self._opened_attaching: Attaching | None = None
        self._opened_probing: Probing | None = None
        self._opened_transfer: Transfer | None = None
        self._opened_inspecting: Inspecting | None = None
        self._opened_tokens: TokenInspecting | None = None
        self._opened_calling: Calling | None = None
        self.actions = Actions(self, window)
        self._drafting = Drafting(workbench, reader, window, self._shown, self.spawn, self)
        self._shown.tools_offered = self._drafting.tools_offered
        self._words_rest = QTimer(self, singleShot=True, interval=_WORDS_REST_MS)
        self._words_rest.timeout.connect(self._show_progress_words)
        self._connect(bridge)
        window.install_actions(self.actions)

    def start(self, endpoint_id: str | None, model_id: str | None) -> None:
        """Shows the profile: the list, and the conversation that was open last."""
        self._window.conversations.display(self._reader.conversations(limit=_FIRST_ROWS), set())
        last = self._workbench.settings.last_conversation_id
        known = self._reader.conversation(last) if last else None
        self._open(known.id if known else None)
        if endpoint_id:
            self._drafting.replace(endpoint_id=endpoint_id, model_id="")
        if model_id:
            self._drafting.replace(model_id=model_id)
        self._window.composer.take_focus()

    def complete(self) -> None:
        """Shows what the first frame did not have to wait for."""
        self._is_complete = True
        self._drafting.show_panel()
        self._display_list()

    def wake(self) -> None:
        """Begins to carry out commands; from now on an event loop of asyncio is there."""
        if not self._is_complete:
            self.complete()
        self._is_awake = True
        postponed, self._postponed = self._postponed, []
        for work in postponed:
            self.spawn(work)
        self._drafting.wake()
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

        self._listing.stop()
        await self._drafting.close()
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
            self._window.show_notice(error.words, is_warning=True)
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
        bridge.calls_advanced.connect(self._show_calls)
        bridge.library_changed.connect(self._show_changes)
        bridge.noticed.connect(self._show_notice)
        window = self._window
        window.returned.connect(self._catch_up)
        column = window.conversations
        column.conversation_chosen.connect(self._open_chosen)
        column.new_requested.connect(self.new_conversation)
        column.rename_requested.connect(self._rename)
        column.delete_requested.connect(self._delete)
        column.undo_requested.connect(self._undo_delete)
        column.pin_requested.connect(self._pin)
        column.search_edited.connect(self._search)
        column.settings_requested.connect(self.open_settings)
        window.composer.send_requested.connect(self._send)
        window.composer.stop_requested.connect(self.stop)
        window.composer.save_requested.connect(self._save_edit)
        window.composer.copy_requested.connect(self._copy_selection)
        window.composer.attach_requested.connect(self.attach_files)
        window.composer.attachment_opened.connect(self._open_attachment)
        window.composer.pasted.connect(self._attach_data)
        window.composer.answered.connect(self._answer_question)
        window.files_dropped.connect(self._attach_data)
        window.thumbnails_built.connect(self._connect_thumbnails)
        window.transcript_built.connect(self._connect_transcript)
        window.parameters_built.connect(self._connect_parameters)
        window.first_run.chosen.connect(self._try)
        window.first_run.key_requested.connect(self._set_oxen_key)
        window.first_run.endpoint_requested.connect(self.add_endpoint)
        window.first_run.download_requested.connect(self._download)
        window.workspace_chosen.connect(self._show_workspace)
        window.tab_chosen.connect(self._display_inspected)

    def _connect_parameters(self) -> None:
        self._window.parameters.probe_requested.connect(self.probe_model)
        self._window.parameters.tools_requested.connect(self.edit_tools)

    def _connect_thumbnails(self) -> None:
        self._window.thumbnails.wanted.connect(self._fetch_thumbnail)

    def _connect_transcript(self) -> None:
        transcript = self._window.transcript
        transcript.attachment_opened.connect(self._open_attachment)
        transcript.regenerate_requested.connect(self._regenerate)
        transcript.edit_requested.connect(self._begin_edit)
        transcript.version_requested.connect(self._step_version)
        transcript.inspect_requested.connect(self._inspect)
        transcript.call_decided.connect(self._decide_call)
        transcript.results_given.connect(self._give_results)
        transcript.results_edited.connect(self._drafting.keep_results)
        transcript.failure_action_requested.connect(self._act_on_failure)
        transcript.link_activated.connect(self._open_link)
        transcript.pictures.fetch_requested.connect(self._fetch_picture)
        transcript.pictures.noticed.connect(self._show_warning)
        transcript.restore_settings_requested.connect(self._restore_settings)
        transcript.reading_requested.connect(self._read_as)
        transcript.tags_requested.connect(self._ask_tags)
        transcript.zoom_requested.connect(self._step_zoom)
        transcript.writing_requested.connect(self.focus_message)
        transcript.set_reasoning_display(self._workbench.settings.reasoning_display)

    # Actions; each name is the id of a row in `actions`

    def new_conversation(self) -> None:
        """Shows the conversation that has not begun."""
        self._open(None)
        self.show_chat()

    def search_conversations(self) -> None:
        """Moves to the search field."""
        self._window.unfold_left()
        self._window.conversations.take_search_focus()

    def find(self) -> None:
        """Finds text in the shown conversation."""
        self._finding.open()

    def find_next(self) -> None:
        """Goes to the next hit."""
        self._finding.step(1)

    def find_previous(self) -> None:
        """Goes to the hit before."""
        self._finding.step(-1)

    def rename_conversation(self) -> None:
        """Edits the title in the list."""
        if self._shown.id is not None:
            self._window.unfold_left()
            self._window.conversations.begin_rename(self._shown.id)

    def delete_conversation(self) -> None:
        """Deletes the shown conversation, with an undo."""
        if self._shown.id is not None:
            self._delete(self._shown.id)

    def regenerate_last(self) -> None:
        """Asks again for the last answer, or for the one that is missing, with the settings of the panel."""
        unanswered, reply_id = self._shown.unanswered, self._shown.last_reply_id
        if unanswered is not None:
            self._ask(self._workbench.regenerate(unanswered, self._drafting.draft))
        elif reply_id is not None:
            self._regenerate(reply_id)

    def copy_last(self) -> None:
        """Copies the Markdown of the last answer."""
        reply = self._shown.message(self._shown.last_reply_id)
        if reply is not None:
            from drover.ui import rich_copy  # leads to all that writes Markdown: not before the first frame

            rich_copy.copy(reply.text)

    def copy_conversation(self) -> None:
        """Copies the shown branch with its authors, without reasoning."""
        if self._shown.has_messages:
            self._window.transcript.copy_conversation()

    def export_conversation(self) -> None:
        """Writes the shown conversation into a file."""
        if self._shown.id is not None:
            self._transfer.ask_where_to(self._shown.id, self._shown.title)

    def import_conversations(self) -> None:
        """Adds conversations from a file."""
        self._transfer.ask_where_from()

    def import_request(self) -> None:
        """Begins a conversation with a request from elsewhere."""
        self._transfer.ask_request(self._drafting.draft)

    def attach_files(self) -> None:
        """Chooses files to go with the message that is written."""
        self._attaching.ask_which()

    def copy_plain(self) -> None:
        """Copies what is selected in the transcript, without markup."""
        if self._shown.has_messages:
            self._window.transcript.copy_plain()

    def _copy_selection(self) -> None:
        if self._shown.has_messages:
            self._window.transcript.copy()

    def stop(self) -> None:
        """Ends the live run of the shown conversation."""
        live = self._shown.live
        if live is not None:
            self.spawn(self._workbench.stop(live.run.id))
        elif self._opened_calling is not None:
            self._opened_calling.stop()

    def focus_message(self) -> None:
        """Moves to the composer."""
        self._window.composer.take_focus()

    def previous_message(self) -> None:
        """Moves the keyboard to the message before."""
        self._window.transcript.step_message(-1)

    def next_message(self) -> None:
        """Moves the keyboard to the message after."""
        self._window.transcript.step_message(1)

    def next_area(self) -> None:
        """Moves the keyboard to the next part of the window."""
        self._window.go_to_area(1)

    def previous_area(self) -> None:
        """Moves the keyboard to the part of the window before."""
        self._window.go_to_area(-1)

    def show_chat(self) -> None:
        """Shows the chat workspace, ready to type."""
        self._window.show_workspace("chat")
        self._display_state()
        self._window.composer.take_focus()

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
        self._setup.ask_key(self._drafting.endpoint)

    def edit_tools(self) -> None:
        """Shows what the model may call in this conversation."""
        from drover.ui.tools_dialog import ToolsDialog  # most sittings need none

        draft = self._drafting.draft
        approved = self._calling.approved if draft.tools else ()
        dialog = ToolsDialog(draft.tools, draft.resting_tools, approved=approved, parent=self._window)
        dialog.tools_edited.connect(self._take_tools)
        dialog.approval_withdrawn.connect(self._withdraw_approval)
        dialog.open()

    def _withdraw_approval(self, tool: ToolDefinition) -> None:
        self._calling.withdraw(tool)

    def _take_tools(self, offered: tuple[ToolDefinition, ...], resting: tuple[ToolDefinition, ...]) -> None:
        self._drafting.set_tools(offered, resting)
        if self._shown.open_calls:
            self._reload()

    def probe_model(self) -> None:
        """Offers to find out which parameters the chosen model takes."""
        drafting = self._drafting
        self._probing.open(drafting.endpoint, drafting.model_id, drafting.card)

    def add_endpoint(self) -> None:
        """Asks for a new server."""
        self._setup.ask_endpoint(None, self._drafting.choose_endpoint)

    def open_settings(self) -> None:
        """Shows the settings."""
        self._setup.show_settings()

    def quit(self) -> None:
        """Closes the window, and with it the program."""
        self._window.close()

    @property
    def _probing(self) -> Probing:
        if self._opened_probing is None:
            from drover.ui.probing import Probing

            self._opened_probing = Probing(self._workbench, self._window, self.spawn)
        return self._opened_probing

    @property
    def _attaching(self) -> Attaching:
        if self._opened_attaching is None:
            from drover.ui.attaching import Attaching

            self._opened_attaching = Attaching(
                self._workbench, self._window, self._drafting, self._shown, self.spawn, self
            )
        return self._opened_attaching

    @property
    def _setup(self) -> Setup:
        if self._opened_setup is None:
            from drover.ui.setup import Setup

            self._opened_setup = Setup(self._workbench, self._window, self.spawn, self._apply_settings)
        return self._opened_setup

    @property
    def _transfer(self) -> Transfer:
        if self._opened_transfer is None:
            from drover.ui.transfer import Transfer

            self._opened_transfer = Transfer(
                self._workbench, self._window, self.spawn, self._open, self._setup.ask_endpoint_at
            )
        return self._opened_transfer

    @property
    def _finding(self) -> Finding:
        if self._opened_finding is None:
            from drover.ui.finding import Finding

            self._opened_finding = Finding(self._shown, self._workbench, self._window, self.spawn, self)
        return self._opened_finding

    @property
    def _inspecting(self) -> Inspecting:
        """Serves the page of the request, once that is looked at."""
        if self._opened_inspecting is None:
            from drover.ui.inspecting import Inspecting

            page = self._window.inspector.request
            self._opened_inspecting = Inspecting(
                page, self._workbench, self.spawn, self._ask, self._edit_request, self
            )
        return self._opened_inspecting

    @property
    def _tokens(self) -> TokenInspecting:
        """Serves the page of the tokens, once that is looked at."""
        if self._opened_tokens is None:
            from drover.ui.token_inspecting import TokenInspecting

            page = self._window.inspector.tokens
            self._opened_tokens = TokenInspecting(
                page, self._workbench, self.spawn, self._ask, self._drafting, self
            )
        return self._opened_tokens

    @property
    def _calling(self) -> Calling:
        """Serves the cards of calls, once there are some."""
        if self._opened_calling is None:
            from drover.ui.calling import Calling

            self._opened_calling = Calling(
                self._workbench, self._window, self._shown, self._drafting, self.spawn
            )
        return self._opened_calling

    # Showing

    def _open(self, conversation_id: str | None) -> None:
        self._drafting.save_if_edited()
        self._window.show_workspace("chat")
        self._shown.open(conversation_id)
        self._inspected_id = None
        self._window.conversations.select(self._shown.id)
        self._drafting.open()
        self._display_conversation()
        for reply_id, written in self._drafting.results.items():
            self._window.transcript.restore_results(reply_id, written)
        last = self._shown.id or ""
        if self._workbench.settings.last_conversation_id != last:
            self.spawn(self._workbench.change_settings(last_conversation_id=last))

    def _reload(self) -> None:
        self._shown.reload()
        self._display_conversation()
        self._drafting.show_plan()

    def _display_conversation(self) -> None:
        self._window.display_title(self._shown.title or self.tr("New conversation"))
        entries = self._shown.entries()
        self._window.show_first_run(not entries.nodes)
        if entries.nodes:
            self._window.transcript.display(self._shown.id or "", entries)
        else:
            self._display_first_run()
        if self._opened_finding is not None:
            self._opened_finding.refresh()
        self._display_state()
        self._display_inspected()

    def _display_state(self) -> None:
        live = self._shown.live
        if live is None:
            self._words_rest.stop()
            self._window.composer.display_busy(False)
        else:
            self._window.composer.display_busy(True, *self._progress_words(live))
        is_busy = live is not None
        if self._opened_calling is not None or self._shown.open_calls:
            self._calling.display()
            is_busy = is_busy or self._calling.is_running
        holds = Condition.LIVE if is_busy else Condition.IDLE
        if self._shown.id is not None:
            holds |= Condition.CONVERSATION
        if self._shown.has_messages:
            holds |= Condition.REPLY
        if self._window.is_chat_shown:
            holds |= Condition.CHAT
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
                return self.tr("Waiting to try {0} again").format(name), ""
            case _:
                pass
        first, last = live.builder.first_token_s, live.builder.last_token_s
        words = formats.tokens(tokens)
        if first is not None and last is not None and last - first > 0.2:
            words += ", " + formats.rate((tokens - 1) / (last - first))
        return self.tr("Streaming from {0}").format(name), words

    def _display_inspected(self) -> None:
        inspector, shown = self._window.inspector, self._shown
        live, inspected_id = shown.live, self._inspected_id
        runs = shown.newest_runs(inspector.most_runs) if inspector.needs_runs else []
        if live is not None and live.run.parent_id == shown.head_id and not shown.has_on_branch(inspected_id):
            inspector.display_live(live, runs)
            if inspector.needs_request:
                self._inspecting.follow(live)
            if inspector.needs_tokens:
                self._tokens.follow()
            return
        reply_id = inspected_id if shown.has_on_branch(inspected_id) else shown.last_reply_id
        known = shown.run_of(reply_id) if reply_id is not None else None
        if known is None and shown.id in self._asking:
            return  # until the question is on its way, what was looked at stays
        if known is None or reply_id is None:
            inspector.display(None, None, runs)
        else:
            inspector.display(known, shown.message(reply_id), runs)
        # What was kept of a request holds the conversation up to it, so it is read only to be looked at.
        if inspector.needs_request:
            self._inspecting.show(known.id if known is not None else None, reply_id or "")
        if inspector.needs_tokens:
            self._tokens.show(known.id if known is not None else None, reply_id or "")

    def _edit_request(self, run: Run) -> None:
        """Takes the message that a run answered into the composer, with the settings of that run."""
        question = self._shown.asked_before(run.parent_id)
        if question is not None:
            self._drafting.restore_settings(run)
            self._drafting.begin_edit(question)

    def _display_first_run(self) -> None:
        if self._is_awake and not self._shown.has_messages:
            self._window.first_run.display_has_weights(self._workbench.gguf is not None)
            self.spawn(self._display_key_state())

    async def _display_key_state(self) -> None:
        status = await self._workbench.key_status(OXEN)
        self._window.first_run.display_has_key(status.source.value != "none")

    # News from the Workbench

    def _show_progress(self, run_ids: set[str]) -> None:
        live = self._shown.live
        if live is None or live.run.id not in run_ids or not self._window.is_on_screen:
            return
        if live.run.parent_id == self._shown.head_id and not self._window.transcript.shows(
            live.run.message_id
        ):
            self._reload()
        self._window.transcript.advance(live.run.id)
        if self._opened_finding is not None:
            self._opened_finding.advance()
        if not self._words_rest.isActive():
            self._show_progress_words()
            self._words_rest.start()
        self._window.inspector.advance(live.run.id)
        if self._window.inspector.needs_request:
            self._inspecting.advance(live.run.id)

    def _catch_up(self) -> None:
        """Shows in one go what arrived while nobody could see the window."""
        if self._shown.live is not None:
            self._show_progress({self._shown.live.run.id})

    def _show_progress_words(self) -> None:
        live = self._shown.live
        if live is not None:
            self._window.composer.display_busy(True, *self._progress_words(live))

    def _show_settled(self, run: Run) -> None:
        self._shown.note_settled(run)
        if self._opened_inspecting is not None:
            self._opened_inspecting.forget()
        self._list_soon({run.conversation_id})
        if run.conversation_id == self._shown.id:
            self._reload()
        if run.parent_id == self._knob_question_id:
            self._turn_knob(run)

    def _show_changes(self, changed: Changes) -> None:
        self._shown.note(changed)
        if changed.conversations:
            self._list_soon(changed.conversations)
        # What a live run writes is told again when it advances or settles.
        is_of_live_run = any(run_id in self._workbench.live for run_id in changed.runs)
        touches = any(map(self._shown.has_on_branch, changed.messages))  # such as the result of a call
        if (touches or self._shown.id in changed.conversations) and not is_of_live_run:
            self._reload()
        if changed.others & {"endpoints", "keys"}:
            self._drafting.models_may_differ()
        if "models" in changed.others:
            self._drafting.display_endpoint()
        if changed.others & {"endpoints", "models", "keys"}:
            self._display_first_run()
            if self._opened_setup is not None:
                self._opened_setup.refresh()
        if "presets" in changed.others:
            self._drafting.display_parameters()
        if "facts" in changed.others:
            self._drafting.display_facts()
            if self._opened_probing is not None:
                self._opened_probing.refresh()

    def _show_notice(self, notice: Notice) -> None:
        self._window.show_notice(notice.text, is_warning=notice.kind.value == "warning")

    def _list_soon(self, changed_ids: Collection[str]) -> None:
        """Shows changes in the list once for all that one turn of the event loop brings."""
        self._unlisted.update(changed_ids)
        self._listing.start()

    def _display_list(self) -> None:
        self._listing.stop()
        self._listed.update(self._unlisted)
        self._unlisted.clear()
        live = {live.run.conversation_id for live in self._workbench.live.values()}
        self._window.conversations.display(self._listed.all, live)

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
        if conversation_id == self._shown.id:
            self._display_list()
            self._open(self._listed.neighbor_of(conversation_id))
        self.spawn(self._workbench.delete_conversation(conversation_id))
        self._window.conversations.show_undo(conversation.title)

    def _undo_delete(self) -> None:
        if self._deleted_id is not None:
            self.spawn(self._restore(self._deleted_id))
            self._deleted_id = None

    async def _restore(self, conversation_id: str) -> None:
        await self._workbench.restore_conversation(conversation_id)
        self._open(conversation_id)

    def _search(self, query: str) -> None:
        hits = self._reader.search(query) if query.strip() else None
        self._hits = {hit.conversation_id: hit for hit in hits or ()}
        from drover.store.search import words_of

        self._hit_words = words_of(query)
        if hits is None and self._opened_finding is not None:
            self._opened_finding.forget_words()
        self._window.conversations.show_hits(hits, query)

    def _open_chosen(self, conversation_id: str) -> None:
        """Opens a row of the list; that of a hit at the message in which the words stand."""
        self._open(conversation_id)
        hit = self._hits.get(conversation_id)
        if hit is not None and hit.message_id is not None and self._shown.knows(hit.message_id):
            self.spawn(self._show_hit(hit, hit.message_id))

    async def _show_hit(self, hit: SearchHit, message_id: str) -> None:
        head_id = self._shown.head_showing(message_id)
        if head_id != self._shown.head_id:
            await self._workbench.show_version(hit.conversation_id, head_id)
        if self._shown.id == hit.conversation_id:
            shown_id = self._shown.shown_with(message_id)
            self._window.transcript.show_message(shown_id)
            if shown_id == message_id:
                part = "reasoning" if hit.where == "reasoning" else "body"
                self._finding.show_found(message_id, part, self._hit_words)

    # Sending

    def _send(self) -> None:
        draft = self._drafting.draft
        if not (draft.text.strip() or draft.attachments) or not self._may_ask():
            return
        if draft.attachments or self._shown.attached_to(self._drafting.follows_id):
            doubtful = self._attaching.doubtful_kind()
            if doubtful is not None:
                self._attaching.ask_about(doubtful)
                return
        self._send_now()

    def _send_now(self) -> None:
        if self._may_ask():
            self._asking.add(self._shown.id)
            self.spawn(self._send_draft(self._shown.id, self._drafting.take_for_sending()))

    def _answer_question(self, choice: str) -> None:
        """Does what was chosen for attachments of which it is not known that the model takes them."""
        kind = self._attaching.doubtful_kind()
        self._attaching.forget_question()
        if choice == "send" and kind is not None:
            self.spawn(self._send_all_the_same(kind))
        elif choice == "remove" and kind is not None:
            self._attaching.remove(kind)
        elif choice == "model":
            self._window.open_model_list()
            return
        self._window.composer.take_focus()

    async def _send_all_the_same(self, kind: AttachmentKind) -> None:
        drafting = self._drafting
        await self._workbench.forget_fact(drafting.endpoint, drafting.model_id, kind.fact_name)
        self._send_now()

    def _may_ask(self) -> bool:
        return self._shown.id not in self._asking and self._shown.live is None

    async def _send_draft(self, origin: str | None, draft: Draft) -> Run:
        self._stay_for_asked()
        try:
            run = await self._workbench.send(origin, draft)
        except BaseException:
            if self._shown.id == origin:
                self._drafting.give_back(draft)
            else:
                await self._workbench.save_draft(origin, draft)
            raise
        finally:
            self._asking.discard(origin)
        if self._shown.id == origin:
            if origin is None:
                self._drafting.move_to(run.conversation_id)
                self._open(run.conversation_id)
            else:
                self._reload()
            self._show_asked(run)
        return run

    def _stay_for_asked(self) -> None:
        """Keeps the end from being shown for a moment, where the question is going to be put at the top."""
        if self._workbench.settings.is_question_raised and self._shown.has_messages:
            self._window.transcript.stay()

    def _show_asked(self, run: Run) -> None:
        """Scrolls to what was just sent, as the person likes it."""
        if self._workbench.settings.is_question_raised and self._window.transcript.shows(run.parent_id):
            self._window.transcript.raise_message(run.parent_id)
        else:
            self._window.transcript.follow()

    def _save_edit(self) -> None:
        draft, conversation_id = self._drafting.draft, self._shown.id
        if conversation_id is not None and draft.replaces_id is not None:
            self._drafting.cancel_edit()
            self.spawn(self._workbench.save_edit(conversation_id, draft))

    def _decide_call(self, reply_id: str, index: int, decision: str) -> None:
        self._calling.decide(reply_id, index, decision)

    def _give_results(self, reply_id: str, results: dict[int, str]) -> None:
        self._window.transcript.follow()
        self._calling.give(reply_id, results)

    def _show_calls(self, conversation_id: str, _reply_id: str) -> None:
        """A program has begun or ended."""
        if conversation_id == self._shown.id:
            self._display_conversation()

    def _begin_edit(self, message_id: str) -> None:
        message = self._shown.message(message_id)
        if message is not None:
            self._drafting.begin_edit(message)

    def _restore_settings(self, message_id: str) -> None:
        run = self._shown.run_of(message_id)
        if run is not None:
            self._drafting.restore_settings(run)

    # Attachments

    def _attach_data(self, source: QMimeData) -> None:
        self._attaching.take(source)

    def _open_attachment(self, part: Attachment) -> None:
        self._attaching.open(part)

    def _fetch_thumbnail(self, digest: str) -> None:
        self.spawn(self._see_thumbnail(digest))

    async def _see_thumbnail(self, digest: str) -> None:
        try:
            raw = await self._workbench.attachment_bytes(digest)
        except DroverError:
            self._window.thumbnails.fail(digest)
        else:
            self._window.thumbnails.receive(digest, raw)

    # Replies

    def _regenerate(self, reply_id: str) -> None:
        question = self._shown.question_of(reply_id)
        if question is not None:
            self._ask(self._workbench.regenerate(question, self._drafting.draft))

    def _ask(self, asking: Coroutine[Any, Any, Run]) -> None:
        """Starts another answer in the shown conversation, unless one is on its way."""
        if not self._may_ask():
            asking.close()
            return
        self._asking.add(self._shown.id)
        self.spawn(self._see_asked(self._shown.id, asking))

    async def _see_asked(self, conversation_id: str | None, asking: Coroutine[Any, Any, Run]) -> None:
        self._stay_for_asked()
        try:
            run = await asking
        finally:
            self._asking.discard(conversation_id)
        if self._shown.id == conversation_id:
            self._reload()
            self._show_asked(run)

    def _step_version(self, message_id: str, step: int) -> None:
        head_id = self._shown.head_of_version(message_id, step)
        if head_id is not None and self._shown.id is not None:
            self.spawn(self._workbench.show_version(self._shown.id, head_id))

    def _read_as(self, message_id: str, reading: str) -> None:
        from drover.domain.reading import Reading

        self.spawn(self._workbench.replies.treat_as(message_id, Reading.of(reading)))

    def _ask_tags(self, message_id: str) -> None:
        from drover.ui.reading_dialog import TagsDialog

        message = self._shown.message(message_id)
        dialog = TagsDialog(message.reading if message is not None else "", parent=self._window)
        dialog.reading_chosen.connect(functools.partial(self._read_as, message_id))
        dialog.open()

    def _inspect(self, message_id: str) -> None:
        self._inspected_id = message_id
        self._window.show_tab("Request")
        self._display_inspected()

    def _act_on_failure(self, message_id: str, action: str) -> None:
        live, reply = self._shown.live, self._shown.message(message_id)
        if live is not None:
            if action == "retry_now":
                self._workbench.retry_now(live.run.id)
            elif action == "stop_retry":
                self.stop()
        elif reply is not None:
            self._mend(reply, action)

    def _mend(self, reply: Message, action: str) -> None:
        """Does what the card of a failed or cut reply offers."""
        run = self._shown.run_of(reply.id)
        parameters = self._drafting.draft.parameters
        if action == "set_key" and run is not None:
            self._setup.ask_key(self._workbench.endpoint(run.endpoint_id))
        elif action == "edit_endpoint" and run is not None:
            self._edit_endpoint(run.endpoint_id)
        elif action == "retry":
            self._retry(reply)
        elif action == "raise_limit" and run is not None:
            self._retry(reply, parameters.replaced("max_tokens", raised_limit(run)))
        elif action == "lower_effort":
            self._retry(reply, parameters.replaced("reasoning_effort", LEAST_EFFORT))
        elif action in ("read_until_closed", "read_as_answer"):
            self._reread(reply, action)
        elif action == "send_without":
            self._ask(self._workbench.retry_without(reply, self._drafting.draft))

    def _reread(self, reply: Message, action: str) -> None:
        """One reply without an answer says little about the next, so that is not remembered."""
        from drover.domain.reading import Reading, ReadingKind

        is_answer = action == "read_as_answer"
        reading = Reading(kind=ReadingKind.ANSWER if is_answer else ReadingKind.UNTIL_CLOSED)
        self.spawn(self._workbench.replies.treat_as(reply.id, reading, remember=not is_answer))

    def _edit_endpoint(self, endpoint_id: str) -> None:
        known = [each for each in self._workbench.endpoints if each.id == endpoint_id]
        if not known or known[0].is_built_in:  # of which there is nothing to edit but its weights
            self.open_settings()
        else:
            self._setup.ask_endpoint(known[0])

    def _retry(self, reply: Message, parameters: SamplingParameters | None = None) -> None:
        if parameters is not None:
            self._drafting.set_parameters(parameters)
        self._ask(self._workbench.retry(reply, self._drafting.draft))

    def _open_link(self, url: str) -> None:
        target = QUrl(url, QUrl.ParsingMode.StrictMode)
        if target.scheme() not in ("http", "https", "mailto"):
            return
        settings = self._workbench.settings
        if target.host() in settings.confirmed_hosts and target.host() and not target.userInfo():
            QDesktopServices.openUrl(target)
            return
        self._window.ask_link(url, functools.partial(self._open_confirmed, target))

    def _open_confirmed(self, target: QUrl, is_remembered: bool) -> None:
        QDesktopServices.openUrl(target)
        if is_remembered and target.host():
            settings = self._workbench.settings
            hosts = (*settings.confirmed_hosts, target.host())
            self.spawn(self._workbench.change_settings(confirmed_hosts=hosts))

    def _fetch_picture(self, url: str, address: str) -> None:
        self.spawn(self._see_fetched(url, address))

    async def _see_fetched(self, url: str, address: str) -> None:
        pictures = self._window.transcript.pictures
        try:
            raw = await self._workbench.fetch_image(address)
        except Redirected as error:
            pictures.redirect(url, address, error.location)
        except DroverError as error:
            pictures.fail(url, error.message, address)
        else:
            pictures.receive(url, raw)

    def _show_warning(self, text: str) -> None:
        self._window.show_notice(text, is_warning=True)

    # The first window

    def _try(self, experiment: str) -> None:
        limited = UNSET.replaced("max_tokens", _TRY_TOKENS)  # a tiny model may repeat itself without end
        text, parameters = {
            "think": (self.tr("Why is the sky blue?"), limited.replaced("reasoning_effort", "medium")),
            "knob": (
                self.tr("Write the first sentence of a story about a lighthouse."),
                limited.replaced("temperature", _KNOB_FROM),
            ),
            "request": (self.tr("Name three colors."), limited),
        }[experiment]
        if self._may_ask():
            self._asking.add(None)
            draft = Draft(text=text, endpoint_id=BUILT_IN_ID, parameters=parameters)
            self.spawn(self._try_out(experiment, draft))

    async def _try_out(self, experiment: str, draft: Draft) -> None:
        """Begins a conversation of its own: what was typed into the new one stays there."""
        try:
            run = await self._workbench.send(None, draft)
        finally:
            self._asking.discard(None)
        self._open(run.conversation_id)
        self._window.composer.take_focus()
        if experiment == "think":
            self._window.transcript.open_reasoning(run.message_id)
        elif experiment == "knob":
            self._knob_question_id = run.parent_id
        else:
            self._window.show_tab("Request")
            self._window.inspector.request.show_body()

    def _turn_knob(self, run: Run) -> None:
        """After the first answer the second one, after that both side by side."""
        question = self._shown.message(run.parent_id)
        has_ended = run.status in (RunStatus.COMPLETE, RunStatus.CUT)
        if not has_ended or question is None or run.conversation_id != self._shown.id:
            self._knob_question_id = None
        elif run.parameters.temperature == _KNOB_FROM:
            self._drafting.set_parameters(self._drafting.draft.parameters.replaced("temperature", _KNOB_TO))
            self._ask(self._workbench.regenerate(question, self._drafting.draft))
        else:
            self._knob_question_id = None
            self.show_experiments()

    def _set_oxen_key(self) -> None:
        self._setup.ask_key(self._workbench.endpoint(OXEN.id))

    def _download(self) -> None:
        self.spawn(self._fetch_built_in())

    async def _fetch_built_in(self) -> None:
        page = self._window.first_run
        try:
            await self._workbench.fetch_built_in(self._show_download)
        except DroverError as error:
            page.display_download_failed(error.words)
            return
        page.display_has_weights(True)
        self._drafting.display_endpoint()

    def _show_download(self, done_bytes: int, total_bytes: int | None) -> None:
        self._window.first_run.display_download(
            done_bytes, total_bytes or 0, self.tr("Fetching the built-in model")
        )

    # Small things

    def _apply_settings(self, settings: Settings) -> None:
        if self._shown.has_messages:
            self._window.transcript.set_reasoning_display(settings.reasoning_display)
        self._drafting.display_endpoint()

    def _show_workspace(self, name: str) -> None:
        if name == "experiments":
            versions = self._shown.versions_to_compare()
            question = self._shown.question_of(versions[0].message.id) if versions else None
            self._window.comparison.display(question.text if question else "", versions)
        self._window.show_workspace(name)
        self._display_state()

    def _step_zoom(self, step: int) -> None:
        (self.zoom_in if step > 0 else self.zoom_out)()

    def _zoom(self, scale: float) -> None:
        theme().set_text_scale(scale)
        self.spawn(self._workbench.change_settings(text_scale=scale))
