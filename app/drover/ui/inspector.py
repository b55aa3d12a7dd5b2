"""The tabs beside the parameters: what a reply thought, what was sent for it, and what it cost in tokens."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QPalette, QTextBlockFormat, QTextCursor
from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QTextEdit, QWidget

from drover.domain.conversation import Message, ReasoningPart
from drover.domain.run import LiveRun, Run
from drover.ui import formats
from drover.ui.controls import ElidedLabel, Label, SearchField
from drover.ui.inspector_page import Page
from drover.ui.theme import theme
from drover.ui.usage_table import MOST_RUNS

if TYPE_CHECKING:
    from drover.domain.timeline import Timeline
    from drover.ui.request_page import RequestPage
    from drover.ui.token_page import TokensPage


class _Prose(QTextEdit):
    """Read-only running text, set as reasoning is in the transcript; only ever appended to or replaced."""

    def __init__(self, name: str, parent: QWidget) -> None:
        super().__init__(parent)
        self.setReadOnly(True)
        self.setAcceptRichText(False)
        self.setTabChangesFocus(True)
        self.setAccessibleName(name)
        self.setProperty("bare", True)
        self.setFrameShape(QTextEdit.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setMinimumHeight(160)
        self.document().setDocumentMargin(0)
        theme().changed.connect(self._restyle)
        self._restyle()

    def append_text(self, text: str) -> None:
        """Adds at the end; the view stays where it is."""
        cursor = QTextCursor(self.document())
        cursor.movePosition(QTextCursor.MoveOperation.End)
        cursor.insertText(text)

    def set_text(self, text: str) -> None:
        """Replaces the text, unless it is the same."""
        if self.toPlainText() != text:
            self.setPlainText(text)
            self._space_lines()

    def _restyle(self) -> None:
        self.setFont(theme().font("column"))
        palette = self.palette()
        palette.setColor(QPalette.ColorRole.Text, theme().color("text-2"))
        self.setPalette(palette)
        self._space_lines()

    def _space_lines(self) -> None:
        line = QTextBlockFormat()
        kind = QTextBlockFormat.LineHeightTypes.MinimumHeight.value
        line.setLineHeight(theme().line_height("column"), kind)
        cursor = QTextCursor(self.document())
        cursor.select(QTextCursor.SelectionType.Document)
        cursor.mergeBlockFormat(line)


_KEPT_CHARS = 20_000
"""As much is shown of what nobody can read."""


def _kept(message: Message) -> str:
    """What the provider sent in the place of a thought, which it wants back as it is."""
    kept = (part.raw for part in message.parts if isinstance(part, ReasoningPart) and part.raw)
    return "\n".join(map(_indented, kept))[:_KEPT_CHARS]


def _indented(raw: str) -> str:
    try:
        return json.dumps(json.loads(raw), ensure_ascii=False, indent=2)
    except ValueError:
        return raw


class ReasoningPage(Page):
    """The chain of thought of one reply, with its times; searchable."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(
            "Reasoning page",
            _tr("The reasoning of a reply appears here. Ask a model that thinks, or tick reasoning_effort."),
            parent,
        )
        self._summary = Label(weight=600)
        self._measures = ElidedLabel("", token="text-2")
        from drover.ui.run_timeline import RunTimeline  # not needed for a first frame

        self._bar = RunTimeline()
        words = self.tr("Find in the reasoning")
        self._find = SearchField(words, words, "")
        self._find.returnPressed.connect(self._find_next)
        self._text = _Prose(self.tr("Whole reasoning"), self.content)
        head = QHBoxLayout()
        head.setSpacing(8)
        head.addWidget(self._summary)
        head.addWidget(self._measures, 1)
        self.rows.addLayout(head)
        self.rows.addWidget(self._bar)
        self.rows.addWidget(self._find)
        self.rows.addWidget(self._text, 1)
        self._live: LiveRun | None = None
        self._cursor = 0

    def display(self, run: Run | None, message: Message | None) -> None:
        """Shows a stored reply; None where there is none."""
        self._live = None
        is_hidden = message is not None and message.is_thought_hidden
        reasoning = (_kept(message) if is_hidden else message.reasoning) if message else ""
        self.show_content(bool(reasoning))
        if run is None or not reasoning:
            return
        tokens, thought_ms = run.reasoning_tokens, run.timing.reasoning_ms
        is_reported = bool(run.usage and run.usage.reasoning_tokens)
        lasted = formats.duration(thought_ms / 1000) if thought_ms else ""
        summary = self.tr("Thought for {0}").format(lasted) if lasted else self.tr("Thought")
        self._summary.setText(self.tr("Thought hidden by the provider") if is_hidden else summary)
        words = []
        if tokens:
            words.append(
                self.tr("{0}, {1}").format(
                    formats.tokens(tokens), self.tr("reported") if is_reported else self.tr("estimated")
                )
            )
        self._measures.setText(" · ".join(words))
        self._bar.display(_timeline(run))
        self._text.set_text(reasoning)

    def display_live(self, live: LiveRun) -> None:
        """Follows a reply while it thinks."""
        if self._live is not live:
            self._live, self._cursor = live, 0
            self._text.set_text("")
            self._bar.display(_timeline(None))
        self.advance()

    def advance(self) -> None:
        """Takes what is new from the live reply."""
        if self._live is None:
            return
        builder = self._live.builder
        self.show_content(builder.has_reasoning)
        news, self._cursor = builder.read_reasoning(self._cursor)
        if news:
            self._text.append_text(news)
        self._summary.setText(self.tr("Thinking") if builder.is_thinking else self.tr("Answering"))
        self._measures.setText(self.tr("about {0}").format(formats.tokens(builder.reasoning_delta_count)))

    def _find_next(self) -> None:
        words = self._find.text()
        if words and not self._text.find(words):
            self._text.moveCursor(self._text.textCursor().MoveOperation.Start)
            self._text.find(words)


