"""The accessibility bus as a screen reader uses it: it walks, reads, acts and listens from elsewhere."""

from __future__ import annotations

import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

LAUNCHERS = ("/usr/libexec/at-spi-bus-launcher", "/usr/lib/at-spi2-core/at-spi-bus-launcher")
DESKTOP = ("org.a11y.atspi.Registry", "/org/a11y/atspi/accessible/root")

Place = tuple[str, str]
"""Name on the bus, and path, of one accessible thing."""


_ASSERTIVE = 2


class Announcement(NamedTuple):
    """What a screen reader is asked to say."""

    text: str
    is_urgent: bool


class Bus:
    """What a screen reader does: it asks over the accessibility bus."""

    def __init__(self, address: str) -> None:
        from jeepney.io.blocking import open_dbus_connection  # type: ignore[import-untyped]  # only on Linux

        self._connection = open_dbus_connection(address)
        self._events: deque[Any] = deque()

    def __enter__(self) -> Bus:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def ask(self, place: Place, interface: str, member: str, signature: str = "", *body: object) -> Any:
        """The answer of one call; None for a thing that is gone."""
        from jeepney import DBusAddress, MessageType, new_method_call  # type: ignore[import-untyped]

        address = DBusAddress(place[1], bus_name=place[0], interface=interface)
        message = new_method_call(address, member, signature or None, body)
        reply = self._connection.send_and_get_reply(message, timeout=LIMIT_S)
        is_answer = reply.header.message_type is MessageType.method_return
        return reply.body[0] if is_answer and reply.body else None

    def walk(self, place: Place) -> Iterator[str]:
        """The names of a thing and of all below it, in order."""
        name = self.ask(place, "org.freedesktop.DBus.Properties", "Get", "ss", ACCESSIBLE, "Name")
        if name is not None:
            yield name[1]
        for child in self.children(place):
            yield from self.walk(child)

    def children(self, place: Place) -> list[Place]:
        """What lies directly below a thing."""
        return list(self.ask(place, ACCESSIBLE, "GetChildren") or ())

    def name(self, place: Place) -> str:
        """The name of a thing; empty if it is gone."""
        found = self.ask(place, "org.freedesktop.DBus.Properties", "Get", "ss", ACCESSIBLE, "Name")
        return str(found[1]) if found is not None else ""

    def find(self, name: str) -> Place:
        """The first thing with this name, waited for."""
        found: list[Place] = []

        def look(place: Place) -> bool:
            if self.name(place) == name:
                found.append(place)
                return True
            return any(map(look, self.children(place)))

        wait_until(lambda: look(DESKTOP), name)
        return found[0]

    def press(self, name: str) -> None:
        """Presses a button."""
        self.ask(self.find(name), "org.a11y.atspi.Action", "DoAction", "i", 0)

    def write(self, text: str, into: str) -> None:
        """Puts text into a field."""
        self.ask(self.find(into), "org.a11y.atspi.EditableText", "SetTextContents", "s", text)

    def listen(self) -> None:
        """From now on announcements are kept for `announced`."""
        from jeepney import MatchRule

        registry = ("org.a11y.atspi.Registry", "/org/a11y/atspi/registry")
        self.ask(registry, "org.a11y.atspi.Registry", "RegisterEvent", "s", "object:announcement")
        rule = MatchRule(type="signal", interface="org.a11y.atspi.Event.Object", member="Announcement")
        bus = ("org.freedesktop.DBus", "/org/freedesktop/DBus")
        self.ask(bus, "org.freedesktop.DBus", "AddMatch", "s", rule.serialise())
        self._connection.filter(rule, queue=self._events).__enter__()

    def announced(self) -> list[Announcement]:
        """What has been said since `listen`."""
        self.children(DESKTOP)  # the answer comes after what was sent before it
        return [Announcement(message.body[3][1], message.body[1] == _ASSERTIVE) for message in self._events]


ACCESSIBLE = "org.a11y.atspi.Accessible"
LIMIT_S = 20.0


def wait_until(holds: Callable[[], bool], what: str) -> None:
    deadline_s = time.monotonic() + LIMIT_S
    pause = threading.Event()
    while not holds():
        assert time.monotonic() < deadline_s, f"never seen: {what}"
        pause.wait(0.02)


@contextmanager
def accessibility_bus() -> Iterator[Bus]:
    """The accessibility bus of the session. Raises FileNotFoundError where there is no launcher for it."""
    launcher = next((path for path in LAUNCHERS if Path(path).exists()), None)
    if launcher is None:
        raise FileNotFoundError("at-spi2-core is not installed")
    with subprocess.Popen([launcher, "--launch-immediately"], stderr=subprocess.DEVNULL) as process:
        try:
            with Bus("SESSION") as session:
                place = ("org.a11y.Bus", "/org/a11y/bus")
                wait_until(lambda: bool(session.ask(place, "org.a11y.Bus", "GetAddress")), "the bus")
                address = session.ask(place, "org.a11y.Bus", "GetAddress")
            with Bus(address) as bus:
                yield bus
        finally:
            process.terminate()
