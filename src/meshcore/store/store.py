"""The truth of one home: a SQLite file, written in short immediate transactions, each with the events it caused.

Synchronous on purpose: one-shots and hooks have no event loop, and the runtime's statements take microseconds.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from meshcore.clock import Clock
from meshcore.store.database import BUSY_TIMEOUT_SECONDS, Database

if TYPE_CHECKING:
    import sqlite3

    from meshcore.store.agents import Agents, Commands
    from meshcore.store.approvals import Approvals
    from meshcore.store.authors import Authors
    from meshcore.store.bridge_state import BridgeCursors
    from meshcore.store.chains import Chains, OwnChains
    from meshcore.store.control import Controls
    from meshcore.store.controls import Halts, Refusals, SignedDecisions, StandingApprovals
    from meshcore.store.events import Events
    from meshcore.store.habits import Corrections, Habits, Projects
    from meshcore.store.hooks import HookNotes, HookSessions, Verdicts
    from meshcore.store.inbox import Inbox
    from meshcore.store.incidents import Incidents
    from meshcore.store.lanes import Lanes
    from meshcore.store.meta import Meta, NodeState, SkillsFile
    from meshcore.store.outbox import Outbox, Records
    from meshcore.store.purges import Purges
    from meshcore.store.quarantine import Quarantine
    from meshcore.store.read import Read
    from meshcore.store.retention import Retention
    from meshcore.store.runs import RunResults
    from meshcore.store.sightings import Sightings
    from meshcore.store.skills import Skills
    from meshcore.store.snapshots import Snapshots
    from meshcore.store.tellings import Tellings
    from meshcore.store.told import Told
    from meshcore.store.tries import Outcomes, Tries

T = TypeVar("T")

_GROUPS = {
    "events": ("events", "Events"),
    "meta": ("meta", "Meta"),
    "state": ("meta", "NodeState"),
    "skills_file": ("meta", "SkillsFile"),
    "controls": ("control", "Controls"),
    "signed_decisions": ("controls", "SignedDecisions"),
    "standing_approvals": ("controls", "StandingApprovals"),
    "refusals": ("controls", "Refusals"),
    "halts": ("controls", "Halts"),
    "quarantine": ("quarantine", "Quarantine"),
    "verdicts": ("hooks", "Verdicts"),
    "hook_sessions": ("hooks", "HookSessions"),
    "hook_notes": ("hooks", "HookNotes"),
    "projects": ("habits", "Projects"),
    "habits": ("habits", "Habits"),
    "corrections": ("habits", "Corrections"),
    "told": ("told", "Told"),
    "agents": ("agents", "Agents", "events"),
    "commands": ("agents", "Commands"),
    "incidents": ("incidents", "Incidents", "events"),
    "tries": ("tries", "Tries", "events", "incidents"),
    "outcomes": ("tries", "Outcomes", "events"),
    "approvals": ("approvals", "Approvals", "events", "incidents"),
    "skills": ("skills", "Skills", "events"),
    "authors": ("authors", "Authors", "events"),
    "outbox": ("outbox", "Outbox", "meta"),
    "records": ("outbox", "Records", "events"),
    "bridge_cursors": ("bridge_state", "BridgeCursors"),
    "run_results": ("runs", "RunResults"),
    "own_chains": ("chains", "OwnChains"),
    "chains": ("chains", "Chains"),
    "inbox": ("inbox", "Inbox"),
    "retention": ("retention", "Retention", "state"),
    "snapshots": ("snapshots", "Snapshots"),
    "sightings": ("sightings", "Sightings"),
    "tellings": ("tellings", "Tellings"),
    "lanes": ("lanes", "Lanes"),
    "purges": ("purges", "Purges", "events"),
}
"""The module and class of each group of tables, and the groups that it writes to."""


class Store:
    """One home's database: each group of its tables is an attribute, and every group writes in one transaction.

    A group is loaded when it is first asked for: a hook has no time for the others. Not for several threads: each opens
    its own. Raises what `Database` raises.
    """

    events: Events
    meta: Meta
    state: NodeState
    skills_file: SkillsFile
    controls: Controls
    signed_decisions: SignedDecisions
    standing_approvals: StandingApprovals
    refusals: Refusals
    halts: Halts
    quarantine: Quarantine
    verdicts: Verdicts
    hook_sessions: HookSessions
    hook_notes: HookNotes
    projects: Projects
    habits: Habits
    corrections: Corrections
    told: Told
    agents: Agents
    commands: Commands
    incidents: Incidents
    tries: Tries
    outcomes: Outcomes
    approvals: Approvals
    skills: Skills
    authors: Authors
    outbox: Outbox
    records: Records
    bridge_cursors: BridgeCursors
    run_results: RunResults
    own_chains: OwnChains
    chains: Chains
    inbox: Inbox
    retention: Retention
    snapshots: Snapshots
    sightings: Sightings
    tellings: Tellings
    lanes: Lanes
    purges: Purges

    def __init__(
        self, path: Path, clock: Clock | None = None, *, busy_timeout: float = BUSY_TIMEOUT_SECONDS,
        connection: sqlite3.Connection | None = None,
    ) -> None:  # fmt: skip
        self.database = Database(path, clock, busy_timeout=busy_timeout, connection=connection)
        self.path = path
        self.clock = self.database.clock

    if not TYPE_CHECKING:  # whoever reads the types knows the attributes above, and no others

        def __getattr__(self, name):
            if name not in _GROUPS:
                raise AttributeError(f"a store has no {name!r}")
            module, kind, *others = _GROUPS[name]
            # `importlib` would take a hook as long again as the module.
            made = getattr(__import__(f"meshcore.store.{module}", fromlist=[kind]), kind)
            group = made(self.database, *(getattr(self, other) for other in others))
            setattr(self, name, group)
            return group

    def transaction(self, *, durable: bool = False) -> AbstractContextManager[None]:
        """Run statements as one (see `Database.transaction`)."""
        return self.database.transaction(durable=durable)

    def answers(self, read: Read[T]) -> list[T]:
        """Return the answer to a question of `queries`, `views`, or somebody else's."""
        return self.database.all(read)

    def now(self) -> str:
        """Return the time as rows hold it."""
        return self.database.now()

    def checkpoint(self, *, at_least: int = 0) -> bool:
        """Fold a write-ahead log of `at_least` bytes into the database (see `Database.checkpoint`)."""
        return self.database.checkpoint(at_least=at_least)

    def close(self) -> None:
        """Let go of the file."""
        self.database.close()
