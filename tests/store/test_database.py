"""Opening, refusing, migrating and surviving: on real files, with real other processes."""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from tests.store import values

from drover.errors import LibraryError
from drover.store.database import ProfileLock, migrate, open_database, problems, transaction
from drover.store.library import Library
from drover.store.migrations import MIGRATIONS

APP = Path(__file__).parents[2] / "app"

FILLS_THE_DISK = """
import sys
from pathlib import Path
from drover.errors import LibraryError
from drover.store.database import open_database, problems
from drover.store.library import Library
from tests.store import values

library = Library(open_database(Path(sys.argv[1])))
library.add_turn(conversation=values.conversation(), message=values.question(text="kept"))
parent = "q"
for number in range(1000):
    message = values.question(f"q{number}", "word " * 4000, after=parent)
    try:
        library.add_message(message)
    except LibraryError as error:
        print(error.message)
        break
    parent = message.id
print([message.text for message in library.messages("c")][0])
print(library.conversation("c").head_id == parent, len(library.messages("c")) == number + 1)
print(problems(library.connection))
"""

DIES_WHILE_WRITING = """
import sys
from pathlib import Path
from drover.store.database import open_database
from drover.store.library import Library
from tests.store import values

library = Library(open_database(Path(sys.argv[1])))
library.add_turn(conversation=values.conversation(), message=values.question(), run=values.run())
with library.one_transaction():
    library.add_message(values.question("half", "never finished " * 100_000, after="q"))
    library.rename("c", "half")
    print("in the middle", flush=True)
    sys.stdin.read()
"""

JOURNALS = """
import sys
from pathlib import Path
from drover.domain.conversation import TextPart
from drover.store.database import open_database
from drover.store.library import Library
from tests.store import values

library = Library(open_database(Path(sys.argv[1])))
library.add_turn(conversation=values.conversation(), message=values.question(), run=values.run())
library.start_run("r", request_body=b"{}", adjustments=())
for words in range(1, 100_000):
    library.journal("r", (TextPart(text="word " * words),))
    print(words, flush=True)
"""

