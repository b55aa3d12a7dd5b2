"""The window as a program: QApplication, event loop, Workbench, and the order in which they end."""

from __future__ import annotations

import contextlib
import gc
import os
import sys
from collections.abc import Iterator
from types import TracebackType
from typing import TYPE_CHECKING, cast

from PySide6.QtCore import (
    QEventLoop,
    QMessageLogContext,
    QTimer,
    QtMsgType,
    qInstallMessageHandler,
    qVersion,
)
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication

from drover import log
from drover.engine.workbench import Workbench
from drover.errors import ConfigurationError, DroverError
from drover.paths import Profile
from drover.ui.bridge import Bridge
from drover.ui.theme import STYLED, ThemeMode, theme

if TYPE_CHECKING:
    import asyncio

    from drover.domain.endpoint import Endpoint
    from drover.ui.main_window import MainWindow

_log = log.logger("ui")
_FIRST_FRAME_MS = 2000


def platform_words() -> tuple[str, str]:
    """Version of Qt and which platform it would draw on; and what to do if there is none to draw on."""
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
        advice = "Set DISPLAY or WAYLAND_DISPLAY to open the window; the commands work without."
        return f"{qVersion()}, but there is no display.", advice
    return f"{qVersion()}, {place}.", ""


def show_window(profile: Profile, *, endpoint_name: str | None, model_id: str | None) -> int:
    """Runs the window until it is closed; returns the exit status.

    Raises ConfigurationError where there is no display. What keeps the window from opening is told in one,
    and on the command line by the DroverError that is raised once that is closed.
    """
    _require_display()
    application = _application()
    log.set_up(None)
    try:
        program = Program(profile, endpoint_name=endpoint_name, model_id=model_id)
    except DroverError as error:
        _tell_fatal(application, error)
        raise
    program.show()
    _paint_first_frame(application, program.window)
    program.controller.complete()
    from drover.ui.focus_ring import FocusRing
    from drover.ui.signal_watch import SignalWatch

    # What runs commands is imported behind the first frame: asyncio alone would put it off by a tenth.
    loop = _event_loop(application)
    with contextlib.closing(loop):
        log.set_up(profile.log_dir)
        _report_faults(loop, program.window)
        FocusRing(application)
        watch = SignalWatch(program.window)
        loop.run_until_complete(program.run())
        watch.end()
    return 0


class Program:
    """Workbench, window and controller of one profile, put together; `show` it, then `run` it to its end."""

    def __init__(
        self, profile: Profile, *, endpoint_name: str | None = None, model_id: str | None = None
    ) -> None:
        """Needs a QApplication. Raises LibraryError, or ConfigurationError for an endpoint that is not known,
        before anything of the window is built."""
        self._bridge = Bridge()
        self.workbench = Workbench.open(profile, self._bridge)
        self._endpoint = self._find_endpoint(endpoint_name)
        self._model_id = model_id
        from drover.ui.controller import Controller
        from drover.ui.main_window import MainWindow

        settings = self.workbench.settings
        theme().set_text_scale(settings.text_scale)
        theme().set_mode(cast("ThemeMode", settings.theme_mode))
        with theme().building():
            self.window = MainWindow()
        self.window.restore_layout(settings)
        self._reader = self.workbench.open_reader()
        self.controller = Controller(self.workbench, self._bridge, self._reader, self.window, self.window)
        self._is_closed = False
        self.window.closed.connect(self._note_closed)

    def _find_endpoint(self, name: str | None) -> Endpoint | None:
        try:
            return self.workbench.find_endpoint(name) if name else None
        except ConfigurationError:
            import asyncio

            asyncio.run(self.workbench.close())
            raise

    def show(self) -> None:
        """Opens the window with the conversation that was open last."""
        self.controller.start(self._endpoint.id if self._endpoint else None, self._model_id)
        self.window.show()

    async def run(self) -> None:
        """Makes the window answer; returns when it was closed and all behind it has ended in order."""
        import asyncio

        self.workbench.purge()
        self.controller.wake()
        closed = asyncio.Event()
        self.window.closed.connect(closed.set)
        if not self._is_closed:
            await closed.wait()
        # The window is gone at once; what takes time ends behind it, whatever fails on the way.
        with _fault_logged("the layout"):
            await self.workbench.change_settings(**self.window.layout_values())
        with _fault_logged("the draft"):
            await self.controller.close()
        self._bridge.blockSignals(True)
        self._reader.close()
        await self.workbench.close()
        self.window.deleteLater()
        # Not left to Python: its garbage collector may run in any thread, and a timer ends only in its own.
        self._bridge.deleteLater()

    def _note_closed(self) -> None:
        self._is_closed = True


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
        existing.setQuitOnLastWindowClosed(False)
        return existing
    QGuiApplication.setDesktopFileName("drover")
    with _explained_aborts():
        application = QApplication([*sys.argv[:1], "-style", "Fusion"])
    application.setProperty(STYLED, True)
    application.setApplicationName("Drover")
    application.setApplicationDisplayName("Drover")
    application.setQuitOnLastWindowClosed(False)
    return application


