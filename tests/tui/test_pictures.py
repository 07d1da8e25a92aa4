"""What a picture that looks different leaves behind."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.tui.pictures import KEPT, Pictures


def test_a_picture_that_differs_fails_and_is_written_outside_the_tree(tmp_path: Path) -> None:
    before = sorted(KEPT.iterdir())
    with pytest.raises(AssertionError, match="help-80x24 looks different"):
        Pictures(keep=False, scratch=tmp_path).compare("<svg>another</svg>", "help-80x24")
    assert (tmp_path / "help-80x24.svg").read_text() == "<svg>another</svg>"
    assert sorted(KEPT.iterdir()) == before


def test_a_picture_that_nobody_has_looked_at_fails(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="unseen"):
        Pictures(keep=False, scratch=tmp_path).compare("<svg/>", "unseen")
    assert not (KEPT / "unseen.svg").exists()
