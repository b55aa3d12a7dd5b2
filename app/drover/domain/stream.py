"""What a reply says while it arrives, and the one accumulator that folds it into parts."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from drover.domain.conversation import Part, ReasoningPart, TextPart, ToolCallPart

if TYPE_CHECKING:
    from drover.domain.probabilities import TokenChoice
    from drover.domain.run import Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class TextDelta:
    """Some characters of the answer."""

    text: str
    choice: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ReasoningDelta:
    """Some characters of the chain of thought."""

    text: str
    source: str
    """The field or tag it came from, see `ReasoningPart.source`."""
    choice: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ReasoningKept:
    """Blocks of the reasoning that has just ended, as the provider wants them back. Their text, if they have
    any, was told by `ReasoningDelta` before."""

    raw_json: str
    """A JSON array, see `ReasoningPart.raw`."""
    choice: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SourcesNamed:
    """Pages that the answer rests on, see `Message.sources`."""

    pages: tuple[tuple[str, str], ...]
    is_whole_list: bool
    """Whether they are all so far, and not some more: some servers repeat the list on every chunk."""
    choice: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PicturesSent:
    """Pictures in the answer, which are only kept with its bytes."""

    count: int
    choice: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """The text is a refusal: the model says why it does not answer."""

    choice: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCallDelta:
    """A fragment of one tool call; empty `call_id` or `name` repeat what is known."""

    index: int
    call_id: str = ""
    name: str = ""
    arguments: str = ""
    extra: str = ""
    """All further keys of the call so far, see `ToolCallPart.extra`; empty repeats what is known."""
    choice: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageReported:
    """A later report replaces an earlier one: some servers count up on every chunk."""

    usage: Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """The server gave a finish reason."""

    reason: str
    """The raw word: `stop`, `length`, `tool_calls`, `content_filter`, ..."""
    choice: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Identified:
    """What the server says about itself."""

    model: str = ""
    fingerprint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorReported:
    """An error inside the stream, already in words and free of credentials."""

    message: str
    code: str = ""
    status: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamEnded:
    """The `[DONE]` sentinel."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokensScored:
    """Tokens with their probabilities; only a decoder that was asked for them tells of them."""

    tokens: tuple[TokenChoice, ...]
    choice: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown:
    """A well-formed event that says nothing Drover knows; kept raw for the inspector."""

    raw_json: str


StreamEvent: TypeAlias = (
    TextDelta
    | ReasoningDelta
    | ReasoningKept
    | PicturesSent
    | Refused
    | SourcesNamed
    | ToolCallDelta
    | UsageReported
    | Finished
    | Identified
    | ErrorReported
    | StreamEnded
    | TokensScored
    | Unknown
)


def _one_array(arrays: Sequence[str]) -> str:
    """Compact JSON arrays, none of them empty, as one; empty for none."""
    return (
        arrays[0] if len(arrays) == 1 else f"[{','.join(array[1:-1] for array in arrays)}]" if arrays else ""
    )


class CallPiece(NamedTuple):
    """A piece of a tool call."""

    place: int
    """Of the call among those of the reply, from 0, in the order of their beginning."""
    name: str
    """As far as it is known."""
    arguments: str
    """What came to the arguments; may be empty."""


class _Call:
    """A tool call as it grows."""

    __slots__ = ("arguments", "call_id", "extra", "name", "place")

    def __init__(self, place: int) -> None:
        self.call_id = self.name = self.extra = ""
        self.place = place
        self.arguments: list[str] = []

    @property
    def part(self) -> ToolCallPart:
        arguments = "".join(self.arguments)
        return ToolCallPart(call_id=self.call_id, name=self.name, arguments=arguments, extra=self.extra)


