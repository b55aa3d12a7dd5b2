"""The page that stands where the transcript will be: three things to try, a key, another server."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QFocusEvent, QFontMetricsF, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QProgressBar,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QSpacerItem,
    QVBoxLayout,
    QWidget,
)

from drover.ui.controls import Button, Label, is_keyboard_focus
from drover.ui.labels import escaped
from drover.ui.theme import draw_frame, draw_hairline, draw_icon, theme

_READING_PX = 760
_INSET_PX = 16
_ROW_PX = 64
_CARD_RADIUS = 6
_WEIGHTS_MB = 98


class FirstRunPage(QScrollArea):
    """Teaches by three rows that act. It starts nothing itself.

    Signals:
        chosen(str): `think`, `knob` or `request`
        key_requested(), endpoint_requested(), download_requested()
    """

    chosen = Signal(str)
    key_requested = Signal()
    endpoint_requested = Signal()
    download_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._has_weights = True
        self._title = Label(self.tr("Ask something, or try one of these"), role="display", weight=600)
        self._title.setWordWrap(True)
        self._sentences = _Prose()
        self._download = _Download()
        self._card = _Card(self._rows())
        self._key = _KeySection()
        self._other = _ServerLine()
        self._lay_out()
        self._download.requested.connect(self.download_requested)
        self._key.requested.connect(self.key_requested)
        self._other.linkActivated.connect(self._request_endpoint)
        self.display_has_weights(True)

    def _rows(self) -> list[_Row]:
        texts = (
            (
                "think",
                "clock",
                self.tr("Watch a model think"),
                self.tr("Asks why the sky is blue with reasoning_effort at medium, and opens the reasoning."),
            ),
            (
                "knob",
                "columns",
                self.tr("Turn one knob"),
                self.tr("The same question at temperature 0.2 and 1.2, as two versions side by side."),
            ),
            (
                "request",
                "inspect",
                self.tr("See exactly what was sent"),
                self.tr(
                    "One short message, then the request and each event of the reply in the Request tab."
                ),
            ),
        )
        rows = [_Row(*text) for text in texts]
        for row in rows:
            row.chosen.connect(self.chosen)
        return rows

    def _lay_out(self) -> None:
        column = QWidget()
        column.setMaximumWidth(_READING_PX)
        column.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        stack = QVBoxLayout(column)
        stack.setContentsMargins(0, 0, 0, 16)
        stack.setSpacing(0)
        stack.addItem(QSpacerItem(0, 96, QSizePolicy.Policy.Minimum, QSizePolicy.Policy.Preferred))
        for widget, gap in (
            (self._title, 6),
            (self._sentences, 26),
            (self._download, 0),
            (self._card, 24),
            (self._key, 0),
            (self._other, 0),
        ):
            stack.addWidget(widget)
            stack.addSpacing(gap)
        stack.addStretch(1)
        for inset in (self._title, self._sentences, self._download, self._key, self._other):
            inset.setContentsMargins(_INSET_PX, 0, _INSET_PX, 0)
        # Made here: asking Qt for its own viewport has PySide look through every kind of widget (10 ms).
        self.setViewport(QWidget(self))
        page = QWidget()
        row = QHBoxLayout(page)
        row.setContentsMargins(16, 0, 16, 0)
        row.addStretch(1)
        row.addWidget(column, 1000)
        row.addStretch(1)
        self.setWidget(page)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        page.setAutoFillBackground(False)

    def display_has_key(self, has_key: bool) -> None:
        """Whether Oxen.ai has a key: then nothing is said about it any more."""
        self._key.setVisible(not has_key)

    def display_has_weights(self, has_weights: bool) -> None:
        """Whether the built-in model can run; without it the page offers to fetch it."""
        self._has_weights = has_weights
        if has_weights:
            words = self.tr(
                "Drover comes with a very small model that runs on this computer, with no key and no "
                "network. It is good for trying the controls; its answers are not to be relied on."
            )
        else:
            words = self.tr(
                "Drover’s very small model is not on this computer yet. It is fetched once and then needs no "
                "key and no network. It is good for trying the controls; its answers are not to be relied on."
            )
        self._sentences.display(words)
        self._download.setVisible(not has_weights)
        self._download.reset()
        self._card.setEnabled(has_weights)

    def display_download(self, done_bytes: int, total_bytes: int, words: str) -> None:
        """How far the fetching of the built-in model is; `total_bytes` 0 while that is unknown."""
        if not self._has_weights:
            self._download.display(done_bytes, total_bytes, words)

    def display_download_failed(self, words: str) -> None:
        """Why the fetching ended without the model; offers it again."""
        self._download.display_failed(words)

    def _request_endpoint(self) -> None:
        self.endpoint_requested.emit()


class _Prose(Label):
    """A paragraph in lines of the body's height, which a plain label cannot do."""

    def __init__(self) -> None:
        self._words = ""
        super().__init__(role="body", token="text-2")
        self.setWordWrap(True)
        self.setTextFormat(Qt.TextFormat.RichText)
        theme().changed.connect(self._set)

    def display(self, words: str) -> None:
        self._words = words
        self.setAccessibleName(words)
        self._set()

    def _set(self) -> None:
        line = f"line-height: {theme().line_height('body')}px; -qt-line-height-type: minimum"
        self.setText(f'<p style="margin: 0; {line}">{escaped(self._words)}</p>')


