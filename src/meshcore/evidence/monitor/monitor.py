"""The monitor: at every beat one record of how the mesh fares, in the old system's format and as an event.

The monitor looks and writes down. It repairs nothing: a skills file that is missing or broken is recorded as that.
"""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from meshcore.bridge.base import Bridge
from meshcore.bridge.open import files
from meshcore.clock import Clock, to_text
from meshcore.config import BridgeAddress, ConfiguredCheck
from meshcore.errors import MeshError
from meshcore.evidence.distribution import distribution
from meshcore.evidence.monitor.checks import never, run_check, summary
from meshcore.evidence.monitor.jsonl import append_line
from meshcore.evidence.monitor.log import missed_beats
from meshcore.evidence.monitor.manifest import MANIFEST_NAME, write_manifest
from meshcore.home import Home
from meshcore.journal.writer import project
from meshcore.knowledge.interchange import BrokenSkillsFileError, read_skills_file
from meshcore.model import Json
from meshcore.sight import Sight
from meshcore.store.store import Store

LOG_NAME = "collective_learning_monitor_log.jsonl"
UNDELIVERED_LIMIT = 100_000  # rows that are told apart by agent; the total counts all
_LONGEST_SLEEP_SECONDS = 3600.0
_SHORTEST_SLEEP_SECONDS = 0.001


@dataclass(frozen=True, slots=True)
class Gap:
    """A time without a pass: the last pass before it, this one, and how many beats are missing."""

    since: datetime
    until: datetime
    seconds: float
    missed: int

    def __str__(self) -> str:
        return (
            f"no pass between {to_text(self.since)[:19]}Z and {to_text(self.until)[:19]}Z"
            f" ({self.seconds:.0f} s, {self.missed} beats missed): asleep, or a pass took that long"
        )

    def to_json(self) -> dict[str, Json]:
        """Return the gap as the record holds it."""
        return {"since": to_text(self.since), "seconds": round(self.seconds, 3), "missed": self.missed}


def beats(clock: Clock, sleep: Callable[[float], None], interval: float, iterations: int) -> Iterator[Gap | None]:
    """Yield at every beat: at once, then every `interval` seconds, `iterations` times (0: for ever).

    Beats lie on a monotonic grid, so nothing adds up; those that a long pass or a sleeping machine has swallowed are
    left out and told as a Gap. A machine's sleep is seen on the wall clock: the monotonic one stands still meanwhile.
    """
    start = clock.monotonic()
    beat, done = 0, 0
    gap: Gap | None = None
    while True:
        wall, monotonic = clock.now(), clock.monotonic()
        yield gap
        done += 1
        if done == iterations:
            return
        beat = max(beat + 1, math.ceil((clock.monotonic() - start) / interval))
        while (left := start + beat * interval - clock.monotonic()) > 0:
            sleep(max(_SHORTEST_SLEEP_SECONDS, min(left, _LONGEST_SLEEP_SECONDS)))
        now = clock.now()
        seconds = max((now - wall).total_seconds(), clock.monotonic() - monotonic)
        missed = missed_beats(seconds, interval)
        gap = Gap(wall, now, seconds, missed) if missed else None


@dataclass(frozen=True, slots=True)
class Options:
    """What a pass does: the checks that it runs, whether it keeps the manifest, and which file the record goes to.

    `stopped` is asked while a check runs: True ends the check.
    """

    log: Path
    checks: Sequence[ConfiguredCheck] = ()
    include_manifest: bool = False
    stopped: Callable[[], bool] = never


@dataclass(frozen=True, slots=True)
class Scene:
    """What a pass looks at. A store or bridge that cannot be used is None, and `fault` says why."""

    home: Home
    address: BridgeAddress
    store: Store | None
    bridge: Bridge | None = None
    fault: str = ""


def take(
    scene: Scene,
    options: Options,
    clock: Clock,
    *,
    skills: Mapping[str, Json] | None = None,
    bridge_present: bool | None = None,
    gap: Gap | None = None,
) -> dict[str, Json]:
    """Return the record of one pass, its keys in the old order. Never raises for what is missing, broken or locked.

    `skills` and `bridge_present` are what was seen before anything was opened, where that was seen.
    """
    moment = clock.now()
    facts = mesh_facts(scene, options.log)
    snapshot = skills_snapshot(scene.home.skills_file) if skills is None else skills
    present = is_present(scene.address) if bridge_present is None else bridge_present
    tests = [run_check(check, options.stopped) for check in options.checks if not options.stopped()]
    record: dict[str, Json] = {
        "timestamp": moment.isoformat(timespec="seconds"),
        "bridge_db_present": present,
        "skills_snapshot": dict(snapshot),
        "tests": tests,
        "tests_summary": summary(tests),
    }
    if options.include_manifest and scene.store is not None:
        files = tuple(evidence_files(scene, options.log).values())
        try:
            size = write_manifest(scene.home.root / MANIFEST_NAME, scene.store, files, moment)
            record["manifest_size_bytes"] = size
        except MeshError as error:
            facts.setdefault("faults", []).append(str(error))
    if gap is not None:
        facts["gap"] = gap.to_json()
    record["mesh"] = facts
    return record


