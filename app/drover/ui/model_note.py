"""Everything that is known of a model, fact by fact, with where it is from."""

from __future__ import annotations

from datetime import UTC, datetime

from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtWidgets import QGridLayout, QVBoxLayout, QWidget

from drover.domain.endpoint import ModelCard
from drover.ui import formats
from drover.ui.controls import ElidedLabel, Label
from drover.ui.note_popup import NotePopup


class ModelNote(NotePopup):
    """A table of facts, those that nobody stated as unknown."""

    def __init__(self, card: ModelCard, parent: QWidget) -> None:
        super().__init__(_t("About {name}").format(name=card.name or card.id), parent, width_px=336)
        title = Label(card.name or card.id, weight=600)
        title.setWordWrap(True)
        self.column.addWidget(title)
        table = QGridLayout()
        table.setHorizontalSpacing(12)
        table.setVerticalSpacing(4)
        table.setColumnStretch(1, 1)
        for row, (name, value, place) in enumerate(facts_of(card)):
            heading = Label(name, role="small", token="text-3")
            shown = Label(value or _t("unknown"), role="small", token="text" if value else "text-3")
            shown.setWordWrap(True)
            shown.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            table.addWidget(heading, row, 0, Qt.AlignmentFlag.AlignTop)
            stated = QVBoxLayout()
            stated.setSpacing(0)
            stated.addWidget(shown)
            if place:
                stated.addWidget(ElidedLabel(place, role="small", token="text-3"))
            table.addLayout(stated, row, 1)
        self.column.addLayout(table)
        origin = formats.origin(card.source, card.fetched_at, now=datetime.now(UTC))
        for words in (*card.notes, origin):
            if words:
                note = Label(words, role="small", token="text-2")
                note.setWordWrap(True)
                self.column.addWidget(note)


def facts_of(card: ModelCard) -> list[tuple[str, str, str]]:
    """Each fact with its value in words, empty where it is unknown, and the key under which it was stated."""
    given, taken = card.input_usd_per_token, card.output_usd_per_token
    own = _t("its own, as the server lists them") if card.request_schema else _t("not listed by the server")
    facts = [
        ("id", _t("Id"), card.id),
        ("context_tokens", _t("Context"), _tokens(card.context_tokens)),
        ("max_output_tokens", _t("Longest reply"), _tokens(card.max_output_tokens)),
        ("input_modalities", _t("Takes"), ", ".join(card.input_modalities)),
        ("input_usd_per_token", _t("Price in"), _per_million(given)),
        ("output_usd_per_token", _t("Price out"), _per_million(taken)),
        ("request_schema", _t("Parameters"), own),
    ]
    return [(name, value, card.place_of(fact)) for fact, name, value in facts]


def _tokens(count: int | None) -> str:
    return "" if count is None else formats.tokens(count)


def _per_million(price: float | None) -> str:
    if price is None:
        return ""
    return _t("{0} per million tokens").format(formats.usd_per_million(price)) if price else _t("no cost")


def _t(text: str) -> str:
    return QCoreApplication.translate("model_note", text)
