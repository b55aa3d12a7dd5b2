"""A scripted model server on a real socket, in its own thread, so that tests on any event loop can use it.

A script is a list of steps, written by the test or by a builder (`answers`, `fails`, `models`). Nothing in it
sleeps: where the order of events matters, a step waits for a Flag that the test sets.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import ipaddress
import json
import re
import socket
import ssl
import struct
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, TypeAlias

FOR_GOOD = 3
"""As often as one request is sent."""
CHAT_PATH = "/v1/chat/completions"
MODELS_PATH = "/v1/models"
EVENT_STREAM = "text/event-stream"


class Flag:
    """Something that happens once: set and awaited from any thread and any event loop."""

    def __init__(self, name: str = "flag") -> None:
        self._name = name
        self._event = threading.Event()
        self._lock = threading.Lock()
        self._waiters: list[tuple[asyncio.AbstractEventLoop, asyncio.Future[None]]] = []

    @property
    def is_set(self) -> bool:
        """Whether it has happened."""
        return self._event.is_set()

    def set(self) -> None:
        """It has happened. Setting it again changes nothing."""
        with self._lock:
            self._event.set()
            waiters, self._waiters = self._waiters, []
        for loop, future in waiters:
            with suppress(RuntimeError):  # that loop is closed
                loop.call_soon_threadsafe(_settle, future)

    def wait(self, timeout_s: float = 5.0) -> None:
        """Blocks this thread: for tests whose client runs elsewhere. Raises TimeoutError."""
        if not self._event.wait(timeout_s):
            raise TimeoutError(f"{self._name} did not happen within {timeout_s} s")

    async def reached(self, timeout_s: float | None = 5.0) -> None:
        """Waits on the running loop. TimeoutError if it does not happen in time."""
        with self._lock:
            if self._event.is_set():
                return
            loop = asyncio.get_running_loop()
            future = loop.create_future()
            self._waiters.append((loop, future))
        try:
            async with asyncio.timeout(timeout_s):
                await future
        except TimeoutError:
            raise TimeoutError(f"{self._name} did not happen within {timeout_s} s") from None


def _settle(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """Status line and headers. Without `Content-Length` the body is chunked, or ends with the connection."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    is_chunked: bool = True


@dataclass(frozen=True, slots=True)
class Send:
    """Bytes of the body, in one chunk."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Raw:
    """Bytes put on the socket as they are, in place of a head or a chunk."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Wait:
    """Goes on when the flag is set; the request's `paused` is set meanwhile."""

    flag: Flag


@dataclass(frozen=True, slots=True)
class Stall:
    """Silent until the client or the test closes."""


@dataclass(frozen=True, slots=True)
class Close:
    """Ends the connection in good order, whatever the body still lacks."""


@dataclass(frozen=True, slots=True)
class Reset:
    """Ends the connection with a TCP reset."""


Step: TypeAlias = Head | Send | Raw | Wait | Stall | Close | Reset


