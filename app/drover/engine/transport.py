"""HTTP for model servers: one request out, a stream of bytes with time marks back, every trouble in words.

httpx and truststore are imported at the first request, not with this module: start-up must not pay for them.
"""

from __future__ import annotations

import asyncio
import ipaddress
import re
import socket
import ssl
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import partial
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import TYPE_CHECKING, Any, Self, TypeAlias, cast
from urllib.parse import urljoin, urlsplit

from drover import __version__
from drover.domain.network import AS_THE_SYSTEM, NetworkSettings
from drover.engine import tls
from drover.engine.proxies import Proxy, proxy_for
from drover.engine.reach import PublicOnly, Target, look_up, not_public
from drover.engine.threads import in_daemon_thread
from drover.errors import ConfigurationError, ConnectionFailed, DroverError, ProtocolError, Redirected
from drover.log import redact

if TYPE_CHECKING:
    import httpx

_LOGIN_WANTED = 407
_REDIRECTS = (301, 302, 303, 307, 308)
_QUEUED_CHUNKS = 64
_PIECE_BYTES = 256 * 1024
"""Of a body that is sent."""
_JOINED_BYTES = 64 * 1024
_CLOSE_LIMIT_S = 2.0
# Many servers drop an idle connection after 5 s; a request sent on it at that very moment would be lost.
_KEEPALIVE_S = 4.0
_LOOK_EVERY_S = 10.0
_GRACE_S = 2.0
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_FIELD_VALUE = re.compile(r"[\x21-\x7e](?:[\x20-\x7e\t]*[\x21-\x7e])?|")

Headers: TypeAlias = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkAccess:
    """The settings of a network with the secrets that belong to them."""

    settings: NetworkSettings = AS_THE_SYSTEM
    proxy_login: str = field(default="", repr=False)
    """`user:password` for the proxy of the settings."""
    passphrase: str = field(default="", repr=False)
    """Of the key of the client certificate."""


class Layer(StrEnum):
    """What lies between Drover and an answer, in the order in which it is passed."""

    NAME = "name"
    TCP = "tcp"
    PROXY = "proxy"
    TLS = "tls"
    HTTP = "http"


