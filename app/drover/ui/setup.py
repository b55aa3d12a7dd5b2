"""Keys, endpoints and settings: which dialog is asked, and what its answers do."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Coroutine
from contextlib import aclosing
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import shiboken6
from PySide6.QtCore import QObject, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QDialog, QWidget

from drover.domain.endpoint import BUILT_IN, Endpoint
from drover.engine.secrets import KeySource, KeyStatus
from drover.engine.workbench import Workbench
from drover.errors import DroverError
from drover.store.settings import Settings
from drover.ui import formats
from drover.ui.theme import ThemeMode, theme

if TYPE_CHECKING:
    import asyncio

    from drover.domain.network import NetworkSecrets
    from drover.ui.dialogs import KeyDialog, SettingsDialog
    from drover.ui.endpoint_dialog import EndpointDialog
    from drover.ui.trying_dialog import TryingDialog


class Setup(QObject):
    """Opens the dialogs and carries out what they say. Dialogs know neither store nor network."""

    def __init__(
        self,
        workbench: Workbench,
        window: QWidget,
        spawn: Callable[[Coroutine[Any, Any, Any]], None],
        applied: Callable[[Settings], None],
    ) -> None:
        """`spawn` runs a coroutine and tells what it raises; `applied` hears of changed settings."""
        super().__init__(window)
        self._workbench = workbench
        self._window = window
        self._spawn = spawn
        self._applied = applied
        self._settings: SettingsDialog | None = None

    # Keys

    def ask_key(self, endpoint: Endpoint) -> None:
        """Asks for the key of an endpoint; it can be tried before it is kept."""
        if endpoint.is_built_in:
            self.show_settings()
            return
        from drover.ui.dialogs import KeyDialog

        dialog = KeyDialog(endpoint.name, parent=self._parent())
        dialog.test_requested.connect(partial(self._test_key, dialog, endpoint))
        dialog.key_submitted.connect(partial(self._save_key, dialog, endpoint))
        dialog.deletion_requested.connect(partial(self._delete_key, dialog, endpoint))
        dialog.open()
        self._spawn(self._show_place(dialog, endpoint))

    async def _show_place(self, dialog: KeyDialog | EndpointDialog, endpoint: Endpoint) -> None:
        status = await self._workbench.key_status(endpoint)
        if _is_open(dialog):
            place = status.store_name or self.tr("memory, until Drover ends")
            has_key = status.source in (KeySource.KEYRING, KeySource.MEMORY)
            dialog.display_place(place, status.notice or "", has_key=has_key)

    def _test_key(self, dialog: KeyDialog, endpoint: Endpoint, key: str) -> None:
        self._spawn(self._try_connection(dialog, endpoint, key))

    def _save_key(self, dialog: KeyDialog, endpoint: Endpoint, key: str) -> None:
        self._spawn(self._in_dialog(dialog, self._workbench.save_key(endpoint, key)))

    def _delete_key(self, dialog: KeyDialog, endpoint: Endpoint) -> None:
        self._spawn(self._in_dialog(dialog, self._workbench.delete_key(endpoint)))

    async def _in_dialog(self, dialog: KeyDialog, work: Coroutine[Any, Any, object]) -> None:
        try:
            await work
        except DroverError as error:
            if _is_open(dialog):
                dialog.display_error(error.words)
        else:
            if _is_open(dialog):
                dialog.accept()

    # Endpoints

    def ask_endpoint_at(self, base_url: str, added: Callable[[str], None]) -> None:
        """Asks for a new server at this address; `added` hears the id of what was kept."""
        self.ask_endpoint(None, added, base_url=base_url)

    def ask_endpoint(
        self, endpoint: Endpoint | None, added: Callable[[str], None] | None = None, *, base_url: str = ""
    ) -> None:
        """Asks for a new server, or for changes of a known one; `added` hears the id of what was kept."""
        from drover.ui.endpoint_dialog import EndpointDialog

        others = [
            known.name for known in self._workbench.endpoints if endpoint is None or known.id != endpoint.id
        ]
        dialog = EndpointDialog(
            endpoint,
            base_url=base_url,
            taken_names=others,
            servers=self._workbench.known_servers(),
            environment=os.environ,
            parent=self._parent(),
        )
        dialog.test_requested.connect(partial(self._test_connection, dialog))
        dialog.endpoint_submitted.connect(partial(self._keep_endpoint, added))
        dialog.deletion_requested.connect(self._remove_endpoint)
        dialog.reset_requested.connect(self._reset_endpoint)
        dialog.open()
        if endpoint is not None:
            self._spawn(self._show_place(dialog, endpoint))

    def _test_connection(
        self, dialog: EndpointDialog, endpoint: Endpoint, key: str, secrets: NetworkSecrets
    ) -> None:
        self._spawn(self._try_connection(dialog, endpoint, key, secrets))

    async def _try_connection(
        self, dialog: TryingDialog, endpoint: Endpoint, key: str, secrets: NetworkSecrets | None = None
    ) -> None:
        import asyncio

        task = asyncio.current_task()
        assert task is not None
        stop = partial(_cancel, task)
        dialog.test_stopped.connect(stop)
        dialog.finished.connect(stop)
        words = ""
        try:
            async with aclosing(self._workbench.test_connection(endpoint, key or None, secrets)) as steps:
                async for step in steps:
                    dialog.display_step(step)
        except asyncio.CancelledError:
            words = self.tr("Stopped.")
        except DroverError as error:
            words = error.words
        if _is_open(dialog):
            dialog.test_stopped.disconnect(stop)
            dialog.finished.disconnect(stop)
            dialog.display_test_end(words)

    def _keep_endpoint(
        self, added: Callable[[str], None] | None, endpoint: Endpoint, key: str, secrets: NetworkSecrets
    ) -> None:
        self._spawn(self._keep(added, endpoint, key, secrets))

    async def _keep(
        self, added: Callable[[str], None] | None, endpoint: Endpoint, key: str, secrets: NetworkSecrets
    ) -> None:
        await self._workbench.save_endpoint(endpoint, secrets)
        if key:
            await self._workbench.save_key(endpoint, key)
        if added is not None:
            added(endpoint.id)

    def _remove_endpoint(self, endpoint_id: str) -> None:
        self._spawn(self._workbench.delete_endpoint(endpoint_id))

    def _reset_endpoint(self, endpoint_id: str) -> None:
        self._spawn(self._workbench.reset_endpoint(endpoint_id))

    # Settings

    def show_settings(self) -> None:
        """Opens the settings, or brings them to the front."""
        if self._settings is not None:
            self._settings.raise_()
            self._settings.activateWindow()
            return
        from drover.ui.dialogs import SettingsDialog

        dialog = self._settings = SettingsDialog(
            self._workbench.settings,
            self._own_and_oxen(),
            profile_dir=str(self._workbench.profile.data_dir),
            parent=self._window,
        )
        dialog.settings_edited.connect(self._change_settings)
        dialog.endpoint_add_requested.connect(self._add_endpoint)
        dialog.endpoint_edit_requested.connect(self._edit_endpoint)
        dialog.endpoint_delete_requested.connect(self._remove_endpoint)
        dialog.key_requested.connect(self._ask_key_of)
        dialog.folder_requested.connect(self._open_folder)
        dialog.finished.connect(self._forget_settings)
        dialog.open()
        self.refresh()

    def refresh(self) -> None:
        """Endpoints, models or keys have changed: shows them in the settings, if these are open."""
        if self._settings is not None:
            self._settings.display_endpoints(self._own_and_oxen())
            self._spawn(self._show_statuses(self._settings))

    async def _show_statuses(self, dialog: SettingsDialog) -> None:
        try:
            card = await self._workbench.built_in_card()
            words = self.tr("{0}, {1} tokens of context.").format(
                card.name, formats.whole(card.context_tokens or 0)
            )
        except DroverError as error:
            words = error.words
        if dialog is self._settings:
            dialog.display_model_status(words)
        for endpoint in self._own_and_oxen():
            status = await self._workbench.key_status(endpoint)
            if dialog is self._settings:
                dialog.display_key_statuses({endpoint.id: self._status_words(status, endpoint)})

    def _status_words(self, status: KeyStatus, endpoint: Endpoint) -> str:
        match status.source:
            case KeySource.KEYRING:
                return self.tr("Key in {0}").format(status.store_name)
            case KeySource.ENVIRONMENT:
                return self.tr("Key from {0}").format(endpoint.key_variable)
            case KeySource.MEMORY:
                return self.tr("Key until Drover ends")
            case _:
                return self.tr("No key") if endpoint.needs_key else self.tr("No key needed")

    def _change_settings(self, edited: Settings) -> None:
        before = self._workbench.settings
        changed = {
            field.name: getattr(edited, field.name)
            for field in dataclasses.fields(Settings)
            if getattr(edited, field.name) != getattr(before, field.name)
        }
        theme().set_mode(cast("ThemeMode", edited.theme_mode))
        theme().set_text_scale(edited.text_scale)
        self._spawn(self._keep_settings(changed))

    async def _keep_settings(self, changed: dict[str, Any]) -> None:
        await self._workbench.change_settings(**changed)
        self._applied(self._workbench.settings)
        if "gguf_path" in changed:
            await self._workbench.refresh_models(BUILT_IN)

    def _own_and_oxen(self) -> list[Endpoint]:
        return [endpoint for endpoint in self._workbench.endpoints if not endpoint.is_built_in]

    def _add_endpoint(self) -> None:
        self.ask_endpoint(None)

    def _edit_endpoint(self, endpoint_id: str) -> None:
        self.ask_endpoint(self._known(endpoint_id))

    def _ask_key_of(self, endpoint_id: str) -> None:
        self.ask_key(self._known(endpoint_id))

    def _known(self, endpoint_id: str) -> Endpoint:
        return next(known for known in self._workbench.endpoints if known.id == endpoint_id)

    def _open_folder(self) -> None:
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._workbench.profile.data_dir)))

    def _forget_settings(self) -> None:
        self._settings = None

    def _parent(self) -> QWidget:
        return self._settings or self._window


def _cancel(task: asyncio.Task[None], _result: int = 0) -> None:
    task.cancel()


def _is_open(dialog: QDialog) -> bool:
    """Whether it was not closed, and with that deleted, while something was waited for."""
    return bool(shiboken6.isValid(dialog)) and dialog.isVisible()
