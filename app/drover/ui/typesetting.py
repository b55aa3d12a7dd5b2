"""Formulas and highlighting from a child process: asked for here, kept here, and told when they have come."""

from __future__ import annotations

import atexit
import json
import os
import sys
import time
from collections import OrderedDict, deque
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import shiboken6
from PySide6.QtCore import QCoreApplication, QObject, QProcess, QProcessEnvironment, QTimerEvent, Signal

import drover
from drover import log

_IN_FLIGHT: Final = 2
"""One is worked on, and one waits for it, so that the child need not wait for the window."""
_GATHER_MS: Final = 16
"""Answers that come so soon after one another are told together."""
_KEPT_BYTES: Final = 24 << 20
_COST_BYTES: Final = 400
_MOST_DEATHS: Final = 8
_SHORT_TIME_S: Final = 60.0
_END_MS: Final = 2000
_KEPT_VARIABLES: Final = (
    "PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "PYTHONHOME", "PYTHONPATH", "SYSTEMROOT", "TEMP", "TMP",
    "LANG", "LC_ALL",
)  # fmt: skip
"""All that the child needs of the environment; keys may stand in the rest."""

_log = log.logger("ui")


@dataclass(frozen=True, slots=True)
class Question:
    """Something to typeset or to highlight; `drover.ui.typesetter` tells the kinds and their options."""

    kind: str
    text: str
    option: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """What the child made of a question."""

    is_failure: bool
    """There is nothing but the text itself: it is not well-formed, or took too long."""
    facts: Mapping[str, Any]
    payload: bytes


_FAILURE: Final = Answer(is_failure=True, facts={}, payload=b"")


@dataclass(slots=True, eq=False)
class _Pending:
    question: Question
    askers: list[QObject]
    has_failed: bool = False
    """Whether a process has ended on it."""

    @property
    def is_wanted(self) -> bool:
        """Whether any of those who asked is still there."""
        return any(map(shiboken6.isValid, self.askers))


