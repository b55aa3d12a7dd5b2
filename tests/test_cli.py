"""The commands without a face, against a scripted server."""

from __future__ import annotations

import asyncio
import io
import json
import os
import signal
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.pictures import data_url, png
from tests.provider import EVENT_STREAM, Head, Provider, Send, Stall, Step, event

from drover.cli import run
from drover.domain.endpoint import Endpoint, FactOutcome, ParameterFact
from drover.domain.parameters import UNSET, Preset
from drover.domain.run import Run, RunStatus
from drover.engine.weights import find_weights
from drover.engine.workbench import Workbench
from drover.paths import Profile
from drover.store.database import ProfileLock, open_database
from drover.store.library import Library

APP = Path(__file__).parents[1] / "app"
LINES = 20_000
LIMIT_S = 30.0


@pytest.fixture
def at(tmp_path: Path, provider: Provider) -> list[str]:
    """Switches for a profile of its own and the scripted server."""
    return ["--profile", str(tmp_path / "profile"), "--endpoint", provider.base_url, "--model", "m"]


def test_chat_streams_the_answer_to_stdout_and_the_reasoning_to_stderr(
    at: list[str], provider: Provider, capsys: pytest.CaptureFixture[str]
) -> None:
    provider.answers("Rayleigh scattering.", reasoning="Short waves scatter more.")
    assert run(["chat", *at, "Why is the sky blue?"]) == 0
    out, err = capsys.readouterr()
    assert out == "Rayleigh scattering.\n"
    assert err.strip() == "Short waves scatter more."


