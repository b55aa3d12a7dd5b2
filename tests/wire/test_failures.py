from __future__ import annotations

import json

import pytest

from drover.domain.run import FailureKind, RunStatus
from drover.domain.stream import (
    ErrorReported,
    Finished,
    ReasoningDelta,
    ResponseBuilder,
    StreamEnded,
    StreamEvent,
    TextDelta,
    ToolCallDelta,
)
from drover.errors import ConfigurationError, ConnectionFailed, DroverError, MissingKey, ProtocolError
from drover.wire.chat import failure_from, provider_error, verdict

_KIND = FailureKind


def said(message: str, **more: object) -> bytes:
    return json.dumps({"error": {"message": message, **more}}).encode()


@pytest.mark.parametrize(
    ("status", "body", "kind", "message"),
    [
        (401, b"", _KIND.KEY, "Oxen.ai did not accept the key (401)"),
        (401, b'{"error":"Unauthorized"}', _KIND.KEY, "Oxen.ai did not accept the key (401)"),
        (401, said("Token expired."), _KIND.KEY, "Oxen.ai did not accept the key (401): “Token expired.”"),
        (
            400,
            said("API key not valid."),
            _KIND.KEY,
            "Oxen.ai did not accept the key (400): “API key not valid.”",
        ),
        (403, b"", _KIND.KEY, "Oxen.ai refused this request (403)"),
        (
            403,
            said("Flagged by moderation"),
            _KIND.REQUEST,
            "Oxen.ai did not accept the request (403): “Flagged by moderation”",
        ),
        (402, b"", _KIND.CREDITS, "Oxen.ai reports that no credit is left (402)"),
        (
            429,
            said("You exceeded your current quota", code="insufficient_quota"),
            _KIND.CREDITS,
            "Oxen.ai reports that no credit is left (429): “You exceeded your current quota”",
        ),
        (429, said("Too Many Requests"), _KIND.RATE, "Oxen.ai asks to wait: too many requests (429)"),
        (404, b'{"detail":"Not Found"}', _KIND.NOT_FOUND, "Oxen.ai has no chat at this address (404)"),
        (
            404,
            said("Model not found: nope"),
            _KIND.NOT_FOUND,
            "Oxen.ai does not offer this model (404): “Model not found: nope”",
        ),
        (
            400,
            said("The model `nope` does not exist"),
            _KIND.NOT_FOUND,
            "Oxen.ai does not offer this model (400): “The model `nope` does not exist”",
        ),
        (405, b"", _KIND.NOT_FOUND, "Oxen.ai has no chat at this address (405)"),
        (400, said("top_p is odd"), _KIND.REQUEST, "Oxen.ai did not accept top_p (400): “top_p is odd”"),
        (422, b"", _KIND.REQUEST, "Oxen.ai did not accept the request (422)"),
        (
            413,
            b"<html><title>413 Request Entity Too Large</title></html>",
            _KIND.CONTEXT,
            "Oxen.ai finds the request too large (413)",
        ),
        (
            400,
            said("too long", type="exceed_context_size_error", n_prompt_tokens=5000, n_ctx=4096),
            _KIND.CONTEXT,
            "The conversation needs 5\u202f000 tokens and the model takes 4\u202f096 (400)",
        ),
        (
            400,
            said(
                "This model's maximum context length is 4096 tokens. However, you requested 5000 tokens "
                "(4000 in the messages, 1000 in the completion).",
                code="context_length_exceeded",
            ),
            _KIND.CONTEXT,
            "The conversation needs 5\u202f000 tokens and the model takes 4\u202f096 (400)",
        ),
        (
            400,
            said("The prompt is too long"),
            _KIND.CONTEXT,
            "The conversation is too long for the model (400): “The prompt is too long”",
        ),
        (
            503,
            said("Loading model"),
            _KIND.SERVER,
            "Oxen.ai is still loading the model (503): “Loading model”",
        ),
        (
            502,
            b"<html><title>502 Bad Gateway</title></html>",
            _KIND.SERVER,
            "Oxen.ai got no good answer from the model's server (502)",
        ),
        (524, b"", _KIND.SERVER, "Oxen.ai took too long to answer (524)"),
        (529, b"", _KIND.SERVER, "Oxen.ai is overloaded or not available (529)"),
        (500, said("boom"), _KIND.SERVER, "Oxen.ai failed (500): “boom”"),
        (301, b"", _KIND.CONFIGURATION, "Oxen.ai sends requests on to another address (301)"),
    ],
)
def test_a_status_becomes_words_for_a_person(
    status: int, body: bytes, kind: FailureKind, message: str
) -> None:
    failure = failure_from(provider_error(status, {}, body), "Oxen.ai")

    assert (failure.kind, failure.message, failure.status) == (kind, message, status)
    assert failure.hint.endswith(".")


