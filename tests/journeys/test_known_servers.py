"""Servers that are known: a row of quirks is all that a new one needs."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import urlsplit

import pytest
from tests.provider import Provider
from tests.user import User

from drover.domain.endpoint import Endpoint
from drover.wire import quirks
from drover.wire.quirk_rules import (
    Clamp,
    Effort,
    Need,
    Quirks,
    Renamed,
    Replay,
    ReplayForm,
    SystemRole,
    Unsupported,
)


@pytest.fixture
def made_up(provider: Provider, monkeypatch: pytest.MonkeyPatch) -> Quirks:
    """A server that nobody has heard of, at the address of the scripted one."""
    row = Quirks(
        name="made-up",
        label="Made-up Cloud",
        evidence=("https://made-up.example/docs",),
        hosts=(f":{urlsplit(provider.base_url).port}",),
        key_variables=("MADE_UP_KEY",),
        replay=(
            Replay(form=ReplayForm.KEY, key="musings", plain=Need.REQUIRED, reason="it likes to remember"),
        ),
        system_role=(SystemRole(role="conductor", reason="as it calls that"),),
        renamed=(Renamed(name="max_tokens", to="budget"),),
        unsupported=(Unsupported(names=("seed",), reason="it throws dice"),),
        clamps=(Clamp(name="temperature", most=1.5, reason="it gets too hot"),),
        effort=(Effort(keys={"*": {"ponder": {"how": "$value"}}}, reason="its own word"),),
        sends_stream_options=False,
    )
    monkeypatch.setattr(quirks, "QUIRKS", {"made-up": row, **quirks.QUIRKS})
    return row


def test_a_new_server_is_one_row(
    user: User, provider: Provider, made_up: Quirks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MADE_UP_KEY", "mu-0123456789abcdef")
    provider.models(["m-1b"])
    for text in ("First.", "Second."):
        provider.answers(text, reasoning="I muse.", model="m-1b")

    # The dialog recognizes its address and offers the key of the environment, but does not take it unasked.
    user.opens().clicks("Menu").picks("Add an endpoint…").types(provider.base_url, into="Address")
    user.waits(lambda: user.says("Server") == "Recognized: Made-up Cloud", "the server recognized")
    assert "Made-up Cloud" in user.offers("Server")
    assert user.says("API key") == ""
    user.clicks("Use MADE_UP_KEY of the environment").types("Mine", into="Name").clicks("Save")
    user.waits(lambda: user.says("Endpoint") == "Mine", "the new endpoint chosen")

    # What is asked is sent in its form, and told.
    user.chooses("Model", "m-1b").types("Be brief.", into="System prompt")
    user.ticks("Send reasoning_effort")
    for name, value in (("temperature", "1.9"), ("max_tokens", "50"), ("seed", "7")):
        user.ticks(f"Send {name}").replaces(value, into=name)
    user.asks("One?").sees("First.").sees_end()
    user.asks("Two?").sees("Second.").sees_end()
    first, second = user.bodies()
    assert first == {
        "model": "m-1b",
        "messages": [{"role": "conductor", "content": "Be brief."}, {"role": "user", "content": "One?"}],
        "temperature": 1.5,
        "budget": 50,
        "ponder": {"how": "medium"},
        "stream": True,
    }
    assert second["messages"][2] == {"role": "assistant", "content": "First.", "musings": "I muse."}
    assert [request.headers["authorization"] for request in provider.requests[-2:]] == [
        "Bearer mu-0123456789abcdef"
    ] * 2

    # So does the Request tab, and so do the programs that can be copied.
    user.turns_to("Request").reads("finish_reason stop").reads("it throws dice").reads("it likes to remember")
    run = user.runs()[-1]
    assert {(each.name, each.action) for each in run.adjustments} == {
        ("temperature", "clamped"), ("max_tokens", "renamed"), ("seed", "dropped"),
        ("reasoning_effort", "translated"), ("system prompt", "translated"), ("earlier thinking", "added"),
    }  # fmt: skip
    for form in ("curl", "httpx", "openai", "http"):
        snippet = user._sees_through(user.workbench.snippet(run.id, form))
        assert "budget" in snippet
        assert "musings" in snippet
        assert "mu-0123456789abcdef" not in snippet


def test_an_old_endpoint_keeps_its_form_until_another_is_chosen(
    user: User, provider: Provider, scripted: Endpoint, made_up: Quirks
) -> None:
    old = replace(scripted, id="old", name="Old", provider="openai")
    for text in ("First.", "Second."):
        provider.answers(text)
    user.opens(old).ticks("Send max_tokens").replaces("50", into="max_tokens").asks("One?").sees("First.")
    user.sees_end()
    assert user.bodies()[-1]["max_tokens"] == 50

    user.uses("Ctrl+,").clicks("Edit Old")
    user.waits(lambda: user.says("Server") == "Any compatible server", "the form that it had")
    user.reads("This is the address of Made-up Cloud.")
    user.chooses("Server", "Made-up Cloud").clicks("Save").clicks("Close").asks("Two?").sees("Second.")
    user.sees_end()
    assert "max_tokens" not in user.bodies()[-1]
    assert user.bodies()[-1]["budget"] == 50


def test_what_becomes_of_earlier_thinking_is_shown_chosen_and_kept(
    user: User, provider: Provider, scripted: Endpoint
) -> None:
    server = replace(scripted, provider="deepseek")
    for text in ("First.", "Second.", "Third."):
        provider.answers(text, reasoning="I think about it. " * 25)
    user.opens(server).asks("One?")
    user.sees("First.").sees_end()
    user.reads("Left out: 1 reply, about 110 tokens; DeepSeek does not ask for it.")

    user.chooses("Thinking of earlier replies", "Sent wherever possible")
    user.reads("Sent: 1 reply, about 110 tokens; as chosen.")
    user.asks("Two?").sees("Second.").sees_end()
    assert user.bodies()[-1]["messages"][1]["reasoning_content"] == "I think about it. " * 25
    user.reads("Sent: 2 replies, about 230 tokens; as chosen.")

    user.starts_again().reads("Sent: 2 replies, about 230 tokens; as chosen.")
    user.chooses("Thinking of earlier replies", "Never sent").reads("never sent, as chosen")
    user.asks("Three?").sees("Third.").sees_end()
    assert "I think about it" not in str(user.bodies()[-1])


def test_there_is_no_row_for_thinking_where_there_was_none(
    user: User, provider: Provider, scripted: Endpoint
) -> None:
    provider.answers("First.")
    user.opens(scripted).asks("One?").sees("First.").sees_end()
    assert not user.has("Thinking of earlier replies")
