"""Dialogs: keys, settings, links, and what keeps the program from starting.

Each takes values in and gives values out by signals; none knows the store or the network. They are opened
with `open()` and delete themselves when closed. What takes time is told to them by `display_...` methods.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

from PySide6.QtCore import QCoreApplication, QSignalBlocker, QSize, Qt, QUrl, Signal
from PySide6.QtWidgets import (
    QFileDialog,
    QHBoxLayout,
    QPlainTextEdit,
    QVBoxLayout,
    QWidget,
)

from drover.domain.endpoint import Endpoint
from drover.engine.secrets import clean_key
from drover.errors import ConfigurationError
from drover.store.settings import Settings
from drover.ui.controls import (
    Button,
    CheckBox,
    ElidedLabel,
    Hairline,
    IconButton,
    Label,
    PrimaryButton,
    QuietButton,
)
from drover.ui.dialog_parts import (
    Form,
    KeyField,
    hint,
    holder_of,
    minutes_field,
    named_button,
    row_of,
    scrolled,
    section_of,
    segments_of,
)
from drover.ui.framed_dialog import MARGIN_PX, FramedDialog, Sign, Verdict, words_label
from drover.ui.theme import LARGEST_TEXT_SCALE, SMALLEST_TEXT_SCALE, theme
from drover.ui.trying_dialog import TryingDialog

_ZOOM_STEP = 0.1


class KeyDialog(TryingDialog):
    """Asks for the key of one endpoint. The key is in the field and in two signals, and nowhere else.

    Signals:
        test_requested(str): try this key
        key_submitted(str): keep this key, trimmed and checked; `accept()` the dialog, or `display_error`
        deletion_requested(): forget the kept key; likewise
    """

    test_requested = Signal(str)
    key_submitted = Signal(str)
    deletion_requested = Signal()

    def __init__(
        self,
        endpoint_name: str,
        *,
        place: str = "",
        notice: str = "",
        has_key: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        """`place` says where the key will be kept, such as "Secret Service"; see `display_place`."""
        super().__init__(_t("Key for {0}").format(endpoint_name), parent, width_px=480)
        self._title = Label(_t("Key for {0}").format(endpoint_name), role="title", weight=600)
        self._key = KeyField()
        self._place = words_label(token="text-2")
        self._notice = Verdict()
        self._delete = named_button(QuietButton, _t("Delete key"))
        self._cancel = named_button(Button, _t("Cancel"))
        self._save = named_button(PrimaryButton, _t("Save"))
        self._lay_out()
        self._key.textChanged.connect(self._update)
        self._key.returnPressed.connect(self._submit)
        self._delete.clicked.connect(self._request_deletion)
        self._cancel.clicked.connect(self.reject)
        self._save.clicked.connect(self._submit)
        self.display_place(place, notice, has_key=has_key)
        self._update()
        self._key.setFocus()

    def _lay_out(self) -> None:
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self._key, 1)
        row.addWidget(self._test)
        self.body.addWidget(self._title)
        self.body.addLayout(row)
        for part in (self._verdict, self._steps, self._place, self._notice):
            self.body.addWidget(part)
        self.body.addStretch(1)
        self.foot.addWidget(self._delete)
        self.foot.addStretch(1)
        self.foot.addWidget(self._cancel)
        self.foot.addWidget(self._save)

    def display_place(self, place: str, notice: str = "", *, has_key: bool = False) -> None:
        """Where the key will be kept, what else a person should know about that, and whether there is one."""
        self._place.setText(_t("It is kept in: {0}.").format(place) if place else "")
        self._place.setVisible(bool(place))
        self._notice.display(notice, is_warning=True)
        self._delete.setVisible(has_key)
        hint = _t("A key is kept; paste another to replace it") if has_key else _t("Paste the key")
        self._key.setPlaceholderText(hint)
        self.make_room()

    def display_error(self, words: str) -> None:
        """Why the key could not be kept or deleted; the dialog stays open."""
        self._set_busy(False)
        self._verdict.display(words, is_warning=True)
        self.make_room()

    def _ask_for_test(self) -> bool:
        key = self._checked_key()
        if key:
            self.test_requested.emit(key)
        return bool(key)

    def _submit(self) -> None:
        key = self._checked_key()
        if key:
            self._set_busy(True)
            self.key_submitted.emit(key)

    def _request_deletion(self) -> None:
        self._set_busy(True)
        self.deletion_requested.emit()

    def _checked_key(self) -> str:
        """The key as it will be sent, or nothing after saying what is wrong with it."""
        try:
            return clean_key(self._key.text())
        except ConfigurationError as error:
            self._verdict.display(error.words, is_warning=True)
            return ""

    def _set_busy(self, is_busy: bool) -> None:
        for control in (self._key, self._test, self._delete, self._save):
            control.setEnabled(not is_busy)
        if not is_busy:
            self._update()

    def _update(self) -> None:
        has_text = bool(self._key.text().strip())
        self._save.setEnabled(has_text)
        self._test.setEnabled(has_text or self._is_testing)
        self._forget_test()


class SettingsDialog(FramedDialog):
    """All settings in one scrolling page; each change counts at once.

    Signals:
        settings_edited(object): the whole Settings after a change by a person
        endpoint_add_requested()
        endpoint_edit_requested(str), endpoint_delete_requested(str), key_requested(str): by endpoint id
        folder_requested(): show the profile's folder in the file manager
    """

    settings_edited = Signal(object)
    endpoint_add_requested = Signal()
    endpoint_edit_requested = Signal(str)
    endpoint_delete_requested = Signal(str)
    key_requested = Signal(str)
    folder_requested = Signal()

    def __init__(
        self,
        settings: Settings,
        endpoints: Sequence[Endpoint],
        *,
        profile_dir: str,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(_t("Settings"), parent, width_px=600)
        self._settings = settings
        self._rows: dict[str, _EndpointRow] = {}
        self._key_words: dict[str, str] = {}
        self._sections = QVBoxLayout()
        self._add_appearance()
        self._add_reasoning()
        self._add_endpoints()
        self._add_model()
        self._add_network()
        self._add_data(profile_dir)
        self._lay_out()
        self.display_settings(settings)
        self.display_endpoints(endpoints)
        self.resize(self.sizeHint())

    def _lay_out(self) -> None:
        self._sections.setContentsMargins(MARGIN_PX, MARGIN_PX - 4, MARGIN_PX, MARGIN_PX)
        self._sections.setSpacing(24)
        self._sections.addStretch(1)
        page = QWidget()
        page.setLayout(self._sections)
        self.body.setContentsMargins(0, 0, 0, 0)
        self.body.addWidget(scrolled(page))
        close = named_button(Button, _t("Close"))
        close.clicked.connect(self.accept)
        self.foot.addStretch(1)
        self.foot.addWidget(close)

    def sizeHint(self) -> QSize:
        """High enough for all sections where the screen allows."""
        most = self.screen().availableGeometry().height() - 80
        return QSize(self.minimumWidth(), min(theme().px(780), most))

    def _add_appearance(self) -> None:
        self._theme = segments_of(
            _t("Theme"), (("system", _t("System")), ("light", _t("Light")), ("dark", _t("Dark")))
        )
        self._smaller = IconButton("minus", _t("Smaller text"), has_edge=True)
        self._larger = IconButton("plus", _t("Larger text"), has_edge=True)
        self._scale = Label(token="text-2")
        self._scale.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._scale.setMinimumWidth(48)
        size = row_of(self._smaller, self._scale, self._larger)
        self._asked = segments_of(
            _t("After sending"), (("end", _t("Follow the answer")), ("top", _t("Question at the top")))
        )
        words = words_label(role="small", token="text-3")
        words.setText(_t("At the top, the answer grows below the question and nothing scrolls by itself."))
        form = Form()
        form.add(_t("Theme"), self._theme)
        form.add(_t("Text size"), size)
        form.add(_t("After sending"), self._asked, words)
        self._sections.addWidget(section_of(_t("Appearance"), form))
        self._theme.activated.connect(self._edit_theme)
        self._smaller.clicked.connect(self._shrink)
        self._larger.clicked.connect(self._grow)
        self._asked.activated.connect(self._edit_asked)

    def _add_reasoning(self) -> None:
        self._reasoning = segments_of(
            _t("Reasoning"), (("auto", _t("Automatic")), ("open", _t("Open")), ("closed", _t("Closed")))
        )
        words = words_label(role="small", token="text-3")
        words.setText(_t("Automatic: open while the model thinks, closed once it answers."))
        form = Form()
        form.add(_t("New blocks are"), self._reasoning, words)
        self._sections.addWidget(section_of(_t("Reasoning"), form))
        self._reasoning.activated.connect(self._edit_reasoning)

    def _add_endpoints(self) -> None:
        self._list = QVBoxLayout()
        self._list.setSpacing(0)
        add = named_button(Button, _t("Add a server…"), icon="plus")
        add.clicked.connect(self.endpoint_add_requested)
        box = QVBoxLayout()
        box.setSpacing(8)
        box.addLayout(self._list)
        box.addWidget(add)
        self._sections.addWidget(section_of(_t("Endpoints"), box))

    def _add_model(self) -> None:
        self._file = ElidedLabel(mode=Qt.TextElideMode.ElideMiddle)
        self._model_words = words_label(role="small", token="text-3")
        choose = named_button(Button, _t("Choose a .gguf file…"))
        choose.clicked.connect(self._choose_file)
        self._use_tiny = named_button(QuietButton, _t("Use the tiny built-in model"))
        self._use_tiny.clicked.connect(self._forget_file)
        form = Form()
        form.add(_t("Weights"), self._file, self._model_words)
        form.add("", row_of(choose, self._use_tiny))
        self._sections.addWidget(section_of(_t("Built-in model"), form))

    def _add_network(self) -> None:
        self._first_byte = minutes_field(_t("Longest wait for a first byte"))
        self._idle = minutes_field(_t("Longest silence in a reply"))
        form = Form()
        wait = hint(_t("minutes, the longest wait for a reply to begin"))
        pause = hint(_t("minutes, the longest pause within a reply"))
        form.add(_t("First byte"), row_of(self._first_byte, wait))
        form.add(_t("Silence"), row_of(self._idle, pause))
        self._retried = CheckBox(_t("Try again by itself"))
        words = words_label(role="small", token="text-3")
        words.setText(_t("Up to twice, where nothing of an answer has come and the trouble may pass."))
        form.add(_t("After a failure"), self._retried, words)
        self._sections.addWidget(section_of(_t("Network"), form))
        self._retried.clicked.connect(self._edit_retried)
        self._first_byte.value_edited.connect(self._edit_first_byte)
        self._idle.value_edited.connect(self._edit_idle)

    def _add_data(self, profile_dir: str) -> None:
        path = ElidedLabel(profile_dir, mode=Qt.TextElideMode.ElideMiddle)
        path.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        open_folder = named_button(Button, _t("Open folder"))
        open_folder.clicked.connect(self.folder_requested)
        words = words_label(role="small", token="text-3")
        words.setText(_t("Conversations and settings. Keys are never in it."))
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(path, 1)
        row.addWidget(open_folder)
        form = Form()
        form.add(_t("Profile"), holder_of(row), words)
        self._sections.addWidget(section_of(_t("Data"), form))

    def display_settings(self, settings: Settings) -> None:
        """Shows these values; emits nothing."""
        self._settings = settings
        blockers = [QSignalBlocker(control) for control in (self._theme, self._asked, self._reasoning)]
        self._theme.setCurrentIndex(self._theme.findData(settings.theme_mode))
        self._asked.setCurrentIndex(self._asked.findData("top" if settings.is_question_raised else "end"))
        self._reasoning.setCurrentIndex(self._reasoning.findData(settings.reasoning_display))
        self._first_byte.set_number(round(settings.first_byte_timeout_s / 60))
        self._idle.set_number(round(settings.idle_timeout_s / 60))
        self._retried.setChecked(settings.is_retried)
        for blocker in blockers:
            blocker.unblock()
        self._scale.setText(f"{settings.text_scale * 100:.0f} %")
        self._smaller.setEnabled(settings.text_scale > SMALLEST_TEXT_SCALE)
        self._larger.setEnabled(settings.text_scale < LARGEST_TEXT_SCALE)
        self._file.setText(
            settings.gguf_path or _t("SmolLM2-135M-Instruct, the tiny model for trying things out")
        )
        self._use_tiny.setVisible(bool(settings.gguf_path))

    def display_endpoints(self, endpoints: Sequence[Endpoint]) -> None:
        """Lists these; what is known about their keys stays."""
        for row in self._rows.values():
            self._list.removeWidget(row)
            row.deleteLater()
        self._rows = {}
        for endpoint in endpoints:
            row = _EndpointRow(endpoint)
            row.edit_requested.connect(self.endpoint_edit_requested)
            row.delete_requested.connect(self.endpoint_delete_requested)
            row.key_requested.connect(self.key_requested)
            row.display_key_status(self._key_words.get(endpoint.id, ""))
            self._rows[endpoint.id] = row
            self._list.addWidget(row)

    def display_key_statuses(self, words: Mapping[str, str]) -> None:
        """Where each key is, in words, by endpoint id; others stay as they are."""
        self._key_words.update(words)
        for endpoint_id, text in words.items():
            if endpoint_id in self._rows:
                self._rows[endpoint_id].display_key_status(text)

    def display_model_status(self, words: str) -> None:
        """How the built-in model is: ready, missing, why it did not start."""
        self._model_words.setText(words)
        self._model_words.setVisible(bool(words))

    def _change(self, **values: object) -> None:
        self.display_settings(dataclasses.replace(self._settings, **values))  # type: ignore[arg-type]
        self.settings_edited.emit(self._settings)

    def _edit_theme(self) -> None:
        self._change(theme_mode=self._theme.currentData())

    def _edit_asked(self) -> None:
        self._change(is_question_raised=self._asked.currentData() == "top")

    def _edit_reasoning(self) -> None:
        self._change(reasoning_display=self._reasoning.currentData())

    def _shrink(self) -> None:
        self._change(text_scale=max(SMALLEST_TEXT_SCALE, round(self._settings.text_scale - _ZOOM_STEP, 2)))

    def _grow(self) -> None:
        self._change(text_scale=min(LARGEST_TEXT_SCALE, round(self._settings.text_scale + _ZOOM_STEP, 2)))

    def _edit_first_byte(self, minutes: int) -> None:
        self._change(first_byte_timeout_s=minutes * 60.0)

    def _edit_idle(self, minutes: int) -> None:
        self._change(idle_timeout_s=minutes * 60.0)

    def _edit_retried(self, is_retried: bool) -> None:
        self._change(is_retried=is_retried)

    def _choose_file(self) -> None:
        dialog = QFileDialog(self, _t("Choose a model file"))
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.setNameFilter(_t("Model files (*.gguf)"))
        dialog.fileSelected.connect(self._take_file)
        dialog.open()

    def _take_file(self, path: str) -> None:
        self._change(gguf_path=path)

    def _forget_file(self) -> None:
        self._change(gguf_path="")


class LinkDialog(FramedDialog):
    """Shows where a link really leads, the first time for each site.

    Signals:
        open_confirmed(bool): open it; True to open links of this site without asking from now on
    """

    open_confirmed = Signal(bool)

    def __init__(self, url: str, parent: QWidget | None = None) -> None:
        super().__init__(_t("Open this link?"), parent, width_px=480)
        target = QUrl(url)
        # The ASCII form, so that letters of other scripts cannot pass for familiar ones.
        host = target.host(QUrl.ComponentFormattingOption.FullyEncoded)
        full = bytes(target.toEncoded().data()).decode("ascii", "replace") or url
        heading = Label(host or full.partition(":")[2], role="title", weight=600)
        heading.setWordWrap(True)
        address = _Address(full)
        login = words_label(token="text-2")
        login.setText(_t("What stands before the @ is a login, not the site."))
        login.setVisible(bool(target.userInfo()))
        self._remember = CheckBox(_t("Do not ask again for {0}").format(host))
        self._remember.setAccessibleName(_t("Do not ask again for this site"))
        self._remember.setVisible(bool(host))
        cancel, confirm = named_button(Button, _t("Cancel")), named_button(PrimaryButton, _t("Open"))
        cancel.clicked.connect(self.reject)
        confirm.clicked.connect(self._confirm)
        for part in (heading, address, login, self._remember):
            self.body.addWidget(part)
        self.body.addStretch(1)
        self.foot.addStretch(1)
        self.foot.addWidget(cancel)
        self.foot.addWidget(confirm)
        confirm.setFocus()

    def _confirm(self) -> None:
        self.open_confirmed.emit(self._remember.isChecked())
        self.accept()


class FatalDialog(FramedDialog):
    """Why the program cannot start, and what to do: one message, one button."""

    def __init__(self, message: str, hint: str = "", parent: QWidget | None = None) -> None:
        super().__init__(_t("Drover cannot start"), parent, width_px=480)
        sign = Sign("warning", "caution", 24)
        words = words_label(role="title", weight=600)
        words.setText(message)
        more = words_label(token="text-2")
        more.setText(hint)
        more.setVisible(bool(hint))
        for text in (words, more):
            text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        texts = QVBoxLayout()
        texts.setSpacing(4)
        texts.addWidget(words)
        texts.addWidget(more)
        row = QHBoxLayout()
        row.setSpacing(12)
        row.addWidget(sign, 0, Qt.AlignmentFlag.AlignTop)
        row.addLayout(texts, 1)
        self.body.addLayout(row)
        self.body.addStretch(1)
        close = named_button(PrimaryButton, _t("Close"))
        close.clicked.connect(self.accept)
        self.foot.addStretch(1)
        self.foot.addWidget(close)
        self.setAccessibleDescription(" ".join(filter(None, (message, hint))))
        close.setFocus()


class _EndpointRow(QWidget):
    """One endpoint of the settings: name over address, its key, what can be done with it."""

    edit_requested = Signal(str)
    delete_requested = Signal(str)
    key_requested = Signal(str)

    def __init__(self, endpoint: Endpoint) -> None:
        super().__init__()
        self._id = endpoint.id
        name = ElidedLabel(endpoint.name, weight=500)
        address = endpoint.base_url or _t("Runs on this computer")
        where = ElidedLabel(address, role="small", token="text-3", mode=Qt.TextElideMode.ElideMiddle)
        self._status = ElidedLabel(role="small", token="text-3")
        texts = QVBoxLayout()
        texts.setSpacing(0)
        texts.addWidget(name)
        texts.addWidget(where)
        texts.addWidget(self._status)
        row = QHBoxLayout()
        row.setContentsMargins(0, 8, 0, 8)
        row.setSpacing(8)
        row.addLayout(texts, 1)
        if not endpoint.is_built_in:
            key = Button(_t("Key…"), compact=True)
            key.setAccessibleName(_t("Key of {0}").format(endpoint.name))
            key.clicked.connect(self._ask_key)
            row.addWidget(key)
            edit = IconButton("edit", _t("Edit {0}").format(endpoint.name), compact=True)
            edit.clicked.connect(self._ask_edit)
            row.addWidget(edit)
        if not endpoint.is_fixed:
            remove = IconButton("trash", _t("Remove {0}").format(endpoint.name), compact=True)
            remove.clicked.connect(self._ask_delete)
            row.addWidget(remove)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(row)
        layout.addWidget(Hairline())

    def display_key_status(self, words: str) -> None:
        """Where the key is, or that there is none."""
        self._status.setText(words)
        self._status.setVisible(bool(words))

    def _ask_key(self) -> None:
        self.key_requested.emit(self._id)

    def _ask_edit(self) -> None:
        self.edit_requested.emit(self._id)

    def _ask_delete(self) -> None:
        self.delete_requested.emit(self._id)


class _Address(QPlainTextEdit):
    """A whole address, broken anywhere, read-only; up to five lines before it scrolls."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.setAccessibleName(_t("Address"))
        self.setReadOnly(True)
        self.setPlainText(text)
        self.setTabChangesFocus(True)
        self.setFont(theme().font("wire"))
        self.setWordWrapMode(self.wordWrapMode().WrapAnywhere)
        lines = min(5, 1 + self.fontMetrics().horizontalAdvance(text) // 400)
        self.setFixedHeight(lines * self.fontMetrics().lineSpacing() + 16)


def _t(text: str) -> str:
    return QCoreApplication.translate("dialogs", text)
