"""The guards of conftest.py guard: a test that misbehaves in any of these ways fails."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent

MISBEHAVIOUR = """
import asyncio, logging, socket, threading, warnings
import pytest
from PySide6.QtCore import QTimer, qWarning
from PySide6.QtWidgets import QWidget

kept, released = [], threading.Event()

def test_log(): logging.getLogger("drover.ui").warning("something odd")
def test_expected_log_missing(expected_log): expected_log("never logged")
def test_expected_log(expected_log):
    expected_log("odd")
    logging.getLogger("drover.ui").warning("something odd")
def test_warning(): warnings.warn("deprecated")
def test_qt_message(qapp): qWarning("from Qt")
def test_connection():
    with socket.socket() as s, pytest.raises(AssertionError):
        s.connect(("192.0.2.1", 80))
def test_look_up():
    with pytest.raises(AssertionError):
        socket.getaddrinfo("example.com", 80)
def test_unknown_name():
    with pytest.raises(socket.gaierror):
        socket.getaddrinfo("host.invalid", 80)
async def test_task(): kept.append(asyncio.create_task(asyncio.Event().wait()))
async def test_task_on_qt(qt_loop): kept.append(asyncio.create_task(asyncio.Event().wait()))
async def test_lost_exception():
    async def fails(): raise ValueError("lost")
    task = asyncio.create_task(fails())
    await asyncio.sleep(0)
def test_thread():
    kept.append(threading.Thread(target=released.wait, name="lingers", daemon=True))
    kept[-1].start()
def test_window(qapp): kept.append(QWidget())
def test_timer(qapp):
    kept.append(QTimer())
    kept[-1].start(60000)
def test_closed_window(qtbot): qtbot.addWidget(QWidget())
async def test_async_passes(): await asyncio.sleep(0)
async def test_async_fails():
    await asyncio.sleep(0)
    assert 1 == 2
"""

BLAMED = {
    "test_log": "unexpected log record: drover.ui: something odd",
    "test_expected_log_missing": "expected log record did not come: never logged",
    "test_warning": "deprecated",
    "test_qt_message": "from Qt",
    "test_connection": "connection beyond loopback: ('192.0.2.1', 80)",
    "test_look_up": "connection beyond loopback: 'example.com'",
    "test_task": "tasks left behind: <Task",
    "test_task_on_qt": "tasks left behind: <Task",
    "test_lost_exception": "Task exception was never retrieved",
    "test_thread": "thread left behind: lingers",
    "test_window": "window left behind: <PySide6.QtWidgets.QWidget",
    "test_timer": "timer left running: <PySide6.QtCore.QTimer",
    "test_async_fails": "assert 1 == 2",
}
GOOD = {"test_expected_log", "test_unknown_name", "test_closed_window", "test_async_passes"}


def test_each_misbehaviour_is_blamed_on_the_test_that_commits_it(tmp_path: Path, display: str | None) -> None:
    file = tmp_path / "test_misbehaviour.py"
    file.write_text(MISBEHAVIOUR)
    options = [
        "-p",
        "tests.conftest",
        "-c",
        str(ROOT / "pyproject.toml"),
        "--rootdir",
        str(ROOT),
        "-rA",
        "-q",
    ]
    path = os.pathsep.join([str(ROOT), str(ROOT / "app")])
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, "-p", "no:cacheprovider", str(file)],
        capture_output=True, text=True, cwd=tmp_path, env={**os.environ, "PYTHONPATH": path}, check=False,
    )  # fmt: skip
    outcomes = re.findall(r"^(PASSED|FAILED|ERROR) \S*::(\w+)", done.stdout, re.MULTILINE)
    blamed = {name for outcome, name in outcomes if outcome != "PASSED"}
    assert blamed == set(BLAMED), done.stdout
    assert {name for _, name in outcomes} == set(BLAMED) | GOOD
    for words in BLAMED.values():
        assert words in done.stdout
