"""The list of models in the header: searched, refreshed while it is open, and there without a server."""

from __future__ import annotations

from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QComboBox, QLabel
from tests.journeys.conftest import endpoint_at
from tests.provider import MODELS_PATH, Provider
from tests.user import User

from drover.domain.endpoint import Endpoint
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
