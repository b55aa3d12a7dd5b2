"""Domain values to column values and back. Knows no tables and no connection."""

from __future__ import annotations

import dataclasses
import json
import sys
import zlib
from array import array
from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import repeat
from typing import TYPE_CHECKING, Any, TypeVar, assert_never

from drover.domain.conversation import (
    Attachment,
    Conversation,
    Draft,
    FilePart,
    ImagePart,
    Message,
    Node,
    Part,
    ReasoningPart,
    ReasoningReplay,
    Role,
    TextPart,
    ToolCallPart,
    ToolResultPart,
)
from drover.domain.endpoint import Endpoint, FactOutcome, ModelCard, ParameterFact
from drover.domain.parameters import SPECS, UNSET, Preset, SamplingParameters, typed
from drover.domain.run import Adjustment, Exchange, Failure, FailureKind, Run, RunStatus, Timing, Usage
from drover.store.database import storable

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    from drover.domain.attempts import FailedAttempt
    from drover.domain.tools import ToolDefinition

Row = Sequence[Any]
_Value = TypeVar("_Value", bound="DataclassInstance")

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

CONVERSATION_COLUMNS = "id, title, created_at, updated_at, head_id, is_pinned"
MESSAGE_COLUMNS = "id, conversation_id, parent_id, role, created_at, run_id, shape, text, reasoning"
RUN_COLUMNS = (
    "id, conversation_id, parent_id, message_id, status, created_at, settled_at, endpoint_id, endpoint_name,"
    " base_url, model_id, parameters_json, adjustments_json, finish_reason, usage_json, timing_json,"
    " failure_json, model_reported, fingerprint, delta_count, reasoning_delta_count, system_prompt,"
    " attempts_json"
)
EXCHANGE_COLUMNS = (
    "run_id, request_line, request_headers_json, response_status, response_headers_json, http_version,"
    " chunk_marks, raw_stream"
)
JOURNAL_COLUMNS = "run_id, written_at, slot, start, kind, about_json, text"


def marks(columns: str) -> str:
    """As many question marks as there are columns."""
    return ", ".join("?" * len(columns.split(",")))


def as_many(values: Collection[str]) -> str:
    """As many question marks as there are values."""
    return ", ".join("?" * len(values))


def microseconds(moment: datetime) -> int:
    """Microseconds since 1970. The moment must know its time zone."""
    return (moment - _EPOCH) // _MICROSECOND


def moment(stored: int) -> datetime:
    """The inverse of `microseconds`, in UTC."""
    return _EPOCH + timedelta(0, 0, stored)


