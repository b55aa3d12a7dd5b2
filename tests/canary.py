"""A key that must not be found anywhere, and the search for it in every form in which bytes may hold it."""

from __future__ import annotations

import base64
import html
import json
import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from urllib.parse import quote, quote_plus

CANARY = 'sk-canary"4f\\1d+9c/2b$7e<&>'
"""Every form of writing it differs from the others."""


def forms_of(secret: str) -> dict[str, bytes]:
    """The secret as it may stand in a file, by the name of the form."""
    raw = secret.encode()
    forms = {
        "plain": raw,
        "JSON": json.dumps(secret)[1:-1].encode(),
        "JSON in JSON": json.dumps(json.dumps(secret)[1:-1])[1:-1].encode(),
        "Python": repr(secret)[1:-1].encode(),
        "percent": quote(secret, safe="").encode(),
        "percent, slashes kept": quote(secret).encode(),
        "form": quote_plus(secret).encode(),
        "HTML": html.escape(secret).encode(),
        "HTML, quotes kept": html.escape(secret, quote=False).encode(),
        "UTF-16, little": secret.encode("utf-16-le"),
        "UTF-16, big": secret.encode("utf-16-be"),
        "hex": raw.hex().encode(),
    }
    for offset in range(3):
        # The first and the last letters depend on what stands around it.
        letters = base64.b64encode(b"\0" * offset + raw)[4 if offset else 0 : -4]
        forms[f"base64 at {offset}"] = letters
        forms[f"base64 for addresses at {offset}"] = letters.translate(bytes.maketrans(b"+/", b"-_"))
    return forms


def found_in(data: bytes, secret: str = CANARY) -> list[str]:
    """The forms in which the bytes hold the secret; letters of hex and percent in either case."""
    lowered = data.lower()
    return [
        name
        for name, form in forms_of(secret).items()
        if form in data or (name.startswith(("hex", "percent", "form")) and form.lower() in lowered)
    ]


def found_in_files(folder: Path, secret: str = CANARY) -> list[str]:
    """`file: form` for every file below the folder, also for what is compressed in a database."""
    found: list[str] = []
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            found += [f"{path.relative_to(folder)}: {form}" for form in found_in(path.read_bytes(), secret)]
            if path.suffix == ".sqlite3":
                found += [f"{path.name}: {place}" for place in _found_in_database(path, secret)]
    return found


def _found_in_database(path: Path, secret: str) -> Iterator[str]:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        for (table,) in tables:
            cursor = connection.execute(f'SELECT * FROM "{table}"')
            names = [column[0] for column in cursor.description]
            for row in cursor:
                for name, value in zip(names, row, strict=True):
                    yield from (f"{table}.{name} as {form}" for form in found_in(_unpacked(value), secret))


def _unpacked(value: object) -> bytes:
    if isinstance(value, bytes):
        with suppress(zlib.error):
            return zlib.decompress(value)
        return value
    return str(value).encode("utf-8", "surrogatepass")
