"""What goes out of the program and comes in: conversations as files, requests as text."""

from __future__ import annotations

import re
from collections.abc import Callable, Coroutine
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import shiboken6
from PySide6.QtCore import QCoreApplication, QObject, Qt
from PySide6.QtWidgets import QFileDialog

from drover.domain.conversation import Draft
from drover.domain.imported import ImportedRequest
from drover.domain.record import ConversationRecord
from drover.engine.threads import in_daemon_thread
from drover.engine.workbench import Workbench
from drover.errors import ConfigurationError, DroverError
from drover.ui.main_window import MainWindow

if TYPE_CHECKING:
    from drover.ui.import_dialog import ImportDialog

_MOST_NAME_CHARS: Final = 60


class Transfer(QObject):
    """Asks where to and where from, and carries it out beside the window."""

    def __init__(
        self,
        workbench: Workbench,
        window: MainWindow,
        spawn: Callable[[Coroutine[Any, Any, Any]], None],
        shown: Callable[[str], None],
        ask_endpoint: Callable[[str, Callable[[str], None]], None],
    ) -> None:
        """`spawn` runs a coroutine and tells what it raises; `shown` opens a conversation; `ask_endpoint`
        asks for an endpoint at an address and tells the id of what was kept."""
        super().__init__(window)
        self._workbench = workbench
        self._window = window
        self._spawn = spawn
        self._show = shown
        self._ask_endpoint = ask_endpoint

    # Conversations

    def ask_where_to(self, conversation_id: str, title: str) -> None:
        """Asks for a file, then writes the conversation into it."""
        forms = {
            _t("Markdown, as shown (*.md)"): "md",
            _t("Web page, as shown (*.html)"): "html",
            _t("JSON, everything (*.json)"): "json",
        }
        dialog = QFileDialog(self._window, _t("Export conversation"))
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setNameFilters(list(forms))
        dialog.setDefaultSuffix("md")
        dialog.filterSelected.connect(partial(_follow_filter, dialog, forms))
        dialog.selectFile(file_name(title))
        dialog.fileSelected.connect(partial(self._export, conversation_id))
        dialog.open()

    def _export(self, conversation_id: str, path: str) -> None:
        self._spawn(self._see_exported(conversation_id, Path(path)))

    async def _see_exported(self, conversation_id: str, path: Path) -> None:
        write = partial(_write, self._workbench, conversation_id, path)
        await in_daemon_thread(write, name="export")
        self._window.show_notice(_t("Exported to {0}.").format(path), is_warning=False)

    def ask_where_from(self) -> None:
        """Asks for a file of exported conversations, then adds them."""
        dialog = QFileDialog(self._window, _t("Import conversations"))
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.setNameFilter(_t("Exported conversations (*.json)"))
        dialog.fileSelected.connect(self._import)
        dialog.open()

    def _import(self, path: str) -> None:
        self._spawn(self._see_imported(Path(path)))

    async def _see_imported(self, path: Path) -> None:
        records = await in_daemon_thread(partial(_read, path), name="import")
        ids = await self._workbench.add_records(records)
        if ids:
            self._show(ids[0])
        words = _t("1 conversation was imported.")
        if len(ids) != 1:
            words = _t("{0} conversations were imported.").format(len(ids))
        self._window.show_notice(words, is_warning=False)

    # Requests

    def ask_request(self, draft: Draft) -> None:
        """Asks for a request from elsewhere, then begins a conversation with it.

        The draft gives endpoint and model where the request names none that is known.
        """
        from drover.ui.import_dialog import ImportDialog

        dialog = ImportDialog(self._window)
        dialog.text_edited.connect(partial(self._judge, dialog, draft))
        dialog.import_requested.connect(partial(self._begin, draft))
        dialog.endpoint_requested.connect(partial(self._add_endpoint, dialog, draft))
        dialog.open()

    def _judge(self, dialog: ImportDialog, draft: Draft, text: str) -> None:
        self._spawn(self._read_request(dialog, draft, text))

    async def _read_request(self, dialog: ImportDialog, draft: Draft, text: str) -> None:
        refusal = ""
        request: ImportedRequest | None = None
        if text.strip():
            try:
                read = partial(self._workbench.read_request, text)
                request = await in_daemon_thread(read, name="read request")
            except DroverError as error:
                refusal = error.words
        if not shiboken6.isValid(dialog) or dialog.text != text:
            return
        if request is None:
            dialog.display_refusal(refusal)
            return
        known = self._workbench.endpoint_at(request.base_url) if request.base_url else None
        name = known.name if known is not None else self._workbench.endpoint(draft.endpoint_id).name
        dialog.display_request(request, endpoint_name=name, is_known=known is not None)

    def _add_endpoint(self, dialog: ImportDialog, draft: Draft, base_url: str) -> None:
        self._ask_endpoint(base_url, partial(self._judge_again, dialog, draft))

    def _judge_again(self, dialog: ImportDialog, draft: Draft, _endpoint_id: str) -> None:
        if shiboken6.isValid(dialog):
            self._judge(dialog, draft, dialog.text)

    def _begin(self, draft: Draft, request: ImportedRequest) -> None:
        self._spawn(self._see_begun(draft, request))

    async def _see_begun(self, draft: Draft, request: ImportedRequest) -> None:
        self._show(await self._workbench.begin_imported(request, draft))


def _write(workbench: Workbench, conversation_id: str, path: Path) -> None:
    from drover.export.conversations import FORMS, save_file

    with closing(workbench.open_reader()) as reader:
        record = reader.record(conversation_id)
    if record is None:
        raise ConfigurationError("This conversation no longer exists.")
    make = FORMS.get(path.suffix.lstrip(".").lower(), FORMS["md"])
    save_file(path, make([record]))


def _read(path: Path) -> list[ConversationRecord]:
    from drover.export.archive import read_archive
    from drover.export.conversations import read_file

    return read_archive(read_file(path))


def _follow_filter(dialog: QFileDialog, forms: dict[str, str], chosen: str) -> None:
    dialog.setDefaultSuffix(forms.get(chosen, "md"))


def file_name(title: str) -> str:
    """The title as a file may be called on any system, without a suffix."""
    words = " ".join(re.sub(r'[\x00-\x1f\x7f<>:"/\\|?*]+', " ", title).split())[:_MOST_NAME_CHARS]
    return words.strip(" .") or "conversation"


def _t(text: str) -> str:
    return QCoreApplication.translate("transfer", text)
