"""One token closely: its probability, what could have stood in its place, and how sure the model was."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import (
    QCoreApplication,
    QModelIndex,
    QPersistentModelIndex,
    QRectF,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QKeyEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QHBoxLayout,
    QListWidget,
    QListWidgetItem,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from drover.domain.probabilities import TokenChoice, entropy_bits, probability
from drover.ui import formats
from drover.ui.controls import Button
from drover.ui.labels import ElidedLabel, Label, Paragraph
from drover.ui.theme import RADIUS, draw_frame, draw_icon, theme

_PADDING = 12
_ROW = 24
_MOST_ROWS = 8
_BAR_WIDTH = 56
_BAR_HEIGHT = 4
_LONGEST = 16
_BYTES = Qt.ItemDataRole.UserRole
_LOGPROB = Qt.ItemDataRole.UserRole + 1
_IS_WRITTEN = Qt.ItemDataRole.UserRole + 2


def token_words(raw: bytes) -> str:
    """A token in one line: its text in quotes, or its bytes where it is no whole text."""
    if not raw:
        return _tr("no text (a special token)")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        return _tr("bytes {0}").format(raw.hex(" ").upper())
    return f"“{formats.visible_breaks(text)}”"


def percent(share: float) -> str:
    """As many digits as tell something: "48 %", "4.1 %", "0.23 %", "< 0.01 %"."""
    value = share * 100
    if 0 < value < 0.005:
        return _tr("< 0.01 %")
    places = 0 if value >= 9.95 or value == 0 else 1 if value >= 0.995 else 2
    return _tr("{0} %").format(formats.decimal(value, places))


class TokenCard(QWidget):
    """A card whose height stays, whatever token it shows.

    Signals:
        fork_requested: the reply is to go on from here with another token (how it is to begin)
        left: Escape was pressed in the list
    """

    fork_requested = Signal(str)
    left = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._no_fork_reason = ""
        self._beginning_with: Callable[[bytes], str | None] = _unknown
        self._rows = 1
        self._words = ElidedLabel("", role="wire", weight=600)
        self._share = Label("", weight=600)
        self._place = ElidedLabel("", role="small", token="text-2")
        self._list = _Alternatives(self)
        self._list.currentItemChanged.connect(self._offer)
        self._list.itemActivated.connect(self._fork)
        self._list.left.connect(self.left)
        self._entropy = Paragraph("", role="small", token="text-2")
        self._fork_button = Button("", compact=True)
        self._fork_button.clicked.connect(self._fork)
        self._reason = Paragraph("", role="small", token="text-3")
        column = QVBoxLayout(self)
        column.setContentsMargins(_PADDING, _PADDING - 2, _PADDING, _PADDING)
        column.setSpacing(4)
        head = QHBoxLayout()
        head.addWidget(self._words, 1)
        head.addWidget(self._share)
        column.addLayout(head)
        column.addWidget(self._place)
        for widget in (self._list, self._entropy):
            column.addWidget(widget)
        column.addSpacing(4)
        column.addWidget(self._fork_button)
        column.addWidget(self._reason)
        self.setAccessibleName(_tr("Token"))
        theme().changed.connect(self._restyle)

    def prepare(self, rows: int, no_fork_reason: str) -> None:
        """Room for this many alternatives; and why a reply cannot go on from one of them, if it cannot."""
        self._rows = max(1, min(_MOST_ROWS, rows))
        self._no_fork_reason = no_fork_reason
        self._reason.set_text(no_fork_reason)
        self._reason.setVisible(bool(no_fork_reason))
        self._restyle()

    def display(
        self, choice: TokenChoice, number: int, count: int, beginning_with: Callable[[bytes], str | None]
    ) -> None:
        """Shows a token, the first, second or so of this many.

        `beginning_with` gives the text up to here with other bytes in the place of the token; None for bytes
        that are no token to go on with.
        """
        self._beginning_with = beginning_with
        self._words.setText(token_words(choice.token_bytes))
        self._share.setText(percent(choice.probability))
        words = [
            _tr("logprob {0}").format(formats.decimal(choice.logprob, 2)),
            _tr("token {0} of {1}").format(formats.whole(number), formats.whole(count)),
        ]
        self._place.setText(" · ".join(words))
        self._list.display(choice)
        self._entropy.set_text(_entropy_words(choice))
        self.setAccessibleDescription(f"{self._words.text()} {self._share.text()}, {self._place.text()}")

    def enter(self) -> None:
        """Moves the keyboard to the alternatives."""
        self._list.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def paintEvent(self, event: QPaintEvent) -> None:
        """The frame of a card."""
        painter = QPainter(self)
        draw_frame(painter, QRectF(self.rect()), 6, fill=theme().color("page"), edge=theme().color("line"))
        painter.end()

    def _offer(self) -> None:
        item = self._list.currentItem()
        raw: bytes = item.data(_BYTES) if item is not None else b""
        is_written = item is None or bool(item.data(_IS_WRITTEN))
        words = _tr("another token") if is_written else token_words(raw)
        short = words if len(words) <= _LONGEST else words[: _LONGEST - 2] + "…”"
        self._fork_button.setText(_tr("Continue with {0}").format(short).replace("&", "&&"))
        self._fork_button.setAccessibleName(_tr("Continue from here with {0}").format(words))
        reason = self._no_fork_reason
        if not reason and is_written:
            reason = _tr("Choose another token of the list.")
        elif not reason and not raw:
            reason = _tr("A token without text leaves nothing to go on with.")
        elif not reason and self._beginning_with(raw) is None:
            reason = _tr("It is only a part of a character.")
        self._fork_button.setEnabled(not reason)
        self._fork_button.setToolTip(reason)
        self._fork_button.setAccessibleDescription(reason)

    def _fork(self) -> None:
        item = self._list.currentItem()
        if item is None or not self._fork_button.isEnabled():
            return
        beginning = self._beginning_with(item.data(_BYTES))
        if beginning is not None:
            self.fork_requested.emit(beginning)

    def _restyle(self) -> None:
        self._list.setFixedHeight(self._rows * theme().px(_ROW))
        # Two lines, so that the card does not jump between a place that says all and one that does not.
        self._entropy.setMinimumHeight(2 * theme().line_height("small"))
        self.update()


class _Alternatives(QListWidget):
    """The tokens that could have stood in a place, with bars; the best one that was not written is chosen."""

    left = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAccessibleName(_tr("Alternatives"))
        self.setItemDelegate(_Row(self))
        self.setFrameShape(QListWidget.Shape.NoFrame)
        self.setUniformItemSizes(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setProperty("bare", True)

    def display(self, choice: TokenChoice) -> None:
        self.clear()
        current = -1
        for row, each in enumerate(choice.shown):
            is_written = each.token_bytes == choice.token_bytes
            item = QListWidgetItem(token_words(each.token_bytes))
            item.setData(_BYTES, each.token_bytes)
            item.setData(_LOGPROB, each.logprob)
            item.setData(_IS_WRITTEN, is_written)
            share = percent(probability(each.logprob))
            number = formats.decimal(each.logprob, 2)
            words = _tr("{0}, {1}, logprob {2}").format(item.text(), share, number)
            words += _tr(", written") if is_written else ""
            item.setData(Qt.ItemDataRole.AccessibleTextRole, words)
            item.setToolTip(words)
            self.addItem(item)
            current = row if current < 0 and not is_written else current
        self.setCurrentRow(max(0, current))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Escape goes back to the text."""
        if event.key() == Qt.Key.Key_Escape:
            self.left.emit()
        else:
            super().keyPressEvent(event)


