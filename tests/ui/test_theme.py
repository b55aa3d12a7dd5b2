"""Colours, type and icons."""

from __future__ import annotations

import gc
import re
from collections.abc import Iterator

import pytest
from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QGuiApplication, QIcon, QImage, QPainter, QPalette
from PySide6.QtWidgets import QApplication, QDialog, QVBoxLayout
from pytestqt.qtbot import QtBot

from drover.paths import resource
from drover.ui.labels import Label
from drover.ui.number_field import NumberField
from drover.ui.theme import (
    DARK,
    LIGHT,
    Theme,
    ThemeMode,
    aligned,
    contrast,
    draw_hairline,
    theme,
)

SURFACES = ("page", "window", "raised", "code", "user", "hover", "select", "caution-bg")
LEAST_CONTRAST = {
    "text": (13.5, 10.7), "text-2": (5.9, 6.4), "text-3": (4.6, 4.9), "strong": (3.2, 3.8),
    "accent": (6.8, 4.6), "caution": (5.4, 7.1),
}  # fmt: skip
ROUNDING = 0.051

ICONS = [
    "menu", "sidebar-left", "sidebar-right", "search", "plus", "settings", "chevron-down", "chevron-right",
    "chevron-left", "close", "send", "stop", "copy", "edit", "regenerate", "inspect", "more", "clock",
    "columns", "key", "attach", "wrap", "warning", "info", "bookmark", "check", "arrow-down", "dice", "pin",
    "trash", "retry", "sliders", "download", "external",
]  # fmt: skip


@pytest.fixture
def look(qapp: QApplication) -> Iterator[Theme]:
    yield theme()
    theme().set_mode("system")
    theme().set_text_scale(1.0)


@pytest.mark.parametrize("token", LEAST_CONTRAST)
@pytest.mark.parametrize("surface", SURFACES)
def test_text_and_marks_stand_out_on_every_surface(token: str, surface: str) -> None:
    for table, least in zip((LIGHT, DARK), LEAST_CONTRAST[token], strict=True):
        assert contrast(QColor(table[token]), QColor(table[surface])) >= least - ROUNDING


@pytest.mark.parametrize(
    ("ink", "ground", "light", "dark"),
    [
        ("on-accent", "accent", 8.5, 6.5), ("tip-text", "tip", 12.6, 13.6), ("text", "hit", 14.0, 6.9),
        ("text", "thinking", 7.9, 7.9), ("text", "answering", 7.9, 7.9), ("disabled", "page", 2.7, 3.2),
        ("line", "page", 1.25, 1.35), ("border", "page", 1.65, 1.95),
    ],
)  # fmt: skip
def test_pairs_keep_their_stated_contrast(ink: str, ground: str, light: float, dark: float) -> None:
    assert contrast(QColor(LIGHT[ink]), QColor(LIGHT[ground])) >= light - ROUNDING
    assert contrast(QColor(DARK[ink]), QColor(DARK[ground])) >= dark - ROUNDING


@pytest.mark.parametrize("token", [token for token in LIGHT if token.startswith("syntax-")])
def test_code_is_readable_in_every_colour(token: str) -> None:
    assert contrast(QColor(LIGHT[token]), QColor(LIGHT["code"])) >= 5.3 - ROUNDING
    assert contrast(QColor(DARK[token]), QColor(DARK["code"])) >= 5.9 - ROUNDING


@pytest.mark.parametrize("token", ["c1", "c2", "c3", "c4", "c5", "c6"])
def test_chart_colours_are_seen_on_every_surface(token: str) -> None:
    for table in (LIGHT, DARK):
        for surface in ("page", "window", "raised"):
            assert contrast(QColor(table[token]), QColor(table[surface])) >= 3 - ROUNDING


def test_both_appearances_name_the_same_tokens() -> None:
    assert list(LIGHT) == list(DARK)


@pytest.mark.parametrize(("mode", "table"), [("light", LIGHT), ("dark", DARK)])
def test_a_mode_reaches_palette_tokens_and_style_sheet(
    look: Theme, mode: ThemeMode, table: dict[str, str]
) -> None:
    look.set_mode(mode)

    assert look.is_dark == (mode == "dark")
    assert look.color("page").name() == table["page"]
    palette = QGuiApplication.palette()
    assert palette.color(QPalette.ColorRole.Window).name() == table["window"]
    assert palette.color(QPalette.ColorRole.Highlight).name() == table["select"]
    sheet = QApplication.instance().styleSheet()  # type: ignore[union-attr]
    assert table["border"] in sheet
    assert "@" not in sheet


def test_the_desktops_own_change_is_followed_at_once_unless_a_mode_was_chosen(look: Theme) -> None:
    hints = QGuiApplication.styleHints()
    hints.colorSchemeChanged.emit(Qt.ColorScheme.Dark)
    assert (look.is_dark, look.color("page").name()) == (True, DARK["page"])
    hints.colorSchemeChanged.emit(Qt.ColorScheme.Light)
    assert (look.is_dark, look.color("page").name()) == (False, LIGHT["page"])

    look.set_mode("light")
    hints.colorSchemeChanged.emit(Qt.ColorScheme.Dark)
    assert look.color("page").name() == LIGHT["page"]


def test_a_change_is_told_once_and_a_repetition_not_at_all(look: Theme) -> None:
    told: list[bool] = []

    def note() -> None:
        told.append(look.is_dark)

    look.changed.connect(note)
    look.set_mode("dark")
    look.set_mode("dark")
    look.set_text_scale(1.5)
    look.set_text_scale(1.5)
    look.changed.disconnect(note)

    assert told == [True, True]


