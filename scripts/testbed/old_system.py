"""Stand-ins for the earlier system's programs, written from its formats: they know nothing of ours."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

SCHEMA = """
CREATE TABLE IF NOT EXISTS enhanced_messages (
    message_id TEXT UNIQUE, from_connection TEXT, to_connection TEXT, from_app TEXT, to_app TEXT, priority TEXT,
    content TEXT, status TEXT, created_time TIMESTAMP, delivered_time TIMESTAMP);
CREATE TABLE IF NOT EXISTS shared_context (key TEXT PRIMARY KEY, value TEXT);
CREATE TABLE IF NOT EXISTS active_connections (connection_id TEXT PRIMARY KEY, last_seen TIMESTAMP);
CREATE TABLE IF NOT EXISTS bridge_metrics (name TEXT, value REAL);
"""


def make_database(path: Path) -> None:
    """Make the database as the old system's installer did."""
    with sqlite3.connect(path) as connection:
        connection.executescript(SCHEMA)
        connection.execute("INSERT OR IGNORE INTO shared_context VALUES ('theme', 'dark')")
    connection.close()


class OldAgent:
    """One connection of the old system: broadcasts skills, and polls for those of others."""

    def __init__(self, path: Path, name: str, now: Callable[[], datetime]) -> None:
        self.name = name
        self.known: dict[str, dict[str, Any]] = {}
        self._now = now
        self._db = sqlite3.connect(path, timeout=5)

    def broadcast(self, skill: dict[str, Any]) -> str:
        """Send a skill to all; return its message id."""
        message_id = f"skill_{skill['id']}_{int(self._now().timestamp())}"
        self.send(message_id, json.dumps(skill))
        return message_id

    def send(self, message_id: str, content: object, to_app: str = "all", status: str = "pending") -> None:
        """Write one message."""
        with self._db:
            self._db.execute(
                "INSERT INTO enhanced_messages (message_id, from_connection, to_connection, from_app, to_app, "
                "priority, content, status, created_time) VALUES (?, ?, 'all', 'eventrelay', ?, 'high', ?, ?, ?)",
                (message_id, self.name, to_app, content, status, self._local()),
            )

    def poll(self) -> int:
        """Look for messages once, as each listener does every 2 s; return how many were read.

        Like the original it raises KeyError on a skill without its fields, and leaves that batch pending.
        """
        rows = self._db.execute(
            "SELECT message_id, content FROM enhanced_messages WHERE (to_app = 'eventrelay' OR to_app = 'all') "
            "AND status = 'pending' AND from_connection != ? ORDER BY created_time LIMIT 10",
            (self.name,),
        ).fetchall()
        with self._db:
            for message_id, content in rows:
                skill = json.loads(content)
                self.known[f"{skill['error_type']}: {skill['pattern']}"] = skill
                self._db.execute(
                    "UPDATE enhanced_messages SET status = 'delivered', delivered_time = ? WHERE message_id = ?",
                    (self._local(), message_id),
                )
        return len(rows)

    def close(self) -> None:
        self._db.close()

    def _local(self) -> str:
        return self._now().astimezone().replace(tzinfo=None).isoformat()


def monitor_record(skills_file: Path, bridge: Path, at: datetime) -> dict[str, Any]:
    """Return what the old monitor wrote of one pass without checks."""
    try:
        data = json.loads(skills_file.read_text())
        snapshot = {"skill_count": len(data["skills"]), "stats": data.get("stats", {})}
    except FileNotFoundError:
        snapshot = {}
    return {
        "timestamp": at.isoformat(timespec="seconds"),
        "bridge_db_present": bridge.exists(),
        "skills_snapshot": snapshot,
        "tests": [],
        "tests_summary": {"total": 0, "passed": 0, "failed": 0, "errors": 0, "missing": 0},
    }


def append_line(log: Path, value: dict[str, Any]) -> None:
    """Append a line to a log as the old monitor and the old validator did: without a lock."""
    with log.open("a") as file:
        file.write(json.dumps(value) + "\n")
