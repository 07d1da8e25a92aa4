"""Where a command may have failed: simple commands, each with its folder and its variables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Place:
    """A simple command, the folder and the variables that it ran with.

    `runner` is what chose its environment; `given` the text that a here-document gives it as its input, "" where none
    does, or where a shell computes it.
    """

    argv: tuple[str, ...]
    cwd: str
    environment: Mapping[str, str]
    runner: str = ""
    given: str = ""


@dataclass(frozen=True, slots=True)
class Failing:
    """What may have failed: one place, or several where the text does not tell; `unread` says what hides more.

    `around` is what stands around it; `bare`: that does nothing that a second run would repeat; `mixed`: another
    command of the same text, or a file that it shows, may have printed what was printed.
    """

    places: tuple[Place, ...]
    unread: str = ""
    bare: bool = True
    around: tuple[Place, ...] = ()
    mixed: bool = False

    @property
    def one(self) -> Place | None:
        """Return the one place where it failed, None where that is not known."""
        return self.places[0] if len(self.places) == 1 and not self.unread else None
