"""Nothing answers, or something answers nonsense: said in the transcript, in words, with what to do next."""

from __future__ import annotations

import socket
import ssl
from pathlib import Path

import pytest
from tests.journeys.conftest import endpoint_at
from tests.provider import (
    EVENT_STREAM,
    FOR_GOOD,
    Head,
    Provider,
    Reset,
    Send,
    Stall,
    event,
    self_signed_certificate,
)
from tests.user import User

from drover.domain.endpoint import Endpoint
from drover.domain.run import RunStatus


def statuses(user: User) -> list[RunStatus]:
    return [run.status for run in user.runs()]


def test_a_server_that_is_not_there_yet_answers_on_retry(user: User) -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        port = reserved.getsockname()[1]
    user.opens(endpoint_at(f"http://127.0.0.1:{port}/v1")).asks("hello?").sees_end()
    user.reads("Scripted could not be reached").reads("Check the address")
    question, reply = user.messages()
    assert question == "You: hello?"
    assert reply.startswith("scripted-model: Scripted could not be reached")
    with Provider(port=port) as provider:
        provider.answers("here now")
        user.clicks("Retry").sees("here now").sees_end()
        assert statuses(user) == [RunStatus.COMPLETE]
        assert not user.has("Previous version")
        user.closes()


def test_what_failed_without_a_word_is_not_sent_along_later(
    user: User, provider: Provider, scripted: Endpoint
) -> None:
    provider.fails(500, times=FOR_GOOD)
    provider.answers("an answer")
    user.opens(scripted).asks("hello?").sees_end().reads("Scripted failed (500)")
    user.reads("2 messages").asks("still there?").sees("an answer").sees_end()
    sent = [(message["role"], message["content"]) for message in user.bodies()[-1]["messages"]]
    assert sent == [("user", "hello?"), ("user", "still there?")]


def test_a_name_that_nobody_knows_is_said(user: User) -> None:
    user.opens(endpoint_at("https://nowhere.invalid/v1")).asks("hello?").sees_end()
    user.reads("The address of Scripted could not be found")
    assert user.can("Retry")
    assert statuses(user) == [RunStatus.FAILED]


def test_a_certificate_that_nobody_vouches_for_is_said(user: User, tmp_path: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(self_signed_certificate(tmp_path))
    with Provider(tls=context) as provider:
        user.opens(endpoint_at(provider.base_url)).asks("hello?").sees_end()
        user.reads("No secure connection to Scripted could be made")
        assert user.can("Retry")
        assert provider.requests == []
        user.closes()


def test_a_server_gone_in_mid_answer_leaves_the_text_so_far(
    user: User, provider: Provider, scripted: Endpoint
) -> None:
    piece = {"choices": [{"index": 0, "delta": {"content": "half an "}, "finish_reason": None}]}
    provider.script(Head(headers={"Content-Type": EVENT_STREAM}), Send(event(piece)), Reset())
    provider.answers("a whole answer")
    user.opens(scripted).asks("hello?").sees("half an").sees_end()
    user.reads("The connection to Scripted broke before the answer was complete")
    user.reads("What had arrived is kept.")
    user.clicks("Retry").sees("a whole answer").sees_end().reads("2/2")
    user.clicks("Previous version").sees("half an")


def test_a_web_page_in_the_place_of_an_answer_is_said(
    user: User, provider: Provider, scripted: Endpoint
) -> None:
    provider.fails(200, "<!doctype html><title>Welcome</title><p>to this router</p>")
    provider.answers("an answer")
    user.opens(scripted).asks("hello?").sees_end()
    user.waits(lambda: user.can("Retry"), "Retry")
    (run,) = user.runs()
    assert run.status is RunStatus.FAILED
    assert run.failure is not None
    assert "web page" in run.failure.message
    user.reads(run.failure.message.rstrip(".")).clicks("Retry").sees("an answer").sees_end()


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (404, "Scripted does not offer this model (404)"),
        (429, "Scripted asks to wait: too many requests (429)"),
        (500, "Scripted failed (500)"),
    ],
)
def test_a_refusal_is_said_in_words_and_retry_asks_again(
    user: User, provider: Provider, scripted: Endpoint, status: int, words: str
) -> None:
    told = {"error": {"message": "The model `scripted-model` does not exist"}} if status == 404 else None
    provider.fails(status, told, times=1 if status == 404 else FOR_GOOD)
    provider.answers("an answer")
    user.opens(scripted).asks("hello?").sees_end().reads(words)
    assert statuses(user) == [RunStatus.FAILED]
    user.clicks("Retry").sees("an answer").sees_end()
    assert not user.is_told(words)


