"""A mesh in one process for the tests of the loop."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.core.healing.desk import Desk
from tests.core.healing.small_mesh import SmallMesh


@pytest.fixture
def mesh(tmp_path: Path) -> Iterator[SmallMesh]:
    small = SmallMesh(tmp_path)
    yield small
    small.close()


@pytest.fixture
def desk(mesh: SmallMesh, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    folder = tmp_path / "work"
    folder.mkdir()
    return Desk(mesh, mesh.node("a"), folder, monkeypatch)
