"""Asks between which tags the thinking of a reply stands."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, Signal
from PySide6.QtWidgets import QWidget

from drover.domain.reading import Reading, reading_by_tags
from drover.ui.controls import Button, Label, PrimaryButton
from drover.ui.dialog_parts import Form, named_button, named_field
from drover.ui.framed_dialog import FramedDialog, words_label


class TagsDialog(FramedDialog):
    """A pair of tags, of which the opening one may be missing.

    Signals:
        reading_chosen(str): see `Message.reading`; the dialog closes by itself
    """

    reading_chosen = Signal(str)

    def __init__(self, current: str, parent: QWidget | None = None) -> None:
        """`current` is how the reply is read now."""
        title = _t("Thinking between tags")
        super().__init__(title, parent, width_px=420)
        present = Reading.of(current)
        self._opening = named_field(_t("Opening tag"), placeholder="<think>")
        self._closing = named_field(_t("Closing tag"), placeholder="</think>")
        self._opening.setText(present.opening)
        self._closing.setText(present.closing)
        words = words_label(token="text-2")
        words.setText(_t("Leave the opening tag empty if the reply begins inside the thinking."))
        form = Form()
        form.add(_t("Opening tag"), self._opening)
        form.add(_t("Closing tag"), self._closing)
        for part in (Label(title, role="title", weight=600), words, form):
            self.body.addWidget(part)
        self.body.addStretch(1)
        cancel = named_button(Button, _t("Cancel"))
        self._save = named_button(PrimaryButton, _t("Read it this way"))
        self.foot.addStretch(1)
        for button in (cancel, self._save):
            self.foot.addWidget(button)
        cancel.clicked.connect(self.reject)
        self._save.clicked.connect(self._submit)
        self._closing.textChanged.connect(self._update)
        self._opening.setFocus()
        self._update()

    def _update(self) -> None:
        self._save.setEnabled(bool(self._closing.text().strip()))

    def _submit(self) -> None:
        reading = reading_by_tags(self._opening.text().strip(), self._closing.text().strip())
        self.accept()
        self.reading_chosen.emit(reading.as_text)


def _t(text: str) -> str:
    return QCoreApplication.translate("reading", text)
