"""What becomes of the thinking of earlier replies when the next request is made."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ThinkingPlan:
    """How much of it goes back to the model that wrote it."""

    replies: int = 0
    """Whose thinking is sent."""
    tokens: int = 0
    """About so many, see `token_estimate`."""
    left_out_replies: int = 0
    left_out_tokens: int = 0
    reason: str = ""
    """Why it is sent, or else why it is left out: a clause for a person. Empty where there is no thinking."""
