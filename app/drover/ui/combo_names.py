"""Gives combos their own accessible name on every system."""

from __future__ import annotations

import shiboken6
from PySide6.QtCore import QObject
from PySide6.QtGui import QAccessible, QAccessibleActionInterface, QAccessibleInterface
from PySide6.QtWidgets import QAccessibleWidget, QApplication, QComboBox

# WORKAROUND: on Unix Qt reports the current value of a combo as its name and never the name that was set.
# Qt owns the interfaces that the factory makes, but PySide frees them with their last Python reference.
_interfaces: list[_NamedCombo] = []


class _NamedCombo(QAccessibleWidget):
    """A combo whose name is the one that was set, and whose value is what it shows."""

    def __init__(self, combo: QComboBox) -> None:
        super().__init__(combo, QAccessible.Role.ComboBox)
        self._combo = combo

    def text(self, kind: QAccessible.Text) -> str:
        """The value as text; everything else as for any widget."""
        if kind == QAccessible.Text.Value:
            return self._combo.currentText() if shiboken6.isValid(self._combo) else ""
        return super().text(kind)

    def state(self) -> QAccessible.State:
        """As for any widget, and whether the list is open."""
        state = super().state()
        if shiboken6.isValid(self._combo):
            is_open = self._combo.view().isVisible()
            state.expandable, state.expanded, state.collapsed = True, is_open, not is_open
        return state

    def actionNames(self) -> list[str]:
        """Opening comes before taking the focus."""
        return [QAccessibleActionInterface.showMenuAction(), *super().actionNames()]

    def doAction(self, action_name: str) -> None:
        """Opens or closes the list, or does what any widget can."""
        if action_name != QAccessibleActionInterface.showMenuAction():
            super().doAction(action_name)
        elif shiboken6.isValid(self._combo) and self._combo.isEnabled():
            if self._combo.view().isVisible():
                self._combo.hidePopup()
            else:
                self._combo.showPopup()

    def childCount(self) -> int:
        """The list of values."""
        return 1 if shiboken6.isValid(self._combo) else 0

    def child(self, index: int) -> QAccessibleInterface | None:  # type: ignore[override]
        """The list of values, whether or not it is open."""
        if index != 0 or not shiboken6.isValid(self._combo):
            return None
        return QAccessible.queryAccessibleInterface(self._combo.view())

    def indexOfChild(self, child: QAccessibleInterface) -> int:
        """0 for the list."""
        is_list = shiboken6.isValid(self._combo) and child.object() is self._combo.view()
        return 0 if is_list else -1


def _made(class_name: str, target: QObject | None) -> QAccessibleInterface | None:
    if class_name != "QComboBox" or not isinstance(target, QComboBox):
        return None
    _interfaces[:] = [interface for interface in _interfaces if shiboken6.isValid(interface)]
    interface = _NamedCombo(target)
    _interfaces.append(interface)
    return interface


def name_combos() -> None:
    """From the first call on, every combo of the application is known by the name that was set."""
    application = QApplication.instance()
    if application is not None and not application.property("hasNamedCombos"):
        application.setProperty("hasNamedCombos", True)
        QAccessible.installFactory(_made)
