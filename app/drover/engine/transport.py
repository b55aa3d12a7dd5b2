"""HTTP for model servers: one request out, a stream of bytes with time marks back, every trouble in words.

httpx and truststore are imported at the first request, not with this module: start-up must not pay for them.
"""

from __future__ import annotations

import asyncio
import ipaddress
import os
import re
import socket
import ssl
import sys
import time
import urllib.request
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import TYPE_CHECKING, Any, TypeAlias, cast
from urllib.parse import urljoin, urlsplit

from drover import __version__
from drover.engine.threads import in_daemon_thread
from drover.errors import ConfigurationError, ConnectionFailed, DroverError, ProtocolError, Redirected
from drover.log import redact

if TYPE_CHECKING:
    import httpx

_REDIRECTS = (301, 302, 303, 307, 308)
_QUEUED_CHUNKS = 64
_JOINED_BYTES = 64 * 1024
_CLOSE_LIMIT_S = 2.0
# Many servers drop an idle connection after 5 s; a request sent on it at that very moment would be lost.
_KEEPALIVE_S = 4.0
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_FIELD_VALUE = re.compile(r"[\x21-\x7e](?:[\x20-\x7e\t]*[\x21-\x7e])?|")

Headers: TypeAlias = tuple[tuple[str, str], ...]
_Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
_Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicOnly:
    """Keeps a request on the public internet: away from this machine, its router and its neighbours."""

    except_for: tuple[_Network, ...] = ()
    """Networks that may be reached although they are not public."""

    def allows(self, address: _Address) -> bool:
        """Whether this address may be talked to. One that wraps an IPv4 address counts as that."""
        if any(address.version == network.version and address in network for network in self.except_for):
            return True
        wrapped = _wrapped(address)
        if wrapped is not None:
            return self.allows(wrapped)
        return address.is_global and not address.is_multicast


