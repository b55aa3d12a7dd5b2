"""Model lists of any known server, as model cards."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from drover.domain.endpoint import ModelCard
from drover.errors import ProtocolError
from drover.wire.error_body import page_title, read_error
from drover.wire.surrogates import without_lone_surrogates

_NOT_CHAT_TYPES = {"embedding", "embeddings", "rerank", "image", "audio", "video", "moderation"}
_CONTEXT_KEYS = (
    "context_length", "max_model_len", "context_window", "max_context_length", "max_context_tokens",
)  # fmt: skip


def decode_models(body: bytes, *, source: str) -> list[ModelCard]:
    """The chat models of a model list, in its order, each once. `source` becomes `ModelCard.source`.

    Models known to do something else (images, embeddings) are left out. Raises ProtocolError for a body that
    is no model list.
    """
    text = body.decode("utf-8-sig", "replace").strip()
    try:
        value = json.loads(text)
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
    pricing, provider = _object(entry, "pricing"), _object(entry, "top_provider")
    contexts = [entry.get(key) for key in _CONTEXT_KEYS]
    meta = _object(entry, "meta")
    return ModelCard(
        id=model_id,
        name=name,
        context_tokens=_count(*contexts, provider.get("context_length"), meta.get("n_ctx_train")),
        max_output_tokens=_count(
            entry.get("max_output_tokens"),
            entry.get("max_completion_tokens"),
            provider.get("max_completion_tokens"),
        ),
        input_modalities=_modalities(entry, "input"),
        input_usd_per_token=_price(pricing, "input_cost_per_token", "prompt"),
        output_usd_per_token=_price(pricing, "output_cost_per_token", "completion"),
        source=source,
        request_schema=_schema(entry),
        notes=_notes(entry),
    )


def _is_chat(entry: Mapping[str, Any]) -> bool:
    path = entry.get("endpoint")
    if _is_text(path) and not str(path).endswith("chat/completions"):
        return False
    if str(entry.get("type", "")).lower() in _NOT_CHAT_TYPES:
        return False
    outputs = _modalities(entry, "output")
    if outputs and "text" not in outputs:
        return False
    return _object(entry, "capabilities").get("completion_chat") is not False


def _modalities(entry: Mapping[str, Any], direction: str) -> tuple[str, ...]:
    for value in (
        _object(entry, "capabilities").get(direction),
        _object(entry, "architecture").get(f"{direction}_modalities"),
        entry.get(f"{direction}_modalities"),
    ):
        if isinstance(value, list):
            return tuple(item for item in value if isinstance(item, str))
    return ()


def _notes(entry: Mapping[str, Any]) -> tuple[str, ...]:
    notes: list[str] = []
    summary = entry.get("summary") or entry.get("description")
    if isinstance(summary, str) and (line := " ".join(summary.split())):
        notes.append(line if len(line) <= 300 else line[:299].rstrip() + "…")
    deployments = entry.get("deployments")
    if entry.get("model_type") == "custom" and isinstance(deployments, list):
        states = [str(item.get("status", "unknown")) for item in deployments if isinstance(item, dict)]
        if "active" not in states:
            notes.append(f"Its deployment is {states[0] if states else 'missing'}, so it may not answer.")
    return tuple(notes)


def _schema(entry: Mapping[str, Any]) -> str:
    """The JSON Schema of the request body, compact; empty where there is none or it is no JSON object."""
    schema = entry.get("request_schema") or entry.get("json_request_schema")
    try:
        if isinstance(schema, str):
            schema = json.loads(schema)
        if not isinstance(schema, dict) or not schema:
            return ""
        text = json.dumps(schema, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    except (ValueError, RecursionError):
        return ""
    return without_lone_surrogates(text)


def _object(entry: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = entry.get(key)
    return value if isinstance(value, dict) else {}


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _count(*values: object) -> int | None:
    """The first positive whole number."""
    for value in values:
        if (
            isinstance(value, int | float)
            and not isinstance(value, bool)
            and math.isfinite(value)
            and value > 0
        ):
            return int(value)
    return None


def _price(pricing: Mapping[str, Any], *names: str) -> float | None:
    """US dollars per token; some servers write prices as text, and -1 for "depends"."""
    for name in names:
        value = pricing.get(name)
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            continue
        try:
            price = float(value)
        except ValueError:
            continue
        if math.isfinite(price) and price >= 0:
            return price
    return None
