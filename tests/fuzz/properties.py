"""What must hold for whatever a server sends."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import fields, is_dataclass

from tests.wire.replies import SERVER, pieces

from drover.domain.reading import Reading, ReadingKind
from drover.domain.stream import ResponseBuilder, StreamEvent
from drover.errors import ProtocolError
from drover.wire.chat import ReplyDecoder, failure_from, provider_error, verdict
from drover.wire.error_body import read_error
from drover.wire.models import decode_models
from drover.wire.unread import unread_keys

READINGS = (
    Reading(),
    Reading(kind=ReadingKind.UNTIL_CLOSED),
    Reading(kind=ReadingKind.TAGS, opening="<a>", closing="</a>"),
    Reading(kind=ReadingKind.HARMONY),
    Reading(kind=ReadingKind.STRIPPED_HARMONY),
    Reading(kind=ReadingKind.ANSWER),
)
MODELS = ("", "gpt-oss-120b", "deepseek-r1")
_LARGEST = 2**63


def read(
    chunks: Sequence[bytes], *, reading: Reading = READINGS[0], model_id: str = ""
) -> list[StreamEvent | str]:
    """What the bytes say, and the words of the ProtocolError that ended it, if any."""
    decoder = ReplyDecoder(SERVER, reading=reading.as_text, model_id=model_id, reads_tokens=True)
    found: list[StreamEvent | str] = []
    try:
        for chunk in chunks:
            found += decoder.feed(chunk)
        found += decoder.finish()
    except ProtocolError as error:
        found.append(f"{error} {error.hint}")
    return found


def check_reply(body: bytes, chance: random.Random) -> None:
    """Reads it whole, cut at random and byte by byte.

    Raises AssertionError where it matters how it is cut, or where something comes out that cannot be stored.
    Nothing but a ProtocolError may be raised by the reading itself.
    """
    reading, model_id = chance.choice(READINGS), chance.choice(MODELS)
    whole = read([body], reading=reading, model_id=model_id)
    cuts = [chance.randrange(len(body) + 1) for _ in range(chance.randrange(1, 12))]
    assert read(pieces(body, cuts), reading=reading, model_id=model_id) == whole
    if len(body) <= 4096:
        single = [body[at : at + 1] for at in range(len(body))]
        assert read(single, reading=reading, model_id=model_id) == whole

    builder = ResponseBuilder()
    for at_s, event in enumerate(event for event in whole if not isinstance(event, str)):
        builder.feed(event, float(at_s))
    stored = (builder.parts, builder.usage, builder.model_reported, builder.fingerprint, verdict(builder))
    check_value(stored)
    assert builder.read_answer(0)[0] == builder.answer
    assert builder.read_reasoning(0)[0] == builder.reasoning


def check_error(status: int, headers: dict[str, str], body: bytes) -> None:
    """Puts an error response into words."""
    error = provider_error(status, headers, body)
    check_value(failure_from(error, "Server"))
    check_value(unread_keys(body))
    check_value(read_error(body.decode("utf-8", "replace")))


def check_models(body: bytes) -> None:
    """Reads a list of models."""
    with suppress(ProtocolError):
        check_value(decode_models(body, source="S"))


def check_value(value: object) -> None:
    """Raises AssertionError unless the value can be written to a file and to the database."""
    if isinstance(value, str):
        value.encode()
    elif isinstance(value, bool) or value is None:
        pass
    elif isinstance(value, int):
        assert -_LARGEST <= value < _LARGEST, value
    elif isinstance(value, float):
        assert not math.isnan(value)
    elif isinstance(value, list | tuple):
        for item in value:
            check_value(item)
    elif is_dataclass(value):
        for each in fields(value):
            check_value(getattr(value, each.name))
