"""Finding text in the shown conversation: in collapsed reasoning, other versions, a reply that grows."""

from __future__ import annotations

from datetime import UTC, datetime

from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QLineEdit
from tests.hits import colored, edits, gone_to, place_of_hit
from tests.provider import Provider
from tests.user import User

from drover.domain.conversation import Conversation, Message, Part, ReasoningPart, Role, TextPart
from drover.domain.endpoint import Endpoint
from drover.paths import Profile
from drover.store.database import open_database
from drover.store.library import Library
from drover.ui import formats

FIELD = "Find in conversation"


def finds(user: User, query: str) -> User:
    """Ctrl+F, and types."""
    return user.uses("Ctrl+F").replaces(query, into=FIELD)


def message_of_hit(user: User) -> str:
    """The text in which the hit gone to stands, inside the view."""
    return place_of_hit(user.window.transcript)[0]


def converse(profile: Profile, count: int, text_of: object) -> None:
    """Stores a conversation of so many messages under the title "long"."""
    assert callable(text_of)
    connection = open_database(profile.database)
    library = Library(connection)
    at = datetime(2026, 11, 23, 14, 0, tzinfo=UTC)
    with library.one_transaction():
        library.add_turn(conversation=Conversation(id="C", title="long", created_at=at, updated_at=at))
        parent_id = None
        for number in range(count):
            role = Role.ASSISTANT if number % 2 else Role.USER
            reasoning, text = text_of(number)
            parts: tuple[Part, ...] = (TextPart(text=text),)
            if reasoning:
                parts = (ReasoningPart(text=reasoning), *parts)
            message = Message(
                id=f"M{number:05}", conversation_id="C", parent_id=parent_id, role=role, parts=parts,
                created_at=at,
            )  # fmt: skip
            library.add_message(message)
            parent_id = message.id
    library.close()


def test_hits_are_counted_colored_and_stepped_through(
    user: User, provider: Provider, scripted: Endpoint
) -> None:
    provider.answers("A **needle**, a Needle.\n\n```\nneedle\n```\n\n| needle |\n|--|\n| none |")
    user.opens(scripted).asks("where?").sees("needle").sees_end()
    finds(user, "needle").reads("1 of 4")
    assert colored(user.window.transcript) == ["needle", "Needle", "needle", "needle"]
    assert gone_to(user.window.transcript) == ["needle"]
    user.presses(Qt.Key.Key_Return, into=FIELD).reads("2 of 4")
    assert gone_to(user.window.transcript) == ["Needle"]
    user.uses("F3").reads("3 of 4").clicks("Next match").reads("4 of 4").uses("F3").reads("1 of 4")
    user.presses(Qt.Key.Key_Return, into=FIELD, shift=True).reads("4 of 4").uses("Shift+F3").reads("3 of 4")
    user.ticks("Match case").replaces("Needle", into=FIELD).reads("1 of 1")
    assert colored(user.window.transcript) == ["Needle"]
    user.replaces("haystack", into=FIELD).reads("No matches")
    assert colored(user.window.transcript) == []
    assert not user.can("Next match")


def test_escape_returns_the_keyboard_and_keeps_the_place(
    user: User, provider: Provider, scripted: Endpoint
) -> None:
    provider.answers("needle\n\n" + "Some lines.\n\n" * 80)
    user.opens(scripted).asks("where?").sees("needle").sees_end()
    user.waits(lambda: user.is_in("Message"), "the keyboard in the composer")
    finds(user, "needle").reads("1 of 1")
    assert message_of_hit(user).startswith("needle")
    bar = user.window.transcript.verticalScrollBar()
    place = bar.value()
    assert place < bar.maximum()
    user.presses(Qt.Key.Key_Escape, into=FIELD)
    assert user.is_in("Message")
    assert not user.has(FIELD)
    assert colored(user.window.transcript) == []
    assert bar.value() == place
    finds(user, "nothing of the kind").reads("No matches").uses("Ctrl+N")
    user.waits(lambda: not user.has(FIELD), "the bar gone with its conversation")
    assert user.is_in("Message")


def test_a_hit_in_collapsed_reasoning_opens_it(user: User, provider: Provider, scripted: Endpoint) -> None:
    provider.answers("the answer", reasoning="a hidden thought")
    user.opens(scripted).asks("why?").sees("the answer").sees_end()
    toggle = user.finds("Reasoning", QAbstractButton)
    user.waits(lambda: not toggle.isChecked(), "the reasoning closed")
    finds(user, "hidden").reads("1 of 1")
    assert toggle.isChecked()
    assert gone_to(user.window.transcript) == ["hidden"]
    user.presses(Qt.Key.Key_Escape, into=FIELD)
    assert toggle.isChecked()
    assert colored(user.window.transcript) == []


