"""The life of one run: encode, send, decode, build, journal, settle."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Protocol

from drover.domain.attachments import refused_kind, sent_kinds, shortened_data
from drover.domain.attempts import FailedAttempt, NextAttempt
from drover.domain.conversation import (
    Message,
    Node,
    Part,
    ReasoningPart,
    Role,
    TextPart,
    ToolCallPart,
    ToolResultPart,
)
from drover.domain.endpoint import Endpoint
from drover.domain.request_outline import sent_settings
from drover.domain.run import (
    Adjustment,
    Exchange,
    Failure,
    FailureKind,
    LivePhase,
    LiveRun,
    Run,
    RunRequest,
    RunStatus,
    Timing,
)
from drover.domain.stream import ResponseBuilder
from drover.engine.retries import RetryPolicy
from drover.engine.threads import in_daemon_thread
from drover.engine.transport import HttpRequest, HttpResponse, NetworkAccess, Transport, headers_as_sent
from drover.errors import ConnectionFailed, DroverError, LibraryError, ProtocolError, ProviderError
from drover.log import logger, masked, masked_text, redact
from drover.wire import chat

_log = logger("engine")

JOURNAL_INTERVAL_S = 0.5
"""Text is on disk at most this long after it arrived, plus the time of one write."""
_ERROR_BODY_BYTES = 64_000
_ERROR_BODY_S = 10.0
_MANY_MESSAGES = 400
_LARGE_CHARS = 500_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where a request goes, and with which key."""

    base_url: str
    key: str | None
    key_variable: str
    """What stands for the key wherever the request is shown."""
    network: NetworkAccess = field(default_factory=NetworkAccess)

    def completion(self, body: bytes, endpoint: Endpoint) -> HttpRequest:
        """A request for a completion, with the patience that the endpoint allows."""
        return HttpRequest(
            url=f"{self.base_url}/chat/completions",
            headers=(("Authorization", f"Bearer {self.key}"),) if self.key else (),
            body=body,
            connect_timeout_s=endpoint.connect_timeout_s,
            first_byte_timeout_s=endpoint.first_byte_timeout_s,
            idle_timeout_s=endpoint.idle_timeout_s,
            network=self.network,
        )


class Journal(Protocol):
    """The writes that a run makes. Each is one transaction; each may raise LibraryError."""

    async def start(self, run_id: str, request_body: bytes, adjustments: tuple[Adjustment, ...]) -> None:
        """Before a byte leaves."""

    async def keep(self, run_id: str, parts: tuple[Part, ...]) -> None:
        """The reply so far, of which only the news is written."""

    async def settle(self, run: Run, message: Message, exchange: Exchange | None) -> None:
        """The outcome."""


class _Recording:
    """Collects the exchange of one attempt."""

    def __init__(self, request: HttpRequest, address: Address) -> None:
        self.request = request
        self.address = address
        self.status: int | None = None
        self.response_headers: tuple[tuple[str, str], ...] = ()
        self.http_version = ""
        self.tls = ""
        self.connect_ms: float | None = None
        self.first_byte_ms: float | None = None
        self.chunks: list[bytes] = []
        self.marks: list[tuple[float, int]] = []
        self._received = 0

    def take_head(self, response: HttpResponse) -> None:
        self.status = response.status
        self.response_headers = response.headers
        self.http_version = response.http_version
        self.tls = response.tls
        self.connect_ms = response.connect_ms
        self.first_byte_ms = response.first_byte_ms

    def take_chunk(self, at_ms: float, chunk: bytes) -> None:
        self.chunks.append(chunk)
        self._received += len(chunk)
        self.marks.append((at_ms, self._received))

    def exchange(self, run_id: str) -> Exchange:
        return Exchange(
            run_id=run_id,
            request_line=f"{self.request.method} {self.request.url}",
            request_headers=tuple(
                (name, f"Bearer ${self.address.key_variable}" if name.lower() == "authorization" else value)
                for name, value in headers_as_sent(self.request)
            ),
            response_status=self.status,
            response_headers=tuple((name, redact(value)) for name, value in self.response_headers),
            http_version=self.http_version,
            raw_stream=masked(b"".join(self.chunks)),
            chunk_marks=tuple(self.marks),
        )


