"""Guards that are always on, and fixtures for the world outside: display, provider, keyring, profile.

A test fails on a log record of level WARNING or above that it did not expect, on a Qt warning, on a
connection beyond loopback, and on tasks, threads, timers or windows that it leaves behind. `async def` tests
run on a fresh asyncio loop, or on Qt's if they ask for `qt_loop`.
"""

from __future__ import annotations

import asyncio
import atexit
import gc
import inspect
import ipaddress
import logging
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Callable, Coroutine, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest
from tests.provider import Provider

from drover import log
from drover.paths import Profile

T = TypeVar("T")

_TASK_LIMIT_S = 0.2
_THREAD_LIMIT_S = 2.0
_START_LIMIT_S = 10.0


# The world of the whole session: nobody's home, no keyring, no keys, no proxies, a display of our own.


def pytest_configure(config: pytest.Config) -> None:
    """Before PySide6 is imported: the platform plugin that real users have."""
    if sys.platform == "linux":
        os.environ.setdefault("QT_QPA_PLATFORM", "xcb")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Qt warnings fail a test, not only Qt's critical messages."""
    for item in items:
        if item.get_closest_marker("qt_log_level_fail") is None:
            item.add_marker(pytest.mark.qt_log_level_fail("WARNING"))


@pytest.fixture(scope="session", autouse=True)
def _no_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Nothing reads or writes the home, the keyring or the keys of whoever runs the tests."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            is_key = name == "OXEN_API_KEY" or name.startswith("DROVER_API_KEY")
            if is_key or name.lower().endswith("_proxy") or name.startswith("SSL_CERT_"):
                patch.delenv(name)
        for name in ("DATA", "CONFIG", "CACHE", "STATE"):
            patch.setenv(f"XDG_{name}_HOME", str(home / name.lower()))
        runtime = home / "run"
        runtime.mkdir(mode=0o700)
        patch.setenv("XDG_RUNTIME_DIR", str(runtime))
        patch.setenv("HOME", str(home))
        patch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.fail.Keyring")
        patch.setenv("DBUS_SESSION_BUS_ADDRESS", f"unix:path={runtime}/no-bus")
        yield


@pytest.fixture(scope="session")
def display() -> str | None:
    """The display for GUI tests: the one that is there, else an Xvfb; None where the system needs none.

    Without either the test is skipped, but under CI it fails.
    """
    if sys.platform != "linux" or os.environ.get("QT_QPA_PLATFORM") != "xcb":
        return None
    if not os.environ.get("DISPLAY"):
        os.environ["DISPLAY"] = _start_xvfb()
    return os.environ["DISPLAY"]


@pytest.fixture(scope="session")
def qapp_args(display: str | None) -> list[str]:
    """pytest-qt makes its QApplication from these; asking for the display here brings it up first."""
    return ["drover"]


def _start_xvfb() -> str:
    program = shutil.which("Xvfb")
    if program is None:
        if os.environ.get("CI"):
            pytest.fail("Xvfb is missing, and under CI the GUI tests must run", pytrace=False)
        pytest.skip("there is no display, and Xvfb is not installed")
    reader, writer = os.pipe()
    # The server has to outlive the QApplication, which ends with this process, and may not outlive a kill.
    setpriv = shutil.which("setpriv")
    wrapper = [setpriv, "--pdeathsig", "TERM"] if setpriv else []
    arguments = ["-displayfd", str(writer), "-screen", "0", "1600x1000x24", "-nolisten", "tcp", "-noreset"]
    server = subprocess.Popen(
        [*wrapper, program, *arguments], pass_fds=[writer], stderr=subprocess.DEVNULL, start_new_session=True
    )
    os.close(writer)
    atexit.register(server.terminate)
    number = b""
    while not number.endswith(b"\n") and select.select([reader], [], [], _START_LIMIT_S)[0]:
        piece = os.read(reader, 16)
        if not piece:
            break
        number += piece
    os.close(reader)
    if not number.strip():
        pytest.fail("Xvfb did not start", pytrace=False)
    return f":{number.decode().strip()}"


