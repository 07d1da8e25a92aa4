"""The mesh at one moment, as header and panes show it: one frozen value, made from the store and the bridge."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from meshcore.control.needs_you import NeedsYou
from meshcore.safety.halt import halted
from meshcore.store.green import Green

if TYPE_CHECKING:
    from meshcore.config import Settings
    from meshcore.model import Mode

NOTHING_MEASURED = Green()
NOTHING_NEEDED = NeedsYou()
NOT_YET = "it has not answered yet"
NOT_THERE = "not there yet"


@dataclass(frozen=True, slots=True)
class BridgeView:
    """The bridge in figures; `fault` is why it cannot be read, "" where it can. `joined` and `seen` count nodes."""

    path: str
    fault: str = ""
    joined: int = 0
    seen: int = 0
    records: int = 0
    expected: int = 0
    received: int = 0
    rejected: int = 0
    undelivered: int = 0
    oldest_undelivered: str = ""

    @property
    def lost(self) -> bool:
        """Tell whether it cannot be read, though there was one, or should be."""
        return self.fault not in ("", NOT_THERE, NOT_YET)

    @property
    def unknown(self) -> str:
        """Return what stands in place of the figures while there are none, "" where there are."""
        return "…" if self.fault == NOT_YET else "–" if self.fault else ""


@dataclass(frozen=True, slots=True)
class AgentView:
    """One agent of this node."""

    name: str
    via: str
    host: str


@dataclass(frozen=True, slots=True)
class EffectView:
    """What became of the failures of one kind of agent; see `meshcore.evidence.effect`."""

    via: str
    seen: int
    answered: int
    verified: int


@dataclass(frozen=True, slots=True)
class ToldView:
    """What agents and people of this node were told, and what came of it; see `meshcore.evidence.digest`."""

    told: int = 0
    right: int = 0
    ignored: int = 0
    wrong: int = 0


NOTHING_TOLD = ToldView()


@dataclass(frozen=True, slots=True)
class RunsView:
    """Validated runs: how many are sound, of how many."""

    valid: int
    total: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything that the header and the panes' figures are made of.

    `seq` and `at` are those of the last event ("" where nothing happened yet); `figures` are the counts of
    `queries.figures`. `entries` are those of the skills file when a monitor looked at it last. `not_synced` says which
    control records of others are missing. `mode` and `runtime` are "" where they are not known yet. `runtime`:
    `embedded`, `attached` (process `holder` works for this home, unless it is `stopped`; `silent`: when it last showed
    a sign of life, where that is too long ago) or `none`. `runs` is None where nothing was validated. `fault` is what
    keeps the store from being read.
    """

    seq: int = 0
    at: str = ""
    node: str = ""
    figures: Mapping[str, int] = field(default_factory=dict)
    skills: int = 0
    entries: int = 0
    effect: tuple[EffectView, ...] = ()
    told: ToldView = NOTHING_TOLD
    first: Green = NOTHING_MEASURED
    again: Green = NOTHING_MEASURED
    agents: tuple[AgentView, ...] = ()
    bridge: BridgeView = BridgeView("")
    needs_you: NeedsYou = NOTHING_NEEDED
    runs: RunsView | None = None
    mode: Mode | Literal[""] = ""
    halted: str = ""
    not_synced: tuple[str, ...] = ()
    runtime: str = ""
    holder: int = 0
    stopped: bool = False
    silent: str = ""
    fault: str = ""

    @property
    def handled(self) -> int:
        """Return how many incidents this node knows of."""
        return sum(n for name, n in self.figures.items() if name.startswith("incidents."))

    @property
    def verified(self) -> int:
        """Return how many of them are verified."""
        return self.figures.get("incidents.verified", 0)

    @property
    def is_empty(self) -> bool:
        """Say whether nothing was learnt and nothing failed yet."""
        return not self.handled and not self.skills


def of_nothing(settings: Settings) -> Snapshot:
    """Return what there is to say of a home that is not made yet: none of everything; the rest is not known."""
    bridge = BridgeView(settings.bridge.shown, fault=NOT_YET)
    asked = NeedsYou(ahead=len(settings.homes))
    return Snapshot(node=settings.agent, bridge=bridge, needs_you=asked, halted=halted(settings.operator))
