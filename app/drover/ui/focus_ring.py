"""The ring that shows where the keyboard is."""

from __future__ import annotations

from typing import Final

import shiboken6
from PySide6.QtCore import QObject, QRectF, Qt
from PySide6.QtGui import (
    QPainter,
    QPaintEvent,
)
from PySide6.QtWidgets import (
    QAbstractItemView,
    QApplication,
    QFocusFrame,
    QMenu,
    QProxyStyle,
    QStyle,
    QStyleHintReturn,
    QStyleOption,
    QWidget,
)

from drover.ui.theme import RADIUS, draw_frame, theme

_RING_GAP: Final = 1
_RING_WIDTH: Final = 2


class _RingStyle(QProxyStyle):
    """Tells a QFocusFrame how far it reaches beyond its widget, and that it lies above."""

    def pixelMetric(
        self, metric: QStyle.PixelMetric, option: QStyleOption | None = None, widget: QWidget | None = None
    ) -> int:
        """The reach of the ring."""
        if metric in (QStyle.PixelMetric.PM_FocusFrameHMargin, QStyle.PixelMetric.PM_FocusFrameVMargin):
            return _RING_GAP + _RING_WIDTH
        return super().pixelMetric(metric, option, widget)

    def styleHint(
        self, hint: QStyle.StyleHint, option: QStyleOption | None = None, widget: QWidget | None = None,
        returnData: QStyleHintReturn | None = None,
    ) -> int:  # fmt: skip
        """Above the widget, not masked: the ring lets all events through anyway."""
        if hint == QStyle.StyleHint.SH_FocusFrame_AboveWidget:
            return 1
        if hint == QStyle.StyleHint.SH_FocusFrame_Mask:
            return 0
        return super().styleHint(hint, option, widget, returnData)


class _RingFrame(QFocusFrame):
    """The ring itself."""

    def __init__(self, style: QStyle) -> None:
        super().__init__()
        self.setStyle(style)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setAttribute(Qt.WidgetAttribute.WA_NoSystemBackground)

    def paintEvent(self, event: QPaintEvent) -> None:
        """2 px of accent, 1 px away from the control."""
        target = self.widget()
        if target is None:
            return
        painter = QPainter(self)
        given = target.property("ringRadius")
        radius = (float(given) if given is not None else RADIUS) + 2
        color = theme().color("accent")
        draw_frame(painter, QRectF(self.rect()), radius, edge=color, width=_RING_WIDTH)
        painter.end()


class FocusRing(QObject):
    """Shows where the keyboard is, in the whole application; one is enough.

    It appears for Tab, Backtab and shortcuts, not for a click. The property `ringRadius` of a widget bends
    it; a widget with `hasOwnRing` = True, and every item view, shows its focus itself.
    """

    def __init__(self, application: QApplication) -> None:
        super().__init__(application)
        self._style = _RingStyle("Fusion")
        self._style.setParent(self)
        self._frame: _RingFrame | None = None
        self._left_behind: QWidget | None = None
        application.focusChanged.connect(self._follow)
        theme().changed.connect(self._repaint)

    @property
    def target(self) -> QWidget | None:
        """The widget that wears the ring."""
        frame = self._frame
        return frame.widget() if frame is not None and shiboken6.isValid(frame) else None

    def _follow(self, old: QWidget | None, new: QWidget | None) -> None:
        if new is None:
            self._left_behind = self.target
            self._show_on(None)
            return
        window = new.window()
        # Qt sets the attribute for Tab, Backtab and shortcuts only, before it tells of the change.
        is_by_keyboard = window.testAttribute(Qt.WidgetAttribute.WA_KeyboardFocusChange)
        window.setAttribute(Qt.WidgetAttribute.WA_KeyboardFocusChange, False)
        is_back = self._left_behind is not None and new is self._left_behind
        self._left_behind = None
        is_wanted = (is_by_keyboard or is_back) and not _paints_own_focus(new)
        self._show_on(new if is_wanted else None)

    def _show_on(self, widget: QWidget | None) -> None:
        frame = self._frame if self._frame is not None and shiboken6.isValid(self._frame) else None
        if widget is None:
            # A frame without a widget would be a window of its own; a new one costs next to nothing.
            self._frame = None
            if frame is not None:
                frame.setWidget(None)  # type: ignore[arg-type]
                frame.deleteLater()
            return
        self._frame = frame if frame is not None else _RingFrame(self._style)
        self._frame.setWidget(widget)

    def _repaint(self) -> None:
        if self._frame is not None and shiboken6.isValid(self._frame):
            self._frame.update()


def _paints_own_focus(widget: QWidget) -> bool:
    return bool(widget.property("hasOwnRing")) or isinstance(widget, QAbstractItemView | QMenu)
