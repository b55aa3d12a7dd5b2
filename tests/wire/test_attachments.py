from __future__ import annotations

import base64
import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.pictures import gif, png
from tests.wire.replies import SERVER

from drover.domain.attachments import attachment_of
from drover.domain.conversation import Attachment, Message, Role, TextPart
from drover.domain.endpoint import OXEN, FactOutcome, ParameterFact
from drover.domain.parameters import UNSET
from drover.domain.run import RunRequest
from drover.errors import ConfigurationError
from drover.wire import quirks as rows
from drover.wire.attachments import refusal
from drover.wire.chat import encode
from drover.wire.quirks import Quirks, quirks_for

PDF = b"%PDF-1.7\n" + bytes(range(256)) * 5000
NOTES = b"one\ntwo\n"
FILES = {
    part.hash: raw for part, raw in ((attachment_of("", raw), raw) for raw in (png(), gif(), PDF, NOTES))
}


def question(text: str, *parts: Attachment, role: Role = Role.USER) -> Message:
    return Message(
        id="m", conversation_id="c", parent_id=None, role=role, created_at=datetime(2026, 1, 1, tzinfo=UTC),
        parts=(*parts, TextPart(text=text)),
    )  # fmt: skip


def request(*branch: Message, **changes: Any) -> RunRequest:
    asked = RunRequest(endpoint=SERVER, model_id="m", branch=branch, parameters=UNSET, attached=FILES)
    return replace(asked, **changes)


def contents(asked: RunRequest) -> list[Any]:
    return [message["content"] for message in json.loads(encode(asked).body)["messages"]]


def data(kind: str, raw: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(raw).decode()}"


def test_pictures_and_documents_come_before_the_text_in_the_order_in_which_they_were_attached() -> None:
    parts = attachment_of("a.pdf", PDF), attachment_of("b.png", png()), attachment_of("c.gif", gif())
    assert contents(request(question("Compare.", *parts))) == [
        [
            {"type": "file", "file": {"filename": "a.pdf", "file_data": data("application/pdf", PDF)}},
            {"type": "image_url", "image_url": {"url": data("image/png", png())}},
            {"type": "image_url", "image_url": {"url": data("image/gif", gif())}},
            {"type": "text", "text": "Compare."},
        ]
    ]


def test_messages_without_pictures_stay_plain_strings_and_text_files_are_fenced_in_them() -> None:
    notes = attachment_of("notes.txt", NOTES)
    branch = question("Hi"), question("Sum up.", notes), question(" ", notes)
    fenced = "```notes.txt\none\ntwo\n```"
    assert contents(request(*branch)) == ["Hi", f"{fenced}\n\nSum up.", fenced]


def test_a_picture_without_a_word_is_sent_alone() -> None:
    (content,) = contents(request(question("", attachment_of("b.png", png()))))
    assert [part["type"] for part in content] == ["image_url"]


def test_the_same_request_gives_the_same_bytes() -> None:
    asked = request(question("x", attachment_of("b.png", png())))
    assert encode(asked).body == encode(asked).body


def test_bytes_that_are_gone_are_told_by_the_name_of_the_file() -> None:
    with pytest.raises(ConfigurationError, match=r"b\.png is no longer in the library"):
        encode(request(question("x", attachment_of("b.png", png())), attached={}))


def test_what_the_model_refused_is_left_out_by_name_and_said() -> None:
    fact = ParameterFact(
        endpoint_id="e", model_id="m", name="image_url", outcome=FactOutcome.REJECTED,
        noted_at=datetime(2026, 1, 1, tzinfo=UTC),
    )  # fmt: skip
    asked = request(
        question("And?", attachment_of("b.png", png()), attachment_of("a.pdf", PDF)), rejected=(fact,)
    )
    (content,) = contents(asked)
    assert [part["type"] for part in content] == ["file", "text"]
    assert content[1]["text"] == "[b.png was attached here.]\n\nAnd?"
    (adjustment,) = (each for each in encode(asked).adjustments if each.action == "dropped")
    assert (adjustment.name, adjustment.reason) == ("b.png", "this model takes no pictures")


def test_a_provider_that_takes_no_documents_is_one_row(monkeypatch: pytest.MonkeyPatch) -> None:
    row = Quirks(
        name="made-up",
        label="Made up",
        evidence=("-",),
        refused_attachments={"pdf": "it reads no PDF"},
        most_attachment_bytes={"image": 50},
    )
    monkeypatch.setattr(rows, "QUIRKS", {**rows.QUIRKS, "made-up": row})
    endpoint = replace(SERVER, provider="made-up", name="Made Up")
    pdf, picture = attachment_of("a.pdf", PDF), attachment_of("b.png", png())
    refused = refusal([pdf], quirks_for(endpoint), "Made Up")
    assert refused is not None
    assert refused.words == (
        "a.pdf cannot be sent to Made Up: it reads no PDF. Remove the PDF files, or choose another endpoint."
    )
    too_large = refusal([picture], quirks_for(endpoint), "Made Up")
    assert too_large is not None
    assert "Made Up takes pictures up to 50 bytes" in too_large.words
    assert contents(request(question("x", pdf), endpoint=endpoint)) == ["[a.pdf was attached here.]\n\nx"]


def test_the_limits_of_a_server_are_told_before_sending() -> None:
    picture = attachment_of("b.png", png())
    large = replace(attachment_of("a.pdf", PDF), size_bytes=24_000_001)
    assert refusal([picture], quirks_for(OXEN), "Oxen.ai") is None
    refused = refusal([large], quirks_for(OXEN), "Oxen.ai")
    assert refused is not None
    assert refused.message == "a.pdf is 24.1 MB large, and Oxen.ai takes PDF files up to 24 MB."
    many = refusal([replace(picture, size_bytes=19_000_000)] * 3, quirks_for(OXEN), "Oxen.ai")
    assert many is not None
    assert many.message == "The attachments are 57 MB together, and Oxen.ai takes 50 MB in one request."
