"""Where each agent program is told of its hooks, and how ours are put in and taken out beside those of others."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from meshcore.agents.settings_file import SettingsFile, read_settings, restore_settings, write_settings
from meshcore.errors import ConfigurationError, UsageError
from meshcore.model import Json

Scope = Literal["user", "project"]
START = Path(__file__).parent.parent / "hookstart.py"
LIMIT_SECONDS = 60  # what each hook is granted; its `WAIT_SECONDS` is less


CONNECTED, NOT_CONNECTED = "connected", "no"


@dataclass(frozen=True, slots=True)
class Program:
    """One agent program: its commands, its files per scope, how hooks are written there, and what is left to do."""

    commands: tuple[str, ...]
    user_file: Callable[[Mapping[str, str]], Path]
    project_file: str
    put: Callable[[dict[str, Json], str], None]
    afterwards: str


@dataclass(frozen=True, slots=True)
class Change:
    """What connecting would write: `after` is the text that the file is to have."""

    file: SettingsFile
    after: str

    @property
    def needed(self) -> bool:
        """Tell whether anything is different."""
        return self.after != self.file.text


def hook_command(agent: str, home: str | None = None, bridge: str | None = None) -> list[str]:
    """Return the installed command that handles an agent's payloads, all paths absolute."""
    pinned = [os.path.abspath(home or "")] if home or bridge else []  # noqa: PTH100
    if home is None and bridge:
        pinned = [""]
    if bridge:
        pinned.append(os.path.abspath(bridge))  # noqa: PTH100
    return [sys.executable, "-I", "-S", str(START), agent, *pinned]


def settings_path(agent: str, scope: Scope, environment: Mapping[str, str], project: Path) -> Path:
    """Return the file in which an agent is told of hooks."""
    program = PROGRAMS[agent]
    return program.user_file(environment) if scope == "user" else project / program.project_file


def connection(agent: str, path: Path, command: list[str]) -> Change:
    """Return what connecting would write. Raises ConfigurationError for a file that is not to be touched."""
    if agent == "opencode":
        file = _plugin(path)
        return Change(file, plugin_text(command))
    file = read_settings(path)
    data = deepcopy(file.data)
    try:
        PROGRAMS[agent].put(data, shlex.join(command))
    except ConfigurationError as error:
        raise ConfigurationError(f"{path}: {error}") from error
    return Change(file, file.text if data == file.data and file.text is not None else file.styled(data))


def connect(change: Change) -> None:
    """Write a change. Raises ConfigurationError."""
    write_settings(change.file, change.after)


def is_connected(agent: str, path: Path) -> bool:
    """Tell whether a file holds a hook of ours. Raises ConfigurationError."""
    return installed_command(agent, path) is not None


def installed_command(agent: str, path: Path) -> list[str] | None:
    """Return the command of ours that a file names, None where it names none. Raises ConfigurationError."""
    if agent == "opencode":
        text = _plugin(path).text or ""
        if _PLUGIN_MARK not in text:
            return None
        line = next((line for line in text.split("\n") if line.startswith("const COMMAND = ")), "")
        import json

        found: list[str] = json.loads(line.removeprefix("const COMMAND = ") or "[]")
        return found or None
    for command in _commands(read_settings(path).data):
        if is_ours(command):
            return shlex.split(command)
    return None


def standing(agent: str, scope: Scope, environment: Mapping[str, str], project: Path) -> str:
    """Say how an agent's settings stand: `CONNECTED`, `NOT_CONNECTED`, or in words what is wrong with them."""
    try:
        command = installed_command(agent, settings_path(agent, scope, environment, project))
    except ConfigurationError:
        return "cannot be read"
    if command is None:
        return NOT_CONNECTED
    return CONNECTED if Path(command[0]).exists() else "its command is gone: connect again"


