"""Where an agent program is told of its hooks, and how ours are put in and taken out beside those of others."""

from __future__ import annotations

import json
import shlex
import shutil
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from meshcore.agents.plugin import Plugin
from meshcore.agents.settings_file import SettingsFile, read_settings, restore_settings, write_settings
from meshcore.errors import ConfigurationError
from meshcore.model import Json

Scope = Literal["user", "project"]
START = Path(__file__).parent.parent / "hookstart.py"
LIMIT_SECONDS = 15  # what each hook is granted; it gives up earlier itself, see `hookstart`
FAIL_OPEN = (
    "/bin/sh",
    "-c",
    # What the hook says is handed on only where it ended well. Where it did not even start, an agent that still writes
    # its payload meets no closed pipe. The trap also answers for a shell that cannot go on itself, the limit for what
    # spins. The variable has a name that no agent knows: some put variables of theirs into their settings.
    'trap "exit 0" EXIT; exec 2>/dev/null; ulimit -t 9; '
    'meshtui_said=$("$@") && printf %s "$meshtui_said" || timeout 2 cat >/dev/null',
    "meshtui",
)
"""What stands before the command that does the work: it exits with 0, and is silent, whatever is missing."""
RESTART = "restart its open sessions: hooks are read at their start"


PINNED = {
    "MESHTUI_HOME": "home",
    "MESHTUI_BRIDGE": "bridge",
    "MESHTUI_OPERATOR_DIR": "operator folder",
    "MESHTUI_AGENT": "agent",
    "MESHTUI_HOST": "host",
}
"""What an installed command may pin, and what a person calls it: the hook takes it for its environment's."""


def hook_command(agent: str, pins: Mapping[str, str] = MappingProxyType({})) -> list[str]:
    """Return the installed command that handles an agent's payloads, all paths absolute; see `FAIL_OPEN`.

    `pins`: values of variables in `PINNED`, which hold whatever environment the agent has.
    """
    settings = [f"{name}={pins[name]}" for name in PINNED if pins.get(name)]
    return [*FAIL_OPEN, sys.executable, "-I", "-S", str(START), agent, *settings]


def shared_command(agent: str) -> list[str]:
    """Return the installed command for a file that a project commits: it names nothing of this machine.

    Whoever has meshtui on PATH uses their own; nobody else notices it.
    """
    return [*FAIL_OPEN, "meshtui", "hook", agent]


def pins_of(command: list[str], agent: str) -> dict[str, str]:
    """Return what an installed command pins, those of older versions included."""
    worker = worker_of(command)
    rest = worker[worker.index(agent) + 1 :] if agent in worker else []
    named = dict(word.split("=", 1) for word in rest if word.partition("=")[0] in PINNED)
    in_order = [word for word in rest if word.partition("=")[0] not in PINNED]
    return {name: value for name, value in zip(PINNED, in_order, strict=False) if value} | named


def worker_of(command: list[str]) -> list[str]:
    """Return the part of an installed command that does the work, without what makes it fail-open."""
    return command[len(FAIL_OPEN) :] if is_fail_open(command) else command


def is_fail_open(command: list[str]) -> bool:
    """Tell whether an installed command has the form of this version, which never stands in an agent's way."""
    return tuple(command[: len(FAIL_OPEN)]) == FAIL_OPEN


def is_as_written(command: list[str], agent: str) -> bool:
    """Tell whether an installed command is one that this installation writes, whatever it pins: it is safe to call."""
    own = hook_command(agent)
    rest = command[len(own) :] if command[: len(own)] == own else [""]
    return command == shared_command(agent) or all(word.partition("=")[0] in PINNED for word in rest)


def is_ours(command: str) -> bool:
    """Tell whether a command is a hook of ours, of this version or another."""
    return "meshcore/hookstart.py" in command or ("meshtui" in command and " hook " in f"{command} ")


def group(command: str, timeout: int, *, matcher: str | None = None, beside: bool = False) -> dict[str, Json]:
    """Return our entry of an event as most programs read it: a group of hooks with a matcher for the tool.

    `beside`: the program does not wait for it.
    """
    hook: dict[str, Json] = {"type": "command", "command": command, "timeout": timeout}
    hooks: dict[str, Json] = {"hooks": [hook | ({"async": True} if beside else {})]}
    return hooks if matcher is None else {"matcher": matcher, **hooks}


