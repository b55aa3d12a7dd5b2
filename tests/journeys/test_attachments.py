"""Files and pictures that go with a message: chosen, dropped, pasted, taken away, sent, looked at again."""

from __future__ import annotations

import base64
import os
from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QImage
from PySide6.QtWidgets import QApplication, QFileDialog, QTextEdit, QWidget
from tests.journeys.conftest import endpoint_at
from tests.pictures import gif, png, png_bomb
from tests.provider import Provider
from tests.user import User

from drover.domain.endpoint import Endpoint
from drover.ui.attachment_dialog import AttachmentDialog
from drover.ui.attachment_shelf import AttachmentCard, AttachmentShelf, details_of

LLAMA_REFUSAL = (
    "image input is not supported - hint: if this is unexpected, you may need to provide the mmproj"
)


def files(folder: Path) -> tuple[Path, Path, Path]:
    """A picture, a text and a PDF."""
    photo, notes, paper = folder / "photo.png", folder / "notes.txt", folder / "paper.pdf"
    photo.write_bytes(png(40, 30))
    notes.write_text("one\ntwo\n")
    paper.write_bytes(b"%PDF-1.7\n%%EOF")
    return photo, notes, paper


def attaches(user: User, *paths: Path) -> User:
    """Chooses files with the button."""
    user.clicks("Attach files")
    (dialog,) = [top for top in QApplication.topLevelWidgets() if isinstance(top, QFileDialog)]
    user._does(dialog.filesSelected.emit, [str(path) for path in paths])
    user._does(dialog.reject)
    return sees_cards(user, *(path.name for path in paths))


def cards(user: User) -> list[str]:
    """The names of what is attached to the draft."""
    shelves = [shelf for shelf in user.window.composer.findChildren(AttachmentShelf) if shelf.isVisible()]
    return [part.name for shelf in shelves for part in shelf.parts]


def sees_cards(user: User, *names: str) -> User:
    return user.waits(lambda: cards(user) == list(names), f"cards {names}")


def data_of(paths: Sequence[Path]) -> QMimeData:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    return data


def drags(user: User, data: QMimeData) -> None:
    enter = QDragEnterEvent(
        user.window.rect().center(), Qt.DropAction.CopyAction, data,
        Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier,
    )  # fmt: skip
    user._does(QApplication.sendEvent, user.window, enter)


def drops(user: User, data: QMimeData) -> None:
    drop = QDropEvent(
        QPointF(user.window.rect().center()), Qt.DropAction.CopyAction, data,
        Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier,
    )  # fmt: skip
    user._does(QApplication.sendEvent, user.window, drop)


def takes(provider: Provider, *kinds: str) -> Endpoint:
    """A server that says of its model what it takes beside text."""
    about = {"id": "scripted-model", "architecture": {"input_modalities": ["text", *kinds]}}
    provider.models([about])
    return endpoint_at(provider.base_url)


def opens_with_card(user: User, endpoint: Endpoint) -> User:
    """Waits until it is known what the model takes."""
    user.opens(endpoint)
    reader = user.workbench.open_reader()
    user.waits(lambda: bool(reader.model_cards(endpoint.id)), "the list of models")
    reader.close()
    return user


def part_types(body: dict[str, object]) -> object:
    messages = body["messages"]
    assert isinstance(messages, list)
    content = messages[-1]["content"]
    return [part["type"] for part in content] if isinstance(content, list) else content


def test_files_are_attached_sent_seen_in_the_message_and_looked_at(
    user: User, provider: Provider, tmp_path: Path
) -> None:
    provider.answers("A red box.")
    opens_with_card(user, takes(provider, "image", "file"))
    attaches(user, *files(tmp_path))
    user.reads("1 message and 2 attachments of unknown size in tokens")
    user.types("What is it?").sends().sees("A red box.").sees_end()
    assert cards(user) == []
    (body,) = user.bodies()
    assert part_types(body) == ["image_url", "file", "text"]
    assert body == provider.requests[-1].json
    user.clicks(f"photo.png, PNG, {len(png(40, 30))} bytes, 40 × 30")
    user.waits(lambda: bool(user._shown(AttachmentDialog)), "the picture")
    user.clicks("Close")
    user.clicks("notes.txt, text, 8 bytes")
    user.waits(lambda: user.is_told("one\ntwo"), "the text")
    user.clicks("Close")


def test_a_card_is_reached_and_removed_with_the_keyboard(
    user: User, provider: Provider, scripted: Endpoint, tmp_path: Path
) -> None:
    provider.answers("ok")
    photo, notes, paper = files(tmp_path)
    attaches(user.opens(scripted), photo, notes, paper)
    user.clicks("Remove photo.png")
    sees_cards(user, "notes.txt", "paper.pdf")
    card = next(x for x in user.window.composer.findChildren(AttachmentCard) if x.part.name == "paper.pdf")
    user._does(card.setFocus)
    user.presses(Qt.Key.Key_Delete, into=card.accessibleName())
    sees_cards(user, "notes.txt")
    user.clicks("Send").sees_titles("notes.txt").sees("ok").sees_end()
    assert part_types(user.bodies()[0]) == "```notes.txt\none\ntwo\n```"


def test_files_dropped_anywhere_are_attached_and_what_cannot_be_is_told(
    user: User, scripted: Endpoint, tmp_path: Path
) -> None:
    photo, notes, _ = files(tmp_path)
    svg, huge, folder = tmp_path / "drawing.svg", tmp_path / "film.png", tmp_path / "folder"
    svg.write_text("<svg/>")
    huge.write_bytes(png())
    os.truncate(huge, 500_000_000)
    folder.mkdir()
    user.opens(scripted)
    data = data_of([photo, svg, huge, folder, tmp_path / "gone.txt", notes])
    drags(user, data)
    assert user.has("Drop to attach")
    drops(user, data)
    assert not user.has("Drop to attach")
    sees_cards(user, "photo.png", "notes.txt")
    user.reads("drawing.svg is an SVG drawing").reads("film.png is 500 MB large")
    user.reads("folder is a folder").reads("1 more file was not attached.")


