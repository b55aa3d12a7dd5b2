"""The reasoning of one message: a toggle that tells how long the model thought, and the thought itself."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from PySide6.QtCore import QCoreApplication, QRectF, QSize, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from drover.ui import formats
from drover.ui.controls import QuietButton
from drover.ui.find_marks import Hits
from drover.ui.markdown_look import REASONING
from drover.ui.markdown_places import Place, Range
from drover.ui.markdown_view import MarkdownView
from drover.ui.message_failure import OutcomeLine
from drover.ui.pictures import Pictures
from drover.ui.theme import aligned, draw_frame, draw_icon, theme

_TOGGLE, _PAD, _CHEVRON, _GAP = 28, 8, 14, 6
_RULE, _TEXT_INSET = 2, 17


class ReasoningDisplay(StrEnum):
    """Whether the reasoning is shown before a person has said so."""

    OPEN = "open"
    AUTO = "auto"
    """Open while the model thinks, closed once the answer begins."""
    CLOSED = "closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReasoningState:
    """What is known of the thinking. None means unknown."""

    is_thinking: bool = False
    is_hidden: bool = False
    """The provider keeps the thought to itself: there is no text to open."""
    seconds: float | None = None
    tokens: int | None = None
    tokens_per_s: float | None = None
    is_cut: bool = False
    """The token limit ended it before there was an answer."""
    limit: int | None = None
    """The limit to try next."""
    may_think_less: bool = False
    """Less effort can be asked for."""


class ReasoningToggle(QuietButton):
    """Opens and closes the reasoning; checked means open."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("", parent=parent)
        self.setCheckable(True)
        self.setAccessibleName(self.tr("Reasoning"))
        self._title = ""
        self._detail = ""
        self._is_live = False

    def display(self, title: str, detail: str, *, is_live: bool, can_open: bool = True) -> None:
        """Shows "Thinking for 8 s" and "· 341 tokens"; without a chevron if there is nothing to open."""
        self.setEnabled(can_open)
        if (title, detail, is_live) == (self._title, self._detail, self._is_live):
            return
        is_wider = len(title) + len(detail) != len(self._title) + len(self._detail)
        self._title, self._detail, self._is_live = title, detail, is_live
        self.setAccessibleDescription(title)
        if is_wider:
            self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        """Chevron, title and measures."""
        measured = theme().measured
        text = measured("ui", self._title) + measured("ui", self._detail)
        width = _PAD + theme().px(_CHEVRON) + _GAP + text + (5 if self._detail else 0) + _PAD
        return QSize(int(width + 1), theme().px(_TOGGLE))

    def paintEvent(self, event: QPaintEvent) -> None:
        """The row by state."""
        painter = QPainter(self)
        fill, _, ink = self._look()
        if fill and fill != "select":
            draw_frame(painter, QRectF(self.rect()), 4, fill=theme().color(fill))
        side, height = theme().px(_CHEVRON), self.height()
        if self.isEnabled():
            icon = "chevron-down" if self.isChecked() else "chevron-right"
            draw_icon(painter, QRectF(_PAD, (height - side) / 2, side, side), icon, theme().color("text-2"))
        font = theme().font("ui")
        painter.setFont(font)
        strong = "text" if self._is_live or (self.underMouse() and ink == "text") else "text-2"
        x = _PAD + (side + _GAP if self.isEnabled() else 0)
        for text, token in ((self._title, strong), (self._detail, "text-3")):
            painter.setPen(theme().color(token))
            width = theme().measured("ui", text)
            painter.drawText(QRectF(x, 0, width + 4, height), int(_MIDDLE), text)
            x += int(width) + 5
        painter.end()


_MIDDLE = 0x0080 | 0x0001  # vertically centred, at the left


