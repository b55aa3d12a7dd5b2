"""Sets Drover up from its source tree, then starts it or tests it. Needs Python and nothing else.

    python3 packaging/bootstrap.py run  [arguments of drover]
    python3 packaging/bootstrap.py test [arguments of pytest]
    python3 packaging/bootstrap.py setup

Everything goes into `.venv` in the project, from packaging/requirements.lock. On Debian and Ubuntu the system
libraries that are missing are installed with apt where that is allowed, else the line to run is printed.
A complete setup costs a few file reads; one that was interrupted is made anew by the next call.

Exit status: of the program that was started; 1 where the reason was printed in a line; 2 for wrong usage.
"""

# ruff: noqa: E402 - the version is looked at before anything is imported that an old Python lacks, and this
# file keeps to the syntax of Python 3.6, so that an old one gets a sentence and not a SyntaxError.
import sys

OLDEST_PYTHON = (3, 11)
if sys.version_info < OLDEST_PYTHON:
    sys.exit(
        "Drover needs Python {}.{} or newer, and this is {}.{}. Start this program with a newer one.".format(
            *OLDEST_PYTHON, *sys.version_info[:2]
        )
    )

import contextlib
import hashlib
import importlib.util
import os
import platform
import re
import shlex
import shutil
import signal
import subprocess
import sysconfig
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import chain
from pathlib import Path
from typing import BinaryIO

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "packaging" / "requirements.lock"
VENV = ROOT / ".venv"
BAR_MARK = "\N{BOX DRAWINGS HEAVY HORIZONTAL}".encode()
"""What pip draws its progress bars with."""
SHOW_CURSOR = b"\x1b[?25h"
STAMP_NAME = "drover-setup"
"""A file in the environment that is written last: its text says what the environment was made from."""

USAGE = "usage: python3 packaging/bootstrap.py run [arguments of drover] | test [arguments of pytest] | setup"

# -- what the system must have -------------------------------------------------------------------------------

LIBRARY_PACKAGES = {
    "libEGL.so.1": "libegl1",
    "libGL.so.1": "libgl1",
    "libX11-xcb.so.1": "libx11-xcb1",
    "libX11.so.6": "libx11-6",
    "libdbus-1.so.3": "libdbus-1-3",
    "libfontconfig.so.1": "libfontconfig1",
    "libfreetype.so.6": "libfreetype6",
    "libglib-2.0.so.0": "libglib2.0-0",
    "libgomp.so.1": "libgomp1",
    "libstdc++.so.6": "libstdc++6",
    "libwayland-client.so.0": "libwayland-client0",
    "libwayland-cursor.so.0": "libwayland-cursor0",
    "libwayland-egl.so.1": "libwayland-egl1",
    "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxcb-glx.so.0": "libxcb-glx0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-image.so.0": "libxcb-image0",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-randr.so.0": "libxcb-randr0",
    "libxcb-render-util.so.0": "libxcb-render-util0",
    "libxcb-render.so.0": "libxcb-render0",
    "libxcb-shape.so.0": "libxcb-shape0",
    "libxcb-shm.so.0": "libxcb-shm0",
    "libxcb-sync.so.1": "libxcb-sync1",
    "libxcb-util.so.1": "libxcb-util1",
    "libxcb-xfixes.so.0": "libxcb-xfixes0",
    "libxcb-xkb.so.1": "libxcb-xkb1",
    "libxcb.so.1": "libxcb1",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
    "libxkbcommon.so.0": "libxkbcommon0",
}
"""What Qt's xcb and Wayland platforms and llama.cpp load, by file name, and the Debian package each is in."""

LOCAL_MODEL_LIBRARIES = frozenset({"libgomp.so.1", "libstdc++.so.6"})
"""Those of them that are needed without a window too: by llama.cpp."""

