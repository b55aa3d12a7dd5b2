"""Calls of earlier replies with their results, as servers take them: each call with one id and one result."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

from drover.domain.conversation import Message, Role, ToolCallPart, ToolResultPart
from drover.domain.run import Adjustment, RunRequest
from drover.wire.replay import is_of_this_server

NOT_ANSWERED = "This call was not answered."
"""What stands for a result that there is none of."""


class ToolHistory:
    """Goes with one request: tells what it changed at the end.

    Further keys of a call, such as signatures, go back to the server that gave them and to no other.
    """

    def __init__(self, request: RunRequest) -> None:
        self._request = request
        self._counts: Counter[str] = Counter()

    def exchange(
        self, reply: Message, following: Message | None
    ) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """The `tool_calls` of a reply and the messages with their results, which follow it.

        Every server refuses a call without its result, and a result without its call; most refuse calls
        without an id, and many read the arguments, which must be an object then.
        """
        results = list(following.tool_results) if following and following.role is Role.TOOL else []
        answered = [(call, _taken(call, results)) for call in reply.tool_calls]
        self._counts["orphans"] += len(results)
        kept = [
            (call, result) for call, result in answered if result is not None or _is_object(call.arguments)
        ]
        self._counts["cut"] += len(answered) - len(kept)
        ids = self._ids([call for call, _ in kept])
        origin = self._request.origins.get(reply.id)
        is_own = origin is not None and is_of_this_server(origin, self._request)
        calls = [self._call(call, i, is_own=is_own) for (call, _), i in zip(kept, ids, strict=True)]
        return calls, [self._result(result, i) for (_, result), i in zip(kept, ids, strict=True)]

    def lone_results(self, message: Message) -> None:
        """Counts the results of a message that follows no reply: there is nothing that they answer."""
        self._counts["orphans"] += len(message.tool_results)

    @property
    def adjustments(self) -> list[Adjustment]:
        """What differs from the branch, once for each kind."""
        return [
            Adjustment(name="messages", action=action, reason=_words(self._counts[kind], one, more))
            for kind, action, one, more in _KINDS
            if self._counts[kind]
        ]

    def _ids(self, calls: Sequence[ToolCallPart]) -> list[str]:
        given = Counter(call.call_id for call in calls)
        ids = []
        for call in calls:
            is_usable = bool(call.call_id) and given[call.call_id] == 1
            self._counts["ids"] += not is_usable
            ids.append(call.call_id if is_usable else f"call_{self._counts['ids']}")
        return ids

    def _call(self, call: ToolCallPart, call_id: str, *, is_own: bool) -> dict[str, Any]:
        """As it was asked for; with its further keys if it is this server's own."""
        arguments = call.arguments or "{}"
        if not _is_object(arguments):
            self._counts["arguments"] += 1
            arguments = "{}"
        extra = _object_in(call.extra)
        if extra and not is_own:
            self._counts["extra"] += 1
            extra = {}
        function = {"name": call.name, "arguments": arguments}
        return {"id": call_id, "type": "function", "function": function, **extra}

    def _result(self, result: ToolResultPart | None, call_id: str) -> dict[str, Any]:
        if result is None:
            self._counts["missing"] += 1
        text = NOT_ANSWERED if result is None else result.text
        return {"role": "tool", "tool_call_id": call_id, "content": text}


_KINDS = (
    ("missing", "added", f'with "{NOT_ANSWERED}" for a call', f'with "{NOT_ANSWERED}" for {{}} calls'),
    ("orphans", "dropped", "one result answers no call", "{} results answer no call"),
    ("cut", "dropped", "a call was cut short and not answered", "{} calls were cut short and not answered"),
    ("ids", "translated", "a call got an id of its own", "{} calls got ids of their own"),
    (
        "extra", "dropped",
        "further keys of a call, which another server gave", "further keys of {} calls, which others gave",
    ),
    (
        "arguments", "translated",
        "arguments of a call that are no JSON object became {{}}",
        "arguments of {} calls that are no JSON objects became {{}}",
    ),
)  # fmt: skip
"""What is counted, the action of its adjustment, and its words for one and for more."""


def _words(count: int, one: str, more: str) -> str:
    return (one if count == 1 else more).format(count)


def _taken(call: ToolCallPart, results: list[ToolResultPart]) -> ToolResultPart | None:
    """The result of a call, taken out of the list; where ids stand twice, in the order of the calls."""
    found = next((result for result in results if result.call_id == call.call_id), None)
    if found is not None:
        results.remove(found)
    return found


def _object_in(text: str) -> dict[str, Any]:
    """The object; an empty one for anything else, which may come with a file."""
    try:
        found = json.loads(text) if text else {}
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _is_object(arguments: str) -> bool:
    """Whether they are a JSON object, or nothing at all, which stands for an empty one."""
    if not arguments:
        return True
    try:
        return isinstance(json.loads(arguments), dict)
    except (ValueError, RecursionError):
        return False
