"""Give an agent program meshtui's plugin, or take it back, by the program's own commands, as a person types them."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from meshcore.agents.hook_settings import HookSettings
from meshcore.agents.plugin import FOLDER
from meshcore.agents.plugin_files import plugin_files
from meshcore.clock import SystemClock
from meshcore.errors import MeshError
from meshcore.home import make_private_folder, write_atomically
from meshcore.model import Json
from meshcore.process.find_program import CannotStartError
from meshcore.process.limited import BoundedCommand, Ended
from meshcore.safety.visible_text import visible

FOLDER_NAME = "plugins"  # of a home
LIMIT_SECONDS = 60.0
_GRACE_SECONDS = 2.0


class PluginStore:
    """One agent program's plugin of ours: its files in `folder`, and the program that is told of them."""

    def __init__(self, agent: str, settings: HookSettings, folder: Path, environment: Mapping[str, str]) -> None:
        """`folder` may hold the plugins of other agents too. Raises ValueError where the program has no plugins."""
        if settings.plugin is None:
            raise ValueError(f"{agent} has no plugins")
        self._agent, self._settings, self._plugin = agent, settings, settings.plugin
        self.folder, self._environment = folder, dict(environment)
        self._program = settings.installed(environment)

    def can(self) -> bool:
        """Tell whether the program is installed, and of a version that has plugins; it may be asked for that."""
        words, sign = self._plugin.able
        try:
            return bool(self._program) and sign in _text(self._run(words))
        except CannotStartError:
            return False

    def commands(self, words: tuple[tuple[str, ...], ...]) -> list[str]:
        """Return commands of `Plugin` as a person would type them."""
        return [" ".join((self._settings.commands[0], *self._filled(argv))) for argv in words]

    def install(self, command: list[str], pins: Mapping[str, str]) -> str:
        """Make the plugin and let the program install it in the place of an older one; return in words what is wrong.

        `command` is what its hooks call, `pins` the environment of its MCP server. Where something is wrong nothing of
        it stays. Raises MeshError where its files cannot be written.
        """
        server: dict[str, Json] = {"command": sys.executable, "args": ["-P", "-m", "meshtui", "mcp"], "env": dict(pins)}
        try:
            for name, text in plugin_files(self._agent, command, server).items():
                make_private_folder((self.folder / name).parent)
                write_atomically(self.folder / name, text.encode())
        except OSError as error:
            raise MeshError(f"{self.folder}: cannot be written ({error.strerror}); choose another --home") from error
        fault = self._told(self._plugin.remove, whatever=True) or self._told(self._plugin.add)
        if not fault and self._settings.plugin_command() != command:
            fault = f"{self._settings.commands[0]} says that it is installed, and its hooks are not found"
        if fault:
            self.remove()
        return fault

    def remove(self) -> str:
        """Let the program remove the plugin, and remove its files; return in words what is wrong, "" for nothing."""
        if not self._program:
            return f"{self._settings.commands[0]} is not on PATH"
        fault = self._told(self._plugin.remove, whatever=True)
        if self._plugin.is_there():
            return fault or f"{self._settings.commands[0]} still has it"
        shutil.rmtree(self.folder / self._agent, ignore_errors=True)
        for name in plugin_files(self._agent, [], {}):
            (self.folder / name).unlink(missing_ok=True)
            _remove_if_empty((self.folder / name).parent, self.folder)
        return ""

    def _told(self, commands: tuple[tuple[str, ...], ...], *, whatever: bool = False) -> str:
        """Run commands of the program; return what the first that failed said. `whatever`: each may fail."""
        for words in commands:
            try:
                done = self._run(words)
            except CannotStartError as error:
                return error.message
            if done.exit_code and not whatever:
                lines = visible(_text(done), limit=2_000).strip().splitlines() or ["no word"]
                return f"`{self._settings.commands[0]} {' '.join(words[:2])}` failed: {done.stopped or lines[-1][:300]}"
        return ""

    def _run(self, words: tuple[str, ...]) -> Ended:
        environment = {**self._environment, **self._plugin.environment}
        run = BoundedCommand(SystemClock(), timeout=LIMIT_SECONDS, grace=_GRACE_SECONDS)
        # Some take what lies in the folder where they are called for a project, which they then trust.
        place = str(self.folder) if self.folder.is_dir() else "/"
        return run.run([self._program, *self._filled(words)], place, environment)

    def _filled(self, words: tuple[str, ...]) -> list[str]:
        return [word.replace(FOLDER, str(self.folder)) for word in words]


def _text(done: Ended) -> str:
    return done.output.value().decode("utf-8", "replace")


def _remove_if_empty(folder: Path, top: Path) -> None:
    """Remove a folder, and those above it up to `top`, as long as they are empty."""
    for one in (folder, *folder.parents):
        try:
            one.rmdir()
        except FileNotFoundError:
            pass
        except OSError:
            return
        if one == top:
            return
