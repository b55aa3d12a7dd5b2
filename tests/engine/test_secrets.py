"""Keys against a real Secret Service, and against every way in which a keyring can let its owner down."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import ClassVar

import pytest
from keyring.backend import KeyringBackend

from drover.domain.endpoint import BUILT_IN, OXEN, Endpoint
from drover.engine.secrets import TRUSTED_BACKENDS, KeySource, Secrets, clean_key
from drover.errors import ConfigurationError
from drover.log import redact

KEY = "sk-oxen-abc123def456"
OTHER_KEY = "another-key-987654"
CUSTOM = Endpoint(id="0123", name="My vLLM", base_url="http://127.0.0.1:8000/v1")
URL = Endpoint(id="url", name="example.org", base_url="https://example.org/v1")

# The keyring library closes its connection to the bus only where all went well.
leaks_its_connection = pytest.mark.filterwarnings(
    "ignore:.*unclosed <socket:ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)
needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="the Secret Service is Linux's keyring")


def join_keyring_threads() -> None:
    """Waits for calls that were given up and are about to end."""
    for thread in threading.enumerate():
        if thread.name == "drover-keyring":
            thread.join(5.0)


def secrets_with(environment: dict[str, str] | None = None, *, time_limit_s: float = 5.0) -> Secrets:
    """Secrets that know this environment and nothing of the real one."""
    return Secrets(environment=environment or {}, time_limit_s=time_limit_s)


# The keyring library knows every backend class there is; these are never chosen for their priority.


class ForgetfulKeyring(KeyringBackend):
    """Takes every key, keeps none."""

    priority: ClassVar[float] = -1

    def get_password(self, service: str, username: str) -> str | None:
        return None

    def set_password(self, service: str, username: str, password: str) -> None:
        pass


class DictKeyring(KeyringBackend):
    """Keeps keys in a dictionary that outlives the instance."""

    priority: ClassVar[float] = -1
    kept: ClassVar[dict[tuple[str, str], str]] = {}
    calls: ClassVar[list[str]] = []

    def get_password(self, service: str, username: str) -> str | None:
        self.calls.append("get")
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.kept[service, username] = password


class BrokenKeyring(KeyringBackend):
    """Raises what D-Bus libraries raise: something of their own, with the key in its text."""

    priority: ClassVar[float] = -1

    def get_password(self, service: str, username: str) -> str | None:
        raise RuntimeError(f"no reply about {KEY}")

    def set_password(self, service: str, username: str, password: str) -> None:
        raise RuntimeError(f"no reply about {password}")


class SlowKeyring(KeyringBackend):
    """Answers when the test lets it, like a wallet that waits for its password."""

    priority: ClassVar[float] = -1
    unlocked: ClassVar[threading.Event] = threading.Event()

    def get_password(self, service: str, username: str) -> str | None:
        self.unlocked.wait(10.0)
        return KEY

    def set_password(self, service: str, username: str, password: str) -> None:
        self.unlocked.wait(10.0)


@pytest.fixture
def backend(fresh_keyring: None, request: pytest.FixtureRequest) -> Iterator[type[KeyringBackend]]:
    """The backend class given as parameter, in use by the keyring library."""
    import keyring

    chosen: type[KeyringBackend] = request.param
    DictKeyring.kept.clear()
    DictKeyring.calls.clear()
    SlowKeyring.unlocked.clear()
    keyring.set_keyring(chosen())
    yield chosen
    SlowKeyring.unlocked.set()


def secrets_trusting_tests(
    environment: dict[str, str] | None = None, *, time_limit_s: float = 5.0
) -> Secrets:
    """Secrets for which the backends of this file are as good as the system's."""
    return Secrets(
        environment=environment or {}, time_limit_s=time_limit_s, trusted_backends={__name__: "Test Store"}
    )


# A key as pasted


@pytest.mark.parametrize(
    "pasted",
    [
        KEY,
        f"  {KEY}\n",
        f"{KEY}\r\n",
        f"\t{KEY} ",
        f"\ufeff{KEY}",
        f"\u200b {KEY}\u00a0\u200b",
        f"\u2028{KEY}\u3000",
    ],
)
def test_what_surrounds_a_pasted_key_is_trimmed(pasted: str) -> None:
    assert clean_key(pasted) == KEY


