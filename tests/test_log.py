"""No credential passes the log, and with it no error, export or report."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.canary import CANARY, forms_of, found_in
from tests.conftest import ExpectedLog

from drover import log
from drover.log import redact, register_secret


@pytest.mark.parametrize(
    "form",
    [
        "Authorization: Bearer {}",
        "authorization: Basic {} was refused",
        "proxy-authorization=Basic {}",
        '{{"authorization": "Bearer {}"}}',
        '{{"Authorization": ["Bearer {}"]}}',
        "{{'headers': {{'x-api-key': '{}'}}}}",
        '"x-api-key": "{}"',
        '{{\\"api_key\\": \\"{}\\"}}',
        '[["x-api-key", "{}"], ["host", "h"]]',
        "[(b'authorization', b'Bearer {}')]",
        "X-Goog-Api-Key: {}",
        "api-key: {}",
        "OPENAI_API_KEY={}",
        "api_key={}&x=1",
        "POST /v1?key={} HTTP/1.1",
        "https://host/v1?a=1&amp;access_token={}&amp;b=2",
        "api_key%3D{}",
        "Bearer%20{}",
        "Invalid bearer token: {}",
        "the password={} is wrong",
        "no route to http://someone:{}@proxy.example:3128",
        "Cookie: session={}; other=1",
    ],
)
@given(key=st.text("abcXYZ0189._~+/=-", min_size=4, max_size=60).filter(lambda text: len(set(text)) > 3))
def test_what_looks_like_a_key_is_removed_whatever_it_is_made_of(form: str, key: str) -> None:
    key = f"Q{key}".replace("/", "-") if "@" in form else f"Q{key}"
    removed = redact(form.format(key))

    assert key not in removed
    assert "[key removed]" in removed
    assert redact(removed) == removed


@pytest.mark.parametrize(
    "text",
    [
        "invalid key sk-canary-key-123 given",
        "invalid key gsk_canarykey12345 given",
        "AIzaSyCanaryCanaryCanaryCanary",
        "eyJhbGciOiJub25l.eyJjYW5hcnkiOjF9.c2lnbmF0dXJl",
        "Incorrect API key provided: canary1234key. You can find yours in the settings",
        "The api key 'canary1234key' does not exist",
    ],
)
def test_what_is_made_like_a_key_is_removed_wherever_it_stands(text: str) -> None:
    removed = redact(text)

    assert "anary" not in removed
    assert "c2lnbmF0dXJl" not in removed
    assert "[key removed]" in removed


@pytest.mark.parametrize(
    "text",
    [
        "The bearer of this letter may keep the authorization in his pocket.",
        "Rate limit exceeded for model gpt-oss-20b",
        "Missing Bearer token",
        'WWW-Authenticate: Bearer realm="x", error="invalid_token"',
        "x-api-key: Field required",
        '{"code": "invalid_api_key", "param": null}',
        "invalid_token: expires; invalid_api_key: refused",
        '{"api_key": null, "authorization": ""}',
        "Invalid API key: please check the settings",
        "Unexpected token: foo; max_tokens: 4096",
        "API key not valid. Please pass a valid API key.",
    ],
)
def test_what_is_said_of_keys_stays(text: str) -> None:
    assert redact(text) == text


def test_a_known_key_is_removed_wherever_it_stands() -> None:
    register_secret("quite+ordinary")
    assert redact("you sent quite+ordinary, twice: quite+ordinary") == (
        "you sent [key removed], twice: [key removed]"
    )


class _TextThatIsSearchedWhileSecretsCome(str):
    """Each search in it registers another secret, as another thread may at that moment."""

    __slots__ = ()

    def __contains__(self, searched: object) -> bool:
        register_secret(f"registered while {searched} was searched")
        return False


def test_a_secret_may_be_registered_while_a_text_is_redacted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "_SECRETS", {"known-secret"})
    assert redact(_TextThatIsSearchedWhileSecretsCome("nothing to hide")) == "nothing to hide"


# -- where lines go ------------------------------------------------------------------------------------------


@pytest.fixture
def set_up_logging() -> Iterator[logging.Logger]:
    """A logger whose lines arrive; afterwards logging is as it was."""
    root = logging.getLogger("drover")
    handlers, level, raises = list(root.handlers), root.level, logging.raiseExceptions
    log.ring.lines.clear()
    yield log.logger("ui")
    log.close_file()
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.raiseExceptions = raises
    log.ring.lines.clear()


def lines_in(folder: Path) -> list[str]:
    """What was logged there, without the times."""
    return [
        line.split(" ", 2)[2] for line in (folder / "drover.log").read_text(encoding="utf-8").splitlines()
    ]


def test_a_line_reaches_the_ring_and_the_file_without_credentials(
    set_up_logging: logging.Logger, tmp_path: Path
) -> None:
    log.set_up(tmp_path)
    set_up_logging.info("Sent %s.", "api_key=canary-key-123")
    assert lines_in(tmp_path) == ["INFO drover.ui: Sent api_key=[key removed]"]
    assert log.ring.lines[-1].endswith("INFO drover.ui: Sent api_key=[key removed]")


def test_a_folder_that_takes_no_file_is_one_warning_and_nothing_on_stderr(
    set_up_logging: logging.Logger,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    expected_log: ExpectedLog,
) -> None:
    blocked = tmp_path / "logs"
    blocked.write_text("a file is in the way")
    expected_log("No log file can be written to .*logs")
    log.set_up(blocked)
    set_up_logging.info("Sent %s.", "api_key=canary-key-123")
    assert [line.split(" ", 3)[2] for line in log.ring.lines] == ["WARNING", "INFO"]
    assert "canary" not in "".join(log.ring.lines)
    assert capsys.readouterr().err == ""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no disk that is always full")
def test_on_a_full_disk_no_line_is_shown_on_stderr_instead_and_the_file_is_closed(
    set_up_logging: logging.Logger, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "drover.log").symlink_to("/dev/full")
    log.set_up(tmp_path)
    set_up_logging.info("Sent %s.", "api_key=canary-key-123")
    log.close_file()
    assert capsys.readouterr().err == ""


def test_another_folder_replaces_the_file(set_up_logging: logging.Logger, tmp_path: Path) -> None:
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        log.set_up(tmp_path / name)
        set_up_logging.info(name)
    assert lines_in(tmp_path / "first") == ["INFO drover.ui: first"]
    assert lines_in(tmp_path / "second") == ["INFO drover.ui: second"]


def test_a_closed_file_takes_no_more_lines_and_its_folder_can_be_removed(
    set_up_logging: logging.Logger, tmp_path: Path
) -> None:
    folder = tmp_path / "logs"
    folder.mkdir()
    log.set_up(folder)
    handlers = [h for h in logging.getLogger("drover").handlers if isinstance(h, logging.FileHandler)]
    log.close_file()
    assert [handler.stream for handler in handlers] == [None]
    shutil.rmtree(folder)
    set_up_logging.info("later")
    assert log.ring.lines[-1].endswith("later")
    assert not folder.exists()


def test_a_recording_keeps_its_length_when_a_key_is_masked() -> None:
    log.register_secret("canary-of-a-recording")
    log.register_secret("q7zx1")
    recorded = b'data: {"key": "canary-of-a-recording", "tools": "q7zx1"}'
    assert log.masked(recorded) == b'data: {"key": "' + b"*" * 21 + b'", "tools": "q7zx1"}'


def test_a_key_is_masked_in_every_form_in_which_it_is_written() -> None:
    log.register_secret(CANARY)
    for name, form in forms_of(CANARY).items():
        if not name.startswith("UTF-16"):  # no server answers in it
            assert found_in(log.masked(b"before " + form + b" after")) == [], name
            assert found_in(log.redact(f"before {form.decode()} after").encode()) == [], name
            assert found_in(log.masked_text(f"before {form.decode()} after").encode()) == [], name
            assert len(log.masked(form)) == len(form)


def test_a_short_key_is_masked_in_no_text_of_a_recording() -> None:
    log.register_secret("q7zx1")
    log.register_secret("lm-studio")
    assert log.masked_text("q7zx1 in lm-studio") == "q7zx1 in lm-studio"
    assert log.redact("is q7zx1") == "is [key removed]"
