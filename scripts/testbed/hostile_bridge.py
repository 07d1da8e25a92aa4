"""What somebody can do who may write a bridge's files and its folder. Each attack is a function of the place.

Nothing here uses this project's code: an attacker has its own.
"""

from __future__ import annotations

import fcntl
import os
import random
import shutil
import socket
import sqlite3
import stat
import struct
import time
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

ENDLESS = "(WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n)"
NOW = "2026-11-22T08:00:00.000000Z"
_MAGIC = bytes.fromhex("d9d505f920a163d7")


@dataclass(frozen=True, slots=True)
class Place:
    """A bridge (the path that users name) and a folder of a victim's own files."""

    bridge: Path
    victim: Path

    def beside(self, ending: str) -> Path:
        """Return a file of the bridge by what its name ends in."""
        return Path(f"{self.bridge}{ending}")

    @property
    def log(self) -> Path:
        return self.beside(".mesh.db")

    @property
    def keys(self) -> Path:
        """Return the victim's file that it would be worst to lose."""
        return self.victim / "authorized_keys"

    def sql(self, *statements: str, old: bool = False, **pragmas: object) -> None:
        """Run statements on the log, or the old database."""
        with closing(sqlite3.connect(self.bridge if old else self.log, isolation_level=None, timeout=1)) as connection:
            for name, value in pragmas.items():
                connection.execute(f"PRAGMA {name}={value}")
            for statement in statements:
                connection.execute(statement)


def make_victim(folder: Path) -> None:
    """Make the victim's files: a private file, a socket, a database, a private folder."""
    folder.mkdir(mode=0o700)
    (folder / "authorized_keys").write_text("ssh-ed25519 AAAA\n")
    (folder / "authorized_keys").chmod(0o600)
    with closing(sqlite3.connect(folder / "own.db")) as connection:
        connection.execute("CREATE TABLE notes (text)")
    (folder / "own.db").chmod(0o600)
    (folder / "empty").touch(0o600)
    (folder / "folder").mkdir(mode=0o700)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        before = Path.cwd()
        os.chdir(folder)
        listening.bind("socket")
        os.chdir(before)


def picture(folder: Path) -> Mapping[str, object]:
    """Return all that shows whether anything of a victim was touched: names, modes, owners, times and contents."""
    found: dict[str, object] = {}
    for path in sorted([folder, *folder.rglob("*")]):
        status = path.lstat()
        is_plain = stat.S_ISREG(status.st_mode)
        said = (status.st_mode, status.st_uid, status.st_gid, status.st_nlink if is_plain else 0, status.st_mtime_ns)
        found[str(path)] = (*said, path.read_bytes() if is_plain else b"")
    return found


# --- files in the place of ours ---------------------------------------------------------------------------------------

ENDINGS: tuple[str, ...] = ("", "-wal", "-shm", "-journal")
ENDINGS += tuple(f".mesh.{name}" for name in ("db", "db-wal", "db-shm", "db-journal", "lock"))
ENDINGS += tuple(
    f".mesh.{name}" for name in ("gateway", "bells", "old", "old/state.db", "old/lock", "old/state.db-wal")
)
Attack: TypeAlias = Callable[[Place], None]


def _clear(path: Path) -> None:
    path.parent.mkdir(exist_ok=True)
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    with suppress(FileNotFoundError):
        path.unlink()


def link(ending: str, target: str) -> Attack:
    def attack(place: Place) -> None:
        _clear(path := place.beside(ending))
        path.symlink_to(target if target.startswith("/") else place.victim / target)

    return attack


def second_name(ending: str, target: str) -> Attack:
    def attack(place: Place) -> None:
        _clear(path := place.beside(ending))
        with suppress(PermissionError):  # the kernel forbids it, unless the attacker owns the file
            os.link(place.victim / target, path)

    return attack


def pipe(ending: str) -> Attack:
    def attack(place: Place) -> None:
        _clear(path := place.beside(ending))
        os.mkfifo(path, 0o666)

    return attack


def folder(ending: str) -> Attack:
    def attack(place: Place) -> None:
        _clear(path := place.beside(ending))
        path.mkdir()

    return attack


def listening(ending: str) -> Attack:
    def attack(place: Place) -> None:
        _clear(path := place.beside(ending))
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as one:
            before = Path.cwd()
            os.chdir(path.parent)
            one.bind(path.name)
            os.chdir(before)

    return attack


