"""One call of a tool: what the model asks for, who answers it, and what came of it."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable, Iterable
from functools import partial

from PySide6.QtCore import QCoreApplication, QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QGuiApplication, QKeySequence, QPainter, QPaintEvent, QShortcut
from PySide6.QtWidgets import QWidget

from drover.domain.json_indent import JsonIndenter, indented
from drover.domain.json_verdict import JsonVerdict
from drover.ui import formats
from drover.ui.call_content import CallContent
from drover.ui.call_text import CallText
from drover.ui.controls import Button, ElidedLabel, GrowingTextEdit, Label, QuietButton
from drover.ui.json_checking import JsonCheck, words_of
from drover.ui.markdown_look import clean_code
from drover.ui.shown_calls import CallStage, ShownCall
from drover.ui.theme import aligned, draw_frame, draw_icon, theme

_RADIUS, _HEADER, _INSET, _GAP, _ICON = 6, 32, 12, 8, 14
_COPIED_MS = 1500
_LONGEST_NAME = 200
_MOST_INDENTED = 20_000
"""Characters of arguments that are laid out over several lines, in some 5 ms; the rest is as it came."""


class _CopyButton(QuietButton):
    """Puts a text on the clipboard and says so for a moment."""

    def __init__(self, name: str, read: Callable[[], str], parent: QWidget) -> None:
        super().__init__(_tr("Copy"), icon="copy", compact=True, parent=parent)
        self.setAccessibleName(name)
        self._read = read
        self._back = QTimer(self, singleShot=True, interval=_COPIED_MS)
        self._back.timeout.connect(partial(self.setText, _tr("Copy")))
        self.clicked.connect(self._copy)

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self._read())
        self.setText(_tr("Copied"))
        self._back.start()


class CallCard(QWidget):
    """Shows one call and lets it grow. Its owner lays it out.

    Signals:
        height_changed(): lay out again
        decided(str): one of `run`, `run_always`, `decline`, `stop`
        answer_edited(): what a person writes as the result has changed
        answer_submitted(): it is to be sent, if all that is needed is written
    """

    height_changed = Signal()
    decided = Signal(str)
    answer_edited = Signal()
    answer_submitted = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._shown: ShownCall | None = None
        self._raw = ""
        self._indenter = JsonIndenter()
        self._is_settled = False
        self._name = ElidedLabel("", role="wire", parent=self)
        self._state = ElidedLabel("", role="small", token="text-3", parent=self)
        self._copy = _CopyButton(self.tr("Copy arguments"), self._read_arguments, self)
        self._content = CallContent(self.tr("Arguments"), self)
        self._content.height_changed.connect(self.height_changed)
        self._arguments = self._content.text
        self._problem = Label("", role="small", token="caution", parent=self)
        self._problem.setWordWrap(True)
        self._problem.hide()
        self._check: JsonCheck | None = None
        self._result: _Result | None = None
        self._asking: _Asking | None = None
        self._lines: list[int] = []

    # Contents

    @property
    def answer(self) -> str:
        """What a person has written as the result; empty where nothing is."""
        return self._asking.answer if self._asking is not None else ""

    @property
    def takes_answer(self) -> bool:
        """Whether there is a field for the result."""
        return self._asking is not None and self._asking.takes_answer

    @property
    def is_waiting(self) -> bool:
        """Whether its result may be written."""
        return self._shown is not None and self._shown.stage is CallStage.WAITING

    def set_answer(self, text: str) -> None:
        """Brings back what was written before the card was made anew."""
        if self._asking is not None and text:
            self._asking.set_answer(text)

    def feed(self, name: str, arguments: str) -> None:
        """Takes the next piece of a call that is still arriving."""
        room = max(0, _MOST_INDENTED - len(self._raw))
        self._raw += arguments
        self._arguments.append(self._indenter.feed(arguments[:room]) + arguments[room:])
        self._show_name(name)
        if not self._state.text():
            self._state.setText(self.tr("arriving"))

    def display(self, shown: ShownCall) -> None:
        """Shows how far the call is by now."""
        if shown == self._shown:
            self._show_state()
            return
        self._shown = shown
        self._show_name(shown.call.name)
        self._settle(shown)
        self._show_state()
        self._show_result(shown)
        self._show_asking(shown)
        self.updateGeometry()

    def count_on(self) -> None:
        """A second has passed."""
        self._show_state()

    @property
    def counts(self) -> bool:
        """Whether its words change with the time."""
        return self._shown is not None and self._shown.stage is CallStage.RUNNING

    def restyle(self) -> None:
        """Colours or text size have changed."""
        self._content.restyle()
        if self._result is not None:
            self._result.restyle()

    def _show_name(self, name: str) -> None:
        shown = clean_code(name)[:_LONGEST_NAME] or self.tr("no name")
        if shown == self._name.text():
            return
        self._name.setText(shown)
        self.setAccessibleName(self.tr("Tool call {0}").format(shown))

    def _settle(self, shown: ShownCall) -> None:
        """The arguments are all there: as they were written if they are no JSON, else over several lines."""
        if self._is_settled and shown.call.arguments == self._raw:
            return
        if shown.call.arguments != self._raw:
            self._raw = shown.call.arguments
            head = indented(self._raw[:_MOST_INDENTED])
            self._arguments.display(head + self._raw[_MOST_INDENTED:])
        self._is_settled = True
        schema = shown.tool.parameters_schema if shown.tool is not None else None
        if self._raw.strip():
            self._check = self._check or self._made_check()
            self._check.ask(self._raw, schema)

    def _made_check(self) -> JsonCheck:
        check = JsonCheck(self)
        check.judged.connect(self._take_verdict)
        return check

    def _take_verdict(self, verdict: JsonVerdict) -> None:
        if verdict.is_json:
            self._content.take_value(verdict.value)
        elif verdict.cut_at is None:
            self._arguments.display(self._raw)
        words = " ".join(words_of(verdict))
        if words != self._problem.text():
            self._problem.setText(words)
            self._problem.setVisible(bool(words))
            self.height_changed.emit()

    def _show_state(self) -> None:
        if self._shown is not None:
            self._state.setText(_state_words(self._shown))

    def _show_result(self, shown: ShownCall) -> None:
        if shown.result is None:
            if self._result is not None:
                self._result.hide()
                self._result.deleteLater()
                self._result = None
            return
        if self._result is None:
            self._result = _Result(self)
            self._result.height_changed.connect(self.height_changed)
            self._result.show()
        self._result.display(shown)

    def _show_asking(self, shown: ShownCall) -> None:
        if shown.stage not in (CallStage.WAITING, CallStage.RUNNING):
            if self._asking is not None:
                self._asking.hide()
                self._asking.deleteLater()
                self._asking = None
            return
        if self._asking is None:
            self._asking = _Asking(self)
            self._asking.decided.connect(self.decided)
            self._asking.height_changed.connect(self.height_changed)
            self._asking.answer_edited.connect(self.answer_edited)
            self._asking.answer_submitted.connect(self.answer_submitted)
            self._asking.show()
        self._asking.display(shown)

    def _read_arguments(self) -> str:
        return self._raw

    # Layout

    def lay_out(self, width: int) -> int:
        """The height it takes at this width."""
        scale, self._lines = theme().px, []
        left, inner = scale(_INSET) + 1, max(40, width - 2 * scale(_INSET) - 2)
        self._place_header(width, left)
        y = scale(_HEADER) + 1
        self._lines.append(y - 1)
        if self._arguments.text:
            y += scale(_GAP)
            height = self._content.lay_out(inner)
            self._content.setGeometry(left, y, inner, height)
            y += height
        self._content.setVisible(bool(self._arguments.text))
        if not self._problem.isHidden():
            y += scale(4) if self._arguments.text else scale(_GAP)
            icon = scale(_ICON) + scale(6)
            height = max(scale(16), self._problem.heightForWidth(inner - icon))
            self._problem.setGeometry(left + icon, y, inner - icon, height)
            y += height
        if self._arguments.text or not self._problem.isHidden():
            y += scale(_GAP)
        for part in (self._asking, self._result):
            if part is not None:
                if y > scale(_HEADER) + 1:
                    self._lines.append(y)
                y += 1
                height = part.lay_out(width - 2)
                part.setGeometry(1, y, width - 2, height)
                y += height
        return y + 1

    def _place_header(self, width: int, left: int) -> None:
        scale = theme().px
        header, height = scale(_HEADER), scale(24)
        copy = _place_at_right(
            (self._copy, self._content.tree_button), width - 4, (header - height) // 2 + 1, height
        )
        icon = scale(_ICON) + scale(6)
        room = max(20, width - 4 - copy - left - icon)
        name = min(self._name.sizeHint().width() + 1, max(20, room * 2 // 3))
        self._name.setGeometry(left + icon, 1, name, header)
        self._state.setGeometry(left + icon + name + scale(8), 1, max(0, room - name - scale(12)), header)

    def sizeHint(self) -> QSize:
        """Its present size; the owner lays it out."""
        return self.size()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Frame, hairlines between its parts, and the sign of a tool."""
        painter = QPainter(self)
        rect, scale = QRectF(self.rect()), theme().px
        draw_frame(painter, rect, _RADIUS, fill=theme().color("code"), edge=theme().color("line"))
        for y in self._lines:
            if y < self.height() - 2:
                line = aligned(painter, QRectF(1, y, rect.width() - 2, 1))
                painter.fillRect(line, theme().color("line"))
        left, side = scale(_INSET) + 1, scale(_ICON)
        place = QRectF(left, (scale(_HEADER) - side) / 2 + 1, side, side)
        draw_icon(painter, place, "tool", theme().color("text-2"))
        if not self._problem.isHidden():
            place = QRectF(left, self._problem.y() + (scale(16) - side) / 2, side, side)
            draw_icon(painter, place, "warning", theme().color("caution"))
        painter.end()


