"""JSON is parsed and compared with its schema on a thread of Qt's pool, so that no frame waits for it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from PySide6.QtCore import QCoreApplication, QObject, Signal

from drover.domain.json_verdict import JsonVerdict, judged
from drover.domain.parameters import parsed_json
from drover.errors import DroverError
from drover.ui.off_thread import OffThread


class JsonCheck(QObject):
    """Checks one text at a time, for one view.

    Signals:
        judged(JsonVerdict): of the text that was asked about last
    """

    judged = Signal(object)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._work = OffThread(self)
        self._work.done.connect(self.judged)

    def ask(self, text: str, schema: Mapping[str, Any] | bool | str | None) -> None:
        """Begins a check; the answer to an earlier one is dropped. A schema may be its text."""
        self._work.start(partial(_judged, text, schema))

    def drop(self) -> None:
        """No answer is wanted any more."""
        self._work.drop()


def _judged(text: str, schema: Mapping[str, Any] | bool | str | None) -> JsonVerdict:
    return judged(text, _read(schema))


def _read(schema: Mapping[str, Any] | bool | str | None) -> Mapping[str, Any] | bool | None:
    if not isinstance(schema, str):
        return schema
    try:
        value = parsed_json(schema).value
    except DroverError:
        return None
    return value if isinstance(value, dict | bool) else None


def words_of(verdict: JsonVerdict) -> tuple[str, ...]:
    """What is wrong, one sentence each; empty where nothing is."""
    if verdict.cut_at is not None:
        line, column = verdict.cut_at
        return (_tr("The JSON is cut off in line {0}, column {1}.").format(line, column),)
    if not verdict.is_json:
        return (_tr("This is not JSON: {0}").format(verdict.slip),)
    return verdict.problems


def _tr(text: str) -> str:
    return QCoreApplication.translate("json_checking", text)
