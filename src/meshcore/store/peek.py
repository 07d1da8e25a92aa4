"""What waits for a person in the store of another home, read by a process of its own that leaves no trace there.

The home may be somebody else's, and hostile: nothing is written or followed, a text is cut, and whoever starts this
process ends it after a while (`meshcore.control.other_homes`). SQLite maps a file of the home into memory, which its
owner may cut off: that ends this process alone.
"""

from __future__ import annotations

import json
import resource
import shlex
import sqlite3
import stat
import sys
from contextlib import closing
from pathlib import Path

from meshcore.errors import ConfigurationError, MeshError
from meshcore.model import TEXT_LIMIT, Json
from meshcore.store.database import SCHEMA_VERSION, VERSION_AND_TABLES, check_version, fault
from meshcore.store.meta import fact
from meshcore.store.meta_key import MetaKey
from meshcore.store.rows import evidence_from_json

MOST_WAITING = 200
MOST_REASONS = 10
PATIENCE_SECONDS = 1.0
_OPERATOR: tuple[MetaKey, ...] = ("operator_key", "operator")  # as anchored, else as last used
_MEMORY = 512 << 20  # bytes
_VALUE = 4 << 20  # bytes of one value

_WAITING = """
SELECT a.approval_id, a.incident_id, a.skill_id, a.command, a.runs, a.rerun, a.asked, a.reasons,
  i.cwd, i.argv, s.author, s.own_operator, s.evidence, (SELECT name FROM authors WHERE node=s.author) AS name
FROM approvals a LEFT JOIN incidents i ON i.incident_id=a.incident_id LEFT JOIN skills s ON s.skill_id=a.skill_id
WHERE a.state='waiting' ORDER BY a.seq LIMIT ?
"""


def waiting_in(home: Path) -> dict[str, Json]:
    """Return `operator`, the key of the home's operator ("" for not known), and what waits there, oldest first.

    One more than `MOST_WAITING` are returned where there are more. Raises MeshError.
    """
    path = home / "store.db"
    try:
        with closing(_open(path)) as connection:
            version, tables = connection.execute(VERSION_AND_TABLES).fetchone()
            if check_version(version, tables, path) != SCHEMA_VERSION:
                raise ConfigurationError(f"{path}: an older store; {_once(home)}")
            operator = next(filter(None, (_known(connection, name) for name in _OPERATOR)), "")
            rows = connection.execute(_WAITING, (MOST_WAITING + 1,)).fetchall()
    except sqlite3.Error as error:
        raise fault(error, path, PATIENCE_SECONDS) from error
    try:
        found = [_to_json(row) for row in rows]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise ConfigurationError(f"{path}: holds a damaged row; restore it from a backup") from error
    return {"operator": operator, "waiting": found}


def _known(connection: sqlite3.Connection, key: MetaKey) -> str:
    asked = fact(key)
    row = connection.execute(asked.sql, asked.parameters).fetchone()
    return _text(asked.row(row)) if row is not None else ""


def _open(path: Path) -> sqlite3.Connection:
    """Open a store so that nothing is made beside it. Raises ConfigurationError, sqlite3.Error."""
    there, log = _is_file(path), path.with_name(path.name + "-wal")
    if not there:
        raise ConfigurationError(f"{path}: no store here; correct `homes` in config.toml")
    way = "immutable=1"  # nobody has it open: then SQLite would make the log anew
    if _is_file(log) and log.stat().st_size:
        if not _is_file(path.with_name(path.name + "-shm")):
            raise ConfigurationError(f"{path}: not left in order; {_once(path.parent)}")
        way = "readonly_shm=1"
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=ro&{way}", uri=True, isolation_level=None, timeout=PATIENCE_SECONDS
    )
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _VALUE)
    connection.text_factory = lambda raw: raw.decode(errors="replace")
    connection.row_factory = sqlite3.Row
    connection.execute("PRAGMA temp_store=MEMORY")
    return connection


def _once(home: Path) -> str:
    return f"run `meshtui --home {shlex.quote(str(home))} status` once"


def _is_file(path: Path) -> bool:
    """Tell whether a file is there. Raises ConfigurationError for a link, a pipe, or what may not be seen."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read ({error.strerror})") from error
    if not stat.S_ISREG(found.st_mode):
        raise ConfigurationError(f"{path}: not a plain file; it was not opened")
    return True


def _to_json(row: sqlite3.Row) -> dict[str, Json]:
    names = ("approval_id", "incident_id", "skill_id", "command", "runs", "rerun", "asked", "cwd", "author")
    evidence = evidence_from_json(json.loads(row["evidence"] or "{}"))
    return {
        **{name: _text(row[name]) for name in names},
        "reasons": [_text(reason) for reason in json.loads(row["reasons"])[:MOST_REASONS]],
        "argv": [_text(word) for word in json.loads(row["argv"] or "[]")][:TEXT_LIMIT],
        "name": _text(row["name"]),
        "own": bool(row["own_operator"]),
        "verified": int(evidence.verified),
        "tries": int(evidence.verified + evidence.failed),
    }


def _text(value: object) -> str:
    """Return a value as text, one character longer than may be shown where it is longer."""
    return "" if value is None else str(value)[: TEXT_LIMIT + 1]


def main(words: list[str]) -> int:
    """Print what waits in the home that is named, or `fault`, as JSON."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    try:
        found = waiting_in(Path(words[0]))
    except MeshError as error:
        found = {"fault": str(error)}
    except (OSError, MemoryError, OverflowError) as error:
        found = {"fault": f"{words[0]}: cannot be read ({type(error).__name__})"}
    sys.stdout.write(json.dumps(found, ensure_ascii=True))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