def keep(record: Mapping[str, Json], scene: Scene, options: Options) -> None:
    """Write a record down, as a line of the log and as an event. Raises MeshError after both were tried."""
    try:
        if scene.store is not None:
            scene.store.events.add("monitor.snapshot", data=record)
            project(scene.store, scene.home.journal)
    finally:
        append_line(options.log, record)


class SkillsFile:
    """A skills file as an old reader sees it, read anew only where it was changed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._sight = Sight([path])
        self._seen: Mapping[str, Json] = {}

    def snapshot(self) -> Mapping[str, Json]:
        """Return what is seen now; see `skills_snapshot`."""
        if self._sight.is_new():
            self._seen = skills_snapshot(self._path)
        return self._seen


def skills_snapshot(path: Path) -> dict[str, Json]:
    """Return what an old reader sees in a skills file: {} where it is missing, an error where it cannot be read."""
    try:
        entries, stats, _ = read_skills_file(path)
    except FileNotFoundError:
        return {}
    except (OSError, BrokenSkillsFileError):
        return {"error": "invalid_json"}
    return {"skill_count": len(entries), "stats": stats}


def mesh_facts(scene: Scene, log: Path) -> dict[str, Json]:
    """Return what the old format has no place for; of what cannot be used nothing, and why under `faults`."""
    facts: dict[str, Json] = {}
    faults = [scene.fault] if scene.fault else []
    try:
        if scene.store is not None:
            facts |= _store_facts(scene.store)
        if scene.bridge is not None:
            facts |= _bridge_facts(scene.bridge)
    except MeshError as error:
        faults.append(str(error))
    facts["sizes"] = sizes(scene, log)
    if faults:
        facts["faults"] = list(dict.fromkeys(faults))
    return facts


def _store_facts(store: Store) -> dict[str, Json]:
    counts, green = store.snapshots.figures(), store.incidents.seconds_to_green()
    return {
        "unique_skills": store.skills.count(),
        "quarantined": counts.get("skills.quarantined", 0),
        "approvals_waiting": counts.get("approvals.waiting", 0),
        "time_to_green": {name: distribution(seconds).to_json() for name, seconds in green.items()},
    }


def _bridge_facts(bridge: Bridge) -> dict[str, Json]:
    members, statistics = bridge.members(), bridge.statistics()
    called = Counter(member.name for member in members)
    names = {m.node: m.name if called[m.name] == 1 else f"{m.name} ({m.node[:8]})" for m in members}
    waiting = Counter(names.get(row.node, row.node[:8]) for row in bridge.undelivered(UNDELIVERED_LIMIT))
    return {
        "agents_joined": len(members),
        "agents_seen": sum(member.seen for member in members),
        "undelivered": {name: waiting[name] for name in sorted({*names.values(), *waiting})},
        "undelivered_total": statistics.undelivered,
        "oldest_undelivered": statistics.oldest_undelivered or None,
    }


def evidence_files(scene: Scene, log: Path) -> dict[str, Path]:
    """Return the files that evidence rests on, there or not, by what they are."""
    return {
        "store": scene.home.store,
        "store_wal": scene.home.store.with_name(scene.home.store.name + "-wal"),
        "journal": scene.home.journal,
        "skills_file": scene.home.skills_file,
        "monitor_log": log,
        **({"bridge": scene.address.path} if scene.address.path else {}),
        **files(scene.address),
    }


def sizes(scene: Scene, log: Path) -> dict[str, int]:
    """Return the size in bytes of each of these files that is there."""
    found: dict[str, int] = {}
    for name, path in evidence_files(scene, log).items():
        try:
            found[name] = path.stat().st_size
        except OSError:
            continue
    if scene.bridge is not None:
        found |= scene.bridge.sizes()
    return found


def is_present(address: BridgeAddress) -> bool:
    """Tell whether the file of a bridge is there; what is no file of this host is asked instead."""
    return address.path is None or is_file(address.path)


def is_file(path: Path) -> bool:
    """Tell whether a file is there, as far as that can be seen."""
    return os.path.isfile(path)  # noqa: PTH113 - Path.is_file raises where a folder may not be entered
