"""The gateway to old programs: what they broadcast comes into the log, what all nodes have is delivered for them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from meshcore.bridge.legacy import table as oldtable
from meshcore.bridge.legacy.table import OldRow
from meshcore.bridge.sqlite.bridge import SqliteBridge
from meshcore.bridge.sqlite.file import file_mode
from meshcore.bridge.sqlite.log import append
from meshcore.errors import BridgeUnavailableError
from meshcore.filelock import FileLock
from meshcore.model import Json, Record

WINDOW_SECONDS = 6.0  # an old listener polls every 2 s: it has seen a row that long among its next ten
ROWS_PER_STEP = 500
_CHUNK = 50  # rows in one transaction
_MAX_MESH = 1024 * 1024  # characters of a content that may carry a record

Follows = Callable[[Record, Mapping[str, Json]], bool]
"""Say whether the old-format fields of a row follow from the record that it carries."""


@dataclass(frozen=True, slots=True)
class GatewayStep:
    """What one step did; `elected` is False where another process is the gateway. Counts are rows."""

    elected: bool
    received: int = 0
    written: int = 0
    delivered: int = 0


class LegacyGateway:
    """Copies between the old table and the log, in one elected process at a time: the one that holds the lock.

    The process that steps first is elected until it closes or dies; a step costs some 50 µs when nothing changed.
    """

    def __init__(self, bridge: SqliteBridge, follows: Follows | None = None) -> None:
        """Without `follows` the old-format fields are not compared; readers use none of them beside a record anyway."""
        self._bridge = bridge
        self._log, self._old = bridge.log, bridge.old
        self._follows = follows
        path = bridge.path
        self._election = FileLock(path.with_name(path.name + ".mesh.gateway"), file_mode(path.parent))
        self._state: object = None  # of both files, when the old table was last read to its end
        self._window: list[str] = []

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
        written = oldtable.write_queued(self._log, self._old)
        state, received = (bridge_id, self._old.version()), 0
        if written or state != self._state:
            received, is_complete = self._receive()
            self._window = self._old.window()
            self._state = state if is_complete else None
        delivered = self._deliver() if self._window else 0
        return GatewayStep(True, received, written, delivered)

    def close(self) -> None:
        """Stand down, so that another process is elected."""
        self._election.release()
        self._state = None

    def _receive(self) -> tuple[int, bool]:
        # First theirs, then ours: what a publisher writes between the two is known already.
        present = self._old.message_ids()
        with self._log.reading() as connection:
            known = set(oldtable.known_ids(connection))
        fresh = [message_id for message_id in present if message_id not in known]
        taken = fresh[:ROWS_PER_STEP]
        for start in range(0, len(taken), _CHUNK):
            self._append(self._old.rows(taken[start : start + _CHUNK]))
        if taken:
            self._bridge.ring()
            self._log.checkpoint_if_due()
        return len(taken), len(taken) == len(fresh)

    def _append(self, rows: Sequence[OldRow]) -> None:
        now = self._bridge.clock.now()
        with self._log.writing() as connection:
            for row in rows:
                record = self._record_of(row.content)
                if record is None:
                    seq, _ = append(connection, Record(row.content, "", ""), "legacy", now, "legacy")
                else:
                    seq, _ = append(connection, record, "skill", now)
                connection.execute(
                    "INSERT OR IGNORE INTO legacy_rows (message_id, seq) VALUES (?, ?)", (row.message_id, seq)
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

    def _deliver(self) -> int:
        now = self._bridge.clock.monotonic()
        with self._log.reading() as connection:
            rows = connection.execute(
                "SELECT message_id, window_since, "
                "EXISTS (SELECT 1 FROM receipts WHERE seq = r.seq) "
                "AND NOT EXISTS (SELECT 1 FROM awaited WHERE seq = r.seq) "
                "FROM legacy_rows r WHERE message_id IN (SELECT value FROM json_each(?))",
                (json.dumps(self._window),),
            ).fetchall()
            entered_before = {
                row[0]
                for row in connection.execute("SELECT message_id FROM legacy_rows WHERE window_since IS NOT NULL")
            }
        # A mark from before a reboot lies ahead of the monotonic clock: it starts anew.
        entered = [message_id for message_id, since, _ in rows if since is None or since > now]
        left = sorted(entered_before - set(self._window))
        ripe = [
            message_id
            for message_id, since, is_received in rows
            if is_received and message_id not in entered and now - since >= WINDOW_SECONDS
        ]
        if entered or left:
            with self._log.writing() as connection:
                connection.executemany(
                    "UPDATE legacy_rows SET window_since = ? WHERE message_id = ?",
                    [(now, message_id) for message_id in entered] + [(None, message_id) for message_id in left],
                )
        delivered = self._old.mark_delivered(ripe, self._bridge.clock.now()) if ripe else 0
        if ripe:
            self._window = self._old.window()
        return delivered


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
