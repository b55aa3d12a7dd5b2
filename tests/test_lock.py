"""packaging/lock.py: which machines a wheel serves, and how that is written."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest
from packaging.requirements import Requirement
from packaging.utils import parse_wheel_filename


def load_lock() -> ModuleType:
    """The program as a module, under a name that is not the library `packaging`'s."""
    path = Path(__file__).resolve().parent.parent / "packaging" / "lock.py"
    spec = importlib.util.spec_from_file_location("lock_under_test", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


lock = load_lock()


def served_by(filename: str) -> set[str]:
    """The targets that accept the wheel, as `python system machine`."""
    tags = parse_wheel_filename(filename)[3]
    accepting = [target for target in lock.TARGETS if any(target.accepts(tag) for tag in tags)]
    return {f"{target.python} {target.system} {target.machine}" for target in accepting}


@pytest.mark.parametrize(
    ("filename", "targets"),
    [
        ("a-1-cp312-cp312-manylinux_2_28_x86_64.whl", {"3.12 linux x86_64"}),
        ("a-1-cp313-abi3-win_arm64.whl", {"3.13 win32 ARM64", "3.14 win32 ARM64"}),
        ("a-1-cp314-cp314-macosx_13_0_universal2.whl", {"3.14 darwin x86_64", "3.14 darwin arm64"}),
        ("a-1-cp314-cp314t-macosx_13_0_universal2.whl", set()),
        ("a-1-cp315-abi3-win_amd64.whl", set()),
        ("a-1-cp312-cp312-musllinux_1_2_x86_64.whl", set()),
        ("a-1-cp312-cp312-manylinux2014_ppc64le.manylinux_2_17_ppc64le.whl", set()),
    ],
)
def test_a_wheel_serves_the_machines_its_tags_say(filename: str, targets: set[str]) -> None:
    assert served_by(filename) == targets


def test_a_pure_wheel_serves_every_machine() -> None:
    assert len(served_by("a-1-py2.py3-none-any.whl")) == len(lock.TARGETS)


@pytest.mark.parametrize(
    "marker",
    [
        "",
        'sys_platform == "linux"',
        'sys_platform != "win32"',
        'python_version < "3.12"',
        'platform_machine != "ARM64"',
        'sys_platform == "linux" and python_version < "3.13"',
    ],
)
def test_the_marker_of_some_machines_is_the_simplest_that_says_them(marker: str) -> None:
    targets = frozenset(target for target in lock.TARGETS if lock._holds(marker, target))
    assert lock.marker_for(targets) == marker


def test_a_requirement_of_other_machines_is_followed_only_there() -> None:
    packages = {
        "a": lock.Package(
            "a", "1", (Requirement('b; sys_platform == "win32"'), Requirement("c; extra == 'x'"))
        ),
        "b": lock.Package("b", "1", (Requirement("d>=2"),)),
        "c": lock.Package("c", "1", ()),
    }
    plain = lock.needs([Requirement("a")], packages)
    assert {name: {target.system for target in plain[name]} for name in plain} == {
        "a": {"linux", "darwin", "win32"},
        "b": {"win32"},
        "d": {"win32"},
    }
    assert "c" in lock.needs([Requirement("a[x]")], packages)


def test_the_glibc_of_a_machine_is_the_oldest_that_serves_every_release() -> None:
    def wheels(*names: str) -> list[object]:
        return [lock.Wheel(name, "0", parse_wheel_filename(name)[3]) for name in names]

    old_and_new = wheels(
        "a-1-cp311-abi3-manylinux_2_34_x86_64.whl",
        "a-1-cp311-abi3-manylinux2014_x86_64.manylinux_2_17_x86_64.whl",
    )
    only_new = wheels("b-1-cp311-abi3-manylinux_2_28_x86_64.whl", "b-1-cp311-abi3-manylinux_2_39_aarch64.whl")
    assert lock.glibc_needed([old_and_new, only_new], "x86_64") == (2, 28)
    assert lock.glibc_needed([old_and_new, only_new], "aarch64") == (2, 39)
