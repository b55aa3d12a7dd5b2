"""What real servers sent, whole and in any cut, must end in what an independent reader made of it."""

from __future__ import annotations

import random

import pytest
from tests.wire.recordings import body, names, notations, outcome, outcome_of
from tests.wire.replies import built, pieces

pytestmark = pytest.mark.skipif(not names(), reason="the folder of recorded streams is not here")


@pytest.mark.parametrize("name", names())
def test_a_recording_ends_as_expected(name: str) -> None:
    assert outcome_of(built([body(name)])) == outcome(name)


@pytest.mark.parametrize("name", names())
def test_a_recording_in_any_cut_ends_as_expected(name: str) -> None:
    recorded = body(name)
    chance = random.Random(name)
    few = [chance.randrange(len(recorded)) for _ in range(12)]
    many = [chance.randrange(len(recorded)) for _ in range(len(recorded) // 40)]

    assert outcome_of(built(pieces(recorded, few))) == outcome(name)
    assert outcome_of(built(pieces(recorded, many))) == outcome(name)


@pytest.mark.parametrize("name", [name for name in names() if "tool" in name or "mistral" in name])
def test_a_recording_with_other_line_ends_byte_by_byte_ends_as_expected(name: str) -> None:
    recorded = body(name).replace(b"\n", b"\r\n")

    assert outcome_of(built([recorded[i : i + 1] for i in range(len(recorded))])) == outcome(name)


@pytest.mark.parametrize("name", names())
def test_a_recording_in_another_notation_ends_as_expected(name: str) -> None:
    chance = random.Random(name)
    count = 2 if len(body(name)) > 50_000 else 20
    for notation in chance.sample(list(notations()), count):
        written = notation.write(body(name))
        cuts = [chance.randrange(len(written)) for _ in range(100)]

        assert outcome_of(built(pieces(written, cuts))) == outcome(name), str(notation)
