"""What the host's administrator forbids: `/etc/meshtui/managed.toml`, owned by root. It narrows and never widens.

No setting, variable or option names another file. Where there is a file that is not root's alone, or that cannot be
read as what it should be, nothing runs unattended. Light: hooks read it too.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from meshcore import home
from meshcore.config import BridgeAddress
from meshcore.errors import ConfigurationError
from meshcore.model import MODES, Json, Mode

OWNER = 0
SCHEMA_VERSION = 1
MAX_BYTES = 64 * 1024
_TABLES: Mapping[str, str] = {"actions": "forbidden", "bridges": "allowed", "agents": "allowed", "packs": "allowed"}


@dataclass(frozen=True, slots=True)
class Managed:
    """What the file says; None allows all. `there`: there is a file. `problem`: why it cannot be trusted."""

    path: Path = home.MANAGED_FILE
    there: bool = False
    problem: str = ""
    mode: Mode = "auto"
    forbidden: frozenset[str] = frozenset()
    bridges: tuple[str, ...] | None = None
    agents: tuple[str, ...] | None = None
    packs: tuple[str, ...] | None = None

    def ceilings(self, via: str, action_type: str) -> Iterator[tuple[Mode, str]]:
        """Yield each mode that the file holds a try at, with the reason in words."""
        if self.problem:
            yield "approve", f"nothing runs unattended: {self.problem}"
        if self.mode != "auto":
            yield self.mode, f"{self.path} holds this host at the mode {self.mode}"
        if action_type in self.forbidden:
            yield "off", f"{self.path} forbids actions of type {action_type}"
        if why := self.why_not_agent(via):
            yield "off", why

    def why_not_agent(self, via: str) -> str:
        """Return why a kind of agent is not allowed, "" where it is."""
        return f"{self.path} does not allow agents of kind {via}" if via and not _fits(via, self.agents) else ""

    def why_not_bridge(self, address: BridgeAddress) -> str:
        """Return why a bridge is not allowed, "" where it is."""
        # A link, or a way round by `..`, leads to another file than it names.
        where = address.shown if address.path is None else os.path.realpath(address.path)
        if self.bridges is None or _fits(where, self.bridges):
            return ""
        return f"{address.shown}: {self.path} does not allow this bridge; name one that it allows with --bridge"

    def why_not_pack(self, name: str) -> str:
        """Return why a pack of skills is not allowed, "" where it is."""
        return "" if _fits(name, self.packs) else f"{self.path} does not allow the pack {name}"

    def in_words(self) -> str:
        """Return what the file holds back, in one line."""
        said = [f"mode at most {self.mode}"] if self.mode != "auto" else []
        said += [f"forbidden actions: {', '.join(sorted(self.forbidden))}"] if self.forbidden else []
        for what, allowed in (("bridges", self.bridges), ("agents", self.agents), ("packs", self.packs)):
            if allowed is not None:
                said.append(f"{what}: only {', '.join(allowed)}" if allowed else f"{what}: none")
        return "; ".join(said) or "it holds nothing back"


def _fits(name: str, allowed: Sequence[str] | None) -> bool:
    return allowed is None or any(fnmatchcase(name, pattern) for pattern in allowed)


def managed() -> Managed:
    """Read the file as it is now. Never raises: what is wrong with it is its `problem`."""
    path = home.MANAGED_FILE
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except (FileNotFoundError, NotADirectoryError):
        return Managed(path)
    except OSError as error:
        return Managed(path, True, f"{path} cannot be read ({error.strerror})")
    try:
        with os.fdopen(descriptor, "rb") as file:
            _check_owner(path, os.fstat(file.fileno()))
            _check_owner(path.parent, path.parent.stat())
            data = file.read(MAX_BYTES + 1)
        return _read(path, data)
    except ConfigurationError as error:
        return Managed(path, True, str(error))
    except OSError as error:
        return Managed(path, True, f"{path} cannot be read ({error.strerror})")


def _check_owner(path: Path, found: os.stat_result) -> None:
    if found.st_uid != OWNER:
        raise ConfigurationError(f"{path} does not belong to root")
    if found.st_mode & 0o022:
        raise ConfigurationError(f"{path} can be written by others than root")
    if not (stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode)):
        raise ConfigurationError(f"{path} is not a plain file")


def _read(path: Path, data: bytes) -> Managed:
    import tomllib  # most hosts have no such file

    if len(data) > MAX_BYTES:
        raise ConfigurationError(f"{path} is larger than {MAX_BYTES} bytes")
    try:
        found = tomllib.loads(data.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise ConfigurationError(f"{path} cannot be read as TOML ({error})") from error
    if unknown := sorted(set(found) - {"schema_version", "mode", *_TABLES}):
        raise ConfigurationError(f"{path}: unknown key {unknown[0]!r}")
    if found.get("schema_version") != SCHEMA_VERSION:
        raise ConfigurationError(f"{path} must say schema_version = {SCHEMA_VERSION}")
    mode = found.get("mode", "auto")
    if mode not in MODES:
        raise ConfigurationError(f"{path}: mode is one of {', '.join(MODES)}")
    lists = {name: _names(path, found, name, key) for name, key in _TABLES.items()}
    return Managed(
        path, True, "", mode, frozenset(lists["actions"] or ()), lists["bridges"], lists["agents"], lists["packs"]
    )


def _names(path: Path, found: Mapping[str, Json], name: str, key: str) -> tuple[str, ...] | None:
    table = found.get(name)
    if table is None:
        return None
    names = table.get(key) if isinstance(table, dict) and set(table) == {key} else None
    if not isinstance(names, list) or not all(isinstance(one, str) and one for one in names):
        raise ConfigurationError(f"{path}: [{name}] holds {key} = [texts], and nothing else")
    return tuple(names)