HOLDS_THE_LOCK = """
import sys
from pathlib import Path
from drover.store.database import ProfileLock

lock = ProfileLock(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


@contextmanager
def child(script: str, *arguments: Path) -> Iterator[subprocess.Popen[str]]:
    """A Python process that imports Drover; killed at the end if it still runs."""
    process = subprocess.Popen(
        [sys.executable, "-c", script, *map(str, arguments)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment(),
    )  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def environment() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": f"{APP}{os.pathsep}{APP.parent}"}


def line_of(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def on_a_disk_of_its_own(
    options: str, folder: Path, command: Sequence[str]
) -> subprocess.CompletedProcess[str]:
    """Runs a command in a mount namespace in which the folder is a RAM disk; skips where forbidden."""
    if shutil.which("unshare") is None:
        pytest.skip("needs unshare")
    as_root = [] if os.geteuid() == 0 else ["--map-root-user"]
    inside = ["unshare", "--mount", *as_root, "--", "sh", "-c"]
    mount = f'mount -t tmpfs -o {options} tmpfs "$0" || exit 77; exec "$@"'
    done = subprocess.run(
        [*inside, mount, str(folder), *command],
        capture_output=True,
        text=True,
        env=environment(),
        check=False,
    )
    if done.returncode == 77 or done.stderr.startswith("unshare:"):
        pytest.skip("no mounts allowed here")
    return done


def copies(path: Path) -> list[str]:
    return sorted(file.name for file in path.parent.iterdir() if "schema" in file.name)


def test_a_new_library_is_empty_sound_and_readable_by_its_owner_only(path: Path) -> None:
    with closing(open_database(path)) as connection:
        assert Library(connection).conversations() == []
        assert problems(connection) == []
        assert connection.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS),)
    if sys.platform != "win32":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_opening_again_changes_nothing_and_keeps_no_copy(path: Path) -> None:
    for _ in range(2):
        with closing(open_database(path)) as connection:
            assert Library(connection).conversations() == []
    assert copies(path) == []


def test_an_empty_file_left_by_a_first_start_that_died_becomes_a_library(path: Path) -> None:
    path.touch()
    with closing(open_database(path)) as connection:
        assert Library(connection).conversations() == []


def test_a_first_start_that_died_before_the_schema_stood_is_taken_up_again(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
    assert path.stat().st_size > 0
    with closing(open_database(path)) as connection:
        assert Library(connection).conversations() == []


def test_a_reader_sees_each_commit_of_the_writer(path: Path, library: Library) -> None:
    with closing(Library(open_database(path, read_only=True))) as reader:
        assert reader.conversations() == []
        library.add_turn(conversation=values.conversation(title="One"), message=values.question())
        assert [conversation.title for conversation in reader.conversations()] == ["One"]
        with transaction(library.connection):
            library.rename("c", "Two")
            assert [conversation.title for conversation in reader.conversations()] == ["One"]
        assert [conversation.title for conversation in reader.conversations()] == ["Two"]


def test_a_reader_cannot_write_and_says_so(path: Path, library: Library) -> None:
    library.add_turn(conversation=values.conversation())
    with (
        closing(Library(open_database(path, read_only=True))) as reader,
        pytest.raises(LibraryError, match="read-only"),
    ):
        reader.rename("c", "Two")
    assert [conversation.title for conversation in library.conversations()] == [""]


def test_a_reader_opens_a_library_whose_writer_was_killed(path: Path) -> None:
    with child(DIES_WHILE_WRITING, path) as writer:
        assert line_of(writer) == "in the middle"
        writer.kill()
        writer.wait()
    assert path.with_name(path.name + "-wal").stat().st_size > 0
    with closing(Library(open_database(path, read_only=True))) as reader:
        assert [message.id for message in reader.messages("c")] == ["q"]


def test_a_reader_needs_a_library(path: Path) -> None:
    with pytest.raises(LibraryError, match="no library"):
        open_database(path, read_only=True)
    assert not path.exists()


def test_a_process_killed_inside_a_transaction_leaves_what_was_committed_and_nothing_else(path: Path) -> None:
    with child(DIES_WHILE_WRITING, path) as writer:
        assert line_of(writer) == "in the middle"
        writer.kill()
        writer.wait()
    with closing(Library(open_database(path))) as library:
        assert problems(library.connection) == []
        assert [message.id for message in library.messages("c")] == ["q"]
        assert library.run("r") == values.run()
        assert library.search("finished") == []


@pytest.mark.parametrize("words", [1, 7, 40])
def test_a_process_killed_in_a_stream_loses_nothing_of_what_was_journaled(path: Path, words: int) -> None:
    with child(JOURNALS, path) as writer:
        while line_of(writer) != str(words):
            pass
        writer.kill()
        writer.wait()
    with closing(Library(open_database(path))) as library:
        library.interrupt_running()
        library.interrupt_running()
        assert problems(library.connection) == []
        question, reply = library.messages("c")
        assert question.text == "Why?"
        assert reply.text == "word " * (len(reply.text) // 5)
        assert len(reply.text) // 5 >= words


def test_a_library_of_a_newer_version_is_refused_and_left_as_it_is(path: Path) -> None:
    with closing(open_database(path)) as connection:
        connection.execute("PRAGMA user_version = 99")
    before = path.read_bytes()
    for read_only in (False, True):
        with pytest.raises(LibraryError, match=r"newer version of Drover \(schema 99") as raised:
            open_database(path, read_only=read_only)
        assert raised.value.hint is not None
        assert "--profile" in raised.value.hint
    assert path.read_bytes() == before


def test_a_database_of_another_program_is_refused_and_left_as_it_is(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE recipes (name TEXT)")
    before = path.read_bytes()
    with pytest.raises(LibraryError, match="another program"):
        open_database(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("read_only", [False, True])
@pytest.mark.parametrize(
    ("spoilt", "words"),
    [
        (b"These are my notes, and no database at all. " * 100, "not a library"),
        (b"SQLite format 3\0" + b"\xff" * 5000, "damaged|not a library"),
        (b"\0", "not a library"),
    ],
)
def test_a_file_that_is_no_database_is_refused_and_left_as_it_is(
    path: Path, spoilt: bytes, words: str, read_only: bool
) -> None:
    path.write_bytes(spoilt)
    with pytest.raises(LibraryError, match=words) as raised:
        open_database(path, read_only=read_only)
    assert str(path) in raised.value.message
    assert raised.value.hint is not None
    assert "Nothing was overwritten" in raised.value.hint
    assert path.read_bytes() == spoilt


def test_a_library_cut_short_is_refused_and_left_as_it_is(path: Path) -> None:
    with closing(Library(open_database(path))) as library:
        library.add_turn(conversation=values.conversation(), message=values.question(text="word " * 20_000))
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(LibraryError, match="damaged"):
        open_database(path)
    assert path.read_bytes() == whole[: len(whole) // 2]


def test_damage_found_while_reading_is_told_in_words(path: Path) -> None:
    with closing(Library(open_database(path))) as library:
        library.add_turn(conversation=values.conversation(), message=values.question())
        page = library.connection.execute(
            "SELECT rootpage FROM sqlite_schema WHERE name = 'messages'"
        ).fetchone()[0]
        size = library.connection.execute("PRAGMA page_size").fetchone()[0]
    with path.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xee" * size)
    with closing(Library(open_database(path))) as library:
        with pytest.raises(LibraryError, match="damaged"):
            library.messages("c")
        assert problems(library.connection) != []


def test_a_stored_value_that_cannot_be_decoded_is_told_in_words(library: Library) -> None:
    library.save_draft("c", None)
    library.connection.execute("INSERT INTO drafts VALUES ('c', '', '{cut')")
    with pytest.raises(LibraryError, match="damaged"):
        library.draft("c")


def test_a_folder_that_is_missing_is_told_in_words(tmp_path: Path) -> None:
    with pytest.raises(LibraryError, match="cannot be made: No such file"):
        open_database(tmp_path / "nowhere" / "library.sqlite3")


@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux mounts")
def test_a_read_only_disk_is_told_in_words(tmp_path: Path) -> None:
    script = """
