"""Every request can be looked at, repeated, replayed and taken elsewhere."""

from __future__ import annotations

import json
from pathlib import Path

from PySide6.QtWidgets import QApplication, QFileDialog
from tests.journeys.test_transfer import chooses_file
from tests.provider import Provider
from tests.user import User

from drover.domain.endpoint import Endpoint
from drover.domain.run import RunStatus

ANSWER = "Because of the air."


def answered(user: User, provider: Provider, scripted: Endpoint) -> User:
    provider.answers(ANSWER)
    user.opens(scripted).asks("Why is the sky blue?").sees(ANSWER).sees_end()
    return user.turns_to("Request").reads("finish_reason stop")


def test_a_stored_reply_is_inspected_whole(user: User, provider: Provider, scripted: Endpoint) -> None:
    answered(user, provider, scripted).reads("Neither asked nor sent: temperature").reads("8 events")
    user.chooses("Part of the exchange", "Body")
    assert json.loads(user.says("Request body")) == user.bodies()[0]
    user.chooses("Part of the exchange", "Headers")
    assert "HTTP/1.1 200" in user.says("Headers")


def test_a_reply_is_inspected_while_it_comes_and_again_after_a_restart(
    user: User, provider: Provider, scripted: Endpoint
) -> None:
    gate = provider.answers("One. Two.", pause_after=1)
    user.opens(scripted).turns_to("Request").asks("Count.").sees("One.").reads("In progress")
    user.reads("What comes back is listed here once the reply has ended.")
    assert not user.can("Repeat exactly")
    gate.set()
    user.sees("Two.").sees_end().reads("finish_reason stop").reads("6 events")
    user.starts_again().reads("finish_reason stop").reads("6 events")


def test_an_answer_that_repeats_itself_is_called_identical_and_another_one_is_not(
    user: User, provider: Provider, scripted: Endpoint
) -> None:
    for text in (ANSWER, ANSWER, "Because not."):
        provider.answers(text)
    user.opens(scripted).asks("Why is the sky blue?").sees(ANSWER).sees_end()
    user.turns_to("Request").reads("finish_reason stop")
    user.clicks("Repeat exactly").waits(lambda: len(user.runs()) == 2, "another run").sees_end()
    user.reads("Identical to the reply before, which was sent the same request.")
    first, second = provider.requests[-2:]
    assert first.body == second.body
    user.clicks("Repeat exactly").sees("Because not.").sees_end()
    user.reads("Differs from the reply before after 8 characters.")
    assert [run.status for run in user.runs()] == [RunStatus.COMPLETE] * 3


def test_editing_takes_the_message_and_its_settings_along(
    user: User, provider: Provider, scripted: Endpoint
) -> None:
    provider.answers(ANSWER)
    user.opens(scripted).ticks("Send seed").asks("Why is the sky blue?").sees(ANSWER).sees_end()
    user.ticks("Send seed").turns_to("Request").reads("finish_reason stop").clicks("Edit and send…")
    assert user.says("Message") == "Why is the sky blue?"
    user.replaces("Why is grass green?").sends().sees("Why is grass green?").sees_end()
    assert [body.get("seed") for body in user.bodies()] == [7, 7]


def test_a_replay_needs_no_server_and_tells_whether_it_is_the_same(user: User, scripted: Endpoint) -> None:
    with Provider() as gone:
        gone.answers(ANSWER, reasoning="Let me think.")
        endpoint = type(scripted)(
            id="scripted", name="Scripted", base_url=gone.base_url, default_model_id="m", needs_key=False
        )
        user.opens(endpoint).asks("Why is the sky blue?").sees(ANSWER).sees_end()
    user.turns_to("Request").reads("finish_reason stop").clicks("Replay").picks("At once")
    user.reads("Identical with what is stored.")
    assert user.says("Replayed message") == f"Let me think.\n\n{ANSWER}"
    user.clicks("End the replay").reads("events")
    assert len(user.runs()) == 1


def test_a_replay_that_is_closed_gives_way_to_the_events(
    user: User, provider: Provider, scripted: Endpoint
) -> None:
    answered(user, provider, scripted).clicks("Replay").picks("1×")
    user.clicks("End the replay").reads("8 events")
    assert not user.has("Replayed message")


def test_a_request_is_copied_as_a_command(user: User, provider: Provider, scripted: Endpoint) -> None:
    answered(user, provider, scripted).clicks("Copy as").picks("cURL")
    clipboard = QApplication.clipboard()
    user.waits(lambda: clipboard.text().startswith("curl "), "the command on the clipboard")
    assert f"{provider.base_url}/chat/completions" in clipboard.text()
    assert "Why is the sky blue?" in clipboard.text()


def test_a_request_is_exported_as_an_archive(
    user: User, provider: Provider, scripted: Endpoint, tmp_path: Path
) -> None:
    answered(user, provider, scripted).clicks("Export HAR…")
    dialog = next(w for w in QApplication.topLevelWidgets() if isinstance(w, QFileDialog) and w.isVisible())
    target = tmp_path / "request.har"
    dialog.fileSelected.emit(str(target))
    user.waits(target.exists, "the file")
    user._does(dialog.reject)
    entry = json.loads(target.read_text())["log"]["entries"][0]
    assert json.loads(entry["request"]["postData"]["text"]) == user.bodies()[0]


def test_a_reply_elsewhere_that_ends_leaves_what_is_looked_at_whole(
    user: User, provider: Provider, scripted: Endpoint, tmp_path: Path
) -> None:
    gate = provider.answers("One. Two.", pause_after=1)
    provider.answers(ANSWER)
    user.opens(scripted).turns_to("Request").asks("Count.").sees("One.").clicks("New conversation")
    user.asks("Why is the sky blue?").sees(ANSWER).reads("8 events")
    gate.set()
    user.waits(lambda: not user.workbench.live, "the end of the other reply").clicks("Export HAR…")
    chooses_file(user, tmp_path / "request.har").waits((tmp_path / "request.har").exists, "the file")
