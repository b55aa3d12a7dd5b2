"""A request that was made elsewhere, as Drover's own values."""

from __future__ import annotations

from dataclasses import dataclass

from drover.domain.conversation import Part, Role, TextPart
from drover.domain.parameters import UNSET, SamplingParameters
from drover.domain.tools import ToolDefinition


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedTurn:
    """One message of the request."""

    role: Role
    parts: tuple[Part, ...]

    @property
    def text(self) -> str:
        """What was said, without the thinking."""
        return "".join(part.text for part in self.parts if isinstance(part, TextPart))


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedRequest:
    """What can be taken over of a request. Holds no credentials."""

    base_url: str = ""
    """Normalised; empty if only a body was given."""
    model_id: str = ""
    parameters: SamplingParameters = UNSET
    system_prompt: str = ""
    turns: tuple[ImportedTurn, ...] = ()
    """Without the system prompt, oldest first."""
    tools: tuple[ToolDefinition, ...] = ()
    """What the model could call; none is bound to a program."""
    notes: tuple[str, ...] = ()
    """Sentences about what was not taken over."""

    @property
    def open_text(self) -> str:
        """The last message, if a person wrote it: what is to be sent next."""
        return self.turns[-1].text if self.turns and self.turns[-1].role is Role.USER else ""

    @property
    def earlier_turns(self) -> tuple[ImportedTurn, ...]:
        """What came before the open text."""
        return self.turns[:-1] if self.open_text else self.turns