def test_a_pause_that_a_server_asks_for_counts_down_and_can_be_cut_short(
    user: User, provider: Provider, scripted: Endpoint
) -> None:
    provider.fails(429, headers={"Retry-After": "60"})
    provider.answers("an answer")
    user.opens(scripted).asks("hello?").reads("Trying again in ").reads("too many requests")
    assert user.can("Stop")
    user.clicks("Try now").sees("an answer").sees_end()
    assert statuses(user) == [RunStatus.COMPLETE]


def test_a_pause_can_be_declined(user: User, provider: Provider, scripted: Endpoint) -> None:
    provider.fails(429, headers={"Retry-After": "60"})
    provider.answers("an answer")
    user.opens(scripted).asks("hello?").reads("Trying again in ").clicks("Stop")
    user.sees_end()
    assert statuses(user) == [RunStatus.STOPPED]
    user.clicks("Retry").sees("an answer").sees_end()


def test_a_failure_that_passes_is_not_even_a_failure(
    user: User, provider: Provider, scripted: Endpoint
) -> None:
    provider.fails(503, headers={"Retry-After": "60"})
    provider.fails(500, {"error": {"message": "Hiccup"}}, headers={"Retry-After": "60"})
    provider.answers("an answer")
    user.opens(scripted).asks("hello?").reads("(1 of 2): Scripted is overloaded or not available (503)")
    user.clicks("Try now").reads("(2 of 2): Scripted failed (500)").reads("The server said “Hiccup”.")
    user.clicks("Try now").sees("an answer").sees_end()
    (run,) = user.runs()
    assert run.status is RunStatus.COMPLETE
    assert [attempt.failure.status for attempt in run.failed_attempts] == [503, 500]
    assert not user.is_told("Hiccup")
    user.clicks("Inspect").reads("Scripted failed (500): “Hiccup”. It took ")
    user.starts_again().clicks("Inspect").reads("Scripted failed (500): “Hiccup”. It took ")


def test_nothing_is_tried_again_by_itself_where_that_is_switched_off(
    user: User, provider: Provider, scripted: Endpoint
) -> None:
    provider.fails(500)
    provider.answers("an answer")
    user.opens(scripted).clicks("Settings").ticks("Try again by itself").clicks("Close")
    user.asks("hello?").sees_end().reads("Scripted failed (500)")
    assert len([request for request in provider.requests if request.path.endswith("/completions")]) == 1
    user.clicks("Retry").sees("an answer").sees_end()


def test_the_address_of_a_server_can_be_set_right_where_nothing_is_found(
    user: User, provider: Provider, scripted: Endpoint
) -> None:
    user.opens(endpoint_at(provider.base_url.removesuffix("/v1"))).asks("hello?").sees_end()
    user.reads("Scripted has no chat at this address (404)").reads("with most servers it ends in /v1")
    user.clicks("Edit endpoint…").waits(lambda: user.has("Address"), "the dialog").clicks("Cancel")


def test_a_parameter_that_a_server_refuses_can_be_left_out(
    user: User, provider: Provider, scripted: Endpoint
) -> None:
    told = {"error": {"message": "Unsupported parameter: 'top_p'", "param": "top_p"}}
    provider.fails(400, told)
    provider.answers("an answer")
    user.opens(scripted).ticks("Send top_p").asks("hello?").sees_end()
    user.clicks("Send without top_p").sees("an answer").sees_end()
    assert "top_p" not in user.bodies()[-1]


