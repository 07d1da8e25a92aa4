"""A command that installs and is usually typed in another way, by what the installer, or its index, says of it."""

from __future__ import annotations

import re

from meshcore.healing.ground import Case, Change
from meshcore.knowledge.corrections import Correction
from meshcore.knowledge.slips import closest
from meshcore.knowledge.spelling import plain_spelling


def _in_an_environment(case: Case) -> Change | None:
    """The system's Python takes no packages from pip: an environment of the project's own does."""
    plain = plain_spelling(case.part)
    if "error: externally-managed-environment" not in case.output or plain[:2] != ("pip", "install"):
        return None
    if len(case.typed.parts) != 1 or case.ground.exists(f"{case.folder}/.venv"):
        return None
    front = ("python3", "-m", "venv", ".venv", "&&", ".", ".venv/bin/activate", "&&")
    return Correction("", (), front, front=True), "this Python is the system's own", " ".join((*front, *plain))


def _version_of_a_package(case: Case) -> Change | None:
    """Pip wants two signs in front of a version."""
    if "= is not a valid operator. Did you mean == ?" not in case.output:
        return None
    for part in case.typed.parts:
        for at, word in enumerate(part):
            if at and re.fullmatch(r"['\"]?[\w.-]{1,80}=\d[\w.]{0,30}['\"]?", word):
                return Correction(part[at - 1], (word,), (word.replace("=", "=="),)), "pip says so", ""
    return None


def _successor_of_a_package(case: Case) -> Change | None:
    """Apt knows which package came in the place of another."""
    found = re.search(
        r"However the following packages? replaces? it:\s+([a-z0-9][a-z0-9+.-]{1,60})[ \t]*$(?![\n]+ {2})",
        case.output,
        re.M,
    )
    old = re.findall(r"(?m)^Package ([a-z0-9][a-z0-9+.-]{1,60}) is not available", case.output)
    for part in case.typed.parts if found and len(old) == 1 else ():
        if found and old[0] in part and {"apt", "apt-get"} & set(part[:2]):
            at = part.index(old[0])
            return Correction(part[at - 1], (old[0],), (found[1],)), "apt names what came in its place", ""
    return None


_NO_PACKAGE = (
    ("imports", r"No matching distribution found for ([\w.-]{5,60})$"),
    ("imports", r"\bBecause ([\w.-]{5,60}) was not found in the package registry"),
    ("node", r"Couldn't find package \"([\w./@-]{5,60})\" on the \"npm\" registry"),
    ("node", r"'([\w./@-]{5,60})@[^'\n]{1,60}' (?:is not in this|could not be found in the npm) registry"),
    ("node", r"(?:^|[ :])([\w./@-]{5,60}) is not in the npm registry"),
)


def _package_without_slip(case: Case) -> Change | None:
    """An index has no package of that name, and one well-known package is called so but for a slip."""
    said = ((kind, re.search(text, case.output, re.M)) for kind, text in _NO_PACKAGE)
    kind, name = next(((kind, found[1]) for kind, found in said if found), ("", ""))
    for part in case.typed.parts if name else ():
        if name in part[2:]:
            from meshcore.knowledge.packs import pack
            from meshcore.knowledge.well_known import packages

            known = frozenset(packages().values()) if kind == "imports" else frozenset(pack("node"))
            meant = "" if name in known else closest(name, known)
            at = part.index(name, 2)
            why = f"no package is called `{name}`, a well-known one `{meant}`"
            return (Correction(part[at - 1], (name,), (meant,)), why, "") if meant else None
    return None


WAYS_OF_PACKAGES = (_version_of_a_package, _in_an_environment, _successor_of_a_package, _package_without_slip)
