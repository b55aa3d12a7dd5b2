"""The conversation as it is read: its messages, what of them is selected, copied, coloured and asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import assert_never

from PySide6.QtCore import QObject, QPoint, QRect, Qt, Signal
from PySide6.QtGui import (
    QAction,
    QContextMenuEvent,
    QFocusEvent,
    QGuiApplication,
    QKeyEvent,
    QKeySequence,
    QMouseEvent,
    QShowEvent,
)
from PySide6.QtWidgets import QApplication, QWidget

from drover.domain.run import LiveRun
from drover.markdown_blocks import parse
from drover.ui import rich_copy
from drover.ui.announcer import announce_begin, announce_end
from drover.ui.controls import Menu, is_keyboard_focus
from drover.ui.entries import Entries, ListedEntries
from drover.ui.find_marks import Marks
from drover.ui.line_places import Anchor
from drover.ui.markdown_places import Place, Range
from drover.ui.markdown_source import pieces_between
from drover.ui.markdown_view import MarkdownView
from drover.ui.message_page import MARGIN, MessagePage
from drover.ui.message_reasoning import ReasoningDisplay
from drover.ui.message_view import TEXT_INSET, MessageView, Switches, TranscriptEntry
from drover.ui.pictures import Pictures
from drover.ui.rich_copy import Excerpt
from drover.ui.selection import PARTS, Spot, TranscriptSelection
from drover.ui.transcript_copy import excerpts
from drover.ui.transcript_keys import Move, asked_move, tab_stop_beside

__all__ = ["TEXT_INSET", "TranscriptEntry", "TranscriptView"]


class TranscriptView(MessagePage):
    """Shows a conversation and follows its live reply.

    Signals, beside those of its base:
        regenerate_requested(str), edit_requested(str), inspect_requested(str): a message id
        restore_settings_requested(str): take the settings of this reply
        reading_requested(str, str): read a reply like this, see `Message.reading`
        tags_requested(str): ask between which tags the thinking of a reply stands
        version_requested(str, int): the version before (-1) or after (1) this message
        failure_action_requested(str, str): a message id, and one of retry, set_key, send_without, settings,
            raise_limit, lower_effort, stop_retry, retry_now
        call_decided(str, int, str), results_given(str, dict[int, str]): a message id; see `CallBlock`
        results_edited(str, dict[int, str]): what stands by now in the fields for results of a message
        attachment_opened(Attachment): one of a message is to be looked at
        link_activated(str): a link of scheme http, https or mailto
        writing_requested(): Escape: the keyboard goes back to where one writes
    """

    regenerate_requested = Signal(str)
    edit_requested = Signal(str)
    inspect_requested = Signal(str)
    restore_settings_requested = Signal(str)
    reading_requested = Signal(str, str)
    tags_requested = Signal(str)
    version_requested = Signal(str, int)
    failure_action_requested = Signal(str, str)
    call_decided = Signal(str, int, str)
    results_given = Signal(str, object)
    results_edited = Signal(str, object)
    link_activated = Signal(str)
    attachment_opened = Signal(object)
    writing_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.pictures = Pictures(self)
        """Those of all its messages; whoever fetches them listens to it."""
        self._conversation_id = ""
        self._switches: dict[str, Switches] = {}  # of messages whose views are gone
        self._visited_id = ""
        self._reasoning_display = ReasoningDisplay.AUTO
        self._marks: Marks | None = None
        self._opened_for_hits: set[str] = set()
        self._selection = TranscriptSelection(self, self)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.viewport().setAccessibleName(self.tr("Transcript"))

    # Contents

    def display(self, conversation_id: str, entries: Entries | Sequence[TranscriptEntry]) -> None:
        """Shows these messages. Those already shown stay as they are, and so does the place being read;
        another conversation opens at its end. Only messages near the view are asked for."""
        if conversation_id != self._conversation_id:
            self._conversation_id = conversation_id
            self._begin_anew()
        before = self._stack.entries.live
        self._take_over(entries if isinstance(entries, Entries) else ListedEntries(entries))
        self._announce_since(before)
        self._selection.forget_missing()
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
        view = self._stack.made(index)
        calls = view.calls.text() if view.calls is not None else ""
        return "\n".join(filter(None, (view.body.text(), calls)))

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

    def _may_close_reasoning(self, view: MessageView) -> bool:
        """Whether reasoning may close by itself: not while a person has scrolled to where it is."""
        if self._is_following or self._is_raised or view.reasoning is None:
            return True
        top = view.y() + view.reasoning.y()
        return top + view.reasoning.height() < 0 or top > self.viewport().height()

    def showEvent(self, event: QShowEvent) -> None:
        """Catches up with what arrived while hidden."""
        super().showEvent(event)
        live = self._stack.entries.live
        if live is not None:
            self.advance(live.run.id)
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

    # Views of messages

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
        view.attachment_opened.connect(self.attachment_opened)
        view.source_requested.connect(self._turn_source)
        view.footnote_requested.connect(self._show_footnote)
        view.regenerate_requested.connect(self._pass_on)
        view.edit_requested.connect(self._pass_on_edit)
        view.inspect_requested.connect(self._pass_on_inspect)
        view.restore_settings_requested.connect(self._pass_on_restore)
        view.reading_requested.connect(self._pass_on_reading)
        view.tags_requested.connect(self._pass_on_tags)
        view.version_requested.connect(self._pass_on_version)
        view.action_requested.connect(self._pass_on_action)
        view.call_decided.connect(self._pass_on_decision)
        view.results_given.connect(self._pass_on_results)
        view.results_edited.connect(self._pass_on_edited_results)
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
        if index is not None:
            self._lay_out_anew(index)

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
            place = Anchor("top") if share < 0 else view.anchor_at(body.y() + round(share * body.height()))
            self._hold(message_id, place, below_top=-y if share < 0 else 0)
        self._lay_out()
        self._set_following(self._is_following or self._is_at_end())

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

    # Copying

    def excerpt(self, index: int, part: str, selected: Range) -> Excerpt | None:
        """What of a part of a message lies between two places; None if that is nothing, or not shown.

        The calls of a reply go with the whole of its text.
        """
        text = self._text_excerpt(index, part, selected)
        if part != "body" or selected != (None, None) or not (entry := self._stack.entries[index]).calls:
            return text
        from drover.ui.shown_calls import calls_as_markdown

        pieces = (text.source if text is not None else "", calls_as_markdown(entry.calls))
        return Excerpt(author=entry.author, source="\n\n".join(filter(None, pieces)))

    def _text_excerpt(self, index: int, part: str, selected: Range) -> Excerpt | None:
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

    # The mouse

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

    # The keyboard

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Keys that a message does not want itself."""
        if self._take_selecting_key(event):
            return
        move = asked_move(event)
        if move is None:
            event.ignore()
            return
        bar = self.verticalScrollBar()
        page = self.viewport().height() - bar.singleStep()
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

    def step_message(self, step: int) -> None:
        """Goes to the message before (-1) or after (1) the one with the keyboard, else the one at the top of
        the view; back first to its own beginning, if that is out of sight."""
        last = len(self._stack) - 1
        if last < 0:
            return
        top, index = self.verticalScrollBar().value(), self._index_with_focus()
        if index is None:
            index = min(self._stack.first_below(top + MARGIN), last)
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

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Whoever comes by the keyboard stands on a message: the last one looked at, if it is in view."""
        super().focusInEvent(event)
        stack = self._stack
        if is_keyboard_focus(event) and len(stack):
            top, index = self.verticalScrollBar().value(), stack.index_of(self._visited_id)
            if index is None or not -stack.height_of(index) < stack.top_of(index) - top < self.height():
                index = len(stack) - 1 if self._is_following else stack.first_below(top + MARGIN)
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

    def _pass_on_reading(self, reading: str) -> None:
        self.reading_requested.emit(self._id_of(self.sender()), reading)

    def _pass_on_tags(self) -> None:
        self.tags_requested.emit(self._id_of(self.sender()))

    def _pass_on_version(self, step: int) -> None:
        self.version_requested.emit(self._id_of(self.sender()), step)

    def _pass_on_action(self, action: str) -> None:
        self.failure_action_requested.emit(self._id_of(self.sender()), action)

    def restore_results(self, message_id: str, written: Mapping[int, str]) -> None:
        """Brings back what was written as results of calls of this message and not sent."""
        index = self._stack.index_of(message_id)
        view = self._stack.view_at(index) if index is not None else None
        if view is None:
            known = self._switches.get(message_id, Switches())
            self._switches[message_id] = replace(known, written=tuple(written.items()))
        elif view.calls is not None:
            view.calls.restore(written)
            view.height_changed.emit()

    def take_back_results(self, message_id: str) -> None:
        """Results that were given for calls of this message could not be sent: they may be given again."""
        index = self._stack.index_of(message_id)
        view = self._stack.view_at(index) if index is not None else None
        if view is not None and view.calls is not None:
            view.calls.take_back()

    def _pass_on_decision(self, index: int, decision: str) -> None:
        self.call_decided.emit(self._id_of(self.sender()), index, decision)

    def _pass_on_results(self, given: object) -> None:
        self.results_given.emit(self._id_of(self.sender()), given)

    def _pass_on_edited_results(self) -> None:
        view = self.sender()
        if isinstance(view, MessageView) and view.calls is not None:
            self.results_edited.emit(self._id_of(view), dict(view.calls.written))
