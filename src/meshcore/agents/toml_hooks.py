"""Hooks in a TOML file of a program: tables of our own at its end, between two marks; the rest is not touched."""

from __future__ import annotations

import json
import re
import shlex
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from meshcore.agents.hook_settings import Change, HookSettings, is_ours
from meshcore.agents.settings_file import LIMIT, SettingsFile, check_writable, write_settings
from meshcore.errors import ConfigurationError
from meshcore.home import read_plain_file
from meshcore.model import Json

_BEGIN, _END = "# meshtui: its hooks begin", "# meshtui: its hooks end"
_BLOCK = re.compile(rf"\n?^{_BEGIN}$.*?^{_END}$\n?", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class TomlHooks(HookSettings):
    """Hooks in a TOML file: `[[hooks]]` with a `command`; `tables` are the other keys of each of ours."""

    tables: tuple[Mapping[str, str | int], ...] = field(kw_only=True)

    def installed_command(self, path: Path) -> list[str] | None:
        """Return the first command of ours in the file."""
        hooks = _parsed(path, _read(path)).get("hooks")
        commands = [str(one.get("command", "")) for one in (hooks if isinstance(hooks, list) else ()) if _is_table(one)]
        ours = [command for command in commands if is_ours(command)]
        return shlex.split(ours[0]) if ours else None

    def change(self, path: Path, command: list[str]) -> Change:
        """Return the file with our tables at its end, in place of older ones between our marks."""
        file = _read(path)
        rest = _without_ours(file.text or "")
        given = _parsed(path, SettingsFile(file.path, rest, {})).get("hooks", [])
        if not isinstance(given, list):
            raise ConfigurationError(f"{path}: its `hooks` are not of the known form; nothing was changed")
        lines = [_BEGIN]
        for one in self.tables:
            lines.append("[[hooks]]")
            values = {**one, "command": shlex.join(command)}
            lines += [f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in values.items()]
        head = f"{rest.rstrip()}\n\n" if rest.strip() else rest
        after = SettingsFile(file.path, head + "\n".join((*lines, _END, "")), {})
        _parsed(path, after)
        return Change(file, after.text or "", first=_BEGIN not in (file.text or ""))

    def disconnect(self, path: Path) -> str:
        """Take our tables out; the file comes back byte by byte where nothing else was changed."""
        file = _read(path)
        if not _BLOCK.search(file.text or ""):
            return ""
        check_writable(file)
        rest = _without_ours(file.text or "")
        before = file.backup.read_text("utf-8") if file.backup.exists() else None
        if before is not None and before.rstrip() == rest.rstrip():
            write_settings(file, before, backup=False)
            file.backup.unlink()
            return "restored as it was"
        if before is None and not rest.strip():
            file.path.unlink()
            return "removed, nothing else was in it"
        write_settings(file, rest, backup=False)
        file.backup.unlink(missing_ok=True)
        return "only meshtui's part was taken out"


def _is_table(value: Json) -> bool:
    return isinstance(value, dict)


def _without_ours(text: str) -> str:
    return _BLOCK.sub("", text)


def _read(path: Path) -> SettingsFile:
    real = path.resolve() if path.is_symlink() else path
    try:
        return SettingsFile(real, read_plain_file(real, LIMIT).decode(), {})
    except FileNotFoundError:
        return SettingsFile(real, None, {})
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or getattr(error, "reason", "not UTF-8")
        raise ConfigurationError(f"{path}: cannot be read ({why}); nothing was changed") from error


def _parsed(path: Path, file: SettingsFile) -> dict[str, Json]:
    try:
        return tomllib.loads(file.text or "")
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ConfigurationError(f"{path}: not TOML with our part in it ({error}); nothing was changed") from error
