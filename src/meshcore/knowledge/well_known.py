"""Which well-known package holds a module, by the pack `imports`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache

from meshcore.knowledge.packs import pack


def normal(package: str) -> str:
    """Return a package's name as the index compares it, without a version."""
    return re.sub(r"[-_.]+", "-", package.partition("==")[0]).lower()


def distribution_of(import_name: str) -> str:
    """Return the well-known package that holds a top-level module, "" where none is known."""
    return packages().get(import_name, "")


@cache
def packages() -> Mapping[str, str]:
    """Return the well-known packages by the name of the module that they hold."""
    return {name: package or normal(name) for name, package in pack("imports").items()}