def disconnect(agent: str, path: Path) -> str:
    """Take our hooks out of a file; return in words what was done, "" where none were in it.

    Raises ConfigurationError.
    """
    if agent == "opencode":
        if not is_connected(agent, path):
            return ""
        path.unlink()
        return "removed"
    file = read_settings(path)
    rest = deepcopy(file.data)
    if not _take_out(rest):
        return ""
    left = {name: value for name, value in rest.items() if name != "version"}
    return restore_settings(file, rest, made_by_us=not left)


def is_ours(command: str) -> bool:
    """Tell whether a command is a hook of ours, of this version or another."""
    return "meshcore/hookstart.py" in command or ("meshtui" in command and " hook " in f"{command} ")


# --- JSON -------------------------------------------------------------------------------------------------------------


def _hooks_of(data: dict[str, Json]) -> dict[str, Json]:
    hooks = data.setdefault("hooks", {})
    if not isinstance(hooks, dict) or not all(isinstance(entries, list) for entries in hooks.values()):
        raise ConfigurationError("its `hooks` are not of the known form; nothing was changed, edit them by hand")
    return hooks


def _commands(data: dict[str, Json]) -> list[str]:
    hooks = data.get("hooks")
    found: list[str] = []
    for entries in hooks.values() if isinstance(hooks, dict) else ():
        for entry in entries if isinstance(entries, list) else ():
            if isinstance(entry, dict):
                inner = entry.get("hooks")
                for hook in [entry, *(inner if isinstance(inner, list) else [])]:
                    if isinstance(hook, dict):
                        found += [str(hook[name]) for name in ("command", "bash") if name in hook]
    return found


def _put(entry: dict[str, Json], entries: list[Json]) -> None:
    """Put our entry where an older one of ours stands, else at the end."""
    ours = [index for index, other in enumerate(entries) if _holds_ours(other)]
    if not ours:
        entries.append(entry)
        return
    first, *more = ours
    others = _others(entries[first])
    entries[first : first + 1] = [entry] if others is None else [others, entry]
    for index in reversed(more):
        shifted = index + (others is not None)
        left = _others(entries[shifted])
        entries[shifted : shifted + 1] = [] if left is None else [left]


def _holds_ours(entry: Json) -> bool:
    return any(is_ours(command) for command in _commands({"hooks": {"": [entry]}}))


def _others(entry: Json) -> Json:
    """Return an entry without our hooks, None where nothing of others is in it."""
    inner = entry.get("hooks") if isinstance(entry, dict) else None
    if not isinstance(inner, list):
        return None
    rest = [hook for hook in inner if not _holds_ours(hook)]
    return {**entry, "hooks": rest} if rest else None


def _take_out(data: dict[str, Json]) -> bool:
    hooks = data.get("hooks")
    if not isinstance(hooks, dict):
        return False
    taken = False
    for event, entries in list(hooks.items()):
        if not isinstance(entries, list) or not any(map(_holds_ours, entries)):
            continue
        taken = True
        rest = [_others(entry) if _holds_ours(entry) else entry for entry in entries]
        hooks[event] = [entry for entry in rest if entry is not None]
        if not hooks[event]:
            del hooks[event]
    if taken and not hooks:
        del data["hooks"]
    return taken


def _grouped(data: dict[str, Json], command: str, *, events: tuple[str, ...], matcher: str, timeout: int) -> None:
    """Put our hook in as Claude Code, Codex and Gemini read it: a group with a matcher per event."""
    hooks = _hooks_of(data)
    for event in events:
        hook = {"type": "command", "command": command, "timeout": timeout}
        group: dict[str, Json] = (
            {"hooks": [hook]} if event == "PostToolBatch" else {"matcher": matcher, "hooks": [hook]}
        )
        _put(group, hooks.setdefault(event, []))


def _copilot(data: dict[str, Json], command: str) -> None:
    data.setdefault("version", 1)
    for event in ("postToolUse", "postToolUseFailure"):
        hook = {"type": "command", "bash": command, "timeoutSec": LIMIT_SECONDS}
        _put(hook, _hooks_of(data).setdefault(event, []))


