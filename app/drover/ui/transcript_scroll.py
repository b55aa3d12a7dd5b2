"""How a hand moves the transcript: the bar over the page, wheels and touchpads."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QSignalBlocker, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QApplication, QScrollBar, QWidget

_NOTCH = 120
"""What Qt calls one click of a wheel."""


class PageBar(QScrollBar):
    """A scroll bar that lies over the page, so that its coming does not narrow the column.

    While it is dragged it leads: its range stays as it was when the drag began, however much text arrives or
    is measured meanwhile, so that the handle stays under the pointer. Its end always means the end.
    """

    WIDTH = 12

    def __init__(self, source: QScrollBar, parent: QWidget) -> None:
        super().__init__(Qt.Orientation.Vertical, parent)
        self._source = source
        self.hide()
        self.valueChanged.connect(self._lead)
        self.sliderReleased.connect(self.follow_source)
        source.valueChanged.connect(self.follow_source)

    def follow_source(self) -> None:
        """Shows where the page is, unless a hand leads."""
        if self.isSliderDown():
            return
        source = self._source
        # Not the value of a signal: a layout in the meantime may have moved on from it.
        limit, page = source.maximum(), source.pageStep()
        with QSignalBlocker(self):  # a shorter range may change the value, which is no hand's doing
            if (self.maximum(), self.pageStep()) != (limit, page):
                self.setPageStep(page)
                self.setSingleStep(source.singleStep())
                self.setRange(0, limit)
                self.setVisible(limit > 0)
            self.setValue(source.value())

    def _lead(self, value: int) -> None:
        is_end = self.isSliderDown() and value == self.maximum()
        self._source.setValue(self._source.maximum() if is_end else value)


class WheelTravel:
    """Turns wheel events into whole pixels, keeping what is left over for the next event."""

    def __init__(self) -> None:
        self._rest_px = 0.0
        self._rest_angle = 0

    def pixels(self, event: QWheelEvent, line_px: int) -> int:
        """How far the text goes down: touchpads by their own pixels, wheels by lines, however fine."""
        exact: QPoint = event.pixelDelta()
        if not exact.isNull():
            delta = float(exact.y())
        else:
            delta = event.angleDelta().y() / _NOTCH * QApplication.wheelScrollLines() * line_px
        if delta * self._rest_px < 0:
            self._rest_px = 0.0
        travel = self._rest_px + delta
        whole = int(travel)
        self._rest_px = travel - whole
        return whole

    def notches(self, event: QWheelEvent) -> int:
        """Whole clicks upwards, gathered from finer turns: for steps such as those of the text size."""
        turned = event.angleDelta().y()
        if turned * self._rest_angle < 0:
            self._rest_angle = 0
        clicks = int((self._rest_angle + turned) / _NOTCH)
        self._rest_angle += turned - clicks * _NOTCH
        return clicks


def is_upward(event: QWheelEvent) -> bool:
    """Whether the event asks for what stands above, by however little."""
    exact = event.pixelDelta()
    return (exact if not exact.isNull() else event.angleDelta()).y() > 0