def test_the_rejected_key_gets_the_hint_that_helps() -> None:
    failure = failure_from(provider_error(401, {}, b""), "Oxen.ai")

    assert failure.hint == "It may have been replaced or pasted incompletely."


@pytest.mark.parametrize(
    ("wait", "hint"),
    [
        ("7", "Retry in 7 s."),
        ("0.2", "Retry in 1 s."),
        ("300", "Retry in 5 min."),
        ("", "Wait a little, then retry."),
    ],
)
def test_a_rate_limit_says_how_long(wait: str, hint: str) -> None:
    failure = failure_from(provider_error(429, {"retry-after": wait}, b""), "X")

    assert failure.hint == hint
    assert failure.retry_after_s == (float(wait) if wait else None)


def test_a_rejected_parameter_is_named_so_that_it_can_be_left_out() -> None:
    failure = failure_from(provider_error(400, {}, said("no", param="presence_penalty")), "X")

    assert failure.parameter == "presence_penalty"
    assert failure.hint == "Send without presence_penalty, or choose another value."


def test_only_what_was_sent_is_named_as_the_culprit() -> None:
    error = provider_error(400, {}, said("no", param="top_p"))

    assert failure_from(error, "X", sent=["model", "messages", "top_p"]).parameter == "top_p"
    assert failure_from(error, "X", sent=["model", "messages", "seed"]).parameter is None


@pytest.mark.parametrize(
    ("words", "parameter"),
    [
        ("Unrecognized request argument supplied: user", "user"),
        ("Unknown parameter: 'user'", "user"),
        ("user: Extra inputs are not permitted", "user"),
        ("The last message must be by the user", None),
        ("'messages' is too short", None),
        ("'other' is odd", None),
    ],
)
def test_a_key_of_the_extra_json_is_found_where_it_is_quoted(words: str, parameter: str | None) -> None:
    failure = failure_from(provider_error(400, {}, said(words)), "X", sent=["model", "messages", "user"])

    assert (failure.parameter, failure.said) == (parameter, words)


@pytest.mark.parametrize(
    ("words", "sent", "instead"),
    [
        ("Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.", "max_tokens",
         "max_completion_tokens"),
        ("unsupported parameter: use max_completion_tokens instead", "max_tokens", "max_completion_tokens"),
        ("max_tokens is deprecated in favor of max_completion_tokens", "max_tokens",
         "max_completion_tokens"),
        ("Unknown field max_completion_tokens, did you mean max_tokens?", "max_completion_tokens",
         "max_tokens"),
        ("Use max_tokens below 4096", "max_tokens", None),
        ("max_tokens is not supported", "max_tokens", None),
    ],
)  # fmt: skip
def test_the_name_that_a_server_wants_instead_is_offered(words: str, sent: str, instead: str | None) -> None:
    failure = failure_from(provider_error(400, {}, said(words)), "X", sent=["model", sent])

    assert (failure.parameter, failure.instead) == ("max_tokens", instead)
    assert failure.hint.startswith(f"Send it as {instead}" if instead else "Send without max_tokens")


def test_a_long_quote_is_cut_and_the_details_hold_everything() -> None:
    words = "word " * 200
    failure = failure_from(provider_error(500, {"x-request-id": "r1"}, said(words, code="c1")), "X")

    assert len(failure.message) < 340
    assert failure.message.endswith("…”")
    assert failure.detail.startswith("HTTP 500 Internal Server Error\nCode: c1\nRequest id: r1\n\n{")
    assert words in failure.detail


@pytest.mark.parametrize(
    ("phase", "message"),
    [
        ("name", "The address of Lab could not be found"),
        ("tcp", "Lab could not be reached"),
        ("tls", "No secure connection to Lab could be made"),
        ("proxy", "The proxy on the way to Lab failed"),
        ("send", "The connection to Lab broke before all was sent"),
        ("first_byte", "Lab did not answer for 90 s"),
        ("http", "What answers in the place of Lab does not speak HTTP"),
        ("idle", "Lab fell silent for 90 s"),
        ("stream", "The connection to Lab broke before the answer was complete"),
        ("unheard of", "the words of the transport"),
    ],
)
def test_a_failed_connection_says_in_which_phase(phase: str, message: str) -> None:
    error = ConnectionFailed("the words of the transport", phase=phase, elapsed_s=90.2)

    failure = failure_from(error, "Lab")

    assert (failure.kind, failure.message) == (_KIND.CONNECTION, message)
    assert failure.hint
    assert failure.detail == "the words of the transport"


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ConfigurationError("The address is empty.", hint="Paste it."), _KIND.CONFIGURATION),
        (MissingKey("The address is empty."), _KIND.KEY),
        (ProtocolError("The address is empty.", offending=b"\xff<"), _KIND.PROTOCOL),
        (DroverError("The address is empty."), _KIND.BUG),
    ],
)
def test_other_errors_keep_their_words(error: DroverError, kind: FailureKind) -> None:
    failure = failure_from(error, "X")

    assert (failure.kind, failure.message) == (kind, "The address is empty")