def sparse(ending: str, size: int = 2**40) -> Attack:
    def attack(place: Place) -> None:
        path = place.beside(ending)
        if not path.exists():
            path.touch()
        with suppress(OSError):  # not every file system holds one as large
            os.truncate(path, size)

    return attack


def cut(ending: str, size: int) -> Attack:
    return lambda place: os.truncate(place.beside(ending), size) if place.beside(ending).is_file() else None


def garbage(ending: str, seed: int, share: float) -> Attack:
    """Overwrite a share of the bytes behind a file's first page."""

    def attack(place: Place) -> None:
        path, chance = place.beside(ending), random.Random(seed)
        if not path.is_file():
            return
        content = bytearray(path.read_bytes())
        for at in range(min(100, len(content)), len(content)):
            if chance.random() < share:
                content[at] = chance.randrange(256)
        path.write_bytes(content)

    return attack


def mode(ending: str, value: int) -> Attack:
    return lambda place: place.beside(ending).chmod(value)


def mode_of_folder(value: int) -> Attack:
    return lambda place: place.bridge.parent.chmod(value)


def journal_of(ending: str) -> Attack:
    """Leave a journal that names a file of the victim's, which SQLite deletes after it was played back."""

    def attack(place: Place) -> None:
        database, name = place.beside(ending), str(place.keys).encode()
        for beside in ("-wal", "-shm"):
            _clear(Path(f"{database}{beside}"))
        head = _MAGIC + struct.pack(">IIIII", 0, 1, database.stat().st_size // 4096, 512, 4096)
        page = struct.pack(">I", 0x40000000 // 4096 + 1)
        tail = page + name + struct.pack(">II", len(name), sum(name)) + _MAGIC
        Path(f"{database}-journal").write_bytes(head.ljust(512, b"\0") + tail)

    return attack


# --- bells ------------------------------------------------------------------------------------------------------------


def bell_row(name: str) -> Attack:
    def attack(place: Place) -> None:
        path = name.replace("VICTIM", str(place.victim))
        place.sql(f"INSERT OR REPLACE INTO doorbells VALUES ('{path}', '9')")

    return attack


def bell_file(make: Callable[[Path, Place], None]) -> Attack:
    def attack(place: Place) -> None:
        bells = place.beside(".mesh.bells")
        bells.mkdir(exist_ok=True)
        make(bells / "0123abcd.bell", place)
        place.sql("INSERT OR REPLACE INTO doorbells VALUES ('0123abcd.bell', '9')")

    return attack


def many_bells(place: Place) -> None:
    bells = place.beside(".mesh.bells")
    bells.mkdir(exist_ok=True)
    for number in range(5000):
        (bells / f"{number:08x}.bell").touch()
    place.sql(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50000) "
        "INSERT OR REPLACE INTO doorbells SELECT printf('%08x.bell', i), '9' FROM n"
    )


# --- the schema -------------------------------------------------------------------------------------------------------


def schema(*statements: str, old: bool = False) -> Attack:
    return lambda place: place.sql(*statements, old=old)


def rewritten(table: str, before: str, after: str, *, old: bool = False, bump: bool = True) -> Attack:
    """Change what a table was made with, beneath SQLite."""

    def attack(place: Place) -> None:
        change = f'UPDATE sqlite_master SET sql = replace(sql, "{before}", "{after}") WHERE name = "{table}"'
        place.sql(change, *(["PRAGMA schema_version=99"] if bump else []), old=old, writable_schema="ON")

    return attack


TABLES = ("log", "members", "awaited", "receipts", "doorbells", "claims", "meta")
SCHEMAS: dict[str, Attack] = {
    f"trigger on {table}": schema(
        *(
            f"CREATE TRIGGER t_{when} BEFORE {when} ON {table} BEGIN SELECT {ENDLESS}; END"
            for when in ("INSERT", "UPDATE", "DELETE")
        )
    )
    for table in TABLES
} | {
    "a trigger that publishes": schema(
        "CREATE TRIGGER t AFTER UPDATE ON members BEGIN DELETE FROM log; INSERT INTO doorbells VALUES ('/x', ''); END"
    ),
    "a view in the place of members": schema(
        "DROP TABLE members", f"CREATE VIEW members AS SELECT {ENDLESS} AS node, 1 AS cursor"
    ),
    "a view that nobody asked for": schema(f"CREATE VIEW v AS SELECT {ENDLESS} AS n"),
    "a table that nobody asked for": schema("CREATE TABLE extra (x)"),
    "a virtual table": schema("CREATE VIRTUAL TABLE t USING fts5 (x)"),
    "a virtual table in the place of the log": schema(
        "DROP TABLE log", "CREATE VIRTUAL TABLE log USING fts5 (seq, text)"
    ),
    "an index on an expression": schema("CREATE INDEX i ON log (length(hex(zeroblob(10000)) || text))"),
    "a partial index": schema("CREATE INDEX i ON log (seq) WHERE text LIKE '%a%b%c%d%e%f%'"),
    "a strict table": schema("DROP TABLE awaited", "CREATE TABLE awaited (seq INTEGER, node TEXT) STRICT"),
    "a collation": schema("DROP TABLE awaited", "CREATE TABLE awaited (seq INTEGER, node TEXT COLLATE nocase)"),
    "a generated column": schema(
        "DROP TABLE log",
        "CREATE TABLE log (seq INTEGER PRIMARY KEY AUTOINCREMENT, record_id TEXT, kind TEXT, origin TEXT, key TEXT, "
        "sig TEXT, published_at TEXT, x, text TEXT AS (hex(zeroblob(500000000))))",
    ),
    "a heavy check": rewritten("log", "'legacy'))", "'legacy') AND length(hex(randomblob(400000000))) > seq)"),
    "a heavy default": rewritten("members", "NOT NULL DEFAULT 0", "NOT NULL DEFAULT (length(randomblob(900000000)))"),
    "a check beneath SQLite": rewritten("members", "host TEXT", "host TEXT CHECK (length(zeroblob(1e9)))", bump=False),
    "a table that lacks a column": schema("ALTER TABLE receipts DROP COLUMN reason"),
    "no tables at all": schema(*(f"DROP TABLE {table}" for table in TABLES)),
    "4,000 tables": lambda place: place.sql("BEGIN", *(f"CREATE TABLE t{n} (x)" for n in range(4000)), "COMMIT"),
    "a trigger in the old database": schema(
        f"CREATE TRIGGER t BEFORE INSERT ON enhanced_messages BEGIN SELECT {ENDLESS}; END", old=True
    ),
    "a view in the old database": schema(
        "DROP TABLE enhanced_messages", f"CREATE VIEW enhanced_messages AS SELECT {ENDLESS} AS message_id", old=True
    ),
    "an expression in the old database": schema(
        "CREATE INDEX i ON enhanced_messages (length(zeroblob(100000000)))", old=True
    ),
    "a generated column in the old database": schema(
        "ALTER TABLE enhanced_messages ADD COLUMN g AS (hex(zeroblob(500000000)))", old=True
    ),
}


# --- rows -------------------------------------------------------------------------------------------------------------


def log_row(text: str, *, seq: str = "NULL", key: str = "'" + "e" * 64 + "'", sig: str = "'00'") -> str:
    values = f"{seq}, 'r', 'skill', 'mesh', {key}, {sig}, '{NOW}', {text}"
    return f"INSERT OR REPLACE INTO log (seq, record_id, kind, origin, key, sig, published_at, text) VALUES ({values})"


def many_rows(count: int, key: str) -> Attack:
    """Flood the log; `key` is an expression of the row's number `i`."""
    return lambda place: place.sql(
        f"WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count}) "
        "INSERT INTO log (record_id, kind, origin, key, sig, published_at, text) "
        f"SELECT 'r' || i, 'skill', 'mesh', {key}, '00', '{NOW}', '{{\"v\":1}}' || i FROM n"
    )


def many_members(place: Place) -> None:
    place.sql(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) "
        "INSERT INTO members (node, name, host, joined_at, seen_at, key, sig, text) "
        f"SELECT printf('%064x', i), 'n' || i, 'h', '', '{NOW}', printf('%064x', i), '00', '{{}}' FROM n"
    )