def to_json(value: Any) -> str:
    """Compact JSON. Text stays text, so that lone surrogates meet the same edge as all other text."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def fields_of(value: DataclassInstance) -> dict[str, Any]:
    """The fields of a flat value; those that are None are left out."""
    named = ((field.name, getattr(value, field.name)) for field in dataclasses.fields(value))
    return {name: content for name, content in named if content is not None}


def value_of(kind: type[_Value], stored: dict[str, Any]) -> _Value:
    """The inverse of `fields_of`; fields that the class no longer has are ignored."""
    names = {field.name for field in dataclasses.fields(kind)}
    return kind(**{name: content for name, content in stored.items() if name in names})


def conversation_row(conversation: Conversation) -> Row:
    """In the order of `CONVERSATION_COLUMNS`."""
    return (
        conversation.id,
        conversation.title,
        microseconds(conversation.created_at),
        microseconds(conversation.updated_at),
        conversation.head_id,
        conversation.is_pinned,
    )


def conversation_from(row: Row) -> Conversation:
    """From `CONVERSATION_COLUMNS`."""
    identity, title, created_at, updated_at, head_id, is_pinned = row
    return Conversation(
        id=identity,
        title=title,
        created_at=moment(created_at),
        updated_at=moment(updated_at),
        head_id=head_id,
        is_pinned=bool(is_pinned),
    )


def message_row(message: Message) -> Row:
    """In the order of `MESSAGE_COLUMNS`."""
    return (
        message.id,
        message.conversation_id,
        message.parent_id,
        message.role.value,
        microseconds(message.created_at),
        message.run_id,
        *_encoded_parts(message),
    )


def message_from(row: Row) -> Message:
    """From `MESSAGE_COLUMNS`."""
    identity, conversation_id, parent_id, role, created_at, run_id, shape, text, reasoning = row
    return Message(
        id=identity,
        conversation_id=conversation_id,
        parent_id=parent_id,
        role=Role(role),
        parts=_decoded_parts(shape, text, reasoning),
        reading=_reading_of(shape),
        sources=_sources_of(shape),
        created_at=moment(created_at),
        run_id=run_id,
    )


CALL_COUNT = """CASE WHEN instr(shape, '["c",') THEN
    (SELECT count(*) FROM json_each(shape) WHERE json_extract(value, '$[0]') = 'c') ELSE 0 END"""
"""Most messages call nothing, which costs no reading of JSON."""


def nodes_from(found: Sequence[Row]) -> list[Node]:
    """From id, parent, role, run, characters of text and of reasoning, number of calls."""
    roles = {role.value: role for role in Role}
    ids, parent_ids, texts, *rest = zip(*found, strict=True) if found else ((), (), ())
    columns = zip(ids, parent_ids, map(roles.__getitem__, texts), *rest, strict=True)
    # Not by calling the class, which would take several times as long as reading the rows.
    return list(map(tuple.__new__, repeat(Node), columns))


def _encoded_parts(message: Message) -> tuple[str | None, str, str]:
    """Shape, text and reasoning.

    The shape begins with `["as", reading]` if a person decided how the reply is read, and ends with
    `["s", [address, title], ...]` if the server named sources. It lists the parts:
    `["t", length]` and `["o", length, call id, name, ran, is error]` are cut from
    the text, `["r", length, source]` from the reasoning (with `raw` as a fourth where there is one);
    `["c", id, name, arguments]` (with `extra`), `["i", fields...]` and `["f", fields...]` stand for
    themselves. The last part of a column takes the rest and has no length, so that most messages share few
    shapes.
    """
    shape: list[list[Any]] = [["as", message.reading]] if message.reading else []
    text: list[str] = []
    reasoning: list[str] = []
    last_of_text: list[Any] = []
    last_of_reasoning: list[Any] = []
    for part in message.parts:
        match part:
            case TextPart():
                text.append(storable(part.text))
                shape.append(last_of_text := ["t", len(text[-1])])
            case ToolResultPart():
                text.append(storable(part.text))
                last_of_text = ["o", len(text[-1]), part.call_id, part.name, part.ran, part.is_error]
                shape.append(last_of_text)
            case ReasoningPart():
                reasoning.append(storable(part.text))
                raw = [part.raw] if part.raw else []
                shape.append(last_of_reasoning := ["r", len(reasoning[-1]), part.source, *raw])
            case ToolCallPart():
                extra = [part.extra] if part.extra else []
                shape.append(["c", part.call_id, part.name, part.arguments, *extra])
            case ImagePart() | FilePart():
                shape.append(_attachment_entry(part))
            case _:
                assert_never(part)
    if message.sources:
        shape.append(["s", *message.sources])
    for last in (last_of_text, last_of_reasoning):
        if last:
            last[1] = None
    return (None if shape == [["t", None]] else to_json(shape)), "".join(text), "".join(reasoning)


def _attachment_entry(part: Attachment) -> list[Any]:
    match part:
        case ImagePart():
            size_px = [part.width_px, part.height_px]
            return ["i", part.hash, part.media_type, part.name, part.size_bytes, *size_px]
        case FilePart():
            return ["f", part.hash, part.media_type, part.name, part.size_bytes]
        case _:
            assert_never(part)


def _attachment_from(entry: Sequence[Any]) -> Attachment:
    kind, digest, media_type, name, size_bytes, *size_px = entry
    if kind == "f":
        return FilePart(hash=digest, media_type=media_type, name=name, size_bytes=size_bytes)
    width_px, height_px = size_px
    return ImagePart(
        hash=digest, media_type=media_type, name=name, size_bytes=size_bytes,
        width_px=width_px, height_px=height_px,
    )  # fmt: skip


@lru_cache(maxsize=256)
def _parsed_shape(shape: str) -> list[list[Any]]:
    entries: list[list[Any]] = json.loads(shape)
    return entries


def _decoded_parts(shape: str | None, text: str, reasoning: str) -> tuple[Part, ...]:
    if shape is None:
        return (TextPart(text=text),)
    parts: list[Part] = []
    text_start = reasoning_start = 0
    for kind, *facts in _parsed_shape(shape):
        if kind in ("t", "o"):
            length, *about = facts
            end = len(text) if length is None else text_start + length
            parts.append(_from_text(text[text_start:end], about))
            text_start = end
        elif kind == "r":
            length, *about = facts
            end = len(reasoning) if length is None else reasoning_start + length
            parts.append(_reasoning_from(reasoning[reasoning_start:end], about))
            reasoning_start = end
        elif kind == "c":
            parts.append(_call_from(facts))
        elif kind not in ("as", "s"):
            parts.append(_attachment_from([kind, *facts]))
    return tuple(parts)


def _reading_of(shape: str | None) -> str:
    is_told = shape is not None and shape.startswith('[["as",')
    return str(_parsed_shape(shape)[0][1]) if shape is not None and is_told else ""


def _sources_of(shape: str | None) -> tuple[tuple[str, str], ...]:
    if shape is None or '["s",[' not in shape:
        return ()
    kind, *pages = _parsed_shape(shape)[-1]
    return tuple((url, title) for url, title in pages) if kind == "s" else ()


def _from_text(text: str, about: Sequence[Any]) -> Part:
    if not about:
        return TextPart(text=text)
    call_id, name, ran, is_error = about
    return ToolResultPart(call_id=call_id, name=name, text=text, ran=ran, is_error=is_error)


def _reasoning_from(text: str, about: Sequence[str]) -> ReasoningPart:
    return ReasoningPart(text=text, source=about[0], raw=about[1] if len(about) > 1 else "")


def _call_from(facts: Sequence[str]) -> ToolCallPart:
    call_id, name, arguments, *extra = facts
    return ToolCallPart(call_id=call_id, name=name, arguments=arguments, extra=extra[0] if extra else "")


@lru_cache(maxsize=256)
def parameters_from(stored: str) -> SamplingParameters:
    """Parameters as they were asked for, even if today's ranges would refuse them."""
    values: dict[str, Any] = json.loads(stored)
    known: dict[str, Any] = {
        name: typed(SPECS[name], value) for name, value in values.items() if name in SPECS
    }
    return SamplingParameters(**known) if known else UNSET