class Runner:
    """Carries out one run from a stored QUEUED row to a settled one. Used once."""

    def __init__(
        self,
        live: LiveRun,
        request: RunRequest,
        *,
        transport: Transport,
        journal: Journal,
        locate: Callable[[], Awaitable[Address]],
        advanced: Callable[[], None],
        encoded: chat.EncodedRequest | None = None,
        retries: RetryPolicy,
    ) -> None:
        """`locate` finds address and key, starting a local server if need be; `advanced` hears of news,
        once per network chunk and at each change of phase. `encoded` is sent as it is instead of what the
        request would give."""
        self._live = live
        self._request = request
        self._transport = transport
        self._journal = journal
        self._locate = locate
        self._advanced = advanced
        self._encoded = encoded
        self._retries = retries
        self._recording: _Recording | None = None
        self._prefill = ""
        self._journaled_count = 0
        self._wake = asyncio.Event()
        self.outcome: tuple[Run, Message, Exchange | None] | None = None
        """What was to be stored at the end; set before it is, so that it survives a failing disk."""

    def retry_now(self) -> None:
        """Ends the wait for the next try."""
        self._wake.set()

    async def execute(self) -> Run:
        """Runs to the end and returns the settled run. Cancelling the task means that the person stopped it:
        the run settles as STOPPED with what arrived, and the cancellation is raised again."""
        live = self._live
        failure: Failure | None = None
        was_cancelled: asyncio.CancelledError | None = None
        journaling = asyncio.create_task(self._journal_regularly())
        try:
            await self._attempt_until_answered()
        except asyncio.CancelledError as cancelled:
            was_cancelled = cancelled
        except DroverError as error:
            failure = self._failure_of(error)
        except Exception as error:
            _log.exception("A run failed in an unforeseen way.")
            failure = Failure(
                kind=FailureKind.BUG,
                message="Drover itself failed while reading the answer.",
                hint="Please report this with the details.",
                detail=redact(f"{type(error).__name__}: {error}"),
            )
        ending = asyncio.create_task(self._end(journaling, failure, stopped=was_cancelled is not None))
        was_cancelled = await _through_cancellation(ending) or was_cancelled
        if was_cancelled is not None:
            raise was_cancelled
        return live.run

    async def _end(self, journaling: asyncio.Task[None], failure: Failure | None, *, stopped: bool) -> None:
        journaling.cancel()
        await asyncio.gather(journaling, return_exceptions=True)
        await self._settle(failure, stopped=stopped)

    async def _attempt_until_answered(self) -> None:
        live = self._live
        encoded = self._encoded or await encoded_request(self._request)
        self._prefill = chat.prefill_of(encoded.body, encoded.adjustments)
        if self._prefill:
            self._begin_reply()
        live.run = replace(
            live.run, status=RunStatus.RUNNING, request_body=encoded.body, adjustments=encoded.adjustments
        )
        await self._journal.start(live.run.id, encoded.body, encoded.adjustments)
        address = await self._locate()
        live.run = replace(live.run, base_url=address.base_url)
        while True:
            started_at = datetime.now(UTC)
            try:
                await self._exchange_once(address, encoded.body)
                return
            except (ProviderError, ConnectionFailed) as error:
                await self._wait_for_next(error, started_at)

    def _begin_reply(self) -> None:
        """An empty reply, or one with the beginning that it was given."""
        self._live.builder = begun_reply(self._decoder(), self._prefill)

    def _decoder(self, content_type: str = "") -> chat.ReplyDecoder:
        request = self._request
        return chat.ReplyDecoder(
            request.endpoint,
            model_id=self._live.run.model_id,
            reading=request.reading,
            content_type=content_type,
        )

    async def _exchange_once(self, address: Address, body: bytes) -> None:
        live = self._live
        request = address.completion(body, self._request.endpoint)
        recording = self._recording = _Recording(request, address)
        live.phase = LivePhase.WAITING
        live.started_at_s = time.monotonic()
        self._advanced()
        async with self._transport.stream(request) as response:
            recording.take_head(response)
            if response.status >= 300:
                error_body = masked(await self._error_body(response))
                recording.take_chunk(
                    response.first_byte_ms, redact(error_body.decode("utf-8", "replace")).encode()
                )
                headers = {name: redact(value) for name, value in response.headers}
                raise chat.provider_error(response.status, headers, error_body)
            live.next_attempt = None
            await self._read_reply(response, recording)

    async def _error_body(self, response: HttpResponse) -> bytes:
        """What there is of it: the status says enough where the rest never comes, or is damaged."""
        body = bytearray()
        limit_s = min(_ERROR_BODY_S, self._request.endpoint.idle_timeout_s)
        with contextlib.suppress(TimeoutError, ConnectionFailed, ProtocolError):
            async with asyncio.timeout(limit_s):
                async for _, chunk in response.chunks():
                    body += chunk
                    if len(body) >= _ERROR_BODY_BYTES:
                        break
        return bytes(body[:_ERROR_BODY_BYTES])

    async def _read_reply(self, response: HttpResponse, recording: _Recording) -> None:
        live = self._live
        decoder = self._decoder(response.header("content-type"))
        decoder.begin(self._prefill)
        at_ms = response.first_byte_ms
        try:
            async for at_ms, received in response.chunks():
                # Servers echo what they were sent. What is masked here, nothing behind can give away.
                chunk = masked(received)
                recording.take_chunk(at_ms, chunk)
                for event in decoder.feed(chunk):
                    live.builder.feed(event, at_ms / 1000)
                if live.builder.delta_count:
                    live.phase = LivePhase.STREAMING
                self._advanced()
                if live.builder.saw_done:
                    break
        except (asyncio.CancelledError, ConnectionFailed):
            # What the decoder held back, such as the start of a possible tag, is part of the reply.
            with contextlib.suppress(ProtocolError):
                self._feed_rest(decoder, at_ms)
            raise
        self._feed_rest(decoder, at_ms)

    def _feed_rest(self, decoder: chat.ReplyDecoder, at_ms: float) -> None:
        events = decoder.finish()
        for event in events:
            self._live.builder.feed(event, at_ms / 1000)
        if events:
            self._advanced()

    async def _wait_for_next(self, error: ProviderError | ConnectionFailed, started_at: datetime) -> None:
        """Returns when the request is to be sent again; raises the error where it is not.

        Such an error passes only if it came before the first byte of an answer: nothing is ever asked for a
        second time that a person has seen begin, which would double its text and its cost.
        """
        live, made = self._live, len(self._live.run.failed_attempts)
        failure = _without_secrets(self._failure_of(error))
        wait_s = self._retries.wait_s(error, failure, made)
        if wait_s is None:
            raise error
        failed_s = time.monotonic()
        live.next_attempt = NextAttempt(
            failure=failure,
            number=made + 1,
            most=self._retries.most_after(error),
            wait_s=wait_s,
            due_s=failed_s + wait_s,
        )
        live.phase = LivePhase.PAUSED
        self._wake.clear()
        self._advanced()
        try:
            async with asyncio.timeout(wait_s):
                await self._wake.wait()
        except TimeoutError:
            pass
        finally:
            attempt = FailedAttempt(
                started_at=started_at,
                took_ms=_tenths((failed_s - live.started_at_s) * 1000) or 0.0,
                failure=failure,
                waited_ms=_tenths((time.monotonic() - failed_s) * 1000) or 0.0,
            )
            live.run = replace(live.run, failed_attempts=(*live.run.failed_attempts, attempt))
        live.next_attempt = replace(live.next_attempt, due_s=None)

    async def _journal_regularly(self) -> None:
        while True:
            await asyncio.sleep(JOURNAL_INTERVAL_S)
            try:
                await self._journal_news()
            except LibraryError as error:
                _log.warning("The reply cannot be journaled: %s", error)

    async def _journal_news(self) -> None:
        builder = self._live.builder
        if builder.delta_count != self._journaled_count:
            self._journaled_count = builder.delta_count
            await self._journal.keep(self._live.run.id, masked_parts(builder.parts))

    async def _settle(self, failure: Failure | None, *, stopped: bool) -> None:
        live = self._live
        builder = live.builder
        if failure is not None:
            status = RunStatus.FAILED
        else:
            status, failure = chat.verdict(
                builder,
                stopped=stopped,
                endpoint_name=live.run.endpoint_name,
                sent=self._sent_keys() if builder.error is not None else None,
            )
        if failure is not None and self._recording is not None:
            failure = chat.with_request_id(failure, dict(self._recording.response_headers))
        settled_at = datetime.now(UTC)
        live.run = replace(
            live.run,
            status=status,
            failure=_without_secrets(failure) if failure is not None else None,
            finish_reason=builder.finish_reason,
            usage=builder.usage,
            timing=self._timing(),
            model_reported=redact(builder.model_reported),
            fingerprint=redact(builder.fingerprint),
            delta_count=builder.delta_count,
            reasoning_delta_count=builder.reasoning_delta_count,
            settled_at=settled_at,
        )
        message = Message(
            id=live.run.message_id,
            conversation_id=live.run.conversation_id,
            parent_id=live.run.parent_id,
            role=Role.ASSISTANT,
            parts=ended_parts(builder, live.run),
            created_at=settled_at,
            run_id=live.run.id,
            reading=self._request.reading,
            sources=tuple((masked_text(url), masked_text(title)) for url, title in builder.sources),
        )
        exchange = self._recording.exchange(live.run.id) if self._recording is not None else None
        self.outcome = (live.run, message, exchange)
        await self._journal.settle(*self.outcome)

    def _failure_of(self, error: DroverError) -> Failure:
        run = self._live.run
        failure = chat.failure_from(error, run.endpoint_name, sent=self._sent_keys(), base_url=run.base_url)
        kind = refused_kind(failure, sent_kinds(run.request_body))
        if kind is None:
            return failure
        # Leaving out what else it names would not help.
        return replace(failure, hint=kind.refusal_hint, parameter=None, instead=None)

    def _sent_keys(self) -> list[str] | None:
        """The keys of the body; None as long as there is none."""
        body = self._live.run.request_body
        return list(sent_settings(shortened_data(body))) if body else None

    def _timing(self) -> Timing:
        builder, recording = self._live.builder, self._recording
        if recording is None:
            return Timing()
        return Timing(
            connect_ms=_tenths(recording.connect_ms),
            first_byte_ms=_tenths(recording.first_byte_ms),
            first_token_ms=_ms(builder.first_token_s),
            reasoning_started_ms=_ms(builder.reasoning_started_s),
            reasoning_ended_ms=_ms(builder.reasoning_ended_s),
            last_token_ms=_ms(builder.last_token_s),
            total_ms=_ms(time.monotonic() - self._live.started_at_s),
            tls=recording.tls or None,
        )


