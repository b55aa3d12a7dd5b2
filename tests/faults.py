"""A matrix of faults: what goes wrong at each layer on the way to a server, and how a run has to end then.

Each case is played by a server of its own on a real socket, byte by byte, and goes through a Workbench as a
question does. `run_matrix` plays all of them and returns a row for each; `table` prints them.
"""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import socket
import ssl
import struct
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tests.error_shapes import STATUS_KINDS, shapes

from drover.domain.conversation import Draft
from drover.domain.endpoint import Endpoint
from drover.domain.run import FailureKind, Run, RunStatus
from drover.engine.workbench import RunSettled, Workbench, WorkbenchEvent
from drover.paths import Profile

SHORT_S = 0.6
"""The limits of the cases in which something is waited for in vain."""
LONG_S = 5.0
"""The limits of all others, and how long any case may take on a busy machine."""
_AT_ONCE = 12

K = FailureKind
S = RunStatus


# Steps of a server


class Read:
    """Reads a whole request."""


class Reset:
    """Ends the connection with RST."""


class Hold:
    """Says nothing more and waits until the client hangs up."""


@dataclass(frozen=True)
class Taste:
    """Reads this many bytes of a request."""

    count: int


@dataclass(frozen=True)
class Trickle:
    """Sends byte by byte."""

    data: bytes
    every_s: float


Step = bytes | Read | Reset | Hold | Taste | Trickle
READ, RESET, HOLD = Read(), Reset(), Hold()


def head(status: int = 200, *fields: str) -> bytes:
    """Status line and headers."""
    return "\r\n".join((f"HTTP/1.1 {status} Scripted", *fields, "", "")).encode("latin-1")


def sized(body: bytes, status: int = 200, *fields: str, size: int | None = None) -> bytes:
    """A response whose length is told, rightly or as `size` says."""
    return head(status, f"Content-Length: {len(body) if size is None else size}", *fields) + body


def chunk(data: bytes) -> bytes:
    """A piece of a chunked body."""
    return b"%x\r\n%s\r\n" % (len(data), data)


def event(value: Any) -> bytes:
    """An event of the stream."""
    return b"data: " + (value if isinstance(value, bytes) else json.dumps(value).encode()) + b"\n\n"


def says(text: str, finish: str | None = None) -> bytes:
    """An event with a piece of the answer."""
    return event({"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": finish}]})


