"""What a project's tracked lock file pins, installed by npm without running what the project or a package says.

npm gets nothing but the two files: a project with settings for npm of its own waits, and so does one whose lock names
another place than npm's own index, or a package that does its work in a script.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from meshcore.policy.argv_patterns import Found
from meshcore.policy.question import PlannedStep, Question
from meshcore.policy.renderers import Bounded, shortened
from meshcore.policy.tracked import as_tracked

_LIMIT: Final = 1 << 24  # bytes
OWN_INDEXES: Final = ("npmjs.org", "yarnpkg.com")
"""The domains of npm's own index and of the name under which yarn writes it into a lock."""
_INDEX: Final = re.compile(
    rf"https://registry\.(?:{'|'.join(map(re.escape, OWN_INDEXES))})/[A-Za-z0-9@%_.~/+-]{{1,400}}\.tgz", re.ASCII
)
_PLACE: Final = re.compile(r"(?:(?:^|/)node_modules/(?:@[a-z0-9~][\w.~-]*/)?[A-Za-z0-9~][\w.~-]*)+", re.ASCII)
_DIGEST: Final = re.compile(r"sha512-[A-Za-z0-9+/]{86}==", re.ASCII)
_SCRIPTS: Final = frozenset({"preinstall", "install", "postinstall", "preprepare", "prepublish"})
_ASKED: Final = ("dependencies", "devDependencies", "optionalDependencies")
_SETTINGS: Final = (".npmrc", "npm-shrinkwrap.json", "binding.gyp")
_OPTIONS: Final = ("--ignore-scripts", "--no-audit", "--no-fund", "--no-progress", "--no-update-notifier")
_MACHINES: Final = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64"}


class InstallFrozen(Bounded):
    """Has npm install what the lock pins, into a folder that is not there yet; as it is written, for a person."""

    def missing(self, found: Found, question: Question) -> Iterator[str]:
        """Yield why the project's lock is not installed unasked."""
        here = Path(question.cwd)
        for name in (name for name in _SETTINGS if os.path.lexists(here / name)):
            yield f"the project has a {name}"
        if os.path.lexists(here / "node_modules"):
            yield "node_modules is there already, and would be removed"
        if os.path.realpath(here) != os.path.normpath(here):
            yield "its folder leads through a link"
        said = [as_tracked(here / name, _LIMIT) for name in ("package.json", "package-lock.json")]
        if None in said:
            yield "package.json and package-lock.json are not both as git tracks them"
            return
        try:
            package, lock = (json.loads(text or b"") for text in said)
            yield from _doubts(package, lock)
        except (ValueError, TypeError, AttributeError, LookupError, RecursionError):
            yield "package-lock.json cannot be read"

    def bound(self, step: PlannedStep, found: Found, question: Question) -> PlannedStep:
        """Return npm's installation from the lock, with no settings but these, in this folder and no one above."""
        nobodys = ("--userconfig=/dev/null", "--globalconfig=/nonexistent", f"--prefix={question.cwd}")
        return replace(step, argv=(step.argv[0], "ci", *_OPTIONS, *nobodys), writable=(question.cwd,))


def _doubts(package: dict[str, Any], lock: dict[str, Any]) -> Iterator[str]:
    """Yield why a lock brings more than packages of npm's own index. Raises what a malformed one makes Python raise."""
    if lock["lockfileVersion"] not in (2, 3):
        yield "its lock is of an old kind"
    if package.get("workspaces") or not _SCRIPTS.isdisjoint(package.get("scripts", {})):
        yield "the project has workspaces, or scripts that belong to its installation"
    if any(package.get(kind, {}) != lock["packages"][""].get(kind, {}) for kind in _ASKED):
        yield "its lock does not fit package.json"
    for place, entry in lock["packages"].items():
        if place == "" or _is_for_others(entry):
            continue
        if not _PLACE.fullmatch(place) or entry.get("link"):
            yield f"{shortened(place)} is no package of an index"
        elif not _INDEX.fullmatch(entry.get("resolved", "")) or not _DIGEST.fullmatch(entry.get("integrity", "")):
            yield f"{shortened(place)} is not pinned to npm's own index"
        elif entry.get("hasInstallScript"):
            yield f"{shortened(place)} does a part of its work in a script"
        else:
            continue
        return


def _is_for_others(entry: dict[str, Any]) -> bool:
    """Say whether npm leaves a package out, because it is for another system or machine."""
    machine = os.uname().machine.lower()
    here = {"os": sys.platform, "cpu": _MACHINES.get(machine, machine)}
    said = {name: entry.get(name, []) for name in here}
    return bool(entry.get("optional")) and any(names and here[name] not in names for name, names in said.items())
