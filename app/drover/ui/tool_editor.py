"""The dialog in which one tool is written: what it is called, what it takes, and who answers it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from PySide6.QtCore import QCoreApplication, QSize, Signal
from PySide6.QtWidgets import QSizePolicy, QVBoxLayout, QWidget

from drover.domain.parameters import Json, parsed_json
from drover.domain.tool_definitions import (
    LARGEST_OUTPUT_BYTES,
    LONGEST_TIMEOUT_S,
    command_text,
    command_words,
    name_problem,
    schema_problems,
)
from drover.domain.tools import ToolDefinition
from drover.errors import ConfigurationError
from drover.ui.controls import CheckBox, GrowingTextEdit, Label
from drover.ui.dialog_parts import Form, hint, named_field, row_of, segments_of
from drover.ui.framed_dialog import FramedDialog, Verdict
from drover.ui.json_editor import JsonEditor, pretty
from drover.ui.number_field import NumberField
from drover.ui.theme import theme

_WIDTH_PX = 600
_HEIGHT_PX = 700
_KIB = 1024


class ToolEditor(JsonEditor):
    """Edits one tool.

    Signals:
        tool_submitted(ToolDefinition): as the person wants it; the dialog closes itself
    """

    tool_submitted = Signal(object)

    def __init__(
        self, tool: ToolDefinition, taken: Collection[str] = (), *, parent: QWidget | None = None
    ) -> None:
        """`taken` are the names of the other tools."""
        title = _t("Edit {0}").format(tool.name) if tool.name else _t("New tool")
        FramedDialog.__init__(self, title, parent, width_px=_WIDTH_PX)
        self._tool, self._taken = tool, taken
        self._build(
            _t("The model is told the name, what the tool does and what it takes, and may then ask for it.")
        )
        self._fill(tool)
        self._begin()
        (self._text if tool.name else self._name).setFocus()

    def sizeHint(self) -> QSize:
        """Room for a schema of some ten lines."""
        height = min(theme().px(_HEIGHT_PX), self.screen().availableGeometry().height() - 64)
        return QSize(self.minimumWidth(), height)

    def _add_fields(self) -> None:
        self._name = named_field(_t("Name of the tool"), placeholder="get_weather")
        self._name.setFont(theme().font("code"))
        self._name.textChanged.connect(self._check)
        self._name_trouble = Verdict()
        self._description = GrowingTextEdit(_t("What the tool does"), least_lines=2, most_lines=5)
        self._description.set_placeholder(_t("What it does and when to call it; written for the model"))
        form = Form()
        form.add(_t("Name"), self._name, self._name_trouble)
        form.add(_t("Description"), self._description)
        self.body.addWidget(form)
        self._strict = CheckBox(_t("Strict"))
        self._strict.setAccessibleName(_t("Strict"))
        self._strict.setToolTip(_t("The server is asked to hold the model to the schema exactly"))
        heading = row_of(Label(_t("Arguments, as a JSON Schema"), token="text-2"))
        layout = heading.layout()
        assert layout is not None
        layout.addWidget(self._strict)
        self.body.addWidget(heading)

    def _add_last_fields(self) -> None:
        self._who = segments_of(_t("Answered by"), [("person", _t("me")), ("program", _t("a program"))])
        self._who.currentIndexChanged.connect(self._show_program)
        explanation = Label(
            _t("The call waits until you have written its result."), role="small", token="text-3"
        )
        explanation.setWordWrap(True)
        self._explanation = explanation
        form = Form()
        form.add(_t("Answered by"), self._who, explanation)
        self.body.addWidget(form)
        self._program = self._made_program()
        self.body.addWidget(self._program)

    def _made_program(self) -> QWidget:
        self._command = named_field(
            _t("Command line"), placeholder="python3 ~/tools/weather.py --units metric"
        )
        self._command.setFont(theme().font("code"))
        self._command.textChanged.connect(self._check)
        self._command_trouble = Verdict()
        self._words = Label("", role="wire", token="text-2")
        self._words.setWordWrap(True)
        self._words.setAccessibleName(_t("What is run"))
        below = QWidget()
        lines = QVBoxLayout(below)
        lines.setContentsMargins(0, 0, 0, 0)
        lines.setSpacing(2)
        lines.addWidget(self._words)
        lines.addWidget(self._command_trouble)
        self._timeout = _number(_t("Time limit"), 1, int(LONGEST_TIMEOUT_S))
        self._limit = _number(_t("Output limit"), 1, LARGEST_OUTPUT_BYTES // _KIB)
        form = Form()
        form.add(_t("Command line"), self._command, below)
        form.add(_t("Time limit"), row_of(self._timeout, hint(_t("seconds; then it is ended"))))
        form.add(_t("Output limit"), row_of(self._limit, hint(_t("KiB; the rest is left out"))))
        return form

    def _fill(self, tool: ToolDefinition) -> None:
        self._name.setText(tool.name)
        self._description.set_text(tool.description)
        self._strict.setChecked(tool.is_strict)
        self._command.setText(command_text(tool.command))
        self._timeout.set_number(max(1, round(tool.timeout_s)))
        self._limit.set_number(max(1, round(tool.output_limit_bytes / _KIB)))
        self._who.setCurrentIndex(1 if tool.command else 0)
        self._text.setPlainText(_spread(tool.parameters_schema))
        self._show_program()

    @property
    def _is_program(self) -> bool:
        return bool(self._who.currentData() == "program")

    def _show_program(self) -> None:
        self._program.setVisible(self._is_program)
        self._explanation.setText(
            _t(
                "It is started without a shell, after you have approved it, and reads the arguments as JSON "
                "from its standard input. What it writes is the result."
            )
            if self._is_program
            else _t("The call waits until you have written its result.")
        )
        self._check()
        self.make_room()

    def _state(self) -> tuple[str, ...]:
        return (
            self._text.toPlainText(), self._name.text(), self._description.toPlainText(),
            str(self._strict.isChecked()), str(self._who.currentData()), self._command.text(),
            str(self._timeout.number), str(self._limit.number),
        )  # fmt: skip

    def _check(self) -> None:
        super()._check()
        name = name_problem(self._name.text().strip(), self._taken)
        words, command = self._checked_command()
        # A field that nobody has written in yet is not wrong; it only cannot be saved.
        self._name_trouble.display(name if self._name.text() else "", is_warning=True)
        self._command_trouble.display(command if self._command.text() else "", is_warning=True)
        self._words.setText("   ".join(words) if len(words) > 1 else "")
        self._words.setVisible(len(words) > 1)
        if name or (self._is_program and command):
            self._save.setEnabled(False)

    def _checked_command(self) -> tuple[tuple[str, ...], str]:
        """The words of the command with their numbers for showing, and what is wrong with it."""
        try:
            words = command_words(self._command.text())
        except ConfigurationError as error:
            return (), error.message
        if not words or not words[0].strip():
            return (), _t("Name a program.")
        return tuple(f"{number} {word or '“”'}" for number, word in enumerate(words)), ""

    def _read(self, text: str) -> Json:
        if problems := schema_problems(text):
            raise ConfigurationError(problems[0])
        return parsed_json(text)

    def _doubt(self) -> str:
        return ""

    def _praise(self) -> str:
        return _t("This is a schema of arguments.")

    def _submit(self) -> None:
        self._check()
        if self._value is None or not self._save.isEnabled():
            return
        seconds, kib = self._timeout.number, self._limit.number
        tool = self._tool
        keeps_time = seconds is None or seconds == max(1, round(tool.timeout_s))
        keeps_limit = kib is None or kib == max(1, round(tool.output_limit_bytes / _KIB))
        self.tool_submitted.emit(
            replace(
                tool,
                name=self._name.text().strip(),
                description=self._description.toPlainText().strip(),
                parameters_schema=self._text.toPlainText(),
                command=command_words(self._command.text()) if self._is_program else (),
                timeout_s=tool.timeout_s if keeps_time or seconds is None else float(seconds),
                output_limit_bytes=tool.output_limit_bytes if keeps_limit or kib is None else int(kib) * _KIB,
                is_strict=self._strict.isChecked(),
            )
        )
        self.accept()


def _spread(schema: str) -> str:
    """A schema over several lines; one that is no JSON as it is."""
    try:
        return schema if "\n" in schema else pretty(parsed_json(schema))
    except ConfigurationError:
        return schema


def _number(name: str, least: int, most: int) -> NumberField:
    field = NumberField(is_integer=True)
    field.setAccessibleName(name)
    field.set_range(least, most)
    field.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
    return field


def _t(text: str) -> str:
    return QCoreApplication.translate("tool_editor", text)
