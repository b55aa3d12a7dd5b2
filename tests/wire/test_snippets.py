"""Every form of a request, carried out: what arrives is what was sent."""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from tests.provider import Provider, ReceivedRequest
from tests.store import values

from drover.domain.parameters import SPECS, Json, SamplingParameters
from drover.domain.run import Exchange
from drover.errors import ConfigurationError
from drover.wire.snippets import (
    SNIPPETS,
    SentRequest,
    curl,
    http_file,
    python_httpx,
    python_openai,
    sent_request,
)

VARIABLE = "OXEN_API_KEY"
KEYS = [
    "sk-plain",
    """sk-'single' "double" `tick` $HOME \\back\\ and blanks""",
    "$(touch /tmp/never) ; exit 3 # %PATH% ^ & | < >",
]
PROMPTS = {
    "plain": "Why is the sky blue?",
    "quotes": """It's "quoted", `ticked`, '''tripled''' and \"\"\"that too\"\"\".""",
    "shell": "$HOME ${HOME} $(exit 3) `exit 3` !! \\n \\\\ \\' \\\" %s %% {{name}} {1..3} [a-z]",
    "lines": "one\ntwo\r\nthree\rfour\tfive\x00\x1b\x7f\x85",
    "end mark": "END_OF_BODY\nEND_OF_BODY",
    "letters": "🐂 caf\u00e9 \u0645\u0631\u062d\u0628\u0627 \U0001f468\u200d\U0001f469\u200d\U0001f467",
    "unseen": "a\u2028b\u2029c\ufeffd\u202ee\u200bf",
    "long": 'word and "quote"\n' * 20_000,
    "long line": "x" * 300_000,
    "blank": " ",
}

needs_shell = pytest.mark.skipif(
    shutil.which("bash") is None or shutil.which("curl") is None, reason="bash or curl is missing"
)


def body_of(*prompts: str, **more: Any) -> bytes:
    """A body as Drover writes it."""
    messages = [{"role": "system", "content": "Be brief."}]
    for prompt in prompts:
        messages += [{"role": "user", "content": prompt}, {"role": "assistant", "content": prompt[::-1]}]
    body = {"model": "scripted-model", "messages": messages, **more, "stream": True}
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def request_to(provider: Provider, body: bytes, *, key_variable: str = VARIABLE) -> SentRequest:
    """A request as an exchange keeps it."""
    headers = [
        ("Accept", "text/event-stream"),
        ("User-Agent", "Drover/1.0"),
        ("Accept-Encoding", "identity"),
        ("Content-Type", "application/json"),
        ("X-Title", """It's "Drover" \\ $HOME"""),
    ]
    if key_variable:
        headers.append(("Authorization", f"Bearer ${key_variable}"))
    return SentRequest(
        url=f"{provider.base_url}/chat/completions",
        headers=tuple(headers),
        body=body,
        key_variable=key_variable,
    )


def carry_out(form: str, request: SentRequest, folder: Path, key: str) -> str:
    """Runs the text as a person would, and returns what it printed. The key is in the environment only."""
    text = SNIPPETS[form](request)
    assert key not in text
    suffix = {"curl": "sh", "http": "http"}.get(form, "py")
    path = folder / f"request.{suffix}"
    path.write_text(text, encoding="utf-8")
    environment = {**os.environ, request.key_variable or "UNUSED": key, "NO_PROXY": "127.0.0.1"}
    if form == "http":
        return sent_by_hand(path.read_text(encoding="utf-8"), environment)
    command = ["bash", str(path)] if form == "curl" else [sys.executable, str(path)]
    done = subprocess.run(command, env=environment, capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    assert done.stderr == b""
    return done.stdout.decode()


def sent_by_hand(text: str, environment: dict[str, str]) -> str:
    """What an editor does with an HTTP file: variables filled in, then head and body."""

    def filled(found: re.Match[str]) -> str:
        name = found[1].strip()
        return environment[name.split()[1]] if name.startswith("$processEnv ") else f"<unknown {name}>"

    head, _, body = re.sub(r"\{\{(.*?)\}\}", filled, text).partition("\n\n")
    line, *fields = head.split("\n")
    method, url, _ = line.split(" ")
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=30)
    headers = dict(field.split(": ", 1) for field in fields)
    connection.request(method, parts.path, body=body.encode(), headers=headers)
    answer = connection.getresponse().read().decode()
    connection.close()
    return answer


def only(provider: Provider) -> ReceivedRequest:
    """The one request so far."""
    (request,) = provider.requests
    return request


@needs_shell
@pytest.mark.parametrize("form", SNIPPETS)
def test_what_arrives_is_the_body_that_was_stored(form: str, provider: Provider, tmp_path: Path) -> None:
    provider.answers("as asked")
    options = {"include_usage": True}
    body = body_of(*PROMPTS.values(), temperature=0.25, stop=["$HOME", "'\n"], stream_options=options)
    printed = carry_out(form, request_to(provider, body), tmp_path, KEYS[0])
    arrived = only(provider).json
    sent = json.loads(body)
    names = ["system", *(name for name in PROMPTS for _ in range(2))]
    broken = [name for name, a, b in zip(names, arrived["messages"], sent["messages"], strict=True) if a != b]
    assert broken == []
    assert arrived == sent
    assert "asked" in printed


