"""Certificates of an authority of our own, and scripted proxies on real sockets."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import datetime
import ipaddress
import ssl
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

_DAY = datetime.timedelta(days=1)


class Authority:
    """Signs certificates and keeps them as PEM files in a folder."""

    def __init__(self, folder: Path, name: str = "An authority of our own") -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _named(name)
        now = datetime.datetime.now(datetime.UTC)
        built = _builder(self._name, self._name, self._key.public_key(), now - _DAY, now + _DAY)
        built = built.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        self.file = folder / f"{name}.pem"
        self.file.write_bytes(built.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))

    def issue(self, name: str, *, host: str = "127.0.0.1", days: int = 1, passphrase: str = "") -> Path:
        """A certificate with its key in one file; one of negative days has expired."""
        key = ec.generate_private_key(ec.SECP256R1())
        now = datetime.datetime.now(datetime.UTC)
        begin = now - 30 * _DAY
        built = _builder(_named(name), self._name, key.public_key(), begin, now + days * _DAY)
        built = built.add_extension(x509.SubjectAlternativeName([_alternative(host)]), critical=False)
        certificate = built.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
        locked: serialization.KeySerializationEncryption = serialization.NoEncryption()
        if passphrase:
            locked = serialization.BestAvailableEncryption(passphrase.encode())
        private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, locked)
        path = self._folder / f"{name}.pem"
        path.write_bytes(private + certificate)
        return path


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])


def _alternative(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, begin: datetime.datetime,
    end: datetime.datetime,
) -> x509.CertificateBuilder:  # fmt: skip
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key)
    return builder.serial_number(x509.random_serial_number()).not_valid_before(begin).not_valid_after(end)


def serving(certificate: Path, *, asks_for: Authority | None = None) -> ssl.SSLContext:
    """The server's side of TLS with a certificate; wants one of the client where `asks_for` is given."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    if asks_for is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(asks_for.file)
    return context


@dataclass(eq=False)
class ScriptedProxy:
    """A proxy that leads every name to one port of this machine."""

    target_port: int
    login: str = ""
    """`user:password` that it wants; empty for none."""
    refuses: bytes = b""
    """What it says in place of letting a connection through: a status line, or the code of SOCKS."""
    stalls: bool = False
    port: int = 0
    asked: list[str] = field(default_factory=list)
    """host:port of each connection that was asked for."""
    open_count: int = 0
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    """Set whenever a connection has ended."""
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once somebody has said something."""

    async def connect_http(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Speaks HTTP CONNECT."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        self.reached.set()
        self.asked.append(head.split(" ")[1])
        wanted = f"Basic {base64.b64encode(self.login.encode()).decode()}"
        if self.stalls:
            await reader.read()
        elif self.login and wanted not in head:
            writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
        elif self.refuses:
            writer.write(b"HTTP/1.1 " + self.refuses + b"\r\nContent-Length: 0\r\n\r\n")
        else:
            await self._pipe(reader, writer, b"HTTP/1.1 200 Connection established\r\n\r\n")

    async def connect_socks(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Speaks SOCKS 5."""
        _, count = await reader.readexactly(2)
        methods = await reader.readexactly(count)
        self.reached.set()
        if self.stalls:
            await reader.read()
            return
        if self.login and 2 not in methods:
            writer.write(b"\x05\xff")
            return
        writer.write(b"\x05\x02" if self.login else b"\x05\x00")
        if self.login and not await self._knows(reader, writer):
            return
        kind = (await reader.readexactly(4))[3]
        size = 4 if kind == 1 else 16 if kind == 4 else (await reader.readexactly(1))[0]
        host = await reader.readexactly(size)
        port = int.from_bytes(await reader.readexactly(2), "big")
        self.asked.append(f"{host.decode() if kind == 3 else ipaddress.ip_address(host)}:{port}")
        if self.refuses:
            writer.write(b"\x05" + self.refuses + b"\x00\x01" + bytes(6))
        else:
            await self._pipe(reader, writer, b"\x05\x00\x00\x01" + bytes(6))

    async def _knows(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        _, size = await reader.readexactly(2)
        user = await reader.readexactly(size)
        password = await reader.readexactly((await reader.readexactly(1))[0])
        is_known = b"%s:%s" % (user, password) == self.login.encode()
        writer.write(b"\x01\x00" if is_known else b"\x01\x01")
        return is_known

    async def _pipe(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, greeting: bytes
    ) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self.target_port)
        writer.write(greeting)
        ways = [asyncio.create_task(_copy(reader, back)), asyncio.create_task(_copy(there, writer))]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            back.close()


async def _copy(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await source.read(65536):
            sink.write(data)
            await sink.drain()


@contextlib.asynccontextmanager
async def running(
    proxy: ScriptedProxy, *, is_socks: bool, tls: ssl.SSLContext | None = None
) -> AsyncIterator[ScriptedProxy]:
    """Listens on a free port of loopback."""
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        proxy.open_count += 1
        try:
            await (proxy.connect_socks if is_socks else proxy.connect_http)(reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()
            proxy.open_count -= 1
            proxy.ended.set()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(serve(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=tls)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
