"""Endpoints, and what is known about their models."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

from drover.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from drover.domain.network import NetworkSettings

BUILT_IN_ID = "built-in"
OXEN_ID = "oxen"
URL_ENDPOINT_ID = "url"
"""The endpoint made of an address on the command line. Its key never goes into the keyring and never comes
from there: it would be sent to whatever address comes next."""
URL_KEY_VARIABLE = "DROVER_API_KEY"
"""The environment variable that may hold the key of such an endpoint."""
OXEN_BASE_URL = "https://hub.oxen.ai/api/ai"
OXEN_MODEL_ID = "openai-gpt-oss-20b"


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A server that speaks the chat-completions protocol."""

    id: str
    name: str
    base_url: str
    """Normalised, without a trailing slash; requests go to `base_url + "/chat/completions"`.
    Empty for the built-in endpoint, whose address exists only while its server runs."""
    provider: str = ""
    """Name of the row in `wire.quirks` that says how this server differs; empty where its address decides."""
    default_model_id: str = ""
    think_opening: str = ""
    """The tag with which thinking begins in the content of this server, besides those that are known; empty
    where there is none, or where the prompt has written it."""
    think_closing: str = ""
    """The tag that ends it; empty where this server has no tags of its own."""
    needs_key: bool = True
    """Whether a request without a key is worth trying."""
    connect_timeout_s: float = 10.0
    first_byte_timeout_s: float = 600.0
    idle_timeout_s: float = 300.0
    network: NetworkSettings | None = None
    """How it is reached; None for the way of the system."""

    @property
    def is_built_in(self) -> bool:
        """Whether Drover itself runs the server."""
        return self.id == BUILT_IN_ID

    @property
    def is_fixed(self) -> bool:
        """Whether its name, its address and the form of its requests are part of Drover."""
        return self.id in (BUILT_IN_ID, OXEN_ID)

    @property
    def key_variable(self) -> str:
        """The environment variable that may hold the key."""
        if self.id == OXEN_ID:
            return "OXEN_API_KEY"
        return "DROVER_API_KEY_" + re.sub(r"[^A-Z0-9]+", "_", self.name.upper()).strip("_")


BUILT_IN = Endpoint(
    id=BUILT_IN_ID, name="Built-in", base_url="", provider="built-in", needs_key=False,
    default_model_id="SmolLM2-135M-Instruct",
)  # fmt: skip
OXEN = Endpoint(
    id=OXEN_ID, name="Oxen.ai", base_url=OXEN_BASE_URL, provider="oxen", default_model_id=OXEN_MODEL_ID
)


def with_oxen(own: Iterable[Endpoint]) -> list[Endpoint]:
    """Oxen.ai, as a person has set it or as it is, and then the other endpoints by name.

    Among `own` may be one with the id of Oxen.ai: what is fixed of that does not count.
    """
    others = {endpoint.id: endpoint for endpoint in own if not endpoint.is_built_in}
    oxen = replace(
        others.pop(OXEN_ID, OXEN),
        name=OXEN.name, base_url=OXEN.base_url, provider=OXEN.provider, needs_key=OXEN.needs_key,
    )  # fmt: skip
    return [oxen, *sorted(others.values(), key=lambda endpoint: endpoint.name.casefold())]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCard:
    """What is known of one model. None means unknown, never zero."""

    id: str
    name: str = ""
    context_tokens: int | None = None
    max_output_tokens: int | None = None
    input_modalities: tuple[str, ...] = ()
    input_usd_per_token: float | None = None
    output_usd_per_token: float | None = None
    source: str = ""
    """Where these facts come from, in words: "From Oxen.ai", "From the model file"."""
    fetched_at: datetime | None = None
    request_schema: str = ""
    """The JSON Schema of its request body as the server gave it; empty if it gave none."""
    notes: tuple[str, ...] = field(default=())
    """Further sentences worth showing, such as that a model is tiny."""
    places: tuple[tuple[str, str], ...] = ()
    """For facts that a server stated: the field here, and the key of its model object, such as
    "top_provider.context_length"."""

    def place_of(self, fact: str) -> str:
        """Where the server stated the fact of this field; empty where it is not known."""
        return dict(self.places).get(fact, "")


def known_as(endpoint_id: str, base_url: str) -> str:
    """Under which id what is known of a server is kept: its address where it has no lasting id."""
    return base_url if endpoint_id == URL_ENDPOINT_ID else endpoint_id


class FactOutcome(StrEnum):
    """What a server did with a parameter."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    NO_EFFECT = "no effect"
    """It was taken, but the reply was the same with a value that should have changed it."""
    UNKNOWN = "unknown"
    """The attempt failed for another reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ParameterFact:
    """What is known, from a request that was made, of one parameter at one model of one endpoint."""

    endpoint_id: str
    model_id: str
    name: str
    """The key of the body."""
    outcome: FactOutcome
    words: str = ""
    """The server's own words, or what was compared; free of credentials."""
    noted_at: datetime
    is_probed: bool = False
    """Whether a probe found it out; else a request of the person's own did."""
    renamed_to: str = ""
    """The key that the server wants in the place of a rejected one; empty where it named none."""

    @property
    def is_left_out(self) -> bool:
        """Whether requests go without the parameter because of this."""
        return self.outcome is FactOutcome.REJECTED and not self.renamed_to


_KNOWN_SUFFIXES = ("/chat/completions", "/completions", "/models")


def normalized_base_url(text: str) -> str:
    """A base URL from what people paste: with or without scheme, `/v1`, trailing slash or the full path.

    A bare host of a local server gets `http://` and `/v1`; other paths are kept as they are.
    Raises ConfigurationError in words for what cannot be an address.
    """
    raw = text.strip().strip("<>\"'").strip()
    if not raw:
        raise ConfigurationError(
            "The address is empty.", hint="Paste the base URL, such as http://localhost:8000/v1."
        )
    if "://" not in raw:
        host = re.split(r"[:/]", raw, maxsplit=1)[0].strip("[]")
        is_local = host == "localhost" or re.fullmatch(r"[\d.]+", host) is not None
        raw = f"{'http' if is_local else 'https'}://{raw}"
    try:
        parts = urlsplit(raw)
        _ = parts.port
    except ValueError:
        raise ConfigurationError(
            f"{text.strip()!r} is not an address.", hint="Check the host and the port."
        ) from None
    if parts.scheme not in ("http", "https") or not parts.hostname or re.search(r"\s", raw):
        raise ConfigurationError(
            f"{text.strip()!r} is not an http or https address.", hint="It should look like https://host/v1."
        )
    if parts.username or parts.password:
        raise ConfigurationError("The address holds a user name or a password.", hint="Set the key instead.")
    path = parts.path.rstrip("/")
    for suffix in _KNOWN_SUFFIXES:
        if path.endswith(suffix):
            path = path[: -len(suffix)].rstrip("/")
            break
    if not path:
        path = "/v1"
    return urlunsplit((parts.scheme, parts.netloc, path, "", ""))
