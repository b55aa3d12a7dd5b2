"""API keys by endpoint: in the system keyring, else in memory for this session, never in a file of our own.

Where a key is looked for, in this order: what was set in this session and could not be kept elsewhere; the
system keyring; the environment. A key typed into Drover thus always wins over a forgotten variable.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol, TypeVar

from drover.domain.endpoint import URL_ENDPOINT_ID, URL_KEY_VARIABLE, Endpoint
from drover.engine.threads import in_daemon_thread
from drover.errors import ConfigurationError
from drover.log import logger, register_secret

T = TypeVar("T")

SERVICE_NAME = "drover"

TRUSTED_BACKENDS: Mapping[str, str] = {
    "keyring.backends.SecretService": "Secret Service",
    "keyring.backends.libsecret": "Secret Service",
    "keyring.backends.kwallet": "KWallet",
    "keyring.backends.macOS": "macOS Keychain",
    "keyring.backends.Windows": "Windows Credential Manager",
}
"""Modules of keyring backends that encrypt what they keep, and how the store is called."""

_EDGES = " \t\r\n\x0b\x0c\x85\xa0\u2028\u2029\u202f\u3000" + "\ufeff\u200b\u200c\u200d\u200e\u200f\u2060"


class KeySource(StrEnum):
    """Where a key is kept."""

    KEYRING = "keyring"
    ENVIRONMENT = "environment"
    MEMORY = "memory"
    """Until Drover ends."""
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundKey:
    """The key of an endpoint, if there is one."""

    key: str | None = field(repr=False)
    source: KeySource
    notice: str | None = None
    """What a person should know: why the keyring is not used, or why a key was passed over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SaveResult:
    """Where a key went: KEYRING, or MEMORY with a notice that says why."""

    source: KeySource
    store_name: str
    """Such as "Secret Service", "OXEN_API_KEY" or "this session"."""
    notice: str | None = None
    why_not_kept: str | None = None
    """Why the key will not outlive the process, without saying what becomes of it; None in a keyring."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyStatus:
    """Where the key of an endpoint is, without the key."""

    source: KeySource
    store_name: str
    """As in SaveResult; empty for NONE."""
    notice: str | None = None


def clean_key(text: str) -> str:
    """The key without white space, line ends and invisible characters around it.

    Raises ConfigurationError, never quoting the text, if nothing is left or if it cannot be sent in a header.
    """
    key = text.strip(_EDGES)
    if not key:
        raise ConfigurationError("The key is empty.", hint="Paste the key as the provider shows it.")
    hint = "Copy the key again, and only the key."
    for position, character in enumerate(key, start=1):
        if character.isspace():
            words = "a line break" if character in "\r\n" else "a space"
            raise ConfigurationError(
                f"The key has {words} inside, at character {position}, and cannot be sent.", hint=hint
            )
        if not "\x21" <= character <= "\x7e":
            words = (
                "an invisible control character" if character < "\x80" else "a character that is not ASCII"
            )
            raise ConfigurationError(
                f"The key has {words}, at position {position}, and cannot be sent.", hint=hint
            )
    return key


class _Backend(Protocol):
    """What is used of a keyring backend."""

    def get_password(self, service: str, username: str) -> str | None: ...

    def set_password(self, service: str, username: str, password: str) -> None: ...

    def delete_password(self, service: str, username: str) -> None: ...


class _StoreTrouble(Exception):
    """The keyring cannot be used, in words."""

    def __init__(self, words: str, *, is_absent: bool = False) -> None:
        """`is_absent`: there simply is no keyring on this system, which is no news to its owner."""
        super().__init__(words)
        self.is_absent = is_absent


class Secrets:
    """Finds and keeps keys. Every key that passes through is registered for redaction.

    The keyring is asked on daemon threads with a time limit, since a call may wait for ever for a prompt that
    nobody sees. A call that is still stuck makes later ones give up at once; when it ends (the wallet was
    unlocked), the keyring is used again.
    """

    def __init__(
        self,
        *,
        time_limit_s: float = 5.0,
        environment: Mapping[str, str] | None = None,
        trusted_backends: Mapping[str, str] = TRUSTED_BACKENDS,
    ) -> None:
        """`environment` is that of the process unless given. The keyring is imported at its first use."""
        self._time_limit_s = time_limit_s
        self._environment = os.environ if environment is None else environment
        self._trusted_backends = trusted_backends
        self._session: dict[str, str] = {}
        """Keys that live in memory only."""
        self._seen: dict[str, str] = {}
        """Keys known to be in the keyring, so that a sweep does not ask for each trial."""
        self._why_memory: dict[str, str] = {}
        self._store_name = "The system keyring"
        self._stuck_until: threading.Event | None = None
        self._turn = asyncio.Lock()

    async def find(self, endpoint: Endpoint) -> FoundKey:
        """The key to use now. Never raises for a keyring in trouble: `notice` tells."""
        return await self._find(endpoint, uses_seen=True)

    async def status(self, endpoint: Endpoint) -> KeyStatus:
        """Where the key is at this moment, asking the keyring anew."""
        found = await self._find(endpoint, uses_seen=False)
        names = {
            KeySource.KEYRING: self._store_name,
            KeySource.ENVIRONMENT: self._variable_with_key(endpoint),
            KeySource.MEMORY: "this session",
            KeySource.NONE: "",
        }
        return KeyStatus(source=found.source, store_name=names[found.source], notice=found.notice)

    async def save(self, endpoint: Endpoint, key: str) -> SaveResult:
        """Puts the cleaned key into the keyring and reads it back; keeps it for this session if that fails.

        Raises ConfigurationError for a text that cannot be a key.
        """
        key = clean_key(key)
        register_secret(key)
        self._session[endpoint.id] = key
        self._seen.pop(endpoint.id, None)
        if endpoint.id == URL_ENDPOINT_ID:
            notice = "A key for an address on the command line is kept for this session only."
            why = "A key for an address given on a command line would go to whatever address comes next."
            return self._kept_in_memory(endpoint, notice, why)
        try:
            await self._ask(lambda backend: self._store(backend, endpoint.id, key))
        except _StoreTrouble as trouble:
            notice = f"{trouble} The key is kept for this session only."
            return self._kept_in_memory(endpoint, notice, str(trouble))
        self._seen[endpoint.id] = key
        self._session.pop(endpoint.id, None)
        self._why_memory.pop(endpoint.id, None)
        return SaveResult(source=KeySource.KEYRING, store_name=self._store_name)

    async def delete(self, endpoint: Endpoint) -> None:
        """Removes the key from memory and keyring; the environment is not Drover's to change.

        Raises ConfigurationError if the keyring is in trouble, since the key may still be in it.
        """
        for known in (self._session, self._seen, self._why_memory):
            known.pop(endpoint.id, None)
        if endpoint.id == URL_ENDPOINT_ID:
            return
        try:
            await self._ask(lambda backend: _remove(backend, endpoint.id))
        except _StoreTrouble as trouble:
            if not trouble.is_absent:
                raise ConfigurationError(
                    f"{trouble} The key may still be in it.",
                    hint="Remove it in the system's own keyring program.",
                ) from None

    async def recall(self, name: str) -> str:
        """A password of another kind, such as a proxy's; empty if none can be had."""
        known = self._session.get(name) or self._seen.get(name)
        if known:
            return known
        try:
            stored = await self._ask(lambda backend: backend.get_password(SERVICE_NAME, name))
        except _StoreTrouble:
            return ""
        if stored:
            register_secret(stored)
            self._seen[name] = stored
        return stored or ""

    async def remember(self, name: str, secret: str) -> str | None:
        """Puts a password into the keyring; else keeps it for this session and returns why, in words.

        An empty one is forgotten, everywhere as far as the keyring can be asked.
        """
        self._seen.pop(name, None)
        self._session.pop(name, None)
        if secret:
            register_secret(secret)
        try:
            if not secret:
                await self._ask(lambda backend: _remove(backend, name))
                return None
            await self._ask(lambda backend: self._store(backend, name, secret))
        except _StoreTrouble as trouble:
            if not secret:
                return None if trouble.is_absent else f"{trouble} The password may still be in it."
            self._session[name] = secret
            return f"{trouble} The password is kept for this session only."
        self._seen[name] = secret
        return None

    async def _find(self, endpoint: Endpoint, *, uses_seen: bool) -> FoundKey:
        if endpoint.is_built_in:
            return FoundKey(key=None, source=KeySource.NONE)
        if (key := self._session.get(endpoint.id)) is not None:
            return FoundKey(key=key, source=KeySource.MEMORY, notice=self._why_memory.get(endpoint.id))
        if uses_seen and (key := self._seen.get(endpoint.id)) is not None:
            return FoundKey(key=key, source=KeySource.KEYRING)
        key, trouble = await self._find_in_keyring(endpoint)
        if key is not None:
            return FoundKey(key=key, source=KeySource.KEYRING)
        return self._find_in_environment(endpoint, trouble)

    async def _find_in_keyring(self, endpoint: Endpoint) -> tuple[str | None, _StoreTrouble | None]:
        if endpoint.id == URL_ENDPOINT_ID:
            return None, None
        try:
            stored = await self._ask(lambda backend: backend.get_password(SERVICE_NAME, endpoint.id))
            if not stored:
                self._seen.pop(endpoint.id, None)
                return None, None
            register_secret(stored)
            key = clean_key(stored)
        except _StoreTrouble as trouble:
            return None, trouble
        except ConfigurationError as error:
            return None, _StoreTrouble(f"The key in {self._store_name} cannot be used. {error}")
        register_secret(key)
        self._seen[endpoint.id] = key
        return key, None

    def _find_in_environment(self, endpoint: Endpoint, trouble: _StoreTrouble | None) -> FoundKey:
        variable = self._variable_with_key(endpoint)
        if variable:
            raw_key = self._environment[variable]
            register_secret(raw_key.strip())
            try:
                key = clean_key(raw_key)
            except ConfigurationError as error:
                notice = f"{variable} is set, but cannot be used. {error}"
                return FoundKey(key=None, source=KeySource.NONE, notice=notice)
            register_secret(key)
            warning = None
            if trouble is not None and not trouble.is_absent:
                warning = f"{trouble} The key from {variable} is used."
            return FoundKey(key=key, source=KeySource.ENVIRONMENT, notice=warning)
        warning = str(trouble) if trouble is not None and endpoint.needs_key else None
        return FoundKey(key=None, source=KeySource.NONE, notice=warning)

    def _variable_with_key(self, endpoint: Endpoint) -> str:
        """The variable that is set to something, or an empty string."""
        names = [endpoint.key_variable]
        if endpoint.id == URL_ENDPOINT_ID:
            names.append(URL_KEY_VARIABLE)
        return next((name for name in names if self._environment.get(name, "").strip()), "")

    def _kept_in_memory(self, endpoint: Endpoint, notice: str, why: str) -> SaveResult:
        self._why_memory[endpoint.id] = notice
        return SaveResult(source=KeySource.MEMORY, store_name="this session", notice=notice, why_not_kept=why)

    def _store(self, backend: _Backend, username: str, key: str) -> None:
        """Saves and reads back: some backends take a key and forget it."""
        backend.set_password(SERVICE_NAME, username, key)
        if backend.get_password(SERVICE_NAME, username) != key:
            raise _StoreTrouble(f"{self._store_name} took the key but did not keep it.")

    async def _ask(self, question: Callable[[_Backend], T]) -> T:
        """The answer of the keyring, in limited time. Raises _StoreTrouble for whatever goes wrong."""
        async with self._turn:
            if self._stuck_until is not None and not self._stuck_until.is_set():
                raise self._silent()
            ended = threading.Event()

            def work() -> T:
                try:
                    return self._answer(question)
                finally:
                    ended.set()

            try:
                async with asyncio.timeout(self._time_limit_s):
                    return await in_daemon_thread(work, name="drover-keyring")
            except TimeoutError:
                self._stuck_until = ended
                logger("engine").info("The keyring did not answer within %g s.", self._time_limit_s)
                raise self._silent() from None

    def _silent(self) -> _StoreTrouble:
        return _StoreTrouble(
            f"{self._store_name} does not answer. It may be waiting for a password in a window of its own."
        )

    def _answer(self, question: Callable[[_Backend], T]) -> T:
        """On the keyring's thread: chooses the backend and asks it."""
        try:
            import keyring.errors

            backend = self._backend()
        except _StoreTrouble:
            raise
        except Exception as error:  # a backend may raise anything while it is chosen, even at import
            raise _StoreTrouble(f"The system keyring cannot be opened ({type(error).__name__}).") from None
        try:
            return question(backend)
        except _StoreTrouble:
            raise
        except keyring.errors.KeyringLocked:
            raise _StoreTrouble(f"{self._store_name} is locked and was not unlocked.") from None
        except keyring.errors.InitError:
            raise _StoreTrouble(f"{self._store_name} cannot be opened.") from None
        except keyring.errors.NoKeyringError:
            raise _absent() from None
        except Exception as error:  # D-Bus libraries let theirs through; the text may quote what was stored
            raise _StoreTrouble(f"{self._store_name} reports an error ({type(error).__name__}).") from None

    def _backend(self) -> _Backend:
        """The one backend to use. Raises _StoreTrouble if there is none that is trusted."""
        import keyring
        from keyring.backends import chainer, fail

        chosen = keyring.get_keyring()
        if isinstance(chosen, fail.Keyring):
            raise _absent()
        candidates = [chosen]
        if isinstance(chosen, chainer.ChainerBackend):
            # It would save in one store but read from all, and wake each of them: only the first is used.
            candidates = list(chosen.backends)
        if not candidates:
            raise _absent()
        for backend in candidates:
            name = self._trusted_backends.get(type(backend).__module__)
            if name is not None:
                self._store_name = name
                trusted: _Backend = backend
                return trusted
        kinds = ", ".join(f"{type(each).__module__}.{type(each).__qualname__}" for each in candidates)
        raise _StoreTrouble(f"The keyring library is set to use {kinds}, which is not trusted to keep keys.")


def _absent() -> _StoreTrouble:
    return _StoreTrouble("This system has no keyring that Drover can use.", is_absent=True)


def _remove(backend: _Backend, username: str) -> None:
    import keyring.errors

    try:
        backend.delete_password(SERVICE_NAME, username)
    except keyring.errors.PasswordDeleteError:
        if backend.get_password(SERVICE_NAME, username):
            raise
