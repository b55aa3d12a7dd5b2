"""The rows of parameters that are JSON: a few words about the value, and the way to its editor."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QSizePolicy

from drover.domain.parameters import Json, ParameterValue
from drover.ui.controls import ElidedLabel, QuietButton, Segments
from drover.ui.parameter_rows import HidableIconButton, ParameterRow, UnsetLabel

FIRST_SCHEMA: Final = Json.of(
    {
        "type": "json_schema",
        "json_schema": {
            "name": "answer",
            "strict": True,
            "schema": {
                "type": "object",
                "properties": {"answer": {"type": "string"}},
                "required": ["answer"],
                "additionalProperties": False,
            },
        },
    }
)
"""What `response_format` starts from when a schema is wanted and none was written yet."""


class JsonRow(ParameterRow):
    """Any JSON value: its text, cut short, and a button that opens the editor."""

    _taken: Collection[str] = ()

    def _build_editor(self) -> None:
        self._summary = ElidedLabel("", role=self._summary_role(), token="text-2", parent=self)
        self._summary.setAlignment(Qt.AlignmentFlag.AlignRight)
        self._unset_label = UnsetLabel(self)
        self._edit = QuietButton(self.tr("Edit…"), compact=True, parent=self)
        self._describe(self._edit, self._spec.name)
        self._edit.clicked.connect(self._open_editor)
        self._line.addWidget(self._summary, 1)
        self._line.addSpacing(4)
        self._line.addWidget(self._edit)
        self._line.addWidget(self._unset_label, 1, Qt.AlignmentFlag.AlignRight)

    def _display_editor(self, value: ParameterValue | None) -> None:
        self._unset_label.setVisible(value is None)
        self._summary.setVisible(value is not None)
        self._edit.setVisible(value is not None)
        if isinstance(value, Json):
            self._summary.setText(self._summarized(value))

    def _summary_role(self) -> str:
        return "wire"

    def _summarized(self, value: Json) -> str:
        return value.text

    def _open_editor(self) -> None:
        from drover.ui.json_editor import JsonEditor  # most sittings need no dialog

        value = self._value if isinstance(self._value, Json) else Json("null")
        editor = JsonEditor(self._spec, value, taken=self._taken, parent=self.window())
        editor.value_submitted.connect(self._set)
        editor.open()


class KeysRow(JsonRow):
    """An object whose keys join the body: how many there are."""

    def set_neighbours(self, names: Collection[str]) -> None:
        """Keys with a row of their own are not among the further ones."""
        self._taken = names

    def _summary_role(self) -> str:
        return "small"

    def _summarized(self, value: Json) -> str:
        keys = value.value
        count = len(keys)
        self._edit.setToolTip(", ".join(keys))
        if count == 0:
            return self.tr("no keys yet")
        return self.tr("1 key") if count == 1 else self.tr("{count} keys").format(count=count)


class FormatRow(ParameterRow):
    """The form of the reply: text, JSON, or JSON of a schema, which has its own editor."""

    def _build_editor(self) -> None:
        self._schema = FIRST_SCHEMA
        self._segments = Segments(self._spec.name, compact=True, parent=self)
        self._describe(self._segments, self._spec.name)
        for text, kind in (
            (self.tr("text"), "text"), (self.tr("JSON"), "json_object"), (self.tr("schema"), "json_schema")
        ):  # fmt: skip
            self._segments.addItem(text, kind)
        self._segments.setCurrentIndex(-1)
        self._segments.currentIndexChanged.connect(self._choose)
        self._segments.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._unset_label = UnsetLabel(self)
        self._edit = HidableIconButton("edit", self.tr("Edit schema…"), compact=True, parent=self)
        self._edit.clicked.connect(self._open_editor)
        self._line.addWidget(self._segments, 1)
        self._line.addSpacing(4)
        self._line.addWidget(self._edit)
        self._line.addWidget(self._unset_label, 1, Qt.AlignmentFlag.AlignRight)

    def _display_editor(self, value: ParameterValue | None) -> None:
        kind = _kind_of(value)
        if kind == "json_schema" and isinstance(value, Json):
            self._schema = value
        self._segments.setCurrentIndex(self._segments.findData(kind))
        self._segments.setVisible(value is not None)
        self._unset_label.setVisible(value is None)
        self._edit.setVisible(value is not None)
        self._edit.setEnabled(kind == "json_schema")

    def _choose(self, index: int) -> None:
        kind = self._segments.itemData(index) if index >= 0 else None
        if kind == "json_schema":
            self._set(self._schema)
        elif kind is not None:
            self._set(Json.of({"type": kind}))

    def _open_editor(self) -> None:
        from drover.ui.json_editor import SchemaEditor  # most sittings need no dialog

        editor = SchemaEditor(self._schema, parent=self.window())
        editor.value_submitted.connect(self._set)
        editor.open()


def _kind_of(value: ParameterValue | None) -> str:
    """The `type` of a response format; empty where it has none that is known."""
    content = value.value if isinstance(value, Json) else None
    kind = content.get("type") if isinstance(content, dict) else None
    return kind if isinstance(kind, str) else ""
