"""Profiles to measure on: an endpoint of the bench's own server, and conversations of any length."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.bench._prose import Prose
from tests.bench._server import MODEL

from drover.domain.conversation import Conversation, Message, ReasoningPart, Role, TextPart
from drover.domain.endpoint import Endpoint
from drover.domain.parameters import UNSET
from drover.domain.run import Exchange, Run, RunStatus, Timing, Usage
from drover.store import rows
from drover.store.database import open_database
from drover.store.library import Library
from drover.store.settings import Settings, save_settings

_START = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
_ENDPOINT = "bench"


def fill(directory: Path, port: int, conversations: dict[str, tuple[int, int]]) -> None:
    """Writes a profile; `conversations` maps a title to (messages, characters in all). None is open."""
    connection = open_database(directory / "library.sqlite3")
    library = Library(connection)
    url = f"http://127.0.0.1:{port}/v1"
    library.save_endpoint(
        Endpoint(id=_ENDPOINT, name="Bench", base_url=url, default_model_id=MODEL, needs_key=False)
    )
    save_settings(connection, Settings(endpoint_id=_ENDPOINT, model_id=MODEL))
    with library.one_transaction():
        for seed, (title, (messages, characters)) in enumerate(conversations.items()):
            _converse(library, title, messages, characters // max(1, messages), Prose(seed))
    library.close()


def _converse(library: Library, title: str, messages: int, characters: int, prose: Prose) -> None:
    """Questions are a tenth of the text; every third answer was thought about."""
    conversation = Conversation(id=f"C-{title}", title=title, created_at=_START, updated_at=_START)
    library.add_turn(conversation=conversation)
    parent_id: str | None = None
    for turn, (question_id, reply_id) in enumerate(_ids(title, messages)):
        at = _START + timedelta(minutes=turn)
        question = Message(
            id=question_id, conversation_id=conversation.id, parent_id=parent_id, role=Role.USER,
            parts=(TextPart(text=prose.question()),), created_at=at,
        )  # fmt: skip
        size = 2 * characters - len(question.text)
        thought = prose.reasoning(size // 3) if turn % 3 == 0 else ""
        parts = (TextPart(text=prose.answer(size - len(thought))),)
        reply = Message(
            id=reply_id, conversation_id=conversation.id, parent_id=question_id, role=Role.ASSISTANT,
            parts=(ReasoningPart(text=thought), *parts) if thought else parts,
            created_at=at + timedelta(seconds=20), run_id=f"R-{reply_id}",
        )  # fmt: skip
        _answer(library, question, reply)
        parent_id = reply_id


def record(directory: Path, conversation_title: str, events: Sequence[bytes], every_ms: float) -> None:
    """Gives the last reply of a conversation an exchange: these events, one a chunk at this distance."""
    connection = open_database(directory / "library.sqlite3")
    library = Library(connection)
    run = list(library.runs(f"C-{conversation_title}").values())[-1]
    marks, total = [], 0
    for number, event in enumerate(events):
        total += len(event)
        marks.append((100.0 + number * every_ms, total))
    exchange = Exchange(
        run_id=run.id, request_line=f"POST {run.base_url}/chat/completions",
        request_headers=(("Content-Type", "application/json"),), response_status=200,
        response_headers=(("Content-Type", "text/event-stream"),), http_version="HTTP/1.1",
        raw_stream=b"".join(events), chunk_marks=tuple(marks),
    )  # fmt: skip
    keep(connection, exchange)
    library.close()


def keep(connection: sqlite3.Connection, exchange: Exchange) -> None:
    """Stores an exchange as the library does when a run settles."""
    columns = rows.EXCHANGE_COLUMNS
    with connection:
        connection.execute(
            f"INSERT INTO exchanges ({columns}) VALUES ({rows.marks(columns)})", rows.exchange_row(exchange)
        )


def _ids(title: str, messages: int) -> Iterator[tuple[str, str]]:
    for number in range(0, messages, 2):
        yield f"M-{title}-{number:06}", f"M-{title}-{number + 1:06}"


def _answer(library: Library, question: Message, reply: Message) -> None:
    tokens = (len(reply.text) + len(reply.reasoning)) // 4
    run = Run(
        id=reply.run_id or "", conversation_id=reply.conversation_id, parent_id=question.id,
        message_id=reply.id, endpoint_id=_ENDPOINT, endpoint_name="Bench", base_url="http://127.0.0.1/v1",
        model_id=MODEL, parameters=UNSET, system_prompt="", status=RunStatus.QUEUED,
        created_at=question.created_at,
    )  # fmt: skip
    library.add_turn(message=question, run=run)
    thinking = len(reply.reasoning) // 4
    timing = Timing(
        connect_ms=20.0, first_byte_ms=90.0, first_token_ms=100.0, last_token_ms=100.0 + 5 * tokens,
        total_ms=110.0 + 5 * tokens, reasoning_started_ms=100.0 if thinking else None,
        reasoning_ended_ms=100.0 + 5 * thinking if thinking else None,
    )  # fmt: skip
    usage = Usage(
        prompt_tokens=40, completion_tokens=tokens, total_tokens=40 + tokens, reasoning_tokens=thinking
    )
    ended = replace(
        run, status=RunStatus.COMPLETE, finish_reason="stop", usage=usage, timing=timing,
        model_reported=MODEL, delta_count=tokens, reasoning_delta_count=thinking, settled_at=reply.created_at,
    )  # fmt: skip
    library.settle(ended, reply)
