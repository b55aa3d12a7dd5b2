"""A window that nobody can see does no work for drawing, and catches up when it is seen again."""

from __future__ import annotations

import ctypes
import ctypes.util
import sys
from collections.abc import Callable, Iterator

import pytest
from PySide6.QtCore import QTimer
from tests.journeys.test_reading import arrived, lets_in, scripted_stream
from tests.provider import Provider
from tests.user import User

from drover.domain.endpoint import Endpoint

THOUGHT = "reasoning_content"


def timers(user: User) -> list[str]:
    """Whose timers fire within a minute; those of asyncio are not among the children of the window."""
    running = [timer for timer in user.window.findChildren(QTimer) if 0 <= timer.remainingTime() < 60_000]
    owners = [timer.parent() for timer in running]
    return [type(owner).__name__ for owner in owners]


@pytest.fixture
def window_system() -> Iterator[Callable[[str, int], None]]:
    """Calls (name of a function of Xlib, id of a window): what a window manager does behind Qt's back."""
    name = ctypes.util.find_library("X11")
    if sys.platform != "linux" or name is None:
        pytest.skip("only where there is Xlib")
    library = ctypes.CDLL(name)
    library.XOpenDisplay.restype = ctypes.c_void_p
    display = ctypes.c_void_p(library.XOpenDisplay(None))

    def call(function: str, window_id: int) -> None:
        getattr(library, function)(display, ctypes.c_ulong(window_id))
        library.XSync(display, 0)

    yield call
    library.XCloseDisplay(display)


def test_on_another_desktop_nothing_is_drawn_until_it_is_back(
    user: User, scripted: Endpoint, provider: Provider, window_system: Callable[[str, int], None]
) -> None:
    flags = scripted_stream(
        provider, (THOUGHT, "Hm. "), (THOUGHT, "Well. "), ("content", "So "), ("content", "it is.")
    )
    user.opens(scripted).asks("why?").waits(lambda: user.has("Reasoning text"), "the thought")
    handle = user.window.windowHandle()
    window_system("XUnmapWindow", int(user.window.winId()))
    user.waits(lambda: not handle.isExposed(), "the window out of sight")
    before = user.messages()[-1], user.says("Reasoning text")
    for flag in flags[:2]:
        lets_in(user, flag)
    assert arrived(user) == 3
    assert (user.messages()[-1], user.says("Reasoning text")) == before
    window_system("XMapWindow", int(user.window.winId()))
    user.sees("So").waits(lambda: handle.isExposed(), "the window in sight")
    lets_in(user, flags[2])
    user.sees("So it is.").sees_end()


def test_minimised_it_neither_counts_nor_draws(user: User, scripted: Endpoint, provider: Provider) -> None:
    flags = scripted_stream(provider, (THOUGHT, "Hm. "), (THOUGHT, "Well. "), ("content", "So."))
    user.opens(scripted).asks("why?").waits(lambda: user.has("Reasoning text"), "the thought")
    assert "MessageView" in timers(user)
    user._does(user.window.showMinimized)
    lets_in(user, flags[0])
    user.waits(lambda: "MessageView" not in timers(user), "the clock at rest")
    assert user.says("Reasoning text").strip() == "Hm."
    user._does(user.window.showNormal)
    user.waits(lambda: user.says("Reasoning text").strip() == "Hm. Well.", "the rest")
    assert "MessageView" in timers(user)
    lets_in(user, flags[1])
    user.sees("So.").sees_end()


def test_no_timer_runs_when_nothing_happens(user: User, scripted: Endpoint, provider: Provider) -> None:
    provider.answers("It is $x^2$.\n\n```python\nprint(1)\n```", reasoning="Hm.")
    user.opens(scripted).asks("why?").sees("It is").sees_end()
    user.waits(lambda: not timers(user), f"rest; there run {timers(user)}")
