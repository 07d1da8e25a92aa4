"""How an agent program is given meshtui's plugin by commands of its own, and where it notes that it has one."""

from __future__ import annotations

import json
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

    `listed`: the file that names the plugins, and a pattern that is found in it where ours is one for all projects.
    `off`: the same where ours is switched off. `hooks`: a folder, and where below it the hooks of the installed plugin
    lie, as a glob. `place`: the same as `listed` for the folder from which it is loaded, as a JSON text, where a copy
    is not all that the program needs. `able`: a command that runs nothing, and a word of its answer where the program
    can have plugins at all. `environment`: more variables for `add`.
    """

    listed: tuple[Path, str]
    off: tuple[Path, str]
    hooks: tuple[Path, str]
    able: tuple[tuple[str, ...], str]
    add: tuple[tuple[str, ...], ...]
    remove: tuple[tuple[str, ...], ...]
    place: tuple[Path, str] | None = None
    environment: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    def is_there(self) -> bool:
        """Tell whether the program has our plugin."""
        return re.search(self.listed[1], _text(self.listed[0])) is not None

    def is_off(self) -> bool:
        """Tell whether the person has switched our plugin off."""
        return re.search(self.off[1], _text(self.off[0])) is not None

    def hooks_file(self) -> Path | None:
        """Return the file with the hooks of the installed plugin, None where none is found that can be loaded."""
        try:
            told = re.search(self.place[1], _text(self.place[0])) if self.place else None
            if told is not None and not Path(json.loads(told[1])).is_dir():
                return None
            return max(self.hooks[0].glob(self.hooks[1]), key=lambda path: path.stat().st_mtime, default=None)
        except (OSError, ValueError):
            return None


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8", errors="replace")
    except OSError:
        return ""
