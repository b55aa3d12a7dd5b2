"""The Parameters tab: values in, one edit out per change."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtGui import QAccessible, QKeySequence
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractSlider,
    QApplication,
    QCheckBox,
    QComboBox,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
    QWidget,
)
from pytestqt.qtbot import QtBot

from drover.domain.endpoint import FactOutcome, ModelCard, ParameterFact
from drover.domain.parameters import (
    SPECS,
    UNSET,
    Json,
    ParameterKind,
    ParameterSpec,
    Preset,
    SamplingParameters,
    clamped,
)
from drover.domain.presets import with_shipped
from drover.ui.json_editor import JsonEditor
from drover.ui.number_field import NumberField
from drover.ui.parameter_panel import ParameterPanel
from drover.ui.parameter_rows import SliderScale, spans_a_slider
from drover.ui.stop_row import escaped, unescaped

NUMERIC = [name for name, spec in SPECS.items() if spec.kind in (ParameterKind.NUMBER, ParameterKind.INTEGER)]
WITH_SLIDER = [name for name in NUMERIC if spans_a_slider(SPECS[name])]
CAREFUL = Preset(
    id="careful",
    name="Puzzle, careful",
    parameters=SamplingParameters(temperature=0.7, max_tokens=4096),
    system_prompt="Be careful.",
)


class Desk:
    """The panel in a window, and what it has told."""

    def __init__(self, panel: ParameterPanel) -> None:
        self.panel = panel
        self.edits: list[SamplingParameters] = []
        panel.parameters_edited.connect(self.edits.append)

    def named(self, name: str) -> QWidget:
        """The one control with this accessible name."""
        found = [w for w in self.panel.findChildren(QWidget) if w.accessibleName() == name]
        assert len(found) == 1, f"{name}: {found}"
        return found[0]

    def box(self, name: str) -> QCheckBox:
        widget = self.named(f"Send {name}")
        assert isinstance(widget, QCheckBox)
        return widget

    def row(self, name: str) -> QWidget:
        parent = self.box(name).parentWidget()
        assert parent is not None
        return parent

    def field(self, name: str) -> NumberField:
        widget = self.named(name)
        assert isinstance(widget, NumberField)
        return widget

    def slider(self, name: str) -> QAbstractSlider:
        widget = self.named(f"{name} slider")
        assert isinstance(widget, QAbstractSlider)
        return widget

    def button(self, name: str) -> QPushButton:
        widget = self.named(name)
        assert isinstance(widget, QPushButton)
        return widget

    def combo(self, name: str) -> QComboBox:
        widget = self.named(name)
        assert isinstance(widget, QComboBox)
        return widget

    def more(self) -> None:
        """Opens what is folded."""
        button = next(b for b in self.panel.findChildren(QPushButton) if b.text() == "More parameters")
        button.click()

    def press(self, name: str) -> None:
        QTest.mouseClick(self.button(name), Qt.MouseButton.LeftButton)

    def named_texts(self) -> list[str]:
        return [label.accessibleName() for label in self.panel.findChildren(QLabel) if label.isVisible()]

    def texts(self) -> list[str]:
        return [label.text() for label in self.panel.findChildren(QLabel) if label.isVisible()]


@pytest.fixture
def desk(qtbot: QtBot) -> Desk:
    panel = ParameterPanel()
    qtbot.addWidget(panel)
    panel.resize(351, 852)
    panel.show()
    qtbot.waitExposed(panel)
    panel.activateWindow()
    qtbot.waitUntil(panel.isActiveWindow)
    qtbot.waitUntil(lambda: len(panel.findChildren(QCheckBox)) == len(SPECS))  # the folded rows come later
    return Desk(panel)


@pytest.mark.parametrize("name", SPECS)
def test_every_parameter_has_its_box_and_editor_under_the_agreed_names(desk: Desk, name: str) -> None:
    box = desk.box(name)
    assert box.accessibleDescription() == SPECS[name].help
    role = {
        ParameterKind.CHOICE: QAccessible.Role.ComboBox,
        ParameterKind.BOOLEAN: QAccessible.Role.ComboBox,
        ParameterKind.JSON: QAccessible.Role.ComboBox,
        ParameterKind.KEYS: QAccessible.Role.Button,
        ParameterKind.STRINGS: QAccessible.Role.EditableText,
    }
    editor = desk.named(name)
    expected = role.get(SPECS[name].kind, QAccessible.Role.SpinBox)
    assert QAccessible.queryAccessibleInterface(editor).role() == expected
    assert editor.accessibleDescription() == SPECS[name].help


@pytest.mark.parametrize("name", WITH_SLIDER)
def test_every_ranged_number_has_a_slider(desk: Desk, name: str) -> None:
    slider = desk.slider(name)
    assert QAccessible.queryAccessibleInterface(slider).role() == QAccessible.Role.Slider
    assert not slider.isEnabled()


def test_only_the_seed_has_more_values_than_its_slider() -> None:
    assert set(NUMERIC) - set(WITH_SLIDER) == {"seed"}


def test_the_slider_of_the_seed_goes_through_the_first_seeds_and_keeps_larger_ones(desk: Desk) -> None:
    desk.box("seed").click()
    slider = desk.slider("seed")
    slider.setValue(41)
    assert desk.edits[-1].seed == 41
    desk.panel.display(SamplingParameters(seed=123_456), "", (), None)
    assert slider.value() == slider.maximum()
    assert desk.field("seed").number == 123_456


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("Preset", QAccessible.Role.ComboBox), ("Save preset", QAccessible.Role.Button),
        ("Reset parameters", QAccessible.Role.Button), ("System prompt", QAccessible.Role.EditableText),
    ],
)  # fmt: skip
def test_the_other_controls_have_the_agreed_names(desk: Desk, name: str, role: QAccessible.Role) -> None:
    assert QAccessible.queryAccessibleInterface(desk.named(name)).role() == role


def test_nothing_is_sent_at_first_and_the_panel_says_what_that_means(desk: Desk) -> None:
    texts = desk.texts()
    assert "No parameters sent" in texts
    assert any("defaults apply" in text for text in texts)
    assert not any(desk.box(name).isChecked() for name in SPECS)
    assert not desk.button("Save preset").isEnabled()


@pytest.mark.parametrize("name", [name for name in SPECS if name != "stop"])
def test_a_tick_sends_the_initial_value_and_another_takes_it_away(desk: Desk, name: str) -> None:
    desk.box(name).click()
    desk.box(name).click()

    assert desk.edits == [UNSET.replaced(name, SPECS[name].initial), UNSET]


def test_a_value_taken_away_comes_back_with_the_next_tick(desk: Desk) -> None:
    desk.panel.display(SamplingParameters(temperature=0.31), "", (), None)
    desk.box("temperature").click()
    desk.box("temperature").click()

    assert desk.edits[-1].temperature == 0.31


def test_a_row_keeps_its_height_whatever_its_state(desk: Desk) -> None:
    heights = {name: desk.row(name).height() for name in SPECS}
    desk.panel.display(
        SamplingParameters(
            temperature=1.0, max_tokens=5, top_p=0.5, frequency_penalty=1.0, presence_penalty=1.0,
            reasoning_effort="low", seed=2**62, stop=("a",), top_k=1, min_p=0.1, repeat_penalty=1.0,
        ), "", (), None,
    )  # fmt: skip

    assert {name: desk.row(name).height() for name in SPECS} == heights
    assert set(heights.values()) == {32}


@given(share=st.floats(0, 1), name=st.sampled_from(WITH_SLIDER))
def test_a_slider_reaches_both_ends_and_finds_its_own_values_again(share: float, name: str) -> None:
    spec = SPECS[name]
    highest = spec.maximum if spec.maximum is not None else 131_072
    scale = SliderScale(spec, highest)
    position = round(share * scale.last)

    assert scale.position(scale.value(position)) == position
    assert (scale.value(0), scale.value(scale.last)) == (spec.minimum, highest)
    assert clamped(spec, scale.value(position)) == pytest.approx(scale.value(position))


def test_a_long_reply_slider_moves_by_ratios() -> None:
    scale = SliderScale(SPECS["max_tokens"], 131_072)
    values = [scale.value(position) for position in range(scale.last + 1)]

    assert {1, 2, 256, 1024, 4096, 131_072} <= set(values)
    assert values == sorted(set(values))
    assert 0.5 < scale.position(4096) / scale.last < 0.75


@pytest.mark.parametrize("name", WITH_SLIDER)
def test_slider_and_field_follow_each_other(desk: Desk, name: str) -> None:
    desk.box(name).click()
    slider = desk.slider(name)
    slider.setValue(slider.maximum())
    top = desk.edits[-1].get(name)
    assert desk.field(name).number == top

    field = desk.field(name)
    field.setFocus()
    QTest.keyClick(field, Qt.Key.Key_Down)
    assert desk.edits[-1].get(name) == pytest.approx(top - SPECS[name].step)  # type: ignore[operator]
    field.selectAll()
    QTest.keyClicks(field, str(int(SPECS[name].minimum or 0)))
    QTest.keyClick(field, Qt.Key.Key_Return)
    assert slider.value() == 0


def test_one_change_is_told_once(desk: Desk) -> None:
    desk.panel.display(SamplingParameters(temperature=0.2, top_p=0.9), "", (), None)
    assert desk.edits == []
    desk.slider("temperature").setValue(150)

    assert desk.edits == [SamplingParameters(temperature=1.5, top_p=0.9)]


def test_a_value_between_the_steps_of_the_slider_stays_as_it_is(desk: Desk) -> None:
    desk.panel.display(SamplingParameters(temperature=0.333, max_tokens=1000), "", (), None)

    assert desk.edits == []
    assert desk.field("temperature").text() == "0.333"
    assert desk.field("max_tokens").text().replace("\u202f", "") == "1000"


def test_a_comma_is_a_decimal_point_too(desk: Desk) -> None:
    desk.box("temperature").click()
    field = desk.field("temperature")
    field.setFocus()
    field.selectAll()
    QTest.keyClicks(field, "1,25")
    QTest.keyClick(field, Qt.Key.Key_Return)

    assert desk.edits[-1].temperature == 1.25
    assert field.text() == "1.25"


def test_what_is_too_large_is_clamped(desk: Desk) -> None:
    desk.box("temperature").click()
    field = desk.field("temperature")
    field.setFocus()
    field.selectAll()
    QTest.keyClicks(field, "99")
    QTest.keyClick(field, Qt.Key.Key_Return)

    assert desk.edits[-1].temperature == 2.0


def test_the_largest_seed_is_kept_to_the_last_digit(desk: Desk) -> None:
    desk.box("seed").click()
    field = desk.field("seed")
    field.setFocus()
    field.selectAll()
    QTest.keyClicks(field, "9223372036854775807")
    QTest.keyClick(field, Qt.Key.Key_Return)

    assert desk.edits[-1].seed == 2**63 - 1
    desk.panel.display(desk.edits[-1], "", (), None)
    assert field.text().replace("\u202f", "") == "9223372036854775807"


def test_another_seed_is_drawn(desk: Desk) -> None:
    desk.panel.display(SamplingParameters(seed=-0), "", (), None)
    for _ in range(5):
        desk.press("New random seed")

    seeds = [parameters.seed for parameters in desk.edits]
    assert len(set(seeds)) > 1
    assert all(seed is not None and 0 <= seed < 10**6 for seed in seeds)


def test_a_double_click_on_the_slider_takes_the_parameter_out(desk: Desk) -> None:
    desk.panel.display(SamplingParameters(temperature=0.2), "", (), None)
    QTest.mouseDClick(desk.slider("temperature"), Qt.MouseButton.LeftButton, pos=QPoint(40, 8))

    assert desk.edits[-1] == UNSET


def test_the_value_before_a_double_click_is_the_one_that_comes_back(desk: Desk) -> None:
    desk.panel.display(SamplingParameters(temperature=0.2), "", (), None)
    slider = desk.slider("temperature")
    QTest.mouseClick(slider, Qt.MouseButton.LeftButton, pos=QPoint(40, 8))
    QTest.mouseDClick(slider, Qt.MouseButton.LeftButton, pos=QPoint(40, 8))
    assert desk.edits[-1] == UNSET
    desk.box("temperature").click()

    assert desk.edits[-1].temperature == 0.2


@pytest.mark.parametrize("name", ["temperature", "stop", "logprobs", "response_format", "extra"])
def test_a_double_click_on_a_name_takes_the_parameter_out(desk: Desk, name: str) -> None:
    desk.panel.display(UNSET.replaced(name, SPECS[name].initial), "", (), None)
    title = SPECS[name].title or name
    label = next(label for label in desk.row(name).findChildren(QLabel) if label.text() == title)
    for _ in range(2):  # QTest counts each press by itself
        QTest.mouseClick(label, Qt.MouseButton.LeftButton)
        QTest.mouseDClick(label, Qt.MouseButton.LeftButton)
        assert desk.edits[-1] == UNSET


@pytest.mark.parametrize(
    ("name", "values", "usual"),
    [
        ("temperature", [0.0, 0.5, 1.0, 1.5, 2.0], 0.7),
        ("presence_penalty", [-2.0, -1.0, 0.0, 1.0, 2.0], 0.0),
        ("top_k", [0, 250, 500, 750, 1000], 40),
        ("repeat_penalty", [0.5, 1.0, 1.5, 2.0], 1.1),
        ("max_tokens", [1, 16, 256, 4096, 65536], 1024),
    ],
)
def test_ticks_stand_at_round_values_and_the_mark_at_the_usual_one(
    name: str, values: list[float], usual: float
) -> None:
    scale = SliderScale(SPECS[name], SPECS[name].maximum or 131_072)
    positions, mark = scale.ticks

    assert [scale.value(position) for position in positions] == values
    assert mark is not None
    assert scale.value(mark) == usual


@pytest.mark.parametrize("text", ["1,5", "1.5", " 1.50\n", "15e-1", "١٫٥", "+1.5"])
def test_numbers_of_any_locale_may_be_pasted(desk: Desk, text: str) -> None:
    desk.box("temperature").click()
    QApplication.clipboard().setText(text)
    field = desk.field("temperature")
    field.setFocus()
    field.selectAll()
    QTest.keySequence(field, QKeySequence.StandardKey.Paste)

    assert desk.edits[-1].temperature == 1.5
    QTest.keyClick(field, Qt.Key.Key_Return)
    assert field.text() == "1.50"


@pytest.mark.parametrize("text", ["16 384", "16 384", "16'384", "16,384", "16.384", "1.6384e4"])
def test_thousands_of_any_locale_may_be_pasted(desk: Desk, text: str) -> None:
    desk.box("max_tokens").click()
    QApplication.clipboard().setText(text)
    field = desk.field("max_tokens")
    field.setFocus()
    field.selectAll()
    QTest.keySequence(field, QKeySequence.StandardKey.Paste)

    assert desk.edits[-1].max_tokens == 16_384


REJECTED = ParameterFact(
    endpoint_id="e", model_id="m", name="presence_penalty", outcome=FactOutcome.REJECTED,
    words="Unsupported parameter: presence_penalty", noted_at=datetime(2025, 11, 3, 12, tzinfo=UTC),
)  # fmt: skip


def test_a_rejected_parameter_says_when_and_why_and_is_not_counted(desk: Desk) -> None:
    desk.panel.display(SamplingParameters(temperature=0.1, presence_penalty=1.0), "", (), None)
    desk.panel.display_facts([REJECTED])
    assert "rejected on 3 Nov 2025" in desk.texts()
    assert f"1 of {len(SPECS)} parameters sent" in desk.texts()
    box = desk.box("presence_penalty")
    assert not box.isEnabled()
    assert "“Unsupported parameter: presence_penalty”" in box.accessibleDescription()
    assert not desk.field("presence_penalty").isVisible()
    assert desk.row("presence_penalty").height() == 32

    desk.panel.display_facts([])
    assert box.isEnabled()
    assert desk.field("presence_penalty").number == 1.0
    assert desk.field("presence_penalty").isVisible()
    assert f"2 of {len(SPECS)} parameters sent" in desk.texts()


def test_a_rejection_is_forgotten_by_keyboard(desk: Desk, qtbot: QtBot) -> None:
    desk.panel.display_facts([REJECTED])
    box = desk.box("frequency_penalty")
    box.setFocus(Qt.FocusReason.TabFocusReason)
    QTest.keyClick(box, Qt.Key.Key_Tab)
    icon = desk.button("Why presence_penalty was rejected")
    assert icon.hasFocus()
    QTest.keyClick(icon, Qt.Key.Key_Space)
    note = QApplication.activePopupWidget()
    assert note is not None
    forget = note.focusWidget()
    assert isinstance(forget, QPushButton)
    assert forget.accessibleName() == "Forget the rejection of presence_penalty"
    with qtbot.waitSignal(desk.panel.forget_requested) as told:
        QTest.keyClick(forget, Qt.Key.Key_Return)

    assert told.args == ["presence_penalty"]
    assert QApplication.activePopupWidget() is None


@pytest.mark.parametrize("name", SPECS)
def test_every_row_gives_way_to_a_rejection_and_comes_back(desk: Desk, name: str) -> None:
    desk.panel.display(UNSET.replaced("top_k", 1), "", (), None)
    shown = [child for child in desk.row(name).findChildren(QWidget) if child.isVisible()]
    desk.panel.display_facts([dataclasses.replace(REJECTED, name=name)])
    desk.panel.display(UNSET.replaced("top_k", 2), "", (), None)
    left = [child for child in desk.row(name).findChildren(QWidget) if child.isVisible()]
    assert desk.box(name) in left
    assert desk.named(name) not in left
    desk.panel.display_facts([])

    assert [child for child in desk.row(name).findChildren(QWidget) if child.isVisible()] == shown


def test_what_had_no_effect_is_said_in_the_tip(desk: Desk) -> None:
    desk.panel.display_facts([dataclasses.replace(REJECTED, outcome=FactOutcome.NO_EFFECT, words="")])

    assert "Had no visible effect on 3 Nov 2025." in desk.row("presence_penalty").toolTip()
    assert desk.box("presence_penalty").isEnabled()


def test_effort_is_chosen_by_arrow_keys_and_unknown_words_are_shown(desk: Desk) -> None:
    desk.box("reasoning_effort").click()
    combo = desk.combo("reasoning_effort")
    combo.setFocus()
    QTest.keyClick(combo, Qt.Key.Key_Right)
    assert desk.edits[-1].reasoning_effort == "high"

    desk.panel.display(SamplingParameters(reasoning_effort="minimal"), "", (), None)
    assert combo.currentText() == "minimal"


def test_true_and_false_are_both_sent(desk: Desk) -> None:
    desk.box("logprobs").click()
    combo = desk.combo("logprobs")
    assert combo.currentText() == "true"
    combo.setFocus()
    QTest.keyClick(combo, Qt.Key.Key_Right)

    assert [edit.logprobs for edit in desk.edits] == [True, False]
    assert dict(desk.edits[-1]) == {"logprobs": False}


def test_the_form_of_the_reply_is_chosen_and_a_schema_that_was_written_is_kept(desk: Desk) -> None:
    written = Json('{"type":"json_schema","json_schema":{"name":"n","schema":{}}}')
    desk.panel.display(SamplingParameters(response_format=written), "", (), None)
    combo = desk.combo("response_format")
    assert combo.currentText() == "schema"
    assert desk.button("Edit schema…").isEnabled()
    for index in (0, 1, 2):
        combo.setCurrentIndex(index)

    values = [edit.response_format for edit in desk.edits]
    assert values == [Json('{"type":"text"}'), Json('{"type":"json_object"}'), written]


def test_extra_keys_are_counted_and_edited_in_a_dialog(desk: Desk) -> None:
    desk.box("extra").click()
    assert {"no keys yet", "No parameters sent"} <= set(desk.texts())
    desk.press("extra")
    editor = desk.panel.findChild(JsonEditor)
    assert editor is not None
    editor.findChild(QPlainTextEdit).setPlainText('{"user": "me", "top_a": 0.2}')  # type: ignore[union-attr]
    save = next(button for button in editor.findChildren(QPushButton) if button.text() == "Save")
    save.click()

    assert {"2 keys", f"1 of {len(SPECS)} parameters sent"} <= set(desk.texts())
    assert dict(desk.edits[-1]) == {"user": Json('"me"'), "top_a": Json("0.2")}


def test_a_stop_text_is_written_edited_and_taken_away(desk: Desk) -> None:
    desk.box("stop").click()
    assert "No parameters sent" in desk.texts()
    field = desk.named("stop")
    assert isinstance(field, QLineEdit)
    assert field.hasFocus()
    QTest.keyClicks(field, "\\n\\nQ:")
    QTest.keyClick(field, Qt.Key.Key_Return)
    assert [edit.stop for edit in desk.edits] == [(), ("\n\nQ:",)]

    desk.press("Edit stop text \\n\\nQ:")
    assert field.text() == "\\n\\nQ:"
    QTest.keyClicks(field, "END")
    QTest.keyClick(field, Qt.Key.Key_Return)
    assert [edit.stop for edit in desk.edits][2:] == [("END",)]

    desk.press("Remove stop text END")
    assert [edit.stop for edit in desk.edits][3:] == [()]


def test_escape_gives_up_a_stop_text(desk: Desk) -> None:
    desk.panel.display(SamplingParameters(stop=("a",)), "", (), None)
    desk.press("Add stop text")
    field = desk.named("stop")
    QTest.keyClicks(field, "b")
    QTest.keyClick(field, Qt.Key.Key_Escape)

    assert desk.edits == []
    assert not field.isVisible()


def test_four_stop_texts_are_the_most(desk: Desk) -> None:
    desk.panel.display(SamplingParameters(stop=("one", "two", "three", "a rather long text")), "", (), None)

    assert not desk.button("Add stop text").isEnabled()
    row = desk.row("stop")
    chips = [child for child in row.findChildren(QPushButton) if child.text()]
    assert len(chips) == 4
    places = [QRect(chip.mapTo(row, QPoint(0, 0)), chip.size()) for chip in chips]
    assert all(row.rect().contains(place) for place in places)


@given(st.text())
def test_an_escaped_text_is_one_line_and_comes_back(text: str) -> None:
    assert unescaped(escaped(text)) == text
    assert not set("\n\t\r") & set(escaped(text))


def test_a_preset_shows_what_came_from_it_and_what_was_changed(desk: Desk) -> None:
    desk.panel.display(CAREFUL.parameters, "Be careful.", [CAREFUL], "careful")
    combo = desk.combo("Preset")
    assert (combo.currentText(), combo.accessibleDescription()) == ("Puzzle, careful", "")
    assert not desk.button("Save preset").isEnabled()

    desk.slider("temperature").setValue(20)
    assert combo.accessibleDescription() == "(changed)"
    assert desk.button("Save preset").isEnabled()
    assert f"2 of {len(SPECS)} parameters sent" in desk.texts()


def test_a_preset_that_keeps_its_place_is_changed_by_another_one(desk: Desk) -> None:
    there = dataclasses.replace(CAREFUL, endpoint_id="own", model_id="m")
    desk.panel.display(CAREFUL.parameters, "Be careful.", [there], "careful")
    desk.panel.display_place("own", "m")
    assert desk.combo("Preset").accessibleDescription() == ""
    desk.panel.display_place("own", "other")
    assert desk.combo("Preset").accessibleDescription() == "(changed)"


def test_saving_is_asked_for_and_not_done_here(desk: Desk, qtbot: QtBot) -> None:
    desk.panel.display(SamplingParameters(temperature=0.1), "", [CAREFUL], "careful")
    with qtbot.waitSignal(desk.panel.preset_bar.save_requested):
        desk.press("Save preset")


def test_a_preset_that_comes_with_drover_says_where_its_values_are_from(desk: Desk) -> None:
    desk.panel.display(UNSET, "", with_shipped([CAREFUL]), "shipped-gpt-oss")
    about = [words for words in desk.named_texts() if words.startswith("What the makers of gpt-oss")]
    assert about == [
        "What the makers of gpt-oss recommend for both sizes. Comes with Drover: duplicate it to change it."
    ]
    desk.panel.display(UNSET, "", with_shipped([CAREFUL]), "careful")
    assert not any("Comes with Drover" in words for words in desk.named_texts())


def test_a_preset_and_none_can_be_chosen(desk: Desk) -> None:
    chosen: list[object] = []
    desk.panel.preset_bar.chosen.connect(chosen.append)
    desk.panel.display(UNSET, "", [CAREFUL], None)
    combo = desk.combo("Preset")
    combo.setFocus()
    QTest.keyClick(combo, Qt.Key.Key_Down)
    QTest.keyClick(combo, Qt.Key.Key_Up)

    assert chosen == ["careful", None]


def test_reset_asks_and_changes_nothing_itself(desk: Desk, qtbot: QtBot) -> None:
    desk.panel.display(SamplingParameters(temperature=0.1), "", (), None)
    with qtbot.waitSignal(desk.panel.reset_requested):
        desk.press("Reset parameters")

    assert desk.edits == []
    assert desk.box("temperature").isChecked()


def test_the_system_prompt_is_told_as_it_is_typed_and_not_when_displayed(desk: Desk) -> None:
    told: list[str] = []
    desk.panel.system_prompt_edited.connect(told.append)
    desk.panel.display(UNSET, "Be brief.", (), None)
    assert told == []
    prompt = desk.named("System prompt")
    QTest.keyClicks(prompt, "A")

    assert told == ["ABe brief."]


def test_displaying_what_is_being_typed_leaves_cursor_and_text_alone(desk: Desk) -> None:
    desk.panel.display(SamplingParameters(temperature=0.7), "", (), None)
    desk.panel.parameters_edited.connect(lambda edited: desk.panel.display(edited, "", (), None))
    field = desk.field("temperature")
    field.setFocus()
    field.selectAll()
    QTest.keyClicks(field, "1,")

    assert field.lineEdit().text() == "1,"
    QTest.keyClicks(field, "5")
    assert desk.edits[-1].temperature == 1.5
    assert field.lineEdit().text() == "1,5"


def test_the_panel_works_by_keyboard_alone(desk: Desk) -> None:
    box = desk.box("temperature")
    box.setFocus(Qt.FocusReason.TabFocusReason)
    QTest.keyClick(box, Qt.Key.Key_Space)
    QTest.keyClick(box, Qt.Key.Key_Tab)
    slider = desk.slider("temperature")
    assert slider.hasFocus()
    QTest.keyClick(slider, Qt.Key.Key_Right)
    QTest.keyClick(slider, Qt.Key.Key_PageUp)
    QTest.keyClick(slider, Qt.Key.Key_Tab)
    field = desk.field("temperature")
    assert field.hasFocus()
    QTest.keyClick(field, Qt.Key.Key_Up)
    QTest.keyClick(field, Qt.Key.Key_Tab)
    assert desk.box("max_tokens").hasFocus()

    assert [edit.temperature for edit in desk.edits] == [0.7, 0.71, 0.81, 0.82]


def test_more_parameters_open_by_themselves_when_one_is_set(desk: Desk) -> None:
    assert not desk.box("top_k").isVisible()
    desk.panel.display(SamplingParameters(top_k=20), "", (), None)
    assert desk.box("top_k").isVisible()


def test_the_card_says_what_is_known_and_nothing_else(desk: Desk) -> None:
    desk.panel.display_card(
        ModelCard(
            id="SmolLM2-135M-Instruct", context_tokens=8192, input_modalities=("text",),
            input_usd_per_token=0.0, output_usd_per_token=0.0, source="From the model file",
        )
    )  # fmt: skip
    texts = [text.replace("\u202f", " ") for text in desk.texts()]
    assert texts[-4:] == [
        "SmolLM2-135M-Instruct", "8 192 tokens of context · text", "Runs on this computer, no cost",
        "From the model file",
    ]  # fmt: skip
    desk.box("max_tokens").click()
    desk.slider("max_tokens").setValue(desk.slider("max_tokens").maximum())
    assert desk.edits[-1].max_tokens == 8192

    desk.panel.display_card(ModelCard(id="unknown-model"))
    assert desk.texts()[-1] == "unknown-model"


def test_every_fact_of_a_model_is_listed_with_its_origin(desk: Desk) -> None:
    desk.panel.display_card(
        ModelCard(
            id="some/model", name="Some model", context_tokens=32_768, input_usd_per_token=5e-8,
            source="From Oxen.ai", fetched_at=datetime.now(UTC), notes=("It is tiny.",),
        )
    )  # fmt: skip
    desk.button("About this model").setFocus()
    QTest.keyClick(desk.button("About this model"), Qt.Key.Key_Space)
    note = QApplication.activePopupWidget()
    assert note is not None
    words = [label.text().replace("\u202f", " ") for label in note.findChildren(QLabel)]
    assert words == [
        "Some model", "Id", "some/model", "Context", "32 768 tokens", "Longest reply", "unknown", "Takes",
        "unknown", "Price in", "$0.05 per million tokens", "Price out", "unknown", "Parameters",
        "not listed by the server", "It is tiny.", "From Oxen.ai, just now",
    ]  # fmt: skip
    QTest.keyClick(note, Qt.Key.Key_Escape)
    assert QApplication.activePopupWidget() is None


def test_a_price_list_says_how_old_it_is(desk: Desk) -> None:
    desk.panel.display_card(
        ModelCard(
            id="openai-gpt-oss-20b", input_usd_per_token=5e-8, output_usd_per_token=2e-7,
            source="From Oxen.ai", fetched_at=datetime.now(UTC),
        )
    )  # fmt: skip

    assert desk.texts()[-2:] == ["$0.05 in, $0.20 out per million tokens", "From Oxen.ai, just now"]


def test_a_tip_explains_each_parameter_with_its_range(desk: Desk) -> None:
    tip = desk.row("temperature").toolTip()

    assert SPECS["temperature"].help in tip
    assert "0 to 2" in tip


def spec(name: str, kind: ParameterKind, **more: Any) -> ParameterSpec:
    first = {ParameterKind.TEXT: "", ParameterKind.BOOLEAN: True, ParameterKind.INTEGER: 5}.get(kind, 0.5)
    return ParameterSpec(name=name, kind=kind, **{"initial": first, "help": "", **more})


MIXED = (Json('"auto"'), Json("4"), Json("8"))
PICTURE_MODEL = [
    spec("prompt", ParameterKind.TEXT),
    spec("strength", ParameterKind.NUMBER, minimum=0.0, maximum=1.0, step=0.01),
    spec("width", ParameterKind.INTEGER, is_common=False),
    spec("length", ParameterKind.JSON, options=MIXED, initial=MIXED[0], is_common=False),
    spec("height", ParameterKind.INTEGER, next_to="width"),
    spec("temperature", ParameterKind.NUMBER, minimum=0.5, maximum=9.0, initial=3.0, is_common=False),
    spec("guide", ParameterKind.NUMBER, is_nullable=True, is_common=False),
    spec("sharp", ParameterKind.BOOLEAN, is_common=False),
    spec("place", ParameterKind.JSON, initial=Json("{}"), is_common=False),
]


def rows_in_sight(desk: Desk) -> list[str]:
    boxes = [box for box in desk.panel.findChildren(QCheckBox) if box.isVisible()]
    boxes.sort(key=lambda box: box.mapTo(desk.panel, QPoint(0, 0)).y())
    return [box.accessibleName().removeprefix("Send ") for box in boxes]


@pytest.fixture
def picture_desk(desk: Desk) -> Desk:
    desk.panel.display_specs(PICTURE_MODEL)
    return desk


def test_a_models_own_parameters_stand_in_its_order_with_the_basic_ones_first(picture_desk: Desk) -> None:
    assert rows_in_sight(picture_desk) == ["prompt", "strength"]
    picture_desk.more()
    assert rows_in_sight(picture_desk) == [
        "prompt", "strength", "width", "height", "length", "temperature", "guide", "sharp", "place", "extra",
    ]  # fmt: skip


def test_parameters_that_belong_together_share_a_line_where_there_is_room(
    picture_desk: Desk, qtbot: QtBot
) -> None:
    picture_desk.more()
    width, height = picture_desk.row("width"), picture_desk.row("height")
    assert height.geometry().top() == width.geometry().bottom() + 1
    picture_desk.panel.resize(700, 852)
    qtbot.waitUntil(lambda: height.geometry().top() == width.geometry().top())
    assert height.geometry().left() > width.geometry().right()
    picture_desk.panel.display_specs(())
    assert rows_in_sight(picture_desk) == list(SPECS)


def test_names_outside_the_catalogue_are_keys_of_extra(picture_desk: Desk) -> None:
    picture_desk.more()
    for name in ("prompt", "strength", "width", "length", "guide", "sharp", "place"):
        picture_desk.box(name).click()
    picture_desk.combo("length").setCurrentIndex(1)

    assert dict(picture_desk.edits[-1]) == {
        "prompt": Json('""'), "strength": Json("0.5"), "width": Json("5"), "guide": Json("0.5"),
        "sharp": Json("true"), "place": Json("{}"), "length": Json("4"),
    }  # fmt: skip
    assert not picture_desk.box("extra").isChecked()
    picture_desk.box("sharp").click()
    assert "sharp" not in picture_desk.edits[-1].extra_keys


def test_null_is_another_thing_than_nothing(picture_desk: Desk) -> None:
    picture_desk.more()
    assert not picture_desk.button("Send null as guide").isVisible()
    picture_desk.box("guide").click()
    picture_desk.button("Send null as guide").click()
    assert dict(picture_desk.edits[-1]) == {"guide": Json("null")}
    assert not picture_desk.field("guide").isEnabled()
    picture_desk.button("Send null as guide").click()
    assert dict(picture_desk.edits[-1]) == {"guide": Json("0.5")}
    picture_desk.box("guide").click()
    assert dict(picture_desk.edits[-1]) == {}


def test_a_known_parameter_keeps_to_the_models_range(picture_desk: Desk) -> None:
    picture_desk.more()
    picture_desk.box("temperature").click()
    assert picture_desk.edits[-1].temperature == 2.0
    slider = picture_desk.slider("temperature")
    slider.setValue(slider.minimum())

    assert picture_desk.edits[-1].temperature == 0.5


def test_further_keys_stay_in_extra_and_keys_with_a_row_are_refused_there(picture_desk: Desk) -> None:
    given = SamplingParameters(extra=Json('{"strength":0.25,"sharp":"very","user":"me"}'))
    picture_desk.panel.display(given, "", (), None)
    assert picture_desk.field("strength").number == 0.25
    assert not picture_desk.box("sharp").isChecked()
    assert "2 keys" in picture_desk.texts()

    picture_desk.press("extra")
    editor = picture_desk.panel.findChild(JsonEditor)
    assert editor is not None
    text = editor.findChild(QPlainTextEdit)
    assert text is not None
    save = next(button for button in editor.findChildren(QPushButton) if button.text() == "Save")
    text.setPlainText('{"strength": 1}')
    assert not save.isEnabled()
    text.setPlainText('{"user": "you"}')
    save.click()
    assert picture_desk.edits[-1].extra_keys == {"strength": 0.25, "user": "you"}


def test_what_is_set_but_unknown_to_the_model_stays_in_sight(picture_desk: Desk) -> None:
    picture_desk.panel.display(SamplingParameters(top_k=7), "", (), None)
    assert "top_k" in rows_in_sight(picture_desk)
    assert "1 of 11 parameters sent" in picture_desk.texts()
    picture_desk.box("top_k").click()
    assert "top_k" in rows_in_sight(picture_desk)

    picture_desk.panel.display_specs(())
    assert rows_in_sight(picture_desk) == list(SPECS)


def test_tab_goes_through_a_models_rows_from_top_to_bottom(picture_desk: Desk) -> None:
    picture_desk.more()
    picture_desk.box("prompt").setFocus()
    stops = []
    for _ in range(8):
        widget = picture_desk.panel.focusWidget()
        assert widget is not None
        stops.append(widget.accessibleName() or "More parameters")
        QTest.keyClick(widget, Qt.Key.Key_Tab)

    assert stops == [
        "Send prompt", "Send strength", "More parameters", "Send width", "Send height", "Send length",
        "Send temperature", "Send guide",
    ]  # fmt: skip


def test_long_choices_are_a_list(desk: Desk) -> None:
    words = ("square", "portrait 4:3", "portrait 16:9", "landscape 4:3", "landscape 16:9")
    desk.panel.display_specs(
        [spec("size", ParameterKind.CHOICE, choices=words, initial="square", is_nullable=True)]
    )
    desk.box("size").click()
    combo = desk.combo("size")
    assert [combo.itemText(index) for index in range(combo.count())] == [*words, "null"]
    combo.setCurrentIndex(2)
    assert dict(desk.edits[-1]) == {"size": Json('"portrait 16:9"')}
    combo.setCurrentIndex(5)
    assert dict(desk.edits[-1]) == {"size": Json("null")}
