"""What will be sent next, shown in the composer beside what was sent last.

How it is drawn and measured is imported when there is something to show: no first frame has that.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject
from PySide6.QtGui import QGuiApplication

from drover.domain.conversation import Attachment, Draft, Node, Role
from drover.domain.endpoint import Endpoint, ModelCard
from drover.domain.parameters import UNSET, ParameterChange, SamplingParameters, changes
from drover.domain.run import Adjustment, Run
from drover.engine.workbench import Workbench
from drover.errors import DroverError
from drover.ui import formats
from drover.ui.main_window import MainWindow
from drover.ui.shown import ShownConversation

if TYPE_CHECKING:
    from drover.domain.request_outline import Content, LineSign, MessageRun
    from drover.domain.token_estimate import MeasuredText

_WORTH_TELLING = 100
"""Tokens from which on a first message without any settings is worth a number."""


class NextRequest(QObject):
    """The strip of the composer and the request that unfolds under it. Reads only the messages it shows."""

    def __init__(
        self,
        workbench: Workbench,
        window: MainWindow,
        shown: ShownConversation,
        spawn: Callable[[Coroutine[Any, Any, Any]], None],
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._workbench = workbench
        self._composer = window.composer
        self._shown = shown
        self._spawn = spawn
        self._draft = Draft()
        self._endpoint: Endpoint | None = None
        self._model_id = ""
        self._asked_of_tools: object = None
        self._no_tools = ""
        self._read_run_id: str | None = None
        self._sent_settings: dict[str, Any] = {}
        self._composer.json_copy_requested.connect(self._copy)

    def display(self, draft: Draft, endpoint: Endpoint, model_id: str, card: ModelCard | None) -> None:
        """Shows what this draft would send to this model."""
        self._draft, self._endpoint, self._model_id = draft, endpoint, model_id
        run, last_id = self._shown.last_run, self.last_before(draft)
        count = 1 + self._shown.count_to(last_id)
        words, caution = self._words(count, last_id, run, card)
        caution = caution or self._why_no_tools()
        summary = ""
        if draft.system_prompt and not len(draft.parameters) and run is None:
            summary = self.tr("message and system prompt")
        self._composer.display_changes(
            self._chips(run), words, is_first=run is None, summary=summary, caution=caution
        )
        if self._composer.is_json_shown:
            self._display_body(run)

    # The strip

    def _chips(self, run: Run | None) -> list[str]:
        assert self._endpoint is not None
        draft, chips = self._draft, []
        if run is not None and run.endpoint_id != self._endpoint.id:
            chips.append(_replaced(self.tr("endpoint"), run.endpoint_name, self._endpoint.name))
        if run is not None and self._model_id and run.model_id != self._model_id:
            chips.append(_replaced(self.tr("model"), run.model_id, self._model_id))
        old = run.parameters_sent if run is not None else UNSET
        chips += map(formats.change, changes(old, self._parameters_to_send()))
        if run is not None and run.system_prompt != draft.system_prompt:
            words = self.tr("system prompt changed")
            if not run.system_prompt.strip():
                words = "+ " + self.tr("system prompt")
            elif not draft.system_prompt.strip():
                words = f"{formats.MINUS} " + self.tr("system prompt")
            chips.append(words)
        return chips

    def _parameters_to_send(self) -> SamplingParameters:
        """The parameters without those that the model is known to refuse, and those that add nothing."""
        assert self._endpoint is not None
        facts = self._workbench.facts(self._endpoint, self._model_id)
        refused = {fact.name for fact in facts if fact.is_left_out}
        return self._draft.parameters.without(refused | self._draft.parameters.idle_names)

    def _words(
        self, count: int, last_id: str | None, run: Run | None, card: ModelCard | None
    ) -> tuple[str, str]:
        """How much will be sent, and what to beware of."""
        draft = self._draft
        tools = () if self._why_no_tools() else draft.tools
        held = [*self._shown.attached_to(last_id), *draft.attachments]
        uncounted, file_chars = _weight_of(held) if held else (0, 0)
        chars = len(draft.text) + len(draft.system_prompt) + self._shown.chars_to(last_id) + file_chars
        if count > 1:
            words = self.tr("{0} messages").format(formats.whole(count))
        elif len(draft.parameters) or draft.system_prompt or held:
            words = self.tr("1 message")
        elif tools:
            words = ""
        else:
            words = self.tr("no parameters, no system prompt")
        if tools:
            offered = self.tr("{0} tools").format(formats.whole(len(tools)))
            words = ", ".join(filter(None, (words, self.tr("1 tool") if len(tools) == 1 else offered)))
        if not chars:
            return self._with_uncounted(words, uncounted), ""
        from drover.domain.token_estimate import estimated_tokens, in_round_figures, is_near_limit

        tokens = estimated_tokens(chars, self._measured(run) if run is not None else None)
        about = formats.tokens(in_round_figures(tokens))
        limit = card.context_tokens if card is not None else None
        if limit is not None and is_near_limit(tokens, limit):
            form = self.tr("about {0}, the context holds {1}")
            return words, form.format(about, formats.whole(limit))
        if tokens and (count > 1 or tokens >= _WORTH_TELLING):
            words = self.tr("{0}, about {1}").format(words, about)
        return self._with_uncounted(words, uncounted), ""

    def _with_uncounted(self, words: str, count: int) -> str:
        """Nobody tells what a picture or a document takes."""
        if not count:
            return words
        if count == 1:
            return self.tr("{0} and an attachment of unknown size in tokens").format(words)
        return self.tr("{0} and {1} attachments of unknown size in tokens").format(words, count)

    def _measured(self, run: Run) -> MeasuredText:
        from drover.domain.token_estimate import MeasuredText

        usage = run.usage
        return MeasuredText(
            prompt_chars=self._shown.chars_to(run.parent_id) + len(run.system_prompt),
            prompt_tokens=usage.prompt_tokens if usage is not None else None,
            reply_chars=self._shown.chars_of(run.message_id),
            reply_tokens=usage.completion_tokens if usage is not None else None,
        )

    def last_before(self, draft: Draft) -> str | None:
        """The message after which the draft's text would be sent."""
        if draft.replaces_id is not None and self._shown.knows(draft.replaces_id):
            return self._shown.parent_of(draft.replaces_id)
        return self._shown.head_id

    def _why_no_tools(self) -> str:
        """Why this model is not offered the tools of the draft; empty if it is."""
        draft = self._draft
        if not draft.tools:
            return ""
        key = (self._endpoint, self._model_id, draft.tools, draft.parameters)
        if key != self._asked_of_tools:
            self._asked_of_tools = key
            try:
                adjustments = self._workbench.preview([], replace(draft, text="", attachments=())).adjustments
            except DroverError:  # which is told where the request itself is shown
                adjustments = ()
            dropped = (each for each in adjustments if each.name == "tools" and each.action == "dropped")
            reason = next((each.reason for each in dropped), "")
            self._no_tools = self.tr("tools are not sent: {0}").format(reason) if reason else ""
        return self._no_tools

    # The body

    def _display_body(self, last: Run | None) -> None:
        """While a reply arrives, this is what was sent for it."""
        from drover.domain.request_outline import LineSign, RequestLine, request_lines

        live, draft, after_id = self._shown.live, self._draft, self.last_before(self._draft)
        if live is not None:
            draft, after_id = replace(_draft_of(live.run), tools=draft.tools), live.run.parent_id
        settings_only = replace(draft, text="", system_prompt="", attachments=())
        try:
            preview = self._workbench.preview([], settings_only)
        except DroverError as error:
            self._composer.display_request([RequestLine(sign=LineSign.LEFT_OUT, text=error.message)], [])
            return
        before = self._settings_sent(last) if last is not None else None
        lines = request_lines(
            before,
            preview.settings,
            self._message_runs(draft, after_id, last if before is not None else None),
            left_out=self._left_out_words,
            length=self._length_words,
        )
        self._composer.display_request(lines, [self._adjusted(each) for each in preview.adjustments])

    def _settings_sent(self, run: Run) -> dict[str, Any] | None:
        """What the run sent; None until it has been read, which shows the request anew, or if nothing was."""
        if self._read_run_id != run.id:
            self._read_run_id, self._sent_settings = run.id, {}
            self._spawn(self._read_settings(run.id))
        return self._sent_settings or None

    async def _read_settings(self, run_id: str) -> None:
        try:
            settings = await self._workbench.sent_settings(run_id)
        except ValueError:  # an imported body may be anything
            return
        last = self._shown.last_run
        if self._read_run_id == run_id and last is not None and last.id == run_id:
            self._sent_settings = settings
            if self._composer.is_json_shown:
                self._display_body(last)

    def _message_runs(self, draft: Draft, after_id: str | None, last: Run | None) -> list[MessageRun]:
        from drover.domain.request_outline import LineSign

        now = self._shown.sent_nodes(after_id)
        old = now if last is None else self._shown.sent_nodes(last.parent_id)
        same = next((i for i, (a, b) in enumerate(zip(old, now, strict=False)) if a.id != b.id), None)
        same = min(len(old), len(now)) if same is None else same
        new_sign = LineSign.SAME if last is None else LineSign.ADDED
        is_sent_again = (
            same == len(now) < len(old)
            and self._text(old[same]) == draft.text
            and self._shown.attachments_of(old[same].id) == draft.attachments
        )
        runs = _system_runs(draft.system_prompt if last is None else last.system_prompt, draft.system_prompt)
        runs += [
            self._stored(LineSign.SAME, now[:same]),
            self._stored(LineSign.SAME, old[same : same + is_sent_again]),
            self._stored(LineSign.REMOVED, old[same + is_sent_again :]),
            self._stored(new_sign, now[same:]),
        ]
        if (draft.text.strip() or draft.attachments) and not is_sent_again:
            runs.append(_one(new_sign, "user", _outlined(draft.attachments, draft.text)))
        return runs

    def _stored(self, sign: LineSign, nodes: Sequence[Node]) -> MessageRun:
        def read(index: int) -> tuple[str, Content]:
            node = nodes[index]
            text = self._text(node)
            return node.role.value, _outlined(self._shown.attachments_of(node.id), text)

        from drover.domain.request_outline import MessageRun

        return MessageRun(sign=sign, count=len(nodes), read=read)

    def _text(self, node: Node) -> str:
        if node.role is not Role.TOOL:
            return self._shown.texts(node.id)[1]
        message = self._shown.message(node.id)
        return "\n".join(part.text for part in message.tool_results) if message is not None else ""

    def _left_out_words(self, count: int) -> str:
        return self.tr("{0} more messages").format(formats.whole(count))

    def _length_words(self, chars: int) -> str:
        return self.tr("{0} characters").format(formats.whole(chars))

    def _adjusted(self, adjustment: Adjustment) -> str:
        if adjustment.action == "dropped":
            return self.tr("{0} dropped: {1}").format(adjustment.name, adjustment.reason)
        return f"{adjustment.name} {adjustment.action} {adjustment.reason}"

    # Copy

    def _copy(self) -> None:
        live = self._shown.live
        self._spawn(self._put_on_clipboard(live.run.request_body if live is not None else b""))

    async def _put_on_clipboard(self, sent: bytes) -> None:
        draft = self._draft
        body = sent or await self._workbench.body_after(self.last_before(draft), draft)
        QGuiApplication.clipboard().setText(body.decode())
        self._composer.confirm_json_copied()


