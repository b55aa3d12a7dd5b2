"""Servers that Drover knows by their addresses."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownServer:
    """A service or a program that serves models, and what tells its address."""

    name: str
    """As in `Endpoint.provider`."""
    label: str
    """Its name for people."""
    hosts: tuple[str, ...] = ()
    """`host.example` is that host, `.host.example` any host below it, `:1234` any host at that port."""
    key_variables: tuple[str, ...] = ()
    """Environment variables in which people have its key. Never read for another server."""

    def is_at(self, base_url: str) -> bool:
        """Whether the address is one of this server."""
        try:
            parts = urlsplit(base_url)
            host, port = parts.hostname or "", parts.port
        except ValueError:
            return False
        return any(
            host.endswith(known) if known.startswith(".") else known in (host, f":{port}")
            for known in self.hosts
        )


def server_at(base_url: str, servers: Iterable[KnownServer]) -> KnownServer | None:
    """The first of the servers that has this address; None where none has."""
    return next((server for server in servers if server.is_at(base_url)), None)
