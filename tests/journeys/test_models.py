"""The list of models in the header: searched, refreshed while it is open, and there without a server."""

from __future__ import annotations

import socket
from contextlib import closing
from datetime import UTC, datetime, timedelta

from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QComboBox, QLabel
from tests.journeys.conftest import endpoint_at
from tests.provider import MODELS_PATH, Provider
from tests.user import User

from drover.domain.endpoint import Endpoint, ModelCard
from drover.paths import Profile
from drover.store.database import open_database
from drover.store.library import Library
from drover.ui.model_list import ModelList


def opened_list(user: User) -> ModelList:
    user.finds("Model", QComboBox).showPopup()
    found = QApplication.activePopupWidget()
    assert isinstance(found, ModelList)
    return found


def rows(popup: ModelList) -> list[str]:
    return [popup.view.item(row).text() for row in range(popup.view.count())]


def foot(popup: ModelList) -> str:
    return " ".join(label.text() for label in popup.findChildren(QLabel))


def test_the_list_is_refreshed_in_the_background_and_stays_when_the_server_fails(
    user: User, scripted: Endpoint, provider: Provider
) -> None:
    provider.models(["scripted-model", {"id": "scripted-large", "context_length": 32_768}])
    provider.fails(503, path=MODELS_PATH)
    user.opens(scripted)
    popup = opened_list(user)
    user.waits(lambda: "From Scripted, just now" in foot(popup), "the first list")
    assert rows(popup) == ["scripted-model"]

    user.ticks("Refresh the list of models")
    user.waits(lambda: rows(popup) == ["scripted-model", "scripted-large"], "the newer list")
    user.waits(lambda: "Asking" not in foot(popup), "its end")
    known = foot(popup)
    user.ticks("Refresh the list of models")
    user.waits(lambda: len(provider.requests) == 3, "the third look")
    user.waits(lambda: "Asking" not in foot(popup), "its end")
    assert rows(popup) == ["scripted-model", "scripted-large"]
    assert foot(popup).endswith(" · From Scripted, just now")
    assert foot(popup) != known

    QTest.keyClicks(popup.focusWidget(), "large\r")
    user.waits(lambda: user.finds("Model", QComboBox).currentText() == "scripted-large", "the choice")


def test_a_model_with_a_schema_of_its_own_has_its_own_parameters(user: User, provider: Provider) -> None:
    strength = {"type": "number", "minimum": 0, "maximum": 1, "default": 0.5, "x-order": 1}
    schema = {
        "type": "object", "required": ["messages"], "basic": ["strength"],
        "properties": {
            "messages": {"type": "array"}, "temperature": {"type": "number", "maximum": 1, "x-order": 3},
            "length": {"enum": ["auto", 5], "x-order": 2}, "strength": strength,
            "trace": {"type": "boolean", "x-hidden": True},
        },
    }  # fmt: skip
    provider.models([{"id": "scripted-model", "request_schema": schema}, "plain-model"])
    provider.answers("Fine.")
    user.opens(endpoint_at(provider.base_url))
    user.waits(lambda: user.has("Send strength"), "the model's own parameters")
    assert not user.has("Send top_p")

    user.ticks("Send strength").asks("Well?").sees("Fine.")
    assert user.bodies()[-1]["strength"] == 0.5

    user.chooses("Model", "plain-model")
    user.waits(lambda: user.has("Send top_p"), "the catalogue")


def test_without_a_network_the_models_known_from_before_are_listed_with_their_age(
    user: User, profile: Profile
) -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        port = reserved.getsockname()[1]
    seen_at = datetime.now(UTC) - timedelta(days=3, minutes=5)
    schema = '{"properties":{"strength":{"type":"number","minimum":0,"maximum":1}}}'
    known = [
        ModelCard(id="scripted-model", context_tokens=8192, source="From Scripted", fetched_at=seen_at),
        ModelCard(id="own-rows", request_schema=schema, source="From Scripted", fetched_at=seen_at),
    ]
    with closing(Library(open_database(profile.database))) as library:
        library.save_model_cards("scripted", known)
    user.opens(endpoint_at(f"http://127.0.0.1:{port}/v1"))
    popup = opened_list(user)
    user.waits(lambda: "Asking" not in foot(popup), "that the server is away")

    assert rows(popup) == ["scripted-model", "own-rows"]
    assert foot(popup).endswith("the connection was refused. · From Scripted, 3 days ago")
    card = [label.text() for label in user.window.parameters.findChildren(QLabel)]
    assert "From Scripted, 3 days ago" in card
    QTest.keyClicks(popup.focusWidget(), "own\r")
    user.waits(lambda: user.has("Send strength"), "the parameters of its stored schema")
