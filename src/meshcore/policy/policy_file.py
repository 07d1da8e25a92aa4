"""policy.toml read into typed actions, or the reason why nothing may run unattended."""

from __future__ import annotations

import re
import stat
import tomllib
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any

from meshcore.errors import ConfigurationError
from meshcore.policy.action_type import ActionType
from meshcore.policy.argv_patterns import KINDS, Form, Found, parse
from meshcore.policy.policy_signature import is_policy_signed
from meshcore.policy.renderer_table import RENDERERS

SCHEMA_VERSION = 1
MAX_BYTES = 256 * 1024

_NEEDS = frozenset({"", "venv", "project", "incident"})


@dataclass(frozen=True, slots=True)
class OptedIn:
    """A command of one project that its operator lets run again unattended, while a file of it stays what it is."""

    folder: str
    command: tuple[str, ...]
    file: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Rules:
    """What a policy file says. `problem`: why it cannot be used, in words; then nothing runs unattended.

    `unsigned`: why a file was passed over, so that the shipped policy holds.
    """

    actions: tuple[ActionType, ...] = ()
    declared: dict[str, frozenset[str]] = field(default_factory=dict)
    rerun: tuple[Form, ...] = ()
    local_files: bool = False
    rerun_here: tuple[OptedIn, ...] = ()
    problem: str = ""
    by_program: dict[str, tuple[tuple[ActionType, Form], ...]] = field(default_factory=dict)
    unsigned: str = ""

    @property
    def repeated(self) -> tuple[Form, ...]:
        """Return the forms of commands that may be run again: those of the list, and those that only look."""
        looks = (action.forms for action in self.actions if action.name == "probe" and action.unattended)
        return (*self.rerun, *chain.from_iterable(looks))

    def fitting(self, argv: tuple[str, ...]) -> list[tuple[ActionType, Found]]:
        """Return the typed actions that a command, in its plain spelling, fits."""
        found: list[tuple[ActionType, Found]] = []
        for action, form in self.by_program.get(argv[0], ()):
            if (values := form.fit(argv)) is not None and action not in [a for a, _ in found]:
                found.append((action, values))
        return found


def load(path: Path | None, signer: str = "") -> Rules:
    """Read a policy file over the shipped default; None or a missing file is the default alone. Never raises.

    With `signer`, the operator's public key, a file that they did not sign is passed over.
    """
    try:
        if path is None:
            return _default()
        raw = read_policy(path)
        if signer and not is_policy_signed(path, raw, signer):
            return replace(_default(), unsigned=f"{path} is not signed by the operator: the shipped policy holds")
        return _checked(raw.decode("utf-8"), _default_data())
    except FileNotFoundError:
        return _default()
    except OSError as error:
        return Rules(problem=f"{path} cannot be read: {error.strerror or error}")
    except (ConfigurationError, tomllib.TOMLDecodeError, UnicodeDecodeError, ValueError, RecursionError) as error:
        return Rules(problem=f"{path} cannot be used: {error}")


def read_policy(path: Path) -> bytes:
    """Return what a policy file holds. Raises OSError, and ConfigurationError for a file that none should be."""
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise ConfigurationError("it is not a regular file")
    if status.st_mode & stat.S_IWOTH:
        raise ConfigurationError("everybody may write it; run: chmod o-w on it")
    if status.st_size > MAX_BYTES:
        raise ConfigurationError(f"{status.st_size} bytes, more than {MAX_BYTES}")
    with path.open("rb") as file:
        raw = file.read(MAX_BYTES + 1)
    if not raw.strip():
        raise ConfigurationError("it is empty; delete it to use the default, or fill it")
    return raw


@cache
def _default_data() -> dict[str, Any]:
    return tomllib.loads(Path(__file__).with_name("policy_default.toml").read_text("utf-8"))


@cache
def _default() -> Rules:
    return _rules(_default_data())


