"""Where the repository is that a folder lies in. Asked at every call of an agent: this loads no module."""

from __future__ import annotations

import os


def git_root(folder: str) -> str:
    """Return the nearest folder at or above one that holds a `.git`, "" where none does."""
    at = os.path.normpath(folder)
    while not os.path.lexists(f"{at}/.git"):
        above = os.path.dirname(at)  # noqa: PTH120
        if above == at:
            return ""
        at = above
    return at
