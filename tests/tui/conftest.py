"""A mesh of real processes for the tests of the command line."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.tui.pictures import Pictures
from tests.world import Agent, World


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


@pytest.fixture
def a(world: World) -> Agent:
    return world.agent("a")


@pytest.fixture
def b(world: World) -> Agent:
    return world.agent("b")


@pytest.fixture
def pictures(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Pictures:
    return Pictures(bool(pytestconfig.getoption("--keep-pictures")), tmp_path_factory.mktemp("pictures"))
