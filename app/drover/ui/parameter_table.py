"""Each parameter of a request as asked, adjusted and sent."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Final

from PySide6.QtCore import QCoreApplication, QPointF, QRectF, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QGridLayout, QVBoxLayout, QWidget

from drover.domain.parameters import ParameterValue, plain
from drover.domain.provenance import Provenance, neither_asked_nor_sent
from drover.domain.run import Adjustment
from drover.ui.labels import ElidedLabel, Label, Paragraph
from drover.ui.theme import draw_hairline, draw_icon, theme

_ROW: Final = 28
_WIDE_FROM: Final = 560
"""From this width on the reasons stand in the table, below it in sentences under it."""
_STRETCHES: Final = (19, 14, 39, 28)
"""How a wide table shares its width."""
_LONGEST: Final = 300
_LONGEST_TIP: Final = 2000


class ParameterTable(QWidget):
    """A row for each key that was asked for, adjusted or sent, and below it the names of the others."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rows: tuple[Provenance, ...] = ()
        self._is_sent = False
        self._is_wide = False
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        self._grid = _Grid(self)
        self._reasons = Paragraph("", role="small", token="text-2")
        self._others = Paragraph("", role="small", token="text-3")
        for part in (self._grid, self._reasons, self._others):
            column.addWidget(part)
        theme().changed.connect(self._follow_width)

    def display(self, rows: tuple[Provenance, ...], *, is_sent: bool) -> None:
        """Shows the rows; `is_sent` says whether there is a request body yet."""
        if (rows, is_sent) == (self._rows, self._is_sent):
            return
        self._rows, self._is_sent = rows, is_sent
        self._fill()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Reasons move between the table and the sentences below."""
        super().resizeEvent(event)
        self._follow_width()

    def _follow_width(self) -> None:
        is_wide = self.width() >= theme().px(_WIDE_FROM)
        if is_wide != self._is_wide:
            self._is_wide = is_wide
            self._fill()
        elif is_wide:
            self._tell_reasons()

    def _fill(self) -> None:
        has_adjustments = any(row.adjustments for row in self._rows)
        self._grid.setVisible(bool(self._rows))
        self._grid.display(
            self._rows, has_adjustments=has_adjustments, is_sent=self._is_sent, is_wide=self._is_wide
        )
        self._tell_reasons()
        others = ", ".join(neither_asked_nor_sent(self._rows))
        words = self.tr("Neither asked nor sent: {0}") if self._is_sent else self.tr("Not asked: {0}")
        self._others.set_text(words.format(others))
        self._others.setVisible(bool(others))

    def _tell_reasons(self) -> None:
        """Says below the table what has no room in it."""
        room = self.width() * _STRETCHES[2] / sum(_STRETCHES) - theme().px(14) - 16 if self._is_wide else 0
        reasons = [
            f"{row.name} {words}."
            for row in self._rows
            for words in map(words_of, row.adjustments)
            if theme().measured("small", words) > room
        ]
        self._reasons.set_text(" ".join(reasons))
        self._reasons.setVisible(bool(reasons))


class _Grid(QWidget):
    """The cells: a header over a line, rows of 28 between hairlines."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._count = 0
        self._layout = QGridLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setHorizontalSpacing(12)
        self._layout.setVerticalSpacing(0)
        theme().changed.connect(self._space_rows)

    def display(
        self, rows: Sequence[Provenance], *, has_adjustments: bool, is_sent: bool, is_wide: bool
    ) -> None:
        """Replaces the cells."""
        while (item := self._layout.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        header = [self.tr("Parameter"), self.tr("Asked"), self.tr("Adjusted"), self.tr("Sent")]
        stretches = list(_STRETCHES) if is_wide else [0, 44, 50, 48]
        if not has_adjustments:
            del header[2], stretches[2]
        for column, title in enumerate(header):
            self._add(Label(title, role="small", token="text-3", parent=self), 0, column)
        for number, row in enumerate(rows, 1):
            cells: list[QWidget] = [_name(row.name, self), _value(row.asked, self)]
            if has_adjustments:
                cells.append(_AdjustmentCell(row.adjustments, is_wide=is_wide, parent=self))
            cells.append(_sent(row, self) if is_sent else _word(_tr("not yet"), self))
            for column, cell in enumerate(cells):
                self._add(cell, number, column)
        for column in range(4):
            self._layout.setColumnStretch(column, stretches[column] if column < len(stretches) else 0)
        self._layout.setHorizontalSpacing(12 if is_wide else 6)
        self._count = 1 + len(rows)
        self._space_rows()

    def paintEvent(self, event: QPaintEvent) -> None:
        """The lines below the header and the rows."""
        painter = QPainter(self)
        height = theme().px(_ROW)
        for row in range(self._count):
            token = "border" if row == 0 else "line"
            place = QPointF(0, (row + 1) * height - 1)
            draw_hairline(painter, place, self.width(), theme().color(token))
        painter.end()

    def _add(self, cell: QWidget, row: int, column: int) -> None:
        self._layout.addWidget(cell, row, column)
        cell.show()

    def _space_rows(self) -> None:
        height = theme().px(_ROW)
        for row in range(self._layout.rowCount()):
            self._layout.setRowMinimumHeight(row, height if row < self._count else 0)
        self.setFixedHeight(self._count * height)


class _AdjustmentCell(ElidedLabel):
    """What was done to a parameter; a mark of caution where it was left out."""

    def __init__(self, adjustments: Sequence[Adjustment], *, is_wide: bool, parent: QWidget) -> None:
        words = "; ".join(words_of(each) if is_wide else each.action for each in adjustments)
        self._has_mark = any(each.action == "dropped" for each in adjustments)
        self._is_wide = is_wide
        super().__init__(words, role="small", token="text", parent=parent)
        self.setToolTip("; ".join(map(words_of, adjustments)))

    def paintEvent(self, event: QPaintEvent) -> None:
        """The mark and the words, elided."""
        painter = QPainter(self)
        left, side = 0, theme().px(14)
        if self._has_mark:
            place = QRectF(0, (self.height() - side) / 2, side, side)
            draw_icon(painter, place, "warning", theme().color("caution"))
            left = side + 4
        words = self.fontMetrics().horizontalAdvance(self.text())
        if self._has_mark and not self._is_wide and words > self.width() - left:
            painter.end()
            return  # the mark alone: the words stand below the table
        painter.setFont(self.font())
        painter.setPen(theme().color("text"))
        text = self.fontMetrics().elidedText(self.text(), Qt.TextElideMode.ElideRight, self.width() - left)
        painter.drawText(
            QRectF(left, 0, self.width() - left, self.height()), Qt.AlignmentFlag.AlignVCenter, text
        )
        painter.end()

    def _update_tip(self) -> None:
        """The tip says it all, cut or not."""


def words_of(adjustment: Adjustment) -> str:
    """An adjustment in words: "dropped: rejected by this model", "added, so that usage is reported"."""
    action, reason = adjustment.action, adjustment.reason.rstrip(".")
    if not reason:
        return action
    between = {"added": ", ", "renamed": " ", "translated": " "}.get(action, ": ")
    return f"{action}{between}{reason}"


def _name(name: str, parent: QWidget) -> ElidedLabel:
    label = ElidedLabel(name, role="wire", parent=parent)
    label.setMinimumWidth(min(label.sizeHint().width(), theme().px(128)))
    return label


def _value(asked: ParameterValue | None, parent: QWidget) -> ElidedLabel:
    if asked is None:
        return _word(_tr("unset"), parent)
    return _json(plain(asked), parent)


def _sent(row: Provenance, parent: QWidget) -> ElidedLabel:
    return _json(row.sent, parent) if row.is_sent else _word(_tr("absent"), parent)


def _word(word: str, parent: QWidget) -> ElidedLabel:
    return ElidedLabel(word, role="wire", token="text-3", parent=parent)


def _json(value: object, parent: QWidget) -> ElidedLabel:
    """A value as it stands in the body, a word without its quotes."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    label = _LongLabel(text[:_LONGEST], role="wire", parent=parent)
    label.whole = text[:_LONGEST_TIP]
    return label


class _LongLabel(ElidedLabel):
    """A text of which only the beginning is measured and painted."""

    whole = ""

    def _update_tip(self) -> None:
        is_cut = self.fontMetrics().horizontalAdvance(self.text()) > self.width()
        self.setToolTip(self.whole if is_cut else "")


def _tr(text: str) -> str:
    return QCoreApplication.translate("parameters", text)
