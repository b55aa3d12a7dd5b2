"""Opens the library file: lock, version check, migrations, transactions, and SQLite's errors in words.

What is promised: a transaction that has returned survives the death of the process at any later moment,
because the operating system has it by then. Durable transactions (all but the journal and the like) are also
forced to the disk, so they survive the loss of power; of the rest, the last seconds may then be lost. A
half-written transaction is never seen.
"""

from __future__ import annotations

import json
import math
import os
import shutil
import sqlite3
import sys
import zlib
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import quote

from drover import log
from drover.errors import LibraryError
from drover.store.migrations import APPLICATION_ID, MIGRATIONS, statements

_BUSY_TIMEOUT_MS = 5000
_LITTLE_SPACE_BYTES = 100_000
_OTHER_PROFILE = "Choose another profile with --profile DIR."
_OR_OTHER_PROFILE = "Or choose another profile with --profile DIR."

_REPLACE_IT = (
    "Nothing was overwritten. Put a copy in its place, or move the file away to begin with an empty library."
)

_log = log.logger("store")

_WORDS: dict[int, tuple[str, str]] = {
    sqlite3.SQLITE_FULL: (
        "The disk that holds {path} is full; nothing was written.",
        "Free some space and try again.",
    ),
    sqlite3.SQLITE_READONLY: (
        "{path} cannot be written: the file, its folder or its disk is read-only.",
        "Allow writing there. " + _OR_OTHER_PROFILE,
    ),
    sqlite3.SQLITE_CANTOPEN: (
        "{path} cannot be opened: the folder is missing, or does not allow it.",
        "Check that the folder exists and may be written. " + _OR_OTHER_PROFILE,
    ),
    sqlite3.SQLITE_PERM: (
        "{path} cannot be opened: the system does not allow it.",
        "Check the rights of the file. " + _OR_OTHER_PROFILE,
    ),
    sqlite3.SQLITE_CORRUPT: (
        "{path} is damaged and cannot be read ({reason}).",
        _REPLACE_IT,
    ),
    sqlite3.SQLITE_NOTADB: (
        "{path} is not a library of Drover, or is damaged at its very start.",
        _REPLACE_IT,
    ),
    sqlite3.SQLITE_BUSY: (
        "{path} is in use by another program.",
        "Close whatever has the file open and try again.",
    ),
    sqlite3.SQLITE_IOERR: (
        "{path} could not be read or written: the disk reported an error ({reason}).",
        "Check the disk and the space left on it, then try again.",
    ),
    sqlite3.SQLITE_CONSTRAINT: (
        "The change does not fit what {path} holds, so nothing was written ({reason}).",
        "Something that it refers to is no longer there.",
    ),
    sqlite3.SQLITE_TOOBIG: ("The text is too big for the library.", "Shorten it."),
}


def library_error(error: Exception, path: Path | str) -> LibraryError:
    """What a failure below the library means, in words."""
    code = getattr(error, "sqlite_errorcode", None)
    if code is None and not isinstance(error, sqlite3.ProgrammingError):
        code = sqlite3.SQLITE_CORRUPT  # a value that cannot be decoded: JSON, zlib, or text that is no UTF-8
    code = None if code is None else code & 0xFF
    # Without space for its shared memory file, SQLite speaks of an I/O error.
    if code == sqlite3.SQLITE_IOERR and _free_bytes(path) < _LITTLE_SPACE_BYTES:
        code = sqlite3.SQLITE_FULL
    words = _WORDS.get(code) if code is not None else None
    message, hint = words or ("{path} could not be used ({reason}).", "Start Drover again.")
    return LibraryError(message.format(path=path, reason=error), hint=hint)


@contextmanager
def in_words(connection: sqlite3.Connection) -> Iterator[None]:
    """Raises LibraryError in place of whatever SQLite, or a value that cannot be decoded, raises inside."""
    try:
        yield
    except (sqlite3.Error, zlib.error, json.JSONDecodeError) as error:
        raise library_error(error, _path_of(connection)) from error


@contextmanager
def transaction(connection: sqlite3.Connection, *, is_durable: bool = True) -> Iterator[None]:
    """All or nothing. Inside another transaction it joins that one. Raises LibraryError in words.

    Without `is_durable` the commit is not forced to the disk: safe when the process is killed, not when the
    power fails.
    """
    if connection.in_transaction:
        yield
        return
    with in_words(connection):
        connection.execute(f"PRAGMA synchronous = {'FULL' if is_durable else 'NORMAL'}")
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            connection.execute("COMMIT")
        except BaseException:
            # SQLite itself has rolled back already after some errors, such as a full disk.
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise


