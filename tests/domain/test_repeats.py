"""Two replies to one request, side by side."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.store import values

from drover.domain.conversation import Message
from drover.domain.repeats import Repeat, repeats
from drover.domain.run import Run, RunStatus


def reply(run_id: str, answer: str, reasoning: str = "") -> tuple[Run, Message]:
    """A complete run with its message."""
    run = values.ended(values.run(run_id))
    return run, values.reply(run, answer, reasoning)


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (("so", ""), ("so", ""), Repeat(run_id="b")),
        (("The sky", ""), ("The sea", ""), Repeat(run_id="b", part="answer", offset=5)),
        (("so", "hm, a"), ("so", "hm, b"), Repeat(run_id="b", part="reasoning", offset=4)),
        (("so it is", ""), ("so", ""), Repeat(run_id="b", part="answer", offset=2)),
        (("", ""), ("so", ""), Repeat(run_id="b", part="answer", offset=0)),
    ],
)
def test_the_first_difference_is_found(
    first: tuple[str, str], second: tuple[str, str], expected: Repeat
) -> None:
    (found,) = repeats(*reply("a", *first), [reply("b", *second)])
    assert found == expected
    assert found.is_identical == (first == second)


def test_a_reply_is_not_compared_with_itself_nor_with_one_that_was_stopped() -> None:
    own, other = reply("a", "so"), reply("b", "so")
    stopped = (replace(other[0], id="c", status=RunStatus.STOPPED), other[1])
    assert repeats(*own, [own, stopped, other]) == [Repeat(run_id="b")]
    assert repeats(replace(own[0], status=RunStatus.FAILED), own[1], [other]) == []


def test_a_server_that_calls_itself_otherwise_is_noted() -> None:
    run, message = reply("b", "so")
    (found,) = repeats(*reply("a", "so"), [(replace(run, fingerprint="fp_2"), message)])
    assert found.is_identical
    assert found.has_other_server