def _checked(text: str, base: dict[str, Any]) -> Rules:
    data = tomllib.loads(text)
    if data.get("schema_version") != SCHEMA_VERSION:
        raise ConfigurationError(f"it must say schema_version = {SCHEMA_VERSION}")
    merged = dict(base)
    for key, value in data.items():
        if isinstance(value, dict) and isinstance(base.get(key), dict):
            merged[key] = {**base[key], **value}
        else:
            merged[key] = value
    if isinstance(data.get("actions"), dict) and isinstance(base.get("actions"), dict):
        # What the operator added comes first: a shipped action that fits as well does not take its place.
        own = {name: _over(base, name, value) for name, value in data["actions"].items()}
        added = {name: value for name, value in own.items() if name not in base["actions"]}
        merged["actions"] = {**added, **base["actions"], **own}
    return _rules(merged)


def _over(base: dict[str, Any], name: str, changes: Any) -> Any:
    shipped = base["actions"].get(name)
    return {**shipped, **changes} if isinstance(shipped, dict) and isinstance(changes, dict) else changes


def _rules(data: dict[str, Any]) -> Rules:
    _known(data, {"schema_version", "actions", "declared", "rerun"}, "policy.toml")
    actions = tuple(_action(name, table) for name, table in _table(data, "actions").items())
    declared = {name: frozenset(_texts(v, f"declared.{name}")) for name, v in _table(data, "declared").items()}
    _known(declared, {"services", "tasks", "projects"}, "[declared]")
    rerun = _table(data, "rerun")
    _known(rerun, {"forms", "local_files", "project"}, "[rerun]")
    by_program: dict[str, list[tuple[ActionType, Form]]] = {}
    for action in actions:
        for form in action.forms:
            for program in form.literals[0]:
                by_program.setdefault(program, []).append((action, form))
    return Rules(
        actions,
        declared,
        tuple(map(parse, _texts(rerun.get("forms", []), "rerun.forms"))),
        _truth(rerun.get("local_files", False), "rerun.local_files"),
        tuple(map(_opted_in, rerun.get("project", []))),
        "",
        {program: tuple(forms) for program, forms in by_program.items()},
    )


def _opted_in(table: Any) -> OptedIn:
    where = "[[rerun.project]]"
    if not isinstance(table, dict) or set(table) != {"folder", "command", "file", "sha256"}:
        raise ConfigurationError(f"{where} has folder, command, file and sha256, and nothing else")
    folder, file, digest = (str(table[key]) for key in ("folder", "file", "sha256"))
    if not folder.startswith("/") or not re.fullmatch(r"[0-9a-f]{64}", digest) or file.startswith("/"):
        raise ConfigurationError(f"{where} has a folder, file or sha256 that is none")
    return OptedIn(folder, tuple(_texts(table["command"], f"{where} command")), file, digest)


def _action(name: str, table: Any) -> ActionType:
    where = f"[actions.{name}]"
    if not isinstance(table, dict):
        raise ConfigurationError(f"{where} is not a table")
    _known(table, {*ActionType.__slots__} - {"name"}, where)
    named = frozenset(_texts(table.get("named", []), f"{where} named"))
    needs, render, declared = (str(table.get(key, "")) for key in ("needs", "render", "declared"))
    if (
        not named <= set(KINDS)
        or needs not in _NEEDS
        or render not in RENDERERS
        or declared not in {"", "services", "tasks"}
    ):
        raise ConfigurationError(f"{where} has a named, needs, render or declared that does not exist")
    flags = {
        key: _truth(table.get(key, key == "unattended"), where)
        for key in ("writes", "bounded", "network", "unattended")
    }
    forms = tuple(map(parse, _texts(table.get("forms"), f"{where} forms")))
    return ActionType(name, str(table.get("summary", name)), forms, named, declared, needs, render, **flags)


def _table(data: dict[str, Any], key: str) -> dict[str, Any]:
    value = data.get(key, {})
    if not isinstance(value, dict):
        raise ConfigurationError(f"{key} is not a table")
    return value


def _texts(value: Any, where: str) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ConfigurationError(f"{where} is not a list of texts")
    return value


def _truth(value: Any, where: str) -> bool:
    if not isinstance(value, bool):
        raise ConfigurationError(f"{where} has something else where true or false belongs")
    return value


def _known(data: dict[str, Any], names: set[str], where: str) -> None:
    unknown = sorted(set(data) - names)
    if unknown:
        raise ConfigurationError(f"{where} has an unknown key {unknown[0]!r:.40}")
