"""What a scenario is made of: who fails where, how the fix came to be known, and what must happen to the next one."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Ending = Literal["unattended", "approval", "fixed", "offered", "silent"]
"""What becomes of the second agent's failure, best first.

unattended: fixed and the command run again with success, nobody asked. approval: the same after one yes. fixed: fixed
unattended or by one yes, and the command left for its user to run again. offered: said what helps, or asked, no more.
silent: nothing said.
"""
ENDINGS: tuple[Ending, ...] = ("unattended", "approval", "fixed", "offered", "silent")

Wrapped = tuple[str, ...]


def shell(text: str, *options: str) -> Wrapped:
    """Return the argv in which an agent wraps a shell text."""
    return ("bash", *options, "-c", text)


@dataclass(frozen=True, slots=True)
class Scenario:
    """One of them. Paths are relative to the project, `~/src/NAME` for the first agent, `~/work/NAME` for the second.

    `files` and `setup` (a shell text that neither agent runs under the mesh) make the project. `environments` are the
    virtual environments in it, `active` the one that is activated; `first` and `second` what the agents type, the same
    where `second` is empty. `taught` is what a person teaches, `did` what the first agent runs until its command
    passes; `confirmed`: a person confirms what was recognised. `changes` are patterns of what may change on disk,
    `effects` is a file each line of which is an effect. `because` must be among the reasons given, or says why nothing
    is said; `needs` are programs.
    """

    name: str
    first: str | Wrapped
    must: Ending
    because: str = ""
    files: Mapping[str, str] = field(default_factory=dict)
    setup: str = ""
    environments: tuple[str, ...] = ()
    active: str = ""
    second: str | Wrapped = ""
    second_files: Mapping[str, str] = field(default_factory=dict)
    second_setup: str = ""
    taught: str = ""
    did: tuple[str, ...] = ()
    confirmed: bool = False
    folder: str = ""
    changes: tuple[str, ...] = ()
    stdin: str | None = None
    effects: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)
    through: Literal["run", "hook"] = "run"
    policy: str = ""
    needs: tuple[str, ...] = ()
    volatile: bool = False  # its output differs each time
    chain: tuple[str, ...] = ()  # what is taught for the errors that come after the first one
    once: bool = False  # its success is no success a second time, or its failure leaves something behind
    looks: bool = False  # the person looks at what waits, and does not say yes

    def argv(self, project: str, *, second: bool) -> Wrapped:
        """Return what an agent types in its project."""
        typed = self.second if second and self.second else self.first
        words = shlex.split(typed) if isinstance(typed, str) else typed
        return tuple(word.replace("{project}", project) for word in words)