class _Row(QStyledItemDelegate):
    """A tick on the written token, its text, its logprob, a bar and its probability."""

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        """As high as a row of data in a column."""
        return QSize(120, theme().px(_ROW))

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        """From left to right as above; a chosen row is filled."""
        colors, row = theme(), QRectF(option.rect)
        if option.state & QStyle.StateFlag.State_Selected:
            draw_frame(painter, row, RADIUS, fill=colors.color("select"))
        middle, size = Qt.AlignmentFlag.AlignVCenter, colors.px(12)
        is_written, logprob = bool(index.data(_IS_WRITTEN)), float(index.data(_LOGPROB))
        if is_written:
            tick = QRectF(row.left() + 4, row.center().y() - size / 2, size, size)
            draw_icon(painter, tick, "check", colors.color("text-2"))
        place = row.adjusted(8 + size, 0, -6, 0)
        share = probability(logprob)
        painter.setFont(colors.font("small"))
        painter.setPen(colors.color("text"))
        painter.drawText(place, int(middle | Qt.AlignmentFlag.AlignRight), percent(share))
        place.setRight(place.right() - colors.measured("small", "0.01 %") - 8)
        width = min(_BAR_WIDTH, row.width() / 6)
        self._paint_bar(painter, place, width, share)
        place.setRight(place.right() - width - 8)
        painter.setPen(colors.color("text-3"))
        number = formats.decimal(logprob, 2)
        painter.drawText(place, int(middle | Qt.AlignmentFlag.AlignRight), number)
        place.setRight(place.right() - colors.measured("small", number) - 8)
        painter.setFont(colors.font("wire", 600 if is_written else 400))
        painter.setPen(colors.color("text" if index.data(_BYTES) else "text-2"))
        words = painter.fontMetrics().elidedText(
            index.data(), Qt.TextElideMode.ElideRight, int(place.width())
        )
        painter.drawText(place, int(middle | Qt.AlignmentFlag.AlignLeft), words)

    def _paint_bar(self, painter: QPainter, place: QRectF, width: float, share: float) -> None:
        top = place.center().y() - _BAR_HEIGHT / 2
        groove = QRectF(place.right() - width, top, width, _BAR_HEIGHT)
        draw_frame(painter, groove, _BAR_HEIGHT / 2, fill=theme().color("track"))
        if share > 0:
            groove.setWidth(max(1.0, width * share))
            draw_frame(painter, groove, _BAR_HEIGHT / 2, fill=theme().color("text-2"))


def _entropy_words(choice: TokenChoice) -> str:
    bits, rest = entropy_bits(choice)
    words = []
    if choice.is_joined:
        words.append(_tr("Several tokens make this character; the server told only of the last one."))
    if not choice.alternatives:
        words.append(_tr("The server sent no alternatives for this place."))
        return " ".join(words)
    number = formats.decimal(bits, 2)
    if rest < 0.0005:
        words.append(_tr("Entropy {0} bits.").format(number))
    else:
        sentence = _tr("Entropy at least {0} bits; {1} of the probability went to tokens not shown.")
        words.append(sentence.format(number, percent(rest)))
    return " ".join(words)


def _unknown(token_bytes: bytes) -> str | None:
    return None


def _tr(text: str) -> str:
    return QCoreApplication.translate("tokens", text)
