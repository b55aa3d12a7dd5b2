"""Work on a thread of Qt's pool, whose result comes back to the view that asked for it last."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QCoreApplication, QObject, QThreadPool, Signal


class OffThread(QObject):
    """One piece of work at a time, for one view.

    Signals:
        done(object): what the work that was started last has given
    """

    done = Signal(object)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._number = 0
        _results().came.connect(self._take)

    def start(self, work: Callable[[], object]) -> None:
        """Begins; the result of earlier work is dropped. The work touches no widget and raises nothing."""
        self._number = _results().next_number()
        QThreadPool.globalInstance().start(partial(_do_and_tell, self._number, work))

    def drop(self) -> None:
        """No result is wanted any more."""
        self._number = 0

    def _take(self, number: int, result: object) -> None:
        if number == self._number:
            self.done.emit(result)


class _Results(QObject):
    """Carries results from the threads; lives as long as the application, so that no thread finds it gone."""

    came = Signal(int, object)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._count = 0

    def next_number(self) -> int:
        self._count += 1
        return self._count


_shared: _Results | None = None


def _results() -> _Results:
    global _shared
    application = QCoreApplication.instance()
    assert application is not None
    if _shared is None or _shared.parent() is not application:
        _shared = _Results(application)
    return _shared


def _do_and_tell(number: int, work: Callable[[], object]) -> None:
    _results().came.emit(number, work())
