"""The names and roles by which assistive technology and scripts find every control, as Qt exposes them."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtGui import QAccessible, QAccessibleInterface
from PySide6.QtWidgets import QWidget
from tests.atspi import DESKTOP, LIMIT_S, Bus, wait_until
from tests.provider import EVENT_STREAM, Flag, Head, Provider, Send, Step, Wait, event
from tests.user import User

from drover.domain.endpoint import Endpoint
from drover.domain.parameters import SPECS, ParameterKind
from drover.paths import Profile

Role = QAccessible.Role
ANSWER = "Short waves **scatter** more than long ones.\n\n```python\nprint('blue')\n```"
REASONING = "Rayleigh said so."
NUMERIC = [spec.name for spec in SPECS.values() if spec.kind in (ParameterKind.NUMBER, ParameterKind.INTEGER)]


class Tree:
    """What a screen reader sees of a window."""

    def __init__(self, window: QWidget) -> None:
        root = QAccessible.queryAccessibleInterface(window)
        assert root is not None
        self._nodes = list(_walk(root))

    def all(self, name: str, *roles: QAccessible.Role) -> list[QAccessibleInterface]:
        """Everything with this name and one of these roles, in order."""
        return [node for node in self._nodes if name_of(node) == name and node.role() in roles]

    def one(self, name: str, *roles: QAccessible.Role) -> QAccessibleInterface:
        """The only thing with this name and one of these roles."""
        found = self.all(name, *roles)
        known = [(node.role().name, name_of(node)) for node in self._nodes if name_of(node) == name]
        assert len(found) == 1, f"{len(found)} are named {name!r} and {roles}; of that name: {known}"
        return found[0]


def _walk(node: QAccessibleInterface) -> Iterator[QAccessibleInterface]:
    yield node
    for child in children_of(node):
        yield from _walk(child)


def children_of(node: QAccessibleInterface) -> list[QAccessibleInterface]:
    found = (node.child(index) for index in range(node.childCount()))
    return [child for child in found if child is not None]


def name_of(node: QAccessibleInterface) -> str:
    return node.text(QAccessible.Text.Name)


def is_enabled(node: QAccessibleInterface) -> bool:
    return not node.state().disabled


def is_shown(node: QAccessibleInterface) -> bool:
    return not node.state().invisible


@pytest.fixture
def answered(user: User, scripted: Endpoint, provider: Provider) -> User:
    """A conversation with a question, an answer with reasoning, and a failure."""
    provider.answers(ANSWER, reasoning=REASONING)
    provider.fails(500)
    user.opens(scripted).asks("Why is the sky blue?").sees_end()
    user.asks("And the sea?").sees_end()
    user.waits(lambda: len(user.messages()) == 4 and user.has("Retry"), "the failure")
    return user


def test_the_left_column(answered: User) -> None:
    tree = Tree(answered.window)
    conversations = tree.one("Conversations", Role.List)
    assert [name_of(row) for row in children_of(conversations)] == ["Why is the sky blue?"]
    assert is_enabled(tree.one("New conversation", Role.Button))
    assert tree.one("Search conversations", Role.EditableText).state().editable


def test_composer_header_and_presets(answered: User) -> None:
    tree = Tree(answered.window)
    assert tree.one("Message", Role.EditableText).state().multiLine
    assert is_shown(tree.one("Send", Role.Button))
    tree.one("Stop", Role.Button)
    assert tree.one("Endpoint", Role.ComboBox).text(QAccessible.Text.Value) == "Scripted"
    assert tree.one("Model", Role.ComboBox).text(QAccessible.Text.Value) == "scripted-model"
    tree.one("Preset", Role.ComboBox)
    tree.one("Save preset", Role.Button)
    tree.one("Reset parameters", Role.Button)


def test_tabs_and_workspaces(answered: User) -> None:
    tree = Tree(answered.window)
    for name in ("Parameters", "Reasoning", "Request", "Tokens"):
        tree.one(name, Role.PageTab)
    for name in ("Chat", "Experiments"):
        tree.one(name, Role.PageTab, Role.ListItem, Role.Button)


@pytest.mark.parametrize("name", NUMERIC)
def test_each_numeric_parameter_has_a_check_box_and_a_number(name: str, answered: User) -> None:
    answered.ticks("More parameters")
    tree = Tree(answered.window)
    check, number = tree.one(f"Send {name}", Role.CheckBox), tree.one(name, Role.SpinBox)
    assert is_shown(check)
    assert is_shown(number)
    assert not is_enabled(number)
    answered.ticks(f"Send {name}")
    assert is_enabled(Tree(answered.window).one(name, Role.SpinBox))
    assert answered.window.parameters is not None


@pytest.mark.parametrize("name", NUMERIC)
def test_each_numeric_parameter_has_a_slider(name: str, answered: User) -> None:
    answered.ticks("More parameters").ticks(f"Send {name}")
    slider = Tree(answered.window).one(f"{name} slider", Role.Slider)
    assert is_shown(slider)
    assert is_enabled(slider)


def test_each_choice_has_a_check_box_and_a_combo(answered: User) -> None:
    answered.ticks("More parameters")
    tree = Tree(answered.window)
    choices = [spec.name for spec in SPECS.values() if spec.kind is ParameterKind.CHOICE]
    assert choices == ["reasoning_effort", "tool_choice"]
    for name in choices:
        tree.one(f"Send {name}", Role.CheckBox)
        tree.one(name, Role.ComboBox)


def test_the_children_of_the_transcript_are_the_messages_in_order(answered: User) -> None:
    transcript = Tree(answered.window).one("Transcript", Role.List, Role.Pane, Role.Client)
    texts = [name_of(child) for child in children_of(transcript)]
    assert len(texts) == 4
    assert texts[0] == "You: Why is the sky blue?"
    assert texts[1].startswith("scripted-model")
    assert "Short waves scatter more than long ones." in texts[1]
    assert "print('blue')" in texts[1]
    assert texts[2] == "You: And the sea?"
    assert texts[3].startswith("scripted-model")


def test_each_message_has_its_buttons(answered: User) -> None:
    transcript = Tree(answered.window).one("Transcript", Role.List, Role.Pane, Role.Client)
    common = {"Copy", "Previous version", "Next version"}
    for index, own in enumerate([{"Edit"}, {"Regenerate", "Inspect"}] * 2):
        names = {name_of(node) for node in _walk(transcript.child(index)) if node.role() is Role.Button}
        assert names >= common | own


def test_reasoning_is_a_switch_that_says_how_long_and_has_its_text_beside_it(answered: User) -> None:
    # Qt knows no role for a toggle button: a button that stays down is a check box to assistive technology.
    toggle = Tree(answered.window).one("Reasoning", Role.CheckBox, Role.Button)
    assert re.fullmatch(r"Thought for [\d.]+ (s|min.*)", toggle.text(QAccessible.Text.Description))
    assert not toggle.state().checked
    answered.clicks("Reasoning", nth=0)
    tree = Tree(answered.window)
    assert tree.one("Reasoning", Role.CheckBox, Role.Button).state().checked
    text = tree.one("Reasoning text", Role.EditableText, Role.StaticText)
    assert is_shown(text)
    assert text.text(QAccessible.Text.Value) == REASONING


def test_stop_is_enabled_only_while_a_reply_is_live(
    user: User, scripted: Endpoint, provider: Provider
) -> None:
    gate = provider.answers("One two three", pause_after=2)
    user.opens(scripted)
    assert not is_enabled(Tree(user.window).one("Stop", Role.Button))
    user.asks("Count.").sees("One two")
    tree = Tree(user.window)
    assert is_enabled(tree.one("Stop", Role.Button))
    assert is_shown(tree.one("Stop", Role.Button))
    gate.set()
    user.sees_end()
    user.waits(lambda: not is_enabled(Tree(user.window).one("Stop", Role.Button)), "Stop disabled")


def test_no_button_is_nameless(answered: User) -> None:
    tree = Tree(answered.window)
    shown = [node for node in tree.all("", Role.Button, Role.CheckBox, Role.ComboBox) if is_shown(node)]
    assert shown == []


# Over the real bus, from another process

APP = Path(__file__).parents[2] / "app"
WALKS = 12

ASKING = """
import asyncio, sys
from drover import cli
from drover.ui import application

