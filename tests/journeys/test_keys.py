"""Keys and endpoints: asked for where they are missing, kept in the keyring or nowhere."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from PySide6.QtWidgets import QLineEdit
from tests.journeys.conftest import endpoint_at
from tests.provider import MODELS_PATH, Provider, ReceivedRequest, Stall, Step, json_steps, usage_of
from tests.user import User

from drover.domain.endpoint import OXEN, Endpoint
from drover.domain.network import NetworkSettings, ProxyMode
from drover.paths import Profile

CANARY = "sk-canary-4f1d9c2be7"


def guarded(request: ReceivedRequest) -> list[Step]:
    """Answers to the canary only."""
    if request.bearer != CANARY:
        return json_steps(401, {"error": {"message": "Incorrect API key provided", "type": "auth"}})
    choice = {"message": {"role": "assistant", "content": "welcome"}, "finish_reason": "stop"}
    return json_steps(200, {"choices": [choice], "usage": usage_of("welcome", "")})


def gives_key(user: User, key: str = CANARY) -> User:
    """Takes the card's offer, tries the key and keeps it."""
    user.clicks("Set key…").reads("Key for Scripted")
    user.types(key, into="API key").clicks("Test").reads("scripted-model answered.")
    return user.clicks("Save").waits(lambda: not user.has("API key"), "the dialog gone")


def files_with(profile: Profile, words: str) -> list[Path]:
    found = profile.data_dir.rglob("*")
    return [path for path in found if path.is_file() and words.encode() in path.read_bytes()]


def test_a_wrong_key_is_mended_from_its_card_and_kept_in_the_keyring(
    user: User, provider: Provider, profile: Profile, secret_service: Path
) -> None:
    provider.respond(guarded)
    provider.models(["scripted-model"])
    user.opens(endpoint_at(provider.base_url, needs_key=True)).asks("hello?").sees_end()
    gives_key(user)
    user.clicks("Retry").sees("welcome").sees_end()
    assert provider.requests[-1].bearer == CANARY
    assert not user.has("Notice")

    user.starts_again().asks("again").sees_end()
    assert provider.requests[-1].bearer == CANARY
    user.closes()
    assert files_with(profile, CANARY) == []


def test_another_profile_reads_the_same_key_back(
    user: User, provider: Provider, profile: Profile, secret_service: Path, tmp_path: Path
) -> None:
    provider.respond(guarded)
    provider.models(["scripted-model"])
    endpoint = endpoint_at(provider.base_url, needs_key=True)
    user.opens(endpoint).asks("hello?").sees_end()
    gives_key(user).closes()
    second = User(Profile.at(tmp_path / "second"), user.loop)
    second.opens(endpoint).asks("me too").sees("welcome").closes()
    assert provider.requests[-1].bearer == CANARY


def test_a_wrong_key_is_refused_by_the_test_and_the_dialog_stays(
    user: User, provider: Provider, secret_service: Path
) -> None:
    provider.respond(guarded)
    provider.models(["scripted-model"])
    user.opens(endpoint_at(provider.base_url, needs_key=True)).asks("hello?").sees_end()
    user.clicks("Set key…").types("wrong", into="API key").clicks("Test")
    user.reads("Scripted did not accept the key (401)")
    assert user.finds("API key", QLineEdit).text() == "wrong"
    user.clicks("Cancel")


def test_without_a_keyring_a_key_lasts_until_the_end_and_that_is_said(
    user: User, provider: Provider, profile: Profile
) -> None:
    provider.respond(guarded)
    provider.models(["scripted-model"])
    user.opens(endpoint_at(provider.base_url, needs_key=True)).asks("hello?").sees_end()
    gives_key(user)
    user.reads("for this session only").clicks("Retry").sees("welcome").sees_end()
    assert files_with(profile, CANARY) == []
    user.starts_again().asks("again").sees_end()
    user.clicks("Set key…").clicks("Cancel")
    assert files_with(profile, CANARY) == []


def test_a_pasted_address_becomes_an_endpoint_with_its_models(user: User, provider: Provider) -> None:
    provider.models(["small", "large"])
    provider.answers("an answer", model="large")
    user.opens().clicks("Menu").picks("Add an endpoint…")
    user.types(f"{provider.base_url}/chat/completions", into="Address").types("Mine", into="Name")
    user.reads(f"Requests go to {provider.base_url}/chat/completions").clicks("Save")
    user.waits(lambda: user.says("Endpoint") == "Mine", "the new endpoint chosen")
    assert user.offers("Endpoint") == ["Built-in", "Oxen.ai", "Mine"]
    user.chooses("Model", "large").asks("hello?").sees("an answer").sees_end()
    assert user.bodies() == [
        {
            "model": "large",
            "messages": [{"role": "user", "content": "hello?"}],
            "stream": True,
            "stream_options": {"include_usage": True},
        }
    ]
    user.clicks("New conversation")
    assert (user.says("Endpoint"), user.says("Model")) == ("Mine", "large")


def test_oxen_is_reached_through_a_proxy_of_its_own_until_that_is_taken_back(user: User) -> None:
    user.opens().clicks("Settings").clicks("Edit Oxen.ai")
    user.reads("Address, server and name of Oxen.ai are fixed.")
    assert not user.finds("Address", QLineEdit).isEnabled()
    assert not user.has("Back to the defaults")
    user.replaces("", into="Model").types("</end>", into="Closing tag of thinking")
    user.clicks("Network…").chooses("Proxy", "None").clicks("Save")

    def oxen() -> Endpoint:
        return user.workbench.endpoints[1]

    user.waits(lambda: oxen().network == NetworkSettings(proxy_mode=ProxyMode.NONE), "the settings kept")
    assert replace(oxen(), network=None, think_closing="") == OXEN
    user.clicks("Edit Oxen.ai").clicks("Back to the defaults")
    user.waits(lambda: oxen() == OXEN, "the defaults")


def test_a_test_of_a_connection_goes_through_the_layers_and_can_be_stopped(
    user: User, provider: Provider
) -> None:
    provider.models(["a-model"])
    provider.answers("hello")
    user.opens().clicks("Menu").picks("Add an endpoint…")
    user.types(provider.base_url, into="Address").clicks("Test")
    user.reads("status 200").reads("None was sent, and none was asked for.").reads("a-model answered.")
    provider.script(Stall(), path=MODELS_PATH)
    user.clicks("Test").clicks("Stop")
    user.reads("Stopped.").clicks("Cancel")
