"""Maintenance of one home and its bridge: retention, rotation, checkpoints, integrity, unused space.

Each step is one line that says what was done, or with `dry_run` what would be. A step that fails costs only itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

from meshcore.bridge.base import Bridge, OldPrograms
from meshcore.clock import to_text
from meshcore.errors import MeshError
from meshcore.exchange.publish import publish_lost
from meshcore.exchange.receive import take_in_again
from meshcore.filelock import FileLock
from meshcore.journal import segments
from meshcore.node import Node
from meshcore.store.retention import Forgotten
from meshcore.store.store import Store

MIB = 1024 * 1024
DAY_SECONDS = 24 * 3600.0

Level = Literal["ok", "bad"]


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that maintenance did; `bad` is a fault that a person must look at."""

    name: str
    level: Level
    text: str


class BusyError(MeshError):
    """Maintenance of this home runs already."""


def maintain(node: Node, *, dry_run: bool = False) -> list[Step]:
    """Do what the settings ask for; return one line per step. Raises BusyError.

    Nothing is pruned that the journal does not hold yet, and nothing is pruned from a file that is not whole.
    """
    with FileLock(node.home.root / "maintenance.lock").held() as free:
        if not free:
            raise BusyError(f"{node.home.root}: maintenance runs already; wait for it")
        steps = list(_steps(node, dry_run))
    if not dry_run:
        lines = [{"name": step.name, "level": step.level, "text": step.text} for step in steps]
        node.store.events.add("maintenance.done", data={"steps": lines})
        node.project()
    return steps


def _steps(node: Node, dry_run: bool) -> Iterator[Step]:
    store, bridge = node.store, node.bridge
    whole = [_try("integrity", lambda: _integrity(str(node.home.store), store.database.integrity()))]
    old = None if bridge is None else node.old_programs
    if bridge is not None:
        for part in (bridge, old):
            whole += _integrity_of(part) if part is not None else ()
    elif node.bridge_fault:
        yield Step("bridge", "bad", f"left alone: {node.bridge_fault}")
    yield from whole
    if any(step.level == "bad" for step in whole):
        yield Step("retention", "bad", "nothing was pruned: first see to the file above")
        return
    if not dry_run:
        node.project()
    yield from _records(node, dry_run)
    yield from _journal(node, dry_run)
    yield _try("store", lambda: _prune_store(node, dry_run))
    if bridge is not None and not dry_run:
        yield from _put_back(node)
    if bridge is not None:
        yield from _prune_bridge(node, bridge, old, dry_run)
    yield from _space(node, bridge, dry_run)


def _try(name: str, work: Callable[[], Step]) -> Step:
    try:
        return work()
    except MeshError as error:
        return Step(name, "bad", str(error))


# --- is everything whole? -----------------------------------------------------------------------------------------


def _integrity(path: str, found: str) -> Step:
    if found:
        return Step("integrity", "bad", f"{path}: {found}; move it aside or restore it from a backup")
    return Step("integrity", "ok", f"{path}: whole")


def _integrity_of(part: Bridge | OldPrograms) -> list[Step]:
    try:
        return [_integrity(what, found) for what, found in part.integrity()]
    except MeshError as error:
        return [Step("integrity", "bad", str(error))]


# --- what a fault kept out ----------------------------------------------------------------------------------------


def _records(node: Node, dry_run: bool) -> Iterator[Step]:
    before = node.store.records.count().get("faulted", 0)
    if before and dry_run:
        yield Step("records", "ok", f"{before} would be taken in again that a fault of meshtui has kept out")
    elif before:
        yield _try("records", lambda: _take_in_again(node, before))


def _take_in_again(node: Node, before: int) -> Step:
    node.store.records.try_faulted_again()
    while take_in_again(node):
        pass
    left = node.store.records.count().get("faulted", 0)
    text = f"{before - left} of {before} taken in that a fault of meshtui had kept out"
    return Step("records", "bad" if left else "ok", f"{text}; report it (meshtui doctor)" if left else text)


def _put_back(node: Node) -> Iterator[Step]:
    try:
        if lost := publish_lost(node):
            yield Step("control records", "ok", f"{lost} published again that the bridge had lost")
    except MeshError as error:
        yield Step("control records", "bad", str(error))


# --- retention ----------------------------------------------------------------------------------------------------


def _journal(node: Node, dry_run: bool) -> Iterator[Step]:
    keep, path, now = node.settings.retention, node.home.journal, node.clock.now()
    max_bytes = None if keep.rotate_mib is None else keep.rotate_mib * MIB
    reason = segments.due(path, now, max_bytes=max_bytes, max_age=_days(keep.rotate_days))
    if reason:
        yield _try("journal", lambda: _rotate(path, now, reason, dry_run))
    if keep.journal_days is None:
        yield Step("journal", "ok", f"all of it is kept ({len(segments.segments(path))} closed segments)")
        return
    gone = segments.older_than(path, _before(now, keep.journal_days))
    size = sum(segment.stat().st_size for segment in gone)
    if not dry_run:
        for segment in gone:
            segment.unlink()
    said = f"{_count(len(gone), 'segment')} of {size:,} bytes {_gone(dry_run)}, older than {keep.journal_days:g} days"
    yield Step("journal", "ok", said)


