"""The bridge as the mesh sees it: one ordered log of signed records, readers with a cursor each, receipts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from meshcore.model import Json, Receipt, Record

CLAIM_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class Member:
    """A node that reads the bridge: `node` is its id (hex of its public key), `record` its signed hello."""

    node: str
    name: str
    host: str
    record: Record
    joined_at: str = ""
    seen_at: str = ""  # last sign of life, UTC
    cursor: int = 0


@dataclass(frozen=True, slots=True)
class Delivery:
    """One row of the log for one reader. `record` is as it arrived: nothing of it was checked.

    `origin` is `legacy` for a row copied from the old table without a signed record: then `record.text` is its
    content and `record.key` and `record.sig` are empty.
    """

    seq: int
    record: Record
    published_at: str
    origin: Literal["mesh", "legacy"] = "mesh"


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
    """What the bridge holds: counts are rows. `legacy_broadcast` and `legacy_pending` are the two old queries."""

    bridge_id: str
    records: int
    members: int
    expected: int
    received: int
    rejected: int
    undelivered: int
    oldest_undelivered: str = ""
    legacy_broadcast: int = 0
    legacy_pending: int = 0


@dataclass(frozen=True, slots=True)
class Publication:
    """A record to publish; `kind` is for counting.

    `legacy_skill` is the old SKILL that old readers see, if they may; one that lacks a field of the old format is left
    out of their table. `skill_id` becomes part of the row's id there.
    """

    record: Record
    kind: str
    legacy_skill: Mapping[str, Json] | None = None
    skill_id: str = ""


@dataclass(frozen=True, slots=True)
class Batch:
    """What one look at the log brought: rows after the reader's cursor, oldest first, and whether more wait."""

    deliveries: tuple[Delivery, ...] = ()
    more: bool = False
    cursor: int = 0


class Bridge(Protocol):
    """Publish, receive, acknowledge, statistics.

    Every method may raise BridgeUnavailableError (later it may work again) and ConfigurationError (it will not).
    """

    @property
    def bridge_id(self) -> str:
        """Return the identity of the log; another id means that cursors start anew."""
        ...

    def join(self, member: Member) -> None:
        """Make the node a reader, or renew its hello; a new reader starts at the beginning of the log.

        `joined_at`, `seen_at` and `cursor` of the member are the bridge's own and not taken from it.
        """
        ...

    def beat(self, node: str) -> None:
        """Note a sign of life of a member. Raises UsageError for a node that has not joined, or was forgotten."""
        ...

    def publish(self, publications: Sequence[Publication]) -> list[int]:
        """Append records in one transaction and ring the doorbells; a record that is there already keeps its seq.

        Raises BadRecordError for a text that cannot be stored (half a surrogate pair, over 16 Mi characters).
        """
        ...

    def receive(self, node: str, limit: int = 100) -> Batch:
        """Return rows of others after the node's cursor (its own rows are skipped and need no receipt).

        A batch ends early once it holds 4 Mi characters. Raises UsageError for a node that has not joined.
        """
        ...

    def acknowledge(self, node: str, receipts: Sequence[Receipt], cursor: int) -> None:
        """Store receipts and the new cursor together; the same receipt twice is one, and the first stands.

        The cursor never moves back. A sign of life too. Raises UsageError for a node that has not joined.
        """
        ...

    def wait(self, timeout: float) -> bool:
        """Block until something new may be there (True) or `timeout` seconds pass (False).

        Finds what was published without a ring, too: an event loop that watches `fileno` calls `wait(0)` now and then.
        """
        ...

    def fileno(self) -> int:
        """Return the doorbell's descriptor for an event loop, -1 where there is none."""
        ...

    def members(self) -> list[Member]:
        """Return every joined node."""
        ...

    def forget(self, node: str) -> bool:
        """Remove a member and what is expected of it; False where it was none."""
        ...

    def undelivered(self, limit: int = 1000) -> list[Undelivered]:
        """Return who has not received what, oldest first."""
        ...

    def receipts(self, record_id: str) -> list[Receipt]:
        """Return the receipts of one record."""
        ...

    def claim(self, skill_id: str, host: str, places: int) -> bool:
        """Take one of `places` for trying a skill that is new to the mesh, per host; True where this host holds one.

        A claim that nobody gave back within `CLAIM_SECONDS` no longer counts, unless the try is known to have failed.
        """
        ...

    def settle_claim(self, skill_id: str, host: str, *, verified: bool) -> None:
        """Give a host's place back after a verified try; after a failed one it stays taken, so that nobody follows."""
        ...

    def statistics(self) -> BridgeStatistics:
        """Return counts of the whole bridge."""
        ...

    def close(self) -> None:
        """Let go of files and sockets."""
        ...
