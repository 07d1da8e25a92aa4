"""Programs of version 0.1 on the same log: they were there first, and go on beside this one."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests.core.bridge.helpers import ALICE, BOB, CAROL, member, open_bridge, publication, record, take

from meshcore.bridge.sqlite.log import LogFile, log_path
from meshcore.bridge.sqlite.schema import statements
from meshcore.testing import FakeClock

SQL = Path(sys.modules[LogFile.__module__].__file__ or "").parent / "sql" / "log_001.sql"
NOW = "2026-11-22T08:00:00.000000Z"


class OldProgram:
    """What version 0.1 says to the log, statement by statement."""

    def __init__(self, bridge: Path) -> None:
        self._log = sqlite3.connect(log_path(bridge), isolation_level=None)
        assert self._log.execute("PRAGMA user_version").fetchone() == (1,)

    def join(self, node: str) -> None:
        self._log.execute(
            "INSERT INTO members (node, name, host, joined_at, seen_at, key, sig, text) "
            "VALUES (?1, ?2, ?3, ?4, ?4, ?5, ?6, ?7) ON CONFLICT (node) DO UPDATE SET name = excluded.name, "
            "host = excluded.host, seen_at = excluded.seen_at, key = excluded.key, sig = excluded.sig, "
            "text = excluded.text",
            (node, "old", "host1", NOW, node, "00", "{}"),
        )

    def publish(self, author: str, number: int) -> None:
        one = record(author, number)
        self._log.execute("BEGIN IMMEDIATE")
        seq = self._log.execute(
            "INSERT INTO log (record_id, kind, origin, key, sig, published_at, text) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (one.record_id, "skill", "mesh", one.key, one.sig, NOW, one.text),
        ).lastrowid
        self._log.execute(
            "INSERT INTO awaited (seq, node) SELECT ?, node FROM members WHERE node != ? AND seen_at >= ?",
            (seq, one.key, NOW),
        )
        self._log.execute("COMMIT")

    def receive(self, node: str) -> list[str]:
        (cursor,) = self._log.execute("SELECT cursor FROM members WHERE node = ?", (node,)).fetchone()
        rows = self._log.execute(
            "SELECT seq, text FROM log WHERE seq > ? AND key != ? ORDER BY seq", (cursor, node)
        ).fetchall()
        for seq, _ in rows:
            self._log.execute(
                "INSERT OR IGNORE INTO receipts (seq, node, expected, status, at, reason) "
                "VALUES (?, ?, 1, 'stored', ?, '')",
                (seq, node, NOW),
            )
            self._log.execute("DELETE FROM awaited WHERE seq = ? AND node = ?", (seq, node))
            self._log.execute("UPDATE members SET cursor = ? WHERE node = ?", (seq, node))
        return [text for _, text in rows]

    def claim(self, skill_id: str, host: str) -> bool:
        rows = self._log.execute("SELECT host, failed FROM claims WHERE skill_id = ?", (skill_id,)).fetchall()
        if rows:
            return (host, 0) in rows
        self._log.execute("INSERT INTO claims (skill_id, host, at) VALUES (?, ?, ?)", (skill_id, host, NOW))
        return True

    def close(self) -> None:
        self._log.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Give a bridge whose log version 0.1 has made."""
    made = tmp_path / "bridge.db"
    with closing(sqlite3.connect(log_path(made), isolation_level=None)) as log:
        log.execute("PRAGMA journal_mode=WAL")
        for statement in statements(SQL):
            log.execute(statement)
        log.execute("INSERT INTO meta VALUES ('bridge_id', 'f00d')")
        log.execute("PRAGMA user_version=1")
    return made


@pytest.fixture
def old(path: Path) -> Iterator[OldProgram]:
    opened = OldProgram(path)
    yield opened
    opened.close()


def test_a_log_of_version_0_1_keeps_its_identity_its_members_and_its_rows(path: Path, old: OldProgram) -> None:
    old.join(BOB)
    old.publish(ALICE, 1)
    bridge = open_bridge(path)
    assert bridge.bridge_id == "f00d"
    assert [m.node for m in bridge.members()] == [BOB]
    assert take(bridge, BOB) == [record(ALICE, 1).text]
    bridge.close()


def test_two_versions_at_once_hear_each_other_and_share_the_places_of_a_skill(path: Path, old: OldProgram) -> None:
    old.join(BOB)
    bridge = open_bridge(path)
    bridge.join(member(CAROL))
    bridge.beat(CAROL, record(CAROL, 1))
    old.publish(BOB, 1)
    bridge.publish([publication(CAROL, 2)])
    assert take(bridge, CAROL) == [record(BOB, 1).text]
    assert old.receive(BOB) == [record(CAROL, 2).text]
    assert bridge.undelivered() == []
    assert old.claim("s1", "host1")
    assert not bridge.claim(record(), "s1", "host2", 1)
    assert bridge.claim(record(), "s2", "host2", 1)
    assert not old.claim("s2", "host1")
    assert [claim.record.text for claim in bridge.claims("s1")] == [""]
    old.join(CAROL)
    assert {m.node: m.state is None for m in bridge.members()} == {BOB: True, CAROL: False}
    bridge.close()


def test_a_log_that_version_0_1_opens_after_this_one_is_as_it_knows_it(tmp_path: Path) -> None:
    path = tmp_path / "new.db"
    bridge = open_bridge(path)
    bridge.join(member(BOB))
    old = OldProgram(path)
    old.join(CAROL)
    old.publish(CAROL, 1)
    assert len(take(bridge, BOB)) == 1
    old.close()
    bridge.close()


def test_a_program_that_is_killed_while_it_adds_to_the_log_leaves_it_as_it_was(path: Path) -> None:
    program = f"""
import os, signal, sqlite3
from pathlib import Path
from meshcore.bridge.sqlite import log
from meshcore.bridge.sqlite.bridge import SqliteBridge
from meshcore.clock import SystemClock
real = log.statements
def half(file):
    for number, statement in enumerate(real(file)):
        if number == 4:
            os.kill(os.getpid(), signal.SIGKILL)
        yield statement
log.statements = half
SqliteBridge(Path({str(path)!r}), clock=SystemClock()).members()
"""
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == -9
    with closing(sqlite3.connect(log_path(path))) as log:
        assert [row[1] for row in log.execute("PRAGMA table_info(claims)")] == ["skill_id", "host", "at", "failed"]
    bridge = open_bridge(path, FakeClock())
    bridge.join(member(BOB))
    assert bridge.claim(record(), "s", "h", 1)
    bridge.close()
