"""The ways in which a reply can be read, as a menu and in words."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, Signal
from PySide6.QtGui import QAction, QActionGroup
from PySide6.QtWidgets import QWidget

from drover.domain.reading import AS_SERVED, Reading, ReadingKind
from drover.ui.controls import Menu


def reading_words(text: str) -> str:
    """How a reply was read by a person's decision, for its foot: "read as Harmony"."""
    reading = Reading.of(text)
    match reading.kind:
        case ReadingKind.SERVED:
            return ""
        case ReadingKind.UNTIL_CLOSED:
            return _tr("read as thinking up to {0}").format(reading.closing or "</think>")
        case ReadingKind.TAGS:
            return _tr("read with {0} as tags").format(f"{reading.opening}…{reading.closing}")
        case ReadingKind.HARMONY:
            return _tr("read as Harmony")
        case ReadingKind.STRIPPED_HARMONY:
            return _tr("read as Harmony without markers")
        case ReadingKind.ANSWER:
            return _tr("read as all answer")


class ReadingMenu(Menu):
    """A choice of the way to read a reply; what is chosen holds for later replies of its model too.

    Signals:
        reading_chosen(str): see `Message.reading`
        tags_requested(): the person wants to name the tags
    """

    reading_chosen = Signal(str)
    tags_requested = Signal()

    def __init__(self, title: str, current: str, parent: QWidget) -> None:
        super().__init__(parent)
        self.setTitle(title)
        self._group = QActionGroup(self)
        present = Reading.of(current)
        for words, kind in (
            (_tr("As the server says"), ReadingKind.SERVED),
            (_tr("Thinking up to </think>"), ReadingKind.UNTIL_CLOSED),
            (_tr("Thinking between tags…"), ReadingKind.TAGS),
            (_tr("Harmony, as gpt-oss writes it"), ReadingKind.HARMONY),
            (_tr("Harmony without its markers"), ReadingKind.STRIPPED_HARMONY),
            (_tr("All of it is the answer"), ReadingKind.ANSWER),
        ):
            action = QAction(words, self._group)
            action.setCheckable(True)
            action.setChecked(kind is present.kind)
            action.setData(kind.value)
            self.addAction(action)
        self.addSeparator()
        note = self.addAction(_tr("Later replies of this model are read alike"))
        note.setEnabled(False)
        self._group.triggered.connect(self._choose)

    def _choose(self, action: QAction) -> None:
        kind = ReadingKind(action.data())
        if kind is ReadingKind.TAGS:
            self.tags_requested.emit()
        else:
            reading = AS_SERVED if kind is ReadingKind.SERVED else Reading(kind=kind)
            self.reading_chosen.emit(reading.as_text)


def _tr(text: str) -> str:
    return QCoreApplication.translate("reading", text)
