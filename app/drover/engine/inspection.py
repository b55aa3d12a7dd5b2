"""All that is known of one run, made ready to be looked at. Reading it may take a while, so it has no I/O."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from drover.domain.attachments import shortened_data
from drover.domain.conversation import Message
from drover.domain.endpoint import Endpoint, ModelCard
from drover.domain.provenance import Provenance, body_fields, provenance
from drover.domain.repeats import Repeat, repeats
from drover.domain.run import Exchange, Run
from drover.domain.timeline import Timeline, timeline
from drover.engine.event_log import EventLog

_LONG_TEXT = 4000
"""Longer texts in a body are shown by their beginning: one line of a megabyte brings a text field down."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What the library holds of one run."""

    run: Run
    """With its request body."""
    message: Message | None
    exchange: Exchange | None
    """None while it is live, and where the program ended before it did."""
    card: ModelCard | None
    """What is known of the model now."""
    same_requests: tuple[tuple[Run, Message], ...] = ()
    """The other replies to the same bytes, oldest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """One run, ready to be looked at."""

    run: Run
    """With its request body."""
    exchange: Exchange | None
    card: ModelCard | None
    message_id: str
    """The message that is looked at; empty where there is none."""
    reading: str
    """How that message was read, see `Message.reading`."""
    log: EventLog | None
    """What came over the wire; None where it was not kept."""
    unread: tuple[str, ...]
    """Keys that the server sent and that are only kept, see `EventLog.unread_names`."""
    parameters: tuple[Provenance, ...]
    timeline: Timeline
    body_text: str
    """The request body for reading: indented, very long texts cut; empty if it was never made."""
    is_body_cut: bool
    repeat: Repeat | None
    """How the reply compares with the one before it to the same request, or else with the one after."""
    is_repeat_earlier: bool
    """Whether that other reply is the earlier one."""
    key_variable: str
    """What stands for the key wherever the request is shown; empty if it was sent without one."""


def inspected(kept: Kept, endpoint: Endpoint) -> Inspection:
    """Makes a run ready; costs some milliseconds for each megabyte, so not on the thread of the window.

    `endpoint` is the one that the run was sent to, see `Workbench.endpoint_of`.
    """
    run, exchange = kept.run, kept.exchange
    readable = shortened_data(run.request_body)
    fields = body_fields(readable)
    cuts = [len(run.request_body)] if len(readable) < len(run.request_body) else []
    shown = _cut(fields, cuts)
    repeat = _nearest_repeat(kept)
    log = EventLog(run, exchange, endpoint, _reading(kept)) if exchange is not None else None
    return Inspection(
        run=run,
        exchange=exchange,
        card=kept.card,
        message_id=kept.message.id if kept.message is not None else "",
        reading=_reading(kept),
        log=log,
        unread=log.unread_names() if log is not None else (),
        parameters=provenance(run, fields),
        timeline=timeline(run, _arrivals_ms(exchange)),
        body_text=json.dumps(shown, ensure_ascii=False, indent=2)
        if fields
        else readable.decode("utf-8", "replace")[:_LONG_TEXT],
        is_body_cut=bool(cuts),
        repeat=repeat,
        is_repeat_earlier=repeat is not None and repeat.run_id < run.id,
        key_variable=_key_variable(exchange),
    )


def _reading(kept: Kept) -> str:
    return kept.message.reading if kept.message is not None else ""


def _key_variable(exchange: Exchange | None) -> str:
    headers = exchange.request_headers if exchange is not None else ()
    found = (value for name, value in headers if name.lower() == "authorization")
    return next(found, "").partition("$")[2]


def _nearest_repeat(kept: Kept) -> Repeat | None:
    """The one before, else the one after; identifiers of runs sort by the time of their making."""
    if kept.message is None:
        return None
    found = sorted(repeats(kept.run, kept.message, kept.same_requests), key=lambda each: each.run_id)
    earlier = [repeat for repeat in found if repeat.run_id < kept.run.id]
    return earlier[-1] if earlier else next(iter(found), None)


def _cut(value: Any, cuts: list[int]) -> Any:
    """The value with its long texts cut, each noted with its length."""
    if isinstance(value, str) and len(value) > _LONG_TEXT:
        cuts.append(len(value))
        return f"{value[:_LONG_TEXT]} … ({len(value) - _LONG_TEXT} more characters)"
    if isinstance(value, dict):
        return {name: _cut(member, cuts) for name, member in value.items()}
    if isinstance(value, list):
        return [_cut(member, cuts) for member in value]
    return value


def _arrivals_ms(exchange: Exchange | None) -> list[float]:
    """When each event of a stream began to come; the first one, which names the author, is left out."""
    if exchange is None:
        return []
    arrivals: list[float] = []
    count, start = exchange.raw_stream.count, 0
    for at_ms, end in exchange.chunk_marks:
        # Six bytes that may straddle two chunks: each is counted in the one that holds its last byte.
        arrivals += [at_ms] * count(b"\ndata:", max(0, start - 5), end)
        start = end
    return arrivals
