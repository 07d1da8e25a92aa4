"""Bring an older store up to date: the file as it was is kept beside it, and one transaction does the rest.

Imported only where there is something to do.
"""

from __future__ import annotations

import errno
import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from itertools import count
from pathlib import Path

from meshcore.errors import MeshError, UsageError
from meshcore.filelock import FileLock
from meshcore.home import PRIVATE_FILE
from meshcore.store.rows import folder_to_text

AHEAD = "before-going-back"  # the name of a newer store that `go_back` has put aside


def kept(path: Path, version: int) -> Path:
    """Return where a store is kept as it was with an older schema."""
    return path.with_name(f"{path.name}.schema-{version}")


def migrate(connection: sqlite3.Connection, path: Path, version: int, wanted: int) -> None:
    """Bring an older store up to date, in the transaction that is open; a file that holds something is kept first.

    Raises MeshError where it cannot be kept: then nothing is changed.
    """
    if version:
        _keep(path, version)
    for name, arity, function in _FUNCTIONS:
        connection.create_function(name, arity, function, deterministic=True)
    for number in range(version + 1, wanted + 1):
        script = (Path(__file__).parent / "sql" / f"store_{number:03d}.sql").read_text("utf-8")
        for statement in _statements(script):
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version={number}")


def _keep(path: Path, version: int) -> None:
    """Copy the store as it is, durably; there is one copy at most, and never half of one."""
    target = kept(path, version)
    half = target.with_name(target.name + ".part")
    try:
        half.unlink(missing_ok=True)
        os.close(os.open(half, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, PRIVATE_FILE))
        # Read by a connection of its own: SQLite copies none that holds the lock for writing, and Python would wait.
        with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(half)) as copy:
            source.backup(copy)
            # Alone in its file: nobody who takes it elsewhere needs a second one.
            copy.execute("PRAGMA journal_mode=DELETE")
        _flush(half)
        half.replace(target)
        _flush(target.parent)
        for other in path.parent.glob(f"{path.name}.schema-*"):
            if other != target:
                other.unlink()
    except (OSError, sqlite3.Error) as error:
        for left in (half, half.with_name(half.name + "-journal"), half.with_name(half.name + "-wal")):
            with suppress(OSError):
                left.unlink(missing_ok=True)
        reason = (error.strerror or type(error).__name__) if isinstance(error, OSError) else str(error)
        full = (
            getattr(error, "errno", 0) == errno.ENOSPC or getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_FULL
        )
        raise MeshError(
            f"{target}: the store cannot be kept as it was ({reason}), so it was not brought up to date;"
            f" {'free some space' if full else 'check the permissions of its folder'}, then try again"
        ) from error


def go_back(path: Path, version: int) -> Path:
    """Put a store back as it was kept with an older schema; return where the newer one lies from now on.

    What was stored since the migration stays in the newer file. Raises UsageError where no such copy was kept or the
    copy is not whole, and MeshError where a process has the store open: then nothing is changed.
    """
    old = kept(path, version)
    if not path.is_file():
        raise UsageError(f"{path}: no store is there to go back from; nothing was changed")
    if not old.is_file():
        raise UsageError(f"{old}: no store was kept with schema {version}; nothing was changed")
    if _schema_of(old) != version:
        raise UsageError(f"{old}: not a whole store of schema {version}; nothing was changed")
    with FileLock(path.with_name(path.name + ".lock")).held() as free:
        if not free:
            raise MeshError(f"{path}: in use; stop the runtime and other commands of this home, then try again")
        try:
            # Alone in its file, which only the last connection can bring about: nobody else has it open.
            with closing(sqlite3.connect(path, timeout=0)) as newer:
                newer.execute("PRAGMA journal_mode=DELETE")
        except sqlite3.Error as error:
            raise MeshError(f"{path}: in use ({error}); stop what runs on this home, then try again") from error
        # At no moment is there no store, which the next command would make anew and empty.
        ahead = _put_aside(path)
        old.replace(path)
        _flush(path.parent)
    return ahead


def _put_aside(path: Path) -> Path:
    """Give a store a second name that none has yet: who goes back twice loses neither of the newer stores."""
    for number in count(1):
        ahead = path.with_name(f"{path.name}.{AHEAD}{f'-{number}' if number > 1 else ''}")
        with suppress(FileExistsError):
            os.link(path, ahead)
            return ahead
    raise AssertionError("there is always a next number")


def _schema_of(path: Path) -> int:
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as database:
            whole = database.execute("PRAGMA quick_check(1)").fetchone() == ("ok",)
            return int(database.execute("PRAGMA user_version").fetchone()[0]) if whole else -1
    except sqlite3.Error:
        return -1


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


# Rows that nobody of ours has written become NULL, and are left out: they must keep nobody from going on.
def _part(key: str, number: int) -> str | None:
    parts = key.split(":")
    return parts[number] if number < len(parts) else None


def _folder_text(hexed: str | None) -> str | None:
    try:
        return folder_to_text(bytes.fromhex(hexed or "").decode("utf-8", "surrogateescape")) or None
    except ValueError:
        return None


def _words(text: str) -> str:
    return json.dumps(text.split())


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _field(text: str, name: str) -> str | int | None:
    """Return a field of a JSON object as its column holds it, None where there is none that can be read."""
    try:
        value = json.loads(text)[name]
    except (ValueError, LookupError, TypeError):
        return None
    if isinstance(value, list | dict):
        return json.dumps(value)
    return value if isinstance(value, int) and abs(value) < 2**63 else folder_to_text(str(value))


_FUNCTIONS = (
    ("part", 2, _part),
    ("folder_text", 1, _folder_text),
    ("words", 1, _words),
    ("number", 1, _number),
    ("field", 2, _field),
)


def _statements(script: str) -> Iterator[str]:
    statement = ""
    for line in script.splitlines():
        statement += line + "\n"
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
