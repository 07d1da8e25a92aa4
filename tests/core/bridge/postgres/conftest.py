"""A database for each test of the engine, two hosts with a login each, and their bridges."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest
from scripts.testbed.postgres import Server, shared, why_not
from tests.core.bridge.helpers import ALICE, BOB, member

from meshcore.bridge.base import Bridge
from meshcore.bridge.open import open_bridge
from meshcore.bridge.postgres.administration import quoted
from meshcore.testing import FakeClock


class Mesh:
    """A bridge on a server, with the logins `a` for ALICE and `b` for BOB, which have joined."""

    def __init__(self, server: Server, database: str) -> None:
        self.server = server
        self.database = database
        self.administration = server.make(database)
        self.a, self.b = f"{database}_a", f"{database}_b"
        for login, node in ((self.a, ALICE), (self.b, BOB)):
            self.administration.grant(login, [node])
        self._opened: list[Bridge] = []
        self.open(self.a).join(member(ALICE))
        self.open(self.b).join(member(BOB))

    def open(self, login: str, deadline: float = 5.0) -> Bridge:
        """Open the bridge as one of the logins."""
        address = self.server.address(self.database, login)
        self._opened.append(open_bridge(address, clock=FakeClock(), deadline=deadline))
        return self._opened[-1]

    def execute(self, statement: str, login: str = "postgres") -> list[tuple[object, ...]]:
        """Run a statement as a login."""
        return self.server.execute(self.database, statement, login=login)

    def close(self) -> None:
        for one in self._opened:
            one.close()


@pytest.fixture
def mesh() -> Iterator[Mesh]:
    if why := why_not():
        pytest.skip(why)
    opened = Mesh(shared(), f"m{uuid.uuid4().hex[:12]}")
    yield opened
    opened.close()
    opened.server.execute("postgres", f"DROP DATABASE {quoted(opened.database)} WITH (FORCE)")
