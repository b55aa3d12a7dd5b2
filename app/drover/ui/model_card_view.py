"""The foot of the Parameters tab: what is known of the model, and from where."""

from __future__ import annotations

from datetime import UTC, datetime

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from drover.domain.endpoint import ModelCard
from drover.ui import formats
from drover.ui.controls import QUIET_PADDING, ElidedLabel, Hairline, IconButton, QuietButton

_PADDING = 16


class ModelCardView(QWidget):
    """What is known of the model: never a zero where nothing is known.

    Signals:
        probe_requested(): find out which parameters it takes
    """

    probe_requested = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._card: ModelCard | None = None
        self._name = ElidedLabel("", weight=600, mode=Qt.TextElideMode.ElideMiddle, parent=self)
        self._info = IconButton("info", self.tr("About this model"), compact=True, parent=self)
        self._info.clicked.connect(self._open_note)
        self._lines = [
            ElidedLabel("", role="small", token=token, parent=self)
            for token in ("text-2", "text-2", "text-3")
        ]
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 12)
        column.setSpacing(0)
        column.addWidget(Hairline(parent=self))
        column.addSpacing(12)
        head = QHBoxLayout()
        head.setContentsMargins(_PADDING, 0, _PADDING, 0)
        head.setSpacing(8)
        head.addWidget(self._name, 1)
        head.addWidget(self._info)
        column.addLayout(head)
        for line in self._lines:
            row = QHBoxLayout()
            row.setContentsMargins(_PADDING, 1, _PADDING, 1)
            row.addWidget(line)
            column.addLayout(row)
        self._probe = QuietButton(self.tr("Probe this model…"), compact=True, parent=self)
        self._probe.setAccessibleName(self.tr("Probe this model"))
        self._probe.setToolTip(self.tr("Find out which parameters the server takes, with one request each"))
        self._probe.clicked.connect(self.probe_requested)
        self._probed = ElidedLabel("", role="small", token="text-3", parent=self)
        self._probed.hide()
        foot = QHBoxLayout()
        foot.setContentsMargins(_PADDING - QUIET_PADDING, 4, _PADDING, 0)
        foot.setSpacing(0)
        foot.addWidget(self._probe, 0, Qt.AlignmentFlag.AlignLeft)
        foot.addWidget(self._probed, 1)
        column.addLayout(foot)

    def display_probed(self, probed_at: datetime | None) -> None:
        """When it was last probed; None if it never was."""
        day = formats.day(probed_at, now=datetime.now(UTC)) if probed_at is not None else ""
        self._probed.setText(self.tr("last on {0}").format(day) if day else "")
        self._probed.setVisible(bool(day))
        self._probe.setAccessibleDescription(self.tr("Last probed {0}").format(day) if day else "")

    def display(self, card: ModelCard) -> None:
        """Shows the facts that are there."""
        self._card = card
        self._name.setText(card.name or card.id)
        origin = formats.origin(card.source, card.fetched_at, now=datetime.now(UTC))
        texts = (self._capacity(card), self._price(card), origin)
        for line, text in zip(self._lines, texts, strict=True):
            line.setText(text)
            line.setVisible(bool(text))
        facts = [card.id, *card.notes]
        self._info.set_name(self.tr("About this model"), "\n".join(facts))
        self._info.setAccessibleDescription(" ".join(facts))

    def _open_note(self) -> None:
        if self._card is not None:
            from drover.ui.model_note import ModelNote  # most sittings do without

            ModelNote(self._card, self).open_beside(self._info)

    def _capacity(self, card: ModelCard) -> str:
        parts = []
        if card.context_tokens is not None:
            parts.append(
                self.tr("{count} tokens of context").format(count=formats.whole(card.context_tokens))
            )
        if card.input_modalities:
            parts.append(", ".join(card.input_modalities))
        return " · ".join(parts)

    def _price(self, card: ModelCard) -> str:
        given, taken = card.input_usd_per_token, card.output_usd_per_token
        if given is None or taken is None:
            return ""
        if given == 0 and taken == 0:
            # A price list is fetched; facts that were never fetched come from a file on this computer.
            is_local = card.fetched_at is None
            return self.tr("Runs on this computer, no cost") if is_local else self.tr("No cost")
        return self.tr("{input} in, {output} out per million tokens").format(
            input=formats.usd_per_million(given), output=formats.usd_per_million(taken)
        )
