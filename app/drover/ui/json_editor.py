"""A dialog in which a person writes JSON: checked at each key, and said in words where it goes wrong."""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from typing import Any

from PySide6.QtCore import QCoreApplication, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QTextCharFormat, QTextCursor
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLineEdit,
    QPlainTextEdit,
    QSizePolicy,
    QTextEdit,
    QVBoxLayout,
    QWidget,
)

from drover.domain.json_schema import problems_of_schema, problems_of_value
from drover.domain.parameters import Json, ParameterKind, ParameterSpec, checked, parsed_json
from drover.errors import ConfigurationError
from drover.ui.controls import Button, CheckBox, Label, PrimaryButton, QuietButton
from drover.ui.framed_dialog import FramedDialog, Verdict, words_label
from drover.ui.theme import theme

_WIDTH_PX = 560
_INDENT = 2


class JsonEditor(FramedDialog):
    """Edits one JSON value of a parameter.

    Signals:
        value_submitted: the Json that the person wants, valid for the parameter; the dialog closes itself.
    """

    value_submitted = Signal(object)

    def __init__(
        self, spec: ParameterSpec, value: Json, *, taken: Collection[str] = (), parent: QWidget | None = None
    ) -> None:
        """`taken` are keys that an object must not have, because they have rows of their own."""
        super().__init__(_t("Edit {name}").format(name=spec.title or spec.name), parent, width_px=_WIDTH_PX)
        self._spec = spec
        self._taken = taken
        self._value: Json | None = value
        self._build(spec.help)
        self._text.setPlainText(pretty(value))
        self._begin()

    def reject(self) -> None:
        """Closes; if something was changed, only after a second word."""
        if self._has_changes() and not self._is_asking:
            self._ask_to_discard(True)
            return
        super().reject()

    def sizeHint(self) -> QSize:
        """Room for a schema of some fifteen lines."""
        height = min(theme().px(480), self.screen().availableGeometry().height() - 64)
        return QSize(self.minimumWidth(), height)

    def _build(self, explanation: str) -> None:
        self._is_asking = False
        title = Label(self.windowTitle(), role="title", weight=600)
        words = words_label(token="text-2")
        words.setText(explanation)
        self._text = JsonText(_t("JSON"))
        self._text.textChanged.connect(self._check)
        self._verdict = Verdict()
        self._verdict_place = _Standing(self._verdict)
        self._format = _button(QuietButton, _t("Format"))
        self._format.setToolTip(_t("Indent and space the JSON evenly"))
        self._format.clicked.connect(self._format_text)
        self._question = Label(_t("Discard what you changed?"))
        self._discard = _button(Button, _t("Discard"))
        self._discard.clicked.connect(self.reject)
        self._keep = _button(PrimaryButton, _t("Keep editing"))
        self._keep.clicked.connect(self._keep_editing)
        self._cancel = _button(Button, _t("Cancel"))
        self._cancel.clicked.connect(self.reject)
        self._save = _button(PrimaryButton, _t("Save"))
        self._save.clicked.connect(self._submit)
        self.body.addWidget(title)
        self.body.addWidget(words)
        self._add_fields()
        self.body.addWidget(self._text, 1)
        self.body.addWidget(self._verdict_place)
        self._add_last_fields()
        self.foot.addWidget(self._format)
        self.foot.addStretch(1)
        for part in (self._question, self._discard, self._keep, self._cancel, self._save):
            self.foot.addWidget(part)

    def _add_fields(self) -> None:
        """Adds what stands above the text."""

    def _add_last_fields(self) -> None:
        """Adds what stands below the text and what is said of it."""

    def _begin(self) -> None:
        self._before = self._state()
        self._ask_to_discard(False)
        self._check()
        self.resize(self.sizeHint())
        self._text.setFocus()

    def _state(self) -> tuple[str, ...]:
        return (self._text.toPlainText(),)

    def _has_changes(self) -> bool:
        return self._state() != self._before

    def _ask_to_discard(self, is_asking: bool) -> None:
        self._is_asking = is_asking
        for part in (self._question, self._discard, self._keep):
            part.setVisible(is_asking)
        for part in (self._cancel, self._save, self._format):
            part.setVisible(not is_asking)
        self._text.setEnabled(not is_asking)
        if is_asking:
            self._keep.setFocus(Qt.FocusReason.OtherFocusReason)

    def _keep_editing(self) -> None:
        self._ask_to_discard(False)
        self._text.setFocus()

    def _check(self) -> None:
        text = self._text.toPlainText()
        self._value, words = None, ""
        try:
            self._value = self._read(text)
        except ConfigurationError as error:
            words = " ".join(filter(None, (error.message, error.hint)))
        self._text.mark(_place_in(words, text))
        words = words or self._doubt()
        if words:
            self._verdict.display(words, is_warning=True)
        else:
            self._verdict.display(self._praise(), is_good=True)
        self._save.setEnabled(self._value is not None)
        self._format.setEnabled(_is_json(text))

    def _read(self, text: str) -> Json:
        """The value for the parameter. Raises ConfigurationError in words."""
        if not text.strip() and self._spec.kind is ParameterKind.KEYS:
            text = "{}"
        value = checked(self._spec, parsed_json(text))
        assert isinstance(value, Json)
        if self._spec.kind is ParameterKind.KEYS:
            for name in value.value:
                if name in self._taken:
                    raise ConfigurationError(
                        f"{name} is a parameter of its own.", hint="Set it in its own row."
                    )
        return value

    def _doubt(self) -> str:
        """Where the value breaks what the server says of it, which does not keep it from being sent."""
        schema, value = self._spec.schema, self._value
        if schema is None or value is None or (value == Json("null") and self._spec.is_nullable):
            return ""
        problems = problems_of_value(schema.value, value.value)
        return _t("The model’s schema asks for something else: {0}").format(problems[0]) if problems else ""

    def _praise(self) -> str:
        return _t("This is JSON.")

    def _format_text(self) -> None:
        self._text.replace(pretty(parsed_json(self._text.toPlainText())))

    def _submit(self) -> None:
        if self._value is not None:
            self.value_submitted.emit(self._value)
            self.accept()