TEST_PROGRAM_PACKAGES = {
    "Xvfb": "xvfb",
    "dbus-daemon": "dbus",
    "gnome-keyring-daemon": "gnome-keyring",
    "at-spi-bus-launcher": "at-spi2-core",
}
"""What the tests start: a display, a message bus, a Secret Service and the accessibility bus."""

FONT_PACKAGE = "fonts-dejavu-core"
FONT_SUFFIXES = (".ttf", ".otf", ".ttc", ".pfb", ".pcf.gz")
PROGRAM_FOLDERS = ("/usr/libexec", "/usr/lib/at-spi2-core")
"""Where programs lie that are not meant for the search path."""

HEADLESS_ARGUMENTS = frozenset(
    {"chat", "sweep", "doctor", "key", "export", "import", "-h", "--help", "--version"}
)
"""Arguments of drover that need no display."""


class SetupError(Exception):
    """The setup cannot go on; the message is for the person at the terminal."""


def missing_libraries(listing: str, machine: str) -> list[str]:
    """The known libraries that `ldconfig -p` does not list for this machine, by file name.

    A listing with nothing in it tells nothing, so nothing is called missing then.
    """
    flag = {"x86_64": "x86-64", "aarch64": "AArch64"}.get(machine, "")
    present = set(re.findall(rf"^\s*(\S+) \([^)]*{flag}[^)]*\) =>", listing, re.MULTILINE))
    return [name for name in sorted(LIBRARY_PACKAGES) if name not in present] if present else []


def missing_test_programs(is_installed: Callable[[str], bool]) -> list[str]:
    """The programs of the tests that the system lacks."""
    return [name for name in TEST_PROGRAM_PACKAGES if not is_installed(name)]


def packages_for(
    *,
    libraries: Sequence[str],
    programs: Sequence[str],
    has_venv: bool,
    has_font: bool,
    python: tuple[int, int],
) -> list[str]:
    """The Debian packages that bring what is missing, sorted."""
    packages = {LIBRARY_PACKAGES[name] for name in libraries}
    packages |= {TEST_PROGRAM_PACKAGES[name] for name in programs}
    if not has_venv:
        packages.add("python{}.{}-venv".format(*python))
    if not has_font:
        packages.add(FONT_PACKAGE)
    return sorted(packages)


def is_program_installed(name: str) -> bool:
    """Whether a program is on the search path or in one of the folders for programs that are not."""
    return shutil.which(name) is not None or any(Path(folder, name).exists() for folder in PROGRAM_FOLDERS)


def has_any_font(folders: Sequence[Path]) -> bool:
    """Whether one of the folders holds at least one font, at any depth."""
    for folder in folders:
        for _, _, names in os.walk(folder):
            if any(name.endswith(FONT_SUFFIXES) for name in names):
                return True
    return False


def font_folders() -> list[Path]:
    """Where fontconfig looks by default, the user's own fonts last."""
    home = Path.home()
    return [
        Path("/usr/share/fonts"),
        Path("/usr/local/share/fonts"),
        home / ".local/share/fonts",
        home / ".fonts",
    ]


