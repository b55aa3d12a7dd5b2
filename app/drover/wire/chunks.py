"""One chunk of a stream, or one whole completion, as a JSON object in; stream events out.

Written for the many dialects of the protocol: any key may be missing, null or of another type, and ids are
never relied on. Only what a chunk says becomes an event.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from drover.domain.reading import AS_SERVED, Reading, ReadingKind
from drover.domain.run import Usage
from drover.domain.stream import (
    ErrorReported,
    Finished,
    Identified,
    PicturesSent,
    ReasoningDelta,
    ReasoningKept,
    Refused,
    SourcesNamed,
    StreamEvent,
    TextDelta,
    TokensScored,
    Unknown,
    UsageReported,
)
from drover.wire.content import ContentSplitter
from drover.wire.error_body import read_error
from drover.wire.harmony import Piece
from drover.wire.logprobs import scored_tokens
from drover.wire.quirk_rules import Quirks
from drover.wire.reasoning_blocks import BlockCollector
from drover.wire.sources import LISTS, annotated, listed
from drover.wire.tool_calls import CallReader

_REASONING_FIELDS = ("reasoning_content", "reasoning")
_ALL_REASONING = (*_REASONING_FIELDS, "reasoning_details", "thinking_blocks")
_ABSURD_USD = 1e9
_ABSURD_COUNT = 2**53
_ERROR_KEYS = ("detail", "message", "msg")
"""What an object without choices holds if it is an error."""


class _Choice:
    """What must be remembered of one choice between its deltas."""

    __slots__ = (
        "_calls", "blocks", "has_reasoning_field", "has_spoken", "has_thought", "is_plain", "splitter",
    )  # fmt: skip

    def __init__(self, *, is_plain: bool) -> None:
        self.is_plain = is_plain
        """Whether no tag can come any more."""
        self.has_reasoning_field = False
        self.has_thought = False
        """Whether any delta has held reasoning in a field of its own."""
        self.has_spoken = False
        """Whether any delta has said something else."""
        self.splitter: ContentSplitter | None = None
        self.blocks: BlockCollector | None = None
        """What the provider wants back of the reasoning, as long as it may grow."""
        self._calls: CallReader | None = None

    @property
    def calls(self) -> CallReader:
        """Made when there is a call: a hostile chunk may have a million choices."""
        if self._calls is None:
            self._calls = CallReader()
        return self._calls


class ChunkReader:
    """Reads the chunks of one reply, in order, and remembers what a later one may refer to."""

    def __init__(
        self, quirks: Quirks, *, model_id: str = "", reading: Reading = AS_SERVED, reads_tokens: bool = False
    ) -> None:
        """`model_id` is the model that was asked for; `reads_tokens`: tell of probabilities too, which cost
        more to read than all the rest."""
        self._reads_tokens = reads_tokens
        self.is_whole = False
        """Whether a choice held its whole message instead of a delta."""
        self._quirks = quirks
        self._reading = reading
        self._splits = reading.kind is not ReadingKind.ANSWER and bool(quirks.think_tags)
        self._choices: dict[int, _Choice] = {}
        self._model_id = model_id
        self._model: object = None
        self._fingerprint: object = None
        self._lists: list[object] = []

    def read(self, chunk: dict[str, Any], raw: str, name: str, out: list[StreamEvent]) -> None:
        """Appends what the chunk says. `raw` is its text and `name` the type of the event that carried it."""
        before = len(out)
        is_held = False
        model = chunk.get("model")
        fingerprint = chunk.get("system_fingerprint")
        if (model and model != self._model) or (fingerprint and fingerprint != self._fingerprint):
            self._identify(model, fingerprint, out)
        choices = chunk.get("choices")
        if choices and isinstance(choices, list):
            for choice in choices:
                if type(choice) is dict and self._choice(choice, out):
                    is_held = True
            if self._reads_tokens:
                _append_tokens(choices, out)
        usage = chunk.get("usage")
        if usage is None:
            usage = _usage_elsewhere(chunk, choices)
        if usage and isinstance(usage, dict):
            out.append(UsageReported(usage=_usage(usage)))
        if "citations" in chunk or "search_results" in chunk:
            self._list_sources(chunk, out)
        if chunk.get("error") or choices is None or name == "error":
            self._report_error(chunk, name, out)
        if len(out) == before and not is_held:
            out.append(Unknown(raw_json=raw))

    def begin(self, prefill: str, out: list[StreamEvent]) -> None:
        """Appends what the beginning says that the reply was given, and goes on from there."""
        if prefill:
            self._choice({"delta": {"content": prefill}}, out)
            self._choices[0].has_spoken = False

    def flush(self, out: list[StreamEvent]) -> None:
        """Appends what was held back for a tag that did not come. Call at the end of the reply."""
        for index, state in self._choices.items():
            self._flush(state, index, out)

    def _list_sources(self, chunk: dict[str, Any], out: list[StreamEvent]) -> None:
        """Appends what the lists name, unless they only repeat what was told."""
        lists = [chunk.get(name) for name in LISTS]
        if lists != self._lists and (pages := listed(chunk)):
            self._lists = lists
            out.append(SourcesNamed(pages=pages, is_whole_list=True))

    def _identify(self, model: object, fingerprint: object, out: list[StreamEvent]) -> None:
        self._model, self._fingerprint = model or self._model, fingerprint or self._fingerprint
        out.append(
            Identified(
                model=model if isinstance(model, str) else "",
                fingerprint=fingerprint if isinstance(fingerprint, str) else "",
            )
        )

    def _choice(self, choice: dict[str, Any], out: list[StreamEvent]) -> bool:
        """Appends what one choice of one chunk says; True if text is held back as a possible tag."""
        index = choice.get("index")
        if type(index) is not int:
            index = 0
        delta = choice.get("delta")
        state = self._choices.get(index)
        if state is None:
            state = self._choices[index] = _Choice(is_plain=not self._splits)
            state.has_reasoning_field = type(delta) is dict and not delta.keys().isdisjoint(_REASONING_FIELDS)
        if type(delta) is not dict:
            delta = self._whole_message(choice, state)
        content = delta.get("content")
        if len(delta) == 1 and type(content) is str and content and state.is_plain and state.blocks is None:
            # Nearly all of a stream, which `_delta` would read alike.
            state.has_spoken = True
            out.append(TextDelta(text=content, choice=index))
            is_held = False
        else:
            is_held = self._delta(delta, state, index, out)
        reason = choice.get("finish_reason") or choice.get("finishReason")
        if reason and isinstance(reason, str):
            self._flush(state, index, out)
            out.append(Finished(reason=reason, choice=index))
            if choice.get("error"):  # OpenRouter's form for a provider that failed within one choice
                self._report_error(choice, "error", out)
        return is_held

    def _delta(self, delta: dict[str, Any], state: _Choice, index: int, out: list[StreamEvent]) -> bool:
        """Appends what the fields of one delta say; True if text is held back as a possible tag."""
        is_held = False
        reasoning = delta.get("reasoning_content") or delta.get("reasoning")
        blocks = delta.get("reasoning_details") or delta.get("thinking_blocks")
        if reasoning or blocks:
            state.has_reasoning_field = state.has_thought = True
            self._reason(delta, index, out)
            if blocks:
                state.blocks = state.blocks or BlockCollector()
                state.blocks.add(delta)
        content = delta.get("content")
        if content:
            state.has_spoken = True
            if state.blocks is not None:
                _append_blocks(state, index, out)
            if type(content) is str:
                if state.is_plain:
                    out.append(TextDelta(text=content, choice=index))
                else:
                    is_held = self._split(content, state, index, out)
            else:
                is_held = self._parts(content, state, index, out)
        if "annotations" in delta and (pages := annotated(delta["annotations"])):
            out.append(SourcesNamed(pages=pages, is_whole_list=False, choice=index))
        refusal = delta.get("refusal")
        if refusal and isinstance(refusal, str):
            state.has_spoken = True
            out.append(TextDelta(text=refusal, choice=index))
            out.append(Refused(choice=index))
        if delta.get("tool_calls") or delta.get("function_call"):
            state.has_spoken = True
            if state.blocks is not None:
                _append_blocks(state, index, out)
            state.calls.read(delta, index, out)
        elif not content and "audio" in delta:
            state.has_spoken = _append_transcript(delta["audio"], index, out) or state.has_spoken
        if "images" in delta and isinstance(delta["images"], list) and delta["images"]:
            out.append(PicturesSent(count=len(delta["images"]), choice=index))
        return is_held

    def _whole_message(self, choice: dict[str, Any], state: _Choice) -> dict[str, Any]:
        """What a choice without a delta says: its whole message, or its text, read as one large delta."""
        message = choice.get("message")
        if isinstance(message, dict):
            # Some streams repeat the finished message in their last chunk.
            if state.has_spoken:
                return {}
            self.is_whole = True
            state.has_reasoning_field = not message.keys().isdisjoint(_REASONING_FIELDS)
            if state.has_thought:
                return {name: value for name, value in message.items() if name not in _ALL_REASONING}
            return message
        text = choice.get("text")
        return {"content": text} if isinstance(text, str) else {}

    def _split(self, text: str, state: _Choice, index: int, out: list[StreamEvent]) -> bool:
        splitter = state.splitter or self._make_splitter(state)
        pieces = splitter.feed(text)
        _append_pieces(pieces, state, index, out)
        state.is_plain = splitter.is_in_answer
        return not pieces

    def _make_splitter(self, state: _Choice) -> ContentSplitter:
        """The splitter of a choice whose content begins."""
        quirks = self._quirks
        names = [self._model_id, *([self._model] if isinstance(self._model, str) else [])]
        # A server with a field for reasoning has split the text itself: what is left is the answer.
        state.splitter = ContentSplitter(
            quirks.think_tags,
            self._reading,
            starts_inside=not state.has_reasoning_field and any(map(quirks.opening_is_implied, names)),
            knows_harmony=any(map(quirks.writes_harmony, names)),
        )
        return state.splitter

    def _parts(self, content: object, state: _Choice, index: int, out: list[StreamEvent]) -> bool:
        """Content given as an array of parts, or as one part."""
        is_held = False
        for part in content if isinstance(content, list) else [content]:
            if not isinstance(part, dict):
                continue
            if part.get("type") == "thinking" or "thinking" in part:
                if text := _plain_text(part.get("thinking")):
                    out.append(self._thought(text, "content", index))
            elif "image_url" in part:
                out.append(PicturesSent(count=1, choice=index))
            elif text := _plain_text(part):
                if state.is_plain:
                    out.append(TextDelta(text=text, choice=index))
                else:
                    is_held = self._split(text, state, index, out) or is_held
        return is_held

    def _flush(self, state: _Choice, index: int, out: list[StreamEvent]) -> None:
        if state.splitter is not None and not state.is_plain:
            _append_pieces(state.splitter.flush(), state, index, out)
        if state.blocks is not None:
            _append_blocks(state, index, out)

    def _reason(self, delta: dict[str, Any], index: int, out: list[StreamEvent]) -> None:
        """The first field with text wins: where a server fills several, they repeat one another."""
        for source in _ALL_REASONING:
            value = delta.get(source)
            text = value if type(value) is str else _plain_text(value)
            if text:
                out.append(self._thought(text, source, index))
                return

    def _thought(self, text: str, source: str, index: int) -> StreamEvent:
        if self._reading.kind is ReadingKind.ANSWER:
            return TextDelta(text=text, choice=index)
        return ReasoningDelta(text=text, source=source, choice=index)

    def _report_error(self, chunk: dict[str, Any], name: str, out: list[StreamEvent]) -> None:
        """Appends the error that the chunk holds, if it does hold one."""
        is_error = (
            bool(chunk.get("error"))
            or name == "error"
            or chunk.get("object") == "error"
            or (chunk.get("choices") is None and any(_says(chunk, key) for key in _ERROR_KEYS))
        )
        if is_error:
            document = read_error(chunk)
            out.append(
                ErrorReported(
                    message=document.words or "The server reported an error without a word.",
                    code=document.code,
                    status=document.status,
                )
            )


def _append_tokens(choices: list[Any], out: list[StreamEvent]) -> None:
    for choice in choices:
        if isinstance(choice, dict) and (tokens := scored_tokens(choice)):
            index = choice.get("index")
            out.append(TokensScored(tokens=tokens, choice=index if type(index) is int else 0))


def _says(chunk: dict[str, Any], key: str) -> bool:
    return bool(chunk.get(key)) and isinstance(chunk[key], str | list)


def _append_pieces(
    pieces: Sequence[tuple[int, str]], state: _Choice, index: int, out: list[StreamEvent]
) -> None:
    """`pieces` as the splitter told them apart."""
    source = state.splitter.source if state.splitter is not None else ""
    for piece, text in pieces:
        if piece == Piece.ANSWER:
            out.append(TextDelta(text=text, choice=index))
        elif piece == Piece.THINKING:
            out.append(ReasoningDelta(text=text, source=source, choice=index))
        elif piece == Piece.CALL:
            out.append(state.calls.begin(text, index))
        else:
            out.append(state.calls.go_on(text, index))


def _append_blocks(state: _Choice, index: int, out: list[StreamEvent]) -> None:
    """What was kept of the reasoning that has just ended."""
    if state.blocks is not None and (raw := state.blocks.take()):
        out.append(ReasoningKept(raw_json=raw, choice=index))


def _append_transcript(audio: object, index: int, out: list[StreamEvent]) -> bool:
    """The words of an answer that is spoken; False if there are none."""
    text = audio.get("transcript") if isinstance(audio, dict) else None
    if not text or not isinstance(text, str):
        return False
    out.append(TextDelta(text=text, choice=index))
    return True


def _plain_text(value: object) -> str:
    """The text in a string, a part, or an array of these; encrypted parts have none."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return "".join(_plain_text(item) for item in value)
    if isinstance(value, dict):
        for key in ("text", "summary", "content", "thinking"):
            if (inner := value.get(key)) and isinstance(inner, str | list):
                return _plain_text(inner)
    return ""


