"""Finding in the shown conversation: what is looked for, which hit is gone to, the way to other versions."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QObject, Qt, QTimer
from PySide6.QtWidgets import QApplication, QWidget

from drover.domain.matching import Matcher
from drover.domain.stream import ResponseBuilder
from drover.engine.workbench import Workbench
from drover.ui.find_bar import FindBar, FindState
from drover.ui.find_search import ConversationSearch, Hit, HitList
from drover.ui.main_window import MainWindow
from drover.ui.markdown_places import Place
from drover.ui.selection import Spot
from drover.ui.shown import ShownConversation

_SLICE_S = 0.004
_CALM_MS = 400
"""How often what has arrived of a live reply is searched."""
_LONGEST_SELECTION = 200


@dataclass(frozen=True, slots=True)
class _Home:
    """The version in which the search began, and what was looked at there."""

    head_id: str
    place: tuple[str, str, Place] | None
    hit: Hit | None


class Finding(QObject):
    """Looks through the shown conversation, a few milliseconds in each turn of the event loop.

    It finds what stands in its bar, or the words of the search that led to this conversation, which are then
    coloured without the bar.
    """

    def __init__(
        self, shown: ShownConversation, workbench: Workbench, window: MainWindow,
        spawn: Callable[[Coroutine[Any, Any, Any]], None], parent: QObject,
    ) -> None:  # fmt: skip
        super().__init__(parent)
        self._shown = shown
        self._workbench = workbench
        self._transcript = window.transcript
        self._spawn = spawn
        self._bar = bar = FindBar(self._transcript)
        bar.query_edited.connect(self._begin_with_bar)
        bar.stepped.connect(self.step)
        bar.elsewhere_requested.connect(self._go_elsewhere)
        bar.back_requested.connect(self._go_back)
        bar.closed.connect(self.close)
        self._conversation_id = shown.id
        self._search: ConversationSearch | None = None
        self._hit: Hit | None = None
        self._origin: tuple[str, str, Place] | None = None
        self._arrived_at: tuple[str, str, Place] | None = None
        self._only_in: str | None = None
        self._home: _Home | None = None
        self._visited: set[str] = set()
        self._focused: QWidget | None = None
        self._live_id = ""
        self._live_builder: ResponseBuilder | None = None
        self._live_read = (0, 0)
        self._work_timer = QTimer(self, singleShot=True, interval=0)
        self._work_timer.timeout.connect(self._work)
        self._calm_timer = QTimer(self, singleShot=True, interval=_CALM_MS)
        self._calm_timer.timeout.connect(self._search_live)

    # What a person does

    def open(self) -> None:
        """Shows the bar, with the selected text in it if there is any."""
        selected = self._transcript.selected_line()[:_LONGEST_SELECTION]
        if self._bar.isHidden():
            self._focused = QApplication.focusWidget()
            self._stop()
        elif selected:
            self._origin = None
        self._bar.open(selected)
        if self._search is None:
            self._begin_with_bar()

    def step(self, step: int) -> None:
        """Goes to the next (1) or previous (-1) hit; without a search it opens the bar."""
        if self._search is None:
            self.open()
            return
        hit, self._only_in = self._hit, None
        if hit is not None:
            self._origin = (hit.message_id, hit.part, hit.start)
            self._search.seek(hit.message_id, hit.part, hit.end if step > 0 else hit.start, step)
        elif self._origin is not None:
            message_id, part, place = self._origin
            self._search.seek(message_id, part, place, step)
        self._work()

    def close(self) -> None:
        """Ends the search. The place stays, and the keyboard returns to where it was."""
        had_keyboard = self._bar.isAncestorOf(QApplication.focusWidget() or self._transcript)
        self._stop()
        self._bar.hide()
        focused, self._focused = self._focused, None
        if had_keyboard:
            target = focused if focused is not None and _can_take_focus(focused) else self._transcript
            target.setFocus(Qt.FocusReason.OtherFocusReason)

    def show_found(self, message_id: str, part: str, words: list[str]) -> None:
        """Goes to the first of these words in a message of the shown branch, and colours all of them."""
        self._bar.hide()
        self._origin = (message_id, part, Place(0, 0))
        if part == "reasoning":
            self._transcript.show_place(*self._origin, hit_end=self._origin[2])
        self._begin(Matcher(words, begins_words=True), only_in=message_id)

    def forget_words(self) -> None:
        """The search that led here is over: its words are coloured no longer."""
        if self._bar.isHidden():
            self._stop()

    # What happens

    def refresh(self) -> None:
        """What is shown may have changed: another conversation ends the search, another branch does not."""
        if self._shown.id != self._conversation_id:
            self._conversation_id = self._shown.id
            if not self._bar.isHidden():
                self.close()
            self._stop()
        elif self._search is not None:
            self._show_branch(self._search)
            self._work()

    def advance(self) -> None:
        """More of a live reply has arrived."""
        if self._search is not None and not self._calm_timer.isActive():
            self._calm_timer.start()

    # What the transcript colours

    def hits(self, message_id: str, part: str) -> HitList:
        """See `find_marks.Marks`."""
        return self._search.hits(message_id, part) if self._search is not None else HitList()

    def current_in(self, message_id: str, part: str) -> tuple[Place, Place] | None:
        """See `find_marks.Marks`."""
        hit = self._hit
        is_here = hit is not None and (hit.message_id, hit.part) == (message_id, part)
        return (hit.start, hit.end) if hit is not None and is_here else None

    # The search

    def _begin_with_bar(self) -> None:
        """Looks for what stands in the bar, from the place that is being read."""
        origin, place = self._origin, self._transcript.reading_place()
        if origin is None or place != self._arrived_at or not self._transcript.shows(origin[0]):
            self._origin = self._arrived_at = place
        self._begin(Matcher([self._bar.query], matches_case=self._bar.matches_case))

    def _begin(self, matcher: Matcher, *, only_in: str | None = None) -> None:
        self._hit, self._only_in = None, only_in
        self._live_builder = None
        self._search = None if matcher.is_empty else ConversationSearch(matcher, self._shown.texts)
        if self._search is not None:
            self._show_branch(self._search)
            if self._origin is not None:
                message_id, part, place = self._origin
                self._search.seek(message_id, part, place)
        self._work()

    def _stop(self) -> None:
        self._search = self._hit = self._origin = self._home = None
        self._visited.clear()
        self._work_timer.stop()
        self._calm_timer.stop()
        self._transcript.mark(None)
        self._display()

    def _show_branch(self, search: ConversationSearch) -> None:
        """Tells the search which messages are shown, and what is known of the live one."""
        self._read_live(search)
        branch, others = self._shown.branch_ids, self._shown.other_ids
        if self._live_builder is not None:
            branch.append(self._live_id)
        search.display(branch, others)
        self._visited.update(branch)
        if self._hit is not None and not self._transcript.shows(self._hit.message_id):
            self._hit = None
        if self._home is not None and self._home.head_id == self._shown.head_id:
            self._home = None

    def _work(self) -> None:
        """A slice of the search; goes to the hit that was sought when it is found."""
        search = self._search
        hit = search.work(_SLICE_S) if search is not None else None
        if hit is not None and self._only_in in (None, hit.message_id):
            self._hit = hit
        self._transcript.mark(self if search is not None else None)
        if hit is not None and hit is self._hit:
            self._go_to(hit)
        self._display()
        if search is not None and search.is_busy:
            self._work_timer.start()

    def _go_to(self, hit: Hit) -> None:
        self._transcript.show_place(hit.message_id, hit.part, hit.start, hit_end=hit.end)
        self._arrived_at = self._transcript.reading_place()
        self._bar.make_room(self._transcript.line_at(Spot(hit.message_id, hit.part, hit.start)))

    def _display(self) -> None:
        search = self._search
        if search is None:
            self._bar.display(FindState())
            return
        is_known = self._hit is not None and not search.is_counting
        self._bar.display(
            FindState(
                has_query=True,
                ordinal=search.ordinal(self._hit) if self._hit is not None and is_known else None,
                total=search.total,
                is_counting=search.is_counting,
                elsewhere=search.elsewhere,
                has_way_back=self._home is not None,
            )
        )

    # The live reply

    def _search_live(self) -> None:
        if self._search is not None:
            self._read_live(self._search)
            self._work()

    def _read_live(self, search: ConversationSearch) -> None:
        """Gives the search what is new of the live reply, and the rest of one that has ended."""
        live = self._shown.live
        builder = None
        if live is not None and live.run.parent_id == self._shown.head_id:
            builder = live.builder
        ended, ended_id = self._live_builder, self._live_id
        if ended is not None and ended is not builder:  # or a new attempt has begun
            if self._shown.texts(ended_id) == (ended.reasoning, ended.answer):
                search.grow(ended_id, *self._news_of(ended), is_finished=True)
            else:
                search.forget(ended_id)
        if builder is not ended:
            self._live_builder, self._live_read = builder, (0, 0)
            self._live_id = live.run.message_id if live is not None else ""
        if builder is not None:
            search.grow(self._live_id, *self._news_of(builder))

    def _news_of(self, builder: ResponseBuilder) -> tuple[str, str]:
        reasoning_cursor, answer_cursor = self._live_read
        reasoning, reasoning_cursor = builder.read_reasoning(reasoning_cursor)
        answer, answer_cursor = builder.read_answer(answer_cursor)
        self._live_read = reasoning_cursor, answer_cursor
        return reasoning, answer

    # Other versions

    def _go_elsewhere(self) -> None:
        search, conversation_id, head_id = self._search, self._shown.id, self._shown.head_id
        hit = search.first_elsewhere(besides=self._visited) if search is not None else None
        if hit is None or conversation_id is None or head_id is None:
            return
        if self._home is None:
            self._home = _Home(head_id, self._transcript.reading_place(), self._hit)
        self._spawn(self._show_version(conversation_id, self._shown.head_showing(hit.message_id), hit))

    def _go_back(self) -> None:
        home, conversation_id = self._home, self._shown.id
        if home is not None and conversation_id is not None:
            self._spawn(self._show_version(conversation_id, home.head_id, home.hit, home.place))

    async def _show_version(
        self, conversation_id: str, head_id: str, hit: Hit | None, place: tuple[str, str, Place] | None = None
    ) -> None:
        await self._workbench.show_version(conversation_id, head_id)
        if self._search is None or self._shown.id != conversation_id:
            return
        self._hit = hit
        if hit is not None:
            self._go_to(hit)
        elif place is not None:
            self._transcript.show_place(*place)
        self._work()


def _can_take_focus(widget: QWidget) -> bool:
    return widget.isVisible() and widget.isEnabled()
