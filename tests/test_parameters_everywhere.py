"""Every parameter of the catalogue, in every place that has to know it: a new one fails here until all do.

For each: its editor, where its value came from, `--set`, the exact body, storage, files, and copies as
programs; set, and not set. That it is restored from a reply, `journeys/test_presets.py` shows.
"""

from __future__ import annotations

import asyncio
import json
import re
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtWidgets import QAbstractButton, QAbstractSpinBox, QComboBox, QLabel, QLineEdit, QWidget
from pytestqt.qtbot import QtBot
from tests.provider import Provider

from drover.cli import run as run_command
from drover.domain.conversation import Draft
from drover.domain.endpoint import Endpoint
from drover.domain.parameters import (
    SPECS,
    UNSET,
    Json,
    ParameterKind,
    ParameterSpec,
    ParameterValue,
    Preset,
    SamplingParameters,
    changes,
    plain,
)
from drover.domain.presets import compared
from drover.domain.provenance import body_fields, neither_asked_nor_sent, provenance
from drover.domain.run import Exchange, Run
from drover.domain.tool_definitions import tools_text
from drover.domain.tools import ToolDefinition
from drover.engine.workbench import Workbench
from drover.export.archive import archive, read_archive
from drover.export.har import har
from drover.paths import Profile
from drover.ui.controls import CheckBox
from drover.ui.parameter_panel import ParameterPanel
from drover.ui.parameter_table import ParameterTable

EXTRA = {"mirostat": 2, "penalize_nl": False}
OFFERED = ToolDefinition(name="now")
"""Without tools nothing is sent that is about them."""
every_parameter = pytest.mark.parametrize("name", SPECS)


def value_of(spec: ParameterSpec) -> ParameterValue:
    """A value that is not the one with which the editor begins."""
    match spec.kind:
        case ParameterKind.NUMBER:
            return round((spec.minimum or 0.0) + 31 * spec.step, 6)
        case ParameterKind.INTEGER:
            return int(spec.minimum or 0) + 3
        case ParameterKind.CHOICE:
            return next(choice for choice in spec.choices if choice != spec.initial)
        case ParameterKind.STRINGS:
            return ("END", "two\nlines")
        case ParameterKind.BOOLEAN:
            return not spec.initial
        case ParameterKind.TEXT:
            return "some words"
        case ParameterKind.JSON:
            return Json('{"type":"text"}')
        case ParameterKind.KEYS:
            return Json.of(EXTRA)


def set_alone(name: str) -> SamplingParameters:
    return UNSET.replaced(name, value_of(SPECS[name]))


def typed(value: ParameterValue) -> str:
    """The value as a person types it behind `--set name=`."""
    match value:
        case bool():
            return "true" if value else "false"
        case tuple():
            return "|".join(text.replace("\n", "\\n") for text in value)
        case Json():
            return value.text
        case _:
            return str(value)


def keys_of(name: str) -> dict[str, Any]:
    """What stands in the body when the parameter is set."""
    return EXTRA if name == "extra" else {name: plain(value_of(SPECS[name]))}


def all_set() -> SamplingParameters:
    """Every parameter set to a value that is not the one with which its editor begins."""
    parameters = UNSET
    for name, spec in SPECS.items():
        parameters = parameters.replaced(name, value_of(spec))
    return parameters


# The panel


def texts_in(row: QWidget) -> list[str]:
    """What can be read in a row."""
    found: list[str] = []
    for widget in row.findChildren(QWidget):
        if widget.isHidden():
            continue
        match widget:
            case QComboBox():
                found.append(widget.currentText())
            case QLabel() | QLineEdit() | QAbstractSpinBox() | QAbstractButton():
                found.append(widget.text())
            case _:
                pass
    return found


@pytest.fixture
def panel(qtbot: QtBot) -> ParameterPanel:
    panel = ParameterPanel()
    qtbot.addWidget(panel)
    panel.resize(351, 852)
    panel.show()
    qtbot.waitUntil(lambda: len(panel.findChildren(CheckBox)) == len(SPECS))  # the folded rows come later
    return panel


def box_of(panel: ParameterPanel, name: str) -> CheckBox:
    (box,) = [box for box in panel.findChildren(CheckBox) if box.accessibleName() == f"Send {name}"]
    return box


@every_parameter
def test_its_editor_shows_the_value_and_takes_it_away(panel: ParameterPanel, name: str) -> None:
    edits: list[SamplingParameters] = []
    panel.parameters_edited.connect(edits.append)
    box = box_of(panel, name)
    row = box.parentWidget()
    assert row is not None
    assert not box.isChecked()
    unset = texts_in(row)
    panel.display(UNSET.replaced(name, SPECS[name].initial), "", (), None)
    initial = texts_in(row)
    panel.display(set_alone(name), "", (), None)
    assert box.isChecked()
    assert len({tuple(unset), tuple(initial), tuple(texts_in(row))}) == 3, texts_in(row)
    box.click()
    box.click()
    assert edits == [UNSET, set_alone(name)]


@every_parameter
def test_the_panel_tells_a_value_of_the_preset_from_one_set_here(panel: ParameterPanel, name: str) -> None:
    preset = Preset(id="p", name="P", parameters=set_alone(name))
    panel.display(preset.parameters, "", [preset], "p")
    assert {each: box_of(panel, each).is_from_preset for each in SPECS} == {
        each: each == name for each in SPECS
    }
    box_of(panel, name).click()
    assert not box_of(panel, name).is_from_preset
    panel.display(UNSET.replaced(name, SPECS[name].initial), "", [preset], "p")
    assert box_of(panel, name).isChecked()
    assert not box_of(panel, name).is_from_preset


