"""A profile that cannot be used, and a program that ends: one clear message, and nothing overwritten."""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication
from tests.provider import EVENT_STREAM, Flag, Head, Provider, Send, Stall, Wait, event

from drover.cli import run
from drover.domain.run import Run, RunStatus
from drover.engine.weights import find_weights
from drover.engine.workbench import Workbench, WorkbenchEvent
from drover.paths import Profile
from drover.store.database import ProfileLock, open_database, problems
from drover.store.library import Library
from drover.ui.dialogs import FatalDialog

APP = Path(__file__).parents[2] / "app"
LIMIT_S = 20.0

needs_model = pytest.mark.skipif(find_weights() is None, reason="the weights are not installed")
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="needs /proc and signals as Linux has them")


def make_library(profile: Profile) -> None:
    """The library of a first start."""
    asyncio.run(Workbench.open(profile, list[WorkbenchEvent]().append).close())


def in_use(profile: Profile, stack: contextlib.ExitStack) -> str:
    make_library(profile)
    stack.enter_context(ProfileLock(profile.lock))
    return "already running"


def from_a_newer_version(profile: Profile, stack: contextlib.ExitStack) -> str:
    make_library(profile)
    with contextlib.closing(sqlite3.connect(profile.database)) as connection:
        connection.execute("PRAGMA user_version = 99")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return "newer version of Drover"


def not_a_library(profile: Profile, stack: contextlib.ExitStack) -> str:
    profile.database.write_bytes(b"Buy milk.\n" * 1000)
    return "not a library of Drover"


def damaged_in_the_middle(profile: Profile, stack: contextlib.ExitStack) -> str:
    make_library(profile)
    content = bytearray(profile.database.read_bytes())
    for page in range(4096, len(content), 4096):
        content[page : page + 64] = b"\xa5" * 64
    profile.database.write_bytes(content)
    return "damaged"


def of_another_program(profile: Profile, stack: contextlib.ExitStack) -> str:
    with contextlib.closing(sqlite3.connect(profile.database)) as connection:
        connection.execute("CREATE TABLE recipes (id INTEGER)")
    return "another program"


def a_file_in_the_way(profile: Profile, stack: contextlib.ExitStack) -> str:
    shutil.rmtree(profile.data_dir)
    profile.data_dir.write_text("Not a folder.")
    return "cannot be made"


TROUBLES = [
    in_use,
    from_a_newer_version,
    not_a_library,
    damaged_in_the_middle,
    of_another_program,
    a_file_in_the_way,
]
Trouble = Callable[[Profile, contextlib.ExitStack], str]


def content_of(profile: Profile) -> dict[str, bytes]:
    """Every byte of the profile that is not of a lock or of SQLite's shared memory."""
    if profile.data_dir.is_file():
        return {"": profile.data_dir.read_bytes()}
    return {
        str(path.relative_to(profile.data_dir)): path.read_bytes()
        for path in profile.data_dir.rglob("*")
        if path.is_file() and path.stat().st_size and path.suffix != ".lock" and not path.match("*-shm")
    }


@pytest.mark.parametrize("trouble", TROUBLES)
@pytest.mark.parametrize("command", [["chat", "Well?"], ["key", "status"]])
def test_a_command_says_it_in_one_line_and_changes_nothing(
    trouble: Trouble, command: list[str], profile: Profile, capsys: pytest.CaptureFixture[str]
) -> None:
    with contextlib.ExitStack() as stack:
        words = trouble(profile, stack)
        before = content_of(profile)
        assert run([*command, "--profile", str(profile.data_dir)]) == 1
        assert content_of(profile) == before
    out, err = capsys.readouterr()
    assert out == ""
    (line,) = err.splitlines()
    assert line.startswith("drover: ")
    assert words in line


