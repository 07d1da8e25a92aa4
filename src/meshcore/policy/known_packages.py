"""Which packages may be installed without anyone looking: well-known ones, and those that a project itself asks for.

A name that an error or a peer has chosen may be a squatter's; see also `renderers.InstallPackage`.
"""

from __future__ import annotations

import re
import tomllib
from functools import cache
from importlib import resources
from pathlib import Path

from meshcore.home import read_plain_file

_LIMIT = 1 << 20  # bytes of a manifest, or of git's index
_INDEX_LIMIT = 1 << 26
_REQUIREMENT = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]{0,100})(?:\[[\w,. -]{0,100}\])?\s*(?:[<>=!~;#]|$)", re.ASCII)


def normal(package: str) -> str:
    """Return a package's name as the index compares it, without a version."""
    return re.sub(r"[-_.]+", "-", package.partition("==")[0]).lower()


@cache
def _well_known() -> dict[str, str]:
    text = resources.files("meshcore.policy").joinpath("well_known.txt").read_text("ascii")
    pairs = (line.split() for line in text.splitlines() if not line.startswith("#"))
    return {pair[0]: pair[-1] if len(pair) > 1 else normal(pair[0]) for pair in pairs if pair}


def distribution_of(import_name: str) -> str:
    """Return the well-known package that holds a top-level module, "" where none is known."""
    return _well_known().get(import_name, "")


def is_well_known(package: str) -> bool:
    """Say whether a package, by its name in the index, is a well-known one."""
    return normal(package) in set(_well_known().values())


def asked_for(project: str) -> frozenset[str]:
    """Return the packages that a project's own files name, those files only that git tracks."""
    root = Path(project) if project else None
    if root is None:
        return frozenset()
    try:
        index = read_plain_file(root / ".git" / "index", _INDEX_LIMIT)
    except OSError:
        return frozenset()
    names: set[str] = set()
    for path in sorted([*root.glob("requirements*.txt"), root / "pyproject.toml"]):
        if path.name.encode() + b"\0" not in index:
            continue
        try:
            text = read_plain_file(path, _LIMIT).decode("ascii")
            lines = _of_pyproject(text) if path.suffix == ".toml" else text.splitlines()
        except (OSError, ValueError):
            continue
        names |= {normal(found[1]) for line in lines if (found := _REQUIREMENT.match(line))}
    return frozenset(names)


def _of_pyproject(text: str) -> list[str]:
    project = tomllib.loads(text).get("project", {})
    optional = project.get("optional-dependencies", {}).values()
    return [one for group in (project.get("dependencies", []), *optional) for one in group if isinstance(one, str)]
