"""Requests made elsewhere, as people copy them."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drover.domain.conversation import ReasoningPart, Role, TextPart, ToolCallPart, ToolResultPart
from drover.domain.imported import ImportedRequest, ImportedTurn
from drover.domain.parameters import UNSET, Json, SamplingParameters
from drover.errors import ConfigurationError
from drover.wire.curl_import import read_request
from drover.wire.shell_words import commands
from drover.wire.snippets import SentRequest, curl

URL = "https://hub.oxen.ai/api/ai/chat/completions"
KEY_NOTE = "The key in it was not taken over."
PLAIN = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}

ODD = """It's "odd" $HOME `x` \\n \\\\ ^ % ! \u00e9 \U0001f402\nEND_OF_BODY\n\u2028{}"""


def texts(request: ImportedRequest) -> list[tuple[str, str]]:
    return [(turn.role.value, turn.text) for turn in request.turns]


def body(**more: Any) -> str:
    return json.dumps({**PLAIN, **more})


def test_a_command_of_our_own_comes_back_as_it_was() -> None:
    messages = [
        {"role": "system", "content": ODD},
        {"role": "user", "content": ODD + "1"},
        {"role": "assistant", "content": ODD + "2"},
        {"role": "user", "content": ODD},
    ]
    sent = {
        "model": "m", "messages": messages, "temperature": 0.2, "max_completion_tokens": 9, "stop": "END",
        "seed": None, "n": 1, "top_logprobs": 3, "user": "me", "stream": True,
        "stream_options": {"include_usage": True},
    }  # fmt: skip
    text = curl(SentRequest(url=URL, body=json.dumps(sent).encode(), key_variable="OXEN_API_KEY"))
    request = read_request("$ " + text)
    assert request == ImportedRequest(
        base_url="https://hub.oxen.ai/api/ai",
        model_id="m",
        parameters=SamplingParameters(
            temperature=0.2, max_tokens=9, stop=("END",), top_logprobs=3, extra=Json('{"user":"me"}')
        ),
        system_prompt=ODD,
        turns=(
            ImportedTurn(role=Role.USER, parts=(TextPart(text=ODD + "1"),)),
            ImportedTurn(role=Role.ASSISTANT, parts=(TextPart(text=ODD + "2"),)),
            ImportedTurn(role=Role.USER, parts=(TextPart(text=ODD),)),
        ),
    )
    assert request.open_text == ODD
    assert len(request.earlier_turns) == 2


CHROME_BASH = r"""curl 'http://localhost:8080/v1/chat/completions' \
  -H 'Accept: */*' \
  -H 'Authorization: Bearer sk-live-123' \
  -H 'sec-ch-ua: "Chromium";v="1"' \
  -b 'session=1' \
  --data-raw $'{"model":"m","messages":[{"role":"user","content":"It\'s \u00e9\\n\x41"}]}' \
  --compressed --insecure"""

CHROME_WINDOWS = (
    'curl ^"http://localhost:8080/v1/chat/completions^" ^\r\n'
    '  -H ^"accept: */*^" ^\r\n'
    '  -H ^"authorization: Bearer sk-live-123^" ^\r\n'
    '  --data-raw ^"^{^\\^"model^\\^":^\\^"m^\\^",^\r\n\r\n^\\^"messages^\\^":'
    '^[^{^\\^"role^\\^":^\\^"user^\\^",^\\^"content^\\^":'
    '^\\^"It^\'s 5^% ^& ^\\^\\^\\^"so^\\^\\^\\^" ^^^\\^"^}^]^}^"'
)

FORMS = {
    "chrome, bash": (CHROME_BASH, "It's \u00e9\nA"),
    "chrome, cmd": (CHROME_WINDOWS, 'It\'s 5% & "so" ^'),
    "single quotes": (f"curl {URL} -d '{body()}'", "hi"),
    "double quotes": (
        f'curl -sS -X POST "{URL}" -H "Content-Type: application/json" -d "{{\\"model\\": \\"m\\",'
        ' \\"messages\\": [{\\"role\\": \\"user\\", \\"content\\": \\"a\\$b\\"}]}"',
        "a$b",
    ),
    "options together": (f"curl -sSNXPOST {URL} -H'Content-Type: application/json' -d'{body()}'", "hi"),
    "json option": (f"/usr/bin/curl --json '{body()}' --url {URL}", "hi"),
    "behind a pipe": (
        f"echo start; curl {URL} --fail-with-body -d '{body()}' 2>/dev/null | jq . # see",
        "hi",
    ),
    "open here-document": (f"curl {URL} -d @- <<EOF | jq .\n{body()}\nEOF\necho done", "hi"),
    "indented here-document": (f"curl {URL} -d @- <<-'E F'\n\t{body()}\n\tE F\n", "hi"),
    "here-string": (f"curl {URL} -d @- <<< '{body()}'", "hi"),
    "behind a comment": (f"# ask it's\nexport KEY=1\ncurl -m 30 -o out.txt {URL} -d '{body()}'", "hi"),
    "no scheme": (f"curl localhost:8080/v1/chat/completions -d '{body()}'", "hi"),
    "windows line ends": (f"curl {URL} \\\r\n  -d @- <<'E'\r\n{body()}\r\nE\r\n", "hi"),
    "a caret in the text": (f"""curl {URL} -d '{body(stop='^"')}'""", "hi"),
}


