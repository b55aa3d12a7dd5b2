"""The child process behind formulas and highlighting: order, faults, and that it never outlives its use."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QCoreApplication, QEvent, QObject
from pytestqt.qtbot import QtBot
from tests.conftest import ExpectedLog

from drover.ui.highlighting import _NAMES
from drover.ui.typesetter import CODE, FORMULA, LANGUAGE
from drover.ui.typesetting import Question, Typesetting

ENDLESS = Question(FORMULA, r"\left(" * 50 + "x" * 1300 + r"\right)" * 50)
"""Takes some ten seconds of processor time."""
NESTED = r"\frac{1}{1+" * 14 + "x" + "}" * 14
REGEX_BOMB = Question(CODE, ("a " * 2000 + "\n") * 60, "java")
SIMPLE = Question(FORMULA, "x^2")
_LIMIT_MS = 30_000


@pytest.fixture
def typesetting(qapp: QCoreApplication) -> Iterator[Typesetting]:
    made = Typesetting()
    yield made
    made.end()
    made.deleteLater()


@pytest.fixture
def waits(typesetting: Typesetting, qtbot: QtBot) -> Callable[[], None]:
    """Turns the event loop until everything is answered."""
    return lambda: qtbot.waitUntil(lambda: not typesetting.is_busy, timeout=_LIMIT_MS)


def is_typeset(typesetting: Typesetting, question: Question) -> bool:
    answer = typesetting.kept(question)
    assert answer is not None
    return not answer.is_failure


def is_running(process_id: int) -> bool:
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    return True


def test_answers_come_from_the_child_and_are_kept(
    typesetting: Typesetting, waits: Callable[[], None], qtbot: QtBot
) -> None:
    bad, code = Question(FORMULA, r"\frac{"), Question(CODE, "from x import y\n# é 😀 z", "py")
    for question in (SIMPLE, bad, code, Question(LANGUAGE, "py"), Question(LANGUAGE, "no-such")):
        assert typesetting.answer(question, typesetting) is None
    waits()
    answer = typesetting.answer(SIMPLE, typesetting)
    assert answer is not None
    assert answer.payload.startswith(b"<svg")
    assert b"currentColor" in answer.payload
    assert answer.facts["width"] == pytest.approx(1, abs=0.1)
    assert not is_typeset(typesetting, bad)
    highlighted = typesetting.kept(code)
    assert highlighted is not None
    assert highlighted.facts["tokens"] == ["syntax-keyword", "syntax-comment"]
    assert list(memoryview(highlighted.payload).cast("i")) == [0, 0, 4, 0, 0, 7, 6, 0, 1, 0, 8, 1]
    names = [typesetting.kept(Question(LANGUAGE, word)) for word in ("py", "no-such")]
    assert [answer and answer.facts["name"] for answer in names] == ["Python", ""]
    assert not typesetting.is_busy


def test_what_was_asked_last_is_answered_first(typesetting: Typesetting, waits: Callable[[], None]) -> None:
    told: list[Question] = []
    typesetting.answered.connect(told.extend)
    asked = [Question(FORMULA, f"x_{number}") for number in range(6)]
    for question in asked:
        typesetting.answer(question, typesetting)
    typesetting.answer(asked[3], typesetting)
    waits()
    # The first two were under way before there was anything else.
    assert told == [asked[index] for index in (0, 1, 3, 5, 4, 2)]


def test_what_nobody_waits_for_any_more_is_not_asked(
    typesetting: Typesetting, waits: Callable[[], None]
) -> None:
    asked = [Question(FORMULA, f"y_{number}") for number in range(4)]
    reader = QObject()
    for question in asked:
        typesetting.answer(question, reader)
    typesetting.answer(asked[2], typesetting)
    reader.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    waits()
    assert [typesetting.kept(question) is not None for question in asked] == [True, True, True, False]


def test_a_formula_that_never_ends_is_a_failure_and_holds_up_nothing_else(
    typesetting: Typesetting, waits: Callable[[], None]
) -> None:
    others = [Question(FORMULA, f"z_{number}") for number in range(5)]
    told: list[Question] = []
    typesetting.answered.connect(told.extend)
    for question in (*others[:2], ENDLESS, *others[2:]):
        typesetting.answer(question, typesetting)
    waits()
    assert told[-1] == ENDLESS
    assert [is_typeset(typesetting, question) for question in (*others, ENDLESS)] == [True] * 5 + [False]


def test_a_formula_may_be_nested(typesetting: Typesetting, waits: Callable[[], None]) -> None:
    typesetting.answer(Question(FORMULA, NESTED), typesetting)
    waits()
    assert is_typeset(typesetting, Question(FORMULA, NESTED))


PICTURED = (
    r"\left[\sum_{i}^{n}\left(\frac{a}{b+\sqrt{\frac{c}{d}}}\right)^{2}\right]_{0}^{\infty}",
    r"\begin{pmatrix}a&b\\c&\frac{1}{2}\end{pmatrix}",
    r"\begin{cases} x & \text{if } x>0 \\ -x & \text{otherwise}\end{cases}",
    r"\left|\frac{\left(a+b\right)}{\left\{c\right\}}\right| x^{\left(\frac{a}{b}\right)^{2}}",
    r"\overbrace{a+b}^{n} \vec{v} \widehat{abc} \mathbf{A}\mathcal{L}\mathbb{R}",
)


def test_what_makes_the_typesetter_quicker_does_not_change_its_pictures() -> None:
    script = f"""
