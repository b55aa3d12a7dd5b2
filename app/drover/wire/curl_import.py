"""A cURL command or a JSON body from elsewhere, as messages and parameters. Credentials stay behind."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from drover.domain.conversation import Part, ReasoningPart, Role, TextPart, ToolCallPart
from drover.domain.endpoint import normalized_base_url
from drover.domain.imported import ImportedRequest, ImportedTurn
from drover.domain.parameters import SPECS, UNSET, Json, SamplingParameters, checked, parsed_json, typed
from drover.errors import ConfigurationError
from drover.wire.shell_words import Command, commands
from drover.wire.tool_import import read_calls, read_offer, read_result
from drover.wire.tool_offer import choice_word

_KEY_NOTE = "The key in it was not taken over."
_ROUTE = "/chat/completions"

_CREDENTIAL_NAME = re.compile(
    r"(?i)authorization|cookie|(api|access|auth|subscription)[-_]?(key|token)|^key$"
)
_VARIABLE = re.compile(r"(?i)^(bearer |basic )?(\$\{?\w+\}?|%\w+%|\{\{.*\}\}|<.*>|)$")
_COMMON_HEADER = re.compile(
    r"(?i)^(accept.*|content-(type|length)|user-agent|origin|referer|sec-.*|priority|cache-control|pragma|host"
    r"|connection|dnt|expect|te)$"
)

_SHORT_WITH_VALUE = frozenset("AbcCdDeEFHKmoPQrtTuUwxXyYzZ")
_LONG_WITHOUT_VALUE = frozenset(
    {
        "anyauth", "basic", "compressed", "compressed-ssh", "create-dirs", "digest", "disable", "fail",
        "fail-early", "fail-with-body", "get", "globoff", "head", "http1.0", "http1.1", "http2",
        "http2-prior-knowledge", "http3", "include", "insecure", "ipv4", "ipv6", "junk-session-cookies",
        "location", "location-trusted", "negotiate", "netrc", "next", "ntlm", "parallel", "path-as-is",
        "progress-bar", "proxy-insecure", "raw", "remote-name", "silent", "show-error", "show-headers",
        "sslv2", "sslv3", "styled-output", "tcp-fastopen", "tcp-nodelay", "tlsv1", "tlsv1.0", "tlsv1.1",
        "tlsv1.2", "tlsv1.3", "tr-encoding", "verbose", "xattr",
    }
)  # fmt: skip
_LONG_NAMES = {
    "d": "data", "H": "header", "F": "form", "T": "upload-file", "u": "user", "b": "cookie", "X": "request",
    "K": "config", "G": "get", "U": "proxy-user",
}  # fmt: skip
_DATA = ("data", "data-ascii", "data-binary", "data-raw", "json")
_NO_JSON = {
    "data-urlencode": "a form", "form": "a form", "form-string": "a form", "upload-file": "a file",
    "get": "its data as part of the address", "config": "what a file says",
}  # fmt: skip
_CREDENTIAL_OPTIONS = frozenset({"user", "cookie", "oauth2-bearer", "proxy-user", "aws-sigv4", "pass"})


def read_request(text: str) -> ImportedRequest:
    """What a person pasted: a cURL command for a POSIX shell or for Windows, or the JSON body alone.

    Raises ConfigurationError in words for anything else, and for a command whose body is in a file.
    """
    stripped = text.strip("\ufeff \t\r\n")
    if not stripped:
        raise ConfigurationError("There is nothing to read.", hint="Paste a curl command or a JSON body.")
    if stripped[0] in "{[":
        return _Reading().request(stripped)
    for command in commands(stripped):
        names = [re.split(r"[/\\]", word)[-1].lower() for word in command.words]
        start = next((i for i, name in enumerate(names) if name in ("curl", "curl.exe")), None)
        if start is not None:
            return _read_command(command, command.words[start + 1 :])
    raise ConfigurationError(
        "This is neither a curl command nor a JSON body.", hint="It should begin with curl or with {."
    )


def _read_command(command: Command, words: list[str]) -> ImportedRequest:
    reading = _Reading()
    pieces: list[str] = []
    separator = "&"
    url = ""
    for name, value in _options(words):
        if name in _DATA:
            separator = "" if name == "json" else separator
            pieces.append(_data_of(name, value, command.standard_input))
        elif name in _NO_JSON:
            raise ConfigurationError(f"This command sends {_NO_JSON[name]} instead of JSON.")
        elif name == "url":
            url = url or value
        elif name == "header":
            reading.take_header(value)
        elif name in _CREDENTIAL_OPTIONS:
            reading.has_credentials = True
    if not pieces:
        raise ConfigurationError(
            "This command sends no body.", hint="Copy one that asks for a chat completion."
        )
    if url:
        reading.take_url(url)
    return reading.request(separator.join(pieces))


def _options(words: list[str]) -> Iterable[tuple[str, str]]:
    """Each option by its long name with its value (empty if it takes none); the address as `url`."""
    rest = iter(words)
    only_addresses = False
    for word in rest:
        if only_addresses or not word.startswith("-") or word == "-":
            yield "url", word
        elif word == "--":
            only_addresses = True
        elif word.startswith("--"):
            name = word[2:]
            is_switch = name in _LONG_WITHOUT_VALUE or name.startswith("no-")
            yield name, "" if is_switch else next(rest, "")
        else:
            yield from _short_options(word[1:], rest.__next__)


def _short_options(letters: str, following: Callable[[], str]) -> Iterable[tuple[str, str]]:
    """One word may hold several switches, and at its end an option with its value or before its value."""
    for index, letter in enumerate(letters):
        name = _LONG_NAMES.get(letter, letter)
        if letter not in _SHORT_WITH_VALUE:
            yield name, ""
            continue
        value = letters[index + 1 :]
        if not value:
            try:
                value = following()
            except StopIteration:
                value = ""
        yield name, value
        return


def _data_of(name: str, value: str, standard_input: str | None) -> str:
    if name == "data-raw" or not value.startswith("@"):
        return value
    if value in ("@-", "@/dev/stdin") and standard_input is not None:
        return standard_input
    where = "the standard input" if value == "@-" else f"the file {value[1:]}"
    raise ConfigurationError(f"The body is in {where}.", hint="Paste the JSON itself.")


@dataclass(slots=True)
class _Reading:
    """What has been read so far."""

    base_url: str = ""
    has_credentials: bool = False
    notes: list[str] = field(default_factory=list)
    lost_headers: list[str] = field(default_factory=list)

    def take_header(self, line: str) -> None:
        name, _, value = line.partition(":")
        name, value = name.strip(), value.strip()
        if _CREDENTIAL_NAME.search(name):
            self.has_credentials |= _VARIABLE.match(value) is None
        elif value and not _COMMON_HEADER.match(name):
            self.lost_headers.append(name)

    def take_url(self, url: str) -> None:
        try:
            parts = urlsplit(url if "://" in url else f"//{url}")
            host = parts.netloc.rpartition("@")
            secrets = [value for name, value in parse_qsl(parts.query) if _CREDENTIAL_NAME.search(name)]
        except ValueError:
            raise ConfigurationError(f"{url!r} is not an address.") from None
        if host[0] or any(not _VARIABLE.match(value) for value in secrets):
            self.has_credentials = True
        if "$" in host[2]:
            self.notes.append(f"The address {host[2]}{parts.path} holds a variable and was not taken over.")
        elif not parts.path.rstrip("/").endswith(_ROUTE):
            self.notes.append(
                f"The address is not one of chat completions, so {parts.path} was not taken over."
            )
        else:
            if parts.query:
                self.notes.append("What stands behind the ? of the address was not taken over.")
            clean = urlunsplit((parts.scheme, host[2], parts.path, "", ""))
            self.base_url = normalized_base_url(clean.removeprefix("//"))

    def request(self, body: str) -> ImportedRequest:
        fields = _fields(body)
        system_prompt, turns = self._messages(fields.get("messages"))
        tools, other_tools = read_offer(fields.get("tools"))
        if tools:
            fields = fields | {"tools": other_tools or None}
        parameters = self._parameters(fields)
        if self.lost_headers:
            self.notes.append(f"Headers that were not taken over: {', '.join(self.lost_headers)}.")
        if self.has_credentials:
            self.notes.insert(0, _KEY_NOTE)
        model = fields.get("model")
        return ImportedRequest(
            base_url=self.base_url,
            model_id=model if isinstance(model, str) else "",
            parameters=parameters,
            system_prompt=system_prompt,
            turns=turns,
            tools=tuple(tools),
            notes=tuple(self.notes),
        )

    # Messages

    def _messages(self, raw_messages: object) -> tuple[str, tuple[ImportedTurn, ...]]:
        if not isinstance(raw_messages, list):
            raise ConfigurationError(
                "The body has no messages.", hint="Copy a request to the route /chat/completions."
            )
        system: list[str] = []
        turns: list[ImportedTurn] = []
        lost_count = late_count = 0
        for raw in raw_messages:
            role = raw.get("role") if isinstance(raw, dict) else None
            if role in ("system", "developer"):
                late_count += bool(turns)
                system += [] if turns else [self._text(raw.get("content"))]
            elif role in ("user", "assistant"):
                parts = self._parts(raw)
                turns += [ImportedTurn(role=Role(role), parts=parts)] if parts else []
            elif role == "tool" and turns and turns[-1].role is not Role.USER:
                _add_result(turns, raw, self._text(raw.get("content")))
            else:
                lost_count += 1
        self._note_count(late_count, "{} system message{s} between the others {was} left out.")
        self._note_count(lost_count, "{} message{s} of tools or of an unknown kind {was} left out.")
        return "\n\n".join(filter(None, system)), tuple(turns)

    def _parts(self, raw: Mapping[str, Any]) -> tuple[Part, ...]:
        parts: list[Part] = []
        for name in ("reasoning_content", "reasoning"):
            thought = raw.get(name)
            if isinstance(thought, str) and thought and raw["role"] == "assistant":
                parts.append(ReasoningPart(text=thought, source=name))
                break
        text = self._text(raw.get("content"))
        parts += [TextPart(text=text)] if text else []
        calls, lost_count = read_calls(raw)
        self._note_count(lost_count, "{} call{s} of tools {was} left out.")
        return (*parts, *calls)

    def _text(self, content: object) -> str:
        if isinstance(content, str):
            return content
        items = content if isinstance(content, list) else []
        texts = [
            item["text"] for item in items if isinstance(item, dict) and isinstance(item.get("text"), str)
        ]
        self._note_count(len(items) - len(texts), "{} part{s} of a message that {is} no text {was} left out.")
        return "\n".join(texts)

    def _note_count(self, count: int, words: str) -> None:
        if count:
            plural = (
                {"s": "s", "was": "were", "is": "are"} if count > 1 else {"s": "", "was": "was", "is": "is"}
            )
            self.notes.append(words.format(count, **plural))

    # Parameters

    def _parameters(self, fields: Mapping[str, Any]) -> SamplingParameters:
        values: dict[str, Any] = {}
        extra: dict[str, Any] = {}
        for raw_name, value in fields.items():
            name = "max_tokens" if raw_name == "max_completion_tokens" else raw_name
            if value is None or name in ("model", "messages", "stream") or _is_added_by_drover(name, value):
                continue
            if name == "n":
                self.notes.append("n was left out: Drover asks for one reply at a time.")
            elif _CREDENTIAL_NAME.search(name):
                self.has_credentials = True
            elif name == "extra":
                self.notes.append("extra was left out: Drover has another use for this name.")
            elif name in SPECS:
                value = choice_word(value) if name == "tool_choice" else value
                try:
                    values[name] = checked(SPECS[name], typed(SPECS[name], value))
                except ConfigurationError as error:
                    self.notes.append(f"{name} was left out: {error.message}")
            else:
                extra[name] = value
        if extra:
            values["extra"] = Json.of(extra)
        return SamplingParameters(**values) if values else UNSET


def _add_result(turns: list[ImportedTurn], raw: Mapping[str, Any], text: str) -> None:
    """Results of one reply's calls are one message."""
    names = {
        part.call_id: part.name for turn in turns for part in turn.parts if isinstance(part, ToolCallPart)
    }
    result = read_result(raw, text, names)
    known = turns.pop().parts if turns[-1].role is Role.TOOL else ()
    turns.append(ImportedTurn(role=Role.TOOL, parts=(*known, result)))


def _is_added_by_drover(name: str, value: object) -> bool:
    is_single = name == "n" and value == 1
    return is_single or (name == "stream_options" and value == {"include_usage": True})


def _fields(body: str) -> dict[str, Any]:
    fields = parsed_json(body).value
    if isinstance(fields, list):
        fields = {"messages": fields}
    if not isinstance(fields, dict):
        raise ConfigurationError("The body is no JSON object.")
    return fields
