"""What needs a person, as the feed reads it: the store at once, other homes beside it, since one may be slow."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from meshcore.config import Settings
from meshcore.control.needs_you import NeedsYou, needs_you
from meshcore.store import queries
from meshcore.store.async_store import AsyncStore
from meshcore.store.inbox import asked_elsewhere

if TYPE_CHECKING:
    from meshcore.control.other_homes import Watched


class Inbox:
    """What waits anywhere for the person at this terminal; `changed` is called when another home says something new."""

    def __init__(self, settings: Settings, changed: Callable[[], None]) -> None:
        self._settings = settings
        self._changed = changed
        self._homes: Watched | None = None
        self._looking: asyncio.Task[None] | None = None

    async def read(self, store: AsyncStore) -> NeedsYou:
        """Return what needs a person, as far as the other homes were looked at. Raises MeshError."""
        homes = self._homes.homes if self._homes is not None else ()
        ahead = len(self._settings.homes) - len(homes)
        return needs_you(await store.ask(queries.approvals()), await store.ask(asked_elsewhere()), homes, ahead=ahead)

    def look(self) -> None:
        """Begin to look at the other homes, where there are any and no look is under way."""
        if self._settings.homes and (self._looking is None or self._looking.done()):
            self._looking = asyncio.create_task(self._look(), name="inbox.look")

    def close(self) -> None:
        """Wait for no answer any more."""
        if self._looking is not None:
            self._looking.cancel()

    async def _look(self) -> None:
        if self._homes is None:
            from meshcore.control.other_homes import Watched

            self._homes = Watched(self._settings)
        if await asyncio.to_thread(self._homes.look):
            self._changed()
