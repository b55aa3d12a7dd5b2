"""How files and pictures come to a draft, and what is asked before they are sent."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any

from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QMimeData, QObject
from PySide6.QtGui import QImage, QImageWriter
from PySide6.QtWidgets import QFileDialog

from drover.domain.attachments import AttachmentKind, kind_of
from drover.domain.conversation import Attachment
from drover.domain.endpoint import FactOutcome, ModelCard
from drover.engine.threads import in_daemon_thread
from drover.engine.workbench import Workbench
from drover.errors import DroverError, running_text
from drover.ui.drafting import Drafting
from drover.ui.main_window import MainWindow
from drover.ui.shown import ShownConversation

_MOST_NOTICES = 3


class Attaching(QObject):
    """Serves the attach button, what is dropped or pasted, and a click on an attachment."""

    def __init__(
        self,
        workbench: Workbench,
        window: MainWindow,
        drafting: Drafting,
        shown: ShownConversation,
        spawn: Callable[[Coroutine[Any, Any, Any]], None],
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._workbench = workbench
        self._window = window
        self._drafting = drafting
        self._shown = shown
        self._spawn = spawn
        self._count = 0
        """Of files that are being read."""

    # Ways in

    def ask_which(self) -> None:
        """Asks for files."""
        dialog = QFileDialog(self._window, self.tr("Attach files"))
        dialog.setFileMode(QFileDialog.FileMode.ExistingFiles)
        dialog.filesSelected.connect(self.attach_files)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def take(self, source: QMimeData) -> None:
        """Attaches the files, or the picture, that were dropped or pasted."""
        paths = [url.toLocalFile() for url in source.urls() if url.isLocalFile()]
        if paths:
            self.attach_files(paths)
        elif source.hasImage():
            image = source.imageData()
            if isinstance(image, QImage) and not image.isNull():
                self._begin([image])

    def attach_files(self, paths: Sequence[str]) -> None:
        """Attaches these files, in their order."""
        self._begin([Path(path) for path in paths])

    def _begin(self, sources: Sequence[Path | QImage]) -> None:
        self._count += len(sources)
        self._window.composer.display_reading(self._count)
        self._spawn(self._attach(self._shown.id, sources))

    async def _attach(self, conversation_id: str | None, sources: Sequence[Path | QImage]) -> None:
        refused: list[DroverError] = []
        for source in sources:
            try:
                self._drafting.attach(conversation_id, await self._read(source))
            except DroverError as error:
                refused.append(error)
            finally:
                self._count -= 1
                self._window.composer.display_reading(self._count)
        if refused:
            self._window.show_notice(self._refusals(refused), is_warning=True)

    async def _read(self, source: Path | QImage) -> Attachment:
        if isinstance(source, QImage):
            raw = await in_daemon_thread(lambda: _png_of(source), name="encode picture")
            return await self._workbench.attach(raw, self.tr("Pasted picture.png"))
        return await self._workbench.attach(source)

    def _refusals(self, refused: Sequence[DroverError]) -> str:
        """Each for itself, then once what all of them advise."""
        told = [running_text(error.message, None) for error in refused[:_MOST_NOTICES]]
        more = len(refused) - _MOST_NOTICES
        if more == 1:
            told.append(self.tr("1 more file was not attached."))
        elif more > 1:
            told.append(self.tr("{0} more files were not attached.").format(more))
        hints = list(dict.fromkeys(error.hint for error in refused[:_MOST_NOTICES] if error.hint))
        told += [hint for hint in hints if sum(hint in other for other in hints) == 1]
        return " ".join(told)

    # Looking at one

    def open(self, part: Attachment) -> None:
        """Shows one attachment."""
        self._spawn(self._show(part))

    async def _show(self, part: Attachment) -> None:
        from drover.ui.attachment_dialog import AttachmentDialog

        raw = await self._workbench.attachment_bytes(part.hash)
        AttachmentDialog(part, raw, self._window).open()

    # Before sending

    def doubtful_kind(self) -> AttachmentKind | None:
        """A kind of attachment in the draft, or before it, of which it is not known that the model takes it.

        What a model refused is left out of earlier messages by itself.
        """
        own = {kind_of(part) for part in self._drafting.draft.attachments}
        outcomes = self._outcomes()
        for kind in (AttachmentKind.IMAGE, AttachmentKind.PDF):
            outcome = outcomes.get(kind.fact_name)
            is_refused = outcome is FactOutcome.REJECTED
            if outcome is FactOutcome.ACCEPTED or _takes(self._drafting.card, kind):
                continue
            if kind in own or (not is_refused and self._is_sent_before(kind)):
                return kind
        return None

    def ask_about(self, kind: AttachmentKind) -> None:
        """Asks whether it is to be sent all the same."""
        is_refused = self._outcomes().get(kind.fact_name) is FactOutcome.REJECTED
        name = self._drafting.model_id or self._drafting.endpoint.name
        what = self.tr("pictures") if kind is AttachmentKind.IMAGE else self.tr("PDF files")
        if is_refused:
            words = self.tr("{0} refused {1} before.")
        elif self._drafting.card is not None and self._drafting.card.input_modalities:
            words = self.tr("{0} is said to take no {1}.")
        else:
            words = self.tr("{0} is not known to take {1}.")
        self._window.composer.ask(
            words.format(name, what),
            [
                ("send", self.tr("Send anyway")),
                ("remove", self.tr("Remove the {0}").format(what)),
                ("model", self.tr("Choose another model")),
            ],
        )

    def forget_question(self) -> None:
        """There is nothing to ask any more."""
        self._window.composer.ask("", [])

    def remove(self, kind: AttachmentKind) -> None:
        """Takes all of a kind out of the draft; earlier messages go without from now on."""
        parts = self._drafting.draft.attachments
        kept = tuple(part for part in parts if kind_of(part) is not kind)
        if kept != parts:
            self._drafting.replace(attachments=kept)
        if self._is_sent_before(kind):
            self._spawn(self._leave_out(kind))

    async def _leave_out(self, kind: AttachmentKind) -> None:
        endpoint, model_id = self._drafting.endpoint, self._drafting.model_id
        await self._workbench.note_attachment_refusal(endpoint, model_id, kind)

    def _outcomes(self) -> dict[str, FactOutcome]:
        facts = self._workbench.facts(self._drafting.endpoint, self._drafting.model_id)
        return {fact.name: fact.outcome for fact in facts}

    def _is_sent_before(self, kind: AttachmentKind) -> bool:
        earlier = self._shown.attached_to(self._drafting.follows_id)
        return any(kind_of(part) is kind for part in earlier)


def _takes(card: ModelCard | None, kind: AttachmentKind) -> bool:
    if card is None:
        return False
    names = {"image"} if kind is AttachmentKind.IMAGE else {"file", "pdf", "document"}
    return any(name.lower().rstrip("s") in names for name in card.input_modalities)


def _png_of(image: QImage) -> bytes:
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    QImageWriter(buffer, QByteArray(b"png")).write(image)
    return bytes(buffer.data().data())
