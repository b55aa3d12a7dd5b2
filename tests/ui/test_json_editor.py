"""The editor of JSON values: what it says while a person types, and what it hands back."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel, QLineEdit, QPlainTextEdit, QPushButton, QWidget
from pytestqt.qtbot import QtBot

from drover.domain.parameters import SPECS, Json, ParameterKind, ParameterSpec
from drover.ui.json_editor import JsonEditor, SchemaEditor
from drover.ui.json_rows import FIRST_SCHEMA


class Desk:
    """An open editor, and what it has told."""

    def __init__(self, editor: JsonEditor) -> None:
        self.editor = editor
        self.told: list[Json] = []
        editor.value_submitted.connect(self.told.append)

    @property
    def text(self) -> QPlainTextEdit:
        found = self.editor.findChild(QPlainTextEdit)
        assert isinstance(found, QPlainTextEdit)
        return found

    def button(self, name: str) -> QPushButton:
        found = [
            button for button in self.editor.findChildren(QPushButton) if button.accessibleName() == name
        ]
        assert len(found) == 1
        return found[0]

    def writes(self, text: str) -> None:
        self.text.setPlainText(text)

    def says(self) -> str:
        shown = [label.text() for label in self.editor.findChildren(QLabel) if label.isVisible()]
        return " ".join(shown)


@pytest.fixture
def window(qtbot: QtBot) -> QWidget:
    window = QWidget()
    qtbot.addWidget(window)
    window.resize(800, 600)
    window.show()
    return window


@pytest.fixture
def keys(qtbot: QtBot, window: QWidget) -> Desk:
    return _opened(qtbot, JsonEditor(SPECS["extra"], Json('{"user":"me"}'), parent=window))


@pytest.fixture
def schema(qtbot: QtBot, window: QWidget) -> Desk:
    return _opened(qtbot, SchemaEditor(FIRST_SCHEMA, parent=window))


def _opened(qtbot: QtBot, editor: JsonEditor) -> Desk:
    editor.open()
    qtbot.waitExposed(editor)
    return Desk(editor)


def test_what_is_written_comes_back_compact_and_in_its_order(keys: Desk) -> None:
    keys.writes('{"b": [1, 2.50],\n "a": "ü\\u2028"}')
    keys.button("Save").click()

    assert keys.told == [Json('{"b":[1,2.5],"a":"ü\u2028"}')]


def test_a_slip_is_named_with_its_line_and_column(keys: Desk) -> None:
    keys.writes('{\n  "a": 1,,\n}')

    assert "This is not JSON: a key in double quotes is expected in line 2, column 10." in keys.says()
    assert not keys.button("Save").isEnabled()
    assert keys.text.extraSelections()[0].cursor.selectedText() == ","


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"temperature": 1}', "temperature is a parameter of its own"),
        ('{"messages": []}', "messages is written by Drover itself"),
        ("[1]", "must be an object"),
        ('{"a": NaN}', "NaN is not a JSON value"),
        ('{"a": {"b": 1, "c": 2, "b": 3}}', 'The key "b" stands twice.'),
    ],
)
def test_what_cannot_join_the_body_is_refused_in_words(keys: Desk, text: str, words: str) -> None:
    keys.writes(text)

    assert words in keys.says()
    assert not keys.button("Save").isEnabled()


def test_no_text_stands_for_no_keys(keys: Desk) -> None:
    keys.writes("  ")
    keys.button("Save").click()

    assert keys.told == [Json("{}")]


def test_return_keeps_the_indentation_and_formatting_can_be_undone(keys: Desk) -> None:
    keys.writes("")
    QTest.keyClicks(keys.text, '{"a":{')
    QTest.keyClick(keys.text, Qt.Key.Key_Return)
    QTest.keyClicks(keys.text, '"b":1}}')
    written = keys.text.toPlainText()
    assert written == '{"a":{\n  "b":1}}'
    keys.button("Format").click()
    assert keys.text.toPlainText() == '{\n  "a": {\n    "b": 1\n  }\n}'
    keys.text.undo()
    assert keys.text.toPlainText() == written


def test_cancel_closes_at_once_where_nothing_was_changed(keys: Desk) -> None:
    keys.button("Cancel").click()

    assert keys.told == []
    assert not keys.editor.isVisible()


def test_what_was_changed_is_discarded_only_after_a_second_word(keys: Desk) -> None:
    keys.writes('{"user":"you"}')
    QTest.keyClick(keys.editor, Qt.Key.Key_Escape)
    assert keys.editor.isVisible()
    assert "Discard what you changed?" in keys.says()

    keys.button("Keep editing").click()
    assert keys.button("Save").isVisible()
    keys.button("Cancel").click()
    keys.button("Discard").click()
    assert not keys.editor.isVisible()
    assert keys.told == []


def test_a_schema_is_kept_with_its_name_and_whether_it_is_strict(schema: Desk) -> None:
    name = next(
        f for f in schema.editor.findChildren(QLineEdit) if f.accessibleName() == "Name of the schema"
    )
    name.setText("weather report")
    assert "The name takes letters" in schema.says()
    name.setText("weather_report")
    schema.writes('{"type": "object", "properties": {"city": {"type": "string"}}}')
    schema.button("Save").click()

    assert schema.told[0].value == {
        "type": "json_schema",
        "json_schema": {
            "name": "weather_report",
            "strict": True,
            "schema": {"type": "object", "properties": {"city": {"type": "string"}}},
        },
    }


def test_a_slip_in_a_schema_is_named_with_its_place(schema: Desk) -> None:
    schema.writes('{"type": "object", "properties": {"age": {"type": "int"}}}')

    assert 'properties.age.type: "int" is no type' in schema.says()
    assert not schema.button("Save").isEnabled()


def test_a_value_against_the_models_own_schema_is_doubted_but_may_be_saved(
    qtbot: QtBot, window: QWidget
) -> None:
    schema = Json('{"type":"array","items":{"type":"object","required":["url"]}}')
    spec = ParameterSpec(
        name="styles", kind=ParameterKind.JSON, initial=Json("[]"), help="", schema=schema, is_nullable=True
    )
    desk = _opened(qtbot, JsonEditor(spec, Json("[]"), parent=window))
    assert "This is JSON." in desk.says()

    desk.writes("[{}]")
    assert "The model’s schema asks for something else: [0]: url is missing." in desk.says()
    desk.writes("null")
    assert "This is JSON." in desk.says()
    desk.writes("[{}]")
    desk.button("Save").click()
    assert desk.told == [Json("[{}]")]
