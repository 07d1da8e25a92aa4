"""Which well-known package holds a module: a list that `scripts/packs.py` makes and names the sources of."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from importlib import resources


def normal(package: str) -> str:
    """Return a package's name as the index compares it, without a version."""
    return re.sub(r"[-_.]+", "-", package.partition("==")[0]).lower()


def distribution_of(import_name: str) -> str:
    """Return the well-known package that holds a top-level module, "" where none is known."""
    return packages().get(import_name, "")


@cache
def packages() -> Mapping[str, str]:
    """Return the well-known packages by the name of the module that they hold."""
    text = resources.files("meshcore.knowledge.packs").joinpath("imports.txt").read_text("ascii")
    pairs = (line.split() for line in text.splitlines() if not line.startswith("#"))
    return {pair[0]: pair[-1] if len(pair) > 1 else normal(pair[0]) for pair in pairs if pair}
