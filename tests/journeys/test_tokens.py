"""The tokens of a reply: asked for, walked over, and gone on from with another one."""

from __future__ import annotations

import os
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractButton, QApplication, QListWidget
from tests.engine.test_inspected_tokens import STOP, YES, steps
from tests.engine.test_local_model import needs_model
from tests.provider import Provider
from tests.user import User

from drover.domain.endpoint import Endpoint
from drover.domain.run import RunStatus
from drover.ui.token_text import TokenText

NAME = "Tokens of the reply"
ASK = "Send logprobs with the next request"


def fork_button(user: User) -> QAbstractButton:
    """The button that goes on with the chosen alternative."""
    buttons = user.window.findChildren(QAbstractButton)
    return next(
        b for b in buttons if b.accessibleName().startswith("Continue from here with") and b.isVisible()
    )


def alternatives(user: User) -> list[str]:
    """The list of the card, as a screen reader hears it."""
    rows = user.finds("Alternatives", QListWidget)
    return [rows.item(row).data(Qt.ItemDataRole.AccessibleTextRole) for row in range(rows.count())]


def keeps_picture(name: str) -> None:
    """A picture of the screen, where a folder for them is named."""
    folder = os.environ.get("DROVER_PICTURES")
    if folder:
        for top in QApplication.topLevelWidgets():
            if top.isVisible() and top.width() > 400:
                top.grab().save(str(Path(folder) / f"{name}.png"))


@needs_model
def test_a_reply_of_the_built_in_model_goes_on_from_its_second_best_token(user: User) -> None:
    user.opens().ticks("Send temperature").replaces("0", into="temperature")
    user.ticks("Send max_tokens").replaces("40", into="max_tokens")
    user.asks("Name three colors.").sees_end()
    user.turns_to("Tokens").reads("The server sent no probabilities with this reply.")
    user.clicks(ASK)
    user.reads("The next request will ask for them.")
    user.clicks("Regenerate").sees_end()
    body = user.bodies()[-1]
    assert (body["logprobs"], body["top_logprobs"]) == (True, 5)

    user.waits(lambda: user.has(NAME), "the tokens")
    answer = user.says(NAME)
    assert answer
    assert answer in user.messages()[-1]
    user.presses(Qt.Key.Key_Right, into=NAME).presses(Qt.Key.Key_Right, into=NAME)
    text = user.finds(NAME, TokenText)
    assert text.chosen == 2
    before = answer[: text.textCursor().position()]
    (second,) = [words for words in alternatives(user) if not words.endswith("written")][:1]
    other = second[1 : second.index("”")]
    assert len(alternatives(user)) in (5, 6)
    keeps_picture("tokens-built-in")

    user.presses(Qt.Key.Key_Return, into=NAME).presses(Qt.Key.Key_Return, into="Alternatives")
    user.waits(lambda: len(user.runs()) == 3, "another run").sees_end()
    run = user.runs()[-1]
    assert run.status in (RunStatus.COMPLETE, RunStatus.CUT)
    assert run.parent_id == user.runs()[1].parent_id
    assert [a.action for a in run.adjustments if a.name == "messages"] == ["prefilled"]
    user.waits(lambda: user.has(NAME) and user.says(NAME) != answer, "the tokens of the new reply")
    assert user.says(NAME).startswith(before + other)
    assert before + other in user.messages()[-1]
    user.reads("3/3")
    keeps_picture("tokens-forked")


def test_a_server_that_is_not_known_to_go_on_says_so_and_shows_its_tokens(
    user: User, provider: Provider, scripted: Endpoint
) -> None:
    provider.script(*steps(YES, STOP, headers={}))
    user.opens(scripted).asks("Is it?").sees("Yes.").sees_end()
    user.turns_to("Tokens").waits(lambda: user.has(NAME), "the tokens")
    assert user.says(NAME) == "Yes."
    assert alternatives(user) == ["“Yes”, 67 %, logprob −0.40, written", "“No”, 27 %, logprob −1.30"]
    assert not fork_button(user).isEnabled()
    user.reads("Scripted is not known to go on with the beginning of a reply.")


def test_a_reply_goes_on_from_another_token_while_it_is_watched(
    user: User, provider: Provider, scripted: Endpoint
) -> None:
    provider.script(*steps(YES, STOP))
    provider.script(*steps([(" way", -0.2), (" chance", -2.0)], STOP))
    user.opens(scripted).asks("Is it?").sees("Yes.").sees_end()
    user.turns_to("Tokens").waits(lambda: user.has(NAME), "the tokens")
    user.presses(Qt.Key.Key_Return, into=NAME).presses(Qt.Key.Key_Return, into="Alternatives")
    user.sees("No way.").sees_end()
    user.waits(lambda: user.has(NAME) and user.says(NAME) == "No way.", "the tokens of the new reply")
    user.reads("2 characters without a token")
    assert user.is_in(NAME)
    user.clicks("Previous version").sees("Yes.")
    user.waits(lambda: user.has(NAME) and user.says(NAME) == "Yes.", "the tokens of the first reply")
    assert not user.has(ASK)
