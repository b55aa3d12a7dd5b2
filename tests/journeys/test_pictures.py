"""An answer with pictures, read by a person who decides what is fetched."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, QThreadPool
from PySide6.QtWidgets import QLabel
from tests.pictures import breaks_off, data_url, png, serves
from tests.provider import Head, Provider
from tests.user import User

from drover.domain.endpoint import Endpoint
from drover.ui.markdown_text import BlockText
from drover.ui.picture_view import PictureView

PROSE = "\n\n" + "\n\n".join(f"Paragraph {number} of the answer." for number in range(60))


def paths(provider: Provider) -> list[str]:
    return [
        request.path for request in provider.requests if request.method == "GET" and ".png" in request.path
    ]


def pictures(user: User) -> list[PictureView]:
    return [view for view in user.window.transcript.findChildren(PictureView) if view.isVisible()]


def sees_picture(user: User, name: str) -> QLabel:
    user.waits(
        lambda: user.has(name) and not user.finds(name, QLabel).pixmap().isNull(), f"the picture {name!r}"
    )
    return user.finds(name, QLabel)


def test_a_picture_is_fetched_by_a_click_once_and_never_before(
    user: User, provider: Provider, scripted: Endpoint
) -> None:
    url = serves(provider, "/cat.png", png(300, 200))
    provider.answers(
        f"Here it is:\n![a cat]({url})\n\nAnd again, ![small]({url}) in words.\n\n![once more]({url})"
    )
    user.opens(scripted).asks("A cat?").sees_end()
    user.workbench.picture_networks = ("127.0.0.0/8",)
    user.reads(f"Image from 127.0.0.1:{provider.port}").reads("a cat")
    assert paths(provider) == []
    user.clicks("Fetch once")
    assert sees_picture(user, "once more").size().toTuple() == (300, 200)
    sees_picture(user, "a cat")
    assert paths(provider) == ["/cat.png"]
    assert not user.has("Fetch once")
    (request,) = [request for request in provider.requests if request.path == "/cat.png"]
    assert not {"authorization", "cookie", "referer"} & set(request.headers)

    user.starts_again()  # nothing is kept on disk
    user.waits(lambda: user.has("Fetch once"), "the placeholder")
    assert paths(provider) == ["/cat.png"]


def test_the_own_network_is_refused_in_words(user: User, provider: Provider, scripted: Endpoint) -> None:
    provider.answers(f"![router]({provider.url('/router.png')})")
    user.opens(scripted).asks("Router?").sees_end().clicks("Fetch once")
    user.reads("is this computer or one in its own network.")
    user.waits(lambda: user.has("Retry"), "Retry")
    assert paths(provider) == []


def test_what_fails_says_why_and_can_be_tried_again(
    user: User, provider: Provider, scripted: Endpoint
) -> None:
    url = breaks_off(provider, "/cat.png", png()[:30], 5000)
    serves(provider, "/cat.png", png(30, 20))
    provider.answers(f"![a cat]({url})")
    user.opens(scripted).asks("A cat?").sees_end()
    user.workbench.picture_networks = ("127.0.0.0/8",)
    user.clicks("Fetch once").reads("broke off in the middle")
    user.clicks("Retry")
    sees_picture(user, "a cat")
    assert paths(provider) == ["/cat.png", "/cat.png"]


def test_a_redirect_is_followed_by_another_click_only(
    user: User, provider: Provider, scripted: Endpoint
) -> None:
    serves(provider, "/there.png", png(30, 20))
    there = f"http://localhost:{provider.port}/there.png"
    provider.script(Head(status=302, headers={"Location": there, "Content-Length": "0"}), path="/here.png")
    provider.answers(f"![a cat]({provider.url('/here.png')})")
    user.opens(scripted).asks("A cat?").sees_end()
    user.workbench.picture_networks = ("127.0.0.0/8", "::1/128")
    user.clicks("Fetch once").reads(f"redirects to localhost:{provider.port}.")
    assert paths(provider) == ["/here.png"]
    user.clicks(f"Fetch from localhost:{provider.port}")
    sees_picture(user, "a cat")
    assert paths(provider) == ["/here.png", "/there.png"]


@pytest.mark.parametrize("where", ["above", "in view"])
def test_text_being_read_does_not_move_when_a_picture_comes(
    user: User, provider: Provider, scripted: Endpoint, where: str
) -> None:
    url = serves(provider, "/tall.png", png(300, 500))
    before = "Paragraph before." if where == "above" else "\n\n".join(["Some words before."] * 12)
    provider.answers(f"{before}\n\n![tall]({url}){PROSE}")
    user.opens(scripted).asks("Tall?").sees_end()
    user.workbench.picture_networks = ("127.0.0.0/8",)
    transcript = user.window.transcript
    bar = transcript.verticalScrollBar()
    user._does(transcript.show_message, user.runs()[0].message_id)
    user.waits(lambda: bool(pictures(user)), "the placeholder")
    (placeholder,) = pictures(user)
    top = placeholder.mapTo(transcript.viewport(), QPoint()).y()
    user._does(bar.setValue, bar.value() + top + (20 if where == "above" else -200))
    text = _text(user, above=where == "in view")
    at = text.mapTo(transcript.viewport(), QPoint()).y()
    user.clicks("Fetch once")
    sees_picture(user, "tall")
    assert text.mapTo(transcript.viewport(), QPoint()).y() == at


def _text(user: User, *, above: bool) -> BlockText:
    words = "Some words before." if above else "Paragraph 3 of the answer."
    found = [text for text in user.window.transcript.findChildren(BlockText) if words in text.toPlainText()]
    return found[0]


def test_a_picture_inside_the_answer_is_shown_at_once_and_streams_as_words(
    user: User, provider: Provider, scripted: Endpoint
) -> None:
    url = data_url(png(120, 80) + bytes(40_000))
    gate = provider.answers(f"A chart: ![dots]({url})\n\n![a chart]({url})", chunks=100, pause_after=90)
    user.opens(scripted).asks("A chart?")
    user.waits(lambda: any("so far]" in text.toPlainText() for text in _texts(user)), "the size so far")
    assert not any("AAAA" in text.toPlainText() for text in _texts(user))
    gate.set()
    user.sees_end()
    assert sees_picture(user, "a chart").size().toTuple() == (120, 80)
    assert not any("AAAA" in text.toPlainText() for text in _texts(user))
    assert paths(provider) == []
    QThreadPool.globalInstance().waitForDone()


def _texts(user: User) -> list[BlockText]:
    return user.window.transcript.findChildren(BlockText)
