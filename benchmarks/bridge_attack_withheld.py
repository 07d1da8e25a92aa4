"""What a writer of the bridge gains by withholding: `python -m benchmarks.bridge_attack_withheld [--quick] [--seed N]`.

Each trial is a mesh on a real bridge file, with its own policy, brakes and clock; only the fix itself is written down
instead of executed. One node applies what another taught; a third withdraws the teacher, or halts; a hostile program
with plain SQL keeps that record from being read, in one of many ways, chosen by the seed. Then a command fails every
five seconds, and every decision is counted.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scripts.testbed.hosts import Host

from benchmarks.safety_rows import Row
from meshcore.bridge.sqlite.bridge import SqliteBridge
from meshcore.bridge.sqlite.log import log_path
from meshcore.exchange.announce import announce_halt, announce_incident, announce_revocation
from meshcore.exchange.publish import publish
from meshcore.exchange.receive import exchange, pull
from meshcore.healing.teaching import teach
from meshcore.model import Decision
from meshcore.testing import FakeClock
from meshcore.trust.synced import missing, silent

WITHHELD = "unattended runs of what a withheld record withdraws, later than a sign of life that names it: 0"
SILENT = "withheld with every later sign of life of its author: the author is named, with the time of the last one"
FALSE = "nodes that are not synced, or healing that stopped, where nothing was withheld: 0"
AGAIN = "withheld records that are put back: in effect at the next look, and synced again"
ERROR, FIX = "ModuleNotFoundError: No module named 'plausible'", "mkdir -p build"  # as policy lets run unattended
TRIALS, QUICK_TRIALS = 200, 19
STEP_SECONDS, STEPS, BEAT_STEPS = 5.0, 20, 4


@dataclass
class Mesh:
    """Four hosts of one operator on one bridge file, and who can write that file."""

    root: Path
    rng: random.Random
    clock: FakeClock = field(default_factory=FakeClock)

    def __post_init__(self) -> None:
        self.path = self.root / "bridge.db"
        self.victim, self.teacher, self.speaker, self.other = (self.host(name) for name in ("v", "t", "s", "o"))

    def host(self, name: str) -> Host:
        return Host(self.root, name, self.clock, self.bridge())

    def bridge(self) -> SqliteBridge:
        return SqliteBridge(self.path, clock=self.clock, doorbell=False)

    def sql(self, statement: str, values: Sequence[object] | Mapping[str, object] = ()) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(log_path(self.path))) as hostile, hostile:
            return hostile.execute(statement, values).fetchall()

    def close(self) -> None:
        for host in (self.victim, self.teacher, self.speaker, self.other):
            host.node.close()

    @property
    def key(self) -> str:
        """Return the key of the node whose word is withheld."""
        return self.speaker.node.identity.node.public

    def decision(self, host: Host, *, applies: bool = False) -> Decision | None:
        """Let a command fail on a host; return what was decided. What is only decided may be decided again at once."""
        exchange(host.node)
        considered = host.meet(ERROR)
        if applies:
            host.heal(considered, 0)
        return considered.ruling.decision if considered.ruling else None


# --- the ways to keep a record from being read ------------------------------------------------------------------------

Keep = Callable[[Mesh, int], None]
"""Keep the row with this seq from being read, again after everything that its author writes."""


def delete(mesh: Mesh, seq: int) -> None:
    mesh.sql("DELETE FROM log WHERE seq=?", (seq,))


def delete_with_sequence(mesh: Mesh, seq: int) -> None:
    mesh.sql("DELETE FROM log WHERE seq=?", (seq,))
    mesh.sql("UPDATE sqlite_sequence SET seq=(SELECT coalesce(max(seq), 0) FROM log) WHERE name='log'")


def corrupt_text(mesh: Mesh, seq: int) -> None:
    mesh.sql("UPDATE log SET text=replace(text, ':', '; ') WHERE seq=?", (seq,))


def cut_text(mesh: Mesh, seq: int) -> None:
    mesh.sql("UPDATE log SET text=substr(text, 1, length(text) / 2) WHERE seq=?", (seq,))


def another_signature(mesh: Mesh, seq: int) -> None:
    mesh.sql("UPDATE log SET sig=(SELECT sig FROM log WHERE seq<>?1 LIMIT 1) WHERE seq=?1", (seq,))


def readers_own_key(mesh: Mesh, seq: int) -> None:
    mesh.sql("UPDATE log SET key=? WHERE seq=?", (mesh.victim.node.identity.node.public, seq))


def as_legacy(mesh: Mesh, seq: int) -> None:
    mesh.sql("UPDATE log SET origin='legacy' WHERE seq=?", (seq,))


def another_text(mesh: Mesh, seq: int) -> None:
    mesh.sql(
        "UPDATE log SET (text, key, sig, record_id)=(SELECT text, key, sig, record_id FROM log WHERE seq<>?1"
        " ORDER BY seq LIMIT 1) WHERE seq=?1",
        (seq,),
    )


def empty_log(mesh: Mesh, seq: int) -> None:
    mesh.sql("DELETE FROM log WHERE seq>=?", (seq,))


def lost_with_a_cursor(mesh: Mesh, seq: int) -> None:
    mesh.sql("DELETE FROM log WHERE seq=?", (seq,))
    mesh.sql("UPDATE members SET cursor=9223372036854775807")


def renumbered_below(mesh: Mesh, seq: int) -> None:
    """Move the row to a place before all others, where readers have been."""
    mesh.sql("UPDATE log SET seq=(SELECT min(seq) FROM log)-1 WHERE seq=? AND seq>(SELECT min(seq) FROM log)", (seq,))


def _and(statement: str) -> Keep:
    """Delete the row, and do something else to the bridge besides."""

    def way(mesh: Mesh, seq: int) -> None:
        delete(mesh, seq)
        victim = mesh.victim.node.identity.node.public
        mesh.sql(statement, {"victim": victim, "author": mesh.key} if ":" in statement else ())

    way.__name__ = f"delete and {statement[:40]}"
    return way


def as_bytes(mesh: Mesh, seq: int) -> None:
    mesh.sql("UPDATE log SET text=x'00ff' WHERE seq=?", (seq,))


WAYS: tuple[Keep, ...] = (
    delete,
    delete_with_sequence,
    corrupt_text,
    cut_text,
    another_signature,
    readers_own_key,
    as_legacy,
    another_text,
    empty_log,
    lost_with_a_cursor,
    renumbered_below,
    as_bytes,
    _and("UPDATE meta SET value=lower(hex(randomblob(16))) WHERE name='bridge_id'"),
    _and("UPDATE meta SET value='4611686018427387904' WHERE name='pruned_to'"),
    _and(
        "INSERT INTO log SELECT (SELECT max(seq) FROM log)+5000, record_id, kind, origin, :victim, sig, published_at,"
        " text FROM log LIMIT 1"
    ),
    _and("DELETE FROM members WHERE node=:victim"),
    _and("DELETE FROM members WHERE node<>:author"),
    _and("UPDATE members SET cursor=0"),
    _and("UPDATE members SET seen_at='9999-12-31T23:59:59.000000Z', joined_at='x'"),
)


@dataclass
class Counts:
    """What came of the trials."""

    trials: int = 0
    decisions: int = 0
    runs: int = 0
    silent_trials: int = 0
    silent_named: int = 0
    silent_runs: int = 0
    restored: int = 0
    restored_well: int = 0
    false_alarms: int = 0
    by_way: dict[str, int] = field(default_factory=dict)


def trial(root: Path, seed: int, counts: Counts) -> None:
    """Withhold one record in one way; with a chance its author's signs of life too."""
    rng = random.Random(seed)
    mesh = Mesh(root, rng)
    way, is_halt = WAYS[seed % len(WAYS)], rng.random() < 0.25
    is_silenced, has_more = rng.random() < 0.3, rng.random() < 0.5
    try:
        _settle(mesh)
        if mesh.decision(mesh.victim, applies=True) != "run":
            counts.false_alarms += 1
            return
        for host in (mesh.victim, mesh.other):
            pull(host.node)
        state = mesh.sql("SELECT beat_key, beat_sig, beat_text FROM members WHERE node=?", (mesh.key,))[0]
        record = _speak(mesh, is_halt)
        seq = _seq(mesh)
        [row] = mesh.sql("SELECT * FROM log WHERE seq=?", (seq,))
        _attack(mesh, way, seq, state if is_silenced else None)
        counts.trials += 1
        for step in range(STEPS):
            mesh.clock.advance(STEP_SECONDS)
            if step % BEAT_STEPS == 0:
                mesh.speaker.node.beat(mesh.speaker.node.require_bridge())
                if has_more and not is_silenced:
                    announce_incident(mesh.speaker.node, mesh.speaker.meet("E: unknown failure").incident)
                    publish(mesh.speaker.node)
                _attack(mesh, way, seq, state if is_silenced else None)
            said = mesh.decision(mesh.host(f"v{step}")) if step % 7 == 3 else mesh.decision(mesh.victim)
            counts.decisions += 1
            if said == "run" and is_silenced:
                counts.silent_runs += 1
            elif said == "run":
                counts.runs += 1
                counts.by_way[way.__name__] = counts.by_way.get(way.__name__, 0) + 1
        if is_silenced:
            counts.silent_trials += 1
            counts.silent_named += any(one.node == mesh.key for one in silent(mesh.victim.node))
        elif way is not renumbered_below:
            counts.restored += 1
            counts.restored_well += _put_back(mesh, row, record)
    finally:
        mesh.close()


