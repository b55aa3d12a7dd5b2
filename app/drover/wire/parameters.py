"""The parameters of a request, as its server wants them. Whatever differs from what was asked is noted."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from drover.domain.endpoint import ParameterFact
from drover.domain.parameters import ParameterValue, plain
from drover.domain.run import Adjustment, RunRequest
from drover.domain.thinking_grammar import THINKING_LINES, thinking_grammar
from drover.wire.quirk_rules import VALUE, Effort, Quirks, fitting
from drover.wire.tool_offer import TOOL_PARAMETERS, offered_tools, tool_value

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_EFFORT = "reasoning_effort"


class EncodedParameters:
    """The keys of a body that stand for the parameters, in declared order, and what was changed."""

    def __init__(self, request: RunRequest, quirks: Quirks) -> None:
        """What this model rejected before is left out, or renamed where the server asked for another name."""
        self.body: dict[str, Any] = {}
        self.adjustments: list[Adjustment] = []
        self._request = request
        self._quirks = quirks
        self._model_id = request.model_id
        self._rejected = {fact.name: fact for fact in request.rejected}
        self._unsupported = {
            name: rule.reason
            for rule in reversed(fitting(quirks.unsupported, self._model_id))
            for name in rule.names
        }
        self._asked = {name: plain(value) for name, value in request.parameters}
        if tools := offered_tools(request, self._reason_against("tools"), self.adjustments):
            self.body["tools"] = tools
        for name, value in request.parameters:
            self._add(name, value)
        self._add_logprobs()

    def add_stream_options(self) -> None:
        """Asks for usage, where that is done by a parameter and a person has not set it."""
        name, fact = "stream_options", self._rejected.get("stream_options")
        if not self._quirks.sends_stream_options or name in self.body:
            return
        if fact is None:
            self.body[name] = {"include_usage": True}
            self._note(name, "added", "so that usage is reported")
        elif not any(adjustment.name == name for adjustment in self.adjustments):
            self._note(name, "dropped", f"{_rejection(fact)}, so usage may not be reported")

    def _add(self, name: str, value: ParameterValue) -> None:
        reason = self._reason_against(name) or self._conflict(name)
        if not reason and value == ():
            reason = "an empty list of texts stops nothing"
        if reason:
            self._note(name, "dropped", reason)
        elif name == _EFFORT:
            self._add_effort(str(value))
        elif name in TOOL_PARAMETERS:
            taken = tool_value(self.body, name, value, self._request, self.adjustments)
            if (
                isinstance(taken, Mapping)
                and name == "tool_choice"
                and not self._quirks.takes_named_tool_choice
            ):
                self._note(name, "translated", f"to required: {self._quirks.label} cannot be told which tool")
                taken = "required"
            if taken is not None:
                self._put(name, taken)
        else:
            self._put(name, self._taken(name, plain(value)))

    def _reason_against(self, name: str) -> str:
        fact = self._rejected.get(name)
        if fact is not None:
            return "" if fact.renamed_to else _rejection(fact)
        return self._unsupported.get(name, "")

    def _conflict(self, name: str) -> str:
        """Why this parameter gives way to another one that is set; empty where it does not."""
        for rule in fitting(self._quirks.exclusive, self._model_id):
            if name in rule.names:
                rivals = (n for n in rule.names if n in self._asked and not self._reason_against(n))
                if next(rivals, name) != name:
                    return rule.reason
        return ""

    def _put(self, name: str, value: Any) -> None:
        fact = self._rejected.get(name)
        if fact is not None:
            self._note(name, "renamed", f"to {fact.renamed_to}, as this model asked on {_day(fact.noted_at)}")
            name = fact.renamed_to
        else:
            rule = next((r for r in fitting(self._quirks.renamed, self._model_id) if r.name == name), None)
            if rule is not None and rule.to not in self._asked:
                self._note(name, "renamed", f"to {rule.to}, the name that {self._quirks.label} knows")
                name = rule.to
        self.body[name] = value

    def _taken(self, name: str, value: Any) -> Any:
        """The value, or the one nearest to it that is taken."""
        for rule in fitting(self._quirks.clamps, self._model_id):
            if rule.name == name and isinstance(value, int | float) and not rule.least <= value <= rule.most:
                nearest = rule.least if value < rule.least else rule.most
                self._note(name, "clamped", f"to {nearest:g}: {rule.reason}")
                return int(nearest) if nearest == int(nearest) and isinstance(value, int) else nearest
        is_schema = isinstance(value, Mapping) and value.get("type") == "json_schema"
        if name == "response_format" and is_schema and not self._quirks.takes_json_schema:
            self._note(name, "translated", f"to any JSON object: {self._quirks.label} takes no schema")
            return {"type": "json_object"}
        return value

    def _add_effort(self, value: str) -> None:
        if self._quirks.effort_is_grammar(self._model_id):
            self._add_grammar(value)
            return
        rule = next(iter(fitting(self._quirks.effort, self._model_id)), None)
        if rule is None or _EFFORT in self._rejected:
            self._put(_EFFORT, value)
            return
        if (nearest := rule.nearest.get(value)) is not None:
            self._note(_EFFORT, "clamped", f"to {nearest}: {rule.reason}")
            value = nearest
        keys = rule.keys.get(value, rule.keys.get("*"))
        if keys is None:
            self._put(_EFFORT, value)
            return
        self._add_keys(keys, value, rule)

    def _add_keys(self, keys: Mapping[str, Any], value: str, rule: Effort) -> None:
        taken = [name for name in keys if name in self._asked]
        if taken:
            self._note(_EFFORT, "dropped", f"{taken[0]} is set as well, which says the same")
            return
        translated = {name: _with_value(template, value) for name, template in keys.items()}
        words = ", ".join(f"{name} {json.dumps(each)}" for name, each in translated.items())
        self._note(_EFFORT, "translated", f"to {words}: {rule.reason}")
        self.body |= translated

    def _add_grammar(self, value: str) -> None:
        if value not in THINKING_LINES:
            self._note(_EFFORT, "dropped", f"this model knows only the efforts {', '.join(THINKING_LINES)}")
            return
        self.body["grammar"] = thinking_grammar(value, begun=self._request.prefill)
        fewest, most = THINKING_LINES[value]
        reason = f"to a grammar that makes the model write {fewest} to {most} lines of thinking first"
        self._note(_EFFORT, "translated", reason)

    def _add_logprobs(self) -> None:
        """Alternatives are reported only beside the probability of the token itself."""
        fact = self._rejected.get("logprobs")
        if "top_logprobs" not in self.body or self.body.get("logprobs"):
            return
        if fact is None:
            self.body["logprobs"] = True
            self._note("logprobs", "added", "because top_logprobs needs it")
        else:
            del self.body["top_logprobs"]
            self._note("top_logprobs", "dropped", f"it needs logprobs, {_rejection(fact)}")

    def _note(self, name: str, action: str, reason: str) -> None:
        self.adjustments.append(Adjustment(name=name, action=action, reason=reason))


def _with_value(template: Any, value: str) -> Any:
    if isinstance(template, Mapping):
        return {name: _with_value(each, value) for name, each in template.items()}
    return value if template == VALUE else template


def _rejection(fact: ParameterFact) -> str:
    return f"rejected by this model on {_day(fact.noted_at)}"


def _day(moment: datetime) -> str:
    """The local day, with its year: what is sent is read again much later."""
    local = moment.astimezone()
    return f"{local.day} {_MONTHS[local.month - 1]} {local.year}"