class _Row(QPushButton):
    """One thing to try: an icon, a title over a sentence, a chevron."""

    chosen = Signal(str)

    def __init__(self, name: str, icon: str, title: str, sentence: str) -> None:
        super().__init__(title)
        self._name = name
        self._icon_name = icon
        self._sentence = sentence
        self._shows_ring = False
        self.is_first = False
        self.is_last = False
        self.setAccessibleName(title)
        self.setAccessibleDescription(sentence)
        self.setProperty("hasOwnRing", True)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.clicked.connect(self._choose)
        theme().changed.connect(self._fit)
        self.setMinimumWidth(120)
        self._fit()

    def focusInEvent(self, event: QFocusEvent) -> None:
        self._shows_ring = is_keyboard_focus(event)
        super().focusInEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        colors = theme()
        rect = QRectF(self.rect())
        token = "pressed" if self.isDown() else "hover" if self.underMouse() and self.isEnabled() else ""
        if token:
            self._paint_ground(painter, rect, token)
        if not self.is_first:
            draw_hairline(painter, rect.topLeft(), rect.width(), colors.color("line"))
        is_enabled = self.isEnabled()
        icon_ink = colors.color("text-2" if is_enabled else "disabled")
        # The hairline above is not part of what is centred.
        middle = self.height() / 2 + (0 if self.is_first else 1)
        side = self._icon_px()
        draw_icon(painter, QRectF(_INSET_PX - 1, middle - side / 2, side, side), self._icon_name, icon_ink)
        draw_icon(painter, QRectF(self.width() - 31, middle - 7, 14, 14), "chevron-right", icon_ink)
        words = self._words_rect()
        top = middle - (words.height() + colors.line_height("ui")) / 2
        title = QRectF(words.left(), top, words.width(), colors.line_height("ui"))
        flags = int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft)
        painter.setFont(colors.font("ui", 600))
        painter.setPen(colors.color("text" if is_enabled else "disabled"))
        painter.drawText(title, flags, self.text())
        painter.setFont(colors.font("ui"))
        painter.setPen(icon_ink)
        painter.drawText(
            words.translated(0, title.bottom()), flags | Qt.TextFlag.TextWordWrap, self._sentence
        )
        if self.hasFocus() and self._shows_ring:
            ring = rect.adjusted(1, 2, -1, -1)
            draw_frame(painter, ring, _CARD_RADIUS - 1, edge=colors.color("accent"), width=2)
        painter.end()

    def _paint_ground(self, painter: QPainter, rect: QRectF, token: str) -> None:
        """Round where the card is round."""
        reach = _CARD_RADIUS * 2
        painter.save()
        painter.setClipRect(rect)
        ground = rect.adjusted(0, 0 if self.is_first else -reach, 0, 0 if self.is_last else reach)
        draw_frame(painter, ground, _CARD_RADIUS - 1, fill=theme().color(token))
        painter.restore()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        """The sentence takes more lines where the row is narrow."""
        more = self._words_rect().height() - theme().line_height("ui")
        height = theme().px(_ROW_PX) + round(more)
        if height != self.minimumHeight():
            self.setFixedHeight(height)

    def _words_rect(self) -> QRectF:
        """Where the sentence stands, from its own top."""
        left = _INSET_PX - 1 + self._icon_px() + 16
        room = max(40.0, self.width() - left - 48)
        metrics = QFontMetricsF(theme().font("ui"))
        needed = metrics.boundingRect(QRectF(0, 0, room, 1000), int(Qt.TextFlag.TextWordWrap), self._sentence)
        line = theme().line_height("ui")
        lines = max(1, round(needed.height() / metrics.lineSpacing()))
        return QRectF(left, 0, room, line + (lines - 1) * metrics.lineSpacing())

    def _icon_px(self) -> int:
        return theme().px(20)

    def _choose(self) -> None:
        self.chosen.emit(self._name)


