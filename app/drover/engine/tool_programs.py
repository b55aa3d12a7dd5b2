"""A program that answers a call: without a shell, limited in time and output, ended with all that it began.

It works in a fresh empty folder, which is removed afterwards: nothing of the person's lies in its way, and a
relative path in a model's arguments leads nowhere. Its environment is that of Drover without the variables
that hold keys. It reads the arguments of the call as JSON from its standard input.
"""

from __future__ import annotations

import asyncio
import codecs
import contextlib
import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from drover.domain.tool_definitions import command_text
from drover.domain.tools import ToolDefinition
from drover.engine.threads import in_daemon_thread
from drover.errors import ConfigurationError
from drover.log import logger, masked_text

_log = logger("engine")

_CHUNK_BYTES = 65_536
_LAST_OUTPUT_S = 1.0
"""How long what is still in the pipes is waited for once the program has ended."""
_MOST_MARKS = 0.3
"""The share of bytes that are no text above which an output is only described."""
_KEY_NAME = re.compile(r"(?i)^DROVER_|API_?KEY")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramResult:
    """What came of a program, in words for the model."""

    text: str
    is_error: bool
    """Whether it ended with another status than 0, or at its time limit."""


class ToolProgram:
    """One run of one program. Used once."""

    def __init__(self, tool: ToolDefinition, arguments: str) -> None:
        """`arguments` is what the program reads, JSON text."""
        self.tool = tool
        self.command_line = command_text(tool.command)
        self._arguments = arguments
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()
        self._is_ended = False
        self._is_late = False

    async def run(self) -> ProgramResult:
        """Runs it to its end. Cancelling the task ends the program, and whatever it had started, at once.

        Raises ConfigurationError where it cannot be started.
        """
        # A thread, since the children of asyncio need a loop that watches processes, which Qt's does not.
        work = asyncio.create_task(in_daemon_thread(self._work, name=f"tool {self.tool.name}"))
        try:
            return await asyncio.shield(work)
        except asyncio.CancelledError:
            self._end()
            await asyncio.wait({work})
            if not work.cancelled():
                work.exception()
            raise

    def _work(self) -> ProgramResult:
        folder = tempfile.mkdtemp(prefix="drover-tool-")
        try:
            return self._work_in(folder)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _work_in(self, folder: str) -> ProgramResult:
        process = self._start(folder)
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        output = _Output(process.stdout, self.tool.output_limit_bytes)
        errors = _Output(process.stderr, self.tool.output_limit_bytes)
        writing = threading.Thread(target=_write, args=(process.stdin, self._arguments), daemon=True)
        writing.start()
        timer = threading.Timer(self.tool.timeout_s, self._time_out)
        timer.daemon = True
        timer.start()
        try:
            _wait(process)
        finally:
            timer.cancel()
            self._end()
            status = process.wait()
            timer.join()
        for thread in (writing, output.reading, errors.reading):
            thread.join(_LAST_OUTPUT_S)
        return self._result(output, errors, status)

    def _start(self, folder: str) -> subprocess.Popen[bytes]:
        home = str(Path.home())
        words = [home + word[1:] if word.startswith("~/") else word for word in self.tool.command]
        with self._lock:
            if self._is_ended:
                raise ConfigurationError("It was stopped before it began.")
            try:
                self._process = subprocess.Popen(
                    words, cwd=folder, env=program_environment(), start_new_session=True,
                    stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                    creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
                )  # fmt: skip
            except (OSError, ValueError) as error:
                reason = getattr(error, "strerror", None) or str(error)
                raise ConfigurationError(
                    f"{words[0] if words else 'The program'} cannot be started: {reason}.",
                    hint="Change the command of the tool.",
                ) from None
            return self._process

    def _time_out(self) -> None:
        with self._lock:
            self._is_late = not self._is_ended
        self._end()

    def _end(self) -> None:
        """Ends the program and all that it began in its group."""
        with self._lock:
            if self._is_ended:
                return
            self._is_ended = True
            if self._process is None:
                return
            if hasattr(os, "killpg"):
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(self._process.pid, signal.SIGKILL)
            else:
                self._process.kill()

    def _result(self, output: _Output, errors: _Output, status: int) -> ProgramResult:
        pieces = [output.text] if output.total_bytes else []
        if errors.total_bytes:
            pieces.append(f"Standard error:\n{errors.text}")
        if self._is_late:
            pieces.append(f"The program was ended at its time limit of {self.tool.timeout_s:g} s.")
        elif status:
            pieces.append(_status_words(status))
        elif not pieces:
            pieces.append("The program wrote nothing.")
        text = pieces[0] if len(pieces) == 1 else "\n\n".join(piece.rstrip("\n") for piece in pieces)
        return ProgramResult(text=masked_text(text), is_error=bool(status) or self._is_late)


class _Output:
    """What comes out of one pipe, up to a limit; the rest is read and forgotten, lest anything be held up."""

    def __init__(self, pipe: IO[bytes], limit_bytes: int) -> None:
        self.total_bytes = 0
        self._limit_bytes = limit_bytes
        self._kept = bytearray()
        self._pipe = pipe
        self.reading = threading.Thread(target=self._read, daemon=True)
        self.reading.start()

    def _read(self) -> None:
        with contextlib.suppress(OSError, ValueError), self._pipe:
            descriptor = self._pipe.fileno()
            while chunk := os.read(descriptor, _CHUNK_BYTES):
                self._kept += chunk[: self._limit_bytes - len(self._kept)]
                self.total_bytes += len(chunk)

    @property
    def text(self) -> str:
        """What is kept, with U+FFFD for what is no text, and in words what is left out."""
        kept, left_out = bytes(self._kept), self.total_bytes - len(self._kept)
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        text = decoder.decode(kept, final=not left_out)
        if "\0" in text or text.count("\ufffd") > _MOST_MARKS * len(text):
            return f"({self.total_bytes:,} bytes that are no text)"
        if not left_out:
            return text
        return f"{text}\n\n(The output was cut here: {left_out:,} more bytes were left out.)"


def _wait(process: subprocess.Popen[bytes]) -> None:
    """Returns when the program has ended; it keeps its number until `process.wait` is called.

    What it began may outlive it, and is ended by that number, which must not be anybody else's by then.
    """
    if hasattr(os, "waitid"):
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    else:
        process.wait()


def _write(pipe: IO[bytes], arguments: str) -> None:
    # A program need not read them.
    with contextlib.suppress(OSError, ValueError), pipe:
        pipe.write(arguments.encode("utf-8", "replace"))


def _status_words(status: int) -> str:
    if status > 0:
        return f"The program ended with exit status {status}."
    try:
        return f"The program was ended by the signal {signal.Signals(-status).name}."
    except ValueError:
        return f"The program was ended by the signal {-status}."


def program_environment() -> dict[str, str]:
    """The environment of Drover without what may hold one of its keys, under whatever name."""
    return {
        name: value
        for name, value in os.environ.items()
        if not _KEY_NAME.search(name) and masked_text(value) == value
    }