class _Result(QWidget):
    """What came of a call, and who wrote it."""

    height_changed = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._title = ElidedLabel("", role="small", token="text-2", parent=self)
        self._content = CallContent(self.tr("Result"), self)
        self._content.height_changed.connect(self.height_changed)
        self._text = self._content.text
        self._copy = _CopyButton(self.tr("Copy result"), self._read, self)
        self._raw = ""
        self._check: JsonCheck | None = None

    def display(self, shown: ShownCall) -> None:
        """Shows a result."""
        result = shown.result
        assert result is not None
        if result.ran:
            self._title.setText(self.tr("Result of {0}").format(result.ran))
        else:
            self._title.setText(self.tr("Told to the model") if result.is_error else self.tr("Your result"))
        self._copy.setVisible(bool(result.text))
        if result.text != self._raw:
            self._raw = result.text
            self._text.display(result.text.rstrip("\r\n"))
            if result.text.lstrip()[:1] in ("{", "["):
                if self._check is None:
                    self._check = JsonCheck(self)
                    self._check.judged.connect(self._take_verdict)
                self._check.ask(result.text, None)

    def restyle(self) -> None:
        """Colours or text size have changed."""
        self._content.restyle()

    def _take_verdict(self, verdict: JsonVerdict) -> None:
        if verdict.is_json:
            self._content.take_value(verdict.value)

    def _read(self) -> str:
        return self._raw

    def lay_out(self, width: int) -> int:
        """The height it takes at this width."""
        scale = theme().px
        left, inner, header, height = scale(_INSET), width - 2 * scale(_INSET), scale(28), scale(24)
        copy = _place_at_right(
            (self._copy, self._content.tree_button), width - 3, (header - height) // 2, height
        )
        self._title.setGeometry(left, 0, max(20, inner - copy), header)
        y = header
        self._content.setVisible(bool(self._text.text))
        if self._text.text:
            height = self._content.lay_out(inner)
            self._content.setGeometry(left, y, inner, height)
            y += height + scale(_GAP)
        return y