@pytest.mark.parametrize("trouble", TROUBLES)
def test_the_window_says_it_in_one_dialog_and_changes_nothing(
    trouble: Trouble, profile: Profile, qapp: QApplication, capsys: pytest.CaptureFixture[str]
) -> None:
    with contextlib.ExitStack() as stack:
        words = trouble(profile, stack)
        before = content_of(profile)
        with closing_dialogs(qapp) as told:
            assert run(["--profile", str(profile.data_dir)]) == 1
        assert content_of(profile) == before
    (said,) = told
    assert words in said
    (line,) = capsys.readouterr().err.splitlines()
    assert line == f"drover: {said}"


@pytest.mark.parametrize(
    ("name", "words"),
    [("Nowhere", "There is no endpoint named Nowhere."), ("ftp://host.example/v1", "not an http or https")],
)
def test_the_window_refuses_an_endpoint_that_it_does_not_know(
    name: str, words: str, profile: Profile, qapp: QApplication, capsys: pytest.CaptureFixture[str]
) -> None:
    with closing_dialogs(qapp) as told:
        assert run(["--profile", str(profile.data_dir), "--endpoint", name]) == 1
    (said,) = told
    assert words in said
    assert capsys.readouterr().err == f"drover: {said}\n"
    make_library(profile)  # is free again


@contextlib.contextmanager
def closing_dialogs(qapp: QApplication) -> Iterator[list[str]]:
    """Reads and closes each dialog that says why the program cannot start."""
    told: list[str] = []
    looking = QTimer(interval=10)

    def look() -> None:
        for dialog in qapp.topLevelWidgets():
            if isinstance(dialog, FatalDialog) and dialog.isVisible():
                told.append(dialog.accessibleDescription())
                dialog.close()

    looking.timeout.connect(look)
    looking.start()
    try:
        yield told
    finally:
        looking.stop()


# Disks, in a mount of their own

MOUNTED = """
set -e
mount -t tmpfs -o size="$1",mode=0700 none "$2"
if [ -d "$3" ]; then cp -a "$3/." "$2"; fi
if [ "$4" = ro ]; then mount -o remount,ro "$2"; fi
dir="$2" kept="$5"
shift 5
status=0
"$@" || status=$?
rm -f "$dir/filler" 2>/dev/null || true
mkdir -p "$kept" && cp -a "$dir/." "$kept"
exit $status
"""


@pytest.fixture
def small_disk(profile: Profile, tmp_path: Path) -> Callable[..., subprocess.Popen[bytes]]:
    """Starts drover with its profile on a disk of that size; at its end the disk is copied to `kept`."""
    unshare = ["unshare", "--mount", "--propagation", "private"]
    if os.geteuid() != 0:
        unshare += ["--map-root-user"]
    try:
        probe = subprocess.run([*unshare, "mount", "-t", "tmpfs", "none", str(tmp_path)], capture_output=True)
    except FileNotFoundError:
        pytest.skip("unshare is not installed")
    if probe.returncode != 0:
        pytest.skip(f"no file system can be mounted here: {probe.stderr.decode().strip()}")

    def start(
        *arguments: str, size: str, content: Path | None = None, mode: str = "rw"
    ) -> subprocess.Popen[bytes]:
        drover = [sys.executable, "-m", "drover", *arguments, "--profile", str(profile.data_dir)]
        places = [str(profile.data_dir), str(content or "-"), mode, str(tmp_path / "kept")]
        return subprocess.Popen(
            [*unshare, "sh", "-c", MOUNTED, "sh", size, *places, *drover],
            env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    return start


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(APP)}


def test_a_read_only_profile_is_said_in_one_line(
    small_disk: Callable[..., subprocess.Popen[bytes]], tmp_path: Path
) -> None:
    content = Profile.at(tmp_path / "content")
    content.create()
    make_library(content)
    with small_disk("chat", "Well?", size="4m", content=content.data_dir, mode="ro") as process:
        out, err = process.communicate(timeout=LIMIT_S)
    assert (process.returncode, out) == (1, b"")
    (line,) = err.decode().splitlines()
    assert "cannot be written: Read-only file system." in line
    assert "--profile DIR" in line
    assert content_of(Profile.at(tmp_path / "kept")) == content_of(content)