def large(table: str, column: str, size: int = 40_000_000) -> Attack:
    """Make one value of every row too large to read."""

    def attack(place: Place) -> None:
        if table == "log":
            place.sql(log_row("'x'"), log_row("'y'"))
        place.sql(
            f"UPDATE {table} SET {column} = CAST(zeroblob({size}) AS TEXT) WHERE seq = 20"
            if table == "log"
            else f"UPDATE {table} SET {column} = CAST(zeroblob({size}) AS TEXT) WHERE node LIKE 'a%'"
        )

    return attack


ROWS: dict[str, Attack] = {
    "a row of 40 MB": lambda place: place.sql(log_row("CAST(zeroblob(40000000) AS TEXT)")),
    "a row of 40 MB that is a blob": lambda place: place.sql(log_row("zeroblob(40000000)")),
    "the highest number": lambda place: place.sql(log_row("'x'", seq="9223372036854775807")),
    "the highest number, in the sequence": lambda place: place.sql(
        log_row("'x'"), "UPDATE sqlite_sequence SET seq = 9223372036854775807"
    ),
    "a sequence that is text": lambda place: place.sql(log_row("'x'"), "UPDATE sqlite_sequence SET seq = 'x'"),
    "the lowest number": lambda place: place.sql(log_row("'x'", seq="-9223372036854775808"), log_row("'x'", seq="0")),
    "a number far ahead": lambda place: place.sql(log_row("'x'", seq="4611686018427387904")),
    "pruned up to the highest number": lambda place: place.sql("UPDATE meta SET value = '9223372036854775807'"),
    "pruned up to a blob": lambda place: place.sql("UPDATE meta SET value = x'ff' WHERE name = 'pruned_to'"),
    "no meta": lambda place: place.sql("DELETE FROM meta"),
    "a meta of 40 MB": lambda place: place.sql("UPDATE meta SET value = CAST(zeroblob(40000000) AS TEXT)"),
    "5,000 rows of a stranger": many_rows(5000, f"'{'e' * 64}'"),
    "5,000 rows of as many strangers": many_rows(5000, "printf('%064x', i)"),
    "5,000 rows of nobody": many_rows(5000, "''"),
    "20,000 members": many_members,
    "a member's hello of 40 MB": large("members", "text"),
    "a member's name of 40 MB": large("members", "name"),
    "a member's beat of 40 MB": large("members", "beat_text"),
    "a key of 40 MB": large("log", "key"),
    "a signature of 40 MB": large("log", "sig"),
    "a time of 40 MB": large("log", "published_at"),
    "members of no type": lambda place: place.sql(
        "UPDATE members SET joined_at = x'00', seen_at = 1e999, cursor = 'x', name = x'ff', text = 7",
        ignore_check_constraints="ON",
    ),
    "an origin that is none": lambda place: place.sql(
        log_row("'x'"), "UPDATE log SET origin = x'ff', published_at = 7", ignore_check_constraints="ON"
    ),
    "everything deleted": lambda place: place.sql(*(f"DELETE FROM {table}" for table in TABLES if table != "meta")),
    "the reader's cursor at the end": lambda place: place.sql("UPDATE members SET cursor = 9223372036854775807"),
    "100,000 expected receipts": lambda place: place.sql(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000) "
        "INSERT INTO awaited SELECT 1, printf('%064x', i) FROM n"
    ),
    "a newer schema": lambda place: place.sql("PRAGMA user_version=99"),
    "a negative schema": lambda place: place.sql("PRAGMA user_version=-1"),
    "a rollback journal": lambda place: place.sql("PRAGMA journal_mode=DELETE"),
    "a row of 40 MB in the old database": lambda place: place.sql(
        "INSERT INTO enhanced_messages (message_id, to_app, content, status, created_time) "
        "VALUES ('skill_1', 'all', CAST(zeroblob(40000000) AS TEXT), 'pending', '2026')",
        old=True,
    ),
    "an id of 40 MB in the old database": lambda place: place.sql(
        "INSERT INTO enhanced_messages (message_id, to_app, content, status, created_time) "
        "VALUES (CAST(zeroblob(40000000) AS TEXT), 'all', '{}', 'pending', '2026')",
        old=True,
    ),
}