@dataclass(frozen=True, slots=True, kw_only=True)
class Passed:
    """A layer that a request has got through."""

    layer: Layer
    words: str
    """What was found there, such as an address or a cipher."""
    at_ms: float
    """Milliseconds since the request was handed to the network."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpRequest:
    """One request and how long it may take."""

    method: str = "POST"
    url: str
    headers: Headers = field(default=(), repr=False)
    """Added to the defaults, or in their place; checked before anything is sent. May hold a key."""
    body: bytes = b""
    connect_timeout_s: float = 10.0
    """For name, TCP and TLS together."""
    first_byte_timeout_s: float = 600.0
    """From the start of sending to the first byte of the body."""
    idle_timeout_s: float = 300.0
    """Longest silence inside the body. Any byte counts as life, comments too."""
    reach: PublicOnly | None = None
    """Where it may go; None for anywhere. Behind a proxy, which looks names up itself, only addresses in
    figures and the names of this machine can be told from public ones."""
    network: NetworkAccess = NetworkAccess()
    passed: Callable[[Passed], None] | None = field(default=None, compare=False)
    """Hears of each layer, on the loop, as soon as it is passed; not of those below a connection that is
    used again."""


class _Pieces:
    """A large body bit by bit: handed over in one piece, its copies would hold up all else for a while."""

    # Not a generator, which a cancelled request would leave for the event loop to close.

    def __init__(self, body: bytes) -> None:
        self._rest = memoryview(body)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        if not self._rest:
            raise StopAsyncIteration
        piece, self._rest = bytes(self._rest[:_PIECE_BYTES]), self._rest[_PIECE_BYTES:]
        return piece


def headers_as_sent(request: HttpRequest, *, accept: str = "text/event-stream") -> Headers:
    """The headers of the request with Drover's defaults.

    Only `Host`, `Connection` and `Content-Length` are left to the network.
    Raises ConfigurationError, never quoting the value, for what cannot be a header.
    """
    headers = {"accept": ("Accept", accept), "user-agent": ("User-Agent", f"Drover/{__version__}")}
    if accept == "text/event-stream":
        # Compression on the way can hold back small flushes.
        headers["accept-encoding"] = ("Accept-Encoding", "identity")
    if request.body:
        headers["content-type"] = ("Content-Type", "application/json")
    for name, value in request.headers:
        if not _TOKEN.fullmatch(name):
            raise ConfigurationError(f"{name!r} cannot be the name of a header.")
        if not _FIELD_VALUE.fullmatch(value):
            raise ConfigurationError(
                f"The value of the header {name} holds characters that cannot be sent.",
                hint="Set the key again: only letters, digits and punctuation of ASCII can be in one.",
            )
        headers[name.lower()] = (name, value)
    return tuple(headers.values())


def seconds_passed() -> float:
    """Seconds since some moment; they go on while the computer sleeps, wherever the system can tell.

    `time.monotonic` stands still meanwhile on Linux and macOS, and a stream that died in the night would be
    waited for as if it had been silent for a second. On Windows it does count.
    """
    return time.monotonic() if _SLEEP_CLOCK is None else time.clock_gettime(_SLEEP_CLOCK)


def _sleep_clock() -> int | None:
    if sys.platform == "linux":
        return time.CLOCK_BOOTTIME
    return time.CLOCK_MONOTONIC if sys.platform == "darwin" else None


_SLEEP_CLOCK = _sleep_clock()


def warm_up() -> None:
    """Imports what the first request needs (some 150 ms). May be called from any thread; optional."""
    import httpx
    import truststore  # noqa: F401

    _ = httpx.AsyncClient


class HttpResponse:
    """The head of a response; the body follows through `chunks`. Valid inside `Transport.stream` only."""

    __slots__ = ("_call", "connect_ms", "first_byte_ms", "headers", "http_version", "status", "tls")

    def __init__(
        self, call: _Call, *, status: int, headers: Headers, http_version: str, connect_ms: float | None,
        first_byte_ms: float, tls: str = "",
    ) -> None:  # fmt: skip
        """Times are milliseconds since the request was handed to the network, as in `Timing`.

        `tls` is version and cipher, as in "TLSv1.3, TLS_AES_256_GCM_SHA384"; empty without encryption.
        """
        self._call = call
        self.status = status
        self.headers = headers
        self.http_version = http_version
        self.connect_ms = connect_ms
        self.first_byte_ms = first_byte_ms
        self.tls = tls

    def header(self, name: str, default: str = "") -> str:
        """The value of the first header of that name, in any case."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), default)

    def chunks(self) -> AsyncIterator[tuple[float, bytes]]:
        """The body as (milliseconds since sending, bytes), one item a network chunk, without content coding.

        To be read once. Raises ConnectionFailed with phase `first_byte`, `idle` or `stream`.
        """
        return self._call

    async def read(self, limit_bytes: int) -> bytes:
        """What is left of the body, cut off after `limit_bytes`. Raises as `chunks` does."""
        body = bytearray()
        async for _, chunk in self._call:
            body += chunk
            if len(body) >= limit_bytes:
                break
        return bytes(body[:limit_bytes])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Route:
    """How a target is reached, found out before the first packet."""

    proxy: Proxy | None = None
    tls: ssl.SSLContext | None = None
    proxy_tls: ssl.SSLContext | None = None
    addresses: tuple[str, ...] = ()
    """Of the target; empty where they were not asked for, or by a proxy."""


@dataclass(slots=True, eq=False)
class _Client:
    """A pool of connections that are made in one way."""

    route: _Route
    http: httpx.AsyncClient
    uses: int = 0
    is_retired: bool = False
    """Whether new requests have another one; it is closed with its last request."""

    def fits(self, route: _Route) -> bool:
        """Whether its connections would be made in this way."""
        own = self.route
        return (own.proxy, own.tls, own.proxy_tls) == (route.proxy, route.tls, route.proxy_tls)