def _settle(mesh: Mesh) -> None:
    """Let one teach, others say something too, and everybody hear it."""
    teach(mesh.teacher.node, ERROR, FIX)
    for number in range(mesh.rng.randrange(4)):
        teach(mesh.speaker.node, f"ModuleNotFoundError: No module named 'm{number}'", f"pip install m{number}")
    for host in (mesh.teacher, mesh.speaker, mesh.other):
        exchange(host.node)
    if mesh.rng.random() < 0.5:
        pull(mesh.victim.node)
    mesh.clock.advance(30)


def _speak(mesh: Mesh, is_halt: bool) -> str:
    """Let the speaker withdraw the teacher, or halt; return which key or reason."""
    said = "stop" if is_halt else mesh.teacher.node.identity.node.public
    if is_halt:
        announce_halt(mesh.speaker.node, said)
    else:
        announce_revocation(mesh.speaker.node, said, "stolen")
    publish(mesh.speaker.node)
    return said


def _seq(mesh: Mesh) -> int:
    return int(mesh.sql("SELECT max(seq) FROM log WHERE key=?", (mesh.key,))[0][0])


def _attack(mesh: Mesh, way: Keep, seq: int, state: tuple[Any, ...] | None) -> None:
    way(mesh, seq)
    if state is not None:
        mesh.sql("UPDATE members SET beat_key=?, beat_sig=?, beat_text=? WHERE node=?", (*state, mesh.key))
        mesh.sql("UPDATE members SET seen_at=?", (mesh.victim.node.store.now(),))


