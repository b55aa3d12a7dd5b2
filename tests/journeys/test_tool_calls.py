"""Calls of tools in the window: how they arrive, who answers them, and what comes of it."""

from __future__ import annotations

import shlex
import sys
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QTextEdit
from tests.provider import CHAT_PATH, EVENT_STREAM, Flag, Head, Provider, Send, Step, Wait, event
from tests.user import User

from drover.domain.endpoint import Endpoint
from drover.domain.tools import ToolDefinition
from drover.ui.tools_dialog import ToolsDialog


def piece(index: int, arguments: str, *, name: str = "") -> dict[str, Any]:
    """A fragment of a call, the first one with its name."""
    call: dict[str, Any] = {"index": index, "function": {"arguments": arguments}}
    if name:
        call |= {"id": f"call_{index}", "type": "function"}
        call["function"]["name"] = name
    return {"tool_calls": [call]}


def called(
    provider: Provider, *deltas: dict[str, Any], gate_before: int | None = None, finish: str = "tool_calls"
) -> Flag:
    """A reply of these deltas; before one of them it may wait for the returned flag."""
    gate = Flag("the gate of the calls")
    steps: list[Step] = [Head(headers={"Content-Type": EVENT_STREAM})]
    for number, delta in enumerate(deltas):
        if number == gate_before:
            steps.append(Wait(gate))
        steps.append(Send(event({"choices": [{"index": 0, "delta": delta}]})))
    steps.append(Send(event({"choices": [{"index": 0, "delta": {}, "finish_reason": finish}]})))
    provider.script(*steps, Send(event("[DONE]")))
    return gate


def test_arguments_are_read_while_they_arrive(user: User, scripted: Endpoint, provider: Provider) -> None:
    gate = called(
        provider,
        {"content": "Let me see."},
        piece(0, '{"city":"Par', name="get_weather"),
        piece(0, 'is","days":3}'),
        gate_before=2,
    )
    user.opens(scripted).asks("How is the weather?")
    user.waits(lambda: user.has("Tool call get_weather"), "the card of the call")
    user.waits(lambda: user.says("Arguments") == '{\n  "city": "Par', "what has come of the arguments")
    gate.set()
    user.sees_end()
    user.waits(
        lambda: user.says("Arguments") == '{\n  "city": "Paris",\n  "days": 3\n}', "all of the arguments"
    )
    user.sees('Tool call get_weather: {"city":"Paris","days":3}')


def test_arguments_that_are_cut_off_are_shown_as_they_are(
    user: User, scripted: Endpoint, provider: Provider
) -> None:
    called(provider, piece(0, '{"city": "Lyo', name="get_weather"), finish="length")
    user.opens(scripted).asks("How is the weather?").sees_end()
    user.reads("The JSON is cut off in line 1, column 13.")
    assert user.says("Arguments") == '{\n  "city": "Lyo'


WEATHER = ToolDefinition(
    name="get_weather",
    description="The weather of a city",
    parameters_schema='{"type": "object", "properties": {"days": {"type": "integer"}}}',
)
ECHO = ToolDefinition(
    name="echo",
    command=(sys.executable, "-c", "import sys; print('echoes', sys.stdin.read())"),
    parameters_schema='{"type": "object"}',
)


def opened(user: User, scripted: Endpoint, *tools: ToolDefinition) -> User:
    """The window, in which these tools are offered."""
    user.opens(scripted)
    user._does(user.window.parameters.tools_requested.emit)
    user.waits(lambda: user.has("Done"), "the list of tools")
    dialog = next(found for found in user.window.findChildren(ToolsDialog))
    user._does(dialog.tools_edited.emit, tools, ())
    return user.clicks("Done")


def bodies(provider: Provider) -> list[Any]:
    """What the model was asked, request by request."""
    return [request.json for request in provider.requests if request.path == CHAT_PATH]


def sent_results(provider: Provider) -> list[str]:
    """What the last request told the model of its calls."""
    return [turn["content"] for turn in bodies(provider)[-1]["messages"] if turn["role"] == "tool"]


