"""Runs: one model call each, with everything needed to explain or repeat it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from drover.domain.conversation import Message, ReasoningReplay
from drover.domain.endpoint import Endpoint, ParameterFact
from drover.domain.parameters import SamplingParameters
from drover.errors import running_text

if TYPE_CHECKING:
    from drover.domain.attempts import FailedAttempt, NextAttempt
    from drover.domain.tools import ToolDefinition

_LEAST_MS = 50.0


class RunStatus(StrEnum):
    """How far a run is, or how it ended."""

    QUEUED = "queued"
    RUNNING = "running"
    COMPLETE = "complete"
    CUT = "cut"
    """Ended by the token limit."""
    STOPPED = "stopped"
    """Ended by the person."""
    FILTERED = "filtered"
    """Ended by the server's content filter."""
    INCOMPLETE = "incomplete"
    """The stream ended without saying that it was done."""
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    """The program ended while it ran; the journaled text is kept."""

    @property
    def is_live(self) -> bool:
        """Whether the run may still change."""
        return self in (RunStatus.QUEUED, RunStatus.RUNNING)


class Origin(NamedTuple):
    """Who wrote a reply. Thinking and signatures go back to nobody else."""

    endpoint_id: str
    base_url: str
    model_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRequest:
    """One model call as asked for, before any adjustment to the server."""

    endpoint: Endpoint
    model_id: str
    branch: tuple[Message, ...]
    """The messages to send, oldest first, the last one by the user, or with the results of tools."""
    parameters: SamplingParameters
    system_prompt: str = ""
    rejected: tuple[ParameterFact, ...] = ()
    """What this model refused before: left out, or sent under the name that the server asked for."""
    reading: str = ""
    """How the reply is to be read, see `Message.reading`."""
    prefill: str = ""
    """How the reply is to begin, tags of thinking included. Only for servers that go on with it."""
    tools: tuple[ToolDefinition, ...] = ()
    """What the model may call."""
    attached: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    """The bytes of every attachment in the branch, by hash."""
    origins: Mapping[str, Origin] = field(default_factory=dict)
    """Who wrote the replies in the branch, by message id; those of unknown origin are missing."""
    reasoning_replay: ReasoningReplay = ReasoningReplay.AS_REQUIRED


@dataclass(frozen=True, slots=True, kw_only=True)
class Adjustment:
    """A difference between what was asked and what was sent, with its reason. Never silent."""

    name: str
    """The parameter or body key concerned."""
    action: str
    """One of `renamed`, `clamped`, `dropped`, `added`, `translated`, `merged`, `prefilled`."""
    reason: str
    """A sentence for a person."""