@lru_cache(maxsize=256)
def _adjustments_from(stored: str) -> tuple[Adjustment, ...]:
    return tuple(value_of(Adjustment, item) for item in json.loads(stored))


def adjustments_json(adjustments: Iterable[Adjustment]) -> str:
    """A list of values."""
    return to_json([fields_of(adjustment) for adjustment in adjustments])


def _failure_from(stored: str) -> Failure:
    return _failure_of(json.loads(stored))


def _failure_of(values: dict[str, Any]) -> Failure:
    return value_of(Failure, values | {"kind": FailureKind(values["kind"])})


def run_row(run: Run) -> Row:
    """In the order of `RUN_COLUMNS`. The request body has its own table."""
    return (
        run.id,
        run.conversation_id,
        run.parent_id,
        run.message_id,
        run.status.value,
        microseconds(run.created_at),
        None if run.settled_at is None else microseconds(run.settled_at),
        run.endpoint_id,
        run.endpoint_name,
        run.base_url,
        run.model_id,
        to_json(run.parameters.as_dict()),
        adjustments_json(run.adjustments),
        run.finish_reason,
        None if run.usage is None else to_json(fields_of(run.usage)),
        to_json(fields_of(run.timing)),
        None if run.failure is None else to_json(fields_of(run.failure)),
        run.model_reported,
        run.fingerprint,
        run.delta_count,
        run.reasoning_delta_count,
        run.system_prompt,
        to_json([_attempt_fields(attempt) for attempt in run.failed_attempts])
        if run.failed_attempts
        else None,
    )


def _attempt_fields(attempt: FailedAttempt) -> dict[str, Any]:
    started_at = microseconds(attempt.started_at)
    return fields_of(attempt) | {"started_at": started_at, "failure": fields_of(attempt.failure)}


def _attempts_from(stored: str | None) -> tuple[FailedAttempt, ...]:
    if stored is None:
        return ()
    from drover.domain.attempts import FailedAttempt

    return tuple(
        value_of(
            FailedAttempt,
            values | {
                "started_at": moment(values["started_at"]), "failure": _failure_of(values["failure"])
            },
        )
        for values in json.loads(stored)
    )  # fmt: skip