def test_a_call_is_answered_by_hand_and_the_reply_goes_on(
    user: User, scripted: Endpoint, provider: Provider
) -> None:
    provider.calls(("c1", "get_weather", '{"days": "three"}'))
    provider.answers("It will rain.")
    opened(user, scripted, WEATHER).asks("How is the weather?").sees_end()
    user.reads("get_weather waits for you").reads('days: "three" is not of type integer.')
    assert not user.can("Send result")
    user.types("18 degrees", into="Result for the model").clicks("Send result")
    user.sees("It will rain.").sees("Result: 18 degrees")
    assert sent_results(provider) == ["18 degrees"]
    assert [tool["function"]["name"] for tool in bodies(provider)[0]["tools"]] == ["get_weather"]
    user.waits(lambda: not user.has("Result for the model"), "a card that asks for nothing any more")
    user.window.transcript.copy_conversation()
    copied = QApplication.clipboard().text()
    assert "Tool call `get_weather`" in copied
    assert "18 degrees" in copied


def test_calls_in_parallel_are_sent_together(user: User, scripted: Endpoint, provider: Provider) -> None:
    provider.calls(("c1", "get_weather", "{}"), ("c2", "echo", '{"n": 7}'))
    provider.answers("Both are known.")
    opened(user, scripted, WEATHER, ECHO).asks("Both, please").sees_end()
    user.reads("1 call waits for your approval")
    user.waits(lambda: user.says("Command") == shlex.join(ECHO.command), "the command in full")
    assert len(bodies(provider)) == 1, "nothing runs before it is approved"
    user.clicks("Run")
    user.reads('echoes {"n": 7}')
    assert len(bodies(provider)) == 1, "the other call is still waited for"
    user.types("fine", into="Result for the model").clicks("Send results")
    user.sees("Both are known.")
    assert sent_results(provider) == ["fine", 'echoes {"n": 7}\n']


def test_a_program_that_is_approved_for_the_conversation_is_not_asked_for_again(
    user: User, scripted: Endpoint, provider: Provider
) -> None:
    provider.calls(("c1", "echo", '{"n": 1}'))
    provider.calls(("c2", "echo", '{"n": 2}'))
    provider.answers("Twice.")
    opened(user, scripted, ECHO).asks("Twice, please")
    user.clicks("Run always here")
    user.sees("Twice.")
    assert sent_results(provider) == ['echoes {"n": 1}\n', 'echoes {"n": 2}\n']


def test_an_approval_for_the_conversation_can_be_withdrawn(
    user: User, scripted: Endpoint, provider: Provider
) -> None:
    provider.calls(("c1", "echo", '{"n": 1}'))
    provider.answers("Once.")
    provider.calls(("c2", "echo", '{"n": 2}'))
    opened(user, scripted, ECHO).asks("Once, please")
    user.clicks("Run always here").sees("Once.").sees_end()
    user.clicks("Tools").clicks("Ask again").clicks("Done")
    user.asks("And again").sees_end().reads("echo waits for you")
    assert len(bodies(provider)) == 3


def test_a_declined_call_is_told_to_the_model(user: User, scripted: Endpoint, provider: Provider) -> None:
    provider.calls(("c1", "echo", "{}"))
    provider.answers("Then not.")
    opened(user, scripted, ECHO).asks("Do it")
    user.clicks("Decline")
    user.sees("Then not.").reads("declined")
    assert sent_results(provider) == ["The person declined this call."]


def test_a_program_past_its_time_limit_has_failed(user: User, scripted: Endpoint, provider: Provider) -> None:
    slow = ("/bin/sh", "-c", "echo begun; sleep 60")  # which begins sooner than an interpreter
    provider.calls(("c1", "slow", "{}"))
    provider.answers("It took too long.")
    opened(user, scripted, ToolDefinition(name="slow", command=slow, timeout_s=2.0)).asks("Slowly")
    user.clicks("Run")
    user.reads("Running slow").sees("It took too long.").reads("failed")
    assert "begun" in sent_results(provider)[0]


