"""Serves a model file on this computer: finds the weights, starts the server process, watches over it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import secrets
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final, TypeVar

import drover
from drover.engine.gguf import ModelFacts, model_facts
from drover.engine.threads import in_daemon_thread
from drover.errors import ConfigurationError, ConnectionFailed, DroverError
from drover.log import logger, register_secret

_T = TypeVar("_T")
_log = logger("local")

_SLOTS: Final = 2
"""Answers written at the same time, each with a context of its own."""
_CACHE_BUDGET_BYTES: Final = 2 << 30
_FEWEST_TOKENS: Final = 4096
_SHORT_TIME_S: Final = 60.0
"""Two deaths within this time are a fault that starting again does not mend."""
_START_LIMIT_S: Final = 30.0
_SLOWEST_DISK_BYTES_PER_S: Final = 50e6
_TAIL_LINES: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalAddress:
    """Where the local model answers, for as long as its process lives."""

    base_url: str
    """Such as `http://127.0.0.1:35213/v1`."""
    api_key: str
    context_tokens: int
    """What one conversation may take."""
    model_name: str


def context_tokens_for(facts: ModelFacts) -> int:
    """The context of one slot: what the model was made for, within about 2 GiB for all slots together."""
    made_for = facts.context_tokens or _FEWEST_TOKENS
    if not facts.cache_bytes_per_token:
        return min(made_for, 2 * _FEWEST_TOKENS)
    affordable = _CACHE_BUDGET_BYTES // (_SLOTS * facts.cache_bytes_per_token)
    return min(made_for, max(_FEWEST_TOKENS, affordable // 1024 * 1024))


class LocalModel:
    """One model file, served by a child process that is started on first need.

    Belongs to one event loop. A process that dies is started again once, and `notify` is told in words; if it
    dies again within a minute, `ensure_started` raises until the minute is over.
    """

    def __init__(self, *, gguf: Path, name: str, notify: Callable[[str], None]) -> None:
        self._gguf = gguf
        self._name = name
        self._notify = notify
        self._starting: asyncio.Task[LocalAddress] | None = None
        self._process: _ServerProcess | None = None
        self._deaths: list[float] = []
        self._last_end = ""

    @property
    def process_id(self) -> int | None:
        """The process that serves now; None if there is none."""
        return self._process.process_id if self._process else None

    async def ensure_started(self) -> LocalAddress:
        """The address, once the server accepts requests. Callers at the same time share one start.

        Raises ConfigurationError for a file or an installation that cannot work or keeps dying,
        ConnectionFailed for a server that takes too long. The next call after an error tries again.
        """
        if self._starting is None:
            if len(self._recent_deaths()) >= 2:
                raise self._keeps_dying()
            self._begin()
        assert self._starting is not None
        # A caller that gives up must not take the others' server with it.
        return await asyncio.shield(self._starting)

    async def stop(self) -> None:
        """Ends the process, if there is one, and waits until it is gone. It may be started again."""
        starting, self._starting = self._starting, None
        if starting is not None and not starting.done():
            starting.cancel()
            await asyncio.wait({starting})
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            await asyncio.shield(process.ended)

    def _begin(self) -> None:
        self._starting = asyncio.get_running_loop().create_task(self._start(), name="start local model")
        self._starting.add_done_callback(self._start_finished)

    def _start_finished(self, task: asyncio.Task[LocalAddress]) -> None:
        failed = task.cancelled() or task.exception() is not None
        if failed and self._starting is task:
            self._starting = None

    async def _start(self) -> LocalAddress:
        facts = await in_daemon_thread(lambda: model_facts(self._gguf), name="read model file")
        context_tokens = context_tokens_for(facts)
        key = secrets.token_urlsafe(32)
        register_secret(key)
        started_s = time.monotonic()
        try:
            process = _ServerProcess(self._command(context_tokens), key)
        except OSError as error:
            raise ConfigurationError(f"No process could be started: {error.strerror}.") from error
        limit_s = _START_LIMIT_S + facts.file_bytes / _SLOWEST_DISK_BYTES_PER_S
        port: int | None = None
        try:
            async with asyncio.timeout(limit_s):
                report = await asyncio.shield(process.first_report)
                port = _port_in(report)
                if port is None:
                    await asyncio.shield(process.ended)  # its exit status says more
        except TimeoutError:
            raise ConnectionFailed(
                f"{self._name} was not ready after {limit_s:.0f} seconds.",
                phase="first_byte",
                elapsed_s=limit_s,
                hint="Close other programs to free memory, or choose a smaller model.",
            ) from None
        finally:
            if port is None:
                process.kill()
                await asyncio.shield(process.ended)
        if port is None:
            raise _start_failure(self._gguf.name, report, process.ended.result(), list(process.tail))
        _log.info("%s is ready after %.2f s.", self._name, time.monotonic() - started_s)
        self._process = process
        process.ended.add_done_callback(lambda _: self._process_ended(process))
        return LocalAddress(
            base_url=f"http://127.0.0.1:{port}/v1",
            api_key=key,
            context_tokens=context_tokens,
            model_name=self._name,
        )

    def _command(self, context_tokens: int) -> list[str]:
        if getattr(sys, "frozen", False):
            interpreter = [sys.executable, "local-server"]
        else:
            # -P keeps the current folder, which is anybody's, off the module path.
            interpreter = [sys.executable, "-P", "-m", "drover.local_server"]
        return [
            *interpreter, "--model", str(self._gguf.absolute()), "--name", self._name,
            "--context-tokens", str(context_tokens),
        ]  # fmt: skip

    def _process_ended(self, process: _ServerProcess) -> None:
        if process is not self._process:
            return  # stopped on purpose
        self._process = None
        self._starting = None
        self._deaths = [*self._recent_deaths(), time.monotonic()]
        how = _how_it_ended(process.ended.result())
        _log.info("%s ended unexpectedly (%s). %s", self._name, how, _last_words(list(process.tail)))
        errors = [words for words in map(_error_in, process.tail) if words]
        self._last_end = f"{how}: {errors[-1]}" if errors else how
        if len(self._deaths) == 1:
            self._notify(f"{self._name} stopped unexpectedly ({how}) and is being started again.")
            self._begin()
        else:
            self._notify(f"{self._name} stopped again ({how}) and is left alone for a minute.")

    def _recent_deaths(self) -> list[float]:
        now = time.monotonic()
        return [death for death in self._deaths if now - death < _SHORT_TIME_S]

    def _keeps_dying(self) -> ConfigurationError:
        return ConfigurationError(
            f"{self._name} keeps stopping ({self._last_end}).",
            hint="Try again in a minute, or choose a smaller model in Settings.",
        )


class _ServerProcess:
    """One child process and the two threads that listen to it.

    Plain `subprocess` and threads instead of asyncio's subprocesses: those need a child watcher and pipe
    transports from the loop, and Qt's loop has them on some systems and Python versions only (on Windows its
    proactor hangs with them). Threads are the same under every loop.

    To be made on the thread of the event loop: on Linux the child dies with the thread that made it.
    """

    def __init__(self, command: list[str], key: str) -> None:
        loop = asyncio.get_running_loop()
        self.first_report: asyncio.Future[bytes] = loop.create_future()
        """The first line on standard output; empty if there was none."""
        self.ended: asyncio.Future[int] = loop.create_future()
        """The exit status, set once the process is gone and its last words are in `tail`."""
        self.tail: deque[str] = deque(maxlen=_TAIL_LINES)
        """The newest lines of its standard error."""
        self._loop = loop
        self._process = subprocess.Popen(
            command, env=_environment(),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )  # fmt: skip
        self._errors = threading.Thread(target=self._read_errors, name="local model log", daemon=True)
        self._errors.start()
        threading.Thread(target=self._watch, name="local model watch", daemon=True).start()
        # The pipe stays open: its end is what tells the child that this process is gone.
        with contextlib.suppress(OSError):
            self._stream("stdin").write(key.encode("ascii") + b"\n")
            self._stream("stdin").flush()

    @property
    def process_id(self) -> int:
        return self._process.pid

    def kill(self) -> None:
        """Ends the process at once; it has nothing to save."""
        self._process.kill()

    def _stream(self, name: str) -> IO[bytes]:
        stream: IO[bytes] | None = getattr(self._process, name)
        assert stream is not None
        return stream

    def _read_errors(self) -> None:
        for line in self._stream("stderr"):
            self.tail.append(line.decode("utf-8", "replace").rstrip())

    def _watch(self) -> None:
        reports = self._stream("stdout")
        self._tell(self.first_report, reports.readline())
        reports.read()
        status = self._process.wait()
        self._errors.join()
        for name in ("stdin", "stdout", "stderr"):
            with contextlib.suppress(OSError):
                self._stream(name).close()
        self._tell(self.ended, status)

    def _tell(self, future: asyncio.Future[_T], value: _T) -> None:
        def settle() -> None:
            if not future.done():
                future.set_result(value)

        with contextlib.suppress(RuntimeError):  # the loop was closed meanwhile: nobody waits any more
            self._loop.call_soon_threadsafe(settle)


def _environment() -> dict[str, str]:
    """The child finds this very Drover, whether it is installed or run from its sources."""
    root = str(Path(drover.__file__).parent.parent)
    known = os.environ.get("PYTHONPATH")
    return os.environ | {"PYTHONPATH": f"{root}{os.pathsep}{known}" if known else root}


def _port_in(report: bytes) -> int | None:
    try:
        port = json.loads(report).get("port")
    except (ValueError, AttributeError):
        return None
    return port if isinstance(port, int) else None


def _start_failure(file_name: str, report: bytes, status: int, tail: list[str]) -> DroverError:
    """Why no server came up, from its report, its exit status and the errors that llama.cpp printed."""
    try:
        fields = json.loads(report)
    except ValueError:
        fields = {}
    if fields.get("error") == "no_llama_cpp":
        return ConfigurationError(
            f"llama.cpp, which runs models on this computer, cannot be loaded: {fields.get('detail')}.",
            hint="Install it with: pip install 'drover[local]'",
        )
    errors = [line for line in (_error_in(line) for line in tail) if line]
    text = " ".join(errors)
    if re.search(r"insufficient memory|failed to allocate|bad_alloc|out of memory", text) or status == -9:
        return ConfigurationError(
            f"There is not enough memory for {file_name}.",
            hint="Close other programs, or choose a smaller model.",
        )
    if fields.get("error") == "not_loaded" and errors:
        return ConfigurationError(
            f"The model file {file_name} cannot be loaded: {errors[0]}.",
            hint="Choose another .gguf file in Settings, or get this one again.",
        )
    said = errors[0] if errors else _last_words(tail) or str(fields.get("detail") or "")
    return ConfigurationError(
        f"The server for {file_name} did not start ({_how_it_ended(status)}){': ' + said if said else ''}.",
        hint="This processor may lack what llama.cpp was built for." if status == -4 else None,
    )


def _error_in(line: str) -> str | None:
    """The words of a line that llama.cpp marks as an error, without time and function."""
    found = re.fullmatch(r"[\d.]+ E (?:\w+: |\w+ +\w[\w ]*: )?(?:error loading model: )?(.*?)\.?", line)
    return found.group(1) if found else None


def _last_words(tail: list[str]) -> str:
    """The last error that was printed, else the last line."""
    errors = [words for words in map(_error_in, tail) if words]
    return errors[-1] if errors else next((line for line in reversed(tail) if line), "")


def _how_it_ended(status: int) -> str:
    if status >= 0:
        return f"exit status {status}"
    try:
        return f"signal {signal.Signals(-status).name}"
    except ValueError:
        return f"signal {-status}"
