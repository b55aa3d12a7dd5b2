"""The head of the Parameters tab: choice of a preset, Save, and what else can be done with presets."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QSignalBlocker, Signal, SignalInstance
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from drover.domain.parameters import Preset
from drover.domain.presets import SHIPPED
from drover.ui.controls import Button, ComboBox, IconButton, Menu, Paragraph


class PresetBar(QWidget):
    """Shows which preset is chosen and asks for what a person wants with it; changes nothing itself.

    Signals:
        chosen: the id of a preset, or None for no preset.
        save_requested: keep what is set now in the chosen preset, or under a name yet to be asked for.
        save_as_requested, duplicate_requested, rename_requested, delete_requested: the chosen one.
        default_requested: whether new conversations are to begin with the chosen one, or with none.
        compare_requested, import_requested, export_requested, export_all_requested.
    """

    chosen = Signal(object)
    save_requested = Signal()
    save_as_requested = Signal()
    duplicate_requested = Signal()
    rename_requested = Signal()
    delete_requested = Signal()
    default_requested = Signal(bool)
    compare_requested = Signal()
    import_requested = Signal()
    export_requested = Signal()
    export_all_requested = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._preset: Preset | None = None
        self._has_own = False
        self._default_id = ""
        self._opened_menu: _Menu | None = None
        self._combo = ComboBox(self.tr("Preset"), parent=self)
        self._combo.activated.connect(self._choose)
        self._save = Button(self.tr("Save"), parent=self)
        self._save.setAccessibleName(self.tr("Save preset"))
        self._save.clicked.connect(self.save_requested)
        self._more = IconButton("more", self.tr("More about presets"), parent=self)
        self._more.clicked.connect(self._open_menu)
        self._about = Paragraph("", role="small", token="text-3", parent=self)
        self._about.hide()
        line = QHBoxLayout()
        line.setSpacing(8)
        line.addWidget(self._combo, 1)
        line.addWidget(self._save)
        line.addWidget(self._more)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addLayout(line)
        column.addWidget(self._about)

    def display(self, presets: Sequence[Preset], chosen: Preset | None) -> None:
        """Shows the names, those that come with Drover below a line, and which one is chosen."""
        self._preset = chosen
        own = [(preset.name, preset.id) for preset in presets if preset.id not in SHIPPED]
        shipped = [(preset.name, preset.id) for preset in presets if preset.id in SHIPPED]
        self._has_own = bool(own)
        wanted: list[tuple[str, str | None]] = [(self.tr("No preset"), None), *own]
        if shipped:
            wanted += [("", None), *shipped]
        shown = [(self._combo.itemText(i), self._combo.itemData(i)) for i in range(self._combo.count())]
        with QSignalBlocker(self._combo):
            if shown != wanted:
                self._fill(wanted)
            self._combo.set_token("text" if chosen else "text-2")
            self._combo.setCurrentIndex(max(0, self._combo.findData(chosen.id)) if chosen else 0)
        self._show_about()
        self._combo.update()

    def display_default(self, preset_id: str) -> None:
        """With which preset new conversations begin; empty for none."""
        self._default_id = preset_id

    def set_changed(self, is_changed: bool) -> None:
        """Whether there is something that saving would keep."""
        self._save.setEnabled(is_changed)
        self._combo.set_suffix(self.tr("(changed)") if is_changed and self._preset is not None else "")

    def _fill(self, entries: Sequence[tuple[str, str | None]]) -> None:
        self._combo.clear()
        for name, preset_id in entries:
            if name:
                self._combo.addItem(name, preset_id)
            else:
                self._combo.insertSeparator(self._combo.count())

    def _show_about(self) -> None:
        shipped = SHIPPED.get(self._preset.id) if self._preset is not None else None
        words = ""
        if shipped is not None:
            words = self.tr("{0} Comes with Drover: duplicate it to change it.").format(shipped.about)
        if words != self._about.accessibleName():
            self._about.set_text(words)
        self._about.setVisible(bool(words))

    def _choose(self, index: int) -> None:
        self.chosen.emit(self._combo.itemData(index))

    def _open_menu(self) -> None:
        if self._opened_menu is None:
            self._opened_menu = _Menu(self)
        menu = self._opened_menu
        menu.fit(self._preset, self._default_id, has_own=self._has_own)
        place = self._more.mapToGlobal(self._more.rect().bottomRight())
        place.setX(place.x() - menu.sizeHint().width())
        place.setY(place.y() + 4)
        menu.popup(place)


class _Menu(Menu):
    """What can be done with presets."""

    def __init__(self, bar: PresetBar) -> None:
        super().__init__(bar)
        self._added(self.tr("Save as…"), bar.save_as_requested)
        self._duplicate = self._added(self.tr("Duplicate"), bar.duplicate_requested)
        self._rename = self._added(self.tr("Rename…"), bar.rename_requested)
        self._delete = self._added(self.tr("Delete"), bar.delete_requested)
        self.addSeparator()
        self._default = self.addAction(self.tr("Use for new conversations"))
        self._default.setCheckable(True)
        self._default.triggered.connect(bar.default_requested)
        self._added(self.tr("Compare with…"), bar.compare_requested)
        self.addSeparator()
        self._added(self.tr("Import…"), bar.import_requested)
        self._export = self._added(self.tr("Export this…"), bar.export_requested)
        self._export_all = self._added(self.tr("Export all…"), bar.export_all_requested)

    def fit(self, chosen: Preset | None, default_id: str, *, has_own: bool) -> None:
        """Enables what makes sense with the chosen preset."""
        is_own = chosen is not None and chosen.id not in SHIPPED
        for action, is_possible in (
            (self._duplicate, chosen is not None),
            (self._rename, is_own),
            (self._delete, is_own),
            (self._export, chosen is not None),
            (self._export_all, has_own),
            (self._default, chosen is not None or bool(default_id)),
        ):
            action.setEnabled(is_possible)
        self._default.setChecked(default_id == (chosen.id if chosen is not None else ""))

    def _added(self, words: str, signal: SignalInstance) -> QAction:
        action = self.addAction(words)
        action.triggered.connect(signal)
        return action
