"""Where a request goes: the server that its address names, and whether it may be reached."""

from __future__ import annotations

import ipaddress
import socket
import time
from dataclasses import dataclass
from typing import TypeAlias
from urllib.parse import urlsplit

from drover.errors import ConfigurationError, ConnectionFailed
from drover.log import redact

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicOnly:
    """Keeps a request on the public internet: away from this machine, its router and its neighbours."""

    except_for: tuple[Network, ...] = ()
    """Networks that may be reached although they are not public."""

    def allows(self, address: Address) -> bool:
        """Whether this address may be talked to. One that wraps an IPv4 address counts as that."""
        if any(address.version == network.version and address in network for network in self.except_for):
            return True
        wrapped = _wrapped(address)
        if wrapped is not None:
            return self.allows(wrapped)
        return address.is_global and not address.is_multicast


def _wrapped(address: Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address that packets to this IPv6 address end at, if any."""
    if address.version == 4:
        return None
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The server that an address names."""

    scheme: str
    host: str
    port: int
    label: str
    """Host, and port if it is not the usual one, for sentences."""

    @staticmethod
    def of(url: str) -> Target:
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
        return Target(
            scheme=parts.scheme,
            host=host,
            port=port or usual,
            label=shown if port in (None, usual) else f"{shown}:{port}",
        )

    @property
    def is_https(self) -> bool:
        """Whether the connection is encrypted."""
        return self.scheme == "https"

    @property
    def address(self) -> Address | None:
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


def look_up(target: Target) -> list[Address]:
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


def not_public(target: Target) -> ConfigurationError:
    """The refusal of an address that `PublicOnly` does not allow."""
    return ConfigurationError(f"{target.label} is this computer or one in its own network.")
