"""What a hook notes of a session: what it was told, what it changed, which failures wait for a similar command."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from meshcore.model import Json

MAX_OPEN = 6
MAX_TOLD = 40


@dataclass(frozen=True, slots=True)
class Open:
    """A failure of this session that waits for the similar command that passes."""

    key: str
    cause: str
    command: str
    folder: str
    line: str
    age: int = 0


@dataclass(frozen=True, slots=True)
class Told:
    """A correction that this session was told of: which, for which command, and how many commands ago."""

    cause: str
    change: str
    command: str
    key: str
    age: int = 0


@dataclass(frozen=True, slots=True)
class Notes:
    """What is known of a session: how often it was told something and of which commands, and what it changed.

    `changed`: it edited, installed, activated, started or logged in. `warned`: commands before which it was warned.
    """

    sayings: int = 0
    told: tuple[str, ...] = ()
    warned: tuple[str, ...] = ()
    changed: bool = False
    open: tuple[Open, ...] = ()
    offers: tuple[Told, ...] = ()

    def to_text(self) -> str:
        """Return the notes as the store holds them."""
        rows: list[Json] = [
            self.sayings,
            list(self.told[-MAX_TOLD:]),
            list(self.warned[-MAX_TOLD:]),
            self.changed,
            [[one.key, one.cause, one.command, one.folder, one.line, one.age] for one in self.open[-MAX_OPEN:]],
            [[one.cause, one.change, one.command, one.key, one.age] for one in self.offers[-MAX_OPEN:]],
        ]
        return json.dumps(rows, separators=(",", ":"))

    @classmethod
    def from_text(cls, text: str) -> Notes:
        """Return stored notes; empty ones where there are none that can be read."""
        if not text:
            return cls()
        try:
            sayings, told, warned, changed, opened, offers = json.loads(text)
            return cls(
                int(sayings), tuple(map(str, told)), tuple(map(str, warned)), bool(changed),
                tuple(Open(*one) for one in opened),
                tuple(Told(*one) for one in offers),
            )  # fmt: skip
        except (ValueError, TypeError, IndexError):
            return cls()


@dataclass(frozen=True, slots=True)
class Said:
    """What is told of a command: lines for the agent, the corrected command among them, and a line for the person."""

    text: str = ""
    command: str = ""
    person: str = ""


def storable(text: str) -> str:
    """Return a text as SQLite can hold it."""
    return text.encode("utf-8", "replace").decode()
