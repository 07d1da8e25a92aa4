"""What a hook remembers of a session from one call to the next, in one row of the store; none where nothing failed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from meshcore.clock import to_text
from meshcore.home import Home
from meshcore.store.known_marks import forget_open, mark_open, unmark_open

if TYPE_CHECKING:
    from meshcore.model import Json
    from meshcore.store.store import Store

KEPT_DAYS = 7
MAX_COMMANDS, MAX_FAILED, MAX_OFFERED = 50, 20, 10


@dataclass(frozen=True, slots=True)
class Offer:
    """A fix that the session was told of: for which incident, by which skill, its command as it was shown.

    `sub`: the sub-agent that was told, "" for the agent itself: what one of them reads the others do not.
    """

    incident_id: str
    skill_id: str
    command: str
    sub: str = ""


@dataclass(frozen=True, slots=True)
class Memory:
    """A session: its newest `commands` (ids, oldest first), what `failed` and did not succeed since, what was offered.

    `failed` maps a command in a folder (see `key_of`) to its newest incident.
    """

    commands: tuple[int, ...] = ()
    failed: dict[str, str] = field(default_factory=dict)
    offered: tuple[Offer, ...] = ()

    def with_command(self, command_id: int) -> Memory:
        """Return the memory with one command more."""
        return replace(self, commands=(*self.commands, command_id)[-MAX_COMMANDS:])

    def with_failure(self, key: str, incident_id: str) -> Memory:
        """Return the memory with one failure more."""
        kept = [pair for pair in self.failed.items() if pair[0] != key]
        return replace(self, failed=dict([*kept, (key, incident_id)][-MAX_FAILED:]))

    def with_offer(self, offer: Offer) -> Memory:
        """Return the memory with one offer more."""
        return replace(self, offered=(*self.offered, offer)[-MAX_OFFERED:])

    def was_told(self, command: str, sub: str) -> bool:
        """Tell whether the agent, or this sub-agent of it, was told of this very fix before."""
        return any(one.command == command and one.sub == sub for one in self.offered)

    def without_failure(self, key: str) -> Memory:
        """Return the memory without what has succeeded by now."""
        return replace(self, failed={name: value for name, value in self.failed.items() if name != key})


def incident_id_of(via: str, session: str, call: str) -> str:
    """Return the id of the incident that a call of an agent's session opens where it fails."""
    text = "\0".join((via, session, call))
    return hashlib.blake2b(text.encode(errors="replace"), digest_size=8).hexdigest()


def key_of(argv: Sequence[str], cwd: str) -> str:
    """Return what stands for a command in a folder."""
    text = "\0".join((cwd, *argv)).encode("utf-8", "surrogatepass")
    return hashlib.blake2b(text, digest_size=12).hexdigest()


def recall(store: Store, key: str) -> Memory | None:
    """Return what is remembered of a session, None where nothing is, or nothing that can be read."""
    try:
        found = store.hook_sessions.find(key)
        return None if found is None else _from_json(*map(json.loads, found))
    except (ValueError, TypeError, AttributeError):
        return None


def _from_json(commands: Json, failed: Json, offered: Json) -> Memory:
    return Memory(
        tuple(int(number) for number in commands),
        {str(name): str(value) for name, value in failed.items()},
        tuple(Offer(*map(str, offer)) for offer in offered),
    )


def remember(store: Store, key: str, memory: Memory) -> None:
    """Keep what is to be known of a session; a session in which nothing is open any more is forgotten."""
    state = str(Home(store.path.parent).state)
    if not memory.failed:
        store.hook_sessions.drop(key)
        unmark_open(state, key)
        return
    mark_open(state, key)
    if store.hook_sessions.find(key) is None:
        old = store.clock.now() - timedelta(days=KEPT_DAYS)
        if store.hook_sessions.forget(to_text(old)):
            forget_open(state, old.timestamp())
    offered = [[offer.incident_id, offer.skill_id, offer.command, offer.sub] for offer in memory.offered]
    store.hook_sessions.put(key, json.dumps(memory.commands), json.dumps(memory.failed), json.dumps(offered))