class FailureKind(StrEnum):
    """What helps: each kind has its own next step."""

    KEY = "key"
    CREDITS = "credits"
    NOT_FOUND = "not_found"
    RATE = "rate"
    REQUEST = "request"
    CONTEXT = "context"
    SERVER = "server"
    CONNECTION = "connection"
    PROTOCOL = "protocol"
    CONFIGURATION = "configuration"
    BUG = "bug"


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """What went wrong, as a value on the run."""

    kind: FailureKind
    message: str
    """What happened, one sentence, with the server's own words quoted where there are any."""
    hint: str = ""
    """What to do next."""
    detail: str = ""
    """For the Details view: status line, body (capped, free of credentials), request id."""
    status: int | None = None
    retry_after_s: float | None = None
    parameter: str | None = None
    """The optional parameter that the server named as the culprit, by wire name."""
    instead: str | None = None
    """The key that it asked for in the place of that parameter."""
    said: str = ""
    """The server's own words in one line, capped and free of credentials; empty where it said nothing."""

    @property
    def words(self) -> str:
        """Message and hint as running text."""
        return running_text(self.message, self.hint)


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Token counts as the server gave them; None where it said nothing. Never recomputed."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    total_tokens: int | None = None
    reasoning_tokens: int | None = None
    """Inside `completion_tokens` at OpenAI, outside at xAI: shown as given."""
    cached_tokens: int | None = None
    cost_usd: float | None = None
    raw_json: str = "{}"
    """The whole object as received."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """Milliseconds since the request was handed to the network; None where that point was not reached."""

    connect_ms: float | None = None
    """The connection stood; None also when one was reused."""
    first_byte_ms: float | None = None
    """The head of the response had arrived."""
    first_token_ms: float | None = None
    reasoning_started_ms: float | None = None
    reasoning_ended_ms: float | None = None
    last_token_ms: float | None = None
    total_ms: float | None = None
    tls: str | None = None
    """Version and cipher of the connection that stood then; None without encryption."""

    @property
    def reasoning_ms(self) -> float | None:
        """How long the model thought; None if it did not, or never got to an answer and never ended."""
        if self.reasoning_started_ms is None:
            return None
        end = self.reasoning_ended_ms or self.last_token_ms
        return None if end is None else end - self.reasoning_started_ms


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One model call: what was asked, what was sent, and how it ended."""

    id: str
    conversation_id: str
    parent_id: str
    """The message that it answers: of a person, or with the results of tools."""
    message_id: str
    """The assistant message that it fills; exists once the run has settled."""
    endpoint_id: str
    endpoint_name: str
    base_url: str
    model_id: str
    parameters: SamplingParameters
    """As asked."""
    system_prompt: str
    status: RunStatus
    created_at: datetime
    adjustments: tuple[Adjustment, ...] = ()
    request_body: bytes = b""
    """The exact bytes sent, UTF-8 JSON."""
    finish_reason: str | None = None
    usage: Usage | None = None
    timing: Timing = Timing()
    failure: Failure | None = None
    model_reported: str = ""
    fingerprint: str = ""
    delta_count: int = 0
    """Deltas that carried text: the estimate of tokens where the server reported none."""
    reasoning_delta_count: int = 0
    settled_at: datetime | None = None
    failed_attempts: tuple[FailedAttempt, ...] = ()
    """Tries before the one that the rest tells of, oldest first."""

    @property
    def parameters_sent(self) -> SamplingParameters:
        """What was asked, without what was dropped before sending."""
        return self.parameters.without([a.name for a in self.adjustments if a.action == "dropped"])

    @property
    def reasoning_tokens(self) -> int | None:
        """Tokens of thinking: as reported, else estimated from the deltas; None if it did not think."""
        if self.usage is not None and self.usage.reasoning_tokens:
            return self.usage.reasoning_tokens
        return self.reasoning_delta_count or None

    @property
    def completion_tokens(self) -> int | None:
        """Tokens of the reply: as reported, else estimated from the deltas."""
        if self.usage is not None and self.usage.completion_tokens is not None:
            return self.usage.completion_tokens
        return self.delta_count or None

    @property
    def has_reported_usage(self) -> bool:
        """Whether `completion_tokens` is the server's number and not an estimate."""
        return self.usage is not None and self.usage.completion_tokens is not None

    @property
    def tokens_per_s(self) -> float | None:
        """Tokens after the first, over the time they took; None for fewer than two, or where they took too
        short a time to tell a pace, such as those that came in one packet."""
        first, last, tokens = self.timing.first_token_ms, self.timing.last_token_ms, self.completion_tokens
        if first is None or last is None or tokens is None or tokens < 2 or last - first < _LEAST_MS:
            return None
        return (tokens - 1) * 1000.0 / (last - first)


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """The bytes of a run, for inspection and replay. Holds no credentials."""

    run_id: str
    request_line: str
    """Such as `POST https://host/v1/chat/completions`."""
    request_headers: tuple[tuple[str, str], ...] = ()
    """Names and values as sent, credentials replaced by the name of their variable."""
    response_status: int | None = None
    response_headers: tuple[tuple[str, str], ...] = ()
    http_version: str = ""
    raw_stream: bytes = b""
    """The response body as received, decompressed from the content coding."""
    chunk_marks: tuple[tuple[float, int], ...] = ()
    """(milliseconds since sending, bytes received so far) after each network chunk."""


class LivePhase(StrEnum):
    """What a live run is doing."""

    PREPARING = "preparing"
    """Looking up the key, or starting the built-in server."""
    WAITING = "waiting"
    """Sent; nothing that can be shown has come back."""
    STREAMING = "streaming"
    PAUSED = "paused"
    """A try failed; the next one follows by itself."""


class LiveRun:
    """A run in progress: its stored facts and the growing reply. Owned by the engine, read by views."""

    def __init__(self, run: Run, started_at_s: float) -> None:
        """`started_at_s` is on the clock of `time.monotonic()`."""
        self.run = run
        from drover.domain.stream import ResponseBuilder  # not for the first frame

        self.builder = ResponseBuilder()
        self.started_at_s = started_at_s
        self.phase = LivePhase.PREPARING
        self.next_attempt: NextAttempt | None = None
        """Another try that is waited for or under way; None at the first one, and once an answer comes."""

    def silence_s(self, now_s: float) -> float:
        """For how long nothing of the reply has come, at `now_s` of `time.monotonic()`."""
        return max(0.0, now_s - self.started_at_s - (self.builder.last_token_s or 0.0))