class ReceivedRequest:
    """One request as the server saw it."""

    def __init__(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> None:
        self.method = method
        self.path = path
        self.headers = headers
        """Names in lower case."""
        self.body = body
        self.paused = Flag("the pause in the script")
        """The script has reached its first Wait or Stall."""
        self.answered = Flag("the end of the script")
        """The last step has been sent."""
        self.closed = Flag("the end of the connection")
        """The client, or a step, has closed the connection."""

    @property
    def json(self) -> Any:
        """The body parsed; raises ValueError if it is no JSON."""
        return json.loads(self.body)

    @property
    def bearer(self) -> str | None:
        """The key that came with it."""
        scheme, _, key = self.headers.get("authorization", "").partition(" ")
        return key if scheme == "Bearer" else None


Script: TypeAlias = Sequence[Step] | Callable[[ReceivedRequest], Sequence[Step]]


def event(payload: object) -> bytes:
    """One server-sent event; a str goes out as it is, anything else as JSON, in ASCII if it must be."""
    text = payload if isinstance(payload, str) else json.dumps(payload, ensure_ascii=False)
    if not isinstance(payload, str) and re.search("[\ud800-\udfff]", text):
        text = json.dumps(payload)
    return b"data: " + text.encode() + b"\n\n"


class Provider:
    """A context manager: listens on a loopback port, by default a free one, from entry to exit."""

    def __init__(self, *, tls: ssl.SSLContext | None = None, port: int = 0) -> None:
        self._tls = tls
        self._scripts: dict[str, deque[Script]] = {}
        self._lock = threading.Lock()
        self._arrived = Flag("a request")
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._serve, name="test-provider", daemon=True)
        self._ready = threading.Event()
        self._stopped: asyncio.Event
        self._tasks: set[asyncio.Task[None]] = set()
        self._open = 0
        self.port = port
        self.requests: list[ReceivedRequest] = []
        """Every request so far, in order of arrival."""
        self.errors: list[BaseException] = []
        """What went wrong in the server itself; raised on exit."""

    @property
    def base_url(self) -> str:
        """As typed into an endpoint."""
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}/v1"

    @property
    def open_connections(self) -> int:
        """Connections not yet closed by either side."""
        return self._open

    def url(self, path: str) -> str:
        """The address of a path, such as CHAT_PATH."""
        return self.base_url.removesuffix("/v1") + path

    # Scripts

    def script(self, *steps: Step, path: str = CHAT_PATH) -> None:
        """The next request for `path` gets these steps. The last script of a path serves all later ones."""
        self.respond(steps, path=path)

    def respond(self, script: Script, *, path: str = CHAT_PATH) -> None:
        """Like `script`; a function is given the request and returns the steps."""
        with self._lock:
            self._scripts.setdefault(path, deque()).append(script)

    def answers(
        self,
        text: str,
        *,
        reasoning: str = "",
        reasoning_field: str = "reasoning_content",
        chunks: int | None = None,
        finish_reason: str | None = "stop",
        has_usage: bool = True,
        has_done: bool = True,
        model: str = "scripted-model",
        pause_after: int | None = None,
        gate: Flag | None = None,
    ) -> Flag:
        """A reply as OpenAI streams it, or whole if the request does not ask for a stream.

        `chunks` is how many pieces each of the two texts is cut into, by default one a word. After
        `pause_after` text pieces the script waits for the returned flag (`gate`, if given).
        """
        gate = gate or Flag("the gate of the answer")
        pieces = [{reasoning_field: piece} for piece in pieces_of(reasoning, chunks)]
        pieces += [{"content": piece} for piece in pieces_of(text, chunks)]
        usage = usage_of(text, reasoning) if has_usage else None

        def steps(request: ReceivedRequest) -> list[Step]:
            if not request.json.get("stream"):
                message: dict[str, Any] = {"role": "assistant", "content": text}
                if reasoning:
                    message[reasoning_field] = reasoning
                choice = {"index": 0, "message": message, "finish_reason": finish_reason}
                return json_steps(200, _chunk(model, [choice], usage=usage, kind="chat.completion"))
            out: list[Step] = [Head(headers={"Content-Type": EVENT_STREAM})]
            out.append(Send(event(_delta(model, {"role": "assistant", "content": ""}))))
            for count, piece in enumerate(pieces):
                if pause_after == count:
                    out.append(Wait(gate))
                out.append(Send(event(_delta(model, piece))))
            if pause_after is not None and pause_after >= len(pieces):
                out.append(Wait(gate))
            if finish_reason is not None:
                out.append(Send(event(_delta(model, {}, finish_reason))))
            if usage is not None:
                out.append(Send(event(_chunk(model, [], usage=usage))))
            if has_done:
                out.append(Send(event("[DONE]")))
            return out

        self.respond(steps)
        return gate

    def calls(self, *calls: tuple[str, str, str], text: str = "", finish_reason: str = "tool_calls") -> None:
        """A streamed reply that calls tools, each as (id, name, arguments)."""
        entries = [
            {"index": i, "id": call_id, "type": "function", "function": {"name": name, "arguments": given}}
            for i, (call_id, name, given) in enumerate(calls)
        ]
        deltas: list[dict[str, Any]] = [{"content": text}] if text else []
        deltas += [{"tool_calls": [entry]} for entry in entries]
        chunks = [_delta("scripted-model", delta) for delta in deltas]
        chunks.append(_delta("scripted-model", {}, finish_reason))
        head = Head(headers={"Content-Type": EVENT_STREAM})
        self.script(head, *[Send(event(chunk)) for chunk in chunks], Send(event("[DONE]")))

    def fails(
        self,
        status: int,
        body: str | bytes | Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        path: str = CHAT_PATH,
        times: int = 1,
    ) -> None:
        """An error response; a mapping goes out as JSON, None as OpenAI's form of that status. What may pass
        by itself is asked for again by itself, so that it takes `times=FOR_GOOD` to fail."""
        for _ in range(times):
            self._fail(status, body, headers, path=path)

    def _fail(
        self,
        status: int,
        body: str | bytes | Mapping[str, Any] | None,
        headers: Mapping[str, str] | None,
        *,
        path: str,
    ) -> None:
        if body is None:
            body = {"error": {"message": f"Scripted error {status}", "type": "scripted", "code": None}}
        if isinstance(body, Mapping):
            self.script(*json_steps(status, body, headers), path=path)
            return
        data = body.encode() if isinstance(body, str) else body
        given = {"Content-Type": "text/html", "Content-Length": str(len(data)), **(headers or {})}
        self.script(Head(status=status, headers=given), Send(data), path=path)

    def models(self, cards: Iterable[str | Mapping[str, Any]], *, path: str = MODELS_PATH) -> None:
        """A list of models; a name alone becomes OpenAI's object."""
        data = [{"id": card, "object": "model"} if isinstance(card, str) else dict(card) for card in cards]
        self.script(*json_steps(200, {"object": "list", "data": data}), path=path)

    # What the test may wait for

    async def request(self, index: int = 0) -> ReceivedRequest:
        """The request of that index, waited for on the running loop."""
        while len(self.requests) <= index:
            arrived = self._arrived
            if len(self.requests) <= index:
                await arrived.reached()
        return self.requests[index]

    # The server

    def __enter__(self) -> Provider:
        self._thread.start()
        if not self._ready.wait(5.0):
            raise TimeoutError("the scripted server did not start")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._stopped.set)
        self._thread.join(5.0)
        if self.errors and error is None:
            raise self.errors[0]

    def _serve(self) -> None:
        try:
            self._loop.run_until_complete(self._main())
        except BaseException as error:
            self.errors.append(error)
        finally:
            self._loop.close()
            self._ready.set()

    async def _main(self) -> None:
        self._stopped = asyncio.Event()
        server = await asyncio.start_server(self._connected, "127.0.0.1", self.port, ssl=self._tls)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stopped.wait()
        server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(_Connection(self, reader, writer).serve())
        self._open += 1
        self._tasks.add(task)
        task.add_done_callback(self._disconnected)

    def _disconnected(self, task: asyncio.Task[None]) -> None:
        self._open -= 1
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.errors.append(error)

    def _received(self, request: ReceivedRequest) -> Sequence[Step]:
        """Notes the request and returns the steps for it."""
        with self._lock:
            self.requests.append(request)
            scripts = self._scripts.get(request.path)
            script: Script | None = None
            if scripts:
                script = scripts.popleft() if len(scripts) > 1 else scripts[0]
            arrived, self._arrived = self._arrived, Flag("a request")
        arrived.set()
        if script is None:
            return json_steps(404, {"error": {"message": f"No script for {request.path}"}})
        return script(request) if callable(script) else script