def _put_back(mesh: Mesh, row: tuple[Any, ...], said: str) -> bool:
    """Put the row at the end of the log, as it was; tell whether it is in effect and nothing is missing."""
    mesh.sql("DELETE FROM log WHERE seq=?", (row[0],))
    [(end,)] = mesh.sql("SELECT max((SELECT max(seq) FROM log), (SELECT seq FROM sqlite_sequence WHERE name='log'))")
    mesh.sql("INSERT INTO log VALUES (?, ?, ?, ?, ?, ?, ?, ?)", (end + 1, *row[1:]))
    while exchange(mesh.victim.node).more:
        pass
    store = mesh.victim.node.store
    in_effect = said in store.halts.reasons() or bool(store.controls.get("revoked:" + said))
    return in_effect and not [one for one in missing(mesh.victim.node) if one.node == mesh.key]


def peace(root: Path, seed: int, counts: Counts) -> None:
    """Let nodes talk, rotate nothing, withhold nothing; count who is not synced, and what does not run."""
    mesh = Mesh(root, random.Random(seed))
    try:
        _settle(mesh)
        hosts = [mesh.victim, mesh.teacher, mesh.speaker, mesh.other]
        for _ in range(30):
            host = mesh.rng.choice(hosts)
            mesh.clock.advance(mesh.rng.choice((0.0, 1.0, 30.0)))
            what = mesh.rng.randrange(4)
            if what == 0:
                name = f"p{mesh.rng.randrange(10**6)}"
                teach(host.node, f"ModuleNotFoundError: No module named '{name}'", f"pip install {name}")
            elif what == 1:
                publish(host.node)
            elif what == 2:
                host.node.beat(host.node.require_bridge())
            else:
                exchange(host.node)
            counts.false_alarms += sum(bool(missing(one.node)) for one in hosts)
        counts.false_alarms += mesh.decision(mesh.victim) != "run"
    finally:
        mesh.close()


def withheld_rows(quick: bool, seed: int = 1) -> list[Row]:
    """Run all trials, and return what they show."""
    counts, calm = Counts(), Counts()
    trials = QUICK_TRIALS if quick else TRIALS
    root = Path(tempfile.mkdtemp())
    try:
        for number in range(trials):
            trial(root / f"t{number}", seed * 1_000_003 + number, counts)
            shutil.rmtree(root / f"t{number}")
        for number in range(trials // 4):
            peace(root / f"p{number}", seed * 1_000_003 + number, calm)
            shutil.rmtree(root / f"p{number}")
    finally:
        shutil.rmtree(root, ignore_errors=True)
    how = f"{counts.trials} meshes, {counts.decisions} decisions, {len(WAYS)} ways, seed {seed}"
    named = f"{counts.silent_named} of {counts.silent_trials}"
    again = f"{counts.restored_well} of {counts.restored}"
    false = counts.false_alarms + calm.false_alarms
    return [
        Row(WITHHELD, counts.runs, counts.runs == 0, f"{how}{f'; {counts.by_way}' if counts.by_way else ''}"),
        Row(
            SILENT,
            named,
            counts.silent_named == counts.silent_trials,
            f"the bridge says of all that they were seen just now; {counts.silent_runs} decisions ran: nothing tells",
        ),
        Row(AGAIN, again, counts.restored_well == counts.restored, "each with the row as it was, at the log's end"),
        Row(FALSE, false, false == 0, f"{trials // 4} meshes where nodes teach, publish, beat and read in any order"),
    ]


def main() -> int:
    """Print the rows; 1 where a goal is not met."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer meshes")
    parser.add_argument("--seed", type=int, default=1, help="which trials")
    options = parser.parse_args()
    rows = withheld_rows(options.quick, options.seed)
    for row in rows:
        print(json.dumps(row.to_json(), ensure_ascii=False))
    return int(any(row.met is False for row in rows))


if __name__ == "__main__":
    raise SystemExit(main())
