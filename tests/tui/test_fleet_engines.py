"""Pane 8 and `meshtui nodes` where hosts are joined by a real PostgreSQL, or by a real sshd."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from scripts.testbed import sshd
from scripts.testbed.postgres import Server, why_not
from tests.tui.pilot import Shown, shown
from tests.tui.test_lists import open_pane
from tests.world import Agent, World

from meshcore.clock import SystemClock
from meshcore.config import load
from meshtui.screens.fleet import FleetPane
from meshtui.screens.host import HostScreen

pytestmark = pytest.mark.services


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as opened:
        yield opened


def host(world: World, name: str, bridge: str) -> Agent:
    agent = world.agent(name)
    agent.environment |= {"MESHTUI_HOST": name, "MESHTUI_BRIDGE": bridge}
    return agent


def over_postgresql(root: Path, stack: ExitStack, monkeypatch: pytest.MonkeyPatch) -> tuple[Agent, Agent]:
    """Give two hosts with a login each."""
    if why := why_not():
        pytest.skip(why)
    server, world = Server(), World(root)
    stack.callback(server.remove)
    server.start()
    administration = server.make("mesh")
    found = [host(world, name, server.address("mesh", name).url) for name in ("near", "far")]
    for agent in found:
        words = agent.call("bridge", "introduce").stdout.split()
        administration.grant(agent.name, [words[words.index("--node") + 1]])
    return found[0], found[1]


def over_ssh(root: Path, stack: ExitStack, monkeypatch: pytest.MonkeyPatch) -> tuple[Agent, Agent]:
    """Give a host that joins the bridge of another."""
    folder = root / "sshd"
    folder.mkdir()
    try:
        running, process = sshd.start(folder)
    except sshd.NoSshdError as error:
        pytest.skip(str(error))
    stack.callback(process.wait)
    stack.callback(process.terminate)
    monkeypatch.setenv("PATH", f"{running.path}:{os.environ['PATH']}")
    world = World(root)
    near, far = host(world, "near", running.url()), host(world, "far", str(root / "bridge.db"))
    near.environment["PATH"] = f"{running.path}:{near.environment['PATH']}"
    (root / "key.pub").write_text(running.public_key)
    own = {"MESHTUI_BRIDGE": str(root / "own.db")}
    said = near.call("bridge", "introduce", "--key", str(root / "key.pub"), env=own)
    running.authorize(far.call(*shlex.split(said.stdout)[1:]).stdout.strip())
    return near, far


async def until(it: Shown, true: Callable[[], bool]) -> None:
    for _ in range(400):
        if true():
            return
        await it.pilot.pause(0.02)
    raise AssertionError(it.text())


@pytest.mark.parametrize(
    ("join", "engines"), [(over_postgresql, ("postgresql", "postgresql")), (over_ssh, ("ssh", "sqlite"))]
)
async def test_each_host_is_there_with_its_engine_and_what_happened_at_it(
    join: Callable[[Path, ExitStack, pytest.MonkeyPatch], tuple[Agent, Agent]],
    engines: tuple[str, str],
    tmp_path: Path,
    stack: ExitStack,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    near, far = join(tmp_path, stack, monkeypatch)
    assert near.call("bridge", "exchange").returncode == 0
    far.call("run", "--", sys.executable, "-c", "import nothing_of_this_name")
    for agent in (far, near, far, near):
        done = agent.call("bridge", "exchange")
        assert done.returncode == 0, done.stderr
    rows = {one["host"]: one for one in near.ask("nodes")}
    assert {name: one["engine"] for name, one in rows.items()} == dict(zip(("near", "far"), engines, strict=True))
    assert all(one["latency_ms"] > 0 and one["wrong"] == [] for one in rows.values())
    async with shown(load(environment=near.environment), SystemClock(), size=(160, 30)) as it:
        pane = await open_pane(it, "fleet")
        assert isinstance(pane, FleetPane)
        await until(it, lambda: len(pane.rows.shown) == 2 and all(engine in it.text() for engine in engines))
        lines = it.text().splitlines()
        for name, engine in zip(("near", "far"), engines, strict=True):
            assert any(name in line and f"{engine} " in line and " ms" in line for line in lines), it.text()
        assert "2 hosts, 2 nodes" in it.text()
        await it.press("slash", *"far", "enter", "enter")
        assert isinstance(it.app.screen, HostScreen)
        await until(it, lambda: "nothing_of_this_name" in it.text())
        assert "No module named 'nothing_of_this_name'" in it.text()
