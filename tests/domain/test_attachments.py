from __future__ import annotations

import json
import struct

import pytest
from tests.pictures import gif, png, png_bomb

from drover.domain.attachments import (
    MOST_BYTES,
    MOST_TEXT_BYTES,
    AttachmentKind,
    attachment_of,
    clean_name,
    fenced,
    image_size,
    refused_kind,
    sent_kinds,
    shortened_data,
    size_words,
    text_of,
)
from drover.domain.conversation import FilePart, ImagePart
from drover.domain.run import Failure, FailureKind
from drover.errors import ConfigurationError

PDF = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n%%EOF"


def jpeg(width: int, height: int) -> bytes:
    """Up to the start of the frame, behind a segment that must be skipped, with a fill byte."""
    segment = b"\xff\xe0\x00\x10JFIF\0\1\1\0\0\1\0\1\0\0"
    frame = b"\xff\xff\xc2\x00\x11\x08" + struct.pack(">HH", height, width) + b"\x03" + b"\0" * 9
    return b"\xff\xd8" + segment + frame


def webp(form: bytes, payload: bytes) -> bytes:
    chunk = form + struct.pack("<I", len(payload)) + payload
    return b"RIFF" + struct.pack("<I", 4 + len(chunk)) + b"WEBP" + chunk


def file_of(name: str, raw: bytes) -> FilePart:
    part = attachment_of(name, raw)
    assert isinstance(part, FilePart)
    return part


def refusal_of(name: str, raw: bytes) -> str:
    with pytest.raises(ConfigurationError) as refused:
        attachment_of(name, raw)
    return refused.value.words


@pytest.mark.parametrize(
    ("raw", "media_type", "size"),
    [
        (png(40, 30), "image/png", (40, 30)),
        (gif(320, 200), "image/gif", (320, 200)),
        (jpeg(1600, 900), "image/jpeg", (1600, 900)),
        (webp(b"VP8X", b"\0" * 4 + b"\x8f\x01\0" + b"\x2b\x01\0" + b"\0" * 8), "image/webp", (400, 300)),
        (webp(b"VP8L", b"\x2f" + struct.pack("<I", 399 | 299 << 14) + b"\0" * 8), "image/webp", (400, 300)),
        (webp(b"VP8 ", b"\0\0\0\x9d\x01\x2a" + struct.pack("<HH", 400, 300)), "image/webp", (400, 300)),
        (png_bomb(), "image/png", (20_000, 20_000)),
    ],
)
def test_a_picture_is_told_by_its_bytes_and_measured_by_its_header(
    raw: bytes, media_type: str, size: tuple[int, int]
) -> None:
    part = attachment_of("notes.txt", raw)
    assert isinstance(part, ImagePart)
    assert (part.media_type, part.width_px, part.height_px) == (media_type, *size)
    assert (part.name, part.size_bytes, len(part.hash)) == ("notes.txt", len(raw), 64)


@pytest.mark.parametrize(
    "raw", [png(4, 3)[:20], jpeg(9, 9)[:24], b"\xff\xd8\xff", b"GIF89a", webp(b"VP8X", b"")]
)
def test_a_picture_whose_header_is_cut_is_refused(raw: bytes) -> None:
    assert "is a broken" in refusal_of("cut.png", raw)


def test_a_header_cut_anywhere_raises_nothing_but_a_refusal() -> None:
    for whole in (png(), gif(), jpeg(3, 4), webp(b"VP8L", b"\x2f" + b"\0" * 20)):
        for end in range(len(whole)):
            image_size(whole[:end])


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"", "file is empty."),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "an SVG drawing"),
        (b"<?xml version='1.0'?>\n<!-- x -->\n<svg/>", "an SVG drawing"),
        (b"BM\x36\0", "a BMP picture"),
        (b"\0\0\0\x18ftypheic", "Save it as JPEG."),
        (b"\0\0\0\x18ftypmp42", "a video"),
        (b"PK\x03\x04word/document.xml", "save its pages as PDF"),
        (b"text \0 with a zero", "neither text nor a picture nor a PDF"),
        (bytes(range(1, 32)), "neither text"),
        (b"\xff\xfe\x00", "neither text"),
    ],
)
def test_what_cannot_be_sent_is_named_together_with_what_can(raw: bytes, words: str) -> None:
    told = refusal_of("file", raw)
    assert words.lower() in told.lower()
    assert not raw or "can be attached" in told


