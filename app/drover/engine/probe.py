"""Short questions to a server: does it take this key, and which models has it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

from drover.domain.endpoint import Endpoint, ModelCard
from drover.domain.stream import ResponseBuilder
from drover.engine.transport import HttpRequest, NetworkAccess, Passed, Transport
from drover.errors import ProtocolError, ProviderError
from drover.log import masked
from drover.wire import chat, models

_TIMEOUT_S = 60.0
_LIST_BYTES = 20_000_000
_DIRECT = NetworkAccess()


async def answer_cheaply(
    transport: Transport, endpoint: Endpoint, key: str | None, model_id: str, network: NetworkAccess
) -> None:
    """Has a model write one token. Raises DroverError if it does not."""
    body = {"model": model_id, "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 1}
    answer = await _fetch(transport, endpoint, "/chat/completions", key, network, json.dumps(body).encode())
    decoder = chat.ReplyDecoder(endpoint)
    builder = ResponseBuilder()
    for event in [*decoder.feed(answer), *decoder.finish()]:
        builder.feed(event, 0.0)
    if builder.error is not None:
        raise ProviderError(builder.error.message, status=None)
    if not builder.delta_count and builder.finish_reason is None and builder.usage is None:
        raise ProtocolError(f"What {endpoint.name} answered is not a chat completion.")


async def list_models(
    transport: Transport,
    endpoint: Endpoint,
    key: str | None,
    network: NetworkAccess = _DIRECT,
    passed: Callable[[Passed], None] | None = None,
) -> list[ModelCard]:
    """The models that a server names; `passed` as in HttpRequest. Raises DroverError."""
    body = await _fetch(transport, endpoint, "/models", key, network, passed=passed)
    now = datetime.now(UTC)
    cards = models.decode_models(body, source=f"From {endpoint.name}")
    return [replace(card, fetched_at=now) for card in cards]


async def _fetch(
    transport: Transport,
    endpoint: Endpoint,
    path: str,
    key: str | None,
    network: NetworkAccess,
    body: bytes = b"",
    passed: Callable[[Passed], None] | None = None,
) -> bytes:
    request = HttpRequest(
        method="POST" if body else "GET",
        url=endpoint.base_url + path,
        headers=(("Authorization", f"Bearer {key}"),) if key else (),
        body=body,
        connect_timeout_s=endpoint.connect_timeout_s,
        first_byte_timeout_s=_TIMEOUT_S,
        idle_timeout_s=_TIMEOUT_S,
        network=network,
        passed=passed,
    )
    status, headers, received = await transport.fetch(request, limit_bytes=_LIST_BYTES)
    answer = masked(received)
    if status >= 300:
        raise chat.provider_error(status, dict(headers), answer)
    return answer
