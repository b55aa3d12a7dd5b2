"""Logging: one logger a topic, a ring of recent lines in memory, and no credentials anywhere.

`redact` is the only place that knows how credentials look; exports and error texts use it too.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import re
from collections import deque
from collections.abc import Iterator
from pathlib import Path

_ROOT = "drover"
_RING_LINES = 2000
_FILE_BYTES = 2_000_000
_MASK = "[key removed]"
_UNMISTAKABLE_LENGTH = 16
"""What servers want for a key is longer. "lm-studio" and the like, put in where none is wanted, are words
that an answer may well hold."""

_SECRETS: set[str] = set()
_LONG_SECRETS: dict[str, bytes] = {}
"""Those of unmistakable length in every form of writing, as text and as bytes."""

_VALUE = r"[^\s\"'`\\,;&<>]+"
_NO_KEY = (
    r"(?!\[key removed\]|[}\])])"
    r"(?!(?:a|an|and|auth|authentication|authorization|cannot|credentials?|error|expected|extra|"
    r"false|field|header|input|invalid|is|keys?|missing|must|none|not|null|of|or|please|realm|required|"
    r"scheme|should|str|string|that|the|this|tokens?|true|unauthorized|value|was|your)(?![^\s\"'`\\,;:&<>=.!?]))"
)
"""Not what is said of a key instead of quoting it: "Bearer token required", "api_key: Field required"."""
_NAMES = (
    r"(?<!invalid_)(?<!missing_)(?<!expired_)"  # codes of errors, with what they mean behind a colon
    r"(?:authorization|api[-_]?key|(?:subscription|secret|private|access)[-_]?key|client[-_]?secret|"
    r"passw(?:or)?d|(?<![a-z])(?:access|auth|bearer|id|private|refresh|security|session)[-_ ]?token)"
)


@functools.cache
def _patterns() -> tuple[re.Pattern[str], ...]:
    """How credentials look that nobody has registered; group 1 stays."""
    # Possessive, here and below: what cannot be a key behind it is not tried as one with it.
    scheme = r"(?:(?:bearer|basic|digest|token|key|apikey)(?:\s{1,3}|%20|\+))?+"
    return (
        # Bearer VALUE, in whatever stands around it
        re.compile(rf"(?i)(\bbearer(?:\s{{1,3}}|%20|\+)){_NO_KEY}{_VALUE}"),
        # name: VALUE, "name": "VALUE", name=VALUE, {\"name\": \"VALUE\"}, name%3DVALUE
        re.compile(
            rf"(?i)({_NAMES}[\\\"'`]{{0,3}}\s{{0,3}}(?:[:=]>?|%3[ad])\s{{0,3}}+[\\\"'`]{{0,3}}+"
            rf"(?:\[(?!key removed)[\"']?)?+{scheme})"
            rf"{_NO_KEY}{_VALUE}"
        ),
        # ["x-api-key", "VALUE"], as lists of headers are printed
        re.compile(
            rf"(?i)(['\"](?:proxy-|x-|x-goog-)?(?:authorization|api-key)\\?['\"]\s{{0,3}},\s{{0,3}}b?\\?"
            rf"['\"]{scheme})"
            rf"{_NO_KEY}{_VALUE}"
        ),
        # Incorrect API key provided: VALUE
        re.compile(
            rf"(?i)(\bapi key(?: (?:provided|given|is|was|of)){{0,2}}\s{{0,2}}:?\s{{0,2}}[\"'`“(]?)"
            rf"(?=[^\s\"'`]{{0,80}}\d|[^\s\"'`]{{20}})(?=[^\s\"'`]{{8}}){_VALUE}"
        ),
        re.compile(rf"(?i)([?&](?:amp;)?(?:key|token|auth|sig|signature)=){_NO_KEY}{_VALUE}"),
        re.compile(r"(://[^\s/:@\"'<>]{0,100}:)(?!\[key removed\])[^\s/@\"'<>]{1,300}(?=@)"),
        re.compile(r"(?i)(\b(?:set-)?cookie[\"']?\s{0,2}:\s{0,2}+[\"']?+)(?!\[key removed\])[^\r\n\"']+"),
        # What the large providers begin their keys with, and signed tokens
        re.compile(r"()\b(?:sk|csk|gsk|pk|rk|hf|xai|pplx|fw|r8|ghp|nvapi|tgp)[-_][A-Za-z0-9_\-]{12,}"),
        re.compile(r"()\bAIza[\w\-]{20,}"),
        re.compile(r"()\beyJ[\w\-]{6,}\.[\w\-]{6,}(?:\.[\w\-]*)?"),
    )


def register_secret(secret: str) -> None:
    """From now on `redact` and `masked` remove this text wherever it occurs, also as servers and formats
    write it: in JSON, HTML, addresses, hex and base64. Kept in memory only."""
    if len(secret) >= 4:
        _SECRETS.add(secret)
    if len(secret) >= _UNMISTAKABLE_LENGTH and secret not in _LONG_SECRETS:
        forms = (secret, *_written_forms(secret))
        _LONG_SECRETS.update({form: form.encode() for form in forms if len(form) >= _UNMISTAKABLE_LENGTH})


def _written_forms(secret: str) -> Iterator[str]:
    # Here, since nothing of this is needed for a first frame.
    import base64
    import html
    import json
    from urllib.parse import quote, quote_plus

    in_json = json.dumps(secret)[1:-1]
    yield from (in_json, json.dumps(in_json)[1:-1], repr(secret)[1:-1])
    yield from (html.escape(secret), html.escape(secret, quote=False))
    for quoted in (quote(secret, safe=""), quote(secret), quote_plus(secret)):
        yield quoted
        yield re.sub("%..", lambda found: found[0].lower(), quoted)
    yield from (secret.encode().hex(), secret.encode().hex().upper())
    for offset in range(3):
        # Letters at both ends depend on what stands beside the secret, as "user:" does before a password.
        letters = base64.b64encode(b"\0" * offset + secret.encode()).decode()[4 if offset else 0 : -4]
        yield from (letters, letters.replace("+", "-").replace("/", "_"))


def redact(text: str) -> str:
    """The text without credentials: the known ones, and whatever looks like one."""
    for secret in (*_LONG_SECRETS, *_SECRETS):  # a copy: other threads register theirs meanwhile
        if secret in text:
            text = text.replace(secret, _MASK)
    for pattern in _patterns():
        text = pattern.sub(_kept_name, text)
    return text


def _kept_name(match: re.Match[str]) -> str:
    return match.group(1) + _MASK


def masked(recorded: bytes) -> bytes:
    """The bytes with each known secret overwritten in place, so that no offset in them moves.

    Only what is long enough to be no common word: some local servers want "none" or "local" for a key, and a
    recording without those words would be worth little.
    """
    for secret in tuple(_LONG_SECRETS.values()):
        if secret in recorded:
            recorded = recorded.replace(secret, b"*" * len(secret))
    return recorded


def masked_text(text: str) -> str:
    """Like `masked`, character by character."""
    for secret in tuple(_LONG_SECRETS):
        if secret in text:
            text = text.replace(secret, "*" * len(secret))
    return text


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
