"""How the program as a whole behaves towards the system."""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections.abc import Iterator

import pytest
from PySide6.QtCore import QSocketNotifier
from PySide6.QtGui import QPaintEvent
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from drover.ui.signal_watch import SignalWatch


@pytest.fixture
def _signals() -> Iterator[None]:
    """Gives the handlers back afterwards."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.skipif(sys.platform == "win32", reason="signals do not wake Qt there")
@pytest.mark.usefixtures("_signals")
def test_a_signal_closes_the_window_and_nothing_else_wakes_the_loop(qapp: QApplication, qtbot: QtBot) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    watch = SignalWatch(window)
    gc.collect()
    woken = 0

    def count() -> None:
        nonlocal woken
        woken += 1

    for notifier in watch.findChildren(QSocketNotifier):
        notifier.activated.connect(count)
    window.show()
    for _ in range(20):
        qapp.processEvents()
    assert woken == 0
    os.kill(os.getpid(), signal.SIGTERM)
    qtbot.waitUntil(lambda: not window.isVisible())
    watch.end()


class Interrupted(QWidget):
    """Gets a signal while it is being painted."""

    was_open = False

    def paintEvent(self, event: QPaintEvent) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        self.was_open = self.isVisible()


@pytest.mark.skipif(sys.platform == "win32", reason="signals do not wake Qt there")
@pytest.mark.usefixtures("_signals")
def test_a_signal_does_not_close_the_window_under_its_painter(qtbot: QtBot) -> None:
    window = Interrupted()
    qtbot.addWidget(window)
    watch = SignalWatch(window)
    window.show()
    qtbot.waitUntil(lambda: not window.isVisible())
    watch.end()
    assert window.was_open
