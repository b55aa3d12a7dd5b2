"""The draft: what would be sent next, and the composer, panel and header that edit it."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QTimer

from drover.domain.conversation import Attachment, Draft, Message, ReasoningReplay
from drover.domain.endpoint import BUILT_IN_ID, URL_ENDPOINT_ID, Endpoint, ModelCard
from drover.domain.parameters import UNSET, ParameterSpec, Preset, SamplingParameters
from drover.domain.run import Run
from drover.engine.workbench import Workbench, default_draft
from drover.errors import DroverError
from drover.log import logger
from drover.store.library import Library
from drover.ui import formats
from drover.ui.bridge import FRAME_MS
from drover.ui.main_window import MainWindow
from drover.ui.next_request import NextRequest
from drover.ui.shown import ShownConversation

if TYPE_CHECKING:
    from drover.domain.tools import ToolDefinition
    from drover.ui.thinking_row import ThinkingChoice

_log = logger("ui")
_SAVE_DELAY_MS = 400
_CARDS_LAST = timedelta(days=1)
_LIST_LASTS = timedelta(minutes=5)


class Drafting(QObject):
    """Holds the draft of the shown conversation, keeps it on disk, and shows it wherever it is edited."""

    def __init__(
        self,
        workbench: Workbench,
        reader: Library,
        window: MainWindow,
        shown: ShownConversation,
        spawn: Callable[[Coroutine[Any, Any, Any]], None],
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._workbench = workbench
        self._reader = reader
        self._window = window
        self._shown = shown
        self._spawn = spawn
        self._draft = Draft()
        self._edited: dict[str | None, Draft] = {}
        self._models_asked_of: set[str] = set()
        self._models_asked_at: dict[str, datetime] = {}
        self._models_failed: dict[str, str] = {}
        self._has_panel = False
        self._may_ask = False
        self._card: ModelCard | None = None
        self._thinking: ThinkingChoice | None = None
        self._next = NextRequest(workbench, window, shown, spawn, self)
        self._planning = QTimer(self, singleShot=True, interval=FRAME_MS)
        self._planning.timeout.connect(self.show_plan)
        self._saving = QTimer(self, singleShot=True, interval=_SAVE_DELAY_MS)
        self._saving.timeout.connect(self.save)
        window.composer.text_edited.connect(self._edit_text)
        window.composer.json_toggled.connect(self.show_plan)
        window.composer.edit_cancelled.connect(self.cancel_edit)
        window.composer.attachment_removed.connect(self.detach)
        window.parameters_built.connect(self._connect_panel)
        window.endpoint_chosen.connect(self.choose_endpoint)
        window.model_chosen.connect(self.choose_model)
        window.model_list_opened.connect(self._look_at_models)
        window.models_refresh_requested.connect(self._ask_anew_for_models)

    def _connect_panel(self) -> None:
        panel = self._window.parameters
        panel.parameters_edited.connect(self.set_parameters)
        panel.system_prompt_edited.connect(self._edit_system_prompt)
        panel.reset_requested.connect(self._reset_parameters)
        panel.forget_requested.connect(self._forget_fact)
        from drover.ui.preset_keeping import PresetKeeping  # not needed before there is a panel

        self._preset_keeping = PresetKeeping(self._workbench, self._reader, self._window, self, self._spawn)
        from drover.ui.thinking_row import ThinkingChoice

        self._thinking = ThinkingChoice(self._workbench, self._window, self._shown, self._spawn, self)
        self._thinking.chosen.connect(self._choose_replay)

    @property
    def draft(self) -> Draft:
        """What would be sent now."""
        return self._draft

    @property
    def endpoint(self) -> Endpoint:
        """Where it would be sent; the built-in one if the chosen one was removed."""
        try:
            return self._workbench.endpoint(self._draft.endpoint_id)
        except DroverError:
            return self._workbench.endpoint(BUILT_IN_ID)

    @property
    def model_id(self) -> str:
        """Which model would be asked; empty where the server's first one would."""
        endpoint = self.endpoint
        if endpoint.is_built_in:  # which serves one file, whatever the draft was made for
            return endpoint.default_model_id
        return self._draft.model_id or endpoint.default_model_id

    @property
    def card(self) -> ModelCard | None:
        """What is known of that model."""
        model_id = self.model_id
        return next(
            (card for card in self._reader.model_cards(self.endpoint.id) if card.id == model_id), None
        )

    @property
    def follows_id(self) -> str | None:
        """The message after which the draft would be sent."""
        replaced_id = self._draft.replaces_id
        if replaced_id is not None and self._shown.knows(replaced_id):
            return self._shown.parent_of(replaced_id)
        return self._shown.head_id

    @property
    def resolved(self) -> Draft:
        """The draft with the endpoint and the model that would really be asked."""
        return replace(self._draft, endpoint_id=self.endpoint.id, model_id=self.model_id)

    # Life

    def open(self) -> None:
        """Shows the draft of the conversation that was just opened."""
        # What was edited in this session is newer than what is on disk, where a write may still be under way.
        stored = self._edited.get(self._shown.id) or self._reader.draft(self._shown.id or "")
        self._draft = self._with_known_endpoint(stored or self._derived())
        self.display()

    def _with_known_endpoint(self, draft: Draft) -> Draft:
        known = any(endpoint.id == draft.endpoint_id for endpoint in self._workbench.endpoints)
        if known:
            return draft
        instead = default_draft(self._workbench)
        return replace(draft, endpoint_id=instead.endpoint_id, model_id=instead.model_id)

    def show_panel(self) -> None:
        """From now on the panel of parameters is there to be filled."""
        self._has_panel = True
        self.display_attachments()
        self.display_parameters()
        self.display_endpoint()
        self._display_thinking()

    def wake(self) -> None:
        """From now on servers may be asked for their models."""
        self._may_ask = True
        self.display_endpoint()
        self._display_thinking()

    def models_may_differ(self) -> None:
        """A key or an address has changed: servers are asked for their models anew."""
        self._models_asked_at.clear()
        self.display_endpoint()

    def save(self) -> None:
        """Keeps the draft now."""
        self._saving.stop()
        self._edited[self._shown.id] = self._draft
        self._spawn(self._workbench.save_draft(self._shown.id, self._draft))

    def save_if_edited(self) -> None:
        """Keeps the draft now if an edit still waits to be kept."""
        if self._saving.isActive():
            self.save()

    async def close(self) -> None:
        """Keeps the last edit."""
        self._planning.stop()
        if self._saving.isActive():
            self._saving.stop()
            await self._workbench.save_draft(self._shown.id, self._draft)

    def choose_preset(self, preset: Preset | None) -> None:
        """Takes over what a preset sets; None leaves all as it is."""
        from drover.domain.presets import with_preset

        if preset is None:
            self.replace(preset_id=None)
        else:
            self._draft = with_preset(self._draft, preset)
            self._saving.start()
            self.display()

    def replace(self, **values: Any) -> None:
        """Changes fields of the draft, shows them and keeps them soon."""
        self._change(**values)
        self.display()

    def _change(self, **values: Any) -> None:
        self._draft = replace(self._draft, **values)
        self._saving.start()

    def _derived(self) -> Draft:
        live = self._shown.live
        run = live.run if live is not None else self._shown.last_run
        return self._new() if run is None else _settings_of(run, Draft())

    def _new(self) -> Draft:
        """The draft of a new conversation: with the preset that was chosen for them."""
        draft, preset_id = default_draft(self._workbench), self._workbench.settings.preset_id
        if not preset_id:
            return draft
        from drover.domain.presets import with_preset

        preset = next((preset for preset in self._presets() if preset.id == preset_id), None)
        return draft if preset is None else self._with_known_endpoint(with_preset(draft, preset))

    def _presets(self) -> list[Preset]:
        from drover.domain.presets import with_shipped  # not needed before the first frame

        return with_shipped(self._reader.presets())

    # Text

    def take_for_sending(self) -> Draft:
        """Empties the message field, but for what was put aside, and returns the draft as it was."""
        taken = self._draft
        self._take_aside_back()
        return taken

    def give_back(self, taken: Draft) -> None:
        """Brings a text back that could not be sent, before what was typed meanwhile."""
        text = "\n".join(filter(None, (taken.text, self._draft.text)))
        self.replace(
            text=text,
            replaces_id=taken.replaces_id,
            aside_text=taken.aside_text,
            attachments=(*taken.attachments, *self._draft.attachments),
            aside_attachments=taken.aside_attachments,
        )

    def move_to(self, conversation_id: str) -> None:
        """The new conversation has begun: its draft goes along, and the next new one starts afresh."""
        self._saving.stop()
        self._edited[conversation_id] = self._draft
        self._edited.pop(None, None)
        self._spawn(self._workbench.save_draft(conversation_id, self._draft))
        self._spawn(self._workbench.save_draft(None, None))

    def begin_edit(self, message: Message) -> None:
        """Takes an earlier message for editing; the text that was not sent is put aside."""
        draft = self._draft
        is_editing = draft.replaces_id is not None
        self.replace(
            text=message.text,
            replaces_id=message.id,
            aside_text=draft.aside_text if is_editing else draft.text,
            attachments=message.attachments,
            aside_attachments=draft.aside_attachments if is_editing else draft.attachments,
        )
        self._window.composer.take_focus()

    def cancel_edit(self) -> None:
        """Gives the edited message up and brings back the text that was put aside."""
        self._take_aside_back()

    def _take_aside_back(self) -> None:
        draft = self._draft
        self.replace(
            text=draft.aside_text,
            aside_text="",
            replaces_id=None,
            attachments=draft.aside_attachments,
            aside_attachments=(),
        )

    # Attachments

    def attach(self, conversation_id: str | None, part: Attachment) -> None:
        """Adds an attachment to the draft of this conversation, which may not be the shown one any more."""
        if conversation_id == self._shown.id:
            self._change(attachments=(*self._draft.attachments, part))
            self.display_attachments()
            self._show_plan_soon()
            return
        stored = self._edited.get(conversation_id) or self._reader.draft(conversation_id or "") or Draft()
        draft = self._edited[conversation_id] = replace(stored, attachments=(*stored.attachments, part))
        self._spawn(self._workbench.save_draft(conversation_id, draft))

    def detach(self, index: int) -> None:
        """Takes the attachment at this index out of the draft."""
        parts = self._draft.attachments
        self._change(attachments=parts[:index] + parts[index + 1 :])
        self.display_attachments()
        self._show_plan_soon()

    def display_attachments(self) -> None:
        """Shows what goes with the text; behind the first frame, which does not wait for that."""
        if self._has_panel:
            self._window.display_attachments(self._draft.attachments)

    # Results of calls

    @property
    def results(self) -> dict[str, dict[int, str]]:
        """Results of calls that were written and not sent, by reply and by the index of the call."""
        found: dict[str, dict[int, str]] = {}
        for reply_id, index, text in self._draft.results:
            found.setdefault(reply_id, {})[index] = text
        return found

    def keep_results(self, reply_id: str, written: Mapping[int, str]) -> None:
        """Keeps what is written by now as results of calls of a reply."""
        others = tuple(kept for kept in self._draft.results if kept[0] != reply_id)
        results = others + tuple((reply_id, index, text) for index, text in written.items())
        if results != self._draft.results:
            self._change(results=results)

    def _edit_text(self, text: str) -> None:
        self._change(text=text)
        self._show_plan_soon()

    # Settings

    def set_parameters(self, parameters: SamplingParameters) -> None:
        """Chooses other parameters."""
        self._change(parameters=parameters)
        self.display_parameters()
        self._show_plan_soon()

    def restore_settings(self, run: Run) -> None:
        """Takes over endpoint, model, parameters and system prompt of a run, and names their preset."""
        restored = _settings_of(run, self._draft)
        self._draft = replace(restored, preset_id=self._preset_of(restored))
        self._saving.start()
        self.display()

    def _preset_of(self, draft: Draft) -> str | None:
        """The preset that sets just this; of several the chosen one, else the person's own."""
        from drover.domain.presets import holds

        ids = [preset.id for preset in self._presets() if holds(preset, draft)]
        return draft.preset_id if draft.preset_id in ids else next(iter(ids), None)

    def choose_endpoint(self, endpoint_id: str) -> None:
        """Chooses an endpoint, with its own first model; new conversations begin with it too."""
        endpoint = self._workbench.endpoint(endpoint_id)
        self._choose(endpoint_id=endpoint_id, model_id=endpoint.default_model_id)

    def choose_model(self, model_id: str) -> None:
        """Chooses a model of the chosen endpoint."""
        self._choose(endpoint_id=self._draft.endpoint_id, model_id=model_id)

    def _choose(self, *, endpoint_id: str, model_id: str) -> None:
        self._change(endpoint_id=endpoint_id, model_id=model_id)
        self.display_endpoint()
        self.show_plan()
        if endpoint_id != URL_ENDPOINT_ID:
            self._spawn(self._workbench.change_settings(endpoint_id=endpoint_id, model_id=model_id))

    def tools_offered(self) -> tuple[ToolDefinition, ...]:
        """What the model may call now."""
        return self._draft.tools

    def set_tools(self, offered: tuple[ToolDefinition, ...], resting: tuple[ToolDefinition, ...]) -> None:
        """Chooses which tools the model may call, and keeps others."""
        self._change(tools=offered, resting_tools=resting)
        self.display_parameters()
        self._show_plan_soon()

    def _choose_replay(self, policy: ReasoningReplay) -> None:
        self._change(reasoning_replay=policy)
        self.show_plan()

    def _edit_system_prompt(self, text: str) -> None:
        self._change(system_prompt=text)
        self._show_plan_soon()

    def _reset_parameters(self) -> None:
        self.set_parameters(UNSET)

    def _forget_fact(self, name: str) -> None:
        self._spawn(self._workbench.forget_fact(self.endpoint, self.model_id, name))

    # Display

    def display(self) -> None:
        """Shows the whole draft."""
        self._window.composer.set_edit_mode(self._draft.replaces_id is not None)
        self._window.composer.display_draft(self._draft.text)
        self.display_attachments()
        self.display_parameters()
        self.display_endpoint()
        self.show_plan()

    def display_parameters(self) -> None:
        """Shows parameters, system prompt and presets."""
        if self._has_panel:
            draft = self._draft
            self._window.parameters.display(
                draft.parameters, draft.system_prompt, self._presets(), draft.preset_id
            )
            kept = len(draft.tools) + len(draft.resting_tools)
            self._window.parameters.display_tools(len(draft.tools), kept)

    def display_endpoint(self) -> None:
        """Shows endpoint and model in the header, and what is known of the model."""
        endpoint = self.endpoint
        cards = self._reader.model_cards(endpoint.id)
        model_id = self.model_id
        card = self._card = next((card for card in cards if card.id == model_id), None)
        offered = cards if card is not None or not model_id else [ModelCard(id=model_id), *cards]
        self._window.display_endpoint(self._workbench.endpoints, endpoint.id, offered, model_id)
        self._display_model_list(endpoint, cards)
        if self._has_panel:
            self._window.parameters.display_specs(_own_specs(card))
            self._window.parameters.display_place(endpoint.id, model_id)
            self._window.parameters.display_card(offered[0] if card is None and model_id else card)
            self._window.parameters.display_facts(self._workbench.facts(endpoint, model_id))
        name = self.tr("the built-in model") if endpoint.is_built_in else model_id or endpoint.name
        self._window.composer.set_placeholder(self.tr("Message {0}").format(name))
        if self._may_ask and not any(_is_fresh(card) for card in cards):
            self._ask_for_models(endpoint)

    def display_facts(self) -> None:
        """Shows what is known by now of the parameters of the chosen model."""
        if self._has_panel:
            facts = self._workbench.facts(self.endpoint, self.model_id)
            self._window.parameters.display_facts(facts)
        self.show_plan()

    def _ask_for_models(self, endpoint: Endpoint) -> None:
        """Once a session for each endpoint, and again when a key, an address or the weights have changed."""
        if endpoint.is_built_in and self._workbench.gguf is None:
            return
        if endpoint.id not in self._models_asked_at:
            self._spawn(self._refresh_models(endpoint))

    def _look_at_models(self) -> None:
        """The list is open: what is older than a few minutes is asked for in the background."""
        endpoint = self.endpoint
        self._display_model_list(endpoint, self._reader.model_cards(endpoint.id))
        asked_at = self._models_asked_at.get(endpoint.id)
        if asked_at is None or datetime.now(UTC) - asked_at > _LIST_LASTS:
            self._ask_anew_for_models()

    def _ask_anew_for_models(self) -> None:
        endpoint = self.endpoint
        if not endpoint.is_built_in or self._workbench.gguf is not None:
            self._spawn(self._refresh_models(endpoint))

    async def _refresh_models(self, endpoint: Endpoint) -> None:
        if endpoint.id in self._models_asked_of:
            return
        self._models_asked_of.add(endpoint.id)
        self._models_asked_at[endpoint.id] = datetime.now(UTC)
        self._models_failed.pop(endpoint.id, None)
        self._display_model_list(endpoint)
        try:
            await self._workbench.refresh_models(endpoint)
        except DroverError as error:
            _log.info("No list of models from %s: %s", endpoint.name, error)
            self._models_failed[endpoint.id] = error.message
        finally:
            self._models_asked_of.discard(endpoint.id)
            self._display_model_list(endpoint)

    def _display_model_list(self, endpoint: Endpoint, cards: Sequence[ModelCard] | None = None) -> None:
        """Says of the shown endpoint's list where it is from, how old it is, and why it is not newer."""
        if endpoint.id != self.endpoint.id:
            return
        cards = self._reader.model_cards(endpoint.id) if cards is None else cards
        is_busy = endpoint.id in self._models_asked_of
        words = _origin(cards)
        if is_busy:
            words = self.tr("Asking {0}…").format(endpoint.name)
        elif endpoint.id in self._models_failed:
            words = " · ".join(filter(None, (self._models_failed[endpoint.id], words)))
        self._window.display_model_list(words, is_busy=is_busy)

    def _show_plan_soon(self) -> None:
        """A slider or a key may tell of more edits than there are frames."""
        if not self._planning.isActive():
            self._planning.start()

    def show_plan(self) -> None:
        """Shows how the next request differs from the last, and its body where that is unfolded."""
        self._planning.stop()
        self._next.display(self._draft, self.endpoint, self.model_id, self._card)
        self._display_thinking()

    def _display_thinking(self) -> None:
        """Says what becomes of the thinking of earlier replies. It is read in the background."""
        if self._thinking is not None and self._may_ask:
            after_id = self._next.last_before(self._draft)
            self._thinking.display(self._draft, self.endpoint, self.model_id, after_id)


def _own_specs(card: ModelCard | None) -> tuple[ParameterSpec, ...]:
    """The parameters of the model's own schema; none where it has no schema."""
    if card is None or not card.request_schema:
        return ()
    from drover.domain.request_schema import specs_of_schema  # most models have none

    return specs_of_schema(card.request_schema)


def _is_fresh(card: ModelCard) -> bool:
    """Whether the card needs no new look: a file does not change, a server's list may every day."""
    return card.fetched_at is None or datetime.now(UTC) - card.fetched_at < _CARDS_LAST


def _origin(cards: Sequence[ModelCard]) -> str:
    """Where a list is from and how old it is: "From Oxen.ai, 2 hours ago"; empty where there is none."""
    card = next((card for card in cards if card.source), None)
    return "" if card is None else formats.origin(card.source, card.fetched_at, now=datetime.now(UTC))


def _settings_of(run: Run, draft: Draft) -> Draft:
    return replace(
        draft,
        endpoint_id=run.endpoint_id,
        model_id=run.model_id,
        parameters=run.parameters,
        system_prompt=run.system_prompt,
    )
