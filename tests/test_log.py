"""No credential passes the log, and with it no error, export or report."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.canary import CANARY, forms_of, found_in
from tests.conftest import ExpectedLog

from drover import log
from drover.log import redact, register_secret


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Bearer canary-key-123",
        '{"authorization": "Bearer canary-key-123"}',
        "api_key=canary-key-123&x=1",
        '"x-api-key": "canary-key-123"',
        "invalid key sk-canary-key-123 given",
    ],
)
def test_what_looks_like_a_key_is_removed(text: str) -> None:
    assert "canary-key-123" not in redact(text)


def test_a_known_key_is_removed_wherever_it_stands() -> None:
    register_secret("quite+ordinary")
    assert redact("you sent quite+ordinary, twice: quite+ordinary") == (
        "you sent [key removed], twice: [key removed]"
    )


def test_ordinary_words_stay() -> None:
    text = "The bearer of this letter may keep the authorization in his pocket."
    assert redact("Rate limit exceeded for model gpt-oss-20b") == "Rate limit exceeded for model gpt-oss-20b"
    assert "letter" in redact(text)


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
