"""Time from exec to the first painted frame, against a bare PySide6 window in the same run."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.bench._machine import machine, screen

from drover.domain.conversation import Conversation, Message, Role, TextPart
from drover.store.database import open_database
from drover.store.library import Library

CONVERSATIONS = 10_000
ROUNDS = 7
_ROOT = Path(__file__).parents[2]

# Both children report when the event loop has dealt with the first paint of their window.
_REPORT = """
import os, sys, time
def report():
    from PySide6.QtCore import QTimer
    print("painted", time.monotonic_ns(), flush=True)
    QTimer.singleShot(int(os.environ["IDLE_MS"]), end)
def end():
    rows = open("/proc/self/status") if sys.platform == "linux" else []
    status = dict(row.split(":", 1) for row in rows)
    print("rss_kb", status.get("VmRSS", "0 kB").split()[0], flush=True)
    os._exit(0)
"""
_BARE = (
    _REPORT
    + """
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication, QMainWindow
class Window(QMainWindow):
    def paintEvent(self, event):
        super().paintEvent(event)
        QTimer.singleShot(0, report)
application = QApplication([])
window = Window()
window.resize(1440, 900)
window.show()
application.exec()
"""
)
_DROVER = (
    _REPORT
    + """
from drover.ui import application
class Program(application.Program):
    def show(self):
        self.window.painted.connect(report)
        super().show()
application.Program = Program
from drover.cli import run
run(sys.argv[1:])
"""
)


def measure() -> dict[str, object]:
    """Medians in milliseconds, their ratio, and resident memory two seconds after the first frame."""
    with tempfile.TemporaryDirectory() as directory, screen() as environment:
        _fill(Path(directory))
        environment = {**environment, "PYTHONPATH": str(_ROOT / "app"), "PYTHONDONTWRITEBYTECODE": ""}
        drover_arguments = ["--profile", directory]
        _first_frame(_DROVER, drover_arguments, environment)  # byte code is compiled once, at installation
        bare, drover = [], []
        for _ in range(ROUNDS):
            bare.append(_first_frame(_BARE, [], environment))
            drover.append(_first_frame(_DROVER, drover_arguments, environment))
        _, bare_kb = _first_frame(_BARE, [], environment, idle_ms=2000)
        _, drover_kb = _first_frame(_DROVER, drover_arguments, environment, idle_ms=2000)
    bare_ms = statistics.median(ms for ms, _ in bare)
    drover_ms = statistics.median(ms for ms, _ in drover)
    return {
        "machine": machine(),
        "conversations": CONVERSATIONS,
        "rounds": ROUNDS,
        "bare_window_ms": round(bare_ms, 1),
        "drover_ms": round(drover_ms, 1),
        "ratio": round(drover_ms / bare_ms, 2),
        "bare_resident_mb": round(bare_kb / 1024, 1),
        "drover_resident_mb": round(drover_kb / 1024, 1),
    }


def _fill(directory: Path) -> None:
    connection = open_database(directory / "library.sqlite3")
    library = Library(connection)
    start = datetime.now(UTC) - timedelta(days=400)
    with library.one_transaction():
        for number in range(CONVERSATIONS):
            at = start + timedelta(minutes=50 * number)
            conversation = Conversation(
                id=f"C{number:06}", title=f"Conversation number {number}", created_at=at, updated_at=at
            )
            message = Message(
                id=f"M{number:06}",
                conversation_id=conversation.id,
                parent_id=None,
                role=Role.USER,
                parts=(TextPart(text=f"Question {number}: what is the square of {number}?"),),
                created_at=at,
            )
            library.add_turn(conversation=conversation, message=message, run=None)
    library.close()


def _first_frame(
    program: str, arguments: list[str], environment: dict[str, str], *, idle_ms: int = 0
) -> tuple[float, int]:
    started_ns = time.monotonic_ns()
    result = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        env={**environment, "IDLE_MS": str(idle_ms)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd=os.fspath(_ROOT),
    )
    words = dict(line.split(" ", 1) for line in result.stdout.splitlines() if " " in line)
    if "painted" not in words:
        raise RuntimeError(f"no frame was painted: {result.stderr[-2000:]}")
    return (int(words["painted"]) - started_ns) / 1e6, int(words["rss_kb"])