def storable(text: str) -> str:
    """The text as UTF-8 can hold it: a lone surrogate becomes U+FFFD, a split pair is joined. NUL is kept."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def execute(connection: sqlite3.Connection, sql: str, values: Sequence[Any] = ()) -> sqlite3.Cursor:
    """Runs one statement; every text that goes in passes through `storable` where it has to."""
    try:
        return connection.execute(sql, values)
    except UnicodeEncodeError:
        clean = [storable(value) if isinstance(value, str) else value for value in values]
        return connection.execute(sql, clean)


def open_database(path: Path, *, read_only: bool = False) -> sqlite3.Connection:
    """The library at this path, made or migrated if need be. The caller closes it.

    The connection may move between threads, but only one may use it at a time. A read-only one sees each
    commit of the writer at once and needs a library that exists. Raises LibraryError in words, with nothing
    overwritten: written by a newer version, damaged, not a library, unwritable, disk full.
    """
    try:
        is_new = not path.exists() or path.stat().st_size == 0
    except OSError as error:
        raise LibraryError(f"{path} cannot be reached: {error.strerror}.", hint=_OTHER_PROFILE) from error
    if is_new and read_only:
        raise LibraryError(f"There is no library at {path}.", hint="Start Drover once without read-only.")
    version = 0
    if not is_new:
        with _connected(path, "ro") as probe:
            version = _checked_version(probe, path)
    if read_only:
        if version < len(MIGRATIONS):
            raise LibraryError(
                f"{path} was written by an older version of Drover.", hint="Open it for writing once."
            )
        return _connect(path, "ro")
    if is_new:
        _create_private(path)
    connection = _connect(path, "rwc")
    try:
        _prepare(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def migrate(
    connection: sqlite3.Connection, path: Path, migrations: Sequence[str] = MIGRATIONS
) -> Path | None:
    """Brings the schema up to the last of the migrations, one transaction each.

    A library that has a schema already is copied first, beside itself; returns the path of that copy. When a
    step fails, the library stays as the step before left it. Expects foreign keys to be off.
    """
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    copy = None
    if 0 < version < len(migrations):
        copy = _keep_copy(connection, path, version)
    for number, script in enumerate(migrations[version:], start=version + 1):
        with transaction(connection):
            for statement in statements(script):
                connection.execute(statement)
            broken = connection.execute("PRAGMA foreign_key_check").fetchone()
            if broken is not None:
                raise LibraryError(
                    f"{path} cannot be brought to schema {number}: a row of {broken[0]} refers to nothing.",
                    hint=f"Nothing was changed; a copy is at {copy}.",
                )
            connection.execute(f"PRAGMA user_version = {number}")
        _log.info("The library is at schema %d.", number)
    return copy


def problems(connection: sqlite3.Connection) -> list[str]:
    """What a full check finds wrong, in SQLite's words; empty for a sound library. Reads the whole file."""
    try:
        found = [str(row[0]) for row in connection.execute("PRAGMA integrity_check(20)")]
        dangling = [
            f"a row of {row[0]} refers to nothing" for row in connection.execute("PRAGMA foreign_key_check")
        ]
    except sqlite3.DatabaseError as error:
        return [str(error)]
    return [line for line in found if line != "ok"] + dangling


