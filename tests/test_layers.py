"""Who may import whom: the layers, and the one home of each outside library."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import drover

PACKAGE = Path(drover.__file__).parent

LEAVES = {"errors", "log", "paths", "markdown_blocks"}
ALLOWED: dict[str, set[str]] = {
    "domain": set(),
    "wire": {"domain"},
    "store": {"domain"},
    "engine": {"domain", "wire", "store"},
    "ui": {"domain", "store", "engine", "export"},
    "export": {"domain", "wire"},
    "local_server": set(),
    "cli": {"domain", "wire", "store", "engine", "ui", "export"},
    "__main__": {"cli", "local_server", "ui"},
    "__init__": set(),
} | {leaf: set() for leaf in LEAVES}
"""First part of a module's name below `drover`, and what it may import besides leaves and itself."""

HOMES: dict[str, tuple[str, ...]] = {
    "PySide6": ("ui/",),
    "shiboken6": ("ui/",),
    "qasync": ("ui/",),
    "ziamath": ("ui/",),
    "pyqtgraph": ("ui/",),
    "jsonschema": ("domain/json_schema.py",),
    "referencing": ("domain/json_schema.py",),
    "markdown": ("export/",),
    "pygments": ("ui/",),
    "httpx": ("engine/transport.py",),
    "truststore": ("engine/tls.py", "engine/transport.py"),
    "keyring": ("engine/secrets.py",),
    "sqlite3": ("store/",),
    "xllamacpp": ("local_server.py",),
    "platformdirs": ("paths.py",),
}
"""Outside libraries (and sqlite3), and the folder or the file that may import each."""

TYPING_ONLY = {"_typeshed"}
"""What exists for type checkers alone."""

NO_INPUT_OUTPUT = {"asyncio", "socket", "ssl", "subprocess", "threading", "time", "urllib.request"}
"""What the pure layers `domain` and `wire` may not use of the standard library."""


@dataclass(frozen=True, slots=True)
class Import:
    """One imported module and where that is written."""

    module: str
    line: int


def imports_of(source: str, module: str) -> Iterator[Import]:
    """Every import of a module, also inside functions, relative, and by `import_module` with a literal."""
    package = module.split(".")[:-1]
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import(names=names):
                yield from (Import(alias.name, node.lineno) for alias in names)
            case ast.ImportFrom(module=name, names=names, level=level):
                base = package[: len(package) - level + 1] if level else []
                origin = ".".join([*base, *([name] if name else [])])
                is_package = origin == "drover" or not name
                found = [f"{origin}.{alias.name}" for alias in names] if is_package else [origin]
                yield from (Import(each, node.lineno) for each in found)
            case ast.Call(func=ast.Attribute(attr="import_module"), args=[ast.Constant(value=str(name)), *_]):
                yield Import(name, node.lineno)
            case _:
                pass


def offences_in(package: Path) -> list[str]:
    """`file:line: words` for every import that breaks the rule."""
    offences: list[str] = []
    for path in sorted(package.rglob("*.py")):
        relative = path.relative_to(package)
        module = ".".join(["drover", *relative.with_suffix("").parts])
        for found in imports_of(path.read_text(encoding="utf-8"), module):
            words = _offence(relative, found.module)
            if words is not None:
                offences.append(f"app/drover/{relative.as_posix()}:{found.line}: {words}")
    return offences


def _offence(importer: Path, module: str) -> str | None:
    part = importer.with_suffix("").parts[0]
    top, _, rest = module.partition(".")
    if top == "drover":
        return _offence_inside(part, rest.partition(".")[0])
    if top in HOMES:
        homes = HOMES[top]
        is_home = importer.as_posix().startswith(homes)
        return None if is_home else f"imports {top}, whose home is {' or '.join(homes)}"
    if top not in sys.stdlib_module_names | TYPING_ONLY:
        return f"imports {top}, which has no home"
    if part in ("domain", "wire") and not {top, module}.isdisjoint(NO_INPUT_OUTPUT):
        return f"imports {module}, but {part} does no input or output"
    return None


def _offence_inside(part: str, imported: str) -> str | None:
    if part not in ALLOWED:
        return f"belongs to {part}, which is no known layer"
    allowed = ALLOWED[part] | LEAVES | {part, "", "__version__"}
    if part in LEAVES:
        allowed = {"errors", "log", part, "__version__"}
    return None if imported in allowed else f"{part} may not import {imported}"


def test_every_import_keeps_to_the_layers_and_homes() -> None:
    offences = offences_in(PACKAGE)
    assert offences == [], "\n" + "\n".join(offences)


def test_a_forbidden_import_is_named_by_file_and_line(tmp_path: Path) -> None:
    for layer in ("domain", "ui", "engine"):
        (tmp_path / layer).mkdir()
    (tmp_path / "domain/run.py").write_text("import json\nimport asyncio\n")
    (tmp_path / "ui/view.py").write_text(
        "def draw():\n    from drover.wire import sse\n    import httpx.auth\n"
    )
    (tmp_path / "engine/runner.py").write_text("from ..ui import view\nimport requests\n")
    (tmp_path / "errors.py").write_text("from drover import domain\n")
    assert offences_in(tmp_path) == [
        "app/drover/domain/run.py:2: imports asyncio, but domain does no input or output",
        "app/drover/engine/runner.py:1: engine may not import ui",
        "app/drover/engine/runner.py:2: imports requests, which has no home",
        "app/drover/errors.py:1: errors may not import domain",
        "app/drover/ui/view.py:2: ui may not import wire",
        "app/drover/ui/view.py:3: imports httpx, whose home is engine/transport.py",
    ]


def test_permitted_imports_pass(tmp_path: Path) -> None:
    (tmp_path / "engine").mkdir()
    (tmp_path / "engine/transport.py").write_text("import httpx\nfrom drover import __version__\n")
    (tmp_path / "paths.py").write_text("def f():\n    import platformdirs\n    from drover.errors import X\n")
    assert offences_in(tmp_path) == []


LATER = (
    "asyncio", "httpx", "keyring", "markdown", "pygments", "ziamath", "drover.ui.transcript",
    "drover.ui.markdown_look", "drover.ui.typesetting",
)  # fmt: skip
"""What is imported behind the first frame, or on first need."""


def test_what_waits_for_the_first_frame_is_not_imported_with_the_window() -> None:
    script = "import sys, drover.ui.application, drover.ui.controller, drover.ui.main_window\n"
    script += f"print(*[name for name in {LATER!r} if name in sys.modules])"
    environment = os.environ | {"PYTHONPATH": str(PACKAGE.parent)}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("\n", "")
