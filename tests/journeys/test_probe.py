"""Probing a model from the window."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import Qt
from tests.engine.test_parameter_probe import Model, refused
from tests.journeys.conftest import endpoint_at
from tests.provider import Provider, Stall
from tests.test_local_server import needs_model
from tests.user import User

from drover.domain.endpoint import Endpoint


def test_a_probe_says_first_what_it_costs_and_its_findings_stay(
    user: User, provider: Provider, scripted: Endpoint
) -> None:
    Model(provider, lambda body: refused("top_p", "top_p is fixed") if "top_p" in body else "")
    user.opens(scripted).ticks("Send top_p").clicks("Probe this model")
    user.reads("At most 21 requests, each for a reply of at most 16 tokens.")
    user.reads("The price of this model is not known.").reads("not probed yet")
    assert [request for request in provider.requests if request.method == "POST"] == []
    user.clicks("Start").reads("top_p: rejected").reads("top_logprobs: accepted")
    user.waits(lambda: user.can("Start"), "the end").reads("19 requests made")
    user.reads("“top_p is fixed”").reads("Two replies with the same seed were the same.")
    user.clicks("Close").waits(lambda: not user.has("Start"), "the window itself")
    user.reads("rejected on ")
    assert not user.can("Send top_p")
    assert user.titles() == []
    user.starts_again().asks("hello?").sees_end()
    assert "top_p" not in user.bodies()[-1]
    user.uses("Ctrl+Shift+P").types("Probe", into="Filter commands")
    user.presses(Qt.Key.Key_Return, into="Filter commands").reads("Last probed ").reads("top_p: rejected")
    user.clicks("Forget what is known of top_p").reads("top_p: not tried").clicks("Close")
    user.waits(lambda: user.can("Send top_p"), "a row that can be changed")


def test_a_probe_can_be_stopped_and_ends_with_its_dialog(
    user: User, provider: Provider, scripted: Endpoint
) -> None:
    Model(provider, lambda body: [Stall()] if "top_p" in body else "")
    user.opens(scripted).clicks("Probe this model").clicks("Start")
    user.reads("top_p: trying…").clicks("Stop the probe").reads("Stopped. 6 requests made")
    user.reads("temperature: accepted").reads("top_p: not tried")
    user.clicks("Start").waits(lambda: _asked(provider) == 12, "the second attempt")
    user.clicks("Close").waits(lambda: provider.requests[-1].closed.is_set, "the end of the connection")
    user.waits(lambda: not user.has("Start"), "the window itself")


def test_a_model_of_which_nothing_is_known_can_be_probed(user: User) -> None:
    user.opens(endpoint_at("http://127.0.0.1:9/v1")).clicks("Probe this model")
    user.reads("The price of this model is not known.").clicks("Start").reads("could not be reached")
    user.clicks("Close")


def test_a_key_that_is_missing_is_said_and_nothing_is_sent(
    user: User, provider: Provider, scripted: Endpoint
) -> None:
    user.opens(replace(scripted, provider="oxen", needs_key=True)).clicks("Probe this model")
    user.reads("top_k: never sent").reads("not among the parameters that Oxen.ai documents")
    user.clicks("Start").reads("There is no key for Scripted.").clicks("Close")
    user.waits(lambda: not user.has("Start"), "the window itself")
    assert [request for request in provider.requests if request.method == "POST"] == []


@needs_model
def test_the_built_in_model_is_probed_at_no_cost(user: User) -> None:
    user.opens().clicks("Probe this model")
    user.reads("The model runs on this computer and costs nothing.").clicks("Start")
    user.reads("reasoning_effort: accepted").reads("It made the model think first.")
    user.waits(lambda: user.can("Start"), "the end").reads("requests made").clicks("Close")
    user.waits(lambda: not user.has("Start"), "the window itself").reads("last on ")


def _asked(provider: Provider) -> int:
    return sum(request.method == "POST" for request in provider.requests)