@pytest.mark.parametrize(("text", "words"), FORMS.values(), ids=FORMS)
def test_each_way_of_writing_a_command_is_read(text: str, words: str) -> None:
    request = read_request(text)
    assert texts(request) == [("user", words)]
    assert request.model_id == "m"
    assert request.base_url in ("https://hub.oxen.ai/api/ai", "http://localhost:8080/v1")


@pytest.mark.parametrize(
    ("header", "is_said"),
    [
        ("-H 'Authorization: Bearer sk-live-123'", True),
        ("-H 'api-key: abc'", True),
        ("-H 'X-Api-Key: abc'", True),
        ("-u me:secret", True),
        ("--oauth2-bearer abc", True),
        ("-b 'session=1'", True),
        ('-H "Authorization: Bearer $OXEN_API_KEY"', False),
        ('-H "Authorization: Bearer ${OXEN_API_KEY}"', False),
        ("-H 'Authorization: Bearer <token>'", False),
        ("-H 'Accept: */*'", False),
    ],
)
def test_a_credential_is_left_behind_and_that_is_said(header: str, is_said: bool) -> None:
    request = read_request(f"curl {URL} {header} -d '{body()}'")
    assert (KEY_NOTE in request.notes) == is_said
    assert "sk-live" not in repr(request)
    assert "abc" not in repr(request)
    assert "secret" not in repr(request)


def test_credentials_of_address_and_body_are_left_behind() -> None:
    request = read_request(
        f"curl 'https://me:pw@h.example/v1/chat/completions?key=k1' -d '{body(api_key='k2')}'"
    )
    assert request.base_url == "https://h.example/v1"
    assert request.parameters == UNSET
    assert request.notes[0] == KEY_NOTE
    assert not {"pw", "k1", "k2"} & set(repr(request).replace("'", " ").split())


def test_a_body_alone_gives_all_but_the_address() -> None:
    request = read_request("\ufeff\n" + json.dumps(PLAIN | {"tools": [], "top_p": 0.5}, indent=2))
    assert request.base_url == ""
    assert request.parameters == SamplingParameters(top_p=0.5, extra=Json('{"tools":[]}'))
    assert texts(read_request('[{"role": "user", "content": "hi"}]')) == [("user", "hi")]


def test_what_cannot_be_taken_over_is_said() -> None:
    messages = [
        {
            "role": "developer",
            "content": [{"type": "text", "text": "Be"}, {"type": "text", "text": "brief."}],
        },
        {"role": "system", "content": "Really."},
        {
            "role": "user",
            "content": [{"type": "text", "text": "what?"}, {"type": "image_url", "image_url": {}}],
        },
        {"role": "assistant", "content": None, "tool_calls": [{"id": "1"}]},
        {"role": "tool", "content": "3"},
        {"role": "system", "content": "late"},
        {"role": "assistant", "content": "It is", "reasoning_content": "Hm."},
    ]
    raw = body(messages=messages, temperature=5, n=3, logprobs="yes", extra={}, stop=["\n"])
    request = read_request(f"curl {URL}?v=1 -H 'X-Title: a' -H 'X-Org: b' -d '{raw}'")
    assert request.system_prompt == "Be\nbrief.\n\nReally."
    assert texts(request) == [("user", "what?"), ("assistant", "It is")]
    assert request.turns[-1].parts[0] == ReasoningPart(text="Hm.", source="reasoning_content")
    assert request.open_text == ""
    assert request.parameters == SamplingParameters(stop=("\n",))
    assert request.notes == (
        "What stands behind the ? of the address was not taken over.",
        "1 part of a message that is no text was left out.",
        "1 call of tools was left out.",
        "1 system message between the others was left out.",
        "1 message of tools or of an unknown kind was left out.",
        "temperature was left out: temperature must be 0 to 2, not 5.",
        "n was left out: Drover asks for one reply at a time.",
        "logprobs was left out: logprobs must be true or false, not 'yes'.",
        "extra was left out: Drover has another use for this name.",
        "Headers that were not taken over: X-Title, X-Org.",
    )


