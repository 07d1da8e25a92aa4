"""The truth of one home: a SQLite file, written in short immediate transactions, each with the events it caused.

Synchronous on purpose: one-shots and hooks have no event loop, and the runtime's statements take microseconds.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from meshcore.clock import Clock
from meshcore.store.agents import Agents, Commands
from meshcore.store.approvals import Approvals
from meshcore.store.authors import Authors
from meshcore.store.bridge_state import BridgeCursors
from meshcore.store.controls import Controls, Halts, Refusals, SignedDecisions, StandingApprovals
from meshcore.store.database import BUSY_TIMEOUT_SECONDS, Database
from meshcore.store.events import Events
from meshcore.store.habits import Corrections, Habits, Projects
from meshcore.store.hooks import HookNotes, HookSessions, Verdicts
from meshcore.store.incidents import Incidents
from meshcore.store.meta import Meta, NodeState, SkillsFile
from meshcore.store.outbox import Outbox, Records
from meshcore.store.quarantine import Quarantine
from meshcore.store.queries import Read
from meshcore.store.skills import Skills
from meshcore.store.told import Told
from meshcore.store.tries import Outcomes, Tries

if TYPE_CHECKING:
    from meshcore.store.chains import Chains, OwnChains
    from meshcore.store.inbox import Inbox
    from meshcore.store.lanes import Lanes
    from meshcore.store.purges import Purges
    from meshcore.store.retention import Retention
    from meshcore.store.runs import RunResults
    from meshcore.store.sightings import Sightings
    from meshcore.store.snapshots import Snapshots
    from meshcore.store.tellings import Tellings

T = TypeVar("T")


class Store:
    """One home's database: each group of its tables is an attribute, and every group writes in one transaction.

    Not for several threads: each opens its own. Raises what `Database` raises.
    """

    def __init__(self, path: Path, clock: Clock | None = None, *, busy_timeout: float = BUSY_TIMEOUT_SECONDS) -> None:
        db = Database(path, clock, busy_timeout=busy_timeout)
        self.database = db
        self.path = path
        self.clock = db.clock
        self.events = Events(db)
        self.meta = Meta(db)
        self.state = NodeState(db)
        self.skills_file = SkillsFile(db)
        self.controls = Controls(db, self.events)
        self.signed_decisions = SignedDecisions(db)
        self.standing_approvals = StandingApprovals(db)
        self.refusals = Refusals(db)
        self.halts = Halts(db)
        self.quarantine = Quarantine(db)
        self.verdicts = Verdicts(db)
        self.hook_sessions = HookSessions(db)
        self.hook_notes = HookNotes(db)
        self.projects = Projects(db)
        self.habits = Habits(db)
        self.corrections = Corrections(db)
        self.told = Told(db)
        self.agents = Agents(db, self.events)
        self.commands = Commands(db)
        self.incidents = Incidents(db, self.events)
        self.tries = Tries(db, self.events, self.incidents)
        self.outcomes = Outcomes(db, self.events)
        self.approvals = Approvals(db, self.events, self.incidents)
        self.skills = Skills(db, self.events)
        self.authors = Authors(db, self.events)
        self.outbox = Outbox(db, self.meta)
        self.records = Records(db, self.events)
        self.bridge_cursors = BridgeCursors(db)

    @property
    def run_results(self) -> RunResults:
        """Return the newest results of runs."""
        from meshcore.store.runs import RunResults  # no affair of a hook's

        return RunResults(self.database)

    @property
    def own_chains(self) -> OwnChains:
        """Return this node's own chains."""
        from meshcore.store.chains import OwnChains  # no affair of a hook's

        return OwnChains(self.database)

    @property
    def inbox(self) -> Inbox:
        """Return what own nodes on other hosts ask a person."""
        from meshcore.store.inbox import Inbox  # no affair of a hook's

        return Inbox(self.database)

    @property
    def chains(self) -> Chains:
        """Return what was received of the chains of others."""
        from meshcore.store.chains import Chains  # no affair of a hook's

        return Chains(self.database)

    @property
    def retention(self) -> Retention:
        """Return what forgets."""
        from meshcore.store.retention import Retention  # no affair of a hook's

        return Retention(self.database, self.state)

    @property
    def snapshots(self) -> Snapshots:
        """Return the monitor's snapshots."""
        from meshcore.store.snapshots import Snapshots  # no affair of a hook's

        return Snapshots(self.database)

    @property
    def sightings(self) -> Sightings:
        """Return each time that a fix was seen to help."""
        from meshcore.store.sightings import Sightings  # most calls of a hook show no fix

        return Sightings(self.database)

    @property
    def tellings(self) -> Tellings:
        """Return what agents were told."""
        from meshcore.store.tellings import Tellings  # most calls of a hook tell nothing

        return Tellings(self.database)

    @property
    def lanes(self) -> Lanes:
        """Return whose records wait."""
        from meshcore.store.lanes import Lanes  # no affair of a hook's

        return Lanes(self.database)

    @property
    def purges(self) -> Purges:
        """Return the table of what was erased for good."""
        from meshcore.store.purges import Purges  # a hook erases nothing

        return Purges(self.database, self.events)

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