def test_a_running_program_is_stopped_and_its_call_waits_again(
    user: User, scripted: Endpoint, provider: Provider
) -> None:
    slow = (sys.executable, "-c", "import time; time.sleep(60)")
    provider.calls(("c1", "slow", "{}"))
    opened(user, scripted, ToolDefinition(name="slow", command=slow)).asks("Slowly")
    user.clicks("Run").reads("Running slow").clicks("Stop")
    user.reads("It was stopped after").reads("slow waits for you")
    assert len(bodies(provider)) == 1


def test_a_call_still_waits_after_a_restart(user: User, scripted: Endpoint, provider: Provider) -> None:
    provider.calls(("c1", "get_weather", '{"days": 3}'))
    provider.answers("It will rain.")
    opened(user, scripted, WEATHER).asks("How is the weather?").sees_end()
    user.reads("get_weather waits for you").starts_again()
    user.reads("get_weather waits for you")
    user.types("18 degrees", into="Result for the model").clicks("Send result")
    user.sees("It will rain.")
    assert sent_results(provider) == ["18 degrees"]


def test_a_result_that_was_not_sent_survives_a_look_at_another_conversation(
    user: User, scripted: Endpoint, provider: Provider
) -> None:
    provider.calls(("c1", "get_weather", "{}"))
    opened(user, scripted, WEATHER).asks("How is the weather?").sees_end()
    user.reads("get_weather waits for you").types("18 degrees", into="Result for the model")
    user.clicks("New conversation")
    user.waits(lambda: not user.has("Result for the model"), "the other conversation")
    assert not user.is_told("get_weather waits for you")
    user.opens_conversation("How is the weather?")
    user.waits(lambda: user.has("Result for the model"), "the call")
    assert user.says("Result for the model") == "18 degrees"
    assert user.can("Send result")


def test_versions_that_call_tools_are_compared_with_their_calls(
    user: User, scripted: Endpoint, provider: Provider
) -> None:
    provider.calls(("c1", "get_weather", '{"days": 3}'))
    provider.answers("It will rain.")
    opened(user, scripted, WEATHER).asks("How is the weather?").sees_end()
    user.uses("Ctrl+R").sees("It will rain.").sees_end().uses("Ctrl+2")
    user.reads("get_weather").reads('"days": 3')


def test_results_are_not_lost_when_the_next_request_fails(
    user: User, scripted: Endpoint, provider: Provider
) -> None:
    provider.calls(("c1", "get_weather", "{}"))
    provider.fails(400, {"error": {"message": "Not today"}})
    provider.answers("It will rain.")
    opened(user, scripted, WEATHER).asks("How is the weather?").sees_end()
    user.reads("get_weather waits for you").types("cold", into="Result for the model")
    user.clicks("Send result").reads("Not today").sees("Result: cold")
    user.clicks("Retry").sees("It will rain.")
    assert sent_results(provider) == ["cold"]


def test_a_result_that_is_being_written_survives_other_conversations_and_a_restart(
    user: User, scripted: Endpoint, provider: Provider
) -> None:
    provider.calls(("c1", "get_weather", "{}"), ("c2", "echo", "{}"))
    provider.answers("It will rain.")
    opened(user, scripted, WEATHER, ECHO).asks("How is the weather?").sees_end()
    user.reads("1 call waits for your approval").types("18 deg", into="Result for the model")
    user.clicks("New conversation").opens_conversation("How is the weather?")
    user.waits(lambda: user.says("Result for the model") == "18 deg", "what was written")
    user.clicks("Answer…").types("echo echo", into="Result for the model").starts_again()
    user.waits(lambda: len(user._all("Result for the model", QTextEdit)) == 2, "both fields")
    assert [field.toPlainText() for field in user._all("Result for the model", QTextEdit)] == [
        "18 deg",
        "echo echo",
    ]
    user.clicks("Send results").sees("It will rain.")
    assert sent_results(provider) == ["18 deg", "echo echo"]
    user.starts_again().sees("It will rain.")
    assert not user.has("Result for the model")


