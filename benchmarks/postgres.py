"""How fast a record reaches listeners over PostgreSQL: `python -m benchmarks.postgres [--quick]` prints JSON.

Beside it, on the same server and in turns: bare psycopg, an INSERT with a NOTIFY, a LISTEN with a SELECT, one receipt.
Both verify the signature before a record counts as received. The server is the distribution's, with fsync.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import select
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import psycopg
from scripts.testbed.postgres import Server, why_not

from benchmarks.propagation import Series, measure, percentile
from meshcore.bridge.base import Batch, Bridge, Member, Publication
from meshcore.bridge.open import open_bridge
from meshcore.clock import SystemClock
from meshcore.config import BridgeAddress
from meshcore.model import Json, Receipt, Record

MESH, BARE = "mesh over postgresql", "bare LISTEN"
INTERVAL_SECONDS = 0.1  # rings are at most 20 a second


def _url(place: Path) -> str:
    return (place / "postgres").read_text("utf-8")


def _bare(place: Path) -> psycopg.Connection[tuple[object, ...]]:
    return psycopg.connect(_url(place), autocommit=True)


class MeshOverPostgres:
    """A sender or listener with the bridge."""

    def __init__(self, place: Path, number: int = 0) -> None:
        self._bridge: Bridge = open_bridge(BridgeAddress.parse(_url(place)), clock=SystemClock())
        self._node = f"{number + 1:064x}"
        self._batch = Batch()

    def listen(self) -> None:
        """Join, and hear what is new from now on."""
        self._bridge.join(Member(self._node, "listener", "host", Record("{}", self._node, "")))
        self._batch = Batch(cursor=self._bridge.receive(self._node, 0, 1).end)
        self._bridge.wait(0)

    def send(self, record: Record) -> None:
        self._bridge.publish([Publication(record, "skill")])

    def take(self) -> Sequence[Record]:
        self._bridge.wait(1.0)
        self._batch = self._bridge.receive(self._node, self._batch.cursor)
        return [delivery.record for delivery in self._batch.deliveries]

    def settle(self) -> None:
        receipts = [Receipt(d.seq, self._node, "stored", "") for d in self._batch.deliveries]
        self._bridge.acknowledge(self._node, receipts, self._batch.cursor)

    def close(self) -> None:
        self._bridge.close()


class BareListen:
    """The least that PostgreSQL needs for it."""

    def __init__(self, place: Path, number: int = 0) -> None:
        self._db = _bare(place)
        self._number = number
        self._seqs: list[int] = []
        self._cursor = 0

    def listen(self) -> None:
        """Listen from now on."""
        self._db.execute("LISTEN bare")
        row = self._db.execute("SELECT coalesce(max(seq), 0)::int FROM bare").fetchone()
        self._cursor = int(str(row[0])) if row else 0

    def send(self, record: Record) -> None:
        self._db.execute(
            "WITH made AS (INSERT INTO bare (text, key, sig) VALUES (%s, %s, %s) RETURNING seq) "
            "SELECT pg_notify('bare', seq::text) FROM made",
            (record.text, record.key, record.sig),
        )

    def take(self) -> Sequence[Record]:
        select.select([self._db.fileno()], [], [], 1.0)
        for _ in self._db.notifies(timeout=0):
            pass
        rows = self._db.execute(
            "SELECT seq::int, text, key, sig FROM bare WHERE seq > %s ORDER BY seq", (self._cursor,)
        ).fetchall()
        self._seqs = [int(str(row[0])) for row in rows]
        self._cursor = max(self._seqs, default=self._cursor)
        return [Record(str(text), str(key), str(sig)) for _, text, key, sig in rows]

    def settle(self) -> None:
        for seq in self._seqs:
            self._db.execute("INSERT INTO bare_receipts VALUES (%s, %s, clock_timestamp())", (seq, self._number))

    def close(self) -> None:
        self._db.close()


KINDS: dict[str, type[MeshOverPostgres] | type[BareListen]] = {MESH: MeshOverPostgres, BARE: BareListen}


def run(root: Path, quick: bool) -> list[Series]:
    """Measure both in turns."""
    server = Server(options=())
    server.start()
    server.make("mesh")
    server.execute("postgres", "CREATE TABLE bare (seq bigserial PRIMARY KEY, text text, key text, sig text)")
    server.execute("postgres", "CREATE TABLE bare_receipts (seq bigint, node int, at timestamptz)")
    places = {MESH: root / "mesh", BARE: root / "bare"}
    for name, database in ((MESH, "mesh"), (BARE, "postgres")):
        places[name].mkdir()
        (places[name] / "postgres").write_text(server.address(database).url)
    found = {(name, count): Series(name, count) for count in (1, 10) for name in KINDS}
    for _ in range(1 if quick else 3):
        for (name, _), series in found.items():
            measure(series, places[name], 60, INTERVAL_SECONDS)
    server.remove()
    return list(found.values())


def goals(found: Sequence[Series]) -> list[dict[str, Json]]:
    """Return each goal beside its figure."""
    by_name = {(one.variant, one.listeners): one.latencies for one in found}
    listed: list[dict[str, Json]] = []
    for count in (1, 10):
        for share, limit in ((50, 1.5), (99, 3.0)):
            ratio = percentile(by_name[MESH, count], share) / percentile(by_name[BARE, count], share)
            text = f"p{share} as a multiple of bare LISTEN, {count} listening"
            listed.append({"goal": text, "limit": limit, "figure": round(ratio, 3), "met": ratio <= limit})
    return listed


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.postgres", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer records: figures for a first look only")
    options = parser.parse_args(arguments)
    if why := why_not():
        print(json.dumps({"schema_version": 1, "benchmark": "postgres", "skipped": why}))
        return 0
    with tempfile.TemporaryDirectory(prefix="mesh") as root:
        found = run(Path(root), options.quick)
    machine = {"cores": os.cpu_count(), "system": platform.system(), "python": platform.python_version()}
    version = subprocess.run(["psql", "--version"], capture_output=True, text=True, check=False).stdout.strip()
    report = {
        "schema_version": 1,
        "benchmark": "postgres",
        "quick": options.quick,
        "machine": {**machine, "server": version},
        "goals": goals(found),
        "runs": [series.report() for series in found],
    }
    print(json.dumps(report, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
