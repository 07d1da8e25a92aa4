"""Which packages may be installed without anyone looking, and which name is made to be taken for another.

A name that an error or a peer has chosen may be a squatter's. So a package goes unattended only where an own node has
verified that very name, where it is the well-known package that holds the module which the error names, or where a
tracked file of a project names it that the operator has declared. A hostile project's own files are text like others.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Collection, Iterator
from functools import cache
from pathlib import Path

from meshcore.knowledge.parts import FORM
from meshcore.knowledge.spelling import plain_spelling
from meshcore.knowledge.well_known import distribution_of, normal, packages
from meshcore.policy.question import Question
from meshcore.policy.tracked import as_tracked

_LIMIT = 1 << 20  # bytes of a manifest
_SHORT = 4  # characters: names up to here are all near each other
_PIN = re.compile(r"==\s*([A-Za-z0-9][A-Za-z0-9.+!]{0,40})(?:\s+#.*|(?:\s+--hash=sha256:[0-9a-f]{64})+)?", re.ASCII)
_REQUIREMENT = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]{0,100})(?:\[[\w,. -]{0,100}\])?\s*(?:[<>=!~;#]|$)", re.ASCII)


def is_well_known(package: str) -> bool:
    """Say whether a package, by its name in the index, is a well-known one."""
    return normal(package) in packages().values()


def unknown(packages: Collection[str], question: Question, *, of_python: bool, projects: frozenset[str]) -> list[str]:
    """Return in words why each package that nobody stands behind waits.

    `of_python`: they come from Python's index, which alone the list is about; `projects`: folders whose tracked files
    the operator lets name packages.
    """
    reasons = []
    for package in packages:
        if _verified(package, question):
            continue
        _, pinned, version = package.partition("==")
        if of_python and not pinned and normal(package) in _meant(question):
            continue
        other = lookalike(package) if of_python else ""
        asked = of_python and not other and normal(package) + pinned + version in asked_for(question.project)
        if asked and os.path.realpath(question.project) in map(os.path.realpath, projects):
            continue
        if pinned and not asked:
            reasons.append(f"no node of yours has verified {package:.60}, in this version")
            continue
        reason = f"{package:.60} is no well-known package for this error, and no node of yours has verified it"
        if other:
            reason += f"; it looks like {other}, which is another package"
        elif asked:
            reason += f'; this project asks for it: write "{question.project}" under declared.projects in policy.toml'
        reasons.append(reason)
    return reasons


def is_meant(question: Question) -> bool:
    """Say whether a fix is nothing but the installation of the well-known package that holds what the error names."""
    steps = question.match.action.steps
    words = plain_spelling(steps[0]) if len(steps) == 1 else ()
    return len(words) == 3 and words[:2] == ("pip", "install") and normal(words[2]) == words[2] in _meant(question)


def lookalike(package: str) -> str:
    """Return the well-known package that a name may be taken for, "" where it is one itself or like none."""
    name = normal(package)
    every = _distributions()
    if name in every:
        return ""
    seen = _as_seen(name)
    if seen in every:
        return every[seen]
    near = (every.get(one, "") for one in _one_edit_away(seen)) if len(seen) > _SHORT else iter(())
    return next(filter(None, near), "")


def asked_for(project: str) -> frozenset[str]:
    """Return the packages that a project's own files name: those files only that are as git tracks them.

    One that is pinned to a version is there a second time, as `name==version`.
    """
    root = Path(project) if project else None
    if root is None:
        return frozenset()
    names: set[str] = set()
    for path in sorted([*root.glob("requirements*.txt"), root / "pyproject.toml"]):
        try:
            text = (as_tracked(path, _LIMIT) or b"").decode("ascii")
            lines = _of_pyproject(text) if path.suffix == ".toml" else text.replace("\\\n", "").splitlines()
        except ValueError:
            continue
        named = [found for line in lines if (found := _REQUIREMENT.match(line))]
        names |= {normal(found[1]) + version for found in named for version in ("", *_pin(found))}
    return frozenset(names)


def _pin(requirement: re.Match[str]) -> tuple[str, ...]:
    """Return `==version` where a requirement says that, and no marker or extra."""
    found = _PIN.fullmatch(requirement.string[requirement.end(1) :].strip())
    return (f"=={found[1]}",) if found else ()


def _verified(package: str, question: Question) -> bool:
    """Say whether this operator's nodes have verified this very name, as this skill has it or fills it in."""
    known = question.known
    if not known.own_operator or known.evidence.verified < 1:
        return False
    parts = {index: question.part(index) for index in known.skill.action.parameters()}
    filled = {index: value for index, value in parts.items() if value and value in package}
    return all(value in known.evidence.values.get(index % FORM, frozenset()) for index, value in filled.items())


def _meant(question: Question) -> set[str]:
    """Return the well-known packages that hold what the error names."""
    return {distribution_of(name.split(".")[0]) for name in question.named} - {""}


@cache
def _distributions() -> dict[str, str]:
    """Return the well-known packages, each under its name and under what it looks like."""
    every = set(packages().values())
    return {_as_seen(name): name for name in sorted(every)} | {name: name for name in every}


def _as_seen(name: str) -> str:
    """Return a name as a hasty reader takes it: no separators, digits as the letters that they look like."""
    return name.replace("-", "").translate(str.maketrans("013", "ole"))


def _one_edit_away(name: str) -> Iterator[str]:
    letters = "abcdefghijklmnopqrstuvwxyz"
    for at in range(len(name) + 1):
        head, tail = name[:at], name[at:]
        yield head + tail[1:]
        yield head + tail[1:2] + tail[:1] + tail[2:]
        for letter in letters:
            yield head + letter + tail
            yield head + letter + tail[1:]


def _of_pyproject(text: str) -> list[str]:
    project = tomllib.loads(text).get("project", {})
    optional = project.get("optional-dependencies", {}).values()
    return [one for group in (project.get("dependencies", []), *optional) for one in group if isinstance(one, str)]
