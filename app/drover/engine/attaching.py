"""Files on their way into the library: read with a limit, told by their bytes."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from drover.domain.attachments import attachment_of, check_size, clean_name
from drover.domain.conversation import Attachment
from drover.errors import ConfigurationError

_PIECE_BYTES = 1_000_000


def read_attachment(source: Path | bytes, name: str = "") -> tuple[Attachment, bytes]:
    """What is attached, with its bytes. Blocks while the file is read: not for the thread of the window.

    Links are followed. Raises ConfigurationError in words for a folder, a device, what cannot be read, what
    is too large (told before it is read), and what cannot be sent.
    """
    if isinstance(source, bytes):
        check_size(clean_name(name), len(source))
        return attachment_of(name, source), source
    name = clean_name(name or source.name)
    try:
        raw = _file_bytes(source, name)
    except FileNotFoundError:
        is_link = source.is_symlink()
        gone = (
            f"{name} leads to a file that is no longer there." if is_link else f"{name} is no longer there."
        )
        raise ConfigurationError(gone) from None
    except PermissionError:
        raise ConfigurationError(f"{name} cannot be read: the system does not allow it.") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ConfigurationError(f"{name} cannot be read: {reason}.") from None
    return attachment_of(name, raw), raw


def _file_bytes(path: Path, name: str) -> bytes:
    about = path.stat()
    if stat.S_ISDIR(about.st_mode):
        raise ConfigurationError(f"{name} is a folder.", hint="Attach the files in it that matter.")
    if not stat.S_ISREG(about.st_mode):
        raise ConfigurationError(f"{name} is no file but a device, a pipe or a socket.")
    check_size(name, about.st_size)
    raw = bytearray()
    with open(path, "rb", buffering=0, opener=_opened_at_once) as file:
        while piece := file.read(_PIECE_BYTES):
            raw += piece
            check_size(name, len(raw))  # it may grow while it is read
    return bytes(raw)


def _opened_at_once(path: str, flags: int) -> int:
    """Does not wait for the other end of a pipe that took the file's place meanwhile."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
