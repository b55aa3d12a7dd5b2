"""Switches: the window, or one of the commands without a face."""

from __future__ import annotations

import argparse
import io
import json
import os
import sys
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from drover import __version__, log
from drover.errors import ConfigurationError, DroverError, running_text
from drover.paths import Profile

if TYPE_CHECKING:
    import asyncio

    from drover.domain.conversation import Conversation, ToolCallPart
    from drover.domain.endpoint import Endpoint
    from drover.domain.run import LiveRun, Run
    from drover.domain.tools import ToolDefinition
    from drover.engine.doctor import Finding
    from drover.engine.workbench import Workbench, WorkbenchEvent

_USAGE_ERROR = 2


def run(arguments: Sequence[str]) -> int:
    """Carries out one command line. Returns 0, 1 for a failure told on stderr, 2 for wrong usage."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal may know fewer letters than an answer has
    try:
        status = _carry_out(arguments)
        _print("", end="")
    except _OutputFailed as failed:
        _discard_output()
        if failed.message:
            _complain(failed, 1)
        return 1
    return status


def _carry_out(arguments: Sequence[str]) -> int:
    try:
        options = _parser().parse_args(arguments)
    except SystemExit as wrong_usage:
        return int(wrong_usage.code or 0)
    try:
        if options.temp_profile and options.profile:
            raise _UsageError("--profile and --temp-profile exclude each other.")
        with _profile(options) as profile:
            return _COMMANDS[options.command or "window"](options, profile)
    except _UsageError as error:
        return _complain(error, _USAGE_ERROR)
    except _OutputFailed:
        raise
    except DroverError as error:
        return _complain(error, 1)
    except KeyboardInterrupt:
        return 1


class _UsageError(DroverError):
    """The command line itself is wrong."""


class _OutputFailed(DroverError):
    """Standard output takes nothing more. Without words where whoever read it has left of its own will."""

    def __init__(self, error: OSError, *, consequence: str = "") -> None:
        is_closed = isinstance(error, BrokenPipeError)
        reason = (
            "Nobody reads the output any more."
            if is_closed
            else f"The output cannot be written: {error.strerror}."
        )
        super().__init__("" if is_closed and not consequence else f"{reason} {consequence}".strip())


def _print(text: str, *, end: str = "\n") -> None:
    """Writes to standard output at once. Raises _OutputFailed."""
    try:
        print(text, end=end, flush=True)
    except OSError as error:
        raise _OutputFailed(error) from None


def _print_error(text: str, *, end: str = "\n") -> None:
    """Writes to standard error, if anybody is there."""
    if sys.stderr is not None:
        with suppress(OSError):
            print(text, end=end, file=sys.stderr, flush=True)


def _print_json(value: object) -> None:
    """One JSON value, its letters escaped only where the output cannot carry them."""
    text = json.dumps(value, ensure_ascii=False, indent=2)
    try:
        text.encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except UnicodeEncodeError:
        text = json.dumps(value, indent=2)
    _print(text)


def _discard_output() -> None:
    """What is left in the buffer goes nowhere; the interpreter would try to write it once more at its end."""
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def _complain(error: DroverError, status: int) -> int:
    _print_error(f"drover: {log.redact(error.words)}")
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="drover", parents=[_common()], description="A native desktop workbench for reasoning models."
    )
    parser.add_argument("--version", action="version", version=f"drover {__version__}")
    parser.set_defaults(command=None, profile=None, temp_profile=False, endpoint=None, model=None)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")

    chat = commands.add_parser("chat", parents=[_common()], help="one answer, streamed to stdout")
    chat.add_argument("text", help="the question; - reads it from stdin")
    chat.add_argument(
        "--set", dest="settings", action="append", default=[], metavar="NAME=VALUE", help="set a parameter"
    )
    chat.add_argument("--system", metavar="TEXT", help="system prompt")
    chat.add_argument("--preset", metavar="NAME", help="begin with the settings of this preset")
    chat.add_argument(
        "--attach", dest="attached", action="append", default=[], type=Path, metavar="FILE",
        help="send a picture, a text file or a PDF along",
    )  # fmt: skip
    chat.add_argument(
        "--tool", dest="tool_files", action="append", default=[], type=Path, metavar="FILE",
        help="offer the tools in this file of JSON",
    )  # fmt: skip
    chat.add_argument(
        "--approve", dest="approved", action="append", default=[], metavar="NAME",
        help="let the program of this tool run whenever the model calls it",
    )  # fmt: skip
    chat.add_argument(
        "--json", dest="as_json", action="store_true", help="print the stored run as one object"
    )

    doctor = commands.add_parser("doctor", parents=[_common()], help="check what Drover depends on")
    doctor.add_argument(
        "--json", dest="as_json", action="store_true", help="print the findings as one object"
    )

    key = commands.add_parser("key", parents=[_common()], help="keys in the system keyring")
    key.add_argument("action", choices=("set", "delete", "status"))
    key.add_argument("name", nargs="?", metavar="ENDPOINT", help="name of the endpoint")

    export = commands.add_parser("export", parents=[_common()], help="write conversations to a file")
    export.add_argument("conversations", nargs="*", metavar="CONVERSATION", help="title or id")
    export.add_argument("--all", dest="is_all", action="store_true", help="every conversation")
    export.add_argument(
        "--format", dest="form", choices=("md", "html", "json"),
        help="md and html for reading, json with everything; else as the name of the file says",
    )  # fmt: skip
    export.add_argument("--out", type=Path, metavar="FILE", help="else to stdout")

    importing = commands.add_parser("import", parents=[_common()], help="add exported conversations")
    importing.add_argument("file", type=Path, metavar="FILE", help="what export --format json wrote")
    return parser


def _common() -> argparse.ArgumentParser:
    """The switches that may stand before and behind the command.

    Made anew for each parser: parsers share the switches of a parent, and the defaults of the outermost would
    overwrite what was read before the command.
    """
    common = argparse.ArgumentParser(add_help=False, argument_default=argparse.SUPPRESS)
    common.add_argument("--profile", metavar="DIR", type=Path, help="use this folder for everything stored")
    common.add_argument("-T", "--temp-profile", action="store_true", help="use a profile that is thrown away")
    common.add_argument("--endpoint", metavar="NAME|URL", help="name of an endpoint, or a base URL")
    common.add_argument("--model", metavar="ID", help="model id")
    return common


@contextmanager
def _profile(options: argparse.Namespace) -> Iterator[Profile]:
    if options.temp_profile:
        import shutil
        import tempfile

        directory = Path(tempfile.mkdtemp(prefix="drover-"))
        try:
            yield Profile.at(directory)
        finally:
            log.close_file()  # an open file cannot be removed on Windows
            shutil.rmtree(directory, ignore_errors=True)
    else:
        yield Profile.at(options.profile.absolute()) if options.profile else Profile.standard()


def _window(options: argparse.Namespace, profile: Profile) -> int:
    import gc

    gc.disable()  # until the first frame: there is little to find, and looking takes a tenth of the time
    from drover.ui.application import show_window

    return show_window(profile, endpoint_name=options.endpoint, model_id=options.model)


def _with_workbench(
    profile: Profile,
    listener: Callable[[WorkbenchEvent], None],
    body: Callable[[Workbench], Awaitable[int]],
) -> int:
    import asyncio

    from drover.engine.workbench import Workbench

    log.set_up(None)

    async def session() -> int:
        workbench = Workbench.open(profile, listener)
        workbench.purge()
        try:
            return await body(workbench)
        finally:
            await workbench.close()

    return asyncio.run(session())


def _chosen_endpoint(workbench: Workbench, name: str | None, preset_endpoint_id: str = "") -> Endpoint:
    if name:
        return workbench.find_endpoint(name)
    return workbench.endpoint(preset_endpoint_id or workbench.settings.endpoint_id)


def _chat(options: argparse.Namespace, profile: Profile) -> int:
    import asyncio

    from drover.domain.conversation import Draft
    from drover.domain.parameters import UNSET, Preset, parsed_setting
    from drover.domain.run import RunStatus
    from drover.engine.workbench import RunSettled
    from drover.export.runs import run_record

    try:
        settings = [parsed_setting(setting) for setting in options.settings]
    except ConfigurationError as error:
        raise _UsageError(error.message, hint=error.hint) from None
    tools = _tools(options.tool_files)
    approved = [_with_program(tools, name) for name in options.approved]
    text = _standard_input() if options.text == "-" else options.text
    printer = _StreamPrinter(is_silent=options.as_json)

    async def converse(workbench: Workbench) -> int:
        preset = Preset(id="", name="", parameters=UNSET)
        if options.preset:
            preset = await workbench.presets.find(options.preset)
        parameters = preset.parameters
        for name, value in settings:
            parameters = parameters.replaced(name, value)
        endpoint = _chosen_endpoint(workbench, options.endpoint, preset.endpoint_id)
        is_elsewhere = bool(preset.endpoint_id) and endpoint.id != preset.endpoint_id
        model_id = options.model or ("" if is_elsewhere else preset.model_id)
        if endpoint.is_built_in and model_id:
            await _check_built_in_model(workbench, model_id)
        draft = Draft(
            text=text,
            endpoint_id=endpoint.id,
            model_id=model_id,
            parameters=parameters,
            system_prompt=preset.system_prompt if options.system is None else options.system,
            tools=tools,
            attachments=tuple([await workbench.attach(path) for path in options.attached]),
        )
        printer.workbench = workbench
        run = await workbench.send(None, draft)
        for tool in approved:
            workbench.tools.allow(run.conversation_id, tool)
        try:
            run = await _last_run(workbench, run)
        except asyncio.CancelledError:
            live = workbench.live_in(run.conversation_id)
            run = live.run if live is not None else run
            await workbench.stop(run.id)
        settled = next(e.run for e in printer.events if isinstance(e, RunSettled) and e.run.id == run.id)
        printer.finish()
        with closing(workbench.open_reader()) as library:
            is_stored = not library.runs(run.conversation_id)[run.id].status.is_live
            message = next((m for m in library.messages(run.conversation_id) if m.run_id == run.id), None)
        if not is_stored:
            return 1  # which a Notice has explained
        if options.as_json:
            _print_json(run_record(settled, message))
        if settled.failure is not None:
            _print_error(f"drover: {settled.failure.words}")
            return 1
        if settled.status is RunStatus.STOPPED:
            _print_error("drover: Stopped. What had arrived is kept.")
            return 1
        return _complain_of_calls(message.tool_calls, tools) if message and tools else 0

    return _with_workbench(profile, printer, converse)


def _tools(files: Sequence[Path]) -> tuple[ToolDefinition, ...]:
    """The tools of some files. Raises ConfigurationError that names the file."""
    if not files:
        return ()
    from drover.domain.tool_definitions import checked_tools, read_tools
    from drover.export.conversations import read_file

    tools: list[ToolDefinition] = []
    for path in files:
        try:
            tools += read_tools(read_file(path).decode("utf-8-sig", "replace"))
        except ConfigurationError as error:
            raise ConfigurationError(f"{path}: {error.message}", hint=error.hint) from None
    return checked_tools(tools)


def _with_program(tools: Sequence[ToolDefinition], name: str) -> ToolDefinition:
    tool = next((tool for tool in tools if tool.name == name), None)
    if tool is None:
        raise _UsageError(f"--approve {name}: There is no such tool.", hint="Name its file with --tool.")
    if not tool.command:
        raise _UsageError(f"--approve {name}: The tool has no program.")
    return tool


async def _last_run(workbench: Workbench, run: Run) -> Run:
    """The run after which no other follows by itself, settled."""
    while True:
        await workbench.wait(run.id)
        await workbench.tools.wait(run.message_id)
        following = workbench.live_in(run.conversation_id)
        if following is None:
            return run
        run = following.run


def _complain_of_calls(calls: Sequence[ToolCallPart], tools: Sequence[ToolDefinition]) -> int:
    """Calls that nobody has answered are no answer."""
    for call in calls:
        tool = next((tool for tool in tools if tool.name == call.name), None)
        advice = f"Let its program run with --approve {call.name}." if tool and tool.command else ""
        _print_error(f"drover: The model calls {call.name} with {call.arguments or '{}'}. {advice}".rstrip())
    return 1 if calls else 0


def _standard_input() -> str:
    """Everything that is piped in; bytes that are no text become marks."""
    if sys.stdin is None:
        return ""
    if isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(errors="replace")
    return sys.stdin.read()


async def _check_built_in_model(workbench: Workbench, model_id: str) -> None:
    """llama.cpp takes any name and answers with the one model it has. Raises ConfigurationError instead."""
    card = await workbench.built_in_card()
    if model_id != card.id:
        raise ConfigurationError(
            f"The built-in endpoint serves {card.id}, not {model_id}.",
            hint="Name another endpoint with --endpoint, or choose another .gguf file in Settings.",
        )


class _StreamPrinter:
    """Prints a reply as it arrives: the answer to stdout, the reasoning to stderr."""

    def __init__(self, *, is_silent: bool) -> None:
        self.is_silent = is_silent
        self.events: list[WorkbenchEvent] = []
        self.workbench: Workbench | None = None
        self._reasoning_cursor = self._answer_cursor = 0
        self._is_in_reasoning = False
        self._ends_with_newline = True
        self._told_attempt = 0
        self._failed: OSError | None = None
        self._stopping: asyncio.Task[None] | None = None
        self._run_id = ""

    def __call__(self, event: WorkbenchEvent) -> None:
        from drover.engine.workbench import Notice, RunAdvanced, RunSettled

        match event:
            case RunAdvanced(run_id=run_id):
                self._print_news(run_id)
            case Notice(text=text):
                _print_error(f"drover: {text}")
            case RunSettled():
                self.events.append(event)
            case _:
                pass

    def _print_news(self, run_id: str) -> None:
        live = self.workbench.live.get(run_id) if self.workbench else None
        if live is None or self.is_silent or self._failed is not None:
            return
        if run_id != self._run_id:
            self._begin(run_id)
        self._tell_of_next(live)
        reasoning, self._reasoning_cursor = live.builder.read_reasoning(self._reasoning_cursor)
        answer, self._answer_cursor = live.builder.read_answer(self._answer_cursor)
        if reasoning:
            self._is_in_reasoning = True
            _print_error(reasoning, end="")
        if answer:
            if self._is_in_reasoning:
                _print_error("\n")
                self._is_in_reasoning = False
            self._ends_with_newline = answer.endswith("\n")
            try:
                print(answer, end="", flush=True)
            except OSError as error:
                self._give_up(run_id, error)

    def _tell_of_next(self, live: LiveRun) -> None:
        """Says once why a request is sent again, and when."""
        upcoming = live.next_attempt
        if upcoming is None or upcoming.number == self._told_attempt:
            return
        self._told_attempt = upcoming.number
        counted = f"{upcoming.number} of {upcoming.most}"
        pause = f"Trying again in {upcoming.wait_s:.1f} s ({counted})."
        _print_error(f"drover: {running_text(upcoming.failure.message, pause)}")

    def _begin(self, run_id: str) -> None:
        """Another reply: to the question, or to what came of the calls of the one before."""
        self._run_id = run_id
        self._reasoning_cursor = self._answer_cursor = self._told_attempt = 0
        if not self._ends_with_newline:
            self._ends_with_newline = True
            with suppress(OSError):  # which the next words meet too
                print(flush=True)

    def _give_up(self, run_id: str, error: OSError) -> None:
        """An answer that nobody can read is not waited for."""
        import asyncio

        assert self.workbench is not None
        self._failed = error
        self._stopping = asyncio.get_running_loop().create_task(self.workbench.stop(run_id))

    def finish(self) -> None:
        """Ends the last line. Raises _OutputFailed if the answer could not be printed."""
        if self._failed is not None:
            raise _OutputFailed(self._failed, consequence="The reply was stopped.")
        if not self._ends_with_newline:
            _print("")


def _doctor(options: argparse.Namespace, profile: Profile) -> int:
    import asyncio

    from drover.engine.doctor import examine

    findings: list[Finding] = [_qt_finding()]
    findings += asyncio.run(examine(profile))
    if options.as_json:
        rows = [
            {"check": f.check, "ok": f.is_good, "found": f.words, "advice": f.advice or None}
            for f in findings
        ]
        _print_json({"findings": rows})
    else:
        for finding in findings:
            mark = "ok  " if finding.is_good else "look"
            _print(f"{mark}  {finding.check}: {' '.join(filter(None, (finding.words, finding.advice)))}")
    return 0 if all(finding.is_good or finding.is_optional for finding in findings) else 1


def _qt_finding() -> Finding:
    from drover.engine.doctor import Finding

    try:
        from drover.ui.application import platform_words
    except ImportError as error:
        return Finding(
            check="Qt", is_good=False, words=f"Qt cannot be loaded: {error}.",
            advice="Install the system libraries that it names.",
        )  # fmt: skip
    words, advice = platform_words()
    return Finding(check="Qt", is_good=not advice, words=words, advice=advice, is_optional=True)


def _key(options: argparse.Namespace, profile: Profile) -> int:
    import getpass

    if options.action != "status" and not options.name:
        raise _UsageError("Which endpoint?", hint=f"drover key {options.action} ENDPOINT")

    async def act(workbench: Workbench) -> int:
        if options.action == "status":
            named = [workbench.find_endpoint(options.name)] if options.name else list(workbench.endpoints)
            await _print_key_statuses(workbench, [e for e in named if options.name or not e.is_built_in])
            return 0
        endpoint = workbench.find_endpoint(options.name)
        if endpoint.is_built_in:
            raise ConfigurationError(f"{endpoint.name} runs on this computer and needs no key.")
        if options.action == "delete":
            await workbench.delete_key(endpoint)
            _print(f"The key of {endpoint.name} is removed.")
            return 0
        is_typed = sys.stdin is not None and sys.stdin.isatty()
        raw = getpass.getpass(f"Key for {endpoint.name}: ") if is_typed else _standard_input()
        result = await workbench.save_key(endpoint, raw)
        if result.why_not_kept is not None:
            raise ConfigurationError(
                f"{result.why_not_kept} The key was not kept.",
                hint=f"Put it into the variable {_key_variable(endpoint)}.",
            )
        _print(f"The key of {endpoint.name} is kept in {result.store_name}.")
        return 0

    return _with_workbench(profile, _ignore, act)


def _ignore(_: WorkbenchEvent) -> None:
    """What there is to say, the command says itself."""


async def _print_key_statuses(workbench: Workbench, endpoints: Iterable[Endpoint]) -> None:
    notices: dict[str, None] = {}
    for endpoint in endpoints:
        if endpoint.is_built_in:
            _print(f"{endpoint.name}: needs no key")
            continue
        status = await workbench.key_status(endpoint)
        _print(f"{endpoint.name}: {_source_words(status.source.value, status.store_name, endpoint)}")
        if status.notice:
            notices[status.notice] = None
    for notice in notices:
        _print_error(f"drover: {notice}")


def _key_variable(endpoint: Endpoint) -> str:
    from drover.domain.endpoint import URL_ENDPOINT_ID, URL_KEY_VARIABLE

    return URL_KEY_VARIABLE if endpoint.id == URL_ENDPOINT_ID else endpoint.key_variable


def _source_words(source: str, store_name: str, endpoint: Endpoint) -> str:
    return {
        "keyring": f"a key is kept in {store_name}",
        "environment": f"a key is in the variable {_key_variable(endpoint)}",
        "memory": "a key is kept in memory until Drover ends",
    }.get(source, f"no key; set one, or use the variable {_key_variable(endpoint)}")


def _export(options: argparse.Namespace, profile: Profile) -> int:
    from drover.export.conversations import FORMS, save_file
    from drover.store.database import open_database
    from drover.store.library import Library

    if bool(options.conversations) == options.is_all:
        raise _UsageError("Which conversations?", hint="Name them by title or id, or use --all.")
    suffix = options.out.suffix.lstrip(".").lower() if options.out else ""
    form = options.form or (suffix if suffix in FORMS else "md")
    # Reading needs no lock, so that it works beside an open window.
    with closing(Library(open_database(profile.database, read_only=True))) as library:
        known = library.conversations()
        chosen = known if options.is_all else [_named(known, name) for name in options.conversations]
        records = [record for each in chosen if (record := library.record(each.id)) is not None]
    data = FORMS[form](records)
    if options.out:
        save_file(options.out, data)
    else:
        _print(data.decode(), end="")
    return 0


def _named(known: Sequence[Conversation], name: str) -> Conversation:
    found = [each for each in known if each.id == name] or [
        each for each in known if each.title.casefold() == name.casefold()
    ]
    if len(found) == 1:
        return found[0]
    if found:
        raise ConfigurationError(
            f"{len(found)} conversations are titled {name}.",
            hint="Use an id: " + ", ".join(each.id for each in found) + ".",
        )
    raise ConfigurationError(f"There is no conversation titled {name}.")


def _import(options: argparse.Namespace, profile: Profile) -> int:
    from drover.export.archive import read_archive
    from drover.export.conversations import read_file

    records = read_archive(read_file(options.file))

    async def add(workbench: Workbench) -> int:
        await workbench.add_records(records)
        _print(f"{len(records)} conversation{'' if len(records) == 1 else 's'} imported.")
        return 0

    return _with_workbench(profile, _ignore, add)


_COMMANDS: dict[str, Callable[[argparse.Namespace, Profile], int]] = {
    "window": _window,
    "chat": _chat,
    "doctor": _doctor,
    "key": _key,
    "export": _export,
    "import": _import,
}