async def encoded_request(request: RunRequest) -> chat.EncodedRequest:
    """What a request sends; a large one is encoded on a thread, so that nothing waits for it."""
    if len(request.branch) < _MANY_MESSAGES and not request.attached:
        chars = sum(Node.of(message).text_chars for message in request.branch)
        if chars < _LARGE_CHARS:
            return chat.encode(request)
    return await in_daemon_thread(functools.partial(chat.encode, request), name="encode")


def begun_reply(decoder: chat.ReplyDecoder, prefill: str) -> ResponseBuilder:
    """A reply in which nothing has arrived, with the beginning that it was given, if any.

    The decoder is a fresh one, which then goes on from that beginning."""
    builder, beginning = ResponseBuilder(), ResponseBuilder()
    for event in decoder.begin(prefill):
        beginning.feed(event, 0.0)
    builder.begin_with(beginning.parts)
    return builder


def ended_parts(builder: ResponseBuilder, run: Run) -> tuple[Part, ...]:
    """The parts of the reply of a run that has ended.

    A beginning to which nothing was added is no reply, and leaves no version behind on a retry; but where the
    server said that this was all, it is one.
    """
    is_whole = run.failure is None or run.status in (RunStatus.COMPLETE, RunStatus.CUT, RunStatus.FILTERED)
    return masked_parts(builder.parts) if builder.delta_count or is_whole else ()


