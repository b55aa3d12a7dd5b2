"""Pictures in answers: what is shown unasked, what waits for a click, what is refused."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QPoint, QSize, Qt
from PySide6.QtGui import QAccessible, QColor, QContextMenuEvent, QGuiApplication, QImage, QImageWriter
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QFileDialog, QLabel, QMenu, QPushButton, QWidget
from pytestqt.qtbot import QtBot
from tests.pictures import data_url, deep_png, gif, png, png_bomb

from drover.ui.find_marks import WidgetHits
from drover.ui.find_search import HitList
from drover.ui.markdown_places import Place
from drover.ui.markdown_text import BlockText, MarkdownText
from drover.ui.markdown_view import MarkdownView
from drover.ui.picture_view import PicturePopup, PictureStack, PictureView, file_name, shown_size
from drover.ui.pictures import MOST_DATA_CHARS, Picture, Pictures, decoded

WIDTH = 400
TOO_LARGE = "The picture is too large to show: "
URL = "https://upload.example.org/pictures/a%20cat.png"


@pytest.fixture
def pictures(qapp: QApplication) -> Pictures:
    return Pictures()


@pytest.fixture
def view(qtbot: QtBot, pictures: Pictures) -> MarkdownView:
    made = MarkdownView(pictures=pictures)
    qtbot.addWidget(made)
    made.show()
    return made


def lay_out(view: MarkdownView, width: int = WIDTH) -> int:
    height = view.lay_out(width)
    while view.reveal(-1, height + 100_000):
        height = view.lay_out(width)
    view.resize(width, height)
    return height


def shown(view: MarkdownView) -> list[PictureView]:
    return [found for found in view.findChildren(PictureView) if found.isVisible()]


def words(widget: QWidget) -> list[str]:
    labels = [label.text() for label in widget.findChildren(QLabel) if label.isVisible() and label.text()]
    return labels + [button.text() for button in widget.findChildren(QPushButton) if button.isVisible()]


def button_of(view: PictureView) -> QPushButton:
    button = view.findChild(QPushButton)
    assert isinstance(button, QPushButton)
    return button


def canvas(view: PictureView) -> QLabel:
    (found,) = (label for label in view.findChildren(QLabel) if label.isVisible() and not label.text())
    return found


def has_pixmap(view: PictureView) -> bool:
    return not canvas(view).pixmap().isNull()


def encoded(width: int, height: int, kind: str) -> bytes:
    image = QImage(width, height, QImage.Format.Format_RGB32)
    image.fill(QColor("#8a2b2b"))
    return saved(image, kind)


def saved(image: QImage, kind: str) -> bytes:
    array = QByteArray()
    buffer = QBuffer(array)
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    assert QImageWriter(buffer, QByteArray(kind.encode())).write(image)
    return bytes(array.data())


def test_a_picture_on_the_web_is_a_placeholder_that_names_its_host(
    view: MarkdownView, pictures: Pictures, qtbot: QtBot
) -> None:
    asked: list[tuple[str, str]] = []
    pictures.fetch_requested.connect(lambda *what: asked.append(what))
    view.display(f"A cat:\n![a *cat*]({URL})\nand prose")
    lay_out(view)
    (placeholder,) = shown(view)
    assert words(placeholder) == ["Image from upload.example.org", "a cat", "Fetch once"]
    assert placeholder.height() == 40
    assert placeholder.toolTip() == URL
    assert asked == []
    button_of(placeholder).click()
    assert asked == [(URL, URL)]
    assert words(placeholder) == ["Fetching the image from upload.example.org…", "a cat"]


def test_what_was_fetched_is_shown_wherever_it_is_named_and_without_another_click(
    view: MarkdownView, pictures: Pictures, qtbot: QtBot
) -> None:
    view.display(f"![a cat]({URL})\n\n![again]({URL})")
    lay_out(view)
    with qtbot.waitSignal(view.height_changed):
        pictures.receive(URL, png(40, 30))
    lay_out(view)
    first, second = shown(view)
    qtbot.waitUntil(lambda: has_pixmap(first) and has_pixmap(second))
    assert [canvas(one).accessibleName() for one in (first, second)] == ["a cat", "again"]
    assert first.toolTip() == "a cat"
    assert canvas(first).size() == QSize(40, 30)
    assert canvas(first).grab().toImage().pixelColor(20, 15) == QColor(138, 43, 43)
    interface = QAccessible.queryAccessibleInterface(canvas(first))
    assert interface.role() == QAccessible.Role.Graphic
    view.restyle()
    lay_out(view)
    assert [words(one) for one in shown(view)] == [[], []]


@pytest.mark.parametrize(
    ("natural", "width", "expected"),
    [
        ((300, 200), 400, (300, 200)),
        ((800, 200), 400, (400, 100)),
        ((300, 9000), 400, (26, 800)),
        ((8000, 1), 400, (400, 1)),
        ((1, 1), 400, (1, 1)),
    ],
)
def test_a_picture_is_scaled_down_and_never_up(
    natural: tuple[int, int], width: int, expected: tuple[int, int]
) -> None:
    assert shown_size(QSize(*natural), width) == QSize(*expected)


@pytest.mark.parametrize("kind", ["png", "jpeg", "webp"])
def test_the_room_for_a_picture_in_the_answer_is_known_before_it_is_decoded(
    view: MarkdownView, qtbot: QtBot, kind: str
) -> None:
    view.display(f"![chart]({data_url(encoded(800, 300, kind), f'image/{kind}')})")
    assert lay_out(view) == 150
    (picture,) = shown(view)
    qtbot.waitUntil(lambda: has_pixmap(picture))
    assert lay_out(view) == 150
    pixmap = canvas(picture).pixmap()
    assert (pixmap.width(), pixmap.height()) == (400, 150)


def test_an_animation_shows_its_first_frame(view: MarkdownView, qtbot: QtBot) -> None:
    view.display(f"![spinner]({data_url(gif(), 'image/gif')})")
    lay_out(view)
    (picture,) = shown(view)
    qtbot.waitUntil(lambda: has_pixmap(picture))
    assert canvas(picture).size() == QSize(4, 3)


def test_a_turned_photograph_stands_upright(qapp: QApplication) -> None:
    raw = encoded(60, 20, "jpeg")
    exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"
    turned = raw[:2] + b"\xff\xe1" + (len(exif) + 2).to_bytes(2) + exif + raw[2:]
    picture = Pictures().picture(data_url(turned))
    assert picture.size == QSize(20, 60)
    assert decoded(picture, QSize(10, 30)).size() == QSize(10, 30)


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        (data_url(b"<svg/>", "image/svg+xml"), "A drawing in SVG, which may hold scripts, is not shown."),
        (data_url(b"<svg/>"), "The data are no PNG, JPEG, WebP or GIF picture."),
        (data_url(png_bomb()), f"{TOO_LARGE}20\u202f000 × 20\u202f000 pixels."),
        (data_url(gif(9000, 6000), "image/gif"), f"{TOO_LARGE}9\u202f000 × 6\u202f000 pixels."),
        (data_url(png()[:20]), "The picture is broken."),
        ("data:image/png,%89PNG", "The data of the image cannot be read."),
        ("data:image/png;base64,", "The data are no PNG, JPEG, WebP or GIF picture."),
        ("data:image/png;base64,!!!!", "The data are no PNG, JPEG, WebP or GIF picture."),
        (data_url(bytes(MOST_DATA_CHARS)), "The image takes 6.7 MB of text; up to 5.0 MB are shown."),
    ],
    ids=["svg", "svg as png", "png bomb", "gif bomb", "cut", "not base64", "empty", "nonsense", "large"],
)  # fmt: skip
def test_what_is_not_shown_is_said_in_words_and_at_once(view: MarkdownView, url: str, sentence: str) -> None:
    started_s = time.monotonic()
    view.display(f"![x]({url})")
    lay_out(view)
    assert time.monotonic() - started_s < 1
    (placeholder,) = shown(view)
    assert words(placeholder) == [sentence]
    assert placeholder.accessibleName() == f"x, {sentence}"


def test_a_picture_whose_data_are_broken_further_on_says_so(view: MarkdownView, qtbot: QtBot) -> None:
    raw = bytearray(png(200, 200))
    raw[60:90] = b"\xff" * 30
    view.display(f"![x]({data_url(bytes(raw))})")
    lay_out(view)
    (picture,) = shown(view)
    qtbot.waitUntil(lambda: words(picture) == ["The picture is broken."])
    assert lay_out(view) == 40


def test_as_much_of_a_cut_photograph_is_shown_as_there_is(qapp: QApplication) -> None:
    image = QImage.fromData(encoded(400, 300, "png"))
    for x in range(0, 400, 3):
        image.setPixelColor(x, x % 300, QColor("white"))
    raw = saved(image, "jpeg")
    picture = Pictures().picture(data_url(raw[: len(raw) // 2]))
    top = decoded(picture, QSize(400, 300)).pixelColor(350, 5)
    assert (top.red() > 100, top.green() < 80) == (True, True)


def test_what_would_take_too_much_memory_for_its_depth_is_refused(qapp: QApplication) -> None:
    assert "too large" in Pictures().picture(data_url(deep_png(6000, 5000))).trouble
    small = Picture(raw=png(), format="png", size=QSize(4, 3))
    assert decoded(small, QSize(4, 3)).size() == QSize(4, 3)


def test_while_it_is_being_written_an_image_is_words_and_its_data_are_counted(view: MarkdownView) -> None:
    url = data_url(encoded(300, 300, "png") + b"\0" * 30_000)
    text = f"See:\n\n![a chart]({url})"
    for start in range(0, len(text), 1000):
        view.feed(text[start : start + 1000])
        lay_out(view)
        told = [one.toPlainText() for one in view.findChildren(MarkdownText) if one.isVisible()]
        assert "AAAA" not in "".join(told)
    assert told == ["See:\n[Image: a chart]"]
    assert shown(view) == []
    view.finish()
    assert lay_out(view) > 300
    assert len(shown(view)) == 1


def test_data_that_never_end_are_words_too(view: MarkdownView) -> None:
    view.display("![a chart](data:image/png;base64," + "iVBOR" * 68_000)
    lay_out(view)
    (text,) = view.findChildren(BlockText)
    assert text.toPlainText() == "[Image: a chart, 341 KB so far]"


def test_a_megabyte_of_data_in_a_sentence_costs_no_room_and_no_time(view: MarkdownView) -> None:
    url = data_url(b"\x89PNG\r\n\x1a\n" + bytes(750_000))
    started_s = time.monotonic()
    view.display(f"Before ![dot]({url}) after.\n\n| a |\n|---|\n| ![dot]({url}) |")
    assert view.lay_out(WIDTH) < 300
    lay_out(view)
    assert time.monotonic() - started_s < 1
    told = [" ".join(text.toPlainText().split()) for text in view.findChildren(MarkdownText)]
    assert told == ["Before [Image: dot] after.", "a [Image: dot]"]


def test_an_address_that_is_not_of_the_web_stays_words(view: MarkdownView, tmp_path: Path) -> None:
    file = tmp_path / "x.png"
    file.write_bytes(png())
    view.display(f"![x]({file.as_uri()})\n\n![y](//e.org/y.png)\n\n![z](y.png)")
    lay_out(view)
    assert shown(view) == []


def test_a_host_is_named_in_letters_that_cannot_pass_for_others(view: MarkdownView) -> None:
    view.display("![x](https://wikip\u0435dia.org/x.png)")
    lay_out(view)
    assert words(shown(view)[0])[0] == "Image from xn--wikipdia-g8g.org"


def test_text_below_a_picture_stays_where_it_is_when_the_picture_comes(
    view: MarkdownView, pictures: Pictures
) -> None:
    view.display(f"above\n\n![a cat]({URL})\n\n" + "below\n\n" * 20)
    before = lay_out(view)
    (placeholder,) = shown(view)
    stack = placeholder.parentWidget()
    assert isinstance(stack, PictureStack)
    anchor = view.anchor_at(stack.y() + 30, "body")
    pictures.receive(URL, png(200, 340))
    assert lay_out(view) == before + 300
    assert view.y_of(anchor) == stack.y() + 330


def test_failures_offer_another_try_and_redirects_the_other_host(
    view: MarkdownView, pictures: Pictures
) -> None:
    asked: list[tuple[str, str]] = []
    pictures.fetch_requested.connect(lambda *what: asked.append(what))
    view.display(f"![a cat]({URL})")
    lay_out(view)
    (placeholder,) = shown(view)
    pictures.fail(URL, "upload.example.org answered 404 Not Found.", URL)
    assert words(placeholder) == ["upload.example.org answered 404 Not Found.", "Retry"]
    button_of(placeholder).click()
    pictures.redirect(URL, URL, "https://cdn.example.net/x.png")
    assert words(placeholder) == [
        "upload.example.org redirects to cdn.example.net.", "Fetch from cdn.example.net",
    ]  # fmt: skip
    button_of(placeholder).click()
    assert asked == [(URL, URL), (URL, "https://cdn.example.net/x.png")]
    pictures.redirect(URL, URL, "file:///etc/passwd")
    assert words(placeholder) == ["upload.example.org redirects to what is no address of the web."]


def test_no_more_is_kept_than_a_session_can_bear(pictures: Pictures) -> None:
    raw = png() + bytes(19_000_000)
    urls = [f"https://e.org/{number}.png" for number in range(5)]
    for url in urls:
        pictures.receive(url, raw)
    assert [bool(pictures.picture(url).raw) for url in urls] == [False, False, True, True, True]
    assert pictures.picture(urls[0]).address == urls[0]


def open_menu(view: PictureView) -> QMenu:
    event = QContextMenuEvent(QContextMenuEvent.Reason.Mouse, QPoint(2, 2), view.mapToGlobal(QPoint(2, 2)))
    QApplication.sendEvent(view, event)
    (menu,) = (found for found in view.findChildren(QMenu) if found.isVisible())
    return menu


def choose(view: PictureView, words: str) -> None:
    menu = open_menu(view)
    next(action for action in menu.actions() if action.text() == words).trigger()
    menu.close()


def test_a_picture_is_saved_copied_and_opened_from_its_menu(
    view: MarkdownView, pictures: Pictures, qtbot: QtBot, tmp_path: Path
) -> None:
    view.display(f"![a cat]({URL})")
    lay_out(view)
    (picture,) = shown(view)
    menu = open_menu(picture)
    assert [action.text() for action in menu.actions()] == ["Open link"]
    menu.close()
    raw = encoded(900, 30, "jpeg")
    pictures.receive(URL, raw)
    lay_out(view)
    with qtbot.waitSignal(view.link_activated) as opened:
        choose(picture, "Open link")
    assert opened.args == [URL]
    QGuiApplication.clipboard().clear()
    choose(picture, "Copy image")
    qtbot.waitUntil(lambda: not QGuiApplication.clipboard().image().isNull())
    assert QGuiApplication.clipboard().image().size() == QSize(900, 30)
    choose(picture, "Save as…")
    (dialog,) = view.findChildren(QFileDialog)
    assert [Path(name).name for name in dialog.selectedFiles()] == ["a cat.jpg"]
    dialog.fileSelected.emit(str(tmp_path / "cat.jpg"))
    assert (tmp_path / "cat.jpg").read_bytes() == raw
    with qtbot.waitSignal(pictures.noticed) as told:
        dialog.fileSelected.emit(str(tmp_path / "no folder" / "cat.jpg"))
    assert told.args[0].startswith("The image was not saved: ")
    dialog.close()


def test_a_saved_picture_is_called_what_it_is() -> None:
    assert file_name("https://e.org/a/cat.php?x=1", "webp") == "cat.webp"
    assert file_name("https://e.org/..%2F..%2Fetc/%2e%2e%2fx", "png") == "x.png"
    assert file_name("https://e.org/", "jpeg") == "image.jpg"
    assert file_name("data:image/png;base64,AA", "png") == "image.png"


def test_selection_and_hits_take_a_picture_for_its_words(view: MarkdownView) -> None:
    view.display(f"![a cat]({URL}) ![b]({URL})")
    lay_out(view)
    (stack,) = view.findChildren(PictureStack)
    assert stack.place_at(QPoint(5, 5)) == Place(0, 0)
    whole = len("[Image: a cat, upload.example.org] [Image: b, upload.example.org]")
    assert stack.place_at(QPoint(5, stack.height() - 2)) == Place(0, whole)
    assert stack.rect_of(Place(0, 40)).top() == 48
    plain = view.grab().toImage()
    view.select((Place(0, 0), Place(0, whole)))
    selected = view.grab().toImage()
    assert plain != selected
    view.select(None)
    assert view.grab().toImage() == plain
    hits = HitList()
    hits.append(0, 9, 12)
    stack.mark(WidgetHits(hits, hits.revision, None, 0))
    assert view.grab().toImage() != plain


def test_the_keyboard_reaches_the_button_and_then_the_picture(
    view: MarkdownView, pictures: Pictures, qtbot: QtBot
) -> None:
    view.display(f"![a cat]({URL})")
    lay_out(view)
    view.activateWindow()
    (placeholder,) = shown(view)
    button = button_of(placeholder)
    button.setFocus(Qt.FocusReason.TabFocusReason)
    QTest.keyClick(button, Qt.Key.Key_Space)
    pictures.receive(URL, png(40, 30))
    lay_out(view)
    assert view.focusWidget() is canvas(placeholder)


def popup_of(view: MarkdownView) -> PicturePopup:
    (popup,) = (found for found in view.findChildren(PicturePopup) if found.isVisible())
    return popup


def click_words(text: MarkdownText, words: str) -> None:
    at = text.document().find(words)
    at.setPosition(at.position() - 1)
    QTest.mouseClick(text.viewport(), Qt.MouseButton.LeftButton, pos=text.cursorRect(at).center())


@pytest.mark.parametrize("markdown", [f"See ![a cat]({URL}) here.", f"| h |\n|---|\n| ![a cat]({URL}) |"])
def test_an_image_in_running_text_offers_the_same_in_a_card(
    view: MarkdownView, pictures: Pictures, qtbot: QtBot, markdown: str
) -> None:
    asked: list[tuple[str, str]] = []
    pictures.fetch_requested.connect(lambda *what: asked.append(what))
    view.display(markdown)
    lay_out(view)
    (text,) = view.findChildren(MarkdownText)
    click_words(text, "[Image: a cat, upload.example.org]")
    popup = popup_of(view)
    (picture,) = popup.findChildren(PictureView)
    assert words(popup) == ["Image from upload.example.org", "a cat", "Fetch once"]
    assert asked == []
    QTest.keyClick(button_of(picture), Qt.Key.Key_Space)
    assert asked == [(URL, URL)]
    pictures.receive(URL, png(100, 60))
    qtbot.waitUntil(lambda: has_pixmap(picture))
    assert popup.size() == QSize(116, 76)
    QTest.keyClick(popup, Qt.Key.Key_Escape)
    assert not popup.isVisible()


def test_an_image_in_running_text_that_the_answer_holds_is_shown_by_a_click(
    view: MarkdownView, qtbot: QtBot
) -> None:
    view.display(f"See ![dots]({data_url(png(50, 40))}) and ![svg](data:image/svg+xml;base64,AA==).")
    lay_out(view)
    (text,) = view.findChildren(MarkdownText)
    click_words(text, "[Image: dots]")
    popup = popup_of(view)
    (picture,) = popup.findChildren(PictureView)
    qtbot.waitUntil(lambda: has_pixmap(picture))
    popup.close()
    click_words(text, "[Image: svg]")
    assert words(popup_of(view)) == ["A drawing in SVG, which may hold scripts, is not shown."]
    popup_of(view).close()


def test_without_a_session_of_pictures_the_words_are_a_link(qtbot: QtBot) -> None:
    view = MarkdownView()
    qtbot.addWidget(view)
    view.show()
    view.display(f"![a cat]({URL})")
    lay_out(view)
    (text,) = view.findChildren(MarkdownText)
    with qtbot.waitSignal(view.link_activated) as activated:
        click_words(text, "[Image: a cat, upload.example.org]")
    assert activated.args == [URL]
