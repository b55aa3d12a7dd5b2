"""One stored request as a program: cURL, Python with httpx, Python with openai, an HTTP file.

Each sends the same JSON and reads the key from the environment, so that it can be shown and passed on.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from drover.domain.run import Exchange, Run
from drover.errors import ConfigurationError

_NOT_SHOWN = frozenset(
    {"host", "content-length", "connection", "user-agent", "accept-encoding", "authorization", "content-type"}
)
"""Headers that every client writes by itself, and those that are written apart."""
_BODY_END = "END_OF_BODY"
_UNSEEN = re.compile("[\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
"""What makes a text look other than it is, or cannot be written; JSON and Python both know `\\uXXXX`."""
_LINE_CHARS = 96
_OPENAI_ARGUMENTS = frozenset(
    {
        "model", "messages", "stream", "stream_options", "temperature", "top_p", "max_tokens",
        "max_completion_tokens", "frequency_penalty", "presence_penalty", "reasoning_effort", "seed", "stop",
        "n", "logprobs", "top_logprobs", "logit_bias", "response_format", "tools", "tool_choice",
        "parallel_tool_calls", "user",
    }
)  # fmt: skip
"""What `chat.completions.create` of the openai package takes by name; anything else goes as `extra_body`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SentRequest:
    """A request as it was sent, free of credentials."""

    url: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes
    key_variable: str = ""
    """The environment variable that holds the key; empty if the request was sent without one."""

    @property
    def base_url(self) -> str:
        """The address without the route."""
        return self.url.removesuffix("/chat/completions")

    @property
    def own_headers(self) -> list[tuple[str, str]]:
        """The headers that a client would not send by itself."""
        return [
            (name, value)
            for name, value in self.headers
            if name.lower() not in _NOT_SHOWN and (name + value).isprintable()
        ]

    def fields(self) -> dict[str, Any]:
        """The body, read. Raises ValueError if it is no JSON object."""
        fields = json.loads(self.body)
        if not isinstance(fields, dict):
            raise ValueError("the body is no JSON object")
        return fields


def sent_request(run: Run, exchange: Exchange | None, *, key_variable: str = "") -> SentRequest:
    """What a run sent, or would have sent if it had come to that.

    `key_variable` counts only where there is no exchange, which says itself whether there was a key.
    Raises ConfigurationError for a run that never had a body or an address.
    """
    url = exchange.request_line.partition(" ")[2] if exchange is not None else ""
    if not url and run.base_url:
        url = f"{run.base_url}/chat/completions"
    if not url or not run.request_body:
        raise ConfigurationError("Nothing was sent in this run, so there is nothing to copy.")
    # A run may have come with a file, and what is copied is pasted into a shell.
    if not re.fullmatch(r"https?://[!-~]+", url):
        raise ConfigurationError("The address of this run cannot be copied.")
    headers = exchange.request_headers if exchange is not None else ()
    if exchange is not None:
        bearers = [value for name, value in headers if name.lower() == "authorization"]
        key_variable = bearers[0].rpartition("$")[2] if bearers else ""
        key_variable = key_variable if re.fullmatch(r"[A-Za-z0-9_]+", key_variable) else ""
    return SentRequest(url=url, headers=headers, body=run.request_body, key_variable=key_variable)


def curl(request: SentRequest) -> str:
    """A command for a POSIX shell."""
    # Without -g, curl takes brackets and braces of an address for a pattern.
    options = "-sS -N -g" if re.search(r"[\[\]{}]", request.url) else "-sS -N"
    lines = [f"curl {options} {shlex.quote(request.url)}", "-H 'Content-Type: application/json'"]
    if request.key_variable:
        lines.append(f'-H "Authorization: Bearer ${request.key_variable}"')
    lines += [f"-H {shlex.quote(f'{name}: {value}')}" for name, value in request.own_headers]
    lines.append(f"--data-binary @- <<'{_BODY_END}'")
    # No line of indented JSON equals the end mark, and nothing in a quoted here-document is expanded.
    return " \\\n  ".join(lines) + f"\n{_indented(request)}\n{_BODY_END}\n"