class Inspector(QStackedWidget):
    """The three pages; each shows the reply that is inspected. A page is built when it is first looked at."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._pages: dict[str, QWidget] = {}
        self._request: RequestPage | None = None
        self._tokens: TokensPage | None = None
        self._reply: tuple[Run | None, Message | None] = (None, None)
        self._runs: Sequence[Run] = ()
        self._live: LiveRun | None = None

    def show_page(self, name: str) -> None:
        """Brings `Reasoning`, `Request` or `Tokens` to the front.

        Before the window is shown only that of the reasoning comes: ask again behind the first frame.
        """
        if name != "Reasoning" and not self.window().isVisible():
            return
        if name not in self._pages:
            kinds: dict[str, Callable[[], QWidget]] = {
                "Reasoning": ReasoningPage, "Request": self._make_request, "Tokens": self._make_tokens,
            }  # fmt: skip
            self._pages[name] = kinds[name]()
            self.addWidget(self._pages[name])
        self.setCurrentWidget(self._pages[name])
        self._display_page()

    @property
    def needs_request(self) -> bool:
        """Whether the page in front shows all that was kept of a run, which is read only for it."""
        return self._request is not None and self.currentWidget() is self._request and self.isVisible()

    @property
    def request(self) -> RequestPage:
        """The page of the request; it is given what it shows by whoever reads it."""
        assert self._request is not None
        return self._request

    @property
    def needs_runs(self) -> bool:
        """Whether the page in front lists the replies of the shown branch."""
        return self.needs_tokens

    @property
    def needs_tokens(self) -> bool:
        """Whether the page in front shows the tokens of a reply, which are read only for it."""
        return self._tokens is not None and self.currentWidget() is self._tokens and self.isVisible()

    @property
    def tokens(self) -> TokensPage:
        """The page of the tokens, once `show_page` made it; it is given them by whoever reads them."""
        assert self._tokens is not None
        return self._tokens

    @property
    def most_runs(self) -> int:
        """How many of them, the newest, it has room for."""
        return MOST_RUNS

    def display(self, run: Run | None, message: Message | None, runs: Sequence[Run]) -> None:
        """Shows a stored reply, or nothing; `runs` are the newest of the shown branch, oldest first."""
        self._live = None
        self._reply = (run, message)
        self._runs = [known for known in runs if not known.status.is_live]
        self._display_page()

    def display_live(self, live: LiveRun, runs: Sequence[Run]) -> None:
        """Follows a reply in progress; `runs` are the newest of the shown branch, oldest first."""
        self._live = live
        self._reply = (None, None)
        self._runs = [known for known in runs if not known.status.is_live]
        self._display_page()

    def advance(self, run_id: str) -> None:
        """Takes news of the followed reply, if it is that run and its page is seen."""
        page = self.currentWidget()
        is_followed = self._live is not None and self._live.run.id == run_id
        if is_followed and isinstance(page, ReasoningPage) and page.isVisible():
            page.advance()

    def _make_request(self) -> QWidget:
        from drover.ui.request_page import RequestPage  # behind the first frame, and not in every sitting

        self._request = RequestPage()
        return self._request

    def _make_tokens(self) -> QWidget:
        from drover.ui.token_page import TokensPage  # behind the first frame, and not in every sitting

        self._tokens = TokensPage()
        return self._tokens

    def _display_page(self) -> None:
        page = self.currentWidget()
        run, message = self._reply
        if isinstance(page, ReasoningPage):
            if self._live is not None:
                page.display_live(self._live)
            else:
                page.display(run, message)
        elif self._tokens is not None and page is self._tokens:
            self._tokens.display(self._runs)


def _tr(text: str) -> str:
    from PySide6.QtCore import QCoreApplication

    return QCoreApplication.translate("inspector", text)


def _timeline(run: Run | None) -> Timeline:
    from drover.domain.timeline import Timeline, timeline  # not needed for a first frame

    return Timeline() if run is None else timeline(run)
