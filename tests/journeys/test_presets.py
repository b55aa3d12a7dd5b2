"""Presets at the window: kept, copied, renamed, taken back, compared, and carried between profiles."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QPlainTextEdit
from tests.journeys.test_transfer import chooses_file
from tests.provider import Provider
from tests.test_parameters_everywhere import all_set, box_of
from tests.user import User

from drover.domain.endpoint import Endpoint
from drover.domain.parameters import SPECS, UNSET

SHIPPED_NAMES = ["Minimal", "Basic", "All", "gpt-oss recommended"]


@pytest.fixture
def exact(user: User, scripted: Endpoint) -> User:
    """At an open window, with the preset Exact, which is chosen."""
    user.opens(scripted).ticks("Send temperature").replaces("0.1", into="temperature")
    user.types("Be exact.", into="System prompt").saves_preset("Exact")
    return user.waits(lambda: user.says("Preset") == "Exact", "the preset chosen")


def does(user: User, words: str) -> User:
    """Picks from the menu of presets."""
    return user.clicks("More about presets").picks(words)


def is_changed(user: User) -> bool:
    return user.finds("Preset", QComboBox).accessibleDescription() == "(changed)"


def own_names(user: User) -> list[str]:
    return [name for name in user.offers("Preset") if name not in ("No preset", *SHIPPED_NAMES)]


def test_save_keeps_changes_in_the_chosen_preset(exact: User) -> None:
    exact.replaces("0.3", into="temperature").replaces("Be very exact.", into="System prompt")
    assert is_changed(exact)
    exact.clicks("Save preset").waits(lambda: not is_changed(exact), "the change kept")
    exact.chooses("Preset", "Minimal")
    assert exact.says("System prompt") == ""
    exact.chooses("Preset", "Exact")
    assert (exact.says("temperature"), exact.says("System prompt")) == ("0.30", "Be very exact.")


def test_a_name_of_ones_own_is_replaced_and_a_shipped_one_refused(exact: User) -> None:
    exact.replaces("0.4", into="temperature")
    does(exact, "Save as…")
    assert exact.says("Name of the preset") == "Exact (2)"
    exact.replaces("minimal", into="Name of the preset").reads("“minimal” comes with Drover")
    assert not exact.can("Save")
    exact.replaces("exact", into="Name of the preset").reads("“Exact” will be replaced.")
    exact.clicks("Replace").waits(lambda: own_names(exact) == ["exact"], "the preset replaced")
    assert not is_changed(exact)


def test_a_shipped_preset_is_duplicated_to_be_changed(exact: User) -> None:
    exact.chooses("Preset", "gpt-oss recommended")
    assert (exact.says("temperature"), exact.says("top_p")) == ("1.00", "1.00")
    exact.replaces("0.9", into="top_p")
    does(exact, "Duplicate").waits(lambda: exact.says("Preset") == "gpt-oss recommended (2)", "the copy")
    assert is_changed(exact)
    exact.clicks("Save preset").waits(lambda: not is_changed(exact), "the change kept")
    exact.chooses("Preset", "gpt-oss recommended")
    assert exact.says("top_p") == "1.00"
    exact.chooses("Preset", "gpt-oss recommended (2)")
    assert exact.says("top_p") == "0.90"


def test_a_preset_is_renamed_deleted_and_taken_back(exact: User) -> None:
    does(exact, "Rename…").replaces("All", into="Name of the preset")
    exact.reads("There is already a preset named “All”.")
    assert not exact.can("Rename")
    exact.replaces("Precise", into="Name of the preset").clicks("Rename")
    exact.waits(lambda: exact.says("Preset") == "Precise", "the new name")
    does(exact, "Delete").waits(lambda: own_names(exact) == [], "the preset gone")
    assert exact.says("Preset") == "No preset"
    assert exact.says("temperature") == "0.10"
    exact.reads("The preset “Precise” was deleted.").clicks("Undo")
    exact.waits(lambda: exact.says("Preset") == "Precise", "the preset back and chosen")
    assert not is_changed(exact)
    assert not exact.has("Undo")


def test_a_preset_may_keep_endpoint_and_model(exact: User) -> None:
    exact.saves_preset("There", keeps_place=True)
    exact.waits(lambda: exact.says("Preset") == "There", "the preset chosen")
    exact.chooses("Endpoint", "Built-in")
    assert is_changed(exact)
    exact.chooses("Preset", "Exact")
    assert exact.says("Endpoint") == "Built-in"
    exact.chooses("Preset", "There")
    assert (exact.says("Endpoint"), exact.says("Model")) == ("Scripted", "scripted-model")
    assert not is_changed(exact)


def test_a_preset_whose_endpoint_was_removed_leaves_the_chosen_one(exact: User) -> None:
    exact.saves_preset("There", keeps_place=True)
    exact.waits(lambda: exact.says("Preset") == "There", "the preset chosen")
    exact.chooses("Endpoint", "Built-in").chooses("Preset", "No preset")
    exact._sees_through(exact.workbench.delete_endpoint("scripted"))
    exact.chooses("Preset", "There").reads("The endpoint of “There” was removed; the one chosen stays.")
    assert (exact.says("Endpoint"), exact.says("temperature")) == ("Built-in", "0.10")


def test_a_conversation_keeps_its_preset_and_new_ones_begin_with_the_chosen_one(
    exact: User, provider: Provider
) -> None:
    provider.answers("fine")
    does(exact, "Use for new conversations")
    exact.chooses("Preset", "Basic").asks("first?").sees_end().clicks("New conversation")
    exact.waits(lambda: exact.says("Preset") == "Exact", "the preset for new conversations")
    assert (exact.says("temperature"), exact.says("System prompt")) == ("0.10", "Be exact.")
    exact.starts_again().waits(lambda: exact.has("Preset"), "the panel")
    assert exact.says("Preset") == "Exact"
    exact.opens_conversation("first?").waits(lambda: exact.says("Preset") == "Basic", "its own preset")
    exact.clicks("New conversation").asks("second?").sees_end()
    assert exact.bodies()[-1]["temperature"] == 0.1
    does(exact, "Use for new conversations").clicks("New conversation")
    exact.waits(lambda: exact.says("Preset") == "No preset", "no preset for new conversations")


def test_restored_settings_are_named_after_the_preset_that_they_are(exact: User, provider: Provider) -> None:
    provider.answers("fine")
    exact.asks("hello?").sees_end()
    exact.chooses("Endpoint", "Built-in").chooses("Preset", "All")
    exact.clicks("More").picks("Restore these settings")
    assert exact.says("Preset") == "Exact"
    assert (exact.says("temperature"), exact.says("System prompt")) == ("0.10", "Be exact.")
    assert (exact.says("Endpoint"), exact.says("Model")) == ("Scripted", "scripted-model")
    assert not exact.can("top_p")
    does(exact, "Delete").waits(lambda: own_names(exact) == [], "the preset gone")
    exact.chooses("Preset", "Minimal").clicks("More").picks("Restore these settings")
    assert exact.says("Preset") == "No preset"
    assert exact.says("temperature") == "0.10"


def test_a_preset_is_compared_with_what_is_set_now_and_with_others(exact: User) -> None:
    exact.replaces("0.2", into="temperature").replaces("Be exact.", into="System prompt")
    exact.presses(Qt.Key.Key_Return, into="System prompt").types("Be brief.", into="System prompt")
    does(exact, "Compare with…").reads("1 difference, and another system prompt.")
    assert (exact.says("This preset"), exact.says("Other preset")) == ("Exact", "What is set now")
    lines = exact.finds("Differences of the system prompts", QPlainTextEdit).toPlainText()
    assert lines == "  Be exact.\n+ Be brief."
    exact.chooses("Other preset", "Exact").reads("They are the same.")
    exact.chooses("Other preset", "Basic").reads("2 differences, and another system prompt.")
    assert exact.is_told("max_tokens")
    exact.clicks("Close")


def test_presets_go_to_another_profile_as_a_file(exact: User, tmp_path: Path) -> None:
    exact.saves_preset("There", keeps_place=True)
    exact.waits(lambda: own_names(exact) == ["Exact", "There"], "two presets")
    does(exact, "Export all…")
    chooses_file(exact, tmp_path / "mine.json").reads("Exported to ")
    file = json.loads((tmp_path / "mine.json").read_text("utf-8"))
    assert (file["drover"], file["version"]) == ("presets", 1)
    assert [entry["name"] for entry in file["presets"]] == ["Exact", "There"]
    assert file["presets"][1]["model"] == "scripted-model"

    file["presets"][0]["parameters"]["mirostat"] = 2
    (tmp_path / "mine.json").write_text(json.dumps(file))
    does(exact, "Import…")
    chooses_file(exact, tmp_path / "mine.json").reads("Imported: “Exact (2)”, “There (2)”.")
    exact.reads("“Exact (2)”: mirostat went into the extra JSON.")
    assert own_names(exact) == ["Exact", "Exact (2)", "There", "There (2)"]

    (tmp_path / "wrong.json").write_text('{"drover": "presets", ')
    does(exact, "Import…")
    chooses_file(exact, tmp_path / "wrong.json").reads("This is not JSON: a key in double quotes is expected")
    assert len(own_names(exact)) == 4
    exact.chooses("Preset", "Minimal")
    does(exact, "Export this…")
    chooses_file(exact, tmp_path / "minimal.json").reads("minimal.json")
    assert json.loads((tmp_path / "minimal.json").read_text())["presets"] == [
        {"name": "Minimal", "parameters": {}}
    ]


def test_restoring_brings_back_each_that_was_set_and_unsets_each_that_was_not(
    user: User, provider: Provider, scripted: Endpoint
) -> None:
    provider.answers("fine")
    user.opens(scripted)
    panel = user.window.parameters
    user._does(panel.parameters_edited.emit, all_set())
    user.asks("with all?").sees_end()
    user.clicks("Reset parameters").asks("with none?").sees_end()
    first, second = user.runs()
    assert (first.parameters, second.parameters) == (all_set(), UNSET)
    boxes = {name: box_of(panel, name) for name in SPECS}
    user.clicks("More", nth=1).picks("Restore these settings")
    assert {name for name, box in boxes.items() if not box.isChecked()} == set()
    user.clicks("More").picks("Restore these settings")
    assert {name for name, box in boxes.items() if box.isChecked()} == set()
    user.clicks("More", nth=1).picks("Restore these settings").asks("with all again?").sees_end()
    assert user.runs()[-1].parameters == all_set()
