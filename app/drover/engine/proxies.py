"""Which proxy a request goes through: that of the settings, of the environment or of the system."""

from __future__ import annotations

import ipaddress
import os
import urllib.request
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from drover.domain.network import NetworkSettings, ProxyMode, read_proxy, without_login
from drover.engine.reach import Target
from drover.errors import ConfigurationError
from drover.log import register_secret


@dataclass(frozen=True, slots=True, kw_only=True)
class Proxy:
    """A proxy that can be used."""

    url: str
    """Scheme, host and port; may be shown."""
    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)

    @property
    def is_socks(self) -> bool:
        """Whether it speaks SOCKS instead of HTTP."""
        return self.url.startswith("socks")

    @property
    def is_https(self) -> bool:
        """Whether the connection to the proxy itself is encrypted."""
        return self.url.startswith("https:")


def proxy_for(target: Target, settings: NetworkSettings, login: str) -> Proxy | None:
    """The proxy for this target, None for a direct connection. May block for a moment.

    `login` is `user:password` for a proxy of the settings. Raises ConfigurationError for one that cannot be
    used. Loopback has none in any mode.
    """
    if target.is_loopback:
        return None
    match settings.proxy_mode:
        case ProxyMode.NONE:
            return None
        case ProxyMode.MANUAL:
            return _manual(settings, login)
        case ProxyMode.ENVIRONMENT:
            return _from(urllib.request.getproxies_environment(), target)
        case _:
            # urllib knows the settings of Windows and macOS too, with their lists of exceptions.
            return _from(urllib.request.getproxies(), target)


def _manual(settings: NetworkSettings, login: str) -> Proxy:
    url = read_proxy(settings.proxy_url).url
    if settings.proxy_has_login and not login:
        raise ConfigurationError(
            f"The user name and the password for the proxy {url} are not kept any more.",
            hint="Enter them again under Network, where the server is edited.",
        )
    user, _, password = login.partition(":")
    return Proxy(url=url, user=user, password=password)


def _from(proxies: dict[str, str], target: Target) -> Proxy | None:
    address = proxies.get(target.scheme) or proxies.get("all")
    if not address or _is_excepted(target, proxies):
        return None
    try:
        found = read_proxy(address)
    except ConfigurationError as error:
        shown = without_login(address)
        raise ConfigurationError(
            f"The proxy {shown} from {_origin(address)} cannot be used.",
            hint=f"{error.hint} Or list the server in NO_PROXY, or set its proxy under Network.",
        ) from None
    if found.password:
        register_secret(found.password)
    return Proxy(url=found.url, user=found.user, password=found.password)


def _is_excepted(target: Target, proxies: dict[str, str]) -> bool:
    """Whether the target is named among the exceptions of the environment or of the system."""
    if "no" in proxies:
        return any(_names(entry.strip(), target) for entry in proxies["no"].split(","))
    if urllib.request.getproxies_environment():
        return False
    return bool(urllib.request.proxy_bypass(target.host))


def _names(entry: str, target: Target) -> bool:
    """Whether an entry of `NO_PROXY` means this host: `*`, a domain with what is below it, an address, a
    network such as 10.0.0.0/8, each perhaps with a port."""
    if not entry:
        return False
    if entry == "*":
        return True
    if target.address is not None:
        try:
            return target.address in ipaddress.ip_network(entry.strip("[]"), strict=False)
        except ValueError:
            pass
    try:
        parts = urlsplit(f"//{entry}")
        host, port = (parts.hostname or "").removeprefix("*").strip("."), parts.port
    except ValueError:
        return False
    if not host or port not in (None, target.port):
        return False
    return target.host == host or (target.address is None and target.host.endswith(f".{host}"))


def _origin(address: str) -> str:
    names = [name for name in os.environ if name.lower() in ("http_proxy", "https_proxy", "all_proxy")]
    bare = address.rpartition("://")[2]
    origin = next((name for name in names if os.environ[name].rpartition("://")[2] == bare), None)
    return origin or "the system settings"
