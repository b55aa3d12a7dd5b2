"""The conversation as it is read: messages above one another, of which only those near the view have widgets.

Every layout keeps an anchor, the message and place at the top of the view, so that text under the eye stays
where it is, whatever is measured or grows above it. Only at the very end does the view follow what arrives.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import assert_never, cast

from PySide6.QtCore import QEvent, QObject, QPoint, QRect, Qt, Signal
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

from drover.domain.conversation import Role
from drover.markdown_blocks import parse
from drover.ui import formats, rich_copy
from drover.ui.announcer import announce_begin
from drover.ui.controls import Menu, PillButton, is_keyboard_focus
from drover.ui.find_marks import Marks
from drover.ui.line_places import Anchor
from drover.ui.markdown_inline import safe_link
from drover.ui.markdown_places import Place, Range
from drover.ui.markdown_source import pieces_between
from drover.ui.markdown_view import MarkdownView
from drover.ui.message_reasoning import ReasoningDisplay
from drover.ui.message_view import TEXT_INSET, MessageView, TranscriptEntry
from drover.ui.pictures import Pictures
from drover.ui.rich_copy import Excerpt
from drover.ui.selection import PARTS, Spot, TranscriptSelection
from drover.ui.theme import theme
from drover.ui.transcript_copy import excerpts
from drover.ui.transcript_keys import Move, asked_move, tab_stop_beside
from drover.ui.transcript_scroll import PageBar, WheelTravel, is_upward

__all__ = ["TEXT_INSET", "TranscriptEntry", "TranscriptView"]

_COLUMN = 760
_MARGIN_X, _MARGIN_TOP, _MARGIN_BOTTOM, _GAP = 16, 16, 16, 16
_PILL_INSET, _PILL_BOTTOM = 8, 16
_AHEAD_PX = 400
_KEPT_VIEWS_PX = 2000
_CHAR_PX = 7.3
_MOST_PASSES = 8
_PILL_FROM_PX = 40
_STEP = 44
_RAISED_SHARE = 0.4
"""How much of the view a question at its top may take: of a longer one the end is seen."""
_HIT_MARGIN = 88
"""Hits nearer to an end of the view are brought further in: at the top lies the bar that finds them."""
_REFLOW = QEvent.Type(QEvent.registerEventType())


@dataclass(slots=True, eq=False)
class _Slot:
    """The place of one message."""

    entry: TranscriptEntry
    view: MessageView | None = None
    height: int = 0
    width: int = -1
    """For which the height holds; -1 if it is only estimated."""


@dataclass(frozen=True, slots=True)
class _Held:
    """A place that keeps its distance from the top of the view."""

    message_id: str
    place: Anchor
    below_top: int = 0


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
        self._slots: list[_Slot] = []
        self._index: dict[str, int] = {}
        self._realized: list[_Slot] = []
        self._tops: list[int] = []
        self._total = 0
        self._dirty_from = 0
        self._is_following = True
        self._raised_id = ""
        self._is_raised = False
        self._held: _Held | None = None
        self._is_adjusting = self._is_clamped = self._is_reflowing = False
        self._claims: dict[str, bool] = {}
        self._visited_id = ""
        self._travel = WheelTravel()
        self._seen_tokens = 0
        self._reasoning_display = ReasoningDisplay.AUTO
        self._marks: Marks | None = None
        self._opened_for_hits: set[str] = set()
        self._selection = TranscriptSelection(self, self)
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

    def display(self, conversation_id: str, entries: Sequence[TranscriptEntry]) -> None:
        """Shows these messages. Those already shown stay as they are, and so does the place being read;
        another conversation opens at its end."""
        if conversation_id != self._conversation_id:
            self._conversation_id = conversation_id
            for slot in self._slots:
                self._release(slot)
            self._slots, self._held = [], None
            self._raised_id, self._is_raised = "", False
            self._set_following(True)
        known = {slot.entry.message.id: slot for slot in self._slots}
        slots = []
        for entry in entries:
            slot = known.pop(entry.message.id, _Slot(entry))
            if slot.entry != entry:
                slot.entry = entry
                slot.height = 0 if slot.view is None else slot.height
                if slot.view is not None:
                    slot.view.display(entry)
            slots.append(slot)
        for slot in known.values():
            self._release(slot)
        self._slots, self._dirty_from = slots, 0
        self._index = {slot.entry.message.id: index for index, slot in enumerate(slots)}
        self._selection.forget_missing()
        if self._raised_id not in self._index:
            self._raised_id, self._is_raised = "", False
        self._lay_out()

    def shows(self, message_id: str) -> bool:
        """Whether the message is part of what is displayed."""
        return message_id in self._index

    def accessible_messages(self) -> list[str]:
        """Author and plain text of the messages near the view, in order; of a live reply what has arrived."""
        return [slot.view.plain_text() for slot in self._slots if slot.view is not None]

    def advance(self, run_id: str) -> None:
        """Takes what is new of a live run. Call it once a frame; while hidden it costs nothing."""
        if not self.isVisible():
            return
        for index in range(len(self._slots) - 1, -1, -1):
            slot = self._slots[index]
            if slot.entry.live is None or slot.entry.live.run.id != run_id:
                continue
            view = slot.view or self._make_view(index)
            view.advance(may_close=self._may_close_reasoning(view))
            self._dirty_from = min(self._dirty_from, index)
            self._lay_out()
            self._show_pill()
            return

    def follow(self) -> None:
        """Goes to the end and stays there."""
        self._set_following(True)
        self._lay_out()

    def raise_message(self, message_id: str) -> None:
        """Puts a question at the top of the view; its answer grows below it, and nothing scrolls.

        Room is left blank below where the conversation is too short for that.
        """
        self._set_following(False)
        self._raised_id, self._is_raised, self._held = message_id, True, None
        self._lay_out()

    def open_reasoning(self, message_id: str) -> None:
        """Opens the reasoning of a message, now or as soon as there is any."""
        index = self._index_of(message_id)
        if index is not None:
            (self._slots[index].view or self._make_view(index)).open_reasoning()
            self._dirty_from = min(self._dirty_from, index)
            self._lay_out()

    def set_reasoning_display(self, display: str) -> None:
        """Whether reasoning is shown by itself: open, auto or closed."""
        self._reasoning_display = ReasoningDisplay(display)
        for slot in self._slots:
            if slot.view is not None:
                slot.view.set_reasoning_display(self._reasoning_display)
        self._dirty_from = 0
        self._lay_out()

    def show_message(self, message_id: str) -> None:
        """Scrolls so that the message starts at the top of the view; the focus stays where it is."""
        index = self._index_of(message_id)
        if index is not None:
            self._scroll_to_slot(index)

    def mark(self, marks: Marks | None) -> None:
        """Colours hits in all messages; None colours nothing. To be called again when there are more."""
        self._marks = marks
        if marks is None:
            self._opened_for_hits.clear()
        for slot in self._realized:
            if slot.view is not None:
                slot.view.mark(marks)

    def reading_place(self) -> tuple[str, str, Place] | None:
        """What stands at the top of the view: message id, "reasoning" or "body", and the place in it."""
        top = self.verticalScrollBar().value()
        index = self._first_below(top)
        if index >= len(self._slots):
            return None
        slot = self._slots[index]
        if slot.view is None:
            return slot.entry.message.id, "reasoning", Place(0, 0)
        return slot.entry.message.id, *slot.view.place_at(QPoint(0, max(0, top - self._tops[index])))

    def show_place(self, message_id: str, part: str, place: Place, *, is_hit: bool = False) -> None:
        """Scrolls, no further than it must, so that a place in the "body" or the "reasoning" of a message
        can be read; reasoning is opened for it.

        What was searched for comes to stand at a third of the view if it is not in view yet; the end is then
        followed no longer, and reasoning does not count as opened by the person.
        """
        index = self._index_of(message_id)
        if index is None:
            return
        view = self._slots[index].view or self._make_view(index)
        if part == "reasoning" and view.part(part) is None:
            if is_hit and view.reasoning is not None:
                self._opened_for_hits.add(message_id)
                view.reasoning.open_found()
            else:
                view.open_reasoning()
        view.lay_out(self._column()[1])
        rect = view.rect_of(part, place)
        self._dirty_from = min(self._dirty_from, index)
        self._stack()
        self._scroll_to_rect(index, rect, is_hit=is_hit)

    # Selection; see `selection.Page`

    def count(self) -> int:
        """How many messages there are."""
        return len(self._slots)

    def id_at(self, index: int) -> str:
        """The id of a message."""
        return self._slots[index].entry.message.id

    def index_of(self, message_id: str) -> int | None:
        """Where the message stands; None if it is not shown."""
        return self._index_of(message_id)

    def view_at(self, index: int) -> MessageView:
        """What shows a message; it is made, and laid out, if need be."""
        view = self._slots[index].view
        if view is None:
            view = self._make_view(index)
            view.lay_out(self._column()[1])
            self._dirty_from = min(self._dirty_from, index)
        return view

    def views(self) -> Iterator[tuple[int, MessageView]]:
        """The messages that have a view, with their indices."""
        for slot in self._realized:
            if slot.view is not None:
                yield self._index[slot.entry.message.id], slot.view

    def spot_at(self, point: QPoint) -> Spot | None:
        """The place in a message nearest to a point of the viewport."""
        y = self.verticalScrollBar().value() + point.y()
        index = min(self._first_below(y), len(self._slots) - 1)
        if index < 0:
            return None
        view = self.view_at(index)
        return Spot(self.id_at(index), *view.place_at(QPoint(point.x() - view.x(), y - self._tops[index])))

    def line_at(self, spot: Spot) -> QRect:
        """The line's height at a place, in the viewport."""
        index = self._index_of(spot.message_id)
        if index is None:
            return QRect()
        view = self.view_at(index)
        top = self._tops[index] - self.verticalScrollBar().value()
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
        slot, is_reasoning = self._slots[index], part == "reasoning"
        entry, view = slot.entry, slot.view
        shown = view.part(part) if view is not None else None
        if is_reasoning and shown is None and (view is not None or not self._is_reasoning_open(entry)):
            return None
        source = entry.message.reasoning if is_reasoning else entry.message.text
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
        is_shown = self._reasoning_display is ReasoningDisplay.OPEN
        return bool(entry.message.reasoning) and self._claims.get(entry.message.id, is_shown)

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
        found = [self.excerpt(index, "body", (None, None)) for index in range(len(self._slots))]
        rich_copy.copy_excerpts([each for each in found if each is not None], names_authors=True)

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
        index = self._first_below(self.verticalScrollBar().value() + point.y())
        view = self._slots[index].view if index < len(self._slots) else None
        for name in PARTS:
            part = view.part(name) if view is not None else None
            if part is not None:
                inside = part.mapFrom(self.viewport(), point)
                if part.rect().contains(inside) and (link := part.link_at(inside)):
                    return part, link
        return None

    def _follow_link(self, point: QPoint) -> None:
        found = self._link_at(point)
        target = safe_link(found[1]) if found is not None else ""
        if target:
            self.link_activated.emit(target)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Copy and select, without stopping anything that streams."""
        menu = Menu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for words, act, is_offered in (
            (self.tr("Copy"), self.copy, self.has_selection),
            (self.tr("Copy as plain text"), self.copy_plain, self.has_selection),
            (self.tr("Select all"), self.select_all, bool(self._slots)),
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
        top = self.reading_place()
        return self._selection.take_key(event, Spot(*top) if top is not None else None)

    def _scroll_to_rect(self, index: int, rect: QRect, *, is_hit: bool) -> None:
        """Brings a line of a message into view; one that is far away comes to stand in the upper third."""
        height = self.viewport().height()
        margin = min(theme().px(_HIT_MARGIN if is_hit else 44), height // 4)
        y = self._tops[index] + rect.top() - self.verticalScrollBar().value()
        lowest = height - margin - rect.height()
        if not margin <= y <= lowest:
            is_far = is_hit or not -height <= y <= 2 * height
            wanted = height // 3 if is_far else margin if y < margin else lowest
            view = cast("MessageView", self._slots[index].view)
            self._set_following(False)
            place, below_top = view.anchor_at(rect.center().y()), wanted + rect.height() // 2
            self._held = _Held(self._slots[index].entry.message.id, place, below_top)
        self._lay_out()
        self._set_following(self._is_at_end() and not is_hit)

    # Layout

    def _column(self) -> tuple[int, int]:
        """(left, width) of the reading column."""
        room = self.viewport().width()
        width = min(theme().px(_COLUMN), max(120, room - 2 * _MARGIN_X))
        return (room - width) // 2, width

    def _lay_out(self) -> None:
        """Places everything around the anchor, and makes and measures what has come near the view."""
        if self._is_adjusting:
            return
        self._is_adjusting = True
        try:
            for _ in range(_MOST_PASSES):
                self._stack()
                self._apply_scroll()
                value = self.verticalScrollBar().value()
                if self._realize():
                    continue
                self._apply_scroll()  # what has got a view now says exactly where its places are
                if self.verticalScrollBar().value() == value:
                    break
            self._place_views()
        finally:
            self._is_adjusting = False
        is_held = self._held is not None and not self._is_clamped and not self._has_coarse_place()
        if not (self._is_following or self._is_raised or is_held):
            self._hold_place()
        self._bar.raise_()
        self._show_pill()

    def _stack(self) -> None:
        """Brings the tops up to date from the first slot that has changed."""
        _, width = self._column()
        first = min(self._dirty_from, len(self._slots))
        del self._tops[first:]
        y = _MARGIN_TOP
        if first:
            before = self._slots[first - 1]
            y = self._tops[first - 1] + before.height + _GAP
        for slot in self._slots[first:]:
            if slot.view is not None:
                slot.height = slot.view.lay_out(width)
                slot.width = width
            elif not slot.height:
                slot.height = self._estimate(slot.entry, width)
            self._tops.append(y)
            y += slot.height + _GAP
        self._total = y - _GAP + _MARGIN_BOTTOM if self._slots else 0
        self._dirty_from = len(self._slots)

    def _apply_scroll(self) -> None:
        bar, limit = self.verticalScrollBar(), self._limit()
        bar.setPageStep(self.viewport().height())
        bar.setRange(0, limit)
        raised = self._index_of(self._raised_id) if self._is_raised else None
        if self._is_following:
            bar.setValue(limit)
        elif raised is not None:
            bar.setValue(self._raised_value(raised))
        elif self._held is not None:
            index = self._index_of(self._held.message_id)
            if index is not None:
                view, place = self._slots[index].view, self._held.place
                inside = view.y_of(place) if view is not None else place.offset
                wanted = self._tops[index] + inside - self._held.below_top
                bar.setValue(min(limit, max(0, wanted)))
                # What is seen instead is from now on what must not move.
                self._is_clamped = bar.value() != wanted
        self._bar.follow_source()

    def _limit(self) -> int:
        """How far the page can be scrolled, with the blank room below a raised question."""
        limit = max(0, self._total - self.viewport().height())
        index = self._index_of(self._raised_id)
        return limit if index is None else max(limit, self._raised_value(index))

    def _raised_value(self, index: int) -> int:
        """The value of the bar at which this message is at the top: of a long one, its end."""
        top, share = self._tops[index] - _MARGIN_TOP, round(self.viewport().height() * _RAISED_SHARE)
        return max(0, top, self._tops[index] + self._slots[index].height - share)

    def _realize(self) -> bool:
        """Makes views near the visible part and frees distant ones; whether a height has changed."""
        top = self.verticalScrollBar().value()
        bottom = top + self.viewport().height()
        _, width = self._column()
        is_changed = False
        for index in range(self._first_below(top - _AHEAD_PX), len(self._slots)):
            slot, y = self._slots[index], self._tops[index]
            if y > bottom + _AHEAD_PX:
                break
            if slot.view is None:
                before = slot.height
                view = self._make_view(index)
                slot.height, slot.width = view.lay_out(width), width
                is_changed = is_changed or slot.height != before
            view = cast("MessageView", slot.view)
            if view.reveal(top - y - _AHEAD_PX, bottom - y + _AHEAD_PX):
                is_changed = True
            if is_changed:
                self._dirty_from = min(self._dirty_from, index)
                return True
        return False

    def _place_views(self) -> None:
        left, width = self._column()
        top = self.verticalScrollBar().value()
        height = self.viewport().height()
        for slot in self._realized[:]:
            view = slot.view
            if view is None:
                continue
            y = self._tops[self._index[slot.entry.message.id]] - top
            if (y > height + _KEPT_VIEWS_PX or y + slot.height < -_KEPT_VIEWS_PX) and self._may_release(slot):
                self._release(slot)
                continue
            geometry = (left, y, width, slot.height)
            if view.geometry().getRect() != geometry:
                view.setGeometry(*geometry)
            if view.isHidden():
                view.show()

    def _may_release(self, slot: _Slot) -> bool:
        view = slot.view
        focused = QApplication.focusWidget()
        return slot.entry.live is None and view is not None and not (focused and view.isAncestorOf(focused))

    def _first_below(self, y: int) -> int:
        """The first slot that reaches below this height."""
        index = max(0, bisect_right(self._tops, y) - 1)
        while index < len(self._slots) and self._tops[index] + self._slots[index].height < y:
            index += 1
        return index

    def _make_view(self, index: int) -> MessageView:
        slot = self._slots[index]
        view = slot.view = MessageView(
            slot.entry, self._reasoning_display, self.viewport(), pictures=self.pictures
        )
        claim = self._claims.get(slot.entry.message.id)
        if claim is not None and view.reasoning is not None:
            view.reasoning.restore(claim)
        elif slot.entry.message.id in self._opened_for_hits and view.reasoning is not None:
            view.reasoning.open_found()
        if self._marks is not None:
            view.mark(self._marks)
        if self.has_selection:
            self._selection.apply_to(index, view)
        if slot.entry.live is not None:
            announce_begin(self.viewport(), slot.entry.author)
        view.height_changed.connect(self._relay)
        view.reflowed.connect(self._reflow)
        view.link_activated.connect(self.link_activated)
        view.regenerate_requested.connect(self._pass_on)
        view.edit_requested.connect(self._pass_on_edit)
        view.inspect_requested.connect(self._pass_on_inspect)
        view.restore_settings_requested.connect(self._pass_on_restore)
        view.version_requested.connect(self._pass_on_version)
        view.action_requested.connect(self._pass_on_action)
        later = [other for other in self._realized if self._index[other.entry.message.id] > index]
        following = min(later, key=self._place_of).view if later else None
        self._realized.append(slot)
        if following is not None:
            view.stackUnder(following)  # reading order, also for assistive technology
        return view

    def _place_of(self, slot: _Slot) -> int:
        return self._index[slot.entry.message.id]

    def _release(self, slot: _Slot) -> None:
        view = slot.view
        if view is None:
            return
        if view.reasoning is not None and view.reasoning.is_claimed:
            self._claims[slot.entry.message.id] = view.reasoning.is_open
        focused = QApplication.focusWidget()
        if focused is not None and (view is focused or view.isAncestorOf(focused)):
            self.setFocus(Qt.FocusReason.OtherFocusReason)  # else it strays through the window
        slot.view = None
        self._realized.remove(slot)
        view.hide()
        view.deleteLater()

    def _estimate(self, entry: TranscriptEntry, width: int) -> int:
        text = entry.message.text
        line = theme().line_height("body")
        per_line = max(10, int((width - 2 * TEXT_INSET) / theme().px(100) * 100 / _CHAR_PX))
        lines = len(text) // per_line + text.count("\n") + 1
        extra = 46 if entry.message.role is Role.USER else 60
        if entry.message.role is Role.ASSISTANT and entry.message.reasoning:
            extra += 36
        return lines * line + theme().px(extra)

    def _relay(self) -> None:
        """A message asked for another layout, mostly because a person clicked in it: nothing above moves."""
        index = self._index_of(self._id_of(self.sender()))
        if index is None:
            return
        self._dirty_from = min(self._dirty_from, index)
        if self._is_following and self._slots[index].entry.live is None:
            # What was clicked stays under the pointer, also where the end was in view.
            self._hold_place()
            self._is_following = False
            self._lay_out()
            self._set_following(self._is_at_end())
            self._show_pill()
        else:
            self._lay_out()

    def _reflow(self) -> None:
        """Formulas of a message have come; one layout, before the next frame, for all that came at once."""
        index = self._index_of(self._id_of(self.sender()))
        if index is None:
            return
        self._dirty_from = min(self._dirty_from, index)
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
        for slot in self._slots:
            slot.width = -1
            if slot.view is not None:
                slot.view.restyle()
        self._dirty_from = 0
        self._lay_out()
        self.viewport().update()

    # Scrolling

    def scrollContentsBy(self, dx: int, dy: int) -> None:
        """A person has moved the view; moves of its own are not passed on."""
        if self._is_adjusting:
            return
        self._set_following(dy <= 0 and self._is_at_end())
        self._hold_place()
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
        if is_keyboard_focus(event) and self._slots:
            top, index = self.verticalScrollBar().value(), self._index_of(self._visited_id)
            if index is None or not -self._slots[index].height < self._tops[index] - top < self.height():
                index = len(self._slots) - 1 if self._is_following else self._first_below(top + _MARGIN_TOP)
            self._visit(min(index, len(self._slots) - 1), event.reason())

    def focusNextPrevChild(self, is_next: bool) -> bool:
        """Tab goes through the controls of one message and then leaves; keys go from message to message."""
        index, focused = self._index_with_focus(), QApplication.focusWidget()
        message = self._slots[index].view if index is not None else None
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
        self._dirty_from = 0
        self._lay_out()

    def showEvent(self, event: QShowEvent) -> None:
        """Catches up with what arrived while hidden."""
        super().showEvent(event)
        for slot in self._realized:
            if slot.view is not None:
                slot.view.advance(may_close=self._may_close_reasoning(slot.view))
        self._dirty_from = 0
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

    def _has_coarse_place(self) -> bool:
        """Whether the place was noted in pixels of a message that had no view yet, and now has one."""
        if self._held is None:
            return False
        index, place = self._index_of(self._held.message_id), self._held.place
        return (
            place.part == "top"
            and place.offset > 0
            and index is not None
            and self._slots[index].view is not None
        )

    def _hold_place(self, *, below_top: int = 0) -> None:
        """From now on keeps the text that stands so far below the top of the view where it is."""
        y = self.verticalScrollBar().value() + below_top
        index = self._first_below(y)
        if index >= len(self._slots):
            self._held = None
            return
        slot = self._slots[index]
        inside = y - self._tops[index]
        place = slot.view.anchor_at(inside) if slot.view is not None else Anchor("top", offset=inside)
        self._held = _Held(slot.entry.message.id, place, below_top)

    def step_message(self, step: int) -> None:
        """Goes to the message before (-1) or after (1) the one with the keyboard, else the one at the top of
        the view; back first to its own beginning, if that is out of sight."""
        if not self._slots:
            return
        top, index = self.verticalScrollBar().value(), self._index_with_focus()
        if index is None:
            index = min(self._first_below(top + _MARGIN_TOP), len(self._slots) - 1)
        if step > 0 or self._tops[index] >= top:
            index = min(len(self._slots) - 1, max(0, index + step))
        self._scroll_to_slot(index)
        self._visit(index, Qt.FocusReason.ShortcutFocusReason)

    def _visit(self, index: int, reason: Qt.FocusReason) -> None:
        """Gives the keyboard to a message near the view."""
        view = self._slots[index].view
        if view is not None:
            self._visited_id = self._slots[index].entry.message.id
            view.setFocus(reason)

    def _index_with_focus(self) -> int | None:
        """The message in view that has the keyboard in it."""
        widget = QApplication.focusWidget()
        while widget is not None and widget.parentWidget() is not self.viewport():
            widget = widget.parentWidget()
        if not isinstance(widget, MessageView) or not widget.geometry().intersects(self.viewport().rect()):
            return None
        return self._index_of(widget.entry.message.id)

    def _scroll_to_slot(self, index: int) -> None:
        if not 0 <= index < len(self._slots):
            return
        self._set_following(False)
        self._held = _Held(self._slots[index].entry.message.id, Anchor("top"), _MARGIN_TOP)
        self._lay_out()
        self._set_following(self._is_at_end() and index == len(self._slots) - 1)
        self._show_pill()

    def _index_of(self, message_id: str) -> int | None:
        return self._index.get(message_id)

    # The pill

    def _is_live(self) -> bool:
        return any(slot.entry.live is not None for slot in self._slots[-2:])

    def _live_tokens(self) -> int:
        return sum(
            slot.entry.live.builder.delta_count for slot in self._slots[-2:] if slot.entry.live is not None
        )

    def _show_pill(self) -> None:
        bar = self.verticalScrollBar()
        below = self._total - self.viewport().height() - bar.value()
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
