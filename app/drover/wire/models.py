"""Model lists of any known server, as model cards."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from typing import Any

from drover.domain.endpoint import ModelCard
from drover.errors import ProtocolError
from drover.wire.error_body import page_title, read_error
from drover.wire.surrogates import mended, without_lone_surrogates

_NOT_CHAT_TYPES = {"embedding", "embeddings", "rerank", "image", "audio", "video", "moderation"}
_PLACES: Mapping[str, tuple[str, ...]] = {
    "context_tokens": (
        "context_length", "max_model_len", "context_window", "max_context_length", "max_context_tokens",
        "top_provider.context_length", "meta.n_ctx_train",
    ),
    "max_output_tokens": (
        "max_output_tokens", "max_completion_tokens", "top_provider.max_completion_tokens",
    ),
    "input_modalities": ("capabilities.input", "architecture.input_modalities", "input_modalities"),
    "input_usd_per_token": ("pricing.input_cost_per_token", "pricing.prompt"),
    "output_usd_per_token": ("pricing.output_cost_per_token", "pricing.completion"),
    "request_schema": ("request_schema", "json_request_schema"),
}  # fmt: skip
"""Where servers state each fact of a card, the first that does counts; a point leads into an object."""
_OUTPUTS = ("capabilities.output", "architecture.output_modalities", "output_modalities")


def decode_models(body: bytes, *, source: str) -> list[ModelCard]:
    """The chat models of a model list, in its order, each once. `source` becomes `ModelCard.source`.

    Models known to do something else (images, embeddings) are left out. Raises ProtocolError for a body that
    is no model list.
    """
    text = body.decode("utf-8-sig", "replace").strip()
    try:
        value = json.loads(text)
        if "\\u" in text:
            value = mended(value)
    except (ValueError, RecursionError):
        raise _no_list(text, body) from None
    entries = _entries(value)
    if entries is None:
        raise _no_list(read_error(value).words, body)
    cards: dict[str, ModelCard] = {}
    for entry in entries:
        card = _card({"id": entry} if isinstance(entry, str) else entry, source)
        if card is not None:
            cards.setdefault(card.id, card)
    return list(cards.values())


def _no_list(words: str, body: bytes) -> ProtocolError:
    title = page_title(words)
    if title is not None:
        message = f"A web page titled “{title}” came back instead of a list of models."
    elif said := " ".join(words.split())[:200]:
        message = f"What came back is not a list of models: “{said}”"
    else:
        message = "What came back is not a list of models."
    return ProtocolError(
        message, offending=body[:200], hint="Check the base URL of the endpoint; it often ends in /v1."
    )


def _entries(value: object) -> list[Any] | None:
    if isinstance(value, dict):
        value = value.get("data") if isinstance(value.get("data"), list) else value.get("models")
    return value if isinstance(value, list) else None


def _card(entry: object, source: str) -> ModelCard | None:
    """One model object of OpenAI, Oxen, OpenRouter, vLLM, llama.cpp, Groq, Mistral, LM Studio or Ollama."""
    if not isinstance(entry, dict):
        return None
    model_id = next((entry[key] for key in ("id", "model", "name") if _is_text(entry.get(key))), None)
    if model_id is None or not _is_chat(entry):
        return None
    name = next((entry[key] for key in ("display_name", "name") if _is_text(entry.get(key))), model_id)
    facts, places = {}, []
    for fact, read in _READERS.items():
        for place in _PLACES[fact]:
            if (value := read(_at(entry, place))) is not None:
                facts[fact] = value
                places.append((fact, place))
                break
    return ModelCard(
        id=model_id, name=name, source=source, notes=_notes(entry), places=tuple(places), **facts
    )


def _is_chat(entry: Mapping[str, Any]) -> bool:
    path = entry.get("endpoint")
    if _is_text(path) and not str(path).endswith("chat/completions"):
        return False
    kind = entry.get("type")
    if isinstance(kind, str) and kind.lower() in _NOT_CHAT_TYPES:
        return False
    outputs = next(filter(None, (_modalities(_at(entry, place)) for place in _OUTPUTS)), None)
    if outputs and "text" not in outputs:
        return False
    return _object(entry, "capabilities").get("completion_chat") is not False


def _modalities(value: object) -> tuple[str, ...] | None:
    if not isinstance(value, list):
        return None
    return tuple(item for item in value if isinstance(item, str))


def _notes(entry: Mapping[str, Any]) -> tuple[str, ...]:
    notes: list[str] = []
    summary = entry.get("summary") or entry.get("description")
    if isinstance(summary, str) and (line := " ".join(summary.split())):
        notes.append(line if len(line) <= 300 else line[:299].rstrip() + "…")
    deployments = entry.get("deployments")
    if entry.get("model_type") == "custom" and isinstance(deployments, list):
        found = [item.get("status") for item in deployments if isinstance(item, dict)]
        states = [state if isinstance(state, str) else "unknown" for state in found]
        if "active" not in states:
            notes.append(f"Its deployment is {states[0] if states else 'missing'}, so it may not answer.")
    return tuple(notes)


def _schema(value: object) -> str | None:
    """A JSON Schema, as an object or as its text, compact."""
    try:
        schema = json.loads(value) if isinstance(value, str) else value
        if not isinstance(schema, dict) or not schema:
            return None
        text = json.dumps(schema, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    except (ValueError, RecursionError):
        return None
    return without_lone_surrogates(text)


def _at(entry: Mapping[str, Any], place: str) -> object:
    """What stands at a place of the model object; None where there is nothing."""
    outer, _, inner = place.partition(".")
    return _object(entry, outer).get(inner) if inner else entry.get(outer)


def _object(entry: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = entry.get(key)
    return value if isinstance(value, dict) else {}


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _count(value: object) -> int | None:
    """A positive number of a size that counts of tokens have."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 1 <= value < 2**53:
        return None
    return int(value)


def _price(value: object) -> float | None:
    """US dollars per token; some servers write prices as text, and -1 for "depends"."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        price = float(value)
    except (ValueError, OverflowError):
        return None
    return price if math.isfinite(price) and price >= 0 else None


_READERS: Mapping[str, Callable[[object], Any]] = {
    "context_tokens": _count,
    "max_output_tokens": _count,
    "input_modalities": _modalities,
    "input_usd_per_token": _price,
    "output_usd_per_token": _price,
    "request_schema": _schema,
}
