"""A stored reply told again: its recorded bytes through the same decoder. Nothing is sent or stored."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from drover.domain.conversation import (
    FilePart,
    ImagePart,
    Message,
    Part,
    ReasoningPart,
    TextPart,
    ToolCallPart,
    ToolResultPart,
)
from drover.domain.endpoint import Endpoint
from drover.domain.run import Exchange, LivePhase, LiveRun, Run, RunStatus, Timing
from drover.domain.stream import StreamEvent
from drover.engine.runner import begun_reply, ended_parts
from drover.errors import ProtocolError
from drover.store.database import storable
from drover.wire import chat

_SLICE_S = 0.006
"""How long bytes are read in one turn of the event loop."""
_QUOTED = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayCheck:
    """Whether the recorded bytes make the message that is stored."""

    is_identical: bool
    difference: str = ""
    """Where they part, in words; empty if they are identical."""


class Replay:
    """The reply of one stored run, to be played once from its recording."""

    def __init__(self, run: Run, exchange: Exchange, stored: Message, endpoint: Endpoint) -> None:
        """`endpoint` is the one that the run was sent to, see `Workbench.endpoint_of`."""
        self.live = LiveRun(_at_its_start(run), time.monotonic())
        """The reply as it grows, with the ids of the stored run. Its times are those of the recording, at
        whatever speed it is played; at the end its run is the stored one."""
        self._run = run
        self._exchange = exchange
        self._stored = stored
        self._decoder = chat.ReplyDecoder(endpoint, model_id=run.model_id, reading=stored.reading)
        prefill = chat.prefill_of(run.request_body, run.adjustments)
        self.live.builder = begun_reply(self._decoder, prefill)

    async def play(self, *, advanced: Callable[[], None], speed: float | None = None) -> ReplayCheck:
        """Plays to the end and compares with the stored message.

        `speed` 1 takes as long as the run took, waiting included, 10 a tenth of that; None is at once, in
        slices between which the event loop turns. `advanced` hears of news. May be cancelled at any point.
        """
        live = self.live
        live.started_at_s = time.monotonic()
        live.phase = LivePhase.WAITING
        try:
            await self._read(speed, advanced)
        except ProtocolError:
            pass  # as the run ended then, with what had come before
        live.run = self._run
        advanced()
        return checked(self._stored.parts, ended_parts(live.builder, self._run))

    async def _read(self, speed: float | None, advanced: Callable[[], None]) -> None:
        live, at_ms = self.live, 0.0
        if (self._exchange.response_status or 200) >= 300:
            return  # an error document, which no reply is read from
        turned_s = live.started_at_s
        for at_ms, chunk in chunks_of(self._exchange):
            due_s = 0.0 if speed is None else live.started_at_s + at_ms / 1000 / speed
            now_s = time.monotonic()
            if due_s > now_s or now_s - turned_s > _SLICE_S:
                advanced()
                await asyncio.sleep(max(0.0, due_s - now_s))
                turned_s = time.monotonic()
            self._feed(self._decoder.feed(chunk), at_ms)
            if live.builder.saw_done:
                break
        self._feed(self._decoder.finish(), at_ms)

    def _feed(self, events: Sequence[StreamEvent], at_ms: float) -> None:
        for event in events:
            self.live.builder.feed(event, at_ms / 1000)
        if self.live.builder.delta_count:
            self.live.phase = LivePhase.STREAMING


def chunks_of(exchange: Exchange) -> Iterator[tuple[float, bytes]]:
    """The body as it came: (milliseconds since sending, bytes) for each chunk of the network."""
    start, at_ms = 0, 0.0
    for at_ms, end in exchange.chunk_marks:
        yield at_ms, exchange.raw_stream[start:end]
        start = end
    if start < len(exchange.raw_stream):
        yield at_ms, exchange.raw_stream[start:]


def checked(stored: Sequence[Part], played: Sequence[Part]) -> ReplayCheck:
    """Compares what is stored with what the bytes made, part by part."""
    for number, (before, after) in enumerate(zip(stored, played, strict=False), 1):
        after = as_stored(after)
        if before != after:
            return ReplayCheck(is_identical=False, difference=f"Part {number}: {_difference(before, after)}")
    if len(stored) != len(played):
        counts = f"The stored message has {_parts(len(stored))}, the replay {_parts(len(played))}."
        return ReplayCheck(is_identical=False, difference=counts)
    return ReplayCheck(is_identical=True)


def _at_its_start(run: Run) -> Run:
    return replace(
        run, status=RunStatus.RUNNING, finish_reason=None, usage=None, timing=Timing(), failure=None,
        model_reported="", fingerprint="", delta_count=0, reasoning_delta_count=0, settled_at=None,
    )  # fmt: skip


def as_stored(part: Part) -> Part:
    """The part as it comes back from the library."""
    match part:
        case TextPart() | ReasoningPart():
            return replace(part, text=storable(part.text))
        case ToolCallPart():
            return replace(
                part,
                call_id=storable(part.call_id), name=storable(part.name), arguments=storable(part.arguments),
            )  # fmt: skip
        case ToolResultPart() | ImagePart() | FilePart():
            return part  # no reply has one


def _difference(before: Part, after: Part) -> str:
    kinds = _kind(before), _kind(after)
    if kinds[0] != kinds[1]:
        return f"stored is {kinds[0]}, replayed is {kinds[1]}."
    old, new = _text(before), _text(after)
    at = next((i for i, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), min(len(old), len(new)))
    if at == len(old) == len(new):
        return "the text is the same, what stands around it differs."
    return (
        f"from character {at + 1} on, stored is “{old[at : at + _QUOTED]}”,"
        f" replayed is “{new[at : at + _QUOTED]}”."
    )


def _kind(part: Part) -> str:
    match part:
        case TextPart():
            return "text"
        case ReasoningPart():
            return "reasoning"
        case ToolCallPart():
            return "a tool call"
        case ToolResultPart():
            return "the result of a tool"
        case ImagePart() | FilePart():
            return "an attachment"


def _text(part: Part) -> str:
    match part:
        case ToolCallPart():
            return part.arguments
        case ImagePart() | FilePart():
            return part.name
        case _:
            return part.text


def _parts(count: int) -> str:
    return "1 part" if count == 1 else f"{count} parts"
