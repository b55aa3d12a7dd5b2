"""Fields for how one endpoint is reached."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from PySide6.QtCore import QCoreApplication, Qt, Signal
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from drover.domain.network import (
    AS_THE_SYSTEM,
    NetworkSecrets,
    NetworkSettings,
    ProxyMode,
    read_proxy,
)
from drover.errors import ConfigurationError
from drover.ui.controls import Button
from drover.ui.dialog_parts import Form, KeyField, holder_of, named_button, named_field, segments_of
from drover.ui.framed_dialog import words_label


class NetworkFields(Form):
    """Proxy, trusted authorities and client certificate.

    Signals:
        edited(): something else is filled in
    """

    edited = Signal()

    def __init__(self, given: NetworkSettings | None) -> None:
        super().__init__()
        self._given = given or AS_THE_SYSTEM
        self._mode = segments_of(
            _t("Proxy"),
            (
                (ProxyMode.SYSTEM, _t("System")),
                (ProxyMode.ENVIRONMENT, _t("Environment")),
                (ProxyMode.MANUAL, _t("Address")),
                (ProxyMode.NONE, _t("None")),
            ),
        )
        self._proxy = named_field(
            _t("Address of the proxy"), placeholder=_t("http://host:3128 or socks5://host:1080")
        )
        self._user = named_field(_t("User name for the proxy"), placeholder=_t("User name, if it asks"))
        self._password = _secret_field(_t("Password for the proxy"), _t("Password"))
        self._authorities = named_field(_t("Trusted certificates"), placeholder=_t("Optional: a PEM file"))
        self._certificate = named_field(_t("Client certificate"), placeholder=_t("Optional: a PEM file"))
        self._key = named_field(_t("Key of the certificate"), placeholder=_t("Key file, if it is another"))
        self._passphrase = _secret_field(_t("Passphrase of the key"), _t("Passphrase, if it is encrypted"))
        self._choices: dict[QLineEdit, Button] = {}
        self._lay_out()
        self._fill()
        self._mode.activated.connect(self._change)
        for field in self._fields():
            field.textChanged.connect(self._change)
        self._proxy.editingFinished.connect(self._take_login)
        self._show_what_counts()

    def _fields(self) -> tuple[QLineEdit, ...]:
        own = (self._proxy, self._user, self._password, self._authorities)
        return (*own, self._certificate, self._key, self._passphrase)

    @property
    def stops(self) -> tuple[QWidget, ...]:
        """What the keyboard reaches, from top to bottom."""
        named = (self._proxy, self._user, self._password)
        chosen = (self._authorities, self._certificate, self._key)
        files = [stop for field in chosen for stop in (field, self._choices[field])]
        return (self._mode, *named, *files, self._passphrase)

    def _lay_out(self) -> None:
        self._manual = _column(self._proxy, _beside(self._user, self._password))
        self._own = _column(self._with_choice(self._key), self._passphrase)
        self.add(_t("Proxy"), self._mode, self._manual)
        words = words_label(role="small", token="text-3")
        words.setText(_t("Trusted besides those of the system, for this server alone."))
        self.add(_t("Certificates"), self._with_choice(self._authorities), words)
        self.add(_t("Client certificate"), self._with_choice(self._certificate), self._own)

    def _with_choice(self, field: QLineEdit) -> QWidget:
        """The field with a button that chooses a file for it."""
        choose = self._choices[field] = named_button(Button, _t("Choose…"))
        choose.setAccessibleName(_t("Choose a file: {0}").format(field.accessibleName()))
        choose.clicked.connect(partial(_choose, field))
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(field, 1)
        row.addWidget(choose)
        return holder_of(row)

    def _fill(self) -> None:
        given = self._given
        self._mode.setCurrentIndex(self._mode.findData(given.proxy_mode))
        self._proxy.setText(given.proxy_url)
        self._authorities.setText(given.ca_file)
        self._certificate.setText(given.certificate_file)
        self._key.setText(given.key_file)
        if given.proxy_has_login:
            self._user.setPlaceholderText(_t("Kept; enter another to replace it"))
            self._password.setPlaceholderText(_t("Kept"))
        if given.key_is_encrypted:
            self._passphrase.setPlaceholderText(_t("Kept; enter another to replace it"))

    def settings(self) -> NetworkSettings | None:
        """As filled in, None for the way of the system. Raises ConfigurationError in words."""
        mode = ProxyMode(self._mode.currentData())
        url = self._proxy.text().strip()
        if mode is ProxyMode.MANUAL:
            url = read_proxy(url).url
        login = self.secrets().proxy_login
        passphrase = self.secrets().passphrase
        is_same_proxy = url == self._given.proxy_url
        certificate, key = self._path(self._certificate), self._path(self._key)
        if key and not certificate:
            raise ConfigurationError(_t("A key alone is not enough: choose the client certificate too."))
        is_same_key = (certificate, key) == (self._given.certificate_file, self._given.key_file)
        found = NetworkSettings(
            proxy_mode=mode,
            proxy_url=url,
            proxy_has_login=bool(login) or (login is None and is_same_proxy and self._given.proxy_has_login),
            ca_file=self._path(self._authorities),
            certificate_file=certificate,
            key_file=key,
            key_is_encrypted=bool(passphrase)
            or (passphrase is None and is_same_key and self._given.key_is_encrypted),
        )
        return None if found == AS_THE_SYSTEM else found

    def secrets(self) -> NetworkSecrets:
        """What was entered. Raises ConfigurationError in words."""
        user, password = self._user.text().strip(), self._password.text()
        if self._mode.currentData() == ProxyMode.MANUAL and not user:
            read = read_proxy(self._proxy.text())
            user, password = read.user, read.password or password
        if password and not user:
            raise ConfigurationError(_t("The user name for the proxy is missing."))
        if ":" in user:
            raise ConfigurationError(_t("A user name for a proxy cannot hold a colon."))
        return NetworkSecrets(
            proxy_login=f"{user}:{password}" if user else None, passphrase=self._passphrase.text() or None
        )

    def _path(self, field: QLineEdit) -> str:
        """An absolute path of a file. Raises ConfigurationError in words for one that is none."""
        text = field.text().strip()
        if not text:
            return ""
        path = Path(text).expanduser()
        if not path.is_absolute() or not path.is_file():
            raise ConfigurationError(_t("{0} is not a file.").format(text), hint=field.accessibleName() + ".")
        return str(path)

    def _change(self) -> None:
        self._show_what_counts()
        self.edited.emit()

    def _show_what_counts(self) -> None:
        self._manual.setVisible(self._mode.currentData() == ProxyMode.MANUAL)
        self._own.setVisible(bool(self._certificate.text().strip()))

    def _take_login(self) -> None:
        """A pasted address may hold a login: it moves to fields that are kept as keys are."""
        try:
            read = read_proxy(self._proxy.text())
        except ConfigurationError:
            return
        if read.user:
            self._user.setText(read.user)
            self._password.setText(read.password)
            self._proxy.setText(read.url)


def _secret_field(name: str, placeholder: str) -> KeyField:
    field = KeyField()
    field.setAccessibleName(name)
    field.setPlaceholderText(placeholder)
    return field


def _beside(*widgets: QWidget) -> QWidget:
    row = QHBoxLayout()
    row.setSpacing(8)
    for widget in widgets:
        row.addWidget(widget, 1)
    return holder_of(row)


def _column(*widgets: QWidget) -> QWidget:
    column = QWidget()
    layout = QVBoxLayout(column)
    layout.setContentsMargins(0, 4, 0, 0)
    layout.setSpacing(8)
    for widget in widgets:
        layout.addWidget(widget)
    return column


def _choose(field: QLineEdit) -> None:
    dialog = QFileDialog(field, field.accessibleName())
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
    dialog.setNameFilters([_t("Certificates (*.pem *.crt *.cer *.key)"), _t("All files (*)")])
    dialog.fileSelected.connect(field.setText)
    dialog.open()


def _t(text: str) -> str:
    return QCoreApplication.translate("network_fields", text)
