"""What models may send to do harm: it is shown, the window stays what it is, and nothing is asked or read."""

from __future__ import annotations

import ctypes
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from PySide6.QtCore import QObject, QPoint, Qt, QUrl, Slot
from PySide6.QtGui import QDesktopServices, QTextCursor
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QPlainTextEdit, QToolTip, QWidget
from tests.corpora.hostile_answers import LINKS, OFFERED, answers
from tests.provider import Provider
from tests.user import User

from drover.domain.endpoint import Endpoint
from drover.domain.run import RunStatus
from drover.ui.dialogs import LinkDialog
from drover.ui.markdown_text import MarkdownText

GROUPS = 8
_SCHEMES = ("http", "https", "mailto", "file", "javascript", "data", "ftp")
_IN_OPEN, _IN_NONBLOCK = 0x20, 0o4000


class Trap(QObject):
    """A server that nobody may ask, a file that nobody may open, and whoever opens addresses."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.file = file
        self.opened: list[str] = []
        file.write_text("secret")
        self._server = socket.create_server(("127.0.0.1", 0))
        self._server.setblocking(False)
        self.host = f"127.0.0.1:{self._server.getsockname()[1]}"
        self._watch = _watch(file)
        for scheme in _SCHEMES:
            QDesktopServices.setUrlHandler(scheme, self, "note")  # type: ignore[arg-type]

    @Slot(QUrl)
    def note(self, url: QUrl) -> None:
        """An address was given to the desktop."""
        self.opened.append(url.toString())

    def visits(self) -> list[str]:
        """Who has come since the last look."""
        found, self.opened = self.opened, []
        with suppress(BlockingIOError):
            self._server.accept()[0].close()
            found.append("a connection")
        with suppress(BlockingIOError):
            if self._watch >= 0 and os.read(self._watch, 4096):
                found.append("the file")
        return found

    def end(self) -> None:
        """Frees what it holds."""
        for scheme in _SCHEMES:
            QDesktopServices.unsetUrlHandler(scheme)
        self._server.close()
        if self._watch >= 0:
            os.close(self._watch)


def _watch(file: Path) -> int:
    """A descriptor that can be read once any process has opened the file; -1 where there is none."""
    if sys.platform != "linux":
        return -1
    libc = ctypes.CDLL(None, use_errno=True)
    watch = int(libc.inotify_init1(_IN_NONBLOCK))
    assert libc.inotify_add_watch(watch, os.fsencode(file), _IN_OPEN) >= 0
    return watch


@pytest.fixture
def trap(tmp_path: Path, qapp: QApplication) -> Iterator[Trap]:
    made = Trap(tmp_path / "canary")
    try:
        yield made
        assert made.visits() == []
    finally:
        made.end()


NAMES = sorted(answers("", ""))


def test_the_trap_notices_who_comes(trap: Trap) -> None:
    assert trap.visits() == []
    name, _, port = trap.host.partition(":")
    with socket.create_connection((name, int(port))):
        assert trap.visits() == ["a connection"]
    trap.file.read_text()
    assert trap.visits() == (["the file"] if sys.platform == "linux" else [])
    QDesktopServices.openUrl(QUrl("http://127.0.0.1/"))
    assert trap.visits() == ["http://127.0.0.1/"]


@pytest.mark.parametrize("group", range(GROUPS))
def test_a_hostile_answer_is_shown_and_asks_and_reads_nothing(
    user: User, provider: Provider, scripted: Endpoint, trap: Trap, group: int
) -> None:
    texts = answers(trap.host, trap.file.as_posix())
    names = NAMES[group::GROUPS]
    for name in names:
        provider.answers(texts[name], chunks=12)
    user.opens(scripted)
    width = user.window.width()
    for name in names:
        text = texts[name]
        user.uses("Ctrl+N").pastes(name).sends()
        user.waits(lambda: _is_answered(user, text), f"the end of {name!r}").sees_end()  # noqa: B023
        for key in (Qt.Key.Key_Home, Qt.Key.Key_PageDown, Qt.Key.Key_End):
            user.presses(key, into="Transcript")
            assert _overhang(user) <= 0, f"{name!r} is wider than its column"
        assert user.window.width() == width, name
        assert trap.visits() == [], name
    assert {run.status for run in user.runs()} == {RunStatus.COMPLETE}


def _is_answered(user: User, text: str) -> bool:
    """Whether the stored answer is the text that was sent, save halves of characters."""
    runs = user.runs()
    if not runs or runs[-1].status.is_live:
        return False
    reader = user.workbench.open_reader()
    try:
        last = reader.messages(runs[-1].conversation_id)[-1]
    finally:
        reader.close()
    return last.run_id is not None and _whole(last.text) == _whole(text)


def _whole(text: str) -> str:
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _overhang(user: User) -> int:
    """By how much anything in the transcript reaches beyond its right edge."""
    viewport = user.window.transcript.viewport()
    room = viewport.width()
    return max(
        (
            child.mapTo(viewport, QPoint(child.width(), 0)).x() - room
            for child in viewport.findChildren(MarkdownText)
            if child.isVisible()
        ),
        default=0,
    )


def test_links_tell_where_they_lead_and_are_opened_by_nobody_else(
    user: User, provider: Provider, scripted: Endpoint, trap: Trap
) -> None:
    for name, target in LINKS.items():
        provider.answers(f"[{name}: the bank]({_filled(target, trap)})")
    user.opens(scripted)
    told = {}
    for name in LINKS:
        user.uses("Ctrl+N").pastes("Where to?").sends()
        user.waits(lambda: any(f"{name}: the bank" in text for text in user.messages()), name)  # noqa: B023
        user.sees_end()
        place = _place_of_link(user)
        if place is not None:
            told[name] = _told_about(user, *place)
        assert trap.visits() == [], name
    assert told == {name: _filled(target, trap) for name, target in OFFERED.items()}


def _filled(target: str, trap: Trap) -> str:
    return target.replace("{host}", trap.host).replace("{file}", trap.file.as_posix())


def _place_of_link(user: User) -> tuple[QWidget, QPoint] | None:
    """The middle of the first link in the answer; None if there is no link."""
    (text,) = [
        widget
        for widget in user.window.transcript.viewport().findChildren(MarkdownText)
        if widget.isVisible() and "the bank" in widget.toPlainText()
    ]
    cursor = QTextCursor(text.document())
    cursor.setPosition(text.toPlainText().index("bank") + 1)
    place = text.cursorRect(cursor).center()
    return (text.viewport(), place) if text.anchorAt(place) else None


def _told_about(user: User, widget: QWidget, place: QPoint) -> str:
    """Hovers and clicks; the address that the dialog shows, which is then canceled."""
    user._does(QTest.mouseMove, widget, place)
    user.waits(QToolTip.isVisible, "the address in a tip")
    assert QToolTip.text().isascii() or "…" in QToolTip.text()
    user._does(lambda: QTest.mouseClick(widget, Qt.MouseButton.LeftButton, pos=place))
    user.waits(lambda: bool(user._shown(LinkDialog)), "the question")
    dialog = user._shown(LinkDialog)[0]
    assert dialog.width() <= 600
    shown = dialog.findChild(QPlainTextEdit)
    assert shown is not None
    address = shown.toPlainText()
    words = " ".join(label.text() for label in dialog.findChildren(QLabel) if label.isVisible())
    assert ("is a login" in words) == ("@127" in address)
    user.clicks("Cancel")
    with suppress(RuntimeError):
        user.waits(lambda: not user._shown(LinkDialog), "the end of the question")
    user._does(QToolTip.hideText)
    return address


@pytest.mark.parametrize(
    "text", ["".join(f"line {number}\n" for number in range(25_000)) + "end", "word " * 200_000 + "end"]
)
def test_an_endless_question_is_sent_whole_and_laid_out_where_it_is_seen(
    user: User, provider: Provider, scripted: Endpoint, text: str
) -> None:
    provider.answers("That was long.")
    user.opens(scripted).pastes(text).sends()
    user.waits(lambda: bool(user.runs()), "the run").sees_end().sees("That was long.")
    assert user.bodies()[0]["messages"][-1]["content"] == text
    assert len(user.window.transcript.viewport().findChildren(MarkdownText)) < 40
    user.presses(Qt.Key.Key_Home, into="Transcript")
    assert len(user.window.transcript.viewport().findChildren(MarkdownText)) < 40