@dataclass(frozen=True, slots=True)
class Change:
    """What connecting would write: `after` is the text that the file is to have.

    `first`: no hook of ours stands in the file yet, so that it is to be backed up. `mode`: of a new file.
    """

    file: SettingsFile
    after: str
    first: bool = True
    mode: int = 0o644

    @property
    def needed(self) -> bool:
        """Tell whether anything is different."""
        return self.after != self.file.text

    def write(self) -> None:
        """Write it. Raises ConfigurationError; the file is then as it was."""
        write_settings(self.file, self.after, backup=self.first, mode=self.mode)


@dataclass(frozen=True, slots=True)
class HookSettings(ABC):
    """One agent program: its own commands, its files per scope, and what is left to do once it is connected.

    A `project_file` of "" says that it reads none.
    `permission`: the one rule with which the program runs `meshtui heal` unasked, and where the rule stands, as the
    person may add it; "" where no rule is as narrow as that. `plugin`: where the program can have ours.
    """

    commands: tuple[str, ...]
    user_file: Path
    project_file: str
    afterwards: str = RESTART
    permission: str = field(default="", kw_only=True)
    plugin: Plugin | None = field(default=None, kw_only=True)

    def has_plugin(self) -> bool:
        """Tell whether the program has our plugin, by a file of its own that names it."""
        return self.plugin is not None and self.plugin.is_there()

    def plugin_command(self) -> list[str] | None:
        """Return the command that our installed plugin calls, None where none is found."""
        file = self.plugin.hooks_file() if self.plugin is not None and self.has_plugin() else None
        try:
            return self.installed_command(file) if file is not None else None
        except (ConfigurationError, ValueError):
            return None

    def path(self, scope: Scope, project: Path) -> Path:
        """Return the file in which the program is told of hooks. Raises ConfigurationError where it reads none."""
        if scope == "project" and not self.project_file:
            raise ConfigurationError(f"{self.commands[0]} reads no hooks of a project; connect it with --user")
        return self.user_file if scope == "user" else project / self.project_file

    def installed(self, environment: Mapping[str, str]) -> str:
        """Return the path of the program's own command, "" where none is found."""
        found = (shutil.which(command, path=environment.get("PATH")) for command in self.commands)
        return next((path for path in found if path), "")

    @abstractmethod
    def installed_command(self, path: Path) -> list[str] | None:
        """Return the command of ours that a file names, None where it names none. Raises ConfigurationError."""

    @abstractmethod
    def change(self, path: Path, command: list[str]) -> Change:
        """Return what connecting would write. Raises ConfigurationError for a file that is not to be touched."""

    @abstractmethod
    def disconnect(self, path: Path) -> str:
        """Take our hooks out of a file; return in words what was done, "" where none were in it.

        Raises ConfigurationError.
        """


