"""A body of Markdown as a stack of segments: runs of text, tables, blocks of code.

Only segments near the visible part have widgets; the height of the others is an estimate until they are laid
out. While text arrives, settled segments stay as they are and only the last one takes part in the work.
"""

from __future__ import annotations

import sys
import time
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum

from PySide6.QtCore import QPoint, QRect, QSize, QTimer, QUrl, Signal
from PySide6.QtGui import QFontMetricsF, QPainter, QPaintEvent, QTextDocument
from PySide6.QtWidgets import QApplication, QWidget

from drover.markdown_blocks import (
    MARK,
    Block,
    BlockSplitter,
    CodeBlock,
    Heading,
    Item,
    MathBlock,
    Paragraph,
    Rule,
    Source,
    Table,
)
from drover.ui.code_view import CodeView, estimated_height
from drover.ui.find_marks import Hits, WidgetHits
from drover.ui.line_places import Anchor, line_at, top_of_line
from drover.ui.markdown_inline import parse_inline, pictures_in, plain_text, safe_link
from drover.ui.markdown_look import (
    ANSWER,
    TextLook,
    gap_between,
    half_leading,
    indent_of,
    quote_offsets,
)
from drover.ui.markdown_places import Place, Range, shown_text
from drover.ui.markdown_spans import image_reference
from drover.ui.markdown_table import TableText
from drover.ui.markdown_text import MARKER_GAP, BlockText, MarkdownText, paint_marker, paint_quote_rules
from drover.ui.picture_view import PLACEHOLDER_PX, PicturePopup, PictureStack
from drover.ui.pictures import Pictures
from drover.ui.source_splitter import SourceSplitter
from drover.ui.theme import theme

_SEALED_BLOCKS = 40
_SEALED_CHARS = 8000
_CHAR_PX = 7.3
_MARKER_MIDDLE = 17
"""Below the top of code or a table: about the middle of its first row."""
_COSTLY_S = 0.012
_REST = 3.0
"""A costly layout is followed by a pause of so many times its length."""


class _Kind(Enum):
    TEXT = "text"
    TABLE = "table"
    CODE = "code"
    PICTURES = "pictures"


@dataclass(slots=True, eq=False)
class _Segment:
    """A run of blocks that share one widget."""

    kind: _Kind
    before: Block | None
    """The block above."""
    index: int
    start: int
    """Index of its first block among all blocks."""
    settled: list[Block] = field(default_factory=list)
    tail: list[Block] = field(default_factory=list)
    chars: int = 0
    widget: BlockText | TableText | CodeView | PictureStack | None = None
    height: int = 0
    width: int = -1
    """For which `height` was found; -1 if not yet, or if the contents have changed since."""
    is_exact: bool = False
    shown: tuple[int, Block | None] = (0, None)
    selected: Range | None = None
    """As its widget shows it, counted from its own first block."""

    @property
    def first(self) -> Block:
        """The topmost block."""
        return self.settled[0] if self.settled else self.tail[0]

    @property
    def blocks(self) -> list[Block]:
        """All of them, in order."""
        return [*self.settled, *self.tail]

    @property
    def end(self) -> int:
        """Index of the first block after it."""
        return self.start + len(self.settled) + len(self.tail)

    @property
    def is_full(self) -> bool:
        """Whether further text goes into another segment."""
        return len(self.settled) >= _SEALED_BLOCKS or self.chars >= _SEALED_CHARS


