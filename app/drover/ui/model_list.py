"""The list of an endpoint's models: a search, what each can hold and costs, and how old the list is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtCore import (
    QCoreApplication,
    QEvent,
    QModelIndex,
    QPersistentModelIndex,
    QPoint,
    QRectF,
    Qt,
    Signal,
)
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QListWidgetItem,
    QStyle,
    QStyleOptionViewItem,
    QWidget,
)

from drover.domain.endpoint import ModelCard
from drover.ui import formats
from drover.ui.controls import ElidedLabel, Label, QuietButton
from drover.ui.searched_popup import MOST_ROWS, PADDING, PopupRow, SearchedPopup
from drover.ui.theme import RADIUS, draw_frame, draw_icon, theme

_WIDTH_PX = 460
_MODEL_ID = Qt.ItemDataRole.UserRole
_DETAIL = Qt.ItemDataRole.UserRole + 1


class ModelList(SearchedPopup):
    """Opens below the combo of models, with the keyboard in its search.

    Signals:
        model_picked: the id of a model of the list, or what was typed where none matches.
        refresh_requested: a person wants the server to be asked anew.
        closed: it is gone.
    """

    model_picked = Signal(str)
    refresh_requested = Signal()
    closed = Signal()

    steps: Mapping[Qt.Key, int] = {
        **SearchedPopup.steps,
        Qt.Key.Key_PageDown: MOST_ROWS - 1,
        Qt.Key.Key_PageUp: 1 - MOST_ROWS,
    }

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAccessibleName(self.tr("Models"))
        self._cards: Sequence[ModelCard] = ()
        self._chosen_id = ""
        self.search.setPlaceholderText(self.tr("Search models, or type the name of another"))
        self.search.setAccessibleName(self.tr("Search models"))
        self.view.setAccessibleName(self.tr("Models"))
        self.view.setFrameShape(QFrame.Shape.NoFrame)
        self.view.setItemDelegate(_ModelRow(self.view))
        self._state = ElidedLabel("", role="small", token="text-3")
        self._refresh = QuietButton(self.tr("Refresh"), compact=True)
        self._refresh.setAccessibleName(self.tr("Refresh the list of models"))
        self._refresh.clicked.connect(self.refresh_requested)
        foot = QHBoxLayout()
        foot.setContentsMargins(PADDING, 0, 0, 0)
        foot.addWidget(self._state, 1)
        foot.addWidget(self._refresh)
        column = self.column
        column.setSpacing(4)
        legend = Label(self.tr("context · price per million in / out"), role="small", token="text-3")
        legend.setContentsMargins(0, 0, PADDING, 0)
        column.addWidget(self.search)
        column.addWidget(legend, 0, Qt.AlignmentFlag.AlignRight)
        column.addWidget(self.view)
        column.addLayout(foot)

    def display(self, cards: Sequence[ModelCard], chosen_id: str) -> None:
        """Shows these models; what is being searched for stays."""
        self._cards, self._chosen_id = cards, chosen_id
        self.fill(self.search.text())

    def display_state(self, words: str, *, is_busy: bool) -> None:
        """Says where the list is from and how old it is, or that the server is being asked."""
        self._state.setText(words)
        self._refresh.setEnabled(not is_busy)

    def open_below(self, anchor: QWidget) -> None:
        """Shows itself under the anchor, inside the screen, ready to type."""
        screen = anchor.screen().availableGeometry()
        self.setFixedWidth(min(theme().px(_WIDTH_PX), screen.width() - 16))
        place = anchor.mapToGlobal(QPoint(0, anchor.height() + 4))
        self.set_rows(len(self._cards), screen.bottom() - place.y() - theme().px(100))
        place.setX(max(screen.left() + 8, min(place.x(), screen.right() - self.width() - 8)))
        self.move(place)
        self.show()
        self.search.setFocus(Qt.FocusReason.PopupFocusReason)

    def closeEvent(self, event: QEvent) -> None:
        """Tells that it is gone, by whatever means."""
        super().closeEvent(event)  # type: ignore[arg-type]
        self.closed.emit()

    def fill(self, words: str) -> None:
        """Lists the models that hold the words, else offers what was typed."""
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

    def pick(self) -> None:
        """Takes the model."""
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


class _ModelRow(PopupRow):
    """A model: a tick if it is the chosen one, its name, and what it holds and costs at the right."""

    CHOSEN = Qt.ItemDataRole.UserRole + 2

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        """Fill of the row at hand, tick, name, detail."""
        colors, row = theme(), QRectF(option.rect)
        if option.state & QStyle.StateFlag.State_Selected:
            draw_frame(painter, row, RADIUS, fill=colors.color("select"))
        size = colors.px(12)
        if index.data(self.CHOSEN):
            tick = QRectF(row.left() + PADDING, row.center().y() - size / 2, size, size)
            draw_icon(painter, tick, "check", colors.color("text-2"))
        place = row.adjusted(PADDING + size + 6, 0, -PADDING, 0)
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
