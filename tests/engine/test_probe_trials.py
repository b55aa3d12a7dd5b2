"""What replies show about a parameter."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from drover.domain.endpoint import FactOutcome
from drover.domain.parameters import SPECS
from drover.engine.probe_trials import (
    TRIALS,
    Attempt,
    Refusal,
    Reply,
    Trial,
    Trouble,
    greedy_text,
    judge,
)

ACCEPTED, NO_EFFECT = FactOutcome.ACCEPTED, FactOutcome.NO_EFFECT
BASE = Reply(answer="pear stone even", tokens=16, finish_reason="length")
GREEDY = "apple bread cloud"


def trial(name: str) -> Trial:
    return next(known for known in TRIALS if known.name == name)


def judged(name: str, *attempts: Attempt | str, greedy: str | None = GREEDY) -> tuple[FactOutcome, str]:
    made: Sequence[Attempt] = [Reply(answer=a) if isinstance(a, str) else a for a in attempts]
    finding = judge(trial(name), BASE, made, greedy)
    assert finding.name == name
    return finding.outcome, finding.words


def test_every_parameter_has_a_trial_that_sets_it_and_its_own_judgement() -> None:
    assert {known.name for known in TRIALS} == SPECS.keys() - {"extra", "tool_choice", "parallel_tool_calls"}
    for known in TRIALS:
        assert all(asked.get(known.name) is not None for asked in known.attempts)


@pytest.mark.parametrize(
    ("name", "replies", "outcome"),
    [
        ("temperature", [GREEDY, GREEDY, "zebra"], ACCEPTED),
        ("temperature", [GREEDY, GREEDY, GREEDY], NO_EFFECT),
        ("temperature", [GREEDY, "other", "zebra"], ACCEPTED),
        ("temperature", ["", "", ""], ACCEPTED),
        ("max_tokens", [Reply(answer="pear", tokens=2)], ACCEPTED),
        ("max_tokens", [Reply(answer="pear stone", tokens=9)], NO_EFFECT),
        ("max_tokens", [Reply(answer="pear", finish_reason="length")], ACCEPTED),
        ("max_tokens", [Reply(answer="pear stone even more", finish_reason="stop")], NO_EFFECT),
        ("top_p", [GREEDY], ACCEPTED),
        ("top_k", ["zebra"], NO_EFFECT),
        ("min_p", [""], NO_EFFECT),
        ("frequency_penalty", ["zebra"], ACCEPTED),
        ("presence_penalty", [GREEDY], ACCEPTED),
        ("reasoning_effort", ["a", Reply(answer="a", reasoning="Hm.")], ACCEPTED),
        ("seed", ["zebra", "zebra"], ACCEPTED),
        ("seed", ["zebra", "yak"], NO_EFFECT),
        ("stop", ["p"], ACCEPTED),
        ("stop", ["pear"], NO_EFFECT),
        ("logprobs", [Reply(answer="a", has_logprobs=True)], ACCEPTED),
        ("logprobs", [Reply(answer="a")], NO_EFFECT),
        ("top_logprobs", [Reply(answer="a", has_logprobs=True)], NO_EFFECT),
        ("top_logprobs", [Reply(answer="a", has_alternatives=True)], ACCEPTED),
        ("response_format", ['{"words": []}'], ACCEPTED),
        ("response_format", ['{"words": ["pe'], ACCEPTED),
        ("response_format", ["Sure! pear"], NO_EFFECT),
        ("response_format", ["  "], ACCEPTED),
    ],
)
def test_replies_show_whether_a_value_had_its_effect(
    name: str, replies: list[Attempt | str], outcome: FactOutcome
) -> None:
    found, words = judged(name, *replies)
    assert found is outcome, words
    assert words.endswith(".")


def test_nothing_is_concluded_from_likeliest_tokens_where_replies_vary_at_0() -> None:
    assert judged("top_k", "zebra", greedy=None)[0] is ACCEPTED


def test_what_is_refused_each_time_is_rejected_in_the_servers_words() -> None:
    no = Refusal(words="Unsupported value: only 1 is supported")
    assert judged("temperature", no, no, no) == (FactOutcome.REJECTED, no.words)


def test_one_refused_value_does_not_reject_the_parameter() -> None:
    no = Refusal(words="must be at most 1")
    found = judged("temperature", GREEDY, GREEDY, no)
    assert found == (ACCEPTED, "Taken, but 2.0 was refused: “must be at most 1”")


def test_a_request_that_fails_for_another_reason_shows_nothing() -> None:
    broken = Trouble(words="The server failed (500).")
    assert judged("top_p", broken) == (FactOutcome.UNKNOWN, broken.words)
    assert judged("seed", Refusal(words="no"), broken)[0] is FactOutcome.UNKNOWN


def test_the_reply_of_temperature_0_is_known_only_if_it_is_the_same_twice() -> None:
    assert greedy_text([Reply(answer="a"), Reply(answer="a"), Reply(answer="b")]) == "a"
    assert greedy_text([Reply(answer="a"), Reply(answer="b"), Reply(answer="b")]) is None
    assert greedy_text([Reply(answer=" "), Reply(answer=" "), Reply(answer="b")]) is None
    assert greedy_text([Reply(answer="a"), Trouble(words=""), Reply(answer="b")]) is None
