"""Payloads that cannot be read are counted by the version of the agent program: a new one may have changed them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from meshcore.model import Json

_LIMIT = 40  # characters of a version
_SHELLS = frozenset(("bash", "shell", "exec", "terminal", "execute_bash", "run_shell_command", "shell_command"))


def lacks_command(payload: Mapping[str, Json]) -> bool:
    """Tell whether a payload is of a program's shell tool but holds no command where any program writes one."""
    if str(payload.get("tool_name") or payload.get("toolName") or "").lower() not in _SHELLS:
        return False
    asked = payload.get("tool_input") or payload.get("toolArgs") or payload.get("tool_args") or payload.get("input")
    return not (isinstance(asked, str) or (isinstance(asked, dict) and (asked.get("command") or asked.get("cmd"))))


def version_of(payload: Mapping[str, Json] | None) -> str:
    """Return the version that a payload tells of its program, "" for none."""
    for name, value in (payload or {}).items():
        if name.lower().endswith("version") and isinstance(value, str | int | float):
            return "".join(char for char in str(value)[:_LIMIT] if char.isalnum() or char in "._-+")
    return ""


def note_unread(
    name: str, payload: Mapping[str, Json] | None, home: str | None, environment: Mapping[str, str]
) -> None:
    """Count a payload that could not be read, where there is a home. Raises MeshError where it cannot be used."""
    from meshcore.config import load
    from meshcore.home import Home
    from meshcore.hook.handled import BUSY_SECONDS
    from meshcore.store.store import Store

    path = Home(load(home=home, environment=environment).home).store
    if path.exists():
        store = Store(path, busy_timeout=BUSY_SECONDS)
        store.tellings.note_unread(name, version_of(payload))
        store.close()