def test_hits_in_other_versions_are_said_and_there_is_a_way_back(
    user: User, provider: Provider, scripted: Endpoint
) -> None:
    provider.answers("about apples and apples")
    provider.answers("about pears")
    user.opens(scripted).asks("which fruit?").sees("apples").sees_end()
    user.clicks("Regenerate").sees("pears").sees_end().reads("2/2")
    finds(user, "apples").reads("None in this version")
    user.clicks("2 in other versions").sees("apples").reads("1/2").reads("1 of 2")
    assert gone_to(user.window.transcript) == ["apples"]
    user.clicks("Back to where you were").sees("pears").reads("2/2").reads("None in this version")
    assert not user.has("Back to where you were")
    assert user.is_in(FIELD)
    user.replaces("about", into=FIELD).reads("1 of 1").reads("1 more in other versions")


def test_two_thousand_messages_are_searched_from_the_place_being_read(user: User, profile: Profile) -> None:
    converse(
        profile,
        2000,
        lambda n: ("a rare thought" if n == 701 else "", f"Message {n} has **wo**rds.\n\n" + "More.\n\n" * 5),
    )
    user.opens().opens_conversation("long").sees("Message 1999 has words")
    finds(user, "message 3 has").reads("1 of 1")
    assert message_of_hit(user).startswith("Message 3 has words.")
    user.replaces("words", into=FIELD).reads(f"of {formats.whole(2000)}")
    user.uses("Shift+F3").uses("Shift+F3").uses("Shift+F3")
    user.replaces("rare", into=FIELD).reads("1 of 1")
    assert message_of_hit(user) == "a rare thought"


def test_a_reply_that_grows_is_searched_as_it_grows(
    user: User, provider: Provider, scripted: Endpoint
) -> None:
    gate = provider.answers("one wave, two waves and one more wave.", pause_after=4)
    user.opens(scripted).asks("count waves").sees("one wave")
    finds(user, "wave").reads("of 3").uses("F3").reads("2 of 3")
    gate.set()
    user.reads("2 of 4").sees_end().reads("2 of 4")
    assert not user.window.transcript.is_following
    user.waits(lambda: len(colored(user.window.transcript)) == 4, "four hits coloured")


def test_the_search_of_all_conversations_leads_to_the_words(user: User, profile: Profile) -> None:
    texts = {12: ("", "a tall lighthouse"), 13: ("the lighthouse keeper thinks", "Nothing here.")}
    converse(profile, 200, lambda n: texts.get(n, ("", f"Message {n}\n\n" + "More.\n\n" * 5)))
    user.opens().opens_conversation("long").sees("Message 199")
    user.uses("Ctrl+N").types("unheard of", into="Search conversations").sees_titles()
    user.replaces("keeper light", into="Search conversations").sees_titles("long").opens_conversation("long")
    user.waits(
        lambda: sorted(colored(user.window.transcript)) == ["keeper", "light", "light"], "the words coloured"
    )
    assert gone_to(user.window.transcript) == ["light"]
    assert message_of_hit(user) == "the lighthouse keeper thinks"
    user.uses("F3")
    user.waits(lambda: gone_to(user.window.transcript) == ["keeper"], "the next word")
    user.presses(Qt.Key.Key_Escape, into="Search conversations")
    user.waits(lambda: colored(user.window.transcript) == [], "no word coloured")


def test_the_bar_makes_room_for_a_hit_that_it_would_cover(
    user: User, provider: Provider, scripted: Endpoint
) -> None:
    provider.answers("a pear")
    provider.answers("a plum")
    user.opens(scripted).asks(" ".join(["fruit"] * 400)).sees("a pear").sees_end()
    user.clicks("Regenerate").sees("a plum").sees_end()
    finds(user, "fruit").reads("1 of 400")
    field = user.finds(FIELD, QLineEdit)
    for _ in range(20):
        user.uses("F3")
        _, place = place_of_hit(user.window.transcript)
        corner = field.mapTo(user.window.transcript, QPoint())
        assert not QRect(corner, field.size()).contains(place)


def test_selected_text_is_looked_for(user: User, provider: Provider, scripted: Endpoint) -> None:
    provider.answers("one *two* three, two")
    user.opens(scripted).asks("count").sees("two").sees_end()
    edit = next(edit for edit in edits(user.window.transcript) if "three" in edit.toPlainText())
    cursor = edit.textCursor()
    cursor.setPosition(5)
    at = edit.viewport().mapTo(user.window.transcript.viewport(), edit.cursorRect(cursor).center())
    QTest.mouseDClick(user.window.transcript.viewport(), Qt.MouseButton.LeftButton, pos=at)
    user.uses("Ctrl+F").reads("1 of 2")
    assert user.says(FIELD) == "two"


def test_finding_belongs_to_the_chat(user: User, provider: Provider, scripted: Endpoint) -> None:
    provider.answers("an answer")
    user.opens(scripted)
    find = user.window._actions["find"]  # type: ignore[index]
    assert not find.isEnabled()
    user.asks("a question").sees("an answer").sees_end()
    assert find.isEnabled()
    user.uses("Ctrl+2")
    assert not find.isEnabled()
    user.uses("Ctrl+1")
    assert find.isEnabled()
