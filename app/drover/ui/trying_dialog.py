"""A dialog that tries what was entered, and the list of layers that this goes through."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, Qt, QTimer, Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from drover.engine.connection_test import ConnectionStep
from drover.errors import running_text
from drover.ui.controls import Button, Label
from drover.ui.dialog_parts import named_button
from drover.ui.framed_dialog import FramedDialog, Sign, Verdict, words_label
from drover.ui.theme import theme

_NAME_PX = 96


class TryingDialog(FramedDialog):
    """A dialog with a button that tries what was entered, layer by layer, and that stops this again.

    It is answered with `display_step` for each layer and `display_test_end`. A subclass lays out `_test`,
    `_verdict` and `_steps`, and asks for the test in `_ask_for_test`.

    Signals:
        test_stopped(): give up the test, and end it likewise
    """

    test_stopped = Signal()

    def __init__(self, title: str, parent: QWidget | None, *, width_px: int) -> None:
        super().__init__(title, parent, width_px=width_px)
        self._verdict = Verdict()
        self._steps = ConnectionSteps()
        self._is_testing = False
        self._test = named_button(Button, _t("Test"))
        self._test.setToolTip(_t("Tries each layer. The last is a question answered with one token."))
        self._test.clicked.connect(self._test_or_stop)

    def display_step(self, step: ConnectionStep) -> None:
        """What came of the next layer of the test."""
        self._verdict.display("")
        self._steps.add(step)
        self.make_room()

    def display_test_end(self, words: str = "") -> None:
        """The test is over; `words` say what kept it from coming to an end."""
        self._is_testing = False
        self._name_test(_t("Test"))
        self._verdict.display(words, is_warning=bool(words))
        self.make_room()

    def make_room(self) -> None:
        """Grows for what has come; never shrinks under the pointer."""
        QTimer.singleShot(0, self, self._grow)  # new lines know their height once they are shown

    def _grow(self) -> None:
        super().make_room()

    def _ask_for_test(self) -> bool:
        """Whether it was asked for; else what was entered is at fault, and that is said."""
        raise NotImplementedError

    def _forget_test(self) -> None:
        """What is entered now was not tried; a test that runs still tells what comes of it."""
        if not self._is_testing:
            self._verdict.display("")
            self._steps.clear()

    def _test_or_stop(self) -> None:
        if self._is_testing:
            self.test_stopped.emit()
            return
        self._forget_test()
        if not self._ask_for_test():
            return
        self._is_testing = True
        self._name_test(_t("Stop"))
        self._verdict.display(_t("Testing; it ends with a question to the model, answered with one token…"))
        self.make_room()

    def _name_test(self, words: str) -> None:
        self._test.setText(words)
        self._test.setAccessibleName(words)


class ConnectionSteps(QWidget):
    """What came of each layer, one line each, in the order in which they were passed."""

    def __init__(self) -> None:
        super().__init__()
        self._rows = QVBoxLayout(self)
        self._rows.setContentsMargins(0, 0, 0, 0)
        self._rows.setSpacing(4)
        self.hide()

    def clear(self) -> None:
        """Without lines it is hidden."""
        while self._rows.count():
            item = self._rows.takeAt(0)
            if item is not None and (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        self.hide()

    def add(self, step: ConnectionStep) -> None:
        """The next layer."""
        words = running_text(step.words, step.advice)
        sign = Sign("check" if step.is_good else "warning", "text-2" if step.is_good else "caution", 16)
        label = words_label(token="text-2")
        label.setText(words)
        label.setAccessibleName(f"{_step_name(step.name)}: {words}")
        label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        name = Label(_step_name(step.name), token="text-2" if step.is_good else "caution")
        name.setFixedWidth(theme().px(_NAME_PX))
        line = QWidget()
        row = QHBoxLayout(line)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(sign, 0, Qt.AlignmentFlag.AlignTop)
        row.addWidget(name, 0, Qt.AlignmentFlag.AlignTop)
        row.addWidget(label, 1)
        self._rows.addWidget(line)
        self.show()


def _step_name(name: str) -> str:
    return {
        "Name": _t("Name"),
        "Connection": _t("Connection"),
        "Proxy": _t("Proxy"),
        "Encryption": _t("Encryption"),
        "HTTP": _t("HTTP"),
        "Key": _t("Key"),
        "Model": _t("Model"),
    }.get(name, _t("Settings"))


def _t(text: str) -> str:
    return QCoreApplication.translate("trying_dialog", text)
