"""What a person has set for the whole program. A setting is one field here and nothing else."""

from __future__ import annotations

import dataclasses
import json
import math
import sqlite3
from dataclasses import dataclass
from typing import Any

from drover.store.database import execute, in_words, transaction
from drover.store.library import Changes
from drover.store.rows import to_json


def _one_of(*words: str) -> Any:
    """A word of a few; the first is the initial one."""
    return dataclasses.field(default=words[0], metadata={"words": words})


def _within(minimum: float, maximum: float, *, initial: float) -> Any:
    """A number; on loading, one outside the range becomes the nearest bound."""
    return dataclasses.field(default=initial, metadata={"range": (minimum, maximum)})


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All settings; those that nobody has touched hold their initial values."""

    theme_mode: str = _one_of("system", "light", "dark")
    text_scale: float = _within(0.5, 3.0, initial=1.0)
    reasoning_display: str = _one_of("auto", "open", "closed")
    """`auto` is open while the model thinks and closes when the answer begins."""
    is_question_raised: bool = False
    """What was sent is put at the top of the view and its answer grows below it; else the end is followed."""
    endpoint_id: str = ""
    """Chosen for new conversations; empty until a first choice."""
    model_id: str = ""
    preset_id: str = ""
    """Chosen for new conversations; empty for none."""
    last_conversation_id: str = ""
    """Shown when the program ended; empty for the conversation not yet begun."""
    gguf_path: str = ""
    """Weights that the built-in endpoint serves; empty for those that come with it."""
    first_byte_timeout_s: float = _within(1.0, 86_400.0, initial=600.0)
    idle_timeout_s: float = _within(1.0, 86_400.0, initial=300.0)
    is_retried: bool = True
    """What fails before anything of an answer has come, and may pass by itself, is sent again by itself."""
    confirmed_hosts: tuple[str, ...] = ()
    """Hosts whose links open without asking."""
    window_geometry: str = ""
    """Base64 of what the window system saved; empty for the initial size."""
    left_width: int = _within(0, 10_000, initial=264)
    """Pixels of the conversation list, at text scale 1."""
    right_width: int = _within(0, 10_000, initial=352)
    """Pixels of the parameter column, at text scale 1."""
    is_left_folded: bool = False
    is_right_folded: bool = False
    right_tab: str = _one_of("Parameters", "Reasoning", "Request", "Tokens")


def load_settings(connection: sqlite3.Connection) -> Settings:
    """The stored settings; a value that is missing or cannot be right falls back to the initial one."""
    with in_words(connection):
        stored = dict(connection.execute("SELECT name, value_json FROM settings").fetchall())
    values: dict[str, Any] = {}
    for field in dataclasses.fields(Settings):
        if field.name in stored:
            values[field.name] = _accepted(field, stored[field.name])
    return Settings(**values)


def save_settings(connection: sqlite3.Connection, settings: Settings) -> Changes:
    """Stores all settings; names that this version does not know stay as they are."""
    with transaction(connection, is_durable=False):
        for field in dataclasses.fields(settings):
            execute(
                connection,
                "INSERT OR REPLACE INTO settings (name, value_json) VALUES (?, ?)",
                (field.name, to_json(getattr(settings, field.name))),
            )
    return Changes(others=frozenset({"settings"}))


def _accepted(field: dataclasses.Field[Any], stored: object) -> Any:
    """The stored value in the field's own type, or the initial value."""
    initial: Any = field.default
    try:
        value: Any = json.loads(stored) if isinstance(stored, str) else None
    except json.JSONDecodeError:
        return initial
    if isinstance(initial, tuple):
        is_texts = isinstance(value, list) and all(isinstance(item, str) for item in value)
        return tuple(value) if is_texts else initial
    if isinstance(initial, bool) or isinstance(value, bool) or isinstance(initial, str):
        is_right = type(value) is type(initial) and value in field.metadata.get("words", (value,))
        return value if is_right else initial
    if not isinstance(value, int | float) or not math.isfinite(value):
        return initial
    minimum, maximum = field.metadata["range"]
    return type(initial)(min(max(value, minimum), maximum))
