"""Every error that Drover raises on purpose.

DroverError
|-- ConfigurationError    fix the endpoint, the key, the switch
|   |-- MissingKey        set the key
|   `-- Redirected        the server names another address
|-- ConnectionFailed      no usable response: DNS, TCP, TLS, timeout
|-- ProviderError         the provider answered no
|-- ProtocolError         the provider answered nonsense
`-- LibraryError          profile corrupt, locked, unwritable, or from a newer version

Cancellation is `asyncio.CancelledError` and is never one of these.
"""

from __future__ import annotations

from typing import Final


class DroverError(Exception):
    """`str(error)` is one sentence for a person; `hint` says what to do next."""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    @property
    def words(self) -> str:
        """Message and hint as running text."""
        return running_text(self.message, self.hint)


SENTENCE_ENDS: Final = tuple(mark + quote for mark in ".!?…" for quote in ("", "”"))
"""What a sentence may end with, as itself or as a quotation; others need a full stop."""


def running_text(message: str, hint: str | None) -> str:
    """What happened and what to do next, one after the other as sentences."""
    stop = "" if message.endswith(SENTENCE_ENDS) else "."
    return f"{message}{stop} {hint}" if hint else f"{message}{stop}"


class ConfigurationError(DroverError):
    """Something that the person can set right: an endpoint, a key, a switch, a file."""


class MissingKey(ConfigurationError):
    """The endpoint asks for a key, and there is none."""


class Redirected(ConfigurationError):
    """The server says to ask somewhere else, which is never done unasked."""

    def __init__(self, message: str, *, location: str, hint: str | None = None) -> None:
        """`location` is the absolute address it names, of any scheme; empty if it is none."""
        super().__init__(message, hint=hint)
        self.location = location


class ConnectionFailed(DroverError):
    """No usable response came back."""

    def __init__(
        self,
        message: str,
        *,
        phase: str,
        elapsed_s: float = 0.0,
        hint: str | None = None,
        is_passing: bool | None = None,
    ) -> None:
        """`phase` is one of name, tcp, tls, proxy, send, first_byte, http, idle, stream.

        `is_passing` says that nothing of an answer had come, that the server is not at work on the request,
        and that another try may fare better; by default so where only the name was not found.
        """
        super().__init__(message, hint=hint)
        self.phase = phase
        self.elapsed_s = elapsed_s
        self.is_passing = phase == "name" if is_passing is None else is_passing


class ProviderError(DroverError):
    """The provider answered with an error, at any status and at any point of the stream."""

    def __init__(
        self,
        message: str,
        *,
        status: int | None,
        code: str | None = None,
        parameter: str | None = None,
        body: bytes = b"",
        request_id: str | None = None,
        retry_after_s: float | None = None,
        should_repeat: bool | None = None,
        limits: tuple[tuple[str, str], ...] = (),
        hint: str | None = None,
    ) -> None:
        """`status` is None for an error inside a stream; `body` is capped and holds no credentials.

        `retry_after_s` and `should_repeat` are what the server says of another attempt, None if it says
        nothing; `limits` are its headers about limits, for display.
        """
        super().__init__(message, hint=hint)
        self.status = status
        self.code = code
        self.parameter = parameter
        self.body = body
        self.request_id = request_id
        self.retry_after_s = retry_after_s
        self.should_repeat = should_repeat
        self.limits = limits


class ProtocolError(DroverError):
    """The bytes are not what the protocol allows."""

    def __init__(
        self, message: str, *, offending: bytes = b"", offset: int = 0, hint: str | None = None
    ) -> None:
        """`offending` is the start of what could not be read; `offset` counts bytes of the response body."""
        super().__init__(message, hint=hint)
        self.offending = offending
        self.offset = offset


class LibraryError(DroverError):
    """The profile cannot be used as it is. Nothing was overwritten."""
