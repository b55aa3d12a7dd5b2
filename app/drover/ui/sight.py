"""Whether a widget can be seen: windows that are minimised, covered or on another desktop need no drawing."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QWindow
from PySide6.QtWidgets import QWidget


def is_on_screen(widget: QWidget) -> bool:
    """Whether it is shown in a window of which the window system wants to have pictures.

    A covered window counts as unseen where the window system tells of it: Wayland and macOS do, X11 does not.
    """
    handle = widget.window().windowHandle()
    if handle is None or not handle.isExposed() or not widget.isVisible():
        return False
    # The state of the handle, which is told of a change before the widget is.
    return handle.windowState() is not Qt.WindowState.WindowMinimized


class Sight(QObject):
    """Looks whether a window can be seen, and tells when one that could not be seen is back.

    Signals:
        returned()
    """

    returned = Signal()

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self._window = window
        self._watched: QWindow | None = None

    def is_open(self) -> bool:
        """Whether the window can be seen; if it cannot, its return will be told once."""
        is_seen = is_on_screen(self._window)
        handle = self._window.windowHandle()
        if not is_seen and self._watched is None and handle is not None:
            self._watched = handle
            handle.installEventFilter(self)
        return is_seen

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Looks at the window's own events, only while it is unseen."""
        changes = (QEvent.Type.Expose, QEvent.Type.WindowStateChange, QEvent.Type.Show)
        if event.type() in changes and self._watched is not None and is_on_screen(self._window):
            self._watched.removeEventFilter(self)
            self._watched = None
            self.returned.emit()
        return False
