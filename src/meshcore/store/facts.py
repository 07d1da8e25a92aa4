"""The facts that the one-row tables `node_state` and `skills_file` hold: types only, nothing of it runs."""

from __future__ import annotations

from typing import TypedDict


class NodeFacts(TypedDict, total=False):
    """How far this node got. Times are UTC texts; "" is never, or none."""

    joined: str
    """Bridge, name and host that it last joined as."""
    skills_file_looked: str
    """When the old skills file was first looked at."""
    last_halt: str
    """The newest halt that was seen while the operator's key was protected; a signature covers this very text."""
    breaker_reset: str
    """Since when the circuit breaker counts."""
    time_seen: str
    """The highest time that this clock, or an own node, has shown."""
    not_synced: str
    """What was last said to be missing of others' control records."""
    report: str
    """What it tells of itself with each sign of life, as JSON; see `exchange.report`."""
    withhold_key: str
    """With which it is drawn of which commands nothing is told, where a share is withheld."""
    pulled: str
    """When a hook last looked at the bridge."""
    journal_seq: int
    """The last event in the journal."""
    journal_fault: str
    """Why the journal is not written."""
    forgotten_incidents: int
    """How many own incidents retention removed."""
    forgotten_resolved: int
    """How many fixes that were verified unattended retention removed."""


class SkillsFileFacts(TypedDict, total=False):
    """The old system's skills file as it was last read or written here.

    `sha256` is of its bytes, "" for none. `shown` is `<last event>:<number of skills>`, "" where it is to be written
    anew. `ledger` is JSON (see `knowledge.interchange`).
    """

    sha256: str
    shown: str
    ledger: str