def _rotate(path: Path, now: datetime, reason: str, dry_run: bool) -> Step:
    if dry_run:
        return Step("journal", "ok", f"would begin a new segment ({reason})")
    return Step("journal", "ok", f"closed as {segments.rotate(path, now).name} ({reason})")


def _prune_store(node: Node, dry_run: bool) -> Step:
    keep, now = node.settings.retention, node.clock.now()

    def before(days: float | None) -> str:
        return "" if days is None else to_text(_before(now, days))

    found = node.store.retention.forget(
        printed=before(keep.outputs_days),
        incidents=before(keep.incidents_days),
        events=before(keep.journal_days),
        records=before(keep.bridge_days),
        projected=node.store.state.get()["journal_seq"],
        dry_run=dry_run,
    )
    if keep.incidents_days is keep.journal_days is keep.bridge_days is None:
        if not found.printed:
            return Step("store", "ok", "everything is kept")
        what = _count(found.printed, "text")
        return Step("store", "ok", f"{what} that commands printed {_gone(dry_run)}; everything else is kept")
    return Step("store", "ok", f"{_in_words(found)} {_gone(dry_run)}")


def _in_words(found: Forgotten) -> str:
    return (
        f"{_count(found.incidents, 'incident')}, {_count(found.outcomes, 'outcome')}, {_count(found.events, 'event')},"
        f" {_count(found.records, 'text')} of records, {found.outbox} of the outbox"
        + (f", {_count(found.printed, 'text')} that commands printed" if found.printed else "")
    )


def _prune_bridge(node: Node, bridge: Bridge, old: OldPrograms | None, dry_run: bool) -> Iterator[Step]:
    keep = node.settings.retention
    if (days := keep.bridge_days) is None:
        yield Step("bridge", "ok", "every row is kept")
    else:
        yield _try("bridge", lambda: _prune_log(bridge, days * DAY_SECONDS, dry_run))
    if old is not None and (old_days := keep.old_table_days) is not None:
        yield _try("old table", lambda: _prune_old(old, old_days * DAY_SECONDS, dry_run))


def _prune_log(bridge: Bridge, older_than: float, dry_run: bool) -> Step:
    found = bridge.prune(older_than, dry_run=dry_run)
    kept = f"; {found.unreceived} as old stay, not every member has them" if found.unreceived else ""
    return Step("bridge", "ok", f"{_count(found.rows, 'row')} {_gone(dry_run)}{kept}")


def _prune_old(old: OldPrograms, older_than: float, dry_run: bool) -> Step:
    found = old.prune(older_than, dry_run=dry_run)
    return Step("old table", "ok", f"{_count(found, 'delivered row')} {_gone(dry_run)}")


# --- space --------------------------------------------------------------------------------------------------------


def _space(node: Node, bridge: Bridge | None, dry_run: bool) -> Iterator[Step]:
    store = node.store
    yield _try("space", lambda: _store_given_back(store, dry_run))
    folded = []
    if bridge is not None:
        try:
            done = bridge.compact(dry_run=dry_run)
            yield _given_back(done.name, done.given_back, dry_run)
            folded = [_folded(done.name, done.folded)]
        except MeshError as error:
            yield Step("space", "bad", str(error))
    if not dry_run:
        yield _folded(store.path.name, store.checkpoint())
        yield from folded


def _store_given_back(store: Store, dry_run: bool) -> Step:
    size = store.database.unused_bytes() if dry_run else store.database.give_back()
    return _given_back(store.path.name, size, dry_run)


def _given_back(name: str, size: int, dry_run: bool) -> Step:
    if not size:
        return Step("space", "ok", f"{name}: nothing worth giving back")
    return Step("space", "ok", f"{name}: {size:,} bytes {'would go' if dry_run else 'went'} back to the disk")


def _folded(name: str, done: bool) -> Step:
    text = "write-ahead log folded in" if done else "write-ahead log is in use; the next time"
    return Step("checkpoint", "ok", f"{name}: {text}")


def _before(now: datetime, days: float) -> datetime:
    try:
        return now - timedelta(days=days)
    except OverflowError:
        return datetime.min.replace(tzinfo=now.tzinfo)


def _days(days: float | None) -> timedelta | None:
    try:
        return None if days is None else timedelta(days=days)
    except OverflowError:
        return timedelta.max


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _gone(dry_run: bool) -> str:
    return "would go" if dry_run else "gone"