@pytest.mark.parametrize("punctuation", ["a.b-c_d~e+f/g=h", "a:b|c", "{key}", '"quoted"'])
def test_ascii_punctuation_is_left_alone(punctuation: str) -> None:
    assert clean_key(punctuation) == punctuation


@pytest.mark.parametrize(
    ("pasted", "words"),
    [
        ("", "is empty"),
        (" \n\ufeff", "is empty"),
        ("hidden word", "a space inside, at character 7"),
        ("hidden\nword", "a line break inside, at character 7"),
        ("hidden\u2026word", "not ASCII, at position 7"),
        ("hidd\u00e9n", "not ASCII, at position 5"),
        ("hidden\u200bword", "not ASCII, at position 7"),
        ("hidden\0word", "control character, at position 7"),
        ("hidden\x7fword", "control character, at position 7"),
        ("hidden\ud800word", "not ASCII, at position 7"),
    ],
)
def test_what_cannot_be_sent_is_refused_without_quoting_it(pasted: str, words: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        clean_key(pasted)
    assert words in str(caught.value)
    assert "hidd" not in f"{caught.value} {caught.value.hint}"


# The real Secret Service


@needs_linux
async def test_a_key_is_saved_in_the_secret_service_and_found_by_another_process(
    secret_service: Path,
) -> None:
    secrets = secrets_with()
    result = await secrets.save(OXEN, f" {KEY}\n")
    assert (result.source, result.store_name, result.notice) == (KeySource.KEYRING, "Secret Service", None)
    code = (
        "import asyncio\n"
        "from drover.domain.endpoint import OXEN\n"
        "from drover.engine.secrets import Secrets\n"
        "found = asyncio.run(Secrets(environment={}).find(OXEN))\n"
        "print(found.source, found.key, found.notice)\n"
    )
    path = os.pathsep.join(sys.path)
    done = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", code], capture_output=True, text=True, check=True,
        timeout=30.0, env={**os.environ, "PYTHONPATH": path},
    )  # fmt: skip
    assert done.stdout == f"keyring {KEY} None\n"


@needs_linux
async def test_a_deleted_key_is_gone(secret_service: Path) -> None:
    secrets = secrets_with()
    await secrets.save(CUSTOM, KEY)
    await secrets.delete(CUSTOM)
    await secrets.delete(CUSTOM)  # nothing there is no error
    assert (await secrets.find(CUSTOM)).source is KeySource.NONE
    assert (await secrets_with().find(CUSTOM)).source is KeySource.NONE


@needs_linux
async def test_each_endpoint_has_its_own_key(secret_service: Path) -> None:
    secrets = secrets_with()
    await secrets.save(OXEN, KEY)
    await secrets.save(CUSTOM, OTHER_KEY)
    found = [await secrets_with().find(endpoint) for endpoint in (OXEN, CUSTOM)]
    assert [each.key for each in found] == [KEY, OTHER_KEY]


@needs_linux
@leaks_its_connection
async def test_a_locked_keyring_is_named_and_the_key_kept_for_the_session(secret_service: Path) -> None:
    import secretstorage

    await secrets_with().save(OXEN, KEY)
    connection = secretstorage.dbus_init()
    secretstorage.get_default_collection(connection).lock()
    connection.close()
    secrets = secrets_with()
    found = await secrets.find(OXEN)
    assert (found.key, found.source) == (None, KeySource.NONE)
    assert found.notice == "Secret Service is locked and was not unlocked."
    result = await secrets.save(OXEN, OTHER_KEY)
    assert result.source is KeySource.MEMORY
    assert result.notice == f"{found.notice} The key is kept for this session only."
    assert (await secrets.find(OXEN)).key == OTHER_KEY
    with pytest.raises(ConfigurationError, match="may still be in it"):
        await secrets.delete(OXEN)


@pytest.fixture
def silent_secret_service(session_bus: Path, fresh_keyring: None) -> Iterator[None]:
    """Someone owns the name of the Secret Service on the bus and never answers."""
    from jeepney import message_bus  # type: ignore[import-untyped]
    from jeepney.io.blocking import open_dbus_connection  # type: ignore[import-untyped]

    connection = open_dbus_connection("SESSION")
    connection.send_and_get_reply(message_bus.RequestName("org.freedesktop.secrets"))
    yield
    connection.close()  # the bus then tells whoever still waits
    join_keyring_threads()


