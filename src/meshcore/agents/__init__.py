"""Agent programs: one module each for what it sends to a hook, what it accepts back, and where it is configured."""

from __future__ import annotations

from importlib import import_module
from typing import cast

from meshcore.agents.base import Agent

_MODULES = {
    "claude-code": "claude_code",
    "codex": "codex",
    "gemini": "gemini",
    "copilot": "copilot",
    "opencode": "opencode",
    "cursor": "cursor",
    "shell": "shell",
}
NAMES = tuple(name for name in _MODULES if name != "shell")  # a shell has a prompt hook, and no configuration of ours


def agent(name: str) -> Agent:
    """Return one agent program by its name on the command line. Raises KeyError."""
    return cast(Agent, import_module(f"meshcore.agents.{_MODULES[name]}"))
