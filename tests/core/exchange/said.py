"""Bodies that a peer could send, and what became of a record."""

from __future__ import annotations

from hypothesis import strategies as st
from tests.core.healing.small_mesh import SmallMesh

from meshcore.exchange.bodies import IncidentBody
from meshcore.model import Circumstances, Json, Outcome, Record
from meshcore.store.rows import outcome_to_json

OLD_SKILL = {
    "id": 7,
    "error_type": "ModuleNotFoundError",
    "pattern": "No module named 'flask'",
    "resolution": "pip install flask",
    "context": "old",
    "created": "2026-11-22T09:00:00.000000",
    "usage_count": 3,
    "success_rate": 100.0,
}


def statuses(mesh: SmallMesh, record: Record) -> list[str]:
    return [receipt.status for receipt in mesh.bridge.receipts(record.record_id)]


def outcome(skill_id: str, node: str, host: str, number: int, result: str = "fix_failed") -> dict[str, Json]:
    return outcome_to_json(
        Outcome(
            outcome_id=f"{number:016x}",
            incident_id=f"{number:016x}",
            skill_id=skill_id,
            result=result,  # type: ignore[arg-type]
            at=f"2026-11-22T08:00:{number:02d}.000000Z",
            node=node,
            host=host,
            agent="a",
            circumstances=Circumstances(),
        )
    )


def incident() -> dict[str, Json]:
    return IncidentBody("x", "x", "x", "x", "x", "x", "x", "x", "x").to_json()


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
