"""Whoever can write a bridge can stop it, and that is all: no file of another is touched, and no call hangs."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

import pytest
from scripts.testbed.hostile_bridge import ATTACKS, Place, make_victim, picture
from tests.core.bridge.helpers import ALICE, BOB, member, publication, record, take

from meshcore.bridge.legacy.gateway import LegacyGateway
from meshcore.bridge.legacy.table import OldFile
from meshcore.bridge.sqlite.bridge import SqliteBridge
from meshcore.errors import MeshError
from meshcore.testing import FakeClock

SHARE = 6  # of the attacks, one in so many is made in every run; all with `make test-services`
DEADLINE = 0.2
MOST_SECONDS = 10.0  # of all calls together, each of which has its deadline


def opened(path: Path, clock: FakeClock) -> tuple[SqliteBridge, LegacyGateway]:
    bridge = SqliteBridge(path, clock=clock, deadline=DEADLINE, poll=0.01, prepare=OldFile(path, DEADLINE).check)
    return bridge, LegacyGateway(bridge, path, clock=clock, deadline=DEADLINE)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder with a bridge that was in use."""
    made = tmp_path_factory.mktemp("bridge")
    bridge, gateway = opened(made / "b.db", FakeClock())
    for node in (ALICE, BOB):
        bridge.join(member(node))
    bridge.publish([publication(number=n) for n in range(20)])
    gateway.step()
    gateway.close()
    bridge.close()
    return made


@pytest.fixture
def place(tmp_path: Path, template: Path) -> Place:
    """Give a bridge that was in use, and a victim beside it."""
    shutil.copytree(template, tmp_path / "bridge")
    make_victim(tmp_path / "victim")
    return Place(tmp_path / "bridge" / "b.db", tmp_path / "victim")


def use(bridge: SqliteBridge, gateway: LegacyGateway) -> list[Callable[[], object]]:
    """Return all that a node does with a bridge."""
    return [
        lambda: bridge.join(member(BOB)),
        lambda: bridge.beat(BOB, record(BOB, 1)),
        lambda: bridge.fileno(),
        lambda: bridge.publish([publication(BOB, 77)]),
        lambda: take(bridge, BOB),
        lambda: bridge.ring(),
        lambda: bridge.wait(0),
        lambda: bridge.members(),
        lambda: bridge.statistics(),
        lambda: bridge.undelivered(),
        lambda: bridge.claim(record(BOB, 2), "s", "h", 1),
        lambda: bridge.claims("s"),
        lambda: bridge.prune(0),
        lambda: gateway.step(),
        lambda: bridge.faults(),
    ]


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.services if n % SHARE else ()) for n, name in enumerate(ATTACKS)]
)
def test_a_hostile_bridge_touches_nothing_of_others_and_answers_in_time(place: Place, name: str) -> None:
    ATTACKS[name](place)
    before = picture(place.victim)  # a second name that the attacker made shows here already
    bridge, gateway = opened(place.bridge, FakeClock())
    started = time.monotonic()
    with closing(bridge), closing(gateway):
        for call in use(bridge, gateway):
            with suppress(MeshError):
                call()
    assert time.monotonic() - started < MOST_SECONDS
    assert picture(place.victim) == before
