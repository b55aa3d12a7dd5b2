"""What a screen reader hears of a reply by itself: that it begins, and when it is whole what it says."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QCoreApplication
from PySide6.QtGui import QAccessible, QAccessibleAnnouncementEvent
from PySide6.QtWidgets import QWidget

from drover.domain.run import Run, RunStatus
from drover.ui.message_measures import status_words

_Politeness = QAccessible.AnnouncementPoliteness


def announce(widget: QWidget, text: str, *, is_urgent: bool = False) -> None:
    """Has assistive technology say the text; urgent text interrupts what is being said. Costs nothing where
    there is none."""
    if text and QAccessible.isActive():
        event = QAccessibleAnnouncementEvent(widget, text)
        event.setPoliteness(_Politeness.Assertive if is_urgent else _Politeness.Polite)
        QAccessible.updateAccessibility(event)


def announce_begin(widget: QWidget, author: str) -> None:
    """A reply has been asked for."""
    announce(widget, _tr("{0} is answering").format(author))


def announce_end(widget: QWidget, author: str, run: Run | None, told: Callable[[], str]) -> None:
    """A reply has ended. `told` gives all of it, if it is wanted; why there is no more is said first."""
    if not QAccessible.isActive():
        return
    text = told()
    whole = f"{author}: {text}"
    if run is None or run.status is RunStatus.COMPLETE:
        announce(widget, whole)
    elif run.status is RunStatus.FAILED and run.failure is not None:
        announce(widget, _tr("Failed: {0}").format(run.failure.words), is_urgent=True)
        announce(widget, whole if text else "")
    else:
        announce(widget, f"{status_words(run.status)}. {whole}")


def _tr(text: str) -> str:
    return QCoreApplication.translate("announcer", text)
