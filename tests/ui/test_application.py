"""How the program as a whole behaves towards the system."""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections.abc import Iterator

import pytest
from PySide6.QtCore import QSocketNotifier
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from drover.ui.application import SignalWatch


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
