"""What became of each parameter on its way from the person to the server."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from drover.domain.parameters import SPECS, ParameterValue
from drover.domain.run import Adjustment, Run

_NO_PARAMETERS = frozenset({"model", "messages", "stream"})
"""Keys of every body that are no parameters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """One key of the body: what was asked for, how that was adjusted, and what was sent."""

    name: str
    asked: ParameterValue | None
    """None where nothing was."""
    adjustments: tuple[Adjustment, ...] = ()
    is_sent: bool
    """Whether the key stands in the body."""
    sent: Any = None
    """Its value in the body, which may be null."""


def provenance(run: Run, body: Mapping[str, Any]) -> tuple[Provenance, ...]:
    """A row for everything that was asked for, adjusted or sent, in this order; `body` is as it was sent."""
    asked = dict(run.parameters)
    adjusted: dict[str, list[Adjustment]] = {}
    for adjustment in run.adjustments:
        adjusted.setdefault(adjustment.name, []).append(adjustment)
    names = dict.fromkeys([*asked, *adjusted, *(name for name in body if name not in _NO_PARAMETERS)])
    return tuple(
        Provenance(
            name=name,
            asked=asked.get(name),
            adjustments=tuple(adjusted.get(name, ())),
            is_sent=name in body,
            sent=body.get(name) if name not in _NO_PARAMETERS else None,
        )
        for name in names
    )


def neither_asked_nor_sent(rows: tuple[Provenance, ...]) -> list[str]:
    """The parameters of the catalogue that no row is about, in declared order."""
    known = {row.name for row in rows}
    return [name for name in SPECS if name not in known and name != "extra"]


def body_fields(body: bytes) -> dict[str, Any]:
    """The keys of a request body; none for one that is no JSON object, or not there yet."""
    try:
        fields = json.loads(body)
    except ValueError:
        return {}
    return fields if isinstance(fields, dict) else {}
