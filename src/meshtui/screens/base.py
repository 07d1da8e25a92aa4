"""What every pane and page is: made of one module with its actions and style, told what the app is told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, cast

from textual.binding import BindingType
from textual.containers import Vertical
from textual.screen import Screen

from meshtui.actions import Action, bindings
from meshtui.host import Host, host_of

if TYPE_CHECKING:
    from textual.dom import DOMNode

    from meshcore.events import Event
    from meshcore.model import Json
    from meshcore.store.views import IncidentBrief
    from meshtui.feed import Feed
    from meshtui.snapshot import Snapshot


class _Acting:
    """Binds the keys of its class's actions, and knows the app as far as it may be asked."""

    ACTIONS: ClassVar[Sequence[Action]] = ()
    BINDINGS: ClassVar[list[BindingType]] = []

    def __init_subclass__(cls, **options: Any) -> None:
        if "ACTIONS" in vars(cls):
            cls.BINDINGS = bindings(cls.ACTIONS)
        super().__init_subclass__(**options)

    @property
    def mesh(self) -> Host:
        """Return the app around it."""
        return host_of(cast("DOMNode", self))

    @property
    def scope(self) -> str:
        """Return the scope of its actions, "" where it has none."""
        return self.ACTIONS[0].scope if self.ACTIONS else ""


class Pane(_Acting, Vertical):
    """One of the numbered views. Override what concerns it; everything has a default that does nothing.

    The app calls `show` with the newest snapshot when the pane becomes visible and whenever there is a new one while
    it is; `told` and `incidents_changed` with what happened, also while it is not visible, once it was shown at all.
    While the view is frozen nothing is called; what came meanwhile is handed over when it thaws.
    """

    NAME: ClassVar[str] = ""

    @property
    def feed(self) -> Feed:
        """Return where the store and the bridge can be asked; only once the pane was shown a snapshot."""
        feed = self.mesh.feed
        assert feed is not None
        return feed

    def show(self, snapshot: Snapshot) -> None:
        """Draw what a snapshot says."""

    def show_nothing(self) -> None:
        """Draw that nothing is there yet: the home is about to be made, and nothing of it can be asked."""

    def reload(self) -> None:
        """Read everything anew: the home could not be read for a while."""

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
        self.can_focus = True  # keys reach what has the focus
        self.focus()

    def find(self, text: str) -> None:
        """Show only what contains a text; "" shows everything again."""

    @property
    def finding(self) -> str:
        """Return what is being looked for, "" where everything is shown."""
        return ""

    def copied(self) -> str:
        """Return what `y` copies: one line or a few, "" where there is nothing."""
        return ""

    async def exported(self) -> str:
        """Return what is listed as text, one line each."""
        return ""

    def state(self) -> Mapping[str, Json]:
        """Return what is to be kept between starts, as JSON."""
        return {}

    def restore(self, state: Mapping[str, Json]) -> None:
        """Take up what `state` returned at an earlier time; what does not fit is ignored."""


class Page(_Acting, Screen[None]):
    """A whole screen on top of the panes, with actions of its own; escape goes back."""

    def incidents_changed(self, incidents: Sequence[IncidentBrief]) -> None:
        """Take note of incidents that are new or moved on."""

    def copied(self) -> str:
        """Return what `y` copies, "" where there is nothing."""
        return ""