class _Asking(QWidget):
    """What is asked of the person: to let a program run, or to write the result.

    Signals:
        decided(str), height_changed(), answer_edited(), answer_submitted(): see `CallCard`
    """

    decided = Signal(str)
    height_changed = Signal()
    answer_edited = Signal()
    answer_submitted = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._question = Label("", role="small", token="text-2", parent=self)
        self._question.setWordWrap(True)
        self._command = CallText(self.tr("Command"), self)
        self._command.hide()
        self._note = Label("", role="small", token="text-2", parent=self)
        self._note.setWordWrap(True)
        self._field: GrowingTextEdit | None = None
        self._is_by_hand = False
        self._name = ""
        names = (
            ("run", self.tr("Run"), Button), ("run_always", self.tr("Run always here"), Button),
            ("answer", self.tr("Answer…"), Button), ("decline", self.tr("Decline"), Button),
            ("stop", self.tr("Stop program"), Button),
        )  # fmt: skip
        self._buttons: dict[str, Button] = {}
        for action, words, kind in names:
            button = kind(words, compact=True, parent=self)
            button.setAccessibleName(words)
            button.clicked.connect(partial(self._act, action))
            self._buttons[action] = button
        self._buttons["run_always"].setToolTip(
            self.tr("Run this program now, and in this conversation without asking again")
        )

    @property
    def answer(self) -> str:
        """What is written."""
        return self._field.toPlainText() if self._field is not None and self._is_by_hand else ""

    @property
    def takes_answer(self) -> bool:
        """Whether there is a field to write in."""
        return self._is_by_hand

    def set_answer(self, text: str) -> None:
        """Opens the field with this text in it."""
        self._is_by_hand = True
        self._made_field().set_text(text)

    def display(self, shown: ShownCall) -> None:
        """Asks what fits the call."""
        self._name = shown.call.name
        for button in self._buttons.values():
            button.setAccessibleDescription(self._name)  # which tells cards apart
        tool, is_running = shown.tool, shown.stage is CallStage.RUNNING
        command = tool.command if tool is not None else ()
        if not command or is_running:
            self._is_by_hand = not is_running
        if is_running:
            self._question.setText(self.tr("This program is running:"))
        elif command:
            self._question.setText(
                self.tr("Let this program run? It is given the arguments as JSON on its standard input.")
            )
        elif tool is None:
            self._question.setText(self.tr("No tool of this name is offered. Write its result yourself:"))
        else:
            self._question.setText(self.tr("You answer this call. Write what the tool would give:"))
        self._command.display(shlex.join(command))
        self._command.setVisible(bool(command))
        self._note.setText(shown.note)
        self._note.setVisible(bool(shown.note))
        self._show_parts(has_program=bool(command), is_running=is_running)

    def _show_parts(self, *, has_program: bool, is_running: bool) -> None:
        offered = {
            "run": has_program and not is_running,
            "run_always": has_program and not is_running,
            "answer": has_program and not is_running and not self._is_by_hand,
            "decline": not is_running,
            "stop": is_running,
        }
        for action, button in self._buttons.items():
            button.setVisible(offered[action])
        if self._is_by_hand:
            self._made_field()
        if self._field is not None:
            self._field.setVisible(self._is_by_hand)

    def _made_field(self) -> GrowingTextEdit:
        if self._field is None:
            self._field = GrowingTextEdit(self.tr("Result for the model"), most_lines=10, parent=self)
            self._field.set_placeholder(self.tr("Result for the model"))
            self._field.text_edited.connect(self._report)
            self._field.setAccessibleDescription(self._name)
            for keys in ("Ctrl+Return", "Ctrl+Enter"):
                shortcut = QShortcut(QKeySequence(keys), self._field)
                shortcut.setContext(Qt.ShortcutContext.WidgetShortcut)
                shortcut.activated.connect(self.answer_submitted)
            self._field.document().documentLayout().documentSizeChanged.connect(self._grow)
            self._field.show()
        return self._field

    def _report(self) -> None:
        self.answer_edited.emit()

    def _grow(self) -> None:
        field, height = self._field, self._field_height  # 0 until it is laid out
        if field is not None and height and field.minimumHeight() != height:
            self.height_changed.emit()

    _field_height = 0

    def _act(self, action: str) -> None:
        if action == "answer":
            self._is_by_hand = True
            self._buttons["answer"].hide()
            field = self._made_field()
            self.answer_edited.emit()
            self.height_changed.emit()
            field.setFocus(Qt.FocusReason.OtherFocusReason)
        else:
            self.decided.emit(action)

    def lay_out(self, width: int) -> int:
        """The height it takes at this width."""
        scale = theme().px
        left, inner, y = scale(_INSET), width - 2 * scale(_INSET), scale(_GAP)
        y = _place_words(self._question, left, y, inner)
        if not self._command.isHidden():
            y += scale(4)
            height = self._command.lay_out(inner)
            self._command.setGeometry(left, y, inner, height)
            y += height
        if not self._note.isHidden():
            y = _place_words(self._note, left, y + scale(4), inner)
        if self._field is not None and self._is_by_hand:
            y += scale(_GAP)
            height = self._field_height = self._field.minimumHeight()
            self._field.setGeometry(left, y, inner, height)
            y += height
        return self._place_buttons(left, y + scale(_GAP), inner) + scale(_GAP)

    def _place_buttons(self, left: int, y: int, inner: int) -> int:
        x, height = left, theme().px(24)
        for button in self._buttons.values():
            if button.isHidden():
                continue
            needed = button.sizeHint().width()
            if x > left and x + needed > left + inner:
                x, y = left, y + height + 8
            button.setGeometry(x, y, min(needed, inner), height)
            x += needed + theme().px(8)
        return y + height