@pytest.mark.parametrize(("asked", "got"), [(0.1, 0.5), (1.5, 1.5), (9.0, 3.0)])
def test_text_size_is_kept_within_reason_and_scales_fonts_and_rows(
    look: Theme, asked: float, got: float
) -> None:
    ordinary, row = look.font("ui").pointSizeF(), look.px(32)
    look.set_text_scale(asked)

    assert look.text_scale == got
    assert look.font("ui").pointSizeF() == pytest.approx(ordinary * got)
    assert look.px(32) == pytest.approx(row * got, abs=1)


def test_roles_keep_their_ratio_to_the_systems_own_size(look: Theme) -> None:
    size = look.font("ui").pointSizeF()
    ratios = {role: look.font(role).pointSizeF() / size for role in ("display", "body", "small")}

    assert ratios == pytest.approx({"display": 20 / 13, "body": 15 / 13, "small": 12 / 13})


@pytest.mark.parametrize("name", ICONS)
def test_an_icon_has_the_colour_of_its_token_and_the_size_of_the_screen(look: Theme, name: str) -> None:
    source = resource(f"icons/{name}.svg").read_text()
    assert re.findall(r"#[0-9a-fA-F]{3,8}", source) == []
    look.set_mode("light")
    for ratio in (1.0, 1.25, 1.5, 2.0):
        picture = look.icon(name, "accent").pixmap(QSize(16, 16), ratio)
        image = picture.toImage()
        assert image.width() == round(16 * ratio)
        assert _is_near(_densest(image), QColor(LIGHT["accent"]))


def test_an_icon_that_is_already_shown_follows_the_mode(look: Theme) -> None:
    icon = look.icon("stop", "text-2")
    look.set_mode("light")
    light = _densest(icon.pixmap(QSize(16, 16), 1.0).toImage()).name()
    look.set_mode("dark")
    dark = _densest(icon.pixmap(QSize(16, 16), 1.0).toImage()).name()
    disabled = _densest(icon.pixmap(QSize(16, 16), 1.0, QIcon.Mode.Disabled).toImage()).name()

    assert (light, dark, disabled) == (LIGHT["text-2"], DARK["text-2"], DARK["disabled"])


def test_copies_of_an_icon_outlive_the_first(look: Theme) -> None:
    copies = []
    for _ in range(50):
        icon = look.icon("copy")
        copy = QIcon(icon)
        copy.setIsMask(True)  # detaches: the engine is cloned
        copies.append(copy)
        del icon
    gc.collect()

    assert all(not copy.pixmap(QSize(16, 16), 1.0).isNull() for copy in copies)


@pytest.mark.parametrize(("ratio", "thickness"), [(1.0, 1), (1.25, 1), (1.5, 2), (2.0, 2)])
def test_a_hairline_covers_whole_device_pixels(qapp: QApplication, ratio: float, thickness: int) -> None:
    image = QImage(round(40 * ratio), round(40 * ratio), QImage.Format.Format_RGB32)
    image.setDevicePixelRatio(ratio)
    image.fill(QColor("white"))
    painter = QPainter(image)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    draw_hairline(painter, QPointF(0, 17), 40, QColor("black"))
    painter.end()

    values = [image.pixelColor(3, y).value() for y in range(image.height())]
    assert [value for value in values if value not in (0, 255)] == []
    assert values.count(0) == thickness


def test_an_unknown_token_is_refused(look: Theme) -> None:
    with pytest.raises(KeyError):
        look.color("red")


def _is_near(first: QColor, second: QColor) -> bool:
    """Equal but for what the premultiplied alpha of a thin line rounds away."""
    pairs = zip(first.getRgb()[:3], second.getRgb()[:3], strict=True)  # type: ignore[index]
    return all(abs(one - other) <= 3 for one, other in pairs)


def _densest(image: QImage) -> QColor:
    """The most opaque pixel's own colour."""
    pixels = [image.pixelColor(x, y) for x in range(image.width()) for y in range(image.height())]
    return max(pixels, key=lambda color: color.alpha())


def test_a_text_size_chosen_before_the_first_showing_stays(look: Theme, qtbot: QtBot) -> None:
    dialog = QDialog()
    qtbot.addWidget(dialog)
    label, field = Label("words", role="small"), NumberField(is_integer=True)
    column = QVBoxLayout(dialog)
    for widget in (label, field):
        column.addWidget(widget)
    look.set_text_scale(1.5)
    dialog.show()
    assert label.font().pointSizeF() == look.font("small").pointSizeF()
    assert field.font().pointSizeF() == field.lineEdit().font().pointSizeF()
    look.set_text_scale(2.0)
    assert label.font().pointSizeF() == look.font("small").pointSizeF()
    assert field.font().pointSizeF() == field.lineEdit().font().pointSizeF()


def test_only_figures_that_stack_are_tabular(look: Theme) -> None:
    tabular = QFont.Tag("tnum")
    assert look.font("small").featureValue(tabular) == 1
    assert look.font("ui", 600).featureValue(tabular) == 0
    assert look.font("body").featureValue(tabular) == 0


def test_no_edge_falls_outside_its_widget_at_125_percent(look: Theme) -> None:
    picture = QImage(200, 200, QImage.Format.Format_ARGB32)
    painter = QPainter(picture)
    painter.scale(1.25, 1.25)
    painter.translate(0, 2)  # at device pixel 2.5, where Qt's clip begins with the third
    top = painter.deviceTransform().mapRect(aligned(painter, QRectF(0, 0, 40, 40))).top()
    painter.end()
    assert top == pytest.approx(3.0)
