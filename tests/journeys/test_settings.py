"""Presets, text size, colours."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractButton, QComboBox
from tests.provider import Provider
from tests.user import User

from drover.domain.endpoint import Endpoint
from drover.ui.theme import theme

SHIPPED_NAMES = ["Minimal", "Basic", "All", "gpt-oss recommended"]


def test_presets_are_saved_chosen_changed_and_deleted(
    user: User, provider: Provider, scripted: Endpoint
) -> None:
    provider.answers("fine")
    user.opens(scripted).ticks("Send temperature").replaces("0.1", into="temperature")
    user.saves_preset("Exact").waits(lambda: user.says("Preset") == "Exact", "the preset chosen")
    user.chooses("Preset", "No preset").clicks("Reset parameters")
    user.ticks("Send temperature").replaces("1.5", into="temperature").saves_preset("Wild")
    user.waits(lambda: user.says("Preset") == "Wild", "the second preset chosen")
    user.chooses("Preset", "Exact")
    assert user.says("temperature") == "0.10"
    combo = user.finds("Preset", QComboBox)
    assert "(changed)" not in combo.accessibleDescription()
    user.replaces("0.2", into="temperature")
    assert "(changed)" in combo.accessibleDescription()
    user.asks("hello?").sees_end()
    assert user.bodies()[-1]["temperature"] == 0.2

    user.starts_again().waits(lambda: user.has("Preset"), "the panel")
    assert user.offers("Preset") == ["No preset", "Exact", "Wild", *SHIPPED_NAMES]
    assert user.says("Preset") == "Exact"
    user.clicks("More about presets").picks("Delete")
    user.waits(lambda: user.offers("Preset") == ["No preset", "Wild", *SHIPPED_NAMES], "the preset gone")
    assert user.says("Preset") == "No preset"
    assert user.says("temperature") == "0.20"


def test_text_size_is_remembered(user: User, scripted: Endpoint) -> None:
    user.opens(scripted).uses("Ctrl++").uses("Ctrl++")
    assert theme().text_scale == 1.25
    user.starts_again()
    assert theme().text_scale == 1.25
    user.uses("Ctrl+-")
    assert theme().text_scale == 1.1
    user.uses("Ctrl+0").starts_again()
    assert theme().text_scale == 1.0


def test_light_and_dark_change_at_once_and_are_remembered(
    user: User, provider: Provider, scripted: Endpoint
) -> None:
    provider.answers("```python\nprint(1)\n```\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\nand $x^2$")
    user.opens(scripted, theme_mode="light").asks("hello?").sees_end()
    assert user.page_lightness() > 200
    user.uses("Ctrl+,").waits(lambda: user.has("Theme"), "the settings")
    user.chooses("Theme", "Dark")
    assert user.page_lightness() < 60
    user.clicks("Close").starts_again()
    assert user.page_lightness() < 60


def test_everything_can_be_reached_from_the_palette(user: User, scripted: Endpoint) -> None:
    user.opens(scripted).uses("Ctrl+Shift+P")
    user.types("fold parameters", into="Filter commands")
    user.presses(Qt.Key.Key_Return, into="Filter commands")
    user.waits(lambda: not user.has("Send temperature"), "the folded panel")
    assert user.finds("Message").isVisible()


def test_the_reasoning_setting_counts_at_once(user: User, provider: Provider, scripted: Endpoint) -> None:
    provider.answers("an answer", reasoning="a thought")
    user.opens(scripted, reasoning_display="open").asks("hello?").sees_end()
    assert user.finds("Reasoning", QAbstractButton).isChecked()
    assert user.says("Reasoning text") == "a thought"
