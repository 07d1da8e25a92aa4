"""Is what a fix brings missing, as anybody can see? Then it does not matter who said so.

A test runner, a compiler or an archiver may print what a hostile file told it to. That the folder for what it makes is
not there, or that the environment lacks a module which a file of the project imports, is looked at.
"""

from __future__ import annotations

from pathlib import Path

from meshcore.clock import from_text
from meshcore.healing.circumstances import failed_inside
from meshcore.healing.modules import missing_program_module, seen_missing
from meshcore.healing.products import missing_folders, unopened
from meshcore.healing.trailers import without_trailers
from meshcore.policy.question import PolicyVerdict, Question


def is_seen(question: Question, verdict: PolicyVerdict) -> bool:
    """Tell whether a fix brings just what the failed command lacks, by what is on disk."""
    incident = question.incident
    failed = failed_inside(incident.argv, incident.cwd, incident.environment, incident.excerpt)
    if verdict.action_type == "make_folder":
        redirected = unopened(incident)
        missing = redirected[1] if redirected else missing_folders(failed.one) if failed.one else frozenset()
        steps = question.match.action.steps
        made = [Path(question.cwd, word) for step in steps for word in step[1:] if not word.startswith("-")]
        return bool(missing) and all(any(_holds(folder, Path(one)) for one in missing) for folder in made)
    if verdict.action_type == "install_package" and failed.one and incident.signature.slots:
        name, python = incident.signature.slots[0].value, question.environment_python
        if missing_program_module(failed.one, python) == name:
            return True
        output = without_trailers(incident.excerpt, failed)
        return seen_missing(name, output, failed.one, python, from_text(incident.opened).timestamp())
    return False


def _holds(folder: Path, other: Path) -> bool:
    return folder == other or folder in other.parents