@needs_linux
@leaks_its_connection
async def test_a_silent_keyring_costs_its_limit_once_and_holds_up_nobody(silent_secret_service: None) -> None:
    secrets = secrets_with({"OXEN_API_KEY": KEY}, time_limit_s=0.5)
    found = await secrets.find(OXEN)
    assert (found.key, found.source) == (KEY, KeySource.ENVIRONMENT)
    assert found.notice is not None
    assert found.notice.startswith("Secret Service does not answer.")
    assert found.notice.endswith("The key from OXEN_API_KEY is used.")
    result = await secrets.save(CUSTOM, OTHER_KEY)
    assert (result.source, result.store_name) == (KeySource.MEMORY, "this session")
    assert (await secrets.find(CUSTOM)).key == OTHER_KEY


@needs_linux
@leaks_its_connection
def test_a_silent_keyring_does_not_hold_up_the_exit(silent_secret_service: None) -> None:
    code = (
        "import asyncio\n"
        "from drover.domain.endpoint import OXEN\n"
        "from drover.engine.secrets import Secrets\n"
        "found = asyncio.run(Secrets(environment={}, time_limit_s=0.2).find(OXEN))\n"
        "print(found.source)\n"
    )
    path = os.pathsep.join(sys.path)
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=10.0,
        env={**os.environ, "PYTHONPATH": path},
    )  # fmt: skip
    assert (done.stdout, done.stderr) == ("none\n", "")


@needs_linux
async def test_a_session_without_any_keyring_is_named(session_bus: Path, fresh_keyring: None) -> None:
    found = await secrets_with().find(OXEN)
    assert found.source is KeySource.NONE
    assert found.notice == "This system has no keyring that Drover can use."
    result = await secrets_with().save(OXEN, KEY)
    assert result.notice == f"{found.notice} The key is kept for this session only."


# Keyrings that cannot be relied on


async def test_no_keyring_is_no_news_where_the_environment_has_a_key(fresh_keyring: None) -> None:
    found = await secrets_with({"OXEN_API_KEY": f"{KEY}\n"}).find(OXEN)
    assert (found.key, found.source, found.notice) == (KEY, KeySource.ENVIRONMENT, None)


async def test_no_keyring_is_no_news_where_no_key_is_needed(fresh_keyring: None) -> None:
    local = Endpoint(id="local", name="Local", base_url="http://127.0.0.1:1/v1", needs_key=False)
    found = await secrets_with().find(local)
    assert (found.key, found.source, found.notice) == (None, KeySource.NONE, None)


async def test_deleting_without_a_keyring_clears_the_memory(fresh_keyring: None) -> None:
    secrets = secrets_with()
    await secrets.save(OXEN, KEY)
    await secrets.delete(OXEN)
    assert (await secrets.find(OXEN)).key is None


@pytest.mark.parametrize("backend", [ForgetfulKeyring], indirect=True)
async def test_a_keyring_that_keeps_nothing_is_noticed(backend: type[KeyringBackend]) -> None:
    secrets = secrets_trusting_tests()
    result = await secrets.save(OXEN, KEY)
    assert result.source is KeySource.MEMORY
    assert (
        result.notice == "Test Store took the key but did not keep it. The key is kept for this session only."
    )
    found = await secrets.find(OXEN)
    assert (found.key, found.source, found.notice) == (KEY, KeySource.MEMORY, result.notice)


@pytest.mark.parametrize("backend", [DictKeyring], indirect=True)
async def test_a_backend_of_unknown_origin_gets_no_key(backend: type[KeyringBackend]) -> None:
    result = await secrets_with().save(OXEN, KEY)
    assert result.source is KeySource.MEMORY
    assert result.notice is not None
    assert "DictKeyring, which is not trusted to keep keys" in result.notice
    assert DictKeyring.kept == {}


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("keyring.backends.null.Keyring", "keyring.backends.null.Keyring, which is not trusted"),
        ("no_such_package.Keyring", "cannot be opened (ModuleNotFoundError)"),
    ],
)
async def test_a_backend_forced_by_the_environment_is_named(
    fresh_keyring: None, monkeypatch: pytest.MonkeyPatch, name: str, words: str
) -> None:
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", name)
    result = await secrets_with().save(OXEN, KEY)
    assert result.source is KeySource.MEMORY
    assert words in (result.notice or "")


