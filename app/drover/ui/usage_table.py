"""How many tokens the replies of a branch took, as the servers counted."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QCoreApplication, QPointF, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QGridLayout, QVBoxLayout, QWidget

from drover.domain.run import Run
from drover.ui import formats
from drover.ui.controls import ElidedLabel, Label
from drover.ui.labels import Paragraph
from drover.ui.theme import draw_hairline, theme

MOST_RUNS = 60
"""How many replies the table has room for."""


class UsageTable(QWidget):
    """Token counts of the replies on the shown branch, as the servers gave them."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._note = Paragraph("", token="text-2")
        self._table = _Grid(self)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(12)
        column.addWidget(self._note)
        column.addWidget(self._table)
        column.addStretch()

    def display(self, runs: Sequence[Run]) -> None:
        """One row a reply, oldest first; of many the newest."""
        estimated = [run for run in runs if not run.has_reported_usage]
        words = [
            self.tr("As reported by the server.")
            if not estimated
            else self.tr("As reported by the server; numbers with “about” are estimates from what arrived.")
        ]
        if len(runs) >= MOST_RUNS:
            words.append(self.tr("The newest {0} replies.").format(formats.whole(len(runs))))
        self._note.set_text(" ".join(words))
        header = [self.tr("Reply"), self.tr("In"), self.tr("Out"), self.tr("Thinking"), self.tr("tok/s")]
        rows = [
            [
                formats.clock(run.created_at),
                _count(run.usage.prompt_tokens if run.usage else None),
                _count(run.completion_tokens, is_estimate=not run.has_reported_usage),
                _count(run.reasoning_tokens, is_estimate=not (run.usage and run.usage.reasoning_tokens)),
                "–" if run.tokens_per_s is None else formats.decimal(run.tokens_per_s, 0),
            ]
            for run in runs
        ]
        self._table.display(header, rows)


class _Grid(QWidget):
    """A table of short texts: a header in text-3 over a line, rows of 28 between hairlines."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._rows = 0
        self._layout = QGridLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setHorizontalSpacing(12)
        self._layout.setVerticalSpacing(0)
        theme().changed.connect(self._space_rows)

    def display(self, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Replaces the table; all columns but the first are aligned at the right."""
        while (item := self._layout.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        for row, cells in enumerate([header, *rows]):
            for column, text in enumerate(cells):
                label = self._cell(text, is_header=row == 0, is_first=column == 0)
                side = Qt.AlignmentFlag.AlignRight if column else Qt.AlignmentFlag.AlignLeft
                label.setAlignment(side | Qt.AlignmentFlag.AlignVCenter)
                self._layout.addWidget(label, row, column)
        for column in range(max(len(header), self._layout.columnCount())):
            self._layout.setColumnStretch(column, 0 if column >= len(header) else 1 + (column == 0))
        self._rows = 1 + len(rows)
        self._space_rows()

    def paintEvent(self, event: QPaintEvent) -> None:
        """The lines below the header and the rows."""
        painter = QPainter(self)
        height = theme().px(28)
        for row in range(self._rows):
            token = "border" if row == 0 else "line"
            place = QPointF(0, (row + 1) * height - 1)
            draw_hairline(painter, place, self.width(), theme().color(token))
        painter.end()

    def _cell(self, text: str, *, is_header: bool, is_first: bool) -> Label:
        if is_header:
            return Label(text, role="small", token="text-3", parent=self)
        label = ElidedLabel(text, role="small", token="text-3" if text == "–" else "text", parent=self)
        if is_first:
            label.setMinimumWidth(label.sizeHint().width())
        return label

    def _space_rows(self) -> None:
        for row in range(self._rows):
            self._layout.setRowMinimumHeight(row, theme().px(28))
        self.setFixedHeight(self._rows * theme().px(28))


def _count(value: int | None, *, is_estimate: bool = False) -> str:
    """A number of tokens for a table; a dash where it is not known."""
    if value is None:
        return "–"
    return _tr("about {0}").format(formats.whole(value)) if is_estimate else formats.whole(value)


def _tr(text: str) -> str:
    return QCoreApplication.translate("inspector", text)
