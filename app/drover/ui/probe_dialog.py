"""The dialog that probes a model: what it will do and cost first, then what comes of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from PySide6.QtCore import QSize, Signal
from PySide6.QtWidgets import QProgressBar, QSizePolicy, QVBoxLayout, QWidget

from drover.domain.endpoint import ParameterFact
from drover.ui import formats
from drover.ui.controls import Button, Label, OverlayScrollArea, PrimaryButton
from drover.ui.fact_table import FactTable
from drover.ui.framed_dialog import FramedDialog, Verdict, words_label
from drover.ui.theme import theme

_TABLE_PX = 420


class ProbeDialog(FramedDialog):
    """Says what a probe will do, starts and stops it, and shows what is known of each parameter.

    Signals:
        start_requested(), stop_requested()
        forget_requested(str): the wire name whose fact should be forgotten
    """

    start_requested = Signal()
    stop_requested = Signal()
    forget_requested = Signal(str)

    def __init__(self, model_name: str, *, cost: str, prompt: str, parent: QWidget | None = None) -> None:
        """`cost` says how many requests there will be at most, and what they cost; `prompt` what they ask."""
        title = self.tr("Probe {0}").format(model_name)
        super().__init__(title, parent, width_px=680)
        self._names: Sequence[str] = ()
        self._skipped: Mapping[str, str] = {}
        heading = Label(title, role="title", weight=600)
        heading.setWordWrap(True)
        about = words_label(token="text-2")
        about.setText(
            self.tr(
                "Each parameter is tried in requests of its own, to see whether the server takes it and what"
                " changes. They ask “{0}” and stay out of your conversations."
            ).format(prompt)
        )
        price = words_label()
        price.setText(cost)
        self._last = Label("", role="small", token="text-3")
        self._table = FactTable()
        self._table.forget_requested.connect(self.forget_requested)
        self._bar = QProgressBar()
        self._bar.setTextVisible(False)
        self._bar.setAccessibleName(self.tr("Progress of the probe"))
        self._state = Verdict()
        for part in (self._bar, self._state):
            policy = part.sizePolicy()
            policy.setRetainSizeWhenHidden(True)  # nothing moves when it starts or ends
            part.setSizePolicy(policy)
        self._stop = Button(self.tr("Stop"), icon="stop")
        self._close = Button(self.tr("Close"))
        self._start = PrimaryButton(self.tr("Start"))
        self._lay_out(heading, about, price)
        self._stop.clicked.connect(self.stop_requested)
        self._close.clicked.connect(self.reject)
        self._start.clicked.connect(self.start_requested)
        for button in (self._stop, self._close, self._start):
            button.setAccessibleName(button.text())
        self._stop.setAccessibleName(self.tr("Stop the probe"))
        self._show_running(False)
        self.resize(self.sizeHint())
        self._start.setFocus()

    def _lay_out(self, *texts: QWidget) -> None:
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 12, 0)
        column.addWidget(self._table)
        column.addStretch(1)
        scroll = OverlayScrollArea()
        scroll.setWidget(page)
        scroll.setMinimumHeight(theme().px(120))
        scroll.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        for part in texts:
            self.body.addWidget(part)
        self.body.addWidget(self._last)
        self.body.addWidget(scroll, 1)
        self.body.addWidget(self._bar)
        self.body.addWidget(self._state)
        self.foot.addStretch(1)
        for button in (self._close, self._stop, self._start):
            self.foot.addWidget(button)

    def sizeHint(self) -> QSize:
        """High enough for the table where the screen allows."""
        most = self.screen().availableGeometry().height() - 80
        return QSize(self.minimumWidth(), min(super().sizeHint().height() + theme().px(_TABLE_PX), most))

    def display_facts(
        self, names: Sequence[str], skipped: Mapping[str, str], facts: Sequence[ParameterFact]
    ) -> None:
        """Shows what is known by now; see `FactTable.display`."""
        self._table.display(names, skipped, facts)
        probed = [fact.noted_at for fact in facts if fact.is_probed]
        day = formats.moment(max(probed), now=datetime.now(UTC)) if probed else ""
        self._last.setText(
            self.tr("Last probed {0}").format(day) if day else self.tr("This model was not probed yet.")
        )

    def display_progress(self, done: int, total: int, name: str, words: str) -> None:
        """How far it is; `name` is the parameter that is being tried."""
        self._show_running(True)
        self._bar.setRange(0, total)
        self._bar.setValue(done)
        self._table.display_trying(name)
        self._state.display(words)

    def display_end(self, words: str, *, is_warning: bool = False, is_good: bool = False) -> None:
        """What came of it as a whole; another probe may be started."""
        self._show_running(False)
        self._table.display_trying("")
        self._state.display(words, is_warning=is_warning, is_good=is_good)
        self.make_room()

    def _show_running(self, is_running: bool) -> None:
        self._bar.setVisible(is_running)
        self._stop.setVisible(is_running)
        self._start.setVisible(not is_running)