@pytest.mark.parametrize("backend", [BrokenKeyring], indirect=True)
async def test_an_error_of_the_keyring_is_named_without_its_text(backend: type[KeyringBackend]) -> None:
    secrets = secrets_trusting_tests()
    found = await secrets.find(OXEN)
    assert found.notice == "Test Store reports an error (RuntimeError)."
    result = await secrets.save(OXEN, KEY)
    assert KEY not in (result.notice or "")


@pytest.mark.parametrize("backend", [SlowKeyring], indirect=True)
async def test_a_keyring_that_answers_late_is_used_again(backend: type[KeyringBackend]) -> None:
    secrets = secrets_trusting_tests(time_limit_s=0.1)
    assert "does not answer" in ((await secrets.find(OXEN)).notice or "")
    SlowKeyring.unlocked.set()
    join_keyring_threads()
    found = await secrets.find(OXEN)
    assert (found.key, found.source) == (KEY, KeySource.KEYRING)


@pytest.mark.parametrize("backend", [SlowKeyring], indirect=True)
async def test_the_event_loop_runs_on_while_the_keyring_is_asked(backend: type[KeyringBackend]) -> None:
    asking = asyncio.create_task(secrets_trusting_tests().find(OXEN))
    turns = 0
    while turns < 20:
        await asyncio.sleep(0)
        turns += 1
    assert not asking.done()
    SlowKeyring.unlocked.set()
    assert (await asking).key == KEY


@pytest.mark.parametrize("backend", [SlowKeyring], indirect=True)
async def test_asking_can_be_cancelled(backend: type[KeyringBackend]) -> None:
    asking = asyncio.create_task(secrets_trusting_tests().find(OXEN))
    await asyncio.sleep(0)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking


@pytest.mark.parametrize("backend", [DictKeyring], indirect=True)
async def test_of_a_chain_of_stores_only_the_first_is_used(
    backend: type[KeyringBackend], monkeypatch: pytest.MonkeyPatch
) -> None:
    import keyring
    import keyring.backend
    from keyring.backends.chainer import ChainerBackend

    class First(DictKeyring):
        kept: ClassVar[dict[tuple[str, str], str]] = {}

    monkeypatch.setattr(First, "priority", 5)
    monkeypatch.setattr(DictKeyring, "priority", 1)
    stale = DictKeyring()  # type: ignore[no-untyped-call]
    stale.set_password("drover", "oxen", OTHER_KEY)
    stores = [stale, First()]  # type: ignore[no-untyped-call]
    monkeypatch.setattr(keyring.backend, "get_all_keyring", lambda: stores)
    keyring.set_keyring(ChainerBackend())  # type: ignore[no-untyped-call]
    secrets = secrets_trusting_tests()
    assert (await secrets.find(OXEN)).key is None
    await secrets.save(OXEN, KEY)
    assert First.kept == {("drover", "oxen"): KEY}
    assert DictKeyring.kept == {("drover", "oxen"): OTHER_KEY}


# Which key wins


@pytest.mark.parametrize("backend", [DictKeyring], indirect=True)
async def test_the_keyring_comes_before_the_environment(backend: type[KeyringBackend]) -> None:
    DictKeyring.kept["drover", "oxen"] = KEY
    found = await secrets_trusting_tests({"OXEN_API_KEY": OTHER_KEY}).find(OXEN)
    assert (found.key, found.source) == (KEY, KeySource.KEYRING)


async def test_a_key_of_this_session_comes_before_the_environment(fresh_keyring: None) -> None:
    secrets = secrets_with({"OXEN_API_KEY": OTHER_KEY})
    await secrets.save(OXEN, KEY)
    found = await secrets.find(OXEN)
    assert (found.key, found.source) == (KEY, KeySource.MEMORY)


@pytest.mark.parametrize("backend", [DictKeyring], indirect=True)
async def test_a_found_key_is_remembered_but_its_status_is_asked_anew(backend: type[KeyringBackend]) -> None:
    DictKeyring.kept["drover", "oxen"] = KEY
    secrets = secrets_trusting_tests()
    for _ in range(3):
        assert (await secrets.find(OXEN)).key == KEY
    assert DictKeyring.calls == ["get"]
    status = await secrets.status(OXEN)
    assert (status.source, status.store_name) == (KeySource.KEYRING, "Test Store")
    DictKeyring.kept.clear()
    assert (await secrets.status(OXEN)).source is KeySource.NONE
    assert (await secrets.find(OXEN)).key is None