class Typesetting(QObject):
    """Asks the child process, which runs only while there is something to ask, and keeps its answers.

    What was asked last is answered first: it is what has just come into view. A question on which the
    process ends is tried once more when nothing else is left, and is a failure if it ends again. If it keeps
    ending, or cannot be started, everything is a failure for a minute.

    Signals:
        answered(list[Question]): the answers to these have come, in this order
    """

    answered = Signal(list)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._answers: OrderedDict[Question, Answer] = OrderedDict()
        self._kept_bytes = 0
        self._queue: OrderedDict[Question, _Pending] = OrderedDict()
        self._asked: deque[tuple[int, _Pending]] = deque()
        self._number = 0
        self._process: QProcess | None = None
        self._unread = bytearray()
        self._deaths: list[float] = []
        self._rests_until_s = 0.0
        self._given_up: list[Question] = []
        self._has_warned = False
        self._untold: list[Question] = []
        self._telling = 0
        atexit.register(self.end)

    @property
    def process_id(self) -> int:
        """The child process; 0 if there is none."""
        return self._process.processId() if self._process is not None else 0

    @property
    def is_busy(self) -> bool:
        """Whether an answer is still to come or to be told."""
        return bool(self._queue or self._asked or self._untold)

    def kept(self, question: Question) -> Answer | None:
        """The answer if it is known already. Nothing is asked."""
        answer = self._answers.get(question)
        if answer is not None:
            self._answers.move_to_end(question)
        return answer

    def answer(self, question: Question, asker: QObject) -> Answer | None:
        """The answer if it is known; else None, and `answered` tells when it has come.

        The question is dropped if the asker is deleted before its turn.
        """
        known = self.kept(question)
        if known is not None:
            return known
        pending = self._queue.get(question) or next(
            (pending for _, pending in self._asked if pending.question == question), None
        )
        if pending is None:
            pending = self._queue[question] = _Pending(question, [])
        elif question in self._queue:
            self._queue.move_to_end(question)
        if asker not in pending.askers:
            pending.askers.append(asker)
        self._ask()
        return None

    def warm_up(self) -> None:
        """Starts the process, because something has begun that will be asked in a moment."""
        if self._process is None and time.monotonic() >= self._rests_until_s:
            self._start()

    def forget(self) -> None:
        """Drops all answers, so that every question is asked anew."""
        self._answers.clear()
        self._given_up.clear()
        self._kept_bytes = 0

    def end(self) -> None:
        """Ends the process, if there is one, and drops what was asked. A later question starts another."""
        self._queue.clear()
        self._asked.clear()
        process, self._process = self._process, None
        if process is None or not shiboken6.isValid(process):
            return
        process.blockSignals(True)
        process.kill()
        process.waitForFinished(_END_MS)
        process.deleteLater()

    # Asking

    def _ask(self) -> None:
        while self._queue and len(self._asked) < _IN_FLIGHT:
            question, pending = self._queue.popitem()
            if not pending.is_wanted:
                continue
            self.warm_up()
            if self._process is None:
                self._queue[question] = pending
                self._give_up()
                return
            self._number += 1
            self._asked.append((self._number, pending))
            fields = {
                "id": self._number, "kind": question.kind, "text": question.text, "option": question.option,
            }  # fmt: skip
            self._process.write(json.dumps(fields).encode("ascii") + b"\n")

    def _start(self) -> None:
        for question in self._given_up:
            self._drop(question)
        self._given_up.clear()
        self._unread.clear()
        process = self._process = QProcess(self)
        process.setProcessEnvironment(_environment())
        process.readyReadStandardOutput.connect(self._read)
        process.finished.connect(self._note_end)
        process.errorOccurred.connect(self._note_error)
        program, *arguments = _command()
        process.start(program, arguments)

    def _read(self) -> None:
        if self._process is None:
            return
        self._unread += bytes(self._process.readAllStandardOutput().data())
        while (end := self._unread.find(b"\n")) >= 0:
            facts = json.loads(self._unread[:end])
            stop = end + 1 + int(facts["bytes"])
            if len(self._unread) < stop:
                break
            payload = bytes(self._unread[end + 1 : stop])
            del self._unread[:stop]
            _, pending = self._asked.popleft()
            self._keep(pending.question, Answer("failed" in facts, facts, payload))
        self._ask()

    def _keep(self, question: Question, answer: Answer) -> None:
        self._drop(question)
        self._answers[question] = answer
        self._kept_bytes += _cost(question, answer)
        while self._kept_bytes > _KEPT_BYTES:
            self._drop(next(iter(self._answers)))
        if not self._untold:
            self._telling = self.startTimer(_GATHER_MS if self._queue or self._asked else 0)
        self._untold.append(question)

    def _drop(self, question: Question) -> None:
        answer = self._answers.pop(question, None)
        if answer is not None:
            self._kept_bytes -= _cost(question, answer)

    def timerEvent(self, event: QTimerEvent) -> None:
        """Tells what has been gathered."""
        self.killTimer(self._telling)
        told, self._untold = self._untold, []
        self.answered.emit(told)

    # When the process ends

    def _note_error(self, error: QProcess.ProcessError) -> None:
        process = self._process
        if process is not None and error is QProcess.ProcessError.FailedToStart:
            self._forget_process()
            self._rest(process.errorString())

    def _note_end(self, status: int) -> None:
        """Ended for want of questions it is no loss; else what it was working on is to blame."""
        if self._process is None:
            return
        words = bytes(self._process.readAllStandardError().data()).decode("utf-8", "replace").strip()
        self._forget_process()
        if status == 0 and not self._asked:
            return
        now_s = time.monotonic()
        self._deaths = [*(death for death in self._deaths if now_s - death < _SHORT_TIME_S), now_s]
        _log.info("The typesetter ended with status %d.", status)
        lost = [pending for _, pending in self._asked]
        self._asked.clear()
        self._queue.update((pending.question, pending) for pending in reversed(lost[1:]))
        if lost:
            self._blame(lost[0])
        if len(self._deaths) >= _MOST_DEATHS:
            self._deaths.clear()
            self._rest(words.rpartition("\n")[2] or f"it keeps ending with status {status}")
        self._ask()

    def _blame(self, pending: _Pending) -> None:
        """Puts what the process ended on behind everything else, where it holds up nothing; but once only."""
        if pending.has_failed:
            self._keep(pending.question, _FAILURE)
            return
        pending.has_failed = True
        self._queue[pending.question] = pending
        self._queue.move_to_end(pending.question, last=False)

    def _forget_process(self) -> None:
        if self._process is not None:
            self._process.deleteLater()
            self._process = None

    def _rest(self, reason: str) -> None:
        """Leaves the process alone for a while; what was asked gets no answer but a failure."""
        self._rests_until_s = time.monotonic() + _SHORT_TIME_S
        if not self._has_warned:
            self._has_warned = True
            _log.warning("Formulas and code are shown as plain text: %s.", reason)
        self._give_up()

    def _give_up(self) -> None:
        left = [*(pending.question for _, pending in self._asked), *self._queue]
        self._asked.clear()
        self._queue.clear()
        for question in left:
            self._given_up.append(question)
            self._keep(question, _FAILURE)


def typesetting() -> Typesetting:
    """The one of the running application; made on first use. It ends with the program."""
    global _typesetting
    application = QCoreApplication.instance()
    if _typesetting is None or not shiboken6.isValid(_typesetting):
        _typesetting = Typesetting(application)
    return _typesetting


_typesetting: Typesetting | None = None


def _cost(question: Question, answer: Answer) -> int:
    return _COST_BYTES + len(question.text) + len(answer.payload)


def _command() -> list[str]:
    if getattr(sys, "frozen", False):
        return [sys.executable, "typesetter"]
    # -P keeps the current folder, which is anybody's, off the module path.
    return [sys.executable, "-P", "-m", "drover.ui.typesetter"]


def _environment() -> QProcessEnvironment:
    """The child finds this very Drover, whether it is installed or run from its sources."""
    environment = QProcessEnvironment()
    for name in _KEPT_VARIABLES:
        if name in os.environ:
            environment.insert(name, os.environ[name])
    root = str(Path(drover.__file__).parent.parent)
    known = os.environ.get("PYTHONPATH")
    environment.insert("PYTHONPATH", f"{root}{os.pathsep}{known}" if known else root)
    return environment
