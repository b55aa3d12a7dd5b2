"""When a failed request is sent once more without being asked, and after how long."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from drover.domain.run import Failure, FailureKind
from drover.errors import ConnectionFailed, DroverError, ProviderError

LONGEST_WAIT_S = 120.0
"""A server that asks for more is not asked again: its time is told instead."""
_LONGEST_BACKOFF_S = 8.0
_PASSING_STATUSES = frozenset(
    {408, 409, 425, 429, 498, 500, 502, 503, 504, 520, 521, 522, 523, 524, 525, 526, 529}
)
_PASSING_KINDS = (FailureKind.RATE, FailureKind.SERVER)
"""Whatever the status: an overflow or a lack of credit does not pass."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """Repeats what may pass by itself. Whoever asks sees to it that nothing of an answer had come: chat
    completions are not idempotent, and a second one costs again.

    The numbers are those of the clients that most servers are made for (openai-python: two retries, half a
    second doubled up to eight, a quarter of jitter, the server's own wait up to two minutes).
    """

    most: int = 2
    base_s: float = 0.5
    chance: Callable[[], float] = random.random
    """Gives numbers from 0 to 1, so that many clients do not come back in one moment."""

    def most_after(self, error: DroverError) -> int:
        """How often a request is repeated that failed like this, counted over all its failures."""
        # 524: Cloudflare waited 100 s in vain, and the server may still be working on it.
        is_long = isinstance(error, ProviderError) and error.status == 524
        return min(self.most, 1) if is_long else self.most

    def wait_s(self, error: DroverError, failure: Failure, made: int) -> float | None:
        """Seconds until the next try after `made` retries; None for none. `failure` is the error in words."""
        if made >= self.most_after(error) or not _may_pass(error, failure):
            return None
        asked_s = error.retry_after_s if isinstance(error, ProviderError) else None
        if asked_s is not None and asked_s > 0:
            return asked_s
        return min(self.base_s * 2.0**made, _LONGEST_BACKOFF_S) * (1.0 - 0.25 * self.chance())


def _may_pass(error: DroverError, failure: Failure) -> bool:
    match error:
        case ConnectionFailed():
            # Not a server that is silent past the limit: it may well be at work on it, and counting.
            return error.is_passing
        case ProviderError():
            wait_s = error.retry_after_s
            if wait_s is not None and wait_s > LONGEST_WAIT_S:
                return False
            if error.should_repeat is not None:
                return error.should_repeat
            if error.status == 402:  # OpenRouter's budget for what is under way at once is free again soon
                return wait_s is not None
            return error.status in _PASSING_STATUSES and failure.kind in _PASSING_KINDS
        case _:
            return False
