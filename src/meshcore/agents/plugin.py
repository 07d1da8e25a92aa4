"""How an agent program is given meshtui's plugin by commands of its own, and where it notes that it has one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

FOLDER = "{folder}"
"""Stands in a command of `Plugin` for the folder that holds what is to be installed."""


@dataclass(frozen=True, slots=True)
class Plugin:
    """A program's plugins: the files in which it lists them, and its commands, without the program itself.

    `listed`: the file that names the plugins, and what stands in it where ours is one. `off`: the file, and a pattern
    that is found in it where ours is switched off. `hooks`: a folder, and where below it the hooks of the installed
    plugin lie, as a glob. `able`: a command that runs nothing, and a word of its answer where the program can have
    plugins at all. `environment`: more variables for `add`.
    """

    listed: tuple[Path, str]
    off: tuple[Path, str]
    hooks: tuple[Path, str]
    able: tuple[tuple[str, ...], str]
    add: tuple[tuple[str, ...], ...]
    remove: tuple[tuple[str, ...], ...]
    environment: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    def is_there(self) -> bool:
        """Tell whether the program has our plugin."""
        return self.listed[1] in _text(self.listed[0])

    def is_off(self) -> bool:
        """Tell whether the person has switched our plugin off."""
        return re.search(self.off[1], _text(self.off[0])) is not None

    def hooks_file(self) -> Path | None:
        """Return the file with the hooks of the installed plugin, None where none is found."""
        try:
            return max(self.hooks[0].glob(self.hooks[1]), key=lambda path: path.stat().st_mtime, default=None)
        except OSError:
            return None


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8", errors="replace")
    except OSError:
        return ""
