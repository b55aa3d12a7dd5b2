"""Switches: the window, or one of the commands without a face."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from drover import __version__, log
from drover.errors import ConfigurationError, DroverError
from drover.paths import Profile

if TYPE_CHECKING:
    from drover.domain.endpoint import Endpoint
    from drover.engine.doctor import Finding
    from drover.engine.workbench import Workbench, WorkbenchEvent

_USAGE_ERROR = 2


def run(arguments: Sequence[str]) -> int:
    """Carries out one command line. Returns 0, 1 for a failure told on stderr, 2 for wrong usage."""
    try:
        options = _parser().parse_args(arguments)
    except SystemExit as wrong_usage:
        return int(wrong_usage.code or 0)
    try:
        with _profile(options) as profile:
            return _COMMANDS[options.command or "window"](options, profile)
    except _UsageError as error:
        return _complain(error, _USAGE_ERROR)
    except DroverError as error:
        return _complain(error, 1)
    except KeyboardInterrupt:
        return 1


class _UsageError(DroverError):
    """The command line itself is wrong."""


def _complain(error: DroverError, status: int) -> int:
    words = " ".join(filter(None, (error.message, error.hint)))
    print(f"drover: {log.redact(words)}", file=sys.stderr)
    return status


def _parser() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False, argument_default=argparse.SUPPRESS)
    common.add_argument("--profile", metavar="DIR", type=Path, help="use this folder for everything stored")
    common.add_argument("-T", "--temp-profile", action="store_true", help="use a profile that is thrown away")
    common.add_argument("--endpoint", metavar="NAME|URL", help="name of an endpoint, or a base URL")
    common.add_argument("--model", metavar="ID", help="model id")
    parser = argparse.ArgumentParser(
        prog="drover", parents=[common], description="A native desktop workbench for reasoning models."
    )
    parser.add_argument("--version", action="version", version=f"drover {__version__}")
    parser.set_defaults(command=None, profile=None, temp_profile=False, endpoint=None, model=None)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")

    chat = commands.add_parser("chat", parents=[common], help="one answer, streamed to stdout")
    chat.add_argument("text", help="the question; - reads it from stdin")
    chat.add_argument(
        "--set", dest="settings", action="append", default=[], metavar="NAME=VALUE", help="set a parameter"
    )
    chat.add_argument("--system", default="", metavar="TEXT", help="system prompt")
    chat.add_argument(
        "--json", dest="as_json", action="store_true", help="print the stored run as one object"
    )

    doctor = commands.add_parser("doctor", parents=[common], help="check what Drover depends on")
    doctor.add_argument(
        "--json", dest="as_json", action="store_true", help="print the findings as one object"
    )

    key = commands.add_parser("key", parents=[common], help="keys in the system keyring")
    key.add_argument("action", choices=("set", "delete", "status"))
    key.add_argument("name", nargs="?", metavar="ENDPOINT", help="name of the endpoint")
    return parser


@contextmanager
def _profile(options: argparse.Namespace) -> Iterator[Profile]:
    if options.temp_profile:
        import shutil
        import tempfile

        directory = Path(tempfile.mkdtemp(prefix="drover-"))
        try:
            yield replace(Profile.at(directory), is_temporary=True)
        finally:
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
        try:
            return await body(workbench)
        finally:
            await workbench.close()

    return asyncio.run(session())


def _chosen_endpoint(workbench: Workbench, name: str | None) -> Endpoint:
    if name:
        return workbench.find_endpoint(name)
    return workbench.endpoint(workbench.settings.endpoint_id)


def _chat(options: argparse.Namespace, profile: Profile) -> int:
    import asyncio

    from drover.domain.conversation import Draft
    from drover.domain.parameters import UNSET, parsed_setting
    from drover.domain.run import RunStatus
    from drover.engine.workbench import RunSettled
    from drover.export import run_record

    parameters = UNSET
    try:
        for setting in options.settings:
            name, value = parsed_setting(setting)
            parameters = parameters.replaced(name, value)
    except ConfigurationError as error:
        raise _UsageError(error.message, hint=error.hint) from None
    text = sys.stdin.read() if options.text == "-" else options.text
    printer = _StreamPrinter(is_silent=options.as_json)

    async def converse(workbench: Workbench) -> int:
        endpoint = _chosen_endpoint(workbench, options.endpoint)
        draft = Draft(
            text=text,
            endpoint_id=endpoint.id,
            model_id=options.model or "",
            parameters=parameters,
            system_prompt=options.system,
        )
        printer.workbench = workbench
        run = await workbench.send(None, draft)
        try:
            await workbench.wait(run.id)
        except asyncio.CancelledError:
            await workbench.stop(run.id)
        settled = next(e.run for e in printer.events if isinstance(e, RunSettled) and e.run.id == run.id)
        with_text = workbench.open_reader()
        try:
            message = next((m for m in with_text.messages(run.conversation_id) if m.run_id == run.id), None)
        finally:
            with_text.close()
        printer.finish()
        if options.as_json:
            print(json.dumps(run_record(settled, message), ensure_ascii=False, indent=2))
        if settled.failure is not None:
            print(f"drover: {settled.failure.words}", file=sys.stderr)
            return 1
        return 1 if settled.status is RunStatus.STOPPED else 0

    return _with_workbench(profile, printer, converse)


class _StreamPrinter:
    """Prints a reply as it arrives: the answer to stdout, the reasoning to stderr."""

    def __init__(self, *, is_silent: bool) -> None:
        self.is_silent = is_silent
        self.events: list[WorkbenchEvent] = []
        self.workbench: Workbench | None = None
        self._reasoning_cursor = self._answer_cursor = 0
        self._is_in_reasoning = False
        self._ends_with_newline = True

    def __call__(self, event: WorkbenchEvent) -> None:
        from drover.engine.workbench import Notice, RunAdvanced, RunSettled

        match event:
            case RunAdvanced(run_id=run_id):
                self._print_news(run_id)
            case Notice(text=text):
                print(f"drover: {text}", file=sys.stderr)
            case RunSettled():
                self.events.append(event)
            case _:
                pass

    def _print_news(self, run_id: str) -> None:
        live = self.workbench.live.get(run_id) if self.workbench else None
        if live is None or self.is_silent:
            return
        reasoning, self._reasoning_cursor = live.builder.read_reasoning(self._reasoning_cursor)
        answer, self._answer_cursor = live.builder.read_answer(self._answer_cursor)
        if reasoning:
            self._is_in_reasoning = True
            print(reasoning, end="", file=sys.stderr, flush=True)
        if answer:
            if self._is_in_reasoning:
                print("\n", file=sys.stderr, flush=True)
                self._is_in_reasoning = False
            print(answer, end="", flush=True)
            self._ends_with_newline = answer.endswith("\n")

    def finish(self) -> None:
        """Ends the last line."""
        if not self._ends_with_newline:
            print()


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
        print(json.dumps({"findings": rows}, ensure_ascii=False, indent=2))
    else:
        for finding in findings:
            mark = "ok  " if finding.is_good else "look"
            print(f"{mark}  {finding.check}: {' '.join(filter(None, (finding.words, finding.advice)))}")
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
    return Finding(check="Qt", is_good=True, words=platform_words())


def _key(options: argparse.Namespace, profile: Profile) -> int:
    import getpass

    if options.action != "status" and not options.name:
        raise _UsageError("Which endpoint?", hint=f"drover key {options.action} ENDPOINT")

    async def act(workbench: Workbench) -> int:
        if options.action == "status":
            named = [_chosen_endpoint(workbench, options.name)] if options.name else list(workbench.endpoints)
            for endpoint in named:
                if endpoint.is_built_in:
                    continue
                status = await workbench.key_status(endpoint)
                print(f"{endpoint.name}: {_source_words(status.source.value, status.store_name, endpoint)}")
            return 0
        endpoint = _chosen_endpoint(workbench, options.name)
        if options.action == "delete":
            await workbench.delete_key(endpoint)
            print(f"The key of {endpoint.name} is removed.")
            return 0
        raw = getpass.getpass(f"Key for {endpoint.name}: ") if sys.stdin.isatty() else sys.stdin.read()
        result = await workbench.save_key(endpoint, raw)
        if result.notice:
            return 1
        print(f"The key of {endpoint.name} is kept in {result.store_name}.")
        return 0

    def tell(event: WorkbenchEvent) -> None:
        from drover.engine.workbench import Notice

        if isinstance(event, Notice):
            print(f"drover: {event.text}", file=sys.stderr)

    return _with_workbench(profile, tell, act)


def _source_words(source: str, store_name: str, endpoint: Endpoint) -> str:
    return {
        "keyring": f"a key is kept in {store_name}",
        "environment": f"a key is in the variable {endpoint.key_variable}",
        "memory": "a key is kept in memory until Drover ends",
    }.get(source, f"no key; set one, or use the variable {endpoint.key_variable}")


_COMMANDS: dict[str, Callable[[argparse.Namespace, Profile], int]] = {
    "window": _window,
    "chat": _chat,
    "doctor": _doctor,
    "key": _key,
}