def test_a_picture_from_the_clipboard_is_attached_as_png_and_text_stays_text(
    user: User, provider: Provider
) -> None:
    provider.answers("ok")
    opens_with_card(user, takes(provider, "image"))
    image = QImage(30, 20, QImage.Format.Format_RGB32)
    image.fill(Qt.GlobalColor.darkGreen)
    data = QMimeData()
    data.setImageData(image)
    field = user.finds("Message", QTextEdit)
    user._does(field.insertFromMimeData, data)
    sees_cards(user, "Pasted picture.png")
    data = QMimeData()
    data.setText("a table")
    data.setImageData(image)
    user._does(field.insertFromMimeData, data)
    assert user.says("Message") == "a table"
    user.sends().sees("ok").sees_end()
    (body,) = user.bodies()
    url = body["messages"][0]["content"][0]["image_url"]["url"]
    sent = QImage.fromData(base64.b64decode(url.removeprefix("data:image/png;base64,")))
    assert (sent.width(), sent.height()) == (30, 20)


def test_a_draft_keeps_its_files_over_a_restart_and_in_other_conversations(
    user: User, provider: Provider, scripted: Endpoint, tmp_path: Path
) -> None:
    provider.answers("ok")
    user.opens(scripted).asks("First").sees("ok").sees_end()
    attaches(user, *files(tmp_path)[:2])
    user.clicks("New conversation")
    sees_cards(user)
    user.opens_conversation("First")
    sees_cards(user, "photo.png", "notes.txt")
    user.starts_again()
    sees_cards(user, "photo.png", "notes.txt")


def test_an_edited_message_keeps_its_files_and_lets_them_go(
    user: User, provider: Provider, tmp_path: Path
) -> None:
    provider.answers("one")
    provider.answers("two")
    photo, notes, _ = files(tmp_path)
    opens_with_card(user, takes(provider, "image"))
    attaches(user, photo, notes)
    user.types("Look").sends().sees("one").sees_end()
    attaches(user, notes)
    user.clicks("Edit")
    sees_cards(user, "photo.png", "notes.txt")
    user.clicks("Remove photo.png").sends().sees("two").sees_end()
    assert part_types(user.bodies()[-1]) == "```notes.txt\none\ntwo\n```\n\nLook"
    sees_cards(user, "notes.txt")


def test_what_a_model_is_not_known_to_take_is_asked_first_and_its_refusal_is_remembered(
    user: User, provider: Provider, scripted: Endpoint, tmp_path: Path
) -> None:
    provider.fails(400, {"error": {"code": 400, "message": LLAMA_REFUSAL}})
    provider.answers("without")
    user.opens(scripted)
    attaches(user, files(tmp_path)[0])
    user.types("What is it?").sends()
    user.reads("scripted-model is not known to take pictures.")
    assert not user.runs()
    user.clicks("Send anyway").sees(LLAMA_REFUSAL).sees_end()
    user.reads("This model is sent no pictures from now on.")
    user.types("And now?").sends().sees("without").sees_end()
    assert user.bodies()[-1]["messages"][0]["content"] == "[photo.png was attached here.]\n\nWhat is it?"
    attaches(user, files(tmp_path)[0])
    user.types("Again").sends().reads("scripted-model refused pictures before.")
    user.clicks("Remove the pictures")
    sees_cards(user)
    assert not user.has("Send anyway")
    assert user.says("Message") == "Again"


def test_the_request_tells_data_by_their_size(user: User, scripted: Endpoint, tmp_path: Path) -> None:
    attaches(user.opens(scripted), files(tmp_path)[0])
    user.types("What is it?").clicks("JSON")
    user.reads('"url": "data:image/png;base64,… (')


def test_hostile_pictures_are_attached_without_being_unpacked(
    user: User, scripted: Endpoint, tmp_path: Path
) -> None:
    bomb, cut, film = tmp_path / "bomb.png", tmp_path / "cut.jpg", tmp_path / "film.gif"
    bomb.write_bytes(png_bomb())
    cut.write_bytes(b"\xff\xd8\xff\xc0\x00\x11\x08\x00\x10\x00\x10\x03" + b"\0" * 9)
    head, frame = gif(16, 16)[:19], gif(16, 16)[19:-1]
    film.write_bytes(head + frame * 10_000 + b";")
    user.opens(scripted)
    attaches(user, bomb, cut, film)
    thumbnails = user.window.thumbnails
    parts = [card.part for card in user.window.composer.findChildren(AttachmentCard)]
    user.waits(lambda: all(part.hash in thumbnails._known for part in parts), "the thumbnails")
    assert [thumbnails._known[part.hash].isNull() for part in parts] == [True, True, False]
    user.clicks(f"bomb.png, {details_of(parts[0])}")
    user.reads("This picture is broken, or too large to be shown.").clicks("Close")


def test_fifty_files_at_once_are_attached_in_their_order_and_scroll(
    user: User, scripted: Endpoint, tmp_path: Path
) -> None:
    paths = [tmp_path / f"{number:02}.txt" for number in range(50)]
    for path in paths:
        path.write_text(path.name)
    user.opens(scripted)
    data = data_of(paths)
    drags(user, data)
    drops(user, data)
    sees_cards(user, *(path.name for path in paths))
    shelf = user.finds("Attachments", QWidget)
    viewport = shelf.parentWidget()
    assert viewport is not None
    assert shelf.height() > viewport.height()
