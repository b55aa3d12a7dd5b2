"""A page of messages that scrolls: which of them are made, what stays in its place, what follows the end.

Every layout keeps an anchor, the message and place at the top of the view, so that text under the eye stays
where it is, whatever is measured or grows above it. Only at the very end does the view follow what arrives.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain

from PySide6.QtCore import QEvent, QRect, Qt, QTimer, Signal
from PySide6.QtGui import QPainter, QPaintEvent, QResizeEvent, QWheelEvent
from PySide6.QtWidgets import QAbstractScrollArea, QApplication, QFrame, QWidget

from drover.ui import formats
from drover.ui.controls import PillButton
from drover.ui.entries import Entries
from drover.ui.line_places import Anchor
from drover.ui.message_stack import MessageStack
from drover.ui.message_view import MessageView, TranscriptEntry
from drover.ui.theme import theme
from drover.ui.transcript_scroll import PageBar, WheelTravel, is_upward

MARGIN = 16
"""Above a message that is gone to."""
_COLUMN = 760
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


class MessagePage(QAbstractScrollArea):
    """Messages above one another, of which only those near the view have widgets.

    At each moment it does one of three things: it follows the end, keeps a question raised to its top, or
    holds a place. Whoever derives from it makes the views and says what is in the stack.

    Signals:
        zoom_requested(int): make text larger (1) or smaller (-1); the place under the pointer stays
    """

    zoom_requested = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._stack = MessageStack(self._make_view, self._free_view)
        self._is_following = True
        self._raised_id = ""
        self._is_raised = False
        self._held: _Held | None = None
        self._is_adjusting = self._is_clamped = self._is_reflowing = False
        self._travel = WheelTravel()
        self._seen_tokens = 0
        self._has_moved_up = False
        self._later = QTimer(self, singleShot=True, interval=0)
        self._later.timeout.connect(self._prepare)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._bar = PageBar(self.verticalScrollBar(), self)
        self.verticalScrollBar().setSingleStep(theme().px(_STEP))
        self._pill = PillButton(self.tr("Jump to latest"), icon="arrow-down", parent=self)
        self._pill.hide()
        self._pill.clicked.connect(self.follow)
        theme().applied.connect(self._restyle)

    def _make_view(self, entry: TranscriptEntry) -> MessageView:
        """The widget of a message, which is now needed."""
        raise NotImplementedError

    def _free_view(self, view: MessageView) -> None:
        """Deletes the widget of a message."""
        raise NotImplementedError

    # What stays where it is

    @property
    def is_following(self) -> bool:
        """Whether the end is kept in view."""
        return self._is_following

    def follow(self) -> None:
        """Goes to the end and stays there."""
        self._set_following(True)
        self._lay_out()

    def stay(self) -> None:
        """Follows the end no longer: what is in view stays, whatever comes below."""
        if self._is_following:
            self._set_following(False)
            self._hold_place()

    def hold_still(self) -> None:
        """Stops following what arrives, if anything does."""
        if self._is_live():
            self.stay()
            self._show_pill()

    def raise_message(self, message_id: str) -> None:
        """Puts a question at the top of the view; its answer grows below it, and nothing scrolls.

        Room is left blank below where the conversation is too short for that.
        """
        self._set_following(False)
        self._raised_id, self._is_raised, self._held = message_id, True, None
        self._lay_out()

    def _begin_anew(self) -> None:
        """Shows nothing; what is shown next is followed to its end."""
        self._stack.clear()
        self._held, self._raised_id = None, ""
        self._set_following(True)

    def _take_over(self, entries: Entries) -> None:
        """Has these messages from now on; to be laid out."""
        self._stack.take_over(entries)
        if self._stack.index_of(self._raised_id) is None:
            self._raised_id, self._is_raised = "", False

    def _set_following(self, is_following: bool) -> None:
        self._is_raised = False
        if is_following == self._is_following:
            return
        self._is_following = is_following
        self._seen_tokens = self._live_tokens()

    def _is_at_end(self) -> bool:
        bar = self.verticalScrollBar()
        return bar.value() >= bar.maximum() - 1

    def _hold(self, message_id: str, place: Anchor, *, below_top: int) -> None:
        """From now on keeps a place so far below the top of the view."""
        self._set_following(False)
        self._held = _Held(message_id, place, below_top)

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

    def _is_held_loosely(self) -> bool:
        """Whether the place was only held until it, or what stands at the top, has a view."""
        if self._held is None or self._held.is_passing:
            return True
        index, place = self._stack.index_of(self._held.message_id), self._held.place
        is_made = index is not None and self._stack.view_at(index) is not None
        return place.part == "top" and place.offset > 0 and is_made

    def _scroll_to_message(self, index: int) -> None:
        self._hold(self._stack.id_at(index), Anchor("top"), below_top=MARGIN)
        self._lay_out()
        self._set_following(self._is_at_end() and index == len(self._stack) - 1)
        self._show_pill()

    def _scroll_to_rect(self, index: int, rect: QRect, *, is_hit: bool) -> None:
        """Brings a line of a message into view; one that is far away comes to stand in the upper third."""
        height = self.viewport().height()
        margin = min(theme().px(_HIT_MARGIN if is_hit else 44), height // 4)
        y = self._stack.top_of(index) + rect.top() - self.verticalScrollBar().value()
        lowest = height - margin - rect.height()
        if not margin <= y <= lowest:
            is_far = is_hit or not -height <= y <= 2 * height
            wanted = height // 3 if is_far else margin if y < margin else lowest
            place = self._stack.made(index).anchor_at(rect.center().y())
            self._hold(self._stack.id_at(index), place, below_top=wanted + rect.height() // 2)
        elif is_hit and self._is_following:
            self._set_following(False)
            self._hold_place()
        self._lay_out()
        if not is_hit:
            self._set_following(self._is_at_end())

    def scroll_by(self, pixels: int) -> int:
        """Scrolls down, or up; by how much it did."""
        bar = self.verticalScrollBar()
        before = bar.value()
        bar.setValue(before + pixels)
        return bar.value() - before

    # Layout

    def _column(self) -> tuple[int, int]:
        """(left, width) of the reading column."""
        room = self.viewport().width()
        width = min(theme().px(_COLUMN), max(120, room - 2 * MARGIN))
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

    def _lay_out_anew(self, index: int) -> None:
        """A message has another height, mostly because a person clicked in it."""
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
        return max(0, top - MARGIN, top + self._stack.height_of(index) - share)

    def _reflow(self) -> None:
        """Formulas of a message have come; one layout, before the next frame, for all that came at once."""
        view = self.sender()
        index = self._stack.index_of(view.entry.message.id) if isinstance(view, MessageView) else None
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

    def paintEvent(self, event: QPaintEvent) -> None:
        """The page."""
        painter = QPainter(self.viewport())
        painter.fillRect(event.rect(), theme().color("page"))
        painter.end()

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
