"""Pictures of the terminal, compared with those that a person has looked at.

`pytest --keep-pictures` keeps what is drawn now in their place; look at `git diff` before you commit it.
"""

from __future__ import annotations

import re
from pathlib import Path

from meshtui.app import MeshApp

SIZES = {"80x24": (80, 24), "120x36": (120, 36)}
KEPT = Path(__file__).parent / "snapshots"


def picture_of(app: MeshApp) -> str:
    """Return what is on the screen as SVG, without the ids that are made anew for every picture."""
    return re.sub(r"terminal-\d+", "terminal", app.export_screenshot(title="meshtui"))


class Pictures:
    """Compares pictures with the kept ones; one that differs is written to a folder of the test, never beside them."""

    def __init__(self, keep: bool, scratch: Path) -> None:
        self._keep = keep
        self._scratch = scratch

    def compare(self, picture: str, name: str) -> None:
        """Raise AssertionError where a picture differs from the kept one of its name, or where there is none."""
        kept, now = KEPT / f"{name}.svg", self._scratch / f"{name}.svg"
        if self._keep:
            kept.write_text(picture)
        if not kept.exists() or picture != kept.read_text():
            now.write_text(picture)
            raise AssertionError(f"{name} looks different: compare {kept} and {now}; --keep-pictures keeps the new one")