def _draft_of(run: Run) -> Draft:
    return Draft(
        endpoint_id=run.endpoint_id,
        model_id=run.model_id,
        parameters=run.parameters,
        system_prompt=run.system_prompt,
    )


def _replaced(name: str, before: str, after: str) -> str:
    return formats.change(ParameterChange(name=name, before=before, after=after))


def _system_runs(before: str, after: str) -> list[MessageRun]:
    from drover.domain.request_outline import LineSign

    if before == after:
        return [_one(LineSign.SAME, "system", after)]
    return [_one(LineSign.REMOVED, "system", before), _one(LineSign.ADDED, "system", after)]


def _outlined(parts: Sequence[Attachment], text: str) -> Content:
    if not parts:
        return text
    from drover.domain.attachments import outlined

    return outlined(parts, text)


def _weight_of(parts: Sequence[Attachment]) -> tuple[int, int]:
    """How many of these are of unknown size in tokens, and about how many characters the others have."""
    from drover.domain.attachments import AttachmentKind, kind_of

    texts = [part for part in parts if kind_of(part) is AttachmentKind.TEXT]
    return len(parts) - len(texts), sum(part.size_bytes for part in texts)


def _one(sign: LineSign, role: str, content: Content) -> MessageRun:
    from drover.domain.request_outline import MessageRun

    has_any = bool(content.strip() if isinstance(content, str) else content)
    return MessageRun(sign=sign, count=1 if has_any else 0, read=lambda _: (role, content))
