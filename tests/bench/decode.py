"""What reading an event costs: transport, decoder and builder, beside the official SDK at the same server."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from dataclasses import asdict
from statistics import median

from tests.bench._machine import machine
from tests.bench._player import EventsOrder
from tests.bench._process import Child
from tests.bench._reader import WAYS

_EVENTS = 50_000
_REPETITIONS = 5
_BAR = 8.0
_ORDERS = {
    "flush_per_event": EventsOrder(events=_EVENTS),
    "write_of_1448_bytes": EventsOrder(events=_EVENTS, write_bytes=1448),
    "write_of_16_kib": EventsOrder(events=_EVENTS, write_bytes=16 * 1024),
}
_PACED = EventsOrder(events=5_000, pace_s=0.0005)


def measure() -> dict[str, object]:
    """Processor time of the reading process alone, user and system, in microseconds an event; the ways take
    turns. `run` is a whole run without its journal. `woken_per_event` leaves time between the events, so that
    each of them wakes the client: most of that is the event loop and the system, and no bar is set for it."""
    with ExitStack() as stack:
        port = stack.enter_context(Child("tests.bench._player")).hear()
        readers = {way: stack.enter_context(Child("tests.bench._reader", [way])) for way in WAYS}
        for reader in readers.values():
            _spent_s(reader, port, EventsOrder(events=100))  # imports and first uses
        figures = {name: _compared(readers, port, order) for name, order in _ORDERS.items()}
        for figure in figures.values():
            figure |= {"bar": _BAR, "holds": figure["times_cheaper"] >= _BAR}  # type: ignore[operator]
        woken = _compared(readers, port, _PACED)
    return {"machine": machine(), "events": _EVENTS, **figures, "woken_per_event": woken}


def _compared(readers: dict[str, Child], port: int, order: EventsOrder) -> dict[str, object]:
    print(order, file=sys.stderr)
    rounds = [
        {way: _spent_s(reader, port, order) / order.events * 1e6 for way, reader in readers.items()}
        for _ in range(_REPETITIONS)
    ]
    ratios = [each["openai"] / each["drover"] for each in rounds]
    spread = {
        f"{way}_us": {
            "median": round(median(each[way] for each in rounds), 2),
            "least": round(min(each[way] for each in rounds), 2),
            "most": round(max(each[way] for each in rounds), 2),
        }
        for way in readers
    }
    return {
        **spread,
        "times_cheaper": round(median(ratios), 2),
        "of_each_round": [round(r, 2) for r in ratios],
    }


def _spent_s(reader: Child, port: int, order: EventsOrder) -> float:
    reader.tell([port, asdict(order)])
    return float(reader.hear())