def library_listing() -> str:
    """What `ldconfig -p` prints; empty where there is no such program."""
    program = shutil.which("ldconfig") or shutil.which("ldconfig", path="/sbin:/usr/sbin")
    if program is None:
        return ""
    return subprocess.run(
        [program, "-p"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ).stdout


def unsupported_system(needs: str, machine: str, libc: str | None) -> str | None:
    """Why the locked packages cannot be installed on this Linux, or None if they can.

    `needs` is the lock's own line, such as `glibc 2.34 on x86_64, glibc 2.39 on aarch64`; `libc` is what the
    C library calls itself, such as `glibc 2.36`, and None if it is not glibc.
    """
    floors = {name: version for version, name in re.findall(r"glibc ([\d.]+) on (\w+)", needs)}
    if machine not in floors:
        return f"Qt for Python is not published for {machine} processors, only for {' and '.join(floors)}."
    if libc is None or not libc.startswith("glibc "):
        return f"Qt for Python needs glibc {floors[machine]} or newer; this system has another C library."
    if _numbers(libc.split()[1]) < _numbers(floors[machine]):
        return f"Qt for Python needs glibc {floors[machine]} or newer on {machine}; this system has {libc}."
    return None


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", version)))


def lock_needs(lock_text: str) -> str:
    """The line of the lock that says which systems its wheels run on."""
    found = re.search(r"^# needs: (.+)$", lock_text, re.MULTILINE)
    return found.group(1) if found else ""


def c_library() -> str | None:
    """Name and version of glibc, or None on another C library."""
    try:
        return os.confstr("CS_GNU_LIBC_VERSION")
    except (ValueError, OSError):
        return None


# -- getting what the system lacks ---------------------------------------------------------------------------


def ensure_system(command: str, arguments: Sequence[str]) -> None:
    """Installs what this Linux lacks for a command, or says what to install. Elsewhere it does nothing."""
    if sys.platform != "linux":
        return
    reason = unsupported_system(lock_needs(LOCK.read_text(encoding="utf-8")), platform.machine(), c_library())
    if reason is not None:
        raise SetupError(reason)
    needs_window = command != "run" or opens_window(arguments)
    libraries = [
        name
        for name in missing_libraries(library_listing(), platform.machine())
        if needs_window or name in LOCAL_MODEL_LIBRARIES
    ]
    programs = missing_test_programs(is_program_installed) if command == "test" else []
    packages = packages_for(
        libraries=libraries,
        programs=programs,
        has_venv=importlib.util.find_spec("ensurepip") is not None,
        has_font=not needs_window or has_any_font(font_folders()),
        python=sys.version_info[:2],
    )
    if not packages:
        return
    if shutil.which("apt-get") is None:
        names = ", ".join([*libraries, *programs]) or "Python's venv module and a font"
        say(f"Install these with your system's package manager if Drover does not start: {names}")
        return
    prefix = root_prefix()
    if prefix is None:
        raise SetupError(
            f"System packages are missing. Run this line, then try again:\n\n  {apt_line(packages)}\n"
        )
    install_packages(packages, prefix)


def apt_line(packages: Sequence[str]) -> str:
    """The shell line that installs the packages, for a person who may become root."""
    sudo = "sudo " if shutil.which("sudo") else ""
    update, install = f"{sudo}apt-get update", f"{sudo}apt-get install --yes --no-install-recommends"
    line = f"{update} && {install} {' '.join(packages)}"
    return line if sudo else f"su --command {shlex.quote(line)}"


def root_prefix() -> list[str] | None:
    """What to put before a command to run it as root without a password; None if that is not possible."""
    if os.geteuid() == 0:
        return []
    if shutil.which("sudo") is None:
        return None
    allowed = subprocess.run(
        ["sudo", "-n", "true"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    return None if allowed.returncode else ["sudo", "-n"]


def install_packages(packages: Sequence[str], prefix: Sequence[str]) -> None:
    """Installs Debian packages, showing apt's progress. Raises SetupError with apt's own last words."""
    # Progress needs a descriptor of its own, since dpkg is started without it; sudo passes none on.
    apt = [*prefix, "env", "DEBIAN_FRONTEND=noninteractive", "sh", "-c", 'exec apt-get "$@" 3>&1', "apt-get"]
    apt += ["-qq", "-o", "APT::Status-Fd=3", "-o", "Dpkg::Use-Pty=0", "-o", "DPkg::Lock::Timeout=120"]
    with step(f"Installing {len(packages)} system packages with apt: {' '.join(packages)}"):
        # One unreachable source among many fails the update, and the packages may well come from another.
        run_apt([*apt, "update"])
        code, last_words = run_apt([*apt, "install", "--yes", "--no-install-recommends", *packages])
    if code:
        raise SetupError(
            f"{last_words}\napt could not install the packages. The line was:\n\n  {apt_line(packages)}\n"
        )


def run_apt(command: Sequence[str]) -> tuple[int, str]:
    """Exit status and last lines of apt-get, whose progress is shown meanwhile."""
    last_lines: deque[str] = deque(maxlen=15)
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    with interrupts_left_to_child(), process:
        assert process.stdout is not None
        for raw_line in process.stdout:
            line = raw_line.decode(errors="replace")
            progress = re.match(r"(?:dl|pm)(?:status|error):[^:]*:([\d.]+):(.*)", line)
            if progress:
                show_progress(f"{float(progress.group(1)):3.0f} %  {progress.group(2)}")
            else:
                last_lines.append(line.rstrip())
    show_progress("")
    return process.returncode, "\n".join(last_lines)


# -- the environment -----------------------------------------------------------------------------------------


def stamp_text(lock: bytes, python: str, root: Path) -> str:
    """What an environment made now is made from. The folder counts, because scripts hold absolute paths."""
    digest = hashlib.sha256(lock).hexdigest()
    return f"lock {digest}\npython {python}\nplatform {sysconfig.get_platform()}\nroot {root}\n"


def why_make_environment(venv: Path, wanted_stamp: str) -> str | None:
    """Why the environment must be made anew, or None if it is whole and made from what is wanted."""
    if not os.path.lexists(venv):
        return "there is none yet"
    try:
        stamp = (venv / STAMP_NAME).read_text(encoding="utf-8")
    except OSError:
        return "the last setup did not finish"
    if not environment_python(venv).exists():
        return "its Python is gone"
    return None if stamp == wanted_stamp else "Python, the project's place or its dependencies changed"


def environment_python(venv: Path) -> Path:
    """The interpreter of an environment."""
    return venv / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def ensure_environment() -> None:
    """Makes `.venv` if it is not there, not whole or not up to date."""
    wanted_stamp = stamp_text(LOCK.read_bytes(), f"{platform.python_version()} at {base_python()}", ROOT)
    if why_make_environment(VENV, wanted_stamp) is None:
        return
    with only_one_setup():
        reason = why_make_environment(VENV, wanted_stamp)
        if reason is None:
            return  # another setup made it while this one waited
        say(f"Making .venv, because {reason}.")
        with contextlib.suppress(OSError):  # what stands in the way is for venv to name
            (VENV / STAMP_NAME).unlink()
        with step("Creating the environment"):
            create_environment()
        with step("Installing the locked packages (about 250 MB to download the first time)"):
            install_locked_packages()
        link_source_tree()
        # Last of all: an environment without it is unfinished, whatever else it holds.
        (VENV / STAMP_NAME).write_text(wanted_stamp, encoding="utf-8")


def base_python() -> str:
    """The interpreter below any environment that this program runs in, which may be the one to be cleared."""
    return os.path.realpath(getattr(sys, "_base_executable", None) or sys.executable)


def create_environment() -> None:
    """An empty environment with pip, in place of whatever is there."""
    made = subprocess.run(
        [base_python(), "-I", "-m", "venv", "--clear", str(VENV)],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
    )  # fmt: skip
    if made.returncode:
        raise SetupError(f"{made.stdout.strip()}\nPython could not create {VENV}.")


def install_locked_packages() -> None:
    """Installs every package of the lock for this system. Raises SetupError after pip's own explanation."""
    command = [str(environment_python(VENV)), "-I", "-m", "pip", "install", "--disable-pip-version-check"]
    command += ["--require-hashes", "--no-deps", "--only-binary=:all:", "--no-warn-script-location"]
    command += ["--requirement", str(LOCK)]
    code = run_pip(command, pip_environment(os.environ))
    if code:
        raise SetupError(
            f"pip could not install the packages (exit status {code}). The next call tries again."
        )


def pip_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment without the settings that would make pip install somewhere else."""
    elsewhere = {"PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_NO_BINARY", "PIP_REQUIREMENT"}
    kept = {name: value for name, value in environment.items() if name not in elsewhere}
    return {**kept, "PIP_USER": "0"}


def run_pip(command: list[str], environment: dict[str, str]) -> int:
    """Exit status of pip. On a terminal its progress bars are shown, without the lines around them."""
    if not sys.stdout.isatty():
        return call([*command, "-qq"], environment)
    if os.name == "nt":  # its console wants to be written to by the process that draws the bars
        return call(command, environment)
    environment["FORCE_COLOR"] = "1"  # draws bars into a pipe
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, close_fds=False)
    with interrupts_left_to_child(), process:
        assert process.stdout is not None
        printed = iter(partial(os.read, process.stdout.fileno(), 65536), b"")
        for piece in chain(only_downloads(printed), [SHOW_CURSOR]):
            sys.stdout.buffer.write(piece)
            sys.stdout.buffer.flush()
    return process.returncode


def only_downloads(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """What pip prints about downloads, at once, from all that it prints, however that is cut."""
    pending, in_bar = b"", False
    for piece in pieces:
        pending += piece
        while pending:
            line, newline, rest = pending.partition(b"\n")
            if not (newline or in_bar or BAR_MARK in line):
                break  # not yet known what this will be
            if in_bar or BAR_MARK in line or line.lstrip().startswith(b"Downloading "):
                yield line + newline
            in_bar = not newline
            pending = rest


def link_source_tree() -> None:
    """Makes `import drover` and the command `drover` of the environment mean the source tree.

    A path file and a launcher do what an editable install would, without a build backend in the lock and
    without a copy of the metadata that grows stale.
    """
    site_packages = Path(sysconfig.get_path("purelib", "venv", {"base": str(VENV), "platbase": str(VENV)}))
    # Relative, because path files are read in the system's encoding and the project may lie in any folder.
    relative = os.path.relpath(ROOT / "app", site_packages)
    (site_packages / "drover.pth").write_text(relative + "\n", encoding="utf-8")
    python = environment_python(VENV)
    if os.name == "nt":
        (python.parent / "drover.cmd").write_text('@"%~dp0python.exe" -P -m drover %*\n', encoding="utf-8")
        return
    launcher = python.parent / "drover"
    launcher.write_text(f'#!/bin/sh\nexec {shlex.quote(str(python))} -P -m drover "$@"\n', encoding="utf-8")
    launcher.chmod(0o755)


@contextlib.contextmanager
def only_one_setup() -> Iterator[None]:
    """Waits until no other setup of this project runs, and keeps others waiting meanwhile."""
    with LOCK.open("rb") as file:
        if not try_lock(file):
            say("Waiting for another setup of this project to finish.")
            while not try_lock(file):
                time.sleep(0.2)
        yield


if sys.platform == "win32":
    import msvcrt

    def try_lock(file: BinaryIO) -> bool:
        """Locks an open file until it is closed; False if another process has it."""
        file.seek(1 << 30)  # beyond the text, which others must be able to read
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        finally:
            file.seek(0)
        return True

else:
    import errno
    import fcntl

    def try_lock(file: BinaryIO) -> bool:
        """Locks an open file until it is closed; False if another process has it."""
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # So that pip, which inherits the lock, keeps it when this program is killed and pip is not.
            os.set_inheritable(file.fileno(), True)
        except OSError as error:
            # Some network file systems have no locks; two setups at once are then the person's own affair.
            return error.errno not in (errno.EWOULDBLOCK, errno.EACCES)
        return True


# -- what the person sees ------------------------------------------------------------------------------------


def say(text: str) -> None:
    """One line on standard output, at once."""
    print(text, flush=True)


@contextlib.contextmanager
def step(title: str) -> Iterator[None]:
    """Names a part of the work and, when it succeeded, how long it took."""
    say(title)
    started_s = time.monotonic()
    yield
    say(f"  done in {time.monotonic() - started_s:.1f} s")


def show_progress(text: str) -> None:
    """A line that the next one overwrites; nothing where output is not a terminal."""
    if sys.stdout.isatty():
        width = shutil.get_terminal_size().columns - 3
        print(f"\r\x1b[K  {text[:width]}" if text else "\r\x1b[K", end="", flush=True)


# -- other processes ----------------------------------------------------------------------------------------


@contextlib.contextmanager
def interrupts_left_to_child() -> Iterator[None]:
    """Lets a child that got the same Ctrl+C end in its own way; raises KeyboardInterrupt once it has."""
    interrupts: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _: interrupts.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if interrupts:
        raise KeyboardInterrupt


def call(command: Sequence[str], environment: Mapping[str, str] | None = None) -> int:
    """Exit status of a program that shares this one's terminal, started in the project's folder."""
    with interrupts_left_to_child():
        return subprocess.run(command, env=environment, cwd=ROOT, close_fds=False).returncode


# -- the commands --------------------------------------------------------------------------------------------


def opens_window(arguments: Sequence[str]) -> bool:
    """Whether drover opens its window with these arguments."""
    return not HEADLESS_ARGUMENTS.intersection(arguments)


def missing_display(arguments: Sequence[str], environment: Mapping[str, str], system: str) -> str | None:
    """Why no window can open here, or None if one can or none is wanted."""
    if system != "linux" or not opens_window(arguments):
        return None
    if environment.get("DISPLAY") or environment.get("WAYLAND_DISPLAY"):
        return None
    if environment.get("QT_QPA_PLATFORM", "xcb").split(":")[0] not in ("xcb", "wayland"):
        return None
    return "Drover needs a display, but neither DISPLAY nor WAYLAND_DISPLAY is set (`run doctor` needs none)."


def start(arguments: Sequence[str]) -> int:
    """Becomes drover; on Windows, which has no such thing, waits for it."""
    command = [str(environment_python(VENV)), "-P", "-m", "drover", *arguments]
    if os.name != "nt":
        os.execv(command[0], command)
    return call(command)


def test(arguments: Sequence[str]) -> int:
    """Runs all checks, then the tests, whose closing line so ends the output; 0 only if each succeeded."""
    python = str(environment_python(VENV))
    checks = {
        "ruff check": ["ruff", "check"],
        "ruff format": ["ruff", "format", "--check"],
        "mypy": ["mypy"],
        "pytest": ["pytest", *arguments],
    }
    failed: dict[str, int] = {}
    for name, module in checks.items():
        say(f"== {name}")
        started_s = time.monotonic()
        code = call([python, "-m", *module])
        if code:
            failed[name] = code
        if name != "pytest":
            say(f"== {name}: {'failed' if code else 'passed'} in {time.monotonic() - started_s:.1f} s\n")
    if not failed:
        return 0
    say(f"\nFailed: {', '.join(failed)}")
    return failed.get("pytest", 1)


def bootstrap(command: str, arguments: Sequence[str]) -> int:
    """Does one command; returns its exit status. Raises SetupError with a reason for the person."""
    if command == "run":
        no_display = missing_display(arguments, os.environ, sys.platform)
        if no_display is not None:
            raise SetupError(no_display)
    ensure_system(command, arguments)
    ensure_environment()
    if command == "run":
        return start(arguments)
    if command == "test":
        return test(arguments)
    say(f"Drover is ready: start it with {shlex.join(['python3', 'packaging/bootstrap.py', 'run'])}")
    return 0


def main(arguments: Sequence[str]) -> int:
    """The command line."""
    if (
        not arguments
        or arguments[0] not in ("run", "test", "setup")
        or (arguments[0] == "setup" and arguments[1:])
    ):
        if arguments[:1] in (["-h"], ["--help"]):
            print(__doc__)
            return 0
        print(USAGE, file=sys.stderr)
        return 2
    try:
        return bootstrap(arguments[0], arguments[1:])
    except SetupError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nInterrupted.", file=sys.stderr)
        return 128 + signal.SIGINT


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