@pytest.mark.parametrize(
    ("raw", "media_type", "text"),
    [
        ("é\r\nü\r".encode(), "text/plain", "é\nü\n"),
        (b"\xef\xbb\xbfhi", "text/plain", "hi"),
        ("é😀".encode("utf-16"), "text/plain; charset=utf-16", "é😀"),
        ("né".encode("latin-1"), "text/plain; charset=windows-1252", "né"),
    ],
)
def test_a_text_is_read_in_the_encoding_that_it_is_said_to_have(
    raw: bytes, media_type: str, text: str
) -> None:
    part = file_of("a.txt", raw)
    assert part.media_type == media_type
    assert text_of(part, raw) == text


def test_a_pdf_is_told_by_its_bytes() -> None:
    assert file_of("paper", PDF).media_type == "application/pdf"
    assert file_of("paper", b"\n\n" + PDF).media_type == "application/pdf"


def test_a_fence_is_longer_than_any_in_the_file_and_bears_the_name() -> None:
    raw = b"before\n````\ninside\n````\n"
    assert fenced(file_of("a`b.md", raw), raw) == "`````a_b.md\nbefore\n````\ninside\n````\n`````"


def test_what_is_too_large_is_told_with_both_sizes() -> None:
    assert "4.1 MB" in (words := refusal_of("log.txt", b"a" * (MOST_TEXT_BYTES + 1)))
    assert "4 MB" in words
    assert "24.1 MB" in refusal_of("a.png", png() + b"\0" * MOST_BYTES)


@pytest.mark.parametrize(
    ("size", "words"),
    [
        (7, "7 bytes"),
        (1000, "1 KB"),
        (999_499, "999 KB"),
        (999_500, "1 MB"),
        (1_210_000, "1.3 MB"),
        (150_000_000, "150 MB"),
    ],
)
def test_a_size_is_never_told_smaller_than_a_limit_that_it_exceeds(size: int, words: str) -> None:
    assert size_words(size) == words


def test_a_name_is_free_of_folders_and_of_what_does_not_show() -> None:
    assert clean_name("C:\\temp\\a.png") == "a.png"
    assert clean_name("/tmp/in\u202evoice\n.pdf") == "invoice.pdf"
    assert clean_name("\n") == "file"
    assert clean_name("x" * 300 + ".json") == "x" * 114 + "….json"


def test_data_of_some_length_is_told_by_its_size_and_the_rest_stays_json() -> None:
    data = "QUJD" * 100_000
    messages = [{"content": f"data:image/png;base64,{data}"}, {"content": 'say ";base64,' + "é" * 300 + '"'}]
    shown = shortened_data(json.dumps({"messages": messages}).encode())
    assert json.loads(shown)["messages"] == [
        {"content": "data:image/png;base64,… (300 KB)"},
        messages[1],
    ]


def test_the_kinds_in_a_body_are_told_by_its_parts_and_not_by_what_is_said() -> None:
    part = '{"type":"image_url","image_url":{"url":"data:"}}'
    assert sent_kinds(part.encode()) == {AttachmentKind.IMAGE}
    assert not sent_kinds(json.dumps({"content": part}).encode())


@pytest.mark.parametrize(
    ("said", "status", "kind"),
    [
        (
            "image input is not supported - hint: if this is unexpected, you may need to provide the mmproj",
            500,
            "image",
        ),
        ("No endpoints found that support image input", 404, "image"),
        ("unknown variant `image_url`, expected `text`", 400, "image"),
        ("messages.0.content: Input should be a valid string", 422, "image"),
        ("You uploaded an unsupported image format", 400, None),
        ("image input is not supported", 429, None),
        ("Rate limit reached", 400, None),
    ],
)
def test_a_refusal_of_pictures_is_told_from_other_failures(said: str, status: int, kind: str | None) -> None:
    failure = Failure(kind=FailureKind.REQUEST, message="", said=said, status=status)
    assert refused_kind(failure, frozenset({AttachmentKind.IMAGE})) == kind
    assert refused_kind(failure, frozenset()) is None
