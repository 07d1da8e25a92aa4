"""Failures that a hook had no time to store: left in files beside the store, for whoever writes into that next.

Light, since a hook asks.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
import time
from pathlib import Path
from typing import TYPE_CHECKING

from meshcore.clock import boot_id
from meshcore.home import Home, read_plain_file, write_atomically
from meshcore.store.rows import incident_of_row, incident_to_row

if TYPE_CHECKING:
    from meshcore.model import Incident, Json
    from meshcore.store.store import Store

MOST = 1000  # failures that wait
_MOST_BYTES = 1 << 18
_FOLDER = "waiting"


def leave(state: Path, incident: Incident) -> bool:
    """Leave a failure, redacted as it is; False where there is no place for it."""
    folder = state / _FOLDER
    left = incident_to_row(incident) | {"boot": boot_id(), "failed_at": time.monotonic()}
    try:
        folder.mkdir(0o700, exist_ok=True)
        if sum(1 for _ in folder.iterdir()) >= MOST:
            return False
        write_atomically(folder / f"{incident.incident_id}.json", json.dumps(left).encode())
    except OSError:
        return False
    return True


def take_in(store: Store) -> int:
    """Store what was left, and return how many failures that were; what cannot be read is dropped. Raises MeshError."""
    try:
        paths = list((Home(store.path.parent).state / _FOLDER).iterdir())
    except OSError:
        return 0
    taken = 0
    for path in paths:
        if path.suffix == ".json":  # another one is being written
            with contextlib.suppress(OSError, ValueError, KeyError, TypeError, AttributeError, sqlite3.Error):
                taken += _store(store, json.loads(read_plain_file(path, _MOST_BYTES)))
            with contextlib.suppress(OSError):
                path.unlink()
    return taken


def _store(store: Store, left: dict[str, Json]) -> bool:
    from meshcore.exchange.bodies import IncidentBody  # seldom is anything left

    incident, boot, failed_at = incident_of_row(left), str(left["boot"]), float(left["failed_at"])
    with store.transaction():
        if not store.incidents.open(incident, store.meta.get("node"), boot=boot, monotonic=failed_at):
            return False
        store.agents.see(incident.agent.name, incident.agent.via, incident.agent.host)
        store.outbox.add(IncidentBody.kind, IncidentBody.of(incident).to_json())
    return True
