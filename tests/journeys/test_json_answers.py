"""Answers that were asked for as JSON: checked against their schema, and looked at as a tree."""

from __future__ import annotations

import json
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtGui import QContextMenuEvent
from PySide6.QtWidgets import QApplication
from tests.provider import Provider
from tests.user import User

from drover.domain.endpoint import Endpoint
from drover.domain.parameters import UNSET, Json
from drover.ui import formats
from drover.ui.json_tree import JsonTree

SCHEMA = {
    "type": "object",
    "properties": {"items": {"type": "array", "items": {"properties": {"price": {"type": "number"}}}}},
    "required": ["items"],
}
TREE = "Answer as a tree"


def wants_json(user: User, scripted: Endpoint, schema: dict[str, Any] | None = SCHEMA) -> User:
    """The window, in which answers are asked for as JSON."""
    wanted: dict[str, Any] = {"type": "json_object"}
    if schema is not None:
        wanted = {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}}
    user.opens(scripted)
    parameters = UNSET.replaced("response_format", Json.of(wanted))
    user._does(user.window.parameters.parameters_edited.emit, parameters)
    return user


def rows(tree: JsonTree) -> list[tuple[str, str]]:
    """Keys and values as they stand below one another."""
    found, index = [], tree.model().index(0, 0)
    while index.isValid():
        found.append((index.data(), index.siblingAtColumn(1).data()))
        index = tree.indexBelow(index)
    return found


def test_an_answer_that_keeps_to_its_schema_becomes_a_tree(
    user: User, scripted: Endpoint, provider: Provider
) -> None:
    gate = provider.answers('{"items": [{"price": 2.5, "name": "a *b*"}], "sum": null}', pause_after=4)
    wants_json(user, scripted).types("List it").sends()
    user.sees('{"items": [{"price": 2.5,')
    assert not user.has(TREE)
    gate.set()
    user.reads("Valid JSON, matches the schema")
    tree = user.finds(TREE, JsonTree)
    assert rows(tree) == [("items", "1 item"), ("0", "2 keys"), ("sum", "null")]
    user.chooses("Show the answer as", "Text")
    user.waits(lambda: not user.has(TREE), "the text in the place of the tree")
    user.sees('"name": "a *b*"')


def test_what_breaks_the_schema_is_told_with_its_place(
    user: User, scripted: Endpoint, provider: Provider
) -> None:
    provider.answers('{"items": [{"price": 1}, {"price": "cheap"}, {"price": null}]}')
    wants_json(user, scripted).asks("List it")
    user.reads("Valid JSON with 2 problems:")
    user.reads('items[1].price: "cheap" is not of type number.')


def test_json_that_was_cut_off_says_where(user: User, scripted: Endpoint, provider: Provider) -> None:
    provider.answers('{"items": [{"price": 1}, {"pri', finish_reason="length")
    wants_json(user, scripted, None).asks("List it")
    user.reads("The JSON is cut off in line 1, column 30.")
    assert not user.has(TREE)


def test_a_large_answer_makes_only_the_rows_that_are_looked_at(
    user: User, scripted: Endpoint, provider: Provider
) -> None:
    value = {"items": [{"price": number} for number in range(50_000)]}
    provider.answers(json.dumps(value), chunks=20)
    wants_json(user, scripted).types("List it").sends()
    user.reads("Valid JSON, matches the schema")
    tree = user.finds(TREE, JsonTree)
    model = tree.model()
    items = model.index(0, 0)
    assert items.siblingAtColumn(1).data() == f"{formats.whole(50_000)} items"
    user._does(tree.expand, items)
    assert 0 < model.rowCount(items) <= 2000, "further rows are made when they are scrolled to"


def test_a_value_and_its_path_are_copied(user: User, scripted: Endpoint, provider: Provider) -> None:
    provider.answers('{"a list": [{"price": "2 €"}]}')
    wants_json(user, scripted, None).asks("List it")
    user.reads("Valid JSON")
    tree = user.finds(TREE, JsonTree)
    user._does(tree.expandAll)
    price = tree.model().index(0, 0, tree.model().index(0, 0, tree.model().index(0, 0)))
    for words, copied in (
        ("Copy value", "2 €"), ("Copy path", '["a list"][0].price'), ("Copy as JSON", '"2 €"')
    ):  # fmt: skip
        place = tree.visualRect(price).center()
        at = tree.viewport().mapToGlobal(place)
        asked = QContextMenuEvent(QContextMenuEvent.Reason.Mouse, place, at)
        user._does(QApplication.sendEvent, tree.viewport(), asked)
        user.picks(words)
        assert QApplication.clipboard().text() == copied


def test_find_goes_to_the_text_of_an_answer_that_is_shown_as_a_tree(
    user: User, scripted: Endpoint, provider: Provider
) -> None:
    provider.answers('{"bird": "cassowary"}')
    wants_json(user, scripted, None).asks("Which bird?")
    user.reads("Valid JSON").uses("Ctrl+F")
    user.waits(lambda: user.has("Find in conversation"), "the bar that finds")
    user.types("cassowary", into="Find in conversation").presses(
        Qt.Key.Key_Return, into="Find in conversation"
    )
    user.waits(lambda: not user.has(TREE), "the text")
