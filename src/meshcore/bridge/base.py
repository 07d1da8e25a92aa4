"""The bridge as the mesh sees it: one ordered log of signed records, readers with a cursor each, receipts.

The contract that every engine keeps, and that `tests/core/bridge/test_contract.py` asks of each:

- **Order.** Records are seen in the order of their `seq`, and a reader that has seen one never meets a lower one later:
  the order of commits is the order of `seq`. Numbers are without gaps until rows are pruned; how far that went is told.
- **Time.** The engine stamps what it stores by its own clock and judges by it who was seen, who is expected to receive,
  which claim still counts and what is old. Callers pass no times.
- **Trust.** The engine checks no signature; readers do. Nothing that it returns is believed for being there.
- **Calls.** Every call is synchronous, has a deadline and raises BridgeUnavailableError when that is exceeded. Nothing
  is half stored then. A bridge may be used from several threads; each has a connection of its own.
- **Cursors.** A reader says from where it reads, by its own account. The cursor that a bridge keeps tells others how
  far a reader has come, and the reader that receipts were lost; it moves nobody.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from meshcore.clock import Clock
from meshcore.config import BridgeAddress
from meshcore.model import Json, Receipt, Record

Origin = Literal["mesh", "legacy"]


@dataclass(frozen=True, slots=True)
class Member:
    """A node that reads the bridge: `node` is its id (hex of its public key), `record` its signed hello.

    `state` is its last signed beat, as it came; None where it never sent one. What follows `record` is the bridge's
    own and not taken from whoever joins: times in UTC, `age` in seconds since the last sign of life, `seen` where that
    was within `SEEN_SECONDS`.
    """

    node: str
    name: str
    host: str
    record: Record
    joined_at: str = ""
    seen_at: str = ""
    cursor: int = 0
    age: float = math.inf
    seen: bool = False
    state: Record | None = None


@dataclass(frozen=True, slots=True)
class Delivery:
    """One row of the log for one reader. `record` is as it arrived: nothing of it was checked.

    `origin` is `legacy` for a row copied from the old table without a signed record: then `record.text` is its
    content and `record.key` and `record.sig` are empty. `size` is the bytes of a text that is longer than `MAX_TEXT`,
    of which only the first `KEPT_TEXT` are here; else 0.
    """

    seq: int
    record: Record
    published_at: str
    origin: Origin = "mesh"
    size: int = 0


@dataclass(frozen=True, slots=True)
class Undelivered:
    """A record that a node expected to have it has not acknowledged."""

    seq: int
    record_id: str
    kind: str
    node: str
    since: str


@dataclass(frozen=True, slots=True)
class BridgeStatistics:
    """What the bridge holds; all but the first and the last are numbers of rows."""

    bridge_id: str
    records: int
    members: int
    expected: int
    received: int
    rejected: int
    undelivered: int
    oldest_undelivered: str = ""


@dataclass(frozen=True, slots=True)
class Publication:
    """A record to publish; `kind` is for counting."""

    record: Record
    kind: str
    origin: Origin = "mesh"


@dataclass(frozen=True, slots=True)
class Batch:
    """What one look at the log brought: rows after the reader's cursor, oldest first, and whether more wait.

    `cursor` is where to read on. `end` is the highest seq of the log, `pruned_to` the highest that was ever pruned: a
    reader whose cursor lies before that may have missed rows. `acknowledged` is how far the reader has come by the
    bridge's account: where that is less than by its own, receipts were lost.
    """

    deliveries: tuple[Delivery, ...] = ()
    more: bool = False
    cursor: int = 0
    end: int = 0
    pruned_to: int = 0
    acknowledged: int = 0


@dataclass(frozen=True, slots=True)
class Claim:
    """A place for trying a skill that is new to the mesh.

    `record` is the signed claim, or the signed settlement once the try has `failed`: such a place stays taken. Its text
    is empty where version 0.1 made it. `age` is in seconds, by the bridge's clock.
    """

    skill_id: str
    host: str
    record: Record
    failed: bool = False
    age: float = 0.0


@dataclass(frozen=True, slots=True)
class Pruned:
    """How many rows went, or would go, and how many are old enough but not received by every member."""

    rows: int
    unreceived: int


@dataclass(frozen=True, slots=True)
class Compacted:
    """What was done for the space of `name`: bytes given back, and whether what was written last is folded in."""

    name: str
    given_back: int
    folded: bool


Wants = Callable[[int, str], bool]


class Bridge(Protocol):
    """One open bridge.

    Every method may raise BridgeUnavailableError (later it may work again) and ConfigurationError (it will not).
    """

    @property
    def bridge_id(self) -> str:
        """Return the identity of the log; another id means that cursors start anew."""
        ...

    # --- writing and reading ---

    def join(self, member: Member) -> None:
        """Make the node a reader, or renew its hello; what the bridge itself keeps of it stays."""
        ...

    def beat(self, node: str, state: Record | None = None) -> None:
        """Note a sign of life of a member and its signed state, which takes the place of the one before.

        Raises UsageError for a node that has not joined, or was forgotten.
        """
        ...

    def publish(self, publications: Sequence[Publication], state: Record | None = None) -> list[int]:
        """Append records in one transaction and ring the doorbells; return the seq of each.

        `state` is the publisher's signed state from then on, as for `beat`: whoever sees it sees the records too.

        The same text under the same signature is one record and keeps its seq; a copy under another signature is
        another. Raises BadRecordError for a text that cannot be stored (half a surrogate pair, over `MAX_TEXT`).
        """
        ...

    def receive(self, node: str, after: int, limit: int = 100, wants: Wants = lambda seq, key: True) -> Batch:
        """Return rows of others after the seq `after` (the node's own rows are skipped and need no receipt).

        `wants` is asked of each, in order, by its seq and the key that it is said to be signed with; one that is not
        wanted is passed over unread. A batch ends early once it holds 4 Mi characters, or after `MOST_SCANNED` rows;
        it may be empty then, and more wait. Raises UsageError for a node that has not joined.
        """
        ...

    def acknowledge(self, node: str, receipts: Sequence[Receipt], cursor: int) -> None:
        """Store receipts, stamped now, and the cursor together; the same receipt twice is one, and the first stands.

        The cursor never moves back, nor past the end. A sign of life too. Raises UsageError for a node that has not
        joined.
        """
        ...

    # --- waiting ---

    def wait(self, timeout: float) -> bool:
        """Block until something new may be there (True) or `timeout` seconds pass (False)."""
        ...

    def fileno(self) -> int:
        """Return a descriptor that becomes readable when something new may be there, -1 where there is none.

        An event loop watches it and calls `drain` when it is readable, and now and then besides: a ring may be lost.
        """
        ...

    def drain(self) -> bool:
        """Take all rings so far, without waiting; True where something new may be there, rung or not."""
        ...

    def ring(self) -> None:
        """Ring every doorbell, this process's own too."""
        ...

    def stamp(self) -> object:
        """Return a value that is another one once somebody wrote; cheap enough to be asked every second."""
        ...

    # --- asking ---

    def members(self, also: Collection[str] = ()) -> list[Member]:
        """Return the joined nodes, the first first: those in `also`, and of others at most `MOST_MEMBERS`."""
        ...

    def member(self, node: str) -> Member | None:
        """Return a joined node, None where it has not joined."""
        ...

    def forget(self, node: str) -> bool:
        """Remove a member and what is expected of it; False where it was none."""
        ...

    def undelivered(self, limit: int = 1000) -> list[Undelivered]:
        """Return who has not received what, oldest first."""
        ...

    def published(self, record_id: str) -> str:
        """Return when a record was published, "" where it was not."""
        ...

    def erase(self, record_id: str) -> int:
        """Erase the text of a record for good; its place and number stay. Return how many rows held it."""
        ...

    def receipts(self, record_id: str) -> list[Receipt]:
        """Return the receipts of one record."""
        ...

    def received(self, seqs: Sequence[int]) -> set[int]:
        """Return those of some rows that somebody has received and that nobody is expected to receive any more."""
        ...

    def statistics(self) -> BridgeStatistics:
        """Return counts of the whole bridge."""
        ...

    # --- claims ---

    def claim(
        self, claim: Record, skill_id: str, host: str, places: int, counts: Callable[[Claim], bool] = lambda claim: True
    ) -> bool:
        """Take one of `places` for trying a skill that is new to the mesh, per host; True where this host holds one.

        A claim that nobody gave back within `CLAIM_SECONDS` no longer counts, unless the try is known to have failed;
        nor does one for which `counts` is False, which the engine asks of each while nobody else can take a place. One
        of this host that does not count is replaced.
        """
        ...

    def claims(self, skill_id: str) -> list[Claim]:
        """Return the claims that count now."""
        ...

    def settle_claim(self, settlement: Record, skill_id: str, host: str, *, verified: bool) -> None:
        """Give a host's place back after a verified try; after a failed one it stays taken, so that nobody follows.

        `settlement` says so, signed, and takes the place of the claim.
        """
        ...

    # --- upkeep; these take as long as they need, up to `UPKEEP_SECONDS` ---

    def writers(self) -> str:
        """Return in words who can write this bridge, beside the superuser."""
        ...

    def faults(self) -> list[str]:
        """Return what is wrong with where the bridge lies or how it is set up, in words; empty where nothing is."""
        ...

    def integrity(self) -> list[tuple[str, str]]:
        """Read everything; return what was read, and what is wrong with it ("" for nothing)."""
        ...

    def prune(self, older_than: float, *, dry_run: bool = False) -> Pruned:
        """Delete summaries (see `is_summary`) published more than some seconds ago that every member has."""
        ...

    def compact(self, *, dry_run: bool = False) -> Compacted:
        """Give unused space back, where that is worth it."""
        ...

    def sizes(self) -> Mapping[str, int]:
        """Return how many bytes the bridge takes, by what holds them."""
        ...

    def row_counts(self) -> Mapping[str, int]:
        """Return the number of rows of every table."""
        ...

    def close(self) -> None:
        """Let go of files and sockets."""
        ...


@dataclass(frozen=True, slots=True)
class OldSkill:
    """A published skill for the programs of the earlier system: the SKILL that they may see, and its record.

    `skill_id` becomes part of the row's id there. A SKILL that lacks a field of the old format is left out.
    """

    seq: int
    record: Record
    skill: Mapping[str, Json]
    skill_id: str


class OldPrograms(Protocol):
    """The programs of the earlier system as a client of a bridge, through their own database."""

    def show(self, skills: Sequence[OldSkill]) -> None:
        """Let them see skills. Where their database cannot be written now, the next that `show`s or `tend`s does it."""
        ...

    def tend(self) -> bool:
        """Bring what they sent to the bridge and mark what everybody has, unless another process does.

        True where there will be more to do though nothing is written meanwhile.
        """
        ...

    def erase(self, record_id: str) -> None:
        """Delete what they were shown of a record."""
        ...

    def integrity(self) -> list[tuple[str, str]]:
        """Return what was read, and what is wrong with it ("" for nothing)."""
        ...

    def prune(self, older_than: float, *, dry_run: bool = False) -> int:
        """Delete skills that were sent more than some seconds ago and are delivered; return how many."""
        ...

    def close(self) -> None:
        """Stand down and let go of files."""
        ...


Follows = Callable[[Record, Mapping[str, Json]], bool]
"""Say whether the old-format fields of a row follow from the record that it carries."""


class Engine(Protocol):
    """One way to keep a bridge; each module that `meshcore.bridge.open` names holds one as `ENGINE`."""

    def open(
        self, address: BridgeAddress, clock: Clock, deadline: float, doorbell: bool, prepare: Callable[[bool], None]
    ) -> Bridge:
        """Return a bridge; nothing is opened before it is needed.

        `deadline` is the seconds of one call. Without `doorbell` there is none, and `wait` looks now and then.
        `prepare` is called before data are opened, with True where they are still to be made.
        """
        ...

    def is_there(self, address: BridgeAddress) -> bool:
        """Tell whether a bridge was ever made there; True also where only opening it tells."""
        ...

    def files(self, address: BridgeAddress) -> Mapping[str, Path]:
        """Return the files of this host that the data lie in, by what they are."""
        ...
