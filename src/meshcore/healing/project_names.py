"""What a project's own files say of a package: its lock first, then what it asks for. Read, never executed.

Not all of it is tracked, and a project's text is like others: a person decides on what comes of it, unless policy knows
the name from elsewhere.
"""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from meshcore.home import read_plain_file
from meshcore.knowledge.well_known import normal

_LOCK_LIMIT: Final = 1 << 23  # bytes
_LIMIT: Final = 1 << 20
_REQUIREMENT: Final = re.compile(
    r"([A-Za-z0-9][A-Za-z0-9._-]{0,100})(?:\[[\w,. -]{0,100}\])?\s*(?:(==)\s*([A-Za-z0-9][A-Za-z0-9.+!]{0,40})"
    r"(?![\w.*])|[<>=!~;#@ ]|$)",
    re.ASCII,
)
_VERSION: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+!]{0,40}", re.ASCII)
_NODE_LOCKS: Final = (
    ("pnpm-lock.yaml", "pnpm"),
    ("yarn.lock", "yarn"),
    ("bun.lock", "bun"),
    ("bun.lockb", "bun"),
)
_ASKED: Final = ("dependencies", "devDependencies", "optionalDependencies", "peerDependencies")


def of_python(project: str, wanted: frozenset[str]) -> tuple[str, str, str]:
    """Return (name, version, file) of the first of the wanted packages that a project names, three times "" for none.

    `wanted` are names as the index compares them; the version is "" where the project pins none.
    """
    root = Path(project)
    files = ("uv.lock", "poetry.lock", "pdm.lock", "Pipfile.lock") if project else ()
    for name in files:
        for package, version in _locked(root / name):
            if normal(package) in wanted and _VERSION.fullmatch(version):
                return normal(package), version, name
    found = ("", "", "")
    for path in sorted([*root.glob("requirements*.txt"), root / "pyproject.toml"]) if project else ():
        for line in _asked(path):
            said = _REQUIREMENT.match(line)
            if said and normal(said[1]) in wanted:
                if said[3]:
                    return normal(said[1]), said[3], path.name
                found = found if found[0] else (normal(said[1]), "", path.name)
    return found


def _locked(path: Path) -> Iterator[tuple[str, str]]:
    try:
        text = read_plain_file(path, _LOCK_LIMIT).decode()
        data: Any = json.loads(text) if path.name == "Pipfile.lock" else tomllib.loads(text)
        if path.name == "Pipfile.lock":
            for group in ("default", "develop"):
                for name, one in data.get(group, {}).items():
                    yield str(name), str(one.get("version", "")).removeprefix("==")
        else:
            for one in data.get("package", []):
                yield str(one["name"]), str(one.get("version", ""))
    except (OSError, ValueError, KeyError, AttributeError, TypeError, RecursionError):
        return


def _asked(path: Path) -> list[str]:
    try:
        text = read_plain_file(path, _LIMIT).decode("ascii")
        if path.suffix != ".toml":
            return [line.strip() for line in text.replace("\\\n", "").splitlines()]
        data: Any = tomllib.loads(text)
        project = data.get("project", {})
        groups = [project.get("dependencies", []), *project.get("optional-dependencies", {}).values()]
        groups += data.get("dependency-groups", {}).values()
        return [one for group in groups for one in group if isinstance(one, str)]
    except (OSError, ValueError, AttributeError, TypeError, RecursionError):
        return []


def of_node(cwd: str, project: str, name: str) -> tuple[str, bool]:
    """Return the package manager of the nearest package.json, and whether that file asks for a module; "" for none."""
    folder = cwd
    while True:
        try:
            data = json.loads(read_plain_file(Path(folder, "package.json"), _LIMIT))
            asked = isinstance(data, dict) and any(name in (data.get(kind) or {}) for kind in _ASKED)
            locks = (manager for lock, manager in _NODE_LOCKS if os.path.lexists(f"{folder}/{lock}"))
            return next(locks, "npm"), asked
        except (OSError, ValueError, TypeError, RecursionError):
            pass
        if folder == project or not project or folder == os.path.dirname(folder):  # noqa: PTH120
            return "", False
        folder = os.path.dirname(folder)  # noqa: PTH120


def holds_module(cwd: str, project: str, name: str) -> bool:
    """Tell whether a module that is missing lies in the project itself, in its folders or one below them."""
    roots = dict.fromkeys((cwd, project or cwd))
    for root in roots:
        try:
            inner = [one.path for one in os.scandir(root) if one.is_dir() and not one.name.startswith(".")][:100]
        except OSError:
            inner = []
        for folder in (root, *inner):
            if "site-packages" not in folder and (Path(folder, f"{name}.py").is_file() or Path(folder, name).is_dir()):
                return True
    return False