@pytest.mark.parametrize("size", ["4k", "40k", "150k"])
def test_a_disk_that_is_full_at_the_start_is_said_in_one_line(
    size: str, small_disk: Callable[..., subprocess.Popen[bytes]]
) -> None:
    with small_disk("chat", "Well?", size=size) as process:
        out, err = process.communicate(timeout=LIMIT_S)
    assert (process.returncode, out) == (1, b"")
    (line,) = err.decode().splitlines()
    assert "full" in line or "No space left on device" in line


def test_a_disk_that_fills_up_in_the_middle_of_a_reply_costs_the_rest_of_it_only(
    small_disk: Callable[..., subprocess.Popen[bytes]], profile: Profile, tmp_path: Path, provider: Provider
) -> None:
    gate = Flag("the disk is full")
    provider.script(
        Head(headers={"Content-Type": EVENT_STREAM}),
        piece("begun "), Wait(gate), piece("and ended " * 2000), Send(event("[DONE]")),
    )  # fmt: skip
    address = ["--endpoint", provider.base_url, "--model", "m"]
    with small_disk("chat", "Well?", *address, size="2m") as process:
        assert process.stdout is not None
        assert process.stdout.read(6) == b"begun "
        fill(Path(f"/proc/{process.pid}/root{profile.data_dir}/filler"))
        gate.set()
        out, err = process.communicate(timeout=LIMIT_S)
    assert out.startswith(b"and ended")
    assert process.returncode == 1
    lines = err.decode().splitlines()
    assert len(lines) == 1, lines
    assert "is not saved" in lines[0]
    assert "is full" in lines[0]
    kept = Profile.at(tmp_path / "kept")
    make_library(kept)
    stored, texts = only_conversation(kept)
    assert stored.status is RunStatus.INTERRUPTED
    assert texts[0] == "Well?"


def fill(path: Path) -> None:
    """Leaves no room on the disk of the file."""
    with open(path, "wb", buffering=0) as file, contextlib.suppress(OSError):
        for size in (65536, 4096, 1):
            with contextlib.suppress(OSError):
                while True:
                    file.write(b"\0" * size)


def piece(text: str) -> Send:
    return Send(event({"choices": [{"index": 0, "delta": {"content": text}}]}))


def only_conversation(profile: Profile) -> tuple[Run, list[str]]:
    """The one run of a sound profile, and the texts of its messages."""
    connection = open_database(profile.database, read_only=True)
    library = Library(connection)
    try:
        assert problems(connection) == []
        (conversation,) = library.conversations()
        (stored,) = library.runs(conversation.id).values()
        return stored, [message.text for message in library.messages(conversation.id)]
    finally:
        library.close()


# The window as a process

ASKING = """
import asyncio, sys
from drover import cli
from drover.domain.conversation import Draft
from drover.domain.parameters import UNSET
from drover.ui import application

class Asking(application.Program):
    async def run(self):
        endpoint = self._endpoint or self.workbench.endpoint("")
        limit = UNSET.replaced("max_tokens", 6000).replaced("temperature", 0.0)
        draft = Draft(text=sys.argv[1], endpoint_id=endpoint.id, parameters=limit)
        asking = asyncio.get_running_loop().create_task(self.workbench.send(None, draft))
        await super().run()
        await asking

application.Program = Asking
sys.exit(cli.run(sys.argv[2:]))
"""
"""The window, in which a question is sent as soon as it is awake."""


