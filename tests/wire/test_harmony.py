"""The format of gpt-oss in the content: with markers anywhere, without them only where the model is known."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.wire.replies import SERVER, delta, sse

from drover.domain.reading import AS_SERVED, Reading, ReadingKind
from drover.domain.stream import ResponseBuilder
from drover.wire.chat import ReplyDecoder

_Read = tuple[str, str, list[tuple[str, str]]]


def read(texts: list[str], model: str = "openai-gpt-oss-20b", reading: Reading = AS_SERVED) -> _Read:
    """(thinking, answer, calls) of a content that arrives in these pieces."""
    decoder, builder = ReplyDecoder(SERVER, model_id=model, reading=reading.as_text), ResponseBuilder()
    body = sse(*(delta(content=text) for text in texts), delta(finish="stop"))
    for event in [*decoder.feed(body), *decoder.finish()]:
        builder.feed(event, 0.0)
    return builder.reasoning, builder.answer, [(call.name, call.arguments) for call in builder.tool_calls]


MARKED: dict[str, tuple[str, _Read]] = {
    "thinking and answer": (
        "<|channel|>analysis<|message|>Hmm<|end|><|start|>assistant<|channel|>final<|message|>Hi",
        ("Hmm", "Hi", []),
    ),
    "from the start, to the end": (
        "<|start|>assistant<|channel|>analysis<|message|>Hmm<|end|>\n"
        "<|start|>assistant<|channel|>final<|message|>Hi<|return|>",
        ("Hmm", "Hi", []),
    ),
    "a start that was lost": (
        "<|channel|>analysis<|message|>Hmm<|end|>assistant<|channel|>final<|message|>Hi",
        ("Hmm", "Hi", []),
    ),
    "cut in the thinking": ("<|channel|>analysis<|message|>Hmm <", ("Hmm <", "", [])),
    "cut in a header": ("<|channel|>fin", ("", "<|channel|>fin", [])),
    "a call": (
        "<|channel|>analysis<|message|>Hmm<|end|><|start|>assistant<|channel|>commentary to=functions.now "
        '<|constrain|>json<|message|>{"tz":"UTC"}<|call|>',
        ("Hmm", "", [("now", '{"tz":"UTC"}')]),
    ),
    "a call, the recipient first": (
        "<|start|>assistant to=functions.now<|channel|>commentary <|constrain|>json"
        '<|message|>{"a":1}<|call|>',
        ("", "", [("now", '{"a":1}')]),
    ),
    "words before a call": (
        "<|channel|>commentary<|message|>I look.<|end|>"
        "<|start|>assistant<|channel|>commentary to=functions.now<|message|>{}<|call|>",
        ("", "I look.", [("now", "{}")]),
    ),
    "two calls": (
        "<|channel|>commentary to=functions.a <|constrain|>json<|message|>{}<|call|>"
        "<|start|>assistant<|channel|>commentary to=functions.b <|constrain|>json<|message|>[]<|call|>",
        ("", "", [("a", "{}"), ("b", "[]")]),
    ),
    "a tool of its own": (
        '<|channel|>analysis to=browser.search code<|message|>{"q":1}<|call|>',
        ("", "", [("browser.search", '{"q":1}')]),
    ),
    "quotations at the ends": (
        '<|channel|>analysis<|message|>They said "hi"<|end|><|start|>assistant<|channel|>final<|message|>'
        "Use `ls`<|return|>",
        ('They said "hi"', "Use `ls`", []),
    ),
    "ends that are quoted": (
        "<|channel|>analysis<|message|>Not “<|end|>”.<|end|>"
        "<|start|>assistant<|channel|>final<|message|>An `<|end|>` ends it.",
        ("Not “<|end|>”.", "An `<|end|>` ends it.", []),
    ),
    "other angle brackets": (
        "<|channel|>analysis<|message|>1 <| 2 < 3 <b><|end|>"
        "<|start|>assistant<|channel|>final<|message|>a<|b|>",
        ("1 <| 2 < 3 <b>", "a<|b|>", []),
    ),
}


@pytest.mark.parametrize("name", MARKED)
@pytest.mark.parametrize("model", ["openai-gpt-oss-20b", "unknown"])
def test_markers_at_the_start_are_read_for_any_model(name: str, model: str) -> None:
    text, expected = MARKED[name]

    assert read([text], model) == expected
    assert read(list(text), model) == expected


STRIPPED: dict[str, tuple[str, _Read]] = {
    "thinking and answer": ("analysisHmmassistantfinalHi", ("Hmm", "Hi", [])),
    "the words again in the answer": (
        "analysisHmmassistantfinalThe assistantfinal is",
        ("Hmm", "The assistantfinal is", []),
    ),
    "cut in the thinking": ("analysisWe need to assist", ("We need to assist", "", [])),
    "an assistant in the thinking": (
        "analysisThe assistant isassistantfinal4",
        ("The assistant is", "4", []),
    ),
    "a call": ('commentary to=functions.now json{"tz":"UTC"}', ("", "", [("now", '{"tz":"UTC"}')])),
    "thinking, a call, an answer": (
        'analysisHmmassistantcommentary to=functions.now json{"a":1}assistantfinalHi',
        ("Hmm", "Hi", [("now", '{"a":1}')]),
    ),
    "words in the commentary": (
        "analysisHmmassistantcommentaryI look.assistantfinalHi",
        ("Hmm", "I look.Hi", []),
    ),
    "thinking twice": ("analysisaassistantanalysisbassistantfinalc", ("ab", "c", [])),
}


@pytest.mark.parametrize("name", STRIPPED)
def test_stripped_markers_are_read_where_the_model_is_known(name: str) -> None:
    text, expected = STRIPPED[name]

    assert read([text]) == expected
    assert read(list(text)) == expected
    assert read([text], "unknown") == ("", text, [])
    assert read([text], "unknown", Reading(kind=ReadingKind.STRIPPED_HARMONY)) == expected


@pytest.mark.parametrize(
    "text",
    [
        "analysis of the text follows",
        "analysis: it is",
        "analysis",
        "commentary to them",
        "An assistantfinal",
        "Write `<|channel|>analysis<|message|>` first.",
        "A <|end|> and a <|start|>system<|message|> are markers.",
        "a < b <| c <|channel|",
        "",
    ],
)
def test_ordinary_words_stay_as_they_are(text: str) -> None:
    assert read([text]) == ("", text, [])
    assert read(list(text)) == ("", text, [])


def test_a_model_that_is_known_may_call_in_the_middle_of_its_answer() -> None:
    text = 'I look.<|channel|>commentary to=functions.now <|constrain|>json<|message|>{"a":1}<|call|>'

    assert read(list(text)) == ("", "I look.", [("now", '{"a":1}')])
    assert read([text], "unknown") == ("", text, [])


def test_tags_are_read_for_that_model_too() -> None:
    assert read(list("<think>Hmm</think>Hi")) == ("Hmm", "Hi", [])


def test_the_channels_of_another_model_are_told_from_those_of_this_one() -> None:
    text = "<|channel>thought\nHmm<channel|>Hi"

    assert read(list(text), "gemma-4") == read([text], "gemma-4") == ("Hmm", "Hi", [])


_PIECES = st.lists(
    st.sampled_from(
        [
            *("<|start|>", "<|channel|>", "<|message|>", "<|end|>", "<|call|>", "<|constrain|>", "<think>"),
            *(
                "assistant",
                "analysis",
                "final",
                "commentary",
                " to=functions.a ",
                "json",
                "{",
                "}",
                "<",
                "|",
                ">",
                " ",
            ),
            *("Hm", "`", '"', "“", "\n", "</think>", "<|return|>", "<|start|>assistant"),
        ]
    ),
    max_size=16,
).map("".join)


@example("<|start|>assistant to=a“b<|message|>Hm", ReadingKind.HARMONY)
@given(_PIECES, st.sampled_from([kind for kind in ReadingKind if kind is not ReadingKind.TAGS]))
def test_any_cut_gives_the_same_reading(text: str, kind: ReadingKind) -> None:
    reading = Reading(kind=kind)

    assert read(list(text), reading=reading) == read([text], reading=reading)
