"""What the terminal keeps between starts: view, range, finds, theme; one small file in the home's state folder."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from meshcore.home import Home, read_plain_file, write_atomically

if TYPE_CHECKING:
    from meshcore.model import Json


@dataclass(frozen=True, slots=True)
class Opening:
    """How the terminal is opened: on which pane ("": the last one), on which incident, and whether only to look."""

    pane: str = ""
    incident: str = ""
    readonly: bool = False


LIMIT_BYTES = 64 * 1024
FILE = "terminal.json"


def read_state(home: Home) -> dict[str, Json]:
    """Return what was kept; nothing where the file is missing, damaged or of another kind."""
    try:
        found = json.loads(read_plain_file(_path(home), LIMIT_BYTES))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def write_state(home: Home, state: Mapping[str, Json]) -> None:
    """Keep a state; a folder or disk that does not take it is no reason to stop anything."""
    try:
        write_atomically(_path(home), json.dumps(state, sort_keys=True).encode() + b"\n")
    except OSError:
        return


def _path(home: Home) -> Path:
    return home.state / FILE
