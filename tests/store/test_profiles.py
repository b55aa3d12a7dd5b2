"""Libraries of every earlier schema open in this version with all their content."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from tests.corpora.profiles.make import START

from drover.domain.conversation import Draft, ReasoningPart, TextPart, ToolCallPart
from drover.domain.parameters import SamplingParameters
from drover.domain.run import FailureKind, RunStatus
from drover.store.database import open_database, problems
from drover.store.library import Library
from drover.store.migrations import MIGRATIONS
from drover.store.settings import load_settings

PROFILES = Path(__file__).parents[1] / "corpora" / "profiles"
SCHEMAS = range(1, len(MIGRATIONS) + 1)


@pytest.fixture(params=SCHEMAS)
def old(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Library]:
    """The kept profile of one schema, opened by this version."""
    shutil.copy(PROFILES / f"schema-{request.param}" / "library.sqlite3", tmp_path)
    with closing(Library(open_database(tmp_path / "library.sqlite3"))) as library:
        yield library


def test_a_profile_is_kept_of_every_schema() -> None:
    assert sorted(folder.name for folder in PROFILES.glob("schema-*")) == [f"schema-{n}" for n in SCHEMAS]


def test_an_old_library_is_sound(old: Library) -> None:
    assert problems(old.connection) == []


def test_its_conversations_are_listed(old: Library) -> None:
    assert [(c.id, c.title, c.head_id, c.is_pinned) for c in old.conversations()] == [
        ("sky", "The blue sky", "run-2-reply", True),
        ("cut", "", "question-2", False),
    ]
    assert old.conversations()[0].created_at == START
    assert old.conversations()[0].updated_at == START + timedelta(seconds=2)


def test_its_messages_have_their_parts(old: Library) -> None:
    assert [message.parts for message in old.messages("sky")] == [
        (TextPart(text="Why is the sky blue? 天空为什么是蓝色的？"),),
        (
            ReasoningPart(text="Rayleigh, ", source="reasoning"),
            ReasoningPart(text="I think.", source="<think>"),
            TextPart(text="Short waves scatter "),
            TextPart(text="more.\0"),
            ToolCallPart(call_id="call-1", name="look_up", arguments='{"what":"sky"}'),
        ),
        (),
    ]


def test_its_runs_tell_what_was_asked_and_what_happened(old: Library) -> None:
    run = old.run("run-1")
    assert run is not None
    assert (run.status, run.request_body) == (RunStatus.COMPLETE, b'{"model":"m","stream":true}')
    assert run.parameters == SamplingParameters(temperature=0.7, reasoning_effort="high", stop=("END",))
    assert [adjustment.name for adjustment in run.adjustments] == ["top_k"]
    assert run.usage is not None
    assert (run.usage.reasoning_tokens, run.usage.total_tokens) == (4, None)
    assert (run.timing.first_byte_ms, run.timing.connect_ms) == (12.5, None)
    failed = old.runs("sky")["run-2"]
    assert failed.failure is not None
    assert (failed.failure.kind, failed.failure.retry_after_s) == (FailureKind.RATE, 1.5)


def test_its_exchanges_have_their_bytes(old: Library) -> None:
    exchange = old.exchange("run-1")
    assert exchange is not None
    assert exchange.raw_stream == b"data: [DONE]\n\n"
    assert exchange.chunk_marks == ((12.5, 6), (13.25, 14))
    assert exchange.request_headers[1] == ("authorization", "DROVER_API_KEY_LAB")


def test_a_run_that_was_live_in_it_becomes_interrupted_with_its_text(old: Library) -> None:
    old.interrupt_running()
    assert old.messages("cut")[-1].parts == (
        ReasoningPart(text="One by one.", source="reasoning"),
        TextPart(text="1, 2, 3"),
    )
    assert old.runs("cut")["run-3"].status is RunStatus.INTERRUPTED


def test_what_was_deleted_in_it_can_be_brought_back(old: Library) -> None:
    old.restore_conversation("gone")
    assert [c.title for c in old.conversations() if c.id == "gone"] == ["Deleted"]


def test_its_text_is_searched(old: Library) -> None:
    assert [(hit.conversation_id, hit.where) for hit in old.search("rayl")] == [("sky", "reasoning")]
    assert [hit.conversation_id for hit in old.search("蓝色")] == ["sky"]


def test_drafts_endpoints_presets_models_and_settings_are_there(old: Library) -> None:
    parameters = SamplingParameters(temperature=0.2, stop=("END", "\n\n"))
    assert old.draft("") == Draft(text="unsent", endpoint_id="lab", model_id="m", parameters=parameters)
    assert old.draft("sky") == Draft(text="Why not?", replaces_id="question-1")
    assert [(e.id, e.base_url, e.needs_key) for e in old.endpoints()] == [
        ("lab", "http://127.0.0.1:9/v1", False)
    ]
    assert [(p.name, p.parameters, p.system_prompt) for p in old.presets()] == [
        ("Exact", parameters, "Be exact.")
    ]
    assert [(m.id, m.context_tokens, m.fetched_at, m.notes) for m in old.model_cards("lab")] == [
        ("m", 8192, START, ("Tiny.",))
    ]
    settings = load_settings(old.connection)
    assert (settings.theme_mode, settings.confirmed_hosts) == ("dark", ("example.org",))
