"""This node's agents, and the commands that they ran lately, kept for recognition."""

from __future__ import annotations

import json
from collections.abc import Sequence

from meshcore.store import queries as reads
from meshcore.store.database import Database
from meshcore.store.events import Events
from meshcore.store.read import Read, marks
from meshcore.store.rows import CommandRow, command_of_row, folder_to_text

COMMANDS_KEPT_PER_FOLDER = 200


class Agents:
    """The table `agents`."""

    def __init__(self, db: Database, events: Events) -> None:
        self._db = db
        self._events = events

    def see(self, name: str, via: str, host: str) -> None:
        """Note a sign of life of an agent of this node."""
        with self._db.transaction():
            done = self._db.execute(
                "UPDATE agents SET last_seen=?, via=?, host=? WHERE name=?", (self._db.now(), via, host, name)
            )
            if not done.rowcount:
                self._db.execute(
                    "INSERT INTO agents VALUES (?,?,?,?,?)", (name, via, host, self._db.now(), self._db.now())
                )
                self._events.add("agent.joined", agent=name, data={"via": via, "host": host})

    def all(self) -> list[dict[str, str]]:
        """Return this node's agents: name, via, host, first_seen, last_seen."""
        return self._db.all(reads.agents())


class Commands:
    """The table `commands`."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def add(self, row: CommandRow) -> int:
        """Remember a command for recognition; return its id. A folder keeps its newest ones only."""
        folder = folder_to_text(row.cwd)
        with self._db.transaction():
            added = self._db.execute(
                "INSERT INTO commands (agent, cwd, argv, exit_code, output, at, incident_id) VALUES (?,?,?,?,?,?,?)",
                (row.agent, folder, json.dumps(row.argv), row.exit_code, row.output, row.at, row.incident_id),
            )
            self._db.execute(
                "DELETE FROM commands WHERE cwd=? AND command_id<="
                "(SELECT command_id FROM commands WHERE cwd=? ORDER BY command_id DESC LIMIT 1 OFFSET ?)",
                (folder, folder, COMMANDS_KEPT_PER_FOLDER),
            )
        return added.lastrowid or 0

    def in_folder(self, cwd: str, limit: int = 50) -> list[CommandRow]:
        """Return the newest commands of a folder, oldest first."""
        sql = "SELECT * FROM commands WHERE cwd=? ORDER BY command_id DESC LIMIT ?"
        return self._db.all(Read(sql, command_of_row, (folder_to_text(cwd), limit)))[::-1]

    def with_ids(self, ids: Sequence[int]) -> list[CommandRow]:
        """Return the commands with these ids that are still kept, oldest first."""
        sql = f"SELECT * FROM commands WHERE command_id IN ({marks(ids)}) ORDER BY command_id"  # noqa: S608
        return self._db.all(Read(sql, command_of_row, tuple(ids)))
