"""Is a report that is no failure worth opening the store for? Asked at every call, so as little as can be."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from meshcore.agents.base import Began, Denied, Edited, Report, Success, Upcoming
from meshcore.home import Home
from meshcore.hook import gate
from meshcore.hook.handled import BUSY_SECONDS
from meshcore.store.known_marks import are_kept, is_marked, is_open, session_key

if TYPE_CHECKING:
    from meshcore.knowledge.typed import Typed

_open_to_the_end: list[sqlite3.Connection] = []


def opened() -> sqlite3.Connection | None:
    """Return the connection with which this process looked at the store, for use: to read its schema takes a while."""
    return _open_to_the_end.pop() if _open_to_the_end else None


def is_news(report: Report, home: Home, via: str, *, to_the_end: bool = False) -> bool:
    """Tell whether a report says something: in a session where something is open, or of what is known in its project.

    `to_the_end`: this process ends at once; see `hook.call.take`. Raises sqlite3.Error.
    """
    if not home.store.exists():
        return False
    state = str(home.state)
    if isinstance(report, Upcoming) and are_kept(state):  # asked most often; what has passed since keeps its mark
        root, typed = _typed(report)
        if not is_marked(state, root, typed.key(root)):
            return False
    if isinstance(report, Success | Denied) and is_open(state, session_key(via, report.session)):
        return True
    database = gate.opened(str(home.store))
    database = database or sqlite3.connect(home.store, timeout=BUSY_SECONDS, isolation_level=None)
    try:
        return _is_news(report, database, session_key(via, report.session))
    finally:
        if to_the_end:
            _open_to_the_end.append(database)
        else:
            database.close()


def _is_news(report: Report, database: sqlite3.Connection, session: str) -> bool:
    if isinstance(report, Success | Denied):
        if database.execute("SELECT 1 FROM hook_sessions WHERE session=?", (session,)).fetchone():
            return True
        if isinstance(report, Denied):
            return False
    if isinstance(report, Success):
        from meshcore.knowledge.hidden import hidden_failure

        if hidden_failure(report.command, report.output):
            return True
    if not database.execute("SELECT 1 FROM checkouts LIMIT 1").fetchone():
        return False
    return _is_known(report, database)


def _is_known(report: Report, database: sqlite3.Connection) -> bool:
    """Tell whether a command is known to fail in its project, or changes what others there depend on."""
    root, typed = _typed(report)
    found = database.execute("SELECT project FROM checkouts WHERE root=?", (root,)).fetchone()
    if found is None:
        return False
    if isinstance(report, Edited):
        return True
    if isinstance(report, Began):
        sql = "SELECT 1 FROM habits WHERE project=? AND sessions>1 LIMIT 1"
        return database.execute(sql, (found[0],)).fetchone() is not None
    sql = "SELECT 1 FROM habits WHERE project=? AND command=? AND sessions>0"
    if database.execute(sql, (found[0], typed.key(root))).fetchone():
        return True
    if isinstance(report, Upcoming):
        return False
    sql = (
        "SELECT 1 FROM told_habits JOIN projects ON identity=told_habits.project"
        " WHERE number=? AND told_habits.command=? AND sessions>0"
    )
    if database.execute(sql, (found[0], typed.key(root).hex())).fetchone():
        return True
    from meshcore.knowledge.shell_words import changes

    return changes(typed.words)


def _typed(report: Report) -> tuple[str, Typed]:
    """Return the folder of a report's project, and its command as that remembers it."""
    from meshcore.healing.checkout import root_of
    from meshcore.knowledge.typed import read_typed

    typed = read_typed("" if isinstance(report, Edited) else report.command, report.cwd or "/")
    return root_of(typed.folder or report.cwd or "/").encode("utf-8", "replace").decode(), typed
