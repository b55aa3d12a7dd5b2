"""One message of the transcript: header, reasoning, text, what went wrong, footer."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QPoint, QRect, QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import (
    QContextMenuEvent,
    QEnterEvent,
    QFocusEvent,
    QGuiApplication,
    QKeyEvent,
    QPainter,
    QPaintEvent,
    QPalette,
    QShowEvent,
)
from PySide6.QtWidgets import QWidget

from drover.domain.conversation import Message, Position, ReasoningPart, Role
from drover.domain.run import LiveRun, Run, RunStatus
from drover.domain.source_list import sources_markdown
from drover.ui import formats, rich_copy
from drover.ui.controls import ElidedLabel
from drover.ui.find_marks import Marks
from drover.ui.line_places import Anchor
from drover.ui.markdown_look import REASONING
from drover.ui.markdown_places import Place, Range
from drover.ui.markdown_view import MarkdownView
from drover.ui.message_actions import MessageActions
from drover.ui.message_failure import FailureCard, OutcomeLine
from drover.ui.message_measures import measures, raised_limit, thinks_more_than_it_must
from drover.ui.message_reasoning import ReasoningBlock, ReasoningDisplay, ReasoningState
from drover.ui.pictures import Pictures
from drover.ui.sight import is_on_screen
from drover.ui.theme import draw_frame, theme

if TYPE_CHECKING:
    from drover.ui.attachment_shelf import AttachmentShelf
    from drover.ui.call_block import CallBlock
    from drover.ui.json_answer import JsonAnswer
    from drover.ui.shown_calls import ShownCall

TEXT_INSET = 16
"""From the edge of the reading column to the text."""
_PAD_TOP, _PAD_BOTTOM, _RADIUS = 10, 12, 6
_HEADER, _FOOTER, _ACTION = 20, 28, 24
_MEASURES_ROOM = 100
_AFTER_HEADER, _BEFORE_BODY, _AFTER_OPEN_REASONING, _BEFORE_FOOTER = 4, 8, 12, 8
_TICK_MS = 1000
_WATCHED_S = 900.0
"""A longer pause is told by its end alone."""
_LONG_SILENCE_S = 10.0
_NAMED_CHARS = 20_000
_TAGS = (("<think>", "</think>"), ("<|channel>thought", "<channel|>"))


@dataclass(frozen=True, slots=True, kw_only=True)
class TranscriptEntry:
    """A message as the transcript shows it."""

    message: Message
    """Of a live reply: with its final id and no parts."""
    run: Run | None
    """The run that produced it; None for a message typed by a person."""
    position: Position
    live: LiveRun | None = None
    """Set while the reply may still grow."""
    author: str
    endpoint_name: str = ""
    calls: tuple[ShownCall, ...] = ()
    """The calls of a stored reply, and how far each is."""


def _only_thinks(message: Message) -> bool:
    """Whether all that came is thinking that can be read."""
    is_all = all(isinstance(part, ReasoningPart) for part in message.parts)
    return is_all and bool(message.reasoning.strip())


def _stray_closing(message: Message) -> str:
    """The tag with which the text ends a thought that it did not begin: there the prompt has written the
    opening one. Empty where there is none."""
    if message.reading or message.role is Role.USER:
        return ""
    for opening, closing in _TAGS:
        before, found, _ = message.text.partition(closing)
        if found and opening not in before and not before.endswith("`") and not message.reasoning:
            return closing
    return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Switches:
    """What a person has switched in a message, to be taken up when its view is made anew."""

    is_reasoning_open: bool | None = None
    """None if the reasoning was left alone."""
    is_source: bool = False
    wrapped: frozenset[int] = frozenset()
    """Blocks of code, counted among all blocks of the text."""
    is_tree: bool | None = None
    """Whether an answer in JSON is shown as a tree; None if that was left alone."""
    written: tuple[tuple[int, str], ...] = ()
    """Results of calls that were written and not sent, with the index of the call."""


class MessageView(QWidget):
    """Shows one entry and lets it grow. Its owner lays it out and says what of it can be seen.

    Signals:
        height_changed(): lay out again
        reflowed(): see `MarkdownView.reflowed`
        link_activated(str)
        attachment_opened(Attachment)
        footnote_requested(Place): where in the text a footnote begins that was asked for
        regenerate_requested(), edit_requested(), inspect_requested(), restore_settings_requested()
        reading_requested(str), tags_requested(): see `MessageActions`
        source_requested(): show it as it was written, or rendered again
        version_requested(int): -1 or 1
        action_requested(str): see `TranscriptView.failure_action_requested`
        call_decided(int, str), results_given(dict[int, str]), results_edited(): see `CallBlock`
    """

    height_changed = Signal()
    reflowed = Signal()
    link_activated = Signal(str)
    footnote_requested = Signal(Place)
    regenerate_requested = Signal()
    edit_requested = Signal()
    inspect_requested = Signal()
    attachment_opened = Signal(object)
    restore_settings_requested = Signal()
    reading_requested = Signal(str)
    tags_requested = Signal()
    source_requested = Signal()
    version_requested = Signal(int)
    action_requested = Signal(str)
    call_decided = Signal(int, str)
    results_given = Signal(object)
    results_edited = Signal()

    def __init__(
        self,
        entry: TranscriptEntry,
        display: ReasoningDisplay = ReasoningDisplay.AUTO,
        parent: QWidget | None = None,
        *,
        pictures: Pictures | None = None,
    ) -> None:
        """Without `pictures` images are words."""
        super().__init__(parent)
        self._pictures = pictures
        self._entry = entry
        self._is_own = entry.message.role is Role.USER
        self._reasoning_display = display
        self._answer_cursor = self._reasoning_cursor = self._call_cursor = 0
        self._has_answer = False
        self._may_close = True
        self._marks: Marks | None = None
        self._selected_reasoning: Range | None = None
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.setProperty("ringRadius", _RADIUS)
        self.setBackgroundRole(QPalette.ColorRole.Window)  # else labels inherit the colours of a text field
        self._author = ElidedLabel("", weight=600, parent=self)
        self._author.setText(entry.author)
        self._when = ElidedLabel("", role="small", token="text-3", parent=self)
        self._reasoning: ReasoningBlock | None = None
        self._shelf: AttachmentShelf | None = None
        self._body = MarkdownView(pictures=pictures, is_selected_by_owner=True, parent=self)
        self._body.link_activated.connect(self.link_activated)
        self._body.footnote_requested.connect(self.footnote_requested)
        self._body.height_changed.connect(self.height_changed)
        self._body.reflowed.connect(self.reflowed)
        self._sources: MarkdownView | None = None
        self._calls: CallBlock | None = None
        self._json: JsonAnswer | None = None
        self._failure: FailureCard | None = None
        self._outcome: OutcomeLine | None = None
        self._actions = MessageActions(is_own=self._is_own, parent=self)
        self._measures = ElidedLabel("", role="small", token="text-3", parent=self._actions)
        self._connect_actions()
        self._tick = QTimer(self, singleShot=True, interval=_TICK_MS)
        self._tick.timeout.connect(self._count_on)
        self._take(entry)

    @property
    def entry(self) -> TranscriptEntry:
        """What it shows."""
        return self._entry

    @property
    def reasoning(self) -> ReasoningBlock | None:
        """The reasoning; None if the model did not think."""
        return self._reasoning

    @property
    def calls(self) -> CallBlock | None:
        """The calls of tools; None if there are none."""
        return self._calls

    @property
    def body(self) -> MarkdownView:
        """The text of the message."""
        return self._body

    # Contents

    def display(self, entry: TranscriptEntry) -> None:
        """Takes a newer state of the same message; what is already shown stays where it is."""
        if entry == self._entry and entry.live is None:
            return
        self._entry = entry
        self._take(entry)

    def advance(self, *, may_close: bool = True) -> bool:
        """Takes what is new from the live run; whether there was anything.

        `may_close` is False while text is being read that would move if the reasoning closed by itself.
        """
        live = self._entry.live
        if live is None:
            return False
        self._may_close = may_close
        reasoning, self._reasoning_cursor = live.builder.read_reasoning(self._reasoning_cursor)
        answer, self._answer_cursor = live.builder.read_answer(self._answer_cursor)
        if reasoning or (self._reasoning is None and live.builder.is_thought_hidden):
            self._reasoning_block().feed(reasoning)
        if answer:
            self._feed_answer(answer)
        pieces, self._call_cursor = live.builder.read_calls(self._call_cursor)
        if pieces:
            self._call_block().feed(pieces)
        self._show_state()
        return bool(reasoning or answer or pieces)

    def plain_text(self, most_chars: int = sys.maxsize) -> str:
        """Author and text without markup, as far as it has arrived, and why there is no more.

        Of a text longer than `most_chars` only its beginning.
        """
        run = self._entry.run
        failure = run.failure.words if run is not None and run.failure is not None else ""
        calls = self._calls.text(most_chars) if self._calls is not None else ""
        told = (self._body.text(most_chars), calls, failure)
        return f"{self._entry.author}: " + "\n".join(filter(None, told))

    def set_reasoning_display(self, display: ReasoningDisplay) -> None:
        """The person's setting has changed."""
        self._reasoning_display = display
        if self._reasoning is not None:
            self._reasoning.set_display(display)

    def open_reasoning(self) -> None:
        """Opens the reasoning for good, now or as soon as there is any."""
        self._reasoning_display = ReasoningDisplay.OPEN
        if self._reasoning is not None:
            self._reasoning.open()

    def show_source(self, is_source: bool) -> None:
        """Shows the text as it was written, or rendered. Its owner lays it out."""
        self._body.show_source(is_source)
        self._actions.shows_source = is_source
        self.mark(self._marks)
        self._name()

    @property
    def switches(self) -> Switches:
        """What a person has switched in it."""
        block = self._reasoning
        return Switches(
            is_reasoning_open=block.is_open if block is not None and block.is_claimed else None,
            is_source=self._body.is_source,
            wrapped=self._body.wrapped,
            is_tree=self._json.chosen if self._json is not None else None,
            written=tuple(self._calls.written.items()) if self._calls is not None else (),
        )

    def restore(self, switches: Switches) -> None:
        """Takes up what a person had switched, before it is laid out for the first time."""
        if switches.is_reasoning_open is not None and self._reasoning is not None:
            self._reasoning.restore(switches.is_reasoning_open)
        if switches.is_source:
            self.show_source(True)
        self._body.wrap(switches.wrapped)
        if switches.is_tree is not None and self._json is not None:
            self._json.choose(switches.is_tree)
        if self._calls is not None:
            self._calls.restore(dict(switches.written))

    def restyle(self) -> None:
        """Colours or text size have changed."""
        self._body.restyle()
        for part in (self._reasoning, self._json, self._sources, self._calls):
            if part is not None:
                part.restyle()

    def _take(self, entry: TranscriptEntry) -> None:
        self._show_when(entry)
        self._show_json(entry)
        if entry.live is not None:
            self.advance()
        else:
            self._take_stored(entry.message)
        has_reasoning = bool(entry.message.reasoning)
        self._actions.display(
            entry.position,
            has_reasoning=has_reasoning,
            is_live=entry.live is not None,
            reading=entry.message.reading,
        )
        settled = entry.run if entry.live is None else None
        self._measures.setText(measures(settled, entry.message.reading) if settled is not None else "")
        self._show_state()
        self._show_attachments(entry.message)
        self._name()

    def _show_attachments(self, message: Message) -> None:
        """What a message holds never changes: the cards are made once."""
        if message.attachments and self._shelf is None and self._pictures is not None:
            from drover.ui.attachment_shelf import AttachmentShelf  # most messages hold nothing

            self._shelf = AttachmentShelf(self._pictures.thumbnails(), is_edited=False, parent=self)
            self._shelf.opened.connect(self.attachment_opened)
            self._shelf.display(message.attachments)
            self._shelf.stackUnder(self._body)
            self._shelf.show()

    def _take_stored(self, message: Message) -> None:
        """Brings a live message to its end, or shows a stored one; what was fed is not laid out again."""
        thought = message.reasoning
        if thought.strip() or message.is_thought_hidden:
            block = self._reasoning_block()
            shown = block.text()
            if thought.startswith(shown):
                block.feed(thought[len(shown) :])
            block.finish()
        text = message.text.lstrip("\r\n") if not self._has_answer else message.text
        shown = self._body.source
        if text.lstrip("\r\n").startswith(shown) and shown:
            self._body.feed(text.lstrip("\r\n")[len(shown) :])
            self._body.finish()
        elif text != shown:
            self._body.display(text)
        else:
            self._body.finish()
        self._has_answer = bool(text.strip())
        if self._json is not None:
            self._json.setVisible(self._has_answer)
            if self._has_answer:
                self._json.judge(message.text, may_turn=self._may_close)
        if self._entry.calls or self._calls is not None:
            self._call_block().display(self._entry.calls)
        if message.sources and self._sources is None:
            self._sources = self._made_sources(message.sources)

    def _made_sources(self, sources: Sequence[tuple[str, str]]) -> MarkdownView:
        """The pages that the server named, below the answer; they are no part of it."""
        view = MarkdownView(REASONING, text_name=self.tr("Sources"), parent=self)
        view.display(sources_markdown(sources))
        view.link_activated.connect(self.link_activated)
        view.stackUnder(self._actions)
        view.show()
        return view

    def _feed_answer(self, text: str) -> None:
        if not self._has_answer:
            # White space between the end of the thinking and the answer is not the beginning of the answer.
            text = text.lstrip("\r\n")
            self._has_answer = bool(text.strip())
        self._body.feed(text)

    def _reasoning_block(self) -> ReasoningBlock:
        if self._reasoning is None:
            block = self._reasoning = ReasoningBlock(self, pictures=self._pictures)
            block.set_display(self._reasoning_display)
            block.height_changed.connect(self.height_changed)
            block.reflowed.connect(self.reflowed)
            block.link_activated.connect(self.link_activated)
            block.action_requested.connect(self.action_requested)
            block.stackUnder(self._body)
            block.show()
            self.mark(self._marks)
            block.select(self._selected_reasoning)
        return self._reasoning

    def _show_json(self, entry: TranscriptEntry) -> None:
        """The bar above an answer that was asked for as JSON, which is shown as it was written."""
        run = entry.run
        if self._json is not None or run is None or run.parameters.response_format is None:
            return
        from drover.domain.json_verdict import asks_for_json, schema_asked_for  # few answers are asked for so
        from drover.ui.json_answer import JsonAnswer

        asked = run.parameters.response_format.value
        if asks_for_json(asked):
            self._json = JsonAnswer(schema_asked_for(asked), self)
            self._json.height_changed.connect(self.height_changed)
            self._json.stackUnder(self._body)
            self._json.show()
            self._body.show_source(True)

    def _call_block(self) -> CallBlock:
        if self._calls is None:
            from drover.ui.call_block import CallBlock  # most conversations have no calls

            block = self._calls = CallBlock(self)
            block.height_changed.connect(self.height_changed)
            block.decided.connect(self.call_decided)
            block.results_given.connect(self.results_given)
            block.results_edited.connect(self.results_edited)
            block.stackUnder(self._actions)
            block.show()
        return self._calls

    def _show_when(self, entry: TranscriptEntry) -> None:
        now = datetime.now(UTC)
        at = formats.moment(entry.message.created_at, now=now)
        parts = [entry.endpoint_name] if entry.endpoint_name else []
        if entry.live is None or entry.live.next_attempt is not None:
            parts.append(at)
        self._when.setText(", ".join(parts))

    def _name(self) -> None:
        """The message for assistive technology: once, when it is complete, never token by token.

        What follows a long beginning is read in the widgets that show it.
        """
        is_live = self._entry.live is not None
        answering = self.tr("{0}: is answering").format(self._entry.author)
        self.setAccessibleName(answering if is_live else self.plain_text(_NAMED_CHARS))

    # State

    def _show_state(self) -> None:
        """Reasoning, failure and outcome, as they stand now."""
        if self._reasoning is not None:
            self._reasoning.display(self._reasoning_state(), may_close=self._may_close)
        self._show_failure()
        self._show_outcome()
        self._schedule()

    def _reasoning_state(self) -> ReasoningState:
        live, run = self._entry.live, self._entry.run
        if live is not None:
            builder = live.builder
            start = builder.reasoning_started_s
            is_thinking = builder.is_thinking and builder.reasoning_ended_s is None
            now = time.monotonic() - live.started_at_s if is_thinking else None
            end = builder.reasoning_ended_s if builder.reasoning_ended_s is not None else now
            seconds = max(0.0, end - start) if start is not None and end is not None else None
            tokens = builder.reasoning_delta_count
            rate = tokens / seconds if seconds and seconds >= 1 else None
            if builder.is_thought_hidden:
                return ReasoningState(is_hidden=True)
            return ReasoningState(is_thinking=is_thinking, seconds=seconds, tokens=tokens, tokens_per_s=rate)
        if run is None:
            return ReasoningState(is_hidden=self._entry.message.is_thought_hidden)
        lasted = run.timing.reasoning_ms
        is_cut = run.status is RunStatus.CUT and not self._has_answer and self._calls is None
        is_hidden = self._entry.message.is_thought_hidden
        tokens_spent = run.completion_tokens if is_cut else run.reasoning_tokens
        return ReasoningState(
            is_hidden=is_hidden,
            seconds=None if lasted is None else lasted / 1000,
            tokens=tokens_spent,
            is_cut=is_cut,
            limit=raised_limit(run) if is_cut else None,
            may_think_less=is_cut and thinks_more_than_it_must(run),
        )

    def _show_failure(self) -> None:
        live, run = self._entry.live, self._entry.run
        upcoming = live.next_attempt if live is not None else None
        has_failed = live is None and run is not None and run.status is RunStatus.FAILED
        failure = run.failure if run is not None and has_failed else None
        if failure is None and upcoming is None:
            if self._failure is not None:
                self._failure.hide()
                self._failure.deleteLater()
                self._failure = None
            return
        if self._failure is None:
            self._failure = FailureCard(self)
            self._failure.action_requested.connect(self.action_requested)
            self._failure.height_changed.connect(self.height_changed)
            self._failure.stackUnder(self._actions)
            self._failure.show()
        if upcoming is not None:
            self._failure.display_next(upcoming, now_s=time.monotonic())
        elif failure is not None:
            self._failure.display(failure, free_at=self._free_at(), now=datetime.now(UTC))

    def _free_at(self) -> datetime | None:
        """Until when the server of a failed run wants to be left alone; None if it said nothing of that."""
        run = self._entry.run
        if run is None or run.failure is None or not run.failure.retry_after_s or run.settled_at is None:
            return None
        return run.settled_at + timedelta(seconds=run.failure.retry_after_s)

    def _counts_down(self) -> bool:
        """Whether a pause is about to end that a person may wait for."""
        free_at = self._free_at() if self._failure is not None and self._entry.live is None else None
        if free_at is None:
            return False
        left_s = (free_at - datetime.now(UTC)).total_seconds()
        return -2.0 < left_s < _WATCHED_S  # a tick past the end, which is told as well

    def _show_outcome(self) -> None:
        words = self._outcome_words()
        if words is None:
            if self._outcome is not None:
                self._outcome.hide()
                self._outcome.deleteLater()
                self._outcome = None
            return
        if self._outcome is None:
            self._outcome = OutcomeLine(self)
            self._outcome.action_requested.connect(self.action_requested)
            self._outcome.stackUnder(self._actions)
            self._outcome.show()
        self._outcome.display(*words)

    def _outcome_words(self) -> tuple[str, *tuple[tuple[str, str], ...]] | None:
        """A sentence and what is offered, or None where the answer is whole or the card says it."""
        run = self._entry.run
        if self._entry.live is not None:
            return self._waiting_words(self._entry.live)
        if run is None:
            return None
        retry = ("retry", self.tr("Retry"))
        match run.status:
            case RunStatus.STOPPED:
                return (self.tr("Stopped."), retry)
            case RunStatus.INTERRUPTED:
                return (self.tr("Interrupted: the program ended while this was written."), retry)
            case RunStatus.INCOMPLETE:
                told = run.failure.message.rstrip(".") + "." if run.failure is not None else ""
                return (told or self.tr("The server closed the connection before it was done."), retry)
            case RunStatus.FILTERED:
                return (self.tr("The server’s content filter ended the answer."), retry)
            case RunStatus.CUT if self._has_answer or self._calls is not None or self._reasoning is None:
                limit = run.parameters.max_tokens or run.completion_tokens
                at = (
                    self.tr("Cut off at max_tokens ({0}).").format(formats.whole(limit))
                    if limit
                    else self.tr("Cut off.")
                )
                return (
                    at,
                    ("raise_limit", self.tr("Retry with {0}").format(formats.whole(raised_limit(run)))),
                )
            case RunStatus.COMPLETE if run.failure is not None:
                told = run.failure.message.rstrip(".")
                return (f"{told}. {run.failure.hint}".rstrip(),)
            case RunStatus.COMPLETE if not self._has_answer and not self._entry.message.parts:
                return (self.tr("The answer is empty."), retry)
            case RunStatus.COMPLETE if _only_thinks(self._entry.message):
                words = self.tr("There is thinking, and no answer.")
                return (words, retry, ("read_as_answer", self.tr("Treat as the answer")))
            case _ if closing := _stray_closing(self._entry.message):
                words = self.tr("What stands before {0} may be thinking.").format(closing)
                return (words, ("read_until_closed", self.tr("Treat as thinking")))
            case _:
                return None

    def _waiting_words(self, live: LiveRun) -> tuple[str, tuple[str, str]] | None:
        """For how long nothing has come, once that is long; another try has a card of its own."""
        if live.next_attempt is not None:
            return None
        silence_s = live.silence_s(time.monotonic())
        if silence_s < _LONG_SILENCE_S:
            return None
        passed = formats.duration(int(silence_s), tenths_below_s=0)
        if live.builder.last_token_s is None:
            words = self.tr("Still waiting for {0}, {1}").format(live.run.endpoint_name, passed)
        else:
            words = self.tr("Nothing from {0} for {1}").format(live.run.endpoint_name, passed)
        return words, ("stop_retry", self.tr("Stop"))

    def showEvent(self, event: QShowEvent) -> None:
        """A reply that is seen again goes on counting."""
        super().showEvent(event)
        self._schedule()

    def _schedule(self) -> None:
        """A clock only while a person watches something count: another try, thoughts, silence, a program."""
        is_live = self._entry.live is not None
        counts = is_live or self._counts_down() or (self._calls is not None and self._calls.counts)
        if counts and is_on_screen(self):
            if not self._tick.isActive():
                self._tick.start()
        else:
            self._tick.stop()

    def _count_on(self) -> None:
        was_told = self._outcome is not None
        self._show_state()
        if self._calls is not None:
            self._calls.count_on()
        if was_told != (self._outcome is not None) or self._failure is not None:
            self.height_changed.emit()

    # Layout

    def lay_out(self, width: int) -> int:
        """The height at this width."""
        scale = theme().px
        inner = max(80, width - 2 * TEXT_INSET)
        y = scale(_PAD_TOP) if self._is_own else 0
        y = self._place_header(y, inner)
        reasoning = self._reasoning
        if reasoning is not None:
            # The toggle's own padding hangs over the text's left edge.
            height = reasoning.lay_out(inner + 8)
            reasoning.setGeometry(TEXT_INSET - 8, y, inner + 8, height)
            y += height + scale(_AFTER_OPEN_REASONING if reasoning.is_open else _BEFORE_BODY)
        if self._shelf is not None:
            height = self._shelf.lay_out(inner)
            self._shelf.setGeometry(TEXT_INSET, y + 2, inner, height)
            y += 2 + height + scale(_BEFORE_BODY)
        has_tree = self._json is not None and not self._json.isHidden() and self._json.shows_tree
        if self._json is not None and not self._json.isHidden():
            height = self._json.lay_out(inner)
            self._json.setGeometry(TEXT_INSET, y, inner, height)
            y += height
        height = self._body.lay_out(inner) if not has_tree else 0
        self._body.setVisible(not has_tree)
        self._body.setGeometry(TEXT_INSET, y, inner, height)
        y += height
        has_text = height > 0 or has_tree
        if self._sources is not None:
            y += scale(_AFTER_OPEN_REASONING)
            height = self._sources.lay_out(inner)
            self._sources.setGeometry(TEXT_INSET, y, inner, height)
            y += height
        if self._calls is not None:
            y += scale(_AFTER_OPEN_REASONING) if has_text else 0
            height = self._calls.lay_out(inner)
            self._calls.setGeometry(TEXT_INSET, y, inner, height)
            y += height
            has_text = True
        for part in (self._outcome, self._failure):
            if part is not None:
                y += scale(_BEFORE_BODY) if has_text else 0
                height = part.lay_out(inner)
                part.setGeometry(TEXT_INSET, y, inner, height)
                y += height
                has_text = True
        return self._place_footer(y, inner)

    def _place_header(self, y: int, inner: int) -> int:
        height = theme().px(_HEADER)
        author = min(self._author.sizeHint().width() + 1, inner)
        self._author.setGeometry(TEXT_INSET, y, author, height)
        left = TEXT_INSET + author + 7
        room = inner - author - 7
        if self._is_own:
            action = theme().px(_ACTION)
            actions = min(room, self._actions.lay_out())
            self._actions.setGeometry(
                TEXT_INSET + inner - actions, y + (height - action) // 2, actions, action
            )
            room -= actions
        self._when.setGeometry(left, y, max(0, room), height)
        return y + height + theme().px(_AFTER_HEADER)

    def _place_footer(self, y: int, inner: int) -> int:
        scale = theme().px
        if self._is_own:
            return y + scale(_PAD_BOTTOM)
        live = self._entry.live
        is_bare = live is not None and live.next_attempt is not None and not live.builder.delta_count
        self._actions.setVisible(not is_bare)
        if is_bare:  # nothing but a card that counts down: there is nothing to measure or to copy
            return y
        y += scale(_BEFORE_FOOTER)
        row = scale(_FOOTER)
        self._actions.setGeometry(TEXT_INSET, y, inner, row)
        room = inner - self._actions.lay_out() - 8
        needed = self._measures.sizeHint().width()
        if room >= min(needed, scale(_MEASURES_ROOM)):
            self._measures.setGeometry(0, 0, max(0, room), row)
            return y + row
        # Large text in a narrow window: the measures get a line of their own above the buttons.
        self._actions.setGeometry(TEXT_INSET, y, inner, 2 * row)
        self._measures.setGeometry(0, 0, inner, row)
        return y + 2 * row

    def reveal(self, top: int, bottom: int) -> bool:
        """Makes what lies between these heights of the message; whether a height has changed."""
        is_changed = self._body.reveal(top - self._body.y(), bottom - self._body.y())
        if self._reasoning is not None:
            offset = self._reasoning.y()
            is_changed = self._reasoning.reveal(top - offset, bottom - offset) or is_changed
        if self._sources is not None:
            offset = self._sources.y()
            is_changed = self._sources.reveal(top - offset, bottom - offset) or is_changed
        return is_changed

    def is_revealed(self, top: int, bottom: int) -> bool:
        """Whether everything between these heights of the message has been made."""
        if not self._body.is_revealed(top - self._body.y(), bottom - self._body.y()):
            return False
        sources = self._sources
        if sources is not None and not sources.is_revealed(top - sources.y(), bottom - sources.y()):
            return False
        reasoning = self._reasoning
        return reasoning is None or reasoning.is_revealed(top - reasoning.y(), bottom - reasoning.y())

    def anchor_at(self, y: int) -> Anchor:
        """The place at this height, to be found again after a layout."""
        reasoning = self._reasoning
        end = self._body.y() + self._body.height()
        if y >= end:
            return Anchor("foot", offset=y - end)
        if y >= self._body.y():
            return self._body.anchor_at(y - self._body.y(), "body")
        if reasoning is not None and y >= reasoning.y():
            thought = reasoning.body
            if thought is not None and reasoning.is_open and y - reasoning.y() >= thought.y():
                return thought.anchor_at(y - reasoning.y() - thought.y(), "reasoning")
            return Anchor("toggle", offset=y - reasoning.y())
        return Anchor("top", offset=y)

    def y_of(self, anchor: Anchor) -> int:
        """Where that place is now."""
        reasoning = self._reasoning
        if anchor.part == "foot":
            return self._body.y() + self._body.height() + anchor.offset
        if anchor.part == "body":
            return self._body.y() + self._body.y_of(anchor)
        if reasoning is not None and anchor.part == "reasoning":
            thought = reasoning.body
            if thought is not None and reasoning.is_open:
                return reasoning.y() + thought.y() + thought.y_of(anchor)
            return reasoning.y()
        if reasoning is not None and anchor.part == "toggle":
            return reasoning.y() + anchor.offset
        return anchor.offset

    def part(self, name: str) -> MarkdownView | None:
        """What shows the "body" or the "reasoning"; None where that is closed or not there."""
        if name == "body":
            return self._body
        return self._reasoning.body if self._reasoning is not None and self._reasoning.is_open else None

    def mark(self, marks: Marks | None) -> None:
        """Colours hits, also in what arrives or is opened later; None colours nothing.

        What is shown as it was written has other places: it is rendered again when a hit in it is gone to.
        """
        self._marks, message_id = marks, self._entry.message.id
        if self._json is not None and marks is not None and marks.current_in(message_id, "body"):
            self._json.show_text()
        if marks is not None and self._body.is_source and marks.current_in(message_id, "body"):
            self.source_requested.emit()
        for name, part in (("body", self._body), ("reasoning", self._reasoning)):
            if part is None:
                continue
            if marks is None or (part is self._body and part.is_source):
                part.mark(None)
            else:
                part.mark(marks.hits(message_id, name), marks.current_in(message_id, name))

    def select(self, reasoning: Range | None, body: Range | None) -> None:
        """Shows parts of its texts as selected, also what arrives or is opened later."""
        self._selected_reasoning = reasoning
        if self._reasoning is not None:
            self._reasoning.select(reasoning)
        self._body.select(body)

    def place_at(self, point: QPoint) -> tuple[str, Place]:
        """The part and the place nearest to a point; below all text, the end of it."""
        if point.y() >= self._body.y() + self._body.height():
            return "body", self._body.end()
        thought = self.part("reasoning")
        name, part = "body", self._body
        if thought is not None and point.y() < self._body.y():
            name, part = "reasoning", thought
        return name, part.place_at(part.mapFrom(self, point))

    def rect_of(self, part: str, place: Place) -> QRect:
        """The line's height at a place, empty if it is not there. The layout may change with that."""
        shown = self.part(part)
        rect = shown.rect_of(place) if shown is not None else QRect()
        return rect if shown is None or rect.isNull() else rect.translated(shown.mapTo(self, QPoint()))

    def sizeHint(self) -> QSize:
        """Its present size; the owner lays it out."""
        return self.size()

    def paintEvent(self, event: QPaintEvent) -> None:
        """The tinted block of one's own message."""
        if self._is_own:
            painter = QPainter(self)
            draw_frame(painter, QRectF(self.rect()), _RADIUS, fill=theme().color("user"))
            painter.end()

    # Actions

    def _connect_actions(self) -> None:
        actions = self._actions
        actions.copy_requested.connect(self.copy_markdown)
        actions.plain_copy_requested.connect(self._copy_plain)
        actions.reasoning_copy_requested.connect(self._copy_reasoning)
        actions.edit_requested.connect(self.edit_requested)
        actions.regenerate_requested.connect(self.regenerate_requested)
        actions.inspect_requested.connect(self.inspect_requested)
        actions.restore_requested.connect(self.restore_settings_requested)
        actions.reading_requested.connect(self.reading_requested)
        actions.tags_requested.connect(self.tags_requested)
        actions.source_requested.connect(self.source_requested)
        actions.version_requested.connect(self.version_requested)

    def copy_markdown(self) -> None:
        """Puts the message on the clipboard: its Markdown source, and rich text beside it."""
        source = self._body.source
        if not source.strip() and self._entry.calls:
            from drover.ui.shown_calls import calls_as_markdown

            source = calls_as_markdown(self._entry.calls)
        rich_copy.copy(source)

    def _copy_plain(self) -> None:
        QGuiApplication.clipboard().setText(self._body.text())

    def _copy_reasoning(self) -> None:
        if self._reasoning is not None:
            QGuiApplication.clipboard().setText(self._reasoning.text())

    def enterEvent(self, event: QEnterEvent) -> None:
        """Hover shows the actions."""
        self._actions.set_hovered(True)
        super().enterEvent(event)

    def leaveEvent(self, event: QEvent) -> None:
        """Hides them again."""
        self._actions.set_hovered(False)
        super().leaveEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Return on the message itself opens all its actions; other keys belong to the transcript."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.hasFocus():
            below = self.mapToGlobal(QPoint(TEXT_INSET, self._author.geometry().bottom()))
            self._actions.open_menu(below, is_by_key=True)
        else:
            event.ignore()

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """The same actions, where there is no text under the pointer: that is for the owner."""
        parts = [part for name in ("reasoning", "body") if (part := self.part(name)) is not None]
        is_by_mouse = event.reason() == QContextMenuEvent.Reason.Mouse
        if is_by_mouse and any(part.rect().contains(part.mapFrom(self, event.pos())) for part in parts):
            event.ignore()
        else:
            is_by_key = event.reason() is QContextMenuEvent.Reason.Keyboard
            self._actions.open_menu(event.globalPos(), is_by_key=is_by_key)

    def focusInEvent(self, event: QFocusEvent) -> None:
        """So does the keyboard."""
        self._actions.set_focused(event.reason() is not Qt.FocusReason.MouseFocusReason)
        super().focusInEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Until it goes elsewhere."""
        self._actions.set_focused(False)
        super().focusOutEvent(event)
