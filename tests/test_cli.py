"""The commands without a face, against a scripted server."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from tests.provider import Provider

from drover.cli import run


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


def test_a_failure_is_one_line_on_stderr_and_status_1(
    at: list[str], provider: Provider, capsys: pytest.CaptureFixture[str]
) -> None:
    provider.fails(404, {"error": {"message": "Model not found: m"}})
    assert run(["chat", *at, "--json", "Why?"]) == 1
    out, err = capsys.readouterr()
    assert json.loads(out)["failure"]["kind"] == "not_found"
    assert len(err.splitlines()) == 1
    assert "Model not found: m" in err


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
    from drover.paths import Profile
    from drover.store.database import ProfileLock

    profile = Profile.at(tmp_path)
    profile.create()
    with ProfileLock(profile.lock):
        assert run(["key", "--profile", str(tmp_path), "status"]) == 1
    assert capsys.readouterr().err.startswith("drover: ")
