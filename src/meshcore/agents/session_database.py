"""Sessions that a program keeps in one SQLite file: read as its own file is, without a lock and without a trace."""

from __future__ import annotations

import errno
import json
import sqlite3
import stat
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from meshcore.agents.session_file import MAX_LINE, Ended, Reading, SessionFiles
from meshcore.model import Json


@dataclass(frozen=True, slots=True)
class SessionDatabase(SessionFiles):
    """Sessions whose objects are rows; a session's path is that of the file with the session's id behind it.

    `listed` returns (id, rows) of each session, the one written last at the end; `rows` takes an id and a number, and
    returns (JSON text or NULL where it has more bytes, folder, version) in the order of the session.
    """

    listed: str = ""
    rows: str = ""

    def found(self) -> list[tuple[Path, int]]:
        """Return the sessions with their share of the file in bytes, by when they were written."""
        try:
            size = self.folder.lstat().st_size
            with closing(self._open()) as database:
                counted = [(str(name), int(count)) for name, count in database.execute(self.listed)]
        except FileNotFoundError:
            return []
        except (OSError, sqlite3.Error):
            return [(self.folder / "its tables", 0)]  # what is read of it says why
        whole = sum(count for _, count in counted) or 1
        return [(self.folder / name, size * count // whole) for name, count in counted if self.name.fullmatch(name)]

    def read(self, path: Path, reading: Reading) -> Iterator[Ended]:
        """Yield the commands of one session as they ended. Raises OSError."""
        try:
            with closing(self._open()) as database:
                yield from self.commands(_objects(database.execute(self.rows, (MAX_LINE, path.name)), path, reading))
        except sqlite3.Error as error:
            raise OSError(errno.EINVAL, f"another form than is known: {error}") from error

    def _open(self) -> sqlite3.Connection:
        if not stat.S_ISREG(self.folder.lstat().st_mode):
            raise OSError(errno.EINVAL, "no plain file")
        # Nothing is written beside the file; what still lies in its write-ahead log is read another time.
        return sqlite3.connect(f"file:{quote(str(self.folder))}?mode=ro&immutable=1", uri=True)


def _objects(rows: sqlite3.Cursor, path: Path, reading: Reading) -> Iterator[Mapping[str, Json]]:
    for number, (data, folder, version) in enumerate(rows, 1):
        reading.version = str(version)[:40]
        if data is None:
            reading.note(path, number, f"longer than {MAX_LINE >> 20} MiB, passed over")
            continue
        reading.read += len(data)
        try:
            value = json.loads(data)
        except (ValueError, RecursionError):
            reading.note(path, number, "no JSON, passed over")
            continue
        yield {"part": value, "folder": str(folder), "session": path.name}