class Transport:
    """Sends requests on one event loop. Cheap to make; whoever makes it calls `aclose`.

    Loopback is never reached through a proxy. Redirects are reported, not followed. Changed settings, files
    and variables count from the next request; what no request uses any more is closed.
    """

    def __init__(
        self, clock: Callable[[], float] = seconds_passed, look_every_s: float = _LOOK_EVERY_S
    ) -> None:
        """`clock` measures the limits of waiting in seconds; it should go on while the computer sleeps, and
        is looked at that often, since the loop's own need not."""
        self._clock = clock
        self._look_every_s = look_every_s
        self._clients: dict[tuple[NetworkSettings, bool, bool], _Client] = {}
        self._contexts: dict[NetworkSettings, tuple[object, ssl.SSLContext]] = {}
        self._calls: set[_Call] = set()
        self._closing: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def stream(
        self, request: HttpRequest, *, accept: str = "text/event-stream"
    ) -> AsyncIterator[HttpResponse]:
        """Sends the request; the context holds the response and closes it, whatever happens inside.

        A cancelled or abandoned stream closes its socket at once, so the server stops generating.
        Raises ConfigurationError for what the person can set right, ConnectionFailed for the rest.
        """
        call, client, headers = await self._prepared(request, accept)
        self._calls.add(call)
        client.uses += 1
        call.start(client.http, headers)
        try:
            yield await call.head()
        finally:
            try:
                await call.close()
            finally:
                self._calls.discard(call)
                self._release(client, call)

    async def fetch(
        self, request: HttpRequest, *, limit_bytes: int = 1_000_000
    ) -> tuple[int, Headers, bytes]:
        """Status, headers and whole body of a small response; ProtocolError for a body over the limit."""
        async with self.stream(request, accept="application/json") as response:
            body = await response.read(limit_bytes + 1)
        if len(body) > limit_bytes:
            raise ProtocolError(
                f"The answer of {Target.of(request.url).label} is larger than {limit_bytes:,} bytes.",
                offending=body[:200],
            )
        return response.status, response.headers, body

    def forget(self, settings: NetworkSettings) -> None:
        """Closes what was made for these settings, as soon as no request uses it."""
        self._contexts.pop(settings, None)
        for key in [key for key in self._clients if key[0] == settings]:
            self._retire(self._clients.pop(key))

    async def aclose(self) -> None:
        """Ends what is running and closes every socket. A later request opens new ones."""
        for call in list(self._calls):
            await call.close()
        clients, self._clients = list(self._clients.values()), {}
        for client in clients:
            await client.http.aclose()
        while self._closing:
            await asyncio.wait(self._closing)

    async def _prepared(self, request: HttpRequest, accept: str) -> tuple[_Call, _Client, Headers]:
        headers = headers_as_sent(request, accept=accept)
        target = Target.of(request.url)
        if "httpx" not in sys.modules or "truststore" not in sys.modules:
            await in_daemon_thread(warm_up, name="drover-import")
        call = _Call(request, target, self._clock, self._look_every_s)
        route = _Route()
        if target.is_https or not target.is_loopback or request.reach is not None:
            route = await self._routed(target, request)
        call.take_route(route)
        return call, self._client(target, request.network.settings, route), headers

    async def _routed(self, target: Target, request: HttpRequest) -> _Route:
        """Does what may block (certificates, settings, the name) on a thread."""
        limit_s = request.connect_timeout_s
        find_route = partial(self._find_route, target, request)
        try:
            async with asyncio.timeout(limit_s):
                return await in_daemon_thread(find_route, name="drover-route")
        except TimeoutError:
            raise ConnectionFailed(
                f"The name {target.host} was not found within {limit_s:g} s.",
                phase="name", elapsed_s=limit_s, hint="Check the network.",
            ) from None  # fmt: skip

    def _find_route(self, target: Target, request: HttpRequest) -> _Route:
        network, reach = request.network, request.reach
        proxy = proxy_for(target, network.settings, network.proxy_login)
        route = _Route(
            proxy=proxy,
            tls=self._context(network) if target.is_https else None,
            proxy_tls=self._context(network) if proxy is not None and proxy.is_https else None,
        )
        if reach is None and target.is_loopback:
            return route
        literal = [] if target.address is None else [target.address]
        addresses = look_up(target) if proxy is None else literal
        if reach is not None and not all(map(reach.allows, addresses)):
            raise not_public(target)
        return replace(route, addresses=tuple(map(str, addresses)))

    def _context(self, network: NetworkAccess) -> ssl.SSLContext:
        """The one context for these settings, as long as neither they nor their files change."""
        stamp = (tls.files_stamp(network.settings), network.passphrase)
        known = self._contexts.get(network.settings)
        if known is not None and known[0] == stamp:
            return known[1]
        context = tls.client_context(network.settings, network.passphrase)
        self._contexts[network.settings] = (stamp, context)
        return context

    def _client(self, target: Target, settings: NetworkSettings, route: _Route) -> _Client:
        key = (settings, target.is_https, route.proxy is not None)
        client = self._clients.get(key)
        if client is None or not client.fits(route):
            if client is not None:
                self._retire(client)
            client = self._clients[key] = _Client(route, _new_client(route))
        return client

    def _release(self, client: _Client, call: _Call) -> None:
        client.uses -= 1
        if call.was_cut_short_at_proxy:
            # httpcore keeps a connection that was given up on its way through a proxy for ever.
            for key in [key for key, known in self._clients.items() if known is client]:
                del self._clients[key]
            client.is_retired = True
        if client.is_retired:
            self._retire(client)

    def _retire(self, client: _Client) -> None:
        client.is_retired = True
        if not client.uses:
            task = asyncio.create_task(client.http.aclose(), name="drover-http-close")
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)


