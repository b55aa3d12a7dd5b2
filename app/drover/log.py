"""Logging: one logger a topic, a ring of recent lines in memory, and no credentials anywhere.

`redact` is the only place that knows how credentials look; exports and error texts use it too.
"""

from __future__ import annotations

import contextlib
import logging
import re
from collections import deque
from pathlib import Path

_ROOT = "drover"
_RING_LINES = 2000
_FILE_BYTES = 2_000_000
_MASK = "[key removed]"
_UNMISTAKABLE_LENGTH = 8

_SECRETS: set[str] = set()

_PATTERNS = (
    re.compile(r"(?i)(\bbearer\s+)[^\s\"',;]+"),
    re.compile(r"(?i)(\b(?:api[-_]?key|x-api-key|authorization|access[-_]?token)\b[\"']?\s*[:=]\s*[\"']?)(?!bearer\b)[^\s\"',;&]+"),
    re.compile(r"()\bsk-[A-Za-z0-9_\-]{12,}"),
)  # fmt: skip


def register_secret(secret: str) -> None:
    """From now on `redact` removes this very text wherever it occurs. Kept in memory only."""
    if len(secret) >= 4:
        _SECRETS.add(secret)


def redact(text: str) -> str:
    """The text without credentials: the known ones, and whatever looks like one."""
    for secret in tuple(_SECRETS):  # other threads register theirs meanwhile
        if secret in text:
            text = text.replace(secret, _MASK)
    for pattern in _PATTERNS:
        text = pattern.sub(lambda match: match.group(1) + _MASK, text)
    return text


def masked(recorded: bytes) -> bytes:
    """The bytes with each known secret overwritten in place, so that no offset in them moves.

    Only what is long enough to be no common word: some local servers want "none" or "local" for a key, and a
    recording without those words would be worth little.
    """
    for secret in _SECRETS:
        if len(secret) >= _UNMISTAKABLE_LENGTH:
            recorded = recorded.replace(secret.encode(), b"*" * len(secret.encode()))
    return recorded


class _RedactingFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record))


class RingHandler(logging.Handler):
    """Keeps the newest lines in memory for the in-app log view and for bug reports."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: deque[str] = deque(maxlen=_RING_LINES)

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


ring = RingHandler()


def logger(topic: str) -> logging.Logger:
    """The logger of one topic: `store`, `wire`, `engine`, `ui`, `local`."""
    return logging.getLogger(f"{_ROOT}.{topic}")


def set_up(log_dir: Path | None, *, level: int = logging.INFO) -> None:
    """Sends Drover's lines to the ring and, if a folder is given and writable, to a rotating file in it.

    A file of an earlier call is closed. A folder that takes no file is told by one warning in the ring.
    """
    # For the whole program, libraries included: logging would print a line that cannot be written (the disk
    # is full) to standard error, with its arguments as they are and so with credentials.
    logging.raiseExceptions = False
    root = logging.getLogger(_ROOT)
    root.setLevel(level)
    close_file()
    _add_handler(ring)
    if log_dir is None:
        return
    # Takes some milliseconds, and is not needed for a first frame.
    from logging.handlers import RotatingFileHandler

    path = log_dir / "drover.log"
    try:
        _add_handler(RotatingFileHandler(path, maxBytes=_FILE_BYTES, backupCount=2, encoding="utf-8"))
    except OSError as error:
        root.warning("No log file can be written to %s: %s.", log_dir, error.strerror or error)


def close_file() -> None:
    """Closes the log file, if there is one, so that its folder can be removed; the ring goes on."""
    root = logging.getLogger(_ROOT)
    for handler in list(root.handlers):
        if isinstance(handler, logging.FileHandler):
            root.removeHandler(handler)
            with contextlib.suppress(OSError):  # on a full disk the last line is tried, and fails, once more
                handler.close()


def _add_handler(handler: logging.Handler) -> None:
    handler.setFormatter(_RedactingFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.getLogger(_ROOT).addHandler(handler)  # which adds none twice
