"""The left column and its models."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from PySide6.QtCore import QAbstractItemModel, QItemSelectionModel, QModelIndex, Qt
from PySide6.QtTest import QAbstractItemModelTester

from drover.domain.conversation import Conversation
from drover.store.search import SearchHit
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


def test_a_hit_in_the_title_needs_no_second_line(qapp: object) -> None:
    model = SearchHitModel()
    hit = SearchHit(
        conversation_id="1", title="Dice", updated_at=NOW, snippet="Dice", where="title", spans=((0, 4),)
    )
    model.display([hit], now=NOW)
    assert model.index(0).data(ListRole.SNIPPET) == ""
    assert model.index(0).data(ListRole.SPANS) == ((0, 4),)


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