class MarkdownView(QWidget):
    """Shows Markdown that may still grow. The owner says how wide it is and which part can be seen.

    Signals:
        link_activated(str)
        footnote_requested(Place): where the footnote begins that was asked for
        height_changed(): lay out again: a person switched something, or the pause of a costly tail is over
        reflowed(): what was waited for has come; lay out again, with the text under the eye where it is
    """

    link_activated = Signal(str)
    footnote_requested = Signal(Place)
    height_changed = Signal()
    reflowed = Signal()

    def __init__(
        self,
        look: TextLook = ANSWER,
        *,
        text_name: str = "",
        pictures: Pictures | None = None,
        is_selected_by_owner: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        """`text_name` is the accessible name of its runs of text. Without `pictures` images are words.

        The mouse and the keys that select and copy may be left to the owner.
        """
        super().__init__(parent)
        self._pictures = pictures
        self._is_selected_by_owner = is_selected_by_owner
        self._look = look
        self._text_name = text_name
        self._splitter: BlockSplitter | SourceSplitter = BlockSplitter()
        self._is_source = False
        self._taken = 0
        self._segments: list[_Segment] = []
        self._last_open = -1  # the last segment with settled blocks
        self._source: list[str] = []
        self._tops: list[int] = []
        self._first_dirty = 0
        self._realized: list[_Segment] = []
        self._wrapped: set[int] = set()  # blocks of code whose lines a person has wrapped
        self._selection: Range | None = None
        self._hits: Hits | None = None
        self._current_hit: tuple[Place, Place] | None = None
        self._width = -1
        self._is_finished = False
        self._is_stale = False
        self._cost_s = self._laid_out_at_s = 0.0
        self._later = QTimer(self, singleShot=True)
        self._later.timeout.connect(self.height_changed)

    # Contents

    @property
    def source(self) -> str:
        """The Markdown fed so far."""
        if len(self._source) > 1:
            self._source = ["".join(self._source)]
        return self._source[0] if self._source else ""

    def feed(self, text: str) -> None:
        """Takes the next piece; shown by the next `lay_out`."""
        if not text:
            return
        self._source.append(text)
        self._splitter.feed(text)
        self._is_stale = True

    def finish(self) -> None:
        """Nothing follows: the tail settles, code is highlighted, formulas are typeset."""
        if not self._is_finished:
            self._is_finished = True
            self._splitter.finish()
            self._is_stale = True

    def display(self, text: str) -> None:
        """Shows a whole text instead of what was there."""
        self._clear()
        self._splitter = SourceSplitter() if self._is_source else BlockSplitter()
        self._taken, self._last_open = 0, -1
        self._source, self._is_finished = [], False
        self.feed(text)
        self.finish()

    @property
    def is_source(self) -> bool:
        """Whether the text is shown as it was written."""
        return self._is_source

    def show_source(self, is_source: bool) -> None:
        """Shows the text as it was written, or what it means; also of a text that still grows."""
        if is_source == self._is_source:
            return
        self._is_source = is_source
        text, is_finished = self.source, self._is_finished
        self.display("")
        self._is_finished, self._splitter = False, SourceSplitter() if is_source else BlockSplitter()
        self.feed(text)
        if is_finished:
            self.finish()

    @property
    def wrapped(self) -> frozenset[int]:
        """The blocks of code whose long lines a person has wrapped."""
        return frozenset(self._wrapped)

    def wrap(self, blocks: Iterable[int]) -> None:
        """Wraps the long lines of these blocks of code when they are next made."""
        self._wrapped.update(blocks)

    def source_between(self, start: Place | None, end: Place | None) -> str:
        """While the source is shown: the part between two places; None is the beginning, or the end."""
        text = ""
        for index, block in enumerate(self.blocks()):
            if (start and index < start.block) or (end and index > end.block):
                continue
            content = block.content
            assert isinstance(content, Source)
            is_cut = (start and index == start.block) or (end and index == end.block)
            shown = shown_text(block) if is_cut else content.text
            last = end.offset if end and index == end.block else None
            first = start.offset if start and index == start.block else 0
            text += (content.joint or "" if text else "") + shown[first:last]
        return text

    def restyle(self) -> None:
        """Colours or text size have changed: all widgets are made anew when they are next seen."""
        for segment in self._segments:
            self._drop_widget(segment)
            segment.width, segment.is_exact = -1, False
        self._first_dirty = 0

    def text(self, most_chars: int = sys.maxsize) -> str:
        """What a reader sees, without markup; little more than so many characters of it."""
        self._absorb()
        pieces, length = [], 0
        for piece in _joined(block for segment in self._segments for block in segment.blocks):
            pieces.append(piece)
            length += len(piece)
            if length > most_chars:
                return "".join(pieces)[:most_chars] + "…"
        return "".join(pieces)

    # Layout

    def lay_out(self, width: int) -> int:
        """The height at this width. Segments without a widget count with an estimate.

        A tail that is costly to lay out, such as one endless paragraph, is brought up to date less often.
        """
        started_s = time.monotonic()
        if self._is_finished or started_s - self._laid_out_at_s >= _REST * self._cost_s:
            self._absorb()
        elif self._is_stale and not self._later.isActive():
            self._later.start(int(1000 * _REST * self._cost_s) + 1)
        if width != self._width:
            self._width, self._first_dirty = width, 0
        first = min(self._first_dirty, len(self._segments))
        del self._tops[first:]
        y = self._tops[first - 1] + self._segments[first - 1].height if first else 0
        for segment in self._segments[first:]:
            if segment.width != width:
                self._measure(segment, width)
            y += self._gap(segment)
            self._tops.append(y)
            self._put(segment)
            y += segment.height
        self._first_dirty = len(self._segments)
        now_s = time.monotonic()
        cost_s = now_s - started_s
        self._cost_s = cost_s if cost_s > _COSTLY_S else 0.0
        self._laid_out_at_s = now_s
        return y

    def reveal(self, top: int, bottom: int) -> bool:
        """Makes widgets for what lies between these heights, and frees those far away.

        Returns whether a height has changed, so that the owner lays out again.
        """
        is_changed = False
        reach = max(1, bottom - top)
        for index in range(self._first_below(top), len(self._segments)):
            segment = self._segments[index]
            if self._tops[index] >= bottom:
                break
            if segment.widget is None:
                before = segment.height
                self._realize(segment)
                if segment.height != before:
                    self._first_dirty = min(self._first_dirty, index + 1)
                    is_changed = True
        for segment in self._realized[:]:
            y = self._tops[segment.index]
            is_far = y > bottom + reach or y + segment.height < top - reach
            if is_far and (self._is_finished or segment.index < self._last_open) and not _has_focus(segment):
                self._drop_widget(segment)
        return is_changed

    def is_revealed(self, top: int, bottom: int) -> bool:
        """Whether everything between these heights has been made."""
        for index in range(self._first_below(top), len(self._tops)):
            if self._tops[index] >= bottom:
                break
            if self._segments[index].widget is None:
                return False
        return True

    def anchor_at(self, y: int, part: str) -> Anchor:
        """The place at this height, for `y_of` after a layout that moved things."""
        if not self._tops:
            return Anchor(part, offset=y)
        index = min(self._first_below(y), len(self._tops) - 1)
        segment = self._segments[index]
        if segment.kind is _Kind.PICTURES and index + 1 < len(self._tops):
            # What is read stands below: it stays where it is when the picture comes.
            return Anchor(part, index + 1, -1, y - self._tops[index + 1])
        inside = y - self._tops[index]
        share = min(1.0, max(0.0, inside / max(1, segment.height)))
        text = self._text_of(segment)
        if text is None or not text[1] <= inside < segment.height:
            return Anchor(part, index, -1, inside, share)
        document, origin = text
        position, top = line_at(document, inside - origin)
        return Anchor(part, index, position, round(inside - origin - top), share)

    def y_of(self, anchor: Anchor) -> int:
        """Where the anchored place is now."""
        if not self._tops:
            return anchor.offset
        index = min(anchor.segment, len(self._tops) - 1)
        segment = self._segments[index]
        if anchor.position < 0 or index != anchor.segment:
            return self._tops[index] + anchor.offset
        text = self._text_of(segment)
        if text is None:
            return self._tops[index] + round(anchor.share * segment.height)
        document, origin = text
        return self._tops[index] + round(origin + top_of_line(document, anchor.position)) + anchor.offset

    def _text_of(self, segment: _Segment) -> tuple[QTextDocument, int] | None:
        """The laid-out text of a segment and where it begins below its top; None where there is none."""
        widget = segment.widget
        if widget is None:
            return None
        if isinstance(widget, CodeView):
            return (widget.document, widget.text_top) if widget.document is not None else None
        if isinstance(widget, PictureStack):
            return None
        return widget.document(), -self._lift(segment)

    # Places

    def blocks(self) -> Sequence[Block]:
        """All blocks, the tail included; the index of a block is that of its places."""
        self._absorb()
        return [block for segment in self._segments for block in (*segment.settled, *segment.tail)]

    @property
    def settled_count(self) -> int:
        """How many of the blocks will never change; what follows is the tail."""
        return self._taken

    def place_at(self, point: QPoint) -> Place:
        """The place nearest to a point; the beginning of a run of text that has not been laid out."""
        if not self._tops:
            return Place(0, 0)
        segment = self._segments[min(self._first_below(point.y()), len(self._tops) - 1)]
        widget = segment.widget
        if widget is None:
            return Place(segment.start, 0)
        inside = point - widget.pos()
        place = widget.place_at(QPoint(inside.x(), min(max(0, inside.y()), segment.height - 1)))
        return Place(segment.start + place.block, place.offset)

    def rect_of(self, place: Place) -> QRect:
        """The line's height at a place. Lays out what is needed for it, which may change the height of the
        whole: the owner lays out again. Where there is no text, an empty rectangle."""
        if not self._segments or self._width < 0:
            return QRect()
        if self._first_dirty < len(self._segments):
            self.lay_out(self._width)
        segment = self._segment_of(place)
        if segment.widget is None:
            before = segment.height
            self._realize(segment)
            if segment.height != before:
                self._first_dirty = min(self._first_dirty, segment.index + 1)
        if self._first_dirty < len(self._segments):
            self.lay_out(self._width)
        widget = segment.widget
        assert widget is not None
        rect = widget.rect_of(Place(place.block - segment.start, place.offset))
        return rect.translated(widget.pos())

    def shown_block(self, number: int) -> tuple[Block, str] | None:
        """A block and what it shows; None if there is no such block."""
        self._absorb()
        if not 0 <= number < (self._segments[-1].end if self._segments else 0):
            return None
        segment = self._segment_of(Place(number, 0))
        index = number - segment.start
        is_open = index >= len(segment.settled)
        block = segment.tail[index - len(segment.settled)] if is_open else segment.settled[index]
        return block, shown_text(block, is_open=is_open)

    def end(self) -> Place:
        """The place behind the last character."""
        last = self._segments[-1].end - 1 if self._segments else 0
        block = self.shown_block(last)
        return Place(last, len(block[1])) if block is not None else Place(0, 0)

    def link_at(self, point: QPoint) -> str:
        """The link that is shown at a point; empty if there is none."""
        child = self.childAt(point)
        while child is not None and child is not self:
            if isinstance(child, MarkdownText):
                return child.anchorAt(child.viewport().mapFrom(self, point))
            child = child.parentWidget()
        return ""

    def follow_link_at(self, point: QPoint) -> None:
        """Does what the link at a point stands for, as if it had been clicked."""
        child = self.childAt(point)
        while child is not None and child is not self:
            if isinstance(child, MarkdownText):
                child.anchorClicked.emit(QUrl(child.anchorAt(child.viewport().mapFrom(self, point))))
                return
            child = child.parentWidget()

    def select(self, selection: Range | None) -> None:
        """Shows the text between two places as selected, also what is laid out or arrives later.

        A place that is None stands for the beginning or the end of the body.
        """
        self._selection = selection
        for segment in self._realized:
            self._show_selection(segment)

    def _show_selection(self, segment: _Segment) -> None:
        widget, selected = segment.widget, None
        if self._selection is not None:
            start, end = self._selection
            is_before = end is not None and end.block < segment.start
            if not is_before and not (start is not None and start.block >= segment.end):
                selected = _within(segment, start), _within(segment, end)
        if widget is not None and selected != segment.selected:
            segment.selected = selected
            widget.select(selected)

    def _select_again(self, segment: _Segment) -> None:
        """The contents of the widget have changed, and its selection with them."""
        if self._selection is not None:
            segment.selected = None
            self._show_selection(segment)

    def mark(self, hits: Hits | None, current: tuple[Place, Place] | None = None) -> None:
        """Colours hits, also in what is laid out or arrives later, and one of them stronger; None colours
        nothing. To be called again when there are more."""
        self._hits, self._current_hit = hits, current
        for segment in self._realized:
            self._show_hits(segment)

    def _show_hits(self, segment: _Segment) -> None:
        hits, found = self._hits, None
        if hits is not None:
            found = WidgetHits(hits, hits.revision, self._current_hit, segment.start)
        if segment.widget is not None:
            segment.widget.mark(found)

    def _segment_of(self, place: Place) -> _Segment:
        """The segment that shows a place, the last one if it lies beyond the end."""
        index = bisect_right(self._segments, place.block, key=_start_of) - 1
        return self._segments[max(0, index)]

    def _realize(self, segment: _Segment) -> None:
        self._make_widget(segment)
        self._measure(segment, self._width)
        self._put(segment)

    def _first_below(self, y: int) -> int:
        """The first segment that reaches below this height."""
        index = max(0, bisect_right(self._tops, y) - 1)
        if index < len(self._tops) and self._tops[index] + self._segments[index].height <= y:
            index += 1
        return index

    def _put(self, segment: _Segment) -> None:
        widget = segment.widget
        if widget is None:
            return
        x = theme().px(indent_of(segment.first)) if segment.kind is not _Kind.TEXT else 0
        geometry = (x, self._tops[segment.index] - self._lift(segment), self._width - x, segment.height)
        if widget.geometry().getRect() != geometry:
            widget.setGeometry(*geometry)
        if widget.isHidden():
            widget.show()

    def sizeHint(self) -> QSize:
        """Its present size; the owner lays it out."""
        return self.size()

    # Segments

    def _absorb(self) -> None:
        """Brings the segments up to date with the splitter."""
        if not self._is_stale:
            return
        self._is_stale = False
        for segment in self._segments[max(0, self._last_open) :]:
            if segment.tail:
                segment.tail = []
                segment.width = -1
        self._first_dirty = min(self._first_dirty, max(0, self._last_open))
        index = self._last_open
        settled = self._splitter.settled
        while self._taken < len(settled):
            index = self._place(settled[self._taken], index, is_tail=False)
            self._taken += 1
        self._last_open = index
        for block in self._splitter.tail:
            index = self._place(block, index, is_tail=True)
        for segment in self._segments[index + 1 :]:
            self._drop_widget(segment)
        del self._segments[index + 1 :]
        for segment in self._segments[max(0, self._last_open - 1) :]:
            self._refresh(segment)

    def _place(self, block: Block, index: int, *, is_tail: bool) -> int:
        """Puts a block into the segment at `index` or into the one after it; returns which."""
        kind = _kind_of(block)
        if not is_tail and self._pictures is not None and _is_pictures(block):
            kind = _Kind.PICTURES
        current = self._segments[index] if index >= 0 else None
        if current is None or kind is not _Kind.TEXT or current.kind is not _Kind.TEXT or current.is_full:
            index += 1
            before = _last_block(current) if current is not None else None
            start = current.end if current is not None else 0
            existing = self._segments[index] if index < len(self._segments) else None
            if existing is None:
                self._segments.append(_Segment(kind, before, index, start))
            elif existing.kind is not kind or existing.settled:
                self._drop_widget(existing)
                self._segments[index] = _Segment(kind, before, index, start)
            else:
                existing.before, existing.start = before, start
            current = self._segments[index]
        assert current is not None
        (current.tail if is_tail else current.settled).append(block)
        if not is_tail:
            current.chars += _size(block)
        current.width = -1
        current.is_exact = False
        self._first_dirty = min(self._first_dirty, index)
        return index

    def _refresh(self, segment: _Segment) -> None:
        """Shows the contents of a segment in its widget, if it has one."""
        widget = segment.widget
        if widget is None:
            return
        if self._hits is not None:
            self._show_hits(segment)
        if isinstance(widget, BlockText):
            if widget.update_blocks(segment.settled, segment.tail):
                segment.width = -1
                self._select_again(segment)
            return
        block = segment.first
        state = (len(segment.settled), block)
        if state == segment.shown:
            return
        segment.shown = state
        segment.width = -1
        if isinstance(widget, CodeView) and isinstance(block.content, CodeBlock):
            code = block.content
            widget.update_code(code.language, code.code, is_settled=bool(segment.settled))
        elif isinstance(widget, TableText) and isinstance(block.content, Table):
            widths_of = self._first_table(segment) if block.content.is_continued else None
            widget.show_table(block.content, widths_of)
        self._select_again(segment)

    def _first_table(self, segment: _Segment) -> Table | None:
        """The table that a continued one began as."""
        index = segment.index
        while index > 0:
            index -= 1
            content = self._segments[index].first.content
            if not isinstance(content, Table):
                return None
            if not content.is_continued:
                return content
        return None

    def _make_widget(self, segment: _Segment) -> None:
        if segment.kind is _Kind.CODE:
            code = CodeView(self)
            code.leave_selecting(self._is_selected_by_owner)
            if segment.start in self._wrapped:
                code.wrap()
            code.wrap_switched.connect(self._note_wrapped)
            segment.widget = code
        elif segment.kind is _Kind.PICTURES and self._pictures is not None:
            stack = PictureStack(getattr(segment.first.content, "text", ""), self._pictures, self)
            stack.link_activated.connect(self.link_activated)
            stack.height_changed.connect(self._remeasure_all)
            segment.widget = stack
        else:
            text = TableText(self._look, self) if segment.kind is _Kind.TABLE else BlockText(self._look, self)
            text.setAccessibleName(self._text_name)
            text.leaves_selecting = self._is_selected_by_owner
            text.link_activated.connect(self.link_activated)
            text.image_activated.connect(self._show_image)
            text.footnote_activated.connect(self._ask_footnote)
            text.formulas_placed.connect(self._take_formulas)
            segment.widget = text
        segment.shown = (0, None)
        self._keep_order(segment)
        self._realized.append(segment)
        self._refresh(segment)
        segment.width = -1

    def _ask_footnote(self, label: str) -> None:
        """Asks for the first block of a footnote, if there is one by now."""
        for index, block in enumerate(self.blocks()):
            item = block.containers[-block.opened] if block.opened else None
            if isinstance(item, Item) and item.label == label:
                self.footnote_requested.emit(Place(index, 0))
                return

    def _show_image(self, reference: str) -> None:
        """Offers an image of running text at the words that stand for it."""
        text = self.sender()
        segment = next((found for found in self._realized if found.widget is text), None)
        if segment is None or not isinstance(text, MarkdownText):
            return
        blocks = (*segment.settled, *segment.tail)
        spans = (span for block in blocks for source in _inline_texts(block) for span in parse_inline(source))
        image = next((span for span in spans if image_reference(span) == reference), None)
        if image is None:
            return
        if self._pictures is None and safe_link(image.link):
            self.link_activated.emit(image.link)
            return
        popup = PicturePopup(image, self._pictures or Pictures(self), self.window())
        popup.link_activated.connect(self.link_activated)
        popup.show_at(text.activated_at())

    def _keep_order(self, segment: _Segment) -> None:
        """Children in reading order: it is the order of assistive technology and of the Tab key."""
        later = [other for other in self._realized if other.index > segment.index]
        following = min(later, key=_index_of).widget if later else None
        if following is not None and segment.widget is not None:
            segment.widget.stackUnder(following)

    def _note_wrapped(self, is_wrapped: bool) -> None:
        """A person switched the wrapping of a block of code."""
        for segment in self._realized:
            if segment.widget is self.sender():
                (self._wrapped.add if is_wrapped else self._wrapped.discard)(segment.start)
        self._remeasure_all()

    def _remeasure_all(self) -> None:
        for segment in self._segments:
            if segment.kind in (_Kind.CODE, _Kind.PICTURES):
                segment.width = -1
        self._first_dirty = 0
        self.height_changed.emit()

    def _take_formulas(self) -> None:
        """A run of text has its formulas now, and perhaps another height."""
        for segment in self._realized:
            if segment.widget is self.sender():
                segment.width = -1
                self._first_dirty = min(self._first_dirty, segment.index)
                self._select_again(segment)
        self.reflowed.emit()

    def _drop_widget(self, segment: _Segment) -> None:
        if segment.widget is not None:
            segment.widget.hide()
            segment.widget.deleteLater()
            segment.widget = None
            segment.shown = (0, None)
            segment.selected = None
            self._realized.remove(segment)

    def _clear(self) -> None:
        for segment in self._segments:
            self._drop_widget(segment)
        self._segments.clear()
        self._tops.clear()
        self._first_dirty = 0

    def _gap(self, segment: _Segment) -> int:
        if segment.before is None:
            return 0
        content = segment.first.content
        if isinstance(content, Table) and content.is_continued:
            return 0
        return theme().px(gap_between(segment.before, segment.first, self._look))

    def _lift(self, segment: _Segment) -> int:
        """Pixels by which a run of text is moved up to stand in the middle of its lines."""
        return half_leading(self._look.role) if segment.kind is _Kind.TEXT else 0

    def _measure(self, segment: _Segment, width: int) -> None:
        indent = theme().px(indent_of(segment.first)) if segment.kind is not _Kind.TEXT else 0
        segment.width = width
        if segment.widget is not None:
            segment.height = segment.widget.lay_out(max(40, width - indent))
            segment.is_exact = True
        elif not segment.is_exact:
            segment.height = self._estimate(segment, max(40, width - indent))

    def _estimate(self, segment: _Segment, width: int) -> int:
        content = segment.first.content
        scale = theme().px
        if isinstance(content, CodeBlock):
            return estimated_height(content.code)
        if segment.kind is _Kind.PICTURES:
            return scale(PLACEHOLDER_PX)
        if isinstance(content, Table):
            return (len(content.rows) + (0 if content.is_continued else 1)) * scale(31)
        return _estimated_text_height(segment.blocks, width, self._look)

    def paintEvent(self, event: QPaintEvent) -> None:
        """The markers of items that begin with code, a table or a picture; the rules of quotes beside these
        and between segments."""
        painter = QPainter(self)
        for segment in self._realized:
            self._paint_marker(painter, segment)
            offsets = quote_offsets(segment.first)
            if not offsets or segment.index >= len(self._tops):
                continue
            y = self._tops[segment.index]
            shared = set(quote_offsets(segment.before)) if segment.before is not None else set()
            bottom = y + (0 if segment.kind is _Kind.TEXT else segment.height)
            gap = self._gap(segment)
            for offset in offsets:
                top = y - (gap if offset in shared else 0)
                paint_quote_rules(painter, (offset,), top, bottom, {})
        painter.end()

    def _paint_marker(self, painter: QPainter, segment: _Segment) -> None:
        block = segment.first
        item = block.containers[-1] if block.containers and block.opened else None
        if segment.kind is _Kind.TEXT or not isinstance(item, Item) or segment.index >= len(self._tops):
            return
        scale = theme().px
        below_top = PLACEHOLDER_PX // 2 if segment.kind is _Kind.PICTURES else _MARKER_MIDDLE
        middle = self._tops[segment.index] + scale(below_top)
        baseline = middle + QFontMetricsF(theme().font(self._look.role)).xHeight() / 2
        edge = scale(indent_of(block)) - scale(MARKER_GAP)
        paint_marker(painter, item, self._look, edge=edge, baseline=baseline)


def _within(segment: _Segment, place: Place | None) -> Place | None:
    """A place counted from the first block of a segment; None if it lies outside."""
    if place is None or not segment.start <= place.block < segment.end:
        return None
    return Place(place.block - segment.start, place.offset)


def _index_of(segment: _Segment) -> int:
    return segment.index


def _start_of(segment: _Segment) -> int:
    return segment.start


def _has_focus(segment: _Segment) -> bool:
    """Whether the keyboard is in this segment."""
    widget, focused = segment.widget, QApplication.focusWidget()
    return widget is not None and focused is not None and (widget is focused or widget.isAncestorOf(focused))


def _kind_of(block: Block) -> _Kind:
    if isinstance(block.content, CodeBlock):
        return _Kind.CODE
    return _Kind.TABLE if isinstance(block.content, Table) else _Kind.TEXT


def _is_pictures(block: Block) -> bool:
    return isinstance(block.content, Paragraph) and bool(pictures_in(block.content.text))


def _last_block(segment: _Segment) -> Block:
    return segment.tail[-1] if segment.tail else segment.settled[-1]


def _size(block: Block) -> int:
    """What a block weighs towards a full segment: markup costs more to lay out than letters."""
    text = _without_data(getattr(block.content, "text", ""))
    return len(text) + 8 * len(MARK.findall(text))


def _without_data(text: str) -> str:
    """The text without the data of pictures, which are not shown as text."""
    return plain_text(parse_inline(text)) if "](data:" in text else text


def _joined(blocks: Iterable[Block]) -> Iterator[str]:
    """The texts of blocks and what stands between them."""
    is_first = True
    for block in blocks:
        text = _plain(block)
        if text and not is_first:
            joint = getattr(block.content, "joint", None)
            yield "\n" if joint is None else joint
        if text:
            is_first = False
            yield text


def _estimated_text_height(blocks: Sequence[Block], width: int, look: TextLook) -> int:
    scale = theme().px(100) / 100
    char_px, gap = _CHAR_PX * scale, theme().px(look.paragraph_gap)
    lines = 0
    for block in blocks:
        text = _without_data(getattr(block.content, "text", ""))
        room = max(60, width - indent_of(block) * scale)
        lines += int(len(text) * char_px // room) + 1 + text.count("\n")
    return int(lines * theme().line_height(look.role)) + len(blocks) * gap


def _inline_texts(block: Block) -> Sequence[str]:
    match block.content:
        case Paragraph(text=text) | Heading(text=text):
            return (text,)
        case Table(header=header, rows=rows):
            return [cell for row in (header, *rows) for cell in row]
        case _:
            return ()


def _plain(block: Block) -> str:
    """The text of a block as read aloud or searched."""
    match block.content:
        case Paragraph(text=text) | Heading(text=text):
            marker = ""
            if block.opened and block.containers:
                number = getattr(block.containers[-1], "number", None)
                marker = f"{number}. " if number is not None else ""
            return marker + plain_text(parse_inline(text))
        case CodeBlock(code=code):
            return code
        case Table(header=header, rows=rows, is_continued=is_continued):
            lines: Sequence[Sequence[str]] = rows if is_continued else (header, *rows)
            return "\n".join("\t".join(plain_text(parse_inline(cell)) for cell in line) for line in lines)
        case MathBlock(tex=tex):
            return tex
        case Source(text=text):
            return text
        case Rule():
            return ""
