"""The probabilities in what came back for a stored reply, read again from its bytes."""

from __future__ import annotations

from dataclasses import dataclass

from drover.domain.conversation import Message, ReasoningPart
from drover.domain.endpoint import Endpoint
from drover.domain.probabilities import Summary, TokenChoice, TokenScores, scored, summary
from drover.domain.run import Exchange, Run
from drover.domain.stream import TokensScored
from drover.errors import ProtocolError
from drover.wire import chat

_SLICE_BYTES = 64 * 1024
"""Read in one go; the events of one slice are thrown away before the next."""
_TAGGED = "<think>"


@dataclass(frozen=True, slots=True, kw_only=True)
class InspectedTokens:
    """The tokens of one stored reply."""

    run_id: str
    scores: TokenScores
    reasoning: Summary
    answer: Summary
    no_fork_reason: str
    """Why this reply cannot be continued from one of its tokens, in words; empty if it can."""


def inspected_tokens(
    run: Run, exchange: Exchange, stored: Message, endpoint: Endpoint
) -> InspectedTokens | None:
    """None where the server sent no probabilities. Some 20 us a token: not for the thread of a window."""
    if b'"logprob"' not in exchange.raw_stream:
        return None
    prefill = chat.prefill_of(run.request_body, run.adjustments)
    decoder = chat.ReplyDecoder(endpoint, model_id=run.model_id, reading=stored.reading, reads_tokens=True)
    scores = scored(stored.parts, _tokens(exchange.raw_stream, decoder), prefill)
    return InspectedTokens(
        run_id=run.id,
        scores=scores,
        reasoning=summary(scores.reasoning),
        answer=summary(scores.answer),
        no_fork_reason=no_fork_reason(run, exchange, stored, endpoint),
    )


def no_fork_reason(run: Run, exchange: Exchange | None, stored: Message, endpoint: Endpoint) -> str:
    """Why the server of a run would not go on with the beginning of this reply; empty if it does."""
    headers = exchange.response_headers if exchange is not None else ()
    is_llama = any(name.lower() == "server" and "llama.cpp" in value.lower() for name, value in headers)
    if not (endpoint.is_built_in or is_llama):
        return (
            f"{run.endpoint_name} is not known to go on with the beginning of a reply."
            " The built-in model and llama.cpp servers do."
        )
    if any(isinstance(part, ReasoningPart) and part.source != _TAGGED for part in stored.parts):
        return f"{run.endpoint_name} keeps the thinking apart, and does not go on with it."
    return ""


def _tokens(raw_stream: bytes, decoder: chat.ReplyDecoder) -> tuple[TokenChoice, ...]:
    found: list[TokenChoice] = []
    try:
        for start in range(0, len(raw_stream), _SLICE_BYTES):
            for event in decoder.feed(raw_stream[start : start + _SLICE_BYTES]):
                if isinstance(event, TokensScored) and event.choice == 0:
                    found += event.tokens
        for event in decoder.finish():
            if isinstance(event, TokensScored) and event.choice == 0:
                found += event.tokens
    except ProtocolError:
        pass  # as the run ended then, with what had come before
    return tuple(found)
