"""Whether the same request was answered with the same text."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from drover.domain.conversation import Message
from drover.domain.run import Run, RunStatus

_COMPARABLE = (RunStatus.COMPLETE, RunStatus.CUT)

PartName: TypeAlias = Literal["reasoning", "answer"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeat:
    """How a reply compares with another one to the very same request."""

    run_id: str
    """The run of the other reply."""
    part: PartName | None = None
    """Where the two first differ; None if they are identical."""
    offset: int = 0
    """How many characters of that part are the same in both."""
    has_other_server: bool = False
    """Whether the server called itself by another fingerprint or model."""

    @property
    def is_identical(self) -> bool:
        """Whether thinking and answer are the same, character for character."""
        return self.part is None


def repeats(run: Run, reply: Message, others: Iterable[tuple[Run, Message]]) -> list[Repeat]:
    """The reply beside each of the others, which have to be replies to the same bytes.

    A reply that was stopped or failed says nothing about the model: it is left out, and compared with none.
    """
    if run.status not in _COMPARABLE:
        return []
    return [
        _compared(run, reply, other_run, other)
        for other_run, other in others
        if other_run.status in _COMPARABLE and other_run.id != run.id
    ]


def _compared(run: Run, reply: Message, other_run: Run, other: Message) -> Repeat:
    names = (run.fingerprint, run.model_reported), (other_run.fingerprint, other_run.model_reported)
    has_other_server = names[0] != names[1]
    parts: tuple[tuple[PartName, str, str], ...] = (
        ("reasoning", reply.reasoning, other.reasoning),
        ("answer", reply.text, other.text),
    )
    for part, text, other_text in parts:
        if text != other_text:
            offset = _common_length(text, other_text)
            return Repeat(run_id=other_run.id, part=part, offset=offset, has_other_server=has_other_server)
    return Repeat(run_id=other_run.id, has_other_server=has_other_server)


def _common_length(text: str, other: str) -> int:
    pairs = enumerate(zip(text, other, strict=False))
    return next((index for index, (a, b) in pairs if a != b), min(len(text), len(other)))
