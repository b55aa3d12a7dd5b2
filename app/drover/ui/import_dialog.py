"""A dialog into which a request from elsewhere is pasted, and that says what would become of it."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QCoreApplication, QSize, Qt, Signal
from PySide6.QtWidgets import QPlainTextEdit, QWidget

from drover.domain.imported import ImportedRequest
from drover.ui import formats
from drover.ui.controls import Button, Label, PrimaryButton, QuietButton
from drover.ui.dialog_parts import two_columns
from drover.ui.framed_dialog import FramedDialog, Verdict, words_label
from drover.ui.theme import theme

_WIDTH_PX: Final = 600
_LABEL_PX: Final = 80


class ImportDialog(FramedDialog):
    """Takes a cURL command or a JSON body.

    Signals:
        text_edited(str): answer with `display_request` or `display_refusal`
        import_requested(object): the ImportedRequest that was displayed last; the dialog closes by itself
        endpoint_requested(str): an address that no endpoint has is to be added
    """

    text_edited = Signal(str)
    import_requested = Signal(object)
    endpoint_requested = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(_t("Import a request"), parent, width_px=_WIDTH_PX)
        self._request: ImportedRequest | None = None
        words = words_label(token="text-2")
        words.setText(
            _t("Paste a curl command, or the JSON body of a chat completion. A key in it stays out.")
        )
        self._text = _PastedText(_t("Request"))
        self._text.textChanged.connect(self._tell_edited)
        self._facts = _Facts()
        self._verdict = Verdict()
        self._add = _button(QuietButton, _t("Add this endpoint…"))
        self._add.clicked.connect(self._request_endpoint)
        cancel = _button(Button, _t("Cancel"))
        cancel.clicked.connect(self.reject)
        self._import = _button(PrimaryButton, _t("Import"))
        self._import.clicked.connect(self._submit)
        self.body.addWidget(Label(self.windowTitle(), role="title", weight=600))
        self.body.addWidget(words)
        self.body.addWidget(self._text, 1)
        self.body.addWidget(self._facts)
        self.body.addWidget(self._verdict)
        self.foot.addWidget(self._add)
        self.foot.addStretch(1)
        self.foot.addWidget(cancel)
        self.foot.addWidget(self._import)
        self.display_refusal("")
        self._text.setFocus()

    @property
    def text(self) -> str:
        """What was pasted."""
        return self._text.toPlainText()

    def sizeHint(self) -> QSize:
        """Room for a command of some ten lines and what is said about it."""
        height = min(theme().px(520), self.screen().availableGeometry().height() - 64)
        return QSize(self.minimumWidth(), height)

    def display_request(self, request: ImportedRequest, *, endpoint_name: str, is_known: bool) -> None:
        """What was read, and the endpoint that it goes to; whether that is the one of its address."""
        self._request = request
        is_lost = bool(request.base_url) and not is_known
        self._facts.display(
            [
                (_t("Address"), request.base_url or _t("None")),
                (_t("Goes to"), endpoint_name),
                (_t("Model"), "" if is_lost else request.model_id),
                (_t("Settings"), _settings_words(request)),
                (_t("Messages"), _messages_words(request)),
            ]
        )
        words = _t("No endpoint has this address, so endpoint and model stay as they were chosen.")
        notes = [words] if is_lost else []
        self._verdict.display("\n".join([*notes, *request.notes]), is_warning=True)
        self._add.setVisible(is_lost)
        self._import.setEnabled(True)

    def display_refusal(self, words: str) -> None:
        """Why nothing can be taken over; empty while there is nothing to judge."""
        self._request = None
        self._facts.display([])
        self._verdict.display(words, is_warning=True)
        self._add.hide()
        self._import.setEnabled(False)

    def _tell_edited(self) -> None:
        self._import.setEnabled(False)
        self.text_edited.emit(self.text)

    def _request_endpoint(self) -> None:
        if self._request is not None:
            self.endpoint_requested.emit(self._request.base_url)

    def _submit(self) -> None:
        if self._request is not None:
            self.import_requested.emit(self._request)
            self.accept()


class _Facts(QWidget):
    """Names with their values, one below the other."""

    def __init__(self) -> None:
        super().__init__()
        self._grid = two_columns(self, _LABEL_PX)
        self._rows: list[tuple[Label, Label]] = []

    def display(self, facts: list[tuple[str, str]]) -> None:
        """Those without a value are left out."""
        shown = [fact for fact in facts if fact[1]]
        while len(self._rows) < len(shown):
            row = len(self._rows)
            name, value = words_label(token="text-2"), words_label()
            value.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            self._grid.addWidget(name, row, 0, Qt.AlignmentFlag.AlignTop)
            self._grid.addWidget(value, row, 1)
            self._rows.append((name, value))
        for index, (name, value) in enumerate(self._rows):
            words = shown[index] if index < len(shown) else ("", "")
            for label, text in zip((name, value), words, strict=True):
                label.setText(text)
                label.setVisible(bool(text))
        self.setVisible(bool(shown))


class _PastedText(QPlainTextEdit):
    """A field for text that is pasted rather than written; Tab goes on to the next control."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.setAccessibleName(name)
        self.setProperty("surface", "code")
        self.setTabChangesFocus(True)
        theme().changed.connect(self._restyle)
        self._restyle()

    def _restyle(self) -> None:
        self.setFont(theme().font("code"))


def _settings_words(request: ImportedRequest) -> str:
    if not len(request.parameters):
        return _t("None: the server’s own defaults apply")
    return ", ".join(f"{name} {formats.parameter_value(name, value)}" for name, value in request.parameters)


def _messages_words(request: ImportedRequest) -> str:
    count = len(request.turns)
    words = _t("1 message") if count == 1 else _t("{0} messages").format(formats.whole(count))
    if request.open_text:
        words += _t(", the last one to be sent")
    return words + (_t(", and a system prompt") if request.system_prompt else "")


def _t(text: str) -> str:
    return QCoreApplication.translate("import_dialog", text)


def _button(kind: type[Button], text: str) -> Button:
    button = kind(text)
    button.setAccessibleName(text)
    return button