# From the command to the server, and what is kept of it


@every_parameter
def test_the_command_sends_stores_and_reports_it(
    name: str, provider: Provider, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    provider.answers("fine")
    at = ["--profile", str(tmp_path), "--endpoint", provider.base_url, "--model", "m"]
    switch = f"{name}={typed(value_of(SPECS[name]))}"
    tools = tmp_path / "tools.json"
    tools.write_text(tools_text([OFFERED]))
    assert run_command(["chat", *at, "--json", "--tool", str(tools), "--set", switch, "hello?"]) == 0
    record = json.loads(capsys.readouterr().out)
    body = provider.requests[-1].json
    others = {key for each in SPECS for key in keys_of(each)} - set(keys_of(name))
    added = {adjustment["name"] for adjustment in record["adjustments"] if adjustment["action"] == "added"}
    assert {key: body[key] for key in keys_of(name)} == keys_of(name)
    assert not set(body) & (others - added)
    assert record["request_body"] == body
    assert record["asked"] == set_alone(name).as_dict()


def test_what_is_not_set_is_nowhere_in_the_body(provider: Provider, tmp_path: Path) -> None:
    provider.answers("fine")
    run, _ = asyncio.run(stored(tmp_path, provider, UNSET))
    assert set(body_fields(run.request_body)) - {"model", "messages", "stream", "stream_options"} == set()
    assert run.parameters == UNSET


async def stored(directory: Path, provider: Provider, parameters: SamplingParameters) -> tuple[Run, Exchange]:
    """A run with these parameters, kept as everything that keeps them, and read from there."""
    workbench = Workbench.open(Profile.at(directory), lambda _: None)
    try:
        await workbench.save_endpoint(
            Endpoint(id="own", name="Own", base_url=provider.base_url, needs_key=False, default_model_id="m")
        )
        tools = (OFFERED,) if parameters.tool_choice or parameters.parallel_tool_calls is not None else ()
        draft = Draft(text="hello?", endpoint_id="own", parameters=parameters, tools=tools)
        preset = Preset(id="p", name="P", parameters=parameters)
        await workbench.save_draft(None, draft)
        await workbench.presets.save(preset)
        run = await workbench.send(None, draft)
        await workbench.wait(run.id)
        (imported,) = (await workbench.presets.add(workbench.presets.as_file([preset]))).presets
        with closing(workbench.open_reader()) as library:
            kept_draft = library.draft("")
            assert kept_draft is not None
            assert kept_draft.parameters == parameters
            assert {kept.parameters for kept in library.presets()} == {parameters}
            assert imported.parameters == parameters
            record = library.record(run.conversation_id)
            assert record is not None
            (copied,) = read_archive(archive([record]))[0].runs
            assert copied.parameters == parameters
            settled, exchange = library.run(run.id), library.exchange(run.id)
        assert settled is not None
        assert exchange is not None
        assert copied.request_body == settled.request_body
        for form in ("curl", "httpx", "openai", "http"):
            text = await workbench.snippet(run.id, form)
            for key in {key for name in SPECS for key in keys_of(name)}:
                is_named = re.search(rf"\b{key}\b", text) is not None
                assert is_named == (key in body_fields(settled.request_body)), (form, key)
        assert workbench.read_request(await workbench.snippet(run.id, "curl")).parameters == sent(settled)
        return settled, exchange
    finally:
        await workbench.close()


def sent(run: Run) -> SamplingParameters:
    """The parameters in the body."""
    fields = body_fields(run.request_body)
    values = {name: fields[name] for name in SPECS if name in fields}
    extra = {name: fields[name] for name in EXTRA if name in fields}
    return SamplingParameters.from_dict(values | ({"extra": extra} if extra else {}))


@every_parameter
def test_it_is_kept_in_drafts_presets_runs_and_files_and_can_be_copied(
    name: str, provider: Provider, tmp_path: Path, qtbot: QtBot
) -> None:
    provider.answers("fine")
    run, exchange = asyncio.run(stored(tmp_path, provider, set_alone(name)))
    assert run.parameters == set_alone(name)
    fields = body_fields(run.request_body)
    assert {key: fields[key] for key in keys_of(name)} == keys_of(name)
    (entry,) = json.loads(har(run, exchange))["log"]["entries"]
    assert json.loads(entry["request"]["postData"]["text"]) == fields

    rows = {row.name: row for row in provenance(run, fields)}
    for key, value in keys_of(name).items():
        assert (rows[key].is_sent, rows[key].sent) == (True, value)
        assert rows[key].asked is not None
        assert key not in neither_asked_nor_sent(tuple(rows.values()))
    table = ParameterTable()
    qtbot.addWidget(table)
    table.display(tuple(rows.values()), is_sent=True)
    shown = [label.text() for label in table.findChildren(QLabel)]
    assert set(keys_of(name)) <= set(shown)


@every_parameter
def test_it_shows_in_differences(name: str) -> None:
    keys = list(keys_of(name))
    assert [change.name for change in changes(UNSET, set_alone(name))] == keys
    assert [(row.name, row.differs) for row in compared(UNSET, set_alone(name))] == [(k, True) for k in keys]
