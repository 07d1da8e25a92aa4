"""The tables of config.toml that say how long things are kept and what the loops of the runtime do."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from meshcore.errors import ConfigurationError

if TYPE_CHECKING:
    from meshcore.model import Json

INTERVAL_SECONDS = 300.0
LEAST_INTERVAL_SECONDS = 1.0

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Retention:
    """How long things are kept, in days; None keeps them for ever. `meshtui maintenance` applies it."""

    journal_days: float | None = None
    """Segments of the journal, and events of the store that the journal holds."""

    incidents_days: float | None = None
    """Closed incidents, counted from when they were closed; what standing rests on stays."""

    bridge_days: float | None = None
    """Summaries of incidents and outcomes that nothing rests on, at the bridge and as this home received them."""

    old_table_days: float | None = None
    """Delivered skill rows of the old table; the two counts that operators quote fall with them."""

    rotate_mib: float | None = None
    """The size at which the journal begins a new segment."""

    rotate_days: float | None = None
    """The age of its first line at which the journal begins a new segment."""


@dataclass(frozen=True, slots=True)
class MonitorSettings:
    """The monitor inside the runtime."""

    enabled: bool = True
    """Whether it runs at all."""

    interval_seconds: float = INTERVAL_SECONDS
    """Between two passes, at least 1."""

    checks: bool = False
    """Whether a pass runs the checks, too."""

    include_manifest: bool = False
    """Whether a pass keeps the manifest, too."""


@dataclass(frozen=True, slots=True)
class ValidatorSettings:
    """The validator inside the runtime."""

    enabled: bool = True
    """Whether it runs at all."""

    interval_seconds: float = INTERVAL_SECONDS
    """Between two full passes, at least 1."""

    runs_root: Path | None = None
    """The folder of run folders; None: `workflow_results/runs` where that is there at the start."""


def read_table(kind: type[T], table: Mapping[str, Json], place: str) -> T:
    """Read a table into its dataclass, by the types of its fields. Raises ConfigurationError that names the key."""
    known = {field.name: field for field in fields(kind)}  # type: ignore[arg-type]
    values: dict[str, Json] = {}
    for key, value in table.items():
        if key not in known:
            raise ConfigurationError(f"{place}: unknown key {key!r}; known are {', '.join(known)}")
        values[key] = _value(str(known[key].type), value, f"{place}: {key}")
    return kind(**values)


def _value(kind: str, value: Json, place: str) -> Json:
    if kind == "bool":
        if not isinstance(value, bool):
            raise ConfigurationError(f"{place} must be true or false")
        return value
    if kind.startswith("Path"):
        if not isinstance(value, str) or not value or "\0" in value:
            raise ConfigurationError(f"{place} must be a folder as a text")
        return Path(value).expanduser().absolute()
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value < math.inf:
        raise ConfigurationError(f"{place} must be a number above 0; leave it out for the default")
    return float(value)
