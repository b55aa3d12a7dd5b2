"""The settings of an endpoint's network together with their secrets, which are kept as keys are."""

from __future__ import annotations

from drover.domain.endpoint import Endpoint
from drover.domain.network import AS_THE_SYSTEM, UNCHANGED, NetworkSecrets
from drover.engine.secrets import Secrets
from drover.engine.transport import NetworkAccess


async def access_of(
    secrets: Secrets, endpoint: Endpoint, given: NetworkSecrets | None = None
) -> NetworkAccess:
    """What a request to this endpoint needs; what is `given` goes before what is kept."""
    settings, given = endpoint.network or AS_THE_SYSTEM, given or UNCHANGED
    login, passphrase = given.proxy_login, given.passphrase
    if login is None:
        login = await secrets.recall(_login(endpoint)) if settings.proxy_has_login else ""
    if passphrase is None:
        passphrase = await secrets.recall(_passphrase(endpoint)) if settings.key_is_encrypted else ""
    return NetworkAccess(settings=settings, proxy_login=login, passphrase=passphrase)


async def keep(secrets: Secrets, endpoint: Endpoint, given: NetworkSecrets) -> str | None:
    """Keeps what was entered; returns what a person should know, such as that it is for this session only."""
    notices = []
    if given.proxy_login is not None:
        notices.append(await secrets.remember(_login(endpoint), given.proxy_login))
    if given.passphrase is not None:
        notices.append(await secrets.remember(_passphrase(endpoint), given.passphrase))
    return next(filter(None, notices), None)


async def forget(secrets: Secrets, endpoint: Endpoint) -> None:
    """Removes what is kept for an endpoint that is removed."""
    await keep(secrets, endpoint, NetworkSecrets(proxy_login="", passphrase=""))


def _login(endpoint: Endpoint) -> str:
    return f"{endpoint.id}/proxy"


def _passphrase(endpoint: Endpoint) -> str:
    return f"{endpoint.id}/client-key"
