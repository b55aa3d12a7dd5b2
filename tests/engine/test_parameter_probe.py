"""A probe of a model: against a server that behaves as the test says, and against the built-in one."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.provider import EVENT_STREAM, Head, Provider, ReceivedRequest, Send, Stall, Step, event, json_steps
from tests.test_local_server import needs_model

from drover.domain.endpoint import BUILT_IN, OXEN, Endpoint, FactOutcome, ModelCard, ParameterFact
from drover.engine.parameter_probe import ProbeProgress
from drover.engine.workbench import Workbench
from drover.errors import MissingKey
from drover.paths import Profile

GREEDY = "apple bread cloud even"
Answers = Callable[[dict[str, Any]], Sequence[Step] | str]


def streamed(text: str, body: dict[str, Any]) -> list[Step]:
    """A reply as a server sends it that cuts at the limit, a word being a token."""
    words = text.split(" ")[: body.get("max_tokens") or body.get("max_completion_tokens") or 99]
    choice: dict[str, Any] = {"index": 0, "delta": {"content": " ".join(words)}, "finish_reason": "length"}
    if body.get("logprobs"):
        top = [{"token": "a", "logprob": -0.1}][: body.get("top_logprobs", 0)]
        choice["logprobs"] = {"content": [{"token": "a", "logprob": -0.1, "top_logprobs": top}]}
    steps: list[Step] = [Head(headers={"Content-Type": EVENT_STREAM}), Send(event({"choices": [choice]}))]
    if "stream_options" in body:
        usage = {"prompt_tokens": 10, "completion_tokens": len(words)}
        steps.append(Send(event({"choices": [], "usage": usage})))
    return [*steps, Send(event("[DONE]"))]


def refused(name: str, words: str = "") -> list[Step]:
    return json_steps(400, {"error": {"message": words or f"Unsupported parameter: '{name}'", "param": name}})


class Model:
    """A server whose sampling is as random as asked for, and which never repeats itself otherwise."""

    def __init__(self, provider: Provider, special: Answers | None = None) -> None:
        self._special = special
        self._count = itertools.count()
        provider.respond(self._answer)

    def _answer(self, request: ReceivedRequest) -> Sequence[Step]:
        body = request.json
        special = self._special(body) if self._special is not None else ""
        if not isinstance(special, str):
            return special
        return streamed(special or self._text(body), body)

    def _text(self, body: dict[str, Any]) -> str:
        if "response_format" in body:
            return '{"words": ["pear"]}'
        if "stop" in body:
            return "p"
        is_greedy = body.get("temperature") == 0 or body.get("top_p") == 0.01
        is_greedy = is_greedy or body.get("top_k") == 1 or body.get("min_p") == 1
        if is_greedy and not any("penalty" in name for name in body):
            return GREEDY
        return f"seeded {body['seed']}" if "seed" in body else f"some even number {next(self._count)}"


class Probing:
    """A profile with the scripted server, and what a probe told."""

    def __init__(self, workbench: Workbench, endpoint: Endpoint) -> None:
        self.workbench = workbench
        self.endpoint = endpoint
        self.told: list[ProbeProgress] = []

    async def probe(self) -> str:
        """Why it stopped."""
        report = await self.workbench.probe_parameters(self.endpoint, "m", self.told.append)
        return report.why_stopped

    def outcomes(self) -> dict[str, FactOutcome]:
        return {fact.name: fact.outcome for fact in self.workbench.facts(self.endpoint, "m")}

    def fact(self, name: str) -> ParameterFact:
        return next(fact for fact in self.workbench.facts(self.endpoint, "m") if fact.name == name)


@asynccontextmanager
async def probing(profile: Profile, base_url: str) -> AsyncIterator[Probing]:
    workbench = Workbench.open(profile, lambda _: None)
    endpoint = Endpoint(id="lab", name="Lab", base_url=base_url, needs_key=False)
    try:
        await workbench.save_endpoint(endpoint)
        yield Probing(workbench, endpoint)
    finally:
        await workbench.close()


async def test_a_server_that_does_all_it_is_asked_accepts_everything(
    profile: Profile, provider: Provider
) -> None:
    Model(provider)
    async with probing(profile, provider.base_url) as p:
        plan = p.workbench.probe_plan(p.endpoint, "m", None)
        assert await p.probe() == ""
        assert p.outcomes() == dict.fromkeys([*plan.names, "stream_options"], FactOutcome.ACCEPTED)
        assert p.fact("top_k").words == ("With one token to choose from the reply was that of temperature 0.")
        assert all(fact.is_probed for fact in p.workbench.facts(p.endpoint, "m"))
        last = p.told[-1]
        assert (last.done, last.total) == (len(plan.names), len(plan.names))
        assert last.tally.requests == len(provider.requests) == plan.most_requests - 2
        assert last.tally.prompt_tokens == 10 * len(provider.requests)
        limits = {request.json["max_tokens"] for request in provider.requests}
        assert limits == {16, 2}
        reader = p.workbench.open_reader()
        assert reader.conversations() == []
        reader.close()


async def test_what_a_server_refuses_or_ignores_is_told_apart(profile: Profile, provider: Provider) -> None:
    def answer(body: dict[str, Any]) -> Sequence[Step] | str:
        if "top_p" in body:
            return refused("top_p", "top_p is fixed for this model")
        if "seed" in body:
            return json_steps(500, {"error": {"message": "boom"}})
        return "any even reply that ignores top_k" if "top_k" in body else ""

    Model(provider, answer)
    async with probing(profile, provider.base_url) as p:
        assert await p.probe() == ""
        outcomes = p.outcomes()
        assert outcomes["top_p"] is FactOutcome.REJECTED
        assert p.fact("top_p").words == "top_p is fixed for this model"
        assert outcomes["top_k"] is FactOutcome.NO_EFFECT
        assert outcomes["seed"] is FactOutcome.UNKNOWN
        assert "boom" in p.fact("seed").words
        assert outcomes["temperature"] is FactOutcome.ACCEPTED


async def test_a_refused_temperature_is_asked_for_once_a_value_and_nowhere_else(
    profile: Profile, provider: Provider
) -> None:
    Model(provider, lambda body: refused("temperature") if "temperature" in body else "")
    async with probing(profile, provider.base_url) as p:
        assert await p.probe() == ""
        assert p.outcomes()["temperature"] is FactOutcome.REJECTED
        assert p.outcomes()["seed"] is FactOutcome.ACCEPTED
        sent = [
            request.json["temperature"] for request in provider.requests if b"temperature" in request.body
        ]
        assert sent == [0.0, 2.0]


async def test_the_names_that_a_server_wants_are_learned_from_the_first_request(
    profile: Profile, provider: Provider
) -> None:
    def answer(body: dict[str, Any]) -> Sequence[Step] | str:
        if "max_tokens" in body:
            return refused(
                "max_tokens", "'max_tokens' is not supported. Use 'max_completion_tokens' instead."
            )
        return refused("stream_options") if "stream_options" in body else ""

    Model(provider, answer)
    async with probing(profile, provider.base_url) as p:
        assert await p.probe() == ""
        assert p.fact("max_tokens").renamed_to == "max_completion_tokens"
        assert p.fact("stream_options").is_left_out
        assert len(provider.requests) <= p.workbench.probe_plan(p.endpoint, "m", None).most_requests
        assert all(request.json["max_completion_tokens"] == 16 for request in provider.requests[2:])
        assert p.told[-1].tally.unreported == len(provider.requests) - 2


@pytest.mark.parametrize(
    ("status", "words", "why"),
    [
        (401, "Invalid API key", "Lab did not accept the key"),
        (400, "Unsupported parameter: 'max_tokens'", "It takes no limit on the reply"),
        (400, "The model is sad", "A request without any parameter failed"),
        (429, "Slow down", "too many requests"),
    ],
)
async def test_a_first_request_that_fails_ends_the_probe(
    profile: Profile, provider: Provider, status: int, words: str, why: str
) -> None:
    provider.fails(status, {"error": {"message": words}})
    async with probing(profile, provider.base_url) as p:
        assert why in await p.probe()
        assert len(provider.requests) == 1


async def test_a_pause_that_is_asked_for_is_made(profile: Profile, provider: Provider) -> None:
    provider.fails(429, headers={"Retry-After": "0.01"})
    Model(provider)
    async with probing(profile, provider.base_url) as p:
        assert await p.probe() == ""
        assert [told.pause_s for told in p.told if told.pause_s] == [0.01]
        assert p.told[-1].tally.requests == len(provider.requests)


async def test_a_server_that_is_gone_is_not_asked_for_ever(profile: Profile, provider: Provider) -> None:
    Model(provider, lambda body: json_steps(502, {}) if "temperature" in body else "")
    async with probing(profile, provider.base_url) as p:
        assert (await p.probe()).startswith("3 requests in a row failed.")
        assert len(provider.requests) == 4


async def test_a_server_that_keeps_to_no_limit_is_asked_once(profile: Profile, provider: Provider) -> None:
    provider.answers("word " * 100, pause_after=60)
    async with probing(profile, provider.base_url) as p:
        assert (await p.probe()).startswith("A reply went on past its limit of 16 tokens")
        (asked,) = provider.requests
        await asked.closed.reached()


async def test_a_stopped_probe_keeps_what_it_found(profile: Profile, provider: Provider) -> None:
    Model(provider, lambda body: [Stall()] if "top_p" in body else "")
    async with probing(profile, provider.base_url) as p:
        task = asyncio.create_task(p.probe())
        stalled = await provider.request(5)
        await stalled.paused.reached()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await stalled.closed.reached()
        assert p.outcomes().keys() == {"stream_options", "temperature", "max_tokens"}


async def test_an_unknown_outcome_does_not_replace_what_is_known(
    profile: Profile, provider: Provider
) -> None:
    Model(provider, lambda body: json_steps(500, {}) if "seed" in body else "")
    async with probing(profile, provider.base_url) as p:
        known = ParameterFact(
            endpoint_id="lab", model_id="m", name="seed", outcome=FactOutcome.REJECTED,
            words="no seed", noted_at=datetime(2026, 11, 3, tzinfo=UTC),
        )  # fmt: skip
        await p.workbench.note_facts([known])
        assert await p.probe() == ""
        assert p.fact("seed") == known


async def test_the_cost_is_known_only_where_the_price_is(profile: Profile, provider: Provider) -> None:
    async with probing(profile, provider.base_url) as p:
        card = ModelCard(id="m", input_usd_per_token=1e-6, output_usd_per_token=5e-6)
        plan = p.workbench.probe_plan(p.endpoint, "m", card)
        assert plan.most_usd == pytest.approx(plan.most_requests * 180e-6)
        unpriced = replace(card, output_usd_per_token=None)
        assert p.workbench.probe_plan(p.endpoint, "m", unpriced).most_usd is None
        assert provider.requests == []


async def test_what_is_never_sent_to_a_server_is_not_tried(profile: Profile, provider: Provider) -> None:
    async with probing(profile, provider.base_url) as p:
        plan = p.workbench.probe_plan(OXEN, "openai-gpt-oss-20b", None)
        assert plan.skipped.keys() == {"top_k", "min_p", "repeat_penalty"}
        assert not plan.skipped.keys() & set(plan.names)
        with pytest.raises(MissingKey):
            await p.workbench.probe_parameters(OXEN, "openai-gpt-oss-20b", p.told.append)
        assert p.told == []


@needs_model
async def test_the_built_in_model_shows_the_effect_of_what_it_takes(profile: Profile) -> None:
    workbench = Workbench.open(profile, lambda _: None)
    try:
        report = await workbench.probe_parameters(BUILT_IN, workbench.built_in_model_id, lambda _: None)
        assert report.why_stopped == ""
        facts = {fact.name: fact for fact in workbench.facts(BUILT_IN, workbench.built_in_model_id)}
        seen = {name: fact.outcome for name, fact in facts.items()}
        assert seen == dict.fromkeys(seen, FactOutcome.ACCEPTED), facts
        assert facts["temperature"].words == "Two replies at 0 were the same, one at 2 was another."
        assert facts["seed"].words == "Two replies with the same seed were the same."
        assert facts["top_k"].words.endswith("was that of temperature 0.")
        assert facts["reasoning_effort"].words == "It made the model think first."
        assert facts["max_tokens"].words == "The reply ended at the limit."
        assert facts["logprobs"].words == "The probabilities of the tokens came with the reply."
        assert facts["response_format"].words.startswith("The reply ")
        assert report.tally.unreported == 0
    finally:
        await workbench.close()
