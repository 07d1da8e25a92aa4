"""What the agent programs have in common: what one of them reports of a command, and what may be said back to it.

Light: a hook imports this, so the standard library only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from meshcore.model import Json


@dataclass(frozen=True, slots=True)
class Call:
    """One command that an agent ran, or wanted to run, in its shell.

    `command` is the text that it gave to the shell, `call` its own id of the call ("" where it tells none), `output`
    what the command said (both streams, as the agent merged them), `event` the name of the hook event.
    """

    command: str
    cwd: str
    session: str
    call: str = ""
    output: str = ""
    event: str = ""


@dataclass(frozen=True, slots=True)
class Failure(Call):
    """A command that failed by the agent's own signal; `exit_code` is None where the agent tells none."""

    exit_code: int | None = None
    timed_out: bool = False


@dataclass(frozen=True, slots=True)
class Success(Call):
    """A command that succeeded, or that the agent itself counts as no failure (a grep without a match)."""


@dataclass(frozen=True, slots=True)
class Denied(Call):
    """A command that a person, a rule or a hook did not allow: it never ran."""


Report = Failure | Success | Denied


@dataclass(frozen=True, slots=True)
class Answer:
    """What is said back: `context` to the agent (at most 2 kB), `message` one line to the person; either may be ""."""

    context: str = ""
    message: str = ""


class Agent(Protocol):
    """One agent program. A module of this package is one: these are its functions."""

    def read(self, payload: Mapping[str, Json]) -> Report | None:
        """Return what a payload reports of a shell command, None where it reports nothing that counts.

        Tolerant: unknown fields are passed over, and what is missing or of another type makes the answer None.
        """

    def answer(self, report: Report, answer: Answer) -> str:
        """Return an answer as this agent reads it on the hook's standard output; "" where it reads none."""
