"""The name of a program, whatever its folder and version."""

from __future__ import annotations

import re

_VERSIONED = re.compile(r"(python|pip|node|ruby|perl|php|gcc|g\+\+|clang|java)-?[\d.]{1,12}")


def program_name(word: str) -> str:
    """Return a program's name without its folder and version: `/usr/bin/python3.12` is `python`."""
    name = word.rsplit("/", 1)[-1].removesuffix(".exe")
    versioned = _VERSIONED.fullmatch(name)
    return versioned[1] if versioned else name[:60]
