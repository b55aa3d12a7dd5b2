"""The Tokens tab: the probabilities of the tokens of a reply, and what the replies took in tokens."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication, QPoint, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from drover.domain.probabilities import ScoredText, Summary, entropy_bits
from drover.domain.run import Run
from drover.ui import formats
from drover.ui.controls import Button, Menu, QuietButton, SearchField, Segments
from drover.ui.inspector_page import Page
from drover.ui.labels import Paragraph
from drover.ui.theme import theme
from drover.ui.token_card import TokenCard, percent, token_words
from drover.ui.token_text import BOUNDS, TokenText, paint_level
from drover.ui.usage_table import UsageTable

if TYPE_CHECKING:
    from drover.engine.inspected_tokens import InspectedTokens


class TokenState(StrEnum):
    """What can be shown of the tokens of the inspected reply."""

    NOTHING = "nothing"
    """There is no reply."""
    LIVE = "live"
    READING = "reading"
    MISSING = "missing"
    """The server sent no probabilities, or nothing was kept."""
    READ = "read"


class TokensPage(Page):
    """The tokens of one reply, and below another segment the usage of all.

    Signals:
        fork_requested: a reply is to go on with other words (id of its run, how it is to begin)
        logprobs_requested: probabilities are to be asked for with the next request
    """

    fork_requested = Signal(str, str)
    logprobs_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Tokens page", parent=parent)
        self.show_content(True)
        self._found: InspectedTokens | None = None
        self._state = TokenState.NOTHING
        self._is_asked_for = False
        self._has_lent_keyboard = False
        self._choice = Segments(_tr("Part of the tokens"), compact=True)
        self._fill_choice()
        self._choice.currentIndexChanged.connect(self._show_part)
        self._words = Paragraph("", token="text-2")
        self._ask = Button(_tr("Send logprobs with the next request"))
        self._ask.clicked.connect(self.logprobs_requested)
        self._view = _TokenView(self.content)
        self._view.fork_requested.connect(self._fork)
        self._usage = UsageTable(self.content)
        row = QHBoxLayout()
        row.addWidget(self._choice)
        row.addStretch()
        self.rows.addLayout(row)
        self.rows.addWidget(self._words)
        self.rows.addWidget(self._ask)
        self.rows.addWidget(self._view, 1)
        self.rows.addWidget(self._usage)
        self.rows.addStretch()

    def display(self, runs: Sequence[Run]) -> None:
        """The usage of these replies, oldest first."""
        self._usage.display(runs)
        self._show_part()

    def display_tokens(
        self, state: TokenState, found: InspectedTokens | None = None, *, is_asked_for: bool = False
    ) -> None:
        """Shows the tokens of a reply, which are given where they are READ.

        `is_asked_for`: the next request will ask for probabilities as things stand.
        """
        is_new = found is not self._found
        self._state, self._found, self._is_asked_for = state, found, is_asked_for
        self._fill_choice()
        if is_new:
            self._view.forget()
        self._show_part()

    def _fill_choice(self) -> None:
        names = {"answer": _tr("Answer"), "reasoning": _tr("Reasoning"), "usage": _tr("Usage")}
        if self._found is None or not self._found.scores.reasoning.text:
            names.pop("reasoning")
        if self._found is not None and names.keys() >= {"reasoning"} and not self._found.scores.answer.text:
            names.pop("answer")
        if list(names) == [self._choice.itemData(index) for index in range(self._choice.count())]:
            return
        chosen = self._choice.currentData()
        self._choice.blockSignals(True)
        self._choice.clear()
        for part, name in names.items():
            self._choice.addItem(name, part)
        self._choice.setCurrentIndex(max(0, self._choice.findData(chosen)))
        self._choice.blockSignals(False)
        self._choice.updateGeometry()

    def _show_part(self) -> None:
        part = self._choice.currentData()
        is_usage = part == "usage"
        shows_tokens = not is_usage and self._found is not None
        self._usage.setVisible(is_usage)
        if not shows_tokens and self._view.has_keyboard:
            # Else Qt takes it to another end of the window.
            self._choice.setFocus(Qt.FocusReason.OtherFocusReason)
            self._has_lent_keyboard = True
        self._view.setVisible(shows_tokens)
        self._words.setVisible(not is_usage and not shows_tokens)
        is_missing = self._state is TokenState.MISSING and not is_usage
        self._ask.setVisible(is_missing)
        self._ask.setEnabled(not self._is_asked_for)
        if not is_usage and not shows_tokens:
            self._words.set_text(self._state_words())
        if shows_tokens and self._found is not None:
            self._view.display(self._found, is_reasoning=part == "reasoning")
            if self._has_lent_keyboard and self._choice.hasFocus():
                self._view.take_keyboard()
            self._has_lent_keyboard = False

    def _state_words(self) -> str:
        match self._state:
            case TokenState.NOTHING:
                return _tr("The tokens of a reply appear here.")
            case TokenState.LIVE:
                return _tr("The probabilities of its tokens can be read once the reply has ended.")
            case TokenState.READING:
                return _tr("Reading what came back.")
            case _:
                pass
        words = _tr(
            "The server sent no probabilities with this reply. They come where the request asks for them with"
            " logprobs, and with top_logprobs for the likeliest alternatives; not every server and model can."
        )
        if self._is_asked_for:
            words += " " + _tr("The next request will ask for them.")
        return words

    def _fork(self, beginning: str) -> None:
        if self._found is not None:
            self.fork_requested.emit(self._found.run_id, beginning)


class _TokenView(QWidget):
    """The text of the tokens, a legend, ways to jump, and the card of one token."""

    fork_requested = Signal(str)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._found: InspectedTokens | None = None
        self._scored = ScoredText(text="")
        self._summary = Summary(
            perplexity=None, mean_probability=None, bare_chars=0, least_probable=(), most_uncertain=()
        )
        self._measures = Paragraph("", role="small", token="text-2")
        self._legend = _Legend(self)
        self._text = TokenText(self)
        self._text.setMinimumHeight(120)
        self._card = TokenCard(self)
        self._menu = Menu(self)
        self._find = SearchField(_tr("Find in the tokens"), _tr("Find"), "")
        self._find.returnPressed.connect(self._find_next)
        self._go = QuietButton(_tr("Go to"), icon="chevron-down", compact=True)
        self._go.setAccessibleName(_tr("Go to a token"))
        self._go.setToolTip(
            _tr("The tokens with the lowest probability, the places with the highest entropy")
        )
        self._go.clicked.connect(self._show_jumps)
        jumps = QHBoxLayout()
        jumps.setSpacing(4)
        jumps.addWidget(self._find, 1)
        jumps.addWidget(self._go)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(self._measures)
        column.addLayout(jumps)
        column.addWidget(self._text, 1)
        column.addWidget(self._legend)
        column.addSpacing(4)
        column.addWidget(self._card)
        self._text.token_chosen.connect(self._show_chosen)
        self._text.token_hovered.connect(self._show_hovered)
        self._text.alternatives_requested.connect(self._card.enter)
        self._card.fork_requested.connect(self.fork_requested)
        self._card.left.connect(self.take_keyboard)

    @property
    def has_keyboard(self) -> bool:
        """Whether the keyboard is in one of its parts."""
        focused = self.window().focusWidget()
        return focused is not None and self.isAncestorOf(focused)

    def forget(self) -> None:
        """The next `display` is of another reply."""
        self._found = None

    def display(self, found: InspectedTokens, *, is_reasoning: bool) -> None:
        """Shows one text of a reply."""
        scored = found.scores.reasoning if is_reasoning else found.scores.answer
        if found is self._found and scored is self._scored:
            return
        self._found, self._scored = found, scored
        self._summary = found.reasoning if is_reasoning else found.answer
        self._measures.set_text(_measures(scored, self._summary))
        rows = max((len(token.shown) for token in scored.tokens[:64]), default=1)
        reason = found.no_fork_reason
        if not reason and not found.scores.knows_beginning(scored):
            reason = _tr("The tokens are not exactly the text, so that its beginning is not known.")
        self._card.prepare(rows, reason)
        self._card.setVisible(bool(scored.tokens))
        self._legend.setVisible(bool(scored.tokens))
        self._text.display(scored)

    def _show_chosen(self, index: int) -> None:
        if index >= 0:
            self._card.display(
                self._scored.tokens[index],
                index + 1,
                len(self._scored.tokens),
                functools.partial(self._beginning, index),
            )

    def _show_hovered(self, index: int) -> None:
        self._show_chosen(index if index >= 0 else self._text.chosen)

    def take_keyboard(self) -> None:
        """Moves the keyboard to the text."""
        self._text.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def _find_next(self) -> None:
        self._text.find_next(self._find.text())

    def _show_jumps(self) -> None:
        self._menu.clear()
        tokens = self._scored.tokens
        self._menu.addAction(_tr("Lowest probability")).setEnabled(False)
        for index in self._summary.least_probable:
            self._add_jump(index, percent(tokens[index].probability))
        self._menu.addSeparator()
        self._menu.addAction(_tr("Highest entropy")).setEnabled(False)
        for index in self._summary.most_uncertain:
            bits, _ = entropy_bits(tokens[index])
            self._add_jump(index, _tr("{0} bits").format(formats.decimal(bits, 2)))
        self._menu.popup(self._go.mapToGlobal(QPoint(0, self._go.height() + 2)))

    def _add_jump(self, index: int, figure: str) -> None:
        words = token_words(self._scored.tokens[index].token_bytes)
        action = self._menu.addAction(f"{words}  {figure}".replace("&", "&&"))
        action.triggered.connect(functools.partial(self._jump, index))

    def _jump(self, index: int) -> None:
        self._text.choose(index)
        self.take_keyboard()

    def _beginning(self, index: int, token_bytes: bytes) -> str | None:
        found = self._found
        return found.scores.beginning(self._scored, index, token_bytes) if found is not None else None


class _Legend(QWidget):
    """What the colors and the lines below the tokens mean."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(_tr("Legend: ") + ", ".join(self._words()))
        theme().changed.connect(self._restyle)

    def sizeHint(self) -> QSize:
        """One line."""
        return QSize(200, theme().px(20))

    def paintEvent(self, event: QPaintEvent) -> None:
        """A sample of each strength with its bound."""
        painter = QPainter(self)
        painter.setFont(theme().font("small"))
        words = self._words()
        padding, room = 12, self.width() - 2 * len(words)
        if sum(theme().measured("small", text) + padding for text in words) > room:
            padding = 6
            words = self._words(unit="")
        natural = [theme().measured("small", text) + padding for text in words]
        gap = max(2.0, min(6.0, (self.width() - sum(natural)) / max(1, len(words) - 1)))
        left = 0.0
        for strength, (text, width) in enumerate(zip(words, natural, strict=True)):
            area = QRectF(left, 0, width, self.height() - 1)
            if strength:
                paint_level(painter, area, strength)
            else:
                painter.setPen(QPen(theme().color("line")))
                painter.drawRect(area.adjusted(0.5, 0.5, -0.5, -0.5))
            painter.setPen(theme().color("text"))
            painter.drawText(area, int(Qt.AlignmentFlag.AlignCenter), text)
            left += width + gap
        painter.end()

    def _words(self, unit: str = " %") -> list[str]:
        """A bound for each strength; all but the first may be without the unit, where room is short."""
        bounds = [formats.whole(round(bound * 100)) for bound in BOUNDS]
        others = [f"≥ {bound}{unit}" for bound in bounds[1:]]
        return [f"≥ {bounds[0]} %", *others, f"< {bounds[-1]}{unit}"]

    def _restyle(self) -> None:
        self.updateGeometry()
        self.update()


def _measures(scored: ScoredText, summary: Summary) -> str:
    if not scored.tokens:
        return _tr("The server sent no probabilities for this text.")
    words = [formats.tokens(len(scored.tokens))]
    if summary.perplexity is not None:
        words.append(_tr("perplexity {0}").format(formats.decimal(summary.perplexity, 2)))
    if summary.mean_probability is not None:
        words.append(_tr("mean probability {0}").format(percent(summary.mean_probability)))
    if summary.bare_chars:
        words.append(_tr("{0} characters without a token").format(formats.whole(summary.bare_chars)))
    return " · ".join(words)


def _tr(text: str) -> str:
    return QCoreApplication.translate("tokens", text)