class ResponseBuilder:
    """Folds the events of choice 0 into append-only text, and notes when each piece arrived.

    All times are seconds since the request was sent. Text is only ever appended, so a reader keeps a cursor:
    `read_answer(cursor)`, `read_reasoning(cursor)` and `read_calls(cursor)` cost no more than what is new.
    """

    def __init__(self) -> None:
        self._answer: list[str] = []
        self._reasoning: list[str] = []
        self._parts: list[tuple[bool, str, list[str]] | int] = []  # is reasoning, source, pieces; or a call
        self._calls: dict[int, _Call] = {}
        self._kept: dict[int, list[str]] = {}
        """Blocks for the provider, as JSON arrays, by the reasoning part that they belong to."""
        self._call_pieces: list[CallPiece] = []
        self.arrivals_s = array("d")
        """Arrival time of every delta that carried text, in order."""
        self.arrival_is_reasoning = bytearray()
        """1 where the delta of the same index in `arrivals_s` was reasoning."""
        self.arrival_chars = array("l")
        """Characters of the delta of the same index."""
        self.first_token_s: float | None = None
        self.reasoning_started_s: float | None = None
        self.reasoning_ended_s: float | None = None
        """When the first character of the answer followed the last stretch of reasoning."""
        self.last_token_s: float | None = None
        self.usage: Usage | None = None
        self.finish_reason: str | None = None
        self.model_reported = ""
        self.fingerprint = ""
        self.error: ErrorReported | None = None
        self.saw_done = False
        self._sources: dict[tuple[str, str], None] = {}
        self.picture_count = 0
        """Pictures in the answer, of which only the raw exchange has the bytes."""
        self.other_choices: set[int] = set()
        """The choices besides 0 that said something; what they said is left to the raw exchange."""
        self.is_refused = False
        """Whether the server marked the answer as a refusal."""

    def begin_with(self, parts: Sequence[Part]) -> None:
        """Takes the beginning that the reply was given: text that did not arrive, so that it has no times and
        counts nowhere. Call before anything is fed."""
        for part in parts:
            if isinstance(part, TextPart | ReasoningPart):
                is_reasoning = isinstance(part, ReasoningPart)
                source = part.source if isinstance(part, ReasoningPart) else ""
                self._add(part.text, source=source, is_reasoning=is_reasoning)

    def feed(self, event: StreamEvent, at_s: float) -> None:
        """Takes the next event. Choices other than 0 are left to the raw exchange."""
        match event:
            case TextDelta(text=text, choice=0):
                self._append(text, at_s, source="", is_reasoning=False)
            case ReasoningDelta(text=text, source=source, choice=0):
                self._append(text, at_s, source=source, is_reasoning=True)
            case ToolCallDelta(choice=0):
                self._feed_call(event, at_s)
            case ReasoningKept(raw_json=raw, choice=0):
                self._keep(raw)
            case UsageReported(usage=usage):
                self.usage = usage
            case Finished(reason=reason, choice=0):
                self.finish_reason = self.finish_reason or reason
            case Identified(model=model, fingerprint=fingerprint):
                self.model_reported = model or self.model_reported
                self.fingerprint = fingerprint or self.fingerprint
            case ErrorReported():
                self.error = self.error or event
            case StreamEnded():
                self.saw_done = True
            case SourcesNamed(pages=pages, is_whole_list=is_whole, choice=0):
                if is_whole:
                    self._sources.clear()
                self._sources |= dict.fromkeys(pages)
            case PicturesSent(count=count, choice=0):
                self.picture_count += count
            case Refused(choice=0):
                self.is_refused = True
            case TextDelta() | ReasoningDelta() | ToolCallDelta():
                self.other_choices.add(event.choice)
            case _:
                pass

    @property
    def answer(self) -> str:
        """The whole answer so far."""
        return "".join(self._answer)

    @property
    def reasoning(self) -> str:
        """The whole chain of thought so far."""
        return "".join(self._reasoning)

    @property
    def is_thinking(self) -> bool:
        """Whether the newest text was reasoning."""
        return bool(self.arrival_is_reasoning) and self.arrival_is_reasoning[-1] == 1

    @property
    def has_answer(self) -> bool:
        """Whether any character of the answer that is not white space, or a tool call, has arrived."""
        return bool(self._calls) or any(not piece.isspace() for piece in self._answer)

    @property
    def has_reasoning(self) -> bool:
        """Whether any reasoning has arrived."""
        return bool(self._reasoning)

    @property
    def is_thought_hidden(self) -> bool:
        """Whether the provider keeps the thinking to itself: it came without any text."""
        return bool(self._kept) and not self._reasoning

    @property
    def delta_count(self) -> int:
        """How many deltas carried text: an estimate of the tokens, one each on most servers."""
        return len(self.arrivals_s)

    @property
    def reasoning_delta_count(self) -> int:
        """How many deltas carried reasoning."""
        return self.arrival_is_reasoning.count(1)

    @property
    def sources(self) -> tuple[tuple[str, str], ...]:
        """The pages named so far, see `Message.sources`."""
        return tuple(self._sources)

    @property
    def tool_calls(self) -> tuple[ToolCallPart, ...]:
        """The calls so far, by index."""
        return tuple(self._calls[index].part for index in sorted(self._calls))

    @property
    def parts(self) -> tuple[Part, ...]:
        """What has arrived, in order; neighbouring pieces of one kind and source are one part."""
        parts: list[Part] = []
        for index, entry in enumerate(self._parts):
            if isinstance(entry, int):
                parts.append(self._calls[entry].part)
                continue
            is_reasoning, source, pieces = entry
            text = "".join(pieces)
            if is_reasoning:
                raw = _one_array(self._kept.get(index, ()))
                parts.append(ReasoningPart(text=text, source=source, raw=raw))
            else:
                parts.append(TextPart(text=text))
        return tuple(parts)

    def read_answer(self, cursor: int) -> tuple[str, int]:
        """The answer that arrived since the cursor (0 at first), and the next cursor."""
        return "".join(self._answer[cursor:]), len(self._answer)

    def read_reasoning(self, cursor: int) -> tuple[str, int]:
        """The reasoning that arrived since the cursor (0 at first), and the next cursor."""
        return "".join(self._reasoning[cursor:]), len(self._reasoning)

    def read_calls(self, cursor: int) -> tuple[list[CallPiece], int]:
        """The pieces of calls that arrived since the cursor (0 at first), and the next cursor."""
        return self._call_pieces[cursor:], len(self._call_pieces)

    def _append(self, text: str, at_s: float, *, source: str, is_reasoning: bool) -> None:
        if not text:
            return
        self._add(text, source=source, is_reasoning=is_reasoning)
        if is_reasoning:
            if self.reasoning_started_s is None:
                self.reasoning_started_s = at_s
            self.reasoning_ended_s = None
        elif self.reasoning_started_s is not None and self.reasoning_ended_s is None:
            self.reasoning_ended_s = at_s
        self._mark(at_s, len(text), is_reasoning=is_reasoning)

    def _add(self, text: str, *, source: str, is_reasoning: bool) -> None:
        (self._reasoning if is_reasoning else self._answer).append(text)
        last = self._parts[-1] if self._parts else 0
        if not isinstance(last, int) and last[0] == is_reasoning and last[1] == source:
            last[2].append(text)
        else:
            self._parts.append((is_reasoning, source, [text]))

    def _keep(self, raw_json: str) -> None:
        last = self._parts[-1] if self._parts else 0
        if isinstance(last, int) or not last[0]:
            self._parts.append((True, "reasoning_details", []))
        self._kept.setdefault(len(self._parts) - 1, []).append(raw_json)

    def _feed_call(self, event: ToolCallDelta, at_s: float) -> None:
        call = self._calls.get(event.index)
        if call is None:
            call = self._calls[event.index] = _Call(len(self._calls))
            self._parts.append(event.index)
        call.call_id = call.call_id or event.call_id
        call.name = call.name or event.name
        call.extra = event.extra or call.extra
        if event.arguments:
            call.arguments.append(event.arguments)
        self._call_pieces.append(CallPiece(call.place, call.name, event.arguments))
        self._mark(at_s, len(event.arguments), is_reasoning=False)

    def _mark(self, at_s: float, chars: int, *, is_reasoning: bool) -> None:
        if self.first_token_s is None:
            self.first_token_s = at_s
        self.last_token_s = at_s
        self.arrivals_s.append(at_s)
        self.arrival_is_reasoning.append(1 if is_reasoning else 0)
        self.arrival_chars.append(chars)