class _Card(QWidget):
    """Rows in one frame."""

    def __init__(self, rows: list[_Row]) -> None:
        super().__init__()
        rows[0].is_first = True
        rows[-1].is_last = True
        layout = QVBoxLayout(self)
        layout.setContentsMargins(1, 1, 1, 1)
        layout.setSpacing(0)
        for row in rows:
            layout.addWidget(row)
        theme().changed.connect(self.update)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        draw_frame(painter, QRectF(self.rect()), _CARD_RADIUS, edge=theme().color("line"))
        painter.end()


class _KeySection(QWidget):
    """Why one would want a key, and the button for it."""

    requested = Signal()

    def __init__(self) -> None:
        super().__init__()
        title = Label(self.tr("Larger models, with an Oxen.ai key"), weight=600)
        title.setWordWrap(True)
        words = Label(
            self.tr("gpt-oss-20b and others. The key is kept in the system’s keyring."), token="text-2"
        )
        words.setWordWrap(True)
        button = Button(self.tr("Add an Oxen.ai key…"), icon="key")
        button.setAccessibleName(button.text())
        button.clicked.connect(self.requested)
        texts = QVBoxLayout()
        texts.setSpacing(0)
        texts.addWidget(title)
        texts.addWidget(words)
        row = QHBoxLayout()
        row.setSpacing(16)
        row.addLayout(texts, 1)
        row.addWidget(button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(row)
        layout.addSpacing(16)


class _ServerLine(Label):
    """A sentence with one link in it."""

    def __init__(self) -> None:
        super().__init__(token="text-3")
        self.setWordWrap(True)
        self.setTextFormat(Qt.TextFormat.RichText)
        self.setTextInteractionFlags(
            Qt.TextInteractionFlag.LinksAccessibleByMouse | Qt.TextInteractionFlag.LinksAccessibleByKeyboard
        )
        link = f'<a href="server" style="text-decoration: none">{self.tr("another server")}</a>'
        self.setText(
            self.tr("Or add {0} that speaks the OpenAI format, such as llama.cpp, vLLM or Ollama.").format(
                link
            )
        )
        self.setAccessibleName(self.tr("Add another server"))


class _Download(QWidget):
    """The offer to fetch the built-in model, then how far that is, or why it failed."""

    requested = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._button = Button("", icon="download")
        self._button.clicked.connect(self._request)
        self._sign = Label()
        self._words = Label(token="text-2")
        self._words.setWordWrap(True)
        self._bar = QProgressBar()
        self._bar.setTextVisible(False)
        self._bar.setAccessibleName(self.tr("Fetching the built-in model"))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        sentence = QHBoxLayout()
        sentence.setSpacing(8)
        sentence.addWidget(self._sign)
        sentence.addWidget(self._words, 1)
        layout.addWidget(self._button)
        layout.addLayout(sentence)
        layout.addWidget(self._bar)
        layout.addSpacing(16)
        self.reset()

    def reset(self) -> None:
        """Back to the offer."""
        self._button.setText(self.tr("Fetch the built-in model ({0} MB)").format(_WEIGHTS_MB))
        self._button.setAccessibleName(self._button.text())
        self._button.show()
        self._sign.hide()
        self._words.hide()
        self._bar.hide()

    def display(self, done_bytes: int, total_bytes: int, words: str) -> None:
        """Progress; per mille, because a bar counts in 32 bits."""
        self._button.hide()
        self._sign.hide()
        self._words.setText(words)
        self._words.setVisible(bool(words))
        self._bar.setRange(0, 1000 if total_bytes else 0)
        self._bar.setValue(min(1000, done_bytes * 1000 // total_bytes) if total_bytes else 0)
        self._bar.show()

    def display_failed(self, words: str) -> None:
        """Says why, and offers another attempt."""
        self._bar.hide()
        self._sign.setPixmap(theme().pixmap("warning", theme().px(16), "caution"))
        self._sign.show()
        self._words.setText(words)
        self._words.show()
        self._button.setText(self.tr("Try again"))
        self._button.setAccessibleName(self._button.text())
        self._button.show()

    def _request(self) -> None:
        self.display(0, 0, self.tr("Looking for the model…"))
        self.requested.emit()
