"""What a probe tries for each parameter, and what its replies show: pure functions."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, TypeAlias

from drover.domain.endpoint import FactOutcome, ParameterFact
from drover.domain.parameters import Json, SamplingParameters

REPLY_TOKENS: Final = 16
"""The limit that each request sets."""
PROMPT: Final = "Write ten random words."


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One parameter, and the requests that show what a server does with it."""

    name: str
    attempts: tuple[SamplingParameters, ...]
    """What each request sets beside the limit on the reply."""
    prompt: str = PROMPT


_AT_0 = SamplingParameters(temperature=0.0)

TRIALS: Final = (
    Trial(name="temperature", attempts=(_AT_0, _AT_0, SamplingParameters(temperature=2.0))),
    Trial(name="max_tokens", attempts=(SamplingParameters(max_tokens=2),)),
    Trial(name="top_p", attempts=(SamplingParameters(top_p=0.01),)),
    Trial(name="frequency_penalty", attempts=(_AT_0.replaced("frequency_penalty", 2.0),)),
    Trial(name="presence_penalty", attempts=(_AT_0.replaced("presence_penalty", 2.0),)),
    Trial(
        name="reasoning_effort",
        attempts=(SamplingParameters(reasoning_effort="low"), SamplingParameters(reasoning_effort="high")),
    ),
    Trial(name="seed", attempts=(SamplingParameters(temperature=1.0, seed=7),) * 2),
    Trial(name="stop", attempts=(SamplingParameters(stop=("e",)),)),
    Trial(name="top_k", attempts=(SamplingParameters(top_k=1),)),
    Trial(name="min_p", attempts=(SamplingParameters(min_p=1.0),)),
    Trial(name="repeat_penalty", attempts=(_AT_0.replaced("repeat_penalty", 2.0),)),
    Trial(name="logprobs", attempts=(SamplingParameters(logprobs=True),)),
    Trial(name="top_logprobs", attempts=(SamplingParameters(logprobs=True, top_logprobs=2),)),
    Trial(
        name="response_format",
        attempts=(SamplingParameters(response_format=Json('{"type":"json_object"}')),),
        prompt=PROMPT + " Answer in JSON.",
    ),
)
"""In the order in which they are made: what is compared with temperature 0 comes after it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What was found out about one parameter."""

    name: str
    outcome: FactOutcome
    words: str
    """The server's own words for what it rejected, else what was seen."""
    renamed_to: str = ""

    def fact(self, endpoint_id: str, model_id: str) -> ParameterFact:
        """The same, to be kept."""
        return ParameterFact(
            endpoint_id=endpoint_id, model_id=model_id, name=self.name, outcome=self.outcome,
            words=self.words, noted_at=datetime.now(UTC), is_probed=True, renamed_to=self.renamed_to,
        )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What a request brought."""

    answer: str
    reasoning: str = ""
    tokens: int | None = None
    """Of the reply, as the server reported them."""
    finish_reason: str | None = None
    has_logprobs: bool = False
    has_alternatives: bool = False

    @property
    def text(self) -> str:
        """Thinking and answer together, to be compared."""
        return self.reasoning + self.answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """The server did not accept the request."""

    words: str
    parameter: str | None = None
    instead: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """The request failed in a way that says nothing about its parameters."""

    words: str


Attempt: TypeAlias = Reply | Refusal | Trouble


def greedy_text(attempts: Sequence[Attempt]) -> str | None:
    """What is always written at temperature 0, from the attempts of that trial; None if that varies."""
    first, second = attempts[:2]
    if isinstance(first, Reply) and isinstance(second, Reply) and first.text == second.text:
        return first.text if first.text.strip() else None
    return None


def judge(trial: Trial, base: Reply, attempts: Sequence[Attempt], greedy: str | None) -> Finding:
    """What the attempts of a trial show.

    `base` is the reply to a request that sets only the limit, `greedy` what is always written at temperature
    0, None where that is not known.
    """
    refusals = [attempt for attempt in attempts if isinstance(attempt, Refusal)]
    troubles = [attempt for attempt in attempts if isinstance(attempt, Trouble)]
    replies = [attempt for attempt in attempts if isinstance(attempt, Reply)]
    if refusals and not replies and not troubles:
        return Finding(name=trial.name, outcome=FactOutcome.REJECTED, words=refusals[0].words)
    if refusals and replies:
        values = ", ".join(
            dict.fromkeys(
                str(asked.get(trial.name))
                for asked, attempt in zip(trial.attempts, attempts, strict=True)
                if isinstance(attempt, Refusal)
            )
        )
        words = f"Taken, but {values} was refused: “{refusals[0].words}”"
        return Finding(name=trial.name, outcome=FactOutcome.ACCEPTED, words=words)
    if troubles:
        return Finding(name=trial.name, outcome=FactOutcome.UNKNOWN, words=troubles[0].words)
    outcome, words = _seen(trial.name, base, replies, greedy)
    return Finding(name=trial.name, outcome=outcome, words=words)


_Seen: TypeAlias = tuple[FactOutcome, str]
_TOO_SHORT = (FactOutcome.ACCEPTED, "Taken; so short a reply does not show its effect.")


def _seen(name: str, base: Reply, replies: Sequence[Reply], greedy: str | None) -> _Seen:
    """What replies show that were all given."""
    last = replies[-1]
    match name:
        case "temperature":
            return _seen_temperature(replies)
        case "max_tokens":
            return _seen_limit(base, last)
        case "top_p" | "top_k" | "min_p":
            return _seen_likeliest(base, last, greedy)
        case "frequency_penalty" | "presence_penalty" | "repeat_penalty":
            if greedy is not None and last.text != greedy:
                return FactOutcome.ACCEPTED, "It changed the reply of temperature 0."
            return _TOO_SHORT
        case "reasoning_effort":
            if last.reasoning and not base.reasoning:
                return FactOutcome.ACCEPTED, "It made the model think first."
            return _TOO_SHORT
        case "seed":
            return _seen_seed(base, replies)
        case "stop":
            return _seen_stop(base, last)
        case "logprobs":
            return _came(last.has_logprobs, "probabilities")
        case "top_logprobs":
            return _came(last.has_alternatives, "alternatives")
        case "response_format":
            return _seen_json(last)
        case _:
            return _TOO_SHORT


def _seen_temperature(replies: Sequence[Reply]) -> _Seen:
    first, second, hot = (reply.text for reply in replies)
    if not (first.strip() and hot.strip()):
        return _TOO_SHORT
    if first != second:
        return FactOutcome.ACCEPTED, "Taken; replies differ even at 0, so that its effect cannot be told."
    if first == hot:
        return FactOutcome.NO_EFFECT, "The replies at 0 and at 2 were the same."
    return FactOutcome.ACCEPTED, "Two replies at 0 were the same, one at 2 was another."


def _seen_limit(base: Reply, reply: Reply) -> _Seen:
    if reply.tokens is not None and reply.tokens > 2:
        return FactOutcome.NO_EFFECT, f"With a limit of 2 the reply had {reply.tokens} tokens."
    if reply.tokens is None and len(reply.text) >= len(base.text) and reply.finish_reason != "length":
        return FactOutcome.NO_EFFECT, "With a limit of 2 the reply was no shorter."
    return FactOutcome.ACCEPTED, "The reply ended at the limit."


def _seen_likeliest(base: Reply, reply: Reply, greedy: str | None) -> _Seen:
    """What allows only the likeliest token gives the reply of temperature 0."""
    if greedy is None or base.text == greedy:
        return _TOO_SHORT
    if reply.text == greedy:
        return FactOutcome.ACCEPTED, "With one token to choose from the reply was that of temperature 0."
    return FactOutcome.NO_EFFECT, "With one token to choose from the reply was not that of temperature 0."


def _seen_seed(base: Reply, replies: Sequence[Reply]) -> _Seen:
    first, second = (reply.text for reply in replies)
    if not first.strip():
        return _TOO_SHORT
    if first != second:
        return FactOutcome.NO_EFFECT, "Two replies with the same seed were not the same."
    if first == base.text:
        return FactOutcome.ACCEPTED, "Taken; the reply is the same with and without a seed."
    return FactOutcome.ACCEPTED, "Two replies with the same seed were the same."


def _seen_stop(base: Reply, reply: Reply) -> _Seen:
    if "e" not in base.answer:
        return _TOO_SHORT
    if "e" in reply.answer:
        return FactOutcome.NO_EFFECT, "The reply went on past the text at which it should end."
    return FactOutcome.ACCEPTED, "The reply ended before the text."


def _came(did_come: bool, what: str) -> _Seen:
    if did_come:
        return FactOutcome.ACCEPTED, f"The {what} of the tokens came with the reply."
    return FactOutcome.NO_EFFECT, f"No {what} came with the reply."


def _seen_json(reply: Reply) -> _Seen:
    text = reply.answer.strip()
    if not text:
        return _TOO_SHORT
    try:
        json.loads(text)
    except ValueError:
        if text[0] not in "{[":
            return FactOutcome.NO_EFFECT, "The reply was not JSON."
        return FactOutcome.ACCEPTED, "The reply began as JSON does."
    return FactOutcome.ACCEPTED, "The reply was JSON."
