"""The dialog with the tools of a conversation: what the model is offered, and what is done with each."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from PySide6.QtCore import QCoreApplication, Qt, Signal
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QVBoxLayout, QWidget

from drover.domain.tool_definitions import MOST_TOOLS, command_text, read_tools, tools_text
from drover.domain.tools import ToolDefinition
from drover.errors import ConfigurationError, DroverError
from drover.export.conversations import read_file, save_file
from drover.ui.controls import (
    QUIET_PADDING,
    Button,
    CheckBox,
    ElidedLabel,
    IconButton,
    Label,
    OverlayScrollArea,
    PrimaryButton,
    QuietButton,
)
from drover.ui.dialog_parts import named_button
from drover.ui.framed_dialog import FramedDialog, Verdict, words_label
from drover.ui.theme import theme
from drover.ui.tool_editor import ToolEditor

_WIDTH_PX = 560
_ROWS_PX = 200
_LARGEST_FILE_BYTES = 4_000_000


class ToolsDialog(FramedDialog):
    """Lists tools; each change counts at once.

    Signals:
        tools_edited(tuple, tuple): the tools that are offered, and those that rest
        approval_withdrawn(ToolDefinition): its program is to be asked for again
    """

    tools_edited = Signal(tuple, tuple)
    approval_withdrawn = Signal(object)

    def __init__(
        self,
        offered: Sequence[ToolDefinition],
        resting: Sequence[ToolDefinition],
        *,
        approved: Collection[ToolDefinition] = (),
        parent: QWidget | None = None,
    ) -> None:
        """The programs of `approved` tools run without being asked for."""
        super().__init__(_t("Tools of this conversation"), parent, width_px=_WIDTH_PX)
        self._approved = set(approved)
        self._removed: tuple[int, tuple[ToolDefinition, bool]] | None = None
        self._tools = [(tool, True) for tool in offered] + [(tool, False) for tool in resting]
        self._build()
        self._show_rows()

    def _build(self) -> None:
        words = words_label(token="text-2")
        words.setText(
            _t(
                "The model may call what is ticked. You answer a call yourself, or a program of yours does "
                "once you have approved it."
            )
        )
        self._content = QWidget()
        self._rows = QVBoxLayout(self._content)
        self._rows.setContentsMargins(0, 0, 12, 0)
        self._rows.setSpacing(0)
        self._area = OverlayScrollArea()
        self._area.setWidget(self._content)
        self._area.setMinimumHeight(theme().px(_ROWS_PX))
        self._verdict = Verdict()
        self.body.addWidget(Label(self.windowTitle(), role="title", weight=600))
        self.body.addWidget(words)
        self.body.addWidget(self._area, 1)
        self._undo = named_button(QuietButton, _t("Undo"))
        self._undo.clicked.connect(self._bring_back)
        self._undo.hide()
        told = QHBoxLayout()
        told.setContentsMargins(0, 0, -QUIET_PADDING, 0)
        told.addWidget(self._verdict, 1)
        told.addWidget(self._undo)
        self.body.addLayout(told)
        self._import = named_button(QuietButton, _t("Import…"))
        self._import.clicked.connect(self._ask_where_from)
        self._export = named_button(QuietButton, _t("Export…"))
        self._export.clicked.connect(self._ask_where_to)
        self._add = named_button(Button, _t("Add a tool…"), icon="plus")
        self._add.clicked.connect(self._begin_new)
        done = named_button(PrimaryButton, _t("Done"))
        done.clicked.connect(self.accept)
        for button in (self._import, self._export):
            self.foot.addWidget(button)
        self.foot.addStretch(1)
        for button in (self._add, done):
            self.foot.addWidget(button)

    # The list

    def _show_rows(self) -> None:
        while (item := self._rows.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        for index, (tool, is_offered) in enumerate(self._tools):
            self._rows.addWidget(self._made_row(index, tool, is_offered))
        if not self._tools:
            self._rows.addWidget(Label(_t("There are none yet."), token="text-3"))
        self._rows.addStretch(1)
        self._export.setEnabled(bool(self._tools))
        self._add.setEnabled(len(self._tools) < MOST_TOOLS)

    def _made_row(self, index: int, tool: ToolDefinition, is_offered: bool) -> QWidget:
        row = QWidget()
        box = CheckBox(parent=row)
        box.setAccessibleName(_t("Offer {0}").format(tool.name))
        box.setChecked(is_offered)
        box.toggled.connect(partial(self._offer, index))
        name = ElidedLabel(tool.name, role="wire", parent=row)
        about = ElidedLabel(_answered_by(tool), role="small", token="text-3", parent=row)
        texts = QVBoxLayout()
        texts.setSpacing(0)
        texts.addWidget(name)
        texts.addWidget(about)
        line = QHBoxLayout(row)
        line.setContentsMargins(0, 6, 0, 6)
        line.setSpacing(4)
        line.addWidget(box)
        line.addSpacing(8)
        line.addLayout(texts, 1)
        if tool in self._approved:
            ask = named_button(Button, _t("Ask again"))
            ask.setToolTip(_t("This program runs without asking in this conversation"))
            ask.clicked.connect(partial(self._withdraw, index))
            line.addWidget(ask)
        for icon, words, act in (
            ("edit", _t("Edit {0}"), self._edit),
            ("copy", _t("Duplicate {0}"), self._duplicate),
            ("trash", _t("Remove {0}"), self._remove),
        ):
            button = IconButton(icon, words.format(tool.name), parent=row)
            button.clicked.connect(partial(act, index))
            line.addWidget(button)
        return row

    def _offer(self, index: int, is_offered: bool) -> None:
        self._tools[index] = (self._tools[index][0], is_offered)
        self._report()

    def _change(self) -> None:
        self._removed = None
        self._undo.hide()
        self._verdict.display("")
        self._show_rows()
        self._report()

    def _report(self) -> None:
        offered = tuple(tool for tool, is_offered in self._tools if is_offered)
        self.tools_edited.emit(offered, tuple(tool for tool, is_offered in self._tools if not is_offered))

    def _withdraw(self, index: int) -> None:
        tool = self._tools[index][0]
        self._approved.discard(tool)
        self.approval_withdrawn.emit(tool)
        self._show_rows()

    def _names(self, but: int | None = None) -> list[str]:
        return [tool.name for index, (tool, _) in enumerate(self._tools) if index != but]

    # What can be done with one

    def _begin_new(self) -> None:
        self._open_editor(None, ToolDefinition(name=""))

    def _edit(self, index: int) -> None:
        self._open_editor(index, self._tools[index][0])

    def _open_editor(self, index: int | None, tool: ToolDefinition) -> None:
        editor = ToolEditor(tool, self._names(index), parent=self)
        editor.tool_submitted.connect(partial(self._take, index))
        editor.open()

    def _take(self, index: int | None, tool: ToolDefinition) -> None:
        if index is None:
            self._tools.append((tool, True))
        else:
            self._tools[index] = (tool, self._tools[index][1])
        self._change()

    def _duplicate(self, index: int) -> None:
        tool, is_offered = self._tools[index]
        self._tools.insert(index + 1, (_renamed(tool, self._names()), is_offered))
        self._change()

    def _remove(self, index: int) -> None:
        removed = self._tools.pop(index)
        self._change()
        self._removed = (index, removed)
        self._verdict.display(_t("{0} was removed.").format(removed[0].name))
        self._undo.show()
        self._undo.setFocus(Qt.FocusReason.OtherFocusReason)

    def _bring_back(self) -> None:
        if self._removed is not None:
            self._tools.insert(*self._removed)
            self._change()
            self._add.setFocus(Qt.FocusReason.OtherFocusReason)

    # Files

    def _ask_where_to(self) -> None:
        dialog = QFileDialog(self, _t("Export tools"))
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setNameFilter(_t("Tools (*.json)"))
        dialog.setDefaultSuffix("json")
        dialog.selectFile("tools.json")
        dialog.fileSelected.connect(self._write)
        dialog.open()

    def _write(self, path: str) -> None:
        self._undo.hide()
        try:
            save_file(Path(path), tools_text([tool for tool, _ in self._tools]).encode())
        except DroverError as error:
            self._verdict.display(error.words, is_warning=True)
        else:
            self._verdict.display(_t("Exported to {0}.").format(path), is_good=True)

    def _ask_where_from(self) -> None:
        dialog = QFileDialog(self, _t("Import tools"))
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.setNameFilter(_t("Tools (*.json)"))
        dialog.fileSelected.connect(self._read)
        dialog.open()

    def _read(self, path: str) -> None:
        self._undo.hide()
        try:
            found = read_tools(_text_of(Path(path)))
            if len(found) + len(self._tools) > MOST_TOOLS:
                raise ConfigurationError(f"These would be more than {MOST_TOOLS} tools.")
        except DroverError as error:
            self._verdict.display(error.words, is_warning=True)
            self.make_room()
            return
        names = self._names()
        for tool in found:
            new = _renamed(tool, names) if tool.name in names else tool
            names.append(new.name)
            self._tools.append((new, True))
        self._change()
        words = _t("1 tool was imported.") if len(found) == 1 else _t("{0} tools were imported.")
        self._verdict.display(words.format(len(found)), is_good=True)


def _text_of(path: Path) -> str:
    """The text of a file. Raises ConfigurationError in words."""
    raw = read_file(path)
    if len(raw) > _LARGEST_FILE_BYTES:
        raise ConfigurationError("This file is too large to be a list of tools.")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ConfigurationError("This file is no text.") from None


def _renamed(tool: ToolDefinition, taken: Sequence[str]) -> ToolDefinition:
    """The tool under a name that is free."""

    number = 2
    while (name := f"{tool.name[: 63 - len(str(number))]}_{number}") in taken:
        number += 1
    return replace(tool, name=name)


def _answered_by(tool: ToolDefinition) -> str:
    who = command_text(tool.command) if tool.command else _t("answered by you")
    return " · ".join(filter(None, (who, tool.description.replace("\n", " "))))


def _t(text: str) -> str:
    return QCoreApplication.translate("tools_dialog", text)
