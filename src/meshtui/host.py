"""What panes, pages and helpers may ask of the app around them; none of them knows the app itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast

if TYPE_CHECKING:
    from textual.dom import DOMNode
    from textual.screen import Screen

    from meshcore.clock import Clock
    from meshcore.config import Settings
    from meshcore.home import Home
    from meshcore.node import Node
    from meshcore.safety.keys import SigningKey
    from meshtui.feed import Feed
    from meshtui.snapshot import Snapshot

T = TypeVar("T")

READ_ONLY = "read only: nothing is decided or taught here; start meshtui without --readonly"


class Host(Protocol):
    """The app, as what it shows and what helps it may see it."""

    @property
    def settings(self) -> Settings:
        """Return the settings of the home that is shown."""

    @property
    def home(self) -> Home:
        """Return the home that is shown."""

    @property
    def clock(self) -> Clock:
        """Return the time."""

    @property
    def feed(self) -> Feed | None:
        """Return where the store and the bridge can be asked, None before the first painting."""

    @property
    def snapshot(self) -> Snapshot | None:
        """Return the mesh as it was last read, also while the view is frozen."""

    @property
    def frozen(self) -> str:
        """Return since when the view is held still, "" where it is not."""

    @property
    def readonly(self) -> bool:
        """Tell whether the home is only looked at: nothing is decided or taught."""

    def say(self, text: str, *, severity: str = "information") -> None:
        """Tell the person something, for a few seconds."""

    async def decide(self, decision: Callable[[Node], T]) -> T:
        """Carry out a decision of a person on the home. Raises MeshError."""

    async def signing_key(self) -> SigningKey | None:
        """Return the key for decisions that widen what may happen, asked for if need be. Raises MeshError."""

    async def push_screen_wait(self, screen: Screen[T]) -> T | Any:
        """Ask the person something; return the answer. Only in a worker."""

    def run_outside(self, arguments: Sequence[str], folder: str = "") -> None:
        """Run another `meshtui` command on the bare terminal, in a folder or the current one."""


def host_of(node: DOMNode) -> Host:
    """Return the app around a pane, page or widget."""
    return cast("Host", node.app)


def refuses(host: Host) -> bool:
    """Tell whether nothing is decided here, and say so: before a person is asked, not after their answer."""
    if host.readonly:
        host.say(READ_ONLY, severity="error")
    return host.readonly
