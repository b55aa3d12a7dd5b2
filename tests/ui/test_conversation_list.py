"""The left column and its models."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

import pytest
from PySide6.QtCore import QAbstractItemModel, QItemSelectionModel, QModelIndex, QPoint, Qt
from PySide6.QtGui import QAccessible
from PySide6.QtTest import QAbstractItemModelTester, QTest
from PySide6.QtWidgets import QLineEdit, QListView, QMenu, QPushButton, QWidget
from pytestqt.qtbot import QtBot

from drover.domain.conversation import Conversation
from drover.store.search import SearchHit
from drover.ui.conversation_list import ConversationList
from drover.ui.models import ConversationListModel, ListRole, SearchHitModel

NOW = datetime(2026, 11, 19, 15, 30).astimezone()  # a Thursday, local time


def conversation(name: str, *, hours_ago: float = 1.0, is_pinned: bool = False) -> Conversation:
    at = NOW - timedelta(hours=hours_ago)
    return Conversation(id=f"id of {name}", title=name, created_at=at, updated_at=at, is_pinned=is_pinned)


def column(model: QAbstractItemModel, role: int = Qt.ItemDataRole.DisplayRole) -> list[object]:
    return [model.index(row, 0).data(role) for row in range(model.rowCount())]


@pytest.fixture
def model(qapp: object) -> Iterator[ConversationListModel]:
    list_model = ConversationListModel()
    tester = QAbstractItemModelTester(list_model, QAbstractItemModelTester.FailureReportingMode.Fatal)
    yield list_model
    del tester


def test_conversations_stand_in_groups_and_each_group_is_named_once(model: ConversationListModel) -> None:
    model.display(
        [
            conversation("kept", hours_ago=100, is_pinned=True),
            conversation("fresh"),
            conversation("of noon", hours_ago=3),
            conversation("older", hours_ago=40),
            conversation("oldest", hours_ago=300),
        ],
        set(),
        now=NOW,
    )
    assert column(model) == ["kept", "fresh", "of noon", "older", "oldest"]
    assert column(model, ListRole.GROUP) == ["Pinned", "Today", "", "Earlier", ""]
    assert column(model, ListRole.TIME) == ["Sun", "14:30", "12:30", "Tue", "7 Nov"]
    assert model.index(0).data(Qt.ItemDataRole.AccessibleDescriptionRole) == "Pinned, 15 Nov, 11:30"


def test_a_conversation_without_a_title_is_called_new(model: ConversationListModel) -> None:
    model.display([conversation("")], set(), now=NOW)
    assert column(model) == ["New conversation"]


def test_a_live_conversation_says_so(model: ConversationListModel) -> None:
    model.display([conversation("a"), conversation("b")], {"id of b"}, now=NOW)
    assert column(model, ListRole.IS_LIVE) == [False, True]
    assert model.index(1).data(Qt.ItemDataRole.AccessibleDescriptionRole) == "Today, replying now"


def test_what_did_not_change_is_left_alone(model: ConversationListModel) -> None:
    rows = [conversation("a"), conversation("b", hours_ago=2), conversation("c", hours_ago=3)]
    model.display(rows, set(), now=NOW)
    seen: list[str] = []
    model.modelReset.connect(lambda: seen.append("reset"))
    model.rowsInserted.connect(lambda *_: seen.append("inserted"))
    model.rowsRemoved.connect(lambda *_: seen.append("removed"))
    model.rowsMoved.connect(lambda *_: seen.append("moved"))
    model.dataChanged.connect(lambda first, *_: seen.append(f"changed {first.row()}"))
    model.display(rows, set(), now=NOW)
    assert seen == []
    model.display(rows, {"id of b"}, now=NOW)
    assert seen == ["changed 1"]
    seen.clear()
    model.display([rows[0], rows[2]], set(), now=NOW)
    assert seen == ["removed"]
    seen.clear()
    model.display([rows[2], rows[0]], set(), now=NOW)
    assert seen == ["moved", "changed 0", "changed 1"]


def test_a_persistent_index_follows_its_conversation(model: ConversationListModel) -> None:
    rows = [conversation(name, hours_ago=number) for number, name in enumerate("abcdef", start=1)]
    model.display(rows, set(), now=NOW)
    selection = QItemSelectionModel(model)
    selection.setCurrentIndex(model.index(4), QItemSelectionModel.SelectionFlag.ClearAndSelect)
    model.display([conversation("new"), rows[4], *rows[:4]], set(), now=NOW)
    assert selection.currentIndex().data() == "e"
    assert selection.currentIndex().row() == 1


def test_any_change_of_the_list_arrives_in_order(model: ConversationListModel) -> None:
    generator = random.Random(7)
    for _ in range(150):
        names = generator.sample([f"c{number}" for number in range(14)], generator.randint(0, 14))
        rows = [
            conversation(name, hours_ago=generator.choice([1, 50]), is_pinned=generator.random() < 0.3)
            for name in names
        ]
        model.display(rows, set(generator.sample([row.id for row in rows], len(rows) // 3)), now=NOW)
        pinned = [row for row in rows if row.is_pinned]
        today = [row for row in rows if not row.is_pinned and row.updated_at > NOW - timedelta(hours=15)]
        rest = [row for row in rows if row not in pinned and row not in today]
        assert column(model) == [row.title for row in [*pinned, *today, *rest]]
        assert column(model, ListRole.GROUP).count("Pinned") == bool(pinned)


def test_midnight_moves_conversations_to_earlier_days(model: ConversationListModel) -> None:
    rows = [conversation("a"), conversation("b", hours_ago=2)]
    model.display(rows, set(), now=NOW)
    model.display(rows, set(), now=NOW + timedelta(days=1))
    assert column(model, ListRole.GROUP) == ["Earlier", ""]
    assert column(model, ListRole.TIME) == ["Thu", "Thu"]


def test_many_conversations_are_loaded_in_pages_and_found_at_any_depth(qapp: object) -> None:
    model = ConversationListModel()
    rows = [conversation(f"c{number}", hours_ago=number) for number in range(10_000)]
    model.display(rows, set(), now=NOW)
    assert model.rowCount() == 256
    assert model.canFetchMore(QModelIndex())
    model.fetchMore(QModelIndex())
    assert model.rowCount() == 512
    assert model.row_of("id of c900") == 900
    assert model.rowCount() == 901
    assert model.row_of("id of nobody") == -1
    model.display([conversation("newest", hours_ago=0), *rows], set(), now=NOW)
    assert model.rowCount() == 902
    assert model.index(901).data() == "c900"


def test_search_hits_carry_their_snippet_and_where_the_words_stand(qapp: object) -> None:
    model = SearchHitModel()
    tester = QAbstractItemModelTester(model, QAbstractItemModelTester.FailureReportingMode.Fatal)
    model.display(
        [
            SearchHit(
                conversation_id="1",
                title="Dice",
                updated_at=NOW,
                snippet="a fair die",
                where="reasoning",
                spans=((2, 6),),
            )
        ],
        now=NOW,
    )
    index = model.index(0)
    snippet = index.data(ListRole.SNIPPET)
    assert snippet == "Reasoning: a fair die"
    assert [snippet[start:end] for start, end in index.data(ListRole.SPANS)] == ["fair"]
    assert index.data() == "Dice"
    assert index.data(ListRole.TIME) == "15:30"
    del tester


def test_a_hit_in_the_title_needs_no_second_line(qapp: object) -> None:
    model = SearchHitModel()
    hit = SearchHit(
        conversation_id="1", title="Dice", updated_at=NOW, snippet="Dice", where="title", spans=((0, 4),)
    )
    model.display([hit], now=NOW)
    assert model.index(0).data(ListRole.SNIPPET) == ""
    assert model.index(0).data(ListRole.SPANS) == ((0, 4),)


# The column itself

W = TypeVar("W", bound=QWidget)


def named(parent: QWidget, name: str, kind: type[W]) -> W:
    return next(child for child in parent.findChildren(kind) if child.accessibleName() == name)


class Column:
    """The left column as a person has it, and what it has told so far."""

    def __init__(self, qtbot: QtBot) -> None:
        self.widget = ConversationList()
        qtbot.addWidget(self.widget)
        self.widget.resize(263, 640)
        self.told: list[tuple[object, ...]] = []
        for name in (
            "conversation_chosen",
            "new_requested",
            "rename_requested",
            "delete_requested",
            "pin_requested",
            "search_edited",
            "settings_requested",
            "undo_requested",
        ):
            getattr(self.widget, name).connect(partial(self._note, name))
        self.widget.show()
        qtbot.waitExposed(self.widget)
        self.view = named(self.widget, "Conversations", QListView)
        self.search = named(self.widget, "Search conversations", QLineEdit)

    def _note(self, name: str, *values: object) -> None:
        self.told.append((name, *values))

    def heard(self) -> list[tuple[object, ...]]:
        told, self.told = self.told, []
        return told

    def titles(self) -> list[object]:
        return column(self.view.model())

    def current(self) -> object:
        return self.view.currentIndex().data()

    def point_of(self, title: str) -> QPoint:
        row = self.titles().index(title)
        return self.view.visualRect(self.view.model().index(row, 0)).bottomLeft() + QPoint(40, -8)

    def click(self, title: str) -> None:
        QTest.mouseClick(self.view.viewport(), Qt.MouseButton.LeftButton, pos=self.point_of(title))


@pytest.fixture
def left(qtbot: QtBot) -> Column:
    shown = Column(qtbot)
    now = datetime.now().astimezone()
    rows = [
        Conversation(id=name, title=name, created_at=now, updated_at=now, is_pinned=name == "kept")
        for name in ("kept", "one", "two", "three")
    ]
    shown.widget.display(rows, set())
    return shown


def test_a_click_and_the_arrow_keys_choose_and_select_does_not_tell(left: Column) -> None:
    left.widget.select("one")
    assert left.current() == "one"
    assert left.heard() == []
    left.click("two")
    assert left.heard() == [("conversation_chosen", "two")]
    QTest.keyClick(left.view, Qt.Key.Key_Down)
    assert left.heard() == [("conversation_chosen", "three")]
    left.widget.select(None)
    assert not left.view.selectionModel().hasSelection()
    assert left.heard() == []


def test_the_name_of_a_group_is_no_part_of_its_first_row(left: Column) -> None:
    top = left.view.visualRect(left.view.model().index(0, 0)).topLeft()
    QTest.mouseClick(left.view.viewport(), Qt.MouseButton.LeftButton, pos=top + QPoint(20, 10))
    assert left.heard() == []
    left.click("kept")
    assert left.heard() == [("conversation_chosen", "kept")]


def test_deletion_of_the_chosen_row_does_not_choose_another(left: Column) -> None:
    left.widget.select("one")
    now = datetime.now().astimezone()
    rest = [Conversation(id=n, title=n, created_at=now, updated_at=now) for n in ("kept", "two", "three")]
    left.widget.display(rest, set())
    assert left.heard() == []
    assert not left.view.selectionModel().hasSelection()


def test_a_title_is_edited_in_its_row(left: Column, qtbot: QtBot) -> None:
    left.widget.begin_rename("two")
    editor = named(left.view, "Title", QLineEdit)
    assert editor.text() == "two"
    editor.setText("  a   new\ttitle ")
    with qtbot.waitSignal(left.widget.rename_requested):
        QTest.keyClick(editor, Qt.Key.Key_Return)
    assert left.heard() == [("rename_requested", "two", "a new title")]


@pytest.mark.parametrize("title", ["", "   ", "two"])
def test_a_blank_or_unchanged_title_renames_nothing(left: Column, qtbot: QtBot, title: str) -> None:
    left.widget.begin_rename("two")
    editor = named(left.view, "Title", QLineEdit)
    editor.setText(title)
    with qtbot.waitSignal(editor.destroyed):
        QTest.keyClick(editor, Qt.Key.Key_Return)
    assert left.heard() == []


def test_delete_asks_for_the_deletion_of_the_current_row(left: Column) -> None:
    left.widget.select("one")
    QTest.keyClick(left.view, Qt.Key.Key_Delete)
    assert left.heard() == [("delete_requested", "one")]


def test_the_menu_of_a_row_renames_pins_and_deletes(left: Column) -> None:
    for title, words in (("kept", ["Rename", "Unpin", "Delete"]), ("two", ["Rename", "Pin", "Delete"])):
        index = left.view.model().index(left.titles().index(title), 0)
        left.widget._open_menu(index, QPoint(0, 0))
        menu = left.view.findChildren(QMenu)[-1]
        actions = [action for action in menu.actions() if not action.isSeparator()]
        assert [action.text() for action in actions] == words
        actions[1].trigger()
        actions[2].trigger()
        assert left.heard() == [("pin_requested", title, title != "kept"), ("delete_requested", title)]
        menu.close()


def test_undo_is_offered_until_the_next_change(left: Column) -> None:
    left.widget.show_undo("one")
    undo = named(left.widget, "Undo", QPushButton)
    assert undo.isVisible()
    QTest.mouseClick(undo, Qt.MouseButton.LeftButton)
    assert left.heard() == [("undo_requested",)]
    assert not undo.isVisible()
    left.widget.show_undo("one")
    QTest.mouseClick(named(left.widget, "New conversation", QPushButton), Qt.MouseButton.LeftButton)
    assert left.heard() == [("new_requested",)]
    assert not undo.isVisible()


def test_the_search_is_told_after_a_pause_and_escape_empties_it_at_once(left: Column, qtbot: QtBot) -> None:
    with qtbot.waitSignal(left.widget.search_edited):
        QTest.keyClicks(left.search, "dice")
    assert left.heard() == [("search_edited", "dice")]
    QTest.keyClick(left.search, Qt.Key.Key_Escape)
    assert left.heard() == [("search_edited", "")]


def test_hits_replace_the_conversations_and_down_leads_to_them(left: Column) -> None:
    left.widget.select("two")
    hits = [
        SearchHit(conversation_id=name, title=name, updated_at=NOW, snippet="a die", where="message")
        for name in ("three", "two")
    ]
    left.widget.show_hits(hits, "die")
    assert left.titles() == ["three", "two"]
    assert left.current() == "two"
    QTest.keyClick(left.view, Qt.Key.Key_Up)
    assert left.heard() == [("conversation_chosen", "three")]
    left.widget.show_hits(None, "")
    assert left.titles() == ["kept", "one", "two", "three"]
    assert left.current() == "three"
    assert left.heard() == []


def test_an_empty_list_says_why(qtbot: QtBot) -> None:
    shown = Column(qtbot)
    assert shown.view.accessibleDescription() == "Conversations appear here."
    shown.widget.show_hits([], "xyzzy")
    assert shown.view.accessibleDescription() == "Nothing found for “xyzzy”."


def test_every_row_is_named_by_its_title(left: Column) -> None:
    interface = QAccessible.queryAccessibleInterface(left.view)
    assert interface.role() == QAccessible.Role.List
    names = [interface.child(n).text(QAccessible.Text.Name) for n in range(interface.childCount())]
    assert names == ["kept", "one", "two", "three"]


def test_settings_stand_at_the_foot(left: Column) -> None:
    QTest.mouseClick(named(left.widget, "Settings", QPushButton), Qt.MouseButton.LeftButton)
    assert left.heard() == [("settings_requested",)]


def test_ten_thousand_conversations_are_shown_at_once(qtbot: QtBot) -> None:
    shown = Column(qtbot)
    rows = [conversation(f"c{number}", hours_ago=number) for number in range(10_000)]
    shown.widget.display(rows, set())
    shown.widget.select("id of c3000")
    assert shown.current() == "c3000"
