"""Which row of the parameter panel suits a parameter."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from drover.domain.parameters import ParameterKind, ParameterSpec
from drover.ui.parameter_rows import (
    FieldRow,
    NumberRow,
    OptionsRow,
    ParameterRow,
    SeedRow,
    TextRow,
    spans_a_slider,
)
from drover.ui.stop_row import StopRow

_ROWS: dict[ParameterKind, type[ParameterRow]] = {
    ParameterKind.BOOLEAN: OptionsRow,
    ParameterKind.CHOICE: OptionsRow,
    ParameterKind.STRINGS: StopRow,
    ParameterKind.TEXT: TextRow,
}


def made_row(spec: ParameterSpec, parent: QWidget | None = None) -> ParameterRow:
    """The row for a parameter, unset."""
    if spec.options:
        return OptionsRow(spec, parent)
    if spec.kind in (ParameterKind.JSON, ParameterKind.KEYS):
        return _json_row(spec, parent)
    if spec.kind in _ROWS:
        return _ROWS[spec.kind](spec, parent)
    if spec.name == "seed":
        return SeedRow(spec, parent)
    return NumberRow(spec, parent) if spans_a_slider(spec) else FieldRow(spec, parent)


def _json_row(spec: ParameterSpec, parent: QWidget | None) -> ParameterRow:
    from drover.ui.json_rows import FormatRow, JsonRow, KeysRow  # folded away when a window opens

    if spec.name == "response_format":
        return FormatRow(spec, parent)
    return KeysRow(spec, parent) if spec.kind is ParameterKind.KEYS else JsonRow(spec, parent)
