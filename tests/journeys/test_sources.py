"""What a server says beside its answer: pages that it rests on are links below it, a refusal is marked."""

from __future__ import annotations

from tests.provider import EVENT_STREAM, Head, Provider, Send, event
from tests.user import User

from drover.domain.endpoint import Endpoint
from drover.domain.source_list import sources_markdown


def test_sources_stand_below_the_answer_and_come_back_with_it(
    user: User, scripted: Endpoint, provider: Provider
) -> None:
    page = {"title": "An *A*", "url": "https://a.example/x"}
    choice = {"index": 0, "delta": {"content": "So it is [1]."}, "finish_reason": "stop"}
    chunk = {"choices": [choice], "citations": [page["url"]], "search_results": [page]}
    head = Head(headers={"Content-Type": EVENT_STREAM})
    provider.script(head, Send(event(chunk)), Send(event("[DONE]")))
    user.opens(scripted).asks("Is it?").sees("So it is [1].").reads("An *A*, a.example")

    user.starts_again().sees("So it is [1].").reads("An *A*, a.example")
    assert user.has("Sources")


def test_titles_and_addresses_cannot_break_out_of_their_links() -> None:
    sources = [("https://a.example/a b>c", "x](https://evil.example) <b>"), ("http://[", "")]

    assert sources_markdown(sources).splitlines() == [
        r"1. [x\]\(https://evil.example\) \<b\>, a.example](<https://a.example/a%20b%3Ec>)",
        r"2. [\[](<http://[>)",
    ]


def test_a_refusal_is_shown_as_the_answer_and_marked(
    user: User, scripted: Endpoint, provider: Provider
) -> None:
    chunks = [
        {"choices": [{"index": 0, "delta": {"refusal": "I will not say."}}]},
        {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
    ]
    steps = [Send(event(chunk)) for chunk in [*chunks, "[DONE]"]]
    provider.script(Head(headers={"Content-Type": EVENT_STREAM}), *steps)

    user.opens(scripted).asks("Say it?").sees("I will not say.").reads("The model refused to answer.")
