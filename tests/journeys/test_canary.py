"""A key whose server repeats it wherever it can is on no disk, clipboard or document after a long session."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QPlainTextEdit
from tests.canary import CANARY, forms_of, found_in, found_in_files
from tests.journeys.conftest import endpoint_at
from tests.journeys.test_keys import gives_key
from tests.journeys.test_transfer import chooses_file, picks_command
from tests.provider import (
    EVENT_STREAM,
    MODELS_PATH,
    Head,
    Provider,
    ReceivedRequest,
    Reset,
    Send,
    Step,
    event,
    json_steps,
)
from tests.user import User

from drover.export.har import har
from drover.log import logger, ring
from drover.paths import Profile
from drover.wire.snippets import SNIPPETS

ECHO = " ".join(
    [
        f"You sent Bearer {CANARY}.",
        quote(CANARY, safe=""),
        base64.b64encode(f"Bearer {CANARY}".encode()).decode(),
        base64.b64encode(f"user:{CANARY}".encode()).decode(),
        base64.b64encode(f"me:{CANARY}".encode()).decode(),
        CANARY.encode().hex(),
    ]
)
"""What a server may make of a key."""
HEADERS = {"X-Echo": f"Bearer {CANARY}", "X-Request-Id": base64.b64encode(CANARY.encode()).decode()}


def chunk(delta: dict[str, Any], **more: Any) -> bytes:
    """A chunk whose every text holds the key."""
    choice: dict[str, Any] = {"index": 0, "delta": delta, "finish_reason": None, "note": ECHO}
    return event({"id": ECHO, "model": ECHO, "system_fingerprint": ECHO, "choices": [choice], **more})


def echoing(request: ReceivedRequest) -> list[Step]:
    """Refuses what it is asked for in many ways, and repeats the key in all of them."""
    body = request.json
    if request.bearer != CANARY:
        return json_steps(401, {"error": {"message": f"Wrong key {request.headers.get('authorization')}"}})
    if "top_p" in body:
        words = f"Unsupported parameter: 'top_p' {ECHO}"
        error = {"message": words, "param": "top_p", "code": "unsupported_parameter", "detail": ECHO}
        return json_steps(400, {"error": error}, HEADERS)
    question = body["messages"][-1]["content"]
    head = Head(headers={"Content-Type": EVENT_STREAM, **HEADERS})
    if "page" in question:
        page = f"<html><title>{CANARY}</title><p>{ECHO}</p></html>".encode()
        return [Head(status=500, headers={"Content-Type": "text/html", **HEADERS}), Send(page)]
    if "break" in question:
        failure = {"error": {"message": ECHO, "code": ECHO}}
        return [head, Send(chunk({"content": f"Half {ECHO}"})), Send(event(failure)), Reset()]
    if not body.get("stream"):
        message = {"role": "assistant", "content": ECHO}
        return json_steps(200, {"choices": [{"message": message, "finish_reason": "stop"}]}, HEADERS)
    call: dict[str, Any] = {
        "index": 0,
        "id": ECHO,
        "function": {"name": "look_up", "arguments": json.dumps({"key": CANARY})},
    }
    return [
        head,
        Send(b": " + ECHO.encode() + b"\n\n"),
        Send(chunk({"reasoning_content": f"Thinking of {ECHO}. "})),
        Send(chunk({"content": f"Here is `{ECHO}` "})),
        Send(chunk({"content": f"and [a link](https://h.example/?key={quote(CANARY, safe='')}). "})),
        Send(chunk({"tool_calls": [call]})),
        Send(
            chunk(
                {"content": "That is all."}, usage={"prompt_tokens": 1, "completion_tokens": 9, "note": ECHO}
            )
        ),
        Send(event("[DONE]")),
    ]


def echoing_models(request: ReceivedRequest) -> list[Step]:
    """A list of models in which the key stands too."""
    if request.bearer != CANARY:
        return json_steps(401, {"error": {"message": "No key"}})
    schema = {
        "type": "object",
        "properties": {"mood": {"type": "string", "default": ECHO}, "top_p": {"type": "number"}},
    }
    card = {"id": "scripted-model", "name": ECHO, "description": ECHO, "request_schema": schema}
    return json_steps(200, {"data": [card, {"id": ECHO}]}, HEADERS)


def test_every_form_of_a_key_is_found_by_the_search(tmp_path: Path) -> None:
    for name, form in forms_of(CANARY).items():
        assert name in found_in(b"before " + form + b" after")
    assert any(name.startswith("base64") for name in found_in(base64.b64encode(f"user:{CANARY}".encode())))
    (tmp_path / "a.log").write_text(f"x{CANARY}")
    assert found_in_files(tmp_path)[0] == "a.log: plain"


def sees_answer_of(user: User, provider: Provider, act: Callable[[], User]) -> None:
    """Acts, and waits for the end of what was sent then."""
    count = len(provider.requests)
    act()
    user.waits(lambda: len(provider.requests) > count, "another request")
    user.sees_end()


def asks_everything(user: User, provider: Provider) -> None:
    """Answers, refusals, pages, broken streams, another version, another wording."""
    user.asks("hello?").sees_end()
    gives_key(user, CANARY)
    assert provider.requests[-1].bearer == CANARY
    for name in ("Retry", "Regenerate"):
        sees_answer_of(user, provider, partial(user.clicks, name))
    user.sees("That is all.").ticks("Send top_p")
    acts: list[Callable[[], User]] = [
        partial(user.asks, "and with top_p?"),
        partial(user.clicks, "Send without top_p"),
        partial(user.asks, "a page?"),
        partial(user.asks, "break it"),
        partial(user.asks, "once more"),
    ]
    for act in acts:
        sees_answer_of(user, provider, act)
    user.sees("That is all.")
    for tab in ("Reasoning", "Request", "Tokens", "Parameters"):
        user.turns_to(tab)
    user.saves_preset("Echo")


def taken_out(user: User, folder: Path) -> list[str]:
    """Everything that can be copied or exported; files go into the folder."""
    texts: list[str] = []
    for name in ("talk.md", "talk.html", "talk.json"):
        picks_command(user, "Export conversation…")
        chooses_file(user, folder / name).reads(f"Exported to {folder / name}.")
    for command in ("Copy last answer", "Copy conversation"):
        picks_command(user, command)
        clip = QGuiApplication.clipboard().mimeData()
        texts += [clip.text(), clip.html()]
    for run in user.runs():
        texts += [user._sees_through(user.workbench.snippet(run.id, form)) for form in SNIPPETS]
        with closing(user.workbench.open_reader()) as reader:
            exchange = reader.exchange(run.id)
        if exchange is not None:
            (folder / f"{run.id}.har").write_bytes(har(run, exchange))
    return texts


def imports_with_key(user: User, provider: Provider) -> None:
    """Pastes a command that holds the key in every place that commands have for one."""
    body = {"model": "m", "messages": [{"role": "user", "content": "imported"}], "api_key": CANARY}
    quoted = CANARY.replace("'", "'\\''")
    text = (
        f"curl '{provider.base_url}/chat/completions?key={quote(CANARY)}' -u 'me:{quoted}'"
        f" -b 'session={quoted}' -H 'Authorization: Bearer {quoted}' -d '{json.dumps(body)}'"
    )
    picks_command(user, "Import a request…")
    user._does(user.finds("Request", QPlainTextEdit).setPlainText, text)
    user.reads("The key in it was not taken over.").clicks("Import")
    user.waits(lambda: user.says("Message") == "imported", "the imported question")
    sees_answer_of(user, provider, partial(user.clicks, "Send"))


def test_the_key_is_nowhere_after_a_session_that_used_everything(
    user: User, provider: Provider, profile: Profile, secret_service: Path, tmp_path: Path,
    expected_log: Any, capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    provider.respond(echoing)
    provider.respond(echoing_models, path=MODELS_PATH)
    exports = tmp_path / "exports"
    exports.mkdir()
    user.opens(endpoint_at(provider.base_url, needs_key=True))
    asks_everything(user, provider)
    texts = taken_out(user, exports)
    imports_with_key(user, provider)
    user._sees_through(user.workbench.repeat_exactly(user.runs()[-1].id))
    user.sees_end()
    expected_log("the server said")
    logger("engine").warning("the server said %s", ECHO)
    user.starts_again().asks("still there?").sees("That is all.").sees_end()
    assert provider.requests[-1].bearer == CANARY
    user.closes()

    assert len(list(exports.iterdir())) > 8
    assert len(texts) > 20
    assert [form for text in texts for form in found_in(text.encode())] == []
    assert found_in_files(tmp_path) == []
    assert b"******" in (exports / "talk.md").read_bytes()
    assert found_in("\n".join(ring.lines).encode()) == []
    assert found_in("".join(capfd.readouterr()).encode()) == []
