"""What goes wrong at each layer, and how a run ends then: the whole table."""

from __future__ import annotations

import asyncio
import os
import tempfile
from pathlib import Path

from tests.faults import faults, run_matrix, status_faults, table
from tests.provider import self_signed_certificate


def measure() -> dict[str, object]:
    """Prints a row for each case; returns how many there are, and how many end otherwise than they should."""
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        del os.environ[name]
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        (home / "other").mkdir()
        self_signed_certificate(home / "other").rename(home / "other.pem")
        certificate = self_signed_certificate(home)
        os.environ["SSL_CERT_FILE"] = str(certificate)
        rows = asyncio.run(run_matrix(faults(), home / "layers", certificate=certificate))
        rows += asyncio.run(run_matrix(status_faults(), home / "statuses", is_repeated=False))
    print(table(rows))
    return {
        "cases": len(rows),
        "not_as_expected": sum(not row.is_expected for row in rows),
        "connections_left": sum(row.left for row in rows),
        "longest_s": round(max(row.took_s for row in rows), 2),
    }
