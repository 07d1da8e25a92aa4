"""The figures of the databases for an export: the two queries of the operators' documents, and rows per table."""

from __future__ import annotations

import sqlite3

from meshcore.bridge.base import Bridge
from meshcore.bridge.open import old_queries
from meshcore.config import BridgeAddress
from meshcore.model import Json
from meshcore.store.database import SCHEMA_VERSION
from meshcore.store.store import Store


def database_figures(store: Store, address: BridgeAddress, bridge: Bridge | None, fault: str = "") -> dict[str, Json]:
    """Return what the databases hold; where the bridge cannot be used, `fault` says why. Raises MeshError."""
    found: dict[str, Json] = {
        "queries": [],
        "rows": {"store": store.database.table_counts()},
        "store_schema": SCHEMA_VERSION,
        "sqlite": sqlite3.sqlite_version,
    }
    if bridge is not None:
        found["queries"] = [{"sql": sql, "result": n} for sql, n in old_queries(address)]
        found["rows"]["bridge"] = dict(bridge.row_counts())
    else:
        found["bridge_fault"] = fault or "no bridge"
    return found
