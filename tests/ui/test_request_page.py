"""The Request tab: everything that is known of one run."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from PySide6.QtWidgets import QAbstractButton, QApplication, QComboBox, QLabel, QMenu, QPlainTextEdit, QWidget
from pytestqt.qtbot import QtBot
from tests.ui.test_transcript import AT, reply, run_of

from drover.domain.conversation import TextPart
from drover.domain.endpoint import OXEN, ModelCard
from drover.domain.parameters import SamplingParameters
from drover.domain.run import (
    Adjustment,
    Exchange,
    Failure,
    FailureKind,
    LiveRun,
    Run,
    RunStatus,
    Timing,
    Usage,
)
from drover.domain.stream import TextDelta
from drover.engine.inspection import Inspection, Kept, inspected
from drover.ui.request_page import RequestPage
from drover.ui.run_timeline import RunTimeline

DROPPED = Adjustment(name="top_p", action="dropped", reason="rejected by this model on 3 Nov")
ADDED = Adjustment(name="stream_options", action="added", reason="so that usage is reported")
CARD = ModelCard(id="gpt-oss-20b", input_usd_per_token=5e-8, output_usd_per_token=2e-7)


def stored_run(**facts: Any) -> Run:
    body = {"model": "gpt-oss-20b", "messages": [{"role": "user", "content": "hi"}], "temperature": 0.2}
    values: dict[str, Any] = {
        "parameters": SamplingParameters(temperature=0.2, top_p=0.9),
        "adjustments": (DROPPED, ADDED),
        "request_body": json.dumps(body | {"stream_options": {"include_usage": True}}).encode(),
        "finish_reason": "stop",
        "usage": Usage(prompt_tokens=212, completion_tokens=730, reasoning_tokens=412),
        "settled_at": AT + timedelta(milliseconds=1500),
        "model_reported": "gpt-oss",
        "timing": Timing(
            connect_ms=40, first_byte_ms=71.6, first_token_ms=100, reasoning_started_ms=100,
            reasoning_ended_ms=500, last_token_ms=1400, total_ms=1500,
        ),
    }  # fmt: skip
    return replace(run_of("a"), base_url="https://hub.oxen.ai/api/ai", **(values | facts))


def exchange_of(run: Run, pieces: int = 100) -> Exchange:
    """A piece every 10 ms from 100 ms on, and nothing between the 50th and the next, 400 ms later."""
    stream, marks = b": hello\n\n", [(72.0, 9)]
    for index in range(pieces):
        stream += b'data: {"choices":[{"index":0,"delta":{"content":"x%d"}}]}\n\n' % index
        marks.append((100.0 + 9 * index + (400 if index >= 50 else 0), len(stream)))
    return Exchange(
        run_id=run.id,
        request_line="POST https://hub.oxen.ai/api/ai/chat/completions",
        request_headers=(("Authorization", "Bearer $OXEN_API_KEY"),),
        response_status=200,
        response_headers=(("Content-Type", "text/event-stream"),),
        http_version="HTTP/2",
        raw_stream=stream,
        chunk_marks=tuple(marks),
    )


def inspection(run: Run | None = None, *, text: str = "Because.", **kept: Any) -> Inspection:
    run = run or stored_run()
    message = reply(run, TextPart(text=text)).message
    values = {"exchange": exchange_of(run), "card": None} | kept
    return inspected(Kept(run=run, message=message, **values), OXEN)


@pytest.fixture
def page(qtbot: QtBot) -> RequestPage:
    page = RequestPage()
    qtbot.addWidget(page)
    page.resize(800, 900)
    page.show()
    return page


def shown(page: QWidget) -> list[str]:
    QApplication.processEvents()
    return [label.text() for label in page.findChildren(QLabel) if label.isVisible() and label.text()]


def fact(page: RequestPage, name: str) -> str:
    told = shown(page)
    return told[told.index(name) + 1]


def named(page: QWidget, name: str, kind: type[Any] = QWidget) -> Any:
    return next(w for w in page.findChildren(kind) if w.accessibleName() == name and w.isVisible())


def test_a_run_is_summed_up_with_where_each_number_comes_from(page: RequestPage) -> None:
    page.display(inspection(card=CARD))
    assert fact(page, "Endpoint") == "Oxen.ai https://hub.oxen.ai/api/ai"
    assert fact(page, "Model asked") == "gpt-oss-20b"
    assert fact(page, "Reported") == "gpt-oss no fingerprint given"
    assert fact(page, "First token") == "100.0 ms, head after 71.6 ms 1.5 s in all"
    assert fact(page, "Usage") == "212 in, 730 out, of which 412 reasoning reported"
    assert fact(page, "Cost") == "$0.00016 at $0.05 and $0.20 per million"
    assert "Complete" in shown(page)


def test_what_is_not_known_is_said_to_be_unknown(page: RequestPage) -> None:
    page.display(inspection(stored_run(usage=None, delta_count=90, model_reported="")))
    assert fact(page, "Usage") == "about 90 out estimated"
    assert fact(page, "Cost") == "unknown"
    assert fact(page, "Reported") == "no model named"


def test_a_cost_that_the_server_gave_wins_over_prices(page: RequestPage) -> None:
    usage = Usage(prompt_tokens=1, completion_tokens=1, cost_usd=0.25)
    page.display(inspection(stored_run(usage=usage), card=CARD))
    assert fact(page, "Cost") == "$0.25 reported"


def test_asked_adjusted_and_sent_stand_in_one_row(page: RequestPage) -> None:
    page.display(inspection())
    told = shown(page)
    at = told.index("temperature")
    assert told[at : at + 12] == [
        "temperature", "0.2", "0.2",
        "top_p", "0.9", "dropped: rejected by this model on 3 Nov", "absent",
        "stream_options", "unset", "added, so that usage is reported", '{"include_usage": true}',
        told[at + 11],
    ]  # fmt: skip
    assert named(page, "Neither asked nor sent: max_tokens, frequency_penalty, presence_penalty, "
                 "reasoning_effort, seed, stop, top_k, min_p, repeat_penalty, logprobs, top_logprobs, "
                 "response_format, tool_choice, parallel_tool_calls")  # fmt: skip


def test_in_a_narrow_column_reasons_stand_below_the_table(page: RequestPage) -> None:
    page.resize(320, 900)
    page.display(inspection())
    told = shown(page)
    at = told.index("top_p")
    assert told[at : at + 4] == ["top_p", "0.9", "dropped", "absent"]
    assert named(page, "top_p dropped: rejected by this model on 3 Nov. "
                 "stream_options added, so that usage is reported.")  # fmt: skip


def test_a_reason_that_has_no_room_in_the_table_stands_below_it(page: RequestPage) -> None:
    long = "to a grammar that makes the model write two to four lines of thinking before it answers"
    translated = Adjustment(name="reasoning_effort", action="translated", reason=long)
    page.display(inspection(stored_run(adjustments=(DROPPED, translated))))
    shown(page)
    assert named(page, f"reasoning_effort translated {long}.")
    page.resize(1600, 900)
    assert "reasoning_effort" in shown(page)
    assert not any(label.accessibleName().startswith("reasoning_effort translated") and label.isVisible()
                   for label in page.findChildren(QLabel))  # fmt: skip


def test_without_adjustments_the_table_has_no_column_for_them(page: RequestPage) -> None:
    page.display(inspection(stored_run(adjustments=())))
    assert "Sent" in shown(page)
    assert "Adjusted" not in shown(page)


def test_the_timeline_tells_its_phases_its_speed_and_its_stall(page: RequestPage) -> None:
    page.display(inspection())
    bar = next(bar for bar in page.findChildren(RunTimeline) if bar.isVisible())
    assert bar.accessibleDescription() == (
        "Connecting 40 ms, Waiting 60 ms, Thinking 0.4 s, Answering 0.9 s, Ending 0.1 s,"
        " 561 tok/s on average, stall of 0.4 s after 0.5 s"
    )


def test_the_body_is_indented_and_searched(page: RequestPage) -> None:
    page.display(inspection())
    named(page, "Part of the exchange", QComboBox).setCurrentIndex(1)
    body = named(page, "Request body", QPlainTextEdit)
    assert json.loads(body.toPlainText())["messages"] == [{"role": "user", "content": "hi"}]
    find = named(page, "Find in the body")
    find.setText("stream_options")
    find.returnPressed.emit()
    assert body.textCursor().selectedText() == "stream_options"


def test_a_text_of_a_megabyte_is_cut_for_reading_and_copied_whole(page: RequestPage) -> None:
    body = json.dumps({"messages": [{"role": "user", "content": "word " * 200_000}]}).encode()
    page.display(inspection(stored_run(request_body=body)))
    named(page, "Part of the exchange", QComboBox).setCurrentIndex(1)
    assert len(named(page, "Request body", QPlainTextEdit).toPlainText()) < 5000
    assert "1.0 MB, long texts cut" in shown(page)
    named(page, "Copy this part", QAbstractButton).click()
    assert QApplication.clipboard().text().encode() == body


def test_the_headers_show_the_variable_in_place_of_the_key(page: RequestPage) -> None:
    page.display(inspection())
    named(page, "Part of the exchange", QComboBox).setCurrentIndex(2)
    assert named(page, "Headers", QPlainTextEdit).toPlainText().splitlines() == [
        "POST https://hub.oxen.ai/api/ai/chat/completions",
        "Authorization: Bearer $OXEN_API_KEY",
        "",
        "HTTP/2 200",
        "Content-Type: text/event-stream",
    ]


def test_the_identifier_is_copied_whole(page: RequestPage) -> None:
    page.display(inspection())
    assert "run run-a" in shown(page)
    named(page, "Copy the identifier of the run", QAbstractButton).click()
    assert QApplication.clipboard().text() == "run-a"


def test_a_failure_is_told_in_words(page: RequestPage) -> None:
    failure = Failure(kind=FailureKind.REQUEST, message="It was refused.", hint="Send less.", status=422)
    page.display(inspection(stored_run(status=RunStatus.FAILED, failure=failure, usage=None)))
    assert "It was refused. Send less." in shown(page)
    assert "Failed" in shown(page)


def test_an_interrupted_run_says_what_was_not_kept(page: RequestPage) -> None:
    run = stored_run(status=RunStatus.INTERRUPTED, timing=Timing(), settled_at=None, usage=None)
    page.display(inspection(run, exchange=None))
    assert named(page, "What came back was not kept: the program ended before the reply did.")
    assert not named(page, "Replay", QAbstractButton).isEnabled()
    assert not named(page, "Export HAR…", QAbstractButton).isEnabled()
    assert named(page, "Copy as", QAbstractButton).isEnabled()


def test_the_same_answer_to_the_same_request_is_called_identical(page: RequestPage) -> None:
    earlier = replace(stored_run(), id="run-0")
    other = (earlier, reply(earlier, TextPart(text="Because.")).message)
    page.display(inspection(same_requests=(other,)))
    assert "Identical to the reply before, which was sent the same request." in shown(page)


def test_another_answer_to_the_same_request_differs_from_a_character_on(page: RequestPage) -> None:
    later = replace(stored_run(), id="run-z")
    other = (later, reply(later, TextPart(text="Because not.")).message)
    page.display(inspection(same_requests=(other,)))
    assert "Differs from the later reply after 7 characters. It was sent the same request." in shown(page)


def test_a_run_in_progress_shows_what_is_known(page: RequestPage) -> None:
    live = LiveRun(replace(run_of("a", RunStatus.RUNNING)), time.monotonic() - 3)
    page.display_live(live, None)
    assert "In progress" in shown(page)
    assert fact(page, "First token") == "none yet"
    assert not named(page, "Repeat exactly", QAbstractButton).isEnabled()
    for index in range(40):
        live.builder.feed(TextDelta(text="x"), 1.0 + index / 50)
    page.display_live(live, None)
    assert fact(page, "First token") == "1\u202f000.0 ms"
    assert fact(page, "Usage") == "about 40 out estimated"
    bar = next(bar for bar in page.findChildren(RunTimeline) if bar.isVisible())
    assert bar.accessibleDescription().startswith("Waiting 1.0 s, Answering 2.0 s, 50 tok/s on average")


def test_what_comes_just_before_a_pause_is_seen_without_more_news(page: RequestPage, qtbot: QtBot) -> None:
    live = LiveRun(run_of("a", RunStatus.RUNNING), time.monotonic())
    page.display_live(live, None)
    live.builder.feed(TextDelta(text="x"), 1.0)
    page.advance()
    qtbot.waitUntil(lambda: fact(page, "First token") == "1\u202f000.0 ms")


def test_the_menu_of_copies_names_the_variable_of_the_key(page: RequestPage, qtbot: QtBot) -> None:
    page.display(inspection())
    named(page, "Copy as", QAbstractButton).click()
    menu = next(menu for menu in page.findChildren(QMenu) if menu.isVisible())
    assert [action.text() for action in menu.actions() if action.text()] == [
        "cURL", "Python, httpx", "Python, openai", "HTTP file",
    ]  # fmt: skip
    assert "The key is written as $OXEN_API_KEY, never in full." in [
        label.accessibleName() for label in menu.findChildren(QLabel)
    ]
    with qtbot.waitSignal(page.foot.copy_requested) as asked:
        menu.actions()[0].trigger()
    assert asked.args == ["curl"]
    menu.close()


def test_the_foot_gives_way_to_icons_where_the_column_is_narrow(page: RequestPage) -> None:
    page.display(inspection())
    assert named(page, "Repeat exactly", QAbstractButton).text() == "Repeat exactly"
    page.resize(304, 900)
    QApplication.processEvents()
    for name in ("Repeat exactly", "Edit and send…", "Replay", "Export HAR…", "Copy as"):
        button = named(page, name, QAbstractButton)
        assert button.x() + button.width() <= 304 - 16
    assert named(page, "Export HAR…", QAbstractButton).toolTip() == "Export HAR…"


def test_a_replay_ends_with_its_verdict(page: RequestPage) -> None:
    page.display(inspection())
    live = LiveRun(run_of("a", RunStatus.RUNNING), time.monotonic())
    page.begin_replay(live, 10.0)
    assert "Replaying at 10×, offline" in shown(page)
    live.builder.feed(TextDelta(text="Because."), 1.0)
    page.advance_replay(live)
    page.finish_replay("Identical with what is stored.", is_identical=True)
    assert "Identical with what is stored." in shown(page)
    assert named(page, "Replayed message").toPlainText() == "Because."
    close = next(b for b in page.findChildren(QAbstractButton) if b.text() == "Close" and b.isVisible())
    close.click()
    assert named(page, "Events").isVisible()
