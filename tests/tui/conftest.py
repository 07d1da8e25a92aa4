"""A mesh of real processes for the tests of the command line."""

from __future__ import annotations

from pathlib import Path

import pytest
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