STREAM = head(200, "Content-Type: text/event-stream", "Transfer-Encoding: chunked")
BARE_STREAM = head(200, "Content-Type: text/event-stream", "Connection: close")
HALF = chunk(says("Half "))
REST = chunk(says("and half", "stop")) + chunk(event(b"[DONE]"))
END = b"0\r\n\r\n"
ANSWER = STREAM + HALF + REST + END
WHOLE_TEXT = "Half and half"
_EVENTS = says("Half ") + says("and half", "stop") + event(b"[DONE]")
_ZIPPED = gzip.compress(_EVENTS)


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One case: what the server does, and how the run ends."""

    layer: str
    name: str
    steps: tuple[Step, ...] = ()
    status: RunStatus = S.FAILED
    kind: FailureKind | None = K.CONNECTION
    text: str = ""
    """What is kept of the answer."""
    tries: int = 1
    later: tuple[Step, ...] | None = None
    """What the server does from the second connection on; None for the same again."""
    url: str = "http://127.0.0.1:{port}/v1"
    is_short: bool = False
    """Whether it takes its limit."""
    question: str = "Why?"
    tls: str = ""
    """`trusted`, `untrusted`: the certificate of the server; empty for none."""
    is_open: bool = True
    """Whether anybody listens."""
    is_full: bool = False
    """Whether connections are never accepted."""


def _case(layer: str, name: str, *steps: Step, **expected: Any) -> Fault:
    return Fault(layer=layer, name=name, steps=steps, **expected)


_COMPLETE: dict[str, Any] = {"status": S.COMPLETE, "kind": None, "text": WHOLE_TEXT}
_CUT_OFF: dict[str, Any] = {"status": S.FAILED, "kind": K.CONNECTION, "text": "Half "}
_INCOMPLETE: dict[str, Any] = {"status": S.INCOMPLETE, "kind": K.CONNECTION, "text": "Half "}
_NO_HTTP: dict[str, Any] = {"kind": K.CONNECTION}
_LONG_QUESTION = "word " * 200_000
_TLS = "https://127.0.0.1:{port}/v1"
_ERROR = {"error": {"message": "Out of luck", "code": 500}}


def faults() -> list[Fault]:
    """All cases but those of the statuses, which `status_faults` gives."""
    return [*_on_the_way(), *_in_the_head(), *_in_the_body(), *_in_the_stream()]


def _on_the_way() -> Iterator[Fault]:
    name, tcp, tls, request = "name", "TCP", "TLS", "request"
    yield _case(name, "unknown", url="http://nowhere.invalid/v1", tries=3, is_open=False)
    yield _case(
        name, "resolver is silent", url="http://silent.invalid/v1", is_short=True, tries=3, is_open=False
    )
    yield _case(name, "cannot be one", url="http://[nowhere/v1", kind=K.CONFIGURATION, is_open=False)
    yield _case(tcp, "refused", tries=3, is_open=False)
    yield _case(tcp, "never accepted", is_short=True, is_full=True)
    yield _case(tcp, "reset at once", RESET, tries=3)
    yield _case(tcp, "closed at once", tries=3)
    yield _case(tcp, "reset once", RESET, later=(READ, ANSWER), tries=2, **_COMPLETE)
    yield _case(tcp, "closed twice", later=(READ, ANSWER), tries=2, **_COMPLETE)
    yield _case(tcp, "another protocol", b"SSH-2.0-OpenSSH_9.6\r\n", tries=3)
    yield _case(tls, "no TLS there", Taste(50), sized(b"{}", 400), url=_TLS)
    yield _case(tls, "silent handshake", HOLD, url=_TLS, is_short=True)
    yield _case(tls, "reset in handshake", Taste(100), RESET, url=_TLS, tries=3)
    yield _case(tls, "closed in handshake", Taste(100), url=_TLS, tries=3)
    yield _case(tls, "alert", Taste(100), b"\x15\x03\x03\x00\x02\x02\x28", HOLD, url=_TLS)
    yield _case(tls, "handshake trickles", Taste(100), Trickle(b"\x16\x03\x03\x00\x7a\x02" * 9, 0.1), HOLD,
                url=_TLS, is_short=True)  # fmt: skip
    yield _case(tls, "untrusted certificate", READ, ANSWER, url=_TLS, tls="untrusted")
    yield _case(tls, "other name", READ, ANSWER, url=_TLS.replace("127.0.0.1", "localhost"), tls="trusted")
    yield _case(tls, "sound", READ, ANSWER, url=_TLS, tls="trusted", **_COMPLETE)
    yield _case(tls, "reset in stream", READ, STREAM + HALF, RESET, url=_TLS, tls="trusted", **_CUT_OFF)
    yield _case(tls, "closed in stream", READ, STREAM + HALF, url=_TLS, tls="trusted", **_CUT_OFF)
    yield _case(request, "never read", HOLD, question=_LONG_QUESTION, is_short=True)
    yield _case(request, "reset while sent", Taste(2000), RESET, question=_LONG_QUESTION, tries=3)
    yield _case(request, "413 while sent", Taste(2000), sized(b"Too large", 413, "Connection: close"), HOLD,
                question=_LONG_QUESTION, kind=K.CONTEXT)  # fmt: skip
    yield _case(request, "reset when sent", READ, RESET, tries=3)
    yield _case(request, "closed when sent", READ, tries=3)


def _in_the_head() -> Iterator[Fault]:
    layer = "head"
    yield _case(layer, "silence", READ, HOLD, is_short=True)
    yield _case(layer, "trickle", READ, Trickle(head(200, *["X-Pad: y"] * 20), 0.05), HOLD, is_short=True)
    yield _case(layer, "closed in status line", READ, b"HTTP/1.1 2", tries=3)
    yield _case(layer, "closed in headers", READ, b"HTTP/1.1 200 OK\r\nContent-Type: text/ev", tries=3)
    yield _case(layer, "reset in headers", READ, b"HTTP/1.1 200 OK\r\nContent-Ty", RESET, tries=3)
    yield _case(layer, "stall in headers", READ, b"HTTP/1.1 200 OK\r\nContent-Ty", HOLD, is_short=True)
    yield _case(layer, "garbage", READ, bytes(range(256)) * 4, **_NO_HTTP)
    yield _case(layer, "HTTP/0.9", READ, b"Hello there, this is no head at all\r\n", tries=3)
    yield _case(layer, "HTTP/2 frames", READ, b"\0\0\6\4\0\0\0\0\0\0\3\0\0\0d" * 4, **_NO_HTTP)
    yield _case(layer, "header of 1 MB", READ, head(200, "X-Pad: " + "y" * 1_000_000), **_NO_HTTP)
    yield _case(layer, "100,000 headers", READ, head(200, *["X: y"] * 100_000), **_NO_HTTP)
    yield _case(layer, "header without colon", READ, head(200, "nonsense"), **_NO_HTTP)
    yield _case(layer, "NUL in a header", READ, head(200, "X: \0"), **_NO_HTTP)
    yield _case(layer, "two lengths", READ, head(200, "Content-Length: 3", "Content-Length: 4"), **_NO_HTTP)
    yield _case(layer, "length below zero", READ, head(200, "Content-Length: -1"), **_NO_HTTP)
    yield _case(layer, "status 999", READ, sized(b"odd", 999), kind=K.SERVER)
    yield _case(layer, "100 first", READ, head(100), ANSWER, **_COMPLETE)
    yield _case(layer, "103 first", READ, head(103, "Link: </x>"), ANSWER, **_COMPLETE)
    yield _case(layer, "a hundred 103", READ, head(103) * 100, ANSWER, **_COMPLETE)
    yield _case(layer, "101", READ, head(101, "Upgrade: websocket", "Connection: Upgrade"), HOLD)  # fmt: skip
    yield _case(layer, "204", READ, head(204), kind=K.SERVER)
    for status in (301, 302, 303, 307, 308):
        moved = head(status, "Location: https://other.invalid/v1", "Content-Length: 0")
        yield _case(layer, f"{status} elsewhere", READ, moved, kind=K.CONFIGURATION)
    loop = head(302, "Location: /v1/chat/completions", "Content-Length: 0")
    yield _case(layer, "302 to itself", *(READ, loop) * 100, kind=K.CONFIGURATION)
    yield _case(layer, "302 to nowhere", READ, sized(b"", 302), kind=K.CONFIGURATION)
    yield _case(layer, "302 to nonsense", READ, head(302, "Location: http://[", "Content-Length: 0"),
                kind=K.CONFIGURATION)  # fmt: skip


def _in_the_body() -> Iterator[Fault]:
    layer, kind = "body", "Content-Type: text/event-stream"
    zipped = "Content-Encoding: gzip"
    yield _case(layer, "empty", READ, sized(b""), kind=K.SERVER)
    yield _case(layer, "white space", READ, sized(b" \r\n\r\n"), kind=K.SERVER)
    yield _case(layer, "silence", READ, STREAM, HOLD, is_short=True)
    yield _case(layer, "length too short", READ, sized(_EVENTS, 200, kind, size=len(says("Half ")) + 9),
                **_INCOMPLETE)  # fmt: skip
    yield _case(layer, "length too long", READ, sized(says("Half "), 200, kind, size=9999), **_CUT_OFF)
    yield _case(layer, "bad chunk size", READ, STREAM + HALF + b"zz\r\nmore", **_CUT_OFF)
    yield _case(layer, "chunk size below zero", READ, STREAM + HALF + b"-5\r\nmore", **_CUT_OFF)
    yield _case(layer, "chunk of 2^70", READ, STREAM + HALF + b"4" + b"0" * 30 + b"\r\nmore", **_CUT_OFF)
    yield _case(layer, "chunk without end", READ, STREAM + HALF + b"5\r\nmoreX", **_CUT_OFF)
    yield _case(layer, "chunk too short", READ, STREAM + HALF + b"ff\r\nmore", **_CUT_OFF)
    yield _case(layer, "closed between chunks", READ, STREAM + HALF, **_CUT_OFF)
    noted = b"%x;note=1\r\n%s\r\n" % (len(_EVENTS), _EVENTS)
    yield _case(layer, "chunks with notes", READ, STREAM + noted + END, **_COMPLETE)
    yield _case(layer, "no last chunk", READ, STREAM + HALF + REST, **_COMPLETE)
    yield _case(layer, "gzip", READ, sized(_ZIPPED, 200, kind, zipped), **_COMPLETE)
    yield _case(layer, "gzip cut off", READ, sized(_ZIPPED[:-20], 200, kind, zipped), **_INCOMPLETE)
    yield _case(layer, "gzip that is none", READ, sized(b"nonsense" * 9, 200, kind, zipped), kind=K.PROTOCOL)
    yield _case(layer, "gzip, not told", READ, sized(_ZIPPED, 200, kind), kind=K.PROTOCOL)
    yield _case(layer, "gzip in the stream", READ, STREAM + HALF + chunk(_ZIPPED) + END, **_INCOMPLETE)
    yield _case(layer, "web page", READ, sized(b"<html><title>Sign in</title></html>"), kind=K.PROTOCOL)
    yield _case(layer, "JSON cut off", READ, sized(b'{"choices":[{"message":{"content":"Ha'), kind=K.PROTOCOL)
    yield _case(layer, "error with 200", READ, sized(json.dumps(_ERROR).encode()), kind=K.SERVER)
    yield _case(layer, "error in a list", READ, sized(json.dumps([_ERROR]).encode()), kind=K.SERVER)
    yield _case(layer, "error that never ends", READ, sized(b'{"error":"No"', 500, size=999), HOLD,
                kind=K.SERVER, is_short=True, tries=3)  # fmt: skip
    yield _case(layer, "error cut off", READ, sized(b'{"error":"No', 403, size=999), kind=K.KEY)
    yield _case(layer, "error, bad gzip", READ, sized(b"nonsense", 402, zipped), kind=K.CREDITS)
    yield _case(layer, "error of 3 MB", READ, sized(b"No. " * 750_000, 404), kind=K.NOT_FOUND)


def _in_the_stream() -> Iterator[Fault]:
    layer = "stream"
    umlaut = event('{"choices":[{"index":0,"delta":{"content":"Hälfte"},"finish_reason":"stop"}]}'.encode())
    cut_character = b'data: {"choices":[{"index":0,"delta":{"content":"H\xc3'
    broken_off = {"status": S.FAILED, "kind": K.SERVER, "text": "Half "}
    yield _case(layer, "reset", READ, STREAM + HALF, RESET, **_CUT_OFF)
    yield _case(layer, "reset, no text yet", READ, STREAM + chunk(b": waiting\n\n"), RESET)
    yield _case(layer, "closed", READ, BARE_STREAM + says("Half "), **_INCOMPLETE)
    yield _case(
        layer, "closed in an event", READ, BARE_STREAM + says("Half ") + b'data: {"choi', **_INCOMPLETE
    )
    yield _case(layer, "closed in UTF-8", READ, BARE_STREAM + says("Half ") + cut_character, **_INCOMPLETE)
    yield _case(layer, "reset in UTF-8", READ, STREAM + HALF + chunk(cut_character), RESET, **_CUT_OFF)
    yield _case(layer, "stall", READ, STREAM + HALF, HOLD, **{**_CUT_OFF, "is_short": True})
    yield _case(layer, "stall in an event", READ, STREAM + HALF + chunk(b'data: {"ch'), HOLD, is_short=True,
                **_CUT_OFF)  # fmt: skip
    yield _case(layer, "trickle is life", READ, BARE_STREAM + says("Half "),
                Trickle(says("and half", "stop"), 0.01), event(b"[DONE]"),
                is_short=True, **_COMPLETE)  # fmt: skip
    yield _case(layer, "comments are life", READ, BARE_STREAM, Trickle(b":\n" * 10, 0.05), _EVENTS,
                is_short=True, **_COMPLETE)  # fmt: skip
    yield _case(layer, "no text, only [DONE]", READ, BARE_STREAM + event(b"[DONE]"), kind=K.SERVER)
    yield _case(layer, "no [DONE]", READ, BARE_STREAM + says("Half ") + says("and half", "stop"), **_COMPLETE)
    yield _case(layer, "no finish", READ, BARE_STREAM + says(WHOLE_TEXT) + event(b"[DONE]"), **_COMPLETE)
    yield _case(layer, "more after [DONE]", READ, BARE_STREAM + _EVENTS + says("!"), **_COMPLETE)
    yield _case(layer, "bytes that are no UTF-8", READ, BARE_STREAM + says("Half ") + b"data: \xff\xfe\n\n",
                **_INCOMPLETE)  # fmt: skip
    yield _case(layer, "characters in pieces", READ, BARE_STREAM, Trickle(umlaut, 0.0), status=S.COMPLETE,
                kind=None, text="Hälfte")  # fmt: skip
    yield _case(layer, "error event", READ, BARE_STREAM + event(_ERROR), kind=K.SERVER)
    yield _case(layer, "error after text", READ, BARE_STREAM + says("Half ") + event(_ERROR), **broken_off)
    yield _case(layer, "unreadable event", READ, BARE_STREAM + says("Half ") + event(b'{"choices":[}'),
                **{**broken_off, "kind": K.PROTOCOL})  # fmt: skip
    yield _case(layer, "abort", READ, BARE_STREAM + says("Half ", "abort") + event(b"[DONE]"),
                **{**broken_off, "status": S.INCOMPLETE})  # fmt: skip
    yield _case(
        layer, "length", READ, BARE_STREAM + says("Half ", "length"), status=S.CUT, kind=None, text="Half "
    )


def status_faults() -> list[Fault]:
    """Each status with each shape of body, asked for once."""
    found = []
    for status, kind in STATUS_KINDS.items():
        for name, shape in shapes().items():
            answer = sized(shape.body, status, f"Content-Type: {shape.content_type}")
            found.append(_case(f"status {status}", name, *(READ, answer) * 50, kind=kind))
    return found


# The server


class _Server:
    """Plays one case to whoever connects."""

    def __init__(self, fault: Fault, context: ssl.SSLContext | None) -> None:
        self.fault = fault
        self._context = context
        self._tasks: set[asyncio.Task[None]] = set()
        self._waiting: list[socket.socket] = []
        self.connections = 0
        self.left = 0

    @contextlib.asynccontextmanager
    async def listening(self) -> Any:
        """The port."""
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            port = listener.getsockname()[1]
            if not self.fault.is_open:
                yield port
                return
            if self.fault.is_full:
                self._fill(listener, port)
                yield port
                for waiting in self._waiting:
                    waiting.close()
                return
            server = await asyncio.start_server(self._connected, sock=listener, ssl=self._context)
            try:
                yield port
            finally:
                server.close()

    async def closed(self) -> None:
        """Returns when every connection has ended, or counts those that do not."""
        if self._tasks:
            _, left = await asyncio.wait(self._tasks, timeout=LONG_S)
            self.left = len(left)
            for task in left:
                task.cancel()

    def _fill(self, listener: socket.socket, port: int) -> None:
        """Lets so many wait to be accepted that the system answers no other."""
        listener.listen(0)
        for _ in range(2):
            waiting = socket.socket()
            waiting.setblocking(False)
            waiting.connect_ex(("127.0.0.1", port))
            self._waiting.append(waiting)

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        steps = self.fault.steps
        if self.connections and self.fault.later is not None:
            steps = self.fault.later
        self.connections += 1
        task = asyncio.ensure_future(_play(steps, reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _play(steps: Sequence[Step], reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        for step in steps:
            match step:
                case bytes():
                    writer.write(step)
                    await writer.drain()
                case Read():
                    fields = await reader.readuntil(b"\r\n\r\n")
                    size = fields.lower().partition(b"content-length: ")[2].partition(b"\r")[0]
                    await reader.readexactly(int(size or 0))
                case Taste(count=count):
                    await reader.readexactly(count)
                case Trickle(data=data, every_s=every_s):
                    for start in range(len(data)):
                        writer.write(data[start : start + 1])
                        await writer.drain()
                        await asyncio.sleep(every_s)
                case Hold():
                    await reader.read(-1)
                case Reset():
                    raw = writer.get_extra_info("socket")
                    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    writer.transport.abort()
                    return
    except (OSError, asyncio.IncompleteReadError):
        pass  # the client is gone
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


# The matrix


@dataclass(frozen=True, kw_only=True)
class Row:
    """How one case ended."""

    fault: Fault
    status: RunStatus | None
    kind: FailureKind | None
    text: str
    tries: int
    connections: int
    words: str
    took_s: float
    left: int = 0
    """Connections that the client never closed."""

    @property
    def is_expected(self) -> bool:
        fault = self.fault
        expected = (fault.status, fault.kind, fault.text, fault.tries)
        return (self.status, self.kind, self.text, self.tries) == expected


class _Bench:
    """A Workbench with one patience, and how its runs ended."""

    def __init__(self, folder: Path) -> None:
        self._settled: dict[str, Run] = {}
        self.workbench = Workbench.open(Profile.at(folder), self._hear)
        self.workbench.retry_base_s = 0.0
        self._reader = self.workbench.open_reader()
        self.servers: list[_Server] = []

    async def close(self) -> None:
        """Closes the Workbench; no connection outlives it."""
        self._reader.close()
        await self.workbench.close()
        for server in self.servers:
            await server.closed()

    def _hear(self, heard: WorkbenchEvent) -> None:
        if isinstance(heard, RunSettled):
            self._settled[heard.run.id] = heard.run

    async def ask(self, fault: Fault, url: str) -> tuple[Run | None, str]:
        limit_s = SHORT_S if fault.is_short else LONG_S
        endpoint = Endpoint(
            id=f"{fault.layer} {fault.name}", name="Lab", base_url=url, needs_key=False, default_model_id="m",
            connect_timeout_s=limit_s,
        )  # fmt: skip
        await self.workbench.save_endpoint(endpoint)
        run = await self.workbench.send(None, Draft(text=fault.question, endpoint_id=endpoint.id))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(2 * LONG_S):
                await self.workbench.wait(run.id)
        message = self._reader.message(run.message_id)
        return self._settled.get(run.id), message.text if message is not None else ""


async def run_matrix(
    cases: Sequence[Fault], folder: Path, *, certificate: Path | None = None, is_repeated: bool = True
) -> list[Row]:
    """Plays the cases, some at once, and returns a row for each in order. Nothing is left open behind it.

    `certificate` is a file with key and certificate for 127.0.0.1, named by SSL_CERT_FILE.
    """
    benches = {is_short: _Bench(folder / str(is_short)) for is_short in (False, True)}
    gate = asyncio.Semaphore(_AT_ONCE)

    async def one(fault: Fault) -> Row:
        async with gate:
            return await _row(fault, benches[fault.is_short], certificate)

    for is_short, bench in benches.items():
        limit_s = SHORT_S if is_short else LONG_S
        await bench.workbench.change_settings(
            first_byte_timeout_s=limit_s, idle_timeout_s=limit_s, is_retried=is_repeated
        )
    try:
        with _silent_resolver():
            rows = await asyncio.gather(*map(one, cases))
    finally:
        for bench in benches.values():
            await bench.close()
    left = {server.fault: server.left for bench in benches.values() for server in bench.servers}
    return [replace(row, left=left[row.fault]) for row in rows]


async def _row(fault: Fault, bench: _Bench, certificate: Path | None) -> Row:
    server = _Server(fault, _context(fault, certificate))
    async with server.listening() as port:
        started_s = time.monotonic()
        run, text = await bench.ask(fault, fault.url.format(port=port))
        took_s = time.monotonic() - started_s
        if fault.steps and fault.steps[-1] is HOLD:
            await server.closed()  # by the client, which gave up
    bench.servers.append(server)
    failure = run.failure if run is not None else None
    return Row(
        fault=fault,
        status=run.status if run is not None else None,
        kind=failure.kind if failure is not None else None,
        text=text,
        tries=1 + len(run.failed_attempts) if run is not None else 0,
        connections=server.connections,
        words=failure.message if failure is not None else "",
        took_s=took_s,
    )


def _context(fault: Fault, certificate: Path | None) -> ssl.SSLContext | None:
    if not fault.tls:
        return None
    assert certificate is not None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate if fault.tls == "trusted" else certificate.with_name("other.pem"))
    return context


@contextlib.contextmanager
def _silent_resolver() -> Iterator[None]:
    """Meanwhile the name `silent.invalid` is looked up without end."""
    real, ended = socket.getaddrinfo, threading.Event()

    def getaddrinfo(host: Any, *arguments: Any, **options: Any) -> Any:
        if host == "silent.invalid":
            ended.wait()
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        return real(host, *arguments, **options)

    socket.getaddrinfo = getaddrinfo
    try:
        yield
    finally:
        socket.getaddrinfo = real
        ended.set()


def open_sockets() -> int | None:
    """How many sockets this process has; None where the system does not tell."""
    try:
        links = [path.readlink() for path in Path("/proc/self/fd").iterdir() if path.is_symlink()]
    except OSError:
        return None
    return sum(str(link).startswith("socket:") for link in links)


def table(rows: Sequence[Row]) -> str:
    """One line for each case: layer, fault, expected, got, text kept, time."""
    lines = [
        f"{'layer':<11} {'fault':<26} {'expected':<25} {'got':<25} {'tries':>5} {'text kept':<14} {'s':>5}"
    ]
    for row in rows:
        fault = row.fault
        lines.append(
            f"{fault.layer:<11} {fault.name:<26} {_outcome(fault.status, fault.kind):<25} "
            f"{_outcome(row.status, row.kind):<25} {row.tries:>5} {row.text[:12]!r:<14} {row.took_s:5.2f}"
            + ("" if row.is_expected else f"  <-- {row.words}")
        )
    wrong = sum(not row.is_expected for row in rows)
    return "\n".join([*lines, f"{len(rows)} cases, {wrong} not as expected"])


def _outcome(status: RunStatus | None, kind: FailureKind | None) -> str:
    return ", ".join(str(part.value) for part in (status, kind) if part is not None)
