"""What a payload led to, and how long a hook waits for a store."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from meshcore.model import Json
    from meshcore.store.store import Store

BUSY_SECONDS = 0.5  # for a store that somebody holds: the agent does not wait longer for us
CHECKPOINT_BYTES = 1024 * 1024  # of the write-ahead log, which the next hook has to read
open_to_the_end: list[Store] = []
"""Stores of a process that ends at once: closing the last connection would fold the write-ahead log in."""


@dataclass(frozen=True, slots=True)
class Handled:
    """What a payload led to: the text to print, and what the follow-up is to do (None: nothing)."""

    text: str = ""
    follow_up: dict[str, Json] | None = None