def test_chat_json_prints_the_stored_run(
    at: list[str], provider: Provider, capsys: pytest.CaptureFixture[str]
) -> None:
    provider.answers("Blue.", reasoning="Hm.")
    settings = ["--set", "temperature=0.2", "--set", "seed=7", "--system", "Be brief.", "--json"]
    assert run(["chat", *at, *settings, "Why?"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["status"] == "complete"
    assert (record["answer"], record["reasoning"]) == ("Blue.", "Hm.")
    assert record["asked"] == {"system": "Be brief.", "temperature": 0.2, "seed": 7}
    assert record["request_body"] == provider.requests[0].json
    assert record["usage"]["completion_tokens"] > 0
    assert record["timings_ms"]["first_token"] > 0
    assert record["failure"] is None
    assert record["finish_reason"] == "stop"
    assert record["tool_calls"] == []
    assert [a["name"] for a in record["adjustments"]] == ["stream_options"]


def test_chat_leaves_out_what_the_model_is_known_to_reject(
    at: list[str], provider: Provider, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    profile = Profile.at(tmp_path / "profile")
    profile.create()
    with closing(Library(open_database(profile.database))) as library:
        fact = ParameterFact(
            endpoint_id=provider.base_url, model_id="m", name="seed", outcome=FactOutcome.REJECTED,
            noted_at=datetime(2026, 11, 3, 12, tzinfo=UTC),
        )  # fmt: skip
        library.save_parameter_facts([fact])
    provider.answers("Blue.")
    assert run(["chat", *at, "--set", "seed=7", "--json", "Why?"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["asked"] == {"seed": 7}
    assert "seed" not in record["request_body"]
    dropped = record["adjustments"][0]
    assert (dropped["name"], dropped["reason"]) == ("seed", "rejected by this model on 3 Nov 2026")


def test_a_failure_is_one_line_on_stderr_and_status_1(
    at: list[str], provider: Provider, capsys: pytest.CaptureFixture[str]
) -> None:
    provider.fails(404, {"error": {"message": "Model not found: m"}})
    assert run(["chat", *at, "--json", "Why?"]) == 1
    out, err = capsys.readouterr()
    assert json.loads(out)["failure"]["kind"] == "not_found"
    assert len(err.splitlines()) == 1
    assert "Model not found: m" in err


def test_a_request_that_is_sent_again_says_so_on_stderr_and_in_the_record(
    at: list[str], provider: Provider, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(2):
        provider.fails(500, {"error": {"message": "Hiccup"}}, {"Retry-After": "0.2"})
        provider.answers("Blue.")
    assert run(["chat", *at, "Why?"]) == 0
    out, err = capsys.readouterr()
    assert out == "Blue.\n"
    assert "failed (500): “Hiccup”. Trying again in 0.2 s (1 of 2).\n" in err
    assert run(["chat", *at, "--json", "Why?"]) == 0
    record = json.loads(capsys.readouterr().out)
    (attempt,) = record["failed_attempts"]
    assert attempt["kind"] == "server"
    assert attempt["waited_ms"] > 100


@pytest.mark.parametrize(
    ("setting", "words"), [("temperature=3", "0 to 2"), ("volume=11", "no parameter named volume")]
)
def test_a_wrong_setting_is_wrong_usage(
    at: list[str], setting: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["chat", *at, "--set", setting, "Why?"]) == 2
    assert words in capsys.readouterr().err


def test_an_unknown_endpoint_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["chat", "--profile", str(tmp_path), "--endpoint", "Nowhere", "Why?"]) == 1
    err = capsys.readouterr().err
    assert "Nowhere" in err
    assert "Built-in, Oxen.ai" in err


def test_without_a_model_the_first_of_the_list_answers(
    tmp_path: Path, provider: Provider, capsys: pytest.CaptureFixture[str]
) -> None:
    provider.models(["first-model", "second-model"])
    provider.answers("Yes.")
    assert run(["chat", "--profile", str(tmp_path), "--endpoint", provider.base_url, "Well?"]) == 0
    assert capsys.readouterr().out == "Yes.\n"
    assert provider.requests[-1].json["model"] == "first-model"


def test_a_key_in_the_environment_goes_to_an_address(
    at: list[str], provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DROVER_API_KEY", "for-this-address")
    provider.answers("Yes.")
    assert run(["chat", *at, "Well?"]) == 0
    assert provider.requests[0].bearer == "for-this-address"


def test_the_question_may_come_from_stdin(
    at: list[str], provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("from a pipe\n"))
    provider.answers("Yes.")
    assert run(["chat", *at, "-"]) == 0
    assert provider.requests[0].json["messages"] == [{"role": "user", "content": "from a pipe\n"}]


@pytest.mark.usefixtures("secret_service")
def test_a_key_is_set_told_of_and_deleted_without_being_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    profile = ["--profile", str(tmp_path)]
    monkeypatch.setattr("sys.stdin", io.StringIO("canary-key-42\r\n"))
    assert run(["key", *profile, "set", "Oxen.ai"]) == 0
    assert run(["key", *profile, "status"]) == 0
    assert run(["key", *profile, "delete", "oxen.ai"]) == 0
    assert run(["key", *profile, "status", "Oxen.ai"]) == 0
    out, err = capsys.readouterr()
    assert "canary" not in out + err
    assert "a key is kept in" in out
    assert "no key; set one" in out


def test_doctor_gives_one_line_for_each_thing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")  # nothing listens: no test leaves the machine
    run(["doctor", "--profile", str(tmp_path), "--json"])
    findings = json.loads(capsys.readouterr().out)["findings"]
    assert [f["check"] for f in findings[:4]] == ["Qt", "Keyring", "Database", "Built-in model"]
    assert all(f["found"] for f in findings)


def test_a_profile_in_use_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    profile = Profile.at(tmp_path)
    profile.create()
    with ProfileLock(profile.lock):
        assert run(["key", "--profile", str(tmp_path), "status"]) == 1
    assert capsys.readouterr().err.startswith("drover: ")


# As a process: what a terminal and a pipe see


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "drover", *arguments]


def environment(**changes: str) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(APP), **changes}


def piece(text: str) -> Send:
    return Send(event({"choices": [{"index": 0, "delta": {"content": text}}]}))


def chatters(provider: Provider, count: int, *, last: Step | None = None) -> None:
    """A reply of numbered lines, which then ends, or goes on with `last`."""
    provider.script(
        Head(headers={"Content-Type": EVENT_STREAM}),
        *(Send(event(_delta(f"{n} \u00e9\u2713\n"))) for n in range(count)),
        last or Send(event("[DONE]")),
    )  # fmt: skip


def only_run(directory: Path) -> Run:
    """The one run of a profile."""
    library = Library(open_database(Profile.at(directory).database, read_only=True))
    try:
        (conversation,) = library.conversations()
        (run,) = library.runs(conversation.id).values()
        return run
    finally:
        library.close()


def only_answer(directory: Path) -> str:
    """The text of the one reply of a profile."""
    library = Library(open_database(Profile.at(directory).database, read_only=True))
    try:
        (conversation,) = library.conversations()
        return library.messages(conversation.id)[-1].text
    finally:
        library.close()


@pytest.mark.parametrize("form", [["{p}", "chat"], ["chat", "{p}"]])
def test_the_profile_may_stand_before_or_behind_the_command(
    form: list[str], at: list[str], tmp_path: Path, provider: Provider
) -> None:
    provider.answers("Yes.")
    arguments = [word for each in form for word in (at if each == "{p}" else [each])]
    assert run([*arguments, "Well?"]) == 0
    assert only_answer(tmp_path / "profile") == "Yes."


def test_two_profiles_at_once_are_wrong_usage(at: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["-T", "chat", *at, "Well?"]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_the_record_has_the_promised_fields_and_rounded_times(
    at: list[str], provider: Provider, capsys: pytest.CaptureFixture[str]
) -> None:
    provider.answers("Blue.", reasoning="Hm.")
    assert run(["chat", *at, "--json", "Why?"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record.keys() >= {
        "run_id", "status", "answer", "reasoning", "tool_calls", "finish_reason", "usage", "timings_ms",
        "asked", "adjustments", "request_body", "failure", "failed_attempts",
    }  # fmt: skip
    times = record["timings_ms"]
    assert list(times) == ["connect", "first_byte", "first_token", "total"]
    assert all(time == round(time, 1) for time in times.values())
    assert 0 < times["connect"] <= times["first_byte"] <= times["first_token"] <= times["total"]


def test_tool_calls_are_in_the_record(
    at: list[str], provider: Provider, capsys: pytest.CaptureFixture[str]
) -> None:
    call = {
        "index": 0,
        "id": "call_1",
        "type": "function",
        "function": {"name": "add", "arguments": '{"a":1}'},
    }
    choice = {"index": 0, "delta": {"tool_calls": [call]}, "finish_reason": "tool_calls"}
    provider.script(
        Head(headers={"Content-Type": EVENT_STREAM}),
        Send(event({"choices": [choice]})),
        Send(event("[DONE]")),
    )
    assert run(["chat", *at, "--json", "Why?"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["tool_calls"] == [{"id": "call_1", "name": "add", "arguments": '{"a":1}'}]


def test_a_terminal_that_knows_only_ascii_gets_marks_in_place_of_letters(
    at: list[str], provider: Provider
) -> None:
    chatters(provider, 1)
    done = subprocess.run(
        command("chat", *at, "W\u00e9ll?"), env=environment(PYTHONIOENCODING="ascii"), capture_output=True
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"0 ??\n", b"")


def test_json_loses_nothing_on_a_terminal_that_knows_only_ascii(at: list[str], provider: Provider) -> None:
    chatters(provider, 1)
    done = subprocess.run(
        command("chat", *at, "--json", "W\u00e9ll?"),
        env=environment(PYTHONIOENCODING="ascii"), capture_output=True,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, b"")
    assert json.loads(done.stdout)["answer"] == "0 \u00e9\u2713\n"


@pytest.mark.parametrize("surrogates", [{"content": "a\ud800b"}])
def test_half_a_surrogate_pair_is_printed_as_a_mark(
    at: list[str], provider: Provider, surrogates: dict[str, str]
) -> None:
    payload = json.dumps({"choices": [{"index": 0, "delta": surrogates}]})
    provider.script(Head(headers={"Content-Type": EVENT_STREAM}), Send(event(payload)), Send(event("[DONE]")))
    done = subprocess.run(command("chat", *at, "Well?"), env=environment(), capture_output=True)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.startswith(b"a")


def test_a_reader_that_leaves_ends_the_answer_in_one_line(
    at: list[str], tmp_path: Path, provider: Provider
) -> None:
    chatters(provider, LINES, last=Stall())
    with subprocess.Popen(
        command("chat", *at, "Well?"), env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline().startswith(b"0 ")
        process.stdout.close()
        error = process.stderr.read()
        assert process.wait(LIMIT_S) == 1
    assert error.decode().splitlines() == ["drover: Nobody reads the output any more. The reply was stopped."]
    assert only_run(tmp_path / "profile").status is RunStatus.STOPPED
    assert only_answer(tmp_path / "profile").startswith("0 ")


@pytest.mark.parametrize("more", [[], ["--json"]])
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_output_that_cannot_be_written_is_said_in_one_line(
    at: list[str], provider: Provider, more: list[str]
) -> None:
    chatters(provider, 1)
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            command("chat", *at, *more, "Well?"), env=environment(), stdout=full, stderr=subprocess.PIPE
        )
    assert done.returncode == 1
    (line,) = done.stderr.decode().splitlines()
    assert line.startswith("drover: The output cannot be written: No space left on device.")


@pytest.mark.parametrize("arguments", [["--help"], ["key", "status"], ["chat", "--json", "Well?"]])
def test_a_pipe_that_is_closed_already_gives_no_traceback(
    at: list[str], provider: Provider, arguments: list[str]
) -> None:
    chatters(provider, 1)
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(command(*arguments, *at), env=environment(), stdout=writer, stderr=subprocess.PIPE)
    os.close(writer)
    assert b"Traceback" not in done.stderr
    assert b"Exception" not in done.stderr


def test_without_standard_input_there_is_nothing_to_send(at: list[str]) -> None:
    script = 'exec "$0" -m drover chat - "$@" <&-'
    done = subprocess.run(
        ["sh", "-c", script, sys.executable, *at], env=environment(), capture_output=True, text=True
    )
    assert done.returncode == 1
    assert done.stderr == "drover: There is nothing to send. Type a message first.\n"


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl+C is a signal elsewhere only")
def test_an_interrupt_keeps_what_arrived(at: list[str], tmp_path: Path, provider: Provider) -> None:
    chatters(provider, 3, last=Stall())
    with subprocess.Popen(
        command("chat", *at, "Well?"), env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        lines = [process.stdout.readline() for _ in range(3)]
        process.send_signal(signal.SIGINT)
        rest, error = process.communicate(timeout=LIMIT_S)
    assert process.returncode == 1
    assert error == b"drover: Stopped. What had arrived is kept.\n"
    assert rest == b""
    assert only_run(tmp_path / "profile").status is RunStatus.STOPPED
    assert only_answer(tmp_path / "profile") == b"".join(lines).decode()


def test_a_name_for_the_built_in_model_that_it_does_not_have_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--profile", str(tmp_path), "--endpoint", "Built-in", "--model", "gpt-7"]
    assert run(["chat", *arguments, "Well?"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "gpt-7" in line
    assert find_weights() is None or "SmolLM2-135M-Instruct" in line


def test_a_failure_reads_as_sentences(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["chat", "--profile", str(tmp_path), "--endpoint", "Oxen.ai", "Well?"]) == 1
    assert "There is no key for Oxen.ai. Set a key" in capsys.readouterr().err


@pytest.mark.parametrize("action", ["set", "delete"])
def test_the_built_in_model_has_no_key(
    action: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("canary-key-42"))
    assert run(["key", "--profile", str(tmp_path), action, "Built-in"]) == 1
    assert capsys.readouterr().err == "drover: Built-in runs on this computer and needs no key.\n"
    assert run(["key", "--profile", str(tmp_path), "status", "Built-in"]) == 0
    assert capsys.readouterr().out == "Built-in: needs no key\n"


@pytest.mark.parametrize(
    ("name", "variable"), [("Oxen.ai", "OXEN_API_KEY"), ("http://127.0.0.1:9/v1", "DROVER_API_KEY")]
)
def test_a_key_that_nothing_can_keep_is_not_said_to_be_kept(
    name: str, variable: str, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setattr("sys.stdin", io.StringIO("canary-key-42"))
    assert run(["key", "--profile", str(tmp_path), "set", name]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    (line,) = err.splitlines()
    assert "The key was not kept." in line
    assert f"the variable {variable}" in line
    assert "canary" not in line


def test_key_status_says_when_there_is_no_keyring(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["key", "--profile", str(tmp_path), "status"]) == 0
    out, err = capsys.readouterr()
    assert out == "Oxen.ai: no key; set one, or use the variable OXEN_API_KEY\n"
    assert err == "drover: This system has no keyring that Drover can use.\n"


def test_chat_begins_with_a_preset_and_switches_win_over_it(
    at: list[str], provider: Provider, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    provider.answers("Yes.")
    assert run(["chat", *at, "--preset", "gpt-oss recommended", "--set", "temperature=0.2", "Why?"]) == 0
    assert provider.requests[-1].json["temperature"] == 0.2
    assert provider.requests[-1].json["top_p"] == 1.0
    assert run(["chat", *at, "--preset", "minimal", "Why?"]) == 0
    assert not {"temperature", "top_p", "max_tokens"} & set(provider.requests[-1].json)
    capsys.readouterr()
    assert run(["chat", *at, "--preset", "Wild", "Why?"]) == 1
    assert capsys.readouterr().err.startswith("drover: There is no preset named Wild. Known: Minimal, ")


def test_a_preset_may_bring_its_endpoint_model_and_system_prompt(
    provider: Provider, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = Endpoint(id="own", name="Own", base_url=provider.base_url, needs_key=False)
    preset = Preset(
        id="p", name="There", parameters=UNSET, system_prompt="Be brief.", endpoint_id="own", model_id="mine"
    )

    async def prepare() -> None:
        workbench = Workbench.open(Profile.at(tmp_path), lambda _: None)
        await workbench.save_endpoint(own)
        await workbench.presets.save(preset)
        await workbench.close()

    asyncio.run(prepare())
    provider.answers("Yes.")
    chat = ["chat", "--profile", str(tmp_path), "--preset", "there", "Why?"]
    assert run(chat) == 0
    body = provider.requests[-1].json
    assert (body["model"], body["messages"][0]["content"]) == ("mine", "Be brief.")
    assert run([*chat, "--model", "other", "--system", ""]) == 0
    body = provider.requests[-1].json
    assert (body["model"], [message["role"] for message in body["messages"]]) == ("other", ["user"])


def test_bytes_that_are_no_text_are_sent_as_marks(at: list[str], provider: Provider) -> None:
    provider.answers("Yes.")
    done = subprocess.run(
        command("chat", *at, "-"),
        env=environment(PYTHONIOENCODING="utf-8:strict"), input=b"a\xffb\x00", capture_output=True,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, b"Yes.\n", b"")
    assert provider.requests[0].json["messages"][0]["content"] == "a\ufffdb\x00"


def test_doctor_does_not_praise_a_missing_display(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    assert run(["doctor", "--profile", str(tmp_path)]) == 0
    assert capsys.readouterr().out.startswith("look  Qt: ")


def _delta(text: str) -> dict[str, object]:
    return {"choices": [{"index": 0, "delta": {"content": text}}]}


def test_conversations_are_exported_and_imported_into_another_profile(
    at: list[str], provider: Provider, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    provider.answers("Because *so*.", reasoning="Hm.")
    assert run(["chat", *at, "Why?"]) == 0
    assert run(["chat", *at, "And \u00e9?"]) == 0
    capsys.readouterr()
    profile = at[:2]
    assert run(["export", *profile, "why?"]) == 0
    assert "## You\n\nWhy?\n\n## m\n\n> *Thought for" in capsys.readouterr().out
    page, archive = tmp_path / "page.html", tmp_path / "all.json"
    assert run(["export", *profile, "--all", "--out", str(page)]) == 0
    assert page.read_text("utf-8").count("<p>Because <em>so</em>.</p>") == 2
    assert run(["export", *profile, "--all", "--out", str(archive)]) == 0
    other = ["--profile", str(tmp_path / "other")]
    assert run(["import", *other, str(archive)]) == 0
    assert capsys.readouterr().out == "2 conversations imported.\n"
    assert run(["export", *other, "--all", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out) == json.loads(archive.read_bytes())
    assert {path.name for path in tmp_path.iterdir()} == {"profile", "other", "page.html", "all.json"}


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["export"], 2, "Which conversations?"),
        (["export", "--all", "Why?"], 2, "Which conversations?"),
        (["export", "Nothing"], 1, "There is no conversation titled Nothing."),
        (["export", "Why?"], 1, "2 conversations are titled Why?. Use an id: "),
        (["export", "--all", "--out", "/nowhere/a.md"], 1, "/nowhere/a.md cannot be written"),
        (["import", "/nowhere/a.json"], 1, "/nowhere/a.json cannot be read"),
        (["import", __file__], 1, "This is not a file of exported conversations."),
    ],
)
def test_what_cannot_be_exported_or_imported_is_said(
    at: list[str], provider: Provider, capsys: pytest.CaptureFixture[str],
    arguments: list[str], status: int, words: str,
) -> None:  # fmt: skip
    provider.answers("Because.")
    for _ in range(2):
        assert run(["chat", *at, "Why?"]) == 0
    capsys.readouterr()
    assert run([*arguments, *at[:2]]) == status
    assert words in capsys.readouterr().err


def tool_file(folder: Path) -> Path:
    """A tool whose program doubles a number."""
    code = "import json,sys; print(json.load(sys.stdin)['n'] * 2, end='')"
    path = folder / "tools.json"
    path.write_text(
        json.dumps([{"name": "double", "drover": {"command": [sys.executable, "-c", code]}}, {"name": "ask"}])
    )
    return path


def test_chat_runs_an_approved_program_until_there_is_an_answer(
    provider: Provider, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    provider.calls(("c1", "double", '{"n": 4}'), text="Let me see.")
    provider.calls(("c2", "double", '{"n": 8}'))
    provider.answers("It is 16.")
    at = ["-T", "--endpoint", provider.base_url, "--model", "m", "--tool", str(tool_file(tmp_path))]
    assert run(["chat", *at, "--approve", "double", "how much?"]) == 0
    said = capsys.readouterr()
    assert said.out == "Let me see.\nIt is 16.\n"
    assert said.err == ""
    assert [m["content"] for m in provider.requests[2].json["messages"] if m["role"] == "tool"] == ["8", "16"]


def test_chat_ends_with_the_calls_that_nobody_approved(
    provider: Provider, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    provider.calls(("c1", "double", '{"n": 4}'), ("c2", "ask", "{}"))
    at = ["-T", "--endpoint", provider.base_url, "--model", "m", "--tool", str(tool_file(tmp_path))]
    assert run(["chat", *at, "--json", "how much?"]) == 1
    said = capsys.readouterr()
    assert json.loads(said.out)["tool_calls"] == [
        {"id": "c1", "name": "double", "arguments": '{"n": 4}'},
        {"id": "c2", "name": "ask", "arguments": "{}"},
    ]
    assert said.err == (
        'drover: The model calls double with {"n": 4}. Let its program run with --approve double.\n'
        "drover: The model calls ask with {}.\n"
    )


@pytest.mark.parametrize(
    ("switches", "words"),
    [
        (["--approve", "other"], "--approve other: There is no such tool. Name its file with --tool."),
        (["--approve", "ask"], "--approve ask: The tool has no program."),
    ],
)
def test_chat_refuses_to_approve_what_has_no_program(
    switches: list[str], words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["chat", "-T", "--tool", str(tool_file(tmp_path)), *switches, "hello"]) == 2
    assert capsys.readouterr().err == f"drover: {words}\n"


def test_chat_sends_files_along_and_names_what_cannot_be(
    at: list[str], provider: Provider, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    provider.answers("A red box.")
    photo, notes = tmp_path / "photo.png", tmp_path / "notes.txt"
    photo.write_bytes(png())
    notes.write_text("red?")
    assert run(["chat", *at, "--attach", str(photo), "--attach", str(notes), "What is it?"]) == 0
    picture, text = provider.requests[0].json["messages"][0]["content"]
    assert picture["image_url"]["url"] == data_url(png())
    assert text["text"] == "```notes.txt\nred?\n```\n\nWhat is it?"
    assert run(["chat", *at, "--attach", str(tmp_path), "What is it?"]) == 1
    assert "is a folder" in capsys.readouterr().err
