"""What every pane is: a container with a name, shown snapshots and events, whose state survives a restart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, cast

from textual.containers import Vertical

from meshtui.actions import Action

if TYPE_CHECKING:
    from meshcore.events import Event
    from meshcore.model import Json
    from meshcore.store.views import IncidentBrief
    from meshtui.app import MeshApp
    from meshtui.feed import Feed
    from meshtui.snapshot import Snapshot


class Pane(Vertical):
    """One of the numbered views. Override what concerns it; everything has a default that does nothing.

    The app calls `show` with the newest snapshot when the pane becomes visible and whenever there is a new one while
    it is; `told` and `incidents_changed` with what happened, also while it is not visible, once it was shown at all.
    While the view is frozen nothing is called; what came meanwhile is handed over when it thaws.
    """

    NAME: ClassVar[str] = ""
    ACTIONS: ClassVar[Sequence[Action]] = ()

    @property
    def mesh(self) -> MeshApp:
        """The app, as what it is."""
        return cast("MeshApp", self.app)

    @property
    def feed(self) -> Feed:
        """Where the store and the bridge can be asked; only once the pane was shown a snapshot."""
        feed = self.mesh.feed
        assert feed is not None
        return feed

    def show(self, snapshot: Snapshot) -> None:
        """Draw what a snapshot says."""

    def told(self, events: Sequence[Event]) -> None:
        """Take note of new events, in order."""

    def incidents_changed(self, incidents: Sequence[IncidentBrief]) -> None:
        """Take note of incidents that are new or moved on."""

    def timeline_grown(self) -> None:
        """Take note of a longer timeline."""

    def focus_first(self) -> None:
        """Put the cursor where a person wants it first."""
        for child in self.query("*"):
            if child.focusable:
                child.focus()
                return

    def find(self, text: str) -> None:
        """Show only what contains a text; "" shows everything again."""

    @property
    def finding(self) -> str:
        """What is being looked for, "" where everything is shown."""
        return ""

    def copied(self) -> str:
        """Return what `y` copies: one line or a few, "" where there is nothing."""
        return ""

    def exported(self) -> str:
        """Return what is listed as text, one line each."""
        return ""

    def state(self) -> Mapping[str, Json]:
        """Return what is to be kept between starts, as JSON."""
        return {}

    def restore(self, state: Mapping[str, Json]) -> None:
        """Take up what `state` returned at an earlier time; what does not fit is ignored."""
