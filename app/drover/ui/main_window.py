"""The window, put together: three columns, two workspaces, notices. Composition only."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QByteArray, QMimeData, QPoint, Qt, QTimer, Signal
from PySide6.QtGui import (
    QCloseEvent,
    QDragEnterEvent,
    QDragLeaveEvent,
    QDropEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
)
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QMainWindow,
    QSizePolicy,
    QSplitter,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from drover.domain.endpoint import Endpoint, ModelCard
from drover.store.settings import Settings
from drover.ui.actions import Actions
from drover.ui.composer import Composer
from drover.ui.controls import (
    ElidedLabel,
    HeaderBar,
    IconButton,
    Label,
    Menu,
    ModelCombo,
    QuietCombo,
    Segments,
    Tabs,
    is_tab_stop,
)
from drover.ui.conversation_list import ConversationList
from drover.ui.first_run import FirstRunPage
from drover.ui.inspector import Inspector
from drover.ui.notice_bar import NoticeBar
from drover.ui.sight import Sight
from drover.ui.theme import theme

if TYPE_CHECKING:
    from drover.domain.conversation import Attachment
    from drover.ui.comparison import ComparisonPage
    from drover.ui.drop_veil import DropVeil
    from drover.ui.parameter_panel import ParameterPanel
    from drover.ui.thumbnails import Thumbnails
    from drover.ui.transcript import TranscriptView

_RIGHT_FOLDS_BELOW_PX = 1100
_LEFT_FOLDS_BELOW_PX = 800
_READING_PX = 760
_LEFT_PX, _RIGHT_PX = 264, 352
_HEADER_HOLDS_BOTH_PX, _HEADER_HOLDS_BUTTONS_PX = 320, 220
_ENDPOINT_PX, _MODEL_PX = 160, 260
_TABS = ("Parameters", "Reasoning", "Request", "Tokens")


class MainWindow(QMainWindow):
    """Holds the views and passes on what concerns the window itself.

    Signals:
        endpoint_chosen(str), model_chosen(str): in the header, by id
        model_list_opened(), models_refresh_requested(): the list of models should be as new as can be
        workspace_chosen(str): `chat` or `experiments`
        tab_chosen(str): of the right column, by its English name
        transcript_built(), parameters_built(), thumbnails_built(): once, before their first use
        files_dropped(QMimeData): on any part of it
        returned(): the window can be seen again, after `is_on_screen` was asked for in vain
        painted(): once, when the first frame is on the screen: time for work that may wait
        closed(): once, after the window was closed
    """

    endpoint_chosen = Signal(str)
    model_chosen = Signal(str)
    model_list_opened = Signal()
    models_refresh_requested = Signal()
    workspace_chosen = Signal(str)
    tab_chosen = Signal(str)
    transcript_built = Signal()
    parameters_built = Signal()
    thumbnails_built = Signal()
    files_dropped = Signal(object)
    returned = Signal()
    painted = Signal()
    closed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setWindowTitle("Drover")
        self.setMinimumSize(480, 400)
        self._actions: Actions | None = None
        self._was_painted = False
        self._sight = Sight(self)
        self._sight.returned.connect(self.returned)
        self._wants_left = self._wants_right = True
        self._was_wide = {"left": True, "right": True}
        self.conversations = ConversationList()
        self._transcript: TranscriptView | None = None
        self.first_run = FirstRunPage()
        self.composer = Composer()
        self._comparison: ComparisonPage | None = None
        self._parameters: ParameterPanel | None = None
        self.inspector = Inspector()
        self._notices = NoticeBar()
        self._thumbnails: Thumbnails | None = None
        self._drop_veil: DropVeil | None = None
        self.setAcceptDrops(True)
        self._columns = QSplitter(Qt.Orientation.Horizontal)
        self._columns.setHandleWidth(1)
        self._columns.setChildrenCollapsible(False)
        self._left = self._left_column()
        self._right = self._right_column()
        for column, stretch in ((self._left, 0), (self._centre_column(), 1), (self._right, 0)):
            self._columns.addWidget(column)
            self._columns.setStretchFactor(self._columns.count() - 1, stretch)
        self.setCentralWidget(self._columns)
        self._growth = 1.0
        self._widths = (_LEFT_PX, _RIGHT_PX)
        self._columns.splitterMoved.connect(self._note_widths)
        self._limit_columns()
        theme().changed.connect(self._follow_text_size)

    # Composition

    def _left_column(self) -> QWidget:
        column = _Surface("window")
        self._menu_button = IconButton("menu", self.tr("Menu"))
        self._menu_button.clicked.connect(self._open_menu)
        self._workspaces = Segments(self.tr("Workspace"))
        self._workspaces.addItem(self.tr("Chat"), "chat")
        self._workspaces.addItem(self.tr("Experiments"), "experiments")
        self._workspaces.activated.connect(self._tell_workspace)
        fold = IconButton("sidebar-left", self.tr("Fold the conversations"))
        fold.clicked.connect(self.toggle_left)
        header = _header("window", self._menu_button, (self._workspaces, 1), fold, left=8, spacing=5)
        _stack(column, header, (self.conversations, 1))
        return column

    def _centre_column(self) -> QWidget:
        column = _Surface("page")
        self._second_menu = IconButton("menu", self.tr("Menu"))
        self._second_menu.clicked.connect(self._open_menu)
        self._unfold_left = IconButton("sidebar-left", self.tr("Show the conversations"))
        self._unfold_left.clicked.connect(self.toggle_left)
        self._title = ElidedLabel("", role="title", weight=600)
        self._endpoint = QuietCombo(self.tr("Endpoint"))
        self._endpoint.activated.connect(self._tell_endpoint)
        self._slash = Label("/", token="text-3")
        self._model = ModelCombo(self.tr("Model"))
        self._model.activated.connect(self._tell_model)
        self._model.model_named.connect(self.model_chosen)
        self._model.list_opened.connect(self.model_list_opened)
        self._model.refresh_requested.connect(self.models_refresh_requested)
        self._fold_right = fold = IconButton("sidebar-right", self.tr("Fold or show the parameters"))
        fold.clicked.connect(self.toggle_right)
        self._centre_header = _header(
            "page", self._second_menu, self._unfold_left, 4, (self._title, 1), 8,
            self._endpoint, self._slash, 2, self._model, 8, fold, left=20, spacing=0,
        )  # fmt: skip
        self._chat = chat = QWidget()
        self._conversation = QStackedWidget()
        self._conversation.addWidget(self.first_run)
        foot = QWidget()
        foot_row = QHBoxLayout(foot)
        foot_row.setContentsMargins(16, 0, 16, 16)
        self.composer.setMaximumWidth(theme().px(_READING_PX))
        self.composer.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        foot_row.addStretch(1)
        foot_row.addWidget(self.composer, 1000)
        foot_row.addStretch(1)
        _stack(chat, (self._conversation, 1), foot)
        self._workspace = QStackedWidget()
        self._workspace.addWidget(chat)
        _stack(column, self._centre_header, self._notices, (self._workspace, 1))
        self._centre = column
        column.resized.connect(self._fit_header)
        return column

    def _right_column(self) -> QWidget:
        column = _Surface("window")
        self._tabs = Tabs()
        for name in _TABS:
            self._tabs.addTab(self.tr(name))
        self._pages = QStackedWidget()
        self._pages.addWidget(self.inspector)
        self._tabs.currentChanged.connect(self._turn_page)
        header = _header("window", (self._tabs, 1), left=8, spacing=0)
        _stack(column, header, (self._pages, 1))
        return column

    def _turn_page(self, index: int) -> None:
        if index == 0:
            if self._parameters is not None:
                self._pages.setCurrentWidget(self._parameters)
        else:
            self._pages.setCurrentWidget(self.inspector)
            self.inspector.show_page(_TABS[index])
        self.tab_chosen.emit(_TABS[index])

    @property
    def parameters(self) -> ParameterPanel:
        """The first page of the right column, built behind the first frame."""
        if self._parameters is None:
            from drover.ui.parameter_panel import ParameterPanel

            self._parameters = ParameterPanel()
            self._pages.addWidget(self._parameters)
            self.parameters_built.emit()
            self._turn_page(self._tabs.currentIndex())
        return self._parameters

    @property
    def transcript(self) -> TranscriptView:
        """The messages of the shown conversation, built when there are some."""
        if self._transcript is None:
            from drover.ui.transcript import TranscriptView

            self._transcript = TranscriptView()
            self._transcript.pictures.thumbnails = self._thumbnails_of_messages
            self._conversation.addWidget(self._transcript)
            self.setTabOrder(self._fold_right, self._transcript)
            self.transcript_built.emit()
        return self._transcript

    @property
    def is_on_screen(self) -> bool:
        """Whether there is anybody to draw for: not while minimised, covered or on another desktop."""
        return self._sight.is_open()

    @property
    def comparison(self) -> ComparisonPage:
        """The Experiments workspace, built when it is first asked for."""
        if self._comparison is None:
            from drover.ui.comparison import ComparisonPage

            self._comparison = ComparisonPage()
            self._workspace.addWidget(self._comparison)
        return self._comparison

    def install_actions(self, actions: Actions) -> None:
        """Makes the shortcuts work in the whole window."""
        self._actions = actions
        for action in actions.by_id.values():
            self.addAction(action)

    @property
    def thumbnails(self) -> Thumbnails:
        """The small pictures of attachments, for all that shows them."""
        if self._thumbnails is None:
            from drover.ui.thumbnails import Thumbnails

            self._thumbnails = Thumbnails(self)
            self.thumbnails_built.emit()
        return self._thumbnails

    def _thumbnails_of_messages(self) -> Thumbnails:
        return self.thumbnails

    # Display

    def display_attachments(self, parts: Sequence[Attachment]) -> None:
        """Shows what goes with the message that is written."""
        if parts or self._thumbnails is not None:
            self.composer.display_attachments(parts, self.thumbnails)

    def open_model_list(self) -> None:
        """Unfolds the list of models."""
        self._model.setFocus(Qt.FocusReason.OtherFocusReason)
        self._model.showPopup()

    def display_title(self, title: str) -> None:
        """Names the shown conversation, in the header and for the window system."""
        self._title.setText(title)
        self.setWindowTitle(f"{title} – Drover")

    def display_endpoint(
        self, endpoints: Sequence[Endpoint], endpoint_id: str, cards: Sequence[ModelCard], model_id: str
    ) -> None:
        """Fills both choices of the header."""
        _fill(self._endpoint, [(endpoint.id, endpoint.name) for endpoint in endpoints], endpoint_id)
        self._model.display(cards, model_id)
        self._limit_choices()

    def display_model_list(self, words: str, *, is_busy: bool) -> None:
        """Says in the list of models where it is from and how old it is, or that it is being asked for."""
        self._model.display_state(words, is_busy=is_busy)

    def show_first_run(self, is_shown: bool) -> None:
        """Switches between the page that teaches and the transcript."""
        self._conversation.setCurrentWidget(self.first_run if is_shown else self.transcript)

    def show_workspace(self, name: str) -> None:
        """`chat` or `experiments`."""
        self._workspace.setCurrentWidget(self.comparison if name == "experiments" else self._chat)
        self._workspaces.setCurrentIndex(self._workspaces.findData(name))

    @property
    def is_chat_shown(self) -> bool:
        """Whether the Chat workspace is in front."""
        return self._workspace.currentWidget() is self._chat

    def show_tab(self, name: str) -> None:
        """Brings a tab of the right column to the front, unfolding the column."""
        self._tabs.setCurrentIndex(_TABS.index(name))
        if not self._right.isVisible():
            self.toggle_right()

    def show_notice(self, text: str, *, is_warning: bool, undo: Callable[[], None] | None = None) -> None:
        """Shows a sentence above the conversation until it is dismissed, replaced or taken back."""
        self._notices.display(text, is_warning=is_warning, undo=undo)

    def ask_link(self, url: str, opened: Callable[[bool], None]) -> None:
        """Shows where a link leads; `opened` hears True if its host is to be remembered."""
        from drover.ui.dialogs import LinkDialog

        dialog = LinkDialog(url, self)
        dialog.open_confirmed.connect(opened)
        dialog.open()

    def open_palette(self) -> None:
        """Shows all commands with a filter."""
        assert self._actions is not None
        from drover.ui.palette import CommandPalette

        palette = CommandPalette(self._actions, self)
        palette.show_over(self)

    def _tell_workspace(self, index: int) -> None:
        self.workspace_chosen.emit(self._workspaces.itemData(index))

    def _tell_endpoint(self, index: int) -> None:
        self.endpoint_chosen.emit(self._endpoint.itemData(index))

    def _tell_model(self, index: int) -> None:
        self.model_chosen.emit(self._model.itemData(index))

    def _open_menu(self) -> None:
        assert self._actions is not None
        menu = Menu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for spec in self._actions.specs:
            if spec.starts_group:
                menu.addSeparator()
            if spec.is_in_menu:
                menu.addAction(self._actions[spec.id])
        button = self._menu_button if self._menu_button.isVisible() else self._second_menu
        menu.popup(button.mapToGlobal(QPoint(0, button.height() + 4)))

    # Files from elsewhere

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Shows that files and pictures may be dropped anywhere."""
        if self.is_chat_shown and _can_be_attached(event.mimeData()):
            event.acceptProposedAction()
            if self._drop_veil is None:
                from drover.ui.drop_veil import DropVeil

                self._drop_veil = DropVeil(self)
            self._drop_veil.cover(self._centre)

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        """They were taken elsewhere."""
        self._lift_veil()
        super().dragLeaveEvent(event)

    def dropEvent(self, event: QDropEvent) -> None:
        """They are here."""
        self._lift_veil()
        if _can_be_attached(event.mimeData()):
            event.acceptProposedAction()
            self.files_dropped.emit(event.mimeData())

    def _lift_veil(self) -> None:
        if self._drop_veil is not None:
            self._drop_veil.hide()

    # The keyboard

    def go_to_area(self, step: int) -> None:
        """Moves the keyboard to the next (1) or previous (-1) part: conversations, messages, message field,
        right column. Those that are folded are passed over."""
        areas = [area for area in self._areas() if area[0].isVisible()]
        focused = self.focusWidget()
        index = next(
            (i for i, (part, _) in enumerate(areas) if focused is not None and part.isAncestorOf(focused)), -1
        )
        if index < 0 and step < 0:
            index = 0
        _, enter = areas[(index + step) % len(areas)]
        enter()

    def _areas(self) -> list[tuple[QWidget, Callable[[], None]]]:
        is_chat = self._workspace.currentWidget() is self._chat
        return [
            (self._left, self.conversations.take_list_focus),
            (self._conversation if is_chat else self._workspace, self._enter_page),
            (self.composer, self.composer.take_focus),
            (self._right, self._enter_right),
        ]

    def _enter_page(self) -> None:
        pages = self._conversation if self._conversation.isVisible() else self._workspace
        page = pages.currentWidget()
        assert page is not None
        first = next((widget for widget in (page, *page.findChildren(QWidget)) if is_tab_stop(widget)), None)
        if first is not None:
            first.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def _enter_right(self) -> None:
        self._tabs.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def focusNextPrevChild(self, is_next: bool) -> bool:
        """Tab sees the transcript as one stop: what is inside a message is reached from that message."""
        transcript, focused = self._transcript, self.focusWidget()
        if transcript is None or focused is None:
            return super().focusNextPrevChild(is_next)
        target = self._next_stop(transcript if transcript.isAncestorOf(focused) else focused, is_next)
        # WORKAROUND: PySide ties what `nextInFocusChain` returns to the widget that was asked, and when that
        # one goes it takes the scroll bars inside the other for gone too. This ties all to the window.
        self.findChildren(QWidget)
        if target is None:
            return False
        reasons = Qt.FocusReason
        target.setFocus(reasons.TabFocusReason if is_next else reasons.BacktabFocusReason)
        return True

    def _next_stop(self, start: QWidget, is_next: bool) -> QWidget | None:
        """Where Tab goes from here; None if there is no other place."""
        transcript = self._transcript
        assert transcript is not None
        # For the same reason no widget is asked for the window, which nothing would tie to anything else.
        last = self.previousInFocusChain() if is_next else self.nextInFocusChain()
        widget = start
        while True:
            if widget is last:
                beside: QWidget | None = self
            else:
                beside = widget.nextInFocusChain() if is_next else widget.previousInFocusChain()
            if beside is None or beside is start:
                return None
            widget = beside
            is_within = widget is not transcript and transcript.isAncestorOf(widget)
            if is_tab_stop(widget) and widget.window() is self and not is_within:
                return widget

    # Columns

    def toggle_left(self) -> None:
        """Folds or shows the conversations."""
        self._wants_left = not self._left.isVisible()
        self._show_columns(self._wants_left, self._right.isVisible())

    def toggle_right(self) -> None:
        """Folds or shows the right column."""
        self._wants_right = not self._right.isVisible()
        self._show_columns(self._left.isVisible(), self._wants_right)

    def unfold_left(self) -> None:
        """Shows the conversations."""
        if not self._left.isVisible():
            self.toggle_left()

    def _show_columns(self, left: bool, right: bool) -> None:
        self._left.setVisible(left)
        self._right.setVisible(right)
        self._second_menu.setVisible(not left)
        self._fit_header()

    def _limit_columns(self) -> None:
        """How narrow and how wide the outer columns may be at this size of text."""
        self._left.setMinimumWidth(round(200 * self._growth))
        self._left.setMaximumWidth(round(360 * self._growth))
        self._right.setMinimumWidth(round(304 * self._growth))

    def _follow_text_size(self) -> None:
        """Outer columns grow with their text, so that what they hold keeps its proportions."""
        self.composer.setMaximumWidth(theme().px(_READING_PX))
        growth = max(1.0, theme().px(1000) / 1000)
        if growth == self._growth:
            return
        self._growth = growth
        self._limit_columns()
        self._fold_for(self.width())
        self._share_width()
        self._fit_header()

    def _share_width(self) -> None:
        """Gives the outer columns their widths, and the centre the rest."""
        left, right = (round(width * self._growth) for width in self._widths)
        # The widths count the hairline between the columns, which here is the splitter's handle.
        self._columns.setSizes([left - 1, max(400, self.width() - left - right), right - 1])

    def _note_widths(self) -> None:
        """Remembers what a person made of the columns, for when they are folded or the text grows."""
        left, _, right = self._columns.sizes()
        known_left, known_right = self._widths
        self._widths = (
            round((left + 1) / self._growth) if left else known_left,
            round((right + 1) / self._growth) if right else known_right,
        )

    def _fold_for(self, width_px: int) -> None:
        """Folds columns when the window gets too narrow for them, and brings wanted ones back."""
        larger = self._growth - 1
        left_limit = _LEFT_FOLDS_BELOW_PX + larger * _LEFT_PX
        right_limit = _RIGHT_FOLDS_BELOW_PX + larger * (_LEFT_PX + _RIGHT_PX)
        for side, limit in (("left", left_limit), ("right", right_limit)):
            is_wide = width_px >= limit
            if is_wide != self._was_wide[side]:
                self._was_wide[side] = is_wide
                wanted = self._wants_left if side == "left" else self._wants_right
                left = is_wide and wanted if side == "left" else not self._left.isHidden()
                right = is_wide and wanted if side == "right" else not self._right.isHidden()
                self._show_columns(left, right)

    def restore_layout(self, settings: Settings) -> None:
        """Size, place, columns and tab as they were."""
        self.resize(1440, 900)
        if settings.window_geometry:
            self.restoreGeometry(QByteArray(base64.b64decode(settings.window_geometry)))
        self._wants_left, self._wants_right = not settings.is_left_folded, not settings.is_right_folded
        self._show_columns(self._wants_left, self._wants_right)
        self._widths = (settings.left_width, settings.right_width)
        self._growth = max(1.0, theme().px(1000) / 1000)
        self._limit_columns()
        self._share_width()
        self._tabs.setCurrentIndex(_TABS.index(settings.right_tab))
        self._fold_for(self.width())

    def layout_values(self) -> dict[str, object]:
        """The fields of `Settings` that say how the window looks now."""
        self._note_widths()
        left_width, right_width = self._widths
        values: dict[str, object] = {
            "window_geometry": base64.b64encode(self.saveGeometry().data()).decode("ascii"),
            "is_left_folded": not self._wants_left,
            "is_right_folded": not self._wants_right,
            "right_tab": _TABS[self._tabs.currentIndex()],
            "left_width": left_width,
            "right_width": right_width,
        }
        return values

    def _fit_header(self) -> None:
        """In a very narrow column the model alone says enough; the endpoint gives way to the title, and so
        do the buttons of what the menu does too."""
        room = self._centre.width() / self._growth
        for widget in (self._endpoint, self._slash):
            widget.setVisible(room >= _HEADER_HOLDS_BOTH_PX)
        holds_buttons = room >= _HEADER_HOLDS_BUTTONS_PX
        self._unfold_left.setVisible(holds_buttons and self._left.isHidden())
        self._fold_right.setVisible(holds_buttons or not self._right.isHidden())
        self._limit_choices()

    def _limit_choices(self) -> None:
        """How wide the choices of the header may be: half of a very narrow one is for the title."""
        most = self._centre.width() // 2 - theme().px(40)
        for combo, limit in ((self._endpoint, _ENDPOINT_PX), (self._model, _MODEL_PX)):
            combo.setMaximumWidth(max(48, min(theme().px(limit), most)))
            is_cut = combo.sizeHint().width() > combo.maximumWidth()
            combo.setToolTip(combo.currentText() if is_cut else "")

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fold_for(event.size().width())
        self.composer.setMaximumTextHeight(int(event.size().height() * 0.4))

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if not self._was_painted:
            self._was_painted = True
            QTimer.singleShot(0, self.painted.emit)

    def closeEvent(self, event: QCloseEvent) -> None:
        super().closeEvent(event)
        self.closed.emit()