_TEXT = TextDelta(text="a")
_THOUGHT = ReasoningDelta(text="a", source="reasoning")
_CALL = ToolCallDelta(index=0, call_id="a", name="now", arguments="{}")
_ERROR = ErrorReported(message="boom")
_DONE = StreamEnded()


def ended(*events: StreamEvent, stopped: bool = False) -> tuple[RunStatus, str | None]:
    builder = ResponseBuilder()
    for event in events:
        builder.feed(event, 1.0)
    status, failure = verdict(builder, stopped=stopped, endpoint_name="Lab")
    return status, None if failure is None else failure.message


def finish(reason: str) -> Finished:
    return Finished(reason=reason)


@pytest.mark.parametrize(
    ("events", "status", "message"),
    [
        ([_TEXT, finish("stop"), _DONE], RunStatus.COMPLETE, None),
        ([_TEXT, finish("stop")], RunStatus.COMPLETE, None),
        ([_CALL, finish("tool_calls")], RunStatus.COMPLETE, None),
        ([_TEXT, finish("STOP_odd")], RunStatus.COMPLETE, None),
        ([finish("stop"), _DONE], RunStatus.COMPLETE, None),
        ([_TEXT, finish("length")], RunStatus.CUT, None),
        ([_TEXT, finish("model_length")], RunStatus.CUT, None),
        ([_THOUGHT, finish("length")], RunStatus.CUT, None),
        ([_TEXT, finish("length"), finish("stop")], RunStatus.CUT, None),
        ([_TEXT, finish("content_filter")], RunStatus.FILTERED, None),
        ([finish("sensitive")], RunStatus.FILTERED, None),
        ([_TEXT, finish("abort"), _DONE], RunStatus.INCOMPLETE,
         "Lab broke off the answer and gave “abort” as the reason"),
        ([finish("load")], RunStatus.INCOMPLETE, "Lab broke off the answer and gave “load” as the reason"),
        ([_TEXT, finish("error"), _ERROR], RunStatus.FAILED, "Lab failed: “boom”"),
        ([_TEXT, _ERROR, _DONE], RunStatus.FAILED, "Lab failed: “boom”"),
        ([_ERROR], RunStatus.FAILED, "Lab failed: “boom”"),
        ([_THOUGHT, finish("length"), _ERROR, _DONE], RunStatus.CUT, "Lab failed: “boom”"),
        ([_TEXT, _DONE], RunStatus.COMPLETE, None),
        ([_CALL, _DONE], RunStatus.COMPLETE, None),
        ([_TEXT], RunStatus.INCOMPLETE, "Lab ended the stream before the answer was complete"),
        ([_THOUGHT], RunStatus.INCOMPLETE, "Lab ended the stream before the answer was complete"),
        ([], RunStatus.FAILED, "Lab sent an empty answer"),
        ([_DONE], RunStatus.FAILED, "Lab sent an empty answer"),
    ],
)  # fmt: skip
def test_the_end_of_a_stream_is_judged(
    events: list[StreamEvent], status: RunStatus, message: str | None
) -> None:
    assert ended(*events) == (status, message)


def test_a_stopped_run_is_stopped_whatever_came() -> None:
    assert ended(_TEXT, _ERROR, stopped=True) == (RunStatus.STOPPED, None)
    assert ended(stopped=True) == (RunStatus.STOPPED, None)


@pytest.mark.parametrize(
    ("error", "kind", "parameter"),
    [
        (ErrorReported(message="Rate limit reached", code="rate_limit_exceeded"), _KIND.RATE, None),
        (ErrorReported(message="Invalid API key", status=401), _KIND.KEY, None),
        (ErrorReported(message="Unsupported parameter: top_k", status=400), _KIND.REQUEST, "top_k"),
        (ErrorReported(message="the request exceeds the available context size"), _KIND.CONTEXT, None),
        (ErrorReported(message="boom", status=500), _KIND.SERVER, None),
        (ErrorReported(message="{cut", code="unreadable_event"), _KIND.PROTOCOL, None),
    ],
)
def test_an_error_inside_the_stream_is_told_apart_like_a_status(
    error: ErrorReported, kind: FailureKind, parameter: str | None
) -> None:
    builder = ResponseBuilder()
    builder.feed(error, 0.0)

    _, failure = verdict(builder, endpoint_name="Lab")

    assert failure is not None
    assert (failure.kind, failure.parameter) == (kind, parameter)