@dataclass(frozen=True, slots=True)
class JsonHooks(HookSettings):
    """Hooks in a JSON file of the program: `hooks` maps an event to a list of entries, ours among those of others.

    `entries` returns our entry per event for a command; `keys`, under which an entry or a hook in it may hold one;
    `head`, what else the file needs.
    """

    entries: Callable[[str], Mapping[str, Json]] = field(kw_only=True)
    keys: tuple[str, ...] = field(default=("command",), kw_only=True)
    head: Mapping[str, Json] = field(default_factory=dict, kw_only=True)

    def installed_command(self, path: Path) -> list[str] | None:
        """Return the first command of ours in the file."""
        return self._first_of_ours(read_settings(path))

    def _first_of_ours(self, file: SettingsFile) -> list[str] | None:
        hooks = file.data.get("hooks")
        lists = [found for found in (hooks.values() if isinstance(hooks, dict) else ()) if isinstance(found, list)]
        ours = [command for found in lists for entry in found for command in self._commands(entry) if is_ours(command)]
        return shlex.split(ours[0]) if ours else None

    def change(self, path: Path, command: list[str]) -> Change:
        """Return the file with our entry where an older one of ours stands, else at the end of each event."""
        file = read_settings(path)
        data = deepcopy(file.data)
        for name, value in self.head.items():
            data.setdefault(name, value)
        hooks = data.setdefault("hooks", {})
        if not isinstance(hooks, dict) or not all(isinstance(entries, list) for entries in hooks.values()):
            what = f"{path}: its `hooks` are not of the known form; nothing was changed, edit them by hand"
            raise ConfigurationError(what)
        for event, entry in self.entries(shlex.join(command)).items():
            self._put(entry, hooks.setdefault(event, []))
        after = file.text if data == file.data and file.text is not None else file.styled(data)
        return Change(file, after, first=self._first_of_ours(file) is None)

    def disconnect(self, path: Path) -> str:
        """Take our hooks out; the file comes back byte by byte where nothing else was changed."""
        file = read_settings(path)
        rest = deepcopy(file.data)
        if not self._take_out(rest):
            return ""
        return restore_settings(file, rest, made_by_us=not set(rest) - set(self.head))

    def _commands(self, entry: Json) -> Iterator[str]:
        """Yield the commands of an entry: its own, and those of the hooks in it."""
        if isinstance(entry, dict):
            inner = entry.get("hooks")
            for hook in [entry, *(inner if isinstance(inner, list) else [])]:
                if isinstance(hook, dict):
                    yield from (str(hook[key]) for key in self.keys if key in hook)

    def _holds_ours(self, entry: Json) -> bool:
        return any(map(is_ours, self._commands(entry)))

    def _others(self, entry: Json) -> Json:
        """Return an entry without our hooks, None where nothing of others is in it."""
        if not self._holds_ours(entry):
            return entry
        inner = entry.get("hooks")
        rest = [hook for hook in inner if not self._holds_ours(hook)] if isinstance(inner, list) else []
        return {**entry, "hooks": rest} if rest else None

    def _put(self, entry: Json, entries: list[Json]) -> None:
        kept: list[Json] = []
        for other in entries:
            rest = self._others(other)
            if rest is not None or other is None:
                kept.append(rest)
            if entry not in kept and self._holds_ours(other):
                kept.append(entry)
        entries[:] = kept if entry in kept else [*kept, entry]

    def _take_out(self, data: dict[str, Json]) -> bool:
        hooks = data.get("hooks")
        if not isinstance(hooks, dict):
            return False
        lists = {event: found for event, found in hooks.items() if isinstance(found, list)}
        taken = [event for event, found in lists.items() if any(map(self._holds_ours, found))]
        for event in taken:
            hooks[event] = [rest for entry in hooks[event] if (rest := self._others(entry)) is not None]
            if not hooks[event]:
                del hooks[event]
        if taken and not hooks:
            del data["hooks"]
        return bool(taken)


@dataclass(frozen=True, slots=True)
class OwnFile(HookSettings):
    """A file that is ours as a whole, made of a template.

    `mark` is in it; the line that begins with `before_command` holds the command: as a JSON list, or in a `script` as a
    shell reads it, which can be executed.
    """

    template: str = field(kw_only=True)
    mark: str = field(kw_only=True)
    before_command: str = field(kw_only=True)
    script: bool = field(default=False, kw_only=True)

    def installed_command(self, path: Path) -> list[str] | None:
        """Return the command that the file calls."""
        lines = (self._read(path).text or "").split("\n")
        line = next((line for line in lines if line.startswith(self.before_command)), "")
        said = line.removeprefix(self.before_command)
        found: list[str] = shlex.split(said) if self.script else json.loads(said or "[]")
        return found or None

    def change(self, path: Path, command: list[str]) -> Change:
        """Return the file as the template makes it."""
        said = self.before_command + (shlex.join(command) if self.script else json.dumps(command))
        lines = [said if line.startswith(self.before_command) else line for line in self.template.split("\n")]
        return Change(self._read(path), "\n".join(lines), mode=0o755 if self.script else 0o644)

    def disconnect(self, path: Path) -> str:
        """Remove the file."""
        if self.installed_command(path) is None:
            return ""
        path.unlink()
        return "removed"

    def _read(self, path: Path) -> SettingsFile:
        try:
            text = path.read_text("utf-8")
        except FileNotFoundError:
            return SettingsFile(path, None, {})
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError(f"{path}: cannot be read ({error}); nothing was changed") from error
        if self.mark not in text:
            raise ConfigurationError(f"{path}: not written by meshtui; nothing was changed, move it aside")
        return SettingsFile(path, text, {})