class ProfileLock:
    """Held by the one process that may write to a profile, from construction until `release`.

    The operating system frees it when the process dies, however it dies. The file itself stays.
    """

    def __init__(self, path: Path) -> None:
        """Raises LibraryError if another process holds the lock, or if the file cannot be made."""
        try:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise LibraryError(
                f"The profile folder {path.parent} cannot be written: {error.strerror}.",
                hint="Allow writing there. " + _OR_OTHER_PROFILE,
            ) from error
        try:
            _lock_file(self._file)
        except (BlockingIOError, PermissionError):
            owner = os.read(self._file, 20).decode("ascii", "replace").strip()
            os.close(self._file)
            process = f" (process {owner})" if owner.isdigit() else ""
            raise LibraryError(
                f"Drover is already running with the profile {path.parent}{process}.",
                hint="Use that window. " + _OR_OTHER_PROFILE,
            ) from None
        except OSError as error:
            # Some network file systems know no locks; refusing to start there would help nobody.
            _log.warning("The profile cannot be locked (%s): do not open it twice.", error.strerror)
        try:
            os.ftruncate(self._file, 0)
            os.write(self._file, b"%d\n" % os.getpid())
        except OSError:
            pass  # a full disk: the lock holds all the same, only the process number is missing

    def release(self) -> None:
        """Frees the lock. May be called more than once."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def __enter__(self) -> ProfileLock:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.release()


if sys.platform == "win32":
    import msvcrt

    _LOCKED_BYTE = 1 << 30
    """Windows hides locked bytes from other readers; this one lies beyond the process number."""

    def _lock_file(file: int) -> None:
        os.lseek(file, _LOCKED_BYTE, os.SEEK_SET)
        try:
            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        finally:
            os.lseek(file, 0, os.SEEK_SET)

else:
    import fcntl

    def _lock_file(file: int) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    """A connection in autocommit mode, so that `transaction` alone says where transactions begin and end."""
    absolute = path.absolute().as_posix()
    uri = ("file://" if absolute.startswith("/") else "file:///") + quote(absolute, safe="/:")
    try:
        connection = sqlite3.connect(
            f"{uri}?mode={mode}", uri=True, isolation_level=None, check_same_thread=False
        )
    except sqlite3.Error as error:
        raise library_error(error, path) from error
    connection.execute(f"PRAGMA busy_timeout = {_BUSY_TIMEOUT_MS}")
    return connection


@contextmanager
def _connected(path: Path, mode: str) -> Iterator[sqlite3.Connection]:
    with closing(_connect(path, mode)) as connection, in_words(connection):
        yield connection


def _checked_version(connection: sqlite3.Connection, path: Path) -> int:
    """The schema number, 0 for a file without tables. Raises LibraryError for what is not ours to touch."""
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    application_id = int(connection.execute("PRAGMA application_id").fetchone()[0])
    has_tables = connection.execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchone() is not None
    if not has_tables and version == 0:
        # SQLite takes any file of a few bytes for an empty database, and would write over it.
        if connection.execute("PRAGMA page_count").fetchone() == (0,):
            message, hint = _WORDS[sqlite3.SQLITE_NOTADB]
            raise LibraryError(message.format(path=path), hint=hint)
        return 0
    if application_id != APPLICATION_ID or version < 1:
        raise LibraryError(
            f"{path} is a database of another program.",
            hint="Nothing was overwritten. " + _OTHER_PROFILE,
        )
    if version > len(MIGRATIONS):
        raise LibraryError(
            f"{path} was written by a newer version of Drover "
            f"(schema {version}; this version knows {len(MIGRATIONS)}).",
            hint="Nothing was overwritten. Start the newer version. " + _OR_OTHER_PROFILE,
        )
    return version


def _create_private(path: Path) -> None:
    """An empty file that only its owner may read; SQLite gives its companions the same rights."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        raise LibraryError(
            f"{path} cannot be made: {error.strerror}.",
            hint="Check that the folder exists and may be written. " + _OR_OTHER_PROFILE,
        ) from error


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    with in_words(connection):
        mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
        if mode != "wal":
            _log.warning("The library cannot use a write-ahead log here (%s).", mode)
        connection.execute("PRAGMA journal_size_limit = 16777216")
        connection.execute("PRAGMA foreign_keys = OFF")
        migrate(connection, path)
        connection.execute("PRAGMA foreign_keys = ON")
        # Nothing is written, but a read-only file shows here and not with the first message.
        with transaction(connection, is_durable=False):
            pass


def _keep_copy(connection: sqlite3.Connection, path: Path, version: int) -> Path:
    """A consistent copy beside the library, under a name that is not taken."""
    name = f"{path.stem}-schema-{version}"
    taken = 1
    copy = path.with_name(f"{name}{path.suffix}")
    while copy.exists():
        taken += 1
        copy = path.with_name(f"{name}-{taken}{path.suffix}")
    partial = copy.with_name(copy.name + ".partial")
    partial.unlink(missing_ok=True)
    _create_private(partial)
    try:
        with _connected(partial, "rwc") as target:
            connection.backup(target)
        partial.replace(copy)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    _log.info("A copy of the library before its migration is at %s.", copy)
    return copy


def _free_bytes(path: Path | str) -> float:
    try:
        return shutil.disk_usage(Path(path).parent).free
    except OSError:
        return math.inf


def _path_of(connection: sqlite3.Connection) -> str:
    try:
        return str(connection.execute("PRAGMA database_list").fetchone()[2]) or "The library"
    except (sqlite3.Error, TypeError):
        return "The library"
