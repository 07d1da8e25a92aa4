"""Notes what a session is told, keeps back the share that an operator wants withheld, and follows what comes of it."""

from __future__ import annotations

import os
from hashlib import blake2b
from typing import TYPE_CHECKING

from meshcore.knowledge.corrections import holds
from meshcore.knowledge.telling import result_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from meshcore.model import AgentInfo, Incident, Match
    from meshcore.store.store import Store


class Telling:
    """What one session is told, on an open store; the caller holds a transaction.

    `withhold` is the share of commands of which nothing is told, 0 for none: the same ones in every session, drawn with
    a key of this home, so that nobody can choose them.
    """

    def __init__(self, store: Store, session: str, via: str = "", withhold: float = 0.0) -> None:
        self._store = store
        self._session = session
        self._via = via
        self.withhold = withhold

    def is_withheld(self, project: int, command: bytes) -> bool:
        """Tell whether nothing is told of a command of a project."""
        if not self.withhold:
            return False
        if not (key := self._store.state.get()["withhold_key"].encode()):
            key = os.urandom(16).hex().encode()
            self._store.state.set(withhold_key=key.decode())
        identity = self._store.projects.identity(project)
        drawn = blake2b(identity.encode() + b"\0" + command, key=key, digest_size=8, person=b"withhold").digest()
        return int.from_bytes(drawn, "big") < self.withhold * 2.0**64

    def tell(self, kinds: Sequence[str], project: int, command: bytes, offered: str = "") -> bool:
        """Note that something is to be told of a command; False where it is withheld."""
        held = self.is_withheld(project, command)
        arm = (2 if held else 1) if self.withhold else 0
        self._store.tellings.add(
            kinds, via=self._via, session=self._session, project=project, command=command, arm=arm, offered=offered
        )
        return not held

    def follow(self, command: bytes, text: str, *, passed: bool, changes: bool = False) -> None:
        """Note what the session's next command is to what it was told; `changes`: that what is tested changes."""
        tellings = self._store.tellings
        for one in tellings.followed(self._session):
            same, follows = command == one.command, bool(one.offered) and holds(text, one.offered)
            result = one.result or result_of(one.kind, same=same, follows=follows, passed=passed, changed=one.changed)
            tellings.note(one.seq, again=same and not passed, changed=one.changed or changes, result=result)

    def changed(self) -> None:
        """Note that the session changed a file."""
        self._store.tellings.note_change(self._session)


def note_told(store: Store, incident: Incident, match: Match, me: AgentInfo) -> None:
    """Write down that an agent was told of a fix."""
    store.events.add(
        "hook.answered",
        incident_id=incident.incident_id,
        skill_id=match.skill_id,
        agent=me.name,
        data={"via": me.via, "command": match.action.command()},
    )
