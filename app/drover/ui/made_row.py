"""Which row of the parameter panel suits a parameter."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from drover.domain.parameters import ParameterKind, ParameterSpec
from drover.ui.json_rows import FormatRow, JsonRow, KeysRow
from drover.ui.parameter_rows import (
    BooleanRow,
    ChoiceRow,
    NumberRow,
    ParameterRow,
    SeedRow,
    TextRow,
    spans_a_slider,
)
from drover.ui.stop_row import StopRow

_ROWS: dict[ParameterKind, type[ParameterRow]] = {
    ParameterKind.BOOLEAN: BooleanRow,
    ParameterKind.CHOICE: ChoiceRow,
    ParameterKind.JSON: JsonRow,
    ParameterKind.KEYS: KeysRow,
    ParameterKind.STRINGS: StopRow,
    ParameterKind.TEXT: TextRow,
}


def made_row(spec: ParameterSpec, parent: QWidget | None = None) -> ParameterRow:
    """The row for a parameter, unset."""
    if spec.name == "response_format":
        return FormatRow(spec, parent)
    if spec.kind in _ROWS:
        return _ROWS[spec.kind](spec, parent)
    return NumberRow(spec, parent) if spans_a_slider(spec) else SeedRow(spec, parent)
