"""Programs that answer calls: real ones, with what they write, how they end, and what they leave behind."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

import pytest

from drover.domain.tools import ToolDefinition
from drover.engine.tool_programs import ProgramResult, ToolProgram
from drover.errors import ConfigurationError
from drover.log import register_secret

posix_only = pytest.mark.skipif(not hasattr(os, "killpg"), reason="groups of processes are a matter of POSIX")


def tool(code: str, *, timeout_s: float = 20.0, output_limit_bytes: int = 65_536) -> ToolDefinition:
    """A tool whose program is a line of Python."""
    return ToolDefinition(
        name="trial", command=(sys.executable, "-c", code), timeout_s=timeout_s,
        output_limit_bytes=output_limit_bytes,
    )  # fmt: skip


async def result_of(code: str, arguments: str = "{}", **limits: float) -> ProgramResult:
    return await ToolProgram(tool(code, **limits), arguments).run()  # type: ignore[arg-type]


async def test_a_program_reads_the_arguments_and_its_output_is_the_result() -> None:
    code = "import json,sys; print(json.load(sys.stdin)['city'].upper())"
    result = await result_of(code, '{"city": "Zürich"}')
    assert result == ProgramResult(text="ZÜRICH\n", is_error=False)


async def test_an_exit_status_and_standard_error_are_told() -> None:
    code = "import sys; print('half'); print('no such city', file=sys.stderr); sys.exit(3)"
    result = await result_of(code)
    assert result.is_error
    assert result.text == ("half\n\nStandard error:\nno such city\n\nThe program ended with exit status 3.")


@posix_only
async def test_a_program_that_is_killed_names_the_signal() -> None:
    result = await result_of("import os,signal; os.kill(os.getpid(), signal.SIGSEGV)")
    assert result == ProgramResult(text="The program was ended by the signal SIGSEGV.", is_error=True)


async def test_a_program_that_writes_nothing_says_so() -> None:
    assert await result_of("pass") == ProgramResult(text="The program wrote nothing.", is_error=False)


async def test_output_beyond_the_limit_is_left_out_and_the_result_says_how_much() -> None:
    result = await result_of("print('é' * 600_000, end='')", output_limit_bytes=1001)
    assert result.text == "é" * 500 + "\n\n(The output was cut here: 1,198,999 more bytes were left out.)"
    assert not result.is_error


async def test_bytes_that_are_no_text_are_described() -> None:
    result = await result_of("import sys; sys.stdout.buffer.write(bytes(range(256)) * 8)")
    assert result.text == "(2,048 bytes that are no text)"


async def test_a_few_stray_bytes_become_marks() -> None:
    result = await result_of(r"import sys; sys.stdout.buffer.write(b'Stra\xdfe in Bern')")
    assert result.text == "Stra\ufffde in Bern"


async def test_arguments_larger_than_a_pipe_do_not_hold_up_a_program_that_ignores_them() -> None:
    result = await result_of("print('done')", json.dumps({"text": "x" * 1_000_000}))
    assert result.text == "done\n"


@posix_only
async def test_a_program_is_ended_at_its_time_limit_with_what_it_had_written() -> None:
    # A shell, since an interpreter may take longer than the limit to begin on a busy machine.
    slow = ToolDefinition(name="slow", command=("/bin/sh", "-c", "echo so far; sleep 60"), timeout_s=1.0)
    result = await ToolProgram(slow, "{}").run()
    assert result.is_error
    assert result.text == "so far\n\nThe program was ended at its time limit of 1 s."


@posix_only
async def test_what_a_program_leaves_running_is_ended_with_it(tmp_path: Path) -> None:
    where = tmp_path / "child"
    code = (
        "import subprocess,sys; child=subprocess.Popen([sys.executable,'-c','import time; time.sleep(60)']);"
        f"open({str(where)!r},'w').write(str(child.pid)); print('left')"
    )
    result = await result_of(code)
    assert result.text == "left\n"
    assert await is_gone(int(await asyncio.to_thread(where.read_text)))


@posix_only
async def test_stopping_ends_a_program_and_its_children_and_removes_its_folder(tmp_path: Path) -> None:
    where = tmp_path / "ids"
    os.mkfifo(where)
    code = (
        "import os,subprocess,sys,time;"
        "child=subprocess.Popen([sys.executable,'-c','import time; time.sleep(60)']);"
        f"open({str(where)!r},'w').write(f'{{os.getpid()}} {{child.pid}} {{os.getcwd()}}'); time.sleep(60)"
    )
    running = asyncio.create_task(ToolProgram(tool(code), "{}").run())
    own, child, folder = (await asyncio.to_thread(where.read_text)).split()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert await is_gone(int(own))
    assert await is_gone(int(child))
    assert not is_there(folder)


def is_there(folder: str) -> bool:
    return Path(folder).exists()


async def is_gone(process_id: int) -> bool:
    """Whether the process ends within five seconds; one that nobody has waited for counts as ended."""
    for _ in range(500):
        if _state_of(process_id) in ("", "Z"):
            return True
        await asyncio.sleep(0.01)
    return False


def _state_of(process_id: int) -> str:
    try:
        return Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return ""


async def test_it_works_in_a_fresh_empty_folder_that_is_removed() -> None:
    result = await result_of("import os; open('note','w').write('x'); print(os.getcwd(), len(os.listdir()))")
    folder, count = result.text.split()
    assert count == "1"
    assert not is_there(folder)


async def test_no_shell_reads_the_command() -> None:
    words = "$HOME `id` | cat > x; *"
    program = ToolProgram(
        ToolDefinition(name="echo", command=(sys.executable, "-c", "import sys; print(sys.argv[1])", words)),
        "{}",
    )
    assert (await program.run()).text == words + "\n"


async def test_a_home_folder_is_understood(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "now.py").write_text("print('noon')")
    named = ToolDefinition(name="now", command=(sys.executable, "~/now.py"))
    assert (await ToolProgram(named, "{}").run()).text == "noon\n"


async def test_keys_are_neither_in_the_environment_nor_in_the_result(monkeypatch: pytest.MonkeyPatch) -> None:
    secret = "a-key-that-nobody-may-see-00417"
    register_secret(secret)
    monkeypatch.setenv("DROVER_API_KEY_LAB", "one")
    monkeypatch.setenv("OXEN_API_KEY", "two")
    monkeypatch.setenv("OPENAI_APIKEY", "three")
    monkeypatch.setenv("INNOCENT", f"x{secret}x")
    monkeypatch.setenv("KEPT", "here")
    result = await result_of("import os, json; print(json.dumps(sorted(os.environ)))")
    names = json.loads(result.text)
    assert "KEPT" in names
    assert not {"DROVER_API_KEY_LAB", "OXEN_API_KEY", "OPENAI_APIKEY", "INNOCENT"} & set(names)
    leaked = await result_of(f"print('{secret[:9]}' + '{secret[9:]}')")
    assert leaked.text == "*" * len(secret) + "\n"


async def test_a_program_that_is_not_there_is_told_in_words() -> None:
    with pytest.raises(ConfigurationError) as raised:
        await ToolProgram(ToolDefinition(name="gone", command=("/no/such/program",)), "{}").run()
    assert raised.value.message == "/no/such/program cannot be started: No such file or directory."
