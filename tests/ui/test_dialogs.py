"""Dialogs: values in, values out."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TypeVar

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAccessible
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QComboBox,
    QDialog,
    QFileDialog,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
    QScrollArea,
    QWidget,
)
from pytestqt.qtbot import QtBot

from drover.domain.endpoint import BUILT_IN, OXEN, Endpoint
from drover.domain.network import UNCHANGED, NetworkSecrets, NetworkSettings, ProxyMode
from drover.engine.connection_test import ConnectionStep
from drover.store.settings import Settings
from drover.ui.combos import Segments
from drover.ui.dialogs import FatalDialog, KeyDialog, LinkDialog, SettingsDialog
from drover.ui.endpoint_dialog import EndpointDialog
from drover.ui.number_field import NumberField

W = TypeVar("W", bound=QWidget)
KEY = "sk-0123456789abcdef"
WORKSTATION = Endpoint(id="own", name="Workstation", base_url="http://10.0.0.5:8000/v1", needs_key=False)


class Hand:
    """Uses one open dialog, and notes what it tells."""

    def __init__(self, qtbot: QtBot, dialog: QDialog, *signals: str) -> None:
        self.dialog = dialog
        self.told: list[tuple[object, ...]] = []
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
        qtbot.addWidget(dialog)
        for name in (*signals, "accepted", "rejected"):
            getattr(dialog, name).connect(partial(self._note, name))
        dialog.open()
        qtbot.waitExposed(dialog)

    def _note(self, name: str, *values: object) -> None:
        self.told.append((name, *values))

    def named(self, name: str, kind: type[W]) -> W:
        found = [w for w in self.dialog.findChildren(kind) if w.accessibleName() == name]
        assert found, name
        return found[0]

    def click(self, name: str) -> None:
        QTest.mouseClick(self.named(name, QAbstractButton), Qt.MouseButton.LeftButton)

    def is_enabled(self, name: str) -> bool:
        return self.named(name, QPushButton).isEnabled()

    def words(self) -> str:
        return "\n".join(label.text() for label in self.dialog.findChildren(QLabel) if label.isVisible())


def key_dialog(qtbot: QtBot, **options: object) -> Hand:
    dialog = KeyDialog("Oxen.ai", place="Secret Service", **options)  # type: ignore[arg-type]
    return Hand(qtbot, dialog, "test_requested", "key_submitted", "deletion_requested")


def test_a_pasted_key_is_trimmed_and_saved_once(qtbot: QtBot) -> None:
    hand = key_dialog(qtbot)
    assert not hand.is_enabled("Save")
    hand.named("API key", QLineEdit).setText(f"  {KEY}\n")
    hand.click("Save")
    assert hand.told == [("key_submitted", KEY)]
    assert not hand.is_enabled("Save")
    assert hand.dialog.isVisible()


REFUSED = "It is not accepted (401). " + "Look at whether the key is whole. " * 4


def test_a_key_is_tested_and_the_result_shown_below_it(qtbot: QtBot) -> None:
    hand = key_dialog(qtbot)
    hand.named("API key", QLineEdit).setText(KEY)
    hand.click("Test")
    assert hand.told == [("test_requested", KEY)]
    assert "Testing; it ends with a question" in hand.words()
    assert isinstance(hand.dialog, KeyDialog)
    hand.dialog.display_step(ConnectionStep(name="Encryption", is_good=True, words="TLS 1.3."))
    hand.dialog.display_step(ConnectionStep(name="Key", is_good=False, words=REFUSED))
    assert hand.is_enabled("Stop")
    hand.dialog.display_test_end()
    qtbot.waitUntil(lambda: "It is not accepted (401)." in hand.words())
    assert hand.is_enabled("Test")
    label = next(found for found in hand.dialog.findChildren(QLabel) if found.text().startswith("It is not"))
    qtbot.waitUntil(lambda: label.height() >= label.heightForWidth(label.width()) > 2 * 16)
    hand.named("API key", QLineEdit).setText(KEY + "x")
    qtbot.waitUntil(lambda: "It is not accepted (401)." not in hand.words())


def test_a_key_that_cannot_be_sent_is_refused_in_words(qtbot: QtBot) -> None:
    hand = key_dialog(qtbot)
    hand.named("API key", QLineEdit).setText("schlüssel")
    hand.click("Save")
    assert hand.told == []
    assert "not ASCII" in hand.words()
    assert "schlüssel" not in hand.words()


def test_a_key_is_never_spoken(qtbot: QtBot) -> None:
    hand = key_dialog(qtbot)
    field = hand.named("API key", QLineEdit)
    field.setText(KEY)
    hand.click("Test")
    spoken = [
        interface.text(kind)
        for widget in (hand.dialog, *hand.dialog.findChildren(QWidget))
        if (interface := QAccessible.queryAccessibleInterface(widget)) is not None
        for kind in (QAccessible.Text.Name, QAccessible.Text.Value, QAccessible.Text.Description)
    ]
    assert not [text for text in spoken if KEY in text]
    assert field.echoMode() == QLineEdit.EchoMode.Password


def test_where_a_key_is_kept_is_said_and_a_kept_one_can_be_deleted(qtbot: QtBot) -> None:
    hand = key_dialog(qtbot, notice="The keyring is locked.")
    assert "It is kept in: Secret Service." in hand.words()
    assert "The keyring is locked." in hand.words()
    assert not hand.named("Delete key", QPushButton).isVisible()
    assert isinstance(hand.dialog, KeyDialog)
    hand.dialog.display_place("Secret Service", has_key=True)
    assert "The keyring is locked." not in hand.words()
    hand.click("Delete key")
    assert hand.told == [("deletion_requested",)]
    hand.dialog.display_error("The keyring does not answer.")
    assert "The keyring does not answer." in hand.words()


def endpoint_dialog(qtbot: QtBot, endpoint: Endpoint | None = None, **options: object) -> Hand:
    dialog = EndpointDialog(endpoint, **options)  # type: ignore[arg-type]
    signals = ("test_requested", "test_stopped", "endpoint_submitted", "deletion_requested")
    return Hand(qtbot, dialog, *signals)


def test_an_address_is_put_right_while_it_is_typed(qtbot: QtBot) -> None:
    hand = endpoint_dialog(qtbot)
    assert not hand.is_enabled("Save")
    hand.named("Address", QLineEdit).setText("localhost:8080/v1/chat/completions/")
    assert "Requests go to http://localhost:8080/v1/chat/completions" in hand.words()
    assert hand.is_enabled("Save")
    hand.named("Address", QLineEdit).setText("ftp://host")
    assert "is not an http or https address" in hand.words()
    assert not hand.is_enabled("Save")


def test_a_new_server_is_named_after_its_host_unless_told_otherwise(qtbot: QtBot) -> None:
    hand = endpoint_dialog(qtbot)
    hand.named("Address", QLineEdit).setText("https://models.example.org")
    hand.named("Model", QLineEdit).setText(" qwen3 ")
    hand.named("API key", QLineEdit).setText(f" {KEY} ")
    hand.click("Ask for a key before sending")
    hand.click("Save")
    (name, endpoint, key, secrets), accepted = hand.told
    assert secrets == UNCHANGED
    assert isinstance(endpoint, Endpoint)
    assert (name, key, accepted) == ("endpoint_submitted", KEY, ("accepted",))
    assert endpoint.id
    assert (endpoint.name, endpoint.base_url) == ("models.example.org", "https://models.example.org/v1")
    assert (endpoint.default_model_id, endpoint.needs_key) == ("qwen3", True)


def test_two_servers_cannot_have_one_name(qtbot: QtBot) -> None:
    hand = endpoint_dialog(qtbot, taken_names=["Oxen.ai"])
    hand.named("Address", QLineEdit).setText("localhost:8000")
    hand.named("Name", QLineEdit).setText("oxen.AI")
    hand.named("Name", QLineEdit).textChanged.emit("oxen.AI")
    assert "There is already a server named oxen.AI." in hand.words()
    assert not hand.is_enabled("Save")


def test_an_endpoint_is_changed_and_keeps_the_rest(qtbot: QtBot) -> None:
    hand = endpoint_dialog(qtbot, WORKSTATION)
    assert hand.named("Address", QLineEdit).text() == WORKSTATION.base_url
    hand.named("Name", QLineEdit).setText("Upstairs")
    hand.click("Test")
    hand.click("Save")
    tested, saved, _accepted = hand.told
    changed = saved[1]
    assert isinstance(changed, Endpoint)
    assert tested[0] == "test_requested"
    assert (changed.id, changed.name, changed.base_url) == ("own", "Upstairs", WORKSTATION.base_url)
    assert saved[2] == ""


def test_an_endpoint_is_removed(qtbot: QtBot) -> None:
    hand = endpoint_dialog(qtbot, WORKSTATION)
    hand.click("Remove")
    assert hand.told == [("deletion_requested", "own"), ("accepted",)]


@pytest.fixture
def settings(qtbot: QtBot) -> Hand:
    dialog = SettingsDialog(Settings(), [BUILT_IN, OXEN, WORKSTATION], profile_dir="/home/someone/drover")
    return Hand(
        qtbot,
        dialog,
        "settings_edited",
        "endpoint_add_requested",
        "endpoint_edit_requested",
        "endpoint_delete_requested",
        "key_requested",
        "folder_requested",
    )


def edited(hand: Hand) -> Settings:
    name, value = hand.told[-1]
    assert name == "settings_edited"
    assert isinstance(value, Settings)
    return value


def test_each_setting_counts_at_once(settings: Hand) -> None:
    assert settings.told == []
    theme = settings.named("Theme", QComboBox)
    theme.setCurrentIndex(theme.findText("Dark"))
    theme.activated.emit(theme.currentIndex())
    assert edited(settings).theme_mode == "dark"
    reasoning = settings.named("Reasoning", QComboBox)
    reasoning.setCurrentIndex(reasoning.findText("Closed"))
    reasoning.activated.emit(reasoning.currentIndex())
    assert edited(settings).reasoning_display == "closed"
    asked = settings.named("After sending", QComboBox)
    asked.setCurrentIndex(asked.findText("Question at the top"))
    asked.activated.emit(asked.currentIndex())
    assert edited(settings).is_question_raised
    settings.click("Larger text")
    assert edited(settings).text_scale == 1.1
    assert "110 %" in settings.words()
    field = settings.named("Longest wait for a first byte", NumberField)
    field.stepBy(5)
    assert edited(settings).first_byte_timeout_s == 900
    assert edited(settings).theme_mode == "dark"


def test_values_shown_are_not_told(settings: Hand) -> None:
    assert isinstance(settings.dialog, SettingsDialog)
    settings.dialog.display_settings(Settings(theme_mode="light", text_scale=3.0, idle_timeout_s=120))
    assert settings.told == []
    assert settings.named("Theme", QComboBox).currentText() == "Light"
    assert settings.named("Longest silence in a reply", NumberField).number == 2
    assert not settings.is_enabled("Larger text")


def test_endpoints_are_listed_with_their_keys(settings: Hand) -> None:
    assert isinstance(settings.dialog, SettingsDialog)
    settings.dialog.display_key_statuses({"oxen": "Key in Secret Service"})
    assert "Key in Secret Service" in settings.words()
    settings.click("Key of Oxen.ai")
    settings.click("Edit Oxen.ai")
    settings.click("Edit Workstation")
    settings.click("Remove Workstation")
    settings.click("Add a server…")
    assert settings.told == [
        ("key_requested", "oxen"),
        ("endpoint_edit_requested", "oxen"),
        ("endpoint_edit_requested", "own"),
        ("endpoint_delete_requested", "own"),
        ("endpoint_add_requested",),
    ]
    names = {button.accessibleName() for button in settings.dialog.findChildren(QPushButton)}
    assert not names & {"Remove Oxen.ai", "Key of Built-in", "Edit Built-in"}
    settings.dialog.display_endpoints([BUILT_IN, OXEN])
    assert "Key in Secret Service" in settings.words()


def test_another_model_file_is_chosen_without_blocking(settings: Hand) -> None:
    settings.click("Choose a .gguf file…")
    chooser = settings.dialog.findChildren(QFileDialog)[0]
    assert chooser.isVisible()
    chooser.fileSelected.emit("/models/gpt-oss-20b.gguf")
    chooser.close()
    assert edited(settings).gguf_path == "/models/gpt-oss-20b.gguf"
    assert "/models/gpt-oss-20b.gguf" in settings.words()
    settings.click("Use the tiny built-in model")
    assert edited(settings).gguf_path == ""


def test_a_link_shows_its_whole_target_before_it_opens(qtbot: QtBot) -> None:
    url = "https://example.org/a/long/path?with=query#fragment"
    hand = Hand(qtbot, LinkDialog(url), "open_confirmed")
    assert hand.named("Address", QPlainTextEdit).toPlainText() == url
    assert "example.org" in hand.words()
    hand.click("Do not ask again for this site")
    hand.click("Open")
    assert hand.told == [("open_confirmed", True), ("accepted",)]


def test_a_link_that_is_not_wanted_stays_closed(qtbot: QtBot) -> None:
    hand = Hand(qtbot, LinkDialog("https://example.org/"), "open_confirmed")
    hand.click("Cancel")
    assert hand.told == [("rejected",)]


def test_letters_that_look_familiar_are_shown_for_what_they_are(qtbot: QtBot) -> None:
    hand = Hand(qtbot, LinkDialog("https://\u0430pple.com/"), "open_confirmed")
    assert "xn--pple-43d.com" in hand.words()


def test_a_fatal_message_says_what_and_what_to_do(qtbot: QtBot) -> None:
    hand = Hand(qtbot, FatalDialog("The library is from a newer version.", "Update Drover."))
    assert "The library is from a newer version." in hand.words()
    assert "Update Drover." in hand.words()
    hand.click("Close")
    assert hand.told == [("accepted",)]


def test_a_proxy_is_set_and_its_pasted_login_goes_to_the_fields_that_are_kept_as_keys(qtbot: QtBot) -> None:
    hand = endpoint_dialog(qtbot, WORKSTATION)
    hand.click("Network…")
    mode = hand.named("Proxy", Segments)
    mode.setCurrentIndex(mode.findData(ProxyMode.MANUAL))
    mode.activated.emit(mode.currentIndex())
    assert "The address of the proxy is empty." in hand.words()
    proxy = hand.named("Address of the proxy", QLineEdit)
    proxy.setText("socks5://ann:hidden-word@proxy.example")
    proxy.editingFinished.emit()
    assert proxy.text() == "socks5://proxy.example:1080"
    hand.click("Save")
    (_, endpoint, _, secrets), _accepted = hand.told
    assert isinstance(endpoint, Endpoint)
    assert endpoint.network == NetworkSettings(
        proxy_mode=ProxyMode.MANUAL, proxy_url="socks5://proxy.example:1080", proxy_has_login=True
    )
    assert secrets == NetworkSecrets(proxy_login="ann:hidden-word")
    assert "hidden-word" not in repr((endpoint, secrets))


def test_a_file_that_is_not_there_is_told_before_saving(qtbot: QtBot, tmp_path: Path) -> None:
    hand = endpoint_dialog(qtbot, WORKSTATION)
    hand.click("Network…")
    field = hand.named("Trusted certificates", QLineEdit)
    field.setText(str(tmp_path / "gone.pem"))
    assert f"{tmp_path / 'gone.pem'} is not a file." in hand.words()
    assert not hand.is_enabled("Save")
    (tmp_path / "ca.pem").write_text("")
    field.setText(str(tmp_path / "ca.pem"))
    hand.click("Save")
    endpoint = hand.told[0][1]
    assert isinstance(endpoint, Endpoint)
    assert endpoint.network == NetworkSettings(ca_file=str(tmp_path / "ca.pem"))


def test_what_a_test_tells_is_in_view_where_the_dialog_cannot_grow(qtbot: QtBot) -> None:
    hand = endpoint_dialog(qtbot, WORKSTATION)
    assert isinstance(hand.dialog, EndpointDialog)
    hand.dialog.setFixedHeight(360)
    for name in ("Name", "Connection", "Encryption", "HTTP"):
        hand.dialog.display_step(ConnectionStep(name=name, is_good=True, words="As it should be."))
    hand.dialog.display_step(ConnectionStep(name="Model", is_good=False, words=REFUSED))
    label = next(found for found in hand.dialog.findChildren(QLabel) if found.text().startswith("It is not"))
    qtbot.waitUntil(
        lambda: not label.visibleRegion().isEmpty() and label.visibleRegion().boundingRect() == label.rect()
    )


def test_each_layer_of_a_test_gets_a_line_and_the_test_can_be_stopped(qtbot: QtBot) -> None:
    hand = endpoint_dialog(qtbot, WORKSTATION)
    assert isinstance(hand.dialog, EndpointDialog)
    hand.click("Test")
    hand.dialog.display_step(ConnectionStep(name="Connection", is_good=True, words="10.0.0.5 port 8000."))
    hand.dialog.display_step(
        ConnectionStep(name="HTTP", is_good=False, words="It does not answer.", advice="Check the port.")
    )
    qtbot.waitUntil(lambda: "It does not answer. Check the port." in hand.words())
    assert "10.0.0.5 port 8000." in hand.words()
    hand.click("Stop")
    hand.dialog.display_test_end("Stopped.")
    assert [told[0] for told in hand.told] == ["test_requested", "test_stopped"]
    qtbot.waitUntil(lambda: "Stopped." in hand.words())


def test_sentences_that_come_while_a_server_is_entered_leave_nothing_to_scroll(qtbot: QtBot) -> None:
    hand = endpoint_dialog(qtbot)
    (area,) = hand.dialog.findChildren(QScrollArea)
    bar = area.verticalScrollBar()
    qtbot.waitUntil(lambda: not bar.isVisible())
    hand.named("Address", QLineEdit).setText("http://server-with-a-long-name.example.org:41727/v1")
    assert isinstance(hand.dialog, EndpointDialog)
    step = ConnectionStep(name="Connection", is_good=False, words="It was refused. " * 9, advice="Try it.")
    hand.dialog.display_step(step)
    qtbot.waitUntil(lambda: "It was refused." in hand.words())
    qtbot.waitUntil(lambda: not bar.isVisible())


def test_the_keyboard_goes_through_the_network_settings_from_top_to_bottom(qtbot: QtBot) -> None:
    hand = endpoint_dialog(qtbot)
    hand.click("Network…")
    qtbot.waitUntil(lambda: hand.named("Proxy", QWidget).hasFocus())
    names = []
    for _ in range(5):
        focused = QApplication.focusWidget()
        assert focused is not None
        names.append(focused.accessibleName())
        QTest.keyClick(focused, Qt.Key.Key_Tab)
    assert names == [
        "Proxy",
        "Trusted certificates",
        "Choose a file: Trusted certificates",
        "Client certificate",
        "Choose a file: Client certificate",
    ]