def _cursor(data: dict[str, Json], command: str) -> None:
    data.setdefault("version", 1)
    for event in ("postToolUseFailure", "postToolUse"):
        _put({"command": command, "timeout": LIMIT_SECONDS}, _hooks_of(data).setdefault(event, []))


# --- opencode ---------------------------------------------------------------------------------------------------------

_PLUGIN_MARK = "// written by `meshtui connect opencode`"


def plugin_text(command: list[str]) -> str:
    """Return opencode's plugin with the command that it calls."""
    import json

    template = (Path(__file__).parent / "opencode.js").read_text("utf-8")
    return template.replace('const COMMAND = ["meshtui", "hook", "opencode"]', f"const COMMAND = {json.dumps(command)}")


def _plugin(path: Path) -> SettingsFile:
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        return SettingsFile(path, None, {})
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path}: cannot be read ({error}); nothing was changed") from error
    if _PLUGIN_MARK not in text:
        raise ConfigurationError(f"{path}: not written by meshtui; nothing was changed, move it aside")
    return SettingsFile(path, text, {})


# --- the programs -----------------------------------------------------------------------------------------------------


def _below(variable: str, default: str, name: str, environment: Mapping[str, str]) -> Path:
    base = environment.get(variable) or os.path.join(environment.get("HOME") or str(Path.home()), default)  # noqa: PTH118
    return Path(base) / name


_RESTART = "restart its open sessions: hooks are read at their start"

PROGRAMS: Mapping[str, Program] = {
    "claude-code": Program(
        ("claude",),
        partial(_below, "CLAUDE_CONFIG_DIR", ".claude", "settings.json"),
        ".claude/settings.json",
        partial(
            _grouped,
            events=("PostToolUseFailure", "PostToolUse", "PostToolBatch"),
            matcher="Bash",
            timeout=LIMIT_SECONDS,
        ),
        _RESTART,
    ),
    "codex": Program(
        ("codex",),
        partial(_below, "CODEX_HOME", ".codex", "hooks.json"),
        ".codex/hooks.json",
        partial(_grouped, events=("PostToolUse",), matcher="Bash", timeout=LIMIT_SECONDS),
        f"in Codex, open /hooks and trust the hook: it is skipped until you do; {_RESTART}",
    ),
    "gemini": Program(
        ("gemini",),
        partial(_below, "", ".gemini", "settings.json"),
        ".gemini/settings.json",
        partial(_grouped, events=("AfterTool",), matcher="run_shell_command", timeout=LIMIT_SECONDS * 1000),
        _RESTART,
    ),
    "copilot": Program(
        ("copilot",),
        partial(_below, "", ".copilot", "hooks/meshtui.json"),
        ".github/hooks/meshtui.json",
        _copilot,
        _RESTART,
    ),
    "opencode": Program(
        ("opencode",),
        partial(_below, "XDG_CONFIG_HOME", ".config", "opencode/plugins/meshtui.js"),
        ".opencode/plugins/meshtui.js",
        lambda data, command: None,
        _RESTART,
    ),
    "cursor": Program(
        ("cursor-agent", "cursor"),
        partial(_below, "", ".cursor", "hooks.json"),
        ".cursor/hooks.json",
        _cursor,
        f"{_RESTART}; if it also loads Claude Code's hooks, a failure counts once all the same",
    ),
}


def program_called(agent: str) -> Program:
    """Return how an agent is configured. Raises UsageError for an unknown one."""
    if agent not in PROGRAMS:
        raise UsageError(f"no agent program {agent!r} is known; known are {', '.join(sorted(PROGRAMS))}")
    return PROGRAMS[agent]


def installed(agent: str, environment: Mapping[str, str]) -> str:
    """Return the path of an agent's own command, "" where none is found."""
    found = (shutil.which(command, path=environment.get("PATH")) for command in program_called(agent).commands)
    return next((path for path in found if path), "")
