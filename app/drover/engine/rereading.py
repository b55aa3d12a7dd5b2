"""A stored reply read another way, from its recorded bytes. Nothing is sent, nothing stored is changed."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from drover.domain.conversation import Message
from drover.domain.endpoint import Endpoint
from drover.domain.reading import Reading
from drover.domain.run import Exchange, Run
from drover.engine.replay import as_stored, chunks_of
from drover.engine.runner import begun_reply, ended_parts
from drover.errors import ProtocolError
from drover.wire import chat


def reread(
    run: Run, exchange: Exchange, stored: Message, endpoint: Endpoint, reading: Reading, *,
    message_id: str, at: datetime,
) -> Message:  # fmt: skip
    """Another version of the message, with what the bytes say when they are read like this.

    `endpoint` is the one that the run was sent to. Some 5 us an event: not for the thread of a window.
    """
    decoder = chat.ReplyDecoder(endpoint, model_id=run.model_id, reading=reading.as_text)
    builder = begun_reply(decoder, chat.prefill_of(run.request_body, run.adjustments))
    try:
        for at_ms, chunk in chunks_of(exchange):
            for event in decoder.feed(chunk):
                builder.feed(event, at_ms / 1000)
        for event in decoder.finish():
            builder.feed(event, 0.0)
    except ProtocolError:
        pass  # as the run ended then, with what had come before
    parts = tuple(as_stored(part) for part in ended_parts(builder, run))
    return replace(stored, id=message_id, parts=parts, created_at=at, reading=reading.as_text)
