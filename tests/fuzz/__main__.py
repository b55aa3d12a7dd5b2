"""`python -m tests.fuzz decode [--bytes N] [--seed N]` or `python -m tests.fuzz sizes [CASE ...]`."""

from __future__ import annotations

import argparse
import json
import sys

from tests.fuzz import decode, sizes


def main() -> int:
    """Prints the figures as JSON; the status is 1 where they do not hold."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    commands = parser.add_subparsers(dest="command", required=True)
    mutated = commands.add_parser("decode", help="mutated replies")
    mutated.add_argument("--bytes", type=int, default=10_000_000)
    mutated.add_argument("--seed", type=int, default=1)
    oversized = commands.add_parser("sizes", help="replies of absurd size")
    oversized.add_argument("cases", nargs="*")
    asked = parser.parse_args()
    figures = (
        decode.measure(asked.bytes, asked.seed) if asked.command == "decode" else sizes.measure(asked.cases)
    )
    print(json.dumps(figures, indent=2))
    return 0 if figures["holds"] else 1


sys.exit(main())
