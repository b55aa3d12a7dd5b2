"""One cheap request per parameter, to see what a server does with it: the plan, and the requests."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from drover.domain.conversation import Message, Role, TextPart
from drover.domain.endpoint import Endpoint, FactOutcome, ModelCard, ParameterFact
from drover.domain.parameters import UNSET, SamplingParameters
from drover.domain.run import Failure, FailureKind, RunRequest, Usage
from drover.domain.stream import ResponseBuilder
from drover.engine.probe_trials import (
    PROMPT,
    REPLY_TOKENS,
    TRIALS,
    Attempt,
    Finding,
    Refusal,
    Reply,
    Trial,
    Trouble,
    greedy_text,
    judge,
)
from drover.engine.transport import Transport
from drover.errors import ConnectionFailed, DroverError, ProtocolError, ProviderError
from drover.log import redact
from drover.wire import chat

if TYPE_CHECKING:
    from drover.engine.runner import Address

_PROMPT_TOKENS = 100
"""What a prompt is taken to cost, with whatever the server's template puts around it."""
_SPARE_REQUESTS = 2
"""The first request may have to be put in other words twice."""
_MOST_PAUSES, _LONGEST_PAUSE_S = 3, 120.0
_MOST_TROUBLES = 3
_PAUSE_STATUSES = frozenset({429, 503, 529})
_ERROR_BODY_BYTES = 64_000
_BEYOND_LIMIT = 3 * REPLY_TOKENS
"""Tokens after which the limit cannot be meant to hold; servers count a little differently."""
_LOGPROBS_PATTERN = re.compile(rb'"logprobs"\s*:\s*(?:\{|\[\s*[^\]\s])')
_ALTERNATIVES_PATTERN = re.compile(rb'"top_logprobs"\s*:\s*[\[{]\s*[^\]}\s]')


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbePlan:
    """What a probe will do and cost, before anything is sent."""

    names: tuple[str, ...]
    """The parameters, in the order in which they are tried."""
    prompt: str
    """What the requests ask."""
    skipped: Mapping[str, str]
    """Parameters that are never sent to this server, each with the reason."""
    most_requests: int
    most_tokens_each: int
    """Tokens of each reply."""
    most_usd: float | None
    """An upper estimate; None where the price is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What a probe has used so far."""

    requests: int = 0
    """How many were sent, those included that were refused."""
    prompt_tokens: int = 0
    completion_tokens: int = 0
    unreported: int = 0
    """Replies that came without their token counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeProgress:
    """How far a probe is."""

    done: int
    """Parameters that are settled."""
    total: int
    name: str
    """The parameter that is being tried; empty for the first request."""
    tally: Tally
    pause_s: float = 0.0
    """How long the server asked to be left alone; 0 while it answers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeReport:
    """How a probe ended."""

    tally: Tally
    why_stopped: str = ""
    """Why it ended before its end, in words; empty if it did not."""


def plan_probe(endpoint: Endpoint, model_id: str, card: ModelCard | None) -> ProbePlan:
    """What a probe of this model would do; asks nobody."""
    skipped = {
        trial.name: reason
        for trial in TRIALS
        if (reason := _never_sent(endpoint, model_id, trial)) is not None
    }
    trials = [trial for trial in TRIALS if trial.name not in skipped]
    requests = 1 + _SPARE_REQUESTS + sum(len(trial.attempts) for trial in trials)
    given = card.input_usd_per_token if card is not None else None
    taken = card.output_usd_per_token if card is not None else None
    is_priced = given is not None and taken is not None
    return ProbePlan(
        names=tuple(trial.name for trial in trials),
        prompt=PROMPT,
        skipped=skipped,
        most_requests=requests,
        most_tokens_each=REPLY_TOKENS,
        most_usd=requests * (_PROMPT_TOKENS * (given or 0.0) + REPLY_TOKENS * (taken or 0.0))
        if is_priced
        else None,
    )


def _never_sent(endpoint: Endpoint, model_id: str, trial: Trial) -> str | None:
    """Why the parameter does not go to this server at all; None if it does."""
    encoded = chat.encode(_request(endpoint, model_id, trial.prompt, trial.attempts[0], ()))
    dropped = (a.reason for a in encoded.adjustments if a.action == "dropped" and a.name == trial.name)
    return next(dropped, None)