def refuses(provider: Provider, name: str, words: str) -> None:
    provider.fails(400, {"error": {"message": words, "param": name}})


def test_a_refused_parameter_is_left_out_until_that_is_forgotten(
    user: User, provider: Provider, scripted: Endpoint
) -> None:
    refuses(provider, "top_p", "Unsupported parameter: 'top_p'")
    provider.answers("an answer")
    user.opens(scripted).ticks("Send top_p").asks("hello?").sees_end()
    user.clicks("Send without top_p").sees("an answer").sees_end()
    user.reads("rejected on ").reads("Unsupported parameter: 'top_p'")
    assert not user.is_told("top_p 0.95")
    assert not user.can("Send top_p")
    user.starts_again().asks("and now?").sees_end()
    (run, again) = user.runs()
    for known in (run, again):
        assert known.parameters.top_p == 0.95
        (dropped, _) = known.adjustments
        assert (dropped.name, dropped.action) == ("top_p", "dropped")
        assert dropped.reason.startswith("rejected by this model on ")
    assert [body.get("top_p") for body in user.bodies()] == [None, None]
    user.clicks("Why top_p was rejected").clicks("Forget the rejection of top_p")
    user.waits(lambda: user.can("Send top_p"), "a row that can be changed").reads("top_p 0.95")
    user.asks("once more?").sees_end()
    assert user.bodies()[-1]["top_p"] == 0.95
    assert user.can("Send top_p")


def test_a_limit_is_sent_under_the_name_that_a_server_asks_for(
    user: User, provider: Provider, scripted: Endpoint
) -> None:
    refuses(provider, "max_tokens", "Unsupported parameter. Use max_completion_tokens instead.")
    provider.answers("an answer")
    user.opens(scripted).ticks("Send max_tokens").replaces("100", into="max_tokens")
    user.asks("hello?").sees_end()
    user.reads("The server said “Unsupported parameter. Use max_completion_tokens instead.” Send it as max_c")
    user.clicks("Send as max_completion_tokens")
    user.sees("an answer").sees_end().asks("and now?").sees_end()
    assert [body["max_completion_tokens"] for body in user.bodies()] == [100, 100]
    assert not any("max_tokens" in body for body in user.bodies())
    assert user.can("Send max_tokens")


def test_an_answer_cut_off_in_its_thinking_is_asked_for_again_with_more_room(
    user: User, provider: Provider, scripted: Endpoint
) -> None:
    provider.answers("", reasoning="a long thought", finish_reason="length")
    provider.answers("an answer", reasoning="a long thought")
    user.opens(scripted).ticks("Send max_tokens").replaces("100", into="max_tokens")
    user.asks("hello?").sees_end().reads("went to thinking; there is no answer")
    assert statuses(user) == [RunStatus.CUT]
    assert not user.has("Think less")
    user.clicks("Retry with 400").sees("an answer").sees_end()
    assert [body["max_tokens"] for body in user.bodies()][-1] == 400


def test_an_answer_cut_off_in_its_thinking_is_asked_for_again_with_less_of_it(
    user: User, provider: Provider, scripted: Endpoint
) -> None:
    provider.answers("", reasoning="a long thought", finish_reason="length")
    provider.answers("an answer", reasoning="a thought")
    user.opens(scripted).ticks("Send max_tokens").replaces("100", into="max_tokens")
    user.ticks("Send reasoning_effort").asks("hello?").sees_end()
    user.clicks("Think less").sees("an answer").sees_end()
    assert [(body["max_tokens"], body["reasoning_effort"]) for body in user.bodies()] == [
        (100, "medium"),
        (100, "low"),
    ]


def test_a_silent_server_can_be_stopped(user: User, provider: Provider, scripted: Endpoint) -> None:
    provider.script(Stall())
    user.opens(scripted).asks("hello?").reads("Waiting for Scripted").clicks("Stop").sees_end()
    assert statuses(user) == [RunStatus.STOPPED]
    user.reads("Stopped.")