_LOOK_AGAIN: Any = object()
"""An item that says nothing: the limit has moved, or the task has ended."""


@dataclass(slots=True, eq=False)
class _Arrival:
    """Bytes of the body that nobody has taken yet."""

    at_ms: float
    data: bytearray


_Item: TypeAlias = _Arrival | HttpResponse | DroverError | Exception | None


class _Call:
    """One request on the wire, and the iterator of its body.

    httpx works in a task of its own that is cancelled at most once, since a second cancellation while it
    closes leaks the connection (encode/httpx#2139). The caller may be cancelled as often as anyone likes.
    """

    def __init__(
        self, request: HttpRequest, target: Target, clock: Callable[[], float], look_every_s: float
    ) -> None:
        self._request = request
        self._target = target
        self._clock = clock
        self._look_every_s = look_every_s
        self._proxy: Proxy | None = None
        self._is_tunnel_open = False
        self._stream: Any = None  # what was connected for this call, until there is an answer
        self._started_s = started_s = clock()
        self._phase = "tcp"
        self._had_grace = False
        self._connect_ms: float | None = None
        self._has_head = False
        self._has_body = False
        self._deadline_s = started_s + request.connect_timeout_s
        self._items: asyncio.Queue[_Item] = asyncio.Queue(_QUEUED_CHUNKS)
        self._newest: _Arrival | None = None  # until it is taken; what arrives meanwhile joins it
        self._task: asyncio.Task[None] | None = None
        self._alarm: asyncio.TimerHandle | None = None
        self._alarm_s = 0.0

    @property
    def was_cut_short_at_proxy(self) -> bool:
        """Whether it ended between a proxy and an answer."""
        return self._proxy is not None and not self._has_head

    def take_route(self, route: _Route) -> None:
        """The way to the server, before `start`."""
        self._proxy = route.proxy
        if route.addresses and self._target.address is None:
            self._pass(Layer.NAME, _some(route.addresses))

    def start(self, client: httpx.AsyncClient, headers: Headers) -> None:
        """Begins to connect and send."""
        self._task = asyncio.create_task(self._run(client, headers), name="drover-http")
        self._task.add_done_callback(self._wake)

    async def head(self) -> HttpResponse:
        """Waits for status and headers. Raises for a redirect too."""
        response = await self._next()
        assert isinstance(response, HttpResponse)
        location = response.header("location")
        if response.status == _LOGIN_WANTED and self._proxy is not None:
            sentence, hint = _login_words(self._proxy)
            raise ConnectionFailed(sentence, phase="proxy", elapsed_s=self._elapsed_s(), hint=hint)
        if response.status in _REDIRECTS and location:
            raise _redirected(self._request.url, self._target, location)
        self._deadline_s = max(self._deadline_s, self._clock() + self._request.idle_timeout_s)
        self._pass(Layer.HTTP, f"{response.http_version}, status {response.status}.")
        return response

    def __aiter__(self) -> _Call:
        return self

    async def __anext__(self) -> tuple[float, bytes]:
        if self._has_body:
            self._deadline_s = self._clock() + self._request.idle_timeout_s
        item = await self._next()
        if item is None:
            raise StopAsyncIteration
        assert isinstance(item, _Arrival)
        if item is self._newest:
            self._newest = None
        if not self._has_body:
            self._has_body = True
            self._phase = "idle"
        return item.at_ms, bytes(item.data)

    async def close(self) -> None:
        """Closes the response and returns when its socket is closed. May be called again."""
        self._disarm()
        task = self._task
        if task is None or task.done():
            return
        task.cancel()
        cancelled: asyncio.CancelledError | None = None
        limit_s = time.monotonic() + _CLOSE_LIMIT_S
        while not task.done() and time.monotonic() < limit_s:
            try:
                await asyncio.wait({task}, timeout=limit_s - time.monotonic())
            except asyncio.CancelledError as error:
                cancelled = error
        if cancelled is not None:
            raise cancelled

    async def _run(self, client: httpx.AsyncClient, headers: Headers) -> None:
        request = self._request
        content: bytes | _Pieces | None = request.body or None
        if len(request.body) > _PIECE_BYTES:
            content = _Pieces(request.body)
            headers = (*headers, ("Content-Length", str(len(request.body))))
        try:
            async with client.stream(
                request.method, request.url, headers=headers, content=content,
                extensions={"trace": self._trace},
            ) as response:  # fmt: skip
                self._has_head = True
                self._stream = None
                await self._items.put(self._response(response))
                # Without a coding to undo, httpx's own layers would cost as much as all that reads the bytes.
                is_coded = "content-encoding" in response.headers
                body = response.aiter_bytes() if is_coded else cast("httpx.AsyncByteStream", response.stream)
                async for data in body:
                    # A packet holds as many pieces as the server made of it; they go on together.
                    newest = self._newest
                    if newest is not None and len(newest.data) < _JOINED_BYTES:
                        newest.data += data
                    else:
                        self._newest = newest = _Arrival(self._elapsed_ms(), bytearray(data))
                        await self._items.put(newest)
            await self._items.put(None)
        except Exception as error:
            await self._items.put(self._explained(error))
        finally:
            await self._hang_up()

    async def _hang_up(self) -> None:
        """Closes what httpcore leaves open when it is stopped in a handshake with a server or a proxy."""
        stream, self._stream = self._stream, None
        if stream is not None:
            with suppress(Exception):
                await stream.aclose()

    def _response(self, response: httpx.Response) -> HttpResponse:
        headers = tuple(
            (name.decode("latin-1"), value.decode("latin-1")) for name, value in response.headers.raw
        )
        return HttpResponse(
            self,
            status=response.status_code,
            headers=headers,
            http_version=response.http_version,
            connect_ms=self._connect_ms,
            first_byte_ms=self._elapsed_ms(),
            tls=tls.connection_words(response.extensions["network_stream"].get_extra_info("ssl_object")),
        )

    async def _trace(self, event: str, info: dict[str, Any]) -> None:
        """Follows httpcore's progress: marks times and layers, and moves on to the next limit."""
        name, _, stage = event.rpartition(".")
        step = name.rpartition(".")[2]
        if stage == "started":
            self._begin(step, info)
        elif stage == "complete":
            await self._complete(step, info)

    def _begin(self, step: str, info: dict[str, Any]) -> None:
        if step in ("connect_tcp", "setup_socks5_connection"):
            self._phase = "proxy" if self._proxy else "tcp"
        elif step == "start_tls":
            self._phase = "proxy" if self._is_to_proxy() else "tls"
        elif step in ("send_request_headers", "receive_response_headers"):
            if info["request"].method == b"CONNECT":
                self._phase = "proxy"
            elif step == "receive_response_headers":
                self._phase = "first_byte"
            else:
                self._phase = "send"
                self._deadline_s = self._clock() + self._request.first_byte_timeout_s
                self._wake()

    async def _complete(self, step: str, info: dict[str, Any]) -> None:
        if step in ("connect_tcp", "start_tls"):
            self._stream = stream = info["return_value"]
            if step == "connect_tcp":
                await self._check_peer(stream)
            self._connect_ms = self._elapsed_ms()
            self._tell_connected(step, stream)
        elif step == "setup_socks5_connection" or (
            step == "receive_response_headers"
            and self._phase == "proxy"
            and info["return_value"][1] // 100 == 2
        ):
            self._is_tunnel_open = True
            self._pass(Layer.PROXY, f"{self._proxy.url if self._proxy else ''} lets the connection through.")

    def _is_to_proxy(self) -> bool:
        """Whether what is encrypted is the connection to the proxy itself."""
        return self._proxy is not None and self._proxy.is_https and not self._is_tunnel_open

    def _tell_connected(self, step: str, stream: Any) -> None:
        if step == "connect_tcp":
            peer = stream.get_extra_info("server_addr")
            address = f"{peer[0]} port {peer[1]}" if peer else self._target.label
            self._pass(Layer.TCP, f"{address}, the proxy." if self._proxy else f"{address}.")
        elif not self._is_to_proxy():
            self._pass(Layer.TLS, f"{tls.connection_words(stream.get_extra_info('ssl_object'))}.")

    def _pass(self, layer: Layer, words: str) -> None:
        if self._request.passed is not None:
            self._request.passed(Passed(layer=layer, words=words, at_ms=self._elapsed_ms()))

    async def _check_peer(self, stream: Any) -> None:
        """A name may point elsewhere by now than when it was looked up: what counts is who was reached."""
        reach = self._request.reach
        if reach is None or self._proxy:
            return
        peer = stream.get_extra_info("server_addr")
        if not peer or not reach.allows(ipaddress.ip_address(peer[0])):
            await stream.aclose()
            raise not_public(self._target)

    def _wake(self, _task: object = None) -> None:
        """Makes a waiting reader look again; one that is not waiting will do so anyway."""
        if self._items.empty():
            self._items.put_nowait(_LOOK_AGAIN)

    async def _next(self) -> _Arrival | HttpResponse | None:
        item = await self._next_item()
        if isinstance(item, Exception):
            raise item
        return item

    async def _next_item(self) -> _Item:
        while True:
            if self._items.empty() and (self._task is None or self._task.done()):
                return ConnectionFailed(
                    f"The connection to {self._target.label} was closed.",
                    phase="stream",
                    elapsed_s=self._elapsed_s(),
                )
            if self._items.empty():
                if self._is_over():
                    return self._timed_out()
                self._arm()
            item = await self._items.get()
            if item is not _LOOK_AGAIN:
                return item

    def _is_over(self) -> bool:
        """Whether the time is up. What came in while the computer slept still gets a moment to be read."""
        now_s = self._clock()
        if now_s < self._deadline_s:
            return False
        if now_s - self._deadline_s > self._look_every_s and not self._had_grace:
            self._had_grace = True
            self._deadline_s = now_s + min(_GRACE_S, self._request.idle_timeout_s)
            return False
        return True

    def _arm(self) -> None:
        """Sees to it that a waiting reader looks again when its time is up.

        One timer goes off now and then for all the waits of a body: a timer for each would cost more than
        the bytes that are waited for.
        """
        if self._alarm is not None and self._alarm_s <= self._deadline_s:
            return
        self._disarm()
        self._alarm_s = self._deadline_s
        delay_s = max(0.0, self._deadline_s - self._clock())
        self._alarm = asyncio.get_running_loop().call_later(min(delay_s, self._look_every_s), self._go_off)

    def _disarm(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None

    def _go_off(self) -> None:
        self._alarm = None
        self._wake()

    def _elapsed_s(self) -> float:
        return self._clock() - self._started_s

    def _elapsed_ms(self) -> float:
        return self._elapsed_s() * 1000.0

    def _timed_out(self) -> ConnectionFailed:
        sentence, hint = _TIMEOUTS[self._phase]
        limits_s = {"send": self._request.first_byte_timeout_s, "idle": self._request.idle_timeout_s}
        limits_s["first_byte"] = self._request.first_byte_timeout_s
        limit_s = limits_s.get(self._phase, self._request.connect_timeout_s)
        where = self._proxy.url if self._phase == "proxy" and self._proxy else self._target.label
        return ConnectionFailed(
            sentence.format(where=where, limit=f"{limit_s:g} s"),
            phase=self._phase,
            elapsed_s=self._elapsed_s(),
            hint=hint,
        )

    def _explained(self, error: Exception) -> Exception:
        """The error in words; anything that is not about the connection is a bug and stays as it is."""
        import httpx

        if isinstance(error, httpx.InvalidURL | httpx.UnsupportedProtocol | UnicodeError):
            return ConfigurationError(f"{redact(self._request.url)!r} is not an address that can be reached.")
        if isinstance(error, httpx.DecodingError):
            return ProtocolError(
                f"The answer of {self._target.label} is compressed in a way that cannot be read."
            )
        # Words that are no reply of a proxy make the library for SOCKS raise what it likes.
        is_proxy = self._phase == "proxy" and not self._has_head
        if not is_proxy and not isinstance(error, httpx.TransportError | OSError):
            return error
        sentence, hint = self._words(error)
        phase = self._failed_phase(error)
        return ConnectionFailed(
            redact(sentence),
            phase=phase,
            elapsed_s=self._elapsed_s(),
            hint=hint,
            is_passing=_is_passing(phase, error),
        )

    def _failed_phase(self, error: Exception) -> str:
        """The phase of `ConnectionFailed` in which this came."""
        import httpx

        is_nonsense = isinstance(error, httpx.RemoteProtocolError) and _NO_ANSWER not in str(error)
        if self._has_head:
            return "stream"
        return "http" if self._phase == "first_byte" and is_nonsense else self._phase

    def _words(self, error: Exception) -> tuple[str, str]:

        where = self._target.label
        phase = self._failed_phase(error)
        shows_certificate = bool(self._request.network.settings.certificate_file)
        if phase not in ("proxy", "tls") and self._target.is_https:
            alert = tls.alert_words(error, where, shows_certificate=shows_certificate)
            if alert is not None:
                return alert
        match phase:
            case "proxy" if self._proxy is not None:
                return _proxy_words(error, self._proxy, where)
            case "tcp":
                return f"No connection to {where}: {_reason(error)}.", _SERVER_HINT
            case "tls":
                return tls.failure_words(error, where, shows_certificate=shows_certificate)
            case "send":
                return f"{where} closed the connection while the request was being sent.", "Try again."
            case "http":
                return f"{where} does not answer in HTTP.", "Check the port, and whether it wants https."
            case "first_byte":
                return (
                    f"{where} closed the connection without an answer.",
                    "Try again. The server may have crashed.",
                )
            case _:
                return (
                    f"{where} broke off in the middle of the answer, after {self._elapsed_s():.1f} s.",
                    "What had arrived is kept. Try again.",
                )


_NO_ANSWER = "without sending a response"
"""What httpcore says where the connection ended before the head of an answer was whole."""
_SERVER_HINT = "Check the address, and that the server is running."
_LOGIN_HINT = "Enter them under Network, where the server is edited."
_PROXY_HINT = (
    "Check the proxy: under Network where the server is edited, in the system's settings or in HTTPS_PROXY."
)
_LIMIT_HINT = "The model may still be loading or thinking. The limit can be raised in Settings."

_TIMEOUTS = {
    "tcp": ("{where} did not accept a connection within {limit}.", _SERVER_HINT),
    "tls": ("{where} did not finish the TLS handshake within {limit}.", _SERVER_HINT),
    "proxy": ("The proxy {where} did not answer within {limit}.", _PROXY_HINT),
    "send": ("{where} did not take the request within {limit}.", "Try again."),
    "first_byte": ("{where} sent no byte of an answer within {limit}.", _LIMIT_HINT),
    "idle": ("{where} fell silent for {limit} in the middle of the answer.", _LIMIT_HINT),
}


def _new_client(route: _Route) -> httpx.AsyncClient:
    import httpx

    proxy = None
    if route.proxy is not None:
        login = (route.proxy.user, route.proxy.password) if route.proxy.user else None
        proxy = httpx.Proxy(route.proxy.url, auth=login, ssl_context=route.proxy_tls)
    transport = httpx.AsyncHTTPTransport(
        # Without TLS an empty context saves httpx from loading a bundle of certificates nobody asks for.
        verify=route.tls or ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
        proxy=proxy,
        trust_env=False,
        limits=httpx.Limits(
            max_connections=None, max_keepalive_connections=20, keepalive_expiry=_KEEPALIVE_S
        ),
        socket_options=_socket_options(),
    )
    return httpx.AsyncClient(
        transport=transport,
        # A cookie would tie one request to another, and be sent without being shown.
        cookies=CookieJar(policy=DefaultCookiePolicy(allowed_domains=[])),
        trust_env=False,
        follow_redirects=False,
        timeout=None,
    )


def _socket_options() -> list[tuple[int, int, int]]:
    """Has the system ask now and then whether a silent peer is there: one that a change of the network made
    unreachable is found out in about a minute."""
    options = [(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)]
    idle = getattr(socket, "TCP_KEEPIDLE", getattr(socket, "TCP_KEEPALIVE", None))  # macOS has the latter
    for number, value in (
        (idle, 30), (getattr(socket, "TCP_KEEPINTVL", None), 10), (getattr(socket, "TCP_KEEPCNT", None), 3)
    ):  # fmt: skip
        if number is not None:
            options.append((socket.IPPROTO_TCP, number, value))
    return options


def _some(addresses: tuple[str, ...]) -> str:
    more = len(dict.fromkeys(addresses)) - 1
    return f"{addresses[0]} and {more} more." if more else f"{addresses[0]}."


def _redirected(url: str, target: Target, location: str) -> Redirected:
    try:
        full = urljoin(url, location)
        parts = urlsplit(full)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        full, address = "", repr(redact(location[:200]))
    else:
        address = redact(f"{parts.scheme}://{parts.hostname or ''}{port}{parts.path}")
    return Redirected(
        f"{target.label} redirects to {address}.",
        location=full,
        hint="If you trust that address, make it the address of the endpoint.",
    )


def _reason(error: Exception) -> str:
    """Why a connection did not come about, as the end of a sentence."""
    for cause in tls.causes(error):
        match cause:
            case ConnectionRefusedError():
                return "the connection was refused"
            case ConnectionResetError():
                return "the connection was reset"
            case socket.gaierror():
                return "the name was not found"
            case TimeoutError():
                return "no answer in time"
            case OSError(errno=int(), strerror=str(words)) if words:
                return words[:1].lower() + words[1:]
            case _:
                pass
    return "it failed"


def _is_passing(phase: str, error: Exception) -> bool:
    """See `ConnectionFailed`."""
    import httpx

    # Exactly these: what waits for the next packet of a handshake is an SSLError of another class too.
    refusals = (ssl.SSLError, ssl.SSLCertVerificationError)
    if any(type(cause) in refusals for cause in tls.causes(error)):
        return False  # a handshake that was refused is refused again; one that was broken off may go through
    match phase:
        case "tcp" | "send" | "tls":
            return True
        case "proxy":
            return isinstance(error, httpx.TransportError | OSError) and not isinstance(
                error, httpx.ProxyError
            )
        case "first_byte":
            return isinstance(error, httpx.ReadError) or _NO_ANSWER in str(error)
        case _:
            return False


def _login_words(proxy: Proxy) -> tuple[str, str]:
    if proxy.user:
        return f"The proxy {proxy.url} does not accept the user name and the password.", _LOGIN_HINT
    return f"The proxy {proxy.url} asks for a user name and a password.", _LOGIN_HINT


def _proxy_words(error: Exception, proxy: Proxy, where: str) -> tuple[str, str]:
    import httpx

    said = str(error) if isinstance(error, httpx.ProxyError) else ""
    if said.startswith((str(_LOGIN_WANTED), "Requested NO AUTH")) or "username/password" in said.lower():
        return _login_words(proxy)
    if any(isinstance(cause, ssl.SSLError) for cause in tls.causes(error)):
        return tls.failure_words(error, f"the proxy {proxy.url}", shows_certificate=False)
    if isinstance(error, httpx.RemoteProtocolError) and "illegal" in str(error):
        return f"The proxy {proxy.url} does not answer in HTTP.", _PROXY_HINT
    if not isinstance(error, httpx.TransportError | OSError):
        return f"The proxy {proxy.url} does not answer in SOCKS 5.", _PROXY_HINT
    reason = said.removeprefix("Proxy Server could not connect: ").rstrip(".") or _reason(error)
    return f"The proxy {proxy.url} does not let a connection to {where} through: {reason}.", _PROXY_HINT