class SchemaEditor(JsonEditor):
    """Edits a `response_format` of type json_schema: its name, whether it is strict, and the schema."""

    def __init__(self, value: Json, *, parent: QWidget | None = None) -> None:
        FramedDialog.__init__(self, _t("Edit schema of the reply"), parent, width_px=_WIDTH_PX)
        self._build(_t("The server is asked for a reply that is JSON of this schema."))
        self._fill(value.value.get("json_schema", {}))
        self._begin()

    def _add_fields(self) -> None:
        self._name = QLineEdit()
        self._name.setAccessibleName(_t("Name of the schema"))
        self._name.textChanged.connect(self._check)
        self._strict = CheckBox(_t("Strict"))
        self._strict.setAccessibleName(_t("Strict"))
        self._strict.setToolTip(_t("The server must keep to the schema exactly, or refuse it"))
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(Label(_t("Name"), token="text-2"))
        row.addWidget(self._name, 1)
        row.addSpacing(8)
        row.addWidget(self._strict)
        self.body.addLayout(row)

    def _fill(self, described: Any) -> None:
        described = described if isinstance(described, dict) else {}
        self._rest = {key: item for key, item in described.items() if key not in ("name", "strict", "schema")}
        name = described.get("name")
        self._name.setText(name if isinstance(name, str) else "answer")
        self._strict.setChecked(described.get("strict") is True)
        self._text.setPlainText(pretty(Json.of(described.get("schema", {}))))

    def _state(self) -> tuple[str, ...]:
        return (self._text.toPlainText(), self._name.text(), str(self._strict.isChecked()))

    def _read(self, text: str) -> Json:
        schema = parsed_json(text).value
        if not isinstance(schema, dict):
            raise ConfigurationError('A schema is an object such as {"type": "object"}.')
        if problems := problems_of_schema(text):
            raise ConfigurationError(problems[0])
        name = self._name.text().strip()
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", name):
            raise ConfigurationError("The name takes letters, digits, _ and -, at most 64 of them.")
        strict = {"strict": True} if self._strict.isChecked() else {}
        described = {"name": name, **strict, **self._rest, "schema": schema}
        return Json.of({"type": "json_schema", "json_schema": described})

    def _doubt(self) -> str:
        return ""

    def _submit(self) -> None:
        self._check()
        super()._submit()


class JsonText(QPlainTextEdit):
    """A field for JSON; Return keeps the indentation, Tab goes on to the next control."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.setAccessibleName(name)
        self.setProperty("surface", "code")
        self.setTabChangesFocus(True)
        self.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        theme().changed.connect(self._restyle)
        self._restyle()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Return goes on below the first character of the line, deeper after an opening bracket."""
        is_return = event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
        if not is_return or event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier:
            super().keyPressEvent(event)
            return
        cursor = self.textCursor()
        before = cursor.block().text()[: cursor.positionInBlock()]
        indent = before[: len(before) - len(before.lstrip(" "))]
        deeper = " " * _INDENT if before.rstrip().endswith(("{", "[")) else ""
        cursor.insertText("\n" + indent + deeper)
        self.setTextCursor(cursor)
        self.ensureCursorVisible()

    def mark(self, place: tuple[int, int] | None) -> None:
        """Marks the character at (line, column), counted from 1, or takes the mark away."""
        selections: list[QTextEdit.ExtraSelection] = []
        if place is not None:
            line, column = place
            selection = QTextEdit.ExtraSelection()
            selection.cursor = QTextCursor(self.document().findBlockByNumber(line - 1))
            length = selection.cursor.block().length() - 1
            start = min(column - 1, max(0, length - 1))
            selection.cursor.setPosition(selection.cursor.position() + start)
            selection.cursor.movePosition(QTextCursor.MoveOperation.Right, QTextCursor.MoveMode.KeepAnchor)
            look = QTextCharFormat()
            look.setBackground(theme().color("hit"))
            selection.format = look
            selections.append(selection)
        self.setExtraSelections(selections)

    def replace(self, text: str) -> None:
        """Puts another text in place of all of it, as one step that can be undone."""
        cursor = self.textCursor()
        cursor.select(QTextCursor.SelectionType.Document)
        cursor.insertText(text)
        cursor.setPosition(0)
        self.setTextCursor(cursor)

    def _restyle(self) -> None:
        self.setFont(theme().font("code"))


class _Standing(QWidget):
    """Keeps room for two lines of a sentence that comes and goes while a person types."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(verdict)
        layout.addStretch(1)
        self.setMinimumHeight(2 * theme().line_height("ui"))


def pretty(value: Json) -> str:
    """The value over several lines, for reading."""
    return json.dumps(value.value, ensure_ascii=False, indent=_INDENT)


def _is_json(text: str) -> bool:
    try:
        parsed_json(text)
    except ConfigurationError:
        return False
    return True


def _place_in(words: str, text: str) -> tuple[int, int] | None:
    """Line and column that the words name, if they do."""
    found = re.search(r"in line (\d+), column (\d+)", words)
    return (int(found[1]), int(found[2])) if found and text.strip() else None


def _t(text: str) -> str:
    return QCoreApplication.translate("json_editor", text)


def _button(kind: type[Button], text: str) -> Button:
    button = kind(text)
    button.setAccessibleName(text)
    return button
