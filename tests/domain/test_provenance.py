"""What became of each parameter."""

from __future__ import annotations

from dataclasses import replace

from tests.domain.test_timeline import run_with

from drover.domain.parameters import SPECS, Json, SamplingParameters
from drover.domain.provenance import body_fields, neither_asked_nor_sent, provenance
from drover.domain.run import Adjustment, Run, Timing

BODY = b'{"model":"m","messages":[],"temperature":0.2,"stream":true,"stream_options":{"include_usage":true}}'


def asked(**values: object) -> Run:
    return replace(run_with(Timing()), parameters=SamplingParameters.from_dict(values))


def test_asked_adjusted_and_sent_stand_beside_each_other() -> None:
    dropped = Adjustment(name="top_k", action="dropped", reason="not taken here")
    added = Adjustment(name="stream_options", action="added", reason="so that usage is reported")
    run = replace(asked(temperature=0.2, top_k=5), adjustments=(dropped, added))
    rows = provenance(run, body_fields(BODY))
    assert [(row.name, row.asked, row.adjustments, row.is_sent, row.sent) for row in rows] == [
        ("temperature", 0.2, (), True, 0.2),
        ("top_k", 5, (dropped,), False, None),
        ("stream_options", None, (added,), True, {"include_usage": True}),
    ]


def test_a_key_that_nobody_asked_for_has_a_row() -> None:
    rows = provenance(asked(), {"model": "m", "max_completion_tokens": 9})
    assert [(row.name, row.asked, row.sent) for row in rows] == [("max_completion_tokens", None, 9)]


def test_a_null_that_was_sent_is_not_absent() -> None:
    (row,) = provenance(asked(extra={"user": None}), {"user": None})
    assert (row.asked, row.is_sent, row.sent) == (Json("null"), True, None)


def test_every_parameter_of_the_catalogue_has_a_row_or_is_named_as_not_asked() -> None:
    values = {
        name: plain for name, spec in SPECS.items() if name != "extra" and (plain := _value(name)) is not None
    }
    rows = provenance(asked(**values), {})
    assert [row.name for row in rows] == list(values)
    assert neither_asked_nor_sent(rows) == []
    assert neither_asked_nor_sent(()) == [name for name in SPECS if name != "extra"]


def _value(name: str) -> object:
    initial = SPECS[name].initial
    if isinstance(initial, Json):
        return initial.value
    return ["stop"] if initial == () else initial


def test_a_body_that_is_no_object_has_no_keys() -> None:
    assert body_fields(b"[1]") == body_fields(b"") == body_fields(b"{") == {}