def python_httpx(request: SentRequest) -> str:
    """A Python program that prints the stream as it comes."""
    headers = [f"    {_literal(name)}: {_literal(value)}," for name, value in request.own_headers]
    if request.key_variable:
        headers.insert(0, f'    "Authorization": "Bearer " + os.environ["{request.key_variable}"],')
    imports = "import os\n\nimport httpx\n" if request.key_variable else "import httpx\n"
    return "\n".join(
        [
            imports,
            f"url = {_literal(request.url)}",
            "headers = {" if headers else "headers = {}",
            *([*headers, "}"] if headers else []),
            f"body = {_python(request.fields())}",
            "",
            'with httpx.stream("POST", url, headers=headers, json=body, timeout=600) as response:',
            "    if response.is_error:",
            "        response.read()",
            '        raise SystemExit(f"{response.status_code}: {response.text}")',
            "    for line in response.iter_lines():",
            "        print(line)",
            "",
        ]
    )


def python_openai(request: SentRequest) -> str:
    """A Python program with the official client."""
    fields = request.fields()
    named = {name: value for name, value in fields.items() if name in _OPENAI_ARGUMENTS}
    other = {name: value for name, value in fields.items() if name not in _OPENAI_ARGUMENTS}
    # The client refuses to start without a key, even for a server that wants none.
    key = f'os.environ["{request.key_variable}"]' if request.key_variable else '"none"'
    arguments = [f"    {name}={_python(value, 1, len(name) + 1)}," for name, value in named.items()]
    if other:
        arguments.append(f"    extra_body={_python(other, 1, 11)},")
    if request.own_headers:
        arguments.append(f"    extra_headers={_python(dict(request.own_headers), 1, 14)},")
    reading = (
        ["for chunk in answer:", "    print(chunk.model_dump_json())"]
        if fields.get("stream")
        else ["print(answer.model_dump_json(indent=2))"]
    )
    return "\n".join(
        [
            *(["import os", ""] if request.key_variable else []),
            "from openai import OpenAI",
            "",
            f"client = OpenAI(base_url={_literal(request.base_url)}, api_key={key}, max_retries=0)",
            "answer = client.chat.completions.create(",
            *arguments,
            ")",
            *reading,
            "",
        ]
    )


def http_file(request: SentRequest) -> str:
    """A file for the HTTP clients of editors, which fill in variables of the environment by themselves."""
    lines = [f"POST {request.url} HTTP/1.1", "Content-Type: application/json"]
    if request.key_variable:
        lines.append(f"Authorization: Bearer {{{{$processEnv {request.key_variable}}}}}")
    lines += [f"{name}: {value}" for name, value in request.own_headers]
    # Two braces would be a variable of the editor. In JSON they stand together only inside a text.
    body = _indented(request).replace("{{", "{\\u007b")
    return "\n".join([*lines, "", body, ""])


SNIPPETS: Mapping[str, Callable[[SentRequest], str]] = {
    "curl": curl,
    "httpx": python_httpx,
    "openai": python_openai,
    "http": http_file,
}
"""Every form by name."""


def _indented(request: SentRequest) -> str:
    return _seen(json.dumps(request.fields(), ensure_ascii=False, indent=2))


def _seen(text: str) -> str:
    """JSON, or Python's literal of a text, with what cannot be seen written as an escape."""
    return _UNSEEN.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _literal(text: str) -> str:
    """A text as Python writes it. Every escape of JSON means the same there."""
    return _seen(json.dumps(text, ensure_ascii=False))


def _python(value: object, depth: int = 0, before: int = 0) -> str:
    """The value as a Python expression, broken into lines where it is long.

    `depth` is that of the line it begins in, `before` how many characters stand there already.
    """
    if isinstance(value, str):
        return _literal(value)
    if not value or not isinstance(value, dict | list):
        return repr(value)
    opening, closing = "{}" if isinstance(value, dict) else "[]"
    if isinstance(value, dict):
        items = [(f"{_literal(name)}: ", item) for name, item in value.items()]
    else:
        items = [("", item) for item in value]
    inner = [name + _python(item, depth + 1, len(name)) for name, item in items]
    line = opening + ", ".join(inner) + closing
    if len(line) + before + 4 * depth <= _LINE_CHARS and "\n" not in line:
        return line
    indent = "    " * (depth + 1)
    return "\n".join([opening, *(f"{indent}{each}," for each in inner), indent[4:] + closing])