@pytest.mark.parametrize("backend", [DictKeyring], indirect=True)
async def test_a_new_key_replaces_the_one_of_the_session(backend: type[KeyringBackend]) -> None:
    secrets = secrets_trusting_tests()
    await secrets.save(OXEN, OTHER_KEY)
    await secrets.save(OXEN, KEY)
    assert (await secrets.find(OXEN)).key == KEY
    assert DictKeyring.kept == {("drover", "oxen"): KEY}


async def test_a_custom_endpoint_has_a_variable_of_its_name(fresh_keyring: None) -> None:
    secrets = secrets_with({"DROVER_API_KEY_MY_VLLM": KEY, "DROVER_API_KEY": OTHER_KEY})
    assert (await secrets.find(CUSTOM)).key == KEY
    status = await secrets.status(CUSTOM)
    assert (status.source, status.store_name) == (KeySource.ENVIRONMENT, "DROVER_API_KEY_MY_VLLM")


async def test_the_general_variable_serves_addresses_of_the_command_line_only(fresh_keyring: None) -> None:
    secrets = secrets_with({"DROVER_API_KEY": KEY})
    assert (await secrets.find(URL)).key == KEY
    assert (await secrets.find(CUSTOM)).key is None
    assert (await secrets.find(OXEN)).key is None


@pytest.mark.parametrize("backend", [DictKeyring], indirect=True)
async def test_a_key_for_an_address_never_reaches_the_keyring(backend: type[KeyringBackend]) -> None:
    secrets = secrets_trusting_tests()
    result = await secrets.save(URL, KEY)
    assert result.source is KeySource.MEMORY
    assert (await secrets.find(URL)).key == KEY
    await secrets.delete(URL)
    assert (await secrets.find(URL)).key is None
    assert (DictKeyring.kept, DictKeyring.calls) == ({}, [])


@pytest.mark.parametrize("backend", [DictKeyring], indirect=True)
async def test_the_built_in_model_needs_no_key_and_asks_nobody(backend: type[KeyringBackend]) -> None:
    found = await secrets_trusting_tests({"DROVER_API_KEY_BUILT_IN": KEY}).find(BUILT_IN)
    assert (found.key, found.source, found.notice) == (None, KeySource.NONE, None)
    assert DictKeyring.calls == []


async def test_a_variable_that_holds_no_key_is_named(fresh_keyring: None) -> None:
    found = await secrets_with({"OXEN_API_KEY": "hidden word"}).find(OXEN)
    assert (found.key, found.source) == (None, KeySource.NONE)
    assert (found.notice or "").startswith(
        "OXEN_API_KEY is set, but cannot be used. The key has a space inside"
    )
    assert "hidden" not in (found.notice or "")


async def test_an_empty_variable_is_no_key(fresh_keyring: None) -> None:
    assert (await secrets_with({"OXEN_API_KEY": " "}).find(OXEN)).source is KeySource.NONE


async def test_a_text_that_is_no_key_is_not_saved(fresh_keyring: None) -> None:
    secrets = secrets_with()
    with suppress(ConfigurationError):
        await secrets.save(OXEN, "two words")
    assert (await secrets.find(OXEN)).key is None


# Nobody sees a key


@pytest.mark.parametrize("backend", [DictKeyring], indirect=True)
async def test_every_key_that_passes_through_is_redacted_from_then_on(backend: type[KeyringBackend]) -> None:
    DictKeyring.kept["drover", "oxen"] = "kept-in-the-ring"
    secrets = secrets_trusting_tests({"DROVER_API_KEY_MY_VLLM": "from-the-outside"})
    await secrets.find(OXEN)
    await secrets.find(CUSTOM)
    await secrets.save(OXEN, "typed-in-a-dialog")
    for key in ("kept-in-the-ring", "from-the-outside", "typed-in-a-dialog"):
        assert key not in redact(f"error: {key} was refused")


async def test_a_found_key_is_not_shown_when_printed(fresh_keyring: None) -> None:
    assert KEY not in repr(await secrets_with({"OXEN_API_KEY": KEY}).find(OXEN))


def test_only_stores_that_encrypt_are_trusted() -> None:
    assert all(module.startswith("keyring.backends.") for module in TRUSTED_BACKENDS)
    assert "keyring.backends.null" not in TRUSTED_BACKENDS
