"""What a model did with each parameter, as a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from PySide6.QtCore import QCoreApplication, Qt, Signal
from PySide6.QtWidgets import QGridLayout, QWidget

from drover.domain.endpoint import FactOutcome, ParameterFact
from drover.ui import formats
from drover.ui.controls import Hairline, Label, QuietButton
from drover.ui.framed_dialog import Sign
from drover.ui.theme import theme

_NAME_PX, _OUTCOME_PX = 136, 116
_SIGNS = {
    FactOutcome.ACCEPTED: "check",
    FactOutcome.REJECTED: "close",
    FactOutcome.NO_EFFECT: "minus",
    FactOutcome.UNKNOWN: "info",
}


class FactTable(QWidget):
    """A row for each parameter: its name, what came of it, and in which words.

    Signals:
        forget_requested(str): the wire name whose fact should be forgotten
    """

    forget_requested = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rows: dict[str, _Row] = {}
        self._facts: Mapping[str, ParameterFact] = {}
        self._skipped: Mapping[str, str] = {}
        self._trying = ""
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(8)
        self._grid.setVerticalSpacing(0)
        self._grid.setColumnMinimumWidth(0, theme().px(_NAME_PX))
        self._grid.setColumnMinimumWidth(2, theme().px(_OUTCOME_PX))
        self._grid.setColumnStretch(3, 1)

    def display(
        self, names: Sequence[str], skipped: Mapping[str, str], facts: Sequence[ParameterFact]
    ) -> None:
        """Shows these parameters in this order, then those of other facts. `skipped` tells, by name, why a
        parameter is never sent."""
        self._facts = {fact.name: fact for fact in facts}
        self._skipped = skipped
        for name in dict.fromkeys([*names, *skipped, *self._facts]):
            if name not in self._rows:
                self._rows[name] = self._made_row(name)
            self._display_row(name)

    def display_trying(self, name: str) -> None:
        """Marks the parameter that is being tried; empty marks none."""
        before, self._trying = self._trying, name
        for changed in {before, name} & self._rows.keys():
            self._display_row(changed)

    def _made_row(self, name: str) -> _Row:
        line = 2 * len(self._rows)
        row = _Row(
            name=Label(name, role="wire", parent=self),
            sign=Sign("minus", "text-2", 14),
            outcome=Label("", parent=self),
            words=Label("", role="small", token="text-2", parent=self),
            forget=QuietButton(self.tr("Forget"), compact=True, parent=self),
        )
        row.forget.setAccessibleName(self.tr("Forget what is known of {0}").format(name))
        row.forget.setToolTip(self.tr("Send it again as it is set"))
        row.words.setWordWrap(True)
        row.words.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        row.words.setContentsMargins(0, 6, 0, 6)
        row.forget.clicked.connect(partial(self._request_forgetting, name))
        policy = row.forget.sizePolicy()
        policy.setRetainSizeWhenHidden(True)
        row.forget.setSizePolicy(policy)
        parts = (row.name, row.sign, row.outcome, row.words, row.forget)
        for column, part in enumerate(parts):
            self._grid.addWidget(part, line, column, Qt.AlignmentFlag(0) if column == 3 else _MIDDLE)
        self._grid.setRowMinimumHeight(line, theme().px(28))
        self._grid.addWidget(Hairline(), line + 1, 0, 1, len(parts))
        return row

    def _display_row(self, name: str) -> None:
        row, fact = self._rows[name], self._facts.get(name)
        outcome, token = self._outcome(name, fact)
        row.name.set_look(token="text" if fact is not None else "text-3")
        row.outcome.setText(outcome)
        row.outcome.set_look(token=token)
        row.outcome.setAccessibleName(f"{name}: {outcome}")
        row.words.setText(_words(fact) if fact is not None else self._skipped.get(name, ""))
        row.sign.show_icon(_SIGNS[fact.outcome] if fact is not None else "minus", token)
        row.sign.setVisible(fact is not None and self._trying != name)
        row.forget.setVisible(fact is not None and fact.outcome is FactOutcome.REJECTED)

    def _outcome(self, name: str, fact: ParameterFact | None) -> tuple[str, str]:
        """What came of it in a word or two, and in which colour."""
        if name == self._trying:
            return self.tr("trying…"), "text-2"
        if fact is None:
            return (self.tr("never sent") if name in self._skipped else self.tr("not tried")), "text-3"
        match fact.outcome:
            case FactOutcome.ACCEPTED:
                return self.tr("accepted"), "text"
            case FactOutcome.REJECTED:
                return (self.tr("renamed") if fact.renamed_to else self.tr("rejected")), "caution"
            case FactOutcome.NO_EFFECT:
                return self.tr("no visible effect"), "text"
            case FactOutcome.UNKNOWN:
                return self.tr("unknown"), "text-2"

    def _request_forgetting(self, name: str) -> None:
        self.forget_requested.emit(name)


_MIDDLE = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    name: Label
    sign: Sign
    outcome: Label
    words: Label
    forget: QuietButton


def _words(fact: ParameterFact) -> str:
    """What was seen or said; with the day where another request than a probe's showed it."""
    words = fact.words
    if fact.outcome is FactOutcome.REJECTED and words:
        words = f"“{words}”"
    if fact.renamed_to:
        renamed = _t("Sent as {0} since.").format(fact.renamed_to)
        words = f"{renamed} {words}".strip()
    if not fact.is_probed:
        day = formats.day(fact.noted_at, now=datetime.now(UTC))
        words = _t("On {day}, in a conversation: {words}").format(day=day, words=words)
    return words


def _t(text: str) -> str:
    return QCoreApplication.translate("fact_table", text)