def masked_parts(parts: tuple[Part, ...]) -> tuple[Part, ...]:
    """A key that came in pieces is whole again in the text."""
    return tuple(map(_masked_part, parts))


def _masked_part(part: Part) -> Part:
    match part:
        case ToolCallPart():
            return replace(part, arguments=masked_text(part.arguments), extra=masked_text(part.extra))
        case ReasoningPart():
            return replace(part, text=masked_text(part.text), raw=masked_text(part.raw))
        case TextPart() | ToolResultPart():
            return replace(part, text=masked_text(part.text))
        case _:
            return part


def _without_secrets(failure: Failure) -> Failure:
    """Servers echo what they were sent, in whatever field of their error."""
    return replace(
        failure,
        message=redact(failure.message),
        hint=redact(failure.hint),
        detail=redact(failure.detail),
        said=redact(failure.said),
    )


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else _tenths(seconds * 1000)


def _tenths(milliseconds: float | None) -> float | None:
    return None if milliseconds is None else round(milliseconds, 1)


async def _through_cancellation(task: asyncio.Task[None]) -> asyncio.CancelledError | None:
    """Waits for the end of a task that must not be cut short; returns a cancellation that came meanwhile."""
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError as cancellation:
            cancelled = cancellation
    task.result()
    return cancelled
