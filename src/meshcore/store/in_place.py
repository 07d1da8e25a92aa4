"""Whether the file of an open store is still the one that was opened: one that was removed swallows every write unseen.

The file is looked at, never opened: closing it would drop the locks that SQLite has on it in this process.
"""

from __future__ import annotations

from pathlib import Path

from meshcore.errors import MeshError

Stamp = tuple[int, int, int, int]
"""Device, inode, size and time of change (ns)."""


class InPlace:
    """The file of a store, from when it was opened."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._opened = self.stamp()

    def stamp(self) -> Stamp | None:
        """Return a value that is another one once the file itself was written, None where it cannot be seen."""
        try:
            found = self.path.stat()
        except OSError:
            return None
        return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns

    def check(self) -> None:
        """Raise MeshError where the file is gone, or another has its place."""
        found = self.stamp()
        if found is None:
            raise MeshError(f"{self.path}: gone while it was open; put the home back, then start meshtui again")
        if self._opened is not None and found[:2] != self._opened[:2]:
            raise MeshError(f"{self.path}: another file took its place while it was open; start meshtui again")
