"""`python -m drover` and the installed commands."""

from __future__ import annotations

import sys


def main() -> int:
    """Runs the command line and returns the exit status."""
    if sys.argv[1:2] == ["local-server"]:  # a frozen build has no other way to start a child process
        from drover.local_server import main as serve

        return serve(sys.argv[2:])
    if sys.argv[1:2] == ["typesetter"]:
        from drover.ui.typesetter import main as typeset

        return typeset()
    from drover.cli import run

    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