def _usage_elsewhere(chunk: dict[str, Any], choices: object) -> object:
    """Usage where Groq (`x_groq`) and Moonshot (inside the choice) put it."""
    groq = chunk.get("x_groq")
    if groq and isinstance(groq, dict):
        return groq.get("usage")
    if isinstance(choices, list) and choices and isinstance(choices[0], dict):
        return choices[0].get("usage")
    return None


def _usage(raw: dict[str, Any]) -> Usage:
    prompt, completion = raw.get("prompt_tokens_details"), raw.get("completion_tokens_details")
    prompt_details: dict[str, Any] = prompt if isinstance(prompt, dict) else {}
    details: dict[str, Any] = completion if isinstance(completion, dict) else {}
    return Usage(
        prompt_tokens=_count(raw.get("prompt_tokens"), raw.get("input_tokens")),
        completion_tokens=_count(raw.get("completion_tokens"), raw.get("output_tokens")),
        total_tokens=_count(raw.get("total_tokens")),
        reasoning_tokens=_count(details.get("reasoning_tokens"), raw.get("reasoning_tokens")),
        cached_tokens=_count(
            prompt_details.get("cached_tokens"),
            raw.get("prompt_cache_hit_tokens"),
            raw.get("cached_tokens"),
            raw.get("num_cached_tokens"),
            raw.get("cache_read_input_tokens"),
        ),
        cost_usd=_amount(raw.get("cost")),
        raw_json=json.dumps(raw, ensure_ascii=False, separators=(",", ":")),
    )


def _count(*values: object) -> int | None:
    """The first of these that is a number of tokens. What no counter could hold is none."""
    for value in values:
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, int) and not isinstance(value, bool) and abs(value) < _ABSURD_COUNT:
            return value
    return None


def _amount(value: object) -> float | None:
    """A sum of money; None for what is none."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < _ABSURD_USD:
        return None
    return float(value)