def _wrapped(address: _Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address that packets to this IPv6 address end at, if any."""
    if address.version == 4:
        return None
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)


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


def warm_up() -> None:
    """Imports what the first request needs (some 150 ms). May be called from any thread; optional."""
    import httpx
    import truststore  # noqa: F401

    _ = httpx.AsyncClient


class HttpResponse:
    """The head of a response; the body follows through `chunks`. Valid inside `Transport.stream` only."""

    __slots__ = ("_call", "connect_ms", "first_byte_ms", "headers", "http_version", "status")

    def __init__(
        self, call: _Call, *, status: int, headers: Headers, http_version: str, connect_ms: float | None,
        first_byte_ms: float,
    ) -> None:  # fmt: skip
        """Times are milliseconds since the request was handed to the network, as in `Timing`."""
        self._call = call
        self.status = status
        self.headers = headers
        self.http_version = http_version
        self.connect_ms = connect_ms
        self.first_byte_ms = first_byte_ms

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


class Transport:
    """Sends requests on one event loop. Cheap to make; whoever makes it calls `aclose`.

    Proxies come from the environment or the system, certificates from its store and `SSL_CERT_FILE`.
    Loopback is never reached through a proxy. Redirects are reported, not followed.
    """

    def __init__(self) -> None:
        self._clients: dict[tuple[str | None, bool], httpx.AsyncClient] = {}
        self._tls: ssl.SSLContext | None = None
        self._calls: set[_Call] = set()

    @asynccontextmanager
    async def stream(
        self, request: HttpRequest, *, accept: str = "text/event-stream"
    ) -> AsyncIterator[HttpResponse]:
        """Sends the request; the context holds the response and closes it, whatever happens inside.

        A cancelled or abandoned stream closes its socket at once, so the server stops generating.
        Raises ConfigurationError for what the person can set right, ConnectionFailed for the rest.
        """
        call = await self._start(request, accept)
        self._calls.add(call)
        try:
            yield await call.head()
        finally:
            try:
                await call.close()
            finally:
                self._calls.discard(call)

    async def fetch(
        self, request: HttpRequest, *, limit_bytes: int = 1_000_000
    ) -> tuple[int, Headers, bytes]:
        """Status, headers and whole body of a small response; ProtocolError for a body over the limit."""
        async with self.stream(request, accept="application/json") as response:
            body = await response.read(limit_bytes + 1)
        if len(body) > limit_bytes:
            raise ProtocolError(
                f"The answer of {_Target.of(request.url).label} is larger than {limit_bytes:,} bytes.",
                offending=body[:200],
            )
        return response.status, response.headers, body

    async def aclose(self) -> None:
        """Ends what is running and closes every socket. A later request opens new ones."""
        for call in list(self._calls):
            await call.close()
        clients, self._clients = list(self._clients.values()), {}
        for client in clients:
            await client.aclose()

    async def _start(self, request: HttpRequest, accept: str) -> _Call:
        headers = headers_as_sent(request, accept=accept)
        target = _Target.of(request.url)
        if "httpx" not in sys.modules or "truststore" not in sys.modules:
            await in_daemon_thread(warm_up, name="drover-import")
        started_s = time.monotonic()
        proxy = None
        if target.is_https or not target.is_loopback or request.reach is not None:
            proxy = await self._prepare(target, request)
        call = _Call(request, target, proxy, started_s)
        call.start(self._client(target, proxy), headers)
        return call

    async def _prepare(self, target: _Target, request: HttpRequest) -> str | None:
        """Does what may block (certificates, settings, the name) on a thread; returns the proxy's URL."""
        limit_s = request.connect_timeout_s
        find_route = partial(self._find_route, target, request.reach)
        try:
            async with asyncio.timeout(limit_s):
                return await in_daemon_thread(find_route, name="drover-route")
        except TimeoutError:
            raise ConnectionFailed(
                f"The name {target.host} was not found within {limit_s:g} s.",
                phase="name", elapsed_s=limit_s, hint="Check the network.",
            ) from None  # fmt: skip

    def _find_route(self, target: _Target, reach: PublicOnly | None) -> str | None:
        if target.is_https and self._tls is None:
            self._tls = _tls_context()
        proxy = None if target.is_loopback else _proxy_for(target)
        if reach is None and target.is_loopback:
            return None
        literal = [] if target.address is None else [target.address]
        addresses = _look_up(target) if proxy is None else literal
        if reach is not None and not all(map(reach.allows, addresses)):
            raise _not_public(target)
        return proxy

    def _client(self, target: _Target, proxy: str | None) -> httpx.AsyncClient:
        key = (proxy, target.is_https)
        client = self._clients.get(key)
        if client is None:
            client = self._clients[key] = _new_client(proxy, self._tls if target.is_https else None)
        return client


@dataclass(frozen=True, slots=True, kw_only=True)
class _Target:
    """Where a request goes."""

    scheme: str
    host: str
    port: int
    label: str
    """Host, and port if it is not the usual one, for sentences."""

    @staticmethod
    def of(url: str) -> _Target:
        """Raises ConfigurationError for what is no http or https address."""
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError:
            host = port = None
            parts = urlsplit("")
        if parts.scheme not in ("http", "https") or not host:
            raise ConfigurationError(
                f"{redact(url)!r} is not an http or https address.",
                hint="It should look like https://host/v1.",
            )
        usual = 443 if parts.scheme == "https" else 80
        shown = f"[{host}]" if ":" in host else host
        return _Target(
            scheme=parts.scheme,
            host=host,
            port=port or usual,
            label=shown if port in (None, usual) else f"{shown}:{port}",
        )

    @property
    def is_https(self) -> bool:
        return self.scheme == "https"

    @property
    def address(self) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
        """The host if it is a number, else None."""
        try:
            return ipaddress.ip_address(self.host)
        except ValueError:
            return None

    @property
    def is_loopback(self) -> bool:
        """Whether the server runs on this very machine (0.0.0.0, often pasted from a log, reaches it too)."""
        if self.address is not None:
            return self.address.is_loopback or self.address.is_unspecified
        return self.host == "localhost" or self.host.endswith(".localhost")


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

    def __init__(self, request: HttpRequest, target: _Target, proxy: str | None, started_s: float) -> None:
        self._request = request
        self._target = target
        self._proxy = proxy
        self._started_s = started_s
        self._phase = "tcp"
        self._connect_ms: float | None = None
        self._has_head = False
        self._has_body = False
        self._deadline_s = started_s + request.connect_timeout_s
        self._items: asyncio.Queue[_Item] = asyncio.Queue(_QUEUED_CHUNKS)
        self._newest: _Arrival | None = None  # until it is taken; what arrives meanwhile joins it
        self._task: asyncio.Task[None] | None = None
        self._alarm: asyncio.TimerHandle | None = None
        self._alarm_s = 0.0

    def start(self, client: httpx.AsyncClient, headers: Headers) -> None:
        """Begins to connect and send."""
        self._task = asyncio.create_task(self._run(client, headers), name="drover-http")
        self._task.add_done_callback(self._wake)

    async def head(self) -> HttpResponse:
        """Waits for status and headers. Raises for a redirect too."""
        response = await self._next()
        assert isinstance(response, HttpResponse)
        location = response.header("location")
        if response.status in _REDIRECTS and location:
            raise _redirected(self._request.url, self._target, location)
        self._deadline_s = max(self._deadline_s, time.monotonic() + self._request.idle_timeout_s)
        return response

    def __aiter__(self) -> _Call:
        return self

    async def __anext__(self) -> tuple[float, bytes]:
        if self._has_body:
            self._deadline_s = time.monotonic() + self._request.idle_timeout_s
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
        try:
            async with client.stream(
                request.method, request.url, headers=headers, content=request.body or None,
                extensions={"trace": self._trace},
            ) as response:  # fmt: skip
                self._has_head = True
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
        )

    async def _trace(self, event: str, info: dict[str, Any]) -> None:
        """Follows httpcore's progress: marks times and moves on to the next limit."""
        name, _, stage = event.rpartition(".")
        step = name.rpartition(".")[2]
        if stage == "complete" and step == "connect_tcp" and self._request.reach and not self._proxy:
            await self._check_peer(info["return_value"], self._request.reach)
        if stage == "complete" and step in ("connect_tcp", "start_tls"):
            self._connect_ms = self._elapsed_ms()
        elif stage == "started" and step == "connect_tcp":
            self._phase = "proxy" if self._proxy else "tcp"
        elif stage == "started" and step == "start_tls":
            self._phase = "tls"
        elif stage == "started" and step in ("send_request_headers", "receive_response_headers"):
            if info["request"].method == b"CONNECT":
                self._phase = "proxy"
            elif step == "receive_response_headers":
                self._phase = "first_byte"
            else:
                self._phase = "send"
                self._deadline_s = time.monotonic() + self._request.first_byte_timeout_s
                self._wake()

    async def _check_peer(self, stream: Any, reach: PublicOnly) -> None:
        """A name may point elsewhere by now than when it was looked up: what counts is who was reached."""
        peer = stream.get_extra_info("server_addr")
        if not peer or not reach.allows(ipaddress.ip_address(peer[0])):
            await stream.aclose()
            raise _not_public(self._target)

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
                if time.monotonic() >= self._deadline_s:
                    return self._timed_out()
                self._arm()
            item = await self._items.get()
            if item is not _LOOK_AGAIN:
                return item

    def _arm(self) -> None:
        """Sees to it that a waiting reader looks again when its time is up.

        One timer goes off now and then for all the waits of a body: a timer for each would cost more than
        the bytes that are waited for.
        """
        if self._alarm is not None and self._alarm_s <= self._deadline_s:
            return
        self._disarm()
        self._alarm_s = self._deadline_s
        delay_s = max(0.0, self._deadline_s - time.monotonic())
        self._alarm = asyncio.get_running_loop().call_later(delay_s, self._go_off)

    def _disarm(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None

    def _go_off(self) -> None:
        self._alarm = None
        self._wake()

    def _elapsed_s(self) -> float:
        return time.monotonic() - self._started_s

    def _elapsed_ms(self) -> float:
        return self._elapsed_s() * 1000.0

    def _timed_out(self) -> ConnectionFailed:
        sentence, hint = _TIMEOUTS[self._phase]
        limits_s = {"send": self._request.first_byte_timeout_s, "idle": self._request.idle_timeout_s}
        limits_s["first_byte"] = self._request.first_byte_timeout_s
        limit_s = limits_s.get(self._phase, self._request.connect_timeout_s)
        where = _shown_proxy(self._proxy) if self._phase == "proxy" and self._proxy else self._target.label
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
        if not isinstance(error, httpx.TransportError | OSError):
            return error
        sentence, hint = self._words(error)
        phase = "stream" if self._has_head else self._phase
        return ConnectionFailed(
            redact(sentence),
            phase=phase,
            elapsed_s=self._elapsed_s(),
            hint=hint,
            is_passing=_is_passing(phase, error),
        )

    def _words(self, error: Exception) -> tuple[str, str]:
        import httpx

        where = self._target.label
        match "stream" if self._has_head else self._phase:
            case "proxy":
                proxy = _shown_proxy(self._proxy or "")
                said = str(error) if isinstance(error, httpx.ProxyError) else _reason(error)
                return f"The proxy {proxy} does not let a connection to {where} through: {said}.", _PROXY_HINT
            case "tcp":
                return f"No connection to {where}: {_reason(error)}.", _SERVER_HINT
            case "tls":
                return _tls_words(error, where)
            case "send":
                return f"{where} closed the connection while the request was being sent.", "Try again."
            case "first_byte" if "illegal" in str(error):
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


_SERVER_HINT = "Check the address, and that the server is running."
_PROXY_HINT = "Check the proxy in the system's settings or in HTTPS_PROXY, or list the host in NO_PROXY."
_LIMIT_HINT = "The model may still be loading or thinking. The limit can be raised in Settings."

_TIMEOUTS = {
    "tcp": ("{where} did not accept a connection within {limit}.", _SERVER_HINT),
    "tls": ("{where} did not finish the TLS handshake within {limit}.", _SERVER_HINT),
    "proxy": ("The proxy {where} did not answer within {limit}.", _PROXY_HINT),
    "send": ("{where} did not take the request within {limit}.", "Try again."),
    "first_byte": ("{where} sent no byte of an answer within {limit}.", _LIMIT_HINT),
    "idle": ("{where} fell silent for {limit} in the middle of the answer.", _LIMIT_HINT),
}


def _new_client(proxy: str | None, tls: ssl.SSLContext | None) -> httpx.AsyncClient:
    import httpx

    # Without TLS an empty context saves httpx from loading a bundle of certificates nobody asks for.
    context = tls or ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        return httpx.AsyncClient(
            verify=context,
            proxy=None if proxy is None else httpx.Proxy(proxy, ssl_context=_proxy_tls(proxy)),
            # A cookie would tie one request to another, and be sent without being shown.
            cookies=CookieJar(policy=DefaultCookiePolicy(allowed_domains=[])),
            trust_env=False,
            follow_redirects=False,
            timeout=None,
            limits=httpx.Limits(
                max_connections=None, max_keepalive_connections=20, keepalive_expiry=_KEEPALIVE_S
            ),
        )
    except (ValueError, ImportError, httpx.InvalidURL):
        raise _bad_proxy(proxy or "") from None


def _proxy_tls(proxy: str) -> ssl.SSLContext | None:
    return _tls_context() if proxy.lower().startswith("https:") else None


def _tls_context() -> ssl.SSLContext:
    """Trusts what the system trusts, and the certificates of `SSL_CERT_FILE` if that is set."""
    import truststore

    context = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    extra = os.environ.get("SSL_CERT_FILE")
    if extra:
        try:
            context.load_verify_locations(cafile=extra)
        except OSError:  # ssl.SSLError is one
            raise ConfigurationError(
                f"SSL_CERT_FILE names {extra}, which is not a readable file of certificates.",
                hint="Correct or unset SSL_CERT_FILE and start Drover again.",
            ) from None
    return context


def _proxy_for(target: _Target) -> str | None:
    """The URL of the proxy for this target, None for a direct connection.

    urllib knows the settings of Windows and macOS too, with their lists of exceptions, which httpx ignores.
    """
    proxies = urllib.request.getproxies()
    proxy = proxies.get(target.scheme) or proxies.get("all")
    if not proxy or urllib.request.proxy_bypass(target.host):
        return None
    if "://" not in proxy:
        proxy = f"http://{proxy}"
    try:
        parts = urlsplit(proxy)
        is_usable = bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        is_usable = False
    if not is_usable or parts.scheme not in ("http", "https", "socks5", "socks5h"):
        raise _bad_proxy(proxy)
    return proxy


def _bad_proxy(proxy: str) -> ConfigurationError:
    names = [name for name in os.environ if name.lower() in ("http_proxy", "https_proxy", "all_proxy")]
    bare = proxy.rpartition("://")[2]
    origin = next((name for name in names if os.environ[name].rpartition("://")[2] == bare), None)
    return ConfigurationError(
        f"The proxy {_shown_proxy(proxy)} from {origin or 'the system settings'} cannot be used: "
        "Drover goes through HTTP proxies only.",
        hint="Use an address such as http://host:port, or list the server in NO_PROXY.",
    )


def _shown_proxy(proxy: str) -> str:
    """The address without user name and password."""
    scheme, separator, rest = proxy.rpartition("://")
    return f"{scheme}{separator}{rest.rpartition('@')[2]}"


def _look_up(target: _Target) -> list[_Address]:
    """The addresses of the host, asked for on this thread: a resolver may take half a minute to say no."""
    if target.address is not None:
        return [target.address]
    started_s = time.monotonic()
    try:
        found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
        return [ipaddress.ip_address(str(address[0])) for *_, address in found]
    except UnicodeError:
        raise ConfigurationError(f"{target.host!r} cannot be the name of a server.") from None
    except socket.gaierror as error:
        is_offline = error.errno == getattr(socket, "EAI_AGAIN", None)
        raise ConnectionFailed(
            f"The name {target.host} was not found.",
            phase="name",
            elapsed_s=time.monotonic() - started_s,
            hint="Check the network." if is_offline else "Check the address, then the network.",
        ) from None


def _not_public(target: _Target) -> ConfigurationError:
    return ConfigurationError(f"{target.label} is this computer or one in its own network.")


def _redirected(url: str, target: _Target, location: str) -> Redirected:
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


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error, and what it was raised for, outermost first."""
    pending: list[BaseException | None] = [error]
    seen: set[int] = set()
    while pending:
        current = pending.pop(0)
        if current is None or id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        if isinstance(current, BaseExceptionGroup):
            pending.extend(current.exceptions)
        pending.extend((current.__cause__, current.__context__))


def _reason(error: Exception) -> str:
    """Why a connection did not come about, as the end of a sentence."""
    for cause in _causes(error):
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

    match phase:
        case "tcp" | "send":
            return True
        case "tls":  # a handshake that was refused is refused again; one that was broken off may go through
            said = [cause for cause in _causes(error) if isinstance(cause, ssl.SSLError)]
            return all(isinstance(cause, ssl.SSLEOFError) for cause in said)
        case "proxy":
            return not isinstance(error, httpx.ProxyError)
        case "first_byte":
            return isinstance(error, httpx.ReadError) or "without sending" in str(error)
        case _:
            return False


def _tls_words(error: Exception, where: str) -> tuple[str, str]:
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            problem = cause.verify_message or str(cause)
            return (
                f"The certificate of {where} is not trusted: {problem}.",
                "Check the address. A certificate of your own organisation belongs in the system's store "
                "or in SSL_CERT_FILE.",
            )
        if isinstance(cause, ssl.SSLError) and cause.reason in ("WRONG_VERSION_NUMBER", "HTTP_REQUEST"):
            return f"{where} does not speak TLS.", "Try the address with http:// instead of https://."
    reasons = [cause.reason for cause in _causes(error) if isinstance(cause, ssl.SSLError) and cause.reason]
    said = reasons[0].replace("_", " ").lower() if reasons else "the server broke off"
    return f"No secure connection to {where}: {said}.", _SERVER_HINT
