"""What happened and what to do next, in words: one pair of sentences for each kind of failure."""

from __future__ import annotations

import math
import re

from drover.domain.run import FailureKind

_MODEL_PATTERN = re.compile(r"(?i)\bmodels?\b")


def names_model(said: str) -> bool:
    """Whether what was not found is the model and not the address."""
    return bool(_MODEL_PATTERN.search(said))


def sentences(
    kind: FailureKind,
    name: str,
    status: int | None,
    said: str,
    parameter: str | None,
    retry_after_s: float | None,
) -> tuple[str, str]:
    """What happened and what to do next, for one kind of failure. `said` is what the server said."""
    match kind:
        case FailureKind.KEY if status == 403:
            return f"{name} refused this request", "The key may not be allowed to use this model."
        case FailureKind.KEY:
            return f"{name} did not accept the key", "It may have been replaced or pasted incompletely."
        case FailureKind.CREDITS:
            return f"{name} reports that no credit is left", "Add credit to the account, then retry."
        case FailureKind.RATE:
            return f"{name} asks to wait: too many requests", _wait_hint(retry_after_s)
        case FailureKind.CONFIGURATION:
            return f"{name} sends requests on to another address", "Check the base URL of the endpoint."
        case FailureKind.CONTEXT if status == 413:
            return f"{name} finds the request too large", "Shorten the message or leave out attachments."
        case FailureKind.CONTEXT:
            return (
                "The conversation is too long for the model",
                "Shorten it, or choose a model with more context.",
            )
        case FailureKind.NOT_FOUND if names_model(said):
            return (
                f"{name} does not offer this model",
                "Choose another model, or check how its name is written.",
            )
        case FailureKind.NOT_FOUND:
            return f"{name} has no chat at this address", "Check the base URL; it often ends in /v1."
        case FailureKind.REQUEST if parameter is not None:
            return f"{name} did not accept {parameter}", f"Send without {parameter}, or choose another value."
        case FailureKind.REQUEST if status == 415:
            return f"{name} does not take this kind of content", "Leave out what is no text, then retry."
        case FailureKind.REQUEST if status == 403:
            return (
                f"{name} did not accept the request",
                "A filter, a firewall or a rule about regions stands in the way.",
            )
        case FailureKind.REQUEST if not said:
            return (
                f"{name} did not accept the request",
                "It gave no reason. Most often it is a parameter that the model does not know.",
            )
        case FailureKind.REQUEST:
            return f"{name} did not accept the request", "Change what it names, then retry."
        case _:
            return _server_sentences(name, status, said, retry_after_s)


_LATER = "Retry in a moment."
_TOO_LONG = ("{name} took too long to answer", "Retry, or ask for less: a lower effort or limit.")
_UNREACHED = ("The server behind {name} cannot be reached", "What stands in front of it answers. " + _LATER)
_UNTRUSTED = (
    "No secure connection to the server behind {name} could be made",
    "What stands in front of it refuses its certificate; only its operator can mend that.",
)
_UNSUPPORTED = ("{name} does not support this request", "Choose another model, or check the base URL.")
_OVERLOADED = ("{name} is overloaded or not available", "")
_SERVER_SENTENCES = {
    408: _TOO_LONG,
    409: ("{name} is busy with something that this request gets in the way of", _LATER),
    424: ("{name} failed in one part of this request", _LATER),
    425: ("{name} does not take the request yet", _LATER),
    498: ("{name} has no room for this request at the moment", ""),
    499: ("{name} gave the request up before it was done", "Retry to ask again."),
    501: _UNSUPPORTED,
    502: ("{name} got no good answer from the model's server", _LATER),
    503: _OVERLOADED,
    504: _TOO_LONG,
    505: _UNSUPPORTED,
    520: ("The server behind {name} gave an answer that makes no sense", _LATER),
    521: _UNREACHED,
    522: _UNREACHED,
    523: _UNREACHED,
    524: _TOO_LONG,
    525: _UNTRUSTED,
    526: _UNTRUSTED,
    529: _OVERLOADED,
}
"""An empty hint is one about waiting."""
SERVER_STATUSES = frozenset(_SERVER_SENTENCES)
"""Statuses of a server in trouble, whatever it says besides."""


def _server_sentences(
    name: str, status: int | None, said: str, retry_after_s: float | None
) -> tuple[str, str]:
    if re.search(r"(?i)loading (?:the )?model|model is (?:still )?loading", said):
        return f"{name} is still loading the model", _LATER
    what, hint = _SERVER_SENTENCES.get(status or 0, ("{name} failed", _LATER))
    return what.format(name=name), hint if hint and not retry_after_s else _wait_hint(retry_after_s)


def _wait_hint(retry_after_s: float | None) -> str:
    if not retry_after_s:
        return "Wait a little, then retry."
    if retry_after_s < 120:
        return f"Retry in {math.ceil(retry_after_s)} s."
    return f"Retry in {math.ceil(retry_after_s / 60)} min."


_CONNECTION_SENTENCES = {
    "name": (
        "The address of {name} could not be found",
        "Check the network connection, and the host in the base URL.",
    ),
    "tcp": ("{name} could not be reached", "Check that the server runs and that the address is right."),
    "tls": (
        "No secure connection to {name} could be made",
        "Its certificate is not trusted here, or something on the way interferes.",
    ),
    "proxy": ("The proxy on the way to {name} failed", "Check the proxy settings of this computer."),
    "send": ("The connection to {name} broke before all was sent", "Retry to send it again."),
    "first_byte": (
        "{name} did not answer{waited}",
        "The model may still be loading. Retry, or allow more time in Settings.",
    ),
    "http": (
        "What answers in the place of {name} does not speak HTTP",
        "Check the port in the base URL, and whether it begins with https.",
    ),
    "idle": (
        "{name} fell silent{waited}",
        "The text so far is kept. Retry, or allow more time in Settings.",
    ),
    "stream": (
        "The connection to {name} broke before the answer was complete",
        "The text so far is kept. Retry to ask again.",
    ),
}


def connection_sentences(phase: str, name: str, elapsed_s: float) -> tuple[str, str]:
    """The same for a connection that failed in this phase; no words for one that is not known."""
    waited = f" for {elapsed_s:.0f} s" if elapsed_s >= 1 else ""
    what, hint = _CONNECTION_SENTENCES.get(phase, ("", _LATER))
    return what.format(name=name, waited=waited), hint