class _Surface(QWidget):
    """A column on one of the surfaces of the theme.

    Signals:
        resized()
    """

    resized = Signal()

    def __init__(self, token: str) -> None:
        super().__init__()
        self._token = token
        theme().changed.connect(self.update)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme().color(self._token))
        painter.end()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.resized.emit()


def _header(token: str, *items: object, left: int, spacing: int) -> HeaderBar:
    """The strip at the top of a column; an item is a widget, (widget, stretch), or a number of pixels."""
    bar = HeaderBar(token=token)
    layout = QHBoxLayout(bar)
    layout.setContentsMargins(left, 0, 8, 0)
    layout.setSpacing(spacing)
    for item in items:
        if isinstance(item, int):
            layout.addSpacing(item)
        else:
            widget, stretch = item if isinstance(item, tuple) else (item, 0)
            layout.addWidget(widget, stretch)
    return bar


def _fill(combo: QComboBox, choices: Sequence[tuple[str, str]], chosen: str) -> None:
    """Shows (id, name) choices without telling anyone that something was chosen."""
    if [(combo.itemData(i), combo.itemText(i)) for i in range(combo.count())] != list(choices):
        combo.clear()
        for choice_id, name in choices:
            combo.addItem(name, choice_id)
    combo.setCurrentIndex(combo.findData(chosen))


def _stack(parent: QWidget, *items: object) -> None:
    """Puts widgets under one another without gaps; an item is a widget, or (widget, stretch)."""
    layout = QVBoxLayout(parent)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(0)
    for item in items:
        widget, stretch = item if isinstance(item, tuple) else (item, 0)
        layout.addWidget(widget, stretch)


def _can_be_attached(source: QMimeData) -> bool:
    return source.hasImage() or any(url.isLocalFile() for url in source.urls())