class ReasoningBlock(QWidget):
    """Toggle, text and, where the limit left no room for an answer, what to do about it.

    Signals:
        height_changed(): a person opened or closed it; lay out again
        reflowed(): see `MarkdownView.reflowed`
        action_requested(str): raise_limit or lower_effort
        link_activated(str)
    """

    height_changed = Signal()
    reflowed = Signal()
    action_requested = Signal(str)
    link_activated = Signal(str)

    def __init__(self, parent: QWidget | None = None, *, pictures: Pictures | None = None) -> None:
        """Without `pictures` images are words."""
        super().__init__(parent)
        self._pictures = pictures
        self._toggle = ReasoningToggle(self)
        self._toggle.clicked.connect(self._claim)
        self._body: MarkdownView | None = None
        self._cut: OutcomeLine | None = None
        self._marks: tuple[Hits | None, tuple[Place, Place] | None] = (None, None)
        self._selection: Range | None = None
        self._unread: list[str] = []
        self._is_finished = False
        self._is_claimed = False
        self._display = ReasoningDisplay.AUTO
        self._state = ReasoningState()

    @property
    def is_open(self) -> bool:
        """Whether the text is shown."""
        return self._toggle.isChecked() and not self._state.is_hidden

    @property
    def body(self) -> MarkdownView | None:
        """The text, once it has been opened."""
        return self._body

    @property
    def is_claimed(self) -> bool:
        """Whether a person has opened or closed it: from then on no event does."""
        return self._is_claimed

    def feed(self, text: str) -> None:
        """Takes the next piece of reasoning. While closed it is only kept."""
        if text:
            self._unread.append(text)

    def finish(self) -> None:
        """No more reasoning follows."""
        self._is_finished = True

    def set_display(self, display: ReasoningDisplay) -> None:
        """Applies the person's setting, unless this block has been claimed."""
        self._display = display
        if not self._is_claimed:
            is_open = display is ReasoningDisplay.OPEN or (
                display is ReasoningDisplay.AUTO and self._state.is_thinking
            )
            self._toggle.setChecked(is_open or self._state.is_cut)

    def open(self) -> None:
        """Opens it as if the person had clicked."""
        self._toggle.setChecked(True)
        self._is_claimed = True

    def open_found(self) -> None:
        """Opens it because something was found inside; it does not count as opened by the person."""
        self._toggle.setChecked(True)

    def mark(self, hits: Hits | None, current: tuple[Place, Place] | None = None) -> None:
        """Colours hits in the text, now or when it is opened; see `MarkdownView.mark`."""
        self._marks = hits, current
        if self._body is not None:
            self._body.mark(hits, current)

    def select(self, selection: Range | None) -> None:
        """Shows a part of the text as selected, now or when it is opened; see `MarkdownView.select`."""
        self._selection = selection
        if self._body is not None:
            self._body.select(selection)

    def restore(self, is_open: bool) -> None:
        """Takes up what a person chose before the block was made anew."""
        self._toggle.setChecked(is_open)
        self._is_claimed = True

    def display(self, state: ReasoningState, *, may_close: bool = True) -> None:
        """Shows the state. `may_close` is False while closing would move text that is being read."""
        was, self._state = self._state, state
        self._toggle.display(*_words(state), is_live=state.is_thinking, can_open=not state.is_hidden)
        if not self._is_claimed and self._display is ReasoningDisplay.AUTO:
            if state.is_thinking and not was.is_thinking:
                self._toggle.setChecked(True)
            elif was.is_thinking and not state.is_thinking and may_close:
                self._toggle.setChecked(False)
        if state.is_cut and not was.is_cut and not self._is_claimed:
            self._toggle.setChecked(True)
        self._show_cut(state)

    def lay_out(self, width: int) -> int:
        """The height it takes at this width."""
        scale = theme().px
        y = scale(_TOGGLE)
        self._toggle.setGeometry(-_PAD + _PAD, 0, min(self._toggle.sizeHint().width(), width), y)
        left = _PAD
        if self.is_open:
            body = self._opened_body()
            y += scale(6)
            height = body.lay_out(max(40, width - left - _TEXT_INSET))
            body.setGeometry(left + _TEXT_INSET, y, max(40, width - left - _TEXT_INSET), height)
            y += height
        if self._body is not None:
            self._body.setVisible(self.is_open)
        if self._cut is not None:
            y += scale(8)
            height = self._cut.lay_out(width - left)
            self._cut.setGeometry(left, y, width - left, height)
            y += height
        return y

    def reveal(self, top: int, bottom: int) -> bool:
        """Makes what lies between these heights; whether a height has changed."""
        if self._body is None or not self.is_open:
            return False
        offset = self._body.y()
        return self._body.reveal(top - offset, bottom - offset)

    def is_revealed(self, top: int, bottom: int) -> bool:
        """Whether everything between these heights has been made."""
        if self._body is None or not self.is_open:
            return True
        offset = self._body.y()
        return self._body.is_revealed(top - offset, bottom - offset)

    def restyle(self) -> None:
        """Colours or text size have changed."""
        if self._body is not None:
            self._body.restyle()

    def text(self) -> str:
        """The source of the reasoning."""
        return (self._body.source if self._body is not None else "") + "".join(self._unread)

    def sizeHint(self) -> QSize:
        """Its present size; the owner lays it out."""
        return self.size()

    def paintEvent(self, event: QPaintEvent) -> None:
        """The rule beside the open text."""
        if self._body is None or not self.is_open:
            return
        painter = QPainter(self)
        top, height = self._body.y() - 1, self._body.height() + 1
        painter.fillRect(aligned(painter, QRectF(_PAD + 2, top, _RULE, height)), theme().color("line"))
        painter.end()

    def _opened_body(self) -> MarkdownView:
        if self._body is None:
            self._body = MarkdownView(
                REASONING,
                text_name=self.tr("Reasoning text"),
                pictures=self._pictures,
                is_selected_by_owner=True,
                parent=self,
            )
            self._body.link_activated.connect(self.link_activated)
            self._body.height_changed.connect(self.height_changed)
            self._body.reflowed.connect(self.reflowed)
            self._body.stackUnder(self._cut) if self._cut is not None else None
            self._body.mark(*self._marks)
            self._body.select(self._selection)
        if self._unread:
            self._body.feed("".join(self._unread))
            self._unread.clear()
        if self._is_finished:
            self._body.finish()
        return self._body

    def _show_cut(self, state: ReasoningState) -> None:
        if not state.is_cut:
            if self._cut is not None:
                self._cut.hide()
                self._cut.deleteLater()
                self._cut = None
            return
        if self._cut is None:
            self._cut = OutcomeLine(self)
            self._cut.action_requested.connect(self.action_requested)
            self._cut.show()
        tokens = formats.tokens(state.tokens) if state.tokens is not None else self.tr("tokens")
        words = (
            self.tr("Retry with {0}").format(formats.whole(state.limit)) if state.limit else self.tr("Retry")
        )
        sentence = self.tr("All {0} went to thinking; there is no answer.").format(tokens)
        offers = [("raise_limit", words)]
        if state.may_think_less:
            offers.append(("lower_effort", self.tr("Think less")))
        self._cut.display(sentence, *offers, has_icon=True)

    def _claim(self) -> None:
        self._is_claimed = True
        self.height_changed.emit()


def _tr(text: str) -> str:
    return QCoreApplication.translate("reasoning", text)


def _words(state: ReasoningState) -> tuple[str, str]:
    """What the toggle says: title and measures."""
    if state.is_hidden:
        title = _tr("Thought hidden by the provider")
    elif state.seconds is None:
        title = _tr("Thinking") if state.is_thinking else _tr("Thought")
    else:
        lasted = formats.duration(state.seconds, tenths_below_s=0.0 if state.is_thinking else 1.0)
        title = (_tr("Thinking for {0}") if state.is_thinking else _tr("Thought for {0}")).format(lasted)
    measures = []
    if state.tokens:
        measures.append(formats.tokens(state.tokens) + (_tr(", cut off") if state.is_cut else ""))
    if state.is_thinking and state.tokens_per_s:
        measures.append(formats.rate(state.tokens_per_s))
    return title, "".join(f"· {measure} " for measure in measures).rstrip()
