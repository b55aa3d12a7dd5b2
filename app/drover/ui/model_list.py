"""The list of an endpoint's models: a search, what each can hold and costs, and how old the list is."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import (
    QCoreApplication,
    QEvent,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QPoint,
    QRectF,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QKeyEvent, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from drover.domain.endpoint import ModelCard
from drover.ui import formats
from drover.ui.controls import ElidedLabel, Label, QuietButton
from drover.ui.theme import RADIUS, draw_frame, draw_icon, rounded_region, theme

_WIDTH_PX = 460
_ROWS = 12
_ROW_PX = 28
_PADDING = 8
_CORNER = 6
_MODEL_ID = Qt.ItemDataRole.UserRole
_DETAIL = Qt.ItemDataRole.UserRole + 1


class ModelList(QFrame):
    """Opens below the combo of models, with the keyboard in its search.

    Signals:
        model_picked: the id of a model of the list, or what was typed where none matches.
        refresh_requested: a person wants the server to be asked anew.
        closed: it is gone.
    """

    model_picked = Signal(str)
    refresh_requested = Signal()
    closed = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setAccessibleName(self.tr("Models"))
        self._cards: Sequence[ModelCard] = ()
        self._chosen_id = ""
        self._search = QLineEdit()
        self._search.setPlaceholderText(self.tr("Search models, or type the name of another"))
        self._search.setAccessibleName(self.tr("Search models"))
        self._search.setProperty("hasOwnRing", True)
        self._search.textChanged.connect(self._fill)
        self._search.returnPressed.connect(self._pick)
        self._search.installEventFilter(self)
        self.view = QListWidget()
        self.view.setAccessibleName(self.tr("Models"))
        self.view.setFrameShape(QFrame.Shape.NoFrame)
        self.view.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.view.setMouseTracking(True)
        self.view.setUniformItemSizes(True)
        self.view.setItemDelegate(_ModelRow(self.view))
        self.view.itemEntered.connect(self.view.setCurrentItem)
        self.view.itemClicked.connect(self._pick)
        self.view.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._state = ElidedLabel("", role="small", token="text-3")
        self._refresh = QuietButton(self.tr("Refresh"), compact=True)
        self._refresh.setAccessibleName(self.tr("Refresh the list of models"))
        self._refresh.clicked.connect(self.refresh_requested)
        foot = QHBoxLayout()
        foot.setContentsMargins(_PADDING, 0, 0, 0)
        foot.addWidget(self._state, 1)
        foot.addWidget(self._refresh)
        column = QVBoxLayout(self)
        column.setContentsMargins(_PADDING, _PADDING, _PADDING, _PADDING)
        column.setSpacing(4)
        legend = Label(self.tr("context · price per million in / out"), role="small", token="text-3")
        legend.setContentsMargins(0, 0, _PADDING, 0)
        column.addWidget(self._search)
        column.addWidget(legend, 0, Qt.AlignmentFlag.AlignRight)
        column.addWidget(self.view)
        column.addLayout(foot)

    def display(self, cards: Sequence[ModelCard], chosen_id: str) -> None:
        """Shows these models; what is being searched for stays."""
        self._cards, self._chosen_id = cards, chosen_id
        self._fill(self._search.text())

    def display_state(self, words: str, *, is_busy: bool) -> None:
        """Says where the list is from and how old it is, or that the server is being asked."""
        self._state.setText(words)
        self._refresh.setEnabled(not is_busy)

    def open_below(self, anchor: QWidget) -> None:
        """Shows itself under the anchor, inside the screen, ready to type."""
        screen = anchor.screen().availableGeometry()
        self.setFixedWidth(min(theme().px(_WIDTH_PX), screen.width() - 16))
        place = anchor.mapToGlobal(QPoint(0, anchor.height() + 4))
        room = (screen.bottom() - place.y() - theme().px(100)) // theme().px(_ROW_PX)
        rows = max(3, min(_ROWS, len(self._cards), room))
        self.view.setFixedHeight(theme().px(_ROW_PX) * rows)
        place.setX(max(screen.left() + 8, min(place.x(), screen.right() - self.width() - 8)))
        self.move(place)
        self.show()
        self._search.setFocus(Qt.FocusReason.PopupFocusReason)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Arrow and page keys move in the list while the search has the keyboard."""
        if event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
            steps = {
                Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1,
                Qt.Key.Key_PageDown: _ROWS - 1, Qt.Key.Key_PageUp: 1 - _ROWS,
            }  # fmt: skip
            step = steps.get(Qt.Key(event.key()))
            if step is not None:
                self.view.setCurrentRow(max(0, min(self.view.count() - 1, self.view.currentRow() + step)))
                return True
        return super().eventFilter(watched, event)

    def closeEvent(self, event: QEvent) -> None:
        """Tells that it is gone, by whatever means."""
        super().closeEvent(event)  # type: ignore[arg-type]
        self.closed.emit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """The corners follow the size."""
        super().resizeEvent(event)
        self.setMask(rounded_region(self.rect(), _CORNER))

    def paintEvent(self, event: QPaintEvent) -> None:
        """The surface and edge of a menu."""
        painter = QPainter(self)
        fill, edge = theme().color("raised"), theme().color("border")
        draw_frame(painter, QRectF(self.rect()), _CORNER, fill=fill, edge=edge)
        painter.end()

    def _fill(self, words: str) -> None:
        self.view.clear()
        wanted = words.casefold().split()
        for card in self._cards:
            if all(word in f"{card.id} {card.name}".casefold() for word in wanted):
                self._add(card.id, card.id, detail_of(card), in_words(card))
        typed = words.strip()
        if typed and all(card.id != typed for card in self._cards) and not self.view.count():
            self._add(self.tr("Use “{name}”").format(name=typed), typed, "", "")
        ids = [self.view.item(row).data(_MODEL_ID) for row in range(self.view.count())]
        self.view.setCurrentRow(ids.index(self._chosen_id) if not wanted and self._chosen_id in ids else 0)

    def _add(self, text: str, model_id: str, detail: str, words: str) -> None:
        item = QListWidgetItem(text)
        item.setData(_MODEL_ID, model_id)
        item.setData(_DETAIL, detail)
        item.setData(Qt.ItemDataRole.AccessibleDescriptionRole, words)
        item.setToolTip("\n".join(filter(None, (text, words))))
        item.setData(_ModelRow.CHOSEN, model_id == self._chosen_id)
        self.view.addItem(item)

    def _pick(self) -> None:
        item = self.view.currentItem()
        if item is not None:
            self.close()
            self.model_picked.emit(item.data(_MODEL_ID))