FILES: dict[str, Attack] = (
    {f"{ending or 'the bridge'} is a link to a file": link(ending, "authorized_keys") for ending in ENDINGS}
    | {f"{ending or 'the bridge'} is a link to nothing": link(ending, "made") for ending in ENDINGS}
    | {f"{ending or 'the bridge'} is a link to a database": link(ending, "own.db") for ending in ENDINGS}
    | {f"{ending or 'the bridge'} is a link to an empty file": link(ending, "empty") for ending in ENDINGS}
    | {f"{ending or 'the bridge'} is a link to a folder": link(ending, "folder") for ending in ENDINGS}
    | {f"{ending or 'the bridge'} is a link to a device": link(ending, "/dev/zero") for ending in ENDINGS}
    | {f"{ending or 'the bridge'} is a second name": second_name(ending, "authorized_keys") for ending in ENDINGS}
    | {f"{ending or 'the bridge'} is a second name of a database": second_name(ending, "own.db") for ending in ENDINGS}
    | {f"{ending or 'the bridge'} is a pipe": pipe(ending) for ending in ENDINGS}
    | {f"{ending or 'the bridge'} is a folder": folder(ending) for ending in ENDINGS}
    | {f"{ending or 'the bridge'} is a socket": listening(ending) for ending in ENDINGS}
    | {f"{ending or 'the bridge'} is 1 TB": sparse(ending) for ending in ENDINGS if "bells" not in ending}
    | {f"{ending or 'the bridge'} is cut off": cut(ending, 0) for ending in ENDINGS}
    | {f"{ending or 'the bridge'} is cut in the middle": cut(ending, 5000) for ending in ENDINGS}
    | {
        f"{ending or 'the bridge'} is damaged ({seed})": garbage(ending, seed, share)
        for ending in ("", ".mesh.db", ".mesh.db-wal", ".mesh.db-shm")
        for seed, share in enumerate((1.0, 0.3, 0.01, 0.001))
    }
    | {f"the journal of {ending or 'the bridge'} names a file": journal_of(ending) for ending in ("", ".mesh.db")}
    | {f"{ending or 'the bridge'} can be written by all": mode(ending, 0o666) for ending in ("", ".mesh.db")}
    | {f"the folder has mode {value:o}": mode_of_folder(value) for value in (0o777, 0o1777)}
)