def run_from(row: Row, request_body: bytes = b"") -> Run:
    """From `RUN_COLUMNS`."""
    identity, conversation_id, parent_id, message_id, status, created_at, settled_at, *rest = row
    endpoint_id, endpoint_name, base_url, model_id, parameters, adjustments, finish_reason, *rest = rest
    usage, timing, failure, model_reported, fingerprint, deltas, reasoning_deltas, *rest = rest
    system_prompt, attempts = rest
    return Run(
        id=identity,
        conversation_id=conversation_id,
        parent_id=parent_id,
        message_id=message_id,
        endpoint_id=endpoint_id,
        endpoint_name=endpoint_name,
        base_url=base_url,
        model_id=model_id,
        parameters=parameters_from(parameters),
        system_prompt=system_prompt,
        status=RunStatus(status),
        created_at=moment(created_at),
        adjustments=_adjustments_from(adjustments),
        request_body=request_body,
        finish_reason=finish_reason,
        usage=None if usage is None else value_of(Usage, json.loads(usage)),
        timing=value_of(Timing, json.loads(timing)),
        failure=None if failure is None else _failure_from(failure),
        model_reported=model_reported,
        fingerprint=fingerprint,
        delta_count=deltas,
        reasoning_delta_count=reasoning_deltas,
        settled_at=None if settled_at is None else moment(settled_at),
        failed_attempts=_attempts_from(attempts),
    )


def exchange_row(exchange: Exchange) -> Row:
    """In the order of `EXCHANGE_COLUMNS`."""
    return (
        exchange.run_id,
        exchange.request_line,
        to_json(exchange.request_headers),
        exchange.response_status,
        to_json(exchange.response_headers),
        exchange.http_version,
        _packed_marks(exchange.chunk_marks),
        zlib.compress(exchange.raw_stream),
    )


def exchange_from(row: Row) -> Exchange:
    """From `EXCHANGE_COLUMNS`."""
    run_id, request_line, request_headers, status, response_headers, http_version, chunk_marks, raw = row
    return Exchange(
        run_id=run_id,
        request_line=request_line,
        request_headers=_headers_from(request_headers),
        response_status=status,
        response_headers=_headers_from(response_headers),
        http_version=http_version,
        raw_stream=zlib.decompress(raw),
        chunk_marks=_unpacked_marks(chunk_marks),
    )


def _headers_from(stored: str) -> tuple[tuple[str, str], ...]:
    return tuple((name, value) for name, value in json.loads(stored))


def _packed_marks(chunk_marks: Iterable[tuple[float, int]]) -> bytes:
    times_ms, totals_bytes = array("d"), array("q")
    for time_ms, total_bytes in chunk_marks:
        times_ms.append(time_ms)
        totals_bytes.append(total_bytes)
    if sys.byteorder == "big":
        times_ms.byteswap()
        totals_bytes.byteswap()
    return zlib.compress(times_ms.tobytes() + totals_bytes.tobytes())


def _unpacked_marks(stored: bytes) -> tuple[tuple[float, int], ...]:
    packed = zlib.decompress(stored)
    half = len(packed) // 2
    times_ms, totals_bytes = array("d", packed[:half]), array("q", packed[half:])
    if sys.byteorder == "big":
        times_ms.byteswap()
        totals_bytes.byteswap()
    return tuple(zip(times_ms, totals_bytes, strict=True))


def draft_json(draft: Draft) -> str:
    """All of a draft but its text."""
    nested = {
        "parameters": draft.parameters.as_dict(),
        "attachments": list(map(_attachment_entry, draft.attachments)),
        "aside_attachments": list(map(_attachment_entry, draft.aside_attachments)),
        "tools": [fields_of(tool) for tool in draft.tools],
        "resting_tools": [fields_of(tool) for tool in draft.resting_tools],
    }
    return to_json(fields_of(draft) | {"text": ""} | nested)


def draft_from(text: str, stored: str) -> Draft:
    """The inverse of `draft_json`."""
    values = json.loads(stored)
    values["text"] = text
    values["parameters"] = parameters_from(to_json(values["parameters"]))
    for name in ("attachments", "aside_attachments"):
        values[name] = tuple(map(_attachment_from, values.get(name, ())))
    for name in ("tools", "resting_tools"):
        values[name] = tuple(map(_tool_from, values.get(name, ())))
    values["results"] = tuple(map(tuple, values.get("results", ())))
    values["reasoning_replay"] = ReasoningReplay(values.get("reasoning_replay", ReasoningReplay.AS_REQUIRED))
    return value_of(Draft, values)


