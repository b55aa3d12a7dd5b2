"""The dialog that adds a server or changes one. It takes values in, and gives values out by signals."""

from __future__ import annotations

import dataclasses
import itertools
import uuid
from collections.abc import Collection, Mapping, Sequence

from PySide6.QtCore import QCoreApplication, QSize, Qt, QUrl, Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from drover.domain.endpoint import OXEN, Endpoint, normalized_base_url
from drover.domain.known_server import KnownServer, server_at
from drover.domain.network import UNCHANGED, NetworkSecrets
from drover.engine.secrets import clean_key
from drover.errors import ConfigurationError
from drover.ui.combos import ComboBox
from drover.ui.controls import Button, CheckBox, Label, PrimaryButton, QuietButton
from drover.ui.dialog_parts import Form, KeyField, holder_of, named_button, named_field, scrolled
from drover.ui.framed_dialog import MARGIN_PX, words_label
from drover.ui.network_fields import NetworkFields
from drover.ui.trying_dialog import TryingDialog


def _pair(*fields: QWidget) -> QHBoxLayout:
    row = QHBoxLayout()
    row.setSpacing(8)
    for field in fields:
        row.addWidget(field, 1)
    return row


class EndpointDialog(TryingDialog):
    """Adds a server or changes one.

    Signals:
        test_requested(object, str, object): an Endpoint, a key (may be empty) and NetworkSecrets
        endpoint_submitted(object, str, object): an Endpoint to keep, its new key or "" for no change, and
            NetworkSecrets; the dialog closes by itself
        deletion_requested(str): the id of an endpoint to remove; the dialog closes by itself
        reset_requested(str): the id of one that goes back to its defaults; the dialog closes by itself
    """

    test_requested = Signal(object, str, object)
    endpoint_submitted = Signal(object, str, object)
    deletion_requested = Signal(str)
    reset_requested = Signal(str)

    def __init__(
        self,
        endpoint: Endpoint | None = None,
        *,
        base_url: str = "",
        taken_names: Collection[str] = (),
        servers: Sequence[KnownServer] = (),
        environment: Mapping[str, str] | None = None,
        parent: QWidget | None = None,
    ) -> None:
        """Name, address and server of a fixed endpoint are shown, but cannot be edited.

        `base_url` is that of a new one, as far as it is known; `taken_names` are those of the others;
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
        self._needs_key = CheckBox(_t("Ask for a key before sending"))
        self._needs_key.setAccessibleName(self._needs_key.text())
        self._network_toggle = named_button(QuietButton, _t("Network…"))
        self._network: NetworkFields | None = None
        self._form = Form()
        self._page = QVBoxLayout()
        is_fixed = endpoint is not None and endpoint.is_fixed
        self._delete = named_button(QuietButton, _t("Back to the defaults") if is_fixed else _t("Remove"))
        self._cancel = named_button(Button, _t("Cancel"))
        self._save = named_button(PrimaryButton, _t("Save"))
        self._lay_out(title)
        self._address.setText(base_url)
        self._fill()
        self._key.setPlaceholderText(_t("Paste the key") if self._needs_key.isChecked() else _t("Optional"))
        for field in (self._name, self._address, self._key, self._opening, self._closing):
            field.textChanged.connect(self._update)
        self._server.currentIndexChanged.connect(self._update)
        self._variable.clicked.connect(self._use_variable)
        self._network_toggle.clicked.connect(self._open_network)
        self._delete.clicked.connect(self._request_deletion)
        self._cancel.clicked.connect(self.reject)
        self._save.clicked.connect(self._submit)
        self._update()

    def _lay_out(self, title: str) -> None:
        form = self._form
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
        self._page.setContentsMargins(MARGIN_PX, MARGIN_PX - 4, MARGIN_PX, 16)
        self._page.setSpacing(12)
        self._page.addWidget(Label(title, role="title", weight=600))
        form.add("", self._network_toggle)
        for part in (form, self._verdict, self._steps):
            self._page.addWidget(part)
        self._page.addStretch(1)
        page = QWidget()
        page.setLayout(self._page)
        self._scroll = scroll = scrolled(page)
        scroll.verticalScrollBar().rangeChanged.connect(self._follow_test)
        self.body.setContentsMargins(0, 0, 0, 0)
        self.body.addWidget(scroll)
        self.foot.addWidget(self._delete)
        self.foot.addStretch(1)
        for button in (self._test, self._cancel, self._save):
            self.foot.addWidget(button)
        is_fixed = self._given is not None and self._given.is_fixed
        (self._model if is_fixed else self._address).setFocus()

    def sizeHint(self) -> QSize:
        """High enough for all of it where the screen allows; else it scrolls."""
        width = self.minimumWidth()
        most = self.screen().availableGeometry().height() - 80
        return QSize(width, min(self._needed(width), most))

    def _grow(self) -> None:
        most = self.screen().availableGeometry().height() - 80
        needed = min(self._needed(self.width()), most)
        if self.isVisible() and needed > self.height():
            self.resize(self.width(), needed)

    def _follow_test(self, _least: int, most: int) -> None:
        """What a test tells stands at the end, and is in view as it comes."""
        if self._steps.isVisible() or self._verdict.isVisible():
            self._scroll.verticalScrollBar().setValue(most)

    def _needed(self, width: int) -> int:
        self._page.activate()
        foot = self.foot.sizeHint().height() + 1
        # Beside a scroll bar sentences take more lines; a bar that has come would keep itself needed.
        beside_bar = width - self._scroll.verticalScrollBar().sizeHint().width()
        return self._page.totalHeightForWidth(beside_bar) + foot

    def _fill(self) -> None:
        self._delete.setVisible(self._given not in (None, OXEN))
        if self._given is None:
            self._needs_key.setChecked(False)
            return
        for field in (self._address, self._server, self._name, self._needs_key):
            field.setEnabled(not self._given.is_fixed)
        self._name.setText(self._given.name)
        self._address.setText(self._given.base_url)
        self._model.setText(self._given.default_model_id)
        self._needs_key.setChecked(self._given.needs_key)
        self._server.setCurrentIndex(max(0, self._server.findData(self._given.provider)))
        self._opening.setText(self._given.think_opening)
        self._closing.setText(self._given.think_closing)
        if self._given.network is not None:
            self._open_network()

    def display_place(self, place: str, _notice: str = "", *, has_key: bool = False) -> None:
        """Where a key is or will be kept, and whether there is one."""
        if has_key:
            self._key.setPlaceholderText(_t("A key is kept; paste another to replace it"))
        self._key.setToolTip(_t("It is kept in: {0}.").format(place) if place else "")

    def _open_network(self) -> None:
        """The fields are made when they are asked for; few servers need them."""
        if self._network is None:
            self._network = NetworkFields(self._given.network if self._given is not None else None)
            self._network.edited.connect(self._update)
            self._page.insertWidget(self._page.indexOf(self._verdict), self._network)
            self._network_toggle.hide()
            for first, second in itertools.pairwise((self._closing, *self._network.stops, self._test)):
                QWidget.setTabOrder(first, second)
            self._network.stops[0].setFocus(Qt.FocusReason.OtherFocusReason)
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
            default_model_id=self._model.text().strip() or (OXEN.default_model_id if given.is_fixed else ""),
            needs_key=self._needs_key.isChecked(),
            think_opening=opening,
            think_closing=closing,
            network=self._network.settings() if self._network is not None else given.network,
        )

    def _secrets(self) -> NetworkSecrets:
        return self._network.secrets() if self._network is not None else UNCHANGED

    def _new_key(self) -> str:
        return clean_key(self._key.text()) if self._key.text().strip() else ""

    def _update(self) -> None:
        self._forget_test()
        self.make_room()
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
        self._test.setEnabled(endpoint is not None or self._is_testing)

    def _show_server(self, base_url: str) -> None:
        """What the address tells, and whether the environment holds a key for that server."""
        found = server_at(base_url, self._servers)
        by_address = _t("Recognized: {0}").format(found.label) if found else _t("By its address")
        self._server.setItemText(0, by_address)
        chosen = next((s for s in self._servers if s.name == self._server.currentData()), found)
        words = _t("Requests are put into its form; each change is told.")
        if self._given is not None and self._given.is_fixed:
            words = _t("Address, server and name of {0} are fixed.").format(self._given.name)
        elif chosen is None:
            words = _t("Requests take the plain form of OpenAI until a server is recognized or chosen.")
        elif found is not None and chosen is not found:
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

    def _ask_for_test(self) -> bool:
        try:
            endpoint, key, secrets = self._endpoint(), self._new_key(), self._secrets()
        except ConfigurationError as error:
            self._verdict.display(error.words, is_warning=True)
            return False
        self.test_requested.emit(endpoint, key, secrets)
        return True

    def _submit(self) -> None:
        try:
            endpoint, key, secrets = self._endpoint(), self._new_key(), self._secrets()
        except ConfigurationError as error:
            self._verdict.display(error.words, is_warning=True)
            return
        self.endpoint_submitted.emit(endpoint, key, secrets)
        self.accept()

    def _request_deletion(self) -> None:
        if self._given is not None:
            wanted = self.reset_requested if self._given.is_fixed else self.deletion_requested
            wanted.emit(self._given.id)
            self.accept()


def _t(text: str) -> str:
    return QCoreApplication.translate("endpoint_dialog", text)