def _place_at_right(buttons: Iterable[QWidget], right: int, y: int, height: int) -> int:
    """Places those of the buttons that are shown, the first one outermost; the width that they take."""
    start = right
    for button in buttons:
        if not button.isHidden():
            width = button.sizeHint().width()
            right -= width
            button.setGeometry(right, y, width, height)
    return start - right


def _place_words(label: Label, left: int, y: int, inner: int) -> int:
    height = max(theme().px(16), label.heightForWidth(inner))
    label.setGeometry(left, y, inner, height)
    return y + height


def _state_words(shown: ShownCall) -> str:
    has_program = shown.tool is not None and bool(shown.tool.command)
    match shown.stage:
        case CallStage.ARRIVING:
            return _tr("arriving")
        case CallStage.WAITING:
            return _tr("waiting for your approval") if has_program else _tr("waiting for your result")
        case CallStage.RUNNING:
            started_s = shown.started_at_s
            lasted = max(0.0, time.monotonic() - started_s) if started_s is not None else 0.0
            return _tr("running, {0}").format(formats.duration(lasted, tenths_below_s=0.0))
        case CallStage.ANSWERED:
            return _tr("answered")
        case CallStage.FAILED:
            return _tr("failed")
        case CallStage.DECLINED:
            return _tr("declined")
        case CallStage.UNANSWERED:
            return _tr("not answered")


def _tr(text: str) -> str:
    return QCoreApplication.translate("call_card", text)
