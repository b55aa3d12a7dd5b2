"""What is known of one run, as pairs of a quiet name and a value."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from PySide6.QtCore import QCoreApplication, QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QGridLayout, QWidget

from drover.domain.endpoint import ModelCard
from drover.domain.run import Run, Usage
from drover.ui import formats
from drover.ui.labels import ElidedLabel, Label
from drover.ui.reading_menu import reading_words
from drover.ui.theme import theme

_TWO_COLUMNS_FROM: Final = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One thing that is known."""

    name: str
    value: str
    detail: str = ""
    """What is less important about it, in a quieter colour behind the value."""
    tip: str = ""


class FactsGrid(QWidget):
    """Facts below one another, or in two columns where there is room."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._facts: tuple[Fact, ...] = ()
        self._columns = 1
        self._layout = QGridLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setVerticalSpacing(4)
        self._layout.setHorizontalSpacing(16)
        theme().changed.connect(self._follow_width)

    def display(self, facts: Sequence[Fact]) -> None:
        """Replaces the facts."""
        if tuple(facts) == self._facts:
            return
        is_same_shape = [fact.name for fact in facts] == [fact.name for fact in self._facts]
        self._facts = tuple(facts)
        if is_same_shape:
            for index, fact in enumerate(facts):
                row, column = self._place(index)
                item = self._layout.itemAtPosition(row, column + 1)
                value = item.widget() if item is not None else None
                if isinstance(value, _Value):
                    value.display(fact)
        else:
            self._fill()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Folds into one column where room is short."""
        super().resizeEvent(event)
        self._follow_width()

    def _follow_width(self) -> None:
        columns = 2 if self.width() >= theme().px(_TWO_COLUMNS_FROM) else 1
        if columns != self._columns:
            self._columns = columns
            self._fill()

    def _place(self, index: int) -> tuple[int, int]:
        rows = -(-len(self._facts) // self._columns)
        return index % rows, 2 * (index // rows)

    def _fill(self) -> None:
        while (item := self._layout.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        for index, fact in enumerate(self._facts):
            row, column = self._place(index)
            name, value = Label(fact.name, token="text-3", parent=self), _Value(self)
            value.display(fact)
            for offset, label in enumerate((name, value)):
                self._layout.addWidget(label, row, column + offset)
                label.show()
        for column in range(4):
            self._layout.setColumnStretch(column, {1: 9, 3: 10 * (self._columns - 1)}.get(column, 0))


class _Value(ElidedLabel):
    """A value with its detail behind it, cut where room is short."""

    def __init__(self, parent: QWidget) -> None:
        self._fact = Fact(name="", value="")
        super().__init__("", parent=parent)

    def display(self, fact: Fact) -> None:
        """Shows another fact."""
        self._fact = fact
        self.setText(f"{fact.value} {fact.detail}".strip())
        self.setAccessibleDescription(fact.name)
        self.update()

    def sizeHint(self) -> QSize:
        """The column decides about the width."""
        return QSize(24, super().sizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:
        """Value and detail."""
        painter = QPainter(self)
        painter.setFont(self.font())
        metrics, left = self.fontMetrics(), 0
        for text, token in ((self._fact.value, "text"), (self._fact.detail, "text-3")):
            room = self.width() - left
            if not text or room < metrics.averageCharWidth() * 3:
                continue
            shown = metrics.elidedText(text, Qt.TextElideMode.ElideRight, room)
            painter.setPen(theme().color(token))
            painter.drawText(QRectF(left, 0, room, self.height()), Qt.AlignmentFlag.AlignVCenter, shown)
            left += metrics.horizontalAdvance(shown + " ")
        painter.end()

    def _update_tip(self) -> None:
        if self._fact.tip:
            self.setToolTip(self._fact.tip)
        else:
            super()._update_tip()


def facts_of(run: Run, card: ModelCard | None, reading: str = "", unread: Sequence[str] = ()) -> list[Fact]:
    """What is known of a run; what is not known says so. `reading` is how its reply was read, `unread` are
    the keys that are only kept."""
    fingerprint = run.fingerprint or _tr("no fingerprint given")
    return [
        Fact(name=_tr("Endpoint"), value=run.endpoint_name, detail=run.base_url),
        Fact(name=_tr("Model asked"), value=run.model_id),
        Fact(name=_tr("Reported"), value=run.model_reported, detail=fingerprint)
        if run.model_reported
        else Fact(name=_tr("Reported"), value=_tr("no model named"), detail=run.fingerprint),
        _first_token(run),
        _usage(run),
        cost_of(run, card),
        *([Fact(name=_tr("Reply"), value=reading_words(reading))] if reading else []),
        *([_also(unread)] if unread else []),
    ]


def _also(unread: Sequence[str]) -> Fact:
    names = ", ".join(unread)
    return Fact(name=_tr("Also received"), value=names, tip=_tr("Kept with the events: {0}").format(names))


def _first_token(run: Run) -> Fact:
    timing = run.timing
    words = []
    if timing.first_token_ms is not None:
        words.append(_ms(timing.first_token_ms))
    if timing.first_byte_ms is not None:
        words.append(_tr("head after {0}").format(_ms(timing.first_byte_ms)))
    whole = timing.total_ms
    return Fact(
        name=_tr("First token"),
        value=", ".join(words) or (_tr("none yet") if run.status.is_live else _tr("none")),
        detail=_tr("{0} in all").format(formats.duration(whole / 1000)) if whole is not None else "",
    )


def _usage(run: Run) -> Fact:
    usage = run.usage
    if usage is not None:
        return Fact(name=_tr("Usage"), value=_usage_words(usage), detail=_tr("reported"), tip=_raw(usage))
    if not run.delta_count:
        return Fact(name=_tr("Usage"), value=_tr("unknown"))
    words = _tr("about {0} out").format(formats.whole(run.delta_count))
    if run.reasoning_delta_count:
        words += _tr(", of which {0} reasoning").format(formats.whole(run.reasoning_delta_count))
    return Fact(name=_tr("Usage"), value=words, detail=_tr("estimated"))


def _usage_words(usage: Usage) -> str:
    words = []
    if usage.prompt_tokens is not None:
        words.append(_tr("{0} in").format(formats.whole(usage.prompt_tokens)))
    if usage.completion_tokens is not None:
        words.append(_tr("{0} out").format(formats.whole(usage.completion_tokens)))
    if usage.reasoning_tokens:
        is_within = usage.completion_tokens is not None and usage.reasoning_tokens <= usage.completion_tokens
        text = _tr("of which {0} reasoning") if is_within else _tr("{0} reasoning")
        words.append(text.format(formats.whole(usage.reasoning_tokens)))
    if usage.cached_tokens:
        words.append(_tr("{0} cached").format(formats.whole(usage.cached_tokens)))
    return ", ".join(words) or _tr("unknown")


def _raw(usage: Usage) -> str:
    try:
        return json.dumps(json.loads(usage.raw_json), ensure_ascii=False, indent=2)[:2000]
    except ValueError:
        return ""


def cost_of(run: Run, card: ModelCard | None) -> Fact:
    """What the server says that a run cost, else what follows from the prices that the model has now."""
    name, usage = _tr("Cost"), run.usage
    if usage is not None and usage.cost_usd is not None:
        return Fact(name=name, value=formats.usd(usage.cost_usd), detail=_tr("reported"))
    prices = (card.input_usd_per_token, card.output_usd_per_token) if card is not None else (None, None)
    price_in, price_out = prices
    if price_in == price_out == 0:
        return Fact(name=name, value=_tr("nothing"), detail=card.source if card is not None else "")
    counts = (usage.prompt_tokens, usage.completion_tokens) if usage is not None else (None, None)
    tokens_in, tokens_out = counts
    if price_in is None or price_out is None or tokens_in is None or tokens_out is None:
        return Fact(name=name, value=_tr("unknown"))
    rates = _tr("at {0} and {1} per million").format(
        formats.usd_per_million(price_in), formats.usd_per_million(price_out)
    )
    return Fact(name=name, value=formats.usd(tokens_in * price_in + tokens_out * price_out), detail=rates)


def _ms(milliseconds: float) -> str:
    if milliseconds >= 10_000:
        return formats.duration(milliseconds / 1000)
    return _tr("{0} ms").format(formats.decimal(milliseconds, 1))


def _tr(text: str) -> str:
    return QCoreApplication.translate("facts", text)