def test_what_follows_results_that_were_sent_is_in_view(
    user: User, scripted: Endpoint, provider: Provider
) -> None:
    long = '{"list": [' + ", ".join(map(str, range(40))) + "]}"
    provider.calls(*((f"c{n}", "get_weather", long) for n in range(4)))
    provider.answers("It will rain.")
    opened(user, scripted, WEATHER).asks("How is the weather?").sees_end()
    user.reads("Each call needs a result")
    for field in user._all("Result for the model", QTextEdit):
        field.setFocus()
        user._does(QTest.keyClicks, field, "cold")
    bar = user.window.transcript.verticalScrollBar()
    user._does(bar.setValue, bar.maximum() - 20)
    user.clicks("Send results").sees("It will rain.").sees_end()
    user.waits(lambda: bar.value() == bar.maximum(), "the end")


def test_results_are_sent_from_where_they_are_written(
    user: User, scripted: Endpoint, provider: Provider
) -> None:
    provider.calls(("c1", "get_weather", "{}"))
    provider.answers("It will rain.")
    opened(user, scripted, WEATHER).asks("How is the weather?").sees_end()
    user.reads("get_weather waits for you").types("cold", into="Result for the model")
    field = user.finds("Result for the model", QTextEdit)
    assert field.accessibleDescription() == "get_weather"
    user.window.activateWindow()
    user.waits(lambda: user.is_in("Result for the model"), "the keyboard in the field")
    user._does(QTest.keyClick, field, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    user.sees("It will rain.")
    assert sent_results(provider) == ["cold"]


def test_a_message_may_be_written_instead(user: User, scripted: Endpoint, provider: Provider) -> None:
    provider.calls(("c1", "get_weather", "{}"))
    provider.answers("Never mind.")
    opened(user, scripted, WEATHER).asks("How is the weather?").sees_end()
    user.reads("get_weather waits for you").asks("Forget it").sees("Never mind.")
    user.reads("not answered")
    assert bodies(provider)[-1]["messages"][-1]["content"] == "Forget it"


def test_an_answer_after_a_call_can_be_asked_for_again(
    user: User, scripted: Endpoint, provider: Provider
) -> None:
    provider.calls(("c1", "get_weather", "{}"))
    provider.answers("It will rain.")
    provider.answers("It will snow.")
    opened(user, scripted, WEATHER).asks("How is the weather?")
    user.waits(lambda: user.has("Result for the model"), "the field for the result")
    user.types("cold", into="Result for the model").clicks("Send result")
    user.sees("It will rain.").sees_end().uses("Ctrl+R")
    user.sees("It will snow.").sees_end()
    assert sent_results(provider) == ["cold"]
    user.clicks("Previous version").sees("It will rain.").sees("Result: cold")


def test_a_tool_is_written_in_the_window(user: User, scripted: Endpoint, provider: Provider) -> None:
    provider.answers("Good to know.")
    user.opens(scripted).clicks("Tools").clicks("Add a tool…")
    user.waits(lambda: user.has("Name of the tool"), "the editor")
    user.types("get weather", into="Name of the tool").reads("A name has letters")
    assert not user.can("Save")
    user.replaces("get_weather", into="Name of the tool")
    user.replaces('{"type": "strange"', into="JSON").reads("This is not JSON")
    user.replaces('{"type": "object"}', into="JSON").reads("This is a schema of arguments.")
    user.chooses("Answered by", "a program")
    user.types("weather --city 'New York'", into="Command line")
    user.waits(lambda: "2 New York" in user.says("What is run"), "the words of the command")
    user.clicks("Save")
    user.waits(lambda: user.has("Duplicate get_weather"), "the tool in the list")
    user.clicks("Duplicate get_weather")
    user.waits(lambda: user.has("Offer get_weather_2"), "the copy")
    user.ticks("Offer get_weather_2").clicks("Done")
    user.waits(lambda: user.says("Tools") == "1 of 2 offered", "how many tools are offered")
    user.reads("1 tool").asks("Hello").sees("Good to know.")
    assert [tool["function"]["name"] for tool in bodies(provider)[-1]["tools"]] == ["get_weather"]
