"""The head of the Parameters tab: choice of a preset, Save, and what else can be done with presets."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QInputDialog, QWidget

from drover.domain.parameters import Preset
from drover.ui.controls import Button, ComboBox, IconButton, Menu
from drover.ui.theme import theme


class PresetBar(QWidget):
    """Choice of a preset, Save, and what else can be done with it."""

    chosen = Signal(object)
    save_requested = Signal(str)
    delete_requested = Signal(str)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._preset: Preset | None = None
        self._combo = ComboBox(self.tr("Preset"), parent=self)
        self._combo.activated.connect(self._choose)
        self._save = Button(self.tr("Save"), parent=self)
        self._save.setAccessibleName(self.tr("Save preset"))
        self._save.clicked.connect(self._save_or_ask)
        self._more = IconButton("more", self.tr("More about presets"), parent=self)
        self._more.clicked.connect(self._open_menu)
        self._menu = Menu(self)
        self._save_as = self._menu.addAction(self.tr("Save as…"))
        self._save_as.triggered.connect(self._ask_name)
        self._delete = self._menu.addAction(self.tr("Delete preset"))
        self._delete.triggered.connect(self._request_deletion)
        line = QHBoxLayout(self)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(8)
        line.addWidget(self._combo, 1)
        line.addWidget(self._save)
        line.addWidget(self._more)

    def display(self, presets: Sequence[Preset], chosen: Preset | None) -> None:
        """Shows the names and which one is chosen."""
        self._preset = chosen
        wanted: list[tuple[str, str | None]] = [(self.tr("No preset"), None)]
        wanted += [(preset.name, preset.id) for preset in presets]
        shown = [(self._combo.itemText(i), self._combo.itemData(i)) for i in range(self._combo.count())]
        with QSignalBlocker(self._combo):
            if shown != wanted:
                self._combo.clear()
                for name, preset_id in wanted:
                    self._combo.addItem(name, preset_id)
            self._combo.set_token("text" if chosen else "text-2")
            self._combo.setCurrentIndex(max(0, self._combo.findData(chosen.id)) if chosen else 0)
        self._delete.setEnabled(chosen is not None)
        self._combo.update()

    def set_changed(self, is_changed: bool) -> None:
        """Whether there is something that saving would keep."""
        self._save.setEnabled(is_changed)
        self._combo.set_suffix(self.tr("(changed)") if is_changed and self._preset is not None else "")

    def _choose(self, index: int) -> None:
        self.chosen.emit(self._combo.itemData(index))

    def _save_or_ask(self) -> None:
        if self._preset is None:
            self._ask_name()
        else:
            self.save_requested.emit(self._preset.name)

    def _ask_name(self) -> None:
        dialog = QInputDialog(self)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setWindowTitle(self.tr("Save preset"))
        dialog.setLabelText(self.tr("Name of the preset"))
        dialog.resize(theme().px(360), 0)
        dialog.setOkButtonText(self.tr("Save"))
        dialog.textValueSelected.connect(self._save_under)
        dialog.open()

    def _save_under(self, name: str) -> None:
        if name.strip():
            self.save_requested.emit(name.strip())

    def _open_menu(self) -> None:
        place = self._more.mapToGlobal(self._more.rect().bottomRight())
        place.setX(place.x() - self._menu.sizeHint().width())
        place.setY(place.y() + 4)
        self._menu.popup(place)

    def _request_deletion(self) -> None:
        if self._preset is not None:
            self.delete_requested.emit(self._preset.id)