class ParameterProbe:
    """Makes the requests of a plan. Used once; cancelling the task ends it between or within requests."""

    def __init__(
        self,
        transport: Transport,
        endpoint: Endpoint,
        address: Address,
        model_id: str,
        *,
        found: Callable[[Finding], Awaitable[None]],
        heard: Callable[[ProbeProgress], None],
    ) -> None:
        """`found` is told each finding as soon as it is drawn, `heard` when something else is being done."""
        self._transport = transport
        self._endpoint = endpoint
        self._address = address
        self._model_id = model_id
        self._found = found
        self._heard = heard
        self._plan = plan_probe(endpoint, model_id, None)
        self._learned: list[ParameterFact] = []
        self._is_temperature_taken = True
        self._tally = Tally()
        self._settled = 0
        self._name = ""
        self._troubles = 0

    async def execute(self) -> ProbeReport:
        """Tries one parameter after the other, after a request without any. Never raises DroverError."""
        try:
            base = await self._ask_base()
            greedy: str | None = None
            for trial in TRIALS:
                if trial.name in self._plan.skipped:
                    continue
                if not any(fact.name == trial.name for fact in self._learned):
                    finding, attempts = await self._try(trial, base, greedy)
                    if trial.name == "temperature":
                        self._is_temperature_taken = finding.outcome is not FactOutcome.REJECTED
                        greedy = greedy_text(attempts)
                self._settled += 1
        except _Stopped as stopped:
            return ProbeReport(tally=self._tally, why_stopped=stopped.words)
        self._tell()
        return ProbeReport(tally=self._tally)

    async def _ask_base(self) -> Reply:
        """The reply to a request that sets nothing but the limit, learning how that has to be put."""
        for _ in range(1 + _SPARE_REQUESTS):
            answer = await self._ask(UNSET, PROMPT)
            if isinstance(answer, Reply):
                await self._find_usage(answer)
                return answer
            if isinstance(answer, Trouble) or not await self._learn(answer):
                raise _Stopped(f"A request without any parameter failed: {answer.words}")
        raise _Stopped(f"{self._endpoint.name} refuses each form of the request.")

    async def _learn(self, refusal: Refusal) -> bool:
        """Notes what the first request must be without; False if it is nothing that can be mended."""
        name = refusal.parameter
        if name not in ("max_tokens", "stream_options") or any(f.name == name for f in self._learned):
            return False
        finding = Finding(
            name=name,
            outcome=FactOutcome.REJECTED,
            words=refusal.words,
            renamed_to=refusal.instead or "",
        )
        self._learned.append(finding.fact("", ""))
        await self._found(finding)
        if name == "max_tokens" and refusal.instead is None:
            raise _Stopped("It takes no limit on the reply, so that further requests could cost anything.")
        return True

    async def _find_usage(self, base: Reply) -> None:
        is_asked_for = "stream_options" in json.loads(self._encoded(UNSET, PROMPT))
        if is_asked_for and base.tokens is not None:
            words = "Token counts came with the reply."
            await self._found(Finding(name="stream_options", outcome=FactOutcome.ACCEPTED, words=words))
        elif is_asked_for:
            words = "No token counts came with the reply."
            await self._found(Finding(name="stream_options", outcome=FactOutcome.NO_EFFECT, words=words))

    async def _try(self, trial: Trial, base: Reply, greedy: str | None) -> tuple[Finding, list[Attempt]]:
        self._name = trial.name
        attempts: list[Attempt] = []
        for index, asked in enumerate(trial.attempts):
            before = trial.attempts.index(asked)
            if before < index and isinstance(attempts[before], Refusal):
                attempts.append(attempts[before])  # the same again would be refused again
            else:
                attempts.append(await self._ask(asked, trial.prompt))
        finding = judge(trial, base, attempts, greedy)
        await self._found(finding)
        return finding, attempts

    async def _ask(self, parameters: SamplingParameters, prompt: str) -> Attempt:
        """One request, after as many pauses as the server asks for. Raises _Stopped where all would fail."""
        for pauses in range(_MOST_PAUSES + 1):
            self._tally = replace(self._tally, requests=self._tally.requests + 1)
            self._tell()
            body = self._encoded(parameters, prompt)
            sent = list(json.loads(body))
            builder = ResponseBuilder()
            try:
                raw = await self._exchange(body, builder)
            except (ProviderError, ConnectionFailed, ProtocolError) as error:
                answer = self._judged(chat.failure_from(error, self._endpoint.name, sent=sent))
            else:
                answer = self._read(builder, raw, sent)
            if not isinstance(answer, Failure):
                self._count_trouble(answer)
                return answer
            pause_s = answer.retry_after_s
            if pause_s is None or pause_s > _LONGEST_PAUSE_S or pauses == _MOST_PAUSES:
                raise _Stopped(redact(answer.words))
            self._tell(pause_s)
            await asyncio.sleep(pause_s)
        raise AssertionError("the last pause is followed by no other")

    def _count_trouble(self, answer: Attempt) -> None:
        self._troubles = self._troubles + 1 if isinstance(answer, Trouble) else 0
        if isinstance(answer, Trouble) and self._troubles >= _MOST_TROUBLES:
            raise _Stopped(f"{self._troubles} requests in a row failed. {answer.words}")

    def _encoded(self, parameters: SamplingParameters, prompt: str) -> bytes:
        asked = parameters
        if asked.max_tokens is None:
            asked = asked.replaced("max_tokens", REPLY_TOKENS)
        if not self._is_temperature_taken and self._name != "temperature":
            asked = asked.replaced("temperature", None)
        request = _request(self._endpoint, self._model_id, prompt, asked, tuple(self._learned))
        return chat.encode(request).body

    async def _exchange(self, body: bytes, builder: ResponseBuilder) -> bytes:
        """Fills the builder and returns what came. Raises DroverError."""
        request = self._address.completion(body, self._endpoint)
        raw = bytearray()
        async with self._transport.stream(request) as response:
            if response.status >= 300:
                refusal = await response.read(_ERROR_BODY_BYTES)
                raise chat.provider_error(response.status, dict(response.headers), refusal)
            decoder = chat.ReplyDecoder(self._endpoint, content_type=response.header("content-type"))
            # Left at [DONE], as every run is: a connection read to its end would be used again, and may be
            # closed by the server at that very moment.
            async for _, chunk in response.chunks():
                raw += chunk
                for event in decoder.feed(chunk):
                    builder.feed(event, 0.0)
                if builder.saw_done or builder.delta_count > _BEYOND_LIMIT:
                    break
        for event in decoder.finish():
            builder.feed(event, 0.0)
        return bytes(raw)

    def _read(self, builder: ResponseBuilder, raw: bytes, sent: Sequence[str]) -> Attempt | Failure:
        self._count_tokens(builder.usage)
        tokens = builder.usage.completion_tokens if builder.usage is not None else None
        if (tokens or builder.delta_count) > _BEYOND_LIMIT:
            raise _Stopped(
                f"A reply went on past its limit of {REPLY_TOKENS} tokens, so that further requests could"
                " cost more than was said."
            )
        _, failure = chat.verdict(builder, endpoint_name=self._endpoint.name, sent=sent)
        # Hidden thinking may use up the whole limit, so an empty reply that has an end is a reply.
        if failure is not None and builder.finish_reason is None:
            return self._judged(failure)
        return Reply(
            answer=builder.answer,
            reasoning=builder.reasoning,
            tokens=tokens,
            finish_reason=builder.finish_reason,
            has_logprobs=_LOGPROBS_PATTERN.search(raw) is not None,
            has_alternatives=_ALTERNATIVES_PATTERN.search(raw) is not None,
        )

    def _count_tokens(self, usage: Usage | None) -> None:
        known, tally = usage or Usage(), self._tally
        self._tally = replace(
            tally,
            prompt_tokens=tally.prompt_tokens + (known.prompt_tokens or 0),
            completion_tokens=tally.completion_tokens + (known.completion_tokens or 0),
            unreported=tally.unreported + (known.completion_tokens is None),
        )

    def _judged(self, failure: Failure) -> Attempt | Failure:
        """A failure as it is where a pause is asked for. Raises _Stopped where other requests fail too."""
        match failure.kind:
            case _ if failure.status in _PAUSE_STATUSES and failure.retry_after_s is not None:
                return failure
            case FailureKind.REQUEST:
                words = redact(failure.said or failure.message)
                return Refusal(words=words, parameter=failure.parameter, instead=failure.instead)
            case FailureKind.RATE:
                return failure
            case FailureKind.KEY | FailureKind.CREDITS | FailureKind.NOT_FOUND | FailureKind.CONFIGURATION:
                raise _Stopped(redact(failure.words))
            case _:
                return Trouble(words=redact(f"{failure.message}."))

    def _tell(self, pause_s: float = 0.0) -> None:
        total = len(self._plan.names)
        self._heard(
            ProbeProgress(
                done=self._settled, total=total, name=self._name, tally=self._tally, pause_s=pause_s
            )
        )


class _Stopped(DroverError):
    """The rest of the probe is not worth trying."""


def _request(
    endpoint: Endpoint,
    model_id: str,
    prompt: str,
    parameters: SamplingParameters,
    rejected: tuple[ParameterFact, ...],
) -> RunRequest:
    question = Message(
        id="", conversation_id="", parent_id=None, role=Role.USER, parts=(TextPart(text=prompt),),
        created_at=datetime.now(UTC),
    )  # fmt: skip
    return RunRequest(
        endpoint=endpoint, model_id=model_id, branch=(question,), parameters=parameters, rejected=rejected
    )
