"""Writes a profile with a little of everything in the schema of this tree; see the README beside it."""

from __future__ import annotations

import dataclasses
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from drover.domain.conversation import (
    Conversation,
    Draft,
    Message,
    ReasoningPart,
    Role,
    TextPart,
    ToolCallPart,
)
from drover.domain.endpoint import Endpoint, FactOutcome, ModelCard, ParameterFact
from drover.domain.parameters import Preset, SamplingParameters
from drover.domain.run import Adjustment, Exchange, Failure, FailureKind, Run, RunStatus, Timing, Usage
from drover.store.database import open_database
from drover.store.library import Library
from drover.store.migrations import MIGRATIONS
from drover.store.settings import Settings, save_settings

HERE = Path(__file__).parent
START = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)


def main() -> None:
    """Refuses to replace a profile that exists."""
    folder = HERE / f"schema-{len(MIGRATIONS)}"
    folder.mkdir()
    path = folder / "library.sqlite3"
    with closing(Library(open_database(path))) as library:
        add_conversation(library)
        add_live_run(library)
        add_the_rest(library)
        library.connection.execute("VACUUM")
    path.chmod(0o644)


def add_conversation(library: Library) -> None:
    """A question with two replies: a complete one, and a failed one with nothing in it."""
    question = Message(
        id="question-1", conversation_id="sky", parent_id=None, role=Role.USER,
        parts=(TextPart(text="Why is the sky blue? 天空为什么是蓝色的？"),), created_at=START,
    )  # fmt: skip
    conversation = Conversation(
        id="sky", title="The blue sky", created_at=START, updated_at=START, is_pinned=True
    )
    complete = asked("run-1", "sky", "question-1")
    library.add_turn(conversation=conversation, message=question, run=complete)
    adjustment = Adjustment(name="top_k", action="dropped", reason="The server does not know it.")
    library.start_run("run-1", request_body=b'{"model":"m","stream":true}', adjustments=[adjustment])
    complete = dataclasses.replace(
        complete,
        status=RunStatus.COMPLETE, adjustments=(adjustment,), finish_reason="stop",
        usage=Usage(prompt_tokens=5, completion_tokens=9, reasoning_tokens=4, raw_json='{"prompt_tokens":5}'),
        timing=Timing(first_byte_ms=12.5, first_token_ms=20.0, last_token_ms=99.75, total_ms=100.0),
        model_reported="m-2026", fingerprint="fp", delta_count=9, reasoning_delta_count=4,
        settled_at=START + timedelta(seconds=1),
    )  # fmt: skip
    reply = Message(
        id="run-1-reply", conversation_id="sky", parent_id="question-1", role=Role.ASSISTANT,
        parts=(
            ReasoningPart(text="Rayleigh, ", source="reasoning"),
            ReasoningPart(text="I think.", source="<think>"),
            TextPart(text="Short waves scatter "),
            TextPart(text="more.\0"),
            ToolCallPart(call_id="call-1", name="look_up", arguments='{"what":"sky"}'),
        ),
        created_at=START + timedelta(seconds=1), run_id="run-1",
    )  # fmt: skip
    exchange = Exchange(
        run_id="run-1", request_line="POST http://127.0.0.1:9/v1/chat/completions",
        request_headers=(("content-type", "application/json"), ("authorization", "DROVER_API_KEY_LAB")),
        response_status=200, response_headers=(("content-type", "text/event-stream"),),
        http_version="HTTP/1.1", raw_stream=b"data: [DONE]\n\n", chunk_marks=((12.5, 6), (13.25, 14)),
    )  # fmt: skip
    library.settle(complete, reply, exchange)
    failed = asked("run-2", "sky", "question-1")
    library.add_turn(run=failed)
    failed = dataclasses.replace(
        failed,
        status=RunStatus.FAILED,
        failure=Failure(kind=FailureKind.RATE, message="Too many requests.", status=429, retry_after_s=1.5),
        settled_at=START + timedelta(seconds=2),
    )
    library.settle(failed, dataclasses.replace(reply, id="run-2-reply", parts=(), run_id="run-2"))


def add_live_run(library: Library) -> None:
    """A conversation whose run was cut off by the death of the program, and one that was deleted."""
    question = Message(
        id="question-2", conversation_id="cut", parent_id=None, role=Role.USER,
        parts=(TextPart(text="Count."),), created_at=START + timedelta(hours=1),
    )  # fmt: skip
    conversation = Conversation(
        id="cut", title="", created_at=question.created_at, updated_at=question.created_at
    )
    library.add_turn(conversation=conversation, message=question, run=asked("run-3", "cut", "question-2"))
    library.start_run("run-3", request_body=b"{}", adjustments=())
    library.journal("run-3", (ReasoningPart(text="One", source="reasoning"),))
    library.journal("run-3", (ReasoningPart(text="One by one.", source="reasoning"), TextPart(text="1, 2")))
    library.journal(
        "run-3", (ReasoningPart(text="One by one.", source="reasoning"), TextPart(text="1, 2, 3"))
    )
    library.add_turn(conversation=dataclasses.replace(conversation, id="gone", title="Deleted"))
    library.delete_conversation("gone")


def add_the_rest(library: Library) -> None:
    """Drafts, an endpoint, a preset, a model card, what is known of a parameter, and settings."""
    parameters = SamplingParameters(temperature=0.2, stop=("END", "\n\n"))
    library.save_draft("", Draft(text="unsent", endpoint_id="lab", model_id="m", parameters=parameters))
    library.save_draft("sky", Draft(text="Why not?", replaces_id="question-1"))
    library.save_endpoint(Endpoint(id="lab", name="Lab", base_url="http://127.0.0.1:9/v1", needs_key=False))
    library.save_preset(Preset(id="exact", name="Exact", parameters=parameters, system_prompt="Be exact."))
    card = ModelCard(
        id="m", context_tokens=8192, input_modalities=("text",), fetched_at=START, notes=("Tiny.",)
    )
    library.save_model_cards("lab", [card])
    fact = ParameterFact(
        endpoint_id="lab", model_id="m", name="top_k", outcome=FactOutcome.REJECTED,
        words="Unknown field: top_k", noted_at=START,
    )  # fmt: skip
    library.save_parameter_facts([fact])
    save_settings(library.connection, Settings(theme_mode="dark", confirmed_hosts=("example.org",)))


def asked(run_id: str, conversation_id: str, parent_id: str) -> Run:
    """A queued run."""
    return Run(
        id=run_id, conversation_id=conversation_id, parent_id=parent_id, message_id=f"{run_id}-reply",
        endpoint_id="lab", endpoint_name="Lab", base_url="http://127.0.0.1:9/v1", model_id="m",
        parameters=SamplingParameters(temperature=0.7, reasoning_effort="high", stop=("END",)),
        system_prompt="Be kind.", status=RunStatus.QUEUED, created_at=START,
    )  # fmt: skip


if __name__ == "__main__":
    main()
