"""Every command of the window as one row: the menu, the palette, shortcuts and their help derive from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Flag, auto

from PySide6.QtCore import QCoreApplication, QObject
from PySide6.QtGui import QAction, QKeySequence


class Condition(Flag):
    """What must hold for an action to be enabled."""

    NONE = 0
    CONVERSATION = auto()
    """A stored conversation is shown."""
    LIVE = auto()
    """A run is live in it."""
    IDLE = auto()
    """No run is live in it."""
    REPLY = auto()
    """It has at least one reply."""
    CHAT = auto()
    """The Chat workspace is in front."""


@dataclass(frozen=True, slots=True)
class ActionSpec:
    """One command. Its handler is the method of the controller with the same name as `id`."""

    id: str
    text: str
    shortcut: str = ""
    condition: Condition = Condition.NONE
    starts_group: bool = False
    """Whether the menu draws a line above it."""
    keys: str = ""
    """Keys that do it where the keyboard is among the messages; they are shown, and not a shortcut."""
    is_in_menu: bool = True
    """Else it is found in the palette only: what has a key, and is of no use to a pointer."""


def _t(text: str) -> str:
    return QCoreApplication.translate("actions", text)


def action_specs() -> tuple[ActionSpec, ...]:
    """All commands, in the order of the menu."""
    return (
        ActionSpec("new_conversation", _t("New conversation"), "Ctrl+N"),
        ActionSpec("search_conversations", _t("Search conversations"), "Ctrl+K"),
        ActionSpec("find", _t("Find in conversation"), "Ctrl+F", Condition.REPLY | Condition.CHAT),
        ActionSpec("find_next", _t("Next match"), "F3", Condition.REPLY | Condition.CHAT, is_in_menu=False),
        ActionSpec(
            "find_previous",
            _t("Previous match"),
            "Shift+F3",
            Condition.REPLY | Condition.CHAT,
            is_in_menu=False,
        ),
        ActionSpec("rename_conversation", _t("Rename conversation"), "F2", Condition.CONVERSATION),
        ActionSpec(
            "delete_conversation", _t("Delete conversation"), "Ctrl+Shift+Del", Condition.CONVERSATION
        ),
        ActionSpec(
            "regenerate_last", _t("Regenerate last answer"), "Ctrl+R", Condition.REPLY | Condition.IDLE, True
        ),
        ActionSpec("copy_last", _t("Copy last answer"), "Ctrl+Shift+C", Condition.REPLY),
        ActionSpec("copy_conversation", _t("Copy conversation"), "", Condition.CONVERSATION),
        ActionSpec("export_conversation", _t("Export conversation…"), "", Condition.CONVERSATION),
        ActionSpec("import_conversations", _t("Import conversations…")),
        ActionSpec("import_request", _t("Import a request…")),
        ActionSpec("copy_plain", _t("Copy the selection as plain text"), "", Condition.CONVERSATION),
        ActionSpec("attach_files", _t("Attach files…"), "Ctrl+Shift+A"),
        ActionSpec("stop", _t("Stop the answer"), "Ctrl+.", Condition.LIVE),
        ActionSpec("focus_message", _t("Go to the message field"), "Ctrl+L"),
        ActionSpec(
            "previous_message",
            _t("Previous message"),
            condition=Condition.CONVERSATION,
            keys="Alt+Up",
            is_in_menu=False,
        ),
        ActionSpec(
            "next_message",
            _t("Next message"),
            condition=Condition.CONVERSATION,
            keys="Alt+Down",
            is_in_menu=False,
        ),
        ActionSpec("next_area", _t("Next part of the window"), "F6", is_in_menu=False),
        ActionSpec("previous_area", _t("Previous part of the window"), "Shift+F6", is_in_menu=False),
        ActionSpec("show_chat", _t("Chat"), "Ctrl+1", Condition.NONE, True),
        ActionSpec("show_experiments", _t("Experiments"), "Ctrl+2"),
        ActionSpec("toggle_left", _t("Fold or show the conversations"), "Ctrl+B"),
        ActionSpec("toggle_right", _t("Fold or show the parameters"), "Ctrl+Shift+B"),
        ActionSpec("zoom_in", _t("Larger text"), "Ctrl++"),
        ActionSpec("zoom_out", _t("Smaller text"), "Ctrl+-"),
        ActionSpec("zoom_reset", _t("Normal text size"), "Ctrl+0"),
        ActionSpec("open_palette", _t("All commands…"), "Ctrl+Shift+P", Condition.NONE, True),
        ActionSpec("edit_tools", _t("Tools of this conversation…")),
        ActionSpec("probe_model", _t("Probe this model…")),
        ActionSpec("set_key", _t("Set the key of this endpoint…")),
        ActionSpec("add_endpoint", _t("Add an endpoint…")),
        ActionSpec("open_settings", _t("Settings…"), "Ctrl+,"),
        ActionSpec("quit", _t("Quit"), "Ctrl+Q", Condition.NONE, True),
    )


class Actions(QObject):
    """The QActions of the window, by id."""

    def __init__(self, handlers: object, parent: QObject) -> None:
        """`handlers` has one method without arguments for each id."""
        super().__init__(parent)
        self.specs = action_specs()
        self._actions: dict[str, QAction] = {}
        for spec in self.specs:
            action = QAction(spec.text, parent)
            if spec.shortcut:
                action.setShortcuts(_sequences(spec))
            handler: Callable[[], None] = getattr(handlers, spec.id)
            action.triggered.connect(_without_checked(handler))
            self._actions[spec.id] = action

    def __getitem__(self, action_id: str) -> QAction:
        return self._actions[action_id]

    @property
    def by_id(self) -> Mapping[str, QAction]:
        """All actions in menu order."""
        return self._actions

    def enable_for(self, holds: Condition) -> None:
        """Enables each action whose conditions are all among those that hold."""
        for spec in self.specs:
            self._actions[spec.id].setEnabled(spec.condition in holds)


def _sequences(spec: ActionSpec) -> list[QKeySequence]:
    keys = [QKeySequence(spec.shortcut)]
    if spec.id == "zoom_in":
        keys.append(QKeySequence("Ctrl+="))
    return keys


def _without_checked(handler: Callable[[], None]) -> Callable[[bool], None]:
    def trigger(_checked: bool) -> None:
        handler()

    return trigger
