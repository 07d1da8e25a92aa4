"""The truth of one home: a SQLite file, written in short immediate transactions, each with the events it caused.

Synchronous on purpose: one-shots and hooks have no event loop, and the runtime's statements take microseconds.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TypeVar

from meshcore.store import queries as reads
from meshcore.store.approvals import ApprovalTables
from meshcore.store.database import BUSY_TIMEOUT_SECONDS, CHECKPOINT_BYTES, SCHEMA_VERSION
from meshcore.store.outbox import ExchangeTables
from meshcore.store.queries import Read, marks
from meshcore.store.retention import RetentionTables
from meshcore.store.rows import Approval, CommandRow, OutboxRow, command_of_row, folder_to_text
from meshcore.store.skills import SkillTables
from meshcore.store.snapshots import EvidenceTables

COMMANDS_KEPT_PER_FOLDER = 200

T = TypeVar("T")

__all__ = [
    "BUSY_TIMEOUT_SECONDS",
    "CHECKPOINT_BYTES",
    "COMMANDS_KEPT_PER_FOLDER",
    "SCHEMA_VERSION",
    "Approval",
    "CommandRow",
    "OutboxRow",
    "Store",
]


class Store(SkillTables, ApprovalTables, ExchangeTables, EvidenceTables, RetentionTables):
    """One home's database: all its tables, and its figures."""

    def see_agent(self, name: str, via: str, host: str) -> None:
        """Note a sign of life of an agent of this node."""
        with self.transaction():
            done = self._write(
                "UPDATE agents SET last_seen=?, via=?, host=? WHERE name=?", (self.now(), via, host, name)
            )
            if not done.rowcount:
                self._write("INSERT INTO agents VALUES (?,?,?,?,?)", (name, via, host, self.now(), self.now()))
                self.add_event("agent.joined", agent=name, data={"via": via, "host": host})

    def agents(self) -> list[dict[str, str]]:
        """Return this node's agents: name, via, host, first_seen, last_seen."""
        return self._all(reads.agents())

    def add_command(self, row: CommandRow) -> int:
        """Remember a command for recognition; return its id. A folder keeps its newest ones only."""
        folder = folder_to_text(row.cwd)
        with self.transaction():
            added = self._write(
                "INSERT INTO commands (agent, cwd, argv, exit_code, output, at, incident_id) VALUES (?,?,?,?,?,?,?)",
                (row.agent, folder, json.dumps(row.argv), row.exit_code, row.output, row.at, row.incident_id),
            )
            self._write(
                "DELETE FROM commands WHERE cwd=? AND command_id<="
                "(SELECT command_id FROM commands WHERE cwd=? ORDER BY command_id DESC LIMIT 1 OFFSET ?)",
                (folder, folder, COMMANDS_KEPT_PER_FOLDER),
            )
        return added.lastrowid or 0

    def commands_in(self, cwd: str, limit: int = 50) -> list[CommandRow]:
        """Return the newest commands of a folder, oldest first."""
        sql = "SELECT * FROM commands WHERE cwd=? ORDER BY command_id DESC LIMIT ?"
        return self._all(Read(sql, command_of_row, (folder_to_text(cwd), limit)))[::-1]

    def commands(self, ids: Sequence[int]) -> list[CommandRow]:
        """Return the commands with these ids that are still kept, oldest first."""
        sql = f"SELECT * FROM commands WHERE command_id IN ({marks(ids)}) ORDER BY command_id"  # noqa: S608
        return self._all(Read(sql, command_of_row, tuple(ids)))

    def answers(self, read: Read[T]) -> list[T]:
        """Return the answer to a question of somebody else's, for example of evidence."""
        return self._all(read)

    def figures(self) -> dict[str, int]:
        """Return counts: incidents by state, skills by state, approvals waiting, outbox, records rejected."""
        return dict(self._all(reads.figures()))