from drover.ui import typesetter
from ziamath.config import config
from ziamath.zmath import Latex
from xml.etree import ElementTree
config.svg2 = False
def picture(tex):
    made = Latex(tex, size=100.0, color="currentColor", inline=True, margin=4.0)
    return ElementTree.tostring(made.svgxml())
plain = [picture(tex) for tex in {PICTURED!r}]
typesetter._load("formula")
print([typesetter._formula(tex, is_display=False)[1] for tex in {PICTURED!r}] == plain)
"""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("True\n", "")


def test_code_that_a_highlighter_chokes_on_is_a_failure(
    typesetting: Typesetting, waits: Callable[[], None]
) -> None:
    typesetting.answer(REGEX_BOMB, typesetting)
    waits()
    assert not is_typeset(typesetting, REGEX_BOMB)


def test_a_child_that_is_killed_is_replaced_and_what_it_had_is_asked_again(
    typesetting: Typesetting, waits: Callable[[], None]
) -> None:
    typesetting.answer(SIMPLE, typesetting)
    first = typesetting.process_id
    os.kill(first, signal.SIGKILL)
    waits()
    assert is_typeset(typesetting, SIMPLE)
    second = typesetting.process_id
    assert second != first
    os.kill(second, signal.SIGKILL)
    typesetting.answer(Question(FORMULA, "w"), typesetting)
    waits()
    assert is_typeset(typesetting, Question(FORMULA, "w"))


@pytest.mark.parametrize("program", ["/nonexistent/python", "/bin/false"])
def test_a_child_that_cannot_work_is_told_once_and_left_alone(
    typesetting: Typesetting,
    waits: Callable[[], None],
    monkeypatch: pytest.MonkeyPatch,
    expected_log: ExpectedLog,
    caplog: pytest.LogCaptureFixture,
    program: str,
) -> None:
    expected_log("shown as plain text")
    monkeypatch.setattr(sys, "executable", program)
    questions = [Question(FORMULA, f"v_{number}") for number in range(30)]
    for question in questions:
        typesetting.answer(question, typesetting)
    waits()
    assert not any(is_typeset(typesetting, question) for question in questions)
    typesetting.answer(SIMPLE, typesetting)
    waits()
    assert not is_typeset(typesetting, SIMPLE)
    assert typesetting.process_id == 0
    assert len([record for record in caplog.records if record.levelname == "WARNING"]) == 1


def test_the_child_ends_with_its_input_even_while_it_is_busy() -> None:
    child = subprocess.Popen(
        [sys.executable, "-P", "-m", "drover.ui.typesetter"],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    assert child.stdin is not None
    assert child.stdout is not None
    child.stdin.write(b'{"id": 1, "kind": "formula", "text": "x", "option": ""}\n')
    child.stdin.flush()
    assert child.stdout.readline().startswith(b'{"id": 1')
    text = ENDLESS.text.replace("\\", "\\\\").encode()
    child.stdin.write(b'{"id": 2, "kind": "formula", "text": "' + text + b'", "option": ""}\n')
    child.stdin.close()
    assert child.wait(20) == 0
    child.stdout.close()


def test_the_child_ends_when_nothing_was_asked_for_a_while() -> None:
    script = "import sys, drover.ui.typesetter as t; t._IDLE_S = 0.05; sys.exit(t.main())"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    child = subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, env=environment)
    assert child.wait(20) == 0
    assert child.stdin is not None
    child.stdin.close()


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_the_child_has_no_key_no_file_of_the_profile_and_no_qt(
    typesetting: Typesetting, waits: Callable[[], None], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DROVER_API_KEY_OXEN", "secret-of-the-test")
    with open(tmp_path / "library.sqlite3", "w"):
        typesetting.answer(SIMPLE, typesetting)
        waits()
        place = Path(f"/proc/{typesetting.process_id}")
        assert "secret-of-the-test" not in (place / "environ").read_text()
        opened = [str(entry.readlink()) for entry in (place / "fd").iterdir()]
        assert opened
        assert not any(name.startswith(str(tmp_path)) for name in opened)
        assert "libQt6" not in (place / "maps").read_text()


def test_the_child_reaches_no_network_and_starts_no_process() -> None:
    script = (
        "import socket, subprocess, drover.ui.typesetter as t; t._keep_small()\n"
        "for act in (lambda: socket.create_connection(('127.0.0.1', 9)), lambda: subprocess.run(['true'])):\n"
        "    try: act()\n"
        "    except PermissionError as error: print(error)\n"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True)
    refused = [f"{event} has no place here" for event in ("socket.getaddrinfo", "subprocess.Popen")]
    assert done.stdout.splitlines() == refused


def test_a_program_that_closes_while_its_child_is_busy_leaves_nothing_behind(display: str | None) -> None:
    script = (
        "from PySide6.QtWidgets import QApplication\n"
        "from drover.ui.typesetting import Question, typesetting\n"
        "application = QApplication([])\n"
        f"typesetting().answer(Question('formula', 'x'), application)\n"
        "typesetting().answered.connect(application.quit)\n"
        "application.exec()\n"
        f"typesetting().answer({ENDLESS!r}, application)\n"
        "application.processEvents()\n"
        "print(typesetting().process_id)\n"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert int(done.stdout) > 0
    assert not is_running(int(done.stdout))


def test_to_end_is_quick_and_a_later_question_starts_another_child(
    typesetting: Typesetting, waits: Callable[[], None]
) -> None:
    typesetting.answer(SIMPLE, typesetting)
    waits()
    first = typesetting.process_id
    typesetting.answer(ENDLESS, typesetting)
    started_s = time.monotonic()
    typesetting.end()
    assert time.monotonic() - started_s < 2
    assert not is_running(first)
    assert not typesetting.is_busy
    typesetting.answer(Question(FORMULA, "u"), typesetting)
    waits()
    assert is_typeset(typesetting, Question(FORMULA, "u"))


def test_the_names_known_without_asking_are_those_of_pygments(
    typesetting: Typesetting, waits: Callable[[], None]
) -> None:
    words = {word: name for word, name in _NAMES.items() if word != "r"}  # which Pygments calls S
    for word in words:
        typesetting.answer(Question(LANGUAGE, word), typesetting)
    waits()
    answers = {word: typesetting.kept(Question(LANGUAGE, word)) for word in words}
    assert {word: answer.facts["name"] for word, answer in answers.items() if answer is not None} == words