import sys
from pathlib import Path
from drover.errors import LibraryError
from drover.store.database import ProfileLock, open_database

folder = Path(sys.argv[1])
for attempt in (lambda: open_database(folder / "library.sqlite3"), lambda: ProfileLock(folder / "lock")):
    try:
        attempt()
    except LibraryError as error:
        print(error.message)
"""
    done = on_a_disk_of_its_own("ro", tmp_path, [sys.executable, "-c", script, str(tmp_path)])
    assert done.stdout.splitlines() == [
        f"{tmp_path}/library.sqlite3 cannot be made: Read-only file system.",
        f"The profile folder {tmp_path} cannot be written: Read-only file system.",
    ]


@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux mounts")
def test_an_existing_library_on_a_disk_turned_read_only_is_told_in_words(tmp_path: Path) -> None:
    script = """
import subprocess, sys
from pathlib import Path
from drover.errors import LibraryError
from drover.store.database import open_database

path = Path(sys.argv[1]) / "library.sqlite3"
open_database(path).close()
subprocess.run(["mount", "-o", "remount,ro", sys.argv[1]], check=True)
try:
    open_database(path)
except LibraryError as error:
    print(error.message)
"""
    done = on_a_disk_of_its_own("size=2m", tmp_path, [sys.executable, "-c", script, str(tmp_path)])
    assert done.stdout.startswith(f"{tmp_path}/library.sqlite3 cannot be "), done.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux mounts")
def test_a_disk_that_fills_up_loses_no_message_that_was_stored(tmp_path: Path) -> None:
    path = tmp_path / "library.sqlite3"
    done = on_a_disk_of_its_own("size=1m", tmp_path, [sys.executable, "-c", FILLS_THE_DISK, str(path)])
    assert done.stdout.splitlines() == [
        f"The disk that holds {path} is full; nothing was written.",
        "kept",
        "True True",
        "[]",
    ], done.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux mounts")
def test_a_library_on_a_disk_without_any_space_left_is_told_in_words(tmp_path: Path) -> None:
    script = """
import sys
from pathlib import Path
from drover.errors import LibraryError
from drover.store.database import open_database

path = Path(sys.argv[1]) / "library.sqlite3"
open_database(path).close()
with open(path.parent / "rest", "wb", buffering=0) as rest:
    try:
        while rest.write(b"x" * 4096):
            pass
    except OSError:
        pass
try:
    open_database(path)
except LibraryError as error:
    print(error.message)
"""
    done = on_a_disk_of_its_own("size=1m", tmp_path, [sys.executable, "-c", script, str(tmp_path)])
    assert done.stdout == f"The disk that holds {tmp_path}/library.sqlite3 is full; nothing was written.\n"


@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux mounts")
@pytest.mark.parametrize("size", ["4k", "16k", "40k", "100k"])
def test_a_disk_too_full_for_a_new_library_is_told_in_words(tmp_path: Path, size: str) -> None:
    script = """
import sys
from pathlib import Path
from drover.errors import LibraryError
from drover.store.database import open_database

