"""What is done with presets: choosing, keeping, comparing, and the files they go to and come from."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from PySide6.QtCore import QCoreApplication, QObject, Qt
from PySide6.QtWidgets import QFileDialog

from drover.domain.endpoint import URL_ENDPOINT_ID
from drover.domain.parameters import Preset
from drover.domain.presets import SHIPPED, free_name, holds, named, with_shipped
from drover.engine.threads import in_daemon_thread
from drover.engine.workbench import Workbench, new_id
from drover.log import logger
from drover.store.library import Library
from drover.ui.main_window import MainWindow

if TYPE_CHECKING:
    from drover.ui.drafting import Drafting

_log = logger("ui")
_MOST_NOTES: Final = 3


class PresetKeeping(QObject):
    """Carries out what the bar of presets asks for, with what is set now in the draft."""

    def __init__(
        self,
        workbench: Workbench,
        reader: Library,
        window: MainWindow,
        drafting: Drafting,
        spawn: Callable[[Coroutine[Any, Any, Any]], None],
    ) -> None:
        """`spawn` runs a coroutine and tells what it raises. The window has its panel of parameters."""
        super().__init__(drafting)
        self._workbench = workbench
        self._reader = reader
        self._window = window
        self._drafting = drafting
        self._spawn = spawn
        bar = window.parameters.preset_bar
        bar.display_default(workbench.settings.preset_id)
        bar.chosen.connect(self._choose)
        bar.save_requested.connect(self._save)
        bar.save_as_requested.connect(self._ask_name)
        bar.duplicate_requested.connect(self._duplicate)
        bar.rename_requested.connect(self._ask_new_name)
        bar.delete_requested.connect(self._delete)
        bar.default_requested.connect(self._set_default)
        bar.compare_requested.connect(self._compare)
        bar.import_requested.connect(self._ask_where_from)
        bar.export_requested.connect(self._export_chosen)
        bar.export_all_requested.connect(self._export_own)

    # What there is

    def _own(self) -> list[Preset]:
        return self._reader.presets()

    def _all(self) -> list[Preset]:
        return with_shipped(self._own())

    def _chosen(self) -> Preset | None:
        preset_id = self._drafting.draft.preset_id
        return next((preset for preset in self._all() if preset.id == preset_id), None)

    def _now(self) -> Preset:
        """What is set now, as if it were a preset."""
        draft = self._drafting.resolved
        return Preset(
            id="",
            name=_t("What is set now"),
            parameters=draft.parameters,
            system_prompt=draft.system_prompt,
            endpoint_id=draft.endpoint_id,
            model_id=draft.model_id,
        )

    # Choosing

    def _choose(self, preset_id: str | None) -> None:
        preset = next((preset for preset in self._all() if preset.id == preset_id), None)
        if preset is not None and not self._knows_place_of(preset):
            words = _t("The endpoint of “{0}” was removed; the one chosen stays.").format(preset.name)
            self._window.show_notice(words, is_warning=True)
            preset = dataclasses.replace(preset, endpoint_id="", model_id="")
        self._drafting.choose_preset(preset)

    def _knows_place_of(self, preset: Preset) -> bool:
        known = {endpoint.id for endpoint in self._workbench.endpoints}
        return not preset.endpoint_id or preset.endpoint_id in known

    def _set_default(self, is_wanted: bool) -> None:
        chosen = self._chosen()
        self._spawn(self._keep_default(chosen.id if chosen is not None and is_wanted else ""))

    async def _keep_default(self, preset_id: str) -> None:
        await self._workbench.change_settings(preset_id=preset_id)
        self._window.parameters.preset_bar.display_default(preset_id)

    # Keeping

    def _save(self) -> None:
        chosen = self._chosen()
        if chosen is None or chosen.id in SHIPPED:
            self._ask_name()
        else:
            keeps_place = bool(chosen.endpoint_id or chosen.model_id)
            self._keep(chosen.id, chosen.name, keeps_place=keeps_place)

    def _keep(self, preset_id: str, name: str, *, keeps_place: bool) -> None:
        """Keeps what is set now, and makes it the chosen preset."""
        now = self._now()
        if not keeps_place or now.endpoint_id == URL_ENDPOINT_ID:
            now = dataclasses.replace(now, endpoint_id="", model_id="")
        self._drafting.replace(preset_id=preset_id)
        self._spawn(self._workbench.presets.save(dataclasses.replace(now, id=preset_id, name=name)))

    def _ask_name(self) -> None:
        from drover.ui.preset_dialogs import SavePresetDialog

        chosen, now = self._chosen(), self._now()
        place = ""
        if now.endpoint_id != URL_ENDPOINT_ID:
            place = " · ".join(filter(None, (self._drafting.endpoint.name, now.model_id)))
        dialog = SavePresetDialog(
            free_name(chosen.name, [preset.name for preset in self._all()]) if chosen is not None else "",
            own_names=[preset.name for preset in self._own()],
            place=place,
            keeps_place=chosen is not None and bool(chosen.endpoint_id),
            parent=self._window,
        )
        dialog.save_requested.connect(self._save_as)
        dialog.open()

    def _save_as(self, name: str, keeps_place: bool) -> None:
        same = named(self._own(), name)
        self._keep(same.id if same is not None else new_id(), name, keeps_place=keeps_place)

    def _duplicate(self) -> None:
        """Copies the preset as it is kept; what was changed since stays set, to be saved or not."""
        chosen = self._chosen()
        if chosen is not None:
            name = free_name(chosen.name, [preset.name for preset in self._all()])
            copy = dataclasses.replace(chosen, id=new_id(), name=name)
            self._drafting.replace(preset_id=copy.id)
            self._spawn(self._workbench.presets.save(copy))

    def _ask_new_name(self) -> None:
        from drover.ui.preset_dialogs import RenamePresetDialog

        chosen = self._chosen()
        if chosen is not None:
            others = [preset.name for preset in self._all() if preset.id != chosen.id]
            dialog = RenamePresetDialog(chosen.name, taken_names=others, parent=self._window)
            dialog.rename_requested.connect(partial(self._rename, chosen))
            dialog.open()

    def _rename(self, preset: Preset, name: str) -> None:
        self._spawn(self._workbench.presets.save(dataclasses.replace(preset, name=name)))

    def _delete(self) -> None:
        # Drafts keep its id, which means nothing while it is gone: Undo brings it back as the chosen one.
        chosen = self._chosen()
        if chosen is not None:
            self._spawn(self._workbench.presets.delete(chosen.id))
            words = _t("The preset “{0}” was deleted.").format(chosen.name)
            self._window.show_notice(words, is_warning=False, undo=partial(self._bring_back, chosen))

    def _bring_back(self, preset: Preset) -> None:
        self._spawn(self._workbench.presets.save(preset))

    # Comparing

    def _compare(self) -> None:
        from drover.ui.preset_dialogs import ComparePresetsDialog

        now, chosen, known = self._now(), self._chosen(), self._all()
        one = chosen or known[0]
        other = now
        if chosen is not None and holds(chosen, self._drafting.resolved):
            other = next(preset for preset in known if preset.id != chosen.id)
        dialog = ComparePresetsDialog(
            [now, *known],
            one_id=one.id,
            other_id=other.id,
            endpoint_names={endpoint.id: endpoint.name for endpoint in self._workbench.endpoints},
            parent=self._window,
        )
        dialog.open()

    # Files

    def _export_chosen(self) -> None:
        chosen = self._chosen()
        if chosen is not None:
            self._ask_where_to([chosen], chosen.name)

    def _export_own(self) -> None:
        self._ask_where_to(self._own(), _t("presets"))

    def _ask_where_to(self, presets: Sequence[Preset], name: str) -> None:
        from drover.ui.transfer import file_name

        dialog = QFileDialog(self._window, _t("Export presets"))
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setNameFilter(_t("Presets (*.json)"))
        dialog.setDefaultSuffix("json")
        dialog.selectFile(file_name(name))
        dialog.fileSelected.connect(partial(self._export, presets))
        dialog.open()

    def _export(self, presets: Sequence[Preset], path: str) -> None:
        self._spawn(self._see_exported(presets, Path(path)))

    async def _see_exported(self, presets: Sequence[Preset], path: Path) -> None:
        from drover.export.conversations import save_file

        data = self._workbench.presets.as_file(presets)
        await in_daemon_thread(partial(save_file, path, data), name="export")
        self._window.show_notice(_t("Exported to {0}.").format(path), is_warning=False)

    def _ask_where_from(self) -> None:
        dialog = QFileDialog(self._window, _t("Import presets"))
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.setNameFilter(_t("Presets (*.json)"))
        dialog.fileSelected.connect(self._import)
        dialog.open()

    def _import(self, path: str) -> None:
        self._spawn(self._see_imported(Path(path)))

    async def _see_imported(self, path: Path) -> None:
        from drover.export.conversations import read_file

        raw = await in_daemon_thread(partial(read_file, path), name="import")
        read = await self._workbench.presets.add(raw)
        words = _t("Imported: {0}.").format(", ".join(f"“{preset.name}”" for preset in read.presets[:5]))
        if len(read.presets) > 5:
            words = _t("{0} presets were imported.").format(len(read.presets))
        notes = list(read.notes[:_MOST_NOTES])
        _log.info("Presets were imported from %s. %s", path, " ".join(read.notes))
        if len(read.notes) > _MOST_NOTES:
            notes.append(_t("{0} more such remarks are in the log.").format(len(read.notes) - _MOST_NOTES))
        self._window.show_notice(" ".join([words, *notes]), is_warning=bool(notes))


def _t(text: str) -> str:
    return QCoreApplication.translate("presets", text)