@contextlib.contextmanager
def asked(profile: Profile, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """The window process, with a reply under way."""
    question = "Tell a very long story about a lighthouse, with many chapters."
    command = [sys.executable, "-c", ASKING, question, "--profile", str(profile.data_dir), *arguments]
    with subprocess.Popen(command, env=environment(), stderr=subprocess.PIPE) as process:
        try:
            wait_until(lambda: has_journaled_text(profile), "text in the journal")
            yield process
        finally:
            process.kill()


def has_journaled_text(profile: Profile) -> bool:
    address = f"{profile.database.as_uri()}?mode=ro"
    with (
        contextlib.suppress(sqlite3.Error),
        contextlib.closing(sqlite3.connect(address, uri=True)) as connection,
    ):
        return bool(connection.execute("SELECT 1 FROM journal LIMIT 1").fetchone())
    return False


def wait_until(holds: Callable[[], bool], what: str) -> None:
    deadline_s = time.monotonic() + LIMIT_S
    pause = threading.Event()
    while not holds():
        assert time.monotonic() < deadline_s, f"never seen: {what}"
        pause.wait(0.02)


def server_of(process: subprocess.Popen[bytes]) -> int:
    """A pidfd of the llama.cpp process that the window has started."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    (server,) = [pid for pid in children if b"local_server" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    return os.pidfd_open(int(server))


def has_ended(pidfd: int) -> bool:
    return bool(select.select([pidfd], [], [], LIMIT_S)[0])


@needs_model
@on_linux
@pytest.mark.usefixtures("display")
def test_sigterm_ends_the_window_in_order_with_the_text_kept_and_no_server_left(profile: Profile) -> None:
    with asked(profile) as process:
        server = server_of(process)
        process.send_signal(signal.SIGTERM)
        _, error = process.communicate(timeout=LIMIT_S)
        assert has_ended(server)
        os.close(server)
    assert (process.returncode, error) == (0, b"")
    assert not list(profile.data_dir.glob("*-wal"))  # the library was closed
    stored, texts = only_conversation(profile)
    assert stored.status is RunStatus.STOPPED
    assert len(texts) == 2
    assert texts[1]


@needs_model
@on_linux
@pytest.mark.usefixtures("display")
def test_sigkill_of_the_window_leaves_no_server_and_a_sound_profile(profile: Profile) -> None:
    with asked(profile) as process:
        server = server_of(process)
        process.send_signal(signal.SIGKILL)
        process.wait(LIMIT_S)
        assert has_ended(server)
        os.close(server)
    make_library(profile)
    stored, texts = only_conversation(profile)
    assert stored.status is RunStatus.INTERRUPTED
    assert texts[1]


@on_linux
@pytest.mark.usefixtures("display")
def test_an_address_given_to_the_window_is_asked_and_not_remembered(
    profile: Profile, provider: Provider
) -> None:
    provider.models(["m"])
    provider.script(Head(headers={"Content-Type": EVENT_STREAM}), piece("Once upon a time "), Stall())
    with asked(profile, "--endpoint", provider.base_url, "--model", "m") as process:
        process.send_signal(signal.SIGTERM)
        _, error = process.communicate(timeout=LIMIT_S)
    assert (process.returncode, error) == (0, b"")
    stored, texts = only_conversation(profile)
    assert stored.base_url == provider.base_url
    assert stored.status is RunStatus.STOPPED
    assert texts[1] == "Once upon a time "
    events: list[WorkbenchEvent] = []

    async def next_start() -> str:
        workbench = Workbench.open(profile, events.append)
        try:
            return workbench.endpoint(workbench.settings.endpoint_id).name
        finally:
            await workbench.close()

    assert asyncio.run(next_start()) == "Built-in"


@on_linux
@pytest.mark.usefixtures("display")
def test_sigterm_closes_the_dialog_that_says_why_nothing_starts(profile: Profile) -> None:
    profile.database.write_bytes(b"Buy milk.\n" * 1000)
    command = [sys.executable, "-m", "drover", "--profile", str(profile.data_dir)]
    with subprocess.Popen(command, env=environment(), stderr=subprocess.PIPE) as process:
        wait_until(lambda: catches_sigterm(process.pid) or process.poll() is not None, "a handler of SIGTERM")
        process.send_signal(signal.SIGTERM)
        _, error = process.communicate(timeout=LIMIT_S)
    assert process.returncode == 1
    assert b"not a library of Drover" in error


def catches_sigterm(process_id: int) -> bool:
    for line in Path(f"/proc/{process_id}/status").read_text().splitlines():
        name, _, mask = line.partition(":")
        if name == "SigCgt":
            return bool(int(mask, 16) >> (signal.SIGTERM - 1) & 1)
    return False


@on_linux
@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"DISPLAY": None, "QT_QPA_PLATFORM": None}, "There is no display"),
        ({"DISPLAY": ":9876"}, ":9876"),
        ({"QT_QPA_PLATFORM": "nonsense"}, "nonsense"),
    ],
)
def test_without_a_usable_display_the_window_says_so_in_one_line(
    changes: dict[str, str | None], words: str, profile: Profile
) -> None:
    world = environment() | {"DISPLAY": ":9876", "WAYLAND_DISPLAY": "", "QT_QPA_PLATFORM": "xcb"} | changes
    done = subprocess.run(
        [sys.executable, "-m", "drover", "--profile", str(profile.data_dir)],
        env={name: value for name, value in world.items() if value is not None},
        capture_output=True, text=True, timeout=LIMIT_S,
    )  # fmt: skip
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("drover: ")
    assert words in line
    assert not profile.database.exists()


# Keys

CANARY = "canary/4f1c+9d3e_not.a~real-key"


@pytest.mark.usefixtures("display")
def test_no_byte_of_a_profile_shows_a_key_that_servers_echo(
    profile: Profile, provider: Provider, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DROVER_API_KEY", CANARY)
    provider.models(["m"])
    echo = {"X-Request-Id": CANARY, "X-Echo": f"Bearer {CANARY}"}
    provider.fails(401, {"error": {"message": f"Wrong key {CANARY}", "code": CANARY}}, echo)
    provider.fails(501, f"<html><title>{CANARY}</title>Authorization: Bearer {CANARY}</html>", echo)
    provider.fails(400, f"not JSON {CANARY}", echo)
    stream = Head(headers={"Content-Type": EVENT_STREAM, **echo})
    provider.script(stream, piece("So "), Send(event({"error": {"message": f"bad key {CANARY}"}})))
    provider.script(stream, piece("So "), Send(f"data: {{{CANARY}\n\n".encode()), Send(event("[DONE]")))
    named = {
        "model": CANARY,
        "system_fingerprint": CANARY,
        "choices": [{"index": 0, "delta": {"content": "So"}}],
    }
    provider.script(stream, Send(event(named)), Send(event("[DONE]")))
    for _ in range(6):
        arguments = ["--profile", str(profile.data_dir), "--endpoint", provider.base_url, "--model", "m"]
        run(["chat", *arguments, "--json", "Well?"])
    assert [request.bearer for request in provider.requests] == [CANARY] * 6
    out, err = capsys.readouterr()
    assert CANARY not in out + err
    assert places_of(CANARY, profile) == []


@pytest.mark.usefixtures("display")
def test_a_key_that_a_model_repeats_is_masked_and_the_rest_is_kept(
    profile: Profile, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DROVER_API_KEY", CANARY)
    provider.answers(f"Your key is {CANARY}.")
    arguments = ["--profile", str(profile.data_dir), "--endpoint", provider.base_url, "--model", "m"]
    assert run(["chat", *arguments, "Well?"]) == 0
    assert only_conversation(profile)[1][1] == f"Your key is {'*' * len(CANARY)}."
    assert places_of(CANARY, profile) == []


def places_of(secret: str, profile: Profile) -> list[str]:
    """Where the secret lies in a profile: in a file's bytes, or in a value that is stored compressed."""
    found = [
        str(path)
        for path in profile.data_dir.rglob("*")
        if path.is_file() and secret.encode() in path.read_bytes()
    ]
    with contextlib.closing(sqlite3.connect(profile.database)) as connection:
        tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        for table in tables:
            for row in connection.execute(f'SELECT * FROM "{table}"'):
                for value in row:
                    if isinstance(value, bytes):
                        with contextlib.suppress(zlib.error):
                            value = zlib.decompress(value)
                        if secret.encode() in value:
                            found.append(f"{table}: {value!r}")
    return found
