"""How an endpoint is reached: through which proxy, and with which certificates."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import unquote, urlsplit

from drover.errors import ConfigurationError

PROXY_SCHEMES = ("http", "https", "socks5", "socks5h")


class ProxyMode(StrEnum):
    """Where the address of the proxy comes from. This computer itself is never reached through one."""

    SYSTEM = "system"
    """From the environment, else from the settings of the system where these can be read."""
    ENVIRONMENT = "environment"
    """From `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY` alone."""
    MANUAL = "manual"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkSettings:
    """What differs from the way of the system. Holds no secrets: these are kept as keys are."""

    proxy_mode: ProxyMode = ProxyMode.SYSTEM
    proxy_url: str = ""
    """For MANUAL: an address as `read_proxy` gives it."""
    proxy_has_login: bool = False
    """Whether the proxy wants a user name and a password, which are kept apart."""
    ca_file: str = ""
    """A PEM file of authorities that are trusted besides those of the system."""
    certificate_file: str = ""
    """A PEM file with the certificate that this client shows to the server."""
    key_file: str = ""
    """A PEM file with its private key; empty if that is in `certificate_file`."""
    key_is_encrypted: bool = False
    """Whether the key needs a passphrase, which is kept apart."""


AS_THE_SYSTEM = NetworkSettings()


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkSecrets:
    """What a person entered to go with NetworkSettings; None for what is to stay as it is kept."""

    proxy_login: str | None = field(default=None, repr=False)
    """`user:password`; empty to forget it."""
    passphrase: str | None = field(default=None, repr=False)
    """Of the key of the client certificate; empty to forget it."""


UNCHANGED = NetworkSecrets()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadProxy:
    """The address of a proxy as a person gave it, taken apart."""

    url: str
    """With scheme, host and port, and nothing else."""
    user: str
    password: str


def read_proxy(text: str) -> ReadProxy:
    """A proxy from what people paste: with or without scheme, perhaps with a login. `http://` is the default.

    Raises ConfigurationError in words, which never quote a login.
    """
    raw = text.strip().strip("<>\"'").strip()
    if raw and "://" not in raw:
        raw = f"http://{raw}"
    shown = without_login(raw)
    try:
        parts = urlsplit(raw)
        port = parts.port
    except ValueError:
        raise _no_proxy(shown, "Check the host and the port.") from None
    scheme = parts.scheme.lower()
    if scheme in ("socks", "socks4", "socks4a"):
        host = shown.partition("://")[2]
        raise _no_proxy(shown, f"If it speaks SOCKS 5, write socks5://{host}; no other version can be used.")
    if scheme not in PROXY_SCHEMES or not parts.hostname or re.search(r"\s", raw):
        raise _no_proxy(shown, "It should look like http://host:3128 or socks5://host:1080.")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    usual = {"http": 80, "https": 443}.get(scheme, 1080)
    return ReadProxy(
        url=f"{scheme}://{host}:{port or usual}",
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
    )


def without_login(address: str) -> str:
    """The address without user name and password."""
    scheme, separator, rest = address.rpartition("://")
    return f"{scheme}{separator}{rest.rpartition('@')[2]}"


def _no_proxy(shown: str, hint: str) -> ConfigurationError:
    words = f"{shown} is not the address of a proxy" if shown else "The address of the proxy is empty"
    return ConfigurationError(f"{words}.", hint=hint)
