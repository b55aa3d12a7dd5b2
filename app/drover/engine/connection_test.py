"""Tries an endpoint layer by layer, so that the one that fails has a name."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass, replace

from drover.domain.endpoint import Endpoint, ModelCard
from drover.engine import probe
from drover.engine.transport import Layer, NetworkAccess, Passed, Transport
from drover.errors import ConfigurationError, ConnectionFailed, DroverError, ProviderError, Redirected
from drover.log import redact
from drover.wire import chat

_PATIENCE_S = 20.0
_REFUSED_KEY = (401, 403)
_NO_LIST = (404, 405, 501)
_NAMES = {
    Layer.NAME: "Name",
    Layer.TCP: "Connection",
    Layer.PROXY: "Proxy",
    Layer.TLS: "Encryption",
    Layer.HTTP: "HTTP",
}
_LAYERS = {
    "name": Layer.NAME,
    "tcp": Layer.TCP,
    "proxy": Layer.PROXY,
    "tls": Layer.TLS,
}
"""By phase of ConnectionFailed; all others belong to HTTP."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionStep:
    """What came of one layer."""

    name: str
    """Name, Connection, Proxy, Encryption, HTTP, Key or Model; Settings where it could not start."""
    is_good: bool
    words: str
    advice: str = ""
    """What to do where it failed."""


async def try_connection(
    endpoint: Endpoint, key: str | None, access: NetworkAccess, *, asks_model: bool = True
) -> AsyncGenerator[ConnectionStep, None]:
    """The layers one after the other, each as soon as it is known; ends with the first that fails.

    Opens connections of its own, so that nothing is passed over. Without `asks_model` it ends with HTTP, and
    costs nothing. Never raises a DroverError.
    """
    transport = Transport()
    try:
        async for step in _steps(transport, endpoint, key, access, asks_model):
            yield step
    finally:
        await transport.aclose()


async def _steps(
    transport: Transport, endpoint: Endpoint, key: str | None, access: NetworkAccess, asks_model: bool
) -> AsyncGenerator[ConnectionStep, None]:
    heard: asyncio.Queue[Passed | None] = asyncio.Queue()
    patient = replace(endpoint, connect_timeout_s=min(endpoint.connect_timeout_s, _PATIENCE_S))
    listing = asyncio.create_task(
        probe.list_models(transport, patient, key, access, passed=heard.put_nowait), name="drover-listing"
    )
    listing.add_done_callback(lambda _: heard.put_nowait(None))
    try:
        while (passed := await heard.get()) is not None:
            took = f" {passed.at_ms:.0f} ms."
            yield ConnectionStep(name=_NAMES[passed.layer], is_good=True, words=passed.words + took)
    finally:
        listing.cancel()
        await asyncio.wait({listing})
        error = None if listing.cancelled() else listing.exception()
    if isinstance(error, ConfigurationError | ConnectionFailed):
        yield _trouble(error)
        return
    if error is not None and not isinstance(error, DroverError):
        raise error
    if asks_model:
        if error is not None and not endpoint.default_model_id and not _has_no_list(error):
            yield _answer_trouble(error, endpoint)
            return
        cards = [] if error is not None else listing.result()
        async for step in _asked(transport, endpoint, key, access, cards):
            yield step


async def _asked(
    transport: Transport, endpoint: Endpoint, key: str | None, access: NetworkAccess, cards: list[ModelCard]
) -> AsyncGenerator[ConnectionStep, None]:
    model_id = endpoint.default_model_id or next((card.id for card in cards), "")
    if not model_id:
        advice = "Name a model, or check the address."
        yield ConnectionStep(
            name="Model", is_good=False, words=f"{endpoint.name} lists no models.", advice=advice
        )
        return
    try:
        await probe.answer_cheaply(transport, endpoint, key, model_id, access)
    except DroverError as error:
        if _is_past_key(error):
            yield _key_step(key)
        yield _answer_trouble(error, endpoint)
        return
    yield _key_step(key)
    yield ConnectionStep(name="Model", is_good=True, words=f"{model_id} answered.")


def _refuses_key(error: BaseException | None) -> bool:
    return isinstance(error, ProviderError) and error.status in _REFUSED_KEY


def _has_no_list(error: DroverError) -> bool:
    """Whether the server may be a good one that only does not tell which models it has."""
    return isinstance(error, ProviderError) and error.status in _NO_LIST


def _is_past_key(error: DroverError) -> bool:
    """Whether the server has looked at the request itself; one that broke off or is in trouble tells nothing
    of the key."""
    return isinstance(error, ProviderError) and not _refuses_key(error) and (error.status or 500) < 500


def _answer_trouble(error: DroverError, endpoint: Endpoint) -> ConnectionStep:
    failure = chat.failure_from(error, endpoint.name)
    return ConnectionStep(
        name="Key" if _refuses_key(error) else "Model",
        is_good=False,
        words=redact(failure.message),
        advice=redact(failure.hint),
    )


def _key_step(key: str | None) -> ConnectionStep:
    words = "It is accepted." if key else "None was sent, and none was asked for."
    return ConnectionStep(name="Key", is_good=True, words=words)


def _trouble(error: ConfigurationError | ConnectionFailed) -> ConnectionStep:
    if isinstance(error, ConnectionFailed):
        name = _NAMES[_LAYERS.get(error.phase, Layer.HTTP)]
    else:
        name = "HTTP" if isinstance(error, Redirected) else "Settings"
    return ConnectionStep(name=name, is_good=False, words=error.message, advice=error.hint or "")
