"""The conversation as it is read: messages above one another, of which only those near the view have widgets.

Every layout keeps an anchor, the message and place at the top of the view, so that text under the eye stays
where it is, whatever is measured or grows above it. Only at the very end does the view follow what arrives.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import assert_never

from PySide6.QtCore import QEvent, QObject, QPoint, QRect, Qt, QTimer, Signal
from PySide6.QtGui import (
    QAction,
    QContextMenuEvent,
    QFocusEvent,
    QGuiApplication,
    QKeyEvent,
    QKeySequence,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
    QShowEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QAbstractScrollArea, QApplication, QFrame, QWidget

from drover.domain.run import LiveRun
from drover.markdown_blocks import parse
from drover.ui import formats, rich_copy
from drover.ui.announcer import announce_begin, announce_end
from drover.ui.controls import Menu, PillButton, is_keyboard_focus
from drover.ui.entries import Entries, ListedEntries
from drover.ui.find_marks import Marks
from drover.ui.line_places import Anchor
from drover.ui.markdown_places import Place, Range
from drover.ui.markdown_source import pieces_between
from drover.ui.markdown_view import MarkdownView
from drover.ui.message_reasoning import ReasoningDisplay
from drover.ui.message_stack import MessageStack
from drover.ui.message_view import TEXT_INSET, MessageView, Switches, TranscriptEntry
from drover.ui.pictures import Pictures
from drover.ui.rich_copy import Excerpt
from drover.ui.selection import PARTS, Spot, TranscriptSelection
from drover.ui.theme import theme
from drover.ui.transcript_copy import excerpts
from drover.ui.transcript_keys import Move, asked_move, tab_stop_beside
from drover.ui.transcript_scroll import PageBar, WheelTravel, is_upward

__all__ = ["TEXT_INSET", "TranscriptEntry", "TranscriptView"]

_COLUMN = 760
_MARGIN = 16
_PILL_INSET, _PILL_BOTTOM = 8, 16
_PAGES_AHEAD, _PAGES_BEHIND = 1.25, 0.5
"""How far what will be needed next is made: where the view goes to, and where it comes from."""
_KEPT_VIEWS_PX = 2000
_MOST_STEPS = 500
_MOST_FAR = 8
"""More messages than these are freed before others are made."""
_PILL_FROM_PX = 40
_STEP = 44
_RAISED_SHARE = 0.4
"""How much of the view a question at its top may take: of a longer one the end is seen."""
_HIT_MARGIN = 88
"""Hits nearer to an end of the view are brought further in: at the top lies the bar that finds them."""
_REFLOW = QEvent.Type(QEvent.registerEventType())


@dataclass(frozen=True, slots=True)
class _Held:
    """A place that keeps its distance from the top of the view."""

    message_id: str
    place: Anchor
    below_top: int = 0
    is_passing: bool = False
    """Only until the next layout has made what stands at the top."""


class TranscriptView(QAbstractScrollArea):
    """Shows a conversation and follows its live reply.

    Signals:
        regenerate_requested(str), edit_requested(str), inspect_requested(str): a message id
        restore_settings_requested(str): take the settings of this reply
        version_requested(str, int): the version before (-1) or after (1) this message
        failure_action_requested(str, str): a message id, and one of retry, set_key, send_without, settings,
            raise_limit, lower_effort, stop_retry, retry_now
        link_activated(str): a link of scheme http, https or mailto
        writing_requested(): Escape: the keyboard goes back to where one writes
        zoom_requested(int): make text larger (1) or smaller (-1); the place under the pointer stays
    """

    regenerate_requested = Signal(str)
    edit_requested = Signal(str)
    inspect_requested = Signal(str)
    restore_settings_requested = Signal(str)
    version_requested = Signal(str, int)
    failure_action_requested = Signal(str, str)
    link_activated = Signal(str)
    writing_requested = Signal()
    zoom_requested = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.pictures = Pictures(self)
        """Those of all its messages; whoever fetches them listens to it."""
        self._conversation_id = ""
        self._stack = MessageStack(self._make_view, self._free_view)
        self._is_following = True
        self._raised_id = ""
        self._is_raised = False
        self._held: _Held | None = None
        self._is_adjusting = self._is_clamped = self._is_reflowing = False
        self._switches: dict[str, Switches] = {}  # of messages whose views are gone
        self._visited_id = ""
        self._travel = WheelTravel()
        self._seen_tokens = 0
        self._reasoning_display = ReasoningDisplay.AUTO
        self._marks: Marks | None = None
        self._opened_for_hits: set[str] = set()
        self._selection = TranscriptSelection(self, self)
        self._has_moved_up = False
        self._later = QTimer(self, singleShot=True, interval=0)
        self._later.timeout.connect(self._prepare)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._bar = PageBar(self.verticalScrollBar(), self)
        self.viewport().setAccessibleName(self.tr("Transcript"))
        self.verticalScrollBar().setSingleStep(theme().px(_STEP))
        self._pill = PillButton(self.tr("Jump to latest"), icon="arrow-down", parent=self)
        self._pill.hide()
        self._pill.clicked.connect(self.follow)
        theme().applied.connect(self._restyle)

    # Contents

    @property
    def is_following(self) -> bool:
        """Whether the end is kept in view."""
        return self._is_following

    def display(self, conversation_id: str, entries: Entries | Sequence[TranscriptEntry]) -> None:
        """Shows these messages. Those already shown stay as they are, and so does the place being read;
        another conversation opens at its end. Only messages near the view are asked for."""
        if conversation_id != self._conversation_id:
            self._conversation_id = conversation_id
            self._stack.clear()
            self._held = None
            self._raised_id, self._is_raised = "", False
            self._set_following(True)
        before = self._stack.entries.live
        self._stack.take_over(entries if isinstance(entries, Entries) else ListedEntries(entries))
        self._announce_since(before)
        self._selection.forget_missing()
        if self._stack.index_of(self._raised_id) is None:
            self._raised_id, self._is_raised = "", False
        self._lay_out()

    def _announce_since(self, before: LiveRun | None) -> None:
        """Has it said that a reply has begun, or that the one that was live before has ended."""
        entries = self._stack.entries
        live = entries.live if entries.live is not before else None
        began = self._stack.index_of(live.run.message_id) if live is not None else None
        if began is not None:
            announce_begin(self.viewport(), entries[began].author)
        ended = self._stack.index_of(before.run.message_id) if before is not None else None
        if ended is not None and (entry := entries[ended]).live is None:
            announce_end(self.viewport(), entry.author, entry.run, partial(self._told, ended))

    def _told(self, index: int) -> str:
        return self._stack.made(index).body.text()

    def shows(self, message_id: str) -> bool:
        """Whether the message is part of what is displayed."""
        return self._stack.index_of(message_id) is not None

    def accessible_messages(self) -> list[str]:
        """Author and plain text of the messages near the view, in order; of a live reply what has arrived."""
        return [view.plain_text() for view in self._stack.views]

    def advance(self, run_id: str) -> None:
        """Takes what is new of a live run. Call it once a frame; while hidden it costs nothing."""
        live = self._stack.entries.live
        index = self._stack.index_of(live.run.message_id) if live is not None else None
        if live is None or live.run.id != run_id or index is None or not self.isVisible():
            return
        view = self._stack.made(index)
        view.advance(may_close=self._may_close_reasoning(view))
        self._stack.measure(index)
        self._lay_out()
        self._show_pill()

    def follow(self) -> None:
        """Goes to the end and stays there."""
        self._set_following(True)
        self._lay_out()

    def stay(self) -> None:
        """Follows the end no longer: what is in view stays, whatever comes below."""
        if self._is_following:
            self._set_following(False)
            self._hold_place()

    def raise_message(self, message_id: str) -> None:
        """Puts a question at the top of the view; its answer grows below it, and nothing scrolls.

        Room is left blank below where the conversation is too short for that.
        """
        self._set_following(False)
        self._raised_id, self._is_raised, self._held = message_id, True, None
        self._lay_out()

    def open_reasoning(self, message_id: str) -> None:
        """Opens the reasoning of a message, now or as soon as there is any."""
        index = self._stack.index_of(message_id)
        if index is not None:
            self._stack.made(index).open_reasoning()
            self._stack.measure(index)
            self._lay_out()

    def set_reasoning_display(self, display: str) -> None:
        """Whether reasoning is shown by itself: open, auto or closed."""
        self._reasoning_display = ReasoningDisplay(display)
        for view in self._stack.views:
            view.set_reasoning_display(self._reasoning_display)
        self._stack.invalidate_all()
        self._lay_out()

    def show_message(self, message_id: str) -> None:
        """Scrolls so that the message starts at the top of the view; the focus stays where it is."""
        index = self._stack.index_of(message_id)
        if index is not None:
            self._scroll_to_message(index)

    def mark(self, marks: Marks | None) -> None:
        """Colours hits in all messages; None colours nothing. To be called again when there are more."""
        self._marks = marks
        if marks is None:
            self._opened_for_hits.clear()
        for view in self._stack.views:
            view.mark(marks)

    def reading_place(self) -> tuple[str, str, Place] | None:
        """What stands at the top of the view: message id, "reasoning" or "body", and the place in it."""
        top = self.verticalScrollBar().value()
        index = self._stack.first_below(top)
        if index >= len(self._stack):
            return None
        view = self._stack.view_at(index)
        if view is None:
            return self._stack.id_at(index), "reasoning", Place(0, 0)
        return self._stack.id_at(index), *view.place_at(QPoint(0, max(0, top - self._stack.top_of(index))))

    def show_place(self, message_id: str, part: str, place: Place, *, hit_end: Place | None = None) -> None:
        """Scrolls, no further than it must, so that a place in the "body" or the "reasoning" of a message
        can be read; reasoning is opened for it.

        A hit of a search, which has an end, comes to stand at a third of the view if it is not in view yet;
        the end is then followed no longer, and reasoning does not count as opened by the person.
        """
        index = self._stack.index_of(message_id)
        if index is None:
            return
        view = self._stack.made(index)
        if part == "reasoning" and view.part(part) is None:
            if hit_end is not None and view.reasoning is not None:
                self._opened_for_hits.add(message_id)
                view.reasoning.open_found()
            else:
                view.open_reasoning()
        self._stack.measure(index)
        if hit_end is not None:
            view.rect_of(part, hit_end)  # what scrolls sideways shows both ends, if it can
        rect = view.rect_of(part, place)
        self._stack.measure(index)
        self._scroll_to_rect(index, rect, is_hit=hit_end is not None)

    # Selection; see `selection.Page`

    def count(self) -> int:
        """How many messages there are."""
        return len(self._stack)

    def id_at(self, index: int) -> str:
        """The id of a message."""
        return self._stack.id_at(index)

    def index_of(self, message_id: str) -> int | None:
        """Where the message stands; None if it is not shown."""
        return self._stack.index_of(message_id)

    def view_at(self, index: int) -> MessageView:
        """What shows a message; it is made, and laid out, if need be."""
        if self._stack.view_at(index) is None:
            self._stack.measure(index)
        return self._stack.made(index)

    def views(self) -> Iterator[tuple[int, MessageView]]:
        """The messages that have a view, with their indices."""
        for index in list(self._stack.realized):
            yield index, self._stack.made(index)

    def spot_at(self, point: QPoint) -> Spot | None:
        """The place in a message nearest to a point of the viewport."""
        y = self.verticalScrollBar().value() + point.y()
        index = min(self._stack.first_below(y), len(self._stack) - 1)
        if index < 0:
            return None
        view = self.view_at(index)
        inside = QPoint(point.x() - view.x(), y - self._stack.top_of(index))
        return Spot(self.id_at(index), *view.place_at(inside))

    def line_at(self, spot: Spot) -> QRect:
        """The line's height at a place, in the viewport."""
        index = self._stack.index_of(spot.message_id)
        if index is None:
            return QRect()
        view = self.view_at(index)
        top = self._stack.top_of(index) - self.verticalScrollBar().value()
        return view.rect_of(spot.part, spot.place).translated(view.x(), top)

    def height_in_view(self) -> int:
        """Of what can be seen."""
        return self.viewport().height()

    def scroll_by(self, pixels: int) -> int:
        """Scrolls down, or up; by how much it did."""
        bar = self.verticalScrollBar()
        before = bar.value()
        bar.setValue(before + pixels)
        return bar.value() - before

    def hold_still(self) -> None:
        """Stops following what arrives."""
        if self._is_following and self._is_live():
            self._set_following(False)
            self._hold_place()
            self._show_pill()

    def excerpt(self, index: int, part: str, selected: Range) -> Excerpt | None:
        """What of a part of a message lies between two places; None if that is nothing, or not shown."""
        view, is_reasoning = self._stack.view_at(index), part == "reasoning"
        entry = view.entry if view is not None else self._stack.entries[index]
        shown = view.part(part) if view is not None else None
        if is_reasoning and shown is None and (view is not None or not self._is_reasoning_open(entry)):
            return None
        source = entry.message.reasoning if is_reasoning else entry.message.text
        if shown is not None and shown.is_source:
            source = shown.source_between(*selected)
            return Excerpt(author=entry.author, source=source) if source.strip() else None
        if shown is not None and entry.live is not None:
            source = shown.source
        author = self.tr("{0}, reasoning").format(entry.author) if is_reasoning else entry.author
        if selected == (None, None):
            return Excerpt(author=author, source=source) if source.strip() else None
        blocks = shown.blocks() if shown is not None else parse(source)
        settled = shown.settled_count if shown is not None else None
        pieces = pieces_between(blocks, *selected, settled_count=settled)
        if len(pieces) == len(blocks) > 1 and pieces[0].is_whole and pieces[-1].is_whole:
            return Excerpt(author=author, source=source)
        return Excerpt(author=author, source=source, pieces=pieces) if pieces else None

    def _is_reasoning_open(self, entry: TranscriptEntry) -> bool:
        """Whether the reasoning of a message without a view would be open."""
        switches = self._switches.get(entry.message.id)
        is_open = switches.is_reasoning_open if switches is not None else None
        if is_open is None:
            is_open = self._reasoning_display is ReasoningDisplay.OPEN
        return is_open and bool(entry.message.reasoning)

    @property
    def has_selection(self) -> bool:
        """Whether there is something to copy."""
        return not self._selection.is_empty

    def select_all(self) -> None:
        """Selects the conversation."""
        self._selection.select_all()

    def copy(self) -> None:
        """Puts what is selected on the clipboard, as Markdown and as rich text."""
        self._copy_with(rich_copy.copy_excerpts)

    def copy_plain(self) -> None:
        """Puts what is selected on the clipboard without markup."""
        self._copy_with(rich_copy.copy_plain)

    def copy_conversation(self) -> None:
        """Puts all messages on the clipboard with their authors, without reasoning."""
        found = [self.excerpt(index, "body", (None, None)) for index in range(len(self._stack))]
        rich_copy.copy_excerpts([each for each in found if each is not None], names_authors=True)

    def selected_line(self) -> str:
        """What is selected, without markup, if it lies in one line; else nothing."""
        ends = self._selection.ends()
        if ends is None or (ends[0].message_id, ends[0].part) != (ends[1].message_id, ends[1].part):
            return ""
        if ends[0].place.block != ends[1].place.block:
            return ""
        text = rich_copy.as_plain(excerpts(self, ends)).strip()
        return "" if "\n" in text else text

    def _copy_with(self, copy: Callable[[list[Excerpt]], None]) -> None:
        ends = self._selection.ends()
        found = excerpts(self, ends) if ends is not None else []
        if found:
            copy(found)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """What no button or bar has taken: a click, or the beginning of a selection."""
        if event.button() != Qt.MouseButton.LeftButton:
            event.ignore()
            return
        extends = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        self._selection.press(event.position().toPoint(), extends=extends)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Selects the word."""
        if event.button() == Qt.MouseButton.LeftButton:
            self._selection.press(event.position().toPoint(), is_double=True)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """A drag selects, also across messages."""
        if event.buttons() & Qt.MouseButton.LeftButton:
            self._selection.drag(event.position().toPoint())

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """A click that did not select follows the link under it."""
        if event.button() == Qt.MouseButton.LeftButton and self._selection.release():
            self._follow_link(event.position().toPoint())

    def _link_at(self, point: QPoint) -> tuple[MarkdownView, str] | None:
        view = self._stack.view_at(self._stack.first_below(self.verticalScrollBar().value() + point.y()))
        for name in PARTS:
            part = view.part(name) if view is not None else None
            if part is not None:
                inside = part.mapFrom(self.viewport(), point)
                if part.rect().contains(inside) and (link := part.link_at(inside)):
                    return part, link
        return None

    def _follow_link(self, point: QPoint) -> None:
        found = self._link_at(point)
        if found is not None:
            found[0].follow_link_at(found[0].mapFrom(self.viewport(), point))

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Copy and select, without stopping anything that streams."""
        menu = Menu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for words, act, is_offered in (
            (self.tr("Copy"), self.copy, self.has_selection),
            (self.tr("Copy as plain text"), self.copy_plain, self.has_selection),
            (self.tr("Select all"), self.select_all, len(self._stack) > 0),
        ):
            action = QAction(words, menu)
            action.setEnabled(is_offered)
            action.triggered.connect(act)
            menu.addAction(action)
        found = self._link_at(event.pos())
        if found is not None:
            address = QAction(self.tr("Copy the address of the link"), menu)
            address.triggered.connect(partial(QGuiApplication.clipboard().setText, found[1]))
            menu.addAction(address)
        menu.popup(event.globalPos())

    def _take_selecting_key(self, event: QKeyEvent) -> bool:
        """Whether a key was about the selection."""
        if event.matches(QKeySequence.StandardKey.Copy):
            self.copy()
            return self.has_selection
        index = self._index_with_focus()
        if index is not None:
            self._selection.go_to_message(self.id_at(index))
        top = self.reading_place()
        return self._selection.take_key(event, Spot(*top) if top is not None else None)

    def _scroll_to_rect(self, index: int, rect: QRect, *, is_hit: bool) -> None:
        """Brings a line of a message into view; one that is far away comes to stand in the upper third."""
        height = self.viewport().height()
        margin = min(theme().px(_HIT_MARGIN if is_hit else 44), height // 4)
        y = self._stack.top_of(index) + rect.top() - self.verticalScrollBar().value()
        lowest = height - margin - rect.height()
        if not margin <= y <= lowest:
            is_far = is_hit or not -height <= y <= 2 * height
            wanted = height // 3 if is_far else margin if y < margin else lowest
            self._set_following(False)
            place = self._stack.made(index).anchor_at(rect.center().y())
            self._held = _Held(self._stack.id_at(index), place, wanted + rect.height() // 2)
        elif is_hit and self._is_following:
            self._set_following(False)
            self._hold_place()
        self._lay_out()
        if not is_hit:
            self._set_following(self._is_at_end())

    # Layout

    def _column(self) -> tuple[int, int]:
        """(left, width) of the reading column."""
        room = self.viewport().width()
        width = min(theme().px(_COLUMN), max(120, room - 2 * _MARGIN))
        return (room - width) // 2, width

    def _lay_out(self) -> None:
        """Places everything around what is held; what has come into view is made and measured first."""
        if self._is_adjusting:
            return
        self._is_adjusting = True
        try:
            left, width = self._column()
            self._stack.set_width(width)
            top = self._bring_into_view()
            self._apply_scroll(top)
            self._stack.place(left, top)
        finally:
            self._is_adjusting = False
        is_held = self._held is not None and not self._is_clamped and not self._is_held_loosely()
        if not (self._is_following or self._is_raised or is_held):
            self._hold_place()
        self._bar.raise_()
        self._show_pill()
        if not self._later.isActive() and self.isVisible() and self._next_step() is not None:
            self._later.start()

    def _bring_into_view(self) -> int:
        """Makes what can be seen, from the held place outwards, so that no message is made that then turns
        out to be out of view. Returns the height at which the view begins."""
        height = self.viewport().height()
        for _ in range(_MOST_STEPS):
            top = self._wanted_top()
            index = self._next_unready(top, top + height)
            if index is None:
                return top
            self._stack.make_ready(index, top, top + height)
        return self._wanted_top()

    def _wanted_top(self) -> int:
        """Where the view has to begin, by the heights known so far."""
        limit, stack, held = self._limit(), self._stack, self._held
        raised = stack.index_of(self._raised_id) if self._is_raised else None
        index = stack.index_of(held.message_id) if held is not None else None
        if self._is_following:
            return limit
        if raised is not None:
            return self._raised_value(raised)
        if held is None or index is None:
            return min(limit, self.verticalScrollBar().value())
        view = stack.view_at(index)
        inside = view.y_of(held.place) if view is not None else held.place.offset
        wanted = stack.top_of(index) + inside - held.below_top
        top = min(limit, max(0, wanted))
        self._is_clamped = top != wanted  # what is seen instead is from now on what must not move
        return top

    def _next_unready(self, top: int, bottom: int) -> int | None:
        """Of the messages between these heights the one nearest to the held place that is not made."""
        near, is_ready = self._within(top, bottom), self._stack.is_ready
        return next((index for index in near if not is_ready(index, top, bottom)), None)

    def _within(self, top: int, bottom: int) -> Iterator[int]:
        """The messages between these heights: from the held place downwards, then from it upwards."""
        count = len(self._stack)
        if not count:
            return iter(())
        held_id = self._raised_id if self._is_raised else self._held.message_id if self._held else ""
        held = None if self._is_following else self._stack.index_of(held_id)
        origin = count - 1 if held is None else held
        first, last = self._stack.first_below(top), min(self._stack.first_below(bottom), count - 1)
        return chain(range(max(first, origin), last + 1), range(min(last, origin - 1), first - 1, -1))

    def _apply_scroll(self, top: int) -> None:
        bar = self.verticalScrollBar()
        bar.setPageStep(self.viewport().height())
        bar.setRange(0, self._limit())
        bar.setValue(top)
        self._bar.follow_source()

    def _limit(self) -> int:
        """How far the page can be scrolled, with the blank room below a raised question."""
        limit = max(0, self._stack.total - self.viewport().height())
        index = self._stack.index_of(self._raised_id)
        return limit if index is None else max(limit, self._raised_value(index))

    def _raised_value(self, index: int) -> int:
        """The value of the bar at which this message is at the top: of a long one, its end."""
        top, share = self._stack.top_of(index), round(self.viewport().height() * _RAISED_SHARE)
        return max(0, top - _MARGIN, top + self._stack.height_of(index) - share)

    # What will be needed next, one step in each turn of the event loop

    def _prepare(self) -> None:
        """Makes a message that is about to come into view, or frees one that is far away."""
        step = self._next_step()
        if step is not None:
            step()
            self._lay_out()

    def _next_step(self) -> Callable[[], None] | None:
        """What to do before the view is moved again; None if all is as it should be."""
        top = self.verticalScrollBar().value()
        height = self.viewport().height()
        bottom, ahead, behind = top + height, int(_PAGES_AHEAD * height), int(_PAGES_BEHIND * height)
        goes_up = top > 0 and (self._has_moved_up or self._is_following)
        above = max(0, top - (ahead if goes_up else behind)), top
        below = bottom, bottom + (behind if goes_up else ahead)
        far = [index for index in self._stack.realized if self._is_far(index, top, bottom)]
        if len(far) > _MOST_FAR:
            return partial(self._release, far)
        for start, end in (above, below) if goes_up else (below, above):
            index = self._next_unready(start, end)
            if index is not None:
                return partial(self._stack.make_ready, index, start, end)
        return partial(self._release, far) if far else None

    def _is_far(self, index: int, top: int, bottom: int) -> bool:
        """Whether a message is far from the view and nothing needs its widget."""
        y = self._stack.top_of(index)
        if y <= bottom + _KEPT_VIEWS_PX and y + self._stack.height_of(index) >= top - _KEPT_VIEWS_PX:
            return False
        view, focused = self._stack.made(index), QApplication.focusWidget()
        return view.entry.live is None and not (focused and view.isAncestorOf(focused))

    def _release(self, indices: Sequence[int]) -> None:
        for index in indices[:_MOST_FAR]:
            self._stack.release(index)

    def _make_view(self, entry: TranscriptEntry) -> MessageView:
        message_id = entry.message.id
        view = MessageView(entry, self._reasoning_display, self.viewport(), pictures=self.pictures)
        if message_id in self._opened_for_hits and view.reasoning is not None:
            view.reasoning.open_found()
        view.restore(self._switches.pop(message_id, Switches()))
        if self._marks is not None:
            view.mark(self._marks)
        index = self._stack.index_of(message_id)
        if self.has_selection and index is not None:
            self._selection.apply_to(index, view)
        view.height_changed.connect(self._relay)
        view.reflowed.connect(self._reflow)
        view.link_activated.connect(self.link_activated)
        view.source_requested.connect(self._turn_source)
        view.footnote_requested.connect(self._show_footnote)
        view.regenerate_requested.connect(self._pass_on)
        view.edit_requested.connect(self._pass_on_edit)
        view.inspect_requested.connect(self._pass_on_inspect)
        view.restore_settings_requested.connect(self._pass_on_restore)
        view.version_requested.connect(self._pass_on_version)
        view.action_requested.connect(self._pass_on_action)
        return view

    def _free_view(self, view: MessageView) -> None:
        if view.switches != Switches():
            self._switches[view.entry.message.id] = view.switches
        focused = QApplication.focusWidget()
        if focused is not None and (view is focused or view.isAncestorOf(focused)):
            self.setFocus(Qt.FocusReason.OtherFocusReason)  # else it strays through the window
        view.hide()
        view.deleteLater()

    def _relay(self) -> None:
        """A message asked for another layout, mostly because a person clicked in it: nothing above moves."""
        index = self._stack.index_of(self._id_of(self.sender()))
        if index is None:
            return
        if self._is_following and self._stack.made(index).entry.live is None:
            # What was clicked stays under the pointer, also where the end was in view.
            self._hold_place()
            self._is_following = False
            self._stack.measure(index)
            self._lay_out()
            self._set_following(self._is_at_end())
            self._show_pill()
        else:
            self._stack.measure(index)
            self._lay_out()

    def _show_footnote(self, place: Place) -> None:
        self.show_place(self._id_of(self.sender()), "body", place)

    def _turn_source(self) -> None:
        """Shows a message as it was written, or rendered again; what is at the top stays there."""
        message_id = self._id_of(self.sender())
        index = self._stack.index_of(message_id)
        if index is None:
            return
        view, y = self._stack.made(index), self.verticalScrollBar().value() - self._stack.top_of(index)
        body = view.body
        share = (y - body.y()) / max(1, body.height())
        self._selection.clear()
        view.show_source(not body.is_source)
        self._stack.measure(index)
        if view.entry.live is None or not self._is_following:
            self._set_following(False)
            place = Anchor("top") if share < 0 else view.anchor_at(body.y() + round(share * body.height()))
            self._held = _Held(message_id, place, -y if share < 0 else 0)
        self._lay_out()
        self._set_following(self._is_following or self._is_at_end())

    def _reflow(self) -> None:
        """Formulas of a message have come; one layout, before the next frame, for all that came at once."""
        index = self._stack.index_of(self._id_of(self.sender()))
        if index is None:
            return
        self._stack.invalidate(index)
        if not self._is_reflowing:
            self._is_reflowing = True
            QApplication.postEvent(self, QEvent(_REFLOW))  # unlike a timer's it comes before the next frame

    def customEvent(self, event: QEvent) -> None:
        """Lays out what has changed since the last turn of the event loop."""
        if event.type() == _REFLOW:
            self._is_reflowing = False
            self._lay_out()

    def _restyle(self) -> None:
        self.verticalScrollBar().setSingleStep(theme().px(_STEP))
        for view in self._stack.views:
            view.restyle()
        self._stack.invalidate_all()
        self._lay_out()
        self.viewport().update()

    # Scrolling

    def scrollContentsBy(self, dx: int, dy: int) -> None:
        """A person has moved the view; moves of its own are not passed on."""
        if self._is_adjusting:
            return
        self._has_moved_up = dy > 0
        self._set_following(dy <= 0 and self._is_at_end())
        # By so much the text that was at the top has moved, whatever height what comes into view turns out
        # to have. After a jump that text says nothing, and the beginning is the beginning.
        is_near = abs(dy) <= 2 * self.viewport().height() and self.verticalScrollBar().value() > 0
        self._hold_place(below_top=dy if is_near else 0, is_passing=True)
        self._lay_out()

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Any upward turn detaches from the end, even before it has moved the view."""
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self._zoom(event)
            return
        bar = self.verticalScrollBar()
        pixels = self._travel.pixels(event, bar.singleStep())
        if is_upward(event) and bar.value() > 0 and self._is_following:
            self._set_following(False)
            self._hold_place()
        if pixels:
            bar.setValue(bar.value() - pixels)
        if pixels < 0 and self._is_at_end() and not self._is_raised:
            self._set_following(True)
            self._show_pill()

    def _zoom(self, event: QWheelEvent) -> None:
        """Turns of the wheel with Ctrl change the text size around the pointer."""
        clicks = self._travel.notches(event)
        if not clicks:
            return
        if not self._is_following or not self._is_live():
            self._set_following(False)
            self._hold_place(below_top=round(event.position().y()))
        self.zoom_requested.emit(1 if clicks > 0 else -1)
        self._set_following(self._is_following or (self._is_at_end() and not self._is_raised))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Keys that a message does not want itself."""
        if self._take_selecting_key(event):
            return
        move = asked_move(event)
        if move is None:
            event.ignore()
            return
        bar, page = self.verticalScrollBar(), self.viewport().height() - theme().px(_STEP)
        match move:
            case Move.LINE_UP | Move.LINE_DOWN:
                bar.setValue(bar.value() + bar.singleStep() * (-1 if move is Move.LINE_UP else 1))
            case Move.PAGE_UP | Move.PAGE_DOWN:
                bar.setValue(bar.value() + page * (-1 if move is Move.PAGE_UP else 1))
            case Move.START:
                bar.setValue(0)
            case Move.END:
                self.follow()
            case Move.PREVIOUS_MESSAGE | Move.NEXT_MESSAGE:
                self.step_message(-1 if move is Move.PREVIOUS_MESSAGE else 1)
            case Move.LEAVE:
                self.writing_requested.emit()
            case _:
                assert_never(move)

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Whoever comes by the keyboard stands on a message: the last one looked at, if it is in view."""
        super().focusInEvent(event)
        stack = self._stack
        if is_keyboard_focus(event) and len(stack):
            top, index = self.verticalScrollBar().value(), stack.index_of(self._visited_id)
            if index is None or not -stack.height_of(index) < stack.top_of(index) - top < self.height():
                index = len(stack) - 1 if self._is_following else stack.first_below(top + _MARGIN)
            self._visit(min(index, len(stack) - 1), event.reason())

    def focusNextPrevChild(self, is_next: bool) -> bool:
        """Tab goes through the controls of one message and then leaves; keys go from message to message."""
        index, focused = self._index_with_focus(), QApplication.focusWidget()
        message = self._stack.made(index) if index is not None else None
        if index is not None and focused is not None and message is not None:
            target = tab_stop_beside(message, focused, 1 if is_next else -1)
            if target is not None:
                reasons = Qt.FocusReason
                target.setFocus(reasons.TabFocusReason if is_next else reasons.BacktabFocusReason)
                if target is not message:
                    place = QRect(target.mapTo(message, QPoint()), target.size())
                    self._scroll_to_rect(index, place, is_hit=False)
                return True
        return super().focusNextPrevChild(is_next)

    def viewportEvent(self, event: QEvent) -> bool:
        """Keys that a message did not want come here."""
        if event.type() == QEvent.Type.LayoutRequest:
            return True
        return super().viewportEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Another width: what is in view is laid out again, the rest when it is next seen."""
        super().resizeEvent(event)
        self._bar.setGeometry(QRect(self.width() - PageBar.WIDTH, 0, PageBar.WIDTH, self.height()))
        self._lay_out()

    def showEvent(self, event: QShowEvent) -> None:
        """Catches up with what arrived while hidden."""
        super().showEvent(event)
        live = self._stack.entries.live
        if live is not None:
            self.advance(live.run.id)
        self._lay_out()

    def paintEvent(self, event: QPaintEvent) -> None:
        """The page."""
        painter = QPainter(self.viewport())
        painter.fillRect(event.rect(), theme().color("page"))
        painter.end()

    def _is_at_end(self) -> bool:
        bar = self.verticalScrollBar()
        return bar.value() >= bar.maximum() - 1

    def _set_following(self, is_following: bool) -> None:
        self._is_raised = False
        if is_following == self._is_following:
            return
        self._is_following = is_following
        self._seen_tokens = self._live_tokens()

    def _may_close_reasoning(self, view: MessageView) -> bool:
        """Whether reasoning may close by itself: not while a person has scrolled to where it is."""
        if self._is_following or self._is_raised or view.reasoning is None:
            return True
        top = view.y() + view.reasoning.y()
        return top + view.reasoning.height() < 0 or top > self.viewport().height()

    def _is_held_loosely(self) -> bool:
        """Whether the place was only held until it, or what stands at the top, has a view."""
        if self._held is None or self._held.is_passing:
            return True
        index, place = self._stack.index_of(self._held.message_id), self._held.place
        is_made = index is not None and self._stack.view_at(index) is not None
        return place.part == "top" and place.offset > 0 and is_made

    def _hold_place(self, *, below_top: int = 0, is_passing: bool = False) -> None:
        """From now on keeps the text that stands so far below the top of the view where it is."""
        y = self.verticalScrollBar().value() + below_top
        index = self._stack.first_below(y)
        if index >= len(self._stack):
            self._held = None
            return
        view, inside = self._stack.view_at(index), y - self._stack.top_of(index)
        place = view.anchor_at(inside) if view is not None else Anchor("top", offset=inside)
        self._held = _Held(self._stack.id_at(index), place, below_top, is_passing)

    def step_message(self, step: int) -> None:
        """Goes to the message before (-1) or after (1) the one with the keyboard, else the one at the top of
        the view; back first to its own beginning, if that is out of sight."""
        last = len(self._stack) - 1
        if last < 0:
            return
        top, index = self.verticalScrollBar().value(), self._index_with_focus()
        if index is None:
            index = min(self._stack.first_below(top + _MARGIN), last)
        if step > 0 or self._stack.top_of(index) >= top:
            index = min(last, max(0, index + step))
        self._scroll_to_message(index)
        self._visit(index, Qt.FocusReason.ShortcutFocusReason)

    def _visit(self, index: int, reason: Qt.FocusReason) -> None:
        """Gives the keyboard to a message near the view."""
        self._visited_id = self._stack.id_at(index)
        self._stack.made(index).setFocus(reason)

    def _index_with_focus(self) -> int | None:
        """The message in view that has the keyboard in it."""
        widget = QApplication.focusWidget()
        while widget is not None and widget.parentWidget() is not self.viewport():
            widget = widget.parentWidget()
        if not isinstance(widget, MessageView) or not widget.geometry().intersects(self.viewport().rect()):
            return None
        return self._stack.index_of(widget.entry.message.id)

    def _scroll_to_message(self, index: int) -> None:
        self._set_following(False)
        self._held = _Held(self._stack.id_at(index), Anchor("top"), _MARGIN)
        self._lay_out()
        self._set_following(self._is_at_end() and index == len(self._stack) - 1)
        self._show_pill()

    # The pill

    def _is_live(self) -> bool:
        return self._stack.entries.live is not None

    def _live_tokens(self) -> int:
        live = self._stack.entries.live
        return live.builder.delta_count if live is not None else 0

    def _show_pill(self) -> None:
        bar = self.verticalScrollBar()
        below = self._stack.total - self.viewport().height() - bar.value()
        is_live = self._is_live()
        far = _PILL_FROM_PX if is_live else self.viewport().height() // 2
        is_wanted = not self._is_following and below > far
        if is_wanted and is_live:
            new = max(0, self._live_tokens() - self._seen_tokens)
            one = self.tr("1 new token")
            many = self.tr("{0} new tokens").format(formats.whole(new))
            self._pill.set_detail("" if not new else one if new == 1 else many)
        elif is_wanted:
            self._pill.set_detail("")
        if is_wanted:
            self._place_pill()
        self._pill.setVisible(is_wanted)

    def _place_pill(self) -> None:
        size = self._pill.sizeHint()
        left, width = self._column()
        margin = (size.height() - theme().px(28)) // 2
        x = left + width - _PILL_INSET - size.width() + margin
        y = self.viewport().height() - _PILL_BOTTOM - size.height() + margin
        self._pill.setGeometry(max(0, x), y, size.width(), size.height())

    # Signals of messages

    def _id_of(self, view: QObject | None) -> str:
        return view.entry.message.id if isinstance(view, MessageView) else ""

    def _pass_on(self) -> None:
        self.regenerate_requested.emit(self._id_of(self.sender()))

    def _pass_on_edit(self) -> None:
        self.edit_requested.emit(self._id_of(self.sender()))

    def _pass_on_inspect(self) -> None:
        self.inspect_requested.emit(self._id_of(self.sender()))

    def _pass_on_restore(self) -> None:
        self.restore_settings_requested.emit(self._id_of(self.sender()))

    def _pass_on_version(self, step: int) -> None:
        self.version_requested.emit(self._id_of(self.sender()), step)

    def _pass_on_action(self, action: str) -> None:
        self.failure_action_requested.emit(self._id_of(self.sender()), action)
