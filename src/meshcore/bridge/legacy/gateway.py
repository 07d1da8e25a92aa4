"""The programs of the earlier system as a client of any bridge: what they send comes to it, its skills go to them."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from meshcore.bridge.base import Bridge, Follows, OldSkill, Publication
from meshcore.bridge.legacy.state import Queued, StateFile
from meshcore.bridge.legacy.table import OldFile, is_complete, local_time
from meshcore.bridge.limits import DEADLINE_SECONDS, UPKEEP_SECONDS
from meshcore.bridge.sqlite.places import file_mode
from meshcore.clock import Clock
from meshcore.errors import BridgeUnavailableError, MeshError
from meshcore.filelock import FileLock
from meshcore.model import Json, Record
from meshcore.store import upkeep

WINDOW_SECONDS = 6.0  # an old listener polls every 2 s: it has seen a row that long among its next ten
ROWS_PER_STEP = 500
PATIENCE_SECONDS = 0.25  # how long a publisher waits for the old database before it leaves the row queued
_CHUNK = 50  # rows in one transaction
_PRUNED_AT_ONCE = 500
_QUEUED_AT_ONCE = 100
_MAX_MESH = 1024 * 1024  # characters of a content that may carry a record


@dataclass(frozen=True, slots=True)
class GatewayStep:
    """What one step did; `elected` is False where another process is the gateway. Counts are rows."""

    elected: bool
    received: int = 0
    written: int = 0
    delivered: int = 0


class LegacyGateway:
    """Copies between the old table and a bridge, in one elected process at a time: the one that holds the lock.

    The process that steps first is elected until it closes or dies; a step costs some 50 µs when nothing changed.
    """

    def __init__(
        self,
        bridge: Bridge,
        old: Path,
        *,
        clock: Clock,
        deadline: float = DEADLINE_SECONDS,
        follows: Follows | None = None,
    ) -> None:
        """Without `follows` the old-format fields are not compared; readers use none of them beside a record anyway."""
        self._bridge = bridge
        self._clock = clock
        self._old = OldFile(old, deadline)
        self._state = StateFile(old, deadline)
        self._follows = follows
        # Gateways of version 0.1 stand for the same election.
        self._election = FileLock(old.with_name(old.name + ".mesh.gateway"), file_mode(old.parent))
        self._looked_at: object = None  # bridge and old table, when that was last read to its end
        self._window: list[str] = []
        self._ripens = False

    def show(self, skills: Sequence[OldSkill]) -> None:
        """Let old programs see skills; see `OldPrograms.show`. A SKILL that is not complete is left out."""
        # An incomplete one would stop old listeners for ever.
        rows = [_row(one, self._clock) for one in skills if is_complete(one.skill)]
        if not rows:
            return
        self._state.begin(self._bridge.bridge_id)
        self._state.queue(rows)
        # What the old database cannot take now waits for the gateway or the next publisher.
        with suppress(MeshError), self._old.within(PATIENCE_SECONDS):
            self._write_queued()
        self._looked_at = None  # the version of a file tells of what others wrote alone
        self._state.checkpoint_if_due()

    def erase(self, record_id: str) -> None:
        """Delete the skills that carry a record from the old database, and what waits to be written there."""

        def carries(content: str) -> bool:
            try:
                record = carried_record(json.loads(content))
            except (ValueError, RecursionError):
                return False
            return record is not None and record.record_id == record_id

        self._state.begin(self._bridge.bridge_id)
        self._state.withdraw(carries)
        ids = [row.message_id for row in self._old.skills() if carries(row.content)]
        if ids:
            self._old.delete(ids)
            self._state.remove(ids)
        self._state.checkpoint()

    def tend(self) -> bool:
        """Do what is due now, see `step`; True where the next step is due though nothing is written meanwhile."""
        return self.step().elected and (self._looked_at is None or self._ripens)

    def step(self) -> GatewayStep:
        """Do what is due now and return; never waits for news. Raises BridgeUnavailableError, ConfigurationError."""
        bridge_id = self._bridge.bridge_id
        try:
            if not self._election.acquire():
                return GatewayStep(False)
        except OSError as error:
            raise BridgeUnavailableError(
                f"{self._election.path} cannot be made ({error.strerror}); check the permissions of its folder"
            ) from error
        self._state.begin(bridge_id)
        written = self._write_queued()
        looked_at, received = (bridge_id, self._state.generation, self._old.version()), 0
        if written or looked_at != self._looked_at:
            received, is_complete = self._receive()
            self._window = self._old.window()
            self._looked_at = looked_at if is_complete else None
        delivered, self._ripens = self._deliver() if self._window else (0, False)
        self._state.checkpoint_if_due()
        return GatewayStep(True, received, written, delivered)

    def integrity(self) -> list[tuple[str, str]]:
        """Return what was read, and what is wrong with it ("" for nothing)."""
        with self._old.within(UPKEEP_SECONDS), self._old.reading() as connection:
            return [(str(self._old.path), upkeep.integrity(connection))]

    def prune(self, older_than: float, *, dry_run: bool = False) -> int:
        """Delete delivered skills that were sent more than some seconds ago and are on the bridge; return how many."""
        self._state.begin(self._bridge.bridge_id)
        known = self._state.known()
        ids = [message_id for message_id in self._old.delivered_skills(self._clock, older_than) if message_id in known]
        if not dry_run:
            for start in range(0, len(ids), _PRUNED_AT_ONCE):
                # First there: a row that is no longer known would come in again.
                self._old.delete(ids[start : start + _PRUNED_AT_ONCE])
                self._state.remove(ids[start : start + _PRUNED_AT_ONCE])
        return len(ids)

    def close(self) -> None:
        """Stand down, so that another process is elected, and let go of the files."""
        self._election.release()
        self._looked_at = None
        self._old.close()
        self._state.close()

    def _write_queued(self) -> int:
        """Write what waits into the old table; return how many rows. Done twice by two processes it is done once."""
        waiting = self._state.queued(_QUEUED_AT_ONCE)
        if waiting:
            self._old.insert([row for _, *row in waiting])
            self._state.add([(message_id, seq) for seq, message_id, *_ in waiting])
        return len(waiting)

    def _receive(self) -> tuple[int, bool]:
        # First theirs, then ours: what a publisher writes between the two is known already.
        present = self._old.message_ids()
        known = self._state.known()
        fresh = [message_id for message_id in present if message_id not in known]
        taken = fresh[:ROWS_PER_STEP]
        for start in range(0, len(taken), _CHUNK):
            rows = self._old.rows(taken[start : start + _CHUNK])
            seqs = self._bridge.publish([self._publication(row.content) for row in rows])
            self._state.add([(row.message_id, seq) for row, seq in zip(rows, seqs, strict=True)])
        if taken:
            self._bridge.ring()
        return len(taken), len(taken) == len(fresh)

    def _publication(self, content: str) -> Publication:
        record = self._record_of(content)
        return (
            Publication(Record(content, "", ""), "legacy", "legacy") if record is None else Publication(record, "skill")
        )

    def _record_of(self, content: str) -> Record | None:
        if len(content) > _MAX_MESH or '"mesh"' not in content:
            return None
        try:
            skill = json.loads(content)
        except (ValueError, RecursionError):
            return None
        record = carried_record(skill)
        if record is not None and self._follows is not None and not self._follows(record, skill):
            # Kept and delivered, so that everyone counts it, but under no signature.
            return Record(record.text, record.key, "")
        return record

    def _deliver(self) -> tuple[int, bool]:
        """Mark what everybody has as delivered; return how many, and whether others have not been there long enough."""
        now = self._clock.monotonic()
        rows = self._state.waiting(self._window)
        # A mark from before a reboot lies ahead of the monotonic clock: it starts anew.
        entered = [message_id for message_id, _, since in rows if since is None or since > now]
        ripe = {
            message_id: seq for message_id, seq, since in rows if since is not None and now - WINDOW_SECONDS >= since
        }
        self._state.mark(self._window, entered, now)
        received = self._bridge.received(list(ripe.values())) if ripe else ()
        ids = [message_id for message_id, seq in ripe.items() if seq in received]
        delivered = self._old.mark_delivered(ids, self._clock.now()) if ids else 0
        if ids:
            self._window = self._old.window()
        return delivered, len(ripe) < len(rows) or bool(ids)


def _row(one: OldSkill, clock: Clock) -> Queued:
    now, record = clock.now(), one.record
    message_id = f"skill_{(one.skill_id or record.record_id)[:12]}_{int(now.timestamp())}_{os.urandom(3).hex()}"
    content = {**one.skill, "mesh": {"v": 1, "record": record.text, "key": record.key, "sig": record.sig}}
    sender = f"mesh_{record.key[:12]}"
    return one.seq, message_id, sender, json.dumps(content, ensure_ascii=False), local_time(now)


def carried_record(skill: Json) -> Record | None:
    """Return the record inside a row's content, unchecked; None where there is none of our form."""
    mesh = skill.get("mesh") if isinstance(skill, dict) else None
    if not isinstance(mesh, dict) or mesh.get("v") != 1:
        return None
    text, key, sig = mesh.get("record"), mesh.get("key"), mesh.get("sig")
    if not (isinstance(text, str) and isinstance(key, str) and isinstance(sig, str)):
        return None
    try:
        (text + key + sig).encode()
    except UnicodeEncodeError:
        return None
    return Record(text, key, sig)
