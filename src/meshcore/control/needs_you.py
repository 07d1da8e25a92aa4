"""What needs a person: one figure with one meaning. Header, bell, pane, `status` and `approvals` take it from here.

It is what waits in this home, what own nodes elsewhere ask over the bridge, and what waits in the other homes that
`homes` in config.toml names; what is asked in two of these ways counts once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from meshcore.control.other_homes import OtherHome
    from meshcore.model import Json
    from meshcore.node import Node
    from meshcore.store.inbox import Asked
    from meshcore.store.rows import Approval

NOT_YET = "…"
NOT_READ = "–"


@dataclass(frozen=True, slots=True)
class NeedsYou:
    """What waits here, on other nodes and in other homes, each once; `ahead` other homes were not looked at yet."""

    here: tuple[Approval, ...] = ()
    nodes: tuple[Asked, ...] = ()
    homes: tuple[OtherHome, ...] = ()
    ahead: int = 0

    @property
    def in_homes(self) -> int:
        """Return how many wait in other homes."""
        return sum(len(one.waiting) for one in self.homes)

    @property
    def unread(self) -> int:
        """Return how many of the other homes cannot be read."""
        return sum(bool(one.fault) for one in self.homes)

    @property
    def count(self) -> int:
        """Return how many are known to wait."""
        return len(self.here) + len(self.nodes) + self.in_homes

    @property
    def figure(self) -> str:
        """Return the count as it is shown: `≥` where more may wait; `…` and `–` are no nought."""
        if not (self.ahead or self.unread or any(one.more for one in self.homes)):
            return f"{self.count:,}"
        return f"≥{self.count:,}" if self.count else NOT_YET if self.ahead else NOT_READ

    @property
    def sentence(self) -> str:
        """Return the figure, and where that waits if not all of it is of this home."""
        parts = [(len(self.nodes), "on other nodes"), (self.in_homes, "in other homes"), (self.unread, "not read")]
        more = ", ".join(f"{count:,} {where}" for count, where in parts if count)
        return f"{self.figure} ({len(self.here):,} here, {more})" if more else self.figure

    def to_json(self) -> dict[str, Json]:
        """Return where how many wait."""
        nodes, homes = len(self.nodes), self.in_homes
        return {"here": len(self.here), "other_nodes": nodes, "other_homes": homes, "homes_not_read": self.unread}

    def commands(self) -> Iterator[tuple[str, str, str]]:
        """Yield (id, command, home) of each; the home is "" for what is known without looking into another one."""
        for mine in self.here:
            yield mine.approval_id, mine.command, ""
        for asked in self.nodes:
            yield asked.approval_id, str(asked.body.get("command", "")), ""
        for other in self.homes:
            for view in other.waiting:
                yield view.approval_id, view.command, str(other.home)


def needs_you(
    here: Sequence[Approval], nodes: Sequence[Asked], homes: Sequence[OtherHome], *, ahead: int = 0
) -> NeedsYou:
    """Return what needs a person, each once: a home that may be decided in from here is nearer than the bridge."""
    if homes:
        from meshcore.control.other_homes import unless_told

        homes = unless_told(homes, {one.approval_id for one in nodes})
        nearer = {view.approval_id for one in homes for view in one.waiting}
        nodes = [one for one in nodes if one.approval_id not in nearer]
    return NeedsYou(tuple(here), tuple(nodes), tuple(homes), ahead)


def asked_of(node: Node) -> NeedsYou:
    """Return what needs a person as a home knows it now, the other homes looked at."""
    from meshcore.control.other_homes import look

    homes = look(node.settings) if node.settings.homes else ()
    return needs_you(node.store.approvals.all(), node.store.inbox.waiting(), homes)