class Asking(application.Program):
    async def run(self):
        asyncio.get_running_loop().call_later(0.5, self.ask)
        await super().run()

    def ask(self):
        self.window.composer.display_draft("Why is the sky blue?")
        self.window.composer.text_edited.emit("Why is the sky blue?")
        self.window.composer.send_requested.emit()

application.Program = Asking
sys.exit(cli.run(sys.argv[1:]))
"""
"""The window, in which a question is typed and sent."""


@pytest.mark.skipif(sys.platform != "linux", reason="AT-SPI is Linux's")
@pytest.mark.usefixtures("display")
def test_the_window_can_be_walked_over_the_bus_while_a_reply_streams(
    screen_reader: Bus, profile: Profile, provider: Provider
) -> None:
    flags = [Flag(f"piece {number}") for number in range(WALKS)]
    steps: list[Step] = [Head(headers={"Content-Type": EVENT_STREAM})]
    for number, flag in enumerate(flags):
        text = f"Paragraph {number} of *the* answer.\n\n```python\nprint({number})\n```\n\n"
        steps += [Send(event({"choices": [{"index": 0, "delta": {"content": text}}]})), Wait(flag)]
    provider.script(*steps, Send(event("[DONE]")))
    bus = screen_reader
    command = [sys.executable, "-c", ASKING, "--profile", str(profile.data_dir)]
    command += ["--endpoint", provider.base_url, "--model", "m"]
    world = {**os.environ, "PYTHONPATH": str(APP), "QT_LINUX_ACCESSIBILITY_ALWAYS_ON": "1"}
    with subprocess.Popen(command, env=world, stderr=subprocess.PIPE) as process:
        try:
            wait_until(lambda: bool(provider.requests), "the request")
            wait_until(lambda: "Transcript" in bus.walk(DESKTOP), "the transcript")
            for flag in flags:
                names = list(bus.walk(DESKTOP))
                assert {"Transcript", "Message", "Stop"} <= set(names)
                flag.set()
            last = f"Paragraph {WALKS - 1} of the answer."
            # A message gets its text once, when it is whole: nobody wants to hear each word of it.
            wait_until(lambda: any(last in name for name in bus.walk(DESKTOP)), "the whole answer")
            names = list(bus.walk(DESKTOP))
            process.send_signal(signal.SIGTERM)
            _, error = process.communicate(timeout=LIMIT_S)
        finally:
            process.kill()
    assert (process.returncode, error) == (0, b"")
    assert {"Conversations", "Message", "Send", "Stop", "Transcript", "temperature slider"} <= set(names)
    assert "You: Why is the sky blue?" in names
    answer = next(name for name in names if name.startswith("m: "))
    assert all(f"Paragraph {number} of the answer." in answer for number in range(WALKS))
