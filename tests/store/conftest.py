"""A real library file for each test."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from drover.store.database import open_database
from drover.store.library import Library


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the library of this test lies; a folder name that a URI has to quote."""
    folder = tmp_path / "profile #1 %41?"
    folder.mkdir()
    return folder / "library.sqlite3"


@pytest.fixture
def library(path: Path) -> Iterator[Library]:
    """An empty library, open for writing."""
    with closing(Library(open_database(path))) as library:
        yield library


@pytest.fixture(scope="session")
def shared_library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    """One library for property tests, whose every example uses ids of its own."""
    path = tmp_path_factory.mktemp("shared") / "library.sqlite3"
    with closing(Library(open_database(path))) as library:
        yield library
