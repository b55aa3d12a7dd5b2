"""The table of events: what it shows of a log, how it is sifted, walked, opened and copied."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QAccessible, QContextMenuEvent, QGuiApplication
from PySide6.QtTest import QAbstractItemModelTester, QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QLabel,
    QLineEdit,
    QMenu,
    QPlainTextEdit,
    QTableView,
)
from pytestqt.qtbot import QtBot
from tests.engine.test_event_log import a_run, log_of
from tests.wire.replies import delta, sse

from drover.domain.run import Timing
from drover.engine.event_log import EventKind, EventLog
from drover.ui.event_model import EventColumn, EventModel
from drover.ui.event_table import EventTable


def a_log(*chunks: object) -> EventLog:
    """Three lines about the connection, a comment, these chunks and the sentinel, 100 ms apart."""
    pieces = [b": keep-alive\n\n", *(sse(chunk, done=False) for chunk in chunks), b"data: [DONE]\n\n"]
    marks, total = [], 0
    for number, piece in enumerate(pieces):
        total += len(piece)
        marks.append((400.0 + 100.0 * number, total))
    run = a_run(body=b"x" * 1142, timing=Timing(connect_ms=48.2, first_byte_ms=371.6))
    return log_of(b"".join(pieces), *marks, run=run)


def a_reply() -> EventLog:
    return a_log(
        delta(reasoning="We"), delta(reasoning=" need"), delta(content="The\nend"), delta(finish="stop")
    )


@pytest.fixture
def table(qtbot: QtBot) -> EventTable:
    table = EventTable()
    qtbot.addWidget(table)
    table.resize(760, 500)
    table.show()
    qtbot.waitExposed(table)
    table.activateWindow()
    qtbot.waitUntil(table.isActiveWindow)
    return table


def view_of(table: EventTable) -> QTableView:
    return next(view for view in table.findChildren(QTableView) if view.accessibleName() == "Events")


def column(table: EventTable, number: int) -> list[str]:
    model = view_of(table).model()
    return [str(model.index(row, number).data()) for row in range(model.rowCount())]


def chip(table: EventTable, name: str) -> QAbstractButton:
    return next(b for b in table.findChildren(QAbstractButton) if b.accessibleName().startswith(f"{name} "))


def shown_chips(table: EventTable) -> list[str]:
    chips = [b for b in table.findChildren(QAbstractButton) if b.isCheckable() and b.isVisible()]
    return [b.accessibleName() for b in chips]


def labels(table: EventTable) -> list[str]:
    return [label.text() for label in table.findChildren(QLabel) if label.isVisible()]


def detail_of(table: EventTable) -> QPlainTextEdit:
    return next(pane for pane in table.findChildren(QPlainTextEdit) if pane.accessibleName() == "Event")


def click(table: EventTable, row: int) -> None:
    view = view_of(table)
    place = view.visualRect(view.model().index(row, EventColumn.KIND)).center()
    QTest.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=place)


def finish(qtbot: QtBot, table: EventTable) -> None:
    """Waits until the log is read and sifted."""
    model = view_of(table).model()
    assert isinstance(model, EventModel)
    qtbot.waitUntil(lambda: model.is_finished)


def test_each_event_has_a_line_with_its_times_its_kind_and_its_words(table: EventTable) -> None:
    table.display(a_reply())
    assert column(table, EventColumn.NUMBER) == ["", "", "", "1", "2", "3", "4", "5", "6"]
    assert column(table, EventColumn.AT)[:5] == ["0.0", "48.2", "371.6", "400.0", "500.0"]
    assert column(table, EventColumn.SINCE)[:5] == ["", "48.2", "323.4", "28.4", "100.0"]
    assert column(table, EventColumn.KIND) == [
        "sent", "connected", "head", "comment", "reasoning", "reasoning", "content", "finish", "done",
    ]  # fmt: skip
    assert column(table, EventColumn.TEXT)[4:] == ["We", " need", r"The\nend", "stop", ""]
    assert column(table, EventColumn.RAW)[3] == ": keep-alive"
    assert column(table, EventColumn.RAW)[8] == "data: [DONE]"
    assert "6 events" in labels(table)
    assert shown_chips(table) == ["reasoning 2", "content 1", "other 3"]


def test_the_model_keeps_the_rules_of_models_while_it_reads_and_sifts(qtbot: QtBot) -> None:
    model = EventModel()
    tester = QAbstractItemModelTester(model, QAbstractItemModelTester.FailureReportingMode.Fatal)
    model.display(a_log(*[delta(content=f"w{number}") for number in range(500)]))
    model.work(0.0)
    assert model.rowCount() == 505
    assert not model.is_finished
    model.set_filter("w4", {EventKind.CONTENT})
    while not model.is_finished:
        model.work(0.0)
    assert model.rowCount() == 111
    assert [model.row_of(model.log_row(row)) for row in (0, 110)] == [0, 110]
    assert model.row_of(0) is None
    model.display(None)
    assert model.rowCount() == 0
    assert tester.model() is model


def test_chips_show_only_their_kinds_and_all_again(qtbot: QtBot, table: EventTable) -> None:
    table.display(a_reply())
    chip(table, "reasoning").click()
    assert column(table, EventColumn.TEXT) == ["We", " need"]
    assert "2 of 6 events" in labels(table)
    chip(table, "other").click()
    assert column(table, EventColumn.KIND) == ["comment", "reasoning", "reasoning", "finish", "done"]
    chip(table, "reasoning").click()
    chip(table, "other").click()
    assert len(column(table, EventColumn.KIND)) == 9


def test_a_rare_kind_gets_a_chip_where_there_is_one(table: EventTable) -> None:
    table.display(a_log({"error": {"message": "Too busy."}}))
    assert shown_chips(table) == ["reasoning 0", "content 0", "error 1", "other 2"]


def test_words_are_sought_in_text_and_bytes_and_enter_leads_to_the_rows(
    qtbot: QtBot, table: EventTable
) -> None:
    table.display(a_reply())
    field = next(f for f in table.findChildren(QLineEdit) if f.accessibleName() == "Filter events")
    field.setFocus()
    QTest.keyClicks(field, "NEED")
    QTest.keyClick(field, Qt.Key.Key_Return)
    assert column(table, EventColumn.TEXT) == [" need"]
    assert view_of(table).hasFocus()
    assert view_of(table).currentIndex().row() == 0
    field.setFocus()
    QTest.keyClick(field, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: view_of(table).model().rowCount() == 9)
    QTest.keyClicks(field, "nothing like it")
    qtbot.waitUntil(lambda: view_of(table).model().rowCount() == 0)
    assert "0 of 6 events" in labels(table)


def test_a_click_opens_the_bytes_arrows_follow_and_escape_closes(table: EventTable) -> None:
    table.display(a_log({"novel": 1.50, "choices": []}, delta(content="b")))
    assert not detail_of(table).isVisible()
    click(table, 4)
    assert detail_of(table).isVisible()
    assert detail_of(table).toPlainText() == 'data:\n{\n  "novel": 1.5,\n  "choices": []\n}'
    assert "Event 2, other, 500.0 ms; also: novel" in labels(table)
    QTest.keyClick(view_of(table), Qt.Key.Key_Down)
    assert '"content": "b"' in detail_of(table).toPlainText()
    QTest.keyClick(view_of(table), Qt.Key.Key_Home)
    assert detail_of(table).toPlainText() == "POST /v1/chat/completions, 1\u202f142 bytes"
    QTest.keyClick(view_of(table), Qt.Key.Key_Escape)
    assert not detail_of(table).isVisible()
    QTest.keyClick(view_of(table), Qt.Key.Key_End)
    assert not detail_of(table).isVisible()
    QTest.keyClick(view_of(table), Qt.Key.Key_Return)
    assert detail_of(table).toPlainText() == "data: [DONE]"
    detail_of(table).setFocus()
    QTest.keyClick(detail_of(table), Qt.Key.Key_Escape)
    assert not detail_of(table).isVisible()
    assert view_of(table).hasFocus()


def test_the_chosen_event_stays_chosen_while_a_filter_lets_it_through(table: EventTable) -> None:
    table.display(a_reply())
    click(table, 6)
    chip(table, "content").click()
    assert view_of(table).currentIndex().row() == 0
    assert "The" in detail_of(table).toPlainText()
    chip(table, "content").click()
    assert view_of(table).currentIndex().row() == 6
    chip(table, "reasoning").click()
    assert not detail_of(table).isVisible()


def test_rows_are_copied_with_tabs_and_their_bytes_whole(qtbot: QtBot, table: EventTable) -> None:
    long = "word " * 400
    table.display(a_log(delta(content=long), delta(content=" b")))
    click(table, 4)
    QTest.keyClick(view_of(table), Qt.Key.Key_Down, Qt.KeyboardModifier.ShiftModifier)
    QTest.keyClick(view_of(table), Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    first, second = QGuiApplication.clipboard().text().split("\n")
    assert first.split("\t")[:5] == ["2", "500.0", "100.0", "content", long]
    assert long in first.split("\t")[5]
    assert second.split("\t")[:5] == ["3", "600.0", "100.0", "content", " b"]
    asked = QContextMenuEvent(QContextMenuEvent.Reason.Keyboard, QPoint(), QPoint())
    QApplication.sendEvent(view_of(table), asked)
    menu = next(menu for menu in table.findChildren(QMenu) if menu.isVisible())
    action = next(action for action in menu.actions() if action.text() == "Copy bytes")
    menu.setActiveAction(action)
    QTest.keyClick(menu, Qt.Key.Key_Return)
    raw = QGuiApplication.clipboard().text().split("\n\n")
    assert [part[:6] for part in raw] == ["data: ", "data: "]


def test_a_long_log_opens_before_it_is_read_and_is_read_only_while_it_is_seen(
    qtbot: QtBot, table: EventTable
) -> None:
    log = a_log(*[delta(reasoning=f" w{number}") for number in range(6_000)])
    table.hide()
    table.display(log)
    assert view_of(table).model().rowCount() == 6_005
    assert 0 < log.read_count < 6_005
    assert column(table, EventColumn.KIND)[6_004] == "…"
    table.show()
    finish(qtbot, table)
    assert column(table, EventColumn.KIND)[6_004] == "done"
    assert chip(table, "reasoning").accessibleName() == "reasoning 6\u202f000"


def test_another_log_begins_at_its_top_with_the_same_filter(qtbot: QtBot, table: EventTable) -> None:
    table.display(a_log(*[delta(content=f"w{number}") for number in range(300)]))
    finish(qtbot, table)
    view_of(table).scrollToBottom()
    chip(table, "content").click()
    finish(qtbot, table)
    table.display(a_reply())
    assert column(table, EventColumn.TEXT) == [r"The\nend"]
    assert view_of(table).verticalScrollBar().value() == 0
    table.display(None)
    assert column(table, EventColumn.TEXT) == []
    assert "0 of 0 events" in labels(table)


def test_in_a_narrow_column_the_bytes_stand_only_below(qtbot: QtBot, table: EventTable) -> None:
    table.display(a_reply())
    assert not view_of(table).isColumnHidden(EventColumn.RAW)
    assert view_of(table).columnSpan(0, EventColumn.TEXT) == 2
    table.resize(320, 500)
    qtbot.waitUntil(lambda: view_of(table).isColumnHidden(EventColumn.RAW))
    widths = sum(view_of(table).columnWidth(number) for number in EventColumn)
    assert widths <= view_of(table).viewport().width()
    assert table.filter_bar.width() == 320
    field = next(f for f in table.findChildren(QLineEdit) if f.accessibleName() == "Filter events")
    qtbot.waitUntil(lambda: field.y() > chip(table, "reasoning").geometry().bottom())
    assert field.geometry().right() < 320
    assert field.geometry().bottom() < table.filter_bar.height()


def test_assistive_technology_finds_a_table_with_its_cells(table: EventTable) -> None:
    table.display(a_reply())
    face = QAccessible.queryAccessibleInterface(view_of(table))
    assert face.text(QAccessible.Text.Name) == "Events"
    names = [face.child(place).text(QAccessible.Text.Name) for place in range(face.childCount())]
    assert names[1:7] == ["#", "ms", "+ ms", "kind", "text", "raw"]
    assert names[7 * 5 + 1 : 7 * 5 + 6] == ["2", "500.0", "100.0", "reasoning", "We"]


def test_what_an_event_also_holds_stands_behind_its_words_and_above_its_bytes(table: EventTable) -> None:
    log = a_log({**delta(content="Hi"), "service_tier": "default"})
    table.display(log)
    view = view_of(table)
    row = log.line_count + 1

    assert view.model().index(row, EventColumn.TEXT).data() == "Hi  also: service_tier"
    click(table, row)
    assert any(label.text().endswith("also: service_tier") for label in table.findChildren(QLabel))