BELLS: dict[str, Attack] = {
    "a bell that is a path": bell_row("VICTIM/authorized_keys"),
    "a bell that is a socket elsewhere": bell_row("VICTIM/socket"),
    "a bell that climbs": bell_row("../../../../../../../../VICTIM/socket"),
    "a bell that is empty": bell_row(""),
    "a bell with a line break": bell_row("0123abcd.bell\n"),
    "a bell that is a link to a socket": bell_file(lambda path, place: path.symlink_to(place.victim / "socket")),
    "a bell that is a link to a file": bell_file(lambda path, place: path.symlink_to(place.keys)),
    "a bell that is a second name": bell_file(lambda path, place: os.link(place.victim / "socket", path)),
    "a bell that is a file": bell_file(lambda path, place: path.touch()),
    "a bell that is a pipe": bell_file(lambda path, place: os.mkfifo(path)),
    "50,000 bells": many_bells,
}

ATTACKS: dict[str, Attack] = FILES | BELLS | SCHEMAS | ROWS


# --- what lasts -------------------------------------------------------------------------------------------------------


def hold_lock(place: Place) -> object:
    """Hold the log for writing; what is returned keeps it."""
    connection = sqlite3.connect(place.log, isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    return connection


def hold_exclusively(place: Place) -> object:
    """Hold the old database so that nobody can read it."""
    connection = sqlite3.connect(place.bridge, isolation_level=None)
    connection.execute("BEGIN EXCLUSIVE")
    return connection


def hold_locking_mode(place: Place) -> object:
    """Hold the log so that nobody can read it."""
    connection = sqlite3.connect(place.log, isolation_level=None)
    connection.execute("PRAGMA locking_mode=EXCLUSIVE")
    connection.execute("BEGIN EXCLUSIVE")
    connection.execute("SELECT * FROM meta").fetchall()
    return connection


def hold_files(place: Place) -> object:
    """Take every lock on every file of the bridge, of both kinds."""
    held = []
    for ending in ENDINGS:
        if (path := place.beside(ending)).is_file():
            file = path.open("r+b")
            with suppress(OSError):
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            with suppress(OSError):
                fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            held.append(file)
    return held


def hold_recovery(place: Place) -> object:
    """Keep readers of the log waiting for somebody who mends its index: 10 s long, without SQLite asking anybody."""
    index = place.beside(".mesh.db-shm")
    if not index.exists():
        keep = sqlite3.connect(place.log)
        keep.execute("SELECT * FROM meta").fetchall()
    else:
        keep = None
    file = index.open("r+b")
    fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, 120)  # the lock of whoever writes
    file.write(bytes(200))
    file.flush()
    return file, keep


