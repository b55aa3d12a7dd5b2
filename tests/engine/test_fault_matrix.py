"""Whatever goes wrong at whatever layer: a run ends, in time, with the text so far and the right next step.

`pytest -s` and `python -m tests.bench faults` print the table.
"""

from __future__ import annotations

import gc
from collections import Counter
from pathlib import Path

import pytest
from tests.faults import LONG_S, Fault, Row, faults, open_sockets, run_matrix, status_faults, table
from tests.provider import self_signed_certificate


@pytest.fixture
def certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One that is trusted, with another one beside it that is not."""
    (tmp_path / "other").mkdir()
    self_signed_certificate(tmp_path / "other").rename(tmp_path / "other.pem")
    path = self_signed_certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    return path


async def played(cases: list[Fault], folder: Path, certificate: Path, *, is_repeated: bool) -> list[Row]:
    """The rows, printed; sockets and connections are counted on both sides."""
    gc.collect()
    sockets = open_sockets()
    rows = await run_matrix(cases, folder, certificate=certificate, is_repeated=is_repeated)
    print(f"\n{table(rows)}")
    gc.collect()
    assert open_sockets() == sockets
    assert [row.fault.name for row in rows if row.left] == []
    return rows


def test_the_matrix_holds_every_layer() -> None:
    layers = Counter(fault.layer for fault in faults())

    assert set(layers) == {"name", "TCP", "TLS", "request", "head", "body", "stream"}
    assert sum(layers.values()) >= 100


async def test_each_fault_at_each_layer_ends_as_it_should(tmp_path: Path, certificate: Path) -> None:
    rows = await played(faults(), tmp_path / "p", certificate, is_repeated=True)

    assert [(row.fault.layer, row.fault.name) for row in rows if not row.is_expected] == []
    heard = [row for row in rows if row.fault.layer in ("request", "head", "body", "stream")]
    assert [row.fault.name for row in heard if row.connections != row.tries] == []
    assert max(row.took_s for row in rows) < LONG_S


async def test_each_status_with_each_shape_of_body_ends_as_it_should(
    tmp_path: Path, certificate: Path
) -> None:
    rows = await played(status_faults(), tmp_path / "p", certificate, is_repeated=False)

    assert len(rows) >= 600
    assert [(row.fault.layer, row.fault.name) for row in rows if not row.is_expected] == []