@needs_shell
@pytest.mark.parametrize("form", SNIPPETS)
@pytest.mark.parametrize("key", KEYS, ids=["plain", "quotes", "shell"])
def test_the_key_comes_from_the_environment_whatever_is_in_it(
    form: str, key: str, provider: Provider, tmp_path: Path
) -> None:
    provider.answers("as asked")
    carry_out(form, request_to(provider, body_of("hello")), tmp_path, key)
    assert only(provider).bearer == key
    assert only(provider).headers["x-title"] == """It's "Drover" \\ $HOME"""


@needs_shell
@pytest.mark.parametrize("form", SNIPPETS)
def test_every_parameter_arrives_and_what_is_unset_stays_absent(
    form: str, provider: Provider, tmp_path: Path
) -> None:
    provider.answers("as asked")
    parameters = SamplingParameters(
        temperature=0.0, max_tokens=7, top_p=1.0, frequency_penalty=-0.5, presence_penalty=0.5,
        reasoning_effort="low", seed=2**62, stop=("\n", "'"), top_k=5, min_p=0.1, repeat_penalty=1.1,
        logprobs=True, top_logprobs=3, tool_choice="now", parallel_tool_calls=False,
        response_format=Json.of({"type": "json_schema", "json_schema": {"name": "a", "schema": {}}}),
        extra=Json.of({"user": "me", "metadata": {"deep": [1, 2.5, None, True, {}, []]}, "to-me": "{{x}}"}),
    )  # fmt: skip
    assert len(parameters) == len(SPECS), "a parameter was added: give it a value here"
    named = parameters.as_dict()
    extra = named.pop("extra")
    carry_out(form, request_to(provider, body_of("hi", **named, **extra)), tmp_path, KEYS[0])
    assert only(provider).json == json.loads(body_of("hi", **named, **extra))


@needs_shell
@pytest.mark.parametrize("form", SNIPPETS)
def test_without_a_key_and_without_a_stream(form: str, provider: Provider, tmp_path: Path) -> None:
    provider.answers("as asked")
    body = json.dumps({"model": "m", "messages": [{"role": "user", "content": "hi"}]}).encode()
    request = request_to(provider, body, key_variable="")
    assert "as asked" in carry_out(form, request, tmp_path, "unused")
    assert only(provider).json == json.loads(body)
    assert only(provider).bearer == ("none" if form == "openai" else None)


@needs_shell
def test_an_address_with_brackets_is_no_pattern_for_curl() -> None:
    request = SentRequest(url="http://[::1]:8080/a{b,c}/chat/completions", body=body_of("hi"))
    assert "curl -sS -N -g 'http://[::1]:8080/a{b,c}/chat/completions'" in curl(request)


def test_the_programs_read_like_programs() -> None:
    body = json.dumps({"model": "m", "messages": [{"role": "user", "content": "hi"}], "temperature": 0.2})
    request = SentRequest(url="https://h.example/v1/chat/completions", body=body.encode(), key_variable="KEY")
    assert python_httpx(request) == (
        'import os\n\nimport httpx\n\nurl = "https://h.example/v1/chat/completions"\n'
        'headers = {\n    "Authorization": "Bearer " + os.environ["KEY"],\n}\n'
        'body = {"model": "m", "messages": [{"role": "user", "content": "hi"}], "temperature": 0.2}\n\n'
        'with httpx.stream("POST", url, headers=headers, json=body, timeout=600) as response:\n'
        "    if response.is_error:\n        response.read()\n"
        '        raise SystemExit(f"{response.status_code}: {response.text}")\n'
        "    for line in response.iter_lines():\n        print(line)\n"
    )
    assert python_openai(request) == (
        "import os\n\nfrom openai import OpenAI\n\n"
        'client = OpenAI(base_url="https://h.example/v1", api_key=os.environ["KEY"], max_retries=0)\n'
        "answer = client.chat.completions.create(\n"
        '    model="m",\n    messages=[{"role": "user", "content": "hi"}],\n    temperature=0.2,\n)\n'
        "print(answer.model_dump_json(indent=2))\n"
    )
    assert http_file(request).startswith(
        "POST https://h.example/v1/chat/completions HTTP/1.1\nContent-Type: application/json\n"
        "Authorization: Bearer {{$processEnv KEY}}\n\n{\n"
    )


@needs_shell
def test_a_refusal_is_said_with_its_words_and_the_program_fails(provider: Provider, tmp_path: Path) -> None:
    provider.fails(400, {"error": {"message": "top_p and temperature exclude each other"}})
    for form in ("httpx", "openai"):
        path = tmp_path / f"with_{form}.py"
        path.write_text(SNIPPETS[form](request_to(provider, body_of("hi"))))
        done = subprocess.run(
            [sys.executable, str(path)], env={**os.environ, VARIABLE: "k"}, capture_output=True, check=False
        )
        assert done.returncode == 1
        assert b"exclude each other" in done.stderr


def test_nothing_of_a_run_that_came_with_a_file_is_carried_out_by_a_shell() -> None:
    run = replace(values.run(), request_body=body_of("hi"))
    exchange = Exchange(
        run_id=run.id,
        request_line="POST http://127.0.0.1:1/v1/chat/completions",
        request_headers=(("Authorization", "Bearer $(touch /tmp/x)"), ("X-A", "b\n-o /etc/passwd")),
    )
    request = sent_request(run, exchange)
    assert request.key_variable == ""
    assert all("touch" not in make(request) and "passwd" not in make(request) for make in SNIPPETS.values())
    for url in ("-o/etc/passwd", "file:///etc/passwd", "http://h/v1\n-o x"):
        with pytest.raises(ConfigurationError, match="cannot be copied"):
            sent_request(run, replace(exchange, request_line=f"POST {url}"))
