"""The window as a program: QApplication, event loop, Workbench, and the order in which they end."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from types import TracebackType

from PySide6.QtCore import QTimer, qVersion
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication

from drover import log
from drover.engine.workbench import Workbench
from drover.errors import ConfigurationError, LibraryError
from drover.paths import Profile
from drover.ui.bridge import Bridge
from drover.ui.theme import theme

_log = log.logger("ui")


def platform_words() -> str:
    """Version of Qt, and which platform it would draw on."""
    wanted = os.environ.get("QT_QPA_PLATFORM")
    if wanted:
        place = wanted
    elif sys.platform != "linux":
        place = sys.platform
    elif os.environ.get("WAYLAND_DISPLAY"):
        place = "wayland"
    elif os.environ.get("DISPLAY"):
        place = f"xcb on {os.environ['DISPLAY']}"
    else:
        place = "no display is set, so the window cannot open; the commands work"
    return f"{qVersion()}, {place}."


def show_window(profile: Profile, *, endpoint_name: str | None, model_id: str | None) -> int:
    """Runs the window until it is closed; returns the exit status.

    Raises ConfigurationError where there is no display. A profile that cannot be opened is told in a window and,
    by the LibraryError raised once it is closed, on the command line.
    """
    _require_display()
    application = _application()
    profile.create()
    log.set_up(profile.log_dir)
    bridge = Bridge()
    try:
        workbench = Workbench.open(profile, bridge)
    except LibraryError as error:
        _tell_fatal(application, error)
        raise
    return _run(application, workbench, bridge, endpoint_name, model_id)


def _require_display() -> None:
    if sys.platform == "linux" and not any(
        os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
    ):
        raise ConfigurationError(
            "There is no display to open a window on.", hint='Try the command: drover chat "your question".'
        )


def _application() -> QApplication:
    existing = QApplication.instance()
    if isinstance(existing, QApplication):
        return existing
    QGuiApplication.setDesktopFileName("drover")
    application = QApplication(sys.argv[:1])
    application.setApplicationName("Drover")
    application.setApplicationDisplayName("Drover")
    application.setQuitOnLastWindowClosed(False)
    return application


def _tell_fatal(application: QApplication, error: LibraryError) -> None:
    from drover.ui.dialogs import FatalDialog

    theme()
    dialog = FatalDialog(error.message, error.hint or "")
    dialog.finished.connect(application.quit)
    dialog.open()
    application.exec()


def _run(
    application: QApplication,
    workbench: Workbench,
    bridge: Bridge,
    endpoint_name: str | None,
    model_id: str | None,
) -> int:
    import qasync

    from drover.ui.controller import Controller
    from drover.ui.main_window import MainWindow

    settings = workbench.settings
    theme().set_text_scale(settings.text_scale)
    theme().set_mode(settings.theme_mode)
    loop = qasync.QEventLoop(application, already_running=False)
    asyncio.set_event_loop(loop)
    window = MainWindow()
    window.restore_layout(settings)
    reader = workbench.open_reader()
    controller = Controller(workbench, bridge, reader, window, application)
    closed = asyncio.Event()
    window.closed.connect(closed.set)
    _report_faults(loop, window)
    _listen_for_signals(window)

    async def session() -> None:
        controller.start(endpoint_name, model_id)
        window.show()
        await closed.wait()
        # The window is gone at once; what takes time ends behind it.
        await workbench.change_settings(**window.layout())
        await controller.close()
        reader.close()
        await workbench.close()

    with loop:
        loop.run_until_complete(session())
    return 0


def _report_faults(loop: asyncio.AbstractEventLoop, window: object) -> None:
    """Faults that nobody awaits go to the log and are told once, instead of being lost or ending the program."""

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        _log.error("An unforeseen fault.", exc_info=(kind, error, trace))

    def handle(_loop: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
        error = context.get("exception")
        _log.error("%s", context.get("message"), exc_info=error if isinstance(error, BaseException) else None)

    sys.excepthook = hook
    loop.set_exception_handler(handle)


def _listen_for_signals(window: object) -> None:
    """Ends in order on SIGINT and SIGTERM. Python sees a signal only when its bytecode runs, hence the wake-up."""
    from PySide6.QtCore import QSocketNotifier
    from PySide6.QtWidgets import QWidget

    assert isinstance(window, QWidget)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: window.close())
    if sys.platform == "win32":
        return
    import socket

    receiving, sending = socket.socketpair()
    for end in (receiving, sending):
        end.setblocking(False)
    signal.set_wakeup_fd(sending.fileno(), warn_on_full_buffer=False)
    notifier = QSocketNotifier(receiving.fileno(), QSocketNotifier.Type.Read, window)
    notifier.activated.connect(lambda: receiving.recv(64))
    window.destroyed.connect(sending.close)
