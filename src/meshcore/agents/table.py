"""The agent programs by name: a row leads to the module that holds all of a program, loaded when it is asked for.

Light: a hook asks for one program. A new program is a module of this package and a row here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol, cast

if TYPE_CHECKING:
    from pathlib import Path
    from types import ModuleType

    from meshcore.agents.base import Answer, Report
    from meshcore.agents.hook_settings import HookSettings
    from meshcore.agents.session_file import SessionFiles
    from meshcore.model import Json

MODULES = {
    "claude-code": "claude_code",
    "codex": "codex",
    "gemini": "gemini",
    "copilot": "copilot",
    "opencode": "opencode",
    "cursor": "cursor",
    "qwen": "qwen",
    "pi": "pi",
    "cline": "cline",
    "kimi": "kimi",
}
NAMES = tuple(MODULES)
ONE_PROGRAM = frozenset({"claude-code", "cursor"})  # Cursor loads the hooks of Claude Code beside its own
SHELL = "shell"  # what a person's prompt hook reports as; the shell's own start-up file holds it, there is no `connect`


class Agent(Protocol):
    """What a hook needs of whoever reports commands to it. A module of this package is one: these are its names."""

    NAME: str
    """The name on the command line, and the `via` of the incidents."""

    def read(self, payload: Mapping[str, Json]) -> Report | None:
        """Return what a payload reports of a shell command, None where it reports nothing that counts.

        Tolerant: unknown fields are passed over, and where what counts is missing or of another type it is None.
        """

    def answer(self, event: str, answer: Answer) -> str:
        """Return an answer to an event as the program reads it on standard output, "" where it reads none."""


class Program(Agent, Protocol):
    """A coding agent, which can be connected. Heavy modules are imported inside its functions: a hook has no time.

    A module may have three names more: `sessions(environment) -> SessionFiles` where its session files can be read;
    `TOOL_EVENTS`, the events at which its hooks can call a tool of an MCP server; `READS_ANSWERS`, False where it only
    tells its hooks what happened: it is then learnt from, and nothing counts as told.
    """

    def hooks(self, environment: Mapping[str, str]) -> HookSettings:
        """Return where the program is told of hooks, and how ours are written there."""

    def sample(self, command: str, output: str, cwd: str, scratch: Path, call: str) -> dict[str, Json]:
        """Return the payload of a command that failed with exit code 1, for trying out a connection.

        `scratch` is a folder for a session file, `call` the id of the call.
        """


def _module(name: str) -> ModuleType:
    # `importlib` would take a hook as long again as the module.
    return __import__(f"meshcore.agents.{name}", fromlist=["NAME"])


def agent(name: str) -> Agent:
    """Return who reports commands under a name, the shell included. Raises KeyError for an unknown name."""
    return cast(Agent, _module(MODULES[name] if name != SHELL else SHELL))


def program(name: str) -> Program:
    """Return an agent program. Raises KeyError for an unknown one."""
    return cast(Program, _module(MODULES[name]))


def session_files_of(name: str, environment: Mapping[str, str]) -> SessionFiles | None:
    """Return where a program keeps its session files and how one is read, None where that is not known."""
    sessions = getattr(program(name), "sessions", None)
    found: SessionFiles | None = sessions(environment) if sessions is not None else None
    return found


def with_sessions() -> list[str]:
    """Return the programs whose session files can be read, in the order of the alphabet."""
    return sorted(name for name in NAMES if hasattr(program(name), "sessions"))


def tool_events() -> dict[str, Program]:
    """Return the events at which a hook can call a tool of an MCP server, each with its program."""
    programs = [program(name) for name in NAMES]
    return {event: found for found in programs for event in getattr(found, "TOOL_EVENTS", ())}
