"""Stores that are made as users have them."""

from __future__ import annotations

import pytest
from tests.new_stores import MAKE

from meshcore.store import database


@pytest.fixture(autouse=True)
def made_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "_create_private", MAKE)