try:
    open_database(Path(sys.argv[1]) / "library.sqlite3")
except LibraryError as error:
    print(error.message)
"""
    done = on_a_disk_of_its_own(f"size={size}", tmp_path, [sys.executable, "-c", script, str(tmp_path)])
    assert done.stdout == f"The disk that holds {tmp_path}/library.sqlite3 is full; nothing was written.\n"


def test_a_full_library_refuses_whole_writes_and_takes_them_again_later(library: Library) -> None:
    library.add_turn(conversation=values.conversation(), message=values.question())
    pages = library.connection.execute("PRAGMA page_count").fetchone()[0]
    library.connection.execute(f"PRAGMA max_page_count = {pages}")
    long = values.question("long", "word " * 50_000, after="q")
    with pytest.raises(LibraryError, match="full"):
        library.add_message(long)
    assert [message.id for message in library.messages("c")] == ["q"]
    library.connection.execute("PRAGMA max_page_count = 100000")
    library.add_message(long)
    assert [message.id for message in library.messages("c")] == ["q", "long"]


def test_a_migration_keeps_a_copy_of_the_library_before_it(path: Path, library: Library) -> None:
    library.add_turn(conversation=values.conversation(title="Before"))
    library.connection.execute("PRAGMA foreign_keys = OFF")
    step = "ALTER TABLE conversations ADD COLUMN color TEXT;\nUPDATE conversations SET title = 'After';"
    copy = migrate(library.connection, path, [*MIGRATIONS, step])
    assert copy == path.with_name(f"library-schema-{len(MIGRATIONS)}.sqlite3")
    assert [conversation.title for conversation in library.conversations()] == ["After"]
    assert library.connection.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS) + 1,)
    with closing(Library(open_database(copy))) as before:
        assert [conversation.title for conversation in before.conversations()] == ["Before"]


def test_a_copy_never_replaces_an_earlier_one(path: Path, library: Library) -> None:
    earlier = path.with_name(f"library-schema-{len(MIGRATIONS)}.sqlite3")
    earlier.write_bytes(b"earlier")
    migrate(library.connection, path, [*MIGRATIONS, "CREATE TABLE more (x);"])
    assert earlier.read_bytes() == b"earlier"
    assert copies(path) == [
        f"library-schema-{len(MIGRATIONS)}-2.sqlite3", f"library-schema-{len(MIGRATIONS)}.sqlite3"
    ]  # fmt: skip


def test_a_migration_that_fails_leaves_the_step_before_it(path: Path, library: Library) -> None:
    library.add_turn(conversation=values.conversation(title="Before"))
    good = "CREATE TABLE more (x);"
    bad = "UPDATE conversations SET title = 'After';\nINSERT INTO nowhere VALUES (1);"
    with pytest.raises(LibraryError):
        migrate(library.connection, path, [*MIGRATIONS, good, bad])
    assert library.connection.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS) + 1,)
    assert [conversation.title for conversation in library.conversations()] == ["Before"]


def test_a_migration_that_would_break_references_is_refused(path: Path, library: Library) -> None:
    library.add_turn(conversation=values.conversation(), message=values.question())
    library.connection.execute("PRAGMA foreign_keys = OFF")
    with pytest.raises(LibraryError, match="refers to nothing"):
        migrate(library.connection, path, [*MIGRATIONS, "DELETE FROM conversations;"])
    assert len(library.conversations()) == 1


def test_a_second_instance_is_refused_until_the_first_dies(tmp_path: Path) -> None:
    path = tmp_path / "drover.lock"
    with child(HOLDS_THE_LOCK, path) as first:
        assert line_of(first) == "held"
        with pytest.raises(LibraryError, match=f"already running with the profile .* .process {first.pid}"):
            ProfileLock(path)
        first.kill()
        first.wait()
    ProfileLock(path).release()


def test_a_lock_is_free_again_once_released(tmp_path: Path) -> None:
    path = tmp_path / "drover.lock"
    with ProfileLock(path) as lock:
        with pytest.raises(LibraryError, match="already running"):
            ProfileLock(path)
        lock.release()
        ProfileLock(path).release()


def test_a_writer_that_finds_the_library_in_use_says_so(path: Path, library: Library) -> None:
    library.connection.execute("PRAGMA busy_timeout = 1")
    with closing(open_database(path)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(LibraryError, match="in use by another program"):
            library.add_turn(conversation=values.conversation())
        other.execute("ROLLBACK")
    library.add_turn(conversation=values.conversation())
