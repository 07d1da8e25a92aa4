"""Is what a fix brings missing, as anybody can see? Then it does not matter who said so.

A test runner, a compiler or an archiver may print what a hostile file told it to. That the folder for what it makes is
not there, that the environment lacks a module which a file of the project imports, or that a file is missing which the
command names and of which an example is tracked, is looked at; so is what a program of node asks for first thing, and
which branch git's current one would follow.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from meshcore.clock import from_text
from meshcore.healing.circumstances import failed_inside
from meshcore.healing.first_thing_of_node import Lack, lacks_first
from meshcore.healing.modules import missing_program_module, seen_missing
from meshcore.healing.places import Place
from meshcore.healing.products import missing_folders, unopened
from meshcore.healing.trailers import without_trailers
from meshcore.home import read_plain_file
from meshcore.policy.question import PolicyVerdict, Question
from meshcore.policy.upstream import own_upstream

_IN_C = frozenset({".c", ".cc", ".cpp", ".cxx", ".h", ".hpp"})
_INCLUDE = re.compile(r'[ \t]*#[ \t]*include[ \t]*"([\w./-]{1,200})"')
_LARGEST_SOURCE = 1 << 20  # bytes


def is_seen(question: Question, verdict: PolicyVerdict) -> bool:
    """Tell whether a fix brings just what the failed command lacks, by what is on disk."""
    incident = question.incident
    failed = failed_inside(incident.argv, incident.cwd, incident.environment, incident.excerpt)
    if failed.one and (lack := lacks_first(failed.one, from_text(incident.opened).timestamp())) is not None:
        return lack.is_said(incident) and _brings(lack, question, verdict)
    if verdict.action_type == "make_folder":
        redirected = unopened(incident)
        missing = redirected[1] if redirected else missing_folders(failed.one) if failed.one else frozenset()
        return bool(missing) and all(any(_holds(folder, Path(one)) for one in missing) for folder in _made(question))
    if verdict.action_type == "set_upstream" and failed.one and failed.one.argv[:2] == ("git", "pull"):
        return question.match.action.steps[-1][-1].rpartition("=")[2] == own_upstream(Path(question.cwd))
    if verdict.action_type == "make_environment":
        return failed.one is not None  # policy has looked: what the command calls or activates is in no such folder
    if verdict.action_type == "copy_example" and failed.one:
        return wants(failed.one, Path(question.cwd, question.match.action.steps[-1][-1]))
    if verdict.action_type == "install_package" and failed.one and incident.signature.slots:
        name, python = incident.signature.slots[0].value, question.environment_python
        if missing_program_module(failed.one, python) == name:
            return True
        output = without_trailers(incident.excerpt, failed)
        return seen_missing(name, output, failed.one, python, from_text(incident.opened).timestamp())
    return False


def _brings(lack: Lack, question: Question, verdict: PolicyVerdict) -> bool:
    """Tell whether a fix brings just what a program of node cannot get past."""
    if verdict.action_type == "make_folder":
        return lack.kind == "folder" and all(_holds(folder, Path(lack.path)) for folder in _made(question))
    if verdict.action_type == "copy_example":
        copied = os.path.normpath(Path(question.cwd, question.match.action.steps[-1][-1]))
        return lack.kind == "file" and os.path.realpath(copied) == os.path.realpath(lack.path)
    # What a lock brings is looked at by policy: nothing is taken from what was printed.
    return verdict.action_type == "install_frozen" and lack.kind == "package"


def _made(question: Question) -> list[Path]:
    steps = question.match.action.steps
    return [Path(question.cwd, word) for step in steps for word in step[1:] if not word.startswith("-")]


def wants(place: Place, file: Path) -> bool:
    """Tell whether a command names a file that is not there, or a source in C that includes it from its own folder."""
    wanted = os.path.normpath(file)
    if os.path.lexists(wanted):
        return False
    for word in place.argv[1:]:
        path = os.path.normpath(Path(place.cwd, word.rpartition("=")[2]))
        if path == wanted:
            return True
        if Path(path).suffix in _IN_C and wanted in _included(path):
            return True
    return False


def _included(source: str) -> Iterator[str]:
    try:
        lines = read_plain_file(Path(source), _LARGEST_SOURCE).decode("utf-8", "replace").splitlines()
    except (OSError, ValueError):
        return
    for line in lines:
        if found := _INCLUDE.match(line):
            yield os.path.normpath(Path(source).parent / found[1])


def _holds(folder: Path, other: Path) -> bool:
    return folder == other or folder in other.parents
