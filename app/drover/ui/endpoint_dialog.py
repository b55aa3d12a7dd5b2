"""The dialog that adds a server or changes one. It takes values in, and gives values out by signals."""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Collection, Mapping, Sequence

from PySide6.QtCore import QCoreApplication, QUrl, Signal
from PySide6.QtWidgets import QHBoxLayout, QWidget

from drover.domain.endpoint import Endpoint, normalized_base_url
from drover.domain.known_server import KnownServer, server_at
from drover.engine.secrets import clean_key
from drover.errors import ConfigurationError
from drover.ui.combos import ComboBox
from drover.ui.controls import Button, CheckBox, Label, PrimaryButton, QuietButton
from drover.ui.dialog_parts import Form, KeyField, holder_of, named_button, named_field
from drover.ui.framed_dialog import FramedDialog, Verdict, words_label


def _pair(*fields: QWidget) -> QHBoxLayout:
    row = QHBoxLayout()
    row.setSpacing(8)
    for field in fields:
        row.addWidget(field, 1)
    return row


class EndpointDialog(FramedDialog):
    """Adds a server or changes one.

    Signals:
        test_requested(object, str): an Endpoint and a key (may be empty); answer with `display_test`
        endpoint_submitted(object, str): an Endpoint to keep, and its new key or "" for no change;
            the dialog closes by itself
        deletion_requested(str): the id of an endpoint to remove; the dialog closes by itself
    """

    test_requested = Signal(object, str)
    endpoint_submitted = Signal(object, str)
    deletion_requested = Signal(str)

    def __init__(
        self,
        endpoint: Endpoint | None = None,
        *,
        base_url: str = "",
        taken_names: Collection[str] = (),
        place: str = "",
        has_key: bool = False,
        servers: Sequence[KnownServer] = (),
        environment: Mapping[str, str] | None = None,
        parent: QWidget | None = None,
    ) -> None:
        """`base_url` is that of a new one, as far as it is known; `taken_names` are those of the others;
        `place` says where a key would be kept. Among `servers` the address is looked for, and the person may
        choose; the `environment` may hold a key of theirs, which is taken over by a click."""
        title = _t("Add a server") if endpoint is None else _t("Edit {0}").format(endpoint.name)
        super().__init__(title, parent, width_px=520)
        self._given = endpoint
        self._taken_names = {name.casefold() for name in taken_names}
        self._name = named_field(_t("Name"))
        self._address = named_field(_t("Address"), placeholder="http://localhost:8000/v1")
        self._preview = words_label(role="small", token="text-3")
        self._servers = servers
        self._environment = environment or {}
        self._server = ComboBox(_t("Server"))
        self._server.addItem(_t("By its address"), "")
        for server in servers:
            self._server.addItem(server.label, server.name)
        self._server_words = words_label(role="small", token="text-3")
        self._variable = named_button(QuietButton, _t("Use the key of the environment"))
        self._model = named_field(_t("Model"), placeholder=_t("Optional: the model to begin with"))
        self._opening = named_field(_t("Opening tag of thinking"), placeholder=_t("Optional: [THINK]"))
        self._closing = named_field(_t("Closing tag of thinking"), placeholder="[/THINK]")
        self._key = KeyField()
        hint = _t("A key is kept; paste another to replace it") if has_key else _t("Optional")
        self._key.setPlaceholderText(hint)
        self.make_room()
        self._key.setToolTip(_t("It is kept in: {0}.").format(place) if place else "")
        self._needs_key = CheckBox(_t("Ask for a key before sending"))
        self._needs_key.setAccessibleName(self._needs_key.text())
        self._verdict = Verdict()
        self._test = named_button(Button, _t("Test"))
        self._delete = named_button(QuietButton, _t("Remove"))
        self._cancel = named_button(Button, _t("Cancel"))
        self._save = named_button(PrimaryButton, _t("Save"))
        self._lay_out(title)
        self._address.setText(base_url)
        self._fill()
        for field in (self._name, self._address, self._key, self._opening, self._closing):
            field.textChanged.connect(self._update)
        self._server.currentIndexChanged.connect(self._update)
        self._variable.clicked.connect(self._use_variable)
        self._test.clicked.connect(self._request_test)
        self._delete.clicked.connect(self._request_deletion)
        self._cancel.clicked.connect(self.reject)
        self._save.clicked.connect(self._submit)
        self._update()

    def _lay_out(self, title: str) -> None:
        form = Form()
        form.add(_t("Address"), self._address, self._preview)
        form.add(_t("Server"), self._server, self._server_words)
        form.add(_t("Name"), self._name)
        form.add(_t("Model"), self._model)
        form.add(_t("API key"), self._key, self._variable)
        form.add("", self._needs_key)
        below = _t("Only for a server that marks thinking in its own way. The opening tag may be missing.")
        words = words_label(role="small", token="text-3")
        words.setText(below)
        form.add(_t("Thinking tags"), holder_of(_pair(self._opening, self._closing)), words)
        self.body.addWidget(Label(title, role="title", weight=600))
        self.body.addWidget(form)
        self.body.addWidget(self._verdict)
        self.body.addStretch(1)
        self.foot.addWidget(self._delete)
        self.foot.addStretch(1)
        for button in (self._test, self._cancel, self._save):
            self.foot.addWidget(button)
        self._address.setFocus()

    def _fill(self) -> None:
        self._delete.setVisible(self._given is not None)
        if self._given is None:
            self._needs_key.setChecked(False)
            return
        self._name.setText(self._given.name)
        self._address.setText(self._given.base_url)
        self._model.setText(self._given.default_model_id)
        self._needs_key.setChecked(self._given.needs_key)
        self._server.setCurrentIndex(max(0, self._server.findData(self._given.provider)))
        self._opening.setText(self._given.think_opening)
        self._closing.setText(self._given.think_closing)

    def display_test(self, ok: bool, words: str) -> None:
        """What came of the test."""
        self._test.setEnabled(True)
        self._verdict.display(words, is_warning=not ok, is_good=ok)
        self.make_room()

    def _endpoint(self) -> Endpoint:
        """The endpoint as filled in. Raises ConfigurationError in words."""
        base_url = normalized_base_url(self._address.text())
        name = " ".join(self._name.text().split()) or QUrl(base_url).host()
        if name.casefold() in self._taken_names:
            raise ConfigurationError(_t("There is already a server named {0}.").format(name))
        opening, closing = self._opening.text().strip(), self._closing.text().strip()
        if opening and not closing:
            raise ConfigurationError(_t("The tag that ends the thinking is missing."))
        given = self._given or Endpoint(id=uuid.uuid4().hex, name=name, base_url=base_url)
        return dataclasses.replace(
            given,
            name=name,
            base_url=base_url,
            provider=str(self._server.currentData() or ""),
            default_model_id=self._model.text().strip(),
            needs_key=self._needs_key.isChecked(),
            think_opening=opening,
            think_closing=closing,
        )

    def _new_key(self) -> str:
        return clean_key(self._key.text()) if self._key.text().strip() else ""

    def _update(self) -> None:
        self._verdict.display("")
        endpoint: Endpoint | None = None
        try:
            endpoint = self._endpoint()
        except ConfigurationError as error:
            is_empty = not self._address.text().strip()
            words = _t("As the server’s documentation shows it; with or without /v1.")
            self._preview.setText(words if is_empty else error.words)
            self._preview.set_look(token="text-3" if is_empty else "caution")
        else:
            self._preview.setText(_t("Requests go to {0}").format(endpoint.base_url + "/chat/completions"))
            self._preview.set_look(token="text-3")
            self._name.setPlaceholderText(QUrl(endpoint.base_url).host())
        self._show_server(endpoint.base_url if endpoint is not None else "")
        self._save.setEnabled(endpoint is not None)
        self._test.setEnabled(endpoint is not None)

    def _show_server(self, base_url: str) -> None:
        """What the address tells, and whether the environment holds a key for that server."""
        found = server_at(base_url, self._servers)
        by_address = _t("Recognized: {0}").format(found.label) if found else _t("By its address")
        self._server.setItemText(0, by_address)
        chosen = next((s for s in self._servers if s.name == self._server.currentData()), found)
        words = _t("Requests are put into its form; each change is told.")
        if found is not None and chosen is not found:
            words = _t("This is the address of {0}.").format(found.label)
        self._server_words.setText(words)
        # A key is offered for the address that it belongs to, whatever was chosen.
        names = found.key_variables if found is not None else ()
        name = next((name for name in names if self._environment.get(name)), "")
        self._variable.setVisible(bool(name))
        self._variable.setText(_t("Use {0} of the environment").format(name))
        self._variable.setAccessibleName(self._variable.text())
        self._variable.setProperty("variable", name)

    def _use_variable(self) -> None:
        self._key.setText(self._environment.get(str(self._variable.property("variable")), ""))

    def _request_test(self) -> None:
        try:
            endpoint, key = self._endpoint(), self._new_key()
        except ConfigurationError as error:
            self._verdict.display(error.words, is_warning=True)
            return
        self._test.setEnabled(False)
        self._verdict.display(_t("Testing…"))
        self.test_requested.emit(endpoint, key)

    def _submit(self) -> None:
        try:
            endpoint, key = self._endpoint(), self._new_key()
        except ConfigurationError as error:
            self._verdict.display(error.words, is_warning=True)
            return
        self.endpoint_submitted.emit(endpoint, key)
        self.accept()

    def _request_deletion(self) -> None:
        if self._given is not None:
            self.deletion_requested.emit(self._given.id)
            self.accept()


def _t(text: str) -> str:
    return QCoreApplication.translate("endpoint_dialog", text)
