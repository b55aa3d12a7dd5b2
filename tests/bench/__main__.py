"""Runs one benchmark by name."""

from __future__ import annotations

import importlib
import json
import pkgutil
import sys

import tests.bench


def main() -> int:
    names = sorted(
        module.name
        for module in pkgutil.iter_modules(tests.bench.__path__)
        if not module.name.startswith("_")
    )
    if len(sys.argv) < 2 or sys.argv[1] not in names:
        print(f"usage: python -m tests.bench {'|'.join(names)}", file=sys.stderr)
        return 2
    bench = importlib.import_module(f"tests.bench.{sys.argv[1]}")
    print(json.dumps(bench.measure(), indent=2))
    return 0


sys.exit(main())
