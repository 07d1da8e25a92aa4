"""The newest result of each run that was validated; `views.run_results` lists them."""

from __future__ import annotations

import json
from collections.abc import Sequence

from meshcore.store.database import Database
from meshcore.store.rows import folder_to_text


class RunResults:
    """The table `run_results`."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def put(self, path: str, status: str, at: str, *, errors: Sequence[str] = (), warnings: Sequence[str] = ()) -> None:
        """Keep the newest result of a run, by its path."""
        values = (folder_to_text(path), status, at, json.dumps(list(errors)), json.dumps(list(warnings)))
        with self._db.transaction():
            self._db.execute("INSERT OR REPLACE INTO run_results VALUES (?,?,?,?,?)", values)

    def drop(self, path: str) -> None:
        """Forget a run."""
        with self._db.transaction():
            self._db.execute("DELETE FROM run_results WHERE path=?", (folder_to_text(path),))