@pytest.mark.parametrize(
    ("url", "note"),
    [
        ("https://h.example/v1/messages", "The address is not one of chat completions, so /v1/messages"),
        ("$BASE/chat/completions", "The address $BASE/chat/completions holds a variable"),
    ],
)
def test_an_address_that_is_none_of_ours_is_said(url: str, note: str) -> None:
    request = read_request(f"curl {url} -d '{body()}'")
    assert request.base_url == ""
    assert any(words.startswith(note) for words in request.notes)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "There is nothing to read."),
        ("what is this", "This is neither a curl command nor a JSON body."),
        (f"curl {URL}", "This command sends no body."),
        (f"curl {URL} -d @body.json", "The body is in the file body.json."),
        (f"curl {URL} -d @-", "The body is in the standard input."),
        (f"curl {URL} -F file=@a.png", "This command sends a form instead of JSON."),
        (f"curl -G {URL} -d a=b", "This command sends its data as part of the address instead of JSON."),
        (f"curl {URL} -d a=b", "This is not JSON: a value is expected in line 1, column 1."),
        ('{"model": "m",}', "This is not JSON: a "),
        ('{"messages": [], "seed": NaN}', "This is not JSON: NaN is not a JSON value."),
        (
            '{"messages": [], "x": 1e999}',
            "This is not JSON: a number is larger than any",
        ),
        ('{"input": "hi"}', "The body has no messages."),
        ("[" * 100_000, "This JSON is nested too deeply to be read."),
        ('{"messages": [], "user": "\\ud83d"}', "\\ud83d is half a character"),
        (
            f"curl 'https://h:99999/v1/chat/completions' -d '{body()}'",
            "'https://h:99999/v1/chat/completions'",
        ),
    ],
)
def test_what_is_no_such_request_is_refused_in_words(text: str, words: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        read_request(text)
    assert refused.value.message.startswith(words)


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    for form in (text, f"curl {URL} {text}", f'curl ^"{text}', f"curl {URL} -d @- <<E\n{text}"):
        with suppress(ConfigurationError):
            read_request(form)


ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.dictionaries(
        st.sampled_from(["temperature", "stop", "n", "logprobs", "x", "extra", "model"]), ANY_JSON
    ),
    st.lists(
        ANY_JSON | st.fixed_dictionaries({"role": st.sampled_from(["user", "system"]), "content": ANY_JSON})
    ),
)
def test_any_json_body_is_read_or_refused(fields: dict[str, Any], messages: list[Any]) -> None:
    with suppress(ConfigurationError):
        request = read_request(json.dumps({**fields, "messages": messages}))
        assert all(turn.text for turn in request.turns)


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is missing")
def test_words_are_those_of_the_shell() -> None:
    lines = [
        """a 'b c' "d \\" \\$ \\x e" f\\ g $'h\\ti\\'\\x41\\101\\u00e9' ''""",
        """"a\\\nb" c\\\nd 'e\nf'""",
        """x"y"'z'$'w' --a=b {c,d} ^e [f] ~ 2>/dev/null g #h""",
        """a# '#' "a'b" 'a"b' \\# \\\\ "\\\\" $'\\\\\\e'""",
    ]
    for line in lines:
        shown = f"""{sys.executable} -c 'import sys, json; print(json.dumps(sys.argv[1:]))'"""
        done = subprocess.run(
            ["bash", "-c", f"set -f; set +B; HOME='~'; {shown} {line}"],
            capture_output=True, check=True, text=True,
        )  # fmt: skip
        (command,) = commands(line)
        assert command.words == json.loads(done.stdout), line


def test_tools_calls_and_results_are_taken_over() -> None:
    function = {"name": "now", "description": "The time.", "parameters": {"type": "object"}}
    messages = [
        {"role": "user", "content": "When?"},
        {
            "role": "assistant",
            "content": "Let me look.",
            "tool_calls": [
                {"id": "a", "type": "function", "function": {"name": "now", "arguments": "{}"}, "x": 1},
                {"id": "b", "type": "function", "function": {"name": "day", "arguments": {"n": 1}}},
            ],
        },
        {"role": "tool", "tool_call_id": "a", "content": "12:00"},
        {"role": "tool", "tool_call_id": "b", "content": [{"type": "text", "text": "Monday"}]},
        {"role": "user", "content": "Thanks"},
    ]
    tools = [{"type": "function", "function": function}, {"type": "web_search"}]
    choice = {"type": "function", "function": {"name": "now"}}
    request = read_request(
        body(messages=messages, tools=tools, tool_choice=choice, parallel_tool_calls=False)
    )
    assert [(tool.name, tool.description) for tool in request.tools] == [("now", "The time.")]
    assert request.parameters == SamplingParameters(
        tool_choice="now", parallel_tool_calls=False, extra=Json('{"tools":[{"type":"web_search"}]}')
    )
    assert request.turns[1].parts == (
        TextPart(text="Let me look."),
        ToolCallPart(call_id="a", name="now", arguments="{}", extra='{"x":1}'),
        ToolCallPart(call_id="b", name="day", arguments='{"n": 1}'),
    )
    assert request.turns[2].role is Role.TOOL
    assert request.turns[2].parts == (
        ToolResultPart(call_id="a", name="now", text="12:00"),
        ToolResultPart(call_id="b", name="day", text="Monday"),
    )
    assert request.open_text == "Thanks"
    assert request.notes == ()
