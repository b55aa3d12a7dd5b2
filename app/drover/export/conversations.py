"""Conversations in each of the forms in which they leave the program, and the file they go to."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from drover.domain.record import ConversationRecord
from drover.errors import ConfigurationError
from drover.export.archive import archive
from drover.export.documents import html_document, markdown_document


def _markdown(records: Sequence[ConversationRecord]) -> bytes:
    return markdown_document(records).encode("utf-8", "replace")


def _html(records: Sequence[ConversationRecord]) -> bytes:
    return html_document(records).encode("utf-8", "replace")


FORMS: Mapping[str, Callable[[Sequence[ConversationRecord]], bytes]] = {
    "md": _markdown,
    "html": _html,
    "json": archive,
}
"""What makes the bytes of a file, by its suffix. JSON holds everything, the others what is shown."""


def save_file(path: Path, data: bytes) -> None:
    """Writes a file as a whole, or leaves what was there. Raises ConfigurationError in words."""
    try:
        # Beside the file, since only a move within one file system is one step.
        descriptor, name = tempfile.mkstemp(prefix=".drover-", dir=path.parent)
        unfinished = Path(name)
        try:
            with open(descriptor, "wb") as file:
                file.write(data)
            unfinished.replace(path)
        except BaseException:
            with contextlib.suppress(OSError):
                unfinished.unlink()
            raise
    except OSError as error:
        raise ConfigurationError(
            f"{path} cannot be written: {error.strerror or error}.", hint="Choose another place."
        ) from None


def read_file(path: Path) -> bytes:
    """The bytes of a file. Raises ConfigurationError in words."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror or error}.") from None