@contextlib.contextmanager
def _explained_aborts() -> Iterator[None]:
    """Inside, an abort of Qt (no such display, a system library that is missing) ends the program as any
    other failure does: with one line and status 1, not with a core dump."""
    warnings: list[str] = []

    def handle(kind: QtMsgType, context: QMessageLogContext, text: str) -> None:
        if kind is not QtMsgType.QtFatalMsg:
            warnings.append(text.strip().rstrip("."))
            return
        reason = "; ".join(warnings) or text.strip().splitlines()[0].rstrip(".")
        print(f"drover: The window cannot be opened: {reason}.", file=sys.stderr, flush=True)
        os._exit(1)  # Qt would abort as soon as this returns

    previous = qInstallMessageHandler(handle)
    try:
        yield
    finally:
        qInstallMessageHandler(previous)
    for text in warnings:
        _log.warning("%s", text)


def _tell_fatal(application: QApplication, error: DroverError) -> None:
    from drover.ui.dialogs import FatalDialog

    theme()
    dialog = FatalDialog(error.message, error.hint or "")
    dialog.finished.connect(application.quit)
    dialog.open()
    from drover.ui.signal_watch import SignalWatch

    watch = SignalWatch(dialog)
    application.exec()
    watch.end()


def _event_loop(application: QApplication) -> asyncio.AbstractEventLoop:
    import asyncio

    from drover.ui.event_loop import EventLoop

    loop = EventLoop(application)
    asyncio.set_event_loop(loop)
    return loop


def _paint_first_frame(application: QApplication, window: MainWindow) -> None:
    """Turns Qt's own event loop until the window is on the screen, or for a moment if nobody looks at it."""
    painted = QEventLoop()
    window.painted.connect(painted.quit)
    QTimer.singleShot(_FIRST_FRAME_MS, painted.quit)
    painted.exec()
    gc.freeze()
    gc.enable()


@contextlib.contextmanager
def _fault_logged(what: str) -> Iterator[None]:
    try:
        yield
    except DroverError as error:
        _log.error("Could not keep %s: %s", what, error.words)


def _report_faults(loop: asyncio.AbstractEventLoop, window: MainWindow) -> None:
    """Faults that nobody awaits go to the log and are told, instead of being lost or ending the program."""

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        _log.error("An unforeseen fault.", exc_info=(kind, error, trace))
        if isinstance(error, DroverError):
            window.show_notice(error.words, is_warning=True)
        else:
            words = "Drover met a fault of its own ({0}). The log has the details."
            window.show_notice(window.tr(words).format(kind.__name__), is_warning=True)

    def handle(_loop: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
        error = context.get("exception")
        _log.error("%s", context.get("message"), exc_info=error if isinstance(error, BaseException) else None)

    sys.excepthook = hook
    loop.set_exception_handler(handle)