class _Connection:
    """One socket: requests in turn, each followed by its steps."""

    def __init__(
        self, provider: Provider, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._provider = provider
        self._reader = reader
        self._writer = writer
        self._is_chunked = False
        self._ends_with_connection = False

    async def serve(self) -> None:
        requests: list[ReceivedRequest] = []
        try:
            first = b""
            while (request := await self._read_request(first)) is not None:
                requests.append(request)
                next_byte = asyncio.ensure_future(self._reader.read(1))
                try:
                    alive = await self._play(request, self._provider._received(request), next_byte)
                    first = await next_byte if alive else b""
                finally:
                    next_byte.cancel()
                    with suppress(asyncio.CancelledError, OSError):
                        await next_byte
                if not first:
                    break
        except (OSError, asyncio.IncompleteReadError):
            pass  # the client is gone, which `closed` tells
        finally:
            self._writer.close()
            for request in requests:
                request.closed.set()

    async def _read_request(self, first: bytes) -> ReceivedRequest | None:
        try:
            head = first + await self._reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError:
            return None
        line, *fields = head.decode("latin-1").split("\r\n")
        method, path, _ = line.split(" ")
        pairs = (text.partition(":") for text in fields if text)
        headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
        body = await self._reader.readexactly(int(headers.get("content-length", "0")))
        return ReceivedRequest(method, path, headers, body)

    async def _play(
        self, request: ReceivedRequest, steps: Sequence[Step], next_byte: asyncio.Future[bytes]
    ) -> bool:
        """Takes the steps in turn; returns whether the connection can serve another request."""
        self._is_chunked = self._ends_with_connection = False
        for step in steps:
            if isinstance(step, Wait | Stall):
                request.paused.set()
                waiting: Coroutine[Any, Any, Any] = (
                    step.flag.reached(None) if isinstance(step, Wait) else asyncio.Event().wait()
                )
                if not await _first_of(waiting, next_byte):
                    return False
            elif isinstance(step, Close | Reset):
                if isinstance(step, Reset):
                    self._make_close_reset()
                request.answered.set()
                return False
            else:
                self._writer.write(self._bytes_of(step))
                await self._writer.drain()
        if self._is_chunked:
            self._writer.write(b"0\r\n\r\n")
            await self._writer.drain()
        request.answered.set()
        return not self._ends_with_connection

    def _bytes_of(self, step: Head | Send | Raw) -> bytes:
        if isinstance(step, Raw):
            self._ends_with_connection = True
            return step.data
        if isinstance(step, Send):
            return b"%x\r\n%s\r\n" % (len(step.data), step.data) if self._is_chunked else step.data
        headers = dict(step.headers)
        has_length = any(name.lower() == "content-length" for name in headers)
        self._is_chunked = step.is_chunked and not has_length
        self._ends_with_connection = not self._is_chunked and not has_length
        if self._is_chunked:
            headers["Transfer-Encoding"] = "chunked"
        lines = [f"HTTP/1.1 {step.status} Scripted", *(f"{name}: {value}" for name, value in headers.items())]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")

    def _make_close_reset(self) -> None:
        raw: socket.socket = self._writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()


async def _first_of(waiting: Coroutine[Any, Any, Any], next_byte: asyncio.Future[bytes]) -> bool:
    """Whether the wait ended before the client closed."""
    task = asyncio.ensure_future(waiting)
    try:
        await asyncio.wait({task, next_byte}, return_when=asyncio.FIRST_COMPLETED)
        return task.done()
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def self_signed_certificate(directory: Path) -> Path:
    """A certificate for 127.0.0.1 that nobody vouches for, with its key, in one file."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "A test server")])
    now = datetime.datetime.now(datetime.UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    path = directory / "server.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + built.public_bytes(serialization.Encoding.PEM))
    return path


def pieces_of(text: str, count: int | None) -> list[str]:
    """The text in that many pieces of about one length; None cuts before each word."""
    if count is None:
        words = text.split(" ")
        return [piece for piece in [words[0], *(" " + word for word in words[1:])] if piece]
    size = max(1, -(-len(text) // count))
    return [text[start : start + size] for start in range(0, len(text), size)]


def usage_of(text: str, reasoning: str) -> dict[str, Any]:
    """Token counts with a word for a token."""
    thinking, speaking = len(reasoning.split()), len(text.split())
    return {
        "prompt_tokens": 11,
        "completion_tokens": thinking + speaking,
        "total_tokens": 11 + thinking + speaking,
        "completion_tokens_details": {"reasoning_tokens": thinking},
    }


def json_steps(status: int, body: object, headers: Mapping[str, str] | None = None) -> list[Step]:
    """A whole JSON response."""
    data = json.dumps(body, ensure_ascii=False).encode()
    given = {"Content-Type": "application/json", "Content-Length": str(len(data)), **(headers or {})}
    return [Head(status=status, headers=given), Send(data)]


def _delta(model: str, delta: Mapping[str, Any], finish_reason: str | None = None) -> dict[str, Any]:
    return _chunk(model, [{"index": 0, "delta": dict(delta), "finish_reason": finish_reason}])


def _chunk(
    model: str,
    choices: list[dict[str, Any]],
    *,
    usage: Mapping[str, Any] | None = None,
    kind: str = "chat.completion.chunk",
) -> dict[str, Any]:
    chunk: dict[str, Any] = {"id": "chatcmpl-1", "object": kind, "created": 1, "model": model}
    chunk["choices"] = choices
    if usage is not None:
        chunk["usage"] = dict(usage)
    return chunk


@contextlib.asynccontextmanager
async def raw_server(reply: bytes) -> AsyncIterator[int]:
    """A port that sends these bytes to whoever has said something, and hangs up."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            await reader.read(65536)
            writer.write(reply)
        writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]
