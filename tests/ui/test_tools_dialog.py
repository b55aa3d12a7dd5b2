"""The list of tools: what is offered, what rests, and files of them."""

from __future__ import annotations

import json
from pathlib import Path

from PySide6.QtWidgets import QAbstractButton, QLabel
from pytestqt.qtbot import QtBot

from drover.domain.tools import ToolDefinition
from drover.ui.tool_editor import ToolEditor
from drover.ui.tools_dialog import ToolsDialog

WEATHER = ToolDefinition(
    name="get_weather", description="The weather", command=("weather", "--city", "New York")
)
QUERY = ToolDefinition(name="run_query", command=("sql",), timeout_s=12.5, output_limit_bytes=1000)


def opened(qtbot: QtBot, *tools: ToolDefinition) -> tuple[ToolsDialog, list[tuple[ToolDefinition, ...]]]:
    """The dialog, and what it told last: the tools that are offered and those that rest."""
    told: list[tuple[ToolDefinition, ...]] = [(), ()]
    dialog = ToolsDialog(tools, ())
    qtbot.addWidget(dialog)
    dialog.tools_edited.connect(lambda offered, resting: told.__setitem__(slice(None), [offered, resting]))
    dialog.show()
    return dialog, told


def click(dialog: ToolsDialog, name: str) -> None:
    """The button with this accessible name."""
    found = [each for each in dialog.findChildren(QAbstractButton) if each.accessibleName() == name]
    found[-1].click()


def words(dialog: ToolsDialog) -> str:
    """All that is said in it."""
    return "\n".join(label.text() for label in dialog.findChildren(QLabel) if label.isVisible())


def test_an_unticked_tool_rests_and_is_kept(qtbot: QtBot) -> None:
    dialog, told = opened(qtbot, WEATHER, QUERY)
    click(dialog, "Offer get_weather")
    assert told == [(QUERY,), (WEATHER,)]


def test_a_copy_has_a_name_of_its_own(qtbot: QtBot) -> None:
    dialog, told = opened(qtbot, WEATHER)
    click(dialog, "Duplicate get_weather")
    assert [tool.name for tool in told[0]] == ["get_weather", "get_weather_2"]
    assert told[0][1].command == WEATHER.command


def test_a_removed_tool_is_gone(qtbot: QtBot) -> None:
    dialog, told = opened(qtbot, WEATHER, QUERY)
    click(dialog, "Remove get_weather")
    assert told == [(QUERY,), ()]


def test_a_tool_that_was_removed_by_mistake_comes_back_to_its_place(qtbot: QtBot) -> None:
    dialog, told = opened(qtbot, WEATHER, QUERY)
    click(dialog, "Remove get_weather")
    assert "get_weather was removed." in words(dialog)
    click(dialog, "Undo")
    assert told == [(WEATHER, QUERY), ()]
    assert "removed" not in words(dialog)


def test_tools_survive_a_file(qtbot: QtBot, tmp_path: Path) -> None:
    path = tmp_path / "tools.json"
    dialog, _ = opened(qtbot, WEATHER, QUERY)
    dialog._write(str(path))
    assert "Exported to" in words(dialog)
    assert [entry["type"] for entry in json.loads(path.read_text())] == ["function", "function"]
    other, told = opened(qtbot, QUERY)
    other._read(str(path))
    assert [tool.name for tool in told[0]] == ["run_query", "get_weather", "run_query_2"]
    assert told[0][1].command == WEATHER.command
    assert (told[0][2].timeout_s, told[0][2].output_limit_bytes) == (12.5, 1000)


def test_a_file_without_tools_is_refused_in_words(qtbot: QtBot, tmp_path: Path) -> None:
    path = tmp_path / "notes.json"
    path.write_text('{"hello": 1}')
    dialog, told = opened(qtbot, WEATHER)
    dialog._read(str(path))
    assert told == [(), ()]
    assert "type" in words(dialog) or "tool" in words(dialog)
    assert "get_weather" in words(dialog)


def test_limits_that_were_not_touched_stay_as_they_were(qtbot: QtBot) -> None:
    editor = ToolEditor(QUERY)
    qtbot.addWidget(editor)
    editor.show()
    saved: list[ToolDefinition] = []
    editor.tool_submitted.connect(saved.append)
    editor._description.set_text("Runs SQL")
    editor._submit()
    assert saved[0].description == "Runs SQL"
    assert (saved[0].timeout_s, saved[0].output_limit_bytes) == (12.5, 1000)