def _tool_from(stored: dict[str, Any]) -> ToolDefinition:
    from drover.domain.tools import ToolDefinition

    return value_of(ToolDefinition, stored | {"command": tuple(stored.get("command", ()))})


def result_json(result: ToolResultPart) -> str:
    """All of a result."""
    return to_json(fields_of(result))


def result_from(stored: str) -> ToolResultPart:
    """The inverse of `result_json`."""
    return value_of(ToolResultPart, json.loads(stored))


def endpoint_json(endpoint: Endpoint) -> str:
    """All of an endpoint."""
    values = fields_of(endpoint)
    if endpoint.network is not None:
        values["network"] = fields_of(endpoint.network)
    return to_json(values)


def endpoint_from(stored: str) -> Endpoint:
    """The inverse of `endpoint_json`."""
    values = json.loads(stored)
    if "network" in values:
        from drover.domain.network import NetworkSettings, ProxyMode  # most endpoints need none

        network = values["network"]
        values["network"] = value_of(
            NetworkSettings, network | {"proxy_mode": ProxyMode(network["proxy_mode"])}
        )
    return value_of(Endpoint, values)


def preset_json(preset: Preset) -> str:
    """All of a preset."""
    return to_json(fields_of(preset) | {"parameters": preset.parameters.as_dict()})


def preset_from(stored: str) -> Preset:
    """The inverse of `preset_json`."""
    values = json.loads(stored)
    return value_of(Preset, values | {"parameters": parameters_from(to_json(values["parameters"]))})


def model_card_json(card: ModelCard) -> str:
    """All of a card."""
    fetched_at = None if card.fetched_at is None else microseconds(card.fetched_at)
    return to_json(fields_of(card) | {"fetched_at": fetched_at})


def model_card_from(stored: str) -> ModelCard:
    """The inverse of `model_card_json`."""
    values = json.loads(stored)
    if values["fetched_at"] is not None:
        values["fetched_at"] = moment(values["fetched_at"])
    for name in ("input_modalities", "notes"):
        values[name] = tuple(values[name])
    values["places"] = tuple((fact, place) for fact, place in values.get("places", ()))
    return value_of(ModelCard, values)


def parameter_fact_json(fact: ParameterFact) -> str:
    """All of a fact."""
    return to_json(fields_of(fact) | {"noted_at": microseconds(fact.noted_at)})


def parameter_fact_from(stored: str) -> ParameterFact:
    """The inverse of `parameter_fact_json`."""
    values = json.loads(stored)
    values |= {"noted_at": moment(values["noted_at"]), "outcome": FactOutcome(values["outcome"])}
    return value_of(ParameterFact, values)


JournalSlot = tuple[str, str, str]
"""Kind, facts as JSON, and text of one part."""


def journal_slot(part: Part) -> JournalSlot:
    """A part of a reply as the journal holds it; its text is the only thing that grows."""
    match part:
        case TextPart():
            return "t", "[]", storable(part.text)
        case ReasoningPart():
            about = [part.source, part.raw] if part.raw else [part.source]
            return "r", storable(to_json(about)), storable(part.text)
        case ToolCallPart():
            about = [part.call_id, part.name, *([part.extra] if part.extra else [])]
            return "c", storable(to_json(about)), storable(part.arguments)
        case ToolResultPart() | ImagePart() | FilePart():
            raise ValueError("A reply does not arrive with results or attachments.")
        case _:
            assert_never(part)


def replayed(rows: Iterable[Row]) -> list[JournalSlot]:
    """What a journal adds up to, from (slot, start, kind, about_json, text) in the order written."""
    slots: dict[int, tuple[str, str, list[str], int]] = {}
    for slot, start, kind, about, text in rows:
        pieces, length = slots[slot][2:] if slot in slots else ([], 0)
        if start != length:
            pieces = ["".join(pieces)[:start]]
        pieces.append(text)
        slots[slot] = (kind, about, pieces, start + len(text))
    return [(kind, about, "".join(pieces)) for _, (kind, about, pieces, _) in sorted(slots.items())]


def part_from(slot: JournalSlot) -> Part:
    """The inverse of `journal_slot`."""
    kind, about, text = slot
    facts: list[str] = json.loads(about)
    if kind == "t":
        return TextPart(text=text)
    if kind == "r":
        return _reasoning_from(text, facts)
    return ToolCallPart(
        call_id=facts[0], name=facts[1], arguments=text, extra=facts[2] if len(facts) > 2 else ""
    )
