"""Conversations that leave as files and come back, and requests that come from elsewhere."""

from __future__ import annotations

import json
from pathlib import Path

from PySide6.QtWidgets import QApplication, QFileDialog, QLineEdit, QPlainTextEdit
from tests.provider import Provider
from tests.user import User

from drover.domain.endpoint import Endpoint

MESSAGES = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "One and one?"},
    {"role": "assistant", "content": "It is **two**."},
    {"role": "user", "content": "Two and two?"},
]


def chooses_file(user: User, path: Path) -> User:
    """Names the file in the open dialog, as if typed."""
    dialogs = [top for top in QApplication.topLevelWidgets() if isinstance(top, QFileDialog)]
    (dialog,) = [dialog for dialog in dialogs if dialog.isVisible()]
    field = dialog.findChild(QLineEdit, "fileNameEdit")
    assert isinstance(field, QLineEdit)
    user._does(field.setText, str(path))
    user._does(dialog.accept)
    return user


def picks_command(user: User, words: str) -> User:
    """Chooses from the menu of the window."""
    return user.clicks("Menu").picks(words)


def pastes_request(user: User, text: str) -> User:
    """Opens the dialog and pastes."""
    picks_command(user, "Import a request…")
    user._does(user.finds("Request", QPlainTextEdit).setPlainText, text)
    return user


def curl_to(base_url: str) -> str:
    """A command with a key that asks for the third message of a talk."""
    body = {"model": "large", "messages": MESSAGES, "temperature": 0.25, "user": "me"}
    options = "-H 'Authorization: Bearer sk-1' -d @-"
    return f"curl {base_url}/chat/completions {options} <<'E'\n{json.dumps(body)}\nE\n"


def test_a_request_from_elsewhere_goes_on_in_a_conversation_of_its_own(
    user: User, provider: Provider, scripted: Endpoint
) -> None:
    provider.answers("It is four.")
    user.opens(scripted).types("unsent words")
    pastes_request(user, curl_to(provider.base_url))
    user.reads("The key in it was not taken over.").reads("temperature 0.25").reads("Scripted")
    user.clicks("Import")
    user.sees("It is two.").sees_titles("One and one?")
    assert user.says("Message") == "Two and two?"
    assert (user.says("Endpoint"), user.says("Model")) == ("Scripted", "large")
    user.clicks("Send").sees("It is four.").sees_end()
    (body,) = user.bodies()
    assert body["messages"] == MESSAGES
    assert (body["temperature"], body["user"], body["model"]) == (0.25, "me", "large")
    assert provider.requests[-1].bearer is None
    user.clicks("New conversation")
    assert user.says("Message") == "unsent words"


def test_a_body_alone_and_one_question_is_a_draft_that_survives(
    user: User, provider: Provider, scripted: Endpoint
) -> None:
    provider.answers("hello")
    user.opens(scripted)
    pastes_request(user, json.dumps({"model": "large", "messages": MESSAGES[-1:], "seed": 3}))
    user.clicks("Import").sees_titles("Two and two?")
    user.waits(lambda: user.says("Message") == "Two and two?", "the question in the field")
    user.starts_again()
    user.waits(lambda: user.says("Message") == "Two and two?", "the question in the field")
    user.clicks("Send").sees("hello").sees_end()
    assert [(body["model"], body["seed"]) for body in user.bodies()] == [("large", 3)]


def test_what_is_no_request_is_refused_in_words_while_it_is_typed(user: User, scripted: Endpoint) -> None:
    user.opens(scripted)
    pastes_request(user, "curl https://h.example/v1/chat/completions -d @body.json")
    user.reads("The body is in the file body.json. Paste the JSON itself.")
    assert not user.can("Import")
    user._does(user.finds("Request", QPlainTextEdit).setPlainText, "")
    user.waits(lambda: not user.is_told("body.json"), "no more words")
    user.clicks("Cancel").sees_titles()


def test_an_address_that_nobody_knows_can_be_added_on_the_way(
    user: User, provider: Provider, scripted: Endpoint
) -> None:
    provider.answers("four")
    user.opens()
    pastes_request(user, curl_to(provider.base_url))
    user.reads("No endpoint has this address").clicks("Add this endpoint…")
    assert user.says("Address") == provider.base_url
    user.types("Mine", into="Name").clicks("Save")
    user.waits(lambda: not user.is_told("No endpoint has this address"), "the address known")
    user.clicks("Import").sees("It is two.")
    assert user.says("Endpoint") == "Mine"
    user.clicks("Send").sees("four").sees_end()


def test_a_conversation_is_exported_deleted_and_imported_again(
    user: User, provider: Provider, scripted: Endpoint, tmp_path: Path
) -> None:
    provider.answers("It *is*.", reasoning="Hm.")
    user.opens(scripted).asks("Is it: so?").sees("It is.").sees_end()
    for name in ("talk.html", "talk.md", "talk.json"):
        picks_command(user, "Export conversation…")
        chooses_file(user, tmp_path / name).reads(f"Exported to {tmp_path / name}.")
    assert "<em>is</em>" in (tmp_path / "talk.html").read_text("utf-8")
    assert "It *is*." in (tmp_path / "talk.md").read_text("utf-8")
    before = user.runs()
    user.uses("Ctrl+Shift+Del").sees_titles()
    picks_command(user, "Import conversations…")
    chooses_file(user, tmp_path / "talk.json").reads("1 conversation was imported.").sees("It is.")
    user.sees_titles("Is it: so?")
    after = user.runs()
    assert [run.request_body for run in after] == [run.request_body for run in before]
    assert [run.id for run in after] != [run.id for run in before]


def test_a_file_that_cannot_be_read_or_written_is_said(
    user: User, provider: Provider, scripted: Endpoint, tmp_path: Path
) -> None:
    provider.answers("so")
    user.opens(scripted).asks("Why?").sees("so").sees_end()
    (tmp_path / "talk.json").write_text("{}")
    picks_command(user, "Import conversations…")
    chooses_file(user, tmp_path / "talk.json").reads("This is not a file of exported conversations.")
