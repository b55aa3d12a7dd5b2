"""From a model object to the panel's rows and to the request: order, editors and bodies."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import tests
from PySide6.QtWidgets import QCheckBox, QWidget
from pytestqt.qtbot import QtBot

from drover.domain.conversation import Message, Role, TextPart
from drover.domain.endpoint import Endpoint
from drover.domain.parameters import SPECS, UNSET, SamplingParameters
from drover.domain.request_schema import specs_of_schema
from drover.domain.run import RunRequest
from drover.ui.model_note import facts_of
from drover.ui.parameter_panel import ParameterPanel
from drover.wire.chat import encode
from drover.wire.models import decode_models

CORPUS = sorted((Path(tests.__path__[0]) / "corpora/models").glob("*.json"))
SERVER = Endpoint(id="lab", name="Lab", base_url="http://127.0.0.1:1/v1", provider="openai")
QUESTION = Message(
    id="m", conversation_id="c", parent_id=None, role=Role.USER, created_at=datetime(2026, 1, 1, tzinfo=UTC),
    parts=(TextPart(text="Well?"),),
)  # fmt: skip


class Desk:
    """A panel that sends nothing yet."""

    def __init__(self, panel: ParameterPanel, path: Path) -> None:
        self.case: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        self.parameters = UNSET
        self.panel = panel
        panel.resize(420, 1600)
        panel.parameters_edited.connect(self._keep)
        [self.card] = decode_models(json.dumps({"data": [self.case["model"]]}).encode(), source="From Lab")
        panel.display_specs(specs_of_schema(self.card.request_schema))

    def _keep(self, parameters: SamplingParameters) -> None:
        self.parameters = parameters

    def boxes(self) -> list[QCheckBox]:
        """Those in sight, from top to bottom."""
        found = [box for box in self.panel.findChildren(QCheckBox) if box.isVisible()]
        return sorted(found, key=lambda box: box.mapTo(self.panel, box.rect().topLeft()).y())

    def rows(self) -> list[tuple[str, str]]:
        return [(_name(box), type(_row(box)).__name__) for box in self.boxes()]

    def unfold(self) -> None:
        for button in self.panel.findChildren(QWidget):
            if button.property("text") == "More parameters" and button.isVisible():
                button.click()  # type: ignore[attr-defined]

    def sent(self) -> dict[str, Any]:
        """What the body holds besides what it always does."""
        request = RunRequest(
            endpoint=SERVER, model_id=self.card.id, branch=(QUESTION,), parameters=self.parameters
        )
        body: dict[str, Any] = json.loads(encode(request).body)
        always = ("model", "messages", "stream", "stream_options")
        return {name: value for name, value in body.items() if name not in always}


def _name(box: QCheckBox) -> str:
    return box.accessibleName().removeprefix("Send ")


def _row(box: QCheckBox) -> QWidget:
    row = box.parentWidget()
    assert row is not None
    return row


@pytest.fixture(params=CORPUS, ids=lambda path: path.stem)
def desk(request: pytest.FixtureRequest, qtbot: QtBot) -> Desk:
    panel = ParameterPanel()
    qtbot.addWidget(panel)
    panel.show()
    return Desk(panel, request.param)


def test_each_model_object_has_its_rows_its_editors_and_its_body(desk: Desk, qtbot: QtBot) -> None:
    expected = desk.case["rows"]
    if expected:
        assert [name for name, _ in desk.rows()] == [name for name, *_ in expected[: desk.case["in_sight"]]]
    desk.unfold()
    qtbot.waitUntil(lambda: "extra" in [_name(box) for box in desk.boxes()])
    if not expected:
        assert [name for name, _ in desk.rows()] == list(SPECS)
        assert desk.sent() == {}
        return
    assert desk.rows() == [*((name, editor) for name, editor, _ in expected), ("extra", "KeysRow")]
    for box in desk.boxes()[:-1]:
        box.click()
    values = {name: value for name, _, value in expected if name != "stop"}  # an empty list is not sent
    assert desk.sent() == values
    for box in desk.boxes()[:-1]:
        box.click()
    assert desk.sent() == {}
    assert desk.parameters == UNSET


def test_the_corpus_holds_every_construct() -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in CORPUS)

    assert len(CORPUS) >= 12
    for construct in (
        '"request_schema"', '"json_request_schema"', '"required"', '"basic"', '"x-order"', '"x-hidden": true',
        '"x-next-to"', '"x-workbench-default"', '"x-media-references"', '"nullable": true', '"default": ""',
        '"default": []', '"type": ["integer", "string"]', '"format": "uri"', '"renderType"', '"maxItems"',
        '"maxLength"', '"minimum"', '"maximum"', '"enum"', '"dfColumn"', '"multiDFColumn"', '"$ref"',
        '"oneOf"', '"anyOf"', '"allOf"', '"const"', '"pattern"', '"exclusiveMinimum"', '"multipleOf"',
        '"examples"', '"additionalProperties"', '"if"', '"thinking_level"', '"enable_thinking"',
    ):  # fmt: skip
        assert construct in text, construct


def test_the_note_of_a_model_tells_under_which_key_each_fact_was_stated() -> None:
    entry = {"id": "m", "top_provider": {"context_length": 4096}, "pricing": {"prompt": "0.000001"}}
    [card] = decode_models(json.dumps([entry]).encode(), source="From Lab")

    assert facts_of(card) == [
        ("Id", "m", ""), ("Context", "4\u202f096 tokens", "top_provider.context_length"),
        ("Longest reply", "", ""), ("Takes", "", ""),
        ("Price in", "$1.00 per million tokens", "pricing.prompt"),
        ("Price out", "", ""), ("Parameters", "not listed by the server", ""),
    ]  # fmt: skip