# Async tests


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> object | None:
    """Runs `async def` tests; tasks still pending at their end fail them."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    names = pyfuncitem._fixtureinfo.argnames
    coroutine = pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in names})
    qt_loop: Any = pyfuncitem.funcargs.get("qt_loop")
    if qt_loop is None:
        _run(coroutine)
    else:
        qt_loop.run_until_complete(_without_leaked_tasks(coroutine))
    gc.collect()  # "exception was never retrieved" belongs to this test
    return True


def _run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Runs the coroutine on a plain asyncio loop and fails on tasks that it leaves behind."""
    return asyncio.run(_without_leaked_tasks(coroutine))


async def _without_leaked_tasks(coroutine: Coroutine[Any, Any, T]) -> T:
    before = asyncio.all_tasks()
    result = await coroutine
    leaked = asyncio.all_tasks() - before
    if leaked:  # what is about to end anyway may do so, such as the closing of a generator
        _, leaked = await asyncio.wait(leaked, timeout=_TASK_LIMIT_S)
    for task in leaked:
        task.cancel()
    if leaked:
        pytest.fail("tasks left behind: " + ", ".join(sorted(repr(task) for task in leaked)), pytrace=False)
    return result


@pytest.fixture
def qt_loop(qapp: Any) -> Iterator[asyncio.AbstractEventLoop]:
    """The loop of the real application: asyncio on Qt's event loop."""
    from drover.ui.event_loop import EventLoop

    loop = EventLoop(qapp)
    asyncio.set_event_loop(loop)
    yield loop
    loop.close()
    asyncio.set_event_loop(None)
    _closed_loops.append(loop)


_closed_loops: list[asyncio.AbstractEventLoop] = []
"""Never freed: the garbage collector may run in any thread, and Qt's timers end only in their own."""


# Guards


class ExpectedLog:
    """Says which warnings a test provokes on purpose. Each pattern has to match at least one record."""

    def __init__(self) -> None:
        self._patterns: list[str] = []

    def __call__(self, pattern: str) -> None:
        """From now on records whose message matches (anywhere) are expected."""
        self._patterns.append(pattern)

    def problems(self, messages: list[str]) -> list[str]:
        """What to complain about, given all messages of level WARNING or above."""
        unexpected = [
            f"unexpected log record: {message}"
            for message in messages
            if not any(re.search(pattern, message) for pattern in self._patterns)
        ]
        missing = [
            f"expected log record did not come: {pattern}"
            for pattern in self._patterns
            if not any(re.search(pattern, message) for message in messages)
        ]
        return unexpected + missing


@pytest.fixture
def expected_log() -> ExpectedLog:
    """Call it with a pattern for each warning that the test provokes."""
    return ExpectedLog()