def detail_of(card: ModelCard) -> str:
    """What stands beside the name: "131 000 · $0.05 / $0.20"; nothing for what is unknown."""
    given, taken = card.input_usd_per_token, card.output_usd_per_token
    price = ""
    if given is not None and taken is not None:
        both = f"{formats.usd_per_million(given)} / {formats.usd_per_million(taken)}"
        price = _t("no cost") if given == taken == 0 else both
    context = "" if card.context_tokens is None else formats.whole(card.context_tokens)
    return " · ".join(filter(None, (context, price)))


def in_words(card: ModelCard) -> str:
    """The same in full."""
    parts = []
    if card.context_tokens is not None:
        parts.append(_t("{0} tokens of context").format(formats.whole(card.context_tokens)))
    given, taken = card.input_usd_per_token, card.output_usd_per_token
    if given is not None and taken is not None:
        parts.append(
            _t("{0} in, {1} out per million tokens").format(
                formats.usd_per_million(given), formats.usd_per_million(taken)
            )
        )
    if card.input_modalities:
        parts.append(", ".join(card.input_modalities))
    return " · ".join(parts)


class _ModelRow(QStyledItemDelegate):
    """A model: a tick if it is the chosen one, its name, and what it holds and costs at the right."""

    CHOSEN = Qt.ItemDataRole.UserRole + 2

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        """As high as a row of a menu."""
        return QSize(120, theme().px(_ROW_PX))

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        """Fill of the row at hand, tick, name, detail."""
        colors, row = theme(), QRectF(option.rect)
        if option.state & QStyle.StateFlag.State_Selected:
            draw_frame(painter, row, RADIUS, fill=colors.color("select"))
        size = colors.px(12)
        if index.data(self.CHOSEN):
            tick = QRectF(row.left() + _PADDING, row.center().y() - size / 2, size, size)
            draw_icon(painter, tick, "check", colors.color("text-2"))
        place = row.adjusted(_PADDING + size + 6, 0, -_PADDING, 0)
        middle, detail = Qt.AlignmentFlag.AlignVCenter, index.data(_DETAIL)
        painter.setFont(colors.font("small"))
        painter.setPen(colors.color("text-3"))
        painter.drawText(place, int(middle | Qt.AlignmentFlag.AlignRight), detail)
        place.setRight(place.right() - (colors.measured("small", detail) + 16 if detail else 0))
        painter.setFont(colors.font("ui", 500 if index.data(self.CHOSEN) else 400))
        painter.setPen(colors.color("text"))
        name = painter.fontMetrics().elidedText(
            index.data(), Qt.TextElideMode.ElideMiddle, int(place.width())
        )
        painter.drawText(place, int(middle | Qt.AlignmentFlag.AlignLeft), name)


def _t(text: str) -> str:
    return QCoreApplication.translate("model_list", text)
