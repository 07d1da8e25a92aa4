"""A mesh on a real bridge file, and who can write that file with plain SQL."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.core.healing.small_mesh import Fix, SmallMesh

from meshcore.bridge.sqlite.bridge import SqliteBridge
from meshcore.bridge.sqlite.log import log_path
from meshcore.exchange.announce import announce_revocation
from meshcore.exchange.publish import publish
from meshcore.exchange.receive import pull
from meshcore.model import Decision
from meshcore.node import Node
from meshcore.trust.synced import missing


class HostileBridge:
    """Nodes on one SQLite bridge; `sql` is what its writer does to the log behind them."""

    def __init__(self, mesh: SmallMesh) -> None:
        self.mesh = mesh
        self.path = mesh.root / "bridge.db"

    def node(self, name: str, host: str = "", operator: str = "operator") -> Node:
        """Open a node on its own host, in a process of its own."""
        return self.mesh.node(name, host=host or f"host-{name}", operator=operator, bridge=self.bridge())

    def bridge(self) -> SqliteBridge:
        return SqliteBridge(self.path, clock=self.mesh.clock, doorbell=False)

    @property
    def log(self) -> Path:
        return log_path(self.path)

    def sql(self, statement: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Run one statement as another program of this machine."""
        with closing(sqlite3.connect(self.log)) as hostile, hostile:
            return hostile.execute(statement, values).fetchall()

    def rows_of(self, node: Node) -> list[int]:
        """Return the seqs of a node's rows."""
        sql = "SELECT seq FROM log WHERE key=? ORDER BY seq"
        return [seq for (seq,) in self.sql(sql, (node.identity.node.public,))]

    def withhold_last(self, node: Node) -> tuple[Any, ...]:
        """Take a node's newest row out of the log; return it."""
        [row] = self.sql("SELECT * FROM log WHERE seq=?", (self.rows_of(node)[-1],))
        self.sql("DELETE FROM log WHERE seq=?", (row[0],))
        return row

    def put_back(self, row: tuple[Any, ...], seq: int | None = None) -> None:
        """Put a row into the log again, at its place or another."""
        marks = ",".join("?" * len(row))
        self.sql(f"INSERT INTO log VALUES ({marks})", (row[0] if seq is None else seq, *row[1:]))

    def state_of(self, node: Node) -> tuple[Any, ...]:
        """Return a member's signed sign of life as it lies there."""
        sql = "SELECT beat_key, beat_sig, beat_text, seen_at FROM members WHERE node=?"
        [row] = self.sql(sql, (node.identity.node.public,))
        return row

    def set_state(self, node: Node, state: tuple[Any, ...]) -> None:
        """Put an older sign of life, or another's, in the place of a member's."""
        sql = "UPDATE members SET beat_key=?, beat_sig=?, beat_text=?, seen_at=? WHERE node=?"
        self.sql(sql, (*state, node.identity.node.public))


def revoke(by: Node, whom: Node) -> None:
    """Let a node tell the others that another is withdrawn."""
    announce_revocation(by, whom.identity.node.public, "stolen")
    publish(by)


def decided(node: Node, mesh: SmallMesh, folder: str = "/work") -> Decision | None:
    """Return what a node decides on a command that fails now, None where it knows no answer."""
    mesh.clock.advance(400)
    fix = Fix(node, mesh.clock)
    considered = fix.fail(cwd=folder)
    if considered.ruling is not None and considered.ruling.decision == "run":
        fix.heal(considered)
    return considered.ruling.decision if considered.ruling else None


def lacks(node: Node) -> list[str]:
    """Return what a node says is missing, after a look at the bridge."""
    while pull(node).more:
        pass
    return [one.text for one in missing(node)]
