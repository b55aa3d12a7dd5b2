"""What a person hears of replies without looking for it, over the real accessibility bus."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.atspi import DESKTOP, LIMIT_S, Announcement, Bus, wait_until
from tests.provider import EVENT_STREAM, Head, Provider, Send, Stall, event

from drover.paths import Profile

APP = Path(__file__).parents[2] / "app"


@pytest.mark.skipif(sys.platform != "linux", reason="AT-SPI is Linux's")
@pytest.mark.usefixtures("display")
def test_beginning_end_and_whole_message_are_heard_and_never_a_token(
    screen_reader: Bus, profile: Profile, provider: Provider
) -> None:
    piece = event({"choices": [{"index": 0, "delta": {"content": "Half of *it*"}}]})
    provider.answers("Short **waves** scatter more.", reasoning="Rayleigh said so.", chunks=5)
    provider.fails(501)
    provider.script(Head(headers={"Content-Type": EVENT_STREAM}), Send(piece), Stall())
    bus = screen_reader
    command = [sys.executable, "-m", "drover", "--profile", str(profile.data_dir)]
    command += ["--endpoint", provider.base_url, "--model", "m"]
    world = {**os.environ, "PYTHONPATH": str(APP), "QT_LINUX_ACCESSIBILITY_ALWAYS_ON": "1"}
    with subprocess.Popen(command, env=world, stderr=subprocess.PIPE) as process:
        try:
            bus.find("Send")
            bus.listen()
            ask(bus, "Why is the sky blue?")
            wait_until(lambda: len(bus.announced()) >= 2, "the answer")
            ask(bus, "And the sea?")
            wait_until(lambda: len(bus.announced()) >= 4, "the failure")
            ask(bus, "And the grass?")
            wait_until(lambda: len(bus.announced()) >= 5, "the third reply")
            wait_until(lambda: any("1 token" in name for name in bus.walk(DESKTOP)), "the half")
            bus.press("Stop")
            wait_until(lambda: len(bus.announced()) >= 6, "the end of it")
            heard = bus.announced()
            process.send_signal(signal.SIGTERM)
            _, error = process.communicate(timeout=LIMIT_S)
        finally:
            process.kill()
    assert (process.returncode, error) == (0, b"")
    assert heard[:3] == [
        Announcement("m is answering", is_urgent=False),
        Announcement("m: Short waves scatter more.", is_urgent=False),
        Announcement("m is answering", is_urgent=False),
    ]
    assert heard[3].is_urgent
    assert heard[3].text.startswith("Failed: ")
    assert "501" in heard[3].text
    assert heard[4:] == [
        Announcement("m is answering", is_urgent=False),
        Announcement("Stopped. m: Half of it", is_urgent=False),
    ]


def ask(bus: Bus, text: str) -> None:
    """Types a question and sends it."""
    bus.write(text, "Message")
    bus.press("Send")