class _Records(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(f"{record.name}: {record.getMessage()}")


def _park_pointer() -> None:
    """In the corner of the screen: a window that opens under it would show what hovering does."""
    gui = sys.modules.get("PySide6.QtGui")
    if gui is not None and gui.QGuiApplication.instance() is not None:
        gui.QCursor.setPos(gui.QGuiApplication.primaryScreen().geometry().bottomRight())


def _forget_secrets() -> None:
    """A key of one test is an ordinary word in the next one."""
    log._SECRETS.clear()
    log._LONG_SECRETS.clear()


@pytest.fixture(autouse=True)
def _guards(expected_log: ExpectedLog) -> Iterator[None]:
    """Set up before and checked after every other fixture of the test."""
    records = _Records()
    logging.getLogger().addHandler(records)
    threads = set(threading.enumerate())
    connections: list[str] = []
    try:
        with ExitStack() as stack:
            stack.enter_context(_loopback_only(connections))
            _park_pointer()
            leaked_qt_objects = _watch_qt()
            stack.callback(_forget_secrets)
            yield
            problems = _leaked_threads(threads) + leaked_qt_objects()
    finally:
        logging.getLogger().removeHandler(records)
    problems += expected_log.problems(records.messages)
    problems += [f"connection beyond loopback: {address}" for address in connections]
    if problems:
        pytest.fail("\n".join(problems), pytrace=False)


class NetworkUsed(AssertionError):
    """A test tried to reach beyond this machine."""


def _is_loopback(host: object) -> bool:
    name = host.decode() if isinstance(host, bytes) else str(host)
    if name in ("", "localhost") or name.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


@contextmanager
def _loopback_only(refused: list[str]) -> Iterator[None]:
    """Sockets reach loopback only. Names under `.invalid` are not found, without asking any server."""
    real_connect, real_connect_ex = socket.socket.connect, socket.socket.connect_ex
    real_getaddrinfo = socket.getaddrinfo

    def check(used: socket.socket, address: Any) -> None:
        if used.family in (socket.AF_INET, socket.AF_INET6) and not _is_loopback(address[0]):
            refused.append(repr(address))
            raise NetworkUsed(f"connection to {address!r}")

    def connect(self: socket.socket, address: Any) -> None:
        check(self, address)
        real_connect(self, address)

    def connect_ex(self: socket.socket, address: Any) -> int:
        check(self, address)
        return real_connect_ex(self, address)

    def getaddrinfo(host: Any, *arguments: Any, **options: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        if isinstance(name, str) and name.endswith(".invalid"):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        if name is not None and not _is_loopback(name) and not re.fullmatch(r"[\d.]+|[\da-fA-F:]*:.*", name):
            refused.append(repr(name))
            raise NetworkUsed(f"look-up of {name!r}")
        return real_getaddrinfo(host, *arguments, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", connect)
        patch.setattr(socket.socket, "connect_ex", connect_ex)
        patch.setattr(socket, "getaddrinfo", getaddrinfo)
        yield


def _leaked_threads(before: set[threading.Thread]) -> list[str]:
    """Threads that do not end by themselves within a moment. Qt's own show up as dummies and do not count."""
    deadline_s = time.monotonic() + _THREAD_LIMIT_S
    leaked: list[str] = []
    for thread in set(threading.enumerate()) - before:
        if isinstance(thread, threading._DummyThread):
            continue
        thread.join(max(0.0, deadline_s - time.monotonic()))
        if thread.is_alive():
            leaked.append(f"thread left behind: {thread.name}")
    return leaked


def _watch_qt() -> Callable[[], list[str]]:
    """Notes the windows and running timers there are; what is returned tells which were added."""
    before = _qt_objects()

    def leaked() -> list[str]:
        known = set(before)
        added = {key: words for key, words in _qt_objects().items() if key not in known}
        if added:
            gc.collect()  # garbage in a cycle is not left behind on purpose
            added = {key: words for key, words in _qt_objects().items() if key not in known}
        return sorted(added.values())

    return leaked


def _qt_objects() -> dict[int, str]:
    """Top-level widgets and active timers by the address of the C++ object; empty without a QApplication."""
    if "PySide6.QtWidgets" not in sys.modules:
        return {}
    import shiboken6
    from PySide6.QtCore import QCoreApplication, QEvent, QTimer
    from PySide6.QtWidgets import QApplication

    if not isinstance(QApplication.instance(), QApplication):
        return {}
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    found = {
        shiboken6.getCppPointer(widget)[0]: f"window left behind: {widget!r}"
        for widget in QApplication.topLevelWidgets()
        if widget.metaObject().className() != "QTipLabel"  # Qt keeps its one tooltip
    }
    for wrapper in shiboken6.getAllValidWrappers():
        if isinstance(wrapper, QTimer) and wrapper.isActive():
            found[shiboken6.getCppPointer(wrapper)[0]] = (
                f"timer left running: {wrapper!r} of {wrapper.parent()!r}"
            )
    return found


# The world outside, piece by piece


@pytest.fixture
def profile(tmp_path: Path) -> Profile:
    """An empty profile of its own."""
    profile = Profile.at(tmp_path / "profile")
    profile.create()
    return profile


@pytest.fixture
def provider() -> Iterator[Provider]:
    """A scripted model server on loopback, not yet told what to say."""
    with Provider() as provider:
        yield provider


_BUS_CONFIGURATION = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:dir={directory}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
"""


@pytest.fixture
def session_bus(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A private D-Bus session without any service; returns a folder for those who want to offer one.

    The keyring library finds its backend by itself there, as on a desktop.
    """
    if shutil.which("dbus-daemon") is None:
        _missing("dbus-daemon")
    # The path of a socket may have no more than some hundred bytes: pytest's folders are too deep for one.
    directory = Path(tempfile.mkdtemp(prefix="drover-bus-"))
    try:
        for name in ("run", "home", "data"):
            (directory / name).mkdir(mode=0o700)
        configuration = directory / "bus.conf"
        configuration.write_text(_BUS_CONFIGURATION.format(directory=directory))
        command = ["dbus-daemon", f"--config-file={configuration}", "--nofork", "--print-address=1"]
        with _running(command, stdout=subprocess.PIPE) as bus:
            assert bus.stdout is not None
            monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", bus.stdout.readline().decode().strip())
            monkeypatch.setenv("XDG_RUNTIME_DIR", str(directory / "run"))
            monkeypatch.setenv("XDG_DATA_HOME", str(directory / "data"))
            monkeypatch.setenv("HOME", str(directory / "home"))
            monkeypatch.delenv("PYTHON_KEYRING_BACKEND")
            yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
def secret_service(session_bus: Path, fresh_keyring: None) -> Iterator[Path]:
    """A real gnome-keyring on the private bus, its login collection unlocked and empty."""
    if shutil.which("gnome-keyring-daemon") is None:
        _missing("gnome-keyring-daemon")
    command = ["gnome-keyring-daemon", "--unlock", "--components=secrets", "--foreground"]
    with _running(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as daemon:
        assert daemon.stdin is not None
        daemon.stdin.write(b"password of the login collection")
        daemon.stdin.close()
        _wait_for_secret_service()
        yield session_bus


@pytest.fixture
def fresh_keyring() -> Iterator[None]:
    """The keyring library chooses its backend anew in this test, and again after it."""
    _forget_backend()
    yield
    _forget_backend()
    with warnings.catch_warnings():
        # The library forgets to close its connection to the bus where something goes wrong.
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


def _forget_backend() -> None:
    import keyring.backend
    import keyring.core

    keyring.core._keyring_backend = None
    vars(keyring.backend.get_all_keyring).pop("saved_result", None)


def _wait_for_secret_service() -> None:
    import secretstorage

    deadline_s = time.monotonic() + _START_LIMIT_S
    while time.monotonic() < deadline_s:
        connection = secretstorage.dbus_init()
        try:
            if secretstorage.check_service_availability(connection):
                assert not secretstorage.get_default_collection(connection).is_locked()
                return
        finally:
            connection.close()
        time.sleep(0.01)
    pytest.fail("gnome-keyring-daemon did not come up", pytrace=False)


@contextmanager
def _running(
    command: list[str], *, stdin: int = subprocess.DEVNULL, stdout: int = subprocess.DEVNULL
) -> Iterator[subprocess.Popen[bytes]]:
    """A child process that ends with the block."""
    process = subprocess.Popen(command, stdin=stdin, stdout=stdout, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(5.0)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                stream.close()


def _missing(program: str) -> None:
    if os.environ.get("CI"):
        pytest.fail(f"{program} is missing, and under CI this test must run", pytrace=False)
    pytest.skip(f"{program} is not installed")
