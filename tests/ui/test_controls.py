"""Buttons, fields, sliders, combos and the focus ring, used as a person uses them."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from typing import Protocol

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QAccessible, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QHBoxLayout, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from drover.ui.controls import (
    Button,
    CheckBox,
    ComboBox,
    ElidedLabel,
    GrowingTextEdit,
    IconButton,
    OverlayScrollArea,
    Segments,
    Slider,
    Tabs,
)
from drover.ui.focus_ring import FocusRing
from drover.ui.number_field import NumberField, parsed_number
from drover.ui.theme import theme


class Show(Protocol):
    """Puts widgets side by side into an active window and returns it."""

    def __call__(self, *widgets: QWidget) -> QWidget: ...


@pytest.fixture
def show(qtbot: QtBot) -> Iterator[Show]:
    windows: list[QWidget] = []

    def shown(*widgets: QWidget) -> QWidget:
        window = QWidget()
        windows.append(window)
        qtbot.addWidget(window)
        line = QHBoxLayout(window)
        for widget in widgets:
            line.addWidget(widget)
        window.show()
        qtbot.waitExposed(window)
        window.activateWindow()
        qtbot.waitUntil(window.isActiveWindow)
        return window

    yield shown
    windows.clear()


def turn_wheel(widget: QWidget, notches: int = 1) -> bool:
    event = QWheelEvent(
        QPointF(5, 5), QPointF(widget.mapToGlobal(QPoint(5, 5))), QPoint(0, 0), QPoint(0, 120 * notches),
        Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    event.setAccepted(True)
    QApplication.sendEvent(widget, event)
    return event.isAccepted()


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0.7", 0.7), ("0,7", 0.7), (" 0,70 ", 0.7), (".5", 0.5), (",5", 0.5), ("−1,5", -1.5), ("-2", -2.0),
        ("1e-2", 0.01), ("1 234,5", 1234.5), ("1.234,5", 1234.5), ("1,234.5", 1234.5), ("1’234.5", 1234.5),
        ("٠٫٧", 0.7), ("", None), ("abc", None), ("1.2.3", 123.0), ("-", None), ("inf", None), ("nan", None),
        ("1e999", None),
    ],
)  # fmt: skip
def test_a_fraction_is_read_in_any_locale(text: str, number: float | None) -> None:
    assert parsed_number(text, is_integer=False) == number


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("4096", 4096), ("4\u202f096", 4096), ("4\u2009096", 4096), ("4 096", 4096), ("4,096", 4096),
        ("4.096", 4096), ("1.234.567", 1234567), ("9223372036854775807", 2**63 - 1), ("2.0", 2),
        ("1e3", 1000), ("9 223 372 036 854 775 807", 2**63 - 1), ("٤٠٩٦", 4096), ("seven", None),
    ],
)  # fmt: skip
def test_a_whole_number_is_read_in_any_locale(text: str, number: int | None) -> None:
    assert parsed_number(text, is_integer=True) == number


@given(st.integers(min_value=-(2**70), max_value=2**70))
def test_a_whole_number_as_written_is_read_back(value: int) -> None:
    from drover.ui import formats

    assert parsed_number(formats.whole(value), is_integer=True) == value


def made_field(
    show: Show, *, is_integer: bool = False, value: float = 0.7
) -> tuple[NumberField, list[object]]:
    field = NumberField(
        is_integer=is_integer, step=1 if is_integer else 0.01, decimals=0 if is_integer else 2
    )
    field.set_range(0, 2**63 - 1 if is_integer else 2.0)
    field.set_number(value)
    edits: list[object] = []
    field.value_edited.connect(edits.append)
    show(field)
    return field, edits


def test_typing_counts_at_once_and_is_written_out_on_return(show: Show) -> None:
    field, edits = made_field(show)
    field.setFocus()
    field.selectAll()
    QTest.keyClicks(field, "1,5")
    QTest.keyClick(field, Qt.Key.Key_Return)

    assert edits == [1.0, 1.5]
    assert field.text() == "1.50"


def test_a_number_outside_the_range_is_clamped_on_leaving(show: Show) -> None:
    field, edits = made_field(show)
    field.setFocus()
    field.selectAll()
    QTest.keyClicks(field, "7")
    assert edits == []
    QTest.keyClick(field, Qt.Key.Key_Return)

    assert edits == [2.0]
    assert field.text() == "2.00"


def test_nonsense_gives_way_to_the_value_before(show: Show) -> None:
    field, edits = made_field(show)
    field.setFocus()
    field.selectAll()
    QTest.keyClicks(field, "warm")
    QTest.keyClick(field, Qt.Key.Key_Return)

    assert edits == []
    assert field.text() == "0.70"


def test_a_seed_of_63_bits_survives_typing_stepping_and_display(show: Show) -> None:
    field, edits = made_field(show, is_integer=True, value=7)
    field.setFocus()
    field.selectAll()
    QTest.keyClicks(field, str(2**63 - 1))
    QTest.keyClick(field, Qt.Key.Key_Return)
    QTest.keyClick(field, Qt.Key.Key_Down)

    assert edits[-2:] == [2**63 - 1, 2**63 - 2]
    assert field.text().replace("\u202f", "") == str(2**63 - 2)


def test_up_and_down_step_and_stop_at_the_ends(show: Show) -> None:
    field, edits = made_field(show, value=1.99)
    field.setFocus()
    for _ in range(3):
        QTest.keyClick(field, Qt.Key.Key_Up)
    QTest.keyClick(field, Qt.Key.Key_PageDown)

    assert edits == [2.0, 1.9]


def test_a_value_finer_than_the_step_is_shown_whole(show: Show) -> None:
    field, _ = made_field(show, value=0.125)

    assert field.text() == "0.125"


def test_a_field_without_a_value_says_so_and_cannot_be_stepped(show: Show) -> None:
    field, edits = made_field(show)
    field.set_empty_text("unset")
    field.set_number(None)
    field.stepBy(1)

    assert (field.text(), edits, field.number) == ("unset", [], None)


def test_assistive_technology_reads_and_sets_the_number(show: Show) -> None:
    field, edits = made_field(show)
    interface = QAccessible.queryAccessibleInterface(field)
    assert interface.role() == QAccessible.Role.SpinBox
    value = interface.valueInterface()
    assert value.currentValue() == 0.7
    value.setCurrentValue(5.0)

    assert edits == [2.0]


def test_the_wheel_changes_nothing_without_the_focus(show: Show) -> None:
    other = Button("Other")
    slider, combo, segments = Slider(), ComboBox("Preset"), Segments("Effort")
    field = NumberField(is_integer=False, step=0.1, decimals=1)
    field.set_number(1.0)
    slider.setRange(0, 10)
    slider.setValue(5)
    for box in (combo, segments):
        box.addItems(["low", "medium", "high"])
        box.setCurrentIndex(1)
    show(other, slider, field, combo, segments)
    other.setFocus()

    accepted = [turn_wheel(widget) for widget in (slider, field, combo, segments)]
    assert accepted == [False] * 4
    assert (slider.value(), field.number, combo.currentIndex(), segments.currentIndex()) == (5, 1.0, 1, 1)

    for widget in (slider, field, combo, segments):
        widget.setFocus()
        turn_wheel(widget)
    assert (slider.value() > 5, field.number, combo.currentIndex(), segments.currentIndex()) == (
        True,
        1.1,
        0,
        0,
    )


def test_segments_are_a_combo_that_arrows_and_clicks_move(show: Show) -> None:
    segments = Segments("reasoning_effort")
    segments.addItems(["low", "medium", "high"])
    segments.resize(240, 28)
    show(segments)
    interface = QAccessible.queryAccessibleInterface(segments)
    assert interface.role() == QAccessible.Role.ComboBox
    assert interface.text(QAccessible.Text.Name) == "reasoning_effort"

    segments.setFocus()
    QTest.keyClick(segments, Qt.Key.Key_Right)
    assert segments.currentText() == "medium"
    QTest.keyClick(segments, Qt.Key.Key_Down)
    assert segments.currentText() == "high"
    QTest.keyClick(segments, Qt.Key.Key_Right)
    assert segments.currentText() == "high"
    QTest.mouseClick(segments, Qt.MouseButton.LeftButton, pos=QPoint(5, 10))
    assert segments.currentText() == "low"


@pytest.mark.parametrize("kind", [ComboBox, Segments])
def test_a_combo_is_known_by_its_name_and_tells_its_value(
    show: Show, kind: type[ComboBox | Segments]
) -> None:
    combo = kind("Endpoint")
    combo.addItems(["Built-in", "Oxen.ai"])
    combo.setCurrentIndex(1)
    show(combo)
    interface = QAccessible.queryAccessibleInterface(combo)

    assert interface.role() == QAccessible.Role.ComboBox
    assert interface.text(QAccessible.Text.Name) == "Endpoint"
    assert interface.text(QAccessible.Text.Value) == "Oxen.ai"
    values = interface.child(0)
    assert [values.child(index).text(QAccessible.Text.Name) for index in (0, 1)] == ["Built-in", "Oxen.ai"]
    assert interface.state().expandable
    assert interface.indexOfChild(values) == 0


def test_names_of_combos_outlive_many_combos(show: Show) -> None:
    window = show()
    for index in range(100):
        combo = ComboBox(f"combo {index}", parent=window)
        assert QAccessible.queryAccessibleInterface(combo).text(QAccessible.Text.Name) == f"combo {index}"
        combo.deleteLater()
        del combo
    gc.collect()
    last = Segments("last", parent=window)

    assert QAccessible.queryAccessibleInterface(last).text(QAccessible.Text.Name) == "last"


def test_the_handle_of_a_slider_jumps_under_the_pointer(show: Show) -> None:
    slider = Slider()
    slider.setRange(0, 100)
    show(slider)
    QTest.mouseClick(slider, Qt.MouseButton.LeftButton, pos=QPoint(slider.width() - 6, 8))
    assert slider.value() == 100
    QTest.mouseClick(slider, Qt.MouseButton.LeftButton, pos=QPoint(slider.width() // 2, 8))
    assert abs(slider.value() - 50) <= 1


def test_the_ring_shows_for_the_keyboard_and_not_for_a_click(show: Show, qapp: QApplication) -> None:
    ring = FocusRing(qapp)
    first, second = Button("One"), Button("Two")
    show(first, second)
    first.setFocus()
    assert ring.target is None

    QTest.keyClick(first, Qt.Key.Key_Tab)
    assert ring.target is second
    QTest.keyClick(second, Qt.Key.Key_Backtab)
    assert ring.target is first
    first.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    second.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    QTest.mouseClick(second, Qt.MouseButton.LeftButton)
    assert ring.target is None
    first.setFocus(Qt.FocusReason.ShortcutFocusReason)
    assert ring.target is first
    ring.deleteLater()


def test_the_ring_survives_the_window_it_was_in(show: Show, qtbot: QtBot, qapp: QApplication) -> None:
    ring = FocusRing(qapp)
    window, first = QWidget(), [Button("One"), Button("Two")]
    line = QHBoxLayout(window)
    for button in first:
        line.addWidget(button)
    window.show()
    qtbot.waitExposed(window)
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    first[1].setFocus(Qt.FocusReason.ShortcutFocusReason)
    assert ring.target is first[1]
    with qtbot.waitSignal(window.destroyed):
        window.deleteLater()
    second = [Button("Three"), Button("Four")]
    show(*second)
    second[0].setFocus()
    QTest.keyClick(second[0], Qt.Key.Key_Tab)

    assert ring.target is second[1]
    ring.deleteLater()


def test_heights_follow_the_design_and_the_text_size(qtbot: QtBot) -> None:
    controls = [Button("Retry"), Button("Retry", compact=True), IconButton("plus", "New"), ComboBox("Preset")]
    for control in controls:
        qtbot.addWidget(control)
    assert [control.sizeHint().height() for control in controls] == [28, 24, 28, 28]
    theme().set_text_scale(2.0)
    doubled = [control.sizeHint().height() for control in controls]
    theme().set_text_scale(1.0)

    assert doubled == [56, 48, 56, 56]


def test_an_icon_button_is_named(qtbot: QtBot) -> None:
    button = IconButton("plus", "New conversation")
    qtbot.addWidget(button)
    interface = QAccessible.queryAccessibleInterface(button)

    assert interface.role() == QAccessible.Role.Button
    assert interface.text(QAccessible.Text.Name) == "New conversation"
    assert button.toolTip() == "New conversation"


def test_the_text_of_a_check_box_counts_as_the_box(show: Show) -> None:
    box = CheckBox("Keep the key")
    show(box)
    QTest.mouseClick(
        box, Qt.MouseButton.LeftButton, pos=QPoint(box.sizeHint().width() - 3, box.height() // 2)
    )

    assert box.isChecked()


def test_a_cut_label_offers_the_whole_text(show: Show, qtbot: QtBot) -> None:
    label = ElidedLabel("A title that is much too long for its place")
    qtbot.addWidget(label)
    label.resize(60, 20)
    label.show()
    assert label.toolTip() == "A title that is much too long for its place"
    label.resize(600, 20)
    assert label.toolTip() == ""


def test_choosing_a_tab_moves_no_tab(qtbot: QtBot) -> None:
    tabs = Tabs()
    for name in ("Parameters", "Reasoning", "Request", "Tokens"):
        tabs.addTab(name)
    qtbot.addWidget(tabs)
    before = [tabs.tabRect(index) for index in range(4)]
    tabs.setCurrentIndex(2)

    assert [tabs.tabRect(index) for index in range(4)] == before
    assert tabs.sizeHint().height() == 48


def test_a_growing_text_stays_between_its_limits(show: Show) -> None:
    edit = GrowingTextEdit("System prompt", least_lines=2, most_lines=5)
    edit.resize(300, 54)
    show(edit)
    told: list[str] = []
    edit.text_edited.connect(told.append)
    heights = []
    for lines in (0, 1, 3, 9):
        edit.set_text("\n".join("x" * lines))
        heights.append(edit.height())

    assert heights == [54, 54, 74, 114]
    assert told == []
    edit.set_text("")
    QTest.keyClicks(edit, "ab")
    assert told == ["a", "ab"]


def test_the_bar_of_a_scrolled_column_takes_no_width(show: Show, qtbot: QtBot) -> None:
    area, content = OverlayScrollArea(), QWidget()
    column = QVBoxLayout(content)
    tall = QWidget()
    column.addWidget(tall)
    area.setWidget(content)
    area.setFixedSize(200, 200)
    show(area)
    width = content.width()
    tall.setMinimumHeight(900)
    qtbot.waitUntil(lambda: area.verticalScrollBar().maximum() > 0)

    assert content.width() == width
    turn_wheel(area.viewport(), -3)
    assert area.verticalScrollBar().value() > 0