def hold_open(place: Place) -> object:
    """Stay in the middle of reading, so that the write-ahead log has no end."""
    connection = sqlite3.connect(place.log, isolation_level=None)
    connection.execute("BEGIN")
    connection.execute("SELECT count(*) FROM log").fetchall()
    return connection


HOLDS: dict[str, Callable[[Place], object]] = {
    "a writer that never ends": hold_lock,
    "a writer of the old database that never ends": hold_exclusively,
    "an exclusive reader": hold_locking_mode,
    "every lock of every file": hold_files,
    "an index that is never mended": hold_recovery,
    "a reader that never ends": hold_open,
}


# --- what goes on all the time ----------------------------------------------------------------------------------------


def _swapping(ending: str, *turns: Callable[[Path, Place], None]) -> Callable[[Place], None]:
    """Put one thing after the other in the place of a file, as fast as that goes."""

    def storm(place: Place) -> None:
        path = place.beside(ending)
        spare = path.with_name(f".spare{os.getpid()}")
        while True:
            for turn in turns:
                with suppress(OSError):
                    _clear(spare)
                    turn(spare, place)
                    if path.is_dir() and not path.is_symlink():
                        path.rename(path.with_name(f".old{os.getpid()}.{time.monotonic_ns()}"))
                    spare.rename(path)

    return storm


def _copy(ending: str) -> Callable[[Path, Place], None]:
    def turn(spare: Path, place: Place) -> None:
        shutil.copyfile(place.beside(f"{ending}.kept"), spare)

    return turn


def _kept(ending: str, storm: Callable[[Place], None]) -> Callable[[Place], None]:
    """Keep a copy of a file before it is swapped."""

    def keeping(place: Place) -> None:
        with suppress(OSError):
            shutil.copyfile(place.beside(ending), place.beside(f"{ending}.kept"))
        storm(place)

    return keeping


def _journals(ending: str) -> Callable[[Place], None]:
    """Let a journal that names a file come and go between any two looks at it."""

    def storm(place: Place) -> None:
        database, name = place.beside(ending), str(place.keys).encode()
        head = _MAGIC + struct.pack(">IIIII", 0, 1, database.stat().st_size // 4096, 512, 4096)
        page = struct.pack(">I", 0x40000000 // 4096 + 1)
        journal = head.ljust(512, b"\0") + page + name + struct.pack(">II", len(name), sum(name)) + _MAGIC
        spare, path = place.beside(".spare"), Path(f"{database}-journal")
        while True:
            with suppress(OSError):
                spare.write_bytes(journal)
                spare.rename(path)
                path.unlink()

    return storm


def _cutting(ending: str) -> Callable[[Place], None]:
    def storm(place: Place) -> None:
        while True:
            with suppress(OSError):
                os.truncate(place.beside(ending), 0)
            time.sleep(0.001)

    return storm


def _writing(*statements: str) -> Callable[[Place], None]:
    def storm(place: Place) -> None:
        while True:
            with suppress(sqlite3.Error):
                place.sql(*statements)

    return storm


STORMS: dict[str, Callable[[Place], None]] = {
    "the log is swapped with a link": _kept(
        ".mesh.db",
        _swapping(".mesh.db", _copy(".mesh.db"), lambda path, place: path.symlink_to(place.victim / "own.db")),
    ),
    "the bridge is swapped with a link": _kept(
        "", _swapping("", _copy(""), lambda path, place: path.symlink_to(place.victim / "own.db"))
    ),
    "the lock is swapped with a link": _swapping(
        ".mesh.lock", lambda path, _: path.touch(), lambda path, place: path.symlink_to(place.keys)
    ),
    "the bells are swapped with a link": _swapping(
        ".mesh.bells", lambda path, _: path.mkdir(), lambda path, place: path.symlink_to(place.victim / "folder")
    ),
    "a journal of the log comes and goes": _journals(".mesh.db"),
    "a journal of the bridge comes and goes": _journals(""),
    "the log is cut off all the time": _cutting(".mesh.db"),
    "its write-ahead log is cut off all the time": _cutting(".mesh.db-wal"),
    "rows are deleted all the time": _writing("DELETE FROM log", "DELETE FROM members"),
    "rows are written all the time": _writing(*[log_row(f"'x{n}'") for n in range(100)]),
    "triggers come and go": _writing(
        f"CREATE TRIGGER t BEFORE UPDATE ON members BEGIN SELECT {ENDLESS}; END", "DROP TRIGGER t"
    ),
}
"""What an attacker does until it is killed; none returns."""
